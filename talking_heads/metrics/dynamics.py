"""FDD: whether the upper face moves as much as the true one.

Nothing here compares when or where to the face moves: only how much each vertex varies over a
clip. Motions are offsets ``m`` from the template, ``U`` is the upper face and ``std_t`` the
standard deviation over frames with the number of frames below the line (ddof 0), all as in the
published programs.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from talking_heads.errors import UserError
from talking_heads.metrics.arrays import (
    Array,
    Doubles,
    double,
    finite,
    frame_blocks,
    match_lengths,
    squared_norms,
    unique_ids,
)

Norm = Literal["squared", "plain"]


def vertex_dynamics(offsets: Array, upper_face: ArrayLike, norm: Norm = "squared") -> Doubles:
    """Return how much each vertex of the upper face varies over a clip.

    Formula: ``std_t(|m[t, v]|^2)``, or ``std_t(|m[t, v]|)`` with ``norm="plain"``.

    Parameters
    ----------
    offsets : ndarray
        ``(frame, V, 3)`` from the template.
    upper_face : array_like
        Vertex numbers.
    norm : {"squared", "plain"}
        As the programs compute it, or as the papers describe it.

    Returns
    -------
    ndarray
        ``(n,)`` for the n different vertices, in ascending order of their numbers; in the square
        of the data's unit, or in its unit with ``norm="plain"``.

    Raises
    ------
    UserError
        If the region does not fit the motion, or the motion is not finite there.
    """
    values = np.asanyarray(offsets)
    if values.ndim != 3 or values.shape[2] != 3 or not len(values):
        raise UserError(f"Vertices have the shape (frame, V, 3), not {values.shape}.")
    if norm not in ("squared", "plain"):
        raise UserError(f'norm is "squared" or "plain", not {norm!r}.')
    ids = unique_ids(upper_face, values.shape[1], "The upper face")
    out = []
    # Pieces of vertices and not of frames: the deviation needs all frames at once.
    for part in frame_blocks(len(ids), 3 * len(values)):
        with np.errstate(invalid="ignore", over="ignore"):
            size = squared_norms(double(values[:, ids[part]]))
            out.append((size if norm == "squared" else np.sqrt(size)).std(0))
    return finite(np.concatenate(out))


def _both(
    true: Array, predicted: Array, upper_face: ArrayLike, norm: Norm
) -> tuple[Doubles, Doubles]:
    a, b, _ = match_lengths(np.asanyarray(true), np.asanyarray(predicted))
    return vertex_dynamics(a, upper_face, norm), vertex_dynamics(b, upper_face, norm)


def fdd(true: Array, predicted: Array, upper_face: ArrayLike, norm: Norm = "squared") -> float:
    """Return the upper face dynamics deviation of one clip, with its sign.

    Formula: ``mean_U std_t(|m_true|^2) - mean_U std_t(|m_predicted|^2)``. CodeTalker, where it
    comes from, speaks of the "element-wise L2 norm"; its program, and those that follow it, leave
    the norm squared. Positive: the prediction moves too little. Over clips the signs cancel: a
    model that moves far too much in one clip and too little in the next has an FDD of 0. That is
    why `METRICS` has ``"fdd_absolute"``, the mean over clips of the absolute value (FaceDiffuser's
    program prints it too). Within a clip, vertices cancel likewise: see `fdd_vertexwise`.

    Parameters
    ----------
    true, predicted : ndarray
        ``(frame, V, 3)`` offsets from the template.
    upper_face : array_like
        Vertex numbers.
    norm : {"squared", "plain"}
        As in `vertex_dynamics`.

    Returns
    -------
    float
        In the square of the data's unit, or in its unit with ``norm="plain"``.

    Raises
    ------
    UserError
        If the motions do not match or are not finite, or the region does not fit.
    """
    a, b = _both(true, predicted, upper_face, norm)
    return float(a.mean() - b.mean())


def fdd_vertexwise(true: Array, predicted: Array, upper_face: ArrayLike) -> float:
    """Return the deviation of the dynamics vertex by vertex, where nothing cancels.

    Formula: ``mean_U | std_t(|m_true|) - std_t(|m_predicted|) |``. This package's own: brows that
    move too little do not make up for lids that move too much. Parameters and errors are those of
    `fdd`.

    Returns
    -------
    float
        In the unit of the data.
    """
    a, b = _both(true, predicted, upper_face, "plain")
    return float(np.abs(a - b).mean())
