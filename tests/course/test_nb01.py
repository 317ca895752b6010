"""The references of the checks of notebook 01 are the package's; other right answers pass."""

import json

import numpy as np
import pytest

from talking_heads.corpus import Clip, load_corpus
from talking_heads.corpus.miniature import write_miniature_beat, write_miniature_vocaset
from talking_heads.corpus.real.unpickle import load_pickle
from talking_heads.course.checking import CheckFailed
from talking_heads.course.checks import find_exercise
from talking_heads.course.checks.nb01 import (
    beat_weights,
    resample_motion,
    sound_of_frames,
    vocaset_offsets,
)
from talking_heads.course.checks.text_split import split_by_text
from talking_heads.face import ARKIT_NAMES, BEAT_NAMES, Motion

OFFSETS = find_exercise("01.vocaset_offsets").check
SOUND = find_exercise("01.sound_of_frames").check
WEIGHTS = find_exercise("01.beat_weights").check
RESAMPLE = find_exercise("01.resample_motion").check
SPLIT = find_exercise("01.split_by_text").check


def test_the_reference_offsets_are_the_readers(tmp_path):
    root = write_miniature_vocaset(tmp_path / "vocaset")
    clip = load_corpus(root)[3]
    rows = np.load(root / "vertices_npy" / f"{clip.id}.npy")
    template = load_pickle(root / "templates.pkl")[clip.speaker]
    found = vocaset_offsets(rows, template)
    assert np.abs(found).max() > 0.002
    np.testing.assert_allclose(found, clip.motion.values, atol=1e-6)


def test_the_reference_weights_are_the_readers(tmp_path):
    write_miniature_beat(tmp_path / "beat", traps=True)
    corpus = load_corpus(tmp_path / "beat")
    seen = set()
    for clip in corpus:
        name, _, window = clip.id.partition("/")
        document = json.loads(next((tmp_path / "beat").rglob(f"{name}.json")).read_text())
        times = [frame["time"] for frame in document["frames"]]
        if np.diff(times).max() > 1.5 / 60:
            continue  # lost frames: the reader goes by the times
        seen.add(len(document["names"]))
        start = 300 * int(window)
        found = beat_weights(document, ARKIT_NAMES)[::2][start : start + 300]
        np.testing.assert_allclose(found, clip.motion.values, atol=1e-6)
    assert seen == {51, 52}, "both kinds of files are compared"


@pytest.mark.parametrize("fps", [25, 30, 29.97, 60])
def test_the_reference_sound_is_the_clips(fps):
    rng = np.random.default_rng(1)
    motion = Motion(np.zeros((40, 52), np.float32), "coefficients", fps=fps)
    audio = rng.normal(0, 0.1, round(39.5 / fps * 16_000)).astype(np.float32)
    clip = Clip("one", "ada", audio, (motion,))
    for start, stop in ((0, 1), (0, 40), (7, 19), (39, 40), (5, 5)):
        found = sound_of_frames(audio, start, stop, fps)
        np.testing.assert_array_equal(found, clip.sound(start, stop))


def test_frames_share_all_samples_without_gap_or_overlap():
    audio = np.arange(1, 16_001, dtype=float)
    pieces = [sound_of_frames(audio, f, f + 1, 30) for f in range(30)]
    np.testing.assert_array_equal(np.concatenate(pieces), audio)
    assert {len(piece) for piece in pieces} == {533, 534}


@pytest.mark.parametrize("frames", [1, 2, 11, 12, 61])
def test_resampling_from_60_to_30_takes_every_second_frame(frames):
    values = np.random.default_rng(2).uniform(0, 1, (frames, 3))
    np.testing.assert_allclose(resample_motion(values, 60, 30), values[::2], atol=1e-12)


@pytest.mark.parametrize(("fps", "new"), [(60, 25), (30, 25), (25, 60), (25, 25), (24, 30)])
def test_resampling_is_that_of_a_clip(fps, new):
    values = np.random.default_rng(3).uniform(0, 1, (50, 52)).astype(np.float32)
    clip = Clip("one", "ada", np.zeros(10), (Motion(values, "coefficients", fps=fps),))
    found = resample_motion(values, fps, new)
    np.testing.assert_allclose(found, clip.blendshapes(fps=new)[: len(found)], atol=1e-5)
    assert (len(found) - 1) / new <= 49 / fps < len(found) / new


