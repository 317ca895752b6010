import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.speech.alignment import (
    ALIGNMENTS,
    align,
    at_middles,
    feature_count,
    feature_times,
    lags,
    pairs,
    sound_times,
    stretch,
)
from talking_heads.speech.frames import frame_count

RATES = [12.5, 24, 25, 29.97, 30, 50, 60, 120]


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)[None, :, None]


def heard_by_windows(samples: int) -> NDArray[np.float64]:
    """The mean index of the samples in each window of 400, 320 apart, that fits: from the sound."""
    positions = np.arange(samples) + 0.5
    starts = range(0, samples - 399, 320)
    return np.array([positions[start : start + 400].mean() for start in starts])


def test_four_seconds_give_199_features_not_200() -> None:
    assert feature_count(64_000) == 199
    assert feature_count(64_079) == 199
    assert feature_count(64_080) == 200
    assert [feature_count(n) for n in (0, 399, 400, 719, 720)] == [0, 0, 1, 1, 2]


@pytest.mark.parametrize("samples", [400, 719, 720, 16_000, 64_000])
def test_features_are_about_the_middle_of_their_samples(samples: int) -> None:
    heard = heard_by_windows(samples)
    assert len(heard) == feature_count(samples)
    np.testing.assert_allclose(feature_times(len(heard)) * 16_000, heard)
    assert feature_times(2).tolist() == [0.0125, 0.0325]


def test_stretch_by_hand() -> None:
    out = stretch(column(0, 10, 30), 5)[0, :, 0]
    assert out.tolist() == [0, 5, 10, 20, 30]
    assert stretch(column(0, 10, 30), 2)[0, :, 0].tolist() == [0, 30]
    assert stretch(column(4, 7), 1)[0, :, 0].tolist() == [4]
    assert stretch(column(4), 3)[0, :, 0].tolist() == [4, 4, 4]
    assert stretch(column(4), 0).shape == (1, 0, 1)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 60), st.integers(0, 1000))
def test_stretch_equals_a_loop(count: int, frames: int, seed: int) -> None:
    features = torch.from_numpy(np.random.default_rng(seed).normal(size=(2, count, 3)))
    out = stretch(features, frames)
    for frame in range(frames):
        place = frame * (count - 1) / (frames - 1) if frames > 1 else 0.0
        low = min(int(place), count - 1)
        high, share = min(low + 1, count - 1), place - low
        expected = (1 - share) * features[:, low] + share * features[:, high]
        torch.testing.assert_close(out[:, frame], expected, rtol=1e-9, atol=1e-9)


def test_pairs_at_25_are_the_features_as_they_are() -> None:
    out = pairs(column(0, 1, 2, 3, 4), 3, 25)
    assert out.tolist() == [[[0, 1], [2, 3], [4, 4]]]
    assert pairs(column(0, 1, 2), 3, 25).tolist() == [[[0, 1], [2, 2], [2, 2]]]
    wide = torch.arange(12.0).reshape(1, 4, 3)
    assert pairs(wide, 2, 25).tolist() == [[[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]]


def test_pairs_at_30_come_of_two_a_frame() -> None:
    # Four features stretched to seven are half a feature apart; to eight, 3/7.
    out = pairs(column(0, 7, 14, 21), 4, 30)
    np.testing.assert_allclose(out[0], [[0, 3], [6, 9], [12, 15], [18, 21]])


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 30), st.sampled_from(RATES), st.integers(0, 1000))
def test_middles_equal_a_loop(count: int, frames: int, fps: float, seed: int) -> None:
    features = torch.from_numpy(np.random.default_rng(seed).normal(size=(2, count, 3)))
    out = at_middles(features, frames, fps)
    times = [0.0125 + 0.02 * k for k in range(count)]
    for frame in range(frames):
        for channel in range(3):
            expected = np.interp((frame + 0.5) / fps, times, features[1, :, channel])
            assert math.isclose(out[1, frame, channel], expected, abs_tol=1e-9)


