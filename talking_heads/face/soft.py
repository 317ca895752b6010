"""Which parts of the skin hang softly on the bone, and by how much they trail behind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talking_heads.face.lattice import MOUTH_BORDER
from talking_heads.face.shapes import MouthMap
from talking_heads.face.surface import HeadSurface, smoothstep
from talking_heads.geometry.sdf import Array

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

_LEAST = 0.01


def soft_parts(
    points: Array, where: MouthMap, surface: HeadSurface
) -> tuple[tuple[Ints, Floats], tuple[Ints, Floats]]:
    """Return, for both springs of `dynamics.SWAY`, vertices and the share of the lag they take.

    Parameters
    ----------
    points : ndarray
        ``(n, 3)`` skin at rest, metres.
    where : MouthMap
        Their relation to the mouth.
    surface : HeadSurface
        Whose; fuller cheeks trail more.

    Returns
    -------
    tuple of (ndarray of int, ndarray of float32)
        Cheeks, jowls and chin pad; then the skin round the lips. Where the lips meet, at the lids
        and above, the share is 0.
    """
    at, fat = surface.anchors, surface.identity["cheeks"]
    mirrored = np.stack([np.abs(points[:, 0]), points[:, 1], points[:, 2]], 1)

    def ball(x: float, y: float, z: float, *radii: float) -> Array:
        way = (mirrored - np.array([x, y, z])) / np.array(radii)
        return np.asarray(np.exp(-(way**2).sum(1)))

    cheek = ball(0.042, at.mouth[1] + 0.018, 0.060, 0.020, 0.024, 0.030)
    jowl = ball(0.036, at.mouth[1] - 0.018, 0.055, 0.018, 0.018, 0.030)
    pad = ball(0.0, at.chin[1] + 0.002, at.chin[2], 0.020, 0.014, 0.030)
    throat = ball(0.0, at.chin[1] - 0.018, 0.050, 0.028, 0.014, 0.030)
    flesh = np.maximum.reduce([0.9 * cheek, jowl, 0.55 * pad, 0.8 * throat])
    below = smoothstep(points[:, 1], at.eye[1] - 0.016, at.eye[1] - 0.030)
    red = smoothstep(where.level, float(MOUTH_BORDER) + 1.0, 0.0)
    rim = where.near * smoothstep(where.level, float(MOUTH_BORDER) + 1.5, float(MOUTH_BORDER) - 1.0)
    out = []
    for share in ((0.42 + 0.14 * fat) * flesh * below * red, 0.40 * rim * below):
        index = np.flatnonzero(share > _LEAST)
        out.append((index, share[index].astype(np.float32)))
    return out[0], out[1]
