"""Hair on the head: a shell over the scalp that may hang down past the ears."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import PchipInterpolator

from talking_heads.face.piece import Piece, sheet
from talking_heads.face.surface import HeadSurface, smoothstep
from talking_heads.geometry.sdf import Array, gradient, project

_CENTER = np.array([0.0, 0.030, -0.010])
# Elevation of the hairline, seen from that centre, over the azimuth (0 front, 180 back), degrees.
_LINE = PchipInterpolator(
    [0, 22, 38, 50, 58, 66, 74, 84, 93, 108, 122, 140, 180],
    [31, 31.5, 30, 25, 17, 6, -10, -16, -2, 5, -14, -40, -49],
)


def _angles(points: Array) -> tuple[Array, Array]:
    q = points - _CENTER
    azimuth = np.degrees(np.arctan2(np.abs(q[:, 0]), q[:, 2]))
    elevation = np.degrees(np.arctan2(q[:, 1], np.hypot(q[:, 0], q[:, 2])))
    return azimuth, elevation


def hairline(azimuth: Array, surface: HeadSurface) -> Array:
    """Return the elevation of the hairline in degrees over the azimuth in degrees."""
    recede = 5.0 * surface.identity["hair_grey"] * (surface.identity["beard"] > 0)
    front = smoothstep(azimuth, 60.0, 25.0)
    return _LINE(azimuth) + recede * front * (1.0 + np.exp(-(((azimuth - 28.0) / 12.0) ** 2)))


def scalp_share(points: Array, surface: HeadSurface) -> Array:
    """Return how much of the colour of the hair the skin takes, so that no scalp shines through."""
    azimuth, elevation = _angles(points)
    above = elevation - hairline(azimuth, surface)
    return smoothstep(above, 4.0, 12.0)


def hair(surface: HeadSurface, color: Array, columns: int = 72, rows: int = 22) -> Piece:
    """Build the hair.

    Parameters
    ----------
    surface : HeadSurface
        Whose.
    color : ndarray
        ``(3,)`` sRGB.
    columns, rows : int
        Fineness.

    Returns
    -------
    Piece
        Rigid with the head.
    """
    who = surface.identity
    length, volume = max(who["hair_length"], 0.0), max(who["hair_volume"], 0.0)
    curl, part = max(who["hair_curl"], 0.0), who["hair_part"]
    turn = np.arange(columns) * 360.0 / columns - 180.0
    azimuth = np.abs(turn)
    line = hairline(azimuth, surface)
    # Long hair leaves the scalp near the ears and hangs.
    hangs = smoothstep(np.full(columns, length), 0.22, 0.34) * smoothstep(azimuth, 66.0, 84.0)
    end = line * (1 - hangs) + np.where(line < -4.0, np.maximum(line, -6.0), -6.0) * hangs
    drop = hangs * (0.025 + 0.125 * max(length - 0.25, 0.0))
    on_scalp = 0.1 * np.radians(90.0 - end)
    t = np.linspace(0.0, 1.0, rows) ** 0.9
    s = t[:, None] * (on_scalp + drop)
    hanging = np.maximum(s - on_scalp, 0.0)
    elevation = np.radians(90.0 - (90.0 - end) * np.minimum(s / on_scalp, 1.0))
    a = np.radians(turn)[None, :] + 0 * s
    way = np.stack(
        [np.sin(a) * np.cos(elevation), np.sin(elevation), np.cos(a) * np.cos(elevation)], -1
    ).reshape(-1, 3)
    root = project(surface.distance, np.tile(_CENTER, (len(way), 1)), way, 0.16)
    normal = gradient(surface.distance, root)
    edge = (on_scalp + drop) - s  # metres to the end of each strand
    full = 0.0035 + 0.0110 * volume * (0.35 + 0.65 * smoothstep(np.sin(elevation), -0.3, 0.9))
    full = full * (0.45 + 0.55 * min(length / 0.12, 1.0))
    front = smoothstep(azimuth, 55.0, 15.0)[None, :]
    full = full + front * 0.006 * volume * (length > 0.08) * np.exp(-(((edge - 0.025) / 0.02) ** 2))
    over_ear = hangs[None, :] * smoothstep(elevation, np.radians(45.0), np.radians(8.0))
    full = full + 0.0135 * over_ear
    full = full - 0.004 * min(length / 0.1, 1.0) * np.exp(
        -(((root[:, 0].reshape(s.shape) - 0.028 * part) / 0.004) ** 2)
    ) * smoothstep(root[:, 2].reshape(s.shape), -0.02, 0.03) * smoothstep(elevation, 0.3, 0.7)
    grow = smoothstep(edge, 0.0, 0.016 + 0.012 * volume) ** 0.75
    grow = np.where(hangs[None, :] > 0.5, np.maximum(grow, 0.75), grow)
    wave = _strands(turn, s, curl)
    thick = -0.0016 + (full + 0.0016) * grow + wave * grow * full / 0.012
    points = root + normal * thick.reshape(-1, 1)
    points = points.reshape(rows, columns, 3)
    # The hanging part: straight down, a little inward at the tips.
    points[:, :, 1] -= hanging
    inward = np.where(drop > 0, hanging / np.maximum(drop, 1e-6), 0.0) ** 3 * 0.010 * (drop > 0.01)
    flat = points[:, :, [0, 2]] - [0.0, -0.02]
    flat /= np.linalg.norm(flat, axis=-1, keepdims=True) + 1e-9
    points[:, :, 0] -= inward * flat[:, :, 0]
    points[:, :, 2] -= inward * flat[:, :, 1]
    back = 0.012 * hangs * smoothstep(azimuth, 100.0, 75.0)
    points[:, :, 2] -= back[None, :] * smoothstep(hanging, 0.0, 0.05)
    points[0] = points[0].mean(0)
    shade = 0.88 + 0.16 * _noise(turn * 1.7)[None, :] + 0.04 * np.sin(s * 60.0 + _noise(turn) * 5)
    shade = shade * (0.80 + 0.20 * smoothstep(edge, 0.0, 0.012)) + 4.0 * wave
    shade = np.clip(shade, 0.6, 1.25)
    colors = np.clip(color[None, :] * shade.reshape(-1, 1), 0, 255)
    return Piece(points.reshape(-1, 3), sheet(rows, columns, closed=True), colors)


def _noise(x: Array) -> Array:
    """Return a fixed irregular wave in -1 to 1, symmetric in nothing."""
    return (np.sin(x * 0.83 + 1.0) + np.sin(x * 1.37 + 4.0) + np.sin(x * 0.37)) / 3.0


def _strands(turn: Array, s: Array, curl: float) -> Array:
    lock = 0.0009 * np.sin(np.radians(turn) * 9.0 + 2.0 * _noise(turn / 4.0))[None, :]
    a = np.radians(turn)[None, :]
    curls = np.sin(a * 13.0 + s * 130.0) * np.sin(a * 7.0 - s * 210.0 + 1.0)
    return lock * (1 - curl) * smoothstep(s, 0.01, 0.05) + 0.0026 * curl * curls
