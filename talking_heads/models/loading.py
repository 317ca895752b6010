"""Find a model by name or folder."""

from __future__ import annotations

import os
from pathlib import Path

from talking_heads.errors import UserError
from talking_heads.files import shown
from talking_heads.models.base import Model
from talking_heads.models.checkpoint import CONFIG, read_checkpoint, read_encoder
from talking_heads.models.conv_regressor import ConvRegressor
from talking_heads.models.diff_speaker import DiffSpeaker
from talking_heads.paths import checkpoint_dir

MODELS: dict[str, type[Model]] = {kind.model_type: kind for kind in (DiffSpeaker, ConvRegressor)}
"""The classes of models by the name that ``config.json`` and the command line use."""


def model_class(name: str) -> type[Model]:
    """Return the class of models with a name.

    Raises
    ------
    UserError
        If there is none; names those there are.
    """
    if name not in MODELS:
        raise UserError(f"There is no model {name!r:.60}. Choose from: {', '.join(MODELS)}.")
    return MODELS[name]


def shipped_models() -> tuple[str, ...]:
    """Return the names of the checkpoints that come with the course."""
    folder = checkpoint_dir("any").parent
    return tuple(sorted(path.parent.name for path in folder.glob(f"*/{CONFIG}")))


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
        If there is no such model, or its checkpoint is damaged.
    """
    text = os.fspath(name_or_path)
    shipped = shipped_models()
    folder = checkpoint_dir(text) if text in shipped else Path(text)
    # os.path, because Path.is_dir raises on names that are too long.
    if not text or not os.path.isdir(folder):  # noqa: PTH112
        known = ", ".join(shipped) or "none"
        raise UserError(
            f'There is no model "{shown(text)}". Shipped: {known}.\n'
            "Or give the folder of a checkpoint."
        )
    config, contract, tensors = read_checkpoint(folder)
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in MODELS:
        raise UserError(
            f"{folder} holds a model of type {str(kind)[:40]!r}, unknown to this version.\n"
            f"It knows: {', '.join(MODELS)}."
        )
    return MODELS[kind].from_parts(folder, config, contract, tensors, read_encoder(folder))
