# %% [markdown]
# # Exercises 04 · VQ-VAE
#
# Six pieces of a motion prior, written by yourself: what a VAE's clouds say in bits, the nearest
# code, the two losses, the gradient that reaches the encoder, perplexity, and codes that start anew.
# Notebook 04, VQ-VAE, shows where each of them is used. Each check calls your function with several
# inputs and compares its answers with the package's. If something is wrong, it says what.
#
# Write your code where `# YOUR CODE HERE` stands, and run the cell, as often as you like. If you are
# stuck, open a hint. There are three for each exercise, each saying more than the last.
#
# Everything is NumPy. The first cell makes some arrays to try your functions on.

# %%
import numpy as np

from talking_heads.course import check

rng = np.random.default_rng(0)
latents, codebook = rng.normal(0, 1, (40, 4)), rng.normal(0, 1, (12, 4))
codes = rng.integers(0, 12, (40, 3))
print("40 latents of 4 numbers:", latents.shape)
print("12 codes:", codebook.shape, "and 3 codes in each of 40 frames:", codes.shape)

# %% [markdown]
# ## Coding exercise 1: bits of a VAE
#
# Difficulty 2 of 5 · importance 4 of 5 · about 15 minutes
#
# A VAE's encoder gives a cloud for each number of a frame's latent. What do the clouds say?
#
# - `mean` and `log_variance` have the shape (frame, number): $m$ and $\log s^2$.
# - The divergence of a cloud from $N(0, 1)$ is $(m^2 + s^2 - 1 - \log s^2) / 2$ nats.
# - Return one number: bits a frame. The numbers of a frame add up; over frames take the mean. A nat
#   is $1 / \log 2$ bits.

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# What does the formula need that you are not given, and how do you get it from `log_variance`? What
# should come out for a mean of 0 and a logarithm of 0?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# $\frac{1}{T \log 2} \sum_t \sum_i \frac12 \left(m_{t,i}^2 + e^{v_{t,i}} - 1 - v_{t,i}\right)$ for
# $T$ frames and $v = \log s^2$.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `nats = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance)` has the shape (frame, number).
#
# </details>


# %%
def divergence_bits(mean, log_variance):
    """Return the bits a frame that the clouds of a VAE say."""
    ### BEGIN SOLUTION
    nats = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance)
    return nats.sum(axis=1).mean() / np.log(2)
    ### END SOLUTION


check("04.divergence_bits", divergence_bits)

# %% [markdown]
# ## Coding exercise 2: the nearest code
#
# Difficulty 2 of 5 · importance 5 of 5 · about 15 minutes
#
# Each latent becomes the code that is nearest to it.
#
# - `latents` has the shape (latent, number), `codebook` the shape (code, number).
# - Return the number of the nearest code for each latent, (latent,), counted from 0.
#
# Can you do it without a table of (latent, code, number)?

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# $\lVert z - c \rVert^2 = \lVert z \rVert^2 - 2 z \cdot c + \lVert c \rVert^2$. Which of the three
# terms is the same for all codes?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# $\arg\min_k \left(\lVert c_k \rVert^2 - 2 z \cdot c_k\right)$ for each latent $z$.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `latents @ codebook.T` holds all products, (latent, code). `np.square(codebook).sum(axis=1)` has
# the shape (code,) and fits below it.
#
# </details>


# %%
def nearest_codes(latents, codebook):
    """Return the number of the nearest code for each latent, (latent,)."""
    ### BEGIN SOLUTION
    lengths = np.square(codebook).sum(axis=1)
    return (lengths - 2 * latents @ codebook.T).argmin(axis=1)
    ### END SOLUTION


check("04.nearest_codes", nearest_codes)

# %% [markdown]
# ## Coding exercise 3: the two losses
#
# Difficulty 2 of 5 · importance 4 of 5 · about 15 minutes
#
# The codebook loss draws codes to latents, the commitment loss draws latents to codes. Backwards
# they differ, forwards they are the same number, but for $\beta$. Clips of a batch differ in length,
# so some frames are padding.
#
# - `latents` and `values` have the shape (frame, piece, number): before and after the codebook.
# - `mask` holds truth values, (frame,): whether a frame counts. At least one does.
# - `beta` is the weight of the commitment loss.
# - Return one number: codebook loss plus `beta` times commitment loss. Each is the mean squared
#   difference, over all numbers of all pieces of the frames that count.

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# With 10 frames, of which 6 count, 4 pieces and 3 numbers: how many squares is the mean of?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# $(1 + \beta) \cdot \frac{1}{n} \sum (z - c)^2$ over the $n$ numbers that count.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `latents[mask]` has the shape (frames that count, piece, number).
#
# </details>


# %%
def quantization_loss(latents, values, mask, beta):
    """Return codebook loss plus beta times commitment loss."""
    ### BEGIN SOLUTION
    error = np.square(latents[mask] - values[mask]).mean()
    return error + beta * error
    ### END SOLUTION


