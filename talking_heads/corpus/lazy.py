"""What stands behind a clip on disk: sound and motion that are read when they are asked for."""

from __future__ import annotations

import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face import Motion, MotionKind
from talking_heads.files import shown
from talking_heads.speech import SAMPLE_RATE

Floats = NDArray[np.float32]

_FULL = 32_768


@dataclass(frozen=True, eq=False)
class LazyMotion(Sequence[Motion]):
    """The one motion of a clip, read from disk each time it is asked for.

    It stands where a clip that is in memory has its tuple of motions: ``truths[0]`` reads it.

    Parameters
    ----------
    frames : int
        Its length.
    kind : {"coefficients", "vertices"}
        What a frame holds.
    fps : float
        Frames a second.
    face_id, speaker : str
        As in `talking_heads.face.Motion`.
    load : callable
        ``load(start, stop)`` reads these frames and no others: float32 ``(stop - start, 52)`` or
        ``(stop - start, V, 3)`` offsets from the speaker's head at rest. Raises `UserError` where
        the file is not what its header said.
    """

    frames: int
    kind: MotionKind
    fps: float
    face_id: str
    speaker: str
    load: Callable[[int, int], Floats]

    def __len__(self) -> int:
        """Return 1: there is one recording."""
        return 1

    @overload
    def __getitem__(self, index: int) -> Motion: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Motion]: ...
    def __getitem__(self, index: int | slice) -> Motion | Sequence[Motion]:
        """Read the motion; 0 is the only index."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(1))]
        if index not in (0, -1):
            raise IndexError(index)
        return self.piece(0, self.frames)

    def piece(self, start: int, stop: int) -> Motion:
        """Read the frames from `start` up to, and without, `stop`."""
        values = self.load(start, stop)
        if len(values) != stop - start:
            raise UserError(
                f"A motion of {self.face_id} ended after {start + len(values)} of {self.frames} "
                "frames.\nIts file has changed since the corpus was opened: open it again."
            )
        return Motion(values, self.kind, self.fps, self.face_id, self.speaker)


def read_audio(path: Path) -> Floats:
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
                samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2") / _FULL
        else:
            samples, rate = _soundfile(path.name).read(path, dtype="float32")
            channels = samples.ndim
    except UserError:
        raise
    except (OSError, RuntimeError, ValueError, wave.Error, EOFError) as error:
        told = str(error).rstrip(".")
        raise UserError(f"Cannot read {path}: {told}. Build or copy the corpus again.") from error
    if rate != SAMPLE_RATE or channels != 1:
        raise UserError(f"{path} should be {SAMPLE_RATE} Hz mono.")
    return np.ascontiguousarray(samples, dtype=np.float32)


def _soundfile(name: str):  # type: ignore[no-untyped-def]  # the module, which mypy does not know
    try:
        import soundfile
    except ImportError:
        raise UserError(
            f"soundfile is not installed, which {name} needs.\nInstall it: pip install soundfile"
        ) from None
    return soundfile


@dataclass(frozen=True)
class SoundFile:
    """A stretch of a recording of any sample rate, read as 16 kHz mono when it is asked for.

    Parameters
    ----------
    path : Path
        A WAV file, or whatever else soundfile knows. Python alone reads WAV with 16 bits.
    start : float
        Where the stretch begins, in seconds.
    seconds : float, optional
        How long it is; by default it ends with the file.
    """

    path: Path
    start: float = 0.0
    seconds: float | None = None

    def read(self) -> Floats:
        """Read the stretch: ``(samples,)`` float32 at 16 kHz, the mean of the channels.

        Returns
        -------
        ndarray
            Shorter than asked for where the file ends before.

        Raises
        ------
        UserError
            If the file is missing or damaged, or a sample is not finite.
        """
        try:
            samples, rate = self._read()
        except UserError:
            raise
        except (OSError, RuntimeError, ValueError, wave.Error, EOFError) as error:
            told = " ".join(str(error).split()).rstrip(".")[:120]
            raise UserError(
                f"Cannot read {shown(self.path)}: {told or type(error).__name__}.\n"
                "Copy or download it again."
            ) from error
        if not np.isfinite(samples).all():
            raise UserError(f"{shown(self.path)} holds samples that are not finite numbers.")
        if rate != SAMPLE_RATE and len(samples):
            import soxr

            samples = soxr.resample(samples, rate, SAMPLE_RATE)
        return np.ascontiguousarray(samples, dtype=np.float32)

    def piece(self, start: int, stop: int) -> Floats:
        """Read the samples from `start` up to, and without, `stop`, counted at 16 kHz.

        A file at 16 kHz is read from there only; another one is read whole and resampled.

        Raises
        ------
        UserError
            As `read`.
        """
        if self._at_16_khz():
            end = stop if self.seconds is None else min(stop, round(self.seconds * SAMPLE_RATE))
            length = max(0, end - start) / SAMPLE_RATE
            return SoundFile(self.path, self.start + start / SAMPLE_RATE, length).read()
        return self.read()[start:stop]

    def _at_16_khz(self) -> bool:
        try:
            with wave.open(str(self.path), "rb") as file:
                return bool(file.getframerate() == SAMPLE_RATE)
        except (OSError, wave.Error, EOFError):
            return False

    def _span(self, rate: int) -> tuple[int, int]:
        """Return the first sample of the stretch and how many there are, -1 for all."""
        first = round(self.start * rate)
        return first, -1 if self.seconds is None else round((self.start + self.seconds) * rate) - (
            first
        )

    def _read(self) -> tuple[Floats, int]:
        try:
            with wave.open(str(self.path), "rb") as file:
                if file.getsampwidth() != 2:
                    raise wave.Error("not 16 bits")
                rate, channels = file.getframerate(), file.getnchannels()
                first, count = self._span(rate)
                file.setpos(min(first, file.getnframes()))
                left = file.getnframes() - file.tell()
                raw = file.readframes(left if count < 0 else min(count, left))
                # A torn file may end within a sample.
                raw = raw[: len(raw) - len(raw) % (2 * channels)]
                pcm = np.frombuffer(raw, dtype="<i2").reshape(-1, channels)
                return pcm.mean(1, dtype=np.float32) / np.float32(_FULL), rate
        except (wave.Error, EOFError):
            # Floats, 24 bits, FLAC and the like.
            with _soundfile(self.path.name).SoundFile(self.path) as file:
                rate = int(file.samplerate)
                first, count = self._span(rate)
                file.seek(min(first, file.frames))
                samples = file.read(count, dtype="float32", always_2d=True)
                return np.asarray(samples.mean(1), dtype=np.float32), rate
