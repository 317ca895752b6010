"""Errors of a scanner: smooth over the skin, partly constant over time, from a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from talking_heads.errors import UserError

if TYPE_CHECKING:
    from talking_heads.face.head import Face

RMS = 0.0001
"""Size of the error in metres, root mean square of its length over the skin."""
LENGTH = 0.010
"""Distance in metres over which the correlation falls to 0.61."""
MEMORY = 0.12
"""Seconds over which the part of the error that changes stays alike."""
_WAVES = 96


def scan_noise(face: Face, frames: int, seed: int, fps: float = 25.0) -> NDArray[np.float32]:
    """Return the errors that a scanner of moving faces would make.

    A sum of waves over the place on the skin at rest, so that a face has the same errors at all
    resolutions. A third of their power stays as it is; the rest changes within `MEMORY`.

    Parameters
    ----------
    face : Face
        Whose.
    frames : int
        Number of frames.
    seed : int
        0 or more; each recording has its own.
    fps : float
        Frames a second.

    Returns
    -------
    ndarray of float32
        ``(frames, n_skin, 3)`` metres.

    Raises
    ------
    UserError
        If the seed is negative.
    """
    if seed < 0:
        raise UserError(f"The seed of scan noise is 0 or more, not {seed}.")
    rng = np.random.default_rng(seed)
    waves = rng.normal(0.0, 1.0 / LENGTH, (3, _WAVES))
    phase = rng.uniform(0.0, 2 * np.pi, _WAVES)
    still = rng.standard_normal((1, _WAVES * 3))
    keep = float(np.exp(-1.0 / (fps * MEMORY)))
    drive = rng.standard_normal((frames + 1, _WAVES * 3))
    drive[1:] *= np.sqrt(1.0 - keep * keep)
    change = lfilter([1.0], [1.0, -keep], drive, axis=0)[1:]
    size = (np.sqrt(1 / 3) * still + np.sqrt(2 / 3) * change) * RMS * np.sqrt(2 / 3 / _WAVES)
    skin = face.vertices[face.parts["skin"]].astype(np.float64)
    basis = np.cos(waves.T @ skin.T + phase[:, None]).astype(np.float32)
    found = size.reshape(frames * 3, _WAVES).astype(np.float32) @ basis
    return np.ascontiguousarray(found.reshape(frames, 3, len(skin)).transpose(0, 2, 1))
