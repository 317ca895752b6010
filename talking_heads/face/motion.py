"""`Motion`: how a face moves over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError

MotionKind = Literal["coefficients", "vertices"]


@dataclass(frozen=True, eq=False)
class Motion:
    """The motion of one face, at a fixed frame rate.

    Parameters
    ----------
    values : ndarray of float32
        ``(frame, 52)`` ARKit coefficients, usually 0 to 1, in the order of
        `talking_heads.face.ARKIT_NAMES`; or ``(frame, vertex, 3)`` offsets in metres from the
        template of the face.
    kind : {"coefficients", "vertices"}
        Which of the two `values` holds.
    fps : float
        Frames a second.
    face_id : str
        The face that moves, ``"identity@resolution"``. A motion of coefficients fits every
        resolution of the course head; a motion of vertices fits only its own.
    speaker : str, optional
        Whose style of speaking this is.
    head_rotation : ndarray of float32, optional
        ``(frame, 3)`` pitch, yaw and roll of the head, in radians.

    Raises
    ------
    UserError
        If the shapes do not fit, or a value is not finite.
    """

    values: NDArray[np.float32]
    kind: MotionKind
    fps: float = 25.0
    face_id: str = "neutral@medium"
    speaker: str | None = None
    head_rotation: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        values = np.ascontiguousarray(self.values, dtype=np.float32)
        object.__setattr__(self, "values", values)
        if self.kind == "coefficients":
            fits = values.ndim == 2 and values.shape[1] == 52
            wanted = "(frame, 52)"
        elif self.kind == "vertices":
            fits = values.ndim == 3 and values.shape[2] == 3
            wanted = "(frame, vertex, 3)"
        else:
            raise UserError(f'kind is "coefficients" or "vertices", not {self.kind!r}.')
        if not fits:
            raise UserError(f"A motion of {self.kind} has shape {wanted}, not {values.shape}.")
        if not np.isfinite(values).all():
            raise UserError("The motion contains values that are not finite numbers.")
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise UserError(f"The frame rate must be above 0, not {self.fps}.")
        if self.head_rotation is not None:
            rotation = np.ascontiguousarray(self.head_rotation, dtype=np.float32)
            if rotation.shape != (len(values), 3):
                raise UserError(
                    f"head_rotation has shape {rotation.shape}, not {(len(values), 3)}."
                )
            if not np.isfinite(rotation).all():
                raise UserError("head_rotation contains values that are not finite numbers.")
            object.__setattr__(self, "head_rotation", rotation)

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.values)

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self) / self.fps
