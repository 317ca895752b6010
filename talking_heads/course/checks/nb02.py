"""Checks of notebook 02: mel filters, how many features there are, alignment, and lag."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.course.checking import Case, Exercise, Mistake, same_as_package
from talking_heads.course.checks.unit_prediction import UNIT_EXERCISES
from talking_heads.metrics.lips import lagged_correlation

Array = NDArray[Any]

# --- Mel filters -----------------------------------------------------------------------------


def mel_filters(edges: Array, bins: Array) -> Array:
    """Return triangular filters of area 1.

    With the edges of Slaney's scale these are the rows of `talking_heads.speech.mel.mel_filters`.

    Parameters
    ----------
    edges : ndarray
        ``(filter + 2,)`` Hz, rising: filter ``i`` begins at edge ``i``, is highest at edge
        ``i + 1`` and ends at edge ``i + 2``.
    bins : ndarray
        ``(bin,)`` Hz.

    Returns
    -------
    ndarray
        ``(filter, bin)``, in 1 / Hz.
    """
    rising, falling = _slopes(edges, bins)
    return np.asarray(np.maximum(0, np.minimum(rising, falling)) * _heights(edges))


def _heights(edges: Array) -> Array:
    return np.asarray(2 / (edges[2:] - edges[:-2]))[:, None]


def _slopes(edges: Array, bins: Array) -> tuple[Array, Array]:
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return (bins - low) / (middle - low), (high - bins) / (high - middle)


def _triangles(edges: Array, bins: Array) -> Array:
    rising, falling = _slopes(edges, bins)
    return np.asarray(np.maximum(0, np.minimum(rising, falling)))


def _halfway(low: Array, high: Array, bins: Array) -> Array:
    """Return filters that are highest halfway between their ends."""
    ends = zip(low, high, strict=True)
    return np.stack([mel_filters(np.array([u, (u + v) / 2, v]), bins)[0] for u, v in ends])


def _mel_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield Case(
        "three filters", (np.array([100.0, 200, 400, 700, 1000]), np.arange(0.0, 1001.0, 50.0))
    )
    edges = 700 * (np.exp(np.linspace(0, np.log1p(8000 / 700), 22)) - 1)
    yield Case("twenty filters up to 8 kHz", (edges, np.arange(257) * 31.25))
    edges = np.cumsum(rng.uniform(60, 400, 9))
    yield Case("seven filters at odd places", (edges, np.sort(rng.uniform(0, 4000, 200))))
    edges = np.cumsum(rng.uniform(120, 300, 3))
    yield Case("a single filter", (edges, np.arange(0.0, 1000.0, 20.0)))


_MEL_MISTAKES = (
    Mistake(
        "height 1",
        _triangles,
        "Your filters all have height 1, so wide ones let more through. Here each has area 1\n"
        "over frequency: multiply by 2 / (high - low).",
    ),
    Mistake(
        "height 1 / width",
        lambda e, b: _triangles(e, b) * _heights(e) / 2,
        "Your filters have area 1/2: a triangle of height h over a base w has the area h w / 2.\n"
        "So the height is 2 / (high - low).",
    ),
    Mistake(
        "sum 1",
        lambda e, b: _triangles(e, b) / np.maximum(_triangles(e, b).sum(1, keepdims=True), 1e-9),
        "Your filters add up to 1 over the bins, which depends on how dense the bins are. Here\n"
        "the area over frequency in Hz is 1: the height is 2 / (high - low).",
    ),
    Mistake(
        "not cut off at 0",
        lambda e, b: np.minimum(*_slopes(e, b)) * _heights(e),
        "Your filters go below 0 outside their edges. Cut them off: np.maximum(0, ...).",
    ),
    Mistake(
        "larger of the slopes",
        lambda e, b: np.maximum(0, np.maximum(*_slopes(e, b))) * _heights(e),
        "You took the larger of the rising and the falling line, which grows without end. The\n"
        "smaller of the two makes the triangle.",
    ),
    Mistake(
        "rectangles",
        lambda e, b: (_triangles(e, b) > 0) / (e[2:] - e[:-2])[:, None],
        "Your filters are rectangles: they let everything between their edges through alike.\n"
        "They should rise to the middle edge and fall after it.",
    ),
    Mistake(
        "no overlap",
        lambda e, b: _halfway(e[:-2], e[1:-1], b),
        "Your filters go from one edge to the next. They overlap: filter i begins at edge i, is\n"
        "highest at edge i + 1 and ends at edge i + 2.",
    ),
    Mistake(
        "highest halfway",
        lambda e, b: _halfway(e[:-2], e[2:], b),
        "Your filters are highest halfway between their ends. Each is highest at its middle edge,\n"
        "edges[i + 1], and so not symmetrical in Hz.",
    ),
    Mistake(
        "axes swapped",
        lambda e, b: mel_filters(e, b).T,
        "Your answer has the shape (bin, filter). Turn it round: one filter a row.",
    ),
)

# --- Count -----------------------------------------------------------------------------------


def feature_count(samples: int) -> int:
    """Return the package's count of features that HuBERT gives for some samples."""
    from talking_heads.speech.alignment import feature_count as count

    return count(samples)


