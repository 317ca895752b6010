"""What the mesh views and figures share: a mesh with pale skin, where it is seen from, pictures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from talking_heads.course.figures import PAPER
from talking_heads.errors import UserError
from talking_heads.face import Face, get_face
from talking_heads.geometry import vertex_normals
from talking_heads.geometry.mesh import edges
from talking_heads.view.foreign import shown_face
from talking_heads.view.raster import project, render

if TYPE_CHECKING:
    from talking_heads.corpus.heads import Head
    from talking_heads.geometry.pyramid import MeshPyramid

PAPER_RGB = (int(PAPER[1:3], 16), int(PAPER[3:5], 16), int(PAPER[5:7], 16))
_PALE, _PALENESS = np.array([226, 222, 218]), 0.65
_INSIDE = np.array([96, 92, 92], np.uint8)
_COVERS = ("hair", "shirt")
"""Parts of a head that hide the mesh that is looked at."""
_FULL = 0.31  # metres of height that `render` shows at zoom 1
_ROUND = 0.015  # metres
_MIDDLE = "middle of the upper lip"


@dataclass(frozen=True, eq=False)
class Mesh:
    """A mesh to look at.

    Attributes
    ----------
    name : str
        Whose it is.
    vertices : ndarray
        ``(V, 3)`` metres.
    triangles : ndarray
        ``(T, 3)``.
    colors : ndarray of uint8
        ``(V, 3)``: pale, so that what is drawn on them is seen.
    around : tuple of ndarray
        Vertices ``(W, 3)``, triangles and colours of what surrounds the mesh: eyes and ears.
    names : dict of str to int
        Vertices that have a name.
    """

    name: str
    vertices: NDArray[np.float32]
    triangles: NDArray[np.int32]
    colors: NDArray[np.uint8]
    around: tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.uint8]]
    names: dict[str, int]

    @cached_property
    def normals(self) -> NDArray[Any]:
        """Unit normals, ``(V, 3)``."""
        return vertex_normals(self.vertices.astype(np.float64), self.triangles)

    @cached_property
    def _surface(self) -> tuple[cKDTree, NDArray[Any], NDArray[Any]]:
        """Points all over the surface and their normals: vertices, and five in each triangle."""
        shares = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1], [4, 1, 1]], dtype=np.float64)
        shares /= shares.sum(1, keepdims=True)
        corners = self.vertices.astype(np.float64)[self.triangles]
        points = np.einsum("sk,tkd->tsd", shares, corners).reshape(-1, 3)
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-12)
        points = np.concatenate([self.vertices, points])
        normals = np.concatenate([self.normals, np.repeat(across, len(shares), axis=0)])
        return cKDTree(points), points, normals

    def lifted(self, places: NDArray[Any], above: float) -> NDArray[np.float64]:
        """Return places ``(n, 3)``, those moved outwards that lie below the skin.

        Parameters
        ----------
        places : ndarray
            ``(n, 3)`` metres.
        above : float
            Metres that they lie above the skin at least.
        """
        tree, points, normals = self._surface
        moved = np.array(places, dtype=np.float64)
        for _ in range(3):
            nearest = tree.query(moved)[1]
            side = normals[nearest]
            height = ((moved - points[nearest]) * side).sum(1)
            moved += np.maximum(above - height, 0.0)[:, None] * side
        return moved

    @property
    def middle(self) -> NDArray[np.float64]:
        """The middle of the box around the mesh."""
        return (self.vertices.min(0).astype(np.float64) + self.vertices.max(0)) / 2

    def number(self, vertex: int | str | None) -> int:
        """Return a vertex' number; by default the middle of the upper lip, or the foremost.

        Raises
        ------
        UserError
            If there is no such vertex.
        """
        if vertex is None:
            return self.names.get(_MIDDLE, int(self.vertices[:, 2].argmax()))
        if isinstance(vertex, str):
            if vertex not in self.names:
                known = ", ".join(self.names) or "none here"
                raise UserError(f'No vertex is named "{vertex}". Names: {known}.')
            return self.names[vertex]
        if not 0 <= vertex < len(self.vertices):
            raise UserError(
                f"There is no vertex {vertex}: {self.name} has 0 to {len(self.vertices) - 1}."
            )
        return int(vertex)

    def words(self, vertex: int) -> str:
        """Return what a vertex is called: its number, and its name if it has one."""
        named = [name for name, number in self.names.items() if number == vertex]
        return f"vertex {vertex}" + (f" ({named[0]})" if named else "")


def pale(colors: NDArray[Any]) -> NDArray[np.float64]:
    """Return colours mixed with much of a light grey, so that other colours are seen on them."""
    return np.asarray(colors * (1 - _PALENESS) + _PALE * _PALENESS)


def mesh_of(head: Face | Head | str) -> Mesh:
    """Return the mesh of a head that networks work on: the skin of a course face, or all of it.

    Raises
    ------
    UserError
        If there is no such head, or its triangles are not known.
    """
    face = get_face(head) if isinstance(head, str) else shown_face(head)
    skin = face.parts["skin"].stop
    inside = (face.triangles < skin).all(1)
    shown = np.ones(len(face.vertices), dtype=bool)
    shown[:skin] = False
    for part in _COVERS:
        shown[face.parts.get(part, slice(0, 0))] = False
    around = face.triangles[shown[face.triangles].all(1)]
    used, corners = np.unique(around, return_inverse=True)
    own = face.colors[:skin]
    ball = (own.min(1) > 225)[:, None]  # eyeballs that belong to the mesh stay white
    return Mesh(
        name=face.id,
        vertices=face.vertices[:skin],
        triangles=face.triangles[inside],
        colors=np.round(np.where(ball, own, pale(own))).astype(np.uint8),
        around=(
            face.vertices[used],
            corners.reshape(-1, 3).astype(np.int32),
            face.colors[used],
        ),
        names=_names(face, skin),
    )


def _names(face: Face, skin: int) -> dict[str, int]:
    """Return vertices of the skin by name, as far as the landmarks of the face are known."""
    points = face.vertices[:skin].astype(np.float64)
    marks = face.landmarks
    found: dict[str, int] = {}

    def near(name: str, place: NDArray[Any]) -> None:
        found[name] = int(np.square(points - place).sum(1).argmin())

    def middle(landmark: str) -> NDArray[Any]:
        return np.asarray(face.vertices[marks[landmark]].astype(np.float64).mean(0))

    if "inner_lip_upper" in marks:
        # Not in the crease between the lips, where nothing is seen.
        near(_MIDDLE, middle("inner_lip_upper") + np.array([0, 0.005, 0.004]))
    if "inner_lip_lower" in marks:
        near("middle of the lower lip", middle("inner_lip_lower") + np.array([0, -0.006, 0.004]))
    for name, landmark, aside in (
        ("left corner of the mouth", "mouth_corner_left", 0.004),
        ("right corner of the mouth", "mouth_corner_right", -0.004),
        ("tip of the nose", "nose_tip", 0.0),
        ("chin", "chin", 0.0),
    ):
        if landmark in marks:
            near(name, middle(landmark) + np.array([aside, 0, 0.5 * abs(aside)]))
    if np.any(face.eye_centers) and "nose_tip" in marks:
        left, right = np.asarray(face.eye_centers, dtype=np.float64)
        tip, front = middle("nose_tip"), max(left[2], right[2])
        near("left cheek", np.array([1.1 * left[0], (tip[1] + left[1]) / 2 - 0.012, front]))
        near("forehead", np.array([0.0, left[1] + 0.055, front + 0.02]))
        near("outer corner of the left eye", left + np.array([1.3 * face.eye_radius, 0, 0.005]))
    return {name: number for name, number in found.items() if number < skin}


@dataclass(frozen=True)
class Camera:
    """Where a picture is taken from; see `talking_heads.view.raster.render`."""

    size: tuple[int, int]
    yaw: float
    pitch: float
    zoom: float
    center: tuple[float, float, float]

    def project(self, points: NDArray[Any]) -> NDArray[np.float64]:
        """Return pixels ``(n, 3)``, as `talking_heads.view.raster.project`."""
        return project(
            points, size=self.size, yaw=self.yaw, pitch=self.pitch, zoom=self.zoom,
            center=self.center,
        )  # fmt: skip


def whole_camera(mesh: Mesh, size: tuple[int, int], yaw: float = -14.0) -> Camera:
    """Return a camera that shows the whole mesh."""
    x, y, z = mesh.middle
    zoom = _FULL / (1.1 * float(np.ptp(mesh.vertices[:, 1])))
    return Camera(size, yaw, 0.0, zoom, (x, y, z))


def near_camera(
    mesh: Mesh, points: NDArray[Any], vertex: int, size: tuple[int, int], least: float = 0.036
) -> Camera:
    """Return a camera that shows some points from the side that a vertex faces.

    Parameters
    ----------
    mesh : Mesh
        What is looked at.
    points : ndarray
        ``(n, 3)`` metres: what the picture shows, with a margin.
    vertex : int
        It faces the camera.
    size : tuple of int
        Pixels.
    least : float
        Metres of height that are shown at least.
    """
    yaw, pitch = facing(mesh, vertex)
    middle = (points.min(0) + points.max(0)) / 2
    reach = 3.0 * float(np.linalg.norm(points - middle, axis=1).max(initial=0.0))
    x, y, z = map(float, middle)
    return Camera(size, yaw, pitch, _FULL / max(reach, least), (x, y, z))


def facing(mesh: Mesh, vertex: int) -> tuple[float, float]:
    """Return yaw and pitch, degrees, that turn the skin round a vertex nearly to the viewer."""
    # In a fold, such as a corner of the mouth, one vertex' own normal points anywhere.
    near = np.linalg.norm(mesh.vertices - mesh.vertices[vertex], axis=1) < _ROUND
    nx, ny, nz = mesh.normals[near].mean(0)
    yaw = -np.degrees(np.arctan2(nx, nz))
    pitch = np.degrees(np.arctan2(ny, np.hypot(nx, nz)))
    # A face is best known from the front: turn and nod no further than is needed.
    return float(0.8 * yaw), float(np.clip(0.6 * pitch, -30, 30))


def photo(
    mesh: Mesh,
    camera: Camera,
    *,
    colors: NDArray[np.uint8] | None = None,
    background: tuple[int, int, int] = PAPER_RGB,
    lines: bool = True,
) -> NDArray[np.uint8]:
    """Draw a mesh with its edges, and what surrounds it: ``(height, width, 3)`` sRGB.

    Parameters
    ----------
    mesh : Mesh
        What to draw.
    camera : Camera
        From where.
    colors : ndarray of uint8, optional
        ``(V, 3)`` instead of the mesh's own.
    background : tuple of int
        sRGB.
    lines : bool
        Whether to draw the edges.
    """
    points, corners, others = mesh.around
    count = len(mesh.vertices)
    own = mesh.colors if colors is None else colors
    # The back of every triangle too, dark: through the holes of a mesh one looks inside.
    return render(
        np.concatenate([mesh.vertices, mesh.vertices, points]),
        np.concatenate([mesh.triangles, mesh.triangles[:, ::-1] + count, corners + 2 * count]),
        np.concatenate([own, np.tile(_INSIDE, (count, 1)), others]),
        size=camera.size, yaw=camera.yaw, pitch=camera.pitch, zoom=camera.zoom,
        center=camera.center, background=background,
        edges=edges(mesh.triangles) if lines else None,
    )  # fmt: skip


def checked_spirals(mesh: Mesh, spirals: NDArray[Any]) -> NDArray[np.int64]:
    """Return spirals, checked against a mesh.

    Raises
    ------
    UserError
        If they are not ``(V, L)`` vertices of it.
    """
    table = np.asarray(spirals)
    count = len(mesh.vertices)
    if table.ndim != 2 or len(table) != count or not table.shape[1]:
        raise UserError(
            f"Spirals of {mesh.name} are an array ({count}, length), not {table.shape}."
        )
    if not 0 <= table.min() <= table.max() < count:
        raise UserError(f"The spirals name a vertex that {mesh.name} lacks.")
    return table.astype(np.int64)


def checked_pyramid(mesh: Mesh, pyramid: MeshPyramid) -> MeshPyramid:
    """Return a pyramid; raises `UserError` if it does not begin with the mesh."""
    if pyramid.sizes[0] != len(mesh.vertices):
        raise UserError(
            f"The pyramid begins with {pyramid.sizes[0]} vertices; {mesh.name} has "
            f"{len(mesh.vertices)}."
        )
    return pyramid


def level_mesh(mesh: Mesh, pyramid: MeshPyramid, level: int) -> Mesh:
    """Return one level of a pyramid as a mesh, with the colours of the vertices it kept."""
    origin = pyramid.origin(level)
    nothing = (
        np.zeros((0, 3), np.float32),
        np.zeros((0, 3), np.int32),
        np.zeros((0, 3), np.uint8),
    )
    return Mesh(
        name=f"{mesh.name}, level {level}",
        vertices=mesh.vertices[origin],
        triangles=pyramid.levels[level].triangles.astype(np.int32),
        colors=mesh.colors[origin],
        around=mesh.around if level == 0 else nothing,
        names={},
    )
