"""Colours of one identity, and of each vertex of the skin."""

from __future__ import annotations

import colorsys

import numpy as np

from talking_heads.face.hair import scalp_share
from talking_heads.face.identity import Identity
from talking_heads.face.lattice import LID_EDGE, MOUTH_BORDER, MOUTH_CONTACT, Lattice, Ring
from talking_heads.face.skin import mouth_curve
from talking_heads.face.surface import HeadSurface, smoothstep
from talking_heads.geometry.sdf import Array


def _mix(a: Array, b: Array, share: float | Array) -> Array:
    share = np.asarray(share, dtype=float)
    if share.ndim == 1:
        share = share[:, None]
    return a + (b - a) * share


def skin_color(who: Identity) -> Array:
    """Return the sRGB colour of the skin."""
    # Very light, light, tan, brown, dark; each rosy and golden.
    stops = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    rosy = np.array(
        [(246, 214, 200), (230, 184, 165), (196, 140, 115), (140, 92, 72), (88, 57, 47)], float
    )
    golden = np.array(
        [(246, 218, 190), (229, 188, 150), (195, 146, 106), (142, 97, 66), (92, 62, 44)], float
    )
    tone = float(np.clip(who["skin_tone"], 0.0, 1.0))
    pick = [
        np.array([np.interp(tone, stops, table[:, c]) for c in range(3)])
        for table in (rosy, golden)
    ]
    return _mix(pick[0], pick[1], who["skin_warmth"])


def hair_color(who: Identity) -> Array:
    """Return the sRGB colour of the hair."""
    stops = [0.0, 0.25, 0.5, 0.75, 1.0]
    ash = np.array(
        [(24, 21, 20), (66, 47, 37), (106, 80, 60), (165, 134, 98), (222, 198, 156)], float
    )
    red = np.array(
        [(28, 20, 17), (82, 42, 27), (140, 70, 36), (180, 106, 56), (226, 172, 112)], float
    )
    shade = float(np.clip(who["hair_shade"], 0.0, 1.0))
    pick = [np.array([np.interp(shade, stops, t[:, c]) for c in range(3)]) for t in (ash, red)]
    color = _mix(pick[0], pick[1], who["hair_red"])
    return _mix(color, np.array([198.0, 198, 200]), who["hair_grey"])


def iris_color(who: Identity) -> Array:
    """Return the sRGB colour of the iris."""
    table = np.array([(78, 46, 26), (110, 84, 44), (98, 114, 84), (92, 134, 162)], float)
    hue = float(np.clip(who["eye_hue"], 0.0, 1.0))
    return np.array([np.interp(hue, [0, 0.3, 0.6, 1.0], table[:, c]) for c in range(3)])


def lip_color(who: Identity) -> Array:
    """Return the sRGB colour of the lips."""
    skin = skin_color(who)
    red = np.array([200.0, 92, 92]) * (0.45 + 0.55 * skin[0] / 246.0)
    return _mix(skin, red, 0.42 + 0.38 * who["lip_red"])


def shirt_color(who: Identity) -> Array:
    """Return the sRGB colour of the shirt."""
    return np.array(colorsys.hsv_to_rgb(who["shirt"] % 1.0, 0.42, 0.62)) * 255.0


