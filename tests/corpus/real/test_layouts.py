from __future__ import annotations

import os
import pickle
import random
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from talking_heads.corpus import corpus_info, load_corpus, verify_corpus
from talking_heads.corpus.real.info import real_corpus_info
from talking_heads.corpus.real.layouts import find_layout
from talking_heads.corpus.real.problems import Problem, problem_lines
from talking_heads.errors import UserError

SETS = ("vocaset", "biwi", "beat")


@pytest.fixture(scope="module")
def sets(mini_vocaset: Path, mini_biwi: Path, mini_beat: Path) -> dict[str, Path]:
    return {"vocaset": mini_vocaset, "biwi": mini_biwi, "beat": mini_beat}


def _motion(root: Path, name: str, width: int) -> Path:
    (root / "vertices_npy").mkdir(parents=True, exist_ok=True)
    path = root / "vertices_npy" / f"{name}.npy"
    np.save(path, np.zeros((2, width), np.float32))
    return path


@pytest.mark.parametrize("name", SETS)
def test_each_miniature_is_recognised_and_opened(sets: dict[str, Path], name: str) -> None:
    root = sets[name]
    assert find_layout(root) == name
    corpus = load_corpus(root)
    assert (corpus.layout, corpus.root) == (name, root)
    assert {"train", "val"} <= corpus.splits.keys() and len(corpus[0].audio)
    text = corpus_info(root)
    fps, on_disk = {"vocaset": (30, 60), "biwi": (25, 25), "beat": (30, 60)}[name]
    assert f"{fps} frames/s" + (f" ({on_disk} on disk)" if on_disk != fps else "") in text
    assert {"vocaset": "5,023 vertices, unit m", "biwi": "23,370 vertices, no unit"}.get(
        name, "52 coefficients, no unit"
    ) in text
    assert f"{len(corpus)} clips" in text and "nothing found missing or damaged" in text
    assert "--thorough" in text and "all files were read" in corpus_info(root, thorough=True)
    with pytest.raises(UserError, match="no hashes"):
        verify_corpus(root)


def test_the_course_corpus(mini_path: Path) -> None:
    assert find_layout(mini_path) == "course"
    assert "all 8 clips are as they were built" in corpus_info(mini_path, thorough=True)
    with pytest.raises(UserError, match="corpus_info"):
        real_corpus_info(mini_path)


def test_names_do_not_decide_but_widths(tmp_path: Path) -> None:
    _motion(tmp_path / "a", "FaceTalk_170728_03272_TA_sentence01", 70_110)
    _motion(tmp_path / "b", "F2_e01", 15_069)
    assert find_layout(tmp_path / "a") == "biwi"
    assert find_layout(tmp_path / "b") == "vocaset"
    # Damaged or strange files before it do not hide the rest.
    (tmp_path / "b" / "vertices_npy" / "A.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00{")
    (tmp_path / "b" / "vertices_npy" / "B.npy").write_bytes(b"")
    (tmp_path / "b" / "vertices_npy" / "._C.npy").write_bytes(b"")
    (tmp_path / "b" / "vertices_npy" / "D.npy").mkdir()
    _motion(tmp_path / "b", "E", 99)
    assert find_layout(tmp_path / "b") == "vocaset"


@pytest.mark.parametrize(
    ("files", "layout"),
    [
        (["FLAME_masks.pkl"], "vocaset"),
        (["templates/FLAME_sample.ply"], "vocaset"),
        (["regions/lve.txt"], "biwi"),
        (["wav/FaceTalk_170728_03272_TA_sentence01.wav"], "vocaset"),
        (["wav/F2_e01.wav"], "biwi"),
        (["wav/M6_40.wav"], "biwi"),
        (["1/1_wayne_0_1_1.json"], "beat"),
        (["1_wayne_0_1_1.wav"], "beat"),
        (["data_verts.npy"], "vocaset_raw"),
        (["raw_audio_fixed.pkl", "templates.pkl"], "vocaset_raw"),
    ],
)
def test_what_is_left_of_a_set_is_recognised(tmp_path: Path, files: list[str], layout: str) -> None:
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    assert find_layout(tmp_path) == layout


@pytest.mark.parametrize(("vertices", "layout"), [(5023, "vocaset"), (23_370, "biwi")])
def test_templates_alone_tell(tmp_path: Path, vertices: int, layout: str) -> None:
    templates = {"F2": np.zeros((vertices, 3))}
    (tmp_path / "templates.pkl").write_bytes(pickle.dumps(templates, protocol=2))
    assert find_layout(tmp_path) == layout
    text = corpus_info(tmp_path)
    assert "0 clips" in text and "vertices_npy: the folder is missing" in text
    with pytest.raises(UserError, match="vertices_npy: the folder is missing"):
        load_corpus(tmp_path)


