import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.speech.small_hubert import SmallHubert, SmallHubertConfig
from talking_heads.training.augment import Augmentation
from talking_heads.training.pretraining import (
    CURVE_COLUMNS,
    PretrainConfig,
    UnitPredictor,
    count_right,
    held_out_shares,
    masked_unit_loss,
    pretrain,
    span_mask,
    stretched_crop,
)

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
    model, history = pretrain(small(), mels, units, 3, config)
    masked, heard = held_out_shares(model, mels, units, config)
    assert masked > 0.7 and heard > 0.9
    assert (masked, heard) == held_out_shares(model, mels, units, config)
    assert [row[0] for row in history] == [50, 100, 150]
    assert {len(row) for row in history} == {len(CURVE_COLUMNS)}
    assert history[-1][1] < 0.7 * history[0][1]
    assert history[-1][2] > 0.7  # by chance .33
    assert history[-1][3] > 0.9  # heard frames are easier
    assert [row[4] for row in history] == sorted(row[4] for row in history)


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


def test_dropout_goes_on_as_well(tmp_path: Path) -> None:
    mels, units = toy()
    config = PretrainConfig(steps=6, batch=2, seconds=0.4, warm_up=2, save_every=2)

    def dropping() -> SmallHubert:
        torch.manual_seed(0)
        sizes = SmallHubertConfig(width=16, layers=1, heads=2, feed_forward=32, dropout=0.3)
        return SmallHubert(sizes)

    def stop(step: int, loss: float, share: float) -> None:
        if step == 3:
            raise KeyboardInterrupt

    whole, _ = pretrain(dropping(), mels, units, 3, config)
    state = tmp_path / "state.safetensors"
    with pytest.raises(KeyboardInterrupt):
        pretrain(dropping(), mels, units, 3, config, state=state, on_step=stop)
    again, _ = pretrain(dropping(), mels, units, 3, config, state=state)
    for one, other in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_only_the_right_frames_are_counted() -> None:
    scores = torch.nn.functional.one_hot(torch.tensor([[0, 1, 2, 2, 1]]), 3).float()
    units = torch.tensor([[0, 2, 2, -1, 1]])
    masked = torch.tensor([[True, True, False, True, False]])
    assert count_right(scores, units, masked) == [1, 2, 2, 2]


def test_a_run_ends_with_a_row_of_its_last_steps() -> None:
    mels, units = toy()
    config = PretrainConfig(steps=53, batch=1, seconds=0.2, warm_up=2)
    _, history = pretrain(small(), mels, units, 3, config)
    assert [row[0] for row in history] == [50, 53]
    assert all(math.isfinite(x) for row in history for x in row)


def test_a_loss_that_is_no_number_ends_the_run() -> None:
    mels, units = toy()
    mels[0] = np.full_like(mels[0], np.nan)
    config = PretrainConfig(steps=9, batch=12, seconds=0.2)
    with pytest.raises(UserError, match="no longer a number"):
        pretrain(small(), mels, units, 3, config)


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0}, {"steps": 1.5}, {"steps": True}, {"batch": 0}, {"seconds": 0.0},
        {"seconds": math.nan}, {"learning_rate": 0.0}, {"learning_rate": math.inf},
        {"warm_up": -1}, {"mask_start": 1.1}, {"mask_frames": 0}, {"unmasked_weight": -0.1},
        {"temperature": 0.0}, {"speed": 0.9}, {"mean_decay": 1.0}, {"seed": -1},
        {"save_every": 0}, {"augmentation": None}, {"bfloat16": 1}, {"weight_decay": "0"},
        {"mask_start": 0.0, "unmasked_weight": 0.0},
    ],
)  # fmt: skip
def test_settings_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError) as caught:
        PretrainConfig(**wrong)
    assert len(str(caught.value).splitlines()) == 1


def test_a_folder_names_units_as_before(tmp_path: Path) -> None:
    model = UnitPredictor(small(), 7, temperature=0.2).eval()
    for weights in model.parameters():  # as they are stored, so that no unit is near another
        weights.data = weights.data.half().float()
    model.save_pretrained(tmp_path)
    again = UnitPredictor.from_pretrained(tmp_path)
    assert (len(again.embeddings), again.temperature, again.training) == (7, 0.2, False)
    audio = np.random.default_rng(0).normal(size=16_001).astype(np.float32) * 0.1
    named = again.name_units(audio)
    assert named.shape == (51,)
    assert len(set(named.tolist())) > 1
    np.testing.assert_array_equal(named, model.name_units(audio))
    with torch.no_grad():
        x = model.encoder(torch.from_numpy(audio)[None])[0]
        a, e = model.project(x).numpy(), model.embeddings.numpy()
    cosine = a @ e.T / np.linalg.norm(a, axis=1)[:, None] / np.linalg.norm(e, axis=1)
    np.testing.assert_array_equal(named, cosine.argmax(1))
    assert again.name_units(np.zeros(0, np.float32)).shape == (0,)


def test_units_of_another_network_are_refused(tmp_path: Path) -> None:
    UnitPredictor(small(), 7).save_pretrained(tmp_path)
    units = tmp_path / "units.safetensors"
    content = units.read_bytes()
    other = small()
    torch.nn.init.normal_(other.front.weight)
    other.save_pretrained(tmp_path)
    with pytest.raises(UserError, match="another network"):
        UnitPredictor.from_pretrained(tmp_path)
    UnitPredictor(small(), 7).save_pretrained(tmp_path)
    for damaged in (b"junk", b"", content[:-9]):
        units.write_bytes(damaged)
        with pytest.raises(UserError, match=r"damaged|usable"):
            UnitPredictor.from_pretrained(tmp_path)
    units.unlink()
    with pytest.raises(UserError, match="lacks"):
        UnitPredictor.from_pretrained(tmp_path)
