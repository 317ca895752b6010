"""A picture of a corpus: one sentence by two speakers, as faces, sound and curves."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.course.figures import BLUE, GREEN, INK, ORANGE, PURPLE, style
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, get_face
from talking_heads.files import atomic_write, check_target
from talking_heads.speech import SAMPLE_RATE
from talking_heads.view.raster import render

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from talking_heads.corpus import Clip, Corpus
    from talking_heads.speech import Phoneme

_SHOWN = ("round", "wide", "shut", "wide", "shut")  # the faces of a film strip
_ROUND = ("mouthPucker", "mouthFunnel")
_LEADS = 0.14  # share of a face's height that the lines down to the moments take
_DPI = 110
_QUALITY = 86
_BROWS = ("browInnerUp", "browOuterUpLeft", "browOuterUpRight")


def corpus_picture(
    corpus: Corpus, clip_ids: Sequence[str] | None = None, *, resolution: str = "medium"
) -> Figure:
    """Draw one sentence as two speakers of a corpus say it.

    Above one another: the face at moments that tell (lips shut, jaw wide, lips round), the
    spectrogram with the borders of the phonemes, and curves of lips, jaw and brows. Where a clip
    has several true motions, all of them are drawn.

    Parameters
    ----------
    corpus : Corpus
        With phonemes.
    clip_ids : sequence of str, optional
        Two clips, side by side. By default a sentence that two speakers say, of two engines where
        there are: some three seconds long, with many p, b and m.
    resolution : str
        Of the faces.

    Returns
    -------
    Figure
        Save it with `save_corpus_picture`.

    Raises
    ------
    UserError
        If there are not two clips, one is unknown, or one has no phonemes.
    """
    import matplotlib
    from matplotlib.figure import Figure

    clips = _chosen(corpus) if clip_ids is None else [corpus.clip(name) for name in clip_ids]
    if len(clips) != 2:
        raise UserError(f"The picture shows two clips, not {len(clips)}.")
    for clip in clips:
        if not clip.phonemes or clip.motion.kind != "coefficients":
            raise UserError(
                f"Clip {clip.id} lacks phonemes or coefficients, which the picture shows."
            )
    with matplotlib.rc_context({**style(), "font.size": 9.0}):
        figure = Figure(figsize=(13.0, 7.2), dpi=_DPI)
        grid = figure.add_gridspec(
            4, 2, height_ratios=[2.5, 1.35, 1.0, 0.8], hspace=0.14, wspace=0.09,
            left=0.047, right=0.987, top=0.925, bottom=0.065,
        )  # fmt: skip
        for column, clip in enumerate(clips):
            axes = [figure.add_subplot(grid[row, column]) for row in range(4)]
            _draw(clip, axes, resolution, column == 0)
        if clips[0].text == clips[1].text and clips[0].text:
            figure.suptitle(f"“{clips[0].text}”", fontsize=13, y=0.985, color=INK)
    return figure


def check_picture_target(path: str | PathLike[str]) -> Path:
    """Return the path of a picture to write.

    Raises
    ------
    UserError
        If the name does not end in .jpg or .jpeg, or the folder does not exist.
    """
    target = check_target(path)
    if target.suffix.lower() not in (".jpg", ".jpeg"):
        raise UserError(f"The picture is a JPEG: name it {target.stem}.jpg, not {target.name}.")
    return target


def save_corpus_picture(figure: Figure, path: str | PathLike[str]) -> None:
    """Write the picture as a JPEG of less than 200 kB.

    Raises
    ------
    UserError
        If the name does not end in .jpg or .jpeg, or the folder does not exist or cannot be
        written.
    """
    from PIL import Image

    target = check_picture_target(path)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI)
    picture = Image.open(stream).convert("RGB")
    quality = _QUALITY
    while True:
        small = io.BytesIO()
        picture.save(small, "JPEG", quality=quality, optimize=True, subsampling=0)
        if small.tell() < 200_000 or quality <= 50:
            break
        quality -= 6
    with atomic_write(target) as file:
        file.write(small.getvalue())


def describe_corpus_picture(corpus: Corpus, clip_ids: Sequence[str] | None = None) -> str:
    """Say in words what the picture shows: its text alternative."""
    clips = _chosen(corpus) if clip_ids is None else [corpus.clip(name) for name in clip_ids]
    parts: list[str] = []
    for clip in clips:
        face = get_face(clip.motion.face_id)
        widest = 1000 * float(face.aperture(clip.motion.values).max())
        if not parts or clip.text != clips[0].text:
            parts.append(f"“{clip.text}” said")
        how = f"by {clip.speaker} in {clip.duration:.1f} s, lips open up to {widest:.0f} mm"
        parts[-1] += f" {how}" if parts[-1].endswith(" said") else f" and {how}"
    return (
        f"{' and '.join(parts)}: five faces each, the spectrogram with the borders of the "
        "phonemes, and curves of lips, jaw and brows."
    )


def _chosen(corpus: Corpus) -> list[Clip]:
    """Return two clips of one sentence that tell much, by unlike speakers."""
    said: dict[str, list[Clip]] = defaultdict(list)
    for clip in corpus:
        if clip.text and clip.phonemes:
            said[clip.text].append(clip)
    pairs = [
        (_dullness(a) + _dullness(b) - 2.0 * _unlike(a, b), a.id, b.id, a, b)
        for clips in said.values()
        for i, a in enumerate(clips)
        for b in clips[i + 1 :]
        if a.speaker != b.speaker
    ]
    if not pairs:
        raise UserError(f"No two speakers of {corpus.name} say the same sentence.")
    best = min(pairs, key=lambda pair: pair[:3])
    return [best[3], best[4]]


def _dullness(clip: Clip) -> float:
    """Return how much a clip misses: it should last three seconds, with many closed lips."""
    closures = sum(phoneme.symbol in ("p", "b", "m") for phoneme in clip.phonemes)
    return abs(clip.duration - 3.0) - 0.15 * closures


def _unlike(a: Clip, b: Clip) -> float:
    """Return 1 for voices of two engines, else 0."""
    from talking_heads.speech import VOICES

    if a.speaker not in VOICES or b.speaker not in VOICES:
        return 0.0
    return float(VOICES[a.speaker].engine != VOICES[b.speaker].engine)


def _draw(clip: Clip, axes: Sequence[Axes], resolution: str, first: bool) -> None:
    face = get_face(f"{clip.motion.face_id.partition('@')[0]}@{resolution}")
    clock = (np.arange(len(clip)) + 0.5) / clip.motion.fps
    length = clip.duration
    moments = _moments(clip, face.aperture(clip.motion.values))
    _film(axes[0], clip, face, moments, length)
    _spectrogram(axes[1], clip, length)
    apertures = [1000 * face.aperture(truth.values) for truth in clip.truths]
    _curves(axes[2], clock, {"gap between the lips": (apertures, BLUE)}, others=True)
    axes[2].set_ylim(0, max(15.0, 1.35 * max(float(a.max()) for a in apertures)))
    _curves(
        axes[3],
        clock,
        {
            "jaw": ([_mean(t.values, ("jawOpen",)) for t in clip.truths], ORANGE),
            "rounding": (
                [_mean(t.values, _ROUND) for t in clip.truths],
                GREEN,
            ),
            "brows": ([_mean(t.values, _BROWS) for t in clip.truths], PURPLE),
        },
    )
    axes[3].set_ylim(0, 1.0)
    axes[3].set_xlabel("seconds")
    if first:
        axes[1].set_ylabel("kHz")
        axes[2].set_ylabel("mm")
        axes[3].set_ylabel("coefficient")
    for axis in axes[1:]:
        axis.set_xlim(0, length)
        # The signs of the phonemes stay free.
        height = 0.84 if axis is axes[1] else 1.0
        for moment in moments:
            at = (moment + 0.5) / clip.motion.fps
            axis.axvline(at, ymax=height, color=INK, lw=0.6, ls=(0, (2, 3)))
    for axis in axes[1:3]:
        axis.tick_params(labelbottom=False)


def _mean(values: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float32]:
    return np.asarray(values[:, [ARKIT_INDEX[name] for name in names]].mean(axis=1))


def _moments(clip: Clip, aperture: NDArray[np.float32]) -> list[int]:
    """Choose frames that tell: the roundest, the widest and shut lips, some way apart."""
    spoken = [p for p in clip.phonemes if p.symbol] or list(clip.phonemes)
    first, last = (int(t * clip.motion.fps) for t in (spoken[0].start, spoken[-1].end))
    # Smoothed a little, so that the middle of a closure is the most shut.
    gap = np.convolve(np.pad(aperture, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
    level = {"wide": gap, "shut": -gap, "round": _mean(clip.motion.values, _ROUND)}
    free = np.zeros(len(clip), dtype=bool)
    free[max(first, 0) : max(last, first + 1)] = True
    picks: list[int] = []
    for kind in _SHOWN:
        pick = int(np.argmax(np.where(free, level[kind], -np.inf)))
        picks.append(pick)
        near = (last - first) // 10
        free[max(pick - near, 0) : pick + near + 1] = False
        if not free.any():
            free[:] = True
    return sorted(picks)


def _film(axis: Axes, clip: Clip, face: Any, moments: Sequence[int], length: float) -> None:
    """Draw the faces in a row, each with a line down to its moment."""
    tiles = []
    box = axis.get_window_extent()
    # Drawn at the size at which they are shown: no face is stretched.
    size = (round(box.width / len(moments)), round(box.height / (1 + _LEADS)))
    for moment in moments:
        vertices = face.pose(clip.motion.values[moment])[0]
        tiles.append(
            render(
                vertices,
                face.triangles,
                face.colors,
                size=size,
                yaw=-14.0,
                zoom=1.04,
                center=(0.0, -0.02, 0.04),
                background=(247, 248, 250),
            )
        )
    axis.imshow(np.concatenate(tiles, axis=1), extent=(0, length, 0, 1), aspect="auto")
    axis.set_xlim(0, length)
    axis.set_ylim(-_LEADS, 1)
    for place, moment in enumerate(moments):
        at = (moment + 0.5) / clip.motion.fps
        middle = (place + 0.5) * length / len(moments)
        axis.plot([middle, at], [0, -_LEADS], color=INK, lw=0.6, ls=(0, (2, 3)), clip_on=False)
    axis.set_axis_off()
    engine = _engine(clip.speaker)
    axis.set_title(f"{clip.speaker} ({engine})" if engine else clip.speaker, fontsize=10, pad=3)


def _engine(speaker: str) -> str:
    from talking_heads.speech import VOICES

    return VOICES[speaker].engine if speaker in VOICES else ""


def _spectrogram(axis: Axes, clip: Clip, length: float) -> None:
    """Draw the sound's spectrogram, the borders of the phonemes, and their signs above."""
    from scipy.signal import stft

    samples = np.asarray(clip.audio, dtype=np.float64)
    emphasised = np.append(samples[:1], samples[1:] - 0.95 * samples[:-1])
    _, _, bins = stft(emphasised, SAMPLE_RATE, nperseg=256, noverlap=256 - 64, nfft=512)
    level = 20 * np.log10(np.abs(bins) + 1e-9)
    top = float(np.quantile(level, 0.998))
    axis.imshow(
        level,
        origin="lower",
        aspect="auto",
        extent=(0, len(samples) / SAMPLE_RATE, 0, SAMPLE_RATE / 2000),
        cmap="Greys",
        vmin=top - 55,
        vmax=top,
    )
    axis.set_ylim(0, 9.4)
    axis.set_yticks([0, 4, 8])
    for number, phoneme in enumerate(clip.phonemes):
        if number:
            axis.axvline(phoneme.start, color=ORANGE, lw=0.7)
        _sign(axis, phoneme, number, length)


