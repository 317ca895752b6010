"""`CurveStrip`: curves under a player, with a line that goes along with the sound.

Rows of other kinds (a spectrogram, a waveform, coloured units) stand in
`talking_heads.course.sound_panels`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import anywidget
import numpy as np
import traitlets
from numpy.typing import ArrayLike

from talking_heads.course.figures import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    SHADE,
    new_figure,
    png_of,
)
from talking_heads.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from talking_heads.speech import Phoneme

COLORS = (BLUE, ORANGE, GREEN, PURPLE)
"""Of the curves of one panel, in this order."""
_FOLDER = Path(__file__).parent / "static"


class Row(Protocol):
    """One row of a `CurveStrip`."""

    @property
    def height(self) -> int:
        """Pixels in the browser; stills keep the proportions."""
        ...

    @property
    def shades(self) -> int:
        """Colours that a still needs for it."""
        ...

    def packed(self) -> dict[str, Any]:
        """Return what the browser draws; its kind under ``"kind"``, curves without one."""
        ...

    def draw(self, axis: Axes) -> None:
        """Draw it for a still; the axis' horizontal limits are set already, in seconds."""
        ...


@dataclass(frozen=True)
class Curve:
    """One curve.

    Parameters
    ----------
    name : str
        For the legend.
    values : array
        ``(frame,)``.
    dash : bool
        Draw it dashed, in the colour of the curve before: the same thing, another take.
    """

    name: str
    values: ArrayLike
    dash: bool = False


@dataclass(frozen=True)
class Panel:
    """Curves that share an axis.

    Parameters
    ----------
    unit : str
        Beside the axis, such as ``"mm"``.
    curves : sequence of Curve
        One to four.
    low, high : float, optional
        Ends of the axis; what lies outside is cut off. By default 0 and the first of 1, 1.5,
        2, 3, 5, 10, 15 ... that no value exceeds.
    fps : float
        Frames a second.
    spans : sequence of (float, float)
        Stretches that are shaded, in seconds.
    """

    unit: str
    curves: Sequence[Curve]
    low: float = 0.0
    high: float | None = None
    fps: float = 25.0
    spans: Sequence[tuple[float, float]] = ()
    height: int = 66
    shades = 16

    def top(self) -> float:
        """Return the upper end of the axis."""
        if self.high is not None:
            return self.high
        most = max(float(np.max(curve.values, initial=0.0)) for curve in self.curves)
        return next(
            step * 10.0**power for power in range(-6, 12) for step in (1, 1.5, 2, 3, 5)
            if step * 10.0**power >= most
        )  # fmt: skip

    def colors(self) -> list[str]:
        """Return a colour for each curve."""
        found: list[str] = []
        solid = 0
        for curve in self.curves:
            if curve.dash and found:
                found.append(found[-1])
            else:
                found.append(COLORS[solid % len(COLORS)])
                solid += 1
        return found

    def draw(self, axis: Axes) -> None:
        """Draw the curves for a still."""
        for start, end in self.spans:
            axis.axvspan(start, end, color=SHADE, lw=0, zorder=0)
        for curve, color in zip(self.curves, self.colors(), strict=True):
            values = np.asarray(curve.values, dtype=float)
            style = "--" if curve.dash else "-"
            times = np.arange(len(values)) / self.fps
            axis.plot(times, values, style, color=color, label=curve.name, lw=1.6)
        axis.set(ylim=(self.low, self.top()), ylabel=self.unit)
        legend = axis.legend(loc="upper right", ncols=4, fontsize=8)
        legend.get_frame().set(alpha=0.85, edgecolor="none")

    def packed(self) -> dict[str, Any]:
        """Return the panel for the browser, its numbers no finer than can be seen."""
        if not self.curves:
            raise UserError("A panel needs a curve at least.")
        top = self.top()
        digits = max(0, 3 - int(np.floor(np.log10(max(top - self.low, 1e-9)))))
        curves = []
        for curve, color in zip(self.curves, self.colors(), strict=True):
            values = np.asarray(curve.values, dtype=float)
            if values.ndim != 1 or not np.isfinite(values).all():
                raise UserError(f"The curve {curve.name} is a row of finite numbers.")
            shown = np.clip(values, self.low, top).round(digits).tolist()
            curves.append({"name": curve.name, "values": shown, "color": color, "dash": curve.dash})
        return {
            "unit": self.unit, "low": float(f"{self.low:g}"), "high": float(f"{top:g}"),
            "fps": self.fps, "curves": curves,
            "spans": [(round(start, 3), round(end, 3)) for start, end in self.spans],
        }  # fmt: skip


