"""Networks of transformers, from the hub or a folder, checked and without noise."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from talking_heads.errors import UserError
from talking_heads.files import shown

HUB_NAMES = {
    "hubert": "facebook/hubert-base-ls960",
    "wav2vec2": "facebook/wav2vec2-base-960h",
}
"""The models of the papers, by kind."""
_KERNELS = [10, 3, 3, 3, 3, 2, 2]
_STRIDES = [5, 2, 2, 2, 2, 2, 2]
_MOST_WIDTH, _MOST_LAYERS = 4096, 64
_NEVER_HEARD = "masked_spec_embed"
"""Used for masking in training alone; some published files lack it."""


def read_network(source: str | os.PathLike[str]) -> nn.Module:
    """Load a HuBERT or wav2vec 2.0 network with its weights.

    Parameters
    ----------
    source : str or path
        ``"hubert"``, ``"wav2vec2"``, a name on the hub, or a folder.

    Returns
    -------
    nn.Module
        ``HubertModel`` or ``Wav2Vec2Model``, float32, in evaluation mode.

    Raises
    ------
    UserError
        If it cannot be reached or read, lacks weights, or is a network of another kind.
    """
    text = os.fspath(source)
    # os.path, because Path.is_dir raises on names that are too long.
    folder = os.path.isdir(text)  # noqa: PTH112
    name = text if folder else HUB_NAMES.get(text, text)
    if folder:
        _check_folder(Path(name))
    elif name.count("/") != 1 or name.startswith((".", "/")):
        known = ", ".join(HUB_NAMES)
        raise UserError(
            f"There is no folder {shown(text)!r}.\nGive {known}, a name on the hub or a folder."
        )
    with _quiet():
        # What was downloaded before first: then the hub is not asked.
        try:
            network, report = _load(name, here=True)
        except UserError:
            raise
        except Exception as error:
            # Whatever damaged files make the readers raise: their kinds are many.
            if folder:
                raise UserError(
                    f"The network in {shown(name)} is damaged.\nDownload it again."
                ) from error
            network, report = _from_hub(name)
    lacking = [key for key in report["missing_keys"] if key != _NEVER_HEARD]
    if lacking or report["mismatched_keys"]:
        raise UserError(
            f"{shown(name)} does not hold all weights of its network.\nDownload it again."
        )
    loaded: nn.Module = network.float().eval()
    if not all(bool(torch.isfinite(p).all()) for p in loaded.parameters()):
        raise UserError(f"{shown(name)} holds weights that are not finite.\nDownload it again.")
    return loaded


def build_network(settings: Mapping[str, Any]) -> nn.Module:
    """Build a network with random weights from what `network_settings` gave.

    Raises
    ------
    UserError
        If the settings are not those of a HuBERT or wav2vec 2.0 network.
    """
    if not isinstance(settings, Mapping):
        raise UserError("The settings of the audio network are not a table of names and values.")
    kind = _class_of(settings)
    try:
        with _quiet():
            network: nn.Module = kind(kind.config_class(**settings))
    except Exception as error:
        raise UserError("The settings of the audio network do not fit together.") from error
    return network.eval()


def network_settings(network: nn.Module) -> dict[str, Any]:
    """Return a network's configuration where it differs from the default, as JSON takes it."""
    config: Any = network.config
    settings = dict(config.to_diff_dict())
    # Where it was loaded from and by what version is nobody's business.
    for key in ("_name_or_path", "transformers_version", "architectures", "dtype", "torch_dtype"):
        settings.pop(key, None)
    settings["model_type"] = config.model_type
    return settings


def weights_hash(network: nn.Module) -> str:
    """Return 16 hexadecimal digits that name the weights of a network.

    They come from names, shapes and values in float32, not from the file: the same weights from
    the hub and from a folder have the same hash.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(
        (_plain_name(name), tensor) for name, tensor in network.state_dict().items()
    ):
        if name != _NEVER_HEARD:
            digest.update(f"{name}{tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().float().contiguous().numpy().data)
    return digest.hexdigest()[:16]


def _plain_name(name: str) -> str:
    """Return a weight's name as both spellings of weight norm have it."""
    name = name.replace("parametrizations.weight.original0", "weight_g")
    return name.replace("parametrizations.weight.original1", "weight_v")


def _class_of(settings: Mapping[str, Any]) -> Any:
    """Return the class for a configuration, after checks."""
    kind = settings.get("model_type")
    if kind not in HUB_NAMES:
        raise UserError(
            f"The audio network is of type {kind!r:.40}.\nGive one of type: {', '.join(HUB_NAMES)}."
        )
    shape = [settings.get("conv_kernel", _KERNELS), settings.get("conv_stride", _STRIDES)]
    right = all(isinstance(numbers, list | tuple) for numbers in shape)
    if not right or [*map(list, shape)] != [_KERNELS, _STRIDES] or settings.get("add_adapter"):
        raise UserError(
            "The audio network does not give 50 features a second from 400 samples each."
        )
    limits = {"hidden_size": _MOST_WIDTH, "num_hidden_layers": _MOST_LAYERS}
    limits["intermediate_size"] = 8 * _MOST_WIDTH
    for key, most in limits.items():
        value = settings.get(key, 1)
        if not isinstance(value, int) or not 1 <= value <= most:
            raise UserError(f"The audio network has {key} {value!r:.40}: from 1 to {most}.")
    numbers = [value for value in settings.values() if isinstance(value, float)]
    if not all(map(math.isfinite, numbers)):
        raise UserError("The audio network has a setting that is no finite number.")
    from transformers import HubertModel, Wav2Vec2Model

    return HubertModel if kind == "hubert" else Wav2Vec2Model


def _check_folder(folder: Path) -> None:
    weights = ("model.safetensors", "pytorch_model.bin")
    if not (folder / "config.json").is_file() or not any((folder / w).is_file() for w in weights):
        raise UserError(
            f"{shown(folder)} holds no pretrained network.\n"
            f"It takes config.json, and {weights[0]} or {weights[1]}."
        )


def _load(name: str, *, here: bool) -> tuple[Any, Any]:
    """Load a network, and what was missing; ``here`` is a folder, or was downloaded before."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(name, local_files_only=here)
    kind = _class_of(config.to_dict())
    network, report = kind.from_pretrained(
        name, config=config, local_files_only=here, weights_only=True, output_loading_info=True
    )
    return network, report


def _from_hub(name: str) -> tuple[Any, Any]:
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    try:
        # Asked once: without a network transformers asks for half a minute, and tells each time.
        get_hf_file_metadata(hf_hub_url(name, "config.json"), timeout=10)
        return _load(name, here=False)
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"Cannot load {shown(name)}: there is no such folder, it was not downloaded before, "
            "and the hub does not give it.\n"
            "Where there is a network, download its config.json and model.safetensors (or\n"
            "pytorch_model.bin) into a folder, and give that folder in place of the name."
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers from printing bars and advice, and put its settings back."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
