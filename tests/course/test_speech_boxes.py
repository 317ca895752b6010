"""The boxes of notebook 02: units under a speaking head, and a head that is early or late."""

import io

import numpy as np
import pytest
from PIL import Image

from talking_heads.corpus import Clip
from talking_heads.course import lag_box as lag_module
from talking_heads.course.figures import png_of
from talking_heads.course.lag_box import closure_middles, gaps_at, lag_box, lag_figure
from talking_heads.course.mouth_curves import gap_curve
from talking_heads.course.sound_panels import SpectrogramPanel, UnitPanel, WavePanel
from talking_heads.course.units_box import Units, as_sounds, units_box
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, Motion
from talking_heads.speech import Phoneme

SHUT = (10, 11, 12, 25, 26)


def talk(frames=40, frame_rate=25.0):
    """A mouth that is open, save for three frames at 0.44 s and two at 1.02 s."""
    values = np.zeros((frames, 52), np.float32)
    values[:, ARKIT_INDEX["jawOpen"]] = 0.5
    for frame in filter(lambda frame: frame < frames, SHUT):
        values[frame, ARKIT_INDEX["jawOpen"]] = 0.0
    return Motion(values, "coefficients", frame_rate, face_id="neutral@low", speaker="ada")


SOUNDS = (
    Phoneme("a", 0.0, 0.40),
    Phoneme("p", 0.40, 0.56, release=0.48),
    Phoneme("a", 0.56, 1.0),
    Phoneme("m", 1.0, 1.04),
    Phoneme("a", 1.04, 1.6),
)


@pytest.fixture(scope="module")
def clip():
    audio = 0.1 * np.sin(np.arange(40 * 640) * 0.2).astype(np.float32)
    return Clip("babble", "ada", audio, (talk(),), text="apama", phonemes=SOUNDS)


@pytest.fixture
def box(clip):
    return lag_box(clip, 2)


def test_in_step_all_closures_are_shut_and_off_by_two_none(box):
    early, true, late = box.gaps()
    assert (true < 0.1).all() and len(true) == 2
    assert early.min() > 3 and late.min() > 3
    assert "2 frames are 80 ms" in box.status.value
    assert "in step 2 of 2 (0.0 mm apart)" in box.status.value
    assert "early 0 of 2" in box.status.value and "late 0 of 2" in box.status.value
    box.slider.value = 1
    assert "1 frame is 40 ms" in box.status.value


def test_the_slider_moves_heads_and_curves(box, clip):
    before = box.player.content["heads"]
    box.slider.value = 3
    after = box.player.content["heads"]
    assert after[1] == before[1] and after[0] != before[0] and after[2] != before[2]
    true, early, late = (np.asarray(c.values) for c in box.curves.panels[0].curves)
    np.testing.assert_allclose(true, gap_curve(clip.motion))
    np.testing.assert_array_equal(early[:-3], true[3:])
    np.testing.assert_array_equal(late[3:], true[:-3])
    for motion, gap in zip(box.motions(), (early, true, late), strict=True):
        np.testing.assert_allclose(gap_curve(motion), gap, atol=1e-4)
    box.slider.value = 0
    for motion in box.motions():
        np.testing.assert_array_equal(motion.values, clip.motion.values)


def test_closures_are_shaded_up_to_their_release(box):
    assert box.curves.content["panels"][0]["spans"] == [(0.4, 0.48), (1.0, 1.04)]
    assert [sign for sign, _, _ in box.curves.content["phonemes"]] == ["p", "m"]


def test_words_and_a_still_of_the_moment_that_tells(box):
    text = repr(box)
    assert text.startswith("A slider from 0 to 6 frames, three heads")
    assert "2 stretches are shaded" in text and "Now: 2 frames are 80 ms" in text
    assert "object at" not in text
    heads = np.asarray(Image.open(io.BytesIO(box.still)).convert("L")).astype(int)
    wide = heads.shape[1] // 3
    early, true, late = (heads[:, i * wide : (i + 1) * wide] for i in range(3))
    assert np.abs(early - true).max() > 30 and np.abs(late - true).max() > 30
    assert np.abs(early - late).max() < 30, "both mouths are open alike"
    assert box._repr_mimebundle_()["image/png"].startswith("iVBOR")


def test_a_curve_is_read_as_the_player_shows_it():
    np.testing.assert_allclose(gaps_at(np.array([0.0, 1, 3]), [0, 0.02, 0.08, 9]), [0, 0.5, 3, 3])
    np.testing.assert_allclose(gaps_at(np.array([0.0, 1, 3]), [0.05], 30.0), [2.0])


