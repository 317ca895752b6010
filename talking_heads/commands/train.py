"""``train``: a corpus in, a checkpoint out."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talking_heads.commands.arguments import Subparsers, add_command, names, positive, seed
from talking_heads.errors import UserError

if TYPE_CHECKING:
    from talking_heads.corpus import Corpus
    from talking_heads.speech.encoder import AudioEncoder
    from talking_heads.speech.feature_cache import FeatureCache


def _run_train(options: argparse.Namespace) -> int:
    from talking_heads.models import MODELS
    from talking_heads.training import train

    corpus, encoder, cache = _listen(options)
    folder = train(
        options.name,
        data=corpus,
        out=options.out,
        preset=options.preset,
        steps=options.steps,
        seed=options.seed,
        without=options.without,
        progress=not options.quiet,
        encoder=encoder,
        feature_cache=cache,
        view=options.view,
        precision=options.precision,
        tensorboard=options.tensorboard,
    )
    if os.environ.get("RANK", "0") == "0":
        if options.name in MODELS:
            print(f"{folder}: use it with --model {folder}")
        else:
            print(f'{folder}: read it with talking_heads.models.load_prior("{folder}")')
    return 0


def _listen(
    options: argparse.Namespace,
) -> tuple[str | Corpus, AudioEncoder | str | None, FeatureCache | None]:
    """Return the corpus, the audio encoder for its frame rate, and where features are kept."""
    choices = {key: getattr(options, key) for key in ("freeze", "alignment", "layer")}
    choices = {key: value for key, value in choices.items() if value is not None}
    if options.encoder in (None, "log_mel"):
        # Without a name it is the preset's, as it comes.
        given = [f"--{key}" for key in choices] + ["--features"] * (options.features is not None)
        if given:
            raise UserError(
                f"{given[0]} is for pretrained encoders: say which, such as --encoder small_hubert."
            )
        return options.data, options.encoder, None
    from talking_heads.corpus import load_corpus
    from talking_heads.models import network_class
    from talking_heads.speech.encoders import load_encoder
    from talking_heads.speech.feature_cache import FeatureCache

    # Before the corpus and the weights are read, which takes a while.
    network_class(options.name).check_takes_encoder()
    corpus = load_corpus(options.data)
    encoder = load_encoder(options.encoder, fps=corpus.fps, **choices)
    if options.features is not None and not encoder.frozen:
        raise UserError(
            "Only features of an encoder that is not trained at all can be kept.\n"
            "Add --freeze all, or leave --features out."
        )
    cache = None if options.features is None else FeatureCache(options.features)
    return corpus, encoder, cache


def add_train_commands(commands: Subparsers[Any]) -> None:
    """Add ``train``."""
    train = add_command(
        commands, "train", _run_train, "Train a model. Run it again to go on where it stopped."
    )
    train.epilog = (
        "Several processes share a run, and each batch equally, when they are started by: torchrun "
        "--standalone --nproc-per-node 2 -m talking_heads.cli train ..."
    )
    train.add_argument(
        "name",
        help="which system: diff_speaker or conv_regressor; or which motion prior: motion_vqvae or "
        "graph_vqvae",
    )
    train.add_argument(
        "--data", required=True, help='the corpus folder, or "course" for the course\'s own'
    )
    train.add_argument("--out", type=Path, required=True, help="the checkpoint folder to write")
    train.add_argument(
        "--preset",
        default="course",
        help="course (default), full, paper; an unknown name lists all",
    )
    train.add_argument("--steps", type=positive, help="training steps (default: the preset's)")
    train.add_argument("--seed", type=seed, default=0, help="of weights, batches and noise (0)")
    train.add_argument(
        "--without",
        type=names,
        default=(),
        metavar="NAMES",
        help="speakers to leave out, such as slt,rms (none)",
    )
    train.add_argument(
        "--view",
        help="what of the course's head is learnt: coefficients (default of systems), vertices@low "
        "(default of priors), vertices@medium or vertices@high",
    )
    train.add_argument(
        "--precision",
        default="auto",
        help="of matrix products: float32, bfloat16 or auto, which is bfloat16 on a GPU that has "
        "it (auto)",
    )
    train.add_argument(
        "--tensorboard",
        type=Path,
        metavar="FOLDER",
        help="write losses there as they come, for the program tensorboard",
    )
    listening = train.add_argument_group(
        "audio encoder", "What listens in diff_speaker. By default what the preset names."
    )
    listening.add_argument(
        "--encoder",
        help="log_mel (default of paper), small_hubert (default of course and full), hubert or "
        "wav2vec2 (380 MB from the hub, the first time), another name on the hub, or a folder",
    )
    listening.add_argument(
        "--freeze",
        help="what of it is not trained: none, convolutions, first_two_layers or all (default: "
        "convolutions; of small_hubert none)",
    )
    listening.add_argument(
        "--alignment",
        help="of hubert and wav2vec2, how 50 features a second become frames: after (default), "
        "before, pairs or middle",
    )
    listening.add_argument(
        "--layer", type=positive, help="take the features after this layer (default: the last)"
    )
    listening.add_argument(
        "--features",
        type=Path,
        metavar="FOLDER",
        help="with --freeze all: keep the features of each clip there, and hear it only once",
    )
    train.add_argument("--quiet", action="store_true", help="no progress bar")
