"""The checkpoints that come with the course."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from talking_heads.corpus import SPEAKERS
from talking_heads.corpus.articulation import articulate_mouth
from talking_heads.diffusion import window_starts
from talking_heads.face import get_face
from talking_heads.metrics.lips import LipReport, lip_report
from talking_heads.models import ConvRegressor, Model, load_model, shipped_models
from talking_heads.paths import checkpoint_dir, data_dir
from talking_heads.speech import Speech, engine_status, synthesize_many
from talking_heads.training.evaluation import blinks_a_minute

# In no list of the course's sentences.
SENTENCES = (
    "My brother bought a pumpkin pie and a big box of plums.",
    "Pam put the broken lamp above a map of Panama.",
    "Nobody remembers whether the party began before midnight.",
)


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("diff_speaker")


@pytest.fixture(scope="module")
def regressor() -> Model:
    return load_model("conv_regressor")


@pytest.fixture(scope="module")
def spoken() -> dict[str, list[Speech]]:
    if engine_status() is None:
        pytest.skip("the speech engine is not installed")
    voices = ("ada", "ben", "gina", "jack", "maya", "noah")
    items = [(text, voice) for voice in voices for text in SENTENCES]
    made: dict[str, list[Speech]] = {voice: [] for voice in voices}
    for (_, voice), speech in zip(items, synthesize_many(items), strict=True):
        made[voice].append(speech)
    return made


def report(model: Model, spoken: dict[str, list[Speech]], *, own: bool) -> LipReport:
    true, made, phonemes, faces = [], [], [], []
    for voice, lines in spoken.items():
        if (voice in model.speakers) != own:
            continue
        person = SPEAKERS[voice]
        face = get_face(f"{person.identity}@medium")
        for speech in lines:
            duration = len(speech.audio) / 16_000
            true.append(articulate_mouth(speech.phonemes, duration, person.style, face=face))
            motion = model.animate(speech.audio, speaker=voice if own else None, seed=1)
            made.append(motion.values)
            phonemes.append(speech.phonemes)
            faces.append(face)
    return lip_report(true, made, phonemes, faces)


@pytest.mark.parametrize(("name", "most"), [("diff_speaker", 6e6), ("conv_regressor", 2e6)])
def test_it_is_small_and_whole(name: str, most: float) -> None:
    assert name in shipped_models()
    model, folder = load_model(name), checkpoint_dir(name)
    assert model.model_type == name
    assert sum(path.stat().st_size for path in folder.iterdir()) < most
    names = {path.name for path in Path(folder).iterdir()}
    listens = {"encoder.json"} if name == "diff_speaker" else set()
    assert names == {"config.json", "contract.json", "model.safetensors", "results.json"} | listens
    assert model.speakers == tuple(name for name, who in SPEAKERS.items() if who.seen)
    for speaker in model.speakers:
        assert model.contract.head(speaker) == f"{SPEAKERS[speaker].identity}@medium"


def test_voices_it_knows(model: Model, spoken: dict[str, list[Speech]]) -> None:
    figures = report(model, spoken, own=True)
    assert figures.bilabials >= 40
    assert figures.aperture_correlation >= 0.85
    assert figures.closure_rate >= 0.8
    assert figures.open_minus_closed_mm >= 4.0
    assert abs(figures.best_lag_ms) <= 40


def test_voices_it_never_heard(model: Model, spoken: dict[str, list[Speech]]) -> None:
    figures = report(model, spoken, own=False)
    assert figures.aperture_correlation >= 0.8
    assert figures.closure_rate >= 0.8
    assert figures.open_minus_closed_mm >= 4.0


def test_lips_rest_in_silence(model: Model) -> None:
    motion = model.animate(np.zeros(3 * 16_000, dtype=np.float32), speaker="ada")
    aperture = get_face("head-01@medium").aperture(motion.values)
    assert float(np.median(aperture)) < 0.002


def test_faces_blink_and_seeds_differ_above_the_mouth(
    model: Model, spoken: dict[str, list[Speech]]
) -> None:
    audio = np.concatenate([speech.audio for speech in spoken["ada"]])
    motions = np.stack([model.animate(audio, speaker="ada", seed=seed).values for seed in range(3)])
    face = get_face("head-01@medium")
    apertures = np.stack([face.aperture(motion) for motion in motions])
    # The sound decides about the lips much more than chance does.
    assert apertures.std(0).mean() < 0.35 * apertures.std(1).mean()
    upper = motions[:, :, :14]
    assert 5 < blinks_a_minute(list(motions)) < 60
    assert upper.std(0).mean() > 0.1 * upper.std(1).mean()


def test_long_speech_has_no_seam(model: Model, spoken: dict[str, list[Speech]]) -> None:
    audio = np.concatenate([speech.audio for lines in spoken.values() for speech in lines])
    assert len(audio) > 30 * 16_000
    window = model.config.window
    motion = model.animate(audio, speaker="ada").values
    unbroken = load_model("diff_speaker")
    unbroken.config = dataclasses.replace(model.config, window=2 * len(motion))
    whole = unbroken.animate(audio, speaker="ada").values
    jumps, plain = (np.abs(np.diff(m[:, 14:], axis=0)).mean(1) for m in (motion, whole))
    starts = window_starts(len(motion), window, model.config.overlap)
    edges = sorted({f for s in starts[1:] for f in (s - 1, s, s + window - 1) if f < len(jumps)})
    # Windows that are cut hard miss this by a factor of ten.
    assert np.abs(jumps[edges] - plain[edges]).max() < 0.1 * plain.mean()


def test_the_regressor_is_a_good_mean(regressor: Model, spoken: dict[str, list[Speech]]) -> None:
    """It closes and opens the lips in time, for voices that it knows and for others."""
    assert isinstance(regressor, ConvRegressor)
    own, others = report(regressor, spoken, own=True), report(regressor, spoken, own=False)
    assert own.aperture_correlation >= 0.85 and others.aperture_correlation >= 0.8
    assert own.closure_rate >= 0.8 and others.closure_rate >= 0.75
    assert own.open_minus_closed_mm >= 4.0 and others.open_minus_closed_mm >= 4.0
    assert abs(own.best_lag_ms) <= 40


def test_the_regressor_is_too_smooth_and_always_the_same(
    regressor: Model, model: Model, spoken: dict[str, list[Speech]]
) -> None:
    """What sound does not tell, a regressor shows as its mean: no blink, and nearly no brow."""
    audio = np.concatenate([speech.audio for speech in spoken["ada"]])
    first, other = (regressor.animate(audio, speaker="ada", seed=seed).values for seed in (0, 1))
    np.testing.assert_array_equal(first, other)
    assert blinks_a_minute([first]) == 0
    diffused = model.animate(audio, speaker="ada").values
    assert first[:, :14].std(0).mean() < 0.4 * diffused[:, :14].std(0).mean()


def test_the_regressor_beats_the_best_linear_map() -> None:
    """Its own figures against those of ridge regression on the same clips."""
    results = json.loads((checkpoint_dir("conv_regressor") / "results.json").read_text())
    limits = json.loads((data_dir() / "results" / "limits.json").read_text())["splits"]
    assert results["seconds"] < 300
    for split, made in (("test_seen", "test_seen"), ("test_unseen", "test_unseen_average_style")):
        figures, ridge = results["figures"][made], limits[split]["ridge"]
        assert figures["clips"] == ridge["clips"]
        assert figures["aperture_correlation"] > ridge["aperture_correlation"] + 0.1
        assert figures["closure_rate"] > ridge["closure_rate"] + 0.4
        assert figures["max_lip_error_mm"] < 0.8 * ridge["max_lip_error_mm"]
