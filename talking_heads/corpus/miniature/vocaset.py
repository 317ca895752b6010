"""A miniature of VOCASET in its true layout and size of mesh; see `corpus.miniature`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talking_heads.corpus.clip import Clip
from talking_heads.corpus.miniature.parts import (
    Cast,
    Take,
    chosen_vertices,
    course_clip,
    identity_of,
    is_miniature,
    nearest,
    read_sound,
    recast,
    take_motion,
    take_sound,
    write_readme,
    write_sound,
)
from talking_heads.corpus.real.ply import write_ply
from talking_heads.corpus.real.python2_pickle import python2_pickle
from talking_heads.corpus.real.vocaset import LIP_PAIRS
from talking_heads.corpus.store import check_target, load_corpus, new_folder
from talking_heads.face import Face, get_face

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

VERTICES = 5023
RATE = 22_050
FPS = 60
DOUBLED = (1590, 1593, 2726, 2729)
"""Lip vertices that the published mask names twice: 254 entries, 250 vertices."""
VOCASET_TRAPS = {
    "vertices_npy/FaceTalk_170728_03272_TA_sentence03.npy": "an odd number of frames; fine",
    "wav/FaceTalk_170728_03272_TA_sentence04.wav": "sound that goes on after the motion; fine",
    "wav/FaceTalk_170728_03272_TA_sentence05.wav": "sound that ends 0.5 s before the motion",
    "wav/FaceTalk_170728_03272_TA_sentence06.wav": "sound that ends 2 s before the motion",
    "wav/FaceTalk_170728_03272_TA_sentence07.wav": "sound without a motion",
    "vertices_npy/FaceTalk_170728_03272_TA_sentence08.npy": "motion without a sound",
    "vertices_npy/FaceTalk_170728_03272_TA_sentence09.npy": "motion that was cut while copying",
    "vertices_npy/FaceTalk_170728_03272_TA_sentence10.npy": "motion of another mesh",
    "wav/FaceTalk_170728_03272_TA_sentence11.wav": "no sound at all in the file",
    "vertices_npy/FaceTalk_170811_03275_TA_sentence05.npy": "a sentence of no split; fine",
    "vertices_npy/FaceTalk_999999_00000_TA_sentence01.npy": "a subject without a template",
    "vertices_npy/FaceTalk_170728_03272_TA_hello.npy": "a name that ends in no number",
    "vertices_npy/._FaceTalk_170728_03272_TA_sentence01.npy": "left by macOS; passed over",
}
"""What ``traps=True`` adds, file by file."""

_HEAD = "head-01"  # that of ada
SUBJECTS = {
    "FaceTalk_170728_03272_TA": "ada",
    "FaceTalk_170904_00128_TA": "ben",
    "FaceTalk_170811_03275_TA": "maya",
    "FaceTalk_170809_00138_TA": "noah",
}
"""Two subjects of train, one of val and one of test, and who plays them."""
# Which of the sentences that all speakers of the course corpus say; those of train are its own.
_SAID = {1: 0, 2: 1, 21: 2, 22: 3}
_SENTENCES = ((1, 2), (1, 2), (21, 22), (21, 22))

# How many vertices the published masks have. Where they lie is rough, but for the lips and the two
# masks that make up the upper face.
_SIZES = {
    "eye_region": 751, "neck": 253, "left_eyeball": 546, "right_eyeball": 546, "right_ear": 588,
    "right_eye_region": 287, "forehead": 133, "lips": 250, "nose": 379, "scalp": 489,
    "boundary": 114, "face": 1787, "left_ear": 588, "left_eye_region": 287,
}  # fmt: skip
_UPPER_FACE = 827
_LIP_ROW = 56
"""Vertices in each row around the mouth of the course head at medium."""
_RAGGED = 0.001
"""Metres. The lowest row of the neck is not all there, and its vertices are nearly of one height;
what is left of it is not drawn."""


@lru_cache(maxsize=4)
def vocaset_cast(seed: int = 0) -> Cast:
    """Return the miniature's mesh: 5,023 vertices of the course head at medium, reordered.

    The vertices that published code names by number are lip vertices here as well: the five pairs
    of the lip opening and those that the published mask doubles.
    """
    face = get_face(f"{_HEAD}@medium")
    chosen = chosen_vertices(face, VERTICES)
    skin = np.intersect1d(chosen, face.regions["skin"])
    upper, lower = face.lip_pairs()
    pairs = np.concatenate([upper, lower])
    lips = _lip_rows(face, pairs, _SIZES["lips"])
    eyes = face.eye_centers
    around = np.setdiff1d(np.intersect1d(face.regions["upper_face"], skin), lips)
    eye_region = nearest(face, around, eyes, _SIZES["eye_region"])
    high = np.array([[0.0, 1.0, 0.0]])
    both = _SIZES["forehead"] + _SIZES["eye_region"] - _UPPER_FACE
    forehead = np.concatenate(
        [
            nearest(face, eye_region, high, both),
            nearest(face, np.setdiff1d(around, eye_region), high, _SIZES["forehead"] - both),
        ]
    )
    nose, chin = (face.vertices[face.landmarks[name]] for name in ("nose_tip", "chin"))
    places = {
        "neck": chin + np.array([0, -1, -0.2]),
        "left_eyeball": eyes[:1],
        "right_eyeball": eyes[1:],
        "left_ear": np.array([[1, 0, -0.1]]),
        "right_ear": np.array([[-1, 0, -0.1]]),
        "left_eye_region": eyes[:1],
        "right_eye_region": eyes[1:],
        "nose": nose,
        "scalp": np.array([[0, 1, -1]]),
        "boundary": np.array([[0, -1, -0.2]]),
        "face": nose,
    }
    regions = {"lips": lips, "eye_region": eye_region, "forehead": forehead}
    for name, place in places.items():
        among = chosen if "eyeball" in name else skin
        regions[name] = nearest(face, among, place, _SIZES[name])
    rng = np.random.default_rng(seed)
    named = [*LIP_PAIRS.ravel().tolist(), *DOUBLED]
    rest = np.setdiff1d(np.arange(VERTICES), named)
    numbers = np.concatenate([named, rng.choice(rest, _SIZES["lips"] - len(named), replace=False)])
    fixed = dict(zip(LIP_PAIRS.ravel().tolist(), pairs.tolist(), strict=True))
    return recast(face, chosen, {"lips": numbers}, regions, fixed, seed, _RAGGED)


def _lip_rows(face: Face, pairs: Ints, count: int) -> Ints:
    """Return `count` vertices of the lips: whole rows around the mouth, and the middle of one more.

    The rows begin where the lips meet and go outward; the pairs lie on the innermost.
    """
    rows = face.regions["lips"].reshape(-1, _LIP_ROW)
    inner = int(np.flatnonzero(np.isin(rows, pairs).any(1))[0])
    whole = count // _LIP_ROW
    kept = rows[inner - whole + 1 : inner + 1].ravel()
    last = rows[inner - whole]
    # Of the last row those in the middle of both lips.
    sideways = np.abs(face.vertices[last, 0])
    middle = last[np.argsort(sideways, kind="stable")[: count - len(kept)]]
    return np.sort(np.concatenate([kept, middle]))


def takes(seconds: float = 1.0) -> tuple[Take, ...]:
    """Return the clips of the miniature; the two of train say the same sentences."""
    return tuple(
        Take(f"{subject}_sentence{sentence:02d}", speaker, _SAID[sentence], seconds)
        for (subject, speaker), sentences in zip(SUBJECTS.items(), _SENTENCES, strict=True)
        for sentence in sentences
    )


def motion_of(cast: Cast, clip: Clip, seconds: float) -> Floats:
    """Return the motion as VOCASET stores it: ``(frame, V, 3)`` positions at 60 frames a second."""
    values = take_motion(clip, seconds, FPS, still=("eye",))
    return cast.frames(identity_of(clip), values)


def write_masks_and_mesh(root: Path, cast: Cast) -> None:
    """Write ``FLAME_masks.pkl``, with lips of 254 entries, and ``templates/FLAME_sample.ply``."""
    masks = {name: cast.regions[name] for name in _SIZES}
    masks["lips"] = np.concatenate([masks["lips"], DOUBLED])
    (root / "FLAME_masks.pkl").write_bytes(python2_pickle(masks))
    mesh = root / "templates" / "FLAME_sample.ply"
    write_ply(mesh, cast.template(_HEAD), cast.triangles, text=True)


def write_miniature_vocaset(
    folder: str | Path, *, seed: int = 0, traps: bool = False, overwrite: bool = False
) -> Path:
    """Write a miniature of VOCASET as FaceFormer lays it out.

    Eight clips of a second, about 30 MB: of two subjects of train, one of val and one of test, two
    each, 60 frames a second, 5,023 vertices in metres, sound at 22,050 Hz. ``templates.pkl`` and
    ``FLAME_masks.pkl`` are pickles of Python 2 with NumPy's old module names. As in VOCASET nobody
    blinks.

    Parameters
    ----------
    folder : str or Path
        Where to; its name is free.
    seed : int
        Draws the order of the vertices.
    traps : bool
        Whether to add what goes wrong in real copies, see `VOCASET_TRAPS`.
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
    cast = vocaset_cast(seed)
    corpus = load_corpus()
    with new_folder(out, overwrite=overwrite, ours=is_miniature) as new:
        for name in ("vertices_npy", "wav", "templates"):
            (new / name).mkdir()
        write_readme(new, "VOCASET")
        templates = {}
        for take in takes():
            clip = course_clip(corpus, take)
            subject = take.name.rpartition("_")[0]
            templates[subject] = cast.template(identity_of(clip)).astype(np.float64)
            frames = motion_of(cast, clip, take.seconds)
            np.save(new / "vertices_npy" / f"{take.name}.npy", frames.reshape(len(frames), -1))
            sound = take_sound(clip, take.seconds, RATE)
            write_sound(new / "wav" / f"{take.name}.wav", sound, RATE)
        (new / "templates.pkl").write_bytes(python2_pickle(templates))
        write_masks_and_mesh(new, cast)
        if traps:
            _add_traps(new)
    return out


