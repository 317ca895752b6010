"""Rooms: what walls add to a voice.

A room is an impulse response: the direct sound at time 0, then reflections that grow denser and
die away. The direct sound is not delayed, so a face stays in step with the voice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError
from talking_heads.speech.audio import SAMPLE_RATE

_FIRST_REFLECTION = 0.004
"""Seconds after the direct sound at which the earliest wall answers: a way 1.4 m longer."""
_CROSSOVER = 2_000.0
"""Hz; above it the sound dies away faster, because walls and air take more of it."""
_TREBLE = 0.6
"""Decay time above the crossover, as a share of that below."""


@dataclass(frozen=True)
class Room:
    """A room, with a speaker and a microphone in it.

    Parameters
    ----------
    name : str
        What it is called.
    seconds : float
        Reverberation time: the level falls by 60 dB in it; 0.05 to 3.
    direct_to_reverberant_db : float
        Energy of the direct sound over that of all reflections, -10 to 40 dB. It falls with the
        distance of the microphone.
    seed : int
        Of the reflections.

    Raises
    ------
    UserError
        If a value is not of its kind or out of its range.
    """

    name: str
    seconds: float
    direct_to_reverberant_db: float
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not 0 < len(self.name) <= 40:
            raise UserError(
                f"A room's name is a text of 1 to 40 characters, not {self.name!r:.50}."
            )
        for key, low, high in (("seconds", 0.05, 3), ("direct_to_reverberant_db", -10, 40)):
            value = getattr(self, key)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or not low <= value <= high:
                raise UserError(
                    f"Room {self.name!r}: {key} must be from {low} to {high}, not {value!r:.40}."
                )
        if type(self.seed) is not int or self.seed < 0:
            raise UserError(f"Room {self.name!r}: the seed must be a whole number from 0.")

    def to_dict(self) -> dict[str, Any]:
        """Return the room as plain values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Room:
        """Build a room from what `to_dict` returns; `UserError` if it is not that."""
        known = {item.name for item in fields(cls)}
        if not isinstance(values, Mapping) or not {*known, "seed"} >= set(values) >= known - {
            "seed"
        }:
            raise UserError(f"A room has the values: {', '.join(sorted(known))}.")
        return cls(**values)


ROOMS: dict[str, Room] = {
    room.name: room
    for room in (
        Room("booth", 0.12, 18.0, 1),
        Room("bedroom", 0.30, 12.0, 2),
        Room("office", 0.45, 9.0, 3),
        Room("kitchen", 0.60, 7.0, 4),
        Room("hall", 1.10, 6.0, 5),
    )
}
"""Rooms by name, from dry to reverberant, with the microphone at half a metre to two metres."""


def get_room(room: Room | str) -> Room:
    """Return a room of `ROOMS` by its name; `UserError` if there is none. A `Room` stays itself."""
    if isinstance(room, Room):
        return room
    if not isinstance(room, str) or room not in ROOMS:
        raise UserError(f"There is no room {room!r:.40}.\nChoose one of: {', '.join(ROOMS)}.")
    return ROOMS[room]


def room_response(room: Room | str) -> NDArray[np.float32]:
    """Return the impulse response of a room.

    Noise that dies away exponentially, sparse at first (single reflections) and dense later,
    faster above 2 kHz.

    Parameters
    ----------
    room : Room or str
        A room, or a name of `ROOMS`.

    Returns
    -------
    ndarray of float32
        ``(samples,)`` at 16 kHz, as long as the reverberation time; 1 at index 0, the direct
        sound.
    """
    room = get_room(room)
    rng = np.random.default_rng([8111, room.seed])
    time = np.arange(round(room.seconds * SAMPLE_RATE)) / SAMPLE_RATE
    # Reflections come in ever greater number, as the square of time, until every sample has one.
    density = np.minimum(1.0, 0.02 + (time / 0.05) ** 2)
    tail = rng.standard_normal(len(time)) * (rng.random(len(time)) < density) / np.sqrt(density)
    spectrum = np.fft.rfft(tail, 2 * len(time))
    frequency = np.fft.rfftfreq(2 * len(time), 1 / SAMPLE_RATE)
    low_pass = 1 / (1 + (frequency / _CROSSOVER) ** 2)
    low = np.fft.irfft(spectrum * low_pass)[: len(time)]
    # 60 dB are a factor of 1000 in amplitude.
    decay = np.log(1000.0) / room.seconds
    tail = low * np.exp(-decay * time) + (tail - low) * np.exp(-decay / _TREBLE * time)
    tail[: round(_FIRST_REFLECTION * SAMPLE_RATE)] = 0
    energy = 10.0 ** (-room.direct_to_reverberant_db / 10.0)
    tail *= np.sqrt(energy / np.sum(tail**2))
    tail[0] = 1.0
    return tail.astype(np.float32)


def add_room(audio: NDArray[np.float32], room: Room | str) -> NDArray[np.float32]:
    """Let a voice sound in a room.

    Parameters
    ----------
    audio : ndarray of float32
        ``(samples,)`` at 16 kHz.
    room : Room or str
        A room, or a name of `ROOMS`.

    Returns
    -------
    ndarray of float32
        ``(samples,)``: as long as before, what rings on after the end is cut; the direct sound is
        where it was, at its level.

    Raises
    ------
    UserError
        If there is no such room.
    """
    response = room_response(room).astype(np.float64)
    length = 1 << (len(audio) + len(response) - 2).bit_length() if len(audio) else 1
    product = np.fft.rfft(audio, length) * np.fft.rfft(response, length)
    return np.fft.irfft(product, length)[: len(audio)].astype(np.float32)
