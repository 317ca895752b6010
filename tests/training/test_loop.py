import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from talking_heads.corpus.collection import Corpus
from talking_heads.corpus.heads import Surface
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, Motion
from talking_heads.models import (
    ConvRegressor,
    ConvRegressorConfig,
    DiffSpeaker,
    DiffSpeakerConfig,
    load_model,
)
from talking_heads.models.checkpoint import WEIGHTS
from talking_heads.speech.encoder import LogMelEncoder
from talking_heads.speech.small_hubert import SmallHubert, SmallHubertConfig
from talking_heads.speech.small_hubert_encoder import SmallHubertEncoder
from talking_heads.training import TrainConfig, fitting, train
from talking_heads.training.data import TrainingData
from talking_heads.training.figures import measure
from talking_heads.training.fitting import fit, parameter_groups, update_ema
from talking_heads.training.processes import processes
from talking_heads.training.views import build_contract

CONFIG = DiffSpeakerConfig(
    width=16, layers=1, heads=2, feed_forward=32, encoder_width=16, encoder_blocks=1,
    sampling_steps=3, step_code=16,
)  # fmt: skip
SETTINGS = TrainConfig(steps=12, batch=4, crop=25, warm_up=2, save_every=5, ema=0.9)


def run(corpus: Corpus, out: Path, **how: object) -> dict:
    options = {"config": CONFIG, "settings": SETTINGS, "evaluate": False, **how}
    train("diff_speaker", data=corpus, out=out, progress=False, **options)  # type: ignore[arg-type]
    return json.loads((out / "results.json").read_text())


@pytest.mark.parametrize(
    ("preset", "how", "listens"),
    [
        ("course", {}, "small_hubert"),
        ("paper", {}, None),
        ("course", {"encoder": "log_mel"}, None),
        ("course", {"config": CONFIG}, None),
    ],
)
def test_what_listens_is_what_the_preset_names(
    preset: str, how: dict, listens: str | None, corpus: Corpus, tmp_path: Path
) -> None:
    settings = dataclasses.replace(SETTINGS, steps=1, batch=1)
    results = run(
        corpus, tmp_path, **{"config": None, "preset": preset, "settings": settings} | how
    )
    assert results["encoder"].get("settings", {}).get("type") == listens
    encoder = load_model(tmp_path).get_submodule("encoder")
    assert isinstance(encoder, SmallHubertEncoder if listens else LogMelEncoder)


def test_a_given_encoder_learns_at_its_own_rate(corpus: Corpus) -> None:
    contract = build_contract(corpus, TrainingData(corpus, "train", 20, 0), "diff_speaker")
    given = SmallHubertEncoder(SmallHubert(SmallHubertConfig(16, 1, 2, 32)))
    model = DiffSpeaker(CONFIG, contract, given)
    groups = parameter_groups(model, TrainConfig(encoder_rate=0.25))
    assert {group["share"] for group in groups} == {0.25, 1.0}
    slow = {id(p) for group in groups if group["share"] == 0.25 for p in group["params"]}
    assert slow == {id(p) for p in given.parameters() if p.requires_grad}
    # The order is what a state on disk is sorted by.
    ordered = [id(p) for group in groups for p in group["params"]]
    assert ordered == [id(p) for p in model.parameters() if p.requires_grad]
    # These begin with random weights, the configuration's own and another.
    for fresh in (None, LogMelEncoder(24)):
        model = DiffSpeaker(CONFIG, contract, fresh)
        groups = parameter_groups(model, TrainConfig(encoder_rate=0.25))
        assert [group["share"] for group in groups] == [1.0]
    with pytest.raises(UserError, match="encoder_rate is above 0"):
        TrainConfig(encoder_rate=0.0)


CONV = ConvRegressorConfig(width=8, hidden=16, codes=8)


