"""Every exercise of the course: solutions pass, stubs fail, wrong answers are named."""

import numpy as np
import pytest

from talking_heads.course import masters
from talking_heads.course.checking import CheckFailed, check
from talking_heads.course.checks import exercises_of, find_exercise, numbers
from talking_heads.course.exercises import solution_notebook, student_notebook

EXERCISES = [exercise for number in numbers() for exercise in exercises_of(number)]
WRONG = [(exercise, mistake) for exercise in EXERCISES for mistake in exercise.mistakes]
MASTERS = masters.master_paths()
each_master = pytest.mark.parametrize("master", MASTERS.values(), ids=lambda path: path.stem)
each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)


def run(notebook, stop_at_failure=True):
    """Run a notebook's code cells in order; return the names they define and the failures."""
    names, failures = {}, []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        try:
            exec(compile(cell.source, cell.id, "exec"), names)
        except CheckFailed as failure:
            if stop_at_failure:
                raise
            failures.append(str(failure))
    return names, failures


def test_every_notebook_with_checks_has_a_master_and_the_other_way_round():
    assert tuple(MASTERS) == numbers()


@each_master
def test_masters_have_no_faults(master):
    assert masters.lint_master(master) == []


@each_master
def test_solutions_pass_with_any_seed(master):
    names, _ = run(solution_notebook(master))
    for cell in masters.exercise_cells(masters.read_text_notebook(master)):
        _, exercise_id, function = masters.split_check(cell.source)
        for seed in range(5):
            check(exercise_id, names[function], seed=seed, record=False)


@each_master
def test_untouched_stubs_fail_every_check(master):
    _, failures = run(student_notebook(master), stop_at_failure=False)
    assert len(failures) == len(exercises_of(master.name[:2]))
    assert all("Nothing is written here yet" in failure for failure in failures)


@each_exercise
def test_every_check_knows_two_wrong_answers_at_least(exercise):
    assert len(exercise.mistakes) >= 2
    assert len({m.message for m in exercise.mistakes}) == len(exercise.mistakes)
    assert exercise.points > 0
    assert find_exercise(exercise.id) is exercise


@pytest.mark.parametrize(
    ("exercise", "mistake"), WRONG, ids=[f"{e.id}-{m.name.replace(' ', '_')}" for e, m in WRONG]
)
def test_wrong_answers_are_rejected_and_the_mistake_named(exercise, mistake):
    for seed in range(3):
        with pytest.raises(CheckFailed) as failure:
            exercise.check(mistake.answer, np.random.default_rng(seed))
        assert mistake.message in str(failure.value)
        assert str(failure.value).count("\n") <= 2


@each_exercise
@pytest.mark.parametrize("answer", [lambda *_: None, lambda *_: 0, lambda *_: "text", print])
def test_nonsense_is_rejected_in_plain_words(exercise, answer):
    with pytest.raises(CheckFailed) as failure:
        exercise.check(answer, np.random.default_rng(0))
    assert "Traceback" not in str(failure.value)
