from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from talking_heads.corpus.miniature import BIWI_TRAPS
from talking_heads.corpus.miniature.biwi import _add_traps
from talking_heads.corpus.real.biwi import LIP_PAIRS, SEEN, UNSEEN, load_biwi, parse_name, scan_biwi
from talking_heads.corpus.real.headers import BadFile
from talking_heads.errors import UserError


@pytest.fixture
def copy(mini_biwi: Path, tmp_path: Path) -> Path:
    """A set to be changed; the large files are links."""
    for name in ("vertices_npy", "wav", "regions"):
        (tmp_path / name).mkdir()
        for path in (mini_biwi / name).iterdir():
            (tmp_path / name / path.name).symlink_to(path)
    for name in ("templates.pkl", "BIWI.ply"):
        (tmp_path / name).symlink_to(mini_biwi / name)
    return tmp_path


def test_the_published_splits() -> None:
    assert len(SEEN) == 6 and len(UNSEEN) == 8 and len({*SEEN, *UNSEEN}) == 14
    for name, wanted in {
        "F2_e01": ("F2", "train"),
        "M5_e32": ("M5", "train"),
        "F4_e33": ("F4", "val"),
        "M3_e36": ("M3", "val"),
        "F2_e37": ("F2", "test_a"),
        "M4_e40": ("M4", "test_a"),
        "F1_e37": ("F1", "test_b"),
        "M6_e40": ("M6", "test_b"),
        "F1_e36": ("F1", "other"),
        "F9_e37": ("F9", "other"),
        "F2_37": ("F2", "neutral"),
        "F2_01": ("F2", "neutral"),
        "F1_40": ("F1", "neutral"),
    }.items():
        assert parse_name(name) == wanted


@pytest.mark.parametrize(
    "name", ["F2", "F2_e1", "F2_e371", "F2_x37", "_e37", "F2_e00", "F2_00", "F2_ee37", "F2_e٣٤"]
)
def test_other_names(name: str) -> None:
    with pytest.raises(BadFile):
        parse_name(name)


def test_the_numbers_of_facediffuser_are_explained() -> None:
    with pytest.raises(BadFile, match="no sentence 77; call it F2_e37"):
        parse_name("F2_77")
    with pytest.raises(BadFile, match=r"no sentence 81$"):
        parse_name("F2_81")


def test_a_miniature_opens(mini_biwi: Path) -> None:
    scan = scan_biwi(mini_biwi, thorough=True)
    assert not scan.problems and scan.disk_fps == 25
    corpus = load_biwi(mini_biwi)
    assert (corpus.name, corpus.layout, corpus.unit, corpus.fps) == ("biwi", "biwi", None, 25)
    assert corpus.speakers == ("F2", "F3", "F1")
    assert dict(corpus.splits) == {
        "train": ("F2_e01", "F3_e01"),
        "val": ("F2_e33", "F3_e33"),
        "test_a": ("F2_e37", "F3_e37"),
        "test_b": ("F1_e37", "F1_e38"),
    }
    for clip in corpus:
        assert (clip.fps, clip.kind, len(clip), len(clip.audio)) == (25, "vertices", 25, 16_000)
        assert clip.face_id == f"{clip.speaker}@biwi"
    published = {"train": 192, "val": 24, "test_a": 24, "test_b": 32}
    for name, count in published.items():
        assert any(f"The split {name} has 2 of its {count} " in note for note in scan.notes)


def test_offsets_and_surface(mini_biwi: Path) -> None:
    corpus = load_biwi(mini_biwi)
    clip = corpus.clip("F3_e01")
    stored = np.load(mini_biwi / "vertices_npy" / "F3_e01.npy").astype(np.float64)
    with (mini_biwi / "templates.pkl").open("rb") as file:
        template = pickle.load(file, encoding="latin1")["F3"]
    assert template.dtype == np.float64 and template.shape == (23_370, 3)
    wanted = stored.reshape(-1, 23_370, 3) - template
    assert np.abs(clip.motion.values - wanted).max() < 1e-7
    assert np.array_equal(clip.piece(3, 9).values, clip.motion.values[3:9])
    surface = corpus.surface
    assert surface is not None and (surface.vertices, surface.unit) == (23_370, None)
    assert len(surface.triangles) > 40_000
    lips, upper = surface.regions["lips"], surface.regions["upper_face"]
    assert (len(lips), lips[0], lips[-1]) == (4996, 2, 23_339)
    assert (len(upper), upper[0], upper[-1]) == (7784, 7, 23_368)
    assert not np.intersect1d(lips, upper).size
    assert np.isin(LIP_PAIRS, lips).all()
    assert surface.lip_pairs is not None and np.array_equal(surface.lip_pairs, LIP_PAIRS)


