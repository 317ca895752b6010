"""Changes of log-mel features that leave the lips alone.

A model that trains on a dozen clean voices takes their formants, their loudness and their silence
for facts. These changes, drawn anew for each clip, take that away; without them unseen voices
suffer most. Everything happens on log-mel features, where a change of formants costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from talking_heads.speech.mel import FLOOR_DB, MEAN_DB, MEL_FPS, N_MELS, SCALE_DB

_TAIL = 40
"""Longest tail of reverberation, in mel frames."""


@dataclass(frozen=True)
class Augmentation:
    """How much to change. All are limits of uniform distributions; 0 turns one off."""

    gain_db: float = 9.0
    """Louder or softer by up to this."""
    tilt_db: float = 8.0
    """Difference of gain between the lowest and the highest band."""
    curve_db: float = 4.0
    """Bumps of a random smooth filter, as of a room or a microphone."""
    warp: float = 0.16
    """Stretch of the mel axis: moves formants and pitch together, as another vocal tract does."""
    shift: float = 2.0
    """Shift of the mel axis, in bands."""
    room_share: float = 0.0
    """Share of clips that get the reverberation of a room. Off: the corpus has rooms of its own. In
    runs of 500 steps on a corpus without rooms 0.25 closed the lips more often on the voices of
    another engine (.44 against .37 of p, b, m), and cost .02 of the correlation on all others."""
    room_seconds: tuple[float, float] = (0.1, 0.4)
    """Time in which the reverberation falls by 60 dB."""
    room_db: tuple[float, float] = (-18.0, -6.0)
    """Its power relative to the direct sound's."""
    noise_share: float = 0.6
    """Share of clips that get noise."""
    noise_db: tuple[float, float] = (-80.0, -42.0)
    """Its level, in dB of mel power; speech is mostly between -60 and -20."""
    masked_bands: int = 10
    """Widest stretch of bands that is blanked (SpecAugment, Park et al. 2019)."""
    masked_frames: int = 4
    """Longest stretch of mel frames that is blanked, 10 ms each at 25 motion frames a second."""


def _uniform(count: int, low: float, high: float, like: Tensor) -> Tensor:
    return low + (high - low) * torch.rand(count, 1, 1, device=like.device)


def _smooth_curve(count: int, knots: int, like: Tensor) -> Tensor:
    """Return ``(count, 1, 80)`` curves through random points of -1 to 1."""
    points = 2 * torch.rand(count, 1, knots, device=like.device) - 1
    return torch.nn.functional.interpolate(points, N_MELS, mode="linear", align_corners=True)


def warp_bands(mel: Tensor, stretch: Tensor, shift: Tensor) -> Tensor:
    """Resample the mel axis.

    Parameters
    ----------
    mel : Tensor
        ``(batch, frame, 80)``.
    stretch, shift : Tensor
        ``(batch, 1, 1)``: band ``k`` of the result is band ``k * stretch + shift`` of `mel`,
        linearly interpolated; beyond the ends the outermost band is repeated.

    Returns
    -------
    Tensor
        ``(batch, frame, 80)``.
    """
    bands = torch.arange(N_MELS, device=mel.device, dtype=mel.dtype)
    source = (bands * stretch + shift).clamp(0, N_MELS - 1)
    lower = source.floor().clamp(max=N_MELS - 2)
    share = (source - lower).expand(-1, mel.shape[1], -1)
    index = lower.long().expand(-1, mel.shape[1], -1)
    return mel.gather(2, index) * (1 - share) + mel.gather(2, index + 1) * share


def reverberate(power: Tensor, seconds: Tensor, level: Tensor) -> Tensor:
    """Add the decaying tail of a room to mel power.

    Powers of many reflections add up, so a room smears the power of each band with an exponential
    that falls by 60 dB in the reverberation time (Polack's model of late reverberation, 1988).
    The direct sound stays where it is, and so do the lips.

    Parameters
    ----------
    power : Tensor
        ``(batch, frame, 80)`` power, 100 frames a second.
    seconds, level : Tensor
        ``(batch, 1, 1)``: the reverberation time, and the tail's power relative to the direct
        sound's.

    Returns
    -------
    Tensor
        ``(batch, frame, 80)``.
    """
    lags = torch.arange(1, _TAIL + 1, device=power.device, dtype=power.dtype)
    tail = 10 ** (-6 * lags / MEL_FPS / seconds)
    tail = level * tail / tail.sum(-1, keepdim=True)
    past = torch.nn.functional.pad(power.transpose(1, 2), (_TAIL, 0))[..., :-1]
    # One kernel a clip: the clips become the groups of one convolution.
    smeared = torch.nn.functional.conv1d(past.transpose(0, 1), tail.flip(-1), groups=len(power))
    return power + smeared.permute(1, 2, 0)


def augment_mel(mel: Tensor, settings: Augmentation) -> Tensor:
    """Change a batch of log-mel features, each clip differently.

    Randomness comes from torch's global state.

    Parameters
    ----------
    mel : Tensor
        ``(batch, frame, 80)`` from `talking_heads.speech.mel.log_mel`.
    settings : Augmentation
        How much.

    Returns
    -------
    Tensor
        The same shape; `mel` is left as it is.
    """
    count, frames, _ = mel.shape
    s = settings
    stretch = torch.exp(_uniform(count, -s.warp, s.warp, mel))
    mel = warp_bands(mel, stretch, _uniform(count, -s.shift, s.shift, mel))
    decibels = mel * SCALE_DB + MEAN_DB
    ramp = torch.linspace(-0.5, 0.5, N_MELS, device=mel.device)
    decibels = decibels + _uniform(count, -s.gain_db, s.gain_db, mel)
    decibels = decibels + _uniform(count, -s.tilt_db, s.tilt_db, mel) * ramp
    decibels = decibels + s.curve_db * _smooth_curve(count, 6, mel)
    seconds = _uniform(count, *s.room_seconds, mel)
    room = 10 ** (_uniform(count, *s.room_db, mel) / 10)
    room = room * (torch.rand(count, 1, 1, device=mel.device) < s.room_share)
    level = _uniform(count, *s.noise_db, mel) + 6.0 * _smooth_curve(count, 4, mel)
    # The power of noise in a band is exponentially distributed; a mel band averages a few bins.
    grain = -torch.log(torch.rand_like(mel).clamp(min=1e-4)) * 0.5 + 0.5
    noise = grain * 10 ** (level / 10)
    noise = noise * (torch.rand(count, 1, 1, device=mel.device) < s.noise_share)
    power = 10 ** (decibels / 10)
    if s.room_share:
        power = reverberate(power, seconds, room)
    power = power + noise
    decibels = 10 * torch.log10(power.clamp(min=10 ** (FLOOR_DB / 10)))
    mel = (decibels - MEAN_DB) / SCALE_DB
    for size, length, axis in ((s.masked_bands, N_MELS, 2), (s.masked_frames, frames, 1)):
        if size:
            width = _uniform(count, 0, size + 1, mel).floor().clamp(max=length)
            # Every place is as likely, the last band and the last frame among them.
            start = (torch.rand(count, 1, 1, device=mel.device) * (length - width + 1)).floor()
            index = torch.arange(length, device=mel.device)
            index = index[None, None] if axis == 2 else index[None, :, None]
            inside = (index >= start) & (index < start + width)
            mel = torch.where(inside, (FLOOR_DB - MEAN_DB) / SCALE_DB / 2, mel)
    return mel
