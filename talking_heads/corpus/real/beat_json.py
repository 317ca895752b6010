"""The JSON files of BEAT: a look at head and tail of a large one, and the whole of it.

::

    {"names": ["browDownLeft", ...],
     "frames": [{"weights": [0.01, ...], "time": 0.0167, "rotation": [...]}, ...]}

There are 60 frames a second with a weight for each name. ``rotation`` is not read.
"""

from __future__ import annotations

import json
import os
import re
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.corpus.real.headers import BadFile, open_plain
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_NAMES
from talking_heads.files import shown

DISK_FPS = 60
FPS = 30
"""Frames a second of the motion that is read: every second one."""
MOST_BYTES = 128 * 2**20
"""Larger files are refused. Ten minutes with 17 digits a weight take about 40 MB."""
MOST_WEIGHT = 10.0
"""A weight further from 0 than this is damage; a little above 1 or below 0 is not."""
CACHE_BYTES = 512 * 2**20
"""Memory for files that have been read: a minute of motion takes 0.37 MB, 512 MB hold 24 hours."""

_END, _BLOCK = 2**16, 2**20
_LEAST_FRAME = 100
"""Bytes: 51 weights and their commas alone take more."""
_SHORT_STEP, _LONG_STEP = 0.75 / DISK_FPS, 1.25 / DISK_FPS
_TIME = re.compile(rb'"time"\s*:\s*(-?[0-9][0-9.eE+-]{0,40})')
_NAMES = re.compile(rb'"names"\s*:\s*(\[[^\]]*\])')
_COLUMNS = {name.lower(): column for column, name in enumerate(ARKIT_NAMES)}
_MAY_LACK = {"tongueout"}

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Outline:
    """What head and tail of a file tell.

    Parameters
    ----------
    frames : int
        Of 30 a second.
    channels : int or None
        How many names there are; None where they do not stand at the file's head.
    """

    frames: int
    channels: int | None


@dataclass(frozen=True, eq=False)
class Recorded:
    """A file's motion.

    Parameters
    ----------
    values : ndarray
        ``(frame, 52)`` float32, 30 frames a second, in the order of
        `talking_heads.face.ARKIT_NAMES`. As recorded: some are above 1 or below 0.
    channels : int
        How many the file has, 51 or 52.
    gaps : tuple of (float, float)
        Where frames are missing: the seconds at which a gap begins, and how long it is.
    """

    values: Floats
    channels: int
    gaps: tuple[tuple[float, float], ...]


def columns_of(names: Any) -> NDArray[np.int64]:
    """Return the column in ARKit's order of each channel of a file.

    Parameters
    ----------
    names : list of str
        In any order; upper and lower case are the same.

    Returns
    -------
    ndarray of int64

    Raises
    ------
    BadFile
        If a name is unknown, missing or there twice. Only tongueOut may be missing.
    """
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadFile('it has no list of "names"')
    lower = [name.lower() for name in names]
    for name, short in zip(names, lower, strict=True):
        if short not in _COLUMNS:
            raise BadFile(f"it has a channel {name[:40]!r}, which ARKit does not know")
    if len(set(lower)) != len(lower):
        twice = next(name for name in lower if lower.count(name) > 1)
        raise BadFile(f"it has the channel {ARKIT_NAMES[_COLUMNS[twice]]} twice")
    missing = _COLUMNS.keys() - set(lower) - _MAY_LACK
    if missing:
        first = min(missing, key=lambda name: _COLUMNS[name])
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise BadFile(f"it lacks the channel {ARKIT_NAMES[_COLUMNS[first]]}{more}")
    return np.array([_COLUMNS[name] for name in lower], dtype=np.int64)


