"""The steps of a training run: gradients, the running mean of the weights, and what is saved.

Several processes share a run: each takes a part of every batch, and their gradients are averaged.
Weights, running means and buffers are then equal in all of them, so one alone writes.
"""

from __future__ import annotations

import contextlib
import copy
import json
import time
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from talking_heads.errors import UserError
from talking_heads.files import remove_leftovers
from talking_heads.models.checkpoint import make_folder
from talking_heads.models.network import Network
from talking_heads.training.augment import augment_mel
from talking_heads.training.config import TrainConfig
from talking_heads.training.data import TrainingData
from talking_heads.training.state import load_state, save_state
from talking_heads.training.tracking import event_writer

STATE = "training_state.safetensors"
"""In the checkpoint's folder while a run lasts."""
_LOG_EVERY = 10
_RANK_STRIDE = 1_610_612_741
"""Between the random states of two processes. On the CPU torch looks at the low 32 bits alone."""


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


@torch.no_grad()
def keep_mean(mean: nn.Module, model: nn.Module) -> None:
    """Put the running mean of the weights into a model, which keeps its buffers.

    Buffers are counters and tables, which have no mean, or running means already, such as those of
    a quantizer's codes.
    """
    for slow, fast in zip(mean.parameters(), model.parameters(), strict=True):
        fast.copy_(slow)


def parameter_groups(model: Network, settings: TrainConfig) -> list[dict[str, Any]]:
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


class Objective(nn.Module):
    """The loss of a network as something to call, as what shares gradients between processes needs.

    Parameters
    ----------
    model : Network
        Whose loss.
    """

    def __init__(self, model: Network) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, batch: dict[str, Tensor], augment: Callable[[Tensor], Tensor]
    ) -> dict[str, Tensor]:
        """Return the terms of the loss."""
        return self.model.loss(batch, augment=augment)


