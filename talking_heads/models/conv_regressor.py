"""A convolutional regressor from windows of sound to motion, after VOCA.

After Cudeiro et al. 2019, "Capture, Learning, and Synthesis of 3D Speaking Styles" (VOCA): each
frame is computed from a window of sound around it and from the speaker's one-hot, by four strided
convolutions, two fully connected layers and a linear map that starts as principal components of
the training motion. No frame knows of another, and nothing is left to chance: such a model gives
the mean of what may fit the sound. The mean is smoother than any of the motions it is the mean of,
and the same for every seed.

Differences from the paper: log-mel features in place of DeepSpeech's letters, for any frame rate;
no zeros are padded inside a window; an average speaker, trained by dropping the one-hot; and, for
coefficients, two losses on the mouth. All but the first two are switches of
`ConvRegressorConfig`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from talking_heads.errors import UserError
from talking_heads.face.motion import Motion
from talking_heads.models.base import Model
from talking_heads.models.checks import check_speech, seeded
from talking_heads.models.contract import MotionContract
from talking_heads.models.conv_config import ConvRegressorConfig
from talking_heads.models.principal import principal_components, training_frames
from talking_heads.speech.encoder import AudioEncoder
from talking_heads.speech.frames import frame_count, frame_to_sample
from talking_heads.speech.mel import FLOOR_DB, HOP, MEAN_DB, N_MELS, SCALE_DB, WINDOW, log_mel

_CHUNK = 1500
"""Frames that are computed at once of a long recording."""
_PCA_FRAMES = 6000
"""Training frames for the principal components."""


def window_start(frame: int, window: int, fps: float) -> int:
    """Return the first mel frame of a motion frame's window, which may lie before the sound.

    The window's middle is the mel frame boundary nearest to the middle of the motion frame: at 25
    frames a second, and for windows of even length, exactly there; at other rates up to 5 ms off.

    Parameters
    ----------
    frame : int
        Motion frame, from 0.
    window : int
        Mel frames in a window.
    fps : float
        Motion frames a second.

    Returns
    -------
    int
        Mel frame ``k`` is about the samples ``160 k`` to ``160 k + 160``.
    """
    twice_middle = frame_to_sample(frame, fps) + frame_to_sample(frame + 1, fps)
    return (twice_middle - HOP * window + HOP) // (2 * HOP)


class ConvRegressor(Model):
    """A convolutional network from a window of speech to one frame of motion.

    Parameters
    ----------
    config : ConvRegressorConfig
        Sizes and choices.
    contract : MotionContract
        What a frame of motion holds, how it is normalised, and the speakers.
    encoder : None
        It hears windows of log-mel features by design; an audio encoder is refused.
    """

    model_type = "conv_regressor"
    config_type = ConvRegressorConfig
    encoder_id = f"log_mel/{N_MELS}/{FLOOR_DB:g}/{MEAN_DB:g}/{SCALE_DB:g}"
    random = False
    config: ConvRegressorConfig

    def __init__(
        self,
        config: ConvRegressorConfig,
        contract: MotionContract,
        encoder: AudioEncoder | None = None,
    ) -> None:
        super().__init__(config, contract, encoder)
        styles = len(contract.speakers) + 1
        count = config.convolutions
        widths = [config.width * (1 if i < (count + 1) // 2 else 2) for i in range(count)]
        self.convolutions = nn.ModuleList(
            nn.Conv1d(before, after, config.kernel)
            for before, after in zip([N_MELS + styles, *widths], widths, strict=False)
        )
        self.hidden = nn.Linear(widths[-1] * config.remain + styles, config.hidden)
        self.drop = nn.Dropout(config.dropout)
        self.code = nn.Linear(config.hidden, config.codes)
        self.motion_out = nn.Linear(config.codes, contract.motion_dim)

    def heard_samples(self, frame: int) -> tuple[int, int]:
        """Return the samples on which a frame depends: from the first up to, without, the last.

        Parameters
        ----------
        frame : int
            From 0.

        Returns
        -------
        tuple of int
            At 16 kHz; parts before 0 or beyond the sound are silence. In the ``course`` preset, at
            25 frames a second, from 0.22 s before the frame begins to 0.26 s after.
        """
        first = window_start(frame, self.config.window, self.contract.fps)
        side = (WINDOW - HOP) // 2
        return HOP * first - side, HOP * (first + self.config.window) + side

    @torch.no_grad()
    def prepare(self, batch: Callable[[int, int], dict[str, Tensor]], clips: int) -> None:
        """Start the linear map as principal components of the training motion.

        A code of unit variance then gives the training motion's own variance. Components that the
        motion does not have start as zeros.
        """
        if not self.config.pca:
            return
        # With many channels it is the frames whose products are compared, so fewer of them.
        most = _PCA_FRAMES if self.contract.motion_dim < 2000 else _PCA_FRAMES // 4
        frames = training_frames(self, batch, clips, most, 2 * self.config.codes)
        middle, components = principal_components(frames, self.config.codes)
        self.motion_out.bias.copy_(middle)
        self.motion_out.weight.zero_()
        self.motion_out.weight[:, : len(components)] = components.T

    def forward(self, mel: Tensor, starts: Sequence[int], speaker: Tensor) -> Tensor:
        """Predict the motion of some frames.

        Neighbouring windows overlap, and what they share is computed once: the convolutions run
        over the whole, with a stride where all windows start at multiples of it and dilated where
        they do not. The numbers are those that each window gives on its own.

        Parameters
        ----------
        mel : Tensor
            ``(batch, mel_frame, 80)``.
        starts : sequence of int
            Mel frame at which each motion frame's window starts, ascending from 0.
        speaker : Tensor
            ``(batch,)`` indices of speakers; the last is the average speaker.

        Returns
        -------
        Tensor
            ``(batch, len(starts), channel)`` normalised motion.
        """
        style = functional.one_hot(speaker, len(self.speakers) + 1).to(mel.dtype)
        # The one-hot is appended to the features of each step, and to what comes out of them.
        x = torch.cat([mel.transpose(1, 2), style[..., None].expand(-1, -1, mel.shape[1])], dim=1)
        # All windows start at multiples of `unit`; the steps within one are `apart`.
        unit, apart, shrunk = math.gcd(*starts) or 1 << 30, 1, 1
        for layer in self.convolutions:
            assert isinstance(layer, nn.Conv1d)
            if unit % 2 == 0 and apart == 1:
                x = functional.conv1d(x, layer.weight, layer.bias, stride=2)
                unit, shrunk = unit // 2, shrunk * 2
            else:
                x = functional.conv1d(x, layer.weight, layer.bias, dilation=apart)
                apart *= 2
            x = functional.relu(x)
        first = torch.tensor(starts, device=x.device) // shrunk
        places = first[:, None] + apart * torch.arange(self.config.remain, device=x.device)
        # (batch, channel, frame, step) to (batch, frame, channel and step)
        heard = x[:, :, places].transpose(1, 2).flatten(2)
        heard = torch.cat([heard, style[:, None].expand(-1, len(starts), -1)], dim=-1)
        code = self.code(self.drop(torch.tanh(self.hidden(heard))))
        out: Tensor = self.motion_out(code)
        return out

    def _features(
        self,
        audio: Tensor,
        first: int,
        last: int,
        augment: Callable[[Tensor], Tensor] | None = None,
    ) -> tuple[Tensor, list[int]]:
        """Return the mel frames for the motion frames ``first`` to ``last``, and window starts.

        Beyond ``(batch, samples)`` audio there is silence, in the features of which there is noise
        where ``augment`` adds some.
        """
        window, fps = self.config.window, self.contract.fps
        starts = [window_start(frame, window, fps) for frame in range(first, last)]
        # One mel frame more on both sides: the windows of the outermost reach into it.
        begin, end = HOP * (starts[0] - 1), HOP * (starts[-1] + window + 1)
        piece = audio[..., max(0, begin) : max(0, end)]
        piece = functional.pad(piece, (max(0, -begin), 0))
        mel = log_mel(functional.pad(piece, (0, end - begin - piece.shape[-1])))
        if augment is not None:
            mel = augment(mel)
        count = starts[-1] - starts[0] + window
        return mel[..., 1 : 1 + count, :], [start - starts[0] for start in starts]

    def loss(
        self,
        batch: dict[str, Tensor],
        *,
        augment: Callable[[Tensor], Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Return the terms of the training loss for one batch.

        Dropped one-hots come from torch's global random state.

        Parameters
        ----------
        batch : dict of Tensor
            ``audio`` ``(batch, samples)`` at 16 kHz; ``motion`` ``(batch, frame, channel)``;
            ``mask`` ``(batch, frame)`` bool; ``speaker`` ``(batch,)`` indices of speakers.
        augment : callable, optional
            Changes the log-mel features before the network hears them.

        Returns
        -------
        dict of Tensor
            Scalars: ``loss``, the weighted sum; ``motion`` (VOCA's position) and ``velocity`` in
            normalised units; for coefficients, where their weights are not 0, ``mouth`` and
            ``aperture`` in mm^2.
        """
        c = self.config
        mask = batch["mask"]
        motion = batch["motion"].flatten(2)
        clean = self.normalise(torch.where(mask[..., None], motion, 0.0))
        mel, starts = self._features(batch["audio"], 0, clean.shape[1], augment)
        dropped = torch.rand(len(clean), device=clean.device) < c.style_dropout
        speaker = torch.where(dropped, len(self.speakers), batch["speaker"])
        predicted = self(mel, starts, speaker)
        return self.loss_terms(predicted, clean, mask)

    @torch.no_grad()
    def animate(
        self,
        audio: NDArray[np.floating] | Tensor,
        *,
        speaker: str | None = None,
        seed: int = 0,
        steps: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Motion:
        """Make a face speak. The same sound always gives the same motion.

        Parameters
        ----------
        audio : ndarray or Tensor
            ``(samples,)`` at 16 kHz, mono. As many frames come out as it takes to cover them (see
            `talking_heads.speech.frames.frame_count`). Around the sound there is silence.
        speaker : str, optional
            Whose style and head; without one, the average style.
        seed : int
            Changes nothing: there is no chance in this model. It is checked all the same.
        steps : None
            There are no denoising steps; a number is refused.
        progress : callable, optional
            Called as ``progress(done, total)`` with frames, once a minute of speech.

        Returns
        -------
        Motion
            At the frame rate of the contract. Coefficients are clipped to 0 to 1.

        Raises
        ------
        UserError
            If the audio is empty or not finite, the speaker unknown, the seed no whole number from
            0, or denoising steps are asked for.
        """
        sound = check_speech(audio).to(self.device)[None]
        row = torch.tensor([self.contract.speaker_index(speaker)], device=self.device)
        seeded(seed)
        if steps is not None:
            raise UserError("This model has no denoising steps: leave their number out.")
        frames = frame_count(sound.shape[-1], self.contract.fps)
        was_training = self.training
        self.eval()
        parts = []
        try:
            for first in range(0, frames, _CHUNK):
                last = min(first + _CHUNK, frames)
                mel, starts = self._features(sound, first, last)
                parts.append(self.denormalise(self(mel, starts, row)[0]).cpu())
                if progress is not None:
                    progress(last, frames)
        finally:
            self.train(was_training)
        values = torch.cat(parts).numpy()
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
