"""Spiral convolution on meshes, computed only where the next level looks.

After SpiralNet++ (Gong et al., ICCV workshops 2019) and the encoder of GLDiTalker (equation 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from talking_heads.geometry.pyramid import MeshPyramid

Indices = Tensor | NDArray[np.int64]


class SpiralConv(nn.Module):
    """One linear map of the features along a spiral: a gather and a matrix product.

    Parameters
    ----------
    in_channels, out_channels : int
        Features of a vertex before and after.
    spirals : Tensor or ndarray of int64
        ``(V, length)`` indices of vertices, as from `talking_heads.geometry.spirals`.
    kept : Tensor or ndarray of int64, optional
        ``(W,)`` compute only these vertices, in this order. Equal to computing all and selecting.

    Attributes
    ----------
    spirals : Tensor of int64
        ``(W, length)`` buffer: the spirals of the computed vertices. Part of the state, so that a
        checkpoint needs no mesh.
    """

    spirals: Tensor

    def __init__(
        self, in_channels: int, out_channels: int, spirals: Indices, kept: Indices | None = None
    ):
        super().__init__()
        chosen = torch.as_tensor(spirals, dtype=torch.int64)
        chosen = chosen.clone() if kept is None else chosen[torch.as_tensor(kept)]
        self.register_buffer("spirals", chosen)
        self.linear = nn.Linear(in_channels * chosen.shape[1], out_channels)
        nn.init.xavier_uniform_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(..., V, in_channels)`` to ``(..., W, out_channels)``."""
        count, length = self.spirals.shape
        gathered = x.index_select(-2, self.spirals.reshape(-1))
        return self.linear(gathered.reshape(*x.shape[:-2], count, length * x.shape[-1]))


class SpiralPyramid(nn.Module):
    """Spiral convolutions down a pyramid of meshes, an ELU after each.

    Parameters
    ----------
    spirals : sequence of Tensor or ndarray of int64
        For each level ``(W, length)``: the spirals, as indices into that level, of the W vertices
        that the next level keeps (`MeshPyramid.kept_spirals`).
    channels : sequence of int
        Features of a vertex at the input and after each convolution: one more than levels.
    """

    def __init__(self, spirals: Sequence[Indices], channels: Sequence[int]):
        super().__init__()
        if len(channels) != len(spirals) + 1:
            raise ValueError(f"{len(spirals)} levels need {len(spirals) + 1} channel counts.")
        self.convolutions = nn.ModuleList(
            SpiralConv(before, after, level)
            for (before, after), level in zip(pairwise(channels), spirals, strict=True)
        )
        self.activation = nn.ELU()

    @classmethod
    def from_pyramid(cls, pyramid: MeshPyramid, channels: Sequence[int]) -> SpiralPyramid:
        """Make the encoder of a pyramid; ``len(channels)`` is its number of levels."""
        steps = range(len(pyramid.levels) - 1)
        return cls([pyramid.kept_spirals(i) for i in steps], channels)

    @classmethod
    def blank(cls, sizes: Sequence[int], kernel: int, channels: Sequence[int]) -> SpiralPyramid:
        """Make an encoder of given sizes whose spirals come with ``load_state_dict``.

        ``sizes`` are the vertices of each level, the finest first, as `MeshPyramid.sizes`.
        """
        return cls([torch.zeros(n, kernel, dtype=torch.int64) for n in sizes[1:]], channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(..., V, channels[0])`` to ``(..., V_last, channels[-1])``."""
        for convolution in self.convolutions:
            x = self.activation(convolution(x))
        return x