def test_the_regressor_trains_too(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = TrainConfig(steps=120, batch=5, crop=30, warm_up=10, learning_rate=5e-3, ema=0.9)

    def train_it(out: Path, **how: object) -> dict:
        options = {"config": CONV, "settings": settings, "evaluate": True, **how}
        train("conv_regressor", data=corpus, out=out, progress=False, **options)  # type: ignore[arg-type]
        return json.loads((out / "results.json").read_text())

    results = train_it(tmp_path / "whole")
    assert isinstance(load_model(tmp_path / "whole"), ConvRegressor)
    losses = [row[1] for row in results["losses"]]
    assert np.mean(losses[-3:]) < 0.5 * losses[0]
    # There is no chance in it: one seed tells all.
    assert results["figures"]["seeds"] == [0]
    assert results["figures"]["test_seen"]["aperture_correlation"] > 0.6
    assert results["model"] == "conv_regressor"
    assert results["corpus"]["layout"] == "course" and results["corpus"]["fps"] == 25

    whole = train_it(tmp_path / "first", evaluate=False, settings=SETTINGS)
    with monkeypatch.context() as patch:
        original = fitting.update_ema

        def cut(mean: torch.nn.Module, model: torch.nn.Module, decay: float, now: int) -> None:
            if now == 8:
                raise _PowerCut
            original(mean, model, decay, now)

        patch.setattr(fitting, "update_ema", cut)
        with pytest.raises(_PowerCut):
            train_it(tmp_path / "cut", settings=SETTINGS)
    resumed = train_it(tmp_path / "cut", evaluate=False, settings=SETTINGS)
    assert resumed["losses"] == whole["losses"]
    first = load_file(tmp_path / "first" / "model.safetensors")
    second = load_file(tmp_path / "cut" / "model.safetensors")
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_output_of_a_trained_regressor_started_as_the_motions_components(
    corpus: Corpus, tmp_path: Path
) -> None:
    """Jaw and brow are all that moves in this corpus, so two components are all there are."""
    settings = dataclasses.replace(SETTINGS, steps=1, learning_rate=0.0)
    train(
        "conv_regressor", data=corpus, out=tmp_path, progress=False, config=CONV,
        settings=settings, evaluate=False,
    )  # fmt: skip
    weight = load_file(tmp_path / "model.safetensors")["motion_out.weight"]
    assert (weight.norm(dim=0) > 0).tolist() == [True, True] + [False] * 6
    moving = weight.norm(dim=1) > 1e-3
    assert int(moving.sum()) == 2


def test_a_config_of_another_model_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="ConvRegressorConfig, no DiffSpeakerConfig"):
        train("conv_regressor", data=corpus, out=tmp_path / "x", config=CONFIG)
    assert not (tmp_path / "x").exists()


def test_results_tell_one_corpus_from_another(tmp_path: Path) -> None:
    from talking_heads.corpus import load_corpus
    from talking_heads.corpus.store import read_manifest

    course = load_corpus()
    assert course.root is not None
    short = dataclasses.replace(
        course, splits={"train": course.splits["train"][:3], "val": course.splits["val"][:1]}
    )
    record = run(short, tmp_path)["corpus"]
    assert record["fingerprint"] == read_manifest(course.root)["fingerprint"]
    assert (record["layout"], record["clips"]) == ("course", 3)
    assert record["seconds"] == pytest.approx(short.split("train").seconds, abs=0.01)
    assert str(course.root) not in json.dumps(record)


def vertex_corpus(corpus: Corpus, vertices: int = 6) -> Corpus:
    """The tones with a mesh of their own: two lips of three vertices each."""
    template = np.random.default_rng(0).normal(size=(vertices, 3)).astype(np.float32)
    clips = []
    for clip in corpus:
        values = np.zeros((len(clip), vertices, 3), np.float32)
        values[:, 3:, 1] = -0.02 * clip.motion.values[:, ARKIT_INDEX["jawOpen"], None]
        motion = Motion(values, "vertices", 25.0, f"{clip.speaker}@biwi", clip.speaker)
        clips.append(dataclasses.replace(clip, truths=(motion,), phonemes=()))
    surface = Surface(
        "biwi",
        {speaker: template for speaker in corpus.speakers},
        regions={"lips": np.arange(vertices), "upper_face": np.arange(2)},
        unit=None,
    )
    faces = {speaker: f"{speaker}@biwi" for speaker in corpus.speakers}
    return dataclasses.replace(
        corpus, name="mesh", clips=tuple(clips), face_ids=faces, surface=surface, unit=None,
        layout="biwi",
    )  # fmt: skip


