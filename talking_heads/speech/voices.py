"""The sixteen voices of the course: our own variants of espeak-ng's formant synthesis.

A variant is a dozen lines that scale the formants (the length and shape of the vocal tract), set
the range of the pitch and the quality of the voice. They are written into a private copy of the
engine's data for each run; the engine's own files stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Voice:
    """One synthetic speaker.

    Parameters
    ----------
    name : str
        As in `VOICES`.
    female : bool
        Else male.
    accent : str
        The engine's language file, for example ``"gmw/en-US"``.
    pitch : tuple of int
        Lowest and highest pitch of the intonation, about in Hz.
    formants : tuple of int
        Scale of the formants 1 to 5, in percent of the engine's standard male voice. Higher
        means a shorter vocal tract.
    words_per_minute : int
        Speaking rate.
    settings : tuple of str
        Further lines of the variant file: ``flutter``, ``roughness``, ``breath``, ``tone``,
        ``consonants``, ``intonation``, ``stressAdd``.
    unseen : bool
        Kept out of training, to measure how models deal with new voices.
    """

    name: str
    female: bool
    accent: str
    pitch: tuple[int, int]
    formants: tuple[int, int, int, int, int]
    words_per_minute: int
    settings: tuple[str, ...] = ()
    unseen: bool = False

    def variant(self) -> str:
        """Return the text of the engine's variant file."""
        f1, f2, f3, f4, f5 = self.formants
        lines = [
            "language variant",
            f"name {self.name}",
            f"gender {'female' if self.female else 'male'}",
            f"pitch {self.pitch[0]} {self.pitch[1]}",
            f"formant 0 {f1} 100 100",
            f"formant 1 {f1} 100 100",
            f"formant 2 {f2} 100 100",
            f"formant 3 {f3} 100 100",
            f"formant 4 {f4} 100 100",
            f"formant 5 {f5} 100 100",
            *self.settings,
        ]
        return "\n".join(lines) + "\n"


def _voice(
    name: str,
    sex: str,
    accent: str,
    pitch: tuple[int, int],
    formants: tuple[int, int, int, int, int],
    words_per_minute: int,
    *settings: str,
    unseen: bool = False,
) -> Voice:
    return Voice(
        name, sex == "f", f"gmw/{accent}", pitch, formants, words_per_minute, settings, unseen
    )


_ALL = (
    _voice("ada", "f", "en-US", (165, 235), (112, 114, 112, 110, 110), 160, "flutter 3"),
    _voice("ben", "m", "en-US", (82, 118), (100, 100, 100, 100, 100), 165, "flutter 3"),
    _voice("cleo", "f", "en-GB-x-rp", (190, 290), (118, 121, 118, 116, 116), 170, "flutter 5"),
    _voice("dan", "m", "en", (100, 150), (104, 101, 104, 104, 104), 185, "roughness 2"),
    _voice("eve", "f", "en-US-nyc", (140, 182), (108, 109, 107, 106, 106), 150, "roughness 4"),
    _voice("finn", "m", "en-GB-scotland", (115, 175), (106, 107, 107, 106, 106), 160, "flutter 4"),
    _voice("gina", "f", "en-029", (175, 265), (115, 112, 114, 114, 114), 175, "flutter 6"),
    _voice("hugo", "m", "en-GB-x-rp", (66, 92), (92, 94, 93, 93, 93), 145, "roughness 5"),
    _voice("iris", "f", "en", (210, 300), (122, 126, 122, 120, 120), 180, "flutter 2"),
    _voice("jack", "m", "en-US", (92, 160), (97, 104, 98, 98, 98), 190, "flutter 8"),
    _voice(
        "kira", "f", "en-GB-x-gbclan", (155, 245), (110, 117, 113, 112, 112), 155, "roughness 1"
    ),
    _voice("leo", "m", "en-US-nyc", (74, 104), (95, 97, 98, 96, 96), 170, "flutter 1"),
    _voice("maya", "f", "en-US", (185, 255), (116, 118, 115, 115, 115), 172, unseen=True),
    _voice("noah", "m", "en", (88, 132), (99, 97, 101, 99, 99), 158, "flutter 5", unseen=True),
    _voice("olga", "f", "en-GB-x-gbcwmd", (150, 215), (109, 112, 110, 109, 109), 165, unseen=True),
    _voice("paul", "m", "en-029", (78, 125), (96, 99, 95, 96, 96), 178, "flutter 2", unseen=True),
)

VOICES: dict[str, Voice] = {voice.name: voice for voice in _ALL}
"""All voices by name: twelve that models are trained on, then four that they are not."""

SEEN_VOICES: tuple[str, ...] = tuple(name for name, voice in VOICES.items() if not voice.unseen)
UNSEEN_VOICES: tuple[str, ...] = tuple(name for name, voice in VOICES.items() if voice.unseen)