def test_middles_do_not_depend_on_the_length() -> None:
    torch.manual_seed(0)
    features = torch.randn(1, 300, 4)
    for fps in RATES:
        longer, shorter = (at_middles(features[:, :n], round(fps), fps) for n in (300, 60))
        assert torch.equal(longer, shorter)
        assert fps in (25, 50) or not torch.equal(
            stretch(features, round(fps)), stretch(features[:, :60], round(fps))
        )


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("samples", [400, 640, 16_000, 16_001, 63_999, 64_000, 64_081])
def test_a_frame_for_each_begun_at_any_rate(alignment: str, fps: float, samples: int) -> None:
    features = torch.ones(2, feature_count(samples), 3)
    frames = frame_count(samples, fps)
    out = align(features, alignment, frames, fps)
    assert out.shape == (2, frames, 6 if alignment == "pairs" else 3)
    torch.testing.assert_close(out, torch.ones_like(out))
    assert sound_times(alignment, samples, fps).shape == (frames,)


LAGS_OF_FOUR_SECONDS = [
    # alignment, fps, first, second, last but one, last: in ms, worked out by hand.
    ("after", 25, -7.5, -7.5, -7.5, -7.5),
    ("after", 30, 12.5 - 50 / 3, -4.2227, -10.7773, 3972.5 - 119.5 / 0.03),
    ("after", 60, 12.5 - 25 / 3, 4.0690, -19.0690, 3972.5 - 239.5 / 0.06),
    ("pairs", 25, 2.5, 2.5, 2.5, -7.5),
    ("pairs", 30, 4.1179, 3.9226, -18.9226, -19.1179),
    ("middle", 25, 0.0, 0.0, 0.0, -7.5),
    ("middle", 30, 0.0, 0.0, 0.0, 3972.5 - 119.5 / 0.03),
    ("middle", 60, 12.5 - 25 / 3, 0.0, -2.5, 3972.5 - 239.5 / 0.06),
]


@pytest.mark.parametrize(
    ("alignment", "fps", "one", "two", "but_one", "last"), LAGS_OF_FOUR_SECONDS
)
def test_lags_of_four_seconds(
    alignment: str, fps: float, one: float, two: float, but_one: float, last: float
) -> None:
    late = lags(alignment, 64_000, fps)
    np.testing.assert_allclose(late[[0, 1, -2, -1]], [one, two, but_one, last], atol=1e-3)
    if alignment == "after":
        np.testing.assert_array_equal(late, lags("before", 64_000, fps))


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize("fps", [25, 30])
@pytest.mark.parametrize("samples", [64_000, 63_700, 16_123])
def test_times_are_those_of_a_ramp(alignment: str, fps: float, samples: int) -> None:
    """A sound whose samples are their own positions says where each frame listens."""
    ramp = torch.from_numpy(heard_by_windows(samples))[None, :, None]
    heard = align(ramp, alignment, frame_count(samples, fps), fps)[0].mean(-1)
    np.testing.assert_allclose(sound_times(alignment, samples, fps) * 16_000, heard, atol=1e-6)


def test_a_last_frame_of_one_sample_hears_47_ms_too_early() -> None:
    for alignment in ALIGNMENTS:
        assert lags(alignment, 64_001 - 640, 25)[-1] == pytest.approx(-47.5)
        assert lags(alignment, 64_001 - 640, 25).min() == pytest.approx(-47.5)


def test_gradients_pass() -> None:
    for alignment in ALIGNMENTS:
        features = torch.randn(1, 9, 2, requires_grad=True)
        align(features, alignment, 5, 25).sum().backward()
        assert features.grad is not None
        assert features.grad.abs().sum() > 0


def test_refusals() -> None:
    with pytest.raises(UserError, match="after, before, pairs, middle"):
        align(column(1), "sideways", 1, 25)
    with pytest.raises(UserError, match="frame rate"):
        sound_times("after", 640, 0)
    with pytest.raises(ValueError, match="400"):
        sound_times("after", 399, 25)
