# %% [markdown]
# # Exercises 01 · Data sets
#
# Five short functions. With them you can read the three real data sets, keep sound and motion
# together at any frame rate, and split a data set so that its test means something.
#
# Write your code where `# YOUR CODE HERE` stands, and run the cell. The last line of the cell checks
# your function with several inputs. If something is wrong, it says what.
#
# If you are stuck, open a hint. There are three for each exercise, each saying more than the last.

# %%
import math

import numpy as np

from talking_heads.course import check
from talking_heads.face import ARKIT_NAMES, BEAT_NAMES

for owner, names in (("ours", ARKIT_NAMES), ("BEAT's", BEAT_NAMES)):
    print(f"{owner:7} {len(names)} names: {names[0]}, {names[1]}, ... {names[-1]}")

# %% [markdown]
# ## Coding exercise 1: from the rows of VOCASET to offsets
#
# Difficulty 2 of 5 · importance 5 of 5 · about 10 minutes
#
# VOCASET stores a motion as a table with one row a frame, 60 rows a second. A row holds x, y and z
# of vertex 0, then x, y and z of vertex 1, and so on: positions, in metres. Models learn **offsets**
# at 30 frames a second: how far each vertex is from where it lies at rest.
#
# - `rows` has the shape (frame, 3 · vertex).
# - `template` is the speaker's face at rest, (vertex, 3), in metres.
# - Keep every second frame, beginning with the first. Return the offsets from the template, with
#   the shape (kept frame, vertex, 3), in metres.

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# The numbers of one vertex stand side by side in a row. Which shape has a row once you cut it into
# pieces of three? Which frames are left of nine?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# With $p_f$ for the positions of frame $f$ and $v_0$ for the template: new frame $k$ is
# $p_{2k} - v_0$.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `rows.reshape(len(rows), -1, 3)` has the shape (frame, vertex, 3). `[::2]` keeps the frames 0, 2,
# 4 and so on.
#
# </details>


# %%
def vocaset_offsets(rows, template):
    """Return offsets from the template at 30 frames a second, (frame, vertex, 3), in metres."""
    ### BEGIN SOLUTION
    positions = rows.reshape(len(rows), -1, 3)[::2]
    return positions - template
    ### END SOLUTION


check("01.vocaset_offsets", vocaset_offsets)

# %% [markdown]
# ## Coding exercise 2: the sound of some frames
#
# Difficulty 2 of 5 · importance 5 of 5 · about 15 minutes
#
# Which samples belong to which frame? At 25 frames a second each frame owns 640 samples of 16,000.
# At 30 it would be 533⅓, and there is no third of a sample. The rule of this course: frame $f$ begins
# at the sample that lies nearest to its time, and ends where the next frame begins.
#
# - `audio` has the shape (sample,), at 16,000 samples a second.
# - `start` and `stop` are frames: those from `start` up to, and without, `stop` are wanted.
# - `fps` is the frame rate, frames a second.
# - Return their samples, (sample,). A motion may be a little longer than its sound: fill up with
#   zeros at the end, so that every frame has its samples.

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# At which second does frame 2 begin, at 30 frames a second? Which sample is that? What goes wrong
# after a minute if every frame is given 533 samples?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# Frame $f$ begins at sample $s_f = \lfloor 16000 f / \mathrm{fps} + 0.5 \rfloor$, where
# $\lfloor x \rfloor$ is the largest whole number that is not above $x$. The answer has
# $s_\mathrm{stop} - s_\mathrm{start}$ samples.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `math.floor(16000 * start / fps + 0.5)` is the first sample. `np.pad(heard, (0, missing))` adds
# `missing` zeros at the end.
#
# </details>


# %%
def sound_of_frames(audio, start, stop, fps):
    """Return the samples of the frames from start up to, and without, stop."""
    ### BEGIN SOLUTION
    first = math.floor(16000 * start / fps + 0.5)
    last = math.floor(16000 * stop / fps + 0.5)
    heard = audio[first:last]
    return np.pad(heard, (0, last - first - len(heard)))
    ### END SOLUTION


check("01.sound_of_frames", sound_of_frames)

# %% [markdown]
# ## Coding exercise 3: coefficients by name
#
# Difficulty 2 of 5 · importance 5 of 5 · about 10 minutes
#
# A file of BEAT names its coefficients, and their order is not ours. Read them by name.
#
# - `document` is what `json.load` gives: `document["names"]` is a list of names, and
#   `document["frames"]` a list of frames. `frame["weights"]` is a list with one number for each name.
# - `names` are the names in the order wanted, such as `ARKIT_NAMES`.
# - Return the coefficients of every frame, (frame, name), in the order of `names`. A name that the
#   file lacks gets 0 (BEAT has no `tongueOut`). A name of the file that is not wanted is left out.
#   Leave the numbers as they are, also where they are a little above 1 or below 0.

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# Column 0 of your answer belongs to `names[0]`. Where in the file does that coefficient stand? What
# do you do if it stands nowhere?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# With $p(n)$ for the place of the name $n$ in the file, and $w_f$ for the weights of frame $f$:
# column $k$ of frame $f$ is $w_f[p(n_k)]$ where there is such a place, and 0 where there is none.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `values = np.array([frame["weights"] for frame in document["frames"]])` is the file's table, and
# `place = {name: column for column, name in enumerate(document["names"])}` tells the places.
# `np.zeros((len(values), len(names)))` is an answer to fill, column by column.
#
# </details>


