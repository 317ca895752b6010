from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from talking_heads.corpus import Clip
from talking_heads.corpus.lazy import LazyMotion, SoundFile
from talking_heads.errors import UserError

VALUES = np.arange(10 * 4 * 3, dtype=np.float32).reshape(10, 4, 3)


def write(path: Path, samples: np.ndarray, rate: int) -> Path:
    """Write 16-bit PCM of shape (samples,) or (samples, channels)."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.ascontiguousarray(samples, dtype="<i2").tobytes())
    return path


def lazy(asked: list[tuple[int, int]], frames: int = 10, fps: float = 30.0) -> LazyMotion:
    def load(start: int, stop: int) -> np.ndarray:
        asked.append((start, stop))
        return VALUES[start:stop]

    return LazyMotion(frames, "vertices", fps, "F1@biwi", "F1", load)


def test_a_clip_on_disk_is_read_only_when_asked() -> None:
    asked: list[tuple[int, int]] = []
    clip = Clip("c", "F1", SoundFile(Path("nowhere.wav")), lazy(asked))
    assert (len(clip), clip.fps, clip.kind, clip.face_id) == (10, 30.0, "vertices", "F1@biwi")
    assert clip.duration == pytest.approx(1 / 3)
    assert len(clip.truths) == 1
    assert not asked
    piece = clip.piece(2, 5)
    assert asked == [(2, 5)]
    np.testing.assert_array_equal(piece.values, VALUES[2:5])
    assert (piece.fps, piece.face_id, piece.speaker) == (30.0, "F1@biwi", "F1")
    np.testing.assert_array_equal(clip.motion.values, VALUES)
    np.testing.assert_array_equal(clip.vertices(None), VALUES)
    for start, stop in ((-1, 2), (0, 11), (5, 4)):
        with pytest.raises(UserError, match="has 10 frames"):
            clip.piece(start, stop)
    with pytest.raises(UserError, match="no number 1"):
        clip.piece(0, 1, truth=1)
    with pytest.raises(IndexError):
        clip.truths[1]
    assert len(clip.truths[:1]) == 1


def test_a_file_that_has_shrunk_is_named() -> None:
    clip = Clip("c", "F1", SoundFile(Path("nowhere.wav")), lazy([], frames=12))
    with pytest.raises(UserError, match="ended after 10 of 12 frames"):
        _ = clip.motion


def test_sound_is_cut_and_filled_up_to_the_motion(tmp_path: Path) -> None:
    tone = np.arange(1, 20_001) % 30_000
    long = SoundFile(write(tmp_path / "long.wav", tone, 16_000))
    clip = Clip("c", "F1", long, lazy([]))
    assert clip.audio.shape == (5333,)  # ten frames at 30 a second
    np.testing.assert_array_equal(clip.audio, (tone[:5333] / 32_768).astype(np.float32))
    np.testing.assert_array_equal(clip.sound(1, 3), clip.audio[533:1600])
    short = Clip("c", "F1", SoundFile(write(tmp_path / "s.wav", tone[:4000], 16_000)), lazy([]))
    assert short.audio.shape == (5333,)
    assert not short.audio[4000:].any() and short.audio[:4000].all()
    torn = Clip("c", "F1", SoundFile(tmp_path / "s.wav"), lazy([], frames=60))
    with pytest.raises(UserError, match="ends before the motion"):
        _ = torn.audio


def test_stretches_and_pieces_agree(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    samples = rng.integers(-30_000, 30_000, (32_000, 2))
    path = write(tmp_path / "stereo.wav", samples, 16_000)
    mono = samples.mean(1) / 32_768
    np.testing.assert_allclose(SoundFile(path).read(), mono, atol=1e-6)
    stretch = SoundFile(path, 0.5, 1.0)
    np.testing.assert_allclose(stretch.read(), mono[8_000:24_000], atol=1e-6)
    np.testing.assert_array_equal(stretch.piece(100, 900), stretch.read()[100:900])
    # Never beyond the stretch, though the file goes on.
    assert len(stretch.piece(15_900, 16_900)) == 100
    assert len(SoundFile(path, 1.9, 1.0).read()) == 1_600
    assert len(SoundFile(path, 5.0, 1.0).read()) == 0


def test_other_rates_and_kinds_are_resampled(tmp_path: Path) -> None:
    import soundfile

    seconds = np.arange(44_100) / 44_100
    tone = 0.5 * np.sin(2 * np.pi * 440 * seconds)
    path = write(tmp_path / "tone.wav", np.round(tone * 32_767), 44_100)
    heard = SoundFile(path).read()
    assert len(heard) == 16_000
    true = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    np.testing.assert_allclose(heard[200:-200], true[200:-200], atol=2e-3)
    np.testing.assert_array_equal(SoundFile(path).piece(10, 50), heard[10:50])
    soundfile.write(tmp_path / "float.wav", tone, 44_100, subtype="FLOAT")
    np.testing.assert_allclose(SoundFile(tmp_path / "float.wav").read(), heard, atol=1e-3)


@pytest.mark.parametrize("content", [None, b"", b"RIFF", b"not a sound at all" * 10])
def test_damaged_sound_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "bad.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"Cannot read .*bad\.wav"):
        SoundFile(path).read()


def test_a_torn_file_gives_what_is_there(tmp_path: Path) -> None:
    path = write(tmp_path / "torn.wav", np.full(1000, 5), 16_000)
    path.write_bytes(path.read_bytes()[:-501])
    assert len(SoundFile(path).read()) == 749
