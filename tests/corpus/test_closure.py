from __future__ import annotations

import numpy as np
import pytest

from talking_heads.corpus.closure import SHORTEST_HOLD, aim_of, close_lips, envelope, hold_of
from talking_heads.corpus.style import Style
from talking_heads.corpus.viseme_segments import Segment
from talking_heads.corpus.visemes import VISEMES
from talking_heads.face import ARKIT_INDEX, get_face


def test_envelope_by_hand() -> None:
    time = np.array([0.0, 0.03, 0.065, 0.1, 0.15, 0.18, 0.21, 0.3])
    values = envelope(time, 0.1, 0.15, closing=0.07, opening=0.06)
    np.testing.assert_allclose(values, [0, 0, 0.5, 1, 1, 0.5, 0, 0], atol=1e-12)


def test_short_holds_last_longer_than_a_frame() -> None:
    segment = Segment(VISEMES["bilabial"], 0.50, 0.52, release=0.5)
    start, end = hold_of(segment)
    assert end - start == pytest.approx(SHORTEST_HOLD)
    assert 0.5 * (start + end) == pytest.approx(0.496)
    long = Segment(VISEMES["bilabial"], 0.5, 0.6, release=0.8)
    assert hold_of(long) == (pytest.approx(0.5), pytest.approx(0.562))


@pytest.mark.parametrize("identity", ["neutral", "head-03", "head-11"])
@pytest.mark.parametrize(
    "shapes",
    [
        {"jawOpen": 0.7},
        {"jawOpen": 0.1, "mouthPucker": 0.9, "mouthFunnel": 0.4},
        {"jawOpen": 0.5, "mouthUpperUpLeft": 0.4, "mouthUpperUpRight": 0.4},
        {"jawOpen": 0.3, "mouthSmileLeft": 0.7, "mouthSmileRight": 0.7},
    ],
)
def test_closes_whatever_surrounds_it(identity: str, shapes: dict[str, float]) -> None:
    face = get_face(f"{identity}@low")
    open_mouth = np.zeros((50, 52))
    for name, value in shapes.items():
        open_mouth[:, ARKIT_INDEX[name]] = value
    segment = Segment(VISEMES["bilabial"], 1.0, 1.08)
    closed = close_lips(open_mouth, [segment], face, 25.0)
    gap = face.signed_aperture(closed.astype(np.float32))
    assert gap[25:28].max() < 0
    assert gap[25:28].min() > -0.004
    free = face.signed_aperture(open_mouth.astype(np.float32))
    np.testing.assert_array_equal(closed[:20], open_mouth[:20])
    np.testing.assert_array_equal(closed[33:], open_mouth[33:])
    assert (gap <= free + 1e-5).all()


def test_how_hard_lips_press() -> None:
    bilabial = Segment(VISEMES["bilabial"], 0.0, 0.1)
    soft, plain, hard = (aim_of(bilabial, Style(press=press)) for press in (0.0, 1.0, 2.0))
    assert hard < plain < soft <= -0.0005
    assert plain == VISEMES["bilabial"].aperture
    assert aim_of(bilabial, Style(press=0), 0.1) == -0.0005
    narrow = Segment(VISEMES["labiodental"], 0.0, 0.1)
    assert aim_of(narrow, Style(press=2.0)) == VISEMES["labiodental"].aperture


def test_jaws_that_close_and_lips_that_close() -> None:
    """Both ways lead to sealed lips; one needs less of mouthClose."""
    face = get_face("neutral@low")
    pose = np.zeros((50, 52))
    pose[:, ARKIT_INDEX["jawOpen"]] = 0.5
    segment = Segment(VISEMES["bilabial"], 1.0, 1.08)
    poses = []
    for share in (0.0, 0.5):
        style = Style(jaw_closing=share)
        closed = close_lips(pose, [segment], face, 25.0, style=style)
        assert face.aperture(closed.astype(np.float32))[25:28].max() == 0
        poses.append(closed[26])
    assert poses[1][ARKIT_INDEX["jawOpen"]] < 0.6 * poses[0][ARKIT_INDEX["jawOpen"]]
    assert poses[1][ARKIT_INDEX["mouthClose"]] < poses[0][ARKIT_INDEX["mouthClose"]]


def test_late_takes_still_close_within_their_sound() -> None:
    face = get_face("neutral@low")
    pose = np.zeros((50, 52))
    pose[:, ARKIT_INDEX["jawOpen"]] = 0.5
    short = Segment(VISEMES["bilabial"], 1.0, 1.02, release=0.5)
    for shift in (-0.02, 0.0, 0.02):
        closed = close_lips(pose, [short], face, 25.0, shift=[shift])
        assert face.aperture(closed.astype(np.float32))[25] == 0


def test_nothing_to_close() -> None:
    face = get_face("neutral@low")
    pose = np.zeros((10, 52))
    pose[:, ARKIT_INDEX["jawOpen"]] = 0.4
    vowel = Segment(VISEMES["open_back"], 0.0, 0.4)
    assert close_lips(pose, [vowel], face, 25.0) is pose
