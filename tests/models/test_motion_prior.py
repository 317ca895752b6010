"""What all motion priors share: the bottleneck, whole motions, errors. Sizes are small."""

import dataclasses
import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from talking_heads.errors import UserError
from talking_heads.face import Motion
from talking_heads.models import MotionPrior
from talking_heads.models.motion_prior import gaussian_divergence

KINDS: dict[str, dict[str, Any]] = {
    "course": {},
    "banded": {"band": 3},
    "causal": {"causal": True, "band": 3},
    "layer norm": {"norm": "layer", "stem": "published", "principal_start": False},
    "published": {"published": True},
    "sinusoid": {"published": True, "positions": "sinusoid", "attention_scale": "head"},
    "vae": {"bottleneck": "vae"},
    "autoencoder": {"bottleneck": "none"},
}


@pytest.fixture(params=list(KINDS))
def prior(request: pytest.FixtureRequest, tools: Any) -> Iterator[MotionPrior]:
    yield tools.prior(**KINDS[request.param])


def batch_of(lengths: list[int], frames: int, filler: float, vertices: int = 30) -> dict[str, Any]:
    torch.manual_seed(5)
    motion = torch.randn(len(lengths), frames, vertices, 3) * 0.002
    mask = torch.arange(frames)[None] < torch.tensor(lengths)[:, None]
    motion[~mask] = filler
    return {"motion": motion, "mask": mask}


# --- padding and masks ---


@pytest.mark.parametrize("filler", [0.0, 7.0, float("nan"), float("inf")])
def test_padding_changes_nothing(prior: MotionPrior, filler: float) -> None:
    padded = batch_of([9, 14], 14, filler)
    x = prior.normalise(padded["motion"].flatten(2))
    with torch.no_grad():
        latents = prior.encode(x, padded["mask"])
        values = prior.bottleneck(latents, padded["mask"]).values
        made = prior.decode(values, padded["mask"])
        # The clip that is padded comes first: its place in the batch counts when published.
        alone = prior.encode(x[:1, :9])
        torch.testing.assert_close(latents[:1, :9], alone, rtol=1e-4, atol=1e-5)
        again = prior.decode(values[:1, :9])
        torch.testing.assert_close(made[:1, :9], again, rtol=1e-4, atol=1e-5)


def test_padding_pulls_at_nothing(prior: MotionPrior) -> None:
    """A gradient of 0 times a value that is no number would be none."""
    padded = batch_of([9, 14], 14, float("nan"))
    latents = prior.encode(prior.normalise(padded["motion"].flatten(2)), padded["mask"])
    latents[padded["mask"]].sum().backward()
    slopes = [p.grad for p in prior.parameters() if p.grad is not None]
    assert slopes and all(torch.isfinite(slope).all() for slope in slopes)


@torch.no_grad()
def test_loss_counts_true_frames_alone(prior: MotionPrior) -> None:
    """The terms of a padded batch are the means over the frames of its clips."""
    padded = batch_of([6, 14], 14, float("nan"))
    whole = prior.loss(padded)
    clean = [{k: v[i : i + 1, :n] for k, v in padded.items()} for i, n in ((0, 6), (1, 14))]
    if prior.config.positions == "published":
        return  # Alone, the second clip would be the first.
    parts = [prior.loss(one) for one in clean]
    for name in set(whole) - {"perplexity", "loss"}:
        mean = (6 * parts[0][name] + 14 * parts[1][name]) / 20
        torch.testing.assert_close(whole[name], mean, rtol=1e-4, atol=1e-6)


def test_loss_is_the_sum_of_its_terms(prior: MotionPrior) -> None:
    terms = prior.loss(batch_of([10, 8], 10, 0.0))
    kind, weight = prior.config.bottleneck, prior.config.kl_weight
    expected = terms["reconstruction"]
    if kind == "vq":
        assert set(terms) == {"loss", "reconstruction", "quantization", "perplexity"}
        expected = expected + terms["quantization"]
        assert 1 <= float(terms["perplexity"]) <= 24
    elif kind == "vae":
        assert set(terms) == {"loss", "reconstruction", "kl"}
        expected = expected + weight * terms["kl"]
    else:
        assert set(terms) == {"loss", "reconstruction"}
    torch.testing.assert_close(terms["loss"], expected)


