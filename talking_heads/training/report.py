"""Results of `talking_heads.training.evaluate` as tables and as a file."""

from __future__ import annotations

import json
import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from talking_heads.files import shown, write_text
from talking_heads.metrics.bootstrap import DRAWS
from talking_heads.metrics.registry import ALL_METRICS
from talking_heads.metrics.summary import shown_unit
from talking_heads.training.evaluate import TIME

FORMAT = "talking-heads-evaluation"
VERSION = 1
WIDTH = 100
"""Columns that a table may take."""
_DIGITS = 6
_NOTHING = 1e-15
_NUMBER = 9
"""Columns that the longest number takes: -1.23e-07."""
_LONGEST_NAME = 60
_ABOUT = ("title", "formula", "source")


def number(value: float) -> str:
    """Return a number with three digits that count; what is left of a sum that is 0 is 0."""
    if not math.isfinite(value):
        return "-"
    return "0" if abs(value) < _NOTHING else f"{value:.3g}"


def result_table(result: Mapping[str, Any]) -> str:
    """Return one result as text: a line for each metric, and the notes.

    Parameters
    ----------
    result : mapping
        From `talking_heads.training.evaluate.evaluate`.

    Returns
    -------
    str
        At most `WIDTH` columns.
    """
    unit = result["unit"]
    lines = [*_wrapped(_headline(result)), ""]
    rows = [("metric", "value", "95 % interval", "better")]
    for name, figure in result["metrics"].items():
        factor, label = shown_unit(name, unit)
        between = " to ".join(number(factor * side) for side in figure["interval"] or ()) or "-"
        rows.append(
            (
                name,
                f"{number(factor * figure['value'])} {label}".rstrip(),
                between,
                _better(name, figure["better"], factor, result.get("truth_diversity")),
            )
        )
    if result["time"]:
        spent = result["time"]
        rows.append((TIME, f"{number(1000 * spent['seconds_per_frame'])} ms", "-", "lower"))
    widths = [max(len(row[place]) for row in rows) + 2 for place in range(4)]
    lines += ["".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
              for row in rows]  # fmt: skip
    lines.append("")
    for note in [*_about_numbers([result]), *result["notes"]]:
        lines += _wrapped(note)
    return "\n".join(lines)


def comparison_table(results: Sequence[Mapping[str, Any]]) -> str:
    """Return several results as text: a block for each split, a column for each model.

    Parameters
    ----------
    results : sequence of mapping
        From `talking_heads.training.evaluate.evaluate`, of one corpus.

    Returns
    -------
    str
        At most `WIDTH` columns; models that do not fit beside each other follow below.
    """
    lines: list[str] = []
    for split in dict.fromkeys(result["split"] for result in results):
        own = [result for result in results if result["split"] == split]
        first = max(own, key=lambda result: int(result["clips"]))
        most = max((result["seeds"] for result in own), key=len)
        lines += [
            _headline({**first, "model": {"name": _count(len(own), "model")}, "seeds": most}),
            "",
        ]
        names = [name for name in ALL_METRICS if any(name in r["metrics"] for r in own)]
        units = {name: shown_unit(name, first["unit"]) for name in names}
        labels = {name: f"{name} ({units[name][1]})".replace(" ()", "") for name in names}
        if any(result["time"] for result in own):
            labels[TIME] = f"{TIME} (ms)"
        start = max(map(len, labels.values()))
        for group in _groups(own, WIDTH - start):
            lines += _block(group, labels, units, start)
            lines.append("")
    for note in _about_numbers(results):
        lines += _wrapped(note)
    splits = {result["split"] for result in results}
    notes = [(r["model"]["name"], r["split"], note) for r in results for note in r["notes"]]
    for text in dict.fromkeys(note for *_, note in notes):
        whose = [(name, split) for name, split, note in notes if note == text]
        of = ", ".join(dict.fromkeys(name for name, _ in whose))
        where = {split for _, split in whose}
        if where != splits:
            of += f" on {', '.join(split for split in sorted(where))}"
        lines += _wrapped(text if len(whose) == len(results) else f"{of}: {text}")
    return "\n".join(lines)


