from __future__ import annotations

import io
import struct

import numpy as np
import pytest

from talking_heads.corpus.recording import (
    array_hash,
    encode_audio,
    pcm16,
    with_serial,
    write_recording,
)
from talking_heads.errors import UserError

soundfile = pytest.importorskip("soundfile")


def _tone(seconds: float = 2.0) -> np.ndarray:
    time = np.arange(round(16_000 * seconds)) / 16_000
    return (0.3 * np.sin(2 * np.pi * 220 * time)).astype(np.float32)


def test_samples_are_rounded_and_clipped() -> None:
    audio = np.array([0, 1 / 32768, -1, 1, 0.4 / 32768], dtype=np.float32)
    assert pcm16(audio).tolist() == [0, 1, -32768, 32767, 0]


@pytest.mark.parametrize("audio_format", ["flac", "wav"])
def test_lossless_formats_keep_every_sample(audio_format: str) -> None:
    pcm = np.random.default_rng(0).integers(-32768, 32767, 40_000, dtype=np.int16)
    read, rate = soundfile.read(io.BytesIO(encode_audio(pcm, audio_format)), dtype="int16")
    assert rate == 16_000
    np.testing.assert_array_equal(read, pcm)


@pytest.mark.parametrize("seconds", [0.04, 2.0, 75.0])
def test_ogg_is_small_close_and_as_long(seconds: float) -> None:
    tone = _tone(seconds)
    content = encode_audio(pcm16(tone))
    read, _ = soundfile.read(io.BytesIO(content), dtype="float32")
    assert read.shape == tone.shape
    if seconds >= 2:
        assert len(content) < 7_000 * seconds + 5_000
        assert np.sqrt(np.mean((read - tone) ** 2)) < 0.02


def test_the_same_samples_give_the_same_bytes() -> None:
    pcm = pcm16(_tone())
    content = encode_audio(pcm)
    assert content == encode_audio(pcm)
    # Each page names the stream, and libsndfile's reader checks each page's sum.
    assert struct.unpack("<I", content[14:18]) == (1,)
    other = with_serial(content, 77)
    assert other != content and len(other) == len(content)
    read, _ = soundfile.read(io.BytesIO(other), dtype="float32")
    same, _ = soundfile.read(io.BytesIO(content), dtype="float32")
    np.testing.assert_array_equal(read, same)
    spoilt = bytearray(content)
    spoilt[-60] ^= 1
    broken, _ = soundfile.read(io.BytesIO(bytes(spoilt)), dtype="float32")
    assert len(broken) < len(same)


def test_hashes_tell_values_and_shapes_apart() -> None:
    values = np.arange(12, dtype=np.uint16)
    found = {
        array_hash(values),
        array_hash(values.reshape(3, 4)),
        array_hash(values.reshape(4, 3)),
        array_hash(values + np.uint16(1)),
    }
    assert len(found) == 4
    assert array_hash(values.astype(">u2")) == array_hash(values)


def test_refusals(tmp_path) -> None:
    with pytest.raises(UserError, match="mp3"):
        encode_audio(pcm16(_tone()), "mp3")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="Cannot write"):
        write_recording(tmp_path / "file" / "a.ogg", pcm16(_tone()))
