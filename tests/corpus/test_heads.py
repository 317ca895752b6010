from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from talking_heads.corpus import Corpus, load_corpus
from talking_heads.corpus.heads import Surface, course_head
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, RESOLUTIONS, get_face

TEMPLATES = {"a": np.zeros((5, 3), np.float32), "b": np.ones((5, 3), np.float32)}
TRIANGLES = np.array([[0, 1, 2], [2, 3, 4]], np.int32)


def surface(**changes: object) -> Surface:
    return replace(Surface("toy", TEMPLATES, TRIANGLES, {"lips": np.array([1, 4])}), **changes)


def test_a_speaker_has_a_head() -> None:
    toy = surface(lip_pairs=np.array([[1], [4]]), unit=None)
    head = toy.head("b")
    assert (head.id, head.unit, toy.vertices) == ("b@toy", None, 5)
    np.testing.assert_array_equal(head.vertices, TEMPLATES["b"])
    corpus = Corpus("toy", (), {}, ("a", "b"), {"a": "a@toy", "b": "b@toy"}, surface=toy)
    assert corpus.kind == corpus.view == "vertices"
    assert corpus.head("b").id == "b@toy"
    with pytest.raises(UserError, match="no speaker 'c'"):
        corpus.head("c")
    with pytest.raises(UserError, match="no template of 'c'"):
        toy.head("c")


def test_the_hash_tells_meshes_apart() -> None:
    assert surface().topology_hash == surface(templates={"z": TEMPLATES["a"]}).topology_hash
    assert surface().topology_hash != surface(triangles=TRIANGLES[:1]).topology_hash
    bare = np.zeros((0, 3), np.int32)
    smaller = {"a": np.zeros((4, 3), np.float32)}
    few = Surface("toy", smaller, bare)
    assert few.topology_hash != surface(triangles=bare).topology_hash


@pytest.mark.parametrize(
    "changes",
    [
        {"regions": {"lips": np.array([5])}},
        {"regions": {"lips": np.array([-1])}},
        {"triangles": np.array([[0, 1, 9]], np.int32)},
        {"lip_pairs": np.array([[1], [7]])},
        {"templates": {"a": np.zeros((5, 3)), "b": np.zeros((4, 3))}},
        {"templates": {"a": np.zeros(15)}},
        {"templates": {}},
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(UserError, match="toy"):
        surface(**changes)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_lip_pairs_are_the_same_places_at_every_resolution(resolution: str) -> None:
    head, low = course_head(f"head-03@{resolution}"), course_head("head-03@low")
    assert head.lip_pairs is not None and low.lip_pairs is not None
    assert head.lip_pairs.shape == (2, 5)
    assert np.isin(head.lip_pairs, head.regions["lips"]).all()
    np.testing.assert_allclose(
        head.vertices[head.lip_pairs], low.vertices[low.lip_pairs], atol=2e-4
    )
    # Left to right, and each pair at one place across.
    across = head.vertices[head.lip_pairs][..., 0]
    assert (np.diff(across, axis=1) > 0.004).all()
    np.testing.assert_allclose(across[0], across[1], atol=1e-4)


def test_the_middle_pair_is_the_aperture() -> None:
    face = get_face("head-05@low")
    pose = np.zeros(52)
    pose[ARKIT_INDEX["jawOpen"]] = 0.4
    upper, lower = face.lip_pairs()
    gap = face.pose(pose)[0, upper, 1] - face.pose(pose)[0, lower, 1]
    assert gap[2] == pytest.approx(face.aperture(pose)[0], abs=1e-6)
    assert gap[2] > gap[1] > gap[0] > 0


def test_heads_of_the_course() -> None:
    corpus = load_corpus()
    head = corpus.head("maya")
    assert head.id.endswith("@low") and head.vertices.shape == (1142, 3)
    assert head.triangles.max() < 1142
    assert corpus.kind == "coefficients" and corpus.unit == head.unit == "m"
    assert corpus.head("maya", "medium").vertices.shape == (4510, 3)
    with pytest.raises(UserError):
        corpus.head("maya", "huge")
