"""What a result was measured with, so that it can be measured again."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from talking_heads.files import shown
from talking_heads.models.checkpoint import CONTRACT, read_json
from talking_heads.models.loading import shipped_models
from talking_heads.paths import checkpoint_dir

if TYPE_CHECKING:
    from talking_heads.corpus.collection import Corpus
    from talking_heads.training.evaluation import Animator


def device_record(device: torch.device | str = "cpu") -> dict[str, Any]:
    """Return what a model ran on.

    Parameters
    ----------
    device : device or str
        Of the model.

    Returns
    -------
    dict
        ``device``, the processor's kind or the name of the GPU, and ``threads``.
    """
    where = torch.device(device)
    if where.type == "cuda":
        name = str(torch.cuda.get_device_name(where))
    else:
        name = f"{platform.machine()} {where.type.upper()}"
    return {"device": name, "threads": torch.get_num_threads()}


def environment_record() -> dict[str, Any]:
    """Return the versions of the package and of what it computes with, and the date in UTC."""
    return {
        "package": metadata.version("talking-heads"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def corpus_record(corpus: Corpus) -> dict[str, Any]:
    """Return what tells a corpus from others, without where it lies on this machine.

    Returns
    -------
    dict
        ``name``, ``layout``, ``clips``, ``seconds``, ``fps``, ``unit``, and the ``fingerprint`` of
        a course corpus; other data sets have none.
    """
    record: dict[str, Any] = {
        "name": corpus.name,
        "layout": corpus.layout,
        "clips": len(corpus),
        "seconds": round(corpus.seconds, 1),
        "fps": corpus.fps,
        "unit": corpus.unit,
    }
    if corpus.layout == "course" and corpus.root is not None:
        from talking_heads.corpus.store import read_manifest

        record["fingerprint"] = read_manifest(corpus.root).get("fingerprint")
    if corpus.surface is not None:
        record["mesh"] = corpus.surface.topology_hash
    return record


def model_record(name: str | Path, model: Animator) -> dict[str, Any]:
    """Return what tells a model from others.

    Parameters
    ----------
    name : str or Path
        As `talking_heads.training.animators.load_animator` takes it.
    model : Animator
        What it gave.

    Returns
    -------
    dict
        ``name`` and ``class``; of a model with weights also their number, its configuration, the
        name of its audio encoder and where the weights come from, and the SHA-256 of the weights'
        file if `name` leads to one.
    """
    text = os.fspath(name)
    record: dict[str, Any] = {"name": shown(Path(text).name or text), "class": type(model).__name__}
    config, contract = getattr(model, "config", None), getattr(model, "contract", None)
    if isinstance(model, torch.nn.Module):
        record["parameters"] = sum(p.numel() for p in model.parameters())
    if config is not None:
        record["config"] = config.to_dict()
    if contract is not None:
        record["encoder"] = contract.encoder_id
        record["provenance"] = dict(contract.provenance)
        folder = checkpoint_dir(text) if text in shipped_models() else Path(text)
        if (folder / CONTRACT).is_file():
            record["weights_sha256"] = read_json(folder / CONTRACT).get("weights_sha256")
    return record
