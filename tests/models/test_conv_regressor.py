import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from talking_heads.errors import UserError
from talking_heads.models import (
    ConvRegressor,
    ConvRegressorConfig,
    DiffSpeaker,
    MotionContract,
    load_model,
)
from talking_heads.models.conv_regressor import principal_components, window_start
from talking_heads.speech.frames import frame_to_sample
from talking_heads.speech.mel import N_MELS, log_mel

TINY = {"width": 8, "hidden": 16, "codes": 6, "dropout": 0.0}
COURSE = MotionContract(
    speakers=("ada", "ben"),
    heads=("head-01@medium", "head-02@medium"),
    mean=tuple(0.2 + 0.01 * i for i in range(52)),
    scale=tuple(0.1 + 0.001 * i for i in range(52)),
)


def mesh_contract(vertices: int = 7, fps: float = 30.0) -> MotionContract:
    return MotionContract(
        speakers=("s1", "s2"),
        heads=("s1@vocaset", "s2@vocaset"),
        mean=(0.0,),
        scale=(0.001,),
        kind="vertices",
        vertices=vertices,
        topology_hash="0" * 16,
        fps=fps,
        average_head="s1@vocaset",
    )


def build(contract: MotionContract = COURSE, seed: int = 0, **changes: object) -> ConvRegressor:
    torch.manual_seed(seed)
    model = ConvRegressor(ConvRegressorConfig(**{**TINY, **changes}), contract)  # type: ignore[arg-type]
    torch.nn.init.normal_(model.motion_out.weight, std=0.5)
    return model.eval()


def speech(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, round(16_000 * seconds)).astype(np.float32)


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


def one_window(model: ConvRegressor, mel: Tensor, speaker: int) -> Tensor:
    """VOCA as it is written down: one window, strided convolutions, one-hot appended twice."""
    style = torch.zeros(len(model.speakers) + 1, dtype=mel.dtype)
    style[speaker] = 1
    x = torch.cat([mel, style.expand(len(mel), -1)], dim=1).T[None]
    for layer in model.convolutions:
        x = torch.relu(functional.conv1d(x, layer.weight, layer.bias, stride=2))
    assert x.shape[2] == model.config.remain
    hidden = torch.tanh(model.hidden(torch.cat([x.flatten(), style])))
    return model.motion_out(model.code(hidden))


@pytest.mark.parametrize(
    "changes", [{}, {"remain": 3}, {"kernel": 3}, {"kernel": 2, "remain": 2}, {"convolutions": 1}]
)
@pytest.mark.parametrize(
    "starts", [[0], [0, 4, 8, 12, 20], [0, 3, 7, 10], [0, 2, 4, 10], [0, 16, 32], [0, 1, 1, 2]]
)
def test_all_windows_at_once_equal_each_on_its_own(
    changes: dict[str, int], starts: list[int]
) -> None:
    model = build(**changes).double()
    window = model.config.window
    mel = torch.randn(2, starts[-1] + window, N_MELS, dtype=torch.float64)
    with torch.no_grad():
        made = model(mel, starts, torch.tensor([1, 2]))
        for row, speaker in enumerate((1, 2)):
            for place, start in enumerate(starts):
                alone = one_window(model, mel[row, start : start + window], speaker)
                torch.testing.assert_close(made[row, place], alone, rtol=0, atol=1e-12)


def test_a_long_recording_is_computed_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    model, audio = build(), speech(3.01)
    whole = model.animate(audio, speaker="ben").values
    monkeypatch.setattr("talking_heads.models.conv_regressor._CHUNK", 11)
    seen: list[tuple[int, int]] = []
    pieces = model.animate(audio, speaker="ben", progress=lambda *now: seen.append(now)).values
    np.testing.assert_allclose(pieces, whole, atol=1e-6)
    assert seen == [(f, 76) for f in (11, 22, 33, 44, 55, 66, 76)]


def test_windows_are_centred_on_their_frames() -> None:
    """Frame f at 25 a second owns the mel frames 4 f to 4 f + 3."""
    for frame in (0, 1, 77):
        assert window_start(frame, 46, 25.0) == 4 * frame - 21
        assert window_start(frame, 4, 25.0) == 4 * frame
        # An odd window hears one mel frame more of the future than of the past.
        assert window_start(frame, 31, 25.0) == 4 * frame - 13


