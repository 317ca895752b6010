"""Principal components of facial motion, exact or rounded: what motion priors are compared with."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face import Motion
from talking_heads.models.contract import MotionContract
from talking_heads.models.principal import principal_components
from talking_heads.training.data import TrainingData
from talking_heads.training.views import build_contract

if TYPE_CHECKING:
    from talking_heads.corpus.collection import Corpus

Floats = NDArray[np.float32]
_MOST_FRAMES = 10_000
"""Of the training clips, from which principal components are taken, evenly spread."""
_MOST_BYTES = 300_000_000
"""Memory that these frames take at most."""
_MOST_BITS = 12
"""Of one number."""
_ROUNDS = 100
"""Of finding the levels that a number is rounded to."""


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """Motion as its frames' mean and a few directions: what a prior is compared with.

    Linear, frame by frame, without a look at neighbours. Made by `fit`; `first` and `rounded` give
    variants of it.

    Parameters
    ----------
    contract : MotionContract
        The motion and its normalisation.
    mean : ndarray
        ``(channel,)`` float32, normalised.
    directions : ndarray
        ``(D, channel)`` float32, orthogonal and of length 1, by falling variance.
    scores : ndarray
        ``(n, D)`` float32: training frames along the directions.
    levels : tuple of ndarray or None
        For each direction the numbers that its scores are rounded to, ascending; None: no rounding.
    """

    contract: MotionContract
    mean: Floats
    directions: Floats
    scores: Floats
    levels: tuple[Floats, ...] | None = None

    @classmethod
    def fit(cls, corpus: Corpus, count: int, *, view: str = "vertices@low") -> Self:
        """Find the directions in which the frames of the split ``train`` vary most.

        Parameters
        ----------
        corpus : Corpus
            Its training frames count as recorded, with their noise, as they do for a prior; 10,000
            at most, evenly spread.
        count : int
            How many directions, from 1.
        view : str
            As for `talking_heads.training.rate_distortion.recordings`.

        Raises
        ------
        UserError
            If the frames vary in fewer directions, or the corpus cannot be shown so.
        """
        data = TrainingData(corpus, "train", 2, 0, view=view, sound=False)
        contract = build_contract(corpus, data, "principal_components")
        most = min(_MOST_FRAMES, max(2 * count, _MOST_BYTES // (4 * contract.motion_dim)))
        apart = max(1, math.ceil(data.frames / most))
        clips = corpus.split("train")
        kept = [
            data.dataset.motion(index, 0, len(clip))[::apart].reshape(-1, contract.motion_dim)
            for index, clip in enumerate(clips)
        ]
        frames = (np.concatenate(kept) - _array(contract.mean)) / _array(contract.scale)
        mean, found = principal_components(torch.from_numpy(frames), count)
        if len(found) < count:
            raise UserError(f"This motion varies in {len(found)} directions, not in {count}.")
        directions = torch.nn.functional.normalize(found, dim=1).numpy()
        scores = (frames - mean.numpy()) @ directions.T
        return cls(contract, mean.numpy(), directions, scores)

    @property
    def bits(self) -> float | None:
        """Bits of a frame; None where scores are not rounded."""
        if self.levels is None:
            return None
        return float(sum(math.log2(len(level)) for level in self.levels))

    def first(self, count: int) -> Self:
        """Return the first directions alone, without rounding."""
        if not 0 <= count <= len(self.directions):
            raise UserError(f"There are {len(self.directions)} directions, not {count}.")
        return dataclasses.replace(
            self, directions=self.directions[:count], scores=self.scores[:, :count], levels=None
        )

    def rounded(self, bits: int | Sequence[int]) -> Self:
        """Return the same with scores rounded to a few levels each.

        Parameters
        ----------
        bits : int or sequence of int
            Of each score, from 0 to 12; see `share_bits`.

        Returns
        -------
        PrincipalComponents
            Its ``2 ** bits`` levels of each direction are those of least squared error on the
            training frames (Lloyd 1982).
        """
        count = len(self.directions)
        each = [bits] * count if isinstance(bits, int) else list(bits)
        if len(each) != count or not all(0 <= b <= _MOST_BITS for b in each):
            raise UserError(f"Give bits from 0 to {_MOST_BITS} for each of {count} directions.")
        levels = tuple(
            best_levels(scores, 2**b) for scores, b in zip(self.scores.T, each, strict=True)
        )
        return dataclasses.replace(self, levels=levels)

    def share_bits(self, total: int) -> list[int]:
        """Return how a number of bits is best shared among the directions.

        One bit after the other goes where it takes most away of the squared error that rounding
        leaves on the training frames.

        Parameters
        ----------
        total : int
            Bits of a frame.
        """
        if not 0 <= total <= _MOST_BITS * len(self.directions):
            raise UserError(f"{len(self.directions)} scores have no {total} bits.")
        scores = self.scores.astype(np.float64).T
        errors = [_rounding_error(row, 0) for row in scores]
        after = [_rounding_error(row, 1) for row in scores]
        bits = [0] * len(scores)
        for _ in range(total):
            gains = [
                now - then if used < _MOST_BITS else -1.0
                for now, then, used in zip(errors, after, bits, strict=True)
            ]
            place = int(np.argmax(gains))
            bits[place] += 1
            errors[place] = after[place]
            if bits[place] < _MOST_BITS:
                after[place] = _rounding_error(scores[place], bits[place] + 1)
        return bits

    def reconstruct(self, motion: Motion) -> Motion:
        """Return what the components keep of a motion of the contract's kind and mesh."""
        contract, values = self.contract, motion.values
        if motion.kind != contract.kind or values[0].size != contract.motion_dim:
            raise UserError("These principal components are of another kind of motion or mesh.")
        mean, scale = _array(contract.mean), _array(contract.scale)
        scores = ((values.reshape(len(values), -1) - mean) / scale - self.mean) @ self.directions.T
        if self.levels is not None:
            for column, level in zip(scores.T, self.levels, strict=True):
                column[:] = level[_nearest(column, level)]
        made = (scores @ self.directions + self.mean) * scale + mean
        if contract.kind == "coefficients":
            made = np.clip(made, 0.0, 1.0)
        whole: Floats = made.reshape(values.shape).astype(np.float32)
        return dataclasses.replace(motion, values=whole)


