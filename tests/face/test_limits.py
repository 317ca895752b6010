"""No combination of shapes breaks a face: thousands of random vectors on every head.

The slow tests do all heads at all resolutions; the fast ones a sample.
"""

import numpy as np
import pytest

from talking_heads.face import ARKIT_INDEX, IDENTITIES, RESOLUTIONS, get_face, random_identity
from talking_heads.face.build import build_face
from talking_heads.face.rig import GLIDE, JAW_ANGLE

SAMPLE = ("neutral@low", "head-03@low", "head-11@low", "head-15@medium")
COUNT = 2000


def spread(steps):
    """Weights of points spread over a triangle."""
    found = [(i, j, steps - i - j) for i in range(steps + 1) for j in range(steps + 1 - i)]
    return np.array(found, np.float32) / steps


# Small triangles need fewer points.
SPREAD = {"low": spread(4), "medium": spread(2), "high": spread(1)}


def vectors(count, seed):
    """Coefficients of every kind: dense, sparse, and all or nothing."""
    rng = np.random.default_rng(seed)
    quarter = count // 4
    dense = rng.uniform(0, 1, (quarter, 52))
    sparse = rng.uniform(0, 1, (2 * quarter, 52)) * (rng.uniform(size=(2 * quarter, 52)) < 0.25)
    hard = rng.uniform(size=(count - 3 * quarter, 52)) < 0.3
    return np.concatenate([dense, sparse, hard]).astype(np.float32)


def lips_cross(face, vertices):
    lips = face._lips
    rows = [lips.contact, len(lips.upper) - 2]
    gap = vertices[:, lips.upper[rows], 1] - vertices[:, lips.lower[rows], 1]
    return float(-gap.min())


def lids_to_balls(face, vertices):
    """Smallest distance of any point of the lids from the centre of its eye, in eye radii."""
    inside = np.isin(face.triangles, face.regions["eyes"]).all(1)
    corners = vertices[:, face.triangles[inside]]
    nearest = np.inf
    for weights in SPREAD[face.resolution]:
        points = np.einsum("k,ftkc->ftc", weights, corners)
        for center in face.eye_centers.astype(np.float32):
            nearest = min(nearest, float(np.linalg.norm(points - center, axis=-1).min()))
    return nearest / face.eye_radius


def teeth_before_lips(face, vertices, c):
    """How far, in metres, lips lie behind the front of the teeth at the same place.

    The teeth are taken from the mesh: of each row the foremost point for each millimetre across.
    Lips are looked at where they cover teeth, in the frame of the row.
    """
    teeth = face.parts["teeth"]
    half = (teeth.stop - teeth.start) // 2
    # From the border of the red to the line of contact; what follows lies hidden inside.
    rows = slice(face._lips.guarded.start, face._lips.contact + 1)
    index = np.concatenate([face._lips.upper[rows].ravel(), face._lips.lower[rows].ravel()])
    worst = -np.inf
    for row, up in ((slice(teeth.start, teeth.start + half), 1.0),
                    (slice(teeth.start + half, teeth.stop), -1.0)):  # fmt: skip
        points = vertices[:, index].astype(float)
        rest = face.vertices[row].astype(float)
        if up < 0:  # bring the lips into the frame of the lower jaw
            opened = c[:, [ARKIT_INDEX["jawOpen"]]].astype(float)
            hinge = face._jaw.center
            left, right = (c[:, [ARKIT_INDEX[f"jaw{side}"]]] for side in ("Left", "Right"))
            points[..., 0] -= 0.009 * (left - right)
            points[..., 2] -= 0.007 * c[:, [ARKIT_INDEX["jawForward"]]] + GLIDE * opened**2
            y, z = points[..., 1] - hinge[0], points[..., 2] - hinge[1]
            cos, sin = np.cos(JAW_ANGLE * opened), np.sin(JAW_ANGLE * opened)
            points[..., 1] = cos * y + sin * z + hinge[0]
            points[..., 2] = cos * z - sin * y + hinge[1]
        # Enamel, not gum: the 8 mm next to the edge.
        edge = (rest[:, 1] * up).min()
        enamel = rest[rest[:, 1] * up < edge + 0.008]
        grid = np.arange(-0.016, 0.0161, 0.001)
        near = np.abs(enamel[:, 0] - grid[:, None]) < 0.0012
        front = np.where(near, enamel[:, 2], -1.0).max(1)
        covers = (points[..., 1] * up > edge + 0.0005) & (points[..., 1] * up < edge + 0.008)
        covers &= np.abs(points[..., 0]) < 0.016
        behind = np.interp(points[..., 0], grid, front) - points[..., 2]
        if covers.any():
            worst = max(worst, float(behind[covers].max()))
    return worst


def check(face, count, seed):
    for start in range(0, count, 250):
        c = vectors(250, seed * 1000 + start)
        v = face.pose(c)
        assert np.isfinite(v).all()
        assert np.abs(v - face.vertices).max() < 0.09
        assert lips_cross(face, v) <= 1e-7
        aperture = face.lip_aperture(v)
        assert (aperture >= 0).all()
        np.testing.assert_allclose(aperture, face.aperture(c), atol=1e-7)
        assert lids_to_balls(face, v) > 0.985
        assert teeth_before_lips(face, v, c) < 0.0


@pytest.mark.parametrize("face_id", SAMPLE)
def test_random_coefficients_break_no_face(face_id):
    check(get_face(face_id), 250, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("resolution", RESOLUTIONS)
@pytest.mark.parametrize("name", IDENTITIES)
def test_thousands_of_random_coefficients_break_no_face(name, resolution):
    check(get_face(f"{name}@{resolution}"), COUNT, seed=2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_random_people_break_as_little(seed):
    check(build_face("low", random_identity(seed)), 1000, seed=3)


def test_the_checks_notice_what_they_check(make):
    """Undo each safeguard, and the check for it must fail."""
    face = get_face("head-15@low")
    c = vectors(250, 5)
    loose = face._pose(c, contact=False)
    assert lips_cross(face, loose) > 1e-3
    assert teeth_before_lips(face, loose, c) > 1e-3
    assert lids_to_balls(face, loose) < 0.985
