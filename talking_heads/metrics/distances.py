"""LVE, EVE, MVE and MOD: how far predicted vertices are from true ones.

Notation: ``x[t, v]`` is the true place of vertex v in frame t and ``y[t, v]`` the predicted one,
``L`` the lips, ``T`` the number of frames, ``|.|`` the Euclidean norm. Offsets from the template
serve as well as places, because only differences enter; `mod` alone needs the template.

Three numbers are in print under the name LVE. They differ by a square, by a mean and by what a
frame is compared after:

======================  ============================================  =================
name                    formula of one clip                           unit
======================  ============================================  =================
`lve`                   mean over t of max over L of ``|x - y|``      of the data
`lve_squared`           mean over t of max over L of ``|x - y|^2``    its square
`lve_meshtalk`          as `lve`, each frame's lips centred first     of the data
======================  ============================================  =================

The squared one is in print for VOCASET as 3.1e-5 "mm". Its data are in metres, so it is 3.1e-5
m^2, and its square root is 5.6 mm. For BIWI, which has no unit, none of them has one.
"""

from __future__ import annotations

from collections.abc import Callable

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
    unique_pairs,
)


def _checked(true: Array, predicted: Array) -> tuple[Array, Array]:
    a, b = np.asanyarray(true), np.asanyarray(predicted)
    if a.ndim != 3 or a.shape[2] != 3 or not a.shape[1]:
        raise UserError(f"Vertices have the shape (frame, V, 3), not {a.shape}.")
    return match_lengths(a, b)[:2]


def _by_frame(
    true: Array,
    predicted: Array,
    ids: ArrayLike | None,
    what: str,
    measure: Callable[[Doubles, Doubles], Doubles],
) -> Doubles:
    """Return ``measure`` (frame,) of the vertices `ids`, piece by piece."""
    a, b = _checked(true, predicted)
    size = a.shape[1]
    chosen = slice(None) if ids is None else unique_ids(ids, size, what)
    width = size if isinstance(chosen, slice) else len(chosen)
    with np.errstate(invalid="ignore", over="ignore"):
        series = [
            measure(double(a[part][:, chosen]), double(b[part][:, chosen]))
            for part in frame_blocks(len(a), 3 * width)
        ]
    return finite(np.concatenate(series))


def max_squared_error(true: Array, predicted: Array, ids: ArrayLike) -> Doubles:
    """Return the largest squared distance within a region, frame by frame.

    Parameters
    ----------
    true, predicted : ndarray
        ``(frame, V, 3)``: places, or offsets from the same template.
    ids : array_like
        Vertex numbers of the region.

    Returns
    -------
    ndarray
        ``(frame,)`` in the square of the data's unit.

    Raises
    ------
    UserError
        If the motions do not match or are not finite, or the region does not fit the mesh.
    """

    def measure(x: Doubles, y: Doubles) -> Doubles:
        return np.asarray(squared_norms(x - y).max(1))

    return _by_frame(true, predicted, ids, "The region", measure)


def centred_max_error(true: Array, predicted: Array, lips: ArrayLike) -> Doubles:
    """Return the largest distance of lips whose own mean was taken away, frame by frame.

    Parameters and errors are those of `max_squared_error`.

    Returns
    -------
    ndarray
        ``(frame,)`` in the unit of the data.
    """

    def measure(x: Doubles, y: Doubles) -> Doubles:
        gap = (x - x.mean(1, keepdims=True)) - (y - y.mean(1, keepdims=True))
        return np.asarray(np.sqrt(squared_norms(gap).max(1)))

    return _by_frame(true, predicted, lips, "The lips", measure)


def mean_error(true: Array, predicted: Array) -> Doubles:
    """Return the mean distance over all vertices, frame by frame, ``(frame,)``."""

    def measure(x: Doubles, y: Doubles) -> Doubles:
        return np.asarray(np.sqrt(squared_norms(x - y)).mean(1))

    return _by_frame(true, predicted, None, "The mesh", measure)


def mouth_openings(motion: Array, lip_pairs: ArrayLike, template: Array) -> Doubles:
    """Return the distance of upper and lower lip at each pair of vertices.

    Parameters
    ----------
    motion : ndarray
        ``(frame, V, 3)`` offsets from the template.
    lip_pairs : array_like
        ``(2, P)``: vertices of the upper lip, and below them those of the lower lip.
    template : ndarray
        ``(V, 3)``: the face at rest.

    Returns
    -------
    ndarray
        ``(frame, P)`` in the unit of the data.

    Raises
    ------
    UserError
        If template, pairs and motion do not fit each other, or are not finite.
    """
    values, rest = np.asanyarray(motion), np.asarray(template)
    if values.ndim != 3 or rest.shape != values.shape[1:]:
        raise UserError(
            f"A template of shape {rest.shape} does not fit a motion of shape {values.shape}."
        )
    upper, lower = unique_pairs(lip_pairs, len(rest))
    with np.errstate(invalid="ignore", over="ignore"):
        apart = double(rest[upper]) - double(rest[lower])
        moved = double(values[:, upper]) - double(values[:, lower])
        return finite(np.asarray(np.sqrt(squared_norms(apart + moved))))


