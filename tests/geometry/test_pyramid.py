import math
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from talking_heads.errors import UserError
from talking_heads.geometry import build_pyramid, decimate, pyramid, receptive_field, spirals
from talking_heads.paths import cache_dir


def same(one, other):
    assert one.sizes == other.sizes
    for a, b in zip(one.levels, other.levels, strict=True):
        np.testing.assert_array_equal(a.vertices, b.vertices)
        np.testing.assert_array_equal(a.triangles, b.triangles)
        np.testing.assert_array_equal(a.spirals, b.spirals)
        assert a.spirals.dtype == b.spirals.dtype == np.int64
        assert (a.kept is None) == (b.kept is None)
        if a.kept is not None:
            np.testing.assert_array_equal(a.kept, b.kept)
            assert a.kept.dtype == b.kept.dtype == np.int64
            np.testing.assert_array_equal(a.up.toarray(), b.up.toarray())


@pytest.fixture
def counted(monkeypatch):
    """Count how often a pyramid is really built."""
    calls = []
    build = pyramid._build
    monkeypatch.setattr(pyramid, "_build", lambda recipe: calls.append(1) or build(recipe))
    return calls


def test_levels_hold_what_the_single_steps_give(meshes):
    vertices, triangles = meshes.sphere(2)
    built = build_pyramid(vertices, triangles, (2, 4), 7, 2, cache=False)
    assert built.sizes == (162, 81, 21)
    assert (built.kernel, built.dilation) == (7, 2)
    step = decimate(vertices, triangles, 2)
    fine, middle, coarse = built.levels
    np.testing.assert_array_equal(fine.kept, step.kept)
    np.testing.assert_array_equal(middle.vertices, vertices[step.kept])
    np.testing.assert_array_equal(middle.triangles, step.triangles)
    np.testing.assert_array_equal(fine.spirals, spirals(triangles, 162, 7, 2, vertices=vertices))
    assert fine.up.shape == (162, 81)
    assert middle.up.shape == (81, 21)
    assert coarse.kept is None
    assert coarse.up is None
    for n, level in enumerate(built.levels):
        np.testing.assert_array_equal(level.spirals[:, 0], np.arange(built.sizes[n]))
        np.testing.assert_array_equal(vertices[built.origin(n)], level.vertices)
    np.testing.assert_array_equal(built.kept_spirals(0), fine.spirals[fine.kept])
    with pytest.raises(IndexError):
        built.kept_spirals(2)


def test_the_reference_stays_in_its_place_from_level_to_level(meshes):
    vertices, triangles = meshes.grid(12, 12)
    built = build_pyramid(vertices, triangles, (3, 3), 5, 1, cache=False, reference=11)
    for level in built.levels:
        # The lower right corner stays, and inner spirals begin on the way to it.
        corner = int(np.argmin(np.linalg.norm(level.vertices - [11, 0, 0], axis=1)))
        np.testing.assert_array_equal(level.vertices[corner], [11, 0, 0])
        expected = spirals(
            level.triangles, len(level.vertices), 5, vertices=level.vertices, reference=corner
        )
        np.testing.assert_array_equal(level.spirals, expected)


def test_the_second_call_reads_the_file(meshes, tmp_path, counted):
    mesh = meshes.sphere(2)
    first = build_pyramid(*mesh, (2, 2), cache=tmp_path / "new" / "folder")
    second = build_pyramid(*mesh, (2, 2), cache=str(tmp_path / "new" / "folder"))
    assert len(counted) == 1
    assert len(list((tmp_path / "new" / "folder").iterdir())) == 1
    same(first, second)
    same(first, build_pyramid(*mesh, (2, 2), cache=False))


