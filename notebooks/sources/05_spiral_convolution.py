# %% [markdown]
# # 05 · Spiral convolution
#
# A picture is a grid: each pixel has a neighbour above it and one to the right. A face is a mesh of
# triangles. Its vertices have four neighbours, or six, or thirty, and none of them is above. In
# this notebook you give neighbours an order, wind spirals out of it, and get a convolution for
# meshes, equal to the package's. Then you look at what it sees, and measure whether it helps.
#
# - **Goals:** walk round a vertex by half-edges; wind spirals by hand; know why they need a start;
#   build spiral convolution as one gather and one matrix product; thin a mesh by quadric errors;
#   draw receptive fields; compare an encoder that knows the mesh with one that does not.
# - **Prerequisites:** notebook 00, and a little PyTorch. Notebook 04 helps: it tells what the
#   encoder is for.
# - **Time:** 90 minutes to read and play, and 110 more for the six exercises.
# - **Measured cost:** filled in by the run.
# - **Papers:** [SpiralNet](https://arxiv.org/abs/1809.06664) (Lim et al., 2018) and
#   [SpiralNet++](https://arxiv.org/abs/1911.05856) (Gong et al., 2019) for the convolution,
#   [Surface simplification using quadric error metrics](https://doi.org/10.1145/258734.258849)
#   (Garland and Heckbert, 1997) for coarser meshes, and
#   [GLDiTalker](https://arxiv.org/abs/2408.01826) (Lin et al., 2024), whose first stage uses both.

# %%
import json
from collections import Counter

import numpy as np
import torch
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import ConvexHull
from torch import nn

from talking_heads.corpus import load_corpus
from talking_heads.course.figures import BLUE, GREEN, INK, ORANGE, PURPLE, new_figure, show
from talking_heads.course.mesh_figures import field_figure, grid_figure, spiral_figure
from talking_heads.course.mesh_view import field_view, named_vertices, pyramid_view, spiral_view
from talking_heads.geometry.decimation import Decimation, decimate
from talking_heads.geometry.mesh import triangle_normals
from talking_heads.geometry.pyramid import build_pyramid, receptive_field
from talking_heads.geometry.rings import k_rings, neighbour_table, vertex_fans
from talking_heads.geometry.spirals import default_references, spirals
from talking_heads.geometry.upsampling import upsampling_matrix
from talking_heads.layers.spiral import SpiralConv, SpiralPyramid
from talking_heads.models.graph_config import TABLE_4, GraphVQVAEConfig
from talking_heads.paths import data_dir
from talking_heads.view import inspect

# %% [markdown]
# ## 1 · What is a neighbour?
#
# *Minute 1.* A convolution on a picture takes a pixel and its eight neighbours, multiplies each
# with a weight of its own, and adds up. One weight belongs to *above*, one to *right*, and so on.
# The same nine weights serve everywhere. That is why a network can learn an edge in one corner and
# find it in another.
#
# Now a face. Our speaker maya has a skin of 1,142 vertices at the low resolution, joined by edges.

# %%
corpus = load_corpus()
head = corpus.head("maya")
X, T = head.vertices.astype(float), head.triangles.astype(int)  # metres; three corners a row
lips = head.regions["lips"]

links = neighbour_table(T, len(X))  # a sparse matrix, 1 where two vertices are neighbours
degrees = links.sum(axis=1).astype(int)
print(f"{head.id}: {len(X)} vertices, {len(T)} triangles")
print("vertices by number of neighbours:", dict(sorted(Counter(degrees.tolist()).items())))
assert len(degrees) == len(X) and degrees.max() == 30

# %% [markdown]
# (The corpus calls maya's mesh `head-13@low`; you will meet that name below.) Most vertices have
# six neighbours. At the rims of the mesh, neck, eyes and mouth, there are fewer. The crown of the
# head has thirty. So nine weights, one for each neighbour and one for the vertex, will not do. And
# even where two vertices have six neighbours each, nobody says which of them is the first. There is
# no up on a cheek.
#
# The simple way out is to forget who is who: one weight for the vertex, one for the *mean* of its
# neighbours. That works with any number of them. But it cannot tell a pattern from the same pattern
# turned round:

# %%
six = {"rises to the right": [1, 0.5, -0.5, -1, -0.5, 0.5],
       "rises to the left": [-1, -0.5, 0.5, 1, 0.5, -0.5],
       "flat": [0, 0, 0, 0, 0, 0]}
for name, around in six.items():
    print(f"{name:19} mean of the neighbours {np.mean(around):+.1f}")
assert all(np.mean(around) == 0 for around in six.values())

# %% [markdown]
# A slope to the right, a slope to the left and no slope at all look alike. We need an **order** of
# the neighbours. The mesh has one to offer: go round the vertex. It says where each neighbour
# stands, once we agree on where to begin.

# %% [markdown]
# ## 2 · Round a vertex, by half-edges
#
# *Minute 5.* We work on a small flat mesh first, five by five vertices. The arrows are what we
# want: a walk round vertex 12.

# %%
grid = np.array([(x, y, 0.0) for y in range(5) for x in range(5)])
cells = [5 * y + x for y in range(4) for x in range(4)]  # the lower left corner of each square
triangles = np.array([t for a in cells for t in ((a, a + 1, a + 6), (a, a + 6, a + 5))])

show(*grid_figure(grid, triangles, [13, 18, 17, 11, 6, 7, 13]))

# %% [markdown]
# Each triangle names its corners **counter-clockwise**, seen from outside. Here that is from
# above. So triangle (12, 13, 18) tells three things: going round 12, after 13 comes 18. Going
# round 13, after 18 comes 12. Going round 18, after 12 comes 13. A side of a triangle with this
# direction is called a **half-edge**: the one from 13 to 18 lies opposite 12 and says what follows
# 13 there. Two triangles that share an edge have a half-edge each, in opposite directions. We
# write them all down.

# %%
def half_edges(triangles, count):
    """Return for each vertex which neighbour follows which, counter-clockwise."""
    follows = [{} for _ in range(count)]
    for a, b, c in triangles.tolist():
        follows[a][b], follows[b][c], follows[c][a] = c, a, b
    return follows


follows = half_edges(triangles, 25)
print("round 12:", follows[12])
print("round  2:", follows[2])

# %% [markdown]
# Round 12 the arrows close: 13, 18, 17, 11, 6, 7, and 13 again. Round 2, at the rim, they do not:
# nothing leads to 3, and from 1 nothing leads on. Such a fan is **open**, and has a natural first.

# %%
def one_ring(after):
    """Return neighbours counter-clockwise; at a rim from end to end."""
    begin = [n for n in after if n not in after.values()] or [min(after)]
    ring = begin[:1]
    while after.get(ring[-1], ring[0]) != ring[0]:
        ring.append(after[ring[-1]])
    return ring


rings = [one_ring(after) for after in follows]
print("round 12:", rings[12], " round 2:", rings[2], " round 4:", rings[4])
for ring, (fan,) in zip(rings, vertex_fans(triangles, 25)):
    assert tuple(ring) == fan.vertices

# %% [markdown]
# The last lines compare with the package, which walks the same way. (It handles one thing more,
# meshes on which a vertex has *several* fans, because two surfaces touch in it.)
#
# And the head? Everywhere one fan, and 94 vertices at a rim.

# %%
around = [one_ring(after) for after in half_edges(T, len(X))]
fans = vertex_fans(T, len(X))
assert all(tuple(ring) == fan.vertices for ring, (fan,) in zip(around, fans))
print(sum(not fan.closed for (fan,) in fans), "of", len(fans), "fans are open")

# %% [markdown]
# ## 3 · Rings upon rings
#
# *Minute 12.* The neighbours are the first ring. GLDiTalker's equation 2 says how it goes on. Ring
# 0 is the vertex. The next ring is all neighbours $\mathcal{N}$ of the last one, without what is
# inside already. That inside, all rings so far, is called a disk:
#
# $$ (k+1)\text{-ring}(v) = \mathcal{N}(k\text{-ring}(v)) \setminus k\text{-disk}(v), \qquad
#    k\text{-disk}(v) = \bigcup_{i=0}^{k} i\text{-ring}(v). $$
#
# In Python sets, with a function that takes the neighbours of each vertex as lists:

