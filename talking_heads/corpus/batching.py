"""From clips to batches for training: random crops, and padding with masks.

Audio and motion stay in step: frame f of the motion belongs to the samples from 640 f on (at 25
frames a second). Crops start at frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from talking_heads.corpus.clip import Clip, Corpus
from talking_heads.corpus.views import parse_view
from talking_heads.errors import UserError
from talking_heads.face import get_face
from talking_heads.speech import SAMPLE_RATE

Floats = NDArray[np.float32]

CROP_FRAMES = 100
"""Frames of a training crop: 4 s."""


CACHE_BYTES = 1_000_000_000
"""Memory for computed vertices. The course's training clips take 0.2 GB at ``low`` and 0.9 GB at
``medium``."""
STEP = 2e-6
"""Vertices are kept as whole multiples of this, in metres: a fiftieth of the scan noise."""


class Sample(TypedDict):
    """One clip or crop: audio (samples,), motion (frame, ...), speaker index."""

    audio: Tensor
    motion: Tensor
    speaker: int


class Batch(TypedDict):
    """Padded clips.

    ``audio`` (batch, samples) float32; ``motion`` (batch, frame, ...) float32, where ... is 52 or
    51 coefficients, or (vertex, 3) offsets in metres; ``mask`` (batch, frame) bool, True where
    there is motion; ``speaker`` (batch,) int64. Samples = frames times samples a frame.
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
    """The clips of a corpus in memory, as random crops or whole, in one of their views.

    Audio and coefficients are read at once. Vertices are computed when a clip is first asked for,
    and kept while there is room.

    Parameters
    ----------
    corpus : Corpus
        Usually ``corpus.split("train")``. Its audio takes 2 MB a minute (16 bit).
    view : str
        ``"coefficients"``; ``"vertices@low"``, or another resolution: offsets of the skin from
        the speaker's head at rest, soft tissue and scan noise included; ``"blendshapes@beat"``.
    crop_frames : int or None
        Length of the crops; shorter clips stay whole, and None leaves all whole.
    seed : int
        The same seed and epoch give the same crops.
    noise : bool
        Whether vertices bear scan noise.
    cache_bytes : int
        Memory for vertices; 0 computes them anew each time. With worker processes each has its
        own.

    Raises
    ------
    UserError
        If the corpus is empty, there is no such view, the motion cannot be shown so, or the audio
        cannot be read.
    """

    def __init__(
        self,
        corpus: Corpus,
        *,
        view: str = "coefficients",
        crop_frames: int | None = CROP_FRAMES,
        seed: int = 0,
        noise: bool = True,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        if not len(corpus):
            raise UserError(f"There are no clips in {corpus.name}.")
        if crop_frames is not None and crop_frames < 2:
            raise UserError(f"A crop has at least 2 frames, not {crop_frames}.")
        self.view, (self._kind, self._detail) = view, parse_view(view)
        self.crop_frames = crop_frames
        self.seed = seed
        self.epoch = 0
        self.per_frame = samples_per_frame(corpus.fps)
        self.speakers = corpus.speakers
        self.noise = noise
        self._face_ids = corpus.face_ids
        self._room = cache_bytes
        self._cache: dict[tuple[int, int], NDArray[np.int16]] = {}
        self._clips = list(corpus)
        self._audio = [self._sound(clip) for clip in self._clips]
        self._index = [corpus.speaker_index(clip.speaker) for clip in self._clips]
        for clip in self._clips:
            if self._kind == "blendshapes" and clip.motion.kind != "coefficients":
                raise UserError(f"Clip {clip.id} holds vertices; this view needs coefficients.")

    def _sound(self, clip: Clip) -> NDArray[np.int16]:
        audio = fit_audio(clip.audio, len(clip), self.per_frame)
        return np.rint(np.clip(audio, -1, 1) * 32767).astype(np.int16)

    def templates(self) -> Tensor:
        """Return the skins at rest of all speakers, ``(speaker, V, 3)`` float32 metres.

        In the order of `speakers`, which a batch's ``speaker`` counts through.

        Raises
        ------
        UserError
            If this is no view of vertices.
        """
        if self._kind != "vertices":
            raise UserError(f"The view {self.view} has no vertices, and so no templates.")
        rows = []
        for speaker in self.speakers:
            identity = self._face_ids[speaker].partition("@")[0]
            face = get_face(f"{identity}@{self._detail}")
            rows.append(face.vertices[face.parts["skin"]])
        return torch.from_numpy(np.stack(rows))

    def _motion(self, index: int, truth: int, frames: slice) -> Floats:
        if self._kind == "blendshapes":
            return self._clips[index].blendshapes(self._detail, truth=truth)[frames]
        steps = self._cache.get((index, truth))
        if steps is None:
            offsets = self._clips[index].vertices(self._detail, truth=truth, noise=self.noise)
            steps = np.rint(np.clip(offsets / STEP, -32767, 32767)).astype(np.int16)
            # What is kept stays: clips are dealt in a new order each epoch, so that whatever were
            # thrown out for another would be as likely to be wanted next.
            if steps.nbytes <= self._room:
                self._room -= steps.nbytes
                self._cache[index, truth] = steps
        return steps[frames] * np.float32(STEP)

    def set_epoch(self, epoch: int) -> None:
        """Choose other crops; call before each pass."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Return the number of clips."""
        return len(self._clips)

    def __getitem__(self, index: int) -> Sample:
        """Return a clip or a random crop of it, with one of its truths."""
        clip = self._clips[index]
        state = np.random.SeedSequence([self.seed, self.epoch, index]).generate_state(2)
        rng = np.random.default_rng(state)
        truth = int(rng.integers(len(clip.truths)))
        start, stop = 0, len(clip)
        if self.crop_frames is not None and stop > self.crop_frames:
            start = int(rng.integers(stop - self.crop_frames + 1))
            stop = start + self.crop_frames
        sound = self._audio[index][start * self.per_frame : stop * self.per_frame]
        wave = torch.from_numpy(sound.astype(np.float32) / 32767)
        motion = torch.from_numpy(self._motion(index, truth, slice(start, stop)))
        return Sample(audio=wave, motion=motion, speaker=self._index[index])


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
        motion=torch.zeros(len(samples), frames, *samples[0]["motion"].shape[1:]),
        mask=torch.zeros(len(samples), frames, dtype=torch.bool),
        speaker=torch.tensor([sample["speaker"] for sample in samples]),
    )
    for i, sample in enumerate(samples):
        batch["audio"][i, : len(sample["audio"])] = sample["audio"]
        batch["motion"][i, : len(sample["motion"])] = sample["motion"]
        batch["mask"][i, : len(sample["motion"])] = True
    return batch


