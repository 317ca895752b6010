"""Blinks, brows and gaze: what the face does beside speaking.

Little of it can be heard. Brows follow stress in part; blinks and gaze follow nothing in the voice
but its pauses. Every seed gives another, equally true, upper face for the same sentence.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from talking_heads.corpus.style import Style
from talking_heads.corpus.variation import smooth_noise
from talking_heads.corpus.viseme_segments import visemes_of
from talking_heads.corpus.visemes import VOWELS
from talking_heads.face import ARKIT_INDEX
from talking_heads.face.life import BLINK_FALL, blink_curve
from talking_heads.speech import Phoneme

_PHRASE = 0.12
"""Shortest pause in seconds that begins a new phrase."""
_BLINK_GAP = 0.45
"""Shortest time between the starts of two blinks, in seconds."""


def blink_times(
    duration: float,
    rate: float,
    pauses: Sequence[tuple[float, float]],
    rng: np.random.Generator,
    double: float = 0.0,
) -> list[float]:
    """Draw the starts of blinks.

    Parameters
    ----------
    duration : float
        Seconds.
    rate : float
        Blinks a minute.
    pauses : sequence of (start, end)
        Pauses of the speech in seconds; half of the blinks near one move into it.
    rng : numpy.random.Generator
        Source of chance.
    double : float
        Share of blinks that another one follows after 0.45 s.

    Returns
    -------
    list of float
        Seconds, ascending. Other intervals follow a gamma distribution of shape 2, and none is
        shorter than 0.45 s.
    """
    if rate < 1e-3:
        return []
    mean = 60.0 * (1 + double) / rate
    # Start well before the clip, so that its beginning is a random point in the process.
    time = -3 * mean * rng.uniform(0.5, 1.0)
    times: list[float] = []
    while True:
        time += _BLINK_GAP + rng.gamma(2.0, max(mean - _BLINK_GAP, 0.05) / 2.0)
        if time >= duration:
            return times
        start = time
        if rng.uniform() < 0.5:
            near = [p for p in pauses if abs(0.5 * (p[0] + p[1]) - time) < 0.8]
            if near:
                start = near[0][0] + rng.uniform(0, 0.1)
        if start > -0.2 and start < duration and (not times or start - times[-1] > _BLINK_GAP):
            times.append(float(start))
            again = float(start) + _BLINK_GAP
            if rng.uniform() < double and again < duration:
                times.append(again)
                time = max(time, again)


def _bump(
    time: NDArray[np.float64], centre: float, rise: float, fall: float
) -> NDArray[np.float64]:
    """Return a smooth hump of height 1 with different widths before and after its peak."""
    offset = time - centre
    return np.exp(-0.5 * (offset / np.where(offset < 0, rise, fall)) ** 2)


def brow_accents(
    phonemes: Sequence[Phoneme], style: Style, rng: np.random.Generator
) -> list[tuple[float, float]]:
    """Draw the stressed vowels that move the brows.

    Parameters
    ----------
    phonemes : sequence of Phoneme
        In order of time.
    style : Style
        `Style.brow` sets both how often and how high.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    list of (time, height)
        Seconds and height. Primary stress moves the brows more often than secondary, the first
        stress of a phrase more often than later ones, and long vowels more than short ones. A
        share of `Style.brow_frown` has a height below 0.
    """
    accents = []
    last, opening = -1.0, True
    for phoneme in phonemes:
        # Brows mark the beginning of a phrase more often than its middle.
        opening = opening or (not phoneme.symbol and phoneme.end - phoneme.start > _PHRASE)
        if not phoneme.stress or visemes_of(phoneme.symbol)[0].name not in VOWELS:
            continue
        centre = 0.5 * (phoneme.start + phoneme.end)
        length = min((phoneme.end - phoneme.start) / 0.15, 1.5)
        chance = (0.2 + 0.8 * style.brow) * (1.0 if phoneme.stress == 2 else 0.5)
        chance *= 1.5 if opening else 1.0
        opening = False
        draw, height = rng.uniform(), rng.uniform(0.6, 1.2)
        if draw < chance and centre - last > 0.45:
            sign = -1.0 if rng.uniform() < style.brow_frown else 1.0
            accents.append((centre - 0.03, sign * style.brow * length * height))
            last = centre
    return accents


def gaze_path(
    frames: int, fps: float, size: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw where the eyes look: fixations of 0.4 to 2.5 s with quick shifts between them.

    Parameters
    ----------
    frames : int
        Number of frames.
    fps : float
        Frames a second.
    size : float
        Size of the shifts as a fraction of the eyes' range. Two of three return to the viewer.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    ndarray
        ``(frame, 2)``, to the face's own left and up, -1 to 1.
    """
    path = np.zeros((frames, 2))
    time, target = 0.0, rng.normal(size=2) * size * (0.4, 0.34)
    starts, targets = [0.0], [target]
    while time < frames / fps:
        time += rng.uniform(0.4, 2.5)
        away = rng.uniform() < 1 / 3
        target = rng.normal(size=2) * size * ((1.0, 0.85) if away else (0.2, 0.17))
        starts.append(time)
        targets.append(target)
    clock = np.arange(frames) / fps
    index = np.searchsorted(starts, clock, side="right") - 1
    path = np.asarray(targets)[index]
    # A small saccade lasts about 40 ms, a frame; the filter spreads it over two.
    path = gaussian_filter1d(path, 0.5, axis=0, mode="nearest")
    return np.clip(path, -1, 1)


