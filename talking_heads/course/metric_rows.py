"""The metrics of one prediction for one clip as a learner reads them: a name, a number, a unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from talking_heads.corpus.heads import course_head
from talking_heads.corpus.views import clip_vertices
from talking_heads.face import get_face
from talking_heads.metrics.blendshapes import LBE_MASK, LBE_PUBLISHED_MASK, lbe, mbe
from talking_heads.metrics.distances import lve, lve_meshtalk, lve_squared, mod, mve
from talking_heads.metrics.dynamics import fdd
from talking_heads.metrics.lips import CLOSED, bilabial_apertures, correlation

if TYPE_CHECKING:
    from talking_heads.corpus import Clip
    from talking_heads.face import Motion

Figures = dict[str, float]
RESOLUTION = "low"
"""At which the surfaces are compared."""


@dataclass(frozen=True)
class Row:
    """One metric.

    Parameters
    ----------
    key : str
        In the dictionary that `Ruler.figures` returns.
    name : str
        For people.
    scale : float
        What the figure is multiplied by before it is shown.
    unit : str
        After that; may be empty.
    measure : callable
        How bad a figure is, before it is scaled: 0 is perfect, larger is worse.
    digits : int
        After the point.
    """

    key: str
    name: str
    scale: float = 1.0
    unit: str = ""
    measure: Callable[[float], float] = abs
    digits: int = 2

    def error(self, figures: Figures) -> float:
        """Return how bad the figure is: 0 is perfect."""
        return self.measure(figures[self.key])

    def number(self, figures: Figures) -> str:
        """Return the figure without its unit."""
        value = round(self.scale * figures[self.key], self.digits) + 0.0  # no "-0.00"
        return f"{value:.{self.digits}f}"

    def text(self, figures: Figures) -> str:
        """Return the figure with its unit."""
        return f"{self.number(figures)} {self.unit}".rstrip()


def _missing(share: float) -> float:
    return 1.0 - share


ROWS = (
    Row("lve", "LVE, distance", 1e3, "mm"),
    Row("lve_squared", "LVE, squared", 1e6, "mm²"),
    Row("lve_meshtalk", "LVE, centred", 1e3, "mm"),
    Row("mod", "MOD", 1e3, "mm"),
    Row("mve", "MVE", 1e3, "mm"),
    Row("fdd", "FDD, signed", 1e6, "mm²"),
    Row("mbe", "MBE"),
    Row("lbe", "LBE, jaw and mouth"),
    Row("lbe_published", "LBE, published list"),
    Row("correlation", "Lip correlation", measure=_missing),
    Row("closed", "p, b, m closed", 100.0, "%", _missing, 0),
)
"""In the order in which they are shown."""


def skin_offsets(motion: Motion, face_id: str) -> NDArray[np.float32]:
    """Return how far a motion moves the skin of a face, soft tissue included and without noise.

    Parameters
    ----------
    motion : Motion
        Of coefficients.
    face_id : str
        Whose skin, at whatever resolution; it is posed at `RESOLUTION`.

    Returns
    -------
    ndarray of float32
        ``(frame, V, 3)`` metres from the face at rest.
    """
    own = replace(motion, face_id=face_id, head_rotation=None)
    return clip_vertices(own, RESOLUTION, "skin", True, None)


class Ruler:
    """A clip's first truth, ready to be compared with motions.

    Parameters
    ----------
    clip : Clip
        Of coefficients, with phonemes.
    """

    def __init__(self, clip: Clip) -> None:
        identity = clip.motion.face_id.partition("@")[0]
        self.clip = clip
        self.face = get_face(f"{identity}@{RESOLUTION}")
        self.head = course_head(self.face.id)
        self.offsets = skin_offsets(clip.motion, self.face.id)
        self.aperture = self.face.aperture(clip.motion.values)

    def figures(self, motion: Motion) -> Figures:
        """Measure a motion against the truth.

        Parameters
        ----------
        motion : Motion
            Of coefficients, as long as the clip or a frame off.

        Returns
        -------
        dict of str to float
            One number for each of `ROWS`, in metres, square metres, or without a unit.
        """
        frames = min(len(motion), len(self.clip))
        true, made = self.clip.motion.values[:frames], motion.values[:frames]
        x, y = self.offsets[:frames], skin_offsets(motion, self.face.id)[:frames]
        lips, upper = self.head.regions["lips"], self.head.regions["upper_face"]
        pairs = self.face.lip_pairs()
        gap = self.face.aperture(made)
        smallest = np.array(bilabial_apertures(gap, self.clip.phonemes, motion.fps))
        return {
            "lve": lve(x, y, lips),
            "lve_squared": lve_squared(x, y, lips),
            "lve_meshtalk": lve_meshtalk(x, y, lips),
            "mod": mod(x, y, pairs, self.head.vertices),
            "mve": mve(x, y),
            "fdd": fdd(x, y, upper),
            "mbe": mbe(true, made),
            "lbe": lbe(true, made, LBE_MASK),
            "lbe_published": lbe(true, made, LBE_PUBLISHED_MASK),
            "correlation": correlation(self.aperture[:frames], gap),
            "closed": float(np.mean(smallest < CLOSED)) if len(smallest) else 1.0,
        }
