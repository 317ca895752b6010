"""`Piece`: one part of the head with what moves it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from talking_heads.face.lattice import split_quads
from talking_heads.geometry.sdf import Array

Ints = NDArray[np.int64]


@dataclass
class Piece:
    """Points, triangles and colours of one part, and how strongly each joint moves them.

    Attributes
    ----------
    points : ndarray
        ``(n, 3)`` metres.
    triangles : ndarray
        ``(t, 3)`` within this piece (or, for the mouth bag, within the whole head).
    colors : ndarray
        ``(n, 3)`` sRGB, 0 to 255.
    jaw : ndarray
        ``(n,)`` share of the jaw's rotation.
    seal : ndarray
        ``(n,)`` share that mouthClose adds.
    head : ndarray
        ``(n,)`` share of the head's rotation.
    """

    points: Array
    triangles: Ints
    colors: Array
    jaw: Array = field(default_factory=lambda: np.zeros(0))
    seal: Array = field(default_factory=lambda: np.zeros(0))
    head: Array = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        n = len(self.points)
        for name, default in (("jaw", 0.0), ("seal", 0.0), ("head", 1.0)):
            if len(getattr(self, name)) != n:
                setattr(self, name, np.full(n, default))


def sheet(rows: int, columns: int, *, closed: bool = False, flip: bool = False) -> Ints:
    """Return the triangles of a grid of points ``(rows, columns)`` in row-major order.

    Seen from the front, rows run down and columns run to the right; `flip` turns the sheet over,
    `closed` joins the last column to the first.
    """
    index = np.arange(rows * columns).reshape(rows, columns)
    right = np.roll(index, -1, axis=1)
    if not closed:
        index, right = index[:, :-1], right[:, :-1]
    quads = np.stack([index[:-1], index[1:], right[1:], right[:-1]], -1).reshape(-1, 4)
    return split_quads(quads[:, ::-1] if flip else quads)


def merge(*pieces: Piece) -> Piece:
    """Join pieces into one."""
    offsets = np.cumsum([0, *(len(p.points) for p in pieces)])
    return Piece(
        np.concatenate([p.points for p in pieces]),
        np.concatenate([p.triangles + o for p, o in zip(pieces, offsets, strict=False)]),
        np.concatenate([p.colors for p in pieces]),
        np.concatenate([p.jaw for p in pieces]),
        np.concatenate([p.seal for p in pieces]),
        np.concatenate([p.head for p in pieces]),
    )


def mirrored(piece: Piece) -> Piece:
    """Return the mirror image, on the face's right."""
    return Piece(
        piece.points * [-1.0, 1.0, 1.0],
        piece.triangles[:, ::-1],
        piece.colors.copy(),
        piece.jaw,
        piece.seal,
        piece.head,
    )


def both_sides(piece: Piece) -> Piece:
    """Return the piece with a second copy of its triangles that faces the other way."""
    piece.triangles = np.concatenate([piece.triangles, piece.triangles[:, ::-1]])
    return piece
