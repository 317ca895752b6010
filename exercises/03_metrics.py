# %% [markdown]
# # Exercises 03 · Metrics
#
# Six measures, written by yourself. Notebook 03, Metrics, shows each of them and how to fool it.
# Each check calls your function with several inputs and compares its answers with the package's. If
# something is wrong, it says what: a missing root, a sign, an axis. All lengths are in metres.
#
# Write your code where `# YOUR CODE HERE` stands, and run the cell, as often as you like. If you are
# stuck, open a hint. There are three for each exercise, each saying more than the last.
#
# The first cell makes two motions of a small face to try your functions on.

# %%
from itertools import combinations

import numpy as np

from talking_heads.course import check

rng = np.random.default_rng(0)
true, predicted = rng.normal(0, 0.01, (2, 20, 12, 3))
lips = np.array([2, 3, 5, 8])
print("a motion has the shape (frame, vertex, 3):", true.shape)
print("the lips are the vertices", lips)

# %% [markdown]
# ## Coding exercise 1: the lip vertex error
#
# Difficulty 2 of 5 · importance 5 of 5 · about 15 minutes
#
# The LVE as a distance: each frame's error is that of its worst lip vertex.
#
# - `true` and `predicted` have the shape (frame, vertex, 3), in metres.
# - `lips` holds the numbers of the lip vertices.
# - Return one number, in metres: the mean over the frames of the largest distance between a true
#   lip vertex and the predicted one.

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# Three axes have to go: the coordinates, the vertices and the frames. What is done with each of
# them, and in which order: a mean, a maximum, a length?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# $\frac{1}{T} \sum_t \max_{v \in L} \lVert x_{t,v} - y_{t,v} \rVert$, where the bars are the root of
# the sum of three squares.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `distance = np.linalg.norm(true - predicted, axis=2)[:, lips]` has the shape (frame, lip). Its
# `max(axis=1)` has the shape (frame,).
#
# </details>


# %%
def lip_vertex_error(true, predicted, lips):
    """Return the mean over frames of the worst lip vertex's distance, in metres."""
    ### BEGIN SOLUTION
    distance = np.linalg.norm(true - predicted, axis=2)[:, lips]
    return distance.max(axis=1).mean()
    ### END SOLUTION


check("03.lip_vertex_error", lip_vertex_error)

# %% [markdown]
# ## Coding exercise 2: the face dynamics deviation
#
# Difficulty 3 of 5 · importance 4 of 5 · about 20 minutes
#
# FDD as the published programs compute it: does the upper face move as much as the true one? The
# order of deviation and mean, the sign and the squares all matter.
#
# - `true` and `predicted` are offsets from the face at rest, (frame, vertex, 3), in metres.
# - `upper` holds the numbers of the vertices of the upper face.
# - For each of these vertices take the squared length of its offset in each frame, and the standard
#   deviation of that over time (divided by the number of frames). Then the mean over the vertices.
# - Return this for the truth minus the same for the prediction: one number, in square metres.

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# Begin with one motion alone. Which axis is time, which one is vertices, and which of the
# two goes first?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# $D(m) = \frac{1}{|U|} \sum_{v \in U} \mathrm{std}_t \lVert m_{t,v} \rVert^2$, and
# $\mathrm{FDD} = D(\mathrm{true}) - D(\mathrm{predicted})$.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `np.square(offsets[:, upper]).sum(axis=2)` has the shape (frame, vertex). Its `std(axis=0)` has the
# shape (vertex,).
#
# </details>


# %%
def dynamics_deviation(true, predicted, upper):
    """Return how much less the predicted upper face varies than the true one, in m²."""
    ### BEGIN SOLUTION
    squares = [np.square(offsets[:, upper]).sum(axis=2) for offsets in (true, predicted)]
    return squares[0].std(axis=0).mean() - squares[1].std(axis=0).mean()
    ### END SOLUTION


check("03.dynamics_deviation", dynamics_deviation)

# %% [markdown]
# ## Coding exercise 3: the mouth open difference
#
# Difficulty 2 of 5 · importance 4 of 5 · about 15 minutes
#
# MOD compares how far the mouth is open, and nothing else.
#
# - `true` and `predicted` are positions, (frame, vertex, 3), in metres.
# - `upper` and `lower` hold vertex numbers, (pair,): `upper[0]` lies above `lower[0]`, and so on.
# - The opening at a pair is the straight distance of its two vertices.
# - Return one number, in metres: the mean over frames and pairs of the absolute difference between
#   the predicted and the true opening.

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# The prediction's mouth is moved 3 cm to the side, and open exactly as far. What should your answer
# be? So what do you compute within one motion, before you compare?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# With $o_{t,p} = \lVert u_{t,p} - l_{t,p} \rVert$ for the opening at pair $p$:
# $\frac{1}{T P} \sum_{t,p} | o^{\mathrm{predicted}}_{t,p} - o^{\mathrm{true}}_{t,p} |$.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `np.linalg.norm(places[:, upper] - places[:, lower], axis=2)` gives the openings of one motion,
# (frame, pair).
#
# </details>


