"""Spirals, receptive fields and pyramids as views, stills and figures."""

import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from talking_heads.corpus.heads import Head, course_head
from talking_heads.course.figures import png_of
from talking_heads.course.mesh_figures import (
    field_figure,
    grid_figure,
    pyramid_figure,
    spiral_figure,
)
from talking_heads.course.mesh_marks import field_of, field_shares, path_colors, raised_path
from talking_heads.course.mesh_picture import Mesh, facing, mesh_of, near_camera
from talking_heads.course.mesh_view import field_view, named_vertices, pyramid_view, spiral_view
from talking_heads.errors import UserError
from talking_heads.geometry.pyramid import build_pyramid

FACE = "neutral@low"


@pytest.fixture(scope="module")
def pyramid():
    head = course_head(FACE)
    return build_pyramid(head.vertices, head.triangles, [4, 4], 9, 2, cache=False)


@pytest.fixture(scope="module")
def spirals(pyramid):
    return pyramid.levels[0].spirals


@pytest.fixture(scope="module")
def mesh():
    return mesh_of(FACE)


def pixels(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def near(picture, color, within=40):
    """Return the share of the picture that has a colour."""
    return float((np.abs(picture - np.asarray(color)).max(-1) < within).mean())


def packed(color):
    return (int(color[0]) << 16) + (int(color[1]) << 8) + int(color[2])


# --- the mesh ---


def test_names_lie_where_they_say(mesh):
    points = {name: mesh.vertices[number] for name, number in named_vertices(FACE).items()}
    x = {name: point[0] for name, point in points.items()}
    y = {name: point[1] for name, point in points.items()}
    assert x["left corner of the mouth"] > 0.015 and x["right corner of the mouth"] < -0.015
    assert x["left cheek"] > 0.02 and abs(x["tip of the nose"]) < 0.005
    order = ["chin", "middle of the lower lip", "middle of the upper lip", "tip of the nose",
             "outer corner of the left eye", "forehead"]  # fmt: skip
    assert [y[name] for name in order] == sorted(y[name] for name in order)
    assert points["tip of the nose"][2] == mesh.vertices[:, 2].max()
    assert mesh.number(None) == mesh.names["middle of the upper lip"]
    assert mesh.words(mesh.names["chin"]).endswith("(chin)")


def test_any_head_is_a_mesh():
    tetra = np.array([[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [0, 0, 0.1]], np.float32)
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)
    mesh = mesh_of(Head("a@b", tetra, faces, {}))
    assert isinstance(mesh, Mesh) and mesh.names == {} and len(mesh.around[1]) == 0
    assert mesh.number(None) == 3
    figure, _ = spiral_figure(Head("a@b", tetra, faces, {}), np.array([[0, 1, 2]] * 4), 3)
    assert len(figure.axes) == 1
    biwi = mesh_of(Head("a@b", 30 * tetra, faces, {}, unit=None))
    assert np.ptp(biwi.vertices[:, 1]) == pytest.approx(0.25), "drawn 25 cm high"


def test_a_near_camera_shows_all_that_it_should(mesh, spirals):
    for vertex in (0, 351, 800, 1100):
        points = mesh.vertices[spirals[vertex]].astype(float)
        camera = near_camera(mesh, points, vertex, (200, 160))
        places = camera.project(points)
        assert (places[:, 0] > 5).all() and (places[:, 0] < 195).all()
        assert (places[:, 1] > 5).all() and (places[:, 1] < 155).all()
    left, right = (mesh.names[f"{side} corner of the mouth"] for side in ("left", "right"))
    assert facing(mesh, left)[0] < -5 and facing(mesh, right)[0] > 5


def test_a_path_runs_above_the_skin_through_its_vertices(mesh):
    path, owner = raised_path(mesh, np.array([351, 352, 351]))
    ends = mesh.vertices[[351, 352, 351]] + 0.0007 * mesh.normals[[351, 352, 351]]
    np.testing.assert_allclose(path[::8], ends, atol=1e-6)
    assert owner.tolist() == [0] + [1] * 8 + [2] * 8
    middle = path[4] - (ends[0] + ends[1]) / 2
    assert middle @ (mesh.normals[351] + mesh.normals[352]) > 0
    # Round the chin a straight line would run 10 mm deep.
    path, _ = raised_path(mesh, np.array([534, 624, 566]))
    corners = mesh.vertices[mesh.triangles].mean(1)
    nearest = np.linalg.norm(path[:, None] - corners, axis=2).argmin(1)
    across = mesh.normals[mesh.triangles[nearest]].mean(1)
    assert (((path - corners[nearest]) * across).sum(1) > -0.002).all()


# --- spirals ---


def test_the_spiral_box_draws_what_its_controls_say(mesh, spirals):
    box = spiral_view(FACE, spirals, "tip of the nose", title="Kernel 9")
    vertex = mesh.names["tip of the nose"]
    assert box.vertex.value == vertex and box.place.value == "tip of the nose"
    np.testing.assert_array_equal(box.spiral, spirals[vertex])
    line, points, *numbers = [o for o in box.plot.objects if o.type in ("Line", "Points", "Text")]
    far = np.linalg.norm(points.positions - mesh.vertices[spirals[vertex]], axis=1)
    assert (far < 0.001).all() and len(numbers) == 9
    colors = np.round(255 * path_colors(9))
    assert points.colors.tolist() == [packed(color) for color in colors]
    assert line.colors[0] == packed(colors[0]) and line.colors[-1] == packed(colors[-1])
    camera = list(box.plot.camera)

    box.place.value = "chin"
    assert box.vertex.value == mesh.names["chin"] and box.plot.camera != camera
    assert f"spiral of vertex {mesh.names['chin']} (chin)" in box.status.value
    box.vertex.value = 700
    assert box.place.value == "by number"
    box.steps.value = 4
    assert "The first 4 are drawn." in box.status.value
    assert [text.visible for text in numbers] == [True] * 4 + [False] * 5
    assert len(points.positions) == 9 and (points.positions[3:] == points.positions[3]).all()
    assert (line.vertices[24:] == line.vertices[24]).all()
    np.testing.assert_allclose(points.positions[1], mesh.vertices[spirals[700, 1]], atol=1e-3)
    box.vertex.value = mesh.names["chin"]
    assert box.place.value == "chin"


def test_a_spiral_in_words_and_as_a_still(spirals):
    box = spiral_view(FACE, spirals, 500, title="Kernel 9")
    text = repr(box)
    assert text == repr(spiral_view(FACE, spirals, 500, title="Kernel 9"))
    assert text.startswith("Kernel 9: A head to turn") and "object at" not in text
    assert ", ".join(map(str, spirals[500])) in text
    bundle = box._repr_mimebundle_()
    assert bundle["text/plain"] == text and len(box.still) < 25_000
    picture = pixels(box.still)
    for color in 255 * path_colors(9)[[0, 4, 8]]:
        assert near(picture, color) > 0.0003, "every part of the path is there, in its colour"
    box.steps.value = 1
    assert near(pixels(box.still), 255 * path_colors(9)[8]) < 0.0003


def test_a_figure_of_spirals(mesh, spirals):
    figure, words = spiral_figure(FACE, {"a": spirals, "b": spirals[:, :3]}, ["chin", 500])
    assert [axis.get_title() for axis in figure.axes] == [
        "chin\na", "chin\nb", "vertex 500\na", "vertex 500\nb",
    ]  # fmt: skip
    assert f"vertex 500 with b takes 3 vertices, {', '.join(map(str, spirals[500, :3]))};" in words
    reach = mesh.vertices[spirals[500, :3]] - mesh.vertices[500]
    assert f"{1000 * np.linalg.norm(reach, axis=1).max():.0f} mm from the centre" in words
    figure, _ = spiral_figure(FACE, spirals, ["chin", "forehead"])
    assert len(png_of(figure)) < 25_000


def test_a_spiral_that_repeats_its_centre_is_drawn_once():
    tetra = np.array([[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [0, 0, 0.1]], np.float32)
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)
    figure, _ = spiral_figure(Head("a@b", tetra, faces, {}), np.array([[3, 1, 3, 3]] * 4), 3)
    assert [text.get_text() for text in figure.axes[0].texts] == ["0", "1"]


# --- fields and pyramids ---


def test_the_field_box_shows_paths(mesh, pyramid):
    box = field_view(FACE, pyramid, "left cheek")
    assert box.level.value == 2 and box.weights.sum() == pytest.approx(1)
    kept = pyramid.origin(2)
    far = np.linalg.norm(mesh.vertices[kept] - mesh.vertices[box.vertex.value], axis=1)
    assert box.centre == kept[far.argmin()]
    seen = np.flatnonzero(box.weights)
    assert f"sees {len(seen)} of 1142 vertices" in box.status.value
    skin = next(o for o in box.plot.objects if o.type == "Mesh")
    pale = np.array([packed(color) for color in mesh.colors])
    assert set(np.flatnonzero(skin.colors != pale)) == set(seen)

    box.level.value = 1
    weights, centre = field_of(mesh, pyramid, 1, box.vertex.value)
    assert set(np.flatnonzero(weights)) == set(pyramid.levels[0].spirals[centre])
    assert "After 1 convolution, " in box.status.value
    np.testing.assert_array_equal(box.weights, weights)
    box.level.value = 0
    assert "sees 1 of 1142 vertices (0.1 %), up to 0 mm away" in box.status.value
    box.place.value = "chin"
    assert box.centre == mesh.names["chin"]


def test_shades_of_a_field_are_logarithmic():
    shares = field_shares(np.array([0, 1.0, 10, 100, 0]))
    np.testing.assert_allclose(shares, [-1, 0, 0.5, 1, -1], atol=1e-12)
    np.testing.assert_array_equal(field_shares(np.array([0, 3.0, 3])), [-1, 1, 1])


def test_a_field_in_words_and_as_a_still(pyramid):
    box = field_view(FACE, pyramid, "left cheek", title="Factor 4")
    text = repr(box)
    assert text.startswith("Factor 4: A head to turn") and "half of the paths begin at" in text
    assert len(box.still) < 25_000 and box._repr_mimebundle_()["text/plain"] == text
    large = pixels(box.still)
    box.level.value = 1
    small = pixels(box.still)

    def red(picture):
        return (picture[..., 0] > picture[..., 2] + 80).mean()

    assert red(large) > 2 * red(small) > 0


def test_figures_of_fields_and_levels(pyramid):
    figure, words = field_figure(FACE, {"one": pyramid, "two": pyramid}, "chin", [1, 2])
    titles = [axis.get_title().partition("\n")[0] for axis in figure.axes]
    assert titles == ["one, level 1", "one, level 2", "two, level 1", "two, level 2"]
    assert words.count("After 2 convolutions") == 2 and len(png_of(figure)) < 25_000
    figure, _ = field_figure(FACE, pyramid, "middle of the upper lip")
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[0] == "level 1, closer\n9 vertices" and titles[1].startswith("level 2\n")
    figure, words = pyramid_figure(FACE, pyramid)
    assert [axis.get_title() for axis in figure.axes][2].startswith("level 2\n72 vertices")
    assert "level 1 286 vertices" in words and len(png_of(figure)) < 25_000


def test_the_pyramid_stands_side_by_side(pyramid):
    box = pyramid_view(FACE, pyramid)
    meshes = [o for o in box.plot.objects if o.type == "Mesh" and not o.wireframe]
    skins = [o for o in meshes if len(o.vertices) in pyramid.sizes]
    assert [len(o.vertices) for o in skins] == [1142, 286, 72]
    for left, right in pairwise(skins):
        assert left.vertices[:, 0].max() < right.vertices[:, 0].min()
    texts = [o.text for o in box.plot.objects if o.type == "Text"]
    assert texts == ["1,142", "286", "72"]
    assert "level 2 72 vertices" in repr(box) and len(box.still) < 25_000
    np.testing.assert_array_equal(
        skins[2].vertices[:, 1:], course_head(FACE).vertices[pyramid.origin(2)][:, 1:]
    )


def test_all_levels_fit_a_narrow_page(mesh):
    five = build_pyramid(mesh.vertices, mesh.triangles, [2.5] * 4, 9, 2)
    plot = pyramid_view(FACE, five, height=380).plot
    eye, at = np.array(plot.camera[:3]), np.array(plot.camera[3:6])
    assert eye[0] == pytest.approx(at[0])  # not from aside, so that no level looks larger
    places = np.concatenate([o.vertices for o in plot.objects if o.type == "Mesh"]) - eye
    half = np.tan(np.radians(plot.camera_fov / 2)) * -places[:, 2]
    assert np.abs(places[:, 0] / half).max() < 750 / 380
    assert np.abs(places[:, 1] / half).max() < 1


# --- flat meshes ---

POINTS = np.array([[x, y] for y in range(3) for x in range(3)], dtype=float)
TRIANGLES = np.array(
    [[0, 1, 4], [0, 4, 3], [1, 2, 5], [1, 5, 4], [3, 4, 7], [3, 7, 6], [4, 5, 8], [4, 8, 7]]
)


def test_a_grid_with_rings_and_paths():
    figure, words = grid_figure(
        POINTS, TRIANGLES, {"one": [4, 5, 8], "two": [4, 8]}, rings=[[4], [0, 1, 3, 5, 7, 8]]
    )
    assert [axis.get_title() for axis in figure.axes] == ["one", "two"]
    assert "9 vertices and 8 triangles" in words and "Ring 1, paler: 0, 1, 3, 5, 7, 8." in words
    assert "The path 'one' goes 4 to 5 to 8." in words
    arrows = [text for text in figure.axes[0].texts if text.get_text() == ""]
    assert len(arrows) == 2
    fills = figure.axes[0].collections[0].get_facecolors()[:, :3]
    assert (fills[0] == fills[1]).all() and (fills[0] != fills[4]).any() and (fills[2] == 1).all()
    assert len(png_of(figure)) < 20_000
    figure, _ = grid_figure(POINTS, TRIANGLES, [0, 4, 5, 3])
    bent = [text.arrow_patch.get_connectionstyle().rad != 0 for text in figure.axes[0].texts[9:]]
    assert bent == [False, False, True]  # from 5 to 3 a straight arrow would run over 4
    figure, words = grid_figure(POINTS, TRIANGLES, values=np.arange(9.0), numbers=False)
    assert "from 0 to 8" in words and not figure.axes[0].texts


# --- what does not fit ---


def test_what_does_not_fit_is_told(pyramid, spirals):
    with pytest.raises(UserError, match="There is no vertex 1142: neutral@low has 0 to 1141"):
        spiral_view(FACE, spirals, 1142)
    with pytest.raises(UserError, match='No vertex is named "ear"'):
        spiral_view(FACE, spirals, "ear")
    with pytest.raises(UserError, match=r"\(1142, length\), not \(5, 9\)"):
        spiral_view(FACE, spirals[:5])
    with pytest.raises(UserError, match="name a vertex that"):
        spiral_figure(FACE, spirals + 1, 0)
    with pytest.raises(UserError, match="levels 0 to 2, not 3"):
        field_view(FACE, pyramid, level=3)
    with pytest.raises(UserError, match="levels 0 to 2, not 3"):
        field_figure(FACE, pyramid, levels=[3])
    with pytest.raises(UserError, match="begins with 1142 vertices"):
        pyramid_view("neutral@medium", pyramid)
    with pytest.raises(UserError, match="1 to 8 spirals"):
        spiral_figure(FACE, spirals, list(range(9)))
    with pytest.raises(UserError, match="names a vertex that a mesh of 9"):
        grid_figure(POINTS, TRIANGLES, [4, 9])
    with pytest.raises(UserError, match="1 to 4 meshes"):
        grid_figure(POINTS, TRIANGLES, {str(k): [4] for k in range(5)})
