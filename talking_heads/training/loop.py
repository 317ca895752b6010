"""The training loop."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import platform
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from talking_heads.errors import UserError
from talking_heads.models import Model, MotionContract, model_class
from talking_heads.models.checkpoint import make_folder, write_json
from talking_heads.models.config import ModelConfig
from talking_heads.speech.encoder import AudioEncoder
from talking_heads.speech.encoders import load_encoder
from talking_heads.speech.feature_cache import FeatureCache
from talking_heads.training.augment import augment_mel
from talking_heads.training.config import TrainConfig
from talking_heads.training.data import TrainingData
from talking_heads.training.evaluation import (
    STYLE_CLIPS,
    evaluate_blinks,
    evaluate_lips,
    spread,
)
from talking_heads.training.provenance import corpus_record
from talking_heads.training.state import load_state, save_state

if TYPE_CHECKING:
    from talking_heads.corpus.collection import Corpus

RESULTS = "results.json"
_STATE = "training_state.safetensors"
_LOG_EVERY = 10
_MOST_OTHER = 48
"""Clips of a split that are measured after training on a corpus without phonemes."""


def build_contract(
    corpus: Corpus, data: TrainingData, name: str, without: Sequence[str] = ()
) -> MotionContract:
    """Return the contract of a model that trains on ``data``, ``without`` some speakers.

    Where the corpus has a mesh of its own, the average speaker wears the first speaker's face.
    """
    heads = tuple(corpus.face_ids[speaker] for speaker in data.speakers)
    mesh: dict[str, Any] = {}
    if corpus.surface is not None:
        mesh = {
            "kind": "vertices",
            "vertices": corpus.surface.vertices,
            "topology_hash": corpus.surface.topology_hash,
            "unit": corpus.unit,
        }
    return MotionContract(
        speakers=data.speakers,
        heads=heads,
        mean=data.mean,
        scale=data.scale,
        fps=corpus.fps,
        **mesh,
        provenance={
            "model": name,
            "corpus": corpus.name,
            "clips": str(len(data)),
            "seconds": f"{data.frames / corpus.fps:.0f}",
            "date": datetime.now(UTC).date().isoformat(),
            **({"without": ", ".join(without)} if without else {}),
        },
    )


@torch.no_grad()
def update_ema(mean: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Move the running mean of the weights towards the weights.

    Early on the decay is smaller, ``(1 + step) / (10 + step)``, so that the random start is
    soon forgotten. What is frozen stays as it is.
    """
    decay = min(decay, (1 + step) / (10 + step))
    for slow, fast in zip(mean.parameters(), model.parameters(), strict=True):
        if fast.requires_grad:
            slow.lerp_(fast.detach(), 1 - decay)


def parameter_groups(model: Model, settings: TrainConfig) -> list[dict[str, Any]]:
    """Return what is trained in the order of the model, with the ``share`` of the learning rate.

    The share of a pretrained audio encoder is ``settings.encoder_rate``, that of all else 1; a
    log-mel encoder is learned with the model.
    """
    listening = model.encoder_settings
    pretrained = listening is not None and listening["type"] != "log_mel"

    def share(item: tuple[str, nn.Parameter]) -> float:
        return settings.encoder_rate if pretrained and item[0].startswith("encoder.") else 1.0

    trained = [item for item in model.named_parameters() if item[1].requires_grad]
    # Only neighbours are grouped: the order is what a resumed run finds its moments by.
    return [{"params": [p for _, p in run], "share": key} for key, run in groupby(trained, share)]


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"{platform.machine()} CPU, {torch.get_num_threads()} thread(s)"


def _check(
    name: str, out: Path, encoder: AudioEncoder | str | None, feature_cache: FeatureCache | None
) -> None:
    if encoder is not None:
        model_class(name).check_takes_encoder()
    # What is named is trained.
    trained = encoder is None or isinstance(encoder, str) or not encoder.frozen
    if feature_cache is not None and trained:
        raise UserError(
            "Features can be kept only of an encoder that is given and not trained at all.\n"
            'Give one with freeze "all", or keep no features.'
        )
    above = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not above.is_dir():
        raise UserError(f"{above} is a file; training writes a folder. Choose another name.")


