"""The references of notebook 05's checks are the package's own; learners' ways of writing pass."""

import numpy as np
import pytest
import torch

from talking_heads.course.checking import CheckFailed
from talking_heads.course.checks import find_exercise
from talking_heads.course.checks.mesh_neighbours import (
    TETRAHEDRON,
    dilated,
    grid_triangles,
    k_ring,
    loose_sheet,
    one_ring,
)
from talking_heads.course.checks.nb05 import path_counts, quadric, spiral_conv
from talking_heads.geometry.decimation import _quadrics
from talking_heads.geometry.pyramid import build_pyramid, receptive_field
from talking_heads.geometry.spirals import spirals
from talking_heads.layers.spiral import SpiralConv

RING = find_exercise("05.one_ring").check
K_RING = find_exercise("05.k_ring").check
DILATED = find_exercise("05.dilated").check
CONV = find_exercise("05.spiral_conv").check
QUADRIC = find_exercise("05.quadric").check
PATHS = find_exercise("05.path_counts").check

GRID = grid_triangles(5, 5)
FLAT = np.array([(x, y, 0.0) for y in range(5) for x in range(5)])


def test_rings_of_the_grid_by_hand():
    assert one_ring(GRID, 12).tolist() == [6, 7, 13, 18, 17, 11]
    assert one_ring(GRID, 2).tolist() == [3, 8, 7, 1]
    assert one_ring(GRID, 4).tolist() == [9, 3]
    assert k_ring(GRID, 12, 2).tolist() == [0, 1, 2, 5, 8, 10, 14, 16, 19, 22, 23, 24]
    assert k_ring(TETRAHEDRON, 2, 3).tolist() == []


def test_dilated_is_what_the_packages_spirals_take():
    whole = spirals(GRID, 25, 17, vertices=FLAT)[12].tolist()
    rings = [whole[:1], whole[1:7], whole[7:]]
    expected = spirals(GRID, 25, 9, 2, vertices=FLAT)[12]
    np.testing.assert_array_equal(dilated(rings, 9, 2), expected)
    few = spirals(np.array([(0, 1, 2)]), 3, 4, 2, vertices=np.eye(3))
    walked = spirals(np.array([(0, 1, 2)]), 3, 3, vertices=np.eye(3))
    np.testing.assert_array_equal(dilated([walked[0, :1], walked[0, 1:]], 4, 2), few[0])


def test_the_reference_convolution_is_the_packages():
    rng = np.random.default_rng(0)
    table, kept = spirals(GRID, 25, 7, vertices=FLAT), np.array([3, 12, 20])
    layer = SpiralConv(3, 4, torch.from_numpy(table), kept=torch.from_numpy(kept)).double()
    values = rng.normal(0, 1, (25, 3))
    weight, bias = layer.linear.weight.detach().numpy(), rng.normal(0, 1, 4)
    layer.linear.bias.data = torch.from_numpy(bias)
    found = spiral_conv(values, table[kept], weight, bias)
    np.testing.assert_allclose(found, layer(torch.from_numpy(values)).detach(), atol=1e-12)


def test_the_reference_quadric_is_the_one_that_decimation_begins_with():
    points = np.random.default_rng(1).normal(0, 1, (4, 3))
    numbers, _ = _quadrics(points, TETRAHEDRON)
    for v in range(4):
        np.testing.assert_allclose(
            quadric(points, TETRAHEDRON, v)[np.triu_indices(4)], numbers[v], atol=1e-12
        )


def test_the_reference_quadric_measures_distances_from_planes():
    q = quadric(FLAT, GRID, 12)
    for height in (0.0, 0.5, -2.0):
        point = np.array([7.0, -3.0, height, 1.0])
        assert point @ q @ point == pytest.approx(3 * height**2)  # six halves of unit squares


def test_the_reference_counts_are_the_packages_receptive_fields():
    points = np.array([(x, y, 0.1 * x * y) for y in range(6) for x in range(7)])
    pyramid = build_pyramid(points, grid_triangles(7, 6), (2, 2), 5, 1, cache=False)
    tables = [pyramid.kept_spirals(0), pyramid.kept_spirals(1)]
    for vertex in (0, 4):
        np.testing.assert_array_equal(
            path_counts(tables, 42, vertex), receptive_field(pyramid, 2, vertex)
        )


def test_sheets_are_wound_counter_clockwise():
    points, triangles = loose_sheet(np.random.default_rng(2), 50)
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    u, w = b - a, c - a
    assert (u[:, 0] * w[:, 1] > u[:, 1] * w[:, 0]).all()


def ring_by_pairs(triangles, vertex):
    """Join pairs, without a dictionary."""
    pairs = []
    for row in triangles:
        if vertex in row:
            i = list(row).index(vertex)
            pairs.append((row[(i + 1) % 3], row[(i + 2) % 3]))
    begins = [a for a, _ in pairs]
    ends = [b for _, b in pairs]
    here = next((a for a in begins if a not in ends), min(begins))
    ring = [here]
    for _ in pairs:
        here = next((b for a, b in pairs if a == here), here)
        if here not in ring:
            ring.append(here)
    return ring


def k_ring_by_sets(triangles, vertex, k):
    disk, ring = {vertex}, {vertex}
    for _ in range(k):
        ring = {int(c) for t in triangles if ring & set(t.tolist()) for c in t} - disk
        disk |= ring
    return sorted(ring)


def k_ring_by_distance(triangles, vertex, k):
    far = np.full(triangles.max() + 1, 99)
    far[vertex] = 0
    for step in range(k):
        for t in triangles:
            if (far[t] == step).any():
                far[t] = np.minimum(far[t], step + 1)
    return np.flatnonzero(far == k)


