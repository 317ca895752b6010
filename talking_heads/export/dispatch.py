"""The suffix of a file decides what is written into it."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talking_heads.corpus.heads import Head
from talking_heads.errors import UserError
from talking_heads.export.arrays import write_npz
from talking_heads.export.page import write_html
from talking_heads.face.alive import enliven
from talking_heads.files import check_target, shown

if TYPE_CHECKING:
    from talking_heads.face import Face
    from talking_heads.face.motion import Motion

SUFFIXES = {".html": "a page with sound and head", ".npz": "arrays"}
"""Suffixes that `write_motion` knows, and what each one means."""


def check_output(path: str | PathLike[str], *, inputs: Sequence[str | PathLike[str]] = ()) -> Path:
    """Check that `write_motion` can write this file; cheap, for use before long work.

    Parameters
    ----------
    path : path
        The file to write.
    inputs : sequence of path, optional
        Files that are read, and therefore must not be overwritten.

    Raises
    ------
    UserError
        If the suffix is unknown, the folder does not exist, the path is a folder, or it is one
        of the inputs.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        known = ", ".join(f"{name} ({what})" for name, what in SUFFIXES.items())
        raise UserError(f'Cannot write "{shown(path)}": its suffix must be one of {known}.')
    target = check_target(path)
    for source in inputs:
        if target.exists() and Path(source).exists() and target.samefile(source):
            raise UserError(f"{shown(target)} is the input; give another name for the output.")
    return target


def write_motion(
    path: str | PathLike[str],
    motion: Motion,
    audio: Any = None,
    *,
    face: Face | Head | None = None,
    title: str | None = None,
    alive: bool = False,
) -> None:
    """Write a motion as the suffix of the path says: ``.html`` or ``.npz``.

    Parameters
    ----------
    path, motion, audio, face, title
        As in `write_html` and `write_npz`; arrays hold neither audio nor title.
    alive : bool
        Add the blinks, gaze and motion of the head that the motion lacks: a page begins with them
        switched on, arrays hold them. The mesh of another data set has neither lids nor a neck
        that could turn, and stays as it is.

    Raises
    ------
    UserError
        As `check_output`, `write_html` and `write_npz` do.
    """
    target = check_output(path)
    if target.suffix.lower() == ".npz":
        if alive and not isinstance(face, Head):
            motion = enliven(motion, face=face)
        write_npz(target, motion, face=face)
    else:
        write_html(target, motion, audio, face=face, title=title, alive=alive)