# %%
def rings_of(neighbours, v, most):
    """Return the rings 0 to `most` of v as sets."""
    found, disk = [{v}], {v}
    for _ in range(most):
        outer = {n for u in found[-1] for n in neighbours[u]} - disk
        found, disk = found + [outer], disk | outer
    return found


# %% [markdown]
# Rings 1 and 2 of vertex 12, the paler the farther. The package's function agrees.

# %%
by_hand = rings_of(rings, 12, 2)
assert [sorted(r) for r in by_hand] == [r.tolist() for r in k_rings(triangles, 25, 12, 2)]
show(*grid_figure(grid, triangles, rings=[sorted(ring) for ring in by_hand]))

# %% [markdown]
# How far do rings reach on the head? We count from two places: the middle of the upper lip, where
# vertices are dense, and the crown.

# %%
place = named_vertices(head.id)
lip, crown = place["middle of the upper lip"], int(degrees.argmax())
for name, v in (("upper lip", lip), ("crown", crown)):
    reach = k_rings(T, len(X), v, 3)
    far = [1000 * np.linalg.norm(X[r] - X[v], axis=1).max() for r in reach]
    print(f"{name:9} rings of {[len(r) for r in reach]} vertices, up to "
          + ", ".join(f"{f:.0f}" for f in far) + " mm")
    assert [set(r.tolist()) for r in reach] == rings_of(around, v, 3)

# %% [markdown]
# Rings count edges, not millimetres. Where a modeller placed many vertices, as round the lips, a
# ring is small. For faces that is welcome. It also means that all of this depends on *how* a face
# was meshed.
#
# Equation 2 speaks of sets, and sets have no order. For a convolution we want a row.

# %% [markdown]
# ## 4 · Spirals
#
# *Minute 17.* A **spiral** is the vertex, then the first ring in order, then the second, and so on,
# until it has enough vertices. Two rules make it unique:
#
# - Ring 1 begins at a neighbour that we choose: the **start**.
# - Each further ring is found by walking along the last one. At each of its vertices we go round,
#   counter-clockwise, beginning behind the one before it in the ring, and take what is new. Where
#   the one before is no neighbour, as happens at a rim, we begin behind the vertex that found it.

# %%
def turned(ring, after):
    """Return a ring so that it begins behind one of its members."""
    place = ring.index(after) + 1
    return ring[place:] + ring[:place]


def spiral(rings, v, start, length):
    """Return the first vertices of the spiral round v, in order."""
    ring = turned(rings[v], start)
    ring = ring[-1:] + ring[:-1]  # start is the first now, not the last
    parent = {v: v} | dict.fromkeys(ring, v)  # who found whom; a dict keeps its order
    while ring and len(parent) < length:
        outer, before = [], ring[-1]
        for u in ring:
            for n in turned(rings[u], before if before in rings[u] else parent[u]):
                if n not in parent:
                    parent[n] = u
                    outer.append(n)
            before = u
        ring = outer
    return list(parent)[:length]


print("round 12, from 13:", spiral(rings, 12, 13, 19))
assert [set(spiral(rings, 12, 13, 19)[a:b]) for a, b in ((1, 7), (7, 19))] == by_hand[1:]

# %% [markdown]
# Three spirals of ten on the grid: from the middle beginning in the east, the same beginning in
# the north, and from the rim, where the fan itself says where it begins. There the first ring ends
# at 1, and the second begins on the other side, at 4.

# %%
paths = {"12 from 13": spiral(rings, 12, 13, 10), "12 from 17": spiral(rings, 12, 17, 10),
         "2 at the rim": spiral(rings, 2, rings[2][0], 10)}
show(*grid_figure(grid, triangles, paths))

# %% [markdown]
# The package winds them for a whole mesh at once. It chooses the starts itself, by a rule that we
# come to next. With *its* starts, our spirals of all 1,142 vertices of the head are the same:

# %%
package = spirals(T, len(X), 18, vertices=X)  # (vertex, place in the spiral)

ours = np.array([spiral(around, v, package[v, 1], 18) for v in range(len(X))])
np.testing.assert_array_equal(ours, package)
print("vertices, length:", ours.shape)

# %% [markdown]
# ### Think!
#
# 1. Ring 1 of the crown has thirty vertices, and our spiral is cut at 18. Which way does the crown
#    then look, and which way does it not?
# 2. Somebody swaps places 3 and 5 in *all* spirals. Does a network that is trained on them lose
#    anything? And if they are swapped in every other spiral only?

# %% [markdown]
# ## 5 · Where to begin
#
# *Minute 25.* Weights belong to *places* in the spiral. So the start decides which neighbour meets
# which weight. Suppose a slope: a field that rises by 1 from left to right for each step. What do
# three vertices of the grid see, relative to their own value? First all beginning in the east, then
# each anywhere.

# %%
rng = np.random.default_rng(4)
slope = grid[:, 0]
for name, starts in (("from the east", [0, 0, 0]), ("from anywhere", rng.integers(1, 6, 3))):
    for v, turn in zip((6, 12, 17), starts):
        seen = spiral(rings, v, ([v + 1, v + 6, v + 5, v - 1, v - 6, v - 5])[turn], 7)
        print(f"{name}, vertex {v:2}:", *(f"{x:+.0f}" for x in slope[seen] - slope[v]))

# %% [markdown]
# From the east, the same slope is the same row of numbers, wherever it is. From anywhere, it is
# another row at each vertex. A network with one set of weights cannot use that.
#
# How much is lost? We take a sheet of 15 by 60 vertices and let random waves run over it. From the
# seven values of a spiral, a linear map shall tell how steep the field is towards the east. It has
# eight numbers to learn, the same for all vertices.

# %%
wide, high = 60, 15
sheet = np.array([(x, y, 0.0) for y in range(high) for x in range(wide)])
corner = [wide * y + x for y in range(high - 1) for x in range(wide - 1)]
sheet_t = np.array([t for a in corner for t in
                    ((a, a + 1, a + wide + 1), (a, a + wide + 1, a + wide))])
inner = [wide * y + x for y in range(2, high - 2) for x in range(2, wide - 2)]

# %% [markdown]
# A wave is the sine of a phase that grows along the sheet. Its slope towards the east is the
# cosine, times how fast the phase grows there.

# %%
wave = rng.normal(0, 0.5, (20, 2))  # how fast each runs east and north
phase = sheet[:, :2] @ wave.T + rng.uniform(0, 6.28, 20)
fields, steep = np.sin(phase).T, (np.cos(phase) * wave[:, 0]).T  # (wave, vertex)

# %% [markdown]
# Three ways to begin: all in the east; at random; and the package's way. The last one takes a
# **reference** vertex, and each spiral begins at the neighbour that is nearest to it, along edges.
# We put the reference in the middle of the right side.

