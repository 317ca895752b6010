# %% [markdown]
# # Exercises 02 · Speech features
#
# Seven pieces of what a network hears, written by yourself: mel filters, the number of HuBERT's
# features, their alignment to frames, the blanks and the loss of masked prediction, a linear probe,
# and the lag of a face. Notebook 02, Speech features, shows where each of them is used. Each check
# calls your function with several inputs and compares its answers with the package's. If something
# is wrong, it says what.
#
# Write your code where `# YOUR CODE HERE` stands, and run the cell, as often as you like. If you are
# stuck, open a hint. There are three for each exercise, each saying more than the last.
#
# Sound has 16,000 samples a second everywhere. The first cell makes some arrays to try your
# functions on.

# %%
import numpy as np

from talking_heads.course import check

rng = np.random.default_rng(0)
edges, bins = np.array([100.0, 200, 400, 700, 1000]), np.arange(0.0, 1001.0, 50.0)
features = np.cumsum(rng.normal(0, 1, (199, 3)), axis=0)
begins = rng.random((4, 150)) < 0.08
print("4 s of speech as HuBERT's features, (feature, width):", features.shape)
print(begins.sum(), "blanked stretches begin in four clips of 150 frames")

# %% [markdown]
# ## Coding exercise 1: mel filters
#
# Difficulty 3 of 5 · importance 4 of 5 · about 20 minutes
#
# A mel spectrogram adds up the bins of a spectrum, weighted by triangles. They are narrow where the
# ear tells pitches apart well, and wide where it does not.
#
# - `edges` holds rising frequencies in Hz, (filter + 2,). Filter $i$ is 0 up to `edges[i]`, rises in
#   a straight line to its top at `edges[i + 1]`, falls in a straight line to 0 at `edges[i + 2]`, and
#   stays 0.
# - `bins` holds the frequencies of the spectrum's bins in Hz, (bin,).
# - Each triangle has the area 1 over frequency, so that noise as strong everywhere gives the same
#   in all filters. The area of a triangle is half its width times its height.
# - Return the filters' values at the bins, (filter, bin).

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# Draw the rising line of one filter on through its top, and the falling one back. Which of the two
# lines is the filter, to the left of the top and to the right of it?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# With $l$, $m$, $h$ for the three edges: $\frac{2}{h - l} \max\left(0, \min\left(\frac{f - l}{m - l},
# \frac{h - f}{h - m}\right)\right)$.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]` have the shape
# (filter, 1). Together with `bins` they give (filter, bin).
#
# </details>


# %%
def mel_filters(edges, bins):
    """Return triangular filters of area 1, (filter, bin)."""
    ### BEGIN SOLUTION
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (bins - low) / (middle - low)
    falling = (high - bins) / (high - middle)
    return np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)
    ### END SOLUTION


check("02.mel_filters", mel_filters)

# %% [markdown]
# ## Coding exercise 2: how many features
#
# Difficulty 1 of 5 · importance 4 of 5 · about 5 minutes
#
# The convolutions of HuBERT and wav2vec 2.0 look at 400 samples for each feature, and move on by 320
# samples. Feature 0 sees the samples 0 to 399, feature 1 the samples 320 to 719. Nothing is filled
# up at the end: a feature that would need a sample beyond it does not exist.
#
# - `samples` is a whole number, 0 or more.
# - Return how many features there are. For 4 s it is 199.

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# At which sample may the last feature begin at the latest, if it needs 400? And how many of 0, 320,
# 640, ... are not beyond that?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# $\lfloor (n - 400) / 320 \rfloor + 1$ for $n$ samples, and 0 where that is negative.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `//` divides and rounds down, also below 0: `-1 // 320` is -1.
#
# </details>


