"""A clip's truths and predictions for it, brought to where they can be compared.

Vertices are offsets from the speaker's face at rest, on the mesh of the corpus. Coefficients are
compared as they are and, for figures in millimetres, on the face of the one who speaks: the skin of
the course's head at the low resolution with its soft tissue, the truth without scan noise.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face.motion import Motion

if TYPE_CHECKING:
    from talking_heads.corpus.clip import Clip
    from talking_heads.corpus.collection import Corpus
    from talking_heads.corpus.heads import Head
    from talking_heads.metrics.lips import LipRow
    from talking_heads.metrics.scores import Target

Floats = NDArray[np.float32]
RESOLUTION = "low"
"""Of the course's heads, where vertices are compared."""


@dataclasses.dataclass(frozen=True)
class Judged:
    """A prediction in the same space as the truths.

    Parameters
    ----------
    motion : Motion
        The prediction itself.
    vertices : ndarray
        ``(frame, V, 3)`` offsets from the speaker's face at rest.
    coefficients : ndarray or None
        ``(frame, 52)``, of a prediction that has some.
    """

    motion: Motion
    vertices: Floats
    coefficients: Floats | None


class ClipSpace:
    """Where the predictions for one clip are compared with its truths.

    Parameters
    ----------
    clip : Clip
        Its motions are read once, when they are first needed.
    corpus : Corpus
        Which the clip is from.
    """

    def __init__(self, clip: Clip, corpus: Corpus) -> None:
        self.clip = clip
        self.head: Head = corpus.head(clip.speaker, RESOLUTION)
        self.fps = clip.fps

    @cached_property
    def truths(self) -> list[Judged]:
        """The truths, without scan noise."""
        return [self.judged(truth) for truth in self.clip.truths]

    @cached_property
    def target(self) -> Target | None:
        """What measures lips by phonemes, where the clip has some and the head is the course's."""
        if not self.clip.phonemes or self.clip.kind != "coefficients":
            return None
        from talking_heads.metrics.scores import Target

        return Target(self.clip, RESOLUTION)

    def judged(self, motion: Motion) -> Judged:
        """Bring a motion to this space.

        Raises
        ------
        UserError
            If it is of another mesh or frame rate, or of coefficients where the corpus has a mesh
            of its own.
        """
        if motion.fps != self.fps:
            raise UserError(
                f"The model makes {motion.fps:g} frames a second and the corpus has {self.fps:g}.\n"
                "Nothing is resampled here: take a model of this frame rate."
            )
        if motion.kind == "coefficients":
            if self.clip.kind != "coefficients":
                raise UserError(
                    "The model makes coefficients of the course's head; this corpus has a mesh of "
                    "its own.\nTake a model that was trained on such vertices."
                )
            return Judged(motion, self._surface(motion), motion.values)
        wanted = len(self.head.vertices)
        if motion.values.shape[1] != wanted:
            raise UserError(
                f"The model makes {motion.values.shape[1]:,} vertices; the face of "
                f"{self.clip.speaker} has {wanted:,}.\nTake a model of this mesh."
            )
        return Judged(motion, motion.values, None)

    def _surface(self, motion: Motion) -> Floats:
        from talking_heads.face import get_face, surface_motion

        face = get_face(self.head.id)
        own = dataclasses.replace(motion, face_id=face.id, head_rotation=None)
        surface = surface_motion(own, face=face, part="skin")
        surface -= self.head.vertices
        return surface

    def lip_row(self, motion: Motion, truth: int) -> LipRow | None:
        """Return the figures of lips and phonemes against a truth; None without phonemes.

        Parameters
        ----------
        motion : Motion
            The prediction; the frames that it and the truth both have are compared.
        truth : int
            The number of the truth.
        """
        if self.target is None:
            return None
        from talking_heads.face import motion_aperture
        from talking_heads.metrics.lips import lip_row

        face = self.target.face
        own = dataclasses.replace(motion, face_id=face.id, head_rotation=None)
        made, true = motion_aperture(own, face), self.target.apertures[truth]
        frames = min(len(made), len(true))
        return lip_row(true[:frames], made[:frames], self.clip.phonemes, self.fps)
