import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import Tensor

from talking_heads.diffusion import window_starts
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX
from talking_heads.models import DiffSpeaker, DiffSpeakerConfig, MotionContract
from talking_heads.speech import frame_count, frame_to_sample

from .conftest import TINY, build


def speech(seconds: float) -> np.ndarray:
    """Return noise, the same whichever tests ran before."""
    return np.random.default_rng(0).normal(0, 0.1, round(16_000 * seconds)).astype(np.float32)


def batch(frames: int = 12, real: int = 8) -> dict[str, Tensor]:
    torch.manual_seed(3)
    mask = torch.ones(2, frames, dtype=torch.bool)
    mask[1, real:] = False
    return {
        "audio": torch.randn(2, frames * 640) * 0.1,
        "motion": torch.rand(2, frames, 52),
        "mask": mask,
        "speaker": torch.tensor([0, 1]),
    }


@pytest.mark.parametrize(
    ("seconds", "frames"), [(0.001, 1), (0.02, 1), (0.04, 1), (0.041, 2), (1, 25), (5.01, 126)]
)
def test_frames_of_a_motion(model: DiffSpeaker, seconds: float, frames: int) -> None:
    motion = model.animate(speech(seconds))
    assert motion.values.shape == (frames, 52)
    assert motion.kind == "coefficients" and motion.fps == 25
    assert motion.values.min() >= 0 and motion.values.max() <= 1


def test_silence_works(model: DiffSpeaker) -> None:
    assert len(model.animate(np.zeros(8000, dtype=np.float32))) == 13


def test_speaker_chooses_style_and_head(model: DiffSpeaker) -> None:
    audio = speech(1)
    ada, ben, average = (model.animate(audio, speaker=s) for s in ("ada", "ben", None))
    assert (ada.face_id, ben.face_id) == ("head-01@medium", "head-02@medium")
    assert average.face_id == "neutral@medium" and average.speaker is None
    assert np.abs(ada.values - ben.values).max() > 1e-3
    assert np.abs(ada.values - average.values).max() > 1e-3
    with pytest.raises(UserError, match="ada, ben"):
        model.animate(audio, speaker="zoe")


def test_guidance_goes_from_average_to_speaker_and_beyond() -> None:
    model = build(sampling_steps=1)
    audio = torch.from_numpy(speech(1))
    average = model.animate(audio).values
    own = model.animate(audio, speaker="ada").values
    np.testing.assert_allclose(
        model.animate(audio, speaker="ada", guidance=0.0).values, average, atol=1e-5
    )
    half = model.animate(audio, speaker="ada", guidance=0.5).values
    inside = (own > 0) & (own < 1) & (average > 0) & (average < 1)
    np.testing.assert_allclose(half[inside], ((own + average) / 2)[inside], atol=1e-4)


def test_the_seed_decides(model: DiffSpeaker) -> None:
    audio = speech(1)
    first, second, other = (model.animate(audio, seed=s).values for s in (4, 4, 5))
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - other).max() > 1e-4
    before = torch.random.get_rng_state()
    model.animate(audio, seed=9)
    assert torch.equal(before, torch.random.get_rng_state())


def test_the_blink_temperature_moves_lids_alone_at_first() -> None:
    """The first prediction sees more noise in the lids; to a model that is blind to the lids it
    makes no difference."""
    audio = speech(1)
    plain, warm = (
        build(blink_temperature=t, sampling_steps=1).animate(audio).values for t in (1.0, 1.4)
    )
    assert np.abs(plain - warm).max() > 1e-4
    blind = [build(blink_temperature=t, sampling_steps=1) for t in (1.0, 1.4)]
    lids = [ARKIT_INDEX["eyeBlinkLeft"], ARKIT_INDEX["eyeBlinkRight"]]
    for model in blind:
        with torch.no_grad():
            model.motion_in.weight[:, lids] = 0.0
    first, second = (model.animate(audio).values for model in blind)
    np.testing.assert_array_equal(first, second)


