"""Figures on the lips of a model's motion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face.names import ARKIT_INDEX
from talking_heads.models import DiffSpeaker

if TYPE_CHECKING:
    from talking_heads.corpus.clip import Clip, Corpus
    from talking_heads.metrics.lips import LipReport

STYLE_CLIPS = 3
"""Clips of a speaker from which a style is picked."""


def blinks_a_minute(motions: Sequence[NDArray[np.float32]], fps: float = 25.0) -> float:
    """Count how often the left lid closes by more than half.

    Parameters
    ----------
    motions : sequence of ndarray
        ``(frame, 52)`` each.
    fps : float
        Frames a second.

    Returns
    -------
    float
        Blinks a minute over all motions together. People who speak blink 15 to 25 times.
    """
    lid = ARKIT_INDEX["eyeBlinkLeft"]
    closed = [np.concatenate([[False], motion[:, lid] > 0.5]) for motion in motions]
    blinks = sum(int((c[1:] & ~c[:-1]).sum()) for c in closed)
    return blinks / sum(len(motion) for motion in motions) * fps * 60


def evaluate_blinks(
    model: DiffSpeaker,
    corpus: Corpus,
    split: str,
    seeds: Sequence[int] = (0,),
    *,
    clips: int | None = None,
) -> dict[str, float]:
    """Compare how often the model blinks with how often the truth does.

    Parameters are those of `evaluate_lips`; each clip is animated in its speaker's style.

    Returns
    -------
    dict
        ``blinks_a_minute`` and ``true_blinks_a_minute``.
    """
    chosen = spread(corpus.split(split), clips)
    made = [
        model.animate(clip.audio, speaker=clip.speaker, seed=seed).values
        for clip in chosen
        for seed in seeds
    ]
    true = [truth.values for clip in chosen for truth in clip.truths]
    return {
        "blinks_a_minute": round(blinks_a_minute(made), 2),
        "true_blinks_a_minute": round(blinks_a_minute(true), 2),
    }


def spread(clips: Sequence[Clip], count: int | None) -> list[Clip]:
    """Return ``count`` of the clips, spread evenly, or all."""
    if count is None or count >= len(clips):
        return list(clips)
    return [clips[i] for i in np.linspace(0, len(clips) - 1, count).round().astype(int)]


def _report(
    model: DiffSpeaker, clips: Sequence[Clip], styles: Sequence[str | None], seed: int
) -> LipReport:
    from talking_heads.face import get_face
    from talking_heads.metrics.lips import lip_report

    made: list[NDArray[np.float32]] = [
        model.animate(clip.audio, speaker=style, seed=seed).values
        for clip, style in zip(clips, styles, strict=True)
    ]
    return lip_report(
        [clip.motion.values for clip in clips],
        made,
        [clip.phonemes for clip in clips],
        [get_face(clip.motion.face_id) for clip in clips],
    )


def _summary(reports: Sequence[LipReport]) -> dict[str, Any]:
    rows = [report.to_dict() for report in reports]
    summary: dict[str, Any] = {
        key: value if isinstance(value, int) else round(float(np.mean([r[key] for r in rows])), 4)
        for key, value in rows[0].items()
    }
    summary["correlation_by_seed"] = [round(row["aperture_correlation"], 4) for row in rows]
    summary["closure_by_seed"] = [round(row["closure_rate"], 4) for row in rows]
    return summary


def evaluate_lips(
    model: DiffSpeaker,
    corpus: Corpus,
    split: str,
    seeds: Sequence[int] = (0,),
    *,
    style: str | None = "own",
    clips: int | None = None,
) -> dict[str, Any]:
    """Measure how well the lips follow speech that was kept from training.

    Parameters
    ----------
    model : DiffSpeaker
        A model of coefficients.
    corpus : Corpus
        With phonemes.
    split : str
        Which clips.
    seeds : sequence of int
        The figures are means over them.
    style : str or None
        ``"own"``: each clip in its speaker's style; None: the average style; ``"each"``: in every
        style the model knows, one after the other; ``"picked"``: for each speaker, the style that
        correlates best on three of the speaker's clips, measured on the others; or the name of
        one style.
    clips : int, optional
        Take only so many, spread over the split.

    Returns
    -------
    dict
        The fields of `talking_heads.metrics.lips.LipReport` as means over seeds, and the
        correlation and closure of each seed. For ``"each"`` also ``by_style`` with the correlation
        of each style, and for ``"picked"`` the ``styles``.

    Raises
    ------
    UserError
        If a style is unknown or the split is empty.
    """
    chosen = spread(corpus.split(split), clips)
    if not chosen or not seeds:
        raise UserError(f"There is nothing to measure in the split {split}.")
    names: list[str | None]
    if style == "own":
        names = [clip.speaker for clip in chosen]
    elif style == "each":
        reports = {
            name: _report(model, chosen, [name] * len(chosen), seeds[0]) for name in model.speakers
        }
        by_style = {name: round(r.aperture_correlation, 4) for name, r in reports.items()}
        summary = _summary(list(reports.values()))
        del summary["correlation_by_seed"], summary["closure_by_seed"]
        return {**summary, "by_style": by_style}
    elif style == "picked":
        picked, chosen = _pick(model, chosen, seeds[0])
        summary = _summary(
            [_report(model, chosen, [picked[c.speaker] for c in chosen], seed) for seed in seeds]
        )
        return {**summary, "styles": picked}
    else:
        names = [style] * len(chosen)
    return _summary([_report(model, chosen, names, seed) for seed in seeds])


def _pick(
    model: DiffSpeaker, clips: Sequence[Clip], seed: int, count: int = STYLE_CLIPS
) -> tuple[dict[str, str], list[Clip]]:
    """Choose a style for each speaker from some clips; return it and the clips left over."""
    picked, rest = {}, []
    for speaker in dict.fromkeys(clip.speaker for clip in clips):
        own = [clip for clip in clips if clip.speaker == speaker]
        shown = own[:count]
        scores = {
            name: _report(model, shown, [name] * len(shown), seed).aperture_correlation
            for name in model.speakers
        }
        picked[speaker] = max(scores, key=scores.__getitem__)
        rest += own[count:]
    if not rest:
        raise UserError("Picking styles needs more than three clips of a speaker.")
    return picked, rest
