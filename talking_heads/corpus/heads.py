"""Heads at rest: what a vertex metric or a view must know of a mesh, wherever it comes from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face import get_face

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def _check_index(index: NDArray[Any], vertices: int, what: str) -> None:
    out = np.asarray(index)
    if out.size and not 0 <= int(out.min()) <= int(out.max()) < vertices:
        raise UserError(f"{what} names a vertex that a mesh of {vertices:,} vertices lacks.")


def _mesh_hash(vertices: int, triangles: NDArray[Any]) -> str:
    body = f"{vertices}:".encode() + np.ascontiguousarray(triangles, "<i4").tobytes()
    return hashlib.sha256(body).hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class Surface:
    """The mesh that all speakers of a data set share, with each one's face at rest.

    Parameters
    ----------
    name : str
        Of the mesh: ``"vocaset"``, ``"biwi"``.
    templates : mapping of str to ndarray
        ``(V, 3)`` float32 of each speaker at rest, in `unit`.
    triangles : ndarray
        ``(T, 3)`` int32; of no rows where the data set's mesh file is missing.
    regions : mapping of str to ndarray
        Vertex numbers. The metrics look for ``"lips"`` and ``"upper_face"``.
    lip_pairs : ndarray, optional
        ``(2, P)`` vertices on the upper and on the lower lip, one above the other.
    unit : str or None
        ``"m"``, or None where the data set has no unit.

    Raises
    ------
    UserError
        If templates differ in size, or something names a vertex that is not there.
    """

    name: str
    templates: Mapping[str, Floats]
    triangles: NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 3), np.int32))
    regions: Mapping[str, Ints] = field(default_factory=dict)
    lip_pairs: Ints | None = None
    unit: str | None = "m"

    def __post_init__(self) -> None:
        sizes = {np.shape(template) for template in self.templates.values()}
        if len(sizes) != 1 or len(size := sizes.pop()) != 2 or size[1] != 3:
            raise UserError(f"The templates of {self.name} are not all of one shape (V, 3).")
        for region, index in self.regions.items():
            _check_index(index, size[0], f"The region {region!r} of {self.name}")
        _check_index(self.triangles, size[0], f"The mesh of {self.name}")
        if self.lip_pairs is not None:
            _check_index(self.lip_pairs, size[0], f"A lip pair of {self.name}")

    @property
    def vertices(self) -> int:
        """How many vertices the mesh has."""
        return len(next(iter(self.templates.values())))

    @cached_property
    def topology_hash(self) -> str:
        """16 digits that stand for the mesh: its number of vertices and its triangles."""
        return _mesh_hash(self.vertices, self.triangles)

    def may_be(self, topology_hash: str) -> bool:
        """Return whether a hash stands for this mesh, as far as the triangles are known.

        A data set whose mesh file is missing has the hash of a mesh without triangles.
        """
        without = _mesh_hash(self.vertices, self.triangles[:0])
        return not len(self.triangles) or topology_hash in (self.topology_hash, without)

    def head(self, speaker: str) -> Head:
        """Return one speaker's head; raises `UserError` if there is no template of that name."""
        if speaker not in self.templates:
            raise UserError(
                f"There is no template of {speaker!r}. There are: {', '.join(self.templates)}."
            )
        return Head(
            id=f"{speaker}@{self.name}",
            vertices=self.templates[speaker],
            triangles=self.triangles,
            regions=self.regions,
            lip_pairs=self.lip_pairs,
            unit=self.unit,
        )


@dataclass(frozen=True, eq=False)
class Head:
    """One speaker's face at rest.

    Parameters
    ----------
    id : str
        ``"speaker@mesh"``.
    vertices : ndarray
        ``(V, 3)`` float32 at rest, in `unit`.
    triangles : ndarray
        ``(T, 3)`` int32, counter-clockwise from outside; of no rows where they are not known.
    regions : mapping of str to ndarray
        Vertex numbers; ``"lips"`` and ``"upper_face"`` as far as they are known.
    lip_pairs : ndarray or None
        ``(2, P)`` vertices on the upper and on the lower lip, one above the other.
    unit : str or None
        ``"m"``, or None for no unit.
    """

    id: str
    vertices: Floats
    triangles: NDArray[np.int32]
    regions: Mapping[str, Ints]
    lip_pairs: Ints | None = None
    unit: str | None = "m"

    @cached_property
    def topology_hash(self) -> str:
        """16 digits that stand for the mesh, as those of `Surface.topology_hash`."""
        return _mesh_hash(len(self.vertices), self.triangles)


@lru_cache(maxsize=64)
def course_head(face_id: str) -> Head:
    """Return the skin of a head of the course.

    Parameters
    ----------
    face_id : str
        ``"identity@resolution"``; see `talking_heads.face.get_face`.

    Returns
    -------
    Head
        Its regions and lip pairs are the face's.

    Raises
    ------
    UserError
        If there is no such head.
    """
    face = get_face(face_id)
    skin = face.parts["skin"]
    inside = (face.triangles < skin.stop).all(1)
    return Head(
        id=face.id,
        vertices=face.vertices[skin],
        triangles=face.triangles[inside],
        regions=face.regions,
        lip_pairs=face.lip_pairs(),
        unit="m",
    )
