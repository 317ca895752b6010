"""The curves below a head in JupyterLab: they go along with it, and a click takes it there."""

from __future__ import annotations

import pytest

from .conftest import wait_until

pytestmark = pytest.mark.browser

CELLS = [
    """
from talking_heads.corpus import load_corpus
from talking_heads.course.chorus_box import chorus_box
from talking_heads.course.corpus_box import corpus_box

corpus = load_corpus()
box = corpus_box(corpus, "test_seen", "ada")
box
""",
    """
text = "Humming beavers never chew bamboo while the piano plays."
both = [clip for clip in corpus if clip.text == text and clip.speaker in ("ada", "slt")]
chorus = chorus_box(both)
chorus
""",
    "import time\ntime.sleep(0)",
]
LINE = "(index) => Number(document.querySelectorAll('.th-now')[index].getAttribute('x1'))"
LEFT, RIGHT = 58, 748


def test_curves_follow_their_head_and_lead_it(small_notebook, open_notebook, heads):
    notebook = open_notebook(small_notebook)
    page = notebook.page
    notebook.run_all()
    assert notebook.errors() == []
    strips = page.locator(".th-curves")
    assert strips.count() == 2
    one, two = heads(page, 0), heads(page, 1)

    one.show()
    one.wait("head.updates > 0")
    assert page.evaluate(LINE, 0) == LEFT
    frame = strips.nth(0).bounding_box()
    middle = frame["x"] + frame["width"] * (LEFT + RIGHT) / 2 / 760
    page.mouse.click(middle, frame["y"] + frame["height"] / 2)
    half = one.get("head.seconds") / 2
    one.wait(f"Math.abs(head.time - {half}) < 0.05")
    wait_until(lambda: abs(page.evaluate(LINE, 0) - (LEFT + RIGHT) / 2) < 10, "the line")
    assert two.get("head.time") == 0, "only the head of the same box goes there"

    one.click_play()
    one.wait(f"head.time > {half} + 0.3")
    one.act("head.pause()")
    place = (page.evaluate(LINE, 0) - LEFT) / (RIGHT - LEFT)
    assert abs(place * one.get("head.seconds") - one.get("head.time")) < 0.3

    notebook.replace_last_cell("chorus.heard.value = 1\nbox.speaker.value = 'slt'")
    notebook.run_last_cell()
    notebook.wait_done()
    two.show()
    two.wait("head.updates > 0")
    assert strips.nth(0).locator(".th-curve").count() == 5
    assert strips.nth(1).locator(".th-curve").count() == 2
    label = strips.nth(1).locator("svg").get_attribute("aria-label")
    assert "one for each speaker" in label
