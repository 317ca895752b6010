"""A grammar that makes training sentences without end, for corpora larger than the course's.

It knows none of the words that the sentences for validation and test hold out, so a larger corpus
stays as hard a test as the small one. The rules stand in ``grammar.txt``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import numpy as np

from talking_heads.corpus.sentences import held_out_words, sentences, text_key, words

FEWEST_WORDS = 5
MOST_WORDS = 14
_RULE = re.compile(r"[A-Z][A-Z_0-9]*(?![a-z])")
_WITHIN = re.compile(
    r"\b(The|A|An|My|Our|Few|Some|Many|Two|Three|Four|Five|Seven|Eight|Nine|Ten|Twelve)\b"
)
_START = "SENTENCE"


@cache
def rules() -> Mapping[str, tuple[str, ...]]:
    """Return the options of each rule, without those that use a held-out word."""
    text = files("talking_heads.corpus").joinpath("grammar.txt").read_text("utf-8")
    found: dict[str, list[str]] = {}
    name = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            name = line.strip("[]")
            found[name] = []
        elif line and not line.startswith("#"):
            found[name].append(line)
    banned = held_out_words()

    def clean(option: str) -> bool:
        plain = re.sub(r"[A-Z][A-Z_0-9]+", " ", option)
        return not banned & set(words(plain))

    return {name: tuple(filter(clean, options)) for name, options in found.items()}


def _expanded(option: str, rng: np.random.Generator) -> str:
    known = rules()

    def replaced(match: re.Match[str]) -> str:
        name = match[0]
        if name not in known:
            return name
        return _expanded(known[name][rng.integers(len(known[name]))], rng)

    return _RULE.sub(replaced, option)


def grammar_sentence(rng: np.random.Generator) -> str:
    """Draw one sentence.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    str
        5 to 14 words, no word twice but the small ones, and none of `held_out_words`.
    """
    taken = _written()
    while True:
        text = " ".join(_expanded(_START, rng).split())
        text = re.sub(r"\ba (?=[aeiou])(?!use|uni|usu|Euro)", "an ", text)
        text = text[0].upper() + _WITHIN.sub(lambda match: match[0].lower(), text[1:])
        found = words(text)
        long = [word for word in found if len(word) > 4]
        if (
            FEWEST_WORDS <= len(found) <= MOST_WORDS
            and len(set(long)) == len(long)
            and text_key(text) not in taken
        ):
            return text


@cache
def _written() -> frozenset[str]:
    """Return the keys of the written sentences, so that none is made again."""
    return frozenset(text_key(text) for texts in sentences().values() for text in texts)
