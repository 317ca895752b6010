"""Batches for training, each a function of the seed and the step alone.

A run that is resumed at step 500 therefore sees the very batches that an unbroken one sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from talking_heads.errors import UserError
from talking_heads.speech.mel import SAMPLES_PER_MOTION_FRAME

if TYPE_CHECKING:
    from talking_heads.corpus.clip import Corpus

_SMALLEST_SCALE = 0.02
"""A channel that hardly moves is normalised as if it moved this much: dividing by nearly nothing
would make its noise as important as the mouth."""


@dataclass(frozen=True, eq=False)
class _Item:
    audio: NDArray[np.int16]
    truths: tuple[NDArray[np.float32], ...]
    speaker: int


class TrainingData:
    """The clips of one split in memory, about 2 MB a minute.

    Parameters
    ----------
    corpus : Corpus
        All clips of the split.
    split : str
        Which split.
    speakers : tuple of str, optional
        Order of the speakers' indices; by default the split's speakers in the corpus's order.

    Raises
    ------
    UserError
        If the split is empty or is not 25 frames a second of one kind of motion.
    """

    def __init__(self, corpus: Corpus, split: str, speakers: tuple[str, ...] | None = None) -> None:
        clips = corpus.split(split)
        if not len(clips):
            raise UserError(f"The split {split} of the corpus {corpus.name} has no clips.")
        heard = {clip.speaker for clip in clips}
        self.speakers = speakers or tuple(s for s in corpus.speakers if s in heard)
        index = {speaker: number for number, speaker in enumerate(self.speakers)}
        self.items = []
        kinds = set()
        for clip in clips:
            kinds.add((clip.motion.kind, clip.motion.values.shape[1], float(clip.motion.fps)))
            self.items.append(
                _Item(
                    np.round(np.clip(clip.audio, -1, 1) * 32767).astype(np.int16),
                    tuple(t.values.reshape(len(t), -1) for t in clip.truths),
                    index[clip.speaker],
                )
            )
        if len(kinds) != 1 or next(iter(kinds))[2] != 25.0:
            raise UserError(
                f"The corpus {corpus.name} mixes kinds of motion, or is not 25 frames a second."
            )
        self.kind = next(iter(kinds))[0]

    def __len__(self) -> int:
        """Return the number of clips."""
        return len(self.items)

    @property
    def frames(self) -> int:
        """Frames of all clips together."""
        return sum(len(item.truths[0]) for item in self.items)

    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return mean and scale of each channel over all truths.

        The scale is the standard deviation, and at least 0.02 for coefficients.
        """
        frames = np.concatenate([truth for item in self.items for truth in item.truths])
        scale = frames.std(0, dtype=np.float64)
        if self.kind == "coefficients":
            scale = np.maximum(scale, _SMALLEST_SCALE)
        else:
            # One scale for all: relative sizes of movements mean something between vertices.
            scale = np.maximum(np.full_like(scale, np.sqrt(np.mean(scale**2))), 1e-9)
        mean = frames.mean(0, dtype=np.float64)
        return tuple(map(float, np.round(mean, 6))), tuple(map(float, np.round(scale, 6)))

    def batch(self, step: int, seed: int, size: int, crop: int) -> dict[str, Tensor]:
        """Return the batch of one step.

        Clips are dealt out in a new order each epoch; from longer ones a random piece is cut, and
        one of the truths is chosen at random.

        Parameters
        ----------
        step : int
            From 0.
        seed : int
            Of the run.
        size : int
            Clips in the batch.
        crop : int
            Most frames of a clip.

        Returns
        -------
        dict of Tensor
            ``audio`` ``(size, samples)`` float32, ``motion`` ``(size, frame, channel)``, ``mask``
            ``(size, frame)`` bool, ``speaker`` ``(size,)``. Short clips are filled up with zeros.
        """
        chosen = []
        order: NDArray[np.int64] | None = None
        epoch = -1
        for place in range(step * size, (step + 1) * size):
            if place // len(self) != epoch:
                epoch = place // len(self)
                order = np.random.default_rng([seed, 1, epoch]).permutation(len(self))
            assert order is not None
            chosen.append(self.items[order[place % len(self)]])
        random = np.random.default_rng([seed, 2, step])
        frames = min(crop, max(len(item.truths[0]) for item in chosen))
        channels = chosen[0].truths[0].shape[1]
        audio = np.zeros((size, frames * SAMPLES_PER_MOTION_FRAME), dtype=np.float32)
        motion = np.zeros((size, frames, channels), dtype=np.float32)
        mask = np.zeros((size, frames), dtype=bool)
        for row, item in enumerate(chosen):
            truth = item.truths[random.integers(len(item.truths))]
            first = int(random.integers(max(0, len(truth) - frames) + 1))
            part = truth[first : first + frames]
            sound = item.audio[first * SAMPLES_PER_MOTION_FRAME :][: audio.shape[1]]
            motion[row, : len(part)] = part
            mask[row, : len(part)] = True
            audio[row, : len(sound)] = sound / np.float32(32767)
        return {
            "audio": torch.from_numpy(audio),
            "motion": torch.from_numpy(motion),
            "mask": torch.from_numpy(mask),
            "speaker": torch.tensor([item.speaker for item in chosen]),
        }
