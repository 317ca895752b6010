import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import Delaunay

from talking_heads.errors import UserError
from talking_heads.geometry import (
    boundary_edges,
    decimate,
    decimation,
    edges,
    is_manifold,
    triangle_normals,
)

QUICK = settings(max_examples=25, deadline=None)


def euler(triangles):
    return len(np.unique(triangles)) - len(edges(triangles)) + len(triangles)


def border_loops(triangles):
    """Number of closed border lines."""
    following = {}
    for a, b in boundary_edges(triangles).tolist():
        following.setdefault(a, set()).add(b)
        following.setdefault(b, set()).add(a)
    loops = 0
    while following:
        loops += 1
        todo = [next(iter(following))]
        while todo:
            todo.extend(following.pop(todo.pop(), ()))
    return loops


def check(vertices, triangles, factor):
    """What holds for every decimation; returns it with the kept positions."""
    done = decimate(vertices, triangles, factor)
    size = math.ceil(len(vertices) / factor)
    assert len(done.kept) == size
    assert (np.diff(done.kept) > 0).all()
    assert done.kept.min() >= 0
    assert done.kept.max() < len(vertices)
    assert done.triangles.min(initial=0) >= 0
    assert done.triangles.max(initial=0) < size
    assert all(len(set(t)) == 3 for t in done.triangles.tolist())
    before = [frozenset(t) for t in np.asarray(triangles).tolist()]
    after = [frozenset(t) for t in done.triangles.tolist()]
    if len(set(before)) == len(before):
        assert len(set(after)) == len(after)
    assert done.merged.shape == (len(vertices),)
    np.testing.assert_array_equal(done.merged[done.kept], np.arange(size))
    return done, vertices[done.kept]


@pytest.mark.parametrize("factor", [1, 1.5, 2, 4, 10])
def test_a_sphere_stays_a_closed_sphere_with_its_outside_outside(meshes, factor):
    vertices, triangles = meshes.sphere(3)
    done, kept = check(vertices, triangles, factor)
    assert is_manifold(done.triangles)
    assert len(boundary_edges(done.triangles)) == 0
    assert euler(done.triangles) == 2
    normals = triangle_normals(kept, done.triangles)
    assert ((normals * kept[done.triangles].mean(1)).sum(1) > 0).all()
    # The volume tends to the ball's; with 65 vertices it is still near.
    volume = (
        np.cross(*kept[done.triangles][:, :2].swapaxes(0, 1)) * kept[done.triangles][:, 2]
    ).sum()
    assert volume / 6 > 0.85 * 4 / 3 * np.pi


def test_a_torus_keeps_the_hole_through_it(meshes):
    vertices, triangles = meshes.torus()
    done, _ = check(vertices, triangles, 4)
    assert is_manifold(done.triangles)
    assert euler(done.triangles) == 0
    assert len(boundary_edges(done.triangles)) == 0


def test_a_torus_shrinks_to_the_smallest_one_that_there_is(meshes):
    # Seven vertices, each beside all others. What was forbidden must be tried again on the way.
    vertices, triangles = meshes.torus()
    done, _ = check(vertices, triangles, 128 / 7)
    assert is_manifold(done.triangles)
    assert euler(done.triangles) == 0
    assert len(edges(done.triangles)) == 21


@pytest.mark.parametrize("back", [False, True])
def test_triangles_that_are_there_twice_count_once(meshes, back):
    vertices, triangles = meshes.skin()
    twice = np.concatenate([triangles, triangles[:, ::-1] if back else triangles])
    once, done = decimate(vertices, triangles, 4), decimate(vertices, twice, 4)
    np.testing.assert_array_equal(done.kept, once.kept)
    np.testing.assert_array_equal(done.triangles, once.triangles)


def test_factor_one_changes_nothing(meshes):
    vertices, triangles = meshes.torus()
    done, _ = check(vertices, triangles, 1)
    np.testing.assert_array_equal(done.triangles, triangles)


