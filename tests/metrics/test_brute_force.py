"""All metrics against versions of plain Python loops, and against the published programs' sums."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from talking_heads.face.names import ARKIT_NAMES, BEAT_NAMES
from talking_heads.metrics import METRICS, measure_clip, measure_spread, summarise_metrics
from talking_heads.metrics.blendshapes import (
    FDD_MASK,
    FDD_PUBLISHED_MASK,
    LBE_MASK,
    LBE_PUBLISHED_MASK,
)

CASES = 40


def dist(p: Any, q: Any) -> float:
    return math.sqrt(sum((float(a) - float(b)) ** 2 for a, b in zip(p, q, strict=True)))


def mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def std(values: list[float]) -> float:
    middle = mean(values)
    return math.sqrt(mean([(v - middle) ** 2 for v in values]))


def largest(x: Any, y: Any, ids: Any) -> list[float]:
    out = []
    for t in range(len(x)):
        best = 0.0
        for v in ids:
            best = max(best, dist(x[t][v], y[t][v]))
        out.append(best)
    return out


def centred(frame: Any, ids: Any) -> dict[int, list[float]]:
    middle = [mean([float(frame[v][k]) for v in set(ids)]) for k in range(3)]
    return {v: [float(frame[v][k]) - middle[k] for k in range(3)] for v in ids}


def meshtalk(x: Any, y: Any, p: Any) -> list[float]:
    out = []
    for t in range(len(x)):
        a, b = centred(x[t], p["lips"]), centred(y[t], p["lips"])
        out.append(max(dist(a[v], b[v]) for v in p["lips"]))
    return out


def opening(x: Any, y: Any, p: Any) -> list[float]:
    out = []
    for t in range(len(x)):
        gaps = []
        for up, low in set(zip(*p["lip_pairs"], strict=True)):
            width = []
            for m in (x, y):
                ends = [[float(p["template"][v][k] + m[t][v][k]) for k in range(3)]
                        for v in (up, low)]  # fmt: skip
                width.append(dist(*ends))
            gaps.append(abs(width[1] - width[0]))
        out.append(mean(gaps))
    return out


def dynamics(m: Any, ids: Any, power: int) -> dict[int, float]:
    return {v: std([dist(frame[v], (0, 0, 0)) ** power for frame in m]) for v in set(ids)}


def fdd(x: Any, y: Any, p: Any, power: int = 2) -> float:
    a, b = (dynamics(m, p["upper_face"], power) for m in (x, y))
    return mean(list(a.values())) - mean(list(b.values()))


def vertexwise(x: Any, y: Any, p: Any) -> float:
    a, b = (dynamics(m, p["upper_face"], 1) for m in (x, y))
    return mean([abs(a[v] - b[v]) for v in a])


def channels(mask: Any, width: int) -> list[int]:
    names = ARKIT_NAMES if width == 52 else BEAT_NAMES
    return [names.index(name) for name in mask]


def coefficients(x: Any, y: Any, mask: Any) -> list[float]:
    own = range(len(x[0])) if mask is None else channels(mask, len(x[0]))
    return [dist([a[c] for c in own], [b[c] for c in own]) for a, b in zip(x, y, strict=True)]


def shapes_fdd(x: Any, y: Any, mask: Any) -> float:
    own = channels(mask, len(x[0]))
    a, b = (std([math.fsum(float(f[c]) ** 2 for c in own) for f in m]) for m in (x, y))
    return a - b


def pairs(motions: Any, ids: Any = None) -> float:
    values = []
    for i in range(len(motions)):
        for j in range(i):
            gaps = []
            for a, b in zip(motions[i], motions[j], strict=True):
                if np.ndim(a) == 1:
                    gaps.append(dist(a, b))
                else:
                    gaps.extend(dist(a[v], b[v]) for v in (range(len(a)) if ids is None else ids))
            values.append(mean(gaps))
    return mean(values)


# What each metric is for one clip: a list of what is pooled over frames, or one number.
CLIP: dict[str, Callable[..., Any]] = {
    "lve": lambda x, y, p: largest(x, y, p["lips"]),
    "lve_squared_pooled": lambda x, y, p: [d * d for d in largest(x, y, p["lips"])],
    "lve_squared_clips": lambda x, y, p: mean([d * d for d in largest(x, y, p["lips"])]),
    "lve_meshtalk": meshtalk,
    "eve": lambda x, y, p: largest(x, y, p["upper_face"]),
    "mve": lambda x, y, p: [
        mean([dist(x[t][v], y[t][v]) for v in range(len(x[t]))]) for t in range(len(x))
    ],
    "mod": lambda x, y, p: mean(opening(x, y, p)),
    "fdd": fdd,
    "fdd_absolute": lambda x, y, p: abs(fdd(x, y, p)),
    "fdd_norm": lambda x, y, p: fdd(x, y, p, 1),
    "fdd_vertexwise": vertexwise,
    "mbe": lambda x, y, p: mean(coefficients(x, y, None)),
    "lbe": lambda x, y, p: mean(coefficients(x, y, LBE_MASK)),
    "lbe_published": lambda x, y, p: mean(coefficients(x, y, LBE_PUBLISHED_MASK)),
    "fdd_blendshapes": lambda x, y, p: shapes_fdd(x, y, FDD_MASK),
    "fdd_blendshapes_absolute": lambda x, y, p: abs(shapes_fdd(x, y, FDD_MASK)),
    "fdd_blendshapes_published": lambda x, y, p: shapes_fdd(x, y, FDD_PUBLISHED_MASK),
}
SPREAD: dict[str, Callable[..., float]] = {
    "diversity": lambda m, p: pairs(m),
    "diversity_lips": lambda m, p: pairs(m, set(p["lips"])),
    "diversity_upper_face": lambda m, p: pairs(m, set(p["upper_face"])),
    "diversity_blendshapes": lambda m, p: pairs(m),
    "diversity_styles": lambda m, p: pairs(m),
    "diversity_styles_blendshapes": lambda m, p: pairs(m),
}


def world(seed: int) -> tuple[np.random.Generator, dict[str, Any], list[tuple[Any, list[Any]]]]:
    """Return regions (with doubled ids) and clips of different lengths: a truth and 3 seeds."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(6, 12))
    parts = {
        "lips": rng.integers(0, size, 5).tolist(),
        "upper_face": rng.integers(0, size, 6).tolist(),
        "lip_pairs": rng.integers(0, size, (2, 3)).tolist(),
        "template": rng.normal(size=(size, 3)),
    }
    clips = []
    for _ in range(3):
        shape = (int(rng.integers(1, 7)), size, 3)
        true = rng.normal(size=shape)
        clips.append((true, [true + 0.3 * rng.normal(size=shape) for _ in range(3)]))
    return rng, parts, clips


