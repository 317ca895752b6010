"""Builds a corpus from a script: speech, motion, files, manifest.

Everything follows from script, people and seed: the same version of the package and of the speech
engines writes the same samples and coefficients, bit for bit, whatever the number of workers. Clips
go to disk as they are made, so memory does not grow with the corpus (but for the manifest).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from importlib import metadata
from itertools import groupby
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.corpus.articulation import FPS, articulate_mouth, with_upper_face
from talking_heads.corpus.casting import Person
from talking_heads.corpus.collection import Corpus
from talking_heads.corpus.recording import FORMATS, array_hash, pcm16, write_recording
from talking_heads.corpus.script import SPLITS, Line, conditions
from talking_heads.corpus.store import (
    check_target,
    encode_motion,
    load_corpus,
    new_folder,
    quantize_motion,
    write_manifest,
)
from talking_heads.errors import UserError
from talking_heads.face import get_face
from talking_heads.speech import (
    SAMPLE_RATE,
    Phoneme,
    Speech,
    Utterance,
    engine_status,
    synthesize_many,
)

RESOLUTION = "medium"
"""Resolution named in the face ids. The coefficients and the lip aperture fit every one."""
TRUTHS: Mapping[str, int] = {"train": 1, "val": 3, "test_seen": 3, "test_unseen": 3}
"""Motions of a clip by split: several where a model's diversity is measured."""

_GROUP = 10  # clips that one worker makes in one go
_AHEAD = 2  # groups a worker that may wait to be collected

_Made = list[tuple[dict[str, Any], NDArray[np.uint8]]]


def clip_seed(seed: int, clip_id: str, number: int = 0) -> int:
    """Return a seed of its own for each truth of each clip."""
    return int(np.random.SeedSequence([seed, number, *clip_id.encode()]).generate_state(1)[0])


def clip_truths(line: Line, person: Person, speech: Speech, seed: int = 0) -> NDArray[np.float32]:
    """Articulate one sentence of a script.

    Parameters
    ----------
    line : Line
        Who says what.
    person : Person
        The speaker.
    speech : Speech
        Its sound and phonemes.
    seed : int
        Seed of the corpus.

    Returns
    -------
    ndarray of float32
        ``(truth, frame, 52)``; each truth is another take of mouth and upper face.
    """
    face = get_face(f"{person.head}@{RESOLUTION}")
    duration = len(speech.audio) / SAMPLE_RATE
    takes = []
    for truth in range(TRUTHS[line.split]):
        take = clip_seed(seed, line.id, truth)
        mouth = articulate_mouth(speech.phonemes, duration, person.style, seed=take, face=face)
        takes.append(with_upper_face(mouth, speech.phonemes, person.style, take))
    return np.stack(takes)


def _phoneme_row(phoneme: Phoneme) -> list[str | float]:
    row: list[str | float] = [
        phoneme.symbol,
        round(phoneme.start, 4),
        round(phoneme.end, 4),
        phoneme.stress,
    ]
    return row if phoneme.release is None else [*row, round(phoneme.release, 4)]


def _make_group(
    group: Sequence[Line],
    person: Person,
    root: Path,
    seed: int,
    audio_format: str,
    stop: Event,
) -> _Made:
    """Speak, move and write some clips of one person."""
    said = [conditions(line.id, seed) for line in group]
    items = [
        Utterance(line.text, person.voice, line.rate, seed, how.room, how.noise_db)
        for line, how in zip(group, said, strict=True)
    ]
    made: _Made = []
    with closing(synthesize_many(items, workers=1)) as spoken:
        for line, how, speech in zip(group, said, spoken, strict=True):
            if stop.is_set():
                break
            pcm = pcm16(speech.audio)
            motion = quantize_motion(clip_truths(line, person, speech, seed))
            path = f"audio/{line.speaker}/{line.id}.{audio_format}"
            write_recording(root / path, pcm)
            entry = {
                "id": line.id,
                "speaker": line.speaker,
                "text": line.text,
                "rate": line.rate,
                "room": how.room,
                "noise_db": how.noise_db,
                "noise_seed": clip_seed(seed, line.id, 1000),
                "frames": motion.shape[1],
                "audio": path,
                "samples": array_hash(pcm),
                "motion": array_hash(motion),
                "phonemes": [_phoneme_row(phoneme) for phoneme in speech.phonemes],
            }
            made.append((entry, encode_motion(motion)))
    return made


