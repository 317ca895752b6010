import numpy as np
import pytest
from scipy.spatial import cKDTree

from talking_heads.errors import UserError
from talking_heads.face import (
    IDENTITIES,
    IDENTITY_PARAMETERS,
    RESOLUTIONS,
    build_face,
    get_face,
    identity_vector,
)
from talking_heads.geometry import boundary_edges, is_manifold, triangle_normals


def skin_triangles(face):
    n = face.parts["skin"].stop
    return face.triangles[(face.triangles < n).all(1)]


def components(edges):
    left = [set(e) for e in edges.tolist()]
    groups = []
    while left:
        group = left.pop()
        grown = True
        while grown:
            touching = [e for e in left if e & group]
            left = [e for e in left if not e & group]
            grown = bool(touching)
            for e in touching:
                group |= e
        groups.append(group)
    return groups


@pytest.mark.parametrize("resolution", ["low", "medium"])
def test_skin_is_manifold_with_borders_at_neck_eyes_and_mouth(resolution):
    face = get_face(f"neutral@{resolution}")
    triangles = skin_triangles(face)
    assert is_manifold(triangles)
    assert len(components(boundary_edges(triangles))) == 4
    # With the inside of the mouth, neck and eyes remain open.
    stop = face.parts["mouth"]
    with_bag = face.triangles[
        ((face.triangles < face.parts["skin"].stop)
         | ((face.triangles >= stop.start) & (face.triangles < stop.stop))).all(1)
    ]  # fmt: skip
    assert is_manifold(with_bag)
    assert len(components(boundary_edges(with_bag))) == 3
    assert (np.linalg.norm(triangle_normals(face.vertices, triangles), axis=1) > 1e-10).all()


@pytest.mark.parametrize("resolution", ["low", "medium"])
def test_skin_and_its_mesh_mirror_themselves(resolution):
    face = get_face(f"neutral@{resolution}")
    skin = face.vertices[face.parts["skin"]].astype(float)
    # At rest the lips touch, so that a place can belong to two vertices: tell them apart by the
    # displacement that opens the mouth.
    opened = face.shape_jacobian("skin")[17].reshape(-1, 3)
    key = np.concatenate([skin, opened], 1)
    distance, partner = cKDTree(key).query(key * [-1, 1, 1, -1, 1, 1])
    assert distance.max() < 1e-6
    mirrored = {tuple(sorted(partner[t])) for t in skin_triangles(face)}
    same = {tuple(sorted(t)) for t in skin_triangles(face).tolist()}
    unlike = len(mirrored ^ same) / len(same)
    assert unlike < 0.02  # only the diagonals of lids may differ


def test_the_coarsest_vertices_persist_in_all_resolutions():
    faces = [get_face(f"neutral@{r}") for r in RESOLUTIONS]
    coarse = faces[0]
    for fine in faces[1:]:
        tree = cKDTree(fine.vertices[fine.parts["skin"]])
        distance, _ = tree.query(coarse.vertices[coarse.parts["skin"]])
        assert distance.max() < 2e-5
    for name, index in faces[0].landmarks.items():
        for face in faces[1:]:
            np.testing.assert_allclose(
                face.vertices[face.landmarks[name]], faces[0].vertices[index], atol=2e-5
            )


def test_resolutions_have_the_announced_sizes():
    sizes = [get_face(f"neutral@{r}").parts["skin"].stop for r in RESOLUTIONS]
    assert sizes == [1142, 4510, 23138]  # near 1,000, 5,000 (VOCASET) and 23,000 (BIWI)


def test_the_head_has_human_measures():
    face = get_face("neutral@medium")
    skin = face.vertices[face.parts["skin"]]
    chin = face.vertices[face.landmarks["chin"], 1].min()
    assert 0.215 < skin[:, 1].max() - chin < 0.245
    assert 0.135 < np.ptp(skin[:, 0]) < 0.160
    assert np.ptp(face.eye_centers[:, 0]) == pytest.approx(0.063, abs=0.002)
    corners = [face.vertices[face.landmarks[f"mouth_corner_{s}"][0], 0] for s in ("left", "right")]
    assert corners[0] - corners[1] == pytest.approx(0.050, abs=0.002)
    assert face.vertices[face.landmarks["nose_tip"][0], 2] == pytest.approx(
        skin[:, 2].max(), abs=1e-3
    )


