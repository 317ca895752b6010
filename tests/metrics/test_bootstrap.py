from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from talking_heads.errors import UserError
from talking_heads.metrics import bootstrap as module
from talking_heads.metrics import bootstrap_interval, bootstrap_values
from talking_heads.metrics.bootstrap import clip_weights


def rows_of(clips: int = 30, seeds: int = 4, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    bottom = rng.integers(20, 200, clips)[:, None] * np.ones((1, seeds))
    value = rng.normal(5, 1, (clips, 1)) + rng.normal(0, 0.7, (clips, seeds))
    return np.stack([value * bottom, bottom], axis=2)


def test_means_and_ratios_have_scipys_intervals() -> None:
    rows = rows_of(40, 1)[:, 0]
    values = rows[:, 0] / rows[:, 1]
    options = {"n_resamples": 20_000, "method": "percentile", "random_state": 1}
    ones = np.c_[values, np.ones(40)]
    for own, theirs in (
        (ones, stats.bootstrap((values,), np.mean, **options)),
        (
            rows,
            stats.bootstrap(
                (rows[:, 0], rows[:, 1]),
                lambda a, b, axis: a.sum(axis) / b.sum(axis),
                paired=True,
                vectorized=True,
                **options,
            ),
        ),
    ):
        found = bootstrap_interval(own, draws=20_000)
        assert found is not None
        low, high = theirs.confidence_interval
        # Both are random; 20,000 draws fix an end to about 1 % of the width.
        assert found == pytest.approx((low, high), abs=0.04 * (high - low))


def test_clips_and_seeds_against_plain_loops() -> None:
    rows = rows_of(6, 3)
    rng = np.random.default_rng(7)
    slow = []
    for _ in range(4000):
        top = bottom = 0.0
        for _ in range(6):
            clip = rng.integers(6)
            for _ in range(3):
                a, b = rows[clip, rng.integers(3)]
                top, bottom = top + a, bottom + b
        slow.append(top / bottom)
    fast = bootstrap_values(rows, "clips and seeds", draws=20_000)
    assert fast.mean() == pytest.approx(np.mean(slow), abs=0.03)
    assert fast.std() == pytest.approx(np.std(slow), rel=0.05)
    only = bootstrap_values(rows, "clips", draws=20_000)
    assert only.std() < 0.97 * fast.std()


def test_speakers_against_plain_loops() -> None:
    rows = rows_of(9, 2)
    who = ["a"] * 4 + ["b"] * 2 + ["c"] * 3
    rows[:4] *= [[[1.2, 1]]]
    places = {name: [i for i, w in enumerate(who) if w == name] for name in "abc"}
    rng = np.random.default_rng(8)
    slow = []
    for _ in range(4000):
        top = bottom = 0.0
        for _ in range(3):
            own = places["abc"[rng.integers(3)]]
            for _ in own:
                clip = own[rng.integers(len(own))]
                for _ in range(2):
                    a, b = rows[clip, rng.integers(2)]
                    top, bottom = top + a, bottom + b
        slow.append(top / bottom)
    fast = bootstrap_values(rows, "speakers", speakers=who, draws=20_000)
    assert fast.mean() == pytest.approx(np.mean(slow), abs=0.03)
    assert fast.std() == pytest.approx(np.std(slow), rel=0.05)


def test_intervals_over_clips_are_too_narrow_for_new_speakers() -> None:
    """Of 12 people with 10 clips each, how often does an interval hold the mean of all people?"""
    rng = np.random.default_rng(3)
    held = {"clips": 0, "speakers": 0}
    who = [f"s{i // 10}" for i in range(120)]
    trials = 150
    for trial in range(trials):
        people = rng.normal(0, 1, 12)
        values = np.repeat(people, 10) + rng.normal(0, 0.5, 120)
        rows = np.c_[values, np.ones(120)]
        for over in held:
            ends = bootstrap_interval(rows, over, speakers=who, draws=300, seed=trial)  # type: ignore[arg-type]
            assert ends is not None
            held[over] += ends[0] < 0 < ends[1]
    assert held["clips"] / trials < 0.6
    assert held["speakers"] / trials > 0.85


def test_the_seed_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, who = rows_of(8, 2), list("aabbccdd")
    for over in ("clips", "clips and seeds", "speakers"):
        one, two, other = (
            bootstrap_values(rows, over, speakers=who, draws=50, seed=s)  # type: ignore[arg-type]
            for s in (1, 1, 2)
        )
        np.testing.assert_array_equal(one, two)
        assert (one != other).any()
        assert len(one) == 50 and np.ptp(one) > 0
    monkeypatch.setattr(module, "_BLOCK", 30)
    pieces = bootstrap_values(rows, "clips and seeds", draws=50)
    assert len(pieces) == 50 and np.isfinite(pieces).all()
    assert len(bootstrap_values(rows, "speakers", speakers=who, draws=50)) == 50


def test_weights_draw_as_many_clips_as_there_are() -> None:
    weights = clip_weights(7, 100, 3)
    assert weights.shape == (100, 7) and (weights.sum(1) == 7).all() and weights.max() > 1


def test_equal_rows_have_an_interval_of_no_width() -> None:
    assert bootstrap_interval([(3.0, 2.0)] * 5) == (1.5, 1.5)


def test_one_of_a_kind_has_no_interval() -> None:
    assert bootstrap_interval([(3.0, 2.0)]) is None
    rows = [(1.0, 1.0), (2.0, 1.0)]
    assert bootstrap_interval(rows, "speakers", speakers=["a", "a"]) is None
    assert bootstrap_interval(rows, "speakers", speakers=["a", "b"]) is not None


def test_draws_without_a_denominator_are_left_out() -> None:
    rows = [(0.0, 0.0), (0.0, 0.0), (2.0, 1.0)]
    values = bootstrap_values(rows, draws=200)
    assert np.isnan(values).any()
    assert bootstrap_interval(rows, draws=200) == (2.0, 2.0)
    assert bootstrap_interval([(0.0, 0.0)] * 2) is None


def test_what_cannot_be_drawn() -> None:
    for wrong in ([], [1.0, 2.0], np.zeros((3, 2, 3))):
        with pytest.raises(UserError, match="Rows of shape"):
            bootstrap_values(wrong)
    rows = rows_of(4)
    with pytest.raises(UserError, match="whose the 4 clips are"):
        bootstrap_values(rows, "speakers")
    with pytest.raises(UserError, match="whose the 4 clips are"):
        bootstrap_values(rows, "speakers", speakers=["a"])
    with pytest.raises(UserError, match="frames"):
        bootstrap_values(rows, "frames")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="level"):
        bootstrap_interval(rows, level=95)
