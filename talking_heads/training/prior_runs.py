"""Train motion priors side by side and compare them, as ``talking-heads priors`` does.

Three groups: how much motion a number of codes keeps, against principal components and a plain
autoencoder (``rate``); whether an encoder that knows the mesh is better than one that does not
(``encoder``, GLDiTalker's Table 3 at its first stage, and a control with random neighbours); and
how its spirals are best made (``table4``).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from talking_heads.corpus.collection import Corpus
from talking_heads.errors import UserError
from talking_heads.files import write_text
from talking_heads.models.checkpoint import CONTRACT, read_json
from talking_heads.models.graph_config import TABLE_4
from talking_heads.models.loading import load_prior, network_class
from talking_heads.models.prior_config import PriorConfig
from talking_heads.training.config import TrainConfig
from talking_heads.training.loop import RESULTS, train
from talking_heads.training.principal_components import PrincipalComponents
from talking_heads.training.provenance import corpus_record, environment_record
from talking_heads.training.rate_distortion import Recording, measure_prior, recordings

FORMAT = "talking-heads-priors"
VERSION = 1
GROUPS = ("rate", "encoder", "table4")
SPLITS = ("test_seen", "test_unseen")
VIEW = "vertices@low"
COMPONENTS = (4, 8, 16, 32, 64)
"""Of principal components, as they are."""
BITS = (32, 64, 80, 128)
"""Of a frame, shared among the most of them as it serves best."""
_SPATIAL = ("motion_in.", "spiral.", "fusion.")
"""What turns a frame's vertices into a vector, in either kind of prior."""
_CURVE_EVERY = 50
"""Steps between the losses that are kept."""


@dataclass(frozen=True)
class PriorRun:
    """One prior to train.

    Parameters
    ----------
    name : str
        Of the folder and of the row.
    group : str
        One of `GROUPS`.
    model : str
        One of `talking_heads.models.loading.PRIORS`.
    changes : mapping
        What differs from the configuration of the ``course`` preset.
    seeds : tuple of int
        One training each.
    steps : int, optional
        In place of the preset's.
    """

    name: str
    group: str
    model: str = "motion_vqvae"
    changes: Mapping[str, Any] = field(default_factory=dict)
    seeds: tuple[int, ...] = (0,)
    steps: int | None = None


def _table_4() -> tuple[PriorRun, ...]:
    """Return all but the last row of GLDiTalker's Table 4, which is the run ``spiral``."""
    return tuple(
        PriorRun(
            "-".join(f"{key}{value}" for key, value in row.items()), "table4", "graph_vqvae", row
        )
        for row in TABLE_4[:-1]
    )


def _rate(name: str, **changes: Any) -> PriorRun:
    """Return a run of the group ``rate``, half as long as the shipped prior's, of 256 codes."""
    return PriorRun(name, "rate", changes={"codes": 256, **changes}, steps=1500)


RUNS: tuple[PriorRun, ...] = (
    PriorRun("course", "rate"),
    PriorRun("codes-256-long", "rate", changes={"codes": 256}),
    _rate("codes-256"),
    *(_rate(f"autoencoder-{n}", bottleneck="none", components=1, channels=n)
      for n in (4, 8, 16, 32)),
    _rate("vae-16", bottleneck="vae"),
    *(_rate(f"codes-{n}", codes=n) for n in (16, 64, 1024)),
    *(_rate(f"components-{n}", components=n) for n in (2, 4, 16)),
    PriorRun("components-16-long", "rate", changes={"codes": 256, "components": 16}),
    *(_rate(f"channels-{n}", channels=n) for n in (1, 8)),
    _rate("published-codebook", channels=64, start="uniform", restart=0),
    _rate("causal", causal=True, band=25),
    PriorRun("spiral", "encoder", "graph_vqvae", seeds=(0, 1, 2)),
    PriorRun("random", "encoder", "graph_vqvae", {"spatial": "random"}, seeds=(0, 1, 2)),
    PriorRun("mlp", "encoder", "graph_vqvae", {"spatial": "mlp"}, seeds=(0, 1, 2)),
    *_table_4(),
)  # fmt: skip


