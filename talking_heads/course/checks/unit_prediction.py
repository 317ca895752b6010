"""Checks of notebook 02's masked prediction and probe: blanks, the loss, and ridge regression."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.course.checking import Case, Exercise, Mistake, same_as_package

Array = NDArray[Any]

# --- Blanks ----------------------------------------------------------------------------------


def blank(begins: Array, length: int) -> NDArray[np.bool_]:
    """Return which frames are blanked.

    The same as `talking_heads.training.pretraining.span_mask`, which draws the beginnings itself.

    Parameters
    ----------
    begins : ndarray of bool
        ``(clip, frame)``: where a stretch begins.
    length : int
        Frames of a stretch, its first included.

    Returns
    -------
    ndarray of bool
        ``(clip, frame)``; stretches may overlap, and the clip's end cuts them.
    """
    masked = np.zeros(begins.shape, dtype=bool)
    for offset in range(min(length, begins.shape[1])):
        masked[:, offset:] |= begins[:, : begins.shape[1] - offset]
    return masked


def _blank_cases(rng: np.random.Generator) -> Iterator[Case]:
    begins = np.zeros((2, 24), dtype=bool)
    begins[0, [2, 16]] = begins[1, 9] = True
    yield Case("three stretches that keep clear of each other", (begins, 4))
    begins = np.zeros((2, 24), dtype=bool)
    begins[0, [3, 6, 20]] = begins[1, [0, 1, 22]] = True
    yield Case("stretches that overlap or meet the end", (begins, 5))
    yield Case("four clips as HuBERT blanks them", (rng.random((4, 150)) < 0.08, 10))
    yield Case("stretches longer than the clip", (rng.random((3, 7)) < 0.3, 12))


def _by_loops(begins: Array, first: int, last: int, wrap: bool = False) -> Array:
    """Blank from ``first`` to before ``last``, counted from each beginning."""
    out = np.zeros(begins.shape, dtype=bool)
    frames = begins.shape[1]
    for clip, start in zip(*np.nonzero(begins), strict=True):
        for frame in range(start + first, start + last):
            if wrap or 0 <= frame < frames:
                out[clip, frame % frames] = True
    return out


def _no_overlap(begins: Array, length: int) -> Array:
    out = np.zeros(begins.shape, dtype=bool)
    for clip in range(len(begins)):
        free = 0
        for start in np.flatnonzero(begins[clip]).tolist():
            if start >= free:
                free = start + length
                out[clip, start:free] = True
    return out


def _counted(begins: Array, length: int) -> Array:
    """Return how many stretches cover each frame."""
    out = np.zeros(begins.shape, dtype=int)
    for clip, start in zip(*np.nonzero(begins), strict=True):
        out[clip, start : start + length] += 1
    return out


def _whole_only(begins: Array, length: int) -> Array:
    kept = begins.copy()
    kept[:, max(begins.shape[1] - length + 1, 0) :] = False
    return blank(kept, length)


_BLANK_MISTAKES = (
    Mistake(
        "beginnings only",
        lambda b, n: b.copy(),
        "You blanked only the frames at which a stretch begins. Each goes on for `length` frames.",
    ),
    Mistake(
        "one too long",
        lambda b, n: _by_loops(b, 0, n + 1),
        "Your stretches are one frame too long: the first frame counts as one of the `length`.",
    ),
    Mistake(
        "one too short",
        lambda b, n: _by_loops(b, 0, n - 1),
        "Your stretches are one frame too short: range(length) goes up to length - 1, and frame\n"
        "start + length - 1 is the last that is blanked.",
    ),
    Mistake(
        "begins one later",
        lambda b, n: _by_loops(b, 1, n + 1),
        "Your stretches begin one frame too late: the frame at which one begins is blanked too.",
    ),
    Mistake(
        "backwards",
        lambda b, n: _by_loops(b, 1 - n, 1),
        "Your stretches end where they should begin: they go on to later frames.",
    ),
    Mistake(
        "round the end",
        lambda b, n: _by_loops(b, 0, n, wrap=True),
        "A stretch at the end goes on at the beginning of the clip, as np.roll does. The clip's\n"
        "end cuts it.",
    ),
    Mistake(
        "into the next clip",
        lambda b, n: blank(b.reshape(1, -1), n).reshape(b.shape),
        "A stretch at the end goes on in the next clip. Each row is a clip of its own.",
    ),
    Mistake(
        "over the clips",
        lambda b, n: blank(b.T, n).T,
        "Your stretches run from clip to clip. Frames are the second axis.",
    ),
    Mistake(
        "overlaps left out",
        _no_overlap,
        "You passed over a stretch that begins within another. It counts too: the blank goes on\n"
        "to its end.",
    ),
    Mistake(
        "overlaps cancel",
        lambda b, n: _counted(b, n) % 2 == 1,
        "Where two stretches overlap, your frames are heard again. Join them by `or`, |=, not by\n"
        "^= or by a switch.",
    ),
    Mistake(
        "counts",
        _counted,
        "You return how many stretches cover a frame. A frame is blanked or not: > 0.",
    ),
    Mistake(
        "heard in place of blanked",
        lambda b, n: ~blank(b, n),
        "Your answer is turned round: True should stand where a frame is blanked.",
    ),
    Mistake(
        "whole stretches only",
        _whole_only,
        "You left out stretches that do not fit before the clip's end. They are cut, not dropped.",
    ),
)

# --- Loss ------------------------------------------------------------------------------------


def masked_loss(scores: Array, units: Array, masked: Array) -> float:
    """Return the package's loss, the mean cross-entropy over masked frames, in nats."""
    import torch

    from talking_heads.training.pretraining import masked_unit_loss

    tensors = [torch.from_numpy(x) for x in (scores, units, masked)]
    return float(masked_unit_loss(tensors[0], tensors[1], tensors[2]))


