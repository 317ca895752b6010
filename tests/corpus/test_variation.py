from __future__ import annotations

import numpy as np
import pytest

from talking_heads.corpus.articulation import articulate_mouth
from talking_heads.corpus.style import Style
from talking_heads.corpus.variation import (
    DRIFT_LIMIT,
    JITTER_LIMIT,
    draw_take,
    draw_wander,
    plain_take,
    smooth_noise,
)
from talking_heads.corpus.viseme_segments import frames_of, segments_of
from talking_heads.face import ARKIT_INDEX, get_face
from talking_heads.speech import Phoneme

FACE = get_face("neutral@low")
SOUNDS = ["m", "ɑː", "p", "iː", "b", "æ", "s", "uː", "f", "ɔː", "t", "ə"] * 6


def sentence(each: float = 0.09) -> list[Phoneme]:
    phonemes = [Phoneme("", 0.0, 0.3, 0)]
    for symbol in SOUNDS:
        start = phonemes[-1].end
        phonemes.append(Phoneme(symbol, start, start + each, 1))
    return phonemes


def test_takes_stay_within_their_limits() -> None:
    segments = segments_of([*sentence(0.03), Phoneme("a", 20.0, 20.2)])
    takes = [draw_take(segments, Style(variation=1.5), seed) for seed in range(30)]
    shift = np.array([take.shift for take in takes])
    fifth = 0.2 * np.array([s.end - s.start for s in segments])
    assert (np.abs(shift) <= np.minimum(JITTER_LIMIT, fifth) + 1e-12).all()
    assert shift[:, -1].std() > 0.003
    both = np.array([take.jaw + 0.5 * take.lips for take in takes]) / 1.5
    assert np.abs(both - 1).max() < DRIFT_LIMIT + 0.05
    # What the jaw does more, the lips do less.
    jaw = np.concatenate([take.jaw - both[i] for i, take in enumerate(takes)])
    lips = np.concatenate([take.lips - both[i] for i, take in enumerate(takes)])
    assert np.corrcoef(jaw, lips)[0, 1] < -0.9


def test_drift_is_slow() -> None:
    take = draw_take(segments_of(sentence()), Style(), 3)
    near = np.abs(np.diff(take.jaw)).mean()
    far = np.abs(take.jaw[36:] - take.jaw[:-36]).mean()
    assert near < 0.6 * far


def test_no_variation_changes_nothing() -> None:
    segments = segments_of(sentence())
    plain, drawn = plain_take(segments), draw_take(segments, Style(variation=0), 5)
    for name in ("shift", "jaw", "lips", "factor", "press"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(drawn, name))
    assert np.abs(draw_wander(50, 25.0, Style(), None).smile).max() == 0


def test_smooth_noise_has_unit_size() -> None:
    rng = np.random.default_rng(0)
    noise = np.array([smooth_noise(40, 25.0, 0.5, rng) for _ in range(2000)])
    assert noise.std() == pytest.approx(1.0, abs=0.05)
    assert np.diff(noise, axis=1).std() < 0.1


def test_takes_of_one_sentence_are_alike_and_all_close() -> None:
    phonemes = sentence()
    duration = phonemes[-1].end + 0.3
    takes = [articulate_mouth(phonemes, duration, seed=seed, face=FACE) for seed in range(8)]
    plain = articulate_mouth(phonemes, duration, face=FACE)
    gaps = np.array([FACE.aperture(motion) for motion in takes])
    alike = np.corrcoef(np.vstack([gaps, FACE.aperture(plain)]))
    assert 0.93 < alike.min() < 0.995
    for phoneme in phonemes:
        if phoneme.symbol in ("p", "b", "m"):
            assert gaps[:, frames_of(phoneme, len(plain), 25.0)].min(axis=1).max() < 0.0005
    # Nothing in the voice tells these; without a seed they keep still.
    smile = ARKIT_INDEX["mouthSmileLeft"]
    assert np.std([motion[3, smile] for motion in takes]) > 0.005
    np.testing.assert_array_equal(plain, articulate_mouth(phonemes, duration, face=FACE))
