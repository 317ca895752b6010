"""Figures for motion priors: rate and distortion, use of the codebook, curves of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.course.figures import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    keep_colors,
    new_figure,
)
from talking_heads.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LOOKS = ((BLUE, "o", "-"), (ORANGE, "s", "--"), (GREEN, "^", "-."), (PURPLE, "D", ":"))
"""Colour, mark and line of each curve: told apart without colours, too."""
_MOST_PANELS = 4
_FEW_TICKS = 5


@dataclass(frozen=True)
class RateCurve:
    """One line of `rate_distortion_figure`.

    Parameters
    ----------
    name : str
        For the legend.
    rates : sequence of float
        Numbers a frame, or bits a frame; above 0.
    errors : sequence of float
        mm, one for each rate.
    low, high : sequence of float, optional
        Ends of an interval around each error.
    line : bool
        Join the points.
    """

    name: str
    rates: Sequence[float]
    errors: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    line: bool = True


def rate_distortion_figure(
    curves: Sequence[RateCurve],
    *,
    rate_name: str = "numbers a frame",
    error_name: str = "largest lip error, mm",
    reference: tuple[str, float] | None = None,
    log_errors: bool = True,
) -> tuple[Figure, str]:
    """Draw errors against rates, both on logarithmic axes, one line a model.

    Parameters
    ----------
    curves : sequence of RateCurve
        One to four.
    rate_name, error_name : str
        Of the axes.
    reference : (name, error), optional
        A horizontal line, such as ``("no motion at all", 5.6)``.
    log_errors : bool
        Whether the errors' axis is logarithmic too.

    Returns
    -------
    tuple of Figure and str
        For `talking_heads.course.figures.show`; the words hold every number.

    Raises
    ------
    UserError
        If there are no curves or more than four, or one's numbers do not fit together.
    """
    if not 1 <= len(curves) <= len(_LOOKS):
        raise UserError(f"The figure shows 1 to {len(_LOOKS)} curves, not {len(curves)}.")
    figure, axis = new_figure(height=3.6)
    keep_colors(figure, [color for color, _, _ in _LOOKS[: len(curves)]])
    words = [f"{error_name} against {rate_name}."]
    rates: set[float] = set()
    for curve, (color, mark, line) in zip(curves, _LOOKS, strict=False):
        points = _points(curve)
        rates |= set(points[:, 0])
        axis.plot(
            points[:, 0], points[:, 1], mark, ls=line if curve.line else "none", color=color, ms=6,
            label=curve.name,
        )  # fmt: skip
        if points.shape[1] == 4:
            spread = np.abs(points[:, 2:].T - points[:, 1])
            axis.errorbar(
                points[:, 0], points[:, 1], spread, fmt="none", ecolor=color, elinewidth=1.2,
                capsize=3,
            )  # fmt: skip
        told = ", ".join(_point_words(point) for point in points)
        words.append(f"{curve.name}: {told}.")
    if reference is not None:
        name, error = reference
        axis.axhline(error, color=INK, lw=1, ls=(0, (2, 2)))
        axis.annotate(
            f"{name}: {error:g}", (1, error), xycoords=("axes fraction", "data"), ha="right",
            va="bottom", fontsize=8.5, xytext=(0, 2), textcoords="offset points",
        )  # fmt: skip
        words.append(f"{name}: {error:g}.")
    _log_rates(axis, sorted(rates))
    if log_errors:
        _log_errors(axis)
    else:
        axis.set_ylim(bottom=0)
    axis.set_xlabel(rate_name)
    axis.set_ylabel(error_name)
    axis.grid(True, color="#d3dae2", lw=0.6)
    axis.legend(frameon=False, fontsize=9)
    return figure, " ".join(words)


def _points(curve: RateCurve) -> NDArray[np.float64]:
    """Return rate, error and perhaps interval of each point, sorted by rate."""
    parts = [curve.rates, curve.errors]
    if curve.low is not None and curve.high is not None:
        parts += [curve.low, curve.high]
    if len({len(part) for part in parts}) != 1 or not len(curve.rates):
        raise UserError(f"The curve {curve.name!r} needs one error for each rate.")
    points = np.array(parts, dtype=np.float64).T
    if not np.isfinite(points).all() or points[:, :2].min() <= 0:
        raise UserError(f"The curve {curve.name!r} has a rate or an error that is not above 0.")
    return points[np.argsort(points[:, 0], kind="stable")]


def _point_words(point: NDArray[np.float64]) -> str:
    text = f"{point[1]:.3g} at {point[0]:g}"
    return text if len(point) == 2 else f"{text} ({point[2]:.3g} to {point[3]:.3g})"


def _log_rates(axis: Axes, rates: Sequence[float]) -> None:
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    axis.set_xscale("log", base=2)
    # A mark at each rate, save where two stand so close that their numbers would touch.
    shown: list[float] = []
    for rate in rates:
        if not shown or rate / shown[-1] > 1.2:
            shown.append(rate)
    axis.xaxis.set_major_locator(FixedLocator(shown))
    axis.xaxis.set_major_formatter(FixedFormatter([f"{rate:g}" for rate in shown]))
    axis.xaxis.set_minor_locator(NullLocator())


def _log_errors(axis: Axes) -> None:
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    axis.set_yscale("log")
    low, high = axis.get_ylim()
    shown: list[float] = []
    for digits in ((1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8)):
        if len(shown) < _FEW_TICKS:
            places = [d * 10.0**e for e in range(-6, 7) for d in digits]
            shown = [place for place in places if low <= place <= high]
    axis.yaxis.set_major_locator(FixedLocator(shown))
    axis.yaxis.set_major_formatter(FixedFormatter([f"{place:g}" for place in shown]))
    axis.yaxis.set_minor_locator(NullLocator())


@dataclass(frozen=True, eq=False)
class CodebookUse:
    """How a codebook is used over some motions; made by `codebook_use`.

    Parameters
    ----------
    counts : ndarray
        ``(H, K)`` how often each component chose each code.
    """

    counts: NDArray[np.int64]

    @cached_property
    def perplexity(self) -> float:
        """How many codes are in use, all components together: K if all are chosen alike.

        e to the power of the entropy of the codes' shares, as in
        `talking_heads.layers.quantizer.perplexity`.
        """
        return float(_perplexity(self.counts.sum(0)[None])[0])

    @cached_property
    def component_perplexity(self) -> NDArray[np.float64]:
        """The same for each component alone, ``(H,)``."""
        return _perplexity(self.counts)

    @property
    def size(self) -> int:
        """K, the codes in the codebook."""
        return int(self.counts.shape[1])

    @property
    def used(self) -> int:
        """Codes that were chosen at all."""
        return int((self.counts.sum(0) > 0).sum())


def _perplexity(counts: NDArray[Any]) -> NDArray[np.float64]:
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    logs = np.log(np.where(share > 0, share, 1.0))
    return np.asarray(np.exp(-(share * logs).sum(1)))


def codebook_use(codes: NDArray[Any] | Sequence[NDArray[Any]], size: int) -> CodebookUse:
    """Count codes.

    Parameters
    ----------
    codes : ndarray or sequence of ndarray
        ``(frame, H)`` each, from ``MotionPrior.codes``.
    size : int
        K, the number of codes in the codebook.

    Returns
    -------
    CodebookUse

    Raises
    ------
    UserError
        If a code is not 0 to K - 1, or there are none.
    """
    parts = [codes] if isinstance(codes, np.ndarray) else list(codes)
    if not parts or any(np.ndim(part) != 2 for part in parts):
        raise UserError("Codes are arrays (frame, H), at least one.")
    table = np.concatenate([np.asarray(part) for part in parts]).astype(np.int64)
    if not table.size or not 0 <= table.min() <= table.max() < size:
        raise UserError(f"Codes of a codebook of {size} are 0 to {size - 1}, and at least one.")
    counts = [np.bincount(column, minlength=size) for column in table.T]
    return CodebookUse(np.array(counts, dtype=np.int64))


def codebook_figure(uses: CodebookUse | Mapping[str, CodebookUse]) -> tuple[Figure, str]:
    """Draw how often each code is chosen, most often first; several codebooks above one another.

    Parameters
    ----------
    uses : CodebookUse or mapping of name to CodebookUse
        At most four.

    Returns
    -------
    tuple of Figure and str
        For `talking_heads.course.figures.show`.

    Raises
    ------
    UserError
        If there are none, or more than four.
    """
    named = dict(uses) if isinstance(uses, Mapping) else {"": uses}
    if not 1 <= len(named) <= _MOST_PANELS:
        raise UserError(f"The figure shows 1 to {_MOST_PANELS} codebooks, not {len(named)}.")
    figure, axes = new_figure(len(named), height=0.6 + 1.25 * len(named))
    largest = max(use.size for use in named.values())
    words = ["How often each code is chosen, the most frequent first, in percent of all choices."]
    for axis, (name, use) in zip(np.atleast_1d(axes), named.items(), strict=True):
        share = 100 * np.sort(use.counts.sum(0))[::-1] / use.counts.sum()
        axis.fill_between(np.arange(use.size + 1), [*share, share[-1]], step="post", color=BLUE)
        axis.axhline(100 / use.size, color=ORANGE, lw=1.2, ls="--")
        axis.set_xlim(0, largest)
        axis.set_ylim(0, None)
        axis.set_ylabel("%")
        told = f"{use.used} of {use.size} codes in use, perplexity {use.perplexity:.1f}"
        axis.set_title(f"{name}: {told}" if name else told, fontsize=9.5, loc="left")
        words.append(
            f"{f'{name}: ' if name else ''}{told}; the most frequent takes {share[0]:.3g} %, "
            f"all alike would be {100 / use.size:.3g} % each (dashed)."
        )
    np.atleast_1d(axes)[-1].set_xlabel("codes, the most frequent first")
    return figure, " ".join(words)


def component_use_figure(use: CodebookUse) -> tuple[Figure, str]:
    """Draw the counts of every component (row) and code (column) as shades.

    Codes are sorted by how often all components together choose them.

    Parameters
    ----------
    use : CodebookUse
        From `codebook_use`.

    Returns
    -------
    tuple of Figure and str
        For `talking_heads.course.figures.show`.
    """
    components = len(use.counts)
    figure, axis = new_figure(height=0.9 + 0.16 * components)
    order = np.argsort(-use.counts.sum(0), kind="stable")
    share = use.counts[:, order] / np.maximum(use.counts.sum(1, keepdims=True), 1)
    axis.imshow(
        np.sqrt(share), aspect="auto", cmap="Blues", interpolation="none", vmin=0,
        extent=(0, use.size, components - 0.5, -0.5),
    )  # fmt: skip
    axis.set_yticks(range(0, components, 1 if components <= 8 else 4))
    axis.set_xlabel("codes, the most frequent of all first")
    axis.set_ylabel("component")
    told = ", ".join(f"{value:.0f}" for value in use.component_perplexity)
    counts = (use.counts > 0).sum(1)
    return figure, (
        f"Which of {use.size} codes each of {components} components chooses; darker is more often. "
        f"A component uses {counts.min()} to {counts.max()} codes. Perplexity of each component "
        f"alone: {told}; all together {use.perplexity:.0f}."
    )


def steps_figure(
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    steps: Sequence[float] | None = None,
    reference: Mapping[str, tuple[str, float]] | None = None,
    log: Sequence[str] = (),
) -> tuple[Figure, str]:
    """Draw curves of a training over its steps, panels above one another.

    Parameters
    ----------
    panels : mapping
        ``{"perplexity": {"plain": values, "with restarts": values}, "loss": {...}}``; at most
        four panels of four curves.
    steps : sequence of float, optional
        Of the values; by default 0, 1, 2, ...
    reference : mapping, optional
        A horizontal line in a panel: ``{"perplexity": ("all 64 codes alike", 64)}``.
    log : sequence of str
        Panels with a logarithmic axis.

    Returns
    -------
    tuple of Figure and str
        For `talking_heads.course.figures.show`; the words give first and last values.

    Raises
    ------
    UserError
        If there are too many or no curves, or steps and values differ in number.
    """
    if not 1 <= len(panels) <= _MOST_PANELS or not all(
        1 <= len(curves) <= len(_LOOKS) for curves in panels.values()
    ):
        raise UserError("The figure shows one to four panels of one to four curves.")
    figure, axes = new_figure(len(panels), height=0.7 + 1.75 * len(panels))
    words, known = [], list(dict.fromkeys(name for curves in panels.values() for name in curves))
    if len(known) > len(_LOOKS):
        raise UserError(f"The figure tells {len(_LOOKS)} names apart, not {len(known)}.")
    for axis, (panel, curves) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        for name, values in curves.items():
            places = range(len(values)) if steps is None else steps
            if len(places) != len(values) or not len(values):
                raise UserError(f"{panel}, {name}: {len(values)} values, {len(places)} steps.")
            # One name keeps its look through all panels.
            color, _, line = _LOOKS[known.index(name)]
            axis.plot(places, values, color=color, ls=line, lw=1.8, label=name)
            words.append(f"{panel}, {name}: from {values[0]:.3g} to {values[-1]:.3g}.")
        if panel in (reference or {}):
            assert reference is not None
            name, value = reference[panel]
            axis.axhline(value, color=INK, lw=1, ls=(0, (2, 2)))
            axis.annotate(
                name, (0, value), xycoords=("axes fraction", "data"), fontsize=8.5, va="top",
                xytext=(4, -2), textcoords="offset points",
            )  # fmt: skip
            words.append(f"{panel}, {name}: {value:g}.")
        if panel in log:
            axis.set_yscale("log")
        axis.set_ylabel(panel)
    top = np.atleast_1d(axes)[0]
    if len(known) > 1 or known[0]:
        # Above the panel: inside it would cover curves.
        top.legend(
            frameon=False, fontsize=9, ncols=min(len(known), 4), loc="lower right",
            bbox_to_anchor=(1, 1), borderaxespad=0,
        )  # fmt: skip
    np.atleast_1d(axes)[-1].set_xlabel("step")
    return figure, "Curves over the steps of a training. " + " ".join(words)
