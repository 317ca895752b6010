"""Pretraining by masked prediction of units, after HuBERT (Hsu et al. 2021, arXiv:2106.07447).

Units are clusters of acoustic features: of MFCC in the first iteration, of a layer of the network
that the first one trained in the second. Stretches of the input are blanked, and the network names
the unit of every blanked frame. The input is augmented and the units come from the sound as it was,
so a voice's formants, noise and rooms are learned to be left aside.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from talking_heads.errors import UserError
from talking_heads.speech.mel import N_MELS
from talking_heads.speech.small_hubert import MEL_PER_UNIT, SmallHubert
from talking_heads.training.augment import Augmentation, augment_mel
from talking_heads.training.state import load_state, save_state

_CEPSTRA = 13


@dataclass(frozen=True)
class PretrainConfig:
    """How to pretrain."""

    steps: int = 4000
    batch: int = 16
    seconds: float = 3.0
    """Length of a crop."""
    learning_rate: float = 1e-3
    warm_up: int = 200
    weight_decay: float = 0.01
    mask_start: float = 0.08
    """Share of frames at which a blanked stretch begins, as in the paper."""
    mask_frames: int = 10
    """Length of a blanked stretch: 200 ms, as in the paper."""
    unmasked_weight: float = 0.0
    """Weight of the loss on frames that are heard; the paper's alpha is 1 on masked frames only."""
    temperature: float = 0.1
    """Of the cosine similarity to the units' embeddings, as in the paper."""
    speed: float = 0.12
    """Faster or slower by up to this share; the units move along."""
    augmentation: Augmentation = field(
        default_factory=lambda: Augmentation(warp=0.2, shift=3.0, room_share=0.25)
    )
    bfloat16: bool = True
    """Multiply matrices with 16 bits: nearly twice as fast where the processor can."""
    mean_decay: float = 0.998
    """Of the running mean of the weights, which is what comes out."""
    seed: int = 0
    save_every: int = 200


class UnitPredictor(nn.Module):
    """An encoder and what names units; only the encoder is kept.

    The score of unit ``c`` is ``cos(A x, e_c) / temperature``, equation 3 of the paper.

    Parameters
    ----------
    encoder : SmallHubert
        The network that listens.
    units : int
        Number of units.
    temperature : float
        Divides the cosines.
    """

    def __init__(self, encoder: SmallHubert, units: int, temperature: float = 0.1) -> None:
        super().__init__()
        self.encoder, self.temperature = encoder, temperature
        self.project = nn.Linear(encoder.width, encoder.width)
        self.embeddings = nn.Parameter(torch.randn(units, encoder.width))

    def forward(self, mel: Tensor, masked: Tensor | None = None) -> Tensor:
        """Return ``(batch, frame, unit)`` scores of ``(batch, 2 * frame, 80)`` log-mel."""
        x = functional.normalize(self.project(self.encoder.encode_mel(mel, masked)), dim=-1)
        return x @ functional.normalize(self.embeddings, dim=-1).T / self.temperature


def masked_unit_loss(
    scores: Tensor, units: Tensor, masked: Tensor, unmasked_weight: float = 0.0
) -> Tensor:
    """Return the mean cross-entropy over masked frames, plus the weighted one over the others.

    Parameters
    ----------
    scores : Tensor
        ``(batch, frame, unit)``.
    units : Tensor
        ``(batch, frame)`` integers; frames of -1 are left out.
    masked : Tensor
        ``(batch, frame)`` bool.
    unmasked_weight : float
        0 as in HuBERT.

    Returns
    -------
    Tensor
        A scalar; 0 where there is no frame to name.
    """
    each = functional.cross_entropy(scores.transpose(1, 2), units.clamp(min=0), reduction="none")
    known = units >= 0
    total = scores.sum() * 0
    for chosen, weight in ((masked & known, 1.0), (~masked & known, unmasked_weight)):
        if weight and bool(chosen.any()):
            total = total + weight * each[chosen].mean()
    return total


