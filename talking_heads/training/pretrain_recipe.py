"""The recipe of the small HuBERT: from a corpus to a folder with its weights.

Two iterations as in the paper. In the first the units are clusters of MFCC, in the second clusters
of a layer of the network that came out of the first; the second network begins anew. As a control,
the phonemes themselves can stand in place of units: `control`.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from talking_heads.errors import UserError
from talking_heads.files import atomic_write, shown
from talking_heads.models.checkpoint import make_folder, write_json
from talking_heads.speech.small_hubert import SmallHubert, SmallHubertConfig, unit_mel
from talking_heads.speech.small_hubert_encoder import SmallHubertEncoder
from talking_heads.training.pretraining import (
    CURVE_COLUMNS,
    MOST_UNITS,
    PretrainConfig,
    UnitPredictor,
    held_out_shares,
    pretrain,
)
from talking_heads.training.probing import SOUNDS, frame_sounds
from talking_heads.training.provenance import corpus_record, device_record, environment_record
from talking_heads.training.units import (
    Ints,
    cluster,
    layer_features,
    mfcc,
    unit_quality,
    without_speakers,
)

if TYPE_CHECKING:
    from talking_heads.corpus.clip import Clip
    from talking_heads.corpus.collection import Corpus

RESULTS = "results.json"
TEACHERS = ("mfcc", "layer", "phonemes")
"""Where units come from:

