"""One take of a sentence: what differs when a person says the same again.

Nobody articulates twice alike. A take drifts between careful and careless articulation
(Lindblom's hyper- and hypoarticulation, 1990), reaches its targets a few milliseconds early or
late, and misses each by a little. Closures are kept: they are enforced afterwards on the mesh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talking_heads.corpus.style import Style
from talking_heads.corpus.viseme_segments import Segment
from talking_heads.corpus.visemes import PARAMETERS

DRIFT = 0.05
"""Size (standard deviation) of the drift of effort, as a share of the targets."""
DRIFT_LIMIT = 0.10
"""The drift never exceeds this share."""
DRIFT_SECONDS = 1.2
"""Time in seconds after which the drift has forgotten where it was."""
JITTER = 0.004
"""Size (standard deviation) of the timing error of a target in seconds."""
JITTER_LIMIT = 0.010
"""Largest timing error in seconds."""
MISS = 0.06
"""Size (standard deviation) of the error of a target, as a share of it."""


@dataclass(frozen=True)
class Take:
    """What one take changes.

    Attributes
    ----------
    shift : ndarray
        ``(segment,)`` seconds by which each target comes later.
    gain : ndarray
        ``(segment,)`` factor on how far the mouth opens.
    factor : ndarray
        ``(segment, parameter)`` factor on each target, in the order of `PARAMETERS`.
    press : ndarray
        ``(segment,)`` factor on how far the lips aim past each other in closures.
    """

    shift: NDArray[np.float64]
    gain: NDArray[np.float64]
    factor: NDArray[np.float64]
    press: NDArray[np.float64]


def plain_take(segments: Sequence[Segment]) -> Take:
    """Return the take that changes nothing."""
    n = len(segments)
    return Take(np.zeros(n), np.ones(n), np.ones((n, len(PARAMETERS))), np.ones(n))


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
        Its timing errors are at most `JITTER_LIMIT` and a fifth of the segment; its drift is at
        most `DRIFT_LIMIT`, both before `Style.variation`.
    """
    rng = np.random.default_rng([11, seed])
    n, size = len(segments), style.variation
    limit = np.minimum(JITTER_LIMIT, [0.2 * (s.end - s.start) for s in segments])
    shift = size * np.clip(JITTER * rng.normal(size=n), -limit, limit)
    shift = np.clip(shift, -JITTER_LIMIT, JITTER_LIMIT)

    draws = rng.normal(size=n)
    drift, level, before = np.empty(n), draws[0] if n else 0.0, 0.0
    for i, segment in enumerate(segments):
        keep = np.exp(-max(segment.centre - before, 0.0) / DRIFT_SECONDS) if i else 0.0
        level = keep * level + np.sqrt(1 - keep**2) * draws[i]
        drift[i], before = level, segment.centre
    gain = 1 + size * np.clip(DRIFT * drift, -DRIFT_LIMIT, DRIFT_LIMIT)

    miss = np.clip(rng.normal(size=(n, len(PARAMETERS))), -2.5, 2.5)
    press = 1 + size * 0.15 * np.clip(rng.normal(size=n), -2, 2)
    return Take(shift, gain, 1 + size * MISS * miss, np.clip(press, 0.4, 1.6))