def test_a_corpus_of_vertices_is_measured_by_its_vertices(corpus: Corpus, tmp_path: Path) -> None:
    results = {}
    for name, config in (("conv_regressor", CONV), ("diff_speaker", CONFIG)):
        train(
            name, data=vertex_corpus(corpus), out=tmp_path / name, progress=False,
            config=config, settings=SETTINGS,
        )  # fmt: skip
        results[name] = json.loads((tmp_path / name / "results.json").read_text())
    for found in results.values():
        assert found["corpus"]["layout"] == "biwi" and found["corpus"]["unit"] is None
        assert set(found["figures"]) == {"seeds", "test_seen", "test_unseen"}
        assert found["figures"]["test_seen"]["clips"] == 2
        assert any("lve" in key for key in found["figures"]["test_seen"])
        assert {len(row) for row in found["losses"]} == {4}
    model = load_model(tmp_path / "conv_regressor")
    assert model.contract.heads == ("ada@biwi", "ben@biwi")
    assert model.contract.average_head == "ada@biwi"


def test_coefficients_without_phonemes_are_measured_too(corpus: Corpus, tmp_path: Path) -> None:
    plain = tuple(dataclasses.replace(clip, phonemes=()) for clip in corpus)
    figures = run(dataclasses.replace(corpus, clips=plain), tmp_path, evaluate=True)["figures"]
    assert set(figures) == {"seeds", "test_seen", "test_unseen"}
    assert any("lve" in key for key in figures["test_seen"])


class _PowerCut(Exception):
    pass


def interrupt(monkeypatch: pytest.MonkeyPatch, corpus: Corpus, out: Path, step: int) -> None:
    """Train until the weights have been updated ``step`` times, then stop dead."""
    original = fitting.update_ema

    def cut(mean: torch.nn.Module, model: torch.nn.Module, decay: float, now: int) -> None:
        if now == step:
            raise _PowerCut
        original(mean, model, decay, now)

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "update_ema", cut)
        with pytest.raises(_PowerCut):
            run(corpus, out)


