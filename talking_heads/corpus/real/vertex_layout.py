"""What sets VOCASET and BIWI apart, and their small files: faces at rest, mesh, regions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.corpus.heads import Surface
from talking_heads.corpus.real.headers import BadFile
from talking_heads.corpus.real.ply import read_ply
from talking_heads.corpus.real.problems import Problem, phrase
from talking_heads.corpus.real.unpickle import load_pickle
from talking_heads.errors import UserError
from talking_heads.files import shown

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Triangles = NDArray[np.int32]
Regions = Mapping[str, Ints]

TEMPLATES = "templates.pkl"

_MOST_TEMPLATE_BYTES = 128 * 2**20


@dataclass(frozen=True)
class VertexSet:
    """What sets one data set apart from the other.

    Parameters
    ----------
    name : str
        ``"vocaset"`` or ``"biwi"``.
    title : str
        As people write it.
    folders : tuple of str
        What the folder is called where published code keeps it.
    vertices : int
        Of the mesh.
    disk_fps : float
        Frames a second in the files.
    step : int
        Every so many-th frame is taken when the motion is read.
    unit : str or None
        Of the coordinates.
    speakers : tuple of str
        In the published order, those of train first.
    lip_pairs : ndarray
        ``(2, 5)``, as in `talking_heads.corpus.heads.Surface`.
    mesh : str
        Where the mesh file usually lies.
    parse : callable
        Returns speaker and split for the name of a clip; raises `BadFile` if it is no such name.
    published : mapping of str to tuple of str
        Names of the clips of each published split.
    read_regions : callable
        ``read_regions(root, problems)`` returns the regions, and adds to the list of problems.
    no_regions : str
        A sentence that tells what to do where there are none.
    strange_size : callable
        ``strange_size(template, triangles)`` returns a sentence if the size of a face tells that
        the coordinates are not those of the published preprocessing, or ``""``.
    """

    name: str
    title: str
    folders: tuple[str, ...]
    vertices: int
    disk_fps: float
    step: int
    unit: str | None
    speakers: tuple[str, ...]
    lip_pairs: Ints
    mesh: str
    parse: Callable[[str], tuple[str, str]]
    published: Mapping[str, tuple[str, ...]]
    read_regions: Callable[[Path, list[Problem]], Regions]
    no_regions: str
    strange_size: Callable[[Floats, Triangles], str]

    @property
    def fps(self) -> float:
        """Frames a second of the loaded motions."""
        return self.disk_fps / self.step


def read_templates(folder: Path, about: VertexSet, problems: list[Problem]) -> dict[str, Floats]:
    """Return the faces at rest by speaker, ``(V, 3)``; those that cannot be used are listed."""
    path = folder / TEMPLATES
    if not path.is_file():
        problems.append(Problem(TEMPLATES, "it is missing, and no clip can be used without it"))
        return {}
    try:
        stored = load_pickle(path, most_bytes=_MOST_TEMPLATE_BYTES)
    except UserError as error:
        problems.append(Problem(TEMPLATES, phrase(error, path)))
        return {}
    if not isinstance(stored, dict):
        problems.append(Problem(TEMPLATES, "it holds no dict of templates"))
        return {}
    out = {}
    for speaker, values in stored.items():
        if not isinstance(speaker, str) or not isinstance(values, np.ndarray):
            problems.append(Problem(TEMPLATES, "an entry is no template"))
        elif values.dtype.kind not in "iuf" or values.size != 3 * about.vertices:
            problems.append(
                Problem(
                    TEMPLATES,
                    f"the template of {shown(speaker)} has shape {values.shape!r:.60}, not "
                    f"({about.vertices}, 3)",
                )
            )
        else:
            with np.errstate(over="ignore"):
                template = np.array(values, np.float32).reshape(about.vertices, 3)
            if np.isfinite(template).all():
                out[speaker] = template
            else:
                problems.append(
                    Problem(TEMPLATES, f"the template of {shown(speaker)} is not finite")
                )
    return out


def read_surface(
    folder: Path,
    about: VertexSet,
    templates: Mapping[str, Floats],
    problems: list[Problem],
    notes: list[str],
) -> Surface:
    """Return the mesh with its regions, as far as there are files; adds to problems and notes."""
    triangles = np.zeros((0, 3), np.int32)
    beside = [*folder.glob("*.ply"), *(folder / "templates").glob("*.ply")]
    hidden = {path for path in beside if path.name.startswith(".")}
    for path in dict.fromkeys([folder / about.mesh, *sorted(set(beside) - hidden)]):
        if not path.is_file():
            continue
        try:
            vertices, faces = read_ply(path)
        except UserError as error:
            where = path.relative_to(folder).as_posix()
            problems.append(Problem(where, phrase(error, path)))
            continue
        if len(vertices) == about.vertices:
            triangles = faces
            break
    if not len(triangles):
        notes.append(
            f"There is no mesh of {about.vertices:,} vertices ({about.mesh}): faces cannot be "
            "drawn as surfaces."
        )
    strange = about.strange_size(next(iter(templates.values())), triangles)
    if strange:
        notes.append(strange)
    regions = about.read_regions(folder, problems)
    if not {"lips", "upper_face"} <= regions.keys():
        notes.append(about.no_regions)
    return Surface(about.name, templates, triangles, regions, about.lip_pairs, about.unit)


def checked_region(values: Any, vertices: int) -> Ints:
    """Return vertex numbers, sorted and each once; raises `BadFile` if they are none of a mesh."""
    index = np.asarray(values)
    if index.ndim != 1 or index.dtype.kind not in "iu" or not index.size:
        raise BadFile("it is no list of vertex numbers")
    if int(index.min()) < 0 or int(index.max()) >= vertices:
        raise BadFile(f"it names a vertex that the mesh of {vertices:,} lacks")
    return np.unique(index).astype(np.int64)
