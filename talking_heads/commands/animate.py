"""``animate`` and ``say``: sound or text in, a head that speaks out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talking_heads.commands.arguments import Subparsers, add_command, positive, rate, seed, title
from talking_heads.errors import UserError
from talking_heads.files import shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from talking_heads.corpus import Corpus
    from talking_heads.models import Model


def _animate(
    model: Model,
    audio: NDArray[np.float32],
    name: str,
    speaker: str | None,
    corpus: Corpus | None,
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
    speaks = motion.face_id.partition("@")[0]
    head = None if corpus is None else corpus.head(speaks)
    write_motion(options.out, motion, audio, face=head, title=title(name), alive=options.alive)
    print(f"{shown(options.out)}: {len(motion)} frames, {motion.duration:.2f} s")


def _mesh(model: Model, data: str | None) -> Corpus | None:
    """Return the corpus whose mesh the model moves; None for the course's head."""
    from talking_heads.corpus import load_corpus
    from talking_heads.models.contract import check_fits

    if model.contract.kind == "coefficients":
        return None
    if data is None:
        raise UserError(
            "This model moves the mesh of the data set that it was trained on.\n"
            "Say where that lies: --data FOLDER."
        )
    corpus = load_corpus(data)
    check_fits(model.contract, corpus)
    return corpus


def _run_animate(options: argparse.Namespace) -> int:
    from talking_heads.export import check_output
    from talking_heads.models import load_model
    from talking_heads.speech import load_audio

    check_output(options.out, inputs=[options.audio])
    audio = load_audio(options.audio)
    model = load_model(options.model)
    corpus = _mesh(model, options.data)
    _animate(model, audio, options.audio.stem, options.speaker, corpus, options)
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
    corpus = _mesh(model, options.data)
    _animate(model, speech.audio, options.text, speaker, corpus, options)
    return 0


def _add_options(parser: argparse.ArgumentParser, speaker_default: str) -> None:
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
    parser.add_argument("--seed", type=seed, default=0, help="the same seed, the same motion (0)")
    parser.add_argument(
        "--model", default="diff_speaker", help="a shipped model's name or a checkpoint folder"
    )
    parser.add_argument(
        "--data", help="for a model of vertices: the folder of the data set that it was trained on"
    )
    parser.add_argument("--steps", type=positive, help="denoising steps (default: the model's)")
    parser.add_argument(
        "--alive",
        action="store_true",
        help="add blinks, gaze and slight motion of the head where the motion lacks them",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def add_animate_commands(commands: Subparsers[Any]) -> None:
    """Add ``animate`` and ``say``."""
    animate = add_command(commands, "animate", _run_animate, "Make a recording drive the head.")
    animate.add_argument("audio", type=Path, help="WAV, FLAC, OGG or MP3, any sample rate")
    _add_options(animate, "default: the average speaker")

    say = add_command(commands, "say", _run_say, "Speak a text and make it drive the head.")
    say.add_argument("text", help="English text")
    say.add_argument(
        "--voice",
        default="ada",
        help="who speaks: ada (default), ben, ...; an unknown name lists all",
    )
    say.add_argument("--rate", type=rate, default=1.0, help="speaking rate, 0.5 to 2 (default: 1)")
    _add_options(say, "default: the voice itself, or the average speaker")
