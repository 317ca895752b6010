"""The BEAT data set as it is downloaded: speech with 51 face weights, 60 frames a second.

::

    beat_english_v0.2.1/
      1/1_wayne_0_1_1.json   face, 60 frames a second
      1/1_wayne_0_1_1.wav    sound, 16,000 samples a second
      2/2_scott_0_1_1.json   ...

A name is ``<id>_<name>_<type>_<start>_<end>``: who speaks, what kind of speech (0: a speech in
English), and the number of the sequence, which tells the emotion. Other files are not read.

Nothing but headers is read when a corpus is opened. A file of 60 frames a second gives clips of 30:
every second frame, as published. Weights stay as they were recorded, a few above 1 or below 0:
targets that are cut off would not be the recording. `talking_heads.face.Face.pose` cuts them when
it draws.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from talking_heads.corpus.clip import Clip
from talking_heads.corpus.collection import Corpus
from talking_heads.corpus.lazy import LazyMotion, SoundFile
from talking_heads.corpus.real.beat_json import FPS, load_frames, outline
from talking_heads.corpus.real.beat_names import (
    RULES,
    SEED,
    Recording,
    authors_split,
    parse_name,
    split_recordings,
)
from talking_heads.corpus.real.headers import BadFile, read_wav_header
from talking_heads.corpus.real.problems import Problem
from talking_heads.errors import UserError
from talking_heads.files import shown

FACE_ID = "neutral@medium"
"""The head that all speakers share: BEAT has weights, and no head to put them on."""
WINDOW_SECONDS = 10.0

_BIGGEST = 600.0


@dataclass(frozen=True)
class Paired:
    """A recording with both files.

    `frames` are those, of 30 a second, that have sound and motion; `seconds` are the lengths of the
    sound and of the motion; `channels` is None where the file's head does not tell.
    """

    what: Recording
    motion: Path
    sound: Path
    frames: int
    channels: int | None
    seconds: tuple[float, float]


@dataclass
class Index:
    """What the names and headers below a folder tell."""

    found: list[Paired]
    missing: list[Problem]
    damaged: list[Problem]
    left_out: Counter[int]
    """Recordings of types that were not asked for."""


def _files(root: Path) -> Iterator[Path]:
    """Yield the files of the root and of its folders, hidden ones left out."""
    try:
        for folder in [root, *sorted(path for path in root.iterdir() if path.is_dir())]:
            if folder != root and folder.name.startswith("."):
                continue
            with os.scandir(folder) as entries:
                names = sorted(entry.name for entry in entries if entry.name[0] != ".")
            yield from (folder / name for name in names)
    except OSError as error:
        raise UserError(
            f"Cannot read {shown(error.filename or root)}: {error.strerror}."
        ) from error


def relative(path: Path, root: Path) -> str:
    """Return a path below the root, with ``/``."""
    return path.relative_to(root).as_posix()


def index_files(root: Path, types: Sequence[int], speakers: set[str] | None = None) -> Index:
    """Pair the files of recordings and look at their headers; `speakers` as ``"2_scott"``."""
    if not root.is_dir():
        raise UserError(f"{shown(root)} is not a folder.")
    index = Index([], [], [], Counter())
    pairs: dict[Recording, dict[str, Path]] = defaultdict(dict)
    for path in _files(root):
        ending = path.suffix.lower()
        if ending not in (".json", ".wav") or not path.is_file():
            continue
        what = parse_name(path.stem)
        if what is None:
            told = "its name is not <id>_<name>_<type>_<start>_<end>"
            index.missing.append(Problem(relative(path, root), told))
        elif ending in pairs[what]:
            told = f"the recording is there already as {relative(pairs[what][ending], root)}"
            index.missing.append(Problem(relative(path, root), told))
        else:
            pairs[what][ending] = path
    for what, files in sorted(pairs.items()):
        if what.type not in types:
            index.left_out[what.type] += 1
        elif speakers is None or what.speaker in speakers:
            _add(index, root, what, files)
    return index


def _add(index: Index, root: Path, what: Recording, files: dict[str, Path]) -> None:
    for ending, other in ((".json", ".wav"), (".wav", ".json")):
        if ending not in files:
            kind = {".json": "motion", ".wav": "sound"}[ending]
            told = f"there is no {kind} of this name"
            index.missing.append(Problem(relative(files[other], root), told))
            return
    path = files[".wav"]
    try:
        sound = read_wav_header(path)
        path = files[".json"]
        motion = outline(path)
    except BadFile as error:
        index.damaged.append(Problem(relative(path, root), str(error)))
        return
    index.found.append(
        Paired(
            what,
            files[".json"],
            files[".wav"],
            min(motion.frames, sound.samples * FPS // sound.rate),
            motion.channels,
            (sound.seconds, motion.frames / FPS),
        )
    )


def _chosen(root: Path, speakers: str | Sequence[str | int] | None) -> set[str] | None:
    """Return the speakers that were asked for, ``{"2_scott"}``; None for all."""
    if speakers is None:
        return None
    wanted = speakers.split() if isinstance(speakers, str) else [str(s) for s in speakers]
    known = {
        what.speaker: what for path in _files(root) if (what := parse_name(path.stem)) is not None
    }
    chosen = set()
    for word in wanted:
        fits = {s for s, what in known.items() if word in (s, what.name, str(what.number))}
        if not fits:
            names = ", ".join(sorted(known, key=lambda s: known[s].number))
            raise UserError(
                f"There is no speaker {word[:40]!r} in {shown(root)}.\nThere are: {names[:400]}."
            )
        chosen |= fits
    if not chosen:
        raise UserError("No speaker is named: give numbers or names, such as 2 4 6 8.")
    return chosen


def _windows(found: Paired, frames: int) -> Iterator[Clip]:
    name, speaker = found.what.id, found.what.speaker
    for number in range(found.frames // frames):
        offset = number * frames
        yield Clip(
            id=f"{name}/{number:03d}",
            speaker=speaker,
            source=SoundFile(found.sound, offset / FPS, frames / FPS),
            truths=LazyMotion(
                frames,
                "coefficients",
                float(FPS),
                FACE_ID,
                speaker,
                partial(load_frames, found.motion, offset, frames),
            ),
        )


def corpus_of(
    root: Path, found: Sequence[Paired], frames: int, seed: int = SEED, rule: str = "ours"
) -> Corpus:
    """Cut recordings into clips of `frames` frames."""
    pieces = {one.what: list(_windows(one, frames)) for one in found}
    # Recordings too short for a window belong to no split.
    whole = sorted(what for what, clips in pieces.items() if clips)
    splits: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    if rule == "ours":
        homes = {name: s for s, names in split_recordings(whole, seed).items() for name in names}
    lengths = {one.what: one.frames for one in found}
    for what in whole:
        for number, clip in enumerate(pieces[what]):
            if rule == "ours":
                home: str | None = homes[what.id]
            else:
                share = frames / lengths[what]
                home = authors_split(what, number * share, (number + 1) * share)
            if home is not None:
                splits[home].append(clip.id)
    speakers = tuple(dict.fromkeys(what.speaker for what in whole))
    return Corpus(
        name="beat",
        clips=tuple(clip for clips in pieces.values() for clip in clips),
        splits={split: tuple(ids) for split, ids in splits.items()},
        speakers=speakers,
        face_ids=dict.fromkeys(speakers, FACE_ID),
        fps=float(FPS),
        unit=None,
        root=root,
        layout="beat",
    )


def window_frames(seconds: float) -> int:
    """Return the frames of a window; raises `UserError` unless it lasts a frame to 600 s."""
    if not 1 / FPS <= seconds <= _BIGGEST:
        raise UserError(f"A window lasts 1/{FPS} to {_BIGGEST:g} s, not {seconds!r:.40}.")
    return max(1, round(seconds * FPS))


def load_beat(
    root: str | Path,
    *,
    speakers: str | Sequence[str | int] | None = None,
    types: Sequence[int] = (0,),
    window_seconds: float = WINDOW_SECONDS,
    split_rule: str = "ours",
    seed: int = SEED,
) -> Corpus:
    """Open BEAT as it was downloaded. Only headers are read; sound and motion when asked for.

    A clip is a window of a recording, ``"1_wayne_0_1_1/000"`` the first. What is left at the end of
    a recording, shorter than a window, is dropped, as published. Of sound and motion the common
    part is used. A recording of which a file is missing or damaged is left out;
    `talking_heads.corpus.real.beat_scan.scan_beat` lists those.

    Parameters
    ----------
    root : str or Path
        The folder with a folder for each speaker, or one speaker's folder.
    speakers : str or sequence, optional
        Some of them, by number or name: ``"2 4 6 8"`` are those of FaceDiffuser. All by default.
    types : sequence of int
        Kinds of speech, see `talking_heads.corpus.real.beat_names.TYPES`. 0, a speech in English,
        is what published work on faces uses.
    window_seconds : float
        Length of a clip.
    split_rule : {"ours", "authors"}
        ``"ours"``: 80/10/10 by recording, see
        `talking_heads.corpus.real.beat_names.split_recordings`.
        ``"authors"``: by sequence numbers, as BEAT's authors give them for version 0.2.1, see
        `talking_heads.corpus.real.beat_names.authors_split`. FaceDiffuser's split is not public.
    seed : int
        Of our split.

    Returns
    -------
    Corpus
        52 coefficients (tongueOut is 0 where the files lack it), 30 frames a second, no unit;
        splits ``train``, ``val`` and ``test``.

    Raises
    ------
    UserError
        If there is no such folder, speaker or rule, or no clip. What only the whole of a file can
        tell is checked when a clip of it is read.
    """
    folder = Path(root)
    frames = window_frames(window_seconds)
    if split_rule not in RULES:
        raise UserError(f"The split is one of {', '.join(RULES)}, not {split_rule!r:.40}.")
    if not folder.is_dir():
        raise UserError(f"{shown(folder)} is not a folder.")
    index = index_files(folder, types, _chosen(folder, speakers))
    corpus = corpus_of(folder, index.found, frames, seed, split_rule)
    if not len(corpus):
        first = sorted(index.damaged + index.missing)[:1]
        raise UserError(
            f"{shown(folder)} holds no recording of {frames / FPS:g} s with sound and motion.\n"
            + (f"{first[0]}." if first else "There are no files of the types asked for.")
        )
    return corpus
