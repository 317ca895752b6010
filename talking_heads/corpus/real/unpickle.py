"""Read pickles of plain data, and never run anything that a pickle asks for.

A pickle is a small program, and Python's own loader runs it: a pickle can name any function and
call it. VOCASET and BIWI come as pickles, so this module has a loader of its own. It knows the
instructions that build numbers, text, lists, tuples, dicts and NumPy arrays, in all protocols from
0 to 5, and no others. No name that a pickle holds is ever imported. The few names that arrays need
stand in a table, and each has a function of this module behind it.

Sizes are checked against the file before anything is allocated, so that a file of some bytes cannot
fill the memory.
"""

from __future__ import annotations

import codecs
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from talking_heads.corpus.real.pickled_arrays import (
    TABLE,
    Damaged,
    Name,
    Pending,
    Refused,
    checked_key,
)
from talking_heads.errors import UserError
from talking_heads.files import shown

MOST_BYTES = 256 * 2**20
"""Files above this size are refused unless the caller allows more."""
MOST_STEPS = 3_000_000
"""Instructions in one pickle. VOCASET's index of 120,000 frames takes about half a million."""
MOST_DEPTH = 64
"""How deep lists, tuples and dicts may be nested."""
ENCODINGS = ("latin1", "utf-8", "ascii")
"""What text that Python 2 wrote may be encoded in."""

_LONGEST_INTEGER = 9
"""Bytes of a whole number. Longer ones are no data, and could be chosen to make dicts slow."""
_LONGEST_LINE = 2**20

_BUILT_PER_BYTE = 8
"""Bytes of arrays, bytes and dicts that calls may build, for each byte of the file."""

Value = Any
"""What a pickle of plain data may hold; typed as Any, because callers check what they get."""


def load_pickle(
    path: str | Path, *, encoding: str = "latin1", most_bytes: int = MOST_BYTES
) -> Value:
    """Read a pickle that holds plain data: numbers, text, lists, tuples, dicts, arrays.

    Parameters
    ----------
    path : str or Path
        The file. Nothing behind the end of the pickle is read.
    encoding : {"latin1", "utf-8", "ascii"}
        Of the text that Python 2 wrote; VOCASET needs latin1.
    most_bytes : int
        Larger files are refused.

    Returns
    -------
    object
        None, bool, int (of at most 64 bits), float, str, bytes, list, tuple, dict, NumPy arrays and
        scalars of numbers, truth values and text. Keys of dicts are text, bytes and real numbers.
        A bytearray comes back as bytes. Arrays can be written to.

    Raises
    ------
    UserError
        If the file cannot be read, is too large, is damaged, or asks for anything else: a function,
        a class, an array of objects. The message names what it asks for; nothing of it has run.
    """
    if encoding not in ENCODINGS:
        raise UserError(f"The encoding is one of {', '.join(ENCODINGS)}, not {encoding!r}.")
    file_path = Path(path)
    try:
        # What is no file, such as a pipe or a device, has no size to check.
        if not file_path.is_file():
            what = "is no file" if file_path.exists() else "does not exist"
            raise UserError(f"{shown(path)} {what}.")
        with file_path.open("rb") as file:
            size = file_path.stat().st_size
            if size > most_bytes:
                raise UserError(
                    f"{shown(path)} is too large: at most {most_bytes:,} bytes are read."
                )
            return _Machine(file, size, encoding).run()
    except Refused as error:
        raise UserError(
            f"{shown(path)} asks for {error}, which plain data never does.\n"
            "It was refused, and nothing of it was run. Download it again from its source."
        ) from None
    except Damaged as error:
        raise UserError(f"{shown(path)} is damaged: {error}.\nDownload it again.") from None
    except OSError as error:
        raise UserError(f"Cannot read {shown(path)}: {error.strerror or error}.") from error
    except MemoryError:
        raise UserError(f"{shown(path)} does not fit into the memory.") from None


