"""`HeadBox`: what the notebooks' boxes with a head share."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets as widgets

from talking_heads.course.curve_strip import CurveStrip, stacked
from talking_heads.view.player import Player, show, with_alternatives

WIDE = {"description_width": "72px"}
"""Style of a control whose name stands on its left."""


class HeadBox(widgets.VBox):
    """Controls, a head, curves below it, and both as words and as a still picture.

    Attributes
    ----------
    player : Player
        The head, or several.
    curves : CurveStrip or None
        The curves.
    status : HTML
        What happened, or what to do about it.
    """

    intro = ""
    """What the controls are, for people who cannot see them."""

    def __init__(
        self, controls: list[widgets.Widget], player: Player, curves: CurveStrip | None = None
    ) -> None:
        self.player, self.curves = player, curves
        self.status = widgets.HTML()
        below = [] if curves is None else [curves]
        super().__init__([*controls, self.status, player, *below])

    def tell(self, text: str, *, alarm: bool = False) -> None:
        """Say what happened, in the line above the head."""
        role = "alert" if alarm else "status"
        self.status.value = f"<span role='{role}'>{html.escape(text)}</span>"

    @property
    def description(self) -> str:
        """What the view shows, in words."""
        curves = "" if self.curves is None else f"\n{self.curves.description}"
        return f"{self.intro} {self.player.description}{curves}"

    @property
    def still(self) -> bytes:
        """A PNG picture of the head, shown where no widget runs."""
        return self.player.still

    def __repr__(self) -> str:
        """Return the description: no memory address, so that saved outputs compare equal."""
        return self.description

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        data = super()._repr_mimebundle_(**kwargs)
        still = self.still
        if self.curves is not None:
            still = stacked(still, self.curves.picture(), shades=self.curves.shades)
        return with_alternatives(data, self.description, still)

    def _ipython_display_(self) -> None:
        show(self._repr_mimebundle_(), self.player)