def train(
    name: str,
    *,
    data: str | Path | Corpus,
    out: str | Path,
    preset: str = "course",
    steps: int | None = None,
    seed: int = 0,
    without: Sequence[str] = (),
    resume: bool = True,
    progress: bool = True,
    config: ModelConfig | None = None,
    settings: TrainConfig | None = None,
    evaluate: bool = True,
    encoder: AudioEncoder | str | os.PathLike[str] | None = None,
    feature_cache: FeatureCache | None = None,
) -> Path:
    """Train a model and write its checkpoint.

    An interrupted run, started again with the same arguments, goes on where it was last saved,
    and comes to the same losses as one that was never interrupted.

    Parameters
    ----------
    name : str
        One of `talking_heads.models.MODELS`, such as ``"diff_speaker"``.
    data : str, Path or Corpus
        A corpus with the splits ``train`` and, for figures, ``test_seen`` and ``test_unseen``.
    out : str or Path
        The checkpoint's folder. While the run lasts, its state lies there too.
    preset : str
        ``course``, ``full`` or ``paper``.
    steps : int, optional
        Updates of the weights; by default the preset's.
    seed : int
        For weights, batches and noise.
    without : sequence of str
        Speakers that the model shall never hear; see `talking_heads.corpus.Corpus.without`. The
        figures then have ``test_left_out`` too.
    resume : bool
        Go on with an unfinished run found in `out`; otherwise begin anew.
    progress : bool
        Show a bar.
    config, settings : optional
        In place of those of the preset. Of the preset ``course`` a batch has fewer clips where the
        mesh is large; see `TrainConfig.fitted_to`.
    evaluate : bool
        Measure the model on the test splits in the end, as far as the corpus allows; see `measure`.
    encoder : AudioEncoder, str or path, optional
        What listens. By default it is what the preset names, see
        `talking_heads.models.config.ModelConfig.preset_encoders`, and with a `config` of one's own
        the one that this describes, as it is with ``"log_mel"``. Others are named as for
        `talking_heads.speech.encoders.load_encoder`, or come from there, for the frame rate of the
        corpus. It becomes part of the model and is trained with it, save for what it freezes. To
        resume, give it again as it was at the start.
    feature_cache : FeatureCache, optional
        Keeps the features of a wholly frozen encoder. They are those of whole clips, of which crops
        get their part; the sound is then not augmented. Without it the encoder hears each crop
        anew, and nothing before and after it.

    Returns
    -------
    Path
        `out`, with the checkpoint and ``results.json``.

    Raises
    ------
    UserError
        If name, preset, config, corpus or the speakers left out are not usable, or `out` holds an
        unfinished run with other settings. If the model takes no encoder, or the encoder is of
        another frame rate, or is trained and its features are to be kept.
    """
    out = Path(out)
    kind = model_class(name)
    if encoder is None and config is None:
        encoder = kind.config_type.preset_encoders.get(preset)
    if isinstance(encoder, os.PathLike):
        encoder = os.fspath(encoder)
    if encoder == "log_mel":
        encoder = None
    _check(name, out, encoder, feature_cache)
    if config is None:
        kind.config_type.preset(preset)  # A wrong name shows before the corpus is read.
    elif type(config) is not kind.config_type:
        raise UserError(
            f"A {name} needs a {kind.config_type.__name__}, no {type(config).__name__}."
        )
    given = settings
    settings = settings or TrainConfig.preset(preset, name)
    if steps is not None:
        settings = dataclasses.replace(settings, steps=steps)
    if isinstance(data, str | os.PathLike):
        from talking_heads.corpus import load_corpus

        data = load_corpus(data)
    if config is None:
        config = kind.config_type.preset(preset, data.fps)
    data = data.without(without)
    if isinstance(encoder, str):
        encoder = load_encoder(encoder, fps=data.fps)
    elif encoder is not None:
        kind.check_encoder_fps(encoder, data.fps)
    features = None
    if encoder is not None and feature_cache is not None:
        features = partial(feature_cache.features, encoder)
    items = TrainingData(data, "train", settings.crop, seed, features)
    torch.manual_seed(seed)
    model = kind(config, build_contract(data, items, name, without), encoder)
    if given is None and preset == "course":
        settings = settings.fitted_to(model.contract.motion_dim)
    history, seconds = _fit(model, items, settings, seed, out, resume=resume, progress=progress)

    model.eval()
    model.save_pretrained(out)
    results: dict[str, Any] = {
        "model": name,
        "preset": preset,
        "parameters": sum(p.numel() for p in model.parameters()),
        "trained_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "encoder": {
            "id": model.contract.encoder_id,
            **({} if encoder is None else {"settings": encoder.settings}),
            "kept_features": features is not None,
        },
        "config": config.to_dict(),
        "training": settings.to_dict(),
        "seed": seed,
        "device": _device_name(model.device),
        "torch": torch.__version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        # The whole corpus, but clips and seconds of what was trained on.
        "corpus": {
            **corpus_record(data),
            "clips": len(items),
            "seconds": round(items.frames / data.fps, 2),
        },
        "without": list(without),
        "losses": history,
    }
    if evaluate:
        # The stored weights are what others will load, so they are what is measured.
        results["figures"] = measure(kind.from_pretrained(out), data)
    write_json(out / RESULTS, results)
    (out / _STATE).unlink(missing_ok=True)
    return out


