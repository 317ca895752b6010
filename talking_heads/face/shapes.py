"""The 52 ARKit shapes: what is linear in them, as fields over the skin at rest.

Every shape is a smooth function of the place on the skin (and, round the mouth, of the ring), so
that all resolutions and identities get it from one definition. Rotations of jaw, lids and eyes
are in `talking_heads.face.rig`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from talking_heads.face.individual import jaw_habit
from talking_heads.face.lattice import MOUTH_BORDER, MOUTH_CONTACT, Ring
from talking_heads.face.names import ARKIT_INDEX
from talking_heads.face.skin import mouth_curve
from talking_heads.face.surface import HeadSurface, smoothstep
from talking_heads.geometry.sdf import Array


@dataclass(frozen=True)
class MouthMap:
    """Where each point lies with respect to the mouth.

    Attributes
    ----------
    level : ndarray
        ``(n,)`` ring coordinate of the mouth, 0 off the rings.
    upper : ndarray
        ``(n,)`` 1 on the upper lip and above, 0 on the lower and below, between at the corners.
    near : ndarray
        ``(n,)`` 1 on the lips, falling to 0 about 3 cm away.
    """

    level: Array
    upper: Array
    near: Array


@dataclass(frozen=True)
class Side:
    """Soft spots on one side of the face, ``(n,)`` each, 1 at their middle."""

    corner: Array  # the corner of the mouth
    wide: Array  # the same with the skin beside it
    cheek: Array  # below the eye
    fold: Array  # beside the wing of the nose
    crease: Array  # the line from there to the corner of the mouth
    pouch: Array  # the hollow of the cheek, over no bone


@dataclass(frozen=True)
class Zones:
    """Soft masks over points of the face from which the shapes are made, ``(n,)`` each."""

    points: Array
    surface: HeadSurface
    near: Array  # 1 on and round the lips
    up: Array  # of that the upper lip
    low: Array
    red: Array  # 0 on the skin to 1 where the lips touch
    border: Array  # 1 where the red begins
    sides: dict[str, tuple[float, Array]]  # sign of x and the half of the face

    @classmethod
    def of(cls, points: Array, where: MouthMap, surface: HeadSurface) -> Zones:
        """Return the zones of points ``(n, 3)``."""
        level = where.level
        red = smoothstep(level, MOUTH_BORDER - 1.0, float(MOUTH_CONTACT))
        border = smoothstep(level, 1.0, MOUTH_BORDER)
        border = border * smoothstep(level, MOUTH_CONTACT, MOUTH_BORDER)
        left = smoothstep(points[:, 0], -0.016, 0.016)
        return cls(
            points,
            surface,
            where.near,
            where.upper * where.near,
            (1.0 - where.upper) * where.near,
            red,
            border,
            {"Left": (1.0, left), "Right": (-1.0, 1.0 - left)},
        )

    def ball(self, center: Array, *radii: float) -> Array:
        """Return a soft spot: 1 at `center`, exp(-1) at the radii."""
        r = np.array(radii if len(radii) == 3 else radii * 3)
        return np.asarray(np.exp(-(((self.points - center) / r) ** 2).sum(1)))

    def on_side(self, s: float) -> Side:
        """Return the spots on the left (`s` 1) or the right (-1)."""
        at = self.surface.anchors
        corner = np.array([at.mouth_half_width * s, at.mouth[1], at.mouth[2] - 0.010])
        nose = np.array([s * 0.020, at.nose_tip[1] - 0.004, 0.09])
        beside = np.array([s * (at.mouth_half_width + 0.009), at.mouth[1] + 0.010, 0.076])
        way = beside - nose
        along = np.clip((self.points - nose) @ way / (way @ way), 0.0, 1.0)
        off = self.points - (nose + along[:, None] * way)
        return Side(
            corner=self.ball(corner, 0.016, 0.019, 0.03),
            wide=self.ball(corner + np.array([0.004 * s, 0.004, 0]), 0.022, 0.024, 0.035),
            cheek=self.ball(at.cheek * [s, 1, 1], 0.019, 0.016, 0.03),
            fold=self.ball(nose, 0.012, 0.013, 0.03),
            crease=np.asarray(np.exp(-(off**2).sum(1) / 0.009**2)),
            pouch=self.ball(np.array([s * 0.043, at.mouth[1] + 0.009, 0.064]), 0.019, 0.019, 0.023),
        )


def mouth_map(points: Array, surface: HeadSurface, ring: Ring | None) -> MouthMap:
    """Return the place of points ``(n, 3)`` relative to the mouth; `ring` if they are the skin."""
    at = surface.anchors
    half = at.mouth_half_width
    dx, dy = points[:, 0] / half, (points[:, 1] - at.mouth[1])
    angle = np.arctan2(dy / 0.016, np.abs(dx))
    side = np.sin(angle)
    level = np.zeros(len(points))
    if ring is not None:
        curve = mouth_curve(ring)
        sign = np.where(curve.upper, 1.0, np.where(curve.lower, -1.0, 0.0))
        for k, index in zip(ring.level[1:], ring.index[1:], strict=True):
            level[index] = k
            f = smoothstep(np.array(k), 0.0, float(MOUTH_BORDER))
            side[index] = side[index] * (1 - f) + sign * curve.lift * f
    side = np.sign(side) * np.abs(side) ** 0.8
    upper = 0.5 + 0.5 * side
    low_extent = np.where(dy < 0, 0.0165, 0.0140)
    reach = np.sqrt((dx / 1.15) ** 2 + (dy / low_extent) ** 2)
    front = smoothstep(points[:, 2], 0.0, 0.03)
    near = smoothstep(reach, 2.5, 0.85) * front
    near = np.where(level >= MOUTH_BORDER, 1.0, near)
    return MouthMap(level, upper, near)


def jaw_weight(points: Array, where: MouthMap, surface: HeadSurface) -> Array:
    """Return the share of the jaw's rotation that each point takes, ``(n,)``."""
    at = surface.anchors
    dy, dz = points[:, 1] - at.hinge[1], points[:, 2] - at.hinge[2]
    angle = np.degrees(np.arctan2(-dy, dz))
    corner = np.degrees(np.arctan2(at.hinge[1] - at.mouth[1], at.mouth[2] - 0.012 - at.hinge[2]))
    base = smoothstep(angle, corner - 11.0, corner + 7.0)
    # The neck stays; so does what lies behind the angle of the jaw.
    throat = smoothstep(points[:, 1], surface.y(-0.168), surface.y(-0.106))
    behind = smoothstep(points[:, 2], -0.012, 0.022)
    under = smoothstep(angle, 108.0, 56.0)
    base = base * throat * behind * under
    lower = 1.0 - where.upper
    habit = jaw_habit(points, surface.identity)
    lip = smoothstep(lower, 0.0, 0.5) * (habit.corner - habit.upper) + habit.upper
    lip = lip + (1.0 - habit.corner) * smoothstep(lower, 0.5, 0.95)
    ring = smoothstep(where.level, 0.0, float(MOUTH_BORDER))
    share = base + (lip - base) * np.maximum(ring, where.near * smoothstep(where.level, 0.0, 1.5))
    # The chin sits on the bone; elsewhere people differ.
    bone = np.exp(-(((points - at.chin) / [0.016, 0.014, 0.03]) ** 2).sum(1))
    return np.asarray(np.minimum(share * (habit.strength + (1.0 - habit.strength) * bone), 1.04))


