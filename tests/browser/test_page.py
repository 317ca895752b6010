"""The stand-alone page in a real browser, opened from disk without a network."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from talking_heads.export import write_html

pytestmark = pytest.mark.browser

MOUTH = (0.35, 0.45, 0.65, 0.85)
CORNER = (0.0, 0.0, 0.12, 0.12)


@pytest.fixture(scope="module")
def talk(tmp_path_factory, babble, tone):
    path = tmp_path_factory.mktemp("page") / "talk.html"
    motion = babble(150, face_id="neutral@medium")
    write_html(path, motion, tone(6), title="It's <b>only</b> a test")
    return path


def test_it_plays_from_disk_without_any_request(talk, open_file, heads):
    page = open_file(talk, viewport={"width": 720, "height": 640})
    head = heads(page)
    head.wait("head.updates > 0")
    assert page.title() == "It's <b>only</b> a test"
    picture = head.pixels()
    assert picture.std() > 15  # a head, not an empty box

    assert not head.get("head.playing")
    before = head.get("head.updates")
    head.click_play()
    head.wait("head.soundTime > 1.2")
    # The head shows the moment that is heard: within a frame or two of a slow machine.
    assert head.gap() < 0.15
    assert head.get("head.updates") - before >= 5
    head.click_play()
    head.wait("!head.playing")
    stopped = head.get("head.time")
    page.wait_for_timeout(300)
    assert head.get("head.time") == stopped

    assert [url for url in page.requests if not url.startswith(("file:", "blob:", "data:"))] == []
    assert page.errors == []


def test_the_mouth_moves_and_seeking_shows_the_moment(talk, open_file, heads):
    page = open_file(talk, viewport={"width": 720, "height": 640})
    head = heads(page)
    head.wait("head.updates > 0")
    times = [0.1, 0.3, 0.5, 0.7, 0.9]
    mouths = [head.pixels_at(t, MOUTH) for t in times]
    changes = [np.abs(a - b).mean() for a, b in pairwise(mouths)]
    assert max(changes) > 1
    assert np.abs(head.pixels_at(0.1, MOUTH) - mouths[0]).mean() < 0.2  # the same moment again
    assert np.abs(head.pixels_at(0.1, CORNER) - head.pixels_at(0.5, CORNER)).max() == 0
    # By mouse on the bar, and by keys.
    bar = page.locator(".th-seek")
    box = bar.bounding_box()
    bar.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    head.wait("Math.abs(head.time - 3) < 0.25")
    page.keyboard.press("Home")
    head.wait("head.time === 0")
    page.keyboard.press("ArrowRight")
    head.wait("Math.abs(head.time - 1) < 0.05")
    page.keyboard.press(".")
    head.wait("Math.abs(head.time - 1.04) < 0.005")
    page.keyboard.press("Space")
    head.wait("head.playing")


def test_speed_changes_the_pace_of_sound_and_head(talk, open_file, heads):
    page = open_file(talk)
    head = heads(page)
    head.wait("head.updates > 0")
    page.locator(".th-speed").select_option("0.5")
    head.click_play()
    head.wait("head.soundTime > 0.3")
    start = head.get("[head.soundTime, performance.now() / 1000]")
    page.wait_for_timeout(1500)
    end = head.get("[head.soundTime, performance.now() / 1000]")
    assert (end[0] - start[0]) / (end[1] - start[1]) == pytest.approx(0.5, abs=0.12)


def test_it_ends_and_starts_again(talk, open_file, heads):
    head = heads(open_file(talk))
    head.wait("head.updates > 0")
    head.act("head.seek(5.6)")
    head.click_play()
    head.wait("!head.playing && head.time > 5.9")
    head.click_play()
    head.wait("head.playing && head.time < 3")


def test_dragging_turns_the_head_and_the_wheel_leaves_the_page_alone(talk, open_file, heads):
    page = open_file(talk, viewport={"width": 720, "height": 640})
    head = heads(page)
    head.wait("head.updates > 0")
    first = head.pixels()
    yaw = head.get("head.look.yaw")
    box = page.locator(".th-canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 80, y, steps=3)
    page.mouse.up()
    assert head.get("head.look.yaw") == pytest.approx(yaw - 0.64, abs=0.01)
    page.mouse.move(x - 80, y, steps=2)  # no button: nothing turns
    assert head.get("head.look.yaw") == pytest.approx(yaw - 0.64, abs=0.01)
    assert np.abs(head.pixels() - first).mean() > 2
    page.mouse.wheel(0, 100)
    page.wait_for_timeout(200)
    assert head.get("head.look.zoom") == 1
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    head.wait("head.look.zoom > 1.1")


def test_it_follows_the_pages_theme(talk, open_file, heads):
    corners = []
    for scheme in ("light", "dark"):
        head = heads(open_file(talk, color_scheme=scheme))
        head.wait("head.updates > 0")
        assert head.get("head.dark") == (scheme == "dark")
        corners.append(head.pixels(CORNER).mean())
    assert corners[0] > 180
    assert corners[1] < 70


def test_a_lost_context_comes_back(talk, open_file, heads):
    page = open_file(talk)
    head = heads(page)
    head.wait("head.updates > 0")
    first = head.pixels_at(0.5, (0, 0, 1, 1))
    head.act("head.loseContext()")
    page.wait_for_timeout(500)
    again = head.pixels_at(0.5, (0, 0, 1, 1))
    assert np.abs(again - first).mean() < 0.5


def test_two_heads_stay_in_step(tmp_path, open_file, heads, babble, tone):
    path = tmp_path / "both.html"
    motions = [babble(100), babble(75, seed=5)]
    write_html(path, motions, tone(4), labels=["truth", "model"])
    page = open_file(path, viewport={"width": 900, "height": 600})
    head = heads(page)
    head.wait("head.updates > 0")
    assert head.get("head.heads") == 2
    assert page.locator(".th-labels span").all_inner_texts() == ["truth", "model"]
    head.click_play()
    head.wait("head.soundTime > 0.8")
    for _ in range(5):
        first, second = head.get("head.shownTimes")
        assert first == second
    head.act("head.pause()")
    picture = head.pixels()
    half = picture.shape[1] // 2
    assert picture[:, :half].std() > 15
    assert picture[:, half:].std() > 15


def test_without_sound_the_clock_still_runs(tmp_path, open_file, heads, babble):
    path = tmp_path / "silent.html"
    write_html(path, babble(50))
    head = heads(open_file(path))
    head.wait("head.updates > 0")
    assert head.get("head.soundTime") is None
    head.click_play()
    head.wait("head.time > 0.5")
    head.wait("!head.playing && head.time === 2")


def test_without_javascript_the_picture_stands(talk, browser):
    context = browser.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(talk.as_uri())
    poster = page.locator("#poster")
    assert poster.is_visible()
    assert "talking head" in poster.get_attribute("alt")
    context.close()


def test_without_webgl_the_picture_stands_and_the_sound_plays(talk, browser, heads):
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    page.goto(talk.as_uri())
    page.locator(".th-message:has-text('no 3D')").wait_for()
    assert page.locator("#poster").is_visible()
    head = heads(page)
    head.click_play()
    head.wait("head.soundTime > 0.3")
    context.close()


def test_with_webgl_the_picture_makes_room(talk, open_file, heads):
    page = open_file(talk)
    heads(page).wait("head.updates > 0")
    assert not page.locator("#poster").is_visible()
