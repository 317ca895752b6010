"""Sizes and choices of the motion priors, with presets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from talking_heads.layers.quantizer import STARTS
from talking_heads.layers.temporal import NORMS, POSITIONS, SCALES
from talking_heads.models.config import ModelConfig

BOTTLENECKS = ("vq", "vae", "none")
STEMS = ("residual", "published")


@dataclass(frozen=True)
class PriorConfig(ModelConfig):
    """What all motion priors can be told: the part over time and the bottleneck.

    "Code" below is CodeTalker's and StreamingTalker's published code, whose first stages are
    alike; "ours" is a choice of this course.
    """

    # Over time, in the encoder and once more in the decoder.
    width: int = 128
    """Numbers in a frame. Code: 1024."""
    layers: int = 2
    """Transformer layers. Code: 6."""
    heads: int = 4
    """Attention heads. Code: 8."""
    feed_forward: int = 256
    """Hidden numbers of the feed-forward part. Code: 1536."""
    dropout: float = 0.0
    """In training, within the transformer."""
    stem: str = "residual"
    """What stands before the transformer. Code, "published": LeakyReLU after the first linear map,
    a convolution with its norm, another linear map. Ours, "residual": a convolution that is added
    to its input and starts at zero, so that nothing is lost at first."""
    norm: str = "none"
    """After the convolution: "instance", "layer" or "none". Code: "instance", over time, so that
    every frame depends on the whole clip. With stem "residual" a norm takes the gentle start away:
    it blows the convolution's first small numbers up to size 1."""
    positions: str = "relative"
    """How attention knows time: see `talking_heads.layers.temporal.TemporalTransformer`.
    Code: "published", one vector for all frames of a clip; what was meant is "sinusoid"."""
    band: int | None = None
    """Frames on each side that a layer sees, only the past if causal; None for all, as in the
    code."""
    attention_scale: str = "head"
    """Scores are divided by the root of the width of a "head", or of the whole "width" (code)."""
    causal: bool = False
    """Whether nothing looks ahead, as live streaming needs. Code: no."""

    # The bottleneck.
    components: int = 8
    """Vectors in the latent of a frame, H. Code: 16 (VOCASET), 8 (BIWI)."""
    channels: int = 2
    """Numbers in each of them, C. Code: 64 (VOCASET), 128 (BIWI). Ours: at 8 codes a frame 2
    numbers leave less error than 4 or 8, and use more of the codebook."""
    project: bool = True
    """Whether a linear map leads from `width` to H x C numbers and one back. Code: yes on BIWI, no
    on VOCASET, where both are 1024."""
    bottleneck: str = "vq"
    """"vq": each vector becomes the nearest of a codebook. "vae": a mean and a variance for each
    number (StreamingTalker's ablation). "none": nothing, a plain autoencoder."""
    codes: int = 256
    """Vectors in the codebook, K. Code: 256; StreamingTalker on BIWI: 512."""
    beta: float = 0.25
    """Weight of the commitment loss against the codebook loss. Code: 0.25."""
    start: str = "data"
    """The codebook begins as latents of the first batch ("data") or "uniform" from -1/K to 1/K, as
    in the code."""
    decay: float | None = None
    """If given, codes are running means with this share of the past; else they are learned by
    their loss, as in the code."""
    restart: int = 50
    """A code that was not chosen in so many steps becomes a latent of the batch; 0: never, as in
    the code."""
    kl_weight: float = 1e-4
    """Weight of the VAE's divergence, a mean over frames and numbers, in nats. Ours: the papers
    name none."""

    # Training.
    principal_start: bool = True
    """Whether the first and the last linear map start as principal components of the training
    motion. Ours: the rest then learns on what moves most, from the first step."""

    def __post_init__(self) -> None:
        self._check_prior({})

    def _check_prior(
        self, sizes: Mapping[str, tuple[int, int]], rules: Mapping[str, bool] | None = None
    ) -> None:
        """Check the fields of all priors, and sizes and rules of one kind."""
        own = {
            "width": (1, 16_384),
            "layers": (1, 128),
            "heads": (1, 1024),
            "feed_forward": (1, 16_384),
            "components": (1, 1024),
            "channels": (1, 16_384),
            "codes": (1, 65_536),
            "restart": (0, 1_000_000),
        }
        self._check({**own, **sizes})
        band, decay = self.band, self.decay
        numbers = self.components * self.channels
        self._obey(
            {
                "width is a multiple of heads": self.width % self.heads == 0,
                "width is even, for positions": self.width % 2 == 0
                or self.positions in ("relative", "none"),
                "dropout is below 1": self.dropout < 1,
                f"stem is one of {', '.join(STEMS)}": self.stem in STEMS,
                f"norm is one of {', '.join(NORMS)}": self.norm in NORMS,
                f"positions is one of {', '.join(POSITIONS)}": self.positions in POSITIONS,
                f"attention_scale is one of {', '.join(SCALES)}": self.attention_scale in SCALES,
                f"bottleneck is one of {', '.join(BOTTLENECKS)}": self.bottleneck in BOTTLENECKS,
                f"start is one of {', '.join(STARTS)}": self.start in STARTS,
                "band is None or a whole number from 0 to 16384": band is None
                or (type(band) is int and 0 <= band <= 16_384),
                "decay is None or from 0 to below 1": decay is None
                or (type(decay) in (int, float) and 0 <= decay < 1),
                "components times channels is at most 16384": numbers <= 16_384,
                "causal goes with norm layer or none: an instance norm sees the whole clip": not (
                    self.causal and self.norm == "instance"
                ),
                "causal goes with positions relative or none: the others end somewhere": not (
                    self.causal and self.positions in ("sinusoid", "published")
                ),
                "without project width is components times channels, and there is no vae": (
                    self.project or (self.width == numbers and self.bottleneck != "vae")
                ),
                "principal_start goes with stem residual": self.stem == "residual"
                or not self.principal_start,
                **(rules or {}),
            }
        )


