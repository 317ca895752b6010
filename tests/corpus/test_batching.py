from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from talking_heads.corpus import Clip, Corpus
from talking_heads.corpus.batching import ClipDataset, batches, clip_error, collate, dealt_batch
from talking_heads.corpus.heads import Surface
from talking_heads.corpus.lazy import LazyMotion, SoundFile
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, BEAT_NAMES, Motion, get_face
from talking_heads.speech import frame_count, frame_to_sample, log_mel, write_wav


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


RATES = [24.0, 25.0, 29.97, 30.0, 60.0]


def timed_corpus(fps: float, folder: Path | None = None, vertices: int = 0) -> Corpus:
    """Clips whose sound and motion both tell the time; on disk where there is a folder."""
    clips = []
    for number, frames in enumerate((90, 31, 200)):
        samples = frame_to_sample(frames, fps)
        # A step up at each frame, as in the motion.
        frame = np.searchsorted([frame_to_sample(f + 1, fps) for f in range(frames)],
                                np.arange(samples), side="right")  # fmt: skip
        sound = (frame / 1000).astype(np.float32)
        shape = (frames, vertices, 3) if vertices else (frames, 52)
        values = np.broadcast_to(np.arange(frames).reshape(-1, *[1] * (len(shape) - 1)), shape)
        values = (values / 1000).astype(np.float32)
        kind = "vertices" if vertices else "coefficients"
        face = "ada@grid" if vertices else "head-01@low"
        if folder is None:
            source, truths = sound, (Motion(values, kind, fps, face, "ada"),)
        else:
            path = folder / f"c{number}.wav"
            write_wav(path, sound)
            np.save(folder / f"c{number}.npy", values)
            load = partial(read_piece, folder / f"c{number}.npy")
            source, truths = SoundFile(path), LazyMotion(frames, kind, fps, face, "ada", load)
        clips.append(Clip(f"c{number}", "ada", source, truths))
    surface = None
    if vertices:
        rest = np.random.default_rng(0).normal(0, 1, (2, vertices, 3)).astype(np.float32)
        surface = Surface("grid", {"ben": rest[0], "ada": rest[1]}, unit=None)
    heads = {name: f"{name}@grid" if vertices else "head-01@low" for name in ("ada", "ben")}
    return Corpus("timed", tuple(clips), {}, ("ada", "ben"), heads, fps=fps, surface=surface)


def read_piece(path: Path, start: int, stop: int) -> np.ndarray:
    if not path.is_file():
        raise UserError(f"{path.name}: the file is gone.")
    return np.load(path)[start:stop]


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("on_disk", [False, True])
def test_sound_and_motion_stay_in_step_at_any_rate(
    fps: float, on_disk: bool, tmp_path: Path
) -> None:
    data = ClipDataset(timed_corpus(fps, tmp_path if on_disk else None), crop_frames=40, seed=1)
    begins = [frame_to_sample(f, fps) for f in range(40)]
    for epoch in range(8):
        data.set_epoch(epoch)
        for index in range(3):
            sample = data[index]
            frames = len(sample["motion"])
            assert frames == (31 if index == 1 else 40)
            assert len(sample["audio"]) == frame_to_sample(frames, fps)
            # A frame in a crop may begin a sample earlier or later than in the whole.
            heard = sample["audio"][[s + 1 for s in begins[:frames]]]
            np.testing.assert_allclose(heard, sample["motion"][:, 0], atol=1e-4)


@pytest.mark.parametrize("fps", RATES)
def test_a_batch_has_the_samples_of_its_frames(fps: float) -> None:
    """So that as many features come out as there are frames of motion."""
    data = ClipDataset(timed_corpus(fps), crop_frames=37, seed=2)
    for step in range(12):
        batch = dealt_batch(data, step, 2)
        frames = batch["motion"].shape[1]
        assert batch["audio"].shape[1] == frame_to_sample(frames, fps)
        assert frame_count(batch["audio"].shape[1], fps) == frames
        assert log_mel(batch["audio"], fps).shape[1] == 4 * frames


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("on_disk", [False, True])
def test_features_of_whole_clips_are_cut_where_the_motion_is(
    fps: float, on_disk: bool, tmp_path: Path
) -> None:
    heard: list[int] = []

    def listen(sound: torch.Tensor) -> torch.Tensor:
        """One feature a frame: a sample near its start, which tells the frame's number."""
        heard.append(len(sound))
        return sound[
            [frame_to_sample(f, fps) + 1 for f in range(frame_count(len(sound), fps))], None
        ]

    corpus = timed_corpus(fps, tmp_path if on_disk else None)
    data = ClipDataset(corpus, crop_frames=40, seed=1, features=listen)
    plain = ClipDataset(corpus, crop_frames=40, seed=1)
    for step in range(8):
        batch, same = dealt_batch(data, step, 3), dealt_batch(plain, step, 3)
        assert "features" not in same
        assert all(torch.equal(batch[key], value) for key, value in same.items())  # type: ignore[literal-required]
        assert batch["features"].shape == (3, 40, 1)
        motion = batch["motion"][:, :, 0] * batch["mask"]
        torch.testing.assert_close(batch["features"][..., 0], motion, rtol=0, atol=1e-4)
    assert set(heard) == {frame_to_sample(len(clip), fps) for clip in corpus}