def write_results(path: str | Path, results: Sequence[Mapping[str, Any]]) -> None:
    """Write results as JSON, whole or not at all.

    Numbers have six digits that count. Formula and source of a metric, which all results share,
    stand once under ``definitions``.

    Parameters
    ----------
    path : str or Path
        The file.
    results : sequence of mapping
        From `talking_heads.training.evaluate.evaluate`.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    definitions = {
        name: {key: figure[key] for key in _ABOUT}
        for result in results
        for name, figure in result["metrics"].items()
    }
    stripped = [
        {
            **result,
            "metrics": {
                name: {key: value for key, value in figure.items() if key not in _ABOUT}
                for name, figure in result["metrics"].items()
            },
        }
        for result in results
    ]
    content = {
        "format": FORMAT,
        "version": VERSION,
        "definitions": definitions,
        "results": _rounded(stripped),
    }
    text = json.dumps(content, indent=1, allow_nan=False)
    # Lists of numbers on one line: a text in JSON holds no line break, so none is touched.
    text = re.sub(r"\[\n\s+([^\[\]{}\"]*?)\n\s+\]", lambda m: f"[{' '.join(m[1].split())}]", text)
    write_text(path, text + "\n")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return value


def _headline(result: Mapping[str, Any]) -> str:
    parts = [_count(result["clips"], "clip"), _count(len(result["speakers"]), "speaker")]
    if result["truths"] > result["clips"]:
        parts[0] += f" ({result['truths']} truths)"
    if result["seeds"]:
        parts.append(_count(len(result["seeds"]), "seed"))
    parts.append(f"{result['frames']['compared']:,} frames")
    return (
        f"{result['model']['name']} on {result['corpus']['name']}, split {result['split']}: "
        + ", ".join(parts)
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("s" if number != 1 else "")


def _better(name: str, better: str, factor: float, truths: Mapping[str, float] | None) -> str:
    if better != "near truth":
        return better
    known = (truths or {}).get(name)
    return better if known is None else f"near truths' {number(factor * known)}"


def _about_numbers(results: Sequence[Mapping[str, Any]]) -> list[str]:
    over = {figure["interval_over"] for r in results for figure in r["metrics"].values()}
    drawn = "clips and seeds" if "clips and seeds" in over else "clips"
    notes = []
    if len(results) == 1:
        notes.append(
            f"Intervals: {drawn} drawn anew {DRAWS:,} times. The file of --out also has intervals "
            "over speakers, formulas and sources."
        )
    else:
        notes.append("The file of --out has intervals over clips and speakers, formulas, sources.")
    spent = next((result["time"] for result in results if result["time"]), None)
    if spent:
        notes.append(
            f"Time: for one frame, the median call on {spent['device']} with "
            f"{_count(spent['threads'], 'thread')}; {spent['includes']}."
        )
    return notes


def _cell(result: Mapping[str, Any], name: str, units: Mapping[str, tuple[float, str]]) -> str:
    if name == TIME:
        spent = result["time"]
        return number(1000 * spent["seconds_per_frame"]) if spent else "-"
    figure = result["metrics"].get(name)
    return "-" if figure is None else number(units[name][0] * figure["value"])


def _name_lines(result: Mapping[str, Any]) -> list[str]:
    """Return a model's name in pieces, so that its column need not be wide: ``conv_/regressor``."""
    name = shown(result["model"]["name"])[:_LONGEST_NAME]
    lines: list[str] = []
    for piece in re.findall(r"[^_]{1,13}_*|_+", name) or ["?"]:
        if lines and len(lines[-1] + piece) <= _NUMBER:
            lines[-1] += piece
        else:
            lines.append(piece)
    return lines


def _column(result: Mapping[str, Any]) -> int:
    return max(_NUMBER, *map(len, _name_lines(result))) + 1


def _groups(results: Sequence[Mapping[str, Any]], width: int) -> list[list[Mapping[str, Any]]]:
    """Split results into groups of about one size that are not wider than `width`."""
    widest = max(map(_column, results))
    blocks = -(-len(results) // max(1, width // widest))
    size = -(-len(results) // blocks)
    return [list(results[start : start + size]) for start in range(0, len(results), size)]


def _block(
    group: Sequence[Mapping[str, Any]],
    labels: Mapping[str, str],
    units: Mapping[str, tuple[float, str]],
    start: int,
) -> list[str]:
    """Return the lines of some columns: the names of the models, then a line for each metric."""
    heads = [_name_lines(result) for result in group]
    depth = max(map(len, heads))
    rows = [
        ("", *cells)
        for cells in zip(*([""] * (depth - len(head)) + head for head in heads), strict=True)
    ]
    rows += [
        (label, *(_cell(result, name, units) for result in group)) for name, label in labels.items()
    ]
    widths = [_column(result) for result in group]
    return [
        f"{label:{start}}{''.join(map(str.rjust, cells, widths))}".rstrip()
        for label, *cells in rows
    ]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_long_words=False)
