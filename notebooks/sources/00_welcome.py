# %% [markdown]
# # 00 · Welcome
#
# In this notebook a head speaks. It gets a sound and nothing else: from that alone, a small model
# finds out how the face should move. By the end of the course you will have built every part of
# such a model, and of four well-known systems like it.
#
# - **Goals:** hear and see the head speak; know what a blendshape coefficient is; read the curve
#   of the lip aperture; see why one sound has many right motions; find your way through the course.
# - **Prerequisites:** some Python and NumPy. No machine learning yet.
# - **Time:** 30 minutes to read and play, and 25 more for the two exercises.
# - **Measured cost:** filled in by the run.
# - **Papers:** [DiffSpeaker](https://arxiv.org/abs/2402.05712) (Ma et al., 2024),
#   [GLDiTalker](https://arxiv.org/abs/2408.01826) (Lin et al., 2024),
#   [DiffusionTalker](https://arxiv.org/abs/2311.16565) (Chen et al., 2023),
#   [StreamingTalker](https://arxiv.org/abs/2511.14223) (Yang et al., 2026).
#
# Run the cells from top to bottom: click into one and press Shift+Enter.

# %% [markdown]
# The first cell loads what this notebook uses. All of it is installed already.

# %%
import json

import numpy as np

from talking_heads.course.figures import BLUE, ORANGE, new_figure, shade, show
from talking_heads.course.speak_box import speak_box
from talking_heads.course.syllabus import Syllabus, course_map
from talking_heads.face import ARKIT_INDEX, ARKIT_NAMES, get_face
from talking_heads.models import load_model
from talking_heads.paths import checkpoint_dir
from talking_heads.speech import SAMPLE_RATE, is_bilabial, synthesize
from talking_heads.view import explore, play

# %% [markdown]
# ## 1 · Hear it and see it
#
# *Minute 2.* We need a sound. A speech engine on your own machine reads a sentence aloud, so no
# recording has to be downloaded. `audio` is a row of numbers, 16,000 of them a second: how far
# the air is pushed at each moment.

# %%
sentence = "Mum and Bob bake a big apple pie, and you may have a piece of it."
speech = synthesize(sentence, voice="ada")

print(f"{len(speech.audio)} samples, {len(speech.audio) / SAMPLE_RATE:.2f} seconds")
assert speech.audio.ndim == 1 and np.abs(speech.audio).max() <= 1

# %% [markdown]
# Now the model. It was trained on sentences of the course's own corpus, and this one is not among
# them. `animate` sees only the samples: no text, no list of sounds.
#
# `speaker` chooses whose way of speaking it imitates. `seed` starts its random numbers; the same
# seed gives the same motion again.

# %%
model = load_model("diff_speaker")
motion = model.animate(speech.audio, speaker="ada", seed=0)

print(f"{len(motion)} frames, {motion.fps:.0f} a second")
assert len(motion) == int(np.ceil(len(speech.audio) / 640))

# %% [markdown]
# Press play. You can drag the head to turn it, seek, and slow it down. Head and voice stay
# together because the sound is the only clock: the browser asks it for the time, and draws the
# face of that moment. The button with the eye adds glances and small turns of the head, which are
# not the model's.

# %%
play(motion, speech, title="The first sentence")

# %% [markdown]
# ### Think!
#
# Play it at the slowest speed and watch the lips at *Mum*, *Bob*, *big*, *apple* and *pie*. What
# do the sounds p, b and m have in common? We come back to it in section 3.

# %% [markdown]
# ## 2 · A face in fifty-two numbers
#
# *Minute 6.* What has the model made? A table: one row a frame, one column a **shape**. There are
# 52 shapes, with names that Apple's ARKit gave them: `jawOpen`, `mouthSmileLeft`, `eyeBlinkRight`.
# The number in a cell is a **coefficient**. 0 means *not at all*, 1 means *as far as it goes*.

# %%
values = motion.values
print("shape of the table:", values.shape)

