"""Figures for motion priors: rate and distortion, use of the codebook, curves of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class RateCurve:
    """One line of `rate_distortion_figure`.

    Parameters
    ----------
    name : str
        For the legend.
    rates : sequence of float
        Numbers a frame, or bits a frame.
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
    """
    raise NotImplementedError


@dataclass(frozen=True)
class CodebookUse:
    """How a codebook is used over some motions; made by `codebook_use`.

    Attributes
    ----------
    counts : ndarray
        ``(H, K)`` how often each component chose each code.
    perplexity : float
        2 to the entropy of the codes in bits, all components together: K if all are used alike.
    component_perplexity : ndarray
        ``(H,)`` the same for each component alone.
    used : int
        Codes that were chosen at all.
    """

    counts: NDArray[np.int64]

    @property
    def perplexity(self) -> float:
        """See the class."""
        raise NotImplementedError

    @property
    def component_perplexity(self) -> NDArray[np.float64]:
        """See the class."""
        raise NotImplementedError

    @property
    def used(self) -> int:
        """See the class."""
        raise NotImplementedError


def codebook_use(codes: NDArray[Any] | Sequence[NDArray[Any]], size: int) -> CodebookUse:
    """Count codes.

    Parameters
    ----------
    codes : ndarray or sequence of ndarray
        ``(frame, H)`` each, from ``MotionPrior.codes``.
    size : int
        K, the number of codes in the codebook.

    Raises
    ------
    UserError
        If a code is not 0 to K - 1, or there are none.
    """
    raise NotImplementedError


def codebook_figure(uses: CodebookUse | Mapping[str, CodebookUse]) -> tuple[Figure, str]:
    """Draw how often each code is chosen, most often first; several codebooks above one another.

    Returns
    -------
    tuple of Figure and str
        For `talking_heads.course.figures.show`.
    """
    raise NotImplementedError


def component_use_figure(use: CodebookUse) -> tuple[Figure, str]:
    """Draw the counts of every component (row) and code (column) as shades.

    Returns
    -------
    tuple of Figure and str
        For `talking_heads.course.figures.show`.
    """
    raise NotImplementedError


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
        ``{"perplexity": {"plain": values, "with restarts": values}, "loss": {...}}``.
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
    """
    raise NotImplementedError
