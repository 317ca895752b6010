from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from talking_heads.corpus.casting import course_cast, random_person
from talking_heads.corpus.script import (
    NOISE_DB,
    conditions,
    course_script,
    larger_script,
    own_script,
    quotas,
    read_texts,
    split_texts,
)
from talking_heads.corpus.sentences import (
    held_out_words,
    new_word_share,
    sentences,
    text_key,
    words,
)
from talking_heads.corpus.style import SPEAKERS
from talking_heads.errors import UserError
from talking_heads.speech import ROOMS


def test_the_list_itself() -> None:
    lists = sentences()
    everything = [text for texts in lists.values() for text in texts]
    assert set(lists) == {"shared", "test", "val", "train"}
    assert len(lists["shared"]) == 10
    assert len(everything) >= 500
    assert len({text_key(text) for text in everything}) == len(everything)
    assert all(5 <= len(words(text)) <= 14 for text in everything)
    letters = "".join(everything).lower()
    assert sum(letters.count(letter) for letter in "pbm") / len(everything) > 3


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("clips", [3, 4, 20, 40, 70])
def test_no_text_crosses_splits(clips: int, seed: int) -> None:
    script = course_script(clips, seed)
    assert len(script) == 16 * clips
    assert len({line.id for line in script}) == len(script)
    texts: dict[str, set[str]] = {}
    for line in script:
        texts.setdefault(line.split, set()).add(line.text)
        assert SPEAKERS[line.speaker].seen == (line.split != "test_unseen")
    assert set(texts) == {"train", "val", "test_seen", "test_unseen"}
    tests = texts["test_seen"] | texts["test_unseen"]
    assert not texts["train"] & (texts["val"] | tests)
    assert not texts["val"] & tests
    for name in SPEAKERS:
        mine = [line.text for line in script if line.speaker == name]
        assert len(set(mine)) == len(mine)


def test_course_sizes() -> None:
    assert quotas(40, seen=True) == {"shared": 10, "test": 2, "val": 2, "train": 26}
    assert quotas(40, seen=False) == {"shared": 10, "test": 30, "val": 0, "train": 0}
    script = course_script()
    assert sum(line.split == "train" for line in script) == 312
    trained = [line.text for line in script if line.split == "train"]
    assert len(set(trained)) == 312
    known = set(sentences()["train"])
    single = [text for text in trained if text in known]
    assert len(single) == 12 * (26 - 8)
    first = next(text for text in trained if text not in known)
    assert any(first.startswith(text) for text in known)
    assert any(first.endswith(text) for text in known)
    shared = sentences()["shared"]
    assert all(
        set(shared) <= {line.text for line in script if line.speaker == name} for name in SPEAKERS
    )


def test_seed_deals_anew() -> None:
    assert course_script(10, 0) == course_script(10, 0)
    assert course_script(10, 0) != course_script(10, 1)


def test_new_words_by_hand() -> None:
    assert words("The farmer's wife, Pam!") == ["the", "farmer's", "wife", "pam"]
    assert new_word_share(["the cat sat"], ["The dog sat", "a cat"]) == pytest.approx(2 / 5)
    assert new_word_share([], []) == 0
    assert text_key(" The  end. ") == text_key("the end") != text_key("then d")


def test_test_sentences_hold_words_out() -> None:
    script = course_script()
    trained = [line.text for line in script if line.split == "train"]
    assert not held_out_words() & {word for text in trained for word in words(text)}
    for split in ("test_seen", "test_unseen"):
        share = new_word_share(trained, [line.text for line in script if line.split == split])
        assert share > 0.3


@pytest.mark.parametrize("clips", [0, 2, 71, 1000])
def test_refuses_counts_out_of_range(clips: int) -> None:
    with pytest.raises(UserError, match="3 to 70"):
        course_script(clips)


def test_conditions_follow_from_the_id() -> None:
    found = [conditions(f"ada-{i:03d}") for i in range(900)]
    rooms = Counter(how.room for how in found)
    assert set(rooms) == {None, *ROOMS}
    assert 0.28 < 1 - rooms[None] / 900 < 0.39
    assert all(NOISE_DB[0] <= how.noise_db <= NOISE_DB[1] for how in found)
    assert conditions("ada-007") == found[7]
    assert conditions("ada-007", seed=1) != found[7]