strongest = np.argsort(-values.mean(axis=0))[:5]
for index in strongest:
    print(f"{ARKIT_NAMES[index]:20} {values[:, index].mean():.2f} on average")
assert values.shape[1] == len(ARKIT_NAMES) == 52

# %% [markdown]
# ### Interactive demo: fifty-two sliders
#
# Each slider below is one coefficient, and the head follows. Try this:
#
# 1. Open `jawOpen` half-way. Then raise `mouthClose` as far: the jaw stays down, the lips meet.
# 2. Say *oo* with `mouthPucker`, and *ee* with both `mouthStretch` sliders.
# 3. Make a face that looks surprised. Which five sliders did you need?

# %%
explore("neutral@medium")

# %% [markdown]
# How does a coefficient move the face? The face is a mesh of $V$ points, called **vertices**.
# Write $v$ for the positions of all of them, a table of $V$ rows with x, y and z in metres; x
# points to the side, y up, z out of the face. Write $v_0$ for the face at rest, $B_k$ for how
# far shape number $k$ moves every vertex, and $w_k$ for its coefficient. Then
#
# $$v = v_0 + \sum_{k=1}^{52} w_k B_k .$$
#
# Add up the moves, each as strong as its coefficient: that is a **blendshape** model. If it holds,
# half the coefficient gives exactly half the move. We test this with funnelled lips (as in *sh*), the
# jaw and a smile.

# %%
face = get_face("neutral@medium")


def moved(name, coefficient):
    """Return how far each vertex moves from rest, (vertex, 3), in millimetres."""
    weights = np.zeros(52, dtype=np.float32)
    weights[ARKIT_INDEX[name]] = coefficient
    return 1000 * (face.pose(weights)[0] - face.vertices)


# %% [markdown]
# `np.linalg.norm` with `axis=1` turns the three numbers of a vertex into one distance. We look at
# the vertex where half the coefficient and half the move differ most.

# %%
for name in ("mouthFunnel", "jawOpen", "mouthSmileLeft"):
    whole, half = moved(name, 1.0), moved(name, 0.5)
    furthest = np.linalg.norm(whole, axis=1).max()
    error = np.linalg.norm(half - whole / 2, axis=1).max()
    print(f"{name:15} moves {furthest:.0f} mm, off the straight line by {error:.1f} mm")
    assert (error > 0.5) == (name != "mouthFunnel")

# %% [markdown]
# The funnel keeps to the formula. The jaw does not: it turns about its hinge, in front of the ears,
# so the chin travels on an arc. Lids turn about the eyeball in the same way. The smile does not
# either: the further it goes, the more it lifts the cheek, and the face adds a **corrective**, a move
# that grows with the square of the coefficient. Other correctives come in where two shapes meet, such
# as a smile on an open jaw. Real faces do all this, and a sum of straight moves cannot. Systems that
# predict coefficients leave it to the face; systems that predict vertices must learn it.

# %% [markdown]
# ## 3 · The gap between the lips
#
# *Minute 14.* Of all that moves, the lips matter most. The **lip aperture** is the gap between the
# inner edges of the lips, in the middle of the mouth. It is never negative: lips touch, they do
# not pass through each other. `face.aperture` gives it in metres, one number a frame.

# %%
aperture = 1000 * face.aperture(motion.values)  # in millimetres

print(f"from {aperture.min():.0f} to {aperture.max():.0f} mm")
assert aperture.shape == (len(motion),) and aperture.min() >= 0

# %% [markdown]
# The speech engine can also tell when each sound begins and ends. The model did not get this; we
# use it as an answer key. A sound of speech is called a **phoneme**. For p, b and m the lips must
# close, and these three are called **bilabials**.

# %%
bilabials = [p for p in speech.phonemes if is_bilabial(p.symbol)]
spans = [(p.start, p.end) for p in bilabials]

print(" ".join(p.symbol for p in bilabials))
assert len(bilabials) >= 8

# %% [markdown]
# Now sound and lips, one above the other, with the bilabials shaded.

