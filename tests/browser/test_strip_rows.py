"""Rows of a strip as the browser draws them: spectrogram, waveform, cells of units, shaded spans.

The strip alone stands on a page from disk, with a stand-in for the player beside it.
"""

from __future__ import annotations

import json
import os
from io import BytesIO

import numpy as np
import pytest

from talking_heads.course.curve_strip import Curve, CurveStrip, Panel
from talking_heads.course.sound_panels import SpectrogramPanel, UnitPanel, WavePanel
from talking_heads.speech import Phoneme

pytestmark = pytest.mark.browser

LEFT, RIGHT, WIDTH = 58, 748, 760
SECONDS = 2.0
COLORS = ["#1b7a4b", "#ffe680", "#7a3b8f"]
PAGE = """<!doctype html><meta charset="utf-8"><style>body {{ width: 760px; }} {css}</style>
<div id="box"><div class="talking-head"></div><div id="strip"></div></div>
<script>
const head = document.querySelector(".talking-head");
head.talkingHead = {{ time: 0, seek(time) {{ this.time = time; }} }};
window.model = {{ content: {content}, listeners: [],
  get() {{ return this.content; }}, on(_, f) {{ this.listeners.push(f); }}, off() {{}} }};
</script>
<script type="module">{script}
render({{ model: window.model, el: document.querySelector("#strip") }});
</script>"""


def strip():
    times = np.arange(round(16_000 * SECONDS)) / 16_000
    # A tone of 6 kHz in the first second, silence in the second.
    audio = np.where(times < 1, 0.5 * np.sin(2 * np.pi * 6000 * times), 0)
    units = np.repeat([0, 1, 2, 1], [25, 25, 49, 1])
    rows = [
        SpectrogramPanel(audio),
        WavePanel(audio),
        UnitPanel("three units", units, COLORS, ["s", "f", "m"]),
        Panel("mm", [Curve("gap", np.linspace(0, 9, 50))], spans=[(0.5, 1.0)]),
    ]
    phonemes = [Phoneme("s", 0, 1), Phoneme("", 1, 2)]
    return CurveStrip(rows, SECONDS, phonemes, "Four rows.")


@pytest.fixture
def page(tmp_path, open_file):
    shown = strip()
    script = shown._esm.replace("export default", "window.curves =")
    path = tmp_path / "strip.html"
    content = json.dumps(shown.content)
    path.write_text(PAGE.format(css=shown._css, content=content, script=script), "utf-8")
    page = open_file(path, viewport={"width": 800, "height": 620})
    page.locator(".th-curves svg").wait_for()
    return page


def pixels(page, locator):
    from PIL import Image

    if folder := os.environ.get("TALKING_HEADS_SHOTS"):
        page.locator(".th-curves").screenshot(path=f"{folder}/strip.png")
    shot = page.locator(locator).first.screenshot()
    return np.asarray(Image.open(BytesIO(shot)).convert("RGB")).astype(int)


def test_all_rows_are_drawn_where_they_belong(page):
    assert page.errors == []
    names = page.locator(".th-names").all_text_contents()
    assert names == ["spectrogram", "━ waveform", "three units", "━ gap"]

    picture = pixels(page, ".th-image").mean(2)
    half = picture.shape[1] // 2
    dark = picture[:, 20 : half - 20].mean(1).argmin()
    assert 1 - dark / len(picture) == pytest.approx(6 / 8, abs=0.05)
    assert picture[dark, half + 20 :].min() > 200, "silence is white"

    wave = pixels(page, ".th-wave")
    blue = (wave[..., 2] - wave[..., 0]) > 60
    assert blue[:, : wave.shape[1] // 3].mean() > 0.8, "the tone fills its row"

    cells = page.locator(".th-cell")
    assert cells.count() == 4
    for index, (start, end) in enumerate([(0, 0.5), (0.5, 1), (1, 1.98), (1.98, 2)]):
        rect = cells.nth(index).locator("rect")
        x, wide = (float(rect.get_attribute(name)) for name in ("x", "width"))
        scale = (RIGHT - LEFT) / SECONDS
        assert x == pytest.approx(LEFT + start * scale, abs=0.01)
        assert wide == pytest.approx((end - start) * scale, abs=0.01)
    assert cells.locator("title").all_text_contents()[0] == "unit 0, 0.00 to 0.50 s, mostly s"
    texts = [cells.nth(i).locator("text").all_text_contents() for i in range(4)]
    assert texts == [["s"], ["f"], ["m"], []], "a cell too narrow holds no sign"
    inks = page.eval_on_selector_all(
        ".th-cell text", "all => all.map(text => getComputedStyle(text).fill)"
    )
    assert inks[0] == "rgb(255, 255, 255)" and inks[1] == "rgb(31, 41, 51)"

    span = page.locator(".th-span").bounding_box()
    curve = page.locator(".th-curve").bounding_box()
    assert span["x"] - curve["x"] == pytest.approx(curve["width"] * 0.25, abs=4)


def test_a_click_on_a_cell_goes_there_and_the_line_follows(page):
    box = page.locator(".th-cell").nth(2).bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    time = page.evaluate("document.querySelector('.talking-head').talkingHead.time")
    assert time == pytest.approx(1.49, abs=0.01)
    place = float(page.locator(".th-now").get_attribute("x1"))
    assert place == pytest.approx(LEFT + time / SECONDS * (RIGHT - LEFT), abs=0.1)


def test_other_content_replaces_all_rows(page):
    page.evaluate(
        "const old = window.model.content;"
        "window.model.content = {...old, panels: [old.panels[2]]};"
        "window.model.listeners.forEach((f) => f())"
    )
    assert page.locator(".th-cell").count() == 4
    assert page.locator(".th-image").count() == page.locator(".th-curve").count() == 0
