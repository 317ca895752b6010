"""The lowest floor: the face that never moves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face.motion import Motion
from talking_heads.speech.mel import motion_frame_count

if TYPE_CHECKING:
    from talking_heads.corpus.clip import Clip


class MeanFace:
    """Shows the mean of all training frames, whatever is said.

    Parameters
    ----------
    values : ndarray
        ``(52,)`` coefficients.
    """

    speakers: tuple[str, ...] = ()

    def __init__(self, values: NDArray[np.floating]) -> None:
        self.values = np.asarray(values, dtype=np.float32)

    @classmethod
    def fit(cls, clips: Iterable[Clip]) -> MeanFace:
        """Return the mean face of clips of coefficients, each frame counted once.

        Raises
        ------
        UserError
            If there are no clips, or they hold vertices.
        """
        motions = [clip.motion for clip in clips]
        if not motions or any(motion.kind != "coefficients" for motion in motions):
            raise UserError("A mean face needs clips of coefficients to learn from.")
        return cls(np.concatenate([motion.values for motion in motions]).mean(0, dtype=np.float64))

    def animate(
        self, audio: NDArray[np.float32], *, speaker: str | None = None, seed: int = 0
    ) -> Motion:
        """Return the still face for as long as the sound lasts; speaker and seed do not matter."""
        frames = motion_frame_count(len(audio))
        return Motion(np.tile(self.values, (frames, 1)), "coefficients", speaker=speaker)
