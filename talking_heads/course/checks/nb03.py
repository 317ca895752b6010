"""Checks of notebook 03: measures of surfaces, a bootstrap interval, and the macro F1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.course.checking import Case, Exercise, Mistake, same_as_package
from talking_heads.course.checks.vertex_metrics import VERTEX_EXERCISES
from talking_heads.metrics import identity_report

Array = NDArray[Any]

# --- Bootstrap -------------------------------------------------------------------------------


def interval(values: Array, draws: Array) -> Array:
    """Return the middle 95 % of the means of draws of clips.

    The same as `talking_heads.metrics.bootstrap_interval`, which draws by itself.

    Parameters
    ----------
    values : ndarray
        ``(clip,)`` one figure a clip.
    draws : ndarray of int
        ``(draw, clip)`` which clips each draw holds, 0 to the number of clips less one.

    Returns
    -------
    ndarray
        ``(2,)`` the lower and the upper end.
    """
    return np.quantile(values[draws].mean(axis=1), [0.025, 0.975])


def _interval_cases(rng: np.random.Generator) -> Iterator[Case]:
    values = rng.gamma(2.0, 1.0, 18)
    yield Case("eighteen clips", (values, rng.integers(0, 18, (400, 18))))
    values = np.append(rng.uniform(2, 3, 8), 9.0)
    yield Case("nine clips, one of them bad", (values, rng.integers(0, 9, (250, 9))))
    draws = rng.integers(0, 5, (300, 12))
    yield Case("clips of which the draws hold more than there are", (rng.normal(0, 1, 5), draws))
    yield Case("clips that are all alike", (np.full(6, 2.5), rng.integers(0, 6, (40, 6))))


def _means(v: Array, d: Array) -> Array:
    return np.asarray(v[d].mean(1))


_INTERVAL_MISTAKES = (
    Mistake(
        "90 percent",
        lambda v, d: np.quantile(_means(v, d), [0.05, 0.95]),
        "Your interval holds 90 % of the draws: you cut off 5 % on each side. For 95 % it is\n"
        "2.5 % on each side.",
    ),
    Mistake(
        "percent for shares",
        lambda v, d: np.percentile(_means(v, d), [0.025, 0.975]),
        "Both ends lie at the bottom: np.percentile counts in percent, so it wants 2.5 and 97.5.\n"
        "np.quantile counts from 0 to 1.",
    ),
    Mistake(
        "upper end first",
        lambda v, d: np.quantile(_means(v, d), [0.975, 0.025]),
        "You return the upper end first. The lower one comes first.",
    ),
    Mistake(
        "smallest and largest",
        lambda v, d: np.array([_means(v, d).min(), _means(v, d).max()]),
        "You return the smallest and the largest mean, which drift apart the more you draw.\n"
        "Take the middle 95 %.",
    ),
    Mistake(
        "values in place of means",
        lambda v, d: np.quantile(v, [0.025, 0.975]),
        "You return where the clips lie, not how sure their mean is. Compute the mean of each\n"
        "draw first, values[draws].mean(axis=1), and take the quantiles of these.",
    ),
    Mistake(
        "all drawn values",
        lambda v, d: np.quantile(v[d], [0.025, 0.975]),
        "You took the quantiles of all drawn values at once. Take the mean of each draw first,\n"
        "over axis 1, and the quantiles of these means.",
    ),
    Mistake(
        "median",
        lambda v, d: np.quantile(np.median(v[d], axis=1), [0.025, 0.975]),
        "You took the median of each draw. The figure in the table is a mean, so its interval\n"
        "comes from means.",
    ),
    Mistake(
        "normal distribution",
        lambda v, d: _means(v, d).mean() + np.array([-1.96, 1.96]) * _means(v, d).std(),
        "You used 1.96 standard deviations of the means on each side. That assumes a symmetrical\n"
        "distribution; the percentile bootstrap takes the 2.5 % and the 97.5 % quantile.",
    ),
    Mistake(
        "standard error",
        lambda v, d: v.mean() + np.array([-1.96, 1.96]) * v.std(ddof=1) / np.sqrt(len(v)),
        "You computed a standard error from the values alone and did not use the draws.\n"
        "Take the mean of each draw, and the middle 95 % of these means.",
    ),
    Mistake(
        "mean over the draws",
        lambda v, d: np.quantile(v[d].mean(0), [0.025, 0.975]),
        "Your mean runs over the draws, axis 0. It should run over the clips of each draw, axis 1.",
    ),
)

# --- F1 --------------------------------------------------------------------------------------


def macro_f1(true: Array, predicted: Array) -> float:
    """Return the package's macro F1 of predicted identities ``(clip,)``, as whole numbers."""
    return identity_report(list(true), list(predicted)).f1


