import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from talking_heads.geometry import sdf

RNG = np.random.default_rng(1)


def test_a_round_ellipsoid_is_a_sphere():
    points = RNG.normal(size=(200, 3))
    center = np.array([0.1, -0.2, 0.3])
    expected = np.linalg.norm(points - center, axis=1) - 0.7
    np.testing.assert_allclose(sdf.ellipsoid(points, center, np.full(3, 0.7)), expected, atol=1e-6)


def test_capsule_of_one_radius_measures_the_distance_to_the_segment():
    a, b = np.array([0.0, 0, 0]), np.array([1.0, 0, 0])
    points = np.array([[0.5, 2.0, 0], [-1.0, 0, 0], [3.0, 0, 0]])
    np.testing.assert_allclose(sdf.capsule(points, a, b, 0.25, 0.25), [1.75, 0.75, 1.75])


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.01, 0.5))
def test_smooth_min_lies_just_below_the_minimum(a, b, width):
    value = sdf.smooth_min(np.array([a]), np.array([b]), width)[0]
    assert min(a, b) - width / 6 - 1e-12 <= value <= min(a, b)
    if abs(a - b) >= width:
        assert value == min(a, b)
    assert sdf.smooth_max(np.array([-a]), np.array([-b]), width)[0] == -value


def test_rays_and_settling_end_on_the_surface_along_unit_normals():
    radii = np.array([0.3, 0.5, 0.4])

    def field(p):
        return sdf.ellipsoid(p, np.zeros(3), radii)

    way = RNG.normal(size=(100, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    hits = sdf.project(field, np.zeros((100, 3)), way, 2.0)
    np.testing.assert_allclose(((hits / radii) ** 2).sum(1), 1.0, atol=1e-4)
    np.testing.assert_allclose(np.cross(hits, way), 0.0, atol=1e-9)
    back = sdf.settle(field, hits * 1.1)
    np.testing.assert_allclose(((back / radii) ** 2).sum(1), 1.0, atol=1e-4)
    exact = hits / radii**2
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    np.testing.assert_allclose(sdf.gradient(field, hits), exact, atol=2e-3)
