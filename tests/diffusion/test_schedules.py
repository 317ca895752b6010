import itertools

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from hypothesis import given
from hypothesis import strategies as st

from talking_heads.diffusion import (
    add_noise,
    alpha_bars,
    cosine_alpha_bars,
    linear_betas,
    sampling_timesteps,
    scaled_linear_betas,
)


@pytest.mark.parametrize(
    ("ours", "name", "extra"),
    [
        (
            alpha_bars(scaled_linear_betas(1000)),
            "scaled_linear",
            {"beta_start": 0.00085, "beta_end": 0.012},
        ),
        (alpha_bars(linear_betas(1000)), "linear", {"beta_start": 1e-4, "beta_end": 0.02}),
        (cosine_alpha_bars(1000), "squaredcos_cap_v2", {}),
    ],
)
def test_schedules_equal_diffusers(ours: torch.Tensor, name: str, extra: dict) -> None:
    theirs = DDPMScheduler(1000, beta_schedule=name, **extra).alphas_cumprod
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-7)


def test_published_schedule_ends() -> None:
    # Figures of the published configuration; the first is what its last step leaves as noise.
    bars = alpha_bars(scaled_linear_betas(1000))
    assert float(bars[0]) == pytest.approx(0.99915, abs=1e-5)
    assert float(bars[-1]) == pytest.approx(0.0047, abs=2e-4)


def test_add_noise_equals_diffusers() -> None:
    torch.manual_seed(0)
    clean, noise, steps = torch.randn(4, 6, 3), torch.randn(4, 6, 3), torch.tensor([0, 9, 500, 999])
    scheduler = DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2")
    torch.testing.assert_close(
        add_noise(clean, noise, steps, scheduler.alphas_cumprod),
        scheduler.add_noise(clean, noise, steps),
    )


@pytest.mark.parametrize("count", [1, 2, 10, 50, 100])
@pytest.mark.parametrize("spacing", ["trailing", "leading", "linspace"])
def test_timesteps_equal_diffusers(spacing: str, count: int) -> None:
    scheduler = DDIMScheduler(1000, timestep_spacing=spacing, steps_offset=1)
    if (spacing, count) == ("linspace", 1):
        # diffusers begins its single step at 0, where there is no noise to remove.
        assert sampling_timesteps(1000, 1, "linspace") == [999]
        return
    scheduler.set_timesteps(count)
    offset = int(spacing == "leading")
    ours = sampling_timesteps(1000, count, spacing, offset=offset)  # type: ignore[arg-type]
    theirs = np.minimum(scheduler.timesteps.numpy(), 999)
    assert ours == theirs.tolist()


@given(
    steps=st.integers(1, 1000),
    share=st.floats(0, 1),
    spacing=st.sampled_from(["trailing", "leading", "linspace"]),
)
def test_timesteps_fall_and_stay_in_range(steps: int, share: float, spacing: str) -> None:
    count = 1 + round(share * (steps - 1))
    chosen = sampling_timesteps(steps, count, spacing)  # type: ignore[arg-type]
    assert len(chosen) == count
    assert min(chosen) >= 0 and max(chosen) < steps
    assert all(a > b for a, b in itertools.pairwise(chosen))
    if spacing == "trailing":
        assert chosen[0] == steps - 1


@pytest.mark.parametrize("count", [0, 11])
def test_timesteps_refuse_impossible_counts(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 10"):
        sampling_timesteps(10, count)


def test_timesteps_refuse_an_unknown_spacing() -> None:
    with pytest.raises(ValueError, match="spacing"):
        sampling_timesteps(10, 2, "random")  # type: ignore[arg-type]