@given(
    st.integers(0, 10_000),
    st.integers(1, 400),
    st.sampled_from([24.0, 25.0, 29.97, 30.0, 60.0, 120.0]),
)
def test_windows_are_centred_within_5_ms(frame: int, window: int, fps: float) -> None:
    middle = (frame_to_sample(frame, fps) + frame_to_sample(frame + 1, fps)) / 2
    assert abs(160 * window_start(frame, window, fps) + 80 * window - middle) <= 80
    assert window_start(frame + 1, window, fps) >= window_start(frame, window, fps)


@pytest.mark.parametrize("changes", [{}, {"kernel": 3}])
def test_which_samples_a_frame_hears(changes: dict[str, int]) -> None:
    """Sound outside the stated samples changes nothing; just inside it does."""
    model = build(**changes)
    audio = speech(2)
    plain = model.animate(audio).values
    frame = 25
    first, last = model.heard_samples(frame)
    assert 0 < first < frame * 640 < (frame + 1) * 640 < last < len(audio)
    # A quarter of a second to each side, and no more.
    assert frame * 640 - first <= 0.25 * 16_000 >= last - (frame + 1) * 640

    def altered(start: int, stop: int) -> float:
        other = audio.copy()
        other[start:stop] = 0.9
        return float(np.abs(model.animate(other).values - plain)[frame].max())

    assert altered(0, first) < 1e-6 and altered(last, len(audio)) < 1e-6
    assert altered(first, first + 300) > 1e-5 and altered(last - 300, last) > 1e-5


def test_beyond_the_sound_there_is_silence() -> None:
    model, audio = build(), speech(1)
    padded = np.concatenate([np.zeros(640 * 20, np.float32), audio, np.zeros(9600, np.float32)])
    alone, within = model.animate(audio).values, model.animate(padded).values
    np.testing.assert_allclose(alone, within[20:45], atol=1e-6)


@pytest.mark.parametrize(
    ("seconds", "frames"), [(0.001, 1), (0.04, 1), (0.041, 2), (1, 25), (5.01, 126)]
)
def test_frames_of_a_motion(seconds: float, frames: int) -> None:
    motion = build().animate(speech(seconds))
    assert motion.values.shape == (frames, 52) and motion.fps == 25
    assert motion.values.min() >= 0 and motion.values.max() <= 1


def test_the_same_sound_gives_the_same_motion() -> None:
    model, audio = build(dropout=0.5).train(), speech(1)
    first, other = (model.animate(audio, speaker="ada", seed=seed).values for seed in (0, 7))
    np.testing.assert_array_equal(first, other)
    assert model.training and not model.random and DiffSpeaker.random


def test_speaker_chooses_style_and_head() -> None:
    model, audio = build(), speech(1)
    ada, ben, average = (model.animate(audio, speaker=s) for s in ("ada", "ben", None))
    assert (ada.face_id, ben.face_id, ada.speaker) == ("head-01@medium", "head-02@medium", "ada")
    assert average.face_id == "neutral@medium" and average.speaker is None
    assert np.abs(ada.values - ben.values).max() > 1e-3
    assert np.abs(ada.values - average.values).max() > 1e-3


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ({"speaker": "zoe"}, "ada, ben"),
        ({"steps": 5}, "no denoising steps"),
        ({"seed": -1}, "seed"),
        ({"audio": np.zeros(0, np.float32)}, "empty"),
        ({"audio": np.full(9, np.nan, np.float32)}, "finite"),
    ],
)
def test_unusable_arguments_are_refused(how: dict, word: str) -> None:
    arguments = {"audio": speech(0.1), **how}
    with pytest.raises(UserError, match=word):
        build().animate(arguments.pop("audio"), **arguments)


