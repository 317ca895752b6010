"""Probes: what a linear map reads from an encoder's features.

For every frame of motion a probe names the sound (40 phonemes or a pause, see
`talking_heads.corpus.coverage`) and guesses the lip aperture in millimetres. It learns on voices of
one engine and is tested on the same voices, on others of that engine, and on an engine that it
never heard. Both targets belong to the middle of the frame: at 25 frames a second 20 ms after its
start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.corpus.clip import Clip
from talking_heads.corpus.collection import Corpus
from talking_heads.corpus.coverage import PAUSE, PHONEMES, broad_phonemes
from talking_heads.corpus.store import read_manifest
from talking_heads.errors import UserError
from talking_heads.face import get_face
from talking_heads.face.fit import motion_aperture
from talking_heads.metrics.bootstrap import bootstrap_interval, bootstrap_values
from talking_heads.metrics.lips import correlation
from talking_heads.speech import Phoneme
from talking_heads.speech.voices import FLITE_VOICES
from talking_heads.training.evaluation import spread
from talking_heads.training.linear_probe import Axes, LinearMap, choose_classes, choose_values

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

SOUNDS: tuple[str, ...] = (*PHONEMES, PAUSE)
"""The classes of the phoneme probe: 40 phonemes and the pause."""
GROUPS = ("seen", "unseen", "held-out engine")
"""Whom a probe is tested on: new sentences of the voices it learned from, other voices of their
engine, and voices of an engine that it never heard."""
FIGURES = ("phonemes", "aperture_r", "aperture_mm")
"""Share of the frames of speech (pauses aside) whose phoneme is right; correlation of the lip
aperture, mean over clips; mean absolute error of it in millimetres."""
HELD_OUT = "flite"
_UNKNOWN = -1


@dataclass(frozen=True)
class ProbeClip:
    """A clip's sound and what a probe shall read from it.

    Parameters
    ----------
    id, speaker : str
        As in the corpus.
    part : str
        ``"train"``, ``"val"`` or one of `GROUPS`.
    audio : ndarray of float32
        ``(samples,)`` at 16 kHz.
    sounds : ndarray of int64
        ``(frame,)`` positions in `SOUNDS`; -1 where none is known.
    aperture : ndarray of float32
        ``(frame,)`` millimetres.
    fps : float
        Frames a second.
    """

    id: str
    speaker: str
    part: str
    audio: Floats
    sounds: Ints
    aperture: Floats
    fps: float = 25.0


Hear = Callable[[ProbeClip], Floats]
"""From a clip to features ``(frame, width)``, one for each frame of its motion, or more."""


def frame_sounds(phonemes: Sequence[Phoneme], frames: int, fps: float = 25.0) -> Ints:
    """Return what is said in the middle of each frame.

    Parameters
    ----------
    phonemes : sequence of Phoneme
        With times. A symbol that stands for two phonemes, such as ``ɚ`` for ``ə`` and ``ɹ``, gives
        each half of its time.
    frames : int
        How many frames.
    fps : float
        Frames a second.

    Returns
    -------
    ndarray of int64
        ``(frame,)`` positions in `SOUNDS`; -1 where no phoneme is known. After the last one there
        is a pause.
    """
    found = np.full(frames, SOUNDS.index(PAUSE), dtype=np.int64)
    middles = (np.arange(frames) + 0.5) / fps
    for phoneme in phonemes:
        names = broad_phonemes(phoneme.symbol)
        numbers = [SOUNDS.index(name) for name in names] or [_UNKNOWN]
        edges = np.linspace(phoneme.start, phoneme.end, len(numbers) + 1)
        for number, start, end in zip(numbers, edges[:-1], edges[1:], strict=True):
            found[(middles >= start) & (middles < end)] = number
    return found


def engines(corpus: Corpus) -> dict[str, str]:
    """Return the speech engine of each speaker, ``"espeak-ng"`` or ``"flite"``.

    Of a corpus on disk its manifest says it; else the four names that are kept for flite's voices.
    """
    if corpus.layout == "course" and corpus.root is not None:
        entries = read_manifest(corpus.root)["speakers"]
        return {name: entries[name]["voice"].get("engine", "espeak-ng") for name in entries}
    return {name: "flite" if name in FLITE_VOICES else "espeak-ng" for name in corpus.speakers}


def probe_clips(
    corpus: Corpus, *, held_out: str = HELD_OUT, clips: int | None = None
) -> list[ProbeClip]:
    """Return the clips that a probe learns from and is tested on.

    Parameters
    ----------
    corpus : Corpus
        With phonemes and with the splits ``train`` and ``test_seen`` or ``test_unseen``.
    held_out : str
        The engine whose clips are kept out of training.
    clips : int, optional
        Most clips of each part, spread evenly.

    Returns
    -------
    list of ProbeClip
        Of the parts ``"train"``, ``"val"`` and `GROUPS`. Where the corpus has no ``val``, every
        fifth clip of ``train`` takes its place. The first truth of each clip counts.

    Raises
    ------
    UserError
        If there are no clips to learn from or to be tested on, or one of them has no phonemes.
    """
    spoken_by = engines(corpus)
    parts: dict[str, list[Clip]] = {name: [] for name in ("train", "val", *GROUPS)}
    for split, part in (
        ("train", "train"),
        ("val", "val"),
        ("test_seen", "seen"),
        ("test_unseen", "unseen"),
    ):
        for clip in corpus.split(split) if split in corpus.splits else ():
            if spoken_by.get(clip.speaker) != held_out:
                parts[part].append(clip)
            elif split.startswith("test"):
                parts[GROUPS[2]].append(clip)
    if not parts["val"]:
        parts["val"] = parts["train"][::5]
        parts["train"] = [c for n, c in enumerate(parts["train"]) if n % 5]
    if not parts["train"] or not parts["val"]:
        raise UserError(f"The corpus {corpus.name} has nothing for a probe to learn from.")
    if not any(parts[group] for group in GROUPS):
        raise UserError(
            f"The corpus {corpus.name} has no clips to test a probe on.\n"
            "Use one with a split test_seen or test_unseen."
        )
    return [_probe_clip(clip, part) for part, some in parts.items() for clip in spread(some, clips)]


def _probe_clip(clip: Clip, part: str) -> ProbeClip:
    if not clip.phonemes:
        raise UserError(
            f"Clip {clip.id} has no phonemes, so it cannot be probed for them.\n"
            "Use a corpus of the course."
        )
    gap = 1000 * motion_aperture(clip.motion, get_face(clip.face_id))
    sounds = frame_sounds(clip.phonemes, len(clip), clip.fps)
    return ProbeClip(clip.id, clip.speaker, part, clip.audio, sounds, gap, clip.fps)


@dataclass(frozen=True)
class Probe:
    """What reads phonemes and the lip aperture from features.

    Parameters
    ----------
    sounds, aperture : LinearMap
        To the scores of `SOUNDS`, and to millimetres.
    """

    sounds: LinearMap
    aperture: LinearMap

    def row(self, clip: ProbeClip, features: Floats) -> Floats:
        """Return ``(3, 2)`` for a clip: numerator and denominator of each of `FIGURES`."""
        named, gap = self.sounds(features).argmax(1), self.aperture(features)[:, 0]
        speech = (clip.sounds >= 0) & (clip.sounds != SOUNDS.index(PAUSE))
        return np.array(
            [
                (np.sum(named[speech] == clip.sounds[speech]), speech.sum()),
                (correlation(gap, clip.aperture), 1),
                (np.abs(gap - clip.aperture).sum(), len(gap)),
            ],
            dtype=np.float32,
        )


def fit_probe(clips: Sequence[ProbeClip], hear: Hear) -> Probe:
    """Teach a probe on the clips of ``"train"``; those of ``"val"`` choose the penalties.

    Parameters
    ----------
    clips : sequence of ProbeClip
        Others than these two parts are not touched.
    hear : callable
        From a clip to its features.

    Returns
    -------
    Probe
    """
    x, sounds, gap = _stacked([clip for clip in clips if clip.part == "train"], hear)
    axes = Axes(x)
    del x
    check, check_sounds, check_gap = _stacked([c for c in clips if c.part == "val"], hear)
    return Probe(
        choose_classes(axes, sounds, len(SOUNDS), check, check_sounds),
        choose_values(axes, gap[:, None], check, check_gap[:, None]),
    )


def _stacked(clips: Sequence[ProbeClip], hear: Hear) -> tuple[Floats, Ints, Floats]:
    if not clips:
        raise UserError("There are no clips for the probe to learn from.")
    return (
        np.concatenate([heard(clip, hear) for clip in clips]),
        np.concatenate([clip.sounds for clip in clips]),
        np.concatenate([clip.aperture for clip in clips]),
    )


def heard(clip: ProbeClip, hear: Hear) -> Floats:
    """Return a clip's features, one for each frame of its motion.

    Raises
    ------
    UserError
        If there are fewer, so that the encoder is of another frame rate.
    """
    features = np.asarray(hear(clip), dtype=np.float32)
    if features.ndim != 2 or len(features) < len(clip.sounds):
        raise UserError(
            f"The encoder gives features of shape {features.shape} for {len(clip.sounds)} frames "
            f"of clip {clip.id}.\nMake it for {clip.fps:g} frames a second."
        )
    return features[: len(clip.sounds)]


@dataclass(frozen=True)
class ProbeResult:
    """How well features are read.

    Parameters
    ----------
    name : str
        Of the features.
    width : int
        Numbers in a feature.
    strengths : tuple of (float, float)
        The penalties that were chosen for phonemes and aperture, for each seed.
    speakers : mapping of str to tuple of str
        Whose each clip is, for each of `GROUPS`.
    rows : mapping of str to ndarray
        ``(clip, seed, 3, 2)``: numerators and denominators of `FIGURES`, for each of `GROUPS`.
    """

    name: str
    width: int
    strengths: tuple[tuple[float, float], ...]
    speakers: Mapping[str, tuple[str, ...]]
    rows: Mapping[str, NDArray[np.float64]]

    def value(self, group: str, figure: str) -> float:
        """Return one of `FIGURES` for one of `GROUPS`."""
        sums = self.rows[group][:, :, FIGURES.index(figure)].sum((0, 1))
        return float(sums[0] / sums[1])

    def interval(self, group: str, figure: str) -> tuple[float, float] | None:
        """Return the 95 % interval over speakers, their clips and seeds; None for one speaker.

        It says nothing of other pretrainings of the network or other penalties of the probe, and
        over two or four speakers it is too narrow: see `talking_heads.metrics.bootstrap`.
        """
        rows = self.rows[group][:, :, FIGURES.index(figure)]
        return bootstrap_interval(rows, "speakers", speakers=self.speakers[group])

    def minus(
        self, other: ProbeResult, group: str, figure: str
    ) -> tuple[float, tuple[float, float] | None]:
        """Return how far this is above another, on the same clips, with a 95 % interval.

        The same speakers and clips are drawn for both, so what makes a clip hard cancels out. Like
        `interval`, none for a single speaker.
        """
        which = FIGURES.index(figure)
        difference = self.value(group, figure) - other.value(group, figure)
        if len(set(self.speakers[group])) < 2:
            return difference, None
        # Seeds are summed first: two encoders need not have as many.
        draws = [
            bootstrap_values(
                result.rows[group][:, :, which].sum(1), "speakers", speakers=self.speakers[group]
            )
            for result in (self, other)
        ]
        low, high = np.nanquantile(draws[0] - draws[1], (0.025, 0.975))
        return difference, (float(low), float(high))

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain values that JSON can hold."""
        return {
            "name": self.name,
            "width": self.width,
            "strengths": [list(pair) for pair in self.strengths],
            "groups": {group: self._figures(group) for group in self.rows},
        }

    def _figures(self, group: str) -> dict[str, Any]:
        found: dict[str, Any] = {"clips": len(self.rows[group])}
        for which, figure in enumerate(FIGURES):
            interval = self.interval(group, figure)
            by_speaker = {}
            for speaker in dict.fromkeys(self.speakers[group]):
                own = np.array([name == speaker for name in self.speakers[group]])
                sums = self.rows[group][own][:, :, which].sum((0, 1))
                by_speaker[speaker] = _rounded(sums[0] / sums[1])
            found[figure] = {
                "value": _rounded(self.value(group, figure)),
                "interval": None if interval is None else [_rounded(side) for side in interval],
                "by_speaker": by_speaker,
            }
        return found


