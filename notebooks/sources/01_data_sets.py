# %% [markdown]
# # 01 · Data sets
#
# A model can be no better than the motion it learns from. In this notebook you look at that motion
# from all sides: the course's own corpus, whose making is known down to the last number, and the
# three data sets that the four systems were published on.
#
# - **Goals:** know what a clip holds; see how sounds pull at each other, and why one recording has
#   many true motions; read VOCASET, BIWI and BEAT from their files by hand; split a data set so that
#   nothing leaks from training into test.
# - **Prerequisites:** notebook 00; NumPy indexing and `reshape`.
# - **Time:** 50 minutes to read and play, and 60 more for the five exercises.
# - **Measured cost:** filled in by the run.
# - **Papers:** [VOCA](https://arxiv.org/abs/1905.03079) (Cudeiro et al., 2019),
#   [BEAT](https://arxiv.org/abs/2203.05297) (Liu et al., 2022),
#   [FaceFormer](https://arxiv.org/abs/2112.05329) (Fan et al., 2022),
#   [CodeTalker](https://arxiv.org/abs/2301.02379) (Xing et al., 2023),
#   [FaceDiffuser](https://arxiv.org/abs/2309.11306) (Stan et al., 2023); and for BIWI Fanelli et al.,
#   *A 3-D audio-visual corpus of affective communication*, 2010.

# %% [markdown]
# The first cell loads what this notebook uses. All of it is installed already.

# %%
import io
import json
import pickle
import tempfile
from pathlib import Path

import numpy as np
import soxr
import torch

from talking_heads.corpus import articulate, load_corpus
from talking_heads.course.alignment import in_step
from talking_heads.course.articulation_box import articulation_box
from talking_heads.course.chorus_box import chorus_box
from talking_heads.course.corpus_box import corpus_box
from talking_heads.course.figures import BLUE, GREEN, ORANGE, new_figure, shade, show
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, ARKIT_NAMES, Motion, get_face
from talking_heads.speech import SAMPLE_RATE, is_bilabial, log_mel, synthesize
from talking_heads.view import inspect, play

# %% [markdown]
# ## 1 · What a clip holds
#
# *Minute 2.* A **corpus** is a collection of clips. A **clip** is one utterance: its sound, and how
# the face moved. The course's corpus has 640 of them, and `split` names the part that a clip belongs
# to: `train` is learned from, `val` decides when to stop, and the two test parts judge the result.

# %%
corpus = load_corpus()

for name in corpus.splits:
    part = corpus.split(name)
    people, texts = ({getattr(clip, key) for clip in part} for key in ("speaker", "text"))
    print(f"{name:12} {len(part):3} clips, {part.seconds / 60:4.1f} minutes, "
          f"{len(people):2} speakers, {len(texts):3} sentences")
assert len(corpus) == 640 and len(corpus.speakers) == 16

# %% [markdown]
# `test_seen` holds new sentences of speakers that `train` knows; the speakers of `test_unseen` are
# new as well. Here is one clip. Sound and motion have one common clock: at 25 frames a second and
# 16,000 samples a second, each frame owns 640 samples.

# %%
clip = corpus.split("test_seen")[0]

print(clip.id, "by", clip.speaker, "says:", clip.text)
print(len(clip), "frames at", clip.fps, "a second;", len(clip.audio), "samples")
print(len(clip.truths), "true motions, each of shape", clip.motion.values.shape)
print(len(clip.phonemes), "sounds and pauses, such as", clip.phonemes[1].symbol)
assert len(clip.audio) == 640 * len(clip)

# %% [markdown]
# ### Interactive demo: browse the corpus
#
# Choose a part, a speaker and a sentence. The curves below the head go along with the sound: a red
# line shows the moment, and a click on the curves takes you there. The signs above them are the
# phonemes. `rounding` is the mean of `mouthPucker` and `mouthFunnel`.
#
# 1. Find the sounds p, b and m, and look at the gap between the lips below them.
# 2. Change *Take*. Which curves change, and which stay? Section 4 asks how much.
# 3. Set *View* to *surface as scanned*. Section 5 says what that is.

# %%
corpus_box(corpus, "test_seen", "ada")