# %%
figure, (above, below) = new_figure(2, height=3.6)
above.plot(np.arange(len(speech.audio)) / SAMPLE_RATE, speech.audio, color=BLUE, lw=0.4)
above.set(ylabel="sound")
below.plot(np.arange(len(motion)) / motion.fps, aperture, color=ORANGE, lw=2)
below.set(ylabel="lip aperture (mm)", xlabel="time (s)")
for axes in (above, below):
    shade(axes, spans, "p, b, m")
below.legend(loc="upper right")
show(figure, f"""Above, the wave of the sentence; below, the lip aperture. It rises at vowels and
dips to the bottom in the {len(bilabials)} shaded spans, where p, b and m are spoken.""")

# %% [markdown]
# Is each bilabial really closed? We take the smallest aperture while it sounds, and count as
# closed what is below 1 mm.

# %%
def smallest_during(phoneme):
    """Return the smallest aperture in millimetres while a phoneme sounds."""
    first, last = int(phoneme.start * motion.fps), int(np.ceil(phoneme.end * motion.fps))
    return aperture[first : last + 1].min()


closed = np.mean([smallest_during(p) < 1.0 for p in bilabials])
print(f"{closed:.0%} of the bilabials are closed")
assert closed >= 0.8

# %% [markdown]
# ### Think!
#
# The lips often begin to close while the sound before is still loud. Find such a place in the
# figure. Why must a model know what comes next, and what does that mean for one that should
# answer while you are still speaking? Notebook 10 is about this.

# %% [markdown]
# ## 4 · Your own words
#
# *Minute 19.* The same three calls, `synthesize`, `animate` and `play`, behind a line of text.
#
# ### Interactive demo: type a sentence
#
# Type one, press Enter, then press play. Another voice brings another way of speaking along.

# %%
speak_box(model, "My lips are made of numbers.", voice="ben")

# %% [markdown]
# ## 5 · One sound, many motions
#
# *Minute 22.* Say a sentence twice, and your face does not move twice in the same way: you blink
# elsewhere, you raise your brows more. So there is no *one* right motion for a sound, and a model
# that learns a single answer learns the mean of them all, a face that hardly lives.
#
# Our model starts from random numbers, so it can give many answers. Here are two, in step.

# %%
other = model.animate(speech.audio, speaker="ada", seed=1)

play([motion, other], speech, labels=["seed 0", "seed 1"], title="Two seeds")

# %% [markdown]
# How much do they differ, and where? We compare the two tables for the jaw, whose motion the sound
# decides, and for the brows and lids, which are free. The measure is the **correlation**: 1 if two
# curves rise and fall together, 0 if they have nothing to do with each other.

# %%
def agreement(name):
    """Return the correlation of one coefficient between the two motions."""
    column = ARKIT_INDEX[name]
    return np.corrcoef(motion.values[:, column], other.values[:, column])[0, 1]


for name in ("jawOpen", "browInnerUp", "eyeBlinkLeft"):
    print(f"{name:12} {round(agreement(name), 1) + 0:4.1f}")
assert agreement("jawOpen") > 0.9
assert agreement("browInnerUp") < agreement("jawOpen")

# %% [markdown]
# The mouths agree, the brows and lids go their own ways. That is as it should be, and it makes such
# models hard to judge: a measure that compares with *one* recorded motion punishes a blink that
# comes half a second later, though nobody would call it wrong. Notebook 03 is about measures.

# %% [markdown]
# ## 6 · How good is it?
#
# *Minute 25.* One sentence proves nothing. Beside the model's weights lies a file with what was
# measured on sentences that were kept from its training, with several seeds. `test_seen` are voices
# that it trained on; `test_unseen_average_style` are voices that it never heard, so it gives them
# the average way of speaking. The corpus has two speech engines: espeak-ng makes its sound by rule,
# and flite's voices (slt, rms, awb, kal16) were built from recordings of people.

# %%
results = json.loads((checkpoint_dir("diff_speaker") / "results.json").read_text())

