"""Where the course's files stand."""

from __future__ import annotations

from pathlib import Path

from talking_heads.errors import UserError


def course_root() -> Path:
    """Return the folder that holds ``notebooks`` and ``exercises``.

    Returns
    -------
    Path
        The folder of the clone that the package runs from.

    Raises
    ------
    UserError
        If the package was installed without the course around it.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / "exercises").is_dir():
        raise UserError(
            "The exercises and notebooks are not beside the package.\n"
            "Clone the course and install it from there: pip install -e ."
        )
    return root
