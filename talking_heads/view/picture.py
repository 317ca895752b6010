"""Small still pictures for notebooks that are read where no widget runs."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from talking_heads.face import Face

BACKGROUND = (232, 236, 242)
_FULL = 0.31  # metres of height that `render` shows at zoom 1


def small_png(
    heads: Sequence[tuple[Face, np.ndarray]],
    *,
    colors: np.ndarray | None = None,
    size: tuple[int, int] = (280, 300),
    yaw: float = -14.0,
) -> bytes:
    """Draw posed heads side by side as a PNG of some 13 kB a head.

    Parameters
    ----------
    heads : sequence of (Face, ndarray)
        Face and vertices (vertex, 3) in metres.
    colors : ndarray of uint8, shape (vertex, 3), optional
        Colours instead of the faces' own.
    size : (width, height), optional
        Pixels of one head.
    yaw : float, optional
        Turn of the heads in degrees, as the player shows them at first.

    Returns
    -------
    bytes
        With a palette of 96 colours: a notebook full of stills must stay small.
    """
    from PIL import Image

    from talking_heads.view.mesh import frame_of
    from talking_heads.view.raster import render

    tiles = []
    for face, vertices in heads:
        frame = frame_of(face)
        x, y, z = frame["centre"]
        tiles.append(
            render(
                vertices,
                face.triangles,
                face.colors if colors is None else colors,
                size=size,
                yaw=yaw,
                center=(x, y, z),
                zoom=_FULL / (2.14 * frame["half"][1]),
                background=BACKGROUND,
            )
        )
    picture = Image.fromarray(np.concatenate(tiles, axis=1))
    stream = io.BytesIO()
    picture.quantize(96, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return stream.getvalue()
