"""The player, the sliders and k3d in JupyterLab, as a learner meets them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from .conftest import wait_until

pytestmark = pytest.mark.browser

WELCOME = Path(__file__).parents[2] / "notebooks" / "00_welcome.ipynb"
MOUTH = (0.35, 0.45, 0.65, 0.85)

CELLS = [
    """
import numpy as np
from talking_heads.face import ARKIT_INDEX, Motion
from talking_heads.view import explore, inspect, play

def motion(rate):
    values = np.zeros((250, 52), np.float32)
    times = np.arange(250) / 25
    values[:, ARKIT_INDEX["jawOpen"]] = 0.4 - 0.4 * np.cos(2 * np.pi * rate * times)
    values[:, ARKIT_INDEX["browInnerUp"]] = 0.5 - 0.5 * np.cos(times)
    return Motion(values, "coefficients", face_id="neutral@medium")

sound = (0.1 * np.sin(np.arange(160_000) * 0.08)).astype(np.float32)
""",
    "player = play(motion(1.3), sound, title='One head')\nplayer",
    "play([motion(0.5), motion(1.0)], sound, labels=['slow', 'fast'], height=260)",
    "explorer = explore('neutral@low')\nexplorer",
    "inspect('neutral@low')",
    "import time\ntime.sleep(0)",
]


def check_playing(head):
    """The picture and the player's time follow the sound."""
    start = head.get("[head.updates, head.soundTime]")
    head.wait(f"head.soundTime > {start[1]} + 1")
    assert head.gap() < 0.2
    assert head.get("head.updates") - start[0] >= 4


def check_mouth(head, moments):
    mouths = [head.pixels_at(moment, MOUTH) for moment in moments]
    assert mouths[0].std() > 10
    return max(np.abs(a - b).mean() for a, b in pairwise(mouths))


def test_players_sliders_and_meshes_in_a_notebook(small_notebook, open_notebook, heads):
    notebook = open_notebook(small_notebook)
    page = notebook.page
    notebook.run_all()
    assert notebook.errors() == []
    one, two, live = heads(page, 0), heads(page, 1), heads(page, 2)

    one.show()
    one.wait("head.updates > 0")
    assert one.pixels().std() > 15
    assert check_mouth(one, [0.0, 0.38]) > 1
    one.act("head.seek(0)")
    one.click_play()
    check_playing(one)

    # The kernel sleeps: the head and its sound go on.
    notebook.replace_last_cell("import time\ntime.sleep(6)")
    notebook.run_last_cell()
    assert notebook.kernel_status() == "busy"
    one.show()
    if not one.get("head.playing"):
        one.click_play()
    check_playing(one)
    assert notebook.kernel_status() == "busy"
    assert two.get("head ? head.playing : false") in (False, None)
    one.act("head.pause()")

    two.show()
    two.wait("head.updates > 0")
    two.click_play()
    two.wait("head.time > 0.4")
    assert two.get("head.shownTimes[0] === head.shownTimes[1]")
    assert one.get("head.playing") is False
    two.act("head.pause()")
    notebook.wait_done()

    # A slider, moved by keys, moves the mouth.
    live.show()
    live.wait("head.updates > 0")
    page.wait_for_timeout(600)
    rest = live.pixels()
    updates = live.get("head.updates")
    page.get_by_role("tab", name="Jaw", exact=True).click()
    handle = page.locator(".widget-slider:has-text('jawOpen') .noUi-handle").first
    handle.focus()
    for _ in range(6):
        page.keyboard.press("PageUp")
    live.wait(f"head.updates > {updates}")
    page.wait_for_timeout(800)
    live.show()
    assert np.abs(live.pixels() - rest).mean() > 0.3

    mesh = page.locator(".jp-OutputArea canvas:not(.th-canvas)").first
    mesh.scroll_into_view_if_needed()
    mesh.wait_for(state="visible", timeout=30_000)


def test_update_changes_the_player_that_stands(small_notebook, open_notebook, heads):
    notebook = open_notebook(small_notebook)
    notebook.run_all()
    head = heads(notebook.page, 0)
    head.show()
    head.wait("head.updates > 0 && head.seconds === 10")
    updates = head.get("head.updates")
    notebook.replace_last_cell("player.update(motion(2.0), title='Again')\ntime.sleep(1)")
    notebook.run_last_cell()
    player = notebook.page.locator(".talking-head").first
    wait_until(lambda: player.get_attribute("aria-label") == "Again", "the new title")
    head.show()
    head.wait(f"head.updates > {updates}")
    notebook.wait_done()
    notebook.replace_last_cell("player.update(motion(2.0), sound)\ntime.sleep(1)")
    notebook.run_last_cell()
    head.wait("head.soundTime !== null")


def test_the_welcome_notebook_speaks(open_notebook, heads):
    notebook = open_notebook(WELCOME)
    page = notebook.page
    notebook.run_all()
    assert notebook.errors() == []
    head = heads(page, 0)
    head.show()
    head.wait("head.updates > 0")
    assert head.pixels().std() > 15
    seconds = head.get("head.seconds")
    assert check_mouth(head, np.linspace(0.1, min(seconds, 3) - 0.1, 8)) > 1
    head.act("head.seek(0)")
    head.click_play()
    check_playing(head)
    notebook.append_cell("import time\ntime.sleep(6)")
    notebook.run_last_cell()
    assert notebook.kernel_status() == "busy"
    head.show()
    head.act("head.seek(0)")
    if not head.get("head.playing"):
        head.click_play()
    check_playing(head)
    assert notebook.kernel_status() == "busy"


def test_a_saved_notebook_keeps_the_stills(small_notebook, open_notebook, heads, lab):
    notebook = open_notebook(small_notebook)
    notebook.run_all()
    page = notebook.page
    head = heads(page, 0)
    head.show()
    head.wait("head.updates > 0")
    stills = page.locator(".jp-RenderedImage img")
    assert stills.count() == 4
    # The players', the sliders' and k3d's: a widget that lives takes its still's place.
    wait_until(
        lambda: not any(stills.nth(i).is_visible() for i in range(4)), "the widgets to show instead"
    )
    notebook.ask("app.commands.execute('docmanager:save')")
    wait_until(lambda: not notebook.ask("panel.context.model.dirty"), "the notebook to be saved")
    notebook.ask("panel.sessionContext.shutdown()")
    page.goto(lab.notebook_url(small_notebook.name))
    stills.first.wait_for(timeout=60_000)
    wait_until(lambda: stills.count() == 4, "the stills of the saved notebook")
    assert all(stills.nth(i).is_visible() for i in range(4))
    assert page.locator(".th-canvas").count() == 0
