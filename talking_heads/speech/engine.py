"""The first speech engine from outside: where it is, and its worker processes.

The engine is espeak-ng from the package ``espeakng-loader``. It runs in a process of its own
(`talking_heads.speech.worker`) and exchanges files with this one; see there why.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.speech import worker
from talking_heads.speech.voices import Voice

TIMEOUT_SECONDS = 30.0
"""How long a worker may take, plus 0.02 s a character; it needs about a thousandth of that."""

_LOADER = "espeakng_loader"
_INSTALL = 'Install it: pip install -c constraints.txt -e ".[speech]" (or: make setup)'


class EngineJob(NamedTuple):
    """What the engine shall say: plain text, by whom, and how fast (1 is the voice's own rate)."""

    text: str
    voice: Voice
    rate: float

    @property
    def words_per_minute(self) -> int:
        """The rate as espeak-ng takes it, within what it can do."""
        return min(max(round(self.voice.words_per_minute * self.rate), 80), 450)


def is_installed() -> bool:
    """Return whether the package that brings the engine is there."""
    try:
        return importlib.util.find_spec(_LOADER) is not None
    except (ImportError, ValueError):
        return False


def loader_version() -> str:
    """Return the version of the package that brings the engine."""
    try:
        return importlib.metadata.version("espeakng-loader")
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"


def engine_files() -> tuple[Path, Path]:
    """Find the engine, without importing the package that brings it.

    Returns
    -------
    Path
        The shared library.
    Path
        Its folder of data.

    Raises
    ------
    UserError
        If it is not installed, or a file of it is missing.
    """
    try:
        spec = importlib.util.find_spec(_LOADER)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None:
        raise UserError(f"The speech engine espeak-ng is not installed.\n{_INSTALL}")
    folder = Path(spec.origin).parent
    data = folder / "espeak-ng-data"
    names = {"win32": "espeak-ng.dll", "darwin": "libespeak-ng.dylib"}
    library = folder / names.get(sys.platform, "libespeak-ng.so")
    if not library.is_file() or not (data / "en_dict").is_file():
        raise UserError(f"The speech engine in {folder} is incomplete.\n{_INSTALL}")
    return library, data


def copy_data(source: Path, root: Path, voices: Iterable[Voice]) -> None:
    """Copy what English needs of the engine's data, 0.9 MB, and add our voices.

    Parameters
    ----------
    source : Path
        From `engine_files`.
    root : Path
        An empty folder.
    voices : iterable of Voice
        Those that will speak.
    """
    target = root / "espeak-ng-data"
    variants = target / "voices" / "!v"
    variants.mkdir(parents=True)
    for name in ("phontab", "phonindex", "phondata", "intonations", "en_dict"):
        shutil.copyfile(source / name, target / name)
    (target / "lang" / "gmw").mkdir(parents=True)
    for file in (source / "lang" / "gmw").glob("en*"):
        shutil.copyfile(file, target / "lang" / "gmw" / file.name)
    for voice in voices:
        (variants / voice.variant_id).write_text(voice.variant(), "utf-8")


def run_jobs(
    jobs: Sequence[EngineJob], library: Path, root: Path, name: str
) -> list[tuple[dict[str, Any], NDArray[np.int16]]]:
    """Let the engine speak some texts in one worker process.

    Parameters
    ----------
    jobs : sequence of EngineJob
        What to say.
    library : Path
        The engine.
    root : Path
        The folder with the data from `copy_data`; files are exchanged there.
    name : str
        Begins the names of those files; not used by another run at the same time.

    Returns
    -------
    list of (dict, ndarray)
        For each job the worker's facts (see `talking_heads.speech.worker`), and its samples
        ``(samples,)``.

    Raises
    ------
    UserError
        If the worker fails, hangs or leaves nothing.
    """
    outs = [root / f"{name}_{index}" for index in range(len(jobs))]
    task = {
        "library": str(library),
        "data": str(root),
        "jobs": [
            {
                "text": job.text,
                "voice": f"gmw/{job.voice.accent}+{job.voice.variant_id}",
                "words_per_minute": job.words_per_minute,
                "out": str(out),
            }
            for job, out in zip(jobs, outs, strict=True)
        ],
    }
    job_file = root / f"{name}.json"
    job_file.write_text(json.dumps(task), "utf-8")
    seconds = TIMEOUT_SECONDS + 0.02 * sum(len(job.text) for job in jobs)
    # One process does, unless the system never unloads a library: then it takes one for each.
    for _ in jobs:
        if _run_worker(job_file, seconds) == 0:
            break
    results = []
    for out in outs:
        if not Path(f"{out}.json").exists():
            raise UserError(
                "The speech engine ended but left no result.\n"
                "Check that the disk is not full, and try again."
            )
        facts = json.loads(Path(f"{out}.json").read_text("utf-8"))
        results.append((facts, np.fromfile(f"{out}.pcm", dtype=np.int16)))
        Path(f"{out}.json").unlink()
        Path(f"{out}.pcm").unlink()
    return results


def _run_worker(job_file: Path, seconds: float) -> int:
    # Isolated and without site packages: the worker needs nothing and starts in 20 ms.
    command = [sys.executable, "-I", "-S", str(Path(worker.__file__)), str(job_file)]
    try:
        run = subprocess.run(
            command,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except subprocess.TimeoutExpired:
        raise UserError(
            f"The speech engine did not answer within {seconds:.0f} seconds.\n"
            "Try a shorter text, or again when the machine is less busy."
        ) from None
    except OSError as error:
        raise UserError(f"The speech engine could not be started: {error}.") from None
    if run.returncode not in (0, worker.STOPPED_EARLY):
        reason = run.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        detail = reason[0][:150] if reason else f"exit code {run.returncode}"
        raise UserError(
            f"The speech engine failed: {detail}.\n"
            "Try another text; if it fails always, install it again:\n"
            "pip install --force-reinstall espeakng-loader"
        )
    return run.returncode
