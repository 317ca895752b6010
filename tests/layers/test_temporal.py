import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from talking_heads.errors import UserError
from talking_heads.layers import TemporalConv, TemporalTransformer, head_slopes, sinusoid
from talking_heads.layers.temporal import POSITIONS

WIDTH, HEADS = 12, 3
CLOSE: dict[str, float] = {"rtol": 1e-4, "atol": 1e-5}


def transformer(layers: int = 2, **options: Any) -> TemporalTransformer:
    torch.manual_seed(0)
    net = TemporalTransformer(WIDTH, layers, HEADS, 20, **options).eval()
    for parameter in net.parameters():
        # Sharp attention and biases that are not zero, so that nothing hides.
        parameter.data.add_(0.3 * torch.randn_like(parameter))
    return net


def conv(**options: Any) -> TemporalConv:
    torch.manual_seed(0)
    return TemporalConv(WIDTH, **options).eval()


def depends(net: nn.Module, frames: int, frame: int) -> list[int]:
    """Frames of the input that a frame of the output depends on."""
    x = torch.randn(1, frames, WIDTH, requires_grad=True)
    (net(x)[0, frame] * torch.randn(WIDTH)).sum().backward()
    return (x.grad[0].abs().sum(-1) > 1e-9).nonzero()[:, 0].tolist()


# --- the transformer ---


def plain_layer(net: TemporalTransformer, x: Tensor, mask: list[bool], scale: float) -> Tensor:
    """One layer on one clip, frame by frame and head by head."""
    layer, frames, size = net.layers[0], len(x), WIDTH // HEADS
    slopes = head_slopes(HEADS)
    normed = layer.norm_attention(x)
    query, key, value = layer.query_key_value(normed).split(WIDTH, dim=-1)
    mixed = torch.zeros_like(x)
    for head in range(HEADS):
        own = slice(head * size, (head + 1) * size)
        for i in range(frames):
            seen = [
                j
                for j in range(frames)
                if (mask[j] or i == j)
                and (net.band is None or abs(i - j) <= net.band)
                and not (net.causal and j > i)
            ]
            scores = torch.stack([query[i, own] @ key[j, own] / scale for j in seen])
            if net.positions == "relative":
                scores = scores - slopes[head] * torch.tensor([abs(i - j) for j in seen])
            weights = scores.softmax(0)
            mixed[i, own] = sum(w * value[j, own] for w, j in zip(weights, seen, strict=True))
    x = x + layer.out(mixed)
    return x + layer.contract(nn.functional.gelu(layer.expand(layer.norm_feed(x))))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("band", [None, 0, 2])
@pytest.mark.parametrize("positions", ["relative", "none"])
@pytest.mark.parametrize("attention_scale", ["head", "width"])
@torch.no_grad()
def test_a_layer_by_loops(
    causal: bool, band: int | None, positions: str, attention_scale: str
) -> None:
    net = transformer(
        1, causal=causal, band=band, positions=positions, attention_scale=attention_scale
    )
    scale = math.sqrt(WIDTH if attention_scale == "width" else WIDTH / HEADS)
    x = torch.randn(2, 7, WIDTH)
    mask = torch.tensor([[True] * 7, [True, True, False, True, True, False, False]])
    for masked in (False, True):
        out = net(x, mask) if masked else net(x)
        for clip in range(2):
            # Padding is set to zero before the first layer.
            source = x[clip] * mask[clip, :, None] if masked else x[clip]
            seen = mask[clip].tolist() if masked else [True] * 7
            expected = plain_layer(net, source, seen, scale)
            rows = mask[clip] if masked else slice(None)
            torch.testing.assert_close(out[clip][rows], expected[rows], **CLOSE)


