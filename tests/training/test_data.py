import dataclasses

import numpy as np
import pytest
import torch

from talking_heads.corpus import load_corpus
from talking_heads.corpus.clip import Clip
from talking_heads.corpus.collection import Corpus
from talking_heads.corpus.heads import Surface
from talking_heads.corpus.lazy import LazyMotion
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, Motion
from talking_heads.models import load_model
from talking_heads.speech import frame_to_sample
from talking_heads.training.data import (
    SAMPLED_CLIPS,
    SAMPLED_FRAMES,
    SAMPLED_VERTEX_FRAMES,
    TrainingData,
)


def test_speakers_and_statistics(corpus: Corpus) -> None:
    data = TrainingData(corpus, "train", 20, 0)
    assert data.speakers == ("ada", "ben")
    frames = np.concatenate([t.values for c in corpus.split("train") for t in c.truths])
    np.testing.assert_allclose(data.mean, frames.mean(0), atol=1e-5)
    jaw = ARKIT_INDEX["jawOpen"]
    assert data.scale[jaw] == pytest.approx(frames[:, jaw].std(), abs=1e-5)
    # Channels that never move have a floor.
    assert data.scale[ARKIT_INDEX["tongueOut"]] == 0.02


def test_the_shipped_model_was_trained_on_the_shipped_corpus_in_these_units() -> None:
    """Its contract holds the statistics of then. A number that came out otherwise now would make
    new checkpoints something else than the one that the course explains."""
    contract = load_model("diff_speaker").contract
    data = TrainingData(load_corpus(), "train", 100, 0)
    assert (data.mean, data.scale) == (contract.mean, contract.scale)
    assert data.speakers == contract.speakers


def test_a_batch_depends_on_seed_and_step_alone(corpus: Corpus) -> None:
    first, second = TrainingData(corpus, "train", 20, 3), TrainingData(corpus, "train", 20, 3)
    for step in range(4):
        second.batch(step, 4)
    again, wanted = second.batch(1, 4), first.batch(1, 4)
    for key, value in wanted.items():
        assert torch.equal(again[key], value)
    other = TrainingData(corpus, "train", 20, 4).batch(1, 4)
    assert any(
        other[key].shape != value.shape or not torch.equal(other[key], value)
        for key, value in wanted.items()
    )


def test_an_epoch_deals_every_clip_once(corpus: Corpus) -> None:
    data = TrainingData(corpus, "train", 100, 0)
    brow = ARKIT_INDEX["browInnerUp"]
    for epoch in range(2):
        seen = []
        for step in range(len(data)):
            batch = data.batch(epoch * len(data) + step, 1)
            seen.append(float(batch["audio"].abs().sum()))
            assert batch["motion"].shape[1] == int(batch["mask"].sum())
            assert float(batch["motion"][0, 0, brow]) > 0
        assert len({round(s, 3) for s in seen}) == len(data)


def test_speaker_rows_are_those_of_the_model(corpus: Corpus) -> None:
    data = TrainingData(corpus, "train", 20, 0)
    rows = {int(row) for step in range(5) for row in data.batch(step, 4)["speaker"]}
    assert rows == {0, 1}


def test_unusable_corpora_are_refused(corpus: Corpus) -> None:
    with pytest.raises(UserError, match="split"):
        TrainingData(corpus, "nothing", 20, 0)
    with pytest.raises(UserError, match="has 25 frames a second; tones/train has 50"):
        TrainingData(dataclasses.replace(corpus, fps=50.0), "train", 20, 0)


def of_vertices(corpus: Corpus, scale: float = 1.0, fps: float = 30.0) -> Corpus:
    """The clips with other motions, of three vertices: two that are still and one that opens."""
    clips = []
    for clip in corpus:
        values = np.zeros((len(clip), 3, 3), np.float32)
        values[:, 2, 1] = -scale * clip.motion.values[:, ARKIT_INDEX["jawOpen"]]
        motion = Motion(values, "vertices", fps, f"{clip.speaker}@grid", clip.speaker)
        clips.append(dataclasses.replace(clip, truths=(motion,), phonemes=()))
    rest = {speaker: np.zeros((3, 3), np.float32) for speaker in corpus.speakers}
    return dataclasses.replace(
        corpus, clips=tuple(clips), fps=fps, unit=None, surface=Surface("grid", rest, unit=None)
    )


