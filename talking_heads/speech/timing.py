"""When a sound really begins: corrections of the engines' phoneme times.

espeak-ng's event for a plosive marks its burst. The closure, in which lips or tongue stop the air,
lies before it and is counted as part of the previous sound. For a face this is the wrong way
round: the lips must be shut in the silence, not after it. And an l or r that closes a syllable, as
in "elbow", is announced only when it is nearly over.
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
DROP_DB = 14.0
"""A closure is so much quieter than the sound before it."""
SILENT_DB = 25.0
"""Where all of the 90 ms is so much quieter than the burst, all of it is closure."""
CODA_LIQUID = 0.06
"""Seconds that an l or r after a vowel lasts at least, if that leaves the vowel its 60 %."""

EARLIEST_RELEASE = 0.4
"""No closure opens before this share of its sound: a click before it is no burst."""

_LIQUIDS = frozenset("lrɹɫ")
# The event may stand this far behind the first sound of the burst, in milliseconds.
_BURST = 20
_STEP = 0.001
# Hz, and milliseconds behind a plosive in which the next sound is loud.
_MURMUR, _AFTER = 900.0, 60
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

    From the burst the level is followed back while it stays at least 14 dB under the level of the
    sound before, for at most 90 ms. Low frequencies count less (a first difference), or the hum
    of the vocal folds in a closed b, d or g would pass for a vowel.

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
    level = level_db(np.diff(samples, prepend=samples[:1]), sample_rate)
    result = np.array(starts, dtype=np.float64)
    for index in range(1, len(symbols)):
        if not has_closure(symbols[index]):
            continue
        burst = float(starts[index])
        earliest = max(burst - LONGEST_CLOSURE, float(result[index - 1]) + SHORTEST)
        if not symbols[index - 1]:
            result[index] = min(max(burst - CLOSURE_IN_PAUSE, earliest), burst)
            continue
        first, last = int(np.ceil(earliest / _STEP)), min(int(burst / _STEP), len(level) - 1)
        if first < last:
            result[index] = min(_closure_start(level, first, last) * _STEP, burst)
    return result


def _closure_start(level: NDArray[np.float64], first: int, burst: int) -> int:
    """Return the millisecond, from ``first`` to ``burst``, at which the closure begins."""
    before = level[first : max(first + 1, burst - _BURST + 1)].max()
    if before < level[first : burst + 1].max() - SILENT_DB:
        return first
    quiet = level[first : burst + 1] < before - DROP_DB
    at = burst - first
    # The burst itself may have begun: step over it, or over nothing if there is no silence.
    below = np.flatnonzero(quiet[max(0, at - _BURST) :])
    if not below.size:
        return burst
    at = max(0, at - _BURST) + int(below[-1])
    loud = np.flatnonzero(~quiet[:at])
    return first + (int(loud[-1]) + 1 if loud.size else 0)


def releases(
    symbols: list[str],
    starts: NDArray[np.float64],
    samples: NDArray[np.float32],
    sample_rate: int,
) -> list[float | None]:
    """Find when the closures of plosives, affricates and of m open.

    In a plosive the level above 900 Hz stays near its minimum until the burst. The murmur of the
    vocal folds in a closed b, d or g lies below. Between an m and a vowel the level rises half of
    the way when the lips part.

    Parameters
    ----------
    symbols : list of str
        IPA; pauses are empty.
    starts : ndarray
        ``(phoneme,)`` seconds, not decreasing; of plosives, the starts of their closures.
    samples : ndarray of float32
        The sound as the engine made it.
    sample_rate : int
        In Hz.

    Returns
    -------
    list of float or None
        For each such sound the time in seconds, from `EARLIEST_RELEASE` of its length to its end;
        the end where no opening can be heard. None for other sounds.
    """
    length = max(len(samples), 1)
    spectrum = np.fft.rfft(samples, length)
    spectrum[np.fft.rfftfreq(length, 1 / sample_rate) < _MURMUR] = 0
    level = level_db(np.fft.irfft(spectrum, length).astype(np.float32), sample_rate)
    ends = [*starts[1:].tolist(), max(float(starts[-1]), len(samples) / sample_rate)]
    found: list[float | None] = []
    following = [*symbols[1:], ""]
    for symbol, after, start, end in zip(symbols, following, starts.tolist(), ends, strict=True):
        nasal = symbol.startswith("m")
        if not nasal and not has_closure(symbol):
            found.append(None)
            continue
        first, last = int(np.ceil(start / _STEP)), min(int(end / _STEP), len(level) - 1)
        if last <= first or (nasal and "vowel" not in phoneme_classes(after)):
            found.append(end)
            continue
        inside = level[first : last + 1]
        loudest = float(level[first : last + _AFTER].max())
        if nasal:
            begin, threshold = len(inside) // 2, 0.5 * (float(np.median(inside)) + loudest)
        else:
            begin = int(inside.argmin())
            threshold = max(float(inside.min()) + 6.0, loudest - SILENT_DB)
        loud = np.flatnonzero(inside[begin:] > threshold)
        time = (first + begin + int(loud[0])) * _STEP if loud.size else end
        found.append(min(max(time, start + EARLIEST_RELEASE * (end - start)), end))
    return found


def close_in_pauses(
    symbols: list[str], starts: NDArray[np.float64], opened: list[float | None]
) -> NDArray[np.float64]:
    """Give a plosive behind a pause its closure, which is as silent as the pause.

    Parameters
    ----------
    symbols : list of str
        IPA; pauses are empty.
    starts : ndarray
        ``(phoneme,)`` seconds, not decreasing.
    opened : list of float or None
        From `releases`.

    Returns
    -------
    ndarray
        ``(phoneme,)`` seconds, not decreasing: such a sound starts 60 ms before it opens, or
        earlier, if the pause leaves that.
    """
    result = np.array(starts, dtype=np.float64)
    for index in range(1, len(symbols)):
        release = opened[index]
        if release is not None and has_closure(symbols[index]) and not symbols[index - 1]:
            earliest = float(result[index - 1]) + SHORTEST
            result[index] = min(result[index], max(release - CLOSURE_IN_PAUSE, earliest))
    return result


def widen_coda_liquids(symbols: list[str], starts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give an l or r between a vowel and a consonant its part of the vowel before.

    Parameters
    ----------
    symbols : list of str
        IPA; pauses are empty.
    starts : ndarray
        ``(phoneme,)`` seconds, not decreasing.

    Returns
    -------
    ndarray
        ``(phoneme,)`` seconds, not decreasing: such a liquid lasts at least 60 ms, or 40 % of
        vowel and liquid together if that is less.
    """
    result = np.array(starts, dtype=np.float64)
    for index in range(1, len(symbols) - 1):
        before, after = phoneme_classes(symbols[index - 1]), phoneme_classes(symbols[index + 1])
        if symbols[index] in _LIQUIDS and "vowel" in before and "vowel" not in after:
            whole = result[index + 1] - result[index - 1]
            least = min(CODA_LIQUID, 0.4 * whole)
            result[index] = min(result[index], result[index + 1] - least)
    return result
