"""A mesh at several resolutions, with the spirals of each; cached on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class PyramidLevel:
    """One mesh of a pyramid.

    Attributes
    ----------
    vertices : ndarray of float64
        ``(V, 3)`` positions, in the unit of the mesh that the pyramid was built from.
    triangles : ndarray of int64
        ``(T, 3)`` indices into this level.
    spirals : ndarray of int64
        ``(V, kernel)`` indices into this level; column 0 is the vertex itself.
    kept : ndarray of int64 or None
        ``(W,)`` which vertices of this level the next one has, rising; None at the last level.
    up : sparse array or None
        ``(V, W)`` carries values from the next level to this one; None at the last level.
    """

    vertices: NDArray[np.float64]
    triangles: NDArray[np.int64]
    spirals: NDArray[np.int64]
    kept: NDArray[np.int64] | None
    up: sparse.csr_array | None


@dataclass(frozen=True, eq=False)
class MeshPyramid:
    """A mesh and its coarser versions, finest first.

    Attributes
    ----------
    levels : tuple of PyramidLevel
        One more than there are factors.
    kernel : int
        Vertices in a spiral.
    dilation : int
        Step along the spiral.
    """

    levels: tuple[PyramidLevel, ...]
    kernel: int
    dilation: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of vertices of each level."""
        return tuple(len(level.vertices) for level in self.levels)

    def kept_spirals(self, level: int) -> NDArray[np.int64]:
        """Return the spirals of ``level`` at the vertices that ``level + 1`` keeps.

        Shape ``(W, kernel)``, indices into ``level``: all that a convolution from one level to
        the next has to gather.
        """
        kept = self.levels[level].kept
        if kept is None:
            raise IndexError(f"Level {level} is the last one.")
        return self.levels[level].spirals[kept]

    def origin(self, level: int) -> NDArray[np.int64]:
        """Return for each vertex of ``level`` its index in level 0."""
        index = np.arange(self.sizes[0])
        for step in self.levels[:level]:
            assert step.kept is not None
            index = index[step.kept]
        return index


def build_pyramid(
    vertices: Floats,
    triangles: Ints,
    factors: Sequence[float],
    kernel: int = 9,
    dilation: int = 2,
    cache: str | PathLike[str] | Literal[False] | None = None,
) -> MeshPyramid:
    """Return the mesh at ``len(factors) + 1`` resolutions with the spirals of each.

    Parameters
    ----------
    vertices : ndarray
        ``(V, 3)`` positions in any unit.
    triangles : ndarray
        ``(T, 3)`` indices, counter-clockwise seen from outside.
    factors : sequence of float
        How many times fewer vertices each level has than the one before: ``ceil(V / factor)``.
    kernel, dilation : int
        Of the spirals; see `spirals`.
    cache : path, optional
        Folder for the result, so that the next call with the same mesh and parameters only reads
        a file. Default `talking_heads.paths.cache_dir`; False for no file.

    Raises
    ------
    UserError
        If the mesh or a parameter is not usable.
    """
    raise NotImplementedError


def receptive_field(pyramid: MeshPyramid, level: int, vertex: int) -> NDArray[np.float64]:
    """Count the paths from the input to one vertex of a level.

    Parameters
    ----------
    pyramid : MeshPyramid
        The meshes.
    level : int
        0 is the input itself; level n is what n spiral convolutions have computed.
    vertex : int
        A vertex of that level.

    Returns
    -------
    ndarray of float64
        ``(V,)`` over the finest mesh: on how many paths through the convolutions each of its
        vertices reaches ``vertex``. The sum is ``kernel ** level``.
    """
    raise NotImplementedError
