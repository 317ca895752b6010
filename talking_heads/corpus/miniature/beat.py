"""A miniature of BEAT: its layout, names and channels, with speech and motion of the course."""

from __future__ import annotations

import json
import wave
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.corpus.clip import Clip
from talking_heads.corpus.miniature.parts import is_miniature
from talking_heads.corpus.real.beat_json import DISK_FPS
from talking_heads.corpus.store import load_corpus, new_folder
from talking_heads.face import ARKIT_NAMES, BEAT_NAMES
from talking_heads.files import write_text
from talking_heads.speech import SAMPLE_RATE

SPEAKERS = ("1_wayne", "2_scott", "4_lawrence")
SEQUENCES = (1, 2, 65, 73, 81)
"""Of each speaker: two neutral ones, then happiness, anger and sadness by the numbers alone."""
SHORTEST = {1: 20.0}
"""Clips are joined until a recording lasts so many seconds, by its sequence; 12 s for the others.
So the first has two windows of 10 s, and all have some seconds left over."""

BEAT_TRAPS = {
    "1/1_wayne_0_2_2.json": "an odd number of frames; fine",
    "1/1_wayne_0_3_3.wav": "sound without a motion",
    "2/2_scott_0_3_3.json": "motion without a sound",
    "2/2_scott_0_1_1.json": "52 channels in another order, tongueOut among them; fine",
    "2/2_scott_0_2_2.json": "weights above 1 and below 0; kept",
    "2/2_scott_0_65_65.json": "half a second of frames is missing, as their times tell",
    "4/4_lawrence_0_1_1.wav": "sound that is 1.5 s longer than the motion",
    "4/4_lawrence_0_2_2.wav": "sound that is 1.5 s shorter than the motion",
    "4/4_lawrence_0_65_65.wav": "two channels and 48,000 samples a second; fine",
    "4/4_lawrence_0_4_4.wav": "less than 10 s: no window",
    "4/4_lawrence_1_1_1.wav": "a conversation, not a speech",
    "1/._1_wayne_0_1_1.json": "left behind by macOS, none of BEAT's",
}
"""What ``traps=True`` adds, file by file."""

_README = """A miniature of BEAT, made from the head and the corpus of this course.

It is NOT the real BEAT. Folders, names of files, channels and frame rates are those of BEAT; voices
and motion are synthetic, and the emotions that the numbers stand for are not acted. Nothing that is
trained or measured on it says anything about BEAT.
"""


@dataclass
class _Take:
    """One recording before it is written."""

    weights: NDArray[np.float32]
    """``(frame, 51)``, 60 frames a second."""
    sound: NDArray[np.float32]
    """16 kHz."""
    names: tuple[str, ...] = BEAT_NAMES
    times: NDArray[np.float64] | None = None
    rate: int = SAMPLE_RATE
    channels: int = 1
    parts: set[str] = field(default_factory=lambda: {"motion", "sound"})


def write_miniature_beat(
    folder: str | Path, *, seed: int = 0, traps: bool = False, overwrite: bool = False
) -> Path:
    """Write a miniature of BEAT as it is downloaded.

    Three speakers with five recordings of 12 to 28 s each, made of clips of the course corpus that
    are joined: 51 weights, 60 frames a second, and sound with 16,000 samples a second. The same
    seed writes the same files.

    Parameters
    ----------
    folder : str or Path
        Where to; its name is free.
    seed : int
        Of the choice of clips.
    traps : bool
        Whether to add what real downloads have, see `BEAT_TRAPS`. The set still opens.
    overwrite : bool
        Whether a miniature that is there may be replaced. Nothing else ever is.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    UserError
        If the folder exists and may not be replaced, or cannot be written, or the course corpus is
        not there.
    """
    out = Path(folder)
    takes = _takes(seed)
    if traps:
        _set_traps(takes)
    with new_folder(out, overwrite=overwrite, ours=is_miniature) as new:
        for name, take in takes.items():
            path = new / name.partition("_")[0] / name
            path.parent.mkdir(exist_ok=True)
            if "motion" in take.parts:
                _write_motion(path.with_suffix(".json"), take)
            if "sound" in take.parts:
                _write_sound(path.with_suffix(".wav"), take)
        readme = _README
        if traps:
            write_text(new / "1" / "._1_wayne_0_1_1.json", "no JSON")
            told = [f"- {name}: {what}\n" for name, what in BEAT_TRAPS.items()]
            readme += "\nIt was written with traps:\n" + "".join(told)
        write_text(new / "README.txt", readme)
    return out


