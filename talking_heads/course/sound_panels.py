"""Rows of a `CurveStrip` that show sound: a spectrogram, a waveform, and coloured units."""

from __future__ import annotations

import base64
import colorsys
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from talking_heads.course.figures import BLUE, INK
from talking_heads.course.spectrograms import darkness, spectrogram
from talking_heads.errors import UserError
from talking_heads.speech import SAMPLE_RATE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from talking_heads.speech import Phoneme

_HOP_MS = 10.0
_WAVE_FPS = 125.0
"""Columns a second of a waveform: the browser has some 170 pixels for a second."""
_NEVER = "–"
"""Stands for the sound of a unit that no clip holds."""


@dataclass(frozen=True)
class SpectrogramPanel:
    """A spectrogram in greys.

    Parameters
    ----------
    audio : array
        ``(samples,)`` at 16 kHz.
    top_khz : float
        Up to here, at most 8.
    name : str
        Above it.
    """

    audio: ArrayLike = field(repr=False)
    top_khz: float = 8.0
    name: str = "spectrogram"
    height: int = 84
    shades = 16

    def __post_init__(self) -> None:
        if not 0 < self.top_khz <= SAMPLE_RATE / 2000:
            raise UserError(f"A spectrogram ends between 0 and 8 kHz, not at {self.top_khz}.")

    def greys(self) -> NDArray[np.uint8]:
        """Return ``(row, column)`` greys, the highest frequency first."""
        level = spectrogram(self.audio, hop_ms=_HOP_MS)
        # Two bins make a row: cells that can be seen, and half the bytes.
        level = level[:-1].reshape(-1, 2, level.shape[1]).max(1)
        level = level[: max(2, round(len(level) * self.top_khz * 2000 / SAMPLE_RATE))][::-1]
        return np.asarray(247 - 217 * darkness(level), dtype=np.uint8)

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return len(np.asarray(self.audio)) / SAMPLE_RATE

    def packed(self) -> dict[str, Any]:
        """Return the picture for the browser."""
        from PIL import Image

        stream = io.BytesIO()
        Image.fromarray(self.greys()).save(stream, "PNG", optimize=True)
        image = base64.b64encode(stream.getvalue()).decode("ascii")
        return {
            "kind": "image", "name": self.name, "unit": "kHz", "low": 0,
            "high": float(f"{self.top_khz:g}"), "seconds": round(self.seconds, 4),
            "image": f"data:image/png;base64,{image}",
        }  # fmt: skip

    def draw(self, axis: Axes) -> None:
        """Draw it for a still."""
        extent = (0.0, self.seconds, 0.0, self.top_khz)
        axis.imshow(
            self.greys(), extent=extent, aspect="auto", cmap="gray", vmin=0, vmax=247,
            interpolation="nearest",
        )  # fmt: skip
        axis.set(ylabel="kHz")


