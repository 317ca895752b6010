# %% [markdown]
# # 03 · Metrics
#
# A paper says: our error is 2.7, theirs is 3.1. Is the face better? In this notebook you build the
# field's measures by hand, each equal to the package's. Then you break them, one after the other:
# a motion that hardly anybody would mind gets a worse number than a face that never moves, and a
# model that moves its brows by the wrong amount in almost every clip gets a perfect one.
#
# - **Goals:** build LVE, FDD, MOD, MBE, LBE, diversity and identity matching; know what each cannot
#   see; tell three LVEs in print apart; put an interval beside a mean; read a results table with
#   the right questions.
# - **Prerequisites:** notebook 00. Notebook 01 helps: it shows why one sound has many true motions.
# - **Time:** 85 minutes to read and play, and 100 more for the six exercises.
# - **Measured cost:** filled in by the run.
# - **Papers:** [MeshTalk](https://arxiv.org/abs/2104.08223) (Richard et al., 2021) for LVE,
#   [CodeTalker](https://arxiv.org/abs/2301.02379) (Xing et al., 2023) for FDD,
#   [FaceDiffuser](https://arxiv.org/abs/2309.11306) (Stan et al., 2023) for diversity and the
#   measures on BEAT, [StreamingTalker](https://arxiv.org/abs/2511.14223) (Yang et al., 2026) for
#   MOD, [DiffusionTalker](https://arxiv.org/abs/2311.16565) (Chen et al., 2023) for identity
#   matching.

# %%
from dataclasses import replace
from itertools import combinations

import numpy as np

from talking_heads.corpus import load_corpus
from talking_heads.course.degrade_box import degrade_box
from talking_heads.course.figures import BLUE, INK, ORANGE, new_figure, show
from talking_heads.course.metric_rows import skin_offsets
from talking_heads.face import ARKIT_INDEX, get_face
from talking_heads.metrics import (
    LBE_MASK, LBE_PUBLISHED_MASK, bootstrap_interval, combine, diversity, fdd, head_parts, lbe,
    lip_report, lve, match_identities, mbe, measure_clip, mod, summarise_metrics, time_per_frame,
)
from talking_heads.metrics.degradations import Degradation, degrade
from talking_heads.models import load_model
from talking_heads.models.baselines import MeanFace, RidgeRegression
from talking_heads.view import inspect, play

# %% [markdown]
# ## 1 · Eighteen clips, five answers
#
# *Minute 1.* A measure needs something to measure. We take three sentences by each of six speakers,
# from the part of the course's corpus that no model is trained on. Each clip has three **truths**,
# three motions that fit the sound. The corpus made them to differ as three recordings of one person
# do: they blink elsewhere, raise other brows, and move the mouth a little differently. The first
# truth is what we compare with.

# %%
corpus = load_corpus()
people = ("ada", "cleo", "finn", "hugo", "slt", "rms")
clips = [corpus.clip(f"{who}-{number}") for who in people for number in ("030", "033", "035")]

seconds = sum(clip.duration for clip in clips)
print(f"{len(clips)} clips, {seconds:.0f} seconds, {len(clips[0].truths)} truths each")
assert {clip.id for clip in clips} <= set(corpus.splits["test_seen"])

# %% [markdown]
# Five answers to each sound:
#
# - **still face:** the mean of all frames of the training set. It never moves. A **floor**: what
#   scores no better than this has learned nothing that the measure can see.
# - **ridge:** a linear map from sound to coefficients, a simple **baseline**.
# - **regressor:** a convolutional network after VOCA (Cudeiro et al., 2019), a strong baseline. It
#   computes each frame from the sound around it, and leaves nothing to chance.
# - **model:** the small DiffSpeaker of notebook 00, a diffusion model, with seed 0.
# - **other truth:** the second truth, as if it were a prediction. A **ceiling**: what another right
#   answer scores. A model that speaks as well as the speaker cannot do better than by luck, for it
#   cannot know which of the truths we compare with.

# %%
model, regressor = load_model("diff_speaker"), load_model("conv_regressor")
train = corpus.split("train")
ridge, mean_face = RidgeRegression.fit(train[::4]), MeanFace.fit(train)

answers = {
    "still face": [mean_face.animate(clip.audio) for clip in clips],
    "ridge": [ridge.animate(clip.audio) for clip in clips],
    "regressor": [regressor.animate(clip.audio, speaker=clip.speaker) for clip in clips],
    "model": [model.animate(clip.audio, speaker=clip.speaker, seed=0) for clip in clips],
    "other truth": [clip.truths[1] for clip in clips],
}
assert all(len(a) == len(c) for made in answers.values() for a, c in zip(made, clips))

# %% [markdown]
# Look at one clip before you measure it. What would you say is wrong with the model's face, and
# how much does it matter?

# %%
clip, face = clips[0], get_face(clips[0].face_id)

play([clip.motion, answers["model"][0]], clip, face=face, labels=["truth", "model"],
     title=clip.text, height=320)

# %% [markdown]
# Most measures compare surfaces. Write $x_t$ for the true face in frame $t$ and $y_t$ for the
# predicted one: tables with a row for each vertex $v$ of the skin, and x, y and z in metres.
# We store **offsets**, how far each vertex has moved from the face at rest. The difference
# $x_t - y_t$ is the same for offsets as for positions.
#
# `skin_offsets` poses a speaker's head by a motion and returns the offsets of its skin.

# %%
def surfaces(motions):
    """Return the offsets of one motion for each clip, in metres."""
    return [skin_offsets(motion, c.face_id) for motion, c in zip(motions, clips)]


truths = surfaces([c.motion for c in clips])
moves = {name: surfaces(made) for name, made in answers.items()}
x, y = truths[0], moves["model"][0]

print("frames, vertices, coordinates:", x.shape)
assert x.shape == y.shape

