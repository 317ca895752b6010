"""VOCASET and BIWI with one damaged file: a corpus or a `UserError`, never anything else."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from talking_heads.corpus.collection import Corpus
from talking_heads.corpus.real import biwi, vocaset
from talking_heads.corpus.real.problems import Scan
from talking_heads.corpus.real.python2_pickle import python2_pickle


def _neighbour(name: str) -> ModuleType:
    """Import a file beside this one; the tests are no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


vertex_fuzz = _neighbour("vertex_fuzz")

Reader = tuple[dict[str, bytes], Callable[[Path], Scan], Callable[[Path], Corpus]]


def reader(name: str, tmp_path: Path) -> Reader:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    rng = np.random.default_rng(0)
    if name == "vocaset":
        one = "FaceTalk_170728_03272_TA"
        names = (f"{one}_sentence01", f"{one}_sentence02")
        files = vertex_fuzz.small_files(vocaset.VERTICES, scratch, names, 22_050)
        ids = rng.permutation(vocaset.VERTICES)
        masks = {"lips": ids[:250], "forehead": ids[250:400], "eye_region": ids[380:900]}
        files["FLAME_masks.pkl"] = python2_pickle(masks)
        return files, vocaset.scan_vocaset, vocaset.load_vocaset
    files = vertex_fuzz.small_files(biwi.VERTICES, scratch, ("F2_e01", "F2_e37"), 44_100)
    ids = rng.permutation(biwi.VERTICES)
    for region, part in (("lve", ids[:100]), ("fdd", ids[100:300])):
        files[f"regions/{region}.txt"] = ", ".join(map(str, np.sort(part).tolist())).encode()
    return files, biwi.scan_biwi, biwi.load_biwi


@pytest.mark.parametrize("name", ["vocaset", "biwi"])
def test_some_damaged_sets(name: str, tmp_path: Path) -> None:
    files, scan, load = reader(name, tmp_path)
    told = vertex_fuzz.fuzz(tmp_path / "set", files, scan, load, 60)
    assert told.total() == 60 and len(told) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vocaset", "biwi"])
def test_ten_thousand_damaged_sets(name: str, tmp_path: Path) -> None:
    files, scan, load = reader(name, tmp_path)
    told = vertex_fuzz.fuzz(tmp_path / "set", files, scan, load, 10_000, seed=1)
    assert told.total() == 10_000 and min(told.values()) > 100
    counts = ", ".join(f"{count:,} {what}" for what, count in told.most_common())
    print(f"\n{name}: 10,000 sets with one damaged file: {counts}")
