"""`Clip` and `Corpus`: the one shape in which every data set reaches a model."""

from __future__ import annotations

import dataclasses
import wave
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, overload

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
            try:
                import soundfile
            except ImportError:
                raise UserError(
                    f"soundfile is not installed, which {path.name} needs.\n"
                    "Install it: pip install soundfile"
                ) from None
            samples, rate = soundfile.read(path, dtype="float32")
            channels = samples.ndim
    except UserError:
        raise
    except (OSError, RuntimeError, ValueError, wave.Error, EOFError) as error:
        told = str(error).rstrip(".")
        raise UserError(f"Cannot read {path}: {told}. Build or copy the corpus again.") from error
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
        Motions that fit, all of one length. In the course corpus they differ in blinks, brows and
        gaze, and a little in the mouth, as one speaker's recordings of one sentence do.
    text : str, optional
        What is said.
    phonemes : tuple of Phoneme
        With times in seconds; empty where unknown.
    noise_seed : int, optional
        Of the scan noise on the surface; without one the surface has none.
    room : str, optional
        Name of the room whose response the sound has; None: no room.
    noise_db : float, optional
        Level of the noise floor in the sound, dB of full scale, where it is known.
    """

    id: str
    speaker: str
    source: AudioSource
    truths: tuple[Motion, ...]
    text: str | None = None
    phonemes: tuple[Phoneme, ...] = ()
    noise_seed: int | None = None
    room: str | None = None
    noise_db: float | None = None

    def __post_init__(self) -> None:
        if not self.truths:
            raise UserError(f"Clip {self.id} has no motion.")
        if len({(len(truth), truth.kind) for truth in self.truths}) != 1:
            raise UserError(f"The motions of clip {self.id} differ in length or kind.")

    @property
    def audio(self) -> NDArray[np.float32]:
        """The sound: ``(samples,)`` float32, 16 kHz mono. Read from disk at each call.

        Raises `UserError` if the file is missing, damaged, or ends a frame or more before the
        motion does: of a torn Ogg stream, what is left can be read without an error.
        """
        if not isinstance(self.source, Path):
            return self.source
        samples = read_audio(self.source)
        if len(samples) <= (len(self) - 1) * SAMPLE_RATE / self.motion.fps:
            raise UserError(
                f"{self.source} is torn: its sound is shorter than the motion of clip {self.id}.\n"
                "Build or copy the corpus again."
            )
        return samples

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

    def vertices(
        self,
        resolution: str | None = "low",
        *,
        truth: int = 0,
        part: Literal["skin", "all"] = "skin",
        soft_tissue: bool = True,
        noise: bool = True,
    ) -> NDArray[np.float32]:
        """Return the motion as a scanner would have recorded it, computed anew at each call.

        Parameters
        ----------
        resolution : str or None
            One of `talking_heads.face.RESOLUTIONS`; None for that of the motion's own face.
        truth : int
            Which of the truths.
        part : {"skin", "all"}
            The skin alone, or the whole head.
        soft_tissue : bool
            Whether flesh trails behind the bone.
        noise : bool
            Whether to add the scan noise of `noise_seed`; each truth has its own.

        Returns
        -------
        ndarray of float32
            ``(frame, V, 3)`` offsets in metres from the speaker's head at rest.

        Raises
        ------
        UserError
            If there is no such truth or resolution, or the clip holds vertices of another one.
        """
        from talking_heads.corpus.views import clip_vertices

        seed = self.noise_seed if noise else None
        return clip_vertices(self._truth(truth), resolution, part, soft_tissue, seed, truth)

    def blendshapes(
        self, names: str | Sequence[str] = "arkit", *, truth: int = 0, fps: float | None = None
    ) -> NDArray[np.float32]:
        """Return the motion as blendshape coefficients.

        Parameters
        ----------
        names : str or sequence of str
            ``"arkit"``: the 52 in ARKit's order; ``"beat"``: 51 in the order of the BEAT data
            set, alphabetical and without tongueOut; or names of your own choice.
        truth : int
            Which of the truths.
        fps : float, optional
            Frames a second, linearly interpolated (BEAT has 60); those of the motion by default.

        Returns
        -------
        ndarray of float32
            ``(frame, len(names))``, 0 to 1; ``round(duration * fps)`` frames.

        Raises
        ------
        UserError
            If there is no such truth, a name is unknown, or the clip holds vertices.
        """
        from talking_heads.corpus.views import motion_blendshapes

        return motion_blendshapes(self._truth(truth), names, fps)

    def _truth(self, number: int) -> Motion:
        if not 0 <= number < len(self.truths):
            raise UserError(f"Clip {self.id} has {len(self.truths)} truth(s), no number {number}.")
        return self.truths[number]


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

    def without(self, speakers: Sequence[str]) -> Corpus:
        """Return a corpus for a model that shall never hear some speakers.

        Their clips leave ``train`` and ``val``. Those in ``test_seen`` move to a split of their
        own, ``test_left_out``: new sentences by voices that are new as well.

        Parameters
        ----------
        speakers : sequence of str
            Who is left out.

        Returns
        -------
        Corpus
            With the same clips, speakers and heads.

        Raises
        ------
        UserError
            If a speaker is unknown, or nobody is left to train on.
        """
        for speaker in speakers:
            self.speaker_index(speaker)
        gone = {clip.id for clip in self.clips if clip.speaker in set(speakers)}
        splits = dict(self.splits)
        for split in ("train", "val", "test_seen"):
            if split in splits:
                splits[split] = tuple(i for i in splits[split] if i not in gone)
        moved = tuple(i for i in self.splits.get("test_seen", ()) if i in gone)
        if moved:
            splits["test_left_out"] = moved
        if "train" in splits and not splits["train"]:
            raise UserError("Nobody is left to train on: fewer speakers must be left out.")
        return dataclasses.replace(self, splits=splits)

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
        clips = tuple(self.clip(clip_id) for clip_id in ids)
        return dataclasses.replace(
            self, name=f"{self.name}/{name}", clips=clips, splits={name: ids}
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