def test_threads_do_not_decide(model: DiffSpeaker) -> None:
    audio = speech(2)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = model.animate(audio).values
        torch.set_num_threads(2)
        two = model.animate(audio).values
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_allclose(one, two, atol=1e-5)


@pytest.mark.parametrize(
    ("audio", "word"),
    [
        (np.zeros(0, np.float32), "empty"),
        (np.array([0.0, np.nan], np.float32), "finite"),
        (torch.tensor([0.0, float("inf")]), "finite"),
        (np.zeros((2, 100), np.float32), "mono"),
        (np.ones(100, np.int16), "check_audio"),
        (torch.ones(100, dtype=torch.int16), "check_audio"),
        (np.ones(100, np.complex64), "complex"),
        ("speech.wav", "load_audio"),
    ],
)
def test_unusable_audio_is_refused(model: DiffSpeaker, audio: np.ndarray, word: str) -> None:
    with pytest.raises(UserError, match=word):
        model.animate(audio)


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ({"steps": 0}, "steps"),
        ({"steps": 1001}, "steps"),
        ({"steps": 2.5}, "steps"),
        ({"steps": "a"}, "steps"),
        ({"seed": 1.5}, "seed"),
        ({"seed": "a"}, "seed"),
        ({"seed": 2**70}, "seed"),
        ({"guidance": float("nan")}, "guidance"),
    ],
)
def test_unusable_choices_are_refused(model: DiffSpeaker, how: dict, word: str) -> None:
    with pytest.raises(UserError, match=word):
        model.animate(speech(0.1), **how)


