import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talking_heads.geometry import decimate, upsampling_matrix
from talking_heads.geometry.upsampling import closest_barycentric

QUICK = settings(max_examples=25, deadline=None)


@pytest.mark.parametrize("factor", [1, 2, 4, 12])
def test_up_sampling_gives_kept_vertices_back_and_every_row_sums_to_one(meshes, factor):
    for vertices, triangles in (meshes.sphere(3), meshes.skin(), meshes.grid(9, 9)):
        done = decimate(vertices, triangles, factor)
        up = upsampling_matrix(vertices, done)
        assert up.shape == (len(vertices), len(done.kept))
        np.testing.assert_allclose(np.asarray(up.sum(1)).ravel(), 1, atol=1e-12)
        assert up.data.min() >= 0
        assert np.diff(up.indptr).max() <= 3
        np.testing.assert_array_equal(up[done.kept].toarray(), np.eye(len(done.kept)))


def test_up_sampling_reproduces_a_plane_and_what_is_linear_on_it(meshes):
    flat, triangles = meshes.grid(11, 11)
    vertices = flat @ meshes.random_rotation(5).T
    for factor in (2, 4, 10):
        done = decimate(vertices, triangles, factor)
        up = upsampling_matrix(vertices, done)
        np.testing.assert_allclose(up @ vertices[done.kept], vertices, atol=1e-9)
        linear = flat @ [2, -3, 0] + 1
        np.testing.assert_allclose(up @ linear[done.kept], linear, atol=1e-9)


def test_up_sampling_takes_nothing_from_a_surface_that_only_touches(meshes):
    # Two sheets at the same place: in space their points are equally near.
    sheet, t = meshes.grid(7, 7)
    vertices = np.concatenate([sheet, sheet])
    done = decimate(vertices, np.concatenate([t, t[:, ::-1] + 49]), 3)
    up = upsampling_matrix(vertices, done).toarray()
    second = done.kept >= 49
    assert up[:49, second].max() == 0
    assert up[49:, ~second].max() == 0


def test_up_sampling_of_the_head_stays_near_the_surface(meshes):
    vertices, triangles = meshes.skin()
    done = decimate(vertices, triangles, 2)
    off = np.linalg.norm(upsampling_matrix(vertices, done) @ vertices[done.kept] - vertices, axis=1)
    assert off.mean() < 0.5e-3
    assert off.max() < 6e-3


def test_up_sampling_mostly_finds_the_nearest_point_of_all(meshes):
    vertices, triangles = meshes.skin()
    done = decimate(vertices, triangles, 10)
    corners = vertices[done.kept][done.triangles]
    off = np.linalg.norm(upsampling_matrix(vertices, done) @ vertices[done.kept] - vertices, axis=1)
    least = np.full(len(vertices), np.inf)
    for triangle in corners:
        every = np.broadcast_to(triangle, (len(vertices), 3, 3))
        near = closest_barycentric(vertices, every) @ triangle
        least = np.minimum(least, np.linalg.norm(near - vertices, axis=1))
    # Measured: all. From the triangles at the vertex itself alone it would be 0.966.
    assert (off <= least + 1e-9).mean() > 0.99


def test_without_triangles_the_nearest_vertex_is_taken():
    vertices = np.array([[0, 0, 0], [0, 0, 1], [5, 0, 0], [5, 0, 1.0]])
    done = decimate(vertices, np.zeros((0, 3), dtype=int), 2)
    up = upsampling_matrix(vertices, done).toarray()
    assert done.kept.tolist() == [0, 2]
    np.testing.assert_array_equal(up, [[1, 0], [1, 0], [0, 1], [0, 1]])


@QUICK
@given(seed=st.integers(0, 10**6))
def test_no_other_point_of_the_triangle_is_nearer(seed):
    rng = np.random.default_rng(seed)
    corners = rng.normal(size=(3, 3))
    point = rng.normal(size=3) * rng.choice([0.2, 1, 5])
    (weights,) = closest_barycentric(point[None], corners[None])
    assert weights.sum() == pytest.approx(1)
    assert weights.min() >= 0
    least = np.linalg.norm(weights @ corners - point)
    steps = 60
    a, b = np.divmod(np.arange((steps + 1) ** 2), steps + 1)
    inside = a + b <= steps
    others = np.stack([a, b, steps - a - b], 1)[inside] / steps
    around = np.linalg.norm(others @ corners - point, axis=1).min()
    assert least <= around + 1e-12
    # The search is fine enough to come near it, so the bound above is no empty one.
    assert around <= least + np.linalg.norm(np.ptp(corners, axis=0)) / steps


def test_the_nearest_point_of_a_triangle_by_hand():
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], float)
    points = np.array([[0.25, 0.25, 3], [-1, -1, 0], [0.5, -2, 1], [2, 2, 0], [5, 0, 0]], float)
    found = closest_barycentric(points, np.broadcast_to(corners, (5, 3, 3)))
    expected = [[0.5, 0.25, 0.25], [1, 0, 0], [0.5, 0.5, 0], [0, 0.5, 0.5], [0, 1, 0]]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    flat = np.array([[[0, 0, 0], [1, 0, 0], [2, 0, 0]]], float)
    np.testing.assert_allclose(
        closest_barycentric(np.array([[1.5, 1, 0]]), flat) @ flat[0], [[1.5, 0, 0]]
    )