class _Mark:
    """The start of a group on the stack."""


_MARK = _Mark()


class _Machine:
    """Runs the instructions of a pickle that build plain data."""

    def __init__(self, file: IO[bytes], size: int, encoding: str) -> None:
        self.file = file
        self.left = size
        self.encoding = encoding
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.to_build = _BUILT_PER_BYTE * size

    def run(self) -> Value:
        if not self.left:
            raise Damaged("it is empty")
        for _ in range(MOST_STEPS):
            code = self.take(1)
            if code == b".":
                value = self.pop()
                if self.stack:
                    raise Damaged("it does not end with one value")
                _check(value)
                return value
            handle = _CODES.get(code)
            if handle is None:
                what = _FORBIDDEN.get(code)
                if what is None:
                    raise Damaged("it holds a byte that is no instruction, or is no pickle")
                raise Refused(what)
            handle(self)
        raise Damaged(f"it has more than {MOST_STEPS:,} instructions")

    # Reading

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise Damaged("it ends too early")
        data = self.file.read(count)
        if len(data) != count:
            raise Damaged("it ends too early")
        self.left -= count
        return data

    def number(self, code: str) -> int:
        return int(struct.unpack("<" + code, self.take(struct.calcsize(code)))[0])

    def line(self, most: int = _LONGEST_LINE) -> bytes:
        data = self.file.readline(min(most, self.left))
        self.left -= len(data)
        if not data.endswith(b"\n"):
            raise Damaged("a line in it does not end")
        return data[:-1]

    def text_number(self) -> int:
        digits = self.line(32).removesuffix(b"L")
        if not re.fullmatch(rb"[+-]?\d{1,20}", digits):
            raise Damaged("a number in it is none")
        return _small(int(digits))

    def decoded(self, data: bytes, encoding: str) -> str:
        try:
            # surrogatepass: Python writes lone surrogates so.
            return data.decode(encoding, "surrogatepass" if encoding == "utf-8" else "strict")
        except (UnicodeDecodeError, ValueError):
            raise Damaged(f"a text in it is not {encoding}") from None

    # The stack

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise Damaged("an instruction lacks its value")
        return self.stack.pop()

    def group(self) -> list[Any]:
        """Take off what lies above the last mark, and the mark."""
        for position in range(len(self.stack) - 1, -1, -1):
            if self.stack[position] is _MARK:
                values = self.stack[position + 1 :]
                del self.stack[position:]
                return values
        raise Damaged("a group lacks its start")

    def top(self, kind: type) -> Any:
        if not self.stack or type(self.stack[-1]) is not kind:
            raise Damaged(f"something is added to what is no {kind.__name__}")
        return self.stack[-1]

    # Instructions that do more than push

    def put(self, key: int) -> None:
        if not self.stack or self.stack[-1] is _MARK:
            raise Damaged("an instruction lacks its value")
        self.memo[key] = self.stack[-1]

    def get(self, key: int) -> None:
        if key not in self.memo:
            raise Damaged("it refers to a value that it does not hold")
        self.push(_built(self.memo[key]))

    def double(self) -> None:
        value = self.pop()
        self.stack += [value, value]

    def append(self, values: list[Any]) -> None:
        self.top(list).extend(values)

    def set_items(self, values: list[Any]) -> None:
        target = self.top(dict)
        if len(values) % 2:
            raise Damaged("a dict has a key without a value")
        for key, value in zip(values[::2], values[1::2], strict=True):
            target[checked_key(key)] = value

    def make_dict(self) -> None:
        values = self.group()
        self.push({})
        self.set_items(values)

    def set_item(self) -> None:
        value, key = self.pop(), self.pop()
        self.set_items([key, value])

    def make_tuple(self, count: int) -> None:
        values = [self.pop() for _ in range(count)]
        self.push(tuple(reversed(values)))

    def name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise Damaged("a name in it is no text")
        build = TABLE.get((module, name))
        if build is None:
            raise Refused(shown(f"{module}.{name}"))
        self.push(Name(build))

    def name_lines(self) -> None:
        module, name = self.line(), self.line()
        self.name(self.decoded(module, "utf-8"), self.decoded(name, "utf-8"))

    def name_stack(self) -> None:
        name, module = self.pop(), self.pop()
        self.name(module, name)

    def reduce(self) -> None:
        args, called = self.pop(), self.pop()
        if type(args) is not tuple:
            raise Damaged("a call in it lacks its arguments")
        if not isinstance(called, Name):
            raise Refused("a call of what is no function")
        self.push(self.weighed(called.build(*args)))

    def weighed(self, value: Any) -> Any:
        """Return what a call built; many calls could copy the same few megabytes without end."""
        if isinstance(value, np.ndarray | np.generic):
            self.to_build -= value.nbytes
        elif isinstance(value, bytes):
            self.to_build -= len(value)
        elif isinstance(value, dict):
            self.to_build -= 8 * len(value)
        if self.to_build < 0:
            raise Damaged("it builds far more than it holds")
        return value

    def build(self) -> None:
        state, target = self.pop(), self.pop()
        if not isinstance(target, Pending):
            raise Refused("the state of an object")
        target.value = self.weighed(target.finish(state))
        self.push(_built(target))

    def protocol(self) -> None:
        if self.number("B") > 5:
            raise Damaged("its protocol is newer than 5")

    def frame(self) -> None:
        if self.number("Q") > self.left:
            raise Damaged("it ends too early")

    def integer_line(self) -> None:
        # Protocol 0 writes truth values as 00 and 01.
        if (line := self.line(32)) in (b"00", b"01"):
            return self.push(line == b"01")
        if not re.fullmatch(rb"[+-]?\d{1,20}", line):
            raise Damaged("a number in it is none")
        self.push(_small(int(line)))

    def float_line(self) -> None:
        try:
            self.push(float(self.line(64).decode("ascii")))
        except ValueError:
            raise Damaged("a number in it is none") from None

    def long(self, count: int) -> None:
        if not 0 <= count <= _LONGEST_INTEGER:
            raise Refused("a whole number of more than 64 bits")
        self.push(_small(int.from_bytes(self.take(count), "little", signed=True)))

    def old_text(self, count: int) -> None:
        if count < 0:
            raise Damaged("a length in it is below 0")
        self.push(self.decoded(self.take(count), self.encoding))

    def old_text_line(self) -> None:
        line = self.line(self.left).strip()
        if len(line) < 2 or line[:1] not in (b"'", b'"') or line[:1] != line[-1:]:
            raise Damaged("a text in it lacks its quotation marks")
        try:
            data = bytes(codecs.escape_decode(line[1:-1])[0])
        except ValueError:
            raise Damaged("a text in it cannot be read") from None
        self.push(self.decoded(data, self.encoding))


