from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from talking_heads.corpus.clip import Clip
from talking_heads.corpus.style import SPEAKERS, Style
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, Motion, get_face
from talking_heads.models.baselines import (
    MeanFace,
    NearestNeighbour,
    PhonemeOracle,
    RidgeRegression,
)
from talking_heads.models.baselines.features import REACH, frame_features
from talking_heads.models.baselines.oracle import average_style
from talking_heads.speech import Phoneme
from talking_heads.speech.mel import N_MELS, SILENCE, log_mel

JAW = ARKIT_INDEX["jawOpen"]


def noisy(seed: int, frames: int = 60) -> Clip:
    """Noise whose loudness comes and goes, and a jaw that opens with it a frame later."""
    random = np.random.default_rng(seed)
    loud = random.uniform(0.02, 0.3, frames).astype(np.float32)
    audio = random.standard_normal(frames * 640).astype(np.float32) * np.repeat(loud, 640)
    values = np.zeros((frames, 52), np.float32)
    values[1:, JAW] = (np.log10(loud[:-1]) + 2) / 2
    return Clip(f"n{seed}", "ada", audio, (Motion(values, "coefficients"),))


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    return [noisy(seed) for seed in range(12)]


def test_features_by_hand() -> None:
    audio = np.random.default_rng(0).standard_normal(640 * 8 + 1).astype(np.float32) * 0.1
    features = frame_features(audio, reach=2)
    assert features.shape == (9, 5 * N_MELS)
    mel = log_mel(torch.from_numpy(audio)).numpy()
    # Frame 4 hears frames 2 to 6; frame 0 hears silence twice.
    np.testing.assert_allclose(features[4, N_MELS : 2 * N_MELS], mel[12:16].mean(0), atol=1e-5)
    assert (features[0, : 2 * N_MELS] == np.float32(SILENCE)).all()
    np.testing.assert_allclose(features[0, 2 * N_MELS : 3 * N_MELS], mel[:4].mean(0), atol=1e-5)


def test_features_of_unusable_sound() -> None:
    with pytest.raises(UserError, match="empty"):
        frame_features(np.zeros(0, np.float32))
    with pytest.raises(UserError, match="finite"):
        frame_features(np.full(640, np.nan, np.float32))


def test_the_mean_face(clips: list[Clip]) -> None:
    mean = MeanFace.fit(clips)
    motion = mean.animate(np.zeros(641, np.float32), speaker="ada")
    assert motion.values.shape == (2, 52) and motion.speaker == "ada"
    every = np.concatenate([clip.motion.values for clip in clips])
    np.testing.assert_allclose(motion.values[1], every.mean(0), atol=1e-6)


def jaw_error(made: Motion, clip: Clip) -> float:
    return float(np.abs(made.values[:, JAW] - clip.motion.values[:, JAW]).mean())


def test_ridge_finds_a_linear_law(clips: list[Clip]) -> None:
    model = RidgeRegression.fit(clips[:10], clips[10:11])
    made = model.animate(clips[11].audio)
    truth = clips[11].motion.values[:, JAW]
    assert np.corrcoef(made.values[:, JAW], truth)[0, 1] > 0.9
    still = MeanFace.fit(clips[:10]).animate(clips[11].audio)
    assert jaw_error(made, clips[11]) < 0.6 * jaw_error(still, clips[11])
    assert made.values.min() >= 0 and made.values.max() <= 1


def test_ridge_is_the_textbooks(clips: list[Clip]) -> None:
    """Against the augmented least-squares problem, solved by NumPy."""
    strength = 0.02
    model = RidgeRegression.fit(clips[:2], strengths=(strength,), reach=0)
    x = np.concatenate([frame_features(c.audio, 0)[: len(c)] for c in clips[:2]]).astype(float)
    y = np.concatenate([c.motion.values for c in clips[:2]]).astype(float)
    z = (x - x.mean(0)) / x.std(0)
    rows = np.concatenate([z, np.sqrt(strength * len(z)) * np.eye(N_MELS)])
    goal = np.concatenate([y - y.mean(0), np.zeros((N_MELS, 52))])
    expected = z @ np.linalg.lstsq(rows, goal, rcond=None)[0] + y.mean(0)
    np.testing.assert_allclose(x @ model.weight + model.bias, expected, atol=1e-4)


