"""What is drawn on meshes: paths with numbers, heat maps of receptive fields; and their words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.course.figures import INK, PAPER, keep_colors, style
from talking_heads.course.mesh_picture import Mesh
from talking_heads.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from talking_heads.geometry.pyramid import MeshPyramid

PATH_MAP = "plasma"
"""Colours of a spiral from its centre, dark blue, to its end, yellow."""
_PATH_END = 0.92  # the very end of the map is too pale to be seen
FIELD_MAP = "YlOrRd"
"""Colours of a receptive field, from one path to most."""
_FIELD_START = 0.12
_DPI = 100
LIFT = 0.0007
"""Metres that a path runs above the skin."""
STEPS = 8
"""Pieces of a path from one vertex to the next."""


def tiles_figure(
    rows: Sequence[Sequence[NDArray[np.uint8]]],
    *,
    titles: Sequence[Sequence[str]],
    foot: int = 0,
) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure of pictures in rows, each with a line above it, and the axes.

    Parameters
    ----------
    rows : sequence of sequence of ndarray
        ``(height, width, 3)`` pictures of one size.
    titles : sequence of sequence of str
        One a picture.
    foot : int
        Pixels left free below.
    """
    import matplotlib
    from matplotlib.figure import Figure

    high, wide = rows[0][0].shape[:2]
    columns = max(map(len, rows))
    line = 18 * max(title.count("\n") + 1 if title else 0 for row in titles for title in row)
    size = (columns * (wide + 4), len(rows) * (high + line + 4) + foot)
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(size[0] / _DPI, size[1] / _DPI), dpi=_DPI)
        axes: list[list[Axes]] = []
        for number, (row, names) in enumerate(zip(rows, titles, strict=True)):
            axes.append([])
            for column, (picture, name) in enumerate(zip(row, names, strict=True)):
                left = (column * (wide + 4) + 2) / size[0]
                bottom = 1 - ((number + 1) * (high + line + 4) - 2) / size[1]
                axis = figure.add_axes((left, bottom, wide / size[0], high / size[1]))
                axis.imshow(picture, extent=(0, wide, high, 0), interpolation="none")
                axis.set_xlim(0, wide)
                axis.set_ylim(high, 0)
                axis.set_axis_off()
                axis.set_title(name, fontsize=8.5, pad=3)
                axes[-1].append(axis)
    return figure, axes


def path_colors(count: int) -> NDArray[np.float64]:
    """Return the colours of a path's vertices from the centre outwards, ``(count, 3)``, 0 to 1."""
    from matplotlib import colormaps

    return np.asarray(colormaps[PATH_MAP](np.linspace(0, _PATH_END, max(count, 2)))[:count, :3])


def draw_path(axis: Axes, places: NDArray[Any], *, numbers: bool = True) -> None:
    """Draw a spiral over a picture: a line that changes its colour, and a number at each vertex.

    Parameters
    ----------
    axis : Axes
        Where.
    places : ndarray
        ``(L, 2)`` in the axis' unit, centre first.
    numbers : bool
        Whether to write 0, 1, 2, ... at the vertices.
    """
    colors = path_colors(len(places))
    figure = axis.get_figure(root=True)
    assert figure is not None
    keep_colors(figure, colors)
    for start, end, color in zip(places, places[1:], colors[1:], strict=False):
        axis.plot(*zip(start, end, strict=True), color=PAPER, lw=4.2, solid_capstyle="round")
        axis.plot(*zip(start, end, strict=True), color=color, lw=2.6, solid_capstyle="round")
    seen: set[tuple[float, float]] = set()
    small = len(places) > 12
    for number in range(len(places)):
        x, y = map(float, places[number])
        if (x, y) in seen:
            continue  # a spiral on too small a mesh repeats its centre
        seen.add((x, y))
        bright = colors[number] @ [0.3, 0.6, 0.1]
        axis.plot(
            x, y, "o", ms=9 if small else 11, color=colors[number], mec=PAPER, mew=0.8, zorder=4
        )
        if numbers:
            axis.text(
                x, y, str(number), ha="center", va="center_baseline", zorder=5,
                fontsize=6 if small else 7, color="white" if bright < 0.55 else INK,
            )  # fmt: skip


