"""Motion priors through the training loop."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from talking_heads.cli import main
from talking_heads.corpus.collection import Corpus
from talking_heads.corpus.heads import Surface, course_head
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, Motion
from talking_heads.models import (
    ConvRegressor,
    ConvRegressorConfig,
    DiffSpeaker,
    GraphVQVAE,
    MotionVQVAE,
    load_model,
)
from talking_heads.models.loading import PRIORS, load_prior
from talking_heads.models.prior_config import MotionVQVAEConfig
from talking_heads.training import TrainConfig, fitting, train
from talking_heads.training.data import TrainingData
from talking_heads.training.fitting import keep_mean
from talking_heads.training.views import build_contract, choose_view, training_head

CONFIG = MotionVQVAEConfig(
    width=16, layers=1, heads=2, feed_forward=32, components=2, codes=8, restart=3
)
SETTINGS = TrainConfig(steps=12, batch=4, crop=25, warm_up=2, save_every=5, ema=0.9)


def run(corpus: Corpus, out: Path, **how: Any) -> dict[str, Any]:
    options = {"config": CONFIG, "settings": SETTINGS, "evaluate": False, **how}
    train("motion_vqvae", data=corpus, out=out, progress=False, **options)
    found: dict[str, Any] = json.loads((out / "results.json").read_text())
    return found


def meshes(corpus: Corpus, vertices: int = 6) -> Corpus:
    """The tones with a mesh of their own: a jaw that opens, and a brow."""
    template = np.random.default_rng(0).normal(size=(vertices, 3)).astype(np.float32)
    clips = []
    for clip in corpus:
        values = np.zeros((len(clip), vertices, 3), np.float32)
        values[:, 3:, 1] = -0.02 * clip.motion.values[:, ARKIT_INDEX["jawOpen"], None]
        values[:, 0, 2] = 0.01 * clip.motion.values[:, ARKIT_INDEX["browInnerUp"]]
        motion = Motion(values, "vertices", 25.0, f"{clip.speaker}@biwi", clip.speaker)
        clips.append(dataclasses.replace(clip, truths=(motion,), phonemes=()))
    surface = Surface(
        "biwi",
        {speaker: template for speaker in corpus.speakers},
        triangles=np.array([[0, 1, 2], [2, 1, 3], [2, 3, 4], [4, 3, 5]], np.int32),
        regions={"lips": np.arange(3, vertices)},
        unit=None,
    )
    faces = {speaker: f"{speaker}@biwi" for speaker in corpus.speakers}
    return dataclasses.replace(
        corpus, name="mesh", clips=tuple(clips), face_ids=faces, surface=surface, unit=None,
        layout="biwi",
    )  # fmt: skip


def test_a_view_of_vertices(corpus: Corpus) -> None:
    clips = tuple(dataclasses.replace(clip, noise_seed=n) for n, clip in enumerate(corpus))
    noisy = dataclasses.replace(corpus, clips=clips)
    data = TrainingData(noisy, "train", 20, 0, view="vertices@low", sound=False)
    head = course_head("head-01@low")
    batch = data.batch(0, 3)
    assert batch["motion"].shape == (3, 20, len(head.vertices), 3)
    assert batch["audio"].shape == (3, 0)
    # One scale: the root mean square of what the scanner saw, by few frames of each clip.
    scans = np.concatenate([clip.vertices("low") for clip in noisy.split("train")])
    assert data.mean == (0.0,)
    assert data.scale[0] == pytest.approx(float(np.sqrt(np.mean(scans**2))), rel=0.1)

    contract = build_contract(noisy, data, "motion_vqvae")
    assert (contract.kind, contract.vertices, contract.unit) == (
        "vertices",
        len(head.vertices),
        "m",
    )
    assert contract.topology_hash == head.topology_hash == course_head("neutral@low").topology_hash
    assert contract.speakers == ("ada", "ben")
    assert contract.heads == ("head-01@low", "head-02@low")
    assert contract.average_head == "neutral@low"
    frames = sum(len(clip) for clip in noisy.split("train"))
    assert contract.provenance["seconds"] == f"{frames / 25:.0f}"
    found = training_head(noisy, data)
    assert found is not None and found.id == "head-01@low"


def test_the_contract_names_heads_of_the_view(corpus: Corpus) -> None:
    data = TrainingData(corpus, "train", 20, 0, view="vertices@medium", sound=False)
    contract = build_contract(corpus, data, "motion_vqvae")
    assert contract.heads == ("head-01@medium", "head-02@medium")
    assert contract.average_head == "neutral@medium" and contract.vertices == 4510
    # A mesh of the corpus's own, of which nobody knows the unit.
    own = meshes(corpus)
    contract = build_contract(own, TrainingData(own, "train", 20, 0, sound=False), "motion_vqvae")
    assert contract.heads == ("ada@biwi", "ben@biwi") and contract.unit is None


def test_the_view_that_a_network_trains_on(corpus: Corpus) -> None:
    assert choose_view(DiffSpeaker, corpus, "course", None) == "coefficients"
    assert choose_view(MotionVQVAE, corpus, "course", None) == "vertices@low"
    assert choose_view(MotionVQVAE, corpus, "full", None) == "vertices@medium"
    assert choose_view(GraphVQVAE, corpus, "course", None) == "vertices@low"
    assert choose_view(MotionVQVAE, corpus, "course", "coefficients") == "coefficients"
    assert choose_view(ConvRegressor, corpus, "course", "vertices@low") == "vertices@low"
    assert choose_view(MotionVQVAE, meshes(corpus), "course", None) == "vertices"
    for view in ("blendshapes@arkit", "faces", "coefficients@low"):
        with pytest.raises(UserError, match="Nothing is trained on the view"):
            choose_view(MotionVQVAE, corpus, "course", view)


@pytest.mark.parametrize(
    ("view", "word"),
    [("vertices", "no mesh of its own"), ("vertices@huge", "There is no view")],
)
def test_a_view_that_the_corpus_lacks(view: str, word: str, corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=word):
        run(corpus, tmp_path / "out", view=view)
    assert not (tmp_path / "out").exists()


def test_a_model_of_speech_may_learn_vertices_of_the_course(corpus: Corpus, tmp_path: Path) -> None:
    train(
        "conv_regressor", data=corpus, out=tmp_path, progress=False, view="vertices@low",
        config=ConvRegressorConfig(width=4, hidden=4, codes=4),
        settings=dataclasses.replace(SETTINGS, steps=2, batch=2),
    )  # fmt: skip
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["view"] == "vertices@low"
    # Measured by its vertices, though the corpus has phonemes.
    assert any("lve" in key for key in results["figures"]["test_seen"])
    made = load_model(tmp_path).animate(corpus[0].audio, speaker="ben")
    assert made.kind == "vertices" and made.face_id == "head-02@low"
    assert made.values.shape[1:] == (1142, 3)


@pytest.mark.parametrize("decay", [None, 0.9])
def test_a_prior_learns_and_the_kept_codes_fit_the_kept_encoder(
    decay: float | None, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mean of the weights and the codes as they are in the end belong together: what is kept
    is no worse than what was last trained."""
    meshed, live = meshes(corpus), {}
    config = dataclasses.replace(CONFIG, decay=decay)
    settings = dataclasses.replace(SETTINGS, steps=80, learning_rate=1e-2, ema=0.9)

    def keep(mean: torch.nn.Module, model: MotionVQVAE) -> None:
        live.update({name: value.clone() for name, value in model.state_dict().items()})
        keep_mean(mean, model)

    monkeypatch.setattr(fitting, "keep_mean", keep)
    results = run(meshed, tmp_path, config=config, settings=settings, evaluate=True)
    assert results["terms"][:2] == ["loss", "reconstruction"] and "perplexity" in results["terms"]
    assert results["view"] == "vertices" and results["encoder"]["id"] == "none"
    rows = np.array(results["losses"])
    assert rows[-3:, 1].mean() < 0.4 * rows[0, 1]
    figures = results["figures"]
    assert set(figures) == {"test_seen", "test_unseen"}
    assert figures["test_seen"]["bits"] == 6 and figures["test_seen"]["unit"] is None
    assert figures["test_seen"]["lips"]["value"] < 0.3 * figures["test_seen"]["at_rest"]["lips"]

    kept = load_prior(tmp_path)
    last = load_prior(tmp_path)
    last.load_state_dict(live)
    batch = TrainingData(meshed, "train", 25, 0, sound=False).batch(0, 5)

    def terms(prior: Any) -> dict[str, float]:
        with torch.no_grad():
            return {name: float(value) for name, value in prior.eval().loss(batch).items()}

    ours, theirs = terms(kept), terms(last)
    assert ours["reconstruction"] < 1.1 * theirs["reconstruction"]
    assert ours["quantization"] < 1.1 * theirs["quantization"]
    assert ours["perplexity"] == pytest.approx(theirs["perplexity"], rel=0.1)


