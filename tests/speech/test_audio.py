import io
import os
import struct
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from talking_heads.errors import UserError
from talking_heads.speech import SAMPLE_RATE, audio, check_audio, load_audio, wav_bytes, write_wav
from talking_heads.speech.riff import repaired


def tone(rate: int, seconds: float = 1.0, hertz: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


def refusal(path: Path | str) -> str:
    with pytest.raises(UserError) as caught:
        load_audio(path)
    message = str(caught.value)
    assert 1 <= len(message.splitlines()) <= 3
    return message


# What works.


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000, 96000])
def test_any_rate_becomes_16_khz(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", tone(rate), rate)
    samples = load_audio(tmp_path / "a.wav")
    assert samples.dtype == np.float32
    assert samples.shape == (SAMPLE_RATE,)
    # The tone keeps its pitch, level and phase; the edges ring.
    middle = slice(1000, -1000)
    np.testing.assert_allclose(samples[middle], tone(SAMPLE_RATE)[middle], atol=2e-3)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_block_by_block_equals_all_at_once(tmp_path: Path, suffix: str) -> None:
    steps = np.random.default_rng(0).standard_normal((44100 * 2, 2))
    walk = np.cumsum(steps, axis=0)
    walk = 0.8 * walk / np.abs(walk).max()
    file = tmp_path / f"a.{suffix}"
    soundfile.write(file, walk, 44100)
    whole, _ = soundfile.read(file, dtype="float32", always_2d=True)
    expected = soxr.resample(whole.mean(axis=1), 44100, SAMPLE_RATE)
    samples = load_audio(file)
    assert len(samples) == len(expected)
    np.testing.assert_allclose(samples, expected, atol=1e-6)


def test_stereo_is_averaged(tmp_path: Path) -> None:
    left = tone(48000)
    soundfile.write(tmp_path / "same.wav", np.stack([left, left], 1), 48000, subtype="PCM_24")
    soundfile.write(tmp_path / "mono.wav", left, 48000, subtype="PCM_24")
    soundfile.write(tmp_path / "opposite.wav", np.stack([left, -left], 1), 48000)
    mono = load_audio(tmp_path / "mono.wav")
    np.testing.assert_allclose(load_audio(tmp_path / "same.wav"), mono, atol=1e-6)
    assert np.abs(load_audio(tmp_path / "opposite.wav")).max() < 1e-4


def test_suffix_does_not_matter(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", tone(16000), 16000)
    (tmp_path / "a.flac").rename(tmp_path / "a.wav")
    assert len(load_audio(tmp_path / "a.wav")) == 16000
    assert len(load_audio(str(tmp_path / "a.wav"))) == 16000


def test_silence_is_audio(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(16000), 16000)
    assert not load_audio(tmp_path / "a.wav").any()


def test_float_beyond_full_scale_is_scaled_to_it(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", 6 * tone(16000), 16000, subtype="FLOAT")
    samples = load_audio(tmp_path / "a.wav")
    assert np.abs(samples).max() == 1.0
    np.testing.assert_allclose(samples, 2 * tone(16000), atol=1e-5)


@pytest.mark.parametrize("promise", [0, 2000, 2**31 - 1, 2**32 - 1])
def test_wav_header_that_lies_about_its_length(tmp_path: Path, promise: int) -> None:
    content = bytearray(wav_bytes(tone(16000)))
    struct.pack_into("<I", content, 40, promise)
    (tmp_path / "a.wav").write_bytes(content)
    np.testing.assert_allclose(load_audio(tmp_path / "a.wav"), tone(16000), atol=1e-4)


def test_chunks_after_the_samples_are_not_samples(tmp_path: Path) -> None:
    body = wav_bytes(tone(16000, 0.2))
    note = b"LIST" + struct.pack("<I", 20_000) + b"INFO" + bytes(19_996)
    content = bytearray(body + note)
    struct.pack_into("<I", content, 4, len(content) - 8)
    (tmp_path / "a.wav").write_bytes(content)
    assert len(load_audio(tmp_path / "a.wav")) == 3200


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3"])
def test_interrupted_download_keeps_what_is_there(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"a.{suffix}"
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, 16000 * 4)
    soundfile.write(file, noise, 16000)
    content = file.read_bytes()
    whole = load_audio(file)
    file.write_bytes(content[: len(content) // 2])
    half = load_audio(file)
    assert 0.3 < len(half) / len(whole) < 0.55
    np.testing.assert_allclose(half[:16000], whole[:16000], atol=1e-6)


# What does not.


def test_missing_file(tmp_path: Path) -> None:
    assert "There is no file" in refusal(tmp_path / "no.wav")
    assert "There is no file" in refusal("a\0b.wav")
    assert "There is no file" in refusal("x" * 5000)


def test_directory(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.wav")
    assert "not a regular file" in refusal(tmp_path / "a.wav")


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.raw", "a"])
def test_text_named_as_audio(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("Ceci n'est pas un enregistrement, voilà.\n" * 20, "utf-8")
    assert "it holds text" in refusal(tmp_path / name)


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    assert "is empty" in refusal(tmp_path / "a.wav")


@pytest.mark.parametrize("suffix", ["wav", "ogg"])
def test_file_without_samples(tmp_path: Path, suffix: str) -> None:
    soundfile.write(tmp_path / f"a.{suffix}", np.zeros(0), 16000)
    assert "no samples" in refusal(tmp_path / f"a.{suffix}")


def test_20_ms(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(48000, 0.02), 48000)
    message = refusal(tmp_path / "a.wav")
    assert "20 ms" in message and "100 ms" in message
    soundfile.write(tmp_path / "b.wav", tone(48000, 0.1), 48000)
    assert len(load_audio(tmp_path / "b.wav")) == 1600


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_values_that_are_not_finite(tmp_path: Path, value: float) -> None:
    samples = tone(16000)
    samples[9000] = value
    soundfile.write(tmp_path / "a.wav", samples, 16000, subtype="DOUBLE")
    assert "not finite" in refusal(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("offset", "content"),
    [
        (24, b"\0\0\0\0"),
        (24, b"\1\0\0\0"),
        (24, b"\xff\xff\xff\x7f"),
        (22, b"\0\0"),
        (22, b"\xe8\x03"),
        (34, b"\0\0"),
        (20, b"\xff\x7f"),
    ],
)
def test_impossible_wav_headers(tmp_path: Path, offset: int, content: bytes) -> None:
    wav = bytearray(wav_bytes(tone(16000)))
    wav[offset : offset + len(content)] = content
    (tmp_path / "a.wav").write_bytes(wav)
    refusal(tmp_path / "a.wav")


def test_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio, "MAX_SECONDS", 0.9)
    soundfile.write(tmp_path / "a.flac", tone(8000), 8000)
    assert "longer than" in refusal(tmp_path / "a.flac")
    with pytest.raises(UserError, match="longer than"):
        check_audio(tone(8000), 8000)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damaged_files_never_raise_anything_else(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["WAV", "FLAC", "OGG"]))
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(16000, 0.5), 16000, format=name)
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 6))):
        # Half of the damage to the headers, which is where it hurts.
        end = data.draw(st.sampled_from([64, len(content)])) - 1
        content[data.draw(st.integers(0, end))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.wav"
        file.write_bytes(content)
        try:
            samples = load_audio(file)
        except UserError as error:
            assert len(str(error).splitlines()) <= 3
        else:
            assert np.isfinite(samples).all() and np.abs(samples).max() <= 1.0


@pytest.mark.skipif(sys.platform == "win32", reason="needs the resource module")
def test_memory_stays_near_the_size_of_the_result(tmp_path: Path) -> None:
    # Four minutes of 48 kHz stereo: 92 MB as float32, of which 15 MB remain.
    file = tmp_path / "a.flac"
    with soundfile.SoundFile(file, "w", 48000, 2) as sound:
        block = np.zeros((48000, 2))
        for _ in range(240):
            sound.write(block)
    program = (
        "import resource, sys, soundfile, soxr\n"
        "from talking_heads.speech import load_audio\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        "samples = load_audio(sys.argv[1])\n"
        "unit = 1 if sys.platform == 'darwin' else 1024\n"
        "print(samples.nbytes, (peak() - before) * unit)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=True
    )
    result, growth = map(int, run.stdout.split())
    assert result == 240 * 16000 * 4
    assert growth < 3.5 * result


# Arrays.


def test_arrays_of_either_layout() -> None:
    stereo = np.stack([tone(16000), tone(16000)], 1)
    np.testing.assert_allclose(check_audio(stereo), tone(16000), atol=1e-6)
    np.testing.assert_allclose(check_audio(stereo.T), tone(16000), atol=1e-6)


def test_arrays_of_integers_have_the_full_scale_of_their_type() -> None:
    pcm = np.round(tone(16000) * 32768).astype(np.int16)
    np.testing.assert_allclose(check_audio(pcm), tone(16000), atol=1e-4)
    unsigned = np.round(tone(16000) * 128 + 128).astype(np.uint8)
    np.testing.assert_allclose(check_audio(unsigned), tone(16000), atol=5e-3)


def test_arrays_are_resampled() -> None:
    assert check_audio(tone(48000), 48000).shape == (16000,)


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros(0),
        np.zeros(100),
        np.zeros((2, 2, 1600)),
        np.zeros((1600, 1600)),
        np.float32(3),
        np.full(1600, np.nan),
        np.array(["a"] * 1600),
        np.zeros(1600, complex),
        [[0.0] * 1600, [0.0]],
        None,
    ],
)
def test_arrays_that_are_no_audio(bad: object) -> None:
    with pytest.raises(UserError) as caught:
        check_audio(bad)  # type: ignore[arg-type]
    assert len(str(caught.value).splitlines()) <= 3