def test_closures_behind_the_motion_do_not_count(clip):
    short = Clip("cut", "ada", clip.audio[: 20 * 640], (talk(20),), phonemes=SOUNDS)
    assert closure_middles(short) == [pytest.approx(0.44)]


def test_the_figure_names_each_gap(clip):
    figure, words = lag_figure(clip, (-2, 0, 2))
    assert "in the middle of the p" in words or "in the middle of the m" in words
    assert "80 ms early" in words and "in step 0.0 mm" in words and "80 ms late" in words
    assert len(png_of(figure)) < 30_000
    _, words = lag_figure(clip, (0,), moment=0.44)
    assert "at 0.44 s, in the middle of the p" in words


def test_what_cannot_lag_is_told(clip):
    with pytest.raises(UserError, match="0 to 6"):
        lag_box(clip, lag_module.MOST + 1)
    silent = Clip("s", "ada", clip.audio, (talk(),), phonemes=(Phoneme("a", 0, 1.6),))
    with pytest.raises(UserError, match="Nobody says p, b or m"):
        lag_box(silent)
    mesh = Clip("v", "ada", clip.audio, (Motion(np.zeros((40, 4, 3)), "vertices"),))
    with pytest.raises(UserError, match="coefficients"):
        lag_figure(mesh)
    with pytest.raises(UserError, match="1 to 9"):
        lag_figure(clip, ())


def by_turns(length):
    return Units(
        f"turns of {length}",
        lambda audio: np.arange(len(audio) // 320) // length % 3,
        ["#aa0000", "#00aa00", "#0000aa"],
    )


def test_units_stand_below_spectrogram_and_waveform(clip):
    box = units_box(clip, [by_turns(10), by_turns(20)])
    panels = box.curves.panels
    kinds = [SpectrogramPanel, WavePanel, UnitPanel, UnitPanel]
    assert [type(panel) for panel in panels] == kinds
    assert panels[2].runs() == [(10 * i, 10 * i + 10, i % 3) for i in range(8)]
    assert "1.60 s, 5 sounds, 80 frames in 8 cells" in box.status.value
    text = repr(box)
    assert "turns of 10: 8 cells of 3 different units" in text
    assert "turns of 20: 4 cells" in text and "object at" not in text
    assert box._repr_mimebundle_()["image/png"].startswith("iVBOR")


def test_units_of_one_sound_are_one_cell_of_their_sounds_row(clip):
    units = Units("u", by_turns(10).find, ["#aa0000", "#00aa00", "#0000aa"], ["s", "", "s"])
    row = as_sounds(units, "sounds").panel(clip.audio)
    # Units 0 1 2 0 1 2 0 1 of ten frames each say s pause s s pause s s pause.
    assert row.runs() == [(0, 10, 0), (10, 20, 1), (20, 40, 0), (40, 50, 1), (50, 70, 0),
                          (70, 80, 1)]  # fmt: skip
    assert row.signs == ["s", ""] and row.colors == ["#aa0000", "#dfe5ec"]
    with pytest.raises(UserError, match="no signs"):
        as_sounds(by_turns(3), "sounds")


def test_another_clip_has_other_units(clip):
    short = Clip("short", "ben", clip.audio[: 20 * 640], (talk(20),), phonemes=SOUNDS[:2])
    box = units_box([clip, short], by_turns(5))
    assert [label for label, _ in box.menu.options] == ["ada: apama", "ben: short"]
    seconds, heads = box.curves.content["seconds"], box.player.content["heads"]
    box.menu.value = 1
    assert box.clip is short and box.curves.content["seconds"] == seconds / 2
    assert box.player.content["heads"] != heads
    assert "40 frames in 8 cells" in box.status.value
    assert len(box.curves.content["phonemes"]) == 2


def test_what_cannot_be_shown_is_told(clip):
    with pytest.raises(UserError, match="a clip and a row"):
        units_box([], by_turns(5))
    with pytest.raises(UserError, match="a clip and a row"):
        units_box(clip, [])
    silent = Clip("s", "ada", clip.audio, (talk(),))
    with pytest.raises(UserError, match="no phonemes"):
        units_box(silent, by_turns(5))
    with pytest.raises(UserError, match="units beyond its 1 colours"):
        units_box(clip, Units("one", lambda audio: np.array([0, 1]), ["#000000"]))
