"""Sizes and choices of the models, as frozen dataclasses with presets."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from talking_heads.errors import UserError

_LARGEST = 16_384
"""No size in a configuration is above this; a larger one is a damaged file."""
_DEEPEST = 128
"""No network has more layers: thousands would take minutes to build before the error shows."""


@dataclass(frozen=True)
class ModelConfig:
    """What the configurations of all models share: presets, and the way to JSON and back."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """What each preset changes of the defaults."""
    follow_fps: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Fields that are the frame rate, rounded, in a preset."""
    preset_encoders: ClassVar[Mapping[str, str]] = {}
    """The audio encoder with which a preset is trained, by a name that
    `talking_heads.speech.encoders.load_encoder` knows; where there is none, the one that the
    configuration describes."""

    @classmethod
    def preset(cls, name: str, fps: float = 25.0) -> Self:
        """Return a preset.

        Parameters
        ----------
        name : {"course", "full", "paper"}
            ``course`` learns in minutes on a CPU; ``full`` is for a GPU on the same corpus;
            ``paper`` has the paper's sizes, with our sound features in place of theirs.
        fps : float
            Frames a second of the motion, where a preset follows the rate: see `follow_fps`.

        Raises
        ------
        UserError
            If there is no such preset.
        """
        if name not in cls.presets:
            raise UserError(f"There is no preset {name!r}. Choose from: {', '.join(cls.presets)}.")
        changes = dict(cls.presets[name])
        changes |= dict.fromkeys(cls.follow_fps.get(name, ()), max(1, round(fps)))
        return cls(**changes)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build a configuration from what a ``config.json`` holds.

        Raises
        ------
        UserError
            If a field is unknown, missing or not usable.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        strange, missing = sorted(set(values) - known), sorted(known - set(values))
        if strange or missing:
            words = [f"unknown: {', '.join(strange)}"] if strange else []
            words += [f"missing: {', '.join(missing)}"] if missing else []
            raise UserError(
                f"The model's config.json does not fit this version of the course "
                f"({'; '.join(words)[:200]})."
            )
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict that JSON can hold."""
        return dataclasses.asdict(self)

    def _check(self, sizes: Mapping[str, tuple[int, int]]) -> None:
        """Refuse sizes that are no whole number within limits, and fields of another type."""
        for name, (least, most) in sizes.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise UserError(
                    f"In a model's configuration {name} is a whole number from {least} to "
                    f"{most}, not {value!r}."
                )
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type == "bool" and type(value) is not bool:
                raise UserError(f"{field.name} in a model's configuration is not true or false.")
            if field.type == "float":
                if type(value) not in (int, float) or not 0 <= value < 1e6:
                    raise UserError(f"{field.name} in a model's configuration is not a number.")
                object.__setattr__(self, field.name, float(value))

    def _obey(self, rules: Mapping[str, bool]) -> None:
        """Refuse the configuration if one of the rules is not kept."""
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            raise UserError(f"In a model's configuration {broken[0]}; this one breaks that.")


@dataclass(frozen=True)
class DiffSpeakerConfig(ModelConfig):
    """Sizes and choices of `talking_heads.models.DiffSpeaker`.

    The defaults are the ``course`` preset. "Paper" below is DiffSpeaker (Ma et al. 2024), "code"
    its published code, "ours" a choice of this course.
    """

    # The network that denoises.
    width: int = 128
    """Numbers in a token. Paper: 512 (VOCASET), 1024 (BIWI)."""
    layers: int = 3
    """Decoder layers. Code: 1."""
    heads: int = 4
    """Attention heads. Code: 4."""
    feed_forward: int = 256
    """Hidden numbers of the feed-forward part. Code: twice the width."""
    dropout: float = 0.05
    """Code: 0.1."""
    bias_period: int = 1
    """Frames that share one level of the self-attention bias. Paper: the frame rate. Ours: every
    frame has its own level, which a small model learns from faster."""
    self_bias: bool = True
    """Whether self-attention is biased at all (paper's ablation "w/o Self-Bias")."""
    cross_band: int = 0
    """Audio features on each side that a frame may look at. Paper: 0, the diagonal only; -1 opens
    everything (ablation "w/o Cross-Bias")."""
    condition_self: bool = True
    """Whether self-attention sees style and step (ablation "w/o Cond-Self-Attn")."""
    position_period: int = 25
    """Frames after which the positions repeat. Paper: the frame rate; 0 for none."""
    add_conditions: bool = True
    """Also add style and step to every motion token. Paper: no. Ours: it learns faster."""
    final_norm: bool = True
    """Layer norm before the output. Code: no."""
    step_code: int = 128
    """Numbers in the sinusoidal code of the diffusion step. Code: 768."""

    # The network that listens, unless another is given, as by `preset_encoders`. What the papers
    # take stands in `talking_heads.speech.encoders.PAPERS`.
    encoder_width: int = 128
    """Numbers in an audio feature. Paper: HuBERT's 768."""
    encoder_blocks: int = 5
    """Residual convolutions over time."""
    encoder_kernel: int = 5
    """Frames that each of them sees."""
    encoder_look_ahead: int | None = None
    """Motion frames of future that a feature hears; None for as many as of past."""
    encoder_dropout: float = 0.05

    # Diffusion.
    diffusion_steps: int = 1000
    """Noise levels in training. Paper: 1000."""
    beta_start: float = 0.00085
    """First noise variance of the scaled linear schedule. Code: 0.00085."""
    beta_end: float = 0.012
    """Last noise variance. Code: 0.012."""
    sampling_steps: int = 12
    """Denoising steps. Code: 50. On the course corpus 5 are as good as 50."""
    sampling_spacing: str = "trailing"
    """Which steps. Code: "leading" with an offset of 1; see `sampling_timesteps`."""
    blink_temperature: float = 1.4
    """Scale of the starting noise in the two channels of the lids. A small model sees too few
    blinks in plain noise (1.0: 4 a minute, where the corpus has 21); more noise there gives more
    of them and leaves the lips as they are. Ours."""
    legacy_ddim: bool = False
    """The DDIM rule of the published code; see `talking_heads.diffusion.sampling`."""

    # Training.
    style_dropout: float = 0.15
    """How often a speaker's style is replaced by the average speaker's in training. Ours. Paper:
    0, which leaves the average speaker untrained: such a model needs a speaker's name."""
    velocity_weight: float = 1.0
    """Weight of the velocity loss against the motion loss. Paper: 1."""
    mouth_weight: float = 0.3
    """Weight of the mouth's linearised vertex error, per mm^2. Ours."""
    aperture_weight: float = 0.1
    """Weight of the linearised lip aperture error, per mm^2. Ours."""
    closure_weight: float = 2.0
    """How much more nearly closed lips count in it. Ours."""

    # Long audio.
    window: int = 200
    """Frames that are denoised together; longer motions are made of overlapping windows. Ours."""
    overlap: int = 50
    """Frames that neighbouring windows share. Ours."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "course": {},
        "full": {
            "width": 256, "layers": 5, "heads": 8, "feed_forward": 512, "dropout": 0.1,
            "encoder_width": 256, "encoder_blocks": 6, "sampling_steps": 25,
        },
        "paper": {
            "width": 512, "layers": 1, "heads": 4, "feed_forward": 1024, "dropout": 0.1,
            "add_conditions": False, "final_norm": False, "step_code": 768,
            "encoder_width": 512, "encoder_blocks": 6, "sampling_steps": 50,
            "style_dropout": 0.0, "mouth_weight": 0.0, "aperture_weight": 0.0,
            "closure_weight": 0.0,
            "blink_temperature": 1.0,
        },
    }  # fmt: skip
    follow_fps: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "paper": ("bias_period", "position_period")
    }
    preset_encoders: ClassVar[Mapping[str, str]] = {
        "course": "small_hubert",
        "full": "small_hubert",
    }

    def __post_init__(self) -> None:
        sizes = {
            "width": 1, "layers": 1, "heads": 1, "feed_forward": 1, "bias_period": 1,
            "position_period": 0, "step_code": 2, "encoder_width": 1, "encoder_blocks": 0,
            "encoder_kernel": 1, "diffusion_steps": 1, "sampling_steps": 1, "window": 2,
            "overlap": 0, "cross_band": -1,
        }  # fmt: skip
        deep = ("layers", "encoder_blocks")
        self._check({n: (least, _DEEPEST if n in deep else _LARGEST) for n, least in sizes.items()})
        reach = self.encoder_blocks * (self.encoder_kernel - 1)
        ahead = self.encoder_look_ahead
        rules = {
            "width is a multiple of twice the heads": self.width % (2 * self.heads) == 0,
            "step_code is even": self.step_code % 2 == 0,
            "encoder_kernel is odd": self.encoder_kernel % 2 == 1,
            "overlap is below window": self.overlap < self.window,
            "sampling_steps is at most diffusion_steps": self.sampling_steps
            <= self.diffusion_steps,
            f"encoder_look_ahead is from 0 to {reach}": ahead is None
            or (type(ahead) is int and 0 <= ahead <= reach),
            "dropouts are below 1": max(self.dropout, self.encoder_dropout, self.style_dropout) < 1,
            "0 < beta_start <= beta_end < 1": 0 < self.beta_start <= self.beta_end < 1,
            "sampling_spacing is trailing, leading or linspace": self.sampling_spacing
            in ("trailing", "leading", "linspace"),
        }
        self._obey(rules)
