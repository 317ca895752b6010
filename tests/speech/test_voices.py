import itertools

import numpy as np
import pytest

from talking_heads.speech import (
    SAMPLE_RATE,
    SEEN_VOICES,
    UNSEEN_VOICES,
    VOICES,
    Speech,
    log_mel,
    phoneme_classes,
)


def vowels(speech: Speech) -> np.ndarray:
    """The samples of all vowels."""
    return np.concatenate(
        [
            speech.audio[int(p.start * SAMPLE_RATE) : int(p.end * SAMPLE_RATE)]
            for p in speech.phonemes
            if "vowel" in phoneme_classes(p.symbol)
        ]
    )


def pitch(audio: np.ndarray) -> float:
    """Median pitch in Hz, from the first strong peak of the autocorrelation of each 40 ms."""
    found = []
    window = np.hanning(640)
    shape = np.fft.irfft(np.abs(np.fft.rfft(window, 2048)) ** 2)[:300]
    for start in range(0, len(audio) - 640, 320):
        power = np.abs(np.fft.rfft(audio[start : start + 640] * window, 2048)) ** 2
        correlation = np.fft.irfft(power)[:300] / shape
        correlation /= correlation[0]
        lags = np.arange(40, 290)
        lag = int(lags[correlation[lags] > 0.9 * correlation[lags].max()][0])
        while lag < 289 and correlation[lag + 1] > correlation[lag]:
            lag += 1
        if correlation[lag] > 0.6:
            found.append(SAMPLE_RATE / lag)
    return float(np.median(found))


def timbre(speech: Speech) -> np.ndarray:
    """Mean log-mel of the vowels, without the level."""
    import torch

    mean = log_mel(torch.from_numpy(vowels(speech))).mean(dim=0).numpy()
    return mean - mean.mean()


def test_sixteen_voices_half_of_them_female() -> None:
    assert (
        " ".join(VOICES)
        == "ada ben cleo dan eve finn gina hugo iris jack kira leo maya noah olga paul"
    )
    assert tuple(VOICES)[:12] == SEEN_VOICES and tuple(VOICES)[12:] == UNSEEN_VOICES
    assert sum(voice.female for voice in VOICES.values()) == 8
    assert len({voice.accent for voice in VOICES.values()}) == 8
    # Every unseen voice has an accent and a sex that were heard in some seen voice.
    assert all(name == voice.name for name, voice in VOICES.items())


def test_variants_hold_nothing_that_is_not_reproducible() -> None:
    for voice in VOICES.values():
        lines = voice.variant().splitlines()
        assert lines[0] == "language variant"
        assert not any(line.startswith(("echo", "breath")) for line in lines)


def test_pitch_is_what_the_voice_says(spoken: dict[str, list[Speech]]) -> None:
    medians = {name: pitch(np.concatenate([vowels(s) for s in spoken[name]])) for name in VOICES}
    for name, voice in VOICES.items():
        assert voice.pitch[0] * 0.95 < medians[name] < voice.pitch[1] * 1.1, (name, medians[name])
    women = [medians[name] for name, voice in VOICES.items() if voice.female]
    men = [medians[name] for name, voice in VOICES.items() if not voice.female]
    assert min(women) > max(men)


def test_voices_can_be_told_apart(spoken: dict[str, list[Speech]]) -> None:
    # Recognise the speaker of every sentence from the mean of the speaker's other sentences, by
    # timbre and pitch; chance is 1 in 16.
    features = {
        name: [np.append(timbre(s), 3 * np.log2(pitch(vowels(s)) / 100)) for s in spoken[name]]
        for name in VOICES
    }
    right = total = 0
    for name, index in itertools.product(VOICES, range(6)):
        sample = features[name][index]
        distance = {}
        for other in VOICES:
            rest = [f for i, f in enumerate(features[other]) if i != index]
            distance[other] = np.linalg.norm(np.mean(rest, axis=0) - sample)
        right += min(distance, key=distance.__getitem__) == name
        total += 1
    assert right / total > 0.9, right / total


@pytest.mark.parametrize("name", ["hugo", "jack"])
def test_speaking_rates_differ(spoken: dict[str, list[Speech]], name: str) -> None:
    mean = np.mean([s.duration for batch in spoken.values() for s in batch])
    own = np.mean([s.duration for s in spoken[name]])
    assert own > 1.05 * mean if name == "hugo" else own < 0.95 * mean