def raised_path(
    mesh: Mesh, vertices: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return a line that goes from vertex to vertex in arcs above the surface.

    A straight line between vertices far apart would run below the skin where it bulges.

    Returns
    -------
    tuple of ndarray
        ``(n, 3)`` metres, the vertices at every eighth place; and ``(n,)`` which vertex of the
        path each place leads to.
    """
    points = mesh.vertices[vertices].astype(np.float64)
    normals = mesh.normals[vertices]
    line, owner = [points[:1] + LIFT * normals[:1]], [np.zeros(1, dtype=np.int64)]
    for number in range(1, len(points)):
        share = (np.arange(1, STEPS + 1) / STEPS)[:, None]
        ends, sides = points[number - 1 : number + 1], normals[number - 1 : number + 1]
        side = sides[0] * (1 - share) + sides[1] * share
        rise = LIFT + 0.12 * np.linalg.norm(ends[1] - ends[0]) * 4 * share * (1 - share)
        line.append(ends[0] * (1 - share) + ends[1] * share + rise * side)
        owner.append(np.full(STEPS, number))
    path = np.concatenate(line)
    inner = np.arange(len(path)) % STEPS > 0
    path[inner] = mesh.lifted(path[inner], LIFT)
    return path.astype(np.float32), np.concatenate(owner)


def listed(numbers: Iterable[int], joint: str = ", ") -> str:
    """Return numbers as text."""
    return joint.join(str(int(number)) for number in numbers)


def spiral_words(mesh: Mesh, spiral: NDArray[Any], name: str = "") -> str:
    """Say where a spiral goes and how far it reaches."""
    places = mesh.vertices[spiral].astype(np.float64)
    reach = 1000 * np.linalg.norm(places - places[0], axis=1).max()
    kind = f" with {name}" if name else ""
    return (
        f"The spiral of {mesh.words(int(spiral[0]))}{kind} takes {len(spiral)} vertices, "
        f"{listed(spiral)}; the farthest lies {reach:.0f} mm from the centre."
    )


def field_shares(weights: NDArray[Any]) -> NDArray[np.float64]:
    """Return where on the colour map the vertices of a field lie, 0 to 1; -1 for those outside.

    Logarithmic: a vertex in the middle of a field lies on hundreds of times more paths than one
    at its edge.
    """
    shares = np.full(len(weights), -1.0)
    inside = weights > 0
    if inside.any():
        logs = np.log(weights[inside].astype(np.float64))
        span = logs.max() - logs.min()
        shares[inside] = (logs - logs.min()) / span if span > 0 else 1.0
    return shares


def heat_colors(count: int = 10) -> NDArray[np.float64]:
    """Return colours of receptive fields, from one path to most, ``(count, 3)``, 0 to 1."""
    from matplotlib import colormaps

    return np.asarray(colormaps[FIELD_MAP](np.linspace(_FIELD_START, 1, count))[:, :3])


def field_colors(mesh: Mesh, weights: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the colour of every vertex, ``(V, 3)``: pale skin outside a receptive field."""
    from matplotlib import colormaps

    shares = field_shares(weights)
    heat = colormaps[FIELD_MAP](_FIELD_START + (1 - _FIELD_START) * np.clip(shares, 0, 1))
    chosen = np.where(shares[:, None] >= 0, 255 * heat[:, :3], mesh.colors)
    return np.asarray(np.round(chosen), dtype=np.uint8)


def level_vertex(mesh: Mesh, pyramid: MeshPyramid, level: int, vertex: int) -> int:
    """Return which vertex of a level lies nearest to a vertex of the full mesh."""
    kept = mesh.vertices[pyramid.origin(level)].astype(np.float64)
    return int(np.square(kept - mesh.vertices[vertex]).sum(1).argmin())


def field_of(
    mesh: Mesh, pyramid: MeshPyramid, level: int, vertex: int
) -> tuple[NDArray[np.float64], int]:
    """Return the share of paths that begin at each vertex of the full mesh, and the centre.

    Parameters
    ----------
    mesh : Mesh
        The full mesh.
    pyramid : MeshPyramid
        What computes.
    level : int
        After how many convolutions.
    vertex : int
        Of the full mesh; the nearest that the level keeps is looked at.

    Returns
    -------
    tuple of ndarray and int
        ``(V,)``, which sums to 1, and the centre's number on the full mesh.

    Raises
    ------
    UserError
        If the pyramid has no such level.
    """
    from talking_heads.geometry.pyramid import receptive_field

    last = len(pyramid.levels) - 1
    if not 0 <= level <= last:
        raise UserError(f"The pyramid has the levels 0 to {last}, not {level}.")
    own = level_vertex(mesh, pyramid, level, vertex)
    paths = receptive_field(pyramid, level, own)
    return paths / paths.sum(), int(pyramid.origin(level)[own])


def field_words(mesh: Mesh, weights: NDArray[Any], centre: int, level: int) -> str:
    """Say how large a receptive field is."""
    seen = np.flatnonzero(weights)
    far = np.linalg.norm(mesh.vertices[seen] - mesh.vertices[centre], axis=1).max(initial=0.0)
    order = np.sort(weights)[::-1].cumsum()
    half = int(np.searchsorted(order, 0.5 - 1e-9)) + 1
    count = f"{level} convolution{'' if level == 1 else 's'}"
    return (
        f"After {count}, {mesh.words(centre)} sees {len(seen)} of {len(weights)} vertices "
        f"({100 * len(seen) / len(weights):.1f} %), up to {1000 * far:.0f} mm away; half of the "
        f"paths begin at {half} of them."
    )


def pyramid_words(mesh: Mesh, pyramid: MeshPyramid) -> str:
    """Say how large each level of a pyramid is."""
    sizes = [
        f"level {number} {len(level.vertices):,} vertices and {len(level.triangles):,} triangles"
        for number, level in enumerate(pyramid.levels)
    ]
    return (
        f"The mesh of {mesh.name} at {len(sizes)} resolutions side by side: {', '.join(sizes)}. "
        "Each level keeps some of the vertices of the one before, where they are."
    )
