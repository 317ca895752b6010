"""The skin at rest: where each vertex of the lattice lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from talking_heads.face.lattice import (
    COLUMNS,
    EYE_LAST,
    LID_CREASE,
    LID_EDGE,
    MOUTH_BORDER,
    MOUTH_CONTACT,
    MOUTH_LAST,
    Lattice,
    Ring,
)
from talking_heads.face.surface import Anchors, HeadSurface, smoothstep
from talking_heads.geometry.sdf import Array, project, settle

Bools = NDArray[np.bool_]

# Azimuth of the coarse columns, degrees: close together over nose, mouth and eyes.
_AZIMUTH = (0, 4.2, 9.2, 14.8, 20.5, 26.5, 33, 40.5, 49.5, 60, 73, 89, 108, 131, 155, 180)
# One line a coarse row: height and depth (mm) of the point that its rays leave from and their
# elevation in degrees, first for the front, then for the back.
_ROWS = np.array(
    [
        (30, -5, 90, 30, -5, 90),
        (30, -5, 74, 30, -5, 72),
        (30, -5, 59, 30, -5, 56),
        (30, -5, 46, 30, -5, 41),
        (30, -5, 34.5, 30, -5, 28),
        (30, -5, 23.5, 30, -5, 17),
        (30, -5, 14, 30, -5, 8),
        (29.5, -5, 6, 29, -5, 1),
        (23.5, -5, 0, 23, -5, -2),
        (13.5, -5, 0, 13, -5, -3),
        (2.5, -5, 0, 2, -5, -3),
        (-7.5, -5, 0, -8, -5, -3),
        (-17.5, -5, 0, -18, -5, -3),
        (-28, -5, 0, -28, -5, -2),
        (-39.5, -5, 0, -38, -5, 0),
        (-50, -5, 0, -48, -5, 0),
        (-60.5, -5, 0, -57, -5, 0),
        (-70.5, -5, 0, -66, -5, 0),
        (-80.5, -5, 0, -75, -5, 0),
        (-89, 5, -1, -84, -5, 0),
        (-93, 22, -6, -92, -6, 0),
        (-93, 24, -15, -100, -8, 0),
        (-93, 22, -27, -108, -10, 0),
        (-96, 10, -31, -117, -12, 0),
        (-107, -5, -26, -128, -15, 0),
        (-134, -17, -10, -146, -20, 0),
        (-190, -32, 0, -190, -32, 0),
    ],
    dtype=float,
)
# The underside of the nose, which no ray from inside reaches: row, then height and depth (mm)
# of the middle line from the tip.
_NOSE = np.array(
    [
        (12.0, 15.0, 3.0),
        (12.5, 7.0, 8.0),
        (13.0, -0.5, 10.5),
        (13.5, -6.5, 6.0),
        (14.0, -10.9, -4.5),
        (14.5, -12.8, -9.7),
        (15.0, -15.0, -11.0),
    ]
)


@dataclass(frozen=True)
class MouthCurve:
    """The line of the lips, by the phase of a mouth ring.

    Attributes
    ----------
    across : ndarray
        ``(steps,)`` from -1 at the right corner to 1 at the left.
    upper : ndarray of bool
        Whether the step belongs to the upper lip; the corners belong to neither.
    lower : ndarray of bool
        Likewise for the lower lip.
    lift : ndarray
        ``(steps,)`` 0 at the corners, 1 at the midline.
    """

    across: Array
    upper: Bools
    lower: Bools
    lift: Array


def mouth_curve(ring: Ring) -> MouthCurve:
    """Return the parameters of the steps of the mouth's rings."""
    phase = ring.phase
    folded = np.minimum(phase, 1.0 - phase) * 2.0  # 0 left corner, 1 right corner
    centred = np.abs(folded - 0.5)
    sign = np.where(folded < 0.5, 1.0, -1.0)
    across = sign * (0.45 * np.sin(np.pi * centred) + 0.55 * 2.0 * centred)
    upper = (phase > 1e-9) & (phase < 0.5 - 1e-9)
    lower = phase > 0.5 + 1e-9
    return MouthCurve(across, upper, lower, np.sqrt(np.clip(1.0 - across**2, 0.0, None)))


def skin_positions(lattice: Lattice, surface: HeadSurface) -> Array:
    """Return the rest position of every vertex of the skin, ``(n, 3)`` metres."""
    points = np.empty((lattice.size, 3))
    on_chart = len(lattice.row)
    points[:on_chart] = _chart_positions(lattice.row, lattice.column, surface)
    left = _eye_positions(lattice.eye_left, points, surface)
    points[lattice.eye_left.index[1:]] = left
    points[lattice.eye_right.index[1:]] = left * [-1.0, 1.0, 1.0]
    points[lattice.mouth.index[1:]] = _mouth_positions(lattice.mouth, points, surface)
    return points