@cache
def _file(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


class CurveStrip(anywidget.AnyWidget):
    """Curves with the signs of the phonemes above and a line at the time of the sound.

    Put it into one box with a player (`talking_heads.view.play`): it follows that player, and a
    click or a drag on the curves takes the player there. Nothing of that needs the kernel.

    Parameters
    ----------
    panels : sequence of Row
        From top to bottom: a `Panel` of curves, or a row of another kind.
    seconds : float
        Length of the whole.
    phonemes : sequence of Phoneme
        May be empty.
    words : str
        What the curves are, for people who cannot see them.
    """

    _esm = _file("curves.js")
    _css = _file("curves.css")

    content = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        panels: Sequence[Row],
        seconds: float,
        phonemes: Sequence[Phoneme] = (),
        words: str = "",
    ) -> None:
        super().__init__()
        self.update(panels, seconds, phonemes, words)

    def update(
        self,
        panels: Sequence[Row],
        seconds: float,
        phonemes: Sequence[Phoneme] = (),
        words: str = "",
    ) -> None:
        """Show other curves in place; the arguments are those of the class."""
        if not (np.isfinite(seconds) and seconds > 0):
            raise UserError(f"The curves last longer than 0 s, not {seconds}.")
        self.panels, self.phonemes, self.seconds = tuple(panels), tuple(phonemes), float(seconds)
        self.description = words
        self.content = {
            "seconds": self.seconds,
            "description": words,
            "phonemes": [(p.symbol, round(p.start, 3), round(p.end, 3)) for p in self.phonemes],
            "panels": [{**panel.packed(), "height": panel.height} for panel in self.panels],
        }

    @property
    def shades(self) -> int:
        """Colours that a still needs."""
        return max((panel.shades for panel in self.panels), default=16)

    def picture(self) -> bytes:
        """Draw the curves as a PNG, for notebooks that are read where no widget runs."""
        heights = [panel.height for panel in self.panels]
        figure, axes = new_figure(
            len(heights), height=0.5 + 1.15 * sum(heights) / 66, heights=heights
        )
        axes = np.atleast_1d(axes)
        for panel, axis in zip(self.panels, axes, strict=True):
            axis.set_xlim(0, self.seconds)
            panel.draw(axis)
        for phoneme in filter(lambda p: p.symbol, self.phonemes):
            for axis in axes:
                axis.axvline(phoneme.start, color=INK, lw=0.3)
            middle = (phoneme.start + phoneme.end) / 2
            place = axes[0].get_xaxis_transform()
            axes[0].text(middle, 1.02, phoneme.symbol, transform=place, ha="center", fontsize=8)
        axes[-1].set_xlabel("time (s)")
        return png_of(figure)

    def __repr__(self) -> str:
        """Return the description: no memory address, so that saved outputs compare equal."""
        return self.description


def stacked(heads: bytes, curves: bytes, height: int = 150, shades: int = 16) -> bytes:
    """Return a still of heads above a picture of curves as one PNG.

    Parameters
    ----------
    heads, curves : bytes
        PNG pictures.
    height : int
        Pixels that the heads are shrunk to: a notebook full of stills must stay small.
    shades : int
        Colours of the curves.

    Returns
    -------
    bytes
        PNG of at most 48 colours more than the curves have.
    """
    import io

    from PIL import Image

    from talking_heads.course.figures import PAPER

    above, below = (Image.open(io.BytesIO(picture)).convert("RGB") for picture in (heads, curves))
    above.thumbnail((max(above.width, below.width), height))
    # Each keeps colours of its own: in one common palette the heads would take those of the curves.
    above, below = (
        image.quantize(count, dither=Image.Dither.NONE).convert("RGB")
        for image, count in ((above, 48), (below, shades))
    )
    whole = Image.new("RGB", (max(above.width, below.width), above.height + below.height), PAPER)
    whole.paste(above, ((whole.width - above.width) // 2, 0))
    whole.paste(below, ((whole.width - below.width) // 2, above.height))
    stream = io.BytesIO()
    whole.quantize(48 + shades, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return stream.getvalue()
