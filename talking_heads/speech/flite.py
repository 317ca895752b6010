"""The second speech engine: flite, a program of Carnegie Mellon University, from outside.

Flite (BSD-style licence) speaks with voices that were recorded from people, so its sound is nearer
to a recording than that of espeak-ng's formants. It is a program of its own that is run for every
utterance: the same text gives the same samples, whatever was said before.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import wave
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.speech.text import ascii_text
from talking_heads.speech.voices import FLITE_VOICES, Voice

VARIABLE = "TALKING_HEADS_FLITE"
"""Environment variable that may name the program, where it is not on the path."""

TIMEOUT_SECONDS = 30.0
"""How long flite may take, plus 0.02 s a character; it needs about a twentieth of that."""

_INSTALL = f"Install it: apt install flite, or brew install flite (or set {VARIABLE} to it)."

PHONES: dict[str, str] = {
    "aa": "ɑː",
    "ae": "æ",
    "ah": "ʌ",
    "ao": "ɔː",
    "aw": "aʊ",
    "ax": "ə",
    "axr": "ɚ",
    "ay": "aɪ",
    "b": "b",
    "ch": "tʃ",
    "d": "d",
    "dh": "ð",
    "dx": "ɾ",
    "eh": "ɛ",
    "el": "əl",
    "em": "m̩",
    "en": "n̩",
    "er": "ɜː",
    "ey": "eɪ",
    "f": "f",
    "g": "ɡ",
    "hh": "h",
    "hv": "h",
    "ih": "ɪ",
    "iy": "iː",
    "jh": "dʒ",
    "k": "k",
    "l": "l",
    "m": "m",
    "n": "n",
    "ng": "ŋ",
    "nx": "n",
    "ow": "oʊ",
    "oy": "ɔɪ",
    "p": "p",
    "r": "ɹ",
    "s": "s",
    "sh": "ʃ",
    "t": "t",
    "th": "θ",
    "uh": "ʊ",
    "uw": "uː",
    "v": "v",
    "w": "w",
    "y": "j",
    "z": "z",
    "zh": "ʒ",
    "pau": "",
    "h#": "",
    "brth": "",
    "ssil": "",
}
"""Flite's phones (the "radio" set), as the IPA symbols that espeak-ng has for the same sounds."""

# Words that a sentence seldom stresses; the lexicon marks each of them as if it stood alone.
_WEAK = """
    a am an and are as at be been but by can could did do does for from had has have he her hers him
    his i if in into is it its me my nor of on or our shall she should so some than that the their
    them then there these they this those to up upon us was we were when where which while who whom
    will with would you your
"""
_UNSTRESSED = frozenset(_WEAK.split())

# Words that are laid along the spoken phones at a time, and phones that those may have in surplus.
_WORDS_AT_ONCE, _SLACK = 40, 12

# What of flite's own silence is kept before the first sound and after the last; our own silence
# goes around it.
_LEAD, _TRAIL, _FADE = 0.05, 0.05, 0.01


def find_flite() -> Path | None:
    """Return the path of the program, or None where it is not installed.

    Raises
    ------
    UserError
        If the environment variable names a program that is not there.
    """
    named = os.environ.get(VARIABLE)
    if named:
        found = shutil.which(named)
        if found is None:
            raise UserError(
                f"{VARIABLE} is {named!r:.80}, which is no program.\nCorrect it, or unset it."
            )
        return Path(found)
    found = shutil.which("flite")
    return Path(found) if found else None


def flite_program() -> Path:
    """Return the path of the program; raises `UserError` where it is not installed."""
    program = find_flite()
    if program is None:
        raise UserError(
            f"The speech engine flite is missing; {', '.join(FLITE_VOICES)} need it.\n{_INSTALL}"
        )
    return program


@lru_cache(maxsize=8)
def flite_version(program: Path) -> str:
    """Return the version that the program states, for example ``"flite-2.2-current"``."""
    found = re.search(
        r"version:\s*(\S+)", _run([str(program), "--version"], TIMEOUT_SECONDS, codes=(0, 1))
    )
    return found[1] if found else "flite of unknown version"