@torch.no_grad()
def test_reconstruction_is_the_mean_absolute_error(prior: MotionPrior, tools: Any) -> None:
    """In normalised units: the error in metres over the contract's scale."""
    motion = tools.moved(12)
    values = torch.from_numpy(motion.values)[None]
    batch = {"motion": values, "mask": torch.ones(1, 12, dtype=torch.bool)}
    error = np.abs(prior.reconstruct(motion).values - motion.values).mean() / 0.002
    assert float(prior.loss(batch)["reconstruction"]) == pytest.approx(error, rel=1e-4)


def test_every_weight_learns(prior: MotionPrior) -> None:
    prior.train()
    prior.loss(batch_of([10, 8], 10, 0.0))["loss"].backward()
    idle = [n for n, p in prior.named_parameters() if p.grad is None or not p.grad.any()]
    # A bias before an instance norm over time is subtracted again.
    assert all(prior.config.norm == "instance" and n.endswith("conv.conv.bias") for n in idle)


def test_forward_is_the_loss(tools: Any) -> None:
    prior, batch = tools.prior(), batch_of([5, 7], 7, 0.0)
    for name, value in prior(batch).items():
        assert torch.equal(value, prior.loss(batch)[name])


# --- the bottleneck ---


def test_divergence_is_that_of_torch() -> None:
    torch.manual_seed(1)
    mean, log_variance = torch.randn(40, 3), 2 * torch.randn(40, 3)
    wanted = kl_divergence(
        Normal(mean, (0.5 * log_variance).exp()), Normal(torch.zeros(40, 3), torch.ones(40, 3))
    )
    torch.testing.assert_close(
        gaussian_divergence(mean, log_variance), wanted, rtol=1e-5, atol=1e-5
    )
    assert float(gaussian_divergence(torch.zeros(()), torch.zeros(()))) == 0


def vae_latents(mean: float, log_variance: float, frames: int) -> Tensor:
    return torch.tensor([mean] * 4 + [log_variance] * 4).expand(1, frames, 4, 8).contiguous()


def test_vae_draws_in_training_and_takes_the_mean_otherwise(tools: Any) -> None:
    prior = tools.prior(bottleneck="vae")
    latents = vae_latents(1.5, math.log(0.25), 2000)
    calm = prior.bottleneck(latents)
    assert torch.equal(calm.values, torch.full_like(calm.values, 1.5))
    prior.train()
    torch.manual_seed(3)
    drawn = prior.bottleneck(latents)
    # 32,000 draws: their mean is known to 0.003, their deviation to 0.002.
    assert float(drawn.values.mean()) == pytest.approx(1.5, abs=0.015)
    assert float(drawn.values.std()) == pytest.approx(0.5, abs=0.01)
    torch.manual_seed(3)
    assert torch.equal(prior.bottleneck(latents).values, drawn.values)
    nats = 0.5 * (1.5**2 + 0.25 - 1 - math.log(0.25))
    assert float(drawn.loss) == pytest.approx(nats, rel=1e-5)
    mask = torch.zeros(1, 2000, dtype=torch.bool)
    mask[0, :3] = True
    wild = torch.where(mask[..., None, None], latents, 50.0)
    assert float(prior.bottleneck(wild, mask).loss) == pytest.approx(nats, rel=1e-5)


def test_wild_latents_of_a_vae_stay_finite(tools: Any) -> None:
    prior = tools.prior(bottleneck="vae").train()
    found = prior.bottleneck(vae_latents(0.0, 500.0, 5))
    assert torch.isfinite(found.values).all() and torch.isfinite(found.loss)


def test_codes_are_the_nearest_of_the_codebook(tools: Any) -> None:
    prior, motion = tools.prior(), tools.moved()
    with torch.no_grad():
        values = torch.from_numpy(motion.values).flatten(1)[None]
        latents = prior.encode(prior.normalise(values))[0]
    book = prior.quantizer.codebook.detach()
    wanted = torch.cdist(latents.reshape(-1, 4), book).argmin(1).reshape(20, 4)
    codes = prior.codes(motion)
    np.testing.assert_array_equal(codes, wanted.numpy())
    assert codes.dtype == np.int64
    np.testing.assert_array_equal(prior.latents(motion), book[wanted].numpy())


