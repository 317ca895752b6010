"""The state of an unfinished run, in one safetensors file: nothing in it can be executed.

What is frozen is not in it: whoever resumes brings it along, as at the start of the run.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from talking_heads.errors import UserError
from talking_heads.files import atomic_write


def _trained(model: nn.Module) -> list[str]:
    """Return the names of what is trained, in the order of the optimizer's parameters."""
    return [name for name, value in model.named_parameters() if value.requires_grad]


def _state(model: nn.Module, like: nn.Module) -> dict[str, Tensor]:
    """Return the state of a model without what is frozen in the one that it is `like`."""
    frozen = {name for name, _ in like.named_parameters()} - set(_trained(like))
    return {name: value for name, value in model.state_dict().items() if name not in frozen}


def _moments(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    names = _trained(model)
    state = optimizer.state_dict()["state"]
    return {
        f"optimizer.{key}.{names[index]}": value
        for index, entry in state.items()
        for key, value in entry.items()
    }


def save_state(
    path: Path,
    fingerprint: str,
    step: int,
    history: list[list[float]],
    seconds: float,
    model: nn.Module,
    mean: nn.Module,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Write the state after ``step`` steps; the old file stays until the new one is whole.

    The optimizer holds the parameters that are trained, in the model's order.
    """
    tensors = {f"model.{name}": value for name, value in _state(model, model).items()}
    tensors |= {f"mean.{name}": value for name, value in _state(mean, model).items()}
    tensors |= _moments(model, optimizer)
    metadata = {"fingerprint": fingerprint, "run": json.dumps([step, history, seconds])}
    stored = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    with atomic_write(path) as file:
        file.write(save(stored, metadata))


def load_state(
    path: Path,
    fingerprint: str,
    model: nn.Module,
    mean: nn.Module,
    optimizer: torch.optim.Optimizer,
) -> tuple[int, list[list[float]], float]:
    """Put a saved state into ``model``, ``mean`` and ``optimizer``.

    Returns
    -------
    step : int
        Steps done.
    history : list
        Losses so far.
    seconds : float
        Time spent so far.

    Raises
    ------
    UserError
        If the file is damaged or belongs to a run with other settings.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        step, history, seconds = json.loads(metadata.get("run", "null"))
    except (SafetensorError, OSError, ValueError, TypeError):
        raise UserError(f"{path} is damaged. Delete it to begin anew.") from None
    if metadata.get("fingerprint") != fingerprint:
        raise UserError(
            f"{path.parent} holds an unfinished run with other settings or another corpus.\n"
            f"Choose another folder, or delete {path.name} there to begin anew."
        )

    def part(prefix: str) -> dict[str, Tensor]:
        return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

    try:
        for network, prefix in ((model, "model."), (mean, "mean.")):
            saved, now = part(prefix), network.state_dict()
            frozen = {name: now[name] for name in set(now) - set(_state(network, model))}
            network.load_state_dict(saved | frozen)
        current = optimizer.state_dict()
        entries: dict[int, dict[str, Any]] = {}
        for index, name in enumerate(_trained(model)):
            keys = ("step", "exp_avg", "exp_avg_sq")
            # A layer that was skipped at random in all steps so far has no moments yet.
            if f"optimizer.step.{name}" in tensors:
                entries[index] = {key: tensors[f"optimizer.{key}.{name}"] for key in keys}
        optimizer.load_state_dict({"state": entries, "param_groups": current["param_groups"]})
    except (KeyError, RuntimeError, ValueError):
        raise UserError(f"{path} is damaged. Delete it to begin anew.") from None
    return int(step), history, float(seconds)