@torch.no_grad()
def test_without_positions_it_is_the_encoder_of_torch() -> None:
    net = transformer(2, positions="none")
    theirs = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(
            WIDTH, HEADS, 20, 0.0, "gelu", batch_first=True, norm_first=True
        ),
        2,
        enable_nested_tensor=False,
    ).eval()
    for mine, other in zip(net.layers, theirs.layers, strict=True):
        other.self_attn.in_proj_weight.copy_(mine.query_key_value.weight)
        other.self_attn.in_proj_bias.copy_(mine.query_key_value.bias)
        for one, two in (
            (mine.out, other.self_attn.out_proj),
            (mine.expand, other.linear1),
            (mine.contract, other.linear2),
            (mine.norm_attention, other.norm1),
            (mine.norm_feed, other.norm2),
        ):
            two.load_state_dict(one.state_dict())
    x = torch.randn(3, 9, WIDTH)
    mask = torch.arange(9) < torch.tensor([[9], [4], [1]])
    torch.testing.assert_close(net(x), theirs(x), **CLOSE)
    expected = theirs(x * mask[..., None], src_key_padding_mask=~mask)
    torch.testing.assert_close(net(x, mask)[mask], expected[mask], **CLOSE)


@torch.no_grad()
def test_which_positions_encode_time() -> None:
    # Attention that knows no time gives each frame the same result wherever it stands.
    x = torch.randn(4, 10, WIDTH)
    order = torch.randperm(10)
    for positions, knows_time in (
        ("none", False),
        ("published", False),
        ("relative", True),
        ("sinusoid", True),
    ):
        net = transformer(positions=positions)
        moved = float((net(x)[:, order] - net(x[:, order])).abs().max())
        assert moved > 0.01 if knows_time else moved < 1e-4, (positions, moved)


@torch.no_grad()
def test_published_positions_are_the_place_in_the_batch() -> None:
    x = torch.randn(4, 10, WIDTH)
    order = torch.tensor([2, 0, 3, 1])
    for positions in POSITIONS:
        net = transformer(positions=positions)
        moved = float((net(x)[order] - net(x[order])).abs().max())
        assert moved > 0.01 if positions == "published" else moved < 1e-4, (positions, moved)
    published, none = transformer(positions="published"), transformer(positions="none")
    places = sinusoid(torch.arange(4), WIDTH)[:, None].expand(4, 10, WIDTH)
    torch.testing.assert_close(published(x), none(x + places))
    # What was meant.
    meant = none(x + sinusoid(torch.arange(10), WIDTH))
    torch.testing.assert_close(transformer(positions="sinusoid")(x), meant)


@torch.no_grad()
@pytest.mark.parametrize("causal", [False, True])
def test_relative_positions_do_not_care_when_a_clip_begins(causal: bool) -> None:
    x = torch.randn(2, 8, WIDTH)
    late = torch.cat([torch.randn(2, 5, WIDTH), x], dim=1)
    mask = (torch.arange(13) >= 5).expand(2, 13)
    net = transformer(positions="relative", causal=causal)
    torch.testing.assert_close(net(late, mask)[:, 5:], net(x), **CLOSE)
    absolute = transformer(positions="sinusoid")
    assert (absolute(late, mask)[:, 5:] - absolute(x)).abs().max() > 0.01


@torch.no_grad()
def test_relative_positions_alone_do_not_know_the_direction() -> None:
    x = torch.randn(2, 8, WIDTH)
    both, past = transformer(), transformer(causal=True)
    torch.testing.assert_close(both(x.flip(1)).flip(1), both(x), **CLOSE)
    assert (past(x.flip(1)).flip(1) - past(x)).abs().max() > 0.01


@torch.no_grad()
def test_published_scale_is_that_of_the_full_width() -> None:
    x = torch.randn(2, 6, WIDTH)
    head, width = transformer(), transformer(attention_scale="width")
    assert (head(x) - width(x)).abs().max() > 1e-3
    for layer in head.layers:
        layer.query_key_value.weight[:WIDTH] /= math.sqrt(HEADS)
        layer.query_key_value.bias[:WIDTH] /= math.sqrt(HEADS)
    torch.testing.assert_close(head(x), width(x), **CLOSE)


