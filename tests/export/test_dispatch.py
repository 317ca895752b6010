from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from talking_heads.errors import UserError
from talking_heads.export import atomic_write, check_output, write_motion


def test_the_suffix_decides(tmp_path, babble, tone):
    write_motion(tmp_path / "a.HTML", babble(5), tone(0.2), title="t")
    assert (tmp_path / "a.HTML").read_text("utf-8").startswith("<!DOCTYPE html>")
    write_motion(str(tmp_path / "a.npz"), babble(5), tone(0.2), title="t")
    assert len(np.load(tmp_path / "a.npz")["fps"].shape) == 0


@pytest.mark.parametrize("name", ["talk.mp4", "talk", "html", "talk.html.gz", ".html"])
def test_unknown_suffixes_are_refused(tmp_path, babble, name):
    with pytest.raises(UserError, match=r"\.html .*\.npz"):
        write_motion(tmp_path / name, babble(5))
    assert list(tmp_path.iterdir()) == []


def test_places_where_no_file_can_stand_are_refused(tmp_path, babble):
    with pytest.raises(UserError, match="does not exist; create it first"):
        write_motion(tmp_path / "no" / "talk.html", babble(5))
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(UserError, match="is a folder"):
        write_motion(tmp_path / "folder.html", babble(5))


def test_an_input_is_never_overwritten(tmp_path):
    source = tmp_path / "a.npz"
    source.write_bytes(b"x")
    with pytest.raises(UserError, match="is the input"):
        check_output(source, inputs=[tmp_path / "." / "a.npz"])
    assert check_output(tmp_path / "b.npz", inputs=[source]) == tmp_path / "b.npz"


def test_messages_are_short(tmp_path):
    for name in ("x.mp4", "no/x.html"):
        with pytest.raises(UserError) as caught:
            check_output(tmp_path / name)
        assert str(caught.value).count("\n") < 3


def test_atomic_write_replaces_only_when_all_is_written(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(KeyError), atomic_write(path) as file:
        file.write(b"half")
        raise KeyError
    assert path.read_bytes() == b"old"
    with atomic_write(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
    if os.name == "posix":
        fresh = tmp_path / "fresh"
        fresh.touch()
        assert path.stat().st_mode == fresh.stat().st_mode


def test_a_name_without_a_folder_means_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with atomic_write("here.bin") as file:
        file.write(b"x")
    assert Path("here.bin").read_bytes() == b"x"
