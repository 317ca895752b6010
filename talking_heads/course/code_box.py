"""`code_box`: move one code of a motion prior and watch the head."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from talking_heads.course.coded_motion import STILL_MM, CodedMotion, nearest_order
from talking_heads.course.face_tiles import faces_figure, heat_face, heat_of
from talking_heads.course.head_box import DescribedBox
from talking_heads.errors import UserError
from talking_heads.face import Motion
from talking_heads.view.content import make_content
from talking_heads.view.encode import encode_face, encode_poses
from talking_heads.view.picture import small_png
from talking_heads.view.player import HeadWidget

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from talking_heads.corpus.heads import Head
    from talking_heads.models.motion_prior import MotionPrior

__all__ = ["CodeBox", "code_box", "code_figure", "component_figure", "nearest_order"]

ONE_FRAME, WHOLE_CLIP = "one frame", "whole clip"
_HEIGHT = 300
_NAMES = {"description_width": "84px"}
_DRAWS = 4
_MOST_COMPONENTS = 16
_MOST_TILES = 6


class CodeBox(DescribedBox):
    """Sliders for a frame, a component and its code, and three heads; made by `code_box`.

    Attributes
    ----------
    scope : ToggleButtons
        ``"one frame"``: the code changes in that frame alone, and the heads show that frame.
        ``"whole clip"``: the code is held in every frame, and the heads play the clip.
    frame, component, code : IntSlider
        Which frame, which of the H components (from 0), and the code that it holds now.
    nearer, farther, reset : Button
        With all codes in a row by distance from the clip's own: half or twice as far along it (1,
        2, 4, ..., K - 1), since neighbours in a large codebook look alike; back to the clip's own.
    head : HeadWidget
        The three heads.
    """

    intro = (
        "Three heads: as the clip's codes say, with one code changed, and the second again as a "
        "heat map of what moved; controls for the frame, the component and its code."
    )

    def __init__(
        self,
        coded: CodedMotion,
        audio: Any,
        frame: int,
        component: int,
        code: int | None,
        most_mm: float,
    ) -> None:
        self.coded, self._audio, self._most = coded, audio, most_mm
        self._quiet = False
        self.scope = widgets.ToggleButtons(
            options=[ONE_FRAME, WHOLE_CLIP], description="Change", style=_NAMES
        )
        own = int(coded.codes[frame, component])
        self.frame = _slider("Frame", frame, len(coded.codes))
        self.component = _slider("Component", component, coded.components)
        self.code = _slider("Code", own if code is None else code, coded.size)
        self.nearer = _button("Nearer", "Half as far in the row by distance", self._step, -1)
        self.farther = _button("Farther", "Twice as far in the row by distance", self._step, 1)
        self.reset = _button("The clip's own", "Back to the clip's code", self._own_code, 0)
        self.head = HeadWidget(layout=widgets.Layout(width="100%"))
        self.status = widgets.HTML()
        buttons = widgets.HBox(
            [self.nearer, self.farther, self.reset], layout=widgets.Layout(flex_flow="row wrap")
        )
        children = [self.scope, self.frame, self.component, self.code, buttons]
        super().__init__([*children, self.status, self.head], self.head)
        self._show()
        self.scope.observe(lambda _: self._show(), names="value")
        self.frame.observe(self._elsewhere, names="value")
        self.component.observe(self._elsewhere, names="value")
        self.code.observe(lambda _: self._follow(), names="value")

    # --- what the controls say -----------------------------------------------------------------

    @property
    def codes(self) -> NDArray[np.int64]:
        """The codes as changed, ``(frame, H)``."""
        frame = self.frame.value if self.scope.value == ONE_FRAME else None
        return self.coded.with_code(self.component.value, self.code.value, frame)

    @property
    def changed(self) -> Motion:
        """The motion that the prior decodes from `codes`."""
        return self.coded.decoded(self.codes)

    @property
    def moved(self) -> dict[str, tuple[float, float]]:
        """How far the skin moved, mm, by region: ``{"lips": (mean, largest), ...}``.

        In the frame of the slider, or over all frames of the clip.
        """
        return self.coded.by_region(self._moved)

    @property
    def _own(self) -> int:
        return int(self.coded.codes[self.frame.value, self.component.value])

    def _elsewhere(self, _change: Any) -> None:
        """Begin anew at another frame or component, with the code that the clip has there."""
        if not self._quiet:
            self._own_code(0)

    def _own_code(self, _: int) -> None:
        self._quiet = True
        self.code.value = self._own
        self._quiet = False
        self._follow()

    def _step(self, by: int) -> None:
        order = nearest_order(self.coded.codebook, self._own)
        rank = int(np.flatnonzero(order == self.code.value)[0])
        rank = max(2 * rank, 1) if by > 0 else rank // 2
        self.code.value = int(order[min(rank, len(order) - 1)])

    # --- what is shown -------------------------------------------------------------------------

    def _follow(self) -> None:
        if self._quiet:
            return
        if self.scope.value == ONE_FRAME:
            self._compute()
            self.head.pose = encode_poses(self._poses())
            self._say()
        else:
            self._show()

    def _compute(self) -> None:
        """Decode, and measure what moved."""
        self._now = self.changed
        moved = self.coded.moved(self._now)
        one = self.scope.value == ONE_FRAME
        self._moved = moved[self.frame.value] if one else moved
        self._frames_moved = int((moved.max(1) > STILL_MM).sum())

    def _poses(self) -> list[tuple[Any, Any, Any]]:
        """Return face, vertices and colours of the three heads in the frame of the slider."""
        coded, frame = self.coded, self.frame.value
        before, after = coded.own_pose(frame), coded.whole(self._now, frame)
        heat = heat_of(coded.face, self._per_vertex(), 0.0, self._most)
        return [(coded.face, before, None), (coded.face, after, None), (coded.face, after, heat)]

    def _per_vertex(self) -> NDArray[np.float64]:
        """Return how far each vertex moved, ``(S,)`` mm: in the frame, or the mean over frames."""
        return self._moved if self._moved.ndim == 1 else self._moved.mean(0)

    def _show(self) -> None:
        """Show what the controls say, from the heads' meshes on."""
        self._compute()
        coded = self.coded
        labels = ["the clip's codes", "one code changed", f"moved, 0 to {self._most:g} mm"]
        title = f"Component {self.component.value} of {coded.components} (from 0)"
        if self.scope.value == WHOLE_CLIP:
            before, after = coded.own_poses, coded.whole(self._now)
            motions = [
                replace(
                    self._now, values=vertices - coded.face.vertices, kind="vertices",
                    head_rotation=None,
                )
                for vertices in (before, after, after)
            ]  # fmt: skip
            heat = heat_face(coded.face, self._per_vertex(), 0.0, self._most)
            content = make_content(
                motions, self._audio, face=[coded.face, coded.face, heat], title=title,
                labels=labels,
            )  # fmt: skip
            self.head.pose = b""
            self.head.show_content(content, _HEIGHT)
        else:
            mesh = encode_face(coded.face)
            self.head.pose = encode_poses(self._poses())
            self.head.content = {
                "heads": [mesh] * 3, "seconds": 0.0, "title": title, "labels": labels,
                "description": self.intro, "height": _HEIGHT, "width": 1440,
            }  # fmt: skip
        self._say()

    def _say(self) -> None:
        self.tell(self._what())

    def _what(self) -> str:
        coded, own, code = self.coded, self._own, self.code.value
        frame, component = self.frame.value, self.component.value
        rank = int(np.flatnonzero(nearest_order(coded.codebook, own) == code)[0])
        place = f"Component {component} of {coded.components} (from 0)"
        where = f"frame {frame} of {len(coded.codes)}"
        near = "its own" if not rank else f"number {rank} of {coded.size - 1} by distance from it"
        if self.scope.value == ONE_FRAME:
            change = f"{place} in {where}: the clip has code {own}; shown is {code}, {near}."
            frames = (
                f" Frames of the clip in which anything moves by more than {STILL_MM:g} mm: "
                f"{self._frames_moved}."
            )
            if not rank:
                return f"{change} Nothing is changed."
        else:
            change = (
                f"{place} holds code {code} in every frame; the clip has {own} in {where}, and "
                f"{len(np.unique(coded.codes[:, component]))} different codes altogether."
            )
            frames = f" {self._frames_moved} of {len(coded.codes)} frames move."
        return f"{change} {coded.region_words(self._moved)}{frames}"

    @property
    def description(self) -> str:
        """What the view shows, in words."""
        return f"{self.intro} The face {self.coded.face.id}. {self._what()}"

    @property
    def still(self) -> bytes:
        """A PNG picture of the three heads in the frame of the slider."""
        (face, before, _), (_, after, heat) = self._poses()[::2]
        painted = replace(face, colors=heat)
        pairs = [(face, before), (face, after), (painted, after)]
        return small_png(pairs, size=(154, 165))


