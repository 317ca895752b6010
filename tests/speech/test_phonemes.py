import pytest
from hypothesis import given
from hypothesis import strategies as st

from talking_heads.speech import (
    Phoneme,
    is_bilabial,
    normalize_symbol,
    phoneme_at,
    phoneme_classes,
    segments,
)


@pytest.mark.parametrize(
    ("raw", "symbol", "stress"),
    [
        ("", "", 0),
        ("ˈaɪ", "aɪ", 2),
        ("ˌʊ", "ʊ", 1),
        ("iː", "iː", 0),
        ("a:", "aː", 0),
        ("aa", "aː", 0),
        ("t͡ʃ", "tʃ", 0),
        ("g", "ɡ", 0),
        ("n̩", "n̩", 0),
        ("ɑ̃", "ɑ̃", 0),
        ("ç", "ç", 0),
        ("ˈɔːɹ", "ɔːɹ", 2),
    ],
)
def test_normalize(raw: str, symbol: str, stress: int) -> None:
    assert normalize_symbol(raw) == (symbol, stress)


@given(st.text(max_size=8))
def test_normalize_twice_is_normalize_once(text: str) -> None:
    symbol, stress = normalize_symbol(text)
    assert stress in (0, 1, 2)
    assert normalize_symbol(symbol) == (symbol, 0)
    phoneme_classes(text)


@pytest.mark.parametrize(
    ("symbol", "letters"),
    [
        ("", []),
        ("b", ["b"]),
        ("tʃ", ["tʃ"]),
        ("aɪ", ["a", "ɪ"]),
        ("aɪɚ", ["a", "ɪ", "ɚ"]),
        ("ɔːɹ", ["ɔ", "ɹ"]),
        ("əl", ["ə", "l"]),
        ("t̪", ["t"]),
        ("n̩", ["n"]),
        ("ˈʌʉ", ["ʌ", "ʉ"]),
    ],
)
def test_segments(symbol: str, letters: list[str]) -> None:
    assert [segment.symbol for segment in segments(symbol)] == letters


@pytest.mark.parametrize(
    ("symbol", "yes", "no"),
    [
        ("p", {"consonant", "bilabial", "plosive", "labial"}, {"voiced", "vowel"}),
        ("b", {"bilabial", "plosive", "voiced"}, {"nasal"}),
        ("m", {"bilabial", "nasal", "voiced", "labial"}, {"plosive"}),
        ("f", {"labiodental", "fricative", "labial"}, {"bilabial"}),
        ("v", {"labiodental", "voiced"}, {"bilabial"}),
        ("w", {"labiovelar", "rounded"}, {"labial"}),
        ("θ", {"dental"}, {"voiced"}),
        ("ð", {"dental", "voiced"}, set()),
        ("ɾ", {"alveolar", "tap"}, {"plosive"}),
        ("tʃ", {"postalveolar", "affricate", "rounded"}, {"alveolar", "plosive"}),
        ("ɡ", {"velar", "plosive", "voiced"}, set()),
        ("h", {"glottal"}, {"voiced"}),
        ("j", {"palatal", "approximant"}, set()),
        ("n̩", {"syllabic", "nasal"}, {"vowel"}),
        ("iː", {"vowel", "close", "front", "long"}, {"rounded", "diphthong"}),
        ("uː", {"vowel", "close", "rounded", "back"}, {"open"}),
        ("ɑː", {"open", "back"}, {"rounded"}),
        ("ɔɪ", {"diphthong", "mid", "close", "rounded"}, {"open"}),
        ("ə", {"mid", "central"}, {"rounded"}),
        ("ɚ", {"rhotic", "vowel"}, {"diphthong"}),
        ("ɔːɹ", {"vowel", "rhotic", "rounded"}, {"consonant", "diphthong"}),
    ],
)
def test_classes(symbol: str, yes: set[str], no: set[str]) -> None:
    classes = phoneme_classes(symbol)
    assert yes <= classes
    assert not no & classes


def test_pauses_and_unknown_signs() -> None:
    assert phoneme_classes("") == {"pause"}
    assert phoneme_classes("☃") == frozenset()


def test_only_p_b_m_close_the_lips() -> None:
    english = "p b m t d k ɡ n ŋ f v θ ð s z ʃ ʒ tʃ dʒ h l ɹ j w ɾ iː ɪ ɛ æ ɑː ɔː uː ʊ ʌ ə aɪ oʊ"
    assert {symbol for symbol in english.split() if is_bilabial(symbol)} == {"p", "b", "m"}


def test_openness_follows_the_vowel_chart() -> None:
    heights = [segments(vowel)[0].openness for vowel in ("i", "e", "ɛ", "æ", "ɑ")]
    assert heights == sorted(heights) and heights[0] == 0 and heights[-1] == 1


def test_phoneme_at() -> None:
    phonemes = (Phoneme("", 0.0, 0.2), Phoneme("b", 0.2, 0.3), Phoneme("iː", 0.3, 0.5, 2))
    assert phoneme_at(phonemes, 0.0) is phonemes[0]
    assert phoneme_at(phonemes, 0.2) is phonemes[1]
    assert phoneme_at(phonemes, 0.5) is None
    assert phonemes[0].is_pause and not phonemes[1].is_pause
    assert phonemes[2].duration == pytest.approx(0.2)


def test_every_symbol_of_the_engine_is_classified(spoken: dict, engine: None) -> None:
    from talking_heads.speech import synthesize_many

    rare = (
        "Here, there, where, care, tour, cure, sure, mature, fear, and the player's prayer.",
        "A bottle of muddled cattle, a button, cotton, rhythm, prism, and the garden.",
        "Loch Ness, Bach, deja vu, a croissant, the genre, beige, azure, and a vision.",
        "Uh-oh, which witch watched the singer's stronger fingers in the fire tower?",
        "Boys enjoy noise; now how do brown cows hear beer, and who is our employer?",
        "Cat, bath, dance, lot, cloth, thought, strut, foot, goose, price, mouth, choice.",
    )
    speeches = list(synthesize_many([(text, voice) for text in rare for voice in spoken]))
    for batch in spoken.values():
        speeches += batch
    symbols = {phoneme.symbol for speech in speeches for phoneme in speech.phonemes}
    assert len(symbols) > 75
    for symbol in symbols:
        classes = phoneme_classes(symbol)
        assert len(classes & {"pause", "vowel", "consonant"}) == 1, symbol
        # Nothing of it is skipped but marks: length, syllable, nasal, dental.
        letters = sum(len(segment.symbol) for segment in segments(symbol))
        assert letters == len([c for c in symbol if c not in "ː\u0329\u0303\u032a"]), symbol
