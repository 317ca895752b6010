"""The strongest linear floor: ridge regression from log-mel features."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face.motion import Motion
from talking_heads.models.baselines.features import REACH, frame_features, training_pairs

if TYPE_CHECKING:
    from talking_heads.corpus.clip import Clip

Floats = NDArray[np.float32]
STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1)
"""Penalties to choose from, as shares of a feature's variance."""


class RidgeRegression:
    """A linear map from what a frame hears to its coefficients.

    Parameters
    ----------
    weight : ndarray
        ``(feature, 52)``.
    bias : ndarray
        ``(52,)``.
    strength : float
        The penalty it was found with, for the record.
    reach : int
        Frames heard on each side.
    """

    speakers: tuple[str, ...] = ()

    def __init__(
        self, weight: Floats, bias: Floats, strength: float = 0.0, reach: int = REACH
    ) -> None:
        self.weight, self.bias, self.strength, self.reach = weight, bias, strength, reach

    @classmethod
    def fit(
        cls,
        clips: Iterable[Clip],
        validation: Iterable[Clip] = (),
        *,
        strengths: Sequence[float] = STRENGTHS,
        reach: int = REACH,
    ) -> RidgeRegression:
        """Solve the regression.

        Parameters
        ----------
        clips : iterable of Clip
            Of coefficients.
        validation : iterable of Clip
            On which the best of several penalties is chosen; without any, the middle one is taken.
        strengths : sequence of float
            Penalties, as shares of a feature's variance (features are standardised).
        reach : int
            Frames heard on each side.

        Raises
        ------
        UserError
            If there are no clips or penalties, or the clips hold vertices.
        """
        if not strengths or min(strengths) <= 0:
            raise UserError("Ridge regression needs penalties above 0 to choose from.")
        x, y = _joined(training_pairs(clips, reach))
        centre, scale = x.mean(0), np.maximum(x.std(0), 1e-6)
        x = (x - centre) / scale
        middle = y.mean(0)
        gram, target = x.T @ x / len(x), x.T @ (y - middle) / len(x)
        checks = list(validation)
        tests = _joined(training_pairs(checks, reach)) if checks else None

        def solved(strength: float) -> RidgeRegression:
            weight = np.linalg.solve(gram + strength * np.eye(len(gram)), target)
            weight = weight / scale[:, None]
            bias = middle - centre @ weight
            return cls(weight.astype(np.float32), bias.astype(np.float32), strength, reach)

        if tests is None:
            return solved(sorted(strengths)[len(strengths) // 2])
        heard, wanted = tests
        found = [solved(strength) for strength in strengths]
        errors = [np.mean((np.clip(heard @ m.weight + m.bias, 0, 1) - wanted) ** 2) for m in found]
        return found[int(np.argmin(errors))]

    def animate(
        self, audio: NDArray[np.float32], *, speaker: str | None = None, seed: int = 0
    ) -> Motion:
        """Return the regression's motion, clipped to 0 to 1; speaker and seed do not matter.

        Raises
        ------
        UserError
            If the audio is empty or not finite.
        """
        made = frame_features(audio, self.reach) @ self.weight + self.bias
        return Motion(np.clip(made, 0, 1), "coefficients", speaker=speaker)


def _joined(
    pairs: Sequence[tuple[Floats, Floats]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x = np.concatenate([features for features, _ in pairs]).astype(np.float64)
    return x, np.concatenate([motion for _, motion in pairs]).astype(np.float64)