def test_any_change_of_mesh_or_parameter_is_another_file(meshes, tmp_path, counted, monkeypatch):
    vertices, triangles = meshes.sphere(1)
    moved = vertices.copy()
    moved[3, 1] = np.nextafter(moved[3, 1], 9)
    turned = triangles.copy()
    turned[5] = np.roll(turned[5], 1)
    calls = [
        (vertices, triangles, (2, 2), 9, 2),
        (moved, triangles, (2, 2), 9, 2),
        (vertices, turned, (2, 2), 9, 2),
        (vertices, triangles, (2, 3), 9, 2),
        (vertices, triangles, (2,), 9, 2),
        (vertices, triangles, (2, 2), 8, 2),
        (vertices, triangles, (2, 2), 9, 1),
    ]
    for call in calls:
        build_pyramid(*call, cache=tmp_path)
    build_pyramid(*calls[0], cache=tmp_path, reference=7)
    assert len(counted) == len(list(tmp_path.iterdir())) == 8
    monkeypatch.setattr(pyramid, "_VERSION", -1)
    build_pyramid(*calls[0], cache=tmp_path)
    assert len(counted) == 9
    # Types of the same numbers are no change.
    build_pyramid(vertices, triangles.astype(np.int32), [2, 2.0], np.int64(9), 2, cache=tmp_path)
    assert len(counted) == 9


def _truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


def _another(path):
    np.savez(path, spirals0=np.zeros((42, 9), np.int32))


def _out_of_range(path):
    arrays = dict(np.load(path))
    arrays["spirals1"][2, 3] = 10_000
    np.savez(path, **arrays)


def _unordered(path):
    arrays = dict(np.load(path))
    arrays["kept0"] = arrays["kept0"][::-1]
    np.savez(path, **arrays)


def _broken_rows(path):
    arrays = dict(np.load(path))
    arrays["up_rows0"][:] = 0
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    "damage",
    [
        _truncated,
        _flipped,
        _another,
        _out_of_range,
        _unordered,
        _broken_rows,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("no archive"),
        lambda path: path.write_bytes(b"\x93NUMPY" + bytes(90)),
    ],
)
def test_a_damaged_file_is_made_anew(meshes, tmp_path, counted, damage):
    mesh = meshes.sphere(1)
    good = build_pyramid(*mesh, (2,), cache=tmp_path)
    (path,) = tmp_path.iterdir()
    damage(path)
    same(build_pyramid(*mesh, (2,), cache=tmp_path), good)
    assert len(counted) == 2
    same(build_pyramid(*mesh, (2,), cache=tmp_path), good)
    assert len(counted) == 2
    assert list(tmp_path.iterdir()) == [path]


def test_every_single_damaged_byte_is_found_or_does_no_harm(meshes, tmp_path):
    mesh = meshes.grid(3, 3)
    good = build_pyramid(*mesh, (2,), 4, 1, cache=tmp_path)
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    for at in range(0, len(content), 97):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :])
        same(build_pyramid(*mesh, (2,), 4, 1, cache=tmp_path), good)


class _Bomb:
    def __reduce__(self):
        return (exec, ("raise SystemExit('code from a file was executed')",))


def test_a_file_never_runs_code(meshes, tmp_path, counted):
    mesh = meshes.sphere(1)
    build_pyramid(*mesh, (2,), cache=tmp_path)
    (path,) = tmp_path.iterdir()
    arrays = dict(np.load(path))
    arrays["spirals0"] = np.array([_Bomb()], dtype=object)
    np.savez(path, **arrays)
    build_pyramid(*mesh, (2,), cache=tmp_path)
    assert len(counted) == 2
    with zipfile.ZipFile(path) as archive:
        assert all(name.endswith(".npy") for name in archive.namelist())
        for name in archive.namelist():
            with archive.open(name) as file:
                np.lib.format.read_array(file, allow_pickle=False)


def test_a_folder_that_cannot_be_written_is_done_without(meshes, tmp_path, counted):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    mesh = meshes.sphere(1)
    build_pyramid(*mesh, (2,), cache=blocked / "cache")
    folder = tmp_path / "folder"
    build_pyramid(*mesh, (2,), cache=folder)
    (path,) = folder.iterdir()
    path.unlink()
    path.mkdir()
    build_pyramid(*mesh, (2,), cache=folder)
    assert len(counted) == 3


