"""Checks of notebook 05 about who is whose neighbour: rings in order, k-rings, dilated spirals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from talking_heads.course.checking import Case, Exercise, Mistake, same_as_package
from talking_heads.geometry.rings import k_rings, vertex_fans

Array = NDArray[Any]


def grid_triangles(wide: int, high: int) -> Array:
    """Return the triangles of a grid, each square cut from its lower left to its upper right."""
    corners = [wide * y + x for y in range(high - 1) for x in range(wide - 1)]
    halves = [((a, a + 1, a + wide + 1), (a, a + wide + 1, a + wide)) for a in corners]
    return np.array([t for pair in halves for t in pair])


def loose_sheet(rng: np.random.Generator, count: int) -> tuple[Array, Array]:
    """Return points in the plane and their triangles, counter-clockwise, in no good order."""
    points = rng.uniform(0, 1, (count, 2))
    found = np.array(Delaunay(points).simplices, dtype=int)
    a, b, c = (points[found[:, corner]] for corner in range(3))
    cross = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    found[cross < 0] = found[cross < 0][:, ::-1]
    return points, _mixed(rng, found)


def _mixed(rng: np.random.Generator, triangles: Array) -> Array:
    """Return the same triangles in another order, each beginning at any of its corners."""
    turned = [np.roll(t, int(rng.integers(3))) for t in rng.permutation(triangles)]
    return np.array(turned)


TETRAHEDRON = np.array([(0, 2, 1), (0, 1, 3), (1, 2, 3), (0, 3, 2)])

# --- One ring --------------------------------------------------------------------------------


def one_ring(triangles: Array, vertex: int) -> Array:
    """Return the package's ordered neighbours of a vertex with one fan, ``(neighbour,)``."""
    (fan,) = vertex_fans(triangles, int(triangles.max()) + 1)[vertex]
    return np.array(fan.vertices)


def _inner(triangles: Array) -> list[int]:
    fans = vertex_fans(triangles, int(triangles.max()) + 1)
    return [v for v, found in enumerate(fans) if len(found) == 1 and found[0].closed]


def _rim(triangles: Array) -> list[int]:
    fans = vertex_fans(triangles, int(triangles.max()) + 1)
    return [v for v, found in enumerate(fans) if len(found) == 1 and not found[0].closed]


def _ring_cases(rng: np.random.Generator) -> Iterator[Case]:
    grid = grid_triangles(5, 5)
    yield Case("the middle of a grid, vertex 12", (grid, 12))
    yield Case("the lower rim of a grid, vertex 2", (grid, 2))
    yield Case("a corner of a grid, vertex 4", (grid, 4))
    yield Case("a corner of a tetrahedron", (_mixed(rng, TETRAHEDRON), 1))
    _, sheet = loose_sheet(rng, 60)
    for v in rng.choice(_inner(sheet), 3, replace=False):
        yield Case(f"vertex {v} of a mesh with triangles in any order", (sheet, int(v)))
    for v in rng.choice(_rim(sheet), 2, replace=False):
        yield Case(f"vertex {v} at the rim of a mesh", (sheet, int(v)))


def _follows(triangles: Array, vertex: int) -> dict[int, int]:
    rows = [np.roll(t, -int(np.flatnonzero(t == vertex)[0])) for t in triangles if vertex in t]
    return {int(a): int(b) for _, a, b in rows}


def _walked(follows: dict[int, int], start: int) -> Array:
    ring = [start]
    while ring[-1] in follows and follows[ring[-1]] != start:
        ring.append(follows[ring[-1]])
    return np.array(ring)


def _first_corner(triangles: Array, vertex: int) -> Array:
    """Walk by the triangles that begin with the vertex only."""
    follows = {int(a): int(b) for v, a, b in triangles if v == vertex}
    begin = [n for n in follows if n not in follows.values()] or sorted(follows)
    return _walked(follows, begin[0]) if begin else np.zeros(0, dtype=int)


def _clockwise(triangles: Array, vertex: int) -> Array:
    back = {b: a for a, b in _follows(triangles, vertex).items()}
    ends = set(back) - set(back.values())
    return _walked(back, min(ends or back))


def _closed_ring(triangles: Array, vertex: int) -> Array:
    ring = one_ring(triangles, vertex)
    return np.append(ring, ring[0]) if vertex in _inner(triangles) else ring


