"""Checks of notebook 03's measures of surfaces: LVE, FDD, MOD and diversity."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.course.checking import Case, Exercise, Mistake, same_as_package
from talking_heads.metrics import diversity, fdd, lve, mod

Array = NDArray[Any]


def speaking_offsets(rng: np.random.Generator, frames: int, count: int = 2) -> list[Array]:
    """Return motions of a low head's skin that babble, ``(frame, V, 3)`` offsets in metres."""
    from talking_heads.face import get_face

    face = get_face("neutral@low")
    skin = face.parts["skin"]
    out = []
    for _ in range(count):
        weights = rng.uniform(0, 0.5, (frames, 52)).astype(np.float32)
        out.append((face.pose(weights) - face.vertices)[:, skin].astype(np.float64))
    return out


def _region(name: str) -> Array:
    from talking_heads.face import get_face

    return get_face("neutral@low").regions[name]


def _lengths(v: Array) -> Array:
    return np.asarray(np.linalg.norm(v, axis=-1))


# --- LVE -------------------------------------------------------------------------------------


def _lve_cases(rng: np.random.Generator) -> Iterator[Case]:
    true, predicted = speaking_offsets(rng, 6)
    yield Case("a head that speaks", (true, predicted, _region("lips")))
    true, predicted = rng.normal(0, 0.01, (2, 9, 12, 3))
    lips = rng.permutation(12)[:5]
    # Off the lips things are worse still, and the lips as a whole lie too low.
    predicted[:, np.setdiff1d(np.arange(12), lips)] += 0.05
    predicted[:, lips, 1] -= 0.01
    yield Case("a small mesh whose cheeks are wrong", (true, predicted, lips))
    yield Case("a single frame", (true[:1], predicted[:1], lips))
    yield Case("a perfect prediction", (true, true.copy(), lips))


def _centred(v: Array, lips: Array) -> Array:
    return np.asarray(v[:, lips] - v[:, lips].mean(1, keepdims=True))


_LVE_MISTAKES = (
    Mistake(
        "squared",
        lambda x, y, n: np.square(x - y)[:, n].sum(2).max(1).mean(),
        "You left the distances squared, as some published programs do: your answer is in square\n"
        "metres. Here a distance is wanted: draw the root before you take the mean.",
    ),
    Mistake(
        "root of the mean",
        lambda x, y, n: np.sqrt(np.square(x - y)[:, n].sum(2).max(1).mean()),
        "You drew the root last, of the mean of the squares, which gives bad frames more weight.\n"
        "Draw it first: turn each vertex's difference into a distance, then max, then mean.",
    ),
    Mistake(
        "mean over the lips",
        lambda x, y, n: _lengths(x - y)[:, n].mean(),
        "You took the mean over the lip vertices. Each frame's error is its worst vertex:\n"
        "the largest distance.",
    ),
    Mistake(
        "all vertices",
        lambda x, y, n: _lengths(x - y).max(1).mean(),
        "You looked at all vertices of the mesh. Pick those of the lips first: [:, lips].",
    ),
    Mistake(
        "worst of all frames",
        lambda x, y, n: _lengths(x - y)[:, n].max(),
        "You took the worst vertex of all frames at once. Take the maximum within each frame,\n"
        "over axis 1 alone, and the mean over the frames.",
    ),
    Mistake(
        "maximum over time",
        lambda x, y, n: _lengths(x - y)[:, n].max(0).mean(),
        "You took the maximum over time and the mean over the vertices: the axes are swapped.\n"
        "Maximum over the lips (axis 1), mean over the frames (axis 0).",
    ),
    Mistake(
        "largest coordinate",
        lambda x, y, n: np.abs(x - y)[:, n].max((1, 2)).mean(),
        "You took the largest difference of a single coordinate. The distance of two points has\n"
        "x, y and z in it: the root of the sum of the three squares.",
    ),
    Mistake(
        "sum of coordinates",
        lambda x, y, n: np.abs(x - y)[:, n].sum(2).max(1).mean(),
        "You added up the differences in x, y and z. The distance of two points is the root of\n"
        "the sum of their squares: np.linalg.norm over the last axis.",
    ),
    Mistake(
        "difference of lengths",
        lambda x, y, n: np.abs(_lengths(x) - _lengths(y))[:, n].max(1).mean(),
        "You subtracted lengths. Subtract the points first, true - predicted, and take the length\n"
        "of that: two points can be far apart and equally far from the origin.",
    ),
    Mistake(
        "mean over time first",
        lambda x, y, n: _lengths(x - y)[:, n].mean(0).max(),
        "You took the mean over the frames first, and then the worst vertex. Each frame may have\n"
        "another worst one: maximum over the lips first, then the mean over the frames.",
    ),
    Mistake(
        "length of a whole frame",
        lambda x, y, n: np.linalg.norm((x - y)[:, n], axis=(1, 2)).mean(),
        "You took the norm over all lip vertices of a frame together, so more vertices mean more\n"
        "error. Take it over x, y and z alone, and then the largest over the vertices.",
    ),
    Mistake(
        "centred",
        lambda x, y, n: _lengths(_centred(x, n) - _centred(y, n)).max(1).mean(),
        "You took away each frame's mean of the lips first. That is MeshTalk's variant;\n"
        "here lips that lie too low as a whole count as wrong.",
    ),
    Mistake(
        "one number a frame",
        lambda x, y, n: _lengths(x - y)[:, n].max(1),
        "You return one number for each frame. Take their mean.",
    ),
)