def test_regions_lie_where_their_names_say(medium):
    v, at = medium.vertices, medium.regions
    n = medium.parts["skin"].stop
    for index in at.values():
        assert index.max() < n and len(np.unique(index)) == len(index)
    assert set(at["lips"]) <= set(at["mouth"])
    assert not set(at["upper_face"]) & set(at["mouth"])
    assert set(at["eyes"]) <= set(at["upper_face"])
    assert np.abs(v[at["lips"], 0]).max() < 0.03
    assert v[at["upper_face"], 1].min() > v[at["lips"], 1].max()
    nearest = np.linalg.norm(v[at["eyes"], None] - medium.eye_centers, axis=-1).min(1)
    assert nearest.max() < 0.037


def test_identities_differ_and_share_one_topology():
    faces = [get_face(f"{name}@low") for name in IDENTITIES]
    assert len({f.topology_hash for f in faces}) == 1
    assert len({get_face(f"neutral@{r}").topology_hash for r in RESOLUTIONS}) == len(RESOLUTIONS)
    ahead = np.flatnonzero(faces[0].vertices[faces[0].parts["skin"], 2] > 0.03)
    skins = np.array([f.vertices[ahead] for f in faces])
    assert np.isfinite(skins).all()
    for i in range(len(faces)):
        for j in range(i):
            rms = np.sqrt(((skins[i] - skins[j]) ** 2).sum(-1).mean())
            assert rms > 0.0008, (faces[i].id, faces[j].id)


@pytest.mark.parametrize("name", IDENTITIES)
def test_no_identity_folds_over(name):
    """Each triangle of the face keeps an outward normal, seen from inside the head."""
    face = get_face(f"{name}@low")
    triangles = skin_triangles(face)
    middle = face.vertices[triangles].mean(1)
    ahead = (middle[:, 2] > 0.02) & (middle[:, 1] > -0.06)
    lips = np.isin(triangles, face.regions["lips"]).any(1)
    eyes = np.isin(triangles, face.regions["eyes"]).any(1)
    normal = triangle_normals(face.vertices, triangles)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    keep = ahead & ~lips & ~eyes
    assert (normal[keep, 2] > -0.75).all()
    outward = ((middle - [0, 0, -0.005]) * normal).sum(1)
    assert (outward[keep] > -0.02).mean() == 1.0


def test_build_face_takes_any_identity_and_is_deterministic():
    rng = np.random.default_rng(3)
    vector = identity_vector("neutral")
    vector += rng.uniform(-0.8, 0.8, len(vector))
    a, b = build_face("low", vector, name="mine"), build_face("low", vector, name="mine")
    assert a.id == "mine@low"
    assert np.array_equal(a.vertices, b.vertices) and np.array_equal(a.colors, b.colors)
    assert np.isfinite(a.vertices).all()
    assert len(IDENTITY_PARAMETERS) == len(vector)


@pytest.mark.parametrize(
    "bad", ["", "neutral", "nobody@low", "neutral@huge", "head-17@low", "@", "head-01@"]
)
def test_unknown_faces_are_refused_with_the_choices(bad):
    with pytest.raises(UserError, match="head-16"):
        get_face(bad)


def test_bad_identities_are_refused():
    with pytest.raises(UserError, match="finite numbers"):
        build_face("low", np.zeros(3))
    with pytest.raises(UserError, match="finite numbers"):
        build_face("low", np.full(len(IDENTITY_PARAMETERS), np.nan))
    with pytest.raises(UserError, match="low"):
        build_face("tiny")


def test_get_face_returns_one_shared_read_only_head():
    face = get_face("head-01@low")
    assert face is get_face("head-01@low")
    with pytest.raises(ValueError, match="read-only"):
        face.vertices[0] = 0
