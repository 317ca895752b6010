"""The boxes of notebook 02: units under a speaking head, and a head that is early or late."""

from __future__ import annotations

import os

import numpy as np
import pytest

from .conftest import wait_until

pytestmark = pytest.mark.browser

CELLS = [
    """
import numpy as np
from talking_heads.corpus import load_corpus
from talking_heads.course.lag_box import lag_box
from talking_heads.course.sound_panels import unit_colors
from talking_heads.course.units_box import Units, units_box

corpus = load_corpus()
colors = unit_colors(np.random.default_rng(0).normal(size=(7, 3)))
count = lambda audio: np.arange(len(audio) // 320) // 5 % 7
units = Units("seven units by turns", count, colors)
box = units_box([corpus.clip("dan-029"), corpus.clip("jack-029")], units)
box
""",
    "late = lag_box(corpus.clip('dan-029'))\nlate",
    "import time\ntime.sleep(0)",
]
LINE = "(index) => Number(document.querySelectorAll('.th-now')[index].getAttribute('x1'))"
LEFT, RIGHT, WIDTH = 58, 748, 760
MOUTHS = ((0.08, 0.65, 0.25, 0.85), (0.41, 0.65, 0.58, 0.85))  # of the first and second of three


def see(head):
    """Scroll to a head until it has been drawn: what grows above it may push it away again."""

    def drawn():
        head.show()
        return head.get("head.updates > 0")

    wait_until(drawn, "the head to be drawn", 60)


def photograph(page, name):
    """Keep a picture where a person wants to look at one."""
    if folder := os.environ.get("TALKING_HEADS_SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png")


def test_units_and_lag_go_along_with_their_heads(small_notebook, open_notebook, heads):
    notebook = open_notebook(small_notebook)
    page = notebook.page
    notebook.run_all()
    assert notebook.errors() == []
    strips = page.locator(".th-curves")
    assert strips.count() == 2
    one, two = heads(page, 0), heads(page, 1)

    # The line goes along with the sound, over cells that are as long as they say.
    see(one)
    cells = strips.nth(0).locator(".th-cell")
    seconds = one.get("head.seconds")
    assert cells.count() == -(-int(50 * seconds) // 5)
    title = cells.nth(3).locator("title")
    assert title.text_content() == "unit 3, 0.30 to 0.40 s"
    rect = cells.nth(3).locator("rect")
    scale = (RIGHT - LEFT) / seconds
    assert abs(float(rect.get_attribute("x")) - (LEFT + 0.3 * scale)) < 0.1
    assert abs(float(rect.get_attribute("width")) - 0.1 * scale) < 0.1
    assert page.evaluate(
        "() => new Promise((found) => { const image = new Image();"
        " image.onload = () => found(image.naturalWidth);"
        " image.src = document.querySelector('.th-image').getAttribute('href'); })"
    ) in range(int(100 * seconds), int(100 * seconds) + 3), "the spectrogram is a picture"
    frame = rect.bounding_box()
    page.mouse.click(frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2)
    one.wait("Math.abs(head.time - 0.35) < 0.03")
    wait_until(lambda: abs(page.evaluate(LINE, 0) - LEFT - 0.35 * scale) < 5, "the line")
    photograph(page, "units")
    one.click_play()
    one.wait("head.time > 0.8")
    one.act("head.pause()")
    place = (page.evaluate(LINE, 0) - LEFT) / (RIGHT - LEFT)
    assert abs(place * seconds - one.get("head.time")) < 0.3

    # Early and in step differ where the lips meet; without a lag they do not.
    see(two)
    assert strips.nth(1).locator(".th-span").count() == 10
    assert strips.nth(1).locator(".th-curve").count() == 3
    page.locator(".widget-slider:has-text('Off by') .noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    status = page.locator("[role=status]:has-text('Lips shut')")
    wait_until(lambda: "2 frames are 80 ms" in status.inner_text(), "the slider to arrive")
    see(two)
    apart = strips.nth(1).locator(".th-curve")
    wait_until(
        lambda: apart.nth(0).get_attribute("d") != apart.nth(1).get_attribute("d"), "the curves"
    )
    early, true = (two.pixels_at(1.065, box) for box in MOUTHS)
    photograph(page, "lag")

    notebook.replace_last_cell("box.menu.value = 1\nlate.slider.value = 0")
    notebook.run_last_cell()
    notebook.wait_done()
    wait_until(lambda: "0 frames are 0 ms" in status.inner_text(), "the slider to go back")
    see(two)
    page.wait_for_timeout(1000)
    moved, stayed = (
        np.abs(two.pixels_at(1.065, box) - before).mean()
        for box, before in zip(MOUTHS, (early, true), strict=True)
    )
    assert moved > 2 and stayed < 0.3, "only the first mouth was open, and closes for the m"
    one.wait(f"head.seconds != {seconds}")
    wait_until(lambda: cells.count() == -(-int(50 * one.get("head.seconds")) // 5), "other cells")
    label = strips.nth(0).locator("svg").get_attribute("aria-label")
    assert "seven units by turns" in label
