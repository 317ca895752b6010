from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talking_heads.corpus.articulation import articulate, articulate_mouth, with_anticipation
from talking_heads.corpus.style import LIMITS, Style
from talking_heads.corpus.viseme_segments import segments_of
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, ARKIT_NAMES, get_face
from talking_heads.metrics.lips import frames_of
from talking_heads.speech import Phoneme

FACE = get_face("neutral@low")
UPPER = [i for i, name in enumerate(ARKIT_NAMES) if name.startswith(("eye", "brow", "cheekSq"))]
LIPS = [i for i in range(52) if i not in UPPER]


def line(*sounds: str, each: float = 0.1, lead: float = 0.4) -> list[Phoneme]:
    phonemes = [Phoneme("", 0.0, lead, 0)]
    for symbol in sounds:
        start = phonemes[-1].end
        phonemes.append(Phoneme(symbol, start, start + each, 2))
    return [*phonemes, Phoneme("", phonemes[-1].end, phonemes[-1].end + 0.4, 0)]


def said(*sounds: str, style: Style | None = None, seed: int = 0) -> np.ndarray:
    phonemes = line(*sounds)
    return articulate(phonemes, phonemes[-1].end, style, seed, face=FACE)


def peak(motion: np.ndarray, name: str) -> float:
    return float(motion[:, ARKIT_INDEX[name]].max())


def test_shape_range_and_type() -> None:
    motion = said("m", "ɑː", "p", "uː")
    assert motion.shape == (round(1.2 * 25), 52)
    assert motion.dtype == np.float32
    assert motion.min() >= 0
    assert motion.max() <= 1


def test_lips_close_in_bilabials_and_open_in_vowels() -> None:
    phonemes = line("m", "ɑː", "p", "ɑː", "b")
    motion = articulate(phonemes, phonemes[-1].end, face=FACE)
    gap = FACE.aperture(motion) * 1000
    for phoneme in phonemes[1:-1]:
        frames = frames_of(phoneme, len(motion), 25.0)
        if phoneme.symbol == "ɑː":
            assert gap[frames].max() > 4
        else:
            assert gap[frames].min() < 0.5


def test_sounds_look_as_they_should() -> None:
    assert peak(said("w", "uː"), "mouthPucker") > 0.5
    assert peak(said("t", "iː"), "mouthPucker") < 0.02
    assert peak(said("ɑ", "f", "ɑ"), "mouthRollLower") > 0.25
    assert peak(said("ʃ"), "mouthFunnel") > 0.3
    assert peak(said("ɑː"), "jawOpen") > peak(said("ɛ"), "jawOpen") > peak(said("iː"), "jawOpen")
    narrow = FACE.aperture(said("ɑ", "v", "ɑ")) * 1000
    assert 0.3 < narrow[14:17].min() < 3.5


def test_mouth_leads_the_voice_at_the_start() -> None:
    motion = said("ɑː")
    jaw = motion[:, ARKIT_INDEX["jawOpen"]]
    assert jaw[int(0.32 * 25)] > 0.1 * jaw.max()
    assert jaw[int(0.10 * 25)] < 0.1 * jaw.max()


def test_rounding_is_prepared_earlier_than_opening() -> None:
    motion = said("t", "t", "uː")
    pucker = motion[:, ARKIT_INDEX["mouthPucker"]] / peak(motion, "mouthPucker")
    opened = said("t", "t", "ɑː")
    jaw = opened[:, ARKIT_INDEX["jawOpen"]]
    jaw = (jaw - jaw[12]) / (jaw.max() - jaw[12])
    assert int(np.argmax(pucker > 0.4)) <= int(np.argmax(jaw > 0.4))


