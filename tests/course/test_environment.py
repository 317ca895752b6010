"""The environment check says what is wrong and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from talking_heads.course import environment
from talking_heads.course.environment import Check, check_environment
from talking_heads.paths import data_dir


def test_a_check_is_one_line() -> None:
    good = Check("audio", True, "fine")
    bad = Check("audio", False, "cannot read MP3", "install something")
    assert str(good) == "ok    audio           fine"
    assert str(bad) == "FAIL  audio           cannot read MP3. To mend it: install something"


def test_a_broken_package_is_reported_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken() -> Check:
        raise OSError("libsndfile.so:\n cannot open shared object file")

    good = environment._check_python
    monkeypatch.setattr(environment, "_CHECKS", (("audio", broken), ("Python", good)))
    first, second = check_environment()
    assert not first.ok and second.ok
    assert "\n" not in str(first)
    assert "libsndfile.so: cannot open" in first.detail
    assert "make setup" in first.remedy


def test_a_missing_engine_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import talking_heads.speech

    monkeypatch.setattr(talking_heads.speech, "engine_status", lambda: None)
    check = environment._check_speech()
    assert not check.ok
    assert "[speech]" in check.remedy


def test_model_and_corpus_are_there() -> None:
    check = environment._check_data()
    assert check.ok
    assert "model diff_speaker" in check.detail and "640 clips" in check.detail


def test_a_lost_corpus_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "checkpoints").symlink_to(data_dir() / "checkpoints")
    monkeypatch.setenv("TALKING_HEADS_DATA", str(tmp_path))
    check = environment._check_data()
    assert not check.ok
    assert "git checkout" in check.remedy


def test_missing_data_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("TALKING_HEADS_DATA", str(tmp_path))
    check = environment._check_data()
    assert not check.ok
    assert "git checkout" in check.remedy
