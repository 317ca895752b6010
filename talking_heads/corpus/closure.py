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

from talking_heads.corpus.style import Style
from talking_heads.corpus.viseme_segments import Segment, frames_of
from talking_heads.face import ARKIT_INDEX

CLOSING = 0.070
"""Seconds in which the lips close before a bilabial."""
OPENING = 0.065
"""Seconds in which they open after it."""
SHORTEST_HOLD = 0.042
"""Shortest hold in seconds: just more than one frame at 25 a second, so that one frame shows it."""
PARTING = 0.018
"""Seconds before the release at which pressed lips start to part, so that it finds them apart."""
MAX_SPEED = 0.20
"""Speed in metres a second that a ramp does not exceed; longer ways get longer ramps."""
LONGEST_RAMP = 0.100
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


def aim_of(segment: Segment, style: Style, factor: float = 1.0) -> float:
    """Return the gap in metres at which a sound aims in one take.

    Parameters
    ----------
    segment : Segment
        A sound with an `aperture`.
    style : Style
        `Style.press` counts where the lips press together.
    factor : float
        Of the take, about 1.

    Returns
    -------
    float
        Below 0 where the lips press together, and then -0.5 mm at most.
    """
    gap = segment.viseme.aperture or 0.0
    if gap >= 0:
        return gap * (0.5 + 0.5 * factor)
    return min(gap * (0.5 + 0.5 * style.press) * factor, -0.0005)


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
    coefficients: NDArray[np.float64],
    effort: NDArray[np.float64],
    weight: NDArray[np.float64],
    jaw_closing: float = 0.0,
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
    jaw_closing : float
        Share of the jaw's opening that the jaw itself takes back at an effort of 1.

    Returns
    -------
    ndarray
        ``(frame, 52)``.
    """
    out = coefficients.copy()
    out[:, _OPENERS] *= 1 - 0.9 * weight[:, None]
    extra = np.maximum(effort - 1, 0)
    out[:, _JAW] *= 1 - jaw_closing * np.minimum(effort, 1)
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
    style: Style | None = None,
    shift: Sequence[float] | NDArray[np.float64] | None = None,
    press: Sequence[float] | NDArray[np.float64] | None = None,
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
    style : Style, optional
        Whose offset, press and jaw; the default has none.
    shift : sequence of float or ndarray, optional
        Seconds by which each narrowing comes later, one for each segment with an `aperture`.
    press : sequence of float or ndarray, optional
        Factor on how far the lips aim past each other, one for each of the same.

    Returns
    -------
    ndarray
        ``(frame, 52)``. Each such segment shows its aperture in one of the frames that
        `frames_of` gives it, at least; frames away from such segments are unchanged.
    """
    style = style or Style()
    narrow = [segment for segment in segments if segment.viseme.aperture is not None]
    if not narrow:
        return coefficients
    frames = len(coefficients)
    time = np.arange(frames) / fps
    free = face.signed_aperture(coefficients.astype(np.float32)).astype(np.float64)
    wanted, weight = free.copy(), np.zeros(frames)
    late = style.offset + np.asarray(np.zeros(len(narrow)) if shift is None else shift)
    factor = np.ones(len(narrow)) if press is None else np.asarray(press)
    holds = np.array([hold_of(segment) for segment in narrow]) + late[:, None]
    for i, segment in enumerate(narrow):
        target = aim_of(segment, style, float(factor[i]))
        start, end = holds[i]
        before = start - holds[i - 1, 1] if i else np.inf
        after = holds[i + 1, 0] - end if i + 1 < len(narrow) else np.inf
        ways = np.interp([start - CLOSING, end + OPENING], time, free) - target
        ramps = _ramp(ways[0], before, CLOSING), _ramp(ways[1], after, OPENING)
        share = envelope(time, start, end, *ramps)
        own = frames_of(segment, frames, fps)
        if len(own) and share[own].max() < 1:
            share[own[np.argmax(share[own])]] = 1.0
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
        posed = closed(coefficients[busy], middle, weight[busy], style.jaw_closing)
        open_still = face.signed_aperture(posed.astype(np.float32)) > wanted[busy]
        low, high = np.where(open_still, middle, low), np.where(open_still, high, middle)
    out[busy] = closed(coefficients[busy], high, weight[busy], style.jaw_closing)
    return out
