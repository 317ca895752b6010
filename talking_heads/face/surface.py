"""The form of the head: solids that melt together, and the points of the face that others need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from talking_heads.face.identity import Identity
from talking_heads.geometry.sdf import Array, capsule, ellipsoid, smooth_max, smooth_min


@dataclass(frozen=True)
class Anchors:
    """Landmarks of one identity in metres; mirrored points are given for the face's left."""

    eye: Array  # centre of the eyeball
    eye_radius: float
    lid_radius: float
    mouth: Array  # middle of the line where the lips meet (z: on the surface without lips)
    mouth_half_width: float
    upper_lip: float  # height of the red of each lip at the midline
    lower_lip: float
    hinge: Array  # axis of the jaw, x = 0
    nose_tip: Array
    chin: Array
    brow: Array  # middle of the left brow
    cheek: Array
    ear: Array


@dataclass(frozen=True)
class HeadSurface:
    """The skin of one identity as a distance function."""

    identity: Identity
    anchors: Anchors
    x_scale: float
    down: float  # scale of heights below the eyes
    up: float

    def y(self, y: float) -> float:
        """Return where a height of the neutral head lies on this one."""
        return y * (self.down if y < 0 else self.up)

    def distance(self, points: Array) -> Array:
        """Return the signed distance of points ``(n, 3)`` from the skin, metres."""
        who, at = self.identity, self.anchors
        p = points.copy()
        p[:, 0] = np.abs(p[:, 0])
        sx = self.x_scale

        def ell(c: tuple[float, float, float], r: tuple[float, float, float]) -> Array:
            center = np.array([c[0] * sx, self.y(c[1]), c[2]])
            return ellipsoid(p, center, np.array([r[0] * sx, r[1], r[2]]))

        def cap(
            a: tuple[float, float, float], b: tuple[float, float, float], ra: float, rb: float
        ) -> Array:
            return capsule(
                p,
                np.array([a[0] * sx, self.y(a[1]), a[2]]),
                np.array([b[0] * sx, self.y(b[1]), b[2]]),
                ra,
                rb,
            )

        jaw, chin, bones = who["jaw_width"], who["chin"], who["cheekbones"]
        fat, ridge, neck = who["cheeks"], who["brow_ridge"], who["neck_width"]
        d = ell((0, 0.030, -0.012), (0.0735, 0.088, 0.096))
        d = smooth_min(d, ell((0, 0.040, 0.024), (0.061, 0.050, 0.0655)), 0.03)
        d = smooth_min(d, ell((0, -0.026, 0.018), (0.0605, 0.079, 0.066)), 0.03)
        # Jaw: from the angle below the ear to the chin.
        gonion = (0.0440 + 0.0085 * jaw, -0.058, 0.004)
        d = smooth_min(
            d, cap(gonion, (0.0110 + 0.004 * jaw, -0.0970, 0.066), 0.0130, 0.0145), 0.036
        )
        d = smooth_min(
            d,
            ell(
                (0, -0.0985 - 0.005 * chin, 0.0640 + 0.0055 * chin),
                (0.0185 + 0.005 * jaw, 0.0165, 0.0270),
            ),
            0.030,
        )
        # Cheekbone with its arch to the ear, and the flesh below.
        d = smooth_min(
            d,
            ell((0.0435 + 0.003 * bones, -0.019, 0.0490 + 0.003 * bones), (0.0178, 0.0150, 0.0220)),
            0.024,
        )
        d = smooth_min(
            d,
            cap((0.0535 + 0.002 * bones, -0.014, 0.043), (0.0625, -0.008, 0.0), 0.008, 0.0075),
            0.032,
        )
        d = smooth_min(
            d,
            ell(
                (0.0362, -0.0455, 0.0445),
                (0.023 + 0.008 * fat, 0.028 + 0.003 * fat, 0.030 + 0.004 * fat),
            ),
            0.03,
        )
        d = smooth_min(d, ell((0, -0.068, 0.0560), (0.0330, 0.0255, 0.0390)), 0.022)
        # Brow ridge, then the socket below it.
        d = smooth_min(
            d,
            cap(
                (0.008, 0.0205, 0.0800 + 0.0025 * ridge),
                (0.043, 0.0225, 0.0630 + 0.002 * ridge),
                0.0095,
                0.0095,
            ),
            0.016,
        )
        socket = ellipsoid(
            p, at.eye + np.array([0.000, -0.001, 0.026]), np.array([0.0185, 0.0115, 0.0180])
        )
        d = smooth_max(d, -socket, 0.014)
        d = smooth_min(d, np.linalg.norm(p - at.eye, axis=1) - at.lid_radius, 0.006)
        d = smooth_min(d, self._nose(p), 0.012)
        # Neck: an oval column that leans forward, broader at its base.
        q = p.copy()
        q[:, 0] /= 1.02 + 0.13 * neck
        column = capsule(
            q, np.array([0, -0.06, -0.022]), np.array([0, -0.23, -0.042]), 0.0490, 0.0610
        )
        d = smooth_min(d, column, 0.030)
        # The two ropes from behind the ear to the pit of the neck.
        rope = cap((0.044, -0.062, -0.024), (0.012, -0.195, 0.014), 0.008, 0.009)
        return smooth_min(d, rope, 0.022)

    def _nose(self, p: Array) -> Array:
        who, at = self.identity, self.anchors
        tip, wide, bridge = at.nose_tip, who["nose_width"], who["nose_bridge"]
        root = np.array([0, 0.012, 0.0790 + 0.0038 * bridge])
        d = capsule(p, root, tip + np.array([0, 0.004, -0.004]), 0.0068, 0.0085)
        # The bridge widens toward the cheeks.
        q = p.copy()
        q[:, 0] /= 1.35
        d = smooth_min(
            d,
            capsule(
                q, root - np.array([0, 0, 0.010]), tip - np.array([0, 0.002, 0.019]), 0.009, 0.0105
            ),
            0.012,
        )
        d = smooth_min(
            d, ellipsoid(p, tip, np.array([0.0092 + 0.001 * wide, 0.0085, 0.0092])), 0.006
        )
        wing = tip + np.array([0.0118 + 0.0032 * wide, -0.0030, -0.0125])
        d = smooth_min(
            d, ellipsoid(p, wing, np.array([0.0058 + 0.0008 * wide, 0.0070, 0.0095])), 0.009
        )
        # The bar between the nostrils; these are pressed into the skin later.
        bar = tip + np.array([[0, -0.006, -0.004], [0, -0.0115, -0.020]])
        return smooth_min(d, capsule(p, bar[0], bar[1], 0.0042, 0.006), 0.006)

    @property
    def nostril(self) -> Array:
        """Middle of the left nostril, metres, ``(3,)``."""
        wide = self.identity["nose_width"]
        return self.anchors.nose_tip + np.array([0.0070 + 0.0014 * wide, -0.0100, -0.0090])


