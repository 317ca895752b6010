"""Closures of plosives: give the silence before a burst to the sound that it belongs to.

espeak-ng's event for a plosive marks its burst. The closure, in which lips or tongue stop the air,
lies before it and is counted as part of the previous sound. For a face this is the wrong way
round: the lips must be shut in the silence, not after it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talking_heads.speech.phonemes import phoneme_classes

LONGEST_CLOSURE = 0.09
"""Seconds; no closure is taken to begin earlier before its burst."""
CLOSURE_IN_PAUSE = 0.06
"""Seconds of closure before a burst that follows a pause, where silence tells nothing."""
SHORTEST = 0.012
"""Seconds that the previous sound keeps at least."""

_STEP = 0.001
_FRAME = 0.006


def level_db(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float64]:
    """Return the short-time level of a signal, once a millisecond.

    Parameters
    ----------
    samples : ndarray
        ``(samples,)``.
    sample_rate : int
        In Hz.

    Returns
    -------
    ndarray
        ``(ms,)`` dB of the mean square in 6 ms centred on each millisecond, at least -100.
    """
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    count = int(np.ceil(len(samples) / sample_rate / _STEP))
    centres = np.arange(count) * _STEP * sample_rate
    half = _FRAME * sample_rate / 2
    first = np.clip((centres - half).astype(int), 0, len(samples))
    last = np.clip((centres + half).astype(int), 0, len(samples))
    mean = (energy[last] - energy[first]) / np.maximum(last - first, 1)
    return np.asarray(10.0 * np.log10(np.maximum(mean, 1e-10)))


def has_closure(symbol: str) -> bool:
    """Return whether a sound begins with the mouth shut and silent: plosives and affricates."""
    classes = phoneme_classes(symbol)
    return bool(classes & {"plosive", "affricate"}) and "glottal" not in classes


def retime_closures(
    symbols: list[str],
    starts: NDArray[np.float64],
    samples: NDArray[np.float32],
    sample_rate: int,
) -> NDArray[np.float64]:
    """Move the starts of plosives back to where their closure begins.

    From the burst the level is followed back while it stays at least 18 dB under the level of the
    sound before, for at most 90 ms.

    Parameters
    ----------
    symbols : list of str
        IPA; pauses are empty.
    starts : ndarray
        ``(phoneme,)`` seconds, not decreasing; bursts in the case of plosives.
    samples : ndarray of float32
        The sound as the engine made it: its closures are silent.
    sample_rate : int
        In Hz.

    Returns
    -------
    ndarray
        ``(phoneme,)`` seconds, not decreasing.
    """
    level = level_db(samples, sample_rate)
    result = np.array(starts, dtype=np.float64)
    for index, symbol in enumerate(symbols):
        if index == 0 or not has_closure(symbol):
            continue
        burst = starts[index]
        earliest = max(burst - LONGEST_CLOSURE, result[index - 1] + SHORTEST)
        if earliest >= burst:
            continue
        if not symbols[index - 1]:
            result[index] = max(burst - CLOSURE_IN_PAUSE, earliest)
            continue
        last = min(round(burst / _STEP), len(level) - 1)
        first = max(0, int(np.ceil(earliest / _STEP)))
        if first >= last:
            continue
        loud = level[first : last + 1].max()
        at = last
        # The burst itself may have begun: step over it, then through the closure.
        lowest = first + int(np.argmin(level[first : last + 1]))
        if last - lowest <= 15:
            at = lowest
        while at > first and level[at - 1] < loud - 18.0:
            at -= 1
        result[index] = min(at * _STEP, burst)
    return result
