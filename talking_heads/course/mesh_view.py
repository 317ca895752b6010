"""Views of a mesh to turn: a spiral as a path, a receptive field, the levels of a pyramid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
from numpy.typing import NDArray

if TYPE_CHECKING:
    from talking_heads.corpus.heads import Head
    from talking_heads.face import Face
    from talking_heads.geometry.pyramid import MeshPyramid


def named_vertices(head: Face | Head | str) -> dict[str, int]:
    """Return vertices of a face by name, where its landmarks are known.

    Such as ``{"tip of the nose": 12, "middle of the upper lip": 40, "left corner of the mouth":
    ..., "chin": ..., "edge of the left eye": ..., "forehead": ...}``. Left is the face's own.
    """
    raise NotImplementedError


class MeshBox(widgets.VBox):
    """Controls above a k3d mesh, with a still and words; what the three views share.

    Attributes
    ----------
    plot : k3d.Plot
        The mesh and what is drawn on it.
    description : str
        What is shown now, in words.
    still : bytes
        A PNG picture of it, shown where no widget runs.
    """

    plot: Any


class SpiralBox(MeshBox):
    """A spiral on a head; made by `spiral_view`.

    Attributes
    ----------
    place : Dropdown
        Vertices by name.
    vertex : BoundedIntText and IntSlider
        The centre by number.
    spiral : ndarray
        ``(L,)`` the vertices of the spiral now, centre first.
    """


def spiral_view(
    head: Face | Head | str,
    spirals: NDArray[Any],
    vertex: int | str | None = None,
    *,
    title: str = "",
    height: int = 440,
) -> SpiralBox:
    """Show the spiral of a vertex as a coloured, numbered path from its centre outwards.

    Parameters
    ----------
    head : Face, Head or str
        The mesh: of a course face (``"maya@low"``) the skin, else the whole head.
    spirals : ndarray
        ``(V, L)`` from `talking_heads.geometry.spirals`.
    vertex : int or str, optional
        Where to begin, by number or by a name of `named_vertices`; by default the middle of the
        upper lip.
    title : str
        Begins the description.
    height : int
        Pixels.

    Returns
    -------
    SpiralBox
        Display it as the last line of a cell. The controls need a running kernel.
    """
    raise NotImplementedError


class FieldBox(MeshBox):
    """A receptive field on a head; made by `field_view`.

    Attributes
    ----------
    level : IntSlider
        1 to the number of levels: after how many convolutions.
    place : Dropdown
        Where on the face; the nearest vertex that is left at the level is taken.
    weights : ndarray
        ``(V,)`` share of the paths that begin at each vertex; sums to 1.
    """


def field_view(
    head: Face | Head | str,
    pyramid: MeshPyramid,
    vertex: int | str | None = None,
    level: int | None = None,
    *,
    title: str = "",
    height: int = 440,
) -> FieldBox:
    """Show as a heat map which vertices one output of the pyramid sees, and how often.

    Parameters
    ----------
    head : Face, Head or str
        The mesh that the pyramid begins with.
    pyramid : MeshPyramid
        From `talking_heads.geometry.pyramid.build_pyramid`.
    vertex : int or str, optional
        On the full mesh, by number or name; the nearest vertex that the level keeps is taken.
    level : int, optional
        After how many convolutions, 1 to all; by default all.

    Returns
    -------
    FieldBox
        Display it as the last line of a cell. The controls need a running kernel.
    """
    raise NotImplementedError


class PyramidBox(MeshBox):
    """The levels of a pyramid side by side; made by `pyramid_view`."""


def pyramid_view(
    head: Face | Head | str, pyramid: MeshPyramid, *, title: str = "", height: int = 380
) -> PyramidBox:
    """Show the meshes of all levels side by side, with their edges and numbers of vertices.

    Returns
    -------
    PyramidBox
        Display it as the last line of a cell.
    """
    raise NotImplementedError
