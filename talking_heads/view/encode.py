"""Motion for the browser: a mean face, principal components and one row of weights a frame.

Raw vertices would cost 17 MB for ten seconds of the medium face. A speaking face lives near a
space of some 60 dimensions, so the page gets ``vertices(t) = mean + weights(t) @ basis`` and the
browser sums it up, interpolating the weights between two frames. How many components are sent is
decided by the largest error of any vertex in any frame, which is measured and stored. What turns,
the eyes, the lids and the head, is sent as angles (see `talking_heads.view.turning`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face import get_face, motion_vertices
from talking_heads.view.container import pack, unpack
from talking_heads.view.mesh import face_arrays, frame_of
from talking_heads.view.turning import (
    life_arrays,
    turn_eyes,
    turn_heads,
    turning_arrays,
    turning_curves,
    turning_header,
)

if TYPE_CHECKING:
    from talking_heads.face import Face
    from talking_heads.face.motion import Motion

Floats = NDArray[np.float32]

TOLERANCE = 1e-4
"""Largest error of a vertex, in metres, unless the caller wants another."""

_STILL = 5e-6  # metres; a vertex that strays less than this from its mean does not move
_CHUNK = 256  # frames posed at once: 17 MB at the medium resolution
_SMALL = 5e-4  # metres; a component that moves no vertex further is sent with 8 bits
_SAMPLE = 384  # frames that the first basis is computed from
_ROUNDS = 12  # at most so often are the worst frames added to the basis
_BASIS_BYTES = 8_000_000  # the basis never grows beyond this
_LONGEST = 200_000  # frames; over two hours


@dataclass(frozen=True)
class EncodedMotion:
    """A motion ready for the browser.

    Attributes
    ----------
    data : bytes
        Face and motion in the container of `talking_heads.view.container`.
    frames, vertices, moving, components : int
        Frames; vertices of the face; those that move; principal components.
    max_error : float
        Largest distance, in metres, between a vertex as decoded and as posed, over all frames.
    """

    data: bytes
    frames: int
    vertices: int
    moving: int
    components: int
    max_error: float


def encode_motion(
    motion: Motion, face: Face | None = None, *, tolerance: float = TOLERANCE, seed: int = 0
) -> EncodedMotion:
    """Encode a motion as mean, principal components and weights.

    Memory stays bounded for long motions: the basis comes from a sample of the frames, the others
    are projected in chunks, and the frames that fit worst extend the basis until all fit.

    Parameters
    ----------
    motion : Motion
        Of either kind.
    face : Face, optional
        The face that moves; by default the one the motion names.
    tolerance : float, optional
        Largest error of any vertex in metres. Where the basis would exceed 8 MB (noise, as
        from an untrained network) the error may be larger; `EncodedMotion.max_error` tells.
    seed : int
        Of the blinks, gaze and motion of the head that the player can add.

    Raises
    ------
    UserError
        If the motion is empty or longer than 200,000 frames, or does not fit the face.
    """
    face = face if face is not None else get_face(motion.face_id)
    frames = len(motion)
    if frames == 0:
        raise UserError("The motion has no frames, so there is nothing to show.")
    if frames > _LONGEST:
        raise UserError(
            f"The motion has {frames} frames; a player holds {_LONGEST} at most.\n"
            "Show a part of it, or write the numbers with a .npz file."
        )
    source = _Frames(motion, face)
    low, high, sample = _survey(source)
    middle = (low + high) / 2
    reaches = np.linalg.norm(high - low, axis=1) / 2
    active = np.flatnonzero(reaches > _STILL)
    still = float(reaches[reaches <= _STILL].max(initial=0.0))
    mean = middle.astype(np.float32)
    mean[active] = sample[:, active].mean(axis=0)
    centred = (sample[:, active] - mean[active]).reshape(len(sample), -1)
    del sample

    most = max(1, _BASIS_BYTES // max(1, 2 * 3 * len(active)))
    basis = _principal(centred, 0.6 * tolerance, most)
    for _ in range(_ROUNDS):
        steps, scales = _quantise(basis)
        weights, errors, worst = _project(source, mean, active, steps, scales, still)
        # A little is left for the coarser steps below.
        if errors.max() <= 0.97 * tolerance or len(basis) >= most:
            break
        extra = _principal(worst, 0.5 * tolerance, min(most - len(basis), 32))
        basis = _orthonormal(np.concatenate([basis, extra]))

    # Components that move no vertex far are exact enough with 8 bits: half the bytes.
    reach = np.abs(weights).max(axis=0, initial=0) * np.abs(basis).max(axis=1, initial=0)
    basis = basis[np.argsort(-reach, kind="stable")]
    large = int((reach > _SMALL).sum())
    mixed, mixed_scales = _quantise(basis, large)
    again, mixed_errors, _ = _project(source, mean, active, mixed, mixed_scales, still)
    if mixed_errors.max() <= max(tolerance, float(errors.max())):
        steps, scales, weights, errors = mixed, mixed_scales, again, mixed_errors
    else:
        large = len(steps)
    header = {
        "kind": "motion",
        "face": face.id,
        "frame": frame_of(face),
        "fps": float(motion.fps),
        "frames": frames,
        "maxErrorMm": round(float(errors.max()) * 1000, 5),
        "turning": turning_header(face),
    }
    arrays: dict[str, NDArray[Any]] = {
        **face_arrays(face, mean),
        "active": active.astype(np.uint32),
        "coarse": steps[:large],
        "fine": steps[large:].astype(np.int8),
        "scales": scales,
        "weights": weights,
        **source.turning,
        **source.curves,
        **life_arrays(motion, face, seed),
    }
    return EncodedMotion(
        pack(header, arrays),
        frames,
        len(face.vertices),
        len(active),
        len(basis),
        float(errors.max()),
    )


def encode_face(face: Face) -> bytes:
    """Encode a face at rest, without motion, for a head that is posed from the kernel."""
    header = {
        "kind": "face",
        "face": face.id,
        "frame": frame_of(face),
        "fps": 25.0,
        "frames": 1,
        "maxErrorMm": 0.0,
    }
    return pack(header, face_arrays(face, face.vertices))


def encode_pose(face: Face, vertices: Floats) -> bytes:
    """Encode one pose as offsets from rest, only of the vertices that moved (some 10 to 30 kB).

    Parameters
    ----------
    face : Face
        The face at rest.
    vertices : ndarray of float32, shape (vertex, 3)
        The pose in metres.
    """
    return encode_poses([(face, vertices, None)])


def encode_poses(poses: Sequence[tuple[Face, Floats, NDArray[np.uint8] | None]]) -> bytes:
    """Encode one pose of each of several heads, with other colours where they are given.

    Parameters
    ----------
    poses : sequence of (Face, ndarray, ndarray or None)
        The face at rest, the pose in metres ``(vertex, 3)``, colours ``(vertex, 3)`` uint8.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for number, (face, vertices, colors) in enumerate(poses):
        tail = str(number or "")
        offsets = np.asarray(vertices, dtype=np.float32) - face.vertices
        moved = np.flatnonzero(np.abs(offsets).max(axis=1) > _STILL / 2)
        steps, scales = _quantise(offsets[moved].reshape(1, -1))
        index = moved.astype(np.uint16 if len(offsets) <= 65_536 else np.uint32)
        arrays |= {f"index{tail}": index, f"offsets{tail}": steps, f"scales{tail}": scales}
        if colors is not None:
            arrays[f"colors{tail}"] = np.asarray(colors, dtype=np.uint8)
    return pack({"kind": "pose"}, arrays)