def _in_order(
    script: Sequence[Line],
    people: Mapping[str, Person],
    root: Path,
    seed: int,
    audio_format: str,
    workers: int,
) -> Generator[_Made, None, None]:
    """Yield the clips of the script group by group, in its order, made by several threads.

    The engines are processes and the coders let other threads run, so threads keep the cores busy.
    """
    groups = [
        lines[start : start + _GROUP]
        for _, found in groupby(script, key=lambda line: line.speaker)
        for lines in [list(found)]
        for start in range(0, len(lines), _GROUP)
    ]
    stop = Event()
    waiting: deque[Future[_Made]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for group in groups:
                person = people[group[0].speaker]
                waiting.append(
                    pool.submit(_make_group, group, person, root, seed, audio_format, stop)
                )
                if len(waiting) >= _AHEAD * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            stop.set()
            for future in waiting:
                future.cancel()


def _speaker_entry(person: Person) -> dict[str, Any]:
    return {
        "face_id": f"{person.head}@{RESOLUTION}",
        "seen": person.seen,
        "voice": person.voice.to_dict(),
        "style": person.style.to_dict(),
    }


def build_corpus(
    out: str | Path,
    script: Sequence[Line],
    people: Sequence[Person],
    *,
    name: str = "course",
    seed: int = 0,
    workers: int = 2,
    progress: bool = True,
    overwrite: bool = False,
    audio_format: str = "ogg",
) -> Corpus:
    """Build a corpus.

    Parameters
    ----------
    out : str or Path
        Folder of the corpus; it appears when all is done, or not at all.
    script : sequence of Line
        Who says what, the clips of a speaker together.
    people : sequence of Person
        All speakers of the script, those that models may train on first.
    name : str
        Name of the corpus.
    seed : int
        Draws rooms, noise, takes of the mouth, blinks, brows and gaze.
    workers : int
        Clips that are made at the same time.
    progress : bool
        Whether to show a progress bar on stderr.
    overwrite : bool
        Whether a corpus in `out` may be replaced.
    audio_format : {"ogg", "flac", "wav"}
        Ogg Vorbis is a sixth of WAV and loses what is hardly heard; WAV needs no soundfile.

    Returns
    -------
    Corpus
        As `load_corpus` gives it.

    Raises
    ------
    UserError
        If `out` is taken or cannot be written, an argument is out of range, or a speech engine
        is missing.
    """
    from tqdm import tqdm

    if not script:
        raise UserError("The script of the corpus has no lines.")
    folder = Path(out)
    check_target(folder, overwrite=overwrite)
    if audio_format not in FORMATS:
        raise UserError(f"The audio format is one of {', '.join(FORMATS)}, not {audio_format!r}.")
    if seed < 0:
        raise UserError(f"The seed must be 0 or above, not {seed}.")
    if workers < 1:
        raise UserError(f"At least 1 worker is needed, not {workers}.")
    cast = {person.name: person for person in people}
    # All texts, voices and engines are checked before the first is spoken.
    synthesize_many([(line.text, cast[line.speaker].voice) for line in script]).close()
    splits = {split: [line.id for line in script if line.split == split] for split in SPLITS}
    entries: list[dict[str, Any]] = []
    with new_folder(folder, overwrite=overwrite) as root:
        (root / "motion").mkdir()
        arrays: dict[str, NDArray[np.uint8]] = {}
        bar = tqdm(total=len(script), desc="Corpus", unit="clip", disable=not progress)
        with bar, closing(_in_order(script, cast, root, seed, audio_format, workers)) as groups:
            for made in groups:
                speaker = made[0][0]["speaker"]
                if entries and entries[-1]["speaker"] != speaker:
                    _write_motion(root, entries[-1]["speaker"], arrays)
                for entry, stored in made:
                    entries.append(entry)
                    arrays[entry["id"]] = stored
                bar.update(len(made))
        _write_motion(root, entries[-1]["speaker"], arrays)
        manifest = {
            "name": name,
            "package": metadata.version("talking-heads"),
            "engines": engine_status(),
            "audio_format": audio_format,
            "seed": seed,
            "fps": FPS,
            "sample_rate": SAMPLE_RATE,
            "unit": "m",
            "speakers": {person.name: _speaker_entry(person) for person in people},
            "splits": {split: ids for split, ids in splits.items() if ids},
            "clips": entries,
        }
        write_manifest(root, manifest)
    return load_corpus(folder)


def _write_motion(root: Path, speaker: str, arrays: dict[str, NDArray[np.uint8]]) -> None:
    """Write the motions of a speaker, and forget them."""
    np.savez_compressed(root / "motion" / f"{speaker}.npz", **arrays)  # type: ignore[arg-type]
    arrays.clear()