# %%
sheet_rings = [one_ring(after) for after in half_edges(sheet_t, len(sheet))]
right_side = wide * (high // 2) + wide - 1
starts = {
    "all in the east": {v: v + 1 for v in inner},
    "nearest to a reference": {
        v: s for v, s in enumerate(
            spirals(sheet_t, len(sheet), 7, vertices=sheet, reference=right_side)[:, 1])},
    "at random": {v: rng.choice(sheet_rings[v]) for v in inner},
}


def told(starts):
    """Return the share of the slope's variance that a linear map finds in spirals."""
    seen = np.array([spiral(sheet_rings, v, starts[v], 7) for v in inner])
    rows = np.concatenate([fields[:, seen].reshape(-1, 7), np.ones((20 * len(inner), 1))], axis=1)
    truth = steep[:, inner].ravel()
    weights = np.linalg.lstsq(rows[::2], truth[::2])[0]
    return 1 - np.var(truth[1::2] - rows[1::2] @ weights) / np.var(truth[1::2])


share = {name: told(begin) for name, begin in starts.items()}
for name, value in share.items():
    print(f"{name:23} {max(value, 0):5.0%} of the slope")
assert share["all in the east"] > 0.99 > 0.5 > share["nearest to a reference"] > 0.2
assert abs(share["at random"]) < 0.05
# %% [markdown]
# Where did the middle one begin?

# %%
names = {1: "east", wide + 1: "northeast", wide: "north", -1: "west", -wide - 1: "southwest",
         -wide: "south"}
begun = Counter(names[int(starts["nearest to a reference"][v] - v)] for v in inner)
print("with the reference they begin in the", dict(begun))
assert len(begun) == 3

# %% [markdown]
# At random, nothing is left: the map may as well take the mean of the neighbours. With a reference
# a third is left. Below it the spirals begin in the northeast, above it in the south, for there an
# edge leads nearer. Each half would do well with weights of its own. On a flat sheet we can agree
# on the east. On a head we cannot: a closed surface has no direction that is the same everywhere,
# as you cannot comb a sphere flat. What a rule can do is to make **neighbours** agree, so that a
# pattern looks alike as it moves on a little.
#
# Published spirals begin where the mesh library happens to begin, which depends on the order of
# triangles in the file. On the head, how well do neighbours agree? We compare the directions of
# their first steps: 1 is the same direction, 0 is any.

# %%
def agreement(begin):
    """Return the mean cosine between the first steps of neighbouring vertices."""
    step = X[begin] - X
    step /= np.linalg.norm(step, axis=1, keepdims=True)
    a, b = links.tocoo().coords
    return np.mean(np.sum(step[a] * step[b], axis=1))


def first_in(triangles):
    """Return the neighbour that a file with these triangles happens to name first."""
    return np.array([next(iter(after)) for after in half_edges(triangles, len(X))])


shuffled = np.array([np.roll(t, rng.integers(3)) for t in rng.permutation(T)])  # the same surface
cosines = {"nearest to the reference": agreement(package[:, 1]),
           "first in the file": agreement(first_in(T)),
           "first in a shuffled file": agreement(first_in(shuffled))}
for name, value in cosines.items():
    print(f"{name:25} {abs(value):.1f}")
assert agreement(spirals(shuffled, len(X), 2, vertices=X)[:, 1]) == agreement(package[:, 1])
assert cosines["nearest to the reference"] > 0.7 > 0.2 > cosines["first in a shuffled file"]

# %% [markdown]
# Our head was written by a program, row by row, so the file happens to be a good guide, even a
# little better than the reference. Save it once with another tool and that is over. The package's
# default reference is made of distances alone: in each piece of a mesh the vertex farthest from
# the middle, on the head a point at the back of the neck. So nothing changes if the triangles are
# shuffled or the head is turned, and if the vertices get new numbers, the spirals get the same new
# numbers.

# %%
angle = 0.7
turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
np.testing.assert_array_equal(spirals(T, len(X), 18, vertices=X @ turn.T), package)

new = rng.permutation(len(X))  # vertex v becomes new[v]
moved = np.empty_like(X)
moved[new] = X
np.testing.assert_array_equal(spirals(new[T], len(X), 18, vertices=moved)[new], new[package])
print("reference at", (1000 * X[default_references(X, T)[0]]).round().astype(int), "mm")

# %% [markdown]
# ## 6 · Spirals on the head
#
# *Minute 35.* Look at some. The spiral runs from dark to bright.

# %%
dilated = spirals(T, len(X), 9, 2, vertices=X)  # GLDiTalker's: kernel 9, dilation 2

spiral_view(head.id, dilated, "middle of the upper lip", title="A spiral on maya's head")

# %% [markdown]
# ### Interactive demo: spirals
#
# 1. Move the centre along the upper lip. Does the spiral begin alike from vertex to vertex?
# 2. Find the rim of an eye. What does a spiral do that cannot go round?
# 3. Find the crown, vertex 0, with its thirty neighbours. What does its spiral miss?

# %% [markdown]
# **Dilation** 2 takes every second vertex of a longer spiral, so that nine vertices reach as far as
# seventeen would. The ones between are not looked at. Here are both at two places:

# %%
tables = {"dilation 1": spirals(T, len(X), 9, 1, vertices=X), "dilation 2": dilated}
np.testing.assert_array_equal(dilated, package[:, ::2])

show(*spiral_figure(head.id, tables, ["middle of the lower lip", 387]))  # 387: on a cheek

# %% [markdown]
# And over the whole head, how far is the farthest vertex of a spiral?

# %%
for name, table in tables.items():
    far = 1000 * np.linalg.norm(X[table] - X[:, None], axis=2).max(axis=1)
    print(f"{name}: {np.median(far[lips]):.0f} mm on the lips, {np.median(far):.0f} mm over all")

# %% [markdown]
# ## 7 · The convolution
#
# *Minute 42.* Now it is short. Let $S$ be the spirals, (vertex, $L$), and $f$ the features,
# (vertex, channel). Gather the features along each spiral, lay them in one row of $L$ times channel
# numbers, and apply one linear map $W$ with an offset $b$, the same for all vertices. This is what
# GLDiTalker's equation 3 means by a fully connected layer on a disk:
#
# $$ \mathrm{SpiralConv}(v) = W \, \big[ f(S_{v,0}),\; f(S_{v,1}),\; \dots,\;
#    f(S_{v,L-1}) \big] + b . $$

# %%
def spiral_conv(f, table, weight, bias):
    """Return the features after one spiral convolution, (vertex, out)."""
    rows = f[table].reshape(len(table), -1)  # (vertex, L * channel)
    return rows @ weight.T + bias


# %% [markdown]
# One frame of motion goes through it, with the weights of a layer of the package. Motion is what a
# vertex has moved from the face at rest, three coordinates.

# %%
torch.manual_seed(0)
layer = SpiralConv(3, 16, torch.from_numpy(dilated))
clip = corpus.clip("maya-030")
motion = 1000 * clip.vertices("low", noise=False)  # (frame, vertex, 3) mm from the face at rest
frame = torch.from_numpy(motion[20])

mine = spiral_conv(frame, dilated, layer.linear.weight, layer.linear.bias)
torch.testing.assert_close(mine, layer(frame))
print("from", tuple(frame.shape), "to", tuple(mine.shape), "with",
      sum(p.numel() for p in layer.parameters()), "weights")

# %% [markdown]
# 9 places times 3 coordinates times 16, and 16 offsets, make 448. A picture's 3 by 3 kernel from 3
# to 16 channels has 448 too. The number of vertices does not count.
#
# That is no coincidence. On a grid of squares, each cut by a diagonal, with all spirals beginning
# in the east, the seven places are the centre, east, northeast, north, west, southwest and south.
# Put their weights into a 3 by 3 kernel, with zeros in the two corners that the diagonals leave
# out, and you have an image convolution:

# %%
east = np.array([spiral(sheet_rings, v, v + 1, 7) for v in inner])
layer = SpiralConv(1, 1, torch.from_numpy(east))
kernel = torch.zeros(3, 3)  # row 0 is the south: rows of the sheet count upwards
for (row, column), w in zip(((1, 1), (1, 2), (2, 2), (2, 1), (1, 0), (0, 0), (0, 1)),
                            layer.linear.weight[0].detach()):
    kernel[row, column] = w

picture = torch.from_numpy(fields[0]).float()
as_image = nn.functional.conv2d(picture.view(1, 1, high, wide), kernel[None, None])[0, 0]
as_image = as_image[1:-1, 1:-1] + layer.linear.bias  # the vertices that are not at the rim
torch.testing.assert_close(layer(picture[:, None])[:, 0], as_image.reshape(-1))
print(kernel.detach().numpy().round(2)[::-1])

# %% [markdown]
# ### Only where the next level looks
#
# A pyramid computes features at all vertices, and then keeps some, a quarter say. Most of the work
# is thrown away: of a vertex that is dropped, spirals read the *input*, but nobody reads the
# output. So compute only at the kept ones. The result is the same, up to rounding:

# %%
kept = torch.arange(0, len(X), 4)
full = SpiralConv(3, 16, torch.from_numpy(dilated))
some = SpiralConv(3, 16, torch.from_numpy(dilated), kept=kept)
some.linear.load_state_dict(full.linear.state_dict())

torch.testing.assert_close(some(frame), full(frame)[kept], rtol=0, atol=1e-6)
print("spirals that are gathered:", len(some.spirals), "of", len(full.spirals))

# %% [markdown]
# How many multiplications does that save in our encoder, the `course` preset of GLDiTalker's first
# stage? It has four convolutions. Behind each, the mesh gets 2.5 times thinner.

# %%
config = GraphVQVAEConfig.preset("course")
sizes, channels = config.sizes(len(X)), config.all_channels()
work = np.array([9 * a * b for a, b in zip(channels, channels[1:])])
everywhere, where_kept = work @ sizes[:-1], work @ sizes[1:]
print("vertices", sizes, "channels", channels)
print(f"{everywhere:,} multiplications a frame everywhere, {where_kept:,} where kept: "
      f"{everywhere / where_kept:.1f} times fewer")
assert abs(everywhere / where_kept - config.factor) < 0.05

# %% [markdown]
# By as much as the mesh gets thinner. With SpiralNet++'s factor of 4 it is four times.

# %% [markdown]
# ## 8 · Fewer vertices
#
# *Minute 50.* Which vertices can go? Those that the shape does not need. A flat cheek needs few,
# the rim of a lip needs many. **Quadric errors** say it in numbers. A triangle lies in a plane.
# With its unit normal $n$ and a corner $a$, a point $p$ is $n \cdot p - n \cdot a$ away from it.
# Write $h = (n, -n \cdot a)$, four numbers, and $(p, 1)$ for the point with a one behind it. Then
# the squared distance is $((p, 1) \cdot h)^2 = (p, 1)\, h h^\top (p, 1)^\top$.
#
# Squared distances from many planes add up by adding the 4 by 4 matrices. The **quadric** $Q$ of a
# vertex is the sum over its triangles, each weighted by its area.

# %%
def quadrics(points, triangles):
    """Return a 4 by 4 matrix for each vertex."""
    normals = triangle_normals(points, triangles)  # their length is twice the area
    area = np.linalg.norm(normals, axis=1) / 2
    unit = normals / (2 * area)[:, None]
    h = np.column_stack([unit, -np.sum(unit * points[triangles[:, 0]], axis=1)])
    planes = area[:, None, None] * h[:, :, None] * h[:, None, :]
    found = np.zeros((len(points), 4, 4))
    for corner in triangles.T:
        np.add.at(found, corner, planes)
    return found


# %% [markdown]
# To drop a vertex $u$, move it onto a neighbour $v$. The cost is
# $(v, 1)\, (Q_u + Q_v)\, (v, 1)^\top$: squared distances of $v$ from the planes of both, times
# areas. We try it on a sheet with a fold in the middle.

# %%
def cost(points, Q, u, v):
    """Return the area times squared distance that it costs to move u onto v."""
    p = np.append(points[v], 1)
    return p @ (Q[u] + Q[v]) @ p


bent = grid.copy()
bent[:, 2] = np.maximum(0, grid[:, 0] - 2)  # a fold at x = 2
Q = quadrics(bent, triangles)
for u, v, what in ((11, 6, "within the flat half"), (12, 7, "along the fold"),
                   (12, 11, "off the fold"), (13, 12, "onto the fold")):
    print(f"{u:2} onto {v:2}, {what:21} {cost(bent, Q, u, v):.2f}")
assert np.isclose(cost(bent, Q, 11, 6), 0) and cost(bent, Q, 12, 11) > 1

# %% [markdown]
# Within a flat half nothing is lost, nor along the fold, nor when a vertex moves onto it. A vertex
# *on* the fold must not leave it; that would smooth the edge away. What does the cheapest move of
# each vertex of the head cost? Bright is dear, on a logarithmic scale.

# %%
Q = quadrics(X, T)
cheapest = 1e12 * np.array([min(cost(X, Q, u, v) for v in ring) for u, ring in enumerate(around)])
shown = np.log10(np.maximum(cheapest, 1e-3))  # area times squared distance, mm to the 4th
nose = np.linalg.norm(X - X[place["tip of the nose"]], axis=1) < 0.02
for name, part in (("tip of the nose", nose), ("whole head", slice(None)),
                   ("round the eyes", head.regions["eyes"]), ("lips", lips)):
    print(f"{name:15} median {np.median(cheapest[part]):6.0f} mm⁴")

inspect(head, values=shown, value_name="log10 of the cost in mm⁴", color_map="magma",
        title="What it costs to drop each vertex")

# %% [markdown]
# The tip of the nose is dear. The cheapest places are round the eyes and, mind, the lips: they
# have many vertices close to each other. We come back to them.
#
# The rest is bookkeeping. Make the cheapest move of all, add the two quadrics, and go on until few
# enough vertices are left. The package keeps the shape of rims, flips no triangle, and prefers
# short steps where all is flat. What is left is always a **subset** of the vertices: to go down a
# level is to pick rows. And it is done once for a mesh, not for each frame.

# %%
pyramid = build_pyramid(X, T, [config.factor] * config.levels, config.kernel, config.dilation)
first = decimate(X, T, config.factor)
np.testing.assert_array_equal(first.kept, pyramid.levels[0].kept)
assert pyramid.sizes == sizes

pyramid_view(head.id, pyramid, title="maya's head on five levels")

# %% [markdown]
# `build_pyramid` writes what it found into a cache folder, so that the next call only reads a file.
#
# ### What a random choice loses
#
# Suppose we keep as many vertices, drawn at random. To compare, both need triangles and a way back
# up. For a random choice we give each vertex to the nearest kept one along the edges, and keep the
# triangles whose three corners go to three different ones. The way back up is a matrix that reads
# each vertex from the coarse triangle next to it.

# %%
def by_chance(count, seed):
    """Return a mesh on vertices drawn at random."""
    kept = np.sort(np.random.default_rng(seed).choice(len(X), count, replace=False))
    _, _, owner = dijkstra(links, indices=kept, min_only=True, return_predecessors=True)
    owner = np.searchsorted(kept, owner)
    corners = owner[T]
    corners = corners[(corners != np.roll(corners, 1, axis=1)).all(axis=1)]
    unique = np.unique(np.sort(corners, axis=1), axis=0, return_index=True)[1]
    return Decimation(kept, corners[unique], owner)


# %% [markdown]
# Then we go down and up again: with the face at rest, where the mean distance tells about the
# shape, and with each frame of a clip, where the lip vertex that is furthest off tells about the
# motion.

# %%
def lost(coarse, shape=X):
    """Return what the way down and up costs, mm: the face at rest, and its lips in motion."""
    up = upsampling_matrix(shape, coarse)
    rest = 1000 * np.linalg.norm(up @ X[coarse.kept] - X, axis=1)
    back = np.stack([up @ offsets[coarse.kept] for offsets in motion])
    return rest.mean(), np.linalg.norm(back - motion, axis=2)[:, lips].max(axis=1).mean()


chances = [lost(by_chance(sizes[1], seed)) for seed in range(3)]
quadric = lost(first)
print(f"quadric: shape {quadric[0]:.1f} mm, lips in motion {quadric[1]:.1f} mm")
for rest, moving in chances:
    print(f"random:  shape {rest:.1f} mm, lips in motion {moving:.1f} mm")
assert quadric[0] < 0.5 * min(rest for rest, _ in chances)
assert quadric[1] > max(moving for _, moving in chances)

# %% [markdown]
# The first column is as promised: the shape comes back three times better than by chance, ears and
# nose and all. The second is not. **For lips in motion, quadrics are worse than dice.**
#
# Why? The face at rest has its mouth shut. The inner rims of the two lips are straight then, and
# lie on each other. Along a straight rim every second vertex can go. And on the way up, a vertex of
# the lower lip finds its nearest triangle on the upper one. Neither knows that the two will part.
# The remedy is simple: thin the mesh of a face with its mouth *open*.

# %%
widest = int(np.linalg.norm(motion[:, lips], axis=2).mean(axis=1).argmax())
open_mouth = X + motion[widest] / 1000
opened = decimate(open_mouth, T, config.factor)
as_open = lost(opened, open_mouth)
print(f"quadric, mouth open: shape {as_open[0]:.1f} mm, lips in motion {as_open[1]:.1f} mm")
print(f"lip vertices kept: {np.isin(first.kept, lips).sum()} of {len(lips)} with the mouth shut, "
      f"{np.isin(opened.kept, lips).sum()} open")
assert as_open[1] < 0.5 * min(moving for _, moving in chances)

# %% [markdown]
# An encoder has no way up, so this loss is not its own. But it, too, only hears of the vertices
# that the kept spirals pass. Which of the 1,142 does the first level never read?

# %%
for shape, name in ((X, "shut"), (open_mouth, "open")):
    one = build_pyramid(shape, T, [config.factor], config.kernel, config.dilation, cache=False)
    unread = np.setdiff1d(np.arange(len(X)), one.kept_spirals(0))
    print(f"mouth {name}: {len(unread)} vertices are never read, "
          f"{np.isin(unread, lips).sum()} of them on the lips")

# %% [markdown]
# Dilation leaves gaps. Neighbours of a gap move much like it, so little is lost; but it is good to
# know that it is so.
#
# ### Think!
#
# GLDiTalker's second measure, the FDD of notebook 03, is about the upper face, and lids blink. On
# the mesh of a face with open eyes, what would you look at before you trust a down-sampling?

# %% [markdown]
# ## 9 · What one number sees
#
# *Minute 60.* After one convolution, a vertex has seen nine. After two, each of these nine had seen
# nine. We count **paths**: start with a 1 at a vertex of the last level, and hand it back down
# along the spirals. Where many paths arrive, the input has many ways to take part.

# %%
def paths_to(pyramid, level, vertex):
    """Return on how many paths each input vertex reaches a vertex of a level."""
    weights = np.zeros(pyramid.sizes[level])
    weights[vertex] = 1
    for step in reversed(range(level)):
        below = np.zeros(pyramid.sizes[step])
        np.add.at(below, pyramid.kept_spirals(step), weights[:, None])
        weights = below
    return weights


seen = paths_to(pyramid, 4, 7)
np.testing.assert_array_equal(seen, receptive_field(pyramid, 4, 7))
print(f"{seen.sum():,.0f} paths = 9 to the 4th, from {np.count_nonzero(seen)} vertices")
assert seen.sum() == 9**4

# %% [markdown]
# The vertices on such paths are the **receptive field**. Here is that of the vertex nearest to the
# middle of the upper lip, level by level: the course's pyramid above, and the same with dilation 1
# below. The ring marks the vertex, dark red many paths.

# %%
near = build_pyramid(X, T, [config.factor] * 4, 9, 1)
show(*field_figure(head.id, {"dilation 2": pyramid, "dilation 1": near}, lip))

# %% [markdown]
# The star on level 1 shows the gaps that dilation leaves. On level 2 the field of an *upper* lip
# has come to the lower one. Why so soon? The lower lip is what moves down when the mouth opens.

# %%
lower = np.intersect1d(lips, np.flatnonzero(motion[widest][:, 1] < -8))  # by 8 mm and more
own = int(np.linalg.norm(X[pyramid.origin(2)] - X[lip], axis=1).argmin())
paths, centre = paths_to(pyramid, 2, own), pyramid.origin(2)[own]
for number in (0, 1):
    home, mesh = pyramid.origin(number), pyramid.levels[number].triangles
    begin = int(np.flatnonzero(home == centre)[0])
    steps = dijkstra(neighbour_table(mesh, len(home)), indices=begin)
    print(f"level {number}: {steps[np.isin(home, lower)].min():.0f} edges to the lower lip")
print(f"{paths[lower].sum() / paths.sum():.0%} of the paths of level 2 begin on the lower lip")

# %% [markdown]
# The inner rims of the shut mouth have lost most of their vertices, so two edges lead from one lip
# round the corner to the other. The pyramid does not see a mouth that can open.

# %% [markdown]
# ### Interactive demo: receptive fields
#
# Move the level up, and choose other places. From which level on does a lip see the brows? (Colours
# between two vertices are mixed. Where triangles are long, as on the neck, that makes stripes.)

# %%
field_view(head.id, pyramid, lip, 3, title="What one number on the upper lip sees")

# %% [markdown]
# GLDiTalker's Table 4 tries five choices of kernel, dilation and number of levels, on BIWI, and
# prints the lip vertex error (LVE; see notebook 03 for its unit). We print what each of them sees
# on our mesh, at the vertex of its last level that is nearest to the upper lip. The radius is the
# root of the mean squared distance, each vertex weighted by its paths. First with our factor, then
# with SpiralNet++'s 4; the paper does not name its own.

# %%
def field_size(row, factor):
    """Return vertices in the field, and its radius in mm."""
    made = build_pyramid(X, T, [factor] * row["levels"], row["kernel"], row["dilation"])
    home = made.origin(row["levels"])
    own = int(np.linalg.norm(X[home] - X[lip], axis=1).argmin())
    w = receptive_field(made, row["levels"], own)
    apart = np.sum((X - X[home[own]]) ** 2, axis=1)
    return np.count_nonzero(w), 1000 * np.sqrt(w @ apart / w.sum())


# %% [markdown]
# The LVEs are the paper's, in its unit. The lines stand in the order of its table.

# %%
printed_lve = (4.9904, 4.9689, 4.7745, 5.1648, 4.6440)  # in print, BIWI-Test-A
print("kernel dilation levels   paper's LVE   factor 2.5: seen, radius   factor 4: seen, radius")
fields_seen = []
for row, value in zip(TABLE_4, printed_lve):
    (n, r), (m, s) = field_size(row, 2.5), field_size(row, 4.0)
    fields_seen.append((n, m))
    print(f"{row['kernel']:6} {row['dilation']:8} {row['levels']:6} {value:13.4f}"
          f"{n:16} {r:8.0f} mm {m:14} {s:8.0f} mm")
assert [np.argsort([n[i] for n in fields_seen]).tolist() for i in (0, 1)] == [[1, 0, 3, 2, 4]] * 2

# %% [markdown]
# The two best rows are those that see most, 614 and 826 of our vertices. But the order is not the
# order of the fields: the fourth row sees more than the first two, and is the worst. A single run
# each, one test set, and differences of a few percent: do not read too much into it.
#
# What is more, the rows differ in size. With fewer levels more vertices are left at the top, 183 in
# the second row and 74 in the fourth where the others have 30, and the linear map behind them needs
# as many more weights. On our mesh that makes 376,000 and 309,000, where the others have 138,000 or
# fewer.
#
# And mind what a field is not. Behind the last level the encoder flattens everything and mixes it
# by a linear map, so every number of the latent sees nearly the whole face anyway, all but the
# vertices that no spiral reads. The field only says what is combined *with shared weights* before
# that.

# %% [markdown]
# ## 10 · Where the rings run out
#
# *Minute 68.* A spiral of kernel 9 and dilation 2 runs through 17 vertices to find its nine. What
# if a level has fewer? SpiralNet++ thins by 4 at each level. Our low mesh is not large enough for
# that:

# %%
thin = build_pyramid(X, T, [4.0] * 4, 9, 2)
for number, level in enumerate(thin.levels):
    different = np.mean([len(set(row)) for row in level.spirals.tolist()])
    print(f"level {number}: {len(level.vertices):4} vertices, "
          f"spirals of {different:.1f} different ones")
assert thin.sizes == (1142, 286, 72, 18, 5) and len(set(thin.levels[4].spirals[0])) == 3

# %% [markdown]
# Five vertices are left at the top. A spiral there can hold no more than five, and with every
# second taken, three; the rest repeats the centre. No convolution follows that level, so no harm is
# done, but five points are a poor map of a face. On VOCASET's 5,023 vertices a factor of 4
# leaves 20, on BIWI's 23,370 it leaves 92. That is why our preset takes 2.5 for a mesh of 1,142,
# which leaves 30 at the top.
#
# Rings also run out where a mesh has small **pieces**. VOCASET's heads come with two eyeballs that
# touch nothing. We build something like it: two balls of 40 vertices in maya's eyes.

# %%
turns = np.arange(40) * np.pi * (3 - np.sqrt(5))  # points on a sphere, evenly spread
z = 1 - (np.arange(40) + 0.5) / 20
ball = np.column_stack([np.sqrt(1 - z**2) * np.cos(turns), np.sqrt(1 - z**2) * np.sin(turns), z])
ball_t = ConvexHull(ball).simplices.astype(int)
inward = np.sum(triangle_normals(ball, ball_t) * ball[ball_t].mean(axis=1), axis=1) < 0
ball_t[inward] = ball_t[inward][:, ::-1]  # all counter-clockwise from outside

eyes = X[head.regions["eyes"]]
centres = [eyes[side].mean(axis=0) - (0, 0, 0.012) for side in (eyes[:, 0] < 0, eyes[:, 0] > 0)]
X_eyes = np.concatenate([X, *(centre + 0.012 * ball for centre in centres)])
T_eyes = np.concatenate([T, ball_t + len(X), ball_t + len(X) + 40])
piece = np.repeat([0, 1, 2], [len(X), 40, 40])  # skin, right ball, left ball

# %% [markdown]
# Down the pyramid the balls get smaller than a spiral. Then somebody else has to fill it: the
# package takes the nearest vertices in space that are not in it yet. The published code throws the
# whole spiral away and takes the nearest, all of them, sorted by distance. How much of a ball's
# spirals is skin?

# %%
with_eyes = build_pyramid(X_eyes, T_eyes, [2.5] * 4, 9, 2)
for number, level in enumerate(with_eyes.levels[:4]):
    own = piece[with_eyes.origin(number)]
    published = spirals(level.triangles, len(own), 9, 2, vertices=level.vertices, short="published")
    foreign = [np.mean(own[s[own == 1]] != 1) for s in (level.spirals, published)]
    print(f"level {number}: skin and balls {np.bincount(own).tolist()}, in a ball's spirals "
          f"{foreign[0]:.0%} foreign, published {foreign[1]:.0%}")

# %% [markdown]
# From 7 vertices on, half of it and more, either way. What differs is the order: ours still begins
# with the ball's own ring, counter-clockwise, and the published row is sorted by distance alone. A
# face whose eyeballs never move loses nothing by that. It shows what to look for when a mesh has
# more pieces: teeth, a tongue.

# %% [markdown]
# ## 11 · Does it help? Close to the mesh
#
# *Minute 72.* First a task that is made for neighbours. A cheap scanner adds noise of 1 mm to each
# coordinate of each vertex, everywhere anew. Two spiral convolutions shall take it away again. They
# learn from a single clip of ada, and are tested on maya. We look at the mouth only, 284 vertices.

# %%
mouth = head.regions["mouth"]
number = np.full(len(X), -1)
number[mouth] = np.arange(len(mouth))
T_mouth = number[T][(number[T] >= 0).all(axis=1)]
S_mouth = torch.from_numpy(spirals(T_mouth, len(mouth), 9, vertices=X[mouth]))


def scans(ids, noise=False):
    """Return the mouths of some clips, (frame, vertex, 3) mm from the face at rest."""
    found = [corpus.clip(i).vertices("low", noise=noise)[:, mouth] for i in ids]
    return torch.from_numpy(1000 * np.concatenate(found)).float()


ada, maya = scans(["ada-001"]), scans(["maya-030", "maya-033"])
torch.manual_seed(1)
noisy = maya + torch.randn_like(maya)
print(len(ada), "frames to learn from,", len(maya), "to test with")

# %% [markdown]
# To see what the *mesh* has to do with it, there is a control: the same network with **random
# neighbours**. Each spiral keeps its centre, and the other eight are any vertices. And an MLP,
# which has a weight for each pair of a coordinate and a hidden number.

# %%
def scramble(table, count, seed=0):
    """Return spirals with the same centres and random other vertices."""
    lots = torch.Generator().manual_seed(seed)
    anything = torch.randint(count, table.shape, generator=lots)
    return torch.cat([table[:, :1], anything[:, 1:]], dim=1)


class Cleaner(nn.Module):
    def __init__(self, table):
        super().__init__()
        self.enter, self.leave = SpiralConv(3, 16, table), SpiralConv(16, 3, table)

    def forward(self, x):
        return x + self.leave(nn.functional.elu(self.enter(x)))


class Mlp(nn.Sequential):
    def __init__(self, inputs, hidden, outputs):
        super().__init__(nn.Flatten(), nn.Linear(inputs, hidden), nn.ELU(),
                         nn.Linear(hidden, outputs))


# %% [markdown]
# All three learn to give back clean what they get noisy, by the mean absolute error.

# %%
def learn_to_clean(make, steps=250):
    """Return a network trained to take noise away."""
    torch.manual_seed(0)
    network = make()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.005)
    for _ in range(steps):
        x = ada[torch.randint(len(ada), (16,))]
        made = network(x + torch.randn_like(x)).view_as(x)
        loss = (made - x).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


