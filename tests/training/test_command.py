"""What the command line hands to training."""

import json
from pathlib import Path
from typing import Any

import pytest

from talking_heads import corpus as corpora
from talking_heads import training
from talking_heads.cli import main
from talking_heads.corpus.clip import Corpus


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
    assert main(["train", "diff_speaker", "--data", "c", "--out", "o", "--seed", "3", *words]) == 0
    assert tuple(asked["without"]) == names
    assert (asked["name"], asked["seed"], asked["steps"]) == ("diff_speaker", 3, None)


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