def _sign(axis: Axes, phoneme: Phoneme, number: int, length: float) -> None:
    """Write a phoneme's sign above its span, short ones at two heights so that none overlap."""
    if not phoneme.symbol:
        return
    middle = 0.5 * (phoneme.start + phoneme.end)
    bold = "bold" if phoneme.stress == 2 else "normal"
    axis.text(
        min(middle, 0.99 * length),
        8.85 if number % 2 else 8.2,
        phoneme.symbol,
        ha="center",
        va="center",
        fontsize=8,
        fontweight=bold,
        color=INK,
    )


def _curves(
    axis: Axes,
    clock: NDArray[np.floating[Any]],
    curves: dict[str, tuple[list[Any], str]],
    others: bool = False,
) -> None:
    """Draw curves, all truths of each; the later truths thinner, and said so if wanted."""
    for name, (truths, color) in curves.items():
        labels = {0: name, 1: "other true motions"} if others else {0: name}
        for number, values in enumerate(truths):
            axis.plot(
                clock,
                values,
                color=color,
                lw=1.6 if number == 0 else 0.8,
                alpha=1.0 if number == 0 else 0.65,
                label=labels.get(number),
            )
    legend = axis.legend(
        loc="upper right", ncols=3, frameon=True, fontsize=8, borderpad=0.25, handlelength=1.2
    )
    legend.get_frame().set(alpha=0.85, edgecolor="none")
