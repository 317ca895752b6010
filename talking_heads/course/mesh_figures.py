"""Still figures of meshes: spirals on a flat grid or a head, fields of view, pyramid levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from talking_heads.corpus.heads import Head
    from talking_heads.face import Face
    from talking_heads.geometry.pyramid import MeshPyramid


def grid_figure(
    points: NDArray[Any],
    triangles: NDArray[Any],
    paths: Mapping[str, Sequence[int]] | Sequence[int] = (),
    *,
    rings: Sequence[Sequence[int]] = (),
    values: NDArray[Any] | None = None,
    numbers: bool = True,
) -> tuple[Figure, str]:
    """Draw a flat mesh with numbered vertices, and on it rings as colours and paths as arrows.

    Parameters
    ----------
    points : ndarray
        ``(V, 2)`` or ``(V, 3)``, of which x and y are drawn.
    triangles : ndarray
        ``(T, 3)``.
    paths : sequence of int, or mapping of name to sequence of int
        Spirals; several stand side by side, one mesh each, named above.
    rings : sequence of sequences of int
        Coloured from the centre outwards: ``[[12], [7, 8, 13], ...]``.
    values : ndarray, optional
        ``(V,)`` shown as the shade of each vertex instead of rings.
    numbers : bool
        Write each vertex' number.

    Returns
    -------
    tuple of Figure and str
        For `talking_heads.course.figures.show`.
    """
    raise NotImplementedError


def spiral_figure(
    head: Face | Head | str,
    spirals: NDArray[Any] | Mapping[str, NDArray[Any]],
    vertices: Sequence[int | str] | int | str,
) -> tuple[Figure, str]:
    """Draw spirals on a head, each from the side that its centre faces.

    Parameters
    ----------
    head : Face, Head or str
        As in `talking_heads.course.mesh_view.spiral_view`.
    spirals : ndarray, or mapping of name to ndarray
        ``(V, L)``; with several (such as dilation 1 and 2) each vertex is drawn once for each.
    vertices : int, str or sequence of them
        Centres, by number or name.

    Returns
    -------
    tuple of Figure and str
        For `talking_heads.course.figures.show`.
    """
    raise NotImplementedError


def field_figure(
    head: Face | Head | str,
    pyramid: MeshPyramid | Mapping[str, MeshPyramid],
    vertex: int | str | None = None,
    levels: Sequence[int] | None = None,
) -> tuple[Figure, str]:
    """Draw the receptive field of one place after each level as heat maps side by side.

    With several pyramids (such as dilation 1 and 2) each has a row.

    Returns
    -------
    tuple of Figure and str
        For `talking_heads.course.figures.show`; the words say how many vertices each field holds.
    """
    raise NotImplementedError


def pyramid_figure(head: Face | Head | str, pyramid: MeshPyramid) -> tuple[Figure, str]:
    """Draw the meshes of all levels side by side with their edges.

    Returns
    -------
    tuple of Figure and str
        For `talking_heads.course.figures.show`.
    """
    raise NotImplementedError
