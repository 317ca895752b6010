import io
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, get_face
from talking_heads.view.raster import BACKGROUND, project, render, still

TRIANGLE = np.array([[-0.1, -0.1, 0.0], [0.1, -0.1, 0.0], [0.0, 0.1, 0.0]])
RED = np.tile(np.array([200, 30, 30], np.uint8), (3, 1))


def is_background(picture):
    return (picture == np.array(BACKGROUND)).all(-1)


def test_a_front_face_is_drawn_and_a_back_face_is_not():
    front = render(TRIANGLE, np.array([[0, 1, 2]]), RED, size=(64, 64), center=(0, 0, 0))
    back = render(TRIANGLE, np.array([[0, 2, 1]]), RED, size=(64, 64), center=(0, 0, 0))
    assert front[32, 32, 0] > front[32, 32, 1] + 60
    assert is_background(back).all()
    # Half of 0.2 x 0.2 m in a view 0.31 m high; smoothing softens the border only.
    share = (~is_background(front)).mean()
    assert share == pytest.approx(0.02 / 0.31**2, rel=0.1)


def test_the_nearer_of_two_triangles_wins_whatever_their_order():
    points = np.concatenate([TRIANGLE, TRIANGLE + np.array([0, 0, 0.05])])
    colors = np.concatenate([RED, RED[:, ::-1]])
    for order in ([[0, 1, 2], [3, 4, 5]], [[3, 4, 5], [0, 1, 2]]):
        picture = render(points, np.array(order), colors, size=(48, 48), center=(0, 0, 0))
        assert picture[24, 24, 2] > picture[24, 24, 0]


def test_drawing_in_pieces_changes_nothing(medium_face, monkeypatch):
    args = (medium_face.vertices, medium_face.triangles, medium_face.colors)
    whole = render(*args, size=(160, 160), yaw=30)
    monkeypatch.setattr("talking_heads.view.raster._PIECE", 3_000)
    np.testing.assert_array_equal(render(*args, size=(160, 160), yaw=30), whole)


def test_a_mesh_that_is_all_noise_needs_little_memory():
    """Each of 1,000 triangles covers much of the picture, some 20 million pixels in all."""
    points = np.random.default_rng(0).normal(0, 0.3, (3_000, 3)) * [1, 1, 0.1]
    triangles = np.arange(3_000).reshape(-1, 3)
    colors = np.full((3_000, 3), 100, np.uint8)
    tracemalloc.start()
    try:
        picture = render(points, triangles, colors, size=(160, 160), center=(0, 0, 0))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert not is_background(picture).all(-1).all()
    assert peak < 1_000_000_000


def test_turning_the_view_moves_points_the_documented_way():
    nose = TRIANGLE * 0.1 + [0, 0, 0.1]
    right = render(nose, np.array([[0, 1, 2]]), RED, size=(80, 80), yaw=20, center=(0, 0, 0))
    above = render(nose, np.array([[0, 1, 2]]), RED, size=(80, 80), pitch=20, center=(0, 0, 0))
    assert np.argwhere(~is_background(right))[:, 1].mean() > 45
    assert np.argwhere(~is_background(above))[:, 0].mean() > 45


def test_the_head_fills_the_picture_and_is_deterministic(medium_face):
    pictures = [
        render(medium_face.vertices, medium_face.triangles, medium_face.colors) for _ in range(2)
    ]
    assert pictures[0].shape == (320, 320, 3) and pictures[0].dtype == np.uint8
    np.testing.assert_array_equal(*pictures)
    covered = ~is_background(pictures[0])
    assert 0.25 < covered.mean() < 0.8
    # Skin is warmer than the background: red above blue over most of the face.
    face = pictures[0][120:200, 120:200].astype(int)
    assert (face[..., 0] > face[..., 2] + 15).mean() > 0.8


def test_opening_the_mouth_changes_only_the_lower_face(medium_face):
    c = np.zeros(52)
    rest = np.asarray(Image.open(io.BytesIO(still(medium_face, c)))).astype(int)
    c[ARKIT_INDEX["jawOpen"]] = 1
    opened = np.asarray(Image.open(io.BytesIO(still(medium_face, c)))).astype(int)
    changed = np.abs(rest - opened).max(-1) > 25
    assert changed.sum() > 800
    assert np.argwhere(changed)[:, 0].min() > 140


def test_still_is_a_png_of_the_asked_size(medium_face):
    data = still(medium_face, size=(120, 90), yaw=30, head_rotation=np.array([0.1, 0.2, 0.0]))
    picture = Image.open(io.BytesIO(data))
    assert picture.format == "PNG" and picture.size == (120, 90)
    assert still(medium_face) == still(medium_face)


def test_bad_arguments_are_refused():
    with pytest.raises(UserError, match="render takes"):
        render(TRIANGLE, np.array([[0, 1, 2]]), RED[:2])
    with pytest.raises(UserError, match="positive size"):
        render(TRIANGLE, np.array([[0, 1, 2]]), RED, size=(0, 10))


@pytest.fixture(scope="module")
def medium_face():
    return get_face("neutral@medium")


def test_points_are_where_they_are_drawn():
    view = {"size": (120, 90), "yaw": 25.0, "pitch": -10.0, "zoom": 1.6, "center": (0.01, 0.02, 0)}
    rng = np.random.default_rng(0)
    for place in rng.uniform(-0.04, 0.04, (5, 3)):
        dot = place + 0.002 * TRIANGLE / 0.1
        corners = np.array([[0, 1, 2], [0, 2, 1]])
        picture = render(dot, corners, RED, **view)
        y, x = np.nonzero(~is_background(picture))
        found = project(dot.mean(0)[None], **view)[0]
        assert abs(x.mean() + 0.5 - found[0]) < 1 and abs(y.mean() + 0.5 - found[1]) < 1
    front, back = project(np.array([[0, 0, 0.1], [0, 0, 0]]), yaw=30)
    assert front[2] > back[2], "depth grows toward the viewer"


def test_edges_are_dark_where_they_are_seen_and_nowhere_else():
    white = np.full((3, 3), 240, np.uint8)
    options = {"size": (64, 64), "center": (0, 0, 0)}
    bare = render(TRIANGLE, np.array([[0, 1, 2]]), white, **options).astype(int)
    lined = render(
        TRIANGLE, np.array([[0, 1, 2]]), white, edges=np.array([[0, 1]]), **options
    ).astype(int)
    changed = (bare - lined).max(-1) > 20
    row = round(project(TRIANGLE[:1], **options)[0, 1])
    assert set(np.nonzero(changed)[0]) <= {row - 1, row} and changed.sum() >= 38
    # The same edge behind another triangle is hidden; in front of it, it is not.
    near = np.concatenate([TRIANGLE, 1.5 * TRIANGLE + [0, 0, 0.02]])
    both = np.array([[0, 1, 2], [3, 4, 5]])
    twice = np.tile(white, (2, 1))
    hidden = render(near, both, twice, edges=np.array([[0, 1]]), **options)
    np.testing.assert_array_equal(hidden, render(near, both, twice, **options))
    seen = render(near, both, twice, edges=np.array([[3, 5]]), **options)
    assert (seen != render(near, both, twice, **options)).any()
