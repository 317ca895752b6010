"""The grid of the skin: a chart round the head with rings let in for the mouth and both eyes.

Every vertex has lattice coordinates: (row, column) on the chart, or (ring, step) on the rings.
A finer lattice divides the steps, so that the points of the coarsest persist in all others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Array = NDArray[np.float64]

COLUMNS = 15  # coarse columns from the middle of the face to the middle of the back
ROWS = 26  # coarse rows from the crown to the base of the neck
MOUTH_RECT = (-5, 5, 15, 19)  # columns from, to; rows from, to
EYE_RECT = (2, 7, 8, 12)
# Rings, counted inward from the rectangle: the red of the lips begins at ring 3, the lips touch
# at 6; the crease of the lid is ring 3, its edge ring 5; the last ring of each lies hidden inside.
MOUTH_BORDER, MOUTH_CONTACT, MOUTH_LAST = 3, 6, 7
LID_CREASE, LID_EDGE, EYE_LAST = 3, 5, 6


@dataclass(frozen=True)
class Ring:
    """Rings round an opening.

    Attributes
    ----------
    index : ndarray
        ``(rings, steps)`` vertex numbers; ring 0 lies on the chart.
    level : ndarray
        ``(rings,)`` ring coordinate; whole numbers are the coarse rings.
    phase : ndarray
        ``(steps,)`` 0 at the outer (for the mouth: left) corner, 1/4 top, 1/2, 3/4 bottom; even
        in coarse steps.
    """

    index: Ints
    level: Array
    phase: Array

    def at(self, level: float) -> Ints:
        """Return the vertex numbers of one ring, ``(steps,)``."""
        return self.index[int(np.flatnonzero(np.isclose(self.level, level))[0])]


@dataclass(frozen=True)
class Lattice:
    """Topology of the skin.

    Attributes
    ----------
    row, column : ndarray
        ``(n,)`` chart coordinates of the first `n` vertices, those on the chart.
    mouth, eye_left, eye_right : Ring
        The rings; their vertices follow those of the chart.
    triangles : ndarray
        ``(T, 3)`` counter-clockwise seen from outside.
    size : int
        Number of vertices.
    """

    row: Array
    column: Array
    mouth: Ring
    eye_left: Ring
    eye_right: Ring
    triangles: Ints
    size: int


def build_lattice(down: int, across: int) -> Lattice:
    """Build the topology of the skin.

    Parameters
    ----------
    down, across : int
        Each coarse row (and each step between rings) is cut into `down`, each coarse column into
        `across`.

    Returns
    -------
    Lattice
        Mirror symmetric, manifold, with one border at the neck, one in each eye and one in the
        mouth.
    """
    rows, half = ROWS * down, COLUMNS * across
    rects = [MOUTH_RECT, EYE_RECT, (-EYE_RECT[1], -EYE_RECT[0], *EYE_RECT[2:])]
    # Columns -half+1 ... half; the last one runs down the back.
    column = np.arange(-half + 1, half + 1)
    chart = np.full((rows + 1, 2 * half), -1, dtype=np.int64)
    keep = np.ones_like(chart, dtype=bool)
    for left, right, top, bottom in rects:
        inside = (column > left * across) & (column < right * across)
        keep[top * down + 1 : bottom * down, inside] = False
    keep[0] = False
    chart[keep] = np.arange(1, keep.sum() + 1)
    chart[0] = 0  # the crown is one vertex
    where = np.argwhere(keep)
    row = np.concatenate([[0.0], where[:, 0] / down])
    col = np.concatenate([[0.0], column[where[:, 1]] / across])
    triangles = [_chart_triangles(chart, column)]
    size = int(chart.max()) + 1
    rings = []
    for rect, last, flip in (
        (rects[0], MOUTH_LAST, False),
        (rects[1], EYE_LAST, False),
        (rects[2], EYE_LAST, True),
    ):
        outline = _outline(rect, down, across)
        if flip:  # the right eye is the mirror image of the left
            outline = _outline(rects[1], down, across) * np.array([1, -1])
        # Whole numbers, so that the corners lie at 0 and 1/2 exactly.
        way = np.abs(np.diff(outline, axis=0, append=outline[:1])) @ [across, down]
        phase = (np.cumsum(way) - way) / way.sum()
        outer = chart[outline[:, 0], outline[:, 1] + half - 1]
        steps, count = len(outer), last * down
        index = np.concatenate([outer[None], size + np.arange(count * steps).reshape(count, steps)])
        size += count * steps
        rings.append(Ring(index, np.arange(count + 1) / down, phase))
        triangles.append(_ring_triangles(index, flip))
    return Lattice(row, col, rings[0], rings[1], rings[2], np.concatenate(triangles), size)


def _outline(rect: tuple[int, int, int, int], down: int, across: int) -> Ints:
    """Walk round a rectangle from the middle of its left (+) side over the top: (row, column)."""
    left, right, top, bottom = (v * n for v, n in zip(rect, [across] * 2 + [down] * 2, strict=True))
    middle = (top + bottom) // 2
    up = [(r, right) for r in range(middle, top, -1)]
    over = [(top, c) for c in range(right, left, -1)]
    fall = [(r, left) for r in range(top, bottom)]
    under = [(bottom, c) for c in range(left, right)]
    back = [(r, right) for r in range(bottom, middle, -1)]
    return np.array(up + over + fall + under + back)


def _chart_triangles(chart: Ints, column: Ints) -> Ints:
    a, b = chart[:-1], chart[1:]
    a_next, b_next = np.roll(a, -1, axis=1), np.roll(b, -1, axis=1)
    quads = np.stack([a, b, b_next, a_next], axis=-1).reshape(-1, 4)
    # The diagonals mirror one another.
    left = np.tile((column >= 0) & (column < column.max()), len(a))
    # Each quad of a hole has a removed corner, because no hole is one step wide.
    whole = (quads >= 0).all(1)
    return split_quads(quads[whole], left[whole])


def _ring_triangles(index: Ints, flip: bool) -> Ints:
    a, b = index[:-1], index[1:]
    quads = np.stack([a, np.roll(a, -1, 1), np.roll(b, -1, 1), b], axis=-1).reshape(-1, 4)
    phase = np.arange(index.shape[1]) / index.shape[1]
    right = np.tile((phase >= 0.25) & (phase < 0.75), len(a))
    return split_quads(quads[:, [0, 3, 2, 1]] if flip else quads, right)


def split_quads(quads: Ints, second: NDArray[np.bool_] | bool = False) -> Ints:
    """Cut quads ``(n, 4)`` into triangles ``(2 n, 3)``, dropping those without area.

    Parameters
    ----------
    quads : ndarray
        Corners in order; a quad may repeat a corner.
    second : ndarray of bool
        Cut along the diagonal from the second corner to the fourth, not the first to the third.
    """
    a, b, c, d = quads.T
    second = np.broadcast_to(np.asarray(second), a.shape)
    one = np.where(second[:, None], np.stack([a, b, d], 1), np.stack([a, b, c], 1))
    two = np.where(second[:, None], np.stack([b, c, d], 1), np.stack([a, c, d], 1))
    t = np.concatenate([one, two])
    distinct = (t[:, 0] != t[:, 1]) & (t[:, 1] != t[:, 2]) & (t[:, 0] != t[:, 2])
    return t[distinct]
