"""What views of a mesh to turn share: the mesh with a still and words, and a vertex to choose."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from talking_heads.course.head_box import WIDE, DescribedBox
from talking_heads.course.mesh_picture import Mesh
from talking_heads.course.mesh_plot import FOV, new_plot
from talking_heads.view.player import Cover

_BY_NUMBER = "by number"


class MeshBox(DescribedBox):
    """Controls above a k3d mesh, with a still and words; what the views of a mesh share.

    Attributes
    ----------
    plot : k3d.Plot
        The mesh and what is drawn on it; add k3d objects to it at will.
    """

    intro = ""
    """What the controls are, for people who cannot see them."""

    def __init__(self, mesh: Mesh, controls: list[widgets.Widget], title: str, height: int) -> None:
        self.mesh, self.title = mesh, title
        self.status = widgets.HTML()
        self.plot = new_plot(height)
        cover = Cover(layout=widgets.Layout(height="0", margin="0"))
        super().__init__([cover, *controls, self.status, self.plot], cover)

    def _what(self) -> str:
        """Say what is shown now."""
        raise NotImplementedError

    @property
    def description(self) -> str:
        """What the view shows, in words."""
        return " ".join(filter(None, [self.title and f"{self.title}:", self.intro, self._what()]))

    def look(self, point: NDArray[Any], yaw: float, pitch: float, reach: float) -> None:
        """Look at a point.

        Parameters
        ----------
        point : ndarray
            ``(3,)`` metres: the middle of the picture.
        yaw, pitch : float
            Degrees by which a still would turn the mesh; see `talking_heads.view.raster.render`.
        reach : float
            Metres of height that are seen.
        """
        a, b = np.radians([yaw, pitch])
        away = reach / (2 * np.tan(np.radians(FOV / 2)))
        eye = point + away * np.array([-np.sin(a) * np.cos(b), np.sin(b), np.cos(a) * np.cos(b)])
        self.plot.camera = [*map(float, eye), *map(float, point), 0.0, 1.0, 0.0]

    def _finish(self) -> None:
        """Say what is shown, and have it drawn: k3d places its texts by the picture before."""
        self.plot.render()
        self.tell(self._what())


class PlaceBox(MeshBox):
    """A mesh box with a vertex to choose, by name or by number.

    Attributes
    ----------
    place : Dropdown
        Vertices by name.
    vertex : IntSlider
        The vertex by number.
    """

    def __init__(
        self, mesh: Mesh, vertex: int, others: list[widgets.Widget], title: str, height: int
    ) -> None:
        names = list(mesh.names)
        self.place = widgets.Dropdown(
            options=[_BY_NUMBER, *names], value=_BY_NUMBER, description="Place", style=WIDE,
            layout=widgets.Layout(width="300px"),
        )  # fmt: skip
        self.vertex = widgets.IntSlider(
            vertex, 0, len(mesh.vertices) - 1, description="Vertex", continuous_update=False,
            style=WIDE, layout=widgets.Layout(width="min(420px, 96%)"),
        )  # fmt: skip
        wrap = widgets.Layout(flex_flow="row wrap")
        row = widgets.HBox([self.place, self.vertex, *others], layout=wrap)
        super().__init__(mesh, [row], title, height)
        self._name_place()
        self.place.observe(self._go, names="value")
        self.vertex.observe(self._move, names="value")

    def _go(self, change: Any) -> None:
        if change["new"] != _BY_NUMBER:
            self.vertex.value = self.mesh.names[change["new"]]

    def _move(self, _change: Any) -> None:
        self._name_place()
        self._draw(turn=True)

    def _name_place(self) -> None:
        named = {number: name for name, number in reversed(self.mesh.names.items())}
        self.place.value = named.get(self.vertex.value, _BY_NUMBER)

    def _draw(self, *, turn: bool) -> None:
        """Show what the controls say; look from the vertex' side if wanted."""
        raise NotImplementedError
