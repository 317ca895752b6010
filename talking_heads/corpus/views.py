"""Two views of one clip: the moving surface, and blendshapes under the names others use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face import (
    ARKIT_INDEX,
    ARKIT_NAMES,
    BEAT_NAMES,
    RESOLUTIONS,
    Motion,
    get_face,
    surface_motion,
)

ORDERS: dict[str, tuple[str, ...]] = {"arkit": ARKIT_NAMES, "beat": BEAT_NAMES}
"""Orders of coefficients that have a name."""
_MOST_FPS = 1000


def truth_noise_seed(noise_seed: int, truth: int) -> int:
    """Return the seed of the scan noise of one truth: each was recorded on its own."""
    return int(np.random.SeedSequence([noise_seed, truth]).generate_state(1)[0])


def clip_vertices(
    motion: Motion,
    resolution: str | None,
    part: Literal["skin", "all"],
    soft_tissue: bool,
    noise_seed: int | None,
    truth: int = 0,
) -> NDArray[np.float32]:
    """Return offsets from the head at rest; see `talking_heads.corpus.Clip.vertices`.

    Parameters
    ----------
    motion : Motion
        Of coefficients or, at the resolution of its own face, of vertices.
    resolution : str or None
        None for the resolution of the motion's face.
    part : {"skin", "all"}
        The skin alone, or the whole head.
    soft_tissue : bool
        Whether flesh trails behind the bone.
    noise_seed : int or None
        Of the clip's scan noise.
    truth : int
        Number of the truth, which the noise depends on.

    Returns
    -------
    ndarray of float32
        ``(frame, V, 3)`` metres.

    Raises
    ------
    UserError
        If the resolution is unknown, or is not that of a motion of vertices.
    """
    identity, _, own = motion.face_id.partition("@")
    wanted = resolution or own
    if motion.kind == "vertices" and wanted != own:
        raise UserError(f"This motion holds vertices of {motion.face_id}, none at {wanted!r}.")
    face = get_face(f"{identity}@{wanted}")
    surface = surface_motion(
        motion,
        face=face,
        part=part,
        soft_tissue=soft_tissue,
        noise_seed=None if noise_seed is None else truth_noise_seed(noise_seed, truth),
    )
    surface -= face.vertices[: surface.shape[1]]
    return surface


def shape_names(names: str | Sequence[str]) -> tuple[str, ...]:
    """Return the coefficients that an order's name or a list of names stands for.

    Raises
    ------
    UserError
        If a name is unknown.
    """
    if isinstance(names, str):
        if names not in ORDERS:
            raise UserError(
                f"There is no order of blendshapes {names!r}. Choose from {', '.join(ORDERS)}."
            )
        return ORDERS[names]
    strange = [name for name in names if name not in ARKIT_INDEX]
    if strange:
        raise UserError(f"There is no blendshape {strange[0]!r} among ARKit's 52.")
    return tuple(names)


def motion_blendshapes(
    motion: Motion, names: str | Sequence[str] = "arkit", fps: float | None = None
) -> NDArray[np.float32]:
    """Return coefficients by name and frame rate; see `talking_heads.corpus.Clip.blendshapes`.

    Parameters
    ----------
    motion : Motion
        Of coefficients.
    names : str or sequence of str
        ``"arkit"``, ``"beat"``, or names.
    fps : float, optional
        Frames a second, at most 1,000; those of the motion if left out.

    Returns
    -------
    ndarray of float32
        ``(frame, len(names))``; frame f shows the time f / fps.

    Raises
    ------
    UserError
        If the motion holds vertices, a name is unknown, or the frame rate is out of range.
    """
    if motion.kind != "coefficients":
        raise UserError("This motion holds vertices; fit_coefficients finds blendshapes for them.")
    columns = [ARKIT_INDEX[name] for name in shape_names(names)]
    values = motion.values[:, columns]
    if fps is None or fps == motion.fps:
        return values
    if not 0 < fps <= _MOST_FPS:
        raise UserError(f"The frame rate is above 0 and at most {_MOST_FPS}, not {fps:g}.")
    frames = max(1, round(motion.duration * fps))
    place = np.minimum(np.arange(frames) * (motion.fps / fps), len(values) - 1)
    before = np.floor(place).astype(int)
    after = np.minimum(before + 1, len(values) - 1)
    share = (place - before)[:, None].astype(np.float32)
    return np.asarray(values[before] * (1 - share) + values[after] * share, dtype=np.float32)


View = tuple[str, str]


def parse_view(view: str) -> View:
    """Split the name of a view of clips into its kind and its detail.

    Parameters
    ----------
    view : str
        ``"coefficients"``, ``"blendshapes@beat"`` (any order), ``"vertices@low"`` (any resolution
        of the course's head) or ``"vertices"`` (a data set's own mesh).

    Returns
    -------
    tuple of str
        ``("vertices", resolution)`` or ``("blendshapes", order)``; ``"coefficients"`` is
        ``("blendshapes", "arkit")``, and ``"vertices"`` has an empty resolution.

    Raises
    ------
    UserError
        If there is no such view.
    """
    kind, _, detail = view.partition("@")
    if view == "coefficients":
        return "blendshapes", "arkit"
    if view == "vertices":
        return view, ""
    if kind == "vertices" and detail in RESOLUTIONS:
        return kind, detail
    if kind == "blendshapes" and detail in ORDERS:
        return kind, detail
    raise UserError(
        f"There is no view {view!r} of a clip. Choose from coefficients, vertices, "
        f"{', '.join(f'vertices@{name}' for name in RESOLUTIONS)}, "
        f"{', '.join(f'blendshapes@{name}' for name in ORDERS)}."
    )
