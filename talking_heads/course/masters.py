"""Masters of exercises: reading them, and what stands between their marks.

A master is a notebook as plain text (jupytext's ``py:percent``), ``exercises/NN_name.py``. Every
exercise is one code cell that holds a region ``### BEGIN SOLUTION`` ... ``### END SOLUTION`` and
ends in one line ``check("NN.name", function)``. Above it stand a heading with difficulty,
importance and minutes, and a cell with three folded hints.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talking_heads.course.files import course_root
from talking_heads.errors import UserError

if TYPE_CHECKING:
    from nbformat import NotebookNode

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
# nbgrader's own words, so that a free-standing copy and a graded one look alike.
STUB = ("# YOUR CODE HERE", "raise NotImplementedError()")
HINTS = ("Hint 1: a question", "Hint 2: the formula", "Hint 3: a line of code")

_CHECK_LINE = re.compile(r'^check\("(?P<id>\d\d\.\w+)", (?P<function>\w+)\)$', re.MULTILINE)
_HEADER = re.compile(
    r"^Difficulty (?P<difficulty>[1-5]) of 5 · importance (?P<importance>[1-5]) of 5 · "
    r"about (?P<minutes>\d+) minutes$",
    re.MULTILINE,
)


def need(module: str) -> Any:
    """Import one of the notebook packages, or say how to get it."""
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError:
        raise UserError(
            f"This needs {module}, which comes with the lab extra:\n"
            'pip install -c constraints.txt -e ".[lab]"'
        ) from None


def master_paths() -> dict[str, Path]:
    """Return the masters by notebook number, ``{"00": .../exercises/00_welcome.py}``."""
    found = sorted((course_root() / "exercises").glob("[0-9][0-9]_*.py"))
    return {path.name[:2]: path for path in found}


def read_text_notebook(path: Path) -> NotebookNode:
    """Read a plain-text notebook.

    Parameters
    ----------
    path : Path
        A ``py:percent`` file.

    Returns
    -------
    NotebookNode
        nbformat 4.5, its cell ids ``"00-07"``-like and the same at every reading, and with the
        kernelspec without which JupyterLab asks before it runs anything.
    """
    jupytext = need("jupytext")
    notebook = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = need("nbformat").from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for index, cell in enumerate(notebook.cells):
        cell.id = f"{path.name[:2]}-{index:02d}"
        cell.metadata = {key: cell.metadata[key] for key in ("tags",) if key in cell.metadata}
    return notebook


def has_solution(source: str) -> bool:
    """Return whether a cell's source holds a mark of a solution region."""
    return BEGIN in source or END in source


def regions(source: str) -> list[tuple[int, int]]:
    """Return the solution regions of a cell as line numbers of their marks, from 0.

    Raises
    ------
    UserError
        If a mark has no partner.
    """
    found: list[tuple[int, int]] = []
    opened: int | None = None
    for number, line in enumerate(source.split("\n")):
        if BEGIN in line:
            if opened is not None:
                raise UserError(f"{BEGIN} stands twice without {END} between.")
            opened = number
        elif END in line:
            if opened is None:
                raise UserError(f"{END} stands without {BEGIN} before it.")
            found.append((opened, number))
            opened = None
    if opened is not None:
        raise UserError(f"{BEGIN} stands without {END} after it.")
    return found


def without_solutions(source: str) -> str:
    """Return a cell's source with `STUB` in place of each region, as nbgrader would."""
    lines = source.split("\n")
    for first, last in reversed(regions(source)):
        indent = lines[first][: len(lines[first]) - len(lines[first].lstrip())]
        lines[first : last + 1] = [indent + line for line in STUB]
    return "\n".join(lines)


def without_marks(source: str) -> str:
    """Return a cell's source with the solutions in and the marks out."""
    return "\n".join(line for line in source.split("\n") if not has_solution(line))


def split_check(source: str) -> tuple[str, str, str]:
    """Split an exercise's cell.

    Returns
    -------
    tuple of str
        The source before the check line, the exercise id, and the function's name.

    Raises
    ------
    UserError
        If the cell does not end in exactly one check line.
    """
    matches = list(_CHECK_LINE.finditer(source))
    if len(matches) != 1 or source[matches[0].end() :].strip():
        raise UserError('An exercise\'s cell ends in one line: check("NN.name", function)')
    match = matches[0]
    return source[: match.start()].rstrip(), match["id"], match["function"]


def exercise_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the cells of a master that hold an exercise."""
    return [c for c in notebook.cells if c.cell_type == "code" and has_solution(c.source)]


def _stub_problems(source: str) -> list[str]:
    """Compare what a learner gets with the solution, line by line."""
    stub = without_solutions(source).split("\n")
    solution = iter(without_marks(source).split("\n"))
    placeholder = set(STUB)
    return [
        f"the stub's line {line.strip()!r} does not occur in the solution"
        for line in stub
        if line.strip() not in placeholder and not any(line == other for other in solution)
    ]


def lint_master(path: Path) -> list[str]:
    """Look for faults in a master.

    Parameters
    ----------
    path : Path
        The master.

    Returns
    -------
    list of str
        One line a fault; empty if there is none. Checked: marks in pairs and inside a function,
        stub and solution are Python, the stub's lines occur in the solution in this order, one
        check line a cell whose id exists and whose function the cell defines, every exercise of
        the notebook present, header and three hints before each.
    """
    from talking_heads.course.checks import exercises_of

    problems: list[str] = []
    notebook = read_text_notebook(path)
    wanted = [exercise.id for exercise in exercises_of(path.name[:2])]
    seen: list[str] = []
    prose = ""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            prose += cell.source + "\n"
            continue
        if not has_solution(cell.source):
            continue
        try:
            before, exercise_id, function = split_check(cell.source)
            source = without_solutions(before)
        except UserError as error:
            problems.append(f"{path.name}: {error}")
            continue
        seen.append(exercise_id)
        found = _stub_problems(before)
        for text in (source, without_marks(before)):
            found += _code_problems(text, function)
        if not _HEADER.search(prose):
            found.append("the line with difficulty, importance and minutes is missing")
        found += [
            f'the folded "{hint}" is missing'
            for hint in HINTS
            if f"<summary>{hint}</summary>" not in prose
        ]
        problems += [f"{path.name}, {exercise_id}: {problem}" for problem in found]
        prose = ""
    if seen != wanted:
        problems.append(f"{path.name}: has the exercises {seen}, its checks are {wanted}")
    return problems


def _code_problems(source: str, function: str) -> list[str]:
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        return [f"line {error.lineno} is not Python: {error.msg}"]
    defined = {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    return [] if function in defined else [f"the cell does not define {function}"]
