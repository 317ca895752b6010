"""`CurveStrip`: curves under a player, with a line that goes along with the sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import traitlets
from numpy.typing import ArrayLike

from talking_heads.course.figures import BLUE, GREEN, INK, ORANGE, PURPLE, new_figure, png_of
from talking_heads.errors import UserError

if TYPE_CHECKING:
    from talking_heads.speech import Phoneme

COLORS = (BLUE, ORANGE, GREEN, PURPLE)
"""Of the curves of one panel, in this order."""
_FOLDER = Path(__file__).parent / "static"


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
    """

    unit: str
    curves: Sequence[Curve]
    low: float = 0.0
    high: float | None = None
    fps: float = 25.0

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


@cache
def _file(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


class CurveStrip(anywidget.AnyWidget):
    """Curves with the signs of the phonemes above and a line at the time of the sound.

    Put it into one box with a player (`talking_heads.view.play`): it follows that player, and a
    click or a drag on the curves takes the player there. Nothing of that needs the kernel.

    Parameters
    ----------
    panels : sequence of Panel
        From top to bottom.
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
        panels: Sequence[Panel],
        seconds: float,
        phonemes: Sequence[Phoneme] = (),
        words: str = "",
    ) -> None:
        super().__init__()
        self.update(panels, seconds, phonemes, words)

    def update(
        self,
        panels: Sequence[Panel],
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
            "panels": [_packed(panel) for panel in self.panels],
        }

    def picture(self) -> bytes:
        """Draw the curves as a PNG, for notebooks that are read where no widget runs."""
        figure, axes = new_figure(len(self.panels), height=0.5 + 1.15 * len(self.panels))
        axes = np.atleast_1d(axes)
        for panel, axis in zip(self.panels, axes, strict=True):
            for curve, color in zip(panel.curves, panel.colors(), strict=True):
                values = np.asarray(curve.values, dtype=float)
                style = "--" if curve.dash else "-"
                axis.plot(
                    np.arange(len(values)) / panel.fps, values, style, color=color,
                    label=curve.name, lw=1.6,
                )  # fmt: skip
            axis.set(ylim=(panel.low, panel.top()), ylabel=panel.unit, xlim=(0, self.seconds))
            legend = axis.legend(loc="upper right", ncols=4, fontsize=8)
            legend.get_frame().set(alpha=0.85, edgecolor="none")
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


def _packed(panel: Panel) -> dict[str, Any]:
    """Return a panel for the browser, its numbers no finer than can be seen."""
    if not panel.curves:
        raise UserError("A panel needs a curve at least.")
    top = panel.top()
    digits = max(0, 3 - int(np.floor(np.log10(max(top - panel.low, 1e-9)))))
    curves = []
    for curve, color in zip(panel.curves, panel.colors(), strict=True):
        values = np.asarray(curve.values, dtype=float)
        if values.ndim != 1 or not np.isfinite(values).all():
            raise UserError(f"The curve {curve.name} is a row of finite numbers.")
        shown = np.clip(values, panel.low, top).round(digits).tolist()
        curves.append({"name": curve.name, "values": shown, "color": color, "dash": curve.dash})
    return {
        "unit": panel.unit, "low": float(f"{panel.low:g}"), "high": float(f"{top:g}"),
        "fps": panel.fps, "curves": curves,
    }  # fmt: skip


def stacked(heads: bytes, curves: bytes, height: int = 150) -> bytes:
    """Return a still of heads above a picture of curves as one PNG.

    Parameters
    ----------
    heads, curves : bytes
        PNG pictures.
    height : int
        Pixels that the heads are shrunk to: a notebook full of stills must stay small.

    Returns
    -------
    bytes
        PNG of at most 64 colours.
    """
    import io

    from PIL import Image

    from talking_heads.course.figures import PAPER

    above, below = (Image.open(io.BytesIO(picture)).convert("RGB") for picture in (heads, curves))
    above.thumbnail((max(above.width, below.width), height))
    # Each keeps colours of its own: in one common palette the heads would take those of the curves.
    above, below = (
        image.quantize(count, dither=Image.Dither.NONE).convert("RGB")
        for image, count in ((above, 48), (below, 16))
    )
    whole = Image.new("RGB", (max(above.width, below.width), above.height + below.height), PAPER)
    whole.paste(above, ((whole.width - above.width) // 2, 0))
    whole.paste(below, ((whole.width - below.width) // 2, above.height))
    stream = io.BytesIO()
    whole.quantize(64, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return stream.getvalue()
