import json
from typing import Any

import pytest

from talking_heads.errors import UserError
from talking_heads.face.names import ARKIT_NAMES
from talking_heads.models import MotionContract


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


def test_vertices() -> None:
    c = contract(kind="vertices", vertices=10, topology_hash="ab")
    assert c.motion_dim == 30
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
        ({"fps": 30.0}, "25"),
    ],
)
def test_contradictions_are_refused(change: dict[str, Any], word: str) -> None:
    with pytest.raises(UserError, match=word):
        contract(**change)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"contract_version": 2}, "version 2"),
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
