"""WAV files whose header is wrong about their length."""

from __future__ import annotations

import io
import os
import struct
from typing import Any, BinaryIO


def repaired(stream: BinaryIO) -> BinaryIO:
    """Return the stream, with its length mended if it is a WAV file whose header promises less.

    Recorders that crash, and programs that write into a pipe, leave a length of 0 or a small one
    in the header. That is taken for a mistake where more than the promised length follows and
    is no further chunk of the file. (Promises of too much are dealt with by the decoder.)

    Parameters
    ----------
    stream : binary file
        That can seek, at any position.

    Returns
    -------
    binary file
        At its start: the same one, or a view of it with another length in its header.
    """
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    head = stream.read(12)
    position = 12
    while head[:4] == b"RIFF" and head[8:12] == b"WAVE" and position + 8 <= size:
        stream.seek(position)
        name, length = struct.unpack("<4sI", stream.read(8))
        if not _is_name(name):
            break  # no chunk: stepping through a gigabyte of zeros would take minutes
        start, rest = position + 8, size - position - 8
        if name == b"data":
            after = start + length + length % 2
            if length < rest - length and not _are_chunks(stream, after, size):
                stream.seek(0)
                return _Patched(stream, position + 4, struct.pack("<I", min(rest, 2**32 - 1)))
            break
        position = start + length + length % 2
    stream.seek(0)
    return stream


def _are_chunks(stream: BinaryIO, position: int, size: int) -> bool:
    """Return whether RIFF chunks, or nothing, fill the file from ``position`` to its end."""
    while position + 8 <= size:
        stream.seek(position)
        name, length = struct.unpack("<4sI", stream.read(8))
        if not _is_name(name) or position + 8 + length > size:
            return False
        position += 8 + length + length % 2
    return True


def _is_name(name: bytes) -> bool:
    return all(32 <= byte < 127 for byte in name)


class _Patched(io.RawIOBase, BinaryIO):
    """A file of which some bytes read differently; the file itself stays as it is."""

    def __init__(self, stream: BinaryIO, offset: int, content: bytes) -> None:
        self._stream, self._offset, self._content = stream, offset, content

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, position: int, whence: int = os.SEEK_SET) -> int:
        return self._stream.seek(position, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def readinto(self, buffer: Any) -> int:
        start = self._stream.tell()
        data = bytearray(self._stream.read(len(buffer)))
        for index, byte in enumerate(self._content, self._offset - start):
            if 0 <= index < len(data):
                data[index] = byte
        buffer[: len(data)] = data
        return len(data)
