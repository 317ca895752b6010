"""A miniature of BIWI in its true layout and size of mesh; see `corpus.miniature`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talking_heads.corpus.miniature.parts import (
    Cast,
    Take,
    chosen_vertices,
    course_clip,
    is_miniature,
    nearest,
    read_sound,
    recast,
    take_motion,
    take_sound,
    write_readme,
    write_sound,
)
from talking_heads.corpus.real.biwi import LIP_PAIRS
from talking_heads.corpus.real.ply import write_ply
from talking_heads.corpus.real.python2_pickle import python2_pickle
from talking_heads.corpus.store import check_target, load_corpus, new_folder
from talking_heads.face import get_face

Floats = NDArray[np.float32]

VERTICES = 23_370
RATE = 44_100
FPS = 25

_HEAD = "head-01"
# Building a head at high takes a second and a half; so there is one, made wider or taller.
_STRETCH = {"F1": (0.95, 1.03, 1.0), "F2": (1.0, 1.0, 1.0), "F3": (1.05, 0.97, 1.02)}
_TAKES = (
    Take("F2_e01", "ada", 0), Take("F3_e01", "ben", 0),
    Take("F2_e33", "ada", 1), Take("F3_e33", "ben", 1),
    Take("F2_e37", "ada", 2), Take("F3_e37", "ben", 2),
    Take("F1_e37", "maya", 2), Take("F1_e38", "maya", 3),
)  # fmt: skip
"""Two clips each of train, val, test A and test B."""

BIWI_TRAPS = {
    "vertices_npy/F2_37.npy": "the neutral sentence 37; in a split of its own",
    "vertices_npy/F1_e01.npy": "emotional, but of no published split; fine",
    "vertices_npy/F2_77.npy": "FaceDiffuser's number for the emotional sentence 37",
    "wav/F2_e02.wav": "sound that goes on after the motion; fine",
    "wav/F2_e03.wav": "sound without a motion",
    "vertices_npy/F2_e04.npy": "motion without a sound",
    "vertices_npy/F2_e05.npy": "motion that was cut while copying",
    "vertices_npy/F2_e06.npy": "motion in which a number is not finite: told when it is read",
}
"""What ``traps=True`` adds, file by file."""

# As in the published files: how many, the first and the last.
_LVE = (4996, 2, 23_339)
_FDD = (7784, 7, 23_368)


@lru_cache(maxsize=4)
def biwi_cast(seed: int = 0) -> Cast:
    """Return the miniature's mesh: 23,370 vertices of the course head at high, reordered.

    The published lip pairs are lip vertices, and the two regions have as many vertices as the
    published ones, with the same first and last number.
    """
    face = get_face(f"{_HEAD}@high")
    chosen = chosen_vertices(face, VERTICES)
    skin = np.intersect1d(chosen, face.regions["skin"])
    upper, lower = face.lip_pairs()
    pairs = np.concatenate([upper, lower])
    around = np.setdiff1d(skin, face.regions["upper_face"])
    lve = nearest(face, around, face.vertices[pairs], _LVE[0])
    brow = face.eye_centers + np.array([0, 0.02, 0])
    fdd = nearest(face, np.setdiff1d(skin, lve), brow, _FDD[0])
    rng = np.random.default_rng(seed)
    named = LIP_PAIRS.ravel()
    first = np.union1d(named, _LVE[1:])
    free = np.setdiff1d(np.arange(_LVE[1], _LVE[2]), np.union1d(first, _FDD[1:]))
    lips = np.union1d(first, rng.choice(free, _LVE[0] - len(first), replace=False))
    free = np.setdiff1d(np.arange(_FDD[1], _FDD[2]), np.union1d(lips, _FDD[1:]))
    above = np.union1d(_FDD[1:], rng.choice(free, _FDD[0] - 2, replace=False))
    return recast(
        face,
        chosen,
        {"lve": lips, "fdd": above},
        {"lve": lve, "fdd": fdd},
        dict(zip(named.tolist(), pairs.tolist(), strict=True)),
        seed,
    )


def normalized(vertices: Floats, triangles: NDArray[np.int32]) -> Floats:
    """Centre every frame and divide it by the square root of its area, as published for BIWI.

    Parameters
    ----------
    vertices : ndarray
        ``(frame, V, 3)`` in any unit.
    triangles : ndarray
        ``(T, 3)``.

    Returns
    -------
    ndarray of float32
        The same shape, without a unit: each frame has its vertices' mean at 0 and an area of 1.
    """
    out = vertices.astype(np.float64)
    out -= out.mean(1, keepdims=True)
    a, b, c = (out[:, triangles[:, corner]] for corner in range(3))
    area = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=-1).sum(1)
    return (out / np.sqrt(area)[:, None, None]).astype(np.float32)


def write_miniature_biwi(
    folder: str | Path, *, seed: int = 0, traps: bool = False, overwrite: bool = False
) -> Path:
    """Write a miniature of BIWI as CodeTalker lays it out.

    Eight clips of a second, about 60 MB: two each of train, val, test A and test B, 25 frames a
    second, 23,370 vertices, sound at 44,100 Hz. As the published preprocessing does, every frame is
    centred and scaled to an area of 1, and the templates with it: there is no unit.

    Parameters
    ----------
    folder : str or Path
        Where to; its name is free.
    seed : int
        Draws the order of the vertices.
    traps : bool
        Whether to add what goes wrong in real copies, see `BIWI_TRAPS`.
    overwrite : bool
        Whether a miniature that is there may be replaced. Nothing else ever is.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    UserError
        If the folder exists and may not be replaced, or cannot be written.
    """
    out = Path(folder)
    check_target(out, overwrite=overwrite, ours=is_miniature)
    cast = biwi_cast(seed)
    corpus = load_corpus()
    with new_folder(out, overwrite=overwrite, ours=is_miniature) as new:
        for name in ("vertices_npy", "wav", "regions"):
            (new / name).mkdir()
        write_readme(new, "BIWI")
        templates = {}
        for take in _TAKES:
            clip = course_clip(corpus, take)
            subject = take.name.partition("_")[0]
            stretch = np.array(_STRETCH[subject], np.float32)
            rest = normalized(cast.template(_HEAD)[None] * stretch, cast.triangles)[0]
            templates[subject] = rest.astype(np.float64)
            values = take_motion(clip, take.seconds, FPS)
            frames = normalized(cast.frames(_HEAD, values) * stretch, cast.triangles)
            np.save(new / "vertices_npy" / f"{take.name}.npy", frames.reshape(len(frames), -1))
            sound = take_sound(clip, take.seconds, RATE)
            write_sound(new / "wav" / f"{take.name}.wav", sound, RATE)
        (new / "templates.pkl").write_bytes(python2_pickle(templates))
        for name in ("lve", "fdd"):
            ids = ", ".join(map(str, cast.regions[name].tolist()))
            (new / "regions" / f"{name}.txt").write_text(ids, "utf-8")
        plain = normalized(cast.template(_HEAD)[None], cast.triangles)[0]
        write_ply(new / "BIWI.ply", plain, cast.triangles, text=False)
        if traps:
            _add_traps(new)
    return out


def _add_traps(root: Path) -> None:
    moves, sounds = root / "vertices_npy", root / "wav"
    frames = np.load(moves / "F2_e01.npy")[:5]
    heard = read_sound(sounds / "F2_e01.wav")[: RATE // 5]
    bad = frames.copy()
    bad[3, 100] = np.nan
    long = np.tile(heard, 3)
    added: dict[str, tuple[Floats | None, Floats | None]] = {
        "F2_37": (frames, heard),
        "F1_e01": (frames, heard),
        "F2_77": (frames, heard),
        "F2_e02": (frames, long),
        "F2_e03": (None, heard),
        "F2_e04": (frames, None),
        "F2_e05": (frames, heard),
        "F2_e06": (bad, heard),
    }
    for name, (motion, sound) in added.items():
        if motion is not None:
            np.save(moves / f"{name}.npy", motion)
        if sound is not None:
            write_sound(sounds / f"{name}.wav", sound, RATE)
    cut = moves / "F2_e05.npy"
    cut.write_bytes(cut.read_bytes()[:1_000_000])
