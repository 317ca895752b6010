"""Life added by the player: the same as Python's, switched by a button, calm where asked for."""

from __future__ import annotations

import base64
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from talking_heads.export import write_html
from talking_heads.face import Motion, get_face, motion_vertices
from talking_heads.face.alive import enliven
from talking_heads.face.names import ARKIT_INDEX
from talking_heads.view.assets import script
from talking_heads.view.container import unpack
from talking_heads.view.encode import encode_motion

pytestmark = pytest.mark.browser

PAGE = """<!DOCTYPE html><meta charset="utf-8"><script type="module">{script}
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
window.Head = Head;
window.pose = (text, times, life) => {{
  const head = new Head(bytes(text));
  return times.map((time) => {{
    head.moveTo(time, life);
    return [[...head.positions], [...head.turning.vector]];
  }});
}};
</script>"""
PLAYING = {"strength": 1, "idle": 0, "idleTime": 0, "swayTime": 0}


@pytest.fixture
def talk(babble):
    """A mouth that moves in a face without blinks, gaze or head motion."""
    values = np.zeros((75, 52), np.float32)
    moving = babble(75).values
    for name in ("jawOpen", "mouthFunnel", "browInnerUp"):
        values[:, ARKIT_INDEX[name]] = moving[:, ARKIT_INDEX[name]]
    return Motion(values, "coefficients", face_id="neutral@low")


def posed(page, motion, frames, life, seed=0):
    """Return vertices and rotation vectors of some frames as the browser computes them."""
    data = base64.b64encode(encode_motion(motion, seed=seed).data).decode()
    answer = page.evaluate(
        "([data, times, life]) => pose(data, times, life)",
        [data, [frame / motion.fps for frame in frames], life],
    )
    vertices, vectors = zip(*answer, strict=True)
    return np.array(vertices).reshape(len(frames), -1, 3), np.array(vectors)


@pytest.fixture
def bare(tmp_path, open_file):
    path = tmp_path / "bare.html"
    path.write_text(PAGE.format(script=script()), "utf-8")
    return open_file(path)


def test_the_browser_turns_eyes_lids_and_head_as_python_does(bare, babble):
    motion = babble(60)
    rotation = np.random.default_rng(0).normal(0, 0.1, (60, 3)).astype(np.float32)
    motion = replace(motion, head_rotation=rotation)
    frames = [0, 7, 30, 7, 59]  # also back again
    vertices, vectors = posed(bare, motion, frames, {**PLAYING, "strength": 0})
    straight = motion_vertices(replace(motion, head_rotation=None))[frames]
    assert np.linalg.norm(vertices - straight, axis=2).max() < 1.02e-4
    wanted = Rotation.from_euler("YXZ", rotation[frames][:, [1, 0, 2]]).as_rotvec()
    assert vectors == pytest.approx(wanted, abs=1e-5)


def test_the_life_that_the_player_adds_is_that_of_enliven(bare, talk):
    lid = ARKIT_INDEX["eyeBlinkLeft"]
    seed = next(s for s in range(20) if enliven(talk, s).values[:, lid].max() > 0.9)
    alive = enliven(talk, seed)
    blink = int(np.argmax(alive.values[:, lid]))
    look = int(np.argmax(np.abs(alive.values - talk.values)[:, 8:16].sum(1)))
    frames = [0, blink, look, 74]
    vertices, vectors = posed(bare, talk, frames, PLAYING, seed)
    straight = motion_vertices(replace(alive, head_rotation=None))[frames]
    # Eyes that look up and down differ by the lids' share in the two ranges.
    assert np.linalg.norm(vertices - straight, axis=2).max() < 2.5e-4
    assert np.linalg.norm(straight - motion_vertices(talk)[frames], axis=2).max() > 2e-3
    wanted = Rotation.from_euler("YXZ", alive.head_rotation[frames][:, [1, 0, 2]]).as_rotvec()
    assert vectors == pytest.approx(wanted, abs=2e-4)


