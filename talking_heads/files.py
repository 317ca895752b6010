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

_TEMPORARY = ".talking_heads."


@contextmanager
def atomic_write(path: str | PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a file for writing bytes; it takes its name only when all is written.

    The bytes go to a temporary file in the same folder, which then replaces the old one in one
    step. After an error the old file is as it was, and the temporary one is gone. Where the path is
    a link, the file that it leads to is replaced, as `open` would.

    Raises
    ------
    UserError
        If the folder does not exist, the path is a folder, or the system refuses to write.
    """
    target = check_target(path)
    if target.is_symlink():
        target = check_target(target.resolve())
    try:
        # Not named after the target: a name may be as long as the system allows.
        handle, name = tempfile.mkstemp(prefix=_TEMPORARY, dir=target.parent)
    except OSError as error:
        raise _cannot_write(target, error) from error
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
            raise _cannot_write(target, error) from error
        raise


def remove_leftovers(folder: str | PathLike[str]) -> None:
    """Delete the temporary files that killed programs left in a folder; see `atomic_write`.

    Only for a folder that no other program writes to.
    """
    for path in Path(folder).glob(f"{_TEMPORARY}*"):
        with suppress(OSError):
            path.unlink()


def write_text(path: str | PathLike[str], text: str) -> None:
    """Write text as UTF-8 with Unix line ends, whole or not at all; see `atomic_write`.

    Parameters
    ----------
    path : path
        The file to write. Its folder is made if it is missing.
    text : str
        The new content.

    Raises
    ------
    UserError
        If the folder cannot be made, or the file cannot be written; an existing file is then as
        it was.
    """
    folder = Path(path).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    with atomic_write(path) as file:
        file.write(text.encode("utf-8"))


def read_text(path: str | PathLike[str], most_bytes: int) -> str:
    """Read a short text file in UTF-8, with or without a byte order mark.

    Parameters
    ----------
    path : path
        The file, or a pipe.
    most_bytes : int
        No more is read, so that neither a huge file nor an endless device fills the memory.

    Returns
    -------
    str
        Its content.

    Raises
    ------
    UserError
        If the file cannot be read, is larger, or is not UTF-8.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise UserError(f"Cannot read {shown(path)}: {error.strerror or error}.") from error
    if len(content) > most_bytes:
        raise UserError(f"{shown(path)} is too large: at most {most_bytes:,} bytes are read.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{shown(path)} is not UTF-8 text.\nSave it as UTF-8.") from error


def shown(path: str | PathLike[str]) -> str:
    """Return a path as it fits into a message: printable, on one line, not endless."""
    text = "".join(c if c.isprintable() else "?" for c in str(path))
    return text if len(text) <= 200 else f"{text[:90]}...{text[-90:]}"


def _cannot_write(path: Path, error: OSError) -> UserError:
    return UserError(f"Cannot write {shown(path)}: {error.strerror or error}.")


def check_target(path: str | PathLike[str]) -> Path:
    """Return the path as a `Path` if a file can stand there; cheap, for use before long work.

    Raises
    ------
    UserError
        If the folder does not exist or may not be written, or the path is a folder itself.
    """
    target = Path(path)
    if target.is_dir():
        raise UserError(f"{shown(target)} is a folder; give the name of a file in it.")
    folder = target.parent
    if not folder.is_dir():
        raise UserError(f"The folder {shown(folder)} does not exist; create it first.")
    if not os.access(folder, os.W_OK):
        raise UserError(f"The folder {shown(folder)} may not be written; choose another.")
    return target
