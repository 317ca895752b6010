"""Biased conditional attention, DiffSpeaker's main idea.

A motion token looks at other motion tokens (self-attention) or at audio features
(cross-attention). Two things are added to the ordinary kind:

* Condition tokens, here the speaker's style and the diffusion step, stand before the keys and
  values, so that every frame can look at them.
* A fixed bias is added to the scores. In self-attention it weakens frames that are far away; in
  cross-attention it leaves only the audio of the same frame. It is always zero for the condition
  tokens.

About the sign: equation 7 of the paper prints a positive ``floor(distance / period)``, which would
*favour* distant frames and contradicts the text around it ("diminishes as the separation from the
diagonal increases"). The published code subtracts it, with one slope a head. So do we.
The code also counts the future side from ``distance - 1``, which makes its matrix lopsided by one
frame; we keep the symmetric form of the paper.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


def head_slopes(heads: int) -> Tensor:
    """Return how strongly each head prefers near frames.

    Parameters
    ----------
    heads : int
        Number of heads.

    Returns
    -------
    Tensor
        ``(heads,)`` float32: ``2^(-8/heads), 2^(-16/heads), ... 2^-8``; for four heads
        1/4, 1/16, 1/64 and 1/256.

    Notes
    -----
    ALiBi (Press et al. 2021), as FaceFormer and DiffSpeaker use it.
    """
    return torch.tensor([2.0 ** (-8.0 * (head + 1) / heads) for head in range(heads)])


def self_attention_bias(
    frames: int, heads: int, period: int, conditions: int = 2, *, slopes: Tensor | None = None
) -> Tensor:
    """Return the bias among motion tokens, with open columns for the condition tokens.

    Parameters
    ----------
    frames : int
        Motion tokens.
    heads : int
        Attention heads.
    period : int
        Frames that share one level of the bias; the paper takes the frame rate, so that all
        frames within a second are equal. 1 gives a slope in every frame.
    conditions : int
        Condition tokens in front.
    slopes : Tensor, optional
        ``(heads,)``; `head_slopes` if not given.

    Returns
    -------
    Tensor
        ``(heads, frames, conditions + frames)`` float32: 0 in the first columns, then
        ``-slope * floor(|i - j| / period)``.

    Notes
    -----
    DiffSpeaker (Ma et al. 2024), equation 7, with the sign of the published code; see the
    docstring of the module.
    """
    slopes = head_slopes(heads) if slopes is None else slopes
    index = torch.arange(frames)
    level = torch.div((index[:, None] - index[None]).abs(), period, rounding_mode="floor")
    bias = torch.zeros(heads, frames, conditions + frames)
    bias[:, :, conditions:] = -slopes[:, None, None] * level
    return bias


def cross_attention_bias(frames: int, band: int = 0, conditions: int = 2) -> Tensor:
    """Return the bias from motion tokens to audio features of the same rate.

    Parameters
    ----------
    frames : int
        Motion tokens, and audio features.
    band : int
        How many audio features before and after its own a frame may look at; 0, the paper's
        choice, leaves the diagonal alone. A negative band opens everything (the ablation
        without a bias).
    conditions : int
        Condition tokens in front.

    Returns
    -------
    Tensor
        ``(1, frames, conditions + frames)`` float32: 0 where a frame may look, else minus
        infinity.

    Notes
    -----
    DiffSpeaker (Ma et al. 2024), equation 6.
    """
    bias = torch.zeros(1, frames, conditions + frames)
    if band >= 0:
        index = torch.arange(frames)
        closed = (index[:, None] - index[None]).abs() > band
        bias[:, :, conditions:].masked_fill_(closed, -math.inf)
    return bias


class BiasedConditionalAttention(nn.Module):
    """Attention over condition tokens and a sequence, with a fixed bias.

    Parameters
    ----------
    width : int
        Numbers in a token; a multiple of `heads`.
    heads : int
        Attention heads.
    dropout : float
        Share of the attention weights that are dropped in training.

    Notes
    -----
    DiffSpeaker (Ma et al. 2024), equations 4 and 5.
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} is not a multiple of heads {heads}")
        self.heads = heads
        self.dropout = dropout
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, tokens: Tensor, source: Tensor, conditions: Tensor, bias: Tensor) -> Tensor:
        """Attend from ``tokens`` to ``conditions`` and ``source``.

        Parameters
        ----------
        tokens : Tensor
            ``(batch, frame, width)`` queries.
        source : Tensor
            ``(batch, source_frame, width)``: the tokens themselves, or audio features.
        conditions : Tensor
            ``(batch, condition, width)``, placed before the keys and values.
        bias : Tensor
            Added to the scores; broadcasts to ``(batch, head, frame, condition + source_frame)``.

        Returns
        -------
        Tensor
            ``(batch, frame, width)``.
        """

        def split(x: Tensor) -> Tensor:
            return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        query = split(self.query(tokens))
        key, value = self.key_value(torch.cat([conditions, source], dim=1)).chunk(2, dim=-1)
        mixed = functional.scaled_dot_product_attention(
            query,
            split(key),
            split(value),
            attn_mask=bias.to(query.dtype),
            dropout_p=self.dropout if self.training else 0.0,
        )
        out: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return out


class DecoderLayer(nn.Module):
    """One pre-norm transformer layer: self-attention, cross-attention, feed-forward.

    The condition tokens join after the layer norm and are not normed themselves, as in
    DiffSpeaker's code.

    Parameters
    ----------
    width, heads, feed_forward : int
        Sizes of the tokens, the number of heads, the hidden layer.
    dropout : float
        Dropout after each of the three parts and in attention weights.
    condition_self : bool
        Whether self-attention sees the condition tokens (the paper's ablation "w/o
        Cond-Self-Attn" turns it off).
    """

    def __init__(
        self,
        width: int,
        heads: int,
        feed_forward: int,
        dropout: float = 0.0,
        *,
        condition_self: bool = True,
    ) -> None:
        super().__init__()
        self.condition_self = condition_self
        self.norm_self = nn.LayerNorm(width)
        self.norm_cross = nn.LayerNorm(width)
        self.norm_feed = nn.LayerNorm(width)
        self.self_attention = BiasedConditionalAttention(width, heads, dropout)
        self.cross_attention = BiasedConditionalAttention(width, heads, dropout)
        self.expand = nn.Linear(width, feed_forward)
        self.contract = nn.Linear(feed_forward, width)
        self.drop = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, audio: Tensor, conditions: Tensor, self_bias: Tensor, cross_bias: Tensor
    ) -> Tensor:
        """Map ``(batch, frame, width)`` motion tokens to the same shape.

        ``audio`` is ``(batch, frame, width)``, ``conditions`` ``(batch, condition, width)``; the
        biases broadcast to ``(batch, head, frame, condition + frame)``.
        """
        tokens = self.norm_self(x)
        seen = conditions
        if not self.condition_self:
            seen = conditions[:, :0]
            self_bias = self_bias[..., conditions.shape[1] :]
        x = x + self.drop(self.self_attention(tokens, tokens, seen, self_bias))
        tokens = self.norm_cross(x)
        x = x + self.drop(self.cross_attention(tokens, audio, conditions, cross_bias))
        hidden = functional.gelu(self.expand(self.norm_feed(x)))
        return x + self.drop(self.contract(hidden))