def run_priors(
    corpus: Corpus,
    work: Path,
    *,
    names: Sequence[str] | None = None,
    steps: int | None = None,
    clips: int | None = None,
    precision: str = "auto",
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Train and measure priors; what `work` holds already is not trained again.

    Parameters
    ----------
    corpus : Corpus
        With the splits ``train``, ``test_seen`` and ``test_unseen``.
    work : Path
        Folder of the checkpoints, one for each run and seed.
    names : sequence of str, optional
        Runs or `GROUPS`; by default all.
    steps : int, optional
        In place of those of each run.
    clips : int, optional
        Most clips of a split that are measured.
    precision : str
        As for `talking_heads.training.train`.
    progress : callable
        Is told what is done next.

    Returns
    -------
    dict
        ``format``, ``version``, ``corpus``, ``environment`` and ``rows``. A row has ``name``,
        ``group``, ``model``, ``kind`` (``"vq"``, ``"vae"``, ``"none"`` or ``"pca"``), ``numbers``
        in the latent of a frame, ``bits`` of a frame or None, and ``runs``: for each seed the
        splits as `measure_prior` returns them and, of what was trained, ``parameters``,
        ``spatial_parameters`` (of what turns a frame's vertices into a
        vector), ``steps``, ``seconds``, ``device``, ``date``, ``losses``, and the
        hash of its weights.

    Raises
    ------
    UserError
        If a name is unknown, the corpus lacks a split, or a folder holds another run.
    """
    chosen = _chosen(names)
    for split in ("train", *SPLITS):
        corpus.split(split)
    known = {split: list(recordings(corpus, split, view=VIEW, clips=clips)) for split in SPLITS}
    rows = []
    if names is None or "rate" in names:
        progress("principal components")
        rows += _component_rows(corpus, known)
    for run in chosen:
        rows.append(_row(run, corpus, work, known, steps, precision, progress))
    return {
        "format": FORMAT,
        "version": VERSION,
        "corpus": corpus_record(corpus),
        "environment": environment_record(),
        "view": VIEW,
        "rows": rows,
    }


def _chosen(names: Sequence[str] | None) -> list[PriorRun]:
    known = {*GROUPS, *(run.name for run in RUNS)}
    for name in names or ():
        if name not in known:
            raise UserError(f"There is no run {name!r:.60}. There are: {', '.join(sorted(known))}.")
    return [run for run in RUNS if names is None or run.name in names or run.group in names]


def _component_rows(corpus: Corpus, known: Mapping[str, list[Recording]]) -> list[dict[str, Any]]:
    most = PrincipalComponents.fit(corpus, max(COMPONENTS), view=VIEW)
    kinds = {f"pca-{count}": most.first(count) for count in COMPONENTS}
    kinds |= {f"pca-{bits}bits": most.rounded(most.share_bits(bits)) for bits in BITS}
    return [
        {
            "name": name,
            "group": "rate",
            "model": "principal_components",
            "kind": "pca",
            # Directions that got no bit are not there.
            "numbers": sum(len(level) > 1 for level in kept.levels)
            if kept.levels is not None
            else len(kept.directions),
            "bits": kept.bits,
            "runs": [{"splits": _measured(kept, corpus, known)}],
        }
        for name, kept in kinds.items()
    ]


def _measured(
    prior: Any, corpus: Corpus, known: Mapping[str, list[Recording]]
) -> dict[str, dict[str, Any]]:
    return {split: measure_prior(prior, corpus, split, given=known[split]) for split in SPLITS}


def _row(
    run: PriorRun,
    corpus: Corpus,
    work: Path,
    known: Mapping[str, list[Recording]],
    steps: int | None,
    precision: str,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    config = network_class(run.model).config_type.preset("course", corpus.fps)
    config = dataclasses.replace(config, **run.changes)
    assert isinstance(config, PriorConfig)
    settings = TrainConfig.preset("course", run.model)
    steps = steps or run.steps or settings.steps
    settings = dataclasses.replace(settings, steps=steps)
    found = []
    for seed in run.seeds:
        folder = work / f"{run.name}-{seed}"
        progress(f"{run.name}, seed {seed}")
        if not (folder / RESULTS).is_file():
            train(
                run.model, data=corpus, out=folder, seed=seed, config=config, settings=settings,
                evaluate=False, progress=False, precision=precision, view=VIEW,
            )  # fmt: skip
        prior = load_prior(folder)
        told = read_json(folder / RESULTS)
        # Through JSON and back, as the file has it: tuples are lists there.
        asked = json.loads(json.dumps([config.to_dict(), settings.to_dict(), seed]))
        if [told["config"], told["training"], told["seed"]] != asked:
            raise UserError(
                f"{folder} holds a run with other settings.\nDelete it, or choose another folder."
            )
        found.append(
            {
                "seed": seed,
                "splits": _measured(prior, corpus, known),
                "parameters": told["parameters"],
                "spatial_parameters": sum(
                    value.numel()
                    for name, value in prior.named_parameters()
                    if name.startswith(_SPATIAL)
                ),
                "steps": settings.steps,
                "seconds": told["seconds"],
                "device": told["device"],
                "date": told["date"],
                "weights_sha256": read_json(folder / CONTRACT)["weights_sha256"],
                "losses": [
                    [round(value, 4) for value in row]
                    for row in told["losses"]
                    if row[0] % _CURVE_EVERY == 0 or row[0] + 1 == settings.steps
                ],
            }
        )
    return {
        "name": run.name,
        "group": run.group,
        "model": run.model,
        "kind": config.bottleneck,
        "numbers": config.components * config.channels,
        "components": config.components,
        "channels": config.channels,
        "codes": config.codes if config.bottleneck == "vq" else None,
        "bits": prior.bits,
        "changes": {key: value for key, value in run.changes.items()},
        "runs": found,
    }


def write_priors(path: str | Path, record: Mapping[str, Any]) -> None:
    """Write a record of `run_priors` as JSON, a row a line, whole or not at all.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    head = {key: value for key, value in record.items() if key != "rows"}
    rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in record["rows"])
    text = json.dumps(head, indent=1)[:-2] + ',\n "rows": [\n' + rows + "\n]}\n"
    write_text(Path(path), text)


def prior_table(record: Mapping[str, Any]) -> str:
    """Return a record of `run_priors` as text, a line for each prior; means over its seeds."""
    lines = [f"{'':28}{'numbers':>8}{'bits':>6}   lips mm, whole face mm, codes used: seen; unseen"]
    for row in record["rows"]:
        parts = []
        for split in SPLITS:
            results = [run["splits"][split] for run in row["runs"]]
            mean = {
                name: sum(r[name]["value"] for r in results) / len(results)
                for name in ("lips", "face")
            }
            text = f"{mean['lips']:.3f} {mean['face']:.3f}"
            if "codes" in results[0]:
                use = sum(r["codes"]["perplexity"] for r in results) / len(results)
                text += f" {use:.0f}"
            parts.append(text)
        bits = "" if row["bits"] is None else f"{row['bits']:.0f}"
        lines.append(f"{row['name']:28}{row['numbers']:>8}{bits:>6}   {'; '.join(parts)}")
    return "\n".join(lines)