def test_progress_and_mode(model: DiffSpeaker) -> None:
    seen: list[tuple[int, int]] = []
    model.train()
    model.animate(speech(0.2), steps=4, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert model.training


def test_a_motion_within_a_window_is_not_windowed() -> None:
    audio = speech(2)
    plain = build(window=400, overlap=100).animate(audio).values
    np.testing.assert_array_equal(build(window=50, overlap=20).animate(audio).values, plain)


def test_windows_leave_no_seam() -> None:
    """Where windows begin and end, frames jump no further than elsewhere, or without windows."""
    audio = speech(40)
    motion = build(window=100, overlap=25).animate(audio).values
    whole = build(window=1000, overlap=25).animate(audio).values
    jumps, plain = (np.abs(np.diff(m, axis=0)).mean(1) for m in (motion, whole))
    starts = window_starts(len(motion), 100, 25)
    edges = sorted({f for s in starts[1:] for f in (s - 1, s, s + 99) if f < len(jumps)})
    assert jumps[edges].max() <= np.delete(jumps, edges).max()
    np.testing.assert_allclose(jumps[edges], plain[edges], atol=0.1 * float(plain.mean()))


def test_windows_agree_with_the_whole() -> None:
    audio = speech(12)
    whole = build(window=400, overlap=50).animate(audio).values
    windowed = build(window=100, overlap=50).animate(audio).values
    assert np.abs(whole - windowed).mean() < 0.25 * whole.std(0).mean()


def test_audio_beyond_the_encoders_reach_does_not_matter_to_cross_attention() -> None:
    """Diagonal cross-attention: without self-attention a frame hears its neighbourhood only."""
    model = build(layers=1)
    torch.nn.init.zeros_(model.layers[0].self_attention.out.weight)
    audio = torch.from_numpy(speech(4))
    changed = audio.clone()
    changed[50 * 640 :] *= 0.2
    a, b = model.animate(audio).values, model.animate(changed).values
    np.testing.assert_allclose(a[:46], b[:46], atol=1e-5)
    assert np.abs(a[50:] - b[50:]).max() > 1e-3


def test_padding_changes_neither_loss_nor_prediction(model: DiffSpeaker) -> None:
    data = batch()
    torch.manual_seed(0)
    clean = {name: float(value.detach()) for name, value in model.loss(data).items()}
    dirty = {**data, "motion": data["motion"].clone()}
    dirty["motion"][1, 8:] = float("nan")
    torch.manual_seed(0)
    for name, value in model.loss(dirty).items():
        assert float(value.detach()) == pytest.approx(clean[name], rel=1e-5)

    features = torch.randn(1, 12, 16)
    noisy, steps, speaker = torch.randn(1, 12, 52), torch.tensor([500]), torch.tensor([0])
    mask = torch.arange(12)[None] < 8
    with torch.no_grad():
        short = model(noisy[:, :8], steps, features[:, :8], speaker)
        padded = model(noisy, steps, features, speaker, mask)
    torch.testing.assert_close(padded[:, :8], short, rtol=1e-4, atol=1e-5)


def test_loss_terms_and_gradients() -> None:
    model = build(style_dropout=0.5).train()
    terms = model.loss(batch())
    assert set(terms) == {"loss", "motion", "velocity", "mouth", "aperture"}
    c = model.config
    total = terms["motion"] + c.velocity_weight * terms["velocity"]
    total = total + c.mouth_weight * terms["mouth"] + c.aperture_weight * terms["aperture"]
    torch.testing.assert_close(terms["loss"], total)
    terms["loss"].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name


def test_dropped_styles_train_the_average_speaker_instead() -> None:
    for share, rows in ((0.0, [True, True, False]), (0.999999, [False, False, True])):
        model = build(style_dropout=share).train()
        model.loss(batch())["loss"].backward()
        slopes = model.style.weight.grad
        assert slopes is not None
        assert (slopes.abs().sum(1) > 0).tolist() == rows


def test_positions_count_from_the_start_of_the_whole_motion(model: DiffSpeaker) -> None:
    noisy, features = torch.randn(1, 12, 52), torch.randn(1, 12, 16)
    period = model.config.position_period

    def predict(first: int) -> Tensor:
        step, row = torch.tensor([500]), torch.tensor([0])
        with torch.no_grad():
            return model(noisy, step, features, row, first=torch.tensor([first]))

    torch.testing.assert_close(predict(period), predict(0))
    assert (predict(7) - predict(0)).abs().max() > 1e-3


def test_training_goes_on_after_animating(model: DiffSpeaker) -> None:
    """What animating keeps for later must be of use to training too."""
    model.animate(speech(12 * 0.04))
    model.train().loss(batch())["loss"].backward()


def test_a_few_steps_lower_the_loss() -> None:
    model = build().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    data = batch()
    losses = []
    for step in range(60):
        torch.manual_seed(step % 5)
        loss = model.loss(data)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])


def test_legacy_ddim_is_nearly_deterministic() -> None:
    """The published rule throws the noise away after one step; the correct one keeps it."""
    audio = speech(1)

    def spread(legacy: bool) -> float:
        model = build(legacy_ddim=legacy, sampling_spacing="leading", sampling_steps=20)
        return float(np.std([model.animate(audio, seed=s).values for s in range(4)], 0).mean())

    assert spread(True) < 0.5 * spread(False)


@pytest.mark.parametrize("fps", [24.0, 25.0, 29.97, 30.0, 60.0])
def test_any_frame_rate(fps: float) -> None:
    """One frame of motion for each frame of sound, in training and in speaking."""
    contract = MotionContract(speakers=("ada",), heads=("head-01@low",), fps=fps)
    torch.manual_seed(0)
    model = DiffSpeaker(DiffSpeakerConfig(**TINY), contract)  # type: ignore[arg-type]
    for seconds in (0.001, 0.5, 5.01):
        audio = speech(seconds)
        motion = model.animate(audio, speaker="ada")
        assert motion.fps == fps and len(motion) == frame_count(len(audio), fps)
        assert abs(motion.duration - seconds) <= 1 / fps
    data = {**batch(), "audio": torch.randn(2, frame_to_sample(12, fps)) * 0.1}
    heard: list[torch.Size] = []
    model.audio_in.register_forward_pre_hook(lambda _, x: heard.append(x[0].shape))
    model.loss({**data, "speaker": torch.zeros(2).long()})["loss"].backward()
    assert heard == [torch.Size([2, 12, 16])]


