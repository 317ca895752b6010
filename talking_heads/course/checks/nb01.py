"""Checks of notebook 01: reading data sets by hand, keeping time, and splitting without leaks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.course.checking import Case, Exercise, Mistake, same_as_package
from talking_heads.course.checks.text_split import SPLIT_MISTAKES, check_split
from talking_heads.speech.frames import frame_to_sample

Array = NDArray[Any]
_RATE = 16_000


def vocaset_offsets(rows: Array, template: Array) -> Array:
    """Turn a motion file of VOCASET into offsets at 30 frames a second, as `load_vocaset` does.

    Parameters
    ----------
    rows : ndarray
        ``(T60, 3 V)`` metres at 60 frames a second: x, y, z of vertex 0, then of vertex 1, ...
    template : ndarray
        ``(V, 3)`` the speaker's face at rest, metres.

    Returns
    -------
    ndarray
        ``(ceil(T60 / 2), V, 3)`` metres.
    """
    return rows.reshape(len(rows), -1, 3)[::2] - template


def _vocaset_cases(rng: np.random.Generator) -> Iterator[Case]:
    for name, frames, vertices in (
        ("a motion of 8 frames", 8, 7),
        ("an odd number of frames", 9, 5),
        ("a single frame", 1, 6),
    ):
        template = rng.normal(0, 0.1, (vertices, 3))
        moves = rng.normal(0, 0.01, (frames, vertices, 3)).cumsum(axis=0)
        yield Case(name, ((template + moves).reshape(frames, -1), template))


def _cut(rows: Array) -> Array:
    return rows.reshape(len(rows), -1, 3)


_VOCASET_MISTAKES = (
    Mistake(
        "all frames kept",
        lambda r, t: _cut(r) - t,
        "You kept every frame: these are 60 a second. Take every second one, [::2].",
    ),
    Mistake(
        "odd frames",
        lambda r, t: _cut(r)[1::2] - t,
        "You took the frames 1, 3, 5, ...: your motion begins a sixtieth of a second late.\n"
        "Begin with frame 0: [::2].",
    ),
    Mistake(
        "first half",
        lambda r, t: _cut(r)[: (len(r) + 1) // 2] - t,
        "You took the first half of the frames, at their old rate. Every second one is wanted,\n"
        "from the whole motion: [::2].",
    ),
    Mistake(
        "last frame of an odd number dropped",
        lambda r, t: _cut(r)[: 2 * (len(r) // 2) : 2] - t,
        "Of an odd number of frames you lost the last. 9 frames at 60 a second give 5: 0, 2, 4,\n"
        "6 and 8.",
    ),
    Mistake(
        "mean of two frames",
        lambda r, t: np.stack([_cut(r)[i : i + 2].mean(axis=0) for i in range(0, len(r), 2)]) - t,
        "You averaged pairs of frames. The published readers take every second frame as it is.",
    ),
    Mistake(
        "template left in",
        lambda r, t: _cut(r)[::2],
        "You return positions. Subtract the face at rest, template: offsets are wanted.",
    ),
    Mistake(
        "wrong sign",
        lambda r, t: t - _cut(r)[::2],
        "Your offsets have the wrong sign: they lead from the face at rest to the moving one,\n"
        "so it is moving minus template.",
    ),
    Mistake(
        "first frame as template",
        lambda r, t: _cut(r)[::2] - _cut(r)[0],
        "You subtracted the first frame. A recording need not begin at rest: subtract template.",
    ),
    Mistake(
        "coordinates apart",
        lambda r, t: r.reshape(len(r), 3, -1).transpose(0, 2, 1)[::2] - t,
        "Your reshape takes all x first, then all y, then all z. In the file x, y, z of one\n"
        "vertex stand together: reshape(frames, -1, 3).",
    ),
    Mistake(
        "still flat",
        lambda r, t: r[::2] - t.reshape(-1),
        "Your numbers are right and still lie in flat rows. (frame, vertex, 3) is wanted:\n"
        "reshape(frames, -1, 3).",
    ),
    Mistake(
        "millimetres",
        lambda r, t: 1000 * vocaset_offsets(r, t),
        "It looks as if you returned millimetres: your answer is 1000 times too large.\n"
        "VOCASET is in metres, and stays so.",
    ),
)


def sound_of_frames(audio: Array, start: int, stop: int, fps: float) -> Array:
    """Return the samples of some frames, as `talking_heads.corpus.Clip.sound` does.

    Parameters
    ----------
    audio : ndarray
        ``(samples,)`` at 16 kHz.
    start, stop : int
        Frames, from `start` up to, and without, `stop`.
    fps : float
        Frames a second.

    Returns
    -------
    ndarray
        Frame f begins at sample ``floor(16000 f / fps + 0.5)``; 0 beyond the end of the sound.
    """
    first, last = frame_to_sample(start, fps), frame_to_sample(stop, fps)
    heard = audio[first:last]
    return np.pad(heard, (0, last - first - len(heard)))


def _sound_cases(rng: np.random.Generator) -> Iterator[Case]:
    audio = rng.normal(0, 0.1, 16_000)
    yield Case("frames 3 to 10 at 25 a second", (audio, 3, 10, 25))
    yield Case("frames 1 to 5 at 30 a second", (audio, 1, 5, 30))
    yield Case("frames 20 to 29 at 30 a second", (audio, 20, 29, 30))
    yield Case("a sound that ends within the frames", (audio[:9_000], 14, 20, 30))
    yield Case("a sound that ends before the frames", (audio[:5_000], 10, 12, 25))


def _between(audio: Array, first: float, last: float) -> Array:
    heard = audio[int(first) : int(last)]
    return np.pad(heard, (0, int(last) - int(first) - len(heard)))


def _stretched(audio: Array, start: int, stop: int, fps: float) -> Array:
    first, last = frame_to_sample(start, fps), frame_to_sample(stop, fps)
    heard = audio[first:last]
    if not len(heard):
        return np.zeros(last - first)
    places = np.linspace(0, len(heard) - 1, last - first)
    return np.interp(places, np.arange(len(heard)), heard)


def _with_end(audio: Array, start: int, stop: int, fps: float, *, how: str) -> Array:
    first, last = frame_to_sample(start, fps), frame_to_sample(stop, fps)
    heard = audio[first:last]
    missing = last - first - len(heard)
    if how == "front":
        return np.pad(heard, (missing, 0))
    held = np.pad(audio, (0, max(0, last - len(audio))), mode="edge")
    return held[first:last]


_SOUND_MISTAKES = (
    Mistake(
        "640 samples always",
        lambda a, s, e, fps: _between(a, 640 * s, 640 * e),
        "You count 640 samples a frame at any frame rate. That holds at 25 frames a second;\n"
        "in general a frame lasts 16000 / fps samples.",
    ),
    Mistake(
        "whole samples a frame",
        lambda a, s, e, fps: _between(a, s * int(_RATE / fps), e * int(_RATE / fps)),
        "You rounded the samples of one frame and multiplied: at 30 frames a second the error of\n"
        "a third of a sample adds up. Multiply first: 16000 * frame / fps, then round.",
    ),
    Mistake(
        "whole samples a frame, rounded up",
        lambda a, s, e, fps: _between(a, s * math.ceil(_RATE / fps), e * math.ceil(_RATE / fps)),
        "You rounded the samples of one frame up and multiplied: the error adds up over the\n"
        "frames. Multiply first: 16000 * frame / fps, then round.",
    ),
    Mistake(
        "cut off, not rounded",
        lambda a, s, e, fps: _between(a, _RATE * s / fps, _RATE * e / fps),
        "You cut off the decimals. Frame 1 at 30 a second begins at 533.3, so 533; but frame 2\n"
        "at 1066.7, so 1067. Round to the nearest: floor(x + 0.5).",
    ),
    Mistake(
        "rounded up",
        lambda a, s, e, fps: _between(a, math.ceil(_RATE * s / fps), math.ceil(_RATE * e / fps)),
        "You rounded up. Frame 1 at 30 a second begins at 533.3: the nearest sample is 533.\n"
        "Round to the nearest: floor(x + 0.5).",
    ),
    Mistake(
        "frames as seconds",
        lambda a, s, e, fps: _between(a, _RATE * s, _RATE * e),
        "You took frames for seconds. Frame f begins at f / fps seconds.",
    ),
    Mistake(
        "frames as samples",
        lambda a, s, e, fps: _between(a, s, e),
        "You took frames for samples. Frame f begins at sample 16000 * f / fps.",
    ),
    Mistake(
        "length rounded apart",
        lambda a, s, e, fps: _between(
            a, frame_to_sample(s, fps), frame_to_sample(s, fps) + frame_to_sample(e - s, fps)
        ),
        "You rounded the beginning and the length, so your end can miss where the next frame\n"
        "begins. Round where start and stop begin, and take what lies between.",
    ),
    Mistake(
        "last frame included",
        lambda a, s, e, fps: sound_of_frames(a, s, e + 1, fps),
        "Your sound is one frame too long. The frame stop is not among those wanted: end where\n"
        "it begins.",
    ),
    Mistake(
        "no silence at the end",
        lambda a, s, e, fps: a[frame_to_sample(s, fps) : frame_to_sample(e, fps)],
        "Where the sound ends before the motion, your answer is too short.\n"
        "Fill it up with zeros, so that every frame has its samples.",
    ),
    Mistake(
        "silence at the front",
        lambda a, s, e, fps: _with_end(a, s, e, fps, how="front"),
        "You put the silence before the sound, so that the sound comes late.\n"
        "It belongs after it, where the sound is missing.",
    ),
    Mistake(
        "last sample held",
        lambda a, s, e, fps: _with_end(a, s, e, fps, how="edge"),
        "You repeated the last sample where the sound has ended. Silence is 0.",
    ),
    Mistake(
        "stretched",
        _stretched,
        "You stretched the sound to the length of the motion: it would play slower and lower.\n"
        "Leave it as it is, and fill up with zeros.",
    ),
)


def beat_weights(document: Mapping[str, Any], names: Sequence[str]) -> Array:
    """Read the coefficients of a BEAT file into an order of our own, by name.

    Parameters
    ----------
    document : mapping
        ``{"names": [...], "frames": [{"weights": [...], "time": ...}, ...]}``.
    names : sequence of str
        The order wanted.

    Returns
    -------
    ndarray
        ``(frame, len(names))``; a name that the file lacks has the column 0, a name that is not
        wanted is left out.
    """
    values = np.array([frame["weights"] for frame in document["frames"]], dtype=float)
    out = np.zeros((len(values), len(names)))
    place = {name: column for column, name in enumerate(document["names"])}
    for column, name in enumerate(names):
        if name in place:
            out[:, column] = values[:, place[name]]
    return out


def _beat_document(rng: np.random.Generator, names: Sequence[str], frames: int) -> dict[str, Any]:
    weights = rng.uniform(0.05, 0.9, (frames, len(names))).round(4)
    return {
        "names": list(names),
        "frames": [
            {"weights": row, "time": round(number / 60, 4), "rotation": []}
            for number, row in enumerate(weights.tolist())
        ],
    }


def _beat_cases(rng: np.random.Generator) -> Iterator[Case]:
    from talking_heads.face import ARKIT_NAMES, BEAT_NAMES

    yield Case("a file of BEAT's 51 names", (_beat_document(rng, BEAT_NAMES, 6), ARKIT_NAMES))
    shuffled = [str(name) for name in rng.permutation(ARKIT_NAMES)]
    yield Case("a file with all 52 names in another order", (
        _beat_document(rng, shuffled, 4), ARKIT_NAMES,
    ))  # fmt: skip
    fewer = [str(name) for name in rng.permutation(BEAT_NAMES)[:40]]
    yield Case("a file that lacks some names", (_beat_document(rng, fewer, 3), ARKIT_NAMES))
    more = [*BEAT_NAMES[:30], "headYaw", *BEAT_NAMES[30:]]
    yield Case("a file with a name that is not ours", (_beat_document(rng, more, 5), ARKIT_NAMES))
    strong = _beat_document(rng, BEAT_NAMES, 2)
    for frame in strong["frames"]:
        frame["weights"][3], frame["weights"][9] = 1.1, -0.02
    yield Case("coefficients below 0 and above 1", (strong, ARKIT_NAMES))
    wanted = tuple(str(name) for name in rng.permutation(ARKIT_NAMES)[:9])
    yield Case("nine names in an order of their own", (_beat_document(rng, shuffled, 4), wanted))


def _table(document: Mapping[str, Any]) -> Array:
    return np.array([frame["weights"] for frame in document["frames"]], dtype=float)


def _arkit_names() -> Sequence[str]:
    from talking_heads.face import ARKIT_NAMES

    return ARKIT_NAMES


def _by_place(document: Mapping[str, Any], names: Sequence[str]) -> Array:
    table = _table(document)[:, : len(names)]
    return np.pad(table, ((0, 0), (0, len(names) - table.shape[1])))


def _backwards(document: Mapping[str, Any], names: Sequence[str]) -> Array:
    table = _table(document)
    out = np.zeros((len(table), len(names)))
    for column, name in enumerate(document["names"]):
        if name in names:
            source = list(names).index(name)
            if source < table.shape[1]:
                out[:, min(column, len(names) - 1)] = table[:, source]
    return out


_BEAT_MISTAKES = (
    Mistake(
        "by place",
        _by_place,
        "You copied the columns in the order of the file. Its order is not ours: find each\n"
        'name\'s place in document["names"].',
    ),
    Mistake(
        "alphabetical",
        lambda d, n: beat_weights({**d, "names": sorted(d["names"])}, n),
        'You assumed an alphabetical order. The file says its own order: document["names"].',
    ),
    Mistake(
        "the other way round",
        _backwards,
        "You looked the names up the wrong way round: column k of the answer is names[k], so it\n"
        'comes from the place of names[k] in document["names"].',
    ),
    Mistake(
        "missing names left out",
        lambda d, n: beat_weights(d, [name for name in n if name in d["names"]]),
        "Your answer has a column only for names that the file holds. Every name of names has\n"
        "its column; one that the file lacks, such as tongueOut, is 0.",
    ),
    Mistake(
        "missing is one",
        lambda d, n: np.where(np.isin(n, d["names"]), beat_weights(d, n), 1.0),
        "A name that the file lacks has the coefficient 1 in your answer: its shape would be at\n"
        "full strength. Begin with zeros.",
    ),
    Mistake(
        "missing is the last column",
        lambda d, n: _table(d)[
            :, [list(d["names"]).index(name) if name in d["names"] else -1 for name in n]
        ],
        "A name that the file lacks got the last column of the file: an index of -1 counts from\n"
        "the end. It should be 0.",
    ),
    Mistake(
        "always ARKIT_NAMES",
        lambda d, n: beat_weights(d, _arkit_names()),
        "Your columns are those of ARKIT_NAMES whatever is asked for. Use the argument, names.",
    ),
    Mistake(
        "every second frame",
        lambda d, n: beat_weights(d, n)[::2],
        "You took every second frame. Keep all of them here; the next exercise changes the rate.",
    ),
    Mistake(
        "cut to 0 and 1",
        lambda d, n: np.clip(beat_weights(d, n), 0, 1),
        "You cut the coefficients to 0 and 1. Some files go a little beyond: read what is there.",
    ),
)


def resample_motion(values: Array, fps: float, new_fps: float) -> Array:
    """Bring a motion to another frame rate by linear interpolation.

    Parameters
    ----------
    values : ndarray
        ``(frame, coefficient)`` at `fps` frames a second.
    fps, new_fps : float
        Old and new frame rate.

    Returns
    -------
    ndarray
        New frame k shows the time ``k / new_fps``; there are as many as do not come after the
        last old one.
    """
    frames = math.floor((len(values) - 1) * new_fps / fps + 1e-9) + 1
    return _at(values, np.arange(frames) * (fps / new_fps))


def _at(values: Array, places: Array) -> Array:
    """Return a motion at fractional frames, which are kept inside."""
    places = np.clip(places, 0, len(values) - 1)
    before = np.floor(places).astype(int)
    after = np.minimum(before + 1, len(values) - 1)
    share = (places - before)[:, None]
    return values[before] * (1 - share) + values[after] * share


def _resample_cases(rng: np.random.Generator) -> Iterator[Case]:
    # Lengths at which no rounding error of a learner's own formula can change the count.
    def motion(frames: int, columns: int) -> Array:
        return rng.uniform(0, 1, (frames, columns))

    yield Case("60 to 30 frames a second", (motion(12, 4), 60, 30))
    yield Case("60 to 25 frames a second", (motion(30, 3), 60, 25))
    yield Case("30 to 25 frames a second", (motion(21, 5), 30, 25))
    yield Case("25 to 60 frames a second", (motion(9, 2), 25, 60))
    yield Case("13 frames, of which the last is kept", (motion(13, 3), 60, 30))


def _count(values: Array, fps: float, new_fps: float) -> int:
    return len(resample_motion(values, fps, new_fps))


def _nearest(values: Array, fps: float, new_fps: float) -> Array:
    places = np.arange(_count(values, fps, new_fps)) * fps / new_fps
    return values[np.floor(places + 0.5).astype(int).clip(max=len(values) - 1)]


def _earlier(values: Array, fps: float, new_fps: float) -> Array:
    places = np.arange(_count(values, fps, new_fps)) * fps / new_fps
    return values[np.floor(places + 1e-9).astype(int)]


def _swapped_shares(values: Array, fps: float, new_fps: float) -> Array:
    places = np.arange(_count(values, fps, new_fps)) * fps / new_fps
    before = np.floor(places).astype(int)
    after = np.minimum(before + 1, len(values) - 1)
    share = (places - before)[:, None]
    return np.asarray(values[before] * share + values[after] * (1 - share))


_RESAMPLE_MISTAKES = (
    Mistake(
        "every second frame",
        lambda v, fps, new: v[::2],
        "You took every second frame whatever the rates are. From 60 to 25, new frame k lies at\n"
        "old frame 2.4 k, mostly between two: take a share of each.",
    ),
    Mistake(
        "whole step",
        lambda v, fps, new: v[:: max(1, round(fps / new))],
        "You stepped by a whole number of frames. From 60 to 25 the step is 2.4: compute where\n"
        "each new frame lies, and take a share of both neighbours.",
    ),
    Mistake(
        "nearest frame",
        _nearest,
        "You took the nearest old frame. Between two frames, take a share of each: the nearer,\n"
        "the more.",
    ),
    Mistake(
        "frame before",
        _earlier,
        "You took the old frame before. Between two frames, take a share of each: the nearer,\n"
        "the more.",
    ),
    Mistake(
        "shares swapped",
        _swapped_shares,
        "Your shares are swapped: the nearer a frame is, the more it counts. At place 2.4 the\n"
        "frame 2 counts 0.6, and the frame 3 counts 0.4.",
    ),
    Mistake(
        "stretched to the last frame",
        lambda v, fps, new: _at(v, np.linspace(0, len(v) - 1, _count(v, fps, new))),
        "You spread the new frames evenly from the first to the last old one, so the motion\n"
        "changes its speed. New frame k shows the time k / new_fps.",
    ),
    Mistake(
        "count rounded",
        lambda v, fps, new: (
            _at(v, np.arange(round(len(v) * new / fps)) * fps / new)
            if round(len(v) * new / fps) != _count(v, fps, new)
            else resample_motion(v, fps, new)
        ),
        "Where a new frame comes after the last old one, you repeat that one. Stop before: there\n"
        "are floor((frames - 1) * new_fps / fps) + 1 new frames.",
    ),
    Mistake(
        "count cut off",
        lambda v, fps, new: _at(v, np.arange(math.floor(len(v) * new / fps)) * fps / new),
        "You have floor(frames * new_fps / fps) new frames. From the first old frame to the last\n"
        "it is one step less than there are frames: floor((frames - 1) * new_fps / fps) + 1.",
    ),
    Mistake(
        "count rounded up",
        lambda v, fps, new: _at(v, np.arange(math.ceil(len(v) * new / fps)) * fps / new),
        "Some of your new frames come after the last old one. Stop before: there are\n"
        "floor((frames - 1) * new_fps / fps) + 1 of them.",
    ),
    Mistake(
        "frame after",
        lambda v, fps, new: v[
            np.ceil(np.arange(_count(v, fps, new)) * fps / new - 1e-9).astype(int)
        ],
        "You took the old frame after. Between two frames, take a share of each: the nearer,\n"
        "the more.",
    ),
    Mistake(
        "places the other way round",
        lambda v, fps, new: _at(v, np.arange(_count(v, fps, new)) * new / fps),
        "Your places use new_fps / fps. From 60 to 30 new frame 1 lies at old frame 2, so new\n"
        "frame k lies at k * fps / new_fps.",
    ),
    Mistake(
        "one frame short",
        lambda v, fps, new: resample_motion(v, fps, new)[:-1],
        "You have one frame too few. The first one is at time 0: with it there are\n"
        "floor((frames - 1) * new_fps / fps) + 1.",
    ),
    Mistake(
        "rates swapped",
        lambda v, fps, new: resample_motion(v, new, fps),
        "You swapped the two frame rates: going from 60 to 30 there should be fewer frames.",
    ),
)


def _arrays(
    package: Callable[..., Array],
    cases: Callable[[np.random.Generator], Iterator[Case]],
    mistakes: tuple[Mistake, ...],
    unit: str = "",
) -> Any:
    return same_as_package(package, cases, mistakes, tolerance=1e-7, unit=unit)


EXERCISES = (
    Exercise(
        id="01.vocaset_offsets",
        title="From the rows of VOCASET to offsets",
        points=2,
        check=_arrays(vocaset_offsets, _vocaset_cases, _VOCASET_MISTAKES, "m"),
        mistakes=_VOCASET_MISTAKES,
    ),
    Exercise(
        id="01.sound_of_frames",
        title="The sound of some frames",
        points=2,
        check=_arrays(sound_of_frames, _sound_cases, _SOUND_MISTAKES),
        mistakes=_SOUND_MISTAKES,
    ),
    Exercise(
        id="01.beat_weights",
        title="Coefficients by name",
        points=2,
        check=_arrays(beat_weights, _beat_cases, _BEAT_MISTAKES),
        mistakes=_BEAT_MISTAKES,
    ),
    Exercise(
        id="01.resample_motion",
        title="Another frame rate",
        points=3,
        check=_arrays(resample_motion, _resample_cases, _RESAMPLE_MISTAKES),
        mistakes=_RESAMPLE_MISTAKES,
    ),
    Exercise(
        id="01.split_by_text",
        title="A split that does not leak",
        points=3,
        check=check_split,
        mistakes=SPLIT_MISTAKES,
    ),
)
