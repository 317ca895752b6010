"""The ``talking-heads`` command.

Exit codes: 0 done, 1 a check failed, 2 unusable input; 130 interrupted, 141 nobody reads the
output any more, 129 or 143 ended by the system (128 and the signal's number, as shells count).
"""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import talking_heads
from talking_heads.course.commands import add_course_commands
from talking_heads.errors import UserError
from talking_heads.files import shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from talking_heads.models import DiffSpeaker

_PROGRAM = "talking-heads"
_LARGEST_SEED = 2**32 - 1
_LONGEST_TITLE = 120


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are as short as all others: the message and where to read more."""

    def error(self, message: str) -> NoReturn:
        line = " ".join(message.split())
        self.exit(2, f"{_PROGRAM}: {line}\nTry: {self.prog} --help\n")


class _Terminated(BaseException):
    """The system asked the process to end; the signal's number is the first argument."""


def _seed(text: str) -> int:
    try:
        seed = int(text)
    except ValueError:
        seed = -1
    if not 0 <= seed <= _LARGEST_SEED:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a seed; give a whole number from 0 to {_LARGEST_SEED}"
        )
    return seed


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return number


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0.5 <= rate <= 2.0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a rate; give a number from 0.5 to 2")
    return rate


def _names(text: str) -> tuple[str, ...]:
    """Split names at commas."""
    return tuple(name for name in (part.strip() for part in text.split(",")) if name)


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = 0.0
    if not 0.75 <= hours <= 20:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a length; give a number of hours from 0.75 to 20"
        )
    return hours