def code_box(
    prior: MotionPrior,
    motion: Motion,
    audio: Any = None,
    *,
    frame: int | None = None,
    component: int = 0,
    code: int | None = None,
    head: Head | None = None,
    most_mm: float = 3.0,
) -> CodeBox:
    """Show a motion as its prior's codes, with sliders that change one of them.

    Three heads stand side by side: decoded from the motion's own codes, decoded from the changed
    ones, and what the change moved, as a heat map in millimetres.

    Parameters
    ----------
    prior : MotionPrior
        With a codebook.
    motion : Motion
        What is encoded: of the prior's kind and mesh. A motion of coefficients is turned into
        vertices of the course's skin where the prior wants those.
    audio : array, Clip or path, optional
        The sound for the whole clip.
    frame : int, optional
        Where the frame slider begins; by default where the mouth is widest open.
    component : int
        Where the component slider begins, 0 to H - 1.
    code : int, optional
        The code to begin with; by default the motion's own, so that nothing is changed yet.
    head : Head, optional
        For a motion of another data set: ``corpus.head(clip.speaker)``.
    most_mm : float
        Where the colours of the heat map end.

    Returns
    -------
    CodeBox
        Display it as the last line of a cell. The sliders need a running kernel.

    Raises
    ------
    UserError
        If the prior has no codebook, or there is no such frame, component or code.
    """
    coded = CodedMotion(prior, motion, head)
    return CodeBox(coded, audio, coded.check(frame, component, code), component, code, most_mm)


