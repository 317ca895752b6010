"""What turns: the jaw about its hinge, the lids about the eyeball, the eyes with the gaze.

Then the contact of the lips. All functions work on ``(frame, vertex, 3)`` in place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.face.names import ARKIT_INDEX as K

Array = NDArray[Any]
Ints = NDArray[np.int64]

JAW_ANGLE = 0.262  # radians at jawOpen 1
GLIDE = 0.004  # metres by which the heads of the jaw slide forward at jawOpen 1
PRESS = 0.1  # how far mouthClose may exceed jawOpen
_GAZE_YAW, _GAZE_UP, _GAZE_DOWN = np.radians([28.0, 20.0, 26.0])
MEETING = 0.88  # share of the way down at which a blink brings the lids together


@dataclass(frozen=True)
class Joint:
    """Vertices that turn about an axis along x, and by how much of the angle."""

    index: Ints
    center: Array  # (2,) y and z of the axis
    weight: Array  # (n,)
    extra: Array  # (n,) second weight: mouthClose for the jaw, unused for lids


@dataclass(frozen=True)
class Eye:
    """One eye: its ball and its lids, and how near points of them may come to its centre."""

    center: Array
    ball: Ints
    upper: Joint
    lower: Joint
    side: str
    guarded: Ints
    floor: Array  # (n,) metres


@dataclass(frozen=True)
class Lips:
    """Pairs of points of both lips that must not pass one another.

    Attributes
    ----------
    upper, lower : ndarray of int
        ``(ring, column)`` vertex numbers, from the skin inward.
    contact : int
        The ring on which the lips touch.
    follow : ndarray
        ``(ring,)`` share of the push at the contact that each ring takes.
    guarded : slice
        The rings that may not pass the contact: the red and the inside.
    """

    upper: Ints
    lower: Ints
    contact: int
    follow: Array
    guarded: slice


def turn_x(
    vertices: Array, index: Ints, center: Array, angle: Array, forward: Array | float = 0.0
) -> None:
    """Turn ``vertices[:, index]`` about an axis along x by `angle` ``(frame, n)`` radians.

    A positive angle lowers what lies in front of the axis; `forward` moves it along z as well.
    """
    if len(index) == 0 or not angle.any():
        return
    c, s = np.cos(angle), np.sin(angle)
    y = vertices[:, index, 1] - center[0]
    z = vertices[:, index, 2] - center[1]
    vertices[:, index, 1] = center[0] + c * y - s * z
    vertices[:, index, 2] = center[1] + s * y + c * z + forward


def closing(coefficients: NDArray[Any]) -> NDArray[Any]:
    """Return how far mouthClose closes the lips, ``(frame,)`` in units of jawOpen.

    It closes what the jaw opened, and `PRESS` more; beyond that the lips could only pass through
    the teeth.
    """
    return np.minimum(coefficients[:, K["mouthClose"]], coefficients[:, K["jawOpen"]] + PRESS)


def turn_jaw(vertices: Array, jaw: Joint, coefficients: Array) -> None:
    """Open the jaw; mouthClose turns the lips back toward one another (see `closing`)."""
    opened, closed = coefficients[:, K["jawOpen"], None], closing(coefficients)[:, None]
    if opened.any() or closed.any():
        share = opened * jaw.weight + closed * jaw.extra
        # At first the jaw only turns; the wider it opens the more it slides as well.
        turn_x(vertices, jaw.index, jaw.center, JAW_ANGLE * share, GLIDE * share * np.abs(share))


def gaze_angles(coefficients: Array, side: str) -> tuple[Array, Array]:
    """Return by how much an eye is turned: yaw to the face's left and pitch down, radians.

    Parameters
    ----------
    coefficients : ndarray
        ``(frame, 52)``.
    side : str
        ``"Left"`` or ``"Right"``.

    Returns
    -------
    tuple of ndarray
        ``(frame, 1)`` each.
    """

    def c(name: str) -> Array:
        return coefficients[:, K[f"eyeLook{name}{side}"], None]

    out = 1.0 if side == "Left" else -1.0
    return out * _GAZE_YAW * (c("Out") - c("In")), _GAZE_DOWN * c("Down") - _GAZE_UP * c("Up")


def lid_angles(coefficients: Array, side: str) -> tuple[Array, Array]:
    """Return how far the lids of an eye that does not blink fall and rise, in radians.

    Parameters
    ----------
    coefficients, side
        As in `gaze_angles`.

    Returns
    -------
    tuple of ndarray
        ``(frame, 1)`` each: the upper lid down, the lower lid up.
    """

    def c(name: str) -> Array:
        return coefficients[:, K[f"eye{name}{side}"], None]

    squint, wide, down, up = c("Squint"), c("Wide"), c("LookDown"), c("LookUp")
    drop = 0.44 * down + 0.14 * squint - 0.17 * wide - 0.16 * up
    rise = 0.30 * squint - 0.06 * wide - 0.20 * down + 0.05 * up
    return drop, rise


def turn_eye(vertices: Array, eye: Eye, coefficients: Array) -> None:
    """Turn one eyeball and close its lids."""
    yaw, pitch = gaze_angles(coefficients, eye.side)
    if yaw.any() or pitch.any():
        p = vertices[:, eye.ball] - eye.center
        sy, cy, sp, cp = np.sin(yaw), np.cos(yaw), np.sin(pitch), np.cos(pitch)
        y, z = cp * p[..., 1] - sp * p[..., 2], sp * p[..., 1] + cp * p[..., 2]
        x, z = cy * p[..., 0] + sy * z, cy * z - sy * p[..., 0]
        vertices[:, eye.ball] = np.stack([x, y, z], -1) + eye.center
    blink = coefficients[:, K[f"eyeBlink{eye.side}"], None]
    drop, rise = lid_angles(coefficients, eye.side)
    drop = MEETING * blink + (1.0 - blink) * drop
    rise = (1 - MEETING) * blink + (1.0 - blink) * rise
    axis = eye.center[1:]
    turn_x(vertices, eye.upper.index, axis, drop * eye.upper.weight)
    turn_x(vertices, eye.lower.index, axis, -rise * eye.lower.weight)


def resolve_contact(vertices: Array, lips: Lips) -> None:
    """Push the lips apart where they would cross, half each, and let their neighbours follow."""
    k = lips.contact
    top, bottom = lips.upper[k], lips.lower[k]
    gap = vertices[:, top, 1] - vertices[:, bottom, 1]
    push = 0.5 * np.maximum(-gap, 0.0)
    if push.any():
        for ring, share in enumerate(lips.follow):
            if share > 0 and ring != k:
                vertices[:, lips.upper[ring], 1] += share * push
                vertices[:, lips.lower[ring], 1] -= share * push
        # The very same number on both sides, so that no rounding makes them cross.
        middle = 0.5 * (vertices[:, top, 1] + vertices[:, bottom, 1])
        crossing = gap < 0
        vertices[:, top, 1] = np.where(crossing, middle, vertices[:, top, 1])
        vertices[:, bottom, 1] = np.where(crossing, middle, vertices[:, bottom, 1])
        # Pressed lips meet in depth too, else one could look in between them from the side.
        apart = vertices[:, top, 2] - vertices[:, bottom, 2]
        apart *= 0.5 * np.minimum(push / 0.0004, 1.0)
        vertices[:, top, 2] -= apart
        vertices[:, bottom, 2] += apart
    ceiling, floor = vertices[:, top, 1], vertices[:, bottom, 1]
    for ring in range(*lips.guarded.indices(len(lips.upper))):
        if ring != k:
            over, under = lips.upper[ring], lips.lower[ring]
            vertices[:, over, 1] = np.maximum(vertices[:, over, 1], ceiling)
            vertices[:, under, 1] = np.minimum(vertices[:, under, 1], floor)


def turn_head(vertices: Array, rotation: Array, pivot: Array, share: Array) -> Array:
    """Turn the head by pitch, yaw and roll; the neck follows in part.

    Parameters
    ----------
    vertices : ndarray
        ``(frame, vertex, 3)``.
    rotation : ndarray
        ``(frame, 3)`` radians: positive pitch nods down, positive yaw turns to the face's left,
        positive roll lifts its left side.
    pivot : ndarray
        ``(3,)`` metres.
    share : ndarray
        ``(vertex,)`` 0 for the trunk to 1 for the head.
    """
    from scipy.spatial.transform import Rotation

    whole = Rotation.from_euler("YXZ", np.asarray(rotation, float)[:, [1, 0, 2]])
    p = vertices - pivot
    turned = np.matmul(p, whole.as_matrix().transpose(0, 2, 1).astype(p.dtype))
    between = np.flatnonzero((share > 0) & (share < 1))
    if len(between):
        # Rodrigues with a part of the angle.
        vector = whole.as_rotvec()
        angle = np.linalg.norm(vector, axis=1)
        axis = (vector / np.maximum(angle, 1e-12)[:, None])[:, None, :]
        part = angle[:, None] * share[between]
        c, s = np.cos(part)[..., None], np.sin(part)[..., None]
        q = p[:, between]
        along = (q * axis).sum(-1, keepdims=True)
        turned[:, between] = q * c + np.cross(axis, q) * s + axis * along * (1 - c)
    still = share == 0
    turned[:, still] = p[:, still]
    return turned + pivot
