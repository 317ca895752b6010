"""Two training steps and figures on each of the real data sets, in miniature at true size."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from talking_heads.corpus import load_corpus
from talking_heads.models import (
    ConvRegressorConfig,
    DiffSpeakerConfig,
    GraphVQVAEConfig,
    MotionVQVAEConfig,
    load_model,
    load_prior,
)
from talking_heads.training import TrainConfig, train
from talking_heads.training.animators import animate_clip, load_animator
from talking_heads.training.rate_distortion import recordings

CONFIGS = {
    "conv_regressor": ConvRegressorConfig(width=8, hidden=16, codes=8),
    "diff_speaker": DiffSpeakerConfig(
        width=16, layers=1, heads=2, feed_forward=32, encoder_width=16, encoder_blocks=1,
        sampling_steps=2, step_code=16,
    ),
}  # fmt: skip
SETTINGS = TrainConfig(steps=2, batch=2, crop=20, warm_up=1)
SETS = {
    "vocaset": (30.0, 5023, {"test"}),
    "biwi": (25.0, 23370, {"test_a", "test_b"}),
    "beat": (30.0, 0, {"test"}),
}
SLOW = [("vocaset", "diff_speaker"), ("biwi", "conv_regressor"), ("biwi", "diff_speaker")]


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        pytest.param(layout, name, marks=pytest.mark.slow if (layout, name) in SLOW else ())
        for layout in SETS
        for name in CONFIGS
    ],
)
def test_two_steps_and_figures(
    layout: str, name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    fps, vertices, tests = SETS[layout]
    corpus = load_corpus(request.getfixturevalue(f"mini_{layout}"))
    # Enough to see that every split is measured.
    few = dataclasses.replace(corpus, splits={k: v[:1] for k, v in corpus.splits.items()})
    out = tmp_path / name
    train(name, data=few, out=out, config=CONFIGS[name], settings=SETTINGS, progress=False)
    results = json.loads((out / "results.json").read_text())
    assert results["corpus"]["layout"] == layout and results["corpus"]["fps"] == fps
    assert tests <= set(results["figures"])
    for split in tests:
        figures = results["figures"][split]
        assert "note" not in figures, figures
        assert figures["clips"] == len(few.splits[split])
        assert sum(isinstance(value, float) for value in figures.values()) >= 5, figures
    model = load_model(out)
    assert (model.contract.fps, model.contract.vertices) == (fps, vertices)
    clip = few.split("train")[0]
    motion = model.animate(clip.audio, speaker=clip.speaker)
    assert motion.fps == fps and len(motion) == len(clip)
    assert motion.face_id == corpus.face_ids[clip.speaker] == clip.face_id
    if vertices:
        assert motion.values.shape[1:] == (vertices, 3)
        # Metres of speech, neither zeros nor an exploded face.
        assert np.abs(motion.values).max() < 1e3


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        ("vocaset", "mean_face"),
        pytest.param("vocaset", "ridge", marks=pytest.mark.slow),
        ("beat", "mean_face"),
        ("beat", "nearest"),
        ("beat", "ridge"),
        pytest.param("biwi", "mean_face", marks=pytest.mark.slow),
    ],
)
def test_floors(layout: str, name: str, request: pytest.FixtureRequest) -> None:
    corpus = load_corpus(request.getfixturevalue(f"mini_{layout}"))
    few = dataclasses.replace(corpus, splits={k: v[:2] for k, v in corpus.splits.items()})
    clip = few.split("test")[0] if "test" in few.splits else few.split("test_a")[0]
    made = animate_clip(load_animator(name, few), clip, speaker=clip.speaker)
    assert (made.kind, made.fps) == (clip.kind, clip.fps)
    assert made.values.shape == clip.motion.values.shape


def test_the_regressor_starts_from_the_components_of_real_motion(
    mini_vocaset: Path, tmp_path: Path
) -> None:
    """With one clip's worth of codes, the map can show nearly all that the training clips do."""
    corpus = load_corpus(mini_vocaset)
    settings = dataclasses.replace(SETTINGS, steps=1, learning_rate=0.0, weight_decay=0.0)
    config = ConvRegressorConfig(width=4, hidden=4, codes=20)
    train(
        "conv_regressor", data=corpus, out=tmp_path / "m", config=config, settings=settings,
        evaluate=False, progress=False,
    )  # fmt: skip
    model = load_model(tmp_path / "m")
    basis = model.motion_out.weight.detach().double().numpy()
    bias = model.motion_out.bias.detach().double().numpy()
    scale, mean = np.array(model.contract.scale), np.array(model.contract.mean)
    frames = np.concatenate([c.motion.values.reshape(len(c), -1) for c in corpus.split("train")])
    target = (frames.astype(np.float64) - mean) / scale - bias
    codes = np.linalg.lstsq(basis, target.T, rcond=1e-6)[0]
    left = np.square(target - (basis @ codes).T).sum()
    assert left < 0.05 * np.square(target - target.mean(0)).sum()


def test_the_papers_periods_are_the_corpus_frame_rate(mini_vocaset: Path, tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, steps=1)
    train(
        "diff_speaker", data=mini_vocaset, out=tmp_path / "m", preset="paper", settings=settings,
        evaluate=False, progress=False,
    )  # fmt: skip
    config = load_model(tmp_path / "m").config
    assert (config.bias_period, config.position_period) == (30, 30)


PRIORS = {
    "motion_vqvae": MotionVQVAEConfig(width=8, layers=1, heads=2, feed_forward=8, codes=4),
    "graph_vqvae": GraphVQVAEConfig(
        width=8, layers=1, heads=2, feed_forward=8, codes=4, levels=1, factor=4.0
    ),
}


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        ("vocaset", "motion_vqvae"),
        ("biwi", "motion_vqvae"),
        ("beat", "motion_vqvae"),
        pytest.param("vocaset", "graph_vqvae", marks=pytest.mark.slow),
    ],
)
def test_priors_learn_from_each_set(
    layout: str, name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    fps, vertices, tests = SETS[layout]
    corpus = load_corpus(request.getfixturevalue(f"mini_{layout}"))
    few = dataclasses.replace(corpus, splits={k: v[:1] for k, v in corpus.splits.items()})
    train(name, data=few, out=tmp_path, config=PRIORS[name], settings=SETTINGS, progress=False)
    figures = json.loads((tmp_path / "results.json").read_text())["figures"]
    assert tests <= set(figures)
    for split in tests:
        assert figures[split]["clips"] == 1 and figures[split]["lips"]["value"] > 0
        assert figures[split]["unit"] == (None if layout == "biwi" else "mm")
        at_rest = figures[split]["at_rest"]["lips"]
        assert at_rest < 0.2 if layout == "biwi" else at_rest > 0.2
    prior = load_prior(tmp_path)
    assert prior.contract.unit == (None if layout == "biwi" else "m")
    clip = few.split("train")[0]
    assert prior.contract.fps == fps
    if vertices:
        motion = clip.motion
        assert prior.contract.vertices == vertices
    else:
        # Coefficients are learnt as the course's head wears them.
        motion = next(iter(recordings(few, "train"))).scan
    again = prior.reconstruct(motion)
    assert again.values.shape == motion.values.shape and len(again) == len(clip)