PUBLISHED_STEM: Mapping[str, Any] = {
    "stem": "published", "norm": "instance", "start": "uniform", "restart": 0,
    "principal_start": False,
}  # fmt: skip
"""What the papers' code does beside the sizes; neither of the papers tells of the norm."""

_VOCASET: Mapping[str, Any] = {
    "width": 1024, "layers": 6, "heads": 8, "feed_forward": 1536, "components": 16, "channels": 64,
    "codes": 256, "positions": "sinusoid", "project": False, **PUBLISHED_STEM,
}  # fmt: skip


@dataclass(frozen=True)
class MotionVQVAEConfig(PriorConfig):
    """Sizes and choices of `talking_heads.models.MotionVQVAE`.

    The defaults are the ``course`` preset. ``full`` is for a GPU on the same corpus. ``paper`` is
    the first stage of CodeTalker and StreamingTalker for VOCASET, ``paper_biwi`` that for BIWI,
    both with positions that tell the time; ``published`` is ``paper`` with the positions and the
    attention's scale of the published code. What that code has and this has not: a dropout of 0.1
    behind the positions, GELU by its tanh formula, queries, keys and values without a bias, and
    losses of offsets in the data's own unit; here they are normalised. The others are ``course``
    with one thing changed: ``causal`` sees no frame ahead and 25 back in a layer, ``vae`` and
    ``autoencoder`` have another bottleneck.
    """

    codes: int = 1024
    """Code: 256; StreamingTalker on BIWI: 512. Ours: codes of 2 numbers are cheap, and with 1,024
    of them 16 numbers a frame keep new speakers' lips better than 16 principal components do;
    with 256 they do not, after as many steps (one run each)."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "course": {},
        "full": {
            "width": 192, "layers": 3, "heads": 6, "feed_forward": 512, "components": 16,
        },
        "paper": _VOCASET,
        # CodeTalker has 256 codes for BIWI, too.
        "paper_biwi": {
            **_VOCASET, "components": 8, "channels": 128, "codes": 512, "project": True,
        },
        "published": {**_VOCASET, "positions": "published", "attention_scale": "width"},
        "causal": {"causal": True, "band": 25},
        "vae": {"bottleneck": "vae"},
        "autoencoder": {"bottleneck": "none"},
    }  # fmt: skip