# %% [markdown]
# ## 2 · One sentence, four speakers
#
# *Minute 8.* Ten sentences of the corpus are said by all 16 speakers. We take one of them and four
# voices. ada and hugo are made by rule (espeak-ng); slt and kal16 were built from recordings of
# people (flite). The corpus holds their sound, so no speech engine is needed here.

# %%
text = "Please measure the width of that garage with a wooden ruler."
four = [next(clip for clip in corpus if (clip.text, clip.speaker) == (text, name))
        for name in ("ada", "hugo", "slt", "kal16")]

for clip in four:
    print(f"{clip.speaker:6} {clip.duration:.2f} s, widest gap "
          f"{1000 * get_face(clip.face_id).aperture(clip.motion.values).max():.0f} mm")
assert len({clip.duration for clip in four}) > 1

# %% [markdown]
# The four last between 3.0 and 3.6 seconds. So they can be put side by side, but not under one
# sound: what fits one pair of lips is wrong for the other three. The box lets you choose who is
# heard. The other three stay silent and move at their own pace.
#
# ### Interactive demo: hear one, see four
#
# 1. Play it. Who is ahead at the end?
# 2. Hear each of the four, and watch the head that you hear. Its curve keeps to the red line.
# 3. Now tick *Stretch*. The other three are stretched, sound by sound, until each of their sounds
#    lies where it lies in the voice that you hear. Who opens the mouth widest? Who rounds the lips?
#
# A stretched head is no recording any more: nobody ever moved so. It is a way to compare *how*
# people move apart from *when*.

# %%
chorus_box(four)

# %% [markdown]
# What do the four have in common? We compare the gap between the lips of ada with that of the
# others, first frame by frame as they are, then stretched to her. As in notebook 00, the measure is
# the correlation: 1 if two curves rise and fall together, 0 if they have nothing in common.

# %%
def gap(motion):
    """Return the gap between the lips in millimetres, (frame,)."""
    return 1000 * get_face(motion.face_id).aperture(motion.values)


ada, *others = four
for clip in others:
    stretched = in_step(clip.motion, clip.phonemes, ada.phonemes, len(ada))
    both = min(len(ada), len(clip))
    plain = np.corrcoef(gap(ada.motion)[:both], gap(clip.motion)[:both])[0, 1]
    fitted = np.corrcoef(gap(ada.motion), gap(stretched))[0, 1]
    print(f"{clip.speaker:6} as it is {plain:.1f}, stretched {fitted:.1f}")
    assert fitted > 0.75 > 0.6 > plain

# %% [markdown]
# ### Think!
#
# As they are, the curves look almost unrelated. Stretched, they are nearly the same. What does that
# say about a model that is told the sentence, but not hears the voice? And what is left, once the
# times agree, that makes hugo look different from ada?

# %% [markdown]
# ## 3 · Sounds pull at each other
#
# *Minute 15.* Say *tea*, then *two*, slowly, and stop before the vowel. Your tongue does the same,
# your lips do not: before *two* they are round already. The mouth prepares the next sound while it
# still makes this one. This is called **coarticulation**, and it is why a picture for each sound,
# shown one after the other, never looks like speech.
#
# We let a voice say both words in the same frame, *Say ... again*, and let the articulation model of
# the corpus move a face. It gets the phonemes and their times, and no sound.

# %%
def say(word, voice="ben"):
    """Return the speech and the motion of a sentence with the word in its middle."""
    speech = synthesize(f"Say {word} again.", voice)
    motion = Motion(articulate(speech.phonemes, speech.duration), "coefficients")
    return speech, motion


tea, two = say("tea"), say("two")
for speech, _ in (tea, two):
    print(" ".join(f"{p.symbol} {p.start:.2f}" for p in speech.phonemes if p.symbol))
assert [p.symbol for p in two[0].phonemes][:4] == [p.symbol for p in tea[0].phonemes][:4]

# %% [markdown]
# The numbers are the times at which the sounds begin. Up to the t, the two sentences have the same
# sounds at the same times. Now the rounding of the lips in both, with the t shaded.

# %%
def rounding(motion):
    """Return how round the lips are, (frame,): the mean of two coefficients."""
    return motion.values[:, [ARKIT_INDEX["mouthPucker"], ARKIT_INDEX["mouthFunnel"]]].mean(axis=1)


