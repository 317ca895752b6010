"""Where the files live that come with the course."""

import os
from pathlib import Path

_DATA_VARIABLE = "TALKING_HEADS_DATA"


def data_dir() -> Path:
    """Return the course's ``data`` folder.

    Returns
    -------
    Path
        The folder named by the environment variable ``TALKING_HEADS_DATA`` if it is set, else
        ``data`` beside the package, as in a clone of the course.
    """
    override = os.environ.get(_DATA_VARIABLE)
    return Path(override) if override else Path(__file__).resolve().parent.parent / "data"


def checkpoint_dir(name: str) -> Path:
    """Return the folder of the shipped checkpoint ``name``; it may not exist."""
    return data_dir() / "checkpoints" / name


def encoder_dir(name: str) -> Path:
    """Return the folder of the shipped audio encoder ``name``; it may not exist."""
    return data_dir() / "encoders" / name