def flat(seed: int, width: int) -> list[tuple[Any, list[Any]]]:
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(3):
        shape = (int(rng.integers(1, 7)), width)
        out.append((rng.uniform(size=shape), [rng.uniform(size=shape) for _ in range(3)]))
    return out


def expected(name: str, clips: Any, parts: Any) -> float:
    """Combine over clips and seeds by loops: pooled over frames, or mean of clips of seeds."""
    if name in SPREAD:
        return mean([SPREAD[name](made, parts) for _, made in clips])
    values = [[CLIP[name](true, one, parts) for one in made] for true, made in clips]
    if isinstance(values[0][0], list):
        return mean([v for own in values for series in own for v in series])
    return mean([mean(own) for own in values])


def test_every_metric_has_a_brute_force_version() -> None:
    assert CLIP.keys() | SPREAD.keys() == METRICS.keys()
    for name, metric in METRICS.items():
        assert metric.name == name
        assert (metric.row is None) == (name in SPREAD) == (metric.spread is not None)


@pytest.mark.parametrize("seed", range(CASES))
def test_all_metrics_equal_plain_loops(seed: int) -> None:
    _, parts, clips = world(seed)
    flats = flat(seed, 52 if seed % 2 else 51)
    found: dict[str, Any] = {}
    for data, known in ((clips, parts), (flats, {})):
        rows = [[measure_clip(true, one, **known) for one in made] for true, made in data]
        found |= summarise_metrics(rows, draws=2)
        regions = {k: known[k] for k in ("lips", "upper_face") if k in known}
        for over in ("seeds", "styles"):
            found |= summarise_metrics(
                [[measure_spread(made, over=over, **regions)] for _, made in data],  # type: ignore[arg-type]
                draws=2,
            )
    assert found.keys() == METRICS.keys()
    for name, entry in found.items():
        shapes = METRICS[name].kind == "coefficients"
        wanted = expected(name, flats if shapes else clips, parts)
        # Signed sums cancel, so the tolerance is that of their terms, which are about 1.
        assert entry["value"] == pytest.approx(wanted, rel=1e-12, abs=1e-13), name


