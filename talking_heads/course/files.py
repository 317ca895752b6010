"""Where the course's files stand, and how they are written."""

from __future__ import annotations

import os
import tempfile
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


def write_atomically(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` whole or not at all.

    Parameters
    ----------
    path : Path
        The file to write. Its folder is made if it is missing.
    text : str
        The new content, written as UTF-8.

    Raises
    ------
    OSError
        If the folder cannot be written; an existing file is then as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        # mkstemp makes private files; a notebook is as readable as any other new file.
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