figure, axes = new_figure(height=2.6)
t = [p for p in two[0].phonemes if p.symbol][2]
shade(axes, [(t.start, t.end)], "the t")
for (_, motion), color, name in ((tea, BLUE, "tea"), (two, ORANGE, "two")):
    axes.plot(np.arange(len(motion)) / motion.fps, rounding(motion), color=color, lw=2, label=name)
axes.set(xlabel="time (s)", ylabel="rounding", ylim=(-0.02, 0.6))
axes.legend(loc="upper right")
show(figure, """Rounding of the lips over time. For "tea" it stays at 0. For "two" it begins to rise
about a tenth of a second before the t, is half-way up in the middle of the t, and peaks in the vowel.""")

# %% [markdown]
# And as faces. Step through the t with the keys `,` and `.`: the left mouth is flat, the right one
# is round, and both say t. The sound is that of *two*; up to the vowel it would fit both heads.

# %%
play([tea[1], two[1]], two[0], labels=["tea", "two"], title="Say tea again, say two again")

# %% [markdown]
# Which consonants give way, and which insist? For each pair of words we look at the consonant: how
# round the lips are in its middle, and the smallest gap while it sounds.

# %%
def consonant(word):
    """Return the symbol of the word's first sound, its rounding, and its smallest gap in mm."""
    speech, motion = say(word)
    sound = [p for p in speech.phonemes if p.symbol][2]
    time = np.arange(len(motion)) / motion.fps
    during = (time >= sound.start - 0.02) & (time <= sound.end + 0.02)
    middle = np.interp((sound.start + sound.end) / 2, time, rounding(motion))
    return sound.symbol, middle, gap(motion)[during].min()


for pair in (("tea", "two"), ("key", "coo"), ("sea", "sue"), ("she", "shoe"), ("pea", "pooh")):
    (symbol, flat, gap_1), (_, round_, gap_2) = map(consonant, pair)
    print(f"{symbol}  rounding {flat:.1f} in {pair[0]}, {round_:.1f} in {pair[1]}; "
          f"smallest gap {gap_1:.0f} and {gap_2:.0f} mm")
    assert round_ > flat + 0.1 and (max(gap_1, gap_2) < 0.5) == (symbol == "p")

# %% [markdown]
# t, k and s leave the lips to the vowel. ʃ, the sound of *sh*, brings some rounding of its own, and
# the vowel adds to it. p lets the vowel round the lips too, but nothing keeps them from closing.
#
# The model behind this is Cohen and Massaro's (1993). Each sound $i$ has a target $T_i$ for a
# coefficient, and a **dominance** $D_i$, a weight that is highest while the sound lasts and falls
# off before and after it. The coefficient at time $t$ is the mean of the targets, weighted by
# dominance:
#
# $$ w(t) = \frac{\sum_i D_i(t)\, T_i}{\sum_i D_i(t)} . $$
#
# A sound that does not care about a coefficient has little dominance over it, so its neighbours
# decide. For rounding, dominance begins early. The closure of p, b and m is then enforced on the
# mesh.

# %% [markdown]
# ### Interactive demo: type a sentence
#
# Here the articulation model says what you type. Try *sweet* and *swoon*, *lee* and *loo*, *ship* and
# *sheep*. Find a sound whose curve is decided by its neighbour. Then change *Take*: the same rules,
# said once more.

# %%
articulation_box("Two teas and a scone, please.", voice="ben")

# %% [markdown]
# ## 4 · One recording, many true motions
#
# *Minute 23.* Each clip for validation and test carries three motions. They are three takes of one
# recording: the sounds and their times are the same, and with them what the mouth must do. What the
# voice does not tell is drawn anew in each take. All three are true, so they may share one sound.

# %%
clip = corpus.clip("ada-029")

play(list(clip.truths), clip, labels=["take 1", "take 2", "take 3"], title=clip.text, height=300)

# %% [markdown]
# How much do they differ, and in what? For each coefficient we compare its size over time with the
# difference between the takes. Both are standard deviations, in the unit of the coefficient.

# %%
takes = np.stack([truth.values for truth in clip.truths])  # (take, frame, 52)

