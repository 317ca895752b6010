"""Checks of exercises: take the learner's function, compare it, name the mistake.

An `Exercise` joins a check with a table of typical wrong answers. Most checks are made by
`same_as_package`, which runs the learner's function and the package's on the same inputs. Where
they differ, it looks for a row of the table that makes the same error on every input, and says
what that row says. The tests use the same table, so a row whose error goes unnoticed, or is
mistaken for another, fails them.
"""

from __future__ import annotations

import copy
import linecache
import os
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.course.progress import record_try

Answer = Callable[..., Any]
Array = NDArray[Any]


class CheckFailed(AssertionError):
    """A check that did not pass; the message names the mistake in plain words."""

    def _render_traceback_(self) -> list[str]:
        # IPython shows these lines in place of a traceback through our code, which would bury
        # the one thing that the learner needs to read.
        return [f"\x1b[31mNot yet.\x1b[0m {self}"]


class NotWritten(CheckFailed):
    """A check of a stub that nobody has touched yet, which is no try."""

    def __init__(self) -> None:
        super().__init__(
            "Nothing is written here yet.\n"
            "Replace the two lines from YOUR CODE HERE on by your own, then run the cell again."
        )


@dataclass(frozen=True)
class Mistake:
    """A typical wrong answer.

    Parameters
    ----------
    name : str
        Which mistake it is, in a few words.
    answer : callable
        A function that makes it; same arguments as the learner's.
    message : str
        What the learner reads: what went wrong and what to do, in at most three short lines.
    """

    name: str
    answer: Answer
    message: str


@dataclass(frozen=True)
class Exercise:
    """One exercise: its check, and the wrong answers that the check must name.

    Parameters
    ----------
    id : str
        Notebook number and name, ``"00.lip_aperture"``.
    title : str
        A few words for the progress report.
    points : int
        What it counts for in the graded release.
    check : callable
        ``check(answer, rng) -> str``: raises `CheckFailed`, or returns one sentence that says
        what was compared. ``rng`` is a `numpy.random.Generator`; other seeds give other inputs.
    mistakes : tuple of Mistake
        At least two.
    """

    id: str
    title: str
    points: int
    check: Callable[[Answer, np.random.Generator], str]
    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True)
class Case:
    """One input of a check.

    Parameters
    ----------
    name : str
        The input in a few words, as in "lips that touch"; it ends up in messages.
    arguments : tuple
        What the function is called with, by position.
    """

    name: str
    arguments: tuple[Any, ...]


def as_array(result: Any) -> Array:
    """Turn what a learner's function returned into an array of numbers.

    Raises
    ------
    CheckFailed
        If it returned nothing, or something that is not an array of numbers.
    """
    if result is None:
        raise CheckFailed("Your function returns nothing. Does it end in a return line?")
    if result is Ellipsis or result is NotImplemented:
        raise NotWritten
    if hasattr(result, "detach"):  # a torch tensor
        result = result.detach().cpu().numpy()
    try:
        array = np.asarray(result)
    except ValueError:
        array = np.asarray(None)
    if not (np.issubdtype(array.dtype, np.number) or array.dtype == np.bool_):
        raise CheckFailed(
            f"Your function returns a {type(result).__name__}; an array of numbers is wanted."
        )
    if np.iscomplexobj(array):
        raise CheckFailed("Your function returns complex numbers; real ones are wanted.")
    return array


def _shapes(arguments: Sequence[Any]) -> str:
    shapes = [str(tuple(value.shape)) for value in arguments if hasattr(value, "shape")]
    return f", for arrays of shape {', '.join(shapes)}" if shapes else ""


