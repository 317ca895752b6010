"""What the browser needs of a head's mesh: triangles, colours, gloss, seams and its frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from talking_heads.face import Face

Floats = NDArray[np.float32]


def face_arrays(face: Face, mean: Floats) -> dict[str, NDArray[Any]]:
    """Return what the renderer needs of a face: shape, triangles, colours, gloss and seams."""
    count = len(face.vertices)
    index = np.uint16 if count <= 65_536 else np.uint32
    # What lies in the mouth shows its front only. Backs that stand edge-on behind the corners of
    # the lips would shine through the skin where smooth edges are drawn in software.
    in_mouth = np.zeros(count, dtype=bool)
    for name in ("mouth", "teeth", "tongue"):
        in_mouth[face.parts.get(name, slice(0, 0))] = True
    inside = in_mouth[face.triangles].all(axis=1)
    outer, lining = face.triangles[~inside], face.triangles[inside]
    colors = np.concatenate([face.colors, _gloss(face)[:, None]], axis=1).astype(np.uint8)
    return {
        "mean": np.ascontiguousarray(mean, dtype=np.float32),
        "rest": np.ascontiguousarray(face.vertices, dtype=np.float32),
        "triangles": outer.astype(index),
        "lining": lining.astype(index),
        "colors": colors,
        "seams": seams(face.vertices, face.triangles).astype(np.uint32),
    }


def frame_of(face: Face) -> dict[str, list[float]]:
    """Return what a picture of the face shows: centre, half sides and focus, in metres.

    The focus, between the lips, is where the player zooms to. The box holds the head and its
    neck. Of a shirt only the collar shows: the edge of the picture hides where the bust ends.
    """
    shirt = face.parts.get("shirt")
    inside = np.ones(len(face.vertices), dtype=bool)
    if shirt is not None:
        inside[shirt] = False
    low, high = face.vertices[inside].min(axis=0), face.vertices[inside].max(axis=0)
    if shirt is not None:
        low[1] = face.vertices[shirt, 1].max() - 0.01
    middle = (low + high) / 2
    lips = face.regions.get("lips")
    focus = middle if lips is None else face.vertices[lips].mean(axis=0)
    boxes = {"centre": middle, "half": (high - low) / 2, "focus": focus}
    return {name: [round(float(x), 5) for x in point] for name, point in boxes.items()}


def seams(vertices: Floats, triangles: NDArray[np.int32]) -> NDArray[np.int64]:
    """Find pairs of vertices whose normals must be shared, so that no seam shows.

    Two vertices belong together if they lie at one place and both lie on the open border of
    their piece of the mesh. Lips that touch lie on no border, and keep their own normals.

    Returns
    -------
    ndarray, shape (pair, 2)
        Indices ``(first, other)``; ``first`` is the lowest index at that place.
    """
    edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    pairs, counts = np.unique(edges, axis=0, return_counts=True)
    border = np.unique(pairs[counts == 1])
    if len(border) == 0:
        return np.zeros((0, 2), dtype=np.int64)
    places = np.round(vertices[border] / 1e-6).astype(np.int64)
    _, first, inverse = np.unique(places, axis=0, return_index=True, return_inverse=True)
    leaders = border[first[np.ravel(inverse)]]
    return np.stack([leaders, border], axis=1)[leaders != border].astype(np.int64)


def _gloss(face: Face) -> NDArray[np.uint8]:
    """Return how much each vertex shines, 0 to 255: wet eyes most, then teeth, lips, skin."""
    gloss = np.full(len(face.vertices), 60, dtype=np.uint8)
    shine = {"eye": 255, "teeth": 190, "tongue": 170, "hair": 95, "brow": 20, "mouth": 120}
    for name, part in face.parts.items():
        for word, value in shine.items():
            if word in name:
                gloss[part] = value
    lips = face.regions.get("lips")
    if lips is not None:
        gloss[lips] = 125
    return gloss
