from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from talking_heads import corpus as corpora
from talking_heads.cli import main
from talking_heads.corpus.collection import Corpus
from talking_heads.errors import UserError
from talking_heads.models.graph_config import TABLE_4, GraphVQVAEConfig
from talking_heads.models.loading import network_class
from talking_heads.training import TrainConfig, prior_runs
from talking_heads.training.prior_runs import (
    GROUPS,
    RUNS,
    SPLITS,
    PriorRun,
    prior_table,
    run_priors,
    write_priors,
)

TINY: Mapping[str, Any] = {"width": 8, "layers": 1, "heads": 2, "feed_forward": 8, "codes": 4}
TINY_GRAPH = {**TINY, "levels": 2, "spiral_channels": (2, 2), "decoder_hidden": 4}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that take no time."""
    monkeypatch.setattr(
        prior_runs,
        "RUNS",
        (
            PriorRun("small", "rate", changes=TINY),
            PriorRun("loose", "rate", changes={**TINY, "bottleneck": "none"}, steps=3),
            PriorRun("mesh", "encoder", "graph_vqvae", TINY_GRAPH, seeds=(0, 1)),
        ),
    )
    monkeypatch.setattr(prior_runs, "COMPONENTS", (1, 2))
    monkeypatch.setattr(prior_runs, "BITS", (1,))


def test_each_run_has_a_name_of_its_own_and_a_configuration() -> None:
    assert len({run.name for run in RUNS}) == len(RUNS)
    for run in RUNS:
        assert run.group in GROUPS
        known = {f for f in network_class(run.model).config_type.__dataclass_fields__}
        assert set(run.changes) <= known
        short = run.name.removesuffix("-long")
        what, _, number = short.rpartition("-")
        if what in ("codes", "components", "channels"):
            assert run.changes[what] == int(number)
        if run.group == "rate" and run.name != "course":
            assert run.changes["codes"] == 256 or what == "codes"
            half = TrainConfig.preset("course", run.model).steps // 2
            assert run.steps == (half if short == run.name else None)
    assert [run.changes for run in RUNS if run.group == "table4"] == list(TABLE_4[:-1])


def test_what_is_compared_with_three_seeds_has_equal_weights(corpus: Corpus) -> None:
    from talking_heads.training.data import TrainingData
    from talking_heads.training.loop import build_contract

    data = TrainingData(corpus, "train", 2, 0, view="vertices@low", sound=False)
    contract = build_contract(corpus, data, "test")
    counts = []
    for run in RUNS:
        if run.group == "encoder":
            assert run.seeds == (0, 1, 2)
            kind = network_class(run.model)
            config = kind.config_type(**run.changes)
            prior = kind.untrained(config, contract, head=corpus.head("ada", "low"))
            counts.append(sum(p.numel() for p in prior.parameters()))
    assert len(counts) == 3
    assert max(counts) - min(counts) < 0.01 * counts[0]


def test_rows_and_the_file(few: None, corpus: Corpus, tmp_path: Path) -> None:
    told: list[str] = []
    record = run_priors(corpus, tmp_path / "work", steps=2, progress=told.append)
    rows = {row["name"]: row for row in record["rows"]}
    assert list(rows) == ["pca-1", "pca-2", "pca-1bits", "small", "loose", "mesh"]
    assert told == ["principal components", "small, seed 0", "loose, seed 0", "mesh, seed 0",
                    "mesh, seed 1"]  # fmt: skip
    assert (rows["small"]["bits"], rows["small"]["numbers"]) == (16, 16)  # 8 codes of 4
    assert (rows["pca-2"]["bits"], rows["pca-1bits"]["bits"]) == (None, 1)
    # The one bit goes to one of the two directions.
    assert (rows["pca-2"]["numbers"], rows["pca-1bits"]["numbers"]) == (2, 1)
    assert rows["loose"]["bits"] is None and rows["loose"]["codes"] is None
    assert [run["seed"] for run in rows["mesh"]["runs"]] == [0, 1]
    hashes = {run["weights_sha256"] for run in rows["mesh"]["runs"]}
    assert len(hashes) == 2
    for row in rows.values():
        for run in row["runs"]:
            assert set(run["splits"]) == set(SPLITS)
            assert run["splits"]["test_seen"]["lips"]["value"] > 0
            for split, found in run["splits"].items():
                assert found["frames"] == sum(map(len, corpus.split(split)))
    one = rows["small"]["runs"][0]
    assert [line[0] for line in one["losses"]] == [0, 1]
    # The first linear map: 8 numbers of 3 x 1,142, and their biases.
    assert one["spatial_parameters"] == 8 * (3 * 1142 + 1)
    mesh = rows["mesh"]["runs"][0]
    assert mesh["spatial_parameters"] == GraphVQVAEConfig(**TINY_GRAPH).spiral_weights(1142)
    # Steps that are asked for come before a run's own.
    assert {run["steps"] for row in record["rows"][3:] for run in row["runs"]} == {2}

    path = tmp_path / "priors.json"
    write_priors(path, record)
    assert json.loads(path.read_text()) == json.loads(json.dumps(record))
    lines = prior_table(record).splitlines()
    assert len(lines) == 1 + len(rows)
    assert f"{one['splits']['test_seen']['lips']['value']:.3f}" in lines[4]


def test_what_is_trained_is_not_trained_again(
    few: None, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run_priors(corpus, tmp_path, names=["small"], steps=2)

    def never(*args: Any, **options: Any) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(prior_runs, "train", never)
    again = run_priors(corpus, tmp_path, names=["small"], steps=2)
    assert again["rows"] == first["rows"]
    with pytest.raises(UserError, match="other settings"):
        run_priors(corpus, tmp_path, names=["small"], steps=3)
    small = prior_runs.RUNS[0]
    wider = dataclasses.replace(small, changes={**TINY, "codes": 8})
    monkeypatch.setattr(prior_runs, "RUNS", (wider,))
    with pytest.raises(UserError, match="other settings"):
        run_priors(corpus, tmp_path, names=["small"], steps=2)
    (tmp_path / "small-0").rename(tmp_path / "small-1")
    monkeypatch.setattr(prior_runs, "RUNS", (dataclasses.replace(small, seeds=(1,)),))
    with pytest.raises(UserError, match="other settings"):
        run_priors(corpus, tmp_path, names=["small"], steps=2)


def test_components_belong_to_the_rates(
    few: None, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prior_runs, "RUNS", prior_runs.RUNS[1:2])
    record = run_priors(corpus, tmp_path, names=["rate"])
    assert [row["name"] for row in record["rows"]] == ["pca-1", "pca-2", "pca-1bits", "loose"]
    assert record["rows"][-1]["runs"][0]["steps"] == 3


def test_the_table_is_of_means_over_seeds() -> None:
    def figures(value: float) -> dict[str, Any]:
        number = {"value": value}
        return {"lips": number, "face": number, "codes": {"perplexity": 10 * value}}

    runs = [{"splits": dict.fromkeys(SPLITS, figures(value))} for value in (1.0, 2.0)]
    row = {"name": "x", "numbers": 8, "bits": 80.0, "runs": runs}
    (line,) = prior_table({"rows": [row]}).splitlines()[1:]
    assert line.split() == ["x", "8", "80", "1.500", "1.500", "15;", "1.500", "1.500", "15"]


def test_names_that_do_not_exist(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no run 'corse'.*course"):
        run_priors(corpus, tmp_path, names=["corse"])
    lacking = Corpus(
        name="short",
        clips=corpus.clips,
        splits={"train": corpus.splits["train"]},
        speakers=corpus.speakers,
        face_ids=corpus.face_ids,
        fps=corpus.fps,
    )
    with pytest.raises(UserError, match="test_seen"):
        run_priors(lacking, tmp_path, names=["course"])
    assert not list(tmp_path.iterdir())


def test_the_command(
    few: None,
    corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(corpora, "load_corpus", lambda name: corpus)
    out = tmp_path / "priors.json"
    code = main(
        ["priors", "--data", "course", "--work", str(tmp_path / "work"), "--runs", "loose",
         "--steps", "2", "--clips", "1", "--out", str(out)]
    )  # fmt: skip
    assert code == 0
    found = capsys.readouterr()
    assert "loose, seed 0 ..." in found.err and "loose" in found.out
    (row,) = json.loads(out.read_text())["rows"]
    assert row["runs"][0]["splits"]["test_unseen"]["clips"] == 1
    assert main(["priors", "--data", "course", "--work", str(tmp_path / "x"), "--runs", "no"]) == 2
