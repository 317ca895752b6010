"""Recordings in and out: any file becomes 16 kHz mono, or one clear error.

Nothing here keeps a whole file at its own sample rate: a file is decoded, mixed to mono and
resampled block by block, so that reading needs about twice the memory of its result.
"""

from __future__ import annotations

import codecs
import io
import os
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from talking_heads.errors import UserError
from talking_heads.files import atomic_write, shown
from talking_heads.speech.riff import repaired

if TYPE_CHECKING:
    import soundfile

SAMPLE_RATE = 16_000
"""Samples a second of all audio inside the package."""

MIN_SECONDS = 0.1
"""The shortest recording that is accepted."""

MAX_SECONDS = 3600.0
"""The longest recording that is accepted; an hour takes 230 MB as float32."""

# Rates outside this range come from damaged headers, not from recorders.
_LOWEST_RATE, _HIGHEST_RATE = 4_000, 768_000
_MOST_CHANNELS = 64
# Frames that are decoded at a time. Small, because a damaged block is lost as a whole.
_BLOCK = 8192
_FORMATS = "WAV, FLAC, OGG or MP3"


def load_audio(path: str | os.PathLike[str]) -> NDArray[np.float32]:
    """Read a recording as 16 kHz mono.

    Channels are averaged. The level is kept, except that a floating-point file which goes
    beyond full scale is scaled down until its peak is 1. Where the header promises more samples
    than the file holds, as after an interrupted download, the samples that are there are used.

    Parameters
    ----------
    path : path-like
        A WAV, FLAC, OGG or MP3 file (or whatever else libsndfile knows) of any rate from 4 to
        768 kHz, with up to 64 channels, from 0.1 seconds to one hour long.

    Returns
    -------
    ndarray of float32
        ``(samples,)`` at `SAMPLE_RATE`, in [-1, 1].

    Raises
    ------
    UserError
        If the path is missing, a directory, empty, no audio, without samples, too short, too
        long, or holds values that are not numbers.
    """
    file = Path(path)
    name = shown(file)
    try:
        # An embedded NUL raises ValueError, a name that is too long OSError.
        exists, is_file = file.exists(), file.is_file()
    except (OSError, ValueError):
        exists, is_file = False, False
    if not exists:
        raise UserError(f"There is no file {name}.\nCheck the path.")
    if file.is_dir():
        raise UserError(f"{name} is a folder.\nGive one audio file: {_FORMATS}.")
    if not is_file:
        raise UserError(f"{name} is not a regular file.\nGive an audio file: {_FORMATS}.")
    try:
        if file.stat().st_size == 0:
            raise UserError(f"{name} is empty (0 bytes).\nRecord or download it again.")
        with file.open("rb") as stream:
            return _read(stream, name)
    except PermissionError:
        raise UserError(f"{name} may not be read.\nChange its permissions.") from None


