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
# - **Time:** 60 minutes to read and play, and 65 more for the five exercises.
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
import os
import pickle
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch

from talking_heads.corpus import articulate, load_corpus
from talking_heads.corpus.miniature import (
    write_miniature_beat, write_miniature_biwi, write_miniature_vocaset,
)
from talking_heads.corpus.real.unpickle import load_pickle
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
# As they are, the curves have little in common. Stretched, they rise and fall together. What does
# that say about a model that is told the sentence, but does not hear the voice? And what is left, once
# the times agree, that makes hugo look different from ada?

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
about a tenth of a second before the t, is more than half-way up in the middle of the t, and peaks
in the vowel.""")

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
# How much do they differ, and in what? We ask all 144 clips of `test_seen`. For each coefficient we
# take its size over time, and the difference between the takes at the same moment. Both are standard
# deviations. 0 % would mean that the sound decides the coefficient alone; at 100 % the takes have as
# little in common as two different recordings.

# %%
def share_of_chance(name):
    """Return the difference between takes as a share of the motion, over all clips."""
    column = ARKIT_INDEX[name]
    moves, differs = [], []
    for clip in corpus.split("test_seen"):
        takes = np.stack([truth.values[:, column] for truth in clip.truths])
        moves.append(takes.var(axis=1).mean())
        differs.append(takes.var(axis=0, ddof=1).mean())
    return np.sqrt(np.mean(differs) / np.mean(moves))


for name in ("mouthPucker", "jawOpen", "mouthSmileLeft", "browInnerUp", "eyeBlinkLeft"):
    print(f"{name:15} {share_of_chance(name):4.0%}")
assert share_of_chance("jawOpen") < 0.3 and share_of_chance("eyeBlinkLeft") > 0.8

# %% [markdown]
# The sound decides most of what the jaw and the rounding of the lips do. It says next to nothing about
# the brows, and about the moment of a blink. The corners of the mouth lie between.
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
# Now a trap. A model that is trained for the smallest squared distance to all of them at once learns
# their mean. What does the mean of three true motions look like? We count blinks in all test clips of
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
assert of_mean < single / 3

# %% [markdown]
# The mean of three truths blinks less than a third as often, because a blink in one take is only a
# third of a blink in the mean. With more takes fewer still would be left. The mean of true motions is
# no true motion. This is why the course builds models that draw *one* answer, and why a distance to one
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
# Three of the four systems learn from vertices, and one from coefficients. Which view would you give
# a model if you had 40 minutes of speech? Which one shows you a mistake of one millimetre at the
# corner of the mouth?

# %% [markdown]
# ## 6 · Three real data sets
#
# *Minute 32.* The four systems of the course were published on three data sets. They were recorded
# from people, so each has a licence, and none of them may be shipped with a course.
#
# | | VOCASET, 2019 | BIWI, 2010 | BEAT, 2022 |
# |---|---|---|---|
# | What was recorded | 12 people, 40 sentences each | 14 people, 40 sentences, each said with and without emotion | 30 people, speeches and conversations |
# | How | 3D scans, 60 a second | 3D scans, 25 a second | Apple's face tracker ARKit, 60 a second |
# | A frame | 5,023 vertices, in metres | 23,370 vertices, without a unit | 51 coefficients |
# | How to get it | register with its authors | its authors no longer give it out | from its authors' page |
# | Licence | for research, not for commerce | for research, after a signed agreement | its authors' repository: CC BY-NC 4.0, not for commerce |
#
# `data/README.md` says for each where to ask and what to type. There are copies on the web that
# others have put there. It is for you to find out whether you may use them.
#
# This notebook works without them. It writes **miniatures**: folders with the same names, shapes and
# quirks, filled with the course's own heads and voices. What you learn about the files holds for the
# real ones. What the faces do is not theirs. (`talking-heads corpus miniature` writes the same from
# a terminal, with `--traps` also the damage that real copies have.)

# %% [markdown]
# Have you got a real one? Set the variable before you start JupyterLab, for instance
# `TALKING_HEADS_VOCASET=/data/vocaset`, or write the path into the cell. The cells below then read
# your copy. Printed numbers will differ, the comparisons will still hold.

# %%
work = tempfile.TemporaryDirectory(prefix="data_sets_")  # is removed when the notebook is closed
writers = {"vocaset": write_miniature_vocaset, "biwi": write_miniature_biwi,
           "beat": write_miniature_beat}
folders = {}

for name, write in writers.items():
    own = os.environ.get(f"TALKING_HEADS_{name.upper()}")
    folders[name] = Path(own or Path(work.name) / name)
    if not own:
        write(folders[name])
    print(f"{name:8}", ", ".join(sorted(path.name for path in folders[name].iterdir())))

# %% [markdown]
# `load_corpus` recognises all three, and gives what it gave for the course's own: a corpus of clips.
# It reads only the heads of the files; motion and sound follow when a clip is asked for them. In the
# next sections you read the same files by hand, and compare.

# %%
sets = {name: load_corpus(folder) for name, folder in folders.items()}

for name, loaded in sets.items():
    print(f"{name:8} {len(loaded):3} clips of {loaded.kind}, {loaded.fps:.0f} frames a second, "
          f"unit {loaded.unit}, splits {', '.join(loaded.splits)}")
assert [loaded.unit for loaded in sets.values()] == ["m", None, None]

# %% [markdown]
# ## 7 · A file that can run a program
#
# *Minute 34.* VOCASET and BIWI keep the faces at rest in `templates.pkl`. That is a **pickle**,
# Python's own way to store values. Stop before you open one. A pickle is a small program that builds
# the values, and Python's loader runs it. It may name any function that Python can import, and call
# it.
#
# We make such a file ourselves. It does no harm: all that its function does is to create an empty
# file with the name *I was here*. To read it is enough.

# %%
trace = Path(work.name) / "I was here"


class Surprise:
    """A value whose pickle calls a function of the sender's choice."""

    def __reduce__(self):
        return Path.touch, (trace,)


