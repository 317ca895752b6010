"""All lip figures of predicted motions for clips, with intervals.

A clip may have several truths. A prediction is compared with each of them, and the figures are
means over them. Intervals come from drawing the clips anew with replacement.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.corpus.clip import Clip
from talking_heads.corpus.views import truth_noise_seed
from talking_heads.errors import UserError
from talking_heads.face import Motion, get_face, motion_aperture, scan_noise
from talking_heads.metrics.bootstrap import DRAWS, clip_weights
from talking_heads.metrics.lips import CLOSED, MAX_LAG, LipRow, lip_row, lip_summary
from talking_heads.metrics.vertex_error import lip_surface, max_vertex_error

RESOLUTION = "low"
"""Resolution at which vertex errors are measured."""


@dataclass(frozen=True)
class Score:
    """One prediction for one clip, against the clip's truths.

    Parameters
    ----------
    speaker : str
        Who speaks.
    rows : tuple of LipRow
        One a truth.
    surface : tuple of float or None
        Sums over truths and frames of the largest lip vertex error in metres, against the clean
        and the scanned surface; None where surfaces were not compared.
    """

    speaker: str
    rows: tuple[LipRow, ...]
    surface: tuple[float, float] | None = None


class Target:
    """The truths of a clip, ready to be compared with predictions.

    Parameters
    ----------
    clip : Clip
        With phonemes.
    resolution : str
        Of the surface.
    """

    def __init__(self, clip: Clip, resolution: str = RESOLUTION) -> None:
        self.clip = clip
        identity = clip.motion.face_id.partition("@")[0]
        self.face = get_face(f"{identity}@{resolution}")

    @cached_property
    def apertures(self) -> list[NDArray[np.float32]]:
        """The aperture of each truth, ``(frame,)`` metres."""
        return [motion_aperture(truth, self.face) for truth in self.clip.truths]

    @cached_property
    def surfaces(self) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """The lips of each truth, clean and scanned, ``(frame, n, 3)`` metres."""
        out = []
        for number, truth in enumerate(self.clip.truths):
            clean = lip_surface(truth, self.face)
            scanned = clean
            if self.clip.noise_seed is not None:
                seed = truth_noise_seed(self.clip.noise_seed, number)
                noise = scan_noise(self.face, len(clean), seed, truth.fps)
                scanned = clean + noise[:, self.face.regions["lips"]]
            out.append((clean, scanned))
        return out

    def score(
        self, motion: Motion, *, truths: Sequence[int] | None = None, surface: bool = True
    ) -> Score:
        """Compare a prediction with the truths.

        Parameters
        ----------
        motion : Motion
            Of coefficients, whatever its head, or of vertices of the clip's own head at the
            resolution of this target.
        truths : sequence of int, optional
            Which truths; all by default.
        surface : bool
            Whether to compare surfaces too.

        Returns
        -------
        Score

        Raises
        ------
        UserError
            If the motion does not fit.
        """
        chosen = range(len(self.clip.truths)) if truths is None else truths
        own = dataclasses.replace(motion, face_id=self.face.id, head_rotation=None)
        gap = motion_aperture(own, self.face)
        rows = tuple(
            lip_row(self.apertures[i], gap, self.clip.phonemes, motion.fps) for i in chosen
        )
        if not surface:
            return Score(self.clip.speaker, rows)
        made = lip_surface(own, self.face)
        errors = np.zeros(2)
        for i in chosen:
            for which, true in enumerate(self.surfaces[i]):
                frames = min(len(true), len(made))
                errors[which] += max_vertex_error(true[:frames], made[:frames]).sum()
        return Score(self.clip.speaker, rows, (float(errors[0]), float(errors[1])))


def _sums(score: Score) -> list[float]:
    """Return what the figures are ratios of: a sum and its count, for each of `_NAMES`."""
    rows = score.rows
    closed, wide = ([v for row in rows for v in getattr(row, key)] for key in ("closed", "wide"))
    frames = sum(row.frames for row in rows)
    clean, scanned = score.surface or (np.nan, np.nan)
    return [
        sum(row.correlations[MAX_LAG] for row in rows), len(rows),
        sum(value < CLOSED for value in closed), len(closed),
        1000 * sum(wide), len(wide), 1000 * sum(closed), len(closed),
        1000 * sum(row.error for row in rows), frames,
        1000 * clean, frames,
        1000 * scanned, frames,
    ]  # fmt: skip


_NAMES = (
    "aperture_correlation",
    "closure_rate",
    "open_minus_closed_mm",
    "aperture_error_mm",
    "max_lip_error_mm",
    "max_lip_error_scanned_mm",
)


def _figures(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return the figures ``(...)`` of sums ``(..., 14)``."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = sums[..., ::2] / sums[..., 1::2]
    columns = [ratio[..., 0], ratio[..., 1], ratio[..., 2] - ratio[..., 3], *np.moveaxis(
        ratio[..., 4:], -1, 0
    )]  # fmt: skip
    return dict(zip(_NAMES, columns, strict=True))


def intervals(
    scores: Sequence[Sequence[Score]], *, draws: int = DRAWS, seed: int = 0, level: float = 0.95
) -> dict[str, list[float]]:
    """Return how far the figures would vary with other clips of the same kind.

    The bootstrap: clips are drawn anew with replacement, and the figures computed again.

    Parameters
    ----------
    scores : sequence of sequences of Score
        For each clip its scores (one a seed, say).
    draws : int
        How often to draw.
    seed : int
        Of the draws.
    level : float
        Share of the draws that lie within the interval.

    Returns
    -------
    dict
        ``[low, high]`` for correlation, closure, open minus closed, aperture error and the two
        vertex errors; those that were not measured are left out.
    """
    sums = np.array([np.sum([_sums(score) for score in own], axis=0) for own in scores])
    weights = clip_weights(len(sums), draws, seed)
    sides = [(1 - level) / 2, (1 + level) / 2]
    out = {}
    for name, values in _figures(weights @ sums).items():
        known = values[np.isfinite(values)]
        if len(known):
            out[name] = [round(float(v), 4) for v in np.quantile(known, sides)]
    return out


def summarise(scores: Sequence[Sequence[Score]], fps: float = 25.0) -> dict[str, Any]:
    """Return the figures of many clips.

    Parameters
    ----------
    scores : sequence of sequences of Score
        For each clip its scores (one a seed, say).
    fps : float
        Frames a second.

    Returns
    -------
    dict
        The fields of `talking_heads.metrics.lips.LipReport`, None instead of NaN;
        ``max_lip_error_mm`` and ``max_lip_error_scanned_mm``, means over frames of the largest
        distance of a lip vertex from the clean and from the scanned surface, where they were
        measured; ``intervals`` (95 %, over clips); and correlation, closure and vertex error
        ``by_speaker``.

    Raises
    ------
    UserError
        If there is nothing to summarise.
    """
    flat = [score for own in scores for score in own]
    if not flat:
        raise UserError("There are no clips to measure.")
    report = lip_summary([row for score in flat for row in score.rows], fps).to_dict()
    # Counts are of clips and sounds, however many truths and seeds there are.
    first = [own[0].rows[0] for own in scores]
    report |= {
        "clips": len(scores),
        "bilabials": sum(len(row.true_closed) for row in first),
        "open_vowels": sum(len(row.true_wide) for row in first),
    }
    # JSON knows no NaN: a figure of a sound that never occurs is None.
    out: dict[str, Any] = {
        key: value if isinstance(value, int) else round(value, 4) if value == value else None
        for key, value in report.items()
    }
    out |= _rounded(flat, _NAMES[4:])
    out["intervals"] = intervals(scores)
    people = dict.fromkeys(score.speaker for score in flat)
    out["by_speaker"] = {
        name: _rounded(
            [score for score in flat if score.speaker == name],
            ("aperture_correlation", "closure_rate", "max_lip_error_mm"),
        )
        for name in people
    }
    return out


def _rounded(scores: Sequence[Score], names: Sequence[str]) -> dict[str, float]:
    figures = _figures(np.sum([_sums(score) for score in scores], axis=0))
    return {name: round(float(figures[name]), 4) for name in names if np.isfinite(figures[name])}
