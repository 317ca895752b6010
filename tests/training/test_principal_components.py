import dataclasses
import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from talking_heads.corpus.collection import Corpus
from talking_heads.errors import UserError
from talking_heads.face import Motion
from talking_heads.training import principal_components
from talking_heads.training.principal_components import PrincipalComponents, best_levels
from talking_heads.training.rate_distortion import measure_prior, recordings


def jaws(corpus: Corpus, count: int) -> PrincipalComponents:
    return PrincipalComponents.fit(corpus, count)


def test_components_of_a_corpus_with_little_motion(corpus: Corpus) -> None:
    """Jaw and brow are all that moves; flesh trails behind, so a few directions tell nearly all."""
    whole = jaws(corpus, 6)
    np.testing.assert_allclose(whole.directions @ whole.directions.T, np.eye(6), atol=1e-4)
    np.testing.assert_allclose(whole.scores.mean(0), 0, atol=1e-3)
    spread = whole.scores.std(0)
    assert all(a >= b for a, b in itertools.pairwise(spread))
    errors = [measure_prior(whole.first(n), corpus, "test_seen")["face"]["value"] for n in range(7)]
    assert errors[0] > 10 * errors[6] and errors[6] < 0.3
    assert all(a >= b - 1e-3 for a, b in itertools.pairwise(errors))
    with pytest.raises(UserError, match="not 7"):
        whole.first(7)


def test_components_of_coefficients(corpus: Corpus) -> None:
    """Jaw and brow vary, each about a mean of its own."""
    whole = PrincipalComponents.fit(corpus, 2, view="coefficients")
    frames = np.concatenate([t.values for clip in corpus.split("train") for t in clip.truths[:1]])
    motion = corpus[0].motion
    np.testing.assert_allclose(whole.reconstruct(motion).values, motion.values, atol=1e-5)
    middle = whole.first(0).reconstruct(motion).values
    np.testing.assert_allclose(middle[0], frames.mean(0), atol=1e-5)
    # More than any face can do comes back as the most.
    wide = Motion(np.where(motion.values > 0.2, 2.0, -1.0).astype(np.float32), "coefficients",
                  motion.fps, motion.face_id)  # fmt: skip
    made = whole.reconstruct(wide).values
    assert made.min() == 0 and made.max() == 1
    with pytest.raises(UserError, match="varies in 2 directions, not in 3"):
        PrincipalComponents.fit(corpus, 3, view="coefficients")


def test_of_many_frames_some_are_looked_at(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = [len(clip) for clip in corpus.split("train")]
    assert len(jaws(corpus, 2).scores) == sum(lengths)
    monkeypatch.setattr(principal_components, "_MOST_FRAMES", math.ceil(sum(lengths) / 3))
    assert len(jaws(corpus, 2).scores) == sum(math.ceil(n / 3) for n in lengths)


def test_rounded_components(corpus: Corpus) -> None:
    whole = jaws(corpus, 2)
    assert whole.bits is None
    errors = []
    for bits in (0, 1, 3, 8):
        rounded = whole.rounded(bits)
        assert rounded.bits == 2 * bits
        errors.append(measure_prior(rounded, corpus, "test_seen")["face"]["value"])
    assert errors == sorted(errors, reverse=True)
    exact = measure_prior(whole, corpus, "test_seen")["face"]["value"]
    assert errors[-1] == pytest.approx(exact, abs=0.05)
    # No bits: the mean of all training frames.
    motion = next(iter(recordings(corpus, "test_seen"))).scan
    made = whole.rounded(0).reconstruct(motion).values
    np.testing.assert_allclose(made, np.broadcast_to(made[:1], made.shape), atol=1e-6)
    assert whole.rounded([3, 1]).bits == 4
    assert whole.rounded(3).first(1).bits is None
    with pytest.raises(UserError, match="Give bits"):
        whole.rounded([1, 2, 3])
    with pytest.raises(UserError, match="another kind of motion"):
        whole.reconstruct(corpus[0].motion)


def test_bits_go_where_they_help_most(corpus: Corpus) -> None:
    """Scores of several shapes: a bit takes more than three quarters of the error of some away."""
    random = np.random.default_rng(0)
    scores = np.stack(
        [random.normal(size=400), 2 * random.choice([-1.0, 1.0], 400), random.gamma(0.5, size=400)],
        axis=1,
    ).astype(np.float32)
    whole = dataclasses.replace(jaws(corpus, 3), scores=scores)
    for total in (0, 1, 4, 7):
        bits = whole.share_bits(total)
        assert sum(bits) == total

        def error(shared: Sequence[int]) -> float:
            levels = whole.rounded(shared).levels
            assert levels is not None
            table = zip(scores.T.astype(float), levels, strict=True)
            return sum(float(np.square(s[:, None] - one).min(1).mean()) for s, one in table)

        ways = [w for w in itertools.product(range(total + 1), repeat=3) if sum(w) == total]
        assert error(bits) == pytest.approx(min(map(error, ways)), rel=1e-3, abs=1e-6)
    assert whole.share_bits(36) == [12, 12, 12]
    with pytest.raises(UserError, match="no 37 bits"):
        whole.share_bits(37)


def test_levels_of_least_error() -> None:
    np.testing.assert_allclose(best_levels(np.float32([0, 0, 1, 1, 5]), 3), [0, 1, 5])
    np.testing.assert_allclose(best_levels(np.float32([1, 2, 6]), 1), [3])
    even = np.linspace(0, 1, 8001, dtype=np.float32)
    np.testing.assert_allclose(best_levels(even, 4), [0.125, 0.375, 0.625, 0.875], atol=1e-3)
    # Max 1960: the best two levels of a normal distribution are at 0.798, the best four at 0.453
    # and 1.510.
    normal = np.random.default_rng(0).normal(size=100_000).astype(np.float32)
    np.testing.assert_allclose(best_levels(normal, 2), [-0.798, 0.798], atol=0.01)
    np.testing.assert_allclose(best_levels(normal, 4), [-1.51, -0.453, 0.453, 1.51], atol=0.02)


def test_levels_cannot_be_bettered_by_moving_one() -> None:
    scores = np.random.default_rng(1).gamma(2.0, size=300).astype(np.float32)
    levels = best_levels(scores, 5).astype(float)

    def error(some: NDArray[np.float64]) -> float:
        return float(np.square(scores[:, None] - some).min(1).mean())

    for place, by in itertools.product(range(5), (-0.05, -0.01, 0.01, 0.05)):
        moved = levels.copy()
        moved[place] += by
        assert error(moved) > error(levels)
