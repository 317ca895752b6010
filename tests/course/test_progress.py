import json
import os
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from talking_heads.course.progress import (
    FILE_NAME,
    Record,
    load_progress,
    progress_path,
    record_try,
)
from talking_heads.course.report import progress_report


def test_counts_tries_until_the_first_pass_and_keeps_it(progress_file):
    for passed in (False, False, True, False, True):
        record_try("00.a", passed)
    record = load_progress()["00.a"]
    assert record.tries == 3
    assert record.passed.endswith("+00:00")


def test_exercises_do_not_touch_one_another(progress_file):
    record_try("00.a", True)
    record_try("00.b", False)
    assert load_progress()["00.b"] == Record(1, "")
    assert load_progress()["00.a"].passed


def test_no_file_is_no_progress(progress_file):
    assert load_progress() == {}
    assert not progress_file.exists()


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[]",
        b'{"exercises": []}',
        b'{"exercises": 3}',
        b"null",
        b"[" * 100_000,
    ],
)
def test_a_damaged_file_is_put_aside_and_a_new_one_begun(progress_file, damage):
    progress_file.write_bytes(damage)
    assert load_progress() == {}
    record_try("00.a", True)
    assert load_progress()["00.a"].tries == 1
    assert progress_file.with_name(progress_file.name + ".damaged").read_bytes() == damage


def test_damaged_entries_do_not_cost_the_good_ones(progress_file):
    good = {"tries": 2, "passed": "2026-01-01T00:00:00+00:00"}
    bad = [None, 3, {}, {"tries": -1, "passed": ""}, {"tries": True, "passed": ""}, {"tries": 1}]
    exercises = {"00.good": good} | {f"00.bad{i}": value for i, value in enumerate(bad)}
    progress_file.write_text(json.dumps({"version": 1, "exercises": exercises}))
    assert load_progress() == {"00.good": Record(**good)}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_content_is_survived(progress_file, content):
    progress_file.write_bytes(content)
    load_progress()
    record_try("00.a", True)
    assert load_progress()["00.a"].passed


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    record_try("00.a", True, folder / FILE_NAME)


def test_a_path_below_a_file_is_no_error(tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    record_try("00.a", True, file / FILE_NAME)
    assert file.read_text() == "x"


def test_nothing_is_left_beside_the_file(progress_file):
    record_try("00.a", True)
    assert [path.name for path in progress_file.parent.iterdir()] == [progress_file.name]


def test_the_file_stands_beside_the_exercises(monkeypatch):
    monkeypatch.delenv("TALKING_HEADS_PROGRESS")
    assert progress_path().name == FILE_NAME
    assert progress_path().parent.name == "exercises"


def test_report_says_what_is_passed_and_what_is_open():
    report = progress_report(
        {
            "00.lip_aperture": Record(3, "2026-01-02T03:04:05+00:00"),
            "00.blend": Record(2, ""),
            "99.forgotten": Record(1, ""),
        }
    )
    assert "Notebook 00: 1 of 2 checks passed" in report
    assert "passed on 2026-01-02, 3 tries" in report
    assert "open, 2 tries" in report
    assert "99.forgotten" not in report
