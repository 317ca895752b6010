# %% [markdown]
# # 04 · VQ-VAE
#
# A head of the course has 1,142 vertices, so a frame is 3,426 numbers. Take them at random, and you
# get torn skin, never a face. Two of the four systems of this course therefore do not predict
# vertices. They first learn an alphabet of faces, a **prior**, and then only choose letters. In
# this notebook you build that alphabet: an autoencoder grows, line by line, into a VAE and into a
# VQ-VAE. You see its codebook die, and cure it. At the end you move single letters, and watch the
# head.
#
# - **Goals:** say what a prior is for; build a VAE and a VQ-VAE; know where gradients go when
#   nothing has one; see a codebook collapse, and cure it; count bits; know how a transformer is
#   told the time, and how two published programs forgot to; read a rate-distortion curve.
# - **Prerequisites:** notebooks 00 and 03, and a little PyTorch.
# - **Time:** 90 minutes to read and play, and 100 more for the six exercises.
# - **Measured cost:** filled in by the run.
# - **Papers:** [VAE](https://arxiv.org/abs/1312.6114) (Kingma and Welling, 2014),
#   [VQ-VAE](https://arxiv.org/abs/1711.00937) (van den Oord et al., 2017),
#   [CodeTalker](https://arxiv.org/abs/2301.02379) (Xing et al., 2023),
#   [StreamingTalker](https://arxiv.org/abs/2511.14223) (Yang et al., 2026),
#   [GLDiTalker](https://arxiv.org/abs/2408.01826) (Lin et al., 2024).

# %%
import json

import numpy as np
import torch
from torch import nn

from talking_heads.corpus import load_corpus
from talking_heads.course.code_box import code_box, code_figure, component_figure
from talking_heads.course.face_tiles import faces_figure
from talking_heads.course.figures import BLUE, GREEN, INK, ORANGE, PURPLE, new_figure, show
from talking_heads.course.prior_figures import (
    RateCurve, codebook_figure, codebook_use, rate_distortion_figure, steps_figure,
)
from talking_heads.face import Motion
from talking_heads.layers.embeddings import sinusoid
from talking_heads.layers.quantizer import (
    VectorQuantizer, nearest_codes, perplexity, quantization_loss, straight_through,
)
from talking_heads.layers.temporal import TemporalConv, TemporalTransformer
from talking_heads.models.loading import load_prior
from talking_heads.models.motion_prior import gaussian_divergence
from talking_heads.models.prior_config import MotionVQVAEConfig
from talking_heads.paths import data_dir
from talking_heads.view import play

# %% [markdown]
# ## 1 · Most of what a mesh can do is no face
#
# *Minute 1.* We take every sixth training clip of the course's corpus, and every sixth test clip of
# the same people: sentences that no model has seen. `vertices` gives the skin as a scanner would
# have recorded it: how far each vertex is from where it rests.

# %%
corpus = load_corpus()
head = corpus.head("ada")
lips = head.regions["lips"]


def offsets(clips):
    """Return how far each vertex is from rest, in mm, (frame, 3426), for each clip."""
    return [1000 * clip.vertices("low").reshape(len(clip), -1) for clip in clips]


seen, unheard = offsets(corpus.split("train")[::6]), offsets(corpus.split("test_seen")[::6])
frames = np.concatenate(seen)
print(f"{len(seen)} clips, {len(frames):,} frames of {frames.shape[1]:,} numbers; "
      f"{len(unheard)} clips to test with")
assert frames.shape[1] == 3 * len(head.vertices)

# %% [markdown]
# 3,426 numbers are far more than a face can do. Its vertices move together. **Principal
# components** are the directions in which the frames vary most, one after the other, each at right
# angles to those before. We keep 24 of them. Then a frame is 24 numbers, small enough for networks
# that learn in seconds. One division by their common size, `unit`, makes them handy. (Every eighth
# frame is enough to find the directions.)

# %%
mean = frames.mean(axis=0)
directions = np.linalg.svd(frames[::8] - mean, full_matrices=False)[2][:24]  # (24, 3426)
unit = np.sqrt(np.mean(((frames - mean) @ directions.T) ** 2))  # mm


def shrink(x):
    """Return 24 numbers for each frame of offsets in mm."""
    return torch.tensor((x - mean) @ directions.T / unit, dtype=torch.float32)


def grow(z):
    """Return offsets in mm for each row of 24 numbers, (frame, 3426)."""
    return mean + unit * z.numpy() @ directions


clips, test_clips = [shrink(x) for x in seen], [shrink(x) for x in unheard]
x, test = torch.cat(clips), torch.cat(test_clips)
print("frames, numbers:", tuple(x.shape))

# %% [markdown]
# How much do 24 numbers keep? We measure as notebook 03 does: in each frame the lip vertex that is
# furthest off, and then the mean over the frames. A face that never moves sets the scale.

# %%
def lip_error(made, true):
    """Return the mean over frames of the largest lip error, mm, of offsets (frame, 3426)."""
    apart = (made - true).reshape(len(made), -1, 3)[:, lips]
    return np.linalg.norm(apart, axis=2).max(axis=1).mean()


truth = np.concatenate(unheard)
still = lip_error(0 * truth, truth)
keep = {n: lip_error(grow(test * (torch.arange(24) < n)), truth) for n in (1, 2, 4, 8, 16, 24)}
print(f"no motion at all: {still:.1f} mm")
for n, error in keep.items():
    print(f"{n:2} principal components: {error:.1f} mm")
assert still > 5 and keep[24] < 0.4 < keep[8] < 1.1

# %% [markdown]
# Eight numbers leave about a millimetre, 24 a third of that, and a little of it is the scanner's
# noise. So a face moves in some 24 directions. But may it take *any* of their combinations? Here
# are four heads: a true frame; every vertex drawn at random, each with the mean and the spread that
# it has in the corpus; the 24 numbers drawn likewise; and the 24 numbers drawn evenly from all
# values that occur.

# %%
rng = torch.Generator().manual_seed(1)
low, high = x.min(dim=0).values, x.max(dim=0).values

drawn = {
    "a true frame": truth[100],
    "random vertices": mean + frames.std(axis=0) * torch.randn(3426, generator=rng).numpy(),
    "random components,\nlike the corpus": grow(x.std(dim=0) * torch.randn(24, generator=rng)),
    "random components,\nany that occur": grow(low + (high - low) * torch.rand(24, generator=rng)),
}
poses = [d.reshape(-1, 3) / 1000 for d in drawn.values()]
show(faces_figure(head.id, poses, list(drawn)), """Four heads. The first is a face that speaks. The
second has torn skin round the mouth. The third is nearly a face. The fourth pulls a grimace, with a
mouth as round as no sound needs it and one cheek drawn in.""")

# %% [markdown]
# How far is a face from all faces? To put a number to it we look up the most similar of our
# training frames, and take the distance: the root of the mean square over all vertices, in mm. Our
# directions have length 1 and stand at right angles, so distances in 24 numbers are distances on
# the face. True frames of the test are the measure: what is about as near as they are, we call a
# face.

# %%
def gap(z):
    """Return the mean distance to the nearest training frame, mm, of rows of 24 numbers."""
    return (torch.cdist(z, x).min(dim=1).values * unit / np.sqrt(1142)).mean().item()


