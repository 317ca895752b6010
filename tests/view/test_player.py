from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from talking_heads.errors import UserError
from talking_heads.face import Motion, get_face, motion_vertices
from talking_heads.view import Player, explore, play
from talking_heads.view.assets import script, style
from talking_heads.view.container import unpack
from talking_heads.view.content import make_content


def bundle_of(view):
    data, _ = view._repr_mimebundle_()
    return data


def test_the_bundle_has_a_view_words_and_a_picture(babble, tone):
    player = play(babble(50), tone(2), title="Hello")
    data = bundle_of(player)
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"] == player.description == repr(player)
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("L"))
    assert picture.std() > 10
    assert len(player.still) < 60_000


def test_the_description_says_what_is_shown_and_is_the_same_every_time(babble, tone):
    motion = replace(babble(50), speaker="ada")
    words = play(motion, tone(2.4), title="Hello").description
    assert words == play(motion, tone(2.4), title="Hello").description
    widest = get_face("neutral@low").lip_aperture(motion_vertices(motion)).max() * 1000
    assert words == (
        'A talking head "Hello", 2.4 s with sound: face neutral@low, 50 frames at 25 a second, '
        f"speaker ada, lips open up to {widest:.0f} mm."
    )
    assert not re.search(r"0x[0-9a-f]{6,}", words)


def test_two_heads_stand_side_by_side(babble):
    player = play([babble(50), babble(40, seed=1)], labels=["truth", "model"])
    assert len(player.content["heads"]) == 2
    assert player.content["seconds"] == 2.0
    assert player.description.startswith("2 talking heads side by side, 2.0 s without sound")
    assert "truth: face" in player.description
    one = Image.open(io.BytesIO(play(babble(50)).still))
    assert Image.open(io.BytesIO(player.still)).width == 2 * one.width


def test_update_swaps_everything_in_place(babble, tone):
    player = play(babble(50), tone(2), title="first", height=300)
    heads, words = player.content["heads"], player.description
    sent = []
    player.observe(sent.append, "content")
    player.update(babble(75, seed=3), tone(3, 330), title="second")
    assert len(sent) == 1  # one message, so the browser never mixes old sound and new motion
    assert player.content["heads"] != heads
    assert player.content["seconds"] == 3.0
    assert player.content["height"] == 300
    assert player.description != words
    assert "second" in player.description


def test_sound_lasts_as_long_as_the_motion(babble, tone):
    content = make_content(babble(50), tone(0.5))
    assert content.seconds == 2.0
    assert len(content.sound) == 44 + 2 * 32_000


def test_a_minute_costs_less_than_ten_megabytes(babble, tone):
    content = make_content(babble(1500, face_id="neutral@medium"), tone(60))
    size = sum(len(head.data) for head in content.heads) + len(content.sound)
    assert size * 4 / 3 < 10_000_000
    assert content.heads[0].max_error <= 1e-4


def test_the_aperture_of_vertices_is_that_of_the_coefficients(babble):
    motion = babble(40)
    offsets = motion_vertices(motion) - get_face("neutral@low").vertices
    other = Motion(offsets, "vertices", face_id="neutral@low")
    mm = re.compile(r"up to (\d+) mm")
    assert mm.search(play(other).description)[1] == mm.search(play(motion).description)[1]


def test_a_motion_of_the_skin_alone_plays(babble):
    motion = babble(40)
    face = get_face("neutral@low")
    offsets = (motion_vertices(motion) - face.vertices)[:, face.parts["skin"]]
    player = play(Motion(offsets, "vertices", face_id="neutral@low"))
    mm = re.compile(r"up to (\d+) mm")
    assert mm.search(player.description)[1] == mm.search(play(motion).description)[1]


def test_life_is_an_option_that_the_viewer_can_switch(babble):
    motion = babble(20)
    assert play(motion).content["alive"] is False
    player = play(motion, alive=True)
    assert player.content["alive"] is True
    player.update(babble(25))
    assert player.content["alive"] is True
    # Each head has a life of its own: two that blink together look like puppets.
    lives = [unpack(head)[1]["idle"] for head in play([motion, motion]).content["heads"]]
    assert not np.array_equal(*lives)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"motion": []}, "1 to 4 heads"),
        ({"labels": ["a", "b"]}, "as many labels"),
        ({"audio": [np.nan]}, "not finite"),
    ],
)
def test_what_does_not_fit_together_is_refused(babble, arguments, words):
    with pytest.raises(UserError, match=words):
        play(**{"motion": babble(5), **arguments})


def test_a_failed_update_leaves_the_player_as_it_was(babble, tone):
    player = play(babble(20), tone(1))
    before = player.content
    with pytest.raises(UserError):
        player.update(babble(20), np.array([np.inf]))
    assert player.content is before


def test_the_script_is_one_module_without_imports():
    text = script()
    assert not re.search(r"^import ", text, re.MULTILINE)
    assert text.count("export default") == 1
    for name in ("class Head ", "class Scene ", "class Player "):
        assert text.count(name) == 1
    # Nothing in the page may ask the network for anything.
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|fetch\(|XMLHttp", text + style())
    assert "</script" not in text
    assert "</style" not in style()
    assert Player._esm == text


def test_export_does_not_wait_for_widgets_or_torch():
    code = (
        "import sys, talking_heads.view, talking_heads.export; "
        "print([m for m in ('anywidget', 'ipywidgets', 'k3d', 'torch', 'matplotlib', 'PIL') "
        "if m in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_a_failed_update_keeps_the_title(babble, tone):
    player = play(babble(20), tone(1), title="old")
    with pytest.raises(UserError):
        player.update(babble(20), np.array([np.inf]), title="new")
    player.update(babble(20), tone(1))
    assert player.content["title"] == "old"


def test_half_characters_in_words_do_no_harm(babble):
    player = play(babble(5), title="a\ud800b", labels=["\udfff"], caption="\ud83d\ude00 \ud800")
    assert player.content["title"] == "a\ufffdb"
    assert player.content["labels"] == ["\ufffd"]
    assert player.content["caption"] == "\U0001f600 \ufffd"
    player.description.encode("utf-8")


@pytest.mark.parametrize("make", [lambda motion: play(motion), lambda _: explore("neutral@low")])
def test_a_cell_keeps_the_still_apart_from_the_widget(babble, monkeypatch, make):
    # JupyterLab shows nothing of an output whose widget is gone.
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    view = make(babble(5))
    view._ipython_display_()
    still, widget = shown
    assert set(still) == {"text/plain", "image/png"}
    assert set(widget) == {"application/vnd.jupyter.widget-view+json"}
    assert still["text/plain"] == repr(view)
    head = getattr(view, "head", view)
    assert len(head.mark) == 64
    assert still["image/png"].endswith(head.mark)
