"""Summing up what was measured: over clips, seeds and speakers, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from talking_heads.errors import UserError
from talking_heads.metrics.arrays import Array
from talking_heads.metrics.bootstrap import DRAWS, LEVEL, bootstrap_interval
from talking_heads.metrics.measure import DROPPED, as_added, is_pooled
from talking_heads.metrics.registry import ALL_METRICS, Row


def combine(rows: Sequence[Row], metric: str) -> float:
    """Return the value of a metric over clips.

    Parameters
    ----------
    rows : sequence of (float, float)
        One a clip.
    metric : str
        Its name; it decides whether rows are pooled or divided first.

    Returns
    -------
    float

    Raises
    ------
    UserError
        If there are no rows, or there is no such metric.
    """
    if metric not in ALL_METRICS and metric != DROPPED:
        raise UserError(f"There is no metric {metric!r}. There are: {', '.join(ALL_METRICS)}.")
    if not rows:
        raise UserError("There are no clips to measure.")
    top, bottom = np.sum([as_added(metric, row) for row in rows], axis=0)
    return float(top / bottom)


def shown_unit(metric: str, unit: str | None) -> tuple[float, str]:
    """Return how to print a metric's value for data in some unit.

    Parameters
    ----------
    metric : str
        Its name.
    unit : str or None
        Of the data: ``"m"``, or None for none (BIWI).

    Returns
    -------
    factor : float
        What to multiply the value by.
    label : str
        The unit then: ``"mm"`` for distances in metres, ``"m^2"`` for squared ones, which are so in
        print (3.1e-5, whatever unit stands beside them); empty for none.
    """
    power = "" if metric == DROPPED else ALL_METRICS[metric].unit
    if not unit or not power:
        return 1.0, ""
    if unit == "m" and power == "u":
        return 1000.0, "mm"
    return 1.0, unit if power == "u" else f"{unit}^2"


def summarise_metrics(
    rows: Sequence[Sequence[Mapping[str, Row]]],
    *,
    unit: str | None = None,
    speakers: Sequence[str] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    level: float = LEVEL,
) -> dict[str, dict[str, Any]]:
    """Sum up the rows of many clips.

    Parameters
    ----------
    rows : sequence of sequences of dict
        For each clip, for each seed, what `measure_clip` or `average_rows` returned. All clips have
        the same number of seeds, in the same order. Instead of seeds they may be speaking styles:
        for a new speaker, papers average over those of all training speakers.
    unit : str or None
        Of the data.
    speakers : sequence of str, optional
        Who speaks in each clip.
    draws, seed : int
        Of the bootstrap.
    level : float
        Of the intervals.

    Returns
    -------
    dict
        For each metric: ``value`` (in the unit of the data or its square); ``unit``; ``better``;
        ``combine``; ``interval`` ``[low, high]`` and what it is ``interval_over`` ("clips", or
        "clips and seeds" if there are several seeds); ``interval_speakers``, with speakers drawn
        anew; ``by_seed``, one value each; ``by_speaker``; and the number of ``clips`` that have it.
        What cannot be said is None. Values are not rounded.

    Raises
    ------
    UserError
        If there are no clips, or their seeds or speakers do not match.
    """
    if not rows or not all(rows):
        raise UserError("There are no clips to measure.")
    seeds = len(rows[0])
    if any(len(own) != seeds for own in rows):
        raise UserError("All clips need the same number of seeds.")
    if speakers is not None and len(speakers) != len(rows):
        raise UserError(f"{len(speakers)} speakers do not match {len(rows)} clips.")
    found = dict.fromkeys(name for own in rows for row in own for name in row)
    out = {}
    for name in [n for n in (*ALL_METRICS, DROPPED) if n in found]:
        having = [i for i, own in enumerate(rows) if all(name in row for row in own)]
        if not having:
            continue
        table = np.array([[as_added(name, row[name]) for row in rows[i]] for i in having])
        who = None if speakers is None else [speakers[i] for i in having]
        options: dict[str, Any] = {"draws": draws, "seed": seed, "level": level}
        over: Literal["clips", "clips and seeds"] = "clips" if seeds == 1 else "clips and seeds"
        out[name] = {
            "value": _ratio(table),
            "unit": _unit(name, unit),
            "better": "zero" if name == DROPPED else ALL_METRICS[name].better,
            "combine": "pooled" if is_pooled(name) else "mean of clips",
            "interval": _listed(bootstrap_interval(table, over, **options)),
            "interval_over": over,
            "interval_speakers": who
            and _listed(bootstrap_interval(table, "speakers", speakers=who, **options)),
            "by_seed": [_ratio(table[:, place]) for place in range(seeds)],
            "by_speaker": who
            and {
                person: _ratio(table[[name == person for name in who]])
                for person in dict.fromkeys(who)
            },
            "clips": len(having),
        }
    return out


def _ratio(table: Array) -> float:
    top, bottom = table.reshape(-1, 2).sum(0)
    return float(top / bottom)


def _listed(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else list(interval)


def _unit(name: str, unit: str | None) -> str | None:
    power = "" if name == DROPPED else ALL_METRICS[name].unit
    return None if not unit or not power else unit if power == "u" else f"{unit}^2"
