"""From clips to batches for training: random crops, and padding with masks.

Audio and motion stay in step at any frame rate: frame f of the motion belongs to the samples from
``frame_to_sample(f, fps)`` on, see `talking_heads.speech.frames`. Crops start at frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NotRequired, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from talking_heads.corpus.clip import Clip
from talking_heads.corpus.collection import Corpus
from talking_heads.corpus.lazy import LazyMotion
from talking_heads.corpus.views import motion_blendshapes, parse_view
from talking_heads.errors import UserError
from talking_heads.face import get_face
from talking_heads.speech.frames import check_fps, frame_to_sample

Floats = NDArray[np.float32]

CROP_FRAMES = 100
"""Frames of a training crop: 4 s at 25 a second."""


CACHE_BYTES = 1_000_000_000
"""Memory for computed vertices. The course's training clips take 0.2 GB at ``low`` and 0.9 GB at
``medium``."""
SOUND_BYTES = 500_000_000
"""Memory for sound, 2 MB a minute: 4 hours. The course's training clips take 0.04 GB."""
STEP = 2e-6
"""Vertices of the course's heads are kept as whole multiples of this, in metres: a fiftieth of the
scan noise. Vertices of other meshes, whose measure is anyone's guess, stay as they are."""


class Sample(TypedDict):
    """One clip or crop: audio (samples,), motion (frame, ...), speaker index.

    There are ``frame_to_sample(frame, fps)`` samples. Where the data set has `features`, they are
    here, ``(frame, width)``. Where it reads no sound, there are 0 samples.
    """

    audio: Tensor
    motion: Tensor
    speaker: int
    features: NotRequired[Tensor]


class Batch(TypedDict):
    """Padded clips.

    ``audio`` (batch, samples) float32; ``motion`` (batch, frame, ...) float32, where ... is 52 or
    51 coefficients, or (vertex, 3) offsets in the corpus's unit; ``mask`` (batch, frame) bool, True
    where there is motion; ``speaker`` (batch,) int64. Samples = ``frame_to_sample(frame, fps)``.
    ``features`` (batch, frame, width), zeros where there is no motion, if the samples have such.
    """

    audio: Tensor
    motion: Tensor
    mask: Tensor
    speaker: Tensor
    features: NotRequired[Tensor]


