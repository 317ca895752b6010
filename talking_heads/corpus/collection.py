"""`Corpus`: clips with speakers, heads and splits, the same for every data set."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import overload

from talking_heads.corpus.clip import Clip
from talking_heads.corpus.heads import Head, Surface, course_head
from talking_heads.errors import UserError
from talking_heads.face import MotionKind


@dataclass(frozen=True, eq=False, repr=False)
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
    surface : Surface, optional
        The mesh of a data set whose motion is vertices, with each speaker's face at rest. Without
        one the motion is coefficients of the course's head.
    layout : str
        How it lies on disk: ``"course"``, ``"vocaset"``, ``"biwi"`` or ``"beat"``.
    """

    name: str
    clips: tuple[Clip, ...]
    splits: Mapping[str, tuple[str, ...]]
    speakers: tuple[str, ...]
    face_ids: Mapping[str, str]
    fps: float = 25.0
    unit: str | None = "m"
    root: Path | None = None
    surface: Surface | None = None
    layout: str = "course"
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

    def __repr__(self) -> str:
        """Return one line: name, size, speakers and splits."""
        parts = ", ".join(f"{name} {len(ids)}" for name, ids in self.splits.items())
        return (
            f"<Corpus {self.name}: {len(self)} clips, {self.seconds / 60:.1f} min, "
            f"{len(self.speakers)} speakers; {parts}>"
        )

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
    def kind(self) -> MotionKind:
        """What a frame of the motions holds: ``"coefficients"`` or ``"vertices"``."""
        if self.clips:
            return self.clips[0].kind
        return "coefficients" if self.surface is None else "vertices"

    @property
    def view(self) -> str:
        """The view of the clips that is stored, and that models train on unless told otherwise.

        See `talking_heads.corpus.batching.ClipDataset`.
        """
        return self.kind

    def head(self, speaker: str, resolution: str = "low") -> Head:
        """Return a speaker's face at rest, on the mesh that vertex metrics are taken on.

        Parameters
        ----------
        speaker : str
            One of `speakers`.
        resolution : str
            Of the course's head. A data set with a mesh of its own has one resolution.

        Returns
        -------
        Head

        Raises
        ------
        UserError
            If there is no such speaker or resolution.
        """
        self.speaker_index(speaker)
        if self.surface is not None:
            return self.surface.head(speaker)
        identity = self.face_ids[speaker].partition("@")[0]
        return course_head(f"{identity}@{resolution}")

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
