"""Signed distance functions: solids that melt into one another, from which the head is built.

All functions take points of shape ``(n, 3)`` in metres and return ``(n,)`` metres, negative
inside. Ellipsoid and smooth union follow Inigo Quilez, "Distance functions" (2008-2022).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Field = Callable[[Array], Array]


def ellipsoid(points: Array, center: Array, radii: Array) -> Array:
    """Return the approximate distance to an ellipsoid (exact to first order at its surface)."""
    q = (points - center) / radii
    k0 = np.sqrt((q * q).sum(1)) + 1e-9
    q = q / radii
    k1 = np.sqrt((q * q).sum(1)) + 1e-9
    return k0 * (k0 - 1.0) / k1


def capsule(points: Array, a: Array, b: Array, radius_a: float, radius_b: float) -> Array:
    """Return the distance to a segment from `a` to `b` whose radius changes along it."""
    ab = b - a
    t = np.clip((points - a) @ ab / (ab @ ab), 0.0, 1.0)
    d = points - a - t[:, None] * ab
    return np.sqrt((d * d).sum(1)) - (radius_a + (radius_b - radius_a) * t)


def smooth_min(a: Array, b: Array, width: float) -> Array:
    """Return the minimum of two distances, rounded where they differ by less than `width`."""
    h = np.maximum(width - np.abs(a - b), 0.0) / width
    return np.minimum(a, b) - h * h * h * width / 6.0


def smooth_max(a: Array, b: Array, width: float) -> Array:
    """Return the maximum of two distances, rounded where they differ by less than `width`."""
    return -smooth_min(-a, -b, width)


def gradient(field: Field, points: Array, step: float = 5e-4) -> Array:
    """Return unit gradients ``(n, 3)`` by central differences; at the surface, its normals."""
    g = np.empty_like(points)
    for axis in range(3):
        offset = np.zeros(3)
        offset[axis] = step
        g[:, axis] = field(points + offset) - field(points - offset)
    return g / (np.linalg.norm(g, axis=1, keepdims=True) + 1e-12)


def settle(field: Field, points: Array, rounds: int = 4) -> Array:
    """Move points ``(n, 3)`` that lie near the surface onto it, along the gradient."""
    points = points.copy()
    for _ in range(rounds):
        points -= field(points)[:, None] * gradient(field, points)
    return points


def project(field: Field, origins: Array, directions: Array, far: float | Array = 0.2) -> Array:
    """Return where rays first meet the surface when one walks in from far away.

    Parameters
    ----------
    field : callable
        Distance function.
    origins, directions : ndarray
        ``(n, 3)`` points inside the solid and unit directions outward.
    far : float or ndarray
        Distance from the origin at which the walk starts, metres.

    Returns
    -------
    ndarray
        ``(n, 3)`` points on the surface (or the origins, where a ray meets nothing).
    """
    t = np.broadcast_to(np.asarray(far, dtype=float), (len(origins),)).copy()
    active = np.arange(len(origins))
    # Sphere tracing; the smooth unions are no exact distances, hence the factor below 1.
    for _ in range(60):
        d = field(origins[active] + t[active, None] * directions[active])
        t[active] = np.maximum(t[active] - 0.9 * d, 0.0)
        active = active[(np.abs(d) > 2e-6) & (t[active] > 0.0)]
        if len(active) == 0:
            break
    return origins + t[:, None] * directions
