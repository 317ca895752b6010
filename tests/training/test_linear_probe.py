import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from talking_heads.errors import UserError
from talking_heads.training.linear_probe import (
    Axes,
    choose_classes,
    choose_values,
    cross_entropy,
    fit_classes,
    fit_values,
)


def clouds(frames: int = 300, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Three clouds in five dimensions, two of which differ in scale by far."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(3, size=frames)
    x = rng.normal(size=(frames, 5)) + 1.5 * np.eye(3, 5)[classes]
    return (x * [1, 100, 0.01, 1, 1] + [0, 50, 3, 0, -2]).astype(np.float32), classes


def standardised(x: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = x.astype(np.float64)
    return (wide - wide.mean(0)) / wide.std(0)


def test_values_are_those_of_ridge_regression() -> None:
    x, classes = clouds()
    y = np.stack([classes * 2.0 + 7, -classes], axis=1)
    found = fit_values(Axes(x), y, 0.3)
    z = standardised(x)
    weight = np.linalg.solve(z.T @ z / len(z) + 0.3 * np.eye(5), z.T @ (y - y.mean(0)) / len(z))
    assert found(x) == pytest.approx(z @ weight + y.mean(0), abs=1e-3)
    assert found.strength == 0.3


def test_classes_are_those_of_logistic_regression() -> None:
    x, classes = clouds()
    z, strength = standardised(x), 0.02

    def cost(flat: NDArray[np.float64]) -> float:
        weight, bias = flat[:15].reshape(5, 3), flat[15:]
        scores = log_softmax(z @ weight + bias, axis=1)
        return float(
            -scores[np.arange(len(z)), classes].mean() + strength / 2 * np.square(weight).sum()
        )

    plain = minimize(cost, np.zeros(18), method="BFGS").x
    expected = log_softmax(z @ plain[:15].reshape(5, 3) + plain[15:], axis=1)
    found, _ = fit_classes(Axes(x), classes, 3, strength)
    assert log_softmax(found(x), axis=1) == pytest.approx(expected, abs=0.01)
    assert (found(x).argmax(1) == classes).mean() > 0.6


def test_a_start_elsewhere_ends_at_the_same_place() -> None:
    x, classes = clouds()
    axes = Axes(x)
    direct, _ = fit_classes(axes, classes, 3, 1e-3)
    _, start = fit_classes(axes, classes, 3, 1.0)
    again, _ = fit_classes(axes, classes, 3, 1e-3, start)
    assert log_softmax(again(x), axis=1) == pytest.approx(log_softmax(direct(x), axis=1), abs=0.02)


def test_unknown_frames_are_left_out() -> None:
    x, classes = clouds()
    some = classes.copy()
    some[::2] = -1
    axes = Axes(x)
    found, _ = fit_classes(axes, some, 3, 0.01)
    # What stands there instead makes no difference; a class that is not there would.
    x_half, axes_half = x[1::2], Axes(x)
    axes_half.points = axes.points[1::2]
    half, _ = fit_classes(axes_half, classes[1::2], 3, 0.01)
    assert found(x_half) == pytest.approx(half(x_half), abs=1e-3)
    assert cross_entropy(found(x), some) == pytest.approx(
        cross_entropy(found(x_half), classes[1::2]), abs=1e-6
    )


@settings(max_examples=15, deadline=None)
@given(st.floats(-3, 3), st.floats(-5, 5))
def test_scale_and_offset_of_features_change_nothing(power: float, offset: float) -> None:
    x, classes = clouds(60)
    moved = (x * 10**power + offset).astype(np.float32)
    first, _ = fit_classes(Axes(x[:, 3:]), classes, 3, 0.01)
    second, _ = fit_classes(Axes(moved[:, 3:]), classes, 3, 0.01)
    assert second(moved[:, 3:]) == pytest.approx(first(x[:, 3:]), abs=0.05)


def test_constant_and_repeated_features_do_no_harm() -> None:
    x, classes = clouds()
    more = np.concatenate([x, x, np.full((len(x), 2), 4, np.float32)], axis=1)
    found = fit_values(Axes(more), classes[:, None], 1e-3)
    assert np.isfinite(found.weight).all()
    plain = fit_values(Axes(x), classes[:, None], 1e-3)
    assert found(more) == pytest.approx(plain(x), abs=0.01)
    fewer = fit_values(Axes(more[:4]), classes[:4, None], 1e-3)
    assert np.isfinite(fewer(more)).all()


def test_the_penalty_is_chosen_on_other_frames() -> None:
    # Many features of noise and few frames: little penalty learns them by heart.
    rng = np.random.default_rng(0)
    classes = rng.integers(2, size=400)
    x = rng.normal(size=(400, 60)).astype(np.float32)
    x[:, 0] += 2 * classes
    train, check = slice(0, 80), slice(80, 400)
    axes = Axes(x[train])
    chosen = choose_classes(
        axes, classes[train], 2, x[check], classes[check], (10.0, 0.3, 0.1, 1e-4)
    )
    assert chosen.strength in (0.3, 0.1)
    y = classes[:, None].astype(float)
    value = choose_values(axes, y[train], x[check], y[check], (10.0, 0.5, 1e-5))
    assert value.strength == 0.5
    # On the frames it learned from the weakest is best, so the choice was not made there.
    assert choose_values(axes, y[train], x[train], y[train], (10.0, 0.5, 1e-5)).strength == 1e-5


def test_cross_entropy_by_hand() -> None:
    scores = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1], [1, 1, 1]]))
    assert cross_entropy(scores, np.array([1, 1, -1])) == pytest.approx(-np.log([0.25, 0.8]).mean())


def test_errors() -> None:
    x, classes = clouds()
    with pytest.raises(UserError, match="two frames"):
        Axes(x[:1])
    x[3, 2] = np.nan
    with pytest.raises(UserError, match="not finite"):
        Axes(x)
    axes = Axes(clouds()[0])
    with pytest.raises(UserError, match="penalties"):
        choose_classes(axes, classes, 3, x, classes, ())
    with pytest.raises(UserError, match="penalties"):
        choose_values(axes, classes[:, None], x, classes[:, None], ())
