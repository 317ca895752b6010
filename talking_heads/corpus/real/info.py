"""What a data set of others holds, in words."""

from __future__ import annotations

from pathlib import Path

from talking_heads.corpus.collection import Corpus
from talking_heads.corpus.real.layouts import NAMES, RAW_VOCASET, find_layout, scan_layout
from talking_heads.corpus.real.problems import problem_lines
from talking_heads.errors import UserError
from talking_heads.files import shown

MOST_LINES = 20


def real_corpus_info(
    path: str | Path, *, thorough: bool = False, most_lines: int = MOST_LINES
) -> str:
    """Describe VOCASET, BIWI or BEAT in some lines.

    Parameters
    ----------
    path : str or Path
        The folder; its layout is found out.
    thorough : bool
        Whether to read all files whole, which takes minutes. Else only headers are read.
    most_lines : int
        So many missing or damaged files are named at most; the rest is counted.

    Returns
    -------
    str
        Clips, minutes and speakers of each split; the frame rate on disk and as loaded; vertices or
        coefficients and their unit; what does not work for what is missing; and what is missing or
        damaged, file by file.

    Raises
    ------
    UserError
        If there is no such data set.
    """
    root = Path(path)
    layout = find_layout(root)
    if layout == "course":
        raise UserError(f"{shown(root)} is a corpus of the course; corpus_info describes it.")
    if layout == "vocaset_raw":
        return _raw_info(root)
    scan = scan_layout(root, layout, thorough=thorough)
    corpus = scan.corpus
    lines = [
        f"{shown(root)}: {NAMES[layout]}",
        f"  {_many(len(corpus), 'clip')}, {corpus.seconds / 60:.1f} min, "
        f"{_many(len(corpus.speakers), 'speaker')}, "
        f"{_values(corpus)}, {_rates(corpus, scan.disk_fps)}",
    ]
    for split in corpus.splits:
        part = corpus.split(split)
        people = len({clip.speaker for clip in part})
        lines.append(
            f"  {split:12s} {len(part):6,d} {'clips' if len(part) != 1 else 'clip '} "
            f"{part.seconds / 60:8.1f} min {people:3d} speaker{'s' if people != 1 else ''}"
        )
    inside = {clip_id for ids in corpus.splits.values() for clip_id in ids}
    if corpus.splits and len(inside) < len(corpus):
        rest = len(corpus) - len(inside)
        lines.append(f"  {_many(rest, 'clip')} belong{'s' if rest == 1 else ''} to no split")
    lines += [f"  {note}" for note in scan.notes]
    read = "all files were read" if thorough else "only headers were read; --thorough reads all"
    if not scan.problems:
        return "\n".join([*lines, f"  nothing found missing or damaged ({read})"])
    files = "1 file is" if len(scan.problems) == 1 else f"{len(scan.problems):,} files are"
    lines.append(f"  {files} missing, damaged or odd ({read}):")
    return "\n".join(lines + [f"    {line}" for line in problem_lines(scan.problems, most_lines)])


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' if count != 1 else ''}"


def _values(corpus: Corpus) -> str:
    unit = f"unit {corpus.unit}" if corpus.unit else "no unit"
    if corpus.surface is not None:
        return f"{corpus.surface.vertices:,} vertices, {unit}"
    return f"52 coefficients, {unit}" if corpus.layout == "beat" else unit


def _rates(corpus: Corpus, on_disk: float) -> str:
    if on_disk == corpus.fps:
        return f"{corpus.fps:g} frames/s"
    return f"{corpus.fps:g} frames/s ({on_disk:g} on disk)"


def _raw_info(root: Path) -> str:
    """Tell which files of the raw VOCASET are there."""
    lines = [f"{shown(root)}: {NAMES['vocaset_raw']}"]
    for name in (*RAW_VOCASET, "templates.pkl"):
        file = root / name
        size = f"{file.stat().st_size / 1e6:,.1f} MB" if file.is_file() else "missing"
        lines.append(f"  {name:20s} {size}")
    lines.append(f"  Convert it once: talking-heads corpus convert {shown(root)} FOLDER")
    return "\n".join(lines)