def decode_motion(data: bytes) -> Floats:
    """Decode as the browser does; for tests and for measuring.

    Returns
    -------
    ndarray of float32, shape (frame, vertex, 3)
        Metres.
    """
    header, arrays = unpack(data)
    vertices = np.repeat(arrays["mean"][None], header["frames"], axis=0)
    if header["kind"] != "motion":
        return vertices
    rows = np.concatenate([arrays["coarse"], arrays["fine"]]).astype(np.float32)
    basis = rows * arrays["scales"][:, None]
    offsets = arrays["weights"] @ basis
    vertices[:, arrays["active"]] += offsets.reshape(header["frames"], -1, 3)
    turn_eyes(vertices, arrays["eyes"], arrays, header["turning"])
    if not arrays["rotation"].any():
        return vertices
    return turn_heads(vertices, arrays["rotation"], arrays, header["turning"])


def frame_chunks(motion: Motion, face: Face) -> Iterator[tuple[int, Floats]]:
    """Pose a motion piece by piece, so that memory stays bounded.

    Yields
    ------
    (int, ndarray of float32, shape (frame, vertex, 3))
        The first frame of a piece, and at most 256 frames in metres.
    """
    for start in range(0, len(motion), _CHUNK):
        piece = slice(start, start + _CHUNK)
        rotation = motion.head_rotation
        part = replace(
            motion,
            values=motion.values[piece],
            head_rotation=None if rotation is None else rotation[piece],
        )
        yield start, np.asarray(motion_vertices(part, face), dtype=np.float32)


class _Frames:
    """Posed frames in chunks, turned back to straight heads that look ahead with open eyes.

    A short motion is posed once and kept.
    """

    def __init__(self, motion: Motion, face: Face) -> None:
        self.motion = replace(motion, head_rotation=None)
        self.face = face
        self.turning = turning_arrays(face)
        self.curves = turning_curves(motion)
        self._kept = list(self._posed()) if len(motion) <= 2 * _CHUNK else None

    def __len__(self) -> int:
        return len(self.motion)

    def chunks(self) -> Iterator[tuple[int, Floats]]:
        return self._posed() if self._kept is None else iter(self._kept)

    def _posed(self) -> Iterator[tuple[int, Floats]]:
        header = turning_header(self.face)
        for start, chunk in frame_chunks(self.motion, self.face):
            eyes = self.curves["eyes"][start : start + len(chunk)]
            turn_eyes(chunk, eyes, self.turning, header, back=True)
            yield start, chunk


