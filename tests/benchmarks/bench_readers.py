"""What opening a data set costs against reading it; run it as a script.

Ratios of one run on whatever machine, on a set in VOCASET's layout with twelve clips of four
seconds: opening by headers against reading all motion, a piece of a clip against the whole, and the
restricted loader of pickles against Python's own.
"""

from __future__ import annotations

import pickle
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from talking_heads.corpus.miniature.parts import write_sound
from talking_heads.corpus.real.python2_pickle import python2_pickle
from talking_heads.corpus.real.unpickle import load_pickle
from talking_heads.corpus.real.vocaset import TRAIN, VERTICES, load_vocaset

CLIPS, FRAMES, RATE = 12, 240, 22_050


def _seconds(run: Callable[[], object], repeats: int = 5) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def _made(root: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("vertices_npy", "wav"):
        (root / name).mkdir()
    frames = rng.normal(size=(FRAMES, 3 * VERTICES)).astype(np.float32)
    for number in range(1, CLIPS + 1):
        name = f"{TRAIN[0]}_sentence{number:02d}"
        np.save(root / "vertices_npy" / f"{name}.npy", frames)
        write_sound(root / "wav" / f"{name}.wav", np.zeros(4 * RATE, np.float32), RATE)
    templates = {name: rng.normal(size=(VERTICES, 3)) for name in TRAIN}
    (root / "templates.pkl").write_bytes(python2_pickle(templates))
    index = {
        name: {f"sentence{n:02d}": {k: k + 250 * n for k in range(250)} for n in range(1, 41)}
        for name in TRAIN
    }
    (root / "index.pkl").write_bytes(pickle.dumps(index, 2))


def _python(path: Path) -> object:
    with path.open("rb") as file:
        return pickle.load(file, encoding="latin1")


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _made(root)
        corpus = load_vocaset(root)
        clip = corpus[0]
        opening = _seconds(lambda: load_vocaset(root))
        everything = _seconds(lambda: [clip.motion for clip in corpus], 1)
        whole = _seconds(lambda: clip.motion)
        piece = _seconds(lambda: clip.piece(40, 50))
        print(f"opening / reading all motion      {opening / everything:6.3f}")
        print(f"10 frames / a clip of {FRAMES // 2}         {piece / whole:6.3f}")
        for name, what in (("templates", "eight templates"), ("index", "80,000 numbers")):
            path = root / f"{name}.pkl"
            ours, theirs = _seconds(partial(load_pickle, path)), _seconds(partial(_python, path))
            print(f"restricted / own pickle loader, {what:16s} {ours / theirs:6.2f}")


if __name__ == "__main__":
    main()
