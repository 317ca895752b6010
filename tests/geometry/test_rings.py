import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talking_heads.geometry import Fan, k_rings, vertex_fans

QUICK = settings(max_examples=60, deadline=None)


def cycles(fan):
    ring = list(fan.vertices)
    return {tuple(ring[i:] + ring[:i]) for i in range(len(ring))} if fan.closed else {tuple(ring)}


def test_inside_a_grid_the_neighbours_go_round_counter_clockwise(meshes):
    _, triangles = meshes.grid()
    (fan,) = vertex_fans(triangles, 25)[12]
    assert fan.closed
    # East, north-east, north, west, south-west, south.
    assert (13, 18, 17, 11, 6, 7) in cycles(fan)


@pytest.mark.parametrize(
    ("vertex", "expected"),
    [
        (2, (3, 8, 7, 1)),  # the lower border, from east to west
        (0, (1, 6, 5)),  # the corner where the diagonal ends
        (4, (9, 3)),  # a corner with one triangle
        (22, (21, 16, 17, 23)),  # the upper border, from west to east
    ],
)
def test_at_the_border_a_fan_is_open_and_ends_there(meshes, vertex, expected):
    _, triangles = meshes.grid()
    assert vertex_fans(triangles, 25)[vertex] == (Fan(expected, False),)


def test_two_triangles_that_touch_in_a_point_make_two_fans():
    assert vertex_fans(np.array([[0, 1, 2], [0, 3, 4]]), 5)[0] == (
        Fan((1, 2), False),
        Fan((3, 4), False),
    )


def test_two_closed_surfaces_that_touch_in_a_point_make_two_closed_fans():
    def tetrahedron(a, b, c, d):
        return [[a, b, c], [a, c, d], [a, d, b], [b, d, c]]

    fans = vertex_fans(np.array(tetrahedron(0, 1, 2, 3) + tetrahedron(0, 4, 5, 6)), 7)
    assert [len(fans[v]) for v in range(7)] == [2, 1, 1, 1, 1, 1, 1]
    assert all(fan.closed for fan in fans[0])
    assert (1, 2, 3) in cycles(fans[0][0])
    assert (4, 5, 6) in cycles(fans[0][1])


def test_three_triangles_on_one_edge_name_each_neighbour_once():
    fans = vertex_fans(np.array([[0, 1, 2], [0, 1, 3], [0, 1, 4]]), 5)
    around = [u for fan in fans[0] for u in fan.vertices]
    assert sorted(around) == [1, 2, 3, 4]


def test_a_flipped_triangle_and_a_doubled_one_name_each_neighbour_once(meshes):
    _, triangles = meshes.grid()
    broken = np.concatenate([triangles, triangles[:3]])
    broken[5] = broken[5][::-1]
    for v, fans in enumerate(vertex_fans(broken, 25)):
        around = [u for fan in fans for u in fan.vertices]
        assert sorted(around) == sorted(meshes.rings_by_hand(triangles, 25, v)[1])


def test_where_windings_contradict_a_fan_still_begins_at_the_border():
    # Round 0: from 3 to 1 to 2, and from 4 to 2.
    fans = vertex_fans(np.array([[0, 3, 1], [0, 1, 2], [0, 4, 2]]), 5)
    assert fans[0] == (Fan((3, 1, 2), False), Fan((4,), False))


def test_degenerate_triangles_and_unused_vertices_have_no_fan():
    flat = np.array([[0, 0, 1], [1, 2, 1]])
    assert vertex_fans(flat, 4) == [(), (), (), ()]
    # Nor do they make edges: fans and rings tell of the same neighbours.
    assert [ring.tolist() for ring in k_rings(flat, 4, 1, 9)] == [[1]]
    assert vertex_fans(np.zeros((0, 3), dtype=int), 2) == [(), ()]


@QUICK
@given(seed=st.integers(0, 10**6), holes=st.sampled_from([0.0, 0.2, 0.5]))
def test_fans_hold_exactly_the_triangles_of_the_vertex(meshes, seed, holes):
    vertices, triangles = meshes.random_sheet(seed, 25, holes)
    corners = {tuple(np.roll(t, -i).tolist()) for t in triangles for i in range(3)}
    found = set()
    for v, fans in enumerate(vertex_fans(triangles, len(vertices))):
        for fan in fans:
            ring = fan.vertices
            pairs = list(zip(ring, ring[1:] + ring[:1], strict=True))
            found |= {(v, a, b) for a, b in (pairs if fan.closed else pairs[:-1])}
    assert found == corners


@QUICK
@given(seed=st.integers(0, 10**6))
def test_a_tangle_names_all_neighbours_once(meshes, seed):
    vertices, triangles = meshes.tangle(seed)
    proper = np.array([t for t in triangles if len(set(t.tolist())) == 3])
    for v, fans in enumerate(vertex_fans(triangles, len(vertices))):
        around = [u for fan in fans for u in fan.vertices]
        expected = meshes.rings_by_hand(proper, len(vertices), v)[1:2]
        assert sorted(around) == sorted(*expected) if expected else not around


@QUICK
@given(seed=st.integers(0, 10**6), holes=st.sampled_from([0.0, 0.3, 0.6]))
def test_rings_agree_with_the_definition(meshes, seed, holes):
    vertices, triangles = meshes.random_sheet(seed, 30, holes)
    for v in range(0, 30, 7):
        found = [set(ring.tolist()) for ring in k_rings(triangles, len(vertices), v, 99)]
        assert found == meshes.rings_by_hand(triangles, 30, v)


def test_rings_stop_where_they_are_asked_to(meshes):
    _, triangles = meshes.grid()
    assert [len(ring) for ring in k_rings(triangles, 25, 12, 2)] == [1, 6, 12]
    assert [len(ring) for ring in k_rings(triangles, 25, 12, 0)] == [1]
