"""`Face`: the mesh of one head and the posing of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face.barriers import TeethBarrier, hold_off_ball, hold_off_teeth
from talking_heads.face.correctives import with_products
from talking_heads.face.names import ARKIT_NAMES
from talking_heads.face.rig import (
    Eye,
    Joint,
    Lips,
    resolve_contact,
    turn_eye,
    turn_head,
    turn_jaw,
)

Floats = NDArray[np.float32]
Array = NDArray[Any]
Ints = NDArray[np.int64]

_UP_LANDMARKS = "skull"


@dataclass(frozen=True, eq=False)
class Face:
    """A head: its mesh at rest and the 52 ARKit shapes.

    Build one with `get_face` or `build_face`.

    Attributes
    ----------
    id : str
        ``"identity@resolution"``.
    vertices : ndarray of float32
        ``(V, 3)`` metres at rest; y up, z out of the face, x to the face's own left.
    triangles : ndarray of int32
        ``(T, 3)``, counter-clockwise seen from outside.
    colors : ndarray of uint8
        ``(V, 3)`` sRGB.
    parts : dict of slice
        The vertices of ``"skin"``, ``"eye_left"``, ``"eye_right"``, ``"teeth"``, ``"tongue"``,
        ``"mouth"``, ``"hair"``, ``"brows"``, ``"lashes"``, ``"ears"``, ``"glints"``, ``"shirt"``.
    regions : dict of ndarray
        Indices of skin vertices: ``"lips"``, ``"mouth"``, ``"upper_face"``, ``"eyes"``,
        ``"skin"``.
    landmarks : dict of ndarray
        Indices of points that all resolutions share: ``"inner_lip_upper"`` and
        ``"inner_lip_lower"`` at the midline, ``"mouth_corner_left"``, ``"mouth_corner_right"``,
        ``"nose_tip"``, ``"chin"``, and ``"skull"``, three points that only turn with the head.
    topology_hash : str
        Hash of triangles and parts: equal for all identities at one resolution.
    identity : ndarray
        Identity parameters, in the order of `IDENTITY_PARAMETERS`.
    eye_centers : ndarray
        ``(2, 3)`` centres of the left and the right eyeball, metres.
    eye_radius : float
        Metres, without the cornea.
    """

    id: str
    vertices: Floats
    triangles: NDArray[np.int32]
    colors: NDArray[np.uint8]
    parts: dict[str, slice]
    regions: dict[str, Ints]
    landmarks: dict[str, Ints]
    topology_hash: str
    identity: NDArray[np.float64]
    eye_centers: Array
    eye_radius: float
    _soft: int = field(repr=False)  # so many vertices, the first ones, take the linear shapes
    _shapes: Floats = field(repr=False)  # (52 + products, soft * 3)
    _jaw: Joint = field(repr=False)
    _eyes: tuple[Eye, Eye] = field(repr=False)
    _lips: Lips = field(repr=False)
    _head_share: Floats = field(repr=False)
    _pivot: Floats = field(repr=False)
    _midline: tuple[Floats, Floats, Joint] = field(repr=False)
    # For each spring of `dynamics.SWAY`: skin vertices and the share of its lag that they take.
    _teeth: TeethBarrier = field(repr=False)
    _soft_parts: tuple[tuple[Ints, Floats], ...] = field(repr=False)

    @property
    def resolution(self) -> str:
        """Name of the resolution."""
        return self.id.partition("@")[2]

    def pose(self, coefficients: Array, head_rotation: Array | None = None) -> Floats:
        """Return the vertices of the head for each frame.

        The order is: linear shapes with correctives, jaw about its hinge, lips in contact and in
        front of the teeth, eyes and lids about the eyeballs, head about the neck.

        Parameters
        ----------
        coefficients : ndarray
            ``(frame, 52)`` or ``(52,)``, in the order of `ARKIT_NAMES`; clipped to 0 to 1.
        head_rotation : ndarray, optional
            ``(frame, 3)`` or ``(3,)`` radians: pitch (positive nods down), yaw (positive turns to
            the face's left), roll (positive lifts its left side).

        Returns
        -------
        ndarray of float32
            ``(frame, V, 3)`` metres.

        Raises
        ------
        UserError
            If the shapes do not fit or a value is not finite.
        """
        c = self._check(coefficients)
        out = self._pose(c)
        # The midline by the same few operations as `aperture`, so that both agree.
        pair = np.concatenate(
            [self.landmarks["inner_lip_upper"], self.landmarks["inner_lip_lower"]]
        )
        heights = self._midline_heights(c)
        crossed = heights[:, :1] < heights[:, 1:]
        out[:, pair, 1] = np.where(crossed, heights.mean(1, keepdims=True), heights)
        if head_rotation is None:
            return out
        return self.turn(out, head_rotation)

    def turn(self, vertices: Array, head_rotation: Array) -> Floats:
        """Turn posed heads about their necks; the trunk stays.

        Parameters
        ----------
        vertices : ndarray
            ``(frame, V, 3)`` metres.
        head_rotation : ndarray
            ``(frame, 3)`` or ``(3,)`` radians, as in `pose`.

        Returns
        -------
        ndarray of float32
            ``(frame, V, 3)`` metres.

        Raises
        ------
        UserError
            If the shapes do not fit or an angle is not finite.
        """
        rotation = np.atleast_2d(np.asarray(head_rotation, dtype=np.float64))
        frames = len(vertices)
        if rotation.shape[1:] != (3,) or len(rotation) not in (1, frames):
            raise UserError(f"head_rotation has shape {rotation.shape}, not {(frames, 3)}.")
        if not np.isfinite(rotation).all():
            raise UserError("head_rotation contains values that are not finite numbers.")
        rotation = np.broadcast_to(rotation, (frames, 3))
        return turn_head(vertices, rotation, self._pivot, self._head_share).astype(np.float32)

    def aperture(self, coefficients: Array) -> Floats:
        """Return the gap between the inner lips at the midline, ``(frame,)`` metres, never < 0.

        Equal to ``lip_aperture(pose(coefficients))`` but computed on two vertices only.
        """
        return np.maximum(self.signed_aperture(coefficients), 0.0)

    def signed_aperture(self, coefficients: Array) -> Floats:
        """Return the gap before the lips are kept from crossing, ``(frame,)`` metres.

        It is negative where the lips press: articulation aims a little below 0 for closures.
        """
        y = self._midline_heights(self._check(coefficients))
        return y[:, 0] - y[:, 1]

    def lip_aperture(self, vertices: Array) -> Floats:
        """Measure the gap between the inner lips at the midline.

        Parameters
        ----------
        vertices : ndarray
            ``(frame, V, 3)`` or ``(V, 3)`` metres; the head may be turned.

        Returns
        -------
        ndarray of float32
            ``(frame,)`` metres along the head's own vertical, never negative.

        Raises
        ------
        UserError
            If the vertices are not those of this face.
        """
        v = np.asarray(vertices)
        v = v[None] if v.ndim == 2 else v
        if v.ndim != 3 or v.shape[1:] != self.vertices.shape:
            raise UserError(
                f"Vertices of {self.id} have shape (frame, {len(self.vertices)}, 3), "
                f"not {np.shape(vertices)}."
            )
        upper = v[:, self.landmarks["inner_lip_upper"][0]]
        lower = v[:, self.landmarks["inner_lip_lower"][0]]
        rest = self.vertices[self.landmarks[_UP_LANDMARKS]]
        now = v[:, self.landmarks[_UP_LANDMARKS]]
        gap = upper - lower
        if np.array_equal(now, np.broadcast_to(rest, now.shape)):
            return np.maximum(gap[:, 1], 0.0).astype(np.float32)
        up = np.einsum("fij,kj,k->fi", _frame(now), _frame(rest[None])[0], [0.0, 1.0, 0.0])
        return np.maximum((gap * up).sum(1), 0.0).astype(np.float32)

    def lip_pairs(self) -> Ints:
        """Return five pairs of vertices on the line on which the lips meet.

        Returns
        -------
        ndarray of int
            ``(2, 5)``: on the upper and on the lower lip, at the middle and at a third and two
            thirds of the way to each corner of the mouth. The same places at all resolutions.
        """
        upper, lower = self._lips.upper[self._lips.contact], self._lips.lower[self._lips.contact]
        across = self.vertices[upper, 0]
        corner = float(self.vertices[self.landmarks["mouth_corner_left"][0], 0])
        places = corner * np.arange(-2, 3) / 3
        nearest = np.abs(across[:, None] - places).argmin(0)
        return np.stack([upper[nearest], lower[nearest]]).astype(np.int64)

    def shape_jacobian(self, region: str = "skin") -> Floats:
        """Return how far each shape moves a region near rest, contact left aside.

        Parameters
        ----------
        region : str
            A key of `regions`.

        Returns
        -------
        ndarray of float32
            ``(52, n * 3)`` metres per unit of coefficient.

        Raises
        ------
        UserError
            If there is no such region.
        """
        if region not in self.regions:
            raise UserError(f"Unknown region {region!r}; there are {', '.join(self.regions)}.")
        return self._slopes(self.regions[region]).astype(np.float32)

    def _slopes(self, index: Ints) -> Array:
        """Return ``(52, n * 3)`` how far each shape moves some vertices, by central differences."""
        step = 1e-2
        ahead = self._pose(step * np.eye(52), contact=False, dtype=np.float64)
        back = self._pose(-step * np.eye(52), contact=False, dtype=np.float64)
        return ((ahead - back)[:, index] / (2 * step)).reshape(52, -1)

    def _check(self, coefficients: Array) -> NDArray[np.float32]:
        try:
            with np.errstate(over="ignore"):  # what becomes infinite is refused below
                c = np.atleast_2d(np.asarray(coefficients, dtype=np.float32))
        except (TypeError, ValueError):
            raise UserError("The coefficients are not an array of numbers (frame, 52).") from None
        if c.ndim != 2 or c.shape[1] != len(ARKIT_NAMES):
            raise UserError(f"Coefficients have shape (frame, 52), not {np.shape(coefficients)}.")
        if not np.isfinite(c).all():
            raise UserError("The coefficients contain values that are not finite numbers.")
        return np.clip(c, 0.0, 1.0)

    def _pose(self, c: Array, contact: bool = True, dtype: type = np.float32) -> Array:
        c = np.asarray(c, dtype=dtype)
        out = np.empty((len(c), *self.vertices.shape), dtype=dtype)
        out[:] = self.vertices
        weights = with_products(c)
        active = np.flatnonzero((weights != 0).any(0))
        if len(active):
            moved = weights[:, active] @ self._shapes[active].astype(dtype, copy=False)
            out[:, : self._soft] += moved.reshape(len(c), self._soft, 3)
        turn_jaw(out, self._jaw, c)
        if contact:
            resolve_contact(out, self._lips)
            hold_off_teeth(out, self._teeth, c)
        for eye in self._eyes:
            if contact:
                hold_off_ball(out, eye)
            turn_eye(out, eye, c)
        return out

    def _midline_heights(self, c: Array) -> Floats:
        """Return the heights of the inner lips at the midline before contact, ``(frame, 2)``."""
        rest, shapes, joint = self._midline
        points = rest + np.einsum("fk,kvi->fvi", with_products(c), shapes)
        turn_jaw(points, joint, c)
        return points[:, :, 1]


def _frame(points: Array) -> Array:
    """Return an orthonormal frame ``(n, 3, 3)`` (columns) of three points ``(n, 3, 3)``."""
    a, b = points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]
    a = a / np.linalg.norm(a, axis=-1, keepdims=True)
    n = np.cross(a, b)
    n = n / np.linalg.norm(n, axis=-1, keepdims=True)
    return np.stack([a, np.cross(n, a), n], -1)
