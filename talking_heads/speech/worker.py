"""The process that drives espeak-ng: text in, samples and phoneme events out, as files.

espeak-ng is GPL software, so it is loaded here and nowhere else. This file is run as a script by
`talking_heads.speech.synthesis`, needs the standard library only, and imports nothing of the
package. Its only argument is a job file (JSON)::

    {"library": path, "data": path, "jobs": [{"text", "voice", "words_per_minute", "out"}, ...]}

For every job it writes ``out + ".pcm"`` (16-bit mono samples) and then ``out + ".json"`` (sample
rate, events and the engine's version). The second file is renamed into place, so it is there whole
or not at all.

espeak-ng's sound depends on what it said before in the same process. So the library is unloaded
and loaded again for every utterance; where a system refuses to unload it, the worker stops after
one and its parent starts another.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Any

# Constants of speak_lib.h.
_SYNCHRONOUS = 2
_PHONEME_EVENTS, _IPA, _DO_NOT_EXIT = 0x1, 0x2, 0x8000
_EVENT_PHONEME = 7
_RATE = 1
_CHARACTERS_UTF8 = 1
_POSITION_CHARACTER = 1

STOPPED_EARLY = 75
"""Exit code: one utterance is done, a fresh process must go on."""


class _Event(ctypes.Structure):
    """``espeak_EVENT``; the union at its end is read as the phoneme's bytes."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("string", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


def speak(
    library: ctypes.CDLL, data: str, text: str, voice: str, words_per_minute: int
) -> tuple[int, bytes, list[tuple[int, str]]]:
    """Speak one text with a freshly loaded library.

    Parameters
    ----------
    library : ctypes.CDLL
        espeak-ng, not yet initialised.
    data : str
        The folder that holds ``espeak-ng-data``.
    text : str
        Plain text.
    voice : str
        ``"language+variant"``.
    words_per_minute : int
        80 to 450.

    Returns
    -------
    int
        Sample rate in Hz.
    bytes
        16-bit mono samples.
    list of (int, str)
        Sample position and IPA symbol of every phoneme; pauses are empty strings.

    Raises
    ------
    RuntimeError
        If the engine refuses the data, the voice or the text.
    """
    samples = bytearray()
    phonemes: list[tuple[int, str]] = []

    def receive(wave: int | None, count: int, events: Any) -> int:
        if wave and count > 0:
            samples.extend(ctypes.string_at(wave, 2 * count))
        index = 0
        while events[index].type:
            event = events[index]
            if event.type == _EVENT_PHONEME:
                # Eight bytes, closed by a NUL only where there is room for one.
                start = ctypes.addressof(event) + _Event.string.offset
                name = ctypes.string_at(start, 8).split(b"\0")[0]
                phonemes.append((event.sample, name.decode("utf-8", errors="ignore")))
            index += 1
        return 0

    callback = _Callback(receive)
    library.espeak_Initialize.argtypes = (
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_int,
    )
    library.espeak_Synth.argtypes = (
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_uint,
        ctypes.c_void_p,
        ctypes.c_void_p,
    )
    options = _PHONEME_EVENTS | _IPA | _DO_NOT_EXIT
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, os.fsencode(data), options)
    if rate <= 0:
        raise RuntimeError(f"espeak-ng cannot use its data in {data}")
    try:
        library.espeak_SetSynthCallback(callback)
        if library.espeak_SetVoiceByName(voice.encode()):
            raise RuntimeError(f"espeak-ng has no voice {voice}")
        library.espeak_SetParameter(_RATE, words_per_minute, 0)
        encoded = text.encode("utf-8") + b"\0"
        # No SSML flag and no phoneme flag: markup is text like any other.
        if library.espeak_Synth(
            encoded, len(encoded), 0, _POSITION_CHARACTER, 0, _CHARACTERS_UTF8, None, None
        ):
            raise RuntimeError("espeak-ng refused the text")
        library.espeak_Synchronize()
    finally:
        library.espeak_Terminate()
    return rate, bytes(samples), phonemes


def _unload(library: ctypes.CDLL, path: str) -> bool:
    """Unload a library; return whether the system really let it go."""
    if sys.platform == "win32":
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.FreeLibrary.argtypes = (ctypes.c_void_p,)
        kernel.GetModuleHandleW.restype = ctypes.c_void_p
        kernel.FreeLibrary(library._handle)
        return not kernel.GetModuleHandleW(path)
    import _ctypes

    _ctypes.dlclose(library._handle)
    try:
        ctypes.CDLL(path, mode=os.RTLD_NOLOAD)
    except OSError:
        return True
    return False


def main(job_file: str) -> int:
    """Do the jobs of a job file that are not done yet; return the exit code."""
    task = json.loads(Path(job_file).read_text("utf-8"))
    # espeak-ng keeps its data path in 160 bytes: stand in the folder and call it ".".
    os.chdir(task["data"])
    todo = [job for job in task["jobs"] if not Path(job["out"] + ".json").exists()]
    for position, job in enumerate(todo):
        library = ctypes.CDLL(task["library"])
        library.espeak_Info.restype = ctypes.c_char_p
        version = library.espeak_Info(None).decode("ascii", errors="replace")
        rate, samples, phonemes = speak(
            library, ".", job["text"], job["voice"], job["words_per_minute"]
        )
        unloaded = _unload(library, task["library"])
        del library
        Path(job["out"] + ".pcm").write_bytes(samples)
        partial = Path(job["out"] + ".part")
        facts = {"sample_rate": rate, "phonemes": phonemes, "version": version}
        partial.write_text(json.dumps(facts), "utf-8")
        partial.replace(job["out"] + ".json")
        if not unloaded and position + 1 < len(todo):
            return STOPPED_EARLY
    return 0


if __name__ == "__main__":
    try:
        code = main(sys.argv[1])
    except (RuntimeError, OSError) as error:
        print(error, file=sys.stderr)
        code = 1
    sys.exit(code)
