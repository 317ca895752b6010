"""How a person's shapes differ from everyone's: no two people smile alike.

A shape of a person is the general one, stronger here and weaker there, and turned a little, by
fields that vary smoothly over the skin. The fields depend continuously on the identity and are 0
for the neutral head. Both lips get the same field where they touch, so that closing works alike
for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from talking_heads.face.identity import IDENTITY_PARAMETERS, Identity
from talking_heads.geometry.sdf import Array

GAIN = 0.20
"""Standard deviation over people and places of the strength of a shape, as a share."""
TURN = 0.20
"""Standard deviation of the turn of its direction, radians, about each axis."""
LENGTH = 0.024
"""Distance in metres over which the correlation of the fields falls to 0.61."""
_UNEVEN = 0.18  # power of the part in which left and right differ
_WAVES = 36
_SHAPES, _JAW = 20, 21  # seeds


@dataclass(frozen=True)
class _Draws:
    waves: Array  # (3, waves)
    phase: Array  # (waves,)
    weights: Array  # (fields, waves, parameters)


@lru_cache(maxsize=4)
def _draws(fields: int, seed: int) -> _Draws:
    rng = np.random.default_rng(seed)
    traits = IDENTITY_PARAMETERS.index("skin_tone")
    return _Draws(
        rng.normal(0.0, 1.0 / LENGTH, (3, _WAVES)),
        rng.uniform(0.0, 2 * np.pi, _WAVES),
        rng.standard_normal((fields, _WAVES, traits)),
    )


def fields(points: Array, who: Identity, count: int, seed: int) -> Array:
    """Return smooth fields over the face that tell a person apart.

    Parameters
    ----------
    points : ndarray
        ``(n, 3)`` places at rest, metres.
    who : Identity
        Whose. The features of the head count, not its colours.
    count : int
        How many.
    seed : int
        Other seeds, other fields.

    Returns
    -------
    ndarray
        ``(count, n)``: over people of about unit variance, 0 for the neutral head.
    """
    draws = _draws(count, seed)
    trait = who.vector[: draws.weights.shape[2]]
    # Of length 0 for the neutral head, below 1 for all: strange heads do not move more strangely.
    trait = trait / np.sqrt(trait @ trait + 1.0)
    waves = np.cos(points @ draws.waves + draws.phase) * np.sqrt(2.0 / _WAVES)
    return np.asarray((draws.weights @ trait) @ waves.T)


def personal(shapes: Array, names: Sequence[str], points: Array, who: Identity) -> Array:
    """Return the shapes as a person makes them.

    Parameters
    ----------
    shapes : ndarray
        ``(k, n, 3)`` displacements.
    names : sequence of str
        Of the shapes. Those of the two sides, told apart by ``Left`` and ``Right``, mirror one
        another but for a small part.
    points : ndarray
        ``(n, 3)`` places at rest, metres.
    who : Identity
        Whose.

    Returns
    -------
    ndarray
        ``(k, n, 3)``.
    """
    base = [name.replace("Left", "").replace("Right", "") for name in names]
    kinds = sorted(set(base))
    kind = np.array([kinds.index(b) for b in base])
    # Per shape four fields (strength, turn about x, y, z), even ones first, then uneven ones.
    here = fields(points, who, 8 * len(kinds), _SHAPES).reshape(len(kinds), 2, 4, -1)
    there = fields(points * [-1.0, 1.0, 1.0], who, 8 * len(kinds), _SHAPES).reshape(
        len(kinds), 2, 4, -1
    )
    # A turn is an axial vector: in a mirror it keeps x and reverses y and z.
    there = there * np.array([1.0, 1.0, -1.0, -1.0])[:, None]
    even = np.where(
        np.array(["Right" in n for n in names])[:, None, None], there[kind, 0], here[kind, 0]
    )
    both = np.array([n == b for n, b in zip(names, base, strict=True)])
    even[both] = ((here[:, 0] + there[:, 0]) / np.sqrt(2.0))[kind[both]]
    mixed = np.sqrt(1.0 - _UNEVEN) * even + np.sqrt(_UNEVEN) * here[kind, 1]
    mixed = np.tanh(0.5 * mixed) * 2.0  # no place moves beyond reason
    axis = np.moveaxis(TURN * mixed[:, 1:], 1, -1)
    # The axis is not cut to unit length: cross twice for a turn that keeps the length well.
    turned = np.cross(axis, shapes)
    turned = shapes + turned + 0.5 * np.cross(axis, turned)
    return np.asarray(turned * (1.0 + GAIN * mixed[:, 0])[..., None])


@dataclass(frozen=True)
class JawHabit:
    """How a person's skin goes with the jaw.

    Attributes
    ----------
    strength : ndarray
        ``(n,)`` factor on the share of the jaw's turn that each place takes, about 1.
    corner : float
        Share of the corner of the mouth.
    upper : float
        Share of the upper lip.
    meet : float
        Share at which mouthClose brings both lips together.
    """

    strength: Array
    corner: float
    upper: float
    meet: float


def jaw_habit(points: Array, who: Identity) -> JawHabit:
    """Return how the skin of a person goes with the jaw; the neutral head's strength is 1."""
    here, there = (np.tanh(fields(points * [s, 1.0, 1.0], who, 1, _JAW)[0]) for s in (1.0, -1.0))
    a, b, c = np.tanh(fields(np.zeros((1, 3)), who, 4, _JAW)[1:, 0])
    # Mostly alike on both sides.
    return JawHabit(
        1.0 + 0.08 * (here + 0.5 * there), 0.42 + 0.09 * a, 0.025 + 0.015 * b, 0.30 + 0.05 * c
    )
