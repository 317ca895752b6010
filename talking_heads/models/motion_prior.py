"""Motion priors: networks that learn what facial motion looks like, without any sound.

A prior turns each frame of motion into a *latent*, H vectors of C numbers, and latents back into
motion. Between the two stands a *bottleneck*. In a VQ-VAE it replaces each vector by the nearest of
a codebook of K, so that a frame becomes H whole numbers, its *codes*: ``H log2 K`` bits. No frame
is left out: there are as many latents as frames (as in the code of CodeTalker and StreamingTalker).

What turns a frame's numbers into a vector, and back, is left to the kinds of priors; the part over
time, the bottleneck and the interface are here.
"""

from __future__ import annotations

import dataclasses
import math
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from talking_heads import losses
from talking_heads.errors import UserError
from talking_heads.face.motion import Motion
from talking_heads.layers.quantizer import VectorQuantizer
from talking_heads.models.contract import MotionContract
from talking_heads.models.network import Network
from talking_heads.models.prior_config import PriorConfig
from talking_heads.models.time_part import TimePart, in_pieces, sum_of_reaches

NO_ENCODER = "none"
"""What the contract of a prior names as its audio encoder."""
_WILD = 20.0
"""A mesh that moves so many times as far as in training is in another unit, or not in offsets: the
course's head at rest is 39 times as large as its motion."""


@dataclass(frozen=True)
class Bottleneck:
    """What a bottleneck makes of latents.

    Attributes
    ----------
    values : Tensor
        ``(batch, frame, H, C)``, which the decoder gets.
    loss : Tensor
        One number: the quantization loss, the VAE's divergence in nats, or 0.
    codes : Tensor or None
        ``(batch, frame, H)`` int64 where there is a codebook.
    perplexity : Tensor or None
        One number where there is a codebook; see `talking_heads.layers.quantizer.perplexity`.
    """

    values: Tensor
    loss: Tensor
    codes: Tensor | None = None
    perplexity: Tensor | None = None


def gaussian_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the divergence of normal distributions from the standard one.

    For each number ``KL(N(m, s^2) || N(0, 1)) = (m^2 + s^2 - 1 - log s^2) / 2`` (Kingma & Welling
    2014, appendix B).

    Parameters
    ----------
    mean, log_variance : Tensor
        Of one shape.

    Returns
    -------
    Tensor
        Nats, of that shape.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


