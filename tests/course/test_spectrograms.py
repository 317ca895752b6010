"""Spectrograms: a tone lies where it should, formants of a made vowel are found, closures end."""

import numpy as np
import pytest
from scipy.signal import lfilter

from talking_heads.course.figures import new_figure, png_of
from talking_heads.course.spectrograms import (
    closure_spans,
    darkness,
    draw_spectrogram,
    emphasised,
    formants,
    phoneme_figure,
    spectrogram,
)
from talking_heads.errors import UserError
from talking_heads.speech import Phoneme, Speech

SOUNDS = (
    Phoneme("", 0.0, 0.1),
    Phoneme("p", 0.1, 0.2, release=0.17),
    Phoneme("ɑː", 0.2, 0.6, stress=2),
    Phoneme("b", 0.6, 0.7),
    Phoneme("", 0.7, 0.8),
)


def vowel(resonances, seconds=0.5, pitch=110):
    """Return pulses through one filter of two poles for each (frequency, bandwidth) in Hz."""
    sound = np.zeros(round(16_000 * seconds))
    sound[:: round(16_000 / pitch)] = 1.0
    for hertz, width in resonances:
        radius = np.exp(-np.pi * width / 16_000)
        angle = 2 * np.pi * hertz / 16_000
        sound = lfilter([1.0], [1, -2 * radius * np.cos(angle), radius**2], sound)
    return 0.3 * sound / np.abs(sound).max()


@pytest.mark.parametrize("wanted", [(700, 1150, 2500), (300, 2250, 3000), (320, 800, 2300)])
def test_the_formants_of_a_made_vowel_are_found(wanted):
    audio = vowel([(hertz, 80) for hertz in wanted])
    found = np.median(formants(audio, np.arange(0.1, 0.4, 0.01)), axis=0)
    # The pulses' harmonics lie 110 Hz apart, and only they are heard of a resonance.
    np.testing.assert_allclose(found, wanted, atol=75)


def test_silence_and_what_lies_outside_have_no_formants():
    audio = np.concatenate([np.zeros(8000), vowel([(500, 80)])])
    found = formants(audio, [0.2, 5.0, -3.0])
    assert np.isnan(found).all() and found.shape == (3, 3)
    assert np.isnan(formants(np.zeros(100), [0.0])).all()


@pytest.mark.parametrize("hertz", [400, 3000])
def test_a_tone_has_its_bin_and_columns_their_times(hertz):
    audio = np.zeros(8000)
    audio[4000:] = np.sin(2 * np.pi * hertz * np.arange(4000) / 16_000)
    level = spectrogram(audio)
    assert np.linspace(0, 8000, len(level))[level[:, -10].argmax()] == pytest.approx(hertz, abs=63)
    loud = level.max(0) > level.max() - 20
    assert np.flatnonzero(loud)[0] * 0.004 == pytest.approx(0.25, abs=0.009)


def test_a_long_window_tells_harmonics_apart_and_a_short_one_does_not():
    audio = vowel([(600, 200)], pitch=120)
    low = slice(0, 600)

    def ripples(window_ms):
        level = spectrogram(audio, window_ms=window_ms)[:, 60]
        line = level[: int(len(level) * 600 / 8000)]
        inner = line[1:-1]
        return int(((inner > line[:-2]) & (inner > line[2:]) & (inner > line.max() - 30)).sum())

    assert low.stop / 120 == 5
    assert ripples(50.0) >= 4 and ripples(5.0) <= 1


def test_lifting_the_high_part_is_a_difference():
    np.testing.assert_allclose(emphasised([1.0, 1.0, 0.0]), [1, 0.05, -0.95])
    assert len(emphasised([])) == 0


def test_darkness_has_eight_steps_and_ends():
    dark = darkness(np.linspace(-200, 0, 1001).reshape(7, 143))
    assert dark.min() == 0 and dark.max() == 1
    assert len(np.unique(dark)) == 8


def test_closures_end_at_the_release_where_it_is_known():
    assert closure_spans(SOUNDS) == [(0.1, 0.17), (0.6, 0.7)]


def test_a_stretch_is_drawn_and_described():
    speech = Speech(vowel([(700, 80), (1150, 80)], 0.8).astype(np.float32), SOUNDS, "pab", "ada")
    figure, words = phoneme_figure(speech, 0.1, 0.7, marks=[(0.18, 6.0, "burst")], top_khz=5)
    assert "0.60 s of speech, the sounds p ɑː b" in words and "shut in 2 of them" in words
    wave, picture = figure.axes
    assert picture.get_xlim() == (0.1, 0.7) and picture.get_ylim() == (0, 5)
    assert {text.get_text() for text in wave.texts} == {"p", "ɑː", "b"}
    assert {text.get_text() for text in picture.texts} == {"burst"}
    dots = np.concatenate([line.get_xydata() for line in picture.lines if line.get_marker() == "."])
    assert dots[:, 0].min() > 0.2 and dots[:, 0].max() < 0.6, "formants are those of the vowel"
    assert len(png_of(figure)) > 1000
    bare, _ = phoneme_figure(speech, dots=False)
    assert not any(line.get_marker() == "." for line in bare.axes[1].lines)


def test_what_cannot_be_drawn_is_told():
    speech = Speech(np.zeros(1600, np.float32), SOUNDS, "pab", "ada")
    with pytest.raises(UserError, match="no phonemes"):
        phoneme_figure(speech, 5.0, 6.0)
    _, axis = new_figure()
    with pytest.raises(UserError, match="no sound between"):
        draw_spectrogram(axis, speech.audio, start=0.09, end=0.05)
    with pytest.raises(UserError, match="longer than a step"):
        spectrogram(speech.audio, window_ms=2.0, hop_ms=4.0)
    assert spectrogram([]).shape[0] == 129, "nothing is drawn as silence"
