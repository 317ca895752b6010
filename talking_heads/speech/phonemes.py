"""Phonemes: what was said when, and what each sound asks of the mouth.

Symbols are those of the International Phonetic Alphabet as espeak-ng writes them for English,
without stress marks: a length mark stays (``iː``), a diphthong, an affricate or an r-coloured
vowel is one symbol (``aɪ``, ``tʃ``, ``ɔːɹ``). `segments` takes a symbol apart into the targets
that the mouth passes through.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Phoneme:
    """One sound of an utterance.

    Parameters
    ----------
    symbol : str
        IPA without stress mark; ``""`` is a pause.
    start, end : float
        Seconds from the start of the audio. The phonemes of an utterance follow one another
        without gaps and cover all of it.
    stress : int
        2 in the vowel of the stressed syllable, 1 for secondary stress, else 0.
    release : float, optional
        Of a plosive, an affricate or an m: when its closure opens, in seconds from the start of
        the audio. In a plosive all is quiet before it; behind it come the burst and the breath.
    """

    symbol: str
    start: float
    end: float
    stress: int = 0
    release: float | None = None

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.end - self.start

    @property
    def is_pause(self) -> bool:
        """Whether nothing is said."""
        return not self.symbol


@dataclass(frozen=True)
class Segment:
    """One target of the mouth: a consonant, or one of the vowels that a symbol is made of.

    Parameters
    ----------
    symbol : str
        One IPA letter (two for an affricate), without modifiers.
    vowel : bool
        Else it is a consonant.
    place : str
        Of a consonant: bilabial, labiodental, labiovelar, dental, alveolar, postalveolar,
        palatal, velar or glottal. Of a vowel: front, central or back.
    manner : str
        Of a consonant: plosive, affricate, nasal, fricative, approximant, lateral, tap or trill.
        Of a vowel: close, mid or open.
    voiced : bool
        Whether the vocal folds move.
    openness : float
        Of a vowel: 0 (close, as in "see") to 1 (open, as in "father"). 0 for consonants.
    rounding : float
        0 to 1: how far the lips are rounded or pushed forward.
    rhotic : bool
        An r, or a vowel coloured by one.
    """

    symbol: str
    vowel: bool
    place: str
    manner: str
    voiced: bool = True
    openness: float = 0.0
    rounding: float = 0.0
    rhotic: bool = False


# letter: place, openness, rounding. Heights after the IPA vowel chart, in steps of 1/6.
_VOWELS: dict[str, tuple[str, float, float]] = {
    "i": ("front", 0.0, 0.0),
    "y": ("front", 0.0, 1.0),
    "ɪ": ("front", 0.17, 0.0),
    "ʏ": ("front", 0.17, 0.8),
    "e": ("front", 0.33, 0.0),
    "ø": ("front", 0.33, 0.9),
    "ɛ": ("front", 0.67, 0.0),
    "œ": ("front", 0.67, 0.7),
    "æ": ("front", 0.83, 0.0),
    "a": ("front", 1.0, 0.0),
    "ɶ": ("front", 1.0, 0.5),
    "ɨ": ("central", 0.0, 0.0),
    "ᵻ": ("central", 0.17, 0.0),
    "ʉ": ("central", 0.0, 0.9),
    "ɘ": ("central", 0.33, 0.0),
    "ɵ": ("central", 0.33, 0.7),
    "ə": ("central", 0.5, 0.0),
    "ɚ": ("central", 0.5, 0.2),
    "ɜ": ("central", 0.6, 0.0),
    "ɝ": ("central", 0.6, 0.2),
    "ɞ": ("central", 0.67, 0.6),
    "ɐ": ("central", 0.83, 0.0),
    "ɯ": ("back", 0.0, 0.0),
    "u": ("back", 0.0, 1.0),
    "ʊ": ("back", 0.17, 0.8),
    "ɤ": ("back", 0.33, 0.0),
    "o": ("back", 0.33, 0.9),
    "ʌ": ("back", 0.67, 0.0),
    "ɔ": ("back", 0.67, 0.7),
    "ɑ": ("back", 1.0, 0.0),
    "ɒ": ("back", 1.0, 0.4),
}
_RHOTIC_VOWELS = frozenset("ɚɝ")

# letters: place, manner, voiced, rounding.
_CONSONANTS: dict[str, tuple[str, str, bool, float]] = {
    "p": ("bilabial", "plosive", False, 0.0),
    "b": ("bilabial", "plosive", True, 0.0),
    "m": ("bilabial", "nasal", True, 0.0),
    "ɸ": ("bilabial", "fricative", False, 0.0),
    "β": ("bilabial", "fricative", True, 0.0),
    "f": ("labiodental", "fricative", False, 0.0),
    "v": ("labiodental", "fricative", True, 0.0),
    "ɱ": ("labiodental", "nasal", True, 0.0),
    "ʋ": ("labiodental", "approximant", True, 0.0),
    "w": ("labiovelar", "approximant", True, 1.0),
    "ʍ": ("labiovelar", "fricative", False, 1.0),
    "θ": ("dental", "fricative", False, 0.0),
    "ð": ("dental", "fricative", True, 0.0),
    "t": ("alveolar", "plosive", False, 0.0),
    "d": ("alveolar", "plosive", True, 0.0),
    "ʈ": ("alveolar", "plosive", False, 0.0),
    "ɖ": ("alveolar", "plosive", True, 0.0),
    "n": ("alveolar", "nasal", True, 0.0),
    "ɳ": ("alveolar", "nasal", True, 0.0),
    "s": ("alveolar", "fricative", False, 0.0),
    "z": ("alveolar", "fricative", True, 0.0),
    "l": ("alveolar", "lateral", True, 0.0),
    "ɫ": ("alveolar", "lateral", True, 0.0),
    "ɬ": ("alveolar", "fricative", False, 0.0),
    "ɭ": ("alveolar", "lateral", True, 0.0),
    "ɾ": ("alveolar", "tap", True, 0.0),
    "r": ("alveolar", "trill", True, 0.2),
    "ɹ": ("postalveolar", "approximant", True, 0.5),
    "ɻ": ("postalveolar", "approximant", True, 0.5),
    "ʃ": ("postalveolar", "fricative", False, 0.7),
    "ʒ": ("postalveolar", "fricative", True, 0.7),
    "tʃ": ("postalveolar", "affricate", False, 0.7),
    "dʒ": ("postalveolar", "affricate", True, 0.7),
    "ɕ": ("palatal", "fricative", False, 0.3),
    "ʑ": ("palatal", "fricative", True, 0.3),
    "ç": ("palatal", "fricative", False, 0.0),
    "ʝ": ("palatal", "fricative", True, 0.0),
    "j": ("palatal", "approximant", True, 0.0),
    "ʲ": ("palatal", "approximant", True, 0.0),
    "ɲ": ("palatal", "nasal", True, 0.0),
    "ʎ": ("palatal", "lateral", True, 0.0),
    "c": ("palatal", "plosive", False, 0.0),
    "ɟ": ("palatal", "plosive", True, 0.0),
    "k": ("velar", "plosive", False, 0.0),
    "ɡ": ("velar", "plosive", True, 0.0),
    "ŋ": ("velar", "nasal", True, 0.0),
    "x": ("velar", "fricative", False, 0.0),
    "ɣ": ("velar", "fricative", True, 0.0),
    "q": ("velar", "plosive", False, 0.0),
    "χ": ("velar", "fricative", False, 0.0),
    "ʁ": ("velar", "fricative", True, 0.0),
    "h": ("glottal", "fricative", False, 0.0),
    "ɦ": ("glottal", "fricative", True, 0.0),
    "ʔ": ("glottal", "plosive", False, 0.0),
}
_RHOTIC_CONSONANTS = frozenset("rɹɻ")

_STRESS = {"ˈ": 2, "ˌ": 1}
# Not IPA, but seen in espeak-ng's output for some accents.
_REPLACEMENTS = {"g": "ɡ", ":": "ː", "'": "ˈ"}


def normalize_symbol(symbol: str) -> tuple[str, int]:
    """Take the stress mark off an IPA symbol and bring its spelling to one form.

    Ties and tone marks are dropped, ``:`` becomes ``ː``, a doubled vowel a long one (``aa`` to
    ``aː``), ``g`` the IPA letter ``ɡ``, and an ``r`` after a vowel in the same symbol ``ɹ``.

    Parameters
    ----------
    symbol : str
        As the engine gives it, for example ``"ˈaɪ"``.

    Returns
    -------
    str
        The symbol without stress, ``""`` for a pause.
    int
        Stress: 2 primary, 1 secondary, 0 none.
    """
    stress = 0
    letters: list[str] = []
    for letter in unicodedata.normalize("NFD", symbol.strip()):
        letter = _REPLACEMENTS.get(letter, letter)
        if letter in _STRESS:
            stress = max(stress, _STRESS[letter])
        elif letter in ("͡", "͜", "_", "|", "ˑ") or letter.isspace() or letter.isdigit():
            continue
        elif letters and letter == letters[-1] and letter in _VOWELS:
            letters.append("ː")
        else:
            letters.append(letter)
    # ç is one letter of IPA, but NFD takes it apart.
    return "".join(letters).replace("ç", "ç"), stress


@lru_cache(maxsize=1024)
def segments(symbol: str) -> tuple[Segment, ...]:
    """Take a symbol apart into the targets that the mouth passes through.

    Parameters
    ----------
    symbol : str
        An IPA symbol, with or without stress mark.

    Returns
    -------
    tuple of Segment
        ``aɪ`` gives two vowels, ``ɔːɹ`` a vowel and an r, ``tʃ`` one affricate, a pause none.
        Letters that are not known are skipped.
    """
    found: list[Segment] = []
    text, _ = normalize_symbol(symbol)
    position = 0
    while position < len(text):
        for length in (2, 1):
            letters = text[position : position + length]
            if len(letters) == length and (letters in _CONSONANTS or letters in _VOWELS):
                found.append(_segment(letters))
                break
        position += length
    return tuple(found)


def _segment(letters: str) -> Segment:
    if letters in _VOWELS:
        place, openness, rounding = _VOWELS[letters]
        manner = "close" if openness < 0.3 else "open" if openness > 0.75 else "mid"
        rhotic = letters in _RHOTIC_VOWELS
        return Segment(letters, True, place, manner, True, openness, rounding, rhotic)
    place, manner, voiced, rounding = _CONSONANTS[letters]
    rhotic = letters in _RHOTIC_CONSONANTS
    return Segment(letters, False, place, manner, voiced, 0.0, rounding, rhotic)


@lru_cache(maxsize=1024)
def phoneme_classes(symbol: str) -> frozenset[str]:
    """Return the names of the classes that a sound belongs to.

    Parameters
    ----------
    symbol : str
        An IPA symbol, with or without stress mark.

    Returns
    -------
    frozenset of str
        ``{"pause"}`` for a pause; else ``vowel`` or ``consonant``, the places and manners of its
        `segments`, and where they hold ``voiced``, ``rounded`` (lips clearly forward: at least
        0.5), ``rhotic``, ``diphthong``, ``long``, ``syllabic`` (a consonant that makes a syllable,
        as in "button") and ``labial`` (lips or lip and teeth must meet: p b m f v). A symbol that
        is not known gives the empty set.
    """
    text, _ = normalize_symbol(symbol)
    if not text:
        return frozenset({"pause"})
    parts = segments(text)
    if not parts:
        return frozenset()
    vowels = [part for part in parts if part.vowel]
    # What a vowel's symbol carries besides (the r of ɔːɹ, the l of əl) colours it.
    classes = {"vowel" if vowels else "consonant"}
    for part in parts:
        classes |= {part.place, part.manner}
        if part.voiced:
            classes.add("voiced")
        if part.rounding >= 0.5:
            classes.add("rounded")
        if part.rhotic:
            classes.add("rhotic")
        if part.place in ("bilabial", "labiodental"):
            classes.add("labial")
    if len(vowels) > 1:
        classes.add("diphthong")
    if "ː" in text:
        classes.add("long")
    if not vowels and "\u0329" in text:
        classes.add("syllabic")
    return frozenset(classes)


def is_bilabial(symbol: str) -> bool:
    """Return whether the lips must close for this sound: p, b or m."""
    return "bilabial" in phoneme_classes(symbol)


def phoneme_at(phonemes: Sequence[Phoneme], time: float) -> Phoneme | None:
    """Return the phoneme that sounds at ``time`` seconds, or None outside the utterance."""
    for phoneme in phonemes:
        if phoneme.start <= time < phoneme.end:
            return phoneme
    return None