def _array(numbers: Sequence[float]) -> Floats:
    return np.asarray(numbers, dtype=np.float32)


def _nearest(scores: NDArray[Any], levels: NDArray[Any]) -> NDArray[np.int64]:
    """Return the numbers of the nearest of some ascending levels."""
    return np.searchsorted((levels[1:] + levels[:-1]) / 2, scores)


def _rounding_error(scores: NDArray[Any], bits: int) -> float:
    """Return the mean squared error of rounding to the best ``2 ** bits`` levels."""
    levels = best_levels(scores, 2**bits)
    return float(np.square(scores - levels[_nearest(scores, levels)]).mean())


def best_levels(scores: NDArray[Any], count: int) -> Floats:
    """Return the levels to which numbers are rounded with the least mean squared error.

    By turns each number goes to the nearest level, and each level to the mean of its numbers
    (Lloyd 1982; k-means in one dimension), from levels that equally many numbers are near to.

    Parameters
    ----------
    scores : ndarray
        ``(n,)``.
    count : int
        How many levels.

    Returns
    -------
    ndarray of float32
        ``(count,)``, ascending. The error is the least among near-by choices.
    """
    values = np.sort(scores.astype(np.float64))
    levels = np.quantile(values, (np.arange(count) + 0.5) / count)
    for _ in range(_ROUNDS):
        owner = _nearest(values, levels)
        sizes = np.bincount(owner, minlength=count)
        sums = np.bincount(owner, values, minlength=count)
        moved = np.where(sizes > 0, sums / np.maximum(sizes, 1), levels)
        if np.array_equal(moved, levels):
            break
        levels = moved
    return levels.astype(np.float32)
