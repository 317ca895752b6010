import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talking_heads.errors import UserError
from talking_heads.speech import (
    SAMPLE_RATE,
    SEEN_VOICES,
    UNSEEN_VOICES,
    VOICES,
    Speech,
    Voice,
    log_mel,
    phoneme_classes,
    random_voice,
    synthesize_many,
)
from talking_heads.speech.voices import FLITE_VOICES


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


def test_twenty_voices_sixteen_of_them_in_the_course() -> None:
    assert " ".join(SEEN_VOICES) == "ada ben cleo dan eve finn gina hugo iris jack slt rms"
    assert UNSEEN_VOICES == ("maya", "noah", "awb", "kal16")
    assert tuple(VOICES) == (*SEEN_VOICES, *UNSEEN_VOICES, "kira", "leo", "olga", "paul")
    assert all(name == voice.name for name, voice in VOICES.items())
    assert tuple(n for n, v in VOICES.items() if v.engine == "flite") == FLITE_VOICES
    assert len({voice.accent for voice in VOICES.values()}) == 8
    women = [name for name in SEEN_VOICES if VOICES[name].female]
    assert len(women) == 6


def test_variants_hold_nothing_that_is_not_reproducible() -> None:
    for voice in [*VOICES.values(), *map(random_voice, range(200))]:
        lines = voice.variant().splitlines()
        assert lines[0] == "language variant"
        assert not any(line.startswith(("echo", "breath")) for line in lines)


def test_pitch_is_what_the_voice_says(spoken: dict[str, list[Speech]]) -> None:
    medians = {name: pitch(np.concatenate([vowels(s) for s in spoken[name]])) for name in spoken}
    for name in spoken:
        voice = VOICES[name]
        assert voice.pitch[0] * 0.95 < medians[name] < voice.pitch[1] * 1.1, (name, medians[name])
    women = [median for name, median in medians.items() if VOICES[name].female]
    men = [median for name, median in medians.items() if not VOICES[name].female]
    assert min(women) > max(men)


def recognised(speeches: dict[str, list[Speech]]) -> float:
    """Share of sentences whose speaker is nearest to the mean of the speaker's other sentences."""
    features = {
        name: [np.append(timbre(s), 3 * np.log2(pitch(vowels(s)) / 100)) for s in batch]
        for name, batch in speeches.items()
    }
    right = total = 0
    for name, batch in features.items():
        for index, sample in enumerate(batch):
            distance = {}
            for other in features:
                rest = [f for i, f in enumerate(features[other]) if i != index]
                distance[other] = np.linalg.norm(np.mean(rest, axis=0) - sample)
            right += min(distance, key=distance.__getitem__) == name
            total += 1
    return right / total


def test_voices_can_be_told_apart(
    spoken: dict[str, list[Speech]], spoken_by_flite: dict[str, list[Speech]]
) -> None:
    # By timbre and pitch; chance is 1 in 20.
    assert recognised(spoken | spoken_by_flite) > 0.9


def test_random_voices_are_people_of_their_own(engine: None) -> None:
    voices = [random_voice(seed) for seed in range(12)]
    sentences = (
        "Please bring my purple umbrella before the picnic begins.",
        "The drummer dropped his sticks and picked up a trumpet.",
        "Could you open the cupboard and grab me a cup?",
    )
    items = [(sentence, voice) for voice in voices for sentence in sentences]
    speeches: dict[str, list[Speech]] = {voice.name: [] for voice in voices}
    for speech in synthesize_many(items):
        speeches[speech.voice].append(speech)
    # Measured: 0.92 of 16 voices; chance is 1 in 12.
    assert recognised(speeches) > 0.8


@given(st.integers(0, 10**12))
def test_random_voices_keep_their_seed_and_their_ranges(seed: int) -> None:
    voice = random_voice(seed)
    assert voice == random_voice(seed) and voice.engine == "espeak-ng"
    assert voice.name == f"voice-{seed}"
    assert voice.variant_id != random_voice(seed + 1 if seed < 10**12 else 0).variant_id
    # Through JSON and back: every drawn value is within what a voice may have.
    assert Voice.from_dict(json.loads(json.dumps(voice.to_dict()))) == voice


