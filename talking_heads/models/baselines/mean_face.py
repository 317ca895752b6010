"""The lowest floor: the face that never moves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from talking_heads.face.motion import Motion
from talking_heads.models.baselines.features import MotionShape
from talking_heads.models.checks import check_speech
from talking_heads.speech.frames import frame_count

if TYPE_CHECKING:
    from talking_heads.corpus.clip import Clip


class MeanFace:
    """Shows the mean of all training frames, whatever is said.

    Of vertices that is the mean offset from the speakers' faces at rest, the same for all of them.

    Parameters
    ----------
    values : ndarray
        ``(channel,)``: 52 coefficients, or three for each vertex.
    shape : MotionShape
        What the numbers are; by default coefficients at 25 frames a second.
    """

    speakers: tuple[str, ...] = ()
    random = False

    def __init__(self, values: NDArray[np.floating], shape: MotionShape | None = None) -> None:
        self.values = np.asarray(values, dtype=np.float32)
        self.shape = shape or MotionShape()

    @classmethod
    def fit(cls, clips: Iterable[Clip]) -> MeanFace:
        """Return the mean face of some clips, each frame of their first truths counted once.

        Raises
        ------
        UserError
            If there are no clips, or they differ in kind or frame rate.
        """
        clips = list(clips)
        shape = MotionShape.of(clips)
        total: float | NDArray[np.float64] = 0.0
        for clip in clips:
            total = total + clip.motion.values.reshape(len(clip), -1).sum(0, dtype=np.float64)
        return cls(np.asarray(total / sum(map(len, clips))), shape)

    def animate(
        self, audio: NDArray[np.float32], *, speaker: str | None = None, seed: int = 0
    ) -> Motion:
        """Return the still face for as long as the sound lasts.

        The speaker decides about the face that the motion names, and the seed about nothing.

        Raises
        ------
        UserError
            If the audio is empty or not finite.
        """
        frames = frame_count(len(check_speech(audio)), self.shape.fps)
        return self.shape.motion(np.tile(self.values, (frames, 1)), speaker)
