import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.fft import dct

from talking_heads.errors import UserError
from talking_heads.speech.small_hubert import SmallHubert, SmallHubertConfig
from talking_heads.training.augment import Augmentation
from talking_heads.training.pretraining import (
    PretrainConfig,
    UnitPredictor,
    masked_unit_loss,
    pretrain,
    span_mask,
    stretched_crop,
)
from talking_heads.training.units import k_means, mfcc, nearest

NOTHING = Augmentation(
    gain_db=0, tilt_db=0, curve_db=0, warp=0, shift=0, room_share=0, noise_share=0,
    masked_bands=0, masked_frames=0,
)  # fmt: skip


def small() -> SmallHubert:
    torch.manual_seed(0)
    return SmallHubert(SmallHubertConfig(width=16, layers=1, heads=2, feed_forward=32))


def toy(clips: int = 6, frames: int = 60) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """Three units of 15 frames each in turn, each with a spectrum of its own."""
    rng = np.random.default_rng(0)
    spectra = rng.normal(size=(3, 80))
    units = [(np.arange(frames) // 15 + clip) % 3 for clip in range(clips)]
    return [np.repeat(spectra[own], 2, axis=0).astype(np.float16) for own in units], units


def test_mfcc_by_scipy() -> None:
    mel = np.random.default_rng(1).normal(size=(24, 80)).astype(np.float32)
    out = mfcc(mel)
    assert out.shape == (12, 39)
    slow = mel.reshape(12, 2, 80).mean(1)
    expected = dct(slow, norm="ortho")[:, :13]
    expected[:, 0] *= math.sqrt(2)  # SciPy scales the first one apart
    np.testing.assert_allclose(out[:, :13], expected, rtol=1e-4, atol=1e-4)
    c = out[:, :13].astype(float)
    t = 5
    by_hand = (c[t + 1] - c[t - 1] + 2 * (c[t + 2] - c[t - 2])) / 10
    np.testing.assert_allclose(out[t, 13:26], by_hand, rtol=1e-4, atol=1e-5)


def test_k_means_finds_far_apart_clusters() -> None:
    rng = np.random.default_rng(2)
    places = np.array([[0, 0], [10, 0], [0, 10], [10, 10]])
    owner = rng.integers(4, size=400)
    points = places[owner] + rng.normal(size=(400, 2)) * 0.3
    found = nearest(points, k_means(points, 4, seed=3))
    assert {len(set(found[owner == k])) for k in range(4)} == {1}
    assert len(set(found)) == 4
    np.testing.assert_array_equal(k_means(points, 4, seed=3), k_means(points, 4, seed=3))
    with pytest.raises(UserError):
        k_means(points[:3], 4)
    assert np.isfinite(k_means(np.ones((9, 2)), 4)).all()


def test_nearest_by_brute_force() -> None:
    rng = np.random.default_rng(4)
    x, c = rng.normal(size=(50, 5)), rng.normal(size=(7, 5))
    brute = ((x[:, None] - c[None]) ** 2).sum(-1).argmin(1)
    np.testing.assert_array_equal(nearest(x, c), brute)


def test_masked_share_and_spans() -> None:
    masked = span_mask((200, 500), 0.08, 10, np.random.default_rng(5))
    assert abs(masked[:, 10:].mean() - (1 - 0.92**10)) < 0.01
    begins = masked[:, 1:480] & ~masked[:, :479]
    rows, columns = np.nonzero(begins)
    assert all(masked[r, c + 1 : c + 11].all() for r, c in zip(rows, columns, strict=True))
    assert not span_mask((3, 9), 0.0, 10, np.random.default_rng(0)).any()
    assert span_mask((3, 4), 1.0, 10, np.random.default_rng(0)).all()


def test_only_masked_frames_count() -> None:
    torch.manual_seed(6)
    scores, units = torch.randn(2, 5, 4), torch.randint(4, (2, 5))
    masked = torch.tensor([[0, 1, 1, 0, 0], [0, 0, 0, 0, 1]], dtype=torch.bool)
    units[0, 2] = -1
    log_p = scores.log_softmax(-1)
    by_hand = -(log_p[0, 1, units[0, 1]] + log_p[1, 4, units[1, 4]]) / 2
    torch.testing.assert_close(masked_unit_loss(scores, units, masked), by_hand)
    heard = [(0, 0), (0, 3), (0, 4), (1, 0), (1, 1), (1, 2), (1, 3)]
    rest = -torch.stack([log_p[b, t, units[b, t]] for b, t in heard]).mean()
    both = masked_unit_loss(scores, units, masked, 0.5)
    torch.testing.assert_close(both, by_hand + 0.5 * rest)
    assert masked_unit_loss(scores, units, torch.zeros_like(masked)) == 0


def test_scores_are_cosines_over_the_temperature() -> None:
    model = UnitPredictor(small(), 5, temperature=0.1)
    with torch.no_grad():
        scores = model(torch.randn(2, 20, 80))
    assert scores.shape == (2, 10, 5)
    assert scores.abs().max() <= 10.001


def test_a_crop_keeps_sound_and_units_together() -> None:
    # The mel frames count 10 ms, and each unit is the number of its frame.
    units = np.arange(100)
    mel = np.repeat(np.arange(200.0)[:, None], 80, axis=1)
    sound, own = stretched_crop(mel, units, 30, 1.0, 0.5)
    np.testing.assert_allclose(sound[:, 0].reshape(30, 2)[:, 0], 2 * own)
    for speed in (0.8, 1.25):
        sound, own = stretched_crop(mel, units, 30, speed, 0.5)
        middle = sound[:, 0].reshape(30, 2).mean(1)
        assert np.abs(middle - (2 * own + 0.5)).max() <= 1.01
        np.testing.assert_allclose(np.diff(sound[:, 0]), speed, rtol=1e-4)
    sound, own = stretched_crop(mel[:20], units[:10], 30, 1.0, 0.9)
    np.testing.assert_array_equal(own, [*range(10), *[-1] * 20])
    assert (sound[20:] == 19).all()


def test_it_learns_what_is_blanked() -> None:
    mels, units = toy()
    config = PretrainConfig(
        steps=150, batch=8, seconds=1.0, learning_rate=1e-2, warm_up=10, speed=0.0,
        mask_frames=4, augmentation=NOTHING, mean_decay=0.9,
    )  # fmt: skip
    _, history = pretrain(small(), mels, units, 3, config)
    assert len(history) == 3
    assert history[-1][1] < 0.7 * history[0][1]
    assert history[-1][2] > 0.7  # by chance .33


def test_an_interrupted_run_ends_where_a_whole_one_does(tmp_path: Path) -> None:
    mels, units = toy()
    config = PretrainConfig(steps=8, batch=3, seconds=0.6, warm_up=2, save_every=4)
    whole, _ = pretrain(small(), mels, units, 3, config)

    def stop(step: int, loss: float, right: float) -> None:
        if step == 5:
            raise KeyboardInterrupt

    state = tmp_path / "state.safetensors"
    with pytest.raises(KeyboardInterrupt):
        pretrain(small(), mels, units, 3, config, state=state, on_step=stop)
    again, _ = pretrain(small(), mels, units, 3, config, state=state)
    for one, other in zip(whole.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(one, other)
    with pytest.raises(UserError):
        pretrain(small(), mels, units, 3, dataclasses.replace(config, steps=9), state=state)
    with pytest.raises(UserError):
        pretrain(small(), [], [], 3, config)
