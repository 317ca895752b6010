"""Damaged copies of small VOCASET and BIWI sets, for the fuzz tests."""

from __future__ import annotations

import pickletools
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from talking_heads.corpus.collection import Corpus
from talking_heads.corpus.miniature.parts import write_sound
from talking_heads.corpus.real.ply import write_ply
from talking_heads.corpus.real.problems import Scan
from talking_heads.corpus.real.python2_pickle import python2_pickle
from talking_heads.errors import UserError

OPCODES = [op.code.encode("latin1") for op in pickletools.opcodes]
NUMBERS = [b"\0" * 4, b"\xff" * 4, b"\xff\xff\xff\x7f", b"\1\0\0\0", b"\0\0\0\x80", b"\xff" * 8]
WORDS = [
    b"-1", b"0", b"99999999999999999999", b"1e999", b"nan", b"(", b")", b"{", b"[", b"'", b"\n",
    b",", b", ", b"|O", b"<f8", b">f2", b"<c16", b"(1,)", b"True", b"None", b"\xff\xfe", b"\0",
    b"element face 1\n", b"property list uchar int x\n", b"format ascii 1.0\n", b"end_header\n",
    b"data", b"fmt ", b"LIST", b"cos\nsystem\n", b"cnumpy\ndtype\n", b"cnumpy\nndarray\n",
]  # fmt: skip


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """Change some bytes, most often near the start, where headers are."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        reach = len(out) if rng.random() < 0.25 else min(len(out), 400)
        place = int(rng.integers(0, reach + 1))
        kind = rng.integers(0, 8)
        if kind == 0:
            out[place : place + 1] = bytes([int(rng.integers(0, 256))])
        elif kind == 1:
            out[place : place + int(rng.integers(1, 9))] = b""
        elif kind == 2:
            out[place : place + 4] = NUMBERS[int(rng.integers(len(NUMBERS)))]
        elif kind == 3:
            word = WORDS[int(rng.integers(len(WORDS)))]
            out[place : place + int(rng.integers(0, 2)) * len(word)] = word
        elif kind == 4:
            code = OPCODES[int(rng.integers(len(OPCODES)))]
            out[place : place + int(rng.integers(0, 2))] = code
        elif kind == 5:
            del out[place:]
        elif kind == 6:
            out[place:place] = out[: int(rng.integers(1, 200))]
        else:
            # A digit of a header becomes another one.
            digits = [i for i, byte in enumerate(out[:400]) if 48 <= byte < 58]
            if digits:
                out[digits[int(rng.integers(len(digits)))]] = int(rng.integers(48, 58))
    return bytes(out)


def small_files(
    vertices: int, scratch: Path, names: tuple[str, str], rate: int
) -> dict[str, bytes]:
    """Return the files of a set of two clips of three frames, of the true size of the mesh."""
    rng = np.random.default_rng(0)
    out = {}
    sound = rng.normal(size=rate // 8).astype(np.float32) / 10
    for name in names:
        values = rng.normal(size=(3, 3 * vertices)).astype(np.float16)
        np.save(scratch / "small.npy", values)
        out[f"vertices_npy/{name}.npy"] = (scratch / "small.npy").read_bytes()
        write_sound(scratch / "small.wav", sound, rate)
        out[f"wav/{name}.wav"] = (scratch / "small.wav").read_bytes()
    rest = rng.normal(size=(vertices, 3)).astype(np.float32)
    speakers = {name.rpartition("_")[0] for name in names}
    out["templates.pkl"] = python2_pickle(dict.fromkeys(sorted(speakers), rest))
    write_ply(scratch / "small.ply", rest, np.arange(300).reshape(100, 3), text=False)
    out["mesh.ply"] = (scratch / "small.ply").read_bytes()
    return out


def used(corpus: Corpus) -> None:
    """Read all of a corpus as training and metrics do, and check what comes."""
    assert corpus.surface is not None
    for clip in corpus:
        try:
            values = clip.motion.values
        except UserError as error:
            checked(error)
        else:
            assert values.shape == (len(clip), corpus.surface.vertices, 3)
            assert np.isfinite(values).all()
        try:
            samples = clip.audio
        except UserError as error:
            checked(error)
        else:
            assert np.isfinite(samples).all() and samples.dtype == np.float32
            assert abs(len(samples) - len(clip) / clip.fps * 16_000) < 1
        head = corpus.head(clip.speaker)
        assert np.isfinite(head.vertices).all()
        for index in head.regions.values():
            assert index.size and 0 <= index.min() <= index.max() < len(head.vertices)
    for split in corpus.splits:
        assert len(corpus.split(split))


def checked(error: UserError) -> None:
    """Check that a message can be shown."""
    text = str(error)
    assert 0 < len(text) < 600 and len(text.splitlines()) <= 3, text


def fuzz(
    root: Path,
    files: dict[str, bytes],
    scan: Callable[[Path], Scan],
    load: Callable[[Path], Corpus],
    inputs: int,
    seed: int = 0,
) -> Counter[str]:
    """Damage one file a time, open the set and read it; return how often it went how.

    Only `UserError` may be raised, and nothing may run: the folder holds what it held.
    """
    rng = np.random.default_rng(seed)
    shutil.rmtree(root, ignore_errors=True)
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    assert not scan(root).problems
    used(load(root))
    told: Counter[str] = Counter()
    names = sorted(files)
    before = sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))
    for count in range(inputs):
        name = names[int(rng.integers(len(names)))]
        path = root / name
        path.unlink()
        path.write_bytes(mutated(files[name], rng))
        try:
            found = scan(root)
            for problem in found.problems:
                line = str(problem)
                assert "\n" not in line and len(line) < 500, line
            try:
                corpus = load(root)
            except UserError as error:
                checked(error)
                assert not found.clips
                told["refused"] += 1
            else:
                assert len(corpus) == len(found.clips) > 0
                used(corpus)
                told["opened with problems" if found.problems else "opened"] += 1
        except Exception as error:
            kept = root.parent / f"failed-{name.replace('/', '-')}"
            kept.write_bytes(path.read_bytes())
            raise AssertionError(f"input {count}, {name}, kept as {kept}") from error
        path.unlink()
        path.write_bytes(files[name])
    assert sorted(path.relative_to(root).as_posix() for path in root.rglob("*")) == before
    return told
