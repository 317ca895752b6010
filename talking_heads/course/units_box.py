"""`units_box`: a head that speaks, and below it the units that a network hears in its speech."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from talking_heads.course.curve_strip import CurveStrip, Row
from talking_heads.course.figures import SHADE
from talking_heads.course.head_box import WIDE, HeadBox
from talking_heads.course.sound_panels import SpectrogramPanel, UnitPanel, WavePanel
from talking_heads.errors import UserError
from talking_heads.view import play

if TYPE_CHECKING:
    from talking_heads.corpus import Clip


@dataclass(frozen=True)
class Units:
    """A way to hear units in sound.

    Parameters
    ----------
    name : str
        Above its row.
    find : callable
        ``find(audio)``: from ``(samples,)`` float32 at 16 kHz to ``(frame,)`` whole numbers.
    colors : sequence of str
        One ``"#rrggbb"`` for each unit; `talking_heads.course.sound_panels.unit_colors`.
    signs : sequence of str, optional
        What is written into the cells; `talking_heads.course.sound_panels.unit_signs`. By default
        the units' numbers.
    fps : float
        Units a second.
    """

    name: str
    find: Callable[[NDArray[np.float32]], NDArray[Any]]
    colors: Sequence[str]
    signs: Sequence[str] | None = None
    fps: float = 50.0

    def panel(self, audio: NDArray[np.float32]) -> UnitPanel:
        """Return the row of some sound."""
        return UnitPanel(self.name, np.asarray(self.find(audio)), self.colors, self.signs, self.fps)


def as_sounds(units: Units, name: str) -> Units:
    """Return a row of the sounds that units mostly fall on, in place of the units themselves.

    Neighbouring units of one sound make one cell, so the row can be read beside the true sounds.

    Parameters
    ----------
    units : Units
        With signs.
    name : str
        Of the new row.

    Returns
    -------
    Units
        One unit for each sign, in the colour of the first unit that has it; pauses are grey.

    Raises
    ------
    UserError
        If the units have no signs.
    """
    if units.signs is None:
        raise UserError(f"The units of {units.name} have no signs: see unit_signs.")
    signs = list(dict.fromkeys(units.signs))
    own = np.array([signs.index(sign) for sign in units.signs])
    colors = [units.colors[list(units.signs).index(s)] if s else SHADE for s in signs]
    return Units(name, lambda audio: own[np.asarray(units.find(audio))], colors, signs, units.fps)


class UnitsBox(HeadBox):
    """A menu of clips, a head, and spectrogram, waveform and units; made by `units_box`.

    Attributes
    ----------
    menu : Dropdown
        Which clip.
    rows : tuple of UnitPanel
        The units that are shown.
    """

    def __init__(self, clips: Sequence[Clip], units: Sequence[Units]) -> None:
        self._clips, self._units = tuple(clips), tuple(units)
        self.intro = (
            "A menu of clips, a head that says the chosen one, and below it the signs of its "
            "sounds, its spectrogram, its waveform and its units as coloured cells."
        )
        self.menu = widgets.Dropdown(
            options=[(f"{c.speaker}: {c.text or c.id}", n) for n, c in enumerate(self._clips)],
            value=0,
            description="Clip",
            layout=widgets.Layout(width="min(600px, 96%)"),
            style=WIDE,
        )
        self.rows: tuple[UnitPanel, ...] = ()
        clip = self.clip
        super().__init__(
            [self.menu],
            play(clip.motion, clip, title=clip.text, height=300),
            CurveStrip(*self._strip()),
        )
        self.tell(self._what())
        self.menu.observe(lambda _: self._follow(), names="value")

    @property
    def clip(self) -> Clip:
        """The clip that is shown."""
        return self._clips[self.menu.value]

    def _strip(self) -> tuple[Any, ...]:
        clip = self.clip
        audio = np.asarray(clip.audio, dtype=np.float32)
        self.rows = tuple(units.panel(audio) for units in self._units)
        panels: list[Row] = [SpectrogramPanel(audio), WavePanel(audio), *self.rows]
        rows = "; ".join(
            f"{row.name}: {len(row.runs())} cells of {len(set(np.asarray(row.units).tolist()))} "
            "different units"
            for row in self.rows
        )
        words = (
            f"Spectrogram from 0 to 8 kHz, waveform, and rows of coloured cells. {rows}. "
            f"{sum(bool(p.symbol) for p in clip.phonemes)} sounds are marked above."
        )
        return panels, clip.duration, clip.phonemes, words

    def _what(self) -> str:
        row = self.rows[0]
        sounds = sum(bool(p.symbol) for p in self.clip.phonemes)
        return (
            f"{self.clip.duration:.2f} s, {sounds} sounds, {len(np.asarray(row.units))} frames in "
            f"{len(row.runs())} cells. Rest the pointer on a cell for its number."
        )

    def _follow(self) -> None:
        clip = self.clip
        self.player.update(clip.motion, clip, title=clip.text)
        assert self.curves is not None
        self.curves.update(*self._strip())
        self.tell(self._what())


def units_box(clips: Clip | Sequence[Clip], units: Units | Sequence[Units]) -> UnitsBox:
    """Show a head that speaks, and its units as coloured cells under spectrogram and waveform.

    A line goes along with the sound, and a click takes the head there.

    Parameters
    ----------
    clips : Clip or sequence of Clip
        A menu offers them; with phonemes.
    units : Units or sequence of Units
        One row each, from top to bottom.

    Returns
    -------
    UnitsBox
        Display it as the last line of a cell. The menu needs a running kernel.

    Raises
    ------
    UserError
        If there is no clip, one has no phonemes, or there are no units.
    """
    chosen = list(clips) if isinstance(clips, Sequence) else [clips]
    rows = [units] if isinstance(units, Units) else list(units)
    if not chosen or not rows:
        raise UserError("The box needs a clip and a row of units at least.")
    for clip in chosen:
        if not clip.phonemes:
            raise UserError(f"Clip {clip.id} has no phonemes.")
    return UnitsBox(chosen, rows)
