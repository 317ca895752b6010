"""Training with audio encoders other than the model's own."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from talking_heads import corpus as corpora
from talking_heads.cli import main
from talking_heads.corpus import load_corpus
from talking_heads.corpus.collection import Corpus
from talking_heads.errors import UserError
from talking_heads.models import DiffSpeakerConfig, load_model
from talking_heads.speech.alignment import ALIGNMENTS
from talking_heads.speech.encoder import AudioEncoder
from talking_heads.speech.encoders import load_encoder
from talking_heads.speech.feature_cache import FeatureCache
from talking_heads.speech.pretrained import FREEZES
from talking_heads.training import TrainConfig, fitting, loop, train
from talking_heads.training.evaluate import evaluate
from tests.training.conftest import build_corpus

CONFIG = DiffSpeakerConfig(
    width=16, layers=1, heads=2, feed_forward=32, encoder_width=16, encoder_blocks=1,
    sampling_steps=3, step_code=16,
)  # fmt: skip
SETTINGS = TrainConfig(steps=6, batch=3, crop=20, warm_up=2, save_every=3, ema=0.9)


def run(corpus: Corpus, out: Path, **how: Any) -> dict[str, Any]:
    options = {"config": CONFIG, "settings": SETTINGS, "evaluate": False, **how}
    train("diff_speaker", data=corpus, out=out, progress=False, **options)
    results: dict[str, Any] = json.loads((out / "results.json").read_text())
    return results


@pytest.fixture
def encoder(tiny_encoders: dict[str, Path]) -> Callable[..., Any]:
    def make(kind: str = "hubert", **choices: Any) -> Any:
        return load_encoder(tiny_encoders[kind], **choices)

    return make


@pytest.mark.parametrize(
    ("kind", "freeze"),
    [
        *[("hubert", freeze) for freeze in FREEZES],
        ("small_hubert", "none"),
        ("small_hubert", "all"),
    ],
)
def test_what_is_frozen_stays_and_the_rest_learns(
    kind: str, freeze: str, corpus: Corpus, encoder: Callable[..., Any], tmp_path: Path
) -> None:
    listening = encoder(kind, freeze=freeze)
    before = {name: value.clone() for name, value in listening.named_parameters()}
    results = run(corpus, tmp_path, encoder=listening)
    assert results["encoder"] == {
        "id": listening.encoder_id, "settings": listening.settings, "kept_features": False,
    }  # fmt: skip
    frozen = sum(p.numel() for p in listening.parameters() if not p.requires_grad)
    assert results["parameters"] - results["trained_parameters"] == frozen
    changed = {n for n, p in listening.named_parameters() if not torch.equal(p, before[n])}
    assert changed <= {n for n, p in listening.named_parameters() if p.requires_grad}
    assert bool(changed) == (freeze != "all")
    if freeze in ("convolutions", "first_two_layers"):
        assert not any("feature_extractor" in name for name in changed)
        projected = any("feature_projection" in name for name in changed)
        assert projected == (freeze == "convolutions")
    model: Any = load_model(tmp_path)
    stored = {name: p for name, p in model.encoder.named_parameters()}
    for name, value in listening.named_parameters():
        torch.testing.assert_close(stored[name], value, rtol=1e-3, atol=1e-4)
        assert stored[name].requires_grad == value.requires_grad


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize("fps", [30.0, 60.0])
def test_every_alignment_and_rate(
    alignment: str, fps: float, encoder: Callable[..., Any], tmp_path: Path
) -> None:
    corpus = build_corpus(fps=fps)
    settings = dataclasses.replace(SETTINGS, steps=2)
    run(corpus, tmp_path, encoder=encoder(fps=fps, alignment=alignment), settings=settings)
    clip, model = corpus.split("test_seen")[0], load_model(tmp_path)
    motion = model.animate(clip.audio, speaker=clip.speaker)
    assert motion.fps == fps and len(motion) == len(clip)


def test_it_is_measured_and_evaluated_like_any_model(
    corpus: Corpus, encoder: Callable[..., Any], tmp_path: Path
) -> None:
    results = run(corpus, tmp_path, encoder=encoder("small_hubert"), evaluate=True)
    assert results["figures"]["test_seen"]["clips"] == 2
    found = evaluate(load_model(tmp_path), corpus, "test_seen")
    assert found["clips"] == 2


def test_it_learns(corpus: Corpus, encoder: Callable[..., Any], tmp_path: Path) -> None:
    settings = TrainConfig(steps=40, batch=5, crop=30, warm_up=10, learning_rate=5e-3, ema=0.9)
    results = run(corpus, tmp_path, encoder=encoder("small_hubert"), settings=settings)
    losses = [row[1] for row in results["losses"]]
    assert np.mean(losses[-3:]) < 0.5 * losses[0]


class _PowerCut(Exception):
    pass


def interrupt(monkeypatch: pytest.MonkeyPatch, step: int, go: Callable[[], object]) -> None:
    original = fitting.update_ema

    def cut(mean: torch.nn.Module, model: torch.nn.Module, decay: float, now: int) -> None:
        if now == step:
            raise _PowerCut
        original(mean, model, decay, now)

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "update_ema", cut)
        with pytest.raises(_PowerCut):
            go()


@pytest.mark.parametrize(
    ("kind", "choices", "kept"),
    [
        ("hubert", {"mask_in_training": True}, False),
        ("hubert", {"freeze": "first_two_layers"}, False),
        ("hubert", {"freeze": "all"}, True),
        ("small_hubert", {}, False),
    ],
)
def test_a_resumed_run_equals_an_unbroken_one(
    kind: str,
    choices: dict[str, Any],
    kept: bool,
    corpus: Corpus,
    encoder: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def go(out: Path) -> dict[str, Any]:
        cache = FeatureCache(tmp_path / out.name / "features") if kept else None
        return run(corpus, out, encoder=encoder(kind, **choices), feature_cache=cache)

    whole = go(tmp_path / "whole")
    interrupt(monkeypatch, 4, lambda: go(tmp_path / "cut"))
    state = load_file(tmp_path / "cut" / "training_state.safetensors")
    frozen = {
        name for name, p in encoder(kind, **choices).named_parameters() if not p.requires_grad
    }
    assert not {f"model.encoder.{name}" for name in frozen} & set(state)
    resumed = go(tmp_path / "cut")
    assert resumed["losses"] == whole["losses"]
    first = load_file(tmp_path / "whole" / "model.safetensors")
    second = load_file(tmp_path / "cut" / "model.safetensors")
    assert set(first) == set(second)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_run_with_another_encoder_is_not_resumed(
    corpus: Corpus,
    encoder: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frozen = {"freeze": "all"}
    interrupt(monkeypatch, 4, lambda: run(corpus, tmp_path, encoder=encoder(**frozen)))
    cache = FeatureCache(tmp_path / "features")
    for how in (
        {},
        {"encoder": encoder()},
        {"encoder": encoder("wav2vec2", **frozen)},
        {"encoder": encoder(**frozen, alignment="middle")},
        {"encoder": encoder(**frozen), "feature_cache": cache},
    ):
        with pytest.raises(UserError, match="other settings"):
            run(corpus, tmp_path, **how)
    run(corpus, tmp_path, encoder=encoder(**frozen))


def test_an_encoder_may_be_a_folder(
    corpus: Corpus, tiny_encoders: dict[str, Path], tmp_path: Path
) -> None:
    settings = dataclasses.replace(SETTINGS, steps=1)
    for name in (tiny_encoders["small_hubert"], str(tiny_encoders["hubert"])):
        results = run(corpus, tmp_path / Path(name).name, encoder=name, settings=settings)
        assert results["encoder"]["settings"]["type"] == Path(name).name


@pytest.mark.parametrize("kind", ["hubert", "small_hubert"])
@pytest.mark.parametrize("fps", [25.0, 30.0])
def test_kept_features_give_the_same_losses_and_motion(
    kind: str,
    fps: float,
    encoder: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On whole clips, of sound that is not changed, nothing differs."""
    corpus, whole = build_corpus(fps=fps), dataclasses.replace(SETTINGS, crop=100)
    monkeypatch.setattr(fitting, "augment_mel", lambda mel, _: mel)
    calls = []

    def listen(name: str, cached: bool) -> dict[str, Any]:
        listening = encoder(kind, fps=fps, freeze="all")
        # Both ways to hear a clip end in the network.
        part = listening.network.encoder if kind == "hubert" else listening.network.norm
        part.register_forward_hook(lambda *_: calls.append(name))
        cache = FeatureCache(tmp_path / "features") if cached else None
        return run(corpus, tmp_path / name, encoder=listening, feature_cache=cache, settings=whole)

    fresh, kept, again = (
        listen("fresh", cached=False), listen("kept", cached=True), listen("again", cached=True),
    )  # fmt: skip
    assert calls.count("kept") == len(corpus.split("train"))
    assert calls.count("again") == 0 and calls.count("fresh") >= whole.steps
    assert kept["encoder"]["kept_features"] and not fresh["encoder"]["kept_features"]
    assert again["losses"] == kept["losses"]
    np.testing.assert_allclose(kept["losses"], fresh["losses"], rtol=1e-4, atol=1e-5)
    clip = corpus.split("test_unseen")[0]
    motions = [load_model(tmp_path / n).animate(clip.audio).values for n in ("fresh", "kept")]
    np.testing.assert_allclose(*motions, rtol=0, atol=2e-3)


