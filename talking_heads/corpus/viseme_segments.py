"""From phonemes to stretches of time that belong to one viseme each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talking_heads.corpus.visemes import VISEMES, Viseme
from talking_heads.speech import Phoneme, normalize_symbol

_SYMBOLS: dict[str, str] = {
    **dict.fromkeys("pbmɸβ", "bilabial"),
    **dict.fromkeys("fvʋɱ", "labiodental"),
    **dict.fromkeys("θð", "dental"),
    **dict.fromkeys("tdnɾʈɖɳ", "alveolar"),
    **dict.fromkeys("lɫɬɭ", "lateral"),
    **dict.fromkeys("sz", "sibilant"),
    **dict.fromkeys("ʃʒɕʑ", "postalveolar"),
    **dict.fromkeys("kɡŋxɣqχ", "velar"),
    **dict.fromkeys("hʔɦ", "glottal"),
    **dict.fromkeys("ɹrɻʁ", "rhotic"),
    **dict.fromkeys("wʍ", "labiovelar"),
    **dict.fromkeys("jçʲɲʎcɟʝ", "palatal"),
    **dict.fromkeys("i", "close_front"),
    **dict.fromkeys("ɪᵻɨ", "near_close_front"),
    **dict.fromkeys("eɛ", "mid_front"),
    **dict.fromkeys("æa", "open_front"),
    **dict.fromkeys("ɑ", "open_back"),
    **dict.fromkeys("ɒ", "open_rounded"),
    **dict.fromkeys("ɔoøœ", "mid_rounded"),
    **dict.fromkeys("ʌɐɤ", "open_central"),
    **dict.fromkeys("əᵊ", "schwa"),
    **dict.fromkeys("ɜɚɝɵɘɞ", "mid_central"),
    **dict.fromkeys("ʊʏ", "near_close_rounded"),
    **dict.fromkeys("uʉyɯ", "close_rounded"),
}

# Where the burst stands within the phoneme, measured on the level of 105 p, b and m of five voices
# of our synthesiser: behind it come aspiration and the start of the vowel.
_RELEASE = {"p": 0.58, "b": 0.68, "m": 0.80}
# Air that is held up behind the lips rounds the cheeks a little; in m it leaves by the nose.
_PRESSURE = {"p": 0.14, "b": 0.08}


def visemes_of(symbol: str) -> tuple[Viseme, ...]:
    """Return the visemes that an IPA symbol passes through.

    Parameters
    ----------
    symbol : str
        One phoneme in the IPA of espeak-ng: ``"p"``, ``"aɪ"``, ``"tʃ"``, ``"ɑːɹ"``. Stress
        marks, length marks and diacritics are ignored; ``""`` is a pause.

    Returns
    -------
    tuple of Viseme
        One, or one a letter for diphthongs, affricates and vowels with an r behind them. A symbol
        without a known letter looks like schwa.
    """
    letters = [letter for letter in normalize_symbol(symbol)[0] if letter in _SYMBOLS]
    if not letters:
        return (VISEMES["pause" if not symbol.strip() else "schwa"],)
    names = [_SYMBOLS[letter] for letter in letters]
    if names == ["alveolar", "postalveolar"]:  # The lips are round from the start of tʃ and dʒ.
        names = ["postalveolar"]
    kept = [name for i, name in enumerate(names) if i == 0 or name != names[i - 1]]
    return tuple(VISEMES[name] for name in kept)


@dataclass(frozen=True)
class Segment:
    """A stretch of time that belongs to one viseme, in seconds.

    `release` is the share of it after which closed lips part: in a plosive, at the burst.
    `pressure` is how far the air behind the lips puffs the cheeks.
    """

    viseme: Viseme
    start: float
    end: float
    stress: int = 0
    release: float = 1.0
    pressure: float = 0.0

    @property
    def centre(self) -> float:
        """Middle of the segment in seconds."""
        return 0.5 * (self.start + self.end)

    @property
    def half(self) -> float:
        """Half the length of the segment in seconds."""
        return 0.5 * (self.end - self.start)


def _release_of(phoneme: Phoneme) -> float:
    """Return the share of a sound after which closed lips part: as heard, else as usual."""
    usual = _RELEASE.get(phoneme.symbol[:1], 1.0)
    if phoneme.release is None or usual == 1.0 or phoneme.end <= phoneme.start:
        return usual
    share = (phoneme.release - phoneme.start) / (phoneme.end - phoneme.start)
    return min(max(share, 0.0), 1.0)


def segments_of(phonemes: Sequence[Phoneme]) -> list[Segment]:
    """Turn phonemes into segments of visemes.

    The first part of a diphthong takes 60 % of its time; further parts share the rest.

    Parameters
    ----------
    phonemes : sequence of Phoneme
        In order of time.

    Returns
    -------
    list of Segment
        At least as many as `phonemes`, covering the same time.
    """
    segments = []
    for phoneme in phonemes:
        visemes = visemes_of(phoneme.symbol)
        release = _release_of(phoneme)
        pressure = _PRESSURE.get(phoneme.symbol[:1], 0.0)
        length = phoneme.end - phoneme.start
        if len(visemes) == 1:
            edges = [phoneme.start, phoneme.end]
        else:
            rest = 0.4 * length / (len(visemes) - 1)
            first = phoneme.start + 0.6 * length
            edges = [phoneme.start, *(first + rest * i for i in range(len(visemes)))]
        segments += [
            Segment(viseme, edges[i], edges[i + 1], phoneme.stress, release, pressure)
            for i, viseme in enumerate(visemes)
        ]
    return segments


def frames_of(phoneme: Phoneme | Segment, frames: int, fps: float) -> NDArray[np.int64]:
    """Return the frames that show a sound: those whose time f / fps lies within it.

    Parameters
    ----------
    phoneme : Phoneme or Segment
        With start and end in seconds.
    frames : int
        Length of the motion.
    fps : float
        Frames a second.

    Returns
    -------
    ndarray of int
        At least one: the frame nearest to the middle where none lies within. Empty if the
        phoneme lies behind the last frame.
    """
    first = int(np.ceil(phoneme.start * fps - 1e-6))
    last = int(np.floor(phoneme.end * fps + 1e-6))
    if last < first:
        first = last = round(0.5 * (phoneme.start + phoneme.end) * fps)
    return np.arange(max(first, 0), min(last, frames - 1) + 1)
