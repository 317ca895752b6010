"""The committed notebooks and masters follow the course's rules."""

import re
from importlib import resources

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


def test_the_first_sentence_is_not_one_of_the_corpus():
    """Section 1 says that the model never saw it."""
    text = SOURCES["00"].read_text(encoding="utf-8")
    sentence = re.search(r'^sentence = "(.+)"$', text, re.MULTILINE).group(1)
    corpus = resources.files("talking_heads.corpus") / "sentences.txt"
    known = {re.sub(r"\W+", " ", line.lower()) for line in corpus.read_text().splitlines()}
    assert len(known) > 100
    assert re.sub(r"\W+", " ", sentence.lower()) not in known
