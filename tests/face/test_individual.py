import numpy as np
import pytest

from talking_heads.face import ARKIT_INDEX, IDENTITIES, build_face, get_face, identity_vector
from talking_heads.face.correctives import PRODUCTS, with_products
from talking_heads.face.identity import Identity
from talking_heads.face.individual import fields, jaw_habit, personal

POINTS = get_face("neutral@low").vertices[get_face("neutral@low").parts["skin"]].astype(float)
NAMES = ("mouthSmileLeft", "mouthSmileRight", "mouthPucker")


def person(name):
    return Identity(identity_vector(name))


def test_the_neutral_head_makes_the_general_shapes():
    shapes = np.random.default_rng(0).normal(size=(3, len(POINTS), 3))
    np.testing.assert_array_equal(personal(shapes, NAMES, POINTS, person("neutral")), shapes)
    np.testing.assert_array_equal(jaw_habit(POINTS, person("neutral")).strength, 1.0)


def test_people_differ_by_a_share_of_the_shape():
    shapes = np.zeros((3, len(POINTS), 3))
    shapes[..., 1] = 0.004
    made = np.array([personal(shapes, NAMES, POINTS, person(n)) for n in IDENTITIES[1:]])
    differences = np.linalg.norm(made - shapes, axis=-1) / 0.004
    assert 0.1 < differences.mean() < 0.4
    assert differences.max() < 1.2
    # No two alike.
    for i in range(len(made)):
        for j in range(i):
            assert np.linalg.norm(made[i] - made[j], axis=-1).mean() > 0.05 * 0.004


def test_left_and_right_mirror_one_another_but_for_a_part():
    mirrored = POINTS * [-1, 1, 1]
    shapes = np.zeros((3, len(POINTS), 3))
    shapes[:] = [0.0, 0.004, 0.002]
    uneven = []
    for name in IDENTITIES[1:]:
        here = personal(shapes, NAMES, POINTS, person(name))
        there = personal(shapes, NAMES, mirrored, person(name)) * [-1, 1, 1]
        for left, right in ((0, 1), (2, 2)):
            off = np.linalg.norm(here[left] - there[right], axis=-1).mean()
            whole = np.linalg.norm(here[left] - shapes[left], axis=-1).mean()
            uneven.append(off / whole)
    assert 0.1 < np.mean(uneven) < 0.9


def test_fields_are_smooth_and_depend_continuously_on_the_identity():
    who = person("head-03")
    base = fields(POINTS, who, 8, 5)
    step = fields(POINTS + np.array([0.001, 0.0, 0.0]), who, 8, 5)
    assert np.abs(base).max() < 6 and 0.3 < base.std() < 1.5
    assert np.abs(step - base).max() < 0.3
    near = who.vector.copy()
    near[3] += 0.01
    assert np.abs(fields(POINTS, Identity(near), 8, 5) - base).max() < 0.05


def test_both_lips_share_the_fields_where_they_touch():
    for name in ("head-04", "head-12"):
        face = get_face(f"{name}@low")
        lips = face._lips
        pair = face.vertices[[lips.upper[lips.contact], lips.lower[lips.contact]]].astype(float)
        above, below = (fields(p, person(name), 4, 5) for p in pair)
        np.testing.assert_allclose(above, below, atol=1e-6)


def test_products_vanish_where_one_factor_does():
    c = np.zeros((3, 52))
    c[1, ARKIT_INDEX["jawOpen"]] = 0.5
    c[2, [ARKIT_INDEX["jawOpen"], ARKIT_INDEX["mouthPucker"]]] = 0.5, 0.4
    found = with_products(c)
    assert found.shape == (3, 52 + len(PRODUCTS))
    np.testing.assert_array_equal(found[:, :52], c)
    assert not found[0].any()
    at = {pair: 52 + i for i, pair in enumerate(PRODUCTS)}
    assert set(np.flatnonzero(found[1, 52:]) + 52) == {at["jawOpen", "jawOpen"]}
    assert found[2, at["jawOpen", "mouthPucker"]] == pytest.approx(0.2)
    # What mouthClose closes is not open.
    c[2, ARKIT_INDEX["mouthClose"]] = 0.5
    assert with_products(c)[2, at["jawOpen", "mouthPucker"]] == 0.0
    assert with_products(c)[2, at["jawOpen", "mouthClose"]] == pytest.approx(0.25)


@pytest.mark.parametrize("pair", PRODUCTS)
def test_every_corrective_moves_skin_by_millimetres(pair):
    """Together two shapes do something else than their sum, by 1 to 9 mm, and only together."""
    face = get_face("neutral@low")
    one, two = np.zeros((2, 52))
    one[ARKIT_INDEX[pair[0]]] = two[ARKIT_INDEX[pair[1]]] = 1.0
    posed = face._pose(np.stack([one, two, np.maximum(one, two), 0.5 * one]), contact=False)
    posed = posed - face.vertices
    same = pair[0] == pair[1]
    extra = posed[0] - 2 * posed[3] if same else posed[2] - posed[0] - posed[1]
    size = np.linalg.norm(extra, axis=-1)[face.regions["skin"]].max()
    # mouthClose alone can close only what `PRESS` allows, so that this pair differs by more.
    assert 0.0007 < size < (0.02 if "mouthClose" in pair else 0.009)


def test_a_built_head_is_the_same_as_the_stored_one():
    again = build_face("low", identity_vector("head-05"), name="head-05")
    c = np.random.default_rng(1).uniform(0, 0.6, (3, 52))
    np.testing.assert_array_equal(again.pose(c), get_face("head-05@low").pose(c))


def test_the_jaw_slides_forward_as_it_opens():
    face = get_face("neutral@low")
    lower = np.zeros((3, 52))
    lower[1:, ARKIT_INDEX["jawOpen"]] = 0.5, 1.0
    teeth = face.parts["teeth"]
    last = face.pose(lower)[:, teeth.stop - 1].astype(float)
    y0, z0 = face._jaw.center
    radius = np.hypot(last[:, 1] - y0, last[:, 2] - z0)
    # A pure turn would keep the distance from the hinge.
    assert radius[2] - radius[0] > 0.0015
    assert 0.15 < (radius[1] - radius[0]) / (radius[2] - radius[0]) < 0.35
