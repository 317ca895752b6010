"""Principal components of the training motion, as a start for linear maps."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from talking_heads.models.network import Network

_BYTES = 300_000_000
"""Frames take at most so much memory."""


def training_frames(
    network: Network,
    batch: Callable[[int, int], dict[str, Tensor]],
    clips: int,
    most: int,
    least: int = 2,
) -> Tensor:
    """Return normalised frames of the training clips.

    Parameters
    ----------
    network : Network
        Whose contract says how to normalise.
    batch : callable
        ``batch(step, size)`` gives a batch as `Network.loss` takes it.
    clips : int
        How many training clips there are.
    most, least : int
        At most so many frames; fewer where they would take over 300 MB, but not below `least`.

    Returns
    -------
    Tensor
        ``(n, channel)``. Every frame of a clip counts, or every fourth where there are more than
        100 clips.
    """
    most = min(most, max(least, _BYTES // (4 * network.contract.motion_dim)))
    # Neighbours are alike: where there are many clips, every fourth frame tells as much.
    apart = 4 if clips > 100 else 1
    parts: list[Tensor] = []
    for step in range(clips):
        one = batch(step, 1)
        parts.append(network.normalise(one["motion"].flatten(2)[one["mask"]][::apart]))
        if sum(map(len, parts)) >= most:
            break
    return torch.cat(parts)[:most]


def principal_components(frames: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the mean of some frames and the directions in which they vary most.

    Parameters
    ----------
    frames : Tensor
        ``(n, channel)``.
    count : int
        At most so many components.

    Returns
    -------
    mean : Tensor
        ``(channel,)``.
    components : Tensor
        ``(k, channel)``, orthogonal, the longest first: each as long as the standard deviation
        along it, its largest number positive. ``k`` is `count`, or fewer where the frames vary in
        fewer directions.
    """
    mean = frames.mean(0)
    around = (frames - mean).double()
    tall = len(frames) >= frames.shape[1]
    gram = (around.T @ around if tall else around @ around.T) / len(frames)
    powers, directions = torch.linalg.eigh(gram)
    kept = int((powers > 1e-9 * powers[-1].clamp(min=1e-30)).sum())
    keep = min(count, kept)
    if not keep:
        return mean, frames[:0]
    powers, directions = powers[-keep:].flip(0), directions[:, -keep:].flip(1)
    if tall:
        components = directions.T * powers.sqrt()[:, None]
    else:
        components = directions.T @ around / math.sqrt(len(frames))
    largest = components.gather(1, components.abs().argmax(1, keepdim=True))
    return mean, (components * largest.sign()).to(frames.dtype)


def whitening(components: Tensor, floor: float = 0.005) -> tuple[Tensor, Tensor]:
    """Return a linear map to principal components of nearly unit variance, and the one back.

    Parameters
    ----------
    components : Tensor
        ``(k, channel)`` from `principal_components`: each as long as the standard deviation along
        it.
    floor : float
        Components that vary less than this share of the whole's root mean square are divided by
        that instead of by their own deviation: what hardly moves shall not be blown up.

    Returns
    -------
    inward : Tensor
        ``(k, channel)``: ``inward @ offset`` has variance 1 or less in each number.
    outward : Tensor
        ``(channel, k)``: ``outward @ inward @ offset`` is the offset's part along the components.
    """
    deviations = components.norm(dim=1)
    directions = components / deviations[:, None].clamp(min=1e-30)
    divisor = deviations.clamp(min=float(floor * deviations.norm()))[:, None].clamp(min=1e-30)
    return directions / divisor, (directions * divisor).T.contiguous()


@torch.no_grad()
def start_as_components(
    network: Network,
    batch: Callable[[int, int], dict[str, Tensor]],
    clips: int,
    last: nn.Linear,
    first: nn.Linear | None = None,
    most: int = 3000,
) -> None:
    """Start the outer linear maps of an autoencoder as principal components of the motion.

    The first map gives each component about unit variance, see `whitening`; the last one undoes
    that. Where the motion has fewer components than there are numbers, the others stay random in
    the first map and become 0 in the last.

    Parameters
    ----------
    network : Network
        Whose maps they are.
    batch, clips
        The training data, as for `Network.prepare`.
    last : Linear
        From some numbers to the channels of normalised motion.
    first : Linear, optional
        From the channels to as many numbers.
    most : int
        Training frames that are looked at.
    """
    frames = training_frames(network, batch, clips, most)
    middle, components = principal_components(frames, last.in_features)
    inward, outward = whitening(components)
    last.weight.zero_()
    last.weight[:, : len(inward)] = outward
    last.bias.copy_(middle)
    if first is not None:
        first.weight[: len(inward)] = inward
        first.bias.zero_()
        first.bias[: len(inward)] = -(inward @ middle)
