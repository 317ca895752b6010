"""The references of notebook 00's checks are the package's own; learners' ways of writing pass."""

import numpy as np
import pytest

from talking_heads.course.checking import CheckFailed
from talking_heads.course.checks import find_exercise
from talking_heads.course.checks.nb00 import blend, lip_aperture, straight_shapes
from talking_heads.face import ARKIT_INDEX, get_face

APERTURE = find_exercise("00.lip_aperture").check
BLEND = find_exercise("00.blend").check


@pytest.mark.parametrize("face_id", ["neutral@low", "head-05@medium"])
def test_the_reference_aperture_is_the_faces_own(face_id):
    face = get_face(face_id)
    vertices = face.pose(np.random.default_rng(1).uniform(0, 1, (50, 52)))
    upper, lower = face.landmarks["inner_lip_upper"], face.landmarks["inner_lip_lower"]
    expected = face.lip_aperture(vertices)
    assert expected.max() > 0.005
    np.testing.assert_allclose(lip_aperture(vertices, upper, lower), expected, atol=1e-7)


def test_the_reference_blend_is_the_faces_own_where_moves_are_straight():
    face = get_face("neutral@low")
    columns = [ARKIT_INDEX[name] for name in straight_shapes()]
    assert len(columns) >= 10
    weights = np.random.default_rng(2).uniform(0, 1, (20, 52)).astype(np.float32)
    weights[:, [i for i in range(52) if i not in columns]] = 0
    offsets = face.pose(np.eye(52, dtype=np.float32)[columns]) - face.vertices
    posed = blend(face.vertices, offsets, weights[:, columns])
    np.testing.assert_allclose(posed, face.pose(weights), atol=2e-6)


def aperture_by_loops(vertices, upper, lower):
    result = []
    for frame in vertices:
        gaps = [frame[u][1] - frame[w][1] for u, w in zip(upper, lower, strict=True)]
        result.append(max(0, sum(gaps) / len(gaps)))
    return result


def blend_by_loops(template, offsets, weights):
    frames = []
    for row in weights:
        vertices = template.copy()
        for k, weight in enumerate(row):
            vertices = vertices + weight * offsets[k]
        frames.append(vertices)
    return np.stack(frames)


def blend_by_matrix(template, offsets, weights):
    flat = weights @ offsets.reshape(len(offsets), -1)
    return template + flat.reshape(len(weights), *template.shape)


@pytest.mark.parametrize("seed", range(5))
def test_other_right_ways_of_writing_pass(seed):
    for check, answer in (
        (APERTURE, aperture_by_loops),
        (APERTURE, lambda v, u, w: ((v[:, u] - v[:, w])[..., 1].mean(1)).clip(min=0)),
        (BLEND, blend_by_loops),
        (BLEND, blend_by_matrix),
    ):
        assert "4 inputs" in check(answer, np.random.default_rng(seed))


def changes_template(template, offsets, weights):
    template += 0.0
    for k in range(len(offsets)):
        template += weights[0, k] * offsets[k]
    return np.stack([template] * len(weights))


def knows_one_face_only(vertices, upper, lower):
    face = get_face("neutral@low")
    return face.lip_aperture(vertices)


@pytest.mark.parametrize(
    ("check", "answer", "words"),
    [
        # Mistakes as learners write them, none of them taken from the table of the check.
        (APERTURE, lambda v, u, w: [max(0, f[u, 0].mean() - f[w, 0].mean()) for f in v], "x in"),
        (APERTURE, lambda v, u, w: np.mean(v[:, u, 1], 1) - np.mean(v[:, w, 1], 1), "negative"),
        (APERTURE, lambda v, u, w: np.maximum(v[:, u, 1] - v[:, w, 1], 0), "only axes of length 1"),
        (APERTURE, lambda v, u, w: v[u, 1] - v[w, 1], "IndexError"),
        (APERTURE, lambda v, u, w: (v[:, u, 1] - v[:, w, 1]).mean(1).clip(0) * 1e3, "millimetres"),
        (APERTURE, knows_one_face_only, "UserError"),
        (APERTURE, lambda v, u, w: (v[:, u, 1] - v[:, w, 1]).mean(0).clip(0), "shape"),
        (BLEND, changes_template, "in place"),
        (BLEND, lambda t, b, w: t + w @ b, "ValueError"),
        (BLEND, lambda t, b, w: np.tensordot(w, b, 1), "face at rest"),
        (BLEND, lambda t, b, w: sum(t + w[:, k, None, None] * b[k] for k in range(len(b))), "once"),
        (BLEND, lambda t, b, w: t + 1000 * np.tensordot(w, b, 1), "For a head that frowns"),
    ],
)
def test_mistakes_as_learners_write_them(check, answer, words):
    with pytest.raises(CheckFailed) as failure:
        check(answer, np.random.default_rng(0))
    assert words in str(failure.value)