# %%
def feature_count(samples):
    """Return how many features HuBERT gives for some samples."""
    ### BEGIN SOLUTION
    return max(0, (samples - 400) // 320 + 1)
    ### END SOLUTION


check("02.feature_count", feature_count)

# %% [markdown]
# ## Coding exercise 3: features at the middle of a frame
#
# Difficulty 3 of 5 · importance 5 of 5 · about 20 minutes
#
# The features come 50 a second, the motion has `fps` frames a second. Read the features where the
# frames are.
#
# - `features` has the shape (feature, width). The middle of feature $k$ is at sample $320 k + 200$.
# - The middle of frame $f$ is at $(f + 1/2) / \mathrm{fps}$ seconds.
# - Return (frames, width): for each frame the features interpolated in a straight line at its middle.
#   Before the middle of the first feature take the first, after that of the last the last.

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# The middle of frame 0 at 25 frames a second is at sample 320. Between which two features is that,
# and which one is nearer?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# Frame $f$ lies at the place $p = \left((f + 1/2) \cdot 16000 / \mathrm{fps} - 200\right) / 320$ among
# the features. With $k = \lfloor p \rfloor$ and $s = p - k$ the answer is $(1 - s) x_k + s x_{k+1}$.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `np.interp(place, np.arange(len(features)), features[:, column])` interpolates one column, and
# takes the first or last value outside. `np.stack(..., axis=1)` joins columns.
#
# </details>


# %%
def at_middles(features, frames, fps):
    """Return the features at the middle of each frame, (frames, width)."""
    ### BEGIN SOLUTION
    place = ((np.arange(frames) + 0.5) * 16000 / fps - 200) / 320
    places = np.arange(len(features))
    return np.stack([np.interp(place, places, column) for column in features.T], axis=1)
    ### END SOLUTION


check("02.at_middles", at_middles)

# %% [markdown]
# ## Coding exercise 4: blanked stretches
#
# Difficulty 2 of 5 · importance 4 of 5 · about 15 minutes
#
# In masked prediction, stretches of the input are blanked. Where they begin has been drawn for you.
#
# - `begins` holds truth values, (clip, frame): whether a stretch begins at this frame.
# - `length` is how many frames a stretch has, the first one included.
# - Return truth values of the same shape: whether a frame is blanked. Stretches may overlap. The end
#   of the clip cuts them.
#
# HuBERT begins a stretch at 8 % of the frames and blanks 10 frames, 200 ms, from there on. Some 57 %
# of all frames are blanked then, not 80 %. Why?

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# A frame is blanked if a stretch begins at it, or at the frame before, or ... How far back?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# $b_t$ or $b_{t-1}$ or ... or $b_{t-n+1}$, for the beginnings $b$ and the length $n$. A frame is
# heard if none of $n$ draws began a stretch: with the chance $0.92^{10} = 0.43$.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `masked[:, offset:] |= begins[:, : begins.shape[1] - offset]` adds the frames that lie `offset`
# after a beginning, for an offset of less than the number of frames.
#
# </details>


# %%
def blank(begins, length):
    """Return which frames are blanked, (clip, frame) truth values."""
    ### BEGIN SOLUTION
    frames = begins.shape[1]
    masked = np.zeros(begins.shape, dtype=bool)
    for offset in range(min(length, frames)):
        masked[:, offset:] |= begins[:, : frames - offset]
    return masked
    ### END SOLUTION


check("02.blank", blank)

# %% [markdown]
# ## Coding exercise 5: the loss of masked prediction
#
# Difficulty 3 of 5 · importance 5 of 5 · about 20 minutes
#
# The network gives every frame a score for each unit, and has to name the units of the blanked
# frames.
#
# - `scores` has the shape (clip, frame, unit). A frame's probabilities are the softmax of its scores:
#   exp of each, divided by the sum of these over the units.
# - `units` holds whole numbers, (clip, frame): the true unit.
# - `masked` holds truth values, (clip, frame): whether the frame was blanked.
# - Return one number: the mean, over all blanked frames of all clips, of minus the logarithm of the
#   true unit's probability.
#
# Some scores reach thousands, where exp is beyond what the computer can hold. Take each frame's
# largest score away from its scores first: the probabilities stay the same.

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# A network that names all five units with equal probability has a loss of log 5 = 1.61. Which frames
# does the mean run over, and how many are there?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# $\frac{1}{|M|} \sum_{t \in M} \left(\log \sum_c e^{s_{t,c}} - s_{t,u_t}\right)$ for the blanked
# frames $M$, the scores $s$ and the true units $u$.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `scores[masked]` has the shape (blanked, unit), and `units[masked]` the shape (blanked,).
# `rows[np.arange(len(rows)), own]` picks one number of each row.
#
# </details>


# %%
def masked_loss(scores, units, masked):
    """Return the mean cross-entropy over the blanked frames, in nats."""
    ### BEGIN SOLUTION
    rows, own = scores[masked], units[masked]
    rows = rows - rows.max(axis=1, keepdims=True)
    logarithms = rows - np.log(np.exp(rows).sum(axis=1, keepdims=True))
    return -logarithms[np.arange(len(rows)), own].mean()
    ### END SOLUTION


check("02.masked_loss", masked_loss)

# %% [markdown]
# ## Coding exercise 6: a linear probe
#
# Difficulty 4 of 5 · importance 4 of 5 · about 25 minutes
#
# What can be read from features by a linear map? Fit one by least squares, with a penalty on large
# weights (ridge regression).
#
# - `features` has the shape (frame, feature), `targets` the shape (frame, out).
# - The prediction is `features @ weights + offset`, with `weights` (feature, out) and `offset` (out,).
# - Least shall be: the mean over the frames of the squared error, plus `strength` times the sum of
#   the squared weights. The offset costs nothing.
# - Return (feature + 1, out): the weights, and below them the offset as the last row.

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# Put a column of ones behind the features, and the offset becomes one more weight. What does the
# penalty have to be for that one?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# $(X^\top X + n \lambda P)\, W = X^\top Y$ for $n$ frames, the strength $\lambda$, the features $X$
# with their column of ones, and the identity matrix $P$ with a 0 in place of its last 1.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `np.linalg.solve(a, b)` gives the $W$ of $a W = b$. `np.diag([1.0, 1.0, 0.0])` is the $P$ of two
# features.
#
# </details>


# %%
def probe(features, targets, strength):
    """Return weights and, in the last row, offsets: (feature + 1, out)."""
    ### BEGIN SOLUTION
    frames, width = features.shape
    x = np.hstack([features, np.ones((frames, 1))])
    penalty = np.diag([1.0] * width + [0.0])
    return np.linalg.solve(x.T @ x + frames * strength * penalty, x.T @ targets)
    ### END SOLUTION


check("02.probe", probe)

# %% [markdown]
# ## Coding exercise 7: the lag of a face
#
# Difficulty 2 of 5 · importance 4 of 5 · about 15 minutes
#
# Features that are aligned one frame wrong make lips that are 40 ms late. Find out by how much a
# motion lags.
#
# - `true` and `late` are curves of the gap between the lips, (frame,), of the same length.
# - For a lag of $n$ frames, `late[t + n]` is compared with `true[t]`, over all frames $t$ for which
#   both exist. Compare by Pearson's correlation.
# - Return the lag from `-most` to `most` at which the correlation is highest: a whole number,
#   positive where the second curve is late, negative where it is early.

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# With 75 frames and a lag of 3, which frames of `late` have a partner in `true`, and which of `true`?
# And with a lag of -3?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# $\arg\max_n \mathrm{corr}_t\,(x_t, y_{t+n})$ for $-m \le n \le m$.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# For a lag of 0 or more: `np.corrcoef(true[: len(true) - lag], late[lag:])[0, 1]`.
#
# </details>


# %%
def find_lag(true, late, most):
    """Return by how many frames the second curve is late, from -most to most."""
    ### BEGIN SOLUTION
    best, highest = 0, -np.inf
    for lag in range(-most, most + 1):
        if lag >= 0:
            a, b = true[: len(true) - lag], late[lag:]
        else:
            a, b = true[-lag:], late[:lag]
        correlation = np.corrcoef(a, b)[0, 1]
        if correlation > highest:
            best, highest = lag, correlation
    return best
    ### END SOLUTION


check("02.find_lag", find_lag)

# %% [markdown]
# ## Done
#
# In a terminal, `talking-heads progress` shows which checks have passed, and
# `talking-heads exercises solution 02` writes a copy with a solution of each exercise, to compare
# with yours. The package has them too: `mel_filters` in `talking_heads.speech.mel`, `feature_count`
# and `at_middles` in `talking_heads.speech.alignment`, `span_mask` and `masked_unit_loss` in
# `talking_heads.training.pretraining`, `fit_values` in `talking_heads.training.linear_probe`, and
# `lagged_correlation` in `talking_heads.metrics.lips`.
