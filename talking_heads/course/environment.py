"""The environment check behind ``talking-heads check``: one line per item."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from collections.abc import Callable
from dataclasses import dataclass

from talking_heads.errors import UserError
from talking_heads.paths import checkpoint_dir, data_dir

_SETUP = 'run "make setup", or: pip install -c constraints.txt -e ".[speech,lab,dev]"'


@dataclass(frozen=True)
class Check:
    """The outcome of one check.

    Parameters
    ----------
    item : str
        What was checked.
    ok : bool
        Whether the course can be used as it is.
    detail : str
        What was found.
    remedy : str
        What to do where `ok` is false, else empty.
    """

    item: str
    ok: bool
    detail: str
    remedy: str = ""

    def __str__(self) -> str:
        line = f"{'ok  ' if self.ok else 'FAIL'}  {self.item:<14}  {self.detail}"
        return f"{line}. To mend it: {self.remedy}" if self.remedy else line


def _versions(*packages: str) -> str:
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)


def _check_python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info >= (3, 11)
    return Check("Python", ok, found, "" if ok else "install Python 3.11 or newer")


def _check_torch() -> Check:
    import torch

    if torch.cuda.is_available():
        device = f"GPU {torch.cuda.get_device_name(0)}"
    elif torch.backends.mps.is_available():
        device = "GPU of an Apple chip"
    else:
        device = f"CPU, {torch.get_num_threads()} threads (enough for the course presets)"
    return Check("torch", True, f"{torch.__version__} on {device}")


def _check_widgets() -> Check:
    for name in ("anywidget", "ipywidgets", "k3d", "jupyterlab"):
        importlib.import_module(name)
    return Check("widgets", True, _versions("jupyterlab", "ipywidgets", "anywidget", "k3d"))


def _check_audio() -> Check:
    import soundfile
    import soxr

    formats = soundfile.available_formats()
    missing = [name for name in ("WAV", "FLAC", "OGG", "MP3") if name not in formats]
    detail = f"libsndfile {soundfile.__libsndfile_version__}, soxr {soxr.__version__}"
    if missing:
        return Check(
            "audio",
            False,
            f"{detail}, which cannot read {', '.join(missing)}",
            "pip install --upgrade soundfile (MP3 needs libsndfile 1.1 or newer)",
        )
    return Check("audio", True, f"{detail}: reads WAV, FLAC, OGG and MP3")


def _check_data() -> Check:
    from talking_heads.corpus import load_corpus
    from talking_heads.models import load_model

    folder = checkpoint_dir("diff_speaker")
    try:
        load_model("diff_speaker")
        clips = len(load_corpus())
    except UserError as error:
        remedy = "get the data folder again (git checkout -- data), or set TALKING_HEADS_DATA to it"
        return Check("data", False, " ".join(str(error).split()).rstrip("."), remedy)
    megabytes = sum(file.stat().st_size for file in folder.iterdir() if file.is_file()) / 1e6
    detail = f"model diff_speaker, {megabytes:.1f} MB; course corpus, {clips} clips"
    return Check("data", True, f"{data_dir()}: {detail}")


def _check_speech() -> Check:
    from talking_heads.speech import engine_status

    found = engine_status()
    if found is None:
        return Check(
            "speech engine",
            False,
            "none, so text cannot be spoken (recordings work)",
            'pip install -c constraints.txt -e ".[speech]"',
        )
    return Check("speech engine", True, found)


_CHECKS: tuple[tuple[str, Callable[[], Check]], ...] = (
    ("Python", _check_python),
    ("torch", _check_torch),
    ("widgets", _check_widgets),
    ("audio", _check_audio),
    ("data", _check_data),
    ("speech engine", _check_speech),
)


def _run(item: str, check: Callable[[], Check]) -> Check:
    # A check meets every kind of broken installation: a missing package, a shared library that
    # does not load. Whatever happens, the person gets one line and the other checks go on.
    try:
        return check()
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        return Check(item, False, reason.rstrip("."), _SETUP)


def check_environment() -> list[Check]:
    """Check everything that the course needs.

    Returns
    -------
    list of Check
        Python, torch and its device, widgets, audio, data and speech engine, in this order.
    """
    return [_run(item, check) for item, check in _CHECKS]
