"""Which speech engines are there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from talking_heads.speech import engine, flite
from talking_heads.speech.voices import ENGINES, VOICES, Voice, get_voice


def engine_status() -> str | None:
    """Say which speech engines are installed, after letting each speak a word.

    Returns
    -------
    str or None
        Names and versions, or None if no engine is installed.

    Raises
    ------
    UserError
        If one is installed but does not work.
    """
    found = []
    if engine.is_installed():
        library, data = engine.engine_files()
        with tempfile.TemporaryDirectory(prefix="talking_heads_") as folder:
            job = engine.EngineJob("yes", VOICES["ada"], 1.0)
            engine.copy_data(data, Path(folder), [job.voice])
            ((facts, _),) = engine.run_jobs([job], library, Path(folder), "status")
        loader = engine.loader_version()
        found.append(f"espeak-ng {facts['version']} from espeakng-loader {loader}")
    if flite.find_flite() is not None:
        with tempfile.TemporaryDirectory(prefix="talking_heads_") as folder:
            facts, _ = flite.speak("yes", VOICES["slt"], 1.0, Path(folder) / "status.wav")
        found.append(facts["version"])
    return ", ".join(found) or None


def missing_engines(voices: Iterable[str | Voice]) -> tuple[str, ...]:
    """Return which speech engines some voices need that are not installed.

    Parameters
    ----------
    voices : iterable of str or Voice
        Names of `VOICES`, or voices.

    Returns
    -------
    tuple of str
        Of `talking_heads.speech.voices.ENGINES`; empty if all is there.

    Raises
    ------
    UserError
        If a voice is unknown.
    """
    needed = {get_voice(voice).engine for voice in voices}
    there = {
        "espeak-ng": engine.is_installed,
        "flite": lambda: flite.find_flite() is not None,
    }
    return tuple(name for name in ENGINES if name in needed and not there[name]())
