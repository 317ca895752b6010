"""The figures that a training run ends with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from talking_heads.errors import UserError
from talking_heads.models import Model
from talking_heads.training.evaluation import (
    STYLE_CLIPS,
    evaluate_blinks,
    evaluate_lips,
    spread,
)

if TYPE_CHECKING:
    from talking_heads.corpus.collection import Corpus

RESULTS = "results.json"
"""Beside a checkpoint: how it was trained, and its figures."""
_MOST_OTHER = 48
"""Clips of a split that are measured after training on a corpus without phonemes."""


def measure(
    model: Model, corpus: Corpus, seeds: Sequence[int] | None = None, clips: int | None = None
) -> dict[str, Any]:
    """Return the figures of the test splits that the corpus has.

    Figures of the lips need coefficients and phonemes. Of other corpora, and of a model that makes
    vertices, there are those of `talking_heads.training.evaluate.evaluate`.

    Parameters
    ----------
    model : Model
        The model.
    corpus : Corpus
        With the splits ``test_seen`` (voices of the training split, new sentences),
        ``test_unseen`` (new voices, new sentences) or ``test_left_out`` (voices that were left
        out of training, see `talking_heads.corpus.Corpus.without`); without phonemes, all splits
        but ``train`` and ``val``.
    seeds : sequence of int, optional
        Figures are means over them. By default 0, 1 and 2, and 0 alone where a model leaves
        nothing to chance.
    clips : int
        At most so many clips of a split; all of them if not given. The comparison of all styles
        takes at most 12, the picked style at most 48, for they cost the most; so do corpora without
        phonemes.

    Returns
    -------
    dict
        For seen voices in their own style; for unseen ones in the average style, in each
        style, and in a style picked by three clips. See `evaluate_lips`. Without phonemes, for
        each split the value of each metric, or a ``note`` that tells why there is none.
    """
    if seeds is None:
        seeds = (0, 1, 2) if model.random else (0,)
    figures: dict[str, Any] = {"seeds": list(seeds)}
    tests = [name for name in corpus.splits if name not in ("train", "val")]
    told = all(clip.phonemes for name in tests for clip in corpus.split(name))
    if model.contract.kind != "coefficients" or corpus.kind != "coefficients" or not told:
        most = min(clips or _MOST_OTHER, _MOST_OTHER)
        return figures | {name: _other_figures(model, corpus, name, seeds, most) for name in tests}
    if "test_seen" in corpus.splits:
        figures["test_seen"] = evaluate_lips(model, corpus, "test_seen", seeds, clips=clips)
        figures["test_seen"] |= evaluate_blinks(model, corpus, "test_seen", seeds, clips=clips)
    if "test_left_out" in corpus.splits:
        figures["test_left_out_average_style"] = evaluate_lips(
            model, corpus, "test_left_out", seeds, style=None, clips=clips
        )
    if "test_unseen" in corpus.splits:
        figures["test_unseen_average_style"] = evaluate_lips(
            model, corpus, "test_unseen", seeds, style=None, clips=clips
        )
        figures["test_unseen_each_style"] = evaluate_lips(
            model, corpus, "test_unseen", seeds[:1], style="each", clips=min(clips or 12, 12)
        )
        most = min(clips or 48, 48)
        # Counted among the clips that are taken, not among all.
        taken = Counter(clip.speaker for clip in spread(corpus.split("test_unseen"), most))
        if min(taken.values()) > 2 * STYLE_CLIPS:
            figures["test_unseen_picked_style"] = evaluate_lips(
                model, corpus, "test_unseen", seeds[:1], style="picked", clips=most
            )
    return figures


def _other_figures(
    model: Model, corpus: Corpus, split: str, seeds: Sequence[int], clips: int
) -> dict[str, Any]:
    from talking_heads.training.evaluate import evaluate

    try:
        found = evaluate(model, corpus, split, seeds=len(seeds), clips=clips)
    except UserError as error:
        # The weights are worth keeping even where nothing can be said about them.
        return {"note": f"Not measured: {error}"}
    values = {name: metric["value"] for name, metric in found["metrics"].items()}
    return {"clips": found["clips"], **values, "notes": found["notes"]}
