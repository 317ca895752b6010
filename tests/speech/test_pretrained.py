import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import (
    HubertConfig,
    HubertModel,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2Model,
)

from talking_heads.errors import UserError
from talking_heads.speech.alignment import (
    ALIGNMENTS,
    at_middles,
    feature_count,
    pairs,
    stretch,
)
from talking_heads.speech.encoder import AudioEncoder
from talking_heads.speech.feature_cache import FeatureCache
from talking_heads.speech.frames import frame_count
from talking_heads.speech.pretrained import FREEZES, PretrainedEncoder, normalise_clip
from talking_heads.speech.pretrained_files import weights_hash

SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
    "layerdrop": 0.0,
}


def hubert(**how: Any) -> HubertModel:
    torch.manual_seed(0)
    return HubertModel(HubertConfig(**{**SMALL, **how})).eval()


def wav2vec2(**how: Any) -> Wav2Vec2Model:
    torch.manual_seed(0)
    return Wav2Vec2Model(Wav2Vec2Config(**{**SMALL, **how})).eval()


KINDS = pytest.mark.parametrize("kind", [hubert, wav2vec2])


def noise(samples: int = 16_000, batch: int = 1, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, samples, generator=generator) * 0.1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hubert")
    hubert().save_pretrained(path)
    return path


@KINDS
@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize("fps", [25, 29.97, 30, 60])
def test_one_feature_for_each_frame(kind: Callable[..., Any], alignment: str, fps: float) -> None:
    encoder = PretrainedEncoder(kind(), fps=fps, alignment=alignment)
    assert isinstance(encoder, AudioEncoder)
    assert encoder.width == (32 if alignment == "pairs" else 16)
    for samples in (0, 1, 399, 400, 640, 641, 16_000):
        with torch.no_grad():
            out = encoder(noise(samples, 2))
        assert out.shape == (2, frame_count(samples, fps), encoder.width)
        assert torch.isfinite(out).all()


@KINDS
@pytest.mark.parametrize("layer", [1, 3, 4, None])
def test_equals_transformers_then_the_alignment(
    kind: Callable[..., Any], layer: int | None
) -> None:
    audio, network = noise(64_000, 2), kind()
    ready = (audio - audio.mean(1, keepdim=True)) / audio.std(1, correction=0, keepdim=True)
    with torch.no_grad():
        states = network(ready, output_hidden_states=True).hidden_states
        hidden = states[4 if layer is None else layer]
        assert hidden.shape == (2, 199, 16)
        for fps, name, expected in (
            (25, "after", stretch(hidden, 100)),
            (30, "after", stretch(hidden, 120)),
            (25, "pairs", pairs(hidden, 100, 25)),
            (30, "pairs", stretch(hidden, 240).reshape(2, 120, 32)),
            (30, "middle", at_middles(hidden, 120, 30)),
        ):
            encoder = PretrainedEncoder(kind(), fps=fps, alignment=name, layer=layer)
            torch.testing.assert_close(encoder(audio), expected, rtol=0, atol=1e-5)
            assert encoder.layer == (layer or 4)


def test_without_alignment_the_hidden_states_are_transformers() -> None:
    audio = noise(64_000, 2)
    for kind in (hubert, wav2vec2):
        # At 49.75 features a second, as many frames as features: nothing is left to interpolate.
        encoder = PretrainedEncoder(kind(), fps=199 / 4, normalise=False)
        with torch.no_grad():
            expected = kind()(audio).last_hidden_state
            torch.testing.assert_close(encoder(audio), expected, rtol=0, atol=1e-6)


@KINDS
def test_before_interpolates_what_the_convolutions_give(kind: Callable[..., Any]) -> None:
    audio, network = noise(64_000), kind()
    encoder = PretrainedEncoder(kind(), fps=30, alignment="before", normalise=False)
    heard: list[int] = []
    encoder.network.encoder.register_forward_pre_hook(lambda _, x: heard.append(x[0].shape[1]))
    with torch.no_grad():
        slow = stretch(network.feature_extractor(audio).transpose(1, 2), 120)
        projected = network.feature_projection(slow)
        projected = projected[0] if isinstance(projected, tuple) else projected
        expected = network.encoder(projected).last_hidden_state
        torch.testing.assert_close(encoder(audio), expected, rtol=0, atol=1e-6)
        after = PretrainedEncoder(kind(), fps=30, normalise=False)(audio)
    assert heard == [120]
    assert (after - expected).abs().max() > 1e-3


