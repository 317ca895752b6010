"""``pretrain``: speech in, a small HuBERT out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from talking_heads.commands.arguments import Subparsers, add_command, names, positive, seed


def _run_pretrain(options: argparse.Namespace) -> int:
    from talking_heads.training.pretrain_recipe import Recipe, control, pretrain_small_hubert

    recipe = control() if options.teacher == "phonemes" else Recipe()
    folder = pretrain_small_hubert(
        options.data,
        options.out,
        settings=recipe.changed(steps=options.steps, seed=options.seed),
        without=options.without,
        resume=not options.anew,
        progress=not options.quiet,
    )
    print(f"{folder}: use it with talking-heads train diff_speaker --encoder {folder}")
    return 0


def _steps(text: str) -> tuple[int, ...]:
    return tuple(positive(part) for part in text.split(","))


def add_pretrain_commands(commands: Subparsers[Any]) -> None:
    """Add ``pretrain``."""
    pretrain = add_command(
        commands,
        "pretrain",
        _run_pretrain,
        "Pretrain a small HuBERT on speech alone. Run it again to go on where it stopped.",
    )
    pretrain.add_argument(
        "--data", required=True, help='the corpus folder, or "course" for the course\'s own'
    )
    pretrain.add_argument("--out", type=Path, required=True, help="the folder to write")
    pretrain.add_argument(
        "--without",
        type=names,
        default=(),
        metavar="NAMES",
        help="speakers to leave out, such as slt,rms (none)",
    )
    pretrain.add_argument(
        "--steps",
        type=_steps,
        default=(),
        metavar="N,N",
        help="training steps of each iteration (3500,5000)",
    )
    pretrain.add_argument(
        "--teacher",
        choices=("units", "phonemes"),
        default="units",
        help="learn clusters of sound or, as a control, the phonemes (units)",
    )
    pretrain.add_argument("--seed", type=seed, default=0, help="of weights, clusters and crops (0)")
    pretrain.add_argument(
        "--anew", action="store_true", help="forget an unfinished run in the folder"
    )
    pretrain.add_argument("--quiet", action="store_true", help="no progress bars")
