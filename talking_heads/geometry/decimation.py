"""Coarser meshes on a subset of the vertices, and the way back up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Decimation:
    """A coarser mesh whose vertices are some of the fine one's.

    Attributes
    ----------
    kept : ndarray of int64
        ``(W,)`` indices of fine vertices, rising. ``values[kept]`` samples the coarse mesh.
    triangles : ndarray of int64
        ``(S, 3)`` indices into ``kept``.
    merged : ndarray of int64
        ``(V,)`` for each fine vertex the coarse one (index into ``kept``) that took it in.
    """

    kept: NDArray[np.int64]
    triangles: NDArray[np.int64]
    merged: NDArray[np.int64]


def decimate(vertices: Floats, triangles: Ints, factor: float) -> Decimation:
    """Merge vertices into neighbours until ``ceil(V / factor)`` are left.

    Quadric error edge collapse onto an end of the edge (Garland & Heckbert, SIGGRAPH 1997).

    Parameters
    ----------
    vertices : ndarray
        ``(V, 3)`` positions in any unit.
    triangles : ndarray
        ``(T, 3)`` indices.
    factor : float
        How many times fewer vertices, at least 1.

    Raises
    ------
    UserError
        If the mesh or the factor is not usable.
    """
    raise NotImplementedError


def upsampling_matrix(vertices: Floats, decimation: Decimation) -> sparse.csr_array:
    """Return the matrix ``(V, W)`` that carries values from the coarse mesh to the fine one.

    The row of a kept vertex holds a single 1; that of another the barycentric coordinates of the
    nearest point on the coarse triangles around the vertex that took it in. Rows sum to 1.
    """
    raise NotImplementedError
