"""The voices: sixteen of our own on espeak-ng, and the four English ones of flite.

A voice of our own is a variant of espeak-ng's formant synthesis: a dozen lines that scale the
formants (the length and shape of the vocal tract), set the range of the pitch and the quality of
the voice. They are written into a private copy of the engine's data for each run; the engine's own
files stay as they are. Flite's voices were recorded from people and come with the engine.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from talking_heads.errors import UserError

ENGINES = ("espeak-ng", "flite")
"""The speech engines."""

FLITE_VOICES = ("slt", "rms", "awb", "kal16")
"""The voices of flite: an American woman and man and a Scotsman, by statistical synthesis from
recordings, and an American man put together from recorded diphones."""

ACCENTS = (
    "en",
    "en-029",
    "en-GB-scotland",
    "en-GB-x-gbclan",
    "en-GB-x-gbcwmd",
    "en-GB-x-rp",
    "en-US",
    "en-US-nyc",
)
"""English accents of espeak-ng."""

TONES: Mapping[str, str] = {
    "plain": "",
    "dark": "600 190 1200 110 2000 70 3000 50",
    "soft": "600 180 1200 125 2000 90 3000 80",
    "bright": "600 150 1200 150 2000 140 3000 140",
    "sharp": "600 120 1200 140 2000 170 3000 190",
    "hollow": "600 200 1200 80 2000 130 3000 60",
}
"""Spectral tilts by name: pairs of frequency and amplitude. The engine's own, "plain", is
600 170 1200 135 2000 110 3000 110."""

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)


@dataclass(frozen=True)
class Voice:
    """One synthetic speaker.

    Parameters
    ----------
    name : str
        Lower-case letters, digits and hyphens, at most 32. With flite, one of `FLITE_VOICES`.
    female : bool
        Else male.
    accent : str
        One of `ACCENTS`.
    pitch : tuple of int
        Lowest and highest pitch of the intonation, about in Hz, 40 to 500.
    formants : tuple of int
        Scale of the formants 1 to 5, in percent of espeak-ng's standard male voice, 70 to 150.
        Higher means a shorter vocal tract.
    words_per_minute : int
        Speaking rate, 100 to 260.
    tone : str
        Spectral tilt, one of `TONES`.
    flutter, roughness : int, optional
        Unsteadiness of the pitch, 0 to 20 and 0 to 7; by default the engine's own.
    engine : str
        One of `ENGINES`. Flite's voices are what they are: for them, pitch, formants and rate
        describe the voice and do not change it. We measured them on 24 sentences: the pitch as
        the range that an espeak-ng voice of the same deciles would have, formants 1 to 3 by linear
        prediction in nine vowels, relative to "ben" (4 and 5 are set to the third), and the rate
        by the length of the sentences.

    Raises
    ------
    UserError
        If a value is not of its kind or out of its range.
    """

    name: str
    female: bool
    accent: str
    pitch: tuple[int, int]
    formants: tuple[int, int, int, int, int]
    words_per_minute: int
    tone: str = "plain"
    flutter: int | None = None
    roughness: int | None = None
    engine: str = "espeak-ng"

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise UserError(
                f"{self.name!r:.60} cannot name a voice.\n"
                "Use at most 32 lower-case letters, digits and hyphens, a letter first."
            )
        _one_of(self, "engine", ENGINES)
        _one_of(self, "accent", ACCENTS)
        _one_of(self, "tone", tuple(TONES))
        if not isinstance(self.female, bool):
            raise UserError(f"Voice {self.name}: female is true or false, not {self.female!r:.40}.")
        _whole(self, "pitch", self.pitch, 2, 40, 500)
        _whole(self, "formants", self.formants, 5, 70, 150)
        _whole(self, "words_per_minute", (self.words_per_minute,), 1, 100, 260)
        if self.pitch[0] >= self.pitch[1]:
            raise UserError(f"Voice {self.name}: the lowest pitch must be below the highest.")
        for key, highest in (("flutter", 20), ("roughness", 7)):
            if getattr(self, key) is not None:
                _whole(self, key, (getattr(self, key),), 1, 0, highest)
        if (self.engine == "flite") != (self.name in FLITE_VOICES):
            raise UserError(
                f"Voice {self.name}: flite has the voices {', '.join(FLITE_VOICES)},\n"
                "and these names are kept for it."
            )

    def variant(self) -> str:
        """Return the text of espeak-ng's variant file."""
        lines = [
            "language variant",
            f"name {self.name}",
            f"gender {'female' if self.female else 'male'}",
            f"pitch {self.pitch[0]} {self.pitch[1]}",
            f"formant 0 {self.formants[0]} 100 100",
            *(f"formant {i} {scale} 100 100" for i, scale in enumerate(self.formants, 1)),
        ]
        # The engine's ``breath`` and ``echo`` are not used: they depend on what was spoken before.
        if TONES[self.tone]:
            lines.append(f"tone {TONES[self.tone]}")
        if self.flutter is not None:
            lines.append(f"flutter {self.flutter}")
        if self.roughness is not None:
            lines.append(f"roughness {self.roughness}")
        return "\n".join(lines) + "\n"

    @property
    def variant_id(self) -> str:
        """Name of the variant file: two different voices of one name do not share it."""
        return "th_" + hashlib.sha256(self.variant().encode()).hexdigest()[:12]

    def to_dict(self) -> dict[str, Any]:
        """Return the voice as plain values that JSON can hold."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Voice:
        """Build a voice from what `to_dict` returns, or a person wrote.

        Parameters
        ----------
        values : mapping
            The parameters of the class. ``tone``, ``flutter``, ``roughness`` and ``engine`` may
            be missing. A name of `VOICES` alone stands for that voice.

        Returns
        -------
        Voice
            The voice.

        Raises
        ------
        UserError
            If a name is unknown or missing, or a value is not of its kind or out of its range.
        """
        if not isinstance(values, Mapping):
            raise UserError(f"A voice is a table of names and values, not {values!r:.60}.")
        name = values.get("name")
        if set(values) == {"name"} and isinstance(name, str) and name in VOICES:
            return VOICES[name]
        known = [item.name for item in fields(cls)]
        unknown = [key for key in values if key not in known]
        if unknown:
            raise UserError(f"A voice has no {unknown[0]!r:.40}.\nIt has: {', '.join(known)}.")
        missing = [key for key in known[:6] if key not in values]
        if missing:
            raise UserError(f"The voice {name!r:.40} lacks: {', '.join(missing)}.")
        given: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        voice = cls(**given)
        if voice.engine == "flite" and voice != VOICES[voice.name]:
            raise UserError(
                f"Flite's voice {voice.name} cannot be changed.\n"
                f'Give {{"name": "{voice.name}"}} alone.'
            )
        return voice


def _one_of(voice: Voice, key: str, choices: tuple[str, ...]) -> None:
    value = getattr(voice, key)
    if not isinstance(value, str) or value not in choices:
        raise UserError(
            f"Voice {voice.name}: {key} cannot be {value!r:.40}.\nChoose one of: "
            f"{', '.join(choices)}."
        )


def _whole(voice: Voice, key: str, values: Any, count: int, lowest: int, highest: int) -> None:
    fits = isinstance(values, tuple) and len(values) == count
    if not fits or not all(type(v) is int and lowest <= v <= highest for v in values):
        shown = values[0] if fits and count == 1 else values
        raise UserError(
            f"Voice {voice.name}: {key} cannot be {shown!r:.60}.\n"
            f"Give {count} whole number{'s' if count > 1 else ''} from {lowest} to {highest}."
        )


def _ours(
    name: str,
    sex: str,
    accent: str,
    pitch: tuple[int, int],
    formants: tuple[int, int, int, int, int],
    words_per_minute: int,
    tone: str = "plain",
    *,
    flutter: int | None = None,
    roughness: int | None = None,
) -> Voice:
    return Voice(
        name, sex == "f", accent, pitch, formants, words_per_minute, tone, flutter, roughness
    )


def _flite(
    name: str,
    sex: str,
    accent: str,
    pitch: tuple[int, int],
    formants: tuple[int, int, int, int, int],
    words_per_minute: int,
) -> Voice:
    return Voice(name, sex == "f", accent, pitch, formants, words_per_minute, engine="flite")


_ALL = (
    _ours("ada", "f", "en-US", (165, 235), (112, 114, 112, 110, 110), 160, flutter=3),
    _ours("ben", "m", "en-US", (82, 118), (100, 100, 100, 100, 100), 165, flutter=3),
    _ours("cleo", "f", "en-GB-x-rp", (190, 290), (118, 123, 119, 116, 116), 170, "bright"),
    _ours("dan", "m", "en", (100, 150), (105, 99, 106, 105, 105), 185, "sharp", roughness=2),
    _ours("eve", "f", "en-US-nyc", (140, 182), (107, 106, 106, 106, 106), 150, "dark", roughness=3),
    _ours("finn", "m", "en-GB-scotland", (110, 165), (103, 109, 104, 104, 104), 160, "soft"),
    _ours("gina", "f", "en-029", (175, 265), (120, 111, 116, 116, 116), 175, "sharp", flutter=6),
    _ours("hugo", "m", "en-GB-x-rp", (66, 92), (90, 92, 91, 92, 92), 145, "dark", roughness=4),
    _ours("iris", "f", "en", (215, 310), (125, 130, 125, 122, 122), 180, "soft", flutter=2),
    _ours("jack", "m", "en-US", (92, 160), (95, 106, 97, 97, 97), 190, "bright", flutter=8),
    _flite("slt", "f", "en-US", (145, 196), (124, 119, 119, 119, 119), 170),
    _flite("rms", "m", "en-US", (77, 122), (76, 101, 99, 99, 99), 143),
    _ours("maya", "f", "en-US", (185, 255), (117, 119, 113, 115, 115), 172, "soft"),
    _ours("noah", "m", "en", (88, 132), (98, 95, 103, 99, 99), 158, "dark"),
    _flite("awb", "m", "en-GB-scotland", (97, 155), (81, 99, 101, 101, 101), 166),
    _flite("kal16", "m", "en-US", (77, 108), (98, 94, 101, 101, 101), 189),
    _ours("kira", "f", "en-GB-x-gbclan", (135, 215), (109, 120, 114, 112, 112), 155, "hollow"),
    _ours("leo", "m", "en-US-nyc", (74, 104), (94, 96, 100, 96, 96), 170, "sharp", flutter=1),
    _ours("olga", "f", "en-GB-x-gbcwmd", (150, 220), (111, 109, 109, 109, 109), 165, "sharp"),
    _ours("paul", "m", "en-029", (78, 125), (93, 102, 94, 95, 95), 178, "bright"),
)

VOICES: dict[str, Voice] = {voice.name: voice for voice in _ALL}
"""All voices by name: the course corpus' twelve to train on, its four others, and four more."""