@pytest.mark.parametrize("factor", [2, 5, 20, 30])
def test_a_flat_square_stays_that_square(meshes, factor):
    vertices, triangles = meshes.grid(11, 11)
    done, kept = check(vertices, triangles, factor)
    normals = triangle_normals(kept, done.triangles)
    assert (normals[:, 2] > 0).all()
    assert normals[:, 2].sum() / 2 == pytest.approx(100)
    assert {0, 10, 110, 120} <= set(done.kept.tolist())


def test_a_flat_frame_keeps_its_window_in_any_position(meshes):
    vertices, triangles = meshes.grid(10, 10)
    middle = vertices[triangles].mean(1)
    hole = ((middle[:, :2] > 3) & (middle[:, :2] < 6)).all(1)
    frame = triangles[~hole]
    used = np.unique(frame)
    index = np.zeros(100, int)
    index[used] = np.arange(len(used))
    turned = 70 * (vertices[used] @ meshes.random_rotation(1).T) + 1e3
    done, kept = check(turned, index[frame], 6)
    assert border_loops(done.triangles) == 2
    area = np.linalg.norm(triangle_normals(kept, done.triangles), axis=1).sum() / 2
    assert area == pytest.approx(70**2 * 72, rel=1e-9)


def test_a_cube_is_left_with_its_corners():
    side, inner = np.meshgrid(np.arange(5), np.arange(5))
    flat = np.stack([side.ravel(), inner.ravel()], 1)
    quads = [
        (5 * j + i, 5 * j + i + 1, 5 * j + i + 6, 5 * j + i + 5) for i in range(4) for j in range(4)
    ]
    faces, points = [], []
    for axis in range(3):
        for end in (0, 4):
            corner = np.insert(flat, axis, end, axis=1)
            start = sum(map(len, points))
            points.append(corner)
            for a, b, c, d in quads:
                # Insert the constant axis: 0 and 2 keep the winding, 1 turns it round.
                out = (end == 4) == (axis != 1)
                faces += [(a, b, c), (a, c, d)] if out else [(a, c, b), (a, d, c)]
                faces[-2:] = [tuple(start + v for v in face) for face in faces[-2:]]
    unique, index = np.unique(np.concatenate(points), axis=0, return_inverse=True)
    triangles = index.ravel()[np.array(faces)]
    assert len(unique) == 98
    assert is_manifold(triangles)
    done, kept = check(unique.astype(float), triangles, 98 / 8)
    assert sorted(map(tuple, kept.tolist())) == sorted(
        (x, y, z) for x in (0.0, 4.0) for y in (0.0, 4.0) for z in (0.0, 4.0)
    )
    assert euler(done.triangles) == 2


@pytest.mark.parametrize("left", [20, 12, 8, 6])
def test_a_short_tube_stays_open_at_both_ends(left):
    # Across the tube edges are short and cheap, but both of their ends lie on a border.
    y, x = np.divmod(np.arange(32), 16)
    angle = 2 * np.pi * x / 16
    vertices = np.stack([np.cos(angle), np.sin(angle), 0.02 * y], 1)
    a = np.arange(16)
    b = (a + 1) % 16
    triangles = np.concatenate([np.stack([a, b, b + 16], 1), np.stack([a, b + 16, a + 16], 1)])
    done, _ = check(vertices, triangles, 32 / left)
    assert is_manifold(done.triangles)
    assert euler(done.triangles) == 0
    assert border_loops(done.triangles) == 2


@QUICK
@given(seed=st.integers(0, 10**6), factor=st.sampled_from([1.3, 2, 3]))
def test_random_sheets_keep_their_kind_and_turn_no_triangle(meshes, seed, factor):
    vertices, triangles = meshes.random_sheet(seed, 80, height=0.1)
    done, kept = check(vertices, triangles, factor)
    assert is_manifold(done.triangles)
    assert euler(done.triangles) == 1
    assert border_loops(done.triangles) == 1
    normals = triangle_normals(kept, done.triangles)
    sides = kept[done.triangles] - np.roll(kept[done.triangles], 1, axis=1)
    assert (np.linalg.norm(normals, axis=1) > 1e-6 * (sides**2).sum((1, 2))).all()


