import dataclasses

import numpy as np
import pytest
import torch

from talking_heads.corpus.clip import Corpus
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX
from talking_heads.training.data import TrainingData


def test_speakers_and_statistics(corpus: Corpus) -> None:
    data = TrainingData(corpus, "train", 20, 0)
    assert data.speakers == ("ada", "ben")
    frames = np.concatenate([t.values for c in corpus.split("train") for t in c.truths])
    np.testing.assert_allclose(data.mean, frames.mean(0), atol=1e-5)
    jaw = ARKIT_INDEX["jawOpen"]
    assert data.scale[jaw] == pytest.approx(frames[:, jaw].std(), abs=1e-5)
    # Channels that never move have a floor.
    assert data.scale[ARKIT_INDEX["tongueOut"]] == 0.02


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
    with pytest.raises(UserError, match="25 frames"):
        TrainingData(dataclasses.replace(corpus, fps=50.0), "train", 20, 0)
