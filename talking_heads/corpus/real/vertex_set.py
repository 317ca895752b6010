"""What VOCASET and BIWI share: folders of vertices, sounds and templates, opened without reading.

::

    root/
      vertices_npy/NAME.npy   positions, one row of x, y, z, x, y, z ... a frame
      wav/NAME.wav            sound at its own rate
      templates.pkl           each speaker's face at rest

Opening reads the headers of all files. Motion is read when a clip is asked for it, a few frames at
a time, and becomes offsets from the speaker's template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from talking_heads.corpus.clip import Clip
from talking_heads.corpus.collection import Corpus
from talking_heads.corpus.lazy import LazyMotion, SoundFile
from talking_heads.corpus.real.headers import (
    BadFile,
    NpyHeader,
    read_npy_header,
    read_rows,
    read_wav_header,
)
from talking_heads.corpus.real.problems import Problem, Scan
from talking_heads.corpus.real.vertex_layout import (
    TEMPLATES,
    Floats,
    VertexSet,
    read_surface,
    read_templates,
)
from talking_heads.errors import UserError
from talking_heads.files import shown

MOTIONS, SOUNDS = "vertices_npy", "wav"
SHORT_SOUND = 0.25
"""Seconds by which a sound may end before its motion without being listed."""
TORN_SOUND = 1.0
"""A sound that ends earlier than this before its motion is torn: the clip is left out."""

_BLOCK_BYTES = 16 * 2**20
_FRAMES = 100
_SILENT = "the sound ends {:.1f} s before the motion"


def vertex_folder(root: str | Path, folders: Sequence[str] = ()) -> Path | None:
    """Return `root`, or its folder of one of some names: what holds ``vertices_npy``; or None."""
    for folder in (Path(root), *(Path(root) / name for name in folders)):
        if (folder / MOTIONS).is_dir():
            return folder
    return None


def scan(root: str | Path, about: VertexSet, *, thorough: bool = False) -> Scan:
    """Open a data set and list what is missing or damaged.

    Parameters
    ----------
    root : str or Path
        The folder that holds ``vertices_npy``, or the one above it.
    about : VertexSet
        Which data set.
    thorough : bool
        Whether to read every motion and every sound, and list those that cannot be read.

    Returns
    -------
    Scan
        Its corpus has the clips that can be used; of no clips where there are none.

    Raises
    ------
    UserError
        If there is neither ``vertices_npy`` nor ``templates.pkl``, or a folder cannot be read.
    """
    try:
        return _scan(root, about, thorough)
    except OSError as error:
        where = shown(error.filename or root)
        raise UserError(f"Cannot read {where}: {error.strerror or error}.") from error


def _scan(root: str | Path, about: VertexSet, thorough: bool) -> Scan:
    folder = vertex_folder(root, about.folders)
    if folder is None and (Path(root) / TEMPLATES).is_file():
        folder = Path(root)  # without motion; the rest can be looked at
    if folder is None:
        what = "holds no folder vertices_npy" if Path(root).is_dir() else "is no folder"
        raise UserError(
            f"{shown(root)} is not {about.title}: it {what}.\n"
            "data/README.md tells how the files must lie."
        )
    problems: list[Problem] = []
    notes: list[str] = []
    templates = read_templates(folder, about, problems)
    found = _clips(folder, about, templates, problems)
    clips = tuple(clip for clip, _ in found)
    if thorough:
        for clip in clips:
            _read_through(clip, problems)
    splits: dict[str, list[str]] = {name: [] for name in about.published}
    for clip, split in found:
        splits.setdefault(split, []).append(clip.id)
    for name, wanted in about.published.items():
        held = set(splits[name])
        lost = [clip_id for clip_id in wanted if clip_id not in held]
        if lost:
            notes.append(
                f"The split {name} has {len(wanted) - len(lost)} of its {len(wanted)} published "
                f"clips; the first that is missing is {lost[0]}."
            )
    for name, ids in splits.items():
        if name not in about.published:
            many = f"{len(ids)} clips are" if len(ids) > 1 else "1 clip is"
            notes.append(f"{many} in no published split; look in the split {name}.")
    surface = read_surface(folder, about, templates, problems, notes) if templates else None
    present = {clip.speaker for clip in clips}
    known = [speaker for speaker in about.speakers if speaker in present]
    speakers = (*known, *sorted(present.difference(known)))
    corpus = Corpus(
        name=about.name,
        clips=clips,
        splits={name: tuple(ids) for name, ids in splits.items() if ids},
        speakers=speakers,
        face_ids={speaker: f"{speaker}@{about.name}" for speaker in speakers},
        fps=about.fps,
        unit=about.unit,
        root=folder,
        surface=surface,
        layout=about.name,
    )
    return Scan(corpus, about.disk_fps, tuple(sorted(problems)), tuple(notes))


def load(root: str | Path, about: VertexSet) -> Corpus:
    """Return the corpus of `scan`; raises `UserError` if it has no clips."""
    found = scan(root, about)
    if not found.clips:
        first = f"{found.problems[0]}." if found.problems else "There are no files."
        raise UserError(f"{shown(root)} holds no clip of {about.title} that can be read.\n{first}")
    return found.corpus


def _read_through(clip: Clip, problems: list[Problem]) -> None:
    """Read all of a clip, some frames at a time, and list what cannot be read."""
    try:
        for start in range(0, len(clip), _FRAMES):
            clip.piece(start, min(start + _FRAMES, len(clip)))
    except UserError as error:
        path = f"{MOTIONS}/{clip.id}.npy"
        problems.append(Problem(path, str(error).splitlines()[0].rpartition(": ")[2].rstrip(".")))
    try:
        clip.sound(0, len(clip))
    except UserError as error:
        path = f"{SOUNDS}/{clip.id}.wav"
        problems.append(Problem(path, str(error).splitlines()[0].rpartition(": ")[2].rstrip(".")))


def _names(folder: Path, suffix: str) -> dict[str, Path]:
    """Return the files of a folder by name; what a system hides is passed over."""
    paths = (path for path in folder.iterdir() if path.suffix.lower() == suffix)
    return {path.stem: path for path in sorted(paths) if not path.name.startswith(".")}


def _clips(
    folder: Path, about: VertexSet, templates: Mapping[str, Floats], problems: list[Problem]
) -> list[tuple[Clip, str]]:
    for name in (MOTIONS, SOUNDS):
        if not (folder / name).is_dir():
            told = "the folder is missing, and no clip can be used without"
            problems.append(Problem(name, told))
            return []
    moves = _names(folder / MOTIONS, ".npy")
    sounds = _names(folder / SOUNDS, ".wav")
    for name in sorted(sounds.keys() - moves.keys()):
        problems.append(Problem(f"{SOUNDS}/{sounds[name].name}", "there is no motion of this name"))
    out: list[tuple[Clip, str]] = []
    for name, path in moves.items():
        where = f"{MOTIONS}/{path.name}"
        try:
            speaker, split = about.parse(name)
            frames, motion = _motion(path, speaker, about, templates)
            if name not in sounds:
                raise BadFile("there is no sound of this name")
        except BadFile as error:
            problems.append(Problem(where, str(error)))
            continue
        where = f"{SOUNDS}/{sounds[name].name}"
        try:
            gap = frames / about.fps - read_wav_header(sounds[name]).seconds
            if gap > TORN_SOUND:
                raise BadFile(_SILENT.format(gap) + ", so the clip is left out")
        except BadFile as error:
            problems.append(Problem(where, str(error)))
            continue
        if gap > SHORT_SOUND:
            problems.append(Problem(where, _SILENT.format(gap) + "; silence fills the rest"))
        out.append((Clip(name, speaker, SoundFile(sounds[name]), motion), split))
    return out


def _motion(
    path: Path, speaker: str, about: VertexSet, templates: Mapping[str, Floats]
) -> tuple[int, LazyMotion]:
    header = read_npy_header(path)
    flat, points = (3 * about.vertices,), (about.vertices, 3)
    if header.shape[1:] not in (flat, points):
        raise BadFile(
            f"its shape is {header.shape!r:.60}, and {about.title} has (frames, {flat[0]})"
        )
    if not header.shape[0]:
        raise BadFile("it has no frames")
    if speaker not in templates:
        raise BadFile(f"{shown(speaker)} has no template")
    frames = -(-header.shape[0] // about.step)
    load_frames = partial(read_offsets, path, header, templates[speaker], about.step)
    face_id = f"{speaker}@{about.name}"
    return frames, LazyMotion(frames, "vertices", about.fps, face_id, speaker, load_frames)


def read_offsets(
    path: Path, header: NpyHeader, template: Floats, step: int, start: int, stop: int
) -> Floats:
    """Read some frames of a motion as offsets from the template.

    Parameters
    ----------
    path, header
        As for `talking_heads.corpus.real.headers.read_rows`.
    template : ndarray
        ``(V, 3)``.
    step : int
        Every so many-th row is a frame.
    start, stop : int
        Frames, from `start` up to, and without, `stop`.

    Returns
    -------
    ndarray of float32
        ``(stop - start, V, 3)``. No more than some 16 MB of the file are in memory besides it.

    Raises
    ------
    UserError
        If the file has changed or cannot be read, or a number is not finite.
    """
    out = np.empty((stop - start, *template.shape), np.float32)
    block = max(1, _BLOCK_BYTES // (template.size * 8 * step))
    try:
        for first in range(start, stop, block):
            last = min(stop, first + block)
            rows = read_rows(path, header, first * step, (last - 1) * step + 1)[::step]
            with np.errstate(over="ignore", invalid="ignore"):
                # In float64: positions of half a metre would cost the offsets some digits.
                frames = rows.reshape(-1, *template.shape).astype(np.float64) - template
                out[first - start : last - start] = frames
        if not np.isfinite(out).all():
            raise BadFile("it holds numbers that are not finite")
    except BadFile as error:
        raise UserError(f"{shown(path)}: {error}.\nCopy or download it again.") from error
    return out
