import numpy as np
import pytest

from talking_heads.errors import UserError
from talking_heads.face import (
    Motion,
    fit_coefficients,
    get_face,
    motion_aperture,
    motion_vertices,
)
from talking_heads.face.names import ARKIT_NAMES


def speech_like(frames, seed):
    """Smooth coefficients in the range that speech uses."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames)[:, None] / 25
    waves = np.sin(2 * np.pi * rng.uniform(0.5, 4, 52) * t + rng.uniform(0, 6, 52))
    active = rng.uniform(size=52) < 0.4
    c = np.clip(waves * rng.uniform(0.1, 0.5, 52) * active, 0, 1)
    c[:, ARKIT_NAMES.index("jawOpen")] = np.clip(0.25 + 0.3 * waves[:, 17], 0, 1)
    c[:, ARKIT_NAMES.index("tongueOut")] = 0
    return c.astype(np.float32)


@pytest.mark.parametrize("face_id", ["neutral@low", "head-02@medium"])
def test_fitting_brings_the_vertices_back(face_id):
    face = get_face(face_id)
    c = speech_like(40, seed=2)
    v = face.pose(c)
    fitted = fit_coefficients(face, v)
    assert fitted.shape == c.shape
    assert fitted.min() >= 0 and fitted.max() <= 1
    error = np.linalg.norm(face.pose(fitted) - v, axis=-1)[:, face.regions["skin"]]
    assert np.sqrt((error**2).mean()) < 1e-4  # 0.1 mm
    assert error[:, :].max() < 1.5e-3
    aperture = np.abs(face.aperture(fitted) - face.aperture(c))
    assert aperture.max() < 5e-4


def test_fitting_is_robust_to_noise():
    face = get_face("neutral@low")
    c = speech_like(10, seed=3)
    rng = np.random.default_rng(0)
    v = face.pose(c)
    fitted = fit_coefficients(face, v + rng.normal(0, 2e-4, v.shape))
    error = np.linalg.norm(face.pose(fitted) - v, axis=-1)[:, face.regions["skin"]]
    assert np.sqrt((error**2).mean()) < 3e-4


def test_fitting_refuses_what_does_not_belong_to_the_face():
    face = get_face("neutral@low")
    with pytest.raises(UserError, match="neutral@low"):
        fit_coefficients(face, np.zeros((2, 5, 3)))
    bad = np.repeat(face.vertices[None], 2, 0)
    bad[1, 0, 0] = np.nan
    with pytest.raises(UserError, match="finite"):
        fit_coefficients(face, bad)


def test_motion_vertices_works_for_both_kinds():
    face = get_face("neutral@low")
    c = speech_like(5, seed=4)
    turn = np.linspace(0, 0.2, 15).reshape(5, 3)
    by_coefficients = motion_vertices(
        Motion(c, "coefficients", face_id="neutral@low", head_rotation=turn)
    )
    np.testing.assert_array_equal(by_coefficients, face.pose(c, turn.astype(np.float32)))
    offsets = face.pose(c) - face.vertices
    by_vertices = motion_vertices(Motion(offsets, "vertices", face_id="neutral@low"))
    np.testing.assert_allclose(by_vertices, face.pose(c), atol=1e-7)
    with pytest.raises(UserError, match="neutral@medium"):
        motion_vertices(Motion(offsets, "vertices"), get_face("neutral@medium"))


def test_a_motion_of_vertices_turns_with_its_head():
    face = get_face("neutral@low")
    c, turn = speech_like(5, seed=5), np.linspace(0, 0.2, 15).reshape(5, 3)
    offsets = face.pose(c) - face.vertices
    turned = motion_vertices(Motion(offsets, "vertices", face_id="neutral@low", head_rotation=turn))
    np.testing.assert_allclose(turned, face.pose(c, turn), atol=1e-6)
    assert np.abs(turned - face.pose(c)).max() > 0.005


def test_angles_that_are_no_numbers_are_refused():
    with pytest.raises(UserError, match="head_rotation"):
        Motion(np.zeros((2, 52)), "coefficients", head_rotation=np.full((2, 3), np.nan))


def test_the_aperture_of_any_motion_is_that_of_its_coefficients():
    face = get_face("head-02@low")
    spoken = Motion(speech_like(300, seed=4), "coefficients", face_id=face.id)
    expected = face.aperture(spoken.values)
    assert expected.max() > 0.005
    straight = motion_vertices(spoken) - face.vertices
    turn = np.random.default_rng(1).normal(0, 0.2, (300, 3))
    turned = face.turn(motion_vertices(spoken), turn) - face.vertices
    for offsets in (straight, turned, straight[:, face.parts["skin"]]):
        motion = Motion(offsets, "vertices", face_id=face.id)
        np.testing.assert_allclose(motion_aperture(motion, face), expected, atol=2e-6)
    with pytest.raises(UserError, match="of them skin"):
        motion_aperture(Motion(straight[:, :-1], "vertices"), face)
    assert motion_aperture(Motion(straight[:0], "vertices"), face).shape == (0,)
