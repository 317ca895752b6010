"""What all models share: the interface, normalisation, and the way to a checkpoint and back."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from talking_heads import losses
from talking_heads.errors import UserError
from talking_heads.face.motion import Motion
from talking_heads.files import shown
from talking_heads.models.checkpoint import (
    ENCODER,
    check_tensors,
    read_checkpoint,
    read_encoder,
    write_checkpoint,
)
from talking_heads.models.config import ModelConfig
from talking_heads.models.contract import MotionContract
from talking_heads.speech.encoder import AudioEncoder, LogMelEncoder
from talking_heads.speech.encoders import build_encoder


class Model(nn.Module, ABC):
    """A system that turns speech into motion.

    Parameters
    ----------
    config : ModelConfig
        Sizes and choices, of the class that `config_type` names.
    contract : MotionContract
        What a frame of motion holds, how it is normalised, and the speakers. What it says about the
        encoder is replaced by the name of the one that the model has.
    encoder : AudioEncoder, optional
        What listens, where the model `takes_encoder`; it becomes part of the model. By default the
        one that the configuration describes.

    Raises
    ------
    UserError
        If the model takes no other encoder than its own, or the encoder is of another frame rate.
    """

    model_type: ClassVar[str]
    """The name in ``config.json`` and on the command line."""
    config_type: ClassVar[type[ModelConfig]]
    encoder_id: ClassVar[str] = LogMelEncoder.encoder_id
    """What listens by default, as the contract names it."""
    takes_encoder: ClassVar[bool] = False
    """Whether another audio encoder may listen."""
    random: ClassVar[bool] = True
    """Whether the seed of `animate` makes a difference."""

    config: Any
    contract: MotionContract

    def __init__(
        self,
        config: ModelConfig,
        contract: MotionContract,
        encoder: AudioEncoder | None = None,
    ) -> None:
        super().__init__()
        if encoder is not None:
            self.check_takes_encoder()
            self.check_encoder_fps(encoder, contract.fps)
        name = self.encoder_id if encoder is None else encoder.encoder_id
        self.config = config
        self.contract = dataclasses.replace(contract, encoder_id=name)
        self._was_given = encoder is not None

    @classmethod
    def check_takes_encoder(cls) -> None:
        """Raise `UserError` unless such a model `takes_encoder`."""
        if not cls.takes_encoder:
            raise UserError(
                f"A {cls.model_type} hears log-mel features by design: it takes no audio encoder.\n"
                "Take diff_speaker, or leave the encoder out."
            )

    @staticmethod
    def check_encoder_fps(encoder: AudioEncoder, fps: float) -> None:
        """Raise `UserError` unless an encoder makes one feature for each frame of motion."""
        if encoder.fps != fps:
            raise UserError(
                f"The audio encoder makes {encoder.fps:g} features a second, and the motion has "
                f"{fps:g} frames.\nLoad the encoder with fps={fps:g}."
            )

    @property
    def speakers(self) -> tuple[str, ...]:
        """The speakers with a style of their own."""
        return self.contract.speakers

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @property
    def encoder_settings(self) -> dict[str, Any] | None:
        """Settings of the audio encoder, unless the configuration describes it: then None."""
        return self._encoder.settings if self._was_given else None

    @property
    def _encoder(self) -> AudioEncoder:
        encoder: AudioEncoder = self.get_submodule("encoder")  # type: ignore[assignment]
        return encoder

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

    def loss_terms(self, predicted: Tensor, clean: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Return what `loss` returns, by the weights of the configuration.

        Parameters
        ----------
        predicted, clean : Tensor
            Normalised motion, ``(batch, frame, channel)``.
        mask : Tensor
            ``(batch, frame)`` bool: where there is motion.

        Returns
        -------
        dict of Tensor
            Scalars: ``loss``; ``motion`` and ``velocity``; and of coefficients, where their weights
            are not 0, ``mouth`` and ``aperture``.
        """
        c = self.config
        terms = {
            "motion": losses.masked_mse(predicted, clean, mask),
            "velocity": losses.velocity_mse(predicted, clean, mask),
        }
        total = terms["motion"] + c.velocity_weight * terms["velocity"]
        if self.contract.kind == "coefficients" and (c.mouth_weight or c.aperture_weight):
            factor, gradient = (t.to(clean.device) for t in losses.mouth_terms())
            made, true = self.denormalise(predicted), self.denormalise(clean)
            terms["mouth"] = losses.mouth_error(made, true, mask, factor)
            terms["aperture"] = losses.aperture_error(
                made, true, mask, gradient, closure_weight=c.closure_weight
            )
            total = total + c.mouth_weight * terms["mouth"]
            total = total + c.aperture_weight * terms["aperture"]
        return {"loss": total, **terms}

    def prepare(self, batch: Callable[[int, int], dict[str, Tensor]], clips: int) -> None:
        """Look at the training data once, before the first step. Most models need not.

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
            ``audio`` ``(batch, samples)`` at 16 kHz; ``motion`` ``(batch, frame, channel)``;
            ``mask`` ``(batch, frame)`` bool; ``speaker`` ``(batch,)`` rows of the style table.
            ``features`` ``(batch, frame, width)``, where they are kept, in place of what the
            encoder makes of the audio: of a wholly frozen encoder alone.
        augment : callable, optional
            Changes the log-mel features before the network hears them, if it hears such.

        Returns
        -------
        dict of Tensor
            Scalars: ``loss``, which is trained, and its terms by name.
        """

    @abstractmethod
    def animate(
        self,
        audio: NDArray[Any] | Tensor,
        *,
        speaker: str | None = None,
        seed: int = 0,
        steps: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Motion:
        """Make a face speak.

        Parameters
        ----------
        audio : ndarray or Tensor
            ``(samples,)`` at 16 kHz, mono.
        speaker : str, optional
            Whose style and head; without one, the average style.
        seed : int
            The same seed gives the same motion.
        steps : int, optional
            Denoising steps, for models that have such; the others refuse it.
        progress : callable, optional
            Called as ``progress(done, total)`` while the model works.

        Returns
        -------
        Motion
            At the frame rate of the contract.

        Raises
        ------
        UserError
            If the audio is empty or not finite, the speaker unknown, or a number out of range.
        """

    def save_pretrained(self, folder: str | Path, *, half: bool = True) -> None:
        """Write ``config.json``, ``contract.json`` and ``model.safetensors``.

        Where the encoder is not the configuration's own, its settings are in ``encoder.json``; its
        weights are among the model's.

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
        """Bring the contract up to date: a frozen encoder takes a new name with new weights."""
        if self._was_given:
            name = self._encoder.encoder_id
            self.contract = dataclasses.replace(self.contract, encoder_id=name)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:
        """Read a checkpoint that `save_pretrained` wrote.

        Returns
        -------
        Model
            On the CPU, ready to animate.

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
        """Build the model from what was read of a checkpoint; `folder` is for messages.

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
            raise UserError(f"{folder} holds a model of type {kind!r}, not {cls.model_type!r}.")
        sizes, promise = cls.config_type.from_dict(config), MotionContract.from_dict(contract)
        # Shapes first, without memory: a damaged size must not fill the machine.
        with torch.device("meta"):
            outline = cls(sizes, promise, None if encoder is None else build_encoder(encoder))
        if promise.encoder_id != outline.contract.encoder_id:
            raise UserError(
                f"{shown(folder)} needs the audio encoder {promise.encoder_id[:80]!r}; here is "
                f"{outline.contract.encoder_id[:80]!r}.\nGet the checkpoint again, with its "
                f"{ENCODER} if it has one."
            )
        check_tensors(tensors, outline.state_dict(), folder)
        model = cls(sizes, promise, None if encoder is None else build_encoder(encoder))
        model.load_state_dict(tensors)
        model._name_encoder()
        return model.eval()
