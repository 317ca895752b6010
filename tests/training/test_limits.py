from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
import pytest

from talking_heads.corpus.clip import Clip
from talking_heads.corpus.collection import Corpus
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, Motion
from talking_heads.models.baselines import MeanFace
from talking_heads.training import limits
from talking_heads.training.limits import floors_and_ceilings, limits_table


def test_order_of_floors_and_ceilings(corpus: Corpus) -> None:
    found = floors_and_ceilings(corpus)
    assert list(found["splits"]) == ["train", "test_seen", "test_unseen"]
    test = found["splits"]["test_seen"]
    assert list(test) == ["mean_face", "nearest", "ridge", "oracle", "oracle_style", "truth"]
    correlation = {name: figures["aperture_correlation"] for name, figures in test.items()}
    assert correlation["mean_face"] == 0 < correlation["ridge"] <= 1
    # The two truths of these clips have the same lips.
    assert correlation["truth"] == 1
    assert test["truth"]["max_lip_error_mm"] < 0.2 < test["mean_face"]["max_lip_error_mm"]
    for figures in test.values():
        low, high = figures["intervals"]["aperture_error_mm"]
        assert low <= figures["aperture_error_mm"] <= high
        assert figures["clips"] == 2
    table = limits_table(found)
    assert "test_unseen (2 clips)" in table and table.count("oracle_style") == 3


def test_nobody_is_his_own_neighbour(corpus: Corpus) -> None:
    clips = []
    for number, clip in enumerate(corpus):
        random = np.random.default_rng(number)
        values = np.zeros((len(clip), 52), np.float32)
        values[:, ARKIT_INDEX["jawOpen"]] = random.uniform(0, 0.5, len(clip))
        noise = random.uniform(-0.5, 0.5, len(clip) * 640).astype(np.float32)
        motion = Motion(values, "coefficients", face_id=clip.motion.face_id)
        clips.append(dataclasses.replace(clip, source=noise, truths=(motion,)))
    found = floors_and_ceilings(dataclasses.replace(corpus, clips=tuple(clips)), splits=["train"])
    assert found["splits"]["train"]["nearest"]["aperture_error_mm"] > 2


def test_floors_learn_from_train_alone_and_choose_on_val(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, list[list[str]]] = {}

    def stand_in(name: str) -> object:
        class Floor:
            strength = 0.01

            @classmethod
            def fit(cls, *splits: Iterable[Clip]) -> MeanFace:
                seen[name] = [[clip.id for clip in clips] for clips in splits]
                return MeanFace(np.zeros(52))

        return Floor

    for name in ("MeanFace", "NearestNeighbour", "RidgeRegression"):
        monkeypatch.setattr(limits, name, stand_in(name))
    splits = dict(corpus.splits)
    splits["val"], splits["train"] = splits["train"][:1], splits["train"][1:]
    limits._Judges(dataclasses.replace(corpus, splits=splits))
    train, val = (
        [clip.id for clip in corpus.split("train")][k] for k in (slice(1, None), slice(1))
    )
    assert train and val
    assert seen == {
        "MeanFace": [train], "NearestNeighbour": [train], "RidgeRegression": [train, val]
    }  # fmt: skip


def test_truths_are_judged_by_each_other(corpus: Corpus) -> None:
    jaw = ARKIT_INDEX["jawOpen"]
    clips = []
    for clip in corpus:
        values = clip.motion.values.copy()
        values[:, jaw] *= 0.8
        other = Motion(values, "coefficients", face_id=clip.motion.face_id)
        clips.append(dataclasses.replace(clip, truths=(clip.motion, other)))
    varied = dataclasses.replace(corpus, clips=tuple(clips))
    truth = floors_and_ceilings(varied, splits=["test_seen"])["splits"]["test_seen"]["truth"]
    # Fully open is 0.4 against 0.32 of the jaw's way of about 25 mm.
    share = np.mean([c.motion.values[:, jaw].mean() for c in varied.split("test_seen")])
    assert truth["aperture_error_mm"] == pytest.approx(0.2 * 25 * share, rel=0.25)
    assert truth["aperture_correlation"] > 0.99


def test_what_cannot_be_had_is_left_out(corpus: Corpus) -> None:
    plain = tuple(dataclasses.replace(clip, truths=clip.truths[:1], phonemes=()) for clip in corpus)
    found = floors_and_ceilings(
        dataclasses.replace(corpus, clips=plain), splits=["test_seen"], clips=1
    )
    test = found["splits"]["test_seen"]
    assert list(test) == ["mean_face", "nearest", "ridge"]
    assert test["ridge"]["clips"] == 1
    assert "closed" in limits_table(found)


def test_errors(corpus: Corpus) -> None:
    mesh = Motion(np.zeros((len(corpus[0]), 4, 3), np.float32), "vertices")
    vertices = dataclasses.replace(corpus[0], truths=(mesh,))
    with pytest.raises(UserError, match="talking-heads evaluate"):
        floors_and_ceilings(
            dataclasses.replace(corpus, clips=(vertices,), splits={"train": (vertices.id,)})
        )
    with pytest.raises(UserError, match="split"):
        floors_and_ceilings(corpus, splits=["holidays"])
    bare = dataclasses.replace(corpus, splits={"test_seen": corpus.splits["test_seen"]})
    with pytest.raises(UserError, match="'train'"):
        floors_and_ceilings(bare)
