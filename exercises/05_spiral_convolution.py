# %% [markdown]
# # Exercises 05 · Spiral convolution
#
# Six pieces of a convolution for meshes, written by yourself: the neighbours of a vertex in order,
# its k-th ring, a dilated spiral, the convolution, the quadric of a vertex, and the paths of a
# receptive field. Notebook 05, Spiral convolution, shows where each of them is used. Each check
# calls your function with several inputs and compares its answers with the package's. If something
# is wrong, it says what.
#
# Write your code where `# YOUR CODE HERE` stands, and run the cell, as often as you like. If you
# are stuck, open a hint. There are three for each exercise, each saying more than the last.
#
# Triangles are rows of three vertex numbers, counter-clockwise seen from outside. The first cell
# makes a small grid to try your functions on: five by five vertices, number 0 in the lower left
# corner, 4 in the lower right, each square cut from its lower left to its upper right.

# %%
import numpy as np

from talking_heads.course import check

points = np.array([(x, y, 0.0) for y in range(5) for x in range(5)])
cells = [5 * y + x for y in range(4) for x in range(4)]
triangles = np.array([t for a in cells for t in ((a, a + 1, a + 6), (a, a + 6, a + 5))])
print(len(points), "vertices,", len(triangles), "triangles; the first:", *triangles[0])

# %% [markdown]
# ## Coding exercise 1: round a vertex
#
# Difficulty 3 of 5 · importance 5 of 5 · about 25 minutes
#
# Put the neighbours of a vertex in order.
#
# - `triangles` has the shape (triangle, 3), in any order. Each may begin at any of its corners:
#   (12, 13, 18), (13, 18, 12) and (18, 12, 13) are the same.
# - `vertex` is a number. Each mesh here is a surface, so the vertex has one fan of triangles.
# - Return its neighbours, counter-clockwise. If the fan is closed, begin with the smallest number.
#   If it is open, at the rim of the mesh, begin at the end from which the way is counter-clockwise.
#
# Vertex 12 of the grid has the neighbours 6, 7, 13, 18, 17, 11, and vertex 2 has 3, 8, 7, 1.

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# The triangle (12, 13, 18) says that round 12, after 13 comes 18. What does (7, 13, 12) say about
# 12? Which neighbours come after no other?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# Turn each triangle of the vertex so that it reads $(v, a, b)$, and note $b$ as the follower of
# $a$. Then walk from follower to follower, until there is none or you are back.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `after[a] = b` for each triangle, in a dictionary. `[n for n in after if n not in after.values()]`
# lists the neighbours to which nobody leads: one at the rim, none elsewhere.
#
# </details>


# %%
def one_ring(triangles, vertex):
    """Return the neighbours of a vertex in order, (neighbour,)."""
    ### BEGIN SOLUTION
    after = {}
    for a, b, c in triangles.tolist():
        for v, here, following in ((a, b, c), (b, c, a), (c, a, b)):
            if v == vertex:
                after[here] = following
    first = [n for n in after if n not in after.values()] or [min(after)]
    ring = first[:1]
    while after.get(ring[-1], ring[0]) != ring[0]:
        ring.append(after[ring[-1]])
    return np.array(ring)
    ### END SOLUTION


check("05.one_ring", one_ring)

# %% [markdown]
# ## Coding exercise 2: the k-th ring
#
# Difficulty 2 of 5 · importance 4 of 5 · about 15 minutes
#
# Equation 2 of GLDiTalker: the next ring is all neighbours of the last one, without all rings so
# far.
#
# - `triangles` has the shape (triangle, 3); two corners of a triangle are neighbours.
# - `vertex` is ring 0. `k` is 0 or more.
# - Return the numbers of ring `k`, rising. If the mesh ends before, return an empty array.

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# Ring 1 of vertex 12 is 6, 7, 11, 13, 17, 18. Which of the neighbours of *these* are in ring 2? Is
# 12 among them?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# $(k+1)\text{-ring} = \mathcal{N}(k\text{-ring}) \setminus k\text{-disk}$, and the disk grows by
# each ring: $(k+1)\text{-disk} = k\text{-disk} \cup (k+1)\text{-ring}$.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `near = np.isin(triangles, ring).any(axis=1)` says which triangles touch a ring. Their corners are
# the ring and its neighbours. `np.setdiff1d(a, b)` is sorted, and what of `a` is not in `b`.
#
# </details>


# %%
def k_ring(triangles, vertex, k):
    """Return the vertices of the k-th ring, rising."""
    ### BEGIN SOLUTION
    ring = disk = np.array([vertex])
    for _ in range(k):
        near = np.isin(triangles, ring).any(axis=1)
        ring = np.setdiff1d(triangles[near], disk)
        disk = np.union1d(disk, ring)
    return ring
    ### END SOLUTION


check("05.k_ring", k_ring)

# %% [markdown]
# ## Coding exercise 3: a dilated spiral
#
# Difficulty 1 of 5 · importance 3 of 5 · about 10 minutes
#
# A spiral is the rings of a vertex, one behind the other. With dilation 2, every second of its
# vertices is taken, the centre first.
#
# - `rings` is a list of lists, each in order. The first holds the centre alone.
# - `length` is how many vertices to take, `dilation` the step, 1 or more.
# - Return (length,) vertex numbers. If the rings run out, fill up with the centre. (The package
#   fills up with the nearest vertices in space first; here there are no others.)
#
# The spiral 12, 13, 18, 17, 11, 6, 7, 8, 14, 19 with dilation 2 and length 5 is 12, 18, 11, 7, 14.

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# Nine vertices with dilation 2: how many of the spiral do you have to walk through?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# $s_0, s_d, s_{2d}, \dots, s_{(L-1) d}$ for the spiral $s$, dilation $d$ and length $L$.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `[v for ring in rings for v in ring]` joins the rings. `[::dilation]` takes every dilation-th.
#
# </details>


