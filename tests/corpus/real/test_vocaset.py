from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from talking_heads.corpus.miniature import VOCASET_TRAPS, write_miniature_vocaset
from talking_heads.corpus.miniature.vocaset import DOUBLED
from talking_heads.corpus.real.headers import BadFile, read_npy_header
from talking_heads.corpus.real.problems import Scan
from talking_heads.corpus.real.vertex_set import read_offsets
from talking_heads.corpus.real.vocaset import (
    LIP_PAIRS,
    TEST,
    TRAIN,
    VAL,
    load_vocaset,
    parse_name,
    scan_vocaset,
)
from talking_heads.errors import UserError

ONE = "FaceTalk_170728_03272_TA"


@pytest.fixture(scope="module")
def trapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_miniature_vocaset(tmp_path_factory.mktemp("traps") / "mini", traps=True)


@pytest.fixture
def copy(mini_vocaset: Path, tmp_path: Path) -> Path:
    """A set to be changed: two clips of it, as links where the files are large."""
    for name in ("vertices_npy", "wav"):
        (tmp_path / name).mkdir()
        for path in (mini_vocaset / name).glob("*_sentence01.*"):
            (tmp_path / name / path.name).symlink_to(path)
    for name in ("templates.pkl", "FLAME_masks.pkl"):
        shutil.copy(mini_vocaset / name, tmp_path)
    return tmp_path


def told(scan: Scan) -> dict[str, str]:
    assert list(scan.problems) == sorted(scan.problems)
    return {problem.path: problem.what for problem in scan.problems}


def test_the_published_splits() -> None:
    """Written out once more, by hand, from the published lists."""
    assert len(TRAIN) == 8 and len(VAL) == len(TEST) == 2
    assert len({*TRAIN, *VAL, *TEST}) == 12
    assert TRAIN[0] == ONE and TRAIN[3] == "FaceTalk_170915_00223_TA"
    assert TRAIN[7] == "FaceTalk_170912_03278_TA"
    for speaker, sentence, split in [
        (TRAIN[0], 1, "train"),
        (TRAIN[7], 40, "train"),
        (VAL[0], 20, "other"),
        (VAL[0], 21, "val"),
        (VAL[1], 40, "val"),
        (TEST[0], 1, "other"),
        (TEST[1], 21, "test"),
        ("FaceTalk_x_TA", 1, "other"),
    ]:
        assert parse_name(f"{speaker}_sentence{sentence:02d}") == (speaker, split)


@pytest.mark.parametrize("name", ["sentence01", "FaceTalk_x_TA_hello", "a_1", "", "_01", "a_٣٤"])
def test_other_names(name: str) -> None:
    with pytest.raises(BadFile):
        parse_name(name)


def test_a_miniature_opens(mini_vocaset: Path) -> None:
    scan = scan_vocaset(mini_vocaset, thorough=True)
    assert not scan.problems and scan.disk_fps == 60
    corpus = load_vocaset(mini_vocaset)
    assert (corpus.name, corpus.layout, corpus.unit, corpus.fps) == ("vocaset", "vocaset", "m", 30)
    assert corpus.root == mini_vocaset
    assert {name: len(ids) for name, ids in corpus.splits.items()} == {
        "train": 4,
        "val": 2,
        "test": 2,
    }
    assert corpus.speakers == (TRAIN[0], TRAIN[1], VAL[0], TEST[0])
    assert corpus.face_ids[ONE] == f"{ONE}@vocaset"
    assert corpus.kind == "vertices"
    for clip in corpus:
        assert (clip.fps, clip.kind, len(clip)) == (30, "vertices", 30)
        assert len(clip.audio) == 16_000


def test_offsets_are_those_of_every_second_frame(mini_vocaset: Path) -> None:
    corpus = load_vocaset(mini_vocaset)
    clip = corpus.clip(f"{ONE}_sentence02")
    stored = np.load(mini_vocaset / "vertices_npy" / f"{clip.id}.npy").astype(np.float64)
    with (mini_vocaset / "templates.pkl").open("rb") as file:
        template = pickle.load(file, encoding="latin1")[ONE]
    wanted = stored[::2].reshape(-1, 5023, 3) - template
    assert np.abs(clip.motion.values - wanted).max() < 2e-8
    assert np.array_equal(clip.vertices(None), clip.motion.values)
    for start, stop in ((0, 1), (7, 19), (29, 30), (4, 4)):
        assert np.array_equal(clip.piece(start, stop).values, clip.motion.values[start:stop])
    # Millimetres, not metres: the mouth moves by some.
    assert 0.004 < np.abs(clip.motion.values).max() < 0.05
    assert clip.motion.face_id == f"{ONE}@vocaset"