check("04.quantization_loss", quantization_loss)

# %% [markdown]
# ## Coding exercise 4: what reaches the encoder
#
# Difficulty 4 of 5 · importance 5 of 5 · about 20 minutes
#
# Be PyTorch for once, and work out the gradient that the encoder of a VQ-VAE gets. Three losses are
# added: the reconstruction loss, the codebook loss, and `beta` times the commitment loss. The two
# of the codebook are means over all numbers of all latents. `straight_through` stands between
# encoder and decoder.
#
# - `latents` and `values` have the shape (latent, number): before and after the codebook.
# - `behind` has the same shape: the gradient of the reconstruction loss at the values.
# - Return the gradient of the whole at the latents, (latent, number).

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# Which of the three losses see the latents, and which see them only behind a stop-gradient?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# $g + \beta \cdot \frac{2}{n} (z - c)$ for the gradient $g$ behind the codebook, latents $z$, their
# codes' vectors $c$, and $n$ numbers in all latents.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `latents.size` is how many numbers there are in all latents.
#
# </details>


# %%
def encoder_gradient(latents, values, behind, beta):
    """Return the gradient at the latents, (latent, number)."""
    ### BEGIN SOLUTION
    pull = 2 * (latents - values) / latents.size
    return behind + beta * pull
    ### END SOLUTION


check("04.encoder_gradient", encoder_gradient)

# %% [markdown]
# ## Coding exercise 5: perplexity
#
# Difficulty 2 of 5 · importance 4 of 5 · about 15 minutes
#
# How many codes does a prior use, if rare ones count for less?
#
# - `codes` holds whole numbers from 0 to `size - 1`, (frame, piece). All pieces share one codebook
#   of `size` codes, so count all of them together.
# - With $p_k$ for the share of code $k$: return $\exp(-\sum_k p_k \log p_k)$, one number. Codes that
#   do not occur add nothing.

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# What is $p \log p$ where $p$ is 0, and what does NumPy make of it?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# $p_k = n_k / \sum_j n_j$, where $n_k$ is how often code $k$ occurs. Leave out the $k$ with
# $n_k = 0$.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `np.bincount(codes.ravel(), minlength=size)` counts. `share[share > 0]` leaves the zeros out.
#
# </details>


# %%
def perplexity(codes, size):
    """Return e to the power of the entropy of the codes' shares."""
    ### BEGIN SOLUTION
    share = np.bincount(codes.ravel(), minlength=size) / codes.size
    share = share[share > 0]
    return np.exp(-(share * np.log(share)).sum())
    ### END SOLUTION


check("04.perplexity", perplexity)

# %% [markdown]
# ## Coding exercise 6: dead codes start anew
#
# Difficulty 3 of 5 · importance 4 of 5 · about 20 minutes
#
# One step of what keeps a codebook alive. A code that nothing has chosen for some steps becomes a
# latent of the batch.
#
# - `codebook` has the shape (code, number).
# - `unused` holds whole numbers, (code,): for how many steps each code was not chosen, before this
#   step.
# - `codes` holds the codes that this step has chosen, (latent,). For these the count becomes 0; for
#   all others it grows by 1.
# - A code whose count has then reached `patience` starts anew. `fresh` holds random latents,
#   (latent, number): the dead code with the lowest number takes the first row, the next one the
#   second, and so on. There are enough.
# - Return the new codebook, (code, number). Leave the arrays that you got as they are.

# %% [markdown]
# <details><summary>Hint 1: a question</summary>
#
# A code was idle for ten steps and is chosen now. Is it dead? Another one was idle for four steps,
# and is so again. Is it, with a patience of five?
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# The new count of code $k$ is $0$ if it was chosen, else $u_k + 1$. It is dead if that is at least
# the patience. Copy the codebook, and put the first rows of `fresh` where it is dead.
#
# </details>
# <details><summary>Hint 3: a line of code</summary>
#
# `steps[codes] = 0` sets all chosen counts at once. `out[dead] = fresh[: dead.sum()]` fills the rows
# where `dead` is true, in order.
#
# </details>


# %%
def restart(codebook, unused, codes, patience, fresh):
    """Return the codebook with its dead codes replaced, (code, number)."""
    ### BEGIN SOLUTION
    steps = unused + 1
    steps[codes] = 0
    dead = steps >= patience
    out = codebook.copy()
    out[dead] = fresh[: dead.sum()]
    return out
    ### END SOLUTION


check("04.restart", restart)

# %% [markdown]
# ## Done
#
# In a terminal, `talking-heads progress` shows which checks have passed, and
# `talking-heads exercises solution 04` writes a copy with a solution of each exercise, to compare
# with yours. The package has them too: `nearest_codes`, `quantization_loss`, `straight_through`,
# `perplexity` and the restarts of `VectorQuantizer` in `talking_heads.layers.quantizer`, and
# `gaussian_divergence` in `talking_heads.models.motion_prior`.
