"""Audio encoders: from sound to one feature vector per motion frame.

`AudioEncoder` is what all of them offer. `LogMelEncoder` is the one that is learned with the model;
`talking_heads.speech.encoders` makes each of them by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional

from talking_heads.errors import UserError
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

    An encoder is an ``nn.Module`` made for one frame rate, and a submodule of the model that uses
    it: its weights are trained and stored with the model's.

    Attributes
    ----------
    width : int
        Numbers in a feature.
    fps : float
        Features a second: the frame rate of the motion.
    encoder_id : str
        Names all that features depend on; of a trained encoder, all but the weights.
    """

    width: int
    fps: float
    encoder_id: str

    @property
    def frozen(self) -> bool:
        """Whether nothing in it can change. Then the features of a clip may be kept."""
        ...

    @property
    def settings(self) -> dict[str, Any]:
        """All it takes to build it anew with random weights, as JSON takes it.

        ``type`` is its kind; see `talking_heads.speech.encoders.build_encoder`.
        """
        ...

    def __call__(
        self,
        audio: Tensor,
        lengths: Tensor | None = None,
        augment: Callable[[Tensor], Tensor] | None = None,
    ) -> Tensor:
        """Encode sound.

        Parameters
        ----------
        audio : Tensor
            ``(batch, samples)`` at 16 kHz.
        lengths : Tensor, optional
            ``(batch,)`` samples of each clip; what lies beyond them is padding. Without it all is
            sound.
        augment : callable, optional
            Changes the ``(batch, mel_frame, 80)`` log-mel features; for training. Encoders that
            hear the waveform itself do not use it.

        Returns
        -------
        Tensor
            ``(batch, frame, width)``, where ``frame`` is ``frame_count(samples, fps)``, see
            `talking_heads.speech.frames`; zeros beyond a clip's own frames.
        """
        ...

    def encode_long(self, audio: Tensor) -> Tensor:
        """Encode ``(samples,)`` of any length as ``(frame, width)``, without gradients."""
        ...


def clip_sizes(audio: Tensor, lengths: Tensor | Sequence[int]) -> list[int]:
    """Return the ``lengths`` of clips in ``(batch, samples)`` audio as whole numbers.

    Raises
    ------
    ValueError
        Unless there is one for each clip, from 0 to ``samples``.
    """
    sizes = [int(n) for n in lengths]
    if len(sizes) != len(audio) or not all(0 <= n <= audio.shape[1] for n in sizes):
        raise ValueError(f"{sizes} are not the lengths of clips in {tuple(audio.shape)}")
    return sizes


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
        self._sizes = (blocks, kernel, ahead, dropout)
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

    @property
    def frozen(self) -> bool:
        """False: it is learned with the model, and `encoder_id` says nothing of its weights."""
        return False

    @property
    def settings(self) -> dict[str, Any]:
        """All that `from_settings` needs to build this encoder, as JSON takes it."""
        blocks, kernel, ahead, dropout = self._sizes
        return {
            "type": "log_mel",
            "width": self.width,
            "blocks": blocks,
            "kernel": kernel,
            "look_ahead": ahead,
            "dropout": dropout,
            "fps": self.fps,
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> LogMelEncoder:
        """Build an encoder with random weights, to be filled from a checkpoint.

        Raises
        ------
        UserError
            If the settings are not such as `settings` gives.
        """
        known = {"width": 4096, "blocks": 128, "kernel": 1025, "look_ahead": 65_536}
        if set(settings) != {*known, "type", "dropout", "fps"} or settings["type"] != "log_mel":
            raise UserError("The settings of the audio encoder lack a value or have one too many.")
        for key, most in known.items():
            least = int(key in ("width", "kernel"))
            if type(settings[key]) is not int or not least <= settings[key] <= most:
                raise UserError(
                    f"The audio encoder has {key} {settings[key]!r:.40}: from {least} to {most}."
                )
        dropout = settings["dropout"]
        if type(dropout) not in (int, float) or not 0 <= dropout < 1:
            raise UserError(f"The audio encoder has dropout {dropout!r:.40}: from 0 to below 1.")
        try:
            return cls(**{key: value for key, value in settings.items() if key != "type"})
        except ValueError as error:
            raise UserError(f"The settings of the audio encoder do not fit: {error}.") from None

    def forward(
        self,
        audio: Tensor,
        lengths: Tensor | None = None,
        augment: Callable[[Tensor], Tensor] | None = None,
    ) -> Tensor:
        """Encode sound.

        Parameters
        ----------
        audio : Tensor
            ``(batch, samples)`` at 16 kHz.
        lengths : Tensor, optional
            ``(batch,)`` samples of each clip; what lies beyond is taken for silence.
        augment : callable, optional
            Changes the ``(batch, mel_frame, 80)`` log-mel features; for training.

        Returns
        -------
        Tensor
            ``(batch, frame_count(samples, fps), width)``; zeros beyond a clip's own frames.
        """
        if lengths is None:
            return self._features(audio, 0, augment)
        sizes = clip_sizes(audio, lengths)
        own = torch.tensor(sizes, device=audio.device)[:, None]
        sound = audio * (torch.arange(audio.shape[1], device=audio.device) < own)
        features = self._features(sound, 0, augment)
        frames = torch.tensor([frame_count(n, self.fps) for n in sizes], device=audio.device)
        inside = torch.arange(features.shape[1], device=audio.device) < frames[:, None]
        return features * inside[..., None]

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
