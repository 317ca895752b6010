"""What `talking-heads animate` costs: each stage as a share of the sound's own length.

Run it as ``make benchmark``. It prints ratios of one run, and asserts nothing: a machine that is
busy must not fail a test.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from talking_heads.export import write_html, write_npz
from talking_heads.models import load_model
from talking_heads.speech import SAMPLE_RATE

SECONDS = 10


def _speechlike(seconds: float) -> np.ndarray:
    time_axis = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    buzz = np.sign(np.sin(2 * np.pi * 120 * time_axis)) * 0.3
    return (buzz * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * time_axis))).astype(np.float32)


def _seconds(run: Callable[[], object], repeats: int = 3) -> float:
    """Return the shortest time of some runs after one to warm up."""
    run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Print the table."""
    audio = _speechlike(SECONDS)
    model = load_model("diff_speaker")
    motion = model.animate(audio)
    with tempfile.TemporaryDirectory() as folder:
        page, arrays = Path(folder, "talk.html"), Path(folder, "motion.npz")
        stages = {
            "load the model": lambda: load_model("diff_speaker"),
            "animate": lambda: model.animate(audio),
            "animate, 5 steps": lambda: model.animate(audio, steps=5),
            "write talk.html": lambda: write_html(page, motion, audio),
            "write motion.npz": lambda: write_npz(arrays, motion),
        }
        for name, run in stages.items():
            print(f"{name:<18} {_seconds(run) / SECONDS:7.3f} s per second of speech")
    once = _seconds(lambda: model.animate(audio))
    longer = _speechlike(6 * SECONDS)
    ratio = _seconds(lambda: model.animate(longer), repeats=1) / once
    print(f"six times the speech takes {ratio:.1f} times as long")


if __name__ == "__main__":
    main()
