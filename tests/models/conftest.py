from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from talking_heads.face import Motion
from talking_heads.models import (
    DiffSpeaker,
    DiffSpeakerConfig,
    MotionContract,
    MotionVQVAE,
    MotionVQVAEConfig,
)

TINY = {
    "width": 16, "layers": 2, "heads": 2, "feed_forward": 32, "dropout": 0.0, "step_code": 16,
    "encoder_width": 16, "encoder_blocks": 1, "encoder_dropout": 0.0, "sampling_steps": 3,
    "window": 50, "overlap": 20,
}  # fmt: skip


def build(seed: int = 0, **changes: object) -> DiffSpeaker:
    torch.manual_seed(seed)
    contract = MotionContract(
        speakers=("ada", "ben"),
        heads=("head-01@medium", "head-02@medium"),
        mean=tuple(0.2 + 0.01 * i for i in range(52)),
        scale=tuple(0.1 + 0.001 * i for i in range(52)),
        provenance={"corpus": "none"},
    )
    model = DiffSpeaker(DiffSpeakerConfig(**{**TINY, **changes}), contract)  # type: ignore[arg-type]
    # The output starts at zero, where a test of the whole would see nothing.
    torch.nn.init.normal_(model.motion_out.weight, std=0.2)
    torch.nn.init.normal_(model.style.weight, std=0.5)
    return model.eval()


@pytest.fixture
def model() -> DiffSpeaker:
    return build()


SMALL = {
    "width": 16, "layers": 2, "heads": 2, "feed_forward": 32, "components": 4, "channels": 4,
    "codes": 24,
}  # fmt: skip


def mesh_contract(vertices: int = 30, fps: float = 25.0) -> MotionContract:
    return MotionContract(
        speakers=("ada", "ben"),
        heads=("ada@mesh", "ben@mesh"),
        scale=(0.002,),
        kind="vertices",
        vertices=vertices,
        topology_hash="0" * 16,
        fps=fps,
    )


def moved(frames: int = 20, vertices: int = 30, seed: int = 0) -> Motion:
    """Return smooth random motion of a mesh, about 2 mm."""
    steps = np.random.default_rng(seed).normal(0, 0.001, (frames + 4, vertices, 3))
    values = sum(steps[i : i + frames] for i in range(5))
    return Motion(values, "vertices", 25.0, "ada@mesh", "ada")  # type: ignore[arg-type]


def shaken(network: torch.nn.Module, seed: int = 0, by: float = 0.2) -> None:
    """Move all weights off their starts, of which some are zeros that would hide things."""
    torch.manual_seed(seed)
    for name, weight in network.named_parameters():
        if "quantizer" not in name:
            weight.data.add_(by * torch.randn_like(weight) / max(1, weight.shape[-1]) ** 0.5)


def make_prior(contract: MotionContract | None = None, seed: int = 0, **changes: Any) -> Any:
    """Return a small `MotionVQVAE` whose weights and codebook are random, in evaluation mode."""
    torch.manual_seed(seed)
    # "published" stands for the preset with small sizes.
    if changes.pop("published", False):
        preset = dict(MotionVQVAEConfig.presets["published"]) | {"project": True}
        changes = {**preset, **SMALL, **changes}
    prior = MotionVQVAE(MotionVQVAEConfig(**{**SMALL, **changes}), contract or mesh_contract())
    shaken(prior, seed)
    if prior.quantizer is not None:
        torch.nn.init.normal_(prior.quantizer.codebook)
    return prior.eval()


@pytest.fixture
def tools() -> Any:
    """Return the functions above, as importing from one test file to another is not possible."""
    return SimpleNamespace(
        prior=make_prior, contract=mesh_contract, moved=moved, shaken=shaken, small=SMALL
    )