def _add_traps(root: Path) -> None:
    moves, sounds = root / "vertices_npy", root / "wav"
    one = "FaceTalk_170728_03272_TA"
    frames = np.load(moves / f"{one}_sentence01.npy")
    heard = read_sound(sounds / f"{one}_sentence01.wav")

    def add(name: str, motion: Floats | None, sound: Floats | None) -> None:
        if motion is not None:
            np.save(moves / f"{name}.npy", motion)
        if sound is not None:
            write_sound(sounds / f"{name}.wav", sound, RATE)

    add(f"{one}_sentence03", frames[:59], heard)
    add(f"{one}_sentence04", frames, np.tile(heard, 2))
    add(f"{one}_sentence05", frames, heard[: len(heard) // 2])
    add(f"{one}_sentence06", np.tile(frames, (3, 1)), heard)
    add(f"{one}_sentence07", None, heard)
    add(f"{one}_sentence08", frames, None)
    add(f"{one}_sentence09", frames, heard)
    cut = moves / f"{one}_sentence09.npy"
    cut.write_bytes(cut.read_bytes()[:1_000_000])
    add(f"{one}_sentence10", frames[:, :-3], heard)
    add(f"{one}_sentence11", frames, None)
    (sounds / f"{one}_sentence11.wav").write_bytes(b"RIFF")
    add("FaceTalk_170811_03275_TA_sentence05", frames, heard)
    add("FaceTalk_999999_00000_TA_sentence01", frames, heard)
    add(f"{one}_hello", frames, heard)
    (moves / f"._{one}_sentence01.npy").write_bytes(b"\0\5\x16\7")
