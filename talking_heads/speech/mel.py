"""Log-mel features: what a model hears, a hundred frames a second.

The geometry is chosen so that frames and motion fit exactly. A motion frame at 25 a second
lasts 640 samples and holds four mel frames of 160 samples. Mel frame ``k`` is about the samples
``160 k`` to ``160 k + 160``: its window of 400 samples is centred on them, and so sees 120
samples (7.5 ms) before and after. Outside the audio there is silence. No statistics of the clip
enter, and a frame never changes when audio is added more than 7.5 ms after it: the same numbers
come out whether a clip arrives whole or in pieces.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from talking_heads.speech.audio import SAMPLE_RATE

N_MELS = 80
HOP = 160
"""Samples from one mel frame to the next: 10 ms."""
WINDOW = 400
"""Samples that one mel frame sees: 25 ms."""
N_FFT = 512
MEL_FPS = SAMPLE_RATE // HOP
"""Mel frames a second."""
MOTION_FPS = 25
"""Motion frames a second of the course."""
SAMPLES_PER_MOTION_FRAME = SAMPLE_RATE // MOTION_FPS
"""640."""
MEL_PER_MOTION_FRAME = MEL_FPS // MOTION_FPS
"""4."""

FLOOR_DB = -80.0
"""Quieter than this is silence, in dB of mel power. A full-scale sine reaches +24."""
# Mean and spread of the features over the course's speech, rounded. Fixed, never measured on
# the clip: a head must not move differently because of what is said a minute later.
MEAN_DB = -40.0
SCALE_DB = 15.0
SILENCE = (FLOOR_DB - MEAN_DB) / SCALE_DB
"""The value of every feature in digital silence."""


def motion_frame_count(samples: int) -> int:
    """Return how many motion frames ``samples`` samples at 16 kHz make: ``ceil(samples / 640)``.

    The last frame may reach beyond the audio, where there is silence.
    """
    return -(-samples // SAMPLES_PER_MOTION_FRAME)


def mel_frame_count(samples: int) -> int:
    """Return how many frames `log_mel` gives: four for each motion frame."""
    return MEL_PER_MOTION_FRAME * motion_frame_count(samples)


def mel_filters(
    sample_rate: int = SAMPLE_RATE, n_fft: int = N_FFT, n_mels: int = N_MELS
) -> NDArray[np.float32]:
    """Return Slaney's triangular mel filters, each of area 1 over frequency.

    Up to 1000 Hz the mel scale is linear, ``mel = 3 f / 200``; above it is logarithmic,
    ``mel = 15 + 27 log(f / 1000) / log(6.4)``. Source: M. Slaney, Auditory Toolbox, Technical
    Report 1998-010; the same as ``librosa.filters.mel`` with its defaults.

    Parameters
    ----------
    sample_rate : int
        In Hz; the filters end at half of it.
    n_fft : int
        Length of the Fourier transform.
    n_mels : int
        Number of filters.

    Returns
    -------
    ndarray of float32
        ``(n_mels, n_fft // 2 + 1)``, to be multiplied with a power spectrum.
    """

    def to_mel(hertz: float) -> float:
        if hertz < 1000.0:
            return 3.0 * hertz / 200.0
        return 15.0 + 27.0 * float(np.log(hertz / 1000.0) / np.log(6.4))

    mels = np.linspace(0.0, to_mel(sample_rate / 2), n_mels + 2)
    edges = np.where(
        mels < 15.0, 200.0 * mels / 3.0, 1000.0 * np.exp(np.log(6.4) * (mels - 15.0) / 27.0)
    )
    bins = np.arange(n_fft // 2 + 1) * (sample_rate / n_fft)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (bins - low) / (middle - low)
    falling = (high - bins) / (high - middle)
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(triangles * (2.0 / (high - low)), dtype=np.float32)


@lru_cache(maxsize=8)
def _constants(device: torch.device) -> tuple[Tensor, Tensor]:
    window = torch.hann_window(WINDOW, device=device)
    filters = torch.from_numpy(mel_filters()).to(device)
    return window, filters


def mel_power(audio: Tensor) -> Tensor:
    """Return the mel power spectrogram, before logarithm and normalisation.

    Parameters
    ----------
    audio : Tensor
        ``(..., samples)`` at 16 kHz.

    Returns
    -------
    Tensor
        ``(..., mel_frame_count(samples), 80)`` float32, not negative.
    """
    audio = audio.float()
    batch, samples = audio.shape[:-1], audio.shape[-1]
    frames = mel_frame_count(samples)
    if frames == 0 or 0 in batch:
        return audio.new_zeros(*batch, frames, N_MELS)
    window, filters = _constants(audio.device)
    # Half of what the transform's block is longer than the hop, on both sides.
    side = (N_FFT - HOP) // 2
    padded = torch.nn.functional.pad(
        audio.reshape(-1, samples), (side, side + frames * HOP - samples)
    )
    spectrum = torch.stft(
        padded,
        N_FFT,
        hop_length=HOP,
        win_length=WINDOW,
        window=window,
        center=False,
        return_complex=True,
    )
    power = spectrum.real.square() + spectrum.imag.square()
    return (filters @ power).transpose(1, 2).reshape(*batch, frames, N_MELS)


def log_mel(audio: Tensor) -> Tensor:
    """Return the log-mel features of speech.

    Parameters
    ----------
    audio : Tensor
        ``(..., samples)`` at 16 kHz, in [-1, 1].

    Returns
    -------
    Tensor
        ``(..., frame, 80)`` float32 at 100 frames a second, with ``frame = 4 * ceil(samples /
        640)``: 16,000 T samples give 100 T frames where T is a multiple of 0.04 s, and a last
        motion frame that is not full is completed with silence. Values are ``(dB + 40) / 15``
        with the decibels cut off at -80: about zero mean and unit variance over speech,
        `SILENCE` in digital silence.
    """
    decibels = 10.0 * torch.log10(mel_power(audio).clamp(min=10.0 ** (FLOOR_DB / 10.0)))
    return (decibels - MEAN_DB) / SCALE_DB