def test_blocks_do_not_show(mini_vocaset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from talking_heads.corpus.real import vertex_set

    clip = load_vocaset(mini_vocaset)[0]
    whole = clip.motion.values
    monkeypatch.setattr(vertex_set, "_BLOCK_BYTES", 1)
    assert np.array_equal(clip.motion.values, whole)


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_all_kinds_of_floats(copy: Path, dtype: str, order: str) -> None:
    path = copy / "vertices_npy" / f"{ONE}_sentence01.npy"
    values = np.load(path).astype(dtype)
    path.unlink()
    np.save(path, np.asarray(values, order=order))  # type: ignore[call-overload]
    corpus = load_vocaset(copy)
    clip = corpus.clip(f"{ONE}_sentence01")
    assert corpus.surface is not None
    rest = corpus.surface.templates[ONE]
    wanted = values[::2].reshape(-1, 5023, 3).astype(np.float64) - rest
    assert np.abs(clip.motion.values - wanted).max() < 1e-9


def test_the_surface(mini_vocaset: Path) -> None:
    corpus = load_vocaset(mini_vocaset)
    surface = corpus.surface
    assert surface is not None and (surface.vertices, surface.unit) == (5023, "m")
    assert surface.triangles.shape[1] == 3 and len(surface.triangles) > 9000
    with (mini_vocaset / "FLAME_masks.pkl").open("rb") as file:
        masks = pickle.load(file, encoding="latin1")
    assert len(masks["lips"]) == 254
    assert len(surface.regions["lips"]) == 250
    assert set(surface.regions["lips"]) == set(masks["lips"])
    upper = np.union1d(masks["forehead"], masks["eye_region"])
    assert len(upper) == 827 and np.array_equal(surface.regions["upper_face"], upper)
    assert not np.intersect1d(surface.regions["lips"], upper).size
    assert set(masks) <= surface.regions.keys()
    assert surface.lip_pairs is not None and np.array_equal(surface.lip_pairs, LIP_PAIRS)
    assert corpus.head(ONE).id == f"{ONE}@vocaset"
    # The published lip pairs stand on the lips, and the upper above the lower.
    assert np.isin(LIP_PAIRS, surface.regions["lips"]).all()
    rest = surface.templates[ONE]
    mouth = max(load_vocaset(mini_vocaset)[0].motion.values, key=lambda f: np.abs(f).max()) + rest
    assert (mouth[LIP_PAIRS[0], 1] > mouth[LIP_PAIRS[1], 1]).all()


def test_the_folder_above_will_do(mini_vocaset: Path, tmp_path: Path) -> None:
    (tmp_path / "vocaset").symlink_to(mini_vocaset)
    assert len(load_vocaset(tmp_path)) == 8
    assert len(load_vocaset(str(tmp_path))) == 8


def test_traps(trapped: Path) -> None:
    scan = scan_vocaset(trapped)
    moves, sounds = f"vertices_npy/{ONE}_sentence", f"wav/{ONE}_sentence"
    assert told(scan) == {
        f"{sounds}05.wav": "the sound ends 0.5 s before the motion; silence fills the rest",
        f"{sounds}06.wav": "the sound ends 2.0 s before the motion, so the clip is left out",
        f"{sounds}07.wav": "there is no motion of this name",
        f"{moves}08.npy": "there is no sound of this name",
        f"{moves}09.npy": "it is shorter than its header says",
        f"{moves}10.npy": "its shape is (60, 15066), and VOCASET has (frames, 15069)",
        f"{sounds}11.wav": "it is no WAV file",
        "vertices_npy/FaceTalk_999999_00000_TA_sentence01.npy": (
            "FaceTalk_999999_00000_TA has no template"
        ),
        f"vertices_npy/{ONE}_hello.npy": "its name is not SUBJECT_sentenceNN",
    }
    fine = {path for path, what in VOCASET_TRAPS.items() if "fine" in what or "passed" in what}
    assert set(VOCASET_TRAPS) - fine == told(scan).keys()
    corpus = scan.corpus
    assert corpus.splits["other"] == (f"{VAL[0]}_sentence05",)
    assert "1 clip is in no published split; look in the split other." in scan.notes
    # 59 frames at 60 a second are 30 at 30 a second, as [::2] has it.
    odd = corpus.clip(f"{ONE}_sentence03")
    assert len(odd) == len(odd.motion.values) == 30
    # Sound that goes on is cut; sound that is missing is silence.
    long, short = corpus.clip(f"{ONE}_sentence04"), corpus.clip(f"{ONE}_sentence05")
    assert np.array_equal(long.audio, long.sound(0, 30)) and len(long.audio) == 16_000
    assert len(short.audio) == 16_000 and not short.audio[8100:].any() and short.audio[:7900].any()
    assert len(load_vocaset(trapped)) == len(scan.clips) == 12


def test_notes_tell_how_much_of_the_set_is_there(mini_vocaset: Path) -> None:
    notes = scan_vocaset(mini_vocaset).notes
    first = "The split train has 4 of its 320 published clips; the first that is missing is "
    assert notes[0] == f"{first}{ONE}_sentence03."
    assert "2 of its 40" in notes[1] and "2 of its 40" in notes[2]


def test_without_masks_and_mesh(copy: Path) -> None:
    (copy / "FLAME_masks.pkl").unlink()
    scan = scan_vocaset(copy)
    assert not scan.problems
    assert scan.corpus.surface is not None
    assert not scan.corpus.surface.regions and not len(scan.corpus.surface.triangles)
    assert any("FLAME_masks.pkl is missing" in note for note in scan.notes)
    assert any("faces cannot be drawn" in note for note in scan.notes)


def test_masks_beside_the_mesh_and_a_mesh_of_another_name(copy: Path, mini_vocaset: Path) -> None:
    (copy / "templates").mkdir()
    (copy / "FLAME_masks.pkl").rename(copy / "templates" / "FLAME_masks.pkl")
    shutil.copy(mini_vocaset / "templates" / "FLAME_sample.ply", copy / "flame.ply")
    (copy / "broken.ply").write_bytes(b"ply")
    scan = scan_vocaset(copy)
    surface = scan.corpus.surface
    assert surface is not None and len(surface.triangles) > 9000 and "lips" in surface.regions
    assert told(scan).keys() == {"broken.ply"}


def test_damaged_masks_are_told(copy: Path) -> None:
    for content, what in {
        pickle.dumps([1]): "it holds no dict of masks",
        pickle.dumps({1: np.arange(3)}): "the name of a mask is no text",
        pickle.dumps({"lips": np.array([5023])}): "names a vertex that the mesh of 5,023 lacks",
        pickle.dumps({"lips": np.array([-1])}): "names a vertex",
        pickle.dumps({"lips": np.array([0.5])}): "no list of vertex numbers",
        pickle.dumps({"lips": np.array([[1]])}): "no list of vertex numbers",
        pickle.dumps({"lips": "abc"}): "no list of vertex numbers",
        b"abc": "is damaged",
    }.items():
        (copy / "FLAME_masks.pkl").write_bytes(content)
        scan = scan_vocaset(copy)
        assert what in told(scan)["FLAME_masks.pkl"]
        assert len(scan.clips) == 2


class Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.path}",)