def code_figure(
    prior: MotionPrior,
    motion: Motion,
    frame: int | None = None,
    component: int = 0,
    codes: int | list[int] = 4,
    *,
    head: Head | None = None,
    heat: bool = True,
    mouth: bool = False,
) -> tuple[Figure, str]:
    """Draw one frame as decoded, and with other codes in one component, with mm moved.

    Parameters
    ----------
    prior, motion, frame, component, head
        As in `code_box`. The code is changed in every frame.
    codes : int or list of int
        Which codes; a number stands for so many codes spread over the codebook by distance, the
        nearest first and the farthest last.
    heat : bool
        Colours show how far the skin moved; else the faces have their own colours.
    mouth : bool
        Show the mouth alone, from near.

    Returns
    -------
    tuple of Figure and str
        For `talking_heads.course.figures.show`.

    Raises
    ------
    UserError
        As `code_box`, or if there are no codes or more than five.
    """
    coded = CodedMotion(prior, motion, head)
    frame = coded.check(frame, component, None)
    own = int(coded.codes[frame, component])
    order = nearest_order(coded.codebook, own)
    if isinstance(codes, int):
        ranks = np.unique(np.linspace(1, len(order) - 1, codes).round().astype(int))
        codes = [int(order[rank]) for rank in ranks]
    if not 1 <= len(codes) < _MOST_TILES:
        raise UserError(f"The figure shows 1 to {_MOST_TILES - 1} codes, not {len(codes)}.")
    poses, labels, heats = [coded.skin(coded.own)[frame]], [f"code {own}\nthe clip's own"], []
    heats.append(np.zeros(len(poses[0])))
    words = [
        f"Frame {frame} of the face {coded.face.id}, component {component} of {coded.components} "
        f"(from 0): the clip's own code {own} at the left, others beside it, held in every frame."
    ]
    for code in codes:
        coded.check(frame, component, code)
        changed = coded.decoded(coded.with_code(component, code))
        moved = coded.moved(changed)[frame]
        rank = int(np.flatnonzero(order == code)[0])
        poses.append(coded.skin(changed)[frame])
        heats.append(moved)
        labels.append(f"code {code}\nlips {coded.by_region(moved).get('lips', (0, 0))[1]:.1f} mm")
        words.append(f"Code {code}, number {rank} by distance. {coded.region_words(moved)}")
    figure = faces_figure(
        coded.face, poses, labels, values=heats if heat else None,
        value_name=f"moved, {coded.unit}", mouth=mouth,
    )  # fmt: skip
    return figure, " ".join(words)


def component_figure(
    prior: MotionPrior,
    motion: Motion,
    *,
    components: int | None = None,
    seed: int = 0,
    head: Head | None = None,
) -> tuple[Figure, str]:
    """Draw which part of the face each component moves: one heat map a component.

    A component holds one random code in every frame, in four draws; a vertex' colour is how far it
    moves by that, root mean square over frames and draws, in mm.

    Parameters
    ----------
    prior, motion, head
        As in `code_box`.
    components : int, optional
        Show the first so many; by default all, 16 at most.
    seed : int
        Of the draws.

    Returns
    -------
    tuple of Figure and str
        For `talking_heads.course.figures.show`.

    Raises
    ------
    UserError
        As `code_box`.
    """
    coded = CodedMotion(prior, motion, head)
    count = min(coded.components, components or _MOST_COMPONENTS, _MOST_COMPONENTS)
    draws = np.random.default_rng(seed).integers(0, coded.size, (count, _DRAWS))
    heats, words = [], []
    for component in range(count):
        square = [
            np.square(coded.moved(coded.decoded(coded.with_code(component, int(code))))).mean(0)
            for code in draws[component]
        ]
        heats.append(np.sqrt(np.mean(square, axis=0)))
        means = coded.by_region(heats[-1]).items()
        parts = ", ".join(f"{name} {mean:.2f}" for name, (mean, _) in means)
        words.append(f"component {component}: {parts}")
    figure = faces_figure(
        coded.face,
        [np.zeros((len(heat), 3)) for heat in heats],
        [f"component {component}" for component in range(count)],
        values=heats,
        value_name=f"moved, {coded.unit}",
        columns=8 if count > 6 else 6,
    )
    return figure, (
        f"How far each component moves the face {coded.face.id} when it holds a random code, in "
        f"{coded.unit}, mean over the vertices of a region: {'; '.join(words)}."
    )


def _slider(name: str, value: int, count: int) -> widgets.IntSlider:
    return widgets.IntSlider(
        value, 0, count - 1, description=name, continuous_update=False, style=_NAMES,
        layout=widgets.Layout(width="min(560px, 96%)"),
    )  # fmt: skip


def _button(name: str, tip: str, action: Any, argument: int) -> widgets.Button:
    button = widgets.Button(description=name, tooltip=tip, layout=widgets.Layout(width="auto"))
    button.on_click(lambda _: action(argument))
    return button
