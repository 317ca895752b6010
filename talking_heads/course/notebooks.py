"""Building the notebooks: from plain-text source to executed notebook, and its measured cost.

Notebooks are written as plain text, ``notebooks/sources/NN_name.py`` (jupytext's
``py:percent``), where a change reads as a change. ``talking-heads course execute`` runs them on a
fresh kernel and writes ``notebooks/NN_name.ipynb``, outputs included. Nobody edits those by hand.
"""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talking_heads.course import masters
from talking_heads.course.files import course_root
from talking_heads.errors import UserError
from talking_heads.files import write_text

if TYPE_CHECKING:
    from nbformat import NotebookNode

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
# One line of the opening block, written by the run and not by hand.
COST_LINE = re.compile(r"^(?P<label>- \*\*Measured cost:\*\*) .*$", re.MULTILINE)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_CELL_TIMEOUT = 600
# On Linux ru_maxrss survives exec: a kernel would inherit the peak of the process that started it.
_MEMORY_PROBE = """
import resource as _r, sys as _s
if _s.platform == 'linux':
    with open('/proc/self/status') as _f:
        print(next(int(_l.split()[1]) for _l in _f if _l.startswith('VmHWM')) / 1e6)
else:
    print(_r.getrusage(_r.RUSAGE_SELF).ru_maxrss / 1e9)
"""


@dataclass(frozen=True)
class Built:
    """A notebook that was built.

    Parameters
    ----------
    path : Path
        The notebook.
    seconds : float
        Time from the start of the kernel to the end of the last cell.
    gigabytes : float
        Peak memory of the kernel; nan where the system does not tell.
    kilobytes : float
        Size of the file, outputs included.
    """

    path: Path
    seconds: float
    gigabytes: float
    kilobytes: float

    def __str__(self) -> str:
        return (
            f"{self.path}: {self.seconds:.0f} s, {self.gigabytes:.1f} GB of memory, "
            f"{self.kilobytes:.0f} kB"
        )


def source_paths() -> dict[str, Path]:
    """Return the notebooks' sources by number, ``{"00": .../sources/00_welcome.py}``."""
    found = sorted((course_root() / "notebooks" / "sources").glob("[0-9][0-9]_*.py"))
    return {path.name[:2]: path for path in found}


def notebook_path(source: Path) -> Path:
    """Return the notebook that is built from a source."""
    return source.parent.parent / f"{source.stem}.ipynb"


def clean_outputs(notebook: NotebookNode) -> NotebookNode:
    """Take out of an executed notebook what a reader without a kernel cannot use.

    Parameters
    ----------
    notebook : NotebookNode
        The executed notebook; it is left as it is.

    Returns
    -------
    NotebookNode
        A copy without widget state and without references to widgets. JupyterLab and GitHub then
        show the still picture and the description that every view carries beside its widget.
    """
    notebook = copy.deepcopy(notebook)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.metadata.pop("execution", None)
        for output in cell.outputs:
            output.get("data", {}).pop(WIDGET_VIEW, None)
            output.get("metadata", {}).pop(WIDGET_VIEW, None)
        cell.outputs = [o for o in cell.outputs if "data" not in o or o["data"]]
    return notebook


