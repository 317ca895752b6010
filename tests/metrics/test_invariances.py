"""What changes metrics of vertices, and what does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from talking_heads.metrics import METRICS, arrays, measure_clip, measure_spread

SIZE, FRAMES = 10, 7
seeds = st.integers(0, 2**31)
quick = settings(max_examples=25, deadline=None)


def case(seed: int) -> tuple[np.random.Generator, Any, Any, dict[str, Any]]:
    rng = np.random.default_rng(seed)
    true = rng.normal(size=(FRAMES, SIZE, 3))
    made = true + rng.normal(size=true.shape)
    parts = {
        "lips": rng.permutation(SIZE)[:4],
        "upper_face": rng.permutation(SIZE)[:5],
        "lip_pairs": rng.permutation(SIZE)[:4].reshape(2, 2),
        "template": rng.normal(size=(SIZE, 3)),
    }
    return rng, true, made, parts


def values(true: Any, made: Any, parts: dict[str, Any]) -> dict[str, float]:
    rows = measure_clip(true, made, **parts)
    regions = {key: parts[key] for key in ("lips", "upper_face")}
    return {
        name: a / b for name, (a, b) in (rows | measure_spread([true, made], **regions)).items()
    }


def changed(before: dict[str, float], after: dict[str, float]) -> set[str]:
    return {
        name for name in before if after[name] != pytest.approx(before[name], rel=1e-9, abs=1e-11)
    }


ALL = {m.name for m in METRICS.values() if m.kind == "vertices"} - {"diversity_styles"}
FDDS = {"fdd", "fdd_absolute", "fdd_norm", "fdd_vertexwise"}


@quick
@given(seeds)
def test_a_rigid_motion_of_the_whole_world_changes_nothing(seed: int) -> None:
    rng, true, made, parts = case(seed)
    turn = Rotation.random(random_state=seed % 2**31).as_matrix().T
    # Offsets only turn; a shift is in the template.
    moved = parts | {"template": parts["template"] @ turn + rng.normal(size=3)}
    before = values(true, made, parts)
    assert before.keys() == ALL
    assert not changed(before, values(true @ turn, made @ turn, moved))


@quick
@given(seeds)
def test_the_same_shift_of_both_in_each_frame(seed: int) -> None:
    """As by a head that moves: only the dynamics, which know the template, change."""
    rng, true, made, parts = case(seed)
    shift = rng.normal(size=(FRAMES, 1, 3))
    after = values(true + shift, made + shift, parts)
    assert changed(values(true, made, parts), after) == FDDS


@quick
@given(seeds)
def test_a_permutation_of_the_vertices_changes_nothing(seed: int) -> None:
    rng, true, made, parts = case(seed)
    order = rng.permutation(SIZE)
    place = np.argsort(order)
    moved = {key: place[parts[key]] for key in ("lips", "upper_face", "lip_pairs")}
    moved["template"] = parts["template"][order]
    assert not changed(values(true, made, parts), values(true[:, order], made[:, order], moved))


@quick
@given(seeds)
def test_doubled_ids_in_any_order_change_nothing(seed: int) -> None:
    rng, true, made, parts = case(seed)
    many = {
        key: rng.permutation(np.r_[parts[key], parts[key][:2]]) for key in ("lips", "upper_face")
    }
    many["lip_pairs"] = np.c_[parts["lip_pairs"], parts["lip_pairs"][:, :1]]
    assert values(true, made, parts) == values(true, made, parts | many)


@quick
@given(seeds, st.floats(0.01, 100))
def test_the_unit_says_how_a_metric_grows_with_the_face(seed: int, scale: float) -> None:
    _, true, made, parts = case(seed)
    bigger = parts | {"template": scale * parts["template"]}
    before, after = values(true, made, parts), values(scale * true, scale * made, bigger)
    for name, value in before.items():
        power = {"u": 1, "u^2": 2}[METRICS[name].unit]
        assert after[name] == pytest.approx(scale**power * value, rel=1e-9, abs=1e-9), name


@quick
@given(seeds)
def test_order_of_frames(seed: int) -> None:
    """Reordering the frames of both changes nothing; those of the prediction alone no FDD."""
    _, true, made, parts = case(seed)
    order = np.r_[np.arange(1, FRAMES), 0]
    before = values(true, made, parts)
    assert not changed(before, values(true[order], made[order], parts))
    assert changed(before, values(true, made[order], parts)) == ALL - FDDS


@quick
@given(seeds)
def test_exchange_of_truth_and_prediction(seed: int) -> None:
    _, true, made, parts = case(seed)
    before, after = values(true, made, parts), values(made, true, parts)
    assert changed(before, after) == {"fdd", "fdd_norm"}
    assert after["fdd"] == pytest.approx(-before["fdd"])
    assert after["fdd_norm"] == pytest.approx(-before["fdd_norm"])


def test_a_constant_offset_of_the_prediction() -> None:
    """Seen by what compares places; not by MeshTalk's LVE or MOD; by FDD, for m is not centred."""
    _, true, _, parts = case(5)
    offset = np.array([2.0, 3.0, 6.0])  # length 7
    out = values(true, true + offset, parts)
    for name in ("lve", "eve", "mve", "diversity", "diversity_lips"):
        assert out[name] == pytest.approx(7)
    assert out["lve_squared_pooled"] == pytest.approx(49)
    assert out["lve_meshtalk"] == pytest.approx(0, abs=1e-14)
    assert out["mod"] == pytest.approx(0, abs=1e-14)
    assert abs(out["fdd"]) > 1 and abs(out["fdd_norm"]) > 0.01


def test_the_same_motion_is_perfect_and_a_still_face_moves_too_little() -> None:
    _, true, _, parts = case(6)
    assert set(values(true, true, parts).values()) == {0.0}
    still = values(true, np.zeros_like(true), parts)
    assert still["fdd"] > 0 and still["fdd_norm"] > 0
    assert values(true, 2 * true, parts)["fdd"] < 0


def test_pieces_are_the_same_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    _, true, made, parts = case(7)
    before = values(true, made, parts)
    monkeypatch.setattr(arrays, "BLOCK", 13)
    assert not changed(before, values(true, made, parts))
