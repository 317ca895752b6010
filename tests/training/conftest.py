import numpy as np
import pytest

from talking_heads.corpus.clip import Clip
from talking_heads.corpus.collection import Corpus
from talking_heads.face import ARKIT_INDEX, Motion
from talking_heads.speech import Phoneme, frame_to_sample


def build_corpus(clips: int = 8, frames: int = 30, fps: float = 25.0) -> Corpus:
    """Tones that come and go, and a jaw that opens with them: learnable, and no speech needed."""
    made = []
    for number in range(clips):
        random = np.random.default_rng(number)
        envelope = np.repeat(random.random(frames // 5) > 0.5, 5).astype(np.float32)
        length = frames + number % 3 * 5
        envelope = np.resize(envelope, length)
        starts = [frame_to_sample(f, fps) for f in range(length + 1)]
        time = np.arange(starts[-1]) / 16_000
        audio = 0.3 * np.sin(2 * np.pi * 220 * time) * np.repeat(envelope, np.diff(starts))
        truths = []
        for _ in range(2):
            values = np.zeros((length, 52), dtype=np.float32)
            values[:, ARKIT_INDEX["jawOpen"]] = 0.4 * envelope
            values[:, ARKIT_INDEX["browInnerUp"]] = random.random()
            truths.append(Motion(values, "coefficients", fps, face_id="neutral@low"))
        speaker = ("ada", "ben", "maya")[number % 3]
        phonemes = tuple(
            Phoneme("ɑ" if envelope[f] else "m", f / fps, (f + 5) / fps, 0)
            for f in range(0, length, 5)
        )
        made.append(
            Clip(
                id=f"{speaker}-{number}",
                speaker=speaker,
                source=audio.astype(np.float32),
                truths=tuple(truths),
                phonemes=phonemes,
            )
        )
    seen = [clip for clip in made if clip.speaker != "maya"]
    return Corpus(
        name="tones",
        clips=tuple(made),
        splits={
            "train": tuple(c.id for c in seen[:-2]),
            "test_seen": tuple(c.id for c in seen[-2:]),
            "test_unseen": tuple(c.id for c in made if c.speaker == "maya"),
        },
        # The unseen speaker stands between the others: rows of the style table differ from indices.
        speakers=("ada", "maya", "ben"),
        face_ids={"ada": "head-01@low", "maya": "head-03@low", "ben": "head-02@low"},
        fps=fps,
    )


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    return build_corpus()
