"""Each degradation does what it says, by the amount it says, and leaves its input alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, ARKIT_NAMES, Motion, get_face
from talking_heads.metrics import degradations as d
from talking_heads.metrics.degradations import Degradation, degrade


@pytest.fixture
def motion():
    values = np.random.default_rng(0).uniform(0.3, 0.7, (40, 52)).astype(np.float32)
    return Motion(values, "coefficients", speaker="ada")


def test_a_shift_is_late_or_early_and_repeats_the_ends():
    values = np.arange(5, dtype=np.float32)[:, None]
    assert d.shift(values, 2)[:, 0].tolist() == [0, 0, 0, 1, 2]
    assert d.shift(values, -1)[:, 0].tolist() == [1, 2, 3, 4, 4]
    assert d.shift(values, 9)[:, 0].tolist() == [0] * 5
    assert d.shift(values, 0)[:, 0].tolist() == [0, 1, 2, 3, 4]


def test_smoothing_is_the_mean_of_the_neighbours():
    values = np.array([0, 0, 9, 0, 0, 3], dtype=np.float32)[:, None]
    assert d.smooth(values, 3)[:, 0].tolist() == [0, 3, 3, 3, 1, 2]
    assert d.smooth(values, 1)[:, 0].tolist() == values[:, 0].tolist()


@given(st.integers(0, 9), st.integers(1, 12))
def test_smoothing_keeps_what_is_steady_and_never_adds_range(reach, frames):
    steady = np.full((frames, 2, 3), 0.37, np.float32)
    np.testing.assert_allclose(d.smooth(steady, 2 * reach + 1), steady, atol=1e-7)
    lively = np.random.default_rng(frames).random((frames, 4)).astype(np.float32)
    out = d.smooth(lively, 2 * reach + 1)
    assert (out.max(0) <= lively.max(0) + 1e-6).all() and (out.min(0) >= lively.min(0) - 1e-6).all()


@pytest.mark.parametrize("width", [0, 2, -1])
def test_an_even_width_is_refused(width):
    with pytest.raises(UserError, match="moving average"):
        d.smooth(np.zeros((4, 2)), width)


@given(st.floats(0, 3))
def test_scaling_keeps_the_mean_and_scales_the_deviation(amplitude):
    values = np.random.default_rng(1).random((30, 5)).astype(np.float32)
    out = d.scale(values, amplitude)
    np.testing.assert_allclose(out.mean(0), values.mean(0), atol=1e-6)
    np.testing.assert_allclose(out.std(0), amplitude * values.std(0), atol=1e-6)


def test_noise_has_the_deviation_it_says_and_the_seed_decides():
    values = np.zeros((2000, 20), np.float32)
    noisy = d.add_noise(values, 0.03)
    assert noisy.std() == pytest.approx(0.03, rel=0.02)
    assert abs(np.corrcoef(noisy[1:, 0], noisy[:-1, 0])[0, 1]) < 0.1, "new in every frame"
    np.testing.assert_array_equal(noisy, d.add_noise(values, 0.03))
    assert not np.array_equal(noisy, d.add_noise(values, 0.03, seed=1))


def test_an_offset_touches_one_column():
    values = np.full((3, 52), 0.5, np.float32)
    out = d.offset(values, -0.2)
    changed = np.flatnonzero((out != values).any(0))
    assert changed.tolist() == [ARKIT_INDEX["jawOpen"]]
    np.testing.assert_allclose(out[:, changed], 0.3)
    with pytest.raises(UserError, match="no shape 'chin'"):
        d.offset(values, 0.1, "chin")


def test_freezing_holds_brows_lids_and_gaze_only(motion):
    out = d.freeze_upper_face(motion.values)
    still = np.flatnonzero(np.ptp(out, axis=0) == 0)
    names = {ARKIT_NAMES[i] for i in still}
    assert len(still) == 19 == len(d.UPPER_SHAPES)
    assert all(name.startswith(("brow", "eye")) for name in names)
    np.testing.assert_allclose(out.mean(0), motion.values.mean(0), atol=1e-6)


def test_lost_closures_open_the_lips():
    face = get_face("neutral@low")
    values = np.zeros((2, 52), np.float32)
    values[:, ARKIT_INDEX["jawOpen"]] = 0.2
    values[:, ARKIT_INDEX["mouthClose"]] = 0.25
    assert face.aperture(values).max() < 1e-4
    half, whole = (face.aperture(d.lose_closures(values, s))[0] for s in (0.5, 1.0))
    assert 0.0005 < half < whole
    assert len(d.CLOSING_SHAPES) == 5


def test_nothing_changes_nothing_and_says_so(motion):
    np.testing.assert_array_equal(degrade(motion).values, motion.values)
    assert str(Degradation()) == "nothing changed"
    assert degrade(motion).speaker == "ada"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shift": 1}, "1 frame late"),
        ({"shift": -3}, "3 frames early"),
        ({"smoothing": 5}, "smoothed over 5 frames"),
        ({"amplitude": 0.5}, "amplitude 0.50"),
        ({"jaw_offset": -0.1}, "jaw -0.10"),
        ({"noise": 0.02}, "noise 0.020"),
        ({"frozen_upper_face": True}, "upper face frozen"),
        ({"lost_closures": 0.5}, "50% of the closures lost"),
    ],
)
def test_each_part_acts_alone_keeps_the_input_and_is_put_in_words(motion, change, words):
    before = motion.values.copy()
    out = degrade(motion, **change)
    assert str(Degradation(**change)) == words
    assert not np.array_equal(out.values, before)
    np.testing.assert_array_equal(motion.values, before)
    assert out.values.shape == before.shape
    np.testing.assert_array_equal(degrade(motion, Degradation(**change)).values, out.values)


def test_the_parts_act_in_the_stated_order(motion):
    todo = Degradation(amplitude=0.5, smoothing=3, noise=0.01, shift=2, jaw_offset=0.1)
    values = d.offset(d.scale(motion.values, 0.5), 0.1)
    values = d.shift(d.add_noise(d.smooth(values, 3), 0.01), 2)
    np.testing.assert_allclose(degrade(motion, todo).values, values.clip(0, 1), atol=1e-7)


def test_the_result_stays_within_bounds(motion):
    out = degrade(motion, amplitude=9.0, noise=0.5, jaw_offset=2.0).values
    assert out.min() >= 0 and out.max() <= 1


def test_wrong_requests_are_refused(motion):
    with pytest.raises(UserError, match="no degradation 'blur'"):
        degrade(motion, blur=2)
    vertices = Motion(np.zeros((3, 4, 3), np.float32), "vertices")
    with pytest.raises(UserError, match="coefficients"):
        degrade(vertices, shift=1)