def test_hostile_pickles_run_nothing(copy: Path) -> None:
    mark = copy / "ran"
    (copy / "FLAME_masks.pkl").write_bytes(pickle.dumps({"lips": Touch(mark)}))
    scan = scan_vocaset(copy)
    assert "asks for posix.system" in told(scan)["FLAME_masks.pkl"]
    (copy / "templates.pkl").write_bytes(pickle.dumps({ONE: Touch(mark)}))
    scan = scan_vocaset(copy)
    assert "asks for posix.system" in told(scan)["templates.pkl"]
    assert not scan.clips and scan.corpus.surface is None
    with pytest.raises(UserError, match=r"no clip of VOCASET.*\ntemplates.pkl: asks for posix"):
        load_vocaset(copy)
    assert not mark.exists()


def test_bad_templates(copy: Path, mini_vocaset: Path) -> None:
    with (mini_vocaset / "templates.pkl").open("rb") as file:
        templates = pickle.load(file, encoding="latin1")
    first, second = TRAIN[:2]
    for content, what in {
        pickle.dumps([1]): "no dict of templates",
        pickle.dumps({}): None,
        pickle.dumps({first: 5, second: templates[second]}): "an entry is no template",
        pickle.dumps({first: templates[first][:-1], second: templates[second]}): "has shape",
        pickle.dumps({first: templates[first] * np.nan, second: templates[second]}): "not finite",
        pickle.dumps({first: templates[first] * 1e300, second: templates[second]}): "not finite",
        pickle.dumps({first: templates[first].astype("U5"), second: templates[second]}): "shape",
    }.items():
        (copy / "templates.pkl").write_bytes(content)
        scan = scan_vocaset(copy)
        if what is not None:
            assert what in told(scan)["templates.pkl"]
        assert len(scan.clips) == (1 if len(content) > 1000 else 0)
        if not scan.clips:
            with pytest.raises(UserError, match="holds no clip of VOCASET"):
                load_vocaset(copy)
    flat = {name: values.reshape(-1).astype(np.float32) for name, values in templates.items()}
    (copy / "templates.pkl").write_bytes(pickle.dumps(flat))
    assert len(load_vocaset(copy)) == 2


