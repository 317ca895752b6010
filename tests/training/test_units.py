import math

import numpy as np
import pytest
import torch
from scipy.fft import dct

from talking_heads.errors import UserError
from talking_heads.speech.small_hubert import SmallHubert, SmallHubertConfig
from talking_heads.training.units import (
    cluster,
    k_means,
    layer_features,
    mfcc,
    nearest,
    unit_quality,
    without_speakers,
)


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


def test_each_speaker_has_mean_zero_and_spread_one() -> None:
    rng = np.random.default_rng(5)
    speakers = ["ada", "ben", "ada", "cleo", "ada"]
    features = [(rng.normal(size=(40, 3)) * (k + 1) + 5 * k).astype(np.float32) for k in range(5)]
    out = without_speakers(features, speakers, known=3)
    ada = np.concatenate([out[0], out[2]])
    np.testing.assert_allclose(ada.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(ada.std(0), 1, atol=1e-4)
    np.testing.assert_allclose(out[3].mean(0), 0, atol=1e-5)  # has no clip among the known
    both = np.concatenate([features[0], features[2]])
    expected = (features[4] - both.mean(0)) / both.std(0)
    np.testing.assert_allclose(out[4], expected, rtol=1e-3, atol=1e-4)
    still = without_speakers([np.ones((4, 2), np.float32)], ["ada"], known=1)
    assert (still[0] == 0).all()


def test_clips_held_out_make_no_clusters() -> None:
    rng = np.random.default_rng(6)
    near = [rng.normal(size=(50, 2)) * 0.1 + [place, 0] for place in (0, 10)]
    far = rng.normal(size=(50, 2)) * 0.1 + [1000, 0]
    units = cluster([*near, far], known=2, count=2, sample=1000)
    assert [len(set(u.tolist())) for u in units] == [1, 1, 1]
    assert units[0][0] != units[1][0]
    assert units[2][0] == units[1][0]
    few = cluster([*near, far], known=2, count=2, sample=20, seed=3)
    np.testing.assert_array_equal(few[0], cluster(near, known=2, count=2, sample=20, seed=3)[0])
    with pytest.raises(UserError):
        cluster(near, known=2, count=30, sample=20)


def test_a_layer_of_whole_clips() -> None:
    torch.manual_seed(0)
    net = SmallHubert(SmallHubertConfig(width=16, layers=2, heads=2, feed_forward=32)).eval()
    mels = [np.random.default_rng(k).normal(size=(20 + 2 * k, 80)) for k in range(2)]
    out = layer_features(net, [m.astype(np.float16) for m in mels], 1)
    assert [x.shape for x in out] == [(10, 16), (11, 16)]
    with torch.no_grad():
        expected = net.encode_mel(torch.from_numpy(mels[1].astype(np.float32))[None], layer=1)[0]
    np.testing.assert_allclose(out[1], expected, rtol=0.02, atol=0.02)


def test_quality_by_hand() -> None:
    units, sounds = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 1, -1])
    found = unit_quality(units, sounds)
    assert found["purity"] == 0.8  # two of three, and two of two
    third = 1 / 3
    all_of_it = -(0.4 * math.log(0.4) + 0.6 * math.log(0.6))
    left = 0.6 * -(third * math.log(third) + 2 * third * math.log(2 * third))
    assert found["pnmi"] == pytest.approx((all_of_it - left) / all_of_it, abs=1e-4)
    assert unit_quality(sounds[:5], sounds[:5]) == {"purity": 1.0, "pnmi": 1.0}
    assert unit_quality(np.zeros(5, int), sounds[:5]) == {"purity": 0.6, "pnmi": 0.0}
    assert unit_quality(np.zeros(3, int), np.zeros(3, int))["pnmi"] == 0.0
