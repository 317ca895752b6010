"""The ``talking-heads`` command.

Exit codes: 0 done, 1 a check failed, 2 unusable input; 130 interrupted, 141 nobody reads the
output any more, 129 or 143 ended by the system (128 and the signal's number, as shells count).
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

import talking_heads
from talking_heads.commands.animate import add_animate_commands
from talking_heads.commands.arguments import add_command
from talking_heads.commands.corpus import add_corpus_commands
from talking_heads.commands.course import add_course_commands
from talking_heads.commands.evaluate import add_evaluate_commands
from talking_heads.commands.pretrain import add_pretrain_commands
from talking_heads.commands.priors import add_priors_commands
from talking_heads.commands.probe import add_probe_commands
from talking_heads.commands.train import add_train_commands
from talking_heads.errors import UserError

_PROGRAM = "talking-heads"


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are as short as all others: the message and where to read more."""

    def error(self, message: str) -> NoReturn:
        line = " ".join(message.split())
        self.exit(2, f"{_PROGRAM}: {line}\nTry: {self.prog} --help\n")


class _Terminated(BaseException):
    """The system asked the process to end; the signal's number is the first argument."""


def _run_check(options: argparse.Namespace) -> int:
    from talking_heads.course.environment import check_environment

    checks = check_environment()
    for check in checks:
        print(check)
    return 0 if all(check.ok for check in checks) else 1


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=_PROGRAM, description="Speech-driven 3D facial animation.")
    parser.add_argument("--version", action="version", version=talking_heads.__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_animate_commands(commands)
    add_command(commands, "check", _run_check, "Check this installation, one line per item.")
    add_corpus_commands(commands)
    add_train_commands(commands)
    add_pretrain_commands(commands)
    add_evaluate_commands(commands)
    add_priors_commands(commands)
    add_probe_commands(commands)
    add_course_commands(commands)
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
