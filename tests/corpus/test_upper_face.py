from __future__ import annotations

import numpy as np
import pytest

from talking_heads.corpus.style import Style
from talking_heads.corpus.upper_face import (
    blink_times,
    brow_accents,
    gaze_path,
    upper_face,
)
from talking_heads.speech import Phoneme


@pytest.mark.parametrize("rate", [6.0, 15.0, 26.0])
def test_blink_rate(rate: float) -> None:
    rng = np.random.default_rng(0)
    counts = [len(blink_times(30.0, rate, [], rng)) for _ in range(300)]
    assert np.mean(counts) == pytest.approx(rate / 2, rel=0.1)
    times = blink_times(600.0, rate, [(t, t + 0.3) for t in range(0, 600, 3)], rng)
    assert np.diff(times).min() > 0.4


def test_double_blinks_keep_the_rate() -> None:
    rng = np.random.default_rng(1)
    runs = [blink_times(60.0, 15.0, [], rng, double=0.3) for _ in range(200)]
    assert np.mean([len(times) for times in runs]) == pytest.approx(15, rel=0.1)
    gaps = np.concatenate([np.diff(times) for times in runs])
    assert gaps.min() > 0.44
    assert 0.12 < (gaps < 0.4501).mean() < 0.35
    assert blink_times(600.0, 0.0, [], rng) == blink_times(600.0, 5e-324, [], rng) == []


def test_some_brows_frown_and_beginnings_count_more() -> None:
    vowels = [Phoneme("ɑː", 0.5 * i, 0.5 * i + 0.2, 1) for i in range(2000)]
    style = Style(brow=0.2, brow_frown=0.3)
    heights = np.array([h for _, h in brow_accents(vowels, style, np.random.default_rng(0))])
    assert 0.2 < (heights < 0).mean() < 0.4
    paused = []
    for vowel in vowels:
        paused += [vowel, Phoneme("", vowel.end, vowel.end + 0.3)]
    more = brow_accents(paused, style, np.random.default_rng(0))
    assert len(more) > 1.3 * len(heights)


def test_brows_follow_stress() -> None:
    vowels = [Phoneme("ɑː", 0.5 * i, 0.5 * i + 0.2, i % 3) for i in range(3000)]
    style = Style(brow=0.4)
    accents = brow_accents(vowels, style, np.random.default_rng(0))
    stress = np.array([vowels[round((time - 0.07) / 0.5)].stress for time, _ in accents])
    assert (stress > 0).all()
    assert (stress == 2).sum() > 1.3 * (stress == 1).sum()
    consonants = [Phoneme("p", 0.5 * i, 0.5 * i + 0.2, 2) for i in range(50)]
    assert brow_accents(consonants, style, np.random.default_rng(0)) == []


def test_gaze_stays_small_and_fixates() -> None:
    path = gaze_path(2500, 25.0, 0.12, np.random.default_rng(3))
    assert np.abs(path).max() < 0.6
    still = (np.abs(np.diff(path, axis=0)).max(axis=1) < 1e-3).mean()
    assert 0.6 < still < 0.98


def test_eyes_look_the_same_way() -> None:
    out = upper_face([], 500, 25.0, Style(gaze=0.2), 4)
    np.testing.assert_array_equal(out["eyeLookOutLeft"], out["eyeLookInRight"])
    np.testing.assert_array_equal(out["eyeLookInLeft"], out["eyeLookOutRight"])
    assert (np.minimum(out["eyeLookInLeft"], out["eyeLookOutLeft"]) == 0).all()
    assert out["eyeLookOutLeft"].max() > 0.02


def test_blinks_shut_the_eyes_on_a_frame() -> None:
    out = upper_face([], 1500, 25.0, Style(blinks=20.0), 5)
    lid = out["eyeBlinkLeft"]
    shut = lid > 0.5
    starts = np.flatnonzero(shut[1:] & ~shut[:-1])
    assert 14 <= len(starts) <= 27
    for start in starts:
        assert lid[start : start + 4].max() > 0.9
