"""Features kept on disk, so that a frozen encoder hears each clip only once.

One file for each clip and encoder. Its name is a hash of the encoder's id and of the samples
themselves: another sound, another network, layer, alignment or frame rate is another file, and
renamed or moved recordings are found again. A file is a NumPy array of float32 with a checksum
after it. One that is cut off, changed or of another shape is computed anew.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from talking_heads.errors import UserError
from talking_heads.files import atomic_write, shown
from talking_heads.speech.frames import frame_count

_NAME = re.compile(r"[0-9a-f]{64}\.npy")
_CHECK_BYTES = 32
_KEPT_SHARE = 0.9
"""What is left of the bound after old files were deleted, so that not each new one deletes."""


class FrozenEncoder(Protocol):
    """What the cache needs to know of an encoder."""

    width: int
    fps: float
    encoder_id: str

    @property
    def frozen(self) -> bool:
        """Whether the same sound gives the same features for good."""
        ...

    def encode_long(self, audio: Tensor) -> Tensor:
        """Encode ``(samples,)`` of any length as ``(frame, width)``."""
        ...


class FeatureCache:
    """A folder of features.

    Several processes may use one folder: files appear whole or not at all.

    Parameters
    ----------
    folder : path
        Made if it is missing. Other files in it are left alone.
    most_bytes : int
        When the files take more, those that were not used for longest are deleted. The base models
        at 25 frames a second take 77 kB for a second of sound, 276 MB for an hour.

    Raises
    ------
    UserError
        If the folder cannot be made or written, or the bound is not above 0.
    """

    def __init__(self, folder: str | os.PathLike[str], *, most_bytes: int = 4_000_000_000) -> None:
        if isinstance(most_bytes, bool) or not isinstance(most_bytes, int) or most_bytes <= 0:
            raise UserError(f"The bound of a feature cache is above 0, not {most_bytes!r:.40}.")
        self.folder, self.most_bytes = Path(folder), most_bytes
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"Cannot make {shown(folder)}: {error.strerror or error}.") from error
        if not os.access(self.folder, os.W_OK):
            raise UserError(f"The folder {shown(folder)} may not be written; choose another.")
        self._bytes = sum(size for _, size, _ in self._files())

    def features(self, encoder: FrozenEncoder, audio: NDArray[np.floating] | Tensor) -> Tensor:
        """Return the features of one clip, from disk where they are.

        Parameters
        ----------
        encoder : FrozenEncoder
            Such as `PretrainedEncoder` with ``freeze="all"``.
        audio : ndarray or Tensor
            ``(samples,)`` at 16 kHz: the whole clip.

        Returns
        -------
        Tensor
            ``(frame_count(samples, fps), width)`` float32 on the CPU, as ``encode_long`` gives it.

        Raises
        ------
        ValueError
            If the encoder is not frozen: its features would be old after one step of training.
        """
        if not encoder.frozen:
            raise ValueError(f"features of {encoder.encoder_id} cannot be kept: it is trained")
        sound = torch.as_tensor(audio, dtype=torch.float32)
        if sound.ndim != 1:
            raise ValueError(f"one clip of shape (samples,) is needed, not {tuple(sound.shape)}")
        samples = sound.detach().cpu().contiguous()
        path = self.folder / f"{feature_key(encoder.encoder_id, samples.numpy())}.npy"
        shape = (frame_count(len(samples), encoder.fps), encoder.width)
        kept = _read(path, shape)
        if kept is None:
            kept = self._compute(encoder, sound)
            # A full disk is no reason to stop: then this clip is computed again next time.
            with suppress(UserError):
                self._write(path, kept)
        else:
            with suppress(OSError):
                os.utime(path)
        return torch.from_numpy(kept)

    def _compute(self, encoder: FrozenEncoder, sound: Tensor) -> NDArray[np.float32]:
        parameters: Callable[[], object] | None = getattr(encoder, "parameters", None)
        first = next(iter(parameters()), None) if parameters else None  # type: ignore[call-overload]
        if isinstance(first, Tensor):
            sound = sound.to(first.device)
        with torch.no_grad():
            # As a model hears it that animates; and a recording of ten minutes must fit in memory.
            values: NDArray[np.float32] = encoder.encode_long(sound).float().cpu().numpy()
        return values

    def _write(self, path: Path, values: NDArray[np.float32]) -> None:
        content = io.BytesIO()
        np.save(content, values, allow_pickle=False)
        data = content.getvalue()
        if len(data) + _CHECK_BYTES > self.most_bytes:
            return
        with atomic_write(path) as file:
            file.write(data)
            file.write(hashlib.sha256(data).digest())
        self._bytes += len(data) + _CHECK_BYTES
        if self._bytes > self.most_bytes:
            self._shrink(path)

    def _shrink(self, newest: Path) -> None:
        """Delete what was not used for longest, and count the rest anew."""
        files = sorted(self._files())
        self._bytes = sum(size for _, size, _ in files)
        # Other processes may have made room in the meantime.
        if self._bytes <= self.most_bytes:
            return
        for _, size, path in files:
            if self._bytes <= _KEPT_SHARE * self.most_bytes:
                break
            if path != newest:
                with suppress(OSError):
                    path.unlink()
                    self._bytes -= size

    def _files(self) -> list[tuple[int, int, Path]]:
        """Return when each of the cache's own files was last used, its bytes and its path."""
        found = []
        with suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                if _NAME.fullmatch(entry.name):
                    with suppress(OSError):
                        state = entry.stat(follow_symlinks=False)
                        found.append((state.st_mtime_ns, state.st_size, Path(entry.path)))
        return found


def feature_key(encoder_id: str, samples: NDArray[np.float32]) -> str:
    """Return 64 hexadecimal digits that name the features of some samples."""
    digest = hashlib.sha256(f"{encoder_id}\n{len(samples)}\n".encode())
    digest.update(np.ascontiguousarray(samples, dtype="<f4").data)
    return digest.hexdigest()


def _read(path: Path, shape: tuple[int, int]) -> NDArray[np.float32] | None:
    """Return what a file holds, or None where it is missing or not as it was written."""
    most = 4 * shape[0] * shape[1] + 1024
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError:
        return None
    data, check = content[:-_CHECK_BYTES], content[-_CHECK_BYTES:]
    if len(content) > most or hashlib.sha256(data).digest() != check:
        return None
    try:
        values = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError):
        return None
    right = isinstance(values, np.ndarray) and values.dtype == np.float32 and values.shape == shape
    return values if right else None
