"""Units: clusters of acoustic features, which a network learns to name.

The first iteration clusters MFCC, cleared of what tells speakers apart; the second a layer of the
network that the first one trained. After HuBERT (Hsu et al. 2021, arXiv:2106.07447), sections
II-A and II-D; clearing MFCC of speakers is ours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.speech.mel import N_MELS
from talking_heads.speech.small_hubert import MEL_PER_UNIT, SmallHubert

Ints = NDArray[np.int64]
_CEPSTRA = 13
_SMALLEST_SPREAD = 1e-6


def mfcc(mel: NDArray[Any]) -> NDArray[np.float32]:
    """Return 13 cepstra of log-mel features with their first and second differences.

    Parameters
    ----------
    mel : ndarray
        ``(2 * frame, 80)`` from `talking_heads.speech.mel.log_mel`.

    Returns
    -------
    ndarray of float32
        ``(frame, 39)``, 50 a second. Differences are taken over two frames on each side
        (``sum(k (c[t+k] - c[t-k])) / 10``, as in HTK); beyond the ends the last frame is repeated.
    """
    slow = np.asarray(mel, dtype=np.float32).reshape(-1, MEL_PER_UNIT, N_MELS).mean(1)
    band = np.arange(N_MELS) + 0.5
    cosines = np.cos(np.pi / N_MELS * np.arange(_CEPSTRA)[:, None] * band)
    static = slow @ (cosines * math.sqrt(2 / N_MELS)).T.astype(np.float32)

    def slope(x: NDArray[np.float32]) -> NDArray[np.float32]:
        padded = np.pad(x, ((2, 2), (0, 0)), mode="edge")
        one, two = padded[3:-1] - padded[1:-3], padded[4:] - padded[:-4]
        return np.asarray((one + 2 * two) / 10, dtype=np.float32)

    first = slope(static)
    return np.concatenate([static, first, slope(first)], axis=1).astype(np.float32)


def nearest(points: NDArray[Any], centres: NDArray[Any]) -> NDArray[np.int64]:
    """Return ``(N,)``: the index of the nearest of ``(K, D)`` centres of ``(N, D)`` points."""
    # |x|^2 is the same for all centres.
    distance = (centres**2).sum(1) - 2.0 * points @ centres.T
    return np.asarray(distance.argmin(1), dtype=np.int64)


def k_means(
    points: NDArray[Any], count: int, *, rounds: int = 20, seed: int = 0
) -> NDArray[np.float32]:
    """Cluster points by Lloyd's rounds from k-means++ starts (Arthur and Vassilvitskii 2007).

    Parameters
    ----------
    points : ndarray
        ``(N, D)``, at least as many as clusters.
    count : int
        Number of clusters.
    rounds : int
        Times that points and centres are assigned.
    seed : int
        Of the starts.

    Returns
    -------
    ndarray of float32
        ``(count, D)`` centres.

    Raises
    ------
    UserError
        If there are fewer points than clusters.
    """
    points = np.asarray(points, dtype=np.float32)
    if not 0 < count <= len(points):
        raise UserError(
            f"{len(points)} points cannot make {count} clusters.\nUse more sound, or fewer units."
        )
    rng = np.random.default_rng(seed)
    centres = points[[int(rng.integers(len(points)))]]
    gap = ((points - centres[0]) ** 2).sum(1).astype(np.float64)
    for _ in range(count - 1):
        total = gap.sum()
        chosen = int(
            rng.choice(len(points), p=gap / total) if total > 0 else rng.integers(len(points))
        )
        centres = np.concatenate([centres, points[[chosen]]])
        gap = np.minimum(gap, ((points - points[chosen]) ** 2).sum(1))
    for _ in range(rounds):
        owner = nearest(points, centres)
        size = np.bincount(owner, minlength=count)
        sums = np.zeros_like(centres, dtype=np.float64)
        np.add.at(sums, owner, points)
        # A centre without points stays where it is.
        centres = np.where(size[:, None] > 0, sums / np.maximum(size, 1)[:, None], centres)
        centres = centres.astype(np.float32)
    return centres


def without_speakers(
    features: Sequence[NDArray[np.float32]], speakers: Sequence[str], known: int
) -> list[NDArray[np.float32]]:
    """Bring each speaker's features to zero mean and unit variance.

    Parameters
    ----------
    features : sequence of ndarray
        ``(frame, D)`` of each clip.
    speakers : sequence of str
        Who speaks in each.
    known : int
        So many of the clips, from the first, give means and variances. Later clips count for
        speakers who are not among these.

    Returns
    -------
    list of ndarray of float32
        Of the same shapes.
    """
    learned: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}
    for speaker in dict.fromkeys(speakers):
        own = [index for index, name in enumerate(speakers) if name == speaker]
        heard = [index for index in own if index < known] or own
        stacked = np.concatenate([features[index] for index in heard])
        learned[speaker] = stacked.mean(0), stacked.std(0) + _SMALLEST_SPREAD
    return [
        np.asarray((x - learned[speaker][0]) / learned[speaker][1], dtype=np.float32)
        for x, speaker in zip(features, speakers, strict=True)
    ]


@torch.no_grad()
def layer_features(
    network: SmallHubert, mels: Sequence[NDArray[Any]], layer: int
) -> list[NDArray[np.float16]]:
    """Return what a layer gives for each clip as a whole, ``(frame, width)``.

    Parameters
    ----------
    network : SmallHubert
        In evaluation mode.
    mels : sequence of ndarray
        ``(2 * frame, 80)`` log-mel.
    layer : int
        As in `SmallHubert.encode_mel`.

    Returns
    -------
    list of ndarray of float16
    """
    return [
        network.encode_mel(torch.from_numpy(mel.astype(np.float32))[None], layer=layer)[0]
        .half()
        .numpy()
        for mel in mels
    ]


def cluster(
    features: Sequence[NDArray[Any]], known: int, count: int, sample: int, seed: int = 0
) -> list[Ints]:
    """Cluster the frames of clips.

    Parameters
    ----------
    features : sequence of ndarray
        ``(frame, D)`` of each clip.
    known : int
        So many of the clips, from the first, make the clusters.
    count : int
        Number of clusters.
    sample : int
        So many of their frames, drawn at random, make the clusters; all where there are fewer.
    seed : int
        Of the draw and of `k_means`.

    Returns
    -------
    list of ndarray
        ``(frame,)`` for each clip: the cluster of each frame.

    Raises
    ------
    UserError
        If there are fewer frames than clusters.
    """
    points = np.concatenate(features[:known])
    if len(points) > sample:
        rng = np.random.default_rng(seed)
        points = points[rng.choice(len(points), sample, replace=False)]
    centres = k_means(points, count, seed=seed)
    return [nearest(np.asarray(x, dtype=np.float32), centres) for x in features]


def unit_quality(units: NDArray[Any], sounds: NDArray[Any]) -> dict[str, float]:
    """Compare units with the sounds that were said.

    Parameters
    ----------
    units : ndarray
        ``(frame,)`` integers from 0.
    sounds : ndarray
        ``(frame,)`` integers from 0; frames of -1 are left out.

    Returns
    -------
    dict
        ``purity``: the share of frames that say what their unit mostly says. ``pnmi``: the part of
        the sounds' entropy that the units tell (phone-normalised mutual information), 0 to 1. Both
        as in section IV-E of the paper.
    """
    known = sounds >= 0
    joint = np.zeros((int(units.max(initial=0)) + 1, int(sounds.max(initial=0)) + 1))
    np.add.at(joint, (units[known], sounds[known]), 1)
    joint /= max(1, int(known.sum()))
    of_unit, of_sound = joint.sum(1, keepdims=True), joint.sum(0, keepdims=True)
    seen = joint > 0
    told = float((joint[seen] * np.log(joint[seen] / (of_unit * of_sound)[seen])).sum())
    some = of_sound[of_sound > 0]
    entropy = float(-(some * np.log(some)).sum())
    return {
        "purity": round(float(joint.max(1).sum()), 4),
        "pnmi": round(told / entropy, 4) if entropy > 0 else 0.0,
    }