def dealt_batch(dataset: ClipDataset, step: int, size: int) -> Batch:
    """Return the batch of one training step, a function of the data set's seed and the step.

    Clips are dealt out in a new order each epoch, and go on where the last batch ended; so a run
    that is resumed at step 500 sees the batches that an unbroken one sees.

    Parameters
    ----------
    dataset : ClipDataset
        The clips. Its epoch is set.
    step : int
        From 0.
    size : int
        Clips in the batch.

    Returns
    -------
    Batch
    """
    samples = []
    for place in range(step * size, (step + 1) * size):
        epoch, rank = divmod(place, len(dataset))
        order = np.random.default_rng([dataset.seed, epoch]).permutation(len(dataset))
        dataset.set_epoch(epoch)
        samples.append(dataset[int(order[rank])])
    return collate(samples)


class _Steps(torch.utils.data.Dataset[Batch]):
    """Batches by step: what worker processes fetch from."""

    def __init__(self, dataset: ClipDataset, size: int) -> None:
        self.dataset, self.size = dataset, size

    def __getitem__(self, step: int) -> Batch:
        return dealt_batch(self.dataset, step, self.size)


def batches(
    dataset: ClipDataset, steps: Sequence[int], size: int, *, workers: int = 0
) -> Iterator[Batch]:
    """Yield the batches of some training steps, in order.

    Parameters
    ----------
    dataset : ClipDataset
        The clips.
    steps : sequence of int
        Which steps, such as ``range(500, 2000)``.
    size : int
        Clips in a batch.
    workers : int
        Processes that make batches while the model trains; 0 makes them in this one. The batches
        are the same.

    Yields
    ------
    Batch

    Raises
    ------
    UserError
        If `size` is below 1 or `workers` below 0.
    """
    if size < 1 or workers < 0:
        raise UserError(
            f"A batch has 1 clip at least, and workers are 0 or more: {size}, {workers}."
        )
    yield from torch.utils.data.DataLoader(
        _Steps(dataset, size),
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        prefetch_factor=2 if workers else None,
    )
