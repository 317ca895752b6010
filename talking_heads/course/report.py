"""The progress report behind ``talking-heads progress``."""

from __future__ import annotations

from collections.abc import Mapping

from talking_heads.course.checks import exercises_of, numbers
from talking_heads.course.progress import Record, load_progress, progress_path


def _line(title: str, name: str, record: Record | None) -> str:
    if record is None:
        state = "not tried"
    else:
        tries = "1 try" if record.tries == 1 else f"{record.tries} tries"
        state = f"passed on {record.passed[:10]}, {tries}" if record.passed else f"open, {tries}"
    return f"  {name:<24} {title:<40} {state}"


def progress_report(records: Mapping[str, Record] | None = None) -> str:
    """Return the progress over all notebooks, as text.

    Parameters
    ----------
    records : mapping of str to Record, optional
        By exercise id; read from the progress file if not given.

    Returns
    -------
    str
        A line per notebook with how many checks have passed, and one per exercise.
    """
    shown = load_progress() if records is None else records
    lines: list[str] = []
    passed = total = 0
    for number in numbers():
        exercises = exercises_of(number)
        done = sum(bool(shown.get(e.id, Record()).passed) for e in exercises)
        passed, total = passed + done, total + len(exercises)
        lines.append(f"Notebook {number}: {done} of {len(exercises)} checks passed")
        lines += [_line(e.title, e.id, shown.get(e.id)) for e in exercises]
    lines.append(f"In all {passed} of {total}.")
    if records is None:
        lines.append(f"Kept in {progress_path()}")
    return "\n".join(lines)
