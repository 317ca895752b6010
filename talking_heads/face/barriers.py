"""What the skin cannot pass: the teeth behind the lips, the ball behind the lids.

Any combination of shapes may be asked for; each adds its own displacement, and many together
would draw the lips through the teeth. These barriers hold them in front. They change depths only,
so that the lip aperture stays what the shapes say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.face.lattice import MOUTH_BORDER, MOUTH_CONTACT, Ring
from talking_heads.face.names import ARKIT_INDEX as K
from talking_heads.face.rig import GLIDE, JAW_ANGLE, Eye
from talking_heads.face.surface import Anchors, smoothstep

Array = NDArray[Any]
Ints = NDArray[np.int64]

_FLESH = ((1.0, 0.0047), (float(MOUTH_BORDER), 0.0032), (float(MOUTH_CONTACT), 0.0010))
"""Distance in metres that points of the lips keep from the teeth, by ring."""
JAW_FORWARD, JAW_ASIDE = 0.007, 0.009  # metres by which the lower teeth move at coefficient 1
_EDGE = 0.002  # metres over which a barrier begins above the edge of the teeth


@dataclass(frozen=True)
class TeethBarrier:
    """Both rows of teeth as arcs that the lips stay in front of.

    Attributes
    ----------
    index : ndarray of int
        Vertices of the lips and the skin round them.
    flesh : ndarray
        ``(n,)`` metres that each keeps from the teeth.
    share : ndarray
        ``(n,)`` how far each gives way: the skin round the lips less and less, so that no crease
        marks where the barrier ends.
    radius : tuple of float
        Of the upper and the lower arc, metres.
    front : tuple of float
        Depth of the foremost point of each arc, metres.
    edge : tuple of float
        Height of the edge of each row, metres.
    hinge : ndarray
        ``(2,)`` y and z of the axis of the jaw.
    """

    index: Ints
    flesh: Array
    share: Array
    radius: tuple[float, float]
    front: tuple[float, float]
    edge: tuple[float, float]
    hinge: Array


def teeth_barrier(rest: Array, ring: Ring, anchors: Anchors, teeth: Array) -> TeethBarrier:
    """Return the barrier of one head.

    Parameters
    ----------
    rest : ndarray
        ``(n, 3)`` skin at rest, metres.
    ring : Ring
        The rings of the mouth.
    anchors : Anchors
        Whose.
    teeth : ndarray
        ``(m, 3)`` points of the upper row, then as many of the lower.
    """
    rings = (ring.level > 0) & (ring.level <= MOUTH_CONTACT + 1e-6)
    index = ring.index[rings].ravel()
    level, keep = zip(*_FLESH, strict=True)
    flesh = np.repeat(np.interp(ring.level[rings], level, keep), len(ring.phase))
    upper, lower = np.split(teeth, 2)
    barrier = TeethBarrier(
        index,
        flesh,
        np.repeat(smoothstep(ring.level[rings], 0.0, 2.5), len(ring.phase)).astype(np.float32),
        (float(upper[:, 0].max()), float(lower[:, 0].max())),
        (float(upper[:, 2].max()), float(lower[:, 2].max())),
        (float(upper[:, 1].min()), float(lower[:, 1].max())),
        anchors.hinge[1:],
    )
    # At rest no point is pushed.
    points = rest[index][None]
    room = np.minimum(*(_room(points, barrier, row) for row in (0, 1)))[0]
    flesh = np.minimum(flesh, np.maximum(room - 1e-4, 0.0)).astype(np.float32)
    return replace(barrier, flesh=flesh)


def _room(points: Array, teeth: TeethBarrier, row: int) -> Array:
    """Return how far points ``(frame, n, 3)`` lie in front of a row, where that row reaches."""
    r, front = teeth.radius[row], teeth.front[row]
    across = np.minimum(points[..., 0] ** 2, r * r)
    room = points[..., 2] - (front - r + np.sqrt(r * r - across))
    # Away from the teeth there is room enough.
    up = 1.0 if row == 0 else -1.0
    beside = (teeth.edge[row] - points[..., 1]) * up
    return room + np.maximum(beside, 0.0) * (0.01 / _EDGE)


def hold_off_teeth(vertices: Array, teeth: TeethBarrier, coefficients: Array) -> None:
    """Push lips ``(frame, vertex, 3)`` that would pass through the teeth forward, in place."""
    points = vertices[:, teeth.index]
    push = teeth.flesh - _room(points, teeth, 0)
    # The lower row moves: bring the points into its frame instead.
    c, dtype = coefficients, vertices.dtype
    opened = c[:, K["jawOpen"], None]
    angle = JAW_ANGLE * opened
    cos, sin = np.cos(angle), np.sin(angle)
    forward = JAW_FORWARD * c[:, K["jawForward"], None] + GLIDE * opened * opened
    aside = JAW_ASIDE * (c[:, K["jawLeft"], None] - c[:, K["jawRight"], None])
    y = points[..., 1] - dtype.type(teeth.hinge[0])
    z = points[..., 2] - dtype.type(teeth.hinge[1]) - forward.astype(dtype)
    local = np.stack(
        [
            points[..., 0] - aside.astype(dtype),
            cos * y + sin * z + dtype.type(teeth.hinge[0]),
            cos * z - sin * y + dtype.type(teeth.hinge[1]),
        ],
        axis=-1,
    )
    push = np.maximum(push, teeth.flesh - _room(local, teeth, 1))
    if (push > 0).any():
        vertices[:, teeth.index, 2] += (np.maximum(push, 0.0) * teeth.share).astype(dtype)


def lid_barrier(skin: Array, ring: Ring, center: Array, lid_radius: float) -> tuple[Ints, Array]:
    """Return the vertices of the lids and how near each may come to the centre of its eye.

    Parameters
    ----------
    skin : ndarray
        ``(n, 3)`` at rest, metres.
    ring : Ring
        The rings of the eye.
    center : ndarray
        ``(3,)`` metres.
    lid_radius : float
        Of the sphere on which the lids lie, metres.

    Returns
    -------
    tuple of ndarray
        ``(n,)`` vertices and metres: none may come nearer than the sphere of the lids, or than it
        was at rest.
    """
    index = ring.index[1:].ravel()
    rest = np.linalg.norm(skin[index] - center, axis=1)
    return index, np.minimum(rest, lid_radius).astype(np.float32) * np.float32(1 - 1e-6)


def hold_off_ball(vertices: Array, eye: Eye) -> None:
    """Push lids that would enter the eyeball outward, in place, before they turn about it."""
    way = vertices[:, eye.guarded] - eye.center
    reach = np.sqrt(np.einsum("fni,fni->fn", way, way))
    if (reach < eye.floor).any():
        grow = np.maximum(eye.floor / np.maximum(reach, np.float32(1e-6)), np.float32(1.0))
        vertices[:, eye.guarded] = np.where(
            grow[..., None] > 1, eye.center + way * grow[..., None], vertices[:, eye.guarded]
        )
