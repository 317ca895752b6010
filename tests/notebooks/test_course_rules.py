"""The committed notebooks and masters follow the course's rules."""

import nbformat
import pytest

from talking_heads.course.notebooks import lint_course, notebook_path, source_paths

SOURCES = source_paths()


def test_no_notebook_and_no_master_breaks_a_rule():
    assert lint_course() == []


@pytest.mark.parametrize("source", SOURCES.values(), ids=lambda path: path.stem)
def test_every_notebook_asserts_what_it_claims(source):
    notebook = nbformat.read(notebook_path(source), as_version=4)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert sum("assert" in cell for cell in code) >= len(code) // 3


def test_the_first_notebook_keeps_its_cells_short():
    notebook = nbformat.read(notebook_path(SOURCES["00"]), as_version=4)
    lines = [c.source.count("\n") + 1 for c in notebook.cells if c.cell_type == "code"]
    assert max(lines) <= 12
