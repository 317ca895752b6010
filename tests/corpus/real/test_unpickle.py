from __future__ import annotations

import collections
import pickle
import pickletools
import struct
import time
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from talking_heads.corpus.real import unpickle
from talking_heads.corpus.real.python2_pickle import python2_pickle
from talking_heads.corpus.real.unpickle import load_pickle
from talking_heads.errors import UserError

PLAIN = [HealthCheck.function_scoped_fixture]


def read(folder: Path, data: bytes, **options: Any) -> Any:
    path = folder / "file.pkl"
    path.unlink(missing_ok=True)  # to write a file anew is slow: some systems flush it to the disk
    path.write_bytes(data)
    return load_pickle(path, **options)


def same(a: Any, b: Any) -> bool:
    """Compare by type and value; NaN equals NaN."""
    if isinstance(a, np.ndarray):
        return (
            isinstance(b, np.ndarray)
            and a.dtype == b.dtype
            and a.shape == b.shape
            and a.tobytes() == b.tobytes()
        )
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return len(a) == len(b) and all(
            same(p, q) and same(a[p], b[q]) for p, q in zip(a, b, strict=True)
        )
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and a != a:
        return bool(b != b)  # protocol 0 keeps no bits of NaN
    if isinstance(a, float | np.floating | np.complexfloating):
        return np.array(a).tobytes() == np.array(b).tobytes()
    return bool(a == b)


# What is allowed comes back

KEYS = st.one_of(
    st.text(max_size=8),
    st.binary(max_size=8),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.none(),
)
DTYPES = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    hnp.complex_number_dtypes(endianness="?", sizes=(64, 128)),
    hnp.unicode_string_dtypes(endianness="?", max_len=5),
    hnp.byte_string_dtypes(max_len=5),
)
ARRAYS = DTYPES.flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0))
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.text(max_size=300),
    st.binary(max_size=300),
    ARRAYS,
    ARRAYS.filter(lambda a: a.size > 0).map(lambda a: a.ravel()[0]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
    ),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None, suppress_health_check=PLAIN)
@given(VALUES, st.integers(0, 5))
def test_allowed_values_come_back(tmp_path: Path, value: Any, protocol: int) -> None:
    assert same(read(tmp_path, pickle.dumps(value, protocol)), value)


@settings(max_examples=50, deadline=None, suppress_health_check=PLAIN)
@given(ARRAYS, st.integers(0, 5))
def test_arrays_in_columns_come_back(
    tmp_path: Path, value: np.ndarray[Any, Any], protocol: int
) -> None:
    turned = np.asfortranarray(value)
    assert same(read(tmp_path, pickle.dumps(turned, protocol)), turned)


def test_arrays_can_be_written_to(tmp_path: Path) -> None:
    for protocol in range(6):
        back = read(tmp_path, pickle.dumps(np.arange(6.0), protocol))
        back[2] = 9
        assert back[2] == 9


def test_what_stands_twice_is_one_object(tmp_path: Path) -> None:
    one = np.arange(3)
    for protocol in range(6):
        back = read(tmp_path, pickle.dumps({"a": one, "b": [one], "c": one}, protocol))
        assert back["a"] is back["c"] is back["b"][0]


@pytest.mark.parametrize("core", ["core", "_core"])
def test_both_names_of_numpys_core(tmp_path: Path, core: str) -> None:
    old, new = b"numpy.core.multiarray", b"numpy._core.multiarray"
    data = pickle.dumps(np.arange(4, dtype=np.int16), 2)
    data = data.replace(new, old) if core == "core" else data.replace(old, new)
    assert f"numpy.{core}.multiarray".encode() in data
    assert same(read(tmp_path, data), np.arange(4, dtype=np.int16))