def head_surface(identity: Identity) -> HeadSurface:
    """Return the skin of one identity.

    Parameters
    ----------
    identity : Identity
        Who.

    Returns
    -------
    HeadSurface
        Distance function and anchors; the origin lies midway between the eyes' height and the
        ears, y up, z out of the face, x to the face's left.
    """
    who = identity
    sx = 1.0 + 0.060 * who["head_width"]
    down = 1.0 + 0.060 * who["face_length"]
    up = 1.0 + 0.07 * who["forehead"]
    nose_y = -0.0345 - 0.0045 * who["nose_length"]
    eye = np.array([(0.0315 + 0.0024 * who["eye_spacing"]) * (0.5 + 0.5 * sx), 0.001, 0.0640])
    radius = 0.0136
    mouth_y = -0.0705 * down
    anchors = Anchors(
        eye=eye,
        eye_radius=radius,
        lid_radius=1.13 * radius,
        mouth=np.array([0.0, mouth_y, 0.0955]),
        mouth_half_width=0.0250 * (1.0 + 0.11 * who["mouth_width"]),
        upper_lip=0.0075 * (1.0 + 0.35 * who["lip_fullness"]),
        lower_lip=0.0098 * (1.0 + 0.30 * who["lip_fullness"]),
        hinge=np.array([0.0, -0.018 - 0.003 * who["face_length"], -0.002 - 0.004 * who["chin"]]),
        nose_tip=np.array([0.0, nose_y * down, 0.1068 + 0.0060 * who["nose_depth"]]),
        chin=np.array([0.0, -0.1 * down, 0.09]),
        brow=np.array([eye[0], 0.0245 * up, 0.08]),
        cheek=np.array([0.043 * sx, -0.030 * down, 0.066]),
        ear=np.array([0.0735 * sx, 0.000, -0.010]),
    )
    return HeadSurface(identity, anchors, sx, down, up)


def smoothstep(x: Array, low: float | Array, high: float | Array) -> Array:
    """Return the cubic ramp from 0 at `low` to 1 at `high` (either may be the larger)."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)
