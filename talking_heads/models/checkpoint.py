"""Checkpoints: a folder with ``config.json``, ``contract.json`` and ``model.safetensors``.

``encoder.json`` is there too where the audio encoder is not the one that ``config.json`` describes.
Nothing in a checkpoint is ever executed. All files are checked before a model is built.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor
from torch.overrides import TorchFunctionMode

from talking_heads.errors import UserError
from talking_heads.files import atomic_write

CONFIG, CONTRACT, WEIGHTS = "config.json", "contract.json", "model.safetensors"
ENCODER = "encoder.json"


def make_folder(folder: Path) -> None:
    """Make the folder of a checkpoint, with those above it.

    Raises
    ------
    UserError
        If a file stands there or above it, or the system refuses.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; a checkpoint is a folder. Choose another name.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"Cannot make the folder {folder}: {error.strerror}.") from None


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path) as file:
        file.write(content)


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"Cannot delete {path}: {error.strerror or error}.") from None


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write ``values`` in one step: the old file or the new one, never half of it."""
    _write(path, (json.dumps(values, indent=1) + "\n").encode())


def write_checkpoint(
    folder: Path,
    config: dict[str, Any],
    contract: dict[str, Any],
    tensors: dict[str, Tensor],
    encoder: dict[str, Any] | None = None,
    *,
    half: bool = True,
) -> None:
    """Write a checkpoint.

    Parameters
    ----------
    folder : Path
        Made if it is missing. Other files in it stay.
    config, contract : dict
        What the JSON files hold; the contract gets the hash of the weights.
    tensors : dict of Tensor
        The weights by name.
    encoder : dict, optional
        Settings of an audio encoder that the configuration does not describe. Without them no
        ``encoder.json`` of an older checkpoint stays.
    half : bool
        Store floating-point weights with 16 bits, which halves the size.

    Raises
    ------
    UserError
        If the folder cannot be made, or a file in it cannot be written.
    """
    make_folder(folder)
    stored = {
        name: (t.half() if half and t.is_floating_point() else t).detach().cpu().contiguous()
        for name, t in tensors.items()
    }
    weights = save(stored)
    digest = hashlib.sha256(weights).hexdigest()
    _write(folder / WEIGHTS, weights)
    write_json(folder / CONFIG, config)
    if encoder is not None:
        write_json(folder / ENCODER, encoder)
    else:
        _delete(folder / ENCODER)
    write_json(folder / CONTRACT, {**contract, "weights_sha256": digest})


def read_json(path: Path) -> dict[str, Any]:
    """Read one JSON object.

    Raises
    ------
    UserError
        If the file is missing or holds something else.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise UserError(f"The checkpoint {path.parent} lacks {path.name}.") from None
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise UserError(f"{path} is damaged: it is no JSON object. Get the checkpoint again.")
    return values


def read_checkpoint(folder: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Tensor]]:
    """Read a checkpoint.

    Returns
    -------
    config, contract : dict
        What the JSON files hold.
    tensors : dict of Tensor
        The weights, floating-point ones as float32.

    Raises
    ------
    UserError
        If something is missing or damaged.
    """
    if not folder.is_dir():
        raise UserError(f"There is no checkpoint folder {folder}.")
    if not (folder / CONFIG).exists():
        raise UserError(
            f"{folder} holds no checkpoint: it lacks {CONFIG}.\n"
            "If its training was stopped, give the same command again to finish it."
        )
    config, contract = read_json(folder / CONFIG), read_json(folder / CONTRACT)
    path = folder / WEIGHTS
    try:
        content = path.read_bytes()
    except OSError:
        raise UserError(f"The checkpoint {folder} lacks {WEIGHTS}.") from None
    digest = contract.pop("weights_sha256", None)
    if hashlib.sha256(content).hexdigest() != digest:
        raise UserError(
            f"{path} is damaged, or belongs to another contract.json: its hash differs.\n"
            "Get the checkpoint again."
        )
    try:
        tensors = load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise UserError(f"{path} is no usable safetensors file ({str(error)[:80]}).") from None
    return (
        config,
        contract,
        {n: t.float() if t.is_floating_point() else t for n, t in tensors.items()},
    )


def read_encoder(folder: Path) -> dict[str, Any] | None:
    """Read the settings of a checkpoint's audio encoder.

    Returns
    -------
    dict or None
        What ``encoder.json`` holds; None without one: then ``config.json`` describes the encoder.

    Raises
    ------
    UserError
        If the file is damaged.
    """
    path = folder / ENCODER
    return read_json(path) if path.exists() else None


_DRAWS = frozenset(
    ("normal_", "uniform_", "trunc_normal_", "kaiming_normal_", "kaiming_uniform_",
     "xavier_normal_", "xavier_uniform_")
)  # fmt: skip


class NothingDrawn(TorchFunctionMode):
    """Within it the random numbers that weights begin with are not drawn.

    For networks whose weights come from a checkpoint: they hold anything until then. Drawing them
    costs time, most of all on the device "meta", where torch imports its compiler for it.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call a function of torch, or give back the tensor that it would have filled."""
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in _DRAWS:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def check_tensors(found: dict[str, Tensor], wanted: dict[str, Tensor], folder: Path) -> None:
    """Compare the weights with those that a model needs.

    Raises
    ------
    UserError
        If names or shapes differ, or a weight is not finite; says which.
    """
    missing, strange = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    if missing or strange:
        name = (missing or strange)[0]
        raise UserError(
            f"The weights in {folder} do not fit its config.json: {len(missing)} missing, "
            f"{len(strange)} not known, {name} for one."
        )
    for name, tensor in wanted.items():
        if found[name].shape != tensor.shape:
            raise UserError(
                f"The weights in {folder} do not fit its config.json: {name} is "
                f"{tuple(found[name].shape)}, not {tuple(tensor.shape)}."
            )
        if not torch.isfinite(found[name]).all():
            raise UserError(f"The weights in {folder} are damaged: {name} is not finite.")
