"""All metrics of motions by name: what each measures, in which unit, and how clips combine.

A metric turns one clip into a row of two numbers, a numerator and a denominator. Rows combine in
one of two ways. ``"pooled"``: all numerators are added, all denominators, and one divided by the
other, so a long clip weighs more. ``"mean of clips"``: each row is divided first, so all clips
weigh the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from talking_heads.metrics import blendshapes, distances, dynamics
from talking_heads.metrics.arrays import Array, Doubles
from talking_heads.metrics.spread import diversity

Row = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Parts:
    """What is known about the mesh or the channels of a motion. Any of it may be missing.

    Parameters
    ----------
    lips, upper_face : array_like, optional
        Vertex numbers. Doubled ones count once.
    lip_pairs : array_like, optional
        ``(2, P)``: vertices of the upper lip, and below them those of the lower lip.
    template : ndarray, optional
        ``(V, 3)``: the face at rest.
    names : sequence of str, optional
        What each channel of coefficients is.
    """

    lips: ArrayLike | None = None
    upper_face: ArrayLike | None = None
    lip_pairs: ArrayLike | None = None
    template: Array | None = None
    names: Sequence[str] | None = None

    def lacks(self, name: str) -> bool:
        """Return whether nothing is known under this name."""
        value = getattr(self, name)
        return value is None or not np.size(value)


@dataclass(frozen=True)
class Metric:
    """One metric of motions.

    Parameters
    ----------
    name : str
        Short key: ``"lve"``.
    title : str
        A few words for tables.
    kind : {"vertices", "coefficients", "apertures"}
        What it measures.
    needs : tuple of str
        Which fields of `Parts` must be known.
    unit : {"u", "u^2", ""}
        The unit of the data, its square, or none.
    better : {"lower", "zero", "higher", "near truth"}
        Where a good value lies. "near truth": near that of several true motions.
    formula : str
        For one clip: x true, y predicted, m offset from the template, t frames, v vertices,
        c channels, L lips, U upper face.
    source : str
        Who computes it so.
    combine : {"pooled", "mean of clips"}
        How the rows of clips become one number.
    row : callable, optional
        ``(true, predicted, parts) -> (numerator, denominator)``.
    spread : callable, optional
        ``(predictions, parts) -> (numerator, denominator)``, for metrics of several predictions
        for one clip, which ask for no truth.
    """

    name: str
    title: str
    kind: Literal["vertices", "coefficients", "apertures"]
    needs: tuple[str, ...]
    unit: Literal["u", "u^2", ""]
    better: Literal["lower", "zero", "higher", "near truth"]
    formula: str
    source: str
    combine: Literal["pooled", "mean of clips"]
    row: Callable[[Array, Array, Parts], Row] | None = None
    spread: Callable[[Sequence[Array], Parts], Row] | None = None

    def missing(self, parts: Parts) -> tuple[str, ...]:
        """Return what this metric needs and `parts` lacks."""
        return tuple(name for name in self.needs if parts.lacks(name))


def _total(series: Doubles) -> Row:
    return float(series.sum()), float(len(series))


def _once(value: float) -> Row:
    return value, 1.0


def _needed(value: ArrayLike | None) -> ArrayLike:
    assert value is not None  # `missing` is asked first
    return value


def _lve(true: Array, predicted: Array, parts: Parts) -> Row:
    return _total(np.sqrt(distances.max_squared_error(true, predicted, _needed(parts.lips))))


def _lve_squared(true: Array, predicted: Array, parts: Parts) -> Row:
    return _total(distances.max_squared_error(true, predicted, _needed(parts.lips)))


def _lve_meshtalk(true: Array, predicted: Array, parts: Parts) -> Row:
    return _total(distances.centred_max_error(true, predicted, _needed(parts.lips)))


def _eve(true: Array, predicted: Array, parts: Parts) -> Row:
    return _total(np.sqrt(distances.max_squared_error(true, predicted, _needed(parts.upper_face))))


def _mve(true: Array, predicted: Array, parts: Parts) -> Row:
    return _total(distances.mean_error(true, predicted))


def _mod(true: Array, predicted: Array, parts: Parts) -> Row:
    pairs, template = _needed(parts.lip_pairs), np.asarray(_needed(parts.template))
    return _total(distances.opening_error(true, predicted, pairs, template))


def _fdd(true: Array, predicted: Array, parts: Parts) -> Row:
    return _once(dynamics.fdd(true, predicted, _needed(parts.upper_face)))


def _fdd_absolute(true: Array, predicted: Array, parts: Parts) -> Row:
    return _once(abs(dynamics.fdd(true, predicted, _needed(parts.upper_face))))


def _fdd_norm(true: Array, predicted: Array, parts: Parts) -> Row:
    return _once(dynamics.fdd(true, predicted, _needed(parts.upper_face), norm="plain"))


def _fdd_vertexwise(true: Array, predicted: Array, parts: Parts) -> Row:
    return _once(dynamics.fdd_vertexwise(true, predicted, _needed(parts.upper_face)))


def _mbe(true: Array, predicted: Array, parts: Parts) -> Row:
    return _total(blendshapes.coefficient_error(true, predicted))


def _lbe(mask: tuple[str, ...]) -> Callable[[Array, Array, Parts], Row]:
    def row(true: Array, predicted: Array, parts: Parts) -> Row:
        return _total(blendshapes.coefficient_error(true, predicted, mask, parts.names))

    return row


def _fdd_blendshapes(mask: tuple[str, ...]) -> Callable[[Array, Array, Parts], Row]:
    def row(true: Array, predicted: Array, parts: Parts) -> Row:
        return _once(blendshapes.fdd_blendshapes(true, predicted, mask, parts.names))

    return row


def _fdd_blendshapes_absolute(true: Array, predicted: Array, parts: Parts) -> Row:
    return _once(abs(blendshapes.fdd_blendshapes(true, predicted, names=parts.names)))


def _diversity(region: str | None) -> Callable[[Sequence[Array], Parts], Row]:
    def spread(predictions: Sequence[Array], parts: Parts) -> Row:
        return _once(diversity(predictions, region and getattr(parts, region)))

    return spread


_LVE_SQUARED = "mean_t max_{v in L} |x - y|^2"
_FDD = "mean_U std_t |m_x|^2 - mean_U std_t |m_y|^2"
_FDD_SHAPES = "std_t sum_c x^2 - std_t sum_c y^2, c in "
_PAIRS = "mean over pairs of predictions of mean_t mean_v |y_i - y_j|"

_ALL = (
    Metric(
        "lve", "lip vertex error (distance)", "vertices", ("lips",), "u", "lower",
        "mean_t max_{v in L} |x - y|",
        "the words of FaceFormer's authors and of GLDiTalker; this package's default",
        "pooled", _lve,
    ),
    Metric(
        "lve_squared_pooled", "lip vertex error, squared, over all frames", "vertices",
        ("lips",), "u^2", "lower", _LVE_SQUARED,
        "the programs of CodeTalker and FaceDiffuser", "pooled", _lve_squared,
    ),
    Metric(
        "lve_squared_clips", "lip vertex error, squared, mean of clips", "vertices",
        ("lips",), "u^2", "lower", _LVE_SQUARED,
        "the programs of DiffSpeaker and StreamingTalker", "mean of clips", _lve_squared,
    ),
    Metric(
        "lve_meshtalk", "lip vertex error, lips centred", "vertices", ("lips",), "u", "lower",
        "mean_t max_{v in L} |(x - mean_L x) - (y - mean_L y)|",
        "MeshTalk, by its author's words", "pooled", _lve_meshtalk,
    ),
    Metric(
        "eve", "upper face vertex error", "vertices", ("upper_face",), "u", "lower",
        "mean_t max_{v in U} |x - y|",
        "EmoTalk's region; a distance here", "pooled", _eve,
    ),
    Metric(
        "mve", "mean vertex error", "vertices", (), "u", "lower", "mean_t mean_v |x - y|",
        "FaceDiffuser's program", "pooled", _mve,
    ),
    Metric(
        "mod", "mouth open difference", "vertices", ("lip_pairs", "template"), "u", "lower",
        "mean_t mean_p | |y_up - y_low| - |x_up - x_low| |",
        "StreamingTalker's program", "mean of clips", _mod,
    ),
    Metric(
        "fdd", "upper face dynamics deviation", "vertices", ("upper_face",), "u^2", "zero", _FDD,
        "the programs of CodeTalker, FaceDiffuser, DiffSpeaker and StreamingTalker",
        "mean of clips", _fdd,
    ),
    Metric(
        "fdd_absolute", "upper face dynamics deviation, absolute", "vertices", ("upper_face",),
        "u^2", "lower", f"|{_FDD}|", "FaceDiffuser's program", "mean of clips", _fdd_absolute,
    ),
    Metric(
        "fdd_norm", "upper face dynamics deviation of plain norms", "vertices", ("upper_face",),
        "u", "zero", "mean_U std_t |m_x| - mean_U std_t |m_y|",
        "the papers' words; no published program", "mean of clips", _fdd_norm,
    ),
    Metric(
        "fdd_vertexwise", "upper face dynamics deviation, vertex by vertex", "vertices",
        ("upper_face",), "u", "lower", "mean_U |std_t |m_x| - std_t |m_y||", "this package",
        "mean of clips", _fdd_vertexwise,
    ),
    Metric(
        "mbe", "mean blendshape error", "coefficients", (), "", "lower", "mean_t |x - y|",
        "FaceDiffuser's program for BEAT; DiffusionTalker", "mean of clips", _mbe,
    ),
    Metric(
        "lbe", "lip blendshape error", "coefficients", ("names",), "", "lower",
        "mean_t |x - y| over LBE_MASK", "this package: all shapes of jaw and mouth",
        "mean of clips", _lbe(blendshapes.LBE_MASK),
    ),
    Metric(
        "lbe_published", "lip blendshape error, published mask", "coefficients", ("names",), "",
        "lower", "mean_t |x - y| over LBE_PUBLISHED_MASK", "FaceDiffuser's program for BEAT",
        "mean of clips", _lbe(blendshapes.LBE_PUBLISHED_MASK),
    ),
    Metric(
        "fdd_blendshapes", "dynamics deviation of coefficients", "coefficients",
        ("names",), "", "zero", _FDD_SHAPES + "FDD_MASK", "this package: brows too",
        "mean of clips", _fdd_blendshapes(blendshapes.FDD_MASK),
    ),
    Metric(
        "fdd_blendshapes_absolute", "dynamics deviation of coefficients, absolute", "coefficients",
        ("names",), "",
        "lower", f"|{_FDD_SHAPES}FDD_MASK|", "this package", "mean of clips",
        _fdd_blendshapes_absolute,
    ),
    Metric(
        "fdd_blendshapes_published", "dynamics deviation of coefficients, published mask",
        "coefficients",
        ("names",), "",
        "zero", _FDD_SHAPES + "FDD_PUBLISHED_MASK", "FaceDiffuser's program for BEAT",
        "mean of clips", _fdd_blendshapes(blendshapes.FDD_PUBLISHED_MASK),
    ),
    Metric(
        "diversity", "diversity over seeds", "vertices", (), "u", "near truth", _PAIRS,
        "this package; GLDiTalker gives no formula", "mean of clips", spread=_diversity(None),
    ),
    Metric(
        "diversity_lips", "diversity over seeds, lips", "vertices", ("lips",), "u", "near truth",
        _PAIRS + ", v in L", "this package", "mean of clips", spread=_diversity("lips"),
    ),
    Metric(
        "diversity_upper_face", "diversity over seeds, upper face", "vertices", ("upper_face",),
        "u", "near truth", _PAIRS + ", v in U", "this package", "mean of clips",
        spread=_diversity("upper_face"),
    ),
    Metric(
        "diversity_blendshapes", "diversity over seeds", "coefficients", (), "", "near truth",
        "mean over pairs of predictions of mean_t |y_i - y_j|", "this package", "mean of clips",
        spread=_diversity(None),
    ),
    Metric(
        "diversity_styles", "diversity over styles", "vertices", (), "u", "near truth",
        _PAIRS + ", one for each style", "FaceDiffuser's program", "mean of clips",
        spread=_diversity(None),
    ),
    Metric(
        "diversity_styles_blendshapes", "diversity over styles", "coefficients", (), "",
        "near truth", "mean over pairs of styles of mean_t |y_i - y_j|", "this package",
        "mean of clips", spread=_diversity(None),
    ),
)  # fmt: skip

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}
"""All metrics by their short names."""

_LIPS = (
    Metric(
        "aperture_correlation", "lip aperture, correlation", "apertures", (), "", "higher",
        "Pearson's r over frames of true and predicted lip aperture", "this package",
        "mean of clips",
    ),
    Metric(
        "closure_rate", "p, b and m that close the lips", "apertures", (), "", "higher",
        "share of p, b and m with a smallest aperture below 1 mm", "this package", "pooled",
    ),
    Metric(
        "aperture_error", "lip aperture error", "apertures", (), "u", "lower",
        "mean_t |aperture_x - aperture_y|", "this package", "pooled",
    ),
)  # fmt: skip

LIP_METRICS: dict[str, Metric] = {metric.name: metric for metric in _LIPS}
"""The figures of `talking_heads.metrics.lips` that sum up like the others. They start from lip
apertures and phonemes: `talking_heads.metrics.lips.aperture_rows` makes their rows."""

ALL_METRICS: dict[str, Metric] = {**METRICS, **LIP_METRICS}
"""Whatever `talking_heads.metrics.summary.summarise_metrics` can sum up."""
