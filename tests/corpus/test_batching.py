from __future__ import annotations

import numpy as np
import pytest
import torch

from talking_heads.corpus import Clip, Corpus
from talking_heads.corpus.augment import Augmentation, augment, shift_spectrum
from talking_heads.corpus.batching import ClipDataset, batches, collate, fit_audio
from talking_heads.errors import UserError
from talking_heads.face import Motion


def ramp_clip(name: str, frames: int, speaker: str = "ada") -> Clip:
    """A clip in which sound and motion both tell which frame they belong to."""
    number = np.arange(frames, dtype=np.float32) / 1000
    values = np.repeat(number[:, None], 52, axis=1)
    audio = np.repeat(number, 640)
    truths = tuple(Motion(values + i / 2, "coefficients") for i in range(2))
    return Clip(name, speaker, audio, truths)


@pytest.fixture
def toy() -> Corpus:
    clips = (ramp_clip("a", 150), ramp_clip("b", 60, "ben"), ramp_clip("c", 230))
    return Corpus("toy", clips, {}, ("ada", "ben"), {"ada": "head-01@low", "ben": "head-02@low"})


def test_sound_and_motion_stay_in_step(toy: Corpus) -> None:
    data = ClipDataset(toy, crop_frames=100, seed=3)
    starts, truths = set(), set()
    for epoch in range(20):
        data.set_epoch(epoch)
        for index in range(3):
            sample = data[index]
            frames = len(sample["motion"])
            assert frames == (60 if index == 1 else 100)
            motion = sample["motion"][:, 0] % 0.5
            np.testing.assert_allclose(sample["audio"][::640], motion, atol=1e-4)
            starts.add(round(float(sample["audio"][0]) * 1000))
            truths.add(round(float(sample["motion"][0, 0] > 0.4)))
    assert len(starts) > 10
    assert truths == {0, 1}


def test_batches(toy: Corpus) -> None:
    data = ClipDataset(toy, crop_frames=100)
    (batch,) = batches(data, 8, shuffle=False)
    assert batch["audio"].shape == (3, 64_000)
    assert batch["motion"].shape == (3, 100, 52)
    assert batch["mask"].sum(dim=1).tolist() == [100, 60, 100]
    assert batch["speaker"].tolist() == [0, 1, 0]
    assert batch["motion"][1, 60:].abs().max() == 0
    assert batch["audio"][1, 60 * 640 :].abs().max() == 0
    assert [len(b["speaker"]) for b in batches(data, 2)] == [2, 1]
    assert [len(b["speaker"]) for b in batches(data, 2, drop_last=True)] == [2]


def test_same_seed_same_batches(toy: Corpus) -> None:
    def run(seed: int, epoch: int) -> torch.Tensor:
        data = ClipDataset(toy, crop_frames=50, augmentation=Augmentation(), seed=seed)
        return torch.cat([batch["audio"] for batch in batches(data, 2, epoch=epoch)])

    torch.testing.assert_close(run(1, 0), run(1, 0), rtol=0, atol=0)
    assert not torch.equal(run(1, 0), run(1, 1))
    assert not torch.equal(run(1, 0), run(2, 0))


def test_whole_clips(toy: Corpus) -> None:
    data = ClipDataset(toy, crop_frames=None)
    assert [len(data[i]["motion"]) for i in range(3)] == [150, 60, 230]
    assert collate([data[1]])["motion"].shape == (1, 60, 52)


def test_works_with_torch_data_loader(toy: Corpus) -> None:
    loader = torch.utils.data.DataLoader(ClipDataset(toy), batch_size=3, collate_fn=collate)
    (batch,) = list(loader)
    assert batch["motion"].shape == (3, 100, 52)


def test_errors(toy: Corpus) -> None:
    with pytest.raises(UserError, match="no clips"):
        ClipDataset(Corpus("none", (), {}, (), {}))
    with pytest.raises(UserError, match="at least 2 frames"):
        ClipDataset(toy, crop_frames=1)
    with pytest.raises(UserError, match="at least 1 clip"):
        next(batches(ClipDataset(toy), 0))
    vertices = Motion(np.zeros((5, 4, 3), np.float32), "vertices")
    clip = Clip("v", "ada", np.zeros(3200, np.float32), (vertices,))
    with pytest.raises(UserError, match="holds vertices"):
        ClipDataset(Corpus("v", (clip,), {}, ("ada",), {"ada": "head-01@low"}))


def test_fit_audio() -> None:
    audio = np.ones(1000, np.float32)
    assert fit_audio(audio, 1, 640).shape == (640,)
    padded = fit_audio(audio, 2, 640)
    assert padded.shape == (1280,)
    assert padded[1000:].max() == 0


def tone(hertz: float, seconds: float = 1.0) -> torch.Tensor:
    return 0.3 * torch.sin(2 * torch.pi * hertz * torch.arange(int(16_000 * seconds)) / 16_000)


def loudest(audio: torch.Tensor) -> float:
    spectrum = torch.fft.rfft(audio * torch.hann_window(len(audio))).abs()
    return float(spectrum.argmax()) * 16_000 / len(audio)


@pytest.mark.parametrize("factor", [0.88, 1.0, 1.12])
def test_warp_moves_frequencies_and_not_time(factor: float) -> None:
    audio = tone(1000.0)
    audio[:8000] *= 0.01
    window = torch.hann_window(512)
    spectrum = torch.stft(audio, 512, 128, window=window, return_complex=True)
    moved = torch.istft(shift_spectrum(spectrum, factor), 512, 128, window=window, length=16_000)
    assert loudest(moved[9000:15000]) == pytest.approx(1000 * factor, abs=20)
    level = moved.square().reshape(-1, 400).mean(dim=1).sqrt()
    assert level[:19].max() < 0.2 * level[21:].min()
    # Partials stay coherent from frame to frame: most of the level survives.
    assert level[22:38].mean() > 0.6 * 0.3 / 2**0.5


def test_augmentation_does_what_it_says() -> None:
    audio = tone(500.0)
    none = Augmentation(0, (-60, -60), 0, 0, 0, 0)
    same = augment(audio, none, torch.Generator().manual_seed(0))
    torch.testing.assert_close(same, audio)

    def level(x: torch.Tensor) -> float:
        return float(10 * torch.log10(x.square().mean()))

    gain = Augmentation(6, (-60, -60), 0, 0, 0, 0)
    changes = [
        level(augment(audio, gain, torch.Generator().manual_seed(i))) - level(audio)
        for i in range(50)
    ]
    assert -6.01 < min(changes) < -3 and 3 < max(changes) < 6.01

    noise = Augmentation(0, (-40, -40), 1, 0, 0, 0)
    silence = torch.zeros(16_000)
    assert level(augment(silence, noise, torch.Generator().manual_seed(1))) == pytest.approx(
        -40, abs=0.5
    )
    everything = augment(audio, Augmentation(), torch.Generator().manual_seed(2))
    assert everything.shape == audio.shape
    assert torch.isfinite(everything).all()
    assert everything.abs().max() <= 1
