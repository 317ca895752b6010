"""Runs that are killed and started again; see test_kills.py.

``killed_run.py FOLDER places`` kills a run at named places, ``killed_run.py FOLDER SEED`` at random
times. All that is needed is imported once; each run is then a fork of this process. What came out
is printed as JSON: the kills, how many left a file half written, and whether losses and weights are
those of a run that was never killed.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import torch

from talking_heads.models import checkpoint
from talking_heads.models.prior_config import MotionVQVAEConfig
from talking_heads.training import TrainConfig, fitting, loop, state, train

sys.path.insert(0, str(Path(__file__).parent))
from conftest import build_corpus

CONFIG = MotionVQVAEConfig(
    width=16, layers=1, heads=2, feed_forward=32, components=2, codes=8, decay=0.9, restart=2,
    dropout=0.1,
)  # fmt: skip
CORPUS = build_corpus()


def run(out: Path, steps: int) -> None:
    settings = TrainConfig(steps=steps, batch=4, crop=25, warm_up=2, save_every=3, ema=0.9)
    train(
        "motion_vqvae", data=CORPUS, out=out, config=CONFIG, settings=settings, progress=False,
        view="coefficients",
    )  # fmt: skip


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def tell(pipe: int) -> None:
    """Write a byte when the first step is done."""
    original, first = fitting.update_ema, iter([True])

    def updating(*how: Any) -> None:
        original(*how)
        if next(first, False):
            os.write(pipe, b"1")

    fitting.update_ema = updating


def fork(out: Path, steps: int, prepare: Callable[[], None]) -> int:
    child = os.fork()
    if not child:
        prepare()
        run(out, steps)
        os._exit(0)
    return child


def in_the_second_state() -> None:
    original, count = state.atomic_write, iter(range(10))

    @contextmanager
    def writing(path: Path) -> Iterator[IO[bytes]]:
        with original(path) as file:
            if next(count) == 1:
                file.write(b"half of it")
                file.flush()
                die()
            yield file

    state.atomic_write = writing


def after_the_second_state() -> None:
    original, count = fitting.save_state, iter(range(10))

    def saving(*how: Any) -> None:
        original(*how)
        if next(count) == 1:
            die()

    fitting.save_state = saving


def between_the_checkpoints_files() -> None:
    checkpoint.write_json = die


def before_the_results() -> None:
    loop.write_json = die


MOST_KILLS = 20
PLACES = (
    in_the_second_state, after_the_second_state, between_the_checkpoints_files, before_the_results,
)  # fmt: skip


def slowly() -> None:
    """Write the state piece by piece, so that many kills fall into it."""
    original = state.atomic_write

    class Slow:
        def __init__(self, file: IO[bytes]) -> None:
            self.file = file

        def write(self, content: bytes) -> None:
            for start in range(0, len(content), 1 + len(content) // 20):
                self.file.write(content[start : start + 1 + len(content) // 20])
                self.file.flush()
                time.sleep(0.002)

    @contextmanager
    def writing(path: Path) -> Iterator[Any]:
        with original(path) as file:
            yield Slow(file)

    state.atomic_write = writing


def main(folder: Path, how: str) -> dict[str, Any]:
    torch.set_num_threads(1)
    steps = 11 if how == "places" else 61
    whole, out = folder / "whole", folder / "killed"
    os.waitpid(fork(whole, steps, lambda: None), 0)
    kills = torn = 0

    def left_over() -> int:
        return len(list(out.glob(".talking_heads.*")))

    if how == "places":
        for place in PLACES:
            _, status = os.waitpid(fork(out, steps, place), 0)
            assert os.WTERMSIG(status) == signal.SIGKILL, place
            kills, torn = kills + 1, torn + left_over()
    else:
        chance = random.Random(int(how))
        training = json.loads((whole / "results.json").read_text())["seconds"]
        while kills < MOST_KILLS:
            stepping, told = os.pipe()

            def prepare(told: int = told) -> None:
                slowly()
                tell(told)

            child = fork(out, steps, prepare)
            os.close(told)
            # One in eight dies before its first step; a child that ends closes the pipe.
            if chance.random() > 1 / 8:
                os.read(stepping, 1)
            time.sleep(chance.uniform(0.0, 0.3) * training)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(stepping)
            if (out / "results.json").exists():
                break
            kills, torn = kills + 1, torn + left_over()
    if not (out / "results.json").exists():
        _, status = os.waitpid(fork(out, steps, lambda: None), 0)
        assert status == 0
    results = [json.loads((name / "results.json").read_text()) for name in (whole, out)]
    return {
        "kills": kills,
        "torn": torn,
        "same losses": results[0]["losses"] == results[1]["losses"],
        "same figures": results[0]["figures"] == results[1]["figures"],
        "same weights": (whole / "model.safetensors").read_bytes()
        == (out / "model.safetensors").read_bytes(),
        "left over": sorted(
            path.name for path in out.iterdir() if not (whole / path.name).exists()
        ),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2])))
