"""Sizes and choices of GLDiTalker's first stage, with presets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

from talking_heads.models.prior_config import PUBLISHED_STEM, PriorConfig

SPATIAL = ("spiral", "random", "mlp")

TABLE_4: tuple[Mapping[str, int], ...] = (
    {"kernel": 5, "dilation": 1, "levels": 4},
    {"kernel": 9, "dilation": 1, "levels": 2},
    {"kernel": 9, "dilation": 1, "levels": 4},
    {"kernel": 9, "dilation": 2, "levels": 3},
    {"kernel": 9, "dilation": 2, "levels": 4},
)
"""The rows of GLDiTalker's Table 4, as changes of a configuration. The last one is the default."""


@dataclass(frozen=True)
class GraphVQVAEConfig(PriorConfig):
    """Sizes and choices of `talking_heads.models.GraphVQVAE`.

    The defaults are the ``course`` preset: on the 1,142 vertices of the course's skin at the low
    resolution the levels have 457, 183, 74 and 30 vertices. ``full`` is for a GPU on 4,510
    vertices: 1,504, 502, 168 and 56. ``mlp`` is ``course`` with the ablation's encoder. ``paper``
    has what GLDiTalker names, kernel, dilation, levels and beta, for BIWI; it names no other size,
    and so it has CodeTalker's over time and SpiralNet++'s factor and channels.
    """

    spatial: str = "spiral"
    """What turns a frame's vertices into a vector: "spiral" convolutions down a pyramid of meshes,
    or, as in the ablation of GLDiTalker's Table 3, an "mlp" that knows nothing of the mesh.
    "random" is ours: the spirals' convolutions, with random vertices in place of the neighbours. It
    tells what of a gain is due to the mesh."""
    kernel: int = 9
    """Vertices in a spiral. Paper: 9; 5 in Table 4."""
    dilation: int = 2
    """Every how many-th vertex along the spiral is taken. Paper: 2; 1 in Table 4."""
    levels: int = 4
    """Spiral convolutions, each followed by a coarser mesh. Paper: 4; 2 and 3 in Table 4."""
    factor: float = 2.5
    """How many times fewer vertices each level has. The paper names none; SpiralNet++: 4. Ours is
    2.5: on the course's mesh the coarsest level would otherwise have 5 vertices, fewer than the 18
    that a spiral of kernel 9 and dilation 2 runs through."""
    spiral_channels: tuple[int, ...] = (8, 16, 32, 32)
    """Numbers of a vertex after each convolution; the first `levels` of them count."""
    fusion: int = 0
    """Hidden numbers of the MLP that makes one vector of the coarsest level; 0: a linear map."""
    mlp_width: int | None = None
    """Hidden numbers of the "mlp" encoder; None for as many as give it the number of weights that
    the spiral encoder has, as near as whole numbers come."""
    decoder_hidden: int = 128
    """Hidden numbers of the spatial decoder, an MLP."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "course": {},
        "full": {
            "width": 192, "layers": 3, "heads": 6, "feed_forward": 512, "components": 16,
            "codes": 512, "factor": 3.0, "spiral_channels": (32, 32, 64, 64),
            "decoder_hidden": 192,
        },
        "paper": {
            "width": 1024, "layers": 6, "heads": 8, "feed_forward": 1536, "components": 8,
            "channels": 128, "positions": "sinusoid", **PUBLISHED_STEM, "factor": 4.0,
            "spiral_channels": (32, 32, 32, 64), "decoder_hidden": 1024,
        },
        "mlp": {"spatial": "mlp"},
    }  # fmt: skip

    def __post_init__(self) -> None:
        channels = self.spiral_channels
        if isinstance(channels, list):
            # As JSON gives it back.
            object.__setattr__(self, "spiral_channels", tuple(channels))
            channels = self.spiral_channels
        width = self.mlp_width
        whole = isinstance(channels, tuple) and all(
            type(c) is int and 0 < c <= 4096 for c in channels
        )
        self._check_prior(
            {
                "kernel": (1, 256),
                "dilation": (1, 64),
                "levels": (1, 16),
                "fusion": (0, 16_384),
                "decoder_hidden": (1, 16_384),
            },
            {
                f"spatial is one of {', '.join(SPATIAL)}": self.spatial in SPATIAL,
                "factor is above 1": self.factor > 1,
                "spiral_channels are whole numbers from 1 to 4096": whole,
                "spiral_channels has a number for each level": whole
                and self.levels <= len(channels) <= 16,
                "mlp_width is None or a whole number from 1 to 16384": width is None
                or (type(width) is int and 0 < width <= 16_384),
            },
        )

    def sizes(self, vertices: int) -> tuple[int, ...]:
        """Return the vertices of each level of the pyramid, the mesh itself first."""
        found = [vertices]
        for _ in range(self.levels):
            found.append(math.ceil(found[-1] / self.factor))
        return tuple(found)

    def all_channels(self) -> tuple[int, ...]:
        """Return the numbers of a vertex on each level: the 3 coordinates first."""
        return (3, *self.spiral_channels[: self.levels])

    def spiral_weights(self, vertices: int) -> int:
        """Return how many weights the spiral encoder has on a mesh of so many vertices."""
        channels = self.all_channels()
        convolutions = sum((self.kernel * a + 1) * b for a, b in pairwise(channels))
        widths = [self.sizes(vertices)[-1] * channels[-1], self.width]
        if self.fusion:
            widths.insert(1, self.fusion)
        return convolutions + sum((a + 1) * b for a, b in pairwise(widths))

    def mlp_hidden(self, vertices: int) -> int:
        """Return the hidden numbers of the "mlp" encoder on a mesh of so many vertices."""
        if self.mlp_width is not None:
            return self.mlp_width
        spare = self.spiral_weights(vertices) - self.width
        return max(1, round(spare / (3 * vertices + 1 + self.width)))
