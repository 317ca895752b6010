"""The course corpus: synthesised speech of 16 people, and the motion of their heads.

Everything follows from the seed: the same version of the package and of the speech engine writes
the same files, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.corpus.articulation import FPS, articulate_mouth, with_upper_face
from talking_heads.corpus.clip import Clip, Corpus
from talking_heads.corpus.script import SPLITS, Line, course_script
from talking_heads.corpus.sentences import new_word_share
from talking_heads.corpus.store import (
    check_target,
    encode_motion,
    load_corpus,
    new_folder,
    read_manifest,
    write_manifest,
)
from talking_heads.corpus.style import SPEAKERS, get_speaker
from talking_heads.corpus.viseme_segments import frames_of
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_NAMES, get_face
from talking_heads.speech import SAMPLE_RATE, Speech, is_bilabial, synthesize_many, write_wav

RESOLUTION = "medium"
"""Resolution named in the face ids. The coefficients and the lip aperture fit every one."""
SEALED = 0.0005
"""Aperture in metres below which lips count as sealed in the corpus."""
TRUTHS: Mapping[str, int] = {"train": 1, "val": 3, "test_seen": 3, "test_unseen": 3}
"""Motions of a clip by split: several where a model's diversity is measured."""


def _clip_seed(seed: int, clip_id: str, truth: int) -> int:
    """Return a seed of its own for each truth of each clip."""
    return int(np.random.SeedSequence([seed, truth, *clip_id.encode()]).generate_state(1)[0])


def clip_truths(line: Line, speech: Speech, seed: int = 0) -> NDArray[np.float32]:
    """Articulate one sentence of the script.

    Parameters
    ----------
    line : Line
        Who says what.
    speech : Speech
        Its sound and phonemes.
    seed : int
        Seed of the corpus.

    Returns
    -------
    ndarray of float32
        ``(truth, frame, 52)``; the truths differ in the upper face only.
    """
    person = get_speaker(line.speaker)
    face = get_face(f"{person.identity}@{RESOLUTION}")
    duration = len(speech.audio) / SAMPLE_RATE
    seeds = [_clip_seed(seed, line.id, truth) for truth in range(TRUTHS[line.split])]
    mouth = articulate_mouth(speech.phonemes, duration, person.style, face=face)
    return np.stack([with_upper_face(mouth, speech.phonemes, person.style, s) for s in seeds])


