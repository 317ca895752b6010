"""What all metrics do to the arrays they are given: check, match lengths, work in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from talking_heads.errors import UserError

Array = NDArray[Any]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
Lengths = Literal["error", "trim"]

BLOCK = 1_000_000
"""Numbers that are worked on at once: 8 MB in double precision. A clip of BIWI has ten times as
many in each of its motions."""


def unique_ids(ids: ArrayLike, size: int, what: str = "A region") -> Ints:
    """Return vertex numbers in ascending order, each once.

    Lists in use name vertices twice: the lips of the FLAME masks have 254 entries and 250
    vertices. Without this a mean over a region would count them double.

    Parameters
    ----------
    ids : array_like
        Vertex numbers.
    size : int
        How many vertices the mesh has.
    what : str
        Named in the message.

    Returns
    -------
    ndarray of int64

    Raises
    ------
    UserError
        If there are none, or one of them is not of the mesh.
    """
    given = np.asarray(ids).ravel()
    if not given.size:
        raise UserError(f"{what} has no vertices.")
    if given.dtype.kind not in "iu":
        raise UserError(f"{what} must be a list of vertex numbers, not of {given.dtype}.")
    out = np.unique(given).astype(np.int64)
    if out[0] < 0 or out[-1] >= size:
        raise UserError(f"{what} names a vertex that a mesh of {size:,} vertices lacks.")
    return out


def unique_pairs(pairs: ArrayLike, size: int) -> Ints:
    """Return pairs of vertices ``(2, P)``, each pair once; raises as `unique_ids`."""
    try:
        given = np.asarray(pairs)
    except ValueError:  # rows of different lengths
        raise UserError("Lip pairs need as many upper vertices as lower ones.") from None
    if given.ndim != 2 or len(given) != 2:
        raise UserError(f"Lip pairs must be of shape (2, P), not {given.shape}.")
    unique_ids(given, size, "A lip pair")
    return np.unique(given, axis=1).astype(np.int64)


def match_lengths(
    true: Array, predicted: Array, lengths: Lengths = "error"
) -> tuple[Array, Array, int]:
    """Return both motions with the same number of frames.

    Published programs cut the longer one off without a word. Here that must be asked for.

    Parameters
    ----------
    true, predicted : ndarray
        ``(frame, ...)``, alike but for the frames.
    lengths : {"error", "trim"}
        What to do where the lengths differ: refuse, or use the frames that both have.

    Returns
    -------
    true, predicted : ndarray
        Views with the frames that are compared.
    dropped : int
        How many frames at the end of the longer one are not.

    Raises
    ------
    UserError
        If the shapes do not agree, there are no frames, or the lengths differ and must not.
    """
    if lengths not in ("error", "trim"):
        raise UserError(f'lengths is "error" or "trim", not {lengths!r}.')
    if true.ndim < 2 or true.shape[1:] != predicted.shape[1:]:
        raise UserError(f"Motions of shapes {true.shape} and {predicted.shape} cannot be compared.")
    frames = min(len(true), len(predicted))
    dropped = max(len(true), len(predicted)) - frames
    if not frames:
        raise UserError("A motion without frames cannot be measured.")
    if dropped and lengths == "error":
        raise UserError(
            f"The true motion has {len(true)} frames and the predicted one {len(predicted)}.\n"
            'lengths="trim" compares the frames that both have and reports how many it drops.'
        )
    return true[:frames], predicted[:frames], dropped


def frame_blocks(frames: int, width: int) -> Iterator[slice]:
    """Yield pieces of a motion of so many frames that no piece is larger than `BLOCK` numbers.

    Parameters
    ----------
    frames : int
        How many there are.
    width : int
        Numbers a frame.
    """
    step = max(1, BLOCK // max(1, width))
    for start in range(0, frames, step):
        yield slice(start, min(start + step, frames))


def double(values: Array) -> Doubles:
    """Return values in double precision."""
    return np.asarray(values, dtype=np.float64)


def finite(values: Doubles) -> Doubles:
    """Return values as they are.

    Raises
    ------
    UserError
        If one of them is not finite: then something in the motions was not, or was absurdly large.
    """
    if not np.isfinite(values).all():
        raise UserError("A motion holds values that are not finite.")
    return values


def squared_norms(values: Doubles) -> Doubles:
    """Return the squared Euclidean norm along the last axis.

    Several times as fast as squares and a sum: NumPy adds up axes of three slowly.
    """
    return np.asarray(np.einsum("...k,...k->...", values, values))


def smooth_as_published(motion: ArrayLike) -> Doubles:
    """Return a motion smoothed as DiffSpeaker's program smooths predictions for VOCASET.

    Each frame but the first and the last becomes the mean of itself and its two neighbours. The
    program does this before it measures; the paper does not mention it. No metric here does it.

    Parameters
    ----------
    motion : array_like
        ``(frame, ...)``.

    Returns
    -------
    ndarray of float64
        Of the same shape; a motion of fewer than three frames comes back as it is.
    """
    values = double(np.asarray(motion))
    out = values.copy()
    if len(values) > 2:
        out[1:-1] = (values[:-2] + values[1:-1] + values[2:]) / 3
    return out
