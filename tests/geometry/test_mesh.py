import numpy as np

from talking_heads.geometry import (
    boundary_edges,
    edges,
    is_manifold,
    triangle_normals,
    vertex_normals,
)

OCTAHEDRON = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float)
FACES = np.array(
    [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]
)


def test_octahedron_is_closed_and_has_twelve_edges():
    assert is_manifold(FACES)
    assert len(boundary_edges(FACES)) == 0
    assert len(edges(FACES)) == 12


def test_removing_a_triangle_leaves_its_three_edges_as_border():
    border = {tuple(e) for e in boundary_edges(FACES[1:])}
    assert border == {(0, 2), (2, 4), (0, 4)}


def test_a_flipped_triangle_is_not_manifold():
    flipped = FACES.copy()
    flipped[0] = flipped[0][::-1]
    assert not is_manifold(flipped)


def test_normals_of_the_octahedron_point_outward():
    np.testing.assert_allclose(vertex_normals(OCTAHEDRON, FACES), OCTAHEDRON, atol=1e-12)
    area = np.linalg.norm(triangle_normals(OCTAHEDRON, FACES), axis=1) / 2
    np.testing.assert_allclose(area, np.sqrt(3) / 2)


def test_vertex_normals_match_a_loop_over_triangles():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(6, 3))
    total = np.zeros((6, 3))
    for a, b, c in FACES:
        n = np.cross(points[b] - points[a], points[c] - points[a])
        for k in (a, b, c):
            total[k] += n
    total /= np.linalg.norm(total, axis=1, keepdims=True)
    np.testing.assert_allclose(vertex_normals(points, FACES), total, atol=1e-12)
