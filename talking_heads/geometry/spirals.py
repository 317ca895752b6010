"""Spirals: the neighbourhood of every vertex as a sequence of fixed length."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

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
    raise NotImplementedError
