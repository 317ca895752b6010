"""The box of notebook 03: a slider moves the face, the curves and the numbers."""

from __future__ import annotations

import re

import numpy as np
import pytest

from .conftest import wait_until

pytestmark = pytest.mark.browser

MOUTH = (0.55, 0.45, 0.95, 0.95)  # of the second of two heads

CELLS = [
    """
import numpy as np
from talking_heads.corpus import Clip
from talking_heads.course.degrade_box import degrade_box
from talking_heads.face import ARKIT_INDEX, Motion
from talking_heads.speech import Phoneme

def babble(rate):
    values = np.zeros((75, 52), np.float32)
    times = np.arange(75) / 25
    values[:, ARKIT_INDEX["jawOpen"]] = 0.35 - 0.3 * np.cos(2 * np.pi * rate * times)
    values[:, ARKIT_INDEX["browInnerUp"]] = 0.5 - 0.5 * np.cos(times)
    return Motion(values, "coefficients", face_id="neutral@low")

sound = (0.1 * np.sin(np.arange(48_000) * 0.08)).astype(np.float32)
clip = Clip("babble", "ada", sound, (babble(1.0), babble(1.1)), phonemes=(Phoneme("m", 0, 0.1),))
""",
    "box = degrade_box(clip)\nbox",
]


def number(page, name):
    """Return what the table says of a metric, as a number."""
    row = page.locator(f".th-metrics tr:has-text('{name}')").first
    return float(re.match(r"-?[\d.]+", row.locator("td").first.inner_text()).group())


def settle(notebook, head):
    """Wait until the kernel has answered all sliders and the player shows what it was sent."""
    quiet = 0

    def idle():
        nonlocal quiet
        quiet = quiet + 1 if notebook.kernel_status() == "idle" else 0
        notebook.page.wait_for_timeout(100)
        return quiet >= 8

    wait_until(idle, "the kernel to come to rest", 60)
    head.show()
    head.wait("head.updates > 0")


def test_sliders_and_buttons_change_numbers_curves_and_face(small_notebook, open_notebook, heads):
    notebook = open_notebook(small_notebook)
    page = notebook.page
    notebook.run_all()
    assert notebook.errors() == []
    head = heads(page, 0)
    head.show()
    head.wait("head.updates > 0")
    table, curves = page.locator(".th-metrics"), page.locator(".th-curves .th-curve")
    table.wait_for()
    assert number(page, "LVE, distance") == 0
    assert curves.count() == 2
    assert curves.nth(0).get_attribute("d") == curves.nth(1).get_attribute("d")
    rest = head.pixels_at(0.5, MOUTH)

    # A slider, moved by keys.
    handle = page.locator(".widget-slider:has-text('Shift') .noUi-handle").first
    handle.scroll_into_view_if_needed()
    handle.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    wait_until(lambda: "5 frames late" in table.inner_text(), "the slider to arrive")
    wait_until(lambda: number(page, "LVE, distance") > 3, "the numbers to answer")
    wait_until(
        lambda: curves.nth(0).get_attribute("d") != curves.nth(1).get_attribute("d"),
        "the curves to part",
    )
    settle(notebook, head)
    assert np.abs(head.pixels_at(0.5, MOUTH) - rest).mean() > 1, "the spoiled mouth is late"

    # A button sets all sliders: the still face moves no more.
    page.get_by_role("button", name="Still face").click()
    wait_until(lambda: "amplitude 0.00" in table.inner_text(), "the button to arrive")
    settle(notebook, head)
    still = [head.pixels_at(moment, MOUTH) for moment in (0.1, 0.5)]
    assert np.abs(still[0] - still[1]).mean() < 0.3

    page.get_by_role("button", name="Reset").click()
    wait_until(lambda: number(page, "LVE, distance") == 0, "everything to be as before")
