"""From clips to batches for training: random crops, and padding with masks.

Audio and motion stay in step: frame f of the motion belongs to the samples from 640 f on (at 25
frames a second). Crops start at frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from talking_heads.corpus.clip import Clip, Corpus
from talking_heads.errors import UserError
from talking_heads.speech import SAMPLE_RATE

CROP_FRAMES = 100
"""Frames of a training crop: 4 s."""


class Sample(TypedDict):
    """One clip or crop: audio (samples,), motion (frame, 52), speaker index."""

    audio: Tensor
    motion: Tensor
    speaker: int


class Batch(TypedDict):
    """Padded clips.

    ``audio`` (batch, samples) float32; ``motion`` (batch, frame, 52) float32; ``mask`` (batch,
    frame) bool, True where there is motion; ``speaker`` (batch,) int64. Samples = frames times
    samples a frame.
    """

    audio: Tensor
    motion: Tensor
    mask: Tensor
    speaker: Tensor


def samples_per_frame(fps: float) -> int:
    """Return the samples of one frame; raises `UserError` if they are no whole number."""
    samples = SAMPLE_RATE / fps
    if abs(samples - round(samples)) > 1e-6:
        raise UserError(f"{fps:g} frames a second do not divide {SAMPLE_RATE} samples evenly.")
    return round(samples)


def fit_audio(audio: NDArray[np.float32], frames: int, per_frame: int) -> NDArray[np.float32]:
    """Cut or pad audio with silence to a whole number of frames."""
    wanted = frames * per_frame
    if len(audio) >= wanted:
        return audio[:wanted]
    return np.pad(audio, (0, wanted - len(audio)))


class ClipDataset(torch.utils.data.Dataset[Sample]):
    """The clips of a corpus in memory, as random crops or whole.

    Parameters
    ----------
    corpus : Corpus
        Usually ``corpus.split("train")``. All its audio is read at once: 2 MB a minute (16 bit).
    crop_frames : int or None
        Length of the crops; shorter clips stay whole, and None leaves all whole.
    seed : int
        The same seed and epoch give the same crops.

    Raises
    ------
    UserError
        If the corpus is empty, its motion is no coefficients, or its audio cannot be read.
    """

    def __init__(
        self,
        corpus: Corpus,
        *,
        crop_frames: int | None = CROP_FRAMES,
        seed: int = 0,
    ) -> None:
        if not len(corpus):
            raise UserError(f"There are no clips in {corpus.name}.")
        if crop_frames is not None and crop_frames < 2:
            raise UserError(f"A crop has at least 2 frames, not {crop_frames}.")
        self.crop_frames = crop_frames
        self.seed = seed
        self.epoch = 0
        self.per_frame = samples_per_frame(corpus.fps)
        self.speakers = corpus.speakers
        self._clips: list[tuple[NDArray[np.int16], NDArray[np.float32], int]] = []
        for clip in corpus:
            self._clips.append((*self._loaded(clip), corpus.speaker_index(clip.speaker)))

    def _loaded(self, clip: Clip) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
        if clip.motion.kind != "coefficients":
            raise UserError(f"Clip {clip.id} holds vertices; training here needs coefficients.")
        audio = fit_audio(clip.audio, len(clip), self.per_frame)
        motion = np.stack([truth.values for truth in clip.truths])
        return np.rint(np.clip(audio, -1, 1) * 32767).astype(np.int16), motion

    def set_epoch(self, epoch: int) -> None:
        """Choose other crops; call before each pass."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Return the number of clips."""
        return len(self._clips)

    def __getitem__(self, index: int) -> Sample:
        """Return a clip or a random crop of it, with one of its truths."""
        audio, truths, speaker = self._clips[index]
        state = np.random.SeedSequence([self.seed, self.epoch, index]).generate_state(2)
        rng = np.random.default_rng(state)
        truth = truths[rng.integers(len(truths))]
        start, stop = 0, len(truth)
        if self.crop_frames is not None and stop > self.crop_frames:
            start = int(rng.integers(stop - self.crop_frames + 1))
            stop = start + self.crop_frames
        sound = audio[start * self.per_frame : stop * self.per_frame]
        wave = torch.from_numpy(sound.astype(np.float32) / 32767)
        return Sample(audio=wave, motion=torch.from_numpy(truth[start:stop]), speaker=speaker)


def collate(samples: Sequence[Sample]) -> Batch:
    """Pad samples to the longest and stack them.

    Parameters
    ----------
    samples : sequence of Sample
        At least one.

    Returns
    -------
    Batch
        Padding is silence and, in the motion, zeros; `mask` tells where.
    """
    frames = max(len(sample["motion"]) for sample in samples)
    per_frame = len(samples[0]["audio"]) // len(samples[0]["motion"])
    batch = Batch(
        audio=torch.zeros(len(samples), frames * per_frame),
        motion=torch.zeros(len(samples), frames, samples[0]["motion"].shape[1]),
        mask=torch.zeros(len(samples), frames, dtype=torch.bool),
        speaker=torch.tensor([sample["speaker"] for sample in samples]),
    )
    for i, sample in enumerate(samples):
        batch["audio"][i, : len(sample["audio"])] = sample["audio"]
        batch["motion"][i, : len(sample["motion"])] = sample["motion"]
        batch["mask"][i, : len(sample["motion"])] = True
    return batch
