"""`degrade_box`: spoil a motion with sliders and watch the metrics and the face answer."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from talking_heads.course.curve_strip import Curve, CurveStrip, Panel
from talking_heads.course.head_box import HeadBox
from talking_heads.course.metric_rows import ROWS, Figures, Row, Ruler
from talking_heads.errors import UserError
from talking_heads.metrics.degradations import Degradation, degrade
from talking_heads.view import play

if TYPE_CHECKING:
    from talking_heads.corpus import Clip
    from talking_heads.face import Motion

PRESETS: dict[str, Degradation] = {
    "Reset": Degradation(),
    "3 frames early": Degradation(shift=-3),
    "Smoothed": Degradation(smoothing=15),
    "Lips never meet": Degradation(lost_closures=1.0),
    "Frozen brows": Degradation(frozen_upper_face=True),
    "Still face": Degradation(amplitude=0.0),
}
"""One button each."""

_CSS = """<style>
.th-metrics { border-collapse: collapse; width: 100%; table-layout: fixed; font-size: 13px;
  line-height: 1.35; font-variant-numeric: tabular-nums; }
.th-metrics caption { text-align: left; padding: 0 0 4px; font-weight: 600; }
.th-metrics th, .th-metrics td { padding: 1px 4px; text-align: right; vertical-align: bottom; }
.th-metrics th:first-child { width: 36%; text-align: left; font-weight: normal; }
.th-metrics .th-unit { opacity: 0.7; }
.th-metrics thead th { font-weight: 600; border-bottom: 1px solid currentColor; }
.th-metrics th:last-child { width: 26%; text-align: left; }
.th-metrics .th-bar div { position: relative; height: 1.2em; margin-right: 4px; }
.th-metrics .th-bar span { position: absolute; left: 0; top: 3px; bottom: 3px;
  border-radius: 2px; background: #d27a2c; }
.th-metrics .th-bar i { position: absolute; top: 0; bottom: 0; width: 2px;
  background: currentColor; }
.th-note { font-size: 12px; line-height: 1.35; padding-top: 4px; }
</style>"""
_LONGEST = 1.5  # a bar ends here, in errors of the still face


class DegradeBox(HeadBox):
    """Sliders, two heads, the lips' curves and a table of metrics; made by `degrade_box`.

    Attributes
    ----------
    start : Dropdown
        Which motion is spoiled.
    sliders : dict of str to Widget
        One for each field of `talking_heads.metrics.degradations.Degradation`.
    buttons : dict of str to Button
        One for each of `PRESETS`.
    table : HTML
        The metrics.
    curves : CurveStrip
        The lip aperture of both heads.
    player : Player
        The truth, and beside it what the sliders left of the motion.
    figures : dict of str to float
        The metrics as numbers, by the keys of `talking_heads.course.metric_rows.ROWS`.
    """

    intro = (
        "Sliders that spoil a motion, two heads, the curves of their lips and a table of metrics."
    )

    def __init__(self, clip: Clip, motions: Mapping[str, Motion], degradation: Degradation) -> None:
        self.clip = clip
        self._motions = dict(motions)
        still = degrade(clip.motion, amplitude=0.0)
        self._ruler = Ruler(clip)
        self._still = self._ruler.figures(still)
        self._other = self._ruler.figures(clip.truths[1]) if len(clip.truths) > 1 else None
        self._quiet = False
        self.start = widgets.Dropdown(
            options=list(self._motions),
            description="Start from",
            layout=widgets.Layout(width="97%"),
            style={"description_width": "104px"},
        )
        self.sliders = _sliders()
        self._move(degradation)
        for widget in (self.start, *self.sliders.values()):
            widget.observe(lambda _: self._follow(), names="value")
        self.buttons = {name: self._button(name) for name in PRESETS}
        self.table = widgets.HTML(layout=widgets.Layout(flex="1 1 400px", min_width="340px"))
        self.figures: Figures = {}
        spoiled = self._measure()
        player = play(
            [clip.motion, spoiled],
            clip.audio,
            labels=["truth", "spoiled"],
            title=f"The truth and a spoiled motion of {clip.id}",
            height=300,
        )
        curves = CurveStrip(
            [self._panel(spoiled)], clip.duration, clip.phonemes, self._curve_words(spoiled)
        )
        controls = widgets.VBox(
            [
                self.start,
                *self.sliders.values(),
                widgets.HBox(
                    list(self.buttons.values()), layout=widgets.Layout(flex_flow="row wrap")
                ),
            ],
            layout=widgets.Layout(flex="1 1 280px", min_width="270px"),
        )
        above = widgets.HBox([controls, self.table], layout=widgets.Layout(flex_flow="row wrap"))
        super().__init__([above], player, curves)

    def _button(self, name: str) -> widgets.Button:
        button = widgets.Button(
            description=name,
            tooltip=str(PRESETS[name]),
            layout=widgets.Layout(width="auto"),
        )
        button.on_click(lambda _: self.set(PRESETS[name]))
        return button

    @property
    def degradation(self) -> Degradation:
        """What the sliders say."""
        return Degradation(**{name: widget.value for name, widget in self.sliders.items()})

    def set(self, degradation: Degradation) -> None:
        """Move all sliders at once.

        Parameters
        ----------
        degradation : Degradation
            Values beyond the ends of a slider are taken to its end.
        """
        self._quiet = True
        try:
            self._move(degradation)
        finally:
            self._quiet = False
        self._follow()

    def _move(self, degradation: Degradation) -> None:
        for name, widget in self.sliders.items():
            value = getattr(degradation, name)
            if not isinstance(widget, widgets.Checkbox):
                value = min(max(value, widget.min), widget.max)
            widget.value = value

    def _measure(self) -> Motion:
        """Spoil the motion, measure it, write the table."""
        motion = degrade(self._motions[self.start.value], self.degradation)
        spoiled = replace(motion, face_id=self.clip.motion.face_id, head_rotation=None)
        self.figures = self._ruler.figures(spoiled)
        self.table.value = _CSS + _table(self._state(), self.figures, self._still, self._other)
        return spoiled

    def _follow(self) -> None:
        if self._quiet:
            return
        spoiled = self._measure()
        self.player.update([self.clip.motion, spoiled], self.clip.audio)
        assert self.curves is not None
        self.curves.update(
            [self._panel(spoiled)],
            self.clip.duration,
            self.clip.phonemes,
            self._curve_words(spoiled),
        )

    def _state(self) -> str:
        return f"{self.start.value}, {self.degradation}"

    def _panel(self, spoiled: Motion) -> Panel:
        true, other = self._gaps(spoiled)
        top = float(5 * np.ceil(true.max() / 4))
        return Panel("lips, mm", [Curve("truth", true), Curve("spoiled", other)], high=top)

    def _gaps(self, spoiled: Motion) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Return the lip apertures of truth and spoiled motion, mm."""
        ruler = self._ruler
        return 1000 * ruler.aperture, 1000 * ruler.face.aperture(spoiled.values)

    def _curve_words(self, spoiled: Motion) -> str:
        true, other = self._gaps(spoiled)
        return (
            "The gap between the lips over time, of the truth and of the spoiled motion. The truth "
            f"reaches {true.max():.0f} mm, the spoiled motion {other.max():.0f} mm."
        )

    @property
    def description(self) -> str:
        """What the view shows, in words."""
        figures = ", ".join(f"{row.name} {row.text(self.figures)}" for row in ROWS)
        return f"{super().description}\nNow: {self._state()}. {figures}."


def _sliders() -> dict[str, widgets.Widget]:
    """Return a control for each field of `Degradation`, in the order in which they are shown."""
    common: dict[str, Any] = {
        "layout": widgets.Layout(width="97%", margin="0"),
        "style": {"description_width": "104px"},
        # Each value poses the head anew, so not while the handle is dragged.
        "continuous_update": False,
    }
    whole, real = widgets.IntSlider, widgets.FloatSlider
    return {
        "shift": whole(0, -8, 8, description="Shift, frames", **common),
        "smoothing": whole(1, 1, 25, 2, description="Smooth, frames", **common),
        "amplitude": real(1.0, min=0.0, max=1.5, step=0.05, description="Amplitude", **common),
        "noise": real(
            0.0, min=0.0, max=0.1, step=0.005, description="Noise", readout_format=".3f", **common
        ),
        "jaw_offset": real(0.0, min=-0.2, max=0.3, step=0.02, description="Jaw lowered", **common),
        "lost_closures": real(
            0.0, min=0.0, max=1.0, step=0.1, description="Closures lost", readout_format=".0%",
            **common,
        ),
        "frozen_upper_face": widgets.Checkbox(
            False, description="Freeze brows, lids and gaze", indent=False
        ),
    }  # fmt: skip


def _table(state: str, figures: Figures, still: Figures, other: Figures | None) -> str:
    """Return the metrics as an HTML table; the bars only repeat what stands in numbers."""
    rows = "".join(_table_row(row, figures, still, other) for row in ROWS)
    caption = html.escape(state[:1].upper() + state[1:])
    return (
        f"<table class='th-metrics'><caption role='status'>{caption}</caption>"
        "<thead><tr><th scope='col'>Metric</th><th scope='col'>Now</th>"
        "<th scope='col'>Other truth</th><th scope='col'>Still face</th>"
        f"<th scope='col'>Error now</th></tr></thead><tbody>{rows}</tbody></table>"
        "<div class='th-note'>Bars: longer is worse, and two thirds of the longest bar is as bad "
        "as a still face. The thin line is where the other truth is.</div>"
    )


def _table_row(row: Row, figures: Figures, still: Figures, other: Figures | None) -> str:
    def share(found: Figures) -> float:
        whole = row.error(still)
        value = row.error(found) / whole if whole > 0 else 0.0
        return 100 * min(max(value, 0.0), _LONGEST) / _LONGEST

    mark = f"<i style='left:{share(other):.1f}%'></i>" if other else ""
    cells = [row.number(figures), row.number(other) if other else "", row.number(still)]
    unit = f" <span class='th-unit'>{html.escape(row.unit)}</span>" if row.unit else ""
    numbers = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
    bar = f"<span style='width:{share(figures):.1f}%'></span>{mark}"
    return (
        f"<tr><th scope='row'>{html.escape(row.name)}{unit}</th>{numbers}"
        f"<td class='th-bar' aria-hidden='true'><div>{bar}</div></td></tr>"
    )


def degrade_box(
    clip: Clip,
    motions: Mapping[str, Motion] | None = None,
    degradation: Degradation | None = None,
) -> DegradeBox:
    """Show a truth beside a motion that sliders spoil, with all metrics.

    Parameters
    ----------
    clip : Clip
        Of coefficients. Its first truth is what the metrics compare with.
    motions : mapping of str to Motion, optional
        What may be spoiled, by name; the first truth alone if left out.
    degradation : Degradation, optional
        Where the sliders begin; by default they change nothing.

    Returns
    -------
    DegradeBox
        Display it as the last line of a cell. It needs a running kernel.

    Raises
    ------
    UserError
        If a motion does not hold coefficients, or is not as long as the clip.
    """
    motions = {"the truth": clip.motion} if motions is None else motions
    if not motions:
        raise UserError("There is no motion to spoil.")
    for name, motion in [("The clip", clip.motion), *motions.items()]:
        if motion.kind != "coefficients":
            raise UserError(f"{name} holds vertices; sliders spoil coefficients.")
        if abs(len(motion) - len(clip)) > 1:
            raise UserError(f"{name} has {len(motion)} frames, the clip {len(clip)}.")
    return DegradeBox(clip, motions, degradation or Degradation())
