from __future__ import annotations

import numpy as np
import pytest
import torch

from talking_heads.corpus import Clip, Corpus
from talking_heads.corpus.batching import ClipDataset, collate, fit_audio
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


def test_collate_pads_and_masks(toy: Corpus) -> None:
    data = ClipDataset(toy, crop_frames=100)
    batch = collate([data[index] for index in range(3)])
    assert batch["audio"].shape == (3, 64_000)
    assert batch["motion"].shape == (3, 100, 52)
    assert batch["mask"].sum(dim=1).tolist() == [100, 60, 100]
    assert batch["speaker"].tolist() == [0, 1, 0]
    assert batch["motion"][1, 60:].abs().max() == 0
    assert batch["audio"][1, 60 * 640 :].abs().max() == 0


def test_same_seed_same_crops(toy: Corpus) -> None:
    def run(seed: int, epoch: int) -> torch.Tensor:
        data = ClipDataset(toy, crop_frames=50, seed=seed)
        data.set_epoch(epoch)
        return torch.cat([data[index]["audio"] for index in range(len(data))])

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
