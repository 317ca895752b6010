import json
from typing import Any

import numpy as np
import pytest

from talking_heads.corpus.collection import Corpus
from talking_heads.corpus.heads import Surface
from talking_heads.errors import UserError
from talking_heads.face.names import ARKIT_NAMES
from talking_heads.models import MotionContract
from talking_heads.models.contract import check_fits


def contract(**changes: Any) -> MotionContract:
    return MotionContract(
        **{"speakers": ("ada", "ben"), "heads": ("head-01@low", "head-02@low"), **changes}
    )


def test_speakers_and_heads() -> None:
    c = contract()
    assert [c.speaker_index(s) for s in ("ada", "ben", None)] == [0, 1, 2]
    assert [c.head(s) for s in ("ada", "ben", None)] == [
        "head-01@low", "head-02@low", "neutral@medium",
    ]  # fmt: skip
    with pytest.raises(UserError, match=r"zoe.*ada, ben"):
        c.head("zoe")


def test_json_round_trip() -> None:
    c = contract(mean=tuple([0.5] * 52), provenance={"corpus": "x"})
    values = json.loads(json.dumps(c.to_dict()))
    assert values["names"] == list(ARKIT_NAMES)
    assert MotionContract.from_dict(values) == c


def test_a_contract_of_version_1_is_in_metres() -> None:
    """The first version had no unit; such checkpoints are on people's disks."""
    c = contract()
    values = json.loads(json.dumps(c.to_dict()))
    assert values["contract_version"] == 2
    old = {key: value for key, value in values.items() if key != "unit"} | {"contract_version": 1}
    assert MotionContract.from_dict(old) == c and c.unit == "m"


def test_vertices() -> None:
    c = contract(kind="vertices", vertices=10, topology_hash="ab", unit=None)
    assert c.motion_dim == 30 and c.unit is None
    # Without a name a model of a mesh speaks with a head of that mesh.
    assert c.head(None) == "head-01@low"
    assert contract(kind="vertices", vertices=1, topology_hash="a", average_head="x@y").head(
        None
    ) == ("x@y")
    assert "names" not in c.to_dict()
    assert MotionContract.from_dict(json.loads(json.dumps(c.to_dict()))) == c


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"kind": "voxels"}, "voxels"),
        ({"kind": "vertices"}, "topology"),
        ({"vertices": 5}, "topology"),
        ({"heads": ("head-01@low",)}, "head"),
        ({"speakers": ("ada", "ada")}, "twice"),
        ({"mean": (0.0, 1.0)}, "52"),
        ({"scale": (0.0,)}, "above 0"),
        ({"mean": (float("nan"),)}, "finite"),
        ({"fps": 0.0}, "frame rate"),
        ({"fps": -30.0}, "frame rate"),
        ({"fps": float("nan")}, "frame rate"),
        ({"fps": 1e6}, "frame rate"),
        ({"kind": "vertices", "vertices": 10**9, "topology_hash": "x"}, "at most"),
    ],
)
def test_contradictions_are_refused(change: dict[str, Any], word: str) -> None:
    with pytest.raises(UserError, match=word):
        contract(**change)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"contract_version": 3}, "version 3"),
        ({"contract_version": "1" * 10**6}, "version 1"),
        ({"names": list(reversed(ARKIT_NAMES))}, "order"),
        ({"names": None}, "names"),
        ({"surprise": 1}, "surprise"),
        ({"mean": "abc"}, "damaged"),
        ({"speakers": 3}, "damaged"),
        ({"provenance": [1]}, "damaged"),
        ({"fps": None}, "damaged"),
        ({"fps": 10**400}, "damaged"),
    ],
)
def test_damaged_contracts_are_refused(change: dict[str, Any], word: str) -> None:
    with pytest.raises(UserError, match=word):
        MotionContract.from_dict({**contract().to_dict(), **change})


@pytest.mark.parametrize("fps", [24, 29.97, 30.0, 60.0])
def test_any_frame_rate(fps: float) -> None:
    c = contract(fps=fps)
    assert MotionContract.from_dict(json.loads(json.dumps(c.to_dict()))).fps == fps


TRIANGLES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def mesh(triangles: np.ndarray = TRIANGLES, vertices: int = 4, unit: str | None = None) -> Corpus:
    surface = Surface("grid", {"ada": np.zeros((vertices, 3), np.float32)}, triangles, unit=unit)
    return Corpus("mesh", (), {}, ("ada",), {"ada": "ada@grid"}, 30.0, unit, None, surface)


def of_mesh(corpus: Corpus, **changes: Any) -> MotionContract:
    assert corpus.surface is not None
    options = {
        "speakers": ("ada",), "heads": ("ada@grid",), "kind": "vertices", "fps": corpus.fps,
        "vertices": corpus.surface.vertices, "topology_hash": corpus.surface.topology_hash,
        "unit": corpus.unit,
    }  # fmt: skip
    return MotionContract(**{**options, **changes})


def test_a_model_fits_what_it_was_made_for() -> None:
    check_fits(of_mesh(mesh()), mesh())
    check_fits(contract(), Corpus("c", (), {}, ("ada",), {"ada": "head-01@low"}))
    # One of the two had no mesh file: nothing is known of its triangles.
    check_fits(of_mesh(mesh(TRIANGLES[:0])), mesh())
    check_fits(of_mesh(mesh()), mesh(TRIANGLES[:0]))
    # Vertices of the course's head are held against its coefficients.
    course = Corpus("c", (), {}, ("ada",), {"ada": "head-01@low"})
    check_fits(of_mesh(mesh(), fps=25.0, heads=("head-01@low",), unit="m"), course)


def test_what_does_not_fit_is_said() -> None:
    course = Corpus("course", (), {}, ("ada",), {"ada": "head-01@low"})
    fits = of_mesh(mesh())
    for made, corpus, word in (
        # The difference that matters most comes first: the frame rate last.
        (contract(), mesh(), "coefficients .* holds vertices"),
        (of_mesh(mesh(), fps=25.0), mesh(vertices=5), "4 vertices; the mesh of mesh has 5"),
        (of_mesh(mesh(), fps=25.0), mesh(), "25 frames a second and mesh has 30"),
        (contract(fps=30.0), course, "30 frames a second and course has 25"),
        (contract(fps=30.0), mesh(), "coefficients .* holds vertices"),
        (of_mesh(mesh(), fps=25.0), course, "4 vertices of another mesh; course holds coeff"),
        (fits, mesh(vertices=5), "4 vertices; the mesh of mesh has 5"),
        (fits, mesh(TRIANGLES[::-1]), "other triangles"),
        (fits, mesh(unit="m"), "in no unit; those of mesh are in m"),
    ):
        with pytest.raises(UserError, match=word) as caught:
            check_fits(made, corpus)
        assert len(str(caught.value).splitlines()) == 2