# %%
def mouth_difference(true, predicted, upper, lower):
    """Return the mean absolute difference of the mouth openings, in metres."""
    ### BEGIN SOLUTION
    gaps = [places[:, upper] - places[:, lower] for places in (true, predicted)]
    openings = [np.linalg.norm(gap, axis=2) for gap in gaps]
    return np.abs(openings[1] - openings[0]).mean()
    ### END SOLUTION


check("03.mouth_difference", mouth_difference)

# %% [markdown]
# ## Coding exercise 4: diversity over seeds
#
# Difficulty 2 of 5 · importance 3 of 5 · about 15 minutes
#
# How far apart are several answers to one sound?
#
# - `predictions` has the shape (answer, frame, vertex, 3), in metres: one motion for each seed.
# - For two answers, the distance is the mean over all frames and vertices of how far the two places
#   of a vertex are apart.
# - Return the mean of that over all pairs of different answers, each pair once.
#
# With three answers there are three pairs. `combinations(predictions, 2)` gives them.

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# How many pairs do four answers have, if an answer is not paired with itself, and the first with the
# second is the same pair as the second with the first?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# For $S$ answers: $\frac{2}{S (S - 1)} \sum_{i < j} \frac{1}{T V} \sum_{t,v}
# \lVert y^i_{t,v} - y^j_{t,v} \rVert$.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `np.linalg.norm(first - second, axis=-1).mean()` is the distance of two answers.
#
# </details>


# %%
def diversity(predictions):
    """Return the mean distance over all pairs of different answers, in metres."""
    ### BEGIN SOLUTION
    pairs = combinations(predictions, 2)
    return np.mean([np.linalg.norm(first - second, axis=-1).mean() for first, second in pairs])
    ### END SOLUTION


check("03.diversity", diversity)

# %% [markdown]
# ## Coding exercise 5: a bootstrap interval
#
# Difficulty 3 of 5 · importance 5 of 5 · about 15 minutes
#
# How far would a mean vary with other clips? The clips have been drawn for you, so that your answer
# is always the same.
#
# - `values` holds one figure for each clip, (clip,).
# - `draws` holds whole numbers, (draw, clip): each row lists which clips were drawn, some of them
#   twice, some not at all.
# - Return two numbers, (2,): the ends between which the middle 95 % of the draws' means lie, the
#   lower end first. (What NumPy's `quantile` returns: it interpolates between neighbours.)

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# How many means do you have, if there are 1,000 draws? Which part of them do you cut off at the
# bottom, and which at the top?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# For draw $d$ that lists the clips $c_{d,1} \dots c_{d,n}$ the mean is
# $m_d = \frac{1}{n} \sum_i v_{c_{d,i}}$. The ends are the quantiles 0.025 and 0.975 of all $m_d$.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `values[draws]` has the shape (draw, clip). `np.quantile(..., [0.025, 0.975])` gives both ends.
#
# </details>


# %%
def interval(values, draws):
    """Return the lower and the upper end of the middle 95 % of the draws' means, (2,)."""
    ### BEGIN SOLUTION
    means = values[draws].mean(axis=1)
    return np.quantile(means, [0.025, 0.975])
    ### END SOLUTION


check("03.interval", interval)

# %% [markdown]
# ## Coding exercise 6: the macro F1
#
# Difficulty 3 of 5 · importance 3 of 5 · about 20 minutes
#
# Whose motion is it? Every clip has a true identity and was given one.
#
# - `true` and `predicted` hold whole numbers, (clip,): who it is, and who it was taken for.
# - The F1 of one identity is twice its hits, divided by the number of its own clips plus the number
#   of clips that were given to it. A hit is a clip that is its own and was given to it.
# - Return one number: the mean of the F1 over all identities that occur in either list.

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# An identity has three clips, and none of them was given to it. What is its F1, and does it count in
# the mean? And a number that was given to two clips, but is nobody's?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# $F_k = 2 h_k / (o_k + g_k)$, with the hits $h_k$, the own clips $o_k$ and the given ones $g_k$. The
# answer is the mean of $F_k$ over all $k$ in either list.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `for k in np.union1d(true, predicted)` visits each identity once, and
# `np.sum((true == k) & (predicted == k))` counts its hits.
#
# </details>


# %%
def macro_f1(true, predicted):
    """Return the mean F1 over all identities in either list."""
    ### BEGIN SOLUTION
    scores = []
    for k in np.union1d(true, predicted):
        hits = np.sum((true == k) & (predicted == k))
        scores.append(2 * hits / (np.sum(true == k) + np.sum(predicted == k)))
    return np.mean(scores)
    ### END SOLUTION


check("03.macro_f1", macro_f1)

# %% [markdown]
# ## Done
#
# In a terminal, `talking-heads progress` shows which checks have passed, and
# `talking-heads exercises solution 03` writes a copy with a solution of each exercise, to compare
# with yours. All six functions stand in `talking_heads.metrics`, with the other variants that are in
# print.
