"""Rows of faces as a figure: poses side by side, in their own colours or as heat maps in mm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from talking_heads.corpus.heads import Head
    from talking_heads.face import Face


def faces_figure(
    face: Face | Head | str,
    poses: Sequence[NDArray[Any]],
    labels: Sequence[str],
    *,
    values: Sequence[NDArray[Any]] | None = None,
    value_range: tuple[float, float] | None = None,
    value_name: str = "mm",
    columns: int = 6,
    mouth: bool = False,
) -> Figure:
    """Draw poses of one face side by side.

    Parameters
    ----------
    face : Face, Head or str
        Whose head: ``motion.face_id``, or ``corpus.head(speaker)``.
    poses : sequence of ndarray
        ``(V, 3)`` offsets from rest in metres each, of all vertices or of the skin; a row of
        ``Motion.values`` of vertices is one.
    labels : sequence of str
        One above each.
    values : sequence of ndarray, optional
        ``(V,)`` numbers a pose, drawn as a heat map with a scale below.
    value_range : (low, high), optional
        Of the heat map; by default 0 to the largest value.
    value_name : str
        What the values are, with their unit.
    columns : int
        Faces in a row.
    mouth : bool
        Show the mouth alone, from near.

    Returns
    -------
    Figure
        For `talking_heads.course.figures.show`, with words of your own. Some 10 to 25 kB.
    """
    raise NotImplementedError
