import json
import math

import pytest
import torch

from talking_heads.errors import UserError
from talking_heads.speech.encoder import AudioEncoder, LogMelEncoder
from talking_heads.speech.frames import frame_count, frame_to_sample

RATES = [12.5, 24, 25, 29.97, 30, 60, 120]


def encoder(**how: float | None) -> LogMelEncoder:
    torch.manual_seed(0)
    return LogMelEncoder(16, blocks=2, kernel=5, **how).eval()  # type: ignore[arg-type]


def test_it_is_an_audio_encoder() -> None:
    assert isinstance(encoder(), AudioEncoder)


@pytest.mark.parametrize("samples", [1, 320, 639, 640, 641, 16_000, 20_001])
def test_one_feature_for_each_frame_begun(samples: int) -> None:
    audio = torch.randn(2, samples) * 0.1
    with torch.no_grad():
        out = encoder()(audio)
        assert out.shape == (2, -(-samples // 640), 16)
        assert torch.isfinite(out).all()
        for fps in RATES:
            assert encoder(fps=fps)(audio).shape == (2, frame_count(samples, fps), 16)


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize(("look_ahead", "before", "after"), [(None, 4, 4), (0, 8, 0), (3, 5, 3)])
def test_context_is_bounded_as_stated(
    look_ahead: int | None, before: int, after: int, fps: float
) -> None:
    net = encoder(look_ahead=look_ahead, fps=fps)
    assert (net.frames_before, net.frames_after) == (before, after)
    torch.manual_seed(1)
    audio = torch.randn(1, frame_to_sample(40, fps)) * 0.1
    changed = audio.clone()
    # A little in the middle of frame 20. A mel frame's window reaches 200 samples from its middle,
    # and so out of a short motion frame.
    middle = (frame_to_sample(20, fps) + frame_to_sample(21, fps)) // 2
    changed[0, middle - 20 : middle + 20] += 0.3
    half = 8000 / fps
    reach = max(0, math.ceil((220 - half + half / 4) / (2 * half)))
    with torch.no_grad():
        moved = (net(audio) - net(changed)).abs().amax(-1)[0] > 1e-6
    frames = moved.nonzero()[:, 0].tolist()
    assert 20 - after - reach <= min(frames) <= 20 - after
    # The strided convolutions reach back another frame or two.
    assert 20 + before <= max(frames) <= 20 + before + 2 + reach


@pytest.mark.parametrize("fps", RATES)
def test_without_look_ahead_a_prefix_gives_the_same_features(fps: float) -> None:
    net = encoder(look_ahead=0, fps=fps)
    torch.manual_seed(2)
    audio = torch.randn(1, frame_to_sample(30, fps)) * 0.1
    with torch.no_grad():
        whole, prefix = net(audio), net(audio[:, : frame_to_sample(20, fps)])
    assert prefix.shape[1] == 20
    # The last mel windows of the prefix are cut off by its end, so frames within 12.5 ms of it may
    # differ.
    same = 20 - math.ceil(0.0125 * fps)
    torch.testing.assert_close(whole[:, :same], prefix[:, :same], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(whole[:, :20], prefix, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("look_ahead", [None, 0, 8])
def test_chunks_equal_the_whole(look_ahead: int | None, fps: float) -> None:
    net = encoder(look_ahead=look_ahead, fps=fps)
    torch.manual_seed(3)
    audio = torch.randn(5 * 16_000 + 123) * 0.1
    with torch.no_grad():
        whole = net(audio[None])[0]
    torch.testing.assert_close(
        net.encode_long(audio, chunk_seconds=1.0), whole, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("fps", [25, 30, 60, 120])
def test_beyond_the_audio_there_is_silence(fps: float) -> None:
    net = encoder(fps=fps)
    torch.manual_seed(4)
    # Whole numbers of samples at all of these rates.
    speech = torch.randn(1, frame_to_sample(24, fps)) * 0.1
    quiet = torch.zeros(1, frame_to_sample(12, fps))
    with torch.no_grad():
        alone = net(speech)
        padded = net(torch.cat([quiet, speech, quiet], 1))[:, 12:-12]
    torch.testing.assert_close(alone, padded, rtol=1e-4, atol=1e-5)


def test_a_sound_is_heard_at_its_time_at_every_rate() -> None:
    """A click moves the features of the frames around it, whatever the frame rate."""
    audio = torch.randn(1, 32_000) * 0.01
    clicked = audio.clone()
    clicked[0, 16_000:16_040] += 0.5
    for fps in RATES:
        net = encoder(fps=fps)
        with torch.no_grad():
            change = (net(audio) - net(clicked)).abs().sum(-1)[0]
        middle = float((change * torch.arange(len(change))).sum() / change.sum())
        assert middle == pytest.approx(fps, abs=3)


def test_features_change_on_their_way_in() -> None:
    net = encoder()
    audio = torch.randn(1, 6400) * 0.1
    with torch.no_grad():
        torch.testing.assert_close(net(audio, augment=lambda mel: mel), net(audio))
        assert not torch.allclose(net(audio, augment=lambda mel: mel + 1), net(audio))


@pytest.mark.parametrize("fps", [0, -25, float("nan"), float("inf"), 10_000])
def test_impossible_rates_are_refused(fps: float) -> None:
    with pytest.raises(UserError, match="frame rate"):
        encoder(fps=fps)


@pytest.mark.parametrize("how", [{"kernel": 4}, {"look_ahead": 9}, {"look_ahead": -1}])
def test_impossible_sizes_are_refused(how: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="look_ahead"):
        LogMelEncoder(16, **{"blocks": 2, "kernel": 5, **how})


@pytest.mark.parametrize("fps", [25, 30, 60])
def test_padding_is_neither_heard_nor_encoded(fps: float) -> None:
    net = encoder(fps=fps)
    torch.manual_seed(2)
    audio = torch.randn(4, 16_000) * 0.1
    sizes = [16_000, 9_999, 320, 0]
    with torch.no_grad():
        out = net(audio, torch.tensor(sizes))
        for row, samples in enumerate(sizes):
            frames = frame_count(samples, fps)
            alone = net(audio[row : row + 1, :samples])[0] if samples else out[row, :0]
            torch.testing.assert_close(out[row, :frames], alone, rtol=1e-4, atol=1e-5)
            assert not out[row, frames:].any()


@pytest.mark.parametrize("lengths", [[10], [10, -1], [10, 641]])
def test_lengths_that_are_none(lengths: list[int]) -> None:
    with pytest.raises(ValueError, match="lengths of clips"):
        encoder()(torch.zeros(2, 640), torch.tensor(lengths))


@pytest.mark.parametrize("look_ahead", [None, 0, 3])
def test_settings_build_it_anew(look_ahead: int | None) -> None:
    net = encoder(look_ahead=look_ahead, fps=30, dropout=0.1)
    again = LogMelEncoder.from_settings(json.loads(json.dumps(net.settings)))
    assert again.settings == net.settings and again.frames_after == net.frames_after
    again.load_state_dict(net.state_dict())
    audio = torch.randn(1, 5000) * 0.1
    with torch.no_grad():
        assert torch.equal(again.eval()(audio), net(audio))
    assert not net.frozen and not again.frozen


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"width": 0}, "width"),
        ({"width": 10**9}, "width"),
        ({"blocks": "2"}, "blocks"),
        ({"blocks": True}, "blocks"),
        ({"kernel": 4}, "not odd"),
        ({"look_ahead": None}, "look_ahead"),
        ({"look_ahead": 9}, "above 8"),
        ({"dropout": 1.0}, "dropout"),
        ({"fps": "fast"}, "frame rate"),
        ({"type": "hubert"}, "lack a value"),
        ({"more": 1}, "one too many"),
    ],
)
def test_settings_that_are_none(change: dict[str, object], word: str) -> None:
    with pytest.raises(UserError, match=word) as error:
        LogMelEncoder.from_settings({**encoder().settings, **change})
    assert len(str(error.value).splitlines()) <= 3
