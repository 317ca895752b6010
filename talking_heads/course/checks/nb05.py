"""Checks of notebook 05: spiral convolution, quadric errors and receptive fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.course.checking import Case, Exercise, Mistake, same_as_package
from talking_heads.course.checks.mesh_neighbours import (
    NEIGHBOUR_EXERCISES,
    TETRAHEDRON,
    grid_triangles,
    loose_sheet,
)

Array = NDArray[Any]

# --- Convolution -----------------------------------------------------------------------------


def spiral_conv(values: Array, spirals: Array, weight: Array, bias: Array) -> Array:
    """Return the features after a spiral convolution.

    `talking_heads.layers.spiral.SpiralConv` with these weights gives the same.

    Parameters
    ----------
    values : ndarray
        ``(vertex, in)``.
    spirals : ndarray of int
        ``(kept, L)``.
    weight : ndarray
        ``(out, L * in)``: the numbers of the first vertex of the spiral come first.
    bias : ndarray
        ``(out,)``.

    Returns
    -------
    ndarray
        ``(kept, out)``.
    """
    rows = values[spirals].reshape(len(spirals), -1)
    return np.asarray(rows @ weight.T + bias)


def _conv_cases(rng: np.random.Generator) -> Iterator[Case]:
    def case(name: str, vertices: int, kept: int, length: int, inside: int, out: int) -> Case:
        spirals = np.stack([rng.permutation(vertices)[:length] for _ in range(kept)])
        spirals[:, 0] = np.sort(rng.permutation(vertices)[:kept])
        weight = rng.normal(0, 1, (out, length * inside))
        return Case(
            name, (rng.normal(0, 1, (vertices, inside)), spirals, weight, rng.normal(0, 1, out))
        )

    yield case("20 vertices, spirals of 5", 20, 20, 5, 3, 4)
    yield case("half of 30 vertices kept, spirals of 9", 30, 15, 9, 3, 8)
    yield case("a single feature, in and out", 12, 12, 7, 1, 1)
    yield case("spirals of the centre alone", 10, 10, 1, 4, 2)
    yield case("as many features as the spiral is long", 16, 16, 4, 4, 4)


def _centres(values: Array, spirals: Array, weight: Array, bias: Array) -> Array:
    alone = np.repeat(spirals[:, :1], spirals.shape[1], axis=1)
    return spiral_conv(values, alone, weight, bias)


def _features_first(values: Array, spirals: Array, weight: Array, bias: Array) -> Array:
    rows = values[spirals].transpose(0, 2, 1).reshape(len(spirals), -1)
    return np.asarray(rows @ weight.T + bias)


_CONV_MISTAKES = (
    Mistake(
        "features first",
        _features_first,
        "Your rows hold the first feature of all vertices, then the second. The weights expect\n"
        "all features of the first vertex, then those of the second: reshape (L, in) as it is.",
    ),
    Mistake(
        "no offset",
        lambda x, s, w, b: spiral_conv(x, s, w, 0 * b),
        "You left the offset out: add bias at the end.",
    ),
    Mistake(
        "offset for each place",
        lambda x, s, w, b: spiral_conv(x, s, w, s.shape[1] * b),
        "You add the offset once for each place in the spiral. Add it once.",
    ),
    Mistake(
        "mean",
        lambda x, s, w, b: spiral_conv(x, s, w / s.shape[1], b),
        "You divide by the length of the spiral. The product is a sum, not a mean.",
    ),
    Mistake(
        "mean of the neighbours",
        lambda x, s, w, b: spiral_conv(
            np.repeat(x[s].mean(axis=1)[:, None], s.shape[1], axis=1).reshape(-1, x.shape[1]),
            np.arange(s.size).reshape(s.shape), w, b,
        ),
        "You average the features along the spiral first, so all places look alike. Each place\n"
        "has weights of its own.",
    ),
    Mistake(
        "backwards",
        lambda x, s, w, b: spiral_conv(x, s[:, ::-1], w, b),
        "You read the spirals from their end. The first weights belong to the centre.",
    ),
    Mistake(
        "centre only",
        _centres,
        "You gather the centre again and again: values[spirals] takes the neighbours too.",
    ),
)  # fmt: skip

# --- Quadric errors --------------------------------------------------------------------------


def quadric(points: Array, triangles: Array, vertex: int) -> Array:
    """Return the quadric of a vertex, by Garland and Heckbert (1997).

    `talking_heads.geometry.decimation.decimate` begins with the same, and adds walls at rims.

    Parameters
    ----------
    points : ndarray
        ``(vertex, 3)``.
    triangles : ndarray of int
        ``(triangle, 3)``, counter-clockwise.
    vertex : int
        Which one.

    Returns
    -------
    ndarray
        ``(4, 4)``: with a point p, ``(p, 1) Q (p, 1)`` is the sum over the triangles of the vertex
        of their area times the squared distance of p from their plane.
    """
    return _quadric(points, triangles, vertex)


def _quadric(
    points: Array, triangles: Array, vertex: int, *, area: float = 1, sign: float = -1,
    unit: bool = True,
) -> Array:  # fmt: skip
    own = triangles[(triangles == vertex).any(axis=1)]
    a, b, c = (points[own[:, corner]] for corner in range(3))
    normal = np.cross(b - a, c - a)
    size = np.linalg.norm(normal, axis=1) / 2
    if unit:
        normal = normal / (2 * size)[:, None]
    h = np.column_stack([normal, sign * np.sum(normal * a, axis=1)])
    return np.asarray(np.einsum("t,ti,tj->ij", size**area, h, h))


def _quadric_cases(rng: np.random.Generator) -> Iterator[Case]:
    grid = grid_triangles(5, 5)
    flat = np.array([(x, y, 2.0) for y in range(5) for x in range(5)])
    fold = flat + np.maximum(0, flat[:, :1] - 2) * (0, 0, 1)
    yield Case("a flat sheet two above the ground", (flat, grid, 12))
    yield Case("a fold", (fold, grid, 12))
    yield Case("a corner of a tetrahedron", (rng.normal(0, 1, (4, 3)), TETRAHEDRON, 3))
    for number in range(2):
        points, triangles = loose_sheet(rng, 40)
        hills = np.column_stack([10 * points, rng.normal(0, 1, 40)])
        vertex = int(rng.integers(40))
        yield Case(f"a rough mesh, {number + 1} of 2", (hills, triangles, vertex))


def _summed_first(points: Array, triangles: Array, vertex: int) -> Array:
    own = triangles[(triangles == vertex).any(axis=1)]
    total = np.zeros(4)
    for a, b, c in points[own]:
        normal = np.cross(b - a, c - a)
        size = np.linalg.norm(normal) / 2
        unit = normal / (2 * size)
        total += np.sqrt(size) * np.append(unit, -unit @ a)
    return np.outer(total, total)


def _of_all(points: Array, triangles: Array) -> Array:
    """Return the sum of the quadrics of all triangles."""
    return np.asarray(
        sum(_quadric(points, t[None], int(t[0])) for t in triangles), dtype=np.float64
    )


_QUADRIC_MISTAKES = (
    Mistake(
        "no area",
        lambda p, t, v: _quadric(p, t, v, area=0),
        "All your triangles count alike. Weigh each by its area, or many small triangles beat a\n"
        "large one.",
    ),
    Mistake(
        "area squared",
        lambda p, t, v: _quadric(p, t, v, area=2),
        "You weigh by the squared area. The area stands before h h once: do not multiply h by it\n"
        "as well.",
    ),
    Mistake(
        "parallelogram",
        lambda p, t, v: 2 * _quadric(p, t, v),
        "Your areas are twice too large: the cross product of two sides is as long as the\n"
        "parallelogram is large.",
    ),
    Mistake(
        "normals not of length 1",
        lambda p, t, v: _quadric(p, t, v, area=0, unit=False),
        "Your normals are not of length 1, so what you add up are no distances. Divide each by\n"
        "its length.",
    ),
    Mistake(
        "normals not of length 1, weighted",
        lambda p, t, v: _quadric(p, t, v, unit=False),
        "Your normals are not of length 1, so what you weigh by the area are no distances.\n"
        "Divide each by its length.",
    ),
    Mistake(
        "sign of the offset",
        lambda p, t, v: _quadric(p, t, v, sign=1),
        "Your fourth number has the wrong sign. For a point p on the plane (p, 1) h must be 0, so\n"
        "it is minus n times a corner.",
    ),
    Mistake(
        "planes through the origin",
        lambda p, t, v: _quadric(p, t, v, sign=0),
        "Your planes all go through the origin: the fourth number of h, -n times a corner, is\n"
        "missing.",
    ),
    Mistake(
        "summed first",
        _summed_first,
        "You add the planes up and then take the outer product. Take each plane's own first, then\n"
        "add: h h for each, or slopes in opposite directions cancel.",
    ),
    Mistake(
        "mean",
        lambda p, t, v: _quadric(p, t, v) / (t == v).any(axis=1).sum(),
        "You take the mean over the triangles. Quadrics are sums, so that those of two vertices\n"
        "can be added.",
    ),
    Mistake(
        "all triangles",
        lambda p, t, v: _of_all(p, t),
        "You take all triangles of the mesh. Those of which the vertex is a corner are wanted.",
    ),
)

# --- Receptive fields ------------------------------------------------------------------------


def path_counts(tables: Sequence[Array], count: int, vertex: int) -> Array:
    """Return on how many paths each input vertex reaches a vertex of the last level.

    `talking_heads.geometry.pyramid.receptive_field` of a pyramid with these spirals.

    Parameters
    ----------
    tables : sequence of ndarray of int
        For each convolution ``(kept, L)``: the spirals of the kept vertices, numbers of the level
        below. The first table belongs to the input.
    count : int
        Vertices of the input.
    vertex : int
        Row of the last table.

    Returns
    -------
    ndarray
        ``(count,)``.
    """
    weights = np.zeros(len(tables[-1]))
    weights[vertex] = 1
    for level in reversed(range(len(tables))):
        below = np.zeros(len(tables[level - 1]) if level else count)
        np.add.at(below, tables[level], weights[:, None])
        weights = below
    return weights


def _pyramid_tables(rng: np.random.Generator, sizes: Sequence[int], length: int) -> list[Array]:
    tables = []
    for below, kept in pairwise(sizes):
        rows = [rng.permutation(below)[: min(length, below)] for _ in range(kept)]
        tables.append(np.stack(rows))
    return tables


def _path_cases(rng: np.random.Generator) -> Iterator[Case]:
    for sizes, length in (((12, 6), 4), ((40, 16, 7), 5), ((60, 24, 10, 4), 9)):
        name = f"{len(sizes) - 1} levels, spirals of {length}"
        tables = _pyramid_tables(rng, sizes, length)
        yield Case(name, (tables, sizes[0], int(rng.integers(sizes[-1]))))
    # A mesh too small for its spirals, which repeat their centre.
    few = [np.array([(0, 1, 0, 0), (1, 2, 0, 1)]), np.array([(1, 0, 1, 1)])]
    yield Case("spirals that repeat their centre", (few, 4, 0))


def _overwritten(tables: Sequence[Array], count: int, vertex: int) -> Array:
    """Count as ``below[table] += weights`` does, where the last of several wins."""
    weights = np.zeros(len(tables[-1]))
    weights[vertex] = 1
    for level in reversed(range(len(tables))):
        below = np.zeros(len(tables[level - 1]) if level else count)
        below[tables[level]] += weights[:, None]
        weights = below
    return weights


def _seen(tables: Sequence[Array], count: int, vertex: int) -> Array:
    return np.asarray(path_counts(tables, count, vertex) > 0)


def _once_each(tables: Sequence[Array], count: int, vertex: int) -> Array:
    """Count a vertex once in a spiral, however often it stands there."""
    weights = np.zeros(len(tables[-1]))
    weights[vertex] = 1
    for level in reversed(range(len(tables))):
        below = np.zeros(len(tables[level - 1]) if level else count)
        for row, weight in zip(tables[level], weights, strict=True):
            below[row] += weight
        weights = below
    return weights


def _last_only(tables: Sequence[Array], count: int, vertex: int) -> Array:
    return path_counts([tables[0]], count, vertex)


def _upwards(tables: Sequence[Array], count: int, vertex: int) -> Array:
    """Return on how many paths an input vertex reaches the last level, for each of its vertices."""
    weights = np.zeros(count)
    weights[vertex] = 1
    for table in tables:
        weights = weights[table].sum(axis=1)
    return weights


_PATH_MISTAKES = (
    Mistake(
        "seen or not",
        _seen,
        "You return whether a vertex is seen, 0 or 1. On how many paths is the question.",
    ),
    Mistake(
        "shares",
        lambda t, n, v: path_counts(t, n, v) / path_counts(t, n, v).sum(),
        "You return shares that add up to 1. The counts themselves are wanted: they add up to\n"
        "the product of the spirals' lengths.",
    ),
    Mistake(
        "overwritten",
        _overwritten,
        "Too few paths: with x[table] += ..., numpy adds only once to a vertex that stands in the\n"
        "table several times. np.add.at(x, table, ...) adds each time.",
    ),
    Mistake(
        "once for each spiral",
        _once_each,
        "Right as long as a spiral names no vertex twice. Where it does, each place is a path of\n"
        "its own: x[row] += w adds only once, np.add.at(x, row, w) each time.",
    ),
    Mistake(
        "one level",
        _last_only,
        "You go down a single level. Each vertex below has its own spiral in the next table.",
    ),
    Mistake(
        "upwards",
        _upwards,
        "You go up: from one input vertex to all of the last level. Begin at the vertex of the\n"
        "last level and hand its 1 down.",
    ),
    Mistake(
        "centres only",
        lambda t, n, v: path_counts([table[:, :1] for table in t], n, v),
        "You follow the centres of the spirals only. Every vertex of a spiral is a way down.",
    ),
)

EXERCISES = (
    *NEIGHBOUR_EXERCISES,
    Exercise(
        id="05.spiral_conv",
        title="A spiral convolution",
        points=3,
        check=same_as_package(spiral_conv, _conv_cases, _CONV_MISTAKES, tolerance=1e-6),
        mistakes=_CONV_MISTAKES,
    ),
    Exercise(
        id="05.quadric",
        title="The quadric of a vertex",
        points=3,
        check=same_as_package(quadric, _quadric_cases, _QUADRIC_MISTAKES, tolerance=1e-6),
        mistakes=_QUADRIC_MISTAKES,
    ),
    Exercise(
        id="05.path_counts",
        title="Paths of a receptive field",
        points=3,
        check=same_as_package(path_counts, _path_cases, _PATH_MISTAKES, tolerance=1e-6),
        mistakes=_PATH_MISTAKES,
    ),
)
