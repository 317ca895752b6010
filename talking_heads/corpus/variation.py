"""One take of a sentence: what differs when a person says the same again.

Nobody articulates twice alike. A take drifts between careful and careless articulation
(Lindblom's hyper- and hypoarticulation, 1990), lets the jaw or the lips do more of the opening
(motor equivalence), reaches its targets a few milliseconds early or late, and misses each by a
little. Closures are kept: they are enforced afterwards on the mesh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from talking_heads.corpus.style import Style
from talking_heads.corpus.viseme_segments import Segment
from talking_heads.corpus.visemes import PARAMETERS

DRIFT = 0.08
"""Size (standard deviation) of the drift of effort, as a share of the opening."""
DRIFT_LIMIT = 0.16
"""The drift never exceeds this share."""
DRIFT_SECONDS = 1.2
"""Time in seconds after which a drift has forgotten where it was."""
TRADE = 0.08
"""Size of the drift in how much of the opening the jaw does, as a share of it."""
JITTER = 0.005
"""Size (standard deviation) of the timing error of a target in seconds."""
JITTER_LIMIT = 0.010
"""Largest timing error in seconds."""
MISS = 0.08
"""Size (standard deviation) of the error of a target, as a share of it."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Take:
    """What one take changes.

    Attributes
    ----------
    shift : ndarray
        ``(segment,)`` seconds by which each target comes later.
    jaw : ndarray
        ``(segment,)`` factor on how far the jaw opens.
    lips : ndarray
        ``(segment,)`` factor on how far the lips open beside it.
    factor : ndarray
        ``(segment, parameter)`` factor on each target, in the order of `PARAMETERS`.
    press : ndarray
        ``(segment,)`` factor on how far the lips aim past each other in closures.
    """

    shift: Array
    jaw: Array
    lips: Array
    factor: Array
    press: Array


def plain_take(segments: Sequence[Segment]) -> Take:
    """Return the take that changes nothing."""
    one = np.ones(len(segments))
    return Take(0 * one, one, one, np.ones((len(segments), len(PARAMETERS))), one)


def _segment_drift(centres: Array, rng: np.random.Generator) -> Array:
    """Return noise of unit size that forgets over `DRIFT_SECONDS`, at increasing times."""
    draws = rng.normal(size=len(centres))
    keep = np.exp(-np.maximum(np.diff(centres, prepend=-np.inf), 0) / DRIFT_SECONDS)
    level, out = 0.0, np.empty(len(centres))
    for i, draw in enumerate(draws):
        level = keep[i] * level + np.sqrt(1 - keep[i] ** 2) * draw
        out[i] = level
    return np.clip(out, -2, 2)


def draw_take(segments: Sequence[Segment], style: Style, seed: int) -> Take:
    """Draw one take of a sentence.

    Parameters
    ----------
    segments : sequence of Segment
        In order of time.
    style : Style
        `Style.variation` scales all of it.
    seed : int
        Another seed, another take.

    Returns
    -------
    Take
        No target comes more than `JITTER_LIMIT` or a fifth of its segment early or late.
    """
    rng = np.random.default_rng([11, seed])
    n, size = len(segments), style.variation
    centres = np.array([segment.centre for segment in segments])
    limit = np.minimum(JITTER_LIMIT, [0.2 * (s.end - s.start) for s in segments])
    shift = np.clip(size * JITTER * rng.normal(size=n), -limit, limit)
    effort = np.clip(size * DRIFT * _segment_drift(centres, rng), -DRIFT_LIMIT, DRIFT_LIMIT)
    # The jaw opens the mouth about twice as far as the lips do, so the lips give way twice as much.
    trade = np.clip(size * TRADE * _segment_drift(centres, rng), -0.2, 0.2)
    miss = np.clip(rng.normal(size=(n, len(PARAMETERS))), -2.5, 2.5)
    press = np.clip(1 + 0.2 * size * rng.normal(size=n), 0.5, 1.6)
    return Take(
        shift,
        np.clip((1 + effort) * (1 + trade), 0.75, 1.25),
        (1 + effort) * (1 - 2 * trade),
        1 + np.clip(size * MISS * miss, -0.2, 0.2),
        press,
    )


def smooth_noise(frames: int, fps: float, seconds: float, rng: np.random.Generator) -> Array:
    """Draw smooth noise.

    Parameters
    ----------
    frames : int
        Number of frames.
    fps : float
        Frames a second.
    seconds : float
        Over about which it changes.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    ndarray
        ``(frame,)`` of mean 0 and unit size, over many draws.
    """
    margin = int(4 * seconds * fps) + 1
    sigma = seconds * fps
    noise = gaussian_filter1d(rng.normal(size=frames + 2 * margin), sigma, mode="wrap")
    # White noise through a Gaussian of width sigma keeps 1 / (2 sigma sqrt(pi)) of its variance.
    return noise[margin : margin + frames] * np.sqrt(2 * sigma * np.sqrt(np.pi))


@dataclass(frozen=True)
class Wander:
    """Slow motion round the mouth that nothing in the voice tells; each ``(frame,)``."""

    smile: Array
    side: Array
    corners: Array
    tilt: Array  # added to the asymmetry


def draw_wander(frames: int, fps: float, style: Style, seed: int | None) -> Wander:
    """Draw how the mouth wanders in one take; without a seed it keeps still."""
    if seed is None:
        still = np.zeros(frames)
        return Wander(still, still, still, still)
    rng = np.random.default_rng([12, seed])
    size = style.variation
    return Wander(
        0.045 * size * smooth_noise(frames, fps, 0.8, rng),
        0.025 * size * smooth_noise(frames, fps, 0.6, rng),
        0.30 * size * smooth_noise(frames, fps, 0.5, rng),
        0.06 * size * smooth_noise(frames, fps, 0.7, rng),
    )
