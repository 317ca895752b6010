"""From VOCASET as it is downloaded to the layout that published code reads.

The download holds all frames of all recordings in one array, and a pickle that tells which rows
belong to which frame of which sentence::

    raw/
      data_verts.npy          (rows, 5023, 3) metres, 60 frames a second
      subj_seq_to_idx.pkl     {subject: {sentence: {frame number: row}}}
      raw_audio_fixed.pkl     {subject: {sentence: {"sample_rate": ..., "audio": ...}}}
      templates.pkl           {subject: (5023, 3)}
"""

from __future__ import annotations

import shutil
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.corpus.real.headers import BadFile, NpyHeader, read_npy_header, read_rows
from talking_heads.corpus.real.unpickle import load_pickle
from talking_heads.corpus.real.vertex_layout import TEMPLATES
from talking_heads.corpus.real.vertex_set import MOTIONS, SOUNDS
from talking_heads.corpus.real.vocaset import MASKS, VERTICES, VOCASET
from talking_heads.corpus.store import check_target, new_folder
from talking_heads.errors import UserError
from talking_heads.files import shown

VERTS, INDEX, AUDIO = "data_verts.npy", "subj_seq_to_idx.pkl", "raw_audio_fixed.pkl"
RAW_FILES = (VERTS, INDEX, AUDIO, TEMPLATES)
"""What the download must hold."""

_MOST_AUDIO_BYTES = 4 * 2**30
_MOST_INDEX_BYTES = 64 * 2**20
_ROWS = 200
_RATES = range(4_000, 768_001)
_MOST_CHANNELS = 8


@dataclass(frozen=True)
class Conversion:
    """What `convert_vocaset` wrote, and what the download lacked.

    Parameters
    ----------
    root : Path
        The new folder.
    clips : tuple of str
        Names of the clips, in order.
    missing_frames : dict of str to tuple of int
        For each clip with gaps the frame numbers that are missing between its first and its last.
        They are left out, so the frames behind a gap come early.
    without_audio : tuple of str
        Clips that have frames but no usable sound. They are not written.
    without_motion : tuple of str
        Clips that have sound but no frames.
    missing : tuple of str
        Clips of the published splits of which the download holds nothing.
    """

    root: Path
    clips: tuple[str, ...]
    missing_frames: Mapping[str, tuple[int, ...]]
    without_audio: tuple[str, ...]
    without_motion: tuple[str, ...]
    missing: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{shown(self.root)}: {len(self.clips)} clips"]
        gaps = {name: len(frames) for name, frames in self.missing_frames.items()}
        lists = (
            ("with missing frames", [f"{name} ({n})" for name, n in gaps.items()]),
            ("left out, without sound", self.without_audio),
            ("left out, sound without motion", self.without_motion),
            ("of the published splits, not in the download", self.missing),
        )
        for what, names in lists:
            if names:
                first = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
                lines.append(f"  {len(names)} {what}: {first}")
        return "\n".join(lines)


def is_raw_vocaset(folder: str | Path) -> bool:
    """Return whether a folder holds VOCASET as it is downloaded."""
    return all((Path(folder) / name).is_file() for name in (VERTS, INDEX))


def convert_vocaset(
    raw: str | Path, out: str | Path, *, progress: bool = False, overwrite: bool = False
) -> Conversion:
    """Write VOCASET in FaceFormer's layout, from the files of the download.

    Frames are sorted by their number and keep their precision; sound is written as 16-bit WAV at
    its own rate, of several channels the first. ``FLAME_masks.pkl`` and ``FLAME_sample.ply`` are
    copied if they lie beside the download. All motion needs about as much space again on disk; a
    few megabytes of it are in memory at a time, and all the sound.

    Parameters
    ----------
    raw : str or Path
        Folder with `RAW_FILES`.
    out : str or Path
        The new folder; it appears when all is written.
    progress : bool
        Whether to show a bar.
    overwrite : bool
        Whether a folder in this layout may be replaced.

    Returns
    -------
    Conversion
        What was written and what was missing; ``print`` shows a summary.

    Raises
    ------
    UserError
        If a file is missing, damaged or no plain data, `out` may not be written, or nothing can be
        converted. `out` is then as it was.
    """
    try:
        return _convert(Path(raw), Path(out), progress, overwrite)
    except OSError as error:
        raise UserError(f"Cannot read {shown(raw)}: {error.strerror or error}.") from error