def test_both_classes_hold_the_same_network() -> None:
    """DiffSpeaker reads HuBERT's weights into the class of wav2vec 2.0."""
    one, two = hubert(), wav2vec2()
    two.load_state_dict(one.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(
            PretrainedEncoder(one)(noise()), PretrainedEncoder(two)(noise()), rtol=0, atol=1e-6
        )


def test_normalisation_is_the_processors() -> None:
    audio = noise(5000, 3) * torch.tensor([[1.0], [3.0], [0.0]]) + 0.05
    extract = Wav2Vec2FeatureExtractor(do_normalize=True)
    expected = extract(list(audio.numpy()), sampling_rate=16_000, return_tensors="np").input_values
    # The last clip is constant: what is left of it is the rounding of its mean, times 3,000.
    np.testing.assert_allclose(normalise_clip(audio).numpy()[:2], expected[:2], atol=1e-5)
    assert abs(normalise_clip(audio)[2]).max() < 1e-3
    assert not normalise_clip(torch.zeros(1, 640)).any()
    loud = PretrainedEncoder(hubert())
    raw = PretrainedEncoder(hubert(), normalise=False)
    with torch.no_grad():
        torch.testing.assert_close(loud(noise()), loud(5 * noise() + 0.3), rtol=0, atol=1e-4)
        torch.testing.assert_close(raw(normalise_clip(noise())), loud(noise()), rtol=0, atol=1e-6)


LEARNING = {
    "none": {
        "feature_extractor",
        "feature_projection",
        "encoder",
        "layers.0",
        "layers.1",
        "layers",
    },
    "convolutions": {"feature_projection", "encoder", "layers.0", "layers.1", "layers"},
    "first_two_layers": {"encoder", "layers"},
    "all": set(),
}


def part(name: str) -> str:
    """Return the part of the network that a parameter belongs to."""
    if name.startswith("encoder.layers."):
        number = name.split(".")[2]
        return f"layers.{number}" if number in "01" else "layers"
    return name.split(".")[0]


@KINDS
@pytest.mark.parametrize("freeze", FREEZES)
def test_gradients_only_where_they_should_be(kind: Callable[..., Any], freeze: str) -> None:
    # What was frozen before does not matter.
    encoder = PretrainedEncoder(kind().requires_grad_(False), freeze=freeze).train()
    out = encoder(noise())
    assert encoder.frozen == (freeze == "all") == (not out.requires_grad)
    if out.requires_grad:
        out.square().sum().backward()
    learning = {
        part(name)
        for name, p in encoder.network.named_parameters()
        if p.grad is not None and bool(p.grad.abs().sum() > 0)
    }
    trainable = {part(name) for name, p in encoder.network.named_parameters() if p.requires_grad}
    assert learning == trainable == LEARNING[freeze]
    # Every trainable parameter is reached: none is left without a gradient.
    assert all(p.grad is not None for p in encoder.parameters() if p.requires_grad)


@pytest.mark.parametrize("freeze", FREEZES)
def test_what_is_frozen_stays_in_evaluation_mode(freeze: str) -> None:
    model = nn.ModuleList([PretrainedEncoder(hubert(), freeze=freeze)])
    model.train()
    network = model[0].network
    parts = {
        "feature_extractor": network.feature_extractor,
        "feature_projection": network.feature_projection,
        "encoder": network.encoder.pos_conv_embed,
        "layers.0": network.encoder.layers[0],
        "layers.1": network.encoder.layers[1],
        "layers": network.encoder.layers[2],
    }
    for name, module in parts.items():
        assert {m.training for m in module.modules()} == {name in LEARNING[freeze]}, name
    model.eval()
    assert not any(m.training for m in model.modules())


def test_a_step_of_training_moves_only_what_learns() -> None:
    encoder = PretrainedEncoder(hubert(), freeze="first_two_layers").train()
    before = {name: p.clone() for name, p in encoder.network.state_dict().items()}
    optimiser = torch.optim.AdamW(encoder.parameters(), lr=0.01)
    encoder(noise()).square().sum().backward()
    optimiser.step()
    after = encoder.network.state_dict()
    moved = {part(name) for name, old in before.items() if not torch.equal(old, after[name])}
    assert moved == {"encoder", "layers"}


def test_frozen_features_are_the_same_in_training() -> None:
    encoder = PretrainedEncoder(hubert(hidden_dropout=0.5, layerdrop=0.5), freeze="all")
    quiet = encoder.eval()(noise())
    assert torch.equal(encoder.train()(noise()), quiet)


def test_no_masking_unless_asked() -> None:
    still = {"hidden_dropout": 0.0, "activation_dropout": 0.0, "attention_dropout": 0.0}
    how = {**still, "feat_proj_dropout": 0.0, "mask_time_prob": 0.5}
    for kind in (hubert, wav2vec2):
        plain = PretrainedEncoder(kind(**how)).train()
        assert torch.equal(plain(noise()), plain(noise()))
        assert not plain.network.masked_spec_embed.requires_grad
        masking = PretrainedEncoder(kind(**how), mask_in_training=True).train()
        assert not torch.allclose(masking(noise()), plain(noise()), atol=1e-3)
        assert torch.equal(masking.eval()(noise()), plain.eval()(noise()))


def test_padded_clips_equal_clips_alone() -> None:
    encoder = PretrainedEncoder(hubert(), fps=30)
    clips = [noise(n, seed=n)[0] for n in (16_000, 9000, 100)]
    batch = nn.utils.rnn.pad_sequence(clips, batch_first=True)
    with torch.no_grad():
        out = encoder(batch, torch.tensor([16_000, 9000, 100]))
        for row, clip in zip(out, clips, strict=True):
            alone = encoder(clip[None])[0]
            torch.testing.assert_close(row[: len(alone)], alone, rtol=0, atol=1e-6)
            assert not row[len(alone) :].any()
        assert not torch.allclose(encoder(batch)[1, :10], out[1, :10], atol=1e-3)
    with pytest.raises(ValueError, match="lengths"):
        encoder(batch, torch.tensor([16_001, 9000, 100]))


def test_a_prefix_does_not_give_the_prefix_of_the_features() -> None:
    """The group norm of the base models spans the clip; layer norms do not."""
    later = noise(16_000)
    later[:, 8000:] *= 5
    for norm, same in (("group", False), ("layer", True)):
        how = {"feat_extract_norm": norm, "conv_bias": norm == "layer"}
        convolutions = hubert(**how).feature_extractor
        with torch.no_grad():
            whole, prefix = convolutions(later), convolutions(later[:, :8000])
        moved = (whole[..., : prefix.shape[-1]] - prefix).abs().amax() / prefix.abs().amax()
        assert bool(moved < 1e-4) == same, norm
    # The transformer attends to all, so that no layer norm makes the encoder causal.
    encoder = PretrainedEncoder(hubert(feat_extract_norm="layer", conv_bias=True), normalise=False)
    with torch.no_grad():
        whole, prefix = encoder(later), encoder(later[:, :8000])
    assert (whole[:, 0] - prefix[:, 0]).abs().max() > 1e-4


def test_a_feature_sees_400_samples_320_apart() -> None:
    """What the lags rest on, measured on the convolutions themselves."""
    convolutions = hubert(feat_extract_norm="layer", conv_bias=True).feature_extractor
    audio = noise(4000).requires_grad_()
    features = convolutions(audio)
    assert features.shape[-1] == feature_count(4000)
    for k in (0, 3, 7):
        (gradient,) = torch.autograd.grad(features[0, :, k].sum(), audio, retain_graph=True)
        seen = gradient[0].nonzero()[:, 0]
        assert (int(seen[0]), int(seen[-1])) == (320 * k, 320 * k + 399)


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_long_sound_in_pieces(alignment: str) -> None:
    how = {"feat_extract_norm": "layer", "conv_bias": True}
    encoder = PretrainedEncoder(hubert(**how), fps=30, alignment=alignment)
    audio = noise(16_000 * 20 + 77)[0]
    with torch.no_grad():
        whole = encoder(audio[None])[0]
    assert torch.equal(encoder.encode_long(audio), whole)
    # The pieces hear 5 s on both sides; all that differs is what lies beyond that.
    pieces = encoder.encode_long(audio, chunk_seconds=3)
    assert pieces.shape == whole.shape
    assert (pieces - whole).abs().mean() < 0.05 * whole.abs().mean()
    assert encoder.encode_long(audio[:0]).shape == (0, encoder.width)


def test_from_a_folder(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    encoder = PretrainedEncoder.from_pretrained(str(folder), freeze="all")
    assert capfd.readouterr() == ("", "")
    assert not encoder.training
    with torch.no_grad():
        assert torch.equal(encoder(noise()), PretrainedEncoder(hubert())(noise()))


def test_the_files_as_they_are_published(tmp_path: Path) -> None:
    """A model for transcription, with the older names of weight norm, as a pickle of tensors."""
    torch.manual_seed(0)
    network = Wav2Vec2ForCTC(Wav2Vec2Config(**SMALL)).eval()
    network.save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").unlink()
    for new, old in (("original0", "weight_g"), ("original1", "weight_v")):
        for name in [n for n in tensors if n.endswith(f"parametrizations.weight.{new}")]:
            tensors[name.replace(f"parametrizations.weight.{new}", old)] = tensors.pop(name)
    assert any(name.endswith("weight_g") for name in tensors)
    del tensors["wav2vec2.masked_spec_embed"]
    torch.save(tensors, tmp_path / "pytorch_model.bin")
    encoder = PretrainedEncoder.from_pretrained(str(tmp_path), normalise=False, fps=199 / 4)
    with torch.no_grad():
        expected = network.wav2vec2(noise(64_000)).last_hidden_state
        torch.testing.assert_close(encoder(noise(64_000)), expected, rtol=0, atol=1e-6)
    assert encoder.origin == weights_hash(network.wav2vec2)


def test_the_id_names_what_changes_the_features(folder: Path) -> None:
    def name(**how: Any) -> str:
        return PretrainedEncoder.from_pretrained(str(folder), **how).encoder_id

    plain = name()
    assert plain == f"hubert@{weights_hash(hubert())}/layer4/normalised/after/25"
    changed = [{"fps": 30}, {"alignment": "pairs"}, {"normalise": False}, {"layer": 2}]
    assert len({plain, *(name(**how) for how in changed)}) == 5
    # What is trained is no part of the name.
    assert name(freeze="all") == plain
    other = hubert()
    with torch.no_grad():
        other.encoder.layer_norm.bias[0] += 1e-6
    assert PretrainedEncoder(other).encoder_id != plain


def test_a_checkpoint_gives_the_same_encoder(folder: Path, tmp_path: Path) -> None:
    choices = {"alignment": "before", "fps": 30, "layer": 3, "freeze": "first_two_layers"}
    encoder = PretrainedEncoder.from_pretrained(str(folder), **choices)
    with torch.no_grad():
        encoder.network.encoder.layers[2].final_layer_norm.weight += 0.1
    save_file(encoder.state_dict(), tmp_path / "model.safetensors")
    text = json.dumps(encoder.settings)
    assert str(folder) not in text and folder.name not in text
    again = PretrainedEncoder.from_settings(json.loads(text))
    again.load_state_dict(load_file(tmp_path / "model.safetensors"))
    with torch.no_grad():
        assert torch.equal(encoder(noise()), again(noise()))
    assert again.encoder_id == encoder.encoder_id and again.settings == encoder.settings
    learning = [n for n, p in encoder.named_parameters() if p.requires_grad]
    assert learning == [n for n, p in again.named_parameters() if p.requires_grad]


def test_loaded_weights_of_a_frozen_encoder_give_it_another_name(folder: Path) -> None:
    """Or features kept of the published weights would be taken for those of trained ones."""
    trained = PretrainedEncoder.from_pretrained(str(folder), layer=3)
    name = trained.encoder_id
    with torch.no_grad():
        trained.network.encoder.layers[2].final_layer_norm.weight += 0.1
    assert trained.encoder_id == name
    frozen = PretrainedEncoder.from_settings({**trained.settings, "freeze": "all"})
    assert frozen.encoder_id == name
    nn.ModuleList([frozen]).load_state_dict(nn.ModuleList([trained]).state_dict())
    assert frozen.encoder_id != name
    original = PretrainedEncoder.from_pretrained(str(folder), layer=3)
    frozen.load_state_dict(original.state_dict())
    assert frozen.encoder_id == name


def test_kept_features(folder: Path, tmp_path: Path) -> None:
    frozen = PretrainedEncoder.from_pretrained(str(folder), freeze="all").train()
    audio = noise()[0].numpy()
    first = FeatureCache(tmp_path).features(frozen, audio)
    again = FeatureCache(tmp_path).features(frozen, audio)
    assert torch.equal(first, again)
    with torch.no_grad():
        assert torch.equal(first, frozen(noise())[0])
    with pytest.raises(ValueError, match="trained"):
        FeatureCache(tmp_path).features(PretrainedEncoder(hubert()), audio)
    frozen.requires_grad_(True)
    assert not frozen.frozen


def test_choices_that_do_not_exist() -> None:
    for how, message in (
        ({"freeze": "some"}, "none, convolutions, first_two_layers, all"),
        ({"alignment": "sideways"}, "after, before"),
        ({"layer": 5}, "layers 1 to 4"),
        ({"layer": 0}, "layers 1 to 4"),
        ({"layer": True}, "layers 1 to 4"),
        ({"fps": 0}, "frame rate"),
    ):
        with pytest.raises(UserError, match=message):
            PretrainedEncoder(hubert(), **how)  # type: ignore[arg-type]
    stable = hubert(do_stable_layer_norm=True, feat_extract_norm="layer")
    with pytest.raises(UserError, match="last layer"):
        PretrainedEncoder(stable, layer=2)


def _without_a_weight(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    del tensors["encoder.layers.1.attention.k_proj.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def _with_nan(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["encoder.layer_norm.weight"][0] = float("nan")
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def _with_config(**changed: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, **changed}))

    return change


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "config.json").unlink(), "config.json"),
        (lambda f: (f / "model.safetensors").unlink(), "model.safetensors"),
        (lambda f: (f / "model.safetensors").write_bytes(b"abc"), "damaged"),
        (lambda f: os.truncate(f / "model.safetensors", 5000), "damaged"),
        (lambda f: (f / "config.json").write_text("{"), "damaged"),
        (lambda f: (f / "config.json").write_text("[1]"), "damaged"),
        (_with_config(model_type="bert"), "type 'bert'"),
        (_with_config(hidden_size=10**9), "hidden_size"),
        (_with_config(hidden_size=32), "damaged"),
        (_with_config(num_hidden_layers=6), "not hold all weights"),
        (_with_config(conv_stride=[5, 2, 2, 2, 2, 2, 1]), "50 features"),
        (_with_config(conv_kernel="abc"), "damaged|50 features"),
        (_without_a_weight, "not hold all weights"),
        (_with_nan, "not finite"),
    ],
)
def test_damaged_folders(
    folder: Path, tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    damage(tmp_path)
    with pytest.raises(UserError, match=message) as caught:
        PretrainedEncoder.from_pretrained(str(tmp_path))
    assert len(str(caught.value).splitlines()) <= 3


def test_a_pickle_that_would_run_code_does_not(folder: Path, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "owned"),)

    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    torch.save({"weight": Evil()}, tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match="damaged"):
        PretrainedEncoder.from_pretrained(str(tmp_path))
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("source", ["", "nowhere", "a/b/c", "/no/folder", "./x/y", "x" * 5000])
def test_no_such_folder(source: str) -> None:
    with pytest.raises(UserError, match="hubert, wav2vec2"):
        PretrainedEncoder.from_pretrained(source)


