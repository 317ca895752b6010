"""DiffSpeaker: speech-driven 3D facial animation with a diffusion transformer.

After Ma et al. 2024, "DiffSpeaker: Speech-Driven 3D Facial Animation with Diffusion Transformer".
A motion is noised; a transformer that hears the speech, and knows the speaker and the noise
level, predicts the clean motion. Differences from the paper, all switches of
`DiffSpeakerConfig`: motion is normalised before it is noised, DDIM is correct and ends without
noise (`talking_heads.diffusion.sampling` tells why that matters), and a dropped-out style gives
an average speaker for voices that the model does not know.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from talking_heads.diffusion import (
    add_noise,
    alpha_bars,
    blend_windows,
    ddim_sample,
    sampling_timesteps,
    scaled_linear_betas,
)
from talking_heads.errors import UserError
from talking_heads.face.motion import Motion
from talking_heads.face.names import ARKIT_INDEX
from talking_heads.layers import (
    DecoderLayer,
    StepEmbedding,
    cross_attention_bias,
    periodic_positions,
    self_attention_bias,
)
from talking_heads.models.base import Model
from talking_heads.models.checks import check_speech, seeded, whole_number
from talking_heads.models.config import DiffSpeakerConfig
from talking_heads.models.contract import MotionContract
from talking_heads.speech.encoder import AudioEncoder, LogMelEncoder
from talking_heads.speech.frames import frame_count, frame_to_sample

_LIDS = [ARKIT_INDEX["eyeBlinkLeft"], ARKIT_INDEX["eyeBlinkRight"]]


@lru_cache(maxsize=32)
def _biases(
    frames: int, heads: int, period: int, biased: bool, band: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    own = self_attention_bias(frames, heads, period)
    if not biased:
        own = torch.zeros_like(own)
    return own.to(device), cross_attention_bias(frames, band).to(device)


class DiffSpeaker(Model):
    """A diffusion transformer from speech to motion.

    Parameters
    ----------
    config : DiffSpeakerConfig
        Sizes and choices.
    contract : MotionContract
        What a frame of motion holds, how it is normalised, and the speakers.
    encoder : AudioEncoder, optional
        What listens, such as `talking_heads.speech.encoders.load_encoder` gives, made for the
        frame rate of the contract. It becomes part of the model. By default a
        `talking_heads.speech.encoder.LogMelEncoder` of the sizes in the configuration, which
        otherwise say nothing.
    """

    model_type = "diff_speaker"
    config_type = DiffSpeakerConfig
    takes_encoder = True
    config: DiffSpeakerConfig
    encoder: AudioEncoder

    def __init__(
        self,
        config: DiffSpeakerConfig,
        contract: MotionContract,
        encoder: AudioEncoder | None = None,
    ) -> None:
        super().__init__(config, contract, encoder)
        width = config.width
        if encoder is None:
            encoder = LogMelEncoder(
                config.encoder_width,
                config.encoder_blocks,
                config.encoder_kernel,
                config.encoder_look_ahead,
                config.encoder_dropout,
                contract.fps,
            )
        self.encoder = encoder
        self.audio_in = nn.Linear(self.encoder.width, width)
        self.motion_in = nn.Linear(contract.motion_dim, width)
        # One token of style and one of the step for each layer. The last style is the average's.
        self.style = nn.Embedding(len(contract.speakers) + 1, config.layers * width)
        self.step = StepEmbedding(config.step_code, config.layers * width, width)
        self.layers = nn.ModuleList(
            DecoderLayer(
                width,
                config.heads,
                config.feed_forward,
                config.dropout,
                condition_self=config.condition_self,
            )
            for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(width) if config.final_norm else nn.Identity()
        self.motion_out = nn.Linear(width, contract.motion_dim)
        nn.init.normal_(self.style.weight, std=0.02)
        nn.init.zeros_(self.motion_out.weight)
        nn.init.zeros_(self.motion_out.bias)

    @property
    def schedule(self) -> Tensor:
        """``(steps,)`` share of signal variance at each diffusion step."""
        c = self.config
        return alpha_bars(scaled_linear_betas(c.diffusion_steps, c.beta_start, c.beta_end))

    def forward(
        self,
        noisy: Tensor,
        steps: Tensor,
        features: Tensor,
        speaker: Tensor,
        mask: Tensor | None = None,
        first: Tensor | None = None,
    ) -> Tensor:
        """Predict the clean motion.

        Parameters
        ----------
        noisy : Tensor
            ``(batch, frame, channel)`` normalised, noised motion.
        steps : Tensor
            ``(batch,)`` diffusion steps.
        features : Tensor
            ``(batch, frame, encoder.width)`` from `encoder`.
        speaker : Tensor
            ``(batch,)`` rows of the style table.
        mask : Tensor, optional
            ``(batch, frame)`` bool: true where a frame exists. Others are not looked at.
        first : Tensor, optional
            ``(batch,)`` index of the first frame within the whole motion; 0 if not given.

        Returns
        -------
        Tensor
            ``(batch, frame, channel)`` normalised, clean motion.
        """
        c = self.config
        batch, frames, _ = noisy.shape
        x = self.motion_in(noisy)
        if c.position_period:
            index = torch.arange(frames, device=x.device)[None]
            if first is not None:
                index = index + first[:, None]
            x = x + periodic_positions(index, c.width, c.position_period)
        conditions = torch.stack([self.style(speaker), self.step(steps)], dim=1)
        conditions = conditions.unflatten(-1, (c.layers, c.width))
        if c.add_conditions:
            x = x + conditions[:, :, 0].sum(1, keepdim=True)
        audio = self.audio_in(features)
        own, cross = _biases(frames, c.heads, c.bias_period, c.self_bias, c.cross_band, x.device)
        if mask is not None and not bool(mask.all()):
            hidden = torch.zeros(batch, 1, 1, 2 + frames, device=x.device)
            hidden[..., 2:].masked_fill_(~mask[:, None, None], -math.inf)
            own, cross = own + hidden, cross + hidden
        for number, layer in enumerate(self.layers):
            x = layer(x, audio, conditions[:, :, number], own, cross)
        out: Tensor = self.motion_out(self.norm(x))
        return out

    def loss(
        self,
        batch: dict[str, Tensor],
        *,
        augment: Callable[[Tensor], Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Return the terms of the training loss for one batch.

        Noise, noise levels and dropped styles come from torch's global random state.

        Parameters
        ----------
        batch : dict of Tensor
            ``audio`` ``(batch, samples)`` at 16 kHz; ``motion`` ``(batch, frame, channel)`` or
            ``(batch, frame, vertex, 3)``; ``mask`` ``(batch, frame)`` bool; ``speaker``
            ``(batch,)`` rows of the style table. Where it has ``features``
            ``(batch, frame, encoder.width)``, these are used and the encoder hears nothing.
        augment : callable, optional
            Changes the log-mel features on their way through the encoder, if it has such.

        Returns
        -------
        dict of Tensor
            Scalars: ``loss``, the weighted sum; ``motion`` and ``velocity`` in normalised units;
            for coefficients ``mouth`` and ``aperture`` in mm^2.
        """
        c = self.config
        mask, motion = batch["mask"], batch["motion"].flatten(2)
        clean = self.normalise(torch.where(mask[..., None], motion, 0.0))
        frames = clean.shape[1]
        features = batch.get("features")
        if features is None:
            features = self.encoder(batch["audio"], self._lengths(batch), augment)
        features = features[:, :frames]
        lacking = frames - features.shape[1]
        if lacking:
            features = nn.functional.pad(features, (0, 0, 0, lacking))
        steps = torch.randint(c.diffusion_steps, (len(clean),), device=clean.device)
        noisy = add_noise(clean, torch.randn_like(clean), steps, self.schedule)
        dropped = torch.rand(len(clean), device=clean.device) < c.style_dropout
        speaker = torch.where(dropped, len(self.speakers), batch["speaker"])
        predicted = self(noisy, steps, features, speaker, mask)
        return self.loss_terms(predicted, clean, mask)

    def _lengths(self, batch: dict[str, Tensor]) -> Tensor:
        """Return ``(batch,)``: how many samples of each clip are sound, by its frames."""
        most, fps = batch["audio"].shape[1], self.contract.fps
        frames = batch["mask"].sum(1).tolist()
        return torch.tensor([min(most, frame_to_sample(n, fps)) for n in frames])

    @torch.no_grad()
    def animate(
        self,
        audio: NDArray[np.floating] | Tensor,
        *,
        speaker: str | None = None,
        seed: int = 0,
        steps: int | None = None,
        guidance: float = 1.0,
        progress: Callable[[int, int], None] | None = None,
    ) -> Motion:
        """Make a face speak.

        Parameters
        ----------
        audio : ndarray or Tensor
            ``(samples,)`` at 16 kHz, mono. As many frames come out as it takes to cover them:
            at 25 a second, one for every 40 ms begun. Sound much shorter than a word, and silence,
            are fine.
        speaker : str, optional
            Whose style and head; without one, the average style on the contract's average head.
        seed : int
            The same seed gives the same motion.
        steps : int, optional
            Denoising steps, 1 to the number in training; by default the configuration's.
        guidance : float
            How far to go from the average style (0) to the speaker's (1), or beyond it.
        progress : callable, optional
            Called after each denoising step as ``progress(done, total)``.

        Returns
        -------
        Motion
            At the frame rate of the contract. Coefficients are clipped to 0 to 1.

        Raises
        ------
        UserError
            If the audio is empty or not finite, the speaker unknown, or a number out of range.
        """
        c = self.config
        sound = check_speech(audio)
        index = self.contract.speaker_index(speaker)
        count = c.sampling_steps if steps is None else steps
        count = whole_number(count, 1, c.diffusion_steps, "The number of denoising steps")
        if not math.isfinite(guidance):
            raise UserError(f"The guidance is a finite number, not {guidance}.")
        generator = seeded(seed)
        was_training = self.training
        self.eval()
        try:
            features = self.encoder.encode_long(sound.to(self.device))
            # One noise for the whole: how the motion is cut into windows does not change it.
            frames = frame_count(len(sound), self.contract.fps)
            start = torch.randn(frames, self.contract.motion_dim, generator=generator)
            start = start.to(self.device)
            if self.contract.kind == "coefficients":
                start[:, _LIDS] *= c.blink_temperature
            motion = ddim_sample(
                lambda noisy, step: self._predict(noisy, step, features, index, guidance),
                start,
                self.schedule,
                sampling_timesteps(
                    c.diffusion_steps,
                    count,
                    c.sampling_spacing,  # type: ignore[arg-type]
                    offset=int(c.sampling_spacing == "leading"),
                ),
                legacy=c.legacy_ddim,
                callback=None
                if progress is None
                else lambda done, total, *_: progress(done, total),
            )
        finally:
            self.train(was_training)
        values = self.denormalise(motion).cpu().numpy()
        if self.contract.kind == "coefficients":
            values = np.clip(values, 0.0, 1.0)
        else:
            values = values.reshape(len(values), -1, 3)
        return Motion(
            values=values,
            kind=self.contract.kind,  # type: ignore[arg-type]
            fps=self.contract.fps,
            face_id=self.contract.head(speaker),
            speaker=speaker,
        )

    def _predict(
        self, noisy: Tensor, step: int, features: Tensor, speaker: int, guidance: float
    ) -> Tensor:
        """Predict the clean whole, ``(frame, channel)``, from windows."""
        average = len(self.speakers)

        def windows(parts: Tensor, starts: list[int], style: int) -> Tensor:
            n, length, _ = parts.shape
            heard = torch.stack([features[s : s + length] for s in starts])
            first = torch.tensor(starts, device=parts.device)
            row = torch.full((n,), style, device=parts.device)
            return self(parts, torch.full_like(row, step), heard, row, first=first)

        def blended(style: int) -> Tensor:
            return blend_windows(
                lambda parts, starts: windows(parts, starts, style),
                noisy,
                self.config.window,
                self.config.overlap,
            )

        own = blended(speaker)
        if guidance == 1.0 or speaker == average:
            return own
        plain = blended(average)
        return plain + guidance * (own - plain)