hostile = pickle.dumps({"FaceTalk_170728_03272_TA": Surprise()})
pickle.loads(hostile)

print("Has it run?", trace.exists())
assert trace.exists()

# %% [markdown]
# In place of `Path.touch` there could have stood a function that deletes your files or sends them
# away. `np.load` with `allow_pickle=True` and `torch.load` with `weights_only=False` do the same.
#
# So the course never gives a foreign file to Python's loader. `load_pickle` knows the instructions
# that build numbers, text, lists, dicts and arrays, and no others. It imports no name that the file
# asks for.

# %%
trace.unlink()
bad = Path(work.name) / "templates.pkl"
bad.write_bytes(hostile)

try:
    load_pickle(bad)
except UserError as error:
    print(str(error).replace(work.name, "...").splitlines()[-1])
print("Has it run?", trace.exists())
assert not trace.exists()

# %% [markdown]
# By hand, a few lines give most of that. Python's `Unpickler` asks `find_class` for each name in the
# file. We answer three of them, those that NumPy arrays need, and refuse all others. Note the
# direction: a list of what is *allowed*. A list of what is forbidden always lacks something. The
# package's own goes further: it imports nothing at all, and it checks a size before it takes memory.

# %%
class Careful(pickle.Unpickler):
    """Builds plain values and arrays; refuses every other name."""

    allowed = {"_reconstruct": np.zeros(1).__reduce__()[0], "ndarray": np.ndarray,
               "dtype": np.dtype}

    def find_class(self, module, name):
        if module.split(".")[0] == "numpy" and name in self.allowed:
            return self.allowed[name]
        raise pickle.UnpicklingError(f"refused: {name}")


try:
    Careful(io.BytesIO(hostile)).load()
except pickle.UnpicklingError as error:
    print(error)
assert not trace.exists()

# %% [markdown]
# Now VOCASET's templates, by hand and with the package. The real file was written by Python 2: its
# text is in the encoding `latin1`, and NumPy's modules have old names in it. That is why `find_class`
# looks at the first part of the module's name only.

