"""Neighbourhoods on a triangle mesh: the neighbours of a vertex in order, and rings."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from talking_heads.geometry.mesh import edges, proper_triangles

Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Fan:
    """Neighbours of one vertex that hang together by triangles, in order.

    Attributes
    ----------
    vertices : tuple of int
        The neighbours, counter-clockwise seen from outside. An open fan begins and ends at the
        boundary of the mesh; a closed one may be read from any of them.
    closed : bool
        Whether the last neighbour shares a triangle with the first.
    """

    vertices: tuple[int, ...]
    closed: bool


def vertex_fans(triangles: Ints, count: int) -> list[tuple[Fan, ...]]:
    """Return the ordered neighbours of every vertex.

    Parameters
    ----------
    triangles : ndarray
        ``(T, 3)`` indices, counter-clockwise seen from outside.
    count : int
        Number of vertices of the mesh.

    Returns
    -------
    list of tuple of Fan
        For each vertex its fans: one where the mesh is a surface, several where surfaces touch in
        a point or more than two triangles share an edge, none for a vertex without triangle.
    """
    t = proper_triangles(np.asarray(triangles, dtype=np.int64).reshape(-1, 3))
    # A row (v, a, b) for each corner: going round v, neighbour b comes after a.
    rows = np.unique(np.concatenate([t, t[:, [1, 2, 0]], t[:, [2, 0, 1]]]), axis=0)
    bounds = np.searchsorted(rows[:, 0], np.arange(count + 1)).tolist()
    before, after = rows[:, 1].tolist(), rows[:, 2].tolist()
    fans = []
    for low, high in pairwise(bounds):
        a, b = before[low:high], after[low:high]
        if len(set(a)) == len(set(b)) == len(a):
            fans.append(_simple_fans(dict(zip(a, b, strict=True)), set(b)))
        else:
            fans.append(_tangled_fans(a, b))
    return fans


def _simple_fans(after: dict[int, int], targets: set[int]) -> tuple[Fan, ...]:
    """Chain pairs in which every neighbour has one successor and one predecessor at most."""
    fans = []
    left = dict(after)
    for start in sorted(set(after) - targets):
        chain = [start]
        while chain[-1] in left:
            chain.append(left.pop(chain[-1]))
        fans.append(Fan(tuple(chain), False))
    while left:
        start = min(left)
        chain = [start]
        while (following := left.pop(chain[-1])) != start:
            chain.append(following)
        fans.append(Fan(tuple(chain), True))
    return tuple(fans)


def _tangled_fans(before: list[int], after: list[int]) -> tuple[Fan, ...]:
    """Chain pairs where more than two triangles share an edge or the winding contradicts itself."""
    left: dict[int, list[int]] = {}
    for a, b in zip(before, after, strict=True):
        left.setdefault(a, []).append(b)
    arriving = Counter(after)
    fans = []
    seen: set[int] = set()
    while left:
        # Begin where more triangles leave than arrive: a boundary. Only cycles have no such place.
        surplus = [a for a in left if len(left[a]) > arriving[a]]
        start = min(surplus or left)
        chain = [start]
        while chain[-1] in left:
            at = chain[-1]
            following = left[at].pop(0)
            if not left[at]:
                del left[at]
            arriving[following] -= 1
            chain.append(following)
            if following == start:
                break
        closed = chain[-1] == start
        fresh = [a for a in dict.fromkeys(chain) if a not in seen]
        seen.update(fresh)
        if fresh:
            fans.append(Fan(tuple(fresh), closed and len(fresh) == len(chain) - 1))
    return tuple(fans)


def neighbour_table(triangles: Ints, count: int) -> sparse.csr_array:
    """Return the symmetric matrix ``(V, V)`` with a 1 for each edge."""
    pairs = edges(proper_triangles(triangles))
    rows = np.concatenate([pairs[:, 0], pairs[:, 1]])
    columns = np.concatenate([pairs[:, 1], pairs[:, 0]])
    return sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(count, count))


def k_rings(triangles: Ints, count: int, vertex: int, most: int) -> list[Ints]:
    """Return the rings 0, 1, ... ``most`` of a vertex, each sorted by index.

    Ring 0 is the vertex itself; ring k+1 holds all neighbours of ring k that are in no ring before
    (GLDiTalker, equation 2). Rings that are empty are left out.
    """
    table = neighbour_table(triangles, count)
    seen = np.zeros(count, dtype=bool)
    seen[vertex] = True
    rings: list[Ints] = [np.array([vertex])]
    while len(rings) <= most:
        inner = rings[-1]
        reached = np.unique(
            np.concatenate([table.indices[table.indptr[v] : table.indptr[v + 1]] for v in inner])
        )
        outer = reached[~seen[reached]]
        if not len(outer):
            break
        seen[outer] = True
        rings.append(outer.astype(np.int64))
    return rings
