import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from talking_heads.speech.mel import FLOOR_DB, MEAN_DB, SCALE_DB, SILENCE
from talking_heads.training import Augmentation, augment_mel
from talking_heads.training.augment import reverberate, warp_bands

NOTHING = Augmentation(
    gain_db=0, tilt_db=0, curve_db=0, warp=0, shift=0, room_share=0, noise_share=0,
    masked_bands=0, masked_frames=0,
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


@pytest.mark.parametrize("name", ["masked_bands", "masked_frames"])
def test_masks_reach_every_place_alike(name: str) -> None:
    features = torch.full((4000, 12, 80), 3.0)
    torch.manual_seed(0)
    out = augment_mel(features, Augmentation(**{**NOTHING.__dict__, name: 3}))
    axis = 1 if name == "masked_bands" else 2
    hits = (out < 1.0).all(axis).float().mean(0)
    length = features.shape[3 - axis]
    # A mask of width w (0 to 3, one in four each) begins at one of length - w + 1 places.
    end = sum(1 / (length - w + 1) for w in (1, 2, 3)) / 4
    assert float(hits[-1]) == pytest.approx(end, rel=0.4)
    assert float(hits[0]) == pytest.approx(end, rel=0.4)


def test_masks_wider_than_a_clip_blank_it() -> None:
    features = torch.full((200, 2, 80), 3.0)
    out = augment_mel(features, Augmentation(**{**NOTHING.__dict__, "masked_frames": 50}))
    assert bool(((out < 1.0).all(2)).all(1).any()) and torch.isfinite(out).all()


def test_a_room_by_hand() -> None:
    power = torch.zeros(2, 60, 80)
    power[0, 10], power[1, 20] = 1.0, 4.0
    seconds = torch.tensor([0.3, 0.1])[:, None, None]
    level = torch.tensor([0.25, 0.1])[:, None, None]
    out = reverberate(power, seconds, level)
    # Nothing comes early, and the direct sound stays as it is.
    assert (out[0, :10] == 0).all() and (out[1, :20] == 0).all()
    torch.testing.assert_close(out[0, 10], power[0, 10])
    # The tail holds its share of the power and falls by 60 dB in the reverberation time.
    torch.testing.assert_close(out[0, 11:, 5].sum(), torch.tensor(0.25), rtol=1e-3, atol=0)
    fall = 10 * torch.log10(out[0, 11, 0] / out[0, 21, 0])
    assert float(fall) == pytest.approx(60 * 0.1 / 0.3, abs=0.1)
    torch.testing.assert_close(out[1, 21:, 0].sum(), torch.tensor(0.4), rtol=1e-3, atol=0)


def test_a_room_fills_pauses_and_not_the_time_before() -> None:
    features = torch.full((30, 60, 80), SILENCE)
    features[:, 20:40] = 2.0
    roomy = Augmentation(**{**NOTHING.__dict__, "room_share": 1.0})
    change = augment_mel(features, roomy) - features
    # Silence is not nothing here, so it reverberates a little too.
    assert float(change[:, :20].abs().max()) * SCALE_DB < 1.1
    assert float(change[:, 20:40].abs().max()) * SCALE_DB < 2.0
    assert float(change[:, 41].min()) > 0.5
