"""From 50 speech features a second to one for each motion frame.

HuBERT and wav2vec 2.0 begin with the same seven convolutions. Feature ``k`` sees the samples from
``320 k`` up to, and without, ``320 k + 400``: its middle is ``20 k + 12.5`` ms. The last feature
needs its 400 samples whole, so 4 s of sound give 199 features, not 200: the next would begin 320
samples before the end and lacks 80. Nothing is padded to make the 200th.

The papers bring these features to the frame rate of the motion in different ways, and each puts
them at other times. What is called the lag here is the middle of the sound that a frame's feature
is made of, less the frame's own middle: a lag of -7.5 ms says that the frame hears 7.5 ms too
early a piece of sound. The transformer after the convolutions hears the whole clip; lags are about
the convolutions alone. For 4 s of sound, in ms, first frame to last:

=========  ================  ================  ================
alignment  25 frames/s       30 frames/s       60 frames/s
=========  ================  ================  ================
after      -7.5 throughout   -4.2 to -10.8     4.2 to -19.2
before     -7.5 throughout   -4.2 to -10.8     4.2 to -19.2
pairs      2.5; last -7.5    4.1 to -19.1      8.3 to -23.3
middle     0.0; last -7.5    0.0; last -10.8   0.0; ends 4.2, -19.2
=========  ================  ================  ================

Where a lag runs from one number to another, it does so in a straight line: the first feature is
laid on the first frame and the last on the last, although the middles of the features lie closer
together than those of the frames, or further apart. Where a clip does not fill its last frame, the
middle of that frame may lie beyond the sound: at 25 frames a second its feature is then up to
47.5 ms early, and ``after`` and ``before`` spread that over the clip.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from talking_heads.errors import UserError
from talking_heads.speech.frames import RATE, check_fps, frame_count

FIELD = 400
"""Samples that one feature sees: 25 ms."""
FEATURE_HOP = 320
"""Samples from one feature to the next: 20 ms."""
FEATURE_FPS = RATE / FEATURE_HOP
"""Features a second."""
_PAIRED_FPS = FEATURE_FPS / 2

ALIGNMENTS = ("after", "before", "pairs", "middle")
"""The ways to align:

- ``after``: linear interpolation of what the transformer gives, ends on ends (DiffSpeaker,
  StreamingTalker).
- ``before``: the same interpolation of what the convolutions give; the transformer then runs at
  the frame rate of the motion (FaceFormer and CodeTalker at 30 frames a second).
- ``pairs``: two features side by side for each frame (FaceDiffuser, and GLDiTalker after it): at
  25 frames a second features ``2 f`` and ``2 f + 1``, at other rates after interpolation to two
  a frame.
