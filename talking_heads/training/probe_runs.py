"""Probe encoders by name, beside what they cost, as ``talking-heads probe`` does."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from talking_heads.corpus.collection import Corpus
from talking_heads.errors import UserError
from talking_heads.files import shown, write_text
from talking_heads.models.checkpoint import CONTRACT, read_json
from talking_heads.models.loading import load_model, shipped_models
from talking_heads.paths import encoder_dir
from talking_heads.speech.encoders import load_encoder
from talking_heads.speech.pretrained import PretrainedEncoder
from talking_heads.speech.pretrained_files import build_network
from talking_heads.speech.small_hubert import FRAME_MS, SmallHubert, SmallHubertConfig
from talking_heads.speech.small_hubert_encoder import SmallHubertEncoder
from talking_heads.speech.small_hubert_files import TYPE
from talking_heads.training.pretrain_recipe import RESULTS
from talking_heads.training.probe_features import (
    cpu_ms_per_second,
    encoder_frames,
    log_mel_frames,
)
from talking_heads.training.probing import (
    GROUPS,
    HELD_OUT,
    Hear,
    ProbeResult,
    probe,
    probe_clips,
)
from talking_heads.training.provenance import (
    corpus_record,
    device_record,
    environment_record,
    model_record,
)

FORMAT = "talking-heads-probes"
VERSION = 1
SOURCES = ("log_mel", "untrained", "small_hubert", "diff_speaker")
"""What is probed unless told otherwise; all of it comes with the course."""
SEEDS = (0, 1, 2)
"""Of the untrained small HuBERT."""
NEAR = 0.22
"""Seconds on each side that the second of the log-mel features hears."""
REFERENCE = f"log-mel, -{1000 * NEAR:.0f} to +{1000 * NEAR:.0f} ms"
"""What the others are compared with, where it is among them."""
BASE = "HuBERT base, random weights"
_COST_CLIPS = 5
_TITLES = {
    "phonemes": "Frames of speech whose phoneme is right, %",
    "aperture_r": "Lip aperture: correlation",
    "aperture_mm": "Lip aperture: mean error in mm",
}


@dataclass(frozen=True)
class Source:
    """Features to be probed.

    Parameters
    ----------
    name : str
        As it stands in tables.
    hears : tuple of callable
        From a clip to features; several seeds of one kind count as one.
    record : dict
        What tells the features from others, as JSON takes it.
    """

    name: str
    hears: tuple[Hear, ...]
    record: dict[str, Any]


def sources(name: str, fps: float = 25.0) -> list[Source]:
    """Return the features that a name stands for.

    Parameters
    ----------
    name : str
        ``log_mel``: the features of the frame alone, with 0.22 s on both sides, and with as much
        sound as the small HuBERT hears. ``untrained``: the last layer of a small HuBERT with
        random weights, from three seeds. ``small_hubert``, or a folder that holds one: each of its
        layers. A model of the course by name or folder: the encoder inside it. Else what
        `talking_heads.speech.encoders.load_encoder` takes.
    fps : float
        Motion frames a second.

    Returns
    -------
    list of Source

    Raises
    ------
    UserError
        If there is no such encoder, it cannot be had, or it is a model's of another frame rate.
    """
    if name == "log_mel":
        return _log_mel()
    if name == "untrained":
        return _untrained(fps)
    is_folder = os.path.isfile(Path(name) / CONTRACT)  # noqa: PTH113
    if name in shipped_models() or is_folder:
        model = load_model(name)
        encoder = getattr(model, "encoder", None)
        if not model.takes_encoder or encoder is None:
            raise UserError(f"The model {shown(name)} has no audio encoder of its own to probe.")
        if encoder.fps != fps:
            raise UserError(
                f"The encoder of {shown(name)} is made for {encoder.fps:g} frames a second, the "
                f"corpus has {fps:g}."
            )
        taught = {
            "trained_on": list(model.contract.speakers),
            "weights_sha256": model_record(name, model).get("weights_sha256"),
        }
        return [_encoder_source(f"encoder of {_short(name)}", encoder, taught)]
    encoder = load_encoder(name, fps=fps, freeze="all")
    if isinstance(encoder, SmallHubertEncoder):
        return _layers(_short(name), [encoder.network], fps, _pretrained_on(name))
    return [_encoder_source(_short(name), encoder)]


def _pretrained_on(name: str) -> dict[str, Any]:
    """Return whom a small HuBERT heard, if the record of its pretraining lies beside it."""
    folder = encoder_dir(TYPE) if name == TYPE else Path(name)
    try:
        heard = read_json(folder / RESULTS).get("speakers")
    except UserError:
        return {}
    named = isinstance(heard, list) and all(isinstance(who, str) for who in heard)
    return {"trained_on": heard} if named else {}


def _short(name: str) -> str:
    return shown(Path(name).name or name)[:40]


def _log_mel() -> list[Source]:
    sizes = SmallHubert(SmallHubertConfig())
    # Counted in units, of which a frame holds two: the first hears less far ahead.
    wide = (sizes.frames_before * FRAME_MS / 1000, sizes.frames_after * FRAME_MS / 1000)
    found = []
    for title, (before, after) in (
        ("log-mel, own 40 ms", (0.0, 0.0)),
        (REFERENCE, (NEAR, NEAR)),
        (f"log-mel, -{1000 * wide[0]:.0f} to +{1000 * wide[1]:.0f} ms", wide),
    ):
        record = {"context_ms": [round(1000 * before), round(1000 * after)], "parameters": 0}
        found.append(Source(title, (log_mel_frames(before, after),), record))
    return found


def _untrained(fps: float) -> list[Source]:
    networks = []
    for seed in SEEDS:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            networks.append(SmallHubert(SmallHubertConfig()).eval())
    return _layers("untrained", networks, fps, {"seeds": list(SEEDS)})[-1:]


def _layers(
    name: str,
    networks: Sequence[SmallHubert],
    fps: float,
    more: Mapping[str, Any] | None = None,
) -> list[Source]:
    found = []
    for layer in range(1, len(networks[0].layers) + 1):
        encoders = [
            SmallHubertEncoder(copy.deepcopy(network), fps=fps, freeze="all", layer=layer).eval()
            for network in networks
        ]
        title = f"{name}, layer {layer}"
        one = _encoder_source(title, encoders[0], {"layer": layer, **(more or {})})
        found.append(Source(title, tuple(map(encoder_frames, encoders)), one.record))
    return found


def _encoder_source(title: str, encoder: Any, more: Mapping[str, Any] | None = None) -> Source:
    record = {
        "encoder_id": encoder.encoder_id,
        "settings": encoder.settings,
        "parameters": sum(p.numel() for p in encoder.parameters()),
        **(more or {}),
    }
    return Source(title, (encoder_frames(encoder),), record)


def base_hubert(fps: float = 25.0) -> Hear:
    """Return a HuBERT of the base size with random weights: good for its cost alone."""
    network = build_network({"model_type": "hubert"})
    return encoder_frames(PretrainedEncoder(network, fps=fps, freeze="all").eval())


def run_probes(
    names: Sequence[str],
    corpus: Corpus,
    *,
    held_out: str = HELD_OUT,
    clips: int | None = None,
    base: bool = True,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Probe encoders on a corpus, and measure what they cost.

    Parameters
    ----------
    names : sequence of str
        See `sources`. All are loaded before the first is probed.
    corpus : Corpus
        Of the course: with phonemes.
    held_out : str
        The engine that the probes do not learn from.
    clips : int, optional
        Most clips of each part.
    base : bool
        Whether to measure what a HuBERT of the base size costs too; its weights are random.
    progress : callable, optional
        Is given the name of what comes next.

    Returns
    -------
    dict
        Plain values that JSON can hold: ``results`` (see `ProbeResult.to_dict`, with ``cost_ms``,
        and ``minus`` where the reference is among them), ``cost_ms`` of all that was timed, and
        what it was measured with.

    Raises
    ------
    UserError
        If a name is unknown or given twice, or the corpus cannot be probed.
    """
    tell = progress or (lambda _: None)
    found = [source for name in names for source in sources(name, corpus.fps)]
    twice = [s.name for i, s in enumerate(found) if s.name in {t.name for t in found[:i]}]
    if not found or twice:
        raise UserError(f"There is nothing to probe, or {', '.join(twice)} stands there twice.")
    tell("reading the corpus")
    some = probe_clips(corpus, held_out=held_out, clips=clips)
    timed = [clip for clip in some if clip.part == "val"]
    timed = timed[:: -(-len(timed) // _COST_CLIPS)]
    results: list[ProbeResult] = []
    costs: dict[str, float] = {}
    for source in found:
        tell(source.name)
        costs[source.name] = round(cpu_ms_per_second(source.hears[0], timed), 3)
        results.append(probe(source.name, some, *source.hears))
    if base:
        tell(BASE)
        costs[BASE] = round(cpu_ms_per_second(base_hubert(corpus.fps), timed[:2], 2), 3)
    foreign = {clip.speaker for clip in some if clip.part == GROUPS[2]}
    for source in found:
        # Whoever was trained on voices of the engine knows it: the figures must say so.
        known = sorted(foreign & set(source.record.get("trained_on", ())))
        if known:
            source.record["heard_of_the_held_out_engine"] = known
    reference = next((result for result in results if result.name == REFERENCE), None)
    return {
        "format": FORMAT,
        "version": VERSION,
        "corpus": corpus_record(corpus),
        "held_out": held_out,
        "frames": {
            part: sum(len(clip.sounds) for clip in some if clip.part == part)
            for part in ("train", "val", *GROUPS)
        },
        "reference": None if reference is None else reference.name,
        "results": [
            {
                **result.to_dict(),
                "encoder": source.record,
                "cost_ms": costs[source.name],
                "minus": None if reference is None else _differences(result, reference),
            }
            for source, result in zip(found, results, strict=True)
        ],
        "cost_ms": costs,
        "environment": environment_record(),
        **device_record(),
    }


def _differences(result: ProbeResult, reference: ProbeResult) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for group in result.rows:
        found[group] = {}
        for figure in _TITLES:
            value, interval = result.minus(reference, group, figure)
            found[group][figure] = {
                "value": round(value, 4),
                "interval": None if interval is None else [round(side, 4) for side in interval],
            }
    return found


def write_probes(path: str | Path, record: Mapping[str, Any]) -> None:
    """Write what `run_probes` gave as JSON, whole or not at all; `UserError` if it cannot be."""
    write_text(path, json.dumps(record, ensure_ascii=False, indent=1) + "\n")


def probe_table(record: Mapping[str, Any]) -> str:
    """Return what `run_probes` gave as text, at most 100 columns wide.

    Parameters
    ----------
    record : mapping
        Fresh, or from the file that `write_probes` wrote.

    Returns
    -------
    str
        For each figure a line for each encoder: the value for each of `GROUPS` with its 95 %
        interval over speakers and clips, and how many voices a group has; below it the costs.
    """
    results = record["results"]
    voices = {
        group: len(found["phonemes"]["by_speaker"])
        for result in results
        for group, found in result["groups"].items()
    }
    heads = [f"{g} ({voices[g]})" if g in voices else g for g in GROUPS]
    start = max([len(result["name"]) for result in results] + [len(BASE)]) + 1
    lines: list[str] = []
    for figure, title in _TITLES.items():
        lines += [title, f"{'':{start}}{'width':>5}" + "".join(f"{h:>21}" for h in heads)]
        for result in results:
            cells = "".join(f"{_cell(result, group, figure):>21}" for group in GROUPS)
            lines.append(f"{result['name']:{start}}{result['width']:5d}{cells}")
        lines.append("")
    lines += [
        "(n): voices. 95 % intervals over these and their clips; of so few they are too narrow.",
        "",
    ]
    for result in results:
        known = result["encoder"].get("heard_of_the_held_out_engine")
        if known:
            lines += [
                f"{result['name']} was trained with {', '.join(known)}: it knows that engine."
            ]
    lines += [""] * (lines[-1] != "")
    lines.append("Milliseconds of one processor core for a second of sound")
    lines += [f"{name:{start}}{ms:8.1f}" for name, ms in record["cost_ms"].items()]
    return "\n".join(lines)


def _cell(result: Mapping[str, Any], group: str, figure: str) -> str:
    found = result["groups"].get(group)
    if found is None:
        return "-"
    factor, digits = {"phonemes": (100, 1), "aperture_r": (1, 3), "aperture_mm": (1, 2)}[figure]
    text = f"{factor * found[figure]['value']:.{digits}f}"
    if found[figure]["interval"] is None:
        return text
    low, high = (f"{factor * side:.{digits}f}" for side in found[figure]["interval"])
    return f"{text} [{low}, {high}]"
