"""The boxes of notebook 01: browsing, four speakers, and a typed sentence."""

import dataclasses

import numpy as np
import pytest

from talking_heads.corpus import load_corpus
from talking_heads.course.articulation_box import articulated, articulation_box
from talking_heads.course.chorus_box import chorus_box
from talking_heads.course.corpus_box import corpus_box, scanned_motion
from talking_heads.errors import UserError
from talking_heads.face import Motion
from talking_heads.speech import Phoneme, Speech


@pytest.fixture(scope="module")
def corpus():
    return load_corpus()


@pytest.fixture(scope="module")
def box(corpus):
    return corpus_box(corpus, "test_seen", "ada")


def by(corpus, *names, starts="Humming"):
    return [
        next(clip for clip in corpus if clip.speaker == name and clip.text.startswith(starts))
        for name in names
    ]


def test_browsing_begins_at_the_first_clip(box):
    assert box.clip.speaker == "ada"
    assert "speaker ada" in repr(box) and "Curves of the gap" in repr(box)
    bundle = box._repr_mimebundle_()
    assert bundle["text/plain"] == repr(box)
    assert bundle["image/png"].startswith("iVBOR")


def test_each_menu_offers_what_the_others_leave(corpus, box):
    box.split.value = "test_unseen"
    assert box.speaker.options == ("maya", "noah", "awb", "kal16")
    assert len(box.sentence.options) == 40
    box.split.value = "train"
    assert len(box.take.options) == 1
    box.split.value = "test_seen"
    assert len(box.take.options) == 3
    assert box.clip.id in corpus.splits["test_seen"]


def test_another_take_moves_otherwise_and_says_the_same(box):
    box.take.value = 0
    before = [curve["values"] for curve in box.curves.content["panels"][1]["curves"]]
    signs = box.curves.content["phonemes"]
    box.take.value = 1
    after = [curve["values"] for curve in box.curves.content["panels"][1]["curves"]]
    assert before != after and box.curves.content["phonemes"] == signs
    assert "3 true motions" in box.status.value


def test_the_scanned_view_shows_the_surface_with_its_noise(corpus, box):
    clip = box.clip
    motion = scanned_motion(clip, 1)
    assert (motion.kind, motion.fps) == ("vertices", 25)
    plain = clip.vertices("medium", truth=1, part="all", noise=False)
    noise = np.linalg.norm(motion.values - plain, axis=2)
    assert 0 < noise.mean() < 0.0005
    box.view.value = "surface as scanned"
    assert "face head-" in box.player.description
    box.view.value = "coefficients"


def test_what_cannot_be_browsed_is_told(corpus):
    with pytest.raises(UserError, match="no split"):
        corpus_box(corpus, "nowhere")
    empty = dataclasses.replace(corpus, splits={"none": ()})
    with pytest.raises(UserError, match="empty"):
        corpus_box(empty, "none")
    still = Motion(np.zeros((5, 3, 3)), "vertices", face_id="x@mesh")
    clip = dataclasses.replace(corpus[0], truths=(still,))
    with pytest.raises(UserError, match="coefficients"):
        corpus_box(dataclasses.replace(corpus, clips=(clip,), splits={"all": (clip.id,)}), "all")


def test_one_is_heard_and_all_are_seen(corpus):
    clips = by(corpus, "ada", "hugo", "kal16")
    box = chorus_box(clips)
    assert [len(motion) for motion in box.motions()] == [len(clip) for clip in clips]
    assert "You hear ada" in box.status.value and "own pace" in box.status.value
    box.heard.value = 2
    assert "You hear kal16" in box.status.value
    assert box.curves.content["phonemes"][3][0] == clips[2].phonemes[3].symbol
    box.stretch.value = True
    assert {len(motion) for motion in box.motions()} == {len(clips[2])}
    assert box.motions()[2] is clips[2].motion
    assert "stretched to this voice" in box.status.value
    assert len(box.player.content["heads"]) == 3
    assert "Buttons choose who is heard (ada, hugo, kal16)" in repr(box)


def test_a_chorus_needs_one_sentence_and_several_people(corpus):
    clips = by(corpus, "ada", "hugo")
    with pytest.raises(UserError, match="Two to 4"):
        chorus_box(clips[:1])
    with pytest.raises(UserError, match="one sentence"):
        chorus_box([clips[0], by(corpus, "hugo", starts="Bobby")[0]])
    with pytest.raises(UserError, match="one sentence"):
        chorus_box([clips[0], clips[0]])
    with pytest.raises(UserError, match="phonemes"):
        chorus_box([clips[0], dataclasses.replace(clips[1], phonemes=())])


def said(text, voice):
    if not text:
        raise UserError("There is no <text> to say.")
    phonemes = [Phoneme("", 0, 0.2)]
    for symbol in ("t", "uː" if "two" in text else "iː"):
        end = phonemes[-1].end
        phonemes.append(Phoneme(symbol, end, end + 0.2))
    phonemes.append(Phoneme("", 0.6, 1.0))
    return Speech(np.zeros(16_000, np.float32), tuple(phonemes), text, voice)


@pytest.fixture
def typing(monkeypatch):
    monkeypatch.setattr("talking_heads.course.articulation_box.synthesize", said)
    return articulation_box("tea", "ben")


def test_a_typed_sentence_is_articulated(typing):
    assert "speaker ben" in repr(typing)
    names = [curve["name"] for curve in typing.curves.content["panels"][1]["curves"]]
    assert names == ["jaw", "rounding", "spread"]
    flat = max(typing.curves.content["panels"][1]["curves"][1]["values"])
    typing.text.value = "two"
    rounded = max(typing.curves.content["panels"][1]["curves"][1]["values"])
    assert flat < 0.1 < 0.3 < rounded
    assert "1.0 s of speech" in typing.status.value


def test_another_take_articulates_otherwise(typing):
    before = typing.curves.content["panels"]
    typing.take.value = 2
    assert typing.curves.content["panels"] != before


def test_what_cannot_be_said_leaves_the_head_and_tells_why(typing):
    before = typing.description
    typing.text.value = " "
    assert "no &lt;text&gt; to say" in typing.status.value and "alert" in typing.status.value
    assert typing.description == before


def test_the_articulation_is_the_speakers_own():
    motion = articulated(said("two", "cleo"))
    assert motion.face_id == "head-03@medium"
    assert np.abs(motion.values - articulated(said("two", "ben")).values).max() > 0.02
    assert np.abs(motion.values - articulated(said("two", "cleo"), 1).values).max() > 0.02
