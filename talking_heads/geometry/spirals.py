"""Spirals: the neighbourhood of every vertex as a sequence of fixed length."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from talking_heads.errors import UserError
from talking_heads.geometry.mesh import check_mesh, edges
from talking_heads.geometry.rings import neighbour_table, vertex_fans

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]


def spirals(
    triangles: Ints,
    count: int,
    length: int,
    dilation: int = 1,
    *,
    vertices: Floats,
    reference: Ints | int | None = None,
    short: Literal["nearest", "published"] = "nearest",
) -> NDArray[np.int64]:
    """Return the spiral of every vertex, ``(V, length)`` indices.

    A spiral begins with the vertex itself and goes on ring by ring, counter-clockwise seen from
    outside. Every ``dilation``-th of its vertices is taken.

    Parameters
    ----------
    triangles : ndarray
        ``(T, 3)`` indices, counter-clockwise seen from outside.
    count : int
        Number of vertices V.
    length : int
        Vertices that a spiral keeps (the kernel size), the centre among them.
    dilation : int
        The spiral reaches ``length * dilation`` vertices far and keeps every dilation-th.
    vertices : ndarray
        ``(V, 3)`` positions in any unit.
    reference : int or ndarray, optional
        One vertex, or one per connected component. The first neighbour in a spiral is the one
        nearest to it along the edges. Default: in each component the vertex farthest from the
        mesh's centroid.
    short : {"nearest", "published"}
        What to do where the rings run out: fill up with the vertices nearest in space, or, as the
        published code of SpiralNet++, replace the whole spiral by the nearest vertices.

    Returns
    -------
    ndarray of int64
        ``(V, length)``. Column 0 is the vertex itself. Where the whole mesh has too few vertices,
        the rest repeats the centre.

    Raises
    ------
    UserError
        If sizes do not fit, an index lies outside the mesh or a coordinate is not finite.
    """
    points = check_mesh(vertices, triangles)
    if len(points) != count:
        raise UserError(f"The mesh has {len(points)} vertices, not {count}.")
    if length < 1 or dilation < 1:
        raise UserError("A spiral needs a length and a dilation of at least 1.")
    if short not in ("nearest", "published"):
        raise UserError(f'short is "nearest" or "published", not "{short}".')
    fans = _ordered_fans(points, triangles, reference)
    result = np.empty((count, length), dtype=np.int64)
    # The last vertex that is taken; the published code wants the full dilated length.
    need = (length - 1) * dilation + 1
    enough = length * dilation if short == "published" else need
    for v in range(count):
        spiral = _walk(fans, v, enough)
        if len(spiral) < enough:
            start = [v] if short == "published" else spiral
            spiral = _fill_with_nearest(start, points, enough)
            spiral += [v] * (need - len(spiral))
        result[v] = spiral[:need:dilation]
    return result


def default_references(vertices: Floats, triangles: Ints) -> NDArray[np.int64]:
    """Return one vertex per connected component: the one farthest from the mesh's centroid.

    Of several that are equally far, as on a symmetric mesh, it is the one with the lowest index.
    """
    points = check_mesh(vertices, triangles)
    components, labels = connected_components(neighbour_table(triangles, len(points)))
    far = np.linalg.norm(points - points.mean(0), axis=1)
    most = np.zeros(components)
    np.maximum.at(most, labels, far)
    candidates = np.flatnonzero(far >= most[labels] * (1 - 1e-6))
    return candidates[np.unique(labels[candidates], return_index=True)[1]]


def distances_along_edges(vertices: Floats, triangles: Ints, sources: Ints) -> Floats:
    """Return for each vertex the length of the shortest way along edges to the nearest source.

    Infinite where no edges lead to any.
    """
    points = check_mesh(vertices, triangles)
    table = neighbour_table(triangles, len(points)).tocoo()
    lengths = np.linalg.norm(points[table.row] - points[table.col], axis=1)
    graph = csr_array((lengths, (table.row, table.col)), shape=table.shape)
    return dijkstra(graph, indices=np.atleast_1d(sources), min_only=True)


def _ordered_fans(
    points: Floats, triangles: Ints, reference: Ints | int | None
) -> list[list[list[int]]]:
    """Return the fans of each vertex; closed ones begin at the neighbour nearest the reference."""
    sources = default_references(points, triangles)
    if reference is not None:
        given = np.atleast_1d(np.asarray(reference, dtype=np.int64))
        if not len(given) or given.min() < 0 or given.max() >= len(points):
            raise UserError(f"A reference is not one of the {len(points)} vertices.")
        # Components without a reference of their own keep the default.
        reached = np.isfinite(distances_along_edges(points, triangles, given))
        sources = np.concatenate([given, sources[~reached[sources]]])
    far = distances_along_edges(points, triangles, sources).tolist()
    pairs = edges(triangles)
    spans = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    tie = 1e-3 * float(spans.mean()) if len(spans) else 0.0
    ordered = []
    for fans in vertex_fans(triangles, len(points)):
        keyed = []
        for fan in fans:
            ring = list(fan.vertices)
            distances = [far[u] for u in ring]
            if fan.closed:
                begin = _least_rotation(distances, tie)
                ring = ring[begin:] + ring[:begin]
                distances = distances[begin:] + distances[:begin]
            keyed.append((distances, ring))
        if len(keyed) > 1:
            keyed.sort()
        ordered.append([ring for _, ring in keyed])
    return ordered


def _least_rotation(values: list[float], tie: float) -> int:
    """Return where to begin a cycle so that it reads smallest; values that close count as equal.

    On a symmetric mesh two neighbours can be equally near. The values that follow them then
    decide, so that neither rounding nor the numbering of the vertices does.
    """
    ranks = [0] * len(values)
    order = sorted(range(len(values)), key=values.__getitem__)
    for before, after in pairwise(order):
        ranks[after] = ranks[before] + (values[after] - values[before] > tie)
    if ranks.count(0) == 1:
        return order[0]
    return min(range(len(ranks)), key=lambda i: ranks[i:] + ranks[:i])


def _walk(fans: list[list[list[int]]], centre: int, enough: int) -> list[int]:
    """Return the centre and its rings, in order, until there are enough vertices or no more."""
    spiral = [centre]
    if enough == 1:
        return spiral
    ring = [u for fan in fans[centre] for u in fan]
    parent = dict.fromkeys(ring, centre)
    parent[centre] = centre
    while ring:
        spiral += ring
        if len(spiral) >= enough:
            break
        outer: list[int] = []
        before = ring[-1]
        for u in ring:
            for w in _around(fans[u], before, parent[u]):
                if w not in parent:
                    parent[w] = u
                    outer.append(w)
            before = u
        ring = outer
    return spiral


def _around(fans: list[list[int]], before: int, parent: int) -> list[int]:
    """Return the neighbours of a ring's vertex, beginning after the vertex before it in the ring.

    Seen from the centre these are, counter-clockwise: what lies outside, the next one in the
    ring, what lies inside. Where the vertex before is no neighbour, the way begins at the parent.
    """
    if len(fans) == 1:
        fan = fans[0]
        at = fan.index(before if before in fan else parent) + 1
        return fan[at:] + fan[:at]
    anchor = before if any(before in fan for fan in fans) else parent
    around: list[int] = []
    for fan in fans:
        if anchor in fan:
            at = fan.index(anchor) + 1
            around = fan[at:] + fan[:at] + around
        else:
            around += fan
    return around


def _fill_with_nearest(spiral: list[int], points: Floats, enough: int) -> list[int]:
    """Append the vertices nearest in space to the first one until there are enough or no more."""
    taken = np.zeros(len(points), dtype=bool)
    taken[spiral] = True
    distance = np.linalg.norm(points - points[spiral[0]], axis=1)
    distance[taken] = np.inf
    wanted = min(enough - len(spiral), len(points) - len(spiral))
    # Rounded, so that the numbering decides about equal distances and not the last bit.
    size = float(np.ptp(points, axis=0).max()) or 1.0
    order = np.argsort(np.round(distance / size, 9), kind="stable")
    return spiral + order[:wanted].tolist()