def test_what_is_half_written_never_takes_the_name(meshes, tmp_path, monkeypatch):
    def full_disk(file, **_):
        file.write(b"PK half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    build_pyramid(*meshes.sphere(1), (2,), cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_two_processes_at_once_agree(meshes, tmp_path):
    code = (
        "import sys, numpy as np\n"
        "from talking_heads.geometry import build_pyramid\n"
        "mesh = np.load(sys.argv[1])\n"
        "p = build_pyramid(mesh['v'], mesh['t'], (2, 2), cache=sys.argv[2])\n"
        "print(p.sizes, int(p.levels[1].spirals.sum()))\n"
    )
    vertices, triangles = meshes.sphere(2)
    np.savez(tmp_path / "mesh.npz", v=vertices, t=triangles)
    folder = tmp_path / "cache"
    call = [sys.executable, "-c", code, str(tmp_path / "mesh.npz"), str(folder)]
    both = [subprocess.Popen(call, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = {process.communicate(timeout=120)[0] for process in both}
    expected = build_pyramid(vertices, triangles, (2, 2), cache=False)
    assert said == {f"{expected.sizes} {int(expected.levels[1].spirals.sum())}\n"}
    assert len(list(folder.iterdir())) == 1
    same(build_pyramid(vertices, triangles, (2, 2), cache=folder), expected)


def test_the_default_folder_follows_the_environment(monkeypatch, tmp_path, meshes):
    monkeypatch.setenv("TALKING_HEADS_CACHE", str(tmp_path / "own"))
    assert cache_dir() == tmp_path / "own"
    build_pyramid(*meshes.grid(), (2,))
    assert len(list((tmp_path / "own").iterdir())) == 1
    monkeypatch.delenv("TALKING_HEADS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_dir() == tmp_path / "xdg" / "talking-heads"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_dir() == tmp_path / "home" / ".cache" / "talking-heads"


@pytest.mark.parametrize(
    "change",
    [
        {"factors": (0.5,)},
        {"factors": (math.nan,)},
        {"kernel": 0},
        {"dilation": 0},
        {"reference": 25},
        {"triangles": np.array([[0, 1, 99]])},
        {"vertices": np.full((25, 3), np.inf)},
    ],
)
def test_what_cannot_be_is_refused_and_leaves_no_file(meshes, tmp_path, change):
    vertices, triangles = meshes.grid()
    good = {"vertices": vertices, "triangles": triangles, "factors": (2,), "kernel": 5}
    with pytest.raises(UserError):
        build_pyramid(**(good | change), cache=tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_lists_will_do_for_a_mesh(meshes):
    vertices, triangles = meshes.grid(7, 7)
    arrays = build_pyramid(vertices, triangles, (2,), 5, 1, cache=False)
    lists = build_pyramid(vertices.tolist(), triangles.tolist(), (2,), 5, 1, cache=False)
    for one, other in zip(arrays.levels, lists.levels, strict=True):
        np.testing.assert_array_equal(one.spirals, other.spirals)
        np.testing.assert_array_equal(one.triangles, other.triangles)


def test_a_receptive_field_counts_paths_by_hand(meshes):
    vertices, triangles = meshes.grid(7, 7)
    built = build_pyramid(vertices, triangles, (2, 2), 4, 1, cache=False)
    one = receptive_field(built, 0, 10)
    assert one.sum() == one[10] == 1
    first = receptive_field(built, 1, 3)
    kept = built.levels[0].kept
    assert set(np.flatnonzero(first)) == set(built.levels[0].spirals[kept[3]])
    assert first.max() == 1
    # Two steps: every vertex of the outer spiral brings its own inner spiral.
    expected = np.zeros(49)
    for middle in built.levels[1].spirals[built.levels[1].kept[5]]:
        for fine in built.levels[0].spirals[kept[middle]]:
            expected[fine] += 1
    np.testing.assert_array_equal(receptive_field(built, 2, 5), expected)
    assert expected.sum() == 16
    for level, vertex in ((3, 0), (-1, 0), (1, 25), (1, -1)):
        with pytest.raises(UserError, match="no vertex"):
            receptive_field(built, level, vertex)
