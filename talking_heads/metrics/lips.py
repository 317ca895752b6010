"""How well the lips follow speech: aperture, closure and speed.

All figures rest on the lip aperture: the gap between the inner lips at the midline. Correlation
alone flatters (a ridge regression that closes a fifth of all p, b and m reaches 0.75), so read it
together with the closure rate. Blinks and brows do not enter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from talking_heads.corpus.viseme_segments import frames_of
from talking_heads.errors import UserError
from talking_heads.speech import Phoneme, is_bilabial

OPEN_VOWELS = frozenset("æaɑɒʌɐ")
"""First letters of the IPA of vowels that open the mouth wide."""
CLOSED = 0.001
"""Aperture in metres below which lips count as closed."""
MAX_LAG = 5
"""Largest lag in frames that the search for the best one tries."""


class ApertureFace(Protocol):
    """What the lip metrics ask of a face."""

    def aperture(self, coefficients: NDArray[Any]) -> NDArray[Any]:
        """Return the lip aperture ``(frame,)`` in metres of coefficients ``(frame, 52)``."""
        ...


@dataclass(frozen=True)
class LipReport:
    """Figures on the lips of predicted motions, against true ones.

    Parameters
    ----------
    aperture_correlation : float
        Pearson's correlation of predicted and true aperture, mean over clips.
    best_lag_ms : float
        Lag of the prediction behind the truth at which that mean is highest; positive: late.
    correlation_at_best_lag : float
        The correlation there.
    closure_rate : float
        Share of p, b and m whose smallest aperture is below 1 mm.
    true_closure_rate : float
        The same of the true motions.
    open_minus_closed_mm : float
        Mean largest aperture of open vowels minus mean smallest aperture of p, b and m.
    true_open_minus_closed_mm : float
        The same of the true motions.
    aperture_error_mm : float
        Mean absolute difference of the apertures.
    peak_velocity_mm_s : float
        95th percentile of the predicted peak lip velocity over clips.
    true_peak_velocity_mm_s : float
        The same of the true motions.
    clips, bilabials, open_vowels : int
        How many of each entered.
    """

    aperture_correlation: float
    best_lag_ms: float
    correlation_at_best_lag: float
    closure_rate: float
    true_closure_rate: float
    open_minus_closed_mm: float
    true_open_minus_closed_mm: float
    aperture_error_mm: float
    peak_velocity_mm_s: float
    true_peak_velocity_mm_s: float
    clips: int
    bilabials: int
    open_vowels: int

    def to_dict(self) -> dict[str, float | int]:
        """Return the figures as plain numbers, for ``results.json``."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def __str__(self) -> str:
        """Return the figures as a short table."""
        return "\n".join(
            [
                f"clips                    {self.clips} ({self.bilabials} p b m, "
                f"{self.open_vowels} open vowels)",
                f"aperture correlation     {self.aperture_correlation:.3f} "
                f"({self.correlation_at_best_lag:.3f} at a lag of {self.best_lag_ms:+.0f} ms)",
                f"closed p, b, m           {self.closure_rate:.1%} "
                f"(truth {self.true_closure_rate:.1%})",
                f"open minus closed        {self.open_minus_closed_mm:.1f} mm "
                f"(truth {self.true_open_minus_closed_mm:.1f} mm)",
                f"aperture error           {self.aperture_error_mm:.2f} mm",
                f"peak lip velocity        {self.peak_velocity_mm_s:.0f} mm/s "
                f"(truth {self.true_peak_velocity_mm_s:.0f} mm/s)",
            ]
        )


def correlation(first: ArrayLike, second: ArrayLike) -> float:
    """Return Pearson's correlation of two series; 0 if one of them does not vary."""
    a = np.asarray(first, dtype=np.float64)
    b = np.asarray(second, dtype=np.float64)
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 1e-12 else 0.0


def lagged_correlation(true: ArrayLike, predicted: ArrayLike, lag: int) -> float:
    """Return the correlation after shifting the prediction earlier by `lag` frames.

    Parameters
    ----------
    true, predicted : array_like
        ``(frame,)`` each.
    lag : int
        Frames by which the prediction is thought late; negative: early.

    Returns
    -------
    float
        Over the frames that both have; 0 if fewer than three are left.
    """
    a, b = np.asarray(true), np.asarray(predicted)
    if lag > 0:
        a, b = a[:-lag], b[lag:]
    elif lag < 0:
        a, b = a[-lag:], b[:lag]
    return correlation(a, b) if len(a) > 2 else 0.0


