"""Views of a mesh to turn: a spiral as a path, a receptive field, the levels of a pyramid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from talking_heads.course.figures import keep_colors, png_of
from talking_heads.course.head_box import WIDE
from talking_heads.course.mesh_box import MeshBox, PlaceBox
from talking_heads.course.mesh_figures import pyramid_picture, spiral_picture
from talking_heads.course.mesh_marks import (
    LIFT,
    STEPS,
    draw_path,
    field_colors,
    field_of,
    field_words,
    heat_colors,
    path_colors,
    pyramid_words,
    raised_path,
    spiral_words,
    tiles_figure,
)
from talking_heads.course.mesh_picture import (
    Mesh,
    checked_pyramid,
    checked_spirals,
    facing,
    level_mesh,
    mesh_of,
    photo,
    whole_camera,
)
from talking_heads.course.mesh_plot import mesh_objects, packed
from talking_heads.errors import UserError

if TYPE_CHECKING:
    from talking_heads.corpus.heads import Head
    from talking_heads.face import Face
    from talking_heads.geometry.pyramid import MeshPyramid

_INK = 0x1F2933


def named_vertices(head: Face | Head | str) -> dict[str, int]:
    """Return vertices of a face by name, where its landmarks are known.

    Parameters
    ----------
    head : Face, Head or str
        As in `spiral_view`.

    Returns
    -------
    dict of str to int
        Such as ``"tip of the nose"``, ``"middle of the upper lip"``, ``"left corner of the
        mouth"``, ``"chin"``, ``"left cheek"``, ``"forehead"``. Left is the face's own left.
    """
    return dict(mesh_of(head).names)


class SpiralBox(PlaceBox):
    """A spiral on a head; made by `spiral_view`.

    Attributes
    ----------
    place : Dropdown
        Vertices by name.
    vertex : IntSlider
        The centre by number.
    steps : IntSlider
        How many vertices of the spiral are drawn.
    """

    intro = (
        "A head to turn, on which a spiral runs from its centre, dark blue, to its end, yellow, "
        "with a number at each vertex; controls for the centre and for how far it is drawn."
    )

    def __init__(
        self, mesh: Mesh, spirals: NDArray[np.int64], vertex: int, title: str, height: int
    ) -> None:
        import k3d

        self._spirals = spirals
        length = spirals.shape[1]
        self.steps = widgets.IntSlider(
            length, 1, length, description="Drawn", style=WIDE,
            layout=widgets.Layout(width="min(300px, 96%)"),
        )  # fmt: skip
        super().__init__(mesh, vertex, [self.steps], title, height)
        colors = packed(255 * path_colors(length))
        pieces = np.concatenate([[0], np.repeat(np.arange(1, length), STEPS)])
        path = self._path()
        self._line = k3d.line(path, colors=colors[pieces], shader="mesh")
        self._points = k3d.points(path[::STEPS], colors=colors, shader="mesh")
        self._numbers = [
            k3d.text(str(k), color=_INK, reference_point="cc", size=0.75, is_html=True)
            for k in range(length)
        ]
        for item in (*mesh_objects(mesh), self._line, self._points, *self._numbers):
            self.plot += item
        self._draw(turn=True)
        self.steps.observe(lambda _: self._draw(turn=False), names="value")

    @property
    def spiral(self) -> NDArray[np.int64]:
        """The vertices of the spiral, centre first, ``(L,)``."""
        return self._spirals[self.vertex.value]

    def _path(self) -> NDArray[np.float32]:
        """Return the path as far as it is drawn; all that comes later lies on its last place."""
        path, _ = raised_path(self.mesh, self.spiral[: self.steps.value])
        missing = 1 + STEPS * (len(self.spiral) - 1) - len(path)
        return np.concatenate([path, np.repeat(path[-1:], missing, axis=0)])

    def _draw(self, *, turn: bool) -> None:
        path, spiral = self._path(), self.spiral
        whole = self.mesh.vertices[spiral].astype(np.float64)
        reach = max(3.6 * float(np.linalg.norm(whole - whole.mean(0), axis=1).max()), 0.05)
        with self._line.hold_sync():
            self._line.vertices = path
            self._line.width = 0.006 * reach
        with self._points.hold_sync():
            self._points.positions = path[::STEPS]
            self._points.point_size = 0.028 * reach
        for number, text in enumerate(self._numbers):
            above = path[STEPS * number] + 0.03 * reach * self.mesh.normals[spiral[number]]
            with text.hold_sync():
                text.visible = number < self.steps.value
                text.position = above.tolist()
        if turn:
            yaw, pitch = facing(self.mesh, self.vertex.value)
            self.look((whole.min(0) + whole.max(0)) / 2, yaw, pitch, reach)
        self._finish()

    def _what(self) -> str:
        words = spiral_words(self.mesh, self.spiral)
        if self.steps.value < len(self.spiral):
            words += f" The first {self.steps.value} are drawn."
        return words

    @property
    def still(self) -> bytes:
        """A PNG picture of the spiral from the side of its centre."""
        picture, camera = spiral_picture(self.mesh, self.spiral, (320, 280))
        figure, axes = tiles_figure([[picture]], titles=[[""]])
        places = camera.project(self.mesh.vertices[self.spiral])[:, :2]
        draw_path(axes[0][0], places[: self.steps.value])
        return png_of(figure)


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

    Raises
    ------
    UserError
        If the spirals do not fit the mesh, or there is no such vertex.
    """
    mesh = mesh_of(head)
    return SpiralBox(mesh, checked_spirals(mesh, spirals), mesh.number(vertex), title, height)


