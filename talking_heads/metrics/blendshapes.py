"""MBE, LBE and FDD of blendshape coefficients (BEAT, DiffusionTalker, FaceDiffuser).

Coefficients have no unit. Which ones belong to the lips decides what LBE says, and the published
list leaves out ``jawOpen``, ``mouthClose``, smile, frown, stretch, press and lower lip down. So a
model whose jaw never opens can have the best published LBE. `LBE_MASK` is this package's list.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face.names import ARKIT_NAMES, BEAT_NAMES
from talking_heads.metrics.arrays import (
    Array,
    Doubles,
    double,
    finite,
    match_lengths,
    squared_norms,
)

LBE_PUBLISHED_MASK: tuple[str, ...] = tuple(
    BEAT_NAMES[i] for i in (23, 25, 27, 28, 31, 37, 39, 40, 41, 42, 47, 48)
)
"""The 12 shapes of FaceDiffuser's program for BEAT, by their places in its alphabetical order:
jaw to the sides, dimples, funnel, pucker, rolls, shrugs and the upper lip. No ``jawOpen``."""

FDD_PUBLISHED_MASK: tuple[str, ...] = tuple(BEAT_NAMES[i] for i in (*range(8, 22), 49, 50))
"""The 16 shapes of the same program: the 14 of the eyes and the 2 of the nose. No brows."""

LBE_MASK: tuple[str, ...] = tuple(name for name in ARKIT_NAMES if name.startswith(("jaw", "mouth")))
"""All 27 shapes of jaw and mouth."""

FDD_MASK: tuple[str, ...] = tuple(
    name for name in ARKIT_NAMES if name.startswith(("brow", "eye", "cheekSquint", "noseSneer"))
)
"""All 23 shapes of the upper face: 5 of the brows, 14 of the eyes, 2 each of cheeks and nose."""


def channel_names(channels: int) -> tuple[str, ...] | None:
    """Return the names of 52 (ARKit) or 51 (BEAT) channels; None for any other number."""
    return {len(ARKIT_NAMES): ARKIT_NAMES, len(BEAT_NAMES): BEAT_NAMES}.get(channels)


def mask_columns(mask: Sequence[str], names: Sequence[str]) -> NDArray[np.int64]:
    """Return the columns of some shapes.

    Parameters
    ----------
    mask : sequence of str
        Which shapes; those named twice count once.
    names : sequence of str
        What each column is.

    Returns
    -------
    ndarray of int64
        In ascending order.

    Raises
    ------
    UserError
        If there are none, or one of them has no column.
    """
    place = {name: column for column, name in enumerate(names)}
    lost = [name for name in mask if name not in place]
    if lost or not mask:
        raise UserError(
            f"These coefficients have no {', '.join(lost[:3])}." if lost else "A mask is empty."
        )
    return np.array(sorted({place[name] for name in mask}), dtype=np.int64)


def _checked(true: Array, predicted: Array) -> tuple[Array, Array]:
    a, b = np.asanyarray(true), np.asanyarray(predicted)
    if a.ndim != 2 or not a.shape[1]:
        raise UserError(f"Coefficients have the shape (frame, channel), not {a.shape}.")
    return match_lengths(a, b)[:2]


def _columns(channels: int, mask: Sequence[str], names: Sequence[str] | None) -> NDArray[np.int64]:
    known = channel_names(channels) if names is None else names
    if known is None or len(known) != channels:
        raise UserError(f"What the {channels} channels are must be said: names=...")
    return mask_columns(mask, known)


def coefficient_error(
    true: Array,
    predicted: Array,
    mask: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
) -> Doubles:
    """Return the Euclidean distance of coefficients, frame by frame.

    Parameters
    ----------
    true, predicted : ndarray
        ``(frame, channel)``.
    mask : sequence of str, optional
        Which shapes; all by default.
    names : sequence of str, optional
        What each channel is. 52 channels are taken to be ARKit's and 51 BEAT's.

    Returns
    -------
    ndarray
        ``(frame,)``.

    Raises
    ------
    UserError
        If the motions do not match or are not finite, or the mask does not fit the channels.
    """
    a, b = _checked(true, predicted)
    chosen = slice(None) if mask is None else _columns(a.shape[1], mask, names)
    with np.errstate(invalid="ignore", over="ignore"):
        return finite(np.sqrt(squared_norms(double(a[:, chosen]) - double(b[:, chosen]))))


def mbe(true: Array, predicted: Array) -> float:
    """Return the mean blendshape error of one clip.

    Formula: ``1/T sum_t |x[t] - y[t]|`` over all channels (DiffusionTalker; "mean vertex error" in
    FaceDiffuser's program). It grows with the number of channels: 52 and 51 differ by the tongue.

    Parameters
    ----------
    true, predicted : ndarray
        ``(frame, channel)``.

    Returns
    -------
    float

    Raises
    ------
    UserError
        If the motions do not match, or are not finite.
    """
    return float(coefficient_error(true, predicted).mean())


def lbe(
    true: Array,
    predicted: Array,
    mask: Sequence[str] = LBE_MASK,
    names: Sequence[str] | None = None,
) -> float:
    """Return the lip blendshape error of one clip.

    Formula: `mbe` over the shapes of `mask` only. With `LBE_PUBLISHED_MASK` it is the number of
    the published program. Parameters and errors are those of `coefficient_error`.
    """
    return float(coefficient_error(true, predicted, mask, names).mean())


def fdd_blendshapes(
    true: Array,
    predicted: Array,
    mask: Sequence[str] = FDD_MASK,
    names: Sequence[str] | None = None,
) -> float:
    """Return the upper face dynamics deviation of coefficients, of one clip, with its sign.

    Formula: ``std_t(sum_c x[t, c]^2) - std_t(sum_c y[t, c]^2)`` over the shapes c of `mask`, with
    ddof 0 (FaceDiffuser's program; with `FDD_PUBLISHED_MASK` its number). Unlike the FDD of
    vertices, the deviation is that of one sum and not a mean of deviations: a lid that closes while
    a brow falls may leave it as it is. Parameters and errors are those of `coefficient_error`.
    """
    a, b = _checked(true, predicted)
    columns = _columns(a.shape[1], mask, names)
    with np.errstate(invalid="ignore", over="ignore"):
        spread = [squared_norms(double(values[:, columns])).std() for values in (a, b)]
        return float(finite(np.subtract(*spread)))
