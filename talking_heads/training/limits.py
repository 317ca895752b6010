"""Floors and ceilings of a corpus: between them a model is judged.

=================  ===========================================================================
``mean_face``      floor: never moves
``nearest``        floor: for each frame the motion of the training frame that sounds most alike
``ridge``          floor: the best linear map from 0.44 s of log-mel
``oracle``         ceiling: articulation from the true phonemes, in the average style
``oracle_style``   the same in the speaker's own style
``truth``          ceiling: one truth against the other truths of the clip
=================  ===========================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from talking_heads.errors import UserError
from talking_heads.face.motion import Motion
from talking_heads.models.baselines import (
    MeanFace,
    NearestNeighbour,
    PhonemeOracle,
    RidgeRegression,
)
from talking_heads.models.baselines.oracle import average_style
from talking_heads.training.evaluation import spread

if TYPE_CHECKING:
    from talking_heads.corpus.clip import Clip
    from talking_heads.corpus.collection import Corpus
    from talking_heads.metrics.scores import Score, Target

SPLITS = ("train", "val", "test_seen", "test_unseen")
"""Splits that are measured, as far as a corpus has them."""
_TRAIN_CLIPS = 60
_ORDER = ("mean_face", "nearest", "ridge", "oracle", "oracle_style", "truth")


def floors_and_ceilings(
    corpus: Corpus,
    *,
    splits: Sequence[str] | None = None,
    clips: int | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Measure what needs no model, and what no model can pass.

    The floors learn from the split ``train``; ridge regression chooses its penalty on ``val``.
    Only what a corpus allows is measured: ceilings from phonemes need phonemes, and one truth
    against another needs two.

    Parameters
    ----------
    corpus : Corpus
        Of coefficients, with a split ``train``.
    splits : sequence of str, optional
        By default those of `SPLITS` that the corpus has.
    clips : int, optional
        At most so many clips of a split, spread over it. Of ``train`` never more than 60; there
        a clip is not its own neighbour.
    progress : bool
        Show a bar.

    Returns
    -------
    dict
        ``corpus``, ``date``, ``ridge_strength``, and in ``splits`` for each split and each floor
        or ceiling the figures of `talking_heads.metrics.scores.summarise`.

    Raises
    ------
    UserError
        If a split is unknown, there is nothing to learn from, or the corpus holds vertices.
    """
    from tqdm import tqdm

    from talking_heads.metrics.scores import Target, summarise

    if corpus.kind != "coefficients":
        raise UserError(
            f"These limits are those of lips made of coefficients; {corpus.name} holds vertices.\n"
            "Its floors are measured by: talking-heads evaluate mean_face (or ridge)."
        )
    wanted = [name for name in SPLITS if name in corpus.splits] if splits is None else splits
    chosen = {name: _some(corpus, name, clips) for name in wanted}
    judges = _Judges(corpus)
    found: dict[str, Any] = {}
    with tqdm(
        total=sum(map(len, chosen.values())), desc="Limits", unit="clip", disable=not progress
    ) as bar:
        for name, some in chosen.items():
            scores: dict[str, list[list[Score]]] = {key: [] for key in _ORDER}
            for clip in some:
                for key, own in judges.scores(Target(clip)):
                    scores[key].append(own)
                bar.update()
            found[name] = {key: summarise(rows, corpus.fps) for key, rows in scores.items() if rows}
    return {
        "corpus": corpus.name,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "ridge_strength": judges.ridge.strength,
        "splits": found,
    }


def _some(corpus: Corpus, split: str, clips: int | None) -> list[Clip]:
    part = corpus.split(split)
    if not len(part):
        raise UserError(f"There is nothing to measure in the split {split}.")
    most = min(clips or len(part), _TRAIN_CLIPS if split == "train" else len(part))
    return spread(part, most)


class _Judges:
    """Floors that have learnt from the training split, and the ceilings."""

    def __init__(self, corpus: Corpus) -> None:
        train = corpus.split("train")
        checks = corpus.split("val") if "val" in corpus.splits else ()
        self.mean = MeanFace.fit(train)
        self.nearest = NearestNeighbour.fit(train)
        self.ridge = RidgeRegression.fit(train, checks)
        heard = dict.fromkeys(clip.speaker for clip in train)
        self.oracle = PhonemeOracle(average_style(heard), corpus.fps)
        self.own = PhonemeOracle(None, corpus.fps)

    def scores(self, target: Target) -> Iterator[tuple[str, list[Score]]]:
        """Yield the scores of each floor and ceiling that can be had for a clip."""
        clip, audio = target.clip, target.clip.audio
        made: dict[str, Motion] = {
            "mean_face": self.mean.animate(audio),
            "nearest": self.nearest.animate(audio, exclude=clip.id),
            "ridge": self.ridge.animate(audio),
        }
        if clip.phonemes:
            known = {"phonemes": clip.phonemes, "face": target.face}
            made["oracle"] = self.oracle.animate(audio, **known)  # type: ignore[arg-type]
            made["oracle_style"] = self.own.animate(audio, speaker=clip.speaker, **known)  # type: ignore[arg-type]
        for name, motion in made.items():
            yield name, [target.score(motion)]
        count = len(clip.truths)
        if count > 1:
            yield (
                "truth",
                [
                    target.score(clip.truths[i], truths=[j for j in range(count) if j != i])
                    for i in range(count)
                ],
            )


def limits_table(limits: Mapping[str, Any]) -> str:
    """Return the main figures of `floors_and_ceilings` as text, one block a split."""
    lines = []
    columns = (
        ("aperture_correlation", "correlation", "{:.3f}"),
        ("best_lag_ms", "lag ms", "{:+.0f}"),
        ("closure_rate", "closed", "{:.3f}"),
        ("open_minus_closed_mm", "open-closed mm", "{:.1f}"),
        ("aperture_error_mm", "aperture err mm", "{:.2f}"),
        ("max_lip_error_mm", "lip err mm", "{:.2f}"),
        ("max_lip_error_scanned_mm", "scanned mm", "{:.2f}"),
    )
    for split, rows in limits["splits"].items():
        clips = next(iter(rows.values()))["clips"]
        lines.append(f"{split} ({clips} clips)")
        lines.append("  " + " " * 13 + "".join(f"{title:>17}" for _, title, _ in columns))
        for name, figures in rows.items():
            cells = [_cell(figures, key, style) for key, _, style in columns]
            lines.append(f"  {name:13}" + "".join(f"{cell:>17}" for cell in cells))
    return "\n".join(lines)


def _cell(figures: Mapping[str, Any], key: str, style: str) -> str:
    value = figures.get(key)
    if value is None:
        return "-"
    text = style.format(value)
    low, high = figures["intervals"].get(key, (None, None))
    return text if low is None else f"{text} ±{(high - low) / 2:{style[2:-1]}}"
