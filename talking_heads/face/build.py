"""Builds a `Face` from an identity and a resolution."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face import palette, parts
from talking_heads.face.barriers import JAW_ASIDE, JAW_FORWARD, lid_barrier, teeth_barrier
from talking_heads.face.correctives import PRODUCTS, corrective_shapes
from talking_heads.face.hair import hair
from talking_heads.face.head import Face
from talking_heads.face.identity import Identity, identity_vector
from talking_heads.face.individual import jaw_habit, personal
from talking_heads.face.lattice import (
    LID_CREASE,
    LID_EDGE,
    MOUTH_BORDER,
    MOUTH_CONTACT,
    MOUTH_LAST,
    Lattice,
    Ring,
    build_lattice,
)
from talking_heads.face.names import ARKIT_INDEX, ARKIT_NAMES
from talking_heads.face.piece import Piece, merge, mirrored
from talking_heads.face.rig import Eye, Joint, Lips
from talking_heads.face.shapes import (
    MouthMap,
    jaw_weight,
    linear_shapes,
    mouth_map,
    seal_weight,
    swing_share,
)
from talking_heads.face.skin import lid_curve, skin_positions
from talking_heads.face.soft import soft_parts
from talking_heads.face.surface import HeadSurface, head_surface, smoothstep

Array = NDArray[Any]
Ints = NDArray[np.int64]

# How much of the lips' narrowing each row of the mouth bag takes part in, front to back.
_BAG_FOLLOWS = (1.0, 1.0, 0.7)
# Cuts of each coarse row and column: near 1,000, 5,000 (VOCASET) and 23,000 (BIWI) vertices.
_CUTS = {"low": (1, 1), "medium": (2, 2), "high": (5, 4)}
RESOLUTIONS: tuple[str, ...] = tuple(_CUTS)
"""1,142, 4,510 and 23,138 vertices of skin; those of ``"low"`` persist in the others."""


@lru_cache(maxsize=24)
def get_face(face_id: str = "neutral@medium") -> Face:
    """Return a head by name; it is built once and kept.

    Parameters
    ----------
    face_id : str
        ``"identity@resolution"``, for example ``"head-03@low"`` or ``"person-7@medium"``; see
        `identity_vector`.

    Returns
    -------
    Face
        Shared: do not change its arrays.

    Raises
    ------
    UserError
        If there is no such identity or resolution.
    """
    identity, at, resolution = str(face_id).partition("@")
    try:
        if not at or resolution not in _CUTS:
            raise UserError(resolution)
        vector = identity_vector(identity)
    except UserError:
        raise UserError(
            f'There is no face "{str(face_id)[:40]}". It is named "identity@resolution":\n'
            'identity "neutral", "head-01" to "head-16", or "person-" with any number;\n'
            f"resolution {', '.join(RESOLUTIONS)}."
        ) from None
    return build_face(resolution, vector, name=identity)


def build_face(
    resolution: str = "medium", identity: Array | None = None, name: str = "neutral"
) -> Face:
    """Build a head.

    Parameters
    ----------
    resolution : str
        One of `RESOLUTIONS`.
    identity : ndarray, optional
        Identity parameters in the order of `IDENTITY_PARAMETERS`; the neutral head if left out.
    name : str
        First half of the face's id.

    Returns
    -------
    Face
        The head at rest.

    Raises
    ------
    UserError
        If the resolution is unknown or the identity has a wrong length.
    """
    if resolution not in _CUTS:
        raise UserError(f"Unknown resolution {resolution!r}; choose {', '.join(RESOLUTIONS)}.")
    who = Identity(identity_vector("neutral") if identity is None else np.asarray(identity))
    surface = head_surface(who)
    lattice = _lattice(*_CUTS[resolution])
    skin = skin_positions(lattice, surface)
    lips_map = mouth_map(skin, surface, lattice.mouth)
    jaw = jaw_weight(skin, lips_map, surface)
    seal = seal_weight(jaw, lips_map, jaw_habit(skin, who).meet)

    hair_tint = palette.hair_color(who)
    pieces, lash_steps = _pieces(surface, lattice, skin, hair_tint)
    pieces["skin"].jaw, pieces["skin"].seal = jaw, seal
    order = ["skin", "brows", *(k for k in pieces if k not in ("skin", "brows"))]
    offsets = np.cumsum([0, *(len(pieces[k].points) for k in order)])
    span = {k: slice(int(a), int(b)) for k, a, b in zip(order, offsets, offsets[1:], strict=False)}
    rest = np.concatenate([pieces[k].points for k in order])
    triangles = np.concatenate(
        [pieces[k].triangles + (0 if k == "mouth" else span[k].start) for k in order]
    ).astype(np.int32)
    colors = np.concatenate([pieces[k].colors for k in order])

    brow_points = pieces["brows"].points
    brow_map = mouth_map(brow_points, surface, None)
    shapes = np.concatenate(
        [
            _soft_shapes(skin, lips_map, jaw, surface),
            _soft_shapes(brow_points, brow_map, np.zeros(len(brow_points)), surface),
        ],
        axis=1,
    )
    bag = span["mouth"]
    extra_shapes = _rigid_shapes(pieces, surface)
    inner = shapes[:, lattice.mouth.at(MOUTH_LAST)]
    first = len(pieces["tongue"].points)
    extra_shapes[:, first : first + 3 * inner.shape[1], 0] += _narrowing(inner, skin, lattice)
    shapes = np.concatenate([shapes, extra_shapes], axis=1)
    shapes[np.abs(shapes) < 2e-6] = 0.0
    soft = shapes.shape[1]

    jaw_all = np.concatenate([pieces[k].jaw for k in order])
    seal_all = np.concatenate([pieces[k].seal for k in order])
    moving = np.flatnonzero((np.abs(jaw_all) > 1e-4) | (np.abs(seal_all) > 1e-4))
    hinge = surface.anchors.hinge[1:].astype(np.float32)
    f32 = np.float32
    joint = Joint(moving, hinge, jaw_all[moving].astype(f32), seal_all[moving].astype(f32))
    lips = _lips(lattice.mouth, bag.start)
    eyes = _eyes(lattice, surface, span, lash_steps, skin)
    share = smoothstep(rest[:, 1], surface.y(-0.172), surface.y(-0.112))
    share = np.where(np.arange(len(rest)) < len(skin), share, 1.0)
    share[span["shirt"]] = 0.0

    rest32 = rest.astype(f32)
    shapes32 = np.ascontiguousarray(shapes.reshape(len(shapes), -1), dtype=f32)
    landmarks = _landmarks(lattice, surface, skin)
    pair = np.concatenate([landmarks["inner_lip_upper"], landmarks["inner_lip_lower"]])
    midline = (
        rest32[pair],
        shapes32.reshape(-1, soft, 3)[:, pair],
        Joint(np.arange(2), hinge, jaw_all[pair].astype(f32), seal_all[pair].astype(f32)),
    )
    digest = hashlib.sha256(triangles.tobytes())
    digest.update(repr([(k, v.start, v.stop) for k, v in span.items()]).encode())
    center = surface.anchors.eye
    face = Face(
        id=f"{name}@{resolution}",
        vertices=rest32,
        triangles=triangles,
        colors=(np.clip(colors, 0, 255) + 0.5).astype(np.uint8),
        parts=span,
        regions=_regions(lattice, skin, surface),
        landmarks=landmarks,
        topology_hash=digest.hexdigest()[:16],
        identity=who.vector,
        eye_centers=np.stack([center, center * [-1, 1, 1]]),
        eye_radius=surface.anchors.eye_radius,
        _soft=soft,
        _shapes=shapes32,
        _jaw=joint,
        _eyes=eyes,
        _lips=lips,
        _head_share=share.astype(f32),
        _pivot=np.array([0.0, surface.y(-0.105), -0.030], dtype=f32),
        _midline=midline,
        _soft_parts=soft_parts(skin, lips_map, surface),
        _teeth=teeth_barrier(skin, lattice.mouth, surface.anchors, pieces["teeth"].points),
    )
    for array in (face.vertices, face.triangles, face.colors, face._shapes):
        array.setflags(write=False)
    return face


@lru_cache(maxsize=4)
def _lattice(down: int, across: int) -> Lattice:
    return build_lattice(down, across)


def _pieces(
    surface: HeadSurface, lattice: Lattice, skin: Array, hair_tint: Array
) -> tuple[dict[str, Piece], Ints]:
    """Return all parts, those that the shapes move first; and the lid steps of the lashes."""
    who, at = surface.identity, surface.anchors
    fine = lattice.size > 2000
    skin_piece = Piece(skin, lattice.triangles, palette.skin_colors(skin, lattice, surface))
    tint = hair_tint * (0.72 if who["hair_shade"] > 0.5 else 0.8)
    brow = parts.brow(surface, tint * (1.0 - 0.2 * who["hair_grey"]))
    tongue, _ = parts.tongue(at)
    pieces = {"skin": skin_piece, "brows": merge(brow, mirrored(brow)), "tongue": tongue}
    first = len(skin) + len(pieces["brows"].points) + len(tongue.points)
    inner = lattice.mouth.at(MOUTH_LAST)
    pieces["mouth"] = parts.mouth_bag(lattice.mouth, skin[inner], inner, first, at)
    pieces["teeth"] = parts.teeth(at)
    ball = parts.eyeball(at, palette.iris_color(who), 28 if fine else 20)
    pieces["eye_left"], pieces["eye_right"] = ball, mirrored(ball)
    pieces["glints"] = parts.glints(at)
    edge = skin[lattice.eye_left.at(LID_EDGE)]
    lash_color = np.minimum(hair_tint * 0.35, 60.0)
    lash, steps = parts.lashes(lattice.eye_left, edge, at, lash_color)
    pieces["lashes"] = merge(lash, mirrored(lash))
    ear = parts.ear(surface, palette.skin_color(who))
    pieces["ears"] = merge(ear, mirrored(ear))
    pieces["hair"] = hair(surface, hair_tint, 80 if fine else 48, 26 if fine else 16)
    pieces["shirt"] = parts.shirt(who, palette.shirt_color(who))
    return pieces, steps


def _soft_shapes(points: Array, where: MouthMap, jaw: Array, surface: HeadSurface) -> Array:
    """Return the linear shapes and behind them the correctives of one person, ``(k, n, 3)``."""
    general = np.concatenate(
        [
            linear_shapes(points, where, jaw, surface),
            corrective_shapes(points, where, surface),
        ]
    )
    names = [*ARKIT_NAMES, *(f"{a}*{b}" for a, b in PRODUCTS)]
    return personal(general, names, points, surface.identity)


def _rigid_shapes(pieces: dict[str, Piece], surface: HeadSurface) -> Array:
    """Return the shapes of tongue, bag and teeth: they go with the jaw, the tongue comes out."""
    names = ("tongue", "mouth", "teeth")
    jaw = np.concatenate([pieces[n].jaw for n in names])
    depth = np.concatenate([pieces[n].points[:, 2] for n in names])
    out = np.zeros((52 + len(PRODUCTS), len(jaw), 3))
    for name, move in (
        ("jawForward", (0, 0, JAW_FORWARD)),
        ("jawLeft", (JAW_ASIDE, 0, -0.0005)),
        ("jawRight", (-JAW_ASIDE, 0, -0.0005)),
    ):
        share = jaw if name == "jawForward" else jaw * swing_share(depth)
        out[ARKIT_INDEX[name]] = np.outer(share, move)
    _, along = parts.tongue(surface.anchors)
    tip = smoothstep(along, 0.15, 1.0)[:, None]
    out[ARKIT_INDEX["tongueOut"], : len(along)] = tip * [0.0, 0.0045, 0.0330]
    out[ARKIT_INDEX["tongueOut"], : len(along)] -= tip**4 * [0.0, 0.0060, 0.0]
    return out


def _narrowing(inner: Array, skin: Array, lattice: Lattice) -> Array:
    """Return how far the rows of the bag move towards the midline with the lips, ``(k, 3 n)``.

    Without it the bag stays as wide as at rest, and comes through the cheeks of a narrow mouth.
    """
    side = np.sign(skin[lattice.mouth.at(MOUTH_LAST), 0])
    inward = np.minimum(inner[:, :, 0] * side, 0.0) * side
    # The jaw moves the bag already; see `_rigid_shapes`.
    inward[[ARKIT_INDEX[name] for name in ("jawForward", "jawLeft", "jawRight")]] = 0.0
    return np.concatenate([share * inward for share in _BAG_FOLLOWS], axis=1)


def _lips(ring: Ring, bag: int) -> Lips:
    steps = len(ring.phase)
    half = steps // 2
    up = np.arange(1, half)
    down = steps - up
    # The first row of the bag goes along, so that it cannot come through the lips.
    rows = np.concatenate([ring.index[1:], bag + np.arange(steps)[None]])
    level = np.concatenate([ring.level[1:], [MOUTH_LAST + 1.0]])
    follow = smoothstep(level, 0.5, float(MOUTH_BORDER) + 1.0)
    contact = int(np.flatnonzero(np.isclose(level, MOUTH_CONTACT))[0])
    red = np.flatnonzero((level > MOUTH_BORDER - 1e-6) & (level <= MOUTH_LAST + 1e-6))
    return Lips(rows[:, up], rows[:, down], contact, follow, slice(int(red[0]), int(red[-1]) + 1))


def _eyes(
    lattice: Lattice, surface: HeadSurface, span: dict[str, slice], lash_steps: Ints, skin: Array
) -> tuple[Eye, Eye]:
    out = []
    lashes = span["lashes"]
    for side, ring in (("Left", lattice.eye_left), ("Right", lattice.eye_right)):
        _, elevation, partner = lid_curve(ring, surface.anchors, surface)
        travel = np.abs(elevation - partner)
        level = ring.level[1:, None]
        # Skin above the crease hardly moves; from the crease to the edge it unrolls.
        share = 0.30 * smoothstep(level, 0.3, float(LID_CREASE)) + 0.70 * np.clip(
            (level - LID_CREASE) / (LID_EDGE - LID_CREASE), 0.0, 1.0
        )
        weight = share * travel
        mirror = 1.0 if side == "Left" else -1.0
        center = surface.anchors.eye * [mirror, 1, 1]
        axis = center[1:].astype(np.float32)
        joints: list[Joint] = []
        for which in ((ring.phase > 0) & (ring.phase < 0.5), ring.phase > 0.5):
            index = ring.index[1:, which].ravel()
            w = weight[:, which].ravel()
            if len(joints) == 0:  # the lashes go with the upper lid
                half = (lashes.stop - lashes.start) // 2
                first = lashes.start + (0 if side == "Left" else half)
                index = np.concatenate([index, first + np.arange(half)])
                w = np.concatenate([w, travel[lash_steps]])
            joints.append(
                Joint(index, axis, w.astype(np.float32), np.zeros(len(w), dtype=np.float32))
            )
        ball = span["eye_left" if side == "Left" else "eye_right"]
        out.append(
            Eye(
                center.astype(np.float32),
                np.arange(ball.start, ball.stop),
                joints[0],
                joints[1],
                side,
                *lid_barrier(skin, ring, center, surface.anchors.lid_radius),
            )
        )
    return out[0], out[1]


def _regions(lattice: Lattice, skin: Array, surface: HeadSurface) -> dict[str, Ints]:
    at, ring = surface.anchors, lattice.mouth
    lips = ring.index[ring.level >= MOUTH_BORDER - 1e-6].ravel()
    x, y, z = np.abs(skin[:, 0]), skin[:, 1], skin[:, 2]
    around = ((x / 0.045) ** 2 + ((y - at.mouth[1] + 0.006) / 0.036) ** 2 < 1) & (z > 0.03)
    around[ring.index[1:].ravel()] = True
    rings = (lattice.eye_left.index[1:], lattice.eye_right.index[1:])
    eyes = np.concatenate([r.ravel() for r in rings])
    upper = (y > at.nose_tip[1] + 0.018) & (y < surface.y(0.075)) & (z > 0.015)
    upper[eyes] = True
    return {
        "lips": np.sort(lips),
        "mouth": np.flatnonzero(around),
        "upper_face": np.flatnonzero(upper & ~around),
        "eyes": np.sort(eyes),
        "skin": np.arange(len(skin)),
    }


def _landmarks(lattice: Lattice, surface: HeadSurface, skin: Array) -> dict[str, Ints]:
    contact = lattice.mouth.at(MOUTH_CONTACT)
    steps = len(contact)

    def chart(row: float, column: float) -> Ints:
        found = np.isclose(lattice.row, row) & np.isclose(lattice.column, column)
        return np.flatnonzero(found)

    middle = [int(chart(float(r), 0.0)[0]) for r in range(9, 16)]
    tip = middle[int(np.argmax(skin[middle, 2]))]
    return {
        "inner_lip_upper": contact[[steps // 4]],
        "inner_lip_lower": contact[[3 * steps // 4]],
        "mouth_corner_left": contact[[0]],
        "mouth_corner_right": contact[[steps // 2]],
        "nose_tip": np.array([tip]),
        "chin": chart(21.0, 0.0),
        "skull": np.concatenate([chart(3.0, 0.0), chart(4.0, 12.0), chart(4.0, -12.0)]),
    }