def _chart_positions(row: Array, column: Array, surface: HeadSurface) -> Array:
    azimuth = np.radians(PchipInterpolator(np.arange(COLUMNS + 1), _AZIMUTH)(np.abs(column)))
    azimuth *= np.sign(column)
    table = PchipInterpolator(np.arange(len(_ROWS)), _ROWS)(row)
    front = smoothstep(np.cos(azimuth), -0.5, 0.95)
    mixed = table[:, :3] * front[:, None] + table[:, 3:] * (1.0 - front[:, None])
    y, z, elevation = mixed[:, 0] / 1000.0, mixed[:, 1] / 1000.0, np.radians(mixed[:, 2])
    y = np.where(y < 0, y * surface.down, y * surface.up)
    origins = np.stack([np.zeros_like(y), y, z], axis=1)
    level = np.cos(elevation)
    directions = np.stack(
        [np.sin(azimuth) * level, np.sin(elevation), np.cos(azimuth) * level], axis=1
    )
    crown = row == 0
    directions[crown] = [0.0, 1.0, 0.0]
    points = project(surface.distance, origins, directions, far=0.16)
    below = (np.abs(column) < 3.0) & (row > 12.0) & (row < 15.0)
    points[below] = _under_nose(points[below], row[below], column[below], surface)
    points[column == 0, 0] = 0.0
    points[column == COLUMNS, 0] = 0.0
    return points


def _under_nose(points: Array, row: Array, column: Array, surface: HeadSurface) -> Array:
    tip = surface.anchors.nose_tip
    offset = PchipInterpolator(_NOSE[:, 0], _NOSE[:, 1:] / 1000.0)(row)
    goal = points.copy()
    goal[:, 1] = tip[1] + offset[:, 0]
    # Toward the wings the nose lies farther back.
    goal[:, 2] = tip[2] + offset[:, 1] - 0.55 * np.abs(points[:, 0])
    reach = np.clip(row - 11.4, 1.0, 2.4)  # above the tip only the ridge of the nose
    share = smoothstep(np.abs(column), 1.25 * reach, 0.5 * reach) * smoothstep(
        np.abs(row - 13.5), 1.5, 0.8
    )
    settled = settle(surface.distance, points + (goal - points) * share[:, None])
    return settled + nostril_share(settled, surface)[:, None] * [0.0, 0.0044, -0.0008]


def nostril_share(points: Array, surface: HeadSurface) -> Array:
    """Return 1 in the middle of both nostrils to 0 at their rims, for points under the nose."""
    way = points * [1.0, 0.0, 1.0]
    way[:, 0] = np.abs(way[:, 0])
    way = (way - surface.nostril * [1.0, 0.0, 1.0]) / [0.0042, 1.0, 0.0058]
    under = smoothstep(points[:, 1] - surface.anchors.nose_tip[1], -0.003, -0.006)
    return under * smoothstep(np.linalg.norm(way, axis=1), 1.0, 0.3)


def lid_curve(ring: Ring, anchors: Anchors, surface: HeadSurface) -> tuple[Array, Array, Array]:
    """Return the edge of the left eye's lids on the sphere of the lids.

    Returns
    -------
    across, elevation, partner : ndarray
        ``(steps,)`` sideways angle (radians, positive outward), angle about the horizontal axis
        of the eye, and the elevation at the same place on the other lid.
    """
    who = surface.identity
    phase = ring.phase
    folded = np.minimum(phase, 1.0 - phase) * 2.0  # 0 outer corner, 1 inner corner
    t = np.cos(np.pi * folded)
    across = np.radians(1.0 + 59.0 * t)
    corner = np.radians(-0.5 + (5.0 + 5.0 * who["eye_tilt"]) * t)
    arch = np.clip(1.0 - t * t, 0.0, None)
    opening = 1.0 + 0.22 * who["eye_opening"]
    up = np.radians(24.5 * opening) * arch**0.62 * (1.0 - 0.10 * t)
    low = np.radians(-19.0 * opening) * arch**0.75 * (1.0 + 0.12 * t)
    upper = phase <= 0.5
    elevation = corner + np.where(upper, up, low)
    partner = corner + np.where(upper, low, up)
    return across, elevation, partner


def _sphere(across: Array, elevation: Array) -> Array:
    return np.stack(
        [np.sin(across), np.cos(across) * np.sin(elevation), np.cos(across) * np.cos(elevation)], 1
    )


