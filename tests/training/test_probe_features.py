import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from talking_heads.speech.encoder import LogMelEncoder
from talking_heads.speech.mel import SILENCE, log_mel
from talking_heads.training.probe_features import (
    cpu_ms_per_second,
    encoder_frames,
    log_mel_frames,
)
from talking_heads.training.probing import ProbeClip


def clip(seconds: float = 2.0, seed: int = 0) -> ProbeClip:
    frames = round(25 * seconds)
    sound = 0.1 * np.random.default_rng(seed).normal(size=640 * frames)
    zeros = np.zeros(frames)
    return ProbeClip(
        "one",
        "ada",
        "train",
        sound.astype(np.float32),
        zeros.astype(np.int64),
        zeros.astype(np.float32),
    )


def halves(one: ProbeClip) -> NDArray[np.float32]:
    mel = log_mel(torch.from_numpy(one.audio)).numpy()
    return (mel[0::2] + mel[1::2]) / 2


def test_a_frame_alone_holds_its_four_mel_frames() -> None:
    one = clip()
    features = log_mel_frames()(one)
    mel = log_mel(torch.from_numpy(one.audio)).numpy()
    assert features.shape == (50, 320)
    assert np.array_equal(features[7], mel[28:32].ravel())


def test_near_neighbours_are_half_frames() -> None:
    one = clip()
    near = halves(one)
    # 0.07 s before is three and a half frames' halves: three; 0.04 s after is two.
    features = log_mel_frames(0.07, 0.04)(one)
    assert features.shape == (50, 7 * 80)
    assert np.allclose(features[10], near[17:24].ravel(), atol=1e-5)
    # Beyond the sound there is silence.
    assert np.allclose(features[0, : 3 * 80], SILENCE)
    assert np.allclose(features[49, 5 * 80 :], SILENCE)
    assert np.allclose(features[0, 3 * 80 :], near[:4].ravel(), atol=1e-5)


def test_far_neighbours_are_averaged_over_whole_frames() -> None:
    one = clip()
    near = halves(one)
    features = log_mel_frames(0.32, 0.28)(one).reshape(50, -1, 80)
    # 16 halves before: two pairs and twelve; 14 after: twelve and a pair.
    assert features.shape[1] == 2 + 12 + 2 + 12 + 1
    frame = features[20]
    assert np.allclose(frame[0], near[24:26].mean(0), atol=1e-5)
    assert np.allclose(frame[1], near[26:28].mean(0), atol=1e-5)
    assert np.allclose(frame[2:28], near[28:54], atol=1e-5)
    assert np.allclose(frame[28], near[54:56].mean(0), atol=1e-5)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 9), st.integers(0, 9), st.integers(10, 30))
def test_features_hear_no_further_than_they_say(before: int, after: int, frame: int) -> None:
    one = clip(1.8)
    hear = log_mel_frames(before * 0.04, after * 0.04)
    features = hear(one)
    # The windows of mel frames reach 7.5 ms, 120 samples, out of them.
    start, end = 640 * (frame - before) - 120, 640 * (frame + 1 + after) + 120
    loud = one.audio.copy()
    loud[: max(0, start)] = 0.5
    loud[end:] = -0.5
    again = hear(ProbeClip("two", "ada", "train", loud, one.sounds, one.aperture))
    assert np.allclose(again[frame], features[frame], atol=1e-4)


def test_an_encoder_hears_the_whole_clip() -> None:
    torch.manual_seed(0)
    encoder = LogMelEncoder(width=8, blocks=1).eval()
    one = clip()
    with torch.no_grad():
        expected = encoder(torch.from_numpy(one.audio)[None])[0].numpy()
    features = encoder_frames(encoder)(one)
    assert features.shape == (50, 8)
    assert features == pytest.approx(expected, abs=1e-5)


def test_cost_is_by_the_second_of_sound_and_threads_stay() -> None:
    threads = torch.get_num_threads()
    heard: list[str] = []

    def work(one: ProbeClip) -> NDArray[np.float32]:
        assert torch.get_num_threads() == 1
        heard.append(one.id)
        np.linalg.norm(np.ones((400, 400)), 2)
        return np.zeros((50, 1), np.float32)

    assert cpu_ms_per_second(work, [clip(), clip()], 2) > 0
    assert len(heard) == 1 + 2 * 2
    assert torch.get_num_threads() == threads

    def broken(one: ProbeClip) -> NDArray[np.float32]:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cpu_ms_per_second(broken, [clip()])
    assert torch.get_num_threads() == threads
