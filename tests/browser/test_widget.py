"""Several players on one page, as a notebook has them: made, updated, posed and removed."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from talking_heads.face import get_face
from talking_heads.view.assets import script, style
from talking_heads.view.content import make_content
from talking_heads.view.encode import encode_face, encode_pose

from .conftest import wait_until

pytestmark = pytest.mark.browser

PAGE = """<!DOCTYPE html><meta charset="utf-8"><style>{style}</style>
<body style="color:#111;width:360px"><script type="module">{script}
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const decoded = (content) => ({{
  ...content, heads: content.heads.map(bytes), sound: content.sound && bytes(content.sound),
}});
window.players = [];
window.add = (content) => {{
  const place = document.createElement("div");
  document.body.append(place);
  const player = createPlayer(place, decoded(content));
  players.push({{ place, player }});
}};
window.change = (index, content) => players[index].player.update(decoded(content));
window.pose = (index, text) => players[index].player.pose(bytes(text));
window.remove = (index) => {{ players[index].player.dispose(); players[index].place.remove(); }};
</script></body>
"""


def text(data):
    return base64.b64encode(data).decode()


def as_json(content, **more):
    return {
        "heads": [text(head.data) for head in content.heads],
        "sound": text(content.sound) if content.sound else None,
        "seconds": content.seconds,
        "title": content.title,
        "description": content.description,
        "height": 260,
        **more,
    }


@pytest.fixture
def page(tmp_path, open_file):
    path = tmp_path / "players.html"
    path.write_text(PAGE.format(style=style(), script=script()), "utf-8")
    return open_file(path, viewport={"width": 480, "height": 700})


@pytest.fixture(scope="module")
def contents(babble, tone):
    return [
        as_json(make_content(babble(100), tone(4), title="first")),
        as_json(make_content(babble(75, seed=4), tone(3, 330), title="second")),
    ]


def test_two_players_are_independent(page, heads, contents):
    page.evaluate("(all) => all.forEach(add)", contents)
    first, second = heads(page, 0), heads(page, 1)
    first.wait("head.updates > 0")
    second.wait("head.updates > 0")
    first.click_play()
    first.wait("head.time > 0.5")
    assert second.get("[head.playing, head.time]") == [False, 0]
    second.act("head.seek(2)")
    second.click_play()
    second.wait("head.time > 2.2")
    assert first.get("head.playing")
    first.act("head.pause()")
    assert second.get("head.playing")
    labels = page.locator(".talking-head").evaluate_all(
        "all => all.map(e => e.getAttribute('aria-label'))"
    )
    assert labels == ["first", "second"]


def test_update_swaps_in_place(page, heads, contents):
    page.evaluate("(all) => add(all[0])", contents)
    head = heads(page)
    head.wait("head.updates > 0")
    head.click_play()
    head.wait("head.shownTimes[0] > 0.3")
    page.evaluate("(all) => change(0, all[1])", contents)
    assert head.get("[head.playing, head.time, head.seconds]") == [False, 0, 3]
    # What was last drawn lay beyond 0.3 s; a count of updates could already hold the new one.
    head.wait("head.shownTimes[0] === 0")
    assert head.pixels().std() > 15
    assert page.locator("canvas").count() == 1
    head.click_play()
    head.wait("head.soundTime > 0.3")
    assert page.errors == []


def test_a_pose_from_the_kernel_shows(page, heads):
    face = get_face("neutral@low")
    page.evaluate(
        "(content) => add(content)",
        {"heads": [text(encode_face(face))], "seconds": 0, "height": 260},
    )
    head = heads(page)
    head.wait("head.updates > 0")
    assert not page.locator(".th-controls").is_visible()
    page.wait_for_timeout(400)
    rest = head.pixels()
    coefficients = np.zeros(52, np.float32)
    coefficients[17] = 0.9  # jawOpen
    pose = encode_pose(face, face.pose(coefficients).reshape(-1, 3))
    page.evaluate("(data) => pose(0, data)", text(pose))
    page.wait_for_timeout(400)
    assert np.abs(head.pixels() - rest).mean() > 0.3
    page.evaluate("(data) => pose(0, data)", text(encode_pose(face, face.vertices)))
    page.wait_for_timeout(400)
    assert np.abs(head.pixels() - rest).mean() < 0.05


def test_the_theme_follows_what_lies_behind(page, heads, contents):
    page.evaluate("(all) => add(all[0])", contents)
    head = heads(page)
    head.wait("head.updates > 0")
    assert head.get("head.dark") is False
    page.evaluate("document.body.style.background = '#111'")
    head.wait("head.dark")
    page.evaluate("document.body.style.background = '#fff'")
    head.wait("!head.dark")


def test_more_players_than_contexts_and_removal(page, heads, contents):
    # Browsers keep some 16 WebGL contexts; a long notebook may show more players than that.
    for _ in range(20):
        page.evaluate("(content) => add(content)", contents[0])
    for index in (0, 10, 19, 0):
        head = heads(page, index)
        head.show()
        updates = head.get("head.updates")
        head.act("head.seek(head.time + 0.2)")
        head.wait(f"head.updates > {updates}")
        page.wait_for_timeout(300)
        assert head.pixels().std() > 15, f"player {index} is empty"
    heads(page, 0).act("head.play()")
    page.evaluate("remove(0)")
    page.wait_for_timeout(200)
    assert page.locator(".talking-head").count() == 19
    assert page.errors == []


def test_a_sound_that_cannot_be_played_is_said_and_forgotten(page, heads, contents):
    broken = {**contents[0], "sound": text(b"no sound at all")}
    page.evaluate("(content) => add(content)", broken)
    head = heads(page)
    message = page.locator(".th-message")
    message.wait_for()
    head.click_play()
    head.wait("head.time > 0.2 && head.soundTime === null")
    # Late news of the broken sound must not silence its successor.
    page.evaluate("(all) => { change(0, all[0]); change(0, all[1]); }", [broken, contents[1]])
    page.wait_for_timeout(300)
    assert head.get("head.soundTime") == 0
    assert not message.is_visible()


def test_a_replaced_canvas_has_no_say(page, heads, contents):
    page.evaluate("(all) => add(all[0])", contents)
    head = heads(page)
    head.wait("head.updates > 0")
    page.evaluate("window.old = document.querySelector('canvas')")
    page.evaluate("(all) => change(0, all[1])", contents)
    wait_until(lambda: page.evaluate("document.querySelector('canvas') !== old"), "a fresh canvas")
    page.wait_for_timeout(400)
    page.evaluate(
        "window.fresh = document.querySelector('canvas');"
        "old.dispatchEvent(new Event('webglcontextlost', { cancelable: true }))"
    )
    page.wait_for_timeout(500)
    assert page.evaluate("document.querySelector('canvas') === fresh")


def test_a_player_out_of_sight_takes_no_context(page, heads, contents):
    page.evaluate(
        "window.taken = 0; const get = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (...all) {"
        " window.taken += 1; return get.apply(this, all); };"
        "document.body.style.paddingTop = '3000px'"
    )
    page.evaluate("(all) => add(all[0])", contents)
    page.wait_for_timeout(500)
    assert page.evaluate("window.taken") == 0
    head = heads(page)
    head.show()
    head.wait("head.updates > 0")
    assert page.evaluate("window.taken") == 1


def test_slow_poses_are_no_sign_of_a_slow_machine(page, heads):
    face = get_face("neutral@low")
    page.evaluate(
        "(content) => add(content)",
        {"heads": [text(encode_face(face))], "seconds": 0, "height": 60},
    )
    head = heads(page)
    head.wait("head.updates > 0")
    page.wait_for_timeout(500)
    level = head.get("head.level")
    coefficients = np.zeros(52, np.float32)
    for step in range(16):
        coefficients[17] = step / 20
        pose = encode_pose(face, face.pose(coefficients).reshape(-1, 3))
        page.evaluate("(data) => pose(0, data)", text(pose))
        page.wait_for_timeout(120)
    assert head.get("head.level") == level == 0
