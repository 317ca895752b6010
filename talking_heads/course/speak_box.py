"""`speak_box`: type a sentence and watch it said."""

from __future__ import annotations

import html
import time
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from talking_heads.errors import UserError
from talking_heads.speech import SEEN_VOICES, missing_engines, synthesize
from talking_heads.view import play
from talking_heads.view.player import with_alternatives

if TYPE_CHECKING:
    from talking_heads.models import DiffSpeaker


class SpeakBox(widgets.VBox):
    """A line of text, a voice, a button and a head; made by `speak_box`.

    Attributes
    ----------
    text : Text
        The sentence.
    voice : Dropdown
        Who says it.
    button : Button
        Says it.
    status : HTML
        What happened, or what to do about it.
    player : Player
        The head.
    """

    def __init__(self, model: DiffSpeaker, text: str, voice: str) -> None:
        self._model = model
        self._said: tuple[str, str] | None = None
        wide = {"description_width": "72px"}
        self.text = widgets.Text(
            value=text,
            description="Sentence",
            continuous_update=False,
            layout=widgets.Layout(width="min(560px, 96%)"),
            style=wide,
        )
        self.voice = widgets.Dropdown(
            options=[name for name in SEEN_VOICES if not missing_engines([name])],
            value=voice,
            description="Voice",
            layout=widgets.Layout(width="190px"),
            style=wide,
        )
        self.button = widgets.Button(
            description="Say it", icon="comment", button_style="primary", tooltip="Say the sentence"
        )
        self.status = widgets.HTML()
        speech, motion = self._make(text, voice)
        self.player = play(motion, speech, title=text)
        self._said = (text, voice)
        self.button.on_click(lambda _: self.say())
        # Enter says it too: continuous_update is off, so the value changes only then.
        self.text.observe(lambda _: self.say(), names="value")
        self.voice.observe(lambda _: self.say(), names="value")
        row = widgets.HBox([self.voice, self.button])
        super().__init__([self.text, row, self.status, self.player])

    def _make(self, text: str, voice: str) -> tuple[Any, Any]:
        speech = synthesize(text, voice)
        speaker = voice if voice in self._model.speakers else None
        return speech, self._model.animate(speech.audio, speaker=speaker)

    def say(self) -> None:
        """Say what the line holds, unless the head has just said it in this voice."""
        text, voice = self.text.value.strip(), self.voice.value
        if (text, voice) == self._said:
            return
        started = time.perf_counter()
        self.button.disabled = True
        try:
            speech, motion = self._make(text, voice)
        except UserError as error:
            self.status.value = f"<span role='alert'>{html.escape(str(error))}</span>"
            return
        finally:
            self.button.disabled = False
        self.player.update(motion, speech, title=text)
        self._said = (text, voice)
        seconds = time.perf_counter() - started
        self.status.value = (
            f"<span role='status'>{motion.duration:.1f} s of speech, animated in "
            f"{seconds:.1f} s. Press play.</span>"
        )

    @property
    def description(self) -> str:
        """What the view shows, in words."""
        # Not how many voices: that depends on the engines of the machine, and saved outputs of
        # one machine must equal those of another.
        return (
            "A line to type in, a choice of voices, a button, and a head that says the sentence. "
            f"{self.player.description}"
        )

    def __repr__(self) -> str:
        """Return the description: no memory address, so that saved outputs compare equal."""
        return self.description

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        data = super()._repr_mimebundle_(**kwargs)
        return with_alternatives(data, self.description, self.player.still)


def speak_box(model: DiffSpeaker, text: str = "Hello there.", voice: str = "ada") -> SpeakBox:
    """Show a line of text, a button and a head that says what the line holds.

    Parameters
    ----------
    model : DiffSpeaker
        What turns the sound into motion.
    text : str
        The first sentence.
    voice : str
        The first voice, one of `talking_heads.speech.SEEN_VOICES`.

    Returns
    -------
    SpeakBox
        Display it as the last line of a cell. It needs a running kernel.

    Raises
    ------
    UserError
        If the speech engine is missing or the text cannot be said.
    """
    return SpeakBox(model, text, voice)