cleaners = {
    "spirals": learn_to_clean(lambda: Cleaner(S_mouth)),
    "random neighbours": learn_to_clean(lambda: Cleaner(scramble(S_mouth, len(mouth)))),
    "MLP": learn_to_clean(lambda: Mlp(852, 24, 852)),
}

# %% [markdown]
# Beside them stand **principal components**: the 16 directions in which ada's frames vary most.
# What is noisy is projected on them. We test on maya, whom none of them has met, and on ada's own
# clip with noise that is new.

# %%
def distance(made, true):
    """Return the mean distance of corresponding vertices, mm."""
    return (made - true).norm(dim=2).mean().item()


ada_mean = ada.mean(dim=0)
axes16 = torch.linalg.svd((ada - ada_mean).flatten(1), full_matrices=False)[2][:16]
methods = cleaners | {
    "16 components": lambda x: (x - ada_mean).flatten(1) @ axes16.T @ axes16 + ada_mean.flatten(),
    "nothing done": lambda x: x}
noisy_ada = ada + torch.randn_like(ada)
with torch.no_grad():
    left = {name: (distance(clean(noisy).view_as(maya), maya),
                   distance(clean(noisy_ada).view_as(ada), ada))
            for name, clean in methods.items()}
print("noise that is left, mm       maya   ada    weights")
for name, (on_maya, on_ada) in left.items():
    count = sum(p.numel() for p in cleaners[name].parameters()) if name in cleaners else ""
    print(f"{name:25} {on_maya:7.1f} {on_ada:5.1f} {count:>10}")
