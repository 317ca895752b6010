"""Coarser meshes on a subset of the vertices, by quadric errors."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from talking_heads.errors import UserError
from talking_heads.geometry.mesh import (
    check_mesh,
    directed_edges,
    proper_triangles,
    triangle_normals,
)

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]

# How much an even spacing counts beside the distance from the surface.
_EVENNESS = 1e-3
# How many times more a boundary edge holds its place than a triangle of its size.
_BOUNDARY = 100.0
# What a triangle may do when one of its corners moves: the least cosine of the angle by which it
# turns, and the least of its doubled area over the sum of its squared sides (equilateral: 0.577).
_CAREFUL = (0.2, 0.05)
_UPRIGHT = (1e-3, 0.0)
_ANY = (-1.0, 0.0)
# By the same measure, a triangle whose corners lie on one line.
_NO_AREA = 1e-6


@dataclass(frozen=True, eq=False)
class Decimation:
    """A coarser mesh whose vertices are some of the fine one's.

    Attributes
    ----------
    kept : ndarray of int64
        ``(W,)`` indices of fine vertices, rising. ``values[kept]`` samples the coarse mesh.
    triangles : ndarray of int64
        ``(S, 3)`` indices into ``kept``.
    merged : ndarray of int64
        ``(V,)`` for each fine vertex the coarse one (index into ``kept``) that took it in.
    """

    kept: NDArray[np.int64]
    triangles: NDArray[np.int64]
    merged: NDArray[np.int64]


def decimate(vertices: Floats, triangles: Ints, factor: float) -> Decimation:
    """Merge vertices into neighbours until ``ceil(V / factor)`` are left.

    Quadric error edge collapse onto an end of the edge (Garland & Heckbert, SIGGRAPH 1997).

    Parameters
    ----------
    vertices : ndarray
        ``(V, 3)`` positions in any unit.
    triangles : ndarray
        ``(T, 3)`` indices.
    factor : float
        How many times fewer vertices, at least 1.

    Returns
    -------
    Decimation
        Exactly ``ceil(V / factor)`` vertices. Boundaries, holes and components stay and no
        triangle turns over or loses its area, as long as such a coarse mesh allows that. Where it
        does not, triangles may turn by any angle, and at the very end surfaces may touch, holes
        close and small components go. Of the vertices without a triangle one in ``factor`` stays;
        where the target is tight they go before a triangle turns. Of triangles with the same
        corners the first counts.

    Raises
    ------
    UserError
        If the mesh is not usable or the factor is below 1.
    """
    points = check_mesh(vertices, triangles)
    if not 1 <= factor < math.inf:
        raise UserError(f"A mesh is made coarser by a factor of at least 1, not {factor}.")
    target = math.ceil(len(points) / factor)
    # Around the origin and of size 1, so that one set of tolerances fits all units.
    centred = points - points.mean(0)
    mesh = _Mesh(centred / (np.abs(centred).max() or 1.0), np.asarray(triangles, dtype=np.int64))
    mesh.thin_out_unused(factor)
    for rules in (_CAREFUL, _UPRIGHT):
        mesh.collapse(target, rules)
    mesh.drop_unused(target)
    for last in (_ANY, None):
        mesh.collapse(target, last)
    mesh.drop_unused(target)
    return mesh.result(points)


class _Mesh:
    """A mesh that loses one vertex after the other."""

    def __init__(self, points: Floats, triangles: Ints):
        self.points: list[list[float]] = points.tolist()
        triangles = proper_triangles(triangles)
        _, first = np.unique(np.sort(triangles, axis=1), axis=0, return_index=True)
        triangles = triangles[np.sort(first)]
        self.triangles: dict[int, list[int]] = dict(enumerate(triangles.tolist()))
        self.around: list[set[int]] = [set() for _ in self.points]
        for t, corners in self.triangles.items():
            for v in corners:
                self.around[v].add(t)
        self.alive = [True] * len(self.points)
        self.left = len(self.points)
        self.parent = list(range(len(self.points)))
        self.quadrics, self.areas = _quadrics(points, triangles)
        self.version = [0] * len(self.points)

    def neighbours(self, v: int) -> dict[int, int]:
        """Return the neighbours of a vertex, each with the number of triangles on the edge."""
        found: dict[int, int] = {}
        for t in self.around[v]:
            for w in self.triangles[t]:
                if w != v:
                    found[w] = found.get(w, 0) + 1
        return found

    def cost(self, u: int, v: int) -> float:
        """Return what moving ``u`` onto ``v`` costs: squared distances to the planes of both."""
        x, y, z = self.points[v]
        p, q = self.quadrics[u], self.quadrics[v]
        planes = (
            x * ((p[0] + q[0]) * x + 2 * ((p[1] + q[1]) * y + (p[2] + q[2]) * z + p[3] + q[3]))
            + y * ((p[4] + q[4]) * y + 2 * ((p[5] + q[5]) * z + p[6] + q[6]))
            + z * ((p[7] + q[7]) * z + 2 * (p[8] + q[8]))
            + p[9]
            + q[9]
        )
        # Where all is flat, short edges go first: the samples stay even and triangles round.
        a, b, c = self.points[u]
        step = (a - x) ** 2 + (b - y) ** 2 + (c - z) ** 2
        return max(planes, 0.0) + _EVENNESS * self.areas[u] * step

    def collapse(self, target: int, rules: tuple[float, float] | None) -> None:
        """Move vertices onto neighbours, cheapest first, until ``target`` are left or none may."""
        heap: list[tuple[float, int, int, int, int]] = []
        blocked: list[set[int]] = [set() for _ in self.points]
        cost, version = self.cost, self.version

        def push(u: int, v: int) -> None:
            heapq.heappush(heap, (cost(u, v), u, v, version[u], version[v]))

        if self.left > target:
            heap = [
                (cost(u, v), u, v, version[u], version[v])
                for u in range(len(self.points))
                if self.alive[u]
                for v in self.neighbours(u)
            ]
            heapq.heapify(heap)
        while heap and self.left > target:
            _, u, v, version_u, version_v = heapq.heappop(heap)
            if version[u] != version_u or version[v] != version_v:
                continue
            if rules is not None and not self.allowed(u, v, rules):
                blocked[u].add(v)
                continue
            corners = self.merge(u, v)
            if rules is None:
                self.tidy(v)
                # What has lost its last triangle goes first, or it would stay in place of a mesh.
                self.drop_unused(target, corners)
            blocked[v].clear()
            around = self.neighbours(v)
            for w in around:
                push(v, w)
                push(w, v)
            # What was forbidden beside the change may be allowed now.
            for w in around:
                again, blocked[w] = blocked[w], set()
                for x in again:
                    if self.alive[x] and x != v:
                        push(w, x)

    def allowed(self, u: int, v: int, rules: tuple[float, float]) -> bool:
        """Return whether the surface stays one, keeps its boundary and flips no triangle."""
        at_u, at_v = self.neighbours(u), self.neighbours(v)
        shared = at_u.get(v, 0)
        if shared not in (1, 2) or (shared == 2 and 1 in at_u.values()):
            return False  # no surface here, or a boundary would be drawn inwards
        # The link condition: u and v have no neighbours in common but those across their edge.
        if len(at_u.keys() & at_v.keys()) != shared:
            return False
        moved = []
        opposite = set()
        gone = self.around[u] & self.around[v]
        for t in self.around[u] - gone:
            corners = self.triangles[t]
            opposite.add(frozenset(corners) - {u})
            moved.append(corners)
        if not moved and len(self.around[v]) == len(gone):
            return False  # the last triangles of a component
        for t in self.around[v] - gone:
            if frozenset(self.triangles[t]) - {v} in opposite:
                return False  # two triangles would fall onto each other
        for t in gone:
            (third,) = set(self.triangles[t]) - {u, v}
            if self.around[third] <= gone:
                return False
        return all(self.keeps_its_side(corners, u, v, *rules) for corners in moved)

    def keeps_its_side(
        self, corners: list[int], u: int, v: int, least_cosine: float, least_shape: float
    ) -> bool:
        """Return whether a triangle whose corner ``u`` moves to ``v`` stays a sound one."""
        p = self.points
        i = corners.index(u)
        b, c = p[corners[i - 2]], p[corners[i - 1]]
        old, old_sides = _normal(p[u], b, c)
        before = math.hypot(*old)
        if before <= _NO_AREA * old_sides:
            return True  # it has no side and no shape to lose
        new, sides = _normal(p[v], b, c)
        area = math.hypot(*new)
        if area <= _NO_AREA * sides or area < min(least_shape, before / old_sides) * sides:
            return False
        turn = old[0] * new[0] + old[1] * new[1] + old[2] * new[2]
        return turn >= least_cosine * area * before

    def merge(self, u: int, v: int) -> set[int]:
        """Move ``u`` onto ``v``; return the corners of the triangles between them, which vanish."""
        gone: set[int] = set()
        for t in self.around[u] & self.around[v]:
            gone.update(self.triangles[t])
            for w in self.triangles.pop(t):
                self.around[w].discard(t)
        for t in self.around[u]:
            corners = self.triangles[t]
            corners[corners.index(u)] = v
            self.around[v].add(t)
        self.around[u] = set()
        self.quadrics[v] = [p + q for p, q in zip(self.quadrics[u], self.quadrics[v], strict=True)]
        self.areas[v] += self.areas[u]
        self.parent[u] = v
        self.forget(u)
        self.version[v] += 1
        return gone

    def forget(self, u: int) -> None:
        """Count a vertex out."""
        self.alive[u] = False
        self.version[u] += 1
        self.left -= 1

    def tidy(self, v: int) -> None:
        """Keep one of several triangles at ``v`` that have the same corners."""
        known = set()
        for t in sorted(self.around[v]):
            corners = frozenset(self.triangles[t])
            if corners in known:
                for w in self.triangles.pop(t):
                    self.around[w].discard(t)
            known.add(corners)

    def thin_out_unused(self, factor: float) -> None:
        """Keep one in ``factor`` of the vertices without a triangle, evenly spread by index."""
        unused = [u for u in range(len(self.points)) if not self.around[u]]
        kept = math.ceil(len(unused) / factor)
        go = [u for i, u in enumerate(unused) if i * kept % len(unused) >= kept]
        self.drop_unused(self.left - len(go), go)

    def drop_unused(self, target: int, among: Iterable[int] | None = None) -> None:
        """Leave out vertices without a triangle, in order, down to ``target`` at most."""
        for u in range(len(self.points)) if among is None else among:
            if self.left == target:
                return
            if self.alive[u] and not self.around[u]:
                self.parent[u] = -1
                self.forget(u)

    def result(self, points: Floats) -> Decimation:
        """Return what is left, numbered anew in the old order."""
        kept = np.flatnonzero(self.alive)
        index = np.full(len(points), -1, dtype=np.int64)
        index[kept] = np.arange(len(kept))
        parent = np.array(self.parent, dtype=np.int64)
        # Roots are vertices that stand for themselves, and -1 for those that were cut out.
        while True:
            further = np.where(parent >= 0, parent[parent], -1)
            if (further == parent).all():
                break
            parent = further
        merged = np.where(parent >= 0, index[parent], -1)
        lost = np.flatnonzero(merged < 0)
        if len(lost):
            merged[lost] = cKDTree(points[kept]).query(points[lost])[1]
        corners = np.array(list(self.triangles.values()), dtype=np.int64).reshape(-1, 3)
        return Decimation(kept, index[corners], merged.astype(np.int64))


def _normal(a: list[float], b: list[float], c: list[float]) -> tuple[list[float], float]:
    """Return the normal of a triangle, twice its area long, and the sum of its squared sides."""
    ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    wx, wy, wz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    tx, ty, tz = wx - ux, wy - uy, wz - uz
    sides = ux * ux + uy * uy + uz * uz + wx * wx + wy * wy + wz * wz
    sides += tx * tx + ty * ty + tz * tz
    return [uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx], sides


def _quadrics(points: Floats, triangles: Ints) -> tuple[list[list[float]], list[float]]:
    """Return the quadric of each vertex, ten numbers, and the area that belongs to it."""
    count = len(points)
    normals = triangle_normals(points, triangles)
    doubled = np.linalg.norm(normals, axis=1)
    unit = normals / np.maximum(doubled, 1e-300)[:, None]
    area = np.bincount(triangles.ravel(), np.repeat(doubled / 6, 3), minlength=count)
    total = np.zeros((count, 10))
    faces = _plane_quadrics(unit, points[triangles[:, 0]]) * (doubled / 2)[:, None]
    for corner in range(3):
        np.add.at(total, triangles[:, corner], faces)
    # A boundary edge holds its line by a plane that stands upright on its triangle.
    directed = directed_edges(triangles)
    _, inverse, number = np.unique(
        np.sort(directed, axis=1), axis=0, return_inverse=True, return_counts=True
    )
    border = np.flatnonzero(number[inverse.ravel()] == 1)
    a, b = directed[border, 0], directed[border, 1]
    along = points[b] - points[a]
    upright = np.cross(along, unit[border % len(triangles)])
    length = np.linalg.norm(upright, axis=1)
    walls = _plane_quadrics(upright / np.maximum(length, 1e-300)[:, None], points[a])
    walls *= (_BOUNDARY * length**2)[:, None]
    for end in (a, b):
        np.add.at(total, end, walls)
    return total.tolist(), area.tolist()


def _plane_quadrics(normals: Floats, through: Floats) -> Floats:
    """Return the ten numbers of the squared distance to planes given by unit normal and point."""
    four = np.concatenate([normals, -(normals * through).sum(1, keepdims=True)], axis=1)
    rows, columns = np.triu_indices(4)
    return four[:, rows] * four[:, columns]
