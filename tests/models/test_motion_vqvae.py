"""The motion VQ-VAE: presets, the published code by hand, principal components, checkpoints."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from talking_heads.errors import UserError
from talking_heads.face import Motion
from talking_heads.models import (
    PRIORS,
    GraphVQVAEConfig,
    MotionContract,
    MotionVQVAE,
    MotionVQVAEConfig,
    load_model,
    load_prior,
    model_class,
    network_class,
    principal,
    prior_class,
    shipped_models,
    shipped_priors,
)
from talking_heads.models.checkpoint import CONFIG, CONTRACT, WEIGHTS
from talking_heads.models.principal import principal_components, training_frames, whitening

COEFFICIENTS = MotionContract(speakers=("ada",), heads=("head-01@medium",), scale=(0.1,))


def outline(preset: str, contract: MotionContract) -> MotionVQVAE:
    """Build a network of a preset without memory for its weights."""
    with torch.device("meta"):
        return MotionVQVAE(MotionVQVAEConfig.preset(preset), contract)


def weights(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


# --- sizes ---

LAYER = (3 * 1024 * 1024 + 3 * 1024) + (1024 * 1024 + 1024)  # attention
LAYER += (1024 * 1536 + 1536) + (1536 * 1024 + 1024) + 4 * 1024  # feed-forward, two norms
STEM = (5 * 1024 * 1024 + 1024) + (1024 * 1024 + 1024)  # convolution, linear
SIDE = STEM + 6 * LAYER


@pytest.mark.parametrize(
    ("preset", "vertices", "projections", "codebook", "latent"),
    [
        ("paper", 5023, 0, 256 * 64, (16, 64)),
        ("published", 5023, 0, 256 * 64, (16, 64)),
        ("paper_biwi", 23370, 2 * (1024 * 1024 + 1024), 512 * 128, (8, 128)),
    ],
)
def test_sizes_of_the_papers(
    tools: Any,
    preset: str,
    vertices: int,
    projections: int,
    codebook: int,
    latent: tuple[int, int],
) -> None:
    prior = outline(preset, tools.contract(vertices))
    c = prior.config
    assert (c.layers, c.heads, c.width, c.feed_forward) == (6, 8, 1024, 1536)
    ends = 2 * 3 * vertices * 1024 + 1024 + 3 * vertices
    assert weights(prior) == ends + 2 * SIDE + projections + codebook
    assert prior.quantizer is not None
    assert tuple(prior.quantizer.codebook.shape) == (c.codes, latent[1])
    motion = torch.zeros(2, 7, 3 * vertices, device="meta")
    latents = prior.encode(motion)
    assert tuple(latents.shape) == (2, 7, *latent)
    assert prior.decode(latents).shape == motion.shape
    assert prior.bits == pytest.approx({"paper_biwi": 72.0}.get(preset, 128.0))


def test_sizes_of_ours(tools: Any) -> None:
    """The full preset's checkpoint, 2 bytes a weight on 4,510 vertices, has at most 16 MB."""
    assert 2 * weights(outline("full", tools.contract(4510))) < 16_000_000
    assert weights(outline("course", tools.contract(1142))) < 2_000_000


@pytest.mark.parametrize("preset", list(MotionVQVAEConfig.presets))
def test_presets_build_and_go_through_json(tools: Any, preset: str) -> None:
    config = MotionVQVAEConfig.preset(preset)
    assert MotionVQVAEConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert preset in MotionVQVAE.preset_views
    outline(preset, tools.contract(10))


