"""Motion as a NumPy archive."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from talking_heads.corpus.heads import Head
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_NAMES, fit_coefficients, motion_aperture
from talking_heads.face.plain import PlainFace, plain_face
from talking_heads.files import atomic_write, check_target
from talking_heads.view.encode import frame_chunks
from talking_heads.view.foreign import named_face

if TYPE_CHECKING:
    from talking_heads.face import Face
    from talking_heads.face.motion import Motion

MAX_BYTES = 8_000_000_000
"""An archive larger than this is refused: hardly anything could read it back."""


def write_npz(
    path: str | PathLike[str], motion: Motion, *, face: Face | Head | None = None
) -> None:
    """Write a motion as arrays that `numpy.load` reads without pickle.

    Parameters
    ----------
    path : path
        The file, ``.npz``. An existing one is replaced only when all is written.
    motion : Motion
        Of either kind, F frames.
    face : Face or Head, optional
        By default the face that the motion names; V vertices, T triangles. The motion of another
        data set needs its speaker's head.

    Raises
    ------
    UserError
        If the folder does not exist, the motion does not fit the face, or the vertices would
        exceed 8 GB.

    Notes
    -----
    ``vertices`` (F, V, 3) float32 metres; ``faces`` (T, 3) int32; ``fps`` float64;
    ``lip_aperture`` (F,) float32 metres; ``coefficients`` (F, 52) float32, fitted where the
    motion holds vertices; ``names`` (52,) text. The mesh of another data set keeps its measure
    and has no coefficients; its aperture is there where it is in metres. Vertices are posed and
    written in chunks, so a long motion needs no more memory than a short one.
    """
    check_target(path)
    unit = face.unit if isinstance(face, Head) else "m"
    face = named_face(motion) if face is None else face
    if isinstance(face, Head):
        pairs = face.lip_pairs if unit == "m" else None
        face = plain_face(face.id, face.vertices, face.triangles, face.regions, pairs)
    shape = (len(motion), len(face.vertices), 3)
    size = 4 * shape[0] * shape[1] * shape[2]
    if size > MAX_BYTES:
        raise UserError(
            f"The vertices of {len(motion)} frames would take {size / 1e9:.0f} GB, more than "
            f"{MAX_BYTES / 1e9:.0f} GB.\nWrite a shorter part."
        )
    coefficients: NDArray[np.float32] | None
    if motion.kind == "coefficients":
        coefficients = motion.values
    elif isinstance(face, PlainFace):
        coefficients = None
    else:
        straight = replace(motion, head_rotation=None)
        coefficients = np.concatenate(
            [fit_coefficients(face, chunk) for _, chunk in frame_chunks(straight, face)]
            or [np.zeros((0, len(ARKIT_NAMES)), dtype=np.float32)]
        )
    small: dict[str, NDArray[Any]] = {
        "faces": np.asarray(face.triangles, dtype=np.int32),
        "fps": np.asarray(motion.fps, dtype=np.float64),
    }
    if "inner_lip_upper" in face.landmarks:
        small["lip_aperture"] = np.asarray(motion_aperture(motion, face), dtype=np.float32)
    if coefficients is not None:
        small["coefficients"] = np.asarray(coefficients, dtype=np.float32)
        small["names"] = np.array(ARKIT_NAMES)
    with atomic_write(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        with archive.open("vertices.npy", "w", force_zip64=True) as entry:
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            npy.write_array_header_1_0(entry, header)
            for _, chunk in frame_chunks(motion, face):
                entry.write(np.ascontiguousarray(chunk, dtype="<f4").tobytes())
        for name, array in small.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                npy.write_array(entry, array, allow_pickle=False)
