"""What is missing or damaged in a download of BEAT."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talking_heads.corpus.lazy import SoundFile
from talking_heads.corpus.real.beat import (
    WINDOW_SECONDS,
    Index,
    Paired,
    corpus_of,
    index_files,
    relative,
    window_frames,
)
from talking_heads.corpus.real.beat_json import DISK_FPS, FPS, read_json
from talking_heads.corpus.real.beat_names import TYPES
from talking_heads.corpus.real.headers import BadFile
from talking_heads.corpus.real.problems import Problem, Scan, phrase
from talking_heads.errors import UserError

DRIFT = 0.5
"""Seconds by which sound and motion of a recording may differ before it is reported."""
KNOWN_TO_LACK = {9: (2, 8), 21: (1, 8)}
"""First and last of the sequences of type 0 that the download itself lacks, by the speaker."""

_PIECE = 60.0


@dataclass
class _Weights:
    """Counts of weights over many files."""

    all: int = 0
    outside: int = 0
    least: float = 0.0
    most: float = 0.0

    def add(self, values: np.ndarray, channels: int) -> None:
        self.all += len(values) * channels
        self.outside += int(((values < 0) | (values > 1)).sum())
        self.least = min(self.least, float(values.min()))
        self.most = max(self.most, float(values.max()))

    def told(self) -> list[str]:
        if not self.all:
            return []
        return [
            f"{self.outside:,} of {self.all:,} weights lie below 0 or above 1; the least is "
            f"{self.least:.3g}, the greatest {self.most:.3g}. They are read as they are."
        ]


def scan_beat(root: str | Path, *, thorough: bool = False) -> Scan:
    """Look for what is missing or damaged in a download of BEAT.

    Parameters
    ----------
    root : str or Path
        As for `talking_heads.corpus.real.beat.load_beat`.
    thorough : bool
        Whether to read every file whole, and not only headers.

    Returns
    -------
    Scan
        Its corpus holds what opens: windows of 10 s of English speeches (type 0).

    Raises
    ------
    UserError
        If there is no such folder.
    """
    folder = Path(root)
    index = index_files(folder, (0,))
    problems = index.missing + index.damaged
    good, weights = [], _Weights()
    for one in index.found:
        sound, motion = one.seconds
        if abs(sound - motion) > DRIFT:
            told = f"it lasts {sound:.1f} s, its motion {motion:.1f} s; the common part is used"
            problems.append(Problem(relative(one.sound, folder), told))
        bad = _damage(one, folder, weights, problems) if thorough else None
        if bad is None:
            good.append(one)
        else:
            problems.append(bad)
    corpus = corpus_of(folder, good, window_frames(WINDOW_SECONDS))
    notes = _notes(index, good, corpus.seconds) + weights.told()
    return Scan(corpus, float(DISK_FPS), tuple(sorted(problems)), tuple(notes))


def _damage(one: Paired, root: Path, weights: _Weights, problems: list[Problem]) -> Problem | None:
    """Read both files; return what makes them useless, and note what does not."""
    motion = relative(one.motion, root)
    try:
        found = read_json(one.motion)
    except BadFile as error:
        return Problem(motion, str(error))
    if len(found.values) < one.frames:
        return Problem(motion, "it is shorter than its end says")
    weights.add(found.values, found.channels)
    if found.gaps:
        start, length = max(found.gaps, key=lambda gap: gap[1])
        told = (
            f"it lacks {length:.2f} s of frames at {start:.1f} s"
            + (f", and others in {len(found.gaps) - 1} more places" if found.gaps[1:] else "")
            + "; the nearest stand for them"
        )
        problems.append(Problem(motion, told))
    try:
        at = 0.0
        while at < one.seconds[0]:
            SoundFile(one.sound, at, _PIECE).read()
            at += _PIECE
    except UserError as error:
        return Problem(relative(one.sound, root), phrase(error, one.sound))
    return None


def _notes(index: Index, good: Sequence[Paired], used: float) -> list[str]:
    notes = []
    if not good:
        return ["There is no recording with sound and motion, so nothing can be loaded."]
    whole = sum(one.frames for one in good) / FPS
    frames = window_frames(WINDOW_SECONDS)
    short = sum(one.frames < frames for one in good)
    notes.append(
        f"{len(good):,} recording{'s' if len(good) != 1 else ''}, cut into windows of "
        f"{WINDOW_SECONDS:g} s; "
        f"{(whole - used) / 60:.1f} of {whole / 60:.1f} min are left over at their ends"
        + (f". Too short for one window: {short:,}." if short else ".")
    )
    channels = Counter(one.channels for one in good)
    told = ", ".join(
        f"{count:,} with {number or 'unknown'}"
        for number, count in sorted(channels.items(), key=lambda item: item[0] or 0)
    )
    notes.append(f"Channels of the files: {told}.")
    if index.left_out:
        types = ", ".join(
            f"{n:,} of type {kind}" + (f" ({TYPES[kind]})" if kind < len(TYPES) else "")
            for kind, n in sorted(index.left_out.items())
        )
        notes.append(f"Left out are recordings that are no English speech: {types}.")
    notes.append(
        "The split is ours, 80/10/10 by recording: FaceDiffuser's is not public. "
        'load_beat(..., split_rule="authors") gives that of BEAT\'s authors.'
    )
    there = {(one.what.number, one.what.start) for one in index.found}
    for number in sorted({number for number, _ in there} & KNOWN_TO_LACK.keys()):
        start, end = KNOWN_TO_LACK[number]
        lost = [n for n in range(start, end + 1) if (number, n) not in there]
        if lost:
            notes.append(
                f"Speaker {number} lacks sequences {lost[0]} to {lost[-1]}: the download does too."
            )
    return notes
