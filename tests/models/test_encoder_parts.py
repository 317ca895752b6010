"""Audio encoders as parts of models and of their checkpoints."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from talking_heads.errors import UserError
from talking_heads.models import (
    ConvRegressor,
    ConvRegressorConfig,
    DiffSpeaker,
    DiffSpeakerConfig,
    MotionContract,
    load_model,
)
from talking_heads.models.checkpoint import CONFIG, CONTRACT, ENCODER, WEIGHTS
from talking_heads.speech.alignment import ALIGNMENTS
from talking_heads.speech.encoder import AudioEncoder, LogMelEncoder
from talking_heads.speech.encoders import load_encoder

SIZES: dict[str, Any] = {
    "width": 16, "layers": 1, "heads": 2, "feed_forward": 32, "step_code": 16, "sampling_steps": 2,
    "encoder_width": 16, "encoder_blocks": 1, "dropout": 0.0, "style_dropout": 0.0,
}  # fmt: skip
AUDIO = np.random.default_rng(0).normal(0, 0.1, 20_000).astype(np.float32)
OTHERS = {
    "log_mel": {"width": 24, "blocks": 1},
    "hubert": {"freeze": "convolutions"},
    "wav2vec2": {"freeze": "all", "alignment": "pairs"},
    "small_hubert": {"freeze": "all"},
}


def contract(fps: float = 25.0) -> MotionContract:
    return MotionContract(speakers=("ada", "ben"), heads=("head-01@low", "head-02@low"), fps=fps)


def build(encoder: AudioEncoder | None, fps: float = 25.0) -> DiffSpeaker:
    torch.manual_seed(0)
    model = DiffSpeaker(DiffSpeakerConfig(**SIZES), contract(fps), encoder)
    # The output starts at zero, where a test of the whole would see nothing.
    torch.nn.init.normal_(model.motion_out.weight, std=0.2)
    return model.eval()


def batch(model: DiffSpeaker) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    mask = torch.ones(2, 20, dtype=torch.bool)
    mask[1, 12:] = False
    audio = torch.randn(2, 12_800, generator=generator) * 0.1
    return {
        "audio": audio * mask.repeat_interleave(640, 1),
        "motion": torch.rand(2, 20, 52, generator=generator),
        "mask": mask,
        "speaker": torch.tensor([0, 1]),
    }


@pytest.fixture
def encoder(
    request: pytest.FixtureRequest, tiny_encoders: dict[str, Path]
) -> Callable[..., AudioEncoder]:
    def make(kind: str, **choices: Any) -> AudioEncoder:
        return load_encoder(tiny_encoders.get(kind, kind), **{**OTHERS[kind], **choices})

    return make


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("fps", [25.0, 30.0, 60.0])
def test_saved_and_loaded_it_moves_the_same(
    kind: str, fps: float, encoder: Callable[..., AudioEncoder], tmp_path: Path
) -> None:
    model = build(encoder(kind, fps=fps), fps)
    assert model.contract.encoder_id == model.encoder.encoder_id
    assert model.audio_in.in_features == model.encoder.width
    before = model.animate(AUDIO, speaker="ben")
    assert before.fps == fps
    model.save_pretrained(tmp_path, half=False)
    assert {p.name for p in tmp_path.iterdir()} == {CONFIG, CONTRACT, ENCODER, WEIGHTS}
    assert json.loads((tmp_path / ENCODER).read_text()) == model.encoder.settings
    for again in (load_model(tmp_path), DiffSpeaker.from_pretrained(tmp_path)):
        assert isinstance(again, DiffSpeaker) and not again.training
        assert again.contract == model.contract
        assert again.encoder.settings == model.encoder.settings
        np.testing.assert_array_equal(again.animate(AUDIO, speaker="ben").values, before.values)
        trained = {n for n, p in model.named_parameters() if p.requires_grad}
        assert {n for n, p in again.named_parameters() if p.requires_grad} == trained


@pytest.mark.parametrize("kind", OTHERS)
def test_16_bits_barely_change_it_and_it_can_be_saved_again(
    kind: str, encoder: Callable[..., AudioEncoder], tmp_path: Path
) -> None:
    model = build(encoder(kind))
    model.save_pretrained(tmp_path / "one")
    again = DiffSpeaker.from_pretrained(tmp_path / "one")
    # A frozen encoder with rounded weights gives other features, and has another name.
    assert again.contract.encoder_id == again.encoder.encoder_id
    difference = again.animate(AUDIO).values - model.animate(AUDIO).values
    assert 0 < np.abs(difference).max() < 0.02
    again.save_pretrained(tmp_path / "two")
    third = DiffSpeaker.from_pretrained(tmp_path / "two")
    assert third.contract == again.contract
    np.testing.assert_array_equal(third.animate(AUDIO).values, again.animate(AUDIO).values)
    assert (tmp_path / "one" / WEIGHTS).read_bytes() == (tmp_path / "two" / WEIGHTS).read_bytes()


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_every_alignment(
    alignment: str, encoder: Callable[..., AudioEncoder], tmp_path: Path
) -> None:
    model = build(encoder("hubert", alignment=alignment, fps=30), 30.0)
    model.save_pretrained(tmp_path, half=False)
    again = load_model(tmp_path)
    np.testing.assert_array_equal(again.animate(AUDIO).values, model.animate(AUDIO).values)
    assert f"/{alignment}/30" in again.contract.encoder_id


@pytest.mark.parametrize("fps", [24.0, 25.0, 29.97, 30.0, 60.0])
def test_a_model_hears_no_more_of_the_future_than_the_small_hubert_says(
    fps: float, tmp_path: Path
) -> None:
    """The encoder that comes with the course, through a checkpoint: what a stream will rely on."""
    made = build(load_encoder("small_hubert", fps=fps), fps)
    made.save_pretrained(tmp_path)
    listening: Any = load_model(tmp_path).get_submodule("encoder")
    assert not listening.training
    generator = torch.Generator().manual_seed(2)
    sound = torch.randn(2 * 16_000, generator=generator) * 0.1
    with torch.no_grad():
        whole = listening(sound[None])[0]
        torch.testing.assert_close(listening.encode_long(sound), whole, rtol=1e-4, atol=1e-4)
        for frames in (1, round(0.4 * fps), round(1.3 * fps)):
            last = math.ceil(16 * (1000 * frames / fps + listening.look_ahead_ms))
            for heard in (
                listening(sound[None, :last])[0],
                listening.encode_long(sound[:last], chunk_seconds=0.5),
                listening(sound[None], torch.tensor([last]))[0],
            ):
                torch.testing.assert_close(heard[:frames], whole[:frames], rtol=1e-4, atol=1e-4)
        # Half of the look-ahead is not enough.
        less = listening(sound[None, : last - int(8 * listening.look_ahead_ms)])[0]
        assert (less[:frames] - whole[:frames]).abs().max() > 1e-2


def test_without_one_there_is_no_file_and_an_old_one_goes(
    encoder: Callable[..., AudioEncoder], tmp_path: Path
) -> None:
    build(encoder("hubert")).save_pretrained(tmp_path)
    plain = build(None)
    assert type(plain.encoder) is LogMelEncoder and plain.encoder_settings is None
    plain.save_pretrained(tmp_path, half=False)
    assert {p.name for p in tmp_path.iterdir()} == {CONFIG, CONTRACT, WEIGHTS}
    again = load_model(tmp_path)
    np.testing.assert_array_equal(again.animate(AUDIO).values, plain.animate(AUDIO).values)


@pytest.mark.parametrize("kind", OTHERS)
def test_features_stand_for_what_the_encoder_hears(
    kind: str, encoder: Callable[..., AudioEncoder]
) -> None:
    model = build(encoder(kind))
    given = batch(model)
    with torch.no_grad():
        heard = [
            torch.nn.functional.pad(row, (0, 0, 0, 20 - len(row)))
            for n, sound in ((20, given["audio"][:1]), (12, given["audio"][1:, : 12 * 640]))
            for row in model.encoder(sound[:, : n * 640])
        ]
        torch.manual_seed(3)
        expected = model.loss(given)
        torch.manual_seed(3)
        found = model.loss({**given, "features": torch.stack(heard)})
        torch.manual_seed(3)
        other = model.loss({**given, "features": torch.stack(heard) + 1})
        torch.manual_seed(3)
        deaf = model.loss({**given, "audio": given["audio"] * 0, "features": torch.stack(heard)})
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, rtol=1e-4, atol=1e-6)
        assert torch.equal(deaf[key], found[key])
    assert abs(other["loss"] - expected["loss"]) > 1e-4


@pytest.mark.parametrize("kind", ["hubert", "wav2vec2", "small_hubert"])
def test_padding_of_a_batch_is_not_heard(kind: str, encoder: Callable[..., AudioEncoder]) -> None:
    model = build(encoder(kind))
    given = batch(model)
    noise = torch.randn(given["audio"].shape) * ~given["mask"].repeat_interleave(640, 1)
    with torch.no_grad():
        torch.manual_seed(3)
        expected = model.loss(given)["loss"]
        torch.manual_seed(3)
        found = model.loss({**given, "audio": given["audio"] + noise})["loss"]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_an_encoder_is_trained_with_the_model(encoder: Callable[..., AudioEncoder]) -> None:
    for kind, trained in (("hubert", True), ("wav2vec2", False), ("log_mel", True)):
        model = build(encoder(kind)).train()
        model.loss(batch(model))["loss"].backward()
        moved = [n for n, p in model.named_parameters() if p.grad is not None and p.grad.any()]
        assert any(name.startswith("encoder.") for name in moved) == trained
        assert any(name.startswith("audio_in.") for name in moved)
        assert not any(name.startswith("encoder.network.feature_extractor") for name in moved)


def test_augmentation_reaches_encoders_that_hear_mel(
    encoder: Callable[..., AudioEncoder],
) -> None:
    for kind in OTHERS:
        model = build(encoder(kind))
        losses = []
        for change in (None, lambda mel: mel * 0.5):
            torch.manual_seed(3)
            with torch.no_grad():
                losses.append(model.loss(batch(model), augment=change)["loss"])
        assert torch.equal(*losses) == (kind in ("hubert", "wav2vec2"))


def test_long_audio(encoder: Callable[..., AudioEncoder]) -> None:
    """Longer than a window: encoded in one go, denoised in windows."""
    model = build(encoder("hubert"))
    assert len(model.animate(np.resize(AUDIO, 230 * 640))) == 230


def test_an_encoder_of_another_rate_is_refused(encoder: Callable[..., AudioEncoder]) -> None:
    with pytest.raises(UserError, match="30 features a second, and the motion has 25 frames"):
        build(encoder("hubert", fps=30))


def test_the_regressor_takes_none(encoder: Callable[..., AudioEncoder]) -> None:
    with pytest.raises(UserError, match="conv_regressor hears log-mel features by design") as told:
        ConvRegressor(ConvRegressorConfig(), contract(), encoder("hubert"))
    assert len(str(told.value).splitlines()) == 2


def _edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda f: (f / ENCODER).unlink(), "needs the audio encoder 'hubert@"),
        (lambda f: (f / ENCODER).write_text("{"), "damaged"),
        (lambda f: (f / ENCODER).write_text("[]"), "damaged"),
        (lambda f: (f / ENCODER).write_bytes(b"\xff\xfe"), "damaged"),
        (lambda f: (f / ENCODER).write_text("[" * 100_000), "damaged"),
        (lambda f: _edit(f / ENCODER, type="gpt"), "no audio encoder of type 'gpt'"),
        (lambda f: _edit(f / ENCODER, fps=30.0), "30 features a second"),
        (lambda f: _edit(f / ENCODER, layer=2), "needs the audio encoder"),
        (lambda f: _edit(f / ENCODER, layer=9), "layers 1 to 3"),
        (lambda f: _edit(f / ENCODER, alignment="middle"), "needs the audio encoder"),
        (lambda f: _edit(f / ENCODER, origin="../x"), "wrong kind"),
        (lambda f: _edit(f / ENCODER, network={"model_type": "hubert"}), "do not fit|needs"),
        (lambda f: _edit(f / ENCODER, network={"model_type": "bert"}), "type 'bert'"),
        (
            lambda f: _edit(
                f / ENCODER, network={"model_type": "hubert", "activation_dropout": math.nan}
            ),
            "no finite number",
        ),
        (lambda f: _edit(f / ENCODER, run="rm -rf"), "one too many"),
        (lambda f: _edit(f / CONTRACT, encoder_id="hubert"), "needs the audio encoder 'hubert'"),
        (lambda f: _edit(f / CONFIG, model_type="conv_regressor"), "does not fit"),
    ],
)
def test_damage_is_told_in_a_few_words(
    damage: Callable[[Path], object],
    word: str,
    encoder: Callable[..., AudioEncoder],
    tmp_path: Path,
) -> None:
    build(encoder("hubert")).save_pretrained(tmp_path)
    damage(tmp_path)
    with pytest.raises(UserError, match=word) as told:
        load_model(tmp_path)
    assert len(str(told.value).splitlines()) <= 3


def test_settings_of_other_sizes_do_not_fit_the_weights(
    encoder: Callable[..., AudioEncoder], tmp_path: Path
) -> None:
    build(encoder("hubert")).save_pretrained(tmp_path)
    settings = json.loads((tmp_path / ENCODER).read_text())
    # So large that building it would fill the machine.
    settings["network"]["intermediate_size"] = 32_000
    settings["network"]["conv_dim"] = [100_000] * 7
    (tmp_path / ENCODER).write_text(json.dumps(settings))
    with pytest.raises(UserError, match="do not fit"):
        load_model(tmp_path)
