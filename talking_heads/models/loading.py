"""Find a model of speech, or a motion prior, by name or folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from torch import Tensor

from talking_heads.errors import UserError
from talking_heads.files import shown
from talking_heads.models.base import Model
from talking_heads.models.checkpoint import CONFIG, read_checkpoint, read_encoder
from talking_heads.models.conv_regressor import ConvRegressor
from talking_heads.models.diff_speaker import DiffSpeaker
from talking_heads.models.graph_vqvae import GraphVQVAE
from talking_heads.models.motion_prior import MotionPrior
from talking_heads.models.motion_vqvae import MotionVQVAE
from talking_heads.models.network import Network
from talking_heads.paths import checkpoint_dir

MODELS: dict[str, type[Model]] = {kind.model_type: kind for kind in (DiffSpeaker, ConvRegressor)}
"""The classes of models by the name that ``config.json`` and the command line use."""
PRIORS: dict[str, type[MotionPrior]] = {kind.model_type: kind for kind in (MotionVQVAE, GraphVQVAE)}
"""The classes of motion priors by such names. They hear nothing."""


def model_class(name: str) -> type[Model]:
    """Return the class of models with a name.

    Raises
    ------
    UserError
        If there is none; names those there are.
    """
    if name in PRIORS:
        raise UserError(
            f"{name} is a motion prior: it hears nothing and cannot animate.\n"
            f"Models of speech are: {', '.join(MODELS)}."
        )
    if name not in MODELS:
        raise UserError(f"There is no model {name!r:.60}. Choose from: {', '.join(MODELS)}.")
    return MODELS[name]


def prior_class(name: str) -> type[MotionPrior]:
    """Return the class of motion priors with a name.

    Raises
    ------
    UserError
        If there is none; names those there are.
    """
    if name not in PRIORS:
        raise UserError(f"There is no motion prior {name!r:.60}. Choose from: {', '.join(PRIORS)}.")
    return PRIORS[name]


def network_class(name: str) -> type[Network]:
    """Return the class of models or motion priors with a name: whatever can be trained.

    Raises
    ------
    UserError
        If there is none; names those there are.
    """
    known: dict[str, type[Network]] = {**MODELS, **PRIORS}
    if name not in known:
        raise UserError(f"There is no model {name!r:.60}. Choose from: {', '.join(known)}.")
    return known[name]


def _shipped(priors: bool) -> tuple[str, ...]:
    folder = checkpoint_dir("any").parent
    found = (path for path in folder.glob(f"*/{CONFIG}") if (_type(path) in PRIORS) == priors)
    return tuple(sorted(path.parent.name for path in found))


def _type(path: Path) -> str:
    """Return the type that a ``config.json`` names, empty where it is damaged."""
    try:
        kind = json.loads(path.read_text(encoding="utf-8"))["model_type"]
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return ""
    return kind if isinstance(kind, str) else ""


def shipped_models() -> tuple[str, ...]:
    """Return the names of the checkpoints of models of speech that come with the course."""
    return _shipped(priors=False)


def shipped_priors() -> tuple[str, ...]:
    """Return the names of the checkpoints of motion priors that come with the course."""
    return _shipped(priors=True)


def _read(
    name_or_path: str | Path, what: str
) -> tuple[Path, str, tuple[dict[str, Any], dict[str, Any], dict[str, Tensor]]]:
    """Return folder, type and parts of a checkpoint, whatever it holds."""
    text = os.fspath(name_or_path)
    models, priors = shipped_models(), shipped_priors()
    folder = checkpoint_dir(text) if text in (*models, *priors) else Path(text)
    # os.path, because Path.is_dir raises on names that are too long.
    if not text or not os.path.isdir(folder):  # noqa: PTH112
        known = ", ".join(models if what == "model" else priors) or "none"
        raise UserError(
            f'There is no {what} "{shown(text)}". Shipped: {known}.\n'
            "Or give the folder of a checkpoint."
        )
    parts = read_checkpoint(folder)
    kind = parts[0].get("model_type")
    if not isinstance(kind, str) or kind not in {**MODELS, **PRIORS}:
        raise UserError(
            f"{folder} holds a model of type {str(kind)[:40]!r}, unknown to this version.\n"
            f"It knows: {', '.join((*MODELS, *PRIORS))}."
        )
    return folder, kind, parts


def load_model(name_or_path: str | Path = "diff_speaker") -> Model:
    """Load a model, ready to animate.

    Parameters
    ----------
    name_or_path : str or Path
        The name of a shipped checkpoint, or a checkpoint's folder.

    Returns
    -------
    Model
        Of the class that its ``config.json`` names; on the CPU, in evaluation mode.

    Raises
    ------
    UserError
        If there is no such model, its checkpoint is damaged, or it holds a motion prior.
    """
    folder, kind, parts = _read(name_or_path, "model")
    if kind in PRIORS:
        raise UserError(
            f"{shown(folder)} holds a motion prior ({kind}): it hears nothing and cannot animate."
            "\nload_prior reads it; give a model of speech where one is needed."
        )
    return MODELS[kind].from_parts(folder, *parts, read_encoder(folder))


def load_prior(name_or_path: str | Path) -> MotionPrior:
    """Load a motion prior.

    Parameters
    ----------
    name_or_path : str or Path
        The name of a shipped checkpoint, or a checkpoint's folder.

    Returns
    -------
    MotionPrior
        Of the class that its ``config.json`` names; on the CPU, in evaluation mode.

    Raises
    ------
    UserError
        If there is no such prior, its checkpoint is damaged, or it holds a model of speech.
    """
    folder, kind, parts = _read(name_or_path, "motion prior")
    if kind in MODELS:
        raise UserError(
            f"{shown(folder)} holds a model of speech ({kind}), no motion prior.\n"
            "load_model reads it."
        )
    return PRIORS[kind].from_parts(folder, *parts)