def _convert(source: Path, target: Path, progress: bool, overwrite: bool) -> Conversion:
    for name in RAW_FILES:
        if not (source / name).is_file():
            raise UserError(
                f"{shown(source)} lacks {name}.\n"
                f"The download of VOCASET (Training Data) holds {', '.join(RAW_FILES)}."
            )
    check_target(target, overwrite=overwrite, ours=_is_layout)
    if target.resolve() in (source.resolve(), *source.resolve().parents) and _is_layout(target):
        raise UserError(
            f"{shown(source)} lies in {shown(target)}, which would be replaced with all in it.\n"
            "Choose another folder."
        )
    try:
        header = read_npy_header(source / VERTS)
        if header.shape[1:] not in ((VERTICES, 3), (3 * VERTICES,)):
            raise BadFile(f"its shape is {header.shape!r:.60}, not (rows, {VERTICES}, 3)")
    except BadFile as error:
        raise UserError(f"{shown(source / VERTS)}: {error}.\nDownload it again.") from error
    frames = _index(source / INDEX, header.shape[0])
    sounds = _audio(source / AUDIO)
    load_pickle(source / TEMPLATES)  # refused here rather than at each opening
    usable = [name for name in frames if name in sounds]
    if not usable:
        raise UserError(f"{shown(source)}: no sentence has both frames and sound.")
    gaps = {}
    with new_folder(target, overwrite=overwrite, ours=_is_layout) as new:
        (new / MOTIONS).mkdir()
        (new / SOUNDS).mkdir()
        for name in _shown_progress(usable, progress):
            numbers = sorted(frames[name])
            lost = set(range(numbers[0], numbers[-1] + 1)).difference(numbers)
            if lost:
                gaps[name] = tuple(sorted(lost))
            rows = [frames[name][number] for number in numbers]
            _write_motion(new / MOTIONS / f"{name}.npy", source / VERTS, header, rows)
            _write_sound(new / SOUNDS / f"{name}.wav", *sounds[name])
        shutil.copyfile(source / TEMPLATES, new / TEMPLATES)
        for path in (source / MASKS, source / "templates" / MASKS):
            if path.is_file():
                shutil.copyfile(path, new / MASKS)
        for path in (source / Path(VOCASET.mesh).name, source / VOCASET.mesh):
            if path.is_file():
                (new / VOCASET.mesh).parent.mkdir(exist_ok=True)
                shutil.copyfile(path, new / VOCASET.mesh)
    held = frames.keys() | sounds.keys()
    published = [name for names in VOCASET.published.values() for name in names]
    return Conversion(
        root=target,
        clips=tuple(usable),
        missing_frames=gaps,
        without_audio=tuple(name for name in frames if name not in sounds),
        without_motion=tuple(sorted(sounds.keys() - frames.keys())),
        missing=tuple(name for name in published if name not in held),
    )


def _is_layout(folder: Path) -> bool:
    return (folder / MOTIONS).is_dir() and (folder / SOUNDS).is_dir()


def _shown_progress(names: Sequence[str], progress: bool) -> Sequence[str]:
    if not progress:
        return names
    from tqdm import tqdm

    shown_names: Sequence[str] = tqdm(names, unit="clip")
    return shown_names


def _sentences(path: Path, most_bytes: int) -> dict[str, Any]:
    """Return what a pickle holds for each ``subject_sentence``."""
    stored = load_pickle(path, most_bytes=most_bytes)
    out = {}
    for subject, sentences in _items(stored, path):
        for sentence, value in _items(sentences, path):
            name = f"{subject}_{sentence}"
            if not _is_name(subject) or not _is_name(sentence) or name.startswith("."):
                raise UserError(f"{shown(path)} names a sentence {shown(name)!r:.80}.")
            out[name] = value
    return dict(sorted(out.items()))


def _is_name(value: Any) -> bool:
    # It becomes the name of a file.
    return isinstance(value, str) and 0 < len(value) <= 80 and value.replace("_", "a").isalnum()


def _items(value: Any, path: Path) -> Any:
    if not isinstance(value, dict):
        raise UserError(f"{shown(path)} is not nested as VOCASET's is.\nDownload it again.")
    return value.items()


def _whole(value: Any) -> int | None:
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return int(value)
    return None


def _index(path: Path, rows: int) -> dict[str, dict[int, int]]:
    out = {}
    for name, frames in _sentences(path, _MOST_INDEX_BYTES).items():
        own = {}
        for number, row in _items(frames, path):
            frame, place = _whole(number), _whole(row)
            if frame is None or place is None or not 0 <= frame < 2**20:
                raise UserError(f"{shown(path)}: a frame of {name} has no number or no row.")
            if not 0 <= place < rows:
                raise UserError(
                    f"{shown(path)}: frame {frame} of {name} is row {place:,}, but {VERTS} has "
                    f"{rows:,} rows.\nDownload both again."
                )
            own[frame] = place
        if own:
            out[name] = own
    return out


def _audio(path: Path) -> dict[str, tuple[int, NDArray[np.int16]]]:
    out = {}
    for name, sound in _sentences(path, _MOST_AUDIO_BYTES).items():
        about = dict(_items(sound, path)) if sound is not None else {}
        rate, samples = _whole(about.get("sample_rate")), about.get("audio")
        if rate is None or rate not in _RATES:
            continue
        if not isinstance(samples, np.ndarray) or samples.dtype.kind not in "iu":
            continue
        if samples.ndim == 2 and samples.shape[1] <= _MOST_CHANNELS:
            samples = samples[:, :1]  # the first channel, as in VOCA's own code
        flat = samples.reshape(-1)
        if samples.shape not in ((len(flat),), (len(flat), 1)) or not len(flat):
            continue
        if int(flat.min()) < -32_768 or int(flat.max()) > 32_767:
            raise UserError(f"{shown(path)}: the samples of {name} do not fit 16 bits.")
        out[name] = rate, flat.astype("<i2")
    return out


def _write_motion(path: Path, source: Path, header: NpyHeader, rows: Sequence[int]) -> None:
    about = {
        "descr": np.lib.format.dtype_to_descr(header.dtype),
        "fortran_order": False,
        "shape": (len(rows), 3 * VERTICES),
    }
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, about)
        for first, last in _runs(rows):
            try:
                file.write(read_rows(source, header, first, last).tobytes())
            except BadFile as error:
                raise UserError(f"{shown(source)}: {error}.") from error


def _runs(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Return stretches ``(first, last + 1)`` of consecutive rows, none of them long."""
    runs: list[tuple[int, int]] = []
    for row in rows:
        if runs and runs[-1][1] == row and row - runs[-1][0] < _ROWS:
            runs[-1] = (runs[-1][0], row + 1)
        else:
            runs.append((row, row + 1))
    return runs


def _write_sound(path: Path, rate: int, samples: NDArray[np.int16]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
