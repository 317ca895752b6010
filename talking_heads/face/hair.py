"""Hair on the head: a shell over the scalp that may hang down past the ears."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import PchipInterpolator

from talking_heads.face.identity import Identity
from talking_heads.face.piece import Piece, sheet
from talking_heads.face.surface import HeadSurface, smoothstep
from talking_heads.geometry.sdf import Array, gradient, project

_CENTER = np.array([0.0, 0.030, -0.010])
# Elevation of the hairline, seen from that centre, over the azimuth (0 front, 180 back), degrees.
_LINE = PchipInterpolator(
    [0, 12, 24, 34, 44, 52, 59, 65, 70, 76, 82, 87, 93, 106, 117, 130, 142, 156, 180],
    [29.5, 31, 33, 33.5, 30, 22, 13, 8, 5, -5, -15, -14, -3, 4, -6, -28, -42, -49, -49.5],
)
_LEAVES = -6.0  # elevation at which hanging hair leaves the head, degrees


def covers_ears(who: Identity) -> float:
    """Return how far the hair hangs over the ears, 0 to 1; it presses them to the head."""
    return _ramp(who["hair_length"], 0.22, 0.34)


def _angles(points: Array) -> tuple[Array, Array]:
    q = points - _CENTER
    azimuth = np.degrees(np.arctan2(np.abs(q[:, 0]), q[:, 2]))
    elevation = np.degrees(np.arctan2(q[:, 1], np.hypot(q[:, 0], q[:, 2])))
    return azimuth, elevation


def hairline(azimuth: Array, surface: HeadSurface) -> Array:
    """Return the elevation of the hairline in degrees over the azimuth in degrees."""
    who = surface.identity
    front = smoothstep(azimuth, 60.0, 25.0)
    temples = np.exp(-(((azimuth - 34.0) / 11.0) ** 2))
    recede = 5.0 * who["hair_grey"] * (who["beard"] > 0) * front * (1.0 + temples)
    return _LINE(azimuth) + recede + (1.0 + 3.0 * who["brow_ridge"]) * temples


def scalp_share(points: Array, surface: HeadSurface) -> Array:
    """Return how much of the colour of the hair the skin takes, so that no scalp shines through."""
    azimuth, elevation = _angles(points)
    above = elevation - hairline(azimuth, surface)
    # The grid of the skin is coarse round the ears: there the colour stays well inside.
    inside = 2.0 + 5.0 * smoothstep(azimuth, 60.0, 80.0)
    return smoothstep(above, inside, inside + 9.0)


def hair(surface: HeadSurface, color: Array, columns: int = 80, rows: int = 26) -> Piece:
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
        Rigid with the head. The outer side, then the inner side of its lower part.
    """
    who = surface.identity
    length, curl = who["hair_length"], who["hair_curl"]
    turn = np.arange(columns) * 360.0 / columns - 180.0
    azimuth = np.abs(turn)
    # Long hair leaves the scalp at the temples and above the ears, and hangs.
    temple = 68.0 - 22.0 * _ramp(length, 0.30, 0.65)
    hangs = covers_ears(who) * smoothstep(azimuth, temple, temple + 14.0)
    # Behind it takes more length to hang free of the nape.
    hangs *= 1.0 - smoothstep(azimuth, 105.0, 135.0) * (1.0 - _ramp(length, 0.34, 0.58))
    fringe = who["hair_fringe"] * smoothstep(azimuth, 54.0, 40.0)
    line = hairline(azimuth, surface) - 24.0 * fringe + 0.8 * _noise(turn * 3.1)
    end = line * (1 - hangs) + np.maximum(line, _LEAVES) * hangs
    leaves = np.sin(np.radians(end)) - np.sin(np.radians(_LEAVES))
    ragged = 1.0 + 0.05 * _noise(turn * 2.3) - 0.10 * smoothstep(azimuth, 125.0, 60.0)
    drop = hangs * ((0.024 + 0.135 * max(length - 0.25, 0.0)) * ragged + 0.088 * leaves)
    on_scalp = 0.1 * np.radians(90.0 - end)
    s = np.linspace(0.0, 1.0, rows)[:, None] ** 0.9 * (on_scalp + drop)
    hanging = np.maximum(s - on_scalp, 0.0)
    elevation = np.radians(90.0 - (90.0 - end) * np.minimum(s / on_scalp, 1.0))
    a = np.radians(turn)[None, :] + 0 * s
    way = np.stack(
        [np.sin(a) * np.cos(elevation), np.sin(elevation), np.cos(a) * np.cos(elevation)], -1
    ).reshape(-1, 3)
    root = project(surface.distance, np.tile(_CENTER, (len(way), 1)), way, 0.16)
    normal = gradient(surface.distance, root)
    thick, wave = _thickness(who, root.reshape(*s.shape, 3), turn, elevation, s, on_scalp + drop)
    thick += 0.0075 * hangs * _around(azimuth, 96.0, 24.0) * smoothstep(elevation, 0.75, 0.05)
    outer = (root + normal * thick.reshape(-1, 1)).reshape(rows, columns, 3)
    outer = _hang(outer, hanging, drop, azimuth, curl)
    long = (drop > 0.01) & (hanging > 0)
    outer = _outside(outer, long, surface, 0.0035)
    outer[0] = outer[0].mean(0)

    edge = (on_scalp + drop) - s
    shade = 0.88 + 0.16 * _noise(turn * 1.7)[None, :] + 0.04 * np.sin(s * 60.0 + _noise(turn) * 5)
    shade = shade * (0.82 + 0.18 * smoothstep(edge, 0.0, 0.012)) + 4.0 * wave
    shade = np.clip(shade, 0.6, 1.25)
    # The inner side begins under the scalp and ends in the rim of the outer one.
    first = rows - 2 * rows // 5
    axis = outer[first:] * [1.0, 0.0, 1.0] + [0.0, 0.0, 0.020]
    axis /= np.linalg.norm(axis, axis=-1, keepdims=True) + 1e-9
    depth = 0.0045 * np.linspace(1.0, 0.0, rows - first)[:, None] ** 0.5
    inner = outer[first:] - axis * np.where(long[first:], depth, 0.0060)[..., None]
    inner[-1] = outer[-1]
    grid = sheet(rows, columns, closed=True)
    back = sheet(rows - first, columns, closed=True, flip=True) + rows * columns
    tint = np.concatenate([shade, 0.62 * shade[first:]]).reshape(-1, 1)
    return Piece(
        np.concatenate([outer, inner]).reshape(-1, 3),
        np.concatenate([grid, back]),
        np.clip(color * tint, 0, 255),
    )


