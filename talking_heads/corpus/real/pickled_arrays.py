"""What pickles of NumPy arrays call, built by functions of our own from checked arguments.

`talking_heads.corpus.real.unpickle` reads the instructions of a pickle; `TABLE` holds all the names
that a pickle may use there. None of them is imported.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

_MOST_DIMENSIONS = 32
_MOST_ITEM_BYTES = 2**20
_ORDERS = "<>|="
_LETTER = np.dtype("<u4")
_LAST = 0x10FFFF
_DTYPE = re.compile(r"[<>|=]?(?:b1|[iu][1248]|f(?:2|4|8)|c(?:8|16)|[SU]\d{1,6})")


class Refused(Exception):
    """The pickle asks for something that is not plain data."""


class Damaged(Exception):
    """The pickle is not one that a pickler writes."""


class Name:
    """A name of the table, as it lies on the stack until it is called."""

    def __init__(self, build: Callable[..., Any]) -> None:
        self.build = build


class Pending:
    """An array or a dtype between its making and its state; `value` is set by the latter."""

    def __init__(self, finish: Callable[[Any], Any], value: Any = None) -> None:
        self.finish = finish
        self.value = value


# What the names of the table build. Each checks its arguments: they come from the file.


def raw_bytes(value: Any) -> bytes:
    """Return the bytes of an array; Python 2 wrote them as text."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        try:
            return value.encode("latin1")
        except UnicodeEncodeError:
            raise Damaged("the bytes of an array hold letters beyond latin1") from None
    if isinstance(value, list):
        raise Refused("an array of objects")
    raise Damaged("the content of an array is not bytes")


def whole(value: Any, what: str) -> int:
    """Return a value that must be a plain int."""
    if type(value) is not int:
        raise Damaged(f"{what} is not a whole number")
    return value


def _checked_dtype(value: Any) -> np.dtype[Any]:
    if isinstance(value, Pending):
        value = value.value
    if not isinstance(value, np.dtype):
        raise Damaged("an array has no dtype")
    return value


def _checked_shape(value: Any) -> tuple[int, ...]:
    if type(value) is int:
        value = (value,)
    if type(value) is not tuple or len(value) > _MOST_DIMENSIONS:
        raise Damaged("an array has no shape")
    for length in value:
        if not 0 <= whole(length, "a length in a shape") < 2**40:
            raise Damaged("an array has an impossible shape")
    return value


def _array(raw: bytes, dtype: np.dtype[Any], shape: tuple[int, ...], order: str) -> Any:
    # NumPy would make an array of empty texts wider than its bytes.
    if not dtype.itemsize or len(raw) != math.prod(shape) * dtype.itemsize:
        raise Damaged(f"an array of shape {shape!r:.80} does not fit its {len(raw):,} bytes")
    try:
        # bytearray: an array upon bytes could not be written to.
        flat = np.frombuffer(bytearray(raw), dtype) if raw else np.zeros(0, dtype)
        if dtype.kind == "U" and (flat.view(_LETTER.newbyteorder(dtype.byteorder)) > _LAST).any():
            raise Damaged("a text in an array holds what is no letter")
        return flat.reshape(shape, order="F" if order == "F" else "C")
    except (ValueError, OverflowError) as error:
        raise Damaged(f"an array of shape {shape!r:.80} cannot be made") from error


def _make_dtype(*args: Any) -> Pending:
    # numpy.dtype("f8", align, copy), then a state that holds the byte order.
    if not 1 <= len(args) <= 3 or not isinstance(args[0], str | bytes):
        raise Damaged("a dtype has no name")
    name = args[0].decode("latin1") if isinstance(args[0], bytes) else args[0]
    if not _DTYPE.fullmatch(name):
        kind = name.lstrip(_ORDERS)[:1]
        if kind == "O":
            raise Refused("an array of objects")
        raise Refused(f"an array of dtype {name!r:.40}")
    dtype = np.dtype(name if name[0] in _ORDERS else f"<{name}")
    if dtype.itemsize > _MOST_ITEM_BYTES:
        raise Refused(f"an array of dtype {name!r:.40}")

    def finish(state: Any) -> np.dtype[Any]:
        if type(state) is not tuple or not 6 <= len(state) <= 9:
            raise Damaged("a dtype has a strange state")
        order = state[1].decode("latin1") if isinstance(state[1], bytes) else state[1]
        if not isinstance(order, str) or len(order) != 1 or order not in _ORDERS:
            raise Damaged("a dtype has no byte order")
        if any(part is not None for part in state[2:5]):
            raise Refused("an array of records")
        if dtype.kind in "SU" and whole(state[5], "the length of text") != dtype.itemsize:
            raise Damaged("a dtype of text has two lengths")
        return dtype.newbyteorder(order)  # type: ignore[arg-type]  # one of _ORDERS

    return Pending(finish, dtype)