def test_settings_are_checked() -> None:
    good = PretrainedEncoder(hubert()).settings
    for key, value in (
        ("network", {"model_type": "bert"}),
        ("network", 3),
        ("network", {**good["network"], "hidden_size": -1}),
        ("network", {**good["network"], "num_attention_heads": 3}),
        ("freeze", ["all"]),
        ("normalise", "no"),
        ("origin", "../../x"),
        ("origin", None),
        ("layer", "last"),
        ("fps", "25"),
        ("extra", 1),
    ):
        with pytest.raises(UserError):
            PretrainedEncoder.from_settings({**good, key: value})
    with pytest.raises(UserError):
        PretrainedEncoder.from_settings({})


OFFLINE = """
import sys, time
from talking_heads.speech.pretrained import PretrainedEncoder
assert "transformers" not in sys.modules
for source in ("hubert", "wav2vec2"):
    try:
        PretrainedEncoder.from_pretrained(source)
    except ValueError as error:
        print(type(error).__name__, error)
PretrainedEncoder.from_pretrained(sys.argv[1])
"""


def test_the_hub_is_asked_once_and_not_for_what_is_here(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def no_network(url: str, **_: Any) -> None:
        asked.append(url)
        raise OSError("no network")

    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", no_network)
    with pytest.raises(UserError, match="no such folder") as told:
        PretrainedEncoder.from_pretrained("some/hubert")
    assert len(asked) == 1 and asked[0].endswith("some/hubert/resolve/main/config.json")
    assert len(str(told.value).splitlines()) == 3
    # As a download leaves it.
    made = cache / "models--some--hubert"
    shutil.copytree(folder, made / "snapshots" / "1234")
    (made / "refs").mkdir()
    (made / "refs" / "main").write_text("1234")
    encoder = PretrainedEncoder.from_pretrained("some/hubert")
    assert encoder.encoder_id == PretrainedEncoder.from_pretrained(str(folder)).encoder_id
    assert len(asked) == 1 and capfd.readouterr().err == ""


@pytest.mark.slow
def test_offline(folder: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(folder)],
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("UserError Cannot load facebook/hubert-base-ls960")
    assert lines[3].startswith("UserError Cannot load facebook/wav2vec2-base-960h")
    assert "give that folder" in lines[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "config"), [(HubertModel, HubertConfig), (Wav2Vec2Model, Wav2Vec2Config)]
)
def test_the_base_size(model: Any, config: Any, tmp_path: Path) -> None:
    """The configuration of both base models, with random weights."""
    torch.manual_seed(0)
    model(config()).eval().save_pretrained(tmp_path)
    audio = noise(64_000)
    encoder = PretrainedEncoder.from_pretrained(str(tmp_path), freeze="all", fps=199 / 4)
    assert sum(p.numel() for p in encoder.parameters()) == 94_371_712
    again = model.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        out = encoder(audio)
        expected = again(normalise_clip(audio)).last_hidden_state
    assert out.shape == (1, 199, 768)
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-6)
    for alignment, shape in (("after", 768), ("before", 768), ("pairs", 1536), ("middle", 768)):
        for fps in (25, 30):
            made = PretrainedEncoder(again, alignment=alignment, fps=fps, origin="base")
            with torch.no_grad():
                assert made(audio).shape == (1, 4 * fps, shape)
    learning = PretrainedEncoder(again, freeze="first_two_layers", origin="base")
    trained = sum(p.numel() for p in learning.parameters() if p.requires_grad)
    # Ten of twelve layers, the positional convolution and the norm before the layers.
    assert trained == 10 * 7_087_872 + 4_719_488 + 1536