@QUICK
@given(seed=st.integers(0, 10**6), factor=st.floats(1, 60))
def test_any_soup_of_triangles_reaches_its_size(meshes, seed, factor):
    check(*meshes.tangle(seed, 20, 15), factor)


@pytest.mark.parametrize("factor", [2, 4, 16, 100, 5000])
def test_the_head_reaches_any_size(meshes, factor):
    vertices, triangles = meshes.skin()
    done, _ = check(vertices, triangles, factor)
    if factor <= 16:
        assert is_manifold(done.triangles)
        assert border_loops(done.triangles) == border_loops(triangles)
        assert euler(done.triangles) == euler(triangles)


def test_components_stay_apart(meshes):
    a, t = meshes.sphere(2)
    vertices = np.concatenate([a, np.add(a, [3, 0, 0]), np.add(0.3 * a, [0, 3, 0])])
    triangles = np.concatenate([t, t + len(a), t + 2 * len(a)])
    done, _ = check(vertices, triangles, 5)
    part = done.kept // len(a)
    assert set(part) == {0, 1, 2}
    assert (part[done.triangles] == part[done.triangles][:, :1]).all()
    assert euler(done.triangles) == 6
    np.testing.assert_array_equal(part[done.merged], np.arange(len(vertices)) // len(a))


def test_where_not_all_components_can_stay_the_others_do(meshes):
    sheet, t = meshes.grid(8, 8)
    small, u = meshes.sphere(0)
    vertices = np.concatenate([sheet, *(0.1 * small + [20.0 * i, 0, 9] for i in range(4))])
    triangles = np.concatenate([t, *(u + 64 + 12 * i for i in range(4))])
    # Four closed surfaces need 16 vertices and the sheet 3.
    for left in (18, 10, 4):
        done, _ = check(vertices, triangles, len(vertices) / left)
        # All of a mesh, or all but the odd corner of the triangle that went last.
        assert len(np.unique(done.triangles)) >= left - 1


def test_the_last_resort_leaves_no_triangle_twice():
    # Moving 0 onto 3, which is at the same place, lays the first triangle onto the second.
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0], [-1, 0, 0]], float)
    mesh = decimation._Mesh(points, np.array([[0, 1, 2], [3, 2, 1], [0, 3, 4]]))
    mesh.collapse(4, None)
    assert sorted(map(sorted, mesh.triangles.values())) == [[1, 2, 3]]


def test_the_smallest_surfaces_stay_while_larger_ones_can_give(meshes):
    sheet, triangles = meshes.grid(8, 8)
    # Tiny, so that their edges are the cheapest: a triangle, a tetrahedron, and a triangle that
    # hangs on a corner of the sheet.
    corners = 0.01 * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    hanging = [[-0.01, 0, 0], [0, -0.01, 0]]
    vertices = np.concatenate([sheet, corners[:3] + 20, corners + 30, hanging])
    tetrahedron = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]]) + 67
    triangles = np.concatenate([triangles, [[64, 65, 66], [71, 72, 0]], tetrahedron])
    done, _ = check(vertices, triangles, 73 / 20)
    assert set(range(64, 73)) <= set(done.kept.tolist())
    assert len(np.unique(done.triangles)) == 20


@QUICK
@given(seed=st.integers(0, 10**6), factor=st.sampled_from([2, 3, 5]))
def test_a_flat_sheet_of_any_triangles_is_never_folded(meshes, seed, factor):
    # Random points, dense in the middle, in an octagon.
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * np.arange(8) / 8
    flat = np.concatenate(
        [np.stack([np.cos(angle), np.sin(angle)], 1), rng.normal(0, 0.2, (72, 2))]
    )
    flat = flat[np.linalg.norm(flat, axis=1) < 1.01]
    triangles = Delaunay(flat).simplices.astype(np.int64)
    vertices = np.concatenate([flat, np.zeros((len(flat), 1))], axis=1)
    down = triangle_normals(vertices, triangles)[:, 2] < 0
    triangles[down] = triangles[down][:, ::-1]
    done, kept = check(vertices, triangles, factor)
    doubled = triangle_normals(kept, done.triangles)[:, 2]
    assert (doubled > 0).all()
    assert doubled.sum() / 2 == pytest.approx(2 * 2**0.5)  # the octagon


