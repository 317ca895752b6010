"""``probe``: what can be read from an encoder's features."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from talking_heads.commands.arguments import Subparsers, add_command, positive


def _run_probe(options: argparse.Namespace) -> int:
    from talking_heads.corpus import load_corpus
    from talking_heads.files import check_target
    from talking_heads.training.probe_runs import SOURCES, probe_table, run_probes, write_probes

    if options.out is not None:
        check_target(options.out)

    def tell(what: str) -> None:
        if not options.quiet:
            print(f"{what} ...", file=sys.stderr, flush=True)

    record = run_probes(
        options.encoders or SOURCES,
        load_corpus(options.data),
        clips=options.clips,
        base=not options.no_base,
        progress=tell,
    )
    if options.out is not None:
        write_probes(options.out, record)
    print(probe_table(record))
    return 0


def add_probe_commands(commands: Subparsers[Any]) -> None:
    """Add ``probe``."""
    probe = add_command(
        commands, "probe", _run_probe, "Measure what a linear map reads from encoders' features."
    )
    probe.add_argument(
        "encoders",
        nargs="*",
        metavar="ENCODER",
        help="log_mel, untrained (a small HuBERT with random weights), small_hubert, hubert, "
        "wav2vec2, a name on the hub, an encoder's folder, or a model whose encoder is meant "
        "(log_mel, untrained, small_hubert and diff_speaker)",
    )
    probe.add_argument(
        "--data", required=True, help='the corpus folder, or "course" for the course\'s own'
    )
    probe.add_argument("--clips", type=positive, help="most clips of each part (all)")
    probe.add_argument("--out", type=Path, help="a JSON file to write (none)")
    probe.add_argument(
        "--no-base",
        action="store_true",
        help="do not measure what a HuBERT of the base size (94 M parameters) costs",
    )
    probe.add_argument("--quiet", action="store_true", help="say nothing while at work")