def upper_face(
    phonemes: Sequence[Phoneme], frames: int, fps: float, style: Style, seed: int
) -> dict[str, NDArray[np.float64]]:
    """Draw blinks, brows and gaze for an utterance.

    Parameters
    ----------
    phonemes : sequence of Phoneme
        In order of time; pauses have the symbol ``""``.
    frames : int
        Number of frames.
    fps : float
        Frames a second.
    style : Style
        The speaker's habits.
    seed : int
        Another seed, another upper face.

    Returns
    -------
    dict of str to ndarray
        ``(frame,)`` coefficients, 0 to 1, by ARKit name.
    """
    rng = np.random.default_rng([7, seed])
    clock = np.arange(frames) / fps
    out: dict[str, NDArray[np.float64]] = {}

    pauses = [(p.start, p.end) for p in phonemes if not p.symbol and p.end - p.start > 0.08]
    blink = np.zeros(frames)
    for start in blink_times(frames / fps, style.blinks, pauses, rng, style.double_blinks):
        # On a frame of its own, the lid is seen shut; between two frames it would seem to miss.
        start = np.round((start + BLINK_FALL * style.blink_length) * fps) / fps
        shape = blink_curve(clock - start + BLINK_FALL * style.blink_length, style.blink_length)
        blink = np.maximum(blink, shape * rng.uniform(0.92, 1.0))

    raised = np.full(frames, style.brow_rest)
    for centre, height in brow_accents(phonemes, style, rng):
        raised += height * _bump(clock, centre, 0.10, 0.17)
    raised += style.brow_free * smooth_noise(frames, fps, 0.45, rng)
    tilt = 0.5 * style.brow_free * smooth_noise(frames, fps, 0.6, rng)
    frown = np.maximum(-raised, 0) + np.maximum(
        style.brow_free * smooth_noise(frames, fps, 0.9, rng), 0
    )
    up = np.maximum(raised, 0)
    out["browInnerUp"] = 0.9 * up
    out["browOuterUpLeft"] = 0.75 * up * (1 + style.asymmetry) + tilt
    out["browOuterUpRight"] = 0.75 * up * (1 - style.asymmetry) - tilt
    out["browDownLeft"] = 0.6 * frown
    out["browDownRight"] = 0.6 * frown

    gaze = gaze_path(frames, fps, style.gaze, rng)
    left, right = np.maximum(gaze[:, 0], 0), np.maximum(-gaze[:, 0], 0)
    high, low = np.maximum(gaze[:, 1], 0), np.maximum(-gaze[:, 1], 0)
    # Looking to the own left turns the left eye out and the right eye in.
    out["eyeLookOutLeft"], out["eyeLookInRight"] = left, left
    out["eyeLookInLeft"], out["eyeLookOutRight"] = right, right
    for side in ("Left", "Right"):
        out[f"eyeLookUp{side}"] = high
        out[f"eyeLookDown{side}"] = low
        # The lid follows the eye down, as in life.
        out[f"eyeBlink{side}"] = np.maximum(blink, 0.25 * low)
        out[f"eyeWide{side}"] = 0.25 * np.maximum(raised - 0.2, 0) * (1 - blink)
        out[f"eyeSquint{side}"] = 0.15 * style.smile + 0.06 * blink + 0.3 * frown
    return {name: np.clip(values, 0, 1) for name, values in out.items() if name in ARKIT_INDEX}
