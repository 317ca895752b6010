"""Stills without a graphics card: a z-buffer rasteriser in NumPy.

It draws the fallback picture of every 3D view, and the pictures in the tests.
"""

from __future__ import annotations

import io
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.geometry import vertex_normals

if TYPE_CHECKING:
    from talking_heads.face import Face

Floats = NDArray[np.floating[Any]]

BACKGROUND = (237, 241, 247)
_CAMERA_DISTANCE = 1.1  # metres; near enough for a little perspective
_VIEW_HEIGHT = 0.31  # metres of height seen at zoom 1
_CENTER = (0.0, -0.020, 0.0)
# Direction (toward the light, camera space), colour and how far it wraps round the form.
_LIGHTS = (
    ((-0.45, 0.55, 0.75), (1.00, 0.96, 0.90), 0.20, 0.66),
    ((0.85, 0.10, 0.55), (0.80, 0.88, 1.00), 0.30, 0.22),
    ((0.10, 0.40, -0.90), (0.90, 0.95, 1.00), 0.05, 0.30),
)
_PIECE = 4_000_000  # pixels of triangles that are worked on at once, about 0.5 GB
_HIDDEN = 0.0015  # metres that an edge may lie behind a surface and still be its own
_EDGE, _EDGE_COLOR = 0.5, 0.02  # how much of a pixel an edge covers, and how bright it is
_SKY, _GROUND = np.array([0.30, 0.31, 0.33]), np.array([0.17, 0.145, 0.135])


def render(
    vertices: Floats,
    triangles: NDArray[np.integer[Any]],
    colors: NDArray[np.uint8],
    *,
    size: tuple[int, int] = (320, 320),
    yaw: float = 0.0,
    pitch: float = 0.0,
    zoom: float = 1.0,
    center: tuple[float, float, float] = _CENTER,
    background: tuple[int, int, int] = BACKGROUND,
    samples: int = 2,
    edges: NDArray[np.integer[Any]] | None = None,
) -> NDArray[np.uint8]:
    """Draw a mesh with smooth shading.

    Parameters
    ----------
    vertices : ndarray
        ``(V, 3)`` metres; y up, z toward the viewer.
    triangles : ndarray
        ``(T, 3)``, counter-clockwise seen from outside; back faces are not drawn.
    colors : ndarray of uint8
        ``(V, 3)`` sRGB.
    size : tuple of int
        Width and height in pixels.
    yaw, pitch : float
        Turn of the mesh in degrees: positive yaw turns a face to the viewer's right, positive
        pitch shows it from above.
    zoom : float
        1 shows 0.31 m of height.
    center : tuple of float
        The point in the middle of the picture, metres.
    background : tuple of int
        sRGB.
    samples : int
        Edge smoothing: the picture is drawn this many times larger, then averaged.
    edges : ndarray, optional
        ``(E, 2)`` pairs of vertices between which a thin dark line is drawn where it is seen.

    Returns
    -------
    ndarray of uint8
        ``(height, width, 3)`` sRGB.

    Raises
    ------
    UserError
        If the arrays do not fit together, or the size is not positive.
    """
    vertices = np.asarray(vertices, dtype=np.float64)
    if vertices.ndim != 2 or vertices.shape[1] != 3 or len(colors) != len(vertices):
        raise UserError(
            f"render takes vertices (V, 3) and as many colors, not {vertices.shape} "
            f"and {np.shape(colors)}."
        )
    if min(size) < 1 or samples < 1 or zoom <= 0:
        raise UserError("render takes a positive size, zoom and number of samples.")
    width, height = size[0] * samples, size[1] * samples
    p = (vertices - np.asarray(center)) @ _view_rotation(yaw, pitch).T
    normals = vertex_normals(p, triangles)
    lit = _shade(normals, p, np.asarray(colors, dtype=np.float64))
    xy = _on_screen(p, width, height, zoom)
    image, depth = _rasterise(
        xy, p[:, 2], triangles, lit, width, height, _linear(np.array(background))
    )
    if edges is not None and len(edges):
        _draw_edges(image, depth, xy, p[:, 2], np.asarray(edges), width, height)
    image = image.reshape(size[1], samples, size[0], samples, 3).mean(axis=(1, 3))
    return (_srgb(image) * 255.0 + 0.5).astype(np.uint8)


