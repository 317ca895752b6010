"""Types of arguments, and how a command is added to a parser."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

Subparsers = argparse._SubParsersAction  # the name argparse has for what add_subparsers returns
LARGEST_SEED = 2**32 - 1
_LONGEST_TITLE = 120


def add_command(
    to: Subparsers[Any], name: str, run: Callable[[argparse.Namespace], int], text: str
) -> argparse.ArgumentParser:
    """Add a command to a parser.

    Parameters
    ----------
    to : argparse subparsers
        Where the command goes.
    name : str
        The word on the command line.
    run : callable
        Takes the options and returns the exit code.
    text : str
        One sentence of help.

    Returns
    -------
    ArgumentParser
        Of the command, for its arguments.
    """
    command: argparse.ArgumentParser = to.add_parser(name, help=text, description=text)
    command.set_defaults(run=run)
    return command


def seed(text: str) -> int:
    """Return a seed, 0 to `LARGEST_SEED`."""
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number <= LARGEST_SEED:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a seed; give a whole number from 0 to {LARGEST_SEED}"
        )
    return number


def positive(text: str) -> int:
    """Return a whole number above 0."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return number


def rate(text: str) -> float:
    """Return a speaking rate, 0.5 to 2."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.5 <= number <= 2.0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a rate; give a number from 0.5 to 2")
    return number


def hours(text: str) -> float:
    """Return a length of a corpus in hours, 0.75 to 20."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.75 <= number <= 20:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a length; give a number of hours from 0.75 to 20"
        )
    return number


def names(text: str) -> tuple[str, ...]:
    """Split names at commas; there is at least one."""
    found = tuple(name for name in (part.strip() for part in text.split(",")) if name)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} names nothing; give names with commas between")
    return found


def title(text: str) -> str:
    """Return the title of a page: one printable line that is not endless."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _LONGEST_TITLE else f"{line[: _LONGEST_TITLE - 3]}..."
