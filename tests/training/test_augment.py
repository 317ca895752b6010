import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from talking_heads.speech.mel import FLOOR_DB, MEAN_DB, SCALE_DB, SILENCE
from talking_heads.training import Augmentation, augment_mel
from talking_heads.training.augment import warp_bands

NOTHING = Augmentation(
    gain_db=0, tilt_db=0, curve_db=0, warp=0, shift=0, noise_share=0, masked_bands=0,
    masked_frames=0,
)  # fmt: skip


def mel(seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    return (torch.rand(3, 40, 80) * 60 + FLOOR_DB - MEAN_DB) / SCALE_DB


def test_nothing_changes_nothing() -> None:
    features = mel()
    torch.testing.assert_close(augment_mel(features, NOTHING), features, rtol=1e-4, atol=1e-4)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_results_are_finite_features_of_the_same_shape(seed: int) -> None:
    features = mel(seed)
    kept = features.clone()
    out = augment_mel(features, Augmentation())
    assert torch.equal(features, kept)
    assert out.shape == features.shape and torch.isfinite(out).all()
    assert float(out.min()) >= SILENCE - 1e-4


def test_gain_moves_all_bands_alike() -> None:
    features = mel() + 1.0
    torch.manual_seed(1)
    only_gain = Augmentation(**{**NOTHING.__dict__, "gain_db": 6.0})
    change = (augment_mel(features, only_gain) - features) * SCALE_DB
    assert (change.flatten(1).std(1) < 1e-2).all()
    assert float(change.abs().max()) <= 6.01
    assert float(change[:, 0, 0].std()) > 0.1


def test_noise_fills_silence_and_leaves_loud_speech() -> None:
    quiet, loud = torch.full((20, 5, 80), SILENCE), torch.full((20, 5, 80), 2.5)
    noisy = Augmentation(**{**NOTHING.__dict__, "noise_share": 1.0, "noise_db": (-60.0, -60.0)})
    assert float((augment_mel(quiet, noisy) - quiet).mean()) > 0.5
    torch.testing.assert_close(augment_mel(loud, noisy), loud, atol=0.05, rtol=0)


def test_warp_by_hand() -> None:
    features = torch.arange(80.0).expand(1, 2, 80)
    out = warp_bands(features, torch.full((1, 1, 1), 1.1), torch.full((1, 1, 1), 0.5))
    expected = (torch.arange(80.0) * 1.1 + 0.5).clamp(max=79)
    torch.testing.assert_close(out[0, 1], expected)


@pytest.mark.parametrize("name", ["masked_bands", "masked_frames"])
def test_masks_are_no_wider_than_asked(name: str) -> None:
    features = torch.full((50, 40, 80), 3.0)
    torch.manual_seed(0)
    out = augment_mel(features, Augmentation(**{**NOTHING.__dict__, name: 4}))
    blank = out < 1.0
    axis = 1 if name == "masked_bands" else 2
    widths = blank.all(axis).sum(1)
    assert int(widths.max()) == 4 and int(widths.min()) == 0
    assert int(blank.sum()) == int(widths.sum()) * features.shape[axis]
