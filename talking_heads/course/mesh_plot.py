"""Meshes on k3d: the plot, a mesh with its edges, and colours as k3d takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.course.mesh_picture import Mesh
from talking_heads.view.picture import BACKGROUND

FOV = 24.0
"""Degrees of height that are seen."""
_EDGES = 0x3A4048


def new_plot(height: int) -> Any:
    """Return an empty plot without grid, axes and menu."""
    import k3d

    return k3d.plot(
        grid_visible=False, axes_helper=0.0, camera_auto_fit=False, camera_fov=FOV,
        height=height, menu_visibility=False, lighting=1.4,
        background_color=int.from_bytes(bytes(BACKGROUND), "big"),
    )  # fmt: skip


def mesh_objects(
    mesh: Mesh, aside: NDArray[np.float32] | None = None, *, lines: float = 0.3
) -> list[Any]:
    """Return a mesh, its edges and what surrounds it as k3d objects, the mesh first.

    Parameters
    ----------
    mesh : Mesh
        What to show.
    aside : ndarray, optional
        ``(3,)`` metres that it is moved by.
    lines : float
        How strong the edges are, 0 to 1.
    """
    import k3d

    aside = np.zeros(3, dtype=np.float32) if aside is None else aside
    places = np.ascontiguousarray(mesh.vertices + aside)
    corners = np.ascontiguousarray(mesh.triangles, dtype=np.uint32)
    above = (places + 1e-4 * mesh.normals).astype(np.float32)
    found = [
        k3d.mesh(places, corners, colors=packed(mesh.colors), flat_shading=False, side="double"),
        k3d.mesh(above, corners, wireframe=True, color=_EDGES, opacity=lines),
    ]
    points, around, colors = mesh.around
    if len(around):
        found.append(
            k3d.mesh(
                np.ascontiguousarray(points + aside),
                np.ascontiguousarray(around, dtype=np.uint32),
                colors=packed(colors), flat_shading=False, side="double",
            )
        )  # fmt: skip
    return found


def packed(colors: NDArray[Any]) -> NDArray[np.uint32]:
    """Return colours, 0 to 255, as k3d takes them: one number each."""
    table = np.round(np.asarray(colors, dtype=np.float64)).astype(np.uint32)
    return np.asarray((table[:, 0] << 16) + (table[:, 1] << 8) + table[:, 2], dtype=np.uint32)