# %% [markdown]
# ## 2 · LVE: how far off the lips are
#
# *Minute 7.* The **lip vertex error** is the field's main measure. Take one frame, and the lip
# vertex that is furthest from where it should be. Its distance is the error of the frame. The mean
# over the frames is the LVE. With $L$ for the lip vertices and $T$ for the number of frames:
#
# $$\mathrm{LVE} = \frac{1}{T} \sum_{t=1}^{T} \max_{v \in L} \lVert x_{t,v} - y_{t,v} \rVert .$$
#
# The two bars mean the length of the arrow between two points. Which vertices count as lips is a
# list that comes with the mesh; ours has 140 of 1,142.

# %%
head = corpus.head(clip.speaker)
lips = head.regions["lips"]

distance = np.linalg.norm(x - y, axis=2)  # (frame, vertex)
worst = distance[:, lips].max(axis=1)  # (frame,)
by_hand = worst.mean()

print(f"LVE of the model on {clip.id}: {1000 * by_hand:.2f} mm")
assert np.isclose(by_hand, lve(x, y, lips))

# %% [markdown]
# Where is the error? Here is the frame in which the model's lips are worst, with the distance of
# every vertex as a colour. You can turn the head.

# %%
frame = worst.argmax()

inspect(head, values=1000 * distance[frame], value_name="distance in mm",
        title=f"Frame {frame} of the model")

# %% [markdown]
# The colours say *where*, the number says *how much*, and neither says *what is wrong*: an open
# mouth that should be closed, or one that is open a moment too late, look the same. The error over
# time helps. It comes in bursts.

# %%
seconds = np.arange(len(x)) / clip.fps


def aperture(motion):
    """Return the gap between the lips of our first speaker, in mm."""
    return 1000 * face.aperture(motion.values)


figure, (above, below) = new_figure(2, height=3.4)
above.plot(seconds, aperture(clip.motion), color=BLUE, label="truth")
above.plot(seconds, aperture(answers["model"][0]), color=ORANGE, label="model")
below.plot(seconds, 1000 * worst, color=INK)
above.set(ylabel="lip aperture (mm)"), above.legend(loc="upper left")
below.set(ylabel="worst lip\nvertex (mm)", xlabel="time (s)", ylim=(0, None))
show(figure, f"""Above, the lip aperture of truth and model, which nearly agree; below, the error of
the worst lip vertex. It goes up to {1000 * worst.max():.0f} mm where the model opens the mouth too
far or too late, and its mean is {1000 * by_hand:.1f} mm.""")

# %% [markdown]
# One clip proves nothing. `measure_clip` computes every measure that fits a motion. For each it
# returns two numbers, a sum and what to divide it by: how many frames are in it, or 1 for a measure
# that takes a clip as a whole. `combine` joins them over clips of different length. `head_parts`
# hands over what must be known of a head: which vertices are the lips, which the upper face, and so
# on.

# %%
def measure(made):
    """Return what each of the eighteen clips gets in all measures."""
    return [
        measure_clip(true, found, **head_parts(corpus.head(c.speaker)))
        for true, found, c in zip(truths, made, clips)
    ]


def mean_of(clip_rows, metric):
    """Return a measure over clips, in metres or square metres."""
    return combine([row[metric] for row in clip_rows], metric)


rows = {name: measure(made) for name, made in moves.items()}
total = {name: mean_of(rows[name], "lve") for name in rows}
for name, value in total.items():
    print(f"{name:12} {1000 * value:.1f} mm")
assert sorted(total, key=total.get, reverse=True) == list(answers)

# %% [markdown]
# Without floor and ceiling the model's number would mean little. With them it does: it stands
# between a face that never moves and another motion of the same speaker. And it is the best of the
# three that have to guess. Is it?

# %% [markdown]
# ## 3 · Three LVEs, one name
#
# *Minute 16.* Programs that print an LVE do not agree on what it is.
#
# - CodeTalker and FaceDiffuser leave the distances **squared**, and take the mean over all frames
#   of all clips, so a long clip counts more.
# - DiffSpeaker and StreamingTalker leave them squared too, but take the mean of each clip first.
# - MeshTalk, where LVE comes from, takes no square but, as its author tells, **centres** the lips
#   first: in each frame it takes away their own mean. A mouth that is well formed and a little too
#   low costs nothing.

# %%
squares, centred = [], []
for true, made in zip(truths, moves["model"]):
    a, b = true[:, lips], made[:, lips]
    squares.append(np.square(a - b).sum(axis=2).max(axis=1))
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    centred.append(np.linalg.norm(a - b, axis=2).max(axis=1))

by_hand = {
    "lve_squared_pooled": np.concatenate(squares).mean(),
    "lve_squared_clips": np.mean([one.mean() for one in squares]),
    "lve_meshtalk": np.concatenate(centred).mean(),
}
for name, value in by_hand.items():
    assert np.isclose(value, mean_of(rows["model"], name))

# %% [markdown]
# Same predictions, four numbers. The package has each under its own name. (With clips of almost
# equal length the two squared ones nearly agree. With clips of 2 and of 60 seconds they would not.)

# %%
factors = {"lve": (1e3, "mm"), "lve_meshtalk": (1e3, "mm"),
           "lve_squared_pooled": (1e5, "1e-5 m²"), "lve_squared_clips": (1e5, "1e-5 m²")}

print(f"{'':18}" + "".join(f"{name:>12}" for name in answers))
for metric, (factor, unit) in factors.items():
    values = [factor * mean_of(rows[name], metric) for name in answers]
    print(f"{metric:18}" + "".join(f"{value:12.2f}" for value in values) + f"  {unit}")

ratios = {key: mean_of(rows["model"], key) / mean_of(rows["regressor"], key) for key in factors}
by_distance, by_squares = ratios["lve"], np.sqrt(ratios["lve_squared_pooled"])  # both of lengths
print(f"model against regressor: {by_distance - 1:+.0%}, by the root of squares {by_squares - 1:+.0%}")
assert by_distance < by_squares < 1

