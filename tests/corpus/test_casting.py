from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from talking_heads.corpus.casting import course_cast, random_person, read_people
from talking_heads.corpus.style import SPEAKERS
from talking_heads.errors import UserError
from talking_heads.face import identity_from_dict, identity_vector
from talking_heads.speech import VOICES, random_voice


def _read(tmp_path: Path, content: Any) -> list:
    file = tmp_path / "people.json"
    file.write_text(json.dumps(content), "utf-8")
    return read_people(file)


def test_the_course_cast() -> None:
    cast = course_cast()
    assert [person.name for person in cast] == list(SPEAKERS)
    assert [person.seen for person in cast] == [True] * 12 + [False] * 4
    assert sum(person.voice.engine == "flite" for person in cast) == 4
    assert [person.name for person in course_cast(["maya", "ada"])] == ["ada", "maya"]


def test_random_people_differ() -> None:
    people = [random_person(f"p{seed}", seed) for seed in range(40)]
    assert len({person.voice for person in people}) == 40
    assert len({person.head for person in people}) == 40
    assert len({person.style for person in people}) == 40
    assert people[7] == random_person("p7", 7)


def test_what_a_file_may_say(tmp_path: Path) -> None:
    own = {key: value for key, value in VOICES["ben"].to_dict().items() if key != "name"}
    people = _read(
        tmp_path,
        [
            {"name": "late", "seen": False},
            {"name": "ada"},
            {"name": "zoe", "voice": "maya", "head": "head-03", "style": {"amplitude": 1.2}},
            {"name": "max", "voice": "random-9", "head": {"chin": 0.5}},
            {"name": "ann", "voice": {**own, "pitch": [100, 140]}, "head": "person-4"},
        ],
    )
    assert [person.name for person in people] == ["ada", "zoe", "max", "ann", "late"]
    ada, zoe, luke, ann, late = people
    assert ada.voice == VOICES["ada"]
    assert (zoe.voice, zoe.head, zoe.style.amplitude) == (VOICES["maya"], "head-03", 1.2)
    assert luke.voice == random_voice(9)
    assert identity_vector(luke.head).tolist() == identity_from_dict({"chin": 0.5}).tolist()
    assert ann.voice.name == "ann" and ann.voice.pitch == (100, 140)
    assert not late.seen
    assert late == _read(tmp_path, [{"name": "late", "seen": False}])[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "1 to 1,000"),
        ({"name": "ada"}, "list"),
        ([3], "Speaker 1"),
        ([{"name": "ada"}, {"name": "ada"}], "the name 'ada'"),
        ([{"name": "../ada"}], "cannot be a name"),
        ([{"name": "Ada"}], "cannot be a name"),
        ([{"name": None}], "cannot be a name"),
        ([{"voice": "ada"}], "cannot be a name"),
        ([{"name": "zoe", "hat": 1}], "'hat'"),
        ([{"name": "zoe", "seen": "yes"}], "true or false"),
        ([{"name": "zoe", "voice": "nobody"}], "'nobody'"),
        ([{"name": "zoe", "voice": 3}], "'3'"),
        ([{"name": "zoe", "voice": {"pitch": "high"}}], "Speaker 1"),
        ([{"name": "zoe", "head": "head-99"}], "head-99"),
        ([{"name": "zoe", "head": 5}], "Speaker 1"),
        ([{"name": "zoe", "head": {"chin": 9}}], "chin"),
        ([{"name": "zoe", "head": {"chin": 10**400}}], "chin"),
        ([{"name": "zoe", "style": {"amplitude": "big"}}], "amplitude"),
        ([{"name": "zoe", "style": {"charm": 1}}], "charm"),
        ([{"name": "zoe", "style": []}], "table"),
    ],
)
def test_files_that_say_what_cannot_be(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        _read(tmp_path, content)
    assert len(str(caught.value).splitlines()) <= 3


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "people.json"
    file.write_bytes(b'\xef\xbb\xbf[{"name": "zoe"}]')
    assert [person.name for person in read_people(file)] == ["zoe"]


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000, b" " * 4_000_001, None])
def test_files_that_are_no_json(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "people.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError, match="people"):
        read_people(file)


@pytest.mark.parametrize("names", [[], ["zoe"]])
def test_unknown_speakers_of_the_course(names: list[str]) -> None:
    with pytest.raises(UserError):
        course_cast(names)
