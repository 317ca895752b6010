"""A training run from a corpus to a checkpoint; the steps themselves are in `fitting`."""

from __future__ import annotations

import dataclasses
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from talking_heads.errors import UserError
from talking_heads.models import Model
from talking_heads.models.checkpoint import write_json
from talking_heads.models.config import ModelConfig
from talking_heads.models.loading import network_class
from talking_heads.models.motion_prior import MotionPrior
from talking_heads.speech.encoder import AudioEncoder
from talking_heads.speech.encoders import load_encoder
from talking_heads.speech.feature_cache import FeatureCache
from talking_heads.training.config import TrainConfig
from talking_heads.training.data import TrainingData
from talking_heads.training.figures import RESULTS, measure
from talking_heads.training.fitting import STATE, fit
from talking_heads.training.processes import choose_precision, processes
from talking_heads.training.provenance import corpus_record
from talking_heads.training.rate_distortion import prior_figures
from talking_heads.training.tracking import check_tensorboard
from talking_heads.training.views import build_contract, choose_view, training_head

if TYPE_CHECKING:
    from talking_heads.corpus.collection import Corpus


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"{platform.machine()} CPU, {torch.get_num_threads()} thread(s)"


def _check(
    name: str,
    out: Path,
    resume: bool,
    encoder: AudioEncoder | str | None,
    feature_cache: FeatureCache | None,
) -> None:
    if encoder is not None:
        network_class(name).check_takes_encoder()
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
    if resume and (out / RESULTS).exists() and not (out / STATE).exists():
        raise UserError(
            f"{out} holds a finished training, which would be lost.\n"
            "Choose another folder, or delete this one to train it anew."
        )


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
    view: str | None = None,
    precision: str = "auto",
    tensorboard: str | Path | None = None,
) -> Path:
    """Train a model or a motion prior and write its checkpoint.

    An interrupted run, started again with the same arguments, goes on where it was last saved,
    and comes to the same losses as one that was never interrupted. Several processes, each of which
    calls this with the same arguments, share each batch; the first one writes. They are started by
    ``torchrun``.

    Parameters
    ----------
    name : str
        One of `talking_heads.models.MODELS` or `talking_heads.models.PRIORS`, such as
        ``"diff_speaker"`` or ``"motion_vqvae"``.
    data : str, Path or Corpus
        A corpus with the splits ``train`` and, for figures, ``test_seen`` and ``test_unseen``.
    out : str or Path
        The checkpoint's folder. While the run lasts, its state lies there too.
    preset : str
        ``course``, ``full``, ``paper`` or, of a prior, one of its variants.
    steps : int, optional
        Updates of the weights; by default the preset's.
    seed : int
        For weights, batches and noise.
    without : sequence of str
        Speakers that the model shall never hear; see `talking_heads.corpus.Corpus.without`. The
        figures then have ``test_left_out`` too.
    resume : bool
        Go on with an unfinished run found in `out`, and leave a finished one as it is. False:
        begin anew, whatever `out` holds.
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
    view : str, optional
        Of the course's coefficients: ``"coefficients"``, or ``"vertices@low"``, or another
        resolution, with soft tissue and scan noise. By default coefficients for models, and for a
        prior what its preset names; see `talking_heads.models.network.Network.preset_views`.
    precision : {"auto", "float32", "bfloat16"}
        Of matrix products; see `talking_heads.training.processes.choose_precision`.
    tensorboard : str or Path, optional
        A folder for losses and learning rate as they come, for the program of that name.

    Returns
    -------
    Path
        `out`, with the checkpoint and ``results.json``.

    Raises
    ------
    UserError
        If name, preset, config, corpus or the speakers left out are not usable, or `out` holds an
        unfinished run with other settings, or a finished one and `resume` is true. If the model
        takes no encoder, or the encoder is of another frame rate, or is trained and its features
        are to be kept. If the view or the precision cannot be had, or the processes cannot share a
        batch equally.
    """
    out = Path(out)
    kind = network_class(name)
    if encoder is None and config is None:
        encoder = kind.config_type.preset_encoders.get(preset)
    if isinstance(encoder, os.PathLike):
        encoder = os.fspath(encoder)
    if encoder == "log_mel":
        encoder = None
    _check(name, out, resume, encoder, feature_cache)
    if config is None:
        kind.config_type.preset(preset)  # A wrong name shows before the corpus is read.
    elif type(config) is not kind.config_type:
        raise UserError(
            f"A {name} needs a {kind.config_type.__name__}, no {type(config).__name__}."
        )
    if tensorboard is not None:
        check_tensorboard()
    accelerator = processes()
    precision = choose_precision(precision, accelerator.device)
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
    view = choose_view(kind, data, preset, view)
    if isinstance(encoder, str):
        encoder = load_encoder(encoder, fps=data.fps)
    elif encoder is not None:
        Model.check_encoder_fps(encoder, data.fps)
    features = None
    if encoder is not None and feature_cache is not None:
        features = partial(feature_cache.features, encoder)
    hears = issubclass(kind, Model)
    items = TrainingData(data, "train", settings.crop, seed, features, view=view, sound=hears)
    torch.manual_seed(seed)
    model = kind.untrained(
        config,
        build_contract(data, items, name, without),
        encoder=encoder,
        head=training_head(data, items),
    )
    if given is None and preset == "course":
        settings = settings.fitted_to(model.contract.motion_dim, accelerator.num_processes)
    fitted = fit(
        model,
        items,
        settings,
        seed,
        out,
        accelerator,
        precision=precision,
        resume=resume,
        progress=progress,
        tensorboard=None if tensorboard is None else Path(tensorboard),
    )
    if accelerator.is_main_process:
        model.eval()
        model.save_pretrained(out)
    accelerator.wait_for_everyone()
    if not accelerator.is_main_process:
        return out
    results: dict[str, Any] = {
        "model": name,
        "preset": preset,
        "view": view,
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
        "device": _device_name(accelerator.device),
        "processes": accelerator.num_processes,
        "precision": precision,
        "torch": torch.__version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(fitted["seconds"], 1),
        # The whole corpus, but clips and seconds of what was trained on.
        "corpus": {
            **corpus_record(data),
            "clips": len(items),
            "seconds": round(items.frames / data.fps, 2),
        },
        "without": list(without),
        "terms": fitted["terms"],
        "losses": fitted["losses"],
    }
    if evaluate:
        # The stored weights are what others will load, so they are what is measured.
        stored = kind.from_pretrained(out)
        if isinstance(stored, Model):
            results["figures"] = measure(stored, data)
        elif isinstance(stored, MotionPrior):
            results["figures"] = prior_figures(stored, data, progress=progress)
    write_json(out / RESULTS, results)
    (out / STATE).unlink(missing_ok=True)
    return out
