"""Opening large sets: files full of holes, with true headers, in a process of its own."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from talking_heads.corpus.real.biwi import BIWI
from talking_heads.corpus.real.python2_pickle import python2_pickle
from talking_heads.corpus.real.vertex_layout import VertexSet
from talking_heads.corpus.real.vocaset import VOCASET

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")

SETS = {"vocaset": VOCASET, "biwi": BIWI}
_CODE = """
import sys, time
from pathlib import Path
import numpy as np
from talking_heads.corpus.real.biwi import load_biwi
from talking_heads.corpus.real.vocaset import load_vocaset
load = {"vocaset": load_vocaset, "biwi": load_biwi}[sys.argv[1]]
def peak():  # megabytes; ru_maxrss would be that of the process that started this one
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024
before = peak()
start = time.perf_counter()
corpus = load(sys.argv[2])
opened = time.perf_counter() - start
after = peak()
for clip in corpus[:3]:
    assert np.isfinite(clip.motion.values).all()
    clip.audio
for clip in corpus:
    clip.piece(len(clip) // 2, len(clip) // 2 + 10)
print(len(corpus), corpus.seconds, opened, before, after, peak())
"""


def write_sparse(root: Path, about: VertexSet, gigabytes: float, dtype: str) -> tuple[int, float]:
    """Write a set of clips of 5 seconds that takes no space; return clips and true gigabytes."""
    for name in ("vertices_npy", "wav"):
        (root / name).mkdir(parents=True)
    frames, rate = round(5 * about.disk_fps), 22_050
    width = 3 * about.vertices
    size = frames * width * np.dtype(dtype).itemsize
    names = [name for names in about.published.values() for name in names]
    names += [f"{s}_{n:02d}" for s in about.speakers for n in range(1, 41)]
    names += [f"extra{k}_{n:02d}" for k in range(60) for n in range(1, 41)]
    count = round(gigabytes * 1e9 / size)
    sound = rate * 5 * 2
    head = b"RIFF" + struct.pack("<I", 36 + sound) + b"WAVEfmt "
    head += struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    head += b"data" + struct.pack("<I", sound)
    for name in names[:count]:
        with (root / "vertices_npy" / f"{name}.npy").open("wb") as file:
            about_array = {"descr": dtype, "fortran_order": False, "shape": (frames, width)}
            np.lib.format.write_array_header_1_0(file, about_array)
            file.truncate(file.tell() + size)
        with (root / "wav" / f"{name}.wav").open("wb") as file:
            file.write(head)
            file.truncate(len(head) + sound)
    speakers = sorted({name.rpartition("_")[0] for name in names[:count]})
    rest = np.zeros((about.vertices, 3))
    templates = dict.fromkeys(speakers, rest.astype(np.float32))
    (root / "templates.pkl").write_bytes(python2_pickle(templates))
    return count, count * size / 1e9


def opened(layout: str, root: Path) -> tuple[int, float, float, int, int, int]:
    done = subprocess.run(
        [sys.executable, "-c", _CODE, layout, str(root)],
        capture_output=True,
        text=True,
        check=True,
    )
    clips, minutes, seconds, *megabytes = done.stdout.split()
    before, after, peak = map(int, megabytes)
    return int(clips), float(minutes) / 60, float(seconds), before, after, peak


@pytest.mark.parametrize("layout", SETS)
def test_a_set_of_two_gigabytes(layout: str, tmp_path: Path) -> None:
    count, gigabytes = write_sparse(tmp_path / "set", SETS[layout], 2.0, "<f4")
    assert gigabytes > 1.9
    clips, _, _, before, after, peak = opened(layout, tmp_path / "set")
    assert clips == count
    assert after - before < 40 and peak < 500


@pytest.mark.slow
@pytest.mark.parametrize("layout", SETS)
def test_a_set_of_sixty_gigabytes(layout: str, tmp_path: Path) -> None:
    count, gigabytes = write_sparse(tmp_path / "set", SETS[layout], 60.0, "<f8")
    clips, minutes, seconds, before, after, peak = opened(layout, tmp_path / "set")
    print(
        f"\n{layout}: {gigabytes:.1f} GB, {clips} clips, {minutes:.0f} min: opened in "
        f"{seconds:.2f} s; memory {before} MB before, {after} MB after, {peak} MB at most with "
        "three clips and a piece of every clip read"
    )
    assert clips == count and gigabytes > 59
    assert after < 500 and peak < 500
