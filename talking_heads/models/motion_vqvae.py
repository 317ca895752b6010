"""The motion VQ-VAE, the first stage of CodeTalker and StreamingTalker.

After Xing et al. 2023 (CodeTalker) and Yang et al. 2025 (StreamingTalker), whose first stages are
alike: a linear map from a frame's numbers to a vector, a convolution and a transformer over time, a
codebook for each of H parts of the vector, and the same backwards. The losses are the mean absolute
error of the motion and the quantization loss.

Their published code does some things that the papers do not tell; each is a choice in
`talking_heads.models.MotionVQVAEConfig`, and all of them together are its preset ``published``. The
preset ``causal`` looks at no frame ahead.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from talking_heads.models.contract import MotionContract
from talking_heads.models.motion_prior import MotionPrior
from talking_heads.models.principal import principal_components, training_frames, whitening
from talking_heads.models.prior_config import MotionVQVAEConfig

_PCA_FRAMES = 3000
"""Training frames for the principal components."""


class MotionVQVAE(MotionPrior):
    """A transformer VQ-VAE of facial motion, of coefficients or of any mesh.

    Parameters
    ----------
    config : MotionVQVAEConfig
        Sizes and choices.
    contract : MotionContract
        What a frame of motion holds and how it is normalised.
    """

    model_type = "motion_vqvae"
    config_type = MotionVQVAEConfig
    config: MotionVQVAEConfig

    def __init__(self, config: MotionVQVAEConfig, contract: MotionContract) -> None:
        super().__init__(config, contract)
        self.motion_in = nn.Linear(contract.motion_dim, config.width)
        self.motion_out = nn.Linear(config.width, contract.motion_dim)

    def spatial_encode(self, motion: Tensor) -> Tensor:
        """Map ``(batch, frame, channel)`` to ``(batch, frame, width)``: a linear map."""
        hidden: Tensor = self.motion_in(motion)
        if self.config.stem == "published":
            hidden = functional.leaky_relu(hidden, 0.2)
        return hidden

    def spatial_decode(self, hidden: Tensor) -> Tensor:
        """Map ``(batch, frame, width)`` to ``(batch, frame, channel)``: a linear map."""
        out: Tensor = self.motion_out(hidden)
        return out

    @torch.no_grad()
    def prepare(self, batch: Callable[[int, int], dict[str, Tensor]], clips: int) -> None:
        """Start the outer linear maps as principal components, where `principal_start` says so.

        The first one gives each component about unit variance, the last one undoes that. Where
        the motion has fewer components than there are numbers, the others stay random in the first
        map and become 0 in the last.
        """
        if not self.config.principal_start:
            return
        frames = training_frames(self, batch, clips, _PCA_FRAMES)
        middle, components = principal_components(frames, self.config.width)
        inward, outward = whitening(components)
        self.motion_in.weight[: len(inward)] = inward
        self.motion_in.bias.zero_()
        self.motion_in.bias[: len(inward)] = -(inward @ middle)
        self.motion_out.weight.zero_()
        self.motion_out.weight[:, : len(inward)] = outward
        self.motion_out.bias.copy_(middle)
