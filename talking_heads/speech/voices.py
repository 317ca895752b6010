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
        Further lines of the variant file: ``tone`` (spectral tilt), ``flutter`` and
        ``roughness`` (unsteady pitch).
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


# Spectral tilts: pairs of frequency and amplitude. The engine's own is 600 170 1200 135 2000 110
# 3000 110.
_DARK = "tone 600 190 1200 110 2000 70 3000 50"
_SOFT = "tone 600 180 1200 125 2000 90 3000 80"
_BRIGHT = "tone 600 150 1200 150 2000 140 3000 140"
_SHARP = "tone 600 120 1200 140 2000 170 3000 190"
_HOLLOW = "tone 600 200 1200 80 2000 130 3000 60"
# The engine's ``breath`` and ``echo`` are not used: they depend on what was spoken before.

_ALL = (
    _voice("ada", "f", "en-US", (165, 235), (112, 114, 112, 110, 110), 160, "flutter 3"),
    _voice("ben", "m", "en-US", (82, 118), (100, 100, 100, 100, 100), 165, "flutter 3"),
    _voice("cleo", "f", "en-GB-x-rp", (190, 290), (118, 123, 119, 116, 116), 170, _BRIGHT),
    _voice("dan", "m", "en", (100, 150), (105, 99, 106, 105, 105), 185, _SHARP, "roughness 2"),
    _voice(
        "eve", "f", "en-US-nyc", (140, 182), (107, 106, 106, 106, 106), 150, _DARK, "roughness 3"
    ),
    _voice("finn", "m", "en-GB-scotland", (110, 165), (103, 109, 104, 104, 104), 160, _SOFT),
    _voice("gina", "f", "en-029", (175, 265), (120, 111, 116, 116, 116), 175, _SHARP, "flutter 6"),
    _voice("hugo", "m", "en-GB-x-rp", (66, 92), (90, 92, 91, 92, 92), 145, _DARK, "roughness 4"),
    _voice("iris", "f", "en", (215, 310), (125, 130, 125, 122, 122), 180, _SOFT, "flutter 2"),
    _voice("jack", "m", "en-US", (92, 160), (95, 106, 97, 97, 97), 190, _BRIGHT, "flutter 8"),
    _voice("kira", "f", "en-GB-x-gbclan", (135, 215), (109, 120, 114, 112, 112), 155, _HOLLOW),
    _voice("leo", "m", "en-US-nyc", (74, 104), (94, 96, 100, 96, 96), 170, _SHARP, "flutter 1"),
    _voice("maya", "f", "en-US", (185, 255), (117, 119, 113, 115, 115), 172, _SOFT, unseen=True),
    _voice("noah", "m", "en", (88, 132), (98, 95, 103, 99, 99), 158, _DARK, unseen=True),
    _voice(
        "olga",
        "f",
        "en-GB-x-gbcwmd",
        (150, 220),
        (111, 109, 109, 109, 109),
        165,
        _SHARP,
        unseen=True,
    ),
    _voice("paul", "m", "en-029", (78, 125), (93, 102, 94, 95, 95), 178, _BRIGHT, unseen=True),
)

VOICES: dict[str, Voice] = {voice.name: voice for voice in _ALL}
"""All voices by name: twelve that models are trained on, then four that they are not."""

SEEN_VOICES: tuple[str, ...] = tuple(name for name, voice in VOICES.items() if not voice.unseen)
UNSEEN_VOICES: tuple[str, ...] = tuple(name for name, voice in VOICES.items() if voice.unseen)