def execute(notebook: NotebookNode, folder: Path) -> tuple[NotebookNode, float, float]:
    """Run a notebook on a fresh kernel.

    Parameters
    ----------
    notebook : NotebookNode
        The notebook; it is left as it is.
    folder : Path
        The kernel's working directory.

    Returns
    -------
    tuple of NotebookNode, float, float
        The executed notebook with clean outputs, seconds, and the kernel's peak memory in GB.

    Raises
    ------
    UserError
        If a cell raises an error or takes longer than ten minutes, or the kernel dies; the
        message names the cell.
    """
    nbclient = masters.need("nbclient")
    notebook = copy.deepcopy(notebook)
    probe = masters.need("nbformat").v4.new_code_cell(_MEMORY_PROBE, id="memory-probe")
    notebook.cells.append(probe)
    client = nbclient.NotebookClient(
        notebook,
        timeout=_CELL_TIMEOUT,
        store_widget_state=False,
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    begun: list[NotebookNode] = []
    client.on_cell_start = lambda cell, cell_index: begun.append(cell)
    errors = nbclient.exceptions
    started = time.perf_counter()
    try:
        client.execute()
    except errors.CellExecutionError as error:
        # The probe fails where there is no module resource, as on Windows.
        if begun[-1] is not probe:
            last = _ANSI.sub("", str(error)).strip().splitlines()[-1]
            raise UserError(f"A cell stopped:\n{_first_line(begun)}\n{last}") from None
    except errors.CellTimeoutError:
        raise UserError(
            f"A cell took longer than {_CELL_TIMEOUT} s:\n{_first_line(begun)}"
        ) from None
    except errors.DeadKernelError:
        raise UserError(f"The kernel died in a cell:\n{_first_line(begun)}") from None
    seconds = time.perf_counter() - started
    printed = "".join(output.get("text", "") for output in probe.outputs)
    notebook.cells.pop()
    return clean_outputs(notebook), seconds, float(printed.strip() or "nan")


def _first_line(begun: list[NotebookNode]) -> str:
    """Return the first line of the last cell that was begun."""
    lines = begun[-1].source.strip().splitlines() if begun else []
    return str(lines[0]) if lines else "(before the first cell)"


def write_cost(notebook: NotebookNode, seconds: float, gigabytes: float, cores: int) -> None:
    """Put the measured cost into the line of the opening block that is kept for it."""
    memory = "" if gigabytes != gigabytes else f" and {gigabytes:.1f} GB of memory"
    unit = "core" if cores == 1 else "cores"
    text = rf"\g<label> {seconds:.0f} s{memory} on {cores} CPU {unit}, no GPU needed."
    notebook.cells[0].source = COST_LINE.sub(text, notebook.cells[0].source)


def sources_of(notebook: NotebookNode) -> list[tuple[str, str, Any]]:
    """Return kind, source and tags of every cell, the line of the measured cost left out."""
    return [
        (c.cell_type, COST_LINE.sub("", c.source), list(c.metadata.get("tags", [])))
        for c in notebook.cells
    ]


def build_notebooks(numbers: Iterable[str] | None = None) -> Iterable[Built]:
    """Build notebooks from their sources, one after the other.

    Parameters
    ----------
    numbers : iterable of str, optional
        Notebook numbers, ``["00"]``; all by default.

    Yields
    ------
    Built
        As each one is written.

    Raises
    ------
    UserError
        If a number has no source, a cell raises an error, or the result breaks a rule of
        `talking_heads.course.lint`. The old notebook then stays as it was.
    """
    import os

    from talking_heads.course.lint import lint_notebook

    paths = source_paths()
    wanted = list(numbers or paths)
    unknown = [number for number in wanted if number not in paths]
    if unknown:
        raise UserError(
            f"There is no notebook {', '.join(unknown)}. There are: {', '.join(paths)}."
        )
    nbformat = masters.need("nbformat")
    for number in wanted:
        source = paths[number]
        path = notebook_path(source)
        notebook, seconds, gigabytes = execute(masters.read_text_notebook(source), path.parent)
        write_cost(notebook, seconds, gigabytes, os.cpu_count() or 1)
        nbformat.validate(notebook)
        text = nbformat.writes(notebook) + "\n"
        problems = lint_notebook(notebook, folder=path.parent, size=len(text.encode()))
        if problems:
            listed = "\n".join(problems)
            raise UserError(f"{path.name} ran, but breaks the course's rules:\n{listed}")
        write_text(path, text)
        yield Built(path, seconds, gigabytes, len(text.encode()) / 1000)


def lint_course() -> list[str]:
    """Check every notebook and every exercise master.

    Returns
    -------
    list of str
        One line a fault; empty if there is none.
    """
    from talking_heads.course.lint import lint_notebook

    nbformat = masters.need("nbformat")
    problems: list[str] = []
    for source in source_paths().values():
        path = notebook_path(source)
        if not path.exists():
            problems.append(f"{path.name}: not built yet (talking-heads course execute)")
            continue
        notebook = nbformat.read(path, as_version=4)
        found = lint_notebook(notebook, folder=path.parent, size=path.stat().st_size)
        if sources_of(notebook) != sources_of(masters.read_text_notebook(source)):
            found.append(f"differs from {source.name} (talking-heads course execute)")
        problems += [f"{path.name}: {problem}" for problem in found]
    for master in masters.master_paths().values():
        problems += masters.lint_master(master)
    return problems