def test_traps(copy: Path) -> None:
    _add_traps(copy)
    scan = scan_biwi(copy)
    problems = {problem.path: problem.what for problem in scan.problems}
    assert problems == {
        "vertices_npy/F2_77.npy": (
            "there is no sentence 77; call it F2_e37 if it comes from FaceDiffuser's numbering"
        ),
        "wav/F2_e03.wav": "there is no motion of this name",
        "vertices_npy/F2_e04.npy": "there is no sound of this name",
        "vertices_npy/F2_e05.npy": "it is shorter than its header says",
    }
    corpus = scan.corpus
    # Neutral and emotional: two clips with a name of their own, and in splits of their own.
    assert corpus.splits["neutral"] == ("F2_37",)
    assert "F2_37" not in corpus.splits["test_a"] and "F2_e37" in corpus.splits["test_a"]
    assert len(corpus.clip("F2_37")) == 5 and len(corpus.clip("F2_e37")) == 25
    assert corpus.splits["other"] == ("F1_e01",)
    assert len(corpus.clip("F2_e02").audio) == 5 * 640
    with pytest.raises(UserError, match=r"F2_e06.npy: it holds numbers that are not finite"):
        corpus.clip("F2_e06").motion  # noqa: B018
    found = {problem.path for problem in scan_biwi(copy, thorough=True).problems}
    assert found == {*problems, "vertices_npy/F2_e06.npy"}
    fine = {path for path, what in BIWI_TRAPS.items() if "fine" in what or "split" in what}
    assert set(BIWI_TRAPS) - fine == found


def test_regions_with_and_without_spaces(copy: Path, mini_biwi: Path) -> None:
    wanted = load_biwi(mini_biwi).surface
    text = (mini_biwi / "regions" / "lve.txt").read_text()
    assert text.count(", ") == 4995 and "\n" not in text
    path = copy / "regions" / "lve.txt"
    path.unlink()
    path.write_text(text.replace(", ", ",") + "\n")
    surface = load_biwi(copy).surface
    assert surface is not None and wanted is not None
    assert np.array_equal(surface.regions["lips"], wanted.regions["lips"])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no list"),
        ("1, 2,", "no list"),
        ("1 2", "no list"),
        ("1, two", "no list"),
        ("1, -2", "no list"),
        ("1, 23370", "names a vertex that the mesh of 23,370 lacks"),
        ("1, 99999999999999999999", "no list"),
        ("1, ٣", "no list"),
    ],
)
def test_damaged_regions_are_told(copy: Path, text: str, what: str) -> None:
    path = copy / "regions" / "fdd.txt"
    path.unlink()
    path.write_text(text)
    scan = scan_biwi(copy)
    assert what in {p.path: p.what for p in scan.problems}["regions/fdd.txt"]
    assert scan.corpus.surface is not None
    assert set(scan.corpus.surface.regions) == {"lips"}
    assert any("LVE and FDD cannot be measured" in note for note in scan.notes)


def test_regions_that_are_no_text_or_endless(copy: Path) -> None:
    path = copy / "regions" / "fdd.txt"
    for content in (b"\xff\xfe", b"1," * 1_000_000):
        path.unlink()
        path.write_bytes(content)
        assert [p.path for p in scan_biwi(copy).problems] == ["regions/fdd.txt"]


def test_another_data_set_is_told(mini_biwi: Path, mini_vocaset: Path) -> None:
    from talking_heads.corpus.real.vocaset import load_vocaset

    with pytest.raises(UserError, match="no clip of BIWI"):
        load_biwi(mini_vocaset)
    with pytest.raises(UserError, match="no clip of VOCASET"):
        load_vocaset(mini_biwi)


def test_the_folder_above_will_do(mini_biwi: Path, tmp_path: Path) -> None:
    (tmp_path / "BIWI").symlink_to(mini_biwi)
    assert len(load_biwi(tmp_path)) == 8


def test_another_preprocessing_is_noted(copy: Path) -> None:
    with (copy / "templates.pkl").open("rb") as file:
        templates = pickle.load(file, encoding="latin1")
    assert not any("area" in note for note in scan_biwi(copy).notes)
    (copy / "templates.pkl").unlink()
    (copy / "templates.pkl").write_bytes(
        pickle.dumps({name: 1.5 * values for name, values in templates.items()})
    )
    (note,) = (note for note in scan_biwi(copy).notes if "area" in note)
    assert "has an area of 2.25, not 1" in note


def test_a_mesh_of_another_name(copy: Path) -> None:
    shutil.copy(copy / "BIWI.ply", copy / "BIWI_topology.ply")
    (copy / "BIWI.ply").unlink()
    surface = load_biwi(copy).surface
    assert surface is not None and len(surface.triangles) > 40_000
