"""A floor that remembers everything and understands nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face.motion import Motion
from talking_heads.models.baselines.features import MotionShape, frame_features, training_pairs

if TYPE_CHECKING:
    from talking_heads.corpus.clip import Clip

Floats = NDArray[np.float32]
_AT_ONCE = 512


class NearestNeighbour:
    """Shows, for each frame, the training frame whose sound was most alike.

    Features are whitened by principal components, so that each direction of sound counts alike.

    Parameters
    ----------
    mean : ndarray
        ``(feature,)``.
    basis : ndarray
        ``(feature, component)``, whitening.
    keys : ndarray
        ``(n, component)`` whitened features of the training frames.
    values : ndarray
        ``(n, 52)`` their coefficients.
    owner : ndarray of int
        ``(n,)`` which clip each frame is from.
    clips : tuple of str
        Ids of the clips.
    reach : int, optional
        Frames heard on each side; by default those of 0.2 s.
    shape : MotionShape
        What the values are; by default coefficients at 25 frames a second.
    """

    speakers: tuple[str, ...] = ()
    random = False

    def __init__(
        self,
        mean: Floats,
        basis: Floats,
        keys: Floats,
        values: Floats,
        owner: NDArray[np.int64],
        clips: tuple[str, ...],
        reach: int | None = None,
        shape: MotionShape | None = None,
    ) -> None:
        self.mean, self.basis, self.keys, self.values = mean, basis, keys, values
        self.shape = shape or MotionShape()
        self.owner, self.clips, self.reach = owner, clips, reach
        self._squares = np.square(keys).sum(1)

    @classmethod
    def fit(
        cls, clips: Iterable[Clip], *, components: int = 32, reach: int | None = None
    ) -> NearestNeighbour:
        """Remember the frames of some clips.

        Parameters
        ----------
        clips : iterable of Clip
            Of coefficients: vertices of all frames would not fit into memory.
        components : int
            Principal components of the features that are compared.
        reach : int, optional
            Frames heard on each side; by default those of 0.2 s.

        Raises
        ------
        UserError
            If there are no clips, they hold vertices, or differ in frame rate.
        """
        clips = list(clips)
        shape = MotionShape.of(clips)
        if shape.kind != "coefficients":
            raise UserError(
                f"Clip {clips[0].id} holds vertices; the nearest neighbour needs coefficients.\n"
                "Floors for vertices are mean_face and ridge."
            )
        pairs = list(training_pairs(clips, reach))
        heard = np.concatenate([features for features, _ in pairs])
        mean = heard.mean(0, dtype=np.float64).astype(np.float32)
        heard -= mean
        powers, directions = np.linalg.eigh(heard.T @ heard / len(heard))
        keep = min(components, len(powers))
        scale = np.sqrt(np.maximum(powers[-keep:], 1e-6 * max(float(powers[-1]), 1e-12)))
        basis = np.asarray(directions[:, -keep:] / scale, dtype=np.float32)
        return cls(
            mean,
            basis,
            heard @ basis,
            np.concatenate([motion for _, motion in pairs]),
            np.repeat(np.arange(len(pairs)), [len(motion) for _, motion in pairs]),
            tuple(clip.id for clip in clips),
            reach,
            shape,
        )

    def animate(
        self,
        audio: NDArray[np.float32],
        *,
        speaker: str | None = None,
        seed: int = 0,
        exclude: str | None = None,
    ) -> Motion:
        """Return the motion of the nearest training frames.

        Parameters
        ----------
        audio : ndarray
            ``(samples,)`` at 16 kHz, mono.
        speaker : str, optional
            Whose face the motion names; it decides about nothing else.
        seed : int
            Does not matter.
        exclude : str, optional
            Id of a training clip whose frames may not answer: itself, when it is asked about.

        Returns
        -------
        Motion
            At the frame rate of the clips.

        Raises
        ------
        UserError
            If the audio is empty or not finite, or nothing but the excluded clip is known.
        """
        if exclude is not None and self.clips == (exclude,):
            raise UserError(f"There is no clip but {exclude} to answer from; fit more of them.")
        heard = frame_features(audio, self.reach, self.shape.fps)
        asked = (heard - self.mean) @ self.basis
        barred = self.owner == self.clips.index(exclude) if exclude in self.clips else None
        found = np.empty(len(asked), dtype=np.int64)
        for start in range(0, len(asked), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            # The asked frame's own square is the same for all keys.
            distance = self._squares - 2 * asked[part] @ self.keys.T
            if barred is not None:
                distance[:, barred] = np.inf
            found[part] = distance.argmin(1)
        return self.shape.motion(self.values[found], speaker)