@pytest.mark.parametrize(
    ("changes", "bits"),
    [({}, 4 * math.log2(24)), ({"codes": 256, "components": 8}, 64.0), ({"codes": 1}, 0.0)],
)
def test_bits_of_a_frame(tools: Any, changes: dict[str, int], bits: float) -> None:
    assert tools.prior(**changes).bits == pytest.approx(bits)
    assert tools.prior(**changes, bottleneck="none").bits is None


# --- codes, latents, motion ---


def test_reconstruction_is_decoding_what_was_encoded(prior: MotionPrior, tools: Any) -> None:
    motion = tools.moved()
    made = prior.reconstruct(motion)
    again = prior.motion(prior.latents(motion), speaker="ada")
    np.testing.assert_array_equal(made.values, again.values)
    assert (again.face_id, again.speaker, again.fps) == ("ada@mesh", "ada", 25.0)
    if prior.quantizer is not None:
        coded = prior.motion(prior.codes(motion).astype(np.int32))
        np.testing.assert_array_equal(made.values, coded.values)
        assert (coded.face_id, coded.speaker) == ("ada@mesh", None)


def test_codes_to_motion_to_codes(tools: Any) -> None:
    """Without layers over time and with an orthogonal map, decoding and encoding are inverse."""
    prior = tools.prior(project=False)
    with torch.no_grad():
        for part in (prior.time_in, prior.time_out):
            for weight in part.parameters():
                weight.zero_()
        rows = torch.linalg.qr(torch.randn(90, 16)).Q.T
        prior.motion_in.weight.copy_(rows)
        prior.motion_out.weight.copy_(rows.T)
        prior.motion_in.bias.zero_()
        prior.motion_out.bias.zero_()
    codes = np.random.default_rng(0).integers(0, 24, (50, 4))
    motion = prior.motion(codes, speaker="ben")
    np.testing.assert_array_equal(prior.codes(motion), codes)
    np.testing.assert_allclose(prior.reconstruct(motion).values, motion.values, atol=1e-7)


def test_a_reconstruction_keeps_face_and_rotation(tools: Any) -> None:
    turned = np.zeros((20, 3), np.float32)
    motion = dataclasses.replace(
        tools.moved(), face_id="someone@mesh", speaker="someone", head_rotation=turned
    )
    made = tools.prior().reconstruct(motion)
    assert (made.face_id, made.speaker) == ("someone@mesh", "someone")
    assert made.head_rotation is not None and made.values.shape == motion.values.shape


def test_using_a_prior_leaves_its_mode_and_its_random_state(tools: Any) -> None:
    prior, motion = tools.prior(restart=1).train(), tools.moved()
    before = {name: value.clone() for name, value in prior.state_dict().items()}
    state = torch.random.get_rng_state()
    prior.reconstruct(motion)
    assert prior.training and torch.equal(torch.random.get_rng_state(), state)
    for name, value in prior.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.parametrize("frames", [0, 1, 2, 3])
def test_motions_of_hardly_any_frames(prior: MotionPrior, tools: Any, frames: int) -> None:
    motion = dataclasses.replace(tools.moved(4), values=tools.moved(4).values[:frames])
    assert prior.reconstruct(motion).values.shape == (frames, 30, 3)
    assert prior.latents(motion).shape == (frames, 4, 4)
    assert np.isfinite(prior.reconstruct(motion).values).all()


# --- long motions ---


