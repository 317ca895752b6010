"""Files that are either whole or not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import IO

from talking_heads.errors import UserError


@contextmanager
def atomic_write(path: str | PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a file for writing bytes; it takes its name only when all is written.

    The bytes go to a temporary file in the same folder, which then replaces the old one in one
    step. After an error the old file is as it was, and the temporary one is gone.

    Raises
    ------
    UserError
        If the folder does not exist, the path is a folder, or the system refuses to write.
    """
    target = check_target(path)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:80]}.", dir=target.parent)
    except OSError as error:
        raise UserError(f"Cannot write into {target.parent}: {error.strerror}.") from error
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files that only their owner reads; give it what open() would have.
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(target)
    except BaseException as error:
        with suppress(OSError):
            Path(name).unlink()
        if isinstance(error, OSError):
            raise UserError(f"Cannot write {target}: {error.strerror}.") from error
        raise


def check_target(path: str | PathLike[str]) -> Path:
    """Return the path as a `Path` if a file can stand there; cheap, for use before long work.

    Raises
    ------
    UserError
        If the folder does not exist or the path is a folder itself.
    """
    target = Path(path)
    if target.is_dir():
        raise UserError(f"{target} is a folder; give the name of a file in it.")
    if not target.parent.is_dir():
        raise UserError(f"The folder {target.parent} does not exist; create it first.")
    return target
