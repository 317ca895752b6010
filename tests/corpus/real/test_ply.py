from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talking_heads.corpus.real.ply import read_ply, write_ply
from talking_heads.errors import UserError

POINTS = np.array([[0, 0, 0], [1, 0, 0.5], [0, 1, -0.25], [1e-3, 2, 3]], np.float32)
FACES = np.array([[0, 1, 2], [2, 1, 3]], np.int32)


@pytest.mark.parametrize("text", [True, False])
def test_written_meshes_come_back(tmp_path: Path, text: bool) -> None:
    write_ply(tmp_path / "a.ply", POINTS, FACES, text=text)
    vertices, triangles = read_ply(tmp_path / "a.ply")
    assert np.array_equal(vertices.astype(np.float32), POINTS)
    assert triangles.dtype == np.int32 and np.array_equal(triangles, FACES)


def _header(kind: str, vertex: str, face: str, counts: tuple[int, int] = (4, 2)) -> bytes:
    return (
        f"ply\nformat {kind} 1.0\ncomment by hand\nelement vertex {counts[0]}\n{vertex}"
        f"element face {counts[1]}\n{face}end_header\n"
    ).encode()


XYZ = "property float x\nproperty float y\nproperty float z\n"
LIST = "property list uchar int vertex_indices\n"


def test_doubles_colours_and_other_names(tmp_path: Path) -> None:
    """As meshio and others write: float64, colours, vertex_index, a flag before the list."""
    head = _header(
        "binary_little_endian",
        XYZ.replace("float", "float64") + "property uint8 red\n",
        "property uchar flag\nproperty list uint8 uint32 vertex_index\n",
    )
    rows = np.zeros(4, [("p", "<f8", 3), ("red", "u1")])
    rows["p"] = POINTS
    faces = np.zeros(2, [("flag", "u1"), ("n", "u1"), ("f", "<u4", 3)])
    faces["n"], faces["f"] = 3, FACES
    (tmp_path / "a.ply").write_bytes(head + rows.tobytes() + faces.tobytes())
    vertices, triangles = read_ply(tmp_path / "a.ply")
    assert np.array_equal(vertices, POINTS) and np.array_equal(triangles, FACES)


def test_big_endian(tmp_path: Path) -> None:
    faces = np.zeros(2, [("n", "u1"), ("f", ">i4", 3)])
    faces["n"], faces["f"] = 3, FACES
    data = _header("binary_big_endian", XYZ, LIST) + POINTS.astype(">f4").tobytes()
    (tmp_path / "a.ply").write_bytes(data + faces.tobytes())
    vertices, triangles = read_ply(tmp_path / "a.ply")
    assert np.array_equal(vertices.astype("f4"), POINTS) and np.array_equal(triangles, FACES)


BODY = "0 0 0\n1 0 0\n0 1 0\n0 0 1\n3 0 1 2\n3 2 1 3\n"
BAD = {
    "empty": b"",
    "no ply": b"obj\n",
    "no end": b"ply\nformat ascii 1.0\n",
    "end without line": b"ply\nformat ascii 1.0\nend_header",
    "no format": _header("ascii", XYZ, LIST).replace(b"format ascii 1.0\n", b"") + BODY.encode(),
    "strange format": _header("zip", XYZ, LIST) + BODY.encode(),
    "strange type": _header("ascii", XYZ.replace("float", "real"), LIST) + BODY.encode(),
    "no faces": b"ply\nformat ascii 1.0\nelement vertex 0\nend_header\n",
    "negative": _header("ascii", XYZ, LIST, (-4, 2)) + BODY.encode(),
    "huge": _header("binary_little_endian", XYZ, LIST, (999_999_999, 2)) + b"\0" * 100,
    "huge without values": _header("ascii", "", LIST, (999_999_999, 2)) + BODY.encode(),
    "too many digits": _header("ascii", XYZ, LIST, (10**12, 2)) + BODY.encode(),
    "cut": _header("ascii", XYZ, LIST) + BODY.encode()[:-4],
    "squares": _header("ascii", XYZ, LIST) + BODY.replace("3 2 1 3", "4 2 1 3").encode(),
    "no numbers": _header("ascii", XYZ, LIST) + BODY.replace("1", "a").encode(),
    "no such vertex": _header("ascii", XYZ, LIST) + BODY.replace("2 1 3", "2 1 4").encode(),
    "below 0": _header("ascii", XYZ, LIST) + BODY.replace("2 1 3", "2 1 -1").encode(),
    "half a vertex": _header("ascii", XYZ, LIST) + BODY.replace("2 1 3", "2 1 1.5").encode(),
    "not finite": _header("ascii", XYZ, LIST) + BODY.replace("1 0 0", "nan 0 0").encode(),
    "no z": _header("ascii", XYZ.replace(" z", " w"), LIST) + BODY.encode(),
    "x is a list": _header("ascii", "property list uchar float x\n" + XYZ[17:], LIST) + b"3 " * 99,
    "faces are numbers": _header("ascii", XYZ, "property int vertex_indices\n") + BODY.encode(),
    "binary squares": _header("binary_little_endian", XYZ, LIST) + b"\0" * 74,
    "binary cut": _header("binary_little_endian", XYZ, LIST) + b"\0" * 73,
    "long header": b"ply\n" + b"comment " * 10_000 + b"\nend_header\n",
}


@pytest.mark.parametrize("what", BAD)
def test_bad_meshes(tmp_path: Path, what: str) -> None:
    (tmp_path / "a.ply").write_bytes(BAD[what])
    with pytest.raises(UserError, match="no mesh of triangles"):
        read_ply(tmp_path / "a.ply")


def test_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.ply"):
        with pytest.raises(UserError, match="Cannot read"):
            read_ply(path)
