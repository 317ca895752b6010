from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from talking_heads import corpus as corpora
from talking_heads.cli import main
from talking_heads.corpus.collection import Corpus
from talking_heads.errors import UserError
from talking_heads.speech.small_hubert import SmallHubert, SmallHubertConfig
from talking_heads.speech.small_hubert_encoder import SmallHubertEncoder
from talking_heads.training import probe_runs
from talking_heads.training.probe_runs import (
    BASE,
    REFERENCE,
    base_hubert,
    probe_table,
    run_probes,
    sources,
    write_probes,
)
from talking_heads.training.probing import ProbeClip, probe_clips


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> SmallHubertConfig:
    """Sizes that take no time."""
    sizes = SmallHubertConfig(width=8, layers=2, heads=2, feed_forward=8)
    monkeypatch.setattr(probe_runs, "SmallHubertConfig", lambda: sizes)
    return sizes


@pytest.fixture
def folder(small: SmallHubertConfig, tmp_path: Path) -> Path:
    torch.manual_seed(5)
    SmallHubert(small).save_pretrained(tmp_path / "mine")
    return tmp_path / "mine"


@pytest.fixture
def one(corpus: Corpus) -> ProbeClip:
    return probe_clips(corpus, clips=1)[0]


def test_log_mel_with_as_much_sound_as_the_small_hubert() -> None:
    found = sources("log_mel")
    assert [source.record["context_ms"] for source in found] == [[0, 0], [220, 220], [980, 220]]
    assert found[1].name == REFERENCE
    network = SmallHubert(SmallHubertConfig())
    assert (network.frames_before * 20, network.frames_after * 20) == (980, 220)


def test_an_untrained_network_has_seeds(small: SmallHubertConfig, one: ProbeClip) -> None:
    state = torch.get_rng_state()
    (found,) = sources("untrained")
    assert torch.equal(torch.get_rng_state(), state)
    assert found.name == "untrained, layer 2"
    features = [hear(one) for hear in found.hears]
    assert len(features) == 3 and all(x.shape[1] == 16 for x in features)
    # Every seed gives something else, and gives it again.
    for i, x in enumerate(features):
        assert all(abs(x - y).max() > 1e-3 for y in features[:i])
    assert (sources("untrained")[0].hears[2](one) == features[-1]).all()
    assert found.record["seeds"] == [0, 1, 2] and found.record["layer"] == 2


def test_a_folder_gives_its_layers(folder: Path, one: ProbeClip) -> None:
    found = sources(str(folder))
    assert [source.name for source in found] == ["mine, layer 1", "mine, layer 2"]
    network = SmallHubert.from_pretrained(folder)
    encoder = SmallHubertEncoder(network, freeze="all").eval()
    with torch.no_grad():
        expected = encoder(torch.from_numpy(one.audio)[None])[0].numpy()
    assert found[1].hears[0](one) == pytest.approx(expected, abs=1e-5)
    assert found[1].record["encoder_id"] == encoder.encoder_id
    json.dumps(found[0].record)


def test_the_encoder_inside_a_model() -> None:
    (found,) = sources("diff_speaker")
    assert found.name == "encoder of diff_speaker"
    assert {"slt", "rms"} < set(found.record["trained_on"])
    # `encoder_id` of an encoder that was trained says nothing of its weights.
    assert len(found.record["weights_sha256"]) == 64
    with pytest.raises(UserError, match="conv_regressor"):
        sources("conv_regressor")
    # At more frames than the corpus has it would fit, and be wrong: its features are others' time.
    for fps in (24.0, 30.0):
        with pytest.raises(UserError, match="25 frames a second"):
            sources("diff_speaker", fps)


def test_unknown_names_end_at_once(corpus: Corpus) -> None:
    with pytest.raises(UserError, match="no audio encoder"):
        run_probes(["log_mel", "nonsense"], corpus)
    with pytest.raises(UserError, match="twice"):
        run_probes(["log_mel", "log_mel"], corpus)
    with pytest.raises(UserError, match="nothing to probe"):
        run_probes([], corpus)