def test_a_straight_line_stays_one():
    line = np.linspace(0, 3, 31)[:, None]
    found = resample_motion(line, 60, 25)
    np.testing.assert_allclose(found[:, 0], np.arange(len(found)) / 25 * 6, atol=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_the_reference_split_holds_its_promises(seed):
    rng = np.random.default_rng(seed)
    texts = [f"Sentence {n}." for n in rng.integers(0, 12, 60)]
    mask = split_by_text(texts, 0.25, seed)
    test = {text for text, chosen in zip(texts, mask, strict=True) if chosen}
    assert not test & {text for text, chosen in zip(texts, mask, strict=True) if not chosen}
    assert len(test) == max(1, round(0.25 * len(set(texts))))
    order = rng.permutation(60)
    np.testing.assert_array_equal(split_by_text([texts[i] for i in order], 0.25, seed), mask[order])


def offsets_by_loops(rows, template):
    frames = []
    for row in rows[::2]:
        frames.append([row[3 * v : 3 * v + 3] - template[v] for v in range(len(template))])
    return frames


def offsets_flat_first(rows, template):
    return (rows[::2] - template.reshape(-1)).reshape(-1, len(template), 3)


def sound_by_frames(audio, start, stop, fps):
    first, last = int(16000 * start / fps + 0.5), int(16000 * stop / fps + 0.5)
    long = np.concatenate([audio, np.zeros(max(0, last - len(audio)))])
    return long[first:last]


def weights_by_dicts(document, names):
    rows = []
    for frame in document["frames"]:
        by_name = dict(zip(document["names"], frame["weights"], strict=True))
        rows.append([by_name.get(name, 0.0) for name in names])
    return rows


def resample_by_interp(values, fps, new):
    count = int((len(values) - 1) / fps * new) + 1
    old, times = np.arange(len(values)) / fps, np.arange(count) / new
    return np.stack([np.interp(times, old, column) for column in values.T], axis=1)


def split_by_shuffling(texts, share, seed):
    sentences = sorted({text.casefold() for text in texts})
    np.random.default_rng(seed).shuffle(sentences)
    test = sentences[: max(1, round(share * len(sentences)))]
    return [text.casefold() in test for text in texts]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (OFFSETS, offsets_by_loops),
        (OFFSETS, offsets_flat_first),
        (SOUND, sound_by_frames),
        (WEIGHTS, weights_by_dicts),
        (RESAMPLE, resample_by_interp),
        (SPLIT, split_by_shuffling),
    ],
)
def test_other_right_ways_of_writing_pass(check, answer, seed):
    assert "inputs." in check(answer, np.random.default_rng(seed))


def leaks_in_one_sentence(texts, share, seed):
    """Right but for one clip."""
    mask = split_by_text(texts, share, seed)
    keys = [text.lower() for text in texts]
    loose = next(i for i, key in enumerate(keys) if mask[i] and keys.count(key) > 1)
    mask[loose] = False
    return mask


def by_hash(texts, share, seed):
    """Draw each sentence for itself: the share is only met on average."""
    return [
        np.random.default_rng([seed, *text.lower().encode()]).random() < share for text in texts
    ]


def global_generator(texts, share, seed):
    keys = sorted({text.lower() for text in texts})
    np.random.shuffle(keys)  # noqa: NPY002
    return [text.lower() in keys[: max(1, round(share * len(keys)))] for text in texts]


def unsorted_set(texts, share, seed):
    """Without sorted, the order of a set depends on the order of the clips, though seldom."""
    keys = list({text.lower() for text in texts})
    order = np.random.default_rng(seed).permutation(len(keys))
    test = {keys[i] for i in order[: max(1, round(share * len(keys)))]}
    return [text.lower() in test for text in texts]


def one_frame_beyond_the_end(values, fps, new):
    """Forgets that the last place may be the last frame itself."""
    places = np.arange(len(resample_motion(values, fps, new))) * fps / new
    before = places.astype(int)
    share = (places - before)[:, None]
    return (1 - share) * values[before] + share * values[before + 1]


@pytest.mark.parametrize(
    ("check", "answer", "words"),
    [
        # Mistakes as learners write them, none of them taken from the table of the check.
        (OFFSETS, lambda r, t: r.reshape(len(r), -1, 3) - t, "every second"),
        (OFFSETS, lambda r, t: r.reshape(-1, 3)[::2] - t, "stopped with ValueError"),
        (OFFSETS, lambda r, t: r[::2].reshape(-1, 3, len(t)).transpose(0, 2, 1) - t, "all x first"),
        (OFFSETS, lambda r, t: (r[::2] - t.ravel()) * 1e3, "shape"),
        (SOUND, lambda a, s, e, fps: a[int(s * 640) : int(e * 640)], "index|shape|640"),
        (SOUND, lambda a, s, e, fps: a[round(16e3 * s / fps) : round(16e3 * e / fps)], "zeros"),
        (WEIGHTS, lambda d, n: [f["weights"] for f in d["frames"]], "shape"),
        (WEIGHTS, lambda d, n: [[f["weights"][k] for k in n] for f in d["frames"]], "TypeError"),
        (RESAMPLE, lambda v, fps, new: v[:: int(fps / new)], "step|ValueError"),
        (RESAMPLE, lambda v, fps, new: v[np.arange(len(v)) * fps // new], "IndexError"),
        (RESAMPLE, one_frame_beyond_the_end, "the last is kept"),
        (SPLIT, unsorted_set, "Sort the sentences"),
        (SPLIT, leaks_in_one_sentence, "leak"),
        (SPLIT, by_hash, "share counts sentences"),
        (SPLIT, global_generator, "same seed gives another split"),
        (SPLIT, lambda t, share, seed: [0.5] * len(t), "other values than True"),
        (SPLIT, lambda t, share, seed: t, "numbers is wanted"),
        (SPLIT, lambda t, share, seed: [True] * len(t), "in test"),
    ],
)
def test_mistakes_as_learners_write_them(check, answer, words):
    with pytest.raises(CheckFailed) as failure:
        check(answer, np.random.default_rng(0))
    assert any(word in str(failure.value) for word in words.split("|")), str(failure.value)


def test_the_two_orders_that_the_exercises_print():
    assert len(ARKIT_NAMES) == 52 and len(BEAT_NAMES) == 51
    assert "tongueOut" in ARKIT_NAMES and "tongueOut" not in BEAT_NAMES
