"""How much noise there is at each diffusion step.

A schedule is one array, ``alpha_bar``: at step ``t`` the signal is scaled by
``sqrt(alpha_bar[t])`` and unit Gaussian noise by ``sqrt(1 - alpha_bar[t])``.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

Spacing = Literal["trailing", "leading", "linspace"]


def linear_betas(steps: int, start: float = 1e-4, end: float = 0.02) -> Tensor:
    """Return noise variances that grow linearly (Ho et al. 2020).

    Returns
    -------
    Tensor
        ``(steps,)`` float64.
    """
    return torch.linspace(start, end, steps, dtype=torch.float64)


def scaled_linear_betas(steps: int, start: float = 0.00085, end: float = 0.012) -> Tensor:
    """Return noise variances whose square roots grow linearly (Rombach et al. 2022).

    The defaults are those of DiffSpeaker's published code.

    Returns
    -------
    Tensor
        ``(steps,)`` float64.
    """
    return torch.linspace(start**0.5, end**0.5, steps, dtype=torch.float64) ** 2


def alpha_bars(betas: Tensor) -> Tensor:
    """Return the share of signal variance left after each step, ``prod(1 - beta)``.

    Parameters
    ----------
    betas : Tensor
        ``(steps,)`` variances of the noise that each step adds, between 0 and 1.

    Returns
    -------
    Tensor
        ``(steps,)`` float32, falling.
    """
    return torch.cumprod(1.0 - betas.to(torch.float64), 0).to(torch.float32)


def cosine_alpha_bars(steps: int, offset: float = 0.008, largest_beta: float = 0.999) -> Tensor:
    """Return the cosine schedule (Nichol & Dhariwal 2021, equation 17).

    Parameters
    ----------
    steps : int
        Diffusion steps.
    offset : float
        Keeps the first steps from being too small.
    largest_beta : float
        No step adds more noise than this.

    Returns
    -------
    Tensor
        ``(steps,)`` float32.
    """
    grid = torch.arange(steps + 1, dtype=torch.float64) / steps
    signal = torch.cos((grid + offset) / (1 + offset) * math.pi / 2) ** 2
    return alpha_bars((1 - signal[1:] / signal[:-1]).clamp(max=largest_beta))


def add_noise(clean: Tensor, noise: Tensor, timesteps: Tensor, schedule: Tensor) -> Tensor:
    """Noise ``clean`` as the forward process does at ``timesteps``.

    Parameters
    ----------
    clean, noise : Tensor
        ``(batch, ...)``; `noise` is unit Gaussian.
    timesteps : Tensor
        ``(batch,)`` whole numbers, 0 to ``len(schedule) - 1``.
    schedule : Tensor
        ``(steps,)`` alpha bars.

    Returns
    -------
    Tensor
        ``(batch, ...)``: ``sqrt(ab) * clean + sqrt(1 - ab) * noise`` (Ho et al. 2020, equation 4).
    """
    share = schedule.to(clean.device)[timesteps].to(clean.dtype)
    share = share.reshape(-1, *[1] * (clean.dim() - 1))
    return share.sqrt() * clean + (1 - share).sqrt() * noise


def sampling_timesteps(
    steps: int, count: int, spacing: Spacing = "trailing", *, offset: int = 0
) -> list[int]:
    """Choose the steps that a sampler visits.

    Parameters
    ----------
    steps : int
        Diffusion steps in training.
    count : int
        Steps in sampling, at most `steps`.
    spacing : {"trailing", "leading", "linspace"}
        ``"trailing"`` begins at the last step, where there is nearly only noise, which matters
        when `count` is small (Lin et al. 2024); ``"leading"`` begins one stride earlier and, with
        ``offset=1``, is what DiffSpeaker's code does; ``"linspace"`` visits both ends.
    offset : int
        Added to all steps of ``"leading"``.

    Returns
    -------
    list of int
        ``count`` falling steps.

    Raises
    ------
    ValueError
        If `count` is not between 1 and `steps`, or the spacing is unknown.
    """
    if not 1 <= count <= steps:
        raise ValueError(f"Sampling takes 1 to {steps} steps, not {count}.")
    if spacing == "trailing":
        return [round(steps - index * steps / count) - 1 for index in range(count)]
    if spacing == "leading":
        stride = steps // count
        return [min(index * stride + offset, steps - 1) for index in reversed(range(count))]
    if spacing == "linspace":
        if count == 1:
            return [steps - 1]
        return [round(index * (steps - 1) / (count - 1)) for index in reversed(range(count))]
    raise ValueError(f"unknown spacing {spacing!r}")
