from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

from talking_heads.errors import UserError
from talking_heads.face import get_face
from talking_heads.view import inspect


def test_a_face_shows_in_its_own_colours(capsys):
    face = get_face("neutral@low")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        view = inspect(face)
    mesh = view.plot.objects[0]
    assert np.array_equal(mesh.vertices, face.vertices)
    assert mesh.colors[7] == int.from_bytes(bytes(face.colors[7].tolist()), "big")
    assert capsys.readouterr().err == ""
    assert repr(view) == (
        f"the face neutral@low, {len(face.vertices)} vertices and {len(face.triangles)} triangles."
    )


def test_a_heat_map_says_its_range_and_shows_it():
    face = get_face("neutral@low")
    values = np.linspace(0, 3, len(face.vertices))
    view = inspect(face, values=values, value_range=(0, 2), value_name="error in mm", title="Lips")
    mesh = view.plot.objects[0]
    assert mesh.color_range == [0, 2]
    assert mesh.attribute.dtype == np.float32
    assert "error in mm from 0 (dark) to 2; mean 1.5, highest 3" in view.description
    data, _ = view._repr_mimebundle_()
    assert data["text/plain"] == view.description
    assert data["image/png"]
    assert not re.search(r"0x[0-9a-f]{6,}", view.description)
    assert view.still != inspect(face).still


def test_a_cell_keeps_the_still_apart_from_the_mesh(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    view = inspect("neutral@low")
    view._ipython_display_()
    still, widget = shown
    assert still["text/plain"] == repr(view)
    assert set(widget) == {"application/vnd.jupyter.widget-view+json"}
    assert view.plot in view._view.children
    (cover,) = [child for child in view._view.children if child is not view.plot]
    assert still["image/png"].endswith(cover.mark)
    assert len(cover.mark) == 64


def test_one_value_everywhere_still_has_a_range():
    face = get_face("neutral@low")
    assert inspect(face, values=np.zeros(len(face.vertices))).plot.objects[0].color_range == [0, 1]


def test_a_snapshot_is_an_offline_page(tmp_path):
    path = tmp_path / "head.html"
    inspect("neutral@low").snapshot(path)
    text = path.read_text("utf-8")
    assert "<html" in text
    assert 500_000 < len(text) < 6_000_000
    assert not re.search(r'(src|href)="https?://', text)
    with pytest.raises(UserError, match="does not exist"):
        inspect("neutral@low").snapshot(tmp_path / "no" / "head.html")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"vertices": np.zeros((3, 3))}, "vertices must have shape"),
        ({"values": np.zeros(3)}, "values must have shape"),
        ({"values": "nan"}, "not finite"),
        ({"values": "ok", "value_range": (1, 1)}, "low < high"),
        ({"values": "ok", "color_map": "no such map"}, "no colour map"),
    ],
)
def test_what_does_not_fit_is_refused(options, words):
    count = len(get_face("neutral@low").vertices)
    table = {"nan": np.full(count, np.nan), "ok": np.zeros(count)}
    if isinstance(options.get("values"), str):
        options = {**options, "values": table[options["values"]]}
    with pytest.raises(UserError, match=words):
        inspect("neutral@low", **options)
