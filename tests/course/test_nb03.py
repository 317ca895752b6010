"""The references of notebook 03's checks are the package's own; learners' ways of writing pass."""

from itertools import combinations, permutations

import numpy as np
import pytest

from talking_heads.course.checking import CheckFailed
from talking_heads.course.checks import find_exercise
from talking_heads.course.checks.nb03 import interval, macro_f1
from talking_heads.course.checks.vertex_metrics import published_mod, speaking_offsets
from talking_heads.metrics import bootstrap_interval, match_identities, mod
from talking_heads.metrics.bootstrap import clip_weights

LVE = find_exercise("03.lip_vertex_error").check
FDD = find_exercise("03.dynamics_deviation").check
MOD = find_exercise("03.mouth_difference").check
DIVERSITY = find_exercise("03.diversity").check
INTERVAL = find_exercise("03.interval").check
F1 = find_exercise("03.macro_f1").check


def test_the_reference_interval_is_the_packages_for_its_own_draws():
    values = np.random.default_rng(3).gamma(2, 1, 11)
    weights = clip_weights(11, 500, seed=4)
    draws = np.array([np.repeat(np.arange(11), row) for row in weights])
    rows = np.stack([values, np.ones(11)], axis=1)
    expected = bootstrap_interval(rows, draws=500, seed=4)
    np.testing.assert_allclose(interval(values, draws), expected, rtol=1e-12)


def test_the_reference_mod_is_the_packages_with_a_template():
    rng = np.random.default_rng(5)
    template = rng.normal(0, 0.1, (9, 3))
    true, predicted = rng.normal(0, 0.01, (2, 8, 9, 3))
    pairs = np.array([[0, 2, 4], [1, 3, 5]])
    expected = mod(true, predicted, pairs, template)
    assert published_mod(true + template, predicted + template, *pairs) == pytest.approx(expected)


def test_the_reference_f1_is_that_of_identity_matching():
    true = np.array([0, 1, 2, 2, 1, 0, 0])
    similarity = np.random.default_rng(6).random((7, 4))
    report = match_identities(similarity, true.tolist(), range(4))
    assert macro_f1(true, similarity.argmax(1)) == pytest.approx(report.f1)


def test_the_babbling_head_moves_lips_and_brows():
    from talking_heads.face import get_face

    (offsets,) = speaking_offsets(np.random.default_rng(0), 4, 1)
    for name in ("lips", "upper_face"):
        assert np.ptp(offsets[:, get_face("neutral@low").regions[name]], axis=0).max() > 0.002


def lve_by_loops(true, predicted, lips):
    total = 0
    for x, y in zip(true, predicted, strict=True):
        total += max(
            sum((a - b) ** 2 for a, b in zip(x[v], y[v], strict=True)) ** 0.5 for v in lips
        )
    return total / len(true)


def fdd_by_loops(true, predicted, upper):
    def dynamics(m):
        found = []
        for v in upper:
            series = [float(p @ p) for p in m[:, v]]
            mean = sum(series) / len(series)
            found.append((sum((s - mean) ** 2 for s in series) / len(series)) ** 0.5)
        return sum(found) / len(found)

    return dynamics(true) - dynamics(predicted)


def mod_by_loops(true, predicted, upper, lower):
    gaps = [
        abs(np.linalg.norm(y[u] - y[w]) - np.linalg.norm(x[u] - x[w]))
        for x, y in zip(true, predicted, strict=True)
        for u, w in zip(upper, lower, strict=True)
    ]
    return sum(gaps) / len(gaps)


def diversity_both_ways(predictions):
    """Every pair twice, once in each order: the same mean."""
    return np.mean([np.linalg.norm(a - b, axis=-1).mean() for a, b in permutations(predictions, 2)])


def interval_by_loops(values, draws):
    means = [sum(values[i] for i in row) / len(row) for row in draws]
    return tuple(np.percentile(means, (2.5, 97.5)))


