"""Small meshes that the tests of this folder share."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial import Delaunay

from talking_heads.face import get_face


def grid(columns=5, rows=5):
    """A flat square grid, vertex ``y * columns + x``, diagonals from lower left to upper right."""
    y, x = np.divmod(np.arange(columns * rows), columns)
    vertices = np.stack([x, y, np.zeros(len(x))], axis=1).astype(float)
    a = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    b, c, d = a + 1, a + columns + 1, a + columns
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    return vertices, triangles


def sphere(levels=2):
    """An icosahedron, each triangle split into four ``levels`` times, on the unit sphere."""
    g = (1 + 5**0.5) / 2
    v = [(-1, g, 0), (1, g, 0), (-1, -g, 0), (1, -g, 0), (0, -1, g), (0, 1, g)]
    v += [(0, -1, -g), (0, 1, -g), (g, 0, -1), (g, 0, 1), (-g, 0, -1), (-g, 0, 1)]
    vertices = np.array(v)
    vertices /= np.linalg.norm(vertices, axis=1, keepdims=True)
    rows = [(0, 11, 5), (0, 5, 1), (0, 1, 7), (0, 7, 10), (0, 10, 11)]
    rows += [(1, 5, 9), (5, 11, 4), (11, 10, 2), (10, 7, 6), (7, 1, 8)]
    rows += [(3, 9, 4), (3, 4, 2), (3, 2, 6), (3, 6, 8), (3, 8, 9)]
    rows += [(4, 9, 5), (2, 4, 11), (6, 2, 10), (8, 6, 7), (9, 8, 1)]
    triangles = np.array(rows)
    for _ in range(levels):
        a, b, c = triangles.T
        sides = np.sort(np.concatenate([triangles[:, [i, (i + 1) % 3]] for i in range(3)]), axis=1)
        unique, index = np.unique(sides, axis=0, return_inverse=True)
        middle = vertices[unique].mean(1)
        middle /= np.linalg.norm(middle, axis=1, keepdims=True)
        ab, bc, ca = (index.ravel() + len(vertices)).reshape(3, -1)
        vertices = np.concatenate([vertices, middle])
        parts = ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))
        triangles = np.concatenate([np.stack(part, 1) for part in parts])
    return vertices, triangles


def torus(around=16, across=8):
    """A closed surface with one hole through it."""
    i, j = np.divmod(np.arange(around * across), across)
    u, w = 2 * np.pi * i / around, 2 * np.pi * j / across
    r = 1 + 0.4 * np.cos(w)
    vertices = np.stack([r * np.cos(u), r * np.sin(u), 0.4 * np.sin(w)], axis=1)

    def at(p, q):
        return (p % around) * across + q % across

    a, b, c, d = at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)
    return vertices, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def random_sheet(seed, count=40, holes=0.0, height=0.2):
    """A bumpy sheet of triangles over random points, of which a share is cut out at random."""
    rng = np.random.default_rng(seed)
    flat = rng.uniform(size=(count, 2))
    triangles = Delaunay(flat).simplices.astype(np.int64)
    (x1, y1), (x2, y2) = (flat[triangles[:, i]].T - flat[triangles[:, 0]].T for i in (1, 2))
    triangles[x1 * y2 < x2 * y1] = triangles[x1 * y2 < x2 * y1][:, ::-1]
    triangles = triangles[rng.uniform(size=len(triangles)) >= holes]
    heights = height * np.sin(5 * flat[:, :1]) * np.cos(4 * flat[:, 1:])
    return np.concatenate([flat, heights], axis=1), triangles


def tangle(seed, count=12, number=20):
    """Random triangles: edges with many triangles, contradicting windings, unused vertices."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, 3)), rng.integers(count, size=(number, 3))


def skin(resolution="low"):
    """The skin of the course's neutral face."""
    face = get_face(f"neutral@{resolution}")
    count = face.parts["skin"].stop
    triangles = face.triangles[(face.triangles < count).all(1)]
    return face.vertices[:count].astype(float), triangles


def random_rotation(seed):
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q if np.linalg.det(q) > 0 else -q


def rings_by_hand(triangles, count, vertex):
    """Rings as sets, straight from the definition and without any table."""
    seen, ring, rings = {vertex}, {vertex}, []
    corners = [set(t) for t in np.asarray(triangles).tolist()]
    while ring:
        rings.append(ring)
        ring = set().union(*[t for t in corners if t & ring]) - seen
        seen |= ring
    return rings


@pytest.fixture(scope="session")
def meshes():
    return SimpleNamespace(
        grid=grid,
        sphere=sphere,
        torus=torus,
        random_sheet=random_sheet,
        tangle=tangle,
        skin=skin,
        random_rotation=random_rotation,
        rings_by_hand=rings_by_hand,
    )