@pytest.mark.parametrize("fps", [25.0, 30.0, 60.0])
def test_vertices_at_any_frame_rate(fps: float, tmp_path: Path) -> None:
    model = build(mesh_contract(fps=fps))
    motion = model.animate(speech(1), speaker="s2")
    assert motion.values.shape == (round(fps), 7, 3) and motion.kind == "vertices"
    assert (motion.fps, motion.face_id) == (fps, "s2@vocaset")
    frames = 9
    samples = frame_to_sample(frames, fps)
    data = {
        "audio": torch.randn(2, samples) * 0.1,
        "motion": torch.randn(2, frames, 7, 3) * 0.001,
        "mask": torch.ones(2, frames, dtype=torch.bool),
        "speaker": torch.tensor([0, 1]),
    }
    terms = model.loss(data)
    assert set(terms) == {"loss", "motion", "velocity"}
    terms["loss"].backward()
    model.save_pretrained(tmp_path, half=False)
    again = load_model(tmp_path).animate(speech(1), speaker="s2")
    np.testing.assert_array_equal(again.values, motion.values)


def test_training_sees_what_animating_sees() -> None:
    """The loss of a clip is that of the motion which the model makes for it."""
    model = build(style_dropout=0.0, mouth_weight=0.0, aperture_weight=0.0)
    data = batch(frames=12, real=12)
    with torch.no_grad():
        terms = model.loss(data)
    errors, speeds = [], []
    for row, speaker in enumerate(("ada", "ben")):
        mel, starts = model._features(data["audio"][row : row + 1], 0, 12)
        with torch.no_grad():
            made = model(mel, starts, torch.tensor([row]))[0]
        error = made - model.normalise(data["motion"][row])
        errors.append(error.square().mean())
        speeds.append(error.diff(dim=0).square().mean())
        shown = np.clip(model.denormalise(made).numpy(), 0, 1)
        moved = model.animate(data["audio"][row], speaker=speaker).values
        np.testing.assert_allclose(shown, moved, atol=1e-5)
    torch.testing.assert_close(terms["motion"], torch.stack(errors).mean())
    torch.testing.assert_close(terms["velocity"], torch.stack(speeds).mean())


def test_loss_terms_gradients_and_padding() -> None:
    model = build(style_dropout=0.5).train()
    data = batch()
    torch.manual_seed(0)
    terms = model.loss(data)
    assert set(terms) == {"loss", "motion", "velocity", "mouth", "aperture"}
    c = model.config
    total = terms["motion"] + c.velocity_weight * terms["velocity"]
    total = total + c.mouth_weight * terms["mouth"] + c.aperture_weight * terms["aperture"]
    torch.testing.assert_close(terms["loss"], total)
    terms["loss"].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
    dirty = {**data, "motion": data["motion"].clone()}
    dirty["motion"][1, 8:] = float("nan")
    torch.manual_seed(0)
    torch.testing.assert_close(model.loss(dirty)["loss"], terms["loss"])
    plain = build(mouth_weight=0.0, aperture_weight=0.0)
    assert set(plain.loss(data)) == {"loss", "motion", "velocity"}


def test_dropped_styles_train_the_average_speaker_instead() -> None:
    for share, columns in ((0.0, [True, True, False]), (0.999999, [False, False, True])):
        model = build(style_dropout=share).train()
        model.loss(batch())["loss"].backward()
        slopes = model.hidden.weight.grad
        assert slopes is not None
        assert (slopes[:, -3:].abs().sum(0) > 0).tolist() == columns


def test_augmentation_reaches_the_features() -> None:
    model, data = build(style_dropout=0.0), batch()
    with torch.no_grad():
        plain = float(model.loss(data)["loss"])
        same = float(model.loss(data, augment=lambda mel: mel)["loss"])
        other = float(model.loss(data, augment=lambda mel: mel + 1)["loss"])
    assert plain == same != other


