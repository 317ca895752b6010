"""`chorus_box`: one sentence by up to four people side by side, one of them heard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from talking_heads.course.alignment import in_step
from talking_heads.course.curve_strip import Curve, CurveStrip, Panel
from talking_heads.course.head_box import WIDE, HeadBox
from talking_heads.course.mouth_curves import gap_curve
from talking_heads.errors import UserError
from talking_heads.face import Motion
from talking_heads.view import play

if TYPE_CHECKING:
    from talking_heads.corpus import Clip

MOST = 4


class ChorusBox(HeadBox):
    """Heads side by side, buttons that choose who is heard, and a switch; made by `chorus_box`.

    Attributes
    ----------
    heard : ToggleButtons
        Whose sound plays.
    stretch : Checkbox
        Whether the others are stretched, sound by sound, to the one who is heard.
    """

    def __init__(self, clips: Sequence[Clip]) -> None:
        self._clips = tuple(clips)
        names = [clip.speaker for clip in clips]
        self.intro = (
            f"One sentence by {len(names)} speakers. Buttons choose who is heard "
            f"({', '.join(names)}), and a switch stretches the others to that voice."
        )
        self.heard = widgets.ToggleButtons(
            options=[(name, i) for i, name in enumerate(names)],
            description="Hear",
            style={**WIDE, "button_width": "90px"},
        )
        self.stretch = widgets.Checkbox(
            value=False,
            description="Stretch the others to this voice",
            indent=False,
            layout=widgets.Layout(width="auto", margin="2px 0 2px 4px"),
        )
        motions = self.motions()
        super().__init__(
            [self.heard, self.stretch],
            play(
                motions,
                self._clips[0],
                labels=names,
                title=self._clips[0].text,
                height=300,
            ),
            CurveStrip(*self._curves(motions)),
        )
        self.tell(self._what())
        self.heard.observe(lambda _: self._follow(), names="value")
        self.stretch.observe(lambda _: self._follow(), names="value")

    @property
    def leader(self) -> Clip:
        """The clip that is heard."""
        return self._clips[self.heard.value]

    def motions(self) -> list[Motion]:
        """Return the motions that are shown, from left to right."""
        if not self.stretch.value:
            return [clip.motion for clip in self._clips]
        lead = self.leader
        return [
            clip.motion
            if clip is lead
            else in_step(clip.motion, clip.phonemes, lead.phonemes, len(lead))
            for clip in self._clips
        ]

    def _curves(self, motions: Sequence[Motion]) -> tuple[Any, ...]:
        gaps = [
            Curve(clip.speaker, gap_curve(motion))
            for clip, motion in zip(self._clips, motions, strict=True)
        ]
        words = "Curves of the gap between the lips, one for each speaker."
        seconds = max(motion.duration for motion in motions)
        return [Panel("mm", gaps)], seconds, self.leader.phonemes, words

    def _what(self) -> str:
        others = "stretched to this voice" if self.stretch.value else "silent, at their own pace"
        return f"You hear {self.leader.speaker}. The others are {others}."

    def _follow(self) -> None:
        motions = self.motions()
        self.player.update(motions, self.leader)
        assert self.curves is not None
        self.curves.update(*self._curves(motions))
        self.tell(self._what())


def chorus_box(clips: Sequence[Clip]) -> ChorusBox:
    """Show one sentence by two to four speakers side by side.

    There are as many sounds as heads, and only one can be heard: buttons choose which. The other
    heads move at their own pace, or are stretched to the voice that is heard
    (`talking_heads.course.alignment.in_step`).

    Parameters
    ----------
    clips : sequence of Clip
        Of one sentence, with phonemes and coefficients.

    Returns
    -------
    ChorusBox
        Display it as the last line of a cell. It needs a running kernel.

    Raises
    ------
    UserError
        If there are not two to four clips, or they are not of one sentence, or lack phonemes.
    """
    if not 2 <= len(clips) <= MOST:
        raise UserError(f"Two to {MOST} clips stand side by side, not {len(clips)}.")
    if len({clip.text for clip in clips}) != 1 or len({clip.speaker for clip in clips}) < len(
        clips
    ):
        raise UserError("The clips must be of one sentence, each by another speaker.")
    if any(not clip.phonemes or clip.kind != "coefficients" for clip in clips):
        raise UserError("Every clip must know its phonemes and hold coefficients.")
    return ChorusBox(clips)
