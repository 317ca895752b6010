"""A prior that is no network: what its codes do is known by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch

from talking_heads.errors import UserError
from talking_heads.face import Motion, get_face

FACE = "neutral@low"
STEP = 1e-3
"""Metres of a code: code k moves its region by k mm."""
CODES = 8


class PlainPrior:
    """Two components: code k of the first lowers the lips by k mm, of the second lifts the brows.

    The other vertices never move, and every frame stands alone. Codes lie on a line, in the order
    of their numbers.
    """

    def __init__(self) -> None:
        self.quantizer = SimpleNamespace(codebook=torch.arange(float(CODES))[:, None])
        self.contract = SimpleNamespace(kind="vertices", head=lambda speaker: FACE)
        face = get_face(FACE)
        self.skin = face.parts["skin"].stop
        self.lips, self.brows = face.regions["lips"], face.regions["upper_face"]

    def codes(self, motion: Motion) -> np.ndarray:
        if motion.values.shape[1] != self.skin:
            raise UserError("This prior knows another mesh.")
        low = -motion.values[:, self.lips, 1].mean(1) / STEP
        high = motion.values[:, self.brows, 1].mean(1) / STEP
        found = np.round(np.stack([low, high], axis=1)).astype(np.int64)
        return np.clip(found, 0, CODES - 1)

    def motion(self, codes: np.ndarray, *, speaker: str | None = None) -> Motion:
        values = np.zeros((len(codes), self.skin, 3), dtype=np.float32)
        values[:, self.lips, 1] = -STEP * codes[:, :1]
        values[:, self.brows, 1] = STEP * codes[:, 1:]
        return Motion(values, "vertices", face_id=FACE)
