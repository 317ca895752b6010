"""Who speaks in a corpus: voice, head and habits of each person.

The course has its sixteen; larger corpora add people that are drawn from a seed, and a JSON file
describes one's own (the format stands in ``data/README.md``).
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talking_heads.corpus.style import SPEAKERS, Style, get_speaker, random_style
from talking_heads.errors import UserError
from talking_heads.face import identity_from_dict, identity_name, identity_vector
from talking_heads.files import read_text, shown
from talking_heads.speech import VOICES, Voice, random_voice

MOST_PEOPLE = 1000
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)
_RANDOM = re.compile(r"random-([0-9]{1,9})", re.ASCII)
_LARGEST_FILE = 4_000_000


@dataclass(frozen=True)
class Person:
    """One speaker of a corpus.

    Parameters
    ----------
    name : str
        Also the first part of the clips' ids.
    voice : Voice
        How the person sounds.
    head : str
        A name that `talking_heads.face.identity_vector` knows.
    style : Style
        How the face moves.
    seen : bool
        Whether models may be trained on the person.
    """

    name: str
    voice: Voice
    head: str
    style: Style
    seen: bool = True


def course_cast(names: list[str] | None = None) -> list[Person]:
    """Return the speakers of the course corpus, or some of them, in their order.

    Raises
    ------
    UserError
        If a name is unknown, or the list is empty.
    """
    if names is not None and not names:
        raise UserError(f"Name at least one speaker: {', '.join(SPEAKERS)}.")
    chosen = set(SPEAKERS) if names is None else {get_speaker(name).name for name in names}
    return [
        Person(name, VOICES[name], person.identity, person.style, person.seen)
        for name, person in SPEAKERS.items()
        if name in chosen
    ]


def random_person(name: str, seed: int, *, seen: bool = True) -> Person:
    """Draw a person: voice, head and habits.

    Parameters
    ----------
    name : str
        What to call the person.
    seed : int
        0 or more; the same seed, the same person.
    seen : bool
        Whether models may be trained on the person.

    Returns
    -------
    Person
        With a voice of espeak-ng.
    """
    voice = random_voice(seed)
    return Person(name, voice, f"person-{seed}", random_style([21, seed], voice), seen)


def read_people(path: str | Path) -> list[Person]:
    """Read one's own speakers from a JSON file.

    Parameters
    ----------
    path : str or Path
        A list of tables. Each has a ``"name"`` (lower-case letters, digits, hyphens) and may have
        ``"voice"`` (a name of `talking_heads.speech.VOICES`, ``"random-7"``, or a table for
        `Voice.from_dict`), ``"head"`` (``"head-03"``, ``"person-7"``, or a table for
        `identity_from_dict`), ``"style"`` (a table for `Style.from_dict`) and ``"seen"`` (false
        keeps the person out of training). What is left out is drawn from the name.

    Returns
    -------
    list of Person
        Those that models may train on first.

    Raises
    ------
    UserError
        If the file cannot be read or says something that is not possible.
    """
    name = shown(path)
    text = read_text(path, _LARGEST_FILE)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{name} is no JSON text.\nIt should hold a list such as: "
            '[{"name": "zoe", "voice": "ada", "head": "person-7"}]'
        ) from error
    if not isinstance(content, list) or not 0 < len(content) <= MOST_PEOPLE:
        raise UserError(f"{name} should hold a list of 1 to {MOST_PEOPLE:,} speakers.")
    people: list[Person] = []
    for number, entry in enumerate(content, start=1):
        try:
            people.append(_person(entry))
        except UserError as error:
            raise UserError(f"Speaker {number} of {name}: {error}") from error
        if people[-1].name in {person.name for person in people[:-1]}:
            raise UserError(f"Two speakers of {name} have the name {people[-1].name!r}.")
    return sorted(people, key=lambda person: not person.seen)


def _person(entry: Any) -> Person:
    if not isinstance(entry, Mapping):
        raise UserError('a speaker is a table such as {"name": "zoe"}.')
    unknown = [str(key) for key in entry if key not in ("name", "voice", "head", "style", "seen")]
    if unknown:
        raise UserError(f"there is no {unknown[0][:40]!r}; use name, voice, head, style and seen.")
    name, seen = entry.get("name"), entry.get("seen", True)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UserError(
            f"{str(name)[:40]!r} cannot be a name.\n"
            "Use at most 32 lower-case letters, digits and hyphens, a letter first."
        )
    if not isinstance(seen, bool):
        raise UserError(f'"seen" is true or false, not {str(seen)[:40]!r}.')
    seed = zlib.crc32(name.encode())
    voice = _own_voice(entry.get("voice", VOICES.get(name, random_voice(seed))), name)
    head = entry.get("head", f"person-{seed}")
    if isinstance(head, Mapping):
        head = identity_name(identity_from_dict(head))
    head = str(head)
    identity_vector(head)  # raises where there is no such head
    style = random_style([22, seed], voice)
    if "style" in entry:
        if not isinstance(entry["style"], Mapping):
            raise UserError('"style" is a table such as {"amplitude": 0.9}.')
        style = Style.from_dict({**style.to_dict(), **entry["style"]})
    return Person(name, voice, head, style, seen)


def _own_voice(value: Any, name: str) -> Voice:
    if isinstance(value, Voice):
        return value
    if isinstance(value, Mapping):
        return Voice.from_dict({"name": name, **value})
    text = str(value)
    drawn = _RANDOM.fullmatch(text)
    if drawn:
        return random_voice(int(drawn[1]))
    if text not in VOICES:
        raise UserError(
            f'there is no voice {text[:40]!r}.\nUse "random-" with a number, or one of:\n'
            f"{', '.join(VOICES)}."
        )
    return VOICES[text]
