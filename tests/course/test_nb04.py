"""The references of notebook 04's checks are the package's own; learners' ways of writing pass."""

import numpy as np
import pytest
import torch

from talking_heads.course.checking import CheckFailed
from talking_heads.course.checks import codebooks, find_exercise, nb04
from talking_heads.layers import quantizer
from talking_heads.models.motion_prior import gaussian_divergence

BITS = find_exercise("04.divergence_bits").check
NEAREST = find_exercise("04.nearest_codes").check
LOSS = find_exercise("04.quantization_loss").check
GRADIENT = find_exercise("04.encoder_gradient").check
PERPLEXITY = find_exercise("04.perplexity").check
RESTART = find_exercise("04.restart").check


def tensors(*arrays):
    return [torch.from_numpy(np.asarray(array)) for array in arrays]


def test_the_reference_bits_are_the_packages_nats_and_torchs():
    rng = np.random.default_rng(0)
    mean, log_variance = rng.normal(0, 1, (2, 30, 5))
    m, v = tensors(mean, log_variance)
    found = nb04.divergence_bits(mean, log_variance) * np.log(2)
    assert found == pytest.approx(gaussian_divergence(m, v).sum(1).mean().item())
    cloud = torch.distributions.Normal(m, (v / 2).exp())
    theirs = torch.distributions.kl_divergence(cloud, torch.distributions.Normal(0, 1))
    assert found == pytest.approx(theirs.sum(1).mean().item())


def test_the_reference_codes_are_the_packages():
    rng = np.random.default_rng(1)
    latents, book = rng.normal(0, 1, (300, 6)), rng.normal(0, 2, (50, 6))
    expected = quantizer.nearest_codes(*tensors(latents, book))
    np.testing.assert_array_equal(codebooks.nearest_codes(latents, book), expected)


def test_the_reference_loss_is_the_packages():
    rng = np.random.default_rng(2)
    latents, values = rng.normal(0, 1, (2, 20, 4, 3))
    mask = rng.random(20) < 0.6
    expected = quantizer.quantization_loss(*tensors(latents, values, mask), beta=0.4)
    assert nb04.quantization_loss(latents, values, mask, 0.4) == pytest.approx(expected.item())


def test_the_reference_gradient_is_autograds():
    rng = np.random.default_rng(3)
    latents, values, behind = rng.normal(0, 1, (3, 12, 5))
    z, c, g = tensors(latents, values, behind)
    z.requires_grad_()
    loss = (quantizer.straight_through(z, c) * g).sum() + quantizer.quantization_loss(z, c)
    loss.backward()
    found = nb04.encoder_gradient(latents, values, behind, 0.25)
    np.testing.assert_allclose(found, z.grad, atol=1e-12)


def test_the_reference_perplexity_is_the_packages():
    codes = np.random.default_rng(4).integers(0, 20, (50, 3)) ** 2 % 23
    expected = quantizer.perplexity(torch.from_numpy(codes), 23).item()
    assert codebooks.perplexity(codes, 23) == pytest.approx(expected, rel=1e-5)
    assert codebooks.perplexity(np.arange(8)[:, None], 8) == pytest.approx(8)


def test_the_reference_restarts_the_codes_that_the_quantizer_does():
    torch.manual_seed(0)
    layer = quantizer.VectorQuantizer(16, 2, start="uniform", restart=3)
    layer.unused.copy_(torch.arange(16) % 4)
    before, unused = layer.codebook.detach().clone().numpy(), layer.unused.clone().numpy()
    latents = torch.randn(40, 2)
    codes = layer(latents).codes.numpy()
    after = layer.codebook.detach().numpy()
    changed = codebooks.restart(before, unused, codes, 3, np.full((40, 2), 99.0))[:, 0] == 99
    np.testing.assert_array_equal((after != before).any(axis=1), changed)
    assert 0 < changed.sum() < 16
    for row in after[changed]:
        assert (latents.numpy() == row).all(axis=1).any(), "a latent of the batch"


def bits_by_loops(mean, log_variance):
    total = 0.0
    for m, v in zip(mean.ravel(), log_variance.ravel(), strict=True):
        total += (m * m + np.exp(v) - 1 - v) / 2
    return total / len(mean) / np.log(2)


def nearest_by_loops(latents, codebook):
    return [
        min(range(len(codebook)), key=lambda k: np.sum((z - codebook[k]) ** 2)) for z in latents
    ]


def loss_by_torch(latents, values, mask, beta):
    z, c = tensors(latents[mask], values[mask])
    both = torch.nn.functional.mse_loss(z, c)
    return both + beta * both


