"""`explore`: 52 sliders and a head that follows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, ARKIT_NAMES, get_face
from talking_heads.view.encode import encode_face, encode_pose
from talking_heads.view.picture import small_png
from talking_heads.view.player import HeadWidget, show, with_alternatives

if TYPE_CHECKING:
    from talking_heads.face import Face

_PREFIXES = {
    "Mouth": ("mouth", "tongue"),
    "Jaw": ("jaw",),
    "Eyes": ("eye",),
    "Brows": ("brow",),
    "Cheeks": ("cheek", "nose"),
}


class Explorer(widgets.HBox):
    """Sliders by name, grouped by region, beside a live head; made by `explore`.

    Attributes
    ----------
    sliders : dict of str to FloatSlider
        By ARKit name.
    """

    def __init__(self, face: Face) -> None:
        self.face = face
        self.head = HeadWidget()
        self.head.description = f"The face {face.id}, posed by sliders"
        self.head.content = {
            "heads": [encode_face(face)],
            "seconds": 0.0,
            "title": self.head.description,
            "description": self.head.description,
            "height": 420,
        }
        self.head.layout = widgets.Layout(flex="1 1 320px", min_width="260px", max_width="460px")
        self.sliders = {name: self._slider(name) for name in ARKIT_NAMES}
        self._quiet = False
        super().__init__(
            [self.head, self._panel()], layout=widgets.Layout(width="100%", align_items="stretch")
        )

    def _slider(self, name: str) -> widgets.FloatSlider:
        slider = widgets.FloatSlider(
            value=0.0,
            min=0.0,
            max=1.0,
            step=0.01,
            description=name,
            readout_format=".2f",
            layout=widgets.Layout(width="97%", margin="0 2px"),
            style={"description_width": "128px"},
        )
        slider.observe(self._follow, names="value")
        return slider

    def _panel(self) -> widgets.VBox:
        scroll = widgets.Layout(
            max_height="340px", overflow_y="auto", overflow_x="hidden", display="block"
        )
        tabs = widgets.Tab(
            [
                widgets.VBox(
                    [self.sliders[n] for n in ARKIT_NAMES if n.startswith(prefixes)], layout=scroll
                )
                for prefixes in _PREFIXES.values()
            ],
            titles=list(_PREFIXES),
            layout=widgets.Layout(width="100%"),
        )
        reset = widgets.Button(description="Reset", icon="undo", tooltip="Set every slider to 0")
        reset.on_click(lambda _: self.reset())
        return widgets.VBox(
            [tabs, reset], layout=widgets.Layout(flex="1 1 380px", min_width="330px")
        )

    @property
    def coefficients(self) -> NDArray[np.float32]:
        """The sliders' values, (52,), in the order of `talking_heads.face.ARKIT_NAMES`."""
        return np.array([self.sliders[name].value for name in ARKIT_NAMES], dtype=np.float32)

    def set(self, values: Mapping[str, float] | NDArray[np.float32]) -> None:
        """Move several sliders at once.

        Parameters
        ----------
        values : mapping of name to value, or array of shape (52,)
            Names that a mapping lacks keep their value.

        Raises
        ------
        UserError
            If a name is none of the 52.
        """
        if not isinstance(values, Mapping):
            values = dict(zip(ARKIT_NAMES, np.asarray(values, dtype=float), strict=True))
        unknown = [name for name in values if name not in ARKIT_INDEX]
        if unknown:
            raise UserError(
                f"There is no shape {unknown[0]!r}; the names stand in talking_heads.face."
                "ARKIT_NAMES."
            )
        self._quiet = True
        try:
            for name, value in values.items():
                self.sliders[name].value = float(value)
        finally:
            self._quiet = False
        self._follow()

    def reset(self) -> None:
        """Set every slider to 0."""
        self.set(dict.fromkeys(ARKIT_NAMES, 0.0))

    def _follow(self, _change: Any = None) -> None:
        if not self._quiet:
            self.head.pose = encode_pose(self.face, self._vertices())

    def _vertices(self) -> NDArray[np.float32]:
        return np.asarray(self.face.pose(self.coefficients), np.float32).reshape(-1, 3)

    @property
    def description(self) -> str:
        """What the view shows, in words."""
        values = self.coefficients
        raised = [f"{n} {v:.2f}" for n, v in zip(ARKIT_NAMES, values, strict=True) if v > 0]
        state = ", ".join(raised) if raised else "all at 0"
        return f"52 sliders and the face {self.face.id}, which follows them: {state}."

    def __repr__(self) -> str:
        """Return the description: no memory address, so that saved outputs compare equal."""
        return self.description

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        data = super()._repr_mimebundle_(**kwargs)
        png = small_png([(self.face, self._vertices())])
        return with_alternatives(data, self.description, png)

    def _ipython_display_(self) -> None:
        show(self._repr_mimebundle_(), self.head)


def explore(face: Face | str | None = None) -> Explorer:
    """Show a head with a slider for each of its 52 shapes.

    Parameters
    ----------
    face : Face or str, optional
        A face or its id; by default the neutral head.

    Returns
    -------
    Explorer
        Display it as the last line of a cell. It needs a running kernel: each move of a slider
        sends one pose of 10 to 30 kB to the browser.
    """
    if face is None:
        face = "neutral@medium"
    return Explorer(get_face(face) if isinstance(face, str) else face)