# %% [markdown]
# Compare *regressor* and *model*. The model wins by all four, but by squares, which are what the
# field prints, it wins by less. The motions are the same. A regressor hedges where it is not sure,
# so it is seldom far off; squares punish most what is far off. Of two models that are nearer to
# each other the one would win by distance and the other by squares.

# %% [markdown]
# ### A unit that cannot be
#
# The papers that use VOCASET print LVEs like "3.1 × 10⁻⁵ mm". That would be 31 nanometres, less
# than a thousandth of the width of a hair. VOCASET is in metres, and the programs never take the
# root: the unit is **square metres**. The root brings the number back to a length.

# %%
printed = 3.1478e-5  # DiffSpeaker on VOCASET, in StreamingTalker's table
ours = by_hand["lve_squared_pooled"]

print(f"in print, DiffSpeaker on VOCASET: {1000 * np.sqrt(printed):.1f} mm")
print(f"our model, root of the squared LVE: {1000 * np.sqrt(ours):.1f} mm")
print(f"our model, LVE as a distance: {1000 * total['model']:.1f} mm")
assert np.sqrt(ours) >= total["model"]

# %% [markdown]
# The root of a mean of squares is never below the mean itself. It gives more weight to the worst
# frames. So even in millimetres the two LVEs are two measures. (The two data sets differ in their
# faces and in what counts as lips: do not compare the two models by these numbers.)

# %% [markdown]
# How often does the formula decide the *order* of two systems? We let the model speak one clip of
# each speaker in the style of each of its twelve training speakers, as if these were twelve
# systems.

# %%
some, some_truths = clips[::3], truths[::3]  # one clip of each speaker
styles = {
    who: [skin_offsets(model.animate(c.audio, speaker=who), c.face_id) for c in some]
    for who in model.speakers
}
kinds = ("lve", "lve_squared_pooled", "lve_meshtalk")
scores = {
    who: [measure_clip(a, b, lips=lips, only=kinds) for a, b in zip(some_truths, made)]
    for who, made in styles.items()
}
scores = {who: {kind: mean_of(found, kind) for kind in kinds} for who, found in scores.items()}

# %% [markdown]
# Twelve styles make 66 pairs. For each pair we ask each measure which of the two is better.

# %%
pairs = list(combinations(styles, 2))


def turned(kind):
    """Return the pairs that a measure ranks the other way round than the LVE does."""
    return [
        (a, b)
        for a, b in pairs
        if (scores[a]["lve"] < scores[b]["lve"]) != (scores[a][kind] < scores[b][kind])
    ]


for kind in kinds[1:]:
    print(f"{kind}: {len(turned(kind))} of {len(pairs)} pairs in another order")
assert turned("lve") == [] and turned("lve_squared_pooled") and turned("lve_meshtalk")

# %% [markdown]
# Here is the pair of styles on which two LVEs disagree the most. Both columns come from the same
# motions.

# %%
def disagreement(pair):
    """Return by what share two styles differ, in the measure in which they differ less."""
    a, b = (scores[who] for who in pair)
    return min(abs(a[kind] / b[kind] - 1) for kind in ("lve", "lve_squared_pooled"))


first, second = max(turned("lve_squared_pooled"), key=disagreement)
for who in (first, second):
    values = scores[who]
    print(f"style {who:5} distance {1e3 * values['lve']:.2f} mm, "
          f"squared {1e5 * values['lve_squared_pooled']:.2f}e-5 m²")

# %% [markdown]
# ### Think!
#
# The style that wins by distance loses by squares. What does that tell you about its worst frames?
# And when two papers' LVEs differ by 3 percent, what would you ask before you believe the order?

# %% [markdown]
# ## 4 · What LVE cannot see
#
# *Minute 25.* Now we break it. We take the truth itself and spoil it in two ways:
#
# - **shift** it in time by some frames, so that all motion is right but late or early;
# - **smooth** it: replace each frame by the mean of its neighbours, as a model does that hedges.
#
# `degrade` does this and five more things to a motion. First the numbers, for one clip of each
# speaker.

# %%
def lve_after(**change):
    """Return the mean LVE, in mm, of truths that were spoiled."""
    spoiled = [skin_offsets(degrade(c.motion, **change), c.face_id) for c in some]
    return 1000 * np.mean([lve(a, b, lips) for a, b in zip(some_truths, spoiled)])


shifts, reaches = range(7), range(0, 13, 2)
late = [lve_after(shift=frames) for frames in shifts]
smooth = [lve_after(smoothing=2 * reach + 1) for reach in reaches]
floor = 1000 * mean_of(rows["still face"][::3], "lve")
assert late[3] > floor > smooth[-1]

# %% [markdown]
# Late and early cost the same, so the figure shows late. The dashed line is the floor.

# %%
figure, axes = new_figure(height=2.9)
axes.plot(shifts, late, "o-", color=ORANGE, label="shifted by so many frames")
axes.plot(reaches, smooth, "s-", color=BLUE, label="smoothed over so many on each side")
axes.axhline(floor, color=INK, ls="--", label="still face")
axes.set(xlabel="frames (40 ms each)", ylabel="LVE (mm)", ylim=(0, None))
axes.legend(loc="lower right")
show(figure, f"""The LVE of spoiled truths. A shift by 1 frame costs {late[1]:.1f} mm, by 2 frames
{late[2]:.1f} mm, by 3 frames {late[3]:.1f} mm, more than the still face ({floor:.1f} mm, dashed).
Smoothing over 12 frames on each side, a second of motion in each mean, costs
{smooth[-1]:.1f} mm.""")

# %% [markdown]
# Three frames are 120 milliseconds. Would you notice? By the tests behind a broadcasters' standard,
# [ITU-R BT.1359](https://www.itu.int/rec/R-REC-BT.1359), viewers begin to notice when the sound
# comes about 45 ms before the picture, or 125 ms after it. So lips that are 3 frames *early* are
# just within what goes unnoticed. LVE ranks them behind a face that never moves.

