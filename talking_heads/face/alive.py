"""Signs of life for a motion that lacks them.

Many motions move the mouth alone, or never turn the head, and then look like a mask. What they
have of their own stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d

from talking_heads.face.build import get_face
from talking_heads.face.fit import check_vertices, motion_aperture, motion_vertices
from talking_heads.face.head import Face
from talking_heads.face.life import Liveliness, liveliness, steadied
from talking_heads.face.motion import Motion
from talking_heads.face.names import ARKIT_INDEX as K
from talking_heads.face.rig import gaze_angles, turn_eye

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Lack:
    """Which signs of life a motion lacks.

    Attributes
    ----------
    blinks, gaze, head : bool
        True where the motion has none of its own.
    """

    blinks: bool
    gaze: bool
    head: bool


def lacking(motion: Motion, face: Face | None = None) -> Lack:
    """Find out which signs of life a motion lacks.

    Parameters
    ----------
    motion : Motion
        Of either kind.
    face : Face, optional
        The face that moves; by default the one the motion names.

    Returns
    -------
    Lack
        Blinks count if a lid comes more than half way down, gaze if the eyes move at all, and
        the head if it turns by more than a tenth of a degree.

    Raises
    ------
    UserError
        If the vertices are not those of the face.
    """
    rotation = motion.head_rotation
    turns = rotation is not None and len(rotation) > 0 and np.ptp(rotation, axis=0).max() > 0.0017
    if motion.kind == "coefficients":
        blinks = any((motion.values[:, K[f"eyeBlink{s}"]] > 0.5).any() for s in ("Left", "Right"))
        ways = [gaze_angles(motion.values, s) for s in ("Left", "Right")]
        looks = any(len(a) and np.ptp(a) > 0.01 for way in ways for a in way)
    else:
        face = get_face(motion.face_id) if face is None else face
        check_vertices(motion, face)
        blinks = looks = False
        # Skin alone may be given: its eyes are at rest, and its lids belong to the skin.
        for eye in face._eyes:
            if not len(eye.ball):
                continue  # a mesh without a rig
            on_skin = eye.upper.index < min(face.parts["skin"].stop, motion.values.shape[1])
            index, weight = eye.upper.index[on_skin], eye.upper.weight[on_skin]
            edge = int(np.argmax(weight))
            reach = np.linalg.norm(face.vertices[index[edge], 1:] - eye.upper.center)
            way = np.linalg.norm(motion.values[:, index[edge]], axis=1)
            blinks |= bool((way > 0.5 * 0.88 * weight[edge] * reach).any())
            if motion.values.shape[1] > eye.ball[-1] and len(motion):
                looks |= bool(np.ptp(motion.values[:, eye.ball], axis=0).max() > 0.0002)
    return Lack(not blinks, not looks, not turns)


def enliven(motion: Motion, seed: int = 0, face: Face | None = None) -> Motion:
    """Return a motion with the blinks, shifts of gaze and turns of the head that it lacks.

    Parameters
    ----------
    motion : Motion
        Of either kind. What it has of its own stays as it is.
    seed : int
        The same seed gives the same life.
    face : Face, optional
        The face that moves; by default the one the motion names.

    Returns
    -------
    Motion
        Of the same kind and length. A motion of vertices then holds all vertices of the face.

    Raises
    ------
    UserError
        If the motion does not fit the face.
    """
    face = get_face(motion.face_id) if face is None else face
    life = added_life(motion, seed, face)
    values = motion.values
    if life.blink.any() or life.gaze.any() or life.head.any():
        coefficients = np.zeros((len(motion), 52), np.float32)
        if motion.kind == "coefficients":
            coefficients = np.clip(values, 0, 1)
        for side in ("Left", "Right"):
            lid = coefficients[:, K[f"eyeBlink{side}"]]
            np.maximum(lid, life.blink, out=lid)
        _look(coefficients, steadied(life))
        if motion.kind == "coefficients":
            values = coefficients
        else:
            vertices = motion_vertices(replace(motion, head_rotation=None), face).copy()
            for eye in face._eyes:
                turn_eye(vertices, eye, coefficients)
            values = vertices - face.vertices
    rotation = motion.head_rotation
    return replace(
        motion, values=values, head_rotation=life.head if rotation is None else rotation + life.head
    )


def added_life(motion: Motion, seed: int = 0, face: Face | None = None) -> Liveliness:
    """Draw only those signs of life that a motion lacks; the others are 0.

    Parameters
    ----------
    motion, seed, face
        As in `enliven`.

    Returns
    -------
    Liveliness
        As long as the motion; `steadied` makes the gaze allow for the turns of the head.

    Raises
    ------
    UserError
        If the motion does not fit the face.
    """
    face = get_face(motion.face_id) if face is None else face
    lack = lacking(motion, face)
    stress = emphasis_of(motion_aperture(motion, face), motion.fps)
    life = liveliness(len(motion), motion.fps, seed, emphasis=stress)
    return Liveliness(
        life.blink * lack.blinks,
        life.gaze * np.float32(lack.gaze),
        life.head * np.float32(lack.head),
    )


def emphasis_of(aperture: ArrayLike, fps: float) -> NDArray[np.float64]:
    """Return where the stress of an utterance lies, judged by how far the mouth opens.

    Parameters
    ----------
    aperture : array
        ``(frame,)`` gap between the lips, in any unit.
    fps : float
        Frames a second.

    Returns
    -------
    ndarray
        ``(frame,)`` 0 to 1, changing at the one or two hertz at which heads follow speech.
    """
    gap = np.asarray(aperture, dtype=np.float64)
    if len(gap) == 0 or np.ptp(gap) < 1e-6:
        return np.zeros(len(gap))
    slow = gaussian_filter1d(gap, 0.12 * fps, mode="constant")
    return np.clip(slow / np.quantile(slow, 0.95), 0.0, 1.0)


def _look(coefficients: Floats, gaze: Floats) -> None:
    """Add a gaze to coefficients, in place."""

    def add(plus: tuple[str, ...], minus: tuple[str, ...], value: Any) -> None:
        for more, less in zip(plus, minus, strict=True):
            total = coefficients[:, K[more]] - coefficients[:, K[less]] + value
            coefficients[:, K[more]] = np.clip(total, 0, 1)
            coefficients[:, K[less]] = np.clip(-total, 0, 1)

    add(("eyeLookOutLeft", "eyeLookInRight"), ("eyeLookInLeft", "eyeLookOutRight"), gaze[:, 0])
    add(("eyeLookUpLeft", "eyeLookUpRight"), ("eyeLookDownLeft", "eyeLookDownRight"), gaze[:, 1])