def skin_colors(points: Array, lattice: Lattice, surface: HeadSurface) -> Array:
    """Return the colour of each vertex of the skin, ``(n, 3)`` sRGB 0 to 255."""
    who, at = surface.identity, surface.anchors
    skin = skin_color(who)
    p = points.copy()
    p[:, 0] = np.abs(p[:, 0])

    def near(center: Array, radii: tuple[float, float, float]) -> Array:
        return np.exp(-(((p - center) / np.array(radii)) ** 2).sum(1))

    rose = skin * [1.0, 0.82, 0.80]
    color = np.tile(skin, (len(p), 1))
    color = _mix(
        color, rose, 0.38 * near(at.cheek + np.array([0.002, 0.002, 0]), (0.020, 0.016, 0.03))
    )
    color = _mix(
        color, rose, 0.45 * near(at.nose_tip + np.array([0.004, 0, -0.002]), (0.012, 0.009, 0.016))
    )
    color = _mix(color, rose, 0.25 * near(at.chin, (0.016, 0.012, 0.03)))
    # Thinner, shaded skin round the eyes.
    dusk = skin * [0.84, 0.75, 0.74]
    color = _mix(
        color, dusk, 0.50 * near(at.eye + np.array([0, 0.004, 0.014]), (0.017, 0.012, 0.02))
    )
    color = _mix(
        color, dusk, 0.30 * near(at.eye + np.array([-0.003, -0.012, 0.014]), (0.014, 0.005, 0.02))
    )
    # The middle of a nostril lies deeper than its rim.
    color = _mix(
        color,
        skin * [0.30, 0.20, 0.19],
        0.95 * near(surface.nostril + np.array([0, 0.0045, 0]), (0.0042, 0.0060, 0.0058)),
    )
    color = _beard(color, p, surface)
    color = _cropped_hair(color, points, surface)
    _lips(color, lattice.mouth, who)
    for ring in (lattice.eye_left, lattice.eye_right):
        _lids(color, ring, skin)
    return color


def _beard(color: Array, p: Array, surface: HeadSurface) -> Array:
    who, at = surface.identity, surface.anchors
    amount = who["beard"]
    if amount <= 0:
        return color
    x, y, z = p.T
    # A moustache in front; at the side the line falls from the sideburn to the jaw.
    front = smoothstep(y, at.mouth[1] + 0.024, at.mouth[1] + 0.008)
    side = smoothstep(y + 0.85 * np.maximum(z - 0.002, 0.0), -0.002, -0.022)
    blend = smoothstep(x, 0.024, 0.038)
    tip = 0.25 * np.maximum(y, 0.0)  # it narrows up to the hair
    sideburn = smoothstep(z, 0.021 - tip, 0.008 - tip) * smoothstep(y, 0.042, 0.030)
    above = front * (1 - blend) + np.maximum(side, sideburn) * blend
    below = smoothstep(y - surface.y(-0.086) + 0.75 * np.clip(z, 0.0, 0.05), -0.012, 0.004)
    ahead = smoothstep(z - 0.45 * np.maximum(-0.040 - y, 0.0), -0.013, -0.003)
    bare = np.exp(-(((p[:, 0]) / 0.006) ** 2 + ((p[:, 1] - at.mouth[1] + 0.017) / 0.003) ** 2))
    mask = above * ahead * below * (1 - 0.5 * bare)
    return _mix(
        color, hair_color(who) * 0.9 + skin_color(who) * 0.1, np.clip(amount, 0, 0.92) * mask
    )


def _cropped_hair(color: Array, points: Array, surface: HeadSurface) -> Array:
    return _mix(color, hair_color(surface.identity) * 0.85, 0.9 * scalp_share(points, surface))


def _lips(color: Array, ring: Ring, who: Identity) -> None:
    curve = mouth_curve(ring)
    lip = lip_color(who)
    wet = lip * [0.80, 0.62, 0.62]
    for level, index in zip(ring.level[1:], ring.index[1:], strict=True):
        if level < MOUTH_BORDER - 0.75:
            continue
        share = smoothstep(np.full(len(index), level), MOUTH_BORDER - 0.45, MOUTH_BORDER + 0.25)
        share = share * np.where(curve.lift > 0, 1.0, 0.55)
        # The upper lip lies in its own shade.
        tint = lip * np.where(curve.upper, 0.93, 1.0)[:, None]
        tint = _mix(
            tint, wet, smoothstep(np.full(len(index), level), MOUTH_CONTACT - 1.0, MOUTH_CONTACT)
        )
        color[index] = _mix(color[index], tint, share)


def _lids(color: Array, ring: Ring, skin: Array) -> None:
    upper = (ring.phase > 0.02) & (ring.phase < 0.47)
    rim = skin * [0.80, 0.58, 0.55]
    line = skin * [0.28, 0.22, 0.22]
    for level, index in zip(ring.level[1:], ring.index[1:], strict=True):
        if level >= LID_EDGE - 0.25:
            tint = np.where(upper[:, None], line, rim)
            color[index] = _mix(color[index], tint, 0.85)
