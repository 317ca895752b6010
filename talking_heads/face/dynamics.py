"""The surface that a camera would see: posed skin whose soft parts trail behind the motion.

Coefficients pose a face frame by frame. Here time enters: flesh that hangs on the bone follows
with a lag (`soft_tissue`), and a scanner adds its own errors (`talking_heads.face.scan`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.signal import cont2discrete

from talking_heads.errors import UserError
from talking_heads.face.build import get_face
from talking_heads.face.fit import check_vertices, motion_vertices
from talking_heads.face.head import Face
from talking_heads.face.motion import Motion
from talking_heads.face.scan import scan_noise

Floats = NDArray[np.float32]
Array = NDArray[Any]

SWAY = ((4.5, 0.50), (8.0, 0.75))
"""Natural frequency (Hz) and damping ratio of cheeks, jowls and chin pad; of the skin round the
lips."""

_CHUNK = 500  # frames posed at once


def surface_motion(
    motion: Motion,
    *,
    resolution: str | None = None,
    part: Literal["all", "skin"] = "all",
    soft_tissue: bool = True,
    noise_seed: int | None = None,
    face: Face | None = None,
) -> Floats:
    """Return where the surface of the head lies in each frame, in the head's own frame.

    Parameters
    ----------
    motion : Motion
        Of coefficients, or of vertices (which already are a surface: no soft tissue is added).
        Its `head_rotation` is left out; apply `Face.turn` for it.
    resolution : str, optional
        One of `RESOLUTIONS`; that of ``motion.face_id`` if left out.
    part : {"all", "skin"}
        The whole head or its first vertices, the skin.
    soft_tissue : bool
        Whether cheeks, jowls, chin pad and outer lips trail behind. The line where the lips meet
        does not, so that the lip aperture stays that of the coefficients.
    noise_seed : int, optional
        Adds `scan_noise` of this seed to the skin.
    face : Face, optional
        The face that moves, for a head that ``get_face`` does not know.

    Returns
    -------
    ndarray of float32
        ``(frame, V, 3)`` metres.

    Raises
    ------
    UserError
        If the motion does not fit the face, or the resolution is unknown.

    Notes
    -----
    The result holds all frames, 12 bytes a vertex and frame: a minute at the medium resolution
    takes 0.2 GB.
    """
    if part not in ("all", "skin"):
        raise UserError(f'part is "all" or "skin", not {part!r}.')
    if face is None:
        name, _, own = motion.face_id.partition("@")
        face = get_face(f"{name}@{resolution or own}")
    elif resolution not in (None, face.resolution):
        raise UserError(f"The face {face.id} does not have the resolution {resolution!r}.")
    skin = face.parts["skin"].stop
    if motion.kind == "vertices":
        check_vertices(motion, face)
        if part == "skin":  # known already: nothing has to be completed
            out = face.vertices[:skin] + motion.values[:, :skin]
        else:
            out = motion_vertices(replace(motion, head_rotation=None), face)
    else:
        kept = skin if part == "skin" else len(face.vertices)
        out = np.empty((len(motion), kept, 3), dtype=np.float32)
        for start in range(0, len(motion), _CHUNK):
            piece = slice(start, start + _CHUNK)
            out[piece] = face.pose(motion.values[piece])[:, :kept]
        if soft_tissue:
            sway(out, face, motion.fps)
    if noise_seed is not None:
        out[:, :skin] += scan_noise(face, len(motion), noise_seed, motion.fps)
    return out


def sway(vertices: Floats, face: Face, fps: float) -> None:
    """Let the soft parts of posed skin trail behind, in place.

    Each soft point hangs on its posed place by a damped spring (`SWAY`), solved exactly for places
    that move evenly between frames; it starts at rest.

    Parameters
    ----------
    vertices : ndarray
        ``(frame, V, 3)`` metres, posed without rotation of the head.
    face : Face
        Whose.
    fps : float
        Frames a second.
    """
    for (frequency, damping), (index, share) in zip(SWAY, face._soft_parts, strict=True):
        if len(vertices) < 2 or not len(index):
            continue
        b, a = spring(frequency, damping, fps)
        posed = vertices[:, index]
        weight = share[:, None]
        # Recursively over frames; `place` is where the soft points are, less where they began.
        first, before, earlier = posed[0], np.zeros_like(posed[0]), np.zeros_like(posed[0])
        place_before, place_earlier = before, earlier
        for frame in range(1, len(posed)):
            now = posed[frame] - first
            place = b[0] * now + b[1] * before + b[2] * earlier
            place -= a[1] * place_before
            place -= a[2] * place_earlier
            vertices[frame, index] += weight * (place - now)
            before, earlier, place_before, place_earlier = now, before, place, place_before


def spring(frequency: float, damping: float, fps: float) -> tuple[list[float], list[float]]:
    """Return the recursive filter ``(b, a)`` of a damped spring whose hook moves evenly."""
    w = 2 * np.pi * frequency
    system = ([w * w], [1.0, 2 * damping * w, w * w])
    b, a, _ = cont2discrete(system, 1.0 / fps, method="foh")
    return [float(x) for x in np.ravel(b)], [float(x) for x in np.ravel(a)]
