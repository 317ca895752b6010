"""Still figures of meshes: spirals on a flat grid or a head, fields of view, pyramid levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.course.figures import INK, keep_colors, style
from talking_heads.course.mesh_marks import (
    draw_path,
    field_colors,
    field_of,
    field_words,
    heat_colors,
    listed,
    path_colors,
    pyramid_words,
    spiral_words,
    tiles_figure,
)
from talking_heads.course.mesh_picture import (
    Camera,
    Mesh,
    checked_pyramid,
    checked_spirals,
    facing,
    level_mesh,
    mesh_of,
    near_camera,
    photo,
    whole_camera,
)
from talking_heads.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from talking_heads.corpus.heads import Head
    from talking_heads.face import Face
    from talking_heads.geometry.pyramid import MeshPyramid

_MOST_TILES = 8
_DPI = 100
_SMALL, _CLOSER = 0.04, 3.5
"""Receptive fields that reach less far, metres, are shown so many times larger."""
_SHADES = np.array([0.45, 0.6, 0.75])
_RINGS = ("#0b3c68", "#2f7fbf", "#9cc7e6", "#d7e8f4")


def grid_figure(
    points: NDArray[Any],
    triangles: NDArray[Any],
    paths: Mapping[str, Sequence[int]] | Sequence[int] = (),
    *,
    rings: Sequence[Sequence[int]] = (),
    values: NDArray[Any] | None = None,
    numbers: bool = True,
) -> tuple[Figure, str]:
    """Draw a flat mesh with numbered vertices, and on it rings as colours and paths as arrows.

    Parameters
    ----------
    points : ndarray
        ``(V, 2)`` or ``(V, 3)``, of which x and y are drawn.
    triangles : ndarray
        ``(T, 3)``.
    paths : sequence of int, or mapping of name to sequence of int
        Spirals; several stand side by side, one mesh each, named above.
    rings : sequence of sequences of int
        Coloured from the centre outwards: ``[[12], [7, 8, 13], ...]``.
    values : ndarray, optional
        ``(V,)`` shown as the shade of each vertex instead of rings.
    numbers : bool
        Write each vertex' number.

    Returns
    -------
    tuple of Figure and str
        For `talking_heads.course.figures.show`.

    Raises
    ------
    UserError
        If a path or ring names a vertex that is not there, or there are more than four meshes.
    """
    import matplotlib
    from matplotlib.figure import Figure

    places = np.asarray(points, dtype=np.float64)[:, :2]
    named = dict(paths) if isinstance(paths, Mapping) else {"": list(paths)}
    if not 1 <= len(named) <= 4:
        raise UserError(f"The figure shows 1 to 4 meshes, not {len(named)}.")
    mentioned = [np.asarray(list(some), dtype=np.int64) for some in [*named.values(), *rings]]
    if any(len(some) and not 0 <= some.min() <= some.max() < len(places) for some in mentioned):
        raise UserError(f"A path or ring names a vertex that a mesh of {len(places)} lacks.")
    reach = np.ptp(places, axis=0)
    width = 6.8 if len(named) > 1 else 3.0
    height = min(width / len(named) * (reach[1] / reach[0]) + 0.3, 4.5)
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
        axes = figure.subplots(1, len(named), squeeze=False)[0]
    fill = _grid_fill(len(places), rings, values)
    for axis, (name, path) in zip(axes, named.items(), strict=True):
        axis.triplot(*places.T, np.asarray(triangles), color="#9aa5b1", lw=0.8, zorder=1)
        axis.scatter(*places.T, s=150, c=fill, edgecolors="#7b8794", linewidths=0.7, zorder=2)
        if numbers:
            for number, place in enumerate(places):
                dark = fill[number] @ [0.3, 0.6, 0.1] < 0.5
                axis.text(
                    *place, str(number), ha="center", va="center_baseline", fontsize=7,
                    color="white" if dark else INK, zorder=3,
                )  # fmt: skip
        _grid_arrows(axis, places, path)
        axis.set_aspect("equal")
        axis.set_axis_off()
        axis.margins(0.08)
        if name:
            axis.set_title(name, fontsize=9)
    words = [f"A flat mesh of {len(places)} vertices and {len(np.asarray(triangles))} triangles."]
    words += [
        f"Ring {number}, {'dark' if not number else 'paler'}: {listed(ring)}."
        for number, ring in enumerate(rings)
    ]
    words += [
        f"The path{f' {name!r}' if name else ''} goes {listed(path, ' to ')}."
        for name, path in named.items()
        if len(path)
    ]
    if values is not None:
        words.append(f"Shades show values from {np.min(values):.3g} to {np.max(values):.3g}.")
    return figure, " ".join(words)


def _grid_fill(
    count: int, rings: Sequence[Sequence[int]], values: NDArray[Any] | None
) -> NDArray[np.float64]:
    from matplotlib import colormaps
    from matplotlib.colors import to_rgb

    fill = np.tile(np.array(to_rgb("#ffffff")), (count, 1))
    if values is not None:
        shares = np.asarray(values, dtype=np.float64)
        shares = (shares - shares.min()) / max(float(np.ptp(shares)), 1e-12)
        return np.asarray(colormaps["Blues"](0.9 * shares)[:, :3])
    for number, ring in enumerate(rings):
        fill[list(ring)] = to_rgb(_RINGS[min(number, len(_RINGS) - 1)])
    return fill


def _runs_over(places: NDArray[Any], start: NDArray[Any], end: NDArray[Any]) -> bool:
    """Return whether a straight arrow runs over vertices between its ends."""
    way = end - start
    from_start = places - start
    along = from_start @ way / (way @ way)
    aside = np.abs(from_start[:, 0] * way[1] - from_start[:, 1] * way[0]) / (way @ way)
    return bool(((along > 0.1) & (along < 0.9) & (aside < 0.1)).any())


def _grid_arrows(axis: Axes, places: NDArray[Any], path: Sequence[int]) -> None:
    colors = path_colors(len(path))
    figure = axis.get_figure(root=True)
    assert figure is not None
    keep_colors(figure, colors)
    for start, end, color in zip(path, list(path)[1:], colors[1:], strict=False):
        bend = 0.25 if _runs_over(places, places[start], places[end]) else 0.0
        axis.annotate(
            "", places[end], places[start], zorder=4,
            arrowprops={
                "arrowstyle": "-|>", "color": color, "lw": 1.9, "shrinkA": 7, "shrinkB": 7,
                "mutation_scale": 11, "connectionstyle": f"arc3,rad={bend}",
            },
        )  # fmt: skip
    if len(path):
        axis.plot(*places[path[0]], "o", ms=15, mfc="none", mec=colors[0], mew=2.0, zorder=4)


def spiral_picture(
    mesh: Mesh, spiral: NDArray[np.int64], size: tuple[int, int]
) -> tuple[NDArray[np.uint8], Camera]:
    """Return a picture of the mesh round a spiral, without its path, and its camera."""
    camera = near_camera(mesh, mesh.vertices[spiral].astype(np.float64), int(spiral[0]), size)
    return photo(mesh, camera), camera


def spiral_figure(
    head: Face | Head | str,
    spirals: NDArray[Any] | Mapping[str, NDArray[Any]],
    vertices: Sequence[int | str] | int | str,
) -> tuple[Figure, str]:
    """Draw spirals on a head, each from the side that its centre faces.

    Parameters
    ----------
    head : Face, Head or str
        As in `talking_heads.course.mesh_view.spiral_view`.
    spirals : ndarray, or mapping of name to ndarray
        ``(V, L)``; with several (such as dilation 1 and 2) each vertex is drawn once for each.
    vertices : int, str or sequence of them
        Centres, by number or name.

    Returns
    -------
    tuple of Figure and str
        For `talking_heads.course.figures.show`.

    Raises
    ------
    UserError
        If a vertex is not there, the spirals do not fit the mesh, or there are more than eight
        pictures.
    """
    mesh = mesh_of(head)
    asked = [vertices] if isinstance(vertices, int | str) else list(vertices)
    centres = [mesh.number(vertex) for vertex in asked]
    tables = spirals if isinstance(spirals, Mapping) else {"": spirals}
    tables = {name: checked_spirals(mesh, table) for name, table in tables.items()}
    pairs = [(centre, name) for centre in centres for name in tables]
    if not 1 <= len(pairs) <= _MOST_TILES:
        raise UserError(f"The figure shows 1 to {_MOST_TILES} spirals, not {len(pairs)}.")
    columns = min(len(pairs), 4)
    side = (300, 230, 190, 170)[columns - 1]
    shots, titles, words = [], [], []
    for centre, name in pairs:
        spiral = tables[name][centre]
        # All spirals of one vertex are shown from one place, so that they can be compared.
        shown = np.concatenate([table[centre] for table in tables.values()])
        camera = near_camera(mesh, mesh.vertices[shown].astype(float), centre, (side, side))
        shots.append((photo(mesh, camera), camera.project(mesh.vertices[spiral])))
        called = next((k for k, v in mesh.names.items() if v == centre), f"vertex {centre}")
        titles.append(f"{called}\n{name}" if name else called)
        words.append(spiral_words(mesh, spiral, name))
    rows = [range(k, min(k + columns, len(pairs))) for k in range(0, len(pairs), columns)]
    figure, axes = tiles_figure(
        [[shots[i][0] for i in row] for row in rows], titles=[[titles[i] for i in r] for r in rows]
    )
    for row, line in zip(rows, axes, strict=True):
        for i, axis in zip(row, line, strict=True):
            draw_path(axis, shots[i][1][:, :2])
    return figure, f"Spirals on {mesh.name}, dark at the centre, bright outside. " + " ".join(words)


def field_figure(
    head: Face | Head | str,
    pyramid: MeshPyramid | Mapping[str, MeshPyramid],
    vertex: int | str | None = None,
    levels: Sequence[int] | None = None,
) -> tuple[Figure, str]:
    """Draw the receptive field of one place after each level as heat maps side by side.

    Small fields are shown from closer. With several pyramids (such as dilation 1 and 2) each has a
    row.

    Parameters
    ----------
    head : Face, Head or str
        The mesh that the pyramid begins with.
    pyramid : MeshPyramid, or mapping of name to MeshPyramid
        What computes.
    vertex : int or str, optional
        On the full mesh; at each level the nearest vertex that is left is taken.
    levels : sequence of int, optional
        After how many convolutions; by default 1 to all.

    Returns
    -------
    tuple of Figure and str
        For `talking_heads.course.figures.show`; the words say how many vertices each field holds.

    Raises
    ------
    UserError
        If a pyramid does not fit the mesh, or vertex or level are not there.
    """
    mesh = mesh_of(head)
    place = mesh.number(vertex)
    named = pyramid if isinstance(pyramid, Mapping) else {"": pyramid}
    yaw, _ = facing(mesh, place)
    rows, titles, words = [], [], []
    for name, one in named.items():
        checked_pyramid(mesh, one)
        asked = list(range(1, len(one.levels))) if levels is None else list(levels)
        wide = min(165, 760 // max(len(asked), 1))
        row, line = [], []
        if name:
            words.append(f"{name}:")
        for level in asked:
            weights, centre = field_of(mesh, one, level, place)
            camera = whole_camera(mesh, (wide, round(1.2 * wide)), yaw - 14.0)
            seen, middle = mesh.vertices[weights > 0], mesh.vertices[centre]
            near = bool(np.linalg.norm(seen - middle, axis=1).max() < _SMALL)
            if near:
                x, y, z = map(float, middle)
                camera = replace(camera, zoom=_CLOSER * camera.zoom, center=(x, y, z))
            row.append(
                (
                    photo(mesh, camera, colors=field_colors(mesh, weights), lines=False),
                    camera,
                    centre,
                )
            )
            closer = ", closer" if near else ""
            line.append(
                f"{name + ', ' if name else ''}level {level}{closer}\n{len(seen):,} vertices"
            )
            words.append(field_words(mesh, weights, centre, level))
        rows.append(row)
        titles.append(line)
    figure, axes = tiles_figure([[shot for shot, _, _ in row] for row in rows], titles=titles)
    # Skin in the shade too, which would turn red for want of colours.
    keep_colors(figure, [*heat_colors(), *(mesh.colors.mean(0) / 255 * _SHADES[:, None])])
    for row, axis_row in zip(rows, axes, strict=True):
        for (_, camera, centre), axis in zip(row, axis_row, strict=True):
            x, y, _ = camera.project(mesh.vertices[centre][None])[0]
            axis.plot(x, y, "o", ms=4, mfc="none", mec=INK, mew=1.1)
    shades = "Darker red: on more paths, on a logarithmic scale; pale skin: not seen."
    return figure, " ".join([f"Receptive fields on {mesh.name}.", *words, shades])


def pyramid_figure(
    head: Face | Head | str, pyramid: MeshPyramid, *, side: int = 120
) -> tuple[Figure, str]:
    """Draw the meshes of all levels side by side with their edges.

    Parameters
    ----------
    head : Face, Head or str
        The mesh that the pyramid begins with.
    pyramid : MeshPyramid
        What to draw.
    side : int
        Most pixels of width that a mesh gets.

    Returns
    -------
    tuple of Figure and str
        For `talking_heads.course.figures.show`.

    Raises
    ------
    UserError
        If the pyramid does not fit the mesh.
    """
    mesh = mesh_of(head)
    return pyramid_picture(mesh, checked_pyramid(mesh, pyramid), side), pyramid_words(mesh, pyramid)


def pyramid_picture(mesh: Mesh, pyramid: MeshPyramid, side: int = 120) -> Figure:
    """Draw the figure of `pyramid_figure`."""
    wide = min(side, 760 // len(pyramid.levels))
    camera = whole_camera(mesh, (wide, round(1.3 * wide)))
    shots, titles = [], []
    for number, level in enumerate(pyramid.levels):
        shots.append(photo(level_mesh(mesh, pyramid, number), camera))
        titles.append(
            f"level {number}\n{len(level.vertices):,} vertices\n{len(level.triangles):,} triangles"
        )
    figure, _ = tiles_figure([shots], titles=[titles])
    keep_colors(figure, [])
    return figure
