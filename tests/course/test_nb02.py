"""The references of notebook 02's checks are the package's own; learners' ways of writing pass."""

import numpy as np
import pytest
import torch

from talking_heads.course.checking import CheckFailed
from talking_heads.course.checks import find_exercise
from talking_heads.course.checks.nb02 import at_middles, feature_count, find_lag, mel_filters
from talking_heads.course.checks.unit_prediction import blank, masked_loss, probe
from talking_heads.speech.alignment import sound_times
from talking_heads.speech.mel import mel_filters as package_filters
from talking_heads.training.linear_probe import Axes, fit_values
from talking_heads.training.pretraining import masked_unit_loss, span_mask

FILTERS = find_exercise("02.mel_filters").check
COUNT = find_exercise("02.feature_count").check
MIDDLES = find_exercise("02.at_middles").check
BLANK = find_exercise("02.blank").check
LOSS = find_exercise("02.masked_loss").check
PROBE = find_exercise("02.probe").check
LAG = find_exercise("02.find_lag").check


def slaney_edges(count):
    mels = np.linspace(0, 15 + 27 * np.log(8) / np.log(6.4), count + 2)
    return np.where(mels < 15, 200 * mels / 3, 1000 * 6.4 ** ((mels - 15) / 27))


def test_the_reference_filters_are_the_packages_on_slaneys_scale():
    found = mel_filters(slaney_edges(80), np.arange(257) * 31.25)
    np.testing.assert_allclose(found, package_filters(), atol=1e-8)


def test_reference_filters_have_area_1():
    bins = np.arange(0, 4000, 0.5)
    filters = mel_filters(np.array([100.0, 300, 900, 1000, 3500]), bins)
    np.testing.assert_allclose(np.trapezoid(filters, bins, axis=1), 1, rtol=1e-4)


def test_the_reference_count_and_middles_are_the_packages():
    assert [feature_count(n) for n in (64_000, 399, 400, 720)] == [199, 0, 1, 2]
    times = ((np.arange(199) * 320 + 200) / 16_000)[:, None]
    for fps in (25.0, 30.0, 60.0):
        expected = sound_times("middle", 64_000, fps)
        found = at_middles(times, len(expected), fps)[:, 0]
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_the_reference_blanks_are_those_of_pretraining():
    expected = span_mask((5, 70), 0.08, 10, np.random.default_rng(7))
    begins = np.random.default_rng(7).random((5, 70)) < 0.08
    np.testing.assert_array_equal(blank(begins, 10), expected)


def test_the_share_of_blanks_that_the_exercise_names():
    begins = np.random.default_rng(0).random((400, 500)) < 0.08
    assert blank(begins, 10)[:, 9:].mean() == pytest.approx(1 - 0.92**10, abs=0.005)
    assert round(1 - 0.92**10, 2) == 0.57


def test_the_reference_loss_is_that_of_pretraining_and_a_guess_costs_log_units():
    rng = np.random.default_rng(1)
    scores, units = rng.normal(0, 1, (2, 9, 5)), rng.integers(0, 5, (2, 9))
    masked = rng.random((2, 9)) < 0.5
    expected = masked_unit_loss(*map(torch.from_numpy, (scores, units, masked)))
    assert masked_loss(scores, units, masked) == pytest.approx(float(expected))
    assert masked_loss(0 * scores, units, masked) == pytest.approx(np.log(5))


def test_the_reference_probe_is_the_packages_on_standardised_features():
    rng = np.random.default_rng(2)
    features = rng.normal(0, 1, (60, 4))
    features = (features - features.mean(0)) / features.std(0)
    targets = features @ rng.normal(0, 1, (4, 2)) + 3 + rng.normal(0, 0.1, (60, 2))
    package = fit_values(Axes(features), targets, 0.2)
    found = probe(features, targets, 0.2)
    np.testing.assert_allclose(found[:-1], package.weight, atol=1e-4)
    np.testing.assert_allclose(found[-1], package.bias, atol=1e-4)


