"""Batches for training, each a function of the seed and the step alone.

A run that is resumed at step 500 therefore sees the very batches that an unbroken one sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from talking_heads.errors import UserError

if TYPE_CHECKING:
    from talking_heads.corpus.clip import Corpus

_SMALLEST_SCALE = 0.02
"""A channel that hardly moves is normalised as if it moved this much: dividing by nearly nothing
would make its noise as important as the mouth."""


class TrainingData:
    """The clips of one split in memory, about 2 MB a minute.

    Parameters
    ----------
    corpus : Corpus
        Of coefficients, 25 frames a second.
    split : str
        Which clips.
    crop : int
        Most frames of a clip in a batch; from longer ones a random piece is cut.
    seed : int
        Of the run.

    Raises
    ------
    UserError
        If the split is missing or empty, or its motion is of another kind.
    """

    def __init__(self, corpus: Corpus, split: str, crop: int, seed: int) -> None:
        from talking_heads.corpus.batching import ClipDataset

        clips = corpus.split(split)
        self.dataset = ClipDataset(clips, crop_frames=crop, seed=seed)
        if corpus.fps != 25.0:
            raise UserError(f"The models run at 25 frames a second; {corpus.name} does not.")
        heard = {clip.speaker for clip in clips}
        self.speakers = tuple(s for s in corpus.speakers if s in heard)
        # From the corpus's index of a speaker to the model's, which knows the split's only.
        self._rows = torch.full((len(corpus.speakers),), -1)
        for row, speaker in enumerate(self.speakers):
            self._rows[corpus.speaker_index(speaker)] = row
        frames = np.concatenate([truth.values for clip in clips for truth in clip.truths])
        scale = np.maximum(frames.std(0, dtype=np.float64), _SMALLEST_SCALE)
        self.mean = tuple(map(float, np.round(frames.mean(0, dtype=np.float64), 6)))
        """Of each channel, over all truths."""
        self.scale = tuple(map(float, np.round(scale, 6)))
        """Standard deviation of each channel, and at least 0.02."""
        self.frames = sum(len(clip) for clip in clips)
        """Frames of all clips together."""

    def __len__(self) -> int:
        """Return the number of clips."""
        return len(self.dataset)

    def batch(self, step: int, size: int) -> dict[str, Tensor]:
        """Return the batch of one step.

        See `talking_heads.corpus.batching.dealt_batch`.

        Parameters
        ----------
        step : int
            From 0.
        size : int
            Clips in the batch.

        Returns
        -------
        dict of Tensor
            ``audio``, ``motion``, ``mask``, ``speaker`` as `talking_heads.corpus.batching.Batch`
            has them; the speaker is the row of the model's style table.
        """
        from talking_heads.corpus.batching import dealt_batch

        batch = dealt_batch(self.dataset, step, size)
        return {
            "audio": batch["audio"],
            "motion": batch["motion"],
            "mask": batch["mask"],
            "speaker": self._rows[batch["speaker"]],
        }