def dilated_by_index(rings, length, dilation):
    whole = np.concatenate(rings).tolist()
    places = [i * dilation for i in range(length)]
    return [whole[p] if p < len(whole) else whole[0] for p in places]


def conv_by_loops(values, spirals, weight, bias):
    out = np.zeros((len(spirals), len(bias)))
    width = values.shape[1]
    for row, spiral in enumerate(spirals):
        out[row] = bias
        for place, vertex in enumerate(spiral):
            out[row] += weight[:, place * width : (place + 1) * width] @ values[vertex]
    return out


def conv_by_torch(values, spirals, weight, bias):
    rows = torch.from_numpy(values)[torch.from_numpy(spirals)].flatten(1)
    return torch.nn.functional.linear(rows, torch.from_numpy(weight), torch.from_numpy(bias))


def quadric_at_once(points, triangles, vertex):
    own = points[triangles[(triangles == vertex).any(axis=1)]]
    normal = np.cross(own[:, 1] - own[:, 0], own[:, 2] - own[:, 0])
    twice = np.linalg.norm(normal, axis=1)
    h = np.concatenate([normal, -np.sum(normal * own[:, 0], axis=1)[:, None]], axis=1)
    return h.T @ (h / (2 * twice)[:, None])


def paths_by_walking(tables, count, vertex):
    out = np.zeros(count)

    def down(level, v):
        if level < 0:
            out[v] += 1
            return
        for below in tables[level][v]:
            down(level - 1, below)

    down(len(tables) - 1, vertex)
    return out


def paths_by_products(tables, count, vertex):
    w = np.eye(len(tables[-1]))[vertex]
    for i in range(len(tables) - 1, -1, -1):
        size = len(tables[i - 1]) if i else count
        w = w @ np.eye(size)[tables[i]].sum(axis=1)
    return w


def ring_of_first_corners(triangles, vertex):
    after = {b: c for a, b, c in triangles.tolist() if a == vertex}
    ring = [n for n in after if n not in after.values()][:1] or [min(after)]
    while after.get(ring[-1], ring[0]) != ring[0]:
        ring.append(after[ring[-1]])
    return np.array(ring)


@pytest.mark.parametrize("seed", range(5))
def test_other_right_ways_of_writing_pass(seed):
    for check, answer in (
        (RING, ring_by_pairs),
        (K_RING, k_ring_by_sets),
        (K_RING, k_ring_by_distance),
        (DILATED, dilated_by_index),
        (CONV, conv_by_loops),
        (CONV, conv_by_torch),
        (QUADRIC, quadric_at_once),
        (PATHS, paths_by_walking),
        (PATHS, paths_by_products),
    ):
        assert "inputs" in check(answer, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("check", "answer", "words"),
    [
        # Mistakes as learners write them, none of them taken from the table of the check.
        (RING, lambda t, v: ring_by_pairs(t, v)[::-1], "read backwards"),
        (RING, lambda t, v: np.roll(ring_by_pairs(t, v), 1), "For the middle of a grid"),
        (RING, lambda t, v: ring_by_pairs(t[:, ::-1], v), "You go round clockwise"),
        (RING, lambda t, v: set(ring_by_pairs(t, v)), "returns a set"),
        (RING, lambda t, v: [*ring_by_pairs(t, v), v], "has shape (7,)"),
        (RING, ring_of_first_corners, "only use triangles that begin with the vertex"),
        (K_RING, lambda t, v, k: set(k_ring_by_sets(t, v, k)), "returns a set"),
        (K_RING, lambda t, v, k: k_ring_by_sets(t, v, k)[::-1], "For ring 1 of the middle"),
        (K_RING, lambda t, v, k: [*k_ring_by_sets(t, v, k), v], "has shape (2,)"),
        (DILATED, lambda r, n, d: dilated_by_index(r, n * d, d), "has shape (18,)"),
        (DILATED, lambda r, n, d: [x for y in r for x in y][: n * d : d], "Right where there are"),
        (DILATED, lambda r, n, d: r[0][:: d], "has shape (1,)"),
        (DILATED, lambda r, n, d: [x for y in r for x in y][:n][::d], "then cut, then fill up"),
        (DILATED, lambda r, n, d: [x for y in r for x in y][::d], "do not cut"),
        (CONV, lambda x, s, w, b: conv_by_loops(x, s, w, b).T, "axes stand the other way round"),
        (CONV, lambda x, s, w, b: x[s].reshape(len(s), -1) @ w + b, "ValueError"),
        (CONV, lambda x, s, w, b: conv_by_loops(x, s, w, b) - b, "left the offset out"),
        (CONV, lambda x, s, w, b: np.maximum(conv_by_loops(x, s, w, b), 0), "For 20 vertices"),
        (QUADRIC, lambda p, t, v: quadric_at_once(p, t, v) / 2, "right one times 0.5"),
        (QUADRIC, lambda p, t, v: quadric_at_once(p, t, v)[:3, :3], "has shape (3, 3)"),
        (QUADRIC, lambda p, t, v: quadric_at_once(p - p[v], t, v), "go through the origin"),
        (QUADRIC, lambda p, t, v: quadric_at_once(p + 1, t, v), "For a flat sheet"),
        (PATHS, lambda t, n, v: paths_by_walking(t, n, v).astype(bool), "whether a vertex is seen"),
        (PATHS, lambda t, n, v: paths_by_walking(t, n, 0), "For "),
        (PATHS, lambda t, n, v: paths_by_walking(t, n, v).sum(), "one number"),
        (PATHS, lambda t, n, v: paths_by_walking(t[::-1], n, v), "IndexError"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_mistakes_as_learners_write_them(check, answer, words):
    with pytest.raises(CheckFailed) as failure:
        check(answer, np.random.default_rng(0))
    assert words in str(failure.value)
