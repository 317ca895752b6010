"""How much of facial motion a prior keeps, and in how many bits.

A prior is shown what a scanner recorded, and what comes back is compared with the motion without
the scanner's noise. A figure in millimetres is a mean over frames; its interval comes from drawing
the clips anew.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.face import RESOLUTIONS, Motion
from talking_heads.metrics.bootstrap import bootstrap_interval
from talking_heads.metrics.vertex_error import max_vertex_error
from talking_heads.models.contract import MotionContract, check_fits
from talking_heads.models.motion_prior import MotionPrior
from talking_heads.training.evaluation import spread

if TYPE_CHECKING:
    from talking_heads.corpus.clip import Clip
    from talking_heads.corpus.collection import Corpus

Floats = NDArray[np.float32]


class Reconstructor(Protocol):
    """What is measured: a motion prior, or principal components."""

    contract: MotionContract

    @property
    def bits(self) -> float | None:
        """Bits of a frame; None where numbers are not rounded."""
        ...

    def reconstruct(self, motion: Motion) -> Motion:
        """Return what is kept of a motion."""
        ...


@dataclass(frozen=True, eq=False)
class Recording:
    """A motion as it was recorded, and as it was.

    Parameters
    ----------
    clip : str
        The clip's id.
    scan : Motion
        What a prior is shown.
    truth : ndarray
        ``(frame, V, 3)`` offsets from the head at rest, without scan noise where that is known.
    lips : ndarray of int
        Vertices of the lips; empty where they are not known.
    resolution : str
        Of the course's head, or empty.
    """

    clip: str
    scan: Motion
    truth: Floats
    lips: NDArray[np.int64]
    resolution: str

    def vertices(self, motion: Motion) -> Floats:
        """Return the offsets from the head at rest that a motion of this recording means."""
        if motion.kind == "vertices":
            return motion.values
        from talking_heads.corpus.views import clip_vertices

        return clip_vertices(motion, self.resolution, "skin", True, None)


def prior_view(prior: Reconstructor, corpus: Corpus) -> str:
    """Return the view of a corpus that a prior knows.

    Raises
    ------
    UserError
        If the prior knows another kind of motion, mesh or frame rate.
    """
    contract = prior.contract
    check_fits(contract, corpus)
    if contract.kind == "coefficients" or corpus.surface is not None:
        return contract.kind
    return f"vertices@{contract.average_head.partition('@')[2]}"


def recordings(
    corpus: Corpus,
    split: str,
    *,
    view: str = "vertices@low",
    truths: int = 1,
    clips: int | None = None,
    progress: bool = False,
) -> Iterator[Recording]:
    """Yield the recordings of a split; as a list they serve to measure several priors.

    Parameters
    ----------
    corpus : Corpus
        Whose clips.
    split : str
        Which of them.
    view : str
        ``"coefficients"``, which bear no noise; ``"vertices@low"`` or another resolution; or
        ``"vertices"`` for a corpus with a mesh of its own, where nobody knows the noise.
    truths : int
        At most so many motions of a clip.
    clips : int, optional
        At most so many clips, spread over the split.
    progress : bool
        Show a bar.

    Yields
    ------
    Recording
        Vertices at ``low`` take 14 kB a frame, twice.

    Raises
    ------
    UserError
        If there is no such split, or the corpus cannot be shown so.
    """
    from tqdm import tqdm

    resolution = "" if corpus.surface is not None else view.partition("@")[2] or "low"
    if corpus.surface is None and resolution not in RESOLUTIONS:
        raise UserError(f"The corpus {corpus.name} has no view {view!r}.")
    for clip in tqdm(
        spread(corpus.split(split), clips), desc=split, unit="clip", disable=not progress
    ):
        head = corpus.head(clip.speaker, resolution or "low")
        lips = np.asarray(head.regions.get("lips", ()), dtype=np.int64)
        for number in range(min(truths, len(clip.truths))):
            scan, truth = _recorded(clip, number, resolution, view)
            yield Recording(clip.id, scan, truth, lips, resolution)


def _recorded(clip: Clip, number: int, resolution: str, view: str) -> tuple[Motion, Floats]:
    own = clip.truths[number]
    if not resolution:
        return own, own.values
    truth = clip.vertices(resolution, truth=number, noise=False)
    if view == "coefficients":
        return own, truth
    identity = clip.face_id.partition("@")[0]
    scan = Motion(
        values=clip.vertices(resolution, truth=number),
        kind="vertices",
        fps=clip.fps,
        face_id=f"{identity}@{resolution}",
        speaker=clip.speaker,
    )
    return scan, truth


def measure_prior(
    prior: Reconstructor,
    corpus: Corpus,
    split: str,
    *,
    given: Iterable[Recording] | None = None,
    truths: int = 1,
    clips: int | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Measure what a prior keeps of the motions of a split.

    Parameters
    ----------
    prior : MotionPrior or PrincipalComponents
        In evaluation mode.
    corpus : Corpus
        Of the prior's mesh and frame rate.
    split : str
        Which clips.
    given : iterable of Recording, optional
        From `recordings`, of this split in the prior's view.
    truths, clips, progress
        As for `recordings`, where none are given.

    Returns
    -------
    dict
        ``split``, ``clips``, ``motions``, ``frames``; ``unit``: ``"mm"``, or None for a mesh
        without a unit; ``lips`` and ``face``: mean over frames of the largest distance between
        corresponding vertices, of the lips and of the whole face, and ``mean``: the mean distance
        over all vertices, each as ``value`` and ``interval`` over clips (None of a single one);
        ``at_rest``: values of ``lips`` and ``face`` of a face that never moves; ``bits`` of a frame
        or None; and, where there are codes, ``codes``, see `code_use`.

    Raises
    ------
    UserError
        If prior and corpus do not fit, or there is nothing to measure.
    """
    view = prior_view(prior, corpus)
    if given is None:
        given = recordings(corpus, split, view=view, truths=truths, clips=clips, progress=progress)
    names = ("lips", "face", "mean", "rest_lips", "rest_face")
    rows: dict[str, dict[str, NDArray[np.float64]]] = {name: {} for name in names}
    found: list[NDArray[np.int64]] = []
    motions = 0
    for recording in given:
        made, codes = _reconstructed(prior, recording)
        if codes is not None:
            found.append(codes)
        motions += 1
        for name, errors in _errors(recording, made).items():
            sums = rows[name].setdefault(recording.clip, np.zeros(2))
            sums += (errors.sum(), len(errors))
    if not motions:
        raise UserError(f"There is nothing to measure in the split {split}.")
    # Coefficients have no unit; the head that they are shown on has one.
    metres = corpus.head(corpus.split(split)[0].speaker).unit == "m"
    factor = 1000.0 if metres else 1.0
    figures = {
        name: _figure(list(rows[name].values()), factor)
        for name in ("lips", "face", "mean")
        if rows[name]
    }
    return {
        "split": split,
        "clips": len(rows["face"]),
        "motions": motions,
        "frames": int(sum(row[1] for row in rows["face"].values())),
        "unit": "mm" if metres else None,
        **figures,
        "at_rest": {
            name: _figure(list(rows[f"rest_{name}"].values()), factor)["value"]
            for name in ("lips", "face")
            if rows[name]
        },
        "bits": prior.bits,
        **({"codes": code_use(np.concatenate(found), _codes(prior))} if found else {}),
    }


