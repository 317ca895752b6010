"""What a corpus holds, in words; and whether two corpora hold the same."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from talking_heads.corpus.clip import Clip
from talking_heads.corpus.collection import Corpus
from talking_heads.corpus.coverage import coverage_text
from talking_heads.corpus.real.info import real_corpus_info
from talking_heads.corpus.recording import array_hash
from talking_heads.corpus.sentences import new_word_share
from talking_heads.corpus.store import (
    MANIFEST,
    corpus_folder,
    fingerprint,
    has_corpus,
    load_corpus,
    quantize_motion,
    read_manifest,
)
from talking_heads.corpus.viseme_segments import frames_of
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_NAMES, get_face
from talking_heads.files import shown
from talking_heads.speech import SAMPLE_RATE, is_bilabial

SEALED = 0.0005
"""Aperture in metres below which lips count as sealed in the corpus."""


def bilabial_gaps(clip: Clip, truth: int = 0) -> list[float]:
    """Return the smallest lip aperture of the speaker's head, in metres, in each p, b and m."""
    motion = clip.truths[truth]
    gap = get_face(motion.face_id).aperture(motion.values)
    return [
        float(gap[frames_of(phoneme, len(clip), motion.fps)].min())
        for phoneme in clip.phonemes
        if is_bilabial(phoneme.symbol)
    ]


def corpus_info(path: str | Path | None = None, *, thorough: bool = False) -> str:
    """Describe a corpus in some lines.

    Parameters
    ----------
    path : str or Path, optional
        As for `load_corpus`.
    thorough : bool
        Whether to read all files whole: of a corpus of the course see `verify_corpus`, of VOCASET,
        BIWI and BEAT `talking_heads.corpus.real.info.real_corpus_info`.

    Returns
    -------
    str
        Of VOCASET, BIWI and BEAT see `talking_heads.corpus.real.info.real_corpus_info`.

        Of a corpus of the course: size on disk; clips, minutes and speakers of each split; the
        share of words that never occur in training; rooms; the phonemes and diphones of each split;
        and the share of p, b and m, in all truths, that close the lips on the mesh (less than 100 %
        tells that the heads have changed since the corpus was built).

    Raises
    ------
    UserError
        If there is no sound corpus in `path`.
    """
    root = corpus_folder(path)
    if not has_corpus(root):
        return real_corpus_info(root, thorough=thorough)
    corpus = load_corpus(path)
    manifest = read_manifest(root)
    sizes: Counter[str] = Counter({"manifest": (root / MANIFEST).stat().st_size})
    for name in manifest["files"]:
        sizes[name.partition("/")[0]] += (root / name).stat().st_size
    parts = ", ".join(f"{part} {size / 1e6:.1f}" for part, size in sorted(sizes.items()))
    lines = [
        f"{corpus.name}: {len(corpus)} clips, {corpus.seconds / 60:.1f} min, "
        f"{len(corpus.speakers)} speakers, {corpus.fps:g} frames/s, {len(ARKIT_NAMES)} "
        f"coefficients, fingerprint {manifest['fingerprint']}",
        f"  {sum(sizes.values()) / 1e6:.1f} MB on disk: {parts}",
    ]
    for split in corpus.splits:
        part = corpus.split(split)
        people = len({clip.speaker for clip in part})
        texts = len({clip.text for clip in part})
        truths = sorted({len(clip.truths) for clip in part})
        lines.append(
            f"  {split:12s} {len(part):4d} clips {part.seconds / 60:6.1f} min "
            f"{people:3d} speakers {texts:4d} texts, truths a clip: "
            f"{'-'.join(map(str, truths))}"
        )
    lengths = [clip.duration for clip in corpus]
    lines.append(
        f"  clips last {min(lengths):.1f} to {max(lengths):.1f} s, {np.mean(lengths):.2f} s "
        "on average"
    )
    lines += _word_lines(corpus)
    rooms = Counter(clip.room or "none" for clip in corpus)
    lines.append("  rooms: " + ", ".join(f"{name} {n}" for name, n in sorted(rooms.items())))
    lines += coverage_text(corpus)
    gaps = [
        gap for clip in corpus for truth in range(len(clip.truths))
        for gap in bilabial_gaps(clip, truth)
    ]  # fmt: skip
    share = float(np.mean([gap < SEALED for gap in gaps])) if gaps else 1.0
    lines.append(f"  {share:.1%} of {len(gaps)} p, b and m close the lips on the heads in use")
    if thorough:
        lines.append(f"  {verify_corpus(path)}")
    return "\n".join(lines)


