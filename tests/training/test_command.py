"""What the command line hands to training."""

import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from talking_heads import corpus as corpora
from talking_heads import training
from talking_heads.cli import main
from talking_heads.corpus.collection import Corpus
from talking_heads.models import MODELS, ConvRegressorConfig


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    given: dict[str, Any] = {}

    def train(name: str, **options: Any) -> Path:
        given.update(options, name=name)
        return tmp_path

    monkeypatch.setattr(training, "train", train)
    return given


@pytest.mark.parametrize(
    ("words", "names"),
    [((), ()), (("--without", "slt,rms"), ("slt", "rms")), (("--without", " ada , "), ("ada",))],
)
def test_speakers_left_out(
    asked: dict[str, Any], words: tuple[str, ...], names: tuple[str, ...]
) -> None:
    for system in MODELS:
        assert main(["train", system, "--data", "c", "--out", "o", "--seed", "3", *words]) == 0
        assert tuple(asked["without"]) == names
        assert (asked["name"], asked["seed"], asked["steps"]) == (system, 3, None)


def test_what_to_do_with_what_was_trained(
    asked: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hints = {"diff_speaker": f"--model {tmp_path}", "graph_vqvae": f'load_prior("{tmp_path}")'}
    for system, hint in hints.items():
        assert main(["train", system, "--data", "c", "--out", "o"]) == 0
        assert capsys.readouterr().out.rstrip().endswith(hint)


def test_names_that_name_nothing_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    # As if they were not given, all speakers would be learnt.
    with pytest.raises(SystemExit) as stopped:
        main(["train", "diff_speaker", "--data", "x", "--out", "y", "--without", " , "])
    assert stopped.value.code == 2
    assert "' , ' names nothing" in capsys.readouterr().err


def test_the_help_names_all_systems(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    told = capsys.readouterr().out
    assert all(system in told for system in MODELS)


def test_a_trained_regressor_animates(
    corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, sound = tmp_path / "model", tmp_path / "sound.wav"
    training.train(
        "conv_regressor", data=corpus, out=model, progress=False, evaluate=False,
        config=ConvRegressorConfig(width=4, hidden=4, codes=4),
        settings=training.TrainConfig(steps=2, batch=2, crop=20),
    )  # fmt: skip
    with wave.open(str(sound), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(np.zeros(16_000, "<i2").tobytes())
    words = ["animate", str(sound), "--model", str(model), "--out", str(tmp_path / "talk.npz")]
    assert main([*words, "--speaker", "ben", "--quiet"]) == 0
    assert len(np.load(tmp_path / "talk.npz")["coefficients"]) == 25
    assert main([*words, "--steps", "5", "--quiet"]) == 2
    assert "no denoising steps" in capsys.readouterr().err


def test_limits_of_a_corpus(
    corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(corpora, "load_corpus", lambda path: corpus)
    out = tmp_path / "limits.json"
    words = ["corpus", "limits", "anywhere", "--clips", "1", "--quiet"]
    assert main([*words, "--out", str(out)]) == 0
    figures = json.loads(out.read_text())["splits"]["test_unseen"]
    assert figures["ridge"]["clips"] == 1 and figures["mean_face"]["aperture_correlation"] == 0
    assert "test_unseen (1 clips)" in capsys.readouterr().out
    # A place that cannot be written to is refused before the work.
    assert main([*words, "--out", str(tmp_path / "no" / "limits.json")]) == 2
    assert "does not exist" in capsys.readouterr().err