def of_vertices(vertices: int, **changes: object) -> DiffSpeaker:
    contract = MotionContract(
        speakers=("ada",), heads=("ada@grid",), kind="vertices", vertices=vertices,
        topology_hash="x", scale=(0.003,), fps=30.0, unit=None,
    )  # fmt: skip
    torch.manual_seed(0)
    return DiffSpeaker(DiffSpeakerConfig(**{**TINY, **changes}), contract)  # type: ignore[arg-type]


def test_vertices() -> None:
    model = of_vertices(7)
    for speaker in ("ada", None):
        motion = model.animate(speech(0.5), speaker=speaker, steps=2)
        assert motion.kind == "vertices" and motion.values.shape == (15, 7, 3)
        assert motion.face_id == "ada@grid" and motion.fps == 30
    data = {**batch(), "motion": torch.randn(2, 12, 21) * 0.003, "speaker": torch.zeros(2).long()}
    losses = []
    for motion in (data["motion"], data["motion"].unflatten(2, (7, 3))):
        torch.manual_seed(1)
        terms = model.loss({**data, "motion": motion})
        assert set(terms) == {"loss", "motion", "velocity"}
        losses.append(float(terms["loss"].detach()))
    assert losses[0] == losses[1]


def test_vertices_come_out_as_rows_of_x_y_z() -> None:
    """Channel 3 v + a of the network is axis a of vertex v, as a batch's motion is flattened."""
    model = of_vertices(4, sampling_steps=1)
    with torch.no_grad():
        model.motion_out.bias.copy_(torch.arange(12.0))
    values = model.animate(speech(0.1)).values / 0.003
    np.testing.assert_allclose(values[0], np.arange(12.0).reshape(4, 3), atol=1e-4)


MESH_PROGRAM = """
import resource
import numpy as np
import torch
from talking_heads.models import DiffSpeaker, DiffSpeakerConfig, MotionContract

torch.set_num_threads(1)
V = 23370
contract = MotionContract(
    speakers=("F2",), heads=("F2@biwi",), kind="vertices", vertices=V, topology_hash="x", unit=None
)
model = DiffSpeaker(DiffSpeakerConfig.preset("course"), contract)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
size, frames = 4, 25
motion = torch.randn(size, frames, V, 3)
data = {"audio": torch.randn(size, frames * 640) * 0.1, "motion": motion,
        "mask": torch.ones(size, frames, dtype=torch.bool), "speaker": torch.zeros(size).long()}
model.loss(data)["loss"].backward()
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(grown * 1024 / (motion.numel() * 4))
made = model.animate(np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32), steps=2)
assert made.values.shape == (25, V, 3) and np.isfinite(made.values).all()
"""


@pytest.mark.slow
def test_the_mesh_of_biwi_takes_a_bounded_number_of_copies() -> None:
    """Forward and backward of 70,110 channels: some copies of the batch, and the weights."""
    done = subprocess.run([sys.executable, "-c", MESH_PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # 28 MB of motion; the gradients of the two linear maps are 2.6 times that.
    assert float(done.stdout) < 20


PROGRAM = """
import resource
import numpy as np
from tests.models.conftest import build
from talking_heads.models import DiffSpeaker, DiffSpeakerConfig

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

model = DiffSpeaker(DiffSpeakerConfig.preset("course"), build().contract)
audio = np.random.default_rng(0).normal(0, 0.1, 600 * 16_000).astype(np.float32)
model.animate(audio[: 16_000 * 30], steps=2)
before = peak()
assert len(model.animate(audio, steps=2)) == 15_000
print(peak() - before)
"""


@pytest.mark.slow
def test_ten_minutes_run_in_bounded_memory() -> None:
    """In a process of its own: the peak of earlier tests would hide the growth."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 300_000  # kilobytes
