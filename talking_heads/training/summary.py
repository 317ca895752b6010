"""From what was measured clip by clip to figures, the time of a frame, and notes in words."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from talking_heads.metrics.measure import DROPPED, head_parts, left_out
from talking_heads.metrics.registry import ALL_METRICS, Parts, Row
from talking_heads.metrics.summary import summarise_metrics
from talking_heads.training.judging import Found, Plan
from talking_heads.training.provenance import device_record

if TYPE_CHECKING:
    from talking_heads.corpus.collection import Corpus

_FEW_CLIPS = 10


def figures(found: Found, unit: str | None) -> dict[str, dict[str, Any]]:
    """Return the value of each metric with its intervals, and what it is.

    Parameters
    ----------
    found : Found
        What was measured.
    unit : str or None
        Of vertices.

    Returns
    -------
    dict
        For each metric ``title``, what `talking_heads.metrics.summary.summarise_metrics` gives,
        ``formula`` and ``source``, in the order of `ALL_METRICS`.
    """
    speakers = [clip.speaker for clip in found.clips]
    # Diversity belongs to a clip and to none of its seeds.
    summed = _summed(found.rows, speakers, unit)
    summed |= _summed([[row] for row in found.across], speakers, unit)
    return {
        name: {
            "title": metric.title,
            **summed[name],
            "formula": metric.formula,
            "source": metric.source,
        }
        for name, metric in ALL_METRICS.items()
        if name in summed
    }


def truth_diversity(found: Found) -> dict[str, float]:
    """Return how far the truths of a clip are apart, over the clips that have several."""
    if not found.truth_spread:
        return {}
    summed = summarise_metrics([[row] for row in found.truth_spread], draws=1)
    return {name: figure["value"] for name, figure in summed.items()}


def _summed(
    rows: Sequence[Sequence[Mapping[str, Row]]], speakers: Sequence[str], unit: str | None
) -> dict[str, dict[str, Any]]:
    out = summarise_metrics(rows, unit=unit, speakers=speakers)
    out.pop(DROPPED, None)
    return out


def clip_figures(found: Found) -> list[dict[str, Any]]:
    """Return the value of each metric for each clip and seed."""
    return [
        {
            "clip": clip.id,
            "speaker": clip.speaker,
            "seed": seed,
            **{n: top / bottom for n, (top, bottom) in row.items() if n != DROPPED and bottom},
        }
        for clip, by_seed in zip(found.clips, found.rows, strict=True)
        for seed, row in enumerate(by_seed)
    ]


def frame_time(seconds: Sequence[float], fps: float, device: Any) -> dict[str, Any]:
    """Return how long a frame takes; the first call, which loads and compiles, does not count.

    Parameters
    ----------
    seconds : sequence of float
        For a frame, of each call.
    fps : float
        Frames a second.
    device : device or str
        Where the model ran.

    Returns
    -------
    dict
        ``seconds_per_frame``, the median over calls; ``real_time_factor``, seconds of work for a
        second of motion; ``calls``, what is included, device and threads.
    """
    counted = list(seconds[1:]) or list(seconds)
    middle = statistics.median(counted)
    return {
        "seconds_per_frame": middle,
        "real_time_factor": middle * fps,
        "calls": len(counted),
        "includes": "with the features of the sound, without reading the file or posing a head",
        **device_record(device),
    }


def notes(corpus: Corpus, found: Found, plan: Plan) -> list[str]:
    """Return what a reader of the figures must know, a sentence each."""
    out = []
    if plan.certain:
        out.append("The model leaves nothing to chance: one seed tells all, and diversity is 0.")
    if plan.smooth:
        out.append("Predictions were smoothed over three frames, as one published program does.")
    count = found.count
    if count.cut_clips:
        out.append(
            f"Lengths differ in {count.cut_clips} of {len(found.clips)} clips: {count.dropped} "
            f"frames beyond the common part were left out, {count.compared} compared."
        )
    if found.skipped:
        out.append(
            f"Too short to measure, left out: {len(found.skipped)} clips, {found.skipped[0]} for "
            "one."
        )
    if len(found.clips) < _FEW_CLIPS:
        few = len(found.clips)
        out.append(f"Only {few} clip{'s' * (few != 1)}: the true intervals are wider.")
    return out + _space_notes(corpus, found)


def _space_notes(corpus: Corpus, found: Found) -> list[str]:
    if corpus.surface is None:
        heads = {corpus.face_ids[clip.speaker].partition("@")[0] for clip in found.clips}
        whose = "the neutral head" if heads == {"neutral"} else "the speaker's own head"
        return [
            f"Vertices are those of {whose}: its skin at the low resolution, with soft tissue, "
            "without scan noise."
        ]
    out = []
    head = corpus.head(found.clips[0].speaker)
    lost = left_out(head.vertices[None], Parts(**head_parts(head)))
    for reason in dict.fromkeys(lost.values()):
        names = ", ".join(name for name, why in lost.items() if why == reason)
        out.append(f"{reason[:1].upper()}{reason[1:]}: no {names}.")
    if corpus.unit is None:
        out.append("The coordinates of this data set have no unit, so the figures have none.")
    return out