@pytest.mark.parametrize("positions", ["relative", "none", "sinusoid"])
def test_bands_reach_as_far_as_they_say(positions: str) -> None:
    net = transformer(3, positions=positions, band=2)
    assert (net.look_back, net.look_ahead) == (6, 6)
    assert depends(net, 20, 10) == list(range(4, 17))
    assert depends(transformer(3, positions=positions), 20, 10) == list(range(20))
    assert transformer(3, positions=positions).look_ahead is None


def test_causal_bands_reach_only_back() -> None:
    net = transformer(3, band=2, causal=True)
    assert (net.look_back, net.look_ahead) == (6, 0)
    assert depends(net, 20, 10) == list(range(4, 11))
    net = transformer(2, causal=True)
    assert (net.look_back, net.look_ahead) == (None, 0)
    assert depends(net, 20, 10) == list(range(11))


@given(frames=st.integers(1, 24), prefix=st.integers(1, 24), band=st.sampled_from([None, 0, 1, 3]),
       positions=st.sampled_from(["relative", "none"]), norm=st.sampled_from(["layer", "none"]),
       kernel=st.integers(1, 6), residual=st.booleans())  # fmt: skip
@settings(max_examples=40, deadline=None)
@torch.no_grad()
def test_causal_layers_never_change_what_they_said(
    frames: int, prefix: int, band: int | None, positions: str, norm: str, kernel: int,
    residual: bool,
) -> None:  # fmt: skip
    net = transformer(2, causal=True, band=band, positions=positions)
    layer = conv(causal=True, norm=norm, kernel=kernel, residual=residual)
    x = torch.randn(2, frames, WIDTH)
    for part in (net, layer, nn.Sequential(layer, net)):
        torch.testing.assert_close(part(x[:, :prefix]), part(x)[:, :prefix], **CLOSE)


def test_what_is_not_causal_does_change_it() -> None:
    x = torch.randn(2, 12, WIDTH)
    for net in (transformer(), conv(norm="none"), conv(norm="instance")):
        assert (net(x[:, :8]) - net(x)[:, :8]).abs().max() > 1e-3


PARTS = {
    **{name: lambda name=name: transformer(positions=name) for name in POSITIONS},
    "band": lambda: transformer(band=2),
    "causal": lambda: transformer(causal=True, band=2),
    "wide scale": lambda: transformer(attention_scale="width"),
    **{norm: lambda norm=norm: conv(norm=norm) for norm in ("instance", "layer")},
    "residual": lambda: conv(norm="instance", residual=True),
    "causal conv": lambda: conv(norm="layer", causal=True, kernel=4),
}


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("garbage", [1e4, math.nan])
def test_padding_changes_nothing(name: str, garbage: float) -> None:
    net = PARTS[name]()
    lengths = (9, 4, 1)
    mask = torch.arange(9) < torch.tensor(lengths)[:, None]
    x = torch.randn(3, 9, WIDTH)
    x[~mask] = garbage
    x.requires_grad_()
    out = net(x, mask)
    if name != "published":
        for clip, length in enumerate(lengths):
            alone = net(x[clip : clip + 1, :length].detach())[0]
            torch.testing.assert_close(out[clip, :length], alone, **CLOSE)
    clean = net(x.detach().masked_fill(~mask[..., None], 0.0), mask)
    torch.testing.assert_close(out[mask], clean[mask])
    (out[mask] * torch.randn(sum(lengths), WIDTH)).sum().backward()
    assert x.grad.isfinite().all()
    assert (x.grad[~mask] == 0).all()
    assert all(p.grad is None or p.grad.isfinite().all() for p in net.parameters())
    # Behind padding as well as before it.
    early = net(x.detach().flip(1), mask.flip(1))
    if name not in ("sinusoid", "published"):
        alone = net(x[1:2, :4].detach().flip(1))[0]
        torch.testing.assert_close(early[1, 5:], alone, **CLOSE)


