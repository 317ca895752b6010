"""Diffusion as pure functions: noise schedules, DDIM sampling, windows for long motion."""

from talking_heads.diffusion.sampling import ddim_sample, ddim_step, implied_noise
from talking_heads.diffusion.schedules import (
    add_noise,
    alpha_bars,
    cosine_alpha_bars,
    linear_betas,
    sampling_timesteps,
    scaled_linear_betas,
)
from talking_heads.diffusion.windows import blend_windows, fade_weights, window_starts

__all__ = [
    "add_noise",
    "alpha_bars",
    "blend_windows",
    "cosine_alpha_bars",
    "ddim_sample",
    "ddim_step",
    "fade_weights",
    "implied_noise",
    "linear_betas",
    "sampling_timesteps",
    "scaled_linear_betas",
    "window_starts",
]
