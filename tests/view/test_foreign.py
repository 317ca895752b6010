"""Meshes of other data sets in players, pages and arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talking_heads.corpus.heads import Head, Surface
from talking_heads.errors import UserError
from talking_heads.export import write_html, write_npz
from talking_heads.face import ARKIT_INDEX, Motion, enliven, get_face
from talking_heads.face.plain import plain_face
from talking_heads.view import inspect, play
from talking_heads.view.encode import decode_motion, encode_motion
from talking_heads.view.foreign import shown_face, shown_motion

FACE = get_face("neutral@low")
SKIN = FACE.parts["skin"].stop
TRIANGLES = FACE.triangles[(FACE.triangles < SKIN).all(1)]
BALL = FACE.parts["eye_left"]
WITH_EYE = np.concatenate([np.arange(SKIN), np.arange(BALL.start, BALL.stop)])
REGIONS = {"lips": FACE.regions["lips"]}


def head(unit: str | None = "m", scale: float = 1.0, **changes: object) -> Head:
    values = {
        "triangles": TRIANGLES,
        "regions": REGIONS,
        "lip_pairs": FACE.lip_pairs(),
        "unit": unit,
        **changes,
    }
    surface = Surface("biwi", {"F1": FACE.vertices[:SKIN] * np.float32(scale)}, **values)  # type: ignore[arg-type]
    return surface.head("F1")


def motion(scale: float = 1.0) -> Motion:
    c = np.zeros((30, 52), np.float32)
    c[:, ARKIT_INDEX["jawOpen"]] = 0.25 - 0.25 * np.cos(np.arange(30) / 3)
    offsets = (FACE.pose(c) - FACE.vertices)[:, :SKIN]
    return Motion(offsets * np.float32(scale), "vertices", 30.0, "F1@biwi", "F1")


def test_a_mesh_in_metres_is_played_as_it_is() -> None:
    player = play(motion(), face=head())
    # As open as the course's head with the same mesh, to the millimetre.
    widest = 1000 * FACE.aperture(np.eye(52)[ARKIT_INDEX["jawOpen"]] * 0.5)[0]
    assert f"lips open up to {widest:.0f} mm" in player.description
    assert "face F1@biwi, 30 frames at 30 a second" in player.description
    data = encode_motion(motion(), shown_face(head()))
    wanted = FACE.vertices[:SKIN] + motion().values
    np.testing.assert_allclose(decode_motion(data.data), wanted, atol=1.1e-4)


def test_a_mesh_without_a_unit_is_scaled_and_claims_no_millimetres() -> None:
    player = play(motion(4.0), face=head(None, 4.0))
    assert "mm" not in player.description
    face, shown = shown_face(head(None, 4.0)), shown_motion(motion(4.0), head(None, 4.0))
    assert np.ptp(face.vertices[:, 1]) == pytest.approx(0.25, rel=1e-5)
    ratio = np.ptp(shown.values) / np.ptp(face.vertices[:, 1])
    assert ratio == pytest.approx(np.ptp(motion().values) / np.ptp(FACE.vertices[:SKIN, 1]))
    assert player.still != play(Motion(0 * motion().values, "vertices"), face=head()).still


def test_lips_and_eyes_are_coloured() -> None:
    # A ball of its own beside the skin; its region has some of the lid, as FLAME's has.
    place = np.full(len(FACE.vertices), -1)
    place[WITH_EYE] = np.arange(len(WITH_EYE))
    triangles = place[FACE.triangles]
    triangles = triangles[(triangles >= 0).all(1)]
    regions = {**REGIONS, "left_eyeball": np.append(np.arange(SKIN, len(WITH_EYE)), 17)}
    face = plain_face("a@toy", FACE.vertices[WITH_EYE], triangles, regions)
    lips, eye, cheek = face.colors[REGIONS["lips"][0]], face.colors[-1], face.colors[500]
    assert lips[0] > 1.3 * lips[1] and eye.min() > 220 and not (cheek == lips).all()
    assert (face.colors[17] == cheek).all()
    # Where a data set calls the whole lower face its lips, nothing is painted.
    wide = plain_face("a@toy", FACE.vertices[:SKIN], TRIANGLES, {"lips": np.arange(SKIN // 4)})
    assert len(np.unique(wide.colors, axis=0)) == 1


def test_a_heat_map_and_a_page(tmp_path: Path) -> None:
    assert "1142 vertices" in repr(inspect(head(None, 4.0), values=np.arange(SKIN)))
    pose = head(None, 4.0).vertices + motion(4.0).values[9]
    assert repr(inspect(head(None, 4.0), pose)).startswith("the face F1@biwi")
    write_html(tmp_path / "page.html", motion(), face=head(), alive=True)
    assert (tmp_path / "page.html").stat().st_size > 100_000


def test_arrays_keep_the_measure(tmp_path: Path) -> None:
    write_npz(tmp_path / "a.npz", motion(4.0), face=head(None, 4.0))
    write_npz(tmp_path / "b.npz", motion(), face=head())
    with np.load(tmp_path / "a.npz") as a, np.load(tmp_path / "b.npz") as b:
        np.testing.assert_allclose(a["vertices"], 4 * b["vertices"], atol=1e-5)
        assert sorted(a) == ["faces", "fps", "vertices"]
        assert b["lip_aperture"].shape == (30,) and "coefficients" not in b


def test_what_cannot_be_shown_says_why() -> None:
    with pytest.raises(UserError, match=r"face=corpus\.head"):
        play(motion())
    with pytest.raises(UserError, match="triangles are not known"):
        play(motion(), face=head(triangles=np.zeros((0, 3), np.int32)))
    with pytest.raises(UserError, match="no blendshapes"):
        play(Motion(np.zeros((3, 52)), "coefficients"), face=head())
    with pytest.raises(UserError, match="moves 7 vertices"):
        play(Motion(np.zeros((3, 7, 3)), "vertices", 30, "F1@biwi"), face=head())
    with pytest.raises(UserError, match="that it does not have"):
        plain_face("a@toy", np.zeros((3, 3)), np.array([[0, 1, 3]]))
    with pytest.raises(UserError, match="finite"):
        plain_face("a@toy", np.full((3, 3), np.nan), np.array([[0, 1, 2]]))


def test_a_mesh_without_a_rig_gets_no_life_but_does_not_fail() -> None:
    alive = enliven(motion(), face=shown_face(head(lip_pairs=None)))
    # Nothing turns: there are no eyes, and no neck.
    np.testing.assert_allclose(alive.values, motion().values, atol=1e-6)
