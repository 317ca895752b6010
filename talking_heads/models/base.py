"""What all models of speech share: the interface, the audio encoder, and the terms of losses."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Self

from numpy.typing import NDArray
from torch import Tensor

from talking_heads import losses
from talking_heads.errors import UserError
from talking_heads.face.motion import Motion
from talking_heads.models.config import ModelConfig
from talking_heads.models.contract import MotionContract
from talking_heads.models.network import Network
from talking_heads.speech.encoder import AudioEncoder, LogMelEncoder
from talking_heads.speech.encoders import build_encoder

if TYPE_CHECKING:
    from talking_heads.corpus.heads import Head


class Model(Network):
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

    encoder_id: ClassVar[str] = LogMelEncoder.encoder_id
    """What listens by default, as the contract names it."""
    random: ClassVar[bool] = True
    """Whether the seed of `animate` makes a difference."""

    def __init__(
        self,
        config: ModelConfig,
        contract: MotionContract,
        encoder: AudioEncoder | None = None,
    ) -> None:
        if encoder is not None:
            self.check_takes_encoder()
            self.check_encoder_fps(encoder, contract.fps)
        name = self.encoder_id if encoder is None else encoder.encoder_id
        super().__init__(config, dataclasses.replace(contract, encoder_id=name))
        self._was_given = encoder is not None

    @classmethod
    def untrained(
        cls,
        config: ModelConfig,
        contract: MotionContract,
        *,
        encoder: AudioEncoder | None = None,
        head: Head | None = None,
    ) -> Self:
        """Build the model for training; see `Network.untrained`."""
        return cls(config, contract, encoder)

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
    def encoder_settings(self) -> dict[str, Any] | None:
        """Settings of the audio encoder, unless the configuration describes it: then None."""
        return self._encoder.settings if self._was_given else None

    @property
    def _encoder(self) -> AudioEncoder:
        encoder: AudioEncoder = self.get_submodule("encoder")  # type: ignore[assignment]
        return encoder

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

    def _name_encoder(self) -> None:
        """Bring the contract up to date: a frozen encoder takes a new name with new weights."""
        if self._was_given:
            name = self._encoder.encoder_id
            self.contract = dataclasses.replace(self.contract, encoder_id=name)

    @classmethod
    def _assembled(
        cls,
        config: ModelConfig,
        contract: MotionContract,
        encoder: dict[str, Any] | None,
        tensors: dict[str, Tensor],
    ) -> Self:
        return cls(config, contract, None if encoder is None else build_encoder(encoder))
