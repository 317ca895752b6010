"""Numbers as vectors: the diffusion step, and the position in time."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def sinusoid(values: Tensor, width: int, *, longest: float = 10_000.0) -> Tensor:
    """Encode numbers as cosines and sines of geometrically spaced frequencies.

    Parameters
    ----------
    values : Tensor
        ``(...)`` numbers, such as diffusion steps or frame indices.
    width : int
        Length of the code, an even number. The first half holds the cosines.
    longest : float
        The slowest angle is ``value / longest`` (nearly), the fastest is ``value``.

    Returns
    -------
    Tensor
        ``(..., width)`` float32, between -1 and 1.

    Raises
    ------
    ValueError
        If `width` is odd or below 2.

    Notes
    -----
    Vaswani et al. 2017, section 3.5. DiffSpeaker's published code uses 768 numbers, cosines first.
    """
    if width < 2 or width % 2:
        raise ValueError(f"The width of a sinusoidal code is an even number, not {width}.")
    half = width // 2
    exponent = torch.arange(half, dtype=torch.float32, device=values.device) / half
    angles = values.to(torch.float32)[..., None] * torch.exp(-math.log(longest) * exponent)
    return torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1)


def periodic_positions(index: Tensor, width: int, period: int) -> Tensor:
    """Encode each frame's position within a repeating period.

    Because the code repeats, it says nothing about how long a motion is: a model that was trained
    on four seconds meets no new position in ten minutes.

    Parameters
    ----------
    index : Tensor
        ``(...)`` numbers of frames, counted from the first of the whole motion.
    width : int
        Length of the code.
    period : int
        Frames after which the code repeats; the papers take the frame rate.

    Returns
    -------
    Tensor
        ``(..., width)`` float32.

    Notes
    -----
    FaceFormer (Fan et al. 2022), equation 8; DiffSpeaker adds it to the motion tokens only.
    """
    return sinusoid(index % period, width)


class StepEmbedding(nn.Module):
    """Turn a diffusion step into one token a layer.

    The step becomes a sinusoidal code, then passes two linear maps with a SiLU between them
    (DiffSpeaker's ``E_n``).

    Parameters
    ----------
    code_width : int
        Numbers in the sinusoidal code.
    width : int
        Numbers in the token.
    hidden : int, optional
        Numbers between the two linear maps; by default `width`.
    """

    def __init__(self, code_width: int, width: int, hidden: int | None = None) -> None:
        super().__init__()
        self.code_width = code_width
        self.expand = nn.Linear(code_width, hidden or width)
        self.mix = nn.Linear(hidden or width, width)

    def forward(self, steps: Tensor) -> Tensor:
        """Encode ``(batch,)`` steps as ``(batch, width)``."""
        hidden = nn.functional.silu(self.expand(sinusoid(steps, self.code_width)))
        out: Tensor = self.mix(hidden)
        return out