class MotionPrior(Network):
    """A network from motion to latents, through a bottleneck, and back.

    Parameters
    ----------
    config : PriorConfig
        Sizes and choices.
    contract : MotionContract
        What a frame of motion holds and how it is normalised.
    """

    config: PriorConfig
    quantizer: VectorQuantizer | None
    preset_views: ClassVar[Mapping[str, str]] = {
        "course": "vertices@low",
        "full": "vertices@medium",
        "paper": "vertices@low",
        "paper_biwi": "vertices@low",
        "published": "vertices@low",
        "causal": "vertices@low",
        "vae": "vertices@low",
        "autoencoder": "vertices@low",
        "mlp": "vertices@low",
    }

    def __init__(self, config: PriorConfig, contract: MotionContract) -> None:
        super().__init__(config, dataclasses.replace(contract, encoder_id=NO_ENCODER))
        numbers, width = config.components * config.channels, config.width
        # A mean and a logarithm of the variance.
        twice = 2 if config.bottleneck == "vae" else 1
        self.time_in, self.time_out = TimePart(config), TimePart(config)
        self.latent_in: nn.Module = nn.Identity()
        self.latent_out: nn.Module = nn.Identity()
        if config.project:
            self.latent_in = nn.Linear(width, twice * numbers)
            self.latent_out = nn.Linear(numbers, width)
        self.quantizer = None
        if config.bottleneck == "vq":
            self.quantizer = VectorQuantizer(
                config.codes,
                config.channels,
                beta=config.beta,
                start=config.start,
                decay=config.decay,
                restart=config.restart,
            )

    # What each kind of prior brings.

    @abstractmethod
    def spatial_encode(self, motion: Tensor) -> Tensor:
        """Map frames ``(batch, frame, channel)`` to ``(batch, frame, width)``, each on its own."""

    @abstractmethod
    def spatial_decode(self, hidden: Tensor) -> Tensor:
        """Map ``(batch, frame, width)`` to frames ``(batch, frame, channel)``, each on its own."""

    # The network.

    def encode(self, motion: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the latents as they are before the bottleneck.

        Parameters
        ----------
        motion : Tensor
            ``(batch, frame, channel)``, normalised.
        mask : Tensor, optional
            ``(batch, frame)`` bool: where there is motion. The rest changes nothing there.

        Returns
        -------
        Tensor
            ``(batch, frame, H, C)``; of a VAE ``(batch, frame, H, 2 C)``, the means and then the
            logarithms of the variances.
        """
        if mask is not None:
            motion = motion.masked_fill(~mask[..., None], 0.0)
        hidden = self.spatial_encode(motion)
        if self.config.stem == "published":
            hidden = functional.leaky_relu(hidden, 0.2)
        latents: Tensor = self.latent_in(self.time_in(hidden, mask))
        return latents.unflatten(-1, (self.config.components, -1))

    def bottleneck(self, latents: Tensor, mask: Tensor | None = None) -> Bottleneck:
        """Let latents through the bottleneck.

        A VAE draws from its distributions in training mode, from torch's global random state, and
        takes their means otherwise. In training mode a codebook may change.

        Parameters
        ----------
        latents : Tensor
            From `encode`.
        mask : Tensor, optional
            ``(batch, frame)`` bool: what counts in the loss and in what the codebook learns.
        """
        if self.quantizer is not None:
            found = self.quantizer(latents, mask)
            return Bottleneck(found.values, found.loss, found.codes, found.perplexity)
        if self.config.bottleneck == "none":
            return Bottleneck(latents, latents.new_zeros(()))
        mean, log_variance = latents.float().chunk(2, dim=-1)
        # A wild start must not overflow the exponential.
        log_variance = log_variance.clamp(-30.0, 20.0)
        nats = gaussian_divergence(mean, log_variance)
        if mask is None:
            mask = torch.ones(nats.shape[:2], dtype=torch.bool, device=nats.device)
        divergence = losses.masked_mean(nats, mask)
        if self.training:
            mean = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return Bottleneck(mean, divergence)

    def decode(self, latents: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the motion of latents.

        Parameters
        ----------
        latents : Tensor
            ``(batch, frame, H, C)``, as they leave the bottleneck.
        mask : Tensor, optional
            ``(batch, frame)`` bool: where there is motion.

        Returns
        -------
        Tensor
            ``(batch, frame, channel)``, normalised.
        """
        hidden = self.latent_out(latents.flatten(2))
        return self.spatial_decode(self.time_out(hidden, mask))

    def forward(
        self, batch: dict[str, Tensor], augment: Callable[[Tensor], Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Return the terms of `loss`."""
        return self.loss(batch, augment=augment)

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
            ``motion`` ``(batch, frame, channel)`` or ``(batch, frame, vertex, 3)``, not
            normalised; ``mask`` ``(batch, frame)`` bool. The rest is not looked at.
        augment : callable, optional
            Changes nothing: there is no sound here.

        Returns
        -------
        dict of Tensor
            Scalars: ``loss``; ``reconstruction``, the mean absolute error in normalised units;
            ``quantization`` and ``perplexity`` with a codebook; ``kl`` of a VAE, in nats a number.
        """
        mask, motion = batch["mask"], batch["motion"].flatten(2)
        clean = self.normalise(torch.where(mask[..., None], motion, 0.0))
        found = self.bottleneck(self.encode(clean, mask), mask)
        reconstruction = losses.masked_l1(self.decode(found.values, mask), clean, mask)
        terms = {"loss": reconstruction, "reconstruction": reconstruction}
        if found.perplexity is not None:
            terms["loss"] = reconstruction + found.loss
            terms |= {"quantization": found.loss, "perplexity": found.perplexity}
        elif self.config.bottleneck == "vae":
            terms["loss"] = reconstruction + self.config.kl_weight * found.loss
            terms["kl"] = found.loss
        return terms

    # What a frame depends on, and what it costs.

    @property
    def bits(self) -> float | None:
        """Bits of a frame, H log2 K; None without a codebook."""
        if self.quantizer is None:
            return None
        return self.config.components * math.log2(self.config.codes)

    @property
    def look_ahead(self) -> int | None:
        """Frames after its own that a reconstructed frame depends on; None for all of them."""
        return sum_of_reaches(self.time_in.look_ahead, self.time_out.look_ahead)

    # The interface for whole motions.

    def codes(self, motion: Motion) -> NDArray[np.int64]:
        """Return the codes of a motion.

        Parameters
        ----------
        motion : Motion
            Of the kind, mesh and frame rate that the prior has learned. Of any length: long ones
            are computed in overlapping pieces, with the same result where a frame depends on
            neighbours alone (see `look_ahead`) and not on its number in the clip, as it does with
            positions "sinusoid".

        Returns
        -------
        ndarray of int64
            ``(frame, H)``.

        Raises
        ------
        UserError
            If there is no codebook, or the motion does not fit.
        """
        if self.quantizer is None:
            raise UserError(
                f"This prior has no codes: its bottleneck is {self.config.bottleneck!r}.\n"
                "Ask for its latents."
            )
        found = self._latents(motion).codes
        assert found is not None
        return np.asarray(found[0].numpy())

    def latents(self, motion: Motion) -> NDArray[np.float32]:
        """Return the latents of a motion after the bottleneck, ``(frame, H, C)``; see `codes`.

        Raises
        ------
        UserError
            If the motion does not fit.
        """
        return np.asarray(self._latents(motion).values[0].numpy(), dtype=np.float32)

    def motion(self, codes_or_latents: NDArray[Any], *, speaker: str | None = None) -> Motion:
        """Return the motion of codes or latents.

        Parameters
        ----------
        codes_or_latents : ndarray
            Whole numbers ``(frame, H)`` from 0 to K - 1, or floating-point numbers
            ``(frame, H, C)``.
        speaker : str, optional
            Whose head shall move; without one, the contract's average head.

        Returns
        -------
        Motion
            At the frame rate of the contract. Coefficients are clipped to 0 to 1.

        Raises
        ------
        UserError
            If they are of another shape or out of range, or the speaker is unknown.
        """
        face_id = self.contract.head(speaker)
        latents = self._checked_latents(np.asarray(codes_or_latents))
        return Motion(
            values=self._decoded(latents),
            kind=self.contract.kind,  # type: ignore[arg-type]
            fps=self.contract.fps,
            face_id=face_id,
            speaker=speaker,
        )

    def reconstruct(self, motion: Motion) -> Motion:
        """Return a motion after the bottleneck: what the prior keeps of it.

        Parameters
        ----------
        motion : Motion
            As for `codes`. Face, speaker and head rotation stay its own.

        Raises
        ------
        UserError
            If the motion does not fit.
        """
        values = self._decoded(self._latents(motion).values[0])
        return dataclasses.replace(motion, values=values)

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        was_training = self.training
        self.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            self.train(was_training)

    def _check_motion(self, motion: Motion) -> None:
        contract = self.contract
        if not isinstance(motion, Motion):
            raise UserError(
                f"A prior reads a talking_heads.face.Motion, not {type(motion).__name__}.\n"
                'Make one of an array (frame, vertex, 3) with Motion(array, "vertices", fps).'
            )
        if motion.kind != contract.kind:
            raise UserError(
                f"This prior knows {contract.kind}; the motion holds {motion.kind}.\n"
                "Take a prior that was trained on such motion."
            )
        if contract.kind == "vertices" and motion.values.shape[1] != contract.vertices:
            raise UserError(
                f"This prior knows a mesh of {contract.vertices:,} vertices; the motion has "
                f"{motion.values.shape[1]:,}.\nTake a prior that was trained on this mesh."
            )
        if motion.fps != contract.fps:
            raise UserError(
                f"This prior knows {contract.fps:g} frames a second; the motion has "
                f"{motion.fps:g}.\nNothing is resampled here: take a prior of this frame rate."
            )
        if contract.kind == "vertices":
            size = float(np.vdot(motion.values, motion.values)) / max(motion.values.size, 1)
            times = math.sqrt(size) / contract.scale[0]
            if times > _WILD:
                unit = f", in {contract.unit}" if contract.unit else ""
                raise UserError(
                    f"The motion is {times:,.0f} times as large as what this prior has learned.\n"
                    f"It reads offsets of the vertices from the head at rest{unit}."
                )

    def _latents(self, motion: Motion) -> Bottleneck:
        """Return a whole motion's latents after the bottleneck, on the CPU, of a batch of 1."""
        self._check_motion(motion)
        c = self.config

        def encoded(part: Tensor) -> Tensor:
            return self.encode(self.normalise(part.to(self.device))[None])[0].cpu()

        with self._evaluating():
            frames = torch.from_numpy(motion.values).flatten(1)
            latents = in_pieces(encoded, frames, self.time_in)
            if latents is None:
                empty = torch.zeros(1, 0, c.components, c.channels)
                return Bottleneck(empty, empty.sum(), empty[..., 0].long())
            found = self.bottleneck(latents[None].to(self.device))
            codes = None if found.codes is None else found.codes.cpu()
            return dataclasses.replace(found, values=found.values.cpu(), codes=codes)

    def _checked_latents(self, given: NDArray[Any]) -> Tensor:
        c = self.config
        if given.dtype.kind in "iu":
            if self.quantizer is None:
                raise UserError(
                    f"This prior has no codes: its bottleneck is {c.bottleneck!r}. Give latents."
                )
            if given.ndim != 2 or given.shape[1] != c.components:
                raise UserError(
                    f"Codes of this prior have the shape (frame, {c.components}), not "
                    f"{given.shape}."
                )
            if given.size and not 0 <= int(given.min()) <= int(given.max()) < c.codes:
                raise UserError(
                    f"Codes of this prior are from 0 to {c.codes - 1}; these are from "
                    f"{given.min()} to {given.max()}."
                )
            with torch.no_grad():
                codes = torch.from_numpy(given.astype(np.int64)).to(self.device)
                return self.quantizer.lookup(codes).cpu()
        if given.dtype.kind != "f":
            raise UserError(f"Codes are whole numbers and latents are floats, not {given.dtype}.")
        if given.ndim != 3 or given.shape[1:] != (c.components, c.channels):
            raise UserError(
                f"Latents of this prior have the shape (frame, {c.components}, {c.channels}), not "
                f"{given.shape}.\nCodes must be whole numbers."
            )
        if not np.isfinite(given).all():
            raise UserError("The latents contain values that are not finite numbers.")
        return torch.from_numpy(given.astype(np.float32))

    def _decoded(self, latents: Tensor) -> NDArray[np.float32]:
        """Return the values of a motion from its latents ``(frame, H, C)``."""

        def decoded(part: Tensor) -> Tensor:
            return self.denormalise(self.decode(part[None].to(self.device))[0]).cpu()

        with self._evaluating():
            made = in_pieces(decoded, latents, self.time_out)
        if made is None:
            made = torch.zeros(0, self.contract.motion_dim)
        values = np.asarray(made.numpy(), dtype=np.float32)
        if self.contract.kind == "coefficients":
            return np.clip(values, 0.0, 1.0)
        return values.reshape(len(values), self.contract.vertices, 3)
