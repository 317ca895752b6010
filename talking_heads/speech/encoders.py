"""Every audio encoder by name, and back from its settings.

What listens in the published systems, as far as their papers and programs say:

=============  ==================  ====================  =========  =========================
system         network             frozen                alignment  frames a second
=============  ==================  ====================  =========  =========================
FaceFormer     wav2vec2            convolutions          before     30 (VOCASET)
CodeTalker     wav2vec2            convolutions          before     30 (VOCASET)
DiffSpeaker    hubert or wav2vec2  convolutions          after      30 (VOCASET), 25 (BIWI)
FaceDiffuser   hubert              first_two_layers      pairs      30 (VOCASET), 25 (BIWI)
GLDiTalker     hubert              first_two_layers      pairs      30 (VOCASET), 25 (BIWI)
=============  ==================  ====================  =========  =========================

`PAPERS` holds these choices: ``load_encoder(**PAPERS["DiffSpeaker"], fps=25)``. What the words mean
is told in `talking_heads.speech.pretrained.FREEZES` and
`talking_heads.speech.alignment.ALIGNMENTS`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from talking_heads.errors import UserError
from talking_heads.files import shown
from talking_heads.speech.encoder import AudioEncoder, LogMelEncoder
from talking_heads.speech.pretrained import PretrainedEncoder
from talking_heads.speech.pretrained_files import HUB_NAMES
from talking_heads.speech.small_hubert_encoder import SmallHubertEncoder
from talking_heads.speech.small_hubert_files import TYPE as SMALL_HUBERT

ENCODERS = ("log_mel", "small_hubert", "hubert", "wav2vec2")
"""The encoders by name:

- ``log_mel``: log-mel features and convolutions, learned with the model.
- ``small_hubert``: our own, pretrained by masked prediction; bounded look-ahead.
- ``hubert``: ``facebook/hubert-base-ls960``, from the hub.
- ``wav2vec2``: ``facebook/wav2vec2-base-960h``, from the hub.

The two of the hub are 380 MB each, downloaded without a bar when they are first asked for.
"""

PAPERS: dict[str, dict[str, str]] = {
    "FaceFormer": {"name": "wav2vec2", "freeze": "convolutions", "alignment": "before"},
    "CodeTalker": {"name": "wav2vec2", "freeze": "convolutions", "alignment": "before"},
    "DiffSpeaker": {"name": "hubert", "freeze": "convolutions", "alignment": "after"},
    "FaceDiffuser": {"name": "hubert", "freeze": "first_two_layers", "alignment": "pairs"},
    "GLDiTalker": {"name": "hubert", "freeze": "first_two_layers", "alignment": "pairs"},
}
"""What `load_encoder` takes for the encoder of a published system."""

_CHOICES: dict[str, tuple[str, ...]] = {
    "log_mel": ("width", "blocks", "kernel", "look_ahead", "dropout"),
    "small_hubert": ("freeze", "layer"),
    "pretrained": ("freeze", "alignment", "normalise", "layer", "mask_in_training"),
}


def load_encoder(
    name: str | os.PathLike[str], *, fps: float = 25.0, **choices: Any
) -> AudioEncoder:
    """Load an audio encoder.

    Parameters
    ----------
    name : str or path
        One of `ENCODERS`, the name of another HuBERT or wav2vec 2.0 on the hub
        (``"facebook/hubert-large-ll60k"``), or a folder: what
        `talking_heads.speech.small_hubert.SmallHubert.save_pretrained` wrote, or ``config.json``
        and weights as transformers writes them. Of ``log_mel`` there are no weights to load: it
        comes with random ones, and is learned with the model.
    fps : float
        Motion frames a second.
    **choices
        For HuBERT and wav2vec 2.0 ``freeze``, ``alignment``, ``normalise``, ``layer`` and
        ``mask_in_training``, see `talking_heads.speech.pretrained.PretrainedEncoder`; for the small
        HuBERT ``freeze`` and ``layer``; for ``log_mel`` the sizes of
        `talking_heads.speech.encoder.LogMelEncoder`.

    Returns
    -------
    AudioEncoder
        On the CPU, in evaluation mode.

    Raises
    ------
    UserError
        If there is no such encoder, it cannot be had, or it has no such choice.
    """
    text = os.fspath(name)
    kind = _kind_of(text)
    strange = sorted(set(choices) - set(_CHOICES[kind]))
    if strange:
        raise UserError(
            f"The audio encoder {shown(text)} has no choice of {', '.join(strange)}.\n"
            f"It has: {', '.join(_CHOICES[kind])}."
        )
    if kind == "log_mel":
        try:
            return LogMelEncoder(fps=fps, **choices).eval()
        except ValueError as error:
            raise UserError(f"There is no such log-mel encoder: {error}.") from None
    if kind == "small_hubert":
        return SmallHubertEncoder.from_pretrained(text, fps=fps, **choices)
    return PretrainedEncoder.from_pretrained(HUB_NAMES.get(text, text), fps=fps, **choices)


def build_encoder(settings: Mapping[str, Any]) -> AudioEncoder:
    """Build an encoder with random weights from what its ``settings`` gave.

    Parameters
    ----------
    settings : mapping
        As in the ``encoder.json`` of a checkpoint. ``type`` is ``log_mel``, ``small_hubert``,
        ``hubert`` or ``wav2vec2``.

    Returns
    -------
    AudioEncoder
        On the CPU, in evaluation mode, to be filled with weights.

    Raises
    ------
    UserError
        If they are not the settings of an encoder that this package has.
    """
    kind = settings.get("type") if isinstance(settings, Mapping) else None
    if kind not in ENCODERS:
        raise UserError(
            f"There is no audio encoder of type {kind!r:.40}.\nThere is: {', '.join(ENCODERS)}."
        )
    if kind == "small_hubert":
        return SmallHubertEncoder.from_settings(settings)
    if kind == "log_mel":
        return LogMelEncoder.from_settings(settings).eval()
    return PretrainedEncoder.from_settings(settings)


def _kind_of(text: str) -> str:
    """Return of what kind an encoder is; `UserError` if there is none of that name."""
    if text in ("log_mel", "small_hubert"):
        return text
    if text in HUB_NAMES:
        return "pretrained"
    # os.path, because Path.is_dir raises on names that are too long.
    if os.path.isdir(text):  # noqa: PTH112
        return _kind_of_folder(Path(text))
    if text.count("/") != 1 or text.startswith((".", "/")):
        raise UserError(
            f"There is no audio encoder {shown(text)!r}.\n"
            f"Give one of {', '.join(ENCODERS)}, a name on the hub, or a folder."
        )
    return "pretrained"


def _kind_of_folder(folder: Path) -> str:
    import json

    if (folder / "contract.json").is_file():
        raise UserError(
            f"{shown(folder)} holds a whole model, not an audio encoder.\n"
            "In Python, load_model(folder).encoder is the encoder in it."
        )
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        # The reader of transformers' folders says what is wrong.
        return "pretrained"
    small = isinstance(config, dict) and config.get("type") == SMALL_HUBERT
    return "small_hubert" if small else "pretrained"
