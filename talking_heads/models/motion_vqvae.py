"""The motion VQ-VAE, the first stage of CodeTalker and StreamingTalker.

After Xing et al. 2023 (CodeTalker) and Yang et al. 2025 (StreamingTalker), whose first stages are
alike: a linear map from a frame's numbers to a vector, a convolution and a transformer over time, a
codebook for each of H parts of the vector, and the same backwards. The losses are the mean absolute
error of the motion and the quantization loss.

Their published code does some things that the papers do not tell; each is a choice in
`talking_heads.models.MotionVQVAEConfig`, and together they are its preset ``published``; what
remains different is told there. The preset ``causal`` looks at no frame ahead.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from talking_heads.models.contract import MotionContract
from talking_heads.models.motion_prior import MotionPrior
from talking_heads.models.principal import start_as_components
from talking_heads.models.prior_config import MotionVQVAEConfig


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
        return hidden

    def spatial_decode(self, hidden: Tensor) -> Tensor:
        """Map ``(batch, frame, width)`` to ``(batch, frame, channel)``: a linear map."""
        out: Tensor = self.motion_out(hidden)
        return out

    def prepare(self, batch: Callable[[int, int], dict[str, Tensor]], clips: int) -> None:
        """Start both linear maps as principal components, where `principal_start` says so."""
        if self.config.principal_start:
            start_as_components(self, batch, clips, self.motion_out, self.motion_in)