def _eye_positions(ring: Ring, points: Array, surface: HeadSurface) -> Array:
    at = surface.anchors
    across, elevation, _ = lid_curve(ring, at, surface)
    outer = points[ring.index[0]]
    upper = ((ring.phase > 0) & (ring.phase < 0.5))[:, None]
    t = np.cos(np.pi * np.minimum(ring.phase, 1.0 - ring.phase) * 2.0)
    arch = np.clip(1.0 - t * t, 0.0, None)
    out = []
    # The crease lies this far outside the edge, seen from the centre of the eye.
    grow = np.where(upper[:, 0], 17.0, -15.0) * arch**0.5
    crease = _sphere(across + np.radians(8.0) * t, elevation + np.radians(grow))
    plate = _sphere(across + np.radians(3.0) * t, elevation + np.radians(grow * 0.45))
    edge = _sphere(across, elevation)
    knots = np.array([0.0, LID_CREASE, LID_CREASE + 1.0, LID_EDGE])
    crease_at = at.eye + crease * at.lid_radius * 1.03
    for level in ring.level[1:]:
        if level <= LID_CREASE:
            f = level / LID_CREASE
            goal = outer + (crease_at - outer) * f
            found = settle(surface.distance, goal)
            way = found - at.eye
            reach = np.linalg.norm(way, axis=1)
            # A shallow fold above the lid.
            fold = 0.0010 * np.exp(-(((level - LID_CREASE) / 0.55) ** 2)) * arch * upper[:, 0]
            radius = np.linalg.norm(found - at.eye, axis=1)
            radius = np.maximum(radius - fold, at.lid_radius)
            out.append(at.eye + way / reach[:, None] * radius[:, None])
        elif level <= LID_EDGE:
            stack = np.stack([crease, crease, plate, edge])
            way = PchipInterpolator(knots, stack)(level)
            way /= np.linalg.norm(way, axis=1, keepdims=True)
            out.append(at.eye + way * at.lid_radius)
        else:
            f = (level - LID_EDGE) / (EYE_LAST - LID_EDGE)
            radius = at.lid_radius + (1.02 * at.eye_radius - at.lid_radius) * f
            out.append(at.eye + edge * radius)
    return np.array(out)


def lip_height(across: Array, upper: Bools, anchors: Anchors) -> Array:
    """Return how far the border of the red lies from the line of the lips, metres, signed."""
    a = np.abs(across)
    bow = 0.86 + 0.16 * np.exp(-(((a - 0.24) / 0.17) ** 2)) - 0.06 * np.exp(-((a / 0.12) ** 2))
    up = anchors.upper_lip * bow * (1.0 - a**1.7) ** 0.85
    low = -anchors.lower_lip * (1.0 - a**2.3) ** 0.8
    return np.where(upper, up, low)


def _mouth_positions(ring: Ring, points: Array, surface: HeadSurface) -> Array:
    at = surface.anchors
    curve = mouth_curve(ring)
    upper = curve.upper | (curve.lift < 1e-6)
    a = np.abs(curve.across)
    x = curve.across * at.mouth_half_width
    # The upper lip hangs a little at the middle, the corners turn up a trace.
    y = (
        at.mouth[1]
        - 0.0007 * np.exp(-((a / 0.22) ** 2))
        + 0.0021 * a**2.5
        + 0.0006 * np.exp(-(((a - 0.5) / 0.25) ** 2))
    )
    height = lip_height(curve.across, upper, at)
    forward = np.tile([0.0, 0.0, 1.0], (len(x), 1))

    def on_surface(px: Array, py: Array) -> Array:
        return project(
            surface.distance, np.stack([px, py, np.full_like(px, 0.03)], 1), forward, 0.12
        )

    border = on_surface(x * 1.02, y + height)
    contact = on_surface(x, y)
    contact[:, 2] -= 0.0006 + 0.0022 * smoothstep(a, 0.3, 1.0) - 0.0010 * (1.0 - a)
    contact[:, 2] = np.minimum(contact[:, 2], contact[ring.index.shape[1] // 4, 2] + 1.0)
    full = np.where(upper, at.upper_lip / 0.0075, at.lower_lip / 0.0098)
    bulge = np.where(upper, 0.0050, 0.0062) * full * (1.0 - a**2.2)
    control = border + (contact - border) * np.where(upper, 0.62, 0.50)[:, None]
    control[:, 2] = np.maximum(border[:, 2], contact[:, 2]) + bulge
    control[:, 1] -= np.where(upper, 0.0006, -0.0006) * curve.lift
    outer = points[ring.index[0]]
    sign = np.where(curve.upper, 1.0, np.where(curve.lower, -1.0, 0.0))
    out = []
    for level in ring.level[1:]:
        if level <= MOUTH_BORDER:
            f = level / MOUTH_BORDER
            f = f + 0.10 * np.sin(np.pi * f)  # a little closer at the lips
            goal = outer + (border - outer) * f
            out.append(settle(surface.distance, goal))
        elif level <= MOUTH_CONTACT:
            f = (level - MOUTH_BORDER) / (MOUTH_CONTACT - MOUTH_BORDER)
            out.append((1 - f) ** 2 * border + 2 * f * (1 - f) * control + f * f * contact)
        else:
            f = (level - MOUTH_CONTACT) / (MOUTH_LAST - MOUTH_CONTACT)
            inner = contact.copy()
            inner[:, 1] += sign * 0.0030 * f**2 * curve.lift
            inner[:, 2] -= 0.0045 * f
            inner[:, 0] *= 1.0 - 0.03 * f
            out.append(inner)
    return np.array(out)