def check_audio(audio: ArrayLike, sample_rate: int = SAMPLE_RATE) -> NDArray[np.float32]:
    """Turn an array of samples into 16 kHz mono, with the same checks as `load_audio`.

    Parameters
    ----------
    audio : array-like
        ``(samples,)``, or ``(samples, channels)`` as soundfile gives it, or ``(channels,
        samples)`` as torch and librosa give it: the shorter axis is taken for the channels.
        Integers are divided by the full scale of their type; floating-point values are expected
        in [-1, 1] and scaled down where they go beyond.
    sample_rate : int
        In Hz.

    Returns
    -------
    ndarray of float32
        ``(samples,)`` at `SAMPLE_RATE`, in [-1, 1]. A new array, unless `audio` already fits.

    Raises
    ------
    UserError
        If this is not audio, or too short, too long or not finite.
    """
    rate = _checked_rate(sample_rate, "The audio")
    try:
        samples = np.asarray(audio)
    except (ValueError, TypeError, RuntimeError):
        # Ragged lists; tensors that are on a GPU or want gradients.
        raise UserError("The audio is not an array of numbers of shape (samples,).") from None
    if samples.ndim == 2:
        samples = samples.T if samples.shape[0] < samples.shape[1] else samples
        if samples.shape[1] > _MOST_CHANNELS:
            raise UserError(f"The audio has shape {samples.shape}.\nGive (samples,).")
    elif samples.ndim != 1:
        raise UserError(f"The audio has shape {samples.shape}.\nGive (samples,).")
    if samples.shape[0] > MAX_SECONDS * rate:
        raise _too_long("The audio")
    if samples.dtype.kind in "iu":
        full = float(2 ** (8 * samples.dtype.itemsize - 1))
        offset = full if samples.dtype.kind == "u" else 0.0
        samples = ((samples - offset) / full).astype(np.float32)
    elif samples.dtype.kind == "f":
        with np.errstate(over="ignore"):
            samples = samples.astype(np.float32, copy=False)
    else:
        raise UserError(f"The audio holds {samples.dtype}, not numbers.\nGive float32 samples.")
    if samples.ndim == 2:
        samples = samples.mean(axis=1, dtype=np.float32)
    if not samples.size:
        raise UserError("The audio holds no samples.\nGive at least 0.1 seconds.")
    if not np.isfinite(samples).all():
        raise _not_finite("The audio")
    if rate != SAMPLE_RATE:
        import soxr

        samples = soxr.resample(samples, rate, SAMPLE_RATE)
    return _finished(samples, "The audio")


def wav_bytes(audio: ArrayLike, sample_rate: int = SAMPLE_RATE) -> bytes:
    """Return mono audio as a 16-bit PCM WAV file, for players and downloads.

    Parameters
    ----------
    audio : array-like of float
        ``(samples,)``; values beyond [-1, 1] are clipped.
    sample_rate : int
        In Hz; written as it is, without resampling.

    Returns
    -------
    bytes
        A whole WAV file: 44 bytes of header, then two bytes a sample.

    Raises
    ------
    UserError
        If the shape is not ``(samples,)``, a value is not finite, or the rate is no rate.
    """
    rate = _checked_rate(sample_rate, "The audio")
    samples = np.asarray(audio, dtype=np.float32)
    if samples.ndim != 1:
        raise UserError(f"The audio has shape {samples.shape}.\nGive (samples,).")
    if not np.isfinite(samples).all():
        raise _not_finite("The audio")
    # 32767 both ways: symmetric, so that reading the file back gives no offset.
    pcm = np.rint(np.clip(samples, -1.0, 1.0) * np.float32(32767)).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(pcm.tobytes())
    return buffer.getvalue()


def write_wav(
    path: str | os.PathLike[str], audio: ArrayLike, sample_rate: int = SAMPLE_RATE
) -> None:
    """Write mono audio as a 16-bit PCM WAV file.

    The file appears whole or not at all: an existing file survives a failed run.

    Parameters
    ----------
    path : path-like
        Its folder must exist.
    audio : array-like of float
        ``(samples,)``; values beyond [-1, 1] are clipped.
    sample_rate : int
        In Hz.

    Raises
    ------
    UserError
        If the folder is missing or may not be written, or the audio cannot be used.
    """
    content = wav_bytes(audio, sample_rate)
    with atomic_write(path) as stream:
        stream.write(content)


def _too_long(name: str) -> UserError:
    return UserError(
        f"{name} is longer than {MAX_SECONDS / 60:.0f} minutes.\nCut it into shorter pieces."
    )


def _not_finite(name: str) -> UserError:
    return UserError(
        f"{name} contains values that are not finite numbers (NaN or infinity).\n"
        "Export it again from the program that made it."
    )


