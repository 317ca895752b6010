from __future__ import annotations

import numpy as np
import pytest

from talking_heads.corpus.habits import to_shapes, with_protrusion
from talking_heads.corpus.style import Style
from talking_heads.corpus.variation import draw_wander
from talking_heads.corpus.visemes import PARAMETERS, VISEMES
from talking_heads.face import ARKIT_INDEX, ARKIT_NAMES

STILL = draw_wander(1, 25.0, Style(), None)


def shapes(viseme: str, **habits: float) -> dict[str, float]:
    """One frame in which a viseme is reached wholly."""
    curves = {name: np.array([VISEMES[viseme].target(name)]) for name in PARAMETERS}
    out = to_shapes(curves, np.ones(1), Style(**habits), STILL)
    assert out.shape == (1, 52)
    return dict(zip(ARKIT_NAMES, out[0], strict=True))


def test_a_plain_style_adds_nothing_aside() -> None:
    plain = shapes("open_back")
    assert plain["mouthLowerDownLeft"] == plain["mouthLowerDownRight"] == pytest.approx(0.26)
    aside = ("jawLeft", "jawRight", "mouthLeft", "mouthRight", "mouthFrownLeft", "mouthDimpleLeft")
    assert [plain[name] for name in aside] == [0] * len(aside)


@pytest.mark.parametrize(
    ("habit", "value", "grows", "stays"),
    [
        ("jaw_side", 0.2, "jawLeft", "jawRight"),
        ("jaw_side", -0.2, "jawRight", "jawLeft"),
        ("mouth_side", 0.1, "mouthLeft", "mouthRight"),
        ("corners", 0.8, "mouthDimpleRight", "mouthFrownRight"),
        ("corners", -0.8, "mouthFrownRight", "mouthDimpleRight"),
        ("smile", 0.1, "mouthSmileRight", "mouthFrownRight"),
    ],
)
def test_habits_move_their_shapes(habit: str, value: float, grows: str, stays: str) -> None:
    plain, with_habit = shapes("open_back"), shapes("open_back", **{habit: value})
    assert with_habit[grows] > plain[grows] + 0.03
    assert with_habit[stays] == plain[stays] == 0


def test_effort_lifts_cheeks_and_nose_where_lips_spread() -> None:
    lazy, eager = (shapes("close_front", effort=effort) for effort in (0.0, 0.8))
    for name in ("cheekSquintLeft", "noseSneerLeft"):
        assert eager[name] > lazy[name] + 0.02
    assert shapes("close_rounded", effort=0.8)["noseSneerLeft"] == 0


def test_a_smile_gives_way_to_rounding() -> None:
    assert shapes("close_rounded", smile=0.2)["mouthSmileLeft"] < 0.05
    assert shapes("close_front", smile=0.2)["mouthSmileLeft"] > 0.4


def test_a_smile_is_not_drawn_down() -> None:
    assert shapes("open_back", smile=0.2, corners=-0.8)["mouthFrownLeft"] == 0


def test_protrusion_trades_pucker_for_funnel() -> None:
    curves = {name: np.array([VISEMES["close_rounded"].target(name)]) for name in PARAMETERS}
    plain, thrust, narrow = (with_protrusion(curves, p) for p in (0.0, 1.0, -1.0))
    assert narrow["mouthFunnel"] < plain["mouthFunnel"] < thrust["mouthFunnel"]
    assert narrow["mouthPucker"] > plain["mouthPucker"] > thrust["mouthPucker"]
    assert plain["jawForward"] == narrow["jawForward"] < thrust["jawForward"]


def test_wander_is_free_of_the_voice() -> None:
    first, second = (draw_wander(100, 25.0, Style(), seed) for seed in (1, 2))
    assert np.abs(first.smile - second.smile).max() > 0.01
    curves = {name: np.zeros(100) for name in PARAMETERS}
    rest = to_shapes(curves, np.zeros(100), Style(), first)
    assert rest.max() < 0.25
    jaw = ARKIT_INDEX["jawOpen"]
    assert rest[:, jaw].max() == 0
