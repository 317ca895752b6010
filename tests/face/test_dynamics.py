import tracemalloc

import numpy as np
import pytest

from talking_heads.errors import UserError
from talking_heads.face import (
    ARKIT_INDEX,
    IDENTITIES,
    Motion,
    fit_coefficients,
    get_face,
    motion_vertices,
    scan_noise,
    surface_motion,
)
from talking_heads.face.dynamics import SWAY, spring
from talking_heads.face.scan import LENGTH, RMS


def talking(frames, seed=0, face_id="neutral@low", fps=25.0):
    """A jaw that opens and closes four times a second, lips that round now and then."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames) / fps
    c = np.zeros((frames, 52), np.float32)
    c[:, ARKIT_INDEX["jawOpen"]] = 0.25 - 0.25 * np.cos(2 * np.pi * 4 * t)
    c[:, ARKIT_INDEX["mouthPucker"]] = np.clip(
        np.sin(2 * np.pi * 1.3 * t + rng.uniform(0, 6)), 0, 1
    )
    return Motion(c, "coefficients", fps, face_id)


def test_without_soft_tissue_and_noise_the_surface_is_the_pose(low):
    motion = talking(20)
    np.testing.assert_array_equal(
        surface_motion(motion, soft_tissue=False), low.pose(motion.values)
    )
    skin = surface_motion(motion, soft_tissue=False, part="skin")
    np.testing.assert_array_equal(skin, low.pose(motion.values)[:, low.parts["skin"]])


def test_soft_tissue_trails_and_comes_to_rest(low):
    c = np.zeros((60, 52), np.float32)
    c[10:, ARKIT_INDEX["jawOpen"]] = np.clip(np.arange(50) / 3, 0, 1)  # opens within 3 frames
    motion = Motion(c, "coefficients", face_id="neutral@low")
    posed, soft = low.pose(c), surface_motion(motion)
    lag = np.linalg.norm(soft - posed, axis=-1).max(1)
    assert lag[:10].max() == 0.0
    assert 0.001 < lag[11:16].max() < 0.02
    assert lag[-1] < 2e-5
    # While the jaw falls, the jowls are still above where it takes them.
    jowl = np.argmax(np.linalg.norm(soft[12] - posed[12], axis=-1))
    assert soft[12, jowl, 1] > posed[12, jowl, 1]
    assert jowl < low.parts["skin"].stop


@pytest.mark.parametrize("name", IDENTITIES)
def test_soft_tissue_leaves_lips_in_contact_eyes_and_all_but_skin_alone(name):
    face = get_face(f"{name}@low")
    motion = talking(50, face_id=face.id)
    posed, soft = face.pose(motion.values), surface_motion(motion)
    still = np.ones(len(face.vertices), bool)
    for index, share in face._soft_parts:
        still[index] = False
        assert (share > 0).all() and share.max() < 0.8
    np.testing.assert_array_equal(soft[:, still], posed[:, still])
    lips = face._lips
    assert still[lips.upper[lips.contact]].all() and still[lips.lower[lips.contact]].all()
    assert still[face.regions["eyes"]].all() and still[face.parts["skin"].stop :].all()
    np.testing.assert_array_equal(face.lip_aperture(soft), face.lip_aperture(posed))
    moved = np.linalg.norm(soft - posed, axis=-1)
    assert 0.0005 < moved.max() < 0.008


def test_the_springs_follow_a_steady_place_and_lag_behind_a_moving_one():
    from scipy.signal import lfilter

    for frequency, damping in SWAY:
        b, a = spring(frequency, damping, 25.0)
        assert sum(b) == pytest.approx(sum(a))  # at rest it hangs where it should
        ramp = np.arange(200.0)
        behind = (ramp - lfilter(b, a, ramp))[-1] / 25.0
        # A damped spring trails a steady motion by 2 zeta / omega seconds.
        assert behind == pytest.approx(2 * damping / (2 * np.pi * frequency), rel=1e-3)


def test_soft_tissue_does_not_depend_on_the_frame_rate():
    slow, fast = talking(50, fps=25.0), talking(200, fps=100.0)
    a, b = surface_motion(slow), surface_motion(fast)[::4]
    hard = get_face("neutral@low").pose(slow.values)
    assert np.abs(a - b).max() < 0.25 * np.abs(a - hard).max()


def test_noise_has_the_announced_size_and_is_smooth_over_the_skin():
    face = get_face("neutral@medium")
    noise = scan_noise(face, 100, seed=3)
    assert noise.shape == (100, face.parts["skin"].stop, 3) and noise.dtype == np.float32
    rms = np.sqrt((noise.astype(float) ** 2).sum(-1).mean())
    assert rms == pytest.approx(RMS, rel=0.25)
    skin = face.vertices[face.parts["skin"]]
    middle = face.landmarks["nose_tip"][0]
    distance = np.linalg.norm(skin - skin[middle], axis=1)

    def correlation(near, far):
        at = np.flatnonzero((distance >= near) & (distance < far))
        found = [scan_noise(face, 1, seed=s)[0] for s in range(200)]
        here = np.array([f[middle] for f in found])
        there = np.array([f[at] for f in found])
        return (here[:, None] * there).mean() / (RMS**2 / 3)

    assert correlation(0, 0.002) > 0.8
    assert correlation(0.9 * LENGTH, 1.1 * LENGTH) == pytest.approx(0.61, abs=0.2)
    assert abs(correlation(0.035, 0.045)) < 0.2


def test_noise_is_partly_constant_and_partly_forgotten(low):
    noise = np.stack([scan_noise(low, 60, seed=s)[:, ::20] for s in range(40)]).astype(float)
    power = (noise**2).mean()

    def alike(lag):
        return (noise[:, lag:] * noise[:, : 60 - lag]).mean() / power

    assert alike(1) > 0.75
    assert alike(40) == pytest.approx(1 / 3, abs=0.08)


def test_noise_is_the_same_at_all_resolutions_and_different_for_other_seeds():
    coarse, fine = get_face("head-02@low"), get_face("head-02@medium")
    a, b = scan_noise(coarse, 5, seed=7), scan_noise(fine, 5, seed=7)
    for name in ("nose_tip", "chin", "mouth_corner_left"):
        np.testing.assert_allclose(
            a[:, coarse.landmarks[name]], b[:, fine.landmarks[name]], atol=2e-6
        )
    np.testing.assert_array_equal(a, scan_noise(coarse, 5, seed=7))
    assert np.abs(a - scan_noise(coarse, 5, seed=8)).max() > 1e-4
    # A longer recording begins in the same way.
    np.testing.assert_allclose(a, scan_noise(coarse, 9, seed=7)[:5], atol=1e-9)


def test_closed_lips_are_closed_on_the_noisy_surface_too(low):
    c = np.zeros((30, 52), np.float32)
    c[:, [ARKIT_INDEX["jawOpen"], ARKIT_INDEX["mouthClose"]]] = 0.3, 0.34
    motion = Motion(c, "coefficients", face_id="neutral@low")
    noisy = surface_motion(motion, noise_seed=4)
    assert np.abs(noisy - surface_motion(motion)).max() > 1e-4
    assert low.lip_aperture(noisy).max() < 2e-6


def test_surfaces_at_another_resolution_and_of_motions_of_vertices():
    motion = talking(6)
    fine = surface_motion(motion, resolution="medium")
    assert fine.shape[1] == len(get_face("neutral@medium").vertices)
    face = get_face("neutral@low")
    offsets = surface_motion(motion) - face.vertices
    again = Motion(offsets, "vertices", face_id="neutral@low")
    np.testing.assert_allclose(surface_motion(again), surface_motion(motion), atol=1e-7)
    one = Motion(motion.values[:1], "coefficients", face_id="neutral@low")
    np.testing.assert_array_equal(surface_motion(one), face.pose(one.values))
    none = Motion(np.zeros((0, 52)), "coefficients", face_id="neutral@low")
    assert surface_motion(none, noise_seed=0).shape == (0, len(face.vertices), 3)


def test_wrong_questions_are_refused(low):
    motion = talking(3)
    with pytest.raises(UserError, match="skin"):
        surface_motion(motion, part="hair")
    with pytest.raises(UserError, match="huge"):
        surface_motion(motion, resolution="huge")
    with pytest.raises(UserError, match="medium"):
        surface_motion(motion, resolution="medium", face=low)
    with pytest.raises(UserError, match="seed"):
        scan_noise(low, 3, seed=-1)


def test_a_long_motion_is_that_of_its_frames_and_takes_little_beside_its_result(low):
    motion = talking(1600)
    tracemalloc.start()
    skin = surface_motion(motion, part="skin")
    beside = tracemalloc.get_traced_memory()[1] - skin.nbytes
    tracemalloc.stop()
    assert beside < 0.75 * 1600 * low.vertices.nbytes
    stiff = surface_motion(motion, part="skin", soft_tissue=False)
    for start in (0, 490, 1580):
        piece = slice(start, start + 20)
        posed = low.pose(motion.values[piece])[:, low.parts["skin"]]
        np.testing.assert_allclose(stiff[piece], posed, atol=1e-7)
    # Soft tissue knows nothing of the pieces: it does not start anew in the middle.
    lag = np.linalg.norm(skin - stiff, axis=2).max(1)
    assert lag[500] > 0.5 * lag[25] > 1e-5


def test_the_skin_of_a_motion_of_skin_is_what_it_holds(low):
    values = np.random.default_rng(0).normal(0, 0.001, (6, len(low.vertices), 3))
    values = values.astype(np.float32)
    skin = low.parts["skin"].stop
    for given in (values, values[:, :skin]):
        motion = Motion(given, "vertices", face_id=low.id, head_rotation=np.full((6, 3), 0.1))
        surface = surface_motion(motion, part="skin")
        np.testing.assert_array_equal(surface, low.vertices[:skin] + values[:, :skin])
        scanned = surface_motion(motion, part="skin", noise_seed=2)
        np.testing.assert_allclose(scanned - surface, scan_noise(low, 6, 2), atol=1e-7)


def test_a_motion_of_the_skin_alone_moves_the_rest_too(low):
    c = np.zeros((4, 52), np.float32)
    c[1, ARKIT_INDEX["jawOpen"]] = 0.8
    c[2, ARKIT_INDEX["eyeBlinkLeft"]] = 1.0
    c[3, ARKIT_INDEX["browInnerUp"]] = 1.0
    whole = low.pose(c)
    skin = low.parts["skin"]
    motion = Motion(whole[:, skin] - low.vertices[skin], "vertices", face_id="neutral@low")
    found = motion_vertices(motion)
    assert found.shape == whole.shape
    np.testing.assert_allclose(found[:, skin], whole[:, skin], atol=1e-7)
    for part in ("teeth", "lashes", "brows", "tongue"):
        error = np.linalg.norm(found - whole, axis=-1)[:, low.parts[part]]
        assert error.max() < 0.001, part
    eyes = np.linalg.norm(found - whole, axis=-1)[:, low.parts["eye_left"]]
    assert eyes.max() < 0.002
    fitted = fit_coefficients(low, whole[:, skin])
    np.testing.assert_allclose(low.aperture(fitted), low.aperture(c), atol=2e-4)
    with pytest.raises(UserError, match="skin"):
        motion_vertices(Motion(np.zeros((2, 7, 3)), "vertices", face_id="neutral@low"))
