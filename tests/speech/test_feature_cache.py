import hashlib
import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from talking_heads.errors import UserError
from talking_heads.speech import feature_cache
from talking_heads.speech.feature_cache import FeatureCache, feature_key
from talking_heads.speech.frames import frame_count


class Counting(nn.Module):
    """An encoder that counts how often it listens."""

    def __init__(self, encoder_id: str = "counting", fps: float = 25.0) -> None:
        super().__init__()
        self.encoder_id, self.fps, self.width = encoder_id, fps, 3
        self.frozen, self.calls = True, 0

    def encode_long(self, audio: Tensor) -> Tensor:
        self.calls += 1
        frames = frame_count(len(audio), self.fps)
        return torch.arange(frames * 3.0).reshape(frames, 3) + audio.sum()


def sound(seed: int = 0, samples: int = 6400) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=samples).astype(np.float32)


def kept(cache: FeatureCache) -> list[Path]:
    return sorted(cache.folder.glob("*.npy"))


def test_the_second_time_nothing_is_computed(tmp_path: Path) -> None:
    cache, encoder = FeatureCache(tmp_path / "a" / "b"), Counting()
    first = cache.features(encoder, sound())
    again = FeatureCache(tmp_path / "a" / "b").features(encoder, torch.from_numpy(sound()))
    assert encoder.calls == 1
    assert torch.equal(first, again) and again.dtype == torch.float32
    assert torch.equal(first, encoder.encode_long(torch.from_numpy(sound())))


def test_sound_and_encoder_are_the_key(tmp_path: Path) -> None:
    cache, encoder = FeatureCache(tmp_path), Counting()
    quieter = sound()
    quieter[-1] += 1e-6
    for audio in (sound(), quieter, sound()[:-1], np.append(sound(), np.float32(0))):
        cache.features(encoder, audio)
    cache.features(Counting("another"), sound())
    assert encoder.calls == 4 and len(kept(cache)) == 5
    assert (
        len({feature_key("a", sound()), feature_key("b", sound()), feature_key("a", sound(1))}) == 3
    )
    # Strided samples are the same samples.
    assert feature_key("a", np.repeat(sound(), 2)[::2]) == feature_key("a", sound())


def test_files_are_plain_arrays(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path)
    out = cache.features(Counting(), sound())
    (path,) = kept(cache)
    np.testing.assert_array_equal(np.load(path, allow_pickle=False), out.numpy())
    assert not [p for p in tmp_path.iterdir() if p != path]


def _checked(array: np.ndarray, **how: bool) -> bytes:
    content = io.BytesIO()
    np.save(content, array, **how)
    return content.getvalue() + hashlib.sha256(content.getvalue()).digest()


def _flipped(data: bytes) -> bytes:
    return data[:200] + bytes([data[200] ^ 1]) + data[201:]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:10],
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: data * 50,
        _flipped,
        lambda data: _checked(np.zeros((10, 4), np.float32)),
        lambda data: _checked(np.zeros((9, 3), np.float32)),
        lambda data: _checked(np.zeros((10, 3), np.float64)),
        lambda data: _checked(np.full((10, 3), None), allow_pickle=True),
    ],
)
def test_damaged_files_are_computed_anew(tmp_path: Path, damage) -> None:  # type: ignore[no-untyped-def]
    cache, encoder = FeatureCache(tmp_path), Counting()
    right = cache.features(encoder, sound())
    (path,) = kept(cache)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert torch.equal(cache.features(encoder, sound()), right)
    assert encoder.calls == 2
    assert path.read_bytes() == whole


def test_the_bound_holds_and_the_least_used_goes(tmp_path: Path) -> None:
    encoder = Counting()
    one = len(_checked(np.zeros((10, 3), np.float32)))
    cache = FeatureCache(tmp_path, most_bytes=5 * one)
    for seed in range(5):
        cache.features(encoder, sound(seed))
        path = cache.folder / f"{feature_key('counting', sound(seed))}.npy"
        os.utime(path, (1000 + seed, 1000 + seed))
    # The oldest is used again, then a sixth comes.
    cache.features(encoder, sound(0))
    assert encoder.calls == 5
    cache.features(encoder, sound(5))
    assert sum(p.stat().st_size for p in kept(cache)) <= 5 * one
    names = {p.stem for p in kept(cache)}
    here = [seed for seed in range(6) if feature_key("counting", sound(seed)) in names]
    assert here == [0, 3, 4, 5]
    for seed in range(40):
        cache.features(encoder, sound(seed))
        assert sum(p.stat().st_size for p in kept(cache)) <= 5 * one


def test_what_is_larger_than_the_bound_is_not_kept(tmp_path: Path) -> None:
    cache, encoder = FeatureCache(tmp_path, most_bytes=100), Counting()
    assert cache.features(encoder, sound()).shape == (10, 3)
    assert not kept(cache)


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "notes.npy"
    mine.write_bytes(b"x" * 10_000)
    cache = FeatureCache(tmp_path, most_bytes=300)
    for seed in range(3):
        cache.features(Counting(), sound(seed))
    assert mine.read_bytes() == b"x" * 10_000


def test_a_full_disk_does_not_stop_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        raise UserError("Cannot write: No space left on device.")

    monkeypatch.setattr(feature_cache, "atomic_write", full)
    cache, encoder = FeatureCache(tmp_path), Counting()
    assert cache.features(encoder, sound()).shape == (10, 3)
    assert not kept(cache)


def test_only_frozen_encoders(tmp_path: Path) -> None:
    encoder = Counting()
    encoder.frozen = False
    with pytest.raises(ValueError, match="trained"):
        FeatureCache(tmp_path).features(encoder, sound())


def test_refusals(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="Cannot make"):
        FeatureCache(tmp_path / "file")
    for bound in (0, -1, 1.5, True):
        with pytest.raises(UserError, match="above 0"):
            FeatureCache(tmp_path, most_bytes=bound)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one clip"):
        FeatureCache(tmp_path).features(Counting(), np.zeros((2, 640), np.float32))
