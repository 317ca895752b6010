"""The curves that stand below a speaking head: lips, jaw and rounding, brows and lids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.course.curve_strip import Curve, Panel
from talking_heads.face import ARKIT_INDEX, Motion, get_face

SHAPES: dict[str, tuple[str, ...]] = {
    "jaw": ("jawOpen",),
    "rounding": ("mouthPucker", "mouthFunnel"),
    "spread": ("mouthStretchLeft", "mouthStretchRight"),
    "brows": ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    "lids": ("eyeBlinkLeft", "eyeBlinkRight"),
}
"""Coefficients whose mean one curve shows, by the curve's name."""


def shape_curve(motion: Motion, name: str) -> NDArray[Any]:
    """Return the mean of the coefficients that `SHAPES` lists under a name, (frame,)."""
    return np.asarray(motion.values[:, [ARKIT_INDEX[k] for k in SHAPES[name]]].mean(axis=1))


def gap_curve(motion: Motion) -> NDArray[Any]:
    """Return the gap between the lips in millimetres, (frame,)."""
    return np.asarray(1000 * get_face(motion.face_id).aperture(motion.values))


def panels_of(
    motion: Motion, shapes: Sequence[str] = ("jaw", "rounding"), low: str = "coefficient"
) -> list[Panel]:
    """Return the gap between the lips above some curves of coefficients."""
    below = [Curve(name, shape_curve(motion, name)) for name in shapes]
    return [
        Panel("mm", [Curve("gap between the lips", gap_curve(motion))], fps=motion.fps),
        Panel(low, below, high=1.0, fps=motion.fps),
    ]
