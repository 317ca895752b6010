"""What the miniature data sets are made of: clips of the course corpus on a reordered mesh."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.corpus.clip import Clip
from talking_heads.corpus.collection import Corpus
from talking_heads.corpus.views import motion_blendshapes
from talking_heads.face import ARKIT_INDEX, ARKIT_NAMES, Face, get_face
from talking_heads.speech import SAMPLE_RATE

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

LEAD = 0.12
"""Seconds of a clip before its first sound."""
_EYES = ("eye_left", "eye_right")


@dataclass(frozen=True)
class Take:
    """One clip of a miniature: a name in the data set, and who says what in the course corpus.

    Parameters
    ----------
    name : str
        ``"FaceTalk_170728_03272_TA_sentence01"``.
    speaker : str
        Of the course corpus.
    number : int
        Which of the sentences that all speakers of the course corpus say, from 0.
    seconds : float
        How long it is.
    """

    name: str
    speaker: str
    number: int
    seconds: float = 1.0


def course_clip(corpus: Corpus, take: Take) -> Clip:
    """Return the clip of the course corpus that a take is cut from."""
    own = [clip for clip in corpus if clip.speaker == take.speaker]
    split = "test_seen" if take.speaker in corpus.speakers[:12] else "test_unseen"
    wanted = set(corpus.splits[split])
    return [clip for clip in own if clip.id in wanted][take.number]


def identity_of(clip: Clip) -> str:
    """Return whose head a clip of the course corpus moves."""
    return clip.face_id.partition("@")[0]


def take_motion(clip: Clip, seconds: float, fps: float, still: Sequence[str] = ()) -> Floats:
    """Return the coefficients of a stretch of a clip that starts just before its first sound.

    Parameters
    ----------
    clip : Clip
        Of the course corpus.
    seconds : float
        Length of the stretch.
    fps : float
        Frames a second, linearly interpolated.
    still : sequence of str
        Starts of the names of the shapes that stay at 0.

    Returns
    -------
    ndarray of float32
        ``(frame, 52)``, ``round(seconds * fps)`` frames.
    """
    values = motion_blendshapes(clip.motion, "arkit", fps)
    first = round(start_of(clip) * fps)
    values = values[first : first + round(seconds * fps)].copy()
    quiet = [ARKIT_INDEX[name] for name in ARKIT_NAMES if name.startswith(tuple(still) or ("-",))]
    values[:, quiet] = 0
    return values


def take_sound(clip: Clip, seconds: float, rate: int) -> Floats:
    """Return the sound of the same stretch as `take_motion`, at a sample rate."""
    first = round(start_of(clip) * SAMPLE_RATE)
    samples = clip.audio[first : first + round(seconds * SAMPLE_RATE)]
    if rate != SAMPLE_RATE:
        import soxr

        samples = soxr.resample(samples, SAMPLE_RATE, rate)
    return np.asarray(samples, np.float32)


def start_of(clip: Clip) -> float:
    """Return where the stretch of a clip starts: a little before its first sound, in seconds."""
    first = next((phoneme.start for phoneme in clip.phonemes if phoneme.symbol), 0.0)
    # At a frame of 25 a second, so that motion and sound are cut at the same place.
    return max(0, round((first - LEAD) * clip.fps)) / clip.fps


def read_sound(path: Path) -> Floats:
    """Read what `write_sound` wrote."""
    with wave.open(str(path), "rb") as file:
        whole = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return whole.astype(np.float32) / np.float32(32767)


def write_sound(path: Path, samples: Floats, rate: int) -> None:
    """Write 16-bit mono WAV."""
    whole = np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(whole.tobytes())


@dataclass(frozen=True, eq=False)
class Cast:
    """The vertices of the course head that a miniature takes, in the order that it gives them.

    Parameters
    ----------
    resolution : str
        Of the course head.
    order : ndarray
        ``(V,)``: vertex ``i`` of the miniature is vertex ``order[i]`` of the head.
    triangles : ndarray
        ``(T, 3)`` in the miniature's numbers.
    regions : dict of ndarray
        Sorted numbers in the miniature.
    """

    resolution: str
    order: Ints
    triangles: NDArray[np.int32]
    regions: dict[str, Ints]

    def face(self, identity: str) -> Face:
        """Return a head of the course at the miniature's resolution."""
        return get_face(f"{identity}@{self.resolution}")

    def template(self, identity: str) -> Floats:
        """Return a face at rest, ``(V, 3)`` metres."""
        return self.face(identity).vertices[self.order]

    def frames(self, identity: str, coefficients: Floats) -> Floats:
        """Return a motion, ``(frame, V, 3)`` metres."""
        return self.face(identity).pose(coefficients)[:, self.order]