def _make_array(*args: Any) -> Pending:
    # _reconstruct(ndarray, (0,), b"b"): an empty array, whose state brings all the rest.
    if len(args) != 3 or not isinstance(args[0], Name) or args[0].build is not _ndarray:
        raise Refused("an object that is no plain array")

    def finish(state: Any) -> Any:
        if type(state) is not tuple or len(state) not in (4, 5):
            raise Damaged("an array has a strange state")
        shape, dtype, fortran, raw = state[-4:]
        order = "F" if type(fortran) in (bool, int) and fortran else "C"
        return _array(raw_bytes(raw), _checked_dtype(dtype), _checked_shape(shape), order)

    return Pending(finish)


def _frombuffer(*args: Any) -> Any:
    # Protocol 5: _frombuffer(bytes, dtype, shape, order).
    if len(args) != 4 or not isinstance(args[3], str) or args[3] not in ("C", "F"):
        raise Damaged("an array of protocol 5 has strange arguments")
    return _array(raw_bytes(args[0]), _checked_dtype(args[1]), _checked_shape(args[2]), args[3])


def _scalar(*args: Any) -> Any:
    if len(args) != 2:
        raise Damaged("a NumPy number has strange arguments")
    dtype = _checked_dtype(args[0])
    if not dtype.itemsize and not raw_bytes(args[1]):
        return dtype.type()  # the empty text
    return _array(raw_bytes(args[1]), dtype, (1,), "C")[0]


def _ndarray(*args: Any) -> Any:
    raise Refused("an array that is made anew")


def _encode(*args: Any) -> bytes:
    # Python 3 writes bytes into protocols 0 to 2 as _codecs.encode(text, "latin1").
    texts = all(isinstance(text, str) for text in args)
    if len(args) != 2 or not texts or args[1] not in ("latin1", "latin-1"):
        raise Refused("an encoding")
    return raw_bytes(args[0])


def _bytes(*args: Any) -> bytes:
    # Python 3 writes empty bytes into protocols 0 to 2 as bytes().
    if args:
        raise Refused("bytes made of something else")
    return b""


# Neither tuples nor complex numbers: anyone can make up thousands with the same hash, which takes a
# dict hours, and a long tuple is hashed anew each time.
_KEYS = (str, bytes, int, float, bool, type(None))


def checked_key(key: Any) -> Any:
    """Return a key of a dict, which must be a plain value."""
    if type(key) not in _KEYS and (
        not isinstance(key, np.generic) or isinstance(key, np.complexfloating)
    ):
        raise Refused("a key of a dict that is no plain value")
    return key


def _ordered_dict(*args: Any) -> dict[Any, Any]:
    # Plain dicts have kept their order since Python 3.7. Python 2 wrote the pairs as arguments.
    pairs = args[0] if args else []
    if len(args) > 1 or type(pairs) is not list:
        raise Refused("an ordered dict made of something else")
    if not all(type(pair) in (list, tuple) and len(pair) == 2 for pair in pairs):
        raise Damaged("a dict has a key without a value")
    return {checked_key(key): value for key, value in pairs}


def _default_dict(*args: Any) -> dict[Any, Any]:
    # What it would give for a missing key is dropped, and never called.
    plain = all(part is None or (isinstance(part, Name) and part.build is _type) for part in args)
    if len(args) > 1 or not plain:
        raise Refused("a dict that calls something")
    return {}


def _type(*args: Any) -> Any:
    raise Refused("a call of a type")


def _bytearray(*args: Any) -> bytes:
    if args and not (len(args) == 1 and isinstance(args[0], bytes)):
        raise Refused("a bytearray made of something else")
    return args[0] if args else b""


TABLE: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): _ndarray,
    ("numpy", "dtype"): _make_dtype,
    ("_codecs", "encode"): _encode,
    ("builtins", "bytes"): _bytes,
    ("__builtin__", "bytes"): _bytes,
    ("builtins", "bytearray"): _bytearray,
    ("collections", "OrderedDict"): _ordered_dict,
    ("collections", "defaultdict"): _default_dict,
    **{
        (module, name): _type
        for module in ("builtins", "__builtin__")
        for name in ("dict", "list", "int", "float")
    },
    ("__builtin__", "bytearray"): _bytearray,
    **{
        (f"numpy.{core}.{module}", name): build
        for core in ("core", "_core")
        for module, name, build in (
            ("multiarray", "_reconstruct", _make_array),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _frombuffer),
        )
    },
}
