"""How linear the motion of a corpus is: lip error left by principal components.

If few components explain all lips, a model that learns more than a linear map has nothing to
learn. The curve says how much remains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from talking_heads.corpus.clip import Clip
from talking_heads.corpus.collection import Corpus
from talking_heads.corpus.views import truth_noise_seed
from talking_heads.errors import UserError
from talking_heads.face import Face, get_face, surface_motion

COMPONENTS: tuple[int, ...] = (1, 2, 4, 8, 16, 24, 32, 48, 64)
"""Numbers of components at which the curve is measured."""
_TRAIN_FRAMES, _TEST_FRAMES = 6000, 3000
Floats = NDArray[np.float32]


def component_curve(
    corpus: Corpus,
    components: Sequence[int] = COMPONENTS,
    resolution: str = "low",
    *,
    noise: bool = False,
    fit: Literal["skin", "lips"] = "skin",
    train: str = "train",
    tests: Sequence[str] = ("test_seen", "test_unseen"),
) -> dict[str, dict[int, float]]:
    """Measure the lip error that principal components leave.

    Components are those of the offsets from each speaker's head at rest, over frames spread evenly
    over the clips of `train`. They are then fitted to frames of the test splits, which they have
    not seen.

    Parameters
    ----------
    corpus : Corpus
        Its first truths are taken.
    components : sequence of int
        How many components, one point of the curve each.
    resolution : str
        One of `talking_heads.face.RESOLUTIONS`.
    noise : bool
        Whether the surfaces bear scan noise, in training and in the test.
    fit : {"skin", "lips"}
        Vertices that the components explain: the whole skin or the lips alone.
    train : str
        Split that the components come from.
    tests : sequence of str
        Splits that the error is measured on.

    Returns
    -------
    dict
        Error by split and number of components: the mean over frames of the largest distance of a
        lip vertex, millimetres.

    Raises
    ------
    UserError
        If a split, a resolution or `fit` is unknown, a number of components is not positive, or the
        corpus moves a mesh of its own.
    """
    if corpus.surface is not None:
        raise UserError(
            f"{corpus.name} moves a mesh of its own; components are measured on the course's head."
        )
    if fit not in ("skin", "lips"):
        raise UserError(f'fit is "skin" or "lips", not {fit!r}.')
    if not components or min(components) < 1:
        raise UserError("The numbers of components must be 1 or more.")
    most = max(components)
    rows = _offsets(corpus.split(train), resolution, noise, fit, max(_TRAIN_FRAMES, 4 * most))
    lips = _lips(get_face(f"neutral@{resolution}"), fit)
    mean = rows.mean(0)
    basis = _principal(rows - mean, most)
    curves = {}
    for split in tests:
        test = _offsets(corpus.split(split), resolution, noise, fit, _TEST_FRAMES) - mean
        weights = test @ basis.T
        curve = {}
        for count in components:
            left = test - weights[:, :count] @ basis[:count]
            distance = np.linalg.norm(left.reshape(len(left), -1, 3)[:, lips], axis=2)
            curve[int(count)] = float(1000.0 * distance.max(1).mean(dtype=np.float64))
        curves[split] = curve
    return curves


def component_report(corpus: Corpus, resolution: str = "low") -> dict[str, Any]:
    """Measure all four curves of a corpus: fitted on skin or lips, without and with scan noise.

    Parameters
    ----------
    corpus : Corpus
        With the splits ``train``, ``test_seen`` and ``test_unseen``.
    resolution : str
        One of `talking_heads.face.RESOLUTIONS`.

    Returns
    -------
    dict
        ``corpus``, ``resolution``, and ``curves`` by name: ``skin``, ``skin scanned``, ``lips``,
        ``lips scanned``, each as `component_curve` gives it, rounded to 0.001 mm.

    Raises
    ------
    UserError
        As `component_curve`.
    """
    fits: tuple[Literal["skin", "lips"], ...] = ("skin", "lips")
    curves = {}
    for fit in fits:
        for noise in (False, True):
            found = component_curve(corpus, resolution=resolution, noise=noise, fit=fit)
            curves[f"{fit} scanned" if noise else fit] = {
                split: {count: round(error, 3) for count, error in curve.items()}
                for split, curve in found.items()
            }
    return {"corpus": corpus.name, "resolution": resolution, "curves": curves}


def component_table(report: Mapping[str, Any]) -> str:
    """Return `component_report` as text: a line a curve and split, in millimetres."""
    first = next(iter(next(iter(report["curves"].values())).values()))
    lines = [f"{'components':28}" + "".join(f"{count:>7}" for count in first)]
    for name, splits in report["curves"].items():
        for split, curve in splits.items():
            cells = "".join(f"{error:7.2f}" for error in curve.values())
            lines.append(f"{name:14}{split:14}{cells}")
    return "\n".join(lines)


def _lips(face: Face, fit: str) -> NDArray[np.int64]:
    """Return which of the fitted vertices are the lips."""
    lips = face.regions["lips"]
    return np.arange(len(lips)) if fit == "lips" else lips


def _offsets(corpus: Corpus, resolution: str, noise: bool, fit: str, frames: int) -> Floats:
    """Return offsets ``(n, values)`` of about as many frames, spread evenly over the clips."""
    total = sum(len(clip) for clip in corpus)
    stride = max(1, total // frames)
    rows, start = [], 0
    for number, clip in enumerate(corpus):
        chosen = np.arange(-start % stride, len(clip), stride)
        start += len(clip)
        if len(chosen):
            rows.append(_clip_offsets(corpus, clip, resolution, noise, fit, number)[chosen])
    if not rows:
        raise UserError(f"The corpus {corpus.name} has no frames.")
    return np.concatenate(rows).reshape(sum(map(len, rows)), -1)


def _clip_offsets(
    corpus: Corpus, clip: Clip, resolution: str, noise: bool, fit: str, number: int
) -> Floats:
    identity = corpus.face_ids[clip.speaker].partition("@")[0]
    face = get_face(f"{identity}@{resolution}")
    own = number if clip.noise_seed is None else clip.noise_seed
    surface = surface_motion(
        clip.motion,
        face=face,
        part="skin",
        noise_seed=truth_noise_seed(own, 0) if noise else None,
    )
    offsets = surface - face.vertices[face.parts["skin"]]
    return offsets if fit == "skin" else offsets[:, face.regions["lips"]]


def _principal(rows: Floats, count: int) -> Floats:
    """Return the first principal directions ``(count, values)`` by subspace iteration."""
    count = min(count, *rows.shape)
    width = min(count + 16, *rows.shape)
    start = np.random.default_rng(0).standard_normal((rows.shape[1], width)).astype(np.float32)
    found, _ = np.linalg.qr(start)
    for _ in range(6):
        found, _ = np.linalg.qr(rows.T @ (rows @ found))
    _, _, turn = np.linalg.svd(rows @ found, full_matrices=False)
    return (found @ turn.T)[:, :count].T