@pytest.mark.parametrize("seed", [-1, 1.5, True, "1", 10**13])
def test_seeds_of_random_voices(seed: object) -> None:
    with pytest.raises(UserError, match="whole number"):
        random_voice(seed)  # type: ignore[arg-type]


def test_every_voice_goes_through_json() -> None:
    for name, voice in VOICES.items():
        assert Voice.from_dict(json.loads(json.dumps(voice.to_dict()))) == voice
        assert Voice.from_dict({"name": name}) == voice


ANN = {
    "name": "ann",
    "female": True,
    "accent": "en-US",
    "pitch": [170, 240],
    "formants": [112, 114, 112, 110, 110],
    "words_per_minute": 160,
}


def test_a_voice_somebody_wrote(engine: None) -> None:
    voice = Voice.from_dict(ANN)
    assert voice.tone == "plain" and voice.engine == "espeak-ng"
    assert next(synthesize_many([("Hello.", voice)])).voice == "ann"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "../../etc/passwd"}, "cannot name a voice"),
        ({"name": "Ann"}, "cannot name a voice"),
        ({"name": "ann\npitch 1 2"}, "cannot name a voice"),
        ({"name": "a" * 33}, "cannot name a voice"),
        ({"name": 3}, "cannot name a voice"),
        ({"name": "slt"}, "kept for it"),
        ({"engine": "flite"}, "flite has the voices"),
        ({"engine": "sam"}, "Choose one of: espeak-ng, flite"),
        ({"accent": "en-US+whisper"}, "accent cannot be"),
        ({"accent": ["en"]}, "accent cannot be"),
        ({"tone": "tone 600 170\necho 1 2"}, "tone cannot be"),
        ({"female": "yes"}, "true or false"),
        ({"pitch": [170]}, "2 whole numbers"),
        ({"pitch": [240, 170]}, "below the highest"),
        ({"pitch": [1.5, 240]}, "2 whole numbers"),
        ({"pitch": "170 240"}, "2 whole numbers"),
        ({"pitch": None}, "2 whole numbers"),
        ({"formants": [112, 114, 112, 110, 1000]}, "from 70 to 150"),
        ({"formants": [112, 114, 112, 110, True]}, "from 70 to 150"),
        ({"words_per_minute": 1000}, "from 100 to 260"),
        ({"words_per_minute": "fast"}, "from 100 to 260"),
        ({"flutter": -1}, "from 0 to 20"),
        ({"roughness": 8}, "from 0 to 7"),
        ({"settings": ["echo 1"]}, "has no 'settings'"),
    ],
)
def test_voices_that_do_not_fit(change: dict, words: str) -> None:
    with pytest.raises(UserError) as caught:
        Voice.from_dict({**ANN, **change})
    message = str(caught.value)
    assert words in message and len(message.splitlines()) <= 3


def test_tables_that_are_no_voices() -> None:
    with pytest.raises(UserError, match="lacks: accent"):
        Voice.from_dict({key: value for key, value in ANN.items() if key != "accent"})
    with pytest.raises(UserError, match="lacks"):
        Voice.from_dict({})
    with pytest.raises(UserError, match="a table"):
        Voice.from_dict([1])  # type: ignore[arg-type]
    with pytest.raises(UserError, match="cannot be changed"):
        Voice.from_dict({**VOICES["slt"].to_dict(), "words_per_minute": 120})


@pytest.mark.parametrize("name", ["hugo", "jack"])
def test_speaking_rates_differ(spoken: dict[str, list[Speech]], name: str) -> None:
    mean = np.mean([s.duration for batch in spoken.values() for s in batch])
    own = np.mean([s.duration for s in spoken[name]])
    assert own > 1.05 * mean if name == "hugo" else own < 0.95 * mean
