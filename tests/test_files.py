"""Files that are whole or not there, under names that people really give."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from talking_heads.errors import UserError
from talking_heads.files import atomic_write, check_target, read_text, shown, write_text


def test_text_makes_its_folder_and_keeps_unix_lines(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "note.txt"
    write_text(path, "ä\nb\n")
    assert path.read_bytes() == b"\xc3\xa4\nb\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["note.txt"]


def test_text_says_why_a_folder_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    with pytest.raises(UserError, match="Cannot write"):
        write_text(tmp_path / "file" / "sub" / "note.txt", "new")
    assert (tmp_path / "file").read_text() == "old"


def test_reading_is_bounded_and_says_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_bytes(b"\xef\xbb\xbf\xc3\xa4b")
    assert read_text(path, 6) == "äb"
    with pytest.raises(UserError, match="at most 5 bytes"):
        read_text(path, 5)
    path.write_bytes(b"\xff")
    with pytest.raises(UserError, match="not UTF-8"):
        read_text(path, 6)
    for missing in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserError, match="Cannot read"):
            read_text(missing, 6)


def test_text_that_is_no_unicode_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\udce9")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="names count in bytes on POSIX systems")
def test_the_longest_names_work(tmp_path: Path) -> None:
    path = tmp_path / ("😀" * 62 + ".html")
    write_text(path, "page")
    assert path.read_text() == "page"


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    real, link = tmp_path / "there" / "real.txt", tmp_path / "link.txt"
    real.write_text("old")
    link.symlink_to(real)
    write_text(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    real.unlink()
    (tmp_path / "there").rmdir()
    with pytest.raises(UserError, match="does not exist"):
        write_text(link, "newer")


def test_a_folder_that_may_not_be_written_is_told_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UserError, match="may not be written"):
        check_target(tmp_path / "a.txt")


def test_messages_stay_short_whatever_the_name(tmp_path: Path) -> None:
    name = "a\nb\x1b[31m\udce9" + "x" * 400
    assert "\n" not in shown(name) and "\x1b" not in shown(name) and len(shown(name)) < 200
    shown(name).encode("utf-8")
    for path in (tmp_path / "a\nb\nc\nd" / "e.html", tmp_path / "f\ng\nh\ni"):
        if path.suffix == "":
            path.mkdir()
        with pytest.raises(UserError) as caught:
            check_target(path)
        assert "\n" not in str(caught.value)


def test_an_error_without_words_is_still_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="out of luck"), atomic_write(tmp_path / "a"):
        raise OSError("out of luck")
    assert list(tmp_path.iterdir()) == []
