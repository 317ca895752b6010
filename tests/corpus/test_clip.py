from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from talking_heads.corpus import Clip, Corpus
from talking_heads.corpus.lazy import read_audio
from talking_heads.errors import UserError
from talking_heads.face import Motion


def motion(frames: int = 10) -> Motion:
    return Motion(np.zeros((frames, 52), np.float32), "coefficients")


def clip(name: str = "a", speaker: str = "ada") -> Clip:
    return Clip(name, speaker, np.zeros(6400, np.float32), (motion(),))


def corpus(**changes: object) -> Corpus:
    values = {
        "name": "toy",
        "clips": (clip("a"), clip("b", "ben"), clip("c")),
        "splits": {"train": ("c", "a"), "val": ("b",)},
        "speakers": ("ada", "ben"),
        "face_ids": {"ada": "head-01@low", "ben": "head-02@low"},
    }
    return Corpus(**{**values, **changes})  # type: ignore[arg-type]


def test_sequence_and_splits() -> None:
    toy = corpus()
    assert [item.id for item in toy] == ["a", "b", "c"]
    assert toy[1].speaker == "ben"
    assert [item.id for item in toy[1:]] == ["b", "c"]
    train = toy.split("train")
    assert [item.id for item in train] == ["c", "a"]
    assert train.speakers == toy.speakers
    assert train.clip("a") is toy.clip("a")
    assert toy.seconds == pytest.approx(1.2)
    assert toy.speaker_index("ben") == 1


def test_errors() -> None:
    toy = corpus()
    with pytest.raises(UserError, match="no split 'test'"):
        toy.split("test")
    with pytest.raises(UserError, match="no clip 'z'"):
        toy.clip("z")
    with pytest.raises(UserError, match="no speaker"):
        toy.speaker_index("zoe")
    with pytest.raises(UserError, match="same id"):
        corpus(clips=(clip("a"), clip("a")), splits={})
    with pytest.raises(UserError, match="no motion"):
        Clip("a", "ada", np.zeros(10, np.float32), ())
    with pytest.raises(UserError, match="differ in length"):
        Clip("a", "ada", np.zeros(10, np.float32), (motion(3), motion(4)))


def write_wav(path: Path, samples: np.ndarray, rate: int = 16_000, width: int = 2) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, width, rate, len(samples), "NONE", ""))
        file.writeframes(samples.astype(f"<i{width}").tobytes())


def test_wav_needs_no_library(tmp_path: Path) -> None:
    samples = np.array([0, 16384, -32768, 32767])
    write_wav(tmp_path / "a.wav", samples)
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav"), samples / 32768)
    write_wav(tmp_path / "b.wav", samples, rate=8000)
    with pytest.raises(UserError, match="16000 Hz mono"):
        read_audio(tmp_path / "b.wav")
    # Eight bits read as sixteen are noise, or half a sample too few.
    for count in (2, 3):
        write_wav(tmp_path / "d.wav", np.zeros(count), width=1)
        with pytest.raises(UserError, match="16 bits"):
            read_audio(tmp_path / "d.wav")
    (tmp_path / "c.wav").write_text("hello", "utf-8")
    with pytest.raises(UserError, match="Cannot read"):
        read_audio(tmp_path / "c.wav")


def test_a_corpus_shows_as_one_line() -> None:
    toy = corpus()
    assert repr(toy) == "<Corpus toy: 3 clips, 0.0 min, 2 speakers; train 2, val 1>"
    assert repr(toy[1]) == "<Clip b by ben: 10 frames of coefficients at 25 a second>"
    three = Clip("c", "ada", np.zeros(6400, np.float32), (motion(), motion()))
    assert repr(three).endswith("a second, 2 truths>")
