"""PLY files of triangles: the mesh of VOCASET and of BIWI.

Only what these files need is known: one element ``vertex`` and one element ``face`` whose lists all
have three numbers, as text or binary.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from talking_heads.errors import UserError
from talking_heads.files import atomic_write, shown

_MOST_BYTES = 16 * 2**20
_MOST_HEADER = 16_384
_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2",
    "ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}


@dataclass
class _Element:
    name: str
    count: int
    # The name and type of each property; a list is ("", count type, item type).
    properties: list[tuple[str, ...]] = field(default_factory=list)

    def dtype(self, order: str) -> np.dtype[Any]:
        """Return the record of one row, with lists of three."""
        fields: list[tuple[Any, ...]] = []
        for position, entry in enumerate(self.properties):
            name = f"{position}"
            if entry[0] == "list":
                fields += [(f"{name}n", order + entry[2]), (name, order + entry[3], (3,))]
            else:
                fields.append((name, order + entry[2]))
        return np.dtype(fields)


class _Bad(Exception):
    """The file is not such a PLY."""


def read_ply(path: str | Path) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Read a mesh of triangles.

    Parameters
    ----------
    path : str or Path
        A PLY file of at most 16 MB; colours, normals and the like are skipped.

    Returns
    -------
    vertices : ndarray of float64
        ``(V, 3)``.
    triangles : ndarray of int32
        ``(T, 3)``.

    Raises
    ------
    UserError
        If the file cannot be read, is no PLY of triangles, is damaged, or a triangle names a vertex
        that is not there.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"Cannot read {shown(path)}: {error.strerror or error}.") from error
    try:
        if len(data) > _MOST_BYTES:
            raise _Bad(f"it has more than {_MOST_BYTES:,} bytes")
        return _parsed(data)
    except _Bad as error:
        raise UserError(
            f"{shown(path)} is no mesh of triangles that can be read: {error}."
        ) from None


def write_ply(path: str | Path, vertices: ArrayLike, triangles: ArrayLike, *, text: bool) -> None:
    """Write a mesh of triangles, whole or not at all.

    Parameters
    ----------
    path : str or Path
        Its folder must exist.
    vertices : array-like
        ``(V, 3)``, written as float32.
    triangles : array-like
        ``(T, 3)`` whole numbers.
    text : bool
        Whether as text; else binary, little endian.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    points = np.asarray(vertices, "<f4")
    faces = np.asarray(triangles, "<i4")
    kind = "ascii" if text else "binary_little_endian"
    axes = "".join(f"property float {axis}\n" for axis in "xyz")
    header = (
        f"ply\nformat {kind} 1.0\nelement vertex {len(points)}\n{axes}"
        f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    with atomic_write(path) as file:
        file.write(header.encode())
        if text:
            rows = [" ".join(f"{value:.9g}" for value in point) for point in points.tolist()]
            rows += [f"3 {a} {b} {c}" for a, b, c in faces.tolist()]
            file.write(("\n".join(rows) + "\n").encode())
        else:
            file.write(points.tobytes())
            packed = np.empty(len(faces), [("n", "u1"), ("face", "<i4", (3,))])
            packed["n"], packed["face"] = 3, faces
            file.write(packed.tobytes())


def _header(data: bytes) -> tuple[str, list[_Element], int]:
    """Return the byte order ("" for text), the elements, and where the values start."""
    start = data[:_MOST_HEADER]
    end = start.find(b"end_header")
    if not start.startswith(b"ply") or end < 0:
        raise _Bad("it has no header")
    stop = start.find(b"\n", end)
    if stop < 0:
        raise _Bad("its header does not end")
    order = None
    elements: list[_Element] = []
    for line in start[:end].decode("latin1").splitlines()[1:]:
        words = line.split()
        if not words or words[0] in ("comment", "obj_info"):
            continue
        if words[0] == "format" and len(words) == 3 and words[1] in _ORDERS:
            order = _ORDERS[words[1]]
        elif words[0] == "element" and len(words) == 3 and words[2].isascii():
            if not words[2].isdecimal() or len(words[2]) > 9:
                raise _Bad("a count in its header is none")
            elements.append(_Element(words[1], int(words[2])))
        elif words[0] == "property" and elements and _is_property(words[1:]):
            kinds = [_TYPES.get(word, word) for word in words[1:]]
            if kinds[0] == "list":
                elements[-1].properties.append(("list", kinds[3], kinds[1], kinds[2]))
            else:
                elements[-1].properties.append(("", kinds[1], kinds[0]))
        else:
            raise _Bad(f"its header has a line {shown(line)!r:.60}")
    if order is None:
        raise _Bad("its header names no format")
    return order, elements, stop + 1


def _is_property(words: list[str]) -> bool:
    if words[:1] == ["list"]:
        return len(words) == 4 and words[1] in _TYPES and words[2] in _TYPES
    return len(words) == 2 and words[0] in _TYPES


def _parsed(data: bytes) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    order, elements, position = _header(data)
    rows: dict[str, tuple[_Element, Any]] = {}
    numbers = iter(())
    if not order:
        try:
            numbers = np.array(data[position:].split(), dtype=np.float64)  # type: ignore[assignment]
        except ValueError:
            raise _Bad("it holds what is no number") from None
        position = 0
    for element in elements:
        dtype = element.dtype(order or "<")
        if order:
            size = element.count * dtype.itemsize
            table = data[position : position + size]
            if len(table) != size:
                raise _Bad("it ends too early")
            values = np.frombuffer(table, dtype) if size else np.zeros(element.count, dtype)
        else:
            width = sum(4 if entry[0] == "list" else 1 for entry in element.properties)
            size = element.count * width
            part = numbers[position : position + size]  # type: ignore[index]
            if len(part) != size:
                raise _Bad("it ends too early, or not all faces are triangles")
            values = part.reshape(element.count, width)
        position += size
        rows[element.name] = element, values
    if not {"vertex", "face"} <= rows.keys():
        raise _Bad("it lacks vertices or faces")
    return _mesh(*rows["vertex"], *rows["face"])


def _column(element: _Element, values: Any, names: tuple[str, ...]) -> Any:
    """Return a property by one of its names; of a list, the counts as well."""
    place = 0
    for position, entry in enumerate(element.properties):
        is_list = entry[0] == "list"
        if entry[1] in names:
            if values.dtype.names:
                if not is_list:
                    return values[f"{position}"]
                return values[f"{position}n"], values[f"{position}"]
            if not is_list:
                return values[:, place]
            return values[:, place], values[:, place + 1 : place + 4]
        place += 4 if is_list else 1
    raise _Bad(f"it lacks {names[0]}")


def _mesh(
    vertex: _Element, points: Any, face: _Element, faces: Any
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    axes = [_column(vertex, points, (axis,)) for axis in "xyz"]
    if any(isinstance(axis, tuple) for axis in axes):
        raise _Bad("a coordinate is a list")
    for entry in face.properties:
        if entry[0] == "list":
            counts, _ = _column(face, faces, (entry[1],))
            if (counts != 3).any():
                raise _Bad("not all faces are triangles")
    corners = _column(face, faces, ("vertex_indices", "vertex_index"))
    if not isinstance(corners, tuple):
        raise _Bad("its faces are no lists")
    index = corners[1]
    with np.errstate(invalid="ignore"):
        outside = ~((index >= 0) & (index < len(points)) & (index == np.floor(index)))
    if outside.any():
        raise _Bad("a face names a vertex that is not there")
    with np.errstate(invalid="ignore"):
        vertices = np.stack([np.asarray(axis, np.float64) for axis in axes], 1)
    if not np.isfinite(vertices).all():
        raise _Bad("a coordinate is not finite")
    return vertices, np.ascontiguousarray(index, dtype=np.int32)