def chosen_vertices(face: Face, count: int) -> Ints:
    """Return `count` vertices of a head: its skin and its eyes, less the lowest of the neck."""
    skin = np.arange(face.parts["skin"].start, face.parts["skin"].stop)
    eyes = np.concatenate([np.arange(face.parts[eye].start, face.parts[eye].stop) for eye in _EYES])
    spare = len(skin) + len(eyes) - count
    assert spare >= 0
    lowest = skin[np.argsort(face.vertices[skin, 1], kind="stable")[:spare]]
    return np.concatenate([np.setdiff1d(skin, lowest), eyes])


def nearest(face: Face, among: Ints, centre: NDArray[Any], count: int) -> Ints:
    """Return those `count` of some vertices that lie nearest to one or more points ``(n, 3)``."""
    apart = face.vertices[among][:, None] - np.atleast_2d(centre)[None]
    distance = np.linalg.norm(apart, axis=-1).min(1)
    return among[np.argsort(distance, kind="stable")[:count]]


def recast(
    face: Face,
    chosen: Ints,
    numbers: dict[str, Ints],
    regions: dict[str, Ints],
    fixed: dict[int, int],
    seed: int,
    ragged: float = 0.0,
) -> Cast:
    """Give the chosen vertices new numbers, so that regions and single vertices get given ones.

    Parameters
    ----------
    face : Face
        The head.
    chosen : ndarray
        Its vertices that the miniature has.
    numbers : dict of ndarray
        For some regions the numbers that their vertices shall have; regions must not overlap.
    regions : dict of ndarray
        Vertices of the head for each region, as many as numbers where those are given.
    fixed : dict of int to int
        The vertex of the head that a number stands for, within its region.
    seed : int
        Draws the rest of the order.
    ragged : float
        No triangle reaches lower than so many metres above the highest vertex that is left out.

    Returns
    -------
    Cast
    """
    rng = np.random.default_rng(seed)
    order = np.full(len(chosen), -1, np.int64)
    for number, vertex in fixed.items():
        order[number] = vertex
    for region, free in numbers.items():
        vertices = np.setdiff1d(regions[region], order)
        places = free[order[free] < 0]
        assert len(vertices) == len(places), (region, len(vertices), len(places))
        order[places] = rng.permutation(vertices)
    order[order < 0] = rng.permutation(np.setdiff1d(chosen, order))
    place = np.full(len(face.vertices), -1, np.int64)
    place[order] = np.arange(len(order))
    corners = place[face.triangles]
    # Below the highest vertex that is left out, and beside it, the neck would end in rags.
    skin = np.arange(face.parts["skin"].start, face.parts["skin"].stop)
    edge = face.vertices[np.setdiff1d(skin, chosen), 1].max(initial=-np.inf) + ragged
    whole = (corners >= 0).all(1) & (face.vertices[face.triangles, 1].min(1) > edge)
    triangles = corners[whole].astype(np.int32)
    named = {name: np.sort(place[vertices]) for name, vertices in regions.items()}
    return Cast(face.resolution, order, triangles, named)


_README = "README.txt"
_FIRST = "A miniature of {name}, made from the head and the corpus of this course."


def write_readme(folder: Path, name: str, more: str = "") -> None:
    """Write the file that tells a miniature from a real data set."""
    text = f"""{_FIRST.format(name=name)}

It is NOT the real {name}. The files have the names, the shapes and the types of the real ones, and
vertices that published code names by number lie where they should. The faces and voices are
synthetic. Nothing that is trained or measured on it says anything about {name}.
{more}"""
    (folder / _README).write_text(text, "utf-8")


def is_miniature(folder: Path) -> bool:
    """Return whether a folder is a miniature: the only data set that a program may replace."""
    start, end = (part.encode() for part in _FIRST.split("{name}"))
    try:
        with (folder / _README).open("rb") as file:
            line = file.readline(200).rstrip()
    except OSError:
        return False
    return line.startswith(start) and line.endswith(end)
