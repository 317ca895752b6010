"""Sound for the browser: samples as the bytes of a WAV file."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError

SAMPLE_RATE = 16_000
"""Samples a second of the sound inside the package."""


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


def wav_bytes(samples: NDArray[np.float32], *, at_least: float = 0.0) -> bytes:
    """Return a 16-bit mono WAV file as bytes.

    Parameters
    ----------
    samples : ndarray of float32, shape (sample,)
        Sound at 16 kHz in -1 to 1; what exceeds that is clipped.
    at_least : float, optional
        Length in seconds up to which silence is added. The sound is the player's clock, so it
        must last as long as the motion.
    """
    missing = round(at_least * SAMPLE_RATE) - len(samples)
    if missing > 0:
        samples = np.concatenate([samples, np.zeros(missing, dtype=np.float32)])
    steps = np.round(np.clip(samples, -1, 1) * 32_767).astype("<i2")
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(steps.tobytes())
    return stream.getvalue()