def test_a_clip_of_padding_alone_is_finite() -> None:
    mask = torch.zeros(2, 5, dtype=torch.bool)
    for positions in ("relative", "none"):
        # Not every version of attention forgives a row where nothing is open.
        bias = transformer(positions=positions, band=1)._bias(5, mask, mask.device)
        assert (bias.isfinite() if positions == "relative" else bias).any(-1).all()
    for name, part in PARTS.items():
        assert part()(torch.randn(2, 5, WIDTH), mask).isfinite().all(), name


@torch.no_grad()
def test_autocast_stays_near_single_precision() -> None:
    x = torch.randn(2, 9, WIDTH)
    mask = torch.arange(9) < torch.tensor([[9], [5]])
    for name, part in PARTS.items():
        net = part()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            mixed = net(x, mask)
        plain = net(x, mask)
        off = (mixed.float() - plain)[mask].abs().max() / plain[mask].abs().max()
        assert off < 0.05, (name, float(off))
        if name == "instance":
            # Means and variances over time are not computed at half precision.
            assert mixed.dtype == torch.float32
            assert mixed[0].mean(0).abs().max() < 1e-5


def test_dropout_only_in_training() -> None:
    net = transformer(dropout=0.5)
    x = torch.randn(2, 5, WIDTH)
    assert torch.equal(net(x), net(x))
    assert torch.equal(net(x), transformer(dropout=0.0)(x))
    net.train()
    assert not torch.allclose(net(x), net(x))


# --- the convolution ---


@torch.no_grad()
@pytest.mark.parametrize("kernel", [1, 4, 5])
@pytest.mark.parametrize("causal", [False, True])
def test_convolution_by_loops(kernel: int, causal: bool) -> None:
    layer = conv(kernel=kernel, norm="none", causal=causal)
    ahead = 0 if causal else kernel // 2
    assert (layer.look_back, layer.look_ahead) == (kernel - 1 - ahead, ahead)
    x = torch.randn(2, 6, WIDTH)
    out = layer(x)
    for clip in range(2):
        for frame in range(6):
            total = layer.conv.bias.clone()
            for tap in range(kernel):
                source = min(max(frame + tap - (kernel - 1 - ahead), 0), 5)
                total += layer.conv.weight[:, :, tap] @ x[clip, source]
            expected = torch.where(total > 0, total, 0.2 * total)
            torch.testing.assert_close(out[clip, frame], expected, **CLOSE)


@torch.no_grad()
def test_norms_of_the_convolution() -> None:
    x = torch.randn(3, 20, WIDTH)
    bare, instance, layer = (conv(norm=norm)(x) for norm in ("none", "instance", "layer"))
    expected = nn.InstanceNorm1d(WIDTH)(bare.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(instance, expected, **CLOSE)
    torch.testing.assert_close(instance.mean(1), torch.zeros(3, WIDTH), **CLOSE)
    torch.testing.assert_close(layer, nn.functional.layer_norm(bare, (WIDTH,)), **CLOSE)
    for norm in ("none", "instance", "layer"):
        plain, added = conv(norm=norm)(x), conv(norm=norm, residual=True)(x)
        torch.testing.assert_close(added, x + plain)


def test_instance_norm_sees_the_whole_clip_and_nothing_in_one_frame() -> None:
    layer = conv(norm="instance")
    assert layer.look_back is None and layer.look_ahead is None
    assert depends(layer, 15, 7) == list(range(15))
    assert float(layer.train()(torch.randn(2, 1, WIDTH)).detach().abs().max()) == 0
    assert depends(conv(norm="layer"), 15, 7) == [5, 6, 7, 8, 9]


def test_settings_are_checked() -> None:
    for options in (
        {"positions": "learned"},
        {"attention_scale": "half"},
        {"heads": 5},
        {"band": -1},
        {"causal": True, "positions": "sinusoid"},
        {"causal": True, "positions": "published"},
    ):
        with pytest.raises(UserError):
            TemporalTransformer(
                **{"width": 12, "layers": 1, "heads": 3, "feed_forward": 8, **options}
            )
    for wrong in ({"norm": "batch"}, {"kernel": 0}, {"causal": True, "norm": "instance"}):
        with pytest.raises(UserError):
            TemporalConv(12, **wrong)
