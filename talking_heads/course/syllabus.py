"""The notebooks of the course, the four systems, and which needs which: one list, one map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from talking_heads.course.figures import BLUE, GREEN, INK, ORANGE, PAPER, PURPLE, SHADE, new_figure
from talking_heads.course.files import course_root

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SYSTEMS = ("DiffSpeaker", "GLDiTalker", "DiffusionTalker", "StreamingTalker")
_COLOURS = (BLUE, ORANGE, GREEN, PURPLE)


@dataclass(frozen=True)
class Lesson:
    """One notebook.

    Parameters
    ----------
    number : str
        Two digits.
    topic : str
        What it is about.
    build : str
        What the learner has built at its end.
    systems : tuple of str
        The systems that need it.
    """

    number: str
    topic: str
    build: str
    systems: tuple[str, ...] = SYSTEMS


LESSONS: tuple[Lesson, ...] = (
    Lesson("00", "Welcome", "a first look: a head that says what you type"),
    Lesson("01", "Data sets", "a reader for three real data sets, and the course's own"),
    Lesson("02", "Speech features", "a mel spectrogram, and a small speech encoder"),
    Lesson("03", "Metrics", "the field's measures, and inputs that fool them"),
    Lesson("04", "VQ-VAE", "an alphabet of motions", ("GLDiTalker", "StreamingTalker")),
    Lesson("05", "Spiral convolution", "a convolution for meshes", ("GLDiTalker",)),
    Lesson("06", "Diffusion", "a sampler that turns noise into motion"),
    Lesson(
        "07",
        "Biased attention",
        "attention that keeps sound and frame together",
        ("DiffSpeaker", "GLDiTalker", "StreamingTalker"),
    ),
    Lesson("08", "Contrastive identity", "a match of voice and style", ("DiffusionTalker",)),
    Lesson("09", "Distillation", "a student that needs fewer steps", ("DiffusionTalker",)),
    Lesson("10", "Streaming", "a head that answers while you speak", ("StreamingTalker",)),
)


def is_there(lesson: Lesson) -> bool:
    """Return whether the lesson's notebook has been written."""
    return any((course_root() / "notebooks" / "sources").glob(f"{lesson.number}_*.py"))


class Syllabus:
    """The table of notebooks; display it as the last line of a cell."""

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [(x.number, x.topic, x.build, "here" if is_there(x) else "to come") for x in LESSONS]

    def _repr_markdown_(self) -> str:
        lines = ["| Notebook | Topic | What you build | |", "|---|---|---|---|"]
        return "\n".join(lines + [f"| {' | '.join(row)} |" for row in self._rows()])

    def __repr__(self) -> str:
        return "\n".join("  ".join(row) for row in self._rows())


def course_map() -> tuple[Figure, str]:
    """Draw the course as a map of four lines with the notebooks as stops.

    Returns
    -------
    tuple of Figure and str
        The map, and the same in words, for `talking_heads.course.figures.show`.
    """
    figure, axes = new_figure(width=8.8, height=3.4)
    rows = {system: len(SYSTEMS) - index for index, system in enumerate(SYSTEMS)}
    for x, lesson in enumerate(LESSONS):
        there = is_there(lesson)
        axes.axvline(x, ymin=0.02, ymax=0.80, color=SHADE, lw=9, zorder=0)
        label = lesson.topic.replace(" ", "\n", 1)
        axes.text(x, 4.55, f"{lesson.number}\n{label}", ha="center", va="bottom", fontsize=8)
        for system, colour in zip(SYSTEMS, _COLOURS, strict=True):
            if system in lesson.systems:
                face = colour if there else PAPER
                axes.plot(x, rows[system], "o", ms=11, mec=colour, mfc=face, mew=2, zorder=3)
    words = []
    for system, colour in zip(SYSTEMS, _COLOURS, strict=True):
        stops = [x for x, lesson in enumerate(LESSONS) if system in lesson.systems]
        axes.plot([stops[0], stops[-1]], [rows[system]] * 2, color=colour, lw=4, zorder=2)
        axes.text(stops[-1] + 0.35, rows[system], system, color=colour, va="center", weight="bold")
        numbers = ", ".join(LESSONS[x].number for x in stops)
        words.append(f"{system} stops at {numbers}")
    axes.plot([], [], "o", ms=9, color=INK, label="here")
    axes.plot([], [], "o", ms=9, mec=INK, mfc=PAPER, mew=2, label="to come")
    axes.legend(loc="lower right", ncols=2, fontsize=9)
    axes.set(xlim=(-0.6, 12.6), ylim=(0.2, 5.9))
    axes.set_axis_off()
    here = [lesson.number for lesson in LESSONS if is_there(lesson)]
    text = (
        "A map with four lines, one a system, and the eleven notebooks as stops. "
        + "; ".join(words)
        + f". Written so far: {', '.join(here)}."
    )
    return figure, text
