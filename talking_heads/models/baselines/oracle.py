"""A ceiling: the articulation of the corpus itself, told what is said but not how this time."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from talking_heads.face.motion import Motion
from talking_heads.speech.frames import frame_count

if TYPE_CHECKING:
    from talking_heads.corpus.style import Style
    from talking_heads.face.head import Face
    from talking_heads.speech.phonemes import Phoneme


def average_style(speakers: Iterable[str]) -> Style:
    """Return the mean habits of those speakers that the course knows.

    Parameters
    ----------
    speakers : iterable of str
        Names; unknown ones are left out.

    Returns
    -------
    Style
        The default where none is known.
    """
    from talking_heads.corpus.style import SPEAKERS, Style

    styles = [SPEAKERS[name].style for name in speakers if name in SPEAKERS]
    if not styles:
        return Style()
    return Style(
        **{
            field.name: float(np.mean([getattr(style, field.name) for style in styles]))
            for field in dataclasses.fields(Style)
        }
    )


class PhonemeOracle:
    """Speaks as the corpus's own articulation does, from the true phonemes and their times.

    It knows neither the small variation of one recording nor, unless it is given the speaker's
    style, the speaker's habits. The upper face does not move.

    Parameters
    ----------
    style : Style or None
        Whose habits; None for those of the speaker that `animate` names.
    fps : float
        Frames a second of its motion.
    """

    speakers: tuple[str, ...] = ()
    random = False

    def __init__(self, style: Style | None, fps: float = 25.0) -> None:
        self.style, self.fps = style, fps

    def animate(
        self,
        audio: NDArray[np.float32],
        *,
        speaker: str | None = None,
        seed: int = 0,
        phonemes: Sequence[Phoneme] = (),
        face: Face | None = None,
    ) -> Motion:
        """Return the motion of the mouth for known phonemes.

        Parameters
        ----------
        audio : ndarray
            ``(samples,)`` at 16 kHz; only its length counts.
        speaker : str, optional
            Whose habits, where the oracle has no style of its own; the default ones for one
            that the course does not know.
        seed : int
            Does not matter.
        phonemes : sequence of Phoneme
            What is said, and when.
        face : Face, optional
            On which the lips must close; the neutral head by default.

        Returns
        -------
        Motion
            At the oracle's frame rate.

        Raises
        ------
        UserError
            If phonemes overlap or run backwards.
        """
        from talking_heads.corpus.articulation import articulate_mouth

        duration = max(1, frame_count(len(audio), self.fps)) / self.fps
        style = self.style or average_style([speaker] if speaker else [])
        values = articulate_mouth(phonemes, duration, style, face=face, fps=self.fps)
        return Motion(values, "coefficients", self.fps, speaker=speaker)
