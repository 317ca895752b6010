"""The first bytes of NPY and WAV files: how long a file is, without reading it.

Real data sets hold up to 60 GB. Opening one reads these headers only, and checks them against the
size of the file. Arrays are never unpickled.
"""

from __future__ import annotations

import os
import stat
import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_MOST_HEADER = 10_000
_MOST_CHUNKS = 1_000
_RATES = (4_000, 768_000)
_MOST_CHANNELS = 64
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE


class BadFile(Exception):
    """A file is not what it should be; the text is a phrase without the path or a full stop."""


@dataclass(frozen=True)
class NpyHeader:
    """What the header of an NPY file says, checked against the file's size.

    Parameters
    ----------
    shape : tuple of int
        Of the array.
    dtype : dtype
        Floating point, of 2, 4 or 8 bytes.
    fortran : bool
        Whether columns, not rows, are contiguous.
    offset : int
        Bytes before the values.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    offset: int


@dataclass(frozen=True)
class WavHeader:
    """What the header of a WAV file says, as far as the file holds it.

    Parameters
    ----------
    rate : int
        Samples a second.
    channels : int
        1 for mono.
    samples : int
        Of each channel, no more than are in the file.
    """

    rate: int
    channels: int
    samples: int

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return self.samples / self.rate


def open_plain(path: Path) -> IO[bytes]:
    """Open a file for reading bytes; raises `BadFile` for what is no plain file, such as a pipe."""
    try:
        # Without waiting for the other end of a pipe; in binary on Windows.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        file = os.open(path, flags)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise BadFile("it is no plain file")
        return os.fdopen(file, "rb")
    except OSError as error:
        raise BadFile(f"it cannot be read ({error.strerror or error})") from error


def read_npy_header(path: Path) -> NpyHeader:
    """Read and check the header of an array of floating-point numbers.

    Parameters
    ----------
    path : Path
        An NPY file of version 1, 2 or 3.

    Returns
    -------
    NpyHeader

    Raises
    ------
    BadFile
        If it cannot be read, is none, holds anything but such numbers, or is shorter or longer
        than its header says.
    """
    with open_plain(path) as file:
        size = os.fstat(file.fileno()).st_size
        shape, fortran, dtype = _npy_header(file)
        offset = file.tell()
    if dtype.hasobject or dtype.kind != "f" or dtype.itemsize not in (2, 4, 8):
        raise BadFile(f"it holds {dtype!s:.30}, not floating-point numbers")
    if not all(type(length) is int and 0 <= length < 2**48 for length in shape) or len(shape) > 8:
        raise BadFile("its header is damaged")
    count = 1
    for length in shape:
        count *= length
    if size - offset != count * dtype.itemsize:
        more = "shorter" if size - offset < count * dtype.itemsize else "longer"
        raise BadFile(f"it is {more} than its header says")
    return NpyHeader(shape, dtype, bool(fortran), offset)


def npy_shape(path: Path) -> tuple[int, ...]:
    """Return the shape that an NPY file claims to have; raises `BadFile` if it is none."""
    with open_plain(path) as file:
        shape = _npy_header(file)[0]
    if not all(type(length) is int and length >= 0 for length in shape):
        raise BadFile("its header is damaged")
    return tuple(shape)


def _npy_header(file: IO[bytes]) -> tuple[Any, Any, np.dtype[Any]]:
    """Return shape, whether columns are contiguous, and dtype; the values come next."""
    # Version 3 is version 2 with names of fields in UTF-8, of which there are none here.
    read: dict[tuple[int, int], Callable[..., Any]] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
        (3, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        version = np.lib.format.read_magic(file)
        with warnings.catch_warnings():
            # NumPy warns of headers that Python 2 wrote, (10L, 3L), and reads them.
            warnings.simplefilter("ignore", UserWarning)
            shape, fortran, dtype = read[version](file, max_header_size=_MOST_HEADER)
        return shape, fortran, dtype
    except OSError as error:
        raise BadFile(f"it cannot be read ({error.strerror or error})") from error
    except Exception as error:
        # NumPy parses a Python literal here, and damaged ones raise nearly anything.
        raise BadFile("it is no NPY file, or its header is damaged") from error


def read_rows(path: Path, header: NpyHeader, start: int, stop: int) -> NDArray[Any]:
    """Read some rows of an array.

    Parameters
    ----------
    path : Path
        The file.
    header : NpyHeader
        As `read_npy_header` returned it.
    start, stop : int
        From row `start` up to, and without, `stop`.

    Returns
    -------
    ndarray
        ``(stop - start, ...)`` in the file's own dtype.

    Raises
    ------
    BadFile
        If the file has become shorter, or cannot be read.
    """
    shape = (stop - start, *header.shape[1:])
    if header.fortran:
        # Rows lie apart: the system reads the pages that are needed.
        try:
            mapped = np.memmap(path, header.dtype, "r", header.offset, header.shape, "F")
            return np.array(mapped[start:stop], order="C")
        except (OSError, ValueError) as error:
            raise BadFile("it has changed or cannot be read") from error
    width = int(np.prod(shape[1:], dtype=np.int64)) * header.dtype.itemsize
    with open_plain(path) as file:
        try:
            file.seek(header.offset + start * width)
            raw = file.read((stop - start) * width)
        except OSError as error:
            raise BadFile(f"it cannot be read ({error.strerror or error})") from error
    if len(raw) != (stop - start) * width:
        raise BadFile("it has become shorter since it was opened")
    return np.frombuffer(raw, header.dtype).reshape(shape)


def read_wav_header(path: Path) -> WavHeader:
    """Read and check the header of a WAV file.

    Parameters
    ----------
    path : Path
        WAV of whole or floating-point samples.

    Returns
    -------
    WavHeader

    Raises
    ------
    BadFile
        If it cannot be read, is no such file, or holds no samples.
    """
    with open_plain(path) as file:
        try:
            return _wav_header(file, os.fstat(file.fileno()).st_size)
        except (OSError, struct.error) as error:
            raise BadFile("it is no WAV file, or its header is damaged") from error


def _wav_header(file: IO[bytes], size: int) -> WavHeader:
    start = file.read(12)
    if start[:4] != b"RIFF" or start[8:] != b"WAVE":
        raise BadFile("it is no WAV file")
    about: tuple[int, ...] | None = None
    for _ in range(_MOST_CHUNKS):
        name, length = struct.unpack("<4sI", file.read(8))
        here = file.tell()
        if name == b"fmt ":
            about = struct.unpack("<HHIIHH", file.read(16))
        elif name == b"data":
            if about is None:
                break
            return _checked(about, min(length, size - here))
        file.seek(here + length + length % 2)
    raise BadFile("its header is damaged")


def _checked(about: tuple[int, ...], held: int) -> WavHeader:
    tag, channels, rate, _, align, bits = about
    if tag not in (_PCM, _FLOAT, _EXTENSIBLE) or bits not in (8, 16, 24, 32, 64):
        raise BadFile("its samples are compressed; convert it to WAV with 16 bits")
    if not _RATES[0] <= rate <= _RATES[1]:
        raise BadFile(f"it claims {rate:,} samples a second")
    if not 1 <= channels <= _MOST_CHANNELS or align != channels * bits // 8:
        raise BadFile(f"it claims {channels:,} channels")
    if held < align:
        raise BadFile("it holds no sound")
    return WavHeader(rate, channels, held // align)
