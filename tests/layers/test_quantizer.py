import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from talking_heads.errors import UserError
from talking_heads.layers import (
    VectorQuantizer,
    nearest_codes,
    perplexity,
    quantization_loss,
    quantizer,
    straight_through,
)

SIZES = {"seed": st.integers(0, 10**6), "codes": st.integers(1, 40), "channels": st.integers(1, 12)}


def distances(latents: Tensor, codebook: Tensor) -> Tensor:
    """Every squared distance in double precision, the direct way."""
    return (latents.double()[..., None, :] - codebook.double()).square().sum(-1)


def state(module: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def assert_same(left: dict[str, Tensor], right: dict[str, Tensor]) -> None:
    assert left.keys() == right.keys()
    for name, value in left.items():
        assert torch.equal(value, right[name]), name


# --- the lookup ---


@given(shape=st.lists(st.integers(1, 6), max_size=3), scale=st.sampled_from([1e-3, 1.0, 1e3]),
       **SIZES)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_nearest_is_nearest(
    shape: list[int], scale: float, seed: int, codes: int, channels: int
) -> None:
    make = torch.Generator().manual_seed(seed)
    latents = scale * torch.randn(*shape, channels, generator=make)
    codebook = scale * torch.randn(codes, channels, generator=make)
    found = nearest_codes(latents, codebook)
    assert found.shape == tuple(shape) and found.dtype == torch.int64
    table = distances(latents, codebook)
    chosen = table.gather(-1, found[..., None])[..., 0]
    # Two codes may be equally near to within the rounding of single precision.
    slack = 1e-5 * (codebook.double().square().sum(1).max() + latents.double().square().max())
    assert (chosen <= table.min(-1).values + slack).all()


def test_nearest_of_integers_is_exact_and_the_first_of_equals() -> None:
    torch.manual_seed(0)
    latents = torch.randint(-4, 5, (500, 3)).float()
    codebook = torch.randint(-4, 5, (32, 3)).float()
    # 32 rows: the mean of the codebook is exact in binary, and so is all that follows.
    expected = distances(latents, codebook).argmin(-1)
    assert torch.equal(nearest_codes(latents, codebook), expected)


def test_codes_close_together_and_far_from_zero_are_told_apart() -> None:
    # |c|^2 is 8e6 here and the distances are 1e-2: without moving the origin, single precision
    # holds none of their digits.
    torch.manual_seed(0)
    codebook = 1000 + 0.05 * torch.randn(20, 8)
    latents = codebook[torch.randint(20, (200,))] + 0.005 * torch.randn(200, 8)
    assert torch.equal(nearest_codes(latents, codebook), distances(latents, codebook).argmin(-1))


@given(**SIZES)
@settings(max_examples=30, deadline=None)
def test_what_was_rounded_stays(seed: int, codes: int, channels: int) -> None:
    torch.manual_seed(seed)
    layer = VectorQuantizer(codes, channels).eval()
    layer.codebook.data.normal_()
    once = layer(torch.randn(3, 5, channels))
    assert torch.equal(once.values, layer.lookup(once.codes))
    again = layer(once.values)
    # Codes may be so near each other that single precision confuses them, and then it is no harm.
    torch.testing.assert_close(again.values, once.values, rtol=0, atol=2e-3)
    gaps = distances(layer.codebook.detach(), layer.codebook.detach()) + torch.eye(codes)
    if float(gaps.min()) > 1e-4:
        assert torch.equal(again.values, once.values)
        assert torch.equal(again.codes, once.codes)
        assert again.loss.item() == 0


@pytest.mark.parametrize("scores", [1, 100, 10**9])
def test_the_size_of_the_pieces_changes_nothing(
    scores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    latents, codebook = torch.randn(7, 11, 4), torch.randn(30, 4)
    monkeypatch.setattr(quantizer, "SCORES", scores)
    expected = distances(latents, codebook).argmin(-1)
    assert torch.equal(nearest_codes(latents, codebook), expected)


def test_no_tokens_no_codes() -> None:
    layer = VectorQuantizer(4, 3)
    result = layer(torch.zeros(2, 0, 3))
    assert result.codes.shape == (2, 0) and result.values.shape == (2, 0, 3)
    assert result.loss.item() == 0 and float(result.perplexity) == 1
    assert not layer.started


class Largest(TorchDispatchMode):
    """Notes how many numbers the largest tensor has that is made inside."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor):
                # An expanded view costs nothing: count what is stored.
                stored = leaf.untyped_storage().nbytes() // leaf.element_size()
                self.numbers = max(self.numbers, stored)
        return out


def test_the_recorder_sees_the_table_of_the_direct_version() -> None:
    latents, codebook = torch.randn(50, 4), torch.randn(30, 4)
    with Largest() as largest:
        (latents[:, None] - codebook).square().sum(-1).argmin(-1)
    assert largest.numbers == 50 * 30 * 4


@pytest.mark.parametrize("decay", [None, 0.9])
def test_no_table_of_tokens_codes_and_channels(decay: float | None) -> None:
    tokens, codes, channels = 8192, 256, 32
    layer = VectorQuantizer(codes, channels, decay=decay, restart=2)
    latents = torch.randn(tokens, channels, requires_grad=True)
    with Largest() as largest:
        for _ in range(3):
            result = layer(latents)
            (result.values.sum() + result.loss).backward()
    assert largest.numbers <= quantizer.SCORES
    assert tokens * codes >= 2 * quantizer.SCORES
    assert tokens * codes * channels >= 64 * quantizer.SCORES


def test_autocast_chooses_as_single_precision_does() -> None:
    torch.manual_seed(0)
    layer = VectorQuantizer(64, 16, start="uniform").eval()
    layer.codebook.data.normal_()
    index = torch.randint(64, (2, 50))
    latents = layer.lookup(index).detach() + 0.05 * torch.randn(2, 50, 16)
    plain = layer(latents)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = layer(latents)
        rough = layer(latents.bfloat16())
    assert torch.equal(plain.codes, index)
    assert torch.equal(mixed.codes, index)
    assert torch.equal(mixed.values, plain.values) and torch.equal(mixed.loss, plain.loss)
    # Latents that are rounded themselves, as a layer before under autocast makes them.
    assert torch.equal(rough.codes, index)
    assert rough.values.dtype == torch.float32
    assert torch.equal(rough.values, plain.values)
    torch.testing.assert_close(rough.loss, plain.loss, rtol=0.02, atol=0)


def test_autocast_does_not_mix_up_codes_that_half_precision_would() -> None:
    torch.manual_seed(0)
    codebook = 1 + 0.01 * torch.randn(64, 4)
    latents = 1 + 0.01 * torch.randn(300, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = nearest_codes(latents, codebook)
        table = torch.cdist(latents.bfloat16(), codebook.bfloat16())
    expected = distances(latents, codebook).argmin(-1)
    assert torch.equal(found, expected)
    assert not torch.equal(table.argmin(-1), expected)


# --- gradients and losses ---


def test_straight_through_is_exact_and_hands_the_gradient_on() -> None:
    torch.manual_seed(0)
    latents = (1000 * torch.randn(40, 3)).requires_grad_()
    values = torch.randn(40, 3, requires_grad=True)
    out = straight_through(latents, values)
    assert torch.equal(out, values)
    pull = torch.randn(40, 3)
    out.backward(pull)
    assert torch.equal(latents.grad, pull)
    assert values.grad is None


def test_loss_by_hand() -> None:
    latents = torch.tensor([[0.0, 0.0], [1.0, 3.0]])
    values = torch.tensor([[1.0, 1.0], [1.0, 1.0]])
    # Squares 1, 1, 0, 4; their mean is 1.5, once for the codebook and a quarter for commitment.
    assert float(quantization_loss(latents, values)) == 1.5 * 1.25
    assert float(quantization_loss(latents, values, beta=2.0)) == 4.5
    assert float(quantization_loss(latents, values, learn_values=False)) == 0.375
    half = quantization_loss(latents.bfloat16(), values.bfloat16())
    assert half.dtype == torch.float32 and float(half) == 1.5 * 1.25
    # The second token alone: mean 2.
    mask = torch.tensor([False, True])
    assert float(quantization_loss(latents, values, mask)) == 2.5
    assert float(quantization_loss(latents, values, torch.zeros(2, dtype=torch.bool))) == 0


@given(beta=st.floats(0, 4), masked=st.booleans(), **SIZES)
@settings(max_examples=40, deadline=None)
def test_gradients_equal_those_by_hand(
    beta: float, masked: bool, seed: int, codes: int, channels: int
) -> None:
    torch.manual_seed(seed)
    layer = VectorQuantizer(codes, channels, beta=beta, start="uniform")
    latents = torch.randn(3, 4, 2, channels, requires_grad=True)
    mask = torch.rand(3, 4) < 0.6 if masked else None
    result = layer(latents, mask)
    pull = torch.randn_like(result.values)
    (result.loss + (result.values * pull).sum()).backward()

    codebook, inputs = layer.codebook.detach().double(), latents.detach().double()
    counted = torch.ones(3, 4, 2) if mask is None else mask[..., None].expand(3, 4, 2)
    numbers = max(int(counted.sum()), 1) * channels
    on_codes, on_latents = torch.zeros_like(codebook), pull.double()
    for place in np.ndindex(3, 4, 2):
        code = int(distances(inputs[place], codebook).argmin())
        assert code == int(result.codes[place])
        if counted[place]:
            off = inputs[place] - codebook[code]
            on_latents[place] += beta * 2 * off / numbers
            on_codes[code] -= 2 * off / numbers
    torch.testing.assert_close(latents.grad.double(), on_latents, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(layer.codebook.grad.double(), on_codes, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("garbage", [1e6, math.nan, math.inf])
@pytest.mark.parametrize("decay", [None, 0.9])
@pytest.mark.parametrize("start", ["data", "uniform"])
def test_masked_tokens_change_nothing(garbage: float, decay: float | None, start: str) -> None:
    mask = torch.arange(6) < torch.tensor([[6], [2], [0]])
    runs = []
    for filling in (0.0, garbage):
        torch.manual_seed(0)
        layer = VectorQuantizer(12, 4, start=start, decay=decay, restart=1)
        found = []
        for _ in range(4):
            latents = torch.randn(3, 6, 2, 4)
            latents[~mask] = filling
            latents.requires_grad_()
            layer.zero_grad()
            result = layer(latents, mask)
            result.loss.backward()
            assert float(latents.grad[~mask].abs().max()) == 0
            found.append((result.loss.detach(), result.perplexity, result.values[mask].detach(),
                          result.codes[mask], latents.grad))  # fmt: skip
        runs.append((state(layer), found, layer.codebook.grad))
    assert_same(runs[0][0], runs[1][0])
    for one, other in zip(runs[0][1], runs[1][1], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    if decay is None:
        assert torch.equal(runs[0][2], runs[1][2])


def test_a_mask_is_the_same_as_leaving_tokens_out() -> None:
    torch.manual_seed(0)
    latents = torch.randn(2, 5, 3, 4)
    mask = torch.rand(2, 5) < 0.5
    full = VectorQuantizer(6, 4, start="uniform", decay=0.8)
    less = VectorQuantizer(6, 4, start="uniform", decay=0.8)
    less.load_state_dict(full.state_dict())
    for _ in range(3):
        one, other = full(latents, mask), less(latents[mask])
        torch.testing.assert_close(one.loss, other.loss)
        torch.testing.assert_close(one.perplexity, other.perplexity)
        assert torch.equal(one.codes[mask], other.codes)
    for name, value in less.state_dict().items():
        torch.testing.assert_close(full.state_dict()[name], value)


# --- perplexity ---


def test_perplexity_by_hand() -> None:
    assert float(perplexity(torch.tensor([3, 3, 3]), 5)) == pytest.approx(1)
    assert float(perplexity(torch.arange(5).repeat(7), 5)) == pytest.approx(5)
    assert float(perplexity(torch.tensor([[0], [4]]), 5)) == pytest.approx(2)
    # Shares 1/2, 1/4, 1/4: the entropy is 1.5 bits.
    assert float(perplexity(torch.tensor([0, 0, 1, 2]), 9)) == pytest.approx(2**1.5)
    mask = torch.tensor([True, False, True, False])
    assert float(perplexity(torch.tensor([0, 0, 1, 2]), 9, mask)) == pytest.approx(2)
    assert float(perplexity(torch.tensor([0, 1]), 9, torch.zeros(2, dtype=torch.bool))) == 1


@given(codes=st.lists(st.integers(0, 11), min_size=1, max_size=60), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_perplexity_bounds(codes: list[int], seed: int) -> None:
    chosen = torch.tensor(codes)
    value = float(perplexity(chosen, 12))
    distinct = len(set(codes))
    assert 1 - 1e-5 <= value <= distinct + 1e-4
    # Neither the names of the codes nor the order of the tokens matters, nor codes beyond.
    torch.manual_seed(seed)
    renamed = torch.randperm(12)[chosen][torch.randperm(len(codes))]
    assert float(perplexity(renamed, 12)) == pytest.approx(value, rel=1e-5)
    assert float(perplexity(chosen, 500)) == pytest.approx(value, rel=1e-5)


# --- how the codebook begins and begins again ---


def rows_in(rows: Tensor, tokens: Tensor) -> Tensor:
    """Say for each row whether it is one of the tokens."""
    return (rows[:, None] == tokens.flatten(0, -2)).all(-1).any(-1)


@pytest.mark.parametrize("decay", [None, 0.9])
def test_uniform_start_is_that_of_the_published_code(decay: float | None) -> None:
    layer = VectorQuantizer(256, 64, start="uniform", decay=decay)
    assert float(layer.codebook.detach().abs().max()) <= 1 / 256
    assert float(layer.codebook.detach().abs().max()) > 0.99 / 256
    assert float(layer.codebook.detach().std()) == pytest.approx(1 / 256 / math.sqrt(3), rel=0.05)
    before = layer.codebook.detach().clone()
    layer(torch.randn(10, 64))
    assert decay is not None or torch.equal(layer.codebook, before)


def test_data_start_takes_different_latents_of_the_first_training_batch() -> None:
    torch.manual_seed(0)
    layer = VectorQuantizer(10, 3).eval()
    before = state(layer)
    layer(torch.randn(4, 8, 3))
    assert_same(state(layer), before)
    layer.train()
    first = torch.randn(4, 8, 3)
    result = layer(first)
    assert rows_in(layer.codebook.detach(), first).all()
    assert len(layer.codebook.detach().unique(dim=0)) == 10
    # The loss is already that of the new codes.
    expected = distances(first, layer.codebook.detach()).min(-1).values.mean() / 3 * 1.25
    assert float(result.loss.detach()) == pytest.approx(float(expected), rel=1e-5)
    after = layer.codebook.detach().clone()
    layer(torch.randn(4, 8, 3))
    assert torch.equal(layer.codebook, after)


@pytest.mark.parametrize("number", [4, 10])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_data_start_with_no_more_latents_than_codes(number: int, precision: torch.dtype) -> None:
    torch.manual_seed(0)
    layer = VectorQuantizer(10, 3)
    first = torch.randn(number, 3).to(precision)
    layer(first)
    codebook = layer.codebook.detach()
    assert layer.started and rows_in(codebook, first.float()).all()
    assert codebook.dtype == torch.float32
    # Each latent at most once, where there are enough.
    assert number < 10 or len(codebook.unique(dim=0)) == 10


@pytest.mark.parametrize("decay", [None, 0.9])
@pytest.mark.parametrize("restart", [1, 3])
def test_restart_makes_dead_codes_alive(decay: float | None, restart: int) -> None:
    torch.manual_seed(0)
    layer = VectorQuantizer(8, 3, start="uniform", decay=decay, restart=restart)
    layer.codebook.data[5:] = 1000.0
    latents = torch.randn(50, 3)
    for step in range(restart):
        assert (layer.codebook[5:] == 1000).all(), step
        alive = layer(latents).codes.unique()
        assert int(alive.max()) < 5
    fresh = layer.codebook.detach()[5:]
    assert rows_in(fresh, latents).all()
    if decay is not None:
        assert torch.equal(layer.running_sums[5:], fresh)
        assert (layer.running_counts[5:] == 1).all()
    # Each new code is a latent, so that latent at least chooses it.
    chosen = layer(latents).codes
    for code in range(5, 8):
        assert (chosen == code).any()
    assert (layer.unused[5:] == 0).all()


def test_restart_leaves_codes_in_use_and_counts_the_steps() -> None:
    layer = VectorQuantizer(3, 1, start="uniform", restart=2)
    layer.codebook.data[:] = torch.tensor([[0.0], [10.0], [20.0]])
    near_0, near_10 = torch.tensor([[0.1], [0.2]]), torch.tensor([[10.1], [9.0]])
    layer(near_0)
    assert layer.unused.tolist() == [0, 1, 1]
    layer(near_10)  # Code 2 has now been idle twice, code 0 only once.
    assert layer.codebook[:2, 0].tolist() == [0.0, 10.0]
    assert rows_in(layer.codebook.detach()[2:], near_10).all()
    assert layer.unused.tolist() == [1, 0, 0]


def test_without_restart_dead_codes_stay() -> None:
    layer = VectorQuantizer(2, 1, start="uniform")
    layer.codebook.data[:] = torch.tensor([[0.0], [50.0]])
    for _ in range(20):
        layer(torch.randn(9, 1))
    assert layer.codebook[:, 0].tolist() == [0.0, 50.0]
    assert layer.unused.tolist() == [0, 20]


@pytest.mark.parametrize("decay", [None, 0.9])
def test_evaluation_changes_nothing(decay: float | None) -> None:
    torch.manual_seed(0)
    layer = VectorQuantizer(8, 3, decay=decay, restart=1)
    layer(torch.randn(20, 3))
    before = state(layer)
    layer.eval()
    random = torch.get_rng_state()
    layer(torch.randn(20, 3, generator=torch.Generator().manual_seed(1)))
    assert_same(state(layer), before)
    assert torch.equal(torch.get_rng_state(), random)


def test_start_and_restart_cure_the_collapse() -> None:
    # 32 clusters far from where uniform codes begin; the latents are learned by nobody here.
    torch.manual_seed(0)
    centres = 4 + torch.randn(32, 6)

    def train(**options: Any) -> float:
        torch.manual_seed(1)
        layer = VectorQuantizer(32, 6, **options)
        step = torch.optim.Adam(layer.parameters(), 0.01)
        for _ in range(60):
            latents = centres[torch.randint(32, (256,))] + 0.02 * torch.randn(256, 6)
            step.zero_grad()
            layer(latents).loss.backward()
            step.step()
        return float(layer.eval()(centres).perplexity)

    assert train(start="uniform") < 4
    assert train(start="data") > 16
    assert train(start="uniform", restart=5) > 16
    assert train(start="data", restart=5) > 16


# --- running means ---


@given(decay=st.floats(0, 0.99), masked=st.booleans(), **SIZES)
@settings(max_examples=30, deadline=None)
def test_running_means_equal_a_plain_loop(
    decay: float, masked: bool, seed: int, codes: int, channels: int
) -> None:
    torch.manual_seed(seed)
    layer = VectorQuantizer(codes, channels, start="uniform", decay=decay)
    assert not list(layer.parameters())
    book = layer.codebook.double().numpy().copy()
    counts, sums = np.ones(codes), book.copy()
    for _ in range(4):
        latents = torch.randn(3, 5, channels)
        mask = torch.rand(3, 5) < 0.7 if masked else torch.ones(3, 5, dtype=torch.bool)
        result = layer(latents, mask)
        picked: list[list[np.ndarray]] = [[] for _ in range(codes)]
        error, number = 0.0, 0
        for place in np.ndindex(3, 5):
            token = latents[place].double().numpy()
            off = ((token - book) ** 2).sum(1)
            code = int(result.codes[place])
            assert off[code] <= off.min() + 1e-4
            if mask[place]:
                picked[code].append(token)
                error, number = error + off[code], number + channels
        assert float(result.loss) == pytest.approx(
            0.25 * error / max(number, 1), rel=1e-4, abs=1e-6
        )
        for code in range(codes):
            counts[code] = decay * counts[code] + (1 - decay) * len(picked[code])
            sums[code] = decay * sums[code] + (1 - decay) * sum(picked[code], np.zeros(channels))
            if picked[code]:
                book[code] = sums[code] / counts[code]
        np.testing.assert_allclose(layer.codebook.numpy(), book, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(layer.running_counts.numpy(), counts, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(layer.running_sums.numpy(), sums, rtol=1e-4, atol=1e-5)


def test_a_code_that_is_never_chosen_outlives_the_smallest_float() -> None:
    layer = VectorQuantizer(2, 1, start="uniform", decay=0.5)
    layer.codebook[:] = layer.running_sums[:] = torch.tensor([[0.0], [7.0]])
    for _ in range(400):
        layer(torch.zeros(3, 1))
    assert layer.codebook[:, 0].tolist() == [0.0, 7.0]
    layer(torch.tensor([[8.0]]))
    assert float(layer.codebook[1]) == pytest.approx(8)


# --- state ---


@pytest.mark.parametrize("decay", [None, 0.9])
def test_state_resumes_to_bit_equal_results(decay: float | None, tmp_path: Path) -> None:
    options: dict[str, Any] = {"decay": decay, "restart": 2}
    lead = torch.nn.Linear(4, 4)

    def begin() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
        net = torch.nn.Sequential(torch.nn.Linear(4, 4), VectorQuantizer(16, 4, **options))
        net[0].load_state_dict(lead.state_dict())
        return net, torch.optim.Adam(net.parameters(), 0.05)

    def run(net: torch.nn.Module, step: torch.optim.Optimizer, number: int) -> list[float]:
        losses = []
        for _ in range(number):
            x = torch.randn(8, 4)
            result = net(x)
            loss = result.loss + (result.values - x).abs().mean()
            step.zero_grad()
            loss.backward()
            step.step()
            losses += [loss.item(), result.perplexity.item()]
        return losses

    torch.manual_seed(3)
    net, step = begin()
    run(net, step, 4)
    torch.save((net.state_dict(), step.state_dict(), torch.get_rng_state()), tmp_path / "state")
    ahead = run(net, step, 6)

    torch.manual_seed(4)
    again, step = begin()
    weights, moments, random = torch.load(tmp_path / "state")
    again.load_state_dict(weights)
    step.load_state_dict(moments)
    torch.set_rng_state(random)
    assert run(again, step, 6) == ahead
    assert_same(state(again), state(net))


def test_settings_are_checked() -> None:
    for options in (
        {"codes": 0},
        {"channels": 0},
        {"start": "kmeans"},
        {"decay": 1.0},
        {"decay": -0.1},
        {"beta": -1.0},
        {"restart": -1},
    ):
        with pytest.raises(UserError):
            VectorQuantizer(**{"codes": 4, "channels": 2, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("channels", [1, 2, 8])
def test_latents_of_another_width_are_refused(channels: int) -> None:
    """One number would be stretched over all four, and eight be cut in two, without a word."""
    quantizer = VectorQuantizer(6, 4)
    before = quantizer.codebook.detach().clone()
    for call in (quantizer, VectorQuantizer(6, 4).eval(), quantizer.nearest):
        with pytest.raises(UserError, match=r"\(\.\.\., 4\), not \(3, 2, "):
            call(torch.randn(3, 2, channels))
    torch.testing.assert_close(quantizer.codebook, before, rtol=0, atol=0)
    assert not quantizer.started


# --- against vector-quantize-pytorch ---


def library(codes: int, channels: int, **options: Any) -> torch.nn.Module:
    """Its quantizer without what ours has not: no dead codes by running counts, no smoothing."""
    from vector_quantize_pytorch import VectorQuantize

    settings = {"rotation_trick": False, "threshold_ema_dead_code": 0, "eps": 0.0, **options}
    heads = settings.get("heads", 1)
    return VectorQuantize(heads * channels, codes, codebook_dim=channels, **settings)


@pytest.mark.parametrize("heads", [1, 4])
def test_learned_codebook_as_in_the_library(heads: int) -> None:
    torch.manual_seed(0)
    theirs = library(20, 6, learnable_codebook=True, ema_update=False, heads=heads,
                     commitment_weight=1.0)  # fmt: skip
    ours = VectorQuantizer(20, 6, start="uniform", beta=0.3)
    ours.codebook.data.copy_(theirs.codebook)
    x = torch.randn(3, 7, heads, 6)
    pull = torch.randn(3, 7, heads, 6)

    mine, hers = x.clone().requires_grad_(), x.clone().requires_grad_()
    result = ours(mine)
    values, codes, loss = theirs(hers.flatten(2))
    assert torch.equal(result.codes, codes.view(3, 7, heads))
    torch.testing.assert_close(result.values, values.view_as(x))
    # With a learned codebook it has one squared error with gradients to both sides, ours two:
    # one for the codebook and beta of one for the latents.
    torch.testing.assert_close(result.loss, 1.3 * loss)
    result.loss.backward()
    loss.backward()
    torch.testing.assert_close(ours.codebook.grad, theirs._codebook.embed.grad[0])
    torch.testing.assert_close(mine.grad, 0.3 * hers.grad)
    # Straight through.
    mine.grad = hers.grad = None
    ours(mine).values.backward(pull)
    theirs(hers.flatten(2))[0].backward(pull.flatten(2))
    torch.testing.assert_close(mine.grad, hers.grad)


@pytest.mark.parametrize("masked", [False, True])
def test_running_means_as_in_the_library(masked: bool) -> None:
    torch.manual_seed(0)
    theirs = library(20, 6, decay=0.8, commitment_weight=0.25)
    ours = VectorQuantizer(20, 6, start="uniform", decay=0.8)
    ours.codebook.copy_(theirs.codebook)
    ours.running_sums.copy_(theirs.codebook)
    centres = torch.randn(20, 6)
    for _ in range(10):
        x = centres[torch.randint(20, (3, 9))] + 0.1 * torch.randn(3, 9, 6)
        mask = torch.rand(3, 9) < 0.7 if masked else torch.ones(3, 9, dtype=torch.bool)
        mine, hers = x.clone().requires_grad_(), x.clone().requires_grad_()
        result = ours(mine, mask)
        values, codes, loss = theirs(hers, mask=mask if masked else None)
        assert torch.equal(result.codes[mask], codes[mask])
        torch.testing.assert_close(result.values[mask], values[mask])
        torch.testing.assert_close(result.loss, loss)
        result.loss.backward()
        loss.backward()
        torch.testing.assert_close(mine.grad, hers.grad)
        torch.testing.assert_close(ours.codebook, theirs.codebook)
        torch.testing.assert_close(ours.running_counts, theirs._codebook.cluster_size[0])
    assert (ours.codebook - theirs.codebook).abs().max() < 1e-5


# --- two processes ---

TWO = """
import sys
import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel
from talking_heads.layers import VectorQuantizer

rank, world, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
torch.set_num_threads(1)
if world > 1:
    distributed.init_process_group(
        "gloo", rank=rank, world_size=world, init_method=f"file://{folder}/meet"
    )
found = {}
for name, start, decay, restart in (
    ("learned", "uniform", None, 0), ("means", "uniform", 0.9, 0),
    ("learned, restarts", "data", None, 2), ("means, restarts", "data", 0.9, 2),
):
    torch.manual_seed(0)
    layer = VectorQuantizer(12, 4, start=start, decay=decay, restart=restart)
    net = torch.nn.Sequential(torch.nn.Linear(4, 4), layer)
    if world > 1:
        net = DistributedDataParallel(net)
    step = torch.optim.SGD(net.parameters(), 0.1)
    data = torch.Generator().manual_seed(1)
    torch.manual_seed(5 + rank)
    seen = []
    for _ in range(12):
        x = torch.randn(8, 5, 4, generator=data).tensor_split(world)[rank]
        result = net(x)
        step.zero_grad()
        (result.loss + (result.values - x).square().mean()).backward()
        step.step()
        seen.append(float(result.perplexity))
    found[name] = layer.state_dict(), seen
torch.save(found, f"{folder}/{world}-{rank}")
"""


@pytest.mark.slow
def test_two_processes_keep_one_codebook(tmp_path: Path) -> None:
    runs = [
        subprocess.Popen([sys.executable, "-c", TWO, str(rank), str(world), str(tmp_path)])
        for rank, world in ((0, 2), (1, 2), (0, 1))
    ]
    assert [run.wait(timeout=120) for run in runs] == [0, 0, 0]
    first, second, alone = (torch.load(tmp_path / name) for name in ("2-0", "2-1", "1-0"))
    for name, (book, seen) in first.items():
        assert_same(book, second[name][0])
        assert seen == second[name][1]
        if "restarts" not in name:
            assert seen == pytest.approx(alone[name][1], rel=1e-5)
            for part, value in alone[name][0].items():
                torch.testing.assert_close(book[part], value, rtol=1e-4, atol=1e-6)