def _title(text: str) -> str:
    """Return the title of a page: one printable line that is not endless."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _LONGEST_TITLE else f"{line[: _LONGEST_TITLE - 3]}..."


def _animate(
    model: DiffSpeaker,
    audio: NDArray[np.float32],
    title: str,
    speaker: str | None,
    options: argparse.Namespace,
) -> None:
    """Turn ``audio`` into motion and write it where ``options`` say."""
    from tqdm import tqdm

    from talking_heads.export import write_motion

    # The delay keeps the bar off the line of an error such as an unknown speaker.
    with tqdm(desc="Animating", unit="step", disable=options.quiet, leave=False, delay=0.02) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        motion = model.animate(
            audio, speaker=speaker, seed=options.seed, steps=options.steps, progress=show
        )
    if not options.quiet:
        print(f"Writing {shown(options.out)} ...", file=sys.stderr)
    write_motion(options.out, motion, audio, title=_title(title), alive=options.alive)
    print(f"{shown(options.out)}: {len(motion)} frames, {motion.duration:.2f} s")


def _run_animate(options: argparse.Namespace) -> int:
    from talking_heads.export import check_output
    from talking_heads.models import load_model
    from talking_heads.speech import load_audio

    check_output(options.out, inputs=[options.audio])
    audio = load_audio(options.audio)
    model = load_model(options.model)
    _animate(model, audio, options.audio.stem, options.speaker, options)
    return 0


def _run_say(options: argparse.Namespace) -> int:
    from talking_heads.export import check_output
    from talking_heads.models import load_model
    from talking_heads.speech import synthesize

    check_output(options.out)
    speech = synthesize(options.text, options.voice, rate=options.rate, seed=options.seed)
    model = load_model(options.model)
    speaker = options.speaker
    if speaker is None and options.voice in model.speakers:
        speaker = options.voice
    _animate(model, speech.audio, options.text, speaker, options)
    return 0


def _run_check(options: argparse.Namespace) -> int:
    from talking_heads.course.environment import check_environment

    checks = check_environment()
    for check in checks:
        print(check)
    return 0 if all(check.ok for check in checks) else 1


def _run_corpus_build(options: argparse.Namespace) -> int:
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


def _run_corpus_info(options: argparse.Namespace) -> int:
    from talking_heads.corpus import corpus_info

    print(corpus_info(options.path))
    return 0


def _run_corpus_verify(options: argparse.Namespace) -> int:
    from talking_heads.corpus import compare_corpora, verify_corpus

    print(verify_corpus(options.path))
    if options.against is None:
        return 0
    found = compare_corpora(options.path, options.against)
    print(f"Compared with {shown(options.against)}: {found}.")
    return 0 if found.same else 1


def _run_corpus_limits(options: argparse.Namespace) -> int:
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


def _run_corpus_components(options: argparse.Namespace) -> int:
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


def _run_corpus_picture(options: argparse.Namespace) -> int:
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


def _add_animation_options(parser: argparse.ArgumentParser, speaker_default: str) -> None:
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="what to write: talk.html (a page with sound and head) or motion.npz (arrays)",
    )
    parser.add_argument(
        "--speaker",
        help=f"whose style and head: a voice that the model knows ({speaker_default})",
    )
    parser.add_argument("--seed", type=_seed, default=0, help="the same seed, the same motion (0)")
    parser.add_argument(
        "--model", default="diff_speaker", help="a shipped model's name or a checkpoint folder"
    )
    parser.add_argument("--steps", type=_positive, help="denoising steps (default: the model's)")
    parser.add_argument(
        "--alive",
        action="store_true",
        help="add blinks, gaze and slight motion of the head where the motion lacks them",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=_PROGRAM, description="Speech-driven 3D facial animation.")
    parser.add_argument("--version", action="version", version=talking_heads.__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(
        name: str,
        run: Callable[[argparse.Namespace], int],
        text: str,
        to: argparse._SubParsersAction[Any] = commands,
    ) -> argparse.ArgumentParser:
        command = to.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    animate = add("animate", _run_animate, "Make a recording drive the head.")
    animate.add_argument("audio", type=Path, help="WAV, FLAC, OGG or MP3, any sample rate")
    _add_animation_options(animate, "default: the average speaker")

    say = add("say", _run_say, "Speak a text and make it drive the head.")
    say.add_argument("text", help="English text")
    say.add_argument(
        "--voice",
        default="ada",
        help="who speaks: ada (default), ben, ...; an unknown name lists all",
    )
    say.add_argument("--rate", type=_rate, default=1.0, help="speaking rate, 0.5 to 2 (default: 1)")
    _add_animation_options(say, "default: the voice itself, or the average speaker")

    add("check", _run_check, "Check this installation, one line per item.")

    corpus = commands.add_parser("corpus", help="Build and inspect corpora.")
    corpus_commands = corpus.add_subparsers(title="commands", metavar="COMMAND", required=True)
    build = add("build", _run_corpus_build, "Build the course corpus, or another.", corpus_commands)
    build.add_argument("out", type=Path, help="the folder to write")
    build.add_argument("--hours", type=_hours, help="about so much speech: more for training")
    build.add_argument("--texts", type=Path, help="your own sentences, one a line")
    build.add_argument("--speakers", type=Path, help="your own speakers (JSON; see data/README.md)")
    build.add_argument("--only", metavar="NAMES", help="some of the course's speakers: ada,ben")
    build.add_argument(
        "--clips", type=_positive, help="clips per speaker (40; with --texts: all of them)"
    )
    build.add_argument(
        "--audio", choices=("ogg", "flac", "wav"), default="ogg", help="kind of sound files (ogg)"
    )
    build.add_argument("--seed", type=_seed, default=0, help="of all that is drawn (0)")
    build.add_argument("--workers", type=_positive, default=2, help="clips at the same time (2)")
    build.add_argument("--overwrite", action="store_true", help="replace an existing corpus")
    build.add_argument("--quiet", action="store_true", help="no progress bar")
    info = add("info", _run_corpus_info, "Describe a corpus.", corpus_commands)
    verify = add("verify", _run_corpus_verify, "Check all files of a corpus.", corpus_commands)
    verify.add_argument(
        "--against",
        metavar="PATH",
        help="another corpus: do its samples and coefficients agree bit for bit?",
    )

    limits = add(
        "limits",
        _run_corpus_limits,
        "Measure floors and ceilings of a corpus: what a model must beat and can hope for.",
        corpus_commands,
    )
    components = add(
        "components",
        _run_corpus_components,
        "Measure how much of the lips' motion principal components explain.",
        corpus_commands,
    )
    picture = add(
        "picture",
        _run_corpus_picture,
        "Draw one sentence as two speakers say it: faces, sound and curves.",
        corpus_commands,
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
    limits.add_argument("--clips", type=_positive, help="most clips of a split (all)")
    limits.add_argument("--quiet", action="store_true", help="no progress bar")

    train = add("train", _run_train, "Train a model. Run it again to go on where it stopped.")
    train.add_argument("name", help="which system: diff_speaker")
    train.add_argument(
        "--data", required=True, help='the corpus folder, or "course" for the course\'s own'
    )
    train.add_argument("--out", type=Path, required=True, help="the checkpoint folder to write")
    train.add_argument("--preset", default="course", help="course, full or paper (course)")
    train.add_argument("--steps", type=_positive, help="training steps (default: the preset's)")
    train.add_argument("--seed", type=_seed, default=0, help="of weights, batches and noise (0)")
    train.add_argument(
        "--without",
        type=_names,
        default=(),
        metavar="NAMES",
        help="speakers to leave out, such as slt,rms (none)",
    )
    train.add_argument("--quiet", action="store_true", help="no progress bar")

    add_course_commands(commands, add, _seed)

    return parser


@contextmanager
def _orderly_end() -> Iterator[None]:
    """Let kill and a closed terminal unwind the program like Ctrl-C does.

    Unfinished files are then removed. A signal that is ignored, as under nohup, stays so.
    """

    def end(number: int, frame: object) -> None:
        raise _Terminated(number)

    before = {}
    # Only the main thread may do this.
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after the command's name; those of this process if not given.

    Returns
    -------
    int
        The exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that the terminal's encoding lacks must not be an error.
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    try:
        with _orderly_end():
            code = int(options.run(options))
            sys.stdout.flush()
            return code
    except UserError as error:
        print(f"{_PROGRAM}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # As in "talking-heads progress | head -1". What is left must not be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        # A full disk or a folder without permission: the system's own words say it best.
        print(f"{_PROGRAM}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{_PROGRAM}: interrupted; unfinished files were removed.", file=sys.stderr)
        return 130
    except _Terminated as end:
        print(f"{_PROGRAM}: ended by the system; unfinished files were removed.", file=sys.stderr)
        return 128 + int(end.args[0])


if __name__ == "__main__":
    sys.exit(main())
