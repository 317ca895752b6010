"""GLDiTalker's first stage: on a small grid, and with the course's head for sizes."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from talking_heads.corpus.heads import Head, course_head
from talking_heads.errors import UserError
from talking_heads.models import GraphVQVAE, GraphVQVAEConfig, MotionContract, load_prior
from talking_heads.models.checkpoint import CONFIG, CONTRACT, WEIGHTS
from talking_heads.models.graph_config import TABLE_4

CHANGES = {"levels": 2, "factor": 2.0, "kernel": 5, "dilation": 1, "spiral_channels": (4, 6)}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKING_HEADS_CACHE", str(tmp_path / "cache"))


def grid(side: int = 7) -> Head:
    """Return a square of ``side * side`` vertices, a little bent."""
    place = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)
    height = np.sin(place[:, :1]) + np.cos(place[:, 1:])
    corner = np.arange(side * side).reshape(side, side)
    a, b, c, d = (
        x.ravel() for x in (corner[:-1, :-1], corner[:-1, 1:], corner[1:, :-1], corner[1:, 1:])
    )
    triangles = np.concatenate([np.stack([a, b, d], 1), np.stack([a, d, c], 1)])
    vertices = np.hstack([place, 0.1 * height]).astype(np.float32)
    return Head("ada@grid", vertices, triangles.astype(np.int32), {})


def build(tools: Any, seed: int = 0, head: Head | None = None, **changes: Any) -> GraphVQVAE:
    torch.manual_seed(seed)
    config = GraphVQVAEConfig(**{**tools.small, "decoder_hidden": 12, **CHANGES, **changes})
    head = head or grid()
    prior = GraphVQVAE.untrained(config, tools.contract(len(head.vertices)), head=head)
    tools.shaken(prior, seed)
    if prior.quantizer is not None:
        torch.nn.init.normal_(prior.quantizer.codebook)
    return prior.eval()


def count(prior: GraphVQVAE, *parts: str) -> int:
    return sum(p.numel() for n, p in prior.named_parameters() if n.startswith(parts))


@pytest.fixture(params=["spiral", "random", "mlp"])
def prior(request: pytest.FixtureRequest, tools: Any) -> Iterator[GraphVQVAE]:
    yield build(tools, spatial=request.param)


# --- sizes ---


def outline(config: GraphVQVAEConfig, contract: MotionContract) -> GraphVQVAE:
    with torch.device("meta"):
        return GraphVQVAE(config, contract)


def test_the_course_preset_on_the_course_head(tools: Any) -> None:
    """Its coarsest level still has more vertices than a spiral runs through."""
    head, config = course_head("neutral@low"), GraphVQVAEConfig()
    prior = GraphVQVAE.untrained(config, tools.contract(1142), head=head)
    assert prior.spiral is not None
    found = tuple(len(layer.spirals) for layer in prior.spiral.convolutions)  # type: ignore[arg-type]
    assert (1142, *found) == config.sizes(1142)
    assert found == (457, 183, 74, 30) and found[-1] > config.kernel * config.dilation == 18
    from talking_heads.geometry.pyramid import build_pyramid

    wanted = build_pyramid(head.vertices, head.triangles, [2.5] * 4, kernel=9, dilation=2)
    for level, layer in enumerate(prior.spiral.convolutions):
        np.testing.assert_array_equal(layer.spirals.numpy(), wanted.kept_spirals(level))  # type: ignore[operator]


def test_random_neighbours_stand_where_the_mesh_has_its_own(tools: Any) -> None:
    """Of each level, with the centres and the weights as they were; kept by a checkpoint."""
    head, contract = course_head("neutral@low"), tools.contract(1142)
    config = GraphVQVAEConfig()
    by_mesh = GraphVQVAE.untrained(config, contract, head=head)
    torch.manual_seed(1)
    control = GraphVQVAE.untrained(
        dataclasses.replace(config, spatial="random"), contract, head=head
    )
    assert by_mesh.spiral is not None and control.spiral is not None
    levels = zip(config.sizes(1142), by_mesh.spiral.convolutions, control.spiral.convolutions,
                 strict=False)  # fmt: skip
    for size, own, other in levels:
        assert torch.equal(own.spirals[:, 0], other.spirals[:, 0])  # type: ignore[index]
        drawn = other.spirals[:, 1:]  # type: ignore[index]
        assert int(drawn.min()) >= 0 and int(drawn.max()) < size
        # By chance one in 74 is right on the coarsest level.
        assert float((drawn == own.spirals[:, 1:]).float().mean()) < 0.05  # type: ignore[index]
        assert len(drawn.unique()) > 0.9 * size
    assert count(control, "") == count(by_mesh, "")


@pytest.mark.parametrize("row", TABLE_4)
@pytest.mark.parametrize("fusion", [0, 50])
def test_weights_of_both_encoders_are_equal(tools: Any, row: dict[str, int], fusion: int) -> None:
    """Within 2 %, for every row of Table 4."""
    config = dataclasses.replace(GraphVQVAEConfig(), **row, fusion=fusion)
    contract = tools.contract(1142)
    spiral = count(outline(config, contract), "spiral", "fusion")
    assert spiral == config.spiral_weights(1142)
    ablation = outline(dataclasses.replace(config, spatial="mlp"), contract)
    assert count(ablation, "spiral", "fusion") == pytest.approx(spiral, rel=0.02)
    assert weights_elsewhere(ablation) == weights_elsewhere(outline(config, contract))


def weights_elsewhere(prior: GraphVQVAE) -> int:
    return count(prior, "") - count(prior, "spiral", "fusion")


def test_the_paper_on_biwi_by_hand(tools: Any) -> None:
    """Levels of 23,370 / 4 and so on, 32 32 32 64 channels, spirals of 9."""
    config = GraphVQVAEConfig.preset("paper")
    assert config.sizes(23370) == (23370, 5843, 1461, 366, 92)
    convolutions = (9 * 3 * 32 + 32) + 2 * (9 * 32 * 32 + 32) + (9 * 32 * 64 + 64)
    fusion = 92 * 64 * 1024 + 1024
    decoder = (1024 * 1024 + 1024) + (1024 * 70110 + 70110)
    prior = outline(config, tools.contract(23370))
    assert count(prior, "spiral") == convolutions
    assert count(prior, "fusion") == fusion
    assert count(prior, "motion_out") == decoder
    c = config
    assert (c.kernel, c.dilation, c.levels, c.beta) == (9, 2, 4, 0.25)
    latents = prior.encode(torch.zeros(1, 3, 70110, device="meta"))
    assert tuple(latents.shape) == (1, 3, 8, 128)
    assert prior.decode(latents).shape == (1, 3, 70110)


def test_our_full_preset_is_small(tools: Any) -> None:
    config = GraphVQVAEConfig.preset("full")
    assert config.sizes(4510) == (4510, 1504, 502, 168, 56)
    assert 2 * count(outline(config, tools.contract(4510)), "") < 16e6


def test_hidden_numbers_of_the_ablation_may_be_given(tools: Any) -> None:
    config = GraphVQVAEConfig(spatial="mlp", mlp_width=7)
    fusion = (3 * 1142 + 1) * 7 + (7 + 1) * config.width
    assert count(outline(config, tools.contract(1142)), "fusion") == fusion


@pytest.mark.parametrize("preset", list(GraphVQVAEConfig.presets))
def test_presets_go_through_json(preset: str) -> None:
    config = GraphVQVAEConfig.preset(preset)
    again = GraphVQVAEConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config and isinstance(again.spiral_channels, tuple)
    assert preset in GraphVQVAE.preset_views


def test_table_4_is_that_of_the_paper() -> None:
    rows = [tuple(row[k] for k in ("kernel", "dilation", "levels")) for row in TABLE_4]
    assert rows == [(5, 1, 4), (9, 1, 2), (9, 1, 4), (9, 2, 3), (9, 2, 4)]
    default = GraphVQVAEConfig()
    assert (default.kernel, default.dilation, default.levels) == rows[-1]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"spatial": "cnn"}, "spatial"),
        ({"factor": 1.0}, "factor"),
        ({"kernel": 0}, "kernel"),
        ({"levels": 5}, "spiral_channels has"),
        ({"spiral_channels": (8, 8, 8, 0)}, "spiral_channels are"),
        ({"spiral_channels": "8888"}, "spiral_channels are"),
        ({"spiral_channels": 8}, "spiral_channels are"),
        ({"mlp_width": 0}, "mlp_width"),
        ({"decoder_hidden": 0}, "decoder_hidden"),
        ({"heads": 3}, "multiple of heads"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(UserError, match=word):
        GraphVQVAEConfig(**changes)


# --- the network ---


def test_padding_changes_nothing(prior: GraphVQVAE) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 12, 147)
    mask = torch.ones(2, 12, dtype=torch.bool)
    mask[0, 8:] = False
    x[0, 8:] = float("nan")
    with torch.no_grad():
        alone = prior.decode(prior.encode(x[:1, :8]))
        padded = prior.decode(prior.encode(x, mask), mask)
    torch.testing.assert_close(padded[:1, :8], alone, rtol=1e-4, atol=1e-5)


def test_every_weight_learns(prior: GraphVQVAE) -> None:
    batch = {"motion": torch.randn(2, 9, 49, 3) * 0.002, "mask": torch.ones(2, 9, dtype=torch.bool)}
    terms = prior.train().loss(batch)
    assert set(terms) == {"loss", "reconstruction", "quantization", "perplexity"}
    terms["loss"].backward()
    assert [n for n, p in prior.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_the_mesh_decides_what_the_spirals_see(tools: Any) -> None:
    """Of one frame, as gradients say: the fields of the coarsest vertices, and nothing else."""
    prior = build(tools)
    assert prior.spiral is not None
    x = torch.randn(1, 49, 3, requires_grad=True)
    prior.spiral(x)[0, 0].sum().backward()
    assert x.grad is not None
    seen = set((x.grad[0].abs().sum(-1) > 0).nonzero()[:, 0].tolist())
    first, second = (layer.spirals for layer in prior.spiral.convolutions)
    assert seen == set(first[second[0]].flatten().tolist()) and len(seen) < 49  # type: ignore[index]


def test_long_motions_go_down_the_pyramid_in_pieces(
    tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    prior, motion = build(tools), tools.moved(23, 49)
    whole = prior.latents(motion)
    monkeypatch.setattr("talking_heads.models.graph_vqvae._FRAMES", 5)
    assert prior.spiral is not None
    pieces: list[int] = []
    prior.spiral.register_forward_hook(lambda _, given, out: pieces.append(len(out)))
    np.testing.assert_array_equal(prior.latents(motion), whole)
    assert pieces == [5, 5, 5, 5, 3]
    prior.spatial_encode(torch.zeros(2, 6, 147))
    assert pieces[5:] == [12]


def test_a_longer_clip_begins_as_a_shorter_one_when_causal(tools: Any) -> None:
    prior, motion = build(tools, causal=True, band=4), tools.moved(30, 49)
    part = dataclasses.replace(motion, values=motion.values[:11])
    np.testing.assert_array_equal(prior.codes(part), prior.codes(motion)[:11])
    np.testing.assert_allclose(
        prior.reconstruct(part).values, prior.reconstruct(motion).values[:11], atol=1e-7
    )
    assert prior.look_ahead == 0


def test_the_decoder_starts_as_principal_components(tools: Any) -> None:
    prior = build(tools)
    torch.manual_seed(1)
    directions = torch.randn(3, 147) * torch.tensor([[4.0], [2.0], [1.0]])

    def batch(step: int, size: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(step)
        motion = 0.002 * (torch.randn(size, 20, 3) @ directions + 0.5)
        return {"motion": motion, "mask": torch.ones(size, 20, dtype=torch.bool)}

    prior.prepare(batch, 5)
    last = prior.motion_out[-1]
    frames = torch.cat([prior.normalise(batch(i, 1)["motion"][0]) for i in range(5)])
    torch.testing.assert_close(last.bias.detach(), frames.mean(0), rtol=1e-3, atol=1e-3)
    # The columns span what the motion spans, and no more.
    space = torch.linalg.qr(directions.T).Q
    columns = last.weight.detach()
    torch.testing.assert_close(space @ (space.T @ columns), columns, rtol=1e-3, atol=1e-3)
    assert torch.linalg.matrix_rank(columns, rtol=1e-3) == 3


def test_without_a_principal_start_nothing_is_looked_at(tools: Any) -> None:
    build(tools, principal_start=False).prepare(lambda step, size: pytest.fail("asked for data"), 3)


def test_a_frame_by_hand(tools: Any) -> None:
    """Two spiral convolutions, then linear, ELU, linear; and an MLP back."""
    from torch.nn.functional import elu

    prior, x = build(tools, fusion=10), torch.randn(1, 1, 147)
    weights = prior.state_dict()

    def linear(name: str, before: torch.Tensor) -> torch.Tensor:
        return before @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    made = x.view(49, 3)
    for level in range(2):
        name = f"spiral.convolutions.{level}"
        made = elu(linear(f"{name}.linear", made[weights[f"{name}.spirals"]].flatten(1)))
    made = linear("fusion.2", elu(linear("fusion.0", made.flatten())))
    with torch.no_grad():
        torch.testing.assert_close(prior.spatial_encode(x)[0, 0], made)
        back = linear("motion_out.2", elu(linear("motion_out.0", made)))
        torch.testing.assert_close(prior.spatial_decode(made), back)


@pytest.mark.parametrize("preset", ["course", "mlp"])
@pytest.mark.parametrize("vertices", [1142, 5023, 23370])
def test_meshes_of_all_sizes(tools: Any, preset: str, vertices: int) -> None:
    """The spirals are blank here: building them for large meshes takes long."""
    prior = GraphVQVAE(GraphVQVAEConfig.preset(preset), tools.contract(vertices)).eval()
    assert prior.reconstruct(tools.moved(3, vertices)).values.shape == (3, vertices, 3)


# --- the mesh ---


def test_coefficients_have_no_mesh() -> None:
    contract = MotionContract(speakers=("ada",), heads=("head-01@medium",))
    for preset in ("course", "mlp"):
        with pytest.raises(UserError, match=r"coefficients.*\n.*vertices@low"):
            GraphVQVAE.untrained(GraphVQVAEConfig.preset(preset), contract, head=grid())


def test_a_mesh_is_needed_unless_the_encoder_knows_none(tools: Any) -> None:
    contract, bare = tools.contract(49), dataclasses.replace(grid(), triangles=grid().triangles[:0])
    for head in (None, bare):
        with pytest.raises(UserError, match="needs the triangles"):
            GraphVQVAE.untrained(GraphVQVAEConfig(**CHANGES), contract, head=head)
        GraphVQVAE.untrained(GraphVQVAEConfig(**CHANGES, spatial="mlp"), contract, head=head)


def test_another_mesh_is_refused(tools: Any) -> None:
    with pytest.raises(UserError, match="64 vertices, the motion 49"):
        GraphVQVAE.untrained(GraphVQVAEConfig(**CHANGES), tools.contract(49), head=grid(8))
    prior = build(tools)
    with pytest.raises(UserError, match="has 30"):
        prior.codes(tools.moved())
    with pytest.raises(UserError, match="hears nothing"):
        GraphVQVAE.untrained(
            GraphVQVAEConfig(**CHANGES),
            tools.contract(49),
            encoder=object(),  # type: ignore[arg-type]
            head=grid(),
        )


def test_a_pyramid_of_other_levels_is_refused(tools: Any) -> None:
    from talking_heads.geometry.pyramid import build_pyramid

    head = grid()
    for factors, kernel in (([3.0, 2.0], 5), ([2.0, 2.0], 6)):
        pyramid = build_pyramid(head.vertices, head.triangles, factors, kernel, 1, cache=False)
        with pytest.raises(UserError, match=rf"levels of .* spirals of {kernel}; .* and 5"):
            GraphVQVAE(GraphVQVAEConfig(**CHANGES), tools.contract(49), pyramid)


# --- checkpoints ---


def test_a_checkpoint_needs_no_mesh(
    tools: Any, prior: GraphVQVAE, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prior.save_pretrained(tmp_path / "out", half=False)
    monkeypatch.setattr(
        "talking_heads.geometry.pyramid.build_pyramid", lambda *a, **k: pytest.fail("asked for it")
    )
    again = load_prior(tmp_path / "out")
    assert type(again) is GraphVQVAE and again.config == prior.config
    for name, value in prior.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
    motion = tools.moved(9, 49)
    np.testing.assert_array_equal(again.codes(motion), prior.codes(motion))
    np.testing.assert_array_equal(
        again.reconstruct(motion).values, prior.reconstruct(motion).values
    )


SPIRALS = "spiral.convolutions.1.spirals"


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (torch.full((13, 5), 25), "a mesh of 25"),
        (torch.full((13, 5), -1), "a mesh of 25"),
        (torch.full((13, 5), 2**62), "a mesh of 25"),
        (torch.zeros(13, 5), "a mesh of 25"),
        (torch.zeros(13, 5, dtype=torch.bool), "a mesh of 25"),
        (torch.zeros(12, 5, dtype=torch.int64), "do not fit"),
        (torch.zeros(0, dtype=torch.int64), "do not fit"),
        (None, "do not fit"),
    ],
)
def test_damaged_spirals_are_refused(
    tools: Any, tmp_path: Path, value: torch.Tensor | None, word: str
) -> None:
    import hashlib

    build(tools).save_pretrained(tmp_path)
    tensors = load_file(tmp_path / WEIGHTS)
    del tensors[SPIRALS]
    if value is not None:
        tensors[SPIRALS] = value
    save_file(tensors, tmp_path / WEIGHTS)
    contract = json.loads((tmp_path / CONTRACT).read_text())
    contract["weights_sha256"] = hashlib.sha256((tmp_path / WEIGHTS).read_bytes()).hexdigest()
    (tmp_path / CONTRACT).write_text(json.dumps(contract))
    with pytest.raises(UserError, match=word) as error:
        load_prior(tmp_path)
    assert len(str(error.value).splitlines()) <= 3


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"levels": 1}, "do not fit"),
        ({"kernel": 6}, "do not fit"),
        ({"spatial": "mlp"}, "do not fit"),
        ({"spiral_channels": [4096, 4096]}, "do not fit"),
        ({"factor": 1e300}, "factor"),
        ({"factor": 1.0000001, "levels": 2}, "do not fit"),
        ({"spiral_channels": None}, "spiral_channels"),
    ],
)
def test_configurations_that_do_not_fit_are_refused(
    tools: Any, tmp_path: Path, changes: dict[str, Any], word: str
) -> None:
    build(tools).save_pretrained(tmp_path)
    config = json.loads((tmp_path / CONFIG).read_text())
    (tmp_path / CONFIG).write_text(json.dumps({**config, **changes}))
    with pytest.raises(UserError, match=word):
        load_prior(tmp_path)
