import io
import json

import numpy as np
import pytest
from PIL import Image

from talking_heads.course.curve_strip import Curve, CurveStrip, Panel, stacked
from talking_heads.course.figures import BLUE, ORANGE
from talking_heads.errors import UserError
from talking_heads.speech import Phoneme

LINE = np.linspace(0, 7.4, 30)


def strip(**options):
    panels = [
        Panel("mm", [Curve("gap", LINE)]),
        Panel("share", [Curve("one", LINE / 10), Curve("again", LINE / 8, dash=True),
                        Curve("other", 1 - LINE / 10)], high=1.0),
    ]  # fmt: skip
    phonemes = [Phoneme("", 0, 0.2), Phoneme("p", 0.2, 0.5)]
    return CurveStrip(panels, 1.2, phonemes, "Two panels of curves.", **options)


def test_the_browser_gets_numbers_colours_and_signs():
    content = strip().content
    json.dumps(content)
    first, second = content["panels"]
    assert (first["low"], first["high"], first["fps"]) == (0, 10, 25)
    np.testing.assert_allclose(first["curves"][0]["values"], LINE, atol=0.02)
    assert [c["color"] for c in second["curves"]] == [BLUE, BLUE, ORANGE]
    assert [c["dash"] for c in second["curves"]] == [False, True, False]
    assert content["phonemes"] == [("", 0, 0.2), ("p", 0.2, 0.5)]
    assert content["description"] == "Two panels of curves."


@pytest.mark.parametrize(
    ("most", "top"),
    [(0.0, 1e-6), (0.9, 1.0), (1.0, 1.0), (1.1, 1.5), (7.4, 10), (12, 15), (34, 50), (60, 100)],
)
def test_the_axis_ends_at_a_round_number_that_holds_all(most, top):
    assert Panel("mm", [Curve("c", [0, most])]).top() == pytest.approx(top)


def test_what_lies_outside_the_axis_is_cut_off():
    panel = Panel("x", [Curve("c", [-1, 0.5, 3])], high=1.0)
    curves = CurveStrip([panel], 1.0).content["panels"][0]["curves"]
    assert curves[0]["values"] == [0, 0.5, 1.0]


def test_other_curves_in_place():
    shown = strip()
    shown.update([Panel("mm", [Curve("gap", [1, 2])])], 0.1, words="One panel.")
    assert len(shown.content["panels"]) == 1
    assert repr(shown) == "One panel."
    assert shown.content["seconds"] == 0.1


def test_a_picture_for_those_without_a_browser():
    image = Image.open(io.BytesIO(strip().picture()))
    assert image.width > 500 and image.height > 200
    head = io.BytesIO()
    Image.new("RGB", (560, 300), "red").save(head, "PNG")
    both = Image.open(io.BytesIO(stacked(head.getvalue(), strip().picture(), 100)))
    assert both.height == image.height + 100
    assert both.convert("RGB").getpixel((both.width // 2, 50)) == (255, 0, 0)


def test_what_cannot_be_drawn_is_told():
    with pytest.raises(UserError, match="longer than 0"):
        CurveStrip([], 0.0)
    with pytest.raises(UserError, match="a curve at least"):
        CurveStrip([Panel("mm", [], high=1.0)], 1.0)
    for values in ([[1.0, 2.0]], [1.0, np.nan]):
        with pytest.raises(UserError, match="row of finite numbers"):
            CurveStrip([Panel("mm", [Curve("c", values)], high=3.0)], 1.0)