def call(answer: Answer, case: Case) -> Any:
    """Call the learner's function on copies of a case's arguments.

    Parameters
    ----------
    answer : callable
        The learner's function.
    case : Case
        The input.

    Returns
    -------
    object
        What the function returned.

    Raises
    ------
    CheckFailed
        If nothing is written yet, if the function stopped with an error, or if it changed its
        input.
    """
    arguments = copy.deepcopy(case.arguments)
    try:
        result = answer(*arguments)
    except NotImplementedError:
        raise NotWritten from None
    except CheckFailed:
        raise
    except Exception as error:
        # The innermost line of the learner's own function, not of a library below it.
        own = getattr(getattr(answer, "__code__", None), "co_filename", None)
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == own]
        line = linecache.getline(own, frames[-1].lineno or 0).strip() if own and frames else ""
        reason = (str(error).strip().splitlines() or [""])[0]
        raise CheckFailed(
            f"Your function stopped with {type(error).__name__}: {reason}\n"
            + (f"The line: {line}\n" if line else "")
            + f"The input was {case.name}{_shapes(case.arguments)}."
        ) from None
    for before, after in zip(case.arguments, arguments, strict=True):
        if isinstance(before, np.ndarray) and not np.array_equal(before, after, equal_nan=True):
            raise CheckFailed(
                "Your function changes its input in place, so the caller's data are lost.\n"
                "Make a new array instead: x = x + 1, not x += 1."
            )
    return result


def _equal(a: Array, b: Array, tolerance: float) -> bool:
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-4, atol=tolerance))


def _shape_message(found: Array, expected: Array, case: Case) -> str:
    wanted = f"it should be {expected.shape}" if expected.ndim else "one number is wanted"
    message = f"Your answer has shape {found.shape}; {wanted}{_shapes(case.arguments)}."
    if found.size == expected.size and found.squeeze().shape == expected.squeeze().shape:
        message += "\nThe numbers are as many as they should be: only axes of length 1 differ."
    elif found.ndim > 1 and found.shape[::-1] == expected.shape:
        message += "\nThe axes stand the other way round."
    elif found.ndim == 0:
        message += "\nIt is one number: has a sum or mean run over an axis too many?"
    return message


def _factor_message(found: list[Array], expected: list[Array], metres: bool) -> str | None:
    """Return a message if all answers are off by one common factor."""
    a = np.concatenate([np.ravel(x) for x in found]).astype(float)
    b = np.concatenate([np.ravel(x) for x in expected]).astype(float)
    largest = np.abs(b).max(initial=0.0)
    used = np.abs(b) > 0.01 * largest
    if largest == 0.0 or used.sum() < 2:
        return None
    factor = float(np.dot(a[used], b[used]) / np.dot(b[used], b[used]))
    if factor == 0.0 or not np.allclose(
        a, factor * b, rtol=1e-3, atol=abs(factor) * 1e-4 * largest
    ):
        return None
    if metres and np.isclose(factor, 1000, rtol=1e-3):
        return (
            "Your answer is 1000 times too large: it looks as if you returned millimetres.\n"
            "Divide by 1000."
        )
    if np.isclose(factor, -1, rtol=1e-3):
        return "Your answer has the right size and the wrong sign: turn the difference round."
    return f"Your answer is the right one times {factor:.4g}, on every input."


def _value_message(found: Array, expected: Array, case: Case, unit: str) -> str:
    # Truth values as numbers: they cannot be subtracted.
    found, expected = found.astype(float), expected.astype(float)
    if not np.isfinite(found).all():
        return f"Your answer is not a finite number (NaN or infinity) for {case.name}."
    where = np.unravel_index(int(np.argmax(np.abs(found - expected))), expected.shape)
    place = f" at index {tuple(int(i) for i in where)}" if where else ""
    unit = f" {unit}" if unit else ""
    return (
        f"For {case.name}{place}, your answer is {found[where]:.6g}{unit}; "
        f"the package's is {expected[where]:.6g}{unit}."
    )


