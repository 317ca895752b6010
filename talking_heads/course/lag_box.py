"""`lag_box`: the same face early, in step and late, and what becomes of its p, b and m."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from talking_heads.course.curve_strip import Curve, CurveStrip, Panel
from talking_heads.course.figures import PAPER, new_figure
from talking_heads.course.head_box import HeadBox
from talking_heads.course.mouth_curves import gap_curve
from talking_heads.course.spectrograms import closure_spans
from talking_heads.errors import UserError
from talking_heads.face import Motion, get_face
from talking_heads.metrics.degradations import degrade, shift
from talking_heads.speech import is_bilabial
from talking_heads.view import play
from talking_heads.view.picture import small_png
from talking_heads.view.raster import render

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from talking_heads.corpus import Clip

MOST = 6
SHUT_MM = 1.0
"""Lips nearer than this count as shut."""
_TILE = (200, 150)
_ZOOM = 3.4


def gaps_at(
    gap: NDArray[np.floating[Any]], times: Sequence[float], fps: float = 25.0
) -> NDArray[np.float64]:
    """Return a curve at some times, as a player shows it: frame ``f`` at ``f / fps`` seconds.

    Parameters
    ----------
    gap : ndarray
        ``(frame,)``.
    times : sequence of float
        Seconds.
    fps : float
        Frames a second.

    Returns
    -------
    ndarray
        ``(len(times),)``, linear between frames.
    """
    return np.asarray(np.interp(times, np.arange(len(gap)) / fps, gap))


def closures(clip: Clip) -> list[tuple[float, float]]:
    """Return start and end, in seconds, of each closure of p, b and m that the motion shows."""
    last = (len(clip.motion) - 1) / clip.motion.fps
    return [(a, b) for a, b in closure_spans(clip.phonemes) if (a + b) / 2 <= last]


def closure_middles(clip: Clip) -> list[float]:
    """Return the middle of each of `closures`, in seconds."""
    return [(start + end) / 2 for start, end in closures(clip)]


def _checked(clip: Clip) -> Clip:
    if clip.kind != "coefficients":
        raise UserError("Lag is shown on motions of coefficients.")
    if not closure_middles(clip):
        raise UserError(f"Nobody says p, b or m in {clip.id}: take a clip with some.")
    return clip


class LagBox(HeadBox):
    """A slider, three heads, and the curves of their lips; made by `lag_box`.

    Attributes
    ----------
    slider : IntSlider
        By how many frames the outer heads are early and late.
    """

    intro = (
        "A slider from 0 to 6 frames, three heads, the first early by so much, the second in step "
        "with the sound, the third late, and the curves of their lips."
    )

    def __init__(self, clip: Clip, frames: int) -> None:
        self._clip = clip
        self._gap = gap_curve(clip.motion)
        self._middles = closure_middles(clip)
        self.slider = widgets.IntSlider(
            frames, 0, MOST, description="Off by, frames", continuous_update=False,
            layout=widgets.Layout(width="min(420px, 96%)"), style={"description_width": "104px"},
        )  # fmt: skip
        super().__init__(
            [self.slider],
            play(
                self.motions(), clip.audio, labels=["early", "in step", "late"], title=clip.text,
                height=300,
            ),
            CurveStrip(*self._curves()),
        )  # fmt: skip
        self.tell(self._what())
        self.slider.observe(lambda _: self._follow(), names="value")

    def motions(self) -> list[Motion]:
        """Return the three motions: early, in step and late."""
        motion, frames = self._clip.motion, self.slider.value
        return [degrade(motion, shift=-frames), motion, degrade(motion, shift=frames)]

    def _moved_gaps(self) -> list[NDArray[np.floating[Any]]]:
        frames = self.slider.value
        return [shift(self._gap, -frames), self._gap, shift(self._gap, frames)]

    def gaps(self) -> list[NDArray[np.float64]]:
        """Return how far the lips are apart, mm, ``(closure,)`` each: early, in step, late.

        In the middle of every closure of p, b and m.
        """
        fps = self._clip.motion.fps
        return [gaps_at(gap, self._middles, fps) for gap in self._moved_gaps()]

    def _curves(self) -> tuple[Any, ...]:
        clip = self._clip
        early, true, late = self._moved_gaps()
        curves = [Curve("in step", true), Curve("early", early), Curve("late", late)]
        panel = Panel("lips, mm", curves, fps=clip.motion.fps, spans=closures(clip), height=110)
        words = (
            "The gap between the lips over time, in step, early and late. "
            f"{len(self._middles)} stretches are shaded, in which p, b or m shut the lips."
        )
        signs = [p for p in clip.phonemes if is_bilabial(p.symbol)]
        return [panel], clip.duration, signs, words

    def _what(self) -> str:
        frames, fps = self.slider.value, self._clip.motion.fps
        early, true, late = self.gaps()
        count = len(self._middles)

        def shut(gaps: NDArray[np.float64]) -> str:
            return f"{int((gaps < SHUT_MM).sum())} of {count} ({gaps.mean():.1f} mm apart)"

        plural = "frame is" if frames == 1 else "frames are"
        return (
            f"{frames} {plural} {1000 * frames / fps:.0f} ms. Lips shut in the middle of p, b and "
            f"m: early {shut(early)}, in step {shut(true)}, late {shut(late)}."
        )

    def _follow(self) -> None:
        self.player.update(self.motions(), self._clip.audio)
        assert self.curves is not None
        self.curves.update(*self._curves())
        self.tell(self._what())

    @property
    def still(self) -> bytes:
        """The three heads in the middle of the closure at which they differ most."""
        early, true, late = self.gaps()
        moment = self._middles[int(np.argmax(early + late - 2 * true))]
        pairs = []
        for motion in self.motions():
            face = get_face(motion.face_id)
            pairs.append((face, face.pose(_row_at(motion.values, moment, motion.fps))[0]))
        return small_png(pairs)

    @property
    def description(self) -> str:
        """What the view shows, in words."""
        return f"{super().description}\nNow: {self._what()}"


def _row_at(values: NDArray[Any], seconds: float, fps: float) -> NDArray[np.float32]:
    """Return ``(1, ...)`` values at a time, linear between frames, as a player shows them."""
    place = min(max(seconds * fps, 0.0), len(values) - 1.0)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    row = values[low] + (place - low) * (values[high] - values[low])
    return np.asarray(row, dtype=np.float32)[None]


def lag_box(clip: Clip, frames: int = 1) -> LagBox:
    """Show a clip's head early, in step and late, with a slider that says by how many frames.

    Parameters
    ----------
    clip : Clip
        Of coefficients, with phonemes and some p, b or m.
    frames : int
        Where the slider begins, 0 to 6.

    Returns
    -------
    LagBox
        Display it as the last line of a cell. The slider needs a running kernel.

    Raises
    ------
    UserError
        If the clip holds vertices, or no p, b or m, or the slider cannot begin there.
    """
    if not 0 <= frames <= MOST:
        raise UserError(f"The slider goes from 0 to {MOST} frames, not to {frames}.")
    return LagBox(_checked(clip), frames)


def lag_figure(
    clip: Clip, offsets: Sequence[int] = (-2, -1, 0, 1, 2), moment: float | None = None
) -> tuple[Figure, str]:
    """Draw the mouth at one closure, with the motion some frames early or late.

    Parameters
    ----------
    clip : Clip
        Of coefficients, with phonemes and some p, b or m.
    offsets : sequence of int
        Frames; positive: the motion is late.
    moment : float, optional
        In seconds; by default the middle of the closure that the offsets open most often.

    Returns
    -------
    tuple of Figure and str
        For `talking_heads.course.figures.show`.

    Raises
    ------
    UserError
        If the clip holds vertices, or no p, b or m.
    """
    motion = _checked(clip).motion
    if not 1 <= len(offsets) <= 9:
        raise UserError(f"The figure shows 1 to 9 mouths, not {len(offsets)}.")
    middles, gap = closure_middles(clip), gap_curve(motion)
    if moment is None:
        moved = [gaps_at(shift(gap, n), middles, motion.fps) for n in offsets]
        # Many mouths a little open tell more than one that gapes.
        moment = middles[int(np.argmax(np.minimum(moved, 2 * SHUT_MM).sum(axis=0)))]
    sign = min(clip.phonemes, key=lambda p: abs((p.start + p.end) / 2 - moment)).symbol
    face = get_face(motion.face_id)
    lips = face.parts["skin"]
    centre = face.vertices[lips][face.regions["lips"]].mean(0)
    background = tuple(int(PAPER[i : i + 2], 16) for i in (1, 3, 5))
    figure, axis = new_figure(height=1.35 + 0.1)
    tiles, labels = [], []
    for frames in offsets:
        row = _row_at(shift(motion.values, frames), moment, motion.fps)
        tiles.append(
            render(
                face.pose(row)[0], face.triangles, face.colors, size=_TILE, zoom=_ZOOM,
                center=(float(centre[0]), float(centre[1]), float(centre[2])),
                background=background,  # type: ignore[arg-type]
            )
        )  # fmt: skip
        apart = 1000 * float(face.aperture(row)[0])
        side = f"{1000 * abs(frames) / motion.fps:.0f} ms {'late' if frames > 0 else 'early'}"
        labels.append((side if frames else "in step", apart))
    wide = _TILE[0]
    axis.imshow(np.concatenate(tiles, axis=1))
    for place, (label, apart) in enumerate(labels):
        axis.text(
            (place + 0.5) * wide, -6, f"{label}: {apart:.1f} mm", ha="center", va="bottom",
            fontsize=8.5,
        )  # fmt: skip
        if place:
            axis.axvline(place * wide - 0.5, color=PAPER, lw=3)
    axis.set_axis_off()
    parts = ", ".join(f"{label} {apart:.1f} mm" for label, apart in labels)
    words = (
        f"The mouth at {moment:.2f} s, in the middle of the {sign}, with the motion moved in time: "
        f"the lips are apart by {parts}."
    )
    return figure, words
