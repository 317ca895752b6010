"""How far the predicted surface of the lips is from the true one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face import Face, Motion, surface_motion


def max_vertex_error(true: NDArray[Any], predicted: NDArray[Any]) -> NDArray[np.float64]:
    """Return the largest distance between corresponding vertices, frame by frame.

    The mean over frames of this over the lips is the "lip vertex error" of the papers (MeshTalk,
    Richard et al. 2021; some of their programs leave the distance squared).

    Parameters
    ----------
    true, predicted : ndarray
        ``(frame, vertex, 3)`` each, in the same unit.

    Returns
    -------
    ndarray
        ``(frame,)`` in that unit.

    Raises
    ------
    UserError
        If the shapes do not agree.
    """
    a, b = np.asarray(true), np.asarray(predicted)
    if a.shape != b.shape or a.ndim != 3 or a.shape[2] != 3 or not a.shape[1]:
        raise UserError(f"Vertices of shapes {a.shape} and {b.shape} cannot be compared.")
    square = np.square(a - b, dtype=np.float64).sum(2)
    return np.asarray(np.sqrt(square.max(1)))


def lip_surface(motion: Motion, face: Face) -> NDArray[np.float32]:
    """Return where the lips of a face are in a motion, soft tissue included and without noise.

    Parameters
    ----------
    motion : Motion
        Of coefficients, or of vertices of this face.
    face : Face
        Whose lips.

    Returns
    -------
    ndarray of float32
        ``(frame, n, 3)`` metres, for the vertices of the region ``"lips"``.

    Raises
    ------
    UserError
        If the motion does not fit the face.
    """
    surface = surface_motion(motion, face=face, part="skin")
    return np.ascontiguousarray(surface[:, face.regions["lips"]])
