"""A corpus on disk: sound files, compressed coefficients and one manifest.

::

    corpus/
      manifest.json          clips, splits, speakers, phonemes, hashes
      audio/ada/ada-001.ogg  16 kHz mono
      motion/ada.npz         one array a clip, see `encode_motion`

The manifest holds two kinds of hashes: of every file, to find damage, and of every clip's samples
before coding and coefficients, to compare corpora that were built at different places.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.corpus.clip import Clip
from talking_heads.corpus.collection import Corpus
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_NAMES, Motion
from talking_heads.files import shown
from talking_heads.paths import data_dir
from talking_heads.speech import Phoneme

FORMAT = "talking-heads-corpus"
VERSION = 2
MANIFEST = "manifest.json"
SCALE = 5_000
"""Coefficients are stored as whole five-thousandths."""


COURSE = "course"
"""Instead of a folder, this word stands for the corpus that comes with the course."""


def corpus_folder(path: str | Path | None = None) -> Path:
    """Return the folder of a corpus; None and the text ``"course"`` mean the course's own."""
    return data_dir() / COURSE if path is None or path == COURSE else Path(path)


def has_corpus(path: str | Path | None = None) -> bool:
    """Return whether there is a corpus; see `corpus_folder` for the path."""
    try:
        return (corpus_folder(path) / MANIFEST).is_file()
    except OSError:
        return False  # in a folder that may not be looked into


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def quantize_motion(truths: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Turn coefficients, 0 to 1, into whole five-thousandths."""
    return np.rint(np.clip(truths, 0, 1) * SCALE).astype(np.uint16)


def encode_motion(whole: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Rearrange ``(truth, frame, 52)`` whole numbers so that they compress well, without loss.

    Returns
    -------
    ndarray of uint8
        ``(2, truth, 52, frame)``: the changes from frame to frame (the first from 0, all modulo
        2**16), their low bytes and then their high bytes. Compressed, they take three quarters of
        the space.
    """
    steps = np.diff(whole.transpose(0, 2, 1), axis=-1, prepend=np.uint16(0))
    return np.stack([steps & 0xFF, steps >> 8]).astype(np.uint8)


def decode_motion(stored: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the coefficients ``(truth, frame, 52)`` that `encode_motion` rearranged."""
    steps = stored[0] + (stored[1].astype(np.uint16) << 8)
    whole = np.cumsum(steps, axis=-1, dtype=np.uint16).transpose(0, 2, 1)
    return np.ascontiguousarray(whole / np.float32(SCALE), dtype=np.float32)


# What json, NumPy and the zip archive under it raise about a file that is not what it should be.
_UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    ArithmeticError,
    EOFError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)


def _has_manifest(folder: Path) -> bool:
    return (folder / MANIFEST).is_file()


@contextmanager
def new_folder(
    out: Path, *, overwrite: bool = False, ours: Callable[[Path], bool] = _has_manifest
) -> Iterator[Path]:
    """Fill a folder beside `out`, and put it in the place of `out` when all went well.

    Parameters
    ----------
    out : Path
        Where the corpus shall be.
    overwrite : bool
        Whether a corpus that is there may be replaced.
    ours : callable
        Tells whether a folder is such a corpus; what is none is never replaced.

    Yields
    ------
    Path
        An empty folder to fill. If the block raises, it is removed, and `out` stays as it was.

    Raises
    ------
    UserError
        If `out` exists and may not be replaced, or is no corpus, or cannot be written.
    """
    out = out.absolute()
    check_target(out, overwrite=overwrite, ours=ours)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise UserError(f"Cannot write to {out.parent}: {error.strerror}.") from error
    try:
        folder.chmod(0o755)
        yield folder
        old = None
        if out.exists():
            check_target(out, overwrite=overwrite, ours=ours)
            old = Path(tempfile.mkdtemp(prefix=f".{out.name}-old-", dir=out.parent))
            out.rename(old / "corpus")
        try:
            folder.rename(out)
        except OSError:
            if old is not None:
                (old / "corpus").rename(out)
            raise
        if old is not None:
            shutil.rmtree(old)
    except OSError as error:
        raise UserError(f"Cannot write {shown(out)}: {error.strerror or error}.") from error
    finally:
        if folder.exists():
            shutil.rmtree(folder)


def check_target(
    out: Path, *, overwrite: bool, ours: Callable[[Path], bool] = _has_manifest
) -> None:
    """Raise `UserError` unless a corpus may be written to `out`."""
    if out.is_symlink() and not out.exists():
        raise UserError(f"{shown(out)} is a link that leads nowhere.\nChoose another folder.")
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not ours(out):
        raise UserError(
            f"{out} exists and is not a corpus, so it is left alone.\nChoose another folder."
        )
    if not overwrite:
        raise UserError(
            f"There is a corpus in {out} already.\n"
            "Choose another folder, or have it replaced: --overwrite, or overwrite=True."
        )


def fingerprint(manifest: Mapping[str, Any]) -> str:
    """Return 16 digits that stand for what a corpus holds, however its files are coded."""
    about = {"files", "fingerprint", "package", "engines", "audio_format"}
    content = {key: value for key, value in manifest.items() if key not in about}
    content["clips"] = [
        {key: value for key, value in clip.items() if key != "audio"} for clip in content["clips"]
    ]
    body = json.dumps(content, sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()[:16]


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Complete a manifest with the hashes of all files in `folder`, and write it.

    Parameters
    ----------
    folder : Path
        Corpus with its audio and motion files.
    manifest : mapping
        Clips, splits and speakers; see `load_corpus`.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    full = {
        "format": FORMAT,
        "version": VERSION,
        "coefficients": list(ARKIT_NAMES),
        **manifest,
        "files": {path.relative_to(folder).as_posix(): file_hash(path) for path in paths},
    }
    full["fingerprint"] = fingerprint(full)
    # One line a clip: neither endless lines nor a number a line.
    clips = ",\n".join(f"  {_compact(clip)}" for clip in full.pop("clips"))
    rest = ",\n".join(f" {_compact(key)}: {_compact(value)}" for key, value in full.items())
    text = f'{{\n{rest},\n "clips": [\n{clips}\n ]\n}}\n'
    (folder / MANIFEST).write_text(text, "utf-8")


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def read_manifest(root: Path) -> dict[str, Any]:
    """Read and check the manifest of a corpus.

    Parameters
    ----------
    root : Path
        Folder of the corpus.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    UserError
        If there is none, or it is damaged or of another version.
    """
    path = root / MANIFEST
    if not path.is_file():
        what = "is not a folder" if not root.is_dir() else "holds no manifest.json"
        raise UserError(
            f"{root} is not a corpus: it {what}.\nBuild one with: talking-heads corpus build FOLDER"
        )
    try:
        manifest = json.loads(path.read_text("utf-8"))
        if manifest["format"] != FORMAT:
            raise UserError(f"{path} is not the manifest of a course corpus.")
        if manifest["version"] != VERSION:
            raise UserError(
                f"The corpus in {root} has version {manifest['version']!r:.20}; this package reads "
                f"version {VERSION}.\nBuild it again: talking-heads corpus build."
            )
        if not isinstance(manifest["fingerprint"], str):
            raise TypeError("the fingerprint is no text")
        if tuple(manifest["coefficients"]) != ARKIT_NAMES:
            raise UserError(f"The coefficients of {root} are not the 52 of ARKit in our order.")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, UserError):
            raise
        raise _damaged(root, f"manifest.json cannot be read ({type(error).__name__})") from error
    return dict(manifest)


def _damaged(root: Path, what: str) -> UserError:
    return UserError(f"The corpus in {shown(root)} is damaged: {what}.\nBuild or copy it again.")


def load_corpus(path: str | Path | None = None, *, verify: bool = False) -> Corpus:
    """Open a corpus of the course, or VOCASET, BIWI or BEAT: what it is, is found out.

    Of a corpus of the course, motions are read at once, and audio when a clip is asked for it; no
    speech engine is needed. Of the others both are read when asked for.

    Parameters
    ----------
    path : str or Path, optional
        Folder of the corpus. None and the text ``"course"`` mean the one that comes with the
        course; a `Path` is always a folder.
    verify : bool
        Whether to compare every file with its hash, which only corpora of the course have.

    Returns
    -------
    Corpus
        With its splits and speakers.

    Raises
    ------
    UserError
        If this is no corpus, or a file is missing, damaged or does not fit the manifest.
    """
    root = corpus_folder(path)
    if not has_corpus(root):
        return _load_real(root, verify)
    manifest = read_manifest(root)
    try:
        for name, digest in manifest["files"].items():
            if ".." in Path(name).parts or Path(name).is_absolute():
                raise _damaged(root, f"the path {name!r} leaves the folder")
            file = root / name
            if not file.is_file():
                raise _damaged(root, f"{name} is missing")
            if verify and file_hash(file) != digest:
                raise _damaged(root, f"{name} has changed")
        clips = tuple(_clips(root, manifest))
        return Corpus(
            name=manifest["name"],
            clips=clips,
            splits={name: tuple(ids) for name, ids in manifest["splits"].items()},
            speakers=tuple(manifest["speakers"]),
            face_ids={name: info["face_id"] for name, info in manifest["speakers"].items()},
            fps=float(manifest["fps"]),
            unit=manifest["unit"],
            root=root,
        )
    except _UNREADABLE as error:
        if isinstance(error, UserError):
            raise
        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise _damaged(root, told[:200]) from error


def _load_real(root: Path, verify: bool) -> Corpus:
    # The readers of other data sets are imported when there is one.
    from talking_heads.corpus.real.layouts import find_layout, load_layout

    layout = find_layout(root)
    if verify:
        raise UserError(
            f"There are no hashes to check {shown(root)} by: only corpora of the course have some."
            "\nTo read all of its files instead: talking-heads corpus info --thorough FOLDER"
        )
    return load_layout(root, layout)


def _phoneme(symbol: str, start: float, end: float, *more: float) -> Phoneme:
    if not isinstance(symbol, str) or not 0 <= start <= end:
        raise ValueError(f"a phoneme cannot be {symbol!r:.40} from {start!r:.40} to {end!r:.40}")
    return Phoneme(symbol, start, end, *more)  # type: ignore[arg-type]


def _clips(root: Path, manifest: Mapping[str, Any]) -> Iterator[Clip]:
    fps = float(manifest["fps"])
    if not 1 <= fps <= 1000:
        raise _damaged(root, f"{fps:g} is no frame rate")
    motions: dict[str, dict[str, NDArray[np.uint8]]] = {}
    for entry in manifest["clips"]:
        speaker, clip_id = entry["speaker"], entry["id"]
        moves = f"motion/{speaker}.npz"
        files = manifest["files"]
        if not (entry["audio"] in files and moves in files and speaker in manifest["speakers"]):
            raise _damaged(root, f"the manifest lacks the files or the speaker of {clip_id}")
        if speaker not in motions:
            with np.load(root / moves, allow_pickle=False) as arrays:
                motions[speaker] = dict(arrays)
        stored = motions[speaker][clip_id]
        fits = stored.ndim == 4 and stored.dtype == np.uint8
        if (
            not fits
            or stored.shape[::2] != (2, len(ARKIT_NAMES))
            or (stored.shape[3] != entry["frames"])
        ):
            raise _damaged(root, f"the motion of {clip_id} has shape {stored.shape}")
        coefficients = decode_motion(stored)
        if coefficients.size and coefficients.max() > 1:
            raise _damaged(root, f"the motion of {clip_id} has coefficients above 1")
        phonemes = tuple(_phoneme(*values) for values in entry["phonemes"])
        if phonemes and phonemes[-1].end * fps > entry["frames"] + 1:
            raise _damaged(root, f"the phonemes of {clip_id} last longer than its motion")
        face_id = manifest["speakers"][speaker]["face_id"]
        truths = tuple(
            Motion(values, "coefficients", fps, face_id, speaker) for values in coefficients
        )
        yield Clip(
            id=clip_id,
            speaker=speaker,
            source=root / entry["audio"],
            truths=truths,
            text=entry["text"],
            phonemes=phonemes,
            noise_seed=int(entry["noise_seed"]),
            room=entry["room"],
            noise_db=float(entry["noise_db"]),
        )