def _extremes(
    aperture: NDArray[np.floating],
    phonemes: Sequence[Phoneme],
    fps: float,
    wanted: Callable[[str], bool],
    pick: Callable[[NDArray[np.floating]], np.floating],
) -> list[float]:
    values = []
    for phoneme in phonemes:
        if wanted(phoneme.symbol):
            frames = frames_of(phoneme, len(aperture), fps)
            if len(frames):
                values.append(float(pick(aperture[frames])))
    return values


def is_open_vowel(symbol: str) -> bool:
    """Return whether a phoneme, in IPA, is or starts with an open vowel."""
    return symbol[:1] in OPEN_VOWELS


def bilabial_apertures(
    aperture: NDArray[np.floating], phonemes: Sequence[Phoneme], fps: float = 25.0
) -> list[float]:
    """Return the smallest aperture within each p, b and m.

    Parameters
    ----------
    aperture : ndarray
        ``(frame,)`` metres.
    phonemes : sequence of Phoneme
        With times in seconds.
    fps : float
        Frames a second.

    Returns
    -------
    list of float
        Metres, one for each p, b and m within the motion.
    """
    return _extremes(aperture, phonemes, fps, is_bilabial, np.min)


def open_vowel_apertures(
    aperture: NDArray[np.floating], phonemes: Sequence[Phoneme], fps: float = 25.0
) -> list[float]:
    """Return the largest aperture within each open vowel, as `bilabial_apertures`."""
    return _extremes(aperture, phonemes, fps, is_open_vowel, np.max)


def lip_velocity(aperture: NDArray[np.floating], fps: float = 25.0) -> NDArray[np.float64]:
    """Return the speed at which the gap between the lips changes.

    Parameters
    ----------
    aperture : ndarray
        ``(frame,)`` metres.
    fps : float
        Frames a second.

    Returns
    -------
    ndarray
        ``(frame - 1,)`` metres a second, positive: opening.
    """
    return np.diff(np.asarray(aperture, dtype=np.float64)) * fps


def peak_lip_velocity(
    coefficients: NDArray[np.float32], face: ApertureFace, fps: float = 25.0
) -> float:
    """Return the highest speed, opening or closing, of the lips in a motion.

    Parameters
    ----------
    coefficients : ndarray
        ``(frame, 52)``.
    face : ApertureFace
        The speaker's head.
    fps : float
        Frames a second.

    Returns
    -------
    float
        Metres a second; 0 for a single frame. People reach about 0.2 (Löfqvist and Gracco 1997).
    """
    speed = np.abs(lip_velocity(face.aperture(coefficients), fps))
    return float(speed.max()) if len(speed) else 0.0


@dataclass(frozen=True)
class LipRow:
    """What one predicted aperture and one true one have in common.

    Parameters
    ----------
    correlations : tuple of float
        At lags of -`MAX_LAG` to `MAX_LAG` frames.
    closed, true_closed : tuple of float
        Smallest apertures within each p, b and m, metres.
    wide, true_wide : tuple of float
        Largest apertures within each open vowel, metres.
    error : float
        Sum over frames of the absolute difference, metres.
    frames : int
        How many frames.
    peak, true_peak : float
        Peak lip velocities, metres a second.
    """

    correlations: tuple[float, ...]
    closed: tuple[float, ...]
    true_closed: tuple[float, ...]
    wide: tuple[float, ...]
    true_wide: tuple[float, ...]
    error: float
    frames: int
    peak: float
    true_peak: float


