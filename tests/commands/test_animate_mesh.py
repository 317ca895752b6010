"""A model of vertices speaks on the mesh of the data set that it was trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talking_heads.cli import main
from talking_heads.corpus import load_corpus
from talking_heads.paths import data_dir
from talking_heads.training import train

SAMPLE = str(data_dir() / "samples" / "sample.ogg")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, mini_vocaset: Path) -> str:
    out = tmp_path_factory.mktemp("model") / "voca"
    train("conv_regressor", data=mini_vocaset, out=out, steps=1, progress=False, evaluate=False)
    return str(out)


def test_arrays_and_a_page(model: str, mini_vocaset: Path, tmp_path: Path) -> None:
    words = ["animate", SAMPLE, "--model", model, "--data", str(mini_vocaset), "--quiet"]
    assert main([*words, "--out", str(tmp_path / "a.npz"), "--alive"]) == 0
    corpus = load_corpus(mini_vocaset)
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["vertices"].shape == (160, 5023, 3)  # 5.33 s at 30 frames a second
        assert float(arrays["fps"]) == 30
        rest = corpus.head(corpus.speakers[0]).vertices
        assert np.abs(arrays["vertices"] - rest).max() < 0.05
    assert main([*words, "--out", str(tmp_path / "a.html"), "--speaker", corpus.speakers[1]]) == 0
    assert f"{corpus.speakers[1]}@vocaset" in (tmp_path / "a.html").read_text("utf-8")


def test_without_its_mesh_or_with_another_it_says_so(
    model: str, mini_biwi: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["animate", SAMPLE, "--model", model, "--out", str(tmp_path / "a.html"), "--quiet"]
    assert main(words) == 2
    assert "--data FOLDER" in capsys.readouterr().err
    assert main([*words, "--data", str(mini_biwi)]) == 2
    assert "biwi" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
