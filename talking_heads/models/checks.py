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
        If it is empty, has more than one channel, holds no floating-point numbers, or a sample is
        not finite.
    """
    if not isinstance(audio, Tensor):
        samples = np.asarray(audio)
        if samples.dtype.kind != "f":
            raise _no_floats(samples.dtype)
        audio = torch.from_numpy(samples.astype(np.float32))
    if not audio.is_floating_point():
        # The steps of a 16-bit file taken for samples would be 30,000 times too loud.
        raise _no_floats(audio.dtype)
    audio = audio.detach().to("cpu", torch.float32)
    if audio.dim() != 1:
        raise UserError(f"Audio is one row of samples, mono, not of shape {tuple(audio.shape)}.")
    if not len(audio):
        raise UserError("The audio is empty: it has no samples.")
    if not torch.isfinite(audio).all():
        raise UserError("The audio contains samples that are not finite numbers.")
    return audio


def _no_floats(kind: object) -> UserError:
    return UserError(
        f"Audio is an array of floating-point samples from -1 to 1, not {kind}.\n"
        "talking_heads.speech has load_audio for files and check_audio for arrays."
    )


def whole_number(value: int, least: int, most: int, name: str) -> int:
    """Return ``value`` if it is a whole number from `least` to `most`.

    Raises
    ------
    UserError
        Otherwise; it calls the number by `name`.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if not least <= number <= most:
        raise UserError(f"{name} is a whole number from {least} to {most}, not {str(value)[:40]}.")
    return number


def seeded(seed: int) -> torch.Generator:
    """Return a generator on the CPU, where a seed means the same on every machine.

    Raises
    ------
    UserError
        If the seed is no whole number from 0 to 2^32 - 1.
    """
    return torch.Generator().manual_seed(whole_number(seed, 0, 2**32 - 1, "A seed"))
