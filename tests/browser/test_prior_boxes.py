"""The boxes of notebooks 04 and 05: one code of a prior, and spirals, fields and pyramids."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import wait_until

pytestmark = pytest.mark.browser

CELLS = [
    f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1] / "course")!r})
import numpy as np
from plain_prior import PlainPrior
from talking_heads.course.code_box import code_box

prior = PlainPrior()
motion = prior.motion(np.array([[4, 0], [4, 2], [4, 0], [2, 0]] * 5))
box = code_box(prior, motion, frame=2, most_mm=4)
box
""",
    """
from talking_heads.course.mesh_view import field_view, pyramid_view, spiral_view
from talking_heads.corpus.heads import course_head
from talking_heads.geometry.pyramid import build_pyramid

head = course_head("neutral@low")
pyramid = build_pyramid(head.vertices, head.triangles, [4, 4], 9, 2, cache=False)
spiral = spiral_view("neutral@low", pyramid.levels[0].spirals, "tip of the nose")
spiral
""",
    "field = field_view('neutral@low', pyramid, 'left cheek')\nfield",
    "levels = pyramid_view('neutral@low', pyramid)\nlevels",
    "import time\ntime.sleep(0)",
]
THIRDS = ((0.0, 0.15, 1 / 3, 0.95), (1 / 3, 0.15, 2 / 3, 0.95), (2 / 3, 0.15, 1.0, 0.95))


def photograph(page, name):
    """Keep a picture where a person wants to look at one."""
    if folder := os.environ.get("TALKING_HEADS_SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png")


def say(notebook, source):
    """Run a line in the last cell, long enough for the kernel to be seen busy."""
    notebook.replace_last_cell(f"{source}\nimport time\ntime.sleep(0.5)")
    notebook.run_last_cell()
    notebook.wait_done()


def shot(page, number):
    """Photograph a k3d plot: ``(height, width, 3)``."""
    canvas = page.locator(".k3d-target canvas").nth(number)
    canvas.scroll_into_view_if_needed()
    page.wait_for_timeout(1200)
    return np.asarray(Image.open(BytesIO(canvas.screenshot())).convert("RGB")).astype(int)


def reddish(picture):
    """Return the share of the picture that is coloured by a heat map."""
    red, green, blue = np.moveaxis(picture, -1, 0)
    return float(((red > green + 60) & (red > blue + 80)).mean())


def test_code_box_and_mesh_views_follow_their_controls(small_notebook, open_notebook, heads):
    notebook = open_notebook(small_notebook)
    page = notebook.page
    notebook.run_all()
    assert notebook.errors() == []

    # One code: the changed head and its heat map answer, the clip's own head stays.
    head = heads(page, 0)
    wait_until(lambda: (head.show(), head.get("head.updates > 0"))[1], "the head to be drawn", 60)
    page.wait_for_timeout(1500)
    before = [head.pixels(part) for part in THIRDS]
    page.locator(".widget-slider:has-text('Code') .noUi-handle").first.focus()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    status = page.locator("[role=status]:has-text('Component')")
    wait_until(lambda: "shown is 0, number" in status.inner_text(), "the code to arrive")
    assert "lips 4.00 on average, 4.00 at most; upper face 0.00" in status.inner_text()
    page.wait_for_timeout(1500)
    photograph(page, "code-frame")
    after = [head.pixels(part) for part in THIRDS]
    changes = [np.abs(a - b).mean() for a, b in zip(after, before, strict=True)]
    assert changes[0] < 0.3 and changes[1] > 2 * changes[0] and changes[2] > changes[1]
    assert reddish(after[2]) > reddish(before[2]) + 0.005, "the lips are red where they moved"

    page.locator("button:has-text('whole clip')").first.click()
    head.wait("head.seconds > 0.7", 60)
    assert "holds code 0 in every frame" in status.inner_text()
    head.show()
    page.wait_for_timeout(1500)
    photograph(page, "code-clip")

    # A spiral goes where it is sent.
    plots = page.locator(".k3d-target canvas")
    wait_until(lambda: plots.count() == 3, "k3d to draw", 120)
    nose = shot(page, 0)
    photograph(page, "spiral")
    say(notebook, "spiral.place.value = 'chin'")
    chin = shot(page, 0)
    photograph(page, "spiral-chin")
    frame = page.locator(".k3d-target canvas").nth(0).bounding_box()
    numbers = page.locator(".k3d-target").nth(0).locator("text=/^[0-8]$/").all()
    places = [number.bounding_box() for number in numbers if number.is_visible()]
    assert len(places) == 9
    for place in places:
        assert frame["x"] < place["x"] < frame["x"] + frame["width"], "a number is in the picture"
        assert frame["y"] < place["y"] < frame["y"] + frame["height"]
    assert np.abs(nose - chin).mean() > 5
    assert nose.std() > 15, "a head is there"

    # A field of one convolution is smaller than one of two.
    large = shot(page, 1)
    photograph(page, "field")
    say(notebook, "field.level.value = 1")
    small = shot(page, 1)
    photograph(page, "field-one")
    say(notebook, "field.level.value = 0")
    none = shot(page, 1)
    seen = [(np.abs(picture - none).max(-1) > 25).mean() for picture in (large, small)]
    assert seen[0] > 2 * seen[1] > 0

    # Three heads side by side, on a background that is seen between them.
    levels = shot(page, 2)
    photograph(page, "pyramid")
    middle = levels[levels.shape[0] // 2]
    empty = np.abs(middle - levels[2, 2]).max(1) < 12
    runs = np.flatnonzero(np.diff(np.concatenate([[1], empty.astype(int), [1]])) == -1)
    assert len(runs) >= 3
