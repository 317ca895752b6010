from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from talking_heads.errors import UserError
from talking_heads.face import ARKIT_INDEX as K
from talking_heads.face import Motion, get_face, motion_vertices
from talking_heads.face.alive import added_life, emphasis_of, enliven, lacking
from talking_heads.face.life import blink_curve, liveliness, steadied


def blinks_in(lid):
    return int(((lid[1:] > 0.5) & (lid[:-1] <= 0.5)).sum())


@pytest.fixture(scope="module")
def minutes():
    return [liveliness(1500, 25.0, seed) for seed in range(20)]


def test_people_blink_about_fifteen_times_a_minute_and_not_all_alike(minutes):
    counts = [blinks_in(life.blink) for life in minutes]
    assert 12 < np.mean(counts) < 19
    assert min(counts) >= 6
    assert max(counts) <= 28
    assert np.std(counts) > 0.5
    for life in minutes:
        assert life.blink.min() >= 0
        assert life.blink.max() > 0.97  # shut on a frame, not only between two


def test_eyes_fixate_and_mostly_look_at_the_viewer(minutes):
    for life in minutes:
        moving = np.abs(np.diff(life.gaze, axis=0)).max(1) > 0.02
        assert moving.mean() < 0.2  # a fixation lasts far longer than the way to the next
        assert np.abs(life.gaze).max() <= 0.45
    away = np.concatenate([np.abs(life.gaze).max(1) > 0.1 for life in minutes])
    assert 0.1 < away.mean() < 0.4


def test_the_head_is_never_still_and_never_turns_far_or_fast(minutes):
    for life in minutes:
        angles = np.degrees(life.head)
        assert (np.abs(angles).max(0) <= (7, 10, 5)).all()
        assert (angles.std(0) > (0.3, 0.6, 0.2)).all()
        assert np.abs(np.diff(angles, axis=0)).max() * 25 < 60  # degrees a second


def test_the_head_nods_with_stress():
    time = np.arange(500) / 25
    stress = 0.5 + 0.5 * np.sin(2 * np.pi * 1.1 * time)
    pairs = [
        (liveliness(500, 25.0, seed, emphasis=stress).head, liveliness(500, 25.0, seed).head)
        for seed in range(5)
    ]
    for nodding, still in pairs:
        nods = np.degrees((nodding - still)[:, 0])
        assert np.corrcoef(nods, stress)[0, 1] > 0.7
        assert 0.8 < np.ptp(nods) < 6


def test_a_loop_leads_back_into_its_beginning():
    for seed in range(10):
        life = liveliness(700, 25.0, seed, loop=True)
        assert life.blink[0] == life.blink[-1] == 0
        step = np.abs(np.diff(life.head, axis=0)).max(0)
        assert (np.abs(life.head[0] - life.head[-1]) <= step).all()
        assert not np.array_equal(life.head[0], life.head[300])


def test_the_same_seed_gives_the_same_life_at_any_rate():
    one, again, other = (liveliness(200, 25.0, seed) for seed in (3, 3, 4))
    assert np.array_equal(one.head, again.head)
    assert not np.array_equal(one.head, other.head)
    assert blinks_in(liveliness(3600, 60.0, 5).blink) == pytest.approx(15, abs=9)
    assert len(liveliness(0)) == 0
    assert len(liveliness(1)) == 1


def test_the_look_stays_while_the_head_turns(minutes):
    life = minutes[0]
    # The eye turns by 28 degrees to the side at gaze 1.
    world = steadied(life)[:, 0] * np.radians(28) + life.head[:, 1]
    assert np.abs(world - life.gaze[:, 0] * np.radians(28)).max() < 1e-3


def test_a_blink_by_hand():
    time = np.array([-0.1, 0.0, 0.036, 0.072, 0.1, 0.2, 0.5])
    np.testing.assert_allclose(blink_curve(time, 0.2), [0, 0, 0.5, 1, 1, 0, 0], atol=1e-9)


def test_a_blink_falls_faster_than_it_rises():
    time = np.linspace(0, 0.21, 400)
    shut = blink_curve(time)
    assert shut[0] == shut[-1] == 0
    assert shut.max() == 1
    half = time[shut > 0.5]
    peak = time[shut > 0.999].mean()
    assert peak - half[0] < half[-1] - peak


@pytest.mark.parametrize(
    "options",
    [
        {"fps": 0.0},
        {"fps": np.nan},
        {"fps": 1e6},
        {"seed": -1},
        {"emphasis": [1.0]},
        {"emphasis": [np.inf] * 10},
    ],
)
def test_what_does_not_fit_is_refused(options):
    with pytest.raises(UserError):
        liveliness(10, **options)


