"""``evaluate``: how good models are, in figures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from talking_heads.commands.arguments import Subparsers, add_command, names, positive

_MOST_SEEDS = 100


def seeds(text: str) -> int:
    """Return a number of seeds, 1 to 100."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= _MOST_SEEDS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of seeds; give a whole number from 1 to {_MOST_SEEDS}"
        )
    return number


def _run_evaluate(options: argparse.Namespace) -> int:
    from talking_heads.corpus import load_corpus
    from talking_heads.files import check_target
    from talking_heads.training.evaluate import evaluate_all
    from talking_heads.training.report import comparison_table, result_table, write_results

    if options.out is not None:
        check_target(options.out)
    results = evaluate_all(
        options.models,
        load_corpus(options.data),
        options.split,
        seeds=options.seeds,
        style=options.style,
        clips=options.clips,
        metrics=options.metrics,
        smooth=options.smooth,
        rows=options.rows,
        progress=not options.quiet,
    )
    if options.out is not None:
        write_results(options.out, results)
    print(result_table(results[0]) if len(results) == 1 else comparison_table(results))
    return 0


def add_evaluate_commands(commands: Subparsers[Any]) -> None:
    """Add ``evaluate``."""
    evaluate = add_command(
        commands, "evaluate", _run_evaluate, "Measure models on a split of a corpus."
    )
    evaluate.add_argument(
        "models",
        nargs="+",
        metavar="MODEL",
        help="a shipped model's name, a checkpoint folder, a baseline (mean_face, nearest, ridge, "
        "oracle, oracle_style), or truth: each true motion against the others of its clip",
    )
    evaluate.add_argument(
        "--data",
        required=True,
        metavar="CORPUS",
        help='the corpus folder, or "course" for the course\'s own',
    )
    evaluate.add_argument(
        "--split", required=True, type=names, help="such as test_seen, or several: a,b"
    )
    evaluate.add_argument(
        "--seeds", type=seeds, default=1, help="predictions of each clip by chance (1)"
    )
    evaluate.add_argument(
        "--style",
        default="own",
        help="own (default), average, each (all of them, as the papers do on VOCASET), or a name",
    )
    evaluate.add_argument("--clips", type=positive, help="most clips of a split (all)")
    evaluate.add_argument(
        "--metrics", type=names, help="such as lve,mod; an unknown name lists all (all)"
    )
    evaluate.add_argument(
        "--smooth",
        action="store_true",
        help="smooth predictions over three frames, as DiffSpeaker's program does on VOCASET",
    )
    evaluate.add_argument("--out", type=Path, help="a JSON file to write (none)")
    evaluate.add_argument(
        "--rows", action="store_true", help="with each clip's figures in the file"
    )
    evaluate.add_argument("--quiet", action="store_true", help="no progress bar")
