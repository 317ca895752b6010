"""One sentence by two people: which sound belongs to which, and stretching one to the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face import Motion
from talking_heads.speech import Phoneme, phoneme_classes

Pairs = NDArray[np.float64]

_SKIP = 0.7  # cost of a sound that only one of the two makes
_KINDS = ("pause", "vowel", "consonant")


def _unlike(a: str, b: str) -> float:
    """Return how unlike two sounds are: 0 for the same, above two skips for other kinds."""
    if a == b:
        return 0.0
    first, second = phoneme_classes(a), phoneme_classes(b)
    if any((kind in first) != (kind in second) for kind in _KINDS):
        return 3.0
    return 1.0 - len(first & second) / max(len(first | second), 1)


def matched_sounds(a: Sequence[Phoneme], b: Sequence[Phoneme]) -> list[tuple[int, int]]:
    """Match the sounds of two recordings of one sentence in order, at the least cost.

    Accents and engines differ in some sounds, so a few may find no partner. The cheapest way is
    found as for the edit distance between two words (Wagner and Fischer, 1974).

    Parameters
    ----------
    a, b : sequence of Phoneme
        In order of time.

    Returns
    -------
    list of tuple of int
        Pairs of positions, rising in both.
    """
    cost = np.zeros((len(a) + 1, len(b) + 1))
    cost[:, 0] = _SKIP * np.arange(len(a) + 1)
    cost[0] = _SKIP * np.arange(len(b) + 1)
    for i, first in enumerate(a, start=1):
        for j, second in enumerate(b, start=1):
            both = cost[i - 1, j - 1] + _unlike(first.symbol, second.symbol)
            cost[i, j] = min(both, cost[i - 1, j] + _SKIP, cost[i, j - 1] + _SKIP)
    pairs = []
    i, j = len(a), len(b)
    while i and j:
        both = cost[i - 1, j - 1] + _unlike(a[i - 1].symbol, b[j - 1].symbol)
        if np.isclose(cost[i, j], both):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif np.isclose(cost[i, j], cost[i - 1, j] + _SKIP):
            i -= 1
        else:
            j -= 1
    return pairs[::-1]


def time_pairs(a: Sequence[Phoneme], b: Sequence[Phoneme]) -> Pairs:
    """Return moments that belong together in two recordings of one sentence.

    Parameters
    ----------
    a, b : sequence of Phoneme
        In order of time.

    Returns
    -------
    ndarray
        ``(n, 2)`` seconds in `a` and in `b`, both rising: where matched sounds begin, and the end.

    Raises
    ------
    UserError
        If one of them has no phonemes, or no sound of one matches any of the other.
    """
    if not (a and b):
        raise UserError("Both recordings need phonemes with their times.")
    rows = [(0.0, 0.0)]
    rows += [(a[i].start, b[j].start) for i, j in matched_sounds(a, b) if a[i].symbol]
    if len(rows) == 1:
        raise UserError("These recordings have no sound in common: are they of one sentence?")
    rows.append((a[-1].end, b[-1].end))
    kept = rows[:1]
    for row in rows[1:]:
        if row[0] > kept[-1][0] + 1e-3 and row[1] > kept[-1][1] + 1e-3:
            kept.append(row)
    return np.array(kept)


def in_step(motion: Motion, own: Sequence[Phoneme], led: Sequence[Phoneme], frames: int) -> Motion:
    """Stretch a motion, sound by sound, so that it fits another recording of the sentence.

    It is then no recording any more: it shows one person's positions at another one's times.

    Parameters
    ----------
    motion : Motion
        To be stretched.
    own : sequence of Phoneme
        Its own sounds.
    led : sequence of Phoneme
        Those of the recording that it should fit.
    frames : int
        Length of the result.

    Returns
    -------
    Motion
        Of the same kind, face and frame rate, linearly interpolated between frames.

    Raises
    ------
    UserError
        As `time_pairs`, or if there are no frames.
    """
    if frames < 1:
        raise UserError("At least one frame is needed.")
    theirs, mine = time_pairs(led, own).T
    place = np.interp(np.arange(frames) / motion.fps, theirs, mine) * motion.fps
    place = np.clip(place, 0, len(motion) - 1)
    before = np.floor(place).astype(int)
    after = np.minimum(before + 1, len(motion) - 1)
    share = (place - before).reshape(-1, *[1] * (motion.values.ndim - 1))
    values = motion.values[before] * (1 - share) + motion.values[after] * share
    return dataclasses.replace(motion, values=values, head_rotation=None)
