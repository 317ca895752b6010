"""Spectrograms for the notebooks: borders of sounds, formants, and where the lips are shut."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from talking_heads.course.figures import BLUE, INK, ORANGE, SHADE, new_figure
from talking_heads.errors import UserError
from talking_heads.speech import SAMPLE_RATE, is_bilabial, phoneme_classes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from talking_heads.corpus import Clip
    from talking_heads.speech import Phoneme, Speech

Floats = NDArray[np.floating[Any]]

RANGE_DB = 55.0
"""So far below the loudest all is white."""
GREYS = 8
"""Steps from white to black: few, so that a picture stays small."""
_EMPHASIS = 0.95
"""Voices lose some 6 dB an octave; the difference of neighbouring samples gives it back."""
_LPC_RATE = 11_000
"""Formants are looked for below half of this, in Hz."""
_LPC_ORDER = 12
_LPC_SECONDS = 0.030
_WIDEST = 400.0
"""A resonance wider than this, in Hz, is none."""


def emphasised(audio: ArrayLike) -> NDArray[np.float64]:
    """Return sound with its high part lifted: ``x[n] - 0.95 x[n - 1]``."""
    samples = np.asarray(audio, dtype=np.float64)
    return np.append(samples[:1], samples[1:] - _EMPHASIS * samples[:-1])


def spectrogram(
    audio: ArrayLike, *, window_ms: float = 16.0, hop_ms: float = 4.0
) -> NDArray[np.float64]:
    """Return levels in dB of a sound's short-time spectrum.

    Parameters
    ----------
    audio : array
        ``(samples,)`` at 16 kHz.
    window_ms : float
        Length of the Hann window: 16 shows bursts, 30 and more the harmonics of the voice.
    hop_ms : float
        Time from one column to the next.

    Returns
    -------
    ndarray
        ``(bin, column)`` dB, bins from 0 to 8 kHz; column ``k`` is centred on ``k * hop_ms``.
    """
    from scipy.signal import stft

    width, hop = (round(ms * SAMPLE_RATE / 1000) for ms in (window_ms, hop_ms))
    if not 1 <= hop < width:
        raise UserError(f"The window lasts longer than a step, not {window_ms} and {hop_ms} ms.")
    block = 2 ** math.ceil(math.log2(width))
    samples = emphasised(audio)
    # A sound shorter than its window is completed by silence.
    samples = np.pad(samples, (0, max(0, width - len(samples))))
    _, _, bins = stft(samples, SAMPLE_RATE, nperseg=width, noverlap=width - hop, nfft=block)
    return np.asarray(20 * np.log10(np.abs(bins) + 1e-9))


def darkness(level: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how dark each level is drawn, 0 to 1 in eight steps: 1 for the loudest."""
    top = float(np.quantile(level, 0.998))
    return np.asarray(
        np.round(np.clip((level - top) / RANGE_DB + 1, 0, 1) * (GREYS - 1)) / (GREYS - 1)
    )


def draw_spectrogram(
    axis: Axes,
    audio: ArrayLike,
    *,
    start: float = 0.0,
    end: float | None = None,
    top_khz: float = 8.0,
    window_ms: float = 16.0,
) -> None:
    """Draw a spectrogram in greys.

    Parameters
    ----------
    axis : Axes
        Where: seconds across, kHz up.
    audio : array
        ``(samples,)`` at 16 kHz.
    start, end : float
        The stretch that is shown, in seconds; by default all.
    top_khz : float
        Up to here.
    window_ms : float
        See `spectrogram`.
    """
    samples = np.asarray(audio, dtype=np.float64)
    end = len(samples) / SAMPLE_RATE if end is None else end
    hop_ms = min(4.0, window_ms / 4)
    level = spectrogram(samples, window_ms=window_ms, hop_ms=hop_ms)
    columns = np.arange(level.shape[1]) * hop_ms / 1000
    seen = (columns >= start - 0.02) & (columns <= end + 0.02)
    if not end > start >= 0 or not seen.any():
        raise UserError(f"There is no sound between {start} and {end} s.")
    first, last = columns[seen][[0, -1]]
    axis.imshow(
        darkness(level[:, seen]),
        origin="lower",
        aspect="auto",
        extent=(first, last, 0, SAMPLE_RATE / 2000),
        cmap="Greys",
        vmin=0,
        vmax=1,
        interpolation="nearest",
    )
    axis.set(xlim=(start, end), ylim=(0, top_khz), ylabel="kHz")


def draw_phonemes(
    axis: Axes,
    phonemes: Sequence[Phoneme],
    *,
    start: float = 0.0,
    end: float = math.inf,
    signs: bool = True,
) -> None:
    """Draw the borders of sounds and, if wanted, their signs above; stressed vowels bold."""
    place = axis.get_xaxis_transform()
    for phoneme in phonemes:
        low, high = max(phoneme.start, start), min(phoneme.end, end)
        if high - low < 0.005:
            continue
        for border in (phoneme.start, phoneme.end):
            if start < border < end:
                axis.axvline(border, color=ORANGE, lw=0.7)
        if not signs:
            continue
        weight = "bold" if phoneme.stress == 2 else "normal"
        axis.text(
            (low + high) / 2, 1.02, phoneme.symbol, transform=place, ha="center", weight=weight
        )


