"""A mesh at several resolutions, with the spirals of each; cached on disk."""

from __future__ import annotations

import hashlib
import math
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from talking_heads.errors import UserError
from talking_heads.files import atomic_write
from talking_heads.geometry.decimation import decimate
from talking_heads.geometry.mesh import check_mesh
from talking_heads.geometry.spirals import default_references, spirals
from talking_heads.geometry.upsampling import upsampling_matrix
from talking_heads.paths import cache_dir

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]

# Part of the name of a cached file; to be raised when the result for the same mesh changes.
_VERSION = 2
# What reading a damaged file can raise: zipfile and numpy pass on what they stumble over.
_DAMAGE = (
    OSError, EOFError, ValueError, KeyError, IndexError, TypeError, MemoryError, OverflowError,
    NotImplementedError, RuntimeError, SyntaxError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


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
    up: csr_array | None


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
    *,
    reference: Ints | int | None = None,
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
        a file. Default `talking_heads.paths.cache_dir`; False for no file. A file that is damaged
        is made anew, and a folder that cannot be written is done without.
    reference : int or ndarray, optional
        Vertices of the finest mesh that the spirals begin towards; see `spirals`. On the coarser
        meshes the vertices that took them in are the reference.

    Raises
    ------
    UserError
        If the mesh or a parameter is not usable.
    """
    points = check_mesh(vertices, triangles)
    if len(points) > np.iinfo(np.int32).max:
        raise UserError("The mesh has too many vertices for a pyramid.")
    towards = np.atleast_1d(
        default_references(points, triangles)
        if reference is None
        else np.asarray(reference, dtype=np.int64)
    )
    recipe = _Recipe(
        points,
        np.asarray(triangles, dtype=np.int64),
        tuple(float(f) for f in factors),
        int(kernel),
        int(dilation),
        towards,
    )
    if cache is False:
        return _build(recipe)
    folder = cache_dir() if cache is None else Path(cache)
    path = folder / f"pyramid-{_key(recipe)}.npz"
    known = _read(path, recipe)
    if known is not None:
        return known
    built = _build(recipe)
    _write(path, built)
    return built


class _Recipe(NamedTuple):
    """All that decides what a pyramid looks like."""

    points: NDArray[np.float64]
    corners: NDArray[np.int64]
    factors: tuple[float, ...]
    kernel: int
    dilation: int
    reference: NDArray[np.int64]


def _build(recipe: _Recipe) -> MeshPyramid:
    points, corners, factors, kernel, dilation, reference = recipe
    levels = []
    for factor in (*factors, None):
        found = spirals(
            corners, len(points), kernel, dilation, vertices=points, reference=reference
        )
        if factor is None:
            levels.append(PyramidLevel(points, corners, found, None, None))
            break
        step = decimate(points, corners, factor)
        up = upsampling_matrix(points, step)
        levels.append(PyramidLevel(points, corners, found, step.kept, up))
        # The same place stays the reference, so that spirals begin alike on all levels.
        points, corners = points[step.kept], step.triangles
        reference = np.unique(step.merged[reference])
    return MeshPyramid(tuple(levels), kernel, dilation)


def _key(recipe: _Recipe) -> str:
    """Return a name for the result: the same recipe and algorithm, the same name."""
    points, corners, factors, kernel, dilation, reference = recipe
    words = (_VERSION, factors, kernel, dilation, points.shape, corners.shape)
    digest = hashlib.sha256(repr(words).encode())
    digest.update(points.astype("<f8").tobytes())
    digest.update(corners.astype("<i8").tobytes())
    digest.update(reference.astype("<i8").tobytes())
    return digest.hexdigest()[:40]


def _write(path: Path, pyramid: MeshPyramid) -> None:
    """Keep a pyramid for the next time, if the folder can be written."""
    arrays: dict[str, NDArray[Any]] = {}
    for i, level in enumerate(pyramid.levels):
        arrays[f"spirals{i}"] = level.spirals.astype(np.int32)
        if level.kept is not None and level.up is not None:
            following = pyramid.levels[i + 1]
            arrays[f"kept{i}"] = level.kept.astype(np.int32)
            arrays[f"triangles{i + 1}"] = following.triangles.astype(np.int32)
            arrays[f"up_values{i}"] = level.up.data
            arrays[f"up_columns{i}"] = level.up.indices.astype(np.int32)
            arrays[f"up_rows{i}"] = level.up.indptr.astype(np.int32)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            np.savez(file, allow_pickle=False, **arrays)
    except (OSError, UserError):
        return  # a folder that cannot be written only costs time


def _read(path: Path, recipe: _Recipe) -> MeshPyramid | None:
    """Return the pyramid that a file holds, None if there is none or it is damaged."""
    points, corners, factors, kernel, dilation, _ = recipe
    levels = []
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            for i in range(len(factors) + 1):
                count = len(points)
                found = _indices(file[f"spirals{i}"], (count, kernel), count)
                if i == len(factors):
                    levels.append(PyramidLevel(points, corners, found, None, None))
                    break
                coarse = math.ceil(count / factors[i])
                kept = _indices(file[f"kept{i}"], (coarse,), count)
                if (np.diff(kept) <= 0).any():
                    return None
                values = file[f"up_values{i}"]
                columns = _indices(file[f"up_columns{i}"], values.shape, coarse)
                rows = _indices(file[f"up_rows{i}"], (count + 1,), len(values) + 1)
                up = csr_array((values, columns, rows), shape=(count, coarse))
                if rows[-1] != len(values) or not (abs(up.sum(axis=1) - 1) < 1e-6).all():
                    return None
                levels.append(PyramidLevel(points, corners, found, kept, up))
                points = points[kept]
                corners = file[f"triangles{i + 1}"]
                corners = _indices(corners, (len(corners), 3), coarse)
    except _DAMAGE:
        return None
    return MeshPyramid(tuple(levels), kernel, dilation)


def _indices(values: NDArray[Any], shape: tuple[int, ...], below: int) -> NDArray[np.int64]:
    """Return stored indices if they have the shape and range that they must have."""
    if values.shape != shape or values.dtype != np.int32:
        raise ValueError("not the stored indices")
    if values.size and (values.min() < 0 or values.max() >= below):
        raise ValueError("an index out of range")
    return values.astype(np.int64)


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

    Raises
    ------
    UserError
        If there is no such level or vertex.
    """
    sizes = pyramid.sizes
    if not (0 <= level < len(sizes) and 0 <= vertex < sizes[level]):
        raise UserError(f"There is no vertex {vertex} on a level {level}; sizes are {sizes}.")
    weights = np.zeros(sizes[level])
    weights[vertex] = 1.0
    for step in range(level - 1, -1, -1):
        spread = np.zeros(sizes[step])
        gathered = pyramid.kept_spirals(step)
        np.add.at(spread, gathered, np.broadcast_to(weights[:, None], gathered.shape))
        weights = spread
    return weights