def seal_weight(jaw: Array, where: MouthMap, meet: float) -> Array:
    """Return what mouthClose adds to the share of the jaw's rotation, ``(n,)``.

    Where both lips meet it brings them to one common share, `meet`, so that mouthClose equal to
    jawOpen closes the mouth at any angle of the jaw.
    """
    fade = smoothstep(where.near, 0.05, 1.0)
    return (meet - jaw) * fade * (0.4 + 0.6 * smoothstep(where.level, 0.0, 1.5))


def swing_share(z: Array) -> Array:
    """Return how much of the jaw's swing to a side a point takes, by its depth in metres."""
    return smoothstep(z, 0.020, 0.085)


def linear_shapes(points: Array, where: MouthMap, jaw: Array, surface: HeadSurface) -> Array:
    """Return the linear part of all shapes.

    Parameters
    ----------
    points : ndarray
        ``(n, 3)`` places at rest, metres.
    where : MouthMap
        Their relation to the mouth.
    jaw : ndarray
        ``(n,)`` share of the jaw's motion.
    surface : HeadSurface
        Whose.

    Returns
    -------
    ndarray
        ``(52, n, 3)`` displacement in metres at coefficient 1.
    """
    zones = Zones.of(points, where, surface)
    at, ball = surface.anchors, zones.ball
    x, y = points[:, 0], points[:, 1]
    out = np.zeros((52, len(points), 3))
    half = at.mouth_half_width
    up, low, near, red, border = zones.up, zones.low, zones.near, zones.red, zones.border
    outward = np.stack([x, 0.35 * (y - at.mouth[1]), 0.9 * (points[:, 2] - 0.01)], 1)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True) + 1e-9

    def put(name: str, *terms: tuple[Array, tuple[float, float, float]]) -> None:
        total = out[ARKIT_INDEX[name]]
        for weight, millimetres in terms:
            total += np.outer(weight, np.array(millimetres) / 1000.0)

    # Jaw.
    put("jawForward", (jaw, (0, 0, 7)))
    # Sideways the jaw turns about its joints: most at the chin, nothing at its angle.
    swing = jaw * swing_share(points[:, 2])
    # Lips that touch go along together.
    swing = swing + (0.6 * swing_share(points[:, 2]) - swing) * red
    put("jawLeft", (swing, (9, 0, -0.5)))
    put("jawRight", (swing, (-9, 0, -0.5)))
    put("jawOpen", (near * np.sin(np.clip(x / half, -1.6, 1.6) * np.pi / 3.2), (-2.2, 0, 0)))
    # Rounding: toward the middle and forward.
    inward = -x / half * near
    put("mouthPucker", (inward, (10.5, 0, 0)), (near, (0, 0, 6.5)), (red * near, (0, 0, 1.5)))
    # The red swells above and below the line where the lips stay in touch.
    swell = 4.0 * red * (1.0 - red)
    put("mouthPucker", (up * swell, (0, 0.9, 0)), (low * swell, (0, -0.9, 0)))
    put("mouthPucker", (border * up, (0, 0.7, 0)), (border * low, (0, -0.9, 0)))
    put("mouthFunnel", (inward, (6.8, 0, 0)), (near, (0, 0, 6.0)), (border * near, (0, 0, 2.5)))
    put("mouthFunnel", (up, (0, 3.0, 0)), (low, (0, -4.6, 0)))
    corner = np.array([half + 0.006, at.mouth[1] + 0.006, at.mouth[2] - 0.014])
    for name, s in (("mouthLeft", 1.0), ("mouthRight", -1.0)):
        put(name, (near, (8.5 * s, 0, 0)), (near * x / half * s, (0, 0, -2.5)))
        # The cheek that is drawn over the teeth bulges.
        put(name, (ball(corner * [-s, 1, 1], 0.020, 0.016, 0.03), (0, 0, 2.5)))
    # Lips.
    roll = red + 0.55 * border
    put("mouthRollLower", (low * roll, (0, 0, -4.6)), (low * border, (0, 5.0, -1.0)))
    put("mouthRollLower", (low * (1 - red), (0, 1.5, -0.5)), (low * red, (0, 0.6, 0)))
    put("mouthRollUpper", (up * roll, (0, 0, -4.6)), (up * border, (0, -4.0, -1.0)))
    put("mouthRollUpper", (up * (1 - red), (0, -1.3, -0.5)), (up * red, (0, -0.6, 0)))
    chin = ball(at.chin + np.array([0, 0.004, 0]), 0.022, 0.020, 0.03)
    put("mouthShrugLower", (low, (0, 4.0, 0.4)), (near, (0, 0, 2.4)), (chin, (0, 3.5, 1.8)))
    # The upper lip is pushed up and forward by the lower one, which it goes on touching.
    put("mouthShrugUpper", (near, (0, 0, 1.8)), (up * (1 - red), (0, 3.0, 1.2)))
    for side, (s, half_mask) in zones.sides.items():
        zone = zones.on_side(s)
        at_corner, wide, cheek, fold = zone.corner, zone.wide, zone.cheek, zone.fold
        u, w = up * half_mask, low * half_mask
        put(f"mouthSmile{side}", (wide, (6.2 * s, 8.2, -4.2)), (cheek, (1.2 * s, 4.2, 3.0)))
        put(f"mouthSmile{side}", (near * half_mask, (0, -0.5, -1.2)))
        put(f"mouthFrown{side}", (wide, (1.0 * s, -8.0, -1.0)), (w * (1 - red), (0, -0.8, 0)))
        put(f"mouthDimple{side}", (at_corner, (4.5 * s, 1.4, -7.0)))
        put(f"mouthStretch{side}", (wide, (8.5 * s, -3.2, -4.5)), (near * half_mask, (0, 0, -1.0)))
        put(f"mouthPress{side}", (u * red, (0, -1.5, -1.6)), (w * red, (0, 1.5, -1.6)))
        put(f"mouthPress{side}", (u * border, (0, -1.4, -1.0)), (w * border, (0, 1.8, -1.0)))
        put(f"mouthPress{side}", (at_corner, (1.0 * s, 0.5, -0.8)))
        put(f"mouthLowerDown{side}", (w, (0.6 * s, -7.5, -1.0)))
        put(f"mouthUpperUp{side}", (u, (0.4 * s, 6.0, -0.6)), (fold, (0.6 * s, 2.8, 1.2)))
        # Cheeks, nose.
        lid = ball(at.eye * [s, 1, 1] + np.array([0, -0.016, 0.012]), 0.018, 0.008, 0.02)
        put(f"cheekSquint{side}", (cheek, (0.6 * s, 5.2, 4.0)), (lid, (0, 1.6, 1.4)))
        out[ARKIT_INDEX["cheekPuff"]] += outward * (0.0100 * zone.pouch * (1 - red))[:, None]
        wing = ball(at.nose_tip + np.array([s * 0.013, 0.0, -0.012]), 0.009, 0.011, 0.014)
        bridge = ball(np.array([s * 0.012, 0.006, 0.085]), 0.010, 0.012, 0.02)
        put(f"noseSneer{side}", (wing, (1.0 * s, 5.2, 0.5)), (fold, (0.4 * s, 3.0, 1.6)))
        put(f"noseSneer{side}", (u * (1 - red), (0, 2.4, 0)), (bridge, (-0.4 * s, -1.5, 0.6)))
        # Brows.
        brow = at.brow * [s, 1, 1]
        inner, outer = (
            brow + np.array([-0.016 * s, -0.001, 0]),
            brow + np.array([0.013 * s, 0, -0.008]),
        )
        w_inner = ball(inner, 0.015, 0.019, 0.03)
        w_outer = ball(outer, 0.017, 0.020, 0.03)
        w_all = ball(brow, 0.024, 0.015, 0.035)
        put(f"browDown{side}", (w_all, (-1.8 * s, -6.0, 1.2)), (w_inner, (-1.0 * s, -3.0, 0.8)))
        put(f"browOuterUp{side}", (w_outer, (0, 8.0, -0.8)), (w_inner, (0, 1.0, 0)))
        put("browInnerUp", (w_inner, (-0.6 * s, 8.5, 0.2)))
        under = ball(at.eye * [s, 1, 1] + np.array([0, -0.016, 0.012]), 0.018, 0.008, 0.02)
        put(f"eyeSquint{side}", (under, (0, 2.0, 1.0)), (w_all, (0, -1.2, 0)))
        put(f"eyeWide{side}", (w_all, (0, 1.8, 0)))
    # Lips drawn over an open jaw stretch forward round the teeth.
    put("mouthClose", (near, (0, 0, 3.0)))
    put("tongueOut", (low, (0, -6.0, 0.6)), (up, (0, 2.6, 0)))
    return out