def _takes(seed: int) -> dict[str, _Take]:
    corpus = load_corpus().split("train")
    rng = np.random.default_rng(seed)
    people = rng.permutation(sorted({clip.speaker for clip in corpus}))
    takes = {}
    for speaker, person in zip(SPEAKERS, people, strict=False):
        clips = [clip for clip in corpus if clip.speaker == person]
        order = iter(rng.permutation(len(clips)))
        for sequence in SEQUENCES:
            joined: list[Clip] = []
            while sum(clip.duration for clip in joined) < SHORTEST.get(sequence, 12.0):
                joined.append(clips[next(order)])
            takes[f"{speaker}_0_{sequence}_{sequence}"] = _join(joined)
    return takes


def _join(clips: list[Clip]) -> _Take:
    weights = [clip.blendshapes("beat", fps=DISK_FPS) for clip in clips]
    sounds = []
    for clip, part in zip(clips, weights, strict=True):
        samples = round(len(part) * SAMPLE_RATE / DISK_FPS)
        sounds.append(np.resize(np.pad(clip.audio, (0, samples)), samples))
    return _Take(np.concatenate(weights), np.concatenate(sounds))


def _cut(take: _Take, frames: int) -> _Take:
    """Return the first frames of a recording."""
    samples = round(frames * SAMPLE_RATE / DISK_FPS)
    return _Take(take.weights[:frames], take.sound[:samples])


def _set_traps(takes: dict[str, _Take]) -> None:
    odd = takes["1_wayne_0_2_2"]
    takes["1_wayne_0_2_2"] = _cut(odd, len(odd.weights) - 1 + len(odd.weights) % 2)
    spare = takes["1_wayne_0_81_81"]
    takes["1_wayne_0_3_3"] = _cut(spare, 720)
    takes["1_wayne_0_3_3"].parts = {"sound"}
    spare = takes["2_scott_0_81_81"]
    takes["2_scott_0_3_3"] = _cut(spare, 720)
    takes["2_scott_0_3_3"].parts = {"motion"}

    many = takes["2_scott_0_1_1"]
    many.names = tuple(reversed(ARKIT_NAMES))
    tongue = 0.2 * np.abs(np.sin(np.arange(len(many.weights)) / DISK_FPS))
    columns = {name: many.weights[:, i] for i, name in enumerate(BEAT_NAMES)}
    many.weights = np.stack(
        [columns.get(name, tongue) for name in many.names], axis=1, dtype=np.float32
    )
    wide = takes["2_scott_0_2_2"].weights
    wide[100:110, BEAT_NAMES.index("jawOpen")] = 1.04
    wide[200:210, BEAT_NAMES.index("mouthPucker")] = -0.02
    gap = takes["2_scott_0_65_65"]
    kept = np.r_[0:300, 330 : len(gap.weights)]
    gap.weights, gap.times = gap.weights[kept], kept / DISK_FPS

    second = round(1.5 * SAMPLE_RATE)
    long = takes["4_lawrence_0_1_1"]
    long.sound = np.concatenate([long.sound, np.zeros(second, np.float32)])
    takes["4_lawrence_0_2_2"].sound = takes["4_lawrence_0_2_2"].sound[:-second]
    takes["4_lawrence_0_65_65"].rate, takes["4_lawrence_0_65_65"].channels = 48_000, 2
    takes["4_lawrence_0_4_4"] = _cut(takes["4_lawrence_0_81_81"], 400)
    takes["4_lawrence_1_1_1"] = _cut(takes["4_lawrence_0_73_73"], 720)


def _write_motion(path: Path, take: _Take) -> None:
    times = np.arange(len(take.weights)) / DISK_FPS if take.times is None else take.times
    frames: list[dict[str, Any]] = [
        {"weights": weights, "time": time, "rotation": [0.0, 0.0, 0.0]}
        for weights, time in zip(
            take.weights.astype(float).round(5).tolist(), times.round(4).tolist(), strict=True
        )
    ]
    write_text(path, json.dumps({"names": list(take.names), "frames": frames}))


def _write_sound(path: Path, take: _Take) -> None:
    sound = take.sound
    if take.rate != SAMPLE_RATE:
        # Three times the rate by lines between the samples: good enough for a trap.
        steps = np.arange(len(sound) * take.rate // SAMPLE_RATE) * (SAMPLE_RATE / take.rate)
        sound = np.interp(steps, np.arange(len(sound)), sound)
    pcm = np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(take.channels)
        file.setsampwidth(2)
        file.setframerate(take.rate)
        file.writeframes(np.repeat(pcm[:, None], take.channels, axis=1).tobytes())