def test_what_does_not_work_is_told(sets: dict[str, Path], tmp_path: Path) -> None:
    for name, gone in (("vocaset", "FLAME_masks.pkl"), ("biwi", "regions")):
        root = tmp_path / name
        shutil.copytree(sets[name], root)
        target = root / gone
        shutil.rmtree(target) if target.is_dir() else target.unlink()
        text = corpus_info(root)
        assert gone in text and "LVE and FDD cannot be measured" in text
        assert len(load_corpus(root)) == len(load_corpus(sets[name]))


def test_damage_is_named_by_file(sets: dict[str, Path], tmp_path: Path) -> None:
    root = tmp_path / "set"
    shutil.copytree(sets["biwi"], root)
    clips = sorted((root / "vertices_npy").iterdir())
    clips[0].write_bytes(clips[0].read_bytes()[:-1])
    values = np.load(clips[1])
    values[-1, -1] = np.nan
    np.save(clips[1], values)
    (root / "wav" / f"{clips[2].stem}.wav").unlink()
    text = corpus_info(root)
    assert "2 files are missing, damaged or odd (only headers were read" in text
    assert f"vertices_npy/{clips[0].name}: it is shorter than its header says" in text
    assert f"vertices_npy/{clips[2].name}: there is no sound" in text
    assert clips[1].name not in text
    deep = corpus_info(root, thorough=True)
    assert f"vertices_npy/{clips[1].name}: it holds numbers that are not finite" in deep


def test_the_folder_above_is_understood_or_hinted_at(sets: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(sets["vocaset"], tmp_path / "data" / "vocaset")
    assert find_layout(tmp_path / "data") == "vocaset"
    assert len(load_corpus(tmp_path / "data")) == len(load_corpus(sets["vocaset"]))
    _motion(tmp_path / "data" / "BIWI", "F2_e01", 70_110)
    with pytest.raises(UserError, match="Name that folder"):
        load_corpus(tmp_path / "data")
    with pytest.raises(UserError, match=r"is not a corpus, but .*mini in it is"):
        corpus_info(sets["beat"].parent)


def test_two_folders_above(sets: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(sets["beat"], tmp_path / "data" / "downloads" / "beat")
    with pytest.raises(UserError, match=r"downloads/beat in it is"):
        load_corpus(tmp_path / "data")


@pytest.mark.parametrize(
    ("name", "part"), [("vocaset", "vertices_npy"), ("vocaset", "wav"), ("biwi", "regions")]
)
def test_a_part_of_a_set(
    sets: dict[str, Path], name: str, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r"a part of one\.\nName .*mini instead"):
        load_corpus(sets[name] / part)
    monkeypatch.chdir(sets[name] / part)
    with pytest.raises(UserError, match=r"a part of one"):
        corpus_info(".")


def test_headers_of_python_2_without_a_warning(tmp_path: Path) -> None:
    path = _motion(tmp_path, "x", 15_069)
    old = path.read_bytes().replace(b"(2, 15069), }  ", b"(2L, 15069L), }")
    path.write_bytes(old)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert b"2L" in old and find_layout(tmp_path) == "vocaset"


def test_sounds_whose_ending_is_in_capitals(sets: dict[str, Path], tmp_path: Path) -> None:
    for name in ("vocaset", "beat"):
        shutil.copytree(sets[name], tmp_path / name)
        for path in (tmp_path / name).rglob("*.wav"):
            path.rename(path.with_suffix(".WAV"))
        corpus = load_corpus(tmp_path / name)
        assert len(corpus) == len(load_corpus(sets[name])) and len(corpus[0].audio)


def test_one_is_no_plural(sets: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    for path in (sets["beat"] / "1").glob("1_wayne_0_1_1.*"):
        shutil.copy(path, tmp_path / "1")
    corpus = load_corpus(tmp_path)
    text = corpus_info(tmp_path)
    assert f"{len(corpus)} clip" + ("s" if len(corpus) > 1 else "") + ", " in text
    assert "1 speaker," in text and "1 clips" not in text and "1 speakers" not in text
    assert "1 recordings" not in text


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda root: (root / "vocaset.ZIP").touch(), r"vocaset\.ZIP is not unpacked"),
        (lambda root: None, "it is empty"),
        (lambda root: (root / "x.txt").touch(), r"there is x\.txt\)"),
        (lambda root: [(root / f"{i}.txt").touch() for i in range(9)], "and 6 more"),
        (lambda root: (root / f"a\n{'b' * 100}").touch(), r"a\?bbbb"),
        (lambda root: _motion(root, "x", 99), r"x\.npy has 99 numbers"),
        (lambda root: _motion(root, "luqi_1_01", 51), "FaceDiffuser"),
        (
            lambda root: [(root / name).mkdir() for name in ("faces", "rigid_scans")],
            "BIWI as it was recorded",
        ),
    ],
)
def test_what_is_no_corpus(tmp_path: Path, make: Callable[[Path], object], told: str) -> None:
    make(tmp_path)
    for ask in (find_layout, load_corpus, corpus_info):
        with pytest.raises(UserError, match=told) as error:
            ask(tmp_path)
        assert len(str(error.value).splitlines()) <= 3
    with pytest.raises(UserError, match="there is no such folder"):
        load_corpus(tmp_path / "nowhere")
    (tmp_path / "a.zip").touch()
    with pytest.raises(UserError, match="is not unpacked"):
        load_corpus(tmp_path / "a.zip")
    (tmp_path / "a.npy").touch()
    with pytest.raises(UserError, match="it is not a folder"):
        load_corpus(tmp_path / "a.npy")


