from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import numpy as np
import pytest

from talking_heads.corpus import Clip
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, Motion, get_face, motion_aperture, surface_motion
from talking_heads.metrics.lips import LipRow, lip_summary
from talking_heads.metrics.scores import Score, Target, _figures, _sums, intervals, summarise
from talking_heads.metrics.vertex_error import lip_surface, max_vertex_error
from talking_heads.speech import Phoneme

Babble = Callable[..., Motion]
PHONEMES = (Phoneme("m", 0.0, 0.2), Phoneme("ɑ", 0.2, 0.6), Phoneme("b", 0.6, 0.8))


def clip(babble: Babble, seed: int = 0, truths: int = 1, noise: int | None = 3) -> Clip:
    motions = tuple(
        babble(25, seed=seed + 100 * t, face_id="head-04@medium") for t in range(truths)
    )
    return Clip(
        f"c{seed}",
        "dan",
        np.zeros(16_000, np.float32),
        motions,
        phonemes=PHONEMES,
        noise_seed=noise,
    )


def test_max_vertex_error_by_hand() -> None:
    true = np.zeros((2, 3, 3))
    made = true.copy()
    made[0, 1] = [3.0, 4.0, 0.0]
    made[0, 2] = [1.0, 1.0, 1.0]
    made[1, 0] = [0.0, 0.0, -2.0]
    np.testing.assert_allclose(max_vertex_error(true, made), [5.0, 2.0])
    with pytest.raises(UserError, match="cannot be compared"):
        max_vertex_error(true, made[:1])


def test_both_kinds_of_motion_have_the_same_lips(babble: Babble) -> None:
    motion = babble(20, face_id="head-04@low")
    face = get_face("head-04@low")
    skin = face.parts["skin"].stop
    surface = surface_motion(motion, part="skin")
    vertices = Motion(surface - face.vertices[:skin], "vertices", face_id="head-04@low")
    expected = motion_aperture(motion, face)
    assert expected.max() > 0.003
    np.testing.assert_allclose(motion_aperture(vertices, face), expected, atol=2e-6)
    np.testing.assert_allclose(lip_surface(vertices, face), lip_surface(motion, face), atol=2e-6)
    with pytest.raises(UserError, match="vertices"):
        motion_aperture(vertices, get_face("head-04@medium"))


def test_the_truth_itself_is_perfect_but_for_the_scanner(babble: Babble) -> None:
    spoken = clip(babble)
    score = Target(spoken).score(spoken.motion)
    assert score.rows[0].error == 0
    assert score.surface is not None
    clean, scanned = (1000 * value / 25 for value in score.surface)
    assert clean == 0
    assert 0.02 < scanned < 0.6
    silent = Target(clip(babble, noise=None))
    assert silent.score(spoken.motion).surface == (0.0, 0.0)


def test_a_prediction_is_shown_on_the_speakers_head(babble: Babble) -> None:
    spoken = clip(babble)
    foreign = dataclasses.replace(spoken.motion, face_id="neutral@low")
    score = Target(spoken).score(foreign)
    assert score.rows[0].error == 0
    assert score.surface is not None and score.surface[0] == 0


def test_each_truth_has_the_scan_that_its_clip_shows(babble: Babble) -> None:
    spoken = clip(babble, truths=3)
    target = Target(spoken)
    lips = target.face.regions["lips"]
    for number, (clean, scanned) in enumerate(target.surfaces):
        offsets = spoken.vertices("low", truth=number)
        np.testing.assert_allclose(
            offsets[:, lips], scanned - target.face.vertices[lips], atol=1e-7
        )
        assert np.abs(scanned - clean).max() > 1e-5


def test_a_known_error_in_millimetres(babble: Babble) -> None:
    face = get_face("head-04@low")
    skin = face.parts["skin"].stop
    still = np.zeros((25, skin, 3), np.float32)
    moved = still.copy()
    moved[:, face.regions["lips"], 0] = 0.002
    pair = [Motion(values, "vertices", face_id=face.id) for values in (still, moved)]
    spoken = Clip("v", "dan", np.zeros(16_000, np.float32), (pair[0],), phonemes=PHONEMES)
    figures = summarise([[Target(spoken).score(pair[1])]])
    assert figures["max_lip_error_mm"] == pytest.approx(2.0, rel=1e-3)


def test_figures_are_means_over_truths(babble: Babble) -> None:
    spoken = clip(babble, truths=3)
    target = Target(spoken)
    made = babble(25, seed=9, face_id="head-04@medium")
    whole = summarise([[target.score(made)]])
    singly = [summarise([[target.score(made, truths=[i])]]) for i in range(3)]
    for key in ("aperture_correlation", "aperture_error_mm", "max_lip_error_mm"):
        mean = np.mean([figures[key] for figures in singly])
        assert whole[key] == pytest.approx(mean, abs=2e-4)
    assert len({figures["aperture_error_mm"] for figures in singly}) == 3
    # One clip with two bilabials, however many truths it has.
    assert (whole["clips"], whole["bilabials"], whole["open_vowels"]) == (1, 2, 1)


def test_sums_and_summary_agree(babble: Babble) -> None:
    scores = [Target(clip(babble, seed)).score(babble(25, seed=seed + 50)) for seed in range(4)]
    sums = np.sum([_sums(score) for score in scores], axis=0)
    report = lip_summary([row for score in scores for row in score.rows]).to_dict()
    figures = _figures(sums)
    for key in ("aperture_correlation", "closure_rate", "open_minus_closed_mm",
                "aperture_error_mm"):  # fmt: skip
        assert float(figures[key]) == pytest.approx(report[key], abs=1e-9)