def lip_row(
    true: ArrayLike, predicted: ArrayLike, phonemes: Sequence[Phoneme], fps: float = 25.0
) -> LipRow:
    """Compare a predicted aperture with a true one.

    Parameters
    ----------
    true, predicted : array_like
        ``(frame,)`` metres. Lengths may differ by one frame.
    phonemes : sequence of Phoneme
        What is said.
    fps : float
        Frames a second.

    Returns
    -------
    LipRow

    Raises
    ------
    UserError
        If the lengths differ by more, or there are fewer than two frames.
    """
    a, b = np.asarray(true, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if abs(len(a) - len(b)) > 1:
        raise UserError(f"A predicted motion has {len(b)} frames, and the truth {len(a)}.")
    frames = min(len(a), len(b))
    if frames < 2:
        raise UserError(f"A motion is too short to measure: {frames} frame(s).")
    a, b = a[:frames], b[:frames]
    return LipRow(
        correlations=tuple(lagged_correlation(a, b, k) for k in range(-MAX_LAG, MAX_LAG + 1)),
        closed=tuple(bilabial_apertures(b, phonemes, fps)),
        true_closed=tuple(bilabial_apertures(a, phonemes, fps)),
        wide=tuple(open_vowel_apertures(b, phonemes, fps)),
        true_wide=tuple(open_vowel_apertures(a, phonemes, fps)),
        error=float(np.abs(a - b).sum()),
        frames=frames,
        peak=float(np.abs(lip_velocity(b, fps)).max()),
        true_peak=float(np.abs(lip_velocity(a, fps)).max()),
    )


def aperture_rows(row: LipRow) -> dict[str, tuple[float, float]]:
    """Return a comparison as rows of `talking_heads.metrics.registry.LIP_METRICS`.

    Parameters
    ----------
    row : LipRow
        From `lip_row`.

    Returns
    -------
    dict
        ``{name: (numerator, denominator)}``; without a p, b or m there is no closure rate.
    """
    rows = {
        "aperture_correlation": (float(row.correlations[MAX_LAG]), 1.0),
        "aperture_error": (float(row.error), float(row.frames)),
    }
    if row.closed:
        rows["closure_rate"] = (float(sum(v < CLOSED for v in row.closed)), float(len(row.closed)))
    return rows


def _mean(values: NDArray[Any]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def lip_summary(rows: Sequence[LipRow], fps: float = 25.0) -> LipReport:
    """Return the figures of several comparisons.

    Parameters
    ----------
    rows : sequence of LipRow
        One a clip.
    fps : float
        Frames a second.

    Returns
    -------
    LipReport
        Figures that need a sound which never occurs are NaN.

    Raises
    ------
    UserError
        If there are none.
    """
    if not rows:
        raise UserError("There are no clips to measure.")
    by_lag = np.mean([row.correlations for row in rows], axis=0)
    # Of lags that are equally good, the smallest counts: a still face has none.
    best = max(range(len(by_lag)), key=lambda place: (by_lag[place], -abs(place - MAX_LAG)))

    def joined(name: str) -> NDArray[np.float64]:
        return np.array([value for row in rows for value in getattr(row, name)])

    closed, true_closed = joined("closed"), joined("true_closed")
    wide, true_wide = joined("wide"), joined("true_wide")
    peak, true_peak = np.percentile([(row.peak, row.true_peak) for row in rows], 95, axis=0)
    return LipReport(
        aperture_correlation=float(by_lag[MAX_LAG]),
        best_lag_ms=(best - MAX_LAG) * 1000 / fps,
        correlation_at_best_lag=float(by_lag[best]),
        closure_rate=_mean(closed < CLOSED),
        true_closure_rate=_mean(true_closed < CLOSED),
        open_minus_closed_mm=1000 * (_mean(wide) - _mean(closed)),
        true_open_minus_closed_mm=1000 * (_mean(true_wide) - _mean(true_closed)),
        aperture_error_mm=1000 * sum(row.error for row in rows) / sum(row.frames for row in rows),
        peak_velocity_mm_s=float(1000 * peak),
        true_peak_velocity_mm_s=float(1000 * true_peak),
        clips=len(rows),
        bilabials=len(true_closed),
        open_vowels=len(true_wide),
    )


def lip_report(
    true: Sequence[NDArray[np.float32]],
    predicted: Sequence[NDArray[np.float32]],
    phonemes: Sequence[Sequence[Phoneme]],
    face: ApertureFace | Sequence[ApertureFace],
    fps: float = 25.0,
) -> LipReport:
    """Measure the lips of predicted motions against true ones.

    Parameters
    ----------
    true, predicted : sequence of ndarray
        One ``(frame, 52)`` a clip. Lengths may differ by one frame.
    phonemes : sequence of sequences of Phoneme
        One list a clip.
    face : ApertureFace or sequence of them
        The speaker's head, or one for each clip.
    fps : float
        Frames a second.

    Returns
    -------
    LipReport
        Figures that need a sound which never occurs are NaN.

    Raises
    ------
    UserError
        If the lists differ in length, are empty, or a pair of motions differs in length.
    """
    if not len(true) == len(predicted) == len(phonemes):
        raise UserError(
            f"{len(true)} true and {len(predicted)} predicted motions and {len(phonemes)} lists "
            "of phonemes do not match."
        )
    faces = [face] * len(true) if not isinstance(face, Sequence) else list(face)
    if len(faces) != len(true):
        raise UserError(f"{len(faces)} faces do not match {len(true)} motions.")
    rows = [
        lip_row(head.aperture(a), head.aperture(b), sounds, fps)
        for a, b, sounds, head in zip(true, predicted, phonemes, faces, strict=True)
    ]
    return lip_summary(rows, fps)
