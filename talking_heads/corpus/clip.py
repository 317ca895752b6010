"""`Clip` and `Corpus`: the one shape in which every data set reaches a model."""

from __future__ import annotations

import wave
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face import Motion
from talking_heads.speech import SAMPLE_RATE, Phoneme

AudioSource = Path | NDArray[np.float32]


def read_audio(path: Path) -> NDArray[np.float32]:
    """Read an audio file of a corpus as it is, without resampling.

    WAV needs nothing but Python; FLAC and Ogg need soundfile.

    Parameters
    ----------
    path : Path
        A mono file at 16 kHz.

    Returns
    -------
    ndarray
        ``(samples,)`` float32, -1 to 1.

    Raises
    ------
    UserError
        If the file is missing, damaged, or not 16 kHz mono.
    """
    if not path.is_file():
        raise UserError(f"The corpus lacks the audio file {path}. Build or copy the corpus again.")
    try:
        if path.suffix == ".wav":
            with wave.open(str(path), "rb") as file:
                rate, channels = file.getframerate(), file.getnchannels()
                if file.getsampwidth() != 2:
                    raise wave.Error("the samples do not have 16 bits")
                samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2") / 32768
        else:
            import soundfile

            samples, rate = soundfile.read(path, dtype="float32")
            channels = samples.ndim
    except (OSError, RuntimeError, wave.Error, EOFError) as error:
        raise UserError(f"Cannot read {path}: {error}. Build or copy the corpus again.") from error
    if rate != SAMPLE_RATE or channels != 1:
        raise UserError(f"{path} should be {SAMPLE_RATE} Hz mono.")
    return np.ascontiguousarray(samples, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Clip:
    """One utterance: its sound and one or more motions that fit it.

    Parameters
    ----------
    id : str
        Unique in the corpus.
    speaker : str
        Who speaks.
    source : Path or ndarray
        Audio file, or ``(samples,)`` float32 at 16 kHz. Files are read when asked for.
    truths : tuple of Motion
        Motions that fit, all of one length. In the course corpus they agree in the lips and differ
        in blinks, brows and gaze.
    text : str, optional
        What is said.
    phonemes : tuple of Phoneme
        With times in seconds; empty where unknown.
    """

    id: str
    speaker: str
    source: AudioSource
    truths: tuple[Motion, ...]
    text: str | None = None
    phonemes: tuple[Phoneme, ...] = ()

    def __post_init__(self) -> None:
        if not self.truths:
            raise UserError(f"Clip {self.id} has no motion.")
        if len({(len(truth), truth.kind) for truth in self.truths}) != 1:
            raise UserError(f"The motions of clip {self.id} differ in length or kind.")

    @property
    def audio(self) -> NDArray[np.float32]:
        """The sound: ``(samples,)`` float32, 16 kHz mono. Read from disk at each call."""
        return read_audio(self.source) if isinstance(self.source, Path) else self.source

    @property
    def motion(self) -> Motion:
        """The first of the truths."""
        return self.truths[0]

    @property
    def duration(self) -> float:
        """Length of the motion in seconds."""
        return self.motion.duration

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.motion)


@dataclass(frozen=True, eq=False)
class Corpus(Sequence[Clip]):
    """A sequence of clips with speakers, heads and splits.

    Parameters
    ----------
    name : str
        Name of the corpus.
    clips : tuple of Clip
        In a fixed order.
    splits : mapping of str to tuple of str
        Ids of the clips of each split.
    speakers : tuple of str
        All speakers, those that models may train on first. The position of a name is the speaker's
        index in batches.
    face_ids : mapping of str to str
        The head of each speaker.
    fps : float
        Frames a second.
    unit : str or None
        ``"m"``, or None where a data set has no unit.
    root : Path, optional
        Where the corpus lies on disk.
    """

    name: str
    clips: tuple[Clip, ...]
    splits: Mapping[str, tuple[str, ...]]
    speakers: tuple[str, ...]
    face_ids: Mapping[str, str]
    fps: float = 25.0
    unit: str | None = "m"
    root: Path | None = None
    _index: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        index = {clip.id: position for position, clip in enumerate(self.clips)}
        if len(index) != len(self.clips):
            raise UserError(f"Two clips of the corpus {self.name} have the same id.")
        for split, ids in self.splits.items():
            lost = [clip_id for clip_id in ids if clip_id not in index]
            if lost:
                raise UserError(f"Split {split} of {self.name} names an unknown clip, {lost[0]}.")
        object.__setattr__(self, "_index", index)

    def __len__(self) -> int:
        """Return the number of clips."""
        return len(self.clips)

    @overload
    def __getitem__(self, index: int) -> Clip: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Clip]: ...
    def __getitem__(self, index: int | slice) -> Clip | Sequence[Clip]:
        """Return a clip by position, or several by a slice."""
        return self.clips[index]

    def __iter__(self) -> Iterator[Clip]:
        """Iterate over the clips in order."""
        return iter(self.clips)

    def clip(self, clip_id: str) -> Clip:
        """Return a clip by its id; raises `UserError` if there is none."""
        if clip_id not in self._index:
            raise UserError(f"The corpus {self.name} has no clip {clip_id!r}.")
        return self.clips[self._index[clip_id]]

    def split(self, name: str) -> Corpus:
        """Return the part of the corpus that belongs to a split.

        Parameters
        ----------
        name : str
            One of `splits`, such as ``"train"``.

        Returns
        -------
        Corpus
            Its clips, with the speakers and heads of the whole corpus.

        Raises
        ------
        UserError
            If there is no such split.
        """
        if name not in self.splits:
            raise UserError(
                f"The corpus {self.name} has no split {name!r}. "
                f"Choose from {', '.join(self.splits)}."
            )
        ids = self.splits[name]
        return Corpus(
            name=f"{self.name}/{name}",
            clips=tuple(self.clip(clip_id) for clip_id in ids),
            splits={name: ids},
            speakers=self.speakers,
            face_ids=self.face_ids,
            fps=self.fps,
            unit=self.unit,
            root=self.root,
        )

    @property
    def seconds(self) -> float:
        """Total length in seconds."""
        return sum(clip.duration for clip in self.clips)

    def speaker_index(self, speaker: str) -> int:
        """Return the index of a speaker; raises `UserError` if unknown."""
        if speaker not in self.speakers:
            raise UserError(
                f"The corpus {self.name} has no speaker {speaker!r}. "
                f"Choose from {', '.join(self.speakers)}."
            )
        return self.speakers.index(speaker)