def _f1_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield Case(
        "three people",
        (np.array([0, 0, 0, 0, 1, 1, 1, 2]), np.array([0, 0, 0, 1, 1, 1, 2, 2])),
    )
    true = rng.integers(0, 5, 40)
    noisy = np.where(rng.random(40) < 0.6, true, rng.integers(0, 3, 40))
    yield Case("forty clips", (true, noisy))
    # Nobody is given 3; 7 and 8 are given though they are nobody.
    yield Case(
        "a person who is never named, and names that are nobody's",
        (np.array([3, 3, 4, 4, 4, 5, 5, 5]), np.array([4, 7, 4, 4, 5, 5, 8, 5])),
    )
    yield Case("all right", (np.array([2, 1, 1]), np.array([2, 1, 1])))


def _table(t: Array, p: Array, who: Any = None) -> tuple[Array, Array, Array, Array]:
    """Return precision, recall, F1 and number of clips of each identity."""
    rows = []
    for k in np.union1d(t, p) if who is None else who:
        hits = np.sum((t == k) & (p == k))
        given, own = np.sum(p == k), np.sum(t == k)
        precision, recall = hits / max(given, 1), hits / max(own, 1)
        f1 = 2 * hits / max(given + own, 1)
        rows.append((precision, recall, f1, own))
    return tuple(np.array(column) for column in zip(*rows, strict=True))  # type: ignore[return-value]


def _harmonic(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a + b else 0.0


_F1_MISTAKES = (
    Mistake(
        "share of right clips",
        lambda t, p: np.mean(t == p),
        "You return the share of right clips, the micro average. For the macro average compute F1\n"
        "for each identity, and take the mean over the identities.",
    ),
    Mistake(
        "F1 of the means",
        lambda t, p: _harmonic(_table(t, p)[0].mean(), _table(t, p)[1].mean()),
        "You took the means of precision and recall and joined these. Compute F1 for each\n"
        "identity first, and take the mean of the F1s.",
    ),
    Mistake(
        "precision",
        lambda t, p: _table(t, p)[0].mean(),
        "You return the mean precision: right clips among those that were given to an identity.\n"
        "F1 needs the recall too: right clips among its own.",
    ),
    Mistake(
        "recall",
        lambda t, p: _table(t, p)[1].mean(),
        "You return the mean recall: right clips among an identity's own. F1 needs the precision\n"
        "too: right clips among those that were given to it.",
    ),
    Mistake(
        "mean of precision and recall",
        lambda t, p: (_table(t, p)[0] + _table(t, p)[1]).mean() / 2,
        "You took the plain mean of precision and recall. F1 is twice their product divided by\n"
        "their sum, which is small if one of them is.",
    ),
    Mistake(
        "weighted by clips",
        lambda t, p: np.average(_table(t, p)[2], weights=_table(t, p)[3]),
        "You weighted each identity by its number of clips. In the macro average all identities\n"
        "weigh the same.",
    ),
    Mistake(
        "true identities only",
        lambda t, p: _table(t, p, np.unique(t))[2].mean(),
        "You left out names that were given and are nobody's. They count, with an F1 of 0:\n"
        "np.union1d(true, predicted) lists all.",
    ),
    Mistake(
        "given identities only",
        lambda t, p: _table(t, p, np.unique(p))[2].mean(),
        "You left out people whom nobody was taken for. They count, with an F1 of 0:\n"
        "np.union1d(true, predicted) lists all.",
    ),
    Mistake(
        "all numbers up to the largest",
        lambda t, p: _table(t, p, range(max(t.max(), p.max()) + 1))[2].mean(),
        "You counted numbers that occur in neither list, as if they were people. Only those in\n"
        "np.union1d(true, predicted) are wanted.",
    ),
    Mistake(
        "both lists only",
        lambda t, p: _table(t, p, np.intersect1d(t, p))[2].mean(),
        "You kept only identities that occur in both lists. The others count, with an F1 of 0:\n"
        "np.union1d(true, predicted) lists all.",
    ),
    Mistake(
        "one number an identity",
        lambda t, p: _table(t, p)[2],
        "You return one F1 for each identity. Take their mean.",
    ),
)

EXERCISES = (
    *VERTEX_EXERCISES,
    Exercise(
        id="03.interval",
        title="A bootstrap interval",
        points=3,
        check=same_as_package(interval, _interval_cases, _INTERVAL_MISTAKES, tolerance=1e-9),
        mistakes=_INTERVAL_MISTAKES,
    ),
    Exercise(
        id="03.macro_f1",
        title="The macro F1",
        points=2,
        check=same_as_package(macro_f1, _f1_cases, _F1_MISTAKES, tolerance=1e-9),
        mistakes=_F1_MISTAKES,
    ),
)
