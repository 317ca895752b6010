"""Which sounds of English a corpus holds, and which pairs of sounds.

The two engines and eight accents write 60 different symbols. Here they become the 40 phonemes of
American English (the 39 of the CMU dictionary and schwa): a Scottish ``ʉ`` counts as ``uː``, an
``ɔːɹ`` as the two sounds that it is. Pauses count as a 41st sound in pairs, for how a mouth leaves
rest matters too.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from talking_heads.corpus.collection import Corpus
from talking_heads.speech import Phoneme, normalize_symbol

PHONEMES: tuple[str, ...] = (
    *("p", "b", "t", "d", "k", "ɡ", "tʃ", "dʒ", "f", "v", "θ", "ð", "s", "z", "ʃ", "ʒ", "h"),
    *("m", "n", "ŋ", "l", "ɹ", "w", "j"),
    *("iː", "ɪ", "ɛ", "æ", "ɑ", "ʌ", "ɔ", "ʊ", "uː", "ɜ", "ə"),
    *("eɪ", "aɪ", "ɔɪ", "aʊ", "oʊ"),
)
"""The phonemes that are counted: 24 consonants, 11 vowels and 5 diphthongs."""

PAUSE = "#"
"""Stands for a pause in diphones."""

# Letters as the engines write them, without length marks and diacritics; longest match first.
_SPELLINGS: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in PHONEMES if "ː" not in name},
    **{"i": ("iː",), "u": ("uː",), "ɒ": ("ɑ",), "a": ("æ",), "o": ("oʊ",), "e": ("ɛ",)},
    **{"ɐ": ("ə",), "ɚ": ("ə", "ɹ"), "ᵻ": ("ɪ",), "ʉ": ("uː",), "əʊ": ("oʊ",), "əɪ": ("ɜ",)},
    **{"eə": ("ɛ", "ɹ"), "ɛə": ("ɛ", "ɹ"), "iə": ("ɪ", "ə"), "ʊə": ("ʊ", "ə"), "oə": ("ɔ", "ə")},
    **{"ʌʉ": ("aʊ",), "ɾ": ("t",), "ʔ": ("t",), "r": ("ɹ",), "ʍ": ("w",), "ʲ": (), "x": ("k",)},
}
_LONGEST = max(map(len, _SPELLINGS))
# With a length mark these letters are other phonemes than without one.
_LONG: dict[str, tuple[str, ...]] = {"e": ("eɪ",), "a": ("ɑ",)}


@lru_cache(maxsize=1024)
def broad_phonemes(symbol: str) -> tuple[str, ...]:
    """Return the phonemes that a symbol of an engine stands for.

    Parameters
    ----------
    symbol : str
        IPA as in `Phoneme.symbol`.

    Returns
    -------
    tuple of str
        Of `PHONEMES`; ``("#",)`` for a pause. Letters that are not known are left out.
    """
    plain, _ = normalize_symbol(symbol)
    if not plain:
        return (PAUSE,)
    long = "ː" in plain
    letters = "".join(
        letter
        for letter in unicodedata.normalize("NFD", plain)
        if letter != "ː" and not unicodedata.combining(letter)
    )
    if long and letters in _LONG:
        return _LONG[letters]
    found: list[str] = []
    position = 0
    while position < len(letters):
        for length in range(_LONGEST, 0, -1):
            part = letters[position : position + length]
            if len(part) == length and part in _SPELLINGS:
                found.extend(_SPELLINGS[part])
                break
        position += length
    return tuple(found)


def diphones(phonemes: Sequence[Phoneme]) -> list[tuple[str, str]]:
    """Return the pairs of neighbouring sounds of an utterance, pauses included."""
    sounds = [sound for phoneme in phonemes for sound in broad_phonemes(phoneme.symbol)]
    return list(pairwise(sounds))


@dataclass(frozen=True)
class Coverage:
    """How often each sound, and each pair, occurs in some clips.

    Parameters
    ----------
    phonemes : Counter of str
        Running phonemes, without pauses.
    diphones : Counter of (str, str)
        Running pairs, with pauses.
    """

    phonemes: Counter[str]
    diphones: Counter[tuple[str, str]]

    def missing(self) -> tuple[str, ...]:
        """Return the phonemes that do not occur."""
        return tuple(name for name in PHONEMES if not self.phonemes[name])

    def rarest(self, count: int = 5) -> list[tuple[str, int]]:
        """Return the rarest phonemes and how often they occur."""
        order = sorted(PHONEMES, key=lambda name: (self.phonemes[name], name))
        return [(name, self.phonemes[name]) for name in order[:count]]


def coverage(utterances: Iterable[Sequence[Phoneme]]) -> Coverage:
    """Count the phonemes and diphones of utterances.

    Parameters
    ----------
    utterances : iterable of sequence of Phoneme
        For example ``clip.phonemes`` of each clip.

    Returns
    -------
    Coverage
        The counts.
    """
    sounds: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    for phonemes in utterances:
        for phoneme in phonemes:
            sounds.update(broad_phonemes(phoneme.symbol))
        pairs.update(diphones(phonemes))
    del sounds[PAUSE]
    return Coverage(sounds, pairs)


def diphone_shares(train: Coverage, other: Coverage) -> tuple[float, float]:
    """Compare the diphones of other clips with those of training.

    Parameters
    ----------
    train, other : Coverage
        Of two splits.

    Returns
    -------
    float
        Share of the different diphones of `other` that occur in training, 0 to 1.
    float
        Share of the running diphones of `other` that occur in training; 1 where there are none.
    """
    kinds = other.diphones.keys()
    running = sum(other.diphones.values())
    known = [pair for pair in kinds if train.diphones[pair]]
    shared = sum(other.diphones[pair] for pair in known)
    return len(known) / max(len(kinds), 1), shared / running if running else 1.0


def coverage_by_split(corpus: Corpus) -> dict[str, Coverage]:
    """Count phonemes and diphones of each split of a corpus, and of ``"all"`` of it."""
    found = {name: coverage(clip.phonemes for clip in corpus.split(name)) for name in corpus.splits}
    return {**found, "all": coverage(clip.phonemes for clip in corpus)}


def coverage_text(corpus: Corpus) -> list[str]:
    """Describe the coverage of a corpus in a few lines.

    Parameters
    ----------
    corpus : Corpus
        With phonemes.

    Returns
    -------
    list of str
        A line for each split: how many of the phonemes, the rarest of them, different diphones,
        and how much of them training holds.
    """
    counts = coverage_by_split(corpus)
    train = counts.get("train")
    lines = []
    for name, found in counts.items():
        rarest = ", ".join(f"{sound} {count}" for sound, count in found.rarest(3))
        text = (
            f"  {name:12s} {len(PHONEMES) - len(found.missing()):2d} of {len(PHONEMES)} phonemes "
            f"(rarest: {rarest}), {len(found.diphones):4d} diphones"
        )
        if train is not None and name != "train":
            kinds, running = diphone_shares(train, found)
            text += f"; train holds {kinds:.0%} of them, {running:.1%} as they occur"
        lines.append(text)
    return lines
