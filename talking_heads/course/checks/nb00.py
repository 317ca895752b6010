"""Checks of notebook 00: the lip aperture, and a blendshape model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.course.checking import Case, Exercise, Mistake, same_as_package

Array = NDArray[Any]
_Y = 1


def lip_aperture(vertices: Array, upper: Array, lower: Array) -> Array:
    """Return the lip aperture, as `talking_heads.face.Face.lip_aperture` does.

    Parameters
    ----------
    vertices : ndarray
        ``(frame, vertex, 3)`` metres, y up.
    upper, lower : ndarray of int
        ``(pair,)`` vertices of the inner edges of the lips, one above the other.

    Returns
    -------
    ndarray
        ``(frame,)`` metres: the mean gap over the pairs, 0 where it would be negative.
    """
    return np.maximum(_gap(vertices, upper, lower, _Y).mean(axis=1), 0.0)


def _gap(vertices: Array, upper: Array, lower: Array, axis: int) -> Array:
    return np.asarray(vertices[:, upper, axis] - vertices[:, lower, axis])


def _aperture_cases(rng: np.random.Generator) -> Iterator[Case]:
    from talking_heads.face import ARKIT_INDEX, get_face

    face = get_face("neutral@low")
    upper, lower = face.landmarks["inner_lip_upper"], face.landmarks["inner_lip_lower"]
    weights = rng.uniform(0, 0.4, (6, 52)).astype(np.float32)
    weights[:, ARKIT_INDEX["jawOpen"]] = rng.uniform(0.4, 1.0, 6)
    weights[:, ARKIT_INDEX["mouthClose"]] = 0
    speaking = face.pose(weights)
    yield Case("a head that speaks", (speaking, upper, lower))
    pressed = speaking.copy()
    pressed[::2, lower, 1] = pressed[::2, upper, 1] + rng.uniform(0.001, 0.003)
    yield Case("lips that are pressed into each other", (pressed, upper, lower))
    yield Case("a single frame", (speaking[:1], upper, lower))
    # A mesh that nobody has seen, its landmarks at other numbers and several pairs of them.
    points = rng.normal(0, 0.01, (5, 12, 3))
    numbers = rng.permutation(12)
    pairs = numbers[:3], numbers[3:6]
    points[:, pairs[0], _Y] += 0.05
    points[1::3, pairs[0][0], _Y] -= 0.2  # one pair crosses, so that their mean is below zero
    yield Case("another mesh with three pairs of landmarks", (points, *pairs))


_APERTURE_MISTAKES = (
    Mistake(
        "negative",
        lambda v, u, w: _gap(v, u, w, _Y).mean(1),
        "Your aperture is negative where the lips are pressed together; lips cannot pass each\n"
        "other, so it should be 0 there. np.maximum compares with 0.",
    ),
    Mistake(
        "absolute value",
        lambda v, u, w: np.abs(_gap(v, u, w, _Y).mean(1)),
        "Where the lips are pressed together you report an open mouth: an absolute value turns\n"
        "-2 mm into 2 mm. It should be 0 there.",
    ),
    Mistake(
        "absolute value of each pair",
        lambda v, u, w: np.abs(_gap(v, u, w, _Y)).mean(1),
        "Where a pair of landmarks crosses you count its depth as a gap: no absolute value\n"
        "before the mean. Only the mean is kept from going below 0.",
    ),
    Mistake(
        "each pair at least zero",
        lambda v, u, w: np.maximum(_gap(v, u, w, _Y), 0).mean(1),
        "You kept every pair from going below 0 and took the mean after that.\n"
        "Take the mean over the pairs first, and keep the mean from going below 0.",
    ),
    Mistake(
        "x for y",
        lambda v, u, w: np.maximum(_gap(v, u, w, 0).mean(1), 0),
        "You used x in place of y: x points to the side. y, the height, is index 1.",
    ),
    Mistake(
        "z for y",
        lambda v, u, w: np.maximum(_gap(v, u, w, 2).mean(1), 0),
        "You used z in place of y: z points out of the face. y, the height, is index 1.",
    ),
    Mistake(
        "straight distance",
        lambda v, u, w: np.linalg.norm(v[:, u] - v[:, w], axis=-1).mean(1),
        "You measured the straight distance between the points, depth and side included.\n"
        "It is not 0 when the lips cross. Take the difference of the heights, y, alone.",
    ),
    Mistake(
        "upside down",
        lambda v, u, w: np.maximum(_gap(v, w, u, _Y).mean(1), 0),
        "Your aperture is 0 where the mouth is open: you took lower minus upper.\n"
        "y points up, so the gap is upper minus lower.",
    ),
    Mistake(
        "millimetres",
        lambda v, u, w: 1000 * lip_aperture(v, u, w),
        "It looks as if you returned millimetres: your answer is 1000 times too large.\n"
        "The vertices are in metres, and so is the aperture: leave out the factor.",
    ),
    Mistake(
        "first pair only",
        lambda v, u, w: np.maximum(_gap(v, u[:1], w[:1], _Y).mean(1), 0),
        "You used the first pair of landmarks alone. There may be several: take their mean.",
    ),
    Mistake(
        "sum over the pairs",
        lambda v, u, w: np.maximum(_gap(v, u, w, _Y).sum(1), 0),
        "With three pairs of landmarks your aperture is three times too large:\n"
        "you added the pairs up. Take their mean.",
    ),
    Mistake(
        "mean over the frames",
        lambda v, u, w: np.maximum(_gap(v, u, w, _Y).mean(), 0),
        "You return one number for the whole motion: the mean ran over the frames too.\n"
        "Take it over the pairs alone, axis=1, and keep one number a frame.",
    ),
)


def blend(template: Array, offsets: Array, weights: Array) -> Array:
    """Pose a blendshape model for a sequence: the part of `Face.pose` that is a sum.

    Parameters
    ----------
    template : ndarray
        ``(vertex, 3)`` the face at rest, metres.
    offsets : ndarray
        ``(shape, vertex, 3)`` how far each shape moves each vertex, metres.
    weights : ndarray
        ``(frame, shape)`` coefficients.

    Returns
    -------
    ndarray
        ``(frame, vertex, 3)`` metres.
    """
    return np.asarray(template + np.tensordot(weights, offsets, axes=1))


def straight_shapes() -> tuple[str, ...]:
    """Return the names of shapes of the course head that move along straight lines only."""
    from talking_heads.face import ARKIT_NAMES

    kinds = (
        "jawForward",
        "jawLeft",
        "cheekPuff",
        "jawRight",
        "noseSneer",
        "mouthUpperUp",
        "mouthFrown",
    )
    return tuple(name for name in ARKIT_NAMES if name.startswith(kinds))


def _blend_cases(rng: np.random.Generator) -> Iterator[Case]:
    from talking_heads.face import ARKIT_INDEX, get_face

    face = get_face("neutral@low")
    single = np.zeros((len(straight_shapes()), 52), dtype=np.float32)
    for row, name in enumerate(straight_shapes()):
        single[row, ARKIT_INDEX[name]] = 1
    offsets = face.pose(single) - face.vertices
    weights = rng.uniform(0, 1, (7, len(offsets)))
    yield Case("a head that frowns", (face.vertices, offsets, weights))
    template, moves = rng.normal(0, 0.1, (5, 3)), rng.normal(0, 0.02, (4, 5, 3))
    yield Case("a mesh of five vertices", (template, moves, rng.uniform(0, 1, (3, 4))))
    yield Case("a single frame", (template, moves, rng.uniform(0.1, 1, (1, 4))))
    yield Case("a face at rest", (template, moves, np.zeros((2, 4))))


def _moves(offsets: Array, weights: Array) -> Array:
    return np.asarray(np.tensordot(weights, offsets, axes=1))


def _strongest_only(template: Array, offsets: Array, weights: Array) -> Array:
    index = weights.argmax(axis=1)
    strength = weights[np.arange(len(weights)), index]
    return np.asarray(template + strength[:, None, None] * offsets[index])


def _mean_of_shapes(template: Array, offsets: Array, weights: Array) -> Array:
    total = np.maximum(weights.sum(axis=1), 1e-9)
    return np.asarray(template + _moves(offsets, weights) / total[:, None, None])


_BLEND_MISTAKES = (
    Mistake(
        "face at rest in every frame",
        lambda t, b, w: np.repeat(t[None], len(w), axis=0),
        "Every frame is the face at rest: nothing moves. Add the moves,\n"
        "each shape's offsets times its coefficient.",
    ),
    Mistake(
        "no template",
        lambda t, b, w: _moves(b, w),
        "You return the moves alone, a heap of small numbers around 0.\n"
        "Add the face at rest, template.",
    ),
    Mistake(
        "template once a shape",
        lambda t, b, w: (t + w[:, :, None, None] * b).sum(axis=1),
        "You added the template once for every shape. Sum the moves first,\n"
        "and add the template once.",
    ),
    Mistake(
        "offsets as whole faces",
        lambda t, b, w: t + _moves(b - t, w),
        "You subtracted the template from the offsets. They are moves already,\n"
        "not whole faces: use them as they are.",
    ),
    Mistake(
        "weighted mean",
        _mean_of_shapes,
        "You divided by the sum of the coefficients. A blendshape model is a sum, not a mean:\n"
        "two shapes at 1 both move as far as they go.",
    ),
    Mistake(
        "mean over the shapes",
        lambda t, b, w: t + _moves(b, w) / len(b),
        "You took the mean over the shapes. It is a sum: two shapes at 1 both move as far\n"
        "as they go.",
    ),
    Mistake(
        "strongest shape only",
        _strongest_only,
        "You used one shape a frame, the strongest. All shapes move the face together:\n"
        "sum over them.",
    ),
    Mistake(
        "weights forgotten",
        lambda t, b, w: np.repeat((t + b.sum(axis=0))[None], len(w), axis=0),
        "Every frame has every shape at full strength: multiply each shape by its coefficient.",
    ),
    Mistake(
        "first frame for all",
        lambda t, b, w: np.repeat(blend(t, b, w[:1]), len(w), axis=0),
        "Every frame has the pose of the first one. Use the coefficients of its own row.",
    ),
    Mistake(
        "one frame only",
        lambda t, b, w: blend(t, b, w)[0],
        "You return one pose, (vertex, 3). One for each row of weights is wanted:\n"
        "(frame, vertex, 3).",
    ),
)

EXERCISES = (
    Exercise(
        id="00.lip_aperture",
        title="The gap between the lips",
        points=2,
        check=same_as_package(
            lip_aperture, _aperture_cases, _APERTURE_MISTAKES, tolerance=1e-6, unit="m"
        ),
        mistakes=_APERTURE_MISTAKES,
    ),
    Exercise(
        id="00.blend",
        title="A face from its coefficients",
        points=3,
        check=same_as_package(blend, _blend_cases, _BLEND_MISTAKES, tolerance=1e-6, unit="m"),
        mistakes=_BLEND_MISTAKES,
    ),
)