def _survey(source: _Frames) -> tuple[Floats, Floats, Floats]:
    """Return the box of every vertex over all frames, and an even sample of the frames."""
    picks = np.unique(np.linspace(0, len(source) - 1, min(_SAMPLE, len(source))).astype(int))
    low = high = None
    sample = []
    for start, chunk in source.chunks():
        bottom, top = chunk.min(axis=0), chunk.max(axis=0)
        low = bottom if low is None else np.minimum(low, bottom)
        high = top if high is None else np.maximum(high, top)
        here = picks[(picks >= start) & (picks < start + len(chunk))] - start
        sample.append(chunk[here].copy())
    assert low is not None and high is not None
    return low, high, np.concatenate(sample)


def _principal(rows: Floats, tolerance: float, most: int) -> Floats:
    """Return as many principal directions of the rows as hold every vertex to the tolerance.

    Through the Gram matrix, in float64: the directions that decide over a tenth of a millimetre
    carry some 1e-10 of the variance, which float32 would lose.
    """
    count, width = rows.shape
    if width == 0 or count == 0:
        return np.zeros((0, width), dtype=np.float32)
    gram = np.zeros((count, count))
    for start in range(0, width, 4096):
        block = rows[:, start : start + 4096].astype(np.float64)
        gram += block @ block.T
    values, vectors = np.linalg.eigh(gram)
    order = np.argsort(values)[::-1]
    order = order[values[order] > max(values.max(), 0) * 1e-13][:most]
    residual = rows.copy()
    found: list[Floats] = []
    for start in range(0, len(order), 4):
        if _vertex_errors(residual).max() <= tolerance:
            break
        some = order[start : start + 4]
        left = (vectors[:, some] / np.sqrt(values[some])).astype(np.float32)
        # From what is left, not from the rows: so each direction is orthogonal to the earlier
        # ones also where rounding would mix them in.
        directions = _orthonormal(left.T @ residual)
        residual -= (residual @ directions.T) @ directions
        found.append(directions)
    return np.concatenate(found) if found else np.zeros((0, width), dtype=np.float32)


def _vertex_errors(residual: Floats) -> Floats:
    """Return the largest distance of any vertex for each row of flattened offsets."""
    if residual.shape[1] == 0:
        return np.zeros(len(residual), dtype=np.float32)
    points = residual.reshape(len(residual), -1, 3)
    return np.asarray(np.sqrt(np.einsum("fvi,fvi->fv", points, points).max(axis=1)))


def _orthonormal(basis: Floats) -> Floats:
    """Return an orthonormal basis of the same space, the leading rows first."""
    q, r = np.linalg.qr(basis.astype(np.float64).T)
    keep = np.abs(np.diag(r)) > 1e-9
    return np.ascontiguousarray(q[:, keep].T, dtype=np.float32)


def _quantise(rows: Floats, large: int | None = None) -> tuple[NDArray[np.int16], Floats]:
    """Quantise each row with a scale of its own; ``rows ~ steps * scales[:, None]``.

    The first ``large`` rows (by default all) get 16 bits, the others 8.
    """
    peaks = np.abs(rows).max(axis=1, initial=0) if rows.size else np.zeros(len(rows))
    most = np.where(np.arange(len(rows)) < (len(rows) if large is None else large), 32_767, 127)
    scales = np.where(peaks > 0, peaks / most, 1.0).astype(np.float32)
    return np.round(rows / scales[:, None]).astype(np.int16), scales


def _project(
    source: _Frames,
    mean: Floats,
    active: NDArray[np.int64],
    steps: NDArray[np.int16],
    scales: Floats,
    still: float,
) -> tuple[Floats, Floats, Floats]:
    """Return weights (frame, component), errors (frame,) and the residuals that are worst.

    No error is below ``still``, that of the vertices which are not drawn as moving.
    """
    basis = steps.astype(np.float32) * scales[:, None]
    # The rounded rows are not quite orthonormal: solve the small normal equations once.
    gram = basis.astype(np.float64) @ basis.T.astype(np.float64)
    inverse = np.linalg.inv(gram).astype(np.float32) if len(gram) else gram.astype(np.float32)
    weights, errors = [], []
    candidates: list[Floats] = []
    for _, chunk in source.chunks():
        offsets = (chunk[:, active] - mean[active]).reshape(len(chunk), -1)
        part = (offsets @ basis.T) @ inverse
        residual = offsets - part @ basis
        error = _vertex_errors(residual)
        worst = np.argsort(error)[-8:]
        candidates.append(residual[worst])
        weights.append(part.astype(np.float32))
        errors.append(np.maximum(error, still))
    pool = np.concatenate(candidates)
    pool = pool[np.argsort(_vertex_errors(pool))[-64:]]
    return np.concatenate(weights), np.concatenate(errors), pool
