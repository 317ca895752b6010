from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talking_heads.errors import UserError
from talking_heads.face import Motion, get_face, motion_vertices
from talking_heads.view.container import unpack
from talking_heads.view.encode import (
    TOLERANCE,
    decode_motion,
    encode_face,
    encode_motion,
    encode_pose,
    encode_poses,
)
from talking_heads.view.mesh import frame_of, seams


def largest_error(motion, encoded):
    return np.linalg.norm(decode_motion(encoded.data) - motion_vertices(motion), axis=2).max()


@settings(max_examples=12, deadline=None)
@given(
    frames=st.integers(1, 40),
    seed=st.integers(0, 2**32 - 1),
    active=st.integers(0, 52),
    rotate=st.booleans(),
    tolerance=st.sampled_from([1e-4, 1e-3]),
)
def test_no_vertex_strays_further_than_the_tolerance(frames, seed, active, rotate, tolerance):
    rng = np.random.default_rng(seed)
    values = np.zeros((frames, 52), np.float32)
    values[:, rng.permutation(52)[:active]] = rng.random((frames, active))
    rotation = rng.normal(0, 0.1, (frames, 3)).astype(np.float32) if rotate else None
    motion = Motion(values, "coefficients", face_id="neutral@low", head_rotation=rotation)
    encoded = encode_motion(motion, tolerance=tolerance)
    assert encoded.max_error <= tolerance
    # What the header says is what a decoder gets, but for the last digits of float32.
    assert largest_error(motion, encoded) == pytest.approx(encoded.max_error, abs=2e-6)


def test_a_long_motion_stays_within_the_tolerance_and_small(babble):
    motion = babble(1500, face_id="neutral@medium")
    # One moment that an even sample of the frames misses.
    values = motion.values.copy()
    values[701, :] = np.linspace(0, 1, 52)
    motion = replace(motion, values=values)
    encoded = encode_motion(motion)
    assert encoded.max_error <= TOLERANCE
    assert largest_error(motion, encoded) <= TOLERANCE + 2e-6
    assert len(encoded.data) < 4_000_000


def test_a_motion_of_vertices_encodes_like_one_of_coefficients(babble):
    motion = babble(60)
    face = get_face("neutral@low")
    offsets = motion_vertices(motion) - face.vertices
    encoded = encode_motion(Motion(offsets, "vertices", face_id="neutral@low"))
    assert encoded.max_error <= TOLERANCE
    assert largest_error(motion, encoded) <= TOLERANCE + 2e-6


def test_turning_the_head_and_the_eyes_costs_no_component(babble):
    motion = babble(80)
    plain = motion.values.copy()
    plain[:, :14] = 0  # blinks, gaze, squint and wide eyes
    straight = encode_motion(replace(motion, values=plain))
    rotation = np.random.default_rng(0).normal(0, 0.1, (80, 3)).astype(np.float32)
    looking = plain.copy()
    looking[:, 0] = looking[:, 7] = np.linspace(0, 1, 80)  # both eyes blink
    looking[:, 1] = np.linspace(0, 0.5, 80)  # the left one looks down
    turning = encode_motion(replace(motion, values=looking, head_rotation=rotation))
    assert (turning.components, turning.moving) == (straight.components, straight.moving)
    assert len(turning.data) < 1.01 * len(straight.data)
    assert turning.max_error <= TOLERANCE


def test_what_never_moves_costs_nothing(babble):
    motion = babble(50)
    still = replace(motion, values=np.zeros_like(motion.values))
    encoded = encode_motion(still)
    assert (encoded.moving, encoded.components) == (0, 0)
    assert encoded.max_error < 5e-6
    values = np.zeros_like(motion.values)
    values[:, 43] = np.linspace(0, 1, 50)  # one brow only
    brow = encode_motion(replace(motion, values=values))
    assert 0 < brow.moving < brow.vertices / 3


def test_noise_is_drawn_as_well_as_the_limit_allows(monkeypatch):
    monkeypatch.setattr("talking_heads.view.encode._BASIS_BYTES", 200_000)
    face = get_face("neutral@low")
    noise = np.random.default_rng(0).normal(0, 0.003, (120, len(face.vertices), 3))
    motion = Motion(noise.astype(np.float32), "vertices", face_id="neutral@low")
    encoded = encode_motion(motion)
    arrays = unpack(encoded.data)[1]
    assert arrays["coarse"].nbytes + arrays["fine"].nbytes <= 200_000
    assert encoded.max_error > TOLERANCE
    assert largest_error(motion, encoded) == pytest.approx(encoded.max_error, rel=1e-3)