def test_python_2_text_and_arrays(tmp_path: Path) -> None:
    value = {"é": np.random.default_rng(0).normal(size=(30, 3)), "n": [1, 2**40, None, True, 0.5]}
    data = python2_pickle(value)
    with pytest.raises(UnicodeDecodeError):
        pickle.loads(data)
    assert same(pickle.loads(data, encoding="latin1"), value)
    assert same(read(tmp_path, data), value)
    with pytest.raises(UserError, match="not ascii"):
        read(tmp_path, data, encoding="ascii")
    with pytest.raises(UserError, match="latin1, utf-8, ascii"):
        read(tmp_path, data, encoding="rot13")


def test_protocol_0_text_of_python_2(tmp_path: Path) -> None:
    data = b"(dp0\nS'a\\xe9\\n\\''\np1\nI01\nsS\"b\"\np2\nL5L\nsS'c'\nF1.5\ns."
    assert read(tmp_path, data) == {"aé\n'": True, "b": 5, "c": 1.5}
    assert read(tmp_path, data) == pickle.loads(data, encoding="latin1")


def test_a_bytearray_comes_as_bytes(tmp_path: Path) -> None:
    for protocol in range(6):
        assert read(tmp_path, pickle.dumps(bytearray(b"ab\xff"), protocol)) == b"ab\xff"


def test_other_dicts_come_as_dicts(tmp_path: Path) -> None:
    value = {"b": {1: 2}, "a": {3: 4}}
    for protocol in range(6):
        nested = collections.defaultdict(dict, value)
        ordered = collections.OrderedDict(value)
        for other in (nested, ordered, collections.defaultdict(None, value), {"x": [ordered]}):
            back = read(tmp_path, pickle.dumps(other, protocol))
            wanted = {"x": [value]} if "x" in other else value
            assert same(back, wanted) and type(back) is dict
    as_python_2 = b"ccollections\nOrderedDict\n(](I1\nI2\nlatR."
    assert read(tmp_path, as_python_2) == pickle.loads(as_python_2) == {1: 2}
    for default in (eval, collections.OrderedDict, np.ndarray):
        with pytest.raises(UserError, match="asks for"):
            read(tmp_path, pickle.dumps(collections.defaultdict(default, value)))


def test_large_arrays_and_many_numbers(tmp_path: Path) -> None:
    value = {"a": np.arange(300_000), "b": {k: k * 7 for k in range(20_000)}}
    for protocol in range(6):
        assert same(read(tmp_path, pickle.dumps(value, protocol)), value)


# What is not allowed is refused, and nothing runs


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.reduced = function, args

    def __reduce__(self) -> Any:
        return self.reduced


class WithState:
    def __init__(self) -> None:
        self.a = 1


class Tricky:
    def __reduce__(self) -> Any:
        return np.ndarray, ((2,), "O", b"12345678" * 2)


def _global(module: str, name: str, args: bytes = b")") -> bytes:
    return f"c{module}\n{name}\n".encode() + args + b"R."


