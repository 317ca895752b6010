"""Closing the lips where a sound needs it, measured on the mesh.

Coefficients alone do not say whether lips meet: funnel and pucker hold them apart even where
``mouthClose`` equals ``jawOpen``, and every head has other lips. So the gap that a sound needs is
given in metres, and ``mouthClose`` is solved for on the head of the speaker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from talking_heads.corpus.viseme_segments import Segment
from talking_heads.face import ARKIT_INDEX

CLOSING = 0.070
"""Seconds in which the lips close before a bilabial."""
OPENING = 0.060
"""Seconds in which they open after it."""
SHORTEST_HOLD = 0.042
"""Shortest hold in seconds: just more than one frame at 25 a second, so that one frame shows it."""
PARTING = 0.012
"""Seconds before the release at which pressed lips start to part, so that it finds them apart."""
MAX_SPEED = 0.25
"""Speed in metres a second that a ramp does not exceed; longer ways get longer ramps."""
LONGEST_RAMP = 0.085
"""Longest ramp in seconds."""

_JAW = ARKIT_INDEX["jawOpen"]
_CLOSE = ARKIT_INDEX["mouthClose"]
_OPENERS = [
    ARKIT_INDEX[name]
    for name in (
        "mouthFunnel",
        "mouthLowerDownLeft",
        "mouthLowerDownRight",
        "mouthUpperUpLeft",
        "mouthUpperUpRight",
    )
]
_STEPS = 14


class LipFace(Protocol):
    """What articulation asks of a face."""

    def signed_aperture(self, coefficients: NDArray[Any]) -> NDArray[Any]:
        """Return the gap ``(frame,)`` in metres, below 0 where the lips press together."""
        ...


def hold_of(segment: Segment) -> tuple[float, float]:
    """Return when the lips are held for a segment, in seconds.

    Parameters
    ----------
    segment : Segment
        A sound with an `aperture`.

    Returns
    -------
    start, end : float
        From the start of the segment to `PARTING` before its release; if that is shorter than
        `SHORTEST_HOLD`, longer around the same middle.
    """
    start = segment.start
    end = start + segment.release * (segment.end - start) - PARTING
    middle, half = 0.5 * (start + end), 0.5 * max(end - start, SHORTEST_HOLD)
    return middle - half, middle + half


def envelope(
    time: NDArray[np.float64],
    start: float,
    end: float,
    closing: float = CLOSING,
    opening: float = OPENING,
) -> NDArray[np.float64]:
    """Return how far a closure has come: 0 free, 1 held, raised cosines between.

    Parameters
    ----------
    time : ndarray
        ``(frame,)`` seconds.
    start, end : float
        The hold in seconds.
    closing, opening : float
        Lengths of the ramps before and after it in seconds.

    Returns
    -------
    ndarray
        ``(frame,)``.
    """
    before = np.clip((time - (start - closing)) / closing, 0, 1)
    after = np.clip(((end + opening) - time) / opening, 0, 1)
    return 0.5 - 0.5 * np.cos(np.pi * np.minimum(before, after))


def closed(
    coefficients: NDArray[np.float64], effort: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Close the lips of some poses with a given effort.

    Parameters
    ----------
    coefficients : ndarray
        ``(frame, 52)``.
    effort : ndarray
        ``(frame,)`` 0 to 2: up to 1 ``mouthClose`` rises to ``jawOpen``; beyond, it passes it and
        the jaw rises too.
    weight : ndarray
        ``(frame,)`` 0 to 1: how far the shapes that hold the lips apart give way.

    Returns
    -------
    ndarray
        ``(frame, 52)``.
    """
    out = coefficients.copy()
    out[:, _OPENERS] *= 1 - 0.9 * weight[:, None]
    extra = np.maximum(effort - 1, 0)
    out[:, _CLOSE] = np.minimum(effort, 1) * out[:, _JAW] + 0.25 * extra
    out[:, _JAW] *= 1 - 0.7 * extra
    return out


def _ramp(way: float, room: float, shortest: float) -> float:
    """Return the length of a ramp in seconds.

    It is long enough that the lips do not exceed `MAX_SPEED` on a `way` in metres, within limits;
    a raised cosine is pi/2 times as fast at its middle as on average. `room` is the time to the
    next closure: two ramps in one short vowel get shorter, so that the vowel is still seen.
    """
    calm = min(max(0.5 * np.pi * way / MAX_SPEED, shortest), LONGEST_RAMP)
    return float(min(calm, max(OPENING, 0.75 * room)))


def close_lips(
    coefficients: NDArray[np.float64],
    segments: Sequence[Segment],
    face: LipFace,
    fps: float,
    *,
    offset: float = 0.0,
) -> NDArray[np.float64]:
    """Bring the lips together where segments ask for an aperture.

    Parameters
    ----------
    coefficients : ndarray
        ``(frame, 52)``; frame f shows the time f / fps.
    segments : sequence of Segment
        In order of time. Those whose viseme has an `aperture` narrow the lips to it.
    face : LipFace
        The speaker's head.
    fps : float
        Frames a second.
    offset : float
        Seconds by which the mouth follows the voice.

    Returns
    -------
    ndarray
        ``(frame, 52)``. Each such segment shows its aperture in one frame of its own at least, so
        far as it contains a frame; frames away from such segments are unchanged.
    """
    frames = len(coefficients)
    time = np.arange(frames) / fps
    free = face.signed_aperture(coefficients.astype(np.float32)).astype(np.float64)
    wanted, weight = free.copy(), np.zeros(frames)
    narrow = [segment for segment in segments if segment.viseme.aperture is not None]
    holds = [hold_of(segment) for segment in narrow]
    for i, segment in enumerate(narrow):
        target = segment.viseme.aperture or 0.0
        start, end = holds[i][0] + offset, holds[i][1] + offset
        before = start - offset - holds[i - 1][1] if i else np.inf
        after = holds[i + 1][0] - end + offset if i + 1 < len(narrow) else np.inf
        ways = np.interp([start - CLOSING, end + OPENING], time, free) - target
        ramps = _ramp(ways[0], before, CLOSING), _ramp(ways[1], after, OPENING)
        share = envelope(time, start, end, *ramps)
        inside = np.flatnonzero((time >= segment.start) & (time <= segment.end))
        if len(inside) and share[inside].max() < 1:
            share[inside[np.argmax(share[inside])]] = 1.0
        wanted = np.minimum(wanted, (1 - share) * free + share * target)
        if target < 0:
            weight = np.maximum(weight, share)
    busy = np.flatnonzero(wanted < free - 1e-6)
    if not len(busy):
        return coefficients
    out = coefficients.copy()
    low, high = np.zeros(len(busy)), np.full(len(busy), 2.0)
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        posed = closed(coefficients[busy], middle, weight[busy])
        open_still = face.signed_aperture(posed.astype(np.float32)) > wanted[busy]
        low, high = np.where(open_still, middle, low), np.where(open_still, high, middle)
    out[busy] = closed(coefficients[busy], high, weight[busy])
    return out