def test_a_larger_script_keeps_the_course_and_its_tests() -> None:
    course = course_script()
    script, people = larger_script(2.0)
    by_id = {line.id: line for line in script}
    assert len(by_id) == len(script)
    assert all(by_id[line.id] == line for line in course)
    added = [line for line in script if line not in set(course)]
    assert {line.split for line in added} == {"train"}
    assert 0.8 < 2 * 3600 / (2540 + 3.9 * len(added)) < 1.2
    assert {person.name for person in people} == {line.speaker for line in script}
    assert [person.seen for person in people] == [True] * (len(people) - 4) + [False] * 4
    assert len(people) > 16
    assert len({person.voice for person in people}) == len(people)
    # No text and no held-out word reaches training.
    kept = {text_key(line.text) for line in course if line.split != "train"}
    assert not kept & {text_key(line.text) for line in added}
    assert not held_out_words() & {word for line in added for word in words(line.text)}
    # Most of what is added was never said before.
    assert len({line.text for line in added}) > 0.8 * len(added)
    # A speaker's clips stay together, as the builder asks.
    order = [line.speaker for line in script]
    assert len([1 for a, b in pairwise(order) if a != b]) == len(people) - 1
    assert larger_script(2.0) == (script, people)


def test_little_more_is_said_by_the_speakers_of_the_course() -> None:
    script, people = larger_script(0.8)
    assert people == course_cast()
    assert len(script) > 640
    with pytest.raises(UserError, match="0\\.75"):
        larger_script(0.5)


TEXTS = [f"Sentence number {i} is here." for i in range(30)]


@pytest.mark.parametrize("count", [5, 12, 30])
@pytest.mark.parametrize("clips", [None, 4, 10])
def test_own_texts_never_cross_splits(count: int, clips: int | None) -> None:
    people = [
        random_person("one", 1),
        random_person("two", 2),
        random_person("three", 3, seen=False),
    ]
    script = own_script(TEXTS[:count], people, clips)
    texts: dict[str, set[str]] = {}
    for line in script:
        texts.setdefault(line.split, set()).add(line.text)
    assert set(texts) == {"train", "val", "test_seen", "test_unseen"}
    assert not texts["train"] & texts["val"]
    assert not (texts["train"] | texts["val"]) & (texts["test_seen"] | texts["test_unseen"])
    for name in ("one", "two", "three"):
        mine = [line.text for line in script if line.speaker == name]
        assert len(set(mine)) == len(mine)
        assert clips is None or len(mine) <= clips
    if clips is None:
        assert {line.text for line in script if line.speaker == "one"} == set(TEXTS[:count])
    assert sum(map(len, split_texts(TEXTS[:count]).values())) == count


def test_thousands_of_texts_are_dealt_at_once() -> None:
    texts = [f"Sentence {i}." for i in range(8000)]
    script = own_script(texts, [random_person("one", 1)], None)
    assert {line.text for line in script} == set(texts)


def test_reading_own_texts(tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    lines = ["\ufeff# my texts", "One\0 \x1btwo.", "", "one TWO", *TEXTS[:5]]
    file.write_text("\r\n".join(lines), "utf-8")
    assert read_texts(file) == ["One two.", *TEXTS[:5]]


def test_no_speaker_says_a_text_twice() -> None:
    texts = [f"This is sentence {number}." for number in range(1000)]
    for clips in (4, 99, 998, 999, 2000):
        said = [line.text for line in own_script(texts, course_cast(["ada"]), clips)]
        assert len(said) == len(set(said)) <= clips


def test_every_seed_draws_new_people() -> None:
    script, people = larger_script(2, 2**32 - 1)
    assert len({person.head for person in people}) == len(people) > 16
    assert {line.speaker for line in script} == {person.name for person in people}


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="a device of Unix")
def test_endless_texts_are_not_read() -> None:
    with pytest.raises(UserError, match="too large"):
        read_texts("/dev/zero")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"One.\nTwo.", "holds 2 different"),
        (b"", "holds 0"),
        (b"\xff\xfe\x00", "UTF-8"),
        ("\n".join([*TEXTS, "x" * 400]).encode(), "Line 31 .* 400 characters"),
        ("\n".join([*TEXTS, "привет"]).encode(), "Line 31"),
        ("\n".join([*TEXTS, "?!"]).encode(), "Line 31"),
        (None, "Cannot read"),
    ],
)
def test_texts_that_cannot_be_used(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "texts.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read_texts(file)
    assert len(str(caught.value).splitlines()) <= 3


def test_rates_are_spread_and_bounded() -> None:
    rates = np.array([line.rate for line in course_script()])
    assert rates.min() >= 0.85 and rates.max() <= 1.18
    assert 0.04 < rates.std() < 0.09
