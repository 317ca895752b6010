"""How a person speaks: what differs from speaker to speaker beside the shape of the head.

Some habits can be heard and some cannot. `random_style` ties a part of three of them to the voice:

=============================  ================================================================
what the ear could tell        what it says about the face
=============================  ================================================================
wide range of pitch            lively brows: larger `brow`
fast speech                    smaller opening of the mouth: smaller `amplitude`
second formant relatively high lips spread (a smile shortens the vocal tract): `spread`, `smile`
=============================  ================================================================

The rest is the speaker's own, and only a model that knows the speaker can know it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from talking_heads.errors import UserError
from talking_heads.speech import SEEN_VOICES, UNSEEN_VOICES, VOICES, Voice

MAX_OFFSET = 0.015
"""Largest timing offset in seconds. More cannot be heard from the voice, and so not learnt."""

LIMITS: Mapping[str, tuple[float, float]] = {
    "amplitude": (0.3, 1.5),
    "offset": (-MAX_OFFSET, MAX_OFFSET),
    "rounding": (0.0, 1.5),
    "protrusion": (-1.0, 1.0),
    "spread": (0.0, 2.0),
    "upper_lip": (0.0, 2.0),
    "lower_lip": (0.0, 2.0),
    "asymmetry": (-0.4, 0.4),
    "jaw_side": (-0.4, 0.4),
    "mouth_side": (-0.3, 0.3),
    "smile": (0.0, 0.4),
    "corners": (-1.0, 1.0),
    "press": (0.0, 2.0),
    "jaw_closing": (0.0, 1.0),
    "effort": (0.0, 1.0),
    "variation": (0.0, 2.0),
    "blinks": (0.0, 60.0),
    "blink_length": (0.1, 0.7),
    "double_blinks": (0.0, 1.0),
    "brow": (0.0, 0.8),
    "brow_rest": (-0.3, 0.3),
    "brow_free": (0.0, 0.3),
    "brow_frown": (0.0, 1.0),
    "gaze": (0.0, 0.5),
}
"""Lowest and highest value of each habit."""


@dataclass(frozen=True)
class Style:
    """The habits of one speaker.

    Parameters
    ----------
    amplitude : float
        Factor on how far the mouth opens, about 0.8 to 1.15.
    offset : float
        Seconds by which the mouth follows (above 0) or leads the voice, at most `MAX_OFFSET`.
    rounding : float
        Factor on pucker and funnel.
    protrusion : float
        How the lips round: below 0 narrowed, above 0 thrust forward with the jaw; -1 to 1.
    spread : float
        Factor on stretch and smile in sounds that have them.
    upper_lip, lower_lip : float
        Factor on the motion of the upper and of the lower lip.
    asymmetry : float
        Positive: the left side of the mouth moves more; about -0.2 to 0.2.
    jaw_side : float
        Share of the opening by which the jaw swings to the left (above 0) or right.
    mouth_side : float
        How far the mouth is drawn to the left (above 0) or right while it speaks.
    smile : float
        Smile that is always there, 0 to 0.2.
    corners : float
        What the corners of the mouth do in speech: above 0 dimpled, below 0 drawn down.
    press : float
        Factor on how hard the lips press in p, b and m.
    jaw_closing : float
        Share of the closing of p, b and m that the jaw does; the lips do the rest.
    effort : float
        How much cheeks and nose take part in loud and spread sounds, 0 to 1.
    variation : float
        How much the speaker varies from one time to the next; 1 is common.
    blinks : float
        Blinks a minute.
    blink_length : float
        Seconds from lid fall to lid rise.
    double_blinks : float
        Share of blinks that a second one follows at once.
    brow : float
        Height of the brow motion that follows stress, 0 to 0.6.
    brow_rest : float
        Resting height of the brows; below 0 they are lowered.
    brow_free : float
        Size of brow motion that follows nothing in the voice.
    brow_frown : float
        Share of the stresses that lower the brows instead of lifting them.
    gaze : float
        Size of the gaze shifts, as a fraction of the eyes' full range.

    Raises
    ------
    UserError
        If a value is no number within `LIMITS`.
    """

    amplitude: float = 1.0
    offset: float = 0.0
    rounding: float = 1.0
    protrusion: float = 0.0
    spread: float = 1.0
    upper_lip: float = 1.0
    lower_lip: float = 1.0
    asymmetry: float = 0.0
    jaw_side: float = 0.0
    mouth_side: float = 0.0
    smile: float = 0.0
    corners: float = 0.0
    press: float = 1.0
    jaw_closing: float = 0.15
    effort: float = 0.2
    variation: float = 1.0
    blinks: float = 15.0
    blink_length: float = 0.208
    double_blinks: float = 0.05
    brow: float = 0.3
    brow_rest: float = 0.0
    brow_free: float = 0.08
    brow_frown: float = 0.1
    gaze: float = 0.12

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            low, high = LIMITS[name]
            # bool is a number to Python; it is not meant here.
            number = isinstance(value, int | float | np.integer | np.floating)
            if isinstance(value, bool) or not number or not low - 1e-9 <= value <= high + 1e-9:
                raise UserError(
                    f"The style's {name} must be a number from {low:g} to {high:g}, "
                    f"not {value!r:.40}."
                )

    def to_dict(self) -> dict[str, float]:
        """Return the habits as plain numbers."""
        return {key: float(value) for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Style:
        """Build a style from `to_dict`'s output, or from a part of it.

        Parameters
        ----------
        values : mapping
            Numbers by the names of the habits; those left out take their defaults.

        Returns
        -------
        Style
            With these habits.

        Raises
        ------
        UserError
            If it is no mapping, a name is unknown, or a value is no number within `LIMITS`.
        """
        if not isinstance(values, Mapping):
            raise UserError(f"A style is a mapping of names to numbers, not {values!r:.60}.")
        unknown = [key for key in values if key not in LIMITS]
        if unknown:
            known = ", ".join(item.name for item in fields(cls))
            raise UserError(f"A style has no {unknown[0]!r}.\nIts habits are: {known}.")
        return cls(**values)


def audible_traits(voice: Voice) -> dict[str, float]:
    """Measure what a voice could tell about its speaker's face.

    Parameters
    ----------
    voice : Voice
        Its pitch range, formant scales and speed.

    Returns
    -------
    dict of str to float
        ``"lively"`` from the range of the pitch in semitones, ``"fast"`` from words a minute,
        ``"spread"`` from the second formant's scale against its neighbours'; each about -1.5 to
        1.5 and 0 for a common voice of this package.
    """
    low, high = voice.pitch
    f1, f2, f3 = voice.formants[:3]
    traits = {
        "lively": (12 * math.log2(high / low) - 6.6) / 1.5,
        "fast": (voice.words_per_minute - 168) / 14,
        "spread": (2 * f2 / (f1 + f3) - 1.01) / 0.045,
    }
    return {name: min(max(value, -1.5), 1.5) for name, value in traits.items()}


def random_style(seed: int | list[int], voice: Voice | None = None) -> Style:
    """Draw the habits of a speaker.

    Parameters
    ----------
    seed : int or list of int
        The same seed and voice give the same style.
    voice : Voice, optional
        Whose; what can be heard in it decides a part of three habits (see the module's text).

    Returns
    -------
    Style
        Within the range of the course's speakers.
    """
    rng = np.random.default_rng(seed)
    heard = {"lively": 0.0, "fast": 0.0, "spread": 0.0}
    if voice is not None:
        heard = audible_traits(voice)

    def shared(trait: float, weight: float = 0.7) -> float:
        """Mix what can be heard with what cannot, to unit size."""
        return weight * trait + math.sqrt(1 - weight**2) * rng.normal()

    def within(value: float, low: float, high: float) -> float:
        return round(float(np.clip(value, low, high)), 4)

    def drawn(low: float, high: float) -> float:
        return round(float(rng.uniform(low, high)), 4)

    return Style(
        amplitude=within(0.97 - 0.085 * shared(heard["fast"]), 0.80, 1.14),
        offset=drawn(-MAX_OFFSET, MAX_OFFSET),
        rounding=drawn(0.75, 1.08),
        protrusion=drawn(-0.7, 0.7),
        spread=within(0.92 + 0.18 * shared(heard["spread"]), 0.6, 1.3),
        upper_lip=drawn(0.55, 1.35),
        lower_lip=drawn(0.7, 1.3),
        asymmetry=within(rng.normal(0.0, 0.09), -0.2, 0.2),
        jaw_side=within(rng.normal(0.0, 0.09), -0.2, 0.2),
        mouth_side=within(rng.normal(0.0, 0.05), -0.12, 0.12),
        smile=within(0.05 + 0.05 * shared(heard["spread"]), 0.0, 0.15),
        corners=drawn(-0.6, 0.8),
        press=drawn(0.7, 1.3),
        jaw_closing=drawn(0.0, 0.45),
        effort=drawn(0.0, 0.5),
        variation=drawn(0.8, 1.2),
        blinks=within(16.0 * math.exp(0.4 * rng.normal()), 7.0, 30.0),
        blink_length=drawn(0.18, 0.27),
        double_blinks=drawn(0.0, 0.2),
        brow=within(0.30 + 0.10 * shared(heard["lively"]), 0.10, 0.55),
        brow_rest=drawn(-0.08, 0.10),
        brow_free=drawn(0.03, 0.12),
        brow_frown=drawn(0.0, 0.35),
        gaze=drawn(0.08, 0.20),
    )


@dataclass(frozen=True)
class Speaker:
    """One speaker of the course corpus: a voice, a head and a style.

    Parameters
    ----------
    name : str
        Also the name of the voice in `talking_heads.speech.VOICES`.
    identity : str
        Which head, ``"head-01"`` to ``"head-16"``.
    seen : bool
        Whether models may be trained on the speaker.
    style : Style
        The speaker's habits.
    """

    name: str
    identity: str
    seen: bool
    style: Style


def _speaker(index: int, name: str) -> Speaker:
    """Draw a speaker's habits; the seed is the index, so the table never changes by itself."""
    style = random_style([20, index], VOICES[name])
    return Speaker(name, f"head-{index + 1:02d}", name in SEEN_VOICES, style)


SPEAKERS: dict[str, Speaker] = {
    name: _speaker(index, name) for index, name in enumerate([*SEEN_VOICES, *UNSEEN_VOICES])
}
"""The 16 speakers of the course corpus: twelve to train on, four that stay unheard."""


def get_speaker(name: str) -> Speaker:
    """Return a speaker of the course corpus; raises `UserError` for an unknown name."""
    if name not in SPEAKERS:
        raise UserError(f"There is no speaker {name!r}. Choose from {', '.join(SPEAKERS)}.")
    return SPEAKERS[name]
