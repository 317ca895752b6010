"""The small HuBERT as an audio encoder, at any frame rate.

The network gives a unit's feature every 20 ms: feature ``k`` belongs to the samples ``320 k`` to
``320 (k + 1)``. At 25 frames a second frame ``f`` gets the features ``2 f`` and ``2 f + 1`` side by
side, which belong to just its own samples: the lag is zero. At any other rate the features are
interpolated at the true middle of the frame, ``(f + 1/2) / fps`` seconds.

Beyond the sound there is silence, as at the end of a stream. Nothing spans the clip: sound that
comes more than `SmallHubertEncoder.look_ahead_ms` after a frame's end never changes its feature.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from talking_heads.errors import UserError
from talking_heads.files import shown
from talking_heads.paths import encoder_dir
from talking_heads.speech.encoder import clip_sizes
from talking_heads.speech.frames import check_fps, frame_count
from talking_heads.speech.pretrained_files import weights_hash
from talking_heads.speech.small_hubert import (
    FRAME_MS,
    FRAME_SAMPLES,
    UNIT_FPS,
    WINDOW_MS,
    SmallHubert,
    SmallHubertConfig,
    unit_mel,
)
from talking_heads.speech.small_hubert_files import TYPE

FREEZES = ("none", "all")
"""What is not trained: nothing, or all. Then the features of a clip may be kept; see
`talking_heads.speech.feature_cache`."""
_PAIRED_FPS = UNIT_FPS / 2


class SmallHubertEncoder(nn.Module):
    """A small HuBERT made into an audio encoder.

    Parameters
    ----------
    network : SmallHubert
        It becomes part of the encoder, and loses the layers that `layer` leaves out.
    fps : float
        Motion frames a second.
    freeze : str
        One of `FREEZES`. What is frozen has no gradients and stays in evaluation mode.
    layer : int, optional
        After which layer the features are taken, from 1. Without it, or with the last, they are
        normed; below it they are not.
    origin : str, optional
        Hash of the weights that the encoder began with; by default that of the network's. A frozen
        encoder takes a new hash whenever it loads weights.

    Attributes
    ----------
    width : int
        Numbers in a feature: twice the network's at 25 frames a second, else the network's.
    fps : float
        Motion frames a second.
    encoder_id : str
        Hash of the weights, layer, context and frame rate. Two frozen encoders of the same name
        give the same features. One that is trained keeps the name that it began with.

    Raises
    ------
    UserError
        If a choice is unknown or does not fit the network.
    """

    def __init__(
        self,
        network: SmallHubert,
        *,
        fps: float = 25.0,
        freeze: str = "none",
        layer: int | None = None,
        origin: str | None = None,
    ) -> None:
        super().__init__()
        if freeze not in FREEZES:
            raise UserError(f"Cannot freeze {freeze!r:.40}. Choose from: {', '.join(FREEZES)}.")
        self.fps, self.freeze, self.network = check_fps(fps), freeze, network
        if layer is not None:
            network.cut(layer)
        self.layer = len(network.layers)
        self._paired = self.fps == _PAIRED_FPS
        self.width = network.width * (2 if self._paired else 1)
        self._name(weights_hash(network) if origin is None else origin)
        network.requires_grad_(freeze == "none")
        # It stands for frames that are masked in pretraining alone.
        network.blank.requires_grad_(False)
        self.train(network.training)
        if freeze == "all":
            self.register_load_state_dict_post_hook(_name_anew)

    @classmethod
    def from_pretrained(
        cls, source: str | os.PathLike[str] = TYPE, **choices: Any
    ) -> SmallHubertEncoder:
        """Load pretrained weights.

        Parameters
        ----------
        source : str or path
            ``"small_hubert"`` for the one that comes with the course, or a folder that
            `SmallHubert.save_pretrained` or ``talking-heads pretrain`` wrote.
        **choices
            The keyword arguments of `SmallHubertEncoder`.

        Returns
        -------
        SmallHubertEncoder
            In evaluation mode.

        Raises
        ------
        UserError
            If there is no such folder, it is damaged, or a choice is unknown.
        """
        folder = encoder_dir(TYPE) if os.fspath(source) == TYPE else source
        if os.fspath(source) == TYPE and not encoder_dir(TYPE).is_dir():
            raise UserError(
                f"The course's small HuBERT is not there: {shown(folder)} is missing.\n"
                "Get the data folder again, or set TALKING_HEADS_DATA to it. Or make one with:\n"
                "talking-heads pretrain --data CORPUS --out FOLDER"
            )
        return cls(SmallHubert.from_pretrained(folder), **choices).eval()

    @property
    def settings(self) -> dict[str, Any]:
        """All that `from_settings` needs to build this encoder, as JSON takes it."""
        return {
            "type": TYPE,
            "network": self.network.config.to_dict(),
            "fps": self.fps,
            "freeze": self.freeze,
            "layer": self.layer,
            "origin": self.origin,
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> SmallHubertEncoder:
        """Build an encoder with random weights, to be filled from a checkpoint.

        Raises
        ------
        UserError
            If the settings are not such as `settings` gives.
        """
        known = {"fps", "freeze", "layer", "origin"}
        if not isinstance(settings, Mapping) or set(settings) != known | {"type", "network"}:
            raise UserError("The settings of the audio encoder lack a value or have one too many.")
        origin = settings["origin"]
        named = isinstance(origin, str) and origin.isalnum() and len(origin) <= 64
        if settings["type"] != TYPE or not named or not isinstance(settings["freeze"], str):
            raise UserError("The settings of the audio encoder have a value of a wrong kind.")
        network = SmallHubert(SmallHubertConfig.from_dict(settings["network"]))
        return cls(network, **{key: settings[key] for key in known}).eval()

    @property
    def frozen(self) -> bool:
        """Whether nothing in the encoder can change: then its features may be kept."""
        return self.freeze == "all" and not any(p.requires_grad for p in self.parameters())

    @property
    def look_ahead_ms(self) -> float:
        """A feature hears at most so many milliseconds of sound after the end of its frame.

        The layers' look-ahead and the 7.5 ms of the mel windows. At other rates than 25 and 50
        frames a second up to ``30 - 500 / fps`` ms more, or less, for the 20 ms of the network do
        not end where frames do.
        """
        own = FRAME_MS * self.network.frames_after + WINDOW_MS
        # Read at x = (f + 1/2) 50 / fps - 1/2, with the feature above x: it begins before x + 1.
        ends = 0.0 if self.fps in (UNIT_FPS, _PAIRED_FPS) else 1.5 * FRAME_MS - 500.0 / self.fps
        return own + ends

    def train(self, mode: bool = True) -> SmallHubertEncoder:
        """Set the mode; what is frozen stays in evaluation mode."""
        super().train(mode)
        if self.freeze == "all":
            self.network.eval()
        return self

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
            Changes the ``(batch, mel_frame, 80)`` log-mel features, 100 a second at any frame
            rate; for training.

        Returns
        -------
        Tensor
            ``(batch, frame_count(samples, fps), width)``; zeros beyond a clip's own frames.
        """
        sizes = None if lengths is None else clip_sizes(audio, lengths)
        if sizes is not None:
            own = torch.tensor(sizes, device=audio.device)[:, None]
            audio = audio * (torch.arange(audio.shape[1], device=audio.device) < own)
        frames = frame_count(audio.shape[1], self.fps)
        if frames == 0 or len(audio) == 0:
            return audio.new_zeros(len(audio), frames, self.width)
        mel = unit_mel(self._with_silence(audio, frames))
        units = self.network.encode_mel(mel if augment is None else augment(mel))
        features = self._align(units, frames)
        if sizes is None:
            return features
        ends = torch.tensor([frame_count(n, self.fps) for n in sizes], device=audio.device)
        inside = torch.arange(frames, device=audio.device) < ends[:, None]
        return features * inside[..., None]

    @torch.no_grad()
    def encode_long(self, audio: Tensor, *, chunk_seconds: float = 5.0) -> Tensor:
        """Encode ``(samples,)`` of any length in bounded memory.

        Returns
        -------
        Tensor
            ``(frame, width)``, the same as `forward` gives for the whole.
        """
        frames = frame_count(audio.shape[-1], self.fps)
        if frames == 0:
            return audio.new_zeros(0, self.width)
        sound = self._with_silence(audio, frames)
        units = self.network.encode_long(sound, chunk_seconds=chunk_seconds)
        return self._align(units[None], frames)[0]

    def _with_silence(self, audio: Tensor, frames: int) -> Tensor:
        """Add silence as far as the features of so many frames hear."""
        if self._paired:
            units = 2 * frames
        else:
            units = math.ceil((frames - 0.5) * UNIT_FPS / self.fps - 0.5) + 1
        # Not less than there is: a last half frame may begin 20 ms of which it uses nothing.
        units = max(units, -(-audio.shape[-1] // FRAME_SAMPLES)) + self.network.frames_after
        return functional.pad(audio, (0, units * FRAME_SAMPLES - audio.shape[-1]))

    def _align(self, units: Tensor, frames: int) -> Tensor:
        """Bring ``(batch, unit, width)``, as many as `_with_silence` makes, to frames."""
        batch, count, width = units.shape
        if self._paired:
            return units[:, : 2 * frames].reshape(batch, frames, 2 * width)
        middle = (torch.arange(frames, dtype=torch.float64) + 0.5) * (UNIT_FPS / self.fps)
        where = (middle - 0.5).clamp(0, count - 1)
        low = where.floor()
        share = (where - low).to(units.dtype).to(units.device)[:, None]
        low_index = low.long().to(units.device)
        high_index = torch.where(share[:, 0] > 0, low_index + 1, low_index).clamp(max=count - 1)
        return torch.lerp(units[:, low_index], units[:, high_index], share)

    def _name(self, origin: str) -> None:
        """Set the hash of the weights, and with it `encoder_id`."""
        self.origin, sizes = origin, self.network.config
        context = f"{sizes.heads}heads/{sizes.look_back_ms:g}+{sizes.look_ahead_ms:g}"
        self.encoder_id = f"{TYPE}@{origin}/layer{self.layer}/{context}/{self.fps:.10g}"


def _name_anew(encoder: SmallHubertEncoder, _: object) -> None:
    """Hash loaded weights: features kept of the old ones must not be taken for theirs."""
    encoder._name(weights_hash(encoder.network))