# %%
def beat_weights(document, names):
    """Return the coefficients of a BEAT file, (frame, name), in the order of names."""
    ### BEGIN SOLUTION
    values = np.array([frame["weights"] for frame in document["frames"]])
    place = {name: column for column, name in enumerate(document["names"])}
    out = np.zeros((len(values), len(names)))
    for column, name in enumerate(names):
        if name in place:
            out[:, column] = values[:, place[name]]
    return out
    ### END SOLUTION


check("01.beat_weights", beat_weights)

# %% [markdown]
# ## Coding exercise 4: another frame rate
#
# Difficulty 3 of 5 · importance 3 of 5 · about 15 minutes
#
# From 60 to 30 frames a second every second frame will do. From 60 to 25 most new frames lie between
# two old ones: take a share of each. This is **linear interpolation**.
#
# - `values` has the shape (frame, coefficient), at `fps` frames a second.
# - Frame $k$ of the answer shows the time $k$ / `new_fps`. It has as many frames as do not come after
#   the last old one.
# - Return the motion at `new_fps` frames a second, (new frame, coefficient).

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# Going from 60 to 25, where between the old frames does new frame 1 lie? It is nearer to one of its
# two neighbours than to the other: which one counts more?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# New frame $k$ lies at the place $p = k \cdot \mathrm{fps} / \mathrm{new}$ of the old ones. With
# $b = \lfloor p \rfloor$ for the frame before it and $s = p - b$: the answer is
# $(1 - s)\, v_b + s\, v_{b+1}$. There are $\lfloor (n - 1)\, \mathrm{new} / \mathrm{fps} \rfloor + 1$
# new frames for $n$ old ones.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `places = np.arange(count) * fps / new_fps`, `before = np.floor(places).astype(int)`, and
# `after = np.minimum(before + 1, len(values) - 1)` so that the last place stays inside.
# `share = (places - before)[:, None]` fits the shape (frame, coefficient).
#
# </details>


# %%
def resample_motion(values, fps, new_fps):
    """Return a motion at another frame rate, linearly interpolated, (new frame, coefficient)."""
    ### BEGIN SOLUTION
    count = math.floor((len(values) - 1) * new_fps / fps) + 1
    places = np.arange(count) * fps / new_fps
    before = np.floor(places).astype(int)
    after = np.minimum(before + 1, len(values) - 1)
    share = (places - before)[:, None]
    return (1 - share) * values[before] + share * values[after]
    ### END SOLUTION


check("01.resample_motion", resample_motion)

# %% [markdown]
# ## Coding exercise 5: a split that does not leak
#
# Difficulty 3 of 5 · importance 5 of 5 · about 15 minutes
#
# Section 11 shows what happens if one sentence is in training and in test. Write a split that cannot
# do that.
#
# - `texts` is a list with the text of each clip. Several clips may say the same. Texts that differ
#   only in capitals are the same sentence.
# - `share` is the share of the sentences that go to test: `max(1, round(share * sentences))` of them.
# - `seed` decides which. The same seed gives the same split, other seeds give others.
# - Which sentences are chosen must not depend on the order of the clips.
# - Return one truth value for each clip, (clip,): True for test.
#
# There are many right answers. The check looks at the properties above, one after the other.

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# What do you draw at random: clips or sentences? Two people load the same files in another order.
# What must you do before you draw, so that both get the same split?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# With $S$ for the sorted list of different sentences and $\pi$ for a random order that the seed
# decides: test is the set $T = \{S_{\pi(0)}, \ldots, S_{\pi(m-1)}\}$ of $m$ sentences, and a clip is
# in test if its sentence is in $T$.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `sentences = sorted({text.lower() for text in texts})`, and
# `order = np.random.default_rng(seed).permutation(len(sentences))`.
#
# </details>


# %%
def split_by_text(texts, share, seed):
    """Return which clips are for test, (clip,), so that no sentence is in both parts."""
    ### BEGIN SOLUTION
    sentences = sorted({text.lower() for text in texts})
    count = max(1, round(share * len(sentences)))
    order = np.random.default_rng(seed).permutation(len(sentences))
    test = {sentences[i] for i in order[:count]}
    return np.array([text.lower() in test for text in texts])
    ### END SOLUTION


check("01.split_by_text", split_by_text)

# %% [markdown]
# ## Done
#
# In a terminal, `talking-heads progress` shows which checks have passed, and
# `talking-heads exercises solution 01` writes a copy with a solution of each exercise, to compare
# with yours.
