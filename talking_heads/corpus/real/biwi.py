"""BIWI (B3D(AC)2), as CodeTalker, DiffSpeaker and StreamingTalker keep it.

Fourteen people say 40 sentences each, with emotion and without; 23,370 vertices, 25 frames a
second. The published preprocessing centres every frame and divides it by the square root of its
area, so that the coordinates have no unit. Source: Fanelli et al., "A 3-D Audio-Visual Corpus of
Affective Communication", IEEE Trans. Multimedia 2010; layout and splits are CodeTalker's.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from talking_heads.corpus.collection import Corpus
from talking_heads.corpus.real.headers import BadFile
from talking_heads.corpus.real.problems import Problem, Scan, phrase
from talking_heads.corpus.real.vertex_layout import (
    Floats,
    Ints,
    Regions,
    Triangles,
    VertexSet,
    checked_region,
)
from talking_heads.corpus.real.vertex_set import load, scan
from talking_heads.errors import UserError
from talking_heads.files import read_text

VERTICES = 23_370
LIP_PAIRS = np.array([[366, 12773, 21688, 10235, 10117], [21538, 10665, 22962, 21152, 14028]])
"""Upper and lower lip, as in the published code of StreamingTalker (mouth opening difference)."""

SEEN = ("F2", "F3", "F4", "M3", "M4", "M5")
"""Speakers of train, val and test A."""
UNSEEN = ("F1", "F5", "F6", "F7", "F8", "M1", "M2", "M6")
"""Speakers of test B."""
SPLITS = {
    "train": (SEEN, range(1, 33)),
    "val": (SEEN, range(33, 37)),
    "test_a": (SEEN, range(37, 41)),
    "test_b": (UNSEEN, range(37, 41)),
}
"""Speakers and sentences of each published split; all of them are emotional ones, ``eNN``."""
REGIONS = {"lips": "regions/lve.txt", "upper_face": "regions/fdd.txt"}

_MOST_REGION_BYTES = 2**20
_NAME = re.compile(r"(.+)_(e?)([0-9]{2})", re.DOTALL)


def parse_name(name: str) -> tuple[str, str]:
    """Return the speaker and the split of a clip.

    ``F2_e37`` is emotional and ``F2_37`` neutral: two recordings. Published code takes the last two
    characters for the sentence and so mixes them up where both lie in one folder; here they never
    meet.

    Parameters
    ----------
    name : str
        Of the file, without its ending.

    Returns
    -------
    tuple of str
        The split is ``"train"``, ``"val"``, ``"test_a"``, ``"test_b"``; ``"neutral"`` for sentences
        without emotion; ``"other"`` for emotional ones that the published splits leave out.

    Raises
    ------
    BadFile
        If the name is not of this form, or the number is not 1 to 40.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise BadFile("its name is not SPEAKER_eNN or SPEAKER_NN")
    speaker, emotional, number = match[1], bool(match[2]), int(match[3])
    if not 1 <= number <= 40:
        # FaceDiffuser's own preprocessing counts emotional sentences from 41 to 80.
        told = f"; call it {speaker}_e{number - 40:02d} if it comes from FaceDiffuser's numbering"
        raise BadFile(f"there is no sentence {number}{told if 40 < number <= 80 else ''}")
    if not emotional:
        return speaker, "neutral"
    for split, (speakers, sentences) in SPLITS.items():
        if speaker in speakers and number in sentences:
            return speaker, split
    return speaker, "other"


def _read_index(path: Path) -> Ints:
    """Read vertex numbers in one line, with commas between."""
    words = [word.strip() for word in read_text(path, _MOST_REGION_BYTES).strip().split(",")]
    if not all(word.isascii() and word.isdecimal() and len(word) < 10 for word in words):
        raise BadFile("it is no list of vertex numbers")
    return checked_region([int(word) for word in words], VERTICES)


def _read_regions(root: Path, problems: list[Problem]) -> Regions:
    regions = {}
    for region, name in REGIONS.items():
        path = root / name
        if not path.is_file():
            continue
        try:
            regions[region] = _read_index(path)
        except UserError as error:
            problems.append(Problem(name, phrase(error, path)))
        except BadFile as error:
            problems.append(Problem(name, str(error)))
    return regions


def _strange_size(template: Floats, triangles: Triangles) -> str:
    """Say so if a face at rest has not an area of about 1."""
    if not len(triangles):
        return ""
    a, b, c = (template[triangles[:, corner]].astype(np.float64) for corner in range(3))
    area = 0.5 * float(np.linalg.norm(np.cross(b - a, c - a), axis=-1).sum())
    if 0.8 <= area <= 1.25:
        return ""
    return (
        f"The first template has an area of {area:.3g}, not 1 as after CodeTalker's preprocessing: "
        "errors on this copy do not compare with published ones."
    )


BIWI = VertexSet(
    name="biwi",
    title="BIWI",
    folders=("BIWI", "biwi"),
    vertices=VERTICES,
    disk_fps=25.0,
    step=1,
    unit=None,
    speakers=SEEN + UNSEEN,
    lip_pairs=LIP_PAIRS,
    mesh="BIWI.ply",
    parse=parse_name,
    published={
        split: tuple(f"{speaker}_e{n:02d}" for speaker in speakers for n in sentences)
        for split, (speakers, sentences) in SPLITS.items()
    },
    read_regions=_read_regions,
    strange_size=_strange_size,
    no_regions=(
        "regions/lve.txt or regions/fdd.txt is missing: LVE and FDD cannot be measured without."
    ),
)


def scan_biwi(root: str | Path, *, thorough: bool = False) -> Scan:
    """Open BIWI in CodeTalker's layout, and list what is missing or damaged.

    Parameters
    ----------
    root : str or Path
        The folder that holds ``vertices_npy``, or the one above, where it is called ``BIWI``.
    thorough : bool
        Whether to read every file whole, and not only its header.

    Returns
    -------
    Scan
        The corpus as `load_biwi` returns it, but of no clips where none can be used.

    Raises
    ------
    UserError
        If there is no ``vertices_npy``, or a folder cannot be read.
    """
    return scan(root, BIWI, thorough=thorough)


def load_biwi(root: str | Path) -> Corpus:
    """Open BIWI in CodeTalker's layout.

    Only headers are read. Clips are named as their files. Motions are offsets from the speaker's
    template, 25 frames a second, without a unit. Sound is cut or filled up with silence to the
    length of the motion.

    Parameters
    ----------
    root : str or Path
        The folder that holds ``vertices_npy``, or the one above, where it is called ``BIWI``.

    Returns
    -------
    Corpus
        With the published splits ``train``, ``val``, ``test_a`` and ``test_b`` as far as there are
        clips, ``neutral`` for all sentences without emotion, and ``other`` for the rest. Its
        `surface` has the regions ``lips`` (``lve.txt``) and ``upper_face`` (``fdd.txt``) and the
        mesh, if these files are there.

    Raises
    ------
    UserError
        If there is no clip that can be used. What is left out, `scan_biwi` lists.
    """
    return load(root, BIWI)
