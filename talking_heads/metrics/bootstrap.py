"""How far a figure would vary with other clips, seeds or speakers.

The percentile bootstrap: draw anew, with replacement, what the figure was computed from, compute it
again, and take the middle 95 % of many such values. What is drawn decides what the interval means:

- clips: other sentences of the same people;
- clips and seeds: the same, and other samples of a model that draws at random;
- speakers: other people. Clips of one person resemble each other, so an interval over clips alone
  is too narrow for a claim about new voices.

An interval over seeds alone says only how random the sampler is. DiffSpeaker prints 4.5556 +-
9.4e-7 for BIWI, from ten seeds and always the same 24 clips.

With fewer than about ten speakers even the last is too narrow, for no method can learn how people
differ from two of them.

Figures are ratios of sums, so all of it works on rows of a numerator and a denominator.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from talking_heads.errors import UserError

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
Over = Literal["clips", "clips and seeds", "speakers"]

DRAWS = 1000
"""How often to draw by default."""
LEVEL = 0.95
"""Of an interval: the share of the draws within it."""
_BLOCK = 4_000_000


def clip_weights(clips: int, draws: int = DRAWS, seed: int = 0) -> Ints:
    """Return how often each clip is drawn.

    Parameters
    ----------
    clips, draws, seed : int
        How many clips, how many draws, and their seed.

    Returns
    -------
    ndarray of int64
        ``(draw, clip)``; each row adds up to `clips`.
    """
    rng = np.random.default_rng(seed)
    return rng.multinomial(clips, np.full(clips, 1 / clips), draws)


def _within(rng: np.random.Generator, times: Ints, size: int) -> Ints:
    """Draw `size` of `size` things, as often as `times` says; returns how often each came."""
    return rng.multinomial(times * size, np.full(size, 1 / size))


def _blocks(draws: int, width: int) -> Iterator[int]:
    step = max(1, _BLOCK // max(1, width))
    for start in range(0, draws, step):
        yield min(step, draws - start)


def bootstrap_values(
    rows: ArrayLike,
    over: Over = "clips",
    *,
    speakers: Sequence[str] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Doubles:
    """Return a figure computed from many draws.

    Parameters
    ----------
    rows : array_like
        ``(clip, seed, 2)`` or ``(clip, 2)``: numerators and denominators. The figure is the sum of
        all numerators divided by the sum of all denominators. For a mean of clips, all
        denominators are 1.
    over : {"clips", "clips and seeds", "speakers"}
        What is drawn. "clips": clips, each with all its seeds. "clips and seeds": clips, and within
        each drawn clip its seeds. "speakers": speakers, within each drawn one their clips, and
        within these their seeds.
    speakers : sequence of str, optional
        Whose each clip is; needed for "speakers".
    draws, seed : int
        How many draws, and their seed.

    Returns
    -------
    ndarray
        ``(draws,)``; NaN where the drawn denominators add up to 0.

    Raises
    ------
    UserError
        If there are no rows, or speakers are missing.
    """
    values = np.asarray(rows, dtype=np.float64)
    if values.ndim == 2:
        values = values[:, None]
    if values.ndim != 3 or values.shape[2] != 2 or not values.size:
        raise UserError(f"Rows of shape {np.shape(rows)} cannot be drawn from: (clip, seed, 2).")
    clips, seeds, _ = values.shape
    if over == "clips":
        sums = clip_weights(clips, draws, seed) @ values.sum(1)
    elif over == "clips and seeds":
        rng = np.random.default_rng(seed)
        parts = []
        for count in _blocks(draws, clips * seeds):
            picked = rng.multinomial(clips, np.full(clips, 1 / clips), count)
            parts.append(np.tensordot(_within(rng, picked, seeds), values, 2))
        sums = np.concatenate(parts)
    elif over == "speakers":
        if speakers is None or len(speakers) != clips:
            raise UserError(f"A bootstrap over speakers needs to know whose the {clips} clips are.")
        people = list(dict.fromkeys(speakers))
        own = [values[[name == who for name in speakers]] for who in people]
        rng = np.random.default_rng(seed)
        parts = []
        for count in _blocks(draws, max(len(v) for v in own) * seeds):
            drawn = rng.multinomial(len(people), np.full(len(people), 1 / len(people)), count)
            total = np.zeros((count, 2))
            for place, theirs in enumerate(own):
                picked = _within(rng, drawn[:, place], len(theirs))
                total += np.tensordot(_within(rng, picked, seeds), theirs, 2)
            parts.append(total)
        sums = np.concatenate(parts)
    else:
        raise UserError(f'over is "clips", "clips and seeds" or "speakers", not {over!r}.')
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums[:, 0] / sums[:, 1])


def bootstrap_interval(
    rows: ArrayLike,
    over: Over = "clips",
    *,
    speakers: Sequence[str] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    level: float = LEVEL,
) -> tuple[float, float] | None:
    """Return within which bounds a figure lies in most draws.

    Parameters
    ----------
    rows, over, speakers, draws, seed
        As in `bootstrap_values`.
    level : float
        Share of the draws within the bounds.

    Returns
    -------
    (float, float) or None
        None if there is only one clip (or, over speakers, one speaker): nothing varies then, and
        an interval of no width would look like certainty.

    Raises
    ------
    UserError
        As `bootstrap_values`, and if `level` is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise UserError(f"An interval's level lies between 0 and 1, not at {level}.")
    values = bootstrap_values(rows, over, speakers=speakers, draws=draws, seed=seed)
    known = values[np.isfinite(values)]
    units = len(np.asarray(rows)) if over != "speakers" else len(set(speakers or ()))
    if units < 2 or not len(known):
        return None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
