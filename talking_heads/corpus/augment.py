"""Random changes to speech that leave its timing alone, so that the motion still fits.

A network that has heard twelve clean voices only knows those. Level, noise, the sound of the
room and the length of the vocal tract vary in the world; so they vary in training.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_FFT = 512
_HOP = 128


@dataclass(frozen=True)
class Augmentation:
    """How much speech is changed at random. Zeros switch a part off.

    Parameters
    ----------
    gain_db : float
        Level changes by up to this many decibels, up or down.
    noise_db : tuple of float
        Lowest and highest level of white to brown noise, in dB of full scale.
    noise_chance : float
        Share of the clips that get noise.
    equalizer_db : float
        A smooth curve over frequency, random at six points, up to this many decibels.
    warp : float
        Formants and pitch move by up to this factor, up or down (0.1: 10 %), in the same time.
    warp_chance : float
        Share of the clips that are warped.
    """

    gain_db: float = 6.0
    noise_db: tuple[float, float] = (-65.0, -35.0)
    noise_chance: float = 0.7
    equalizer_db: float = 6.0
    warp: float = 0.12
    warp_chance: float = 0.7


def _uniform(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))


def shift_spectrum(spectrum: Tensor, factor: float) -> Tensor:
    """Stretch a spectrogram along frequency: formants and pitch move, time does not.

    Parameters
    ----------
    spectrum : Tensor
        ``(bin, frame)`` complex, of hop 128 at a transform of 512 points.
    factor : float
        What stands at frequency f moves to factor * f; below 1 the highest band becomes empty.

    Returns
    -------
    Tensor
        Same shape. Phases advance as their new frequencies ask, so that frames still overlap in
        phase (as in a phase vocoder, for steady partials).
    """
    bins, frames = spectrum.shape
    source = (torch.arange(bins) / factor).round().long()
    inside = source < bins
    source = source.clamp(max=bins - 1)
    shift = (torch.arange(bins) - source) * (2 * math.pi * _HOP / _FFT)
    angle = shift[:, None] * torch.arange(frames)[None, :]
    moved = spectrum[source] * torch.polar(torch.ones_like(angle), angle)
    return moved * inside[:, None]


def _equalizer(decibels: float, generator: torch.Generator) -> Tensor:
    """Return a smooth random gain ``(bin, 1)`` over frequency."""
    points = (2 * torch.rand(1, 1, 6, generator=generator) - 1) * decibels
    curve = torch.nn.functional.interpolate(
        points, size=_FFT // 2 + 1, mode="linear", align_corners=True
    )
    return (10 ** (curve[0, 0] / 20))[:, None]


def _noise(samples: int, generator: torch.Generator) -> Tensor:
    """Return noise of unit level with a random tilt: white (0) to brown (-6 dB an octave)."""
    spectrum = torch.fft.rfft(torch.randn(samples, generator=generator))
    tilt = _uniform(0.0, 1.0, generator)
    frequency = torch.arange(len(spectrum)).clamp(min=max(1, samples // 200)) / len(spectrum)
    noise = torch.fft.irfft(spectrum * frequency**-tilt, n=samples)
    return noise / noise.square().mean().sqrt().clamp(min=1e-9)


def augment(audio: Tensor, options: Augmentation, generator: torch.Generator) -> Tensor:
    """Change a clip at random, keeping its timing.

    Parameters
    ----------
    audio : Tensor
        ``(samples,)`` float32, at least 512 samples, 16 kHz.
    options : Augmentation
        How much.
    generator : torch.Generator
        Source of chance; the same state gives the same result.

    Returns
    -------
    Tensor
        ``(samples,)`` float32, -1 to 1.
    """
    samples = audio.shape[-1]
    warped = _uniform(0, 1, generator) < options.warp_chance and options.warp > 0
    factor = 1 + _uniform(-options.warp, options.warp, generator) if warped else 1.0
    if warped or options.equalizer_db > 0:
        window = torch.hann_window(_FFT)
        spectrum = torch.stft(audio, _FFT, _HOP, window=window, return_complex=True)
        if warped:
            spectrum = shift_spectrum(spectrum, factor)
        if options.equalizer_db > 0:
            spectrum = spectrum * _equalizer(options.equalizer_db, generator)
        audio = torch.istft(spectrum, _FFT, _HOP, window=window, length=samples)
    audio = audio * 10 ** (_uniform(-options.gain_db, options.gain_db, generator) / 20)
    if _uniform(0, 1, generator) < options.noise_chance:
        level = 10 ** (_uniform(*options.noise_db, generator) / 20)
        audio = audio + level * _noise(samples, generator)
    return audio.clamp(-1, 1)
