"""Audio encoders: from sound to one feature vector per motion frame."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional

from talking_heads.speech.frames import RATE, check_fps, frame_count, frame_to_sample
from talking_heads.speech.mel import (
    FLOOR_DB,
    MEAN_DB,
    MEL_PER_MOTION_FRAME,
    MOTION_FPS,
    N_MELS,
    SCALE_DB,
    SILENCE,
    WINDOW,
    log_mel,
)

_FRONT_KERNEL = 4
_FRONT_CONTEXT = 6
"""Mel frames before its own four that a motion frame sees through the two strided convolutions."""


@runtime_checkable
class AudioEncoder(Protocol):
    """What a model needs from the network that listens.

    An encoder is an ``nn.Module`` made for one frame rate. Called with ``(batch, samples)`` audio
    at 16 kHz it returns ``(batch, frame, width)`` features, one for each frame of motion: ``frame``
    is ``frame_count(samples, fps)``, see `talking_heads.speech.frames`.
    """

    width: int
    fps: float
    encoder_id: str

    def __call__(self, audio: Tensor) -> Tensor:
        """Encode ``(batch, samples)`` as ``(batch, frame, width)``."""
        ...


class _ResidualBlock(nn.Module):
    """Layer norm, a convolution over time, GELU, a linear map; added to the input.

    The convolution is not padded: ``left`` frames fall off at the start, ``right`` at the end.
    """

    def __init__(self, width: int, left: int, right: int, dropout: float) -> None:
        super().__init__()
        self.left, self.right = left, right
        self.norm = nn.LayerNorm(width)
        self.over_time = nn.Conv1d(width, width, left + 1 + right)
        self.mix = nn.Linear(width, width)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.over_time(self.norm(x).transpose(1, 2)).transpose(1, 2)
        hidden = self.mix(functional.gelu(hidden))
        return x[:, self.left : x.shape[1] - self.right] + self.drop(hidden)


class LogMelEncoder(nn.Module):
    """Log-mel features, two strided convolutions, and residual convolutions over time.

    The strided convolutions make one frame of four mel frames, 25 a second of 100; the residual
    ones let a frame hear its neighbours. Norms go over channels only and no convolution is padded
    inside: beyond the audio there is silence, made of mel frames like any other. So a feature
    depends on a bounded stretch of sound, the same in a clip, in a chunk of it and in a stream.

    Parameters
    ----------
    width : int
        Numbers in a feature.
    blocks : int
        Residual convolutions.
    kernel : int
        Frames that each of them sees, an odd number.
    look_ahead : int, optional
        Motion frames after its own that a feature may hear in all; by default as many as before,
        ``blocks * (kernel - 1) / 2``. 0 is causal, save for the half
        of a mel frame's window that reaches out of its frame: 7.5 ms at 25 frames a second.
    dropout : float
        Dropout in the residual branches.
    fps : float
        Motion frames a second; see `talking_heads.speech.mel` for what becomes of the mel frames.

    Raises
    ------
    ValueError
        If a size makes no sense.
    UserError
        If the frame rate is out of range.
    """

    encoder_id = f"log_mel_conv/{N_MELS}/{FLOOR_DB:g}/{MEAN_DB:g}/{SCALE_DB:g}"
    """Names the features too: weights are worth nothing with features of another scale."""

    def __init__(
        self,
        width: int = 128,
        blocks: int = 4,
        kernel: int = 5,
        look_ahead: int | None = None,
        dropout: float = 0.0,
        fps: float = MOTION_FPS,
    ) -> None:
        super().__init__()
        reach = blocks * (kernel - 1)
        ahead = reach // 2 if look_ahead is None else look_ahead
        if kernel % 2 == 0 or not 0 <= ahead <= reach:
            raise ValueError(f"kernel {kernel} is not odd, or look_ahead {ahead} above {reach}")
        self.width, self.fps = width, check_fps(fps)
        # The windows of the mel frames just outside the audio reach into it: so many motion frames.
        reach_out = (WINDOW / 2 + 1) * MEL_PER_MOTION_FRAME * self.fps / RATE
        self._beyond = max(1, math.ceil((reach_out - 0.5) / MEL_PER_MOTION_FRAME))
        self.frames_before = reach - ahead
        """Motion frames of past that a feature hears, the strided convolutions' share aside."""
        self.frames_after = ahead
        self.front = nn.ModuleList(
            [
                nn.Conv1d(N_MELS, width, _FRONT_KERNEL, stride=2),
                nn.Conv1d(width, width, _FRONT_KERNEL, stride=2),
            ]
        )
        self.front_norms = nn.ModuleList([nn.LayerNorm(width) for _ in self.front])
        self.blocks = nn.ModuleList()
        for index in range(blocks):
            right = ahead // blocks + (index < ahead % blocks)
            self.blocks.append(_ResidualBlock(width, kernel - 1 - right, right, dropout))
        self.norm = nn.LayerNorm(width)

    def forward(self, audio: Tensor, augment: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """Encode sound.

        Parameters
        ----------
        audio : Tensor
            ``(batch, samples)`` at 16 kHz.
        augment : callable, optional
            Changes the ``(batch, mel_frame, 80)`` log-mel features; for training.

        Returns
        -------
        Tensor
            ``(batch, frame_count(samples, fps), width)``.
        """
        return self._features(audio, 0, augment)

    def _features(
        self, audio: Tensor, first: int, augment: Callable[[Tensor], Tensor] | None = None
    ) -> Tensor:
        """Encode audio that begins with motion frame ``first``."""
        # Silence on both sides is heard as far as windows reach from there into the audio. Further
        # out it is the same constant.
        begin, beyond = frame_to_sample(first, self.fps), self._beyond
        last = frame_count(begin + audio.shape[-1], self.fps)
        left = begin - frame_to_sample(first - beyond, self.fps)
        right = frame_to_sample(last + beyond, self.fps) - begin - audio.shape[-1]
        mel = log_mel(functional.pad(audio, (left, right)), self.fps, first=first - beyond)
        if augment is not None:
            mel = augment(mel)
        before = MEL_PER_MOTION_FRAME * (self.frames_before - beyond) + _FRONT_CONTEXT
        after = MEL_PER_MOTION_FRAME * (self.frames_after - beyond)
        return self._network(functional.pad(mel, (0, 0, before, after), value=SILENCE))

    @torch.no_grad()
    def encode_long(self, audio: Tensor, *, chunk_seconds: float = 30.0) -> Tensor:
        """Encode ``(samples,)`` of any length in bounded memory.

        Returns
        -------
        Tensor
            ``(frame, width)``, the same as `forward` gives for the whole.
        """
        step = max(1, round(chunk_seconds * self.fps))
        frames = frame_count(audio.shape[-1], self.fps)
        # More on each side than the network needs, for the windows of the mel frames.
        before = self.frames_before + -(-_FRONT_CONTEXT // MEL_PER_MOTION_FRAME) + self._beyond
        after = self.frames_after + self._beyond
        parts = []
        for first in range(0, frames, step):
            last = min(first + step, frames)
            start = max(0, first - before)
            end = frame_to_sample(last + after, self.fps)
            piece = audio[frame_to_sample(start, self.fps) : end]
            parts.append(self._features(piece[None], start)[0, first - start : last - start])
        return torch.cat(parts) if parts else audio.new_zeros(0, self.width)

    def _network(self, mel: Tensor) -> Tensor:
        x = mel
        for convolution, norm in zip(self.front, self.front_norms, strict=True):
            x = functional.gelu(norm(convolution(x.transpose(1, 2)).transpose(1, 2)))
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.norm(x)
        return out