def test_the_reference_probe_is_where_the_loss_is_least():
    rng = np.random.default_rng(3)
    x, y = rng.normal(2, 1, (30, 3)), rng.normal(1, 1, (30, 2))

    def loss(w):
        errors = x @ w[:-1] + w[-1] - y
        return np.mean(np.sum(errors**2, axis=1)) + 0.4 * np.sum(w[:-1] ** 2)

    found = probe(x, y, 0.4)
    for _ in range(50):
        assert loss(found) < loss(found + rng.normal(0, 1e-3, found.shape))


def test_the_lag_of_a_shifted_curve():
    curve = np.random.default_rng(4).normal(0, 1, 50)
    assert find_lag(curve[3:43], curve[1:41], 6) == 2, "what is true now comes two frames later"
    assert find_lag(curve[3:43], curve[5:45], 6) == -2


def filters_by_loops(edges, bins):
    out = np.zeros((len(edges) - 2, len(bins)))
    for i, row in enumerate(out):
        low, middle, high = edges[i : i + 3]
        for j, f in enumerate(bins):
            if low < f <= middle:
                row[j] = (f - low) / (middle - low)
            elif middle < f < high:
                row[j] = (high - f) / (high - middle)
        row *= 2 / (high - low)
    return out


def filters_by_interpolation(edges, bins):
    rows = [
        np.interp(bins, edges[i : i + 3], [0, 2 / (edges[i + 2] - edges[i]), 0])
        for i in range(len(edges) - 2)
    ]
    return np.stack(rows)


def middles_by_loops(features, frames, fps):
    out = []
    for f in range(frames):
        place = ((f + 0.5) / fps - 0.0125) / 0.02
        place = min(max(place, 0), len(features) - 1)
        k = min(int(place), max(len(features) - 2, 0))
        after = features[min(k + 1, len(features) - 1)]
        out.append(features[k] + (place - k) * (after - features[k]))
    return np.array(out)


def blank_by_loops(begins, length):
    out = np.zeros_like(begins)
    for clip, start in np.argwhere(begins):
        out[clip, start : start + length] = True
    return out


def blank_by_sums(begins, length):
    padded = np.pad(begins.astype(int), ((0, 0), (length, 0))).cumsum(axis=1)
    return padded[:, length:] - padded[:, :-length] > 0


def loss_by_torch(scores, units, masked):
    scores, units, masked = map(torch.from_numpy, (scores, units, masked))
    return torch.nn.functional.cross_entropy(scores[masked], units[masked])


def probe_by_centring(x, y, strength):
    a, b = x - x.mean(0), y - y.mean(0)
    w = np.linalg.inv(a.T @ a / len(x) + strength * np.eye(x.shape[1])) @ a.T @ b / len(x)
    return np.concatenate([w, [y.mean(0) - x.mean(0) @ w]])


def probe_by_stacking(x, y, strength):
    """Ridge as plain least squares with a row more for each weight."""
    n, d = x.shape
    a = np.hstack([x, np.ones((n, 1))])
    more = np.hstack([np.sqrt(n * strength) * np.eye(d), np.zeros((d, 1))])
    b = np.vstack([y, np.zeros((d, y.shape[1]))])
    return np.linalg.lstsq(np.vstack([a, more]), b, rcond=None)[0]


def lag_by_dictionary(true, late, most):
    scores = {}
    n = len(true)
    for lag in range(-most, most + 1):
        pairs = [(true[t], late[t + lag]) for t in range(n) if 0 <= t + lag < n]
        scores[lag] = np.corrcoef(np.array(pairs).T)[0, 1]
    return max(scores, key=scores.get)


