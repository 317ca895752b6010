"""The course's part of the command line: ``exercises``, ``progress`` and ``course``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from talking_heads.commands.arguments import Subparsers, add_command, seed


def _run_exercises(options: argparse.Namespace) -> int:
    from talking_heads.course.exercises import make_copies

    copies = make_copies(
        options.kind,
        options.numbers,
        out=options.out,
        overwrite=options.overwrite,
        seed=getattr(options, "seed", None),
    )
    for copy in copies:
        print(copy)
    return 0


def _run_progress(options: argparse.Namespace) -> int:
    from talking_heads.course.report import progress_report

    print(progress_report())
    return 0


def _run_course_execute(options: argparse.Namespace) -> int:
    from talking_heads.course.notebooks import build_notebooks

    for built in build_notebooks(options.numbers):
        print(built)
    return 0


def _run_course_lint(options: argparse.Namespace) -> int:
    from talking_heads.course.notebooks import lint_course

    problems = lint_course()
    for problem in problems:
        print(problem)
    if not problems:
        print("The notebooks and exercises follow the course's rules.")
    return 1 if problems else 0


def add_course_commands(commands: Subparsers[Any]) -> None:
    """Add ``exercises``, ``progress`` and ``course``."""
    exercises = commands.add_parser("exercises", help="Make copies of the exercises.")
    kinds = exercises.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for kind, folder, text in (
        (
            "student",
            "student",
            "Make the copies to work in (never replaces one that you have edited).",
        ),
        ("solution", "solutions", "Make copies with the solutions in them."),
        ("release", "release", "Make an nbgrader course: points, locked tests, hidden tests."),
    ):
        command = add_command(kinds, kind, _run_exercises, text)
        command.set_defaults(kind=kind)
        command.add_argument(
            "numbers", nargs="*", metavar="NN", help="notebook numbers, as 00 (all)"
        )
        command.add_argument(
            "--out", type=Path, help=f"the folder to write to (default: exercises/{folder})"
        )
        command.add_argument("--overwrite", action="store_true", help="replace edited copies too")
        if kind == "release":
            command.add_argument("--seed", type=seed, help="chooses the hidden tests' inputs")

    add_command(commands, "progress", _run_progress, "Show which exercise checks have passed.")

    course = commands.add_parser("course", help="For authors: build and check the notebooks.")
    tasks = course.add_subparsers(title="commands", metavar="COMMAND", required=True)
    execute = add_command(
        tasks, "execute", _run_course_execute, "Build notebooks from their sources and run them."
    )
    execute.add_argument("numbers", nargs="*", metavar="NN", help="notebook numbers, as 00 (all)")
    add_command(tasks, "lint", _run_course_lint, "Check notebooks and exercise masters for faults.")
