"""The protocol by which every model is measured on every corpus.

Each clip of a split is animated once for each seed, and for each style where there are several. A
prediction is compared with every truth of the clip, over the frames that both have; figures are
means over truths and styles, never the best of them. Intervals come from drawing the clips anew.
Everything that was not as asked for is said in the notes of the result.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from talking_heads.errors import UserError
from talking_heads.files import shown
from talking_heads.metrics.bootstrap import DRAWS, LEVEL
from talking_heads.metrics.registry import ALL_METRICS
from talking_heads.models.contract import check_fits
from talking_heads.training.animators import BASELINES, load_animator
from talking_heads.training.evaluation import spread
from talking_heads.training.judging import SIGNED, Found, Plan, judge_model, judge_truths
from talking_heads.training.provenance import corpus_record, environment_record, model_record
from talking_heads.training.spaces import ClipSpace
from talking_heads.training.styles import choose_styles, style_counts, style_notes
from talking_heads.training.summary import (
    clip_figures,
    figures,
    frame_time,
    notes,
    truth_diversity,
)

if TYPE_CHECKING:
    from talking_heads.corpus.collection import Corpus
    from talking_heads.training.evaluation import Animator

TRUTH = "truth"
"""In the place of a model: each truth of a clip, measured against the others."""
TIME = "time"
"""Name of the time that a frame takes, among the metrics."""
MOST_SEEDS = 100


def check_metrics(names: Sequence[str] | None) -> None:
    """Raise `UserError` if one of the names is not that of a metric; None stands for all."""
    known = (*ALL_METRICS, TIME)
    for name in names or ():
        if name not in known:
            raise UserError(f"There is no metric {name!r}. There are: {', '.join(known)}.")
    if names is not None and not names:
        raise UserError(f"Name at least one metric: {', '.join(known)}.")


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
        Names from `talking_heads.metrics.registry.ALL_METRICS` or ``"time"``; by default all that
        can be had.
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
        ``model``, ``corpus`` and environment as `talking_heads.training.provenance` records them;
        ``split``, ``clips``, ``truths``, ``speakers``, ``seeds``, ``style``, ``smooth``; ``asked``:
        clips, seeds and metrics as they were given; ``skipped``: ids of clips that were too short;
        ``unit`` of vertices: values are in it or its square; ``frames``; ``metrics``: for each name
        value, intervals over clips and over speakers, values by seed and by speaker, formula and
        source; ``intervals``: level, draws and seed; ``truth_diversity``, where clips have several
        truths; ``time``, see `talking_heads.training.summary.frame_time`; ``notes``; and ``rows``
        if asked for.

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
    seedless = isinstance(model, str) or not getattr(model, "random", True)
    plan = Plan(
        seeds=1 if seedless else seeds,
        certain=seedless and seeds > 1 and not isinstance(model, str),
        smooth=smooth,
        only=None if metrics is None else tuple(metrics),
    )
    if isinstance(model, str):
        if model != TRUTH:
            raise UserError(f'A model or "{TRUTH}" can be measured, not {model!r}; load it first.')
        _several_truths(corpus, split)
        chosen = [clip for clip in chosen if len(clip.truths) > 1]
    else:
        check_fit(model, corpus)

    found = Found()
    for clip in tqdm(chosen, desc=shown(name or "Evaluating"), unit="clip", disable=not progress):
        space = ClipSpace(clip, corpus)
        if isinstance(model, str):
            judge_truths(space, plan, found)
        else:
            judge_model(model, space, choose_styles(model, clip.speaker, style), plan, found)
    if not found.clips:
        raise UserError(f"There is nothing to measure in the split {split}.")
    result = _result(model, corpus, split, name, style, plan, found, rows)
    asked = {"clips": clips, "seeds": seeds, "metrics": None if metrics is None else list(metrics)}
    return {**result, "asked": asked}


def _result(
    model: Animator | str,
    corpus: Corpus,
    split: str,
    name: str | None,
    style: str,
    plan: Plan,
    found: Found,
    rows: bool,
) -> dict[str, Any]:
    """Put together what `evaluate` returns."""
    speakers = tuple(dict.fromkeys(clip.speaker for clip in found.clips))
    # Coefficients have no unit; the head that they are shown on has one.
    unit = corpus.head(speakers[0]).unit
    measured = figures(found, unit)
    timed = bool(found.seconds) and (plan.only is None or TIME in plan.only)
    lost = [key for key in plan.only or () if key not in measured and (key != TIME or not timed)]
    if not measured and not timed:
        raise UserError(f"Not to be had of this model and corpus: {', '.join(lost)}.")
    if isinstance(model, str):
        about: dict[str, Any] = {"name": TRUTH}
        told = ["Each truth of a clip against its other truths; diversity is theirs."]
        if any(plan.only is None or signed in plan.only for signed in SIGNED):
            told.append("Of two truths the signed figures of fdd cancel, so there are none.")
    else:
        about = model_record(name or type(model).__name__, model)
        told = style_notes(model, found.choices)
    told += notes(corpus, found, plan)
    if lost:
        told.append(f"Not to be had of this model and corpus: {', '.join(lost)}.")
    device = getattr(model, "device", "cpu")
    return {
        "model": about,
        "corpus": corpus_record(corpus),
        "split": split,
        "clips": len(found.clips),
        "truths": sum(len(clip.truths) for clip in found.clips),
        "speakers": list(speakers),
        "seeds": [] if isinstance(model, str) else list(range(plan.seeds)),
        "style": {"asked": style, "used": style_counts(found.choices)},
        "smooth": plan.smooth,
        "skipped": list(found.skipped),
        "unit": unit,
        "frames": dataclasses.asdict(found.count),
        "metrics": measured,
        "truth_diversity": truth_diversity(found),
        "intervals": {"level": LEVEL, "draws": DRAWS, "seed": 0},
        "time": frame_time(found.seconds, corpus.fps, device) if timed else None,
        "notes": told,
        **environment_record(),
        **({"rows": clip_figures(found)} if rows else {}),
    }


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
        try:
            _check_asked(loaded[name], corpus, splits, options.get("style", "own"))
        except UserError as error:
            raise _of(name, models, error) from error
    results = []
    for split in splits:
        for name in models:
            try:
                results.append(
                    evaluate(loaded[name], corpus, split, name=name, progress=progress, **options)
                )
            except UserError as error:
                raise _of(name, models, error) from error
    return results


def _of(name: str, models: Sequence[str], error: UserError) -> UserError:
    """Return an error that tells which of several models it is about."""
    return error if len(models) == 1 else UserError(f"{shown(name)}: {error}")


def _check_asked(model: Animator | str, corpus: Corpus, splits: Sequence[str], style: str) -> None:
    """Raise `UserError` for what would else show when the models before have been measured."""
    if isinstance(model, str):
        for split in splits:
            _several_truths(corpus, split)
        return
    check_fit(model, corpus)
    for clip in (clip for split in splits for clip in corpus.split(split)):
        choose_styles(model, clip.speaker, style)


def _several_truths(corpus: Corpus, split: str) -> None:
    if not any(len(clip.truths) > 1 for clip in corpus.split(split)):
        raise UserError(
            f"No clip of {split} has several truths, so none can be compared with another."
        )


def check_fit(model: Animator, corpus: Corpus) -> None:
    """Raise `UserError` if a model with a contract cannot be measured on a corpus."""
    contract = getattr(model, "contract", None)
    if contract is not None:
        check_fits(contract, corpus)