- ``middle``: linear interpolation at the true middle of each frame; ours, of no paper.
"""


def feature_count(samples: int) -> int:
    """Return how many features there are of some samples: ``(samples - 400) // 320 + 1`` or 0."""
    return max(0, (samples - FIELD) // FEATURE_HOP + 1)


def feature_times(count: int) -> NDArray[np.float64]:
    """Return the middle of each feature's 400 samples, in seconds, ``(count,)``."""
    return (np.arange(count) * FEATURE_HOP + FIELD / 2) / RATE


def stretch(features: Tensor, frames: int) -> Tensor:
    """Interpolate so that the first feature falls on the first frame and the last on the last.

    Frame ``f`` is read at position ``f (count - 1) / (frames - 1)``. So where it is read depends
    on the length of the clip. This is ``torch.nn.functional.interpolate`` with ``align_corners``.

    Parameters
    ----------
    features : Tensor
        ``(batch, count, width)``, at least one.
    frames : int
        How many to make. A single one is the first feature.

    Returns
    -------
    Tensor
        ``(batch, frames, width)``.
    """
    if frames == 0 or features.shape[1] == frames:
        return features[:, :frames]
    over_time = functional.interpolate(
        features.transpose(1, 2), size=frames, mode="linear", align_corners=True
    )
    return over_time.transpose(1, 2)


def pairs(features: Tensor, frames: int, fps: float) -> Tensor:
    """Put two features side by side for each frame.

    At 25 frames a second frame ``f`` gets features ``2 f`` and ``2 f + 1`` as they are. The last
    frame lacks one of them, or more where the sound does not fill it: the last feature is
    repeated in their place. FaceDiffuser drops that frame instead. At other rates the features
    are first stretched to two a frame; see `stretch`.

    Parameters
    ----------
    features : Tensor
        ``(batch, count, width)``, at least one.
    frames : int
        How many to make.
    fps : float
        Motion frames a second.

    Returns
    -------
    Tensor
        ``(batch, frames, 2 * width)``.
    """
    if fps == _PAIRED_FPS:
        index = torch.arange(2 * frames, device=features.device)
        two = features[:, index.clamp(max=features.shape[1] - 1)]
    else:
        two = stretch(features, 2 * frames)
    return two.reshape(len(features), frames, 2 * features.shape[2])


def at_middles(features: Tensor, frames: int, fps: float) -> Tensor:
    """Interpolate at the middle of each frame, ``(f + 1/2) / fps`` seconds.

    Where a frame is read does not depend on the length of the clip. Before the middle of the first
    feature and after that of the last, these are repeated.

    Parameters
    ----------
    features : Tensor
        ``(batch, count, width)``, at least one.
    frames : int
        How many to make.
    fps : float
        Motion frames a second.

    Returns
    -------
    Tensor
        ``(batch, frames, width)``.
    """
    device = features.device
    middle = (torch.arange(frames, dtype=torch.float64) + 0.5) * (RATE / fps)
    where = ((middle - FIELD / 2) / FEATURE_HOP).clamp(0, features.shape[1] - 1)
    low = where.floor()
    share = (where - low).to(features.dtype).to(device)[:, None]
    low_index = low.long().to(device)
    high_index = (low_index + 1).clamp(max=features.shape[1] - 1)
    return torch.lerp(features[:, low_index], features[:, high_index], share)


def align(features: Tensor, alignment: str, frames: int, fps: float) -> Tensor:
    """Bring ``(batch, count, width)`` features to motion frames by a named way of `ALIGNMENTS`.

    Returns
    -------
    Tensor
        ``(batch, frames, width)``; with ``pairs`` twice the width. ``before`` and ``after`` do the
        same here: what differs is the place in the network.

    Raises
    ------
    UserError
        If there is no such way.
    """
    check_alignment(alignment)
    if alignment == "pairs":
        return pairs(features, frames, fps)
    if alignment == "middle":
        return at_middles(features, frames, fps)
    return stretch(features, frames)


def check_alignment(alignment: str) -> str:
    """Return the name of an alignment; raises `UserError` unless it is one of `ALIGNMENTS`."""
    if alignment not in ALIGNMENTS:
        raise UserError(
            f"There is no alignment {alignment!r:.40}. Choose from: {', '.join(ALIGNMENTS)}."
        )
    return alignment


def sound_times(alignment: str, samples: int, fps: float) -> NDArray[np.float64]:
    """Return the middle of the sound that each frame's feature is made of, in seconds.

    Parameters
    ----------
    alignment : str
        One of `ALIGNMENTS`.
    samples : int
        Length of the clip, at least 400.
    fps : float
        Motion frames a second.

    Returns
    -------
    ndarray
        ``(frame_count(samples, fps),)``; of a pair, the mean of the two middles.

    Raises
    ------
    UserError
        If there is no such alignment, or the frame rate is out of range.
    ValueError
        If there are fewer than 400 samples.
    """
    if samples < FIELD:
        raise ValueError(f"a feature takes {FIELD} samples, not {samples}")
    times = torch.from_numpy(feature_times(feature_count(samples)))[None, :, None]
    aligned = align(times, alignment, frame_count(samples, check_fps(fps)), fps)
    return np.asarray(aligned[0].mean(-1).numpy())


def lags(alignment: str, samples: int, fps: float) -> NDArray[np.float64]:
    """Return how much later than a frame's middle its sound is, in ms, ``(frame,)``.

    Negative where the frame hears sound from before its middle. The parameters are those of
    `sound_times`.
    """
    heard = sound_times(alignment, samples, fps)
    return np.asarray(1000.0 * (heard - (np.arange(len(heard)) + 0.5) / fps))
