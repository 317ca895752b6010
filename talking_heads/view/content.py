"""What a player shows: heads, sound and words, the same in the notebook and on a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from talking_heads.errors import UserError
from talking_heads.face import motion_aperture, motion_vertices
from talking_heads.speech import SAMPLE_RATE, wav_bytes
from talking_heads.view.encode import TOLERANCE, EncodedMotion, encode_motion
from talking_heads.view.foreign import named_face, shown_face, shown_motion
from talking_heads.view.picture import small_png
from talking_heads.view.sound import padded, samples_of

if TYPE_CHECKING:
    from talking_heads.corpus.heads import Head
    from talking_heads.face import Face
    from talking_heads.face.motion import Motion

_QUOTES = "\"'“”‘’ "

MAX_HEADS = 4
"""So many heads fit side by side."""


@dataclass(frozen=True)
class Content:
    """Everything a player shows.

    Attributes
    ----------
    heads : tuple of EncodedMotion
        From left to right.
    sound : bytes
        A WAV file, empty for none. At least as long as the longest motion: it is the clock.
    seconds : float
        Length of the whole.
    title, description : str
        The description is the text alternative: the same input gives the same words.
    labels : tuple of str
        One above each head; empty for none.
    still : bytes
        PNG of the first head with its mouth open, or of all heads side by side.
    alive : bool
        Whether the player begins with blinks, gaze and motion of the head added.
    """

    heads: tuple[EncodedMotion, ...]
    sound: bytes
    seconds: float
    title: str
    description: str
    labels: tuple[str, ...]
    still: bytes
    alive: bool = False


def make_content(
    motion: Motion | Sequence[Motion],
    audio: Any = None,
    *,
    face: Face | Head | Sequence[Face | Head] | None = None,
    title: str | None = None,
    labels: Sequence[str] | None = None,
    alive: bool = False,
) -> Content:
    """Gather what a player shows; the arguments are those of `talking_heads.view.play`.

    Raises
    ------
    UserError
        If there are no heads or more than four, labels or faces do not match them in number, or
        a motion or the sound cannot be used.
    """
    motions = _as_list(motion)
    if not 1 <= len(motions) <= MAX_HEADS:
        raise UserError(f"A player shows 1 to {MAX_HEADS} heads, not {len(motions)}.")
    given = _faces(motions, face)
    faces = [shown_face(f) for f in given]
    motions = [shown_motion(m, f) for m, f in zip(motions, given, strict=True)]
    title = clean_text(title or "")
    if labels is None:
        labels = []
    elif len(labels) != len(motions):
        raise UserError(f"{len(motions)} heads need as many labels, not {len(labels)}.")
    labels = [clean_text(label) for label in labels]
    # Each head lives by a seed of its own: two that blink together look like puppets.
    heads = tuple(
        encode_motion(m, f, seed=i) for i, (m, f) in enumerate(zip(motions, faces, strict=True))
    )
    seconds = max(m.duration for m in motions)
    sound = b""
    if audio is not None:
        samples = samples_of(audio)
        sound = wav_bytes(padded(samples, seconds))
        seconds = max(seconds, len(samples) / SAMPLE_RATE)
    apertures = [motion_aperture(m, f) for m, f in zip(motions, faces, strict=True)]
    return Content(
        heads=heads,
        sound=sound,
        seconds=seconds,
        title=title or "Talking head",
        description=describe(motions, faces, apertures, heads, seconds, bool(sound), title, labels),
        labels=tuple(labels),
        still=_still(motions, faces, apertures),
        alive=alive,
    )


def clean_text(text: str) -> str:
    """Return text that UTF-8 can hold: halves of characters, as broken input has, become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def describe(
    motions: Sequence[Motion],
    faces: Sequence[Face],
    apertures: Sequence[np.ndarray],
    heads: Sequence[EncodedMotion],
    seconds: float,
    sound: bool,
    title: str | None,
    labels: Sequence[str],
) -> str:
    """Return a description in words, short enough to serve as a text alternative."""
    kind = "with sound" if sound else "without sound"
    count = "A talking head" if len(motions) == 1 else f"{len(motions)} talking heads side by side"
    name = f' "{title.strip(_QUOTES)}"' if title else ""
    lines = [f"{count}{name}, {seconds:.1f} s {kind}"]
    for i, (motion, face) in enumerate(zip(motions, faces, strict=True)):
        start = f"{labels[i]}: " if labels else ""
        widest = float(np.max(apertures[i], initial=0.0)) * 1000
        text = f"{start}face {face.id}, {len(motion)} frames at {motion.fps:g} a second"
        if motion.speaker:
            text += f", speaker {motion.speaker}"
        if "inner_lip_upper" in face.landmarks:
            text += f", lips open up to {widest:.0f} mm"
        if heads[i].max_error > TOLERANCE:
            text += f" (drawn to within {heads[i].max_error * 1000:.1g} mm)"
        lines.append(text)
    return (lines[0] + ": " + lines[1] + ".") if len(lines) == 2 else ".\n".join(lines) + "."


def _as_list(motion: Motion | Sequence[Motion]) -> list[Motion]:
    return list(motion) if isinstance(motion, list | tuple) else [motion]  # type: ignore[list-item]


def _faces(
    motions: Sequence[Motion], face: Face | Head | Sequence[Face | Head] | None
) -> list[Face | Head]:
    if face is None:
        return [named_face(m) for m in motions]
    faces = list(face) if isinstance(face, list | tuple) else [face] * len(motions)
    if len(faces) != len(motions):
        raise UserError(f"{len(motions)} heads need one face or as many, not {len(faces)}.")
    return faces  # type: ignore[return-value]


def _still(
    motions: Sequence[Motion], faces: Sequence[Face], apertures: Sequence[np.ndarray]
) -> bytes:
    """Draw every head at the moment when the first one's mouth is widest open.

    Where its lips are not known, that is when its vertices have moved most.
    """
    wide = apertures[0]
    if motions[0].kind == "vertices" and not wide.any():
        wide = np.array([np.abs(frame).max() for frame in motions[0].values])
    moment = int(np.argmax(wide)) / motions[0].fps
    pairs = []
    for motion, face in zip(motions, faces, strict=True):
        frame = min(round(moment * motion.fps), len(motion) - 1)
        rotation = motion.head_rotation
        part = type(motion)(
            motion.values[frame : frame + 1],
            motion.kind,
            motion.fps,
            motion.face_id,
            head_rotation=None if rotation is None else rotation[frame : frame + 1],
        )
        pairs.append((face, np.asarray(motion_vertices(part, face))[0]))
    return small_png(pairs)