class ClipDataset(torch.utils.data.Dataset[Sample]):
    """The clips of a corpus, as random crops or whole, in one of their views.

    Nothing is read at first, however large the corpus. A clip's sound is read when it is first
    asked for, and kept while there is room; then only the piece that is asked for is read. Motion
    on disk is read piece by piece. Vertices of the course's heads are computed when a clip is first
    asked for, and kept while there is room.

    Parameters
    ----------
    corpus : Corpus
        Usually ``corpus.split("train")``.
    view : str
        ``"coefficients"``; ``"blendshapes@beat"``, or another order; ``"vertices@low"``, or another
        resolution of the course's head: offsets of the skin from the speaker's head at rest, soft
        tissue and scan noise included; ``"vertices"``: offsets on the mesh of a data set that has
        one of its own. ``corpus.view`` is what the corpus stores.
    crop_frames : int or None
        Length of the crops; shorter clips stay whole, and None leaves all whole.
    seed : int
        The same seed and epoch give the same crops.
    noise : bool
        Whether vertices of the course's heads bear scan noise.
    cache_bytes : int
        Memory for vertices of the course's heads; 0 computes them anew each time. With worker
        processes each has its own.
    sound_bytes : int
        Memory for sound, in which a minute takes 2 MB (16 bit); 0 reads it anew each time. With
        worker processes each has its own.
    features : callable, optional
        Makes ``(frame, width)`` features of the sound of a whole clip, ``(samples,)`` at 16 kHz. A
        crop gets the part that belongs to its frames: so they know what was said before and after
        it, as features of a whole clip do.
    sound : bool
        Whether sound is read at all; models of motion alone do without.

    Raises
    ------
    UserError
        If the corpus is empty, there is no such view, or the corpus cannot be shown so.
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
        sound_bytes: int = SOUND_BYTES,
        features: Callable[[Tensor], Tensor] | None = None,
        sound: bool = True,
    ) -> None:
        if not len(corpus):
            raise UserError(f"There are no clips in {corpus.name}.")
        if crop_frames is not None and crop_frames < 2:
            raise UserError(f"A crop has at least 2 frames, not {crop_frames}.")
        self.view, (self._kind, self._detail) = view, parse_view(view)
        self.crop_frames = crop_frames
        self.seed = seed
        self.epoch = 0
        self.fps = check_fps(corpus.fps)
        self.speakers = corpus.speakers
        self.noise = noise
        self.features = features
        self.sound = sound
        self._surface = corpus.surface
        self._face_ids = corpus.face_ids
        self._check_view(corpus)
        self._room = cache_bytes
        self._cache: dict[tuple[int, int], NDArray[np.int16]] = {}
        self._sound_room = sound_bytes
        self._sounds: dict[int, NDArray[np.int16]] = {}
        self._order: tuple[int, NDArray[np.int64]] | None = None
        self._clips = list(corpus)
        heard = {clip.speaker for clip in self._clips}
        rows = {speaker: corpus.speaker_index(speaker) for speaker in heard}
        self._index = [rows[clip.speaker] for clip in self._clips]

    def _check_view(self, corpus: Corpus) -> None:
        if self._kind == "vertices" and bool(self._detail) == (corpus.surface is not None):
            has, fits = (
                ("no mesh of its own", "vertices@low, or another resolution of the course's head")
                if self._detail == ""
                else ("a mesh of its own", "vertices")
            )
            raise UserError(f"The corpus {corpus.name} has {has}. The view that fits is {fits}.")
        for clip in corpus:
            if clip.fps != self.fps:
                raise UserError(
                    f"Clip {clip.id} has {clip.fps:g} frames a second; {corpus.name} has "
                    f"{self.fps:g}."
                )
            if self._kind == "blendshapes" and clip.kind != "coefficients":
                raise UserError(f"Clip {clip.id} holds vertices; this view needs coefficients.")

    def templates(self) -> Tensor:
        """Return the faces at rest of all speakers, ``(speaker, V, 3)`` float32.

        In the order of `speakers`, which a batch's ``speaker`` counts through, and in the unit of
        the corpus.

        Raises
        ------
        UserError
            If this is no view of vertices.
        """
        if self._kind != "vertices":
            raise UserError(f"The view {self.view} has no vertices, and so no templates.")
        rows = []
        for speaker in self.speakers:
            if self._surface is not None:
                rows.append(self._surface.head(speaker).vertices)
                continue
            identity = self._face_ids[speaker].partition("@")[0]
            face = get_face(f"{identity}@{self._detail}")
            rows.append(face.vertices[face.parts["skin"]])
        return torch.from_numpy(np.stack(rows))

    def _sound(self, index: int, start: int, stop: int) -> Floats:
        """Return the sound of some frames of a clip: ``frame_to_sample(stop - start)`` samples."""
        clip, wanted = self._clips[index], frame_to_sample(stop - start, self.fps)
        steps = self._sounds.get(index)
        if steps is None:
            whole = 2 * frame_to_sample(len(clip), self.fps)
            keep = whole <= self._sound_room
            heard = clip.sound(0, len(clip)) if keep else clip.sound(start, stop)
            steps = np.rint(np.clip(heard, -1, 1) * 32767).astype(np.int16)
            if keep:
                self._sound_room -= whole
                self._sounds[index] = steps
        if index in self._sounds:
            steps = steps[frame_to_sample(start, self.fps) : frame_to_sample(stop, self.fps)]
        # Where frames do not begin at samples, so many frames may have a sample more or less.
        steps = steps[:wanted]
        out = np.zeros(wanted, np.float32)
        out[: len(steps)] = steps.astype(np.float32) / 32767
        return out

    def motion(self, index: int, start: int, stop: int, truth: int = 0) -> Floats:
        """Return some frames of a clip in this view.

        Parameters
        ----------
        index : int
            Of the clip.
        start, stop : int
            From `start` up to, and without, `stop`.
        truth : int
            Which of its truths.

        Returns
        -------
        ndarray of float32
            ``(frame, ...)``, as in a `Batch`.

        Raises
        ------
        UserError
            If the motion cannot be read; names the clip.
        """
        try:
            return self._motion(index, start, stop, truth)
        except UserError as error:
            raise clip_error(self._clips[index], error) from error

    def _motion(self, index: int, start: int, stop: int, truth: int) -> Floats:
        clip = self._clips[index]
        if self._kind == "blendshapes":
            return motion_blendshapes(clip.piece(start, stop, truth), self._detail)
        if not self._detail:
            values = clip.piece(start, stop, truth).values
            # A motion in memory is the corpus's own.
            return values if isinstance(clip.truths, LazyMotion) else values.copy()
        steps = self._cache.get((index, truth))
        if steps is None:
            offsets = clip.vertices(self._detail, truth=truth, noise=self.noise)
            steps = np.rint(np.clip(offsets / STEP, -32767, 32767)).astype(np.int16)
            # What is kept stays: clips are dealt in a new order each epoch, so that whatever were
            # thrown out for another would be as likely to be wanted next.
            if steps.nbytes <= self._room:
                self._room -= steps.nbytes
                self._cache[index, truth] = steps
        return steps[start:stop] * np.float32(STEP)

    def set_epoch(self, epoch: int) -> None:
        """Choose other crops; call before each pass."""
        self.epoch = epoch

    def order(self, epoch: int) -> NDArray[np.int64]:
        """Return the order in which an epoch deals the clips."""
        if self._order is None or self._order[0] != epoch:
            shuffled = np.random.default_rng([self.seed, epoch]).permutation(len(self))
            self._order = epoch, shuffled
        return self._order[1]

    def __len__(self) -> int:
        """Return the number of clips."""
        return len(self._clips)

    def __getitem__(self, index: int) -> Sample:
        """Return a clip or a random crop of it, with one of its truths.

        Raises
        ------
        UserError
            If its sound or its motion cannot be read; names the clip and the file.
        """
        clip = self._clips[index]
        state = np.random.SeedSequence([self.seed, self.epoch, index]).generate_state(2)
        rng = np.random.default_rng(state)
        truth = int(rng.integers(len(clip.truths)))
        start, stop = 0, len(clip)
        if self.crop_frames is not None and stop > self.crop_frames:
            start = int(rng.integers(stop - self.crop_frames + 1))
            stop = start + self.crop_frames
        try:
            wave = (
                torch.from_numpy(self._sound(index, start, stop)) if self.sound else torch.zeros(0)
            )
            motion = torch.from_numpy(self._motion(index, start, stop, truth))
            sample = Sample(audio=wave, motion=motion, speaker=self._index[index])
            if self.features is not None:
                whole = torch.from_numpy(self._sound(index, 0, len(clip)))
                sample["features"] = self.features(whole)[start:stop]
        except UserError as error:
            raise clip_error(clip, error) from error
        return sample


def clip_error(clip: Clip, error: UserError) -> UserError:
    """Return an error that names the clip that could not be read, if `error` does not."""
    told = str(error)
    return UserError(told if clip.id in told else f"Clip {clip.id} cannot be used. {told}")


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
    heard = max(len(sample["audio"]) for sample in samples)
    batch = Batch(
        audio=torch.zeros(len(samples), heard),
        motion=torch.zeros(len(samples), frames, *samples[0]["motion"].shape[1:]),
        mask=torch.zeros(len(samples), frames, dtype=torch.bool),
        speaker=torch.tensor([sample["speaker"] for sample in samples]),
    )
    for i, sample in enumerate(samples):
        batch["audio"][i, : len(sample["audio"])] = sample["audio"]
        batch["motion"][i, : len(sample["motion"])] = sample["motion"]
        batch["mask"][i, : len(sample["motion"])] = True
    if "features" in samples[0]:
        batch["features"] = torch.nn.utils.rnn.pad_sequence(
            [sample["features"] for sample in samples], batch_first=True
        )
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
        dataset.set_epoch(epoch)
        samples.append(dataset[int(dataset.order(epoch)[rank])])
    return collate(samples)


class _Steps(torch.utils.data.Dataset["Batch | UserError"]):
    """Batches by step: what worker processes fetch from."""

    def __init__(self, dataset: ClipDataset, size: int) -> None:
        self.dataset, self.size = dataset, size

    def __getitem__(self, step: int) -> Batch | UserError:
        try:
            return dealt_batch(self.dataset, step, self.size)
        except UserError as error:
            # Raised in a worker process, its words would come with a traceback in them.
            return error


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
        If `size` is below 1 or `workers` below 0, or a clip cannot be read.
    """
    if size < 1 or workers < 0:
        raise UserError(
            f"A batch has 1 clip at least, and workers are 0 or more: {size}, {workers}."
        )
    loader = torch.utils.data.DataLoader(
        _Steps(dataset, size),
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        prefetch_factor=2 if workers else None,
    )
    for batch in loader:
        if isinstance(batch, UserError):
            raise batch
        yield batch