def test_no_templates_no_sounds_no_set(
    copy: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shutil.move(copy / "wav", copy / "sounds")
    scan = scan_vocaset(copy)
    assert "the folder is missing" in told(scan)["wav"] and not scan.clips
    (copy / "templates.pkl").unlink()
    assert "it is missing" in told(scan_vocaset(copy))["templates.pkl"]
    empty = tmp_path_factory.mktemp("empty")
    for folder, what in ((empty, "holds no folder vertices_npy"), (empty / "no", "is no folder")):
        with pytest.raises(UserError, match=what):
            scan_vocaset(folder)
        with pytest.raises(UserError, match=what):
            load_vocaset(folder)


def test_numbers_that_are_not_finite_are_told_when_read(copy: Path) -> None:
    path = copy / "vertices_npy" / f"{ONE}_sentence01.npy"
    values = np.load(path)
    values[20, 100] = np.inf
    path.unlink()
    np.save(path, values)
    clip = load_vocaset(copy).clip(f"{ONE}_sentence01")
    with pytest.raises(UserError, match=f"{path.name}: it holds numbers that are not finite"):
        clip.motion  # noqa: B018
    clip.piece(0, 10)
    assert told(scan_vocaset(copy, thorough=True)) == {
        f"vertices_npy/{path.name}": "it holds numbers that are not finite"
    }


def test_a_file_that_changes_after_opening(copy: Path) -> None:
    path = copy / "vertices_npy" / f"{ONE}_sentence01.npy"
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)
    clip = load_vocaset(copy).clip(f"{ONE}_sentence01")
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match="shorter"):
        clip.motion  # noqa: B018
    path.unlink()
    with pytest.raises(UserError, match="cannot be read"):
        clip.piece(0, 1)


def test_offsets_keep_their_digits(tmp_path: Path) -> None:
    """The offset of a position half a metre away is as exact as the position."""
    template = np.full((1, 3), 0.5, np.float32)
    moved = np.float32(0.5) + np.float32(6e-8)
    path = tmp_path / "digits.npy"
    np.save(path, np.full((1, 3), moved, np.float32))
    values = read_offsets(path, read_npy_header(path), template, 1, 0, 1)
    assert values[0, 0, 0] == np.float32(float(moved) - 0.5) != 0


def test_a_folder_that_may_not_be_read(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Path, *args: object) -> bool:
        raise PermissionError(13, "Permission denied")

    for name in ("is_dir", "iterdir", "is_file"):
        with monkeypatch.context() as patched, pytest.raises(UserError, match="denied"):
            patched.setattr(Path, name, refused)
            scan_vocaset(copy)


def test_another_unit_is_noted(copy: Path) -> None:
    with (copy / "templates.pkl").open("rb") as file:
        templates = pickle.load(file, encoding="latin1")
    assert not any("no metres" in note for note in scan_vocaset(copy).notes)
    (copy / "templates.pkl").write_bytes(
        pickle.dumps({name: 1000 * values for name, values in templates.items()})
    )
    assert any("no metres" in note for note in scan_vocaset(copy).notes)


def test_doubled_lips_are_lips(mini_vocaset: Path) -> None:
    surface = load_vocaset(mini_vocaset).surface
    assert surface is not None and np.isin(DOUBLED, surface.regions["lips"]).all()
