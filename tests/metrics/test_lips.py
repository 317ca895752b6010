from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, get_face
from talking_heads.metrics import lip_report, peak_lip_velocity
from talking_heads.metrics.lips import (
    bilabial_apertures,
    correlation,
    frames_of,
    lagged_correlation,
    lip_velocity,
    open_vowel_apertures,
)
from talking_heads.speech import Phoneme


class PlainFace:
    """A face whose aperture is the first coefficient, in metres."""

    def aperture(self, coefficients: np.ndarray) -> np.ndarray:
        return np.maximum(coefficients[:, 0], 0)


def motion(millimetres: list[float]) -> np.ndarray:
    values = np.zeros((len(millimetres), 52), np.float32)
    values[:, 0] = np.asarray(millimetres) / 1000
    return values


# Frames at 0, 40, ... 360 ms. m holds frames 2 and 3, ɑ frames 4 to 6, p frame 8.
PHONEMES = [
    Phoneme("", 0.0, 0.07),
    Phoneme("m", 0.07, 0.13),
    Phoneme("ɑː", 0.15, 0.25),
    Phoneme("p", 0.29, 0.33),
    Phoneme("i", 0.33, 0.40),
]
TRUE = motion([2, 3, 0.2, 0.1, 5, 9, 6, 3, 0.4, 2])


def test_frames_of() -> None:
    assert frames_of(PHONEMES[1], 10, 25.0).tolist() == [2, 3]
    assert frames_of(PHONEMES[2], 10, 25.0).tolist() == [4, 5, 6]
    # 0.21 to 0.23 s holds no frame; 0.20 s is the nearest to its middle.
    assert frames_of(Phoneme("b", 0.205, 0.225), 10, 25.0).tolist() == [5]
    assert frames_of(Phoneme("b", 0.2, 0.24), 10, 25.0).tolist() == [5, 6]
    assert frames_of(Phoneme("b", 0.9, 0.99), 10, 25.0).tolist() == []


def test_apertures_by_hand() -> None:
    gap = PlainFace().aperture(TRUE)
    np.testing.assert_allclose(bilabial_apertures(gap, PHONEMES), [0.0001, 0.0004], rtol=1e-5)
    np.testing.assert_allclose(open_vowel_apertures(gap, PHONEMES), [0.009], rtol=1e-5)


def test_report_by_hand() -> None:
    predicted = motion([2, 3, 0.5, 1.2, 5, 7, 6, 3, 1.5, 2])
    report = lip_report([TRUE], [predicted], [PHONEMES], PlainFace())
    assert report.clips == 1
    assert report.bilabials == 2
    assert report.open_vowels == 1
    assert report.true_closure_rate == 1.0
    assert report.closure_rate == 0.5  # 0.5 mm is closed, 1.5 mm is not.
    assert report.open_minus_closed_mm == pytest.approx(7 - (0.5 + 1.5) / 2, abs=1e-4)
    assert report.true_open_minus_closed_mm == pytest.approx(9 - 0.25, abs=1e-4)
    assert report.aperture_error_mm == pytest.approx((0.3 + 1.1 + 2 + 1.1) / 10, abs=1e-4)
    assert report.aperture_correlation == pytest.approx(
        np.corrcoef(TRUE[:, 0], predicted[:, 0])[0, 1], abs=1e-6
    )
    # The greatest steps: 4.9 mm in a frame of the truth, 3.8 mm of the prediction.
    assert report.true_peak_velocity_mm_s == pytest.approx(4.9 * 25, abs=0.01)
    assert report.peak_velocity_mm_s == pytest.approx(3.8 * 25, abs=0.01)
    assert "closed p, b, m           50.0%" in str(report)
    assert report.to_dict()["closure_rate"] == 0.5


@pytest.mark.parametrize("lag", [-3, -1, 0, 2, 4])
def test_finds_the_lag(lag: int) -> None:
    rng = np.random.default_rng(0)
    curve = np.convolve(rng.random(200), np.ones(4) / 4)[:200] * 8
    report = lip_report(
        [motion(list(curve))], [motion(list(np.roll(curve, lag)))], [[]], PlainFace()
    )
    assert report.best_lag_ms == lag * 40
    assert report.correlation_at_best_lag > 0.999
    assert np.isnan(report.closure_rate)


def test_each_clip_is_measured_on_its_own_face() -> None:
    class Half(PlainFace):
        def aperture(self, coefficients: np.ndarray) -> np.ndarray:
            return super().aperture(coefficients) / 2

    predicted = motion([0, 0, 1.6, 1.6, 0, 0, 0, 0, 1.6, 0])
    one = lip_report([TRUE], [predicted], [PHONEMES], PlainFace())
    two = lip_report(
        [TRUE, TRUE], [predicted, predicted], [PHONEMES, PHONEMES], [PlainFace(), Half()]
    )
    assert one.closure_rate == 0
    assert two.closure_rate == 0.5


def test_velocity() -> None:
    np.testing.assert_allclose(lip_velocity(np.array([0.0, 0.004, 0.002]), 25.0), [0.1, -0.05])
    assert peak_lip_velocity(motion([0, 8, 4]), PlainFace()) == pytest.approx(0.2)
    assert peak_lip_velocity(motion([3]), PlainFace()) == 0


def test_on_the_course_head() -> None:
    face = get_face("head-02@low")
    values = np.zeros((20, 52), np.float32)
    values[:, ARKIT_INDEX["jawOpen"]] = np.linspace(0, 0.7, 20)
    report = lip_report([values], [values], [PHONEMES], face)
    assert report.aperture_correlation == pytest.approx(1)
    assert report.aperture_error_mm == 0


def test_errors() -> None:
    with pytest.raises(UserError, match="no clips"):
        lip_report([], [], [], PlainFace())
    with pytest.raises(UserError, match="do not match"):
        lip_report([TRUE], [TRUE, TRUE], [PHONEMES], PlainFace())
    with pytest.raises(UserError, match="has 8 frames"):
        lip_report([TRUE], [TRUE[:8]], [PHONEMES], PlainFace())
    with pytest.raises(UserError, match="too short"):
        lip_report([TRUE[:1]], [TRUE[:1]], [PHONEMES], PlainFace())
    with pytest.raises(UserError, match="2 faces"):
        lip_report([TRUE], [TRUE], [PHONEMES], [PlainFace(), PlainFace()])


@settings(deadline=None)
@given(st.lists(st.floats(-10, 10), min_size=5, max_size=40), st.floats(0.1, 5), st.floats(-3, 3))
def test_correlation_ignores_scale_and_shift(
    values: list[float], scale: float, shift: float
) -> None:
    rng = np.random.default_rng(len(values))
    other = rng.normal(size=len(values))
    first = correlation(values, other)
    assert -1 - 1e-9 <= first <= 1 + 1e-9
    if np.std(values) > 1e-3:
        assert correlation(np.asarray(values) * scale + shift, other) == pytest.approx(
            first, abs=1e-6
        )
        assert first == pytest.approx(np.corrcoef(values, other)[0, 1], abs=1e-6)
    assert lagged_correlation(values, other, 0) == first


def test_constant_motion_does_not_correlate() -> None:
    assert correlation([1, 1, 1], [1, 2, 3]) == 0
    assert lagged_correlation([1, 2, 3], [1, 2, 3], 2) == 0
