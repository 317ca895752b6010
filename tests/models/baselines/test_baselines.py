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
from talking_heads.models.baselines.features import MotionShape, frame_features, reach_at
from talking_heads.models.baselines.oracle import average_style
from talking_heads.speech import Phoneme
from talking_heads.speech.frames import frame_count, frame_to_sample
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
    slow = Clip(
        "s", "ada", np.zeros(3200, np.float32), (Motion(np.zeros((6, 52)), "coefficients", 30.0),)
    )
    for floor in (MeanFace, NearestNeighbour, RidgeRegression):
        with pytest.raises(UserError, match="clips"):
            floor.fit([])
        for strange in (mesh, slow):
            with pytest.raises(UserError, match="differ in kind or frame rate"):
                floor.fit([clips[0], strange])
    with pytest.raises(UserError, match="differ in kind or frame rate"):
        RidgeRegression.fit(clips[:2], [slow])
    with pytest.raises(UserError, match="mean_face and ridge"):
        NearestNeighbour.fit([mesh])


def at_30(seed: int, frames: int = 61, *, vertices: bool = False) -> Clip:
    """The noise of `noisy` at 30 frames a second; of vertices, the jaw moves the second of four."""
    random = np.random.default_rng(seed)
    loud = random.uniform(0.02, 0.3, frames).astype(np.float32)
    edges = [frame_to_sample(f, 30.0) for f in range(frames + 1)]
    audio = random.standard_normal(edges[-1]).astype(np.float32) * np.repeat(loud, np.diff(edges))
    level = (np.log10(loud) + 2) / 2
    if vertices:
        values = np.zeros((frames, 4, 3), np.float32)
        values[:, 1, 2] = -0.01 * level
        motion = Motion(values, "vertices", 30.0, f"s{seed % 2}@vocaset", f"s{seed % 2}")
    else:
        values = np.zeros((frames, 52), np.float32)
        values[:, JAW] = level
        motion = Motion(values, "coefficients", 30.0, "head-01@low")
    return Clip(f"n{seed}", motion.speaker or "ada", audio, (motion,))


@pytest.mark.parametrize("vertices", [False, True])
def test_floors_at_30_frames_a_second(vertices: bool) -> None:
    clips = [at_30(seed, vertices=vertices) for seed in range(12)]
    truth = clips[11].motion
    floors = {
        "still": MeanFace.fit(clips[:10]),
        "ridge": RidgeRegression.fit(clips[:10], clips[10:11]),
    }
    if not vertices:
        floors["nearest"] = NearestNeighbour.fit(clips[:10])
    errors = {}
    for name, floor in floors.items():
        made = floor.animate(clips[11].audio, speaker=clips[11].speaker)
        assert (made.fps, made.kind, made.values.shape) == (30.0, truth.kind, truth.values.shape)
        assert made.face_id == truth.face_id
        errors[name] = float(np.abs(made.values - truth.values).mean())
    assert errors["ridge"] < 0.6 * errors["still"]
    if vertices:
        np.testing.assert_allclose(
            floors["still"].animate(np.zeros(10, np.float32)).values[0],
            np.concatenate([clip.motion.values for clip in clips[:10]]).mean(0),
            atol=1e-7,
        )


def test_features_at_30_frames_a_second_by_hand() -> None:
    """Frame 1 owns the samples 533 to 1067: the mel frames 3 to 7, of 160 samples each."""
    audio = np.random.default_rng(0).standard_normal(1600).astype(np.float32) * 0.1
    features = frame_features(audio, reach=1, fps=30.0)
    assert features.shape == (3, 3 * N_MELS)
    mel = log_mel(torch.from_numpy(audio)).numpy()
    for frame, (first, last) in enumerate([(0, 3), (3, 7), (7, 10)]):
        own = features[frame, N_MELS : 2 * N_MELS]
        np.testing.assert_allclose(own, mel[first:last].mean(0), atol=1e-6)
    assert (features[0, :N_MELS] == np.float32(SILENCE)).all()
    assert (reach_at(25.0), reach_at(30.0), reach_at(60.0), reach_at(1.0)) == (5, 6, 12, 1)


@pytest.mark.parametrize("fps", [0.5, 24.0, 25.0, 29.97, 60.0, 100.0, 240.0])
@pytest.mark.parametrize("samples", [1, 640, 16_001])
def test_features_at_any_rate(fps: float, samples: int) -> None:
    features = frame_features(np.full(samples, 0.1, np.float32), fps=fps)
    assert len(features) == frame_count(samples, fps) and np.isfinite(features).all()


def test_faces_of_floors() -> None:
    shape = MotionShape("vertices", 30.0, {"a": "a@biwi"})
    values = np.zeros((1, 6), np.float32)
    assert shape.motion(values, "a").face_id == shape.motion(values, None).face_id == "a@biwi"
    assert MotionShape().motion(np.full((1, 52), 2.0, np.float32), "x").values.max() == 1


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