# %% [markdown]
# What does smoothing do? We print three figures that LVE does not contain: how many p, b and m
# close the lips; how well the lip aperture agrees with the truth's (its correlation); and the same
# after the best shift in time, the **lag**.

# %%
spoilt = {
    "3 frames early": dict(shift=-3),
    "3 frames late": dict(shift=3),
    "smoothed, 7 each side": dict(smoothing=15),
    "still face": dict(amplitude=0),
}
faces = [get_face(c.face_id) for c in some]
for name, change in spoilt.items():
    made = [degrade(c.motion, **change).values for c in some]
    found = lip_report([c.motion.values for c in some], made, [c.phonemes for c in some], faces)
    print(f"{name:22} LVE {lve_after(**change):.1f} mm   p b m closed {found.closure_rate:4.0%}   "
          f"correlation {found.aperture_correlation:.2f}, "
          f"at its best lag ({found.best_lag_ms:+.0f} ms) {found.correlation_at_best_lag:.2f}")

# %% [markdown]
# The correlation at the best lag sees that the shifted motions are right, only not on time. The
# smoothed one stays bad at any lag: what is gone is gone. The closures tell it too. But they are
# counted while the p, b or m sounds, so a shift costs closures as well. No single figure tells
# *late* from *mumbled*. Two together do.

# %%
early, mumbled = degrade(clip.motion, shift=-3), degrade(clip.motion, smoothing=15)

figure, axes = new_figure(height=2.4)
for motion, name, color in (
    (clip.motion, "truth", INK), (early, "3 frames early", ORANGE), (mumbled, "smoothed", BLUE)
):
    axes.plot(seconds, aperture(motion), color=color, label=name)
axes.set(xlabel="time (s)", ylabel="lip aperture (mm)"), axes.legend(loc="upper left")
show(figure, """The lip aperture of one sentence. The early motion has every peak and every closure
of the truth, a little to the left. The smoothed one is a row of low hills that never come down to
zero: no closure is left.""")
assert aperture(early).min() == 0 < aperture(mumbled).min()

# %% [markdown]
# Numbers aside: press play, and look at the lips only. Whom would you give the job?

# %%
play([clip.motion, early, mumbled], clip, height=300,
     labels=["truth", f"early: {late[3]:.1f} mm", f"smoothed: {lve_after(smoothing=15):.1f} mm"],
     title="Early or smoothed")

# %% [markdown]
# ### Think!
#
# 1. LVE gives the same number to 3 frames late and 3 frames early. Viewers do not. Why may ears
#    forgive a sound that follows the lips, and not one that goes ahead? (Think of thunder.)
# 2. A model is trained to make the squared error small, and it does not know exactly when the
#    mouth will open. Which of the two faces will it learn?

# %% [markdown]
# ### Interactive demo: spoil a motion
#
# All sliders of `degrade`, and many measures at once. The buttons set the sliders for you. *Start
# from* chooses what is spoiled: the truth, the other truth or the model's motion. In the table, MVE
# is the mean distance over all vertices and frames. MOD, FDD, MBE and LBE are built in sections 5 to
# 7; until then it is enough that they are 0 for a perfect answer. Find:
#
# 1. a motion with an LVE of 0 that a viewer would call dead;
# 2. the smallest jaw offset that costs more LVE than the other truth;
# 3. a change that lowers the closures to 0 % and leaves the lip correlation above 0.9;
# 4. the noise that LVE finds as bad as the model. Which rows of the table say that it is another
#    kind of bad?

# %%
degrade_box(clip, {"the truth": clip.motion, "the other truth": clip.truths[1],
                   "the model": answers["model"][0]}, Degradation(shift=-3))

# %% [markdown]
# ## 5 · MOD: how wide the mouth is open
#
# *Minute 38.* StreamingTalker adds the **mouth open difference**. Take pairs of vertices, one on
# the upper lip and one below it on the lower. How far apart are they in the truth, how far in the
# prediction? MOD is the mean absolute difference of these openings, over pairs and frames. Our
# heads have five pairs, as the meshes in its program have.
#
# Openings need positions, so we add the face at rest to the offsets.

# %%
upper, lower = head.lip_pairs


def openings(offsets):
    """Return the distance of the lips at each pair, (frame, pair)."""
    places = head.vertices + offsets
    return np.linalg.norm(places[:, upper] - places[:, lower], axis=2)


by_hand = np.abs(openings(y) - openings(x)).mean()
print(f"MOD of the model on {clip.id}: {1000 * by_hand:.2f} mm")
assert np.isclose(by_hand, mod(x, y, head.lip_pairs, head.vertices))

# %% [markdown]
# Nothing is squared here, so this one is a length. StreamingTalker's table gives 3.5 "× 10⁻⁵ mm"
# on VOCASET; its program's own value is near 3.5e-3 m, that is 3.5 mm.
#
# What can MOD not see? Everything about a mouth but how far it is open. We take the truth, and
# forbid it to round its lips.

# %%
def without(motion, *names):
    """Return a motion with some coefficients set to 0."""
    values = motion.values.copy()
    values[:, [ARKIT_INDEX[name] for name in names]] = 0
    return replace(motion, values=values)


flat = [without(clip.motion, "mouthPucker", "mouthFunnel") for clip in clips]
unrounded = measure(surfaces(flat))
for name, found in {"never rounded": unrounded, "other truth": rows["other truth"]}.items():
    opening, place = (1000 * mean_of(found, key) for key in ("mod", "lve"))
    print(f"{name:14} MOD {opening:.2f} mm, LVE {place:.2f} mm")
assert mean_of(unrounded, "mod") < mean_of(rows["other truth"], "mod")

# %% [markdown]
# By MOD, a mouth that can say neither *oo* nor *sh* is nearer to the truth than another truth is.
# LVE sees it. So each has a blind side that the other has not: print both.