def test_codetalkers_program() -> None:
    """Places and templates as on disk; everything stacked over clips before the mean."""
    rng = np.random.default_rng(1)
    lips, upper = np.array([3, 4, 4, 9, 11]), np.array([0, 1, 2, 2, 5])
    template = rng.normal(size=(12, 3))
    stacked, deviations, rows = [], [], []
    for frames in (4, 9, 30):
        gt = template + 0.1 * rng.normal(size=(frames, 12, 3))
        made = gt + 0.05 * rng.normal(size=gt.shape)
        stacked.append((gt[:, lips] - made[:, lips]) ** 2)
        spread = [
            ((v - template)[:, np.unique(upper)] ** 2).sum(-1).std(axis=0).mean()
            for v in (gt, made)
        ]
        deviations.append(spread[0] - spread[1])
        rows.append([measure_clip(gt - template, made - template, lips=lips, upper_face=upper)])
    out = summarise_metrics(rows)
    published = np.concatenate(stacked).sum(axis=2).max(axis=1).mean()
    assert out["lve_squared_pooled"]["value"] == pytest.approx(published, rel=1e-12)
    assert out["fdd"]["value"] == pytest.approx(np.mean(deviations), rel=1e-12, abs=1e-15)
    assert out["fdd_absolute"]["value"] == pytest.approx(np.mean(np.abs(deviations)), rel=1e-12)


def test_diffspeakers_program() -> None:
    """Per clip the mean over frames and styles; then the clips' plain mean, whatever its length."""
    rng = np.random.default_rng(2)
    lips = [0, 2, 2, 3]
    values, lengths, rows = [], [], []
    for frames in (3, 50):
        gt = rng.normal(size=(frames, 6, 3))
        styles = gt + rng.normal(size=(8, *gt.shape))
        values.append(((styles - gt)[:, :, lips] ** 2).sum(-1).max(-1).mean(-1).mean())
        lengths.append(frames)
        rows.append([measure_clip(gt, one, lips=lips) for one in styles])
    out = summarise_metrics(rows)
    weighted = np.dot(values, lengths) / np.sum(lengths)
    assert out["lve_squared_clips"]["value"] == pytest.approx(np.mean(values), rel=1e-12)
    assert out["lve_squared_pooled"]["value"] == pytest.approx(weighted, rel=1e-12)
    assert abs(np.mean(values) / weighted - 1) > 0.01


def test_facediffusers_program_for_beat() -> None:
    """Masks as numbers of the 51 alphabetical columns."""
    rng = np.random.default_rng(3)
    mouth = [23, 25, 27, 28, 31, 37, 39, 40, 41, 42, 47, 48]
    upper = [*range(8, 22), 49, 50]
    order = [ARKIT_NAMES.index(name) for name in BEAT_NAMES]
    totals = np.zeros(3)
    rows: dict[int, list[Any]] = {51: [], 52: []}
    for frames in (300, 300, 12):
        gt, made = rng.uniform(size=(2, frames, 52))
        a, b = gt[:, order], made[:, order]
        totals += [
            np.linalg.norm(a - b, axis=1).mean(),
            np.linalg.norm(a[:, mouth] - b[:, mouth], axis=1).mean(),
            (a[:, upper] ** 2).sum(1).std() - (b[:, upper] ** 2).sum(1).std(),
        ]
        rows[51].append([measure_clip(a, b)])
        rows[52].append([measure_clip(gt, made)])
    names = ("mbe", "lbe_published", "fdd_blendshapes_published")
    for width, own in rows.items():
        out = summarise_metrics(own)
        for name, total in zip(names, totals / 3, strict=True):
            same = out[name]["value"] == pytest.approx(total, rel=1e-12, abs=1e-15)
            # Only the mean over all channels knows the tongue.
            assert bool(same) is (width == 51 or name != "mbe"), (width, name)