def outline(path: Path) -> Outline:
    """Look at both ends of a file; the rest is read only where frames bear no time.

    Raises
    ------
    BadFile
        If it cannot be read, its end is missing, or it is no such file.
    """
    try:
        with open_plain(path) as file:
            head = file.read(_END)
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - _END))
            tail = file.read(_END)
    except OSError as error:
        raise BadFile(f"it cannot be read ({error.strerror or error})") from error
    if not size:
        raise BadFile("it is empty")
    if size > MOST_BYTES:
        raise BadFile(f"it is too large: at most {MOST_BYTES // 2**20} MB are read")
    if not head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        raise BadFile("it does not begin as a JSON object")
    if not tail.rstrip().endswith(b"}"):
        raise BadFile("it ends in the middle")
    names = _NAMES.search(head)
    channels = None if names is None else len(columns_of(_parsed(names[1])))
    first, last = _TIME.search(head), _TIME.findall(tail)
    if first is None or not last:
        frames = -(-_count(path) // 2)
    else:
        frames = _frames_until(_number(last[-1]) - _number(first[1]))
    if not 0 < frames <= size // _LEAST_FRAME:
        raise BadFile("it holds no frames" if not frames else "its last frame has a senseless time")
    return Outline(frames, channels)


def _frames_until(seconds: float) -> int:
    """Return how many of 30 frames a second there are when the last begins at `seconds`."""
    if not 0 <= seconds < 1e6:
        raise BadFile("it has frames at senseless times")
    # Times are written with few digits; a quarter of a frame is far above that.
    return int(seconds * FPS + 0.25) + 1


def _number(digits: bytes) -> float:
    try:
        return float(digits)
    except ValueError:
        raise BadFile(f"it has a time {digits.decode('ascii')[:40]!r}") from None


def _count(path: Path) -> int:
    """Count the frames of a file whose frames bear no time."""
    word, found, rest = b'"weights"', 0, b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            block = rest + block
            found += block.count(word)
            rest = block[-len(word) + 1 :]
    return found


def _no_constant(name: str) -> float:
    raise BadFile(f"it holds {name}, which is no number")


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except BadFile:
        raise
    except RecursionError:
        raise BadFile("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise BadFile(f"it is no JSON from line {error.lineno}, column {error.colno} on") from None
    except (ValueError, MemoryError) as error:
        raise BadFile(f"it is no JSON ({type(error).__name__})") from None


def read_json(path: Path) -> Recorded:
    """Read a file whole.

    Frame ``k`` is the one whose ``time`` lies nearest to ``k / 30`` seconds after the first:
    frame ``2 k`` of the file where none is missing. Where frames bear no time it is always that
    one, as in the published loaders, which do not read the times.

    Raises
    ------
    BadFile
        If it cannot be read, or holds anything that is no motion of a face at 60 frames a second.
    """
    try:
        with open_plain(path) as file:
            text = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadFile(f"it cannot be read ({error.strerror or error})") from error
    if len(text) > MOST_BYTES:
        raise BadFile(f"it is too large: at most {MOST_BYTES // 2**20} MB are read")
    return recorded(_parsed(text))


def recorded(content: Any) -> Recorded:
    """Turn the content of a file into a motion; see `read_json`.

    Raises
    ------
    BadFile
        As `read_json`.
    """
    if not isinstance(content, dict):
        raise BadFile("it holds no JSON object")
    columns = columns_of(content.get("names"))
    frames = content.get("frames")
    if not isinstance(frames, list) or not frames:
        raise BadFile("it holds no frames")
    rows = []
    for number, frame in enumerate(frames):
        row = frame.get("weights") if isinstance(frame, dict) else None
        if not isinstance(row, list) or len(row) != len(columns):
            raise BadFile(f"it has no {len(columns)} weights in frame {number}")
        if not set(map(type, row)) <= {float, int}:
            raise BadFile(f"it has a weight that is no number in frame {number}")
        rows.append(row)
    index, gaps = _every_second(_times(frames), len(frames))
    try:
        weights = np.array(rows, dtype=np.float64)
    except OverflowError:
        raise BadFile("it has a weight far from 0") from None
    if not (np.abs(weights) <= MOST_WEIGHT).all():
        number = int(np.flatnonzero(~(np.abs(weights) <= MOST_WEIGHT).all(1))[0])
        raise BadFile(f"it has a weight beyond {MOST_WEIGHT:g} in frame {number}")
    values = np.zeros((len(index), len(ARKIT_NAMES)), dtype=np.float32)
    values[:, columns] = weights[index]
    values.flags.writeable = False
    return Recorded(values, len(columns), gaps)


def _times(frames: list[Any]) -> NDArray[np.float64] | None:
    """Return the times of all frames, None where none has one."""
    times = [frame.get("time") for frame in frames]
    kinds = set(map(type, times))
    if kinds == {type(None)}:
        return None
    if not kinds <= {float, int}:
        raise BadFile("it has a frame without a time, or one that is no number")
    try:
        out = np.array(times, dtype=np.float64)
    except OverflowError:
        raise BadFile("it has frames at senseless times") from None
    if not np.isfinite(out).all():
        raise BadFile("it has frames at senseless times")
    return out


def _every_second(
    times: NDArray[np.float64] | None, count: int
) -> tuple[NDArray[np.int64], tuple[tuple[float, float], ...]]:
    """Return which frames are taken, and where some are missing."""
    if times is None or count == 1:
        return np.arange(0, count, 2), ()
    times = times - times[0]
    steps = np.diff(times)
    if (steps < 0).any():
        raise BadFile(f"it goes back in time at frame {int(np.argmax(steps < 0)) + 1}")
    usual = float(np.median(steps))
    if not _SHORT_STEP <= usual <= _LONG_STEP:
        raise BadFile(f"it has frames {usual:.4g} s apart, not {DISK_FPS} a second")
    wanted = _frames_until(float(times[-1]))
    if wanted > count:
        raise BadFile("it lacks more than half of its frames")
    targets = np.arange(wanted) / FPS
    after = np.clip(np.searchsorted(times, targets), 1, count - 1)
    # A little less than half, so that of two frames equally near the earlier one is taken.
    nearer = times[after] - targets < targets - times[after - 1] - 1e-9
    missing = np.flatnonzero(steps > 1.5 / DISK_FPS)
    gaps = tuple((float(times[i]), float(steps[i] - 1 / DISK_FPS)) for i in missing)
    return np.where(nearer, after, after - 1), gaps


class _Cache:
    """The files that were read last, up to a number of bytes."""

    def __init__(self, most: int) -> None:
        self.most, self.size = most, 0
        self._kept: OrderedDict[tuple[str, int, int], Floats] = OrderedDict()
        self._lock = Lock()

    def get(self, path: Path) -> Floats:
        try:
            status = path.stat()
        except OSError as error:
            raise BadFile(f"it cannot be read ({error.strerror or error})") from error
        # A file that has changed since is another one.
        key = (str(path), status.st_mtime_ns, status.st_size)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        values = read_json(path).values
        with self._lock:
            if key not in self._kept and values.nbytes <= self.most:
                self._kept[key] = values
                self.size += values.nbytes
                while self.size > self.most:
                    self.size -= self._kept.popitem(last=False)[1].nbytes
        return values


_cache = _Cache(CACHE_BYTES)


def load_frames(path: Path, offset: int, frames: int, start: int, stop: int) -> Floats:
    """Return some frames of a window of a file, which is kept in memory for the next window.

    Parameters
    ----------
    path : Path
        The file.
    offset, frames : int
        The window, in frames of 30 a second.
    start, stop : int
        Which of its frames, from `start` up to, and without, `stop`.

    Returns
    -------
    ndarray of float32
        ``(stop - start, 52)``.

    Raises
    ------
    UserError
        If the file is damaged or shorter than its last frame told when the corpus was opened.
    """
    try:
        values = _cache.get(path)
        if len(values) < offset + frames:
            raise BadFile(f"it is shorter than its end says: {len(values)} frames of 30 a second")
    except BadFile as error:
        raise UserError(
            f"{shown(path)}: {error}.\nDownload it again, or delete it: the recording is left out."
        ) from error
    return np.array(values[offset + start : offset + stop])
