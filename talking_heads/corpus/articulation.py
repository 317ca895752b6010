"""From phonemes to the motion of a face: articulation by rule.

The mouth follows dominance functions (`dominance`), closures are enforced on the mesh (`closure`),
and the upper face is drawn by chance (`upper_face`). Facts about timing stand with the constants.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from talking_heads.corpus.closure import LipFace, close_lips
from talking_heads.corpus.dominance import (
    REACH_AFTER,
    REACH_BEFORE,
    REACH_ROUNDING,
    blend,
    dominance,
)
from talking_heads.corpus.habits import to_shapes
from talking_heads.corpus.style import Style
from talking_heads.corpus.upper_face import upper_face
from talking_heads.corpus.variation import Take, draw_take, draw_wander, plain_take
from talking_heads.corpus.viseme_segments import Segment, segments_of
from talking_heads.corpus.visemes import PARAMETERS, VISEMES, VOWELS
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, get_face
from talking_heads.speech import Phoneme

FPS = 25.0
"""Frames a second of the course corpus."""
OVERSAMPLING = 8
"""Curves are computed at this many times the frame rate, then smoothed and thinned."""
SMOOTHING = 0.012
"""Width (standard deviation) in seconds of the Gaussian that smooths the curves."""
LEAD = 0.20
"""Seconds by which the mouth leaves its rest before speech starts. The mouth leads the voice there
by 100 to 300 ms (Chandrasekaran et al., PLoS Comput Biol 2009)."""
SETTLE = 0.10
"""Seconds by which the return to rest starts after speech ends."""
_PAUSE = 0.09
"""A shorter pause is a closure of the vocal tract: the mouth does not rest in it."""
_ROUNDING = ("mouthFunnel", "mouthPucker")
_SPREADING = ("mouthStretch", "mouthSmile", "mouthDimple")
_OPENING = ("jawOpen", "mouthLowerDown", "mouthUpperUp")


def with_anticipation(segments: Sequence[Segment]) -> list[Segment]:
    """Shorten pauses so that the mouth leads the voice at starts, and lets go after ends.

    Parameters
    ----------
    segments : sequence of Segment
        In order of time.

    Returns
    -------
    list of Segment
        The same, without pauses shorter than 90 ms. Other pauses end up to 200 ms earlier and
        start up to 100 ms later, and keep a fifth of their length at least. The first pause keeps
        its start and the last one its end.
    """
    out = []
    for i, segment in enumerate(segments):
        if segment.viseme.name != "pause":
            out.append(segment)
            continue
        length = segment.end - segment.start
        if length < _PAUSE:
            continue
        first, last = i == 0, i == len(segments) - 1
        lead = 0.0 if last else LEAD
        settle = 0.0 if first else SETTLE
        scale = min(1.0, 0.8 * length / max(lead + settle, 1e-9))
        out.append(
            Segment(segment.viseme, segment.start + scale * settle, segment.end - scale * lead)
        )
    return out


def _target(segment: Segment, parameter: str, style: Style) -> float:
    """Return a segment's target in the style of a speaker."""
    value = segment.viseme.target(parameter)
    if parameter in _OPENING:
        value *= style.amplitude
        if segment.viseme.name in VOWELS:
            value *= 1.08 if segment.stress else 0.9
    if parameter in _ROUNDING:
        value *= style.rounding
    if parameter in _SPREADING:
        value *= style.spread
    if parameter == "mouthUpperUp":
        value *= style.upper_lip
    if parameter == "mouthLowerDown":
        value *= style.lower_lip
    if parameter == "cheekPuff":
        value += segment.pressure
    if parameter == "mouthPress":
        value *= style.press
    return value


