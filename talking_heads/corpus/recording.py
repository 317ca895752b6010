"""Sound files of a corpus: 16-bit samples, coded as Ogg Vorbis, FLAC or WAV.

The same samples give the same bytes. (libsndfile draws the serial number of an Ogg stream from the
clock; it is set to one number here.)
"""

from __future__ import annotations

import hashlib
import io
import wave
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.speech import SAMPLE_RATE

FORMATS = ("ogg", "flac", "wav")
"""Ogg Vorbis is small, FLAC keeps every sample, WAV is read without soundfile."""
QUALITY = 0.6
"""Vorbis compression, 0 (large) to 1 (small). 0.6 gives 5.9 kB a second. Measured on 22 clips of
the course, the log-mel features change by 2.9 dB (root mean square), and in one cell of a hundred,
a band that the speech masks loses more than 10 dB; at 0.85 (4.6 kB) by 4.5 dB, and 25 dB."""

_PIECE = 16_384  # libsndfile's Vorbis coder crashes on long single writes
_SERIAL = 1
_PAGE, _CHECKSUM, _TABLE = 27, 22, 26  # bytes of an Ogg page header, and where two fields stand
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def pcm16(audio: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return audio, -1 to 1, as 16-bit samples; one step is 1 / 32768."""
    return np.clip(np.rint(audio * np.float32(32768)), -32768, 32767).astype(np.int16)


def array_hash(array: NDArray[np.int16] | NDArray[np.uint16]) -> str:
    """Return 32 hexadecimal digits that stand for the values and shape of an array."""
    digest = hashlib.sha256(repr(array.shape).encode())
    digest.update(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    return digest.hexdigest()[:32]


def encode_audio(pcm: NDArray[np.int16], audio_format: str = "ogg") -> bytes:
    """Code 16-bit samples as the content of a sound file.

    Parameters
    ----------
    pcm : ndarray of int16
        ``(samples,)`` 16 kHz mono.
    audio_format : str
        One of `FORMATS`.

    Returns
    -------
    bytes
        The same for the same samples and the same version of libsndfile.

    Raises
    ------
    UserError
        If the format is unknown, or soundfile is missing or fails.
    """
    if audio_format not in FORMATS:
        raise UserError(f"The audio format is one of {', '.join(FORMATS)}, not {audio_format!r}.")
    if audio_format == "wav":
        return _wav(pcm)
    try:
        import soundfile
    except ImportError:
        raise UserError(
            "soundfile is not installed, which Ogg and FLAC files need.\n"
            'Install it (pip install soundfile) or choose the audio format "wav".'
        ) from None
    kind, subtype, level = (
        ("OGG", "VORBIS", QUALITY) if audio_format == "ogg" else ("FLAC", "PCM_16", None)
    )
    buffer = io.BytesIO()
    try:
        with soundfile.SoundFile(
            buffer, "w", SAMPLE_RATE, 1, subtype, format=kind, compression_level=level
        ) as file:
            for start in range(0, len(pcm), _PIECE):
                file.write(pcm[start : start + _PIECE])
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise UserError(f"The sound cannot be coded as {audio_format}: {error}") from error
    content = buffer.getvalue()
    return with_serial(content) if audio_format == "ogg" else content


def _wav(pcm: NDArray[np.int16]) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(pcm.astype("<i2").tobytes())
    return buffer.getvalue()


def with_serial(content: bytes, serial: int = _SERIAL) -> bytes:
    """Give an Ogg stream another serial number, and its pages new checksums (RFC 3533).

    Parameters
    ----------
    content : bytes
        A whole file with one stream.
    serial : int
        0 to 2**32 - 1.

    Returns
    -------
    bytes
        Of the same length.
    """
    out = bytearray(content)
    start = 0
    while start < len(out):
        lacing = out[start + _TABLE]
        table = out[start + _PAGE : start + _PAGE + lacing]
        end = start + _PAGE + lacing + sum(table)
        out[start + 14 : start + 18] = serial.to_bytes(4, "little")
        out[start + _CHECKSUM : start + _CHECKSUM + 4] = bytes(4)
        checksum = _ogg_checksum(bytes(out[start:end]))
        out[start + _CHECKSUM : start + _CHECKSUM + 4] = checksum.to_bytes(4, "little")
        start = end
    return bytes(out)


def _ogg_checksum(page: bytes) -> int:
    """Return Ogg's CRC: that of zlib with all bits mirrored, and without its two inversions."""
    mirrored = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)


def write_recording(path: Path, pcm: NDArray[np.int16]) -> None:
    """Write 16-bit samples in the format that the file's suffix names.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    content = encode_audio(pcm, path.suffix[1:])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise UserError(f"Cannot write {path.name}: {error.strerror}.") from error
