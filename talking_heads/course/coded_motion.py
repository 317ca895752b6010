"""A motion as the codes of its prior, and what the face does when some of them change."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.corpus.heads import Head
from talking_heads.corpus.views import clip_vertices
from talking_heads.course.face_tiles import face_of
from talking_heads.errors import UserError
from talking_heads.face import RESOLUTIONS, Motion, motion_aperture, motion_vertices
from talking_heads.view.foreign import shown_motion

if TYPE_CHECKING:
    from talking_heads.models.motion_prior import MotionPrior

Ints = NDArray[np.int64]
STILL_MM = 0.1
"""A vertex that moves by less does not count as moved."""


def nearest_order(codebook: NDArray[np.floating[Any]], code: int) -> Ints:
    """Return all codes by distance from one of them, itself first.

    Parameters
    ----------
    codebook : ndarray
        ``(K, C)``.
    code : int
        0 to K - 1.

    Returns
    -------
    ndarray
        ``(K,)``; of equal distances the lower number comes first.
    """
    table = np.asarray(codebook, dtype=np.float64)
    far = np.square(table - table[code]).sum(1)
    far[code] = -1.0  # before a code that lies on it
    return np.argsort(far, kind="stable")


class CodedMotion:
    """A motion, its codes, and the face that shows it.

    Parameters
    ----------
    prior : MotionPrior
        With a codebook.
    motion : Motion
        Of the prior's kind and mesh, or of coefficients where the prior knows the course's skin.
    head : Head, optional
        Whose mesh it is, for a motion of another data set.

    Attributes
    ----------
    codes : ndarray of int64
        ``(frame, H)``, the motion's own.
    codebook : ndarray of float32
        ``(K, C)``.
    own : Motion
        What the prior decodes from them.
    face : Face
        The head.
    regions : dict of str to ndarray
        Vertices of the skin: ``"lips"``, ``"upper face"`` and ``"rest of the skin"``.

    Raises
    ------
    UserError
        If the prior has no codebook, or the motion does not fit it or is empty.
    """

    def __init__(self, prior: MotionPrior, motion: Motion, head: Head | None = None) -> None:
        if prior.quantizer is None:
            raise UserError(
                "This prior has no codebook, so there are no codes to move.\n"
                "Take one whose bottleneck is vq."
            )
        if not len(motion):
            raise UserError("The motion has no frames.")
        self.prior, self.head = prior, head
        self._poses: dict[int, NDArray[np.float32]] = {}
        self.motion = _of_kind(prior, motion)
        self.codes: Ints = prior.codes(self.motion)
        self.codebook = prior.quantizer.codebook.detach().cpu().numpy()
        self.face = face_of(self.motion.face_id if head is None else head)
        self.own = self.decoded(self.codes)

    @property
    def components(self) -> int:
        """H, the codes of a frame."""
        return int(self.codes.shape[1])

    @property
    def size(self) -> int:
        """K, the codes in the codebook."""
        return len(self.codebook)

    @property
    def unit(self) -> str:
        """What `moved` counts in."""
        known = self.head is None or self.head.unit == "m"
        return "mm" if known else "mm on a head shown 250 mm high"

    @cached_property
    def regions(self) -> dict[str, Ints]:
        """Vertices of the skin by region."""
        skin = self.face.parts["skin"].stop
        rest = np.ones(skin, dtype=bool)
        found = {}
        for name, key in (("lips", "lips"), ("upper face", "upper_face")):
            index = self.face.regions.get(key, np.zeros(0, dtype=np.int64))
            if len(index):
                found[name] = np.asarray(index, dtype=np.int64)
                rest[index] = False
        found["rest of the skin"] = np.flatnonzero(rest)
        return found

    @cached_property
    def widest(self) -> int:
        """The frame in which the mouth is widest open, or else the face farthest from rest."""
        gap = motion_aperture(self._shown(self.own), self.face)
        if not gap.any():
            gap = np.abs(self.own.values).reshape(len(self.own), -1).max(1)
        return int(np.argmax(gap))

    def check(self, frame: int | None, component: int, code: int | None) -> int:
        """Return the frame, by default `widest`.

        Raises
        ------
        UserError
            If frame, component or code is not there.
        """
        frame = self.widest if frame is None else frame
        for name, value, count in (
            ("frame", frame, len(self.codes)),
            ("component", component, self.components),
            ("code", 0 if code is None else code, self.size),
        ):
            if not 0 <= value < count:
                raise UserError(f"There is no {name} {value}: they go from 0 to {count - 1}.")
        return frame

    def decoded(self, codes: Ints) -> Motion:
        """Return the motion of codes ``(frame, H)``, on the head of the motion that was given."""
        return replace(self.motion, values=self.prior.motion(codes).values)

    def with_code(self, component: int, code: int, frame: int | None = None) -> Ints:
        """Return the codes with one component changed, in one frame or, without one, in all."""
        codes = self.codes.copy()
        codes[slice(None) if frame is None else frame, component] = code
        return codes

    def skin(self, motion: Motion) -> NDArray[np.float32]:
        """Return where the skin is, as offsets from rest, ``(frame, S, 3)`` metres as shown."""
        skin = self.face.parts["skin"].stop
        if motion.kind == "vertices":
            return self._shown(motion).values[:, :skin]
        return np.asarray(self.face.pose(motion.values)[:, :skin] - self.face.vertices[:skin])

    def whole(self, motion: Motion, frame: int | None = None) -> NDArray[np.float32]:
        """Return all vertices of the head, ``(V, 3)`` of one frame or ``(frame, V, 3)``, metres."""
        shown = replace(self._shown(motion), head_rotation=None)
        if frame is not None:
            shown = replace(shown, values=shown.values[frame : frame + 1])
        vertices = np.asarray(motion_vertices(shown, self.face))
        return vertices if frame is None else vertices[0]

    def moved(self, changed: Motion) -> NDArray[np.float64]:
        """Return how far each vertex of the skin moved from `own`, ``(frame, S)`` in mm."""
        apart = self.skin(changed) - self._own_skin
        return 1000 * np.sqrt(np.square(apart, dtype=np.float64).sum(2))

    def by_region(self, moved: NDArray[Any]) -> dict[str, tuple[float, float]]:
        """Return mean and largest of some vertices' ``(S,)`` or ``(frame, S)`` by region."""
        return {
            name: (float(moved[..., index].mean()), float(moved[..., index].max()))
            for name, index in self.regions.items()
        }

    def region_words(self, moved: NDArray[Any]) -> str:
        """Say how far the regions moved."""
        parts = [
            f"{name} {mean:.2f} on average, {most:.2f} at most"
            for name, (mean, most) in self.by_region(moved).items()
        ]
        return f"Moved, in {self.unit}: {'; '.join(parts)}."

    def own_pose(self, frame: int) -> NDArray[np.float32]:
        """Return all vertices of the head in a frame of `own`, ``(V, 3)`` metres; kept."""
        if frame not in self._poses:
            self._poses[frame] = self.whole(self.own, frame)
        return self._poses[frame]

    @cached_property
    def own_poses(self) -> NDArray[np.float32]:
        """All vertices of the head in every frame of `own`, ``(frame, V, 3)`` metres."""
        return self.whole(self.own)

    @cached_property
    def _own_skin(self) -> NDArray[np.float32]:
        return self.skin(self.own)

    def _shown(self, motion: Motion) -> Motion:
        return motion if self.head is None else shown_motion(motion, self.head)


def _of_kind(prior: MotionPrior, motion: Motion) -> Motion:
    """Return a motion of coefficients as one of the course's skin, where the prior knows that."""
    if prior.contract.kind == motion.kind or motion.kind != "coefficients":
        return motion
    identity = motion.face_id.partition("@")[0]
    resolution = prior.contract.head(None).partition("@")[2]
    if resolution not in RESOLUTIONS:
        return motion
    return Motion(
        values=clip_vertices(replace(motion, head_rotation=None), resolution, "skin", True, None),
        kind="vertices", fps=motion.fps, face_id=f"{identity}@{resolution}",
        speaker=motion.speaker,
    )  # fmt: skip