def span_mask(
    shape: tuple[int, int], start: float, length: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw blanked stretches.

    Parameters
    ----------
    shape : tuple of int
        ``(batch, frame)``.
    start : float
        Probability that a stretch begins at a frame; stretches may overlap.
    length : int
        Frames of a stretch; the clip's end cuts it.
    rng : Generator
        Source of chance.

    Returns
    -------
    ndarray of bool
        ``(batch, frame)``. With 0.08 and 10 a good half of the frames is blanked, 57 %.
    """
    begins = rng.random(shape) < start
    masked = np.zeros(shape, dtype=bool)
    for offset in range(min(length, shape[1])):
        masked[:, offset:] |= begins[:, : shape[1] - offset]
    return masked


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
        raise UserError(f"{len(points)} points cannot make {count} clusters.")
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


def stretched_crop(
    mel: NDArray[Any], units: NDArray[Any], frames: int, speed: float, place: float
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Cut a crop and play it faster or slower, with its units.

    Parameters
    ----------
    mel : ndarray
        ``(2 * frame, 80)``.
    units : ndarray
        ``(frame,)``.
    frames : int
        Length of the crop, after the change of speed.
    speed : float
        Above 1 is faster.
    place : float
        0 to 1: where in the clip.

    Returns
    -------
    mel : ndarray of float32
        ``(2 * frames, 80)``; a clip too short is continued by its last frame.
    units : ndarray of int64
        ``(frames,)``, -1 beyond the clip's end.
    """
    start = MEL_PER_UNIT * math.floor(place * max(0.0, len(units) - frames * speed))
    at = start + (np.arange(MEL_PER_UNIT * frames) + 0.5) * speed - 0.5
    low = np.clip(np.floor(at).astype(np.int64), 0, len(mel) - 1)
    high = np.minimum(low + 1, len(mel) - 1)
    share = np.clip(at - low, 0.0, 1.0)[:, None].astype(np.float32)
    sound = mel[low].astype(np.float32) * (1 - share) + mel[high].astype(np.float32) * share
    own = start // MEL_PER_UNIT + np.floor((np.arange(frames) + 0.5) * speed).astype(np.int64)
    named = np.where(own < len(units), units[np.minimum(own, len(units) - 1)], -1)
    return sound, named.astype(np.int64)


def pretrain(
    encoder: SmallHubert,
    mels: Sequence[NDArray[Any]],
    units: Sequence[NDArray[Any]],
    count: int,
    config: PretrainConfig,
    *,
    state: Path | None = None,
    on_step: Callable[[int, float, float], None] | None = None,
) -> tuple[UnitPredictor, list[list[float]]]:
    """Train an encoder to name units.

    Everything drawn follows from the seed and the number of the step, so an interrupted run goes
    on from its last state as if nothing had happened.

    Parameters
    ----------
    encoder : SmallHubert
        To be trained; changed in place.
    mels, units : sequence of ndarray
        Log-mel ``(2 * frame, 80)`` and units ``(frame,)`` of each clip.
    count : int
        Number of units.
    config : PretrainConfig
        How.
    state : Path, optional
        File of the unfinished run: read if it is there, written every `save_every` steps.
    on_step : callable, optional
        Called with step, loss, and the share of masked frames named right.

    Returns
    -------
    UnitPredictor
        The running mean of the weights, in evaluation mode.
    list of list of float
        Step, loss and share of masked frames named right, averaged over stretches of 50 steps.

    Raises
    ------
    UserError
        If there is no sound, or the state belongs to another run.
    """
    if not mels or len(mels) != len(units):
        raise UserError("Pretraining needs sound, and units for each clip of it.")
    torch.manual_seed(config.seed)
    model = UnitPredictor(encoder, count, config.temperature).train()
    mean = copy.deepcopy(model).eval()
    optimizer = torch.optim.AdamW(
        model.parameters(), config.learning_rate, (0.9, 0.98), weight_decay=config.weight_decay
    )
    fingerprint = repr((asdict(config), encoder.config, count, sum(len(u) for u in units)))
    done, before = 0, 0.0
    history: list[list[float]] = []
    if state is not None and state.exists():
        done, history, before = load_state(state, fingerprint, model, mean, optimizer)
    lengths = np.array([len(u) for u in units], dtype=np.float64)
    begun = time.monotonic()
    recent: list[tuple[float, float]] = []
    for step in range(done, config.steps):
        mel, named, masked = _draw(mels, units, lengths / lengths.sum(), config, step)
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * _schedule(step, config)
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16):
            scores = model(mel, masked)
        scores = scores.float()
        loss = masked_unit_loss(scores, named, masked, config.unmasked_weight)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            decay = min(config.mean_decay, (1 + step) / (10 + step))
            for slow, fast in zip(mean.parameters(), model.parameters(), strict=True):
                slow.lerp_(fast, 1 - decay)
            judged = (masked | (config.unmasked_weight > 0)) & (named >= 0)
            right = (scores.argmax(-1) == named)[judged].float().mean()
        recent.append((loss.item(), right.item()))
        if on_step is not None:
            on_step(step, *recent[-1])
        if (step + 1) % 50 == 0:
            history.append([float(step + 1), *np.mean(recent[-50:], axis=0).tolist()])
        if state is not None and ((step + 1) % config.save_every == 0 or step + 1 == config.steps):
            seconds = before + time.monotonic() - begun
            save_state(state, fingerprint, step + 1, history, seconds, model, mean, optimizer)
    return mean, history


def _schedule(step: int, config: PretrainConfig) -> float:
    warm = min(1.0, (step + 1) / max(1, config.warm_up))
    return warm * 0.5 * (1 + math.cos(math.pi * step / config.steps))


def _draw(
    mels: Sequence[NDArray[Any]],
    units: Sequence[NDArray[Any]],
    chances: NDArray[np.float64],
    config: PretrainConfig,
    step: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return augmented sound, units and mask of one step."""
    rng = np.random.default_rng([config.seed, step])
    frames = round(config.seconds * 50)
    crops = []
    for index in rng.choice(len(mels), size=config.batch, p=chances):
        speed = math.exp(rng.uniform(-config.speed, config.speed))
        crops.append(stretched_crop(mels[index], units[index], frames, speed, rng.random()))
    masked = span_mask((config.batch, frames), config.mask_start, config.mask_frames, rng)
    mel = torch.from_numpy(np.stack([sound for sound, _ in crops]))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**62)))
        mel = augment_mel(mel, config.augmentation)
    named = torch.from_numpy(np.stack([own for _, own in crops]))
    return mel, named, torch.from_numpy(masked)