@pytest.mark.parametrize("seed", range(5))
def test_other_right_ways_of_writing_pass(seed):
    for check, answer in (
        (FILTERS, filters_by_loops),
        (FILTERS, filters_by_interpolation),
        (COUNT, lambda n: len(range(0, n - 399, 320))),
        (COUNT, lambda n: 0 if n < 400 else int((n - 400) / 320 + 1)),
        (MIDDLES, middles_by_loops),
        (MIDDLES, lambda x, n, fps: torch.from_numpy(middles_by_loops(x, n, fps))),
        (BLANK, blank_by_loops),
        (BLANK, blank_by_sums),
        (BLANK, lambda b, n: blank_by_loops(b, n).astype(int)),
        (LOSS, loss_by_torch),
        (PROBE, probe_by_centring),
        (PROBE, probe_by_stacking),
        (LAG, lag_by_dictionary),
    ):
        assert "inputs" in check(answer, np.random.default_rng(seed))


def overflowing(scores, units, masked):
    rows = np.exp(scores[masked])
    rows = rows / rows.sum(axis=1, keepdims=True)
    return -np.log(rows[np.arange(len(rows)), units[masked]]).mean()


@pytest.mark.parametrize(
    ("check", "answer", "words"),
    [
        # Mistakes as learners write them, none of them taken from the table of the check.
        (FILTERS, lambda e, b: filters_by_loops(e, b) * (e[2:] - e[:-2])[:, None] / 2, "height 1"),
        (FILTERS, lambda e, b: 1000 * filters_by_loops(e, b), "right one times 1000"),
        (FILTERS, lambda e, b: filters_by_loops(e[:-1], b), "has shape (2, 21)"),
        (COUNT, lambda n: len(range(0, n, 320)), "every step of 320 samples that is begun"),
        (COUNT, lambda n: len(range(0, n - 400, 320)), "For 720 samples"),
        (COUNT, lambda n: 199, "For 16,000 samples"),
        (MIDDLES, lambda x, n, fps: middles_by_loops(x[::-1], n, fps)[::-1], "For 4 s at 25"),
        (MIDDLES, lambda x, n, fps: middles_by_loops(x, n, fps).T, "other way round"),
        (MIDDLES, lambda x, n, fps: x[: 2 * n : 2], "it should be (120, 3)"),
        (MIDDLES, lambda x, n, fps: x[(np.arange(n) * 50 / fps + 1).astype(int)], "IndexError"),
        (BLANK, lambda b, n: blank_by_loops(b, 10), "For three stretches"),
        (BLANK, lambda b, n: np.cumsum(b, axis=1) > 0, "For three stretches"),
        (BLANK, lambda b, n: b.__ior__(np.roll(b, 1, 1)), "changes its input in place"),
        (LOSS, overflowing, "not a finite number"),
        (LOSS, lambda s, u, m: loss_by_torch(s, u, m) / np.log(2), "in bits"),
        (LOSS, lambda s, u, m: loss_by_torch(s, u, m) * m.mean(), "number of all frames"),
        (PROBE, lambda x, y, s: probe_by_centring(x, y, s)[:-1], "has shape (6, 2)"),
        (PROBE, lambda x, y, s: probe_by_centring(x, y, s / 2), "For a hundred frames"),
        (PROBE, lambda x, y, s: probe_by_centring(x, y, 0 * s), "left the penalty out"),
        (LAG, lambda a, b, m: lag_by_dictionary(b, a, m), "turned round"),
        (LAG, lambda a, b, m: lag_by_dictionary(a, b, m) / 25, "right one times 0.04"),
        (LAG, lambda a, b, m: 3, "For lips that are 2 frames early"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_mistakes_as_learners_write_them(check, answer, words):
    with pytest.raises(CheckFailed) as failure:
        check(answer, np.random.default_rng(0))
    assert words in str(failure.value)


def test_a_right_answer_in_truth_values_or_numbers_is_one():
    begins = np.random.default_rng(5).random((2, 30)) < 0.2
    with pytest.raises(CheckFailed, match="your answer is 0; the package's is 1"):
        BLANK(lambda b, n: np.zeros_like(b), np.random.default_rng(0))
    assert blank(begins, 1).dtype == bool
