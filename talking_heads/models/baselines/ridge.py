"""The strongest linear floor: ridge regression from log-mel features."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face.motion import Motion
from talking_heads.models.baselines.features import MotionShape, frame_features, training_pairs

if TYPE_CHECKING:
    from talking_heads.corpus.clip import Clip

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1)
"""Penalties to choose from, as shares of a feature's variance."""


class RidgeRegression:
    """A linear map from what a frame hears to its coefficients or vertices.

    Parameters
    ----------
    weight : ndarray
        ``(feature, channel)``.
    bias : ndarray
        ``(channel,)``.
    strength : float
        The penalty it was found with, for the record.
    reach : int, optional
        Frames heard on each side; by default those of 0.2 s.
    shape : MotionShape
        What the channels are; by default coefficients at 25 frames a second.
    """

    speakers: tuple[str, ...] = ()
    random = False

    def __init__(
        self,
        weight: Floats,
        bias: Floats,
        strength: float = 0.0,
        reach: int | None = None,
        shape: MotionShape | None = None,
    ) -> None:
        self.weight, self.bias, self.strength, self.reach = weight, bias, strength, reach
        self.shape = shape or MotionShape()

    @classmethod
    def fit(
        cls,
        clips: Iterable[Clip],
        validation: Iterable[Clip] = (),
        *,
        strengths: Sequence[float] = STRENGTHS,
        reach: int | None = None,
    ) -> RidgeRegression:
        """Solve the regression. One clip at a time is in memory.

        Parameters
        ----------
        clips : iterable of Clip
            Of coefficients or of vertices. VOCASET's 5,023 vertices need about 0.5 GB.
        validation : iterable of Clip
            On which the best of several penalties is chosen; without any, the middle one is taken.
        strengths : sequence of float
            Penalties, as shares of a feature's variance (features are standardised).
        reach : int, optional
            Frames heard on each side; by default those of 0.2 s.

        Raises
        ------
        UserError
            If there are no clips or penalties, or the clips differ in kind or frame rate.
        """
        if not strengths or min(strengths) <= 0:
            raise UserError("Ridge regression needs penalties above 0 to choose from.")
        clips, checks = list(clips), list(validation)
        shape = MotionShape.of(clips)
        MotionShape.of([*clips[:1], *checks])
        sums = _Sums()
        for heard, moved in training_pairs(clips, reach):
            sums.add(heard, moved)
        centre, scale, gram, target, middle = sums.standardised()

        def solved(strength: float) -> RidgeRegression:
            weight = np.linalg.solve(gram + strength * np.eye(len(gram)), target)
            weight /= scale[:, None]
            bias = middle - centre @ weight
            return cls(weight.astype(np.float32), bias.astype(np.float32), strength, reach, shape)

        if not checks:
            return solved(sorted(strengths)[len(strengths) // 2])
        errors = [solved(strength)._error(checks) for strength in strengths]
        return solved(strengths[int(np.argmin(errors))])

    def _error(self, clips: Sequence[Clip]) -> float:
        """Return the mean squared error over the frames of some clips."""
        total, count = 0.0, 0
        for heard, moved in training_pairs(clips, self.reach):
            made = self.shape.motion(heard @ self.weight + self.bias, None).values
            total += float(np.square(made.reshape(moved.shape) - moved, dtype=np.float64).sum())
            count += moved.size
        return total / count

    def animate(
        self, audio: NDArray[np.float32], *, speaker: str | None = None, seed: int = 0
    ) -> Motion:
        """Return the regression's motion, coefficients clipped to 0 to 1.

        The speaker decides about the face that the motion names, and the seed about nothing.

        Raises
        ------
        UserError
            If the audio is empty or not finite.
        """
        heard = frame_features(audio, self.reach, self.shape.fps)
        return self.shape.motion(heard @ self.weight + self.bias, speaker)


class _Sums:
    """Sums over frames, from which means and products follow without the frames."""

    def __init__(self) -> None:
        self.count = 0
        self.parts: list[Doubles] = []

    def add(self, x: Floats, y: Floats) -> None:
        x, y = x.astype(np.float64), y.astype(np.float64)
        new = [x.sum(0), y.sum(0), x.T @ x, x.T @ y]
        self.count += len(x)
        if self.parts:
            for part, more in zip(self.parts, new, strict=True):
                part += more
        else:
            self.parts = new

    def standardised(self) -> tuple[Doubles, Doubles, Doubles, Doubles, Doubles]:
        """Return mean and scale of x, its correlation matrix, that with y, and the mean of y."""
        x, y, xx, xy = (part / self.count for part in self.parts)
        xx -= np.outer(x, x)
        xy -= np.outer(x, y)
        scale = np.maximum(np.sqrt(np.maximum(np.diag(xx), 0)), 1e-6)
        return x, scale, xx / np.outer(scale, scale), xy / scale[:, None], y
