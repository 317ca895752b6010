"""The state of an unfinished run, in one safetensors file: nothing in it can be executed."""

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


def _moments(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    names = [name for name, _ in model.named_parameters()]
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
    """Write the state after ``step`` steps; the old file stays until the new one is whole."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"mean.{name}": value for name, value in mean.state_dict().items()}
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
        model.load_state_dict(part("model."))
        mean.load_state_dict(part("mean."))
        current = optimizer.state_dict()
        entries: dict[int, dict[str, Any]] = {}
        for index, (name, _) in enumerate(model.named_parameters()):
            keys = ("step", "exp_avg", "exp_avg_sq")
            entries[index] = {key: tensors[f"optimizer.{key}.{name}"] for key in keys}
        optimizer.load_state_dict({"state": entries, "param_groups": current["param_groups"]})
    except (KeyError, RuntimeError, ValueError):
        raise UserError(f"{path} is damaged. Delete it to begin anew.") from None
    return int(step), history, float(seconds)