assert left["spirals"][0] < 0.7 * min(left["random neighbours"][0], left["MLP"][0])
assert left["16 components"][0] < left["spirals"][0] < 0.5 * left["nothing done"][0]
assert left["MLP"][1] < 0.8 * left["MLP"][0] and left["spirals"][1] > 0.9 * left["spirals"][0]

# %% [markdown]
# Here the mesh does all the work. With the true neighbours, 883 weights learn from seven seconds
# of one face to smooth another, as well as the first. With random ones they learn little, and the
# 41,772 weights of the MLP learn ada by heart: on her own clip it is not much worse than spirals,
# on maya it helps little. The components win: they know how a mouth moves, and no smoothing does.
# But they know it of this mesh only. The 883 weights move on to any mesh. Here they are on the
# whole head, which has four times as many vertices, most of them of parts they have never seen:

# %%
anywhere = Cleaner(torch.from_numpy(tables["dilation 1"]))
for ours_, theirs in ((anywhere.enter, cleaners["spirals"].enter),
                      (anywhere.leave, cleaners["spirals"].leave)):
    ours_.linear.load_state_dict(theirs.linear.state_dict())

whole = torch.from_numpy(motion).float()
torch.manual_seed(2)
rough = whole + torch.randn_like(whole)
with torch.no_grad():
    before, after = distance(rough, whole), distance(anywhere(rough), whole)