# %%
with (folders["vocaset"] / "templates.pkl").open("rb") as file:
    templates = Careful(file, encoding="latin1").load()
print(len(templates), "faces at rest, of shape", next(iter(templates.values())).shape)
checked = load_pickle(folders["vocaset"] / "templates.pkl")
assert templates.keys() == checked.keys()
assert all((templates[name] == checked[name]).all() for name in checked)

# %% [markdown]
# ## 8 · VOCASET by hand
#
# *Minute 38.* `vertices_npy` holds one file a clip, `wav` the sound under the same name. The name
# says who speaks, and the last two digits are the sentence.

# %%
voca = folders["vocaset"]
clip = sets["vocaset"][0]
rows = np.load(voca / "vertices_npy" / f"{clip.id}.npy")  # refuses pickled objects by default

print(clip.id)
print("rows:", rows.shape, "and", rows.shape[1], "/ 3 =", rows.shape[1] // 3, "vertices")
assert rows.shape[1] == 3 * 5023

# %% [markdown]
# Each row is one frame: x, y, z of vertex 0, then of vertex 1, and so on. Four steps lead to what
# models learn from:
#
# 1. Cut each row into triples: the shape becomes (frame, vertex, 3).
# 2. Keep every second frame: 60 a second become 30. The published loaders do this.
# 3. Subtract the speaker's face at rest: positions become offsets.
# 4. Leave the unit alone. VOCASET is in metres, so a lip that moves by 5 mm moves by 0.005.

# %%
positions = rows.reshape(len(rows), -1, 3)[::2]
offsets = positions - templates[clip.speaker]

print(f"largest offset: {1000 * np.linalg.norm(offsets, axis=2).max():.0f} mm")
np.testing.assert_allclose(offsets, clip.motion.values, atol=1e-6)

# %% [markdown]
# The last line compares with the package's reader, so the two agree to a thousandth of a millimetre.
# Now the sound. It has its own sample rate. Our models hear 16,000 samples a second, so it is
# **resampled**: the same wave, drawn through other points. Then it is cut, or filled up with silence,
# to the length of the motion.

# %%
samples, rate = soundfile.read(voca / "wav" / f"{clip.id}.wav", dtype="float32")
heard = soxr.resample(samples, rate, SAMPLE_RATE)
length_wanted = round(len(clip) / clip.fps * SAMPLE_RATE)

print(f"{len(samples)} samples at {rate} a second; {len(heard)} at {SAMPLE_RATE}")
heard = np.pad(heard, (0, max(0, length_wanted - len(heard))))[:length_wanted]
np.testing.assert_allclose(heard, clip.audio, atol=1e-4)

# %% [markdown]
# A mesh needs triangles to be shown, and a metric needs to know where the lips are. Both lie beside
# the motion: a sample mesh, and masks, which are lists of vertices by region. The published mask of
# the lips has a quirk that a careful reader removes.

# %%
masks = load_pickle(voca / "FLAME_masks.pkl")
lips = masks["lips"]
head = sets["vocaset"].head(clip.speaker)

print(len(lips), "entries in the mask of the lips,", len(np.unique(lips)), "of them different")
assert (np.unique(lips) == head.regions["lips"]).all()

# %% [markdown]
# And here is the miniature's head, on VOCASET's vertices. It is one of the course's own, drawn with
# its 5,023 vertices in another order. Blinks are missing, as they are in VOCASET.

# %%
play(clip.motion, clip, face=head, title="A clip in VOCASET's form")

# %% [markdown]
# ## 9 · BIWI by hand
#
# *Minute 43.* The files of BIWI look alike, but three things differ. There are 25 frames a second,
# and all are used. The regions are text files. And the coordinates have **no unit**: the published
# preprocessing shifts each frame so that its vertices have the mean 0, and divides it by the square
# root of the surface's area.

# %%
biwi = folders["biwi"]
clip = sets["biwi"].split("test_a")[0]
rows = np.load(biwi / "vertices_npy" / f"{clip.id}.npy")
rest = load_pickle(biwi / "templates.pkl")[clip.speaker].reshape(-1, 3)
offsets = rows.reshape(len(rows), -1, 3) - rest

print(clip.id, rows.shape, "so", rows.shape[1] // 3, "vertices")
np.testing.assert_allclose(offsets, clip.motion.values, atol=1e-6)

# %% [markdown]
# How large is such a face? We print the mean of a frame, its height, and its area. Then the regions:
# the area that the lip error is measured on is a fifth of the mesh. It is more than the lips.

# %%
frame = rows[0].reshape(-1, 3).astype(float)
head = sets["biwi"].head(clip.speaker)
a, b, c = (frame[head.triangles[:, corner]] for corner in range(3))
area = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()
lips = np.array((biwi / "regions" / "lve.txt").read_text().split(","), dtype=int)

print(f"mean {abs(frame.mean(axis=0)).max():.3f}, height {np.ptp(frame[:, 1]):.2f}, area {area:.2f}")
print(f"{len(lips)} of {len(frame)} vertices are in lve.txt: {len(lips) / len(frame):.0%}")
assert (lips == head.regions["lips"]).all()

# %% [markdown]
# Here it is. Drag the head to turn it: the region reaches from the nose to the chin.

# %%
inspect(head, values=np.isin(np.arange(len(frame)), lips).astype(float), value_name="being in lve.txt",
        title="The region that the lip error is measured on")

# %% [markdown]
# One more trap lies in the names. Sentence 37 with emotion is `e37`, without it is `37`. Published
# readers look at the last two characters only, so two different recordings count as one sentence if
# both lie in one folder. The published splits use the emotional half.

# %% [markdown]
# ### Think!
#
# A paper reports a lip error "in mm" on BIWI. What would you ask its authors? And if each *frame* is
# divided by the root of its own area, what happens to a face while its mouth opens?

# %% [markdown]
# ## 10 · BEAT by hand
#
# *Minute 47.* BEAT has one JSON file a recording: the names of the channels, and for each of 60
# frames a second a list of weights. The order is alphabetical, which is not ours, and `tongueOut` is
# missing. So we read by *name*.

# %%
beat = folders["beat"]
recording = sets["beat"][0].id.partition("/")[0]
path = next(beat.rglob(f"{recording}.json"))
document = json.loads(path.read_text())

print(recording, "has", len(document["frames"]), "frames and", len(document["names"]), "names:")
print(", ".join(document["names"][:4]), "...", document["names"][-1])
print("ours:", ", ".join(ARKIT_NAMES[:4]), "...", ARKIT_NAMES[-1])

# %% [markdown]
# The column of each name in our table is `ARKIT_INDEX[name]`. Columns that no name claims stay 0.
# Then every second frame, and pieces of ten seconds, as published: 300 frames each. What is left at
# the end is dropped.

# %%
weights = np.array([frame["weights"] for frame in document["frames"]])
values = np.zeros((len(weights), 52))
values[:, [ARKIT_INDEX[name] for name in document["names"]]] = weights
values = values[::2]

pieces = [values[start : start + 300] for start in range(0, len(values) - 299, 300)]
print(f"{len(values)} frames give {len(pieces)} pieces; "
      f"{(len(values) - 300 * len(pieces)) / 30:.1f} s are dropped")
for number, piece in enumerate(pieces):
    clip = sets["beat"].clip(f"{recording}/{number:03}")
    np.testing.assert_allclose(piece, clip.motion.values, atol=1e-6)

# %% [markdown]
# The number of the recording tells the emotion: up to 64 is neutral, 65 to 72 happiness, and so on to
# 118. In the miniature nobody acts. BEAT has no mesh, so any head with ARKit's shapes can show it.

# %%
play(clip.motion, clip, title="A piece in BEAT's form")

# %% [markdown]
# Real files hold surprises. Their weights go a little below 0 and above 1. In some recordings the
# sound is longer than the motion, and in some the two are shifted against each other, which their
# authors know of. `talking-heads corpus info PATH` lists, file by file, what it finds missing or
# damaged in your copy. A shift it cannot see. You can: play a few clips, and watch the p, b and m.

# %% [markdown]
# ## 11 · A split that does not leak
#
# *Minute 50.* A test asks how a model does on what it has not seen. It is worthless if it has seen
# it. The simplest way to go wrong is to shuffle all clips and to keep a fifth for the test. We try
# it, with the ten sentences that all 16 speakers say: 160 clips.
#
# As the model we take a **parrot**. It knows nothing of sounds and lips. It hears a clip, looks for
# the training clip that sounds most like it as a whole, and repeats that one's motion, stretched to
# the length. For the comparison, each sound becomes a log-mel spectrogram (notebook 02 builds it),
# shrunk to 48 columns.

# %%
counts = {}
for clip in corpus:
    counts[clip.text] = counts.get(clip.text, 0) + 1
shared = [clip for clip in corpus if counts[clip.text] == 16]
neutral = get_face("neutral@low")
gaps = [neutral.aperture(clip.motion.values) for clip in shared]

print(len(shared), "clips,", len({clip.text for clip in shared}), "sentences")
assert len(shared) == 160

# %% [markdown]
# The parrot's ear: a fingerprint of each whole sound, and how much any two of them are alike.

# %%
def sound_of(clip):
    """Return a fingerprint of a whole sound, of length 1 whatever its volume."""
    mel = log_mel(torch.from_numpy(clip.audio)).numpy()
    mel = mel[np.linspace(0, len(mel) - 1, 48).round().astype(int)]
    mel = (mel - mel.mean(axis=0)).ravel()
    return mel / np.linalg.norm(mel)


sounds = np.stack([sound_of(clip) for clip in shared])
alike = sounds @ sounds.T
assert alike.shape == (160, 160) and np.allclose(np.diag(alike), 1)

# %% [markdown]
# Here is the parrot. It is measured by the correlation of its gap between the lips with the true one.

# %%
def parrot(test):
    """Return its mean correlation, and how often it repeats a clip of the same sentence."""
    scores, found = [], []
    for i in np.flatnonzero(test):
        best = max(np.flatnonzero(~test), key=lambda j: alike[i, j])
        place = np.linspace(0, len(gaps[best]) - 1, len(gaps[i]))
        repeated = np.interp(place, np.arange(len(gaps[best])), gaps[best])
        scores.append(np.corrcoef(repeated, gaps[i])[0, 1])
        found.append(shared[best].text == shared[i].text)
    return np.mean(scores), np.mean(found)


# %% [markdown]
# And three ways to split: by clip, by speaker, by sentence. Each takes a fifth of what it is named
# after for the test, and all clips that belong to it. We draw five splits of each kind.

# %%
def split_by(key, seed):
    """Return which clips are for test: a fifth of the different keys, drawn with the seed."""
    keys = sorted({key(clip) for clip in shared})
    order = np.random.default_rng(seed).permutation(len(keys))
    test = {keys[i] for i in order[: round(len(keys) / 5)]}
    return np.array([key(clip) in test for clip in shared])


ways = {"clip": lambda clip: clip.id, "speaker": lambda clip: clip.speaker,
        "sentence": lambda clip: clip.text}
scores = {}
for name, key in ways.items():
    results = [parrot(split_by(key, seed)) for seed in range(5)]
    scores[name] = [score for score, _ in results]
    print(f"by {name:8} correlation {np.mean(scores[name]):.1f}; "
          f"it finds the sentence in {np.mean([found for _, found in results]):4.0%}")
assert min(scores["clip"]) > 0.7 and max(scores["sentence"]) < 0.3

# %% [markdown]
# Each dot below is one of five splits.

# %%
figure, axes = new_figure(height=2.2)
for row, (name, color) in enumerate(zip(ways, (ORANGE, GREEN, BLUE))):
    axes.plot(scores[name], [row] * 5, "o", color=color, ms=8, alpha=0.7)
axes.set(yticks=range(3), yticklabels=[f"split by {name}" for name in ways], xlim=(-0.05, 1),
         ylim=(2.5, -0.5), xlabel="correlation of the parrot with the truth")
means = ", ".join(f"{np.mean(scores[name]):.1f} by {name}" for name in ways)
show(figure, f"""Three rows of five dots, one dot a split: the parrot's correlation with the true gap
between the lips. The means: {means}. Only the split by sentence shows that it has learned nothing.""")

# %% [markdown]
# Split by clip, the parrot reaches 0.8. That is close to a model that has learned something, and it
# has learned nothing: the sentence was in training, said by others. Split by speaker it does as well,
# because the other speakers said the same ten sentences. Split by sentence, little is left.
#
# So ask what leaks. A split by *sentence* tests new words. A split by *sentence and speaker* tests
# new words in a new voice. A split by speaker tests a new voice only where the sentences differ too.
# The corpus of the course does the first two: `test_seen` and `test_unseen`.

# %% [markdown]
# What do the published splits do?
#
# - **BIWI:** by sentence, e01 to e32 for training and e37 to e40 for the test. Test A has speakers of
#   the training, test B has new ones.
# - **VOCASET:** by speaker, eight for training and two for the test. The training has the sentences
#   1 to 40 of its speakers, the test 21 to 40 of the others. The files hold no text, so numbers alone
#   do not tell which sentences people share.
# - **BEAT:** by chance, 80, 10 and 10 %. Published code deals pieces of ten seconds, so two pieces of
#   one recording can end up on both sides. The course's reader deals whole recordings. According to
#   the paper of DiffusionTalker each person says the same content, though, so a text can still be on
#   both sides, in two voices.
#
# None of this makes the papers wrong. It tells what their numbers mean.

# %% [markdown]
# ## 12 · Side by side, and what is missing
#
# *Minute 57.* Before you compare two numbers from two papers, look here.
#
# | | VOCASET | BIWI | BEAT | the course's corpus |
# |---|---|---|---|---|
# | A frame holds | 5,023 vertices | 23,370 vertices | 51 coefficients | 52 coefficients; a surface is computed |
# | Frames a second, in the files | 60 | 25 | 60 | 25 |
# | Frames a second, in models | 30 | 25 | 30 | 25 |
# | Unit | metre | none | none, about 0 to 1 | none, 0 to 1; surface in metres |
# | Motion and head | unposed: the head is still | centred and scaled frame by frame | the head's turns are stored apart | the head is still |
# | True motions of a test clip | 1 | 1 | 1 | 3 |
# | Text | not in these files | not in these files | in files of its own, with times | text and phonemes, exact |
#
# And what the course's corpus is **not**:
#
# - Its voices are synthesised. A model that works on them has not yet heard a person.
# - Its motion follows rules. Where the rules are wrong, every true motion is wrong in the same way,
#   and no measure on this corpus will show it.
# - It has 43 minutes, one language, no emotion, no laughter, and nobody interrupts anybody.
# - It makes learning easier than life: sound and motion never drift apart, and what decides the mouth
#   is in the sound.
#
# What it is good for: you know what is true. When a model fails here, you can find out why.

# %% [markdown]
# ## 13 · Your turn
#
# Five exercises belong to this notebook: **vocaset_offsets**, **sound_of_frames**, **beat_weights**,
# **resample_motion** and **split_by_text**. Each has a check that names what is wrong, and three
# folded hints. In a terminal (File, New, Terminal):
#
# ```
# talking-heads exercises student
# ```
#
# writes `exercises/student/01_data_sets.ipynb`. `talking-heads progress` shows what has passed.

# %% [markdown]
# ### Bonus
#
# Build a corpus of your own sentences and speakers, and browse it here with
# `corpus_box(load_corpus("runs/mine"), "train")`. `data/README.md` says what the two files look
# like:
#
# ```
# talking-heads corpus build runs/mine --texts texts.txt --speakers people.json
# ```
