import json

import nbformat
import pytest

from talking_heads.course import masters
from talking_heads.course.exercises import make_copies, release_notebook, student_notebook
from talking_heads.errors import UserError

MASTERS = masters.master_paths()


@pytest.mark.parametrize("kind", ["student", "solution", "release"])
def test_a_copy_of_every_master_is_written_and_valid(tmp_path, kind):
    copies = make_copies(kind, out=tmp_path)
    assert len(copies) == len(MASTERS)
    for copy in copies:
        assert copy.outcome == "written"
        nbformat.validate(nbformat.read(copy.path, as_version=4))
    assert [copy.outcome for copy in make_copies(kind, out=tmp_path)] == ["unchanged"] * len(copies)


def test_copies_go_beside_the_masters_by_default(tmp_path, monkeypatch):
    monkeypatch.setattr("talking_heads.course.exercises.course_root", lambda: tmp_path)
    assert make_copies("student", ["00"])[0].path == tmp_path / "exercises/student/00_welcome.ipynb"
    assert make_copies("solution", ["00"])[0].path.parent.name == "solutions"
    released = make_copies("release", ["00"])[0].path
    assert released == tmp_path / "exercises/release/source/00_welcome/00_welcome.ipynb"


def edit(path, source="my own work"):
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].source = source
    nbformat.write(notebook, path)
    return path.read_bytes()


def test_an_edited_copy_is_kept_unless_asked(tmp_path):
    [copy] = make_copies("student", ["00"], out=tmp_path)
    edited = edit(copy.path)
    [again] = make_copies("student", ["00"], out=tmp_path)
    assert again.outcome == "kept"
    assert "--overwrite" in str(again)
    assert copy.path.read_bytes() == edited
    [replaced] = make_copies("student", ["00"], out=tmp_path, overwrite=True)
    assert replaced.outcome == "written"
    assert "my own work" not in copy.path.read_text()


def test_running_a_copy_is_no_edit_and_a_new_master_refreshes_it(tmp_path, monkeypatch):
    [copy] = make_copies("student", ["00"], out=tmp_path)
    notebook = nbformat.read(copy.path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.execution_count = 1
            cell.outputs = [nbformat.v4.new_output("stream", text="hello")]
    nbformat.write(notebook, copy.path)
    assert make_copies("student", ["00"], out=tmp_path)[0].outcome == "unchanged"

    def newer(master):
        notebook = student_notebook(master)
        notebook.cells[0].source += "\n\nA new paragraph."
        return notebook

    monkeypatch.setattr("talking_heads.course.exercises.student_notebook", newer)
    assert make_copies("student", ["00"], out=tmp_path)[0].outcome == "written"
    assert "A new paragraph." in copy.path.read_text()


@pytest.mark.parametrize("content", ["", "{}", "[]", "not json", '{"metadata": {}, "cells": 3}'])
def test_a_file_that_is_not_ours_is_kept(tmp_path, content):
    path = tmp_path / "00_welcome.ipynb"
    path.write_text(content)
    assert make_copies("student", ["00"], out=tmp_path)[0].outcome == "kept"
    assert path.read_text() == content


def test_bad_requests_are_user_errors(tmp_path):
    with pytest.raises(UserError, match="no exercises 88"):
        make_copies("student", ["88"], out=tmp_path)
    with pytest.raises(UserError, match="not 'teacher'"):
        make_copies("teacher", out=tmp_path)
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(UserError, match="not a folder"):
        make_copies("student", out=file)
    (tmp_path / "00_welcome.ipynb").mkdir()
    with pytest.raises(UserError, match="is a folder"):
        make_copies("student", ["00"], out=tmp_path, overwrite=True)


def test_a_student_copy_holds_no_solution(tmp_path):
    make_copies("student", out=tmp_path)
    for path in tmp_path.glob("*.ipynb"):
        text = path.read_text()
        assert "BEGIN SOLUTION" not in text
        assert "raise NotImplementedError()" in text


def test_a_solution_copy_leaves_the_progress_alone(tmp_path):
    make_copies("solution", out=tmp_path)
    for path in tmp_path.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        checks = [c.source for c in notebook.cells if c.source.rstrip().endswith("record=False)")]
        assert len(checks) >= 2
        assert "NotImplementedError" not in json.dumps(notebook)


@pytest.mark.parametrize("master", MASTERS.values(), ids=lambda path: path.stem)
class TestRelease:
    def test_nbgraders_own_validation_accepts_it(self, master):
        from nbgrader.nbgraderformat import MetadataValidator

        notebook = release_notebook(master)
        nbformat.validate(notebook)
        MetadataValidator().validate_nb(notebook)
        graded = [c.metadata.nbgrader for c in notebook.cells if "nbgrader" in c.metadata]
        assert all(meta["schema_version"] == 3 for meta in graded)
        tests = [meta for meta in graded if meta["grade"]]
        assert len(tests) >= 2
        assert all(meta["locked"] and meta["points"] > 0 for meta in tests)

    def test_nbgraders_preprocessors_make_the_students_version(self, master):
        from nbgrader.preprocessors import (
            CheckCellMetadata,
            ClearHiddenTests,
            ClearSolutions,
            ComputeChecksums,
            LockCells,
        )

        notebook = release_notebook(master)
        resources = {"nbgrader": {"notebook": master.stem}}
        for step in (
            LockCells(),
            ClearSolutions(enforce_metadata=True),
            ClearHiddenTests(enforce_metadata=True),
            ComputeChecksums(),
            CheckCellMetadata(),
        ):
            notebook, resources = step.preprocess(notebook, resources)
        text = json.dumps(notebook)
        assert "SOLUTION" not in text
        assert "HIDDEN" not in text
        assert "seed=" not in text
        assert text.count("raise NotImplementedError()") >= 2

    def test_nbgrader_also_clears_the_master_itself(self, master):
        from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions

        notebook = masters.read_text_notebook(master)
        for step in (ClearSolutions, ClearHiddenTests):
            notebook, _ = step(enforce_metadata=False).preprocess(notebook, {})
        mine = student_notebook(master)
        assert [c.source for c in notebook.cells] == [c.source for c in mine.cells]

    def test_hidden_tests_use_other_inputs(self, master):
        hidden = [c.source for c in release_notebook(master, seed=7).cells if "HIDDEN" in c.source]
        assert hidden
        assert all("seed=7)" in source for source in hidden)
        assert all("seed=0)" not in c.source for c in release_notebook(master).cells)