def fit(
    model: Network,
    items: TrainingData,
    settings: TrainConfig,
    seed: int,
    out: Path,
    accelerator: Accelerator,
    *,
    precision: str = "float32",
    resume: bool = True,
    progress: bool = True,
    tensorboard: Path | None = None,
) -> dict[str, Any]:
    """Train a model in place; it ends with the running mean of the weights, on the CPU.

    Parameters
    ----------
    model : Network
        The same in all processes.
    items : TrainingData
        Of the whole split, in all processes.
    settings : TrainConfig
        How long and how fast.
    seed : int
        Every step has a random state of its own that it gives, in every process another.
    out : Path
        Where the state lies while the run lasts.
    accelerator : Accelerator
        From `talking_heads.training.processes.processes`.
    precision : {"float32", "bfloat16"}
        Of matrix products; see `talking_heads.training.processes.choose_precision`.
    resume : bool
        Go on with the state found in `out`, if any.
    progress : bool
        Show a bar.
    tensorboard : Path, optional
        A folder that gets the losses and the learning rate as they come.

    Returns
    -------
    dict
        ``terms``, the names of the losses; ``losses``, rows of the step and each of them;
        ``seconds``.

    Raises
    ------
    UserError
        If the state is damaged or of other settings, the batch cannot be shared by the processes,
        a clip cannot be read, or the loss is no longer a number.
    """
    from tqdm import tqdm

    shared, rank, main = (
        accelerator.num_processes,
        accelerator.process_index,
        accelerator.is_main_process,
    )
    path = out / STATE
    found = resume and path.is_file()
    if not found:
        model.prepare(items.batch, len(items))
    mean = copy.deepcopy(model)
    mean.to(accelerator.device)
    optimizer = torch.optim.AdamW(
        parameter_groups(model, settings),
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
    )
    if accelerator.ddp_handler is not None:
        # Pretrained encoders skip layers at random, whose weights then have no gradient in a step,
        # and have weights that only their pretraining needs.
        accelerator.ddp_handler.find_unused_parameters = model.encoder_settings is not None
    objective, optimizer = accelerator.prepare(Objective(model), optimizer)
    if shared > 1:
        # The first process has given its weights to the others.
        mean.load_state_dict(model.state_dict())
    fingerprint = _fingerprint(model, items, settings, seed, precision, shared)
    done, seconds = 0, 0.0
    history: list[list[float]] = []
    if found:
        done, history, seconds = load_state(path, fingerprint, model, mean, optimizer.optimizer)
    make_folder(out)
    if main:
        remove_leftovers(out)

    def augment(mel: Tensor) -> Tensor:
        return augment_mel(mel, settings.augmentation)

    names: list[str] = []
    began = time.monotonic()
    objective.train()
    with (
        event_writer(tensorboard if main else None, done) as record,
        tqdm(
            total=settings.steps,
            initial=done,
            desc="Training",
            unit="step",
            disable=not (progress and main),
        ) as bar,
    ):
        for step in range(done, settings.steps):
            # Every step has its own random state: nothing else must be saved to resume.
            torch.manual_seed((seed + 1) * 1_000_003 + step + rank * _RANK_STRIDE)
            batch = items.batch(step, settings.batch, rank, shared)
            batch = {key: value.to(accelerator.device) for key, value in batch.items()}
            rate = settings.learning_rate * settings.learning_rate_at(step, len(items))
            for group in optimizer.param_groups:
                group["lr"] = group["share"] * rate
            with _products_in(precision, accelerator.device):
                terms = objective(batch, augment)
            optimizer.zero_grad()
            accelerator.backward(terms["loss"])
            accelerator.clip_grad_norm_(model.parameters(), settings.clip_norm)
            optimizer.step()
            update_ema(mean, model, settings.ema, step)
            if step % _LOG_EVERY == 0 or step + 1 == settings.steps:
                values = _values(terms, accelerator)
                names = list(values)
                if not values["loss"] < float("inf"):
                    raise UserError(
                        f"The loss is no longer a number at step {step}: the learning rate is too "
                        "high for these settings, or the corpus holds wild values."
                    )
                history.append([step, *(round(value, 6) for value in values.values())])
                bar.set_postfix({key: f"{value:.3f}" for key, value in values.items()})
                record(step, {f"loss/{key}": v for key, v in values.items()} | {"rate": rate})
            bar.update()
            if main and (step + 1) % settings.save_every == 0 and step + 1 < settings.steps:
                spent = seconds + time.monotonic() - began
                save_state(
                    path, fingerprint, step + 1, history, spent, model, mean, optimizer.optimizer
                )
    keep_mean(mean, model)
    model.to("cpu")
    return {
        "terms": names,
        "losses": history,
        "seconds": seconds + time.monotonic() - began,
    }


def _fingerprint(
    model: Network,
    items: TrainingData,
    settings: TrainConfig,
    seed: int,
    precision: str,
    processes: int,
) -> str:
    """Return what a state must agree in to be gone on with."""
    heard: list[Any] = []
    if model.encoder_settings is not None:
        heard = [model.encoder_settings, items.dataset.features is None]
    return json.dumps(
        [
            model.config.to_dict(),
            settings.to_dict(),
            seed,
            [model.contract.to_dict()[key] for key in ("mean", "scale", "fps", "topology_hash")],
            list(model.speakers),
            [precision, processes],
            *heard,
        ]
    )


def _values(terms: dict[str, Tensor], accelerator: Accelerator) -> dict[str, float]:
    """Return the terms of the loss as numbers, their means over the processes."""
    numbers = [float(value.detach()) for value in terms.values()]
    if accelerator.num_processes > 1:
        own = torch.tensor(numbers, device=accelerator.device)
        numbers = accelerator.reduce(own, "mean").tolist()
    return dict(zip(terms, numbers, strict=True))


@contextlib.contextmanager
def _products_in(precision: str, device: torch.device) -> Iterator[None]:
    if precision == "float32":
        yield
    else:
        with torch.autocast(device.type, getattr(torch, precision)):
            yield
