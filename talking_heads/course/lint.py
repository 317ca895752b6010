"""The rules that every notebook of the course keeps."""

from __future__ import annotations

import re
import statistics
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

LARGEST_BYTES = 300_000
LONGEST_CELL = 40
LONGEST_MEDIAN_CELL = 12
SHORTEST_DESCRIPTION = 40
PROSE_CELLS_PER_CODE_CELL = (1.2, 2.0)
OPENING = ("Goals", "Prerequisites", "Time", "Measured cost", "Papers")

# Texts that stand for an object because nobody described it.
_BARE = re.compile(r"^<|\bat 0x[0-9a-f]+|^(Figure|Axes|VBox|HBox|Output|Image)\(")
_INSTALL = re.compile(r"^\s*[!%]\s*(pip|conda|mamba|apt|apt-get)\b|\bpip install\b", re.MULTILINE)
_MARKDOWN_IMAGE = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?P<to>[^)]*)\)")
_HTML_IMAGE = re.compile(r"<(?:img|svg)\b[^>]*>", re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<to>[^)#\s]+)")
_HEADING = re.compile(r"^(?P<marks>#{1,6}) ", re.MULTILINE)
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def _described(text: str) -> bool:
    return len(text.strip()) >= SHORTEST_DESCRIPTION and not _BARE.search(text)


def _output_problems(cell: NotebookNode) -> list[str]:
    problems: list[str] = []
    for output in cell.outputs:
        if output.output_type == "error":
            problems.append("stopped with an error")
        if output.output_type == "stream" and output.name == "stderr":
            problems.append("writes to stderr")
        data = output.get("data", {})
        text = data.get("text/plain", "")
        if any(kind.startswith("image/") for kind in data) and not _described(text):
            problems.append(f"shows a picture without a description (text/plain: {text[:40]!r})")
        elif re.search(r"\bat 0x[0-9a-f]+", text):
            problems.append("shows a memory address, which changes from run to run")
        if "application/vnd.jupyter.widget-view+json" in data:
            problems.append("refers to a widget that nobody has without a kernel")
    return problems


def _code_problems(cell: NotebookNode, count: int) -> list[str]:
    problems = _output_problems(cell)
    lines = cell.source.count("\n") + 1
    if cell.execution_count != count:
        problems.append(f"ran as number {cell.execution_count}, not {count}: run all in order")
    if not cell.source.strip():
        problems.append("is empty")
    if lines > LONGEST_CELL:
        problems.append(f"has {lines} lines; {LONGEST_CELL} at most, the rest to the package")
    if _INSTALL.search(cell.source):
        problems.append("installs something; that belongs in pyproject.toml")
    return problems


def _prose_problems(source: str, folder: Path) -> list[str]:
    source = _FENCE.sub("", source)
    problems = [
        f"shows the picture {m['to']} without alt text"
        for m in _MARKDOWN_IMAGE.finditer(source)
        if len(m["alt"].strip()) < SHORTEST_DESCRIPTION
    ]
    for match in _HTML_IMAGE.finditer(source):
        alt = re.search(r'\b(?:alt|aria-label)="([^"]*)"', match.group())
        if alt is None or len(alt.group(1).strip()) < SHORTEST_DESCRIPTION:
            problems.append("shows an HTML picture without alt or aria-label")
    for match in _LINK.finditer(source):
        target = match["to"]
        outside = "://" in target or target.startswith("mailto:")
        if not outside and not (folder / target).exists():
            problems.append(f"links to {target}, which does not exist")
    return problems


def _opening_problems(cell: NotebookNode) -> list[str]:
    if cell.cell_type != "markdown" or not cell.source.startswith("# "):
        return ["the first cell is the opening block and starts with the title"]
    return [f"the opening block lacks {w}" for w in OPENING if f"**{w}:**" not in cell.source]


def _heading_problems(notebook: NotebookNode) -> list[str]:
    problems, before = [], 0
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        for match in _HEADING.finditer(_FENCE.sub("", cell.source)):
            level = len(match["marks"])
            if level > before + 1:
                problems.append(f"a heading of level {level} follows one of level {before}")
            before = level
    return problems


def lint_notebook(notebook: NotebookNode, *, folder: Path, size: int) -> list[str]:
    """Look for breaches of the course's rules in an executed notebook.

    Parameters
    ----------
    notebook : NotebookNode
        As it is to be committed.
    folder : Path
        Where it stands; relative links must lead somewhere from here.
    size : int
        Bytes of the file.

    Returns
    -------
    list of str
        One line a fault. The rules: an opening block with goals, prerequisites, time, measured
        cost and papers; a kernel's name (without it JupyterLab asks); run in order on a fresh
        kernel; no errors, no stderr, no memory addresses; lowercase tags (nbval ignores others);
        a description beside every picture; no widget state; no install cells; short cells;
        enough prose; headings in order; links that lead somewhere; at most 300 kB.
    """
    problems = _opening_problems(notebook.cells[0]) + _heading_problems(notebook)
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        problems.append("the metadata name no kernel python3")
    if "widgets" in notebook.metadata:
        problems.append("the metadata hold widget state")
    if size > LARGEST_BYTES:
        problems.append(f"has {size / 1000:.0f} kB; {LARGEST_BYTES // 1000} kB at most")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    prose = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    for count, cell in enumerate(code, start=1):
        problems += [f"code cell {count} {p}" for p in _code_problems(cell, count)]
    for cell in notebook.cells:
        for tag in cell.metadata.get("tags", []):
            if tag != tag.lower():
                problems.append(f"the tag {tag!r} is ignored by nbval: write it in lowercase")
    for cell in prose:
        problems += _prose_problems(cell.source, folder)
    if code:
        median = statistics.median(cell.source.count("\n") + 1 for cell in code)
        if median > LONGEST_MEDIAN_CELL:
            problems.append(f"half the code cells have over {LONGEST_MEDIAN_CELL} lines")
        ratio, (least, most) = len(prose) / len(code), PROSE_CELLS_PER_CODE_CELL
        if not least <= ratio <= most:
            problems.append(f"has {ratio:.1f} prose cells a code cell, not {least} to {most}")
    return problems
