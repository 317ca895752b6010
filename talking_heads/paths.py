"""Where the files live that come with the course."""

import os
from pathlib import Path

_DATA_VARIABLE = "TALKING_HEADS_DATA"
_CACHE_VARIABLE = "TALKING_HEADS_CACHE"


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


def cache_dir() -> Path:
    """Return the folder for results that can be computed again; it may not exist.

    Returns
    -------
    Path
        The folder named by ``TALKING_HEADS_CACHE`` if it is set, else ``talking-heads`` in the
        folder named by ``XDG_CACHE_HOME``, else in ``.cache`` of the home folder.
    """
    override = os.environ.get(_CACHE_VARIABLE)
    if override:
        return Path(override)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path("~/.cache").expanduser()) / "talking-heads"
