import pytest
import torch

from talking_heads.models import DiffSpeaker, DiffSpeakerConfig, MotionContract

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
