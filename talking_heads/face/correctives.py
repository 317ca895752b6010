"""What happens where two shapes meet: displacements in proportion to products of coefficients.

Shapes that are merely added pull the lips too far or leave them too flat. A sculptor mends such
poses by hand; here the mends are fields over the skin, like the shapes themselves, and each comes
in with the product of two coefficients, so that it vanishes near rest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.face.names import ARKIT_INDEX
from talking_heads.face.rig import closing
from talking_heads.face.shapes import MouthMap, Zones
from talking_heads.face.surface import HeadSurface, smoothstep
from talking_heads.geometry.sdf import Array

_ONCE = (
    ("jawOpen", "jawOpen"),
    ("jawOpen", "mouthPucker"),
    ("jawOpen", "mouthFunnel"),
    ("jawOpen", "mouthClose"),
    ("mouthPucker", "mouthPucker"),
    ("mouthFunnel", "mouthPucker"),
    ("mouthRollLower", "mouthRollUpper"),
)
_PER_SIDE = (
    ("jawOpen", "mouthSmile{}"),
    ("jawOpen", "mouthStretch{}"),
    ("jawOpen", "mouthLowerDown{}"),
    ("jawOpen", "mouthUpperUp{}"),
    ("mouthSmile{}", "mouthSmile{}"),
    ("mouthSmile{}", "mouthStretch{}"),
    ("mouthSmile{}", "mouthPucker"),
    ("mouthSmile{}", "cheekSquint{}"),
    ("mouthUpperUp{}", "mouthLowerDown{}"),
    ("mouthPucker", "mouthLowerDown{}"),
    ("mouthFunnel", "mouthUpperUp{}"),
    ("mouthDimple{}", "mouthStretch{}"),
)

PRODUCTS: tuple[tuple[str, str], ...] = (
    *_ONCE,
    *((a.format(s), b.format(s)) for a, b in _PER_SIDE for s in ("Left", "Right")),
)
"""The pairs of shapes whose product brings in a corrective, in order.