@pytest.fixture
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Cut motions of over 20 frames into pieces of 8; return how long what is encoded becomes."""
    module = "talking_heads.models.time_part."
    monkeypatch.setattr(module + "_WHOLE", 20)
    monkeypatch.setattr(module + "_PIECE", 8)
    monkeypatch.setattr(module + "_CONTEXT", 12)
    seen: list[int] = []
    encode = MotionPrior.encode

    def watched(self: MotionPrior, motion: Tensor, mask: Tensor | None = None) -> Tensor:
        seen.append(motion.shape[1])
        return encode(self, motion, mask)

    monkeypatch.setattr(MotionPrior, "encode", watched)
    return seen


@pytest.mark.parametrize(
    "changes",
    [
        {"band": 3},
        {"band": 0},
        {"band": 3, "causal": True},
        {"band": 2, "norm": "layer", "positions": "none", "layers": 3},
    ],
)
def test_pieces_equal_the_whole_where_sight_is_bounded(
    tools: Any, in_pieces: list[int], monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    prior, motion = tools.prior(**changes), tools.moved(61)
    cut = prior.codes(motion), prior.reconstruct(motion).values
    # A piece, and on each side what the convolution and the layers see; behind, if causal.
    c = prior.config
    reach = c.layers * c.band
    assert max(in_pieces) == 8 + (4 + reach if c.causal else 2 * (2 + reach))
    assert len(in_pieces) == 2 * 8  # once for codes, once for the reconstruction
    monkeypatch.setattr("talking_heads.models.time_part._WHOLE", 1000)
    np.testing.assert_array_equal(cut[0], prior.codes(motion))
    np.testing.assert_allclose(cut[1], prior.reconstruct(motion).values, atol=1e-7)


def test_pieces_where_sight_is_unbounded(tools: Any, in_pieces: list[int]) -> None:
    """Of bounded length all the same: 8 frames with 12 on each side."""
    prior, motion = tools.prior(), tools.moved(61)
    assert prior.codes(motion).shape == (61, 4)
    assert max(in_pieces) == 32


# --- looking ahead ---


@pytest.mark.parametrize(
    ("changes", "ahead"),
    [
        ({"causal": True}, 0),
        ({"causal": True, "band": 4}, 0),
        ({"band": 4}, 2 * (2 + 2 * 4)),
        ({"band": 0, "layers": 1}, 4),
        ({}, None),
        ({"published": True}, None),
        ({"published": True, "band": 4}, None),
    ],
)
def test_look_ahead_is_what_gradients_say(
    tools: Any, changes: dict[str, Any], ahead: int | None
) -> None:
    prior = tools.prior(**changes, bottleneck="none").double()
    assert prior.look_ahead == ahead
    x = torch.randn(1, 60, 90, dtype=torch.float64, requires_grad=True)
    frame = 25
    (prior.decode(prior.encode(x))[0, frame] * torch.randn(90)).sum().backward()
    assert x.grad is not None
    seen = (x.grad[0].abs().sum(-1) > 0).nonzero()[:, 0]
    assert int(seen.max()) == (59 if ahead is None else frame + ahead)


@pytest.mark.parametrize("band", [None, 3])
def test_a_longer_clip_begins_as_a_shorter_one_when_causal(tools: Any, band: int | None) -> None:
    prior, motion = tools.prior(causal=True, band=band), tools.moved(40)
    codes, made = prior.codes(motion), prior.reconstruct(motion).values
    with torch.no_grad():
        values = torch.from_numpy(motion.values).flatten(1)[None]
        latents = prior.encode(prior.normalise(values))
        for frames in (1, 2, 7, 26):
            part = dataclasses.replace(motion, values=motion.values[:frames])
            np.testing.assert_array_equal(prior.codes(part), codes[:frames])
            np.testing.assert_allclose(prior.reconstruct(part).values, made[:frames], atol=1e-7)
            shorter = prior.encode(prior.normalise(values[:, :frames]))
            torch.testing.assert_close(shorter, latents[:, :frames], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("changes", [{}, {"band": 3}, {"published": True}])
def test_the_others_change_what_they_said(tools: Any, changes: dict[str, Any]) -> None:
    prior, motion = tools.prior(**changes, bottleneck="none"), tools.moved(40)
    part = dataclasses.replace(motion, values=motion.values[:26])
    assert np.abs(prior.latents(part)[-1] - prior.latents(motion)[25]).max() > 1e-3


# --- errors ---


def refused(call: Any, word: str) -> None:
    with pytest.raises(UserError, match=word) as error:
        call()
    assert len(str(error.value).splitlines()) <= 3


def test_motion_that_does_not_fit(tools: Any) -> None:
    prior, motion = tools.prior(), tools.moved()
    coefficients = Motion(np.zeros((5, 52), np.float32), "coefficients")
    for use in (prior.codes, prior.latents, prior.reconstruct):
        refused(lambda u=use: u(tools.moved(vertices=31)), "has 31")
        refused(lambda u=use: u(dataclasses.replace(motion, fps=30.0)), "has 30")
        refused(lambda u=use: u(coefficients), "holds coefficients")
        refused(lambda u=use: u(motion.values), "face.Motion, not ndarray")


@pytest.mark.parametrize("kept", ["in millimetres", "as positions"])
def test_vertices_that_are_no_offsets_in_metres_are_refused(tools: Any, kept: str) -> None:
    """The contract's motion is of 2 mm: 1,000 times that, or the place of a head of 10 cm."""
    prior, motion = tools.prior(), tools.moved()
    values = 1000 * motion.values if kept == "in millimetres" else motion.values + np.float32(0.1)
    wrong = dataclasses.replace(motion, values=values)
    refused(lambda: prior.codes(wrong), "times as large(.|\n)*offsets(.|\n)*in m")
    wide = dataclasses.replace(motion, values=5 * motion.values)
    assert prior.codes(wide).shape == (20, 4)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (np.full((5, 4), 24), "from 0 to 23"),
        (np.full((5, 4), -1), "from 0 to 23"),
        (np.zeros((5, 3), int), r"\(frame, 4\)"),
        (np.zeros(5, int), r"\(frame, 4\)"),
        (np.zeros((5, 4)), r"\(frame, 4, 4\)(.|\n)*whole numbers"),
        (np.zeros((5, 4, 3)), r"\(frame, 4, 4\)"),
        (np.full((5, 4, 4), np.nan), "finite"),
        (np.zeros((5, 4), bool), "bool"),
        (np.array([["a"] * 4]), "not"),
        (np.zeros((5, 4), complex), "complex"),
    ],
)
def test_codes_and_latents_that_do_not_fit(tools: Any, given: Any, word: str) -> None:
    refused(lambda: tools.prior().motion(given), word)