for name in ("mouthPucker", "jawOpen", "mouthSmileLeft", "eyeBlinkLeft", "browInnerUp"):
    column = takes[:, :, ARKIT_INDEX[name]]
    moves, differs = column.std(axis=1).mean(), column.std(axis=0).mean()
    print(f"{name:15} moves by {moves:.2f}, differs by {differs:.2f}: {differs / moves:4.0%}")
    assert (differs < 0.15 * moves) == (name in ("mouthPucker", "jawOpen"))

# %% [markdown]
# The jaw and the rounding of the lips are decided by the sound. The brows differ from take to take
# almost as much as they move at all. The lids lie between: they move fast, and mostly stay open.
#
# What must hold in every take holds in all three: at each p, b and m the lips meet.

# %%
frames = [slice(int(p.start * 25), int(np.ceil(p.end * 25)) + 1)
          for p in clip.phonemes if is_bilabial(p.symbol)]
for number, truth in enumerate(clip.truths, start=1):
    shut = sum(gap(truth)[span].min() < 0.5 for span in frames)
    print(f"take {number}: {shut} of {len(frames)} closures closed")
    assert shut == len(frames)

# %% [markdown]
# Now a trap. A model that is trained to be as near as possible to all of them at once learns their
# mean. What does the mean of three true motions look like? We count blinks in all test clips of
# seen speakers: moments at which the left lid passes 0.5, half shut, on its way down.

# %%
def blinks(lid):
    """Return how often a lid passes 0.5 on its way down."""
    return int(((lid[1:] > 0.5) & (lid[:-1] <= 0.5)).sum())


LID = ARKIT_INDEX["eyeBlinkLeft"]
lids = [np.stack([truth.values[:, LID] for truth in clip.truths])
        for clip in corpus.split("test_seen")]
single = sum(np.mean([blinks(lid) for lid in three]) for three in lids)
of_mean = sum(blinks(three.mean(axis=0)) for three in lids)
print(f"blinks in one take: {single:.0f}; in the mean of three: {of_mean}")
assert of_mean < single / 2

# %% [markdown]
# The mean of three truths blinks less than a third as often, because a blink in one take is only a
# third of a blink in the mean. With more takes none would be left. The mean of true motions is no
# true motion. This is why the course builds models that draw *one* answer, and why a distance to one
# recorded take says little about lids and brows.

# %% [markdown]
# ## 5 · Two views of one clip
#
# *Minute 28.* The corpus stores coefficients. A scanner would not see coefficients: it sees where
# the skin is. `vertices` computes that surface, as **offsets**: how far each vertex of the skin has
# moved from the speaker's face at rest, in metres.

# %%
surface = clip.vertices("low")

for name, array in (("coefficients", clip.motion.values), ("surface", surface)):
    print(f"{name:13} {str(array.shape):15} {array[0].size:5} numbers a frame, "
          f"{array.nbytes / len(clip) * 25 * 60 / 1e6:5.1f} MB a minute")
assert surface.shape == (len(clip), 1142, 3)

# %% [markdown]
# The surface is more than the coefficients say. Flesh is soft: cheeks and chin lag behind the jaw
# and swing on. And a scanner errs: its noise is smooth over the skin and changes over time. Both can
# be left out, so we can measure them.

# %%
bare = clip.vertices("low", soft_tissue=False, noise=False)
soft = clip.vertices("low", noise=False)


def length(moves):
    """Return how long each move is, (frame, vertex), in millimetres."""
    return 1000 * np.linalg.norm(moves, axis=2)


for name, moves in (("all motion", surface), ("soft tissue", soft - bare), ("noise", surface - soft)):
    print(f"{name:12} {length(moves).mean():5.2f} mm on average, {length(moves).max():5.2f} at most")
assert 0.05 < length(surface - soft).mean() < 0.2 < 1 < length(soft - bare).max()

# %% [markdown]
# Where does the flesh lag most? The head below is coloured by the largest lag of each vertex in this
# clip. Drag it to turn it.

# %%
face = get_face(f"{clip.face_id.partition('@')[0]}@low")
lag = np.zeros(len(face.vertices))
lag[face.parts["skin"]] = length(soft - bare).max(axis=0)

inspect(face, values=lag, value_name="largest lag in mm", title="Soft tissue")

# %% [markdown]
# ### Think!
#
# Two systems of this course learn vertices, and one learns coefficients. Which view would you give a
# model if you had 40 minutes of speech? Which one shows you a mistake of one millimetre at the
# corner of the mouth?
