from __future__ import annotations

import pytest

from talking_heads.corpus.viseme_segments import segments_of, visemes_of
from talking_heads.corpus.visemes import PARAMETERS, VISEMES
from talking_heads.speech import Phoneme


def names(symbol: str) -> list[str]:
    return [viseme.name for viseme in visemes_of(symbol)]


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("p", ["bilabial"]),
        ("m", ["bilabial"]),
        ("v", ["labiodental"]),
        ("", ["pause"]),
        ("tʃ", ["postalveolar"]),
        ("dʒ", ["postalveolar"]),
        ("aɪ", ["open_front", "near_close_front"]),
        ("oʊ", ["mid_rounded", "near_close_rounded"]),
        ("ɔːɹ", ["mid_rounded", "rhotic"]),
        ("ˈuː", ["close_rounded"]),
        ("n̩", ["alveolar"]),
        ("ç", ["palatal"]),
        ("?", ["schwa"]),
    ],
)
def test_symbols(symbol: str, expected: list[str]) -> None:
    assert names(symbol) == expected


def test_targets_are_sane() -> None:
    for viseme in VISEMES.values():
        assert set(viseme.targets) <= set(PARAMETERS)
        assert set(viseme.strengths) <= set(PARAMETERS)
        assert all(0 <= value <= 1 for value in viseme.targets.values())
        assert viseme.strength > 0
    # d, k and h are transparent: they insist on little.
    assert max(VISEMES[name].strength for name in ("alveolar", "velar", "glottal")) < 0.5
    openness = [VISEMES[v].target("jawOpen") for v in ("open_back", "mid_front", "close_front")]
    assert openness == sorted(openness, reverse=True)


def test_segments_split_diphthongs() -> None:
    first, second, third = segments_of(
        [Phoneme("b", 0.0, 0.1, 0), Phoneme("aɪ", 0.1, 0.3, 2)],
    )
    assert (first.start, first.end, first.viseme.name) == (0.0, 0.1, "bilabial")
    assert first.release < 1
    assert second.end == pytest.approx(0.22)
    assert (third.start, third.end) == (pytest.approx(0.22), pytest.approx(0.3))
    assert second.stress == third.stress == 2
    assert third.centre == pytest.approx(0.26)
    assert third.half == pytest.approx(0.04)


def test_every_sound_of_the_voices_is_known() -> None:
    from talking_heads.speech import phoneme_classes, synthesize

    text = "The quick brown fox jumps over the lazy dog; pure joy, fire, chair, here, sure."
    for voice in ("ada", "ben", "maya", "hugo"):
        for phoneme in synthesize(text, voice).phonemes:
            found = names(phoneme.symbol)
            assert ("bilabial" in found) == ("bilabial" in phoneme_classes(phoneme.symbol))
            if phoneme.symbol:
                assert "pause" not in found


def test_every_phone_of_flite_is_known() -> None:
    from talking_heads.speech import phoneme_classes
    from talking_heads.speech.flite import PHONES

    for symbol in PHONES.values():
        found = names(symbol)
        assert ("bilabial" in found) == ("bilabial" in phoneme_classes(symbol))
        assert ("pause" in found) == (not symbol)
        assert symbol in ("ə", "") or found != ["schwa"]


def test_a_closure_opens_when_it_was_heard_to() -> None:
    usual, heard = segments_of(
        [Phoneme("p", 0.0, 0.1), Phoneme("p", 0.1, 0.2, 0, release=0.19)],
    )
    assert usual.release == pytest.approx(0.58)
    assert heard.release == pytest.approx(0.9)
    assert heard.pressure > 0


@pytest.mark.parametrize(("symbol", "usual"), [("p", 0.58), ("m", 0.80)])
def test_lips_part_where_it_was_heard(symbol: str, usual: float) -> None:
    (segment,) = segments_of([Phoneme(symbol, 1.0, 1.1)])
    assert segment.release == usual
    (segment,) = segments_of([Phoneme(symbol, 1.0, 1.1, 0, 1.09)])
    assert segment.release == pytest.approx(0.9)
    # Other sounds do not close the lips, whatever opens.
    (segment,) = segments_of([Phoneme("t", 1.0, 1.1, 0, 1.05)])
    assert segment.release == 1.0