print(f"whole head: {before:.1f} mm of noise before, {after:.1f} mm after")
assert after < 0.6 * before

# %% [markdown]
# ## 12 · Does it help? As an encoder
#
# *Minute 77.* GLDiTalker uses spirals for something else: to press a frame into a few numbers. Its
# Table 3 says that a spiral encoder beats an MLP, LVE 4.64 to 4.89, and its text explains that by
# the mesh. We ask the same in small. Eight clips of ada and ben as a scanner saw them, the mouth
# only. The encoder makes 16 numbers of a frame, a linear map makes the mouth of them again. That
# map begins with principal components; it learns on like the rest. Both encoders have 33,000
# weights.

# %%
pupils = [f"{who}-00{n}" for who in ("ada", "ben") for n in (1, 2, 3, 4)]
strangers = [f"{who}-0{n}" for who in ("maya", "noah") for n in (30, 32, 34, 36, 38)]
learned = scans(pupils, noise=True)
asked, truth = scans(strangers, noise=True), scans(strangers)
assert set(pupils) <= set(corpus.splits["train"])
assert set(strangers) <= set(corpus.splits["test_unseen"])

centre, scale = learned.mean(dim=0), learned.std()
components = torch.linalg.svd((learned - centre).flatten(1), full_matrices=False)[2][:16]
small = build_pyramid(X[mouth], T_mouth, [2, 2, 2], 9, 2)
print(len(learned), "frames to learn from,", len(truth), "to test with; levels", small.sizes)

