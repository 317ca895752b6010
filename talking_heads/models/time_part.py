"""The part of a motion prior that looks over time, and long motions in pieces."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from talking_heads.layers.temporal import TemporalConv, TemporalTransformer
from talking_heads.models.prior_config import PriorConfig

_WHOLE, _PIECE, _CONTEXT = 1500, 1000, 250
"""Motions of up to so many frames are computed whole; longer ones in pieces of so many frames, each
with as many frames around it as it can see, or with so many where it sees everything."""


class TimePart(nn.Module):
    """The part of a prior that looks over time: a convolution, then a transformer.

    Parameters
    ----------
    config : PriorConfig
        Sizes and choices.
    """

    def __init__(self, config: PriorConfig) -> None:
        super().__init__()
        residual = config.stem == "residual"
        self.conv = TemporalConv(
            config.width, norm=config.norm, causal=config.causal, residual=residual
        )
        if residual:
            nn.init.zeros_(self.conv.conv.weight)
            nn.init.zeros_(self.conv.conv.bias)  # type: ignore[arg-type]
        self.linear = nn.Identity() if residual else nn.Linear(config.width, config.width)
        self.transformer = TemporalTransformer(
            config.width,
            config.layers,
            config.heads,
            config.feed_forward,
            dropout=config.dropout,
            positions=config.positions,
            band=config.band,
            causal=config.causal,
            attention_scale=config.attention_scale,
        )

    @property
    def look_back(self) -> int | None:
        """Frames before its own that a frame depends on; None for all."""
        return sum_of_reaches(self.conv.look_back, self.transformer.look_back)

    @property
    def look_ahead(self) -> int | None:
        """Frames after its own that a frame depends on; None for all."""
        return sum_of_reaches(self.conv.look_ahead, self.transformer.look_ahead)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map ``(batch, frame, width)`` to the same shape; padding changes no other frame."""
        out: Tensor = self.transformer(self.linear(self.conv(x, mask)), mask)
        return out


def sum_of_reaches(first: int | None, second: int | None) -> int | None:
    """Return how far two parts see together, where None stands for all frames."""
    return None if first is None or second is None else first + second


def in_pieces(
    function: Callable[[Tensor], Tensor], frames: Tensor, sight: TimePart
) -> Tensor | None:
    """Apply a function of a sequence to it, or to one piece of a long one after another.

    Parameters
    ----------
    function : callable
        From ``(n, ...)`` to as many rows.
    frames : Tensor
        ``(frame, ...)``.
    sight : TimePart
        What the function sees over time. Each piece has so many frames around it, so that the whole
        is the same as if it were computed at once; or 250, where it sees everything.

    Returns
    -------
    Tensor or None
        ``(frame, ...)``; None of an empty sequence.
    """
    count = len(frames)
    if count <= _WHOLE:
        return function(frames) if count else None
    back = _CONTEXT if sight.look_back is None else sight.look_back
    ahead = _CONTEXT if sight.look_ahead is None else sight.look_ahead
    parts = []
    for first in range(0, count, _PIECE):
        last = min(first + _PIECE, count)
        start = max(0, first - back)
        piece = function(frames[start : last + ahead])
        parts.append(piece[first - start : last - start])
    return torch.cat(parts)
