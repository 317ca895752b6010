import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from talking_heads.layers import (
    BiasedConditionalAttention,
    DecoderLayer,
    cross_attention_bias,
    head_slopes,
    self_attention_bias,
)


def test_slopes_of_four_heads_are_those_of_faceformer() -> None:
    assert head_slopes(4).tolist() == [0.25, 0.0625, 0.015625, 0.00390625]


def test_self_bias_by_hand() -> None:
    bias = self_attention_bias(5, 1, 2, slopes=torch.tensor([1.0]))
    expected = [
        [0, 0, 0, 0, -1, -1, -2],
        [0, 0, 0, 0, 0, -1, -1],
        [0, 0, -1, 0, 0, 0, -1],
        [0, 0, -1, -1, 0, 0, 0],
        [0, 0, -2, -1, -1, 0, 0],
    ]
    assert bias[0].tolist() == expected


@given(
    frames=st.integers(1, 40),
    heads=st.integers(1, 8),
    period=st.integers(1, 30),
    conditions=st.integers(0, 3),
)
@settings(max_examples=40, deadline=None)
def test_self_bias_properties(frames: int, heads: int, period: int, conditions: int) -> None:
    bias = self_attention_bias(frames, heads, period, conditions)
    assert bias.shape == (heads, frames, conditions + frames)
    assert (bias[:, :, :conditions] == 0).all()
    own = bias[:, :, conditions:]
    assert torch.equal(own, own.transpose(1, 2))
    assert (own <= 0).all()
    # Never favours a frame that is further away.
    assert (own[:, 0].diff(dim=-1) <= 0).all()
    # Open within one period, as the paper says.
    assert (own[:, 0, :period] == 0).all()
    if frames > period:
        assert (own[:, 0, period:] < 0).all()


@pytest.mark.parametrize("band", [0, 1, 2])
def test_cross_bias_opens_the_band_and_the_conditions(band: int) -> None:
    bias = cross_attention_bias(6, band)[0]
    for i in range(6):
        assert bias[i, :2].tolist() == [0, 0]
        for j in range(6):
            assert bias[i, 2 + j] == (0.0 if abs(i - j) <= band else -math.inf)


def test_cross_bias_can_be_open() -> None:
    assert (cross_attention_bias(4, -1) == 0).all()


def brute_force(
    layer: BiasedConditionalAttention, tokens: Tensor, source: Tensor, cond: Tensor, bias: Tensor
) -> np.ndarray:
    """The attention of the paper's equation 5, with loops over batch, head, query and key."""
    p = {name: value.detach().double().numpy() for name, value in layer.state_dict().items()}
    x, c = tokens.double().numpy(), torch.cat([cond, source], 1).double().numpy()
    batch, frames, width = x.shape
    size = width // layer.heads
    out = np.zeros_like(x)
    for b in range(batch):
        query = x[b] @ p["query.weight"].T + p["query.bias"]
        both = c[b] @ p["key_value.weight"].T + p["key_value.bias"]
        key, value = both[:, :width], both[:, width:]
        for h in range(layer.heads):
            part = slice(h * size, (h + 1) * size)
            for i in range(frames):
                scores = np.array(
                    [
                        query[i, part] @ key[j, part] / np.sqrt(size)
                        + float(bias[min(h, len(bias) - 1), i, j])
                        for j in range(len(key))
                    ]
                )
                weights = np.exp(scores - scores.max())
                weights /= weights.sum()
                for j in range(len(key)):
                    out[b, i, part] += weights[j] * value[j, part]
    return out @ p["out.weight"].T + p["out.bias"]


@pytest.mark.parametrize("kind", ["self", "cross", "cross band"])
def test_attention_equals_brute_force(kind: str) -> None:
    torch.manual_seed(1)
    layer = BiasedConditionalAttention(8, 2)
    tokens, source, cond = torch.randn(2, 7, 8), torch.randn(2, 7, 8), torch.randn(2, 2, 8)
    bias = {
        "self": self_attention_bias(7, 2, 2),
        "cross": cross_attention_bias(7),
        "cross band": cross_attention_bias(7, 1),
    }[kind]
    with torch.no_grad():
        ours = layer(tokens, source, cond, bias)
    np.testing.assert_allclose(
        ours.numpy(), brute_force(layer, tokens, source, cond, bias), atol=1e-5
    )


def test_attention_refuses_a_width_that_heads_do_not_divide() -> None:
    with pytest.raises(ValueError, match="multiple"):
        BiasedConditionalAttention(10, 4)


def test_diagonal_cross_attention_hears_its_own_frame_only() -> None:
    torch.manual_seed(2)
    layer = BiasedConditionalAttention(16, 4)
    tokens, cond = torch.randn(1, 9, 16), torch.randn(1, 2, 16)
    audio = torch.randn(1, 9, 16)
    changed = audio.clone()
    changed[0, 4] += 1.0
    bias = cross_attention_bias(9)
    with torch.no_grad():
        difference = (layer(tokens, audio, cond, bias) - layer(tokens, changed, cond, bias)).abs()
    moved = difference.amax(-1)[0] > 1e-6
    assert moved.tolist() == [i == 4 for i in range(9)]


def test_conditions_reach_every_frame_through_both_attentions() -> None:
    torch.manual_seed(3)
    x, audio, cond = torch.randn(1, 6, 16), torch.randn(1, 6, 16), torch.randn(1, 2, 16)
    biases = self_attention_bias(6, 4, 1), cross_attention_bias(6)
    for condition_self in (True, False):
        layer = DecoderLayer(16, 4, 32, condition_self=condition_self)
        with torch.no_grad():
            difference = (
                layer(x, audio, cond, *biases) - layer(x, audio, cond + 1.0, *biases)
            ).abs()
        assert (difference.amax(-1) > 1e-5).all()


def test_without_condition_self_the_self_attention_is_plain() -> None:
    torch.manual_seed(4)
    layer = DecoderLayer(16, 4, 32, condition_self=False)
    x, audio, cond = torch.randn(1, 6, 16), torch.randn(1, 6, 16), torch.randn(1, 2, 16)
    seen = []
    layer.self_attention.register_forward_hook(lambda _m, args, _o: seen.append(args))
    with torch.no_grad():
        layer(x, audio, cond, self_attention_bias(6, 4, 1), cross_attention_bias(6))
    _, _, conditions, bias = seen[0]
    assert conditions.shape[1] == 0
    assert bias.shape == (4, 6, 6)