def f1_from_precision_and_recall(true, predicted):
    scores = []
    for who in {*true.tolist(), *predicted.tolist()}:
        hits = sum(1 for a, b in zip(true, predicted, strict=True) if a == b == who)
        given, own = list(predicted).count(who), list(true).count(who)
        precision, recall = hits / given if given else 0, hits / own if own else 0
        both = precision + recall
        scores.append(2 * precision * recall / both if both else 0)
    return sum(scores) / len(scores)


@pytest.mark.parametrize("seed", range(5))
def test_other_right_ways_of_writing_pass(seed):
    for check, answer in (
        (LVE, lve_by_loops),
        (LVE, lambda x, y, n: np.sqrt(((x[:, n] - y[:, n]) ** 2).sum(-1).max(-1)).mean()),
        (FDD, fdd_by_loops),
        (MOD, mod_by_loops),
        (DIVERSITY, diversity_both_ways),
        (INTERVAL, interval_by_loops),
        (F1, f1_from_precision_and_recall),
    ):
        assert "4 inputs" in check(answer, np.random.default_rng(seed))


def no_zero_guard(true, predicted):
    with np.errstate(invalid="ignore"):
        scores = []
        for who in np.unique(np.concatenate([true, predicted])):
            hits = np.sum((true == who) & (predicted == who))
            precision, recall = hits / np.sum(predicted == who), hits / np.sum(true == who)
            scores.append(2 * precision * recall / (precision + recall))
        return np.mean(scores)


def forgets_a_pair(predictions):
    pairs = list(combinations(predictions, 2))
    return np.mean([np.linalg.norm(a - b, axis=-1).mean() for a, b in pairs[:-1] or pairs])


@pytest.mark.parametrize(
    ("check", "answer", "words"),
    [
        # Mistakes as learners write them, none of them taken from the table of the check.
        (LVE, lambda x, y, n: ((x[:, n] - y[:, n]) ** 2).sum(-1).max(-1).mean(), "squared"),
        (LVE, lambda x, y, n: 1000 * lve_by_loops(x, y, n), "millimetres"),
        (LVE, lambda x, y, n: np.linalg.norm(x[n] - y[n], axis=2).max(1).mean(), "IndexError"),
        (LVE, lambda x, y, n: np.linalg.norm(x - y, axis=2)[n].max(1).mean(), "IndexError"),
        (LVE, lambda x, y, n: np.linalg.norm(x - y, axis=1)[:, n].max(1).mean(), "IndexError"),
        (FDD, lambda x, y, n: -fdd_by_loops(x, y, n), "wrong sign"),
        (FDD, lambda x, y, n: abs(fdd_by_loops(x, y, n)), "dropped the sign"),
        (FDD, lambda x, y, n: 1e6 * fdd_by_loops(x, y, n), "right one times 1e+06"),
        (MOD, lambda x, y, u, w: mod_by_loops(x, y, u, w) ** 2, "For a head that speaks"),
        (MOD, lambda x, y, u, w: np.linalg.norm(y[:, u] - x[:, u], axis=2).mean(), "For a head"),
        (MOD, lambda x, y, u, w: 1000 * mod_by_loops(x, y, u, w), "millimetres"),
        (DIVERSITY, lambda p: p.var(0).mean(), "For three answers"),
        (DIVERSITY, forgets_a_pair, "For three answers"),
        (DIVERSITY, lambda p: 2 * diversity_both_ways(p), "right one times 2"),
        (INTERVAL, lambda v, d: np.quantile(v[d].mean(1), 0.975), "has shape ()"),
        (INTERVAL, lambda v, d: np.quantile(d.mean(1), [0.025, 0.975]), "For eighteen clips"),
        (F1, no_zero_guard, "not a finite number"),
        (F1, lambda t, p: np.sum(t == p) / len(t), "micro average"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_mistakes_as_learners_write_them(check, answer, words):
    with pytest.raises(CheckFailed) as failure:
        check(answer, np.random.default_rng(0))
    assert words in str(failure.value)
