"""The course's commands, through the command line that learners use."""

import json

import pytest

from talking_heads.cli import main


def test_student_copies_through_the_command_line(tmp_path, capsys):
    assert main(["exercises", "student", "00", "--out", str(tmp_path)]) == 0
    path = tmp_path / "00_welcome.ipynb"
    assert capsys.readouterr().out == f"{path}: written\n"
    notebook = json.loads(path.read_text())
    notebook["cells"][0]["source"] = "edited"
    path.write_text(json.dumps(notebook))
    assert main(["exercises", "student", "00", "--out", str(tmp_path)]) == 0
    assert "kept, because you have edited it" in capsys.readouterr().out
    assert main(["exercises", "student", "00", "--out", str(tmp_path), "--overwrite"]) == 0
    assert capsys.readouterr().out == f"{path}: written\n"


def test_solutions_and_release(tmp_path):
    assert main(["exercises", "solution", "--out", str(tmp_path / "s")]) == 0
    assert main(["exercises", "release", "--out", str(tmp_path / "r"), "--seed", "5"]) == 0
    source = tmp_path / "r" / "source" / "00_welcome" / "00_welcome.ipynb"
    assert "seed=5)" in source.read_text()
    assert (tmp_path / "r" / "nbgrader_config.py").exists()
    compile((tmp_path / "r" / "nbgrader_config.py").read_text(), "config", "exec")


def test_an_unknown_number_is_two_lines_at_most_and_code_2(tmp_path, capsys):
    assert main(["exercises", "student", "88", "--out", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("talking-heads: There are no exercises 88.")
    assert captured.err.count("\n") <= 3
    assert list(tmp_path.iterdir()) == []


def test_progress_through_the_command_line(capsys, progress_file):
    assert main(["progress"]) == 0
    out = capsys.readouterr().out
    assert "Notebook 00: 0 of 2 checks passed" in out
    assert str(progress_file) in out


@pytest.mark.parametrize("words", [["exercises"], ["course"], ["exercises", "teacher"]])
def test_half_a_command_is_explained(words, capsys):
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    assert "Try:" in capsys.readouterr().err
