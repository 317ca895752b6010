from __future__ import annotations

import pytest

from talking_heads.corpus import Corpus
from talking_heads.corpus.coverage import (
    PHONEMES,
    broad_phonemes,
    coverage,
    coverage_by_split,
    coverage_text,
    diphone_shares,
    diphones,
)
from talking_heads.speech import Phoneme


def _said(*symbols: str) -> list[Phoneme]:
    return [Phoneme(symbol, float(i), float(i + 1)) for i, symbol in enumerate(symbols)]


@pytest.mark.parametrize(
    ("symbol", "sounds"),
    [
        ("", "#"),
        ("p", "p"),
        ("tʃ", "tʃ"),
        ("ˈiː", "iː"),
        ("ɔːɹ", "ɔ ɹ"),
        ("aɪɚ", "aɪ ə ɹ"),
        ("əl", "ə l"),
        ("n̩", "n"),
        ("eː", "eɪ"),
        ("aː", "ɑ"),
        ("a", "æ"),
        ("t̪", "t"),
        ("əʊ", "oʊ"),
        ("ʌʉ", "aʊ"),
        ("ɾ", "t"),
        ("g", "ɡ"),
        ("☃", ""),
    ],
)
def test_symbols_by_hand(symbol: str, sounds: str) -> None:
    assert broad_phonemes(symbol) == tuple(sounds.split())


def test_every_phoneme_stands_for_itself() -> None:
    assert len(PHONEMES) == len(set(PHONEMES)) == 40
    assert all(broad_phonemes(name) == (name,) for name in PHONEMES)


def test_counts_by_hand() -> None:
    one = _said("", "m", "ɔːɹ", "")
    assert diphones(one) == [("#", "m"), ("m", "ɔ"), ("ɔ", "ɹ"), ("ɹ", "#")]
    found = coverage([one, _said("", "m", "")])
    assert found.phonemes == {"m": 2, "ɔ": 1, "ɹ": 1}
    assert found.diphones[("#", "m")] == 2
    assert len(found.missing()) == 37
    assert found.rarest(38)[-1] == ("ɔ", 1)
    kinds, running = diphone_shares(coverage([_said("", "m", "")]), found)
    assert (kinds, running) == (pytest.approx(2 / 5), pytest.approx(3 / 6))
    assert diphone_shares(found, coverage([])) == (0.0, 1.0)


def test_of_a_corpus(mini: Corpus) -> None:
    found = coverage_by_split(mini)
    assert set(found) == {*mini.splits, "all"}
    assert sum(found["all"].phonemes.values()) == sum(
        sum(found[split].phonemes.values()) for split in mini.splits
    )
    # Every sound of the engines is one of the forty.
    assert set(found["all"].phonemes) <= set(PHONEMES)
    lines = coverage_text(mini)
    assert len(lines) == 5 and "train holds" in lines[-1]
