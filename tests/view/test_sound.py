from __future__ import annotations

import io
import wave
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from talking_heads.errors import UserError
from talking_heads.view.sound import samples_of, wav_bytes


@given(hnp.arrays(np.float32, st.integers(1, 300), elements=st.floats(-2, 2, width=32)))
def test_samples_survive_the_wav_file(samples):
    with wave.open(io.BytesIO(wav_bytes(samples))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        steps = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert np.abs(steps / 32_767 - np.clip(samples, -1, 1)).max() < 2e-5


def test_silence_fills_up_to_the_length_of_the_motion():
    with wave.open(io.BytesIO(wav_bytes(np.ones(100, np.float32), at_least=0.5))) as file:
        assert file.getnframes() == 8_000
        steps = np.frombuffer(file.readframes(8_000), "<i2")
    assert (steps[:100] == 32_767).all()
    assert (steps[100:] == 0).all()


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
