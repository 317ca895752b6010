"""What models and motion priors share: normalisation, and the way to a checkpoint and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from torch import Tensor, nn

from talking_heads.errors import UserError
from talking_heads.files import shown
from talking_heads.models.checkpoint import (
    ENCODER,
    NothingDrawn,
    check_tensors,
    read_checkpoint,
    read_encoder,
    write_checkpoint,
)
from talking_heads.models.config import ModelConfig
from talking_heads.models.contract import MotionContract

if TYPE_CHECKING:
    from talking_heads.corpus.heads import Head
    from talking_heads.speech.encoder import AudioEncoder


class Network(nn.Module, ABC):
    """A network that learns motion.

    Parameters
    ----------
    config : ModelConfig
        Sizes and choices, of the class that `config_type` names.
    contract : MotionContract
        What a frame of motion holds, how it is normalised, and the speakers.
    """

    model_type: ClassVar[str]
    """The name in ``config.json`` and on the command line."""
    config_type: ClassVar[type[ModelConfig]]
    takes_encoder: ClassVar[bool] = False
    """Whether an audio encoder may be given."""
    preset_views: ClassVar[Mapping[str, str]] = {}
    """The view of a corpus of coefficients on which a preset is trained, where it is not the
    coefficients; see `talking_heads.corpus.views.parse_view`."""

    config: Any
    contract: MotionContract

    def __init__(self, config: ModelConfig, contract: MotionContract) -> None:
        super().__init__()
        self.config = config
        self.contract = contract

    @classmethod
    def untrained(
        cls,
        config: ModelConfig,
        contract: MotionContract,
        *,
        encoder: AudioEncoder | None = None,
        head: Head | None = None,
    ) -> Self:
        """Build the network for training, from whatever its kind needs.

        Parameters
        ----------
        config : ModelConfig
            Sizes and choices, of the class that `config_type` names.
        contract : MotionContract
            What a frame of motion holds.
        encoder : AudioEncoder, optional
            What listens, where the network `takes_encoder`.
        head : Head, optional
            A head of the corpus, with the triangles of its mesh. Networks that know no mesh do
            not look at it.

        Raises
        ------
        UserError
            If the network takes no encoder and one is given, or it needs a mesh and there is none.
        """
        if encoder is not None:
            cls.check_takes_encoder()
        return cls(config, contract)

    @classmethod
    def check_takes_encoder(cls) -> None:
        """Raise `UserError` unless such a network `takes_encoder`."""
        if not cls.takes_encoder:
            raise UserError(
                f"A {cls.model_type} hears nothing: it takes no audio encoder. Leave it out."
            )

    @property
    def speakers(self) -> tuple[str, ...]:
        """The speakers that were in the training data, in the order of the contract."""
        return self.contract.speakers

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @property
    def encoder_settings(self) -> dict[str, Any] | None:
        """Settings of an audio encoder that the configuration does not describe, if any."""
        return None

    def normalise(self, motion: Tensor) -> Tensor:
        """Map ``(..., channel)`` motion to about zero mean and unit variance."""
        return (motion - motion.new_tensor(self.contract.mean)) / motion.new_tensor(
            self.contract.scale
        )

    def denormalise(self, motion: Tensor) -> Tensor:
        """Undo `normalise`."""
        return motion * motion.new_tensor(self.contract.scale) + motion.new_tensor(
            self.contract.mean
        )

    def prepare(self, batch: Callable[[int, int], dict[str, Tensor]], clips: int) -> None:
        """Look at the training data once, before the first step. Most networks need not.

        Parameters
        ----------
        batch : callable
            ``batch(step, size)`` gives a batch as `loss` takes it.
        clips : int
            How many training clips there are: so many steps of size 1 show each of them once.
        """

    @abstractmethod
    def loss(
        self,
        batch: dict[str, Tensor],
        *,
        augment: Callable[[Tensor], Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Return the terms of the training loss for one batch.

        Parameters
        ----------
        batch : dict of Tensor
            At least ``motion`` ``(batch, frame, channel)``, not normalised, and ``mask``
            ``(batch, frame)`` bool.
        augment : callable, optional
            Changes the log-mel features before the network hears them, if it hears such.

        Returns
        -------
        dict of Tensor
            Scalars: ``loss``, which is trained, and its terms by name.
        """

    def save_pretrained(self, folder: str | Path, *, half: bool = True) -> None:
        """Write ``config.json``, ``contract.json`` and ``model.safetensors``.

        Where there is an audio encoder that is not the configuration's own, its settings are in
        ``encoder.json``; its weights are among the model's.

        Parameters
        ----------
        folder : str or Path
            Made if it is missing.
        half : bool
            Store 16-bit weights; the motion changes by less than a thousandth.

        Raises
        ------
        UserError
            If the folder cannot be made, or a file in it cannot be written.
        """
        self._name_encoder()
        write_checkpoint(
            Path(folder),
            {"model_type": self.model_type, **self.config.to_dict()},
            self.contract.to_dict(),
            self.state_dict(),
            self.encoder_settings,
            half=half,
        )

    def _name_encoder(self) -> None:
        """Bring what the contract says of the audio encoder up to date, where there is one."""

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:
        """Read a checkpoint that `save_pretrained` wrote.

        Returns
        -------
        Network
            On the CPU, in evaluation mode.

        Raises
        ------
        UserError
            If something is missing, damaged, or does not fit; says what.
        """
        folder = Path(folder)
        config, contract, tensors = read_checkpoint(folder)
        return cls.from_parts(folder, config, contract, tensors, read_encoder(folder))

    @classmethod
    def from_parts(
        cls,
        folder: Path,
        config: dict[str, Any],
        contract: dict[str, Any],
        tensors: dict[str, Tensor],
        encoder: dict[str, Any] | None = None,
    ) -> Self:
        """Build the network from what was read of a checkpoint; `folder` is for messages.

        Parameters
        ----------
        folder : Path
            Where it was read.
        config, contract, tensors : dict
            From `talking_heads.models.checkpoint.read_checkpoint`.
        encoder : dict, optional
            From `talking_heads.models.checkpoint.read_encoder`.
        """
        config = dict(config)
        kind = config.pop("model_type", None)
        if kind != cls.model_type:
            raise UserError(
                f"{folder} holds a model of type {str(kind)[:40]!r}, not {cls.model_type!r}."
            )
        sizes, promise = cls.config_type.from_dict(config), MotionContract.from_dict(contract)
        # Shapes first, without memory: a damaged size must not fill the machine.
        with torch.device("meta"), NothingDrawn():
            outline = cls._assembled(sizes, promise, encoder, tensors)
        if promise.encoder_id != outline.contract.encoder_id:
            raise UserError(
                f"{shown(folder)} needs the audio encoder {promise.encoder_id[:80]!r}; here is "
                f"{outline.contract.encoder_id[:80]!r}.\nGet the checkpoint again, with its "
                f"{ENCODER} if it has one."
            )
        check_tensors(tensors, outline.state_dict(), folder)
        with NothingDrawn():
            model = cls._assembled(sizes, promise, encoder, tensors)
        model.load_state_dict(tensors)
        model._name_encoder()
        return model.eval()

    @classmethod
    def _assembled(
        cls,
        config: ModelConfig,
        contract: MotionContract,
        encoder: dict[str, Any] | None,
        tensors: dict[str, Tensor],
    ) -> Self:
        """Return the network that a checkpoint describes, before it has the weights of it."""
        return cls(config, contract)
