"""What is missing or damaged in a real data set, file by file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from talking_heads.corpus.clip import Clip
from talking_heads.corpus.collection import Corpus
from talking_heads.errors import UserError
from talking_heads.files import shown


@dataclass(frozen=True, order=True)
class Problem:
    """One file and what is wrong with it.

    Parameters
    ----------
    path : str
        Relative to the root of the data set, with ``/``.
    what : str
        What is wrong, as a short phrase without a full stop: ``"no motion of this name"``.
    """

    path: str
    what: str

    def __str__(self) -> str:
        return f"{shown(self.path)}: {self.what}"


@dataclass(frozen=True, eq=False)
class Scan:
    """What a look at a real data set found; ``scan_vocaset``, ``scan_biwi`` and ``scan_beat``.

    Parameters
    ----------
    corpus : Corpus
        What opens; of no clips where there are none.
    disk_fps : float
        Frames a second in the files; `Corpus.fps` is that of the loaded motions.
    problems : tuple of Problem
        Sorted by path.
    notes : tuple of str
        What does not work for what is missing, and what else should be known, a sentence each.
    """

    corpus: Corpus
    disk_fps: float
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def clips(self) -> tuple[Clip, ...]:
        """The clips that open."""
        return self.corpus.clips


def phrase(error: UserError, path: Path) -> str:
    """Return the first line of an error about a file as a phrase for a `Problem`."""
    first = str(error).splitlines()[0]
    return first.removeprefix(f"{shown(path)} ").removeprefix(f"{shown(path)}: ").rstrip(".")


def problem_lines(problems: Sequence[Problem], most: int = 20) -> list[str]:
    """Return a line for each problem, the first `most` of them, and then how many more there are.

    Parameters
    ----------
    problems : sequence of Problem
        In the order of the lines.
    most : int
        No more lines than these; the last may tell a count.

    Returns
    -------
    list of str
    """
    lines = [str(problem) for problem in problems[:most]]
    if len(problems) > most:
        lines.append(f"and {len(problems) - most:,} more")
    return lines
