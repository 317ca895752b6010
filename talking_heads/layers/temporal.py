"""Layers over time: a transformer encoder and a convolution, as the motion VQ-VAEs use them.

Facts of the published code (CodeTalker; StreamingTalker inherits it) that the papers do not tell,
each behind a switch here:

* Its table of sine and cosine positions is read by the clip's place in the batch instead of the
  frame. All frames of a clip get one vector, so the attention knows nothing of time
  (``positions="published"``; what was meant is ``"sinusoid"``).
* Scores are divided by the root of the full width instead of that of a head
  (``attention_scale="width"``).
* Behind each convolution stands an instance norm over time: every channel gets mean 0 and variance
  1 over the clip. A frame then depends on all others, also on those to come (``norm="instance"``).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from talking_heads.errors import UserError
from talking_heads.layers.biased_attention import head_slopes
from talking_heads.layers.embeddings import sinusoid

POSITIONS = ("relative", "sinusoid", "published", "none")
SCALES = ("head", "width")
NORMS = ("instance", "layer", "none")


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UserError(f"{name} is {value!r}; it must be one of {', '.join(choices)}.")


def _add(reaches: list[int | None]) -> int | None:
    """Return the sum of what layers see, None if one of them sees everything."""
    known = [reach for reach in reaches if reach is not None]
    return sum(known) if len(known) == len(reaches) else None


class TemporalLayer(nn.Module):
    """One pre-norm transformer layer: attention among frames, then a feed-forward network.

    Parameters
    ----------
    width, heads, feed_forward : int
        Numbers in a frame, attention heads, hidden numbers of the feed-forward network.
    dropout : float
        Share dropped in training: of attention weights and of what the two parts add.
    attention_scale : {"head", "width"}
        Scores are divided by the root of ``width / heads``, or of ``width``.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        feed_forward: int,
        dropout: float = 0.0,
        attention_scale: str = "head",
    ) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.scale = 1 / math.sqrt(width if attention_scale == "width" else width / heads)
        self.norm_attention = nn.LayerNorm(width)
        self.norm_feed = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.expand = nn.Linear(width, feed_forward)
        self.contract = nn.Linear(feed_forward, width)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """Map ``(batch, frame, width)`` to the same shape.

        ``bias`` broadcasts to ``(batch, head, frame, frame)``: added to the scores, or bool with
        true where a frame may look.
        """
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.query_key_value(self.norm_attention(x)).chunk(3, dim=-1)
        )
        if bias is not None and bias.is_floating_point():
            bias = bias.to(query.dtype)
        mixed = functional.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=bias,
            dropout_p=self.dropout if self.training else 0.0,
            scale=self.scale,
        )
        x = x + self.drop(self.out(mixed.transpose(1, 2).flatten(2)))
        hidden = functional.gelu(self.expand(self.norm_feed(x)))
        return x + self.drop(self.contract(hidden))


