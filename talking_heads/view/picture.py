"""Small still pictures for notebooks that are read where no widget runs."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from talking_heads.face import Face

BACKGROUND = (232, 236, 242)


def small_png(
    heads: Sequence[tuple[Face, np.ndarray]],
    *,
    colors: np.ndarray | None = None,
    size: tuple[int, int] = (280, 300),
    yaw: float = -14.0,
) -> bytes:
    """Draw posed heads side by side as a PNG of some 10 to 20 kB.

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
        With a palette of 128 colours: a notebook full of stills must stay small.
    """
    from PIL import Image

    from talking_heads.view.raster import render

    tiles = [
        render(
            vertices,
            face.triangles,
            face.colors if colors is None else colors,
            size=size,
            yaw=yaw,
            background=BACKGROUND,
        )
        for face, vertices in heads
    ]
    picture = Image.fromarray(np.concatenate(tiles, axis=1))
    stream = io.BytesIO()
    picture.quantize(128, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return stream.getvalue()
