"""From moving vertices back to coefficients, and from any motion to vertices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face.build import get_face
from talking_heads.face.head import Face
from talking_heads.face.motion import Motion
from talking_heads.face.names import ARKIT_INDEX

Array = NDArray[Any]


def motion_vertices(motion: Motion, face: Face | None = None) -> NDArray[np.float32]:
    """Return the vertices of a motion, frame by frame.

    Parameters
    ----------
    motion : Motion
        Of either kind.
    face : Face, optional
        The face that moves; ``get_face(motion.face_id)`` if left out. A motion of vertices holds
        all vertices of the face, or those of its skin: then eyes, teeth, brows and hair go along
        with the coefficients that come nearest (`fit_coefficients`).

    Returns
    -------
    ndarray of float32
        ``(frame, V, 3)`` metres.

    Raises
    ------
    UserError
        If the motion does not fit the face.
    """
    face = get_face(motion.face_id) if face is None else face
    if motion.kind == "coefficients":
        return face.pose(motion.values, motion.head_rotation)
    check_vertices(motion, face)
    given, skin = motion.values.shape[1], face.parts["skin"].stop
    vertices = face.vertices[:given] + motion.values
    if given == skin < len(face.vertices):
        whole = face.pose(fit_coefficients(face, vertices))
        whole[:, :skin] = vertices
        vertices = whole
    return vertices if motion.head_rotation is None else face.turn(vertices, motion.head_rotation)


def check_vertices(motion: Motion, face: Face) -> None:
    """Raise a UserError unless a motion of vertices holds all of the face's, or its skin's."""
    given, skin = motion.values.shape[1], face.parts["skin"].stop
    if given not in (skin, len(face.vertices)):
        raise UserError(
            f"The motion moves {given} vertices, but {face.id} has "
            f"{len(face.vertices)} ({skin} of them skin)."
        )


def motion_aperture(motion: Motion, face: Face) -> NDArray[np.float32]:
    """Return the gap between the inner lips of a motion.

    Parameters
    ----------
    motion : Motion
        Of coefficients, or of vertices of this face (the skin is enough); the head may be turned.
    face : Face
        Whose lips.

    Returns
    -------
    ndarray of float32
        ``(frame,)`` metres, never negative; 0 for a mesh whose lips are not known.

    Raises
    ------
    UserError
        If the vertices are not those of the face.
    """
    if motion.kind == "vertices" and "inner_lip_upper" not in face.landmarks:
        check_vertices(motion, face)
        return np.zeros(len(motion), dtype=np.float32)
    if motion.kind == "coefficients":
        return face.aperture(motion.values)
    check_vertices(motion, face)
    parts = [np.zeros(0, dtype=np.float32)]
    # In chunks, so that ten minutes of motion stay within bounded memory.
    for start in range(0, len(motion), 256):
        offsets = motion.values[start : start + 256]
        vertices = np.repeat(face.vertices[None], len(offsets), axis=0)
        vertices[:, : offsets.shape[1]] += offsets
        parts.append(face.lip_aperture(vertices))
    return np.concatenate(parts)


def fit_coefficients(
    face: Face, vertices: Array, *, rounds: int = 6, damping: float = 2e-8
) -> NDArray[np.float32]:
    """Find the coefficients whose poses come nearest to given vertices.

    Bounded least squares on the skin and the eyes: projected Gauss-Newton, with the slopes at rest
    and coordinate descent within the bounds 0 to 1 in each round, for all frames at once.

    Parameters
    ----------
    face : Face
        The face.
    vertices : ndarray
        ``(frame, V, 3)`` metres, without rotation of the head; or the skin alone.
    rounds : int
        Gauss-Newton rounds; the jaw and lids turn, so one is not enough.
    damping : float
        Weight of the squared coefficients, square metres: it settles what the mesh leaves open.

    Returns
    -------
    ndarray of float32
        ``(frame, 52)``.

    Raises
    ------
    UserError
        If the vertices do not belong to the face or are not finite.
    """
    target = np.asarray(vertices, dtype=np.float32)
    skin = face.parts["skin"].stop
    if target.ndim != 3 or target.shape[1:] not in (face.vertices.shape, (skin, 3)):
        raise UserError(
            f"fit_coefficients takes vertices (frame, {len(face.vertices)}, 3) of {face.id}, "
            f"or its skin (frame, {skin}, 3), not {target.shape}."
        )
    if not np.isfinite(target).all():
        raise UserError("The vertices contain values that are not finite numbers.")
    index = _fit_points(face)
    index = index[index < target.shape[1]]
    jacobian = face._slopes(index)
    gram = jacobian @ jacobian.T
    weight = np.full(52, damping)
    if target.shape[1] == skin:  # then nothing but the lids tells of the gaze
        weight[[k for name, k in ARKIT_INDEX.items() if name.startswith("eyeLook")]] *= 100
    gram[np.diag_indices(52)] += weight
    out = np.zeros((len(target), 52))
    # In chunks, so that ten minutes of motion stay within bounded memory.
    for start in range(0, len(target), 500):
        goal = target[start : start + 500, index].reshape(-1, len(index) * 3)
        c = np.zeros((len(goal), 52))
        for _ in range(rounds):
            now = face._pose(c)[:, index].reshape(len(goal), -1)
            pull = (goal - now) @ jacobian.T - weight * c
            c = _bounded_step(gram, pull, c)
        out[start : start + 500] = c
    return out.astype(np.float32)


def _fit_points(face: Face) -> NDArray[np.int64]:
    inside = [face.regions[k] for k in ("lips", "mouth", "upper_face", "eyes")]
    rest = np.setdiff1d(face.regions["skin"], np.concatenate(inside))
    stride = max(1, len(face.regions["skin"]) // 1100)
    names = ("eye_left", "eye_right", "tongue")
    extra = [np.arange(face.parts[k].start, face.parts[k].stop, 8) for k in names]
    chosen = [np.unique(np.concatenate(inside))[::stride], rest[:: 2 * stride], *extra]
    return np.concatenate(chosen)


def _bounded_step(gram: Array, pull: Array, start: Array, sweeps: int = 25) -> Array:
    """Minimise ``d' G d / 2 - pull' d`` over ``0 <= start + d <= 1`` by coordinate descent."""
    c = start.copy()
    slope = pull.copy()
    for _ in range(sweeps):
        for k in range(gram.shape[0]):
            new = np.clip(c[:, k] + slope[:, k] / gram[k, k], 0.0, 1.0)
            change = new - c[:, k]
            c[:, k] = new
            slope -= np.outer(change, gram[k])
    return c
