import numpy as np
import pytest

from talking_heads.errors import UserError
from talking_heads.face import (
    IDENTITIES,
    IDENTITY_MEANINGS,
    IDENTITY_PARAMETERS,
    IDENTITY_RANGES,
    build_face,
    get_face,
    identity_from_dict,
    identity_name,
    identity_to_dict,
    identity_vector,
    random_identity,
)
from talking_heads.geometry import triangle_normals

LOW, HIGH = np.array([IDENTITY_RANGES[name] for name in IDENTITY_PARAMETERS]).T


def test_every_parameter_has_a_range_and_a_meaning_and_all_heads_lie_within():
    assert set(IDENTITY_MEANINGS) == set(IDENTITY_RANGES) == set(IDENTITY_PARAMETERS)
    for name in IDENTITIES:
        vector = identity_vector(name)
        assert (vector >= LOW).all() and (vector <= HIGH).all(), name


def test_names_and_dictionaries_give_back_the_same_head():
    for seed in range(50):
        vector = random_identity(seed)
        np.testing.assert_array_equal(identity_vector(f"person-{seed}"), vector)
        np.testing.assert_array_equal(identity_vector(identity_name(vector)), vector)
        np.testing.assert_array_equal(identity_from_dict(identity_to_dict(vector)), vector)
    np.testing.assert_array_equal(identity_from_dict({}), identity_vector("neutral"))
    # What lies outside the ranges is cut to them.
    np.testing.assert_array_equal(identity_vector(identity_name(np.full(len(LOW), 9.0))), HIGH)


def test_a_face_id_says_all_about_a_head_of_ones_own():
    mine = identity_from_dict({"chin": 0.8, "hair_length": 0.9, "skin_tone": 0.4})
    face = get_face(f"{identity_name(mine)}@low")
    np.testing.assert_array_equal(face.vertices, build_face("low", mine).vertices)
    np.testing.assert_array_equal(face.identity, mine)


@pytest.mark.parametrize(
    "name", ["person-", "person--1", "person-x", "person-1e3", "person-99999999999", "person-٣",
             "own-", "own-zz", "own-00", "own-" + "ff" * len(LOW)]
)  # fmt: skip
def test_names_of_no_head_are_refused(name):
    with pytest.raises(UserError, match="There is no head"):
        identity_vector(name)


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"chins": 1}, "no parameter"),
        ({"chin": 1.5}, "-1 to 1"),
        ({"beard": -0.1}, "0 to 1"),
        ({"beard": float("nan")}, "0 to 1"),
        ({"beard": "full"}, "0 to 1"),
        ({"beard": True}, "0 to 1"),
        ({"beard": None}, "0 to 1"),
        ([0.1], "dictionary"),
    ],
)
def test_dictionaries_are_checked(values, match):
    with pytest.raises(UserError, match=match) as error:
        identity_from_dict(values)
    assert len(str(error.value).splitlines()) <= 3


def test_random_people_are_believable_and_none_is_another():
    with pytest.raises(UserError, match="at least 0"):
        random_identity(-1)
    people = np.array([random_identity(seed) for seed in range(300)])
    assert ((people >= LOW) & (people <= HIGH)).all()
    column = {name: people[:, i] for i, name in enumerate(IDENTITY_PARAMETERS)}
    dark = column["skin_tone"] > 0.5
    assert 0.1 < dark.mean() < 0.6
    assert column["hair_shade"][dark].max() <= 0.11 and column["eye_hue"][dark].max() <= 0.13
    assert column["beard"][column["hair_length"] > 0.3].max() == 0
    assert np.corrcoef(column["jaw_width"], column["brow_ridge"])[0, 1] > 0.1
    shape = people[:, : IDENTITY_PARAMETERS.index("skin_tone")]
    apart = np.linalg.norm(shape[:, None] - shape, axis=-1) + 9 * np.eye(len(shape))
    assert apart.min() > 0.7


def inside_out(face, like):
    """Return what share of the skin faces the other way than on a sound head."""
    n = like.parts["skin"].stop
    triangles = like.triangles[(like.triangles < n).all(1)]
    normals = [triangle_normals(f.vertices, triangles) for f in (face, like)]
    area = np.linalg.norm(normals[0], axis=1)
    return area[(normals[0] * normals[1]).sum(1) < 0].sum() / area.sum()


def check_identity(vector, like, most=3e-4):
    """Slivers at the creases of lids, nostrils and corners may turn over: `most` of the skin.

    Vectors drawn evenly over the ranges hold corners that no person has, such as the widest wings
    on the smallest nose; at medium resolution such a wing may fold in at its crease.
    """
    face = build_face(like.resolution, vector)
    assert np.isfinite(face.vertices).all()
    assert inside_out(face, like) < most
    eyes = face.vertices[face.regions["eyes"]]
    away = np.linalg.norm(eyes[:, None] - face.eye_centers, axis=-1).min(1)
    assert away.min() > face.eye_radius
    # The ears, the brows and the neck grow on the head, not beside it.
    ears = face.vertices[face.parts["ears"]]
    skin = face.vertices[face.parts["skin"]]
    for part, most in (("ears", 0.030), ("brows", 0.012), ("teeth", 0.06)):
        points = face.vertices[face.parts[part]][::7]
        gap = np.linalg.norm(points[:, None] - skin, axis=-1).min(1)
        assert gap.max() < most, part
    assert np.abs(ears[:, 0]).min() > 0.05


def test_no_identity_within_the_ranges_folds_over(low):
    rng = np.random.default_rng(11)
    for _ in range(8):
        check_identity(rng.uniform(LOW, HIGH), low)
    for seed in range(4):
        check_identity(random_identity(seed), low)


@pytest.mark.slow
@pytest.mark.parametrize(("resolution", "count"), [("low", 100), ("medium", 30)])
def test_no_identity_of_many_folds_over(resolution, count):
    like = get_face(f"neutral@{resolution}")
    rng = np.random.default_rng(12)
    for seed in range(count):
        check_identity(rng.uniform(LOW, HIGH), like, most=6e-4)
        check_identity(random_identity(seed), like)


@pytest.mark.parametrize("name", IDENTITIES)
def test_hair_covers_the_head_and_leaves_the_face_free(name):
    face = get_face(f"{name}@low")
    hair = face.vertices[face.parts["hair"]]
    skin = face.vertices[face.parts["skin"]]
    assert hair[:, 1].max() > skin[:, 1].max()
    eyes = face.vertices[face.regions["eyes"]]
    ahead = hair[(np.abs(hair[:, 0]) < 0.045) & (hair[:, 2] > 0.03)]
    assert ahead[:, 1].min() > eyes[:, 1].max()