def test_the_idle_loop_blinks_with_open_eyes_between(bare, talk):
    times = np.arange(0, 28, 0.04)
    data = base64.b64encode(encode_motion(talk).data).decode()
    angles = np.array(
        bare.evaluate(
            """([data, times]) => {
              const life = { strength: 1, idle: 1 };
              const head = new Head(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)));
              return times.map((t) => {
                head.moveTo(0, { ...life, idleTime: t, swayTime: t });
                return [...head.turning.angles, ...head.turning.rotation];
              });
            }""",
            [data, times.tolist()],
        )
    )
    blinks = angles[:, 2]
    assert 3 <= ((blinks[1:] > 0.5) & (blinks[:-1] <= 0.5)).sum() <= 14
    assert np.median(blinks) < 0.05
    turned = np.degrees(angles[:, 10:])
    assert 0.5 < np.ptp(turned[:, 1]) < 20
    assert np.abs(np.diff(turned, axis=0)).max() < 2.5  # degrees from frame to frame


def test_a_slow_machine_waits_until_the_eyes_move(bare, talk):
    data = encode_motion(talk).data
    idle = unpack(data)[1]["idle"] * 1e-4
    waits = bare.evaluate(
        """(data) => {
          const head = new Head(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)));
          return Array.from({ length: 700 }, (_, k) => head.turning.untilLook(k / 25));
        }""",
        base64.b64encode(data).decode(),
    )
    eyes = np.concatenate([idle[:, :3], idle[:, :3]])
    for start in range(0, 700, 9):
        still = eyes[start : start + round(waits[start] * 25) + 1]
        assert not np.ptp(still[:, 0])
        assert np.abs(np.diff(still[:, 1:], axis=0)).max(initial=0) <= 0.0301
    # Much less often than a picture each fortieth of a second.
    assert 0.3 < np.mean(waits) < 5


@pytest.fixture
def quiet_page(tmp_path, talk, tone):
    def make(alive):
        path = tmp_path / f"alive-{alive}.html"
        write_html(path, talk, tone(3), alive=alive)
        return path

    return make


def test_without_life_nothing_moves_at_rest_and_a_button_changes_that(quiet_page, open_file, heads):
    page = open_file(quiet_page(False), viewport={"width": 480, "height": 480})
    head = heads(page)
    head.wait("head.updates > 0")
    page.wait_for_timeout(700)
    updates = head.get("head.updates")
    page.wait_for_timeout(1200)
    assert head.get("head.updates") == updates
    assert not np.any(head.get("head.angles[0]"))
    button = page.locator(".th-alive")
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    head.wait("head.strength === 1")
    head.wait(f"head.updates > {updates} + 5", 40)
    assert np.any(head.get("head.angles[0]"))
    head.act("head.seek(1)")
    page.keyboard.press("a")  # the key does what the button does
    head.wait("head.strength === 0")
    head.wait("head.angles[0].every((angle) => angle === 0)")
    assert page.errors == []


def test_from_idling_to_playing_and_back_without_a_jump(quiet_page, open_file, heads):
    page = open_file(quiet_page(True), viewport={"width": 480, "height": 480})
    head = heads(page)
    head.wait("head.strength === 1 && head.idle === 1")
    head.click_play()
    head.wait("head.idle === 0 && head.playing")
    head.wait("!head.playing && head.idle === 1")
    assert page.errors == []


def test_who_wants_less_motion_gets_no_idle(quiet_page, open_file, heads):
    page = open_file(quiet_page(True), reduced_motion="reduce")
    head = heads(page)
    head.wait("head.updates > 0")
    assert head.get("head.alive") is False
    page.locator(".th-alive").click()  # asked for: then life plays with the sound, but never idles
    page.wait_for_timeout(700)
    updates = head.get("head.updates")
    page.wait_for_timeout(1200)
    assert head.get("head.updates") == updates
    head.click_play()
    head.wait("head.time > 0.8")
    assert head.get("head.idle") == 0
    assert np.any(head.get("head.angles[0].slice(10)"))


def test_sliders_have_no_such_button(tmp_path, open_file, heads):
    from talking_heads.view.encode import encode_face

    data = base64.b64encode(encode_face(get_face("neutral@low"))).decode()
    path = tmp_path / "face.html"
    path.write_text(
        f"<!DOCTYPE html><meta charset='utf-8'><div id='x'></div><script type='module'>{script()}\n"
        f"createPlayer(document.getElementById('x'), {{ seconds: 0, height: 200, heads: "
        f"[Uint8Array.from(atob('{data}'), (c) => c.charCodeAt(0))] }});</script>",
        "utf-8",
    )
    page = open_file(path)
    heads(page).wait("head.updates > 0")
    assert not page.locator(".th-alive").is_visible()
    assert page.errors == []