def test_the_raw_download_is_told_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "data_verts.npy").write_bytes(b"x" * 5_000_000)
    text = corpus_info(tmp_path)
    assert "data_verts.npy       5.0 MB" in text and "raw_audio_fixed.pkl  missing" in text
    for ask in (lambda: text, lambda: load_corpus(tmp_path)):
        try:
            told = ask()
        except UserError as error:
            told = str(error)
        assert "talking-heads corpus convert" in str(told)
    with pytest.raises(UserError, match="Convert it once"):
        load_corpus(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "vertices_npy").mkdir()
    os.mkfifo(tmp_path / "vertices_npy" / "a.npy")
    _motion(tmp_path, "b", 15_069)
    assert find_layout(tmp_path) == "vocaset"
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "1_wayne_0_1_1.wav").touch()
    os.mkfifo(tmp_path / "1" / "1_wayne_0_1_1.json")
    assert "no motion of this name" in corpus_info(tmp_path / "1")


def test_a_folder_that_may_not_be_read(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (tmp_path / "a").mkdir(mode=0)
    with pytest.raises(UserError, match="Cannot read"):
        find_layout(tmp_path / "a")


def test_folders_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As anybody but root finds them."""
    (tmp_path / "a").mkdir()
    known = os.stat

    def locked(path: object, *args: object, **options: object) -> object:
        if "manifest.json" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return known(path, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", locked)
    for ask in (load_corpus, corpus_info):
        with pytest.raises(UserError, match=r"Cannot read .*manifest\.json: Permission denied"):
            ask(tmp_path / "a")


def test_damaged_headers_never_raise(tmp_path: Path) -> None:
    """500 changed NPY headers: a layout, or a message."""
    path = _motion(tmp_path, "x", 15_069)
    whole = path.read_bytes()[:160]
    rng = random.Random(0)
    found: dict[str, int] = {}
    for _ in range(500):
        text = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            text[rng.randrange(len(text))] = rng.randrange(256)
        path.write_bytes(text[: rng.choice([len(text), rng.randrange(len(text))])])
        try:
            layout = find_layout(tmp_path)
        except UserError:
            layout = "UserError"
        found[layout] = found.get(layout, 0) + 1
    assert set(found) <= {"vocaset", "UserError"} and len(found) == 2


def test_long_lists_of_problems_end_in_a_count() -> None:
    problems = [Problem(f"{i:03d}.wav", "it is empty") for i in range(30)]
    lines = problem_lines(problems, 5)
    assert lines[0] == "000.wav: it is empty" and lines[-1] == "and 25 more" and len(lines) == 6
    assert problem_lines(problems[:5], 5)[-1] == "004.wav: it is empty"
    assert str(Problem("a\nb\x1b[31m", "it is empty")) == "a?b?[31m: it is empty"


def test_many_problems_are_counted(sets: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(sets["beat"] / "1", tmp_path / "1")
    for number in range(200, 300):
        (tmp_path / "1" / f"1_wayne_0_{number}_{number}.wav").touch()
    text = real_corpus_info(tmp_path, most_lines=7)
    assert "100 files are missing" in text and text.endswith("and 93 more")
    assert len(text.splitlines()) < 20