# %% [markdown]
# ## 6 · FDD: does the upper face live?
#
# *Minute 45.* The sound hardly says what brows and lids do. So CodeTalker's **face dynamics
# deviation** (FDD) does not compare frame by frame. It asks whether the upper face moves *as much*
# as the true one. Write $m_{t,v}$ for the offset of a vertex in frame $t$, and $U$ for the upper
# face. For each vertex take the standard deviation over time of $\lVert m_{t,v} \rVert^2$, then the
# mean over $U$, for the truth and for the prediction. FDD is the first minus the second:
#
# $$\mathrm{FDD} =
# \operatorname*{mean}_{v \in U} \operatorname*{std}_t \lVert m^{\mathrm{true}}_{t,v} \rVert^2 -
# \operatorname*{mean}_{v \in U} \operatorname*{std}_t \lVert m^{\mathrm{made}}_{t,v} \rVert^2 .$$
#
# Positive means: moves too little. The papers speak of the norm; the programs leave it squared, so
# on our heads the unit is m² again. (In print FDD is mostly measured on BIWI, which has no unit.)
# 1e-6 m² is 1 mm².

# %%
brows = head.regions["upper_face"]


def dynamics(offsets):
    """Return how much the upper face varies over time, in m²."""
    return np.square(offsets[:, brows]).sum(axis=2).std(axis=0).mean()


for name in answers:
    value = dynamics(x) - dynamics(moves[name][0])
    print(f"{name:12} {1e6 * value:5.2f} mm²")
    assert np.isclose(value, fdd(x, moves[name][0], brows))

# %% [markdown]
# The published number is the mean over clips, **with the sign**. Here are three seeds of the model.
# `fdd_absolute` drops each clip's sign before the mean.

# %%
seeds = (0, 1, 2)
by_seed = [
    surfaces([model.animate(c.audio, speaker=c.speaker, seed=seed) for c in clips])
    for seed in seeds
]
seed_rows = [measure(made) for made in by_seed]

table = {f"model, seed {seed}": seed_rows[seed] for seed in seeds}
for name, found in {**table, "other truth": rows["other truth"]}.items():
    signed, size = (1e6 * mean_of(found, key) for key in ("fdd", "fdd_absolute"))
    print(f"{name:14} FDD {round(signed, 2) + 0.0:5.2f} mm²   absolute {size:.2f} mm²")

# %% [markdown]
# One seed of the model comes out nearest to a perfect 0, nearer than another truth does. Is its
# upper face so good? Look at its clips one by one.

# %%
best = min(seeds, key=lambda seed: abs(mean_of(seed_rows[seed], "fdd")))
values = np.array([1e6 * row["fdd"][0] for row in seed_rows[best]])

figure, axes = new_figure(height=2.9)
colors = [ORANGE if value < 0 else BLUE for value in values]
axes.bar(range(len(clips)), values, color=colors)
axes.axhline(values.mean(), color=INK, ls="--", label="mean, what is printed")
axes.set_xticks(range(len(clips)), [c.id for c in clips], rotation=60, ha="right", fontsize=8)
axes.set(ylabel="FDD (mm²)"), axes.legend(loc="lower left")
above, below = np.sum(values > 0), np.sum(values < 0)
show(figure, f"""The FDD of each clip, seed {best}. Bars go from {values.min():.1f} (moves too much)
to {values.max():+.1f} mm² (too little). {above} point up and {below} down, and their mean is
{round(values.mean(), 2) + 0.0:.2f}.""")
assert abs(values.mean()) < 0.5 * np.abs(values).mean()

# %% [markdown]
# The signs cancel. The model's upper face is too calm in some clips and too lively in others, and
# FDD calls that perfect. FDD as printed should come with its absolute form. (Within a clip,
# vertices cancel in the same way. The package's `fdd_vertexwise` stops that too.)

# %% [markdown]
# And FDD never asks *when*. We play the true upper face backwards, under the true mouth.

# %%
top = [index for name, index in ARKIT_INDEX.items() if name.startswith(("brow", "eye"))]
values = clip.motion.values.copy()
values[:, top] = values[::-1, top]
backwards = replace(clip.motion, values=values)

value = fdd(x, skin_offsets(backwards, clip.face_id), brows)
print(f"FDD with brows and lids backwards: {1e6 * abs(value):.2f} mm²")
assert abs(value) < 2e-9

# %% [markdown]
# ### Think!
#
# In DiffusionTalker's table on BEAT, the system with the best FDD (0.06) is FaceDiffuser, cut down
# to eight steps. Its error over all coefficients (0.84) is twice that of the whole FaceDiffuser
# (0.43). How can both be true?

# %% [markdown]
# ## 7 · MBE and LBE: coefficients
#
# *Minute 53.* BEAT has no meshes, only 51 coefficients a frame. There the error of a frame is the
# length of the difference of two rows. Its mean over the frames is the **mean blendshape error**,
# MBE. Over the columns of the mouth only, it is the **lip blendshape error**, LBE. Coefficients
# have no unit.

# %%
def row_error(true, made, columns=slice(None)):
    """Return the mean length of the difference of two tables' rows."""
    return np.linalg.norm(true[:, columns] - made[:, columns], axis=1).mean()


a, b = clip.motion.values, answers["model"][0].values
mouth = [ARKIT_INDEX[name] for name in LBE_MASK]

print(f"MBE {row_error(a, b):.2f}, LBE {row_error(a, b, mouth):.2f}")
assert np.isclose(row_error(a, b), mbe(a, b))
assert np.isclose(row_error(a, b, mouth), lbe(a, b, LBE_MASK))

# %% [markdown]
# Which columns are the mouth? The published program for BEAT lists twelve.

# %%
print(*LBE_PUBLISHED_MASK[:6], sep=", ")
print(*LBE_PUBLISHED_MASK[6:], sep=", ")
print("jawOpen is among them:", "jawOpen" in LBE_PUBLISHED_MASK)

