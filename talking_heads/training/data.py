"""Batches for training, each a function of the seed and the step alone.

A run that is resumed at step 500 therefore sees the very batches that an unbroken one sees.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from talking_heads.errors import UserError

if TYPE_CHECKING:
    from talking_heads.corpus.batching import ClipDataset
    from talking_heads.corpus.clip import Clip
    from talking_heads.corpus.collection import Corpus

Floats = NDArray[np.float32]

_SMALLEST_SCALE = 0.02
"""A channel that hardly moves is normalised as if it moved this much: dividing by nearly nothing
would make its noise as important as the mouth."""
MOST_FRAMES = 200_000
"""Of coefficients on disk, that all count in the statistics: two hours. A larger data set is
sampled. What is in memory counts whole."""
SAMPLED_CLIPS = 200
"""Of a larger data set, and of vertices."""
SAMPLED_FRAMES = 500
"""Of coefficients, in each of them at most, from its middle."""
SAMPLED_VERTEX_FRAMES = 8
"""Of vertices, in each of them, spread over it."""


class TrainingData:
    """The clips of one split in batches; see `talking_heads.corpus.batching.ClipDataset`.

    Parameters
    ----------
    corpus : Corpus
        Of coefficients, or of vertices on a mesh of its own; at any frame rate.
    split : str
        Which clips.
    crop : int
        Most frames of a clip in a batch; from longer ones a random piece is cut.
    seed : int
        Of the run.
    features : callable, optional
        Makes ``(frame, width)`` features of the sound of a whole clip, ``(samples,)``; see
        `talking_heads.corpus.batching.ClipDataset`.
    view : str, optional
        Of the clips, by default what the corpus stores: ``"coefficients"``; ``"vertices"`` on a
        mesh of its own; ``"vertices@low"``, or another resolution of the course's head, as a
        scanner would have recorded it.
    sound : bool
        Whether sound is read at all; without it the batches have ``(batch, 0)`` samples.

    Raises
    ------
    UserError
        If the split is missing or empty, the corpus has no such view, or a clip that the
        statistics are taken of cannot be read.
    """

    def __init__(
        self,
        corpus: Corpus,
        split: str,
        crop: int,
        seed: int,
        features: Callable[[Tensor], Tensor] | None = None,
        *,
        view: str | None = None,
        sound: bool = True,
    ) -> None:
        from talking_heads.corpus.batching import ClipDataset

        clips = corpus.split(split)
        self.view = corpus.view if view is None else view
        self.dataset = ClipDataset(
            clips, view=self.view, crop_frames=crop, seed=seed, features=features, sound=sound
        )
        heard = {clip.speaker for clip in clips}
        self.speakers = tuple(s for s in corpus.speakers if s in heard)
        # From the corpus's index of a speaker to the model's, which knows the split's only.
        self._rows = torch.full((len(corpus.speakers),), -1)
        for row, speaker in enumerate(self.speakers):
            self._rows[corpus.speaker_index(speaker)] = row
        self.mean, self.scale = (
            coefficient_statistics(clips)
            if self.view == "coefficients"
            else vertex_statistics(clips, self.dataset)
        )
        """Motion is ``mean + scale * normalised``; see the functions that measure them."""
        self.frames = sum(len(clip) for clip in clips)
        """Frames of all clips together."""

    def __len__(self) -> int:
        """Return the number of clips."""
        return len(self.dataset)

    def batch(self, step: int, size: int, part: int = 0, parts: int = 1) -> dict[str, Tensor]:
        """Return the batch of one step, or a part of it.

        See `talking_heads.corpus.batching.dealt_batch`.

        Parameters
        ----------
        step : int
            From 0.
        size : int
            Clips in the batch.
        part, parts : int
            Of `parts` processes that share the batch, each takes neighbouring clips, equally many;
            this is number `part`, from 0.

        Returns
        -------
        dict of Tensor
            ``audio``, ``motion``, ``mask``, ``speaker``, and ``features`` where there are such, as
            `talking_heads.corpus.batching.Batch` has them; the speaker is the row of the model's
            style table.

        Raises
        ------
        UserError
            If the batch cannot be shared equally, or a clip cannot be read.
        """
        from talking_heads.corpus.batching import dealt_batch

        if size % parts:
            raise UserError(
                f"{parts} processes cannot share batches of {size} clips equally.\n"
                f"Choose another number of processes, or batches of a multiple of {parts} clips."
            )
        # Batches follow one another without a gap, so a part of one is a smaller batch.
        batch = dealt_batch(self.dataset, step * parts + part, size // parts)
        kept = {"features": batch["features"]} if "features" in batch else {}
        return {
            "audio": batch["audio"],
            "motion": batch["motion"],
            "mask": batch["mask"],
            "speaker": self._rows[batch["speaker"]],
            **kept,
        }


def _sampled(clips: Corpus) -> list[int]:
    """Return the places of 200 clips drawn at random, the same ones whatever the seed of a run."""
    return np.random.default_rng(0).permutation(len(clips))[:SAMPLED_CLIPS].tolist()


def _read(clip: Clip, start: int, stop: int, truth: int = 0) -> Floats:
    from talking_heads.corpus.batching import clip_error

    try:
        return clip.piece(start, stop, truth).values
    except UserError as error:
        raise clip_error(clip, error) from error


def coefficient_statistics(clips: Corpus) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel, the latter at least 0.02.

    Parameters
    ----------
    clips : Corpus
        Of coefficients. All truths of all clips count. Of a data set that lies on disk with more
        than 200,000 frames it is the middle of 200 clips, drawn at random and the same ones each
        time.

    Returns
    -------
    mean, scale : tuple of float
        52 numbers each, with six decimals.
    """
    from talking_heads.corpus.lazy import LazyMotion

    on_disk = sum(len(clip) for clip in clips if isinstance(clip.truths, LazyMotion))
    whole = on_disk <= MOST_FRAMES
    pieces = []
    for clip in clips if whole else [clips[place] for place in _sampled(clips)]:
        length = len(clip) if whole else min(len(clip), SAMPLED_FRAMES)
        start = (len(clip) - length) // 2
        for truth in range(len(clip.truths)):
            pieces.append(_read(clip, start, start + length, truth))
    frames = np.concatenate(pieces)
    scale = np.maximum(frames.std(0, dtype=np.float64), _SMALLEST_SCALE)
    mean = np.round(frames.mean(0, dtype=np.float64), 6)
    return tuple(map(float, mean)), tuple(map(float, np.round(scale, 6)))


