"""Heads of other data sets as faces that can be shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from talking_heads.corpus.heads import Head
from talking_heads.errors import UserError
from talking_heads.face import RESOLUTIONS, get_face
from talking_heads.face.plain import plain_face

if TYPE_CHECKING:
    from talking_heads.face import Face, Motion

_HEIGHT = 0.25
"""Metres that a mesh without a unit is drawn high."""


def head_scale(head: Head) -> float:
    """Return what a mesh is multiplied with to be shown: 1 where it is in metres."""
    if head.unit == "m":
        return 1.0
    return _HEIGHT / max(float(np.ptp(head.vertices[:, 1])), 1e-9)


def shown_face(face: Face | Head) -> Face:
    """Return a face as it is, and the head of another data set as a face without a rig.

    A mesh without a unit is drawn 25 cm high, and has no lip aperture in millimetres.

    Raises
    ------
    UserError
        If the triangles of the mesh are not known.
    """
    if not isinstance(face, Head):
        return face
    pairs = face.lip_pairs if face.unit == "m" else None
    points = face.vertices * np.float32(head_scale(face))
    return plain_face(face.id, points, face.triangles, face.regions, pairs)


def named_face(motion: Motion) -> Face:
    """Return the face that a motion names.

    Raises
    ------
    UserError
        If it names the mesh of another data set, which a name alone does not give.
    """
    mesh = motion.face_id.partition("@")[2]
    if motion.kind == "vertices" and mesh not in RESOLUTIONS:
        raise UserError(
            f"This motion moves a mesh of its own, {motion.face_id[:60]}.\n"
            "Give that head: face=corpus.head(clip.speaker)."
        )
    return get_face(motion.face_id)


def shown_motion(motion: Motion, face: Face | Head) -> Motion:
    """Return a motion in the measure in which `shown_face` shows its head."""
    if not isinstance(face, Head) or motion.kind != "vertices" or head_scale(face) == 1.0:
        return motion
    return replace(motion, values=motion.values * np.float32(head_scale(face)))