def _loss_cases(rng: np.random.Generator) -> Iterator[Case]:
    # Unlike numbers of masked frames in the clips, so that each average has its own value.
    for name, shape, scale in (
        ("two clips", (2, 12, 5), 2.0),
        ("three clips of as many frames as units", (3, 7, 7), 1.0),
        ("scores up to some thousands", (2, 9, 4), 1500.0),
    ):
        clips, frames, count = shape
        masked = np.zeros(shape[:2], dtype=bool)
        for clip in range(clips):
            masked[clip, rng.permutation(frames)[: 2 + 2 * clip]] = True
        scores = rng.normal(0, scale, shape)
        yield Case(name, (scores, rng.integers(0, count, shape[:2]), masked))


def _log_softmax(scores: Array, axis: int = -1) -> Array:
    scores = scores - scores.max(axis, keepdims=True)
    return np.asarray(scores - np.log(np.exp(scores).sum(axis, keepdims=True)))


def _each(scores: Array, units: Array, axis: int = -1) -> Array:
    """Return the cross-entropy of every frame."""
    chosen = np.take_along_axis(_log_softmax(scores, axis), units[..., None], -1)
    return np.asarray(-chosen[..., 0])


_LOSS_MISTAKES = (
    Mistake(
        "all frames",
        lambda s, u, m: _each(s, u).mean(),
        "You took the mean over all frames. Those that were heard are easy to name and would\n"
        "drown the others: pick the blanked ones, [masked].",
    ),
    Mistake(
        "heard frames",
        lambda s, u, m: _each(s, u)[~m].mean(),
        "You took the frames that were heard. True marks a blanked frame: [masked], not [~masked].",
    ),
    Mistake(
        "sum",
        lambda s, u, m: _each(s, u)[m].sum(),
        "You added up the blanked frames. Take their mean, so that the loss does not grow with\n"
        "the share of blanks.",
    ),
    Mistake(
        "divided by all frames",
        lambda s, u, m: (_each(s, u) * m).mean(),
        "You divided by the number of all frames, the heard ones included. Divide by the number\n"
        "of blanked ones: masked.sum().",
    ),
    Mistake(
        "mean of the clips",
        lambda s, u, m: np.mean([_each(s, u)[i][m[i]].mean() for i in range(len(s))]),
        "You took a mean for each clip and the mean of these, so that frames of a clip with few\n"
        "blanks weigh more. Take one mean over all blanked frames.",
    ),
    Mistake(
        "softmax over time",
        lambda s, u, m: _each(s, u, axis=1)[m].mean(),
        "Your probabilities add up to 1 over the frames. They should over the units of each\n"
        "frame: the last axis.",
    ),
    Mistake(
        "sign",
        lambda s, u, m: -_each(s, u)[m].mean(),
        "You return the mean logarithm itself, which is negative. The loss is minus that: a sure\n"
        "and right answer costs 0.",
    ),
    Mistake(
        "no softmax",
        lambda s, u, m: -np.take_along_axis(s, u[..., None], -1)[..., 0][m].mean(),
        "You returned the scores themselves with a minus sign. Turn them into probabilities\n"
        "first: exp, divided by the sum over the units; then the logarithm.",
    ),
    Mistake(
        "logarithm of the mean",
        lambda s, u, m: -np.log(np.maximum(np.exp(-_each(s, u))[m].mean(), 1e-300)),
        "You took the mean of the probabilities, and its logarithm. Take the logarithm in each\n"
        "frame, and then the mean.",
    ),
    Mistake(
        "bits",
        lambda s, u, m: _each(s, u)[m].mean() / np.log(2),
        "You took logarithms to the base 2: your loss is in bits. The natural one is wanted,\n"
        "np.log.",
    ),
    Mistake(
        "probability",
        lambda s, u, m: np.exp(-_each(s, u))[m].mean(),
        "You return the mean probability of the right unit. The loss is the mean of its negative\n"
        "logarithm.",
    ),
    Mistake(
        "share right",
        lambda s, u, m: (s.argmax(-1) == u)[m].mean(),
        "You return the share of blanked frames that are named right. The loss is the mean of the\n"
        "negative logarithm of the right unit's probability.",
    ),
    Mistake(
        "largest probability",
        lambda s, u, m: -_log_softmax(s).max(-1)[m].mean(),
        "You used the probability of the likeliest unit. That of the true unit counts.",
    ),
    Mistake(
        "one number a frame",
        lambda s, u, m: _each(s, u)[m],
        "You return one number for each blanked frame. Take their mean.",
    ),
)

