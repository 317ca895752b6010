"""A small HuBERT that may stream: log-mel, then transformer layers that look a bounded way ahead.

HuBERT (Hsu et al. 2021, arXiv:2106.07447) learns from sound alone: stretches of the input are
blanked, and the network names the unit, a cluster of acoustic features, of every blanked frame. Its
convolutions over the waveform take over a quarter of its time, their group norm spans the clip, and
so does its attention. Here log-mel features take the place of the convolutions, norms go over
channels, and a frame attends to a band of its neighbours. A feature depends on a stretch of sound
whose ends the config states in milliseconds.
"""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from talking_heads.errors import UserError
from talking_heads.speech.mel import HOP, N_MELS, WINDOW, log_mel
from talking_heads.speech.small_hubert_files import read_folder, write_folder

UNIT_FPS = 50
"""Features a second, as HuBERT's."""
MEL_PER_UNIT = 2
FRAME_SAMPLES = MEL_PER_UNIT * HOP
"""Samples of a frame: 320, 20 ms."""
FRAME_MS = 1000 / UNIT_FPS
WINDOW_MS = (WINDOW - HOP) / 2 / 16
"""Milliseconds by which the window of a mel frame reaches out of it, on both sides: 7.5."""


@dataclass(frozen=True)
class SmallHubertConfig:
    """Sizes of a `SmallHubert`.

    Parameters
    ----------
    width : int
        Numbers in a feature; a multiple of `heads`.
    layers : int
        Transformer layers.
    heads : int
        Attention heads.
    feed_forward : int
        Width inside the layers' two linear maps.
    look_ahead_ms : float
        A feature hears at most so much sound after the end of its 20 ms. From 7.5, which the mel
        windows need.
    look_back_ms : float
        And so much before their start.
    dropout : float
        In the residual branches.

    Raises
    ------
    UserError
        If a value is not of its kind or out of its range.
    """

    width: int = 144
    layers: int = 4
    heads: int = 4
    feed_forward: int = 576
    look_ahead_ms: float = 240.0
    look_back_ms: float = 1000.0
    dropout: float = 0.0

    def __post_init__(self) -> None:
        limits = {"width": 4096, "layers": 48, "heads": 64, "feed_forward": 16384}
        for key, most in limits.items():
            value = getattr(self, key)
            if type(value) is not int or not 1 <= value <= most:
                raise UserError(f"{key} is a whole number from 1 to {most}, not {value!r:.40}.")
        for key, low, high in (
            ("look_ahead_ms", WINDOW_MS, 10_000.0),
            ("look_back_ms", WINDOW_MS, 10_000.0),
            ("dropout", 0.0, 0.9),
        ):
            value = getattr(self, key)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not low <= value <= high:
                raise UserError(f"{key} is from {low:g} to {high:g}, not {value!r:.40}.")
        if self.width % self.heads:
            raise UserError(f"width {self.width} is not a multiple of heads {self.heads}.")

    @property
    def bands(self) -> tuple[tuple[int, int], ...]:
        """Frames before and after its own that each layer attends to."""
        whole = [
            math.floor((ms - WINDOW_MS) / FRAME_MS + 1e-9)
            for ms in (self.look_back_ms, self.look_ahead_ms)
        ]
        # As even as whole frames allow, the wider bands first.
        return tuple(
            (
                whole[0] // self.layers + (layer < whole[0] % self.layers),
                whole[1] // self.layers + (layer < whole[1] % self.layers),
            )
            for layer in range(self.layers)
        )

    @property
    def frames_before(self) -> int:
        """Frames before its own that a feature depends on."""
        return sum(before for before, _ in self.bands)

    @property
    def frames_after(self) -> int:
        """Frames after its own that a feature depends on."""
        return sum(after for _, after in self.bands)

    def to_dict(self) -> dict[str, Any]:
        """Return the sizes as plain values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> SmallHubertConfig:
        """Build a config from what `to_dict` returns; `UserError` if it is not that."""
        known = {item.name for item in fields(cls)}
        if not isinstance(values, dict) or not set(values) <= known:
            raise UserError(f"The sizes of a small HuBERT are: {', '.join(sorted(known))}.")
        return cls(**values)


def unit_mel(audio: Tensor) -> Tensor:
    """Return the log-mel features of sound, two for each 20 ms that it begins.

    Parameters
    ----------
    audio : Tensor
        ``(..., samples)`` at 16 kHz.

    Returns
    -------
    Tensor
        ``(..., 2 * ceil(samples / 320), 80)``, 100 a second; a last 20 ms that are not full are
        completed with silence.
    """
    frames = -(-audio.shape[-1] // FRAME_SAMPLES)
    # `log_mel` counts in motion frames of 40 ms.
    mel = log_mel(functional.pad(audio, (0, 2 * FRAME_SAMPLES)))
    return mel[..., : MEL_PER_UNIT * frames, :]


class _Layer(nn.Module):
    """Pre-norm transformer layer; attention within a band, with a learned bias per distance."""

    def __init__(self, config: SmallHubertConfig, before: int, after: int) -> None:
        super().__init__()
        width = config.width
        self.before, self.after, self.heads = before, after, config.heads
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.distance = nn.Parameter(torch.zeros(config.heads, before + after + 1))
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, config.feed_forward)
        self.narrow = nn.Linear(config.feed_forward, width)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        batch, frames, width = x.shape
        parts = self.query_key_value(self.attention_norm(x)).view(
            batch, frames, 3, self.heads, width // self.heads
        )
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        heard = functional.scaled_dot_product_attention(query, key, value, self._bias(frames, x))
        heard = heard.transpose(1, 2).reshape(batch, frames, width)
        x = x + self.drop(self.attention_out(heard))
        return x + self.drop(self.narrow(functional.gelu(self.widen(self.norm(x)))))

    def _bias(self, frames: int, like: Tensor) -> Tensor:
        """Return ``(head, frame, frame)``: the bias of each distance, -inf outside the band."""
        if not frames:
            return like.new_zeros(self.heads, 0, 0)
        # Row by row the same numbers, each a place further right: windows on one strip of them. To
        # look each one up by its distance takes ten times as long.
        sides = (frames - 1 - self.before, frames - 1 - self.after)
        strip = functional.pad(self.distance.to(like.dtype), sides, value=-math.inf)
        return strip.unfold(1, frames, 1).flip(1)


class SmallHubert(nn.Module):
    """Sound to one feature every 20 ms.

    Parameters
    ----------
    config : SmallHubertConfig
        Sizes.
    """

    def __init__(self, config: SmallHubertConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SmallHubertConfig()
        self.width = config.width
        self.front = nn.Linear(MEL_PER_UNIT * N_MELS, config.width)
        self.front_norm = nn.LayerNorm(config.width)
        self.blank = nn.Parameter(nn.init.normal_(torch.empty(config.width), std=0.1))
        """Stands for a frame that is masked in pretraining."""
        self.layers = nn.ModuleList([_Layer(config, *band) for band in config.bands])
        self.norm: nn.Module = nn.LayerNorm(config.width)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str]) -> SmallHubert:
        """Load a network from a folder that `save_pretrained` wrote.

        Returns
        -------
        SmallHubert
            In evaluation mode, float32.

        Raises
        ------
        UserError
            If something is missing, damaged, or does not fit together.
        """
        sizes, tensors = read_folder(folder)
        network = cls(SmallHubertConfig.from_dict(sizes))
        network.load_state_dict(tensors(network.state_dict()))
        return network.eval()

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write ``config.json`` and ``model.safetensors``, the weights with 16 bits.

        Parameters
        ----------
        folder : path
            Made if it is missing; other files in it stay.

        Raises
        ------
        UserError
            If the folder cannot be made or written.
        ValueError
            If layers were cut off: the sizes would not tell.
        """
        if len(self.layers) != self.config.layers:
            raise ValueError("a network without its upper layers cannot be saved on its own")
        write_folder(folder, self.config.to_dict(), self.state_dict())

    @property
    def frames_before(self) -> int:
        """Frames before its own that a feature depends on."""
        return sum(before for before, _ in self.config.bands[: len(self.layers)])

    @property
    def frames_after(self) -> int:
        """Frames after its own that a feature depends on."""
        return sum(after for _, after in self.config.bands[: len(self.layers)])

    def cut(self, layer: int) -> None:
        """Leave out the layers above one, counted from 1, and with them the last norm.

        The features are then what ``encode_mel(mel, layer=layer)`` gave before.

        Raises
        ------
        UserError
            If there is no such layer.
        """
        count = len(self.layers)
        if isinstance(layer, bool) or not isinstance(layer, int) or not 1 <= layer <= count:
            raise UserError(f"This small HuBERT has layers 1 to {count}, not {layer!r:.40}.")
        if layer < count:
            del self.layers[layer:]
            self.norm = nn.Identity()

    def forward(self, audio: Tensor) -> Tensor:
        """Encode sound.

        Parameters
        ----------
        audio : Tensor
            ``(batch, samples)`` at 16 kHz. Nothing is normalised over the clip.

        Returns
        -------
        Tensor
            ``(batch, ceil(samples / 320), width)``: feature ``k`` belongs to the samples
            ``320 k`` to ``320 (k + 1)``; a last one that is not full is completed with silence.
        """
        return self.encode_mel(unit_mel(audio))

    def encode_mel(
        self, mel: Tensor, masked: Tensor | None = None, *, layer: int | None = None
    ) -> Tensor:
        """Encode log-mel features.

        Parameters
        ----------
        mel : Tensor
            ``(batch, 2 * frame, 80)`` from `talking_heads.speech.mel.log_mel`, 100 a second.
        masked : Tensor, optional
            ``(batch, frame)`` bool: frames that are blanked before the first layer.
        layer : int, optional
            Return what this layer gives, from 0 (before the first), without the last norm.

        Returns
        -------
        Tensor
            ``(batch, frame, width)``.
        """
        x = self.front_norm(self.front(mel.unflatten(1, (-1, MEL_PER_UNIT)).flatten(2)))
        if masked is not None:
            x = torch.where(masked[..., None], self.blank, x)
        for block in self.layers[:layer]:
            x = block(x)
        out: Tensor = x if layer is not None else self.norm(x)
        return out

    @torch.no_grad()
    def encode_long(self, audio: Tensor, *, chunk_seconds: float = 5.0) -> Tensor:
        """Encode ``(samples,)`` of any length in bounded memory.

        Returns
        -------
        Tensor
            ``(frame, width)``, the same as `forward` gives for the whole.
        """
        step = max(1, round(chunk_seconds * UNIT_FPS))
        frames = -(-audio.shape[-1] // FRAME_SAMPLES)
        # One more on each side for the mel windows.
        before, after = self.frames_before + 1, self.frames_after + 1
        parts = []
        for first in range(0, frames, step):
            last, start = min(first + step, frames), max(0, first - before)
            piece = audio[FRAME_SAMPLES * start : FRAME_SAMPLES * (last + after)]
            parts.append(self(piece[None])[0, first - start : last - start])
        return torch.cat(parts) if parts else audio.new_zeros(0, self.width)
