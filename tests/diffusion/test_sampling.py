import pytest
import torch
from diffusers import DDIMScheduler
from torch import Tensor

from talking_heads.diffusion import (
    add_noise,
    alpha_bars,
    ddim_sample,
    ddim_step,
    implied_noise,
    sampling_timesteps,
    scaled_linear_betas,
)

BARS = alpha_bars(scaled_linear_betas(1000))


def denoiser(noisy: Tensor, step: int) -> Tensor:
    """Any smooth function of the state and the step will do."""
    return torch.tanh(noisy * 0.7) + 0.001 * step


def scheduler(spacing: str, last_is_clean: bool) -> DDIMScheduler:
    return DDIMScheduler(
        1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="sample",
        clip_sample=False,
        timestep_spacing=spacing,
        steps_offset=1,
        set_alpha_to_one=last_is_clean,
    )


@pytest.mark.parametrize("count", [2, 10, 50])
@pytest.mark.parametrize("spacing", ["trailing", "leading"])
@pytest.mark.parametrize("last_is_clean", [True, False])
def test_sampling_equals_diffusers(spacing: str, count: int, last_is_clean: bool) -> None:
    torch.manual_seed(0)
    start = torch.randn(3, 8)
    theirs = scheduler(spacing, last_is_clean)
    theirs.set_timesteps(count)
    state = start
    for step in theirs.timesteps:
        state = theirs.step(denoiser(state, int(step)), step, state, eta=0.0).prev_sample
    ours = ddim_sample(
        denoiser,
        start,
        BARS,
        sampling_timesteps(1000, count, spacing, offset=int(spacing == "leading")),
        final_alpha_bar=1.0 if last_is_clean else float(BARS[0]),
    )
    torch.testing.assert_close(ours, state, rtol=1e-3, atol=1e-4)


def test_one_noisy_step_equals_diffusers() -> None:
    torch.manual_seed(1)
    noisy, clean, fresh = torch.randn(3, 8), torch.randn(3, 8), torch.randn(3, 8)
    theirs = scheduler("leading", True)
    theirs.set_timesteps(10)
    step = int(theirs.timesteps[3])
    expected = theirs.step(clean, step, noisy, eta=0.7, variance_noise=fresh).prev_sample
    ours = ddim_step(noisy, clean, float(BARS[step]), float(BARS[step - 100]), eta=0.7, noise=fresh)
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)


def test_implied_noise_inverts_add_noise() -> None:
    torch.manual_seed(2)
    clean, noise = torch.randn(2, 5), torch.randn(2, 5)
    noisy = add_noise(clean, noise, torch.tensor([300, 300]), BARS)
    torch.testing.assert_close(
        implied_noise(noisy, clean, float(BARS[300])), noise, rtol=1e-4, atol=1e-4
    )


def test_a_perfect_denoiser_is_followed_exactly() -> None:
    clean = torch.linspace(-1, 1, 12).reshape(3, 4)
    for count in (1, 5, 50):
        out = ddim_sample(
            lambda _x, _t: clean,
            torch.randn(3, 4),
            BARS,
            sampling_timesteps(1000, count),
        )
        torch.testing.assert_close(out, clean)


def test_a_final_alpha_bar_below_one_leaves_noise_on_small_motion() -> None:
    """Why DiffSpeaker's figures broke with a correct DDIM: metres, and 29 mm of noise."""
    torch.manual_seed(3)
    metres = 0.003 * torch.randn(20_000)
    steps = sampling_timesteps(1000, 50, "leading", offset=1)
    start = torch.randn(20_000)

    def sample(**how: float | bool) -> Tensor:
        return ddim_sample(lambda _x, _t: metres, start, BARS, steps, **how)  # type: ignore[arg-type]

    left = (sample(final_alpha_bar=float(BARS[0])) - metres).std()
    assert float(left) == pytest.approx(0.02915, rel=0.03)
    torch.testing.assert_close(sample(), metres)
    torch.testing.assert_close(sample(legacy=True), 1.02873 * metres, rtol=1e-4, atol=1e-7)


def test_legacy_forgets_the_noise_after_its_first_step() -> None:
    out = ddim_step(torch.full((3,), 9.0), torch.ones(3), 0.1, 0.36, legacy=True)
    torch.testing.assert_close(out, torch.full((3,), 0.6 + 0.8))
    with pytest.raises(ValueError, match="deterministic"):
        ddim_step(out, out, 0.1, 0.36, eta=0.5, legacy=True)


def test_eta_needs_noise_and_obeys_the_generator() -> None:
    x = torch.zeros(4)
    with pytest.raises(ValueError, match="noise"):
        ddim_step(x, x, 0.5, 0.9, eta=1.0)

    def run(seed: int) -> Tensor:
        return ddim_sample(
            denoiser,
            torch.ones(4),
            BARS,
            [900, 500, 100],
            eta=1.0,
            generator=torch.Generator().manual_seed(seed),
        )

    assert torch.equal(run(5), run(5))
    assert not torch.equal(run(5), run(6))


def test_callback_sees_every_step() -> None:
    seen = []
    out = ddim_sample(
        denoiser,
        torch.randn(2, 3),
        BARS,
        sampling_timesteps(1000, 4),
        callback=lambda done, total, noisy, clean: seen.append((done, total, noisy, clean)),
    )
    assert [(done, total) for done, total, *_ in seen] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    torch.testing.assert_close(seen[-1][2], out)
    torch.testing.assert_close(seen[-1][3], out)
