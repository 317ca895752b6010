"""Ways to spoil a motion, each by a known amount, to see which metrics notice.

All functions take and return coefficients ``(frame, 52)`` in the order of
`talking_heads.face.ARKIT_NAMES` and leave their input as it is. `shift`, `smooth`, `scale` and
`add_noise` treat every column alike and so take vertices ``(frame, vertex, 3)`` too.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, ARKIT_NAMES, Motion

Array = NDArray[Any]
Floats = NDArray[np.float32]

UPPER_SHAPES: tuple[int, ...] = tuple(
    index for index, name in enumerate(ARKIT_NAMES) if name.startswith(("brow", "eye"))
)
"""Columns of brows, lids and gaze: 19 of the 52."""
CLOSING_SHAPES: tuple[int, ...] = tuple(
    index
    for index, name in enumerate(ARKIT_NAMES)
    if name.startswith(("mouthClose", "mouthPress", "mouthRoll"))
)
"""Columns of the five shapes that bring the lips together while the jaw is down."""


def shift(values: Array, frames: int) -> Floats:
    """Move a motion in time.

    Parameters
    ----------
    values : ndarray
        ``(frame, ...)``.
    frames : int
        Positive: late; negative: early.

    Returns
    -------
    ndarray of float32
        Of the same shape; the first or last frame fills the gap.
    """
    values = np.asarray(values, dtype=np.float32)
    place = np.clip(np.arange(len(values)) - frames, 0, max(len(values) - 1, 0))
    return values[place]


def smooth(values: Array, width: int) -> Floats:
    """Replace each frame by the mean of its neighbourhood.

    Parameters
    ----------
    values : ndarray
        ``(frame, ...)``.
    width : int
        Frames in the mean, an odd number; 1 changes nothing. Beyond the ends the first and last
        frame repeat.

    Returns
    -------
    ndarray of float32
        Of the same shape. Steady parts stay as they are; quick ones lose height.

    Raises
    ------
    UserError
        If the width is even or below 1.
    """
    if width < 1 or width % 2 == 0:
        raise UserError(f"The width of a moving average is 1, 3, 5, ... frames, not {width}.")
    values = np.asarray(values, dtype=np.float32)
    if width == 1 or not len(values):
        return values.copy()
    reach = width // 2
    padded = np.concatenate([values[:1].repeat(reach, 0), values, values[-1:].repeat(reach, 0)])
    # A loop over the width, not a running sum: that would gather rounding errors.
    total = np.zeros(values.shape, dtype=np.float64)
    for start in range(width):
        total += padded[start : start + len(values)]
    return (total / width).astype(np.float32)


def scale(values: Array, amplitude: float) -> Floats:
    """Make a motion larger or smaller about its own mean over time.

    Parameters
    ----------
    values : ndarray
        ``(frame, ...)``.
    amplitude : float
        1 changes nothing; 0 leaves the mean, standing still.

    Returns
    -------
    ndarray of float32
        Of the same shape.
    """
    values = np.asarray(values, dtype=np.float32)
    if not len(values):
        return values.copy()
    mean = values.mean(0, dtype=np.float64)
    return (mean + amplitude * (values - mean)).astype(np.float32)


def add_noise(values: Array, deviation: float, *, seed: int = 0) -> Floats:
    """Add noise that is new in every frame.

    Parameters
    ----------
    values : ndarray
        ``(frame, ...)``.
    deviation : float
        Standard deviation, in the unit of the values.
    seed : int
        Of the noise.

    Returns
    -------
    ndarray of float32
        Of the same shape.
    """
    values = np.asarray(values, dtype=np.float32)
    noise = np.random.default_rng(seed).standard_normal(values.shape)
    return (values + deviation * noise).astype(np.float32)


def offset(values: Array, amount: float, shape: str = "jawOpen") -> Floats:
    """Add a constant to one coefficient.

    Parameters
    ----------
    values : ndarray
        ``(frame, 52)``.
    amount : float
        What is added.
    shape : str
        One of `talking_heads.face.ARKIT_NAMES`.

    Returns
    -------
    ndarray of float32
        ``(frame, 52)``.

    Raises
    ------
    UserError
        If there is no such shape.
    """
    if shape not in ARKIT_INDEX:
        raise UserError(
            f"There is no shape {shape!r}; the names stand in talking_heads.face.ARKIT_NAMES."
        )
    moved = np.array(values, dtype=np.float32)
    moved[:, ARKIT_INDEX[shape]] += amount
    return moved


def freeze_upper_face(values: Array) -> Floats:
    """Hold brows, lids and gaze (`UPPER_SHAPES`) at their means over time."""
    held = np.array(values, dtype=np.float32)
    if len(held):
        columns = list(UPPER_SHAPES)
        held[:, columns] = held[:, columns].mean(0, dtype=np.float64)
    return held


def lose_closures(values: Array, share: float) -> Floats:
    """Weaken the five shapes that bring the lips together.

    Parameters
    ----------
    values : ndarray
        ``(frame, 52)``.
    share : float
        How much of `CLOSING_SHAPES` is lost: 0 changes nothing, at 1 the lips stay 1 to 4 mm
        apart at p, b and m, as over-smoothed models leave them.

    Returns
    -------
    ndarray of float32
        ``(frame, 52)``.
    """
    weaker = np.array(values, dtype=np.float32)
    weaker[:, list(CLOSING_SHAPES)] *= 1.0 - share
    return weaker


@dataclass(frozen=True)
class Degradation:
    """What is done to a motion; by default nothing.

    The parts act in the order of the fields, and the result is kept within 0 and 1.

    Parameters
    ----------
    frozen_upper_face : bool
        See `freeze_upper_face`.
    lost_closures : float
        Share, see `lose_closures`.
    amplitude : float
        See `scale`.
    jaw_offset : float
        Added to ``jawOpen``, see `offset`.
    smoothing : int
        Width of the moving average in frames, odd, see `smooth`.
    noise : float
        Standard deviation, see `add_noise`.
    shift : int
        Frames; positive: late. See `shift`.
    """

    frozen_upper_face: bool = False
    lost_closures: float = 0.0
    amplitude: float = 1.0
    jaw_offset: float = 0.0
    smoothing: int = 1
    noise: float = 0.0
    shift: int = 0

    def __str__(self) -> str:
        """Return in words what is done."""
        done = []
        if self.shift:
            side = "late" if self.shift > 0 else "early"
            plural = "s" if abs(self.shift) > 1 else ""
            done.append(f"{abs(self.shift)} frame{plural} {side}")
        if self.smoothing > 1:
            done.append(f"smoothed over {self.smoothing} frames")
        if self.amplitude != 1:
            done.append(f"amplitude {self.amplitude:.2f}")
        if self.jaw_offset:
            done.append(f"jaw {self.jaw_offset:+.2f}")
        if self.noise:
            done.append(f"noise {self.noise:.3f}")
        if self.frozen_upper_face:
            done.append("upper face frozen")
        if self.lost_closures:
            done.append(f"{self.lost_closures:.0%} of the closures lost")
        return ", ".join(done) if done else "nothing changed"


def degrade(motion: Motion, degradation: Degradation | None = None, **changes: Any) -> Motion:
    """Spoil a motion of coefficients.

    Parameters
    ----------
    motion : Motion
        Of coefficients.
    degradation : Degradation, optional
        What to do.
    **changes
        Fields of `Degradation`, in place of or on top of one: ``degrade(motion, shift=2)``.

    Returns
    -------
    Motion
        Of the same length, coefficients within 0 and 1.

    Raises
    ------
    UserError
        If the motion holds vertices, or a field is unknown or out of range.
    """
    known = {field.name for field in fields(Degradation)}
    unknown = sorted(set(changes) - known)
    if unknown:
        raise UserError(f"There is no degradation {unknown[0]!r}. Choose from {sorted(known)}.")
    if motion.kind != "coefficients":
        raise UserError("Only a motion of coefficients can be degraded.")
    todo = replace(degradation or Degradation(), **changes)
    values = motion.values
    if todo.frozen_upper_face:
        values = freeze_upper_face(values)
    if todo.lost_closures:
        values = lose_closures(values, todo.lost_closures)
    if todo.amplitude != 1:
        values = scale(values, todo.amplitude)
    if todo.jaw_offset:
        values = offset(values, todo.jaw_offset)
    values = smooth(values, todo.smoothing)
    if todo.noise:
        values = add_noise(values, todo.noise)
    return replace(motion, values=np.clip(shift(values, todo.shift), 0.0, 1.0))
