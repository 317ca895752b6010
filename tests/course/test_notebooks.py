import nbformat
import pytest

from talking_heads.course import notebooks
from talking_heads.course.notebooks import (
    WIDGET_VIEW,
    Built,
    build_notebooks,
    clean_outputs,
    execute,
    lint_course,
    sources_of,
    write_cost,
)
from talking_heads.errors import UserError

SOURCE = """\
# %% [markdown]
# # A small notebook
#
# - **Goals:** g
# - **Prerequisites:** p
# - **Time:** t
# - **Measured cost:** filled in by the run
# - **Papers:** q

# %%
import ipywidgets
from IPython.display import display

print(40 + 2)

# %% [markdown]
# ## A widget

# %%
display(ipywidgets.IntSlider())
{last}

# %% [markdown]
# The end.
"""


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of one small notebook; returns its source."""
    monkeypatch.setattr(notebooks, "course_root", lambda: tmp_path)
    source = tmp_path / "notebooks" / "sources" / "42_small.py"
    source.parent.mkdir(parents=True)
    source.write_text(SOURCE.format(last="assert 1 == 1"))
    return source


def test_a_notebook_is_built_measured_and_clean(course):
    [built] = build_notebooks(["42"])
    notebook = nbformat.read(built.path, as_version=4)
    assert built.path.name == "42_small.ipynb"
    assert 0 < built.seconds < 60
    assert built.gigabytes < 1
    assert notebook.cells[1].outputs[0].text == "42\n"
    assert f"{built.seconds:.0f} s" in notebook.cells[0].source
    assert "filled in" not in notebook.cells[0].source
    assert "widgets" not in notebook.metadata
    assert WIDGET_VIEW not in built.path.read_text()
    assert notebook.cells[-1].source == "The end."


def test_a_second_run_changes_nothing_but_the_cost(course):
    [built] = build_notebooks()
    first = nbformat.read(built.path, as_version=4)
    [built] = build_notebooks()
    second = nbformat.read(built.path, as_version=4)
    assert sources_of(first) == sources_of(second)
    assert [c.get("outputs") for c in first.cells] == [c.get("outputs") for c in second.cells]
    assert lint_course_of_notebooks() == []


def lint_course_of_notebooks():
    return [problem for problem in lint_course() if problem.startswith("42")]


def test_an_error_in_a_cell_leaves_the_old_notebook(course):
    [built] = build_notebooks()
    before = built.path.read_bytes()
    course.write_text(SOURCE.format(last="raise ValueError('broken')"))
    with pytest.raises(UserError, match="\nValueError: broken") as stop:
        list(build_notebooks())
    assert "\x1b" not in str(stop.value)
    assert built.path.read_bytes() == before


def test_a_broken_rule_leaves_the_old_notebook(course):
    course.write_text(SOURCE.format(last="import sys; print('oh', file=sys.stderr)"))
    with pytest.raises(UserError, match="stderr"):
        list(build_notebooks())
    assert list(course.parents[1].glob("*.ipynb")) == []


def test_a_source_that_changed_is_found(course):
    assert any("not built yet" in problem for problem in lint_course_of_notebooks())
    list(build_notebooks())
    course.write_text(course.read_text().replace("40 + 2", "40 + 3"))
    assert any("differs from 42_small.py" in problem for problem in lint_course_of_notebooks())


def test_an_unknown_number_is_a_user_error(course):
    with pytest.raises(UserError, match="no notebook 43"):
        list(build_notebooks(["43"]))


def test_the_working_folder_is_the_one_given(tmp_path):
    cell = nbformat.v4.new_code_cell("import os; print(os.getcwd())")
    notebook = nbformat.v4.new_notebook(
        cells=[cell], metadata={"kernelspec": {"name": "python3", "display_name": ""}}
    )
    done, _, _ = execute(notebook, tmp_path)
    assert done.cells[0].outputs[0].text.strip() == str(tmp_path)
    assert "outputs" not in cell or not cell.outputs


@pytest.mark.parametrize(
    ("limit", "source", "message"),
    [
        (60, "import os\nos._exit(1)", "kernel died in a cell:\nimport os"),
        (2, "import time\ntime.sleep(60)", "longer than 2 s:\nimport time"),
        (60, "value = 1\nvalue / 0", "stopped:\nvalue = 1\nZeroDivisionError"),
    ],
    ids=["dead kernel", "too long", "error"],
)
def test_a_run_that_fails_names_the_cell(tmp_path, monkeypatch, limit, source, message):
    monkeypatch.setattr("talking_heads.course.notebooks._CELL_TIMEOUT", limit)
    cells = [nbformat.v4.new_code_cell(text) for text in ("1", source, "2")]
    with pytest.raises(UserError) as caught:
        execute(nbformat.v4.new_notebook(cells=cells), tmp_path)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 3


def test_stills_and_words_stay_when_the_widget_goes():
    data = {WIDGET_VIEW: {"model_id": "abc"}, "image/png": "x", "text/plain": "a head"}
    bare = {WIDGET_VIEW: {"model_id": "abc"}}
    cell = nbformat.v4.new_code_cell(
        "x",
        outputs=[nbformat.v4.new_output("display_data", d) for d in (data, bare)],
        metadata={"execution": {"a": "1"}, "tags": ["b"]},
    )
    cleaned = clean_outputs(nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {}}))
    assert [o.data for o in cleaned.cells[0].outputs] == [
        {"image/png": "x", "text/plain": "a head"}
    ]
    assert cleaned.cells[0].metadata == {"tags": ["b"]}
    assert WIDGET_VIEW in data, "the original is left as it was"


def test_cost_without_a_memory_figure():
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("- **Measured cost:** old\n- **Papers:** q")]
    )
    write_cost(notebook, 12.4, float("nan"), 1)
    assert notebook.cells[0].source == (
        "- **Measured cost:** 12 s on 1 CPU core, no GPU needed.\n- **Papers:** q"
    )


def test_built_reads_as_one_line(tmp_path):
    assert str(Built(tmp_path, 3.2, 0.31, 99.6)).endswith(": 3 s, 0.3 GB of memory, 100 kB")
