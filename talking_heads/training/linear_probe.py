"""Linear maps from features to what they may tell: a class for each frame, or numbers.

A probe asks what can be read from features without any further thought. Classes are read by
multinomial logistic regression, numbers by least squares, both with a penalty on large weights
(ridge). Features are standardised first, so one penalty fits encoders of different scales.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

from talking_heads.errors import UserError

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

CLASS_STRENGTHS = (1e-2, 1e-3, 1e-4, 1e-5)
"""Penalties of the classes to choose from; the strongest first, the next begins where it ended."""
VALUE_STRENGTHS = (1e-1, 1e-2, 1e-3, 1e-4)
"""Penalties of numbers to choose from, as shares of a feature's variance."""
_MOST_STEPS = 60
_SMALLEST_SCALE = 1e-5


@dataclass(frozen=True)
class LinearMap:
    """Features times weights, plus an offset.

    Parameters
    ----------
    weight : ndarray of float32
        ``(feature, out)``.
    bias : ndarray of float32
        ``(out,)``.
    strength : float
        The penalty that it was found with.
    """

    weight: Floats
    bias: Floats
    strength: float

    def __call__(self, features: NDArray[Any]) -> Floats:
        """Return ``(frame, out)`` of ``(frame, feature)``."""
        return np.asarray(features @ self.weight + self.bias, dtype=np.float32)


class Axes:
    """The main directions of some features, each with its variance.

    In these directions a linear problem is round, so few steps solve it, and the same directions
    serve all penalties and targets.

    Parameters
    ----------
    features : ndarray
        ``(frame, feature)``, at least two frames.

    Raises
    ------
    UserError
        If there are fewer than two frames, or a value is not finite.
    """

    def __init__(self, features: NDArray[Any]) -> None:
        if features.ndim != 2 or len(features) < 2:
            raise UserError(f"A probe needs two frames or more, not {features.shape}.")
        x = torch.from_numpy(np.ascontiguousarray(features, dtype=np.float32))
        if not bool(torch.isfinite(x).all()):
            raise UserError("The features of the encoder are not finite.")
        self.centre = x.mean(0)
        # One that hardly varies is left as it is: noise would be blown up.
        spread = x.std(0, correction=0)
        self.scale = torch.where(spread > _SMALLEST_SCALE, spread, torch.ones(()))
        x = (x - self.centre) / self.scale
        variances, self.directions = torch.linalg.eigh((x.T @ x).double() / len(x))
        self.variances = variances.clamp(min=0)
        self.points = x @ self.directions.float()
        """``(frame, feature)``: the features along the directions."""

    def map(self, weight: Tensor, bias: Tensor, strength: float) -> LinearMap:
        """Return the map that `weight` ``(feature, out)`` along the directions stands for."""
        own = (self.directions @ weight.double()) / self.scale.double()[:, None]
        offset = bias.double() - self.centre.double() @ own
        return LinearMap(own.float().numpy(), offset.float().numpy(), strength)


def fit_values(axes: Axes, targets: NDArray[Any], strength: float) -> LinearMap:
    """Solve ridge regression: least mean squared error, plus ``strength`` times squared weights.

    Parameters
    ----------
    axes : Axes
        Of the features to learn from.
    targets : ndarray
        ``(frame, out)``.
    strength : float
        The penalty, as a share of a standardised feature's variance; above 0.

    Returns
    -------
    LinearMap
    """
    y = torch.from_numpy(np.ascontiguousarray(targets, dtype=np.float32))
    middle = y.mean(0)
    product = (axes.points.T @ (y - middle)).double() / len(y)
    return axes.map(product / (axes.variances[:, None] + strength), middle, strength)


