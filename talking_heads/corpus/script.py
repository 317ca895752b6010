"""Who says which sentence in which clip, and under what conditions it is recorded."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talking_heads.corpus.casting import Person, course_cast, random_person
from talking_heads.corpus.grammar import grammar_sentence
from talking_heads.corpus.sentences import sentences, text_key
from talking_heads.errors import UserError
from talking_heads.files import read_text, shown
from talking_heads.speech import ROOMS
from talking_heads.speech.text import spoken_text

SPLITS = ("train", "val", "test_seen", "test_unseen")
"""Splits of a corpus. The last is spoken by people who are in none of the others."""
SHARED = 10
"""Sentences that all speakers say, so that their styles can be compared. They are test data."""
DOUBLES = 3
"""One in so many training clips is two sentences with a pause between them."""
IN_A_ROOM = 1 / 3
"""Share of the clips that sound in a room."""
NOISE_DB = (-60.0, -48.0)
"""Range of the noise floor in dB of full scale."""
COURSE_SECONDS = 2540.0
"""About the length of the course corpus."""
CLIP_SECONDS = 3.9
"""About the length of a clip."""
CLIPS_EACH = 60
"""Clips that a larger corpus adds for each speaker."""
MOST_HOURS = 20.0
_WRITTEN = 1 / 3  # share of the added sentences that are written ones, not the grammar's
_MOST_LINES = 20_000
_LONGEST_TEXT = 300


@dataclass(frozen=True)
class Line:
    """What one speaker says in one clip: clip id, speaker, split, text, rate of speaking."""

    id: str
    speaker: str
    split: str
    text: str
    rate: float


@dataclass(frozen=True)
class Conditions:
    """How a clip is recorded: room (a name of `ROOMS`, or None) and noise floor in dB."""

    room: str | None
    noise_db: float


def conditions(clip_id: str, seed: int = 0) -> Conditions:
    """Draw the conditions of a clip from its id: a third of the clips sound in a room."""
    rng = np.random.default_rng([17, seed, zlib.crc32(clip_id.encode())])
    inside, room, noise = rng.uniform(), int(rng.integers(len(ROOMS))), rng.uniform(*NOISE_DB)
    return Conditions(list(ROOMS)[room] if inside < IN_A_ROOM else None, round(float(noise), 1))


def _deal(deck: Sequence[str], counts: Sequence[int], rng: np.random.Generator) -> list[list[str]]:
    """Deal cards to hands from a shuffled deck, which is shuffled anew when it is empty.

    No hand gets a card twice, unless it has more cards than the deck.
    """
    hands: list[list[str]] = []
    pile: list[str] = []
    for count in counts:
        hand: list[str] = []
        held: set[str] = set()
        while len(hand) < count:
            if not pile:
                pile = [deck[i] for i in rng.permutation(len(deck))]
            fresh = next((i for i, card in enumerate(pile) if card not in held), None)
            if fresh is None:
                pile = []
                if len(held) >= len(deck):
                    hand.append(deck[int(rng.integers(len(deck)))])
                continue
            hand.append(pile.pop(fresh))
            held.add(hand[-1])
        hands.append(hand)
    return hands


def _in_pairs(texts: list[str], pairs: int) -> list[str]:
    """Join the first texts two by two."""
    joined = [f"{texts[2 * i]} {texts[2 * i + 1]}" for i in range(pairs)]
    return joined + texts[2 * pairs :]


def _rate(rng: np.random.Generator) -> float:
    return round(float(np.clip(rng.normal(1.0, 0.07), 0.85, 1.18)), 3)


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


def course_script(
    clips_per_speaker: int = 40, seed: int = 0, people: Sequence[Person] | None = None
) -> list[Line]:
    """Deal the course's sentences to speakers.

    Parameters
    ----------
    clips_per_speaker : int
        3 to 70.
    seed : int
        Deals the sentences.
    people : sequence of Person, optional
        Who speaks; the speakers of the course by default.

    Returns
    -------
    list of Line
        In order of speaker and clip.

    Raises
    ------
    UserError
        If the number of clips is out of range.
    """
    most = SHARED + len(sentences()["test"])
    if not 3 <= clips_per_speaker <= most:
        raise UserError(f"A speaker has 3 to {most} clips, not {clips_per_speaker}.")
    rng = np.random.default_rng([11, seed])
    lists = sentences()
    people = course_cast() if people is None else people
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
            script.append(Line(f"{person.name}-{number:03d}", person.name, split, text, _rate(rng)))
    return script


def larger_script(hours: float, seed: int = 0) -> tuple[list[Line], list[Person]]:
    """Extend the course's script with training clips of its speakers and of new ones.

    All clips of the course are there, the same ones. Two of three added sentences come from the
    grammar, the others from the written training sentences.

    Parameters
    ----------
    hours : float
        Total length, about; from 0.75 to 20.
    seed : int
        As for the course corpus.

    Returns
    -------
    list of Line
        In order of speaker and clip.
    list of Person
        Those that models may train on first.

    Raises
    ------
    UserError
        If the length is out of range.
    """
    if not 0.75 <= hours <= MOST_HOURS:
        raise UserError(
            f"A larger corpus has 0.75 to {MOST_HOURS:.0f} hours, not {hours:g}.\n"
            "The course corpus has about 0.7: leave the hours out."
        )
    course = course_script(seed=seed)
    more = round((hours * 3600 - COURSE_SECONDS) / CLIP_SECONDS)
    cast = course_cast()
    seen = [person for person in cast if person.seen]
    new = max(0, round(more / CLIPS_EACH) - len(seen))
    first = 1000 * seed % 10**9 + 1  # people are numbered with at most 10 digits
    seen += [random_person(f"p{1 + i:04d}", first + i) for i in range(new)]
    counts = [more // len(seen) + (i < more % len(seen)) for i in range(len(seen))]
    numbers = {person.name: 0 for person in seen}
    script: list[Line] = []
    for person, count in zip(seen, counts, strict=True):
        mine = [line for line in course if line.speaker == person.name]
        numbers[person.name] = len(mine)
        script += mine
        rng = np.random.default_rng([12, seed, zlib.crc32(person.name.encode())])
        texts = _added_texts(count, rng)
        for number, text in enumerate(texts, start=len(mine) + 1):
            clip_id = f"{person.name}-{number:03d}"
            script.append(Line(clip_id, person.name, "train", text, _rate(rng)))
    unseen = [person for person in cast if not person.seen]
    names = {person.name for person in unseen}
    return script + [line for line in course if line.speaker in names], seen + unseen


def _added_texts(count: int, rng: np.random.Generator) -> list[str]:
    doubles = count // DOUBLES
    wanted = count + doubles
    written = round(wanted * _WRITTEN)
    texts = _deal(sentences()["train"], [written], rng)[0]
    known = set(texts)
    while len(texts) < wanted:
        text = grammar_sentence(rng)
        if text not in known:
            known.add(text)
            texts.append(text)
    return _in_pairs([texts[i] for i in rng.permutation(wanted)], doubles)


def read_texts(path: str | Path) -> list[str]:
    """Read one's own sentences, one a line; empty lines and lines from ``#`` on are left out.

    Parameters
    ----------
    path : str or Path
        UTF-8 text.

    Returns
    -------
    list of str
        Each text once.

    Raises
    ------
    UserError
        If the file cannot be read, has fewer than 5 or more than 20,000 texts, or a text is too
        long or nothing that an English voice can say.
    """
    name = shown(path)
    content = read_text(path, _MOST_LINES * _LONGEST_TEXT)
    found: dict[str, str] = {}
    for number, line in enumerate(content.splitlines(), start=1):
        # Control characters would reach terminals and pictures.
        text = " ".join("".join(c if c.isprintable() else " " for c in line).split())
        if not text or text.startswith("#"):
            continue
        if len(text) > _LONGEST_TEXT:
            raise UserError(
                f"Line {number} of {name} has {len(text):,} characters; a sentence has at most "
                f"{_LONGEST_TEXT}.\nSplit it into several lines."
            )
        try:
            spoken_text(text)
        except UserError as error:
            first = str(error).splitlines()[0]
            raise UserError(f"Line {number} of {name} cannot be spoken:\n{first}") from error
        found.setdefault(text_key(text), text)
    if not 5 <= len(found) <= _MOST_LINES:
        raise UserError(
            f"{name} holds {len(found):,} different sentences; 5 to {_MOST_LINES:,} are needed."
        )
    return list(found.values())


def split_texts(texts: Sequence[str], seed: int = 0) -> Mapping[str, tuple[str, ...]]:
    """Divide texts among the sections that `course_script` deals from.

    Parameters
    ----------
    texts : sequence of str
        At least 5, no two alike.
    seed : int
        Chooses which go where.

    Returns
    -------
    dict of str to tuple of str
        ``shared`` and ``test`` (a tenth each), ``val`` (a tenth) and ``train``; at least one each,
        and at most 10 shared ones.
    """
    order = np.random.default_rng([13, seed]).permutation(len(texts))
    tenth = max(1, len(texts) // 10)
    sizes = {"shared": min(tenth, SHARED), "test": tenth, "val": tenth, "train": len(texts)}
    found, start = {}, 0
    for name, size in sizes.items():
        found[name] = tuple(texts[i] for i in order[start : start + size])
        start += size
    return found


def own_script(
    texts: Sequence[str], people: Sequence[Person], clips_per_speaker: int | None, seed: int = 0
) -> list[Line]:
    """Deal one's own texts to speakers, so that no text crosses from training to other splits.

    Parameters
    ----------
    texts : sequence of str
        From `read_texts`.
    people : sequence of Person
        Who speaks.
    clips_per_speaker : int or None
        At most so many clips each; None: all texts of the splits that a speaker is in.
    seed : int
        Divides and deals the texts.

    Returns
    -------
    list of Line
        In order of speaker and clip. Of a speaker's clips, a tenth are shared by all, a tenth
        are for test and a tenth for validation; unseen speakers say test texts only.

    Raises
    ------
    UserError
        If fewer than 4 clips a speaker are asked for.
    """
    if clips_per_speaker is not None and clips_per_speaker < 4:
        raise UserError(f"A speaker of a corpus of one's own has at least 4 clips, not "
                        f"{clips_per_speaker}.")  # fmt: skip
    sections = split_texts(texts, seed)
    rng = np.random.default_rng([14, seed])
    counts = {name: len(found) for name, found in sections.items()}
    if clips_per_speaker is not None and clips_per_speaker < len(texts):
        tenth = max(1, clips_per_speaker // 10)
        counts = {name: min(counts[name], tenth) for name in ("shared", "test", "val")}
        counts["train"] = min(len(sections["train"]), clips_per_speaker - sum(counts.values()))
    script = []
    for person in people:
        test = "test_seen" if person.seen else "test_unseen"
        said = []
        if person.seen:
            for section in ("train", "val"):
                (hand,) = _deal(sections[section], [counts[section]], rng)
                said += [(text, section) for text in hand]
        said += [(text, test) for text in sections["shared"][: counts["shared"]]]
        (hand,) = _deal(sections["test"], [counts["test"]], rng)
        said += [(text, test) for text in hand]
        for number, (text, split) in enumerate(said, start=1):
            clip_id = f"{person.name}-{number:03d}"
            script.append(Line(clip_id, person.name, split, text, _rate(rng)))
    return script
