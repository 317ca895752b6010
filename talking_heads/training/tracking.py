"""Losses as they come, in files that TensorBoard shows: an option."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from talking_heads.errors import UserError
from talking_heads.files import shown

Record = Callable[[int, dict[str, float]], None]


def check_tensorboard() -> None:
    """Raise `UserError` unless the package ``tensorboard`` is installed."""
    if find_spec("tensorboard") is None:
        raise UserError(
            "Without the package tensorboard there is no record for it. Leave it out, or install\n"
            'the package: pip install "talking-heads[tensorboard]".'
        )


@contextlib.contextmanager
def event_writer(folder: Path | None, step: int) -> Iterator[Record]:
    """Give a function that writes numbers by step and name.

    Parameters
    ----------
    folder : Path or None
        Where the files go; None: nowhere.
    step : int
        The first to come. What an interrupted run wrote of it and of later ones is not shown.

    Yields
    ------
    callable
        ``record(step, values)``.
    """
    if folder is None:
        yield lambda step, values: None
        return
    check_tensorboard()
    from torch.utils.tensorboard import SummaryWriter

    try:
        writer = SummaryWriter(str(folder), purge_step=step)
    except OSError as error:
        raise UserError(
            f"Cannot write to the folder {shown(folder)}: {error.strerror or error}."
        ) from None

    def record(step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, step)

    try:
        yield record
    finally:
        writer.close()