def project(
    points: Floats,
    *,
    size: tuple[int, int] = (320, 320),
    yaw: float = 0.0,
    pitch: float = 0.0,
    zoom: float = 1.0,
    center: tuple[float, float, float] = _CENTER,
) -> NDArray[np.float64]:
    """Return where `render` draws points.

    Parameters
    ----------
    points : ndarray
        ``(n, 3)`` metres.
    size, yaw, pitch, zoom, center
        As in `render`.

    Returns
    -------
    ndarray
        ``(n, 3)``: pixels from the left, pixels from the top, and metres toward the viewer.
    """
    p = (np.asarray(points, dtype=np.float64) - np.asarray(center)) @ _view_rotation(yaw, pitch).T
    return np.column_stack([_on_screen(p, *size, zoom), p[:, 2]])


def still(
    face: Face,
    coefficients: Floats | None = None,
    *,
    size: tuple[int, int] = (320, 320),
    yaw: float = 0.0,
    pitch: float = 0.0,
    zoom: float = 1.0,
    head_rotation: Floats | None = None,
    background: tuple[int, int, int] = BACKGROUND,
) -> bytes:
    """Draw one pose of a face as PNG.

    Parameters
    ----------
    face : Face
        Whose head.
    coefficients : ndarray, optional
        ``(52,)``; the rest pose if left out.
    size, yaw, pitch, zoom, background
        As in `render`.
    head_rotation : ndarray, optional
        ``(3,)`` pitch, yaw, roll in radians.

    Returns
    -------
    bytes
        A PNG file.
    """
    vertices = face.pose(np.zeros(52) if coefficients is None else coefficients, head_rotation)[0]
    image = render(
        vertices,
        face.triangles,
        face.colors,
        size=size,
        yaw=yaw,
        pitch=pitch,
        zoom=zoom,
        background=background,
    )
    return png(image)