# --- Probe -----------------------------------------------------------------------------------


def probe(features: Array, targets: Array, strength: float) -> Array:
    """Fit a linear map with a penalty on its weights.

    On features of mean 0 and deviation 1 this is `talking_heads.training.linear_probe.fit_values`.

    Parameters
    ----------
    features : ndarray
        ``(frame, feature)``.
    targets : ndarray
        ``(frame, out)``.
    strength : float
        Least is the mean over the frames of the squared error of one output, plus this times the
        sum of its squared weights. The offset costs nothing.

    Returns
    -------
    ndarray
        ``(feature + 1, out)``: the weights, and in the last row the offsets.
    """
    return _ridge(features, targets, strength * len(features))


def _ridge(x: Array, y: Array, penalty: float) -> Array:
    """Return weights and free offsets for a sum of squares with a penalty."""
    x_mean, y_mean = x.mean(0), y.mean(0)
    centred = x - x_mean
    weights = np.linalg.solve(
        centred.T @ centred + penalty * np.eye(x.shape[1]), centred.T @ (y - y_mean)
    )
    return np.vstack([weights, y_mean - x_mean @ weights])


def _with_one(x: Array) -> Array:
    return np.hstack([x, np.ones((len(x), 1))])


def _probe_cases(rng: np.random.Generator) -> Iterator[Case]:
    for name, frames, width, out, strength, middle in (
        ("a hundred frames", 100, 6, 2, 0.3, 1.0),
        ("features that lie far from 0", 80, 4, 1, 0.05, 5.0),
        ("hardly more frames than features", 15, 12, 3, 0.1, 0.5),
    ):
        features = rng.normal(0, 1, (frames, width)) * rng.uniform(0.5, 2, width) + middle
        targets = features @ rng.normal(0, 1, (width, out)) + rng.normal(3, 0.5, (frames, out))
        yield Case(name, (features, targets, strength))