for split in ("test_seen", "test_unseen_average_style"):
    lips = results["figures"][split]
    least, most = min(lips["correlation_by_seed"]), max(lips["correlation_by_seed"])
    print(f"{split}: correlation {least:.3f} to {most:.3f} over the seeds, "
          f"bilabials closed {lips['closure_rate']:.0%}")
    flite = [lips["by_speaker"][name]["closure_rate"] for name in ("slt", "rms", "awb", "kal16")
             if name in lips["by_speaker"]]
    print(f"    of these on flite's voices: bilabials closed {np.mean(flite):.0%}")
seen = results["figures"]["test_seen"]
assert seen["aperture_correlation"] >= 0.85 and seen["closure_rate"] >= 0.80

# %% [markdown]
# The correlation is the one of section 5, here between the lip apertures of model and truth. What
# does a voice that it never heard cost? Compare the two splits. Then compare the engines: ten of the
# twelve voices in training are espeak-ng's and only two are flite's, and it shows. A human voice is
# stranger to the model than any of these; flite's come nearest to one. Later notebooks ask this with
# intervals, and look for features of speech that travel better from voice to voice.

# %% [markdown]
# ## 7 · Four systems
#
# *Minute 27.* The course builds four published systems. All of them are **diffusion** models:
# they begin with noise, and clean it step by step into a motion, led by the sound. They differ in
# what they clean, and in what they do to be accurate, personal or fast.
#
# | System | Idea | What is cleaned | For |
# |---|---|---|---|
# | DiffSpeaker, 2024 | attention with fixed biases, so that a frame listens to the sound of its own moment | the moves of all vertices | accuracy from little data |
# | GLDiTalker, 2024 | first learn an alphabet of motions with a graph network, then do diffusion in it | codes of that alphabet | sharp lips *and* variety |
# | DiffusionTalker, 2023 | match voice and way of speaking; then teach a student to need 8 steps | coefficients, as in this notebook | personal style, speed |
# | StreamingTalker, 2026 | make one frame after the other from the last ones, with a small diffusion head | codes of an alphabet, frame by frame | answers without waiting |
#
# Each paper reports that it beats the systems it compares with, on its own choice of data and
# measures. Among these four there is one such comparison: StreamingTalker's with DiffSpeaker. Two of
# them (GLDiTalker and DiffusionTalker) came without code. So nobody can tell from the papers alone
# which is best at what. The course builds all four on one corpus and measures
# them in one way.
#
# The model that spoke above is a small relative of DiffSpeaker. It cleans coefficients in place of
# vertices, so that it learns in minutes on a laptop.

# %% [markdown]
# ## 8 · The map
#
# *Minute 29.* Each line of the map is one system, each stop a notebook that it needs. What a
# notebook builds by hand is then used from the package, where the same code stands, tested.

# %%
show(*course_map())

# %% [markdown]
# The same as a table, with what you will have built at the end of each notebook.

# %%
Syllabus()

# %% [markdown]
# ## 9 · Your turn
#
# Two exercises belong to this notebook. In **lip aperture** you measure the gap between the lips
# from the vertices. In **blend** you pose a face for a whole sentence with the formula of section
# 2. Each comes with a check that looks at your function and tells you what went wrong, and with
# three hints that stay folded until you want them.
#
# Open a terminal in JupyterLab (File, New, Terminal) and type:
#
# ```
# talking-heads exercises student
# ```
#
# This writes `exercises/student/00_welcome.ipynb`. The file list on the left shows the folder
# `notebooks`: click the small folder sign above it to go to the top, then open `exercises`,
# `student` and the notebook.
# `talking-heads progress` shows which checks have passed. It is kept in a file on your machine.

# %% [markdown]
# ### Bonus
#
# Record yourself, and let the head say it. In the terminal:
#
# ```
# talking-heads animate my_recording.wav --out talk.html
# ```
#
# `talk.html` holds sound and head in one file that plays anywhere, without a network. Listen for
# the sounds where the lips fail, and note them: they are what the next notebooks are for.