def test_small_components_take_half_the_bytes(babble):
    arrays = unpack(encode_motion(babble(100)).data)[1]
    assert len(arrays["coarse"]) > 0
    assert len(arrays["fine"]) > 0
    reach = np.abs(arrays["weights"]).max(axis=0) * arrays["scales"]
    reach *= np.repeat([32_767, 127], [len(arrays["coarse"]), len(arrays["fine"])])
    assert reach[: len(arrays["coarse"])].min() > 3e-4
    assert reach[len(arrays["coarse"]) :].max() < 7e-4


def test_the_same_motion_gives_the_same_bytes(babble):
    assert encode_motion(babble(30)).data == encode_motion(babble(30)).data


def test_empty_and_endless_motions_are_refused():
    with pytest.raises(UserError, match="no frames"):
        encode_motion(Motion(np.zeros((0, 52)), "coefficients", face_id="neutral@low"))
    with pytest.raises(UserError, match="200000 at most"):
        encode_motion(Motion(np.zeros((200_001, 52)), "coefficients", face_id="neutral@low"))


def test_a_pose_travels_as_the_vertices_that_moved():
    face = get_face("neutral@medium")
    coefficients = np.zeros(52, np.float32)
    assert unpack(encode_pose(face, face.vertices))[1]["index"].size == 0
    coefficients[17] = 0.8  # jawOpen
    vertices = np.asarray(face.pose(coefficients)).reshape(-1, 3)
    data = encode_pose(face, vertices)
    assert len(data) < 45_000
    _, arrays = unpack(data)
    again = face.vertices.copy()
    again[arrays["index"]] += (arrays["offsets"] * arrays["scales"][0]).reshape(-1, 3)
    assert np.abs(again - vertices).max() < 5e-6


def test_every_triangle_is_sent_once():
    face = get_face("neutral@low")
    arrays = unpack(encode_face(face))[1]
    sent = np.concatenate([arrays["triangles"], arrays["lining"]])
    assert sorted(map(tuple, sent.tolist())) == sorted(map(tuple, face.triangles.tolist()))
    inner = [face.parts[name] for name in ("mouth", "teeth", "tongue")]
    allowed = np.concatenate([np.arange(part.start, part.stop) for part in inner])
    assert set(arrays["lining"].ravel()) == set(allowed) & set(face.triangles.ravel())


def test_a_face_without_motion_decodes_to_itself():
    face = get_face("neutral@low")
    assert np.array_equal(decode_motion(encode_face(face))[0], face.vertices)


def test_seams_join_borders_but_not_lips_that_touch():
    # Two squares that share an edge's place, and a third, closed off by nothing, far away.
    square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    triangles = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    vertices = np.concatenate([square + np.float32([x, 0, 0]) for x in (0, 1, 9)])
    pairs = seams(vertices, np.concatenate([triangles, triangles + 4, triangles + 8]))
    assert {tuple(pair) for pair in pairs.tolist()} == {(1, 4), (2, 7)}
    # Two closed tetrahedra that touch in one point have no border, and so no seam.
    solid = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    sides = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)
    assert len(seams(np.concatenate([solid, -solid]), np.concatenate([sides, sides + 4]))) == 0


def test_the_picture_frames_the_head_and_the_focus_is_the_mouth():
    face = get_face("neutral@low")
    frame = {name: np.array(point) for name, point in frame_of(face).items()}
    low, high = frame["centre"] - frame["half"], frame["centre"] + frame["half"]
    hair = face.vertices[face.parts["hair"]]
    assert (hair.min(axis=0) >= low - 1e-4).all()
    assert (hair.max(axis=0) <= high + 1e-4).all()
    assert low[1] > face.vertices[:, 1].min()  # the lower end of the shirt stays outside
    lips = face.vertices[face.regions["lips"]]
    assert (lips.min(axis=0) <= frame["focus"]).all()
    assert (frame["focus"] <= lips.max(axis=0)).all()


def test_poses_of_several_heads_travel_together():
    face = get_face("neutral@low")
    moved = face.vertices.copy()
    moved[5] += [0, 0.002, 0]
    colors = np.full((len(moved), 3), 7, np.uint8)
    header, arrays = unpack(
        encode_poses([(face, face.vertices, None), (face, moved, None), (face, moved, colors)])
    )
    assert header["kind"] == "pose" and len(arrays["index"]) == 0
    assert "colors" not in arrays and "colors1" not in arrays
    np.testing.assert_array_equal(arrays["colors2"], colors)
    for tail in "12":
        assert arrays[f"index{tail}"].tolist() == [5]
        offset = arrays[f"offsets{tail}"].reshape(-1, 3) * arrays[f"scales{tail}"][0]
        np.testing.assert_allclose(offset, [[0, 0.002, 0]], atol=1e-6)
