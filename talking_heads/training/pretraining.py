"""Pretraining by masked prediction of units, after HuBERT (Hsu et al. 2021, arXiv:2106.07447).

Stretches of the input are blanked, and the network names the unit of every frame; see
`talking_heads.training.units` for where units come from. The paper counts blanked frames alone.
Here those that are heard count as well: with them our small network learned more in as many steps.
The input is augmented and the units come from the sound as it was, so a voice's formants and noise
are learned to be left aside.
"""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional

from talking_heads.errors import UserError
from talking_heads.files import shown
from talking_heads.speech.pretrained_files import weights_hash
from talking_heads.speech.small_hubert import MEL_PER_UNIT, UNIT_FPS, SmallHubert, unit_mel
from talking_heads.speech.small_hubert_files import read_tensors, write_tensors
from talking_heads.training.augment import Augmentation, augment_mel
from talking_heads.training.state import load_state, save_state

UNITS = "units.safetensors"
"""What names units, beside the network in its folder."""
MOST_UNITS = 30_000
CURVE_COLUMNS = ("step", "loss", "blanked frames right", "heard frames right", "CPU seconds")
_ROW_STEPS = 50
_LEAST = 1e-9


@dataclass(frozen=True)
class PretrainConfig:
    """How to pretrain. Raises `UserError` where a value is not of its kind or out of its range."""

    steps: int = 3500
    batch: int = 12
    seconds: float = 3.0
    """Length of a crop."""
    learning_rate: float = 1e-3
    warm_up: int = 300
    """Steps of a linear rise; from there a cosine falls to 0."""
    weight_decay: float = 0.01
    mask_start: float = 0.08
    """Share of frames at which a blanked stretch begins, as in the paper."""
    mask_frames: int = 10
    """Length of a blanked stretch: 200 ms, as in the paper."""
    unmasked_weight: float = 1.0
    """Weight of the loss on frames that are heard; 0 in the paper."""
    temperature: float = 0.1
    """Of the cosine similarity to the units' embeddings, as in the paper."""
    speed: float = 0.12
    """Faster or slower by up to this share; the units move along."""
    augmentation: Augmentation = field(default_factory=lambda: Augmentation(warp=0.1, shift=2.0))
    bfloat16: bool = True
    """Multiply matrices with 16 bits: nearly twice as fast where the processor can."""
    mean_decay: float = 0.998
    """Of the running mean of the weights, which is what comes out."""
    seed: int = 0
    save_every: int = 250

    def __post_init__(self) -> None:
        whole = {"steps": (1, 10_000_000), "batch": (1, 4096), "warm_up": (0, 10_000_000)}
        whole |= {"mask_frames": (1, 1000), "seed": (0, 2**32 - 1), "save_every": (1, 10_000_000)}
        parts = {"seconds": (0.1, 60.0), "learning_rate": (_LEAST, 1.0), "mask_start": (0.0, 1.0)}
        parts |= {"weight_decay": (0.0, 1.0), "unmasked_weight": (0.0, 100.0)}
        parts |= {"temperature": (1e-3, 10.0), "speed": (0.0, 0.5), "mean_decay": (0.0, 0.99999)}
        for key, (low, high) in {**whole, **parts}.items():
            value = getattr(self, key)
            kinds = (int,) if key in whole else (int, float)
            if type(value) not in kinds or not low <= value <= high:
                number = "a whole number" if key in whole else "a number"
                raise UserError(f"{key} is {number} from {low:g} to {high:g}, not {value!r:.40}.")
        if not isinstance(self.augmentation, Augmentation) or type(self.bfloat16) is not bool:
            raise UserError("augmentation is an Augmentation, and bfloat16 is True or False.")
        if self.mask_start == self.unmasked_weight == 0:
            raise UserError("Without blanked frames, unmasked_weight must be above 0.")


