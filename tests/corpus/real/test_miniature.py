from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from talking_heads.corpus import load_corpus
from talking_heads.corpus.miniature import (
    write_miniature_biwi,
    write_miniature_vocaset,
    write_miniature_vocaset_raw,
)
from talking_heads.corpus.miniature.biwi import biwi_cast, normalized
from talking_heads.corpus.miniature.vocaset import vocaset_cast
from talking_heads.corpus.real.vocaset import LIP_PAIRS, load_vocaset
from talking_heads.errors import UserError
from talking_heads.face import get_face


def hashes(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_the_layouts_are_the_published_ones(mini_vocaset: Path, mini_biwi: Path) -> None:
    one = "FaceTalk_170728_03272_TA_sentence01"
    names = hashes(mini_vocaset).keys()
    assert {"README.txt", "templates.pkl", "FLAME_masks.pkl", "templates/FLAME_sample.ply"} <= names
    assert {f"vertices_npy/{one}.npy", f"wav/{one}.wav"} <= names and len(names) == 4 + 2 * 8
    names = hashes(mini_biwi).keys()
    assert {"README.txt", "templates.pkl", "BIWI.ply", "regions/lve.txt", "regions/fdd.txt"} <= (
        names
    )
    assert {"vertices_npy/F2_e37.npy", "wav/F2_e37.wav"} <= names and len(names) == 5 + 2 * 8
    for root, width, frames in ((mini_vocaset, 15_069, 60), (mini_biwi, 70_110, 25)):
        for path in (root / "vertices_npy").iterdir():
            assert np.load(path, mmap_mode="r").shape == (frames, width)


def test_they_say_what_they_are(mini_vocaset: Path, mini_biwi: Path) -> None:
    for root, name in ((mini_vocaset, "VOCASET"), (mini_biwi, "BIWI")):
        assert f"It is NOT the real {name}" in (root / "README.txt").read_text()


def test_the_same_seed_gives_the_same_bytes(mini_vocaset: Path, tmp_path: Path) -> None:
    vocaset_cast.cache_clear()
    again = write_miniature_vocaset(tmp_path / "again")
    assert hashes(again) == hashes(mini_vocaset)
    other = write_miniature_vocaset(tmp_path / "other", seed=1)
    assert hashes(other)["templates.pkl"] != hashes(again)["templates.pkl"]
    assert hashes(other).keys() == hashes(again).keys()
    # Another order of the vertices, the same motion.
    a, b = (np.sort(load_vocaset(root)[0].motion.values, 1) for root in (again, other))
    assert np.array_equal(a, b)


@pytest.mark.parametrize("seed", [0, 3])
def test_casts_are_permutations(seed: int) -> None:
    for cast, count, face in (
        (vocaset_cast(seed), 5023, get_face("head-01@medium")),
        (biwi_cast(seed), 23_370, get_face("head-01@high")),
    ):
        assert len(np.unique(cast.order)) == len(cast.order) == count
        assert cast.triangles.min() >= 0 and cast.triangles.max() < count
        ours = {tuple(sorted(t)) for t in cast.order[cast.triangles].tolist()}
        theirs = {tuple(sorted(t)) for t in face.triangles.tolist()}
        assert ours <= theirs and len(ours) > 0.9 * count
        upper, lower = face.lip_pairs()
        if count == 5023:
            assert np.array_equal(cast.order[LIP_PAIRS], [upper, lower])


def test_it_sounds_and_moves_as_the_course_corpus(mini_vocaset: Path) -> None:
    """Where the mouth opens in the miniature it opens in the clip that it is cut from."""
    corpus = load_vocaset(mini_vocaset)
    clip = corpus.clip("FaceTalk_170728_03272_TA_sentence01")
    assert corpus.surface is not None
    course = load_corpus()
    source = next(c for c in course.split("test_seen") if c.speaker == "ada")
    start = max(0, round((source.phonemes[0].start if source.phonemes[0].symbol else
                          source.phonemes[0].end) * 25 - 0.12 * 25))  # fmt: skip
    values = source.motion.values[start : start + 25]
    gap = get_face("head-01@medium").aperture(values)
    moved = corpus.surface.templates[clip.speaker] + clip.motion.values
    ours = np.linalg.norm(moved[:, LIP_PAIRS[0, 2]] - moved[:, LIP_PAIRS[1, 2]], axis=-1)
    times = np.arange(25) / 25
    assert np.abs(np.interp(times, np.arange(30) / 30, ours) - gap).max() < 2e-3
    heard = source.audio[start * 640 : start * 640 + 16_000]
    assert np.corrcoef(heard, clip.audio)[0, 1] > 0.99


def test_nobody_blinks_in_vocaset(mini_vocaset: Path) -> None:
    corpus = load_vocaset(mini_vocaset)
    assert corpus.surface is not None
    cast = vocaset_cast(0)
    face = get_face("head-01@medium")
    lids = np.flatnonzero(np.isin(cast.order, face.regions["eyes"]))
    balls = np.flatnonzero(cast.order >= face.parts["eye_left"].start)
    for clip in corpus.split("train"):
        assert np.abs(clip.motion.values[:, balls]).max() < 1e-6
        assert np.abs(clip.motion.values[:, lids, 1]).max() < 2e-3


def test_biwi_frames_are_centred_and_of_area_1(mini_biwi: Path) -> None:
    from talking_heads.corpus.real.biwi import load_biwi

    corpus = load_biwi(mini_biwi)
    surface = corpus.surface
    assert surface is not None
    triangles = surface.triangles
    for speaker in corpus.speakers:
        rest = surface.templates[speaker].astype(np.float64)
        moved = rest + corpus[0].motion.values[7] if speaker == corpus[0].speaker else rest
        for shape in (rest, moved):
            assert np.abs(shape.mean(0)).max() < 1e-6
            a, b, c = (shape[triangles[:, k]] for k in range(3))
            area = np.linalg.norm(np.cross(b - a, c - a), axis=-1).sum() / 2
            assert area == pytest.approx(1.0, abs=1e-4)
    faces = list(surface.templates.values())
    assert np.abs(faces[0] - faces[1]).max() > 1e-3


def test_normalized_by_hand() -> None:
    """A square of side 2 has an area of 4: centred, and half as large."""
    square = np.array([[[1, 1, 5], [3, 1, 5], [3, 3, 5], [1, 3, 5]]], np.float32)
    made = normalized(square, np.array([[0, 1, 2], [0, 2, 3]], np.int32))
    half = 0.5
    wanted = [[[-half, -half, 0], [half, -half, 0], [half, half, 0], [-half, half, 0]]]
    assert np.allclose(made, wanted)


@pytest.mark.parametrize(
    "write", [write_miniature_vocaset, write_miniature_biwi, write_miniature_vocaset_raw]
)
def test_only_miniatures_are_replaced(write: object, tmp_path: Path, mini_biwi: Path) -> None:
    assert callable(write)
    mine = tmp_path / "mine"
    (mine / "vertices_npy").mkdir(parents=True)
    (mine / "README.txt").write_text("My copy of VOCASET.")
    for options in ({}, {"overwrite": True}):
        with pytest.raises(UserError, match="left alone"):
            write(mine, **options)
    assert (mine / "README.txt").read_text() == "My copy of VOCASET."
    there = tmp_path / "there"
    there.mkdir()
    shutil.copy(mini_biwi / "README.txt", there)
    with pytest.raises(UserError, match="--overwrite"):
        write(there)
    if write is write_miniature_vocaset_raw:  # the smallest
        write(there, overwrite=True)
        assert (there / "templates.pkl").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "there"]


def test_the_miniature_of_vocaset_looks_clean() -> None:
    cast = vocaset_cast(0)
    rest = cast.template("head-01")
    lips = rest[cast.regions["lips"]]
    assert len(lips) == 250
    # The same on both sides, but for the curve of this head's mouth.
    mirrored = np.abs(lips[:, None] * [-1, 1, 1] - lips[None]).max(-1).min(1)
    assert mirrored.max() < 0.002
    # The neck ends in one ring, all around: no strip hangs down from it.
    edges = np.concatenate([cast.triangles[:, [0, 1]], cast.triangles[:, [1, 2]],
                            cast.triangles[:, [2, 0]]])  # fmt: skip
    kinds, uses = np.unique(np.sort(edges, 1), axis=0, return_counts=True)
    end = rest[np.unique(kinds[uses == 1])]
    end = end[end[:, 1] < end[:, 1].min() + 0.008]
    angles = np.sort(np.arctan2(*(end - end.mean(0))[:, [0, 2]].T))
    assert len(end) > 40 and np.diff(angles).max() < 0.3
    assert angles[0] + 2 * np.pi - angles[-1] < 0.3
