from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from talking_heads.corpus import Clip, Corpus
from talking_heads.corpus.views import parse_view
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, ARKIT_NAMES, BEAT_NAMES, Motion, get_face


@pytest.fixture
def clip(babble: Callable[..., Motion]) -> Clip:
    truths = tuple(babble(30, seed=seed, face_id="head-02@medium") for seed in (0, 1))
    return Clip("c", "ben", np.zeros(19_200, np.float32), truths, noise_seed=7)


def test_vertices_are_offsets_of_the_speakers_skin(clip: Clip) -> None:
    face = get_face("head-02@low")
    skin = face.parts["skin"].stop
    offsets = clip.vertices("low", soft_tissue=False, noise=False)
    assert offsets.shape == (30, skin, 3) and offsets.dtype == np.float32
    posed = face.pose(clip.motion.values)[:, :skin]
    np.testing.assert_allclose(offsets + face.vertices[:skin], posed, atol=1e-7)
    assert clip.vertices("low", part="all").shape == (30, len(face.vertices), 3)
    assert clip.vertices(None).shape[1] == get_face("head-02@medium").parts["skin"].stop


def test_flesh_and_scanner_add_a_little(clip: Clip) -> None:
    rigid = clip.vertices("low", soft_tissue=False, noise=False)
    clean = clip.vertices("low", noise=False)
    scanned = clip.vertices("low")
    lag = np.linalg.norm(clean - rigid, axis=2).max()
    assert 1e-5 < lag < 5e-3
    noise = np.sqrt(np.mean(np.sum((scanned - clean) ** 2, axis=2)))
    assert 2e-5 < noise < 5e-4
    np.testing.assert_array_equal(scanned, clip.vertices("low"))


def test_each_truth_was_scanned_on_its_own(clip: Clip) -> None:
    noise = [clip.vertices("low", truth=t) - clip.vertices("low", truth=t, noise=False)
             for t in (0, 1)]  # fmt: skip
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.2


def test_a_clip_without_a_noise_seed_is_clean(clip: Clip) -> None:
    plain = Clip("p", "ben", clip.source, clip.truths)
    np.testing.assert_array_equal(plain.vertices("low"), clip.vertices("low", noise=False))


def test_resolutions_agree_at_landmarks(clip: Clip) -> None:
    places = []
    for resolution in ("low", "medium"):
        marks = get_face(f"head-02@{resolution}").landmarks
        index = [int(marks[name][0]) for name in ("chin", "mouth_corner_left", "nose_tip")]
        places.append(clip.vertices(resolution)[:, index])
    np.testing.assert_allclose(places[0], places[1], atol=2e-5)


def test_blendshapes_by_name(clip: Clip) -> None:
    np.testing.assert_array_equal(clip.blendshapes(), clip.motion.values)
    beat = clip.blendshapes("beat", truth=1)
    assert beat.shape == (30, 51)
    jaw = BEAT_NAMES.index("jawOpen")
    np.testing.assert_array_equal(beat[:, jaw], clip.truths[1].values[:, ARKIT_INDEX["jawOpen"]])
    pair = clip.blendshapes(["tongueOut", "jawOpen"])
    np.testing.assert_array_equal(pair[:, 1], clip.motion.values[:, ARKIT_INDEX["jawOpen"]])


def test_the_order_of_beat() -> None:
    assert len(BEAT_NAMES) == 51 and "tongueOut" not in BEAT_NAMES
    # The first and the last of the "names" in BEAT's own files.
    assert BEAT_NAMES[:3] == ("browDownLeft", "browDownRight", "browInnerUp")
    assert BEAT_NAMES[-2:] == ("noseSneerLeft", "noseSneerRight")
    assert set(BEAT_NAMES) < set(ARKIT_NAMES)


def test_frame_rates(clip: Clip) -> None:
    fast = clip.blendshapes(fps=60)
    assert fast.shape == (72, 52)
    times = np.minimum(np.arange(72) / 60, 29 / 25)
    for k in (ARKIT_INDEX["jawOpen"], ARKIT_INDEX["eyeBlinkLeft"]):
        expected = np.interp(times, np.arange(30) / 25, clip.motion.values[:, k])
        np.testing.assert_allclose(fast[:, k], expected, atol=1e-5)
    assert clip.blendshapes(fps=1).shape == (1, 52)


def test_clips_of_vertices_keep_to_their_mesh() -> None:
    skin = get_face("head-01@low").parts["skin"].stop
    values = np.random.default_rng(0).normal(0, 1e-3, (4, skin, 3)).astype(np.float32)
    motion = Motion(values, "vertices", face_id="head-01@low")
    clip = Clip("v", "ada", np.zeros(2560, np.float32), (motion,))
    np.testing.assert_allclose(clip.vertices("low"), values, atol=1e-7)
    with pytest.raises(UserError, match="holds vertices"):
        clip.vertices("medium")
    with pytest.raises(UserError, match="fit_coefficients"):
        clip.blendshapes()


def test_errors(clip: Clip) -> None:
    with pytest.raises(UserError, match="no number 2"):
        clip.vertices(truth=2)
    with pytest.raises(UserError, match="order"):
        clip.blendshapes("vocaset")
    with pytest.raises(UserError, match="jawUp"):
        clip.blendshapes(["jawUp"])
    with pytest.raises(UserError, match="above 0"):
        clip.blendshapes(fps=0.0)
    with pytest.raises(UserError, match="at most 1000"):
        clip.blendshapes(fps=1e12)
    with pytest.raises(UserError, match="resolution"):
        clip.vertices("huge")


def test_views_by_name() -> None:
    assert parse_view("coefficients") == ("blendshapes", "arkit")
    assert parse_view("vertices@medium") == ("vertices", "medium")
    assert parse_view("blendshapes@beat") == ("blendshapes", "beat")
    assert parse_view("vertices") == ("vertices", "")
    for wrong in ("vertices@", "vertices@huge", "blendshapes@vocaset", "", "pixels@low"):
        with pytest.raises(UserError, match="no view"):
            parse_view(wrong)


def test_speakers_left_out() -> None:
    def clip(name: str, speaker: str) -> Clip:
        motion = Motion(np.zeros((3, 52), np.float32), "coefficients")
        return Clip(name, speaker, np.zeros(1920, np.float32), (motion,))

    clips = (clip("a1", "ada"), clip("a2", "ada"), clip("s1", "slt"), clip("s2", "slt"),
             clip("k1", "awb"))  # fmt: skip
    splits = {"train": ("a1", "s1"), "test_seen": ("a2", "s2"), "test_unseen": ("k1",)}
    heads = dict.fromkeys(("ada", "slt", "awb"), "head-01@low")
    corpus = Corpus("c", clips, splits, ("ada", "slt", "awb"), heads)
    smaller = corpus.without(["slt"])
    assert smaller.splits == {
        "train": ("a1",), "test_seen": ("a2",), "test_unseen": ("k1",), "test_left_out": ("s2",),
    }  # fmt: skip
    assert smaller.speakers == corpus.speakers and len(smaller) == 5
    assert corpus.without([]).splits == splits
    with pytest.raises(UserError, match="no speaker 'bob'"):
        corpus.without(["bob"])
    with pytest.raises(UserError, match="Nobody"):
        corpus.without(["ada", "slt"])
