"""Which samples belong to which motion frame, at any frame rate.

Frame ``f`` begins at ``f / fps`` seconds. At 25 frames a second that is sample ``640 f``; at 30 it
falls between two samples, and the nearer one is taken. The error never adds up: each frame's start
comes from its own number, not from the frame before.
"""

from __future__ import annotations

import math

from talking_heads.errors import UserError

RATE = 16_000
"""Samples a second of all sound in the course."""
MOST_FPS = 1_000
"""No motion has more frames a second."""


def check_fps(fps: float) -> float:
    """Return a frame rate as float; raises `UserError` unless it is above 0 and at most 1,000."""
    if not (isinstance(fps, int | float) and math.isfinite(fps) and 0 < fps <= MOST_FPS):
        raise UserError(f"A frame rate is above 0 and at most {MOST_FPS}, not {fps!r:.40}.")
    return float(fps)


def frame_to_sample(frame: int, fps: float) -> int:
    """Return the sample at which a frame begins: ``floor(frame * 16000 / fps + 0.5)``.

    Frame ``f`` owns the samples from ``frame_to_sample(f, fps)`` up to, and without,
    ``frame_to_sample(f + 1, fps)``: always 640 at 25 frames a second, 533 or 534 at 30.

    Parameters
    ----------
    frame : int
        From 0.
    fps : float
        Frames a second, at most 1,000.

    Returns
    -------
    int
    """
    return math.floor(frame * RATE / fps + 0.5)


def frame_count(samples: int, fps: float) -> int:
    """Return how many frames it takes to cover some samples.

    Parameters
    ----------
    samples : int
        At 16 kHz.
    fps : float
        Frames a second, at most 1,000.

    Returns
    -------
    int
        The smallest ``n`` with ``frame_to_sample(n, fps) >= samples``; at 25 frames a second
        ``ceil(samples / 640)``. The last frame may reach beyond the sound, where there is silence.
    """
    count = max(0, math.floor(samples * fps / RATE) - 1)
    while frame_to_sample(count, fps) < samples:
        count += 1
    return count