def test_a_few_steps_lower_the_loss_of_a_batch() -> None:
    model = build().train()
    model.prepare(lambda step, size: batch(), 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    found = []
    for _ in range(3):
        torch.manual_seed(0)
        loss = model.loss(batch())["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(float(loss.detach()))
    assert found[0] > found[1] > found[2]


def motions(channels: int, rank: int, clips: int = 9, frames: int = 40) -> list[Tensor]:
    """Clips of motion of a known rank, about a mean of 3."""
    generator = torch.Generator().manual_seed(1)
    directions = torch.randn(rank, channels, generator=generator)
    return [
        3 + torch.randn(1, frames, rank, generator=generator) @ directions for _ in range(clips)
    ]


@pytest.mark.parametrize(("rank", "codes"), [(4, 4), (4, 9), (12, 5)])
@pytest.mark.parametrize("vertices", [4, 900])
def test_the_output_starts_as_principal_components(rank: int, codes: int, vertices: int) -> None:
    """Against NumPy: what the map cannot show of the motion is what its best linear map cannot."""
    asked: list[int] = []
    contract = mesh_contract(vertices, 25.0)
    model = build(contract, codes=codes)
    clips = motions(3 * vertices, rank)

    def one(step: int, size: int) -> dict[str, Tensor]:
        assert size == 1
        asked.append(step)
        motion = clips[step]
        mask = torch.ones(motion.shape[:2], dtype=torch.bool)
        mask[:, 36:] = False
        # What fills up a batch must not count.
        motion = torch.where(mask[..., None], motion, torch.nan)
        return {"motion": motion.unflatten(2, (vertices, 3)), "mask": mask}

    model.prepare(one, len(clips))
    assert asked == list(range(len(clips)))
    assert torch.isfinite(model.motion_out.weight).all()
    frames = torch.cat([model.normalise(c[0, :36]) for c in clips]).numpy()
    around = frames - frames.mean(0)
    weight = model.motion_out.weight.detach().numpy()
    bias = model.motion_out.bias.detach().numpy()
    np.testing.assert_allclose(bias, frames.mean(0), rtol=1e-4)
    codes_of = np.linalg.lstsq(weight, (frames - bias).T, rcond=1e-5)[0]
    left = np.linalg.norm(frames - bias - (weight @ codes_of).T)
    values = np.linalg.svd(around, compute_uv=False)
    best = float(np.sqrt(np.square(values[codes:]).sum()))
    np.testing.assert_allclose(left, best, rtol=1e-3, atol=1e-3 * np.linalg.norm(around))
    # Orthogonal, as long as the standard deviation along them; none beyond the rank.
    lengths = np.linalg.norm(weight, axis=0)
    kept = min(rank, codes)
    spread = values[:kept] / np.sqrt(len(frames))
    np.testing.assert_allclose(lengths[:kept], spread, rtol=1e-3)
    assert (lengths[rank:] == 0).all()


def test_of_a_large_corpus_a_part_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fourth frame of each clip, until there are enough."""
    monkeypatch.setattr("talking_heads.models.conv_regressor._PCA_FRAMES", 60)
    model, clips, asked = build(codes=3), motions(52, 3), []

    def one(step: int, size: int) -> dict[str, Tensor]:
        asked.append(step)
        return {"motion": clips[step], "mask": torch.ones(1, 40, dtype=torch.bool)}

    model.prepare(one, 101)
    assert asked == [0, 1, 2, 3, 4, 5]
    seen = torch.cat([model.normalise(clip[0, ::4]) for clip in clips[:6]])
    torch.testing.assert_close(model.motion_out.bias.detach(), seen.mean(0))


def test_principal_components_by_hand() -> None:
    frames = torch.tensor([[1.0, 0.0, 5.0], [-1.0, 0.0, 5.0], [0.0, 3.0, 5.0], [0.0, -3.0, 5.0]])
    mean, components = principal_components(frames, 5)
    torch.testing.assert_close(mean, torch.tensor([0.0, 0.0, 5.0]))
    wanted = torch.tensor([[0.0, 4.5**0.5, 0.0], [0.5**0.5, 0.0, 0.0]])
    torch.testing.assert_close(components, wanted)
    mean, components = principal_components(torch.full((6, 3), 2.0), 2)
    assert len(components) == 0 and mean.tolist() == [2.0, 2.0, 2.0]


def test_without_pca_the_output_starts_at_random() -> None:
    model = build(pca=False)
    before = model.motion_out.weight.clone()

    def never(step: int, size: int) -> dict[str, Tensor]:
        raise AssertionError

    model.prepare(never, 9)
    assert torch.equal(before, model.motion_out.weight)


def test_round_trip_is_exact_with_32_bits(tmp_path: Path) -> None:
    model = build()
    model.save_pretrained(tmp_path, half=False)
    again = ConvRegressor.from_pretrained(tmp_path)
    assert again.config == model.config and again.contract == model.contract
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    audio = speech(1)
    loaded = load_model(tmp_path)
    assert isinstance(loaded, ConvRegressor) and not loaded.training
    np.testing.assert_array_equal(
        loaded.animate(audio, speaker="ada").values, model.animate(audio, speaker="ada").values
    )
    with pytest.raises(UserError, match="'conv_regressor', not 'diff_speaker'"):
        DiffSpeaker.from_pretrained(tmp_path)


def test_an_unknown_type_is_refused(tmp_path: Path) -> None:
    build().save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    for kind in ("faceformer", None, ["conv_regressor"], 7):
        path.write_text(json.dumps({**json.loads(path.read_text()), "model_type": kind}))
        with pytest.raises(UserError, match="diff_speaker, conv_regressor"):
            load_model(tmp_path)


@pytest.mark.parametrize("name", ["course", "full", "paper"])
def test_presets_survive_json(name: str) -> None:
    config = ConvRegressorConfig.preset(name)
    assert ConvRegressorConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("name", "weights", "window"),
    [("course", 166_158, 46), ("full", 657_294, 62), ("paper", 49_710, 31)],
)
def test_the_configs_comments_are_true(name: str, weights: int, window: int) -> None:
    speakers = tuple("abcdefghijkl")
    contract = MotionContract(speakers=speakers, heads=("neutral@low",) * 12)
    config = ConvRegressorConfig.preset(name)
    model = ConvRegressor(config, contract)
    assert sum(p.numel() for p in model.parameters()) == weights
    assert config.window == window
    said = " ".join((ConvRegressorConfig.__doc__ or "").split())
    assert f"{weights:,}" in said
    assert str(window) in (ConvRegressorConfig.window.__doc__ or "")


def test_the_paper_preset_has_the_papers_choices() -> None:
    config = ConvRegressorConfig.preset("paper")
    model = ConvRegressor(config, MotionContract(speakers=("a",), heads=("neutral@low",)))
    widths = [layer.weight.shape[0] for layer in model.convolutions]
    assert widths == [32, 32, 64, 64] and {m.kernel_size for m in model.convolutions} == {(3,)}
    assert (model.hidden.out_features, model.code.out_features) == (128, 50)
    assert (config.mouth_weight, config.aperture_weight, config.style_dropout) == (0, 0, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"width": 0}, {"width": 10**9}, {"width": 12.5}, {"width": True}, {"kernel": 1},
        {"convolutions": 0}, {"convolutions": 9}, {"remain": 0}, {"hidden": -1}, {"codes": 0},
        {"pca": 1}, {"dropout": 1.0}, {"style_dropout": 1.0}, {"velocity_weight": float("nan")},
        {"mouth_weight": -1.0}, {"convolutions": 8, "kernel": 15},
    ],
)  # fmt: skip
def test_unusable_fields_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(UserError) as error:
        ConvRegressorConfig(**change)  # type: ignore[arg-type]
    assert len(str(error.value).splitlines()) <= 3


@settings(max_examples=200)
@given(
    st.sampled_from([f.name for f in dataclasses.fields(ConvRegressorConfig)]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()),
)
def test_any_value_is_taken_or_refused_in_words(name: str, value: object) -> None:
    values = {**ConvRegressorConfig().to_dict(), name: value}
    try:
        config = ConvRegressorConfig.from_dict(values)
    except UserError:
        return
    assert getattr(config, name) == value


def test_features_are_the_log_mel_of_the_whole_sound() -> None:
    model = build()
    audio = torch.from_numpy(speech(1))[None]
    mel, starts = model._features(audio, 10, 14)
    whole = log_mel(audio)
    assert starts == [0, 4, 8, 12]
    torch.testing.assert_close(mel, whole[:, 19 : 19 + 58], rtol=0, atol=1e-5)


def test_16_bits_barely_change_the_motion(tmp_path: Path) -> None:
    model, audio = build(), speech(1)
    model.save_pretrained(tmp_path)
    again = ConvRegressor.from_pretrained(tmp_path)
    assert again.motion_out.weight.dtype == torch.float32
    made, wanted = again.animate(audio).values, model.animate(audio).values
    assert 0 < np.abs(made - wanted).max() < 1e-3
