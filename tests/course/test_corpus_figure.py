from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from talking_heads.corpus import Clip, Corpus
from talking_heads.course.corpus_figure import (
    _moments,
    check_picture_target,
    corpus_picture,
    describe_corpus_picture,
    save_corpus_picture,
)
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, Motion, get_face
from talking_heads.speech import Phoneme

TEXT = "Pop a mop."


def make_clip(name, speaker, babble, tone, text=TEXT, frames=50, phonemes=True):
    truths = tuple(babble(frames, seed=seed) for seed in range(2))
    sounds = [Phoneme("", 0.0, 0.2), *(Phoneme("p", 0.2 + i / 5, 0.4 + i / 5) for i in range(8))]
    sounds.append(Phoneme("", 1.8, 2.0))
    return Clip(name, speaker, tone(frames / 25), truths, text, tuple(sounds) if phonemes else ())


@pytest.fixture(scope="module")
def corpus(babble, tone):
    clips = [
        make_clip("ada-1", "ada", babble, tone, "Something else."),
        make_clip("ada-2", "ada", babble, tone),
        make_clip("ben-2", "ben", babble, tone),
        make_clip("slt-2", "slt", babble, tone),
        make_clip("ben-3", "ben", babble, tone, "Alone."),
        make_clip("ben-4", "ben", babble, tone, phonemes=False),
    ]
    speakers = ("ada", "ben", "slt")
    faces = dict.fromkeys(speakers, "neutral@low")
    return Corpus("small", tuple(clips), {"all": tuple(c.id for c in clips)}, speakers, faces)


@pytest.fixture(scope="module")
def figure(corpus):
    return corpus_picture(corpus, resolution="low")


def test_it_picks_one_sentence_and_speakers_of_two_engines(corpus, figure):
    titles = [axes.get_title() for axes in figure.axes]
    assert [t for t in titles if t] == ["ada (espeak-ng)", "slt (flite)"]
    assert TEXT in figure.get_suptitle()
    words = describe_corpus_picture(corpus)
    assert TEXT in words
    assert "ada in 2.0 s" in words
    assert "slt in 2.0 s" in words
    assert words.count("“") == 1


def test_curves_are_those_of_the_clips(corpus):
    figure = corpus_picture(corpus, ["ben-2", "ada-2"], resolution="low")
    clip = corpus.clip("ben-2")
    gaps = next(a for a in figure.axes if a.get_ylabel() == "mm")
    face = get_face("neutral@low")
    drawn = [line.get_ydata() for line in gaps.lines if len(line.get_ydata()) == len(clip)]
    assert len(drawn) == len(clip.truths)
    for values, truth in zip(drawn, clip.truths, strict=True):
        assert values == pytest.approx(1000 * face.aperture(truth.values))
    borders = next(a for a in figure.axes if a.get_ylabel() == "kHz")
    places = {round(float(line.get_xdata()[0]), 3) for line in borders.lines}
    assert {round(p.start, 3) for p in clip.phonemes[1:]} <= places
    assert {"p"} == {text.get_text() for text in borders.texts}


def test_the_faces_show_round_wide_and_shut_lips(tone):
    values = np.zeros((50, 52), np.float32)
    values[20:23, ARKIT_INDEX["jawOpen"]] = 0.7
    values[38:41, ARKIT_INDEX["jawOpen"]] = 0.6
    values[28:31, ARKIT_INDEX["mouthPucker"]] = 0.8
    values[29, ARKIT_INDEX["mouthPucker"]] = 0.9
    motion = Motion(values, "coefficients", face_id="neutral@low")
    clip = Clip("a", "ada", tone(2), (motion,), "x", (Phoneme("p", 0.2, 1.8),))
    aperture = get_face("neutral@low").aperture(values)
    picks = _moments(clip, aperture)
    assert picks == sorted(picks)
    assert len(set(picks)) == 5
    assert {21, 29, 39} <= set(picks)
    assert sum(aperture[k] < 1e-4 for k in picks if k != 29) == 2


def test_the_file_is_a_small_jpeg(figure, tmp_path):
    path = tmp_path / "corpus.jpg"
    save_corpus_picture(figure, path)
    data = path.read_bytes()
    assert len(data) < 200_000
    picture = Image.open(io.BytesIO(data))
    assert picture.format == "JPEG"
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert pixels.shape[1] > 1200
    assert pixels[:4].min() > 235  # paper, on which dark ink can be read whatever the theme
    with pytest.raises(UserError):
        save_corpus_picture(figure, tmp_path / "no" / "x.jpg")


def test_a_picture_with_another_ending_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"name it x\.jpg, not x\.png"):
        check_picture_target(tmp_path / "x.png")
    assert check_picture_target(tmp_path / "X.JPEG").name == "X.JPEG"


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        (["ada-1"], "two clips, not 1"),
        (["ada-1", "none"], "no clip"),
        (["ada-1", "ben-4"], "lacks phonemes"),
    ],
)
def test_what_cannot_be_shown_is_told(corpus, ids, words):
    with pytest.raises(UserError, match=words):
        corpus_picture(corpus, ids)


def test_a_corpus_without_shared_sentences_is_told(babble, tone):
    clip = make_clip("a", "ada", babble, tone)
    lonely = Corpus("lonely", (clip,), {"all": ("a",)}, ("ada",), {"ada": "neutral@low"})
    with pytest.raises(UserError, match="No two speakers"):
        corpus_picture(lonely)