def _write_audio(path: Path, audio: NDArray[np.float32]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".wav":
        write_wav(path, audio)
        return
    import soundfile

    pcm = np.rint(np.clip(audio, -1, 1) * 32767).astype(np.int16)
    try:
        soundfile.write(path, pcm, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    except soundfile.SoundFileError as error:
        raise UserError(f"Cannot write {path}: {error}\nIs the disk full?") from error


def _entry(line: Line, speech: Speech, frames: int, audio_format: str) -> dict[str, Any]:
    return {
        "id": line.id,
        "speaker": line.speaker,
        "text": line.text,
        "rate": line.rate,
        "audio": f"audio/{line.speaker}/{line.id}.{audio_format}",
        "frames": frames,
        "phonemes": [
            [p.symbol, round(p.start, 4), round(p.end, 4), p.stress]
            + ([] if p.release is None else [round(p.release, 4)])
            for p in speech.phonemes
        ],
    }


def _speaker_entry(name: str) -> dict[str, Any]:
    person = SPEAKERS[name]
    face_id = f"{person.identity}@{RESOLUTION}"
    return {
        "face_id": face_id,
        "topology_hash": get_face(face_id).topology_hash,
        "voice": name,
        "seen": person.seen,
        "style": person.style.to_dict(),
    }


def _chosen(speakers: Sequence[str] | None) -> list[str]:
    if speakers is None:
        return list(SPEAKERS)
    if not speakers:
        raise UserError(f"Name at least one speaker: {', '.join(SPEAKERS)}.")
    names = {get_speaker(name).name for name in speakers}
    return [name for name in SPEAKERS if name in names]


def build_course_corpus(
    out: str | Path,
    *,
    clips_per_speaker: int = 40,
    speakers: Sequence[str] | None = None,
    seed: int = 0,
    workers: int = 2,
    progress: bool = True,
    overwrite: bool = False,
    audio_format: str = "flac",
) -> Corpus:
    """Build the course corpus: 12 seen and 4 unseen speakers with 40 sentences each.

    Parameters
    ----------
    out : str or Path
        Folder of the corpus; it appears when all is done, or not at all.
    clips_per_speaker : int
        3 to 70.
    speakers : sequence of str, optional
        Some of `SPEAKERS`; all by default. A speaker's clips do not depend on the others.
    seed : int
        Deals the sentences, and draws rates of speaking, noise, blinks, brows and gaze.
    workers : int
        Processes of the speech engine.
    progress : bool
        Whether to show a progress bar on stderr.
    overwrite : bool
        Whether a corpus in `out` may be replaced.
    audio_format : {"flac", "wav"}
        WAV takes nearly twice the space, and is read without soundfile: for machines that lack it.

    Returns
    -------
    Corpus
        As `load_corpus` gives it.

    Raises
    ------
    UserError
        If `out` is taken or cannot be written, an argument is out of range, or the speech engine
        is missing.
    """
    from tqdm import tqdm

    folder = Path(out)
    check_target(folder, overwrite=overwrite)
    if audio_format not in ("flac", "wav"):
        raise UserError(f'The audio format is "flac" or "wav", not {audio_format!r}.')
    if seed < 0:
        raise UserError(f"The seed must be 0 or above, not {seed}.")
    names = _chosen(speakers)
    script = [line for line in course_script(clips_per_speaker, seed) if line.speaker in names]
    spoken = synthesize_many(
        [(line.text, line.speaker, line.rate, seed) for line in script], workers=workers
    )
    entries: list[dict[str, Any]] = []
    with new_folder(folder, overwrite=overwrite) as root:
        motions: dict[str, dict[str, NDArray[np.uint16]]] = {name: {} for name in names}
        bar = tqdm(total=len(script), desc="Course corpus", unit="clip", disable=not progress)
        with bar, closing(spoken):
            for line, speech in zip(script, spoken, strict=True):
                stored = encode_motion(clip_truths(line, speech, seed))
                motions[line.speaker][line.id] = stored
                entries.append(_entry(line, speech, stored.shape[1], audio_format))
                _write_audio(root / entries[-1]["audio"], speech.audio)
                bar.update()
        (root / "motion").mkdir()
        for name, arrays in motions.items():
            np.savez_compressed(root / "motion" / f"{name}.npz", **arrays)  # type: ignore[arg-type]
        splits = {
            split: [line.id for line in script if line.split == split]
            for split in SPLITS
            if any(line.split == split for line in script)
        }
        manifest = {
            "name": "course",
            "package": metadata.version("talking-heads"),
            "seed": seed,
            "clips_per_speaker": clips_per_speaker,
            "fps": FPS,
            "sample_rate": SAMPLE_RATE,
            "unit": "m",
            "speakers": {name: _speaker_entry(name) for name in names},
            "splits": splits,
            "clips": entries,
        }
        write_manifest(root, manifest)
    return load_corpus(folder)


def bilabial_gaps(clip: Clip) -> list[float]:
    """Return the smallest lip aperture of the speaker's head, in metres, in each p, b and m."""
    gap = get_face(clip.motion.face_id).aperture(clip.motion.values)
    return [
        float(gap[frames_of(phoneme, len(clip), clip.motion.fps)].min())
        for phoneme in clip.phonemes
        if is_bilabial(phoneme.symbol)
    ]


def corpus_info(path: str | Path) -> str:
    """Describe a corpus in a few lines.

    Parameters
    ----------
    path : str or Path
        Folder of the corpus.

    Returns
    -------
    str
        Clips, minutes and speakers of each split, size on disk, the share of test words that
        never occur in training, and the share of p, b and m that close the lips on the mesh (less
        than 100 % tells that the heads have changed since the corpus was built).

    Raises
    ------
    UserError
        If there is no sound corpus in `path`.
    """
    corpus = load_corpus(path)
    manifest = read_manifest(Path(path))
    size = sum((Path(path) / name).stat().st_size for name in manifest["files"]) / 1e6
    lines = [
        f"{corpus.name}: {len(corpus)} clips, {corpus.seconds / 60:.1f} min, "
        f"{len(corpus.speakers)} speakers, {corpus.fps:g} frames/s, {len(ARKIT_NAMES)} "
        f"coefficients, {size:.0f} MB, fingerprint {manifest['fingerprint']}"
    ]
    for split in corpus.splits:
        part = corpus.split(split)
        people = len({clip.speaker for clip in part})
        texts = len({clip.text for clip in part})
        lines.append(
            f"  {split:12s} {len(part):4d} clips {part.seconds / 60:6.1f} min "
            f"{people:3d} speakers {texts:4d} texts"
        )
    if "train" in corpus.splits:
        known = [clip.text or "" for clip in corpus.split("train")]
        for split in corpus.splits:
            if split.startswith("test"):
                share = new_word_share(known, [clip.text or "" for clip in corpus.split(split)])
                lines.append(f"  {share:.0%} of the running words in {split} are not in train")
    sealed = [gap < SEALED for clip in corpus for gap in bilabial_gaps(clip)]
    share = float(np.mean(sealed)) if sealed else 1.0
    lines.append(f"  {share:.1%} of {len(sealed)} p, b and m close the lips on the heads in use")
    return "\n".join(lines)