def probe(name: str, clips: Sequence[ProbeClip], *hears: Hear) -> ProbeResult:
    """Teach probes on features and test them.

    Parameters
    ----------
    name : str
        Of the features.
    clips : sequence of ProbeClip
        From `probe_clips`.
    *hears : callable
        From a clip to features; several of one kind, such as an untrained network from several
        seeds, count as one.

    Returns
    -------
    ProbeResult
        For those of `GROUPS` that have clips.

    Raises
    ------
    UserError
        If there is nothing to learn from, or the features do not fit the clips.
    """
    rows: dict[str, list[list[Floats]]] = {}
    strengths, width = [], 0
    tested = {group: [c for c in clips if c.part == group] for group in GROUPS}
    tested = {group: some for group, some in tested.items() if some}
    for hear in hears:
        fitted = fit_probe(clips, hear)
        width = len(fitted.sounds.weight)
        strengths.append((fitted.sounds.strength, fitted.aperture.strength))
        for group, some in tested.items():
            rows.setdefault(group, []).append(
                [fitted.row(clip, heard(clip, hear)) for clip in some]
            )
    return ProbeResult(
        name,
        width,
        tuple(strengths),
        {group: tuple(clip.speaker for clip in some) for group, some in tested.items()},
        {group: np.array(found, dtype=np.float64).swapaxes(0, 1) for group, found in rows.items()},
    )


def _rounded(value: float) -> float:
    return round(float(value), 4)
