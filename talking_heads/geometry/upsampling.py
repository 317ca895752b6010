"""The way from a coarser mesh back to the fine one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from talking_heads.geometry.decimation import Decimation

Floats = NDArray[np.floating[Any]]


def upsampling_matrix(vertices: Floats, decimation: Decimation) -> csr_array:
    """Return the matrix ``(V, W)`` that carries values from the coarse mesh to the fine one.

    The row of a kept vertex holds a single 1; that of another the barycentric coordinates of the
    nearest point on the coarse triangles within two rings of the vertex that took it in, or a 1 for
    that vertex where it has no triangle. Rows sum to 1. Only triangles near along the surface
    count: the lips touch, but one is not interpolated from the other.

    Parameters
    ----------
    vertices : ndarray
        ``(V, 3)`` positions of the fine mesh.
    decimation : Decimation
        Of that mesh.

    Returns
    -------
    scipy.sparse.csr_array
        ``(V, W)`` float64, at most three entries in a row.
    """
    points = np.asarray(vertices, dtype=np.float64)
    kept, triangles, merged = decimation.kept, decimation.triangles, decimation.merged
    count, coarse = len(points), len(kept)
    # Which triangles lie within two rings of each coarse vertex.
    ones = np.ones(triangles.size)
    touches = csr_array(
        (ones, (triangles.ravel(), np.repeat(np.arange(len(triangles)), 3))),
        shape=(coarse, len(triangles)),
    )
    near = (touches @ touches.T) @ touches
    near = csr_array(near)
    removed = np.setdiff1d(np.arange(count), kept)
    number = np.diff(near.indptr)[merged[removed]]
    homeless = removed[number == 0]
    removed, number = removed[number > 0], number[number > 0]
    owner = np.repeat(np.arange(len(removed)), number)
    first = near.indptr[merged[removed]]
    within = np.arange(len(owner)) - np.repeat(np.cumsum(number) - number, number)
    candidate = near.indices[first[owner] + within]
    weights = closest_barycentric(points[removed[owner]], points[kept][triangles[candidate]])
    nearest = np.einsum("nc,ncx->nx", weights, points[kept][triangles[candidate]])
    distance = np.linalg.norm(nearest - points[removed[owner]], axis=1)
    order = np.lexsort((candidate, distance, owner))
    best = order[np.unique(owner[order], return_index=True)[1]]
    rows = np.concatenate([kept, homeless, np.repeat(removed, 3)])
    columns = np.concatenate(
        [np.arange(coarse), merged[homeless], triangles[candidate[best]].ravel()]
    )
    values = np.concatenate([np.ones(coarse + len(homeless)), weights[best].ravel()])
    matrix = csr_array((values, (rows, columns)), shape=(count, coarse))
    matrix.eliminate_zeros()
    return matrix


def closest_barycentric(points: Floats, corners: Floats) -> Floats:
    """Return barycentric coordinates ``(N, 3)`` of the nearest point on each triangle.

    Parameters
    ----------
    points : ndarray
        ``(N, 3)``, one for each triangle.
    corners : ndarray
        ``(N, 3, 3)`` the corners of each triangle, one a row.
    """
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    normal = np.cross(b - a, c - a)
    squared = (normal**2).sum(1)
    safe = np.maximum(squared, 1e-300)
    inside = np.stack(
        [
            (np.cross(c - b, points - b) * normal).sum(1) / safe,
            (np.cross(a - c, points - c) * normal).sum(1) / safe,
            (np.cross(b - a, points - a) * normal).sum(1) / safe,
        ],
        axis=1,
    )
    within = (inside >= 0).all(1) & (squared > 0)
    best = np.zeros((len(points), 3))
    least = np.full(len(points), np.inf)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        start, along = corners[:, i], corners[:, j] - corners[:, i]
        length = np.maximum((along**2).sum(1), 1e-300)
        share = np.clip(((points - start) * along).sum(1) / length, 0, 1)
        gap = ((start + share[:, None] * along - points) ** 2).sum(1)
        better = gap < least
        least = np.where(better, gap, least)
        best[better] = 0
        best[better, i] = 1 - share[better]
        best[better, j] = share[better]
    best[within] = inside[within] / inside[within].sum(1, keepdims=True)
    return best