def test_nothing_is_read_before_it_is_asked_for(tmp_path: Path) -> None:
    corpus = timed_corpus(30.0, tmp_path)
    read: list[int] = []

    def watched(clip: Clip) -> Clip:
        truth = clip.truths
        assert isinstance(truth, LazyMotion)

        def load(start: int, stop: int) -> np.ndarray:
            read.append(stop - start)
            return truth.load(start, stop)

        return dataclasses.replace(clip, truths=dataclasses.replace(truth, load=load))

    corpus = dataclasses.replace(corpus, clips=tuple(watched(clip) for clip in corpus))
    data = ClipDataset(corpus, crop_frames=20)
    assert not read
    dealt_batch(data, 0, 3)
    assert read == [20, 20, 20]


@pytest.mark.parametrize("fps", [25.0, 30.0])
def test_kept_sound_is_the_sound_that_is_read_anew(
    fps: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = timed_corpus(fps, tmp_path)
    asked: list[int] = []
    original = Clip.sound

    def counted(self: Clip, start: int, stop: int) -> np.ndarray:
        asked.append(stop - start)
        return original(self, start, stop)

    monkeypatch.setattr(Clip, "sound", counted)
    # Room for all, for none, and for the shortest.
    for room, times in ((10**9, 3), (0, 30), (2 * frame_to_sample(31, fps), 21)):
        asked.clear()
        data = ClipDataset(corpus, crop_frames=20, sound_bytes=room)
        seen = []
        for epoch in range(10):
            data.set_epoch(epoch)
            seen.append(torch.stack([data[index]["audio"] for index in range(3)]))
        made = torch.stack(seen)
        if room == 10**9:
            expected = made
        assert torch.equal(made, expected)
        assert len(asked) == times
        assert data._sound_room >= 0


def test_the_data_sets_own_mesh(tmp_path: Path) -> None:
    lazy = timed_corpus(30.0, tmp_path, vertices=11)
    for corpus in (timed_corpus(30.0, vertices=11), lazy):
        assert corpus.view == "vertices"
        data = ClipDataset(corpus, view=corpus.view, crop_frames=None)
        sample = data[1]
        np.testing.assert_array_equal(sample["motion"], corpus[1].motion.values)
        assert corpus.surface is not None
        rest = corpus.surface.templates
        np.testing.assert_array_equal(data.templates(), np.stack([rest["ada"], rest["ben"]]))
        sample["motion"].zero_()
        assert data[1]["motion"].abs().max() > 0


def test_large_and_small_measures_stay_exact() -> None:
    """A data set without a unit may measure in anything."""
    for measure in (1e-4, 1.0, 1e3):
        values = np.random.default_rng(0).normal(0, measure, (30, 5, 3)).astype(np.float32)
        clip = Clip("a", "ada", np.zeros(16_000, np.float32),
                    (Motion(values, "vertices", 30.0, "ada@grid", "ada"),))  # fmt: skip
        surface = Surface("grid", {"ada": np.zeros((5, 3), np.float32)}, unit=None)
        corpus = Corpus("s", (clip,), {}, ("ada",), {"ada": "ada@grid"}, 30.0, None, None, surface)
        made = ClipDataset(corpus, view="vertices", crop_frames=None)[0]["motion"]
        np.testing.assert_array_equal(made, values)


def test_a_view_must_fit_the_corpus(talkers: Corpus) -> None:
    grid = timed_corpus(30.0, vertices=4)
    with pytest.raises(UserError, match=r"mesh of its own.*fits is vertices\."):
        ClipDataset(grid, view="vertices@low")
    with pytest.raises(UserError, match="holds vertices"):
        ClipDataset(grid)
    with pytest.raises(UserError, match=r"no mesh of its own.*vertices@low"):
        ClipDataset(talkers, view="vertices")
    with pytest.raises(UserError, match="30 frames a second"):
        ClipDataset(dataclasses.replace(timed_corpus(30.0), fps=25.0))


@pytest.mark.parametrize("suffix", [".wav", ".npy"])
@pytest.mark.parametrize("workers", [0, 1])
def test_a_clip_damaged_meanwhile_is_named(tmp_path: Path, suffix: str, workers: int) -> None:
    data = ClipDataset(timed_corpus(30.0, tmp_path), crop_frames=20)
    (tmp_path / f"c1{suffix}").unlink()
    with pytest.raises(UserError, match=f"c1{suffix}") as caught:
        list(batches(data, range(3), 2, workers=workers))
    assert len(str(caught.value).splitlines()) <= 3
    assert "Traceback" not in str(caught.value)


def test_errors_name_the_clip_once() -> None:
    clip = ramp_clip("utterance", 5)
    plain = clip_error(clip, UserError("folder/other.json is torn.\nCopy it again."))
    assert str(plain) == "Clip utterance cannot be used. folder/other.json is torn.\nCopy it again."
    named = UserError("folder/utterance.npy is torn.")
    assert str(clip_error(clip, named)) == str(named)