def vertex_statistics(
    clips: Corpus, dataset: ClipDataset
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return 0 and the root of the mean square of the offsets from the faces at rest.

    One scale for all coordinates: vertices that hardly move stay unimportant, in the loss as on the
    face.

    Parameters
    ----------
    clips : Corpus
        Eight frames of each clip count, spread over it, and at most 200 clips, drawn at random and
        the same ones each time. Of vertices on disk one frame is in memory at a time.
    dataset : ClipDataset
        Of these clips, in a view of vertices.

    Returns
    -------
    mean, scale : tuple of float
        One number each, for all channels.

    Raises
    ------
    UserError
        If the faces never leave their rest, or a clip cannot be read.
    """
    squares, count = 0.0, 0
    for index in _sampled(clips):
        length = len(clips[index])
        # The middles of eight parts of equal length.
        places = (np.arange(SAMPLED_VERTEX_FRAMES) + 0.5) / SAMPLED_VERTEX_FRAMES * length
        for frame in sorted({int(place) for place in places}):
            offsets = dataset.motion(index, frame, frame + 1).ravel()
            # In float64: squares of a thousandth of a unit that is itself small lose digits.
            squares += float(np.square(offsets, dtype=np.float64).sum())
            count += offsets.size
    scale = np.sqrt(squares / count)
    if not scale > 0:
        raise UserError(
            f"The faces of {clips.name} never move: there is nothing to learn.\n"
            "Check that the templates are those of this data set."
        )
    return (0.0,), (float(f"{scale:.6g}"),)
