import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import butter, sosfilt

from talking_heads.errors import UserError
from talking_heads.speech import ROOMS, SAMPLE_RATE, Room, add_room, room_response

rooms = st.builds(
    Room,
    name=st.just("some"),
    seconds=st.floats(0.05, 1.5),
    direct_to_reverberant_db=st.floats(-10, 40),
    seed=st.integers(0, 2**32),
)


@given(rooms)
def test_direct_sound_is_first_and_the_rest_has_its_energy(room: Room) -> None:
    response = room_response(room)
    assert response.dtype == np.float32 and response[0] == 1
    assert len(response) == round(room.seconds * SAMPLE_RATE)
    # Nothing answers within 4 ms.
    assert not response[1 : int(0.004 * SAMPLE_RATE)].any()
    energy = np.sum(response[1:].astype(np.float64) ** 2)
    assert -10 * np.log10(energy) == pytest.approx(room.direct_to_reverberant_db, abs=0.01)


@pytest.mark.parametrize("name", ["office", "kitchen", "hall"])
def test_sound_dies_away_in_the_stated_time(name: str) -> None:
    # Below 1 kHz, by backward integration (Schroeder, JASA 1965): from -5 to -25 dB.
    response = room_response(name).astype(np.float64)
    response[0] = 0
    low = sosfilt(butter(4, 1000, fs=SAMPLE_RATE, output="sos"), response)
    left = np.cumsum(low[::-1] ** 2)[::-1]
    decay = 10 * np.log10(left / left[0])
    seconds = 3 * (np.argmax(decay < -25) - np.argmax(decay < -5)) / SAMPLE_RATE
    assert seconds == pytest.approx(ROOMS[name].seconds, rel=0.15)


def test_adding_a_room_is_convolution() -> None:
    audio = np.random.default_rng(0).standard_normal(4000).astype(np.float32)
    expected = np.convolve(audio, room_response("bedroom"))[:4000]
    np.testing.assert_allclose(add_room(audio, "bedroom"), expected, atol=1e-4)
    assert add_room(audio[:0], "hall").shape == (0,)
    assert add_room(audio[:1], "hall").shape == (1,)


def test_nothing_sounds_before_it_is_said() -> None:
    audio = np.zeros(8000, np.float32)
    audio[3000] = 1
    wet = add_room(audio, "hall")
    assert np.abs(wet[:3000]).max() < 1e-6 and wet[3000] == pytest.approx(1, abs=1e-5)


def test_rooms_get_wetter_in_their_order() -> None:
    times = [room.seconds for room in ROOMS.values()]
    ratios = [room.direct_to_reverberant_db for room in ROOMS.values()]
    assert times == sorted(times) and ratios == sorted(ratios, reverse=True)
    assert all(name == room.name for name, room in ROOMS.items())
    assert not np.array_equal(room_response("hall"), room_response(Room("hall", 1.1, 6.0, 99)))


def test_rooms_go_through_json() -> None:
    for room in ROOMS.values():
        assert Room.from_dict(json.loads(json.dumps(room.to_dict()))) == room
    assert Room.from_dict({"name": "a", "seconds": 1, "direct_to_reverberant_db": 3}).seed == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "1 to 40"),
        ({"name": 3}, "1 to 40"),
        ({"seconds": 0.0}, "from 0.05 to 3"),
        ({"seconds": float("nan")}, "from 0.05 to 3"),
        ({"seconds": "long"}, "from 0.05 to 3"),
        ({"seconds": True}, "from 0.05 to 3"),
        ({"direct_to_reverberant_db": 99}, "from -10 to 40"),
        ({"seed": -1}, "whole number"),
        ({"seed": 1.5}, "whole number"),
        ({"walls": 4}, "has the values"),
    ],
)
def test_rooms_that_do_not_fit(change: dict, words: str) -> None:
    with pytest.raises(UserError) as caught:
        Room.from_dict({**ROOMS["hall"].to_dict(), **change})
    message = str(caught.value)
    assert words in message and len(message.splitlines()) <= 3


def test_unknown_rooms() -> None:
    for room in ("cathedral", None, 3):
        with pytest.raises(UserError, match="Choose one of: booth"):
            room_response(room)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="has the values"):
        Room.from_dict([])  # type: ignore[arg-type]
    with pytest.raises(UserError, match="has the values"):
        Room.from_dict({"name": "a"})
