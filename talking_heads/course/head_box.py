"""`HeadBox`: what the notebooks' boxes with a head share."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets as widgets

from talking_heads.course.curve_strip import CurveStrip, stacked
from talking_heads.view.player import Cover, HeadWidget, Player, show, with_alternatives

WIDE = {"description_width": "72px"}
"""Style of a control whose name stands on its left."""


class DescribedBox(widgets.VBox):
    """Widgets with their words and a still picture, for readers without a kernel.

    Parameters
    ----------
    children : list of Widget
        From top to bottom; one of them is `status`.
    view : HeadWidget or Cover
        The one among them that hides the still while it lives.

    Attributes
    ----------
    status : HTML
        What happened, or what to do about it.
    """

    status: widgets.HTML

    def __init__(self, children: list[widgets.Widget], view: HeadWidget | Cover) -> None:
        self._hiding = view
        super().__init__(children)

    def tell(self, text: str, *, alarm: bool = False) -> None:
        """Say what happened, in the line above the view."""
        role = "alert" if alarm else "status"
        self.status.value = f"<span role='{role}'>{html.escape(text)}</span>"

    @property
    def description(self) -> str:
        """What the view shows, in words."""
        raise NotImplementedError

    @property
    def still(self) -> bytes:
        """A PNG picture, shown where no widget runs."""
        raise NotImplementedError

    def __repr__(self) -> str:
        """Return the description: no memory address, so that saved outputs compare equal."""
        return self.description

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        data = super()._repr_mimebundle_(**kwargs)
        return with_alternatives(data, self.description, self._whole_still())

    def _whole_still(self) -> bytes:
        return self.still

    def _ipython_display_(self) -> None:
        show(self._repr_mimebundle_(), self._hiding)


class HeadBox(DescribedBox):
    """Controls, a head, curves below it, and both as words and as a still picture.

    Attributes
    ----------
    player : Player
        The head, or several.
    curves : CurveStrip or None
        The curves.
    """

    intro = ""
    """What the controls are, for people who cannot see them."""

    def __init__(
        self, controls: list[widgets.Widget], player: Player, curves: CurveStrip | None = None
    ) -> None:
        self.player, self.curves = player, curves
        self.status = widgets.HTML()
        below = [] if curves is None else [curves]
        super().__init__([*controls, self.status, player, *below], player)

    @property
    def description(self) -> str:
        """What the view shows, in words."""
        curves = "" if self.curves is None else f"\n{self.curves.description}"
        return f"{self.intro} {self.player.description}{curves}"

    @property
    def still(self) -> bytes:
        """A PNG picture of the head, shown where no widget runs."""
        return self.player.still

    def _whole_still(self) -> bytes:
        if self.curves is None:
            return self.still
        return stacked(self.still, self.curves.picture(), shades=self.curves.shades)