_RING_MISTAKES = (
    Mistake(
        "by number",
        lambda t, v: np.sort(one_ring(t, v)),
        "Your neighbours are sorted by number. The order round the vertex is wanted: in the\n"
        "triangle (v, a, b), b comes right after a.",
    ),
    Mistake(
        "clockwise",
        _clockwise,
        "You go round clockwise. In the triangle (v, a, b) the way leads from a to b, and not\n"
        "back.",
    ),
    Mistake(
        "backwards",
        lambda t, v: one_ring(t, v)[::-1],
        "Your neighbours stand in the right order, read backwards.",
    ),
    Mistake(
        "first corner only",
        _first_corner,
        "You only use triangles that begin with the vertex. It may stand at any of the three\n"
        "corners: turn (a, b, v) and (b, v, a) into (v, a, b) first.",
    ),
    Mistake(
        "first in the table",
        lambda t, v: _walked(_follows(t, v), next(iter(_follows(t, v)))),
        "You begin at the neighbour that is named first. A closed ring begins at its smallest\n"
        "number, an open one at the neighbour that no other leads to.",
    ),
    Mistake(
        "smallest at the rim",
        lambda t, v: _walked(_follows(t, v), min(_follows(t, v))),
        "Right in the middle of a mesh. At its rim you begin at the smallest number and lose\n"
        "what lies before it: begin at the neighbour that no other leads to.",
    ),
    Mistake(
        "end of the rim left out",
        lambda t, v: np.array([n for n in one_ring(t, v) if n in _follows(t, v)]),
        "At the rim you lose the last neighbour: none follows it, but it is one.",
    ),
    Mistake(
        "first one twice",
        _closed_ring,
        "Your closed rings end with their first neighbour again. Name it once.",
    ),
    Mistake(
        "with the vertex",
        lambda t, v: np.insert(one_ring(t, v), 0, v),
        "The vertex itself stands in your ring. Its neighbours alone are wanted.",
    ),
    Mistake(
        "any corner",
        lambda t, v: np.unique(t[(t == v).any(axis=1)]),
        "You collected the corners of the triangles. Walk from one to the next, and leave the\n"
        "vertex itself out.",
    ),
)

# --- k-rings ---------------------------------------------------------------------------------


def k_ring(triangles: Array, vertex: int, k: int) -> Array:
    """Return the package's k-th ring of a vertex, rising; empty where there is none."""
    found = k_rings(triangles, int(triangles.max()) + 1, vertex, k)
    return np.array(found[k]) if k < len(found) else np.zeros(0, dtype=int)


def _disk(triangles: Array, vertex: int, k: int) -> Array:
    rings = k_rings(triangles, int(triangles.max()) + 1, vertex, k)
    return np.sort(np.concatenate(rings))


def _spread(triangles: Array, vertices: Array) -> Array:
    """Return all corners of the triangles that touch some vertices."""
    return np.unique(triangles[np.isin(triangles, vertices).any(axis=1)])


def _without_last(triangles: Array, vertex: int, k: int) -> Array:
    ring = np.array([vertex])
    for _ in range(k):
        ring = np.setdiff1d(_spread(triangles, ring), ring)
    return ring


def _without_centre(triangles: Array, vertex: int, k: int) -> Array:
    ring = np.array([vertex])
    for _ in range(k):
        ring = np.setdiff1d(_spread(triangles, ring), [vertex])
    return ring


def _k_cases(rng: np.random.Generator) -> Iterator[Case]:
    grid = grid_triangles(7, 7)
    for k in (0, 1, 2, 3):
        yield Case(f"ring {k} of the middle of a grid", (grid, 24, k))
    yield Case("ring 2 of a corner of a grid", (grid, 0, 2))
    _, sheet = loose_sheet(rng, 80)
    for k in (2, 3):
        yield Case(f"ring {k} on an uneven mesh", (sheet, int(rng.integers(80)), k))
    yield Case("ring 3 of a tetrahedron, which has none", (TETRAHEDRON, 2, 3))


_K_MISTAKES = (
    Mistake(
        "disk",
        _disk,
        "You return the whole disk: all rings up to k. The ring alone is what is new at the last\n"
        "step.",
    ),
    Mistake(
        "without the last ring only",
        _without_last,
        "You take the last ring away, and the rings inside it come back: the neighbours of ring\n"
        "1 include the centre. Take away the whole disk, all rings so far.",
    ),
    Mistake(
        "without the centre only",
        _without_centre,
        "You take only the centre away, so inner rings stay in. Take away the whole disk, all\n"
        "rings so far.",
    ),
    Mistake(
        "one too far",
        lambda t, v, k: k_ring(t, v, k + 1),
        "You go one ring too far: ring 0 is the vertex itself.",
    ),
    Mistake(
        "one too near",
        lambda t, v, k: k_ring(t, v, max(k - 1, 0)),
        "You stop one ring too early: ring 0 is the vertex itself, ring 1 its neighbours.",
    ),
    Mistake(
        "neighbours",
        lambda t, v, k: k_ring(t, v, min(k, 1)),
        "You return the neighbours whatever k is. Repeat the step k times.",
    ),
    Mistake(
        "how many",
        lambda t, v, k: len(k_ring(t, v, k)),
        "You return how many vertices the ring has. Which ones is the question.",
    ),
)

# --- Dilation --------------------------------------------------------------------------------

Rings = Sequence[Sequence[int]]


def dilated(rings: Rings, length: int, dilation: int) -> Array:
    """Return a spiral's every ``dilation``-th vertex, as `talking_heads.geometry.spirals` takes it.

    Parameters
    ----------
    rings : sequence of sequence of int
        In order, ring 0 first: it holds the centre alone.
    length : int
        How many vertices are taken.
    dilation : int
        The step along the spiral.

    Returns
    -------
    ndarray of int
        ``(length,)``; where the rings run out, the centre again.
    """
    taken = [v for ring in rings for v in ring][::dilation][:length]
    return np.array(taken + [rings[0][0]] * (length - len(taken)))


