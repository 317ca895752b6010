"""HuBERT and wav2vec 2.0 as audio encoders.

Both are seven convolutions, a projection and a transformer, pretrained on 960 hours of read
English, ``facebook/hubert-base-ls960`` and ``facebook/wav2vec2-base-960h``: 94.4 million
parameters, 768 numbers 50 times a second. The second was then trained to transcribe. After Hsu et
al. 2021, "HuBERT", and Baevski et al. 2020, "wav2vec 2.0". `talking_heads.speech.alignment` brings
the features to the frame rate of the motion.

The whole clip is in every feature: the transformer attends to all of it, the base models' first
convolution is normalised over it (a group norm), and so is the sound itself where asked. A prefix
of a clip does not give the prefix of its features, and a model that uses these encoders cannot
stream as it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from talking_heads.errors import UserError
from talking_heads.speech.alignment import (
    FEATURE_HOP,
    FIELD,
    align,
    check_alignment,
    stretch,
)
from talking_heads.speech.encoder import clip_sizes
from talking_heads.speech.frames import check_fps, frame_count
from talking_heads.speech.pretrained_files import (
    build_network,
    network_settings,
    read_network,
    weights_hash,
)

FREEZES = ("none", "convolutions", "first_two_layers", "all")
"""What is not trained:

- ``none``: all is trained.
- ``convolutions``: the seven convolutions (FaceFormer, CodeTalker, DiffSpeaker).
- ``first_two_layers``: these, the projection, and the first two layers of the transformer
  (FaceDiffuser, GLDiTalker). Its positional convolution and the norm after it stay trainable.
- ``all``: nothing is trained, and the features of a clip may be kept; see
  `talking_heads.speech.feature_cache`.
