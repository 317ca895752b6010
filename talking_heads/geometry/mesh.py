"""Triangle meshes: normals, edges, boundaries."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]


def triangle_normals(vertices: Floats, triangles: Ints) -> Floats:
    """Return the normal of each triangle, its length twice the area.

    Parameters
    ----------
    vertices : ndarray
        ``(V, 3)`` metres.
    triangles : ndarray
        ``(T, 3)`` indices, counter-clockwise seen from outside.

    Returns
    -------
    ndarray
        ``(T, 3)`` square metres.
    """
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    return np.cross(b - a, c - a)


def vertex_normals(vertices: Floats, triangles: Ints) -> Floats:
    """Return unit normals ``(V, 3)``: the area-weighted mean over the adjacent triangles."""
    faces = triangle_normals(vertices, triangles)
    total = np.zeros((len(vertices), 3))
    corners = triangles.ravel()
    for axis in range(3):
        weights = np.repeat(faces[:, axis], 3)
        total[:, axis] = np.bincount(corners, weights, minlength=len(vertices))
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-20)


def proper_triangles(triangles: Ints) -> Ints:
    """Return the triangles that have three corners; the others are a line or a point."""
    triangles = np.asarray(triangles)
    return triangles[(triangles != np.roll(triangles, 1, axis=1)).all(1)]


def directed_edges(triangles: Ints) -> Ints:
    """Return the ``(3 T, 2)`` edges of the triangles in their winding order."""
    triangles = np.asarray(triangles)
    return np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])


def edges(triangles: Ints) -> Ints:
    """Return each edge once, ``(E, 2)``, smaller index first."""
    return np.unique(np.sort(directed_edges(triangles), axis=1), axis=0)


def boundary_edges(triangles: Ints) -> Ints:
    """Return the edges ``(B, 2)`` that belong to one triangle only."""
    unique, count = np.unique(
        np.sort(directed_edges(triangles), axis=1), axis=0, return_counts=True
    )
    return unique[count == 1]


def is_manifold(triangles: Ints) -> bool:
    """Return whether no directed edge occurs twice, so that the winding is consistent.

    Then every edge has one or two triangles, and two neighbours agree on which side is out.
    """
    directed = directed_edges(triangles)
    return len(np.unique(directed, axis=0)) == len(directed) and len(
        proper_triangles(triangles)
    ) == len(triangles)


def check_mesh(vertices: Floats, triangles: Ints) -> NDArray[np.float64]:
    """Return the vertices as float64 if they and the triangles make a mesh.

    Raises
    ------
    UserError
        If a shape is wrong, there is no vertex, a coordinate is not finite or an index lies
        outside.
    """
    points = np.asarray(vertices, dtype=np.float64)
    corners = np.asarray(triangles)
    if points.ndim != 2 or points.shape[1] != 3 or not len(points):
        raise UserError(f"Vertices of a mesh have shape (V, 3), not {points.shape}.")
    if corners.ndim != 2 or corners.shape[1] != 3 or corners.dtype.kind not in "iu":
        raise UserError(
            f"Triangles of a mesh are integers of shape (T, 3), not {corners.dtype} "
            f"of shape {corners.shape}."
        )
    if not np.isfinite(points).all():
        raise UserError("The mesh has a coordinate that is not a finite number.")
    if len(corners) and (corners.min() < 0 or corners.max() >= len(points)):
        raise UserError(f"A triangle names a vertex that is not one of the {len(points):,}.")
    return points
