"""Blinks, shifts of gaze and a head that is never quite still.

What a face does beside speaking, drawn from a seed and independent of any model. The figures are
those of people in conversation: about 15 blinks a minute of 0.2 s, fixations of 0.5 to 3 s, and a
head that turns by a few degrees and nods with stress.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d

from talking_heads.errors import UserError

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

FULL_GAZE = np.array([0.489, 0.40])
"""Radians by which an eye turns at gaze 1, to the side and (on average) up and down."""

_FASTEST = 1000.0  # frames a second; the filters would grow without bounds
_BLINKS = 11.0  # a minute; shifts of gaze bring some more
_BLINK_GAP = 0.6  # seconds between the starts of two blinks, at least
_BLINK = 0.21  # seconds from lid fall to lid rise
BLINK_FALL = 0.36
"""Share of a blink in which the lid falls; it falls about twice as fast as it rises."""
_CLOSED = 0.14  # share of a blink in which the lid stays down
_SWAY = np.radians([0.8, 1.5, 0.7])  # pitch, yaw, roll: slow drift, standard deviation
_SHIFT = np.radians([1.1, 2.4, 0.9])  # the same of changes of posture
_NOD = np.radians(2.6)  # nod at full emphasis
_MOST = np.radians([7.0, 10.0, 5.0])  # the head never turns further


@dataclass(frozen=True)
class Liveliness:
    """What a living face does beside speaking.

    Attributes
    ----------
    blink : ndarray of float32
        ``(frame,)`` 0 open to 1 shut.
    gaze : ndarray of float32
        ``(frame, 2)`` to the face's own left and up, as shares of the eyes' range, -1 to 1. It
        is meant for a still head: `steadied` adds what makes up for the head's turns.
    head : ndarray of float32
        ``(frame, 3)`` radians: pitch, yaw and roll, as in `Face.pose`.
    """

    blink: Floats
    gaze: Floats
    head: Floats

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.blink)


def liveliness(
    frames: int,
    fps: float = 25.0,
    seed: int = 0,
    *,
    emphasis: ArrayLike | None = None,
    loop: bool = False,
) -> Liveliness:
    """Draw blinks, shifts of gaze and motion of the head.

    A large shift of gaze takes the head along and often brings a blink.

    Parameters
    ----------
    frames : int
        Number of frames.
    fps : float
        Frames a second.
    seed : int
        0 or more; the same seed gives the same life.
    emphasis : array, optional
        ``(frame,)`` 0 to 1, how much stress lies on each moment: the head nods with it. Without
        it the head only drifts, as it does in someone who listens.
    loop : bool
        Whether the end leads back into the beginning without a jump.

    Returns
    -------
    Liveliness
        Of that many frames.

    Raises
    ------
    UserError
        If the frame rate is not above 0 and at most 1,000, the seed is negative, or the emphasis
        does not fit or is not finite.
    """
    if frames < 0 or seed < 0 or not 0 < fps <= _FASTEST:
        raise UserError(
            f"Life needs frames and a seed of 0 or more and a rate up to {_FASTEST:,.0f} a second, "
            f"not {frames}, {seed} and {fps}."
        )
    stress = np.zeros(frames) if emphasis is None else np.asarray(emphasis, dtype=np.float64)
    if stress.shape != (frames,) or not np.isfinite(stress).all():
        raise UserError(f"emphasis is one finite number for each of the {frames} frames.")
    if frames == 0:
        return Liveliness(*(np.zeros(shape, np.float32) for shape in ((0,), (0, 2), (0, 3))))
    rng = np.random.default_rng([31, seed])
    seconds = frames / fps
    times, looks = _fixations(seconds - (1.0 if loop else 0.4), rng)
    clock = np.arange(frames) / fps
    head = _sway(frames, fps, rng, loop) + _postures(clock, seconds, times, looks, rng, loop)
    if emphasis is not None:
        head += _nods(np.clip(stress, 0.0, 1.0), fps, rng)
    head = _MOST * np.tanh(head / _MOST)
    gaze = looks[np.searchsorted(times, clock, side="right") - 1]
    # A shift of gaze takes about 40 ms, a frame; the filter spreads it over two.
    gaze = gaussian_filter1d(gaze, 0.02 * fps, axis=0, mode="wrap" if loop else "nearest")
    blink = _blinks(clock, fps, seconds, times, looks, rng, loop)
    return Liveliness(
        blink.astype(np.float32),
        np.clip(gaze, -1, 1).astype(np.float32),
        head.astype(np.float32),
    )


def steadied(life: Liveliness) -> Floats:
    """Return a gaze ``(frame, 2)`` that makes up for the head's turns, so that the look stays."""
    turned = life.head[:, [1, 0]] * np.array([1.0, -1.0]) / FULL_GAZE
    return np.clip(life.gaze - turned, -1, 1).astype(np.float32)


