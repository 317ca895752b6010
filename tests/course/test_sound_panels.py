"""Rows that show sound: the spectrogram's picture, the waveform's edges, the units' cells."""

import base64
import io
import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from talking_heads.course.curve_strip import Curve, CurveStrip, Panel
from talking_heads.course.sound_panels import (
    SpectrogramPanel,
    UnitPanel,
    WavePanel,
    sounds_at,
    unit_colors,
    unit_signs,
)
from talking_heads.errors import UserError
from talking_heads.speech import Phoneme

COLORS = ["#000000", "#ffffff", "#123456", "#fedcba"]
PHONEMES = (
    Phoneme("", 0.0, 0.1),
    Phoneme("b", 0.1, 0.2),
    Phoneme("ɔːɹ", 0.2, 0.4),
    Phoneme("", 0.4, 0.5),
)


def tone(hertz, seconds=0.5):
    return np.sin(2 * np.pi * hertz * np.arange(round(16_000 * seconds)) / 16_000)


@pytest.mark.parametrize("hertz", [500, 2000, 6500])
def test_a_tone_is_dark_where_its_frequency_lies(hertz):
    panel = SpectrogramPanel(0.3 * tone(hertz))
    greys = panel.greys()
    row = int(np.argmin(greys[:, 5:-5].mean(1)))
    # A row is 125 Hz high.
    assert (1 - (row + 0.5) / len(greys)) * 8000 == pytest.approx(hertz, abs=65)
    assert greys.max() == 247 and greys.min() < 60


def test_the_spectrogram_travels_as_a_picture_of_one_column_for_10_ms():
    content = SpectrogramPanel(tone(700), top_khz=4.0).packed()
    kind, _, data = content["image"].partition(",")
    assert kind == "data:image/png;base64"
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert image.width in (50, 51)
    assert (content["low"], content["high"], content["seconds"]) == (0, 4.0, 0.5)
    with pytest.raises(UserError, match="8 kHz"):
        SpectrogramPanel(tone(700), top_khz=9.0)


def test_a_waveform_keeps_the_extremes_of_each_8_ms():
    audio = np.zeros(300)
    audio[130], audio[140], audio[299] = 0.5, -0.25, 0.1
    least, most = WavePanel(audio).edges()
    np.testing.assert_array_equal(most, [0, 0.5, 0.1])
    np.testing.assert_array_equal(least, [0, -0.25, 0])
    content = WavePanel(audio).packed()
    assert (content["low"], content["high"]) == (-0.5, 0.5)
    assert WavePanel(np.zeros(0)).packed()["most"] == []


@given(st.lists(st.integers(0, 3), max_size=40))
def test_runs_put_together_are_the_units(units):
    runs = UnitPanel("u", np.array(units, dtype=int), COLORS).runs()
    assert [unit for first, last, unit in runs for _ in range(last - first)] == units
    assert all(a[2] != b[2] and a[1] == b[0] for a, b in pairwise(runs))


def test_cells_say_what_they_are():
    plain = UnitPanel("u", np.array([1, 1, 0]), COLORS).packed()["runs"]
    assert plain[0][:6] == [0.0, 0.04, 1, "#ffffff", "#1f2933", "1"]
    assert plain[0][6] == "unit 1, 0.00 to 0.04 s"
    assert plain[1][:6] == [0.04, 0.06, 0, "#000000", "#ffffff", "0"], "light ink on dark"
    signed = UnitPanel("u", np.array([1, 0]), COLORS, ["s", "", "m", "–"], fps=100).packed()
    assert [run[5:] for run in signed["runs"]] == [
        ["", "unit 1, 0.00 to 0.01 s, mostly pause"],
        ["s", "unit 0, 0.01 to 0.02 s, mostly s"],
    ]


def test_what_is_no_row_of_units_is_refused():
    for units in ([0.5, 1.0], [[1]], [4], [-1]):
        with pytest.raises(UserError, match="The row u"):
            UnitPanel("u", np.array(units), COLORS)
    with pytest.raises(UserError, match="4 units need as many signs"):
        UnitPanel("u", np.array([1]), COLORS, ["a"])


def test_like_units_have_like_colours():
    rng = np.random.default_rng(0)
    middles = np.array([[3, 0, 0, 0], [0, 3, 0, 0], [-3, -3, 0, 0]])
    centers = np.concatenate([m + 0.05 * rng.normal(size=(8, 4)) for m in middles])
    colors = unit_colors(centers)
    assert len(set(colors)) == 24

    def hue(color):
        import colorsys

        return colorsys.rgb_to_hls(*(int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)))[0]

    hues = np.exp(2j * np.pi * np.array([hue(color) for color in colors])).reshape(3, 8)
    assert (np.abs(hues.mean(1)) > 0.8).all(), "one group, one part of the circle"
    assert np.abs(hues.mean()) < 0.2, "all the circle is used"
    assert unit_colors(centers) == colors
    assert unit_colors(np.ones((1, 3))) and unit_colors(np.arange(4.0)[:, None])
    with pytest.raises(UserError, match="finite"):
        unit_colors(np.array([[np.nan]]))


def test_the_sound_of_a_frame_is_that_at_its_middle():
    assert sounds_at(PHONEMES, 5, 10.0) == ["", "b", "ɔ", "ɹ", ""]
    assert sounds_at(PHONEMES, 7, 10.0)[-1] == "", "what lies behind the last is the last"
    with pytest.raises(UserError, match="no phonemes"):
        sounds_at((), 3, 50.0)


def test_a_unit_is_named_after_its_commonest_sound():
    units = [np.array([0, 1, 1, 0, 0]), np.array([2, 1, 2])]
    found = unit_signs(units, [PHONEMES, PHONEMES], 4, fps=10.0)
    # 0: pause, ɹ, pause; 1: b, ɔ, b; 2: pause, ɔ (a tie: the first seen).
    assert found == ["", "b", "", "–"]
    with pytest.raises(UserError, match="phonemes for each"):
        unit_signs(units, [PHONEMES], 4)


def test_all_rows_fit_into_one_strip():
    audio = 0.2 * tone(900)
    rows = [
        SpectrogramPanel(audio),
        WavePanel(audio),
        UnitPanel("units", np.arange(25) // 7, COLORS),
        Panel("mm", [Curve("gap", np.ones(12))], spans=[(0.1, 0.2)]),
    ]
    strip = CurveStrip(rows, 0.5, PHONEMES, "All rows.")
    json.dumps(strip.content)
    kinds = [panel.get("kind", "curves") for panel in strip.content["panels"]]
    assert kinds == ["image", "wave", "units", "curves"]
    assert [panel["height"] for panel in strip.content["panels"]] == [84, 40, 24, 66]
    assert strip.content["panels"][3]["spans"] == [(0.1, 0.2)]
    picture = np.asarray(Image.open(io.BytesIO(strip.picture())).convert("RGB"))
    assert strip.shades == 96
    for color in (0, 0, 0), (0x12, 0x34, 0x56), (0xFE, 0xDC, 0xBA):
        distance = np.abs(picture.astype(int) - color).sum(2)
        assert (distance < 24).sum() > 300, "every unit's colour is in the still"
