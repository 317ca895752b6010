"""What the names of BEAT's files tell: who speaks, in what way, with what emotion; and the splits.

Source of the meaning of the names and of the authors' split: the readme of BEAT in the repository
PantoMatrix/PantoMatrix (``scripts/BEAT_2022/readme_beat.md``). Source of the emotions that the
published code derives, and of the rule that ours follows: FaceDiffuser.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

TYPES = (
    *("English speech", "English conversation", "Chinese speech", "Chinese conversation"),
    *("Spanish speech", "Spanish conversation", "Japanese speech", "Japanese conversation"),
)
"""What the number after the speaker's name means. Published work on faces uses type 0."""
EMOTIONS: dict[str, range] = {
    "neutral": range(0, 65),
    "happiness": range(65, 73),
    "anger": range(73, 81),
    "sadness": range(81, 87),
    "contempt": range(87, 95),
    "surprise": range(95, 103),
    "fear": range(103, 111),
    "disgust": range(111, 119),
}
"""The sequence numbers of each emotion, in speeches. Conversations are neutral."""
SEED = 42
"""Of `split_recordings`; FaceDiffuser's split has the same seed, but its file is not public."""
RULES = ("ours", "authors")
"""Names of the splits: of `split_recordings` and of `authors_split`."""

_LONG = {1, 2, 3, 4, 6, 7, 8, 9, 11, 21}
"""Speakers of four hours; the other twenty of the 30 have one hour."""
_NAME = re.compile(r"([0-9]{1,4})_([^\W_]{1,40})_([0-9])_([0-9]{1,4})_([0-9]{1,4})")


def emotion_of(sequence: int, *, published: bool = False) -> str:
    """Return the emotion of a sequence of a speech by its number.

    Parameters
    ----------
    sequence : int
        The fourth part of a file's name.
    published : bool
        As FaceDiffuser's code that cuts and splits the data: it takes the last number of each range
        for the one after it (``start <= number < end``), so that 64, 72, 80, 86, 94, 102, 110 and
        118 belong to no range and become neutral.

    Returns
    -------
    str
        One of `EMOTIONS`; ``"unknown"`` for a number above 118 (with `published`: neutral).
    """
    for name, numbers in EMOTIONS.items():
        if sequence in (numbers[:-1] if published else numbers):
            return name
    return "neutral" if published else "unknown"


@dataclass(frozen=True, order=True)
class Recording:
    """What the name of a recording's files tells.

    Parameters
    ----------
    number : int
        Of the speaker, 1 to 30.
    name : str
        Of the speaker.
    type : int
        One of `TYPES`; even numbers are speeches.
    start, end : int
        The first and the last sequence: 1 to 118 in speeches, each a minute; 1 to 12 in
        conversations, each ten minutes. In version 0.2.1 they are the same number.
    """

    number: int
    name: str
    type: int
    start: int
    end: int

    @property
    def speaker(self) -> str:
        """Number and name, ``"1_wayne"``."""
        return f"{self.number}_{self.name}"

    @property
    def id(self) -> str:
        """All of the name, ``"1_wayne_0_1_1"``."""
        return f"{self.speaker}_{self.type}_{self.start}_{self.end}"

    @property
    def emotion(self) -> str:
        """By the first sequence, see `emotion_of`; a conversation is neutral."""
        return "neutral" if self.type % 2 else emotion_of(self.start)


def parse_name(stem: str) -> Recording | None:
    """Return what the name of a file without its ending tells; None if it is no name of BEAT.

    Clip ids are understood as well: ``"1_wayne_0_1_1/003"`` is a window of that recording.
    """
    found = _NAME.fullmatch(stem.partition("/")[0])
    if found is None or not stem.isascii():
        return None
    number, name, *rest = found.groups()
    return Recording(int(number), name, *map(int, rest))


def split_recordings(recordings: Sequence[Recording], seed: int = SEED) -> dict[str, list[str]]:
    """Split recordings 80/10/10, each speaker for itself and evenly over the emotions.

    This split is ours, in the spirit of FaceDiffuser's, whose file is not public: it names
    80/10/10, stratified by speaker and emotion, seed 42. All windows of a recording stay in one
    split.

    Within an emotion, recordings are drawn by a hash of the seed and their name. So the split is
    the same on every platform and in any order of the files, and does not depend on which other
    speakers are there; but a recording of the same speaker that is added or deleted may move others
    of that speaker.

    Parameters
    ----------
    recordings : sequence of Recording
        In any order.
    seed : int
        Another one gives another split.

    Returns
    -------
    dict
        Ids of the recordings in ``train``, ``val`` and ``test``, sorted as `Recording` sorts. Of
        ``n`` recordings of a speaker, ``floor(n / 10 + 0.7)`` are in ``val`` and
        ``floor(n / 10 + 0.5)`` in ``test``.
    """
    places: dict[Recording, str] = {}
    order = {name: place for place, name in enumerate([*EMOTIONS, "unknown"])}

    def drawn(what: Recording) -> tuple[str, int, str]:
        digest = hashlib.sha256(f"{seed}/{what.id}".encode()).hexdigest()
        return what.speaker, order[what.emotion], digest

    seen: Counter[str] = Counter()
    held = {"val": 7, "test": 5}  # tenths: the two are never due at the same recording
    for what in sorted(recordings, key=drawn):
        seen[what.speaker] += 1
        count = seen[what.speaker]
        due = [s for s, more in held.items() if (count + more) // 10 > (count - 1 + more) // 10]
        places[what] = due[0] if due else "train"
    return {
        split: [what.id for what in sorted(places) if places[what] == split]
        for split in ("train", "val", "test")
    }


def authors_split(what: Recording, begin: float, end: float) -> str | None:
    """Return the split of a window by the rule of BEAT's authors, made for version 0.2.1.

    It knows English only. Of the speakers with one hour it cuts some recordings in two: the first
    half is for test, the second for validation. A window that lies in both halves is in no split.

    Parameters
    ----------
    what : Recording
        The recording.
    begin, end : float
        The part of it that the window is, from 0 to 1.

    Returns
    -------
    str or None
        ``"train"``, ``"val"`` or ``"test"``; None where the rule does not tell.
    """
    if what.start != what.end or what.type > 1 or not 1 <= what.number <= 30:
        return None
    split = _authors_rule(what)
    if split != "halves":
        return split
    return "test" if end <= 0.5 else "val" if begin >= 0.5 else None


def _authors_rule(what: Recording) -> str | None:
    long, number = what.number in _LONG, what.start
    halved = "test" if long else "halves"
    if what.type == 1:
        if number == 1:
            return halved
        if long:
            return "val" if number == 12 else "train" if 2 <= number <= 11 else None
        # Speaker 29 alone has the numbers 0 and 4.
        return "train" if number in ((0, 2, 3, 4) if what.number == 29 else (2, 3)) else None
    if number < 65:
        test, val, train = (8, (57, 64), (9, 56)) if long else (4, (5, 8), (9, 16))
        if 1 <= number <= test:
            return "test"
        if val[0] <= number <= val[1]:
            return "val"
        return "train" if train[0] <= number <= train[1] else None
    numbers = next((n for n in EMOTIONS.values() if number in n), None)
    if numbers is None:
        return None
    if number == numbers[0]:
        return halved
    if long:
        return "val" if number == numbers[-1] else "train"
    return "train" if number in (numbers[1], 118) else None