def test_counters_and_tables_are_not_averaged() -> None:
    def network(weight: float, table: float, count: int) -> torch.nn.Module:
        made = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.constant_(made.weight, weight)
        made.register_buffer("table", torch.tensor(table))
        made.register_buffer("count", torch.tensor(count))
        return made

    mean, model = network(1.0, 5.0, 7), network(2.0, 6.0, 8)
    fitting.update_ema(mean, model, 0.5, 10**6)
    keep_mean(mean, model)
    assert {name: float(value) for name, value in model.state_dict().items()} == {
        "weight": 1.5, "table": 6.0, "count": 8.0,
    }  # fmt: skip


def test_a_graph_prior_gets_its_mesh(corpus: Corpus, tmp_path: Path) -> None:
    from talking_heads.models import GraphVQVAEConfig

    config = GraphVQVAEConfig(
        width=16, layers=1, heads=2, feed_forward=16, components=2, codes=8, levels=1
    )
    settings = dataclasses.replace(SETTINGS, steps=3, batch=2, crop=10)
    train(
        "graph_vqvae", data=corpus, out=tmp_path, progress=False, config=config,
        settings=settings, evaluate=False,
    )  # fmt: skip
    prior = load_prior(tmp_path)
    assert prior.contract.vertices == 1142
    codes = prior.codes(
        Motion(np.zeros((4, 1142, 3), np.float32), "vertices", 25.0, "head-01@low", "ada")
    )
    assert codes.shape == (4, 2)