def test_results_on_paper_and_on_disk(
    corpus: Corpus, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe_runs, "_log_mel", two)
    told: list[str] = []
    record = run_probes(["log_mel", str(folder)], corpus, base=False, progress=told.append)
    names = [result["name"] for result in record["results"]]
    assert names == ["log-mel, own 40 ms", REFERENCE, "mine, layer 1", "mine, layer 2"]
    assert told == ["reading the corpus", *names]
    assert list(record["cost_ms"]) == names
    own, reference = record["results"][0], record["results"][1]
    assert reference["minus"]["seen"]["phonemes"] == {"value": 0, "interval": [0, 0]}
    groups = own["groups"]["seen"]["phonemes"], reference["groups"]["seen"]["phonemes"]
    assert own["minus"]["seen"]["phonemes"]["value"] == pytest.approx(
        groups[0]["value"] - groups[1]["value"], abs=2e-4
    )
    # A tone or none, and a jaw that opens with it: the features tell all.
    assert own["groups"]["seen"]["phonemes"]["value"] > 0.9
    assert own["groups"]["seen"]["aperture_r"]["value"] > 0.9
    write_probes(tmp_path / "probes.json", record)
    again = json.loads((tmp_path / "probes.json").read_text("utf-8"))
    table = probe_table(again)
    assert table == probe_table(record)
    assert max(map(len, table.splitlines())) <= 100
    # Nobody of the corpus speaks with flite.
    assert table.splitlines()[2].endswith(" -")
    assert str(tmp_path) not in json.dumps(record)
    # How many voices stand behind a column is said.
    seen = {clip.speaker for clip in corpus.split("test_seen")}
    assert f"seen ({len(seen)})" in table and "too narrow" in table


def test_one_clip_of_each_part(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_runs, "_log_mel", two)
    record = run_probes(["log_mel"], corpus, clips=1, base=False)
    for result in record["results"]:
        for group, found in result["groups"].items():
            assert found["clips"] == 1
            assert found["phonemes"]["interval"] is None
            assert result["minus"][group]["phonemes"]["interval"] is None
    assert "[" not in probe_table(json.loads(json.dumps(record)))


def test_whom_a_small_hubert_heard_is_told(folder: Path, corpus: Corpus) -> None:
    assert "trained_on" not in sources(str(folder))[0].record
    path = folder / "results.json"
    for junk in ("{", "[]", "{}", '{"speakers": "slt"}', '{"speakers": [1]}'):
        path.write_text(junk)
        assert "trained_on" not in sources(str(folder))[0].record
    path.write_text('{"speakers": ["ada", "slt"]}')
    assert all(source.record["trained_on"] == ["ada", "slt"] for source in sources(str(folder)))
    clips = tuple(
        dataclasses.replace(c, speaker="slt") if c.speaker == "maya" else c for c in corpus
    )
    foreign = dataclasses.replace(corpus, clips=clips, speakers=("ada", "slt", "ben"))
    table = probe_table(run_probes([str(folder)], foreign, clips=2, base=False))
    assert "mine, layer 1 was trained with slt" in table


def two() -> list[Any]:
    from talking_heads.training.probe_features import log_mel_frames

    return [
        probe_runs.Source("log-mel, own 40 ms", (log_mel_frames(),), {}),
        probe_runs.Source(REFERENCE, (log_mel_frames(0.04, 0.04),), {}),
    ]


def test_who_knows_the_engine_is_named(corpus: Corpus) -> None:
    clips = tuple(
        dataclasses.replace(c, speaker="slt") if c.speaker == "maya" else c for c in corpus
    )
    foreign = dataclasses.replace(corpus, clips=clips, speakers=("ada", "slt", "ben"))
    record = run_probes(["diff_speaker"], foreign, base=False)
    assert record["results"][0]["encoder"]["heard_of_the_held_out_engine"] == ["slt"]
    assert "encoder of diff_speaker was trained with slt" in probe_table(record)
    assert record["reference"] is None and record["results"][0]["minus"] is None


@pytest.mark.slow
def test_what_the_base_size_costs_is_measured(one: ProbeClip) -> None:
    features = base_hubert()(one)
    assert features.shape == (len(one.sounds), 768)


def test_command(
    corpus: Corpus,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(corpora, "load_corpus", lambda _: corpus)
    out = tmp_path / "probes.json"
    words = ["probe", str(folder), "--data", "c", "--out", str(out), "--no-base"]
    assert main(words) == 0
    shown = capsys.readouterr()
    assert "mine, layer 2" in shown.out and "mine, layer 1 ..." in shown.err
    assert BASE not in shown.out
    assert json.loads(out.read_text("utf-8"))["format"] == "talking-heads-probes"
    assert main([*words, "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    # Where the file cannot be written nothing is computed.
    assert main([*words[:-3], "--out", str(tmp_path / "none" / "x.json")]) == 2
    assert main(["probe", "nonsense", "--data", "c"]) == 2
    assert "no audio encoder" in capsys.readouterr().err