def test_ridge_chooses_its_penalty_on_validation(clips: list[Clip]) -> None:
    strengths = (1e-6, 0.03, 1e6)
    chosen = RidgeRegression.fit(clips[:3], clips[3:], strengths=strengths)
    errors = {}
    for strength in strengths:
        model = RidgeRegression.fit(clips[:3], strengths=(strength,))
        errors[strength] = np.mean(
            [np.mean((model.animate(c.audio).values - c.motion.values) ** 2) for c in clips[3:]]
        )
    assert chosen.strength == min(errors, key=errors.__getitem__)
    with pytest.raises(UserError, match="penalties"):
        RidgeRegression.fit(clips, strengths=())


def test_a_memory_recalls_what_it_has_heard(clips: list[Clip]) -> None:
    model = NearestNeighbour.fit(clips)
    np.testing.assert_array_equal(model.animate(clips[3].audio).values, clips[3].motion.values)
    other = model.animate(clips[3].audio, exclude="n3")
    assert not np.array_equal(other.values, clips[3].motion.values)
    with pytest.raises(UserError, match="no clip but n3"):
        NearestNeighbour.fit(clips[3:4]).animate(clips[3].audio, exclude="n3")
    # A clip it never heard changes nothing.
    same = model.animate(clips[3].audio, exclude="unknown")
    np.testing.assert_array_equal(same.values, clips[3].motion.values)


def brute_force(model: NearestNeighbour, audio: NDArray[np.float32]) -> NDArray[np.float32]:
    asked = (frame_features(audio) - model.mean) @ model.basis
    distance = np.linalg.norm(asked[:, None] - model.keys[None], axis=2)
    return np.asarray(model.values[distance.argmin(1)])


def test_the_nearest_is_the_nearest(clips: list[Clip]) -> None:
    model = NearestNeighbour.fit(clips[:6], components=12)
    assert model.keys.shape == (360, 12)
    np.testing.assert_allclose(model.keys.std(0), 1.0, rtol=0.05)
    made = model.animate(clips[9].audio).values
    np.testing.assert_array_equal(made, brute_force(model, clips[9].audio))


def test_floors_refuse_what_they_cannot_learn(clips: list[Clip]) -> None:
    vertices = Motion(np.zeros((5, 4, 3), np.float32), "vertices")
    mesh = Clip("v", "ada", np.zeros(3200, np.float32), (vertices,))
    for floor in (MeanFace, NearestNeighbour, RidgeRegression):
        with pytest.raises(UserError, match="clips"):
            floor.fit([])
        with pytest.raises(UserError, match="coefficients"):
            floor.fit([mesh])
    assert REACH == 5


def test_the_average_style() -> None:
    names = list(SPEAKERS)[:3]
    style = average_style([*names, "nobody"])
    assert style.amplitude == pytest.approx(np.mean([SPEAKERS[n].style.amplitude for n in names]))
    assert average_style(["nobody"]) == Style()
    assert average_style(names[:1]) == SPEAKERS[names[0]].style


def test_the_oracle_closes_and_opens() -> None:
    phonemes = [
        Phoneme("", 0.0, 0.2), Phoneme("m", 0.2, 0.35), Phoneme("ɑ", 0.35, 0.6),
        Phoneme("b", 0.6, 0.72), Phoneme("i", 0.72, 0.9), Phoneme("", 0.9, 1.1),
    ]  # fmt: skip
    face = get_face("head-05@low")
    audio = np.zeros(17_600, np.float32)
    oracle = PhonemeOracle(Style())
    motion = oracle.animate(audio, phonemes=phonemes, face=face)
    assert len(motion) == 28
    gap = 1000 * face.aperture(motion.values)
    assert gap[6:8].min() < 0.5 and gap[15:18].min() < 0.5 and gap[9:15].max() > 5
    again = oracle.animate(audio, seed=5, phonemes=phonemes, face=face)
    np.testing.assert_array_equal(again.values, motion.values)
    rest = oracle.animate(audio)
    assert np.ptp(rest.values, axis=0).max() < 0.05