def hostile(mark: Path) -> dict[str, bytes]:
    """Return pickles that ask for what is not plain data; those that run make a file `mark`."""
    import os
    import subprocess

    code = f"open({str(mark)!r}, 'w').close()"
    shell = f"touch {mark}"
    calls = {
        "posix.system": Call(os.system, shell),
        "builtins.eval": Call(eval, code),
        "builtins.exec": Call(exec, code),
        "builtins.getattr": Call(getattr, 1, "real"),
        "builtins.open": Call(open, str(mark), "w"),
        "subprocess.check_output": Call(subprocess.check_output, ["touch", str(mark)]),
        "numpy.load": Call(np.load, str(mark)),
        "numpy.ndarray": Tricky(),
        "_codecs.decode": Call(__import__("_codecs").decode, b"a", "hex"),
        "zlib.decompress": Call(zlib.decompress, zlib.compress(b"0" * 1000)),
        "instance": WithState(),
        "set": {1, 2},
        "frozenset": frozenset({1}),
        "class": dict,
        "numpy type": np.float64,
        "complex": 1j,
        "ellipsis": ...,
        "masked": np.ma.array([1, 2]),
        "memmap class": np.array([1]).view(np.matrix),
        "objects": np.array([1, "a", None], dtype=object),
        "objects within": {"a": [np.array([{}], dtype=object)]},
        "records": np.zeros(2, [("a", "f4")]),
        "dates": np.array(["2020-01-01"], dtype="M8[D]"),
        "dtype": np.dtype("f8"),
        "long": 2**64,
    }
    out = {
        f"{name}, protocol {protocol}": pickle.dumps(value, protocol)
        for name, value in calls.items()
        for protocol in range(6)
    }
    itself: list[Any] = []
    itself.append(itself)
    deep: list[Any] = []
    for _ in range(200):
        deep = [deep]
    text = f"X{struct.pack('<I', len(code)).decode('latin1')}{code}".encode("latin1")
    out |= {
        "os.system by hand": _global("os", "system", b"(S'" + shell.encode() + b"'\nt"),
        "nt.system": _global("nt", "system", b"(S'" + shell.encode() + b"'\nt"),
        "py2 eval": _global("__builtin__", "eval", b"(" + text + b"t"),
        "py2 apply": _global("__builtin__", "apply"),
        "numpy.core.multiarray of a name with dots": _global("numpy", "core.multiarray.scalar"),
        "dots by stack": b"\x80\x04\x8c\x05numpy\x8c\x12ndarray.__reduce__\x93.",
        "numpy's own exec": _global("numpy.testing._private.utils", "runstring"),
        "a name and a function": b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
        "reconstruct another class": (
            b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\ndtype\n(I0\ntS'b'\n\x87R."
        ),
        "instance of old": b"(ios\nsystem\n.",
        "instance of old, by stack": b"(cos\nsystem\no.",
        "new object": b"cnumpy\nndarray\n)\x81.",
        "new object with names": b"cnumpy\nndarray\n)}\x92.",
        "registered": b"\x82\x01.",
        "registered, long": b"\x84\x01\x00\x00\x00.",
        "persistent": b"Pname\n.",
        "persistent by stack": b"I1\nQ.",
        "outer buffer": b"\x80\x05\x97.",
        "read-only buffer": b"\x80\x05\x97\x98.",
        "state of a dict": b"}}b.",
        "state of an array again": pickle.dumps(np.arange(2), 2)[:-1] + b"}b.",
        "a function as a value": b"cnumpy\nndarray\n.",
        "a function in a list": b"](cnumpy\nndarray\ne.",
        "a function as a key": b"}cnumpy\nndarray\nI1\ns.",
        "an array without content": (
            b"](cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n(I0\ntS'b'\n\x87Re."
        ),
        "a key that is an array": b"}" + pickle.dumps(np.arange(2), 2)[2:-1] + b"I1\ns.",
        "a key that is a tuple": pickle.dumps({(1, 2): 3}, 2),
        "a key that is complex": pickle.dumps({np.complex128(1): 2}, 2),
        "a key that is deep": b"}" + b")" + b"\x85" * 100_000 + b"I1\ns.",
        "a list in itself": pickle.dumps(itself),
        "deep": pickle.dumps(deep),
        "very deep": b"]" * 200_000 + b"a" * 199_999 + b".",
        "very deep tuples": b")" + b"\x85" * 200_000 + b".",
        "long text number": b"L" + b"9" * 5000 + b"L\n.",
        "long number": b"\x8b\x00\x10\x00\x00" + b"\xff" * 4096 + b".",
    }
    return out


def test_hostile_pickles_are_refused_and_nothing_runs(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    (tmp_path / "target").mkdir()
    wanted = hostile(mark)
    assert len(wanted) > 150
    for name, data in wanted.items():
        with pytest.raises(UserError) as caught:
            read(tmp_path / "target", data)
        text = str(caught.value)
        assert len(text.splitlines()) <= 3, name
        assert "asks for" in text or "damaged" in text, (name, text)
        assert not mark.exists(), name
    # The proof that this proves something: Python's own loader does run it.
    pickle.loads(wanted["posix.system, protocol 2"])
    assert mark.exists()


@pytest.mark.parametrize(
    "name", ["posix.system", "builtins.eval", "builtins.open", "subprocess.check_output"]
)
def test_the_error_names_what_was_asked_for(tmp_path: Path, name: str) -> None:
    for protocol in (3, 4, 5):
        data = hostile(tmp_path / "ran")[f"{name}, protocol {protocol}"]
        told = name.replace("builtins.open", "io.open")
        with pytest.raises(UserError, match=f"asks for {told},"):
            read(tmp_path, data)


def test_arrays_of_objects_are_named(tmp_path: Path) -> None:
    for protocol in range(6):
        with pytest.raises(UserError, match="asks for an array of objects"):
            read(tmp_path, pickle.dumps(np.array([[], {}], dtype=object), protocol))


def test_nothing_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    data = pickle.dumps({"a": np.arange(3), "b": [np.float32(1)]}, 2)
    bad = hostile(tmp_path / "ran")["posix.system, protocol 2"]
    path = tmp_path / "file.pkl"

    def no_import(name: str, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError(f"import of {name}")

    def no_machine(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("Python's own loader")

    for owner in (pickle, pickletools):
        for name in ("loads", "load", "Unpickler"):
            if hasattr(owner, name):
                monkeypatch.setattr(owner, name, no_machine)
    path.write_bytes(data)
    with monkeypatch.context() as patched:
        patched.setattr(builtins, "__import__", no_import)
        load_pickle(path)
    path.write_bytes(bad)
    with monkeypatch.context() as patched, pytest.raises(UserError):
        patched.setattr(builtins, "__import__", no_import)
        load_pickle(path)


# Damage

ARRAY = pickle.dumps(np.arange(6, dtype=np.float32), 2)
DAMAGED = {
    "empty": b"",
    "text": b"hello",
    "not ended": pickle.dumps([1, 2, 3])[:-1],
    "only an end": b".",
    "a mark": b"(.",
    "two values": b"I1\nI2\n.",
    "protocol 9": b"\x80\x09I1\n.",
    "frame beyond the file": b"\x80\x04\x95" + b"\xff" * 8 + b"I1\n.",
    "text beyond the file": b"X\xff\xff\xff\x7fabc.",
    "bytes beyond the file": b"\x8e" + b"\xff" * 7 + b"\x7fabc.",
    "negative length": b"T\xff\xff\xff\xffabc.",
    "negative long": b"\x8b\xff\xff\xff\xff.",
    "no such reference": b"h\x05.",
    "no such long reference": b"j\xff\xff\xff\xff.",
    "append to nothing": b"I1\na.",
    "append to a number": b"I1\nI2\na.",
    "items of a list": b"](I1\nI2\nu.",
    "odd dict": b"}(I1\nu.",
    "group without start": b"I1\nt.",
    "call without arguments": b"cnumpy\ndtype\nR.",
    "number": b"Iabc\n.",
    "float": b"Fabc\n.",
    "quote": b"Sabc\n.",
    "escape": b"S'\\x'\n.",
    "line without end": b"V" + b"a" * 100,
    "utf-8": b"X\x01\x00\x00\x00\xff.",
    "letters": b"V\\uZZZZ\n.",
    "dtype without name": b"cnumpy\ndtype\n)R.",
    "dtype of a number": b"cnumpy\ndtype\nI5\n\x85R.",
    "scalar of nothing": b"cnumpy.core.multiarray\nscalar\n)R.",
    "scalar too short": pickle.dumps(np.float64(1), 2).replace(b"K\x08", b"K\x08")[:-12] + b".",
    "array too short": ARRAY.replace(b"K\x06\x85", b"K\x07\x85"),
    "array too long": ARRAY.replace(b"K\x06\x85", b"K\x05\x85"),
    "negative shape": ARRAY.replace(b"K\x06\x85", b"J\xff\xff\xff\xff\x85"),
    "huge shape": ARRAY.replace(b"K\x06\x85", b"\x8a\x08" + b"\xff" * 7 + b"\x7f\x85"),
    "shape of text": ARRAY.replace(b"K\x06\x85", b"U\x01a\x85"),
    "pairs of one": b"ccollections\nOrderedDict\n(](I1\nlatR.",
    "array of pairs": b"ccollections\nOrderedDict\n" + ARRAY[2:-1] + b"\x85R.",
    "state of numbers": b"cnumpy\ndtype\nU\x02f4\x85RI1\nb.",
}


@pytest.mark.parametrize("what", DAMAGED)
def test_damaged_pickles(tmp_path: Path, what: str) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, DAMAGED[what])
    assert len(str(caught.value).splitlines()) <= 3


def test_every_cut_of_a_pickle_is_damaged(tmp_path: Path) -> None:
    for protocol in range(6):
        data = pickle.dumps({"a": np.arange(3), "b": [1, "x"]}, protocol)
        for length in range(len(data)):
            with pytest.raises(UserError):
                read(tmp_path, data[:length])


def test_no_file_and_too_large_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        load_pickle(tmp_path / "none.pkl")
    with pytest.raises(UserError, match="is no file"):
        load_pickle(tmp_path)
    with pytest.raises(UserError, match="is no file"):
        load_pickle("/dev/zero")
    with pytest.raises(UserError):
        load_pickle("a\0b")
    data = pickle.dumps(list(range(1000)))
    with pytest.raises(UserError, match="too large: at most 100 bytes"):
        read(tmp_path, data, most_bytes=100)
    assert read(tmp_path, data, most_bytes=len(data)) == list(range(1000))


def test_endless_instructions_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpickle, "MOST_STEPS", 1000)
    with pytest.raises(UserError, match="more than 1,000 instructions"):
        read(tmp_path, b"]" + b"0]" * 5000 + b".")


@pytest.mark.parametrize(
    "data",
    [
        b"I1\nr\xff\xff\xff\xff.",  # a memo of four thousand million places
        b"I1\np4000000000\n.",
        b"cnumpy\ndtype\nU\x07U999999\x85R.",
        b"cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nU\x07S999999\x85RU\x01a\x86R.",
        b"\x8c\x01a" + b"2\x86" * 50_000 + b".",  # each tuple holds the one before twice
    ],
)
def test_little_memory_for_little_files(tmp_path: Path, data: bytes) -> None:
    import tracemalloc

    path = tmp_path / "file.pkl"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        load_pickle(path)
    except UserError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 2_000_000 + 200 * len(data)


def _copies() -> dict[str, bytes]:
    """Return pickles that build the same content again and again, by a reference each."""
    raw = b"B" + struct.pack("<I", 20_000) + bytes(20_000) + b"q\x000"
    letters = b"X" + struct.pack("<I", 20_000) + b"a" * 20_000 + b"q\x000"
    kind = b"cnumpy\ndtype\nU\x02u1\x85Rq\x010"
    made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n(I0\ntU\x01b\x87R"
    state = b"(I1\n(I20000\nth\x01I00\nh\x00tb0"
    buffer = b"cnumpy.core.numeric\n_frombuffer\n(h\x00h\x01(I20000\ntU\x01CtR0"
    pairs = b"](" + b"".join(b"J" + struct.pack("<i", i) + b"N\x86" for i in range(9000))
    ordered = b"ccollections\nOrderedDict\nh\x00\x85R0"
    return {
        "arrays": raw + kind + 10_000 * (made + state) + b"N.",
        "arrays of protocol 5": raw + kind + 10_000 * buffer + b"N.",
        "bytes": letters + 10_000 * b"c_codecs\nencode\n(h\x00U\x06latin1tR0" + b"N.",
        "dicts": pairs + b"eq\x000" + 300_000 * ordered + b"N.",
    }


@pytest.mark.parametrize("what", sorted(_copies()))
def test_copies_without_end_are_refused(tmp_path: Path, what: str) -> None:
    with pytest.raises(UserError, match="far more than it holds"):
        read(tmp_path, _copies()[what])


def test_text_in_arrays_is_text(tmp_path: Path) -> None:
    data = pickle.dumps(np.array(["ab"]), 5).replace(b"a\0\0\0b\0\0\0", b"\xff\xff\xff\x7fb\0\0\0")
    with pytest.raises(UserError, match="no letter"):
        read(tmp_path, data)


# Any bytes at all give a value or a UserError


def _seeds() -> list[bytes]:
    value = {
        "FaceTalk": np.arange(12, dtype=np.float64).reshape(4, 3),
        "i": [np.arange(3, dtype=">i4"), np.float32(2.5), np.str_("ab"), b"x", -1, 2.5, None],
        "t": (True, "é", {3: (1, 2)}),
    }
    return [*(pickle.dumps(value, protocol) for protocol in range(6)), python2_pickle({
        "FaceTalk": value["FaceTalk"], "a": [1, "é", (2.5, None)]
    })]  # fmt: skip


SEEDS = _seeds()
OPCODES = [op.code.encode("latin1") for op in pickletools.opcodes]


PARTS = [
    b"cnumpy\ndtype\n", b"cnumpy\nndarray\n", b"cnumpy.core.multiarray\n_reconstruct\n",
    b"cnumpy.core.multiarray\nscalar\n", b"cnumpy.core.numeric\n_frombuffer\n",
    b"c_codecs\nencode\n", b"(U\x02f8I0\nI1\nt", b"U\x02f8", b"q\x01", b"h\x01", b"I0\n",
    b"X\x01\0\0\0C", b"ccollections\nOrderedDict\n", b"ccollections\ndefaultdict\n",
]  # fmt: skip


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        place = int(rng.integers(0, len(out) + 1))
        kind = rng.integers(0, 6)
        if kind == 0:
            out[place : place + 1] = bytes([int(rng.integers(0, 256))])
        elif kind == 1:
            out[place : place + int(rng.integers(1, 9))] = b""
        elif kind == 2:
            out[place:place] = OPCODES[int(rng.integers(len(OPCODES)))]
        elif kind == 3:
            out[place : place + 1] = OPCODES[int(rng.integers(len(OPCODES)))]
        elif kind == 4:
            other = SEEDS[int(rng.integers(len(SEEDS)))]
            start = int(rng.integers(0, len(other)))
            out[place:place] = other[start : start + int(rng.integers(1, 30))]
        else:
            out[place : place + 4] = rng.choice([b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\xff" * 8])
        if not out:
            out = bytearray(b".")
    return bytes(out)


def test_mutations_give_a_value_or_a_user_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    told = {"value": 0, "refused": 0}
    for _ in range(1000):
        data = mutated(SEEDS[int(rng.integers(len(SEEDS)))], rng)
        try:
            read(tmp_path, data)
            told["value"] += 1
        except UserError:
            told["refused"] += 1
    assert min(told.values()) > 20, told


@settings(max_examples=200, deadline=None, suppress_health_check=PLAIN)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(OPCODES),
            st.binary(min_size=1, max_size=4),
            st.sampled_from(PARTS),
        ),
        max_size=30,
    )
)
def test_soups_of_instructions_give_a_value_or_a_user_error(
    tmp_path: Path, parts: list[bytes]
) -> None:
    with suppress(UserError):
        read(tmp_path, b"".join(parts) + b".")


@pytest.mark.slow
def test_a_hundred_thousand_mutations(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    told = {"value": 0, "refused": 0}
    slowest = 0.0
    for _ in range(100_000):
        data = mutated(SEEDS[int(rng.integers(len(SEEDS)))], rng)
        start = time.perf_counter()
        try:
            read(tmp_path, data)
            told["value"] += 1
        except UserError:
            told["refused"] += 1
        slowest = max(slowest, time.perf_counter() - start)
    print(f"\n100,000 mutated pickles: {told}, the slowest took {1000 * slowest:.0f} ms")
