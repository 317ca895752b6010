import importlib.util
import os
import shutil

import pytest

from talking_heads.speech import VOICES, Speech, synthesize_many
from talking_heads.speech.voices import FLITE_VOICES

SENTENCES = (
    "Bobby put a big pepper back near the fire.",
    "Please bring my purple umbrella before the picnic begins.",
    "Maybe the baby bumped both elbows on the table.",
    "The drummer dropped his sticks and picked up a trumpet.",
    "Could you open the cupboard and grab me a cup?",
    "Pack up your problems, and hop aboard the ship.",
)


@pytest.fixture(scope="session")
def engine() -> None:
    """Skip where the engine is not installed; where it is, it has to work."""
    if importlib.util.find_spec("espeakng_loader") is None:
        pytest.skip("espeakng-loader is not installed")


@pytest.fixture(scope="session")
def flite() -> None:
    """Skip where flite is not installed, except in CI; where it is, it has to work."""
    if shutil.which("flite") is None:
        if os.environ.get("CI"):
            pytest.fail("flite is not installed; CI should have brought it")
        pytest.skip("flite is not installed")


def _speak(voices: list[str]) -> dict[str, list[Speech]]:
    items = [(sentence, voice) for voice in voices for sentence in SENTENCES]
    speeches = list(synthesize_many(items))
    return {voice: [speech for speech in speeches if speech.voice == voice] for voice in voices}


@pytest.fixture(scope="session")
def spoken(engine: None) -> dict[str, list[Speech]]:
    """Six sentences full of bilabials by each voice of espeak-ng."""
    return _speak([name for name, voice in VOICES.items() if voice.engine == "espeak-ng"])


@pytest.fixture(scope="session")
def spoken_by_flite(flite: None) -> dict[str, list[Speech]]:
    """The same sentences by each voice of flite."""
    return _speak(list(FLITE_VOICES))