def _dilated_cases(rng: np.random.Generator) -> Iterator[Case]:
    grid = [[12], [13, 18, 17, 11, 6, 7], [8, 14, 19, 24, 23, 22, 16, 10, 5, 0, 1, 2]]
    yield Case("nine of a grid, every one", (grid, 9, 1))
    yield Case("nine of a grid, every second", (grid, 9, 2))
    yield Case("five of a grid, every third", (grid, 5, 3))
    names = rng.permutation(90).tolist()
    ends = np.cumsum([1, 5, 11, 18])
    rings = [names[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True)]
    yield Case("nine of a mesh, every third", (rings, 9, 3))
    yield Case("a mesh of five vertices", ([[3], [4, 0, 1], [2]], 9, 2))
    yield Case("a vertex without a neighbour", ([[7]], 4, 2))


def _each_ring(rings: Rings, length: int, dilation: int) -> Array:
    thin = [ring[::dilation] for ring in rings]
    return dilated(thin, length, 1)


def _thinned(rings: Rings, length: int, dilation: int) -> list[int]:
    """Return every dilation-th vertex, as many as there are."""
    return [v for ring in rings for v in ring][::dilation][:length]


def _last_repeated(rings: Rings, length: int, dilation: int) -> Array:
    taken = _thinned(rings, length, dilation)
    return np.array(taken + [taken[-1]] * (length - len(taken)))


_DILATED_MISTAKES = (
    Mistake(
        "cut first",
        lambda r, n, d: dilated([[v for ring in r for v in ring][:n]], n, d),
        "You cut the spiral to its length and then dilate it, so too few are left. Take every\n"
        "dilation-th of the whole spiral, then cut.",
    ),
    Mistake(
        "cut first, not filled",
        lambda r, n, d: np.array([v for ring in r for v in ring][:n][::d]),
        "You cut the spiral to its length and then dilate it, so too few are left. Take every\n"
        "dilation-th of the whole spiral, then cut, then fill up with the centre.",
    ),
    Mistake(
        "not cut",
        lambda r, n, d: np.array([v for ring in r for v in ring][::d]),
        "You dilate, but do not cut: take the first `length` of them.",
    ),
    Mistake(
        "filled with zeros",
        lambda r, n, d: np.append(t := _thinned(r, n, d), np.zeros(n - len(t), dtype=int)),
        "You fill up with 0, which is a vertex like any other. Fill up with the centre.",
    ),
    Mistake(
        "without the centre",
        lambda r, n, d: dilated([[v for ring in r for v in ring][d - 1 :] or r[0]], n, d),
        "You begin at place dilation - 1, so the centre is lost. It is always the first.",
    ),
    Mistake(
        "each ring on its own",
        _each_ring,
        "You take every dilation-th of each ring on its own. Join the rings first: the step goes\n"
        "on from one ring to the next.",
    ),
    Mistake(
        "every second",
        lambda r, n, d: dilated(r, n, 2),
        "You take every second, whatever the dilation is.",
    ),
    Mistake(
        "no dilation",
        lambda r, n, d: dilated(r, n, 1),
        "You take every vertex: the dilation does nothing.",
    ),
    Mistake(
        "one skipped too many",
        lambda r, n, d: dilated(r, n, d + 1),
        "You leave `dilation` vertices out between two. With dilation 1 none is left out, with 2\n"
        "a single one.",
    ),
    Mistake(
        "too short",
        lambda r, n, d: np.array(_thinned(r, n, d)),
        "Right where there are enough vertices. Where the rings run out, fill up with the centre:\n"
        "the weights need a row of one length.",
    ),
    Mistake(
        "last one repeated",
        _last_repeated,
        "You fill up with the last vertex that was taken. Fill up with the centre.",
    ),
    Mistake(
        "begun anew",
        lambda r, n, d: np.resize([v for ring in r for v in ring][::d], n),
        "You begin the spiral anew where it ends. Fill up with the centre.",
    ),
)  # fmt: skip

NEIGHBOUR_EXERCISES = (
    Exercise(
        id="05.one_ring",
        title="Round a vertex",
        points=3,
        check=same_as_package(one_ring, _ring_cases, _RING_MISTAKES, tolerance=1e-9),
        mistakes=_RING_MISTAKES,
    ),
    Exercise(
        id="05.k_ring",
        title="The k-th ring",
        points=2,
        check=same_as_package(k_ring, _k_cases, _K_MISTAKES, tolerance=1e-9),
        mistakes=_K_MISTAKES,
    ),
    Exercise(
        id="05.dilated",
        title="A dilated spiral",
        points=2,
        check=same_as_package(dilated, _dilated_cases, _DILATED_MISTAKES, tolerance=1e-9),
        mistakes=_DILATED_MISTAKES,
    ),
)
