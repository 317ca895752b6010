"""One clip at a time: predictions, and what comes out when they are compared with the truths."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from talking_heads.face.motion import Motion
from talking_heads.metrics.arrays import smooth_as_published
from talking_heads.metrics.lips import aperture_rows
from talking_heads.metrics.measure import (
    DROPPED,
    average_rows,
    head_parts,
    measure_clip,
    measure_spread,
)
from talking_heads.metrics.registry import LIP_METRICS, METRICS, Row
from talking_heads.training.animators import animate_clip
from talking_heads.training.spaces import ClipSpace, Judged
from talking_heads.training.styles import StyleChoice

if TYPE_CHECKING:
    from talking_heads.corpus.clip import Clip
    from talking_heads.training.evaluation import Animator

Rows = dict[str, Row]

SIGNED = tuple(name for name, metric in METRICS.items() if metric.better == "zero")
"""Metrics whose signs cancel: of two truths, each against the other, they are 0 by construction."""
LEAST_FRAMES = 2
"""A clip, or a prediction, of fewer frames is left out: nothing moves in it."""


@dataclass(frozen=True)
class Plan:
    """How a model is asked.

    Parameters
    ----------
    seeds : int
        Predictions of each clip and style, seeds counted from 0.
    certain : bool
        Whether other seeds would give the same: diversity is then 0 without asking.
    smooth : bool
        Whether predictions are smoothed as one published program does.
    only : tuple of str, optional
        Names of the metrics to take; all by default.
    """

    seeds: int = 1
    certain: bool = False
    smooth: bool = False
    only: tuple[str, ...] | None = None


@dataclass
class Count:
    """Frames: how many were compared, how many there were, and in how many clips lengths differ."""

    compared: int = 0
    predicted: int = 0
    true: int = 0
    cut_clips: int = 0
    dropped: int = 0

    def add(self, true: int, predicted: int) -> None:
        """Count a clip whose truth and prediction have so many frames."""
        self.compared += min(true, predicted)
        self.true += true
        self.predicted += predicted
        self.cut_clips += true != predicted
        self.dropped += abs(true - predicted)


@dataclass
class Found:
    """What was measured so far, clip by clip.

    Parameters
    ----------
    rows : list
        Of each clip, for each seed, the rows of all metrics that compare with truths.
    across : list
        Of each clip the rows of those that compare predictions with each other.
    truth_spread : list
        The same rows for the truths of those clips that have several.
    clips, choices, skipped : list
        The clips, the styles they were animated in, and ids of clips too short to measure.
    seconds : list of float
        For a frame, of each call.
    count : Count
        Of frames.
    """

    rows: list[list[Rows]] = field(default_factory=list)
    across: list[Rows] = field(default_factory=list)
    truth_spread: list[Rows] = field(default_factory=list)
    clips: list[Clip] = field(default_factory=list)
    choices: list[StyleChoice] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    count: Count = field(default_factory=Count)

    def add(self, clip: Clip, rows: list[Rows], across: Rows, truths: Rows | None) -> None:
        """Keep the figures of a clip."""
        self.clips.append(clip)
        self.rows.append(rows)
        self.across.append(across)
        if truths is not None:
            self.truth_spread.append(truths)


class ClipJudge:
    """Compares predictions for one clip with its truths and with each other.

    Parameters
    ----------
    space : ClipSpace
        Of the clip.
    plan : Plan
        Which metrics.
    """

    def __init__(self, space: ClipSpace, plan: Plan) -> None:
        self.space, self.plan = space, plan
        self.mesh = head_parts(space.head)
        self.regions = {name: self.mesh[name] for name in ("lips", "upper_face")}

    def _wants(self, name: str) -> bool:
        return self.plan.only is None or name in self.plan.only

    def rows(self, made: Judged, truths: Sequence[int]) -> Rows:
        """Return the comparison of a prediction with some truths: the mean over them."""
        only = [name for name in METRICS if self._wants(name)]
        found = []
        for number in truths:
            true = self.space.truths[number]
            options: dict[str, Any] = {"lengths": "trim", "only": only}
            row = measure_clip(true.vertices, made.vertices, **options, **self.mesh)
            if made.coefficients is not None and true.coefficients is not None:
                row |= measure_clip(true.coefficients, made.coefficients, **options)
            if any(map(self._wants, LIP_METRICS)):
                lips = self.space.lip_row(made.motion, number)
                row |= {} if lips is None else aperture_rows(lips)
            found.append({name: pair for name, pair in row.items() if self._wants(name)})
        return average_rows(found)

    def spread(self, several: Sequence[Judged], over: Literal["seeds", "styles"]) -> Rows:
        """Return how far several predictions, or truths, are apart."""
        rows = measure_spread(
            [made.vertices for made in several], over=over, lengths="trim", **self.regions
        )
        values = [made.coefficients for made in several if made.coefficients is not None]
        if len(values) == len(several):
            rows |= measure_spread(values, over=over, lengths="trim")
        return {n: row for n, row in rows.items() if self._wants(n) and n != DROPPED}

    def truth_spread(self) -> Rows | None:
        """Return how far the truths are apart; None if there is only one."""
        return self.spread(self.space.truths, "seeds") if len(self.space.clip.truths) > 1 else None


def judge_model(
    model: Animator, space: ClipSpace, choice: StyleChoice, plan: Plan, found: Found
) -> None:
    """Animate a clip in all styles and seeds, and add what comes out to `found`.

    Predictions of one style are in memory together, and the first of each style.

    Parameters
    ----------
    model : Animator
        The model.
    space : ClipSpace
        Of the clip.
    choice : StyleChoice
        The styles.
    plan : Plan
        Seeds, smoothing and metrics.
    found : Found
        What was measured so far.

    Raises
    ------
    UserError
        If a prediction does not fit the clip.
    """
    clip, judge = space.clip, ClipJudge(space, plan)
    # The sound is read once, and reading it is not the model's time.
    loaded = dataclasses.replace(clip, source=clip.audio)
    by_seed: list[list[Rows]] = [[] for _ in range(plan.seeds)]
    firsts: list[Judged] = []
    spreads: list[Rows] = []
    for style in choice.names:
        made: list[Judged] = []
        for seed in range(plan.seeds):
            motion, seconds = _animated(model, loaded, style, seed, plan.smooth)
            if min(len(motion), len(clip)) < LEAST_FRAMES:
                found.skipped.append(clip.id)
                return
            if seed == 0 and style == choice.names[0]:
                found.count.add(len(clip), len(motion))
            found.seconds.append(seconds / len(motion))
            made.append(space.judged(motion))
            by_seed[seed].append(judge.rows(made[-1], range(len(clip.truths))))
        if plan.certain:
            made *= 2
        if len(made) > 1:
            spreads.append(judge.spread(made, "seeds"))
        firsts.append(made[0])
    across = average_rows(spreads) if spreads else {}
    if len(firsts) > 1:
        across |= judge.spread(firsts, "styles")
    found.add(clip, [average_rows(own) for own in by_seed], across, judge.truth_spread())
    found.choices.append(choice)


def _animated(
    model: Animator, clip: Clip, style: str | None, seed: int, smooth: bool
) -> tuple[Motion, float]:
    """Animate a clip; returns the motion and the seconds it took."""
    began = time.perf_counter()
    motion = animate_clip(model, clip, speaker=style, seed=seed)
    seconds = time.perf_counter() - began
    if smooth:
        values = smooth_as_published(motion.values).astype(np.float32)
        motion = dataclasses.replace(motion, values=values)
    return motion, seconds


def judge_truths(space: ClipSpace, plan: Plan, found: Found) -> None:
    """Measure each truth of a clip against the others, and add what comes out to `found`.

    `SIGNED` metrics are left out. Parameters are those of `judge_model`.
    """
    clip, judge = space.clip, ClipJudge(space, plan)
    if len(clip) < LEAST_FRAMES:
        found.skipped.append(clip.id)
        return
    numbers = range(len(clip.truths))
    rows = average_rows(
        [
            judge.rows(made, [other for other in numbers if other != number])
            for number, made in enumerate(space.truths)
        ]
    )
    across = judge.truth_spread()
    rows = {name: row for name, row in rows.items() if name not in SIGNED}
    found.count.add(len(clip), len(clip))
    found.add(clip, [rows], across or {}, across)
