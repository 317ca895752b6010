"""A small HuBERT in a folder: ``config.json`` and ``model.safetensors``.

Nothing in the folder is ever executed, and all of it is checked before a network is filled.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from talking_heads.errors import UserError
from talking_heads.files import atomic_write, read_text, shown, write_text

TYPE = "small_hubert"
CONFIG, WEIGHTS = "config.json", "model.safetensors"
_HASH = "weights_sha256"
_MOST_CONFIG, _MOST_WEIGHTS = 100_000, 2_000_000_000


def write_folder(
    folder: str | os.PathLike[str], sizes: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> None:
    """Write a network's sizes and its weights, these with 16 bits.

    Raises
    ------
    UserError
        If the folder cannot be made or written.
    """
    content = write_tensors(Path(folder) / WEIGHTS, tensors)
    config = {"type": TYPE, **sizes, _HASH: hashlib.sha256(content).hexdigest()}
    write_text(Path(folder) / CONFIG, json.dumps(config, indent=1) + "\n")


def read_folder(
    folder: str | os.PathLike[str],
) -> tuple[dict[str, Any], Callable[[Mapping[str, Tensor]], dict[str, Tensor]]]:
    """Read what `write_folder` wrote.

    Returns
    -------
    dict
        The sizes, not checked.
    callable
        From the ``state_dict`` of a network of these sizes to the weights, of the same names and
        shapes, float32; raises `UserError` if they do not fit.

    Raises
    ------
    UserError
        If a file is missing or damaged, or holds something else.
    """
    folder = Path(folder)
    if not (folder / CONFIG).is_file() or not (folder / WEIGHTS).is_file():
        raise UserError(
            f"There is no small HuBERT in {shown(folder)}: it takes {CONFIG} and {WEIGHTS}.\n"
            "Make one with: talking-heads pretrain --data CORPUS --out FOLDER"
        )
    try:
        config = json.loads(read_text(folder / CONFIG, _MOST_CONFIG))
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict) or config.pop("type", None) != TYPE:
        raise UserError(f"{shown(folder / CONFIG)} is not the config of a small HuBERT.")
    digest = config.pop(_HASH, None)
    return config, lambda wanted: read_tensors(folder / WEIGHTS, wanted, digest)


def write_tensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None
) -> bytes:
    """Write tensors with 16 bits, whole or not at all, and return the file's content.

    Raises
    ------
    UserError
        If the folder cannot be made, or the file cannot be written.
    """
    content = save(
        {name: t.detach().cpu().half().contiguous() for name, t in tensors.items()}, metadata
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"Cannot make {shown(path.parent)}: {error.strerror or error}.") from None
    with atomic_write(path) as file:
        file.write(content)
    return content


def read_tensors(
    path: Path, wanted: Mapping[str, Tensor], digest: str | None = None
) -> dict[str, Tensor]:
    """Read tensors as float32.

    Parameters
    ----------
    path : Path
        A safetensors file.
    wanted : mapping of str to Tensor
        The names and shapes that must be there, and no others.
    digest : str, optional
        SHA-256 that the file must have.

    Raises
    ------
    UserError
        If the file cannot be read, is damaged, or holds other names, shapes, or values that are not
        finite.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_WEIGHTS + 1)
    except OSError as error:
        raise UserError(f"Cannot read {shown(path)}: {error.strerror or error}.") from None
    if digest is not None and hashlib.sha256(content).hexdigest() != digest:
        raise UserError(
            f"{shown(path)} is damaged, or belongs to another {CONFIG}: its hash differs."
        )
    try:
        tensors = load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise UserError(f"{shown(path)} is no usable safetensors file ({error!s:.80}).") from None
    strange = sorted(set(tensors) ^ set(wanted))
    if strange:
        raise UserError(f"{shown(path)} lacks {strange[0]:.80}, or does not need it.")
    for name, tensor in wanted.items():
        if tensors[name].shape != tensor.shape:
            raise UserError(
                f"{shown(path)}: {name} has shape {tuple(tensors[name].shape)}, not "
                f"{tuple(tensor.shape)}."
            )
        if not bool(torch.isfinite(tensors[name]).all()):
            raise UserError(f"{shown(path)}: {name} is not finite.")
    return {name: tensor.float() for name, tensor in tensors.items()}