# %% [markdown]
# Jaw left and right are there. `jawOpen`, which does most of the work in speech, is not, nor
# `mouthClose`. So we take the truth, and never open its jaw.

# %%
shut = without(clip.motion, "jawOpen", "mouthClose")
published, ours = (lbe(a, shut.values, mask) for mask in (LBE_PUBLISHED_MASK, LBE_MASK))

print(f"LBE with the published list: {published:.3f}")
print(f"LBE with all {len(LBE_MASK)} columns of jaw and mouth: {ours:.3f}")
widest = aperture(shut).max(), aperture(clip.motion).max()
print(f"the lips open up to {widest[0]:.0f} mm, in the truth up to {widest[1]:.0f} mm")
assert published == 0 < ours

# %% [markdown]
# ## 8 · Many truths
#
# *Minute 59.* A measure that compares with *one* truth punishes every right answer that is not this
# one. For the lips that costs little. For brows and lids it decides the outcome. We compare
# the upper face frame by frame, as LVE does with the lips (this is called EVE), and the
# coefficients by MBE.

# %%
frozen = [degrade(clip.motion, frozen_upper_face=True) for clip in clips]
frozen_mbe = np.mean([mbe(c.motion.values, m.values) for c, m in zip(clips, frozen)])
other_mbe = np.mean([mbe(c.motion.values, c.truths[1].values) for c in clips])
still_eve, other_eve = (1000 * mean_of(rows[n], "eve") for n in ("still face", "other truth"))

print(f"EVE: still face {still_eve:.2f} mm, other truth {other_eve:.2f} mm")
print(f"MBE: truth with a frozen upper face {frozen_mbe:.2f}, other truth {other_mbe:.2f}")
assert still_eve < other_eve and frozen_mbe < other_mbe

# %% [markdown]
# An upper face that does not move beats one that moves as people do, by both. A model that is
# trained or chosen by such an error learns to keep its brows still: to move them at the wrong
# moment costs twice, once where it moves and once where it does not.
#
# It gets stranger. Take the *mean* of the second and the third truth. Nobody ever moved like that.

# %%
blend = [
    replace(c.motion, values=(c.truths[1].values + c.truths[2].values) / 2) for c in clips
]
rows["mean of two truths"] = measure(surfaces(blend))
for name in ("other truth", "mean of two truths"):
    place, opening, size = (
        factor * mean_of(rows[name], key)
        for key, factor in (("lve", 1e3), ("mod", 1e3), ("fdd_absolute", 1e6))
    )
    print(f"{name:20} LVE {place:.2f} mm, MOD {opening:.2f} mm, FDD absolute {size:.2f} mm²")
assert mean_of(rows["mean of two truths"], "lve") < mean_of(rows["other truth"], "lve")

# %% [markdown]
# By LVE and MOD the mean of two right answers is better than a right answer. Only FDD notices that
# it is duller. This is why models that learn by squared error are over-smooth, and why a system can
# beat another in a table by giving up life: it hedges.

# %% [markdown]
# Two remedies. Compare with the ceiling, truth against truth, and not with zero. And for what the
# sound leaves open, ask for the *right amount* of variety. Let $y_1 \dots y_S$ be $S$ answers to
# one sound. Their **diversity** is the mean distance of corresponding vertices, over all frames,
# vertices and unordered pairs of answers.

# %%
def spread(several):
    """Return the mean distance over all pairs, in metres."""
    return np.mean([np.linalg.norm(p - q, axis=2).mean() for p, q in combinations(several, 2)])


rng = np.random.default_rng(0)


def noisy(motion):
    """Return a motion with fresh noise on every coefficient."""
    noise = 0.05 * rng.standard_normal(motion.values.shape)
    return replace(motion, values=motion.values + noise)


sets = {  # all on the same six clips, one of each speaker
    "three truths": [surfaces([c.truths[k] for c in clips])[::3] for k in range(3)],
    "model, three seeds": [made[::3] for made in by_seed],
    "model, twelve styles": list(styles.values()),
    "truth, three times noise": [
        surfaces([noisy(c.motion) for c in clips])[::3] for _ in range(3)
    ],
}
for name, found in sets.items():
    several = list(zip(*found))  # for each clip its answers
    print(f"{name:25} {1000 * np.mean([spread(one) for one in several]):.2f} mm")
    assert np.isclose(spread(several[0]), diversity(several[0]))

# %% [markdown]
# Noise wins. Diversity asks for no truth, so more is not better: near that of several truths is
# better. Note also *what* is paired. FaceDiffuser's program pairs predictions in different styles.
# GLDiTalker compares answers to the same sound, and gives no formula. Both print "diversity", and
# as you see, seeds and styles do not give the same number.

# %% [markdown]
# ### Think!
#
# A model's diversity equals that of the truths, over the whole face. It could still be wrong: where
# would you look next? (`measure_spread` gives lips and upper face on their own.)

# %% [markdown]
# ## 9 · Whose face is it?
#
# *Minute 65.* DiffusionTalker asks whether a system knows the speaker: **identity matching**. Each
# clip is given the identity that is most similar to it. Here we say: the speaker whose mean pose in
# training is nearest to the clip's mean pose. Three figures for one identity:
#
# - **precision:** of the clips given to it, the share that is its own;
# - **recall:** of its own clips, the share that was given to it;
# - **F1:** twice the product of the two, divided by their sum. It is high only if both are.

# %%
def mean_pose(motions):
    """Return the mean coefficients of each motion, (motion, 52)."""
    return np.array([motion.values.mean(axis=0) for motion in motions])


known = model.speakers
poses = mean_pose([c.motion for c in train])
owners = np.array([c.speaker for c in train])
wide = poses.std(axis=0) + 1e-3
centres = np.array([poses[owners == who].mean(axis=0) for who in known])


def alike(motions):
    """Return how near each motion is to each known speaker, (motion, speaker)."""
    gaps = (mean_pose(motions)[:, None] - centres) / wide
    return -np.linalg.norm(gaps, axis=2)