# --- FDD -------------------------------------------------------------------------------------


def _squares(m: Array, upper: Array) -> Array:
    return np.asarray(np.square(m[:, upper]).sum(2))


def _fdd_cases(rng: np.random.Generator) -> Iterator[Case]:
    lively, other = speaking_offsets(rng, 7)
    upper = _region("upper_face")
    yield Case("a face that moves too little", (lively, 0.6 * other, upper))
    yield Case("a face that moves too much", (0.5 * lively, other, upper))
    true, predicted = rng.normal(0, 0.01, (2, 11, 9, 3))
    predicted[:, :3] *= 3
    numbers = rng.permutation(np.arange(2, 9))[:4]
    yield Case("a small mesh", (true, predicted, numbers))
    yield Case("a face that stands still", (true, np.repeat(predicted[:1], 11, axis=0), numbers))


_FDD_MISTAKES = (
    Mistake(
        "sign",
        lambda x, y, n: _squares(y, n).std(0).mean() - _squares(x, n).std(0).mean(),
        "Your answer has the wrong sign: it is the truth minus the prediction,\n"
        "so that a face that moves too little has a positive FDD.",
    ),
    Mistake(
        "absolute value",
        lambda x, y, n: abs(_squares(x, n).std(0).mean() - _squares(y, n).std(0).mean()),
        "You dropped the sign. That is another measure, fdd_absolute; the published FDD keeps\n"
        "it, and is negative for a face that moves too much.",
    ),
    Mistake(
        "plain norm",
        lambda x, y, n: _lengths(x[:, n]).std(0).mean() - _lengths(y[:, n]).std(0).mean(),
        "You drew the root: you used the length of each offset. The published programs use its\n"
        "square, the sum of x², y² and z².",
    ),
    Mistake(
        "ddof 1",
        lambda x, y, n: _squares(x, n).std(0, ddof=1).mean() - _squares(y, n).std(0, ddof=1).mean(),
        "You divided by the number of frames less one (ddof=1). The published programs divide by\n"
        "the number of frames: NumPy's std without ddof does. (torch.std differs here.)",
    ),
    Mistake(
        "variance",
        lambda x, y, n: _squares(x, n).var(0).mean() - _squares(y, n).var(0).mean(),
        "You used the variance. The standard deviation is its root: std, not var.",
    ),
    Mistake(
        "deviation over the vertices",
        lambda x, y, n: _squares(x, n).std(1).mean() - _squares(y, n).std(1).mean(),
        "Your deviation runs over the vertices of a frame. It should run over time, for each\n"
        "vertex: axis 0. The mean over the vertices comes after it.",
    ),
    Mistake(
        "mean before the deviation",
        lambda x, y, n: _squares(x, n).mean(1).std() - _squares(y, n).mean(1).std(),
        "You took the mean over the vertices first and the deviation of that: a lid that closes\n"
        "while a brow falls cancels out. Deviation of each vertex first, then the mean.",
    ),
    Mistake(
        "deviation over everything",
        lambda x, y, n: _squares(x, n).std() - _squares(y, n).std(),
        "You took one deviation over frames and vertices together. Take it over time, axis 0, for\n"
        "each vertex, and then the mean over the vertices.",
    ),
    Mistake(
        "sum over the vertices",
        lambda x, y, n: _squares(x, n).std(0).sum() - _squares(y, n).std(0).sum(),
        "You added the vertices up, so that a finer mesh has a larger FDD. Take their mean.",
    ),
    Mistake(
        "deviation of the difference",
        lambda x, y, n: (_squares(x, n) - _squares(y, n)).std(0).mean(),
        "You subtracted frame by frame and took the deviation of that, so the moment matters.\n"
        "Compute the truth's number and the prediction's on their own, then subtract.",
    ),
    Mistake(
        "all vertices",
        lambda x, y, n: np.square(x).sum(2).std(0).mean() - np.square(y).sum(2).std(0).mean(),
        "You looked at all vertices of the mesh. Pick those of the upper face first: [:, upper].",
    ),
    Mistake(
        "deviation of the coordinates",
        lambda x, y, n: (
            np.square(x[:, n].std(0)).sum(1).mean() - np.square(y[:, n].std(0)).sum(1).mean()
        ),
        "You took the deviation of x, y and z and squared that. Square and add the coordinates\n"
        "first, then take the deviation over time.",
    ),
    Mistake(
        "one number a vertex",
        lambda x, y, n: _squares(x, n).std(0) - _squares(y, n).std(0),
        "You return one number for each vertex. Take the mean over the vertices.",
    ),
)


