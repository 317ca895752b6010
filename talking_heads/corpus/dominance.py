"""Dominance functions: how neighbouring sounds share the mouth.

Each segment has, for each parameter, a function of time that says how much it dominates. The value
of the parameter is the mean of the targets weighted by dominance:

    D(t) = alpha * exp(-theta * max(|t - c| - 0.6 h, 0)),    value(t) = sum(D T) / sum(D)

with c the centre of the segment and h half its length (Cohen and Massaro 1993, with a plateau).
Slow speech reaches its targets; in fast speech the functions overlap more, and vowels undershoot.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

REACH_BEFORE = 0.075
"""Seconds before the plateau at which dominance has fallen to a tenth."""
REACH_AFTER = 0.085
"""Seconds after the plateau at which dominance has fallen to a tenth."""
REACH_ROUNDING = 0.130
"""As `REACH_BEFORE`, for lip rounding, which is prepared earlier."""
PLATEAU = 0.6
"""Share of a segment's half length over which dominance stays at its peak."""

_LOG_TENTH = math.log(10.0)
_FLOOR = 1e-6


def dominance(
    time: NDArray[np.float64],
    centre: NDArray[np.float64],
    half: NDArray[np.float64],
    alpha: NDArray[np.float64],
    before: NDArray[np.float64] | float = REACH_BEFORE,
    after: NDArray[np.float64] | float = REACH_AFTER,
) -> NDArray[np.float64]:
    """Evaluate the dominance functions of some segments.

    Parameters
    ----------
    time : ndarray
        ``(frame,)`` seconds.
    centre, half, alpha : ndarray
        ``(segment,)`` middle and half length in seconds, and peak.
    before, after : ndarray or float
        ``(segment,)`` or one for all: seconds outside the plateau at which the function is a
        tenth of its peak.

    Returns
    -------
    ndarray
        ``(frame, segment)``.
    """
    offset = time[:, None] - centre[None, :]
    outside = np.maximum(np.abs(offset) - PLATEAU * half[None, :], 0.0)
    reach = np.where(offset < 0, np.broadcast_to(before, centre.shape), after)
    return alpha * np.exp(-_LOG_TENTH / reach * outside)


def blend(
    weights: NDArray[np.float64],
    targets: NDArray[np.float64],
    alpha: NDArray[np.float64] | float = 1.0,
) -> NDArray[np.float64]:
    """Return the mean of the targets weighted by dominance.

    Parameters
    ----------
    weights : ndarray
        ``(frame, segment)`` from `dominance`.
    targets : ndarray
        ``(segment,)``.
    alpha : ndarray or float
        ``(segment,)`` further factors on the weights. Several parameters can share the costly
        part of their dominance, computed with a peak of 1, and differ in this.

    Returns
    -------
    ndarray
        ``(frame,)``; 0 where no segment dominates.
    """
    alpha = np.broadcast_to(alpha, targets.shape)
    return (weights @ (alpha * targets)) / np.maximum(weights @ alpha, _FLOOR)