def _checked_rate(rate: Any, name: str) -> int:
    number = isinstance(rate, (int, float, np.number)) and not isinstance(rate, bool)
    # A comparison with NaN is false.
    if not number or not _LOWEST_RATE <= rate <= _HIGHEST_RATE or int(rate) != rate:
        raise UserError(
            f"{name} claims {rate} samples a second.\n"
            f"Give audio of {_LOWEST_RATE} to {_HIGHEST_RATE} Hz."
        )
    return int(rate)


def _read(stream: BinaryIO, name: str) -> NDArray[np.float32]:
    import soundfile

    class Sequential(soundfile.SoundFile):
        # soundfile seeks after every block, which makes clicks in MP3 and costs time. A file that
        # cannot seek is simply read on.
        def seekable(self) -> bool:
            return False

    try:
        # soundfile takes the format from the content; the suffix only matters for headerless
        # raw files, which raise TypeError.
        with Sequential(repaired(stream)) as sound:
            return _decode(sound, name)
    except (soundfile.SoundFileError, TypeError) as error:
        stream.seek(0)
        if _is_text(stream.read(512)):
            why = "it holds text"
        else:
            why = " ".join(str(getattr(error, "error_string", error)).split()).rstrip(".")[:120]
        raise UserError(
            f"{name} is not audio that can be read ({why}).\n"
            f"Give {_FORMATS}; ffmpeg or Audacity converts other formats."
        ) from None


def _is_text(start: bytes) -> bool:
    # Decoding incrementally forgives a letter that is cut at the end.
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter.isspace() for letter in text)


def _decode(sound: soundfile.SoundFile, name: str) -> NDArray[np.float32]:
    rate = _checked_rate(sound.samplerate, name)
    if sound.channels > _MOST_CHANNELS:
        raise UserError(
            f"{name} claims {sound.channels} channels.\n"
            f"Give a recording with at most {_MOST_CHANNELS}."
        )
    pieces = list(_resampled(_mono_blocks(sound, rate, name), rate))
    samples = np.concatenate(pieces) if pieces else np.empty(0, np.float32)
    del pieces
    if not samples.size:
        raise UserError(f"{name} holds no samples that can be read.\nRecord or export it again.")
    return _finished(samples, name)


def _mono_blocks(sound: soundfile.SoundFile, rate: int, name: str) -> Iterator[NDArray[np.float32]]:
    """Yield the file's samples, mixed to mono, in blocks that bound the memory."""
    import soundfile

    buffer = np.empty((_BLOCK, sound.channels), np.float32)
    most = int(MAX_SECONDS * rate)
    count = 0
    while True:
        try:
            # Unlike read(), this does not stop at the length that the header promises.
            length = sound.buffer_read_into(buffer, dtype="float32")
        except soundfile.SoundFileError:
            # Damaged in the middle: keep what came before, as players do.
            if count == 0:
                raise
            return
        if not length:
            return
        count += length
        if count > most:
            raise _too_long(name)
        samples = buffer[:length].mean(axis=1, dtype=np.float32)
        if not np.isfinite(samples).all():
            raise _not_finite(name)
        yield samples


def _resampled(blocks: Iterator[NDArray[np.float32]], rate: int) -> Iterator[NDArray[np.float32]]:
    if rate == SAMPLE_RATE:
        yield from blocks
        return
    import soxr

    resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
    for block in blocks:
        yield resampler.resample_chunk(block)
    yield resampler.resample_chunk(np.empty(0, np.float32), last=True)


def _finished(samples: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    seconds = len(samples) / SAMPLE_RATE
    if seconds < MIN_SECONDS:
        raise UserError(
            f"{name} is only {seconds * 1000:.0f} ms long.\n"
            f"Give at least {MIN_SECONDS * 1000:.0f} ms of speech."
        )
    samples = np.ascontiguousarray(samples, dtype=np.float32)
    peak = max(float(samples.max()), -float(samples.min()))
    if not np.isfinite(peak):
        raise _not_finite(name)
    if peak > 1.0:
        samples = np.clip(samples / np.float32(peak), -1.0, 1.0)
    return samples