def same_as_package(
    package: Answer,
    cases: Callable[[np.random.Generator], Iterable[Case]],
    mistakes: Sequence[Mistake],
    *,
    tolerance: float,
    unit: str = "",
) -> Callable[[Answer, np.random.Generator], str]:
    """Make a check that compares the learner's function with the package's.

    Parameters
    ----------
    package : callable
        The package's function, called with the same arguments.
    cases : callable
        ``cases(rng)`` gives the inputs: ordinary ones first, then random ones and edge cases.
    mistakes : sequence of Mistake
        The typical wrong answers.
    tolerance : float
        The largest difference that passes, in the unit of the answer.
    unit : str
        The unit of the answer, for messages; "m" also recognises answers in millimetres.

    Returns
    -------
    callable
        The ``check`` of an `Exercise`. In the order of what helps most, it names: a function
        not written yet, one that stops on the first input, a mistake of the table, one that
        stops on a later input, a wrong shape, a constant factor, the largest difference.
    """

    def check(answer: Answer, rng: np.random.Generator) -> str:
        inputs = list(cases(rng))
        found: list[Array | None] = []
        stopped: CheckFailed | None = None
        for case in inputs:
            try:
                found.append(as_array(call(answer, case)))
            except CheckFailed as failure:
                if not any(result is not None for result in found):
                    raise
                stopped = stopped or failure
                found.append(None)
        expected = [as_array(package(*copy.deepcopy(case.arguments))) for case in inputs]
        returned = [
            (case, a, b)
            for case, a, b in zip(inputs, found, expected, strict=True)
            if a is not None
        ]
        wrong = [row for row in returned if not _equal(row[1], row[2], tolerance)]
        if wrong:
            for mistake in mistakes:
                if all(_makes(mistake, case, result, tolerance) for case, result, _ in returned):
                    raise CheckFailed(mistake.message)
        if stopped is not None:
            raise stopped
        if wrong:
            for case, a, b in wrong:
                if a.shape != b.shape:
                    raise CheckFailed(_shape_message(a, b, case))
            if all(np.isfinite(a).all() for _, a, _ in returned):
                message = _factor_message(
                    [a for _, a, _ in returned], [b for _, _, b in returned], unit == "m"
                )
                if message:
                    raise CheckFailed(message)
            case, a, b = wrong[0]
            raise CheckFailed(_value_message(a, b, case, unit))
        return f"equal to the package's answer on {len(inputs)} inputs."

    return check


def _makes(mistake: Mistake, case: Case, result: Array, tolerance: float) -> bool:
    try:
        answer = as_array(mistake.answer(*copy.deepcopy(case.arguments)))
    except Exception:  # a mistake may well stop on an edge case; then it is not this one
        return False
    return _equal(result, answer, tolerance)


def check(exercise_id: str, answer: Answer, *, seed: int = 0, record: bool = True) -> None:
    """Check a learner's answer; print one line if it passes.

    Parameters
    ----------
    exercise_id : str
        For example ``"00.lip_aperture"``.
    answer : callable
        The learner's function itself, not what it returns.
    seed : int
        Chooses the random inputs.
    record : bool
        Whether to note the outcome in the progress file. nbgrader's runs are never noted, nor
        are those of a stub that nobody has touched.

    Raises
    ------
    CheckFailed
        With the mistake named, if the answer is wrong.
    UserError
        If there is no such exercise.
    """
    from talking_heads.course.checks import find_exercise

    exercise = find_exercise(exercise_id)
    record = record and "NBGRADER_EXECUTION" not in os.environ
    try:
        if not callable(answer):
            raise CheckFailed(
                "Hand over the function itself, without brackets after its name:\n"
                f'check("{exercise_id}", my_function)'
            )
        fact = exercise.check(answer, np.random.default_rng(seed))
    except CheckFailed as failure:
        if record and not isinstance(failure, NotWritten):
            record_try(exercise_id, passed=False)
        # From None: the learner sees the message and nothing of the machinery below.
        raise CheckFailed(str(failure)) from None
    if record:
        record_try(exercise_id, passed=True)
    print(f"{exercise_id} passed: {fact}")
