"""What a batch costs against the training step that it feeds; run it as a script.

Ratios of one run on whatever machine: a loader does not starve the step while its ratio is well
below 1, or while a worker process hides it. Give the folder of a corpus, of the course or of a data
set with a mesh of its own, to measure with its sound and motion; without one, clips of noise are
made. "First time" reads sound and motion from disk and computes vertices of the course's heads.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from talking_heads.corpus import Clip, Corpus, load_corpus
from talking_heads.corpus.batching import ClipDataset, batches, dealt_batch
from talking_heads.face import Motion
from talking_heads.models import DiffSpeaker, DiffSpeakerConfig
from talking_heads.training.data import TrainingData
from talking_heads.training.views import build_contract

SIZE, STEPS = 24, 8


def _made(clips: int = 48, frames: int = 100) -> Corpus:
    """Return clips of noise that move as speech does, more or less."""
    made = []
    for number in range(clips):
        random = np.random.default_rng(number)
        speaker = ("ada", "ben")[number % 2]
        values = random.uniform(0, 0.5, (frames, 52)).astype(np.float32)
        motion = Motion(values, "coefficients", face_id=f"head-0{1 + number % 2}@medium")
        audio = random.uniform(-0.1, 0.1, frames * 640).astype(np.float32)
        made.append(Clip(f"m{number}", speaker, audio, (motion,), noise_seed=number))
    heads = {"ada": "head-01@medium", "ben": "head-02@medium"}
    ids = {"train": tuple(clip.id for clip in made)}
    return Corpus("noise", tuple(made), ids, ("ada", "ben"), heads)


def _seconds(run: Callable[[int], object], steps: range) -> float:
    """Return the median time of some steps."""
    times = []
    for step in steps:
        start = time.perf_counter()
        run(step)
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def main() -> None:
    """Print the table."""
    torch.manual_seed(0)
    whole = load_corpus(Path(sys.argv[1])) if len(sys.argv) > 1 else _made()
    corpus = whole.split("train")
    start = time.perf_counter()
    plain = ClipDataset(corpus, view=corpus.view)
    opened = time.perf_counter() - start
    start = time.perf_counter()
    data = TrainingData(whole, "train", 100, 0)
    normalised = time.perf_counter() - start
    model = DiffSpeaker(DiffSpeakerConfig(), build_contract(whole, data, "diff_speaker"))

    def update(batch: object) -> None:
        model.zero_grad()
        model.loss(batch)["loss"].backward()  # type: ignore[arg-type]

    ready = dealt_batch(plain, 0, SIZE)
    update(ready)
    step = _seconds(lambda _: update(ready), range(5))
    print(f"{len(corpus)} clips; a step of the course preset on {SIZE} clips: {step:.3f} s")
    print(f"to construct: {opened / step:.3f} steps; with mean and scale: {normalised / step:.3f}")
    print(f"{'view':20}{'first time':>12}{'from cache':>12}{'hidden by a worker':>20}   (steps)")
    course = ("coefficients", "blendshapes@beat", "vertices@low", "vertices@medium")
    for view in course if corpus.surface is None else (corpus.view,):
        data = ClipDataset(corpus, view=view)
        epoch = -(-len(corpus) // SIZE)
        cold = _seconds(lambda k, d=data: dealt_batch(d, k, SIZE), range(min(epoch, STEPS)))
        for k in range(min(epoch, STEPS), epoch):
            dealt_batch(data, k, SIZE)
        warm = _seconds(lambda k, d=data: dealt_batch(d, k, SIZE), range(epoch, epoch + STEPS))
        wait, start = [], time.perf_counter()
        for _ in batches(data, range(epoch, epoch + STEPS), SIZE, workers=1):
            wait.append(time.perf_counter() - start)
            update(ready)
            start = time.perf_counter()
        waited = float(np.median(wait[2:]))
        print(f"{view:20}{cold / step:12.3f}{warm / step:12.3f}{waited / step:20.3f}")


if __name__ == "__main__":
    main()
