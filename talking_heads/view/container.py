"""The small binary container in which heads and motions travel to the browser.

Layout, little-endian: the four bytes ``THC1``, the length of the header as uint32, the header as
JSON in UTF-8 padded with spaces to a multiple of eight bytes, then the arrays one after another,
each padded to eight bytes. The header names every array with its type, shape and place, so that
both readers (`unpack` here, ``motion.js`` in the browser) stay a few lines long.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = b"THC1"
_TYPES = ("uint8", "int8", "int16", "uint16", "uint32", "float32")


def pack(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Write a header and named arrays as one byte string.

    Parameters
    ----------
    header : mapping
        What JSON can hold; the key ``arrays`` is reserved.
    arrays : mapping of str to ndarray
        Arrays of uint8, int8, int16, uint16, uint32 or float32, of any shape.

    Returns
    -------
    bytes
        The same input gives the same bytes.
    """
    table: dict[str, dict[str, Any]] = {}
    blocks: list[bytes] = []
    offset = 0
    for name, array in arrays.items():
        if array.dtype.name not in _TYPES:
            raise TypeError(f"{name} has type {array.dtype.name}, not one of {_TYPES}")
        block = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()
        table[name] = {"type": array.dtype.name, "shape": list(array.shape), "offset": offset}
        block += b"\0" * (-len(block) % 8)
        blocks.append(block)
        offset += len(block)
    text = json.dumps({**header, "arrays": table}, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % 8)
    return b"".join([MAGIC, len(text).to_bytes(4, "little"), text, *blocks])


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what `pack` wrote: the header and the arrays by name (read-only views)."""
    if data[:4] != MAGIC:
        raise ValueError("these bytes are not a container of talking_heads.view")
    length = int.from_bytes(data[4:8], "little")
    header = json.loads(data[8 : 8 + length])
    arrays = {}
    for name, entry in header.pop("arrays").items():
        count = int(np.prod(entry["shape"], dtype=np.int64))
        kind = np.dtype(entry["type"]).newbyteorder("<")
        start = 8 + length + entry["offset"]
        arrays[name] = np.frombuffer(data, kind, count, start).reshape(entry["shape"])
    return header, arrays