def test_presets_differ_where_they_say() -> None:
    def differing(a: str, b: str) -> set[str]:
        one, two = (MotionVQVAEConfig.preset(name).to_dict() for name in (a, b))
        return {key for key in one if one[key] != two[key]}

    assert differing("course", "causal") == {"causal", "band"}
    assert differing("course", "vae") == differing("course", "autoencoder") == {"bottleneck"}
    assert differing("paper", "published") == {"positions", "attention_scale"}
    assert set(GraphVQVAEConfig.presets) | set(MotionVQVAEConfig.presets) == set(
        MotionVQVAE.preset_views
    )


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"width": 18, "heads": 4}, "multiple of heads"),
        ({"width": 0}, "width"),
        ({"width": 15, "heads": 3, "positions": "sinusoid"}, "even"),
        ({"dropout": 1.0}, "dropout"),
        ({"norm": "batch"}, "norm"),
        ({"positions": "late"}, "positions"),
        ({"attention_scale": "none"}, "attention_scale"),
        ({"bottleneck": "gan"}, "bottleneck"),
        ({"start": "zero"}, "start"),
        ({"stem": "stone"}, "stem"),
        ({"band": -1}, "band"),
        ({"band": True}, "band"),
        ({"decay": 1.0}, "decay"),
        ({"decay": "much"}, "decay"),
        ({"codes": 0}, "codes"),
        ({"restart": -1}, "restart"),
        ({"causal": 1}, "causal"),
        ({"causal": True, "norm": "instance"}, "instance norm"),
        ({"causal": True, "positions": "sinusoid"}, "positions"),
        ({"causal": True, "positions": "published"}, "positions"),
        ({"project": False}, "project"),
        ({"project": False, "width": 16, "bottleneck": "vae"}, "project"),
        ({"components": 1000, "channels": 1000}, "16384"),
        ({"stem": "published"}, "principal_start"),
        ({"beta": -1.0}, "beta"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(UserError, match=word):
        MotionVQVAEConfig(**changes)


# --- the published code, written down again ---


def published_part(part: Any, x: Tensor, heads: int, place: int) -> Tensor:
    """Convolution to transformer for one clip ``(frame, width)``, as CodeTalker computes it."""
    width = x.shape[1]
    channels = torch.cat([x[:1], x[:1], x, x[-1:], x[-1:]]).T[None]
    y = functional.leaky_relu(
        functional.conv1d(channels, part.conv.conv.weight, part.conv.conv.bias), 0.2
    )
    x = functional.linear(functional.instance_norm(y)[0].T, part.linear.weight, part.linear.bias)
    # One vector for all frames: the position is the clip's place in the batch.
    half = width // 2
    angles = place * 10_000.0 ** (-torch.arange(half) / half)
    x = x + torch.cat([angles.cos(), angles.sin()])
    for layer in part.transformer.layers:
        n = functional.layer_norm(
            x, (width,), layer.norm_attention.weight, layer.norm_attention.bias
        )
        query, key, value = functional.linear(
            n, layer.query_key_value.weight, layer.query_key_value.bias
        ).split(width, dim=1)
        mixed = []
        for own in torch.arange(width).split(width // heads):
            scores = query[:, own] @ key[:, own].T / math.sqrt(width)  # not the head's width
            mixed.append(scores.softmax(1) @ value[:, own])
        x = x + functional.linear(torch.cat(mixed, 1), layer.out.weight, layer.out.bias)
        n = functional.layer_norm(x, (width,), layer.norm_feed.weight, layer.norm_feed.bias)
        n = functional.gelu(functional.linear(n, layer.expand.weight, layer.expand.bias))
        x = x + functional.linear(n, layer.contract.weight, layer.contract.bias)
    return x


@torch.no_grad()
@pytest.mark.parametrize("project", [True, False])
def test_the_published_network_by_hand(tools: Any, project: bool) -> None:
    prior = tools.prior(published=True, project=project)
    clips = torch.randn(3, 11, 90)
    latents, made = prior.encode(clips), prior.decode(torch.randn(3, 11, 4, 4).clone())
    torch.manual_seed(8)
    given = torch.randn(3, 11, 4, 4)
    made = prior.decode(given)
    for place in range(3):
        x = functional.leaky_relu(prior.motion_in(clips[place]), 0.2)
        x = prior.latent_in(published_part(prior.time_in, x, 2, place))
        torch.testing.assert_close(latents[place].flatten(1), x, rtol=1e-4, atol=1e-4)
        y = prior.latent_out(given[place].flatten(1))
        y = prior.motion_out(published_part(prior.time_out, y, 2, place))
        torch.testing.assert_close(made[place], y, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_published_attention_knows_no_time(tools: Any) -> None:
    """Frames in another order come out in that order; with real positions they do not."""
    order = torch.randperm(9)
    x = torch.randn(1, 9, 16)
    for positions, equal in (("published", True), ("sinusoid", False), ("relative", False)):
        part = tools.prior(published=True, positions=positions).time_in.transformer
        same = torch.allclose(part(x[:, order]), part(x)[:, order], atol=1e-5)
        assert same == equal, positions


@torch.no_grad()
def test_published_latents_depend_on_the_place_in_the_batch(tools: Any) -> None:
    x = torch.randn(1, 9, 90).expand(2, -1, -1)
    for positions, equal in (("published", False), ("sinusoid", True)):
        first, second = tools.prior(published=True, positions=positions).encode(x)
        assert torch.allclose(first, second, atol=1e-5) == equal


def test_the_published_codebook_starts_near_zero_and_is_never_restarted() -> None:
    contract = dataclasses.replace(COEFFICIENTS)
    config = dataclasses.replace(
        MotionVQVAEConfig.preset("published"),
        **{"width": 16, "layers": 1, "heads": 2, "components": 4, "channels": 4},
    )
    book = MotionVQVAE(config, contract).quantizer
    assert book is not None and book.restart == 0 and book.decay is None and book.beta == 0.25
    assert bool(book.started)  # no start from data
    assert 0.9 / 256 < float(book.codebook.detach().abs().max()) <= 1 / 256


def test_the_codebook_is_told_what_the_configuration_says() -> None:
    options = {"beta": 0.7, "start": "uniform", "decay": 0.9, "restart": 4}
    book = MotionVQVAE(MotionVQVAEConfig(**options), COEFFICIENTS).quantizer  # type: ignore[arg-type]
    assert book is not None and {key: getattr(book, key) for key in options} == options


def test_a_vae_reckons_in_single_precision(tools: Any) -> None:
    prior = tools.prior(bottleneck="vae")
    latents = torch.randn(2, 9, 4, 8).bfloat16()
    rough, exact = prior.bottleneck(latents), prior.bottleneck(latents.float())
    assert rough.loss.dtype == torch.float32 and torch.equal(rough.loss, exact.loss)


# --- the start from principal components ---


def motions(channels: int) -> Callable[[int, int], dict[str, Tensor]]:
    torch.manual_seed(0)
    directions = torch.randn(5, channels) * torch.tensor([3.0, 2.0, 1.0, 0.5, 0.001])[:, None]

    def batch(step: int, size: int) -> dict[str, Tensor]:
        torch.manual_seed(step)
        motion = 0.1 * (torch.randn(size, 30, 5) @ directions + 1)
        mask = torch.arange(30)[None].expand(size, -1) < 25
        return {"motion": torch.where(mask[..., None], motion, torch.nan), "mask": mask}

    return batch


@torch.no_grad()
def test_outer_maps_start_as_principal_components() -> None:
    """Together they are the projection that a singular value decomposition gives."""
    torch.manual_seed(0)
    config = MotionVQVAEConfig(width=4, heads=2)
    prior, batch = MotionVQVAE(config, COEFFICIENTS), motions(52)
    prior.prepare(batch, 6)
    frames = torch.cat([prior.normalise(batch(i, 1)["motion"][0, :25]) for i in range(6)])
    mean = frames.mean(0)
    axes = torch.linalg.svd(frames - mean, full_matrices=False).Vh[:4]
    wanted = mean + (frames - mean) @ axes.T @ axes
    hidden = prior.spatial_encode(frames[None])
    torch.testing.assert_close(prior.spatial_decode(hidden)[0], wanted, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(hidden[0].mean(0), torch.zeros(4), rtol=0, atol=1e-3)
    spread = hidden[0].std(0, correction=0)
    torch.testing.assert_close(spread, torch.ones(4), rtol=1e-2, atol=1e-2)


@torch.no_grad()
def test_more_numbers_than_components() -> None:
    """The others stay random in the first map, and say nothing in the last."""
    torch.manual_seed(0)
    prior, batch = MotionVQVAE(MotionVQVAEConfig(width=16), COEFFICIENTS), motions(52)
    before = prior.motion_in.weight.clone()
    prior.prepare(batch, 6)
    assert torch.equal(prior.motion_in.weight[5:], before[5:])
    assert not prior.motion_out.weight[:, 5:].any() and not prior.motion_in.bias[5:].any()
    frames = prior.normalise(batch(0, 1)["motion"][:, :25])
    made = prior.spatial_decode(prior.spatial_encode(frames))
    torch.testing.assert_close(made, frames, rtol=1e-3, atol=1e-3)


def test_frames_that_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of clips of 25 true frames each."""
    prior, batch = MotionVQVAE(MotionVQVAEConfig(width=16), COEFFICIENTS), motions(52)
    assert len(training_frames(prior, batch, 6, 1000)) == 6 * 25
    assert len(training_frames(prior, batch, 6, 60)) == 60
    # Of more than 100 clips every fourth frame: 0, 4 .. 24.
    assert len(training_frames(prior, batch, 101, 1000)) == 101 * 7
    monkeypatch.setattr(principal, "_BYTES", 40 * 52 * 4)
    assert len(training_frames(prior, batch, 6, 1000)) == 40
    assert len(training_frames(prior, batch, 6, 1000, least=50)) == 50


@pytest.mark.parametrize("number", [20, 200])
def test_the_largest_number_of_a_component_is_positive(number: int) -> None:
    torch.manual_seed(0)
    frames = torch.randn(number, 52)
    _, found = principal_components(frames, 8)
    assert torch.equal(found.max(1).values, found.abs().max(1).values)
    lengths = torch.linalg.svdvals(frames - frames.mean(0))[:8] / math.sqrt(number)
    torch.testing.assert_close(found.norm(dim=1), lengths, rtol=1e-4, atol=0)


def test_without_a_principal_start_nothing_is_looked_at() -> None:
    prior = MotionVQVAE(MotionVQVAEConfig(width=16, principal_start=False), COEFFICIENTS)
    prior.prepare(lambda step, size: pytest.fail("asked for data"), 3)


def test_whitening_stops_at_its_floor() -> None:
    components = torch.diag(torch.tensor([4.0, 3.0, 0.01]))
    inward, outward = whitening(components, floor=0.1)
    # The root mean square of the whole is 5, so nothing is divided by less than 0.5.
    torch.testing.assert_close(
        inward, torch.diag(torch.tensor([1 / 4, 1 / 3, 1 / 0.5])), atol=1e-4, rtol=1e-3
    )
    torch.testing.assert_close(outward @ inward, torch.eye(3))
    assert whitening(components[:0])[0].shape == (0, 3)


def test_motion_that_never_moves_starts_all_the_same() -> None:
    prior = MotionVQVAE(MotionVQVAEConfig(width=16), COEFFICIENTS)

    def still(step: int, size: int) -> dict[str, Tensor]:
        return {
            "motion": torch.full((size, 9, 52), 0.3),
            "mask": torch.ones(size, 9, dtype=torch.bool),
        }

    prior.prepare(still, 2)
    assert all(torch.isfinite(p).all() for p in prior.parameters())
    middle, found = principal_components(torch.full((9, 52), 3.0), 16)
    assert not len(found) and torch.equal(middle, torch.full((52,), 3.0))


# --- kinds of motion ---


def test_coefficients_stay_between_0_and_1(tools: Any) -> None:
    prior = tools.prior(dataclasses.replace(COEFFICIENTS, scale=(3.0,)))
    values = np.random.default_rng(0).random((30, 52)).astype(np.float32)
    made = prior.reconstruct(Motion(values, "coefficients"))
    assert made.values.shape == (30, 52)
    assert made.values.min() == 0 and made.values.max() == 1  # clipped at both ends
    assert prior.motion(prior.codes(made)).face_id == "neutral@medium"


@pytest.mark.parametrize("vertices", [1142, 5023, 23370])
def test_meshes_of_all_sizes(tools: Any, vertices: int) -> None:
    prior = MotionVQVAE(MotionVQVAEConfig(), tools.contract(vertices))
    motion = tools.moved(6, vertices)
    batch = {
        "motion": torch.from_numpy(motion.values)[None],
        "mask": torch.ones(1, 6, dtype=torch.bool),
    }
    assert math.isfinite(prior.loss(batch)["loss"].item())
    assert prior.eval().reconstruct(motion).values.shape == (6, vertices, 3)


# --- checkpoints ---


def test_round_trip_is_exact_with_32_bits(tools: Any, tmp_path: Path) -> None:
    for name, changes in {
        "vq": {"decay": 0.99},
        "restarted": {"restart": 3},
        "vae": {"bottleneck": "vae"},
        "none": {"bottleneck": "none"},
        "published": {"published": True},
    }.items():
        prior = tools.prior(**changes)
        prior.train().loss(
            {"motion": torch.randn(2, 9, 90) * 0.002, "mask": torch.ones(2, 9, dtype=torch.bool)}
        )
        prior.eval().save_pretrained(tmp_path / name, half=False)
        again = load_prior(tmp_path / name)
        assert type(again) is MotionVQVAE and not again.training
        assert again.config == prior.config and again.contract == prior.contract
        for key, value in prior.state_dict().items():
            assert torch.equal(again.state_dict()[key], value), key
        motion = tools.moved()
        np.testing.assert_array_equal(
            again.reconstruct(motion).values, prior.reconstruct(motion).values
        )


def test_16_bits_barely_change_the_motion(tools: Any, tmp_path: Path) -> None:
    prior, motion = tools.prior(bottleneck="none"), tools.moved()
    prior.save_pretrained(tmp_path)
    again = MotionVQVAE.from_pretrained(tmp_path)
    difference = again.reconstruct(motion).values - prior.reconstruct(motion).values
    assert 0 < np.abs(difference).max() < 2e-5  # of motions of millimetres
    again.save_pretrained(tmp_path / "second")
    assert (tmp_path / WEIGHTS).read_bytes() == (tmp_path / "second" / WEIGHTS).read_bytes()


def edit(folder: Path, name: str, **changes: object) -> None:
    values = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**values, **changes}))


def change_tensors(folder: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    save_file(tensors, folder / WEIGHTS)
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    edit(folder, CONTRACT, weights_sha256=digest)


def poison(tensors: dict[str, Tensor]) -> None:
    tensors["quantizer.codebook"][0, 0] = float("nan")


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda f: (f / CONFIG).unlink(), CONFIG),
        (lambda f: (f / WEIGHTS).unlink(), WEIGHTS),
        (lambda f: (f / CONFIG).write_text("{"), "damaged"),
        (lambda f: (f / WEIGHTS).write_bytes(b"\xff" * 99), "hash differs"),
        (lambda f: change_tensors(f, lambda t: t.pop("quantizer.codebook")), "codebook"),
        (lambda f: change_tensors(f, poison), "codebook is not finite"),
        (lambda f: edit(f, CONFIG, codes=25), "do not fit"),
        (lambda f: edit(f, CONFIG, codes=65_536, channels=4000), "do not fit"),
        (lambda f: edit(f, CONFIG, width=16_000, feed_forward=16_000), "do not fit"),
        (lambda f: edit(f, CONFIG, bottleneck="none"), "do not fit"),
        (lambda f: edit(f, CONFIG, decay=0.9), "do not fit"),
        (lambda f: edit(f, CONFIG, band=[1]), "band"),
        (lambda f: edit(f, CONFIG, stem={"a": 1}), "stem"),
        (lambda f: edit(f, CONFIG, surprise=1), "surprise"),
        (lambda f: edit(f, CONFIG, model_type="diff_speaker"), "does not fit"),
        (lambda f: edit(f, CONFIG, model_type="gpt"), "gpt"),
        (lambda f: edit(f, CONFIG, model_type=["motion_vqvae"]), "unknown"),
        (lambda f: edit(f, CONTRACT, vertices=31), "do not fit"),
        (lambda f: edit(f, CONTRACT, vertices=999_999), "do not fit"),
        (lambda f: edit(f, CONTRACT, encoder_id="hubert"), "hubert"),
    ],
)
def test_damage_is_told_in_a_few_words(
    tools: Any, tmp_path: Path, damage: Callable[[Path], object], word: str
) -> None:
    tools.prior().save_pretrained(tmp_path)
    damage(tmp_path)
    with pytest.raises(UserError, match=word) as error:
        (load_model if word == "does not fit" else load_prior)(tmp_path)
    assert len(str(error.value).splitlines()) <= 3


# --- finding them ---


def test_models_and_priors_are_not_mixed_up(tools: Any, tmp_path: Path) -> None:
    tools.prior().save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"hears nothing.*\nload_prior"):
        load_model(tmp_path)
    with pytest.raises(UserError, match=r"model of speech.*\nload_model"):
        load_prior("diff_speaker")
    with pytest.raises(UserError, match="not 'graph_vqvae'"):
        PRIORS["graph_vqvae"].from_pretrained(tmp_path)


def test_classes_by_name() -> None:
    assert prior_class("motion_vqvae") is network_class("motion_vqvae") is MotionVQVAE
    assert network_class("diff_speaker") is model_class("diff_speaker")
    with pytest.raises(UserError, match="hears nothing"):
        model_class("motion_vqvae")
    with pytest.raises(UserError, match=r"no motion prior.*motion_vqvae, graph_vqvae"):
        prior_class("diff_speaker")
    with pytest.raises(UserError, match=r"diff_speaker.*motion_vqvae"):
        network_class("gpt")


@pytest.mark.parametrize("name", ["no_such_prior", "", "/no/such/folder", "x" * 5000, "a\0b"])
def test_an_unknown_prior_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="no motion prior") as error:
        load_prior(name)
    assert len(str(error.value)) < 400


def test_shipped_priors_are_no_models(
    tools: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALKING_HEADS_DATA", str(tmp_path))
    prior = tools.prior()
    prior.save_pretrained(tmp_path / "checkpoints" / "mine")
    (tmp_path / "checkpoints" / "odd").mkdir()
    (tmp_path / "checkpoints" / "odd" / CONFIG).write_text("[")
    assert shipped_priors() == ("mine",)
    assert shipped_models() == ("odd",)
    assert load_prior("mine").config == prior.config
    with pytest.raises(UserError, match="hears nothing"):
        load_model("mine")