def test_intervals_of_a_mean_are_those_of_statistics() -> None:
    random = np.random.default_rng(0)
    errors = random.gamma(2.0, 1.0, 200)
    row = lip_row_with_error
    scores = [[Score("a", (row(e),))] for e in errors]
    low, high = intervals(scores)["aperture_error_mm"]
    spread = 1.96 * errors.std() / np.sqrt(200)
    assert low == pytest.approx(errors.mean() - spread, abs=0.25 * spread)
    assert high == pytest.approx(errors.mean() + spread, abs=0.25 * spread)
    # Surfaces were not measured, so nothing is said of them; twice gives the same.
    assert "max_lip_error_mm" not in intervals(scores)
    assert intervals(scores) == intervals(scores)
    wide = intervals(scores[:20])["aperture_error_mm"]
    assert wide[1] - wide[0] > 1.5 * (high - low)


def lip_row_with_error(error_mm: float) -> LipRow:
    return LipRow((1.0,) * 11, (), (), (), (), error_mm / 1000 * 10, 10, 0.1, 0.1)


def random_scores(count: int, rng: np.random.Generator) -> list[list[Score]]:
    """Clips of two speakers with two seeds and two truths each."""

    def row() -> LipRow:
        frames = int(rng.integers(20, 60))
        closed, wide = rng.gamma(1.0, 0.001, 3), rng.gamma(8.0, 0.001, 2)
        return LipRow(
            tuple(rng.uniform(0, 1, 11)), tuple(closed), tuple(closed), tuple(wide), tuple(wide),
            float(rng.gamma(2.0, 0.001) * frames), frames, 0.1, 0.1,
        )  # fmt: skip

    def score(speaker: str) -> Score:
        rows = (row(), row())
        frames = sum(r.frames for r in rows)
        clean, noise = rng.gamma(2.0, 0.001, 2) * frames
        return Score(speaker, rows, (clean, clean + noise))

    return [[score("ab"[i % 2]), score("ab"[i % 2])] for i in range(count)]


def plainly(scores: list[Score]) -> dict[str, float]:
    """The figures once more, by lists."""
    rows = [row for score in scores for row in score.rows]
    closed = [value for row in rows for value in row.closed]
    wide = [value for row in rows for value in row.wide]
    frames = sum(row.frames for row in rows)
    surfaces = np.sum([score.surface for score in scores], axis=0)
    return {
        "aperture_correlation": float(np.mean([row.correlations[5] for row in rows])),
        "closure_rate": float(np.mean([value < 0.001 for value in closed])),
        "open_minus_closed_mm": 1000 * float(np.mean(wide) - np.mean(closed)),
        "aperture_error_mm": 1000 * sum(row.error for row in rows) / frames,
        "max_lip_error_mm": 1000 * surfaces[0] / frames,
        "max_lip_error_scanned_mm": 1000 * surfaces[1] / frames,
    }


def test_figures_and_intervals_are_those_of_drawing_clips_by_hand() -> None:
    rng = np.random.default_rng(4)
    scores = random_scores(24, rng)
    flat = [score for own in scores for score in own]
    found = summarise(scores)
    for name, value in plainly(flat).items():
        assert found[name] == pytest.approx(value, abs=6e-5), name
    for speaker, figures in found["by_speaker"].items():
        own = plainly([score for score in flat if score.speaker == speaker])
        assert set(figures) == {"aperture_correlation", "closure_rate", "max_lip_error_mm"}
        assert figures == pytest.approx({name: own[name] for name in figures}, abs=6e-5)
    draws = [
        plainly([score for i in rng.integers(0, 24, 24) for score in scores[i]])
        for _ in range(1500)
    ]
    for name, (low, high) in found["intervals"].items():
        wanted = np.quantile([draw[name] for draw in draws], [0.025, 0.975])
        near = 0.12 * (wanted[1] - wanted[0])
        assert (low, high) == pytest.approx(tuple(wanted), abs=near), name
    assert set(found["intervals"]) == set(plainly(flat))


def test_speakers_stand_apart(babble: Babble) -> None:
    good = clip(babble)
    bad = dataclasses.replace(clip(babble, 1), id="d", speaker="eve")
    still = Motion(np.zeros((25, 52), np.float32), "coefficients")
    figures = summarise([[Target(good).score(good.motion)], [Target(bad).score(still)]])
    assert figures["by_speaker"]["dan"]["aperture_correlation"] == 1.0
    assert figures["by_speaker"]["eve"]["aperture_correlation"] == 0.0
    assert figures["aperture_correlation"] == 0.5
    assert set(figures["by_speaker"]) == {"dan", "eve"}


def test_a_still_face_has_no_lag(babble: Babble) -> None:
    values = np.zeros((25, 52), np.float32)
    values[:, ARKIT_INDEX["jawOpen"]] = 0.1
    figures = summarise([[Target(clip(babble)).score(Motion(values, "coefficients"))]])
    assert figures["best_lag_ms"] == 0 and figures["aperture_correlation"] == 0


def test_sounds_that_never_occur(babble: Babble) -> None:
    spoken = dataclasses.replace(clip(babble), phonemes=())
    figures = summarise([[Target(spoken).score(spoken.motion)]])
    assert figures["closure_rate"] is None and figures["open_minus_closed_mm"] is None
    assert "closure_rate" not in figures["intervals"]
    assert "NaN" not in json.dumps(figures)


def test_nothing_to_summarise() -> None:
    with pytest.raises(UserError, match="no clips"):
        summarise([])
