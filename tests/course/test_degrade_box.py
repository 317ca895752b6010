"""The box with sliders: what it shows is what the metrics say of what the sliders do."""

import re

import numpy as np
import pytest

from talking_heads.corpus import Clip
from talking_heads.course.degrade_box import PRESETS, degrade_box
from talking_heads.course.metric_rows import ROWS, Ruler, skin_offsets
from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX, Motion, get_face
from talking_heads.metrics.degradations import Degradation, degrade
from talking_heads.speech import Phoneme


def babble(seed, frames=40):
    """A mouth that opens and closes twice a second, with its own brows."""
    rng = np.random.default_rng(seed)
    values = np.zeros((frames, 52), np.float32)
    times = np.arange(frames) / 25
    jaw = 0.35 - 0.25 * np.cos(4 * np.pi * times)
    values[:, ARKIT_INDEX["jawOpen"]] = jaw
    values[:, ARKIT_INDEX["mouthClose"]] = np.where(jaw < 0.2, jaw + 0.1, 0)
    values[:, ARKIT_INDEX["mouthPucker"]] = 0.2 * jaw
    values[:, ARKIT_INDEX["browInnerUp"]] = 0.3 + 0.2 * np.sin(times * rng.uniform(2, 4))
    return Motion(values, "coefficients", face_id="neutral@low", speaker="ada")


@pytest.fixture(scope="module")
def clip():
    sounds = (Phoneme("m", 0.0, 0.08), Phoneme("a", 0.08, 0.4), Phoneme("b", 0.44, 0.54))
    audio = np.zeros(40 * 640, np.float32)
    return Clip("babble", "ada", audio, (babble(0), babble(1)), phonemes=sounds)


@pytest.fixture
def box(clip):
    return degrade_box(clip, {"the truth": clip.motion, "another truth": clip.truths[1]})


def cell(box, name, column):
    row = re.search(rf"<tr><th scope='row'>{re.escape(name)}\b(.*?)</tr>", box.table.value)
    return re.findall(r"<td>(.*?)</td>", row.group(1))[column]


def bar(box, name):
    row = re.search(rf"<tr><th scope='row'>{re.escape(name)}\b(.*?)</tr>", box.table.value)
    return float(re.search(r"width:([\d.]+)%", row.group(1)).group(1))


def test_untouched_it_is_the_truth(box):
    for row in ROWS:
        assert row.error(box.figures) == pytest.approx(0, abs=1e-9), row.name
        assert bar(box, row.name) == 0
    assert "The truth, nothing changed" in box.table.value
    assert cell(box, "p, b, m closed", 0) == "100"


def test_a_slider_changes_figures_table_curves_and_player(box, clip):
    before = box.player.content
    box.sliders["shift"].value = 3
    expected = Ruler(clip).figures(degrade(clip.motion, shift=3))
    assert box.figures == expected and expected["lve"] > 0.001
    assert cell(box, "LVE, distance", 0) == f"{1000 * expected['lve']:.2f}"
    assert "3 frames late" in box.table.value
    assert box.player.content["heads"][0] == before["heads"][0], "the truth stays"
    assert box.player.content["heads"][1] != before["heads"][1]
    spoiled = box.curves.panels[0].curves[1].values
    true = box.curves.panels[0].curves[0].values
    np.testing.assert_allclose(spoiled[3:], true[:-3], atol=1e-4)


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "Reset"])
def test_each_preset_spoils_what_it_says_and_reset_brings_all_back(box, name):
    box.buttons[name].click()
    assert box.degradation == PRESETS[name]
    worse = {row.key for row in ROWS if row.error(box.figures) > 1e-8}
    if name == "Frozen brows":
        assert worse == {"mve", "fdd", "mbe"}, "no metric of the lips may notice"
    else:
        assert {"lve", "lve_squared", "lve_meshtalk", "mod", "mve", "mbe", "lbe"} <= worse
    box.buttons["Reset"].click()
    assert box.figures["lve"] == 0 and box.degradation == Degradation()


def test_the_still_face_fills_two_thirds_of_every_bar(box):
    box.buttons["Still face"].click()
    for row in ROWS:
        assert bar(box, row.name) == pytest.approx(100 / 1.5, abs=0.1), row.name
        assert cell(box, row.name, 0) == cell(box, row.name, 2)


def test_another_start_is_measured_against_the_first_truth(box):
    box.start.value = "another truth"
    assert cell(box, "MBE", 0) == cell(box, "MBE", 1) != cell(box, "MBE", 2)
    assert "Another truth, nothing changed" in box.table.value
    box.sliders["frozen_upper_face"].value = True
    assert "Another truth, upper face frozen" in box.table.value


def test_set_moves_all_sliders_with_one_update(box, monkeypatch):
    updates = []
    monkeypatch.setattr(box.player, "update", lambda *a, **k: updates.append(a))
    box.set(Degradation(shift=-99, smoothing=5, noise=0.02, frozen_upper_face=True))
    assert len(updates) == 1
    assert box.degradation == Degradation(
        shift=-8, smoothing=5, noise=0.02, frozen_upper_face=True
    ), "beyond its end a slider stops"


def test_words_and_still(box):
    text = repr(box)
    assert text.startswith("Sliders that spoil a motion, two heads")
    assert "Now: the truth, nothing changed. LVE, distance 0.00 mm" in text
    bundle = box._repr_mimebundle_()
    assert bundle["text/plain"] == text
    assert bundle["image/png"].startswith("iVBOR")


def test_names_are_escaped(clip):
    box = degrade_box(clip, {"<b>mine</b>": clip.motion})
    assert "<b>mine</b>" not in box.table.value
    assert "&lt;b&gt;" in box.table.value


def test_it_begins_where_it_is_told(clip):
    box = degrade_box(clip, degradation=Degradation(smoothing=9))
    assert box.sliders["smoothing"].value == 9
    assert box.figures["lve"] > 0


def test_a_clip_with_one_truth_has_no_second_column(clip):
    single = Clip("one", "ada", clip.audio, (clip.motion,), phonemes=clip.phonemes)
    box = degrade_box(single)
    assert cell(box, "LVE, distance", 1) == ""


def test_what_cannot_be_spoiled_is_refused(clip):
    vertices = Motion(np.zeros((40, 4, 3), np.float32), "vertices")
    with pytest.raises(UserError, match="vertices"):
        degrade_box(clip, {"mesh": vertices})
    with pytest.raises(UserError, match="frames"):
        degrade_box(clip, {"short": babble(2, 12)})
    with pytest.raises(UserError, match="no motion"):
        degrade_box(clip, {})


def test_a_motion_of_one_frame_less_is_measured_over_what_both_have(clip):
    shorter = Motion(clip.motion.values[:-1], "coefficients")
    assert Ruler(clip).figures(shorter)["lve"] < 1e-8


def test_offsets_are_those_of_the_corpus(clip):
    np.testing.assert_allclose(
        skin_offsets(clip.motion, "neutral@medium"), clip.vertices("low", noise=False), atol=1e-7
    )
    assert (
        len(skin_offsets(clip.motion, "neutral@low")[0])
        == get_face("neutral@low").parts["skin"].stop
    )


def test_rows_show_no_negative_zero():
    fdd = next(row for row in ROWS if row.key == "fdd")
    assert fdd.text({"fdd": -1e-12}) == "0.00 mm²"