def test_seed_draws_another_take() -> None:
    first, same, other = (said("m", "ɑː", "p", "i", seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert np.abs(first[:, UPPER] - other[:, UPPER]).max() > 0.02
    gaps = [FACE.aperture(motion) for motion in (first, other)]
    assert np.abs(gaps[0] - gaps[1]).max() > 0.0001
    assert np.corrcoef(*gaps)[0, 1] > 0.95


def test_style_changes_the_mouth() -> None:
    small, wide = (said("ɑː", "p", "ɑː", style=Style(amplitude=a)) for a in (0.8, 1.1))
    assert peak(wide, "jawOpen") > 1.2 * peak(small, "jawOpen")
    skewed = said("ɑː", style=Style(asymmetry=0.2))
    assert peak(skewed, "mouthLowerDownLeft") > 1.3 * peak(skewed, "mouthLowerDownRight")
    late, early = (said("ɑː", style=Style(offset=o))[:, ARKIT_INDEX["jawOpen"]] for o in (0.015, 0))
    assert late[9] < early[9]
    smiling = said("ɑː", style=Style(smile=0.15, variation=0.0))
    assert smiling[2, ARKIT_INDEX["mouthSmileLeft"]] == pytest.approx(0.15, abs=0.01)


def test_anticipation_moves_the_edges_of_pauses() -> None:
    pause, vowel, rest = with_anticipation(segments_of(line("ɑː")))
    assert (pause.start, pause.end) == (0.0, pytest.approx(0.20))
    assert (vowel.start, vowel.end) == (pytest.approx(0.4), pytest.approx(0.5))
    assert rest.start == pytest.approx(0.6)
    short = [Phoneme("ɑ", 0.0, 0.1), Phoneme("", 0.1, 0.15), Phoneme("ɑ", 0.15, 0.3)]
    assert len(with_anticipation(segments_of(short))) == 2


@pytest.mark.parametrize(
    "phonemes",
    [
        [Phoneme("a", 0.0, 0.3), Phoneme("b", 0.2, 0.4)],
        [Phoneme("a", 0.3, 0.1)],
        [Phoneme("a", -0.2, 0.1)],
    ],
)
def test_refuses_overlaps(phonemes: list[Phoneme]) -> None:
    with pytest.raises(UserError, match="overlaps"):
        articulate(phonemes, 1.0, face=FACE)


def test_fast_speech_opens_less() -> None:
    sounds = ["t", "ɑː", "t", "æ", "k", "ɑː", "s", "ɛ", "t"]
    jaw = []
    for each in (0.06, 0.10, 0.16):
        phonemes = line(*sounds, each=each)
        motion = articulate_mouth(phonemes, phonemes[-1].end, face=FACE)
        jaw.append(peak(motion, "jawOpen"))
    assert jaw[0] < jaw[1] - 0.02 < jaw[2] - 0.03


def test_air_puffs_the_cheeks_in_p_and_b_only() -> None:
    assert peak(said("ɑ", "p", "ɑ"), "cheekPuff") > peak(said("ɑ", "b", "ɑ"), "cheekPuff") > 0.03
    assert peak(said("ɑ", "m", "ɑ"), "cheekPuff") == 0


def test_refuses_no_time() -> None:
    with pytest.raises(UserError, match="above 0"):
        articulate([], 0.0, face=FACE)


def test_refuses_a_negative_seed() -> None:
    with pytest.raises(UserError, match="seed"):
        articulate([], 1.0, seed=-1, face=FACE)


def test_silence_is_rest() -> None:
    motion = articulate([], 2.0, face=FACE)
    assert len(motion) == 50
    assert motion[:, LIPS].max() < 0.05


@settings(max_examples=60, deadline=None)
@given(
    sounds=st.lists(
        st.tuples(
            st.sampled_from(["p", "b", "m", "ɑː", "uː", "f", "s", "t", "aɪ", "w", "", "?"]),
            st.floats(0.02, 0.3),
        ),
        min_size=1,
        max_size=10,
    ),
    habits=st.fixed_dictionaries({name: st.floats(*LIMITS[name]) for name in LIMITS}),
    seed=st.integers(0, 10**9),
)
def test_any_speech_in_any_style_gives_a_sane_motion(
    sounds: list[tuple[str, float]], habits: dict[str, float], seed: int
) -> None:
    phonemes, clock = [], 0.2
    for symbol, length in sounds:
        phonemes.append(Phoneme(symbol, clock, clock + length))
        clock += length
    motion = articulate(phonemes, clock + 0.3, Style(**habits), seed, face=FACE)
    assert np.isfinite(motion).all()
    assert motion.min() >= 0
    assert motion.max() <= 1
    gap = FACE.aperture(motion)
    for phoneme in phonemes:
        if phoneme.symbol in ("p", "b", "m"):
            assert gap[frames_of(phoneme, len(motion), 25.0)].min() < 0.0005
