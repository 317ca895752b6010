"""Everything on the head that is not skin or hair: eyes, lashes, brows, mouth, ears, shirt."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from talking_heads.face.hair import covers_ears
from talking_heads.face.identity import Identity
from talking_heads.face.lattice import Ring, split_quads
from talking_heads.face.piece import Piece, both_sides, merge, sheet
from talking_heads.face.skin import mouth_curve
from talking_heads.face.surface import Anchors, HeadSurface, smoothstep
from talking_heads.geometry.sdf import Array, gradient, project

Ints = NDArray[np.int64]

# Rings of the eyeball: angle from its axis in degrees, and what the ring is.
_EYE_RINGS = (
    (0.0, "pupil"), (10.5, "pupil"), (10.8, "inner"), (18.0, "iris"), (24.5, "iris"),
    (27.0, "limbus"), (29.5, "sclera"), (44.0, "sclera"), (62.0, "sclera"), (82.0, "back"),
    (105.0, "back"),
)  # fmt: skip
_IRIS_EDGE = 27.0


def eyeball(anchors: Anchors, iris: Array, steps: int) -> Piece:
    """Build the left eyeball; its axis looks along z.

    Parameters
    ----------
    anchors : Anchors
        Where it lies.
    iris : ndarray
        ``(3,)`` sRGB.
    steps : int
        Points a ring.
    """
    angle = np.radians([a for a, _ in _EYE_RINGS])
    turn = np.arange(steps) * 2 * np.pi / steps
    # The cornea bulges a millimetre.
    bulge = 0.0009 * smoothstep(np.degrees(angle), 32.0, 14.0)
    radius = anchors.eye_radius + bulge
    way = np.stack(
        [
            np.sin(angle)[:, None] * np.cos(turn),
            np.sin(angle)[:, None] * np.sin(turn),
            np.cos(angle)[:, None] + 0 * turn,
        ],
        -1,
    )
    points = anchors.eye + way * radius[:, None, None]
    white = np.array([232.0, 227, 221])
    shades = {
        "pupil": np.array([12.0, 11, 12]),
        "inner": np.clip(iris * 0.62, 0, 255),
        "iris": np.clip(iris * 1.12, 0, 255),
        "limbus": iris * 0.42,
        "sclera": white,
        "back": white * [0.96, 0.80, 0.78],
    }
    colors = np.stack([np.tile(shades[kind], (steps, 1)) for _, kind in _EYE_RINGS])
    streak = 1.0 + 0.10 * np.sin(turn * 7.0 + np.sin(turn * 3.0) * 2.0)
    for i, (_, kind) in enumerate(_EYE_RINGS):
        if kind in ("iris", "inner"):
            colors[i] = np.clip(colors[i] * streak[:, None], 0, 255)
            # Light falls through the cornea onto the lower half of the iris.
            colors[i] = np.clip(colors[i] * (0.94 - 0.16 * np.sin(turn))[:, None], 0, 255)
    return Piece(
        points.reshape(-1, 3), sheet(len(angle), steps, closed=True), colors.reshape(-1, 3)
    )


def glints(anchors: Anchors) -> Piece:
    """Build the reflections of a window on both corneas; they stay while the eyes turn."""
    steps = 8
    turn = np.arange(steps) * 2 * np.pi / steps
    out = []
    for side in (1.0, -1.0):
        a, e = np.radians(-9.0), np.radians(11.0)  # the light stands to the viewer's left
        across = a + np.radians(3.4) * np.append(np.cos(turn), 0.0)
        up = e + np.radians(3.4) * np.append(np.sin(turn), 0.0)
        way = np.stack(
            [np.sin(across), np.cos(across) * np.sin(up), np.cos(across) * np.cos(up)], 1
        )
        center = anchors.eye * [side, 1.0, 1.0]
        points = center + way * (anchors.eye_radius + 0.00115)
        fan = np.stack([np.full(steps, steps), np.arange(steps), np.roll(np.arange(steps), -1)], 1)
        out.append(Piece(points, fan, np.full((steps + 1, 3), 250.0)))
    return merge(*out)


def lashes(ring: Ring, edge: Array, anchors: Anchors, color: Array) -> tuple[Piece, Ints]:
    """Build the upper lashes of the left eye.

    Returns
    -------
    Piece
        Two rows: roots on the edge of the lid, then tips.
    ndarray of int
        ``(n,)`` step of the ring whose lid each point follows.
    """
    steps = np.flatnonzero((ring.phase > 0.015) & (ring.phase < 0.47))
    root = edge[steps]
    out = root - anchors.eye
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    t = np.cos(np.pi * ring.phase[steps] * 2.0)
    long = 0.0030 * np.clip(1.0 - t**4, 0.0, None) * (0.8 + 0.35 * t)
    tip = root + long[:, None] * (out + np.array([0.0, 0.10, 0.0]) + np.outer(t, [0.4, 0, 0]))
    points = np.concatenate([tip, root + out * 0.0002])
    piece = Piece(points, sheet(2, len(steps)), np.tile(color, (len(points), 1)))
    return both_sides(piece), np.tile(steps, 2)


def brow(surface: HeadSurface, color: Array) -> Piece:
    """Build the left eyebrow, a thin cushion on the skin."""
    who, at = surface.identity, surface.anchors
    columns, rows = 17, 5
    u = np.linspace(0.0, 1.0, columns)
    x = at.brow[0] - 0.0205 + 0.0390 * u
    arch = PchipInterpolator([0, 0.35, 0.62, 1.0], [-0.0020, 0.0030, 0.0042, -0.0040])(u)
    thick = 0.0040 * (1.0 + 0.45 * who["brow_thickness"])
    thick = thick * PchipInterpolator([0, 0.08, 0.3, 0.65, 1.0], [0.62, 0.98, 1.0, 0.75, 0.15])(u)
    v = np.linspace(1.0, -1.0, rows)
    px = np.tile(x, (rows, 1))
    py = at.brow[1] + arch + v[:, None] * thick
    px = px + 0.0015 * v[:, None] * (1.0 - 2.0 * u)  # hairs lean outward
    start = np.stack([px, py, np.full_like(px, 0.02)], -1).reshape(-1, 3)
    skin = project(surface.distance, start, np.tile([0.0, 0.0, 1.0], (len(start), 1)), 0.1)
    normal = gradient(surface.distance, skin, 2e-3)
    ends = np.minimum(smoothstep(u, 0.0, 0.12) * 0.8 + 0.2, smoothstep(u, 1.0, 0.85))
    height = -0.0004 + 0.0018 * (1.0 - v[:, None] ** 2) * ends
    height = np.maximum(height, 0.00025 * (np.abs(v[:, None]) < 0.9) - 0.0004)
    points = skin + normal * height.reshape(-1, 1)
    tint = 0.85 + 0.15 * np.sin(np.arange(columns) * 2.4)[None, :] * np.ones((rows, 1))
    colors = color * tint.reshape(-1, 1)
    return Piece(points, sheet(rows, columns), np.clip(colors, 0, 255))


def mouth_bag(ring: Ring, lips: Array, inner: Ints, first: int, anchors: Anchors) -> Piece:
    """Build the inside of the mouth: it goes on from the last ring of the lips to the throat.

    Parameters
    ----------
    ring : Ring
        The rings of the mouth.
    lips : ndarray
        ``(steps, 3)`` last ring of the skin.
    inner : ndarray of int
        ``(steps,)`` their vertex numbers.
    first : int
        Vertex number of the first point of the bag.
    anchors : Anchors
        Where the mouth is.

    Returns
    -------
    Piece
        Its triangles count vertices over the whole head.
    """
    curve = mouth_curve(ring)
    sign = np.where(curve.upper, 1.0, np.where(curve.lower, -1.0, 0.0))
    y0, z0 = anchors.mouth[1], lips[:, 2].max()
    rows = []
    for spread, z, wide in ((0.013, 0.006, 1.0), (0.019, 0.020, 1.05), (0.017, 0.045, 0.8)):
        row = lips.copy()
        row[:, 0] = lips[:, 0] * wide
        row[:, 1] = y0 + sign * spread * curve.lift**0.6
        row[:, 2] = np.minimum(lips[:, 2] - 0.003, z0 - z)
        rows.append(row)
    throat = np.array([[0.0, y0, z0 - 0.060]])
    steps = len(inner)
    index = np.concatenate([inner[None], first + np.arange(3 * steps).reshape(3, steps)])
    a, b = index[:-1], index[1:]
    quads = np.stack([a, np.roll(a, -1, 1), np.roll(b, -1, 1), b], -1).reshape(-1, 4)
    tip = first + 3 * steps
    fan = np.stack([index[-1], np.roll(index[-1], -1), np.full(steps, tip)], 1)
    half = np.tile((ring.phase >= 0.25) & (ring.phase < 0.75), 3)
    colors = np.concatenate(
        [np.tile(c, (steps, 1)) for c in ((128.0, 52, 52), (84.0, 28, 30), (46.0, 12, 14))]
        + [np.array([[20.0, 5, 6]])]
    )
    share = 0.5 - 0.5 * sign * curve.lift**0.5
    jaw = np.concatenate([share, share, 0.5 + 0.7 * (share - 0.5), [0.4]])
    piece = Piece(
        np.concatenate([*rows, throat]),
        np.concatenate([split_quads(quads, half), fan]),
        colors,
        jaw,
    )
    return piece


def teeth(anchors: Anchors) -> Piece:
    """Build both rows of teeth with their gums."""
    y, z = anchors.mouth[1], anchors.mouth[2] - 0.0098
    upper = _tooth_arc(y, z, up=1.0, scale=anchors.mouth_half_width / 0.025)
    lower = _tooth_arc(y, z - 0.0022, up=-1.0, scale=0.93 * anchors.mouth_half_width / 0.025)
    lower.jaw[:] = 1.0
    return merge(upper, lower)


def _tooth_arc(y: float, z: float, up: float, scale: float) -> Piece:
    # Widths of the teeth from the middle outward, millimetres.
    widths = (
        np.array([8.4, 6.6, 7.4, 6.8, 6.6, 9.0]) if up > 0 else np.array([5.4, 5.9, 6.8, 7, 7, 10])
    )
    half = np.cumsum(np.concatenate([[0.0], widths])) / 1000.0 * scale
    inner = np.concatenate([np.linspace(a, b, 5)[:-1] for a, b in pairwise(half)])
    s = np.concatenate([-inner[:0:-1], inner])
    along = np.tile(np.array([0.0, 0.25, 0.5, 0.75]), len(widths))
    u = np.concatenate([along[:0:-1], along])
    crown = np.sin(np.pi * u) ** 0.5  # 0 in the gaps
    # Arc of the jaw by arc length: a circle at the front that opens out.
    radius = 0.0235 * scale
    bend = s / radius
    x = radius * np.sin(np.clip(bend, -1.7, 1.7))
    depth = -radius * (1.0 - np.cos(np.clip(bend, -1.7, 1.7)))
    out = np.stack([np.sin(bend), np.cos(bend)], 1)
    edge = (
        y
        + (-0.0012 if up > 0 else -0.0020)
        + up * (0.0007 * (1 - crown) + 0.0006 * (np.abs(s) > 0.012))
    )
    profile = (  # height above the edge, outward offset, colour
        (0.0140, -0.0010, (176.0, 84, 84)),
        (0.0105, 0.0006, (190.0, 98, 96)),
        (0.0092, 0.0000, (226.0, 214, 196)),
        (0.0050, 0.0004, (240.0, 233, 218)),
        (0.0010, 0.0002, (240.0, 235, 224)),
        (0.0000, -0.0010, (232.0, 226, 214)),
        (0.0030, -0.0040, (200.0, 186, 170)),
        (0.0095, -0.0062, (150.0, 66, 66)),
    )
    points, colors = [], []
    for height, offset, color in profile:
        scallop = 0.0013 * (1 - crown) * (0.008 < height < 0.0095)
        groove = 0.0006 * (1 - crown) * (height < 0.0095)
        px = x + out[:, 0] * (offset - groove)
        pz = z + depth + out[:, 1] * (offset - groove)
        points.append(np.stack([px, edge + up * (height - scallop), pz], 1))
        dim = 1.0 - 0.15 * (1 - crown) * (height < 0.0095)
        dim = dim * (1.0 - 0.45 * smoothstep(np.abs(s), 0.010, 0.034))
        colors.append(np.array(color) * dim[:, None])
    return Piece(
        np.concatenate(points),
        sheet(len(profile), len(s), flip=up < 0),
        np.concatenate(colors),
    )


def tongue(anchors: Anchors) -> tuple[Piece, Array]:
    """Build the tongue.

    Returns
    -------
    Piece
        Moves with the jaw.
    ndarray
        ``(n,)`` 0 at the root to 1 at the tip: how far each point follows tongueOut.
    """
    rows, steps = 12, 16
    t = np.sin(np.linspace(0.0, np.pi / 2, rows))  # root to tip, where it is round
    turn = np.arange(steps) * 2 * np.pi / steps
    width = 0.0165 * np.sqrt(np.clip(1.0 - np.clip((t - 0.45) / 0.55, 0, 1) ** 2.6, 0.0, None))
    thick = 0.0065 * np.sqrt(np.clip(1.0 - np.clip((t - 0.3) / 0.7, 0, 1) ** 3, 0.0, None))
    z = anchors.mouth[2] - 0.0135 - 0.046 * (1.0 - t)
    # The tip rests just below the edges of the lower teeth, so that it comes out over them.
    y = anchors.mouth[1] - 0.0085 + 0.003 * np.sin(np.pi * t) + 0.0035 * t
    groove = -0.0012 * np.exp(-((np.cos(turn) / 0.25) ** 2)) * (np.sin(turn) > 0)
    points = np.stack(
        [
            width[:, None] * np.cos(turn),
            y[:, None] + thick[:, None] * np.sin(turn) + groove,
            z[:, None] + 0 * turn,
        ],
        -1,
    ).reshape(-1, 3)
    colors = (
        np.tile([196.0, 96, 98], (rows * steps, 1)) * (0.55 + 0.45 * np.repeat(t, steps))[:, None]
    )
    piece = Piece(points, sheet(rows, steps, closed=True, flip=True), colors)
    piece.jaw = np.repeat(0.55 + 0.45 * t, steps)
    return piece, np.repeat(t, steps)


# Rings of the ear from the bowl outward, over the rim and down its back: share of the way from the
# middle of the bowl to the outline, height over the ear's plane (mm) behind and above, in front
# beside the tragus, shade.
_EAR_RINGS = (
    (0.00, -3.4, -3.4, 0.58), (0.22, -3.4, -3.2, 0.64), (0.34, -2.2, -1.2, 0.76),
    (0.43, 0.6, 0.8, 0.90), (0.52, 2.5, 1.6, 1.02), (0.62, 2.3, 1.4, 1.00),
    (0.74, 0.4, 0.8, 0.84), (0.83, 0.5, 0.2, 0.84), (0.90, 3.2, -0.6, 0.99),
    (0.95, 4.3, -1.4, 1.05), (1.00, 3.8, -2.2, 1.03), (1.02, 2.0, -3.0, 0.98),
    (1.00, 0.0, -4.0, 0.92), (0.93, -1.8, -5.0, 0.84), (0.80, -4.0, -6.0, 0.78),
)  # fmt: skip


def ear(surface: HeadSurface, skin: Array, steps: int = 36) -> Piece:
    """Build the left ear: bowl, fold, rim and lobe, joined to the head behind."""
    who, at = surface.identity, surface.anchors
    size = (1.0 + 0.13 * who["ear_size"]) / 1000.0
    turn = np.arange(steps) * 2 * np.pi / steps  # 0 back, 90 up
    back, up = np.cos(turn), np.sin(turn)
    # Outline in the plane of the ear (millimetres back and up): broad above, a lobe below.
    outline = np.stack(
        [
            back * (16.5 - 4.0 * np.clip(-up, 0, 1)) + 2.0 * up,
            np.where(up > 0, 29.0, 28.0) * np.sign(up) * np.abs(up) ** 0.92,
        ],
        1,
    )
    bowl = np.array([-3.0, -3.0])
    lobe = smoothstep(up, -0.45, -0.85)
    front = smoothstep(back, 0.15, -0.75)
    tragus = np.exp(-(((turn - np.radians(190.0)) / np.radians(24.0)) ** 2))
    tilt = np.radians(12.0)
    flare = 0.42 - 0.30 * covers_ears(who)
    axis_back = np.array([flare, 0.0, -1.0]) / np.hypot(flare, 1.0) * np.cos(tilt)
    axis_up = np.array([0.06, 1.0, -np.sin(tilt)])
    normal = np.cross(axis_back, axis_up)
    normal /= np.linalg.norm(normal)
    side = np.array([[0.0, at.ear[1] - 0.004, at.ear[2]]])
    anchor = project(surface.distance, side, np.array([[1.0, 0.0, 0.0]]), 0.12)[0]
    anchor = anchor + axis_back * 9.5 * size + [0.0022, 0, 0]

    def place(flat: Array, height: Array) -> Array:
        across = flat[:, :1] * axis_back + flat[:, 1:] * axis_up
        return anchor + size * (across + height[:, None] * normal)

    points, colors = [], []
    for ring, (share, behind, ahead, shade) in enumerate(_EAR_RINGS):
        height = behind + (ahead - behind) * front
        height = height + 3.2 * tragus * np.exp(-(((share - 0.46) / 0.11) ** 2)) * (ring < 9)
        height = height * (1.0 - 0.70 * lobe * (share > 0.3))
        p = place(bowl + (outline - bowl) * share, height)
        if ring < 7:  # the skin of the head must not come through the bowl
            p += np.maximum(0.0012 - surface.distance(p), 0.0)[:, None] * normal
        points.append(p)
        tone = shade + (0.95 - shade) * np.maximum(lobe, 0.8 * front) * (share > 0.45)
        colors.append(np.clip(skin * tone[:, None] ** [0.75, 1.1, 1.1] * [1.0, 0.93, 0.92], 0, 255))
    # Behind, the ear grows out of the head.
    root = place(bowl + (outline - bowl) * (0.62 - 0.2 * lobe)[:, None], np.full(steps, -8.0))
    for _ in range(4):
        root -= (surface.distance(root) + 0.003)[:, None] * gradient(surface.distance, root)
    points.append(root)
    colors.append(np.clip(np.tile(skin * [0.74, 0.68, 0.67], (steps, 1)), 0, 255))
    return Piece(
        np.concatenate(points), sheet(len(points), steps, closed=True), np.concatenate(colors)
    )


def shirt(who: Identity, color: Array, steps: int = 48) -> Piece:
    """Build the collar and the shoulders of a T-shirt; it stays while the head turns."""
    turn = np.arange(steps) * 2 * np.pi / steps
    across, front = np.sin(turn), np.cos(turn)
    wide = 1.0 + 0.10 * who["neck_width"]
    # Height (mm), half breadth, half depth, centre depth, shade; from inside the collar outward.
    rows = (
        (-170, 61, 55, -34, 0.55), (-150, 62, 57, -34, 0.70), (-145, 65, 60, -34, 1.00),
        (-147, 69, 64, -34, 1.05), (-154, 72, 67, -34, 0.85), (-157, 83, 72, -35, 1.0),
        (-166, 108, 80, -39, 1.0), (-180, 138, 89, -44, 1.0), (-198, 164, 98, -48, 0.95),
        (-235, 184, 106, -52, 0.9),
    )  # fmt: skip
    points, colors = [], []
    for y, breadth, depth, z, shade in rows:
        dip = -0.013 * np.clip(front, 0, 1) ** 2 - 0.002
        x = breadth * wide * across / 1000.0
        pz = (z + depth * front) / 1000.0
        py = y / 1000.0 + dip * (1.0 if y > -160 else 0.6)
        points.append(np.stack([x, py, pz], 1))
        colors.append(np.tile(color * shade, (steps, 1)))
    piece = Piece(
        np.concatenate(points),
        sheet(len(rows), steps, closed=True),
        np.clip(np.concatenate(colors), 0, 255),
    )
    piece.head = np.zeros(len(piece.points))
    return piece
