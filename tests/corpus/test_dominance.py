from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from talking_heads.corpus.dominance import blend, dominance


def test_values_by_hand() -> None:
    # A segment from 0.90 to 1.10 s: centre 1.0, half 0.1, so the plateau is 0.94 to 1.06 s.
    time = np.array([0.94, 1.0, 1.06, 0.94 - 0.075, 1.06 + 0.085, 0.94 - 0.150])
    values = dominance(time, np.array([1.0]), np.array([0.1]), np.array([2.0]))[:, 0]
    np.testing.assert_allclose(values, [2.0, 2.0, 2.0, 0.2, 0.2, 0.02], rtol=1e-9)


def test_rounding_reaches_further_before_only() -> None:
    time = np.array([1.0 - 0.130, 1.0 + 0.085])
    one = np.array([1.0])
    values = dominance(time, one, np.array([0.0]), one, before=0.130)[:, 0]
    np.testing.assert_allclose(values, [0.1, 0.1], rtol=1e-9)


def test_blend_by_hand() -> None:
    weights = np.array([[1.0, 3.0], [0.5, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(blend(weights, np.array([0.8, 0.4])), [0.5, 0.8, 0.0])


def test_fast_speech_undershoots() -> None:
    """The same sounds in less time come less far, without any rule that says so."""

    def peak(scale: float) -> float:
        centre = np.array([0.05, 0.15, 0.25]) * scale
        half = np.full(3, 0.05) * scale
        time = np.linspace(0, 0.3 * scale, 301)
        weights = dominance(time, centre, half, np.ones(3))
        return float(blend(weights, np.array([0.1, 0.7, 0.1])).max())

    assert peak(0.6) < peak(1.0) - 0.03 < peak(1.6) - 0.06


@settings(deadline=None)
@given(
    targets=st.lists(st.floats(0, 1), min_size=1, max_size=6),
    alphas=st.lists(st.floats(0.05, 2), min_size=6, max_size=6),
    half=st.floats(0.01, 0.2),
)
def test_stays_between_the_targets(targets: list[float], alphas: list[float], half: float) -> None:
    count = len(targets)
    centre = half * (1 + 2 * np.arange(count))
    time = np.linspace(0, 2 * half * count, 50)
    weights = dominance(time, centre, np.full(count, half), np.array(alphas[:count]))
    curve = blend(weights, np.array(targets))
    assert curve.min() >= min(targets) - 1e-3
    assert curve.max() <= max(targets) + 1e-9
