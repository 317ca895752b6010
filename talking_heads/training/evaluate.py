"""The protocol by which every model is measured on every corpus.

Each clip of a split is animated once for each seed, and for each style where there are several. A
prediction is compared with every truth of the clip, over the frames that both have; figures are
means over truths and styles, never the best of them. Intervals come from drawing the clips anew.
Everything that was not as asked for is said in the notes of the result.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face.motion import Motion
from talking_heads.files import shown
from talking_heads.training.animators import BASELINES, animate_clip, load_animator
from talking_heads.training.evaluation import spread
from talking_heads.training.provenance import (
    corpus_record,
    device_record,
    environment_record,
    model_record,
)
from talking_heads.training.spaces import ClipSpace, Judged
from talking_heads.training.styles import StyleChoice, choose_styles, style_counts, style_notes

if TYPE_CHECKING:
    from talking_heads.corpus.clip import Clip, Corpus
    from talking_heads.metrics.registry import Metric, Row
    from talking_heads.training.evaluation import Animator

    Rows = dict[str, Row]

TRUTH = "truth"
"""In the place of a model: each truth of a clip, measured against the others."""
TIME = "time"
"""Name of the time that a frame takes, among the metrics."""
MOST_SEEDS = 100
_LEAST_FRAMES = 2
_FEW_CLIPS = 10


def known_metrics() -> dict[str, Metric]:
    """Return all metrics of motions that `evaluate` can compute, by name."""
    from talking_heads.metrics.registry import ALL_METRICS

    return ALL_METRICS


def check_metrics(names: Sequence[str] | None) -> None:
    """Raise `UserError` if one of the names is not that of a metric; None stands for all."""
    known = (*known_metrics(), TIME)
    for name in names or ():
        if name not in known:
            raise UserError(f"There is no metric {name!r}. There are: {', '.join(known)}.")
    if names is not None and not names:
        raise UserError(f"Name at least one metric: {', '.join(known)}.")


@dataclass
class _Count:
    """How many frames there were."""

    compared: int = 0
    predicted: int = 0
    true: int = 0
    cut_clips: int = 0
    dropped: int = 0

    def add(self, true: int, predicted: int) -> None:
        self.compared += min(true, predicted)
        self.true += true
        self.predicted += predicted
        self.cut_clips += true != predicted
        self.dropped += abs(true - predicted)


@dataclass
class _Found:
    """What was measured so far, clip by clip; `rows` by seed, `across` the diversity over them."""

    clips: list[Clip] = field(default_factory=list)
    rows: list[list[Rows]] = field(default_factory=list)
    across: list[Rows] = field(default_factory=list)
    choices: list[StyleChoice] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    count: _Count = field(default_factory=_Count)
    truth_spread: list[Rows] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


class _Measure:
    """Compares predictions for one clip with its truths."""

    def __init__(self, space: ClipSpace, only: Sequence[str] | None) -> None:
        from talking_heads.metrics.measure import head_parts

        self.space, self.only = space, only
        self.mesh = head_parts(space.head)
        self.regions = {name: self.mesh[name] for name in ("lips", "upper_face")}

    def wants(self, name: str) -> bool:
        return self.only is None or name in self.only

    def rows(self, made: Judged, truths: Sequence[int]) -> Rows:
        """Compare a prediction with some truths; the mean over them."""
        from talking_heads.metrics.measure import average_rows, measure_clip
        from talking_heads.metrics.registry import METRICS

        only = None if self.only is None else [name for name in self.only if name in METRICS]
        found = []
        for number in truths:
            true = self.space.truths[number]
            row: Rows = {}
            if only is None or only:
                row |= measure_clip(
                    true.vertices, made.vertices, lengths="trim", only=only, **self.mesh
                )
                if made.coefficients is not None and true.coefficients is not None:
                    row |= measure_clip(
                        true.coefficients, made.coefficients, lengths="trim", only=only
                    )
            row |= self._lips(made.motion, number)
            found.append(row)
        return average_rows(found)

    def _lips(self, motion: Motion, number: int) -> Rows:
        from talking_heads.metrics.lips import aperture_rows
        from talking_heads.metrics.registry import LIP_METRICS

        if not any(map(self.wants, LIP_METRICS)):
            return {}
        row = self.space.lip_row(motion, number)
        if row is None:
            return {}
        return {name: value for name, value in aperture_rows(row).items() if self.wants(name)}

    def spread(self, several: Sequence[Judged], over: str) -> Rows:
        """Compare predictions with each other."""
        from talking_heads.metrics.measure import DROPPED, measure_spread

        options: dict[str, Any] = {"over": over, "lengths": "trim"}
        rows = measure_spread([made.vertices for made in several], **options, **self.regions)
        values = [made.coefficients for made in several if made.coefficients is not None]
        if len(values) == len(several):
            rows |= measure_spread(values, **options)
        return {n: row for n, row in rows.items() if self.wants(n) and n != DROPPED}


def evaluate(
    model: Animator | str,
    corpus: Corpus,
    split: str,
    *,
    name: str | None = None,
    seeds: int = 1,
    style: str = "own",
    clips: int | None = None,
    metrics: Sequence[str] | None = None,
    smooth: bool = False,
    rows: bool = False,
    progress: bool = False,
) -> dict[str, Any]:
    """Measure a model on a split of a corpus.

    Parameters
    ----------
    model : Animator or str
        From `talking_heads.training.animators.load_animator`; or ``"truth"``: each truth of a clip
        against its other truths.
    corpus : Corpus
        Of the model's frame rate, and of its mesh if it makes vertices.
    split : str
        Which clips.
    name : str, optional
        Of the model, for the record; a name or folder as `load_animator` takes it.
    seeds : int
        How many, 1 to 100, counted from 0. A model without chance in it is asked once.
    style : str
        ``"own"``, ``"average"``, ``"each"`` or the name of one; see
        `talking_heads.training.styles.choose_styles`.
    clips : int, optional
        Take only so many, spread over the split.
    metrics : sequence of str, optional
        Names from `known_metrics` or ``"time"``; by default all that can be had.
    smooth : bool
        Smooth predictions as the published program does for VOCASET; see
        `talking_heads.metrics.arrays.smooth_as_published`.
    rows : bool
        Keep the figures of each clip and seed.
    progress : bool
        Show a bar.

    Returns
    -------
    dict
        ``model``, ``corpus`` and environment as recorded in `talking_heads.training.provenance`;
        ``split``, ``clips``, ``truths``, ``speakers``, ``seeds``, ``style``, ``smooth``,
        ``unit`` of vertices, ``frames``; ``metrics``: for each name value, unit, interval over clips and over speakers,
        values by seed and by speaker, formula and source; ``time`` in seconds a frame; ``notes``,
        and ``rows`` if asked for. Values are in that unit or its square.

    Raises
    ------
    UserError
        If model and corpus do not fit, the split, a metric or a style is unknown, a number is out
        of range, or nothing is left to measure.

    Notes
    -----
    One clip is in memory at a time, with its predictions for all seeds (of one style).
    """
    from tqdm import tqdm

    if not 1 <= seeds <= MOST_SEEDS:
        raise UserError(f"The number of seeds is 1 to {MOST_SEEDS}, not {seeds}.")
    check_metrics(metrics)
    chosen = spread(corpus.split(split), clips)
    notes: list[str] = []
    certain = False
    if isinstance(model, str):
        if model != TRUTH:
            raise UserError(f'A model or "{TRUTH}" can be measured, not {model!r}; load it first.')
        chosen = [clip for clip in chosen if len(clip.truths) > 1]
        if not chosen:
            raise UserError(
                f"No clip of {split} has several truths, so none can be compared with another."
            )
    else:
        check_fit(model, corpus)
        if seeds > 1 and not getattr(model, "random", True):
            seeds, certain = 1, True
            notes.append(
                "The model leaves nothing to chance: one seed will do, and diversity is 0."
            )
    if not chosen:
        raise UserError(f"There is nothing to measure in the split {split}.")

    found = _Found()
    for clip in tqdm(chosen, desc=shown(name or "Evaluating"), unit="clip", disable=not progress):
        space = ClipSpace(clip, corpus)
        measure = _Measure(space, metrics)
        if isinstance(model, str):
            _judge_truths(measure, found)
        else:
            choice = choose_styles(model, clip.speaker, style)
            _judge(model, measure, choice, range(seeds), smooth, certain, found)
    if not any(row for own in found.rows for row in own) and not any(found.across):
        raise UserError("None of these metrics can be had for this model and corpus.")
    return _result(model, corpus, split, name, seeds, style, metrics, smooth, rows, found, notes)


def evaluate_all(
    models: Sequence[str],
    corpus: Corpus,
    splits: Sequence[str],
    *,
    progress: bool = False,
    **options: Any,
) -> list[dict[str, Any]]:
    """Measure several models on several splits.

    Parameters
    ----------
    models : sequence of str
        Names and folders as `talking_heads.training.animators.load_animator` takes them, and
        ``"truth"``.
    corpus : Corpus
        Baselines learn from its split ``train``.
    splits : sequence of str
        Which clips.
    progress : bool
        Show a bar.
    **options
        Those of `evaluate`.

    Returns
    -------
    list of dict
        From `evaluate`; all models of the first split, then of the next.

    Raises
    ------
    UserError
        As `evaluate`. What can be seen beforehand is refused before the first clip.
    """
    models, splits = list(dict.fromkeys(models)), list(dict.fromkeys(splits))
    if not models or not splits:
        raise UserError("Name at least one model and one split.")
    for split in splits:
        corpus.split(split)
    check_metrics(options.get("metrics"))
    loaded: dict[str, Animator | str] = {}
    # Checkpoints first: they load in no time, and a name that is wrong shows before the fitting.
    for name in sorted(models, key=lambda name: name in BASELINES):
        loaded[name] = TRUTH if name == TRUTH else load_animator(name, corpus)
        if not isinstance(model := loaded[name], str):
            check_fit(model, corpus)
    results = []
    for split in splits:
        for name in models:
            try:
                results.append(
                    evaluate(loaded[name], corpus, split, name=name, progress=progress, **options)
                )
            except UserError as error:
                if len(models) == 1:
                    raise
                raise UserError(f"{shown(name)}: {error}") from error
    return results


def check_fit(model: Animator, corpus: Corpus) -> None:
    """Raise `UserError` if a model with a contract cannot be measured on a corpus."""
    contract = getattr(model, "contract", None)
    if contract is None:
        return
    if contract.fps != corpus.fps:
        raise UserError(
            f"The model makes {contract.fps:g} frames a second and {corpus.name} has "
            f"{corpus.fps:g}.\nNothing is resampled here: take a model of this frame rate."
        )


def _animated(
    model: Animator, clip: Clip, style: str | None, seed: int, smooth: bool
) -> tuple[Motion, float]:
    """Animate a clip; returns the motion and the seconds it took."""
    began = time.perf_counter()
    motion = animate_clip(model, clip, speaker=style, seed=seed)
    seconds = time.perf_counter() - began
    if smooth:
        from talking_heads.metrics.arrays import smooth_as_published

        values: NDArray[Any] = smooth_as_published(motion.values)
        motion = dataclasses.replace(motion, values=values.astype(np.float32))
    return motion, seconds


def _judge(
    model: Animator,
    measure: _Measure,
    choice: StyleChoice,
    seeds: Sequence[int],
    smooth: bool,
    certain: bool,
    found: _Found,
) -> None:
    """Animate a clip in all styles and seeds, and measure; `certain`: other seeds change nothing."""
    from talking_heads.metrics.measure import average_rows

    space = measure.space
    truths = range(len(space.clip.truths))
    # The sound is read once, and reading it is not the model's time.
    loaded = dataclasses.replace(space.clip, source=space.clip.audio)
    by_seed: list[list[Rows]] = [[] for _ in seeds]
    firsts: list[Judged] = []
    spreads: list[Rows] = []
    for style in choice.names:
        made: list[Judged] = []
        for place, seed in enumerate(seeds):
            motion, seconds = _animated(model, loaded, style, seed, smooth)
            if place == 0 and style == choice.names[0]:
                if min(len(motion), len(space.clip)) < _LEAST_FRAMES:
                    found.skipped.append(space.clip.id)
                    return
                found.count.add(len(space.clip), len(motion))
            found.seconds.append(seconds / max(1, len(motion)))
            judged = space.judged(motion)
            by_seed[place].append(measure.rows(judged, truths))
            if len(seeds) > 1 or certain:
                made += [judged] * (1 + certain)
            if place == 0 and len(choice.names) > 1:
                firsts.append(judged)
        if len(made) > 1:
            spreads.append(measure.spread(made, "seeds"))
    rows = [average_rows(own) for own in by_seed]
    across: Rows = average_rows(spreads) if spreads else {}
    if len(firsts) > 1:
        across |= measure.spread(firsts, "styles")
    found.rows.append(rows)
    found.across.append(across)
    found.choices.append(choice)
    found.clips.append(space.clip)
    if len(truths) > 1:
        found.truth_spread.append(measure.spread(space.truths, "seeds"))


def _judge_truths(measure: _Measure, found: _Found) -> None:
    """Measure each truth of a clip against the others."""
    from talking_heads.metrics.measure import average_rows

    space = measure.space
    if len(space.clip) < _LEAST_FRAMES:
        found.skipped.append(space.clip.id)
        return
    count = len(space.truths)
    rows = average_rows(
        [
            measure.rows(made, [other for other in range(count) if other != number])
            for number, made in enumerate(space.truths)
        ]
    )
    across = measure.spread(space.truths, "seeds")
    found.rows.append([rows])
    found.across.append(across)
    found.clips.append(space.clip)
    found.count.add(len(space.clip), len(space.clip))
    found.truth_spread.append(across)


def _figures(
    rows: Sequence[Sequence[Mapping[str, Row]]], speakers: Sequence[str], unit: str | None
) -> dict[str, dict[str, Any]]:
    """Sum up, and say of each metric what it is."""
    from talking_heads.metrics.measure import DROPPED, summarise_metrics

    if not rows:
        return {}
    figures = summarise_metrics(rows, unit=unit, speakers=speakers)
    figures.pop(DROPPED, None)
    known = known_metrics()
    return {
        name: {
            "title": metric.title,
            **figures[name],
            "formula": metric.formula,
            "source": metric.source,
        }
        for name, metric in known.items()
        if name in figures
    }


def _result(
    model: Animator | str,
    corpus: Corpus,
    split: str,
    name: str | None,
    seeds: int,
    style: str,
    metrics: Sequence[str] | None,
    smooth: bool,
    keep_rows: bool,
    found: _Found,
    notes: list[str],
) -> dict[str, Any]:
    speakers = [clip.speaker for clip in found.clips]
    # Coefficients have no unit; the head that they are shown on has one.
    unit = corpus.head(speakers[0]).unit
    figures = _figures(found.rows, speakers, unit)
    # Diversity belongs to a clip and to no seed.
    figures |= _figures([[row] for row in found.across], speakers, unit)
    if isinstance(model, str):
        about: dict[str, Any] = {"name": TRUTH}
        notes.append("Each truth of a clip against its other truths; diversity is theirs.")
        seeds = 0
    else:
        about = model_record(name or type(model).__name__, model)
        notes += style_notes(model, found.choices)
    notes += _notes(corpus, found, smooth)
    lost = [n for n in metrics or () if n not in figures and n != TIME]
    if lost:
        notes.append(f"Not to be had here: {', '.join(lost)}.")
    result: dict[str, Any] = {
        "model": about,
        "corpus": corpus_record(corpus),
        "split": split,
        "clips": len(found.clips),
        "truths": sum(len(clip.truths) for clip in found.clips),
        "speakers": list(dict.fromkeys(speakers)),
        "seeds": list(range(seeds)),
        "style": {"asked": style, "used": style_counts(found.choices)},
        "smooth": smooth,
        "unit": unit,
        "frames": dataclasses.asdict(found.count),
        "metrics": figures,
        "time": None,
        "notes": notes,
        **environment_record(),
    }
    if found.truth_spread:
        own = [speaker for clip, speaker in zip(found.clips, speakers, strict=True)
               if len(clip.truths) > 1]  # fmt: skip
        spreads = _figures([[row] for row in found.truth_spread], own, unit)
        result["truth_diversity"] = {n: figure["value"] for n, figure in spreads.items()}
    if found.seconds and (metrics is None or TIME in metrics):
        result["time"] = _time(found.seconds, corpus.fps, model)
    if keep_rows:
        result["rows"] = [
            {
                "clip": clip.id,
                "speaker": clip.speaker,
                "seed": seed,
                **{n: row[0] / row[1] for n, row in own.items() if n in figures and row[1]},
            }
            for clip, by_seed in zip(found.clips, found.rows, strict=True)
            for seed, own in enumerate(by_seed)
        ]
    return result


def _notes(corpus: Corpus, found: _Found, smooth: bool) -> list[str]:
    notes = []
    if smooth:
        notes.append("Predictions were smoothed over three frames, as one published program does.")
    count = found.count
    if count.cut_clips:
        notes.append(
            f"Lengths differ in {count.cut_clips} clips: {count.dropped} frames beyond the common "
            "part were left out."
        )
    if len(found.clips) < _FEW_CLIPS:
        notes.append(f"Only {len(found.clips)} clips: the intervals are narrower than the truth.")
    if found.skipped:
        notes.append(f"Too short to measure, left out: {', '.join(found.skipped[:5])}.")
    if corpus.surface is None:
        heads = {corpus.face_ids[clip.speaker].partition("@")[0] for clip in found.clips}
        whose = "the neutral head" if heads == {"neutral"} else "the speaker's own head"
        notes.append(
            f"Vertices are those of {whose}: its skin at the low resolution, with soft tissue, "
            "without scan noise."
        )
    else:
        from talking_heads.metrics.measure import head_parts, left_out
        from talking_heads.metrics.registry import Parts

        head = corpus.head(found.clips[0].speaker)
        lost = left_out(head.vertices[None], Parts(**head_parts(head)))
        for reason in dict.fromkeys(lost.values()):
            names = ", ".join(name for name, why in lost.items() if why == reason)
            notes.append(f"{reason[:1].upper()}{reason[1:]}: no {names}.")
        if corpus.unit is None:
            notes.append("The coordinates of this data set have no unit, so the figures have none.")
    return notes


def _time(seconds: Sequence[float], fps: float, model: Animator | str) -> dict[str, Any]:
    """Return the time of a frame; the first call, which loads and compiles, does not count."""
    counted = list(seconds[1:]) or list(seconds)
    middle = statistics.median(counted)
    return {
        "seconds_per_frame": middle,
        "real_time_factor": middle * fps,
        "calls": len(counted),
        "includes": "with the features of the sound, without reading the file or posing a head",
        **device_record(getattr(model, "device", "cpu")),
    }