def test_a_resumed_run_equals_an_unbroken_one(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(corpus, tmp_path / "whole")
    interrupt(monkeypatch, corpus, tmp_path / "cut", 8)
    assert not (tmp_path / "cut" / "config.json").exists()
    assert (tmp_path / "cut" / "training_state.safetensors").exists()
    seen: list[int] = []
    original = TrainingData.batch

    def watched(self: TrainingData, step: int, *how: int) -> dict[str, torch.Tensor]:
        seen.append(step)
        return original(self, step, *how)

    def long_ago(*how: Any) -> tuple[int, list[list[float]], float]:
        return *load(*how)[:2], 1000.0

    load = fitting.load_state
    monkeypatch.setattr(TrainingData, "batch", watched)
    monkeypatch.setattr(fitting, "load_state", long_ago)
    cut = run(corpus, tmp_path / "cut")
    assert seen == list(range(5, 12)) and cut["seconds"] > 1000
    assert cut["losses"] == whole["losses"]
    first = load_file(tmp_path / "whole" / "model.safetensors")
    second = load_file(tmp_path / "cut" / "model.safetensors")
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not (tmp_path / "cut" / "training_state.safetensors").exists()


def test_a_state_of_other_settings_is_refused(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(monkeypatch, corpus, tmp_path, 8)
    half = [tuple(dataclasses.replace(t, values=t.values / 2) for t in c.truths) for c in corpus]
    clips = tuple(dataclasses.replace(c, truths=t) for c, t in zip(corpus, half, strict=True))
    others: list[dict[str, Any]] = [
        {"seed": 1},
        {"settings": dataclasses.replace(SETTINGS, learning_rate=1e-3)},
        {"config": dataclasses.replace(CONFIG, dropout=0.3)},
        {"corpus": dataclasses.replace(corpus, clips=clips)},
    ]
    for other in others:
        with pytest.raises(UserError, match="other settings"):
            run(**{"corpus": corpus, "out": tmp_path, **other})
    run(corpus, tmp_path, seed=1, resume=False)


def test_a_finished_run_is_not_lost(corpus: Corpus, tmp_path: Path) -> None:
    run(corpus, tmp_path)
    weights = (tmp_path / WEIGHTS).read_bytes()
    with pytest.raises(UserError, match="holds a finished training"):
        run(corpus, tmp_path, seed=1)
    assert (tmp_path / WEIGHTS).read_bytes() == weights
    run(corpus, tmp_path, seed=1, resume=False)
    assert (tmp_path / WEIGHTS).read_bytes() != weights


def test_a_damaged_state_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "training_state.safetensors").write_bytes(b"nonsense")
    with pytest.raises(UserError, match="damaged"):
        run(corpus, tmp_path)


def test_results_and_checkpoint(corpus: Corpus, tmp_path: Path) -> None:
    results = run(corpus, tmp_path, evaluate=True)
    assert {"config", "training", "seed", "device", "date", "losses", "figures"} <= set(results)
    assert results["figures"]["test_seen"]["clips"] == 2
    model = load_model(tmp_path)
    assert model.speakers == ("ada", "ben")
    assert model.contract.heads == ("head-01@low", "head-02@low")
    assert model.contract.provenance["corpus"] == "tones"


def test_speakers_left_out(corpus: Corpus, tmp_path: Path) -> None:
    results = run(corpus, tmp_path, without=("ben",), evaluate=True)
    model = load_model(tmp_path)
    assert model.speakers == ("ada",)
    assert model.contract.provenance["without"] == "ben"
    assert results["without"] == ["ben"]
    figures = results["figures"]
    whole = corpus.split("test_seen")
    assert set(figures["test_left_out_average_style"]["by_speaker"]) == {"ben"}
    assert figures["test_left_out_average_style"]["clips"] == sum(c.speaker == "ben" for c in whole)
    assert figures["test_seen"]["clips"] == sum(c.speaker == "ada" for c in whole)
    with pytest.raises(UserError, match="no speaker 'bob'"):
        run(corpus, tmp_path / "bob", without=("bob",))


def test_a_state_of_other_speakers_is_refused(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(monkeypatch, corpus, tmp_path, 8)
    with pytest.raises(UserError, match="other settings"):
        run(corpus, tmp_path, without=("ben",))


def test_the_optimizer_is_told_what_the_settings_say(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 4 clips, two in a batch, an epoch is 2 steps."""
    items = TrainingData(corpus, "train", 20, 0)
    given = SmallHubertEncoder(SmallHubert(SmallHubertConfig(16, 1, 2, 32)))
    model = DiffSpeaker(CONFIG, build_contract(corpus, items, "diff_speaker"), given)
    settings = TrainConfig(
        steps=5, batch=2, warm_up=1, schedule="halving", halve_epochs=1, learning_rate=1e-3,
        encoder_rate=0.25, weight_decay=0.3, clip_norm=0.01,
    )  # fmt: skip
    rates, decays, lengths, states = [], set(), [], set()
    original = torch.optim.AdamW.step

    def step(self: torch.optim.AdamW, *how: Any) -> Any:
        rates.append(sorted({group["lr"] for group in self.param_groups}))
        decays.update(group["weight_decay"] for group in self.param_groups)
        weights = [p for group in self.param_groups for p in group["params"]]
        lengths.append(float(sum(p.grad.square().sum() for p in weights if p.grad is not None)))
        states.add(torch.initial_seed())
        return original(self, *how)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    fit(model, items, settings, 0, tmp_path, processes(), progress=False)
    assert len(items) == 4
    np.testing.assert_allclose(
        rates, [[2.5e-4 * r, 1e-3 * r] for r in (1.0, 1.0, 0.5, 0.5, 0.25)], rtol=1e-6
    )
    # Every step has a random state of its own.
    assert len(states) == 5
    assert decays == {0.3} and 0.9e-4 < max(lengths) < 1.01e-4


def test_a_loss_that_is_no_number_ends_the_run(corpus: Corpus, tmp_path: Path) -> None:
    wild = dataclasses.replace(SETTINGS, learning_rate=1e30)
    with pytest.raises(UserError, match="no longer a number at step 1"):
        run(corpus, tmp_path, settings=wild)
    assert not (tmp_path / "config.json").exists()


def test_it_learns(corpus: Corpus, tmp_path: Path) -> None:
    settings = TrainConfig(steps=150, batch=5, crop=30, warm_up=10, learning_rate=5e-3, ema=0.9)
    results = run(corpus, tmp_path, settings=settings, evaluate=True)
    losses = [row[1] for row in results["losses"]]
    assert np.mean(losses[-3:]) < 0.5 * losses[0]
    assert results["figures"]["test_seen"]["aperture_correlation"] > 0.6


def test_the_running_mean_is_what_is_kept(corpus: Corpus, tmp_path: Path) -> None:
    kept = {}
    for ema in (0.0, 0.9):
        out = tmp_path / str(ema)
        results = run(corpus, out, settings=dataclasses.replace(SETTINGS, ema=ema))
        kept[ema] = results["losses"], load_file(out / "model.safetensors")["motion_out.weight"]
    assert kept[0.0][0] == kept[0.9][0]
    assert not torch.equal(kept[0.0][1], kept[0.9][1])


def test_ema_by_hand() -> None:
    slow, fast = torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(slow.weight, 0.0)
    torch.nn.init.constant_(fast.weight, 1.0)
    update_ema(slow, fast, 0.9, 10**6)
    assert float(slow.weight.detach()) == pytest.approx(0.1)
    update_ema(slow, fast, 0.9, 0)
    assert float(slow.weight.detach()) == pytest.approx(0.1 + 0.9 * 0.9)


def test_learning_rate_rises_and_falls() -> None:
    settings = TrainConfig(steps=100, warm_up=10)
    rates = [settings.learning_rate_at(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == pytest.approx(1.0)
    assert rates[9] == pytest.approx(1.0) and rates[-1] < 0.03
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))
    # The cosine begins after the rise; in its middle it is half way between 1 and its end.
    settings = TrainConfig(steps=110, warm_up=10, final_rate=0.2)
    rates = [settings.learning_rate_at(step) for step in (10, 60, 110)]
    np.testing.assert_allclose(rates, [1.0, 0.6, 0.2])


def test_a_batch_fits_a_laptop() -> None:
    settings = TrainConfig.preset("course")
    assert settings.fitted_to(52) == settings
    assert settings.fitted_to(3 * 5_023) == settings
    assert settings.fitted_to(3 * 23_370).batch == 5
    assert settings.fitted_to(3 * 1_000_000).batch == 1


def test_the_papers_learning_rate_is_constant() -> None:
    settings = TrainConfig.preset("paper")
    rates = {settings.learning_rate_at(step) for step in range(0, settings.steps, 1000)}
    assert rates == {1.0} and settings.learning_rate == 1e-4 and settings.batch == 32


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 0}, {"batch": -1}, {"crop": 2.5}, {"warm_up": 0}, {"halve_epochs": 0},
        {"save_every": 0}, {"ema": 1.0}, {"final_rate": 2.0},
    ],
)  # fmt: skip
def test_unusable_settings_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(UserError, match=next(iter(change))):
        TrainConfig(**change)  # type: ignore[arg-type]


def test_figures_do_without_picked_styles_where_few_clips_are_taken(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many unseen voices: enough clips of each in all, too few among those that are taken."""
    run(corpus, tmp_path)
    clips = tuple(
        dataclasses.replace(clip, id=f"{name}-{number}", speaker=name)
        for name in ("maya", "noah")
        for number in range(7)
        for clip in corpus.split("test_unseen")[:1]
    )
    many = dataclasses.replace(
        corpus,
        clips=clips,
        splits={"test_unseen": tuple(clip.id for clip in clips)},
        speakers=("maya", "noah"),
        face_ids={"maya": "head-03@low", "noah": "head-04@low"},
    )
    model = load_model(tmp_path)
    assert "test_unseen_picked_style" in measure(model, many, (0,))
    assert "test_unseen_picked_style" not in measure(model, many, (0,), clips=6)


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ({"name": "gpt"}, "gpt"),
        ({"preset": "huge"}, "huge"),
        ({"out": "file"}, "file"),
        ({"out": "file/below"}, "file"),
    ],
)
def test_unusable_arguments_are_refused(
    corpus: Corpus, tmp_path: Path, how: dict[str, str], word: str
) -> None:
    (tmp_path / "file").write_text("mine")
    out = tmp_path / how.get("out", "new")
    with pytest.raises(UserError, match=word):
        train(
            how.get("name", "diff_speaker"),
            data=corpus,
            out=out,
            preset=how.get("preset", "course"),
        )
    assert not (tmp_path / "new").exists()
    assert (tmp_path / "file").read_text() == "mine"
