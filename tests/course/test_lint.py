from pathlib import Path

import nbformat
import pytest

from talking_heads.course.lint import lint_notebook

OPENING = (
    "# Title\n\n- **Goals:** g\n- **Prerequisites:** p\n- **Time:** t\n"
    "- **Measured cost:** m\n- **Papers:** q"
)
WORDS = "A curve that rises from 0 to 12 millimetres and falls again."
v4 = nbformat.v4


def picture(text=WORDS, **more):
    return v4.new_output("display_data", {"image/png": "iVBORw0KGgo=", "text/plain": text, **more})


@pytest.fixture
def notebook():
    """A notebook without faults: two code cells, three of prose."""
    return v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        cells=[
            v4.new_markdown_cell(OPENING),
            v4.new_code_cell("x = 1", execution_count=1),
            v4.new_markdown_cell("## Section"),
            v4.new_code_cell("x", execution_count=2, outputs=[picture()]),
            v4.new_markdown_cell("### Part\n\n![" + WORDS + "](here.png)"),
        ],
    )


def lint(notebook, size=1000):
    return lint_notebook(notebook, folder=Path(__file__).parent, size=size)


def test_a_good_notebook_has_no_faults(notebook):
    assert lint(notebook) == []


def markdown(source):
    return lambda n: n.cells.append(v4.new_markdown_cell(source))


def outputs(*values):
    return lambda n: n.cells[3].update(outputs=list(values))


def code(source):
    return lambda n: n.cells[1].update(source=source)


FAULTS = [
    (lambda n: n.metadata.pop("kernelspec"), "no kernel"),
    (lambda n: n.metadata.update(widgets={}), "widget state"),
    (lambda n: n.cells[0].update(source="Hello"), "opening block"),
    (lambda n: n.cells[0].update(source=OPENING.replace("Papers", "Books")), "lacks Papers"),
    (lambda n: n.cells[1].metadata.update(tags=["NBVAL_SKIP"]), "lowercase"),
    (lambda n: n.cells[1].update(execution_count=5), "run all in order"),
    (lambda n: n.cells[3].update(execution_count=None), "run all in order"),
    (code("!pip install k3d"), "installs something"),
    (code("%pip install k3d"), "installs something"),
    (code("\n".join(["x = 1"] * 41)), "has 41 lines"),
    (code(""), "is empty"),
    (lambda n: [c.update(source="\n" * 14) for c in n.cells if c.cell_type == "code"], "half"),
    (outputs(picture("<Figure size 640x480 with 1 Axes>, which says nothing")), "description"),
    (outputs(picture("short")), "description"),
    (
        outputs(picture("VBox(children=(Text(value='a long text'), Button(description='Go')))")),
        "des",
    ),
    (outputs(v4.new_output("stream", name="stderr", text="warning")), "stderr"),
    (outputs(v4.new_output("error", ename="E", evalue="", traceback=[])), "error"),
    (
        outputs(v4.new_output("execute_result", {"text/plain": "<Foo at 0x7f00>"})),
        "memory address",
    ),
    (outputs(picture(**{"application/vnd.jupyter.widget-view+json": {}})), "refers to a widget"),
    (markdown("![](here.png)"), "without alt text"),
    (markdown("<img src='here.png'>"), "without alt or aria-label"),
    (markdown("[the next](no_such_file.ipynb)"), "does not exist"),
    (markdown("##### Deep"), "level 5 follows one of level 3"),
    (lambda n: n.cells.extend(v4.new_markdown_cell("More.") for _ in range(5)), "4.0 prose cells"),
]


@pytest.mark.parametrize(("damage", "words"), FAULTS)
def test_each_fault_is_found(notebook, damage, words):
    damage(notebook)
    problems = lint(notebook)
    assert any(words in problem for problem in problems), problems


def test_a_large_notebook_is_a_fault(notebook):
    assert any("301 kB" in problem for problem in lint(notebook, size=300_600))


def test_good_links_and_pictures_are_no_faults(notebook):
    notebook.cells.append(
        v4.new_markdown_cell(
            "[a](test_lint.py) [b](https://example.org/x) [c](#part) [d](mailto:a@example.org)\n\n"
            f'<img src="x.png" alt="{WORDS}">\n\n```\n<img src="in code">\n##### not a heading\n```'
        )
    )
    notebook.cells.insert(1, v4.new_code_cell("y = 1", execution_count=1))
    for count, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), start=1):
        cell.execution_count = count
    assert lint(notebook) == []
