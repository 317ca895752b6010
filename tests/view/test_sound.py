from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talking_heads.errors import UserError
from talking_heads.view.sound import padded, samples_of


@given(st.integers(1, 300), st.floats(0, 0.05))
def test_silence_fills_up_to_the_length_of_the_motion(count, seconds):
    samples = np.ones(count, np.float32)
    filled = padded(samples, seconds)
    assert filled.dtype == np.float32
    assert len(filled) == max(count, round(seconds * 16_000))
    assert (filled[:count] == 1).all() and (filled[count:] == 0).all()


def test_whatever_has_audio_is_audio():
    samples = np.linspace(-1, 1, 50, dtype=np.float32)
    for audio in (samples, samples.tolist(), samples[None], SimpleNamespace(audio=samples)):
        assert np.array_equal(samples_of(audio), samples)


@pytest.mark.parametrize(
    ("audio", "words"),
    [
        (np.zeros(0), "one row of samples"),
        (np.zeros((2, 50)), "one row of samples"),
        (np.array([0.0, np.nan]), "not finite"),
        (np.array([0.0, np.inf]), "not finite"),
    ],
)
def test_bad_audio_is_refused(audio, words):
    with pytest.raises(UserError, match=words):
        samples_of(audio)
