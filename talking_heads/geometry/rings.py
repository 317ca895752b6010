"""Neighbourhoods on a triangle mesh: the neighbours of a vertex in order, and rings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    raise NotImplementedError


def k_rings(triangles: Ints, count: int, vertex: int, most: int) -> list[Ints]:
    """Return the rings 0, 1, ... ``most`` of a vertex, each sorted by index.

    Ring 0 is the vertex itself; ring k+1 holds all neighbours of ring k that are in no ring
    before. Rings that are empty are left out.
    """
    raise NotImplementedError
