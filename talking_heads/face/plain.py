"""Any mesh as a `Face` that can be shown: without shapes, moved by its vertices alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from talking_heads.errors import UserError
from talking_heads.face.barriers import TeethBarrier
from talking_heads.face.head import Face
from talking_heads.face.rig import Eye, Joint, Lips

Array = NDArray[Any]

_SKIN, _LIPS, _EYES = (214, 168, 146), (186, 112, 104), (236, 236, 232)
_MOST_LIPS = 0.13
"""A larger share of the vertices is not the lips alone: they are 5 % of FLAME's head, and what BIWI
calls so is 21 % of its face."""


class PlainFace(Face):
    """A head without a rig: only a motion of vertices moves it. Build one with `plain_face`."""

    def pose(self, coefficients: Array, head_rotation: Array | None = None) -> NoReturn:
        """Raise `UserError`: this mesh has no shapes."""
        raise UserError(f"{self.id} has no blendshapes: only a motion of vertices moves it.")

    aperture = signed_aperture = shape_jacobian = pose  # type: ignore[assignment]


def _colors(count: int, triangles: Array, regions: Mapping[str, Array]) -> NDArray[np.uint8]:
    colors = np.tile(np.array(_SKIN, np.uint8), (count, 1))
    lips = regions.get("lips", np.zeros(0, dtype=np.int64))
    if len(lips) < _MOST_LIPS * count:
        colors[lips] = _LIPS
    ball = np.zeros(count, dtype=bool)
    for name, index in regions.items():
        if "eyeball" in name:
            ball[index] = True
    if ball.any():
        pairs = np.concatenate([triangles[:, :2], triangles[:, 1:]])
        joined = coo_array((np.ones(len(pairs)), pairs.T), shape=(count, count))
        piece = connected_components(joined, directed=False)[1]
        share = np.bincount(piece, ball) / np.bincount(piece)
        colors[share[piece] > 0.5] = _EYES
    return colors


def plain_face(
    face_id: str,
    vertices: Array,
    triangles: Array,
    regions: Mapping[str, Array] | None = None,
    lip_pairs: Array | None = None,
) -> PlainFace:
    """Return any mesh as a face for players and pictures.

    Parameters
    ----------
    face_id : str
        ``"speaker@mesh"``.
    vertices : ndarray
        ``(V, 3)`` metres at rest; y up, z out of the face.
    triangles : ndarray
        ``(T, 3)``, counter-clockwise seen from outside; at least one.
    regions : mapping, optional
        Vertex numbers. ``"lips"`` are drawn red, unless the data set means the whole lower face by
        them. Pieces of the mesh that lie in a region named ``"...eyeball"`` are drawn white.
    lip_pairs : ndarray, optional
        ``(2, P)`` vertices of the upper and the lower lip. The middle pair gives the lip aperture;
        without pairs it is not known, and counts as 0.

    Returns
    -------
    PlainFace

    Raises
    ------
    UserError
        If there are no triangles, or something names a vertex that is not there.
    """
    points = np.ascontiguousarray(vertices, dtype=np.float32)
    corners = np.ascontiguousarray(triangles, dtype=np.int32).reshape(-1, 3)
    count = len(points)
    if not len(corners):
        raise UserError(
            f"{face_id} cannot be shown: its triangles are not known.\n"
            "They come from the data set's mesh file (.ply), which is missing."
        )
    if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
        raise UserError(f"The vertices of {face_id} are not finite numbers (V, 3).")
    if not 0 <= corners.min() <= corners.max() < count:
        raise UserError(f"The triangles of {face_id} name vertices that it does not have.")
    known = {name: np.asarray(index, dtype=np.int64) for name, index in (regions or {}).items()}
    # Where the head itself is: the top and both sides, which speech hardly moves.
    skull = [points[:, 1].argmax(), points[:, 0].argmax(), points[:, 0].argmin()]
    landmarks = {"skull": np.array(skull, dtype=np.int64)}
    if lip_pairs is not None and np.size(lip_pairs):
        upper, lower = np.asarray(lip_pairs, dtype=np.int64)
        landmarks |= {
            "inner_lip_upper": upper[[len(upper) // 2]],
            "inner_lip_lower": lower[[len(lower) // 2]],
        }
    nothing, none = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
    joint = Joint(nothing, np.zeros(2), none, none)
    eyes = [Eye(np.zeros(3), nothing, joint, joint, s, nothing, none) for s in ("Left", "Right")]
    no_ring = np.zeros((1, 0), dtype=np.int64)
    return PlainFace(
        id=face_id,
        vertices=points,
        triangles=corners,
        colors=_colors(count, corners, known),
        parts={"skin": slice(0, count)},
        regions=known,
        landmarks=landmarks,
        topology_hash="",
        identity=np.zeros(0),
        eye_centers=np.zeros((2, 3)),
        eye_radius=0.0,
        _soft=0,
        _shapes=np.zeros((52, 0), np.float32),
        _jaw=joint,
        _eyes=(eyes[0], eyes[1]),
        _lips=Lips(no_ring, no_ring, 0, np.zeros(1), slice(0, 0)),
        _head_share=np.zeros(count, np.float32),
        _pivot=np.zeros(3, np.float32),
        _midline=(np.zeros((2, 3), np.float32), np.zeros((52, 2, 3), np.float32), joint),
        _teeth=TeethBarrier(nothing, none, none, (0, 0), (0, 0), (0, 0), np.zeros(2)),
        _soft_parts=(),
    )
