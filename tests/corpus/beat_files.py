"""Hand-made files in the layout of BEAT, for tests."""

from __future__ import annotations

import json
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.face import BEAT_NAMES


def beat_content(
    weights: NDArray[Any],
    *,
    names: Sequence[str] = BEAT_NAMES,
    times: Sequence[float] | None = None,
    digits: int = 6,
    timed: bool = True,
) -> dict[str, Any]:
    """Return the content of a JSON file with these ``(frame, 51)`` weights, 60 frames a second."""
    if times is None:
        times = [frame / 60 for frame in range(len(weights))]
    frames: list[dict[str, Any]] = [{"weights": row} for row in np.asarray(weights).tolist()]
    if timed:
        for frame, time in zip(frames, times, strict=True):
            frame["time"] = round(float(time), digits)
    return {"names": list(names), "frames": frames}


def write_wav(path: Path, samples: int, *, rate: int = 16_000, seed: int = 0) -> NDArray[Any]:
    """Write mono noise with 16 bits, and return it."""
    pcm = np.random.default_rng(seed).integers(-9000, 9000, samples).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.tobytes())
    return pcm


def write_recording(
    root: Path, name: str, frames: int, *, samples: int | None = None, seed: int = 0
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Write both files of a recording; return its weights, 60 a second, and its samples."""
    folder = root / name.partition("_")[0]
    folder.mkdir(parents=True, exist_ok=True)
    weights = np.random.default_rng(seed).uniform(0, 1, (frames, 51)).round(4)
    (folder / f"{name}.json").write_text(json.dumps(beat_content(weights)), "utf-8")
    wanted = round(frames * 16_000 / 60) if samples is None else samples
    return weights, write_wav(folder / f"{name}.wav", wanted, seed=seed)