def blink_curve(time: Array, length: float = _BLINK) -> Array:
    """Return how far a lid is shut during a blink that starts at 0.

    Parameters
    ----------
    time : ndarray
        Seconds since the lid began to fall.
    length : float
        Seconds until the lid is up again. Short blinks last about 208 ms.

    Returns
    -------
    ndarray
        0 open to 1 shut: a raised cosine down, a short hold, a slower rise.
    """
    phase = time / length
    down = np.clip(phase / BLINK_FALL, 0, 1)
    up = np.clip((1 - phase) / (1 - BLINK_FALL - _CLOSED), 0, 1)
    return (0.5 - 0.5 * np.cos(np.pi * down)) * (0.5 - 0.5 * np.cos(np.pi * up))


def _fixations(last: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return when the eyes move, and where to: two of three times back to the viewer."""
    times, looks = [0.0], [rng.normal(size=2) * (0.03, 0.02)]
    while True:
        times.append(times[-1] + rng.uniform(0.5, 1.3) + rng.gamma(1.5, 0.5))
        if times[-1] > last:
            return np.array(times[:-1]), np.array(looks)
        away = rng.uniform() < 0.34
        look = rng.normal(size=2) * ((0.24, 0.12) if away else (0.03, 0.02))
        looks.append(np.clip(look, -0.4, 0.4))


def _drift(frames: int, fps: float, seconds: float, rng: np.random.Generator, loop: bool) -> Array:
    """Return smooth noise of unit size that changes over about `seconds`, ``(frame, 3)``."""
    sigma = seconds * fps
    margin = 0 if loop else int(4 * sigma) + 1
    noise = gaussian_filter1d(rng.normal(size=(frames + 2 * margin, 3)), sigma, axis=0, mode="wrap")
    # White noise through a Gaussian of width sigma keeps 1 / (2 sigma sqrt(pi)) of its variance.
    return noise[margin : margin + frames] * np.sqrt(2 * sigma * np.sqrt(np.pi))


def _sway(frames: int, fps: float, rng: np.random.Generator, loop: bool) -> Array:
    slow, quick = _drift(frames, fps, 1.3, rng, loop), _drift(frames, fps, 0.35, rng, loop)
    return _SWAY * (0.9 * slow + 0.22 * quick)


def _postures(
    clock: Array,
    seconds: float,
    times: Array,
    looks: Array,
    rng: np.random.Generator,
    loop: bool,
) -> Array:
    """Move to a new posture with some shifts of gaze, toward what is looked at."""
    head = np.zeros((len(clock), 3))
    where = first = rng.normal(size=3) * _SHIFT * 0.6
    head += where
    away = False
    for time, look in zip(times[1:], looks[1:], strict=True):
        # The head goes along when the eyes look away and when they come back, else at times.
        was, away = away, bool(np.abs(look).max() > 0.12)
        if not (away or was) and rng.uniform() > 0.4:
            continue
        goal = rng.normal(size=3) * _SHIFT * 0.6
        if away:
            goal += np.array([-0.12 * look[1], 0.22 * look[0], 0.05 * look[0]])
        head += (goal - where) * _ease((clock - time) / rng.uniform(0.5, 0.9))[:, None]
        where = goal
    if loop:
        head += (first - where) * _ease((clock - seconds + 1.0) / 1.0)[:, None]
    return head


def _ease(x: Array) -> Array:
    """Return a step from 0 to 1 with the least jerk, as limbs and heads move."""
    x = np.clip(x, 0.0, 1.0)
    return np.asarray(x**3 * (10 - 15 * x + 6 * x**2))


def _nods(stress: Array, fps: float, rng: np.random.Generator) -> Array:
    """Nod with stress, each time a little differently, and a little to one side."""
    slow = gaussian_filter1d(stress, 0.10 * fps, mode="nearest")
    size = (1.0, 0.0, 0.0) + _drift(len(stress), fps, 0.8, rng, False) * (0.35, 0.4, 0.3)
    return (_NOD * (slow - slow.mean()))[:, None] * size


def _blinks(
    clock: Array,
    fps: float,
    seconds: float,
    times: Array,
    looks: Array,
    rng: np.random.Generator,
    loop: bool,
) -> Array:
    """Blink at random and, often, with a large shift of gaze."""
    starts: list[float] = []
    mean = 60.0 / _BLINKS
    time = -mean * rng.uniform(0.2, 1.0)
    while time < seconds:
        time += _BLINK_GAP + rng.gamma(2.0, (mean - _BLINK_GAP) / 2.0)
        starts.append(time)
    change = np.abs(np.diff(looks, axis=0)).max(axis=1)
    starts += [float(t) - 0.04 for t in times[1:][change > 0.2] if rng.uniform() < 0.5]
    blink = np.zeros(len(clock))
    last = -np.inf
    for start in sorted(starts):
        # In a loop no blink runs over the end.
        if start - last < _BLINK_GAP or start < 0 or start > seconds - _BLINK:
            continue
        last = start
        # Shut on a frame of its own: between two frames the lids would seem to miss.
        shut = np.round((start + BLINK_FALL * _BLINK) * fps) / fps
        blink = np.maximum(blink, blink_curve(clock - shut + BLINK_FALL * _BLINK))
    return blink
