"""`play`: heads that speak in a notebook, driven by the sound alone."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from talking_heads.view.assets import cover_script, script, style
from talking_heads.view.content import Content, clean_text, make_content

if TYPE_CHECKING:
    from talking_heads.corpus.heads import Head
    from talking_heads.face import Face
    from talking_heads.face.motion import Motion

_MARK = 64  # characters; the end of a picture, with its checksum, tells it from others


class HeadWidget(anywidget.AnyWidget):
    """The widget behind `Player` and `Explorer`: content for the browser, words and a still.

    Everything travels once, as bytes; while it plays, the browser does not need the kernel.
    """

    _esm = script()
    _css = style()

    content = traitlets.Dict().tag(sync=True)
    pose = traitlets.Bytes(b"").tag(sync=True)
    mark = traitlets.Unicode("").tag(sync=True)
    description = ""
    still = b""

    def show_content(self, content: Content, height: int, caption: str | None = None) -> None:
        """Show heads that move, with their sound.

        Parameters
        ----------
        content : Content
            What `talking_heads.view.content.make_content` returns.
        height : int
            Height of the picture in pixels.
        caption : str, optional
            A line below the controls.
        """
        self.description = content.description
        self.still = content.still
        # One trait, so that the browser swaps heads and sound in one step.
        self.content = {
            "heads": [head.data for head in content.heads],
            "sound": content.sound,
            "seconds": content.seconds,
            "title": content.title,
            "description": content.description,
            "labels": list(content.labels),
            "caption": clean_text(caption or ""),
            "height": height,
            "width": 480 * len(content.heads),
            "alive": content.alive,
        }

    def __repr__(self) -> str:
        """Return the description: no memory address, so that saved outputs compare equal."""
        return self.description

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return with_alternatives(data, self.description, self.still), metadata

    def _ipython_display_(self) -> None:
        data, _ = self._repr_mimebundle_()
        show(data, self)


class Player(HeadWidget):
    """A player in a notebook; made by `play`.

    Attributes
    ----------
    description : str
        What it shows, in words; also its text alternative.
    still : bytes
        A PNG picture, shown where no widget runs.
    """

    def __init__(
        self, motion: Motion | Sequence[Motion], audio: Any = None, **options: Any
    ) -> None:
        super().__init__()
        self._options = options
        self.update(motion, audio)

    def update(
        self, motion: Motion | Sequence[Motion], audio: Any = None, *, title: str | None = None
    ) -> None:
        """Show another motion and sound in place, in every cell that shows this player.

        Parameters
        ----------
        motion, audio, title
            As in `play`; without a title the old one stays.
        """
        options = dict(self._options)
        if title is not None:
            options["title"] = title
        height, caption = options.pop("height", 380), options.pop("caption", None)
        self.show_content(make_content(motion, audio, **options), height, caption)
        self._options["title"] = options.get("title")


def play(
    motion: Motion | Sequence[Motion],
    audio: Any = None,
    *,
    face: Face | Head | Sequence[Face | Head] | None = None,
    title: str | None = None,
    labels: Sequence[str] | None = None,
    caption: str | None = None,
    height: int = 380,
    alive: bool = False,
) -> Player:
    """Show a motion with its sound: play, pause, seek, speed, and a head to turn.

    Parameters
    ----------
    motion : Motion or list of Motion
        One head, or up to four side by side, in step.
    audio : array, path, Clip or Speech, optional
        The sound; an array holds mono samples at 16 kHz. It is the only clock. Without it the
        head moves in silence.
    face : Face or Head, or list of them, optional
        By default the face that each motion names. The motion of another data set needs its
        speaker's head, ``corpus.head(clip.speaker)``.
    title : str, optional
        Names the player for people who cannot see it.
    labels : list of str, optional
        One above each head, such as ``["truth", "model"]``.
    caption : str, optional
        A line below the controls.
    height : int, optional
        Height of the picture in pixels.
    alive : bool, optional
        Begin with life added: blinks, shifts of gaze and slight motion of the head where the
        motion has none of its own, and a calm idle while nothing plays. A button in the player
        (or the key A) switches it; without it every frame is exactly that of the motion. For
        viewers who asked their system for less motion it begins switched off and never idles.

    Returns
    -------
    Player
        Display it as the last line of a cell. `Player.update` swaps motion and sound in place.

    Raises
    ------
    UserError
        If motion, sound, faces and labels do not fit together.
    """
    return Player(
        motion,
        audio,
        face=face,
        title=title,
        labels=labels,
        caption=caption,
        height=height,
        alive=alive,
    )


def with_alternatives(data: dict[str, Any], text: str, png: bytes) -> dict[str, Any]:
    """Return a display bundle with a written description and a still picture added."""
    bundle = {**data, "text/plain": text}
    if png:
        bundle["image/png"] = base64.b64encode(png).decode("ascii")
    return bundle


class Cover(anywidget.AnyWidget):
    """A widget of no size that hides the still above it, for views that are not our own."""

    _esm = cover_script()
    mark = traitlets.Unicode("").tag(sync=True)


def show(data: dict[str, Any], head: HeadWidget | Cover) -> None:
    """Display a view as two outputs: words and still, then the widget.

    JupyterLab shows nothing of an output whose widget is gone. So a notebook that is opened again
    keeps the still; while the widget lives, the browser hides it (`replaceStill` in player.js).
    """
    from IPython.display import display

    words = {key: data[key] for key in ("text/plain", "image/png") if key in data}
    head.mark = words.get("image/png", "")[-_MARK:]
    display(words, raw=True)
    display({key: data[key] for key in data if key not in words}, raw=True)
