"""Figures on the lips of a model's motion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face.motion import Motion
from talking_heads.face.names import ARKIT_INDEX

if TYPE_CHECKING:
    from talking_heads.corpus.clip import Clip
    from talking_heads.corpus.collection import Corpus
    from talking_heads.metrics.scores import Score, Target


class Animator(Protocol):
    """What is asked of a model, or of a baseline, to be measured."""

    @property
    def speakers(self) -> tuple[str, ...]:
        """The speakers with a style of their own."""
        ...

    def animate(
        self, audio: NDArray[np.float32], *, speaker: str | None = None, seed: int = 0
    ) -> Motion:
        """Return motion for speech ``(samples,)`` at 16 kHz."""
        ...


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
    model: Animator,
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


def _targets(clips: Sequence[Clip]) -> list[Target]:
    from talking_heads.metrics.scores import Target

    return [Target(clip) for clip in clips]


def _scores(
    model: Animator,
    targets: Sequence[Target],
    styles: Sequence[str | None],
    seed: int,
    surface: bool = True,
) -> list[Score]:
    return [
        target.score(model.animate(target.clip.audio, speaker=style, seed=seed), surface=surface)
        for target, style in zip(targets, styles, strict=True)
    ]


def _correlation(scores: Sequence[Score]) -> float:
    from talking_heads.metrics.lips import lip_summary

    return lip_summary([row for score in scores for row in score.rows]).aperture_correlation


def _summary(by_seed: Sequence[Sequence[Score]]) -> dict[str, Any]:
    from talking_heads.metrics.lips import lip_summary
    from talking_heads.metrics.scores import summarise

    summary = summarise(list(zip(*by_seed, strict=True)))
    reports = [lip_summary([row for score in scores for row in score.rows]) for scores in by_seed]
    summary["correlation_by_seed"] = [round(r.aperture_correlation, 4) for r in reports]
    summary["closure_by_seed"] = [round(r.closure_rate, 4) for r in reports]
    return summary


def evaluate_lips(
    model: Animator,
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
    model : Animator
        A model of coefficients, or one of the baselines.
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
        The figures of `talking_heads.metrics.scores.summarise` over clips, truths and seeds, and
        the correlation and closure of each seed. For ``"each"`` also ``by_style`` with the
        correlation of each style (vertices and seeds are left aside), and for ``"picked"`` the
        ``styles``.

    Raises
    ------
    UserError
        If a style is unknown or the split is empty.
    """
    chosen = spread(corpus.split(split), clips)
    if not chosen or not seeds:
        raise UserError(f"There is nothing to measure in the split {split}.")
    targets = _targets(chosen)
    if style == "each":
        by_style = {
            name: _scores(model, targets, [name] * len(chosen), seeds[0], surface=False)
            for name in model.speakers
        }
        summary = _summary(list(by_style.values()))
        del summary["correlation_by_seed"], summary["closure_by_seed"]
        figures = {name: round(_correlation(scores), 4) for name, scores in by_style.items()}
        return {**summary, "by_style": figures}
    if style == "picked":
        picked, targets = _pick(model, targets, seeds[0])
        names: list[str | None] = [picked[target.clip.speaker] for target in targets]
        summary = _summary([_scores(model, targets, names, seed) for seed in seeds])
        return {**summary, "styles": picked}
    names = [clip.speaker if style == "own" else style for clip in chosen]
    return _summary([_scores(model, targets, names, seed) for seed in seeds])


def _pick(
    model: Animator, targets: Sequence[Target], seed: int, count: int = STYLE_CLIPS
) -> tuple[dict[str, str], list[Target]]:
    """Choose a style for each speaker from some clips; return it and the clips left over."""
    picked, rest = {}, []
    for speaker in dict.fromkeys(target.clip.speaker for target in targets):
        own = [target for target in targets if target.clip.speaker == speaker]
        shown = own[:count]
        fits = {
            name: _correlation(_scores(model, shown, [name] * len(shown), seed, surface=False))
            for name in model.speakers
        }
        picked[speaker] = max(fits, key=fits.__getitem__)
        rest += own[count:]
    if not rest:
        raise UserError("Picking styles needs more than three clips of a speaker.")
    return picked, rest
