"""`Clip` and `Corpus`: the one shape in which every data set reaches a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from talking_heads.corpus.lazy import LazyMotion, SoundFile, read_audio
from talking_heads.errors import UserError
from talking_heads.face import RESOLUTIONS, Motion, MotionKind
from talking_heads.files import shown
from talking_heads.speech import SAMPLE_RATE, Phoneme
from talking_heads.speech.frames import frame_to_sample

AudioSource = Path | NDArray[np.float32] | SoundFile
_MOST_SILENCE = 1.0
"""Seconds by which the sound of a real recording may end before its motion."""


@dataclass(frozen=True, eq=False, repr=False)
class Clip:
    """One utterance: its sound and one or more motions that fit it.

    Parameters
    ----------
    id : str
        Unique in the corpus.
    speaker : str
        Who speaks.
    source : Path, ndarray or SoundFile
        Audio file, or ``(samples,)`` float32 at 16 kHz. Files are read when asked for. A
        `SoundFile` is cut, or filled up with silence, to the length of the motion.
    truths : sequence of Motion
        Motions that fit, all of one length: a tuple, or a `LazyMotion` that is read when it is
        asked for. In the course corpus they differ in blinks, brows and gaze, and a little in the
        mouth, as one speaker's recordings of one sentence do.
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
    truths: Sequence[Motion]
    text: str | None = None
    phonemes: tuple[Phoneme, ...] = ()
    noise_seed: int | None = None
    room: str | None = None
    noise_db: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.truths, LazyMotion):
            return
        if not self.truths:
            raise UserError(f"Clip {self.id} has no motion.")
        if len({(len(truth), truth.kind) for truth in self.truths}) != 1:
            raise UserError(f"The motions of clip {self.id} differ in length or kind.")

    @property
    def audio(self) -> NDArray[np.float32]:
        """The sound: ``(samples,)`` float32, 16 kHz mono. Read from disk at each call.

        Raises `UserError` if the file is missing, damaged, or ends before the motion does: by a
        frame (of a torn Ogg stream, what is left can be read without an error) or, for a
        `SoundFile`, by more than a second.
        """
        if isinstance(self.source, SoundFile):
            return self.sound(0, len(self))
        if not isinstance(self.source, Path):
            return self.source
        samples = read_audio(self.source)
        if len(samples) <= (len(self) - 1) * SAMPLE_RATE / self.fps:
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
    def kind(self) -> MotionKind:
        """What a frame of the motion holds: ``"coefficients"`` or ``"vertices"``."""
        return self._first.kind

    @property
    def fps(self) -> float:
        """Frames a second."""
        return self._first.fps

    @property
    def face_id(self) -> str:
        """The head that moves, ``"identity@resolution"`` or ``"speaker@mesh"``."""
        return self._first.face_id

    @property
    def _first(self) -> Motion | LazyMotion:
        """The first truth, or what is known of it without reading it."""
        return self.truths if isinstance(self.truths, LazyMotion) else self.truths[0]

    @property
    def duration(self) -> float:
        """Length of the motion in seconds."""
        return len(self) / self.fps

    def __repr__(self) -> str:
        """Return one line: id, speaker, length and kind."""
        truths = f", {len(self.truths)} truths" if len(self.truths) > 1 else ""
        return (
            f"<Clip {self.id} by {self.speaker}: {len(self)} frames of {self.kind} at "
            f"{self.fps:g} a second{truths}>"
        )

    def __len__(self) -> int:
        """Return the number of frames."""
        return self.truths.frames if isinstance(self.truths, LazyMotion) else len(self.truths[0])

    def piece(self, start: int, stop: int, truth: int = 0) -> Motion:
        """Return some frames of a truth; of a motion on disk no others are read.

        Parameters
        ----------
        start, stop : int
            From `start` up to, and without, `stop`.
        truth : int
            Which of the truths.

        Returns
        -------
        Motion

        Raises
        ------
        UserError
            If the clip has no such frames or truth, or the file is missing or damaged.
        """
        if not 0 <= start <= stop <= len(self):
            raise UserError(f"Clip {self.id} has {len(self)} frames, not {start} to {stop}.")
        if isinstance(self.truths, LazyMotion):
            self._check_truth(truth)
            return self.truths.piece(start, stop)
        whole = self._truth(truth)
        turned = whole.head_rotation
        return dataclasses.replace(
            whole,
            values=whole.values[start:stop],
            head_rotation=None if turned is None else turned[start:stop],
        )

    def sound(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return the sound of some frames, with silence where the recording ends before.

        Parameters
        ----------
        start, stop : int
            Frames, from `start` up to, and without, `stop`.

        Returns
        -------
        ndarray of float32
            ``(samples,)`` at 16 kHz: those from ``frame_to_sample(start, fps)`` up to
            ``frame_to_sample(stop, fps)``; see `talking_heads.speech.frames`.

        Raises
        ------
        UserError
            As `audio`.
        """
        first, last = frame_to_sample(start, self.fps), frame_to_sample(stop, self.fps)
        if isinstance(self.source, SoundFile):
            heard = self.source.piece(first, last)
            if last - first - len(heard) > _MOST_SILENCE * SAMPLE_RATE:
                raise UserError(
                    f"{shown(self.source.path)} ends before the motion of clip {self.id}.\n"
                    "Copy or download it again."
                )
        else:
            heard = self.audio[first:last]
        return np.pad(heard, (0, last - first - len(heard)))

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
            One of `talking_heads.face.RESOLUTIONS`; None for that of the motion's own face. A
            motion of vertices is that of its own mesh: only None fits it.
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
            ``(frame, V, 3)`` offsets from the speaker's head at rest, in metres or, of a data set
            without a unit, in its own measure.

        Raises
        ------
        UserError
            If there is no such truth or resolution, or the clip holds vertices of another one.
        """
        from talking_heads.corpus.views import clip_vertices

        own_mesh = self.face_id.partition("@")[2] not in RESOLUTIONS
        if self.kind == "vertices" and resolution is None and own_mesh:
            # As recorded: soft tissue and noise are in it.
            return self._truth(truth).values

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

    def _check_truth(self, number: int) -> None:
        if not 0 <= number < len(self.truths):
            raise UserError(f"Clip {self.id} has {len(self.truths)} truth(s), no number {number}.")

    def _truth(self, number: int) -> Motion:
        self._check_truth(number)
        return self.truths[number]
