"""What the simple baselines hear: log-mel frames and their neighbours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.models.checks import check_speech
from talking_heads.speech.mel import MEL_PER_MOTION_FRAME, N_MELS, SILENCE, log_mel

if TYPE_CHECKING:
    from talking_heads.corpus.clip import Clip

REACH = 5
"""Motion frames heard on each side: 0.2 s."""

Floats = NDArray[np.float32]


def frame_features(audio: Floats | torch.Tensor, reach: int = REACH) -> Floats:
    """Return what each motion frame hears.

    Parameters
    ----------
    audio : ndarray or Tensor
        ``(samples,)`` at 16 kHz, mono.
    reach : int
        Frames heard on each side.

    Returns
    -------
    ndarray of float32
        ``(ceil(samples / 640), (2 * reach + 1) * 80)``: the mean of the four mel frames of each
        motion frame, with its neighbours; beyond the sound there is silence.

    Raises
    ------
    UserError
        If the audio is empty or not finite.
    """
    mel = log_mel(check_speech(audio)).numpy()
    mel = mel.reshape(-1, MEL_PER_MOTION_FRAME, N_MELS).mean(1)
    padded = np.pad(mel, ((reach, reach), (0, 0)), constant_values=SILENCE)
    near = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0)
    return np.ascontiguousarray(near.transpose(0, 2, 1).reshape(len(mel), -1), dtype=np.float32)


def training_pairs(clips: Iterable[Clip], reach: int = REACH) -> list[tuple[Floats, Floats]]:
    """Return features and motion of each clip, cut to the same number of frames.

    Parameters
    ----------
    clips : iterable of Clip
        Of coefficients; the first truth counts.
    reach : int
        Frames heard on each side.

    Returns
    -------
    list of tuple of ndarray
        ``(frame, feature)`` and ``(frame, 52)``.

    Raises
    ------
    UserError
        If there are no clips, or one holds vertices.
    """
    pairs = []
    for clip in clips:
        if clip.motion.kind != "coefficients":
            raise UserError(f"Clip {clip.id} holds vertices; the baselines need coefficients.")
        heard = frame_features(clip.audio, reach)
        frames = min(len(heard), len(clip))
        pairs.append((heard[:frames], clip.motion.values[:frames]))
    if not pairs:
        raise UserError("There are no clips to learn from.")
    return pairs