@lru_cache(maxsize=8)
def _voices_of(program: Path) -> frozenset[str]:
    # Asked for a voice that it lacks, flite silently takes another.
    listed = _run([str(program), "-lv"], TIMEOUT_SECONDS)
    return frozenset(listed.partition(":")[2].split())


def speak(
    text: str, voice: Voice, rate: float, out: Path
) -> tuple[dict[str, Any], NDArray[np.int16]]:
    """Speak one text.

    Parameters
    ----------
    text : str
        Plain text on one line.
    voice : Voice
        One of flite's.
    rate : float
        0.5 (slow) to 2 (fast).
    out : Path
        Where the program may leave its sound for a moment.

    Returns
    -------
    dict
        ``sample_rate``, ``phonemes`` (sample position and IPA symbol of each), ``lead`` (samples
        before the first sound) and ``version``.
    ndarray of int16
        ``(samples,)``.

    Raises
    ------
    UserError
        If flite is missing, lacks the voice, fails, hangs or leaves nothing.
    """
    program = flite_program()
    if voice.name not in _voices_of(program):
        raise UserError(f"The flite in {program} lacks the voice {voice.name}.\n{_INSTALL}")
    plain = ascii_text(text)
    command = [str(program), "-voice", voice.name, "--setf", f"duration_stretch={1 / rate:.6f}"]
    command += ["-psdur", "-t", plain, "-o", str(out)]
    printed = _run(command, TIMEOUT_SECONDS + 0.02 * len(plain))
    try:
        with wave.open(str(out)) as sound:
            shape = sound.getnchannels(), sound.getsampwidth()
            sample_rate = sound.getframerate()
            samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
    except (OSError, EOFError, wave.Error):
        shape = (0, 0)
    finally:
        out.unlink(missing_ok=True)
    if shape != (1, 2):
        raise UserError(
            "Flite ended but left no sound.\nCheck that the disk is not full, and try again."
        )
    phones = [(name, float(end)) for name, end in re.findall(r"(\S+):(\d+\.\d+)", printed)]
    unknown = sorted({name for name, _ in phones} - set(PHONES))
    if unknown:
        raise UserError(f"This flite uses a phone {unknown[0]!r} that is not known here.")
    marks = _stresses([name for name, _ in phones], plain, program)
    return _trimmed(phones, marks, samples, sample_rate, flite_version(program))


def _trimmed(
    phones: list[tuple[str, float]],
    marks: list[str],
    samples: NDArray[np.int16],
    sample_rate: int,
    version: str,
) -> tuple[dict[str, Any], NDArray[np.int16]]:
    """Cut the silence at both ends, and turn ends in seconds into starts in samples."""
    facts: dict[str, Any] = {"sample_rate": sample_rate, "version": version}
    # As espeak-ng writes it: "ɜː" in "bird", "ɚ" in "over".
    symbols = [
        "ɚ" if name == "er" and not mark else PHONES[name]
        for (name, _), mark in zip(phones, marks, strict=True)
    ]
    spoken = [index for index, symbol in enumerate(symbols) if symbol]
    if not spoken:
        return {**facts, "phonemes": [], "lead": 0}, samples[:0]
    edges = [0, *(min(round(end * sample_rate), len(samples)) for _, end in phones)]
    begin = max(0, edges[spoken[0]] - round(_LEAD * sample_rate))
    end = min(len(samples), edges[spoken[-1] + 1] + round(_TRAIL * sample_rate))
    kept = samples[begin:end].astype(np.float64)
    fade = np.linspace(0, 1, min(round(_FADE * sample_rate), len(kept)))
    kept[: len(fade)] *= fade
    kept[len(kept) - len(fade) :] *= fade[::-1]
    events = [
        (edges[index] - begin, marks[index] + symbols[index])
        for index in range(spoken[0], spoken[-1] + 1)
    ]
    events.append((edges[spoken[-1] + 1] - begin, ""))
    facts |= {"phonemes": events, "lead": edges[spoken[0]] - begin}
    return facts, np.rint(kept).astype(np.int16)


