"""Which data set lies in a folder, by what is in it."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talking_heads.corpus.collection import Corpus
from talking_heads.corpus.real.headers import BadFile, npy_shape
from talking_heads.corpus.real.problems import Scan
from talking_heads.errors import UserError
from talking_heads.files import shown

COURSE_MANIFEST = "manifest.json"
VOCASET_WIDTH, BIWI_WIDTH = 5023 * 3, 23370 * 3
"""Numbers in a frame of ``vertices_npy/*.npy``: of 5,023 and of 23,370 vertices."""
RAW_VOCASET = ("data_verts.npy", "raw_audio_fixed.pkl", "subj_seq_to_idx.pkl")
NAMES = {
    "course": "a corpus of the course",
    "vocaset": "VOCASET in the layout of FaceFormer",
    "vocaset_raw": "VOCASET as it is downloaded",
    "biwi": "BIWI in the layout of CodeTalker",
    "beat": "BEAT as it is downloaded",
}
"""What each layout is."""

_WIDTHS = {VOCASET_WIDTH: "vocaset", BIWI_WIDTH: "biwi"}
_MOST_HEADERS = 20
_MOST_FOLDERS = 50
_PACKED = (".zip", ".gz", ".tar", ".tgz", ".7z", ".rar", ".bz2", ".xz")
_HINTS = (
    ("FLAME_masks.pkl", "vocaset"),
    ("templates/FLAME_sample.ply", "vocaset"),
    ("regions/lve.txt", "biwi"),
    ("regions/fdd.txt", "biwi"),
    ("templates/BIWI.ply", "biwi"),
)


@dataclass(frozen=True)
class _Look:
    """What a look into a folder found: a layout, or why there is none that can be read."""

    layout: str | None
    why: str = ""


def find_layout(path: str | Path) -> str:
    """Tell which data set lies in a folder.

    VOCASET and BIWI both keep their motion in ``vertices_npy/``; the width of an array tells them
    apart, or that of the templates where there is no motion.

    Parameters
    ----------
    path : str or Path
        The folder.

    Returns
    -------
    str
        ``"course"``, ``"vocaset"``, ``"vocaset_raw"``, ``"biwi"`` or ``"beat"``.

    Raises
    ------
    UserError
        That says what is there instead.
    """
    root = Path(path)
    try:
        if not root.is_dir():
            raise _no_folder(root)
        found = _look(root)
        layout = found.layout or _inner(root)
        if layout is not None:
            return layout
        below = _below(root)
        above = None if below else _above(root)
    except OSError as error:
        where = shown(error.filename or root)
        raise UserError(f"Cannot read {where}: {error.strerror or error}.") from error
    if below is not None:
        raise UserError(
            f"{shown(root)} is not a corpus, but {shown(below)} in it is.\nName that folder."
        )
    if above is not None:
        raise UserError(
            f"{shown(root)} is not a corpus, but a part of one.\nName {shown(above)} instead."
        )
    nothing = f"it holds no manifest.json, and nothing of VOCASET, BIWI or BEAT ({_contents(root)})"
    why = found.why or nothing
    raise UserError(
        f"{shown(root)} is not a corpus: {why}.\n"
        "How the files of each data set must lie is told in data/README.md."
    )


def _look(root: Path) -> _Look:
    if (root / COURSE_MANIFEST).is_file():
        return _Look("course")
    if any((root / name).is_file() for name in RAW_VOCASET):
        return _Look("vocaset_raw")
    widths = [*_motion_widths(root)] or [*_template_widths(root)]
    for _, width in widths:
        if width in _WIDTHS:
            return _Look(_WIDTHS[width])
    if widths:
        return _Look(None, _strange(*widths[0]))
    for name, layout in _HINTS:
        if (root / name).is_file():
            return _Look(layout)
    by_sound = _by_sound(root / "wav")
    if by_sound is not None:
        return _Look(by_sound)
    if _has_beat(root):
        return _Look("beat")
    if (root / "faces").is_dir() and (root / "rigid_scans").is_dir():
        return _Look(
            None, "it looks like BIWI as it was recorded, which is read only when prepared"
        )
    return _Look(None)


def _strange(where: str, width: int) -> str:
    if width in (51, 52):
        return f"{where} looks like BEAT cut by FaceDiffuser; the download itself is read"
    return (
        f"a frame of {where} has {width:,} numbers; those of VOCASET have {VOCASET_WIDTH:,}, "
        f"those of BIWI {BIWI_WIDTH:,}"
    )


def _inner(root: Path) -> str | None:
    """Return the layout of the one folder in `root` that published code calls by its name."""
    found = {
        layout
        for name, layout in (
            ("vocaset", "vocaset"),
            ("VOCASET", "vocaset"),
            ("BIWI", "biwi"),
            ("biwi", "biwi"),
        )
        if _look(root / name).layout == layout
    }
    return found.pop() if len(found) == 1 else None


def _visible(folder: Path) -> list[str]:
    """Return the names in a folder, sorted; none where it is no folder."""
    if not folder.is_dir():
        return []
    return sorted(name for name in os.listdir(folder) if name[0] != ".")  # noqa: PTH208


def _motion_widths(root: Path) -> Iterator[tuple[str, int]]:
    folder = root / "vertices_npy"
    names = [name for name in _visible(folder) if name.endswith(".npy")]
    for name in names[:_MOST_HEADERS]:
        width = _width(folder / name)
        if width is not None:
            yield f"vertices_npy/{name}", width


def _width(path: Path) -> int | None:
    """Return how many numbers a frame of an array has; None for a damaged file."""
    try:
        width = math.prod(npy_shape(path)[1:])
    except BadFile:
        return None
    return width if width > 1 else None


def _template_widths(root: Path) -> Iterator[tuple[str, int]]:
    if not (root / "templates.pkl").is_file():
        return
    from talking_heads.corpus.real.unpickle import load_pickle

    try:
        templates = load_pickle(root / "templates.pkl")
    except UserError:
        return
    if isinstance(templates, dict):
        for template in templates.values():
            if isinstance(template, np.ndarray):
                yield "templates.pkl", template.size
                return


def _by_sound(folder: Path) -> str | None:
    for name in _visible(folder)[:_MOST_HEADERS]:
        if name.startswith("FaceTalk_"):
            return "vocaset"
        if re.fullmatch(r"[FM][0-9]_e?[0-9]{2}\.wav", name):
            return "biwi"
    return None


def _has_beat(root: Path) -> bool:
    from talking_heads.corpus.real.beat_names import parse_name

    folders = [root, *(root / name for name in _visible(root) if (root / name).is_dir())]
    return any(
        name.lower().endswith((".json", ".wav")) and parse_name(Path(name).stem) is not None
        for folder in folders
        for name in _visible(folder)
    )


def _below(root: Path) -> Path | None:
    """Return the first folder in this one, or in one of its folders, that holds a data set."""
    folders = _folders(root)
    inner = [below for folder in folders for below in _folders(folder)]
    for folder in [*folders, *inner[:_MOST_FOLDERS]]:
        if _look(folder).layout is not None:
            return folder
    return None


def _folders(root: Path) -> list[Path]:
    paths = [root / name for name in _visible(root)[: _MOST_HEADERS * _MOST_FOLDERS]]
    return [path for path in paths if path.is_dir()][:_MOST_FOLDERS]


def _above(root: Path) -> Path | None:
    """Return the folder above if it holds a data set of which this folder is a part."""
    above = root.absolute().parent
    parts = ("vertices_npy", "wav", "templates", "regions", "audio", "motion")
    if root.absolute().name not in parts or _look(above).layout is None:
        return None
    return above


def _no_folder(path: Path) -> UserError:
    if path.suffix.lower() in _PACKED and path.is_file():
        return UserError(f"{shown(path)} is not unpacked.\nUnpack it, and name the folder.")
    what = "it is not a folder" if path.exists() else "there is no such folder"
    return UserError(
        f"{shown(path)} is not a corpus: {what}.\nBuild one with: talking-heads corpus build FOLDER"
    )


def _contents(root: Path) -> str:
    names = _visible(root)
    if not names:
        return "it is empty"
    packed = next((name for name in names if Path(name).suffix.lower() in _PACKED), None)
    if packed is not None:
        return f"{shown(packed[:60])} is not unpacked"
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"there is {shown(', '.join(name[:30] for name in names[:3]))}{more}"


def load_layout(root: Path, layout: str) -> Corpus:
    """Open a data set other than the course's.

    Parameters
    ----------
    root : Path
        Its folder.
    layout : str
        As `find_layout` told.

    Returns
    -------
    Corpus
        All of it, in its default form; the readers themselves have options.

    Raises
    ------
    UserError
        If it is the raw VOCASET, which must be converted first, or the reader refuses it.
    """
    if layout == "vocaset":
        from talking_heads.corpus.real.vocaset import load_vocaset

        return load_vocaset(root)
    if layout == "biwi":
        from talking_heads.corpus.real.biwi import load_biwi

        return load_biwi(root)
    if layout == "beat":
        from talking_heads.corpus.real.beat import load_beat

        return load_beat(root)
    raise _raw(root)


def scan_layout(root: Path, layout: str, *, thorough: bool = False) -> Scan:
    """Look for what is missing or damaged in a data set other than the course's.

    Parameters
    ----------
    root : Path
        Its folder.
    layout : str
        As `find_layout` told.
    thorough : bool
        Whether to read all files whole, and not only headers.

    Returns
    -------
    Scan

    Raises
    ------
    UserError
        If it is the raw VOCASET, which must be converted first.
    """
    if layout == "vocaset":
        from talking_heads.corpus.real.vocaset import scan_vocaset

        return scan_vocaset(root, thorough=thorough)
    if layout == "biwi":
        from talking_heads.corpus.real.biwi import scan_biwi

        return scan_biwi(root, thorough=thorough)
    if layout == "beat":
        from talking_heads.corpus.real.beat_scan import scan_beat

        return scan_beat(root, thorough=thorough)
    raise _raw(root)


def _raw(root: Path) -> UserError:
    return UserError(
        f"{shown(root)} holds VOCASET as it is downloaded.\n"
        f"Convert it once: talking-heads corpus convert {shown(root)} FOLDER"
    )