class TemporalTransformer(nn.Module):
    """A pre-norm transformer encoder over frames, without a norm at the end.

    Parameters
    ----------
    width : int
        Numbers in a frame; a multiple of `heads`.
    layers, heads, feed_forward : int
        Layers, attention heads, hidden numbers of the feed-forward networks.
    dropout : float
        Share dropped in training.
    positions : {"relative", "sinusoid", "published", "none"}
        How attention knows time. "relative": a score loses ``slope * |i - j|`` between frames
        ``i`` and ``j``, with one slope a head (`head_slopes`); nothing depends on when a clip
        begins, and by itself it cannot tell the past from the future unless `causal`. "sinusoid":
        a vector of the frame's number is added before the first layer. "published": the same,
        but of the clip's place in the batch, and so no time at all. "none": nothing.
    band : int, optional
        How many frames back and ahead a layer sees, only back if causal; all if not given.
    causal : bool
        Whether frames see only the past and themselves. Then positions are relative or none.
    attention_scale : {"head", "width"}
        Scores are divided by the root of ``width / heads``, or, as published, of ``width``.

    Raises
    ------
    UserError
        A setting that does not exist, or "sinusoid" or "published" with `causal`: neither can
        go on without an end.

    Notes
    -----
    CodeTalker (Xing et al. 2023) and StreamingTalker (Yang et al. 2025): 6 layers, width 1024,
    8 heads, feed-forward 1536. The bias of distance is ALiBi's (Press et al. 2021), made symmetric.
    """

    def __init__(
        self,
        width: int,
        layers: int,
        heads: int,
        feed_forward: int,
        *,
        dropout: float = 0.0,
        positions: str = "relative",
        band: int | None = None,
        causal: bool = False,
        attention_scale: str = "head",
    ) -> None:
        super().__init__()
        _one_of("positions", positions, POSITIONS)
        _one_of("attention_scale", attention_scale, SCALES)
        if width % heads:
            raise UserError(f"width {width} is not a multiple of heads {heads}.")
        if band is not None and band < 0:
            raise UserError(f"band is {band}; it must be 0 or more frames.")
        if causal and positions in ("sinusoid", "published"):
            raise UserError(
                f"positions={positions!r} cannot be causal; choose 'relative' or 'none'."
            )
        self.heads, self.positions, self.band, self.causal = heads, positions, band, causal
        self.layers = nn.ModuleList(
            TemporalLayer(width, heads, feed_forward, dropout, attention_scale)
            for _ in range(layers)
        )

    @property
    def look_back(self) -> int | None:
        """Frames before its own that a frame depends on, None for all.

        With positions "sinusoid" it depends on its number in the clip besides.
        """
        return _add([self.band] * len(self.layers))

    @property
    def look_ahead(self) -> int | None:
        """Frames after its own that a frame depends on, None for all."""
        return 0 if self.causal else self.look_back

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Let the frames look at each other.

        Parameters
        ----------
        x : Tensor
            ``(batch, frame, width)``.
        mask : Tensor, optional
            ``(batch, frame)`` bool, false for padding, which no other frame looks at. What comes
            out there has no meaning.

        Returns
        -------
        Tensor
            ``(batch, frame, width)``.
        """
        batch, frames, width = x.shape
        if mask is not None:
            # A weight of zero would not silence a NaN.
            x = x.masked_fill(~mask[..., None], 0.0)
        if self.positions == "sinusoid":
            x = x + sinusoid(torch.arange(frames, device=x.device), width)
        elif self.positions == "published":
            x = x + sinusoid(torch.arange(batch, device=x.device), width)[:, None]
        bias = self._bias(frames, mask, x.device)
        for layer in self.layers:
            x = layer(x, bias)
        return x

    def _bias(self, frames: int, mask: Tensor | None, device: torch.device) -> Tensor | None:
        """Return what `TemporalLayer` adds to scores, or where frames may look; None for all."""
        index = torch.arange(frames, device=device)
        ahead = index[None] - index[:, None]
        open_ = torch.ones(1, 1, frames, frames, dtype=torch.bool, device=device)
        if self.causal:
            open_ = open_ & (ahead <= 0)
        if self.band is not None:
            open_ = open_ & (ahead.abs() <= self.band)
        if mask is not None:
            # Every frame sees itself, padding too: a row without any weight would give NaN.
            open_ = open_ & (mask[:, None, None] | (ahead == 0))
        if self.positions == "relative":
            slopes = head_slopes(self.heads).to(device)
            bias = -slopes[:, None, None] * ahead.abs()
            return bias[None].masked_fill(~open_, -math.inf)
        unlimited = not self.causal and self.band is None and mask is None
        return None if unlimited else open_


class TemporalConv(nn.Module):
    """A convolution over time, LeakyReLU (slope 0.2), then a norm.

    Beyond the ends of a clip stands its first or last frame again, so the length stays.

    Parameters
    ----------
    width : int
        Numbers in a frame, in and out.
    kernel : int
        Frames that the convolution sees.
    norm : {"instance", "layer", "none"}
        "instance": every channel to mean 0 and variance 1 over the frames of a clip, without
        learned numbers, as published. A frame then depends on the whole clip, and of a clip of a
        single frame only zeros remain. "layer": a layer norm in every frame.
    causal : bool
        Whether the convolution sees only the past and the frame itself.
    residual : bool
        Whether the input is added to the result.

    Raises
    ------
    UserError
        A norm that does not exist, or an instance norm with `causal`.

    Notes
    -----
    CodeTalker (Xing et al. 2023): kernel 5, instance norm, not residual.
    """

    def __init__(
        self,
        width: int,
        kernel: int = 5,
        *,
        norm: str = "instance",
        causal: bool = False,
        residual: bool = False,
    ) -> None:
        super().__init__()
        _one_of("norm", norm, NORMS)
        if kernel < 1:
            raise UserError(f"kernel is {kernel}; a convolution sees at least 1 frame.")
        if causal and norm == "instance":
            raise UserError("norm='instance' sees the whole clip; with causal choose 'layer'.")
        self.norm, self.residual = norm, residual
        self._ahead = 0 if causal else kernel // 2
        self._back = kernel - 1 - self._ahead
        self.conv = nn.Conv1d(width, width, kernel)
        self.layer_norm = nn.LayerNorm(width) if norm == "layer" else None

    @property
    def look_back(self) -> int | None:
        """Frames before its own that a frame depends on, None for all."""
        return None if self.norm == "instance" else self._back

    @property
    def look_ahead(self) -> int | None:
        """Frames after its own that a frame depends on, None for all."""
        return None if self.norm == "instance" else self._ahead

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Convolve over the frames.

        Parameters
        ----------
        x : Tensor
            ``(batch, frame, width)``.
        mask : Tensor, optional
            ``(batch, frame)`` bool, false for padding. The others come out as if there were no
            padding; what comes out in the padding has no meaning.

        Returns
        -------
        Tensor
            ``(batch, frame, width)``.
        """
        if mask is not None:
            x = _hold(x, mask)
        padded = functional.pad(x.transpose(1, 2), (self._back, self._ahead), mode="replicate")
        y = functional.leaky_relu(self.conv(padded), 0.2).transpose(1, 2)
        if self.layer_norm is not None:
            y = self.layer_norm(y)
        elif self.norm == "instance":
            y = _instance_norm(y, mask)
        return x + y if self.residual else y


def _hold(x: Tensor, mask: Tensor) -> Tensor:
    """Return ``x`` with the last true frame in place of padding, before them the first one."""
    index = torch.arange(mask.shape[1], device=mask.device)
    last = torch.where(mask, index, -1).cummax(1).values
    first = mask.int().argmax(1, keepdim=True)
    source = torch.where(last < 0, first, last)
    return x.gather(1, source[..., None].expand_as(x))


def _instance_norm(x: Tensor, mask: Tensor | None, floor: float = 1e-5) -> Tensor:
    """Return every channel with mean 0 and variance 1 over the true frames, in float32."""
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    if mask is None:
        weight = torch.full_like(x[..., :1], 1 / x.shape[1])
    else:
        share = mask.to(x.dtype)[..., None]
        weight = share / share.sum(1, keepdim=True).clamp(min=1)
    x = x - (weight * x).sum(1, keepdim=True)
    variance = (weight * x.square()).sum(1, keepdim=True)
    return x * torch.rsqrt(variance + floor)
