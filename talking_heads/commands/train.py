"""``train``: a corpus in, a checkpoint out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from talking_heads.commands.arguments import Subparsers, add_command, names, positive, seed


def _run_train(options: argparse.Namespace) -> int:
    from talking_heads.training import train

    folder = train(
        options.name,
        data=options.data,
        out=options.out,
        preset=options.preset,
        steps=options.steps,
        seed=options.seed,
        without=options.without,
        progress=not options.quiet,
    )
    print(f"{folder}: use it with --model {folder}")
    return 0


def add_train_commands(commands: Subparsers[Any]) -> None:
    """Add ``train``."""
    train = add_command(
        commands, "train", _run_train, "Train a model. Run it again to go on where it stopped."
    )
    train.add_argument("name", help="which system: diff_speaker or conv_regressor")
    train.add_argument(
        "--data", required=True, help='the corpus folder, or "course" for the course\'s own'
    )
    train.add_argument("--out", type=Path, required=True, help="the checkpoint folder to write")
    train.add_argument("--preset", default="course", help="course, full or paper (course)")
    train.add_argument("--steps", type=positive, help="training steps (default: the preset's)")
    train.add_argument("--seed", type=seed, default=0, help="of weights, batches and noise (0)")
    train.add_argument(
        "--without",
        type=names,
        default=(),
        metavar="NAMES",
        help="speakers to leave out, such as slt,rms (none)",
    )
    train.add_argument("--quiet", action="store_true", help="no progress bar")
