from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from talking_heads.cli import main
from talking_heads.corpus.collection import Corpus
from talking_heads.errors import UserError
from talking_heads.speech.small_hubert import SmallHubertConfig
from talking_heads.speech.small_hubert_encoder import SmallHubertEncoder
from talking_heads.training import pretrain_recipe
from talking_heads.training.pretrain_recipe import (
    Iteration,
    Recipe,
    control,
    pretrain_small_hubert,
)
from talking_heads.training.pretraining import CURVE_COLUMNS, PretrainConfig, UnitPredictor

TINY = SmallHubertConfig(width=16, layers=2, heads=2, feed_forward=32)
TRAINING = PretrainConfig(steps=6, batch=2, seconds=0.4, warm_up=2, save_every=2)
RECIPE = Recipe(
    iterations=(
        Iteration("mfcc", units=5, training=TRAINING),
        Iteration("layer", layer=1, units=4, training=TRAINING),
    ),
    network=TINY,
    sample=150,
)


def run(corpus: Corpus, out: Path, settings: Recipe = RECIPE, **choices: Any) -> dict[str, Any]:
    pretrain_small_hubert(corpus, out, settings=settings, progress=False, **choices)
    results: dict[str, Any] = json.loads((out / "results.json").read_text())
    return results


def test_a_folder_with_weights_units_and_record(corpus: Corpus, tmp_path: Path) -> None:
    results = run(corpus, tmp_path / "a" / "b")
    folder = tmp_path / "a" / "b"
    names = {path.name for path in folder.iterdir()}
    assert names == {"config.json", "model.safetensors", "units.safetensors", "results.json"}
    model = UnitPredictor.from_pretrained(folder)
    assert model.encoder.config == TINY
    assert len(model.embeddings) == 4
    encoder = SmallHubertEncoder.from_pretrained(folder)
    assert results["look_ahead_ms"] == encoder.look_ahead_ms
    assert results["parameters"] == sum(p.numel() for p in encoder.network.parameters())

    train = corpus.split("train")
    assert results["corpus"]["clips"] == len(train)
    assert results["corpus"]["seconds"] == pytest.approx(train.seconds, abs=0.1)
    assert results["curve_columns"] == list(CURVE_COLUMNS)
    first, second = results["iterations"]
    assert (first["teacher"], first["units"]) == ("mfcc", 5)
    assert (second["teacher"], second["units"]) == ("layer", 4)
    for stage in (first, second):
        assert [row[0] for row in stage["curve"]] == [6]
        assert stage["held_out"]["split"] == "test_seen"
        assert stage["held_out"]["clips"] == 2
        assert 0 <= stage["held_out"]["blanked frames right"] <= 1
        # Two sounds, one of them silence: the clusters tell them apart.
        assert stage["unit_quality"]["purity"] > 0.8
    parts = [value for key, value in results["cpu_seconds"].items() if key != "all"]
    assert results["cpu_seconds"]["all"] == pytest.approx(sum(parts), abs=0.2)
    recipe = results["recipe"]
    assert recipe["iterations"][1]["training"]["steps"] == 6
    assert str(tmp_path) not in json.dumps(results)


class _Stop(Exception):
    pass


def _stopping(at: tuple[int, int]) -> Callable[..., Any]:
    """Return a `pretrain` that is killed in an iteration, at a step."""
    calls = 0
    real = pretrain_recipe.pretrain

    def pretrain(*args: Any, on_step: Callable[..., None], **more: Any) -> Any:
        nonlocal calls
        calls += 1
        number = calls

        def stop(step: int, loss: float, right: float) -> None:
            on_step(step, loss, right)
            if (number, step) == at:
                raise _Stop

        return real(*args, on_step=stop, **more)

    return pretrain


