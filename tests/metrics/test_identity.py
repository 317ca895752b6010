from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talking_heads.errors import UserError
from talking_heads.metrics import bootstrap_interval, identity_report, match_identities


def test_by_hand() -> None:
    # Own clips, clips given, right ones: a 3, 4, 2; b 2, 2, 1; c 1, 0, 0.
    true = ["a", "a", "a", "b", "b", "c"]
    made = ["a", "a", "b", "b", "a", "a"]
    out = identity_report(true, made)
    assert out.by_identity["a"] == pytest.approx((2 / 4, 2 / 3, 4 / 7))
    assert out.by_identity["b"] == pytest.approx((1 / 2, 1 / 2, 1 / 2))
    assert out.by_identity["c"] == (0, 0, 0)
    assert out.precision == pytest.approx((0.5 + 0.5 + 0) / 3)
    assert out.recall == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert out.f1 == pytest.approx((4 / 7 + 1 / 2 + 0) / 3)
    assert out.top1 == pytest.approx(3 / 6)
    assert out.chance == pytest.approx(3 / 6)
    assert (out.clips, out.identities) == (6, 3)
    assert out.correct == (True, True, False, True, False, False)
    assert out.to_dict().keys() == {
        "precision", "recall", "f1", "top1", "chance", "clips", "identities"
    }  # fmt: skip
    assert bootstrap_interval([(hit, 1) for hit in out.correct]) is not None


people = st.integers(0, 4)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(people, people), min_size=1, max_size=40))
def test_against_a_confusion_table(pairs: list[tuple[int, int]]) -> None:
    """The definition by true and false positives and negatives, added up for the micro average."""
    table = np.zeros((5, 5), int)
    for a, b in pairs:
        table[a, b] += 1
    precision, recall, f1, totals = [], [], [], np.zeros(3, int)
    for who in range(5):
        tp = table[who, who]
        fp, fn = table[:, who].sum() - tp, table[who].sum() - tp
        if not tp + fp + fn:
            continue
        totals += [tp, fp, fn]
        p, r = tp / max(tp + fp, 1), tp / max(tp + fn, 1)
        precision.append(p)
        recall.append(r)
        f1.append(2 * p * r / (p + r) if p + r else 0)
    out = identity_report([a for a, _ in pairs], [b for _, b in pairs])
    assert out.precision == pytest.approx(np.mean(precision))
    assert out.recall == pytest.approx(np.mean(recall))
    assert out.f1 == pytest.approx(np.mean(f1))
    tp, fp, fn = totals
    for micro in (tp / (tp + fp), tp / (tp + fn), 2 * tp / (2 * tp + fp + fn)):
        assert out.top1 == pytest.approx(micro)


def test_the_most_similar_identity_counts() -> None:
    names = ["ann", "bob", "eve"]
    similarity = [[0.1, 0.9, 0.3], [-1, -2, -3], [0, 0, 1], [5, 5, 5]]
    out = match_identities(similarity, ["bob", "ann", "ann", "ann"], names)
    assert out.correct == (True, True, False, True)
    assert out.identities == 3
    assert out.by_identity["eve"] == (0, 0, 0)


def test_a_similarity_that_says_nothing_is_chance() -> None:
    true = ["a", "b", "c", "d"] * 5
    out = match_identities(np.ones((20, 4)), true, ["a", "b", "c", "d"])
    assert out.top1 == out.chance == pytest.approx(0.25)


def test_what_does_not_match() -> None:
    with pytest.raises(UserError, match="2 predicted"):
        identity_report(["a"], ["a", "b"])
    with pytest.raises(UserError):
        identity_report([], [])
    for table in ([[1.0]], [1.0, 2.0], np.zeros((0, 2))):
        with pytest.raises(UserError, match="shape"):
            match_identities(table, ["a"], ["a", "b"])
    with pytest.raises(UserError, match="not a number"):
        match_identities([[np.nan, 1]], ["a"], ["a", "b"])
    with pytest.raises(UserError, match="'z'"):
        match_identities([[0, 1]], ["z"], ["a", "b"])
    with pytest.raises(UserError, match="two columns"):
        match_identities([[0, 1]], ["a"], ["a", "a"])
