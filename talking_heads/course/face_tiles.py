"""Rows of faces as a figure: poses side by side, in their own colours or as heat maps in mm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.course.figures import keep_colors
from talking_heads.course.mesh_marks import tiles_figure
from talking_heads.course.mesh_picture import PAPER_RGB, pale
from talking_heads.errors import UserError
from talking_heads.face import Face, Motion, get_face, motion_vertices
from talking_heads.view.foreign import shown_face, shown_motion
from talking_heads.view.mesh import frame_of
from talking_heads.view.raster import render

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from talking_heads.corpus.heads import Head

HEAT_MAP = "YlOrRd"
_MOST = 24
_SOFT = 0.12  # below this share of the scale a colour fades into the pale face
_FULL = 0.31  # metres of height that `render` shows at zoom 1
_MOUTH = 0.085  # metres of height round the mouth
_YAW = -14.0


def heat_table(count: int = 64) -> NDArray[np.float64]:
    """Return the colours of a heat map on a face, ``(count, 3)``, 0 to 1: none is pale skin."""
    shares = np.linspace(0, 1, count)
    return _heat(shares, np.tile(pale(np.array([[214.0, 168.0, 146.0]])), (count, 1))) / 255


def _heat(shares: NDArray[Any], pale_colors: NDArray[Any]) -> NDArray[np.float64]:
    from matplotlib import colormaps

    amount = np.clip(shares / _SOFT, 0, 1)[:, None]
    heat = 255 * colormaps[HEAT_MAP](0.08 + 0.92 * np.clip(shares, 0, 1))[:, :3]
    return np.asarray(pale_colors * (1 - amount) + heat * amount)


def heat_face(face: Face, values: NDArray[Any], low: float, high: float) -> Face:
    """Return a face whose colours show one number a vertex; the rest of the head is pale.

    Parameters
    ----------
    face : Face
        As it is.
    values : ndarray
        ``(V,)``, of the skin or of the whole head.
    low, high : float
        What the two ends of the colours stand for.
    """
    return replace(face, colors=heat_of(face, values, low, high))


def heat_of(face: Face, values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Return the colours of `heat_face`, ``(V, 3)`` uint8."""
    table = pale(face.colors)
    shares = (np.asarray(values, dtype=np.float64) - low) / max(high - low, 1e-12)
    table[: len(shares)] = _heat(shares, table[: len(shares)])
    return np.asarray(np.round(table), dtype=np.uint8)


def face_of(head: Face | Head | str) -> Face:
    """Return the face that a name or a head of a data set stands for, ready to be drawn."""
    return get_face(head) if isinstance(head, str) else shown_face(head)


def posed(head: Face | Head | str, offsets: NDArray[Any]) -> NDArray[np.float32]:
    """Return a whole head in a pose that is given by its skin, ``(V, 3)`` metres.

    Parameters
    ----------
    head : Face, Head or str
        Whose head.
    offsets : ndarray
        ``(V, 3)`` from rest, of all vertices or of the skin.
    """
    face = face_of(head)
    motion = Motion(np.asarray(offsets, dtype=np.float32)[None], "vertices", face_id=face.id)
    if not isinstance(head, str):
        motion = shown_motion(motion, head)
    return np.asarray(motion_vertices(motion, face)[0])


def face_picture(
    face: Face, vertices: NDArray[Any], size: tuple[int, int], *, mouth: bool = False
) -> NDArray[np.uint8]:
    """Draw a posed head on the figures' paper; ``(height, width, 3)`` sRGB.

    Parameters
    ----------
    face : Face
        With the colours to draw.
    vertices : ndarray
        ``(V, 3)`` metres.
    size : tuple of int
        Pixels.
    mouth : bool
        Show the mouth alone, from near.
    """
    frame = frame_of(face)
    x, y, z = frame["focus" if mouth else "centre"]
    zoom = _FULL / (_MOUTH if mouth else 2.14 * frame["half"][1])
    return render(
        vertices, face.triangles, face.colors, size=size, yaw=_YAW, center=(x, y, z), zoom=zoom,
        background=PAPER_RGB,
    )  # fmt: skip


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
        One above each, of one or two lines.
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
        For `talking_heads.course.figures.show`, with words of your own.

    Raises
    ------
    UserError
        If there are no poses or more than 24, or labels or values do not match them in number.
    """
    if not 1 <= len(poses) <= _MOST:
        raise UserError(f"The figure shows 1 to {_MOST} faces, not {len(poses)}.")
    if len(labels) != len(poses) or (values is not None and len(values) != len(poses)):
        raise UserError(f"{len(poses)} faces need as many labels and values.")
    own = face_of(face)
    high = max((float(np.max(v)) for v in values), default=1.0) if values is not None else 1.0
    low, high = value_range or (0.0, high or 1.0)
    columns = min(columns, len(poses))
    wide = min(200, 760 // columns)
    size = (wide, round(wide * (0.75 if mouth else 1.1)))
    pictures = []
    for number, offsets in enumerate(poses):
        drawn = own if values is None else heat_face(own, values[number], low, high)
        pictures.append(face_picture(drawn, posed(face, offsets), size, mouth=mouth))
    rows = [range(k, min(k + columns, len(poses))) for k in range(0, len(poses), columns)]
    figure, _ = tiles_figure(
        [[pictures[i] for i in row] for row in rows],
        titles=[[labels[i] for i in row] for row in rows],
        foot=0 if values is None else 40,
    )
    if values is not None:
        _scale(figure, low, high, value_name)
    return figure


def _scale(figure: Figure, low: float, high: float, name: str) -> None:
    """Draw the colours of a heat map at the foot of a figure."""
    width, height = 100 * figure.get_size_inches()
    long = min(300, 0.6 * width)
    axis = figure.add_axes((0.5 - long / width / 2, 30 / height, long / width, 9 / height))
    axis.imshow(heat_table()[None], extent=(low, high, 0, 1), aspect="auto")
    axis.set_yticks([])
    axis.tick_params(labelsize=7.5, pad=1.5, length=2)
    axis.set_xlabel(name, fontsize=8, labelpad=0.5)
    for spine in axis.spines.values():
        spine.set_visible(False)
    keep_colors(figure, heat_table(10))