def measure(
    model: Model, corpus: Corpus, seeds: Sequence[int] | None = None, clips: int | None = None
) -> dict[str, Any]:
    """Return the figures of the test splits that the corpus has.

    Figures of the lips need coefficients and phonemes. Of other corpora there are those of
    `talking_heads.training.evaluate.evaluate`.

    Parameters
    ----------
    model : Model
        The model.
    corpus : Corpus
        With the splits ``test_seen`` (voices of the training split, new sentences),
        ``test_unseen`` (new voices, new sentences) or ``test_left_out`` (voices that were left
        out of training, see `talking_heads.corpus.Corpus.without`); without phonemes, all splits
        but ``train`` and ``val``.
    seeds : sequence of int, optional
        Figures are means over them. By default 0, 1 and 2, and 0 alone where a model leaves
        nothing to chance.
    clips : int
        At most so many clips of a split; all of them if not given. The comparison of all styles
        takes at most 12, the picked style at most 48, for they cost the most; so do corpora without
        phonemes.

    Returns
    -------
    dict
        For seen voices in their own style; for unseen ones in the average style, in each
        style, and in a style picked by three clips. See `evaluate_lips`. Without phonemes, for
        each split the value of each metric, or a ``note`` that tells why there is none.
    """
    if seeds is None:
        seeds = (0, 1, 2) if model.random else (0,)
    figures: dict[str, Any] = {"seeds": list(seeds)}
    tests = [name for name in corpus.splits if name not in ("train", "val")]
    told = all(clip.phonemes for name in tests for clip in corpus.split(name))
    if corpus.kind != "coefficients" or not told:
        most = min(clips or _MOST_OTHER, _MOST_OTHER)
        return figures | {name: _other_figures(model, corpus, name, seeds, most) for name in tests}
    if "test_seen" in corpus.splits:
        figures["test_seen"] = evaluate_lips(model, corpus, "test_seen", seeds, clips=clips)
        figures["test_seen"] |= evaluate_blinks(model, corpus, "test_seen", seeds, clips=clips)
    if "test_left_out" in corpus.splits:
        figures["test_left_out_average_style"] = evaluate_lips(
            model, corpus, "test_left_out", seeds, style=None, clips=clips
        )
    if "test_unseen" in corpus.splits:
        figures["test_unseen_average_style"] = evaluate_lips(
            model, corpus, "test_unseen", seeds, style=None, clips=clips
        )
        figures["test_unseen_each_style"] = evaluate_lips(
            model, corpus, "test_unseen", seeds[:1], style="each", clips=min(clips or 12, 12)
        )
        most = min(clips or 48, 48)
        # Counted among the clips that are taken, not among all.
        taken = Counter(clip.speaker for clip in spread(corpus.split("test_unseen"), most))
        if min(taken.values()) > 2 * STYLE_CLIPS:
            figures["test_unseen_picked_style"] = evaluate_lips(
                model, corpus, "test_unseen", seeds[:1], style="picked", clips=most
            )
    return figures