def normal(*shape, seed=0):
    """Return random numbers, the same for a seed."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


real = gap(test)
gaps = {"components, like the corpus": gap(x.std(dim=0) * normal(400, 24)),
        "components, any that occur": gap(low + (high - low) * torch.rand(400, 24, generator=rng))}
print(f"{'true frames of the test':28} {real:.1f} mm")
for name, value in gaps.items():
    print(f"{name:28} {value:.1f} mm")
assert real < 0.45 < gaps["components, like the corpus"] < gaps["components, any that occur"]

# %% [markdown]
# So that is what we look for, a **prior**: a small space in which *every* point is a face. A system
# that moves in such a space cannot make a grimace, however little it understands of the sound. Two
# things will be at odds all along: that every point is a face, and that every face has a point.

# %% [markdown]
# ## 2 · Step 1: an autoencoder
#
# *Minute 10.* An **autoencoder** has two networks. The **encoder** maps a frame to a **latent**,
# here eight numbers; the **decoder** maps the latent back. What is between the two is the
# **bottleneck**. Here it does nothing yet, and costs nothing. Both networks are a linear map with
# something bent on top. With the bend at 0 they could be principal components, so they can learn
# all that those can do, and more.

# %%
class Bent(nn.Module):
    """A linear map, plus a network with two hidden layers."""

    def __init__(self, inputs, outputs, hidden=64):
        super().__init__()
        self.line = nn.Linear(inputs, outputs)
        self.bend = nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, hidden),
                                  nn.GELU(), nn.Linear(hidden, outputs))

    def forward(self, x):
        return self.line(x) + self.bend(x)


class Autoencoder(nn.Module):
    def __init__(self, numbers=8):
        super().__init__()
        self.encoder, self.decoder = Bent(24, numbers), Bent(numbers, 24)

    def bottleneck(self, latents):
        return latents, torch.zeros(())

    def forward(self, x):
        values, cost = self.bottleneck(self.encoder(x))
        return self.decoder(values), cost


# %% [markdown]
# Training is the same for all that follows: 256 random frames a step, the mean squared error, plus
# what the bottleneck costs. `watch` notes something after each step; we will need it.

# %%
def fit(network, steps=600, rate=3e-3, watch=None):
    """Train a network on the frames; return it in evaluation mode."""
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate * (1 - step / steps)
        batch = x[torch.randint(len(x), (256,))]
        made, cost = network(batch)
        loss = (made - batch).square().mean() + cost
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if watch is not None:
            watch(network)
    return network.eval()


@torch.no_grad()
def error_of(network):
    """Return the mean largest lip error on the test, mm."""
    return lip_error(grow(network(test)[0]), truth)


torch.manual_seed(0)
plain = fit(Autoencoder())
print(f"autoencoder, 8 numbers: {error_of(plain):.1f} mm; 8 principal components: {keep[8]:.1f} mm")
assert error_of(plain) < keep[8] - 0.1

# %% [markdown]
# Equal numbers, less error: the bend helps. Now draw latents at random. From where? The encoder was
# never told where to put them, so we have to look: a normal distribution with the mean and spread
# of the latents that occur, or any value between the lowest and the highest.

# %%
with torch.no_grad():
    z = plain.encoder(x)
    bottom, top = z.min(dim=0).values, z.max(dim=0).values
    around = plain.decoder(z.mean(dim=0) + z.std(dim=0) * normal(400, 8))
    anywhere = plain.decoder(bottom + (top - bottom) * torch.rand(400, 8, generator=rng))

print(f"true frames {real:.1f} mm; drawn like the latents {gap(around):.1f}, "
      f"any that occur {gap(anywhere):.1f} mm")
assert 2 * real < gap(around) < gap(anywhere)

# %% [markdown]
# More than twice as far as true frames, and five times as far. The latents of faces fill a small
# part of their space, like streets, and between the streets is land where the decoder has never
# been. It makes something, but nobody has asked for it to be a face. Two ways out are known. Either
# fill the land, which is what a VAE does, or allow only addresses on the streets, which is what a
# VQ-VAE does.

# %% [markdown]
# ## 3 · Step 2: a VAE
#
# *Minute 20.* In a **variational autoencoder** (VAE) the encoder gives two numbers for each number
# of the latent: a mean $m$ and the logarithm of a variance, $\log s^2$. In training the latent is
# drawn from that little cloud:
#
# $$ z = m + s \, \epsilon, \qquad \epsilon \sim N(0, 1) . $$
#
# So the decoder sees not points but clouds, and has to make the right face from anywhere in them.
# And a cost draws each cloud towards the standard normal distribution $N(0, 1)$, mean 0 and
# variance 1. It is the **Kullback-Leibler divergence** of the two, and has a simple form:
#
# $$ \mathrm{KL} = \tfrac12 \left( m^2 + s^2 - 1 - \log s^2 \right), $$
#
# 0 if the cloud *is* the standard one. By hand, and as PyTorch and the package have it:

# %%
m, log_variance = torch.tensor([0.0, 1.0, 0.5]), torch.tensor([0.0, 0.0, -2.0])
by_hand = 0.5 * (m**2 + log_variance.exp() - 1 - log_variance)

cloud = torch.distributions.Normal(m, (log_variance / 2).exp())
theirs = torch.distributions.kl_divergence(cloud, torch.distributions.Normal(0.0, 1.0))
print("nats:", [round(value, 3) for value in by_hand.tolist()])
torch.testing.assert_close(by_hand, theirs)
torch.testing.assert_close(by_hand, gaussian_divergence(m, log_variance))

# %% [markdown]
# The first cloud costs nothing, and says nothing: it looks the same for every face. The third says
# more, for it is narrow. This is a price for *information*. The unit is nats; divided by $\log 2$
# it is **bits**.
#
# The class grows by the lines marked `new`; all else it has from `Autoencoder`.

# %%
class VAE(Autoencoder):
    def __init__(self, numbers=8, weight=1e-3):
        super().__init__(numbers)
        self.encoder = Bent(24, 2 * numbers)  # new: twice as many
        self.weight = weight  # new

    def bottleneck(self, latents):
        m, log_variance = latents.chunk(2, dim=-1)  # new
        noise = torch.randn_like(m) if self.training else 0.0  # new
        values = m + (log_variance / 2).exp() * noise  # new
        kl = gaussian_divergence(m, log_variance).sum(dim=-1).mean()  # new: nats a frame
        return values, self.weight * kl  # new


torch.manual_seed(0)
clouds = {weight: fit(VAE(weight=weight)) for weight in (1e-2, 1e-3, 1e-4)}

# %% [markdown]
# The weight of the KL decides between our two aims. We draw 400 latents from $N(0, 1)$, decode
# them, and ask as before how far they are from the nearest true frame.

# %%
@torch.no_grad()
def bits_of(network):
    """Return the KL of the test frames in bits a frame."""
    return network.bottleneck(network.encoder(test))[1].item() / network.weight / np.log(2)


@torch.no_grad()
def dreams(network, count=400):
    """Return faces of latents that are drawn from N(0, 1)."""
    return network.decoder(normal(count, 8))


rows = {w: (error_of(v), bits_of(v), gap(dreams(v))) for w, v in clouds.items()}
for weight, (error, bits, away) in rows.items():
    print(f"weight {weight:6g}: {error:.1f} mm of error, {round(bits, -1):.0f} bits, "
          f"drawn at random {away:.1f} mm off")
errors, bits, aways = np.array(list(rows.values())).T
assert (np.diff(bits) > 5).all() and (np.diff(aways) > 0).all() and errors[0] > errors[1] + 0.1

# %% [markdown]
# A heavy weight gives a land of faces, with few bits and a large error; the lighter it is, the
# nearer we come to the plain autoencoder. In the middle row the error is that of the autoencoder,
# and what is drawn at random is little more than half as far from true frames as there. Here are
# six of its 400 dreams, sorted by the **lip aperture**, the distance between the middles of upper
# and lower inner lip: the most shut mouth, four in between, and the widest open one.

# %%
upper, lower = head.lip_pairs


def aperture(z):
    """Return how far the lips are apart, mm, (frame,), of rows of 24 numbers."""
    placed = grow(z).reshape(len(z), -1, 3) + 1000 * head.vertices
    return np.linalg.norm(placed[:, upper] - placed[:, lower], axis=2).mean(axis=1)


# %%
vae = clouds[1e-3]
dreamt = dreams(vae)
order = aperture(dreamt).argsort()[[0, 79, 159, 239, 319, 399]]
poses = grow(dreamt[order]).reshape(6, -1, 3) / 1000
labels = [f"{mm:.0f} mm" for mm in aperture(dreamt[order])]
show(faces_figure(head.id, poses, labels, mouth=True), """Six mouths from random latents of the VAE,
from shut to wide open. All of them could be frames of a clip.""")
assert gap(dreams(vae)) < 0.7 * gap(around)

# %% [markdown]
# ### Think!
#
# 1. The KL is a mean over frames. Could a VAE spend 10 bits on a mouth that moves and 1 bit on a
#    pause?
# 2. In training the latent is drawn; afterwards we take its mean. Why is the drawn one worse, and
#    still needed?

# %% [markdown]
# ## 4 · The nearest code
#
# *Minute 30.* The other way out: a list of $K$ points, the **codebook**. Each point is a **code**.
# A latent is replaced by the code nearest to it. So the decoder only ever sees $K$ points, and can
# learn a good face for each. A frame becomes a whole number from 0 to $K - 1$, which is $\log_2 K$
# bits.
#
# For each latent $z$ we need the code $c$ with the least $\lVert z - c \rVert^2$. Written plainly
# it takes a table of (latent, code, number).

# %%
latents, codebook = normal(1000, 8), normal(64, 8, seed=1)

table = latents[:, None] - codebook  # (latent, code, number)
plainly = table.square().sum(dim=-1).argmin(dim=1)

print("table:", tuple(table.shape), "first codes:", plainly[:6].tolist())

# %% [markdown]
# That table is too large in earnest. For one clip of 10 seconds at 30 frames a second, with the 16
# latents of 64 numbers and 256 codes that CodeTalker has:

# %%
megabytes = 300 * 16 * 256 * 64 * 4 / 1e6
print(f"table {megabytes:.0f} MB, scores alone {megabytes / 64:.0f} MB")

# %% [markdown]
# The square helps: $\lVert z - c \rVert^2 = \lVert z \rVert^2 - 2 z \cdot c + \lVert c \rVert^2$.
# The middle term is one matrix product, and the first is the same for all codes, so it cannot
# change which is least. The package does it like this, in pieces of some thousand latents.

# %%
def nearest(latents, codebook):
    """Return the number of the nearest code for each latent."""
    return (codebook.square().sum(dim=1) - 2 * latents @ codebook.T).argmin(dim=-1)


assert torch.equal(nearest(latents, codebook), plainly)
assert torch.equal(nearest_codes(latents, codebook), plainly)

# %% [markdown]
# ## 5 · A gradient where there is none
#
# *Minute 36.* Now train that. Take a latent of one number, 0.4, three codes at -1, 0 and 1, and a
# decoder that is the identity. The frame that we want is 0.8. The latent becomes code 0, and the
# squared error is 0.64. Which way should the latent go?

# %%
codes = torch.tensor([[-1.0], [0.0], [1.0]])


def rounded(z):
    return codes[nearest(z, codes)]


def loss_at(z):
    return (rounded(torch.tensor([[z]])) - 0.8).square().item()


print(f"loss at 0.399, 0.400, 0.401: {loss_at(0.399):.2f}, {loss_at(0.400):.2f}, "
      f"{loss_at(0.401):.2f}")
assert loss_at(0.399) == loss_at(0.401)

# %% [markdown]
# No way at all, says the loss: it is flat, and somewhere it jumps. The true gradient is 0, and the
# encoder would learn nothing. The **straight-through** estimator lies. Forwards it hands on the
# code, backwards it pretends that the latent itself had been handed on. In one line, with
# `detach()` for "no gradient through here":

# %%
z = torch.tensor([[0.4]], requires_grad=True)
value = z + (rounded(z) - z).detach()
(value - 0.8).square().sum().backward()

print(f"value {value.item():.1f}, gradient at the latent {z.grad.item():.1f}")
assert torch.isclose(z.grad, torch.tensor(-1.6)) and value.item() == 0
other = z.detach().clone().requires_grad_()
(straight_through(other, rounded(other)) - 0.8).square().sum().backward()
assert torch.equal(other.grad, z.grad)

# %% [markdown]
# The value is the code's, 0. The gradient is that of $(v - 0.8)^2$ at $v = 0$: it is -1.6. So the
# latent goes up. Does the lie lead anywhere? We follow it with steps of 0.1 times the gradient.

# %%
z, path = torch.tensor([[0.4]]), []
for _ in range(4):
    v = rounded(z)
    path.append(f"{z.item():.2f} (loss {(v - 0.8).square().item():.2f})")
    z = z - 0.1 * 2 * (v - 0.8)
print(" → ".join(path))
assert loss_at(z.item()) < 0.1

# %% [markdown]
# It leads over the border at 0.5, to code 1, where the loss is 0.04. There the gradient turns
# round, for code 1 is above 0.8, and pushes the latent back. It will come and go over the border,
# for neither the latent nor the codes are held. That is what the next two losses are for.

# %% [markdown]
# ## 6 · Who follows whom
#
# *Minute 43.* The codes have got no gradient at all: in `z + (code - z).detach()` they are behind
# `detach`. So the VQ-VAE has two losses more. Write $\mathrm{sg}$, "stop gradient", for `detach`:
#
# $$ L = \lVert \mathrm{sg}(z) - c \rVert^2 + \beta \, \lVert z - \mathrm{sg}(c) \rVert^2 . $$
#
# The first is the **codebook loss**. It draws the code to the latents that chose it. The second,
# the **commitment loss**, draws the latent to its code. Both have the same value, but for $\beta$.
# They differ in *who moves*.

# %%
z = torch.tensor([[0.4]], requires_grad=True)
c = torch.tensor([[0.0]], requires_grad=True)
loss = (z.detach() - c).square().mean() + 0.25 * (z - c.detach()).square().mean()
loss.backward()

print(f"loss {loss.item():.2f}; gradient of the code {c.grad.item():.1f}, "
      f"of the latent {z.grad.item():.1f}")
torch.testing.assert_close(loss, quantization_loss(z, c, beta=0.25))
torch.testing.assert_close(c.grad, torch.tensor([[-0.8]]))
torch.testing.assert_close(z.grad, torch.tensor([[0.2]]))

# %% [markdown]
# The code goes to the latent four times as fast as the latent to the code: $\beta$ is 0.25 in all
# three papers on faces. The latent has another duty, to tell faces apart, and this lets it do so. A
# detail that no paper tells: the sums of the formula are *means* over all numbers in the published
# code of CodeTalker and StreamingTalker. So it is here.

# %% [markdown]
# ### Think!
#
# 1. What would happen with $\beta = 0$? Nothing would hold the latents. Think of an encoder whose
#    gradient always says "further".
# 2. The best place for a code is the mean of the latents that chose it. Which well-known method
#    moves its centres there at once? (Notebook 02 has used it.)

# %% [markdown]
# ## 7 · Step 3: a VQ-VAE, and how it dies
#
# *Minute 50.* Again we write only what is new. The codes start as the published programs start
# them, with random numbers from $-1/K$ to $1/K$.

# %%
class VQVAE(Autoencoder):
    def __init__(self, codes=256, numbers=8):
        super().__init__(numbers)
        start = torch.empty(codes, numbers).uniform_(-1 / codes, 1 / codes)  # new
        self.codebook = nn.Parameter(start)  # new

    def bottleneck(self, latents):
        codes = self.codebook[nearest(latents, self.codebook)]  # new
        cost = quantization_loss(latents, codes)  # new
        return straight_through(latents, codes), cost  # new


torch.manual_seed(0)
dying, places = VQVAE(), []
fit(dying, watch=lambda n: places.append(
    (n.encoder(x[::20]).detach(), n.codebook.detach().clone())))
print(f"VQ-VAE, one of 256 codes a frame: {error_of(dying):.1f} mm")
assert error_of(dying) > keep[2] + 0.2

# %% [markdown]
# 8 bits, and the error is far above that of two principal components. Something is wrong. Which
# codes are chosen, and how often?

# %%
@torch.no_grad()
def chosen(network):
    """Return the codes of the training frames, (frame, 1)."""
    return nearest(network.encoder(x), network.codebook).numpy()[:, None]


use = codebook_use(chosen(dying), 256)
print(f"about {round(use.used, -1)} of 256 codes are in use")
assert use.used < 30

# %% [markdown]
# The codebook has **collapsed**. A few codes do all the work. To put one number to it, let $p_k$ be
# the share of frames that choose code $k$. The **perplexity** is
#
# $$ \exp\Big( - \sum_k p_k \log p_k \Big) . $$
#
# If $n$ codes were in use and all equally often, it would be $n$. With rare codes it is less than
# the number of those in use.

# %%
def perplexity_by_hand(codes, size):
    share = np.bincount(codes.ravel(), minlength=size) / codes.size
    share = share[share > 0]
    return np.exp(-(share * np.log(share)).sum())


assert np.isclose(perplexity_by_hand(chosen(dying), 256), use.perplexity)
assert np.isclose(perplexity(torch.tensor(chosen(dying)), 256), use.perplexity, rtol=1e-4)
print(f"alike: {perplexity_by_hand(np.arange(256), 256):.0f}; "
      f"one code 99 times, another once: {perplexity_by_hand(np.array([0] * 99 + [1]), 256):.2f}")

# %% [markdown]
# Why does it die? Look at where the codes stand at first. $1/256$ is tiny: they are a dense clump,
# and the latents lie far around it. The few codes at the rim of the clump are nearest to
# everything. They are chosen, so the codebook loss draws them out to the latents. The others are
# never chosen, so they never get a gradient. They stay, and nothing is near them.
#
# Here are latents and codes after the first step, after 40, and at the end, each in the two
# directions in which the latents vary most then, and at a scale of its own.

# %%
moments = {0: "first step", 40: "step 40", -1: "last step"}
figure, axes = new_figure(width=7.2, height=2.3)
for place, (step, title) in enumerate(moments.items()):
    grey, orange = places[step]
    middle = grey.mean(dim=0)
    plane = torch.linalg.svd(grey - middle, full_matrices=False)[2][:2].T
    wide = ((grey - middle) @ plane).abs().quantile(0.94)  # some lie outside: not drawn
    for found, color, size in ((grey, "#8f9bab", 2), (orange, ORANGE, 4)):
        dots = (found - middle) @ plane / wide
        dots = dots[(dots.abs() < torch.tensor([1.0, 0.7])).all(dim=1)]
        axes.plot(dots[:, 0] + 2.2 * place, dots[:, 1], ".", color=color, ms=size)
    axes.text(2.2 * place, 0.75, title, ha="center")
axes.set(ylim=(-0.7, 0.9), aspect="equal"), axes.set_axis_off()
show(figure, """Grey dots are latents, orange ones the 256 codes. After the first step and after 40
all codes are one spot among latents that lie far around it. At the end some ten stand among the
latents, and all others are still a spot in the middle.""")
assert places[40][0].std() > 5 * places[0][0].std() and places[40][1].std() < 0.1

# %% [markdown]
# The codes cannot follow: by step 40 the latents have run ten times as far out. The commitment loss
# calls them back in the end, but by then a few codes have taken all of them.

# %% [markdown]
# ## 8 · Step 4: the cure
#
# *Minute 57.* Two remedies, both simple:
#
# - **Start from data.** The codes begin as latents of the first batch. So each has a neighbourhood.
# - **Restart.** A code that nothing has chosen for some steps is put on a random latent of the
#   batch. [Jukebox](https://arxiv.org/abs/2005.00341) and
#   [SoundStream](https://arxiv.org/abs/2107.03312), which both make codes of sound, do so.
#
# (A third one replaces the codebook loss by running means; the package has it as `decay`.) By hand
# a restart is three lines. `unused` counts for how many steps each code was not chosen:

# %%
def restarted(codebook, unused, patience, latents):
    """Return a codebook in which codes that were long not chosen are random latents."""
    dead, out = unused >= patience, codebook.clone()
    out[dead] = latents[torch.randperm(len(latents))[: int(dead.sum())]]
    return out


unused = torch.zeros(64)
unused[[3, 60]] = 20
moved = restarted(codebook, unused, 20, latents)
print("codes that moved:", (moved != codebook).any(dim=1).nonzero()[:, 0].tolist())
assert (torch.cdist(moved[[3, 60]], latents).min(dim=1).values < 1e-3).all()

# %% [markdown]
# `VectorQuantizer` of the package has all of that. With both remedies off it is what we have built:

# %%
quantizer = VectorQuantizer(256, 8, start="uniform")
quantizer.load_state_dict({"codebook": dying.codebook}, strict=False)
z = dying.encoder(test)
found = quantizer(z)
values, cost = dying.bottleneck(z)
torch.testing.assert_close(found.values, values)
torch.testing.assert_close(found.loss, cost)
print("gradients at the latents are equal:", torch.allclose(
    *(torch.autograd.grad(v.square().sum() + c, z, retain_graph=True)[0]
      for v, c in ((found.values, found.loss), (values, cost)))))

# %% [markdown]
# So from here on the class holds the package's. `pieces` is for later, and `perplexity` is noted
# for a figure.

# %%
class CuredVQVAE(Autoencoder):
    def __init__(self, codes=256, numbers=8, pieces=1, **options):
        super().__init__(numbers)
        self.pieces = pieces
        self.quantizer = VectorQuantizer(codes, numbers // pieces, **options)  # new

    def bottleneck(self, latents):
        found = self.quantizer(latents.unflatten(-1, (self.pieces, -1)))  # new
        self.perplexity = found.perplexity.item()
        return found.values.flatten(-2), found.loss


cures = {"uniform start": {"start": "uniform"}, "start from data": {"start": "data"},
         "and restarts": {"start": "data", "restart": 20}}
trace, grown = {name: [] for name in cures}, {}
for name, options in cures.items():
    torch.manual_seed(0)
    grown[name] = fit(CuredVQVAE(**options), watch=lambda n: trace[name].append(n.perplexity))

# %% [markdown]
# The perplexity of each batch, over the steps. A batch has only 256 frames, so some codes are
# missed by chance. If all were chosen alike, a batch would show about 144. That is the line at the
# top.

# %%
chance = np.random.default_rng(0)
alike = np.mean([perplexity_by_hand(chance.integers(0, 256, 256), 256) for _ in range(50)])
assert round(alike) == 144

smooth = {name: np.convolve(row, np.ones(25) / 25, "valid") for name, row in trace.items()}
panel = "perplexity of a batch"
figure, words = steps_figure({panel: smooth}, reference={panel: ("all codes alike", alike)})
show(figure, """The perplexity of batches over the training. With the uniform start it falls to a
handful at once and hardly rises. With codes from data it begins higher, sinks, and recovers slowly.
With restarts it soon comes near the line of codes that are all chosen alike.""")
assert smooth["and restarts"][-1] > 2 * smooth["uniform start"][-1]

# %% [markdown]
# And how all training frames use the codebooks at the end, the most frequent code first:

# %%
@torch.no_grad()
def codes_of(network, frames):
    """Return the codes of frames, (frame, piece)."""
    return network.quantizer.nearest(network.encoder(frames).unflatten(
        -1, (network.pieces, -1))).numpy()


uses = {name: codebook_use(codes_of(n, x), 256) for name, n in grown.items()}
figure, words = codebook_figure(uses)
show(figure, """How often each of 256 codes is chosen, in falling order, for three codebooks. With
the uniform start a few codes do everything. With codes from data most are chosen, but many of them
hardly ever. With restarts the row is the flattest, and hardly a code is idle.""")
errors = [error_of(n) for n in grown.values()]
for name, error in zip(grown, errors):
    print(f"{name:16} {error:.1f} mm")
assert uses["and restarts"].used > 230 > 2 * uses["uniform start"].used
assert errors[0] > errors[1] + 0.3 and errors[1] > errors[2] + 0.05

# %% [markdown]
# Same bits, same network, same data: a millimetre of difference. A loss curve alone would
# not have told. So who trains a VQ-VAE prints the perplexity beside the loss.

# %% [markdown]
# ## 9 · Step 5: several codes a frame
#
# *Minute 64.* One of 256 codes is 8 bits. Its best error is above 1.5 mm, for there are only 256
# faces. Twice as many faces would take another bit, and twice as many codes to learn. A cheaper way
# is to cut the latent into $H$ **pieces**, and give each a code of its own, all from one codebook.
# (The papers call the pieces components. We have those already.) With $K$ codes that makes $K^H$
# faces, and
#
# $$ \text{bits a frame} = H \log_2 K . $$
#
# With one code a frame we can look at the letters themselves. Here are some of the 256, from the
# most shut mouth to the widest open one. Each is one face.

# %%
with torch.no_grad():
    letters = grown["and restarts"].decoder(grown["and restarts"].quantizer.codebook)
order = aperture(letters).argsort()[[0, 51, 102, 153, 204, 255]]
poses = grow(letters[order]).reshape(6, -1, 3) / 1000
show(faces_figure(head.id, poses, [f"code {k}" for k in order], mouth=True), """The mouths of six
codes, from shut to wide open. Some smile or are rounded besides.""")

# %% [markdown]
# Now we cut the same eight numbers into 2, 4 and 8 pieces. One we have.

# %%
alphabet = {1: grown["and restarts"]}
for pieces in (2, 4, 8):
    torch.manual_seed(0)
    alphabet[pieces] = fit(CuredVQVAE(pieces=pieces, start="data", restart=20))


@torch.no_grad()
def any_codes(network, count=400):
    """Return the faces of random codes, each drawn as often as its piece has it in training."""
    known, lots = codes_of(network, x), torch.Generator().manual_seed(0)
    lots = torch.randint(len(known), (count, network.pieces), generator=lots).numpy()
    codes = torch.tensor(np.take_along_axis(known, lots, axis=0))
    return network.decoder(network.quantizer.lookup(codes).flatten(-2))


points = {pieces: (error_of(n), gap(any_codes(n))) for pieces, n in alphabet.items()}
for pieces, (error, away) in points.items():
    print(f"{pieces} of 256 codes, {8 * pieces:2} bits: {error:.1f} mm of error, "
          f"random codes {away:.1f} mm off")
errors, aways = np.array(list(points.values())).T
assert (np.diff(errors) < -0.1).all() and aways[0] < real < aways[2] < aways[3]

# %% [markdown]
# With one code every point is a face: random codes are even nearer to true frames than other true
# frames are, for the codes stand in the middle of many. But the error is large. With eight codes it
# is hardly more than that of the autoencoder, whose eight numbers have a computer's 256 bits. And
# random codes no longer fit together: one piece says "open", the next says "shut". So it is not
# true that in a VQ-VAE *every* combination is a face. It is true of each code, and of combinations
# that go together.
#
# Here are all spaces of this notebook in one picture. Good is below, and left. One thing we owe the
# codes: a VAE's bits are those of its *drawn* latent, and its error was so far that of the mean,
# which tells more. So here the VAEs are measured with drawn latents. Beside them stand their
# weights.

# %%
@torch.no_grad()
def drawn_error(network):
    """Return the mean largest lip error on the test, mm, of a VAE whose latents are drawn."""
    torch.manual_seed(0)
    made = network.train()(test)[0]
    network.eval()
    return lip_error(grow(made), truth)


spots = [("autoencoder", gap(around), error_of(plain), INK),
         *((f"VAE {w:g}", rows[w][2], drawn_error(v), PURPLE) for w, v in clouds.items()),
         *((f"{n} x 256", away, error, BLUE) for n, (error, away) in points.items())]
figure, axes = new_figure(width=6.4, height=2.8)
for name, away, error, color in spots:
    axes.plot(away, error, "o", color=color)
    aside = {BLUE: (6, 4), PURPLE: (-6, -11), INK: (6, 4)}[color]
    axes.annotate(name, (away, error), aside, textcoords="offset points", fontsize=8, color=color,
                  ha="right" if color == PURPLE else "left")
axes.axvline(real, color=GREEN, ls=":"), axes.text(real + 0.01, 0.1, "true frames", color=GREEN)
axes.set(xlabel="random points: distance from true frames (mm)", ylabel="largest lip error (mm)",
         xlim=(0.2, 1.05), ylim=(0, 2.0))
show(figure, """Each space as a dot: to the right, how far its random points are from true frames;
upwards, how much error it leaves. The autoencoder has little error and random points far off. VAEs
and codes lie on two bows from much error and good random points to little error and worse ones.
Two of the three VAEs lie below the bow of the codes, the third on it.""")
print("VAEs with drawn latents:",
      ", ".join(f"{error:.1f} mm" for _, _, error, c in spots if c == PURPLE))

# %% [markdown]
# Nothing is in the lower left corner. A space that holds all faces and nothing else would be a full
# model of the face. That is why the papers have a **second stage**: given the sound, a transformer
# or a diffusion model chooses *which* codes, and there it learns which go together. The first stage
# makes its task a small one.
#
# The two lighter VAEs do better than the codes, with about as many bits: 0.9 mm with some 30, where
# four codes leave 1.0 mm with 32. What speaks for codes is not in this picture: they are a *finite
# alphabet*. A transformer can give each letter a probability, as it does with words, and so choose
# between two right answers, where a number can only be put in the middle. CodeTalker uses them
# otherwise: it predicts numbers, and rounds them to the nearest codes. So an answer that is a
# little wrong becomes a letter that the decoder knows.

# %% [markdown]
# ### Think!
#
# GLDiTalker and StreamingTalker run diffusion in such a space. CodeTalker rounds to codes, frame by
# frame. Which of them needs codes, and which could do with a VAE? (StreamingTalker has tried. We
# come back to it in section 13.)

# %% [markdown]
# ## 10 · Between two faces
#
# *Minute 70.* What lies half-way from one face to another? In a VAE we mix latents. In the VQ-VAE
# with one code there are only codes; we can mix two of them and decode the mixture, which no
# training ever asked for, or round the mixture to the nearest code. We go from a shut mouth to the
# widest open one of a clip, and watch the lip aperture.

# %%
opening = aperture(test_clips[0])
ends = test_clips[0][[opening.argmin(), opening.argmax()]]
print(f"from {opening.min():.0f} to {opening.max():.0f} mm")

# %%
share = torch.linspace(0, 1, 25)[:, None]
one = grown["and restarts"]  # one of 256 codes a frame
with torch.no_grad():
    a, b = vae.encoder(ends)[:, :8]
    vae_path = vae.decoder(a + share * (b - a))
    c, d = one.quantizer(one.encoder(ends)[:, None]).values[:, 0]
    free_path = one.decoder(c + share * (d - c))
    code_path = one.decoder(one.quantizer((c + share * (d - c))[:, None]).values[:, 0])
paths = {"VAE, mixed": vae_path, "codes, mixed": free_path, "codes, mixed and rounded": code_path}

figure, axes = new_figure(width=6.4, height=2.5)
for (name, path), color in zip(paths.items(), (PURPLE, ORANGE, BLUE)):
    axes.plot(share, aperture(path), color=color, label=name,
              drawstyle="steps-mid" if "rounded" in name else "default")
axes.set(xlabel="share of the second face", ylabel="lip aperture (mm)"), axes.legend()
show(figure, """The lip aperture on the way from a shut to an open mouth. In the VAE it rises
smoothly. With rounded codes it goes up in stairs. The unrounded mixture of codes rises smoothly,
too.""")
assert np.abs(np.diff(aperture(vae_path))).max() < 0.5 * np.abs(np.diff(aperture(code_path))).max()

# %% [markdown]
# The VAE has a smooth way, as it should: it was trained on clouds that overlap. Codes have stairs.
# A face that moves at 25 frames a second does not mind small stairs, and with eight codes a frame
# they are small. But *the middle between two codes* means nothing in a VQ-VAE. If the unrounded way
# looks smooth as well, that is thanks to the smooth decoder, not to the codes.
#
# How far from true frames does each way lead?

# %%
farthest = max(gap(path) for path in paths.values())
print(f"the ways: {farthest:.1f} mm at most; true frames of the test: {real:.1f} mm")
assert farthest < real + 0.1

# %% [markdown]
# All three stay among the faces. Here that was to be expected: from shut to open there is a road
# that every sentence takes.

# %% [markdown]
# ## 11 · Time, and how to forget it
#
# *Minute 74.* So far each frame was alone. The systems look at neighbours too, in both networks:
# their encoder and decoder are **transformers**. (Notebook 07 takes attention apart.) For now it is
# enough that in each layer a frame collects from all other frames, more from those that suit it.
#
# That has a catch. "All other frames" is a bag. Which of them was before, and which is next to me?
# Attention by itself does not know. Shuffle the frames, and the output comes out shuffled in the
# same way, otherwise unchanged. So the time must be put in. The usual way is to add to each frame a
# vector that stands for its number, made of sines and cosines. Another one, which our priors use,
# lowers the attention with the distance of two frames.
#
# The package's transformer has four choices. Which of them know time? We shuffle, and look.

# %%
clip = test_clips[1][None, :64]  # (batch, frame, number)
lots = torch.randperm(64, generator=torch.Generator().manual_seed(0))


def transformer(positions, **more):
    """Return a small transformer with random weights."""
    torch.manual_seed(0)
    return TemporalTransformer(24, 2, 4, 48, positions=positions, **more).eval()


blind = {}
for positions in ("none", "sinusoid", "relative", "published"):
    network = transformer(positions)
    with torch.no_grad():
        blind[positions] = torch.allclose(network(clip)[:, lots], network(clip[:, lots]), atol=1e-5)
    print(f"{positions:10} {'shuffles along: knows no time' if blind[positions] else 'knows time'}")
assert blind == {"none": True, "sinusoid": False, "relative": False, "published": True}

# %% [markdown]
# `published` is what the programs of CodeTalker and StreamingTalker do. They have a table of sines
# and cosines, and they add it. What went wrong? The table is laid out for tensors of the shape
# (frame, batch, width), and is cut to the length of the first axis. But the motion comes as (batch,
# frame, width):

# %%
table = sinusoid(torch.arange(600), 24)[:, None]  # (600, 1, 24)
batch = torch.zeros(3, 64, 24)  # three clips
added = batch + table[: len(batch)]

print("all frames of a clip get the same vector:", bool((added == added[:, :1]).all()))
print("all clips get the same:", bool((added == added[:1]).all()))
nothing_else = TemporalTransformer(24, 0, 4, 48, positions="published")  # no layers
torch.testing.assert_close(nothing_else(batch), added)

# %% [markdown]
# No error, no warning: it broadcasts. Each frame is told the *place of its clip in the batch*. With
# a batch of one that is a constant. Training works, and the loss falls. It is an easy mistake, and
# a test of one line would have found it: shuffle the frames, and see whether anything changes.
#
# What does it cost? Let us hide frames, three in ten, as notebook 02 did with sound, and have a
# transformer fill them in from their neighbours.

# %%
windows = torch.cat([c.unfold(0, 32, 1) for c in clips]).transpose(1, 2)  # (window, 32, 24)
asked = torch.cat([c.unfold(0, 32, 32) for c in test_clips]).transpose(1, 2)


class Filler(nn.Module):
    def __init__(self, positions):
        super().__init__()
        self.enter, self.leave = nn.Linear(25, 32), nn.Linear(32, 24)
        self.look = TemporalTransformer(32, 2, 4, 64, positions=positions)

    def forward(self, x, hidden):
        shown = torch.cat([x.masked_fill(hidden[..., None], 0.0), hidden[..., None]], dim=-1)
        return self.leave(self.look(self.enter(shown)))


def hide(batch):
    return torch.rand(batch, 32, generator=rng) < 0.3


# %% [markdown]
# 250 steps each, with the mean squared error of the hidden frames:

# %%
def fill(positions, steps=250):
    """Train a filler; return the lip error of hidden frames of the test, mm."""
    torch.manual_seed(0)
    filler = Filler(positions)
    optimizer = torch.optim.Adam(filler.parameters(), lr=3e-3)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 3e-3 * (1 - step / steps)
        true, hidden = windows[torch.randint(len(windows), (16,))], hide(16)
        loss = (filler(true, hidden) - true)[hidden].square().mean()
        optimizer.zero_grad(), loss.backward(), optimizer.step()
    hidden = hide(len(asked))
    with torch.no_grad():
        made = torch.cat([filler(a, h) for a, h in zip(asked.split(1), hidden.split(1))])
    return lip_error(grow(made[hidden]), grow(asked[hidden]))


filled = {positions: fill(positions) for positions in ("published", "sinusoid", "relative")}
middling = lip_error(grow(torch.zeros_like(test)), grow(test))
print(f"the mean face {middling:.1f} mm")
for positions, error in filled.items():
    print(f"{positions:10} under {np.ceil(error):.0f} mm")
assert filled["published"] > 1.3 * max(filled["sinusoid"], filled["relative"])
assert filled["published"] > 0.85 * middling

# %% [markdown]
# Without time all it can do is guess a middling face, hardly better than the mean face. (Which
# frames are near each other it might find out from what they look like; but a hidden frame looks
# like nothing.) The published networks are not quite as blind. They have a convolution over five
# frames too, and that knows left from right.

# %% [markdown]
# ### Instance norm: the clip divided by itself
#
# After that convolution stands another trap for whoever wants to stream, an **instance norm** over
# time. In each clip it brings each number to mean 0 and variance 1 over the frames.

# %%
def over_time(x):
    """Return every number with mean 0 and variance 1 over the frames of its clip."""
    apart = x - x.mean(dim=1, keepdim=True)
    return apart / (apart.square().mean(dim=1, keepdim=True) + 1e-5).sqrt()


norm = TemporalConv(24, norm="instance")
plainly = TemporalConv(24, norm="none")
plainly.load_state_dict(norm.state_dict())
torch.testing.assert_close(norm(clip), over_time(plainly(clip)))

shouting = 3 * clip + 1  # three times as large, and with a face that it never drops
print("how far apart before:", f"{(shouting - clip).abs().mean():.1f};",
      "after:", f"{(over_time(shouting) - over_time(clip)).abs().mean():.2f}")
assert (over_time(shouting) - over_time(clip)).abs().mean() < 0.05

# %% [markdown]
# So it forgets how large a motion is, and what the face does all along: a smile that stays, brows
# that are always up. A decoder behind it cannot know whether somebody shouted. (Almost: in a
# network a LeakyReLU stands before the norm, and what it bends is not scaled and shifted back.) And
# the norm looks ahead. Cut the clip, and its first frames change:

# %%
with torch.no_grad():
    for name, layer in {"instance norm": norm, "none": plainly}.items():
        change = (layer(clip)[:, :20] - layer(clip[:, :40])[:, :20]).abs().max()
        print(f"{name:13} {'the first frames change' if change > 1e-3 else 'nothing changes'}")
        assert (change > 1e-3) == (name == "instance norm")

# %% [markdown]
# ### Causal in a few lines
#
# For a face that answers while you speak, no frame may depend on later ones: the encoder and
# decoder must be **causal**. It takes three changes. No norm over time. The convolution is padded
# on the left only, with the first frame. And attention looks back only, and only so far, so that
# memory stays bounded. The first two by hand:

# %%
conv = TemporalConv(24, 5, norm="none", causal=True)
padded = torch.cat([clip[:, :1].expand(-1, 4, -1), clip], dim=1)
by_hand = nn.functional.leaky_relu(conv.conv(padded.transpose(1, 2)), 0.2).transpose(1, 2)
torch.testing.assert_close(by_hand, conv(clip))

back = torch.arange(64)[:, None] - torch.arange(64)  # frame that looks, frame looked at
allowed = (back >= 0) & (back <= 10)
print(f"frame 30 looks at {int(allowed[30].sum())} frames")

# %% [markdown]
# How can one be sure? By **prefixes**: what comes out for the first 40 frames must be the same,
# whether the clip goes on or not.

# %%
with torch.no_grad():
    for name, network in {"both sides": transformer("relative"),
                          "causal": transformer("relative", causal=True, band=10)}.items():
        change = (network(clip)[:, :40] - network(clip[:, :40])).abs().max()
        print(f"{name:10} {'changes' if change > 1e-3 else 'stays the same'}")
        assert (change > 1e-3) == (name == "both sides")

# %% [markdown]
# ## 12 · The prior of the course
#
# *Minute 80.* `MotionVQVAE` puts the steps together: principal components as a start, a
# convolution, a transformer, a codebook with restarts, and all of it backwards. It works on all
# 1,142 vertices, and was trained on all training clips. The shipped one is the preset `course`; the
# sizes of the papers are presets too.

# %%
prior = load_prior("motion_vqvae")
config = prior.config

print(f"{sum(w.numel() for w in prior.parameters()) / 1e6:.1f} million weights; a frame is "
      f"{config.components} of {config.codes:,} codes of {config.channels} numbers, "
      f"{prior.bits:.0f} bits")
paper = MotionVQVAEConfig.preset("paper", 30)
print(f"CodeTalker and StreamingTalker on VOCASET: {paper.components} of {paper.codes} codes of "
      f"{paper.channels} numbers: {paper.components * np.log2(paper.codes):.0f} bits")

# %% [markdown]
# We send a clip of the test through it. Left the recorded surface, right what 25 rows of codes a
# second make of it.

# %%
def recording(c):
    """Return the surface of a clip as a scanner sees it."""
    return Motion(c.vertices("low"), "vertices", c.fps, corpus.head(c.speaker).id, c.speaker)


spoken = corpus.clip("ada-038")
recorded = recording(spoken)
made = prior.reconstruct(recorded)

play([recorded, made], spoken, labels=["truth", "from codes"], title=spoken.text, height=300)

# %% [markdown]
# And these are the codes. They are all that the decoder gets.

# %%
letters = prior.codes(recorded)
print("the first three frames:", *letters[:3].tolist(), sep="\n")
assert letters.shape == (len(spoken), config.components)
np.testing.assert_allclose(prior.motion(letters, speaker="ada").values, made.values, atol=1e-6)

rate = prior.bits * spoken.fps
print(f"{rate:,.0f} bits a second; as single-precision numbers {3426 * 32 * spoken.fps:,.0f}")
flat = [1000 * motion.values.reshape(len(spoken), -1) for motion in (made, recorded)]
print(f"largest lip error of this clip: {lip_error(*flat):.1f} mm")

# %% [markdown]
# Does it use its letters? Over every sixth test clip of known speakers:

# %%
tests = corpus.split("test_seen")[::6]
use = codebook_use([prior.codes(recording(c)) for c in tests], config.codes)
print(f"{use.used} of {use.size} codes occur; perplexity about {round(use.perplexity, -1):.0f}")
assert use.used > 0.9 * config.codes and use.perplexity > 0.5 * config.codes

# %% [markdown]
# Nearly the whole codebook is at work. So there is no dead wood in what the next stage has to
# choose from.

# %% [markdown]
# ### What does each piece do?
#
# Nobody told the pieces what to be. Here the code of one piece is replaced by random other ones, in
# every frame, and the colours show what moves. Red moves most. (Figures and box say *component*, as
# the papers and the package do, where we say piece.)

# %%
figure, words = component_figure(prior, recorded)
show(figure, """One face for each piece, with heat where its codes move the skin. All are hot round
the mouth, some at the brows too.""")

# %% [markdown]
# All pieces move the lips, some of them the brows too. They have not shared out the face among
# them: nothing in the loss asks for it. Now one piece with five other codes, each held over the
# whole clip. We look at the frame in which the mouth is widest open.

# %%
figure, words = code_figure(prior, recorded, component=4, codes=5, heat=False, mouth=True)
show(figure, """The mouth in one frame with six codes of one piece: its own at the left, then from
the nearest in the codebook to the farthest. The nearest changes hardly anything, the farthest most.
Above each stands how far the lips have moved.""")

# %% [markdown]
# ### Interactive demo: move one code
#
# Three heads: from the clip's own codes, from the changed ones, and what the change has moved, in
# mm. **Farther** goes to codes farther from the clip's own in the codebook, in steps that double:
# the nearest, the second, the fourth and so on, until the farthest of all.
#
# 1. Take one frame, and press **Farther** until nothing changes any more. Does any code make no
#    face?
# 2. Hold a code over the whole clip. What does the mouth still do, and what not?
# 3. Which piece opens the mouth? Is it only one?

# %%
code_box(prior, recorded, spoken, component=4)

# %% [markdown]
# ## 13 · Rate and distortion
#
# *Minute 86.* One error says little about a prior. More bits give less error, so each error belongs
# to a **rate**, and what is compared are curves. `talking-heads priors` trained the priors below,
# one after the other, on all training clips, and measured each on all test clips. It gave them the
# surface with the scanner's noise, and compared what came back with the surface without it. Here is
# its record. `course` is the shipped prior. It and those called `long` learned for 3,000 steps, all
# others for 1,500. `autoencoder-16` has 16 numbers in the middle, `codes-16` a codebook of 16
# codes, `components-4` four pieces of 256 codes, and `pca` stands for principal components.
# `causal` has 256 codes, and sees no frame ahead (section 11).

# %%
record = json.loads((data_dir() / "results" / "priors.json").read_text())
results = {row["name"]: row for row in record["rows"] if row["group"] == "rate"}


def told(name, split="test_unseen", region="lips"):
    """Return the error of a row, mm, with the ends of its 95 % interval."""
    found = results[name]["runs"][0]["splits"][split][region]
    return found["value"], *found["interval"]


def in_words(name, split):
    return "{:.2f} ({:.2f}-{:.2f})".format(*told(name, split))


print(f"{'largest lip error, mm':22}{'numbers':>8}{'bits':>6}{'seen':>18}{'unseen':>18}")
for name in ("pca-16", "autoencoder-16", "vae-16", "pca-32bits", "codes-16", "components-4",
             "pca-64bits", "codes-256", "causal", "codes-256-long", "pca-80bits", "codes-1024",
             "course", "pca-128bits", "components-16", "components-16-long"):
    row = results[name]
    bits = f"{row['bits']:.0f}" if row["bits"] else ""
    print(f"{name:22}{row['numbers']:>8}{bits:>6}"
          f"{in_words(name, 'test_seen'):>18}{in_words(name, 'test_unseen'):>18}")

# %% [markdown]
# `seen` are new sentences of known speakers, `unseen` new sentences of new speakers. In brackets
# the 95 % interval over clips. Each prior was trained once: of the luck of a training it says
# nothing. First the errors on new speakers against how many *numbers* stand in the middle:

# %%
def curve(title, chosen, rate="numbers", split="test_unseen"):
    """Return the errors of the rows that `chosen` is true for, by rate, as a line of the figure."""
    names = sorted((n for n in results if chosen(n, results[n])), key=lambda n: results[n][rate])
    values = np.array([told(name, split) for name in names]).T
    return RateCurve(title, [results[n][rate] for n in names], *values, line=len(names) > 1)


lips_of_new = "largest lip error, new speakers, mm"
figure, words = rate_distortion_figure([
    curve("principal components",
          lambda name, row: row["kind"] == "pca" and not row["bits"] and row["numbers"] <= 32),
    curve("autoencoder", lambda name, row: row["kind"] == "none"),
    curve("VAE", lambda name, row: row["kind"] == "vae"),
    curve(f"codes, {prior.bits:.0f} bits", lambda name, row: name == f"codes-{config.codes}"),
], error_name=lips_of_new)
show(figure, """Errors on new speakers fall with the numbers. The autoencoder lies below principal
components at 4, 8 and 16 numbers, and above them at 32. The VAE lies on the autoencoder. The codes,
which are rounded, lie above both.""")

# %% [markdown]
# And against *bits*, on new speakers again. Principal components are numbers, so theirs are rounded
# here: some bits a frame, shared among the components as it serves best. Codes get more bits in two
# ways: by more pieces, or by more codes.

# %%
figure, words = rate_distortion_figure([
    curve("principal components", lambda name, row: row["kind"] == "pca" and row["bits"], "bits"),
    curve("2, 4, 8 and 16 of 256 codes",
          lambda name, row: name == "codes-256" or name.startswith("components-")
          and "long" not in name, "bits"),
    curve("8 of 16, 64, 256 and 1,024 codes",
          lambda name, row: name.startswith("codes-") and name != "codes-256-long", "bits"),
    curve("8 of 256, 8 of 1,024, 16 of 256; 3,000 steps",
          lambda name, row: "long" in name or name == "course", "bits"),
], rate_name="bits a frame", error_name=lips_of_new)
show(figure, """Errors on new speakers fall with the bits. At 32 bits codes lie below principal
components, from 64 on principal components lie below. Codes that were trained for longer lie just
below them at 64 and 80 bits, and above at 128.""")

for split in ("test_seen", "test_unseen"):
    for better, worse in (("autoencoder-16", "pca-16"), ("autoencoder-8", "pca-8"),
                          ("autoencoder-4", "pca-4"), ("components-4", "pca-32bits"),
                          ("course", "pca-16")):
        assert told(better, split)[2] < told(worse, split)[1]  # the intervals do not touch
    assert told("components-4", split)[0] < told("codes-16", split)[0]
    assert told("course", split)[0] < told("pca-80bits", split)[0]
    assert told("codes-256-long", split)[0] < told("pca-64bits", split)[0]
    rounded_numbers, numbers = told("course", split)[0], told("pca-16", split)[0]
    print(f"{split:11} 16 numbers as codes {rounded_numbers:.2f} mm, "
          f"as principal components {numbers:.2f} mm")
assert told("course")[0] > 1.5 * told("course", "test_seen")[0]
assert told("pca-32")[0] < told("autoencoder-32")[0] and results["course"]["numbers"] == 16
assert told("pca-128bits")[2] < told("components-16-long")[1]
assert abs(told("codes-1024", "test_seen")[0] - told("components-16", "test_seen")[0]) < 0.03

# %% [markdown]
# With 4, 8 and 16 numbers the autoencoder beats principal components: by a third to more than a
# half on known speakers, by a tenth to a third on new ones. With 32 it no longer does. It is as
# good on known speakers, and worse on new ones.
#
# With few bits codes beat them, too. At 32 bits they leave a fifth to nearly a half less error. At
# 64 and 80, after 3,000 steps, it is a good third less on known speakers, but only 3 to 5 percent
# on new ones. At 128 bits they are even on known speakers, and principal components better on new
# ones.
#
# What buys more, pieces or codes? Four pieces of 256 codes and eight pieces of 16 codes are 32 bits
# both, and the four leave less error. But eight pieces of 1,024 codes (80 bits) are on known
# speakers as good as sixteen of 256 (128 bits). Steps count as well: twice as many took nearly a
# fifth off the error on known speakers, and a tenth on new ones. And `causal` pays next to nothing
# for not looking ahead: compare it with `codes-256`.
#
# The two lines printed last count numbers instead of bits. Even so the shipped prior's codes leave
# less error, though their numbers are rounded to a few bits each and those of principal components
# are not.
#
# What does such an error mean? It is a **floor**. Whatever the second stage does, its faces are
# faces of this prior. The model of notebook 03 is 2.2 mm off the truth, and another truth 1.2 mm.
# So the prior is not what holds a system back. But on new speakers its error is more than one and a
# half times as large as on known ones: it has learned how twelve people move, and a new one moves a
# little otherwise. Principal components mind that less, for there is less that they can learn.

# %% [markdown]
# ### What of the papers holds?
#
# - **That a VAE would do as well.** StreamingTalker has put one in place of its VQ-VAE, and calls
#   the difference marginal. In its Table 3 the LVE says so (VOCASET 2.72 with codes and 2.75 with
#   the VAE, BIWI 4.25 and 4.27). The MOD on VOCASET does not: 3.50 and 5.27. Here, where there is
#   no second stage yet, the VAE leaves less error than codes of as many numbers. That is no wonder:
#   nothing rounds its numbers. By bits the two cannot be compared so easily.
# - **That the latents are shorter in time than the motion.** StreamingTalker's paper says so. Its
#   program keeps $H$ codes for each frame, as CodeTalker's does, and as we do.
# - **That the codes know of their neighbours.** Both papers have a transformer for it. In both
#   programs the transformer does not know what a neighbour is (section 11).
# - **That quantizing makes a better second stage.** Without any prior StreamingTalker's LVE on BIWI
#   doubles, from 4.25 to 8.46. This stage cannot show it. Notebook 10 has the second one.
#
# To train your own, in about ten minutes each:
#
# ```
# talking-heads train motion_vqvae --preset course --data course --out runs/my_prior
# talking-heads train motion_vqvae --preset vae --data course --out runs/my_vae
# ```

# %% [markdown]
# ## 14 · What to take along
#
# *Minute 89.*
#
# | | Between encoder and decoder | Cost | Any point a face? | Good for |
# |---|---|---|---|---|
# | autoencoder | numbers | none | no | least error |
# | VAE | clouds | KL | nearly, if the weight is heavy | diffusion, ways between faces |
# | VQ-VAE, one code | one of K | two losses | yes | few bits |
# | VQ-VAE, several codes | H of K | two losses | if they go together | an alphabet to choose from |
#
# - A **prior** makes the next stage's task small. It cannot do better than its own reconstruction:
#   its error is a floor for every system that is built on it.
# - **Straight-through** is a lie that leads somewhere. The two losses keep latents and codes
#   together, and who moves is decided by a `detach`.
# - A **codebook** can die silently. Print the perplexity. Start from data, restart the dead.
# - **Time** has to be put in, and a test of one line shows whether it is. An instance norm over
#   time takes away how large a motion is, and makes streaming impossible.
# - Compare priors by **curves**: error at equal numbers, or at equal bits.
#
# Notebook 05 changes the first layer of the encoder, the one that looks at the mesh. Notebook 06
# brings the diffusion that moves in such a space.

# %% [markdown]
# ## 15 · Your turn
#
# Six exercises belong to this notebook: **divergence_bits**, **nearest_codes**,
# **quantization_loss**, **encoder_gradient**, **perplexity** and **restart**. Each has a check that
# names what is wrong, and three folded hints. In a terminal (File, New, Terminal):
#
# ```
# talking-heads exercises student 04
# ```
#
# writes `exercises/student/04_vqvae.ipynb`. `talking-heads progress` shows what has passed.

# %% [markdown]
# ### Bonus
#
# In section 9 random codes of eight pieces do not fit together. Count, over the training frames,
# how often each pair of codes occurs in the first two pieces, and draw the second piece by the
# first. How much nearer to true frames does that bring you? You have built the smallest second
# stage that there is.