def cut_short(patch: pytest.MonkeyPatch) -> None:
    """Let training end before the running mean of step 8."""
    original = fitting.update_ema

    def cut(mean: torch.nn.Module, model: torch.nn.Module, decay: float, now: int) -> None:
        if now == 8:
            raise KeyboardInterrupt
        original(mean, model, decay, now)

    patch.setattr(fitting, "update_ema", cut)


@pytest.mark.parametrize("decay", [None, 0.9])
def test_a_resumed_prior_equals_an_unbroken_one(
    decay: float | None, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = dataclasses.replace(CONFIG, decay=decay, dropout=0.1, restart=1)
    how = {"config": config, "view": "coefficients"}
    whole = run(corpus, tmp_path / "whole", **how)
    with monkeypatch.context() as patch:
        cut_short(patch)
        with pytest.raises(KeyboardInterrupt):
            run(corpus, tmp_path / "cut", **how)
    again = run(corpus, tmp_path / "cut", **how)
    assert again["losses"] == whole["losses"]
    first, second = (load_file(tmp_path / n / "model.safetensors") for n in ("whole", "cut"))
    assert any("unused" in name for name in first)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_bfloat16_comes_near_and_is_told_apart(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = {"view": "coefficients", "settings": dataclasses.replace(SETTINGS, steps=2)}
    exact = run(corpus, tmp_path / "exact", precision="float32", **how)
    rough = run(corpus, tmp_path / "rough", precision="bfloat16", **how)
    assert (exact["precision"], rough["precision"]) == ("float32", "bfloat16")
    assert rough["losses"][0][1] == pytest.approx(exact["losses"][0][1], rel=0.05)
    assert rough["losses"][0][1] != exact["losses"][0][1]
    # Weights stay what they are.
    monkeypatch.setattr(fitting, "keep_mean", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run(corpus, tmp_path / "cut", view="coefficients", precision="bfloat16")
    state = load_file(tmp_path / "cut" / fitting.STATE)
    assert {value.dtype for value in state.values() if value.is_floating_point()} == {torch.float32}
    with pytest.raises(UserError, match="other settings"):
        run(corpus, tmp_path / "cut", view="coefficients", precision="float32")


def test_losses_for_tensorboard(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a run that was killed and went on: what it wrote before its last state stays."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    how = {"view": "coefficients", "tensorboard": tmp_path / "events"}
    with monkeypatch.context() as patch:
        cut_short(patch)
        with pytest.raises(KeyboardInterrupt):
            run(corpus, tmp_path / "out", **how)
    results = run(corpus, tmp_path / "out", **how)
    events = EventAccumulator(str(tmp_path / "events"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {f"loss/{n}" for n in results["terms"]} | {"rate"}
    shown = [(event.step, event.value) for event in events.Scalars("loss/loss")]
    np.testing.assert_allclose(shown, [row[:2] for row in results["losses"]], atol=1e-6)


@pytest.mark.parametrize("name", PRIORS)
def test_every_preset_of_a_prior_has_settings(name: str) -> None:
    for preset in PRIORS[name].config_type.presets:
        settings = TrainConfig.preset(preset, name)
        papers = preset.startswith("paper") or preset == "published"
        assert settings.schedule == ("halving" if papers else "cosine")
        assert (settings.ema == 0.0) == papers
        if preset != "full" and not papers:
            assert settings == TrainConfig.preset("course", name)
    with pytest.raises(UserError, match="no preset"):
        TrainConfig.preset("huge", name)


@pytest.mark.parametrize(
    ("name", "preset", "clips", "batch", "epochs", "halve"),
    [
        ("motion_vqvae", "paper", 314, 2, 300, 20),
        ("motion_vqvae", "published", 314, 2, 300, 20),
        ("motion_vqvae", "paper_biwi", 192, 1, 400, 40),
        ("graph_vqvae", "paper", 314, 1, 200, 20),
    ],
)
def test_training_of_the_papers(
    name: str, preset: str, clips: int, batch: int, epochs: int, halve: int
) -> None:
    settings = TrainConfig.preset(preset, name)
    assert (settings.batch, settings.halve_epochs) == (batch, halve)
    assert settings.steps * batch == clips * epochs
    assert (settings.learning_rate, settings.weight_decay, settings.warm_up) == (1e-4, 0.01, 1)


def test_rates_that_are_halved() -> None:
    settings = TrainConfig(
        steps=1000, batch=2, warm_up=1, schedule="halving", halve_epochs=20, learning_rate=1e-4
    )
    # Of 314 clips an epoch is 157 steps, and 20 are 3,140.
    rates = [settings.learning_rate_at(step, 314) for step in (0, 3139, 3140, 6279, 6280, 9420)]
    assert rates == [1, 1, 0.5, 0.5, 0.25, 0.125]
    steady = dataclasses.replace(settings, schedule="constant")
    assert {steady.learning_rate_at(step, 314) for step in (0, 500, 99_999)} == {1.0}
    with pytest.raises(UserError, match="schedule is cosine, constant, halving"):
        TrainConfig(schedule="linear")


def test_a_prior_neither_hears_nor_animates(
    corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = dataclasses.replace(SETTINGS, steps=1)
    run(corpus, tmp_path / "prior", view="coefficients", settings=settings)
    (tmp_path / "sound.wav").write_bytes(b"")
    prior = str(tmp_path / "prior")
    assert main(["evaluate", prior, "--data", "course", "--split", "val"]) == 2
    assert "hears nothing" in capsys.readouterr().err
    assert main(["say", "hello", "--model", prior, "--out", str(tmp_path / "x.npz")]) == 2
    assert "hears nothing" in capsys.readouterr().err
    with pytest.raises(UserError, match="takes no audio encoder"):
        run(corpus, tmp_path / "other", encoder="small_hubert")