def _thickness(
    who: Identity, root: Array, turn: Array, elevation: Array, s: Array, whole: Array
) -> tuple[Array, Array]:
    """Return the height of the hair over the scalp in metres, and the waves in it."""
    length, volume = who["hair_length"], who["hair_volume"]
    azimuth = np.abs(turn)
    edge = whole - s  # metres to the end of each strand
    full = 0.0035 + 0.0110 * volume * (0.35 + 0.65 * smoothstep(np.sin(elevation), -0.3, 0.9))
    full = (full + 0.007 * volume * who["hair_curl"]) * (0.45 + 0.55 * min(length / 0.12, 1.0))
    front = smoothstep(azimuth, 55.0, 15.0)[None, :]
    swept = 0.006 * volume * (length > 0.08) * (1.0 - who["hair_fringe"])
    full = full + front * swept * np.exp(-(((edge - 0.025) / 0.02) ** 2))
    parting = np.exp(-(((root[..., 0] - 0.028 * who["hair_part"]) / 0.004) ** 2))
    parting *= smoothstep(root[..., 2], -0.02, 0.03) * smoothstep(elevation, 0.3, 0.7)
    full = np.maximum(full - 0.004 * min(length / 0.1, 1.0) * parting, 0.0018)
    # Cropped hair thins toward the nape.
    nape = 0.022 * smoothstep(azimuth, 100.0, 140.0) * (length < 0.25)
    grow = smoothstep(edge, 0.0, 0.016 + 0.012 * volume + nape) ** 0.75
    blunt = np.maximum(
        covers_ears(who) * smoothstep(azimuth, 55.0, 75.0), 0.8 * who["hair_fringe"] * front[0]
    )
    grow = np.maximum(grow, blunt * 0.8)
    wave = _strands(turn, s, who["hair_curl"])
    return -0.0016 + (full + 0.0016) * grow + wave * grow * full / 0.012, wave


def _hang(points: Array, hanging: Array, drop: Array, azimuth: Array, curl: float) -> Array:
    """Let down what is longer than the scalp: toward the neck behind, along the face in front."""
    out = points.copy()
    out[:, :, 1] -= hanging
    behind = smoothstep(azimuth, 80.0, 150.0)
    taper = (0.05 + 0.13 * behind) * smoothstep(hanging, 0.0, 0.11)
    ends = np.where(drop > 0.01, hanging / np.maximum(drop, 1e-6), 0.0) ** 4
    flat = out[:, :, [0, 2]] - [0.0, -0.020]
    radius = np.linalg.norm(flat, axis=-1, keepdims=True) + 1e-9
    inward = taper[..., None] * radius + (0.009 * (1 - curl) * ends)[..., None]
    body = 0.004 * np.sin(np.clip(hanging / 0.10, 0, 1) * np.pi)[..., None]
    out[:, :, [0, 2]] -= (inward - body) * flat / radius
    # Beside the face the locks fall back a little, so that they frame it.
    beside = 0.010 * smoothstep(azimuth, 110.0, 75.0)
    out[:, :, 2] -= beside * smoothstep(hanging, 0.0, 0.05)
    return out


def _outside(points: Array, which: Array, surface: HeadSurface, least: float) -> Array:
    """Move hanging hair that would go through the skin out of it."""
    out = points.copy()
    p = out[which]
    if len(p):
        for _ in range(3):
            depth = np.maximum(least - surface.distance(p), 0.0)[:, None]
            p += depth * gradient(surface.distance, p) * [1.0, 0.0, 1.0]
        out[which] = p
    return out


def _ramp(x: float, low: float, high: float) -> float:
    return float(smoothstep(np.array(x), low, high))


def _around(x: Array, middle: float, width: float) -> Array:
    return np.exp(-(((x - middle) / width) ** 2))


def _noise(x: Array) -> Array:
    """Return a fixed irregular wave in -1 to 1, symmetric in nothing."""
    return (np.sin(x * 0.83 + 1.0) + np.sin(x * 1.37 + 4.0) + np.sin(x * 0.37)) / 3.0


def _strands(turn: Array, s: Array, curl: float) -> Array:
    lock = 0.0009 * np.sin(np.radians(turn) * 9.0 + 2.0 * _noise(turn / 4.0))[None, :]
    a = np.radians(turn)[None, :]
    curls = np.sin(a * 13.0 + s * 130.0) * np.sin(a * 7.0 - s * 210.0 + 1.0)
    return lock * (1 - curl) * smoothstep(s, 0.01, 0.05) + 0.0026 * curl * curls