def mouth_only(babble, frames=300):
    values = babble(frames).values.copy()
    for name, index in K.items():
        if name.startswith("eye"):
            values[:, index] = 0
    return Motion(values, "coefficients", face_id="neutral@low")


def test_a_motion_gets_what_it_lacks_and_keeps_what_it_has(babble):
    plain = mouth_only(babble)
    lack = lacking(plain)
    assert (lack.blinks, lack.gaze, lack.head) == (True, True, True)
    alive = enliven(plain, seed=2)
    lack = lacking(alive)
    assert (lack.blinks, lack.gaze, lack.head) == (False, False, False)
    others = [i for name, i in K.items() if not name.startswith("eye")]
    assert np.array_equal(alive.values[:, others], plain.values[:, others])
    assert alive.values.min() >= 0
    assert alive.values.max() <= 1
    again = enliven(alive, seed=3)
    assert np.array_equal(again.values, alive.values)
    assert np.array_equal(again.head_rotation, alive.head_rotation)


def test_a_motion_of_vertices_gets_the_same_life(babble):
    plain = mouth_only(babble, 200)
    face = get_face(plain.face_id)
    offsets = motion_vertices(plain) - face.vertices
    as_vertices = Motion(offsets, "vertices", face_id=plain.face_id)
    lack = lacking(as_vertices)
    assert (lack.blinks, lack.gaze, lack.head) == (True, True, True)
    seed = next(s for s in range(20) if added_life(plain, s).blink.max() > 0.9)
    one, other = enliven(plain, seed), enliven(as_vertices, seed)
    assert np.abs(motion_vertices(one) - motion_vertices(other)).max() < 1e-6
    lack = lacking(other)
    assert (lack.blinks, lack.gaze, lack.head) == (False, False, False)


def test_a_motion_of_the_skin_alone_comes_alive_too(babble):
    plain = mouth_only(babble, 100)
    face = get_face(plain.face_id)
    skin = (motion_vertices(plain) - face.vertices)[:, face.parts["skin"]]
    motion = Motion(skin, "vertices", face_id=plain.face_id)
    lack = lacking(motion)
    assert (lack.blinks, lack.gaze, lack.head) == (True, True, True)
    alive = enliven(motion, 1)
    assert alive.values.shape == (100, len(face.vertices), 3)
    assert alive.head_rotation.any()
    blinking = Motion(
        (motion_vertices(babble(100)) - face.vertices)[:, face.parts["skin"]],
        "vertices",
        face_id=plain.face_id,
    )
    assert not lacking(blinking).blinks


def test_tired_lids_stay_down_and_the_look_allows_for_the_head(babble):
    plain = mouth_only(babble)
    values = plain.values.copy()
    values[:, K["eyeBlinkLeft"]] = 0.3
    tired = replace(plain, values=values)
    life, alive = added_life(tired, 2), enliven(tired, 2)
    assert life.blink.max() > 0.9 and np.ptp(life.head, axis=0).min() > 0.01
    lid = alive.values[:, K["eyeBlinkLeft"]]
    assert np.array_equal(lid, np.maximum(life.blink, np.float32(0.3)))
    look = alive.values[:, K["eyeLookOutLeft"]] - alive.values[:, K["eyeLookInLeft"]]
    np.testing.assert_allclose(look, steadied(life)[:, 0], atol=1e-6)


@pytest.mark.parametrize("count", [1, 1141, 1143, 5518])
def test_vertices_of_another_head_are_refused(count):
    stray = Motion(np.zeros((5, count, 3), np.float32), "vertices", face_id="neutral@low")
    for function in (lacking, added_life, enliven):
        with pytest.raises(UserError, match="1142 of them skin"):
            function(stray)


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_the_shortest_motions_come_alive(babble, frames):
    face = get_face("neutral@low")
    coefficients = Motion(babble(3).values[:frames], "coefficients", face_id=face.id)
    skin = (motion_vertices(coefficients) - face.vertices)[:, face.parts["skin"]]
    for motion in (coefficients, Motion(skin, "vertices", face_id=face.id)):
        alive = enliven(motion)
        assert len(alive) == frames
        assert alive.head_rotation.shape == (frames, 3)


def test_turns_of_its_own_stay(babble):
    rotation = np.random.default_rng(0).normal(0, 0.05, (300, 3)).astype(np.float32)
    alive = enliven(replace(mouth_only(babble), head_rotation=rotation))
    assert np.array_equal(alive.head_rotation, rotation)


def test_emphasis_lies_where_the_mouth_opens():
    assert not emphasis_of(np.zeros(50), 25).any()
    assert len(emphasis_of([], 25)) == 0
    gap = np.zeros(100)
    gap[40:50] = 0.01
    stress = emphasis_of(gap, 25)
    assert stress.max() == 1
    assert np.argmax(stress) in range(40, 50)
    assert stress[:25].max() < 0.05
