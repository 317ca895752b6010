"""The checks, one module a notebook: ``nb00`` and so on, each with a tuple ``EXERCISES``.

A new notebook brings one module here and one master under ``exercises/``; nothing else needs to
know about it.
"""

from __future__ import annotations

import importlib
import pkgutil

from talking_heads.course.checking import Exercise
from talking_heads.errors import UserError


def numbers() -> tuple[str, ...]:
    """Return the numbers of the notebooks that have checks, in order: ``("00", ...)``."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name[2:] for name in names if name.startswith("nb") and name[2:].isdigit()))


def exercises_of(number: str) -> tuple[Exercise, ...]:
    """Return the exercises of a notebook.

    Parameters
    ----------
    number : str
        Two digits, ``"00"``.

    Raises
    ------
    UserError
        If that notebook has no exercises.
    """
    if number not in numbers():
        raise UserError(
            f"Notebook {number!r} has no exercises. There are some for: {', '.join(numbers())}."
        )
    module = importlib.import_module(f"{__name__}.nb{number}")
    exercises: tuple[Exercise, ...] = module.EXERCISES
    return exercises


def find_exercise(exercise_id: str) -> Exercise:
    """Return the exercise with this id, ``"00.lip_aperture"``.

    Raises
    ------
    UserError
        If there is none.
    """
    exercises = exercises_of(str(exercise_id).partition(".")[0])
    for exercise in exercises:
        if exercise.id == exercise_id:
            return exercise
    known = ", ".join(exercise.id for exercise in exercises)
    raise UserError(f"There is no exercise {exercise_id!r}. There are: {known}.")
