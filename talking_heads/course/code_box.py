"""`code_box`: move one code of a motion prior and watch the head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.course.head_box import HeadBox
from talking_heads.face import Motion

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from talking_heads.corpus.heads import Head
    from talking_heads.models.motion_prior import MotionPrior


class CodeBox(HeadBox):
    """Sliders for a frame, a component and its code, and three heads; made by `code_box`.

    Attributes
    ----------
    scope : ToggleButtons
        ``"one frame"``: the code changes in that frame alone, and the heads show that frame.
        ``"whole clip"``: the code is held in every frame, and the heads play the clip.
    frame, component, code : IntSlider
        Which frame, which of the H components (from 0), and the code that it holds now.
    nearer, farther, reset : Button
        The next code by distance from the clip's own in the codebook; back to the clip's own.
    """

    @property
    def codes(self) -> NDArray[np.int64]:
        """The codes as changed, ``(frame, H)``."""
        raise NotImplementedError

    @property
    def changed(self) -> Motion:
        """The motion that the prior decodes from `codes`."""
        raise NotImplementedError

    @property
    def moved(self) -> dict[str, tuple[float, float]]:
        """How far vertices moved, mm, by region: ``{"lips": (mean, largest), ...}``."""
        raise NotImplementedError


def code_box(
    prior: MotionPrior,
    motion: Motion,
    audio: Any = None,
    *,
    frame: int | None = None,
    component: int = 0,
    code: int | None = None,
    head: Head | None = None,
) -> CodeBox:
    """Show a motion as its prior's codes, with sliders that change one of them.

    Three heads stand side by side: decoded from the motion's own codes, decoded from the changed
    ones, and what the change moved, as a heat map in millimetres.

    Parameters
    ----------
    prior : MotionPrior
        With a codebook.
    motion : Motion
        What is encoded: of the prior's kind and mesh. A motion of coefficients is turned into
        vertices of the course's skin where the prior wants those.
    audio : array, Clip or path, optional
        The sound for the whole clip.
    frame : int, optional
        Where the frame slider begins; by default where the mouth is widest open.
    component : int
        Where the component slider begins, 0 to H - 1.
    code : int, optional
        The code to begin with; by default the motion's own, so that nothing is changed yet.
    head : Head, optional
        For a motion of another data set: ``corpus.head(clip.speaker)``.

    Returns
    -------
    CodeBox
        Display it as the last line of a cell. The sliders need a running kernel.

    Raises
    ------
    UserError
        If the prior has no codebook, or there is no such frame, component or code.
    """
    raise NotImplementedError


def code_figure(
    prior: MotionPrior,
    motion: Motion,
    frame: int | None = None,
    component: int = 0,
    codes: int | list[int] = 4,
    *,
    head: Head | None = None,
) -> tuple[Figure, str]:
    """Draw one frame as decoded, and with other codes in one component, with mm moved.

    Parameters
    ----------
    prior, motion, frame, component, head
        As in `code_box`. The code is changed in every frame.
    codes : int or list of int
        Which codes; a number stands for so many codes spread over the codebook by distance, the
        nearest first and the farthest last.

    Returns
    -------
    tuple of Figure and str
        For `talking_heads.course.figures.show`.
    """
    raise NotImplementedError


def component_figure(
    prior: MotionPrior,
    motion: Motion,
    *,
    components: int | None = None,
    seed: int = 0,
    head: Head | None = None,
) -> tuple[Figure, str]:
    """Draw which part of the face each component moves: one heat map a component.

    Each component's code is replaced by random others in every frame; a vertex' colour is how far
    it moves, root mean square over frames and draws, in mm.

    Parameters
    ----------
    prior, motion, head
        As in `code_box`.
    components : int, optional
        Show the first so many; by default all, 16 at most.
    seed : int
        Of the draws.

    Returns
    -------
    tuple of Figure and str
        For `talking_heads.course.figures.show`.
    """
    raise NotImplementedError


def nearest_order(codebook: NDArray[np.floating[Any]], code: int) -> NDArray[np.int64]:
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
    raise NotImplementedError