def _count_cases(rng: np.random.Generator) -> Iterator[Case]:
    known = (64_000, 16_000, 719, 720, 1040, 400, 399, 320, 80, 0)
    drawn = (400 + 320 * int(rng.integers(2, 400)) + extra for extra in (0, 1, 200, 319))
    for samples in (*known, *drawn):
        yield Case(f"{samples:,} samples", (samples,))


_COUNT_MISTAKES = (
    Mistake(
        "one for each step",
        lambda n: n // 320,
        "You counted the steps of 320 samples: 4 s would give 200. The last feature needs its 400\n"
        "samples whole, and the end of the clip lacks 80 of them.",
    ),
    Mistake(
        "one for each step begun",
        lambda n: -(-n // 320),
        "You counted every step of 320 samples that is begun, as if the end were filled up with\n"
        "silence. Nothing is filled up: a feature needs 400 samples.",
    ),
    Mistake(
        "without the first",
        lambda n: max(0, (n - 400) // 320),
        "You counted the steps after the first feature: one is missing. 400 samples give 1.",
    ),
    Mistake(
        "below zero",
        lambda n: (n - 400) // 320 + 1,
        "Right from 80 samples on. With fewer your answer is negative: take max(0, ...).",
    ),
    Mistake(
        "cut towards zero",
        lambda n: max(0, int((n - 400) / 320) + 1),
        "int() cuts -0.2 to 0, so 350 samples give you a feature. Whole-number division, //,\n"
        "rounds down.",
    ),
    Mistake(
        "rounded",
        lambda n: max(0, round((n - 400) / 320) + 1),
        "You rounded to the nearest number. A feature that lacks samples is no feature: //.",
    ),
    Mistake(
        "rounded up",
        lambda n: max(0, -(-(n - 400) // 320) + 1),
        "You rounded up, which counts a last feature that lacks samples. Round down: //.",
    ),
    Mistake(
        "blocks of 400",
        lambda n: n // 400,
        "You cut the sound into blocks of 400 samples. The blocks overlap: each begins 320\n"
        "samples after the one before.",
    ),
    Mistake(
        "steps of 400",
        lambda n: max(0, (n - 320) // 400 + 1),
        "You exchanged the two numbers: a feature sees 400 samples, and they begin 320 apart.",
    ),
    Mistake(
        "one less than the steps",
        lambda n: max(0, n // 320 - 1),
        "For 4 s this is right by chance. With 720 samples there are two features, the second\n"
        "from 320 to 720. Count where features may begin: 0, 320, ... up to samples - 400.",
    ),
)

# --- Alignment -------------------------------------------------------------------------------


def at_middles(features: Array, frames: int, fps: float) -> Array:
    """Return the package's features at the middle of each frame, ``(frames, width)``."""
    import torch

    from talking_heads.speech.alignment import at_middles as package

    return np.asarray(package(torch.from_numpy(features)[None], frames, fps)[0].numpy())


def _middle_cases(rng: np.random.Generator) -> Iterator[Case]:
    four_seconds = np.cumsum(rng.normal(0, 1, (199, 3)), axis=0)
    for frames, fps in ((100, 25.0), (120, 30.0), (240, 60.0)):
        yield Case(f"4 s at {fps:g} frames a second", (four_seconds, frames, fps))
    count = int(rng.integers(20, 60))
    features = rng.normal(0, 1, (count, 2))
    samples = 320 * count + 80
    yield Case("a short clip at 48 frames a second", (features, -(-samples * 48 // 16_000), 48.0))
    yield Case("a single feature", (features[:1], 3, 60.0))


def _read(features: Array, where: Array) -> Array:
    where = np.clip(where, 0, len(features) - 1)
    low = np.floor(where).astype(int)
    high = np.minimum(low + 1, len(features) - 1)
    share = (where - low)[:, None]
    return np.asarray(features[low] * (1 - share) + features[high] * share)


def _places(frames: int, fps: float, feature: float = 200.0, frame: float = 0.5) -> Array:
    """Return where each frame lies among the features."""
    return np.asarray(((np.arange(frames) + frame) * 16_000 / fps - feature) / 320)


def _wrapped(features: Array, frames: int, fps: float) -> Array:
    where = np.minimum(_places(frames, fps), len(features) - 1)
    low = np.floor(where).astype(int)
    high = np.minimum(low + 1, len(features) - 1)
    share = (where - low)[:, None]
    return np.asarray(features[low] * (1 - share) + features[high] * share)


_MIDDLE_MISTAKES = (
    Mistake(
        "ends on ends",
        lambda x, n, fps: _read(x, np.linspace(0, len(x) - 1, n)),
        "You laid the first feature on the first frame and the last on the last, as DiffSpeaker\n"
        "does. Where a frame is read then depends on the clip. Here its own middle decides.",
    ),
    Mistake(
        "starts of frames",
        lambda x, n, fps: _read(x, _places(n, fps, frame=0.0)),
        "You read at the start of each frame, f / fps. Its middle is half a frame later:\n"
        "(f + 1/2) / fps, 20 ms at 25 frames a second.",
    ),
    Mistake(
        "ends of frames",
        lambda x, n, fps: _read(x, _places(n, fps, frame=1.0)),
        "You read at the end of each frame. Its middle is at (f + 1/2) / fps.",
    ),
    Mistake(
        "starts of features",
        lambda x, n, fps: _read(x, _places(n, fps, feature=0.0)),
        "You took feature k to lie at 20 k ms, where its 400 samples begin. Their middle is\n"
        "12.5 ms, 200 samples, later.",
    ),
    Mistake(
        "features of 320 samples",
        lambda x, n, fps: _read(x, _places(n, fps, feature=160.0)),
        "You put the middle of feature k at 20 k + 10 ms. It sees 400 samples, not 320: its\n"
        "middle is at 20 k + 12.5 ms.",
    ),
    Mistake(
        "starts of both",
        lambda x, n, fps: _read(x, _places(n, fps, feature=0.0, frame=0.0)),
        "You matched where frames begin with where features begin. Match their middles:\n"
        "(f + 1/2) / fps seconds, and (320 k + 200) / 16000.",
    ),
    Mistake(
        "middle added twice",
        lambda x, n, fps: _read(x, _places(n, fps, feature=-200.0)),
        "You added the 12.5 ms. Feature k lies at 20 k + 12.5 ms; solve that for k, and they are\n"
        "subtracted.",
    ),
    Mistake(
        "nearest feature",
        lambda x, n, fps: _read(x, np.round(_places(n, fps))),
        "You took the nearest feature, which may lie 10 ms off. Interpolate between the two\n"
        "neighbours.",
    ),
    Mistake(
        "feature before",
        lambda x, n, fps: _read(x, np.floor(_places(n, fps))),
        "You took the last feature before each middle. Interpolate between it and the next.",
    ),
    Mistake(
        "weights swapped",
        lambda x, n, fps: _read(
            x, 2 * np.floor(np.clip(_places(n, fps), 0, len(x) - 1)) + 1
            - np.clip(_places(n, fps), 0, len(x) - 1),
        ),
        "Your weights are swapped: the nearer a feature, the more it should weigh. With the share\n"
        "s after the lower one: (1 - s) times the lower plus s times the upper.",
    ),
    Mistake(
        "last feature for the first frame",
        _wrapped,
        "At 60 frames a second the first middle lies before that of feature 0, and your index is\n"
        "-1: Python takes the last feature. Keep the place within 0 and count - 1.",
    ),
)  # fmt: skip

# --- Lag -------------------------------------------------------------------------------------


def find_lag(true: Array, late: Array, most: int) -> int:
    """Return the lag at which the package's lagged correlation of two curves is highest.

    Parameters
    ----------
    true, late : ndarray
        ``(frame,)``.
    most : int
        Lags from ``-most`` to ``most`` are tried.

    Returns
    -------
    int
        Frames by which the second curve is late; negative: early.
    """
    lags = range(-most, most + 1)
    return max(lags, key=lambda lag: lagged_correlation(true, late, lag))


def _talk(rng: np.random.Generator, frames: int) -> Array:
    """Return a curve that opens and closes like lips, mm."""
    smooth = np.convolve(rng.normal(0, 1, frames + 4), np.hanning(7)[1:-1], "same")[2:-2]
    return np.asarray(4 + 2 * smooth)


def _lag_cases(rng: np.random.Generator) -> Iterator[Case]:
    for name, lag, gain, height in (
        ("lips that are 3 frames late", 3, 1.0, 0.0),
        ("lips that are 2 frames early", -2, 1.0, 0.0),
        ("lips in step that move half as much", 0, 0.5, 1.0),
        ("lips that are 5 frames late and hardly move", 5, 0.2, 0.2),
        ("lips that are 4 frames early and always open", -4, 0.4, 9.0),
        ("lips that are 6 frames early and hardly move", -6, 0.2, 0.2),
    ):
        frames, most = int(rng.integers(60, 90)), 8
        whole = _talk(rng, frames + 2 * most)
        if gain < 0.3:
            # The mouth opens more and more: differences are smallest where little is compared.
            whole = whole + np.linspace(0, 10, len(whole))
        true = whole[most : most + frames]
        moved = whole[most - lag : most - lag + frames]
        noise = 0.1 * gain * rng.normal(0, 1, frames)
        yield Case(name, (true, height + gain * moved + noise, most))
    # As late and as early as can be, in clips so short that frames joined round the end would tell.
    for name, lag in (("lips that are 8 frames late", 8), ("lips that are 8 frames early", -8)):
        whole = 0.5 * _talk(rng, 40) + np.linspace(0, 12, 40)
        yield Case(f"a short clip with {name}", (whole[8:32], whole[8 - lag : 32 - lag], 8))


def _best(score: Any, true: Array, late: Array, most: int) -> int:
    """Return the lag at which ``score`` of the two curves' common part is highest."""

    def of(lag: int) -> float:
        a = true[max(-lag, 0) : len(true) - max(lag, 0)]
        b = late[max(lag, 0) : len(late) - max(-lag, 0)]
        return float(score(a, b))

    return max(range(-most, most + 1), key=of)


_LAG_MISTAKES = (
    Mistake(
        "sign",
        lambda a, b, m: -find_lag(a, b, m),
        "Your sign is turned round: the answer is positive where the second curve is late,\n"
        "so that late[t + lag] looks like true[t].",
    ),
    Mistake(
        "no sign",
        lambda a, b, m: abs(find_lag(a, b, m)),
        "Your answer is never negative: early and late look the same. Keep the sign.",
    ),
    Mistake(
        "late only",
        lambda a, b, m: max(range(m + 1), key=lambda lag: lagged_correlation(a, b, lag)),
        "You tried lags from 0 on. The second curve may be early too: from -most to most.",
    ),
    Mistake(
        "place in the list",
        lambda a, b, m: find_lag(a, b, m) + m,
        "You return the place of the best lag in your list. The list begins at -most, so take\n"
        "most away.",
    ),
    Mistake(
        "milliseconds",
        lambda a, b, m: 40 * find_lag(a, b, m),
        "Your answer is 40 times too large: frames are wanted, not milliseconds.",
    ),
    Mistake(
        "one short",
        lambda a, b, m: find_lag(a, b, m - 1),
        "You did not try all lags: from -most to most, both included.",
    ),
    Mistake(
        "most left out",
        lambda a, b, m: max(range(-m, m), key=lambda lag: lagged_correlation(a, b, lag)),
        "You did not try the lag `most` itself: range(-most, most + 1) ends with it.",
    ),
    Mistake(
        "round the end",
        lambda a, b, m: max(
            range(-m, m + 1), key=lambda lag: lagged_correlation(a, np.roll(b, -lag), 0)
        ),
        "Large lags lose in short clips: np.roll joins the end of a curve to its beginning, and\n"
        "plain products (np.correlate) grow with the common part. Take np.corrcoef of that part.",
    ),
    Mistake(
        "smallest difference",
        lambda a, b, m: _best(lambda x, y: -np.mean((x - y) ** 2), a, b, m),
        "You looked for the smallest difference, and lips that hardly move fool it. Correlation\n"
        "does not mind how large a curve is, nor how high it lies.",
    ),
    Mistake(
        "smallest absolute difference",
        lambda a, b, m: _best(lambda x, y: -np.mean(np.abs(x - y)), a, b, m),
        "You looked for the smallest absolute difference, and lips that hardly move fool it.\n"
        "Correlation does not mind how large a curve is, nor how high it lies.",
    ),
    Mistake(
        "means left in",
        lambda a, b, m: _best(lambda x, y: x @ y, a, b, m),
        "You added up products of the curves as they are. Both are positive, so the lag with the\n"
        "longest common part wins. Take each curve's mean away first, or use np.corrcoef.",
    ),
    Mistake(
        "lowest correlation",
        lambda a, b, m: min(range(-m, m + 1), key=lambda lag: lagged_correlation(a, b, lag)),
        "You return the lag at which the correlation is lowest. Where is it highest?",
    ),
    Mistake(
        "the correlation itself",
        lambda a, b, m: lagged_correlation(a, b, find_lag(a, b, m)),
        "You return the highest correlation. The lag at which it occurs is wanted.",
    ),
)

EXERCISES = (
    Exercise(
        id="02.mel_filters",
        title="Mel filters",
        points=3,
        check=same_as_package(mel_filters, _mel_cases, _MEL_MISTAKES, tolerance=1e-9),
        mistakes=_MEL_MISTAKES,
    ),
    Exercise(
        id="02.feature_count",
        title="How many features",
        points=1,
        check=same_as_package(feature_count, _count_cases, _COUNT_MISTAKES, tolerance=1e-9),
        mistakes=_COUNT_MISTAKES,
    ),
    Exercise(
        id="02.at_middles",
        title="Features at the middle of a frame",
        points=3,
        check=same_as_package(at_middles, _middle_cases, _MIDDLE_MISTAKES, tolerance=1e-6),
        mistakes=_MIDDLE_MISTAKES,
    ),
    *UNIT_EXERCISES,
    Exercise(
        id="02.find_lag",
        title="The lag of a face",
        points=2,
        check=same_as_package(find_lag, _lag_cases, _LAG_MISTAKES, tolerance=1e-9),
        mistakes=_LAG_MISTAKES,
    ),
)
