"""What comes in from outside is checked here, once for all models."""

from __future__ import annotations

import operator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from talking_heads.errors import UserError


def check_speech(audio: NDArray[np.floating] | Tensor) -> Tensor:
    """Return ``audio`` as a float32 tensor ``(samples,)``, or refuse it.

    Raises
    ------
    UserError
        If it is empty, has more than one channel, or a sample is not finite.
    """
    if not isinstance(audio, Tensor):
        audio = torch.from_numpy(np.array(audio, dtype=np.float32))
    audio = audio.detach().to("cpu", torch.float32)
    if audio.dim() != 1:
        raise UserError(f"Audio is one row of samples, mono, not of shape {tuple(audio.shape)}.")
    if not len(audio):
        raise UserError("The audio is empty: it has no samples.")
    if not torch.isfinite(audio).all():
        raise UserError("The audio contains samples that are not finite numbers.")
    return audio


def seeded(seed: int) -> torch.Generator:
    """Return a generator on the CPU, where a seed means the same on every machine.

    Raises
    ------
    UserError
        If the seed is no whole number from 0 to 2^32 - 1.
    """
    try:
        number = operator.index(seed)
    except TypeError:
        number = -1
    if not 0 <= number < 2**32:
        raise UserError(f"A seed is a whole number from 0 to 2^32 - 1, not {str(seed)[:40]}.")
    return torch.Generator().manual_seed(number)
