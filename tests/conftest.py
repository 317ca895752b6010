"""What several folders of tests share: motions and sounds made without any model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from talking_heads.face import ARKIT_INDEX, Motion

_MOVING = {
    "jawOpen": (2.5, 0.75),
    "mouthFunnel": (1.1, 0.5),
    "mouthPucker": (0.7, 0.5),
    "mouthClose": (1.9, 0.15),
    "mouthSmileLeft": (0.4, 0.5),
    "mouthSmileRight": (0.45, 0.5),
    "mouthRollLower": (1.7, 0.4),
    "mouthUpperUpLeft": (2.1, 0.4),
    "mouthLowerDownRight": (2.3, 0.5),
    "browInnerUp": (0.3, 0.7),
    "browOuterUpLeft": (0.25, 0.6),
    "eyeBlinkLeft": (0.9, 1.0),
    "eyeBlinkRight": (0.9, 1.0),
    "eyeLookInLeft": (0.35, 0.5),
    "eyeLookOutRight": (0.35, 0.5),
    "cheekPuff": (0.2, 0.3),
    "noseSneerLeft": (0.6, 0.4),
}


def _babble(
    frames: int = 100, *, seed: int = 0, fps: float = 25.0, face_id: str = "neutral@low"
) -> Motion:
    """Return a motion in which mouth, lids, gaze and brows move at different rates."""
    times = np.arange(frames) / fps
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, len(_MOVING))
    values = np.zeros((frames, 52), dtype=np.float32)
    for phase, (name, (rate, size)) in zip(phases, _MOVING.items(), strict=True):
        wave = 0.5 - 0.5 * np.cos(2 * np.pi * rate * times + phase)
        values[:, ARKIT_INDEX[name]] = size * wave**2
    return Motion(values, "coefficients", fps, face_id)


def _tone(seconds: float, frequency: float = 220.0) -> NDArray[np.float32]:
    """Return a soft tone at 16 kHz."""
    times = np.arange(round(seconds * 16_000)) / 16_000
    return (0.1 * np.sin(2 * np.pi * frequency * times)).astype(np.float32)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests, and the processes they start, out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TALKING_HEADS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def babble() -> Callable[..., Motion]:
    """Make a motion: ``babble(frames, seed=0, fps=25, face_id="neutral@low")``."""
    return _babble


@pytest.fixture(scope="session")
def tone() -> Callable[..., NDArray[np.float32]]:
    """Make a sound: ``tone(seconds, frequency=220)``."""
    return _tone


@pytest.fixture(scope="session")
def mini_vocaset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A miniature of VOCASET, not to be changed."""
    from talking_heads.corpus.miniature import write_miniature_vocaset

    return write_miniature_vocaset(tmp_path_factory.mktemp("vocaset") / "mini")


@pytest.fixture(scope="session")
def mini_biwi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A miniature of BIWI, not to be changed."""
    from talking_heads.corpus.miniature import write_miniature_biwi

    return write_miniature_biwi(tmp_path_factory.mktemp("biwi") / "mini")


@pytest.fixture(scope="session")
def mini_beat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A miniature of BEAT, not to be changed."""
    from talking_heads.corpus.miniature import write_miniature_beat

    return write_miniature_beat(tmp_path_factory.mktemp("beat") / "mini")


@pytest.fixture(scope="session")
def tiny_encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of tiny pretrained encoders with random weights, by kind; not to be changed."""
    import torch
    from transformers import HubertConfig, HubertModel, Wav2Vec2Config, Wav2Vec2Model

    from talking_heads.speech.small_hubert import SmallHubert, SmallHubertConfig

    sizes = {
        "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2,
        "intermediate_size": 24, "conv_dim": [8] * 7, "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 2,
    }  # fmt: skip
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("encoders")
    HubertModel(HubertConfig(**sizes)).save_pretrained(folder / "hubert")
    Wav2Vec2Model(Wav2Vec2Config(**sizes)).save_pretrained(folder / "wav2vec2")
    small = SmallHubertConfig(width=16, layers=2, heads=2, feed_forward=32)
    SmallHubert(small).save_pretrained(folder / "small_hubert")
    return {kind: folder / kind for kind in ("hubert", "wav2vec2", "small_hubert")}