def _other_figures(
    model: Model, corpus: Corpus, split: str, seeds: Sequence[int], clips: int
) -> dict[str, Any]:
    from talking_heads.training.evaluate import evaluate

    try:
        found = evaluate(model, corpus, split, seeds=len(seeds), clips=clips)
    except UserError as error:
        # The weights are worth keeping even where nothing can be said about them.
        return {"note": f"Not measured: {error}"}
    values = {name: metric["value"] for name, metric in found["metrics"].items()}
    return {"clips": found["clips"], **values, "notes": found["notes"]}


def _fit(
    model: Model,
    items: TrainingData,
    settings: TrainConfig,
    seed: int,
    out: Path,
    *,
    resume: bool,
    progress: bool,
) -> tuple[list[list[float]], float]:
    """Train ``model`` in place; it ends with the running mean of the weights.

    Returns the history, rows of step, loss and its terms, and the seconds it took.
    """
    from tqdm import tqdm

    accelerator = Accelerator()
    path = out / _STATE
    if not (resume and path.is_file()):
        model.prepare(items.batch, len(items))
    mean = copy.deepcopy(model)
    mean.to(accelerator.device)
    optimizer = torch.optim.AdamW(
        parameter_groups(model, settings),
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
    )
    fast, optimizer = accelerator.prepare(model, optimizer)
    heard: list[Any] = []
    if model.encoder_settings is not None:
        heard = [model.encoder_settings, items.dataset.features is None]
    fingerprint = json.dumps(
        [
            model.config.to_dict(),
            settings.to_dict(),
            seed,
            [model.contract.to_dict()[key] for key in ("mean", "scale", "fps", "topology_hash")],
            list(model.speakers),
            *heard,
        ]
    )
    done, seconds = 0, 0.0
    history: list[list[float]] = []
    if resume and path.is_file():
        done, history, seconds = load_state(path, fingerprint, model, mean, optimizer.optimizer)
    make_folder(out)

    def augment(mel: Tensor) -> Tensor:
        return augment_mel(mel, settings.augmentation)

    began = time.monotonic()
    fast.train()
    with tqdm(
        total=settings.steps, initial=done, desc="Training", unit="step", disable=not progress
    ) as bar:
        for step in range(done, settings.steps):
            # Every step has its own random state: nothing else must be saved to resume.
            torch.manual_seed((seed + 1) * 1_000_003 + step)
            batch = items.batch(step, settings.batch)
            batch = {key: value.to(accelerator.device) for key, value in batch.items()}
            for group in optimizer.param_groups:
                rate = settings.learning_rate * settings.learning_rate_at(step)
                group["lr"] = group["share"] * rate
            terms = model.loss(batch, augment=augment)
            optimizer.zero_grad()
            accelerator.backward(terms["loss"])
            accelerator.clip_grad_norm_(model.parameters(), settings.clip_norm)
            optimizer.step()
            update_ema(mean, model, settings.ema, step)
            if step % _LOG_EVERY == 0 or step + 1 == settings.steps:
                values = {key: float(value.detach()) for key, value in terms.items()}
                if not values["loss"] < float("inf"):
                    raise UserError(
                        f"The loss is no longer a number at step {step}: the learning rate is too "
                        "high for these settings, or the corpus holds wild values."
                    )
                history.append([step, *(round(value, 6) for value in values.values())])
                bar.set_postfix({key: f"{value:.3f}" for key, value in values.items()})
            bar.update()
            if (step + 1) % settings.save_every == 0 and step + 1 < settings.steps:
                spent = seconds + time.monotonic() - began
                save_state(
                    path, fingerprint, step + 1, history, spent, model, mean, optimizer.optimizer
                )
    model.load_state_dict(mean.state_dict())
    model.to("cpu")
    return history, seconds + time.monotonic() - began
