"""Figures for the notebooks: readable on light and dark themes, and in words.

Every figure is shown with a description. It stands below the picture for everyone to read, and in
the notebook's file beside it, where a screen reader and a text-only viewer find it.
"""

from __future__ import annotations

import base64
import io
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from talking_heads.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Told apart with every common kind of colour blindness, and dark enough on PAPER.
BLUE, ORANGE, GREEN, PURPLE = "#0b62a8", "#b24d05", "#1b7a4b", "#7a3b8f"
INK, PAPER, SHADE = "#1f2933", "#f7f8fa", "#dfe5ec"
_STYLE: dict[Any, Any] = {
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "font.size": 10.0,
}
_DPI = 100
_COLORS, _COLORS_BESIDE = 32, 14  # of a picture; of one with colours to keep
_kept: WeakKeyDictionary[Figure, list[str]] = WeakKeyDictionary()


def style() -> dict[Any, Any]:
    """Return matplotlib's settings for the course's figures."""
    return dict(_STYLE)


def new_figure(
    rows: int = 1,
    *,
    width: float = 7.6,
    height: float = 2.6,
    heights: Sequence[float] | None = None,
) -> tuple[Figure, Any]:
    """Make a figure in the course's style.

    Parameters
    ----------
    rows : int
        Plots above one another, with one common horizontal axis.
    width, height : float
        Of the whole figure, in inches; a notebook's page is about 8 wide.
    heights : sequence of float, optional
        How high each row is, compared with the others.

    Returns
    -------
    tuple of Figure and Axes
        The axes alone for one row, else an array of them.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        # Not through pyplot: it would draw the figure a second time at the end of the cell.
        figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
        axes = figure.subplots(rows, 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    return figure, axes[0] if rows == 1 else axes


def png_of(figure: Figure) -> bytes:
    """Draw a figure as a PNG of 32 colours, a third of the size of one with all of them.

    With `keep_colors` it has 14 and those that were kept.
    """
    from matplotlib.colors import to_rgb
    from PIL import Image

    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI)
    whole = Image.open(stream).convert("RGB")
    kept = _kept.get(figure)
    image = whole.quantize(_COLORS_BESIDE if kept else _COLORS, dither=Image.Dither.NONE)
    if kept:
        table = image.getpalette() or []
        for color in kept:
            table += [round(255 * part) for part in to_rgb(color)]
        palette = Image.new("P", (1, 1))
        palette.putpalette(table)
        image = whole.quantize(palette=palette, dither=Image.Dither.NONE)
    small = io.BytesIO()
    image.save(small, "PNG", optimize=True)
    return small.getvalue()


def keep_colors(figure: Figure, colors: Iterable[Any]) -> None:
    """Have `png_of` draw some colours as they are: a photo takes up all that there are else.

    Parameters
    ----------
    figure : Figure
        The figure.
    colors : iterable
        Whatever matplotlib takes for a colour.
    """
    from matplotlib.colors import to_hex

    known = _kept.setdefault(figure, [INK, PAPER])
    known += [color for color in dict.fromkeys(map(to_hex, colors)) if color not in known]


def show(figure: Figure, words: str) -> None:
    """Show a figure and say in words what it shows.

    Parameters
    ----------
    figure : Figure
        The figure.
    words : str
        What a reader should see in it, numbers included: two or three sentences.

    Raises
    ------
    UserError
        If the description is too short to be one.
    """
    from IPython.display import display

    words = " ".join(words.split())
    if len(words) < 40:
        raise UserError("Describe the figure in a sentence or two, for those who cannot see it.")
    picture = base64.b64encode(png_of(figure)).decode("ascii")
    display(
        {"image/png": picture, "text/plain": words},
        metadata={"image/png": {"alt": words}},
        raw=True,
    )
    # Wrapped here, because a notebook's page breaks printed lines in the middle of a word.
    print(textwrap.fill(f"In words: {words}", 88))


def shade(axes: Axes, spans: Any, label: str) -> None:
    """Shade spans of time behind a curve.

    Parameters
    ----------
    axes : Axes
        Where.
    spans : iterable of (start, end)
        In the unit of the horizontal axis.
    label : str
        One entry for the legend, however many spans there are.
    """
    for number, (start, end) in enumerate(np.atleast_2d(np.asarray(list(spans), dtype=float))):
        axes.axvspan(start, end, color=SHADE, lw=0, label=label if number == 0 else None, zorder=0)
