"""Pickles as Python 2 wrote them: text as raw bytes, and arrays under NumPy's old names.

The data sets that are in use were written so, and no Python of today writes such files. Miniature
sets and tests need them.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np


def python2_pickle(value: Any) -> bytes:
    """Pickle a value as Python 2 did with protocol 2.

    Parameters
    ----------
    value : object
        Text in latin1, bytes (which become text), whole numbers of 64 bits, floats, truth values,
        None, lists, tuples, dicts and arrays of numbers.

    Returns
    -------
    bytes
        A pickle that Python 3 reads with ``encoding="latin1"``. The same value gives the same bytes
        with every version of NumPy.

    Raises
    ------
    TypeError
        If there is anything else in the value.
    """
    return b"\x80\x02" + _code(value) + b"."


def _text(data: bytes) -> bytes:
    if len(data) < 256:
        return b"U" + struct.pack("<B", len(data)) + data
    return b"T" + struct.pack("<i", len(data)) + data


def _integer(value: int) -> bytes:
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    return b"\x8a\x08" + struct.pack("<q", value)


def _array(value: np.ndarray[Any, Any]) -> bytes:
    if value.dtype.kind not in "biuf":
        raise TypeError(f"no array of dtype {value.dtype}")
    name = value.dtype.str[1:].encode()
    order = value.dtype.str[:1].encode()
    end = _integer(-1) + _integer(-1) + _integer(0)
    dtype = (
        b"cnumpy\ndtype\n" + _text(name) + _integer(0) + _integer(1) + b"\x87R"
        + b"(" + _integer(3) + _text(order) + b"NNN" + end + b"tb"
    )  # fmt: skip
    made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
    made += _code((0,)) + _text(b"b") + b"\x87R"
    state = _integer(1) + _code(value.shape) + dtype + b"\x89" + _text(value.tobytes())
    return made + b"(" + state + b"tb"


def _code(value: Any) -> bytes:
    if value is None or isinstance(value, bool):
        return {None: b"N", True: b"\x88", False: b"\x89"}[value]
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if isinstance(value, str):
        return _text(value.encode("latin1"))
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, list | tuple):
        start, end = (b"](", b"e") if isinstance(value, list) else (b"(", b"t")
        return start + b"".join(map(_code, value)) + end
    if isinstance(value, dict):
        return b"}(" + b"".join(_code(key) + _code(item) for key, item in value.items()) + b"u"
    raise TypeError(f"no value of type {type(value).__name__}")
