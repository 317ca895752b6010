import numpy as np
import pytest

from talking_heads.course.speak_box import speak_box
from talking_heads.errors import UserError
from talking_heads.face import Motion
from talking_heads.speech import SAMPLE_RATE


class Model:
    """A model that opens the mouth wider the more it hears."""

    speakers = ("ada", "ben")

    def __init__(self):
        self.heard = []

    def animate(self, audio, *, speaker=None):
        self.heard.append(speaker)
        frames = int(np.ceil(len(audio) / 640))
        return Motion(np.full((frames, 52), 0.2, np.float32), "coefficients", speaker=speaker)


@pytest.fixture
def box(monkeypatch):
    class Said:
        def __init__(self, text):
            self.audio = np.zeros(SAMPLE_RATE * max(len(text) // 10, 1), np.float32)

    def say(text, voice):
        if not text:
            raise UserError("There is no <text> to say.")
        return Said(text)

    monkeypatch.setattr("talking_heads.course.speak_box.synthesize", say)
    monkeypatch.setattr(
        "talking_heads.course.speak_box.play",
        lambda motion, speech, **options: play(motion, speech.audio, **options),
    )
    from talking_heads.view import play

    box = speak_box(Model(), "Hello there.", "ada")
    update = box.player.update
    box.player.update = lambda motion, speech, **options: update(motion, speech.audio, **options)
    return box


def test_it_speaks_at_once_and_says_so_in_words(box):
    assert box._model.heard == ["ada"]
    assert repr(box).startswith("A line to type in, a choice of voices, a button, and a head")
    assert '"Hello there."' in repr(box)
    bundle = box._repr_mimebundle_()
    assert bundle["text/plain"] == repr(box)
    assert bundle["image/png"].startswith("iVBOR")


def test_enter_says_the_new_sentence(box):
    box.text.value = "A much longer sentence, said by the same voice."
    assert box._model.heard == ["ada", "ada"]
    assert "4.0 s of speech" in box.status.value
    assert "A much longer sentence" in box.player.description


def test_another_voice_brings_its_own_style(box):
    box.voice.value = "ben"
    box.voice.value = "cleo"
    assert box._model.heard == ["ada", "ben", None], "a style that the model lacks is left out"


def test_the_button_does_not_say_the_same_twice(box):
    box.button.click()
    assert box._model.heard == ["ada"]
    assert not box.button.disabled


def test_a_text_that_cannot_be_said_leaves_the_head_and_tells_why(box):
    before = box.player.description
    box.text.value = ""
    assert "There is no &lt;text&gt; to say." in box.status.value
    assert "alert" in box.status.value
    assert box.player.description == before
    assert not box.button.disabled
    box.text.value = "Hello again."
    assert "seconds" not in box.status.value
    assert "Hello again." in box.player.description
