from __future__ import annotations

import re

import numpy as np

from talking_heads.corpus.grammar import grammar_sentence, rules
from talking_heads.corpus.sentences import held_out_words, sentences, text_key, words


def test_every_rule_is_there_and_used() -> None:
    known = rules()
    named = {
        name
        for options in known.values()
        for option in options
        for name in re.findall(r"[A-Z][A-Z_0-9]+", option)
    }
    assert named == set(known) - {"SENTENCE"}
    assert all(options for options in known.values())


def test_sentences_of_the_grammar() -> None:
    rng = np.random.default_rng(3)
    found = [grammar_sentence(rng) for _ in range(2000)]
    assert len(set(found)) > 1900
    banned = held_out_words()
    written = {text_key(text) for texts in sentences().values() for text in texts}
    for text in found:
        assert 5 <= len(words(text)) <= 14
        assert not banned & set(words(text))
        assert text_key(text) not in written
        assert text[0].isupper() and text[-1] in ".?!"
        assert not re.search("[A-Z]{2}|_|  ", text)
        assert not re.search(r"\ba [aei]", text)


def test_the_same_chance_says_the_same() -> None:
    one, other = np.random.default_rng(1), np.random.default_rng(1)
    assert [grammar_sentence(one) for _ in range(9)] == [grammar_sentence(other) for _ in range(9)]
