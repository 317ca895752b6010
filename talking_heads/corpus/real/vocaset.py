"""VOCASET, as FaceFormer, CodeTalker, FaceDiffuser, DiffSpeaker and StreamingTalker keep it.

Twelve people say 40 sentences each; 5,023 vertices of the FLAME mesh in metres. The files hold 60
frames a second; every second one is taken when the motion is read, which makes 30. Source: Cudeiro
et al., "Capture, Learning, and Synthesis of 3D Speaking Styles", CVPR 2019; the layout and the
splits are FaceFormer's.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from talking_heads.corpus.collection import Corpus
from talking_heads.corpus.real.headers import BadFile
from talking_heads.corpus.real.problems import Problem, Scan, phrase
from talking_heads.corpus.real.unpickle import load_pickle
from talking_heads.corpus.real.vertex_layout import (
    Floats,
    Regions,
    Triangles,
    VertexSet,
    checked_region,
)
from talking_heads.corpus.real.vertex_set import load, scan
from talking_heads.errors import UserError

VERTICES = 5023
LIP_PAIRS = np.array([[2865, 2866, 3546, 1751, 1750], [2907, 2938, 3504, 1849, 1804]])
"""Upper and lower lip, as in the published code of StreamingTalker (mouth opening difference)."""

TRAIN = (
    "FaceTalk_170728_03272_TA",
    "FaceTalk_170904_00128_TA",
    "FaceTalk_170725_00137_TA",
    "FaceTalk_170915_00223_TA",
    "FaceTalk_170811_03274_TA",
    "FaceTalk_170913_03279_TA",
    "FaceTalk_170904_03276_TA",
    "FaceTalk_170912_03278_TA",
)
"""Speakers of train, in the order of the published one-hot codes."""
VAL = ("FaceTalk_170811_03275_TA", "FaceTalk_170908_03277_TA")
TEST = ("FaceTalk_170809_00138_TA", "FaceTalk_170731_00024_TA")
SPLITS = {
    "train": (TRAIN, range(1, 41)),
    "val": (VAL, range(21, 41)),
    "test": (TEST, range(21, 41)),
}
"""Speakers and sentences of each published split. Nobody in val and test is in train."""
MASKS = "FLAME_masks.pkl"

_MOST_MASK_BYTES = 16 * 2**20


def parse_name(name: str) -> tuple[str, str]:
    """Return the speaker and the split of a clip.

    As in the published code, the speaker is all before the last ``_``, and the sentence the last
    two characters.

    Parameters
    ----------
    name : str
        Of the file, without its ending.

    Returns
    -------
    tuple of str
        The split is ``"train"``, ``"val"``, ``"test"`` or, for speakers and sentences that the
        published splits leave out, ``"other"``.

    Raises
    ------
    BadFile
        If the name is not of this form.
    """
    speaker, _, _ = name.rpartition("_")
    number = name[-2:]
    if not speaker or not (number.isascii() and number.isdecimal()):
        raise BadFile("its name is not SUBJECT_sentenceNN")
    for split, (speakers, sentences) in SPLITS.items():
        if speaker in speakers and int(number) in sentences:
            return speaker, split
    return speaker, "other"


def _read_masks(root: Path, problems: list[Problem]) -> Regions:
    """Return the masks by name; ``upper_face`` is the union of forehead and eye region."""
    for name in (MASKS, f"templates/{MASKS}"):
        path = root / name
        if path.is_file():
            break
    else:
        return {}
    try:
        stored = load_pickle(path, most_bytes=_MOST_MASK_BYTES)
        if not isinstance(stored, dict):
            raise BadFile("it holds no dict of masks")
        masks = {}
        for region, values in stored.items():
            if not isinstance(region, str):
                raise BadFile("the name of a mask is no text")
            # The published lips have 254 entries; four vertices stand there twice.
            masks[region] = checked_region(values, VERTICES)
    except UserError as error:
        problems.append(Problem(name, phrase(error, path)))
        return {}
    except BadFile as error:
        problems.append(Problem(name, str(error)))
        return {}
    if {"forehead", "eye_region"} <= masks.keys():
        masks["upper_face"] = np.union1d(masks["forehead"], masks["eye_region"])
    return masks


def _strange_size(template: Floats, triangles: Triangles) -> str:
    """Say so if a head is not between 10 cm and 1 m high."""
    height = float(np.ptp(template[:, 1]))
    if 0.1 <= height <= 1:
        return ""
    return f"The first template is {height:.3g} high: these are no metres, as VOCASET has."


VOCASET = VertexSet(
    name="vocaset",
    title="VOCASET",
    folders=("vocaset", "VOCASET"),
    vertices=VERTICES,
    disk_fps=60.0,
    step=2,
    unit="m",
    speakers=TRAIN + VAL + TEST,
    lip_pairs=LIP_PAIRS,
    mesh="templates/FLAME_sample.ply",
    parse=parse_name,
    published={
        split: tuple(f"{speaker}_sentence{n:02d}" for speaker in speakers for n in sentences)
        for split, (speakers, sentences) in SPLITS.items()
    },
    read_regions=_read_masks,
    strange_size=_strange_size,
    no_regions=f"{MASKS} is missing: without lips and upper face, LVE and FDD cannot be measured.",
)


def scan_vocaset(root: str | Path, *, thorough: bool = False) -> Scan:
    """Open VOCASET in FaceFormer's layout, and list what is missing or damaged.

    Parameters
    ----------
    root : str or Path
        The folder that holds ``vertices_npy``, or the one above, where it is called ``vocaset``.
    thorough : bool
        Whether to read every file whole, and not only its header.

    Returns
    -------
    Scan
        The corpus as `load_vocaset` returns it, but of no clips where none can be used.

    Raises
    ------
    UserError
        If there is no ``vertices_npy``, or a folder cannot be read.
    """
    return scan(root, VOCASET, thorough=thorough)


def load_vocaset(root: str | Path) -> Corpus:
    """Open VOCASET in FaceFormer's layout.

    Only headers are read. Clips are named as their files. Motions are offsets in metres from the
    speaker's template, 30 frames a second: of the 60 on disk the first, third and so on. Sound is
    cut or filled up with silence to the length of the motion.

    Parameters
    ----------
    root : str or Path
        The folder that holds ``vertices_npy``, or the one above, where it is called ``vocaset``.

    Returns
    -------
    Corpus
        With the published splits ``train``, ``val`` and ``test``, as far as there are clips, and
        ``other`` for the rest. Its `surface` has the regions of ``FLAME_masks.pkl`` and the mesh,
        if these files are there.

    Raises
    ------
    UserError
        If there is no clip that can be used. What is left out, `scan_vocaset` lists.
    """
    return load(root, VOCASET)