def _codes(prior: Reconstructor) -> int:
    assert isinstance(prior, MotionPrior)
    return int(prior.config.codes)


def _reconstructed(
    prior: Reconstructor, recording: Recording
) -> tuple[Floats, NDArray[np.int64] | None]:
    """Return the vertices that come back, and the codes in between."""
    scan = recording.scan
    if isinstance(prior, MotionPrior) and prior.bits is not None:
        codes = prior.codes(scan)
        back = dataclasses.replace(scan, values=prior.motion(codes).values)
        return recording.vertices(back), codes
    return recording.vertices(prior.reconstruct(scan)), None


def _errors(recording: Recording, made: Floats) -> dict[str, NDArray[np.float64]]:
    """Return figures of each frame, in the unit of the vertices."""
    truth, lips = recording.truth, recording.lips
    still = np.zeros_like(truth)
    distance = np.sqrt(np.square(truth - made, dtype=np.float64).sum(2))
    errors = {
        "face": distance.max(1),
        "mean": distance.mean(1),
        "rest_face": max_vertex_error(truth, still),
    }
    if len(lips):
        errors["lips"] = distance[:, lips].max(1)
        errors["rest_lips"] = max_vertex_error(truth[:, lips], still[:, lips])
    return errors


def _figure(rows: Sequence[NDArray[np.float64]], factor: float) -> dict[str, Any]:
    top, bottom = np.sum(rows, axis=0)
    interval = bootstrap_interval(np.stack(rows) * (factor, 1.0))
    return {
        "value": round(float(factor * top / bottom), 4),
        "interval": None if interval is None else [round(end, 4) for end in interval],
    }


def code_use(codes: NDArray[np.int64], size: int) -> dict[str, Any]:
    """Return how evenly codes are used.

    Parameters
    ----------
    codes : ndarray of int64
        ``(frame, H)`` from 0 to ``size - 1``, of a whole split.
    size : int
        Of the codebook, K.

    Returns
    -------
    dict
        ``size``; ``used``: how many codes occur; ``perplexity``: two to the power of the entropy of
        their shares, from 1 (always the same code) to K (all equally often); ``by_component``:
        the same two numbers for each of the H components; ``entropy_bits``: the sum over the
        components of the entropy, bits of a frame that an ideal coder needs that knows how often
        each code occurs in each place, and nothing else.
    """
    parts = [np.bincount(column, minlength=size) for column in codes.T]
    whole = np.sum(parts, axis=0)
    return {
        "size": size,
        "used": int((whole > 0).sum()),
        "perplexity": round(2 ** _entropy(whole), 2),
        "by_component": [
            {"used": int((part > 0).sum()), "perplexity": round(2 ** _entropy(part), 2)}
            for part in parts
        ],
        "entropy_bits": round(sum(_entropy(part) for part in parts), 3),
    }


def _entropy(counts: NDArray[np.int64]) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def prior_figures(
    prior: MotionPrior, corpus: Corpus, *, progress: bool = False
) -> dict[str, dict[str, Any]]:
    """Return what `measure_prior` finds in each split but ``train`` and ``val``."""
    tests = [name for name in corpus.splits if name not in ("train", "val")]
    return {name: measure_prior(prior, corpus, name, progress=progress) for name in tests}
