"""How long and how fast to train, with presets."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from talking_heads.errors import UserError
from talking_heads.training.augment import Augmentation

_MOST_NUMBERS = 40_000_000
"""Of motion in a batch on a laptop: 160 MB."""


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a training run. The defaults are DiffSpeaker's ``course`` preset."""

    steps: int = 3000
    """Updates of the weights."""
    batch: int = 24
    """Clips in a batch. Paper (DiffSpeaker): 32."""
    crop: int = 100
    """Longest piece of a clip, in frames."""
    learning_rate: float = 2e-3
    """Peak of the learning rate. Paper: 1e-4, constant."""
    encoder_rate: float = 0.2
    """Learning rate of a pretrained audio encoder, as a share of the others'. Paper: 1. Ours: what
    it knows of speech shall be bent, not forgotten. A log-mel encoder begins with random weights,
    and learns as fast as the rest."""
    warm_up: int = 100
    """Steps in which it rises to the peak; then it falls along a cosine."""
    final_rate: float = 0.02
    """Share of the peak at which it ends; 1 keeps it constant, as the paper does."""
    weight_decay: float = 0.01
    """AdamW's."""
    clip_norm: float = 1.0
    """Longest gradient."""
    ema: float = 0.995
    """Decay of the running mean of the weights, which is what is kept in the end."""
    save_every: int = 200
    """Steps between checkpoints to resume from."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    """Changes of the sound that a head should not care about."""

    @classmethod
    def preset(cls, name: str, model: str = "diff_speaker") -> TrainConfig:
        """Return the settings that go with a model's preset.

        Parameters
        ----------
        name : {"course", "full", "paper"}
            Of the preset.
        model : str
            One of `talking_heads.models.MODELS`.

        Raises
        ------
        UserError
            If there is no such model or preset.
        """
        if model not in _PRESETS:
            raise UserError(f"There is no model {model!r:.60}. Choose from: {', '.join(_PRESETS)}.")
        presets = _PRESETS[model]
        if name not in presets:
            raise UserError(f"There is no preset {name!r:.60}. Choose from: {', '.join(presets)}.")
        return cls(**presets[name])

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "crop", "warm_up", "save_every"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise UserError(f"For training, {name} is a whole number from 1, not {value!r}.")
        if not 0 < self.encoder_rate <= 1:
            raise UserError(
                f"For training, encoder_rate is above 0 and at most 1, not {self.encoder_rate!r}."
            )
        if not 0 <= self.ema < 1:
            raise UserError(f"For training, ema is from 0 to below 1, not {self.ema!r}.")
        if not 0 <= self.final_rate <= 1:
            raise UserError(f"For training, final_rate is from 0 to 1, not {self.final_rate!r}.")

    def fitted_to(self, channels: int) -> TrainConfig:
        """Return the settings with no more clips in a batch than a laptop's memory holds.

        Parameters
        ----------
        channels : int
            Numbers in a frame of motion.

        Returns
        -------
        TrainConfig
            The same for coefficients and for the 5,023 vertices of VOCASET; 5 clips of 100 frames
            for the 23,370 of BIWI. A step needs some ten times the batch's own size.
        """
        most = _MOST_NUMBERS // (self.crop * channels)
        return dataclasses.replace(self, batch=max(1, min(self.batch, most)))

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate's share of its peak at ``step``, counted from 0."""
        if step < self.warm_up:
            return (step + 1) / self.warm_up
        done = (step - self.warm_up) / max(1, self.steps - self.warm_up)
        fall = 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
        return self.final_rate + (1 - self.final_rate) * fall

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as a dict that JSON can hold."""
        return dataclasses.asdict(self)


_PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    # The paper names batch and learning rate; the number of steps, the running mean and the
    # augmentation are ours.
    "diff_speaker": {
        "course": {},
        "full": {
            "steps": 20_000, "batch": 64, "learning_rate": 5e-4, "warm_up": 500, "ema": 0.9995
        },
        "paper": {
            "steps": 100_000, "batch": 32, "learning_rate": 1e-4, "encoder_rate": 1.0,
            "warm_up": 1, "final_rate": 1.0, "ema": 0.9999,
        },
    },
    # VOCA: 1e-4, constant; 100 epochs of batches of 64 pairs of frames, which are about 60,000
    # steps on VOCASET. Our batches hold pieces of clips, because the windows of neighbouring frames
    # share their work; two pieces of 64 frames are as many frames as 64 pairs.
    "conv_regressor": {
        "course": {"steps": 1500},
        "full": {"steps": 20_000, "batch": 64, "learning_rate": 1e-3, "ema": 0.9995},
        "paper": {
            "steps": 60_000, "batch": 2, "crop": 64, "learning_rate": 1e-4, "warm_up": 1,
            "final_rate": 1.0, "weight_decay": 0.0, "ema": 0.999,
        },
    },
}  # fmt: skip
