"""The BEAT data set as it is downloaded: speech with 51 face weights, 60 frames a second.

::

    beat_english_v0.2.1/
      1/1_wayne_0_1_1.json   face, 60 frames a second
      1/1_wayne_0_1_1.wav    sound, 16 kHz
      2/2_scott_0_1_1.json   ...

A name is ``<id>_<name>_<type>_<start>_<end>``: who speaks, what kind of speech (0: a speech in
English), and the number of the sequence, which tells the emotion. Other files are not read.

Nothing but headers is read when a corpus is opened. A file of 60 frames a second gives clips of 30:
every second frame, as published. Weights stay as they were recorded, a few above 1 or below 0:
targets that are cut off would not be the recording. `talking_heads.face.Face.pose` cuts them when
it draws.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from talking_heads.corpus.beat_json import FPS, load_frames, outline
from talking_heads.corpus.clip import Clip, Corpus
from talking_heads.corpus.headers import BadFile, read_wav_header
from talking_heads.corpus.lazy import LazyMotion, SoundFile
from talking_heads.corpus.problems import Problem
from talking_heads.errors import UserError
from talking_heads.files import shown

EMOTIONS: dict[str, range] = {
    "neutral": range(0, 65),
    "happiness": range(65, 73),
    "anger": range(73, 81),
    "sadness": range(81, 87),
    "contempt": range(87, 95),
    "surprise": range(95, 103),
    "fear": range(103, 111),
    "disgust": range(111, 119),
}
"""The sequence numbers of each emotion."""
FACE_ID = "neutral@medium"
"""The head that all speakers share: BEAT has weights, and no head to put them on."""
SEED = 42
"""Of the splits; the published split has the same seed, but its file is not public."""
WINDOW_SECONDS = 10.0

_NAME = re.compile(r"([0-9]{1,4})_([^\W_]{1,40})_([0-9])_([0-9]{1,4})_([0-9]{1,4})")
_BIGGEST = 600.0


def emotion_of(sequence: int, *, published: bool = False) -> str:
    """Return the emotion of a sequence by its number.

    Parameters
    ----------
    sequence : int
        The fourth part of a file's name.
    published : bool
        As the published code that cuts and splits the data: it takes the last number of each range
        for the one after it (``start <= number < end``), so that 64, 72, 80, 86, 94, 102, 110 and
        118 belong to no range and become neutral.

    Returns
    -------
    str
        One of `EMOTIONS`; ``"unknown"`` for a number above 118 (with `published`: neutral).
    """
    for name, numbers in EMOTIONS.items():
        if sequence in (numbers[:-1] if published else numbers):
            return name
    return "neutral" if published else "unknown"


@dataclass(frozen=True, order=True)
class Recording:
    """What the name of a recording's files tells.

    Parameters
    ----------
    number : int
        Of the speaker, 1 to 30.
    name : str
        Of the speaker.
    type : int
        0: a speech in English, to 7: a conversation in Japanese.
    start, end : int
        The first and the last sequence.
    """

    number: int
    name: str
    type: int
    start: int
    end: int

    @property
    def speaker(self) -> str:
        """Number and name, ``"1_wayne"``."""
        return f"{self.number}_{self.name}"

    @property
    def id(self) -> str:
        """All of the name, ``"1_wayne_0_1_1"``."""
        return f"{self.speaker}_{self.type}_{self.start}_{self.end}"

    @property
    def emotion(self) -> str:
        """By the first sequence, see `emotion_of`."""
        return emotion_of(self.start)


def parse_name(stem: str) -> Recording | None:
    """Return what the name of a file without its ending tells; None if it is no name of BEAT.

    Clip ids are understood as well: ``"1_wayne_0_1_1/003"`` is a window of that recording.
    """
    found = _NAME.fullmatch(stem.partition("/")[0])
    if found is None or not stem.isascii():
        return None
    number, name, *rest = found.groups()
    return Recording(int(number), name, *map(int, rest))


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


def split_recordings(recordings: Sequence[Recording], seed: int = SEED) -> dict[str, list[str]]:
    """Split recordings 80/10/10, each speaker for itself and evenly over the emotions.

    This split is ours, in the spirit of the published one, whose file is not public: FaceDiffuser
    names 80/10/10, stratified by speaker and emotion, seed 42. All windows of a recording stay in
    one split.

    Within an emotion, recordings are drawn by a hash of the seed and their name. So the split is
    the same on every platform and in any order of the files, and does not depend on which other
    speakers are there; but a recording of the same speaker that is added or deleted may move others
    of that speaker.

    Parameters
    ----------
    recordings : sequence of Recording
        In any order.
    seed : int
        Another one gives another split.

    Returns
    -------
    dict
        Ids of the recordings in ``train``, ``val`` and ``test``, sorted as `Recording` sorts. Of
        ``n`` recordings of a speaker, ``floor(n / 10 + 0.7)`` are in ``val`` and
        ``floor(n / 10 + 0.5)`` in ``test``.
    """
    places: dict[Recording, str] = {}
    order = {name: place for place, name in enumerate([*EMOTIONS, "unknown"])}

    def drawn(what: Recording) -> tuple[str, int, str]:
        digest = hashlib.sha256(f"{seed}/{what.id}".encode()).hexdigest()
        return what.speaker, order[what.emotion], digest

    seen: Counter[str] = Counter()
    held = {"val": 7, "test": 5}  # tenths: the two are never due at the same recording
    for what in sorted(recordings, key=drawn):
        seen[what.speaker] += 1
        count = seen[what.speaker]
        due = [s for s, more in held.items() if (count + more) // 10 > (count - 1 + more) // 10]
        places[what] = due[0] if due else "train"
    return {
        split: [what.id for what in sorted(places) if places[what] == split]
        for split in ("train", "val", "test")
    }


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


def corpus_of(root: Path, found: Sequence[Paired], frames: int, seed: int = SEED) -> Corpus:
    """Cut recordings into clips of `frames` frames."""
    clips = tuple(clip for one in found for clip in _windows(one, frames))
    ids: dict[str, list[str]] = defaultdict(list)
    for clip in clips:
        ids[clip.id.partition("/")[0]].append(clip.id)
    # Recordings too short for a window belong to no split.
    whole = [one.what for one in found if one.what.id in ids]
    splits = split_recordings(whole, seed)
    speakers = tuple(dict.fromkeys(what.speaker for what in sorted(whole)))
    return Corpus(
        name="beat",
        clips=clips,
        splits={
            split: tuple(clip for name in names for clip in ids[name])
            for split, names in splits.items()
        },
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
    seed: int = SEED,
) -> Corpus:
    """Open BEAT as it was downloaded. Only headers are read; sound and motion when asked for.

    A clip is a window of a recording, ``"1_wayne_0_1_1/000"`` the first. What is left at the end of
    a recording, shorter than a window, is dropped, as published. Of sound and motion the common
    part is used. A recording of which a file is missing or damaged is left out;
    `talking_heads.corpus.beat_scan.scan_beat` lists those.

    Parameters
    ----------
    root : str or Path
        The folder with a folder for each speaker, or one speaker's folder.
    speakers : str or sequence, optional
        Some of them, by number or name: ``"2 4 6 8"`` are those of FaceDiffuser. All by default.
    types : sequence of int
        Kinds of speech. 0, a speech in English, is what the published work uses.
    window_seconds : float
        Length of a clip.
    seed : int
        Of the splits, see `split_recordings`.

    Returns
    -------
    Corpus
        52 coefficients (tongueOut is 0 where the files lack it), 30 frames a second, no unit;
        splits ``train``, ``val`` and ``test``.

    Raises
    ------
    UserError
        If there is no such folder or speaker, or no clip. What only the whole of a file can tell is
        checked when a clip of it is read.
    """
    folder = Path(root)
    frames = window_frames(window_seconds)
    if not folder.is_dir():
        raise UserError(f"{shown(folder)} is not a folder.")
    index = index_files(folder, types, _chosen(folder, speakers))
    corpus = corpus_of(folder, index.found, frames, seed)
    if not len(corpus):
        first = sorted(index.damaged + index.missing)[:1]
        raise UserError(
            f"{shown(folder)} holds no recording of {frames / FPS:g} s with sound and motion.\n"
            + (f"{first[0]}." if first else "There are no files of the types asked for.")
        )
    return corpus
