import math

import pytest
import torch
from diffusers.models.embeddings import get_timestep_embedding

from talking_heads.layers import StepEmbedding, periodic_positions, sinusoid


def test_sinusoid_equals_diffusers() -> None:
    steps = torch.tensor([0, 1, 17, 999])
    ours = sinusoid(steps, 64)
    theirs = get_timestep_embedding(steps, 64, flip_sin_to_cos=True, downscale_freq_shift=0)
    torch.testing.assert_close(ours, theirs)


def test_sinusoid_by_hand() -> None:
    code = sinusoid(torch.tensor(2.0), 4)
    expected = [math.cos(2), math.cos(0.02), math.sin(2), math.sin(0.02)]
    torch.testing.assert_close(code, torch.tensor(expected))


@pytest.mark.parametrize("width", [0, 1, 7])
def test_sinusoid_refuses_odd_widths(width: int) -> None:
    with pytest.raises(ValueError, match="even"):
        sinusoid(torch.zeros(1), width)


def test_positions_repeat() -> None:
    code = periodic_positions(torch.arange(60), 16, 25)
    torch.testing.assert_close(code[:25], code[25:50])
    assert not torch.allclose(code[0], code[1])
    torch.testing.assert_close(periodic_positions(torch.tensor([[26]]), 16, 25)[0, 0], code[1])


def test_step_embedding_tells_steps_apart() -> None:
    torch.manual_seed(0)
    tokens = StepEmbedding(32, 48)(torch.arange(0, 1000, 100)).detach()
    assert tokens.shape == (10, 48)
    distances = torch.cdist(tokens, tokens) + torch.eye(10)
    assert float(distances.min()) > 1e-3