# --- MOD -------------------------------------------------------------------------------------


def published_mod(true: Array, predicted: Array, upper: Array, lower: Array) -> float:
    """Return the package's MOD, from positions in place of offsets and a template."""
    nothing = np.zeros(true.shape[1:])
    return mod(true, predicted, np.stack([upper, lower]), nothing)


def _open(v: Array, u: Array, w: Array) -> Array:
    return _lengths(v[:, u] - v[:, w])


def _mod_cases(rng: np.random.Generator) -> Iterator[Case]:
    from talking_heads.face import get_face

    face = get_face("neutral@low")
    true, predicted = (m + face.vertices[face.parts["skin"]] for m in speaking_offsets(rng, 6))
    upper, lower = face.lip_pairs()
    yield Case("a head that speaks", (true, predicted, upper, lower))
    true, predicted = rng.normal(0, 0.01, (2, 9, 12, 3))
    numbers = rng.permutation(12)
    predicted[3:, numbers[0], 2] += 0.03  # wider here, by a lip that comes forward
    true[:, numbers[1], 1] += 0.03  # narrower there
    yield Case("a small mesh with three pairs", (true, predicted, numbers[:3], numbers[3:6]))
    yield Case("a single frame", (true[:1], predicted[:1], numbers[:3], numbers[3:6]))
    moved = true + np.array([0.01, -0.02, 0.03])
    yield Case("a head that stands elsewhere", (true, moved, numbers[:3], numbers[3:6]))


