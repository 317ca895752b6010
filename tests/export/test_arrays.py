from __future__ import annotations

import zipfile

import numpy as np
import pytest

from talking_heads.errors import UserError
from talking_heads.export import write_npz
from talking_heads.face import ARKIT_NAMES, Motion, get_face, motion_vertices


def read(path):
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


@pytest.mark.parametrize("frames", [1, 60, 300])
def test_the_archive_holds_what_it_promises(tmp_path, babble, frames):
    motion = babble(frames, fps=30)
    path = tmp_path / "motion.npz"
    write_npz(path, motion)
    arrays = read(path)
    face = get_face("neutral@low")
    assert set(arrays) == {
        "vertices",
        "faces",
        "fps",
        "lip_aperture",
        "coefficients",
        "names",
    }
    assert arrays["vertices"].dtype == np.float32
    # Posed in chunks: sums of other lengths may round otherwise, by hundredths of a micrometre.
    np.testing.assert_allclose(arrays["vertices"], motion_vertices(motion), atol=1e-7)
    np.testing.assert_array_equal(arrays["faces"], face.triangles)
    assert arrays["fps"] == 30
    assert arrays["lip_aperture"].shape == (frames,)
    assert (arrays["lip_aperture"] >= 0).all()
    np.testing.assert_allclose(
        arrays["lip_aperture"], face.lip_aperture(arrays["vertices"]), atol=1e-6
    )
    np.testing.assert_array_equal(arrays["coefficients"], motion.values)
    assert tuple(arrays["names"]) == ARKIT_NAMES


def test_coefficients_are_fitted_to_vertices(tmp_path):
    face = get_face("neutral@low")
    values = np.zeros((8, 52), np.float32)
    values[:, ARKIT_NAMES.index("jawOpen")] = np.linspace(0, 0.8, 8)
    motion = Motion(values, "coefficients", face_id="neutral@low")
    offsets = motion_vertices(motion) - face.vertices
    path = tmp_path / "motion.npz"
    write_npz(path, Motion(offsets, "vertices", face_id="neutral@low"))
    arrays = read(path)
    assert arrays["coefficients"].shape == (8, 52)
    np.testing.assert_allclose(arrays["vertices"], motion_vertices(motion), atol=1e-6)
    # The fitted coefficients pose the face as the vertices were, to half a millimetre.
    again = face.pose(arrays["coefficients"])
    assert np.linalg.norm(again - arrays["vertices"], axis=2).max() < 5e-4


def test_the_head_of_vertices_turns_and_its_coefficients_do_not(tmp_path, babble):
    face = get_face("neutral@low")
    posed = babble(6)
    turn = np.tile(np.float32([0.2, 0.3, 0.1]), (6, 1))
    offsets = face.pose(posed.values) - face.vertices
    plain, turned = (
        Motion(offsets, "vertices", face_id="neutral@low", head_rotation=r) for r in (None, turn)
    )
    found = []
    for motion in (plain, turned):
        write_npz(tmp_path / "motion.npz", motion)
        found.append(read(tmp_path / "motion.npz"))
    np.testing.assert_array_equal(found[0]["coefficients"], found[1]["coefficients"])
    np.testing.assert_array_equal(found[0]["lip_aperture"], found[1]["lip_aperture"])
    np.testing.assert_allclose(found[1]["vertices"], face.pose(posed.values, turn), atol=1e-6)


@pytest.mark.parametrize("kind", ["coefficients", "vertices"])
def test_a_motion_without_frames_is_an_archive_without_frames(tmp_path, kind):
    shape = (0, 52) if kind == "coefficients" else (0, *get_face("neutral@low").vertices.shape)
    write_npz(tmp_path / "m.npz", Motion(np.zeros(shape), kind, face_id="neutral@low"))
    arrays = read(tmp_path / "m.npz")
    assert arrays["coefficients"].shape == (0, 52) and arrays["lip_aperture"].shape == (0,)


def test_the_archive_is_sound(tmp_path, babble):
    path = tmp_path / "motion.npz"
    write_npz(path, babble(10))
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


def test_what_cannot_be_read_back_is_refused(tmp_path, babble, monkeypatch):
    monkeypatch.setattr("talking_heads.export.arrays.MAX_BYTES", 1000)
    path = tmp_path / "motion.npz"
    path.write_bytes(b"old")
    with pytest.raises(UserError, match="Write a shorter part"):
        write_npz(path, babble(10))
    assert path.read_bytes() == b"old"


def test_a_failure_midway_leaves_the_old_file_and_no_litter(tmp_path, babble, monkeypatch):
    path = tmp_path / "motion.npz"
    path.write_bytes(b"old")

    def broken(*_args, **_options):
        raise RuntimeError("midway")

    monkeypatch.setattr("talking_heads.export.arrays.npy.write_array", broken)
    with pytest.raises(RuntimeError, match="midway"):
        write_npz(path, babble(10))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