# %% [markdown]
# Again with random neighbours as a control: everything is the same, pyramid, weights and steps, but
# who is whose neighbour. Two more encoders break the rule of equal weights: an MLP with as many
# hidden numbers as the spirals have features at the top, 36 vertices of 32, and a single linear
# map.

# %%
class Spiral(nn.Module):
    def __init__(self, shuffled=False):
        super().__init__()
        self.down = SpiralPyramid.from_pyramid(small, (3, 16, 32, 32))
        self.fuse = nn.Linear(small.sizes[-1] * 32, 16)
        for conv, size in zip(self.down.convolutions, small.sizes):
            if shuffled:
                conv.spirals = scramble(conv.spirals, size)

    def forward(self, x):
        return self.fuse(self.down(x).flatten(1))


kinds = {"spirals": Spiral, "random neighbours": lambda: Spiral(shuffled=True),
         "MLP": lambda: Mlp(852, 38, 16), "wide MLP": lambda: Mlp(852, 36 * 32, 16),
         "linear map": lambda: nn.Sequential(nn.Flatten(), nn.Linear(852, 16))}
for name, kind in kinds.items():
    print(f"{name:18} {sum(p.numel() for p in kind().parameters()):9,} weights")

# %% [markdown]
# Nothing else differs between the five: the same frames, the same decoder, the same steps.

# %%
def learn_to_encode(kind, seed, steps=270):
    """Return what comes back of the test frames, in mm."""
    torch.manual_seed(seed)
    encoder, decoder = kind(), nn.Linear(16, 852)
    x = (learned - centre) / scale
    with torch.no_grad():
        spread = (x.flatten(1) @ components.T).std(dim=0)
        decoder.weight.copy_(components.T * spread), decoder.bias.zero_()
    optimizer = torch.optim.AdamW([*encoder.parameters(), *decoder.parameters()], lr=0.003)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        some_x = x[torch.randint(len(x), (32,))]
        loss = (decoder(encoder(some_x)) - some_x.flatten(1)).abs().mean()
        optimizer.zero_grad(), loss.backward()
        optimizer.step(), schedule.step()
    with torch.no_grad():
        return decoder(encoder((asked - centre) / scale)).view_as(truth) * scale + centre


def lip_error(made):
    """Return the mean over frames of the largest error on the lips, mm."""
    return (made - truth)[:, number[lips]].norm(dim=2).max(dim=1).values.mean().item()


# %% [markdown]
# Fifteen small trainings, of a few seconds at most, and the components alone as a measure.

# %%
found = {name: [lip_error(learn_to_encode(kind, seed)) for seed in range(3)]
         for name, kind in kinds.items()}
pca = ((asked - centre).flatten(1) @ components.T @ components).view_as(truth) + centre
for name, values in found.items():
    print(f"{name:18} {np.mean(values):.1f} mm, the mean of three seeds")
print(f"16 components      {lip_error(pca):.1f} mm")
print(f"a still mouth      {lip_error(centre.expand_as(truth)):.1f} mm")
assert max(found["spirals"]) < min(found["MLP"])
for name in ("random neighbours", "wide MLP", "linear map"):
    assert np.mean(found[name]) < 1.1 * np.mean(found["spirals"])
assert lip_error(pca) < min(map(min, found.values()))

# %% [markdown]
# Each ring in the figure is one seed.

# %%
figure, axes = new_figure(width=5.6, height=2.4)
for row, (values, color) in enumerate(zip(found.values(), (BLUE, GREEN, ORANGE, PURPLE, INK))):
    axes.plot(values, [-row] * 3, "o", color=color, ms=7, mfc="none", mew=2)
axes.axvline(lip_error(pca), color=INK, ls="--", label="16 principal components")
axes.set(yticks=range(0, -5, -1), yticklabels=list(found), xlim=(0, None), ylim=(-4.5, 0.6),
         xlabel="largest error on the lips, mm"), axes.legend(
    loc="lower left", bbox_to_anchor=(0, 1), frameon=False)
show(figure, """The errors of three seeds each. Those of spirals, of random neighbours, of the wide
MLP and of the linear map lie between 0.6 and 0.9 mm. Those of the MLP with as many weights lie
apart, about 1.1 mm. The principal components, a dashed line, are left of all, at 0.5 mm.""")

# %% [markdown]
# Four things to read here, in this order.
#
# - **Spirals beat the MLP** at equal weights and steps, with every seed. So far we see what the
#   paper sees. (A step of theirs takes three times as long. With three times the steps, so 810, the
#   MLP comes to 0.8 mm as well.)
# - **Random neighbours do as well**, here even a little better. So what helps here is not the mesh.
# - **A wide MLP does as well**, too. The MLP of equal weights must squeeze everything through 38
#   hidden numbers; spirals share their weights, and so have 1,152 numbers before the last map for
#   the price of 38. That is a real gain, but one of size, not of neighbours.
# - **A linear map does better, and principal components best.** This task has little in it that is
#   not linear. The components are the best linear map for the squared error, found at once; a few
#   hundred steps do not get there. (The course's own priors begin with them.)
#
# An ablation that changes several things at once, here the mesh, the sharing of weights and the
# width, cannot say which of them did it. More rows can.
#
# ### Think!
#
# 1. What is fair: equal weights, equal steps, equal time, or equal memory?
# 2. In section 11 the mesh was everything, here it is nothing. What differs between the two tasks?

# %% [markdown]
# ## 13 · The long run
#
# *Minute 82.* `talking-heads priors` trains the whole first stage on all 312 training clips, with
# encoder, transformers, quantizer and decoder, three seeds each: with spirals; with an MLP of as
# many weights, which is the paper's Table 3; and with spirals whose neighbours are drawn at
# random, our control. `test_seen` has new sentences by speakers of the training, `test_unseen` new
# speakers. The error is the mean over frames of the largest error, on the lips and on the whole
# face.

# %%
record = json.loads((data_dir() / "results" / "priors.json").read_text())
long = {row["name"]: row["runs"] for row in record["rows"]}
tests = [(where, split) for where in ("lips", "face") for split in ("test_seen", "test_unseen")]


def errors_of(name, where, split):
    """Return the error of each seed, mm."""
    return [run["splits"][split][where]["value"] for run in long[name]]


encoders = {"mlp": "MLP", "spiral": "spirals", "random": "random neighbours"}
for where, split in tests:
    for name, called in encoders.items():
        values = errors_of(name, where, split)
        print(f"{where} {split:11} {called:18}", *(f"{v:.2f}" for v in values),
              f"  mean {np.mean(values):.3f} mm")
for name, called in encoders.items():
    print(f"{called:18} {long[name][0]['spatial_parameters']:,} weights in the encoder")
print(f"The MLP has {config.mlp_hidden(len(X))} hidden numbers, "
      f"the top of the pyramid {sizes[-1] * channels[-1]}.")

mean = {(name, *test): np.mean(errors_of(name, *test)) for name in encoders for test in tests}
for split in ("test_seen", "test_unseen"):
    assert max(errors_of("spiral", "face", split)) < min(errors_of("mlp", "face", split))
    assert max(errors_of("spiral", "lips", split)) > min(errors_of("mlp", "lips", split))
    # What the text below says of the control:
    assert max(errors_of("random", "lips", split)) < min(errors_of("mlp", "lips", split))
    assert max(errors_of("random", "lips", split)) < min(errors_of("spiral", "lips", split))
    assert mean["random", "face", split] < mean["spiral", "face", split]

# %% [markdown]
# The same as a figure, a ring for each seed.

# %%
figure, axes = new_figure(2, width=5.6, height=3.2)
said = []
for where, axis in zip(("lips", "face"), axes):
    for row, (name, called) in enumerate(encoders.items()):
        for split, color in (("test_seen", BLUE), ("test_unseen", ORANGE)):
            values = errors_of(name, where, split)
            axis.plot(values, [-row] * 3, "o", color=color, ms=7, mfc="none", mew=2,
                      label=split if row == 0 else None)
            said.append(f"{called}, {where}, {split}: {np.mean(values):.2f} mm")
    axis.set(yticks=(0, -1, -2), yticklabels=[f"{where}: {name}" for name in encoders.values()],
             ylim=(-2.5, 0.5))
