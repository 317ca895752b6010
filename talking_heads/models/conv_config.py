"""Sizes and choices of the convolutional regressor, with presets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from talking_heads.models.config import ModelConfig


@dataclass(frozen=True)
class ConvRegressorConfig(ModelConfig):
    """Sizes and choices of `talking_heads.models.ConvRegressor`.

    The defaults are the ``course`` preset. "Paper" below is VOCA (Cudeiro et al. 2019), "code" its
    published code, "ours" a choice of this course. On the course corpus (12 speakers, 52
    channels) ``course`` has 166,158 weights, ``full`` 657,294 and ``paper`` 49,710.
    """

    # The convolutions over a frame's window of log-mel features.
    width: int = 64
    """Channels of the first half of the convolutions; the second half has twice as many. Paper: 32,
    32, 64, 64."""
    convolutions: int = 4
    """Convolutions over time, each with stride 2. Paper: 4."""
    kernel: int = 4
    """Steps that each of them sees. Paper: 3. Ours is even, which centres the window on its
    frame."""
    remain: int = 1
    """Steps that are left of the window in the end. Paper: 1. With the kernel it decides how long
    the window is: see `window`."""

    # The layers after them.
    hidden: int = 128
    """Numbers in the tanh layer. Paper: 128."""
    codes: int = 50
    """Numbers from which the motion is a linear map. Paper: 50."""
    pca: bool = True
    """Start that map as principal components of the training motion. Paper: yes."""
    dropout: float = 0.1
    """In the tanh layer, while training. Paper: 0. Ours: a dozen speakers are soon known by
    heart."""

    # Training.
    style_dropout: float = 0.15
    """How often a speaker's one-hot is replaced by the average speaker's in training. Ours. Paper:
    0, which leaves the average speaker untrained: such a model needs a speaker's name."""
    velocity_weight: float = 1.0
    """Weight of the velocity loss against the position loss. Code: 10, at 60 frames a second, where
    a step is less than half as far as at 25."""
    mouth_weight: float = 0.3
    """Weight of the mouth's linearised vertex error, per mm^2, for coefficients. Ours; paper: 0."""
    aperture_weight: float = 0.1
    """Weight of the linearised lip aperture error, per mm^2, for coefficients. Ours; paper: 0."""
    closure_weight: float = 2.0
    """How much more nearly closed lips count in it. Ours."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "course": {},
        "full": {"width": 128, "remain": 2, "hidden": 256},
        "paper": {
            "width": 32, "kernel": 3, "hidden": 128, "dropout": 0.0, "style_dropout": 0.0,
            "velocity_weight": 10.0, "mouth_weight": 0.0, "aperture_weight": 0.0,
            "closure_weight": 0.0,
        },
    }  # fmt: skip

    def __post_init__(self) -> None:
        self._check(
            {
                "width": (1, 4096),
                "convolutions": (1, 8),
                "kernel": (2, 15),
                "remain": (1, 64),
                "hidden": (1, 16_384),
                "codes": (1, 16_384),
            }
        )
        self._obey(
            {
                "dropouts are below 1": max(self.dropout, self.style_dropout) < 1,
                "the window has at most 1,000 mel frames": self.window <= 1000,
            }
        )

    @property
    def window(self) -> int:
        """Mel frames of 10 ms that a motion frame hears: 46 (``course``), 62 or 31 (``paper``).

        The paper's window holds 16 steps of 1/60 s: 0.27 s. But each of its features, from a
        recurrent network for speech recognition, knows the whole sentence, and ours know 25 ms.
        """
        size = self.remain
        for _ in range(self.convolutions):
            size = 2 * (size - 1) + self.kernel
        return size
