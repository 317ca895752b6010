"""How long and how fast to train, with presets."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from talking_heads.errors import UserError
from talking_heads.models.loading import network_class
from talking_heads.training.augment import Augmentation

SCHEDULES = ("cosine", "constant", "halving")
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
    """Steps in which it rises to the peak."""
    schedule: str = "cosine"
    """What it does then: fall along a "cosine", stay "constant" as in the paper, or "halving":
    fall to the half again and again, as in the papers with a quantized space of motion."""
    final_rate: float = 0.02
    """Share of the peak at which the cosine ends."""
    halve_epochs: int = 20
    """Epochs, passes over the training clips, between two halvings. CodeTalker and GLDiTalker: 20
    on VOCASET; GLDiTalker 50 and StreamingTalker's code 40 on BIWI."""
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
        name : str
            Of the preset: one of those of the model's configuration.
        model : str
            A model or a motion prior, by the name that `talking_heads.models.network_class` knows.

        Raises
        ------
        UserError
            If there is no such model or preset.
        """
        network_class(model).config_type.preset(name)
        presets = _PRESETS[model]
        # Variants of a network, such as a causal one, train as the course's does.
        return cls(**presets.get(name, presets["course"]))

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "crop", "warm_up", "halve_epochs", "save_every"):
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
        if self.schedule not in SCHEDULES:
            raise UserError(
                f"For training, schedule is {', '.join(SCHEDULES)}, not {self.schedule!r:.60}."
            )

    def fitted_to(self, channels: int, processes: int = 1) -> TrainConfig:
        """Return the settings with no more clips in a batch than a laptop's memory holds.

        Parameters
        ----------
        channels : int
            Numbers in a frame of motion.
        processes : int
            Which share the batch equally: of a smaller batch each has as many clips.

        Returns
        -------
        TrainConfig
            The same for coefficients and for the 5,023 vertices of VOCASET; 5 clips of 100 frames
            for the 23,370 of BIWI. A step needs some ten times the batch's own size.
        """
        most = _MOST_NUMBERS // (self.crop * channels)
        if most >= self.batch:
            return self
        return dataclasses.replace(self, batch=max(1, most // processes) * processes)

    def learning_rate_at(self, step: int, clips: int = 1) -> float:
        """Return the learning rate's share of its peak.

        Parameters
        ----------
        step : int
            From 0.
        clips : int
            For training, all in all: what an epoch is, for the schedule ``"halving"``.
        """
        if step < self.warm_up:
            return (step + 1) / self.warm_up
        if self.schedule == "constant":
            return 1.0
        if self.schedule == "halving":
            epoch = step * self.batch // clips
            return float(0.5 ** (epoch // self.halve_epochs))
        done = (step - self.warm_up) / max(1, self.steps - self.warm_up)
        fall = 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
        return self.final_rate + (1 - self.final_rate) * fall

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as a dict that JSON can hold."""
        return dataclasses.asdict(self)


_PRIOR: dict[str, Any] = {
    "steps": 1500, "batch": 16, "crop": 64, "warm_up": 50, "ema": 0.99,
}  # fmt: skip
"""Of a motion prior that learns in minutes."""
_PRIOR_FULL = {"steps": 20_000, "batch": 64, "learning_rate": 5e-4, "warm_up": 500, "ema": 0.9995}
_PRIOR_PAPER: dict[str, Any] = {
    "crop": 1000, "learning_rate": 1e-4, "warm_up": 1, "schedule": "halving", "ema": 0.0,
}  # fmt: skip
"""What the papers share: AdamW, whole clips, no running mean. Clipped gradients are ours."""

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
            "warm_up": 1, "schedule": "constant", "ema": 0.9999,
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
            "schedule": "constant", "weight_decay": 0.0, "ema": 0.999,
        },
    },
    "motion_vqvae": {
        "course": _PRIOR | {"steps": 3000},
        "full": _PRIOR_FULL,
        # StreamingTalker's code: 300 epochs of the 314 clips of VOCASET, 400 of the 192 of BIWI.
        # CodeTalker: 200 epochs of batches of 1; on BIWI its rate stays.
        "paper": _PRIOR_PAPER | {"steps": 47_100, "batch": 2},
        "paper_biwi": _PRIOR_PAPER | {"steps": 76_800, "batch": 1, "halve_epochs": 40},
        "published": _PRIOR_PAPER | {"steps": 47_100, "batch": 2},
    },
    "graph_vqvae": {
        # A step takes about twice as long as one of motion_vqvae.
        "course": _PRIOR | {"steps": 1000},
        "full": _PRIOR_FULL,
        # 200 epochs of the clips of VOCASET. On BIWI the rate is halved every 50.
        "paper": _PRIOR_PAPER | {"steps": 62_800, "batch": 1},
    },
}  # fmt: skip