Beside another shape of the mouth, jawOpen counts by how far mouthClose leaves it open."""

_JAW, _CLOSE, _FREE = ARKIT_INDEX["jawOpen"], ARKIT_INDEX["mouthClose"], len(ARKIT_INDEX)


def _column(name: str, other: str) -> int:
    return _FREE if name == "jawOpen" and other != "mouthClose" else ARKIT_INDEX[name]


_FIRST = np.array([_column(a, b) for a, b in PRODUCTS])
_SECOND = np.array([_column(b, a) for a, b in PRODUCTS])


def with_products(coefficients: NDArray[Any]) -> NDArray[Any]:
    """Return coefficients ``(frame, 52)`` with the products behind them ``(frame, 52 + p)``."""
    c = coefficients
    free = c[:, _JAW] - closing(c)
    factors = np.concatenate([c, free[:, None]], axis=1)
    return np.concatenate([c, factors[:, _FIRST] * factors[:, _SECOND]], axis=1)


def corrective_shapes(points: Array, where: MouthMap, surface: HeadSurface) -> Array:
    """Return the displacement that each product of 1 adds.

    Parameters
    ----------
    points : ndarray
        ``(n, 3)`` places at rest, metres.
    where : MouthMap
        Their relation to the mouth.
    surface : HeadSurface
        Whose.

    Returns
    -------
    ndarray
        ``(len(PRODUCTS), n, 3)`` metres.
    """
    zones = Zones.of(points, where, surface)
    at = surface.anchors
    near, up, low, red, border = zones.near, zones.up, zones.low, zones.red, zones.border
    inward = -points[:, 0] / at.mouth_half_width * near
    number = {pair: i for i, pair in enumerate(PRODUCTS)}
    out = np.zeros((len(PRODUCTS), len(points), 3))

    def put(a: str, b: str, *terms: tuple[Array, tuple[float, float, float]]) -> None:
        for weight, millimetres in terms:
            out[number[a, b]] += np.outer(weight, np.array(millimetres) / 1000.0)

    # The middle of the lips, away from their corners.
    middle = near * smoothstep(np.abs(points[:, 0]), 0.9 * at.mouth_half_width, 0.0)
    # Wide open: the lower lip is drawn over the teeth.
    put("jawOpen", "jawOpen", (low * red, (0, 1.2, -1.6)), (low * border, (0, 1.0, -1.2)))
    # Round and open: an O, as high as wide; both lips curl outward.
    put("jawOpen", "mouthPucker", (inward, (-4.0, 0, 0)), (up * red, (0, -1.0, 2.0)))
    put("jawOpen", "mouthPucker", (low * red, (0, 1.8, 2.6)), (middle * border, (0, 0, 2.0)))
    put("jawOpen", "mouthFunnel", (inward, (2.4, 0, 0)), (up, (0, -1.6, 0.6)))
    put("jawOpen", "mouthFunnel", (low, (0, 3.0, 0.8)), (low * border, (0, -0.8, 2.2)))
    # Lips that cover an open jaw are drawn long and thin.
    put("jawOpen", "mouthClose", (border, (0, 0, -2.2)), (near, (0, 0, -1.2)))
    # Beyond a kiss the lips can only push forward, no longer inward; two roundings share one way.
    put("mouthPucker", "mouthPucker", (inward, (-2.0, 0, 0)), (middle, (0, 0, 2.2)))
    put("mouthPucker", "mouthPucker", (border * up, (0, 0.8, 0.8)), (border * low, (0, -0.8, 0.8)))
    put("mouthFunnel", "mouthPucker", (inward, (-6.0, 0, 0)), (near, (0, 0, -4.5)))
    put("mouthFunnel", "mouthPucker", (up, (0, -1.2, 0)), (low, (0, 1.8, 0)))
    put("mouthRollLower", "mouthRollUpper", (near, (0, 0, 1.2)), (border, (0, 0, 0.8)))
    for side, (s, half) in zones.sides.items():
        z = zones.on_side(s)
        u, w, n = up * half, low * half, near * half
        smile, stretch = f"mouthSmile{side}", f"mouthStretch{side}"
        raised, lowered = f"mouthUpperUp{side}", f"mouthLowerDown{side}"
        # The open jaw hollows the cheek and draws the corner in and down.
        put(
            "jawOpen", "jawOpen", (z.corner, (-1.6 * s, -1.2, -0.8)), (z.pouch, (-1.8 * s, 0, -1.4))
        )
        put("jawOpen", "mouthPucker", (z.pouch, (-2.4 * s, 0, -1.4)), (z.corner, (0, 0, 2.2)))
        put("jawOpen", "mouthFunnel", (z.pouch, (-1.8 * s, 0, -1.0)), (z.corner, (0, 0, 2.4)))
        put("jawOpen", "mouthClose", (z.pouch, (-2.2 * s, -1.0, -1.4)))
        put("mouthPucker", "mouthPucker", (z.corner, (0, 0, 3.0)), (z.fold, (-0.8 * s, -1.2, 0.8)))
        # Smiling with an open mouth pulls the corner sideways rather than up.
        put("jawOpen", smile, (z.corner, (2.6 * s, -2.8, -1.8)), (z.pouch, (1.4 * s, 0.8, 1.8)))
        put("jawOpen", smile, (u, (0, 1.6, -1.2)), (w, (0, 0.9, -1.6)))
        put("jawOpen", stretch, (z.corner, (-2.2 * s, -2.4, 1.2)), (w, (0, -1.6, -0.8)))
        # An open jaw has drawn the lip down already.
        put("jawOpen", lowered, (w, (0, 3.0, 0)), (w * border, (0, 0, 1.8)))
        put("jawOpen", raised, (z.fold, (0.8 * s, 1.0, 0.8)), (u * border, (0, 0.4, 1.8)))
        # A full smile: the corner turns round the cheek, which folds below the nose.
        put(smile, smile, (z.corner, (1.2 * s, 0.6, -3.0)), (z.crease, (0.8 * s, -0.6, -2.2)))
        put(smile, smile, (z.cheek, (0.4 * s, 0.8, 1.8)), (u * border, (0, 0.8, -0.8)))
        put(smile, stretch, (z.wide, (-4.5 * s, 0, 1.8)))
        put(smile, "mouthPucker", (z.corner, (1.0 * s, -2.6, 1.2)), (n, (0, 0, -2.4)))
        put(smile, f"cheekSquint{side}", (z.cheek, (-0.4 * s, -2.4, -1.0)))
        # Both lips drawn apart: a square mouth, its corners pulled in.
        put(raised, lowered, (z.corner, (-2.4 * s, 0, 0.8)), (u * border, (0, 0, 1.4)))
        put(raised, lowered, (w * border, (0, 0, 1.6)))
        put("mouthPucker", lowered, (w, (0, 2.4, 1.8)))
        put("mouthFunnel", raised, (u, (0, -2.0, 1.0)), (z.fold, (0, 0.8, 0.6)))
        put(f"mouthDimple{side}", stretch, (z.corner, (-2.4 * s, 0, 2.2)))
    return out
