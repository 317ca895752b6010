"""GLDiTalker's first stage: a VQ-VAE of facial motion whose encoder knows the mesh.

After Lin et al. 2024 (GLDiTalker), equations 1 to 8. Each frame goes down a pyramid of meshes by
spiral convolutions ("Spatial Pyramidal SpiralConv Encoder"); what is left is flattened and fused
into one vector. A transformer looks over time, a codebook rounds the H parts of each frame's
vector, another transformer looks over time, and an MLP makes the vertices. The losses are the mean
absolute error of the motion and the quantization loss.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor, nn

from talking_heads.errors import UserError
from talking_heads.layers.spiral import SpiralPyramid
from talking_heads.models.config import ModelConfig
from talking_heads.models.contract import MotionContract
from talking_heads.models.graph_config import GraphVQVAEConfig
from talking_heads.models.motion_prior import MotionPrior
from talking_heads.models.principal import start_as_components

if TYPE_CHECKING:
    from talking_heads.corpus.heads import Head
    from talking_heads.geometry.pyramid import MeshPyramid
    from talking_heads.speech.encoder import AudioEncoder

_FRAMES = 64
"""Frames that go down the pyramid at once where nothing is learned: on 23,370 vertices each takes
about 2 MB."""


class GraphVQVAE(MotionPrior):
    """A VQ-VAE of a mesh's motion with spiral convolutions, or with an MLP for comparison.

    Parameters
    ----------
    config : GraphVQVAEConfig
        Sizes and choices.
    contract : MotionContract
        Of vertices.
    pyramid : MeshPyramid, optional
        Of the contract's mesh, with the levels of the configuration; `untrained` builds it.
        Without one, the spirals are blank until weights are loaded: they are part of the state, and
        a checkpoint needs no mesh. The "mlp" encoder has none.

    Raises
    ------
    UserError
        If the contract is of coefficients, or the pyramid of another mesh or other levels.
    """

    model_type = "graph_vqvae"
    config_type = GraphVQVAEConfig
    config: GraphVQVAEConfig

    def __init__(
        self,
        config: GraphVQVAEConfig,
        contract: MotionContract,
        pyramid: MeshPyramid | None = None,
    ) -> None:
        if contract.kind != "vertices":
            raise UserError(
                "A graph_vqvae learns the vertices of a mesh, no coefficients.\n"
                "Train it on a view such as vertices@low, or take motion_vqvae."
            )
        super().__init__(config, contract)
        vertices = contract.vertices
        sizes, channels = config.sizes(vertices), config.all_channels()
        self.spiral: SpiralPyramid | None = None
        if config.spatial == "mlp":
            hidden = config.mlp_hidden(vertices)
            self.fusion = _mlp(3 * vertices, hidden, config.width)
        else:
            if pyramid is None:
                self.spiral = SpiralPyramid.blank(sizes, config.kernel, channels)
            else:
                if (pyramid.sizes, pyramid.kernel) != (sizes, config.kernel):
                    raise UserError(
                        f"The pyramid has levels of {pyramid.sizes} vertices and spirals of "
                        f"{pyramid.kernel}; the configuration needs {sizes} and {config.kernel}."
                    )
                self.spiral = SpiralPyramid.from_pyramid(pyramid, channels)
            self.fusion = _mlp(sizes[-1] * channels[-1], config.fusion, config.width)
        self.motion_out = _mlp(config.width, config.decoder_hidden, 3 * vertices)

    @classmethod
    def untrained(
        cls,
        config: ModelConfig,
        contract: MotionContract,
        *,
        encoder: AudioEncoder | None = None,
        head: Head | None = None,
    ) -> Self:
        """Build the network for training; the spiral encoder needs a head of the corpus.

        Raises
        ------
        UserError
            If an encoder is given; if the head is missing, is of another mesh than the contract, or
            its data set has no triangles.
        """
        if encoder is not None:
            cls.check_takes_encoder()
        assert isinstance(config, GraphVQVAEConfig)
        if config.spatial == "mlp" or contract.kind != "vertices":
            return cls(config, contract)
        if head is None or not len(head.triangles):
            raise UserError(
                "A graph_vqvae needs the triangles of the mesh, and there are none.\n"
                "Get the data set's mesh file, or take motion_vqvae."
            )
        if len(head.vertices) != contract.vertices:
            raise UserError(
                f"The head {head.id} has {len(head.vertices):,} vertices, the motion "
                f"{contract.vertices:,}."
            )
        from talking_heads.geometry.pyramid import build_pyramid

        pyramid = build_pyramid(
            head.vertices,
            head.triangles,
            [config.factor] * config.levels,
            config.kernel,
            config.dilation,
        )
        network = cls(config, contract, pyramid)
        if config.spatial == "random":
            network._scramble()
        return network

    def _scramble(self) -> None:
        """Replace the neighbours in all spirals by random vertices of their level."""
        assert self.spiral is not None
        for size, layer in zip(
            self.config.sizes(self.contract.vertices), self.spiral.convolutions, strict=False
        ):
            spirals = layer.spirals
            assert isinstance(spirals, Tensor)
            spirals[:, 1:] = torch.randint(size, spirals[:, 1:].shape)

    @classmethod
    def _assembled(
        cls,
        config: ModelConfig,
        contract: MotionContract,
        encoder: dict[str, Any] | None,
        tensors: dict[str, Tensor],
    ) -> Self:
        assert isinstance(config, GraphVQVAEConfig)
        sizes = config.sizes(contract.vertices)
        for level in range(config.levels):
            found = tensors.get(f"spiral.convolutions.{level}.spirals")
            if found is not None:
                _check_spirals(found, sizes[level])
        return cls(config, contract)

    def spatial_encode(self, motion: Tensor) -> Tensor:
        """Map ``(batch, frame, 3 V)`` to ``(batch, frame, width)``: the pyramid, then fused."""
        frames = motion.flatten(0, 1)
        # Learning keeps all between the layers anyway; else a long motion goes in pieces.
        pieces = (frames,) if torch.is_grad_enabled() else frames.split(_FRAMES)
        return torch.cat([self._frames(piece) for piece in pieces]).unflatten(0, motion.shape[:2])

    def _frames(self, motion: Tensor) -> Tensor:
        if self.spiral is not None:
            motion = self.spiral(motion.unflatten(-1, (-1, 3))).flatten(1)
        out: Tensor = self.fusion(motion)
        return out

    def spatial_decode(self, hidden: Tensor) -> Tensor:
        """Map ``(batch, frame, width)`` to ``(batch, frame, 3 V)``: an MLP."""
        out: Tensor = self.motion_out(hidden)
        return out

    def prepare(self, batch: Callable[[int, int], dict[str, Tensor]], clips: int) -> None:
        """Start the decoder's last map as principal components, where `principal_start` says so.

        The encoder, whichever it is, starts at random.
        """
        if self.config.principal_start:
            last = self.motion_out[-1]
            assert isinstance(last, nn.Linear)
            start_as_components(self, batch, clips, last)


def _mlp(before: int, hidden: int, after: int) -> nn.Sequential:
    """Return linear, ELU, linear; or one linear map, without hidden numbers."""
    if not hidden:
        return nn.Sequential(nn.Linear(before, after))
    return nn.Sequential(nn.Linear(before, hidden), nn.ELU(), nn.Linear(hidden, after))


def _check_spirals(spirals: Tensor, vertices: int) -> None:
    """Refuse stored spirals that name a vertex which their mesh does not have."""
    whole = not spirals.is_floating_point() and spirals.dtype != torch.bool
    if not whole or (
        spirals.numel() and not 0 <= int(spirals.min()) <= int(spirals.max()) < vertices
    ):
        raise UserError(
            f"The checkpoint is damaged: a spiral names a vertex that a mesh of {vertices:,} "
            "lacks.\nGet the checkpoint again."
        )