def _small(value: int) -> int:
    if not -(2**63) <= value < 2**64:
        raise Refused("a whole number of more than 64 bits")
    return value


def _built(value: Any) -> Any:
    """Return what has become of an array or a dtype; other values as they are."""
    if isinstance(value, Pending) and isinstance(value.value, np.ndarray):
        return value.value
    return value


def _check(value: Value) -> None:
    """Refuse what is no plain value anywhere in `value`, too deep, or a part of itself."""
    done: set[int] = set()  # lists, tuples and dicts that are known to be sound
    path: list[tuple[int, Iterator[Any]]] = []
    above: set[int] = set()  # those that are being looked at

    def enter(part: Any) -> None:
        if isinstance(part, Name | Pending):
            raise Refused("a function or a type as a value")
        if type(part) not in (list, tuple, dict) or id(part) in done:
            return
        if id(part) in above:
            raise Refused("a list that holds itself")
        if len(path) >= MOST_DEPTH:
            raise Refused(f"more than {MOST_DEPTH} lists within each other")
        above.add(id(part))
        path.append((id(part), iter(part.values() if type(part) is dict else part)))

    enter(value)
    while path:
        known, parts = path[-1]
        for part in parts:
            before = len(path)
            enter(part)
            if len(path) > before:
                break
        else:
            path.pop()
            above.discard(known)
            done.add(known)


