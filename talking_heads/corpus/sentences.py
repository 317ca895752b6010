"""The sentences of the course corpus.

Each sentence belongs to one split, so no text crosses from training to validation or test.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files


@cache
def sentences() -> Mapping[str, tuple[str, ...]]:
    """Return the sentences by section: ``shared``, ``test``, ``val`` and ``train``."""
    sections: dict[str, list[str]] = {}
    section = ""
    text = files("talking_heads.corpus").joinpath("sentences.txt").read_text("utf-8")
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            section = line.strip("[]")
            sections[section] = []
        elif line and not line.startswith("#"):
            sections[section].append(line)
    return {name: tuple(lines) for name, lines in sections.items()}


def words(text: str) -> list[str]:
    """Return the words of a text in lower case."""
    return re.findall(r"[a-z]+(?:'[a-z]+)?", text.lower())


def new_word_share(train: Iterable[str], test: Iterable[str]) -> float:
    """Return the share of running words in `test` that occur nowhere in `train`.

    Parameters
    ----------
    train, test : iterable of str
        Sentences.

    Returns
    -------
    float
        0 to 1; 0 if `test` has no words.
    """
    known = {word for text in train for word in words(text)}
    running = [word for text in test for word in words(text)]
    return sum(word not in known for word in running) / max(len(running), 1)


def text_key(text: str) -> str:
    """Return what makes a text the same as another: its letters and digits, in lower case."""
    return " ".join(re.findall(r"\w+", text.casefold()))


@cache
def held_out_words() -> frozenset[str]:
    """Return the words of the validation and test sentences that no training sentence has."""
    known = {word for text in sentences()["train"] for word in words(text)}
    held = {
        word
        for section, texts in sentences().items()
        if section != "train"
        for text in texts
        for word in words(text)
    }
    return frozenset(held - known)