def _stresses(phones: Sequence[str], text: str, program: Path) -> list[str]:
    """Return the stress mark of each phone, or an empty string.

    Flite prints no stress, but its lexicon tool does: the words are looked up and laid along the
    phones that were spoken. In a sentence, words such as "the" and "have" get none.
    """
    tool = program.with_name("t2p" + program.suffix)
    marks = [""] * len(phones)
    if not tool.is_file():
        raise UserError(f"{tool}, a part of flite, is missing.\n{_INSTALL}")
    words = _run(
        [str(program), "-voice", "kal16", "-pw", "-t", text, "-o", "none"],
        TIMEOUT_SECONDS + 0.02 * len(text),
    ).split()
    words = [word for word in words if re.fullmatch(r"[a-z][a-z']*", word, re.ASCII)]
    weak = _UNSTRESSED if not _UNSTRESSED.issuperset(words) else frozenset()
    spoken = [index for index, phone in enumerate(phones) if PHONES[phone]]
    position = 0
    # Some words at a time: the time for an alignment grows with the square of its length.
    for first in range(0, len(words), _WORDS_AT_ONCE):
        # The mark of a weak word's vowel, a 1 behind the phone, goes.
        lexical = [
            phone.rstrip("1") if word in weak else phone
            for word in words[first : first + _WORDS_AT_ONCE]
            for phone in _pronunciation(tool, word)
        ]
        window = spoken[position : position + len(lexical) + _SLACK]
        names = [phone.rstrip("1") for phone in lexical]
        pairs, used = _aligned(names, [phones[index] for index in window])
        for expected, heard in pairs:
            if lexical[expected].endswith("1"):
                marks[window[heard]] = "ˈ"
        position += used
    return marks


def _aligned(expected: list[str], heard: list[str]) -> tuple[list[tuple[int, int]], int]:
    """Lay one list of phones along another with the fewest edits; what remains behind is free.

    Returns
    -------
    list of (int, int)
        Positions of equal phones in the first and in the second list.
    int
        How much of the second list the first one takes.
    """
    costs = [list(range(len(heard) + 1))]
    for row, phone in enumerate(expected):
        above, line = costs[-1], [row + 1]
        for column, other in enumerate(heard):
            line.append(
                min(above[column] + (phone != other), above[column + 1] + 1, line[column] + 1)
            )
        costs.append(line)
    row, column = len(expected), min(range(len(heard) + 1), key=costs[-1].__getitem__)
    used, pairs = column, []
    while row and column:
        differ = expected[row - 1] != heard[column - 1]
        if costs[row][column] == costs[row - 1][column - 1] + differ:
            row, column = row - 1, column - 1
            if not differ:
                pairs.append((row, column))
        elif costs[row][column] == costs[row - 1][column] + 1:
            row -= 1
        else:
            column -= 1
    return pairs, used


@lru_cache(maxsize=50_000)
def _pronunciation(tool: Path, word: str) -> tuple[str, ...]:
    phones = _run([str(tool), word], TIMEOUT_SECONDS).split()
    return tuple(phone for phone in phones if phone != "pau")


def _run(command: list[str], seconds: float, codes: tuple[int, ...] = (0,)) -> str:
    try:
        run = subprocess.run(
            command,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except subprocess.TimeoutExpired:
        raise UserError(
            f"Flite did not answer within {seconds:.0f} seconds.\n"
            "Try a shorter text, or again when the machine is less busy."
        ) from None
    except OSError as error:
        raise UserError(f"Flite could not be started: {error}.\n{_INSTALL}") from None
    if run.returncode not in codes:
        reason = run.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        detail = reason[0][:150] if reason else f"exit code {run.returncode}"
        raise UserError(f"Flite failed: {detail}.\nTry another text. {_INSTALL}")
    return run.stdout.decode("utf-8", "replace")
