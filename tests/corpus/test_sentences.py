from __future__ import annotations

import pytest

from talking_heads.corpus.sentences import (
    course_script,
    new_word_share,
    quotas,
    sentences,
    words,
)
from talking_heads.corpus.style import SPEAKERS
from talking_heads.errors import UserError


def test_the_list_itself() -> None:
    lists = sentences()
    everything = [text for texts in lists.values() for text in texts]
    assert set(lists) == {"shared", "test", "val", "train"}
    assert len(lists["shared"]) == 10
    assert len(everything) >= 450
    assert len(set(everything)) == len(everything)
    assert all(6 <= len(words(text)) <= 14 for text in everything)
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
    assert len(set(trained)) > 290
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


def test_test_sentences_hold_words_out() -> None:
    script = course_script()
    trained = [line.text for line in script if line.split == "train"]
    for split in ("test_seen", "test_unseen"):
        share = new_word_share(trained, [line.text for line in script if line.split == split])
        assert share > 0.3


@pytest.mark.parametrize("clips", [0, 2, 71, 1000])
def test_refuses_counts_out_of_range(clips: int) -> None:
    with pytest.raises(UserError, match="3 to 70"):
        course_script(clips)