def formants(audio: ArrayLike, times: ArrayLike, count: int = 3) -> NDArray[np.float64]:
    """Return the lowest resonances of the vocal tract by linear prediction.

    Around each time a filter of twelve poles is fitted to 30 ms of sound, brought to 11 kHz, by
    the autocorrelation method; each narrow pole pair is a resonance. Source: J. Makhoul, Linear
    prediction: a tutorial review, Proceedings of the IEEE 63, 1975.

    Parameters
    ----------
    audio : array
        ``(samples,)`` at 16 kHz.
    times : array
        ``(n,)`` seconds.
    count : int
        How many.

    Returns
    -------
    ndarray
        ``(n, count)`` Hz, rising; NaN where there is no such resonance below 5 kHz, and throughout
        in silence.
    """
    from scipy.linalg import solve_toeplitz
    from scipy.signal import resample_poly

    samples = resample_poly(np.asarray(audio, dtype=np.float64), 11, 16)
    samples = emphasised(samples)
    half = round(_LPC_SECONDS * _LPC_RATE / 2)
    samples = np.pad(samples, half)
    window = np.hamming(2 * half)
    times = np.atleast_1d(np.asarray(times, dtype=np.float64))
    found = np.full((len(times), count), np.nan)
    loudest = float(np.abs(samples).max(initial=0.0))
    for row, time in enumerate(times):
        first = round(float(time) * _LPC_RATE)
        piece = samples[max(first, 0) : max(first, 0) + 2 * half]
        if len(piece) < 2 * half or np.sqrt(np.mean(piece**2)) <= 1e-3 * loudest:
            continue
        piece = piece * window
        sums = np.array([piece[: len(piece) - k] @ piece[k:] for k in range(_LPC_ORDER + 1)])
        sums[0] *= 1 + 1e-9
        poles = np.roots(np.concatenate([[1.0], -solve_toeplitz(sums[:-1], sums[1:])]))
        poles = poles[poles.imag > 0]
        hertz = np.angle(poles) * _LPC_RATE / (2 * np.pi)
        width = -np.log(np.abs(poles)) * _LPC_RATE / np.pi
        heard = np.sort(hertz[(hertz > 90) & (hertz < 5000) & (width < _WIDEST)])[:count]
        found[row, : len(heard)] = heard
    return found


def closure_spans(phonemes: Sequence[Phoneme]) -> list[tuple[float, float]]:
    """Return when the lips are shut for p, b and m, in seconds.

    From the start of each to its release, where the phoneme knows it, else to its end.
    """
    return [
        (p.start, p.end if p.release is None else p.release)
        for p in phonemes
        if is_bilabial(p.symbol)
    ]


def phoneme_figure(
    clip: Clip | Speech,
    start: float = 0.0,
    end: float | None = None,
    *,
    top_khz: float = 8.0,
    window_ms: float = 16.0,
    marks: Sequence[tuple[float, float, str]] = (),
    dots: bool = True,
) -> tuple[Figure, str]:
    """Draw a stretch of speech: its waveform, its spectrogram, and its sounds.

    Where the lips are shut for p, b and m, the waveform is shaded; blue dots on the vowels are
    the first three formants.

    Parameters
    ----------
    clip : Clip or Speech
        With phonemes.
    start, end : float
        The stretch, in seconds; by default all.
    top_khz, window_ms : float
        As in `draw_spectrogram`.
    marks : sequence of (float, float, str)
        Texts at seconds and kHz, such as ``(0.41, 5.0, "burst")``.
    dots : bool
        Whether to draw the formants.

    Returns
    -------
    tuple of Figure and str
        For `talking_heads.course.figures.show`; add to the words what the reader should see.
    """
    audio = np.asarray(clip.audio, dtype=np.float64)
    end = len(audio) / SAMPLE_RATE if end is None else end
    shown = [p for p in clip.phonemes if p.end > start and p.start < end]
    if not shown:
        raise UserError(f"There are no phonemes between {start} and {end} s.")
    figure, (wave, picture) = new_figure(2, height=3.6, heights=(1, 3))
    draw_spectrogram(picture, audio, start=start, end=end, top_khz=top_khz, window_ms=window_ms)
    times = np.arange(len(audio)) / SAMPLE_RATE
    seen = (times >= start) & (times <= end)
    wave.plot(times[seen], audio[seen], color=BLUE, lw=0.5)
    draw_phonemes(wave, shown, start=start, end=end)
    draw_phonemes(picture, shown, start=start, end=end, signs=False)
    shut = closure_spans(shown)
    for low, high in shut:
        wave.axvspan(max(low, start), min(high, end), color=SHADE, lw=0, zorder=0)
    wave.set(yticks=[], ylabel="sound")
    if dots:
        vowels = [p for p in shown if "vowel" in phoneme_classes(p.symbol)]
        at = np.concatenate(
            [np.arange(p.start + 0.012, p.end - 0.006, 0.008) for p in vowels] or [np.zeros(0)]
        )
        for row in formants(audio, at).T / 1000:
            picture.plot(at, row, ".", color=BLUE, ms=3.5)
    for seconds, khz, text in marks:
        picture.annotate(
            text, (seconds, khz), ha="center", va="center", color=INK, fontsize=9,
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.8},
        )  # fmt: skip
    picture.set_xlabel("time (s)")
    signs = " ".join(p.symbol for p in shown if p.symbol)
    words = (
        f"Waveform and spectrogram from 0 to {top_khz:g} kHz of {end - start:.2f} s of speech, the "
        f"sounds {signs}. The lips are shut in {len(shut)} of them."
    )
    return figure, words