def fit_classes(
    axes: Axes,
    classes: NDArray[Any],
    count: int,
    strength: float,
    start: tuple[Tensor, Tensor] | None = None,
) -> tuple[LinearMap, tuple[Tensor, Tensor]]:
    """Solve multinomial logistic regression with a ridge penalty.

    What is made small is the mean cross-entropy in nats plus half of ``strength`` times the sum of
    the squared weights; the offsets are free.

    Parameters
    ----------
    axes : Axes
        Of the features to learn from.
    classes : ndarray
        ``(frame,)`` integers from 0; frames of -1 are left out.
    count : int
        How many classes there are.
    strength : float
        The penalty, above 0.
    start : (Tensor, Tensor), optional
        Where to begin: what an earlier call returned.

    Returns
    -------
    LinearMap
        From features to the scores of the classes, ``(frame, count)``.
    (Tensor, Tensor)
        The same along the axes, as a start for another penalty.
    """
    known = torch.from_numpy(np.asarray(classes) >= 0)
    x = axes.points if bool(known.all()) else axes.points[known]
    y = torch.from_numpy(np.asarray(classes)[known.numpy()].astype(np.int64))
    # Cross-entropy bends about 1/count as much as a square, so round the problem with that.
    unit = (axes.variances / count + strength).rsqrt()[:, None].float()
    size, rows = x.shape[1], torch.arange(len(y))

    def cost(flat: Doubles) -> tuple[float, Doubles]:
        both = torch.from_numpy(flat).float().view(size + 1, count)
        weight = both[:size] * unit
        scores = torch.addmm(both[size], x, weight).log_softmax(1)
        loss = -scores[rows, y].double().mean() + strength / 2 * weight.double().square().sum()
        error = scores.exp_()
        error[rows, y] -= 1
        error /= len(y)
        slope = (x.T @ error + strength * weight) * unit
        return float(loss), torch.cat([slope, error.sum(0)[None]]).double().numpy().ravel()

    if start is None:
        begin = torch.zeros(size + 1, count)
    else:
        begin = torch.cat([start[0] / unit, start[1][None]])
    found = minimize(
        cost,
        begin.double().numpy().ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _MOST_STEPS, "ftol": 1e-6, "gtol": 1e-6},
    )
    both = torch.from_numpy(found.x).float().view(size + 1, count)
    weight, bias = both[:size] * unit, both[size]
    return axes.map(weight, bias, strength), (weight, bias)


def choose_classes(
    axes: Axes,
    classes: NDArray[Any],
    count: int,
    features: NDArray[Any],
    true: NDArray[Any],
    strengths: Sequence[float] = CLASS_STRENGTHS,
) -> LinearMap:
    """Fit classes with several penalties, and take the one that others' frames like best.

    Parameters
    ----------
    axes, classes, count
        As in `fit_classes`.
    features, true : ndarray
        ``(frame, feature)`` and ``(frame,)`` to choose on: lowest cross-entropy.
    strengths : sequence of float
        Penalties, strongest first. When a weaker one is worse, the rest is not tried.

    Returns
    -------
    LinearMap
    """
    best: LinearMap | None = None
    lowest, start = np.inf, None
    for strength in strengths:
        found, start = fit_classes(axes, classes, count, strength, start)
        error = cross_entropy(found(features), true)
        if best is not None and error >= lowest:
            break
        best, lowest = found, error
    if best is None:
        raise UserError("A probe needs penalties above 0 to choose from.")
    return best


def choose_values(
    axes: Axes,
    targets: NDArray[Any],
    features: NDArray[Any],
    true: NDArray[Any],
    strengths: Sequence[float] = VALUE_STRENGTHS,
) -> LinearMap:
    """Fit numbers with several penalties, and take the one that others' frames like best.

    Parameters
    ----------
    axes, targets
        As in `fit_values`.
    features, true : ndarray
        ``(frame, feature)`` and ``(frame, out)`` to choose on: lowest squared error.
    strengths : sequence of float
        Penalties.

    Returns
    -------
    LinearMap
    """
    if not strengths:
        raise UserError("A probe needs penalties above 0 to choose from.")
    maps = [fit_values(axes, targets, strength) for strength in strengths]
    errors = [float(np.square(found(features) - true).mean()) for found in maps]
    return maps[int(np.argmin(errors))]


def cross_entropy(scores: NDArray[Any], classes: NDArray[Any]) -> float:
    """Return the mean cross-entropy in nats of ``(frame, class)`` scores; -1 is left out."""
    known = np.asarray(classes) >= 0
    chosen = torch.from_numpy(np.asarray(scores, dtype=np.float64)[known])
    true = torch.from_numpy(np.asarray(classes)[known].astype(np.int64))
    return float(torch.nn.functional.cross_entropy(chosen, true))
