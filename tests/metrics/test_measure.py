"""The registry, lengths, several truths, and sums over clips, seeds and speakers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from talking_heads.corpus.heads import course_head
from talking_heads.errors import UserError
from talking_heads.metrics import (
    METRICS,
    Parts,
    average_rows,
    combine,
    head_parts,
    left_out,
    lve,
    match_lengths,
    measure_clip,
    measure_spread,
    measure_truths,
    shown_unit,
    smooth_as_published,
    summarise_metrics,
)

RNG = np.random.default_rng(0)
TRUE = RNG.normal(size=(6, 5, 3))
MADE = TRUE + RNG.normal(size=TRUE.shape)
PARTS: dict[str, Any] = {
    "lips": [0, 1],
    "upper_face": [2, 3],
    "lip_pairs": [[0], [1]],
    "template": RNG.normal(size=(5, 3)),
}


def test_the_registry_says_all_there_is_to_say() -> None:
    for metric in METRICS.values():
        assert metric.title and metric.formula and metric.source
        assert metric.kind in ("vertices", "coefficients")
        assert metric.unit in (("u", "u^2") if metric.kind == "vertices" else ("",))
        assert metric.better in ("lower", "zero", "near truth")
        assert metric.combine in ("pooled", "mean of clips")
        assert all(hasattr(Parts(), need) for need in metric.needs)
    assert (METRICS["fdd"].better, METRICS["fdd"].unit) == ("zero", "u^2")
    assert (METRICS["fdd_norm"].unit, METRICS["lve"].unit) == ("u", "u")
    assert METRICS["lve_squared_pooled"].combine == "pooled"
    assert METRICS["lve_squared_clips"].combine == "mean of clips"


def test_what_is_not_known_is_left_out_with_a_reason() -> None:
    assert measure_clip(TRUE, MADE).keys() == {"mve"}
    assert "lve" in measure_clip(TRUE, MADE, lips=[0])
    lost = left_out(TRUE, Parts(lips=[0], lip_pairs=[[0], [1]]))
    assert lost["mod"] == "template not known"
    assert lost["fdd"] == "upper face not known"
    assert "lve" not in lost and "mbe" not in lost
    # A region of no vertices is not known either.
    assert measure_clip(TRUE, MADE, lips=[]).keys() == {"mve"}
    everything = measure_clip(TRUE, MADE, **PARTS)
    assert left_out(TRUE, Parts(**PARTS)) == {}
    assert everything.keys() == {
        m.name for m in METRICS.values() if m.kind == "vertices" and m.row is not None
    }


def test_only_some_metrics() -> None:
    assert list(measure_clip(TRUE, MADE, only=["mve", "lve"], **PARTS)) == ["mve", "lve"]
    with pytest.raises(UserError, match="no metric 'lvee'"):
        measure_clip(TRUE, MADE, only=["lvee"])


def test_a_head_of_the_course() -> None:
    head = course_head("head-04@low")
    rng = np.random.default_rng(1)
    true = rng.normal(0, 0.002, (4, *head.vertices.shape))
    parts = head_parts(head)
    assert left_out(true, Parts(**parts)) == {}
    rows = measure_clip(true, true + np.array([0, 0.003, 0]), **parts)
    assert rows["lve"][0] / rows["lve"][1] == pytest.approx(0.003)
    assert rows["mod"][0] == pytest.approx(0, abs=1e-12)


def test_lengths_are_never_cut_silently() -> None:
    with pytest.raises(UserError, match=r"6 frames and the predicted one 4"):
        measure_clip(TRUE, MADE[:4], **PARTS)
    for true, made, dropped in ((TRUE, MADE[:4], 2), (TRUE[:1], MADE, 5), (TRUE, MADE, 0)):
        rows = measure_clip(true, made, lengths="trim", **PARTS)
        frames = min(len(true), len(made))
        assert rows.pop("frames_dropped") == (dropped, frames + dropped)
        assert rows == measure_clip(true[:frames], made[:frames], **PARTS)
    with pytest.raises(UserError, match="trim"):
        measure_clip(TRUE, MADE, lengths="cut")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="without frames"):
        match_lengths(TRUE, MADE[:0], "trim")
    out = summarise_metrics(
        [[measure_clip(TRUE, MADE[:n], lengths="trim", **PARTS)] for n in (3, 6, 6)]
    )
    assert out["frames_dropped"]["value"] == pytest.approx(3 / 18)


def test_values_that_are_not_finite() -> None:
    for value in (np.nan, np.inf):
        bad = MADE.copy()
        bad[2, 4, 1] = value
        with pytest.raises(UserError, match="not finite"):
            measure_clip(TRUE, bad, **PARTS)
        with pytest.raises(UserError, match="not finite"):
            measure_spread([TRUE, bad])
        with pytest.raises(UserError, match="not finite"):
            measure_clip(TRUE[:, 0], bad[:, 4])


@pytest.mark.parametrize("shape", [(6,), (6, 5, 2), (2, 6, 5, 3)])
def test_shapes_of_no_motion(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match="shape"):
        measure_clip(np.zeros(shape), np.zeros(shape))


def test_several_truths_are_averaged_and_none_is_preferred() -> None:
    truths = [TRUE, TRUE + 5, MADE]
    rows = measure_truths(truths, MADE, **PARTS)
    values = [lve(true, MADE, [0, 1]) for true in truths]
    assert min(values) == 0 and combine([rows["lve"]], "lve") == pytest.approx(np.mean(values))
    singles = [measure_clip(true, MADE, **PARTS)["fdd_absolute"][0] for true in truths]
    assert rows["fdd_absolute"] == (pytest.approx(np.mean(singles)), 1)
    with pytest.raises(UserError, match="no comparisons"):
        measure_truths([], MADE)
    # Lengths may differ from truth to truth: pooled metrics weigh frames, others truths.
    some = measure_truths([TRUE, TRUE[:2]], MADE, lengths="trim", **PARTS)
    whole, short = measure_clip(TRUE, MADE, **PARTS), measure_clip(TRUE[:2], MADE[:2], **PARTS)
    assert some["lve"] == (pytest.approx((whole["lve"][0] + short["lve"][0]) / 2), 4)
    both = [row["lve_squared_clips"] for row in (whole, short)]
    assert some["lve_squared_clips"] == (pytest.approx(np.mean([a / b for a, b in both])), 1)
    assert some["frames_dropped"] == (2, 6)


def test_pooling_and_means_of_clips_by_hand() -> None:
    rows = [(10.0, 10.0), (6.0, 2.0)]
    assert combine(rows, "lve_squared_pooled") == pytest.approx(16 / 12)
    assert combine(rows, "lve_squared_clips") == pytest.approx((1 + 3) / 2)
    with pytest.raises(UserError, match="no clips"):
        combine([], "lve")
    with pytest.raises(UserError, match="no metric"):
        combine(rows, "psnr")


def test_signs_cancel_over_clips_and_absolute_values_do_not() -> None:
    rows = [[{"fdd": (v, 1.0), "fdd_absolute": (abs(v), 1.0)}] for v in (3.0, -3.0)]
    out = summarise_metrics(rows)
    assert out["fdd"]["value"] == 0 and out["fdd_absolute"]["value"] == 3


def test_a_summary_by_hand() -> None:
    #            seeds:   0            1
    rows = [
        [{"lve": (2.0, 2.0)}, {"lve": (4.0, 2.0)}],  # ann
        [{"lve": (9.0, 3.0)}, {"lve": (3.0, 3.0)}],  # ann
        [{"lve": (5.0, 5.0)}, {"lve": (5.0, 5.0)}],  # bob
    ]
    out = summarise_metrics(rows, unit="m", speakers=["ann", "ann", "bob"])["lve"]
    assert out["value"] == pytest.approx(28 / 20)
    assert out["by_seed"] == pytest.approx([16 / 10, 12 / 10])
    assert out["by_speaker"] == pytest.approx({"ann": 18 / 10, "bob": 1})
    assert (out["unit"], out["clips"], out["better"]) == ("m", 3, "lower")
    assert out["interval_over"] == "clips and seeds"
    for key in ("interval", "interval_speakers"):
        low, high = out[key]
        assert 1 <= low < out["value"] < high <= 3
    json.dumps(out, allow_nan=False)
    single = summarise_metrics([own[:1] for own in rows])["lve"]
    assert single["interval_over"] == "clips" and single["unit"] is None
    assert single["interval_speakers"] is None and single["by_speaker"] is None
    assert summarise_metrics(rows[:1])["lve"]["interval"] is None
    assert summarise_metrics(rows) == summarise_metrics(rows)


def test_a_clip_that_lacks_a_metric_is_not_counted_there() -> None:
    rows = [[measure_clip(TRUE, MADE, **PARTS)], [measure_clip(TRUE, 2 * MADE)]]
    out = summarise_metrics(rows)
    assert out["lve"]["clips"] == 1 and out["mve"]["clips"] == 2
    assert out["lve"]["value"] == pytest.approx(lve(TRUE, MADE, [0, 1]))
    one, both = {"mve": (1.0, 1.0)}, {"mve": (2.0, 1.0), "lve": (2.0, 1.0)}
    some = summarise_metrics([[one, both], [both, both]])
    assert some["lve"]["clips"] == 1 and some["mve"]["clips"] == 2
    assert summarise_metrics([[one, both]]).keys() == {"mve"}
    shared = average_rows([row[0] for row in rows])
    assert shared.keys() == {"mve"}


def test_summaries_that_do_not_add_up() -> None:
    row = {"lve": (1.0, 1.0)}
    for wrong in ([], [[]], [[row], []]):
        with pytest.raises(UserError, match="no clips"):
            summarise_metrics(wrong)
    with pytest.raises(UserError, match="same number of seeds"):
        summarise_metrics([[row], [row, row]])
    with pytest.raises(UserError, match="1 speakers"):
        summarise_metrics([[row], [row]], speakers=["a"])


def test_units_in_print() -> None:
    assert shown_unit("lve", "m") == (1000, "mm")
    assert shown_unit("lve_squared_clips", "m") == (1, "m^2")
    assert shown_unit("lve", None) == shown_unit("mbe", "m") == (1, "")
    assert shown_unit("frames_dropped", "m") == (1, "")
    assert shown_unit("fdd", "mm") == (1, "mm^2")


def test_the_published_smoothing() -> None:
    motion = np.array([0.0, 3, 0, 6, 9])[:, None, None] * np.ones((1, 2, 3))
    out = smooth_as_published(motion)
    np.testing.assert_allclose(out[:, 0, 0], [0, 1, 3, 5, 9])
    assert motion[1, 0, 0] == 3
    np.testing.assert_array_equal(smooth_as_published(motion[:2]), motion[:2])
