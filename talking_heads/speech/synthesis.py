"""Synthesised speech that knows its phonemes."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.speech import engine, flite
from talking_heads.speech.audio import SAMPLE_RATE
from talking_heads.speech.phonemes import Phoneme, normalize_symbol, phoneme_classes
from talking_heads.speech.room import Room, add_room, get_room
from talking_heads.speech.text import spoken_text
from talking_heads.speech.timing import (
    close_in_pauses,
    releases,
    retime_closures,
    widen_coda_liquids,
)
from talking_heads.speech.voices import Voice, get_voice

LEAD_SECONDS = 0.24
"""Silence before the first sound: six motion frames, in which a mouth opens."""
TRAIL_SECONDS = 0.24
"""At least as much silence follows the last sound; the end is rounded up to a motion frame."""

SPEECH_DB = -23.0
"""Mean level of the speech in dB of full scale, before the random gain."""
GAIN_DB = 3.0
"""The seed moves the level by at most this much up or down."""
NOISE_DB = -55.0
"""Usual level of the noise floor in dB of full scale. The engine's closures are digital silence,
which no microphone hears, and which would give a network an easy and useless cue."""

_MOTION_FRAME = 640
# The engine also announces a "pause" in the glide from vowel to vowel ("be a"), where the voice
# goes on. It belongs to the sound before; no mouth comes to rest in so short a time.
_SHORTEST_PAUSE = 0.065
_ITEMS_PER_PROCESS = 20


@dataclass(frozen=True, eq=False)
class Speech:
    """Synthesised speech.

    Parameters
    ----------
    audio : ndarray of float32
        ``(samples,)`` 16 kHz mono, a whole number of motion frames of 640 samples.
    phonemes : tuple of Phoneme
        From 0 to the end of the audio without gaps; pauses have the symbol ``""``.
    text : str
        What was asked for.
    voice : str
        The voice's name.
    """

    audio: NDArray[np.float32]
    phonemes: tuple[Phoneme, ...]
    text: str
    voice: str

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.audio) / SAMPLE_RATE


class Utterance(NamedTuple):
    """What to say: the arguments of `synthesize`."""

    text: str
    voice: str | Voice = "ada"
    rate: float = 1.0
    seed: int = 0
    room: Room | str | None = None
    noise_db: float = NOISE_DB


class _Job(NamedTuple):
    text: str
    voice: Voice
    rate: float
    seed: int
    room: Room | None
    noise_db: float
    spoken: str

    def for_engine(self) -> engine.EngineJob:
        return engine.EngineJob(self.spoken, self.voice, self.rate)


def synthesize(
    text: str,
    voice: str | Voice = "ada",
    *,
    rate: float = 1.0,
    seed: int = 0,
    room: Room | str | None = None,
    noise_db: float = NOISE_DB,
) -> Speech:
    """Speak English text.

    The same arguments give the same samples, bit for bit, whatever was spoken before.

    Parameters
    ----------
    text : str
        Plain text of at most 10,000 characters; markup is not interpreted.
    voice : str or Voice
        A name of `VOICES`, or a voice.
    rate : float
        0.5 (slow) to 2 (fast), relative to the voice's own rate.
    seed : int
        Of the noise floor and the gain. The words sound the same.
    room : Room or str, optional
        A room, or a name of `talking_heads.speech.ROOMS`, in which it is said; by default none.
    noise_db : float
        Level of the noise floor in dB of full scale, -100 to -20.

    Returns
    -------
    Speech
        Audio and phonemes.

    Raises
    ------
    UserError
        If the voice's engine is missing or fails, the voice or the room is unknown, or the text
        is empty, too long or nothing that an English voice can say.
    """
    (speech,) = synthesize_many([Utterance(text, voice, rate, seed, room, noise_db)], workers=1)
    return speech


def synthesize_many(
    items: Iterable[Utterance | tuple[Any, ...]],
    *,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> Generator[Speech, None, None]:
    """Speak many texts in several processes.

    Parameters
    ----------
    items : iterable of Utterance
        Or of tuples ``(text, voice, rate, seed, room, noise_db)``, all but the first optional.
        They are checked before the first is spoken.
    workers : int
        Processes at a time.
    progress : callable, optional
        Called with the number of items done and of all.

    Returns
    -------
    generator of Speech
        In the order of the items. Close it where it is left early: that ends the processes and
        removes their files. Each is the same as `synthesize` gives, whatever the number of
        workers and the order.

    Raises
    ------
    UserError
        As `synthesize`.
    """
    if workers < 1:
        raise UserError(f"At least 1 worker is needed, not {workers}.")
    jobs = [_checked(item) for item in items]
    needed = {job.voice.engine for job in jobs}
    if "flite" in needed:
        flite.flite_program()
    files = engine.engine_files() if "espeak-ng" in needed else None
    return _speak_all(jobs, files, workers, progress)


def _speak_all(
    jobs: list[_Job],
    files: tuple[Path, Path] | None,
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> Generator[Speech, None, None]:
    done = 0
    with (
        tempfile.TemporaryDirectory(prefix="talking_heads_") as folder,
        ThreadPoolExecutor(workers) as pool,
    ):
        root = Path(folder)
        library = None
        if files is not None:
            library, data = files
            ours = {job.voice for job in jobs if job.voice.engine == "espeak-ng"}
            engine.copy_data(data, root, ours)
        size = min(_ITEMS_PER_PROCESS, -(-len(jobs) // workers)) or 1
        groups = [jobs[start : start + size] for start in range(0, len(jobs), size)]
        runs = [
            pool.submit(_speak_group, group, library, root, f"g{number}")
            for number, group in enumerate(groups)
        ]
        try:
            for index, run in enumerate(runs):
                for speech in run.result():
                    done += 1
                    if progress is not None:
                        progress(done, len(jobs))
                    yield speech
                # Let go of what the caller has had.
                runs[index] = None  # type: ignore[call-overload]
        finally:
            for waiting in runs:
                if waiting is not None:
                    waiting.cancel()


def _speak_group(jobs: list[_Job], library: Path | None, root: Path, name: str) -> list[Speech]:
    """Speak some items, those for espeak-ng in one worker process."""
    results: list[tuple[dict[str, Any], NDArray[np.int16]] | None] = [None] * len(jobs)
    ours = [index for index, job in enumerate(jobs) if job.voice.engine == "espeak-ng"]
    if ours and library is not None:
        spoken = engine.run_jobs([jobs[i].for_engine() for i in ours], library, root, name)
        for index, result in zip(ours, spoken, strict=True):
            results[index] = result
    speeches = []
    for job, done in zip(jobs, results, strict=True):
        made = done or flite.speak(job.spoken, job.voice, job.rate, root / f"{name}.wav")
        speeches.append(_assembled(job, *made))
    return speeches


def _checked(item: Sequence[Any]) -> _Job:
    try:
        text, voice, rate, seed, room, noise_db = Utterance(*item)
    except TypeError:
        raise UserError(
            "An item is (text, voice, rate, seed, room, noise_db), all but the first optional, "
            f"not {item!r:.60}."
        ) from None
    if not isinstance(text, str):
        raise UserError(f"The text must be a string, not {type(text).__name__}.")
    speaker = get_voice(voice)
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0.5 <= rate <= 2.0:
        raise UserError(f"The speaking rate must be a number from 0.5 to 2, not {rate!r}.")
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise UserError(f"The seed must be a whole number from 0, not {seed!r}.")
    number = isinstance(noise_db, (int, float)) and not isinstance(noise_db, bool)
    if not number or not -100 <= noise_db <= -20:
        raise UserError(f"The noise floor must be from -100 to -20 dB, not {noise_db!r}.")
    place = None if room is None else get_room(room)
    return _Job(text, speaker, float(rate), int(seed), place, float(noise_db), spoken_text(text))


def _assembled(job: _Job, facts: dict[str, Any], pcm: NDArray[np.int16]) -> Speech:
    """Make speech from an engine's samples and events."""
    rate = int(facts["sample_rate"])
    events: list[tuple[int, str]] = [
        (int(sample), str(symbol)) for sample, symbol in facts["phonemes"]
    ]
    if not any(phoneme_classes(symbol) - {"pause"} for _, symbol in events) or not pcm.any():
        raise UserError(
            f"Nothing in the text can be spoken: {job.text[:60]!r}.\n"
            "Give at least one English word."
        )
    # The lead is silent too, so that a first plosive finds its closure there.
    lead = round(LEAD_SECONDS * rate) - int(facts.get("lead", 0))
    quiet = np.concatenate([np.zeros(lead, np.float32), pcm.astype(np.float32) / 32768])
    symbols, starts, stresses = _timeline(events, lead, len(quiet), rate)
    times = starts / rate
    if job.voice.engine == "espeak-ng":
        times = retime_closures(symbols, times, quiet, rate)
        times = widen_coda_liquids(symbols, times)
    opened = releases(symbols, times, quiet, rate)
    times = close_in_pauses(symbols, times, opened)
    speech = quiet
    if rate != SAMPLE_RATE:
        import soxr

        speech = soxr.resample(quiet, rate, SAMPLE_RATE)
    frames = int(np.ceil((len(speech) + TRAIL_SECONDS * SAMPLE_RATE) / _MOTION_FRAME))
    audio = _with_level_and_noise(speech, frames * _MOTION_FRAME, job)
    edges = [*times.tolist(), len(audio) / SAMPLE_RATE]
    phonemes = tuple(
        Phoneme(symbol, edges[index], edges[index + 1], stresses[index], opened[index])
        for index, symbol in enumerate(symbols)
        if edges[index + 1] > edges[index]
    )
    return Speech(audio, phonemes, job.text, job.voice.name)


