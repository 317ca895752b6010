"""The sentences of the course corpus, and who says which.

Each sentence belongs to one split, so no text crosses from training to validation or test.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from talking_heads.corpus.style import SPEAKERS
from talking_heads.errors import UserError

SPLITS = ("train", "val", "test_seen", "test_unseen")
"""Splits of the course corpus. The last is spoken by people who are in none of the others."""
SHARED = 10
"""Sentences that all speakers say, so that their styles can be compared. They are test data."""

DOUBLES = 3
"""One in so many training clips is two sentences with a pause between them."""


@dataclass(frozen=True)
class Line:
    """What one speaker says in one clip: clip id, speaker, split, text, rate of speaking."""

    id: str
    speaker: str
    split: str
    text: str
    rate: float


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


def _deal(deck: tuple[str, ...], counts: list[int], rng: np.random.Generator) -> list[list[str]]:
    """Deal cards to hands from a shuffled deck, which is shuffled anew when it is empty.

    No hand gets a card twice, unless it has more cards than the deck.
    """
    hands: list[list[str]] = []
    pile: list[str] = []
    for count in counts:
        hand: list[str] = []
        while len(hand) < count:
            if not pile:
                pile = [deck[i] for i in rng.permutation(len(deck))]
            fresh = [card for card in pile if card not in hand]
            if not fresh:
                pile = []
                continue
            hand.append(fresh[0])
            pile.remove(fresh[0])
        hands.append(hand)
    return hands


def _in_pairs(texts: list[str], pairs: int) -> list[str]:
    """Join the first texts two by two."""
    joined = [f"{texts[2 * i]} {texts[2 * i + 1]}" for i in range(pairs)]
    return joined + texts[2 * pairs :]


def quotas(clips: int, seen: bool) -> dict[str, int]:
    """Return how many sentences of each section a speaker says.

    Parameters
    ----------
    clips : int
        Clips of the speaker.
    seen : bool
        Whether models may train on the speaker. Unseen speakers say test sentences only.

    Returns
    -------
    dict of str to int
        For 40 clips: 10 shared and 2 test, 2 val and 26 train sentences, or 10 shared and 30 test.
    """
    shared = min(SHARED, max(1, clips // 4))
    if not seen:
        return {"shared": shared, "test": clips - shared, "val": 0, "train": 0}
    test, val = clips // 20, max(1, clips // 20)
    return {"shared": shared, "test": test, "val": val, "train": clips - shared - test - val}


def course_script(clips_per_speaker: int = 40, seed: int = 0) -> list[Line]:
    """Decide who says what.

    Parameters
    ----------
    clips_per_speaker : int
        3 to 70.
    seed : int
        Deals the sentences.

    Returns
    -------
    list of Line
        For all speakers of the course, in order of speaker and clip.

    Raises
    ------
    UserError
        If the number of clips is out of range.
    """
    if not 3 <= clips_per_speaker <= SHARED + len(sentences()["test"]):
        raise UserError(
            f"A speaker has 3 to {SHARED + len(sentences()['test'])} clips, "
            f"not {clips_per_speaker}."
        )
    rng = np.random.default_rng([11, seed])
    lists = sentences()
    people = list(SPEAKERS.values())
    plans = [quotas(clips_per_speaker, person.seen) for person in people]
    doubles = [plan["train"] // DOUBLES for plan in plans]
    train = [plan["train"] + more for plan, more in zip(plans, doubles, strict=True)]
    hands = {
        "train": [
            _in_pairs(hand, more)
            for hand, more in zip(_deal(lists["train"], train, rng), doubles, strict=True)
        ],
        "val": _deal(lists["val"], [plan["val"] for plan in plans], rng),
        "test": _deal(lists["test"], [plan["test"] for plan in plans], rng),
    }
    script = []
    for i, (person, plan) in enumerate(zip(people, plans, strict=True)):
        test = "test_seen" if person.seen else "test_unseen"
        said = [(text, "train") for text in hands["train"][i]]
        said += [(text, "val") for text in hands["val"][i]]
        said += [(text, test) for text in lists["shared"][: plan["shared"]]]
        said += [(text, test) for text in hands["test"][i]]
        for number, (text, split) in enumerate(said, start=1):
            rate = round(float(np.clip(rng.normal(1.0, 0.07), 0.85, 1.18)), 3)
            script.append(Line(f"{person.name}-{number:03d}", person.name, split, text, rate))
    return script
