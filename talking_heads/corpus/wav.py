"""How long a WAV file is, from its header alone."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from talking_heads.errors import UserError
from talking_heads.files import shown

_MOST_CHUNKS = 1_000
_KINDS = {1, 3, 0xFFFE}
"""Whole numbers, floats, and "extensible", which is one of the two."""
_RATES = range(4_000, 384_001)


class BadFile(ValueError):
    """What is wrong with a file, as a phrase that follows its name."""


@dataclass(frozen=True)
class WavLength:
    """The size of a WAV file.

    Parameters
    ----------
    rate : int
        Samples a second, 4,000 to 384,000.
    channels : int
        1 to 64.
    samples : int
        Of each channel that are really there, even where the header promises more.
    """

    rate: int
    channels: int
    samples: int

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.samples / self.rate


def wav_length(path: str | Path) -> WavLength:
    """Return how long a WAV file is; some bytes are read, however large it is.

    Parameters
    ----------
    path : str or Path
        With samples of 8 to 64 bits, or floats; not compressed.

    Returns
    -------
    WavLength

    Raises
    ------
    UserError
        If it cannot be read or its header makes no sense.
    """
    try:
        return wav_length_of(Path(path))
    except BadFile as error:
        raise UserError(f"{shown(path)} {error}.\nCopy or download it again.") from error


def wav_length_of(path: Path) -> WavLength:
    """As `wav_length`, but raise `BadFile`, whose text is a phrase without the file's name."""
    try:
        with path.open("rb") as file:
            return _length(file)
    except OSError as error:
        raise BadFile(f"cannot be read: {error.strerror or error}") from error


def _length(file: BinaryIO) -> WavLength:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(12)
    if not size:
        raise BadFile("is empty")
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise BadFile("is not a WAV file")
    form: tuple[int, int, int] | None = None
    for _ in range(_MOST_CHUNKS):
        chunk = file.read(8)
        if len(chunk) < 8:
            break
        name, length = struct.unpack("<4sI", chunk)
        start = file.tell()
        if name == b"data":
            if form is None:
                break
            rate, channels, step = form
            return WavLength(rate, channels, min(length, max(0, size - start)) // step)
        if name == b"fmt ":
            form = _form(file.read(16))
        file.seek(start + length + length % 2)
    raise BadFile("is a WAV file without sound")


def _form(chunk: bytes) -> tuple[int, int, int]:
    """Return the rate, the channels, and the bytes of one sample of all channels."""
    if len(chunk) < 16:
        raise BadFile("ends within its header")
    kind, channels, rate, _, step, bits = struct.unpack("<HHIIHH", chunk)
    if kind not in _KINDS:
        raise BadFile(f"has compressed samples (kind {kind} of WAV)")
    if bits not in (8, 16, 24, 32, 64) or not 1 <= channels <= 64 or step != channels * bits // 8:
        raise BadFile(f"has a damaged header ({channels} channels of {bits} bits)")
    if rate not in _RATES:
        raise BadFile(f"has a damaged header ({rate} samples a second)")
    return rate, channels, step
