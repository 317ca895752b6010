"""DDIM: from noise to motion in a few steps (Song et al. 2020).

The network here predicts the clean motion ``x0``. One step asks it for ``x0``, works out which
noise that implies, and mixes the two again with less noise.

The published code of DiffSpeaker and StreamingTalker ran on diffusers 0.11, whose DDIM step mixes
``x0`` with itself instead of with the implied noise when the network predicts the sample (fixed
in 0.15). The noise is then thrown away after the first step, and the result is
``sqrt(ab_0) + sqrt(1 - ab_0) = 1.029`` times the last ``x0``. ``legacy=True`` reproduces that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def implied_noise(noisy: Tensor, clean: Tensor, alpha_bar: float) -> Tensor:
    """Return the noise that turns ``clean`` into ``noisy``.

    Parameters
    ----------
    noisy, clean : Tensor
        Same shape.
    alpha_bar : float
        Share of signal variance in `noisy`, below 1.

    Returns
    -------
    Tensor
        ``(noisy - sqrt(ab) * clean) / sqrt(1 - ab)``.
    """
    return (noisy - alpha_bar**0.5 * clean) / (1.0 - alpha_bar) ** 0.5


def ddim_step(
    noisy: Tensor,
    clean: Tensor,
    alpha_bar: float,
    alpha_bar_next: float,
    *,
    eta: float = 0.0,
    noise: Tensor | None = None,
    legacy: bool = False,
) -> Tensor:
    """Go from one noise level to a lower one.

    Parameters
    ----------
    noisy : Tensor
        The motion at `alpha_bar`.
    clean : Tensor
        The network's ``x0`` for it.
    alpha_bar, alpha_bar_next : float
        Shares of signal variance now and after the step; 1 means no noise is left.
    eta : float
        0 is deterministic; 1 adds as much fresh noise as DDPM.
    noise : Tensor, optional
        Fresh unit Gaussian noise; needed when `eta` is above 0.
    legacy : bool
        Mix ``x0`` with itself as diffusers 0.11 to 0.14 did (`eta` must be 0).

    Returns
    -------
    Tensor
        The motion at `alpha_bar_next` (Song et al. 2020, equation 12).

    Raises
    ------
    ValueError
        If `noise` is missing, or `legacy` comes with `eta`.
    """
    if legacy:
        if eta:
            raise ValueError("The legacy rule is deterministic: eta must be 0.")
        return (alpha_bar_next**0.5 + (1.0 - alpha_bar_next) ** 0.5) * clean
    direction = implied_noise(noisy, clean, alpha_bar)
    if eta == 0.0:
        return alpha_bar_next**0.5 * clean + (1.0 - alpha_bar_next) ** 0.5 * direction
    if noise is None:
        raise ValueError("eta above 0 needs fresh noise.")
    ratio = (1.0 - alpha_bar_next) / (1.0 - alpha_bar) * (1.0 - alpha_bar / alpha_bar_next)
    sigma = eta * max(ratio, 0.0) ** 0.5
    rest = max(1.0 - alpha_bar_next - sigma**2, 0.0) ** 0.5
    return alpha_bar_next**0.5 * clean + rest * direction + sigma * noise


def ddim_sample(
    predict: Callable[[Tensor, int], Tensor],
    start: Tensor,
    schedule: Tensor,
    timesteps: Sequence[int],
    *,
    eta: float = 0.0,
    generator: torch.Generator | None = None,
    final_alpha_bar: float | None = None,
    legacy: bool = False,
    callback: Callable[[int, int, Tensor, Tensor], None] | None = None,
) -> Tensor:
    """Walk from noise to a clean motion.

    Parameters
    ----------
    predict : callable
        ``predict(noisy, timestep)`` returns the clean motion it sees in ``noisy``.
    start : Tensor
        Unit Gaussian noise, any shape.
    schedule : Tensor
        ``(steps,)`` alpha bars.
    timesteps : sequence of int
        Falling; see `talking_heads.diffusion.sampling_timesteps`.
    eta : float
        Fresh noise at each step, 0 (none) to 1.
    generator : torch.Generator, optional
        Source of that noise, on the CPU.
    final_alpha_bar : float, optional
        Share of signal after the last step. By default 1: the last ``x0`` is the result. With
        `legacy`, ``schedule[0]`` is the default, as in the published configuration.
    legacy : bool
        See `ddim_step`.
    callback : callable, optional
        Called after each step as ``callback(done, total, noisy, clean)``.

    Returns
    -------
    Tensor
        The shape of `start`.
    """
    levels = [float(schedule[step]) for step in timesteps]
    if final_alpha_bar is None:
        final_alpha_bar = float(schedule[0]) if legacy else 1.0
    current = start
    for index, step in enumerate(timesteps):
        clean = predict(current, step)
        following = levels[index + 1] if index + 1 < len(levels) else final_alpha_bar
        fresh = None
        if eta > 0.0:
            # Drawn on the CPU, so that a seed means the same on every device.
            fresh = torch.randn(start.shape, generator=generator).to(start)
        current = ddim_step(
            current, clean, levels[index], following, eta=eta, noise=fresh, legacy=legacy
        )
        if callback is not None:
            callback(index + 1, len(timesteps), current, clean)
    return current