# %% [markdown]
# Precision, recall and F1 are computed for each identity, and then averaged over the identities
# (**macro** average). Averages over clips (**micro**) would make all three the same number, the
# share of right clips. DiffusionTalker prints three different numbers, so they are no micro
# averages; it does not say which they are.

# %%
who = np.array([c.speaker for c in clips])
given = np.array(known)[alike(answers["model"]).argmax(axis=1)]


def f1(name):
    """Return twice the hits over all clips that are this identity's or were given to it."""
    hits = np.sum((who == name) & (given == name))
    return 2 * hits / (np.sum(who == name) + np.sum(given == name))


macro = np.mean([f1(name) for name in {*who, *given}])
report = match_identities(alike(answers["model"]), list(who), known)
print(f"F1 {macro:.3f}, share of right clips {np.mean(who == given):.2f}")
assert np.isclose(macro, report.f1) and np.isclose(np.mean(who == given), report.top1)

# %% [markdown]
# And broken at once: a face that stands still at its own mean has the same mean pose. Identity says
# whose, not how well.

# %%
for name, made in {
    "truth": [c.motion for c in clips],
    "truth, standing still": [degrade(c.motion, amplitude=0) for c in clips],
    "model": answers["model"],
    "model, average style": [model.animate(c.audio, seed=0) for c in clips],
}.items():
    report = match_identities(alike(made), list(who), known)
    print(f"{name:22} F1 {report.f1:.3f}, right {report.top1:.0%}")

# %% [markdown]
# The truth has more right clips than the model, and hardly more F1. A name that nobody has among our
# clips counts with an F1 of 0, so it matters to whom the wrong clips went. And 83 % are 15 clips of
# eighteen, 72 % are 13: such a difference may be chance. The next section measures chance.

# %% [markdown]
# ## 10 · How sure is a mean?
#
# *Minute 71.* We have eighteen clips and three seeds. First the seeds.

# %%
lves = [mean_of(found, "lve") for found in seed_rows]

print("model, LVE by seed, mm:", ", ".join(f"{1000 * value:.2f}" for value in lves))
print(f"regressor: {1000 * total['regressor']:.2f}")
assert max(lves) - min(lves) < 0.1 * (total["regressor"] - max(lves))

# %% [markdown]
# Here the seeds agree. Between two models that are as near to each other as the seeds are, who
# prints one seed, prints chance; who prints the best of three, prints luck. DiffSpeaker's paper does
# give intervals; its program repeats the sampling ten times on the same clips. That tells how much
# the sampler varies. It cannot tell what other *sentences* would give.

# %% [markdown]
# The **bootstrap** answers that. Pretend that our clips are the world: draw eighteen of them at
# random, with replacement, so that some come twice and some not at all. Compute the LVE of the
# draw. Do it 1,000 times. The middle 95 % of the values are the interval.
#
# `multinomial` says for each draw how often each clip comes.

# %%
pairs = np.array([row["lve"] for row in seed_rows[0]])  # (clip, 2): sum over frames, frames
rng = np.random.default_rng(0)
times = rng.multinomial(18, np.full(18, 1 / 18), size=1000)  # (draw, clip)

sums = times @ pairs
values = sums[:, 0] / sums[:, 1]
low, high = np.quantile(values, [0.025, 0.975])

print(f"LVE {1000 * lves[0]:.2f} mm, over clips {1000 * low:.2f} to {1000 * high:.2f} mm")
assert np.allclose((low, high), bootstrap_interval(pairs))

# %% [markdown]
# But our clips are not eighteen strangers. Three at a time come from one mouth, and resemble each
# other. If the claim is about *people*, people must be drawn: six speakers with replacement, and
# for each of them three of their clips, again with replacement.

# %%
rng = np.random.default_rng(0)
chosen = rng.multinomial(6, np.full(6, 1 / 6), size=1000)  # (draw, speaker)
sums = np.zeros((1000, 2))
for place, name in enumerate(people):
    times = rng.multinomial(3 * chosen[:, place], np.full(3, 1 / 3))  # (draw, clip)
    sums += times @ pairs[who == name]

over_people = np.quantile(sums[:, 0] / sums[:, 1], [0.025, 0.975])
print(f"over speakers {1000 * over_people[0]:.2f} to {1000 * over_people[1]:.2f} mm")
assert np.allclose(over_people, bootstrap_interval(pairs, "speakers", speakers=list(who)))
assert np.ptp(over_people) > high - low

# %% [markdown]
# The second interval is the wider one, and with six speakers even it is too narrow: nobody learns
# from six people how people differ. Now see what intervals do to the comparison.

# %%
figure, axes = new_figure(height=2.9)
ends = {}
for place, name in enumerate(answers):
    found = np.array([row["lve"] for row in rows[name]])
    for shift, kind, color in ((0.12, "clips", BLUE), (-0.12, "speakers", ORANGE)):
        ends[name] = bootstrap_interval(found, kind, speakers=list(who))
        axes.plot(1000 * np.array(ends[name]), [place + shift] * 2, color=color, lw=4,
                  label=f"over {kind}" if place == 0 else None)
    axes.plot(1000 * total[name], place, "o", color=INK, ms=6)
axes.set_yticks(range(len(answers)), answers)
axes.set(xlabel="LVE (mm), with 95 % intervals"), axes.legend(loc="lower left")
show(figure, """The LVE of the five answers with two intervals each. Over speakers those of model and
regressor overlap. The others stand apart.""")
assert ends["other truth"][1] < ends["model"][0] < ends["regressor"][0] < ends["model"][1]
assert ends["regressor"][1] < ends["ridge"][0]

# %% [markdown]
# Ridge and still face are worse, that is safe. What of model and regressor? Overlapping intervals
# do not settle it: both have their bad clips in common, and that makes both intervals wide. So
# compare them clip by clip, and ask how sure the mean **difference** is.

