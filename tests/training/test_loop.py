import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from talking_heads.corpus.clip import Corpus
from talking_heads.errors import UserError
from talking_heads.models import DiffSpeakerConfig, load_model
from talking_heads.training import TrainConfig, loop, train
from talking_heads.training.loop import update_ema

CONFIG = DiffSpeakerConfig(
    width=16, layers=1, heads=2, feed_forward=32, encoder_width=16, encoder_blocks=1,
    sampling_steps=3, step_code=16,
)  # fmt: skip
SETTINGS = TrainConfig(steps=12, batch=4, crop=25, warm_up=2, save_every=5, ema=0.9)


def run(corpus: Corpus, out: Path, **how: object) -> dict:
    options = {"config": CONFIG, "settings": SETTINGS, "evaluate": False, **how}
    train("diff_speaker", data=corpus, out=out, progress=False, **options)  # type: ignore[arg-type]
    return json.loads((out / "results.json").read_text())


class _PowerCut(Exception):
    pass


def interrupt(monkeypatch: pytest.MonkeyPatch, corpus: Corpus, out: Path, step: int) -> None:
    """Train until the weights have been updated ``step`` times, then stop dead."""
    original = loop.update_ema

    def cut(mean: torch.nn.Module, model: torch.nn.Module, decay: float, now: int) -> None:
        if now == step:
            raise _PowerCut
        original(mean, model, decay, now)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "update_ema", cut)
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
    original = loop.TrainingData.batch

    def watched(self: loop.TrainingData, step: int, size: int) -> dict[str, torch.Tensor]:
        seen.append(step)
        return original(self, step, size)

    monkeypatch.setattr(loop.TrainingData, "batch", watched)
    cut = run(corpus, tmp_path / "cut")
    assert seen == list(range(5, 12))
    assert cut["losses"] == whole["losses"]
    first = load_file(tmp_path / "whole" / "model.safetensors")
    second = load_file(tmp_path / "cut" / "model.safetensors")
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not (tmp_path / "cut" / "training_state.safetensors").exists()


def test_a_state_of_other_settings_is_refused(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(monkeypatch, corpus, tmp_path, 8)
    with pytest.raises(UserError, match="other settings"):
        run(corpus, tmp_path, seed=1)
    run(corpus, tmp_path, seed=1, resume=False)


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


def test_the_papers_learning_rate_is_constant() -> None:
    settings = TrainConfig.preset("paper")
    rates = {settings.learning_rate_at(step) for step in range(0, settings.steps, 1000)}
    assert rates == {1.0} and settings.learning_rate == 1e-4 and settings.batch == 32


@pytest.mark.parametrize(
    "change", [{"steps": 0}, {"batch": -1}, {"crop": 2.5}, {"ema": 1.0}, {"final_rate": 2.0}]
)
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
    assert "test_unseen_picked_style" in loop.measure(model, many, (0,))
    assert "test_unseen_picked_style" not in loop.measure(model, many, (0,), clips=6)


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