_MOD_MISTAKES = (
    Mistake(
        "no absolute value",
        lambda x, y, u, w: (_open(y, u, w) - _open(x, u, w)).mean(),
        "You left the sign of the differences, so a mouth that is too open in one frame and too\n"
        "closed in another counts as right. Take absolute values before the mean.",
    ),
    Mistake(
        "no absolute value, other sign",
        lambda x, y, u, w: (_open(x, u, w) - _open(y, u, w)).mean(),
        "You left the sign of the differences, true minus predicted: they cancel each other.\n"
        "Take absolute values before the mean.",
    ),
    Mistake(
        "squared",
        lambda x, y, u, w: np.square(_open(y, u, w) - _open(x, u, w)).mean(),
        "You squared the differences of the openings. MOD takes absolute values: it is a length.",
    ),
    Mistake(
        "root of the mean square",
        lambda x, y, u, w: np.sqrt(np.square(_open(y, u, w) - _open(x, u, w)).mean()),
        "You took the root of the mean square of the differences. MOD is the mean of their\n"
        "absolute values.",
    ),
    Mistake(
        "heights only",
        lambda x, y, u, w: np.abs((y[:, u, 1] - y[:, w, 1]) - (x[:, u, 1] - x[:, w, 1])).mean(),
        "You measured the opening in y alone. Here it is the straight distance of the two points,\n"
        "with x, y and z in it.",
    ),
    Mistake(
        "distance of the gaps",
        lambda x, y, u, w: _lengths((y[:, u] - y[:, w]) - (x[:, u] - x[:, w])).mean(),
        "You subtracted the gaps as arrows and took the length of that. Turn each gap into a\n"
        "length first, then subtract the lengths.",
    ),
    Mistake(
        "pairs before the absolute value",
        lambda x, y, u, w: np.abs((_open(y, u, w) - _open(x, u, w)).mean(1)).mean(),
        "You took the mean over the pairs before the absolute value: one corner too open makes up\n"
        "for the other too closed. Absolute values first, then the mean over all.",
    ),
    Mistake(
        "frames before the absolute value",
        lambda x, y, u, w: np.abs((_open(y, u, w) - _open(x, u, w)).mean(0)).mean(),
        "You took the mean over the frames before the absolute value: too open now makes up for\n"
        "too closed later. Absolute values first, then the mean over all.",
    ),
    Mistake(
        "first pair only",
        lambda x, y, u, w: np.abs(_open(y, u[:1], w[:1]) - _open(x, u[:1], w[:1])).mean(),
        "You used the first pair of vertices alone. There may be several: take the mean.",
    ),
    Mistake(
        "sum over the pairs",
        lambda x, y, u, w: np.abs(_open(y, u, w) - _open(x, u, w)).sum(1).mean(),
        "You added the pairs up, so that five pairs give five times the error. Take their mean.",
    ),
    Mistake(
        "largest pair",
        lambda x, y, u, w: np.abs(_open(y, u, w) - _open(x, u, w)).max(1).mean(),
        "You took the worst pair of each frame, as LVE does. MOD is the mean over the pairs.",
    ),
    Mistake(
        "one number a frame",
        lambda x, y, u, w: np.abs(_open(y, u, w) - _open(x, u, w)).mean(1),
        "You return one number for each frame. Take the mean over the frames too.",
    ),
)


# --- Diversity -------------------------------------------------------------------------------


def _pair_distances(p: Array) -> list[Array]:
    return [_lengths(a - b) for a, b in combinations(p, 2)]


def _diversity_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("three answers of a head", (np.stack(speaking_offsets(rng, 5, 3)),))
    several = rng.normal(0, 0.01, (5, 4, 7, 3))
    several[2] += 0.02
    yield Case("five answers on a small mesh", (several,))
    yield Case("two answers", (several[1:3],))
    yield Case("four answers that are all the same", (np.repeat(several[:1], 4, axis=0),))


