"""``corpus``: build, describe, check and measure corpora."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from talking_heads.commands.arguments import Subparsers, add_command, hours, positive, seed
from talking_heads.errors import UserError
from talking_heads.files import shown


def _run_build(options: argparse.Namespace) -> int:
    from talking_heads.corpus import (
        build_course_corpus,
        build_own_corpus,
        compare_corpora,
        corpus_folder,
        corpus_info,
        has_corpus,
    )

    common = {
        "seed": options.seed,
        "workers": options.workers,
        "progress": not options.quiet,
        "overwrite": options.overwrite,
        "audio_format": options.audio,
    }
    own = options.texts is not None or options.speakers is not None
    if own:
        if options.hours is not None or options.only is not None:
            raise UserError(
                "--hours and --only belong to the course corpus.\n"
                "Leave them out beside --texts and --speakers."
            )
        build_own_corpus(
            options.out,
            texts=options.texts,
            speakers=options.speakers,
            clips_per_speaker=options.clips,
            **common,
        )
    else:
        build_course_corpus(
            options.out,
            clips_per_speaker=40 if options.clips is None else options.clips,
            speakers=None if options.only is None else options.only.split(","),
            hours=options.hours,
            **common,
        )
    print(corpus_info(options.out))
    shipped = corpus_folder()
    if not own and has_corpus() and options.out.resolve() != shipped.resolve():
        print(
            f"Compared with the corpus that comes with the course: {compare_corpora(options.out)}."
        )
    return 0


def _run_info(options: argparse.Namespace) -> int:
    from talking_heads.corpus import corpus_info

    print(corpus_info(options.path, thorough=options.thorough))
    return 0


def _run_verify(options: argparse.Namespace) -> int:
    from talking_heads.corpus import compare_corpora, verify_corpus

    print(verify_corpus(options.path))
    if options.against is None:
        return 0
    found = compare_corpora(options.path, options.against)
    print(f"Compared with {shown(options.against)}: {found}.")
    return 0 if found.same else 1


def _run_limits(options: argparse.Namespace) -> int:
    from talking_heads.corpus import load_corpus
    from talking_heads.files import check_target, write_text
    from talking_heads.training.limits import floors_and_ceilings, limits_table

    if options.out is not None:
        check_target(options.out)
    found = floors_and_ceilings(
        load_corpus(options.path), clips=options.clips, progress=not options.quiet
    )
    if options.out is not None:
        write_text(options.out, json.dumps(found, indent=1) + "\n")
    print(limits_table(found))
    return 0


def _run_components(options: argparse.Namespace) -> int:
    from talking_heads.corpus import load_corpus
    from talking_heads.corpus.components import component_report, component_table
    from talking_heads.files import check_target, write_text

    if options.out is not None:
        check_target(options.out)
    found = component_report(load_corpus(options.path))
    if options.out is not None:
        write_text(options.out, json.dumps(found, indent=1) + "\n")
    print("Mean over frames of the largest distance of a lip vertex, in mm")
    print(component_table(found))
    return 0


def _run_picture(options: argparse.Namespace) -> int:
    from talking_heads.corpus import load_corpus
    from talking_heads.course.corpus_figure import (
        check_picture_target,
        corpus_picture,
        describe_corpus_picture,
        save_corpus_picture,
    )

    check_picture_target(options.out)
    corpus = load_corpus(options.path)
    save_corpus_picture(corpus_picture(corpus, options.pair), options.out)
    print(f"{shown(options.out)}: {describe_corpus_picture(corpus, options.pair)}")
    return 0


def _run_convert(options: argparse.Namespace) -> int:
    from talking_heads.corpus import corpus_info
    from talking_heads.corpus.real.convert import convert_vocaset

    done = convert_vocaset(
        options.raw, options.out, progress=not options.quiet, overwrite=options.overwrite
    )
    print(done)
    print(corpus_info(options.out))
    return 0


def _run_miniature(options: argparse.Namespace) -> int:
    from talking_heads.corpus import corpus_info
    from talking_heads.corpus.miniature import (
        write_miniature_beat,
        write_miniature_biwi,
        write_miniature_vocaset,
        write_miniature_vocaset_raw,
    )
    from talking_heads.corpus.store import new_folder

    write: dict[str, Callable[..., object]] = {
        "vocaset": write_miniature_vocaset,
        "vocaset_raw": write_miniature_vocaset_raw,
        "biwi": write_miniature_biwi,
        "beat": write_miniature_beat,
    }
    with new_folder(options.out) as folder:
        write[options.layout](folder, seed=options.seed, traps=options.traps)
    print(corpus_info(options.out))
    return 0


def add_corpus_commands(commands: Subparsers[Any]) -> None:
    """Add ``corpus`` with its commands."""
    corpus = commands.add_parser("corpus", help="Build and inspect corpora.")
    tasks = corpus.add_subparsers(title="commands", metavar="COMMAND", required=True)
    build = add_command(tasks, "build", _run_build, "Build the course corpus, or another.")
    build.add_argument("out", type=Path, help="the folder to write")
    build.add_argument("--hours", type=hours, help="about so much speech: more for training")
    build.add_argument("--texts", type=Path, help="your own sentences, one a line")
    build.add_argument("--speakers", type=Path, help="your own speakers (JSON; see data/README.md)")
    build.add_argument("--only", metavar="NAMES", help="some of the course's speakers: ada,ben")
    build.add_argument(
        "--clips", type=positive, help="clips per speaker (40; with --texts: all of them)"
    )
    build.add_argument(
        "--audio", choices=("ogg", "flac", "wav"), default="ogg", help="kind of sound files (ogg)"
    )
    build.add_argument("--seed", type=seed, default=0, help="of all that is drawn (0)")
    build.add_argument("--workers", type=positive, default=2, help="clips at the same time (2)")
    build.add_argument("--overwrite", action="store_true", help="replace an existing corpus")
    build.add_argument("--quiet", action="store_true", help="no progress bar")
    _add_foreign(tasks)
    info = add_command(tasks, "info", _run_info, "Describe a corpus.")
    info.add_argument(
        "--thorough", action="store_true", help="read all files whole, to find damage (headers)"
    )
    verify = add_command(tasks, "verify", _run_verify, "Check all files of a corpus.")
    verify.add_argument(
        "--against",
        metavar="PATH",
        help="another corpus: do its samples and coefficients agree bit for bit?",
    )

    limits = add_command(
        tasks,
        "limits",
        _run_limits,
        "Measure floors and ceilings of a corpus: what a model must beat and can hope for.",
    )
    components = add_command(
        tasks,
        "components",
        _run_components,
        "Measure how much of the lips' motion principal components explain.",
    )
    picture = add_command(
        tasks,
        "picture",
        _run_picture,
        "Draw one sentence as two speakers say it: faces, sound and curves.",
    )
    for command in (info, verify, limits, components, picture):
        command.add_argument(
            "path",
            nargs="?",
            default="course",
            help='the corpus folder; "course" for the one that comes with the course (default)',
        )
    picture.add_argument("--out", type=Path, required=True, help="the JPEG file to write")
    picture.add_argument(
        "--pair", nargs=2, metavar="CLIP", help="which clips (default: a sentence that both say)"
    )
    for command in (limits, components):
        command.add_argument("--out", type=Path, help="a JSON file to write (none)")
    limits.add_argument("--clips", type=positive, help="most clips of a split (all)")
    limits.add_argument("--quiet", action="store_true", help="no progress bar")


def _add_foreign(tasks: Subparsers[Any]) -> None:
    """Add the commands that write data sets in the layouts of others."""
    convert = add_command(
        tasks, "convert", _run_convert, "Turn the raw VOCASET download into files that models read."
    )
    convert.add_argument(
        "raw", type=Path, help="the folder with data_verts.npy, raw_audio_fixed.pkl and the others"
    )
    convert.add_argument("out", type=Path, help="the folder to write")
    convert.add_argument("--overwrite", action="store_true", help="replace an earlier conversion")
    convert.add_argument("--quiet", action="store_true", help="no progress bar")

    miniature = add_command(
        tasks,
        "miniature",
        _run_miniature,
        "Write a small data set with made-up motion, in the true layout of a real one.",
    )
    miniature.add_argument(
        "layout", choices=("vocaset", "vocaset_raw", "biwi", "beat"), help="whose layout"
    )
    miniature.add_argument("out", type=Path, help="the folder to write")
    miniature.add_argument("--seed", type=seed, default=0, help="of the made-up motion (0)")
    miniature.add_argument(
        "--traps", action="store_true", help="with the damage that is found in real downloads"
    )
