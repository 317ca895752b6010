"""`articulation_box`: type a sentence, and see which sound pulls at which curve."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from talking_heads.corpus import articulate, get_speaker
from talking_heads.course.curve_strip import Curve, CurveStrip, Panel
from talking_heads.course.head_box import WIDE, HeadBox
from talking_heads.course.mouth_curves import gap_curve, shape_curve
from talking_heads.errors import UserError
from talking_heads.face import Motion, get_face
from talking_heads.speech import SEEN_VOICES, Speech, missing_engines, synthesize
from talking_heads.view import play


def articulated(speech: Speech, take: int = 0) -> Motion:
    """Move the speaker's head as the articulation model of the corpus moves it.

    Parameters
    ----------
    speech : Speech
        With its phonemes.
    take : int
        Draws what differs from take to take.

    Returns
    -------
    Motion
        Of coefficients, in the speaker's own style and on the speaker's own head.
    """
    speaker = get_speaker(speech.voice)
    face = get_face(f"{speaker.identity}@medium")
    values = articulate(speech.phonemes, speech.duration, speaker.style, take, face=face)
    return Motion(values, "coefficients", face_id=face.id, speaker=speech.voice)


class ArticulationBox(HeadBox):
    """A line of text, a voice, a take, a head and curves; made by `articulation_box`.

    Attributes
    ----------
    text : Text
        The sentence.
    voice, take : Dropdown
        Who says it, and which of the takes.
    """

    intro = (
        "A line to type in, a choice of voices and takes, a head that the articulation model "
        "moves, and curves below it."
    )

    def __init__(self, text: str, voice: str) -> None:
        self.text = widgets.Text(
            value=text,
            description="Sentence",
            continuous_update=False,
            layout=widgets.Layout(width="min(560px, 96%)"),
            style=WIDE,
        )
        self.voice = widgets.Dropdown(
            options=[name for name in SEEN_VOICES if not missing_engines([name])],
            value=voice,
            description="Voice",
            layout=widgets.Layout(width="190px"),
            style=WIDE,
        )
        self.take = widgets.Dropdown(
            options=[(str(number + 1), number) for number in range(5)],
            value=0,
            description="Take",
            layout=widgets.Layout(width="140px"),
            style=WIDE,
        )
        self.speech, motion = self._make()
        super().__init__(
            [self.text, widgets.HBox([self.voice, self.take])],
            play(motion, self.speech, title=text, height=330),
            CurveStrip(*self._curves(motion)),
        )
        for control in (self.text, self.voice, self.take):
            control.observe(lambda _: self.say(), names="value")

    def _make(self) -> tuple[Speech, Motion]:
        speech = synthesize(self.text.value.strip(), self.voice.value)
        return speech, articulated(speech, self.take.value)

    def _curves(self, motion: Motion) -> tuple[Any, ...]:
        shapes = [Curve(name, shape_curve(motion, name)) for name in ("jaw", "rounding", "spread")]
        panels = [
            Panel("mm", [Curve("gap between the lips", gap_curve(motion))]),
            Panel("coefficient", shapes, high=1.0),
        ]
        words = (
            "Curves of the gap between the lips, and of jaw, rounding and spread, with "
            f"{sum(bool(p.symbol) for p in self.speech.phonemes)} sounds marked above."
        )
        return panels, motion.duration, self.speech.phonemes, words

    def say(self) -> None:
        """Say what the line holds."""
        try:
            self.speech, motion = self._make()
        except UserError as error:
            self.tell(str(error), alarm=True)
            return
        self.player.update(motion, self.speech, title=self.text.value.strip())
        assert self.curves is not None
        self.curves.update(*self._curves(motion))
        self.tell(f"{motion.duration:.1f} s of speech. Press play.")


def articulation_box(text: str = "Two teas, please.", voice: str = "ben") -> ArticulationBox:
    """Show a line of text, and a head that the corpus's articulation model makes say it.

    Parameters
    ----------
    text : str
        The first sentence.
    voice : str
        The first voice, one of `talking_heads.speech.SEEN_VOICES`.

    Returns
    -------
    ArticulationBox
        Display it as the last line of a cell. It needs a running kernel.

    Raises
    ------
    UserError
        If the speech engine is missing or the text cannot be said.
    """
    return ArticulationBox(text, voice)