def png(image: NDArray[np.uint8]) -> bytes:
    """Return an ``(height, width, 3)`` picture as the bytes of a PNG file."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format="PNG")
    return stream.getvalue()


def _on_screen(p: Floats, width: int, height: int, zoom: float) -> Floats:
    scale = height / _VIEW_HEIGHT * zoom * _CAMERA_DISTANCE / (_CAMERA_DISTANCE - p[:, 2])
    return np.stack([width / 2 + p[:, 0] * scale, height / 2 - p[:, 1] * scale], axis=1)


def _view_rotation(yaw: float, pitch: float) -> Floats:
    a, b = np.radians([yaw, pitch])
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    nod = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return nod @ turn


def _linear(srgb: Floats) -> Floats:
    return (np.asarray(srgb, dtype=np.float64) / 255.0) ** 2.2


def _srgb(linear: Floats) -> Floats:
    return np.clip(linear, 0.0, 1.0) ** (1 / 2.2)


def _shade(normals: Floats, points: Floats, colors: Floats) -> Floats:
    base = _linear(colors)
    up = 0.5 + 0.5 * normals[:, 1:2]
    light = _GROUND + (_SKY - _GROUND) * up
    to_eye = np.array([0.0, 0.0, _CAMERA_DISTANCE]) - points
    to_eye /= np.linalg.norm(to_eye, axis=1, keepdims=True)
    gloss = np.zeros((len(points), 1))
    for direction, color, wrap, strength in _LIGHTS:
        d = np.asarray(direction) / np.linalg.norm(direction)
        facing = normals @ d
        # Light wraps a little round skin, and what comes through is red.
        soft = np.clip((facing + wrap) / (1 + wrap), 0.0, None)
        hard = np.clip(facing, 0.0, None)
        mixed = np.stack([soft, 0.5 * soft + 0.5 * hard, 0.4 * soft + 0.6 * hard], axis=1)
        light = light + strength * mixed * np.asarray(color)
        half = to_eye + d
        half /= np.linalg.norm(half, axis=1, keepdims=True)
        shine = np.clip((normals * half).sum(1), 0.0, None) ** 28
        gloss += (0.10 * strength * shine * (facing > 0))[:, None]
    x = base * light * 1.12 + gloss
    # A soft shoulder keeps highlights from clipping.
    return np.where(x > 0.75, 0.75 + 0.25 * np.tanh((x - 0.75) / 0.25), x)


def _rasterise(
    xy: Floats,
    z: Floats,
    triangles: NDArray[np.integer[Any]],
    lit: Floats,
    width: int,
    height: int,
    background: Floats,
) -> tuple[Floats, Floats]:
    """Fill the triangles that face the viewer, nearest last; return linear colours and depth."""
    image = np.broadcast_to(background, (height * width, 3)).copy()
    a, b, c = (xy[triangles[:, i]] for i in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    corners = np.stack([a, b, c])
    low = np.ceil(corners.min(0) - 0.5).astype(np.int64)
    high = np.floor(corners.max(0) - 0.5).astype(np.int64)
    low = np.maximum(low, 0)
    high = np.minimum(high, [width - 1, height - 1])
    # y points down in the picture, so a front face has negative area here.
    seen = (area < -1e-9) & (high >= low).all(1)
    tri, low, high, area = triangles[seen], low[seen], high[seen], area[seen]
    a, b, c = a[seen], b[seen], c[seen]
    # Two barycentric weights and the depth are linear in the place within the bounding box.
    a, b, c = a - low - 0.5, b - low - 0.5, c - low - 0.5
    first = np.stack([b[:, 1] - c[:, 1], c[:, 0] - b[:, 0], b[:, 0] * c[:, 1] - b[:, 1] * c[:, 0]])
    second = np.stack([c[:, 1] - a[:, 1], a[:, 0] - c[:, 0], c[:, 0] * a[:, 1] - c[:, 1] * a[:, 0]])
    linear = (np.stack([first, second]) / area).astype(np.float32)
    columns, rows = (high - low + 1).T
    counts = columns * rows
    z = z.astype(np.float32)
    nearest = np.full(width * height, -np.inf, dtype=np.float32)
    # In pieces: the triangles of a mesh that is all noise cover the picture thousands of times.
    piece = np.cumsum(counts) // _PIECE
    for first, last in pairwise([*np.flatnonzero(np.diff(piece, prepend=-1)), len(tri)]):
        part = np.arange(first, last)
        count = counts[part]
        owner = np.repeat(part, count)
        inside_index = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
        y, x = np.divmod(inside_index, columns[owner])
        fx, fy = x.astype(np.float32), y.astype(np.float32)
        wa, wb = (k[0][owner] * fx + k[1][owner] * fy + k[2][owner] for k in linear)
        wc = 1.0 - wa - wb
        keep = np.flatnonzero(np.minimum(np.minimum(wa, wb), wc) >= -1e-4)
        owner = owner[keep]
        pixel = (y[keep] + low[owner, 1]) * width + x[keep] + low[owner, 0]
        weights = np.stack([wa[keep], wb[keep], wc[keep]], axis=1)
        depth = (weights * z[tri][owner]).sum(1)
        # Nearest last: of repeated pixels NumPy keeps the last one written.
        order = np.argsort(depth, kind="stable")
        winner = np.full(width * height, -1)
        winner[pixel[order]] = order
        shown = np.flatnonzero(winner >= 0)
        shown = shown[depth[winner[shown]] >= nearest[shown]]
        best = winner[shown]
        nearest[shown] = depth[best]
        image[shown] = (weights[best][:, :, None] * lit[tri[owner[best]]]).sum(1)
    return image, nearest


def _draw_edges(
    image: Floats,
    depth: Floats,
    xy: Floats,
    z: Floats,
    edges: NDArray[np.integer[Any]],
    width: int,
    height: int,
) -> None:
    """Darken the pixels along edges that nothing hides."""
    start, end = xy[edges[:, 0]], xy[edges[:, 1]]
    steps = np.maximum(np.ceil(np.abs(end - start).max(1)).astype(np.int64), 1) + 1
    owner = np.repeat(np.arange(len(edges)), steps)
    first = np.repeat(np.cumsum(steps) - steps, steps)
    share = ((np.arange(len(owner)) - first) / (steps[owner] - 1))[:, None]
    x, y = np.floor(start[owner] * (1 - share) + end[owner] * share).astype(np.int64).T
    far = z[edges]
    deep = far[owner, 0] * (1 - share[:, 0]) + far[owner, 1] * share[:, 0]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    pixel, deep = (y * width + x)[inside], deep[inside]
    seen = np.unique(pixel[deep > depth[pixel] - _HIDDEN])
    image[seen] = image[seen] * (1 - _EDGE) + _EDGE_COLOR * _EDGE
