import itertools

import numpy as np
import pytest

from talking_heads.corpus import articulate, load_corpus
from talking_heads.course.alignment import _SKIP, _unlike, in_step, matched_sounds, time_pairs
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, Motion
from talking_heads.speech import Phoneme


def sounds(symbols, step=0.1):
    return [Phoneme(s, step * i, step * (i + 1)) for i, s in enumerate(symbols)]


def cost(pairs, a, b):
    matched = sum(_unlike(a[i].symbol, b[j].symbol) for i, j in pairs)
    return matched + _SKIP * (len(a) + len(b) - 2 * len(pairs))


def all_matchings(n, m):
    for size in range(min(n, m) + 1):
        for left in itertools.combinations(range(n), size):
            for right in itertools.combinations(range(m), size):
                yield list(zip(left, right, strict=True))


@pytest.mark.parametrize("seed", range(12))
def test_no_other_matching_costs_less(seed):
    rng = np.random.default_rng(seed)
    symbols = ["p", "b", "t", "iː", "uː", "s", ""]
    a, b = (sounds(rng.choice(symbols, rng.integers(1, 6))) for _ in range(2))
    found = matched_sounds(a, b)
    best = min(cost(pairs, a, b) for pairs in all_matchings(len(a), len(b)))
    assert cost(found, a, b) == pytest.approx(best)
    assert all(i < k and j < m for (i, j), (k, m) in itertools.pairwise(found))


def test_a_sound_that_only_one_says_is_skipped():
    pairs = matched_sounds(sounds(["t", "iː", "m"]), sounds(["t", "iː", "ə", "m"]))
    assert pairs == [(0, 0), (1, 1), (2, 3)]


def test_a_vowel_is_never_matched_with_a_consonant():
    assert matched_sounds(sounds(["t"]), sounds(["iː"])) == []


def test_like_sounds_match_rather_than_none():
    assert matched_sounds(sounds(["p", "ɪ"]), sounds(["b", "iː"])) == [(0, 0), (1, 1)]


def test_moments_rise_and_end_at_both_ends():
    a, b = sounds(["", "t", "iː", ""], 0.1), sounds(["", "t", "iː", ""], 0.15)
    pairs = time_pairs(a, b)
    np.testing.assert_allclose(pairs[0], 0)
    np.testing.assert_allclose(pairs[-1], [0.4, 0.6])
    np.testing.assert_allclose(pairs[:, 1], 1.5 * pairs[:, 0])


@pytest.mark.parametrize("stretch", [0.8, 1.0, 1.7])
def test_a_motion_that_only_takes_longer_is_brought_back(stretch):
    symbols = ["", "p", "ɑː", "p", "uː", "p", ""]
    own, led = sounds(symbols, 0.2 * stretch), sounds(symbols, 0.2)
    time = np.arange(round(1.4 * stretch * 25)) / 25 / stretch
    values = np.zeros((len(time), 52), np.float32)
    values[:, ARKIT_INDEX["jawOpen"]] = 0.4 + 0.3 * np.sin(6 * time)
    motion = Motion(values, "coefficients", face_id="head-03@low", speaker="cleo")
    found = in_step(motion, own, led, 35)
    assert (found.face_id, found.speaker, len(found)) == ("head-03@low", "cleo", 35)
    expected = 0.4 + 0.3 * np.sin(6 * np.arange(35) / 25)
    error = np.abs(found.values[:, ARKIT_INDEX["jawOpen"]] - expected)
    assert error[:-2].max() < 0.02


def test_one_recording_is_in_step_with_itself():
    phonemes = sounds(["", "m", "uː", "n", ""])
    motion = Motion(articulate(phonemes, 0.5), "coefficients")
    np.testing.assert_allclose(
        in_step(motion, phonemes, phonemes, len(motion)).values, motion.values, atol=1e-6
    )


def test_closures_of_others_fall_on_those_of_the_leader():
    corpus = load_corpus()
    text = "My uncle Philip bought a huge pumpkin and a broken trombone."
    lead, other = (
        next(clip for clip in corpus if (clip.text, clip.speaker) == (text, name))
        for name in ("ada", "kal16")
    )
    from talking_heads.face import get_face

    def gap(motion):
        return get_face(motion.face_id).aperture(motion.values)

    fitted = gap(in_step(other.motion, other.phonemes, lead.phonemes, len(lead)))
    length = min(len(lead), len(other))
    plain = np.corrcoef(gap(lead.motion)[:length], gap(other.motion)[:length])[0, 1]
    assert np.corrcoef(gap(lead.motion), fitted)[0, 1] > max(0.7, plain + 0.2)


def test_what_cannot_be_aligned_is_told():
    with pytest.raises(UserError, match="need phonemes"):
        time_pairs([], sounds(["t"]))
    with pytest.raises(UserError, match="no sound in common"):
        time_pairs(sounds(["t"]), sounds(["iː"]))
    motion = Motion(np.zeros((3, 52)), "coefficients")
    with pytest.raises(UserError, match="frame"):
        in_step(motion, sounds(["t"]), sounds(["t"]), 0)