# %%
def dilated(rings, length, dilation):
    """Return every dilation-th vertex of a spiral, (length,)."""
    ### BEGIN SOLUTION
    whole = [v for ring in rings for v in ring]
    taken = whole[::dilation][:length]
    return np.array(taken + [whole[0]] * (length - len(taken)))
    ### END SOLUTION


check("05.dilated", dilated)

# %% [markdown]
# ## Coding exercise 4: a spiral convolution
#
# Difficulty 2 of 5 · importance 5 of 5 · about 15 minutes
#
# One gather and one matrix product, at the kept vertices only.
#
# - `values` has the shape (vertex, in).
# - `spirals` holds vertex numbers, (kept, L), one row for each vertex that is kept.
# - `weight` has the shape (out, L · in): first the weights of all features of the centre, then
#   those of the next vertex, and so on. `bias` has the shape (out,).
# - Return (kept, out).

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# What shape does `values[spirals]` have, and in which order do its numbers lie if you reshape it to
# one row for each kept vertex?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# $y_v = W\,[f(s_{v,0}), f(s_{v,1}), \dots, f(s_{v,L-1})] + b$.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `values[spirals].reshape(len(spirals), -1)` has the shape (kept, L · in).
#
# </details>


# %%
def spiral_conv(values, spirals, weight, bias):
    """Return the features after one spiral convolution, (kept, out)."""
    ### BEGIN SOLUTION
    rows = values[spirals].reshape(len(spirals), -1)
    return rows @ weight.T + bias
    ### END SOLUTION


check("05.spiral_conv", spiral_conv)

# %% [markdown]
# ## Coding exercise 5: the quadric of a vertex
#
# Difficulty 3 of 5 · importance 3 of 5 · about 25 minutes
#
# Which vertex can go? Its quadric knows how far a point is from the planes of its triangles.
#
# - `points` has the shape (vertex, 3), `triangles` (triangle, 3).
# - Return a 4 by 4 matrix $Q$. For any point $p$, $(p, 1)\, Q\, (p, 1)^\top$ shall be: the sum over
#   the triangles that have the `vertex` as a corner, of the triangle's area times the squared
#   distance of $p$ from its plane.

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# A plane has the unit normal $n$ and goes through the corner $a$. What is $n \cdot p - n \cdot a$
# for a point $p$ on the plane, and for one a step $n$ above it?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# $Q = \sum_t A_t\, h_t h_t^\top$ with $h_t = (n_t, -n_t \cdot a_t)$, the areas $A_t$, and the unit
# normals $n_t = \frac{(b - a) \times (c - a)}{\lVert (b - a) \times (c - a) \rVert}$.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `np.cross(b - a, c - a)` is twice the area long. `np.outer(h, h)` is $h h^\top$.
#
# </details>


# %%
def quadric(points, triangles, vertex):
    """Return the quadric of a vertex, (4, 4)."""
    ### BEGIN SOLUTION
    total = np.zeros((4, 4))
    for corners in triangles[(triangles == vertex).any(axis=1)]:
        a, b, c = points[corners]
        normal = np.cross(b - a, c - a)
        area = np.linalg.norm(normal) / 2
        unit = normal / (2 * area)
        h = np.append(unit, -unit @ a)
        total += area * np.outer(h, h)
    return total
    ### END SOLUTION


check("05.quadric", quadric)

# %% [markdown]
# ## Coding exercise 6: the paths of a receptive field
#
# Difficulty 3 of 5 · importance 4 of 5 · about 20 minutes
#
# What does one number at the top of a pyramid see, and how often?
#
# - `tables` is a list, one entry a convolution, the first one at the input. Entry $i$ has the shape
#   (kept, L): the spirals of the vertices that are kept, as numbers of the level below. Row 4 of
#   `tables[1]` names vertices of the level that `tables[0]` makes: its rows.
# - `count` is the number of vertices of the input, `vertex` a row of the last table.
# - Return (count,): on how many paths each vertex of the input reaches the `vertex`. A path that
#   stands twice in a spiral counts twice.

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# With a single table, the answer is how often each number stands in row `vertex`. And with two:
# which rows of the first table do you need, and how often each?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# Let $w$ be the counts of a level, at the top 1 for the vertex and 0 elsewhere. One level below
# they are $w'_u = \sum_{v} w_v \cdot (\text{how often } u \text{ stands in row } v)$.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `np.add.at(below, table, weights[:, None])` adds each row's weight to all vertices that the row
# names, as often as it names them. `below` has `len(tables[i - 1])` places, or `count` at the
# input.
#
# </details>


# %%
def path_counts(tables, count, vertex):
    """Return on how many paths each input vertex reaches a vertex at the top, (count,)."""
    ### BEGIN SOLUTION
    weights = np.zeros(len(tables[-1]))
    weights[vertex] = 1
    for i in reversed(range(len(tables))):
        below = np.zeros(len(tables[i - 1]) if i > 0 else count)
        np.add.at(below, tables[i], weights[:, None])
        weights = below
    return weights
    ### END SOLUTION


check("05.path_counts", path_counts)

# %% [markdown]
# ## Done
#
# In a terminal, `talking-heads progress` shows which checks have passed, and `talking-heads
# exercises solution 05` writes a copy with a solution of each exercise, to compare with yours. The
# package has them too: `vertex_fans` and `k_rings` in `talking_heads.geometry.rings`, `spirals` in
# `talking_heads.geometry.spirals`, `SpiralConv` in `talking_heads.layers.spiral`, `decimate` in
# `talking_heads.geometry.decimation`, and `receptive_field` in `talking_heads.geometry.pyramid`.
