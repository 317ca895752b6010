import math

import pytest
import torch

from talking_heads.errors import UserError
from talking_heads.speech.mel import log_mel
from talking_heads.speech.small_hubert import FRAME_SAMPLES, SmallHubert, SmallHubertConfig

SMALL = {"width": 16, "heads": 2, "feed_forward": 32}


def encoder(ahead: float = 60.0, back: float = 200.0, layers: int = 2) -> SmallHubert:
    torch.manual_seed(0)
    config = SmallHubertConfig(**SMALL, layers=layers, look_ahead_ms=ahead, look_back_ms=back)
    net = SmallHubert(config).eval()
    for name, weights in net.named_parameters():
        if name.endswith("distance"):  # a bias that matters
            torch.nn.init.normal_(weights)
    return net


@pytest.mark.parametrize("samples", [0, 1, 319, 320, 321, 16_000, 20_001])
def test_one_feature_for_each_20_ms_begun(samples: int) -> None:
    with torch.no_grad():
        out = encoder()(torch.randn(2, samples) * 0.1)
    assert out.shape == (2, math.ceil(samples / 320), 16)
    assert torch.isfinite(out).all()


@pytest.mark.parametrize("ahead", [7.5, 27.4, 27.5, 60.0, 240.0])
def test_a_prefix_gives_the_same_features_but_for_the_look_ahead(ahead: float) -> None:
    net = encoder(ahead)
    torch.manual_seed(1)
    audio = torch.randn(1, 40 * FRAME_SAMPLES) * 0.1
    with torch.no_grad():
        whole = net(audio)
        for frames in (1, 17, 30, 39):
            # Exactly the sound that the last of these features may hear: 16 samples a ms.
            prefix = net(audio[:, : frames * FRAME_SAMPLES + math.floor(16 * ahead)])
            torch.testing.assert_close(whole[:, :frames], prefix[:, :frames], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("ahead", "after"), [(7.5, 0), (27.4, 0), (27.5, 1), (127.5, 6)])
def test_the_context_is_as_wide_as_stated(ahead: float, after: int) -> None:
    net = encoder(ahead, back=107.5)
    assert (net.config.frames_before, net.config.frames_after) == (5, after)
    torch.manual_seed(2)
    audio = torch.randn(1, 40 * FRAME_SAMPLES) * 0.1
    changed = audio.clone()
    changed[0, 20 * FRAME_SAMPLES + 150 : 20 * FRAME_SAMPLES + 170] += 0.5  # heard by frame 20
    with torch.no_grad():
        moved = (net(audio) - net(changed)).abs().amax(-1)[0] > 1e-6
    heard = moved.nonzero()[:, 0].tolist()
    assert (min(heard), max(heard)) == (20 - after, 25)


@pytest.mark.parametrize("frames", [1, 3, 9, 20])
def test_each_distance_has_its_bias_and_what_is_beyond_the_band_none(frames: int) -> None:
    net = encoder()
    layer = net.layers[0]
    assert (layer.before, layer.after) == (5, 1)
    like = torch.zeros(1)
    bias = layer._bias(frames, like)
    assert bias.shape == (2, frames, frames)
    for head in range(2):
        for i in range(frames):
            for j in range(frames):
                inside = -5 <= j - i <= 1
                expected = float(layer.distance[head, j - i + 5].detach()) if inside else -math.inf
                assert float(bias[head, i, j].detach()) == expected
    # Each weight learns from all pairs at its distance.
    slopes = torch.randn(2, frames, frames)
    bias.backward(slopes)
    for number, distance in enumerate(range(-5, 2)):
        expected = slopes.diagonal(distance, 1, 2).sum(-1)
        torch.testing.assert_close(layer.distance.grad[:, number], expected)


def test_chunks_equal_the_whole() -> None:
    net = encoder()
    torch.manual_seed(3)
    audio = torch.randn(3 * 16_000 + 77) * 0.1
    with torch.no_grad():
        whole = net(audio[None])[0]
    for seconds in (0.02, 0.5, 1.0, 20.0):
        out = net.encode_long(audio, chunk_seconds=seconds)
        torch.testing.assert_close(out, whole, rtol=1e-4, atol=1e-5)
    assert net.encode_long(torch.zeros(0)).shape == (0, 16)


def test_a_louder_end_changes_nothing_before_it() -> None:
    # A norm over the clip would.
    net = encoder()
    torch.manual_seed(4)
    audio = torch.randn(1, 16_000) * 0.1
    louder = audio.clone()
    louder[:, 12_000:] *= 8
    with torch.no_grad():
        torch.testing.assert_close(net(audio)[:, :30], net(louder)[:, :30], rtol=1e-4, atol=1e-5)


def test_masked_frames_are_not_heard() -> None:
    net = encoder()
    torch.manual_seed(5)
    mel = log_mel(torch.randn(1, 16_000) * 0.1)
    masked = torch.zeros(1, 50, dtype=torch.bool)
    masked[0, 20:30] = True
    other = mel.clone()
    other[0, 40:60] = 3.0
    with torch.no_grad():
        torch.testing.assert_close(net.encode_mel(mel, masked), net.encode_mel(other, masked))
        assert not torch.allclose(net.encode_mel(mel), net.encode_mel(other))
        assert not torch.allclose(net.encode_mel(mel), net.encode_mel(mel, masked))


def test_a_layer_by_number() -> None:
    net = encoder()
    mel = log_mel(torch.randn(1, 3200) * 0.1)
    with torch.no_grad():
        torch.testing.assert_close(net.norm(net.encode_mel(mel, layer=2)), net.encode_mel(mel))
        assert not torch.allclose(net.encode_mel(mel, layer=0), net.encode_mel(mel, layer=1))


def test_sizes_go_to_json_and_back() -> None:
    config = SmallHubertConfig(**SMALL, layers=3, look_ahead_ms=100.0)
    assert SmallHubertConfig.from_dict(config.to_dict()) == config
    assert sum(after for _, after in config.bands) == 4


def test_the_default_fits_into_three_megabytes() -> None:
    assert 2 * sum(p.numel() for p in SmallHubert().parameters()) < 3e6


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 15, "heads": 2}, {"layers": 0}, {"layers": True}, {"look_ahead_ms": 7.4},
        {"look_ahead_ms": math.nan}, {"look_back_ms": "1"}, {"dropout": 1}, {"units": 3},
    ],
)  # fmt: skip
def test_sizes_that_make_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError):
        SmallHubertConfig.from_dict(wrong)
