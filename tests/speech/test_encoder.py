import pytest
import torch

from talking_heads.speech.encoder import AudioEncoder, LogMelEncoder


def encoder(**how: int | None) -> LogMelEncoder:
    torch.manual_seed(0)
    return LogMelEncoder(16, blocks=2, kernel=5, **how).eval()  # type: ignore[arg-type]


def test_it_is_an_audio_encoder() -> None:
    assert isinstance(encoder(), AudioEncoder)


@pytest.mark.parametrize("samples", [1, 320, 639, 640, 641, 16_000, 20_001])
def test_one_feature_for_each_frame_begun(samples: int) -> None:
    with torch.no_grad():
        out = encoder()(torch.randn(2, samples) * 0.1)
    assert out.shape == (2, -(-samples // 640), 16)
    assert torch.isfinite(out).all()


@pytest.mark.parametrize(("look_ahead", "before", "after"), [(None, 4, 4), (0, 8, 0), (3, 5, 3)])
def test_context_is_bounded_as_stated(look_ahead: int | None, before: int, after: int) -> None:
    net = encoder(look_ahead=look_ahead)
    assert (net.frames_before, net.frames_after) == (before, after)
    torch.manual_seed(1)
    audio = torch.randn(1, 40 * 640) * 0.1
    changed = audio.clone()
    # The middle of frame 20, so that the windows of the mel frames do not reach its neighbours.
    changed[0, 20 * 640 + 200 : 20 * 640 + 440] += 0.3
    with torch.no_grad():
        moved = (net(audio) - net(changed)).abs().amax(-1)[0] > 1e-6
    frames = moved.nonzero()[:, 0].tolist()
    assert min(frames) == 20 - after
    # The strided convolutions reach back another frame or two.
    assert 20 + before <= max(frames) <= 20 + before + 2


def test_without_look_ahead_a_prefix_gives_the_same_features() -> None:
    net = encoder(look_ahead=0)
    torch.manual_seed(2)
    audio = torch.randn(1, 30 * 640) * 0.1
    with torch.no_grad():
        whole, prefix = net(audio), net(audio[:, : 20 * 640])
    # The last mel window of the prefix is cut off by its end, so the last frame may differ.
    torch.testing.assert_close(whole[:, :19], prefix[:, :19], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("look_ahead", [None, 0, 8])
def test_chunks_equal_the_whole(look_ahead: int | None) -> None:
    net = encoder(look_ahead=look_ahead)
    torch.manual_seed(3)
    audio = torch.randn(5 * 16_000 + 123) * 0.1
    with torch.no_grad():
        whole = net(audio[None])[0]
    torch.testing.assert_close(
        net.encode_long(audio, chunk_seconds=1.0), whole, rtol=1e-4, atol=1e-5
    )


def test_beyond_the_audio_there_is_silence() -> None:
    net = encoder()
    torch.manual_seed(4)
    speech = torch.randn(1, 20 * 640) * 0.1
    quiet = torch.zeros(1, 12 * 640)
    with torch.no_grad():
        alone = net(speech)
        padded = net(torch.cat([quiet, speech, quiet], 1))[:, 12:-12]
    torch.testing.assert_close(alone, padded, rtol=1e-4, atol=1e-5)


def test_features_change_on_their_way_in() -> None:
    net = encoder()
    audio = torch.randn(1, 6400) * 0.1
    with torch.no_grad():
        torch.testing.assert_close(net(audio, lambda mel: mel), net(audio))
        assert not torch.allclose(net(audio, lambda mel: mel + 1), net(audio))


@pytest.mark.parametrize("how", [{"kernel": 4}, {"look_ahead": 9}, {"look_ahead": -1}])
def test_impossible_sizes_are_refused(how: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="look_ahead"):
        LogMelEncoder(16, **{"blocks": 2, "kernel": 5, **how})