_DIVERSITY_MISTAKES = (
    Mistake(
        "pairs with itself",
        lambda p: np.mean([_lengths(a - b).mean() for a in p for b in p]),
        "You paired each answer with itself too, at a distance of 0, which pulls the mean down.\n"
        "Use each pair of two different answers once: itertools.combinations(predictions, 2).",
    ),
    Mistake(
        "neighbours only",
        lambda p: _lengths(np.diff(p, axis=0)).mean(),
        "You compared each answer with the next one alone. All pairs are wanted:\n"
        "itertools.combinations(predictions, 2).",
    ),
    Mistake(
        "the first with the others",
        lambda p: _lengths(p[1:] - p[0]).mean(),
        "You compared the first answer with the others alone. All pairs are wanted:\n"
        "itertools.combinations(predictions, 2).",
    ),
    Mistake(
        "distance from the mean",
        lambda p: _lengths(p - p.mean(0)).mean(),
        "You measured how far each answer is from their mean. Measure how far the answers are\n"
        "from each other, pair by pair.",
    ),
    Mistake(
        "deviation",
        lambda p: p.std(0).mean(),
        "You used the standard deviation over the answers. Here it is the mean distance of the\n"
        "vertices over all pairs of answers.",
    ),
    Mistake(
        "squared",
        lambda p: np.mean([np.square(d).mean() for d in _pair_distances(p)]),
        "You left the distances squared: your answer is in square metres. Draw the root of each.",
    ),
    Mistake(
        "single coordinates",
        lambda p: np.mean([np.abs(a - b).mean() for a, b in combinations(p, 2)]),
        "You took the mean over x, y and z too. The distance of two points is the root of the sum\n"
        "of the three squares: np.linalg.norm over the last axis.",
    ),
    Mistake(
        "root of the mean square",
        lambda p: np.mean([np.sqrt(np.square(d).mean()) for d in _pair_distances(p)]),
        "You took the root of the mean square over vertices and frames. Take the distance of each\n"
        "vertex, the root first, and the mean of these.",
    ),
    Mistake(
        "divided by the answers",
        lambda p: sum(d.mean() for d in _pair_distances(p)) / len(p),
        "You added up the pairs and divided by the number of answers. Divide by the number of\n"
        "pairs: four answers have six.",
    ),
    Mistake(
        "one norm over all",
        lambda p: np.mean([np.linalg.norm(a - b) for a, b in combinations(p, 2)]),
        "You took one norm over all frames and vertices of a pair, so longer clips are more\n"
        "diverse. Take the distance of each vertex, and the mean over vertices and frames.",
    ),
    Mistake(
        "sum over the pairs",
        lambda p: sum(d.mean() for d in _pair_distances(p)),
        "You added the pairs up, so that more answers look more diverse. Take their mean.",
    ),
    Mistake(
        "largest pair",
        lambda p: max(d.mean() for d in _pair_distances(p)),
        "You took the two answers that differ most. Take the mean over all pairs.",
    ),
)

VERTEX_EXERCISES = (
    Exercise(
        id="03.lip_vertex_error",
        title="The lip vertex error",
        points=2,
        check=same_as_package(lve, _lve_cases, _LVE_MISTAKES, tolerance=1e-8, unit="m"),
        mistakes=_LVE_MISTAKES,
    ),
    Exercise(
        id="03.dynamics_deviation",
        title="The face dynamics deviation",
        points=3,
        check=same_as_package(fdd, _fdd_cases, _FDD_MISTAKES, tolerance=1e-12, unit="m²"),
        mistakes=_FDD_MISTAKES,
    ),
    Exercise(
        id="03.mouth_difference",
        title="The mouth open difference",
        points=2,
        check=same_as_package(published_mod, _mod_cases, _MOD_MISTAKES, tolerance=1e-8, unit="m"),
        mistakes=_MOD_MISTAKES,
    ),
    Exercise(
        id="03.diversity",
        title="Diversity over seeds",
        points=2,
        check=same_as_package(
            diversity, _diversity_cases, _DIVERSITY_MISTAKES, tolerance=1e-8, unit="m"
        ),
        mistakes=_DIVERSITY_MISTAKES,
    ),
)