def gradient_by_differences(latents, values, behind, beta, step=1e-5):
    out = np.array(behind)
    for place in np.ndindex(latents.shape):
        less, more = latents.copy(), latents.copy()
        less[place], more[place] = latents[place] - step, latents[place] + step
        rise = np.mean((more - values) ** 2) - np.mean((less - values) ** 2)
        out[place] += beta * rise / (2 * step)
    return out


def perplexity_as_published(codes, size):
    hot = np.eye(size)[codes.ravel()]
    share = hot.mean(axis=0)
    return np.exp(-np.sum(share * np.log(share + 1e-10)))


def perplexity_in_bits(codes, size):
    _, counts = np.unique(codes, return_counts=True)
    share = counts / counts.sum()
    return 2 ** np.sum(share * np.log2(1 / share))


def restart_by_loops(codebook, unused, codes, patience, fresh):
    out, taken = np.array(codebook), 0
    for k in range(len(out)):
        if k not in codes and unused[k] + 1 >= patience:
            out[k] = fresh[taken]
            taken += 1
    return out


@pytest.mark.parametrize("seed", range(5))
def test_other_right_ways_of_writing_pass(seed):
    for check, answer in (
        (BITS, bits_by_loops),
        (NEAREST, nearest_by_loops),
        (NEAREST, lambda z, c: ((z[:, None] - c) ** 2).sum(axis=2).argmin(axis=1)),
        (NEAREST, lambda z, c: torch.cdist(*tensors(z, c)).argmin(1)),
        (LOSS, loss_by_torch),
        (GRADIENT, gradient_by_differences),
        (PERPLEXITY, perplexity_as_published),
        (PERPLEXITY, perplexity_in_bits),
        (RESTART, restart_by_loops),
    ):
        assert "inputs" in check(answer, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("check", "answer", "words"),
    [
        # Mistakes as learners write them, none of them taken from the table of the check.
        (BITS, lambda m, v: bits_by_loops(m, v) * len(m), "add up all frames"),
        (BITS, lambda m, v: bits_by_loops(m, np.exp(v)), "your answer is"),
        (BITS, lambda m, v: bits_by_loops(m, v) * np.log(2), "in nats"),
        (BITS, lambda m, v: 0.5 * (m**2 + np.exp(v) - 1 - v) / np.log(2), "has shape (50, 4)"),
        (NEAREST, lambda z, c: np.array(nearest_by_loops(c, z)), "nearest latent for each code"),
        (NEAREST, lambda z, c: nearest_by_loops(z, c / 2), "For forty latents"),
        (NEAREST, lambda z, c: (z - c).argmin(axis=1), "ValueError"),
        (LOSS, lambda z, c, m, b: loss_by_torch(z, c, m, b) - b / 2, "your answer is"),
        (LOSS, lambda z, c, m, b: loss_by_torch(z, c, m, 0), "codebook loss alone"),
        (LOSS, lambda z, c, m, b: loss_by_torch(z * m, c, m, b), "ValueError"),
        (LOSS, lambda z, c, m, b: 12 * loss_by_torch(z, c, m, b), "right one times 12"),
        (GRADIENT, lambda z, c, g, b: gradient_by_differences(z, c, g, 0), "that is all"),
        (GRADIENT, lambda z, c, g, b: gradient_by_differences(c, z, g, b), "away from their codes"),
        (GRADIENT, lambda z, c, g, b: -gradient_by_differences(z, c, g, b), "the wrong sign"),
        (GRADIENT, lambda z, c, g, b: np.mean(g), "has shape ()"),
        (PERPLEXITY, lambda k, n: len(np.unique(k)), "occur at all"),
        (PERPLEXITY, lambda k, n: n, "your answer is 8"),
        (PERPLEXITY, lambda k, n: perplexity_in_bits(k[:, :1], n), "For five of eight"),
        (RESTART, lambda c, u, k, p, f: restart_by_loops(c, u - 1, k, p, f), "one step longer"),
        (RESTART, lambda c, u, k, p, f: restart_by_loops(c, u, [], p, f), "in this very step"),
        (RESTART, lambda c, u, k, p, f: restart_by_loops(c, u, k, p, f[::-1]), "at index"),
        (RESTART, lambda c, u, k, p, f: c.__imul__(2), "changes its input in place"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_mistakes_as_learners_write_them(check, answer, words):
    with pytest.raises(CheckFailed) as failure:
        check(answer, np.random.default_rng(0))
    assert words in str(failure.value)
