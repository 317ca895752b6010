from __future__ import annotations

import numpy as np
import pytest
import torch

from talking_heads.corpus import Clip, Corpus
from talking_heads.corpus.batching import ClipDataset, batches, collate, dealt_batch, fit_audio
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, BEAT_NAMES, Motion, get_face


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


@pytest.fixture(scope="module")
def talkers() -> Corpus:
    """Two heads that open their jaws, with two truths each."""
    clips = []
    for number, speaker in enumerate(("ada", "ben", "ada")):
        random = np.random.default_rng(number)
        truths = []
        for _ in range(2):
            values = np.zeros((30 + 5 * number, 52), np.float32)
            values[:, ARKIT_INDEX["jawOpen"]] = random.uniform(0, 0.6, len(values))
            head = "head-02@medium" if speaker == "ben" else "head-01@medium"
            truths.append(Motion(values, "coefficients", face_id=head))
        audio = random.uniform(-0.5, 0.5, len(values) * 640).astype(np.float32)
        clips.append(Clip(f"t{number}", speaker, audio, tuple(truths), noise_seed=number))
    heads = {"ada": "head-01@medium", "ben": "head-02@medium"}
    return Corpus("talkers", tuple(clips), {}, ("ben", "ada"), heads)


def test_vertices_in_batches(talkers: Corpus) -> None:
    data = ClipDataset(talkers, view="vertices@low", crop_frames=32)
    batch = collate([data[index] for index in range(3)])
    skin = get_face("head-01@low").parts["skin"].stop
    assert batch["motion"].shape == (3, 32, skin, 3)
    assert batch["mask"].sum(1).tolist() == [30, 32, 32]
    assert batch["motion"][0, 30:].abs().max() == 0
    whole = ClipDataset(talkers, view="vertices@low", crop_frames=None)
    for index, clip in enumerate(talkers):
        made = whole[index]["motion"].numpy()
        errors = [np.abs(made - clip.vertices("low", truth=t)).max() for t in (0, 1)]
        # Half a step of 2 thousandths of a millimetre.
        assert min(errors) < 1.1e-6 < max(errors)
    clean = ClipDataset(talkers, view="vertices@low", crop_frames=None, noise=False)
    assert not torch.equal(clean[0]["motion"], whole[0]["motion"])


def test_the_crop_of_vertices_is_that_of_coefficients(talkers: Corpus) -> None:
    """The same seed cuts the same frames, and the mesh moves as the coefficients say."""
    coefficients = ClipDataset(talkers, crop_frames=20, seed=4)
    vertices = ClipDataset(talkers, view="vertices@low", crop_frames=20, seed=4, noise=False)
    jaw = ARKIT_INDEX["jawOpen"]
    chin = int(get_face("head-01@low").landmarks["chin"][0])
    for index in range(3):
        first, second = coefficients[index], vertices[index]
        assert torch.equal(first["audio"], second["audio"])
        drop = -second["motion"][:, chin, 1].numpy()
        assert np.corrcoef(drop, first["motion"][:, jaw].numpy())[0, 1] > 0.85


def test_the_cache_changes_nothing_but_time(
    talkers: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    original = Clip.vertices

    def counted(self: Clip, *args: object, **options: object) -> np.ndarray:
        asked.append(self.id)
        return original(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Clip, "vertices", counted)
    skin = get_face("head-01@low").parts["skin"].stop
    # Room for all six truths, for none, and for one of the shortest clip.
    for room, most, least in ((10**9, 6, 6), (0, 30, 30), (30 * skin * 6, 29, 7)):
        asked.clear()
        data = ClipDataset(talkers, view="vertices@low", crop_frames=10, cache_bytes=room)
        seen = []
        for epoch in range(10):
            data.set_epoch(epoch)
            seen.append(torch.stack([data[index]["motion"] for index in range(3)]))
        made = torch.stack(seen)
        if room == 10**9:
            expected = made
        assert torch.equal(made, expected)
        assert least <= len(asked) <= most


def test_templates_stand_in_the_order_of_the_speakers(talkers: Corpus) -> None:
    data = ClipDataset(talkers, view="vertices@low")
    templates = data.templates()
    face = get_face("head-02@low")
    np.testing.assert_array_equal(templates[0], face.vertices[face.parts["skin"]])
    assert data[1]["speaker"] == 0 and data[0]["speaker"] == 1
    with pytest.raises(UserError, match="no templates"):
        ClipDataset(talkers).templates()


def test_blendshapes_in_the_order_of_beat(talkers: Corpus) -> None:
    first = ClipDataset(talkers, crop_frames=None)[0]["motion"]
    second = ClipDataset(talkers, view="blendshapes@beat", crop_frames=None)[0]["motion"]
    assert second.shape == (30, 51)
    jaw = ARKIT_INDEX["jawOpen"], BEAT_NAMES.index("jawOpen")
    assert torch.equal(first[:, jaw[0]], second[:, jaw[1]])
    with pytest.raises(UserError, match="no view"):
        ClipDataset(talkers, view="blendshapes@vocaset")


@pytest.mark.parametrize("view", ["coefficients", "vertices@low"])
def test_workers_make_the_same_batches(talkers: Corpus, view: str) -> None:
    data = ClipDataset(talkers, view=view, crop_frames=20, seed=2)
    steps = range(3, 7)
    here = list(batches(data, steps, 2))
    there = list(batches(data, steps, 2, workers=1))
    assert len(here) == len(there) == 4
    for step, one, other in zip(steps, here, there, strict=True):
        direct = dealt_batch(data, step, 2)
        for key, value in direct.items():
            assert torch.equal(one[key], value) and torch.equal(other[key], value)  # type: ignore[literal-required]


def test_an_epoch_deals_each_clip_once(talkers: Corpus) -> None:
    data = ClipDataset(talkers, crop_frames=None)
    for epoch in range(3):
        lengths = [int(b["mask"].sum()) for b in batches(data, range(3 * epoch, 3 * epoch + 3), 1)]
        assert sorted(lengths) == [30, 35, 40]
    with pytest.raises(UserError, match="at least"):
        list(batches(data, range(2), 0))


def test_fit_audio() -> None:
    audio = np.ones(1000, np.float32)
    assert fit_audio(audio, 1, 640).shape == (640,)
    padded = fit_audio(audio, 2, 640)
    assert padded.shape == (1280,)
    assert padded[1000:].max() == 0