"""
_VARIANCE_FLOOR = 1e-7
_CONTEXT_FEATURES = 250


class PretrainedEncoder(nn.Module):
    """A transformer pretrained on speech, made into an audio encoder.

    Parameters
    ----------
    network : nn.Module
        A ``HubertModel`` or ``Wav2Vec2Model`` of transformers. It becomes part of the encoder, and
        loses the layers that `layer` leaves out. Its mode, training or evaluation, stays.
    fps : float
        Motion frames a second.
    freeze : str
        One of `FREEZES`. What is frozen has no gradients and stays in evaluation mode.
    alignment : str
        One of `talking_heads.speech.alignment.ALIGNMENTS`.
    normalise : bool
        Bring each clip to zero mean and unit variance first, as the models' own processor does.
    layer : int, optional
        After which layer of the transformer the features are taken, from 1; by default the last.
    mask_in_training : bool
        Mask random spans of features in training, as the network's configuration says
        (SpecAugment). Its dropout and its skipping of layers work in training in any case.
    origin : str, optional
        Hash of the weights that the encoder began with; by default that of the network's. A wholly
        frozen encoder takes a new hash whenever it loads weights.

    Attributes
    ----------
    width : int
        Numbers in a feature: 768 of the base models, twice that in pairs.
    fps : float
        Motion frames a second.
    encoder_id : str
        Kind of network, hash of its weights, layer, normalisation, alignment and frame rate. Two
        wholly frozen encoders of the same name give the same features. One that is trained keeps
        the name that it began with.

    Raises
    ------
    UserError
        If a choice is unknown or does not fit the network.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        fps: float = 25.0,
        freeze: str = "convolutions",
        alignment: str = "after",
        normalise: bool = True,
        layer: int | None = None,
        mask_in_training: bool = False,
        origin: str | None = None,
    ) -> None:
        super().__init__()
        if freeze not in FREEZES:
            raise UserError(f"Cannot freeze {freeze!r:.40}. Choose from: {', '.join(FREEZES)}.")
        config: Any = network.config
        self.fps, self.alignment = check_fps(fps), check_alignment(alignment)
        self.freeze, self.normalise = freeze, bool(normalise)
        self.network: Any = network
        self.layer = self._cut(layer)
        self._name(weights_hash(network) if origin is None else origin)
        self.mask_in_training = bool(mask_in_training)
        config.apply_spec_augment = self.mask_in_training
        self.width = config.hidden_size * (2 if alignment == "pairs" else 1)
        network.requires_grad_(True)
        for part in self._frozen_parts():
            part.requires_grad_(False)
        mask = getattr(network, "masked_spec_embed", None)
        if mask is not None and not self.mask_in_training:
            # Nothing would ever reach it, which some trainers take for an error.
            mask.requires_grad_(False)
        self.train(network.training)
        if freeze == "all":
            self.register_load_state_dict_post_hook(_name_anew)

    @classmethod
    def from_pretrained(cls, source: str, **choices: Any) -> PretrainedEncoder:
        """Load the weights that others trained.

        Parameters
        ----------
        source : str
            ``"hubert"`` or ``"wav2vec2"`` for the base models, the name of another model of these
            kinds on the hub, or a folder that holds ``config.json`` and the weights. What was
            downloaded once is found again without a network.
        **choices
            The keyword arguments of `PretrainedEncoder`.

        Returns
        -------
        PretrainedEncoder
            In evaluation mode.

        Raises
        ------
        UserError
            If the model cannot be had or read, is of another kind, or a choice is unknown.
        """
        return cls(read_network(source), **choices).eval()

    @property
    def settings(self) -> dict[str, Any]:
        """All that `from_settings` needs to build this encoder, as JSON takes it."""
        return {
            "type": self.network.config.model_type,
            "network": network_settings(self.network),
            "fps": self.fps,
            "freeze": self.freeze,
            "alignment": self.alignment,
            "normalise": self.normalise,
            "layer": self.layer,
            "mask_in_training": self.mask_in_training,
            "origin": self.origin,
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> PretrainedEncoder:
        """Build an encoder with random weights, to be filled from a checkpoint.

        Raises
        ------
        UserError
            If the settings are not such as `settings` gives.
        """
        known = {"fps", "freeze", "alignment", "normalise", "layer", "mask_in_training", "origin"}
        if not isinstance(settings, Mapping) or set(settings) != known | {"type", "network"}:
            raise UserError("The settings of the audio encoder lack a value or have one too many.")
        kinds = {"freeze": str, "alignment": str, "normalise": bool, "mask_in_training": bool}
        right = all(isinstance(settings[key], kind) for key, kind in kinds.items())
        origin = settings["origin"]
        if not right or not isinstance(origin, str) or not origin.isalnum() or len(origin) > 64:
            raise UserError("The settings of the audio encoder have a value of a wrong kind.")
        network: Any = build_network(settings["network"])
        if network.config.model_type != settings["type"]:
            raise UserError(
                f"The audio encoder is called {settings['type']!r:.40}, and its network is of type "
                f"{network.config.model_type!r}."
            )
        return cls(network, **{key: settings[key] for key in known}).eval()

    @property
    def frozen(self) -> bool:
        """Whether nothing in the encoder can change: then its features may be kept."""
        return self.freeze == "all" and not any(p.requires_grad for p in self.parameters())

    def train(self, mode: bool = True) -> PretrainedEncoder:
        """Set the mode; what is frozen stays in evaluation mode."""
        super().train(mode)
        for part in self._frozen_parts():
            part.eval()
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
            ``(batch, samples)`` at 16 kHz. Below 400 samples zeros are added after them.
        lengths : Tensor, optional
            ``(batch,)`` samples of each clip, where some are padded to the length of the longest.
            Norms, attention and alignment span a clip, so clips of different lengths are then
            encoded one by one, each as if it stood alone. Without it padding is sound.
        augment : callable, optional
            Not used: it changes log-mel features, and these networks hear the waveform.

        Returns
        -------
        Tensor
            ``(batch, frame_count(samples, fps), width)``; zeros beyond a clip's own frames.
        """
        if lengths is None:
            return self._encode(audio)
        sizes = clip_sizes(audio, lengths)
        if len(set(sizes)) == 1 and sizes[0] == audio.shape[1]:
            return self._encode(audio)
        frames = frame_count(audio.shape[1], self.fps)
        rows = [self._encode(row[None, :n])[0] for row, n in zip(audio, sizes, strict=True)]
        return torch.stack([nn.functional.pad(row, (0, 0, 0, frames - len(row))) for row in rows])

    @torch.no_grad()
    def encode_long(self, audio: Tensor, *, chunk_seconds: float = 30.0) -> Tensor:
        """Encode ``(samples,)`` of any length in bounded memory.

        A clip of up to ``chunk_seconds + 10`` is encoded whole. Of a longer one the network hears
        pieces, each with 5 s more on both sides; that is not what it gives for the whole, though
        near it. Normalisation and alignment always span the clip.

        Returns
        -------
        Tensor
            ``(frame, width)``.
        """
        sound = self._prepare(audio[None])
        frames = frame_count(audio.shape[-1], self.fps)
        step = max(1, round(chunk_seconds * 50))
        if frames == 0 or sound.shape[1] <= (step + 2 * _CONTEXT_FEATURES) * FEATURE_HOP:
            return self._encode(audio[None])[0]
        before = self.alignment == "before"
        heard = _in_pieces(sound, step, self._convolve if before else self._hidden)
        if not before:
            return align(heard, self.alignment, frames, self.fps)[0]
        # The transformer runs on frames here: cut what it hears into the same seconds.
        slow = stretch(heard, frames)
        scale = self.fps / 50
        return _windows(slow, round(step * scale), round(_CONTEXT_FEATURES * scale), self._attend)[
            0
        ]

    def _encode(self, audio: Tensor) -> Tensor:
        frames = frame_count(audio.shape[1], self.fps)
        if frames == 0 or len(audio) == 0:
            return audio.new_zeros(len(audio), frames, self.width)
        sound = self._prepare(audio)
        if self.alignment == "before":
            return self._attend(stretch(self._convolve(sound), frames))
        return align(self._hidden(sound), self.alignment, frames, self.fps)

    def _prepare(self, audio: Tensor) -> Tensor:
        """Normalise clips and make them long enough for one feature."""
        sound = audio.float()
        if self.normalise and audio.shape[1]:
            sound = normalise_clip(sound)
        sound = nn.functional.pad(sound, (0, max(0, FIELD - sound.shape[1])))
        return sound.to(self.network.dtype)

    def _convolve(self, sound: Tensor) -> Tensor:
        out: Tensor = self.network.feature_extractor(sound).transpose(1, 2)
        return out

    def _attend(self, features: Tensor) -> Tensor:
        hidden = self.network.feature_projection(features)
        if isinstance(hidden, tuple):
            hidden = hidden[0]
        if self.mask_in_training and self.training:
            with _chance_of_torch():
                hidden = self.network._mask_hidden_states(hidden)
        out: Tensor = self.network.encoder(hidden)[0]
        return out

    def _hidden(self, sound: Tensor) -> Tensor:
        return self._attend(self._convolve(sound))

    def _name(self, origin: str) -> None:
        """Set the hash of the weights, and with it `encoder_id`."""
        self.origin = origin
        kind = f"{self.network.config.model_type}@{origin}"
        scale = "normalised" if self.normalise else "raw"
        self.encoder_id = f"{kind}/layer{self.layer}/{scale}/{self.alignment}/{self.fps:.10g}"

    def _cut(self, layer: int | None) -> int:
        """Leave out the layers above one, and return its number."""
        config, count = self.network.config, len(self.network.encoder.layers)
        if layer is None or layer == count:
            return count
        if isinstance(layer, bool) or not isinstance(layer, int) or not 1 <= layer <= count:
            raise UserError(f"The audio encoder has layers 1 to {count}, not {layer!r:.40}.")
        if config.do_stable_layer_norm:
            raise UserError("This network ends with a norm: take the features of its last layer.")
        del self.network.encoder.layers[layer:]
        config.num_hidden_layers = layer
        return layer

    def _frozen_parts(self) -> list[nn.Module]:
        network = self.network
        if self.freeze == "all":
            return [network]
        parts: list[nn.Module] = []
        if self.freeze != "none":
            parts.append(network.feature_extractor)
        if self.freeze == "first_two_layers":
            parts += [network.feature_projection, *network.encoder.layers[:2]]
        return parts


def _name_anew(encoder: PretrainedEncoder, _: object) -> None:
    """Hash loaded weights: features kept of the old ones must not be taken for theirs."""
    encoder._name(weights_hash(encoder.network))


@contextmanager
def _chance_of_torch() -> Iterator[None]:
    """Let NumPy's global chance follow from torch's, so that a resumed run draws the same masks."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(int(torch.randint(2**31, ())))  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002


def normalise_clip(audio: Tensor) -> Tensor:
    """Bring each clip of ``(batch, samples)`` to zero mean and unit variance.

    ``(x - mean) / sqrt(variance + 1e-7)``, as transformers' ``Wav2Vec2FeatureExtractor`` does. It
    needs the whole clip: what is said later changes all samples.
    """
    variance, mean = torch.var_mean(audio, dim=1, correction=0, keepdim=True)
    return (audio - mean) / (variance + _VARIANCE_FLOOR).sqrt()


def _in_pieces(sound: Tensor, step: int, network: Any) -> Tensor:
    """Run a network from ``(1, samples)`` to features on pieces of sound."""
    count = (sound.shape[1] - FIELD) // FEATURE_HOP + 1
    parts = []
    for first in range(0, count, step):
        last = min(first + step, count)
        begin, end = max(0, first - _CONTEXT_FEATURES), min(count, last + _CONTEXT_FEATURES)
        piece = sound[:, begin * FEATURE_HOP : (end - 1) * FEATURE_HOP + FIELD]
        parts.append(network(piece)[:, first - begin : last - begin])
    return torch.cat(parts, dim=1)


def _windows(features: Tensor, step: int, context: int, network: Any) -> Tensor:
    """Run a network from features to features on windows with context."""
    count, parts = features.shape[1], []
    for first in range(0, count, step):
        last, begin = min(first + step, count), max(0, first - context)
        parts.append(network(features[:, begin : last + context])[:, first - begin : last - begin])
    return torch.cat(parts, dim=1)