def opening_error(true: Array, predicted: Array, lip_pairs: ArrayLike, template: Array) -> Doubles:
    """Return the mean absolute difference of mouth openings, frame by frame, ``(frame,)``."""
    a, b = _checked(true, predicted)
    gap = mouth_openings(b, lip_pairs, template) - mouth_openings(a, lip_pairs, template)
    return np.asarray(np.abs(gap).mean(1))


def lve(true: Array, predicted: Array, lips: ArrayLike) -> float:
    """Return the lip vertex error as a distance: this package's LVE.

    Formula: ``1/T sum_t max_{v in L} |x[t, v] - y[t, v]|``. It is what the words of FaceFormer's
    authors, of GLDiTalker and of StreamingTalker describe ("maximal L2 error").

    Parameters
    ----------
    true, predicted : ndarray
        ``(frame, V, 3)``: places, or offsets from the same template.
    lips : array_like
        Vertex numbers.

    Returns
    -------
    float
        In the unit of the data: metres for VOCASET and the course, none for BIWI.

    Raises
    ------
    UserError
        If the motions do not match or are not finite, or the lips do not fit the mesh.
    """
    return float(np.sqrt(max_squared_error(true, predicted, lips)).mean())


def lve_squared(true: Array, predicted: Array, lips: ArrayLike) -> float:
    """Return the lip vertex error as the field's programs compute it, for one clip.

    Formula: ``1/T sum_t max_{v in L} |x[t, v] - y[t, v]|^2``; no square root is drawn. CodeTalker's
    and FaceDiffuser's programs average it over all frames of all clips (`METRICS`:
    ``"lve_squared_pooled"``). Those of DiffSpeaker and StreamingTalker compute that too, then
    overwrite it by the plain mean over clips (``"lve_squared_clips"``).

    Parameters and errors are those of `lve`. The unit is the square of the data's.
    """
    return float(max_squared_error(true, predicted, lips).mean())


def lve_meshtalk(true: Array, predicted: Array, lips: ArrayLike) -> float:
    """Return the lip vertex error of MeshTalk, where the name comes from.

    Formula: ``1/T sum_t max_{v in L} |(x[t, v] - mean_L x[t]) - (y[t, v] - mean_L y[t])|``. A shift
    of the whole mouth, as by the jaw or by the head, does not count.

    Parameters and errors are those of `lve`; so is the unit.
    """
    return float(centred_max_error(true, predicted, lips).mean())


def eve(true: Array, predicted: Array, upper_face: ArrayLike) -> float:
    """Return `lve` of the upper face instead of the lips.

    EmoTalk's authors describe their "emotional vertex error" as the lip vertex error with eyes and
    forehead in place of the lips. Like `lve` this is a distance, in the unit of the data.
    """
    return float(np.sqrt(max_squared_error(true, predicted, upper_face)).mean())


def mve(true: Array, predicted: Array) -> float:
    """Return the mean distance over all vertices and frames (FaceDiffuser's program).

    Formula: ``1/(T V) sum_t sum_v |x[t, v] - y[t, v]|``, in the unit of the data. As most of a head
    moves little, so is this number.
    """
    return float(mean_error(true, predicted).mean())


def mod(true: Array, predicted: Array, lip_pairs: ArrayLike, template: Array) -> float:
    """Return the mouth open difference (StreamingTalker; Sun et al. 2024).

    Formula: ``1/(T P) sum_t sum_p | |y[t, up] - y[t, low]| - |x[t, up] - x[t, low]| |`` over the P
    pairs of lip vertices, 5 in the program. The distances are Euclidean and not squared: the
    program's value for VOCASET is about 3.5e-3, that is 3.5 mm. The paper prints it as 3.5 with
    the unit "1e-5 mm".

    Parameters
    ----------
    true, predicted : ndarray
        ``(frame, V, 3)`` offsets from the template.
    lip_pairs : array_like
        ``(2, P)``: upper and lower.
    template : ndarray
        ``(V, 3)``: the face at rest.

    Returns
    -------
    float
        In the unit of the data.

    Raises
    ------
    UserError
        If something does not fit or is not finite.
    """
    return float(opening_error(true, predicted, lip_pairs, template).mean())
