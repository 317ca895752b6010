"""Sound for the browser: samples of whatever a caller calls audio, as long as the motion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.speech import SAMPLE_RATE


def samples_of(audio: Any) -> NDArray[np.float32]:
    """Return mono samples at 16 kHz of whatever a caller calls audio.

    Parameters
    ----------
    audio : array, path, or object with an ``audio`` attribute
        Samples at 16 kHz; the path of a recording; or a `Clip` or synthesised `Speech`.

    Raises
    ------
    UserError
        If there is no sound in it, or it is not finite.
    """
    audio = getattr(audio, "audio", audio)
    if callable(audio):
        audio = audio()
    if isinstance(audio, str | Path):
        from talking_heads.speech import load_audio

        audio = load_audio(audio)
    samples = np.asarray(audio, dtype=np.float32)
    if samples.ndim == 2 and 1 in samples.shape:
        samples = samples.reshape(-1)
    if samples.ndim != 1 or len(samples) == 0:
        raise UserError(
            f"Audio is one row of samples at {SAMPLE_RATE} Hz, not an array of shape "
            f"{samples.shape}."
        )
    if not np.isfinite(samples).all():
        raise UserError("The audio contains samples that are not finite numbers.")
    return samples


def padded(samples: NDArray[np.float32], seconds: float) -> NDArray[np.float32]:
    """Return samples with silence added up to a length.

    The sound is the player's clock, so it must last as long as the motion.

    Parameters
    ----------
    samples : ndarray of float32, shape (sample,)
        Sound at 16 kHz.
    seconds : float
        The length; a longer sound is left as it is.
    """
    missing = max(0, round(seconds * SAMPLE_RATE) - len(samples))
    return np.concatenate([samples, np.zeros(missing, dtype=np.float32)])