axes[0].legend(loc="lower left", bbox_to_anchor=(0, 1), frameon=False, ncols=2)
highest = max(max(errors_of(name, *test)) for name in encoders for test in tests)
axes[1].set(xlim=(0, 1.1 * highest), xlabel="largest error, mm")
show(figure, "Three encoders, three seeds each; test_seen is blue, test_unseen orange. Means: "
     + "; ".join(said) + ".")

# %% [markdown]
# **On the lips, the paper's gain does not show.** The means of spirals and MLP differ by one to
# two hundredths of a millimetre, for the MLP, and the seeds of each differ by as much. Table 3 has
# 5 percent for the spirals there. It measures something else: the whole system, from sound to
# face, on other data.
#
# **On the whole face it does.** Somewhere a vertex is further off with the MLP than with spirals,
# with every seed and for both kinds of speakers. It has its price: on one free processor core
# 1,000 steps take 6 minutes with spirals and 3 with the MLP.
#
# **Is it the mesh?** The control has the same pyramid, as many weights, used over and over at all
# vertices, and the same 960 numbers before the last map, where the MLP has 39. Only the neighbours
# are drawn by lot. On the whole face it reaches 0.57 and 0.80 mm (known, new speakers), and spirals
# 0.58 and 0.84. So the gain over the MLP does not come from the mesh, but from shared weights and
# width. On the lips random neighbours are even *better* than true ones, with every seed: by 0.05 mm
# on known speakers and by 0.10 on new ones. There, to know the mesh was a handicap.
#
# How can that be? Count what the first convolution reads, and how much news is in it. For each
# spiral at a kept vertex: does it read a lip vertex, and how many principal components do its 27
# numbers need for 99 % of what they do in a clip?

# %%
def news_in(table):
    """Return how many directions hold 99 % of the variance in each spiral, over one clip."""
    needed = []
    for row in table:
        seen = motion[:, row].reshape(len(motion), -1)
        power = np.linalg.svd(seen - seen.mean(axis=0), compute_uv=False) ** 2
        needed.append(np.searchsorted(power.cumsum() / max(power.sum(), 1e-9), 0.99) + 1)
    return np.array(needed)


levels_of = {"neighbours": [pyramid.kept_spirals(k) for k in range(4)]}
levels_of["random"] = [scramble(torch.from_numpy(table), size).numpy()
                       for table, size in zip(levels_of["neighbours"], sizes)]
for name, tables_ in levels_of.items():
    reads = np.isin(tables_[0], lips).any(axis=1)
    share = np.isin(np.arange(len(X)), lips).astype(float)
    for table in tables_:
        share = share[table].mean(axis=1)  # of the paths that end at a vertex, those from lips
    print(f"{name:10} {reads.sum():3} of {len(reads)} spirals read a lip vertex; "
          f"{share.mean():.0%} of all paths begin there; "
          f"{np.median(news_in(tables_[0])):.0f} directions")
print(f"lips hold {len(lips) / len(X):.0%} of the vertices")
apart = build_pyramid(open_mouth, T, [config.factor] * 4, config.kernel, config.dilation)
for name, one in (("shut", pyramid), ("open", apart)):
    print(f"lip vertices by level, mouth {name}:",
          *(np.isin(one.origin(k), lips).sum() for k in range(5)))

# %% [markdown]
# Two things come together.
#
# - **The pyramid knows little of lips.** It was thinned with the mouth shut, 30 of 140 lip vertices
#   are left after the first level and 3 of 30 at the top, and few spirals read any. With random
#   neighbours, most of the spirals read a lip vertex somewhere. Thinning with the mouth open, as in
#   section 8, keeps a few more; the lips remain a small part.
# - **Neighbours say nearly the same.** Skin moves smoothly, so the 27 numbers of a spiral hold two
#   directions of motion. Nine vertices from all over the head hold four, another mixture at each
#   kept vertex, and the last linear map sorts them out. To *name* a frame, far vertices tell more
#   than near ones. To clean a vertex of noise, as in section 11, it is just the near ones that
#   help, *because* they say the same.
#
# This fits the numbers. It is no proof: for that, one would train the pyramid of the open mouth,
# and a graph encoder that starts from the lips. Nor does it refute the paper, which has other
# data, a mesh of 23,370 vertices, and no such control. It says what its Table 3 cannot tell:
# spirals against an MLP compares three things at once, mesh, sharing and width.
#
# ### Table 4
#
# Its other rows are trained too, with one seed each. The last line is our `spiral` with the first
# of its three seeds. Remember from section 9 that rows with fewer levels have more weights.

# %%
print("kernel dilation levels   weights  sees  paper's LVE  lips: seen unseen  face: seen unseen")
for row, value, (sees, _) in zip(TABLE_4, printed_lve, fields_seen):
    name = "-".join(f"{key}{number}" for key, number in row.items())
    run = long["spiral" if row is TABLE_4[-1] else name][0]
    ours = [run["splits"][split][where]["value"] for where, split in tests]
    print(f"{row['kernel']:6} {row['dilation']:8} {row['levels']:6} "
          f"{run['spatial_parameters']:9,} {sees:5} {value:12.4f}"
          f" {ours[0]:11.2f} {ours[1]:6.2f} {ours[2]:11.2f} {ours[3]:6.2f}")
for where, split in tests:
    seeds = errors_of("spiral", where, split)
    print(f"between three seeds of the last row: {where} {split:11} "
          f"{min(seeds):.2f} to {max(seeds):.2f} mm")

# %% [markdown]
# What lies within the range of the seeds says nothing, and that is nearly all. Only kernel 5 is
# last in all four columns, in three of them just outside that range. Kernel 9 over 5 is what the
# paper found, too. Its other two choices cannot be told apart here: dilation 1 and 2 with 4 levels
# lie within the seeds' range, and so do 2 and 3 levels, or better. Those two have more weights, and
# the paper's worst row, 3 levels, is among our best.
#
# ### Think!
#
# 1. The two rows with fewer levels have more weights. How would you change them so that only the
#    levels differ? (`spiral_channels` and `fusion` of `GraphVQVAEConfig` are two ways.)
# 2. Design the run that would tell whether the shut mouth of the pyramid is to blame.

# %% [markdown]
# ## 14 · What to take along
#
# *Minute 89.*
#
# - **Order.** A mesh gives each vertex an order of neighbours, but no first one. Half-edges find
#   the order; a reference vertex chooses the first, alike from vertex to vertex.
# - **Spirals** are rings, one behind the other, cut to one length. Dilation reaches further with as
#   many weights.
# - **The convolution** is one gather and one matrix product. On a grid it is an image convolution.
#   It is needed only at the vertices that are kept.
# - **Quadric errors** keep the shape of the face at rest. What moves they do not know: thin a mouth
#   while it is open.
# - **Fields** grow with kernel, dilation and levels, as far as the mesh has vertices.
# - **Whether it helps** depends on the task. For smoothing, neighbours are everything. For pressing
#   a frame into 16 numbers, width helped and neighbours did not. In the long run spirals beat
#   the MLP on the whole face and not on the lips, and random neighbours did better than either. Ask
#   for that control before you believe that a graph was the reason.

# %% [markdown]
# ## 15 · Your turn
#
# Six exercises belong to this notebook: **one_ring**, **k_ring**, **dilated**, **spiral_conv**,
# **quadric** and **path_counts**. Each has a check that names what is wrong, and three folded
# hints. In a terminal (File, New, Terminal):
#
# ```
# talking-heads exercises student 05
# ```
#
# writes `exercises/student/05_spiral_convolution.ipynb`. `talking-heads progress` shows what has
# passed.

# %% [markdown]
# ### Bonus
#
# Train the graph prior and its twin with an MLP over lunch. The third line trains and measures the
# other rows of Table 4, one after the other.
#
# ```
# talking-heads train graph_vqvae --preset course --data course --out runs/spiral
# talking-heads train graph_vqvae --preset mlp --data course --out runs/mlp
# talking-heads priors --data course --work runs/priors --runs table4
# ```