def _penalised_offset(x: Array, y: Array, s: float) -> Array:
    one = _with_one(x)
    penalty = s * len(x) * np.eye(one.shape[1])
    return np.asarray(np.linalg.solve(one.T @ one + penalty, one.T @ y))


def _no_offset(x: Array, y: Array, s: float) -> Array:
    return np.asarray(np.linalg.solve(x.T @ x + s * len(x) * np.eye(x.shape[1]), x.T @ y))


def _offset_of_centred(x: Array, y: Array, s: float) -> Array:
    found = probe(x, y, s)
    found[-1] = y.mean(0)
    return found


_PROBE_MISTAKES = (
    Mistake(
        "sum in place of mean",
        lambda x, y, s: _ridge(x, y, s),
        "Your penalty stands beside the sum of the squared errors, so it counts less with more\n"
        "frames. Beside their mean it is strength * frames in the normal equations.",
    ),
    Mistake(
        "no penalty",
        lambda x, y, s: np.linalg.pinv(_with_one(x)) @ y,
        "You left the penalty out: plain least squares. Add strength * frames to the diagonal of\n"
        "X.T @ X, but not at the offset.",
    ),
    Mistake(
        "offset penalised",
        _penalised_offset,
        "You penalised the offset too, which pulls the answer towards 0 where the targets lie far\n"
        "from it. Set the last number on the diagonal of the penalty to 0.",
    ),
    Mistake(
        "no offset",
        _no_offset,
        "Your map has no offset. Add a column of ones to the features, and do not penalise its\n"
        "weight.",
    ),
    Mistake(
        "offset 0",
        lambda x, y, s: np.vstack([_no_offset(x, y, s), np.zeros(y.shape[1])]),
        "Your offset is always 0. Add a column of ones to the features before you solve.",
    ),
    Mistake(
        "offset of centred features",
        _offset_of_centred,
        "Your weights are right and your offset is that of centred features. For the features as\n"
        "they come take x.mean(0) @ weights away from it.",
    ),
    Mistake(
        "offset first",
        lambda x, y, s: np.roll(probe(x, y, s), 1, axis=0),
        "Your offset stands in the first row. It belongs in the last: ones as the last column.",
    ),
    Mistake(
        "squared strength",
        lambda x, y, s: probe(x, y, s**2),
        "You squared the strength of the penalty. It is multiplied with the squared weights as it\n"
        "is.",
    ),
    Mistake(
        "divided by frames",
        lambda x, y, s: _ridge(x, y, s / len(x)),
        "You divided the strength by the number of frames. With the mean of the squared errors\n"
        "it is multiplied: strength * frames in the normal equations.",
    ),
    Mistake(
        "axes swapped",
        lambda x, y, s: probe(x, y, s).T,
        "Your answer has the shape (out, feature + 1). Turn it round, so that features @ weights\n"
        "has the shape (frame, out).",
    ),
    Mistake(
        "predictions",
        lambda x, y, s: _with_one(x) @ probe(x, y, s),
        "You return what the map predicts. The map itself is wanted: (feature + 1, out).",
    ),
)

UNIT_EXERCISES = (
    Exercise(
        id="02.blank",
        title="Blanked stretches",
        points=2,
        check=same_as_package(blank, _blank_cases, _BLANK_MISTAKES, tolerance=1e-9),
        mistakes=_BLANK_MISTAKES,
    ),
    Exercise(
        id="02.masked_loss",
        title="The loss of masked prediction",
        points=3,
        check=same_as_package(masked_loss, _loss_cases, _LOSS_MISTAKES, tolerance=1e-7),
        mistakes=_LOSS_MISTAKES,
    ),
    Exercise(
        id="02.probe",
        title="A linear probe",
        points=3,
        check=same_as_package(probe, _probe_cases, _PROBE_MISTAKES, tolerance=1e-7),
        mistakes=_PROBE_MISTAKES,
    ),
)
