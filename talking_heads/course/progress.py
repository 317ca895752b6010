"""The learner's progress, in one small file on the learner's own machine.

The file is ``exercises/.talking_heads_progress.json``. Nothing is ever sent anywhere. A damaged
file is put aside, never an error: progress must not stand between a learner and a check.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from talking_heads.course.files import course_root
from talking_heads.errors import UserError
from talking_heads.files import write_text

FILE_NAME = ".talking_heads_progress.json"
_VARIABLE = "TALKING_HEADS_PROGRESS"
_VERSION = 1


@dataclass(frozen=True)
class Record:
    """What is known about one exercise.

    Parameters
    ----------
    tries : int
        How often the check of a written answer ran until it first passed, that run included.
    passed : str
        When it first passed (ISO 8601, UTC, to the second), or "" if it never did.
    """

    tries: int = 0
    passed: str = ""


def progress_path() -> Path:
    """Return the progress file: ``TALKING_HEADS_PROGRESS``, or the one in ``exercises``."""
    override = os.environ.get(_VARIABLE)
    if override:
        return Path(override)
    try:
        return course_root() / "exercises" / FILE_NAME
    except UserError:
        return Path.cwd() / FILE_NAME


def _record(value: object) -> Record | None:
    if not isinstance(value, dict):
        return None
    tries, passed = value.get("tries"), value.get("passed")
    if not isinstance(tries, int) or isinstance(tries, bool) or tries < 0:
        return None
    return Record(tries, passed) if isinstance(passed, str) else None


def _parse(text: str) -> dict[str, Record] | None:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or not isinstance(content.get("exercises"), dict):
        return None
    records = {key: _record(value) for key, value in content["exercises"].items()}
    return {key: record for key, record in records.items() if record is not None}


def _read(path: Path) -> tuple[dict[str, Record], bool]:
    """Return the records and whether the file is damaged."""
    try:
        records = _parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, False
    except (OSError, UnicodeDecodeError):
        return {}, True
    return ({}, True) if records is None else (records, False)


def load_progress(path: Path | None = None) -> dict[str, Record]:
    """Read the progress file.

    Parameters
    ----------
    path : Path, optional
        Another file than `progress_path`.

    Returns
    -------
    dict of str to Record
        By exercise id; empty where the file is missing or damaged. Damaged entries are left out.
    """
    return _read(path or progress_path())[0]


def record_try(exercise_id: str, passed: bool, path: Path | None = None) -> None:
    """Note that a check ran.

    Parameters
    ----------
    exercise_id : str
        For example ``"00.lip_aperture"``.
    passed : bool
        Whether the answer passed. A later failure takes nothing back.
    path : Path, optional
        Another file than `progress_path`.

    Notes
    -----
    A file that cannot be read is renamed to ``....damaged`` and a new one begun. A folder that
    cannot be written is no error: the check's verdict matters more.
    """
    path = path or progress_path()
    records, damaged = _read(path)
    before = records.get(exercise_id, Record())
    if before.passed:
        return
    now = datetime.now(UTC).isoformat(timespec="seconds") if passed else ""
    records[exercise_id] = Record(before.tries + 1, now)
    content = {
        "version": _VERSION,
        "exercises": {key: asdict(records[key]) for key in sorted(records)},
    }
    try:
        if damaged:
            path.replace(path.with_name(path.name + ".damaged"))
        write_text(path, json.dumps(content, indent=1) + "\n")
    except (OSError, UserError):
        return
