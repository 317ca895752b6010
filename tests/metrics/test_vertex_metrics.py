"""LVE, EVE, MVE, MOD, FDD and diversity by hand, and what they refuse."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from talking_heads.errors import UserError
from talking_heads.metrics import (
    diversity,
    eve,
    fdd,
    fdd_vertexwise,
    lve,
    lve_meshtalk,
    lve_squared,
    max_vertex_error,
    measure_clip,
    measure_spread,
    mod,
    mve,
)
from talking_heads.metrics.distances import mouth_openings
from talking_heads.metrics.spread import mean_distance


def test_the_three_lves_by_hand() -> None:
    true = np.zeros((2, 4, 3))
    made = true.copy()
    made[0, 0] = [3, 4, 0]  # 5 from the truth
    made[0, 1] = [0, 0, 1]  # 1
    made[1, 1] = [0, 2, 0]  # 2
    made[:, 3] = 100  # not a lip
    lips = [0, 1]
    assert lve(true, made, lips) == pytest.approx((5 + 2) / 2)
    assert lve_squared(true, made, lips) == pytest.approx((25 + 4) / 2)
    # Frame 0: the mean of the lips is (1.5, 2, 0.5), both are |(1.5, 2, -0.5)| from it.
    # Frame 1: the mean is (0, 1, 0), both are 1 from it.
    assert lve_meshtalk(true, made, lips) == pytest.approx((np.sqrt(6.5) + 1) / 2)
    assert eve(true, made, [1, 2]) == pytest.approx((1 + 2) / 2)
    # 100 times sqrt(3) for vertex 3; three other distances; 2 frames of 4 vertices.
    assert mve(true, made) == pytest.approx((5 + 1 + 2 + 2 * 100 * np.sqrt(3)) / 8)


def test_the_default_is_the_mean_of_the_error_that_training_reports() -> None:
    rng = np.random.default_rng(0)
    true, made = rng.normal(size=(2, 9, 20, 3))
    lips = np.array([3, 5, 19])
    error = max_vertex_error(true[:, lips], made[:, lips])
    assert lve(true, made, lips) == pytest.approx(error.mean(), rel=1e-12)


def test_the_printed_vocaset_value_is_metres_squared() -> None:
    """A lip that is 5.6 mm off in each frame gives the 3.1e-5 that papers print for VOCASET."""
    true = np.zeros((10, 5, 3))
    made = true + np.array([0, 0.0056, 0])
    assert lve_squared(true, made, [1, 2]) == pytest.approx(3.136e-5)
    assert 1000 * lve(true, made, [1, 2]) == pytest.approx(5.6)


def test_mod_by_hand() -> None:
    template = np.array([[0.0, 1, 0], [0, 0, 0], [5, 1, 0], [5, 0, 0]])
    true = np.zeros((2, 4, 3))  # both pairs 1 apart in both frames
    made = true.copy()
    made[0, 0] = [0, 1, 0]  # 2 apart
    made[1, 1] = [0, 1, 0]  # 0 apart
    made[1, 3] = [0, -3, 0]  # 4 apart
    pairs = [[0, 2], [1, 3]]
    np.testing.assert_allclose(mouth_openings(made, pairs, template), [[2, 1], [0, 4]])
    assert mod(true, made, pairs, template) == pytest.approx((1 + 0 + 1 + 3) / 4)
    with pytest.raises(UserError, match="template"):
        mod(true, made, pairs, template[:3])
    with pytest.raises(UserError, match=r"\(2, P\)"):
        mod(true, made, [0, 1], template)


def test_fdd_by_hand() -> None:
    true = np.zeros((4, 3, 3))
    made = true.copy()
    true[:, 0, 0] = [0, 2, 0, 2]  # squares 0 4 0 4: deviation 2; norms: 1
    true[:, 1, 1] = [1, 1, 1, 1]  # 0
    made[:, 0, 2] = [0, 4, 4, 0]  # squares 0 16 16 0: 8; norms: 2
    made[:, 1, 0] = [1, -1, 1, -1]  # squares do not vary: 0
    assert fdd(true, made, [0, 1]) == pytest.approx((2 + 0) / 2 - (8 + 0) / 2)
    assert fdd(true, made, [0, 1], norm="plain") == pytest.approx((1 - 2) / 2)
    assert fdd(true, made, [0]) == pytest.approx(-6)
    assert fdd_vertexwise(true, made, [0, 1]) == pytest.approx((1 + 0) / 2)
    with pytest.raises(UserError, match="norm"):
        fdd(true, made, [0], norm="l2")  # type: ignore[arg-type]


def test_what_the_sign_of_fdd_hides() -> None:
    """Vertex 0 moves too little and vertex 1 too much: within a clip they cancel, too."""
    wave = np.array([0.0, 2, 0, 2])
    true, made = np.zeros((2, 4, 2, 3))
    true[:, 0, 0] = wave
    made[:, 1, 0] = wave
    assert fdd(true, made, [0, 1]) == 0
    assert fdd_vertexwise(true, made, [0, 1]) == pytest.approx(1)


def test_diversity_by_hand() -> None:
    zero = np.zeros((2, 2, 3))
    one = zero.copy()
    one[:, 0] = [0, 3, 4]  # 5 in both frames at one of two vertices: 2.5
    two = zero.copy()
    two[0, 1] = [1, 0, 0]  # 1 in one of two frames at one of two vertices: 0.25
    assert diversity([zero, one]) == pytest.approx(2.5)
    # zero-one 2.5, zero-two 0.25, one-two (5 + 5 + 1) / 4
    assert diversity([zero, one, two]) == pytest.approx((2.5 + 0.25 + 2.75) / 3)
    assert diversity([zero, one, two], [1]) == pytest.approx((0 + 0.5 + 0.5) / 3)
    assert diversity([zero[0], one[0]]) == pytest.approx(np.sqrt(25) / 2)  # coefficients
    assert diversity([one, one, one]) == 0
    assert mean_distance(zero, two) == pytest.approx(0.25)
    rows = measure_spread([zero, one, two], lips=[0, 0], upper_face=[1])
    assert rows["diversity_lips"] == (pytest.approx((5 + 0 + 5) / 3), 1)
    assert rows["diversity_upper_face"] == (pytest.approx(1 / 3), 1)
    styles = measure_spread([zero, one, two], over="styles", lips=[0])
    assert styles == {"diversity_styles": rows["diversity"]}
    with pytest.raises(UserError, match="at least two"):
        diversity([zero])
    with pytest.raises(UserError, match="at least two"):
        measure_spread([zero])
    with pytest.raises(UserError, match="styles"):
        measure_spread([zero, one], over="speakers")  # type: ignore[arg-type]


def test_diversity_of_different_lengths() -> None:
    made = [np.ones((n, 2, 3)) * n for n in (5, 4, 7)]
    with pytest.raises(UserError, match="5 frames"):
        measure_spread(made)
    rows = measure_spread(made, lengths="trim")
    assert rows["diversity"][0] == pytest.approx(np.sqrt(3) * (1 + 2 + 3) / 3)
    assert rows["frames_dropped"] == (1 + 0 + 3, 16)
    assert diversity(made, lengths="trim") == rows["diversity"][0]


Measure = Callable[[np.ndarray, np.ndarray], object]


@pytest.mark.parametrize(
    "measure",
    [
        lambda a, b: lve(a, b, [0]),
        lambda a, b: lve_meshtalk(a, b, [0]),
        lambda a, b: fdd(a, b, [0]),
        mve,
        lambda a, b: mod(a, b, [[0], [1]], np.zeros((4, 3))),
        lambda a, b: measure_clip(a, b),
    ],
)
def test_motions_that_do_not_match(measure: Measure) -> None:
    motion = np.zeros((5, 4, 3))
    for other in (motion[:4], motion[:, :3], motion[..., :2], motion[0]):
        with pytest.raises(UserError):
            measure(motion, other)
    with pytest.raises(UserError):
        measure(motion[:0], motion[:0])


@pytest.mark.parametrize("ids", [[], [4], [-1], [0.5], [True]])
def test_regions_that_do_not_fit(ids: list[int]) -> None:
    motion = np.zeros((5, 4, 3))
    for measure in (lve, lve_meshtalk, eve, fdd, fdd_vertexwise):
        with pytest.raises(UserError):
            measure(motion, motion, ids)


def test_a_large_mesh_needs_little_memory() -> None:
    """BIWI's 23,370 vertices: copies of both motions in double precision would take 190 MB."""
    true = np.zeros((170, 23_370, 3), np.float32)
    made = np.ones_like(true)
    lips, upper = np.arange(4996), np.arange(5000, 12_784)
    tracemalloc.start()
    try:
        rows = measure_clip(
            true, made, lips=lips, upper_face=upper, lip_pairs=[[1], [2]], template=true[0]
        )
        measure_spread([true, made], lips=lips, upper_face=upper)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert rows["mve"][0] / rows["mve"][1] == pytest.approx(np.sqrt(3))
    assert peak < 60e6


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e200])
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.filterwarnings("error")
def test_what_is_not_finite_is_no_figure(bad: float, side: int) -> None:
    """Each function on its own: a NaN that is handed on shows up far from its cause."""
    pair = [np.ones((5, 6, 3)), np.ones((5, 6, 3))]
    pair[side][2, 3, 1] = bad
    true, made = pair
    ids, pairs, template = [2, 3], [[2], [3]], np.zeros((6, 3))
    for measured in (
        lambda: lve(true, made, ids),
        lambda: lve_squared(true, made, ids),
        lambda: lve_meshtalk(true, made, ids),
        lambda: eve(true, made, ids),
        lambda: mve(true, made),
        lambda: mod(true, made, pairs, template),
        lambda: fdd(true, made, ids),
        lambda: fdd_vertexwise(true, made, ids),
        lambda: diversity([true, made]),
    ):
        with pytest.raises(UserError, match="not finite"):
            measured()
    assert lve(true, made, [0, 1]) == 0  # It lies outside of what is looked at.


def test_lip_pairs_with_one_side_longer() -> None:
    motion = np.zeros((2, 6, 3))
    with pytest.raises(UserError, match="as many upper"):
        mod(motion, motion, [[1, 2], [3]], motion[0])  # type: ignore[list-item]
