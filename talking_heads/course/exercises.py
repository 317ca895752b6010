"""Copies of the exercises: for learners, for comparison, for grading.

All three are generated from the masters (see `talking_heads.course.masters`) and never edited by
hand, except that a learner writes into the student's copy; such a copy is never overwritten
unless the learner says so.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from talking_heads.course import masters
from talking_heads.course.checks import exercises_of
from talking_heads.course.files import course_root
from talking_heads.errors import UserError
from talking_heads.files import write_text

if TYPE_CHECKING:
    from nbformat import NotebookNode

Kind = Literal["student", "solution", "release"]
_FOLDERS: dict[str, str] = {"student": "student", "solution": "solutions", "release": "release"}
_KEY = "talking_heads"
_ASSIGNMENT_CONFIG = """\
# nbgrader's configuration for the graded release of this course. In this folder:
#   nbgrader generate_assignment --assignment=NAME    writes release/NAME for the students
#   nbgrader autograde --assignment=NAME              grades what stands in submitted/
c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "talking-heads"
c.Exchange.enabled = False
c.ExecutePreprocessor.timeout = 300
"""


@dataclass(frozen=True)
class Copy:
    """What became of one copy.

    Parameters
    ----------
    path : Path
        The notebook.
    outcome : {"written", "unchanged", "kept"}
        "kept": it has been edited, so it was left alone.
    """

    path: Path
    outcome: Literal["written", "unchanged", "kept"]

    def __str__(self) -> str:
        note = "kept, because you have edited it (--overwrite replaces it)"
        return f"{self.path}: {note if self.outcome == 'kept' else self.outcome}"


def student_notebook(master: Path) -> NotebookNode:
    """Return the notebook a learner gets: stubs, and the check in the same cell."""
    notebook = masters.read_text_notebook(master)
    for cell in masters.exercise_cells(notebook):
        cell.source = masters.without_solutions(cell.source)
    return notebook


def solution_notebook(master: Path) -> NotebookNode:
    """Return the notebook with the solutions in it. Running it leaves the progress alone."""
    notebook = masters.read_text_notebook(master)
    for cell in masters.exercise_cells(notebook):
        before, exercise_id, function = masters.split_check(masters.without_marks(cell.source))
        cell.source = f'{before}\n\n\ncheck("{exercise_id}", {function}, record=False)'
    return notebook


def _graded(grade_id: str, **flags: object) -> dict[str, object]:
    meta = {"grade": False, "solution": False, "locked": False, "task": False}
    return {"schema_version": 3, "grade_id": grade_id, **meta, **flags}


def release_notebook(master: Path, *, seed: int | None = None) -> NotebookNode:
    """Return nbgrader's source notebook: solutions, locked tests with points, hidden tests.

    Parameters
    ----------
    master : Path
        The master.
    seed : int, optional
        Chooses the inputs of the hidden tests; by default it follows from the exercise's id.

    Returns
    -------
    NotebookNode
        With nbgrader's cell metadata, schema 3. ``nbgrader generate_assignment`` makes the
        students' version of it, without solutions and hidden tests.
    """
    notebook = masters.read_text_notebook(master)
    points = {exercise.id: exercise.points for exercise in exercises_of(master.name[:2])}
    cells: list[NotebookNode] = []
    setups = 0
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type != "code":
            continue
        if not masters.has_solution(cell.source):
            setups += 1
            cell.metadata["nbgrader"] = _graded(f"setup_{master.name[:2]}_{setups}", locked=True)
            continue
        before, exercise_id, function = masters.split_check(cell.source)
        name = exercise_id.replace(".", "_")
        cell.source = before
        cell.metadata["nbgrader"] = _graded(f"answer_{name}", solution=True)
        test = masters.need("nbformat").v4.new_code_cell(id=f"{cell.id}-test")
        hidden = zlib.crc32(exercise_id.encode()) if seed is None else seed
        test.source = (
            f'check("{exercise_id}", {function})\n'
            "### BEGIN HIDDEN TESTS\n"
            f'check("{exercise_id}", {function}, seed={hidden})\n'
            "### END HIDDEN TESTS"
        )
        test.metadata["nbgrader"] = _graded(
            f"test_{name}", grade=True, locked=True, points=points[exercise_id]
        )
        cells.append(test)
    notebook.cells = cells
    return notebook


def _fingerprint(notebook: NotebookNode) -> str:
    """Hash what a person edits: kinds and sources of the cells, not outputs or ids."""
    content = [[cell["cell_type"], "".join(cell["source"])] for cell in notebook["cells"]]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _state(path: Path) -> tuple[str, str] | None:
    """Return the fingerprints of a copy as it was made and as it is; None if it is not ours."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return str(content["metadata"][_KEY]["made"]), _fingerprint(content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _write_copy(notebook: NotebookNode, path: Path, overwrite: bool) -> Copy:
    nbformat = masters.need("nbformat")
    made = _fingerprint(notebook)
    if path.is_dir():
        raise UserError(f"{path} is a folder; a notebook should be written there.")
    if path.exists() and not overwrite:
        state = _state(path)
        if state is None or state[0] != state[1]:
            return Copy(path, "kept")
        if state[0] == made:
            return Copy(path, "unchanged")
    notebook.metadata[_KEY] = {"made": made}
    nbformat.validate(notebook)
    write_text(path, nbformat.writes(notebook) + "\n")
    return Copy(path, "written")


def make_copies(
    kind: Kind,
    numbers: list[str] | None = None,
    *,
    out: Path | None = None,
    overwrite: bool = False,
    seed: int | None = None,
) -> list[Copy]:
    """Write copies of the exercises.

    Parameters
    ----------
    kind : {"student", "solution", "release"}
        Which copies.
    numbers : list of str, optional
        Notebook numbers, ``["00"]``; all by default.
    out : Path, optional
        The folder to write to: ``student``, ``solutions`` or ``release`` under ``exercises`` by
        default. A release is laid out as an nbgrader course, ``source/NN_name/NN_name.ipynb``.
    overwrite : bool
        Whether to replace copies that somebody has edited.
    seed : int, optional
        Chooses the inputs of a release's hidden tests.

    Returns
    -------
    list of Copy
        One a notebook.

    Raises
    ------
    UserError
        If a number has no master, or `out` is no folder.
    """
    if kind not in get_args(Kind):
        raise UserError(f"Copies are {', '.join(get_args(Kind))}; not {kind!r}.")
    paths = masters.master_paths()
    unknown = [number for number in numbers or [] if number not in paths]
    if unknown:
        raise UserError(
            f"There are no exercises {', '.join(unknown)}. There are: {', '.join(paths)}."
        )
    out = out or course_root() / "exercises" / _FOLDERS[kind]
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is not a folder. Name another with --out.")
    copies: list[Copy] = []
    for number, master in paths.items():
        if numbers and number not in numbers:
            continue
        if kind == "student":
            notebook, path = student_notebook(master), out / f"{master.stem}.ipynb"
        elif kind == "solution":
            notebook, path = solution_notebook(master), out / f"{master.stem}.ipynb"
        else:
            notebook = release_notebook(master, seed=seed)
            path = out / "source" / master.stem / f"{master.stem}.ipynb"
        copies.append(_write_copy(notebook, path, overwrite))
    config = out / "nbgrader_config.py"
    if kind == "release" and (overwrite or not config.exists()):
        write_text(config, _ASSIGNMENT_CONFIG)
    return copies
