import numpy as np
import pytest
import torch

from talking_heads.course.checking import (
    Case,
    CheckFailed,
    Exercise,
    Mistake,
    check,
    same_as_package,
)
from talking_heads.course.progress import load_progress
from talking_heads.errors import UserError


def mean_over_frames(x):
    return x.mean(axis=0)


def cases(rng):
    yield Case("three frames", (rng.normal(size=(3, 4)) + 5,))
    yield Case("one frame", (rng.normal(size=(1, 4)) + 5,))


MISTAKES = (
    Mistake("sum", lambda x: x.sum(axis=0), "You added the frames up: divide by their number."),
    Mistake("last", lambda x: x[-1], "You returned the last frame, not the mean."),
)
CHECK = same_as_package(mean_over_frames, cases, MISTAKES, tolerance=1e-6, unit="m")


def verdict(answer):
    """Return the message with which an answer is rejected."""
    with pytest.raises(CheckFailed) as failure:
        CHECK(answer, np.random.default_rng(0))
    message = str(failure.value)
    assert message.count("\n") <= 2, "a message has three lines at most"
    return message


def test_right_answers_pass_however_they_are_written():
    def loop(x):
        total = np.zeros(x.shape[1])
        for row in x:
            total += row
        return total / len(x)

    for answer in (mean_over_frames, loop, lambda x: list(x.mean(0))):
        assert "2 inputs" in CHECK(answer, np.random.default_rng(1))


def test_a_torch_tensor_is_an_answer():
    CHECK(lambda x: torch.as_tensor(x).requires_grad_().mean(0), np.random.default_rng(0))


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.name)
def test_mistakes_of_the_table_are_named(mistake):
    assert verdict(mistake.answer) == mistake.message


def not_written(x):
    raise NotImplementedError()


@pytest.mark.parametrize("answer", [not_written, lambda x: ..., lambda x: NotImplemented])
def test_a_stub_is_told_from_a_mistake(answer):
    assert "Nothing is written here yet" in verdict(answer)


def changes_input(x):
    x += 1
    return x.mean(0) - 1


def stops_later(x):
    if len(x) == 1:
        raise IndexError("no second frame")
    return x.mean(0)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x: None, "return line"),
        (lambda x: "five", "a str"),
        (lambda x: 1j * x.mean(0), "complex"),
        (lambda x: [[1, 2], [3]], "array of numbers"),
        (lambda x: x.mean(0, keepdims=True), "only axes of length 1 differ"),
        (lambda x: x.mean(), "an axis too many"),
        (lambda x: x, "shape (3, 4); it should be (4,)"),
        (lambda x: 1000 * x.mean(0), "millimetres"),
        (lambda x: -x.mean(0), "wrong sign"),
        (lambda x: 2.5 * x.mean(0), "times 2.5"),
        (lambda x: x.mean(0) * np.nan, "not a finite number"),
        (lambda x: x.mean(0) + np.eye(4)[2], "at index (2,)"),
        (changes_input, "in place"),
        (stops_later, "IndexError: no second frame"),
        (lambda: 0, "TypeError"),
        (lambda x: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_common_mistakes_are_named_without_a_table(answer, words):
    assert words in verdict(answer)


def test_the_learners_own_line_is_shown():
    def answer(x):
        y = x.mean(0)
        return y.reshape(3, 3)

    message = verdict(answer)
    assert "The line: return y.reshape(3, 3)" in message


def test_transposed_axes_are_named():
    transposes = same_as_package(
        lambda x: x, lambda rng: [Case("a table", (rng.normal(size=(3, 4)),))], (), tolerance=1e-6
    )
    with pytest.raises(CheckFailed, match="other way round"):
        transposes(lambda x: x.T, np.random.default_rng(0))


@pytest.fixture
def toy(monkeypatch):
    exercise = Exercise("00.toy", "A toy", 1, CHECK, MISTAKES)
    monkeypatch.setattr("talking_heads.course.checks.find_exercise", lambda _id: exercise)
    return exercise


def test_check_prints_one_line_and_notes_the_pass(toy, capsys):
    check("00.toy", mean_over_frames)
    assert capsys.readouterr().out == (
        "00.toy passed: equal to the package's answer on 2 inputs.\n"
    )
    assert load_progress()["00.toy"].passed


def test_check_notes_a_failure_too(toy):
    with pytest.raises(CheckFailed):
        check("00.toy", lambda x: x)
    assert load_progress()["00.toy"].tries == 1
    assert not load_progress()["00.toy"].passed


def test_running_an_untouched_stub_is_no_try(toy):
    with pytest.raises(CheckFailed, match="Nothing is written"):
        check("00.toy", not_written)
    assert load_progress() == {}


@pytest.mark.parametrize("graded", [True, False])
def test_nothing_is_noted_when_asked_or_when_grading(toy, monkeypatch, graded):
    if graded:
        monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    check("00.toy", mean_over_frames, record=graded)
    assert load_progress() == {}


def test_a_result_in_place_of_the_function_is_explained(toy):
    with pytest.raises(CheckFailed, match="the function itself"):
        check("00.toy", np.zeros(3))


def test_a_failure_shows_its_message_and_no_traceback():
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    shown = []
    shell._showtraceback = lambda _type, _value, lines: shown.extend(lines)
    shell.run_cell(
        "from talking_heads.course.checking import CheckFailed\n"
        "raise CheckFailed('You used x instead of y.')"
    )
    assert len(shown) == 1
    assert shown[0].endswith("You used x instead of y.")


@pytest.mark.parametrize("name", ["00.nothing", "77.lip_aperture", "", "lip_aperture"])
def test_an_unknown_exercise_is_a_user_error(name):
    with pytest.raises(UserError, match="no exercise"):
        check(name, mean_over_frames)