@pytest.mark.parametrize("scale", [1e-3, 1.0, 100.0])
def test_vertices_have_one_scale(corpus: Corpus, scale: float) -> None:
    data = TrainingData(of_vertices(corpus, scale), "train", 20, 0)
    assert data.mean == (0.0,) and len(data.scale) == 1
    batch = data.batch(0, 4)
    assert batch["motion"].shape[2:] == (3, 3)
    assert batch["audio"].shape[1] == frame_to_sample(batch["motion"].shape[1], 30.0)
    # The jaw is 0.4 or 0 in about half of the frames, and one of nine channels moves.
    assert data.scale[0] == pytest.approx(scale * 0.4 * np.sqrt(0.5 / 9), rel=0.4)


def test_the_scale_is_the_root_of_the_mean_square(corpus: Corpus) -> None:
    """By hand, on clips so short that every frame counts."""
    clips = of_vertices(corpus)
    short = tuple(
        dataclasses.replace(clip, truths=(clip.piece(5, 5 + SAMPLED_VERTEX_FRAMES),))
        for clip in clips
    )
    clips = dataclasses.replace(clips, clips=short)
    values = np.concatenate([clip.motion.values for clip in clips.split("train")])
    made = TrainingData(clips, "train", 20, 0).scale[0]
    assert made == pytest.approx(np.sqrt(np.mean(values.astype(np.float64) ** 2)), rel=1e-5)


def test_faces_that_never_move_are_refused(corpus: Corpus) -> None:
    with pytest.raises(UserError, match="never move"):
        TrainingData(of_vertices(corpus, 0.0), "train", 20, 0)


def test_large_corpora_are_sampled() -> None:
    """A thousand hours are not read before the first step; the seed changes nothing."""
    read: list[int] = []

    def clip(number: int) -> Clip:
        def load(start: int, stop: int) -> np.ndarray:
            read.append(stop - start)
            random = np.random.default_rng(number)
            return random.uniform(0, 1, (stop - start, 52)).astype(np.float32)

        truths = LazyMotion(3000, "coefficients", 30.0, "neutral@low", "ada", load)
        return Clip(f"c{number}", "ada", np.zeros(100, np.float32), truths)

    clips = tuple(clip(number) for number in range(2000))
    ids = {"train": tuple(clip.id for clip in clips)}
    large = Corpus("large", clips, ids, ("ada",), {"ada": "neutral@low"}, fps=30.0)
    data = TrainingData(large, "train", 20, 0)
    assert len(read) == SAMPLED_CLIPS and max(read) <= SAMPLED_FRAMES
    np.testing.assert_allclose(data.mean, 0.5, atol=0.01)
    np.testing.assert_allclose(data.scale, np.sqrt(1 / 12), atol=0.01)
    assert data.frames == 6_000_000
    assert TrainingData(large, "train", 20, 7).mean == data.mean
    # Where all frames count, it is all of them that are read.
    read.clear()
    few = dataclasses.replace(large, splits={"train": ids["train"][:50]})
    TrainingData(few, "train", 20, 0)
    assert read == [3000] * 50
    # And so does what lies in memory anyway, of however many hours: 1 in all but some frames.
    values = np.ones((300_000, 52), np.float32)
    values[:3] = 0
    truth = Motion(values, "coefficients", 30.0)
    clip_in_memory = Clip("a", "ada", np.zeros(100, np.float32), (truth,))
    heavy = dataclasses.replace(large, clips=(clip_in_memory,), splits={"train": ("a",)})
    assert TrainingData(heavy, "train", 20, 0).mean == (0.99999,) * 52


def test_a_damaged_clip_is_named(corpus: Corpus) -> None:
    def load(start: int, stop: int) -> np.ndarray:
        raise UserError("other/file.npy is torn.\nCopy it again.")

    torn = LazyMotion(40, "coefficients", 25.0, "neutral@low", "ada", load)
    clips = tuple(dataclasses.replace(clip, truths=torn) for clip in corpus)
    with pytest.raises(UserError, match=r"Clip \w+-\d+ cannot be used. other/file.npy is torn"):
        TrainingData(dataclasses.replace(corpus, clips=clips), "train", 20, 0)