@dataclass(frozen=True)
class WavePanel:
    """A waveform: for each 8 ms the lowest and the highest sample.

    Parameters
    ----------
    audio : array
        ``(samples,)`` at 16 kHz.
    name : str
        Above it.
    """

    audio: ArrayLike = field(repr=False)
    name: str = "waveform"
    height: int = 40
    shades = 16

    def edges(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the lowest and the highest sample of each 8 ms, both ``(column,)``."""
        samples = np.asarray(self.audio, dtype=np.float64)
        width = round(SAMPLE_RATE / _WAVE_FPS)
        columns = -(-len(samples) // width)
        padded = np.pad(samples, (0, columns * width - len(samples)), mode="edge" if columns else
                        "constant").reshape(columns, width)  # fmt: skip
        return padded.min(1), padded.max(1)

    def packed(self) -> dict[str, Any]:
        """Return the edges for the browser."""
        least, most = self.edges()
        high = max(float(np.abs([least, most]).max(initial=0.0)), 1e-3)
        return {
            "kind": "wave", "name": self.name, "unit": "", "low": -high, "high": high,
            "fps": _WAVE_FPS, "color": BLUE,
            "least": least.round(3).tolist(), "most": most.round(3).tolist(),
        }  # fmt: skip

    def draw(self, axis: Axes) -> None:
        """Draw it for a still."""
        least, most = self.edges()
        axis.fill_between(np.arange(len(least)) / _WAVE_FPS, least, most, color=BLUE, lw=0.3)
        axis.set(yticks=[], ylabel="sound")


@dataclass(frozen=True)
class UnitPanel:
    """Units as a row of coloured cells, one for each run of the same unit.

    Parameters
    ----------
    name : str
        Above it.
    units : array of int
        ``(frame,)``.
    colors : sequence of str
        One ``"#rrggbb"`` for each unit, see `unit_colors`.
    signs : sequence of str, optional
        What is written into the cells, one for each unit, such as the sound that it mostly falls
        on (`unit_signs`). By default the unit's number.
    fps : float
        Units a second.
    """

    name: str
    units: ArrayLike = field(repr=False)
    colors: Sequence[str] = field(repr=False)
    signs: Sequence[str] | None = field(default=None, repr=False)
    fps: float = 50.0
    height: int = 24
    shades = 96

    def __post_init__(self) -> None:
        units = np.asarray(self.units)
        count = len(self.colors)
        if units.ndim != 1 or units.dtype.kind not in "iu" or (self.fps <= 0):
            raise UserError(f"The row {self.name} is a row of whole numbers.")
        if len(units) and not 0 <= units.min() <= units.max() < count:
            raise UserError(f"The row {self.name} has units beyond its {count} colours.")
        if self.signs is not None and len(self.signs) != count:
            raise UserError(f"{count} units need as many signs, not {len(self.signs)}.")

    def runs(self) -> list[tuple[int, int, int]]:
        """Return first frame, frame after the last, and unit of each run of the same unit."""
        units = np.asarray(self.units)
        if not len(units):
            return []
        borders = np.flatnonzero(np.diff(units)) + 1
        firsts, lasts = [0, *borders], [*borders, len(units)]
        return [
            (int(first), int(last), int(units[first]))
            for first, last in zip(firsts, lasts, strict=True)
        ]

    def packed(self) -> dict[str, Any]:
        """Return the runs for the browser: times, unit, colours, sign, and words on hovering."""
        runs = []
        for first, last, unit in self.runs():
            start, end = first / self.fps, last / self.fps
            words = f"unit {unit}, {start:.2f} to {end:.2f} s"
            sign = str(unit)
            if self.signs is not None:
                sign = self.signs[unit]
                words += f", mostly {sign or 'pause'}"
            color = self.colors[unit]
            runs.append([round(start, 3), round(end, 3), unit, color, _ink(color), sign, words])
        return {"kind": "units", "name": self.name, "unit": "", "low": 0, "high": 1, "runs": runs}

    def draw(self, axis: Axes) -> None:
        """Draw it for a still."""
        length = axis.get_xlim()[1]
        for first, last, unit in self.runs():
            start, wide = first / self.fps, (last - first) / self.fps
            color = self.colors[unit]
            axis.bar(start, 1, wide, 0, align="edge", color=color, edgecolor="white", lw=0.3)
            sign = str(unit) if self.signs is None else self.signs[unit]
            if sign and wide / length > 0.011 * len(sign):
                axis.text(
                    start + wide / 2, 0.45, sign, ha="center", va="center", fontsize=7,
                    color=_ink(color), clip_on=True,
                )  # fmt: skip
        axis.set(ylim=(0, 1), yticks=[])
        axis.set_title(self.name, loc="right", fontsize=8, pad=2)


def _ink(color: str) -> str:
    """Return black or white, whichever reads better on a colour."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 128 else "#ffffff"


def unit_colors(centers: ArrayLike) -> list[str]:
    """Return a colour for each unit, like ones for units that lie close together.

    The angle in the plane of the first two principal components is the hue, the third one the
    lightness, both by rank, so that all colours are used.

    Parameters
    ----------
    centers : array
        ``(K, D)`` the units' centres.

    Returns
    -------
    list of str
        ``"#rrggbb"``.
    """
    centers = np.asarray(centers, dtype=np.float64)
    if centers.ndim != 2 or not np.isfinite(centers).all():
        raise UserError("The centres of units are an array (unit, number) of finite numbers.")
    centred = centers - centers.mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    # The sign of a component is the algorithm's whim; its largest entry shall be positive.
    axes = axes * np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(1)])[:, None]
    places = np.zeros((len(centers), 3))
    places[:, : min(3, len(axes))] = centred @ axes[:3].T
    angle = np.arctan2(places[:, 1], places[:, 0])

    def rank(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.argsort(np.argsort(values, kind="stable")) / max(len(values), 1)

    return [
        "#" + "".join(f"{round(255 * part):02x}" for part in colorsys.hls_to_rgb(hue, light, 0.55))
        for hue, light in zip(rank(angle), 0.38 + 0.4 * rank(places[:, 2]), strict=True)
    ]


def unit_signs(
    units: Sequence[ArrayLike],
    phonemes: Sequence[Sequence[Phoneme]],
    count: int,
    *,
    fps: float = 50.0,
) -> list[str]:
    """Return the sound on which each unit falls most often.

    Parameters
    ----------
    units : sequence of array
        ``(frame,)`` of each clip.
    phonemes : sequence of sequence of Phoneme
        Of the same clips.
    count : int
        Number of units.
    fps : float
        Units a second; a unit falls on the sound at the middle of its frame.

    Returns
    -------
    list of str
        One for each unit: IPA folded to the 40 phonemes of American English, ``""`` for a pause,
        a dash for a unit that does not occur.
    """
    if len(units) != len(phonemes):
        raise UserError(f"{len(units)} clips of units need phonemes for each, not {len(phonemes)}.")
    seen: list[Counter[str]] = [Counter() for _ in range(count)]
    for row, sounds in zip(units, phonemes, strict=True):
        for unit, sign in zip(np.asarray(row), sounds_at(sounds, len(np.asarray(row)), fps),
                              strict=True):  # fmt: skip
            seen[unit][sign] += 1
    return [counts.most_common(1)[0][0] if counts else _NEVER for counts in seen]


def sounds_at(phonemes: Sequence[Phoneme], frames: int, fps: float) -> list[str]:
    """Return the folded sound at the middle of each frame, ``""`` for a pause.

    An ``ɔːɹ``, which folds to two sounds, counts as the first of them in its first half.
    """
    from talking_heads.corpus.coverage import PAUSE, broad_phonemes

    if not phonemes:
        raise UserError("The clip has no phonemes.")
    ends = np.array([p.end for p in phonemes])
    signs = []
    for frame in range(frames):
        middle = (frame + 0.5) / fps
        sound = phonemes[min(int(np.searchsorted(ends, middle, side="right")), len(phonemes) - 1)]
        parts = broad_phonemes(sound.symbol) or (PAUSE,)
        share = (middle - sound.start) / max(sound.duration, 1e-6)
        sign = parts[min(max(int(share * len(parts)), 0), len(parts) - 1)]
        signs.append("" if sign == PAUSE else sign)
    return signs