@pytest.mark.parametrize("rate", [0, -16000, 16000.5, 10**9, float("nan"), True, "fast", None])
def test_impossible_rates(rate: object) -> None:
    with pytest.raises(UserError):
        check_audio(tone(16000), rate)  # type: ignore[arg-type]


# Out.


@settings(max_examples=50, deadline=None)
@given(npst.arrays(np.float32, st.integers(1600, 3000), elements=st.floats(-1, 1, width=32)))
def test_wav_round_trip(samples: np.ndarray) -> None:
    with wave.open(io.BytesIO(wav_bytes(samples))) as reader:
        assert reader.getparams()[:4] == (1, 2, SAMPLE_RATE, len(samples))
        pcm = np.frombuffer(reader.readframes(len(samples)), "<i2")
    np.testing.assert_allclose(pcm / 32767, samples, atol=0.5001 / 32767)


def test_write_wav_reads_back_and_clips(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", 3 * tone(16000))
    np.testing.assert_allclose(
        load_audio(tmp_path / "a.wav"), np.clip(3 * tone(16000), -1, 1), atol=1e-4
    )
    assert [file.name for file in tmp_path.iterdir()] == ["a.wav"]


def test_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.wav"
    file.write_bytes(b"old")

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(UserError, match="No space left"):
        write_wav(file, tone(16000))
    assert file.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.wav"]


def test_write_wav_refuses(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        write_wav(tmp_path / "no" / "a.wav", tone(16000))
    with pytest.raises(UserError, match="is a folder"):
        write_wav(tmp_path, tone(16000))
    with pytest.raises(UserError, match="not finite"):
        write_wav(tmp_path / "a.wav", [np.nan])
    with pytest.raises(UserError, match="shape"):
        write_wav(tmp_path / "a.wav", np.zeros((2, 10)))
    with pytest.raises(UserError, match="samples a second"):
        write_wav(tmp_path / "a.wav", tone(16000), sample_rate=0)
    assert not list(tmp_path.iterdir())


def test_a_wav_of_zeros_is_not_searched_chunk_by_chunk(tmp_path: Path) -> None:
    class Counting(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1) -> bytes:
            self.reads += 1
            return super().read(size)

    stream = Counting(b"RIFF\0\0\0\0WAVE" + bytes(100_000))
    assert repaired(stream) is stream
    assert stream.reads < 10


def test_tensors_that_cannot_become_arrays_are_refused() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(UserError, match="not an array"):
        check_audio(torch.zeros(16000, requires_grad=True))
    assert check_audio(torch.zeros(16000)).shape == (16000,)