- ``mfcc``: k-means of MFCC that are normalised for each speaker.
- ``layer``: k-means of a layer of the network of the iteration before.
- ``phonemes``: what is said, as the corpus tells it; a control that no real pretraining has.
"""
_UNFINISHED = "unfinished"
_MOST_ITERATIONS = 5
_SHARES = ("blanked frames right", "heard frames right")


@dataclass(frozen=True)
class Iteration:
    """One training of a network.

    Parameters
    ----------
    teacher : str
        One of `TEACHERS`.
    layer : int
        Of teacher ``layer``: which one, from 1.
    units : int
        Number of clusters; the phonemes have their own.
    go_on : bool
        Begin with the weights of the iteration before, not with random ones.
    training : PretrainConfig
        How to train.
    """

    teacher: str = "mfcc"
    layer: int = 2
    units: int = 100
    go_on: bool = False
    training: PretrainConfig = field(default_factory=PretrainConfig)

    def __post_init__(self) -> None:
        if self.teacher not in TEACHERS:
            raise UserError(
                f"There is no teacher {self.teacher!r:.40}. Choose from: {', '.join(TEACHERS)}."
            )
        if type(self.units) is not int or not 2 <= self.units <= MOST_UNITS:
            raise UserError(f"units is from 2 to {MOST_UNITS:,}, not {self.units!r:.40}.")
        if type(self.layer) is not int or self.layer < 1:
            raise UserError(f"layer is a whole number from 1, not {self.layer!r:.40}.")


@dataclass(frozen=True)
class Recipe:
    """What to train, and how often.

    Parameters
    ----------
    iterations : tuple of Iteration
        In order; the last one's network is kept.
    network : SmallHubertConfig
        Its sizes.
    sample : int
        So many frames, drawn at random, make the clusters.
    seed : int
        Of first weights and clusters; `PretrainConfig` has the seed of what training draws.
    """

    iterations: tuple[Iteration, ...] = (
        Iteration("mfcc"),
        Iteration("layer", training=PretrainConfig(steps=5000)),
    )
    network: SmallHubertConfig = field(default_factory=SmallHubertConfig)
    sample: int = 100_000
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= len(self.iterations) <= _MOST_ITERATIONS:
            raise UserError(f"There are 1 to {_MOST_ITERATIONS} iterations.")
        first = self.iterations[0]
        if first.teacher == "layer" or first.go_on:
            raise UserError("The first iteration has no network before it: begin with mfcc.")
        if any(i.teacher == "layer" and i.layer > self.network.layers for i in self.iterations):
            raise UserError(f"The network has layers 1 to {self.network.layers}.")
        if type(self.sample) is not int or not 2 <= self.sample <= 10_000_000:
            raise UserError(f"sample is from 2 to 10,000,000, not {self.sample!r:.40}.")
        if type(self.seed) is not int or not 0 <= self.seed < 2**32:
            raise UserError(f"A seed is from 0 to {2**32 - 1}, not {self.seed!r:.40}.")

    def changed(self, *, steps: Sequence[int] = (), seed: int | None = None) -> Recipe:
        """Return a recipe with other steps, one number for each iteration, or another seed.

        Raises
        ------
        UserError
            If there are not as many numbers as iterations, or one is out of range.
        """
        if steps and len(steps) != len(self.iterations):
            raise UserError(
                f"This recipe has {len(self.iterations)} iteration(s): give so many numbers of "
                "steps."
            )
        numbers = steps or [i.training.steps for i in self.iterations]
        iterations = tuple(
            dataclasses.replace(
                iteration,
                training=dataclasses.replace(
                    iteration.training,
                    steps=number,
                    seed=iteration.training.seed if seed is None else seed,
                ),
            )
            for iteration, number in zip(self.iterations, numbers, strict=True)
        )
        return dataclasses.replace(
            self, iterations=iterations, seed=self.seed if seed is None else seed
        )


def control() -> Recipe:
    """Return the recipe of the control: the same network learns phonemes, in 5,000 steps.

    Fewer frames are blanked, about a sixth: here what is heard is the lesson.
    """
    training = PretrainConfig(steps=5000, mask_start=0.02)
    return Recipe(iterations=(Iteration("phonemes", training=training),))


@dataclass(frozen=True)
class _Heard:
    """What the iterations learn from: the clips of training, then those held out."""

    mels: list[NDArray[np.float16]]
    speakers: list[str]
    sounds: list[Ints] | None
    learned: int
    split: str | None


def pretrain_small_hubert(
    corpus: str | os.PathLike[str] | Corpus,
    out: str | os.PathLike[str],
    *,
    settings: Recipe | None = None,
    without: Sequence[str] = (),
    resume: bool = True,
    progress: bool = True,
) -> Path:
    """Pretrain a small HuBERT and write its folder.

    An interrupted run, started again with the same arguments, goes on where it was last saved, and
    comes to the same weights as one that was never interrupted.

    Parameters
    ----------
    corpus : str, path or Corpus
        With a split ``train``. Motion is not used; phonemes only to tell how pure units are, and by
        the control.
    out : path
        The folder to write. While the run lasts, its state lies there too.
    settings : Recipe, optional
        By default that of the network that comes with the course.
    without : sequence of str
        Speakers that the network shall never hear; see `talking_heads.corpus.Corpus.without`.
    resume : bool
        Go on with an unfinished run found in `out`; otherwise begin anew.
    progress : bool
        Show bars.

    Returns
    -------
    Path
        `out`, with ``config.json``, ``model.safetensors``, ``units.safetensors`` (see
        `talking_heads.training.pretraining.UnitPredictor.from_pretrained`) and ``results.json``.

    Raises
    ------
    UserError
        If corpus, recipe or the speakers left out are not usable, or `out` cannot be written or
        holds an unfinished run with other settings.
    """
    recipe, out = settings or Recipe(), Path(out)
    if isinstance(corpus, str | os.PathLike):
        from talking_heads.corpus import load_corpus

        corpus = load_corpus(os.fspath(corpus))
    corpus = corpus.without(without)
    corpus.split("train")  # missing: nothing is made yet
    began = time.process_time()
    make_folder(out)
    work = out / _UNFINISHED
    if not resume:
        shutil.rmtree(work, ignore_errors=True)
    record = corpus_record(corpus)
    told = [dataclasses.asdict(recipe), record, sorted(without)]
    fingerprint = json.dumps(told, sort_keys=True)
    heard = _listen(corpus, progress)
    make_folder(work)
    seconds = {"listening": round(time.process_time() - began, 1)}

    predictor: UnitPredictor | None = None
    stages: list[dict[str, Any]] = []
    for number, iteration in enumerate(recipe.iterations, start=1):
        units, spent = _units(heard, iteration, recipe, predictor, work, number, fingerprint)
        predictor, stage = _train(
            heard, units, iteration, recipe, predictor, work, number, progress
        )
        stages.append(stage)
        seconds[f"units {number}"] = spent
        seconds[f"training {number}"] = stage["curve"][-1][CURVE_COLUMNS.index("CPU seconds")]
    assert predictor is not None
    predictor.save_pretrained(out)
    frames = [len(mel) // 2 for mel in heard.mels[: heard.learned]]
    write_json(
        out / RESULTS,
        {
            "encoder": "small_hubert",
            "parameters": sum(p.numel() for p in predictor.encoder.parameters()),
            "look_ahead_ms": SmallHubertEncoder(predictor.encoder).look_ahead_ms,
            "recipe": dataclasses.asdict(recipe),
            "seed": recipe.seed,
            "without": list(without),
            "speakers": sorted(set(heard.speakers[: heard.learned])),
            # The whole corpus, but clips and seconds of what was trained on.
            "corpus": {**record, "clips": len(frames), "seconds": round(sum(frames) / 50, 1)},
            **device_record(),
            **environment_record(),
            "cpu_seconds": {**seconds, "all": round(sum(seconds.values()), 1)},
            "curve_columns": list(CURVE_COLUMNS),
            "iterations": stages,
        },
    )
    shutil.rmtree(work, ignore_errors=True)
    return out


def _listen(corpus: Corpus, progress: bool) -> _Heard:
    """Return the log-mel features of the clips to learn from, and of those held out."""
    from tqdm import tqdm

    clips = list(corpus.split("train"))
    first = learned = len(clips)
    split = next((name for name in ("val", "test_seen") if corpus.splits.get(name)), None)
    if split is not None:
        clips += corpus.split(split)
    mels, kept = [], []
    for index, clip in enumerate(tqdm(clips, "Listening", unit="clip", disable=not progress)):
        mel = unit_mel(torch.from_numpy(np.ascontiguousarray(clip.audio, dtype=np.float32)))
        if len(mel):
            mels.append(mel.half().numpy())
            kept.append(clip)
        else:
            learned -= index < first
    if not learned:
        raise UserError(f"The corpus {corpus.name} has no sound to learn from.")
    told = all(clip.phonemes for clip in kept)
    sounds = [_sounds(clip, mel) for clip, mel in zip(kept, mels, strict=True)] if told else None
    return _Heard(mels, [clip.speaker for clip in kept], sounds, learned, split)


def _sounds(clip: Clip, mel: NDArray[Any]) -> Ints:
    return frame_sounds(clip.phonemes, len(mel) // 2, 50)


def _units(
    heard: _Heard,
    iteration: Iteration,
    recipe: Recipe,
    before: UnitPredictor | None,
    work: Path,
    number: int,
    fingerprint: str,
) -> tuple[list[Ints], float]:
    """Return the units of each clip, from disk where they are, and the CPU seconds they took."""
    path = work / f"units_{number}.safetensors"
    lengths = [len(mel) // 2 for mel in heard.mels]
    if path.exists():
        return _kept_units(path, lengths, fingerprint)
    began = time.process_time()
    if iteration.teacher == "phonemes":
        if heard.sounds is None:
            raise UserError("The corpus tells no phonemes, and this recipe teaches them.")
        units = heard.sounds
    else:
        features: Sequence[NDArray[Any]]
        if iteration.teacher == "mfcc":
            cepstra = [mfcc(mel) for mel in heard.mels]
            features = without_speakers(cepstra, heard.speakers, heard.learned)
        else:
            assert before is not None
            features = layer_features(before.encoder, heard.mels, iteration.layer)
        units = cluster(features, heard.learned, iteration.units, recipe.sample, recipe.seed)
    spent = round(time.process_time() - began, 1)
    metadata = {"fingerprint": fingerprint, "seconds": repr(spent)}
    with atomic_write(path) as file:
        file.write(save({"units": np.concatenate(units).astype(np.int16)}, metadata))
    return units, spent


def _kept_units(path: Path, lengths: list[int], fingerprint: str) -> tuple[list[Ints], float]:
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            units = file.get_tensor("units").astype(np.int64)
        spent = float(metadata["seconds"])
    except (SafetensorError, OSError, KeyError, ValueError):
        raise UserError(f"{shown(path)} is damaged. Delete {shown(path.parent)}.") from None
    if metadata.get("fingerprint") != fingerprint or units.shape != (sum(lengths),):
        raise UserError(
            f"{shown(path.parent.parent)} holds an unfinished run with other settings or another "
            f"corpus.\nChoose another folder, or delete {path.parent.name} there to begin anew."
        )
    return np.split(units, np.cumsum(lengths)[:-1]), spent


def _train(
    heard: _Heard,
    units: list[Ints],
    iteration: Iteration,
    recipe: Recipe,
    before: UnitPredictor | None,
    work: Path,
    number: int,
    progress: bool,
) -> tuple[UnitPredictor, dict[str, Any]]:
    """Return the network of one iteration, and what there is to tell of it."""
    from tqdm import tqdm

    count = len(SOUNDS) if iteration.teacher == "phonemes" else iteration.units
    torch.manual_seed(recipe.seed)
    network = SmallHubert(recipe.network)
    if iteration.go_on and before is not None:
        network.load_state_dict(before.encoder.state_dict())
    settings, learned = iteration.training, heard.learned
    with tqdm(
        total=settings.steps,
        desc=f"Iteration {number} of {len(recipe.iterations)}",
        unit="step",
        disable=not progress,
    ) as bar:

        def on_step(step: int, loss: float, right: float) -> None:
            bar.update(step + 1 - bar.n)
            if step % 10 == 0:
                bar.set_postfix(loss=f"{loss:.3f}", right=f"{right:.2f}")

        predictor, curve = pretrain(
            network,
            heard.mels[:learned],
            units[:learned],
            count,
            settings,
            state=work / f"iteration_{number}.safetensors",
            on_step=on_step,
        )
    stage: dict[str, Any] = {"teacher": iteration.teacher, "units": count, "curve": curve}
    if heard.sounds is not None and iteration.teacher != "phonemes":
        said = np.concatenate(heard.sounds[:learned])
        stage["unit_quality"] = unit_quality(np.concatenate(units[:learned]), said)
    if heard.split is not None and len(heard.mels) > learned:
        shares = held_out_shares(predictor, heard.mels[learned:], units[learned:], settings)
        told = {k: round(x, 4) for k, x in zip(_SHARES, shares, strict=True) if math.isfinite(x)}
        stage["held_out"] = {"split": heard.split, "clips": len(heard.mels) - learned, **told}
    return predictor, stage
