from __future__ import annotations

import os
import struct
import warnings
import wave
from pathlib import Path

import numpy as np
import pytest

from talking_heads.corpus.real.headers import (
    BadFile,
    npy_shape,
    read_npy_header,
    read_rows,
    read_wav_header,
)


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_of_every_kind_of_array(tmp_path: Path, dtype: str, order: str) -> None:
    values = np.random.default_rng(0).normal(size=(11, 6)).astype(dtype)
    np.save(tmp_path / "a.npy", np.asarray(values, order=order))  # type: ignore[call-overload]
    header = read_npy_header(tmp_path / "a.npy")
    assert (header.shape, header.dtype, header.fortran) == ((11, 6), values.dtype, order == "F")
    for start, stop in ((0, 11), (3, 7), (10, 11), (5, 5)):
        rows = read_rows(tmp_path / "a.npy", header, start, stop)
        assert np.array_equal(rows, values[start:stop])


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_headers_of_every_version(tmp_path: Path, version: tuple[int, int]) -> None:
    values = np.arange(9.0).reshape(3, 3)
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array(file, values, version=version)
    header = read_npy_header(tmp_path / "a.npy")
    assert header.shape == npy_shape(tmp_path / "a.npy") == (3, 3)
    assert np.array_equal(read_rows(tmp_path / "a.npy", header, 1, 3), values[1:])


def test_headers_of_python_2(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(_npy(GOOD.replace("(2, 3)", "(2L, 3L)"), b"\0" * 24))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_npy_header(tmp_path / "a.npy").shape == (2, 3)


def _npy(header: str, body: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    text = header.encode("latin1")
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text + body


GOOD = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n"
BAD = {
    "empty": b"",
    "zeros": b"\0" * 1000,
    "magic alone": b"\x93NUMPY\x01\x00",
    "version 3": _npy(GOOD, b"\0" * 24, b"\x03\x00"),
    "version 9": _npy(GOOD, b"\0" * 24, b"\x09\x00"),
    "shorter": _npy(GOOD, b"\0" * 23),
    "longer": _npy(GOOD, b"\0" * 25),
    "objects": _npy(GOOD.replace("<f4", "|O"), b"\0" * 48),
    "whole numbers": _npy(GOOD.replace("<f4", "<i4"), b"\0" * 24),
    "text": _npy(GOOD.replace("<f4", "<U1"), b"\0" * 24),
    "long floats": _npy(GOOD.replace("<f4", "<f16"), b"\0" * 96),
    "records": _npy(GOOD.replace("'<f4'", "[('a', '<f4')]"), b"\0" * 24),
    "negative": _npy(GOOD.replace("(2, 3)", "(-2, -3)"), b"\0" * 24),
    "huge": _npy(GOOD.replace("(2, 3)", "(2, 10**30)"), b"\0" * 24),
    "huge by hand": _npy(GOOD.replace("(2, 3)", f"(2, {10**30})"), b"\0" * 24),
    "truth values": _npy(GOOD.replace("(2, 3)", "(True, True)"), b"\0" * 4),
    "code": _npy(GOOD.replace("(2, 3)", "__import__('os').system('touch ran')"), b"\0" * 24),
    "deep": _npy(GOOD.replace("(2, 3)", "(" * 4000 + ")" * 4000), b"\0" * 24),
    "no dict": _npy("(1, 2)\n"),
    "no key": _npy("{'descr': '<f4'}\n"),
    "a list as key": _npy("{[]: 1}\n"),
    "cut": _npy(GOOD)[:20],
    "long header": _npy(GOOD.replace("\n", " " * 60_000 + "\n"), b"\0" * 24),
    "null": _npy(GOOD.replace("2", "\0"), b"\0" * 24),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_arrays(tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.npy").write_bytes(BAD[what])
    with pytest.raises(BadFile) as caught:
        read_npy_header(tmp_path / "a.npy")
    assert "\n" not in str(caught.value) and not str(caught.value).endswith(".")
    assert not (tmp_path / "ran").exists()


def test_the_good_one_is_good(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(_npy(GOOD, b"\0" * 24))
    assert read_npy_header(tmp_path / "a.npy").offset == len(_npy(GOOD))


def test_what_is_no_plain_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npy")
    for path in (tmp_path, tmp_path / "none.npy", tmp_path / "pipe.npy", Path("/dev/zero")):
        for read in (read_npy_header, read_wav_header):
            with pytest.raises(BadFile):
                read(path)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_file_that_shrinks_after_opening(tmp_path: Path, order: str) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.asarray(np.ones((100, 10)), order=order))  # type: ignore[call-overload]
    header = read_npy_header(path)
    os.truncate(path, 2000)
    with pytest.raises(BadFile):
        read_rows(path, header, 50, 60)
    path.unlink()
    with pytest.raises(BadFile):
        read_rows(path, header, 0, 1)


def _wav(path: Path, seconds: float = 0.5, rate: int = 22_050, channels: int = 1) -> bytes:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\1\0" * (round(seconds * rate) * channels))
    return path.read_bytes()


def test_lengths_of_sounds(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    for rate, channels in ((22_050, 1), (44_100, 2), (8_000, 1)):
        _wav(path, 0.5, rate, channels)
        header = read_wav_header(path)
        assert (header.rate, header.channels) == (rate, channels)
        assert header.seconds == pytest.approx(0.5)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("kind", ["WAV", "WAVEX"])
def test_all_plain_samples(tmp_path: Path, subtype: str, kind: str) -> None:
    import soundfile

    samples = np.zeros((1000, 2))
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype=subtype, format=kind)
    assert read_wav_header(tmp_path / "a.wav").samples == 1000


def test_a_chunk_of_odd_length_before_the_sound(tmp_path: Path) -> None:
    data = _wav(tmp_path / "a.wav")
    more = data[:12] + b"LIST\x03\0\0\0abc\0" + data[12:]
    (tmp_path / "a.wav").write_bytes(more)
    assert read_wav_header(tmp_path / "a.wav").samples == 11_025


def test_a_torn_sound_has_the_length_of_what_is_there(tmp_path: Path) -> None:
    data = _wav(tmp_path / "a.wav")
    (tmp_path / "a.wav").write_bytes(data[: 44 + 2001])
    assert read_wav_header(tmp_path / "a.wav").samples == 1000


def _with(data: bytes, place: int, form: str, value: int) -> bytes:
    raw = struct.pack(form, value)
    return data[:place] + raw + data[place + len(raw) :]


def test_bad_sounds(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    good = _wav(path)
    bad = {
        "empty": b"",
        "text": b"hello",
        "another RIFF": good.replace(b"WAVE", b"AVI "),
        "cut header": good[:30],
        "no samples": good[:44],
        "no data": good[:36] + b"junk" + good[40:],
        "data before format": good[:12] + good[36:] + good[12:36],
        "compressed": _with(good, 20, "<H", 17),
        "no channels": _with(good, 22, "<H", 0),
        "9,999 channels": _with(good, 22, "<H", 9999),
        "rate 1": _with(good, 24, "<I", 1),
        "rate 4 GHz": _with(good, 24, "<I", 2**32 - 1),
        "block": _with(good, 32, "<H", 4),
        "13 bits": _with(good, 34, "<H", 13),
        "chunks without end": good[:12] + b"junk\0\0\0\0" * 5000,
    }
    for what, data in bad.items():
        path.write_bytes(data)
        with pytest.raises(BadFile):
            read_wav_header(path)
            pytest.fail(what)