def test_priors_without_codes_say_so(tools: Any) -> None:
    prior = tools.prior(bottleneck="none")
    refused(lambda: prior.codes(tools.moved()), "none")
    refused(lambda: prior.motion(np.zeros((5, 4), int)), "no codes")


def test_an_unknown_speaker_is_refused(tools: Any) -> None:
    refused(lambda: tools.prior().motion(np.zeros((5, 4), int), speaker="eve"), "eve")


def test_a_prior_takes_no_audio_encoder(tools: Any) -> None:
    refused(type(tools.prior()).check_takes_encoder, "hears nothing")
    assert tools.prior().contract.encoder_id == "none"
    assert tools.prior().encoder_settings is None


# --- learning ---


def test_a_few_steps_learn_simple_motion(tools: Any) -> None:
    """Motion of two numbers: the error falls to a fraction and no code dies for good."""
    prior = tools.prior(restart=10, start="data").train()
    torch.manual_seed(0)
    directions = torch.randn(2, 90)

    def batch(step: int, size: int) -> dict[str, Tensor]:
        torch.manual_seed(step)
        phase = torch.rand(size, 1, 2) * 6 + torch.arange(24)[None, :, None] * 0.4
        motion = 0.002 * phase.sin() @ directions
        return {"motion": motion, "mask": torch.ones(size, 24, dtype=torch.bool)}

    prior.prepare(batch, 20)
    optimizer = torch.optim.AdamW(prior.parameters(), lr=3e-3)
    losses = []
    for step in range(40):
        terms = prior.loss(batch(step, 8))
        optimizer.zero_grad()
        terms["loss"].backward()
        optimizer.step()
        losses.append(terms["reconstruction"].item())
    assert np.mean(losses[-5:]) < 0.5 * losses[0]
    assert np.mean([a > b for a, b in pairwise(losses)]) > 0.4
    assert float(terms["perplexity"]) > 8