class UnitPredictor(nn.Module):
    """A network and what names units.

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

    @torch.no_grad()
    def name_units(self, audio: NDArray[np.floating] | Tensor) -> NDArray[np.int64]:
        """Return the likeliest unit of each 20 ms of ``(samples,)`` sound, ``(frame,)``."""
        sound = torch.as_tensor(audio, dtype=torch.float32)
        if sound.shape[-1] == 0:
            return np.zeros(0, dtype=np.int64)
        return np.asarray(self(unit_mel(sound)[None])[0].argmax(-1).numpy(), dtype=np.int64)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write the network as `SmallHubert.save_pretrained` does, and ``units.safetensors``.

        Raises
        ------
        UserError
            If the folder cannot be made or written.
        """
        self.encoder.save_pretrained(folder)
        metadata = {
            "units": str(len(self.embeddings)),
            "temperature": repr(self.temperature),
            # The network as it was stored: units mean nothing to another one.
            "network": weights_hash(SmallHubert.from_pretrained(folder)),
        }
        write_tensors(Path(folder) / UNITS, self._own(), metadata)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str]) -> UnitPredictor:
        """Load what `save_pretrained` wrote, in evaluation mode.

        Raises
        ------
        UserError
            If something is missing, damaged, or does not fit together.
        """
        network, path = SmallHubert.from_pretrained(folder), Path(folder) / UNITS
        if not path.is_file():
            raise UserError(f"{shown(folder)} lacks {UNITS}: it can encode, but not name units.")
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
            count, temperature = int(metadata["units"]), float(metadata["temperature"])
            right = 1 <= count <= MOST_UNITS and 0 < temperature < math.inf
        except (SafetensorError, OSError, KeyError, ValueError):
            right = False
        if not right:
            raise UserError(f"{shown(path)} is damaged. Get the folder again.")
        if metadata.get("network") != weights_hash(network):
            raise UserError(f"{shown(path)} belongs to another network. Get the folder again.")
        model = cls(network, count, temperature)
        model.load_state_dict(read_tensors(path, model._own()), strict=False)
        return model.eval()

    def _own(self) -> dict[str, Tensor]:
        """Return all weights but the network's."""
        return {k: v for k, v in self.state_dict().items() if not k.startswith("encoder.")}


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
        Called with step, loss, and the share of blanked frames named right.

    Returns
    -------
    UnitPredictor
        The running mean of the weights, in evaluation mode.
    list of list of float
        Rows of `CURVE_COLUMNS`, each about the last 50 steps.

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
    begun = time.process_time()
    recent: list[list[float]] = []
    for step in range(done, config.steps):
        mel, named, masked = _draw(mels, units, lengths / lengths.sum(), config, step)
        # What dropout draws must not depend on the steps before, which a resumed run never took.
        torch.manual_seed(int(np.random.default_rng([config.seed, step, 1]).integers(2**62)))
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
            counts = count_right(scores, named, masked)
        recent.append([loss.item(), *counts])
        if not math.isfinite(recent[-1][0]):
            raise UserError(
                f"The loss is no longer a number at step {step}: the learning rate is too high."
            )
        if on_step is not None:
            on_step(step, recent[-1][0], counts[0] / max(1.0, counts[1]))
        seconds = before + time.process_time() - begun
        last = step + 1 == config.steps
        if (step + 1) % _ROW_STEPS == 0 or last:
            history.append(_row(step + 1, recent[-_ROW_STEPS:], seconds))
        if state is not None and ((step + 1) % config.save_every == 0 or last):
            save_state(state, fingerprint, step + 1, history, seconds, model, mean, optimizer)
    return mean, history


def count_right(scores: Tensor, units: Tensor, masked: Tensor) -> list[float]:
    """Count frames: blanked ones named right, blanked ones, heard ones named right, heard ones.

    Shapes as in `masked_unit_loss`.
    """
    right, known = scores.argmax(-1) == units, units >= 0
    chosen = (masked & known, ~masked & known)
    return [float(x) for part in chosen for x in ((right & part).sum(), part.sum())]


@torch.no_grad()
def held_out_shares(
    model: UnitPredictor,
    mels: Sequence[NDArray[Any]],
    units: Sequence[NDArray[Any]],
    config: PretrainConfig,
) -> tuple[float, float]:
    """Return the shares of blanked and of heard frames named right in whole clips, unchanged.

    Stretches are blanked as in training, the same ones at each call. NaN where no frame counts.
    """
    rng = np.random.default_rng(config.seed)
    total = np.zeros(4)
    for mel, own in zip(mels, units, strict=True):
        mask = span_mask((1, len(own)), config.mask_start, config.mask_frames, rng)
        masked, named = torch.from_numpy(mask), torch.from_numpy(own)[None]
        scores = model(torch.from_numpy(mel.astype(np.float32))[None], masked)
        total += count_right(scores, named, masked)
    blank_right, blanks, heard_right, heard = total.tolist()
    return (
        blank_right / blanks if blanks else math.nan,
        heard_right / heard if heard else math.nan,
    )


def _row(step: int, recent: list[list[float]], seconds: float) -> list[float]:
    loss, blank_right, blanks, heard_right, heard = np.mean(recent, axis=0).tolist()
    shares = blank_right / max(_LEAST, blanks), heard_right / max(_LEAST, heard)
    return [float(step), round(loss, 4), *(round(x, 4) for x in shares), round(seconds, 1)]


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
    frames = round(config.seconds * UNIT_FPS)
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
