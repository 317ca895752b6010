"""`inspect`: a still mesh on k3d, with a colour for every vertex if wanted."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import ArrayLike, NDArray

from talking_heads.corpus.heads import Head
from talking_heads.errors import UserError
from talking_heads.face import get_face
from talking_heads.files import atomic_write
from talking_heads.view.foreign import head_scale, shown_face
from talking_heads.view.mesh import frame_of
from talking_heads.view.picture import BACKGROUND, small_png
from talking_heads.view.player import Cover, show, with_alternatives

if TYPE_CHECKING:
    from talking_heads.face import Face


class Inspection:
    """A mesh to look at from all sides; made by `inspect`.

    Attributes
    ----------
    plot : k3d.Plot
        For further k3d objects, such as points and vectors.
    description : str
        What it shows, in words.
    still : bytes
        A PNG picture, shown where no widget runs.
    """

    def __init__(self, plot: Any, description: str, still: bytes) -> None:
        self.plot = plot
        self.description = description
        self.still = still
        self._cover = Cover(layout=widgets.Layout(height="0", margin="0"))
        self._view = widgets.VBox([self._cover, plot])

    def snapshot(self, path: str | PathLike[str]) -> None:
        """Write an offline page that shows the mesh without a kernel (about 3 MB).

        Raises
        ------
        UserError
            If the folder does not exist or cannot be written.
        """
        # k3d fills its template with the objects as they are; no browser is needed for that.
        page = self.plot.get_snapshot()
        with atomic_write(path) as file:
            file.write(page.encode("utf-8"))

    def __repr__(self) -> str:
        """Return the description."""
        return self.description

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = self._view._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return with_alternatives(data, self.description, self.still), metadata

    def _ipython_display_(self) -> None:
        data, _ = self._repr_mimebundle_()
        show(data, self._cover)


def inspect(
    face: Face | Head | str | None = None,
    vertices: ArrayLike | None = None,
    *,
    values: ArrayLike | None = None,
    value_range: tuple[float, float] | None = None,
    value_name: str = "value",
    color_map: str = "viridis",
    wireframe: bool = False,
    title: str | None = None,
    height: int = 420,
) -> Inspection:
    """Show one mesh with k3d, in its own colours or as a heat map.

    Parameters
    ----------
    face : Face, Head or str, optional
        A face or its id, or a head of another data set; by default the neutral head. It gives the
        triangles.
    vertices : array, shape (vertex, 3), optional
        A pose, in metres or in the head's own measure; by default the face at rest.
    values : array, shape (vertex,), optional
        One number a vertex, shown as colours: an error in millimetres, for instance.
    value_range : (low, high), optional
        The values at the two ends of the colour map; by default the lowest and highest value.
    value_name : str, optional
        What the values are, with their unit, for the description: ``"error in mm"``.
    color_map : str, optional
        Name of a matplotlib colour map.
    wireframe : bool, optional
        Draw the edges of the triangles only.
    title : str, optional
        Begins the description.
    height : int, optional
        Height in pixels.

    Raises
    ------
    UserError
        If the shapes do not fit the face, a number is not finite, or the range is empty.
    """
    if face is None:
        face = "neutral@medium"
    if isinstance(face, str):
        face = get_face(face)
    if isinstance(face, Head):
        if vertices is not None:
            vertices = head_scale(face) * _checked(vertices, face.vertices.shape, "vertices")
        face = shown_face(face)
    mesh = _checked(
        face.vertices if vertices is None else vertices, face.vertices.shape, "vertices"
    )
    text = f"{title}: " if title else ""
    text += f"the face {face.id}, {len(mesh)} vertices and {len(face.triangles)} triangles"
    colors = face.colors
    options: dict[str, Any]
    if values is None:
        packed = colors.astype(np.uint32)
        options = {"colors": (packed[:, 0] << 16) + (packed[:, 1] << 8) + packed[:, 2]}
    else:
        heat = _checked(values, (len(mesh),), "values")
        low, high = value_range if value_range is not None else (heat.min(), heat.max())
        if value_range is None and low == high:
            high = low + 1.0
        if not (np.isfinite([low, high]).all() and low < high):
            raise UserError(f"value_range is (low, high) with low < high, not ({low}, {high}).")
        table, colors = _heat(heat, float(low), float(high), color_map)
        options = {"attribute": heat, "color_map": table, "color_range": [float(low), float(high)]}
        text += (
            f", coloured by {value_name} from {low:.3g} (dark) to {high:.3g}; "
            f"mean {heat.mean():.3g}, highest {heat.max():.3g}"
        )
    still = small_png([(face, mesh)], colors=colors)
    return Inspection(_plot(mesh, face, options, wireframe, height), text + ".", still)


def _plot(
    mesh: NDArray[np.float32], face: Face, options: dict[str, Any], wireframe: bool, height: int
) -> Any:
    import k3d

    frame = frame_of(face)
    middle, size = np.array(frame["centre"]), 2 * max(frame["half"])
    plot = k3d.plot(
        grid_visible=False,
        axes_helper=0.0,
        camera_auto_fit=False,
        camera_fov=24.0,
        height=height,
        menu_visibility=False,
        background_color=int.from_bytes(bytes(BACKGROUND), "big"),
        lighting=1.4,
    )
    plot += k3d.mesh(
        mesh,
        face.triangles.astype(np.uint32),
        wireframe=wireframe,
        flat_shading=False,
        side="double",
        **options,
    )
    eye = middle + np.array([0.24, 0.04, 0.96]) * size * 2.6
    plot.camera = [*map(float, eye), *map(float, middle), 0.0, 1.0, 0.0]
    return plot


def _checked(array: ArrayLike, shape: tuple[int, ...], name: str) -> NDArray[np.float32]:
    checked = np.ascontiguousarray(array, dtype=np.float32)
    if checked.shape != shape:
        raise UserError(f"{name} must have shape {shape} for this face, not {checked.shape}.")
    if not np.isfinite(checked).all():
        raise UserError(f"{name} contains numbers that are not finite.")
    return checked


def _heat(
    values: NDArray[np.float32], low: float, high: float, color_map: str
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return k3d's table of a colour map, and the colour of every vertex."""
    from matplotlib import colormaps

    if color_map not in colormaps:
        raise UserError(f'There is no colour map "{color_map}"; "viridis" is one.')
    places = np.linspace(0, 1, 64)
    chosen = colormaps[color_map]
    table = np.column_stack([places, chosen(places)[:, :3]]).astype(np.float32).ravel()
    shares = np.clip((values - low) / (high - low), 0, 1)
    return table, np.round(chosen(shares)[:, :3] * 255).astype(np.uint8)
