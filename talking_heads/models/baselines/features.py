"""What the simple baselines hear, and the shape of the motion that they make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face.motion import Motion, MotionKind
from talking_heads.models.checks import check_speech
from talking_heads.speech.frames import frame_count, frame_to_sample
from talking_heads.speech.mel import HOP, SILENCE, log_mel

if TYPE_CHECKING:
    from talking_heads.corpus.clip import Clip

REACH_SECONDS = 0.2
"""How far a frame hears to each side."""

Floats = NDArray[np.float32]


def reach_at(fps: float) -> int:
    """Return how many frames of `fps` make 0.2 s, and 1 at least."""
    return max(1, round(REACH_SECONDS * fps))


@dataclass(frozen=True)
class MotionShape:
    """What a frame of some clips' motion holds, and on whose face.

    Parameters
    ----------
    kind : {"coefficients", "vertices"}
        What a frame holds.
    fps : float
        Frames a second.
    faces : mapping of str to str
        The face of each speaker. Who is not in it gets the neutral head or, of vertices, the first
        face that is in it.
    """

    kind: MotionKind = "coefficients"
    fps: float = 25.0
    faces: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, clips: Iterable[Clip]) -> MotionShape:
        """Return what some clips have in common.

        Raises
        ------
        UserError
            If there are no clips, or they differ in kind or frame rate.
        """
        clips = list(clips)
        if not clips:
            raise UserError("There are no clips to learn from.")
        first = clips[0]
        for clip in clips:
            if (clip.kind, clip.fps) != (first.kind, first.fps):
                raise UserError(f"Clips {first.id} and {clip.id} differ in kind or frame rate.")
        return cls(first.kind, first.fps, {clip.speaker: clip.face_id for clip in clips})

    def motion(self, values: Floats, speaker: str | None) -> Motion:
        """Return ``(frame, channel)`` values as a motion; coefficients are clipped to 0 to 1."""
        if self.kind == "coefficients":
            face = self.faces.get(speaker or "", "neutral@medium")
            return Motion(np.clip(values, 0, 1), self.kind, self.fps, face, speaker)
        face = self.faces.get(speaker or "", next(iter(self.faces.values()), "unknown"))
        return Motion(values.reshape(len(values), -1, 3), self.kind, self.fps, face, speaker)


def frame_features(
    audio: Floats | torch.Tensor, reach: int | None = None, fps: float = 25.0
) -> Floats:
    """Return what each motion frame hears.

    Parameters
    ----------
    audio : ndarray or Tensor
        ``(samples,)`` at 16 kHz, mono.
    reach : int, optional
        Frames heard on each side; by default those of 0.2 s.
    fps : float
        Motion frames a second.

    Returns
    -------
    ndarray of float32
        ``(frame, (2 * reach + 1) * 80)``: the mean of each motion frame's mel frames (four at 25
        frames a second; where a motion frame ends within a mel frame, the nearer end counts), with
        its neighbours. Beyond the sound there is silence.

    Raises
    ------
    UserError
        If the audio is empty or not finite.
    """
    sound = check_speech(audio)
    reach = reach_at(fps) if reach is None else reach
    frames = frame_count(len(sound), fps)
    bounds = (np.array([frame_to_sample(f, fps) for f in range(frames + 1)]) + HOP // 2) // HOP
    # Above 100 frames a second some hold no mel frame of their own, and take the next.
    last = np.maximum(bounds[1:], bounds[:-1] + 1)
    mel = log_mel(sound).numpy()
    mel = np.pad(mel, ((0, max(0, last[-1] - len(mel))), (0, 0)), constant_values=SILENCE)
    mel = np.stack([mel[a:b].mean(0) for a, b in zip(bounds[:-1], last, strict=True)])
    padded = np.pad(mel, ((reach, reach), (0, 0)), constant_values=SILENCE)
    near = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0)
    return np.ascontiguousarray(near.transpose(0, 2, 1).reshape(len(mel), -1), dtype=np.float32)


def training_pairs(
    clips: Iterable[Clip], reach: int | None = None
) -> Iterator[tuple[Floats, Floats]]:
    """Yield features and motion of one clip after the other, cut to the same number of frames.

    Parameters
    ----------
    clips : iterable of Clip
        The first truth counts. Only one clip is in memory at a time.
    reach : int, optional
        Frames heard on each side.

    Yields
    ------
    tuple of ndarray
        ``(frame, feature)`` and ``(frame, channel)``.
    """
    for clip in clips:
        heard = frame_features(clip.audio, reach, clip.fps)
        frames = min(len(heard), len(clip))
        yield heard[:frames], clip.motion.values.reshape(len(clip), -1)[:frames]
