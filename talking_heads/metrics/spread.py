"""Diversity: how far apart several predictions for one sound are.

Definition here: for one clip, the mean over all unordered pairs of predictions of the mean
distance of corresponding vertices over vertices and frames; then the mean over clips. The unit is
that of the data. It asks for no truth, so it is no merit in itself: noise is diverse. Compare it
with the diversity of several true motions where there are some, and look at the lips alone: there,
the sound leaves little room.

In print the word means two things. FaceDiffuser's program pairs predictions for different training
*styles*: that is how much the style matters. GLDiTalker means different *seeds* (it prints 5.6e-5
times 1e-4 for FaceDiffuser, which only seeds can be) and gives no formula. The formula is the same
here; what is paired is in the name. A "multimodality" in FaceDiffuser's files is another thing: one
Frobenius norm over all ordered pairs stacked, which grows with the number of pairs, frames and
vertices. Its authors note that they did not use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from talking_heads.errors import UserError
from talking_heads.metrics.arrays import (
    Array,
    Lengths,
    double,
    finite,
    frame_blocks,
    match_lengths,
    squared_norms,
    unique_ids,
)


def mean_distance(first: Array, second: Array, ids: ArrayLike | None = None) -> float:
    """Return the mean distance of two motions over vertices and frames.

    Parameters
    ----------
    first, second : ndarray
        ``(frame, V, 3)``, or ``(frame, channel)``: then the distance is that of whole frames.
    ids : array_like, optional
        Vertex numbers (or channels); all by default.

    Returns
    -------
    float
        In the unit of the data.

    Raises
    ------
    UserError
        If the motions do not match, or are not finite.
    """
    a, b, _ = match_lengths(np.asanyarray(first), np.asanyarray(second))
    chosen = slice(None) if ids is None else unique_ids(ids, a.shape[1])
    width = a[:1, chosen].size
    total = 0.0
    for part in frame_blocks(len(a), width):
        with np.errstate(invalid="ignore"):
            gap = double(a[part][:, chosen]) - double(b[part][:, chosen])
        total += float(finite(np.sqrt(squared_norms(gap))).sum())
    return total / (len(a) * (1 if a.ndim == 2 else width // 3))


def diversity(
    predictions: Sequence[Array], ids: ArrayLike | None = None, lengths: Lengths = "error"
) -> float:
    """Return the diversity of the predictions for one clip.

    Formula, for S predictions:
    ``2/(S (S-1)) sum_{i<j} 1/(T V) sum_t sum_v |y_i[t, v] - y_j[t, v]|``.

    Parameters
    ----------
    predictions : sequence of ndarray
        ``(frame, V, 3)`` each, one for each seed or style; or ``(frame, channel)``, with the
        distance of whole frames.
    ids : array_like, optional
        Vertex numbers of a region; all by default.
    lengths : {"error", "trim"}
        What to do where lengths differ; "trim" cuts all to the shortest.

    Returns
    -------
    float
        In the unit of the data; 0 if all are equal.

    Raises
    ------
    UserError
        If there are fewer than two, they do not match, or are not finite.
    """
    if len(predictions) < 2:
        raise UserError("Diversity needs at least two predictions for a clip.")
    frames = min(len(p) for p in predictions)
    shown = [p[:frames] for p in predictions] if lengths == "trim" else list(predictions)
    return float(np.mean([mean_distance(a, b, ids) for a, b in combinations(shown, 2)]))