# %%
ours, theirs = (np.array([row["lve"] for row in rows[n]]) for n in ("model", "regressor"))
gap = np.stack([ours[:, 0] - theirs[:, 0], ours[:, 1]], axis=1)

print(f"model minus regressor: {1000 * gap[:, 0].sum() / gap[:, 1].sum():+.2f} mm")
low, high = bootstrap_interval(gap)
print(f"95 % over clips: {1000 * low:+.2f} to {1000 * high:+.2f} mm")
assert high < 0 and high - low < np.ptp(bootstrap_interval(pairs))

# %% [markdown]
# This interval is narrow, and far from 0: clip by clip the model's lips are nearer to the truth. The
# two intervals side by side could not show it.
#
# With the signed FDD things are not so clear.

# %%
fdds = {}
for name, found in {**{f"model, seed {k}": seed_rows[k] for k in seeds},
                    "other truth": rows["other truth"]}.items():
    low, high = fdds[name] = bootstrap_interval(np.array([row["fdd"] for row in found]))
    print(f"FDD of {name:14} {1e6 * low:5.2f} to {1e6 * high:.2f} mm²")
assert fdds["model, seed 0"][0] > 0 > fdds["model, seed 1"][1]
assert all(fdds[name][0] < 0 < fdds[name][1] for name in ("model, seed 2", "other truth"))

# %% [markdown]
# By one seed the upper face is surely too calm, by the next surely too lively, and by the third, as
# by the other truth, it may be perfect. Intervals over clips know nothing of seeds: draw both.

# %% [markdown]
# ## 11 · One honest table
#
# *Minute 80.* What belongs into a results table? A floor, a baseline, the model over its seeds, a
# ceiling; more than one measure, each with its unit; an interval, and what it is over.
# `summarise_metrics` does the sums, and draws clips and seeds for the model.

# %%
def summary(by_clip):
    """Return value and interval of each measure; rows by clip, then by seed."""
    return summarise_metrics(by_clip, unit="m", speakers=list(who))


tables = {name: summary([[row] for row in rows[name]]) for name in answers}
tables["model"] = summary(list(zip(*seed_rows)))

shown = {"lve": 1e3, "lve_meshtalk": 1e3, "mod": 1e3, "eve": 1e3, "fdd_absolute": 1e6}
print(f"{'':12}" + "".join(f"{key:>17}" for key in shown))
for name, table in tables.items():
    cells = [
        f"{f * table[key]['value']:.2f} ({f * table[key]['interval'][0]:.2f}-"
        f"{f * table[key]['interval'][1]:.2f})" for key, f in shown.items()
    ]
    print(f"{name:12}" + "".join(f"{cell:>17}" for cell in cells))
print("mm, the last column mm²; 95 % over clips (model: clips and 3 seeds)")

# %% [markdown]
# Read it from right to left. By `fdd_absolute` the regressor's upper face is as dead as the still
# one; the model's lives, though not as each truth's does. EVE says the contrary: it ranks the
# regressor first and a real truth last, so it says nothing here. By the three measures of the lips
# the model leads, the regressor follows far ahead of ridge, and another truth is nearly twice as
# near as the model. None of the columns counts how often the lips met at p, b and m, so that is
# printed beside them.

# %%
heads = [get_face(c.face_id) for c in clips]
true = [c.motion.values for c in clips]
sounds = [c.phonemes for c in clips]

for name, made in answers.items():
    found = lip_report(true, [motion.values for motion in made], sounds, heads)
    print(f"{name:12} lip correlation {found.aperture_correlation:.2f}, "
          f"p b m closed {found.closure_rate:.0%}")

# %% [markdown]
# There the regressor leads, on these clips: a smaller mean error does not close the lips.
#
# Last, **time**: DiffusionTalker prints seconds of work for one frame. The number depends on the
# machine, on the clip's length, and on whether the first, slow call counts. So it is measured after
# a warm-up, as a median, and not compared across machines.

# %%
sound = clip.audio
took = time_per_frame(lambda: model.animate(sound), len(clip), warm_up=1, repeats=3)

print("faster than speech:", took.real_time_factor < 1)
assert took.real_time_factor < 1

# %% [markdown]
# For whole splits there is a command. It compares each prediction with all truths of its clip and
# takes the mean, prints all measures for any models and baselines, and with `--out` writes them to
# a file, with intervals, seeds, date and versions:
#
# ```
# talking-heads evaluate mean_face ridge diff_speaker truth \
#     --data course --split test_seen --seeds 3
# ```

# %% [markdown]
# ## 12 · What to take along
#
# *Minute 84.* Which measure sees what?
#
# | Measure | Sees | Does not see | In print with |
# |---|---|---|---|
# | LVE | lips in the wrong place | late against mumbled, brows | three formulas, "mm" for m² |
# | MOD | too open, too closed | rounding, smile, brows | "10⁻⁵ mm" for metres |
# | FDD | brows that move too much or too little | when; its signs cancel | squares, "mm" on BIWI, which has no unit |
# | EVE, MBE | distance from one truth | that others are right too | no ceiling beside it |
# | LBE | mouth coefficients | the jaw, with the published list | no list of columns |
# | diversity | that answers differ | whether they are right | seeds or styles |
# | identity | whose motion it is | whether it is motion | averages not said |
#
# Five questions for any results table: Which formula? Which unit? What does a still face get? What
# does a second truth get? What is the interval over?

# %% [markdown]
# ## 13 · Your turn
#
# Six exercises belong to this notebook: the **lip vertex error**, the **face dynamics deviation**,
# the **mouth open difference**, **diversity**, the **bootstrap interval**, and the **macro F1**.
# Each has a check that names what is wrong, such as a missing root or a sign turned round. In a
# terminal:
#
# ```
# talking-heads exercises student 03
# ```
#
# ### Bonus
#
# In the box of section 4, find a motion that is as good as the model or better in *every* row of
# the table, and looks worse to you. What would a measure need, to agree with you?