class FieldBox(PlaceBox):
    """A receptive field on a head; made by `field_view`.

    Attributes
    ----------
    place : Dropdown
        Vertices by name.
    vertex : IntSlider
        A vertex of the full mesh; the nearest one that is left at the level is looked at.
    level : IntSlider
        After how many convolutions, from 0: the vertex itself.
    """

    intro = (
        "A head to turn, red where the vertices lie that one output of the pyramid sees, the "
        "darker the more paths lead from there, on a logarithmic scale; controls for the output's "
        "place and level."
    )

    def __init__(
        self, mesh: Mesh, pyramid: MeshPyramid, vertex: int, level: int, title: str, height: int
    ) -> None:
        import k3d

        self._pyramid = pyramid
        self.level = widgets.IntSlider(
            level, 0, len(pyramid.levels) - 1, description="Level", style=WIDE,
            layout=widgets.Layout(width="min(300px, 96%)"),
        )  # fmt: skip
        super().__init__(mesh, vertex, [self.level], title, height)
        self._skin, *others = mesh_objects(mesh, lines=0.15)
        place = self._above(self._field()[1])
        self._dot = k3d.points(place, point_size=0.004, colors=[0x0B62A8], shader="mesh")
        for item in (self._skin, *others, self._dot):
            self.plot += item
        self._draw(turn=True)
        self.level.observe(lambda _: self._draw(turn=False), names="value")

    def _above(self, vertex: int) -> NDArray[np.float32]:
        """Return a place right above a vertex, ``(1, 3)``."""
        place = self.mesh.vertices[vertex] + LIFT * self.mesh.normals[vertex]
        return place.astype(np.float32)[None]

    @property
    def weights(self) -> NDArray[np.float64]:
        """The share of the paths that begin at each vertex of the mesh, ``(V,)``; sums to 1."""
        return self._field()[0]

    @property
    def centre(self) -> int:
        """The vertex that is looked at, by its number on the full mesh."""
        return self._field()[1]

    def _field(self) -> tuple[NDArray[np.float64], int]:
        return field_of(self.mesh, self._pyramid, self.level.value, self.vertex.value)

    def _draw(self, *, turn: bool) -> None:
        weights, centre = self._field()
        self._skin.colors = packed(field_colors(self.mesh, weights))
        self._dot.positions = self._above(centre)
        if turn:
            yaw, _ = facing(self.mesh, self.vertex.value)
            height = 1.15 * float(np.ptp(self.mesh.vertices[:, 1]))
            self.look(self.mesh.middle, yaw - 14.0, 0.0, height)
        self._finish()

    def _what(self) -> str:
        weights, centre = self._field()
        return field_words(self.mesh, weights, centre, self.level.value)

    @property
    def still(self) -> bytes:
        """A PNG picture of the heat map."""
        weights, centre = self._field()
        yaw, _ = facing(self.mesh, self.vertex.value)
        camera = whole_camera(self.mesh, (300, 340), yaw - 14.0)
        picture = photo(self.mesh, camera, colors=field_colors(self.mesh, weights), lines=False)
        figure, axes = tiles_figure([[picture]], titles=[[""]])
        keep_colors(figure, heat_colors())
        x, y, _ = camera.project(self.mesh.vertices[centre][None])[0]
        axes[0][0].plot(x, y, "o", ms=5, mfc="none", mec="#0b62a8", mew=1.4)
        return png_of(figure)


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
    title : str
        Begins the description.
    height : int
        Pixels.

    Returns
    -------
    FieldBox
        Display it as the last line of a cell. The controls need a running kernel.

    Raises
    ------
    UserError
        If the pyramid does not begin with the mesh, or there is no such vertex or level.
    """
    mesh = mesh_of(head)
    checked_pyramid(mesh, pyramid)
    last = len(pyramid.levels) - 1
    level = last if level is None else level
    if not 0 <= level <= last:
        raise UserError(f"The pyramid has the levels 0 to {last}, not {level}.")
    return FieldBox(mesh, pyramid, mesh.number(vertex), level, title, height)


class PyramidBox(MeshBox):
    """The levels of a pyramid side by side; made by `pyramid_view`."""

    intro = "Meshes to turn."

    def __init__(self, mesh: Mesh, pyramid: MeshPyramid, title: str, height: int) -> None:
        import k3d

        self._pyramid = pyramid
        super().__init__(mesh, [], title, height)
        low, high = mesh.vertices.min(0), mesh.vertices.max(0)
        step = 1.25 * float(max(high[0] - low[0], high[2] - low[2]))
        for number, count in enumerate(pyramid.sizes):
            aside = np.array([number * step, 0.0, 0.0], dtype=np.float32)
            for item in mesh_objects(level_mesh(mesh, pyramid, number), aside):
                self.plot += item
            top = np.array([mesh.middle[0], high[1] + 0.012, mesh.middle[2]]) + aside
            self.plot += k3d.text(
                f"{count:,}", position=top.tolist(), color=_INK, reference_point="cb",
                size=0.9, is_html=True,
            )  # fmt: skip
        width = (len(pyramid.sizes) - 1) * step
        middle = mesh.middle + np.array([width / 2, 0.0, 0.0])
        # A page with a side bar is some 750 pixels wide; all levels must fit, and at a right angle
        # none is nearer than another.
        reach = max(1.3 * float(high[1] - low[1]), (width + step) * height / 750)
        self.look(middle, 0.0, 0.0, reach)
        self.tell(self._what())

    def _what(self) -> str:
        return pyramid_words(self.mesh, self._pyramid)

    @property
    def still(self) -> bytes:
        """A PNG picture of the levels."""
        return png_of(pyramid_picture(self.mesh, self._pyramid))


def pyramid_view(
    head: Face | Head | str, pyramid: MeshPyramid, *, title: str = "", height: int = 380
) -> PyramidBox:
    """Show the meshes of all levels side by side, with their edges and numbers of vertices.

    Parameters
    ----------
    head : Face, Head or str
        The mesh that the pyramid begins with.
    pyramid : MeshPyramid
        From `talking_heads.geometry.pyramid.build_pyramid`.
    title : str
        Begins the description.
    height : int
        Pixels.

    Returns
    -------
    PyramidBox
        Display it as the last line of a cell.

    Raises
    ------
    UserError
        If the pyramid does not begin with the mesh.
    """
    mesh = mesh_of(head)
    return PyramidBox(mesh, checked_pyramid(mesh, pyramid), title, height)
