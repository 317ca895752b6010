"""``priors``: motion priors trained side by side and compared."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from talking_heads.commands.arguments import Subparsers, add_command, names, positive


def _run_priors(options: argparse.Namespace) -> int:
    from talking_heads.corpus import load_corpus
    from talking_heads.files import check_target
    from talking_heads.training.prior_runs import prior_table, run_priors, write_priors

    if options.out is not None:
        check_target(options.out)

    def tell(what: str) -> None:
        if not options.quiet:
            print(f"{what} ...", file=sys.stderr, flush=True)

    record = run_priors(
        load_corpus(options.data),
        options.work,
        names=options.runs or None,
        steps=options.steps,
        clips=options.clips,
        precision=options.precision,
        progress=tell,
    )
    if options.out is not None:
        write_priors(options.out, record)
    print(prior_table(record))
    return 0


def add_priors_commands(commands: Subparsers[Any]) -> None:
    """Add ``priors``."""
    priors = add_command(
        commands, "priors", _run_priors, "Train motion priors and measure what motion they keep."
    )
    priors.add_argument(
        "--data", required=True, help='the corpus folder, or "course" for the course\'s own'
    )
    priors.add_argument(
        "--work", type=Path, required=True, help="a folder for the checkpoints; run again to go on"
    )
    priors.add_argument(
        "--runs",
        type=names,
        default=(),
        help="rate, encoder, table4 or single runs; an unknown name lists all (all of them, some "
        "three hours on one CPU core)",
    )
    priors.add_argument("--steps", type=positive, help="training steps (default: the preset's)")
    priors.add_argument("--clips", type=positive, help="most clips measured of a split (all)")
    priors.add_argument("--precision", default="auto", help="auto, float32 or bfloat16 (auto)")
    priors.add_argument("--out", type=Path, help="a JSON file to write (none)")
    priors.add_argument("--quiet", action="store_true", help="say nothing while at work")