def _timeline(
    events: list[tuple[int, str]], lead: int, length: int, sample_rate: int
) -> tuple[list[str], NDArray[np.int64], list[int]]:
    """Return symbols, starts in samples and stresses, from pause to pause, each pause once."""
    symbols, starts, stresses = [""], [0], [0]
    for sample, raw in [*events, (length - lead, "")]:
        symbol, stress = normalize_symbol(raw)
        if symbol or symbols[-1]:
            symbols.append(symbol)
            # Across clauses the engine's positions may step back a little.
            starts.append(max(min(sample + lead, length), starts[-1]))
            stresses.append(stress)
    ends = [*starts[1:], length]
    kept = [
        index
        for index, symbol in enumerate(symbols)
        if symbol
        or index in (0, len(symbols) - 1)
        or ends[index] - starts[index] >= _SHORTEST_PAUSE * sample_rate
    ]
    return (
        [symbols[index] for index in kept],
        np.array([starts[index] for index in kept]),
        [stresses[index] for index in kept],
    )


def _with_level_and_noise(
    speech: NDArray[np.float32], length: int, job: _Job
) -> NDArray[np.float32]:
    # Text and voice belong to the seed: two clips of one corpus must not share their noise.
    key = f"{job.voice.name}\0{job.rate!r}\0{job.text}".encode("utf-8", "replace")
    digest = int.from_bytes(hashlib.sha256(key).digest()[:8], "little")
    random = np.random.default_rng([job.seed, digest])
    active = speech[np.abs(speech) > 1e-3]
    level = 10.0 * np.log10(np.mean(np.square(active, dtype=np.float64)))
    gain_db = SPEECH_DB + random.uniform(-GAIN_DB, GAIN_DB) - level
    voice = np.zeros(length, np.float32)
    voice[: len(speech)] = speech
    if job.room is not None:
        voice = add_room(voice, job.room)
    peak = float(np.abs(voice).max())
    gain = min(10.0 ** (gain_db / 20.0), 0.98 / peak)
    floor = np.float32(10 ** (job.noise_db / 20.0))
    audio = random.standard_normal(length, dtype=np.float32) * floor
    audio += voice * np.float32(gain)
    return np.clip(audio, -1.0, 1.0)
