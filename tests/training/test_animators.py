"""Models and baselines by name."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from talking_heads.corpus.collection import Corpus
from talking_heads.errors import UserError
from talking_heads.face import Motion, get_face
from talking_heads.models import ConvRegressor, ConvRegressorConfig, MotionContract
from talking_heads.models.baselines import NearestNeighbour, PhonemeOracle, RidgeRegression
from talking_heads.models.baselines.oracle import average_style
from talking_heads.training.animators import BASELINES, animate_clip, load_animator


@pytest.mark.parametrize("name", BASELINES)
def test_each_baseline_speaks_a_clip(corpus: Corpus, name: str) -> None:
    animator = load_animator(name, corpus)
    assert animator.speakers == ()
    clip = corpus.split("test_unseen")[0]
    motion = animate_clip(animator, clip)
    assert motion.values.shape == (len(clip), 52) and motion.fps == 25


def test_models_by_folder(corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contract = MotionContract(speakers=("ada",), heads=("head-01@low",))
    model = ConvRegressor(ConvRegressorConfig(width=4, hidden=4, codes=4), contract).eval()
    model.save_pretrained(tmp_path / "ridge", half=False)
    loaded = load_animator(tmp_path / "ridge", corpus)
    assert isinstance(loaded, ConvRegressor)
    clip = corpus.split("test_seen")[0]
    np.testing.assert_array_equal(
        animate_clip(loaded, clip, speaker="ada").values,
        model.animate(clip.audio, speaker="ada").values,
    )
    # A baseline's name is the baseline; the folder of that name needs its path.
    monkeypatch.chdir(tmp_path)
    assert isinstance(load_animator("ridge", corpus), RidgeRegression)
    assert isinstance(load_animator("./ridge", corpus), ConvRegressor)


def test_baselines_learn_from_train_alone(corpus: Corpus) -> None:
    nearest = load_animator("nearest", corpus)
    assert isinstance(nearest, NearestNeighbour)
    assert nearest.clips == corpus.splits["train"]
    clip = corpus.split("train")[0]
    made = animate_clip(nearest, clip).values
    np.testing.assert_array_equal(made, nearest.animate(clip.audio, exclude=clip.id).values)


def test_oracles_are_told_what_is_said(corpus: Corpus) -> None:
    """In the average style of the training speakers, or in that of the clip's speaker."""
    clip = corpus.split("test_unseen")[0]
    heard = {c.speaker for c in corpus.split("train")}
    assert clip.speaker not in heard
    for name, speakers in (("oracle", sorted(heard)), ("oracle_style", [clip.speaker])):
        oracle = PhonemeOracle(average_style(speakers))
        face = get_face(clip.face_id)
        wanted = oracle.animate(clip.audio, phonemes=clip.phonemes, face=face).values
        made = animate_clip(load_animator(name, corpus), clip, speaker="nobody").values
        np.testing.assert_allclose(made, wanted, atol=1e-6)
    with pytest.raises(UserError, match="none"):
        animate_clip(load_animator("oracle", corpus), dataclasses.replace(clip, phonemes=()))


def test_errors(corpus: Corpus) -> None:
    for name in ("gpt", "", "diff_speakr"):
        with pytest.raises(UserError, match="mean_face") as error:
            load_animator(name, corpus)
        assert "diff_speaker" in str(error.value)
    values = np.zeros((len(corpus[0]), 4, 3), np.float32)
    mesh = dataclasses.replace(corpus[0], truths=(Motion(values, "vertices"),))
    vertices = dataclasses.replace(corpus, clips=(mesh,), splits={"train": (mesh.id,)})
    for name in ("oracle", "oracle_style", "nearest"):
        with pytest.raises(UserError, match="vertices"):
            load_animator(name, vertices)
    still = animate_clip(load_animator("mean_face", vertices), mesh)
    assert still.kind == "vertices" and still.values.shape == values.shape