SEEN_VOICES: tuple[str, ...] = tuple(VOICES)[:12]
"""The voices that models are trained on: ten of our own and two of flite."""
UNSEEN_VOICES: tuple[str, ...] = tuple(VOICES)[12:16]
"""The voices kept out of training to measure how models deal with new ones: two and two."""


def get_voice(voice: str | Voice) -> Voice:
    """Return a voice of `VOICES` by its name; `UserError` if there is none. A `Voice` stays."""
    if isinstance(voice, Voice):
        return voice
    if not isinstance(voice, str) or voice not in VOICES:
        raise UserError(f"There is no voice {voice!r:.60}.\nChoose one of: {', '.join(VOICES)}.")
    return VOICES[voice]


def random_voice(seed: int) -> Voice:
    """Draw a voice of our own for corpora with more speakers than the course's.

    Parameters
    ----------
    seed : int
        From 0; each gives another voice, the same on every machine.

    Returns
    -------
    Voice
        On espeak-ng, with the name ``"voice-<seed>"``.

    Raises
    ------
    UserError
        If the seed is no whole number from 0 to 10^12.
    """
    if type(seed) is not int or not 0 <= seed <= 10**12:
        raise UserError(f"The seed must be a whole number from 0 to 10^12, not {seed!r:.40}.")
    rng = np.random.default_rng([7305, seed])
    female = bool(rng.integers(2))
    # The vocal tract: one scale for all, and a shape of its own. A shorter one goes with a higher
    # pitch, loosely.
    size = rng.uniform(105, 126) if female else rng.uniform(89, 107)
    shape = rng.uniform(-6, 6, size=3)
    formants = [*(size + shape), size, size]
    middle = (200 if female else 108) * math.exp(0.015 * (size - (115 if female else 98)))
    middle *= math.exp(rng.uniform(-0.16, 0.16))
    span = math.exp(0.5 * rng.uniform(0.25, 0.55))
    f1, f2, f3, f4, f5 = (min(max(round(scale), 70), 150) for scale in formants)
    return Voice(
        name=f"voice-{seed}",
        female=female,
        accent=str(rng.choice(ACCENTS)),
        pitch=(round(middle / span), round(middle * span)),
        formants=(f1, f2, f3, f4, f5),
        words_per_minute=int(rng.integers(142, 194)),
        tone=str(rng.choice(list(TONES))),
        flutter=int(rng.integers(0, 9)),
        roughness=int(rng.integers(0, 5)),
    )
