"""`corpus_box`: browse a corpus clip by clip, in 3D and with curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from talking_heads.course.curve_strip import CurveStrip
from talking_heads.course.head_box import WIDE, HeadBox
from talking_heads.course.mouth_curves import panels_of
from talking_heads.errors import UserError
from talking_heads.face import Motion
from talking_heads.view import play

if TYPE_CHECKING:
    from talking_heads.corpus import Clip, Corpus

VIEWS = ("coefficients", "surface as scanned")
_RESOLUTION = "medium"


def scanned_motion(clip: Clip, truth: int = 0) -> Motion:
    """Return a clip's surface as a scanner would have seen it: soft tissue and noise included."""
    whole = clip.truths[truth]
    values = clip.vertices(_RESOLUTION, truth=truth, part="all")
    face_id = f"{whole.face_id.partition('@')[0]}@{_RESOLUTION}"
    return Motion(values, "vertices", whole.fps, face_id, whole.speaker)


class CorpusBox(HeadBox):
    """Menus for split, speaker, sentence, take and view above a head; made by `corpus_box`.

    Attributes
    ----------
    split, speaker, sentence, take, view : Dropdown
        What is shown; each menu offers what the ones before leave.
    """

    intro = (
        "Menus for split, speaker, sentence, take and view of a corpus, a head that says the "
        "sentence, and curves below it."
    )

    def __init__(self, corpus: Corpus, split: str, speaker: str | None) -> None:
        self._corpus = corpus
        self._quiet = True
        self.split = _menu("Split", tuple(corpus.splits), split, "200px")
        self.speaker = _menu("Speaker", (), None, "170px")
        self.sentence = _menu("Sentence", (), None, "min(600px, 96%)")
        self.take = _menu("Take", (), None, "160px")
        self.view = _menu("View", VIEWS, VIEWS[0], "250px")
        self._fill_speakers(speaker)
        clip = self.clip
        super().__init__(
            [
                widgets.HBox([self.split, self.speaker]),
                self.sentence,
                widgets.HBox([self.take, self.view]),
            ],
            play(self._motion(), clip, title=clip.text, height=330),
            CurveStrip(*self._curves()),
        )
        self._quiet = False
        self._tell()
        for menu, action in (
            (self.split, lambda: self._fill_speakers(self.speaker.value)),
            (self.speaker, self._fill_sentences),
            (self.sentence, self._fill_takes),
            (self.take, lambda: None),
            (self.view, lambda: None),
        ):
            menu.observe(lambda _, action=action: self._follow(action), names="value")

    @property
    def clip(self) -> Clip:
        """The clip that is shown."""
        return self._corpus.clip(self.sentence.value)

    def _clips(self) -> list[Clip]:
        chosen = self._corpus.splits[self.split.value]
        return [self._corpus.clip(clip_id) for clip_id in chosen]

    def _fill_speakers(self, wanted: str | None) -> None:
        there = {clip.speaker for clip in self._clips()}
        names = [name for name in self._corpus.speakers if name in there]
        self.speaker.options = names
        self.speaker.value = wanted if wanted in names else names[0]
        self._fill_sentences()

    def _fill_sentences(self) -> None:
        clips = [clip for clip in self._clips() if clip.speaker == self.speaker.value]
        clips.sort(key=lambda clip: clip.id)
        self.sentence.options = [(f"{clip.id}: {clip.text or ''}", clip.id) for clip in clips]
        self.sentence.value = clips[0].id
        self._fill_takes()

    def _fill_takes(self) -> None:
        count = len(self.clip.truths)
        self.take.options = [(f"{number + 1} of {count}", number) for number in range(count)]
        self.take.value = 0

    def _motion(self) -> Motion:
        if self.view.value == VIEWS[0]:
            return self.clip.truths[self.take.value]
        return scanned_motion(self.clip, self.take.value)

    def _curves(self) -> tuple[Any, ...]:
        truth = self.clip.truths[self.take.value]
        panels = panels_of(truth, ("jaw", "rounding", "brows", "lids"))
        words = (
            "Curves of the gap between the lips, and of jaw, rounding, brows and lids, with "
            f"{sum(bool(p.symbol) for p in self.clip.phonemes)} sounds marked above."
        )
        return panels, truth.duration, self.clip.phonemes, words

    def _follow(self, action: Any) -> None:
        if self._quiet:
            return
        self._quiet = True
        try:
            action()
        finally:
            self._quiet = False
        clip = self.clip
        self.player.update(self._motion(), clip, title=clip.text)
        assert self.curves is not None
        self.curves.update(*self._curves())
        self._tell()

    def _tell(self) -> None:
        clip = self.clip
        room = f"in a room ({clip.room})" if clip.room else "without the echo of a room"
        takes = "1 true motion" if len(clip.truths) == 1 else f"{len(clip.truths)} true motions"
        self.tell(f"{clip.duration:.2f} s, {len(clip)} frames, {takes}, {room}")


def _menu(name: str, options: Sequence[Any], value: Any, width: str) -> widgets.Dropdown:
    return widgets.Dropdown(
        options=options,
        value=value,
        description=name,
        layout=widgets.Layout(width=width),
        style=WIDE,
    )


def corpus_box(corpus: Corpus, split: str = "test_seen", speaker: str | None = None) -> CorpusBox:
    """Show menus for the clips of a corpus, and the chosen one as a head with curves.

    Parameters
    ----------
    corpus : Corpus
        Of coefficients, on the heads of the course.
    split : str
        The first split.
    speaker : str, optional
        The first speaker; by default the split's first.

    Returns
    -------
    CorpusBox
        Display it as the last line of a cell. It needs a running kernel.

    Raises
    ------
    UserError
        If there is no such split, it is empty, or the corpus holds no coefficients.
    """
    part = corpus.split(split)
    if not len(part):
        raise UserError(f"The split {split} of {corpus.name} is empty.")
    if part[0].kind != "coefficients":
        raise UserError("This box shows corpora of coefficients; use play with a head for others.")
    return CorpusBox(corpus, split, speaker)