_M = _Machine
_CODES: dict[bytes, Callable[[_Machine], Any]] = {
    b"\x80": _M.protocol,
    b"\x95": _M.frame,
    b"(": lambda m: m.push(_MARK),
    b"0": lambda m: m.stack.pop() if m.stack else m.pop(),  # a mark may be dropped, too
    b"1": _M.group,
    b"2": _M.double,
    b"p": lambda m: m.put(m.text_number()),
    b"q": lambda m: m.put(m.number("B")),
    b"r": lambda m: m.put(m.number("I")),
    b"\x94": lambda m: m.put(len(m.memo)),
    b"g": lambda m: m.get(m.text_number()),
    b"h": lambda m: m.get(m.number("B")),
    b"j": lambda m: m.get(m.number("I")),
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"I": _M.integer_line,
    b"L": lambda m: m.push(m.text_number()),
    b"J": lambda m: m.push(m.number("i")),
    b"K": lambda m: m.push(m.number("B")),
    b"M": lambda m: m.push(m.number("H")),
    b"\x8a": lambda m: m.long(m.number("B")),
    b"\x8b": lambda m: m.long(m.number("i")),
    b"F": _M.float_line,
    b"G": lambda m: m.push(struct.unpack(">d", m.take(8))[0]),
    b"S": _M.old_text_line,
    b"T": lambda m: m.old_text(m.number("i")),
    b"U": lambda m: m.old_text(m.number("B")),
    b"V": lambda m: m.push(m.decoded(m.line(m.left), "raw-unicode-escape")),
    b"X": lambda m: m.push(m.decoded(m.take(m.number("I")), "utf-8")),
    b"\x8c": lambda m: m.push(m.decoded(m.take(m.number("B")), "utf-8")),
    b"\x8d": lambda m: m.push(m.decoded(m.take(m.number("Q")), "utf-8")),
    b"B": lambda m: m.push(m.take(m.number("I"))),
    b"C": lambda m: m.push(m.take(m.number("B"))),
    b"\x8e": lambda m: m.push(m.take(m.number("Q"))),
    b"\x96": lambda m: m.push(m.take(m.number("Q"))),
    b"]": lambda m: m.push([]),
    b"l": lambda m: m.push(m.group()),
    b"a": lambda m: m.append([m.pop()]),
    b"e": lambda m: m.append(m.group()),
    b")": lambda m: m.push(()),
    b"t": lambda m: m.push(tuple(m.group())),
    b"\x85": lambda m: m.make_tuple(1),
    b"\x86": lambda m: m.make_tuple(2),
    b"\x87": lambda m: m.make_tuple(3),
    b"}": lambda m: m.push({}),
    b"d": _M.make_dict,
    b"s": _M.set_item,
    b"u": lambda m: m.set_items(m.group()),
    b"c": _M.name_lines,
    b"\x93": _M.name_stack,
    b"R": _M.reduce,
    b"b": _M.build,
}

_FORBIDDEN: dict[bytes, str] = {
    b"i": "an instance of a class",
    b"o": "an instance of a class",
    b"\x81": "an instance of a class",
    b"\x92": "an instance of a class",
    b"\x82": "a registered class",
    b"\x83": "a registered class",
    b"\x84": "a registered class",
    b"P": "an object outside of the file",
    b"Q": "an object outside of the file",
    b"\x97": "a buffer outside of the file",
    b"\x98": "a buffer outside of the file",
    b"\x8f": "a set",
    b"\x90": "a set",
    b"\x91": "a set",
}