@pytest.mark.parametrize("fps", [25.0, 30.0])
def test_a_crop_gets_its_part_of_the_whole_clips_features(
    fps: float, encoder: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, listening = build_corpus(fps=fps), encoder(fps=fps, freeze="all")
    batches: list[dict[str, torch.Tensor]] = []
    original = loop.TrainingData.batch

    def watched(self: loop.TrainingData, step: int, *how: int) -> dict[str, torch.Tensor]:
        batches.append(original(self, step, *how))
        return batches[-1]

    monkeypatch.setattr(loop.TrainingData, "batch", watched)
    run(corpus, tmp_path, encoder=listening, feature_cache=FeatureCache(tmp_path / "features"))
    data = loop.TrainingData(corpus, "train", 1000, 0).dataset
    with torch.no_grad():
        wholes = [
            (sample["motion"], listening(sample["audio"][None])[0])
            for epoch in range(8)
            for sample in (data[index] for index in range(len(data)))
            if data.set_epoch(epoch) is None
        ]
    for given in batches:
        assert given["features"].shape == (3, 20, listening.width)
        for motion, features in zip(given["motion"], given["features"], strict=True):
            assert any(
                torch.equal(motion, whole[start : start + 20])
                and torch.allclose(features, heard[start : start + 20], atol=1e-5)
                for whole, heard in wholes
                for start in range(len(whole) - 19)
            )


def test_what_is_refused(corpus: Corpus, encoder: Callable[..., Any], tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path / "features")
    out = tmp_path / "out"
    for how, word in (
        ({"encoder": encoder(fps=30)}, "30 features a second, and the motion has 25"),
        ({"encoder": encoder(), "feature_cache": cache}, 'freeze "all"'),
        ({"feature_cache": cache}, 'freeze "all"'),
    ):
        with pytest.raises(UserError, match=word):
            run(corpus, out, **how)
    with pytest.raises(UserError, match="conv_regressor hears log-mel features by design"):
        train("conv_regressor", data="no such corpus", out=out, encoder=encoder())
    assert not out.exists()


@pytest.mark.parametrize(
    ("kind", "choices"),
    [("wav2vec2", {"alignment": "before", "freeze": "convolutions"}), ("small_hubert", {})],
)
def test_vocaset_in_miniature(
    kind: str,
    choices: dict[str, str],
    mini_vocaset: Path,
    encoder: Callable[..., Any],
    tmp_path: Path,
) -> None:
    corpus = load_corpus(mini_vocaset)
    few = dataclasses.replace(corpus, splits={k: v[:1] for k, v in corpus.splits.items()})
    listening = encoder(kind, fps=30, **choices)
    run(few, tmp_path, encoder=listening, settings=dataclasses.replace(SETTINGS, steps=2, batch=1))
    model, clip = load_model(tmp_path), few.split("test")[0]
    motion = model.animate(clip.audio)
    assert motion.values.shape == (len(clip), 5023, 3) and motion.fps == 30


@pytest.fixture
def command(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """``talking-heads train`` on the tones, with tiny sizes."""
    monkeypatch.setattr(corpora, "load_corpus", lambda path: corpus)
    monkeypatch.setattr(loop, "measure", lambda *_: {"measured": True})
    monkeypatch.setattr(DiffSpeakerConfig, "preset", classmethod(lambda cls, *_: CONFIG))
    monkeypatch.setattr(TrainConfig, "preset", classmethod(lambda cls, *_: SETTINGS))

    def go(*words: object, name: str = "diff_speaker") -> int:
        return main(["train", name, "--data", "tones", "--quiet", *map(str, words)])

    return go


def test_the_command_line_from_training_to_a_head(
    command: Callable[..., int], tiny_encoders: dict[str, Path], corpus: Corpus, tmp_path: Path
) -> None:
    from talking_heads.speech import write_wav

    model, kept = tmp_path / "model", tmp_path / "kept"
    words = ("--encoder", tiny_encoders["hubert"], "--freeze", "all", "--alignment", "middle")
    assert command(*words, "--layer", 2, "--features", kept, "--out", model) == 0
    loaded: Any = load_model(model)
    listening = loaded.encoder
    assert (listening.freeze, listening.alignment, listening.layer) == ("all", "middle", 2)
    assert len(list(kept.glob("*.npy"))) == len(corpus.split("train"))
    assert json.loads((model / "results.json").read_text())["figures"] == {"measured": True}
    write_wav(tmp_path / "a.wav", corpus[0].audio)
    talk = tmp_path / "talk.npz"
    sound = str(tmp_path / "a.wav")
    assert main(["animate", sound, "--model", str(model), "--out", str(talk), "--quiet"]) == 0
    assert len(np.load(talk)["coefficients"]) == len(corpus[0])
    words = ("--data", "tones", "--split", "test_seen", "--quiet")
    assert main(["evaluate", str(model), *words, "--out", str(tmp_path / "r.json")]) == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--freeze", "all"), "--freeze is for pretrained encoders"),
        (("--encoder", "log_mel", "--layer", "2"), "--layer is for pretrained encoders"),
        (("--features", "f"), "--features is for pretrained encoders"),
        (("--encoder", "hubbert"), "no audio encoder 'hubbert'"),
        (("--encoder", "HUBERT", "--features", "f"), "Add --freeze all"),
        (("--encoder", "HUBERT", "--freeze", "some"), "Cannot freeze 'some'"),
        (("--encoder", "HUBERT", "--alignment", "left"), "no alignment 'left'"),
        (("--encoder", "HUBERT", "--layer", "9"), "layers 1 to 3"),
        (("--encoder", "SMALL", "--alignment", "after"), "no choice of alignment"),
    ],
)
def test_what_the_command_line_refuses(
    words: tuple[str, ...],
    told: str,
    command: Callable[..., int],
    tiny_encoders: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folders = {"HUBERT": tiny_encoders["hubert"], "SMALL": tiny_encoders["small_hubert"]}
    given = [folders.get(word, word) for word in words]
    assert command(*given, "--out", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert told in error and len(error.strip().splitlines()) <= 3
    assert not (tmp_path / "out").exists()


def test_the_command_line_refuses_the_regressor_before_it_reads(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["train", "conv_regressor", "--data", "nowhere", "--out", str(tmp_path / "x")]
    assert main([*words, "--encoder", "hubert"]) == 2
    assert "conv_regressor hears log-mel features by design" in capsys.readouterr().err


@pytest.mark.slow
def test_hubert_of_the_hubs_size(corpus: Corpus, tmp_path: Path) -> None:
    """94 million parameters: saved, loaded from the folder, trained, saved and loaded again."""
    from transformers import HubertConfig, HubertModel

    torch.manual_seed(0)
    HubertModel(HubertConfig()).save_pretrained(tmp_path / "hub")
    listening: AudioEncoder = load_encoder(tmp_path / "hub", freeze="first_two_layers")
    settings = dataclasses.replace(SETTINGS, steps=2, batch=2)
    results = run(corpus, tmp_path / "out", encoder=listening, settings=settings)
    assert results["parameters"] > 94_371_712 > results["trained_parameters"] > 70_000_000
    assert np.isfinite(results["losses"]).all()
    clip = corpus.split("test_seen")[0]
    model = load_model(tmp_path / "out")
    before = model.animate(clip.audio, speaker=clip.speaker).values
    model.save_pretrained(tmp_path / "again")
    again = load_model(tmp_path / "again")
    np.testing.assert_array_equal(again.animate(clip.audio, speaker=clip.speaker).values, before)
    assert before.std() > 0
