# %% [markdown]
# # Exercises 00 · Welcome
#
# Two short functions: one measures a face, the other moves it. They use what
# notebook 00, Welcome, shows in sections 2 and 3.
#
# Write your code where `# YOUR CODE HERE` stands, and run the cell. The last line of the cell checks
# your function: it calls it with several inputs and compares the answers with the package's. If
# something is wrong, it says what. Change your code and run the cell again, as often as you like.
#
# If you are stuck, open a hint. There are three for each exercise, each saying more than the last.
#
# The first cell loads a face to try your functions on, and shows two of its vertices.

# %%
import numpy as np

from talking_heads.course import check
from talking_heads.face import get_face

face = get_face("neutral@low")
upper = face.landmarks["inner_lip_upper"]
lower = face.landmarks["inner_lip_lower"]
print("face.vertices has the shape", face.vertices.shape)
print("upper lip: vertex", upper, "at", face.vertices[upper].round(4), "m")
print("lower lip: vertex", lower, "at", face.vertices[lower].round(4), "m")

# %% [markdown]
# ## Coding exercise 1: the gap between the lips
#
# Difficulty 1 of 5 · importance 5 of 5 · about 10 minutes
#
# Every measure of lip motion in this course rests on the **lip aperture**: how far the lips are
# apart, in the middle of the mouth. Write it yourself.
#
# - `vertices` has the shape (frame, vertex, 3): for each frame and each vertex x, y and z in
#   metres. x points to the side, y up, z out of the face.
# - `upper` and `lower` are whole numbers, (pair,): vertices on the inner edges of the lips.
#   `upper[0]` lies above `lower[0]`, `upper[1]` above `lower[1]`, and so on.
# - Return the aperture of each frame, (frame,), in metres: the mean over the pairs of the
#   difference in height. Where that is negative, the lips are pressed together: return 0.
#
# `vertices[:, upper, 1]` picks the heights of the upper points in all frames, (frame, pair).

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# Two points lie above one another. Which of their three numbers tells how far they are apart? And
# what happens to your answer when the lower one rises above the upper one?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# With $u_p$ and $l_p$ for the heights of pair $p$ and $P$ pairs:
# $a = \max\left(0, \frac{1}{P} \sum_p (u_p - l_p)\right)$, for each frame.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `gap = vertices[:, upper, 1] - vertices[:, lower, 1]` has the shape (frame, pair). Its mean over
# `axis=1` has the shape (frame,), and `np.maximum(..., 0)` does the rest.
#
# </details>


# %%
def lip_aperture(vertices, upper, lower):
    """Return the gap between the lips in metres, (frame,), never negative."""
    ### BEGIN SOLUTION
    gap = vertices[:, upper, 1] - vertices[:, lower, 1]
    return np.maximum(gap.mean(axis=1), 0)
    ### END SOLUTION


check("00.lip_aperture", lip_aperture)

# %% [markdown]
# ## Coding exercise 2: a face from its coefficients
#
# Difficulty 2 of 5 · importance 5 of 5 · about 15 minutes
#
# A model of this course gives one row of coefficients a frame. Turn them into faces, for a whole
# sentence at once, with the formula of section 2.
#
# - `template` is the face at rest, (vertex, 3), in metres.
# - `offsets` holds one table for each shape, (shape, vertex, 3): how far the shape moves each
#   vertex, in metres, when its coefficient is 1.
# - `weights` holds the coefficients, (frame, shape).
# - Return the vertices of every frame, (frame, vertex, 3), in metres.
#
# (The course head also turns its jaw and lids. Here all moves are straight.)

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# Take one frame and one vertex. Which numbers of `weights` and `offsets` decide where it goes? Over
# what do you sum, and what is left in the end?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# With $f$ for the frame and $k$ for the shape: $v_f = v_0 + \sum_k w_{fk} B_k$. A loop over the
# shapes is a good first version.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `np.einsum("fk,kvc->fvc", weights, offsets)` sums over k, and leaves frame, vertex and coordinate.
#
# </details>


# %%
def blend(template, offsets, weights):
    """Return the posed vertices of all frames, (frame, vertex, 3), in metres."""
    ### BEGIN SOLUTION
    moves = np.einsum("fk,kvc->fvc", weights, offsets)
    return template + moves
    ### END SOLUTION


check("00.blend", blend)

# %% [markdown]
# ## Done
#
# In a terminal, `talking-heads progress` shows which checks have passed, and
# `talking-heads exercises solution 00` writes a copy with a solution of each exercise, to compare
# with yours.
