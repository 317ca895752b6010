"""Features to be probed: log-mel with more or less context, and encoders; what they cost."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from talking_heads.speech.encoder import AudioEncoder
from talking_heads.speech.frames import RATE
from talking_heads.speech.mel import MEL_PER_MOTION_FRAME, N_MELS, SILENCE, log_mel
from talking_heads.training.probing import Hear, ProbeClip

Floats = NDArray[np.float32]


def log_mel_frames(before: float = 0.0, after: float = 0.0) -> Hear:
    """Return what hears log-mel features of a frame and of a stretch around it.

    Parameters
    ----------
    before, after : float
        Seconds of sound before the frame's start and after its end that belong to its feature.
        A whole number of half frames is taken, none too many. Beyond 0.24 s on a side, neighbours
        are averaged over whole frames.

    Returns
    -------
    callable
        From a clip to ``(frame, width)``. Without neighbours the four mel frames of the frame
        itself, 320 numbers. With neighbours halves of frames, each the mean of two mel frames.
    """

    def hear(clip: ProbeClip) -> Floats:
        mel = log_mel(torch.from_numpy(clip.audio), clip.fps).numpy()
        frames = len(mel) // MEL_PER_MOTION_FRAME
        if before <= 0 and after <= 0:
            return mel.reshape(frames, -1)
        halves = mel.reshape(2 * frames, 2, N_MELS).mean(1)
        parts = []
        for start, end in _stretches(*(int(2 * clip.fps * s + 1e-6) for s in (before, after))):
            parts.append(_shifted(halves, frames, start, end))
        return np.concatenate(parts, axis=1)

    return hear


def _stretches(before: int, after: int, fine: int = 12) -> list[tuple[int, int]]:
    """Return the half frames, counted from a frame's first, over which to average."""
    near = [(k, k + 1) for k in range(-min(before, fine), 2 + min(after, fine))]
    far_before = [(-k - 2, -k) for k in range(fine, before - 1, 2)]
    far_after = [(2 + k, 4 + k) for k in range(fine, after - 1, 2)]
    return [*reversed(far_before), *near, *far_after]


def _shifted(halves: Floats, frames: int, start: int, end: int) -> Floats:
    """Return the mean of half frames ``start`` to ``end`` after each frame's first."""
    total = np.zeros((frames, halves.shape[1]), np.float32)
    for offset in range(start, end):
        at = 2 * np.arange(frames) + offset
        inside = (at >= 0) & (at < len(halves))
        total += np.where(inside[:, None], halves[np.clip(at, 0, len(halves) - 1)], SILENCE)
    return np.asarray(total / (end - start), dtype=np.float32)


def encoder_frames(encoder: AudioEncoder) -> Hear:
    """Return what hears an encoder's features, of each clip as a whole."""

    def hear(clip: ProbeClip) -> Floats:
        with torch.no_grad():
            features: Tensor = encoder.encode_long(torch.from_numpy(clip.audio))
        return features.float().cpu().numpy()

    return hear


def cpu_ms_per_second(hear: Hear, clips: Sequence[ProbeClip], repeats: int = 3) -> float:
    """Return the milliseconds of processor time that a second of sound takes, on one thread.

    Parameters
    ----------
    hear : callable
        From a clip to features.
    clips : sequence of ProbeClip
        Heard one after the other; some seconds each, as in use.
    repeats : int
        The fastest of so many rounds counts, after one that warms up.

    Returns
    -------
    float
    """
    seconds = sum(len(clip.audio) for clip in clips) / RATE
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        hear(clips[0])
        spent = []
        for _ in range(repeats):
            start = time.process_time()
            for clip in clips:
                hear(clip)
            spent.append(time.process_time() - start)
    finally:
        torch.set_num_threads(threads)
    return 1000 * min(spent) / seconds