def _word_lines(corpus: Corpus) -> list[str]:
    if "train" not in corpus.splits:
        return []
    known = [clip.text or "" for clip in corpus.split("train")]
    return [
        f"  {new_word_share(known, [clip.text or '' for clip in corpus.split(split)]):.0%} of the "
        f"running words in {split} are not in train"
        for split in corpus.splits
        if split != "train"
    ]


@dataclass(frozen=True)
class Comparison:
    """How the clips of one corpus compare with those of another.

    Parameters
    ----------
    clips : int
        Clips of the other corpus.
    present : int
        How many of them this one has as well: the same id and text.
    samples : int
        How many have the same samples, bit for bit, before they were coded.
    motion : int
        How many have the same coefficients, bit for bit.
    """

    clips: int
    present: int
    samples: int
    motion: int

    @property
    def same(self) -> bool:
        """Whether every clip of the other corpus is here, bit for bit."""
        return self.clips == self.present == self.samples == self.motion

    def __str__(self) -> str:
        if self.same:
            return f"all {self.clips} clips: samples and coefficients agree bit for bit"
        return (
            f"{self.present} of {self.clips} clips are there; {self.samples} agree in their "
            f"samples and {self.motion} in their coefficients, bit for bit"
        )


def compare_corpora(path: str | Path, other: str | Path | None = None) -> Comparison:
    """Compare the clips of a corpus with those of another, by their hashes.

    Parameters
    ----------
    path : str or Path
        A corpus.
    other : str or Path, optional
        Another; the one that comes with the course by default.

    Returns
    -------
    Comparison
        The counts.

    Raises
    ------
    UserError
        If one of them is no corpus.
    """
    mine = _hashes(read_manifest(corpus_folder(path)))
    theirs = _hashes(read_manifest(corpus_folder(other)))
    both = mine.keys() & theirs.keys()
    return Comparison(
        len(theirs),
        len(both),
        sum(mine[clip][0] == theirs[clip][0] for clip in both),
        sum(mine[clip][1] == theirs[clip][1] for clip in both),
    )


def _hashes(manifest: dict[str, Any]) -> dict[tuple[str, str], tuple[str, str]]:
    """Return the hashes of samples and motion by a clip's id and text."""
    return {
        (clip["id"], clip["text"]): (clip["samples"], clip["motion"]) for clip in manifest["clips"]
    }


def verify_corpus(path: str | Path | None = None) -> str:
    """Check a corpus against its hashes (files, manifest, motions), and read every recording.

    Parameters
    ----------
    path : str or Path, optional
        As for `load_corpus`.

    Returns
    -------
    str
        One line that says that all is well.

    Raises
    ------
    UserError
        That names the first file that is missing, changed or cannot be read.
    """
    corpus = load_corpus(path, verify=True)
    manifest = read_manifest(corpus_folder(path))
    if fingerprint(manifest) != manifest["fingerprint"]:
        raise UserError(
            f"The manifest in {shown(corpus.root or '')} has changed since it was written.\n"
            "Build or copy the corpus again."
        )
    for clip, entry in zip(corpus, manifest["clips"], strict=True):
        motion = quantize_motion(np.stack([truth.values for truth in clip.truths]))
        if array_hash(motion) != entry["motion"]:
            raise UserError(
                f"The motion of clip {clip.id} in {shown(corpus.root or '')} is not the one that "
                "was built.\nBuild or copy the corpus again."
            )
        if len(clip.audio) * clip.motion.fps != len(clip) * SAMPLE_RATE:
            raise UserError(
                f"The sound of clip {clip.id} in {shown(corpus.root or '')} is not as long as its "
                "motion.\nBuild or copy the corpus again."
            )
    return f"{shown(corpus.root or '')}: all {len(corpus)} clips are as they were built"