@pytest.mark.parametrize("at", [(1, 0), (1, 3), (2, 0), (2, 5)])
def test_a_killed_run_goes_on(
    at: tuple[int, int], corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(corpus, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(pretrain_recipe, "pretrain", _stopping(at))
        with pytest.raises(_Stop):
            run(corpus, tmp_path / "killed")
    assert not (tmp_path / "killed" / "model.safetensors").exists()
    with monkeypatch.context() as patch:
        if at[0] == 2:  # the first units are on disk

            def never(*_: object) -> None:
                raise AssertionError

            patch.setattr(pretrain_recipe, "mfcc", never)
        run(corpus, tmp_path / "killed")
    whole, killed = (UnitPredictor.from_pretrained(tmp_path / name) for name in ("whole", "killed"))
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, killed.state_dict()[name])


def test_an_unfinished_run_with_other_settings_is_refused(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(pretrain_recipe, "pretrain", _stopping((2, 3)))
        with pytest.raises(_Stop):
            run(corpus, tmp_path)
    other = dataclasses.replace(RECIPE, seed=1)
    with pytest.raises(UserError, match="other settings"):
        run(corpus, tmp_path, other)
    with pytest.raises(UserError, match="other settings"):
        run(corpus, tmp_path, without=["ben"])
    damaged = tmp_path / "unfinished" / "units_1.safetensors"
    damaged.write_bytes(b"junk")
    with pytest.raises(UserError, match="damaged"):
        run(corpus, tmp_path)
    assert run(corpus, tmp_path, other, resume=False)["seed"] == 1
    assert not (tmp_path / "unfinished").exists()


def test_seeds_and_starts_matter(corpus: Corpus, tmp_path: Path) -> None:
    second = RECIPE.iterations[1]
    warm = dataclasses.replace(
        RECIPE, iterations=(RECIPE.iterations[0], dataclasses.replace(second, go_on=True))
    )
    recipes = {"plain": RECIPE, "again": RECIPE, "seed": RECIPE.changed(seed=1), "warm": warm}
    weights = {}
    for name, recipe in recipes.items():
        run(corpus, tmp_path / name, recipe)
        weights[name] = (tmp_path / name / "model.safetensors").read_bytes()
    assert weights["plain"] == weights["again"]
    assert len(set(weights.values())) == 3


def test_left_out_speakers_are_not_heard(corpus: Corpus, tmp_path: Path) -> None:
    def silenced(clip: Any) -> Any:
        noise = np.random.default_rng(0).normal(size=len(clip.audio)).astype(np.float32)
        return dataclasses.replace(clip, source=noise) if clip.speaker == "ben" else clip

    other = dataclasses.replace(corpus, clips=tuple(map(silenced, corpus.clips)))
    results = run(corpus, tmp_path / "a", without=["ben"])
    run(other, tmp_path / "b", without=["ben"])
    one, two = (tmp_path / name / "model.safetensors" for name in "ab")
    assert one.read_bytes() == two.read_bytes()
    assert results["without"] == ["ben"]
    spoken = [clip for clip in corpus.split("train") if clip.speaker != "ben"]
    assert results["corpus"]["clips"] == len(spoken) < len(corpus.split("train"))
    assert results["speakers"] == sorted({clip.speaker for clip in spoken})


def test_the_control_learns_phonemes(corpus: Corpus, tmp_path: Path) -> None:
    recipe = dataclasses.replace(
        control(),
        network=TINY,
        iterations=(dataclasses.replace(control().iterations[0], training=TRAINING),),
    )
    results = run(corpus, tmp_path / "told", recipe)
    assert results["iterations"][0]["units"] == 41
    assert len(UnitPredictor.from_pretrained(tmp_path / "told").embeddings) == 41
    clips = tuple(dataclasses.replace(clip, phonemes=()) for clip in corpus.clips)
    untold = dataclasses.replace(corpus, clips=clips)
    with pytest.raises(UserError, match="no phonemes"):
        run(untold, tmp_path / "untold", recipe)
    stages = run(untold, tmp_path / "untold", resume=False)["iterations"]
    assert all("unit_quality" not in stage for stage in stages)


def test_clips_without_sound_and_corpora_without_tests(corpus: Corpus, tmp_path: Path) -> None:
    train = corpus.split("train")
    lost = dataclasses.replace(train.clips[0], source=np.zeros(0, np.float32))
    clips = (lost, *train.clips[1:])
    silent = dataclasses.replace(train, clips=clips)
    results = run(silent, tmp_path / "one")
    assert results["corpus"]["clips"] == len(train) - 1
    assert all("held_out" not in stage for stage in results["iterations"])
    nothing = dataclasses.replace(train, clips=(lost,), splits={"train": (lost.id,)})
    with pytest.raises(UserError, match="no sound"):
        run(nothing, tmp_path / "none")


def test_what_cannot_be_used(corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError):
        run(corpus, tmp_path / "file")
    with pytest.raises(UserError):
        run(corpus, tmp_path / "out", without=["nobody"])
    with pytest.raises(UserError):
        run(corpus.split("test_seen"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    many = Iteration("mfcc", units=151, training=TRAINING)
    with pytest.raises(UserError, match="150 points"):  # as many as the sample
        run(corpus, tmp_path / "out", dataclasses.replace(RECIPE, iterations=(many,)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Iteration("layers"),
        lambda: Iteration(units=1),
        lambda: Iteration(layer=0),
        lambda: Recipe(iterations=()),
        lambda: Recipe(iterations=(Iteration("layer"),)),
        lambda: Recipe(iterations=(Iteration("mfcc", go_on=True),)),
        lambda: Recipe(iterations=(Iteration("mfcc"), Iteration("layer", layer=5))),
        lambda: Recipe(sample=1),
        lambda: Recipe(seed=-1),
        lambda: Recipe().changed(steps=(5,)),
        lambda: Recipe().changed(steps=(5, 0)),
        lambda: control().changed(steps=(5, 5)),
    ],
)
def test_recipes_that_make_no_sense(make: Callable[[], object]) -> None:
    with pytest.raises(UserError) as caught:
        make()
    assert len(str(caught.value).splitlines()) <= 3


def test_other_steps_and_seed() -> None:
    recipe = Recipe().changed(steps=(7, 9), seed=3)
    assert [i.training.steps for i in recipe.iterations] == [7, 9]
    assert [i.training.seed for i in recipe.iterations] == [3, 3]
    assert recipe.seed == 3
    assert Recipe().changed() == Recipe()


def test_the_command(
    corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("talking_heads.corpus.load_corpus", lambda path: corpus)
    monkeypatch.setattr(pretrain_recipe, "Recipe", lambda: RECIPE)
    out = tmp_path / "small"
    words = ["pretrain", "--data", "course", "--out", str(out), "--quiet", "--without", "ben"]
    assert main([*words, "--steps", "3,2", "--seed", "5"]) == 0
    told = capsys.readouterr()
    assert str(out) in told.out
    assert told.err == ""
    results = json.loads((out / "results.json").read_text())
    assert (results["seed"], results["without"]) == (5, ["ben"])
    assert [i["curve"][-1][0] for i in results["iterations"]] == [3, 2]
    assert main([*words, "--steps", "3"]) == 2
    assert "2 iteration(s)" in capsys.readouterr().err
    for wrong in ("0,5", "3,,2", "x"):
        with pytest.raises(SystemExit):
            main([*words, "--steps", wrong])
        assert len(capsys.readouterr().err.splitlines()) == 2
