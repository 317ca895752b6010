"""Log-mel features: what a model hears, four frames of them for each frame of motion.

The geometry is chosen so that sound and motion fit exactly. A motion frame at 25 a second lasts 640
samples and holds four mel frames of 160 samples. Mel frame ``k`` is about the samples ``160 k`` to
``160 k + 160``: its window of 400 samples is centred on them, and so sees 120 samples (7.5 ms)
before and after. At another frame rate the mel frames move closer or further apart, 133.3 samples
at 30, and the window stays: it is centred on the sample nearest to the frame's middle, at
``(k + 1/2) / (4 fps)`` seconds. Below 10 motion frames a second some sound would fall between the
windows.

Outside the audio there is silence. No statistics of the clip enter, and a frame never changes when
audio is added more than 12.5 ms after its middle: the same numbers come out whether a clip arrives
whole or in pieces.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from talking_heads.speech.audio import SAMPLE_RATE
from talking_heads.speech.frames import frame_count, frame_to_sample

N_MELS = 80
HOP = 160
"""Samples from one mel frame to the next at 25 motion frames a second: 10 ms."""
WINDOW = 400
"""Samples that one mel frame sees: 25 ms."""
N_FFT = 512
MEL_FPS = SAMPLE_RATE // HOP
"""Mel frames a second at 25 motion frames a second."""
MOTION_FPS = 25.0
"""Motion frames a second of the course."""
MEL_PER_MOTION_FRAME = 4

FLOOR_DB = -80.0
"""Quieter than this is silence, in dB of mel power. A full-scale sine reaches +24."""
# Mean and spread of the features over the course's speech, rounded. Fixed, never measured on
# the clip: a head must not move differently because of what is said a minute later.
MEAN_DB = -40.0
SCALE_DB = 15.0
SILENCE = (FLOOR_DB - MEAN_DB) / SCALE_DB
"""The value of every feature in digital silence."""


def mel_frame_count(samples: int, fps: float = MOTION_FPS, *, first: int = 0) -> int:
    """Return how many frames `log_mel` gives: four for each motion frame that holds a sample.

    The first sample is that with which motion frame `first` begins.
    """
    end = frame_to_sample(first, fps) + samples
    return MEL_PER_MOTION_FRAME * max(0, frame_count(end, fps) - first) if samples else 0


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


def mel_power(audio: Tensor, fps: float = MOTION_FPS, *, first: int = 0) -> Tensor:
    """Return the mel power spectrogram, before logarithm and normalisation.

    Parameters
    ----------
    audio : Tensor
        ``(..., samples)`` at 16 kHz.
    fps : float
        Motion frames a second.
    first : int
        Number of the motion frame with which the audio begins, where it is a piece of a longer one:
        at rates that do not divide 16,000 a frame's middle is rounded to a sample.

    Returns
    -------
    Tensor
        ``(..., mel_frame_count(samples, fps), 80)`` float32, not negative.
    """
    audio = audio.float()
    batch, samples = audio.shape[:-1], audio.shape[-1]
    frames = mel_frame_count(samples, fps, first=first)
    if frames == 0 or 0 in batch:
        return audio.new_zeros(*batch, frames, N_MELS)
    power = (_even if fps == MOTION_FPS else _uneven)(
        audio.reshape(-1, samples), _starts(frames, fps, first)
    )
    _, filters = _constants(audio.device)
    return (filters @ power).transpose(1, 2).reshape(*batch, frames, N_MELS)


def _starts(frames: int, fps: float, first: int) -> NDArray[np.int64]:
    """Return the first sample of each mel frame's window, counted from the audio's beginning."""
    # In thirds and the like of a sample, so rounded from each frame's own number: nothing adds up.
    middles = (MEL_PER_MOTION_FRAME * first + np.arange(frames) + 0.5) * SAMPLE_RATE
    middles = np.floor(middles / (MEL_PER_MOTION_FRAME * fps) + 0.5).astype(np.int64)
    return middles - frame_to_sample(first, fps) - WINDOW // 2


def _even(audio: Tensor, starts: NDArray[np.int64]) -> Tensor:
    """Return ``(batch, bin, frame)`` power where the windows are 160 samples apart."""
    window, _ = _constants(audio.device)
    # Half of what the transform's block is longer than the hop, on both sides.
    side = (N_FFT - HOP) // 2
    padded = torch.nn.functional.pad(audio, (side, side + len(starts) * HOP - audio.shape[-1]))
    spectrum = torch.stft(
        padded,
        N_FFT,
        hop_length=HOP,
        win_length=WINDOW,
        window=window,
        center=False,
        return_complex=True,
    )
    return spectrum.real.square() + spectrum.imag.square()


def _uneven(audio: Tensor, starts: NDArray[np.int64]) -> Tensor:
    """Return ``(batch, bin, frame)`` power of windows at any samples, in ascending order."""
    window, _ = _constants(audio.device)
    before = max(0, -int(starts[0]))
    after = max(0, int(starts[-1]) + WINDOW - audio.shape[-1])
    padded = torch.nn.functional.pad(audio, (before, after))
    index = torch.from_numpy(starts + before).to(audio.device)
    blocks = padded.unfold(-1, WINDOW, 1)[:, index] * window
    spectrum = torch.fft.rfft(blocks, N_FFT)
    return (spectrum.real.square() + spectrum.imag.square()).transpose(1, 2)


def log_mel(audio: Tensor, fps: float = MOTION_FPS, *, first: int = 0) -> Tensor:
    """Return the log-mel features of speech.

    Parameters
    ----------
    audio : Tensor
        ``(..., samples)`` at 16 kHz, in [-1, 1].
    fps : float
        Motion frames a second. There are four times as many mel frames: 100 a second at 25.
    first : int
        Number of the motion frame with which the audio begins; see `mel_power`.

    Returns
    -------
    Tensor
        ``(..., frame, 80)`` float32 with ``frame = 4 * frame_count(samples, fps)``, see
        `talking_heads.speech.frames`: 16,000 T samples give 100 T frames at 25 motion frames a
        second, where T is a multiple of 0.04 s. A last motion frame that is not full is completed
        with silence. Values are ``(dB + 40) / 15`` with the decibels cut off at -80: about zero
        mean and unit variance over speech, `SILENCE` in digital silence.
    """
    power = mel_power(audio, fps, first=first)
    decibels = 10.0 * torch.log10(power.clamp(min=10.0 ** (FLOOR_DB / 10.0)))
    return (decibels - MEAN_DB) / SCALE_DB