def test_a_move_that_would_fold_the_surface_is_not_allowed():
    # Round vertex 0. From 1, the corner 3 hides behind 2: moving 0 there turns triangle 0 2 3 over.
    flat = np.array([[0, 0], [1, 0], [0.3, 0.3], [3, 3.2], [-3, 1], [-1, -3]])
    triangles = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 5], [0, 5, 1]])
    points = np.concatenate([flat, np.zeros((6, 1))], axis=1)
    mesh = decimation._Mesh(points, triangles)
    assert not mesh.allowed(0, 1, decimation._CAREFUL)
    assert not mesh.allowed(0, 1, decimation._UPRIGHT)
    assert mesh.allowed(0, 1, decimation._ANY)
    assert mesh.allowed(0, 2, decimation._UPRIGHT)
    # Shear and bend do not matter: the rule looks at each triangle before and after.
    points[:, 2] = flat @ [0.4, -0.2]
    mesh = decimation._Mesh(points, triangles)
    assert not mesh.allowed(0, 1, decimation._UPRIGHT)
    assert mesh.allowed(0, 2, decimation._UPRIGHT)


def test_triangles_without_area_are_no_obstacle(meshes):
    # Two halves of a sheet sewn together along a seam whose two sides lie at the same place.
    vertices, triangles = meshes.grid(12, 12)
    vertices[:, 0] -= vertices[:, 0] > 5.5
    done, kept = check(vertices, triangles, 24)
    assert is_manifold(done.triangles)
    assert border_loops(done.triangles) == 1
    assert euler(done.triangles) == 1
    assert np.abs(triangle_normals(kept, done.triangles)).sum() / 2 == pytest.approx(110)


def test_units_and_place_do_not_matter(meshes):
    vertices, triangles = meshes.skin()
    before = decimate(vertices, triangles, 4)
    for moved in (1000 * vertices, 1e-3 * vertices, vertices * 2 + 16):
        after = decimate(moved, triangles, 4)
        # Rounding may turn a tie, no more.
        assert len(set(after.kept) & set(before.kept)) > 0.95 * len(before.kept)


def test_folded_onto_a_point_or_a_line_it_still_ends():
    line = np.stack([np.arange(12.0), np.zeros(12), np.zeros(12)], 1)
    strip = np.array([[i, i + 1, i + 2] for i in range(10)])
    for vertices in (line, np.zeros((12, 3)), 1e-200 * line):
        check(vertices, strip, 4)
        mesh = decimation._Mesh(vertices, strip)
        mesh.collapse(3, decimation._CAREFUL)
        assert mesh.left == 3
    check(np.zeros((1, 3)), np.zeros((0, 3), dtype=int), 3)


def test_vertices_without_triangles_keep_their_share(meshes):
    sheet, triangles = meshes.grid(6, 6)
    vertices = np.concatenate([sheet, np.arange(60.0).reshape(20, 3) + 9])
    for factor, left in ((1, 20), (2, 10), (4, 5), (7, 3)):
        done, _ = check(vertices, triangles, factor)
        alone = done.kept[done.kept >= 36]
        assert len(alone) == left
        assert np.ptp(np.diff([*alone, 56])) <= 1
        assert len(np.unique(done.triangles)) == len(done.kept) - left
    # Where the sheet can give no more, they go.
    assert check(vertices, triangles, 56 / 3)[0].kept.max() < 36
    assert len(check(vertices, triangles, 56)[0].kept) == 1


@pytest.mark.parametrize("factor", [0, 0.5, -1, math.nan, math.inf])
def test_a_factor_below_one_is_refused(meshes, factor):
    with pytest.raises(UserError, match="factor"):
        decimate(*meshes.grid(), factor)
