"""What the command line hands to training."""

from pathlib import Path
from typing import Any

import pytest

from talking_heads import training
from talking_heads.cli import main


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
