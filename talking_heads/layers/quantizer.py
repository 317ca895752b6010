"""Vector quantization: a latent vector becomes the nearest of a small set of learned vectors.

Words used here:

* A *code* is a whole number; a *codebook* is a table ``(K, C)`` with one vector of ``C`` numbers
  for each of its ``K`` codes.
* A *token* is one latent vector of ``C`` numbers. Motion has several tokens in a frame: CodeTalker
  cuts a frame's 1,024 numbers into 16 tokens of 64. All share one codebook.

Choosing the nearest code has no gradient. Three things replace it (van den Oord et al. 2017):

* The *straight-through* gradient: forward gives the code's vector, backward pretends that it was
  the latent itself.
* The *codebook loss* pulls the chosen codes towards the latents, or running means of the latents
  take its place (`decay`).
* The *commitment loss*, times `beta`, pulls the latents towards their codes.

What goes wrong in practice is that few codes are ever chosen. `perplexity` shows it: the number of
codes in use, if they were used equally often. Two options help: codes that start as latents of the
first batch, and codes that start again as a latent of the batch when nothing has chosen them for
some steps (as in Jukebox, Dhariwal et al. 2020, and SoundStream, Zeghidour et al. 2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional

from talking_heads.errors import UserError

STARTS = ("data", "uniform")
# Scores held at once by the lookup: 4 MB of them in single precision.
SCORES = 2**20


@dataclass(frozen=True)
class Quantized:
    """What a quantizer makes of latents ``(..., C)``.

    Attributes
    ----------
    values : Tensor
        ``(..., C)``: the vectors of the chosen codes. Their gradient goes to the latents as it is.
    codes : Tensor
        ``(...)`` int64: the chosen codes.
    loss : Tensor
        Codebook loss plus `beta` times commitment loss, one number; see `quantization_loss`.
    perplexity : Tensor
        How many codes are in use, one number without a gradient; see `perplexity`.
    """

    values: Tensor
    codes: Tensor
    loss: Tensor
    perplexity: Tensor


@torch.no_grad()
def nearest_codes(latents: Tensor, codebook: Tensor) -> Tensor:
    """Return the code whose vector is nearest to each latent.

    Parameters
    ----------
    latents : Tensor
        ``(..., C)``.
    codebook : Tensor
        ``(K, C)``.

    Returns
    -------
    Tensor
        ``(...)`` int64, in 0 .. K - 1. Of equally near codes the first.

    Raises
    ------
    UserError
        If latents and codebook differ in C.

    Notes
    -----
    ``|z - c|^2 = |z|^2 - 2 z.c + |c|^2``, and ``|z|^2`` is the same for all codes, so it is left
    out: one matrix product a piece of the tokens, never a table of tokens, codes and channels. The
    work is done in single precision at least, also under autocast: at half precision codes near
    each other could not be told apart.
    """
    _check_channels(latents, codebook)
    precision = torch.promote_types(latents.dtype, torch.float32)
    tokens = latents.to(precision).reshape(-1, latents.shape[-1])
    table = codebook.to(precision)
    # Distances stay as they are when both move; small numbers lose less in the subtraction.
    middle = table.mean(0)
    table = table - middle
    square = table.square().sum(1)
    with torch.autocast(tokens.device.type, enabled=False):
        codes = [
            torch.addmm(square, piece - middle, table.T, alpha=-2).argmin(1)
            for piece in tokens.split(max(1, SCORES // len(table)))
        ]
    return torch.cat(codes).view(latents.shape[:-1])


def _check_channels(latents: Tensor, codebook: Tensor) -> None:
    """Refuse latents that torch would stretch, or cut up, to the width of the codebook."""
    if latents.shape[-1:] != codebook.shape[1:]:
        raise UserError(
            f"Latents of this codebook have the shape (..., {codebook.shape[1]}), not "
            f"{tuple(latents.shape)}."
        )


def straight_through(latents: Tensor, values: Tensor) -> Tensor:
    """Return ``values``, exactly, with a gradient that goes to ``latents`` unchanged.

    Parameters
    ----------
    latents, values : Tensor
        Of one shape.

    Returns
    -------
    Tensor
        As ``values``. Nothing flows back to ``values``.
    """
    return values.detach() + (latents - latents.detach())


def quantization_loss(
    latents: Tensor,
    values: Tensor,
    mask: Tensor | None = None,
    beta: float = 0.25,
    *,
    learn_values: bool = True,
) -> Tensor:
    """Return the codebook loss plus ``beta`` times the commitment loss.

    Parameters
    ----------
    latents, values : Tensor
        ``(..., C)``: what was quantized, and the vectors of its codes.
    mask : Tensor, optional
        Bool over the tokens, or over their leading axes: ``(batch, frame)`` for latents
        ``(batch, frame, H, C)``. Only true tokens count.
    beta : float
        Weight of the commitment loss.
    learn_values : bool
        False leaves the codebook loss out, for codebooks that are running means.

    Returns
    -------
    Tensor
        One number in single precision at least; 0 if no token counts.

    Notes
    -----
    van den Oord et al. 2017, equation 3, where both terms are sums over channels. As in the
    published code of CodeTalker and StreamingTalker both are *means* over tokens and channels.
    """
    precision = torch.promote_types(latents.dtype, torch.float32)
    latents, values = latents.to(precision), values.to(precision)
    learn = values - latents.detach()
    commit = values.detach() - latents
    numbers: Tensor | int = max(values.numel(), 1)
    if mask is not None:
        closed = ~_over_tokens(mask, values.shape[:-1])[..., None]
        learn, commit = learn.masked_fill(closed, 0.0), commit.masked_fill(closed, 0.0)
        numbers = (~closed).sum().clamp(min=1) * values.shape[-1]
    loss = beta * commit.square().sum() / numbers
    return loss + learn.square().sum() / numbers if learn_values else loss


@torch.no_grad()
def perplexity(codes: Tensor, size: int, mask: Tensor | None = None) -> Tensor:
    """Return how many codes are in use, if those in use were used equally often.

    Parameters
    ----------
    codes : Tensor
        int64 of any shape.
    size : int
        Codes in the codebook.
    mask : Tensor, optional
        Bool over the codes, or over their leading axes; only true ones count.

    Returns
    -------
    Tensor
        One number from 1 (always the same code) to ``size`` (each as often as any other): e to the
        power of the entropy of the codes' shares. 1 if no code counts.
    """
    return _perplexity(_counts(codes, size, mask))


def _over_tokens(mask: Tensor, shape: torch.Size) -> Tensor:
    """Return a mask over the leading axes of ``shape`` as one over all of them."""
    missing = len(shape) - mask.dim()
    return mask.reshape(mask.shape + (1,) * missing).expand(shape)


def _counts(codes: Tensor, size: int, mask: Tensor | None) -> Tensor:
    """Return how often each code occurs under the mask, ``(size,)`` float32."""
    if mask is None:
        weight = torch.ones(codes.numel(), device=codes.device)
    else:
        weight = _over_tokens(mask, codes.shape).flatten().float()
    return torch.zeros(size, device=codes.device).scatter_add_(0, codes.flatten(), weight)


def _perplexity(counts: Tensor) -> Tensor:
    share = counts / counts.sum().clamp(min=1)
    return torch.special.entr(share).sum().exp()


def _several_processes() -> bool:
    return (
        distributed.is_available()
        and distributed.is_initialized()
        and distributed.get_world_size() > 1
    )


def _draw(tokens: Tensor, number: int) -> Tensor:
    """Return some of the tokens ``(n, C)``, each at most once if there are enough."""
    if len(tokens) >= number:
        chosen = torch.randperm(len(tokens))[:number]
    else:
        chosen = torch.randint(len(tokens), (number,))
    return tokens[chosen.to(tokens.device)]


class VectorQuantizer(nn.Module):
    """A codebook that latents are rounded to.

    Parameters
    ----------
    codes : int
        Codes in the codebook, ``K``.
    channels : int
        Numbers in a token, ``C``.
    beta : float
        Weight of the commitment loss.
    start : {"data", "uniform"}
        "uniform": numbers from -1/K to 1/K, as in the published code. "data": the codes become
        random latents of the first training batch; until then as "uniform".
    decay : float, optional
        If given, the codebook is no parameter: each code is the running mean of the latents that
        chose it, and this is the share of the past that a step keeps, 0.99 for example (van den
        Oord et al. 2017, appendix A.1). The loss is then the commitment loss alone.
    restart : int
        A code that no token chose for so many training steps becomes a random latent of the
        batch. 0: never, as in the published code.

    Notes
    -----
    All that changes in training stands in the module's state. Random choices come from torch's
    global generator. Where several processes train together, each with its part of the batch,
    counts and sums are those of all parts, and new codes come from the first process, so that all
    copies stay equal. In evaluation nothing is exchanged and nothing changes.
    """

    codebook: Tensor
    unused: Tensor
    started: Tensor
    running_counts: Tensor
    running_sums: Tensor

    def __init__(
        self,
        codes: int,
        channels: int,
        *,
        beta: float = 0.25,
        start: str = "data",
        decay: float | None = None,
        restart: int = 0,
    ) -> None:
        super().__init__()
        if codes < 1 or channels < 1:
            raise UserError(f"A codebook of {codes} codes x {channels} channels is empty.")
        if start not in STARTS:
            raise UserError(f"start is {start!r}; it must be one of {', '.join(STARTS)}.")
        if decay is not None and not 0 <= decay < 1:
            raise UserError(f"decay is {decay}; it must be at least 0 and below 1.")
        if beta < 0 or restart < 0:
            raise UserError(f"beta is {beta}, restart is {restart}: neither may be negative.")
        self.codes, self.channels = codes, channels
        self.beta, self.start, self.decay, self.restart = beta, start, decay, restart
        table = torch.empty(codes, channels).uniform_(-1 / codes, 1 / codes)
        if decay is None:
            self.codebook = nn.Parameter(table)
        else:
            self.register_buffer("codebook", table)
            self.register_buffer("running_counts", torch.ones(codes))
            self.register_buffer("running_sums", table.clone())
        self.register_buffer("unused", torch.zeros(codes, dtype=torch.int64))
        self.register_buffer("started", torch.tensor(start == "uniform"))

    def extra_repr(self) -> str:
        """Return the settings for ``print``."""
        return (
            f"{self.codes}, {self.channels}, beta={self.beta}, start={self.start!r}, "
            f"decay={self.decay}, restart={self.restart}"
        )

    def nearest(self, latents: Tensor) -> Tensor:
        """Return the nearest code of each latent: ``(..., C)`` to ``(...)`` int64."""
        return nearest_codes(latents, self.codebook)

    def lookup(self, codes: Tensor) -> Tensor:
        """Return the vectors of codes: ``(...)`` int64 to ``(..., C)``."""
        return functional.embedding(codes, self.codebook)

    def forward(self, latents: Tensor, mask: Tensor | None = None) -> Quantized:
        """Round latents to their nearest codes; in training mode the codebook may change too.

        Parameters
        ----------
        latents : Tensor
            ``(..., C)``.
        mask : Tensor, optional
            Bool over the tokens or their leading axes. Tokens where it is false get a code, but
            count nowhere: not in the loss, the perplexity, or in what the codebook learns.

        Returns
        -------
        Quantized
            Values, codes, loss and perplexity. The perplexity is that of this batch.

        Raises
        ------
        UserError
            If the latents have another C.
        """
        _check_channels(latents, self.codebook)
        if self.training and not self.started:
            self._start(latents, mask)
        codes = self.nearest(latents)
        values = self.lookup(codes)
        loss = quantization_loss(latents, values, mask, self.beta, learn_values=self.decay is None)
        counts = _counts(codes, self.codes, mask)
        if self.training:
            counts = self._of_all(counts)
            if self.decay is not None:
                self._follow(latents, codes, counts, mask)
            self.unused.add_(1).masked_fill_(counts > 0, 0)
            if self.restart:
                self._restart(latents, mask)
        return Quantized(straight_through(latents, values), codes, loss, _perplexity(counts))

    def _tokens(self, latents: Tensor, mask: Tensor | None) -> Tensor:
        """Return the latents that count, ``(n, C)`` in the codebook's precision."""
        tokens = latents.detach().reshape(-1, self.channels)
        if mask is not None:
            tokens = tokens[_over_tokens(mask, latents.shape[:-1]).flatten()]
        return tokens.to(self.codebook.dtype)

    def _of_all(self, part: Tensor) -> Tensor:
        """Return the sum of ``part`` over the processes."""
        if _several_processes():
            distributed.all_reduce(part)
        return part

    @torch.no_grad()
    def _place(self, rows: Tensor, latents: Tensor, mask: Tensor | None) -> bool:
        """Put random latents of the first process in these rows; say whether there were any."""
        tokens = self._tokens(latents, mask)
        found = torch.tensor(len(tokens) > 0, device=latents.device)
        several = _several_processes()
        if len(tokens) and (not several or distributed.get_rank() == 0):
            fresh = _draw(tokens, len(rows))
        else:
            fresh = self.codebook[rows]
        if several:
            distributed.broadcast(fresh, 0)
            distributed.broadcast(found, 0)
        if not found:
            return False
        self.codebook[rows] = fresh
        self.unused[rows] = 0
        if self.decay is not None:
            self.running_sums[rows] = fresh
            self.running_counts[rows] = 1.0
        return True

    def _start(self, latents: Tensor, mask: Tensor | None) -> None:
        rows = torch.arange(self.codes, device=latents.device)
        if self._place(rows, latents, mask):
            self.started.fill_(True)

    def _restart(self, latents: Tensor, mask: Tensor | None) -> None:
        rows = (self.unused >= self.restart).nonzero()[:, 0]
        if len(rows):
            self._place(rows, latents, mask)

    @torch.no_grad()
    def _follow(self, latents: Tensor, codes: Tensor, counts: Tensor, mask: Tensor | None) -> None:
        """Move the codes that were chosen to the running means of their latents."""
        assert self.decay is not None
        tokens = latents.detach().to(self.codebook.dtype)
        if mask is not None:
            closed = ~_over_tokens(mask, codes.shape)[..., None]
            tokens = tokens.masked_fill(closed, 0.0)
        sums = torch.zeros_like(self.codebook)
        sums.index_add_(0, codes.flatten(), tokens.reshape(-1, self.channels))
        self.running_counts.lerp_(counts.to(sums.dtype), 1 - self.decay)
        self.running_sums.lerp_(self._of_all(sums), 1 - self.decay)
        # A code that nothing chose stays: sum and count shrank by one factor.
        moved = (counts > 0)[:, None]
        means = self.running_sums / self.running_counts[:, None]
        self.codebook.copy_(torch.where(moved, means, self.codebook))
