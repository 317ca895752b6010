"""Measuring the motions of one clip by all metrics that fit them.

    rows = measure_clip(true, predicted, lips=..., upper_face=...)   # one clip, one seed
    table = summarise_metrics([[rows, ...], ...])                    # clips of seeds

The metrics themselves stand in `talking_heads.metrics.registry.METRICS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

from talking_heads.errors import UserError
from talking_heads.metrics.arrays import Array, Lengths, finite, match_lengths
from talking_heads.metrics.blendshapes import channel_names
from talking_heads.metrics.registry import ALL_METRICS, METRICS, Metric, Parts, Row

Rows = dict[str, Row]

DROPPED = "frames_dropped"
"""Key of a row that is no metric: with ``lengths="trim"``, how many frames were not compared, of
how many the longer motion has."""


class HeadLike(Protocol):
    """What the metrics ask of a head at rest, such as `talking_heads.corpus.heads.Head`."""

    @property
    def vertices(self) -> Array:
        """``(V, 3)``."""
        ...

    @property
    def regions(self) -> Mapping[str, Any]:
        """Vertex numbers by name."""
        ...

    @property
    def lip_pairs(self) -> Any:
        """``(2, P)`` or None."""
        ...


def head_parts(head: HeadLike) -> dict[str, Any]:
    """Return what `measure_clip` wants to know of a head, as its keyword arguments.

    Parameters
    ----------
    head : Head
        One speaker's head. Its regions ``"lips"`` and ``"upper_face"`` are used.

    Returns
    -------
    dict
        ``lips``, ``upper_face``, ``lip_pairs`` and ``template``; None for what is not known.
    """
    return {
        "lips": head.regions.get("lips"),
        "upper_face": head.regions.get("upper_face"),
        "lip_pairs": head.lip_pairs,
        "template": head.vertices,
    }


def _kind(values: Array) -> str:
    if values.ndim == 3 and values.shape[2] == 3:
        return "vertices"
    if values.ndim == 2:
        return "coefficients"
    raise UserError(
        f"A motion has the shape (frame, V, 3) or (frame, channel), not {values.shape}."
    )


def _known_names(values: Array, names: Sequence[str] | None) -> Sequence[str] | None:
    return channel_names(values.shape[1]) if names is None and values.ndim == 2 else names


def left_out(motion: Array, parts: Parts) -> dict[str, str]:
    """Say which metrics a motion cannot have, and why.

    Parameters
    ----------
    motion : ndarray
        ``(frame, V, 3)`` or ``(frame, channel)``.
    parts : Parts
        What is known about its mesh or its channels.

    Returns
    -------
    dict
        A reason for each name: ``{"lve": "lips are not known"}``. Metrics of the other kind of
        motion are not listed.
    """
    kind = _kind(np.asanyarray(motion))
    full = _completed(np.asanyarray(motion), parts)
    lost = {m.name: m.missing(full) for m in METRICS.values() if m.kind == kind}
    return {
        name: f"{' and '.join(what).replace('_', ' ')} not known"
        for name, what in lost.items()
        if what
    }


def _completed(motion: Array, parts: Parts) -> Parts:
    names = _known_names(motion, parts.names)
    return Parts(parts.lips, parts.upper_face, parts.lip_pairs, parts.template, names)


def measure_clip(
    true: ArrayLike,
    predicted: ArrayLike,
    *,
    lips: ArrayLike | None = None,
    upper_face: ArrayLike | None = None,
    lip_pairs: ArrayLike | None = None,
    template: Array | None = None,
    names: Sequence[str] | None = None,
    lengths: Lengths = "error",
    only: Iterable[str] | None = None,
) -> Rows:
    """Compare one predicted motion with one true motion by all metrics that fit.

    Parameters
    ----------
    true, predicted : array_like
        ``(frame, V, 3)`` offsets from the speaker's template, or ``(frame, channel)`` coefficients.
    lips, upper_face, lip_pairs, template, names
        What is known of the mesh or the channels; see `Parts`. Metrics that need what is missing
        are left out: `left_out` says which and why.
    lengths : {"error", "trim"}
        What to do where the lengths differ: refuse; or compare the frames that both have, and
        report how many were dropped under the key ``"frames_dropped"``.
    only : iterable of str, optional
        Names of the metrics to compute; all by default.

    Returns
    -------
    dict
        ``{name: (numerator, denominator)}``. The value for this clip is their ratio.

    Raises
    ------
    UserError
        If the motions do not match, or hold values that are not finite; if a region does not fit;
        if a name of `only` is not that of a metric.
    """
    a, b = np.asanyarray(true), np.asanyarray(predicted)
    kind = _kind(a)
    a, b, dropped = match_lengths(a, b, lengths)
    parts = _completed(a, Parts(lips, upper_face, lip_pairs, template, names))
    rows: Rows = {}
    for metric in _chosen(only):
        if metric.kind == kind and metric.row is not None and not metric.missing(parts):
            with np.errstate(invalid="ignore"):
                rows[metric.name] = _finite(metric.row(a, b, parts))
    if lengths == "trim":
        rows[DROPPED] = (float(dropped), float(len(a) + dropped))
    return rows


def measure_spread(
    predictions: Sequence[ArrayLike],
    *,
    over: Literal["seeds", "styles"] = "seeds",
    lips: ArrayLike | None = None,
    upper_face: ArrayLike | None = None,
    lengths: Lengths = "error",
) -> Rows:
    """Compare several predictions for one clip with each other: their diversity.

    Give it several truths of a clip to learn how diverse people are.

    Parameters
    ----------
    predictions : sequence of array_like
        ``(frame, V, 3)`` or ``(frame, channel)`` each.
    over : {"seeds", "styles"}
        What they differ in. It decides the names of the rows.
    lips, upper_face : array_like, optional
        Vertex numbers.
    lengths : {"error", "trim"}
        What to do where the lengths differ; "trim" cuts all to the shortest, and reports the
        frames dropped of all as `measure_clip` does.

    Returns
    -------
    dict
        ``{name: (numerator, denominator)}``.

    Raises
    ------
    UserError
        If there are fewer than two, they do not match, or hold values that are not finite.
    """
    motions = [np.asanyarray(p) for p in predictions]
    if len(motions) < 2:
        raise UserError("Diversity needs at least two predictions for a clip.")
    if over not in ("seeds", "styles"):
        raise UserError(f'Diversity is over "seeds" or "styles", not {over!r}.')
    kind = _kind(motions[0])
    counts = [len(m) for m in motions]
    if lengths == "trim":
        motions = [m[: min(counts)] for m in motions]
    parts = Parts(lips, upper_face)
    rows: Rows = {}
    for metric in METRICS.values():
        fits = metric.kind == kind and metric.name.startswith("diversity_styles") == (
            over == "styles"
        )
        if fits and metric.spread is not None and not metric.missing(parts):
            with np.errstate(invalid="ignore"):
                rows[metric.name] = _finite(metric.spread(motions, parts))
    if lengths == "trim":
        rows[DROPPED] = (float(sum(counts) - len(counts) * min(counts)), float(sum(counts)))
    return rows


def _chosen(only: Iterable[str] | None) -> list[Metric]:
    wanted = list(METRICS) if only is None else list(dict.fromkeys(only))
    unknown = [name for name in wanted if name not in METRICS]
    if unknown:
        raise UserError(f"There is no metric {unknown[0]!r}. There are: {', '.join(METRICS)}.")
    return [METRICS[name] for name in wanted]


def _finite(row: Row) -> Row:
    finite(np.asarray(row))
    return row


def is_pooled(name: str) -> bool:
    """Return whether the rows of a metric are added up before they are divided."""
    return name == DROPPED or ALL_METRICS[name].combine == "pooled"


def as_added(name: str, row: Row) -> Row:
    """Return a row that may be added to others: divided, where clips weigh the same."""
    return row if is_pooled(name) else (row[0] / row[1], 1.0)


def average_rows(rows: Sequence[Mapping[str, Row]]) -> Rows:
    """Return the mean of several comparisons of one prediction, as with several true motions.

    Parameters
    ----------
    rows : sequence of dict
        From `measure_clip`, one for each truth.

    Returns
    -------
    dict
        One row for each metric that all of them have. No comparison is preferred: the best of
        several truths would be another metric, and a kinder one.

    Raises
    ------
    UserError
        If there are none.
    """
    if not rows:
        raise UserError("There are no comparisons to average.")
    out: Rows = {}
    for name in rows[0]:
        if all(name in row for row in rows):
            top, bottom = np.mean([as_added(name, row[name]) for row in rows], axis=0)
            out[name] = (float(top), float(bottom))
    return out


def measure_truths(truths: Sequence[ArrayLike], predicted: ArrayLike, **options: Any) -> Rows:
    """Compare a prediction with each of several truths and average.

    Parameters
    ----------
    truths : sequence of array_like
        True motions for one sound.
    predicted : array_like
        One prediction.
    **options
        Those of `measure_clip`.

    Returns
    -------
    dict
        As from `average_rows`.

    Raises
    ------
    UserError
        As `measure_clip`.
    """
    return average_rows([measure_clip(true, predicted, **options) for true in truths])