def mouth_curves(
    segments: Sequence[Segment],
    time: NDArray[np.float64],
    style: Style,
    take: Take | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Evaluate the parameters of the mouth without closure.

    Parameters
    ----------
    segments : sequence of Segment
        In order of time; not empty.
    time : ndarray
        ``(frame,)`` seconds.
    style : Style
        The speaker's habits.
    take : Take, optional
        What differs in this take of the sentence.

    Returns
    -------
    dict of str to ndarray
        ``(frame,)`` for each of `visemes.PARAMETERS`, and ``"activity"``: 0 at rest to 1 in speech.
    """
    take = take or plain_take(segments)
    centre = np.array([segment.centre for segment in segments]) + take.shift
    half = np.array([segment.half for segment in segments])
    pause = np.array([segment.viseme.name == "pause" for segment in segments])
    # Rest is left and reached more slowly than one sound is left for the next.
    after = np.where(pause, 1.3 * REACH_AFTER, REACH_AFTER)
    early = {
        rounded: np.where(pause, 1.3 * REACH_BEFORE, REACH_ROUNDING if rounded else REACH_BEFORE)
        for rounded in (False, True)
    }
    one = np.ones(len(segments))
    weights = {k: dominance(time, centre, half, one, early[k], after) for k in early}
    curves = {"activity": blend(weights[False], 1.0 - pause)}
    for column, parameter in enumerate(PARAMETERS):
        alpha = np.array([segment.viseme.strength_of(parameter) for segment in segments])
        targets = np.array([_target(segment, parameter, style) for segment in segments])
        targets *= take.factor[:, column]
        if parameter in _OPENING:
            targets *= take.jaw if parameter == "jawOpen" else take.lips
        curves[parameter] = blend(weights[parameter in _ROUNDING], targets, alpha)
    return curves


def articulate_mouth(
    phonemes: Sequence[Phoneme],
    duration: float,
    style: Style | None = None,
    *,
    seed: int | None = None,
    face: LipFace | None = None,
    fps: float = FPS,
) -> NDArray[np.float32]:
    """Move the mouth alone; see `articulate`, which adds the upper face.

    Parameters
    ----------
    phonemes, duration, style, face, fps
        As for `articulate`.
    seed : int, optional
        Draws one natural take (`variation`); without it the mouth follows the rules alone.

    Returns
    -------
    ndarray of float32
        ``(frame, 52)`` coefficients, 0 to 1.

    Raises
    ------
    UserError
        As `articulate`.
    """
    if not (np.isfinite(duration) and duration > 0):
        raise UserError(f"The duration must be above 0 s, not {duration}.")
    if seed is not None and seed < 0:
        raise UserError(f"The seed must be 0 or above, not {seed}.")
    style = style or Style()
    lips: LipFace = face if face is not None else get_face()
    ends = 0.0
    for phoneme in phonemes:
        if phoneme.start < ends - 1e-6 or phoneme.end < phoneme.start:
            raise UserError(
                f"Phoneme {phoneme.symbol!r} at {phoneme.start:.3f} s overlaps its neighbour."
            )
        ends = phoneme.end
    segments = _covered(segments_of(phonemes), duration)
    frames = max(1, round(duration * fps))

    rate = fps * OVERSAMPLING
    fine = np.arange(frames * OVERSAMPLING) / rate
    moving = with_anticipation(segments)
    take = plain_take(moving) if seed is None else draw_take(moving, style, seed)
    curves = mouth_curves(moving, fine - style.offset, style, take)
    curves = {
        name: gaussian_filter1d(values, SMOOTHING * rate, mode="nearest")[::OVERSAMPLING]
        for name, values in curves.items()
    }
    activity = curves.pop("activity")
    out = to_shapes(curves, activity, style, draw_wander(frames, fps, style, seed))
    narrow = [i for i, segment in enumerate(moving) if segment.viseme.aperture is not None]
    out = close_lips(
        out, segments, lips, fps, style=style, shift=take.shift[narrow], press=take.press[narrow]
    )
    return out.astype(np.float32)


def articulate(
    phonemes: Sequence[Phoneme],
    duration: float,
    style: Style | None = None,
    seed: int = 0,
    *,
    face: LipFace | None = None,
    fps: float = FPS,
) -> NDArray[np.float32]:
    """Move a face as if it said some phonemes.

    Parameters
    ----------
    phonemes : sequence of Phoneme
        In order of time, not overlapping; a pause has the symbol ``""``. Time that no phoneme
        covers is rest.
    duration : float
        Seconds.
    style : Style, optional
        The speaker's habits; the default has none.
    seed : int
        Draws blinks, brows, gaze and the take of the mouth (`variation`); 0 or above.
    face : LipFace, optional
        The head on which closures are enforced; the neutral head by default.
    fps : float
        Frames a second.

    Returns
    -------
    ndarray of float32
        ``(frame, 52)`` coefficients, 0 to 1. Frame f shows the time f / fps, and there are
        ``round(duration * fps)`` of them, at least one.

    Raises
    ------
    UserError
        If the duration is not above 0, the seed is below 0, or phonemes overlap or run backwards.
    """
    mouth = articulate_mouth(phonemes, duration, style, seed=seed, face=face, fps=fps)
    return with_upper_face(mouth, phonemes, style, seed, fps=fps)


def with_upper_face(
    mouth: NDArray[np.float32],
    phonemes: Sequence[Phoneme],
    style: Style | None = None,
    seed: int = 0,
    *,
    fps: float = FPS,
) -> NDArray[np.float32]:
    """Return a copy of a motion ``(frame, 52)`` with blinks, brows and gaze drawn by `seed`."""
    out = mouth.copy()
    drawn = upper_face(phonemes, len(mouth), fps, style or Style(), seed)
    for name, values in drawn.items():
        out[:, ARKIT_INDEX[name]] = values
    return out


def _covered(segments: Sequence[Segment], duration: float) -> list[Segment]:
    """Fill the time that no segment covers with pauses."""
    rest = VISEMES["pause"]
    out, clock = [], 0.0
    for segment in segments:
        if segment.start > clock + 1e-6:
            out.append(Segment(rest, clock, segment.start))
        out.append(segment)
        clock = segment.end
    if clock < duration or not out:
        out.append(Segment(rest, clock, max(duration, clock)))
    merged: list[Segment] = []
    for segment in out:
        if merged and segment.viseme is rest and merged[-1].viseme is rest:
            merged[-1] = Segment(rest, merged[-1].start, segment.end)
        else:
            merged.append(segment)
    return merged
