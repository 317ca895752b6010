"""Long motion from overlapping windows.

The network sees a few seconds at a time. All windows share one noisy motion; at every diffusion
step each window predicts its clean part, the predictions are cross-faded where windows overlap,
and the step is taken on the whole. So neighbours agree long before the end and no seam remains
(the idea of MultiDiffusion, Bar-Tal et al. 2023, along time).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def window_starts(frames: int, window: int, overlap: int) -> list[int]:
    """Return where windows begin so that they cover ``frames`` frames.

    Parameters
    ----------
    frames : int
        Length of the whole.
    window : int
        Length of one window.
    overlap : int
        Frames that neighbours share at least; below `window`.

    Returns
    -------
    list of int
        Rising, the first 0. One window if it covers all; otherwise the last one ends at the last
        frame, and shares more than `overlap` frames with its neighbour where the lengths do not
        fit.

    Raises
    ------
    ValueError
        If `overlap` is not from 0 to ``window - 1``.
    """
    if not 0 <= overlap < window:
        raise ValueError(f"The overlap is from 0 to {window - 1} frames, not {overlap}.")
    if frames <= window:
        return [0]
    starts = list(range(0, frames - window, window - overlap))
    return [*starts, frames - window]


def fade_weights(starts: list[int], window: int, frames: int) -> Tensor:
    """Return how much each window counts in each of its frames.

    Parameters
    ----------
    starts : list of int
        From `window_starts`.
    window : int
        Length of one window; at most `frames`.
    frames : int
        Length of the whole.

    Returns
    -------
    Tensor
        ``(len(starts), window)`` float32. For every frame of the whole, the weights of the windows
        over it add up to 1; inside an overlap they rise and fall linearly.
    """
    weights = torch.ones(len(starts), window)
    for index in range(len(starts) - 1):
        shared = starts[index] + window - starts[index + 1]
        if shared > 0:
            rise = (torch.arange(shared) + 0.5) / shared
            weights[index + 1, :shared] *= rise
            weights[index, window - shared :] *= 1 - rise
    total = torch.zeros(frames)
    for start, row in zip(starts, weights, strict=True):
        total[start : start + window] += row
    for start, row in zip(starts, weights, strict=True):
        # Where three windows meet, the products no longer add up to 1 by themselves.
        row /= total[start : start + window]
    return weights


def blend_windows(
    predict: Callable[[Tensor, list[int]], Tensor],
    whole: Tensor,
    window: int,
    overlap: int,
    *,
    batch: int = 8,
) -> Tensor:
    """Apply ``predict`` to windows of ``whole`` and cross-fade what comes back.

    Parameters
    ----------
    predict : callable
        ``predict(windows, starts)`` maps ``(n, window, channel)`` to the same shape; `starts`
        says where each begins.
    whole : Tensor
        ``(frame, channel)``.
    window, overlap : int
        In frames. A `whole` that fits into one window is given to `predict` as it is.
    batch : int
        Windows that are predicted at once; bounds the memory.

    Returns
    -------
    Tensor
        ``(frame, channel)``.
    """
    frames = len(whole)
    starts = window_starts(frames, window, overlap)
    if len(starts) == 1:
        return predict(whole[None], starts)[0]
    weights = fade_weights(starts, window, frames).to(whole)
    out = torch.zeros_like(whole)
    for first in range(0, len(starts), batch):
        chosen = starts[first : first + batch]
        parts = predict(torch.stack([whole[s : s + window] for s in chosen]), chosen)
        for offset, start in enumerate(chosen):
            out[start : start + window] += parts[offset] * weights[first + offset, :, None]
    return out
