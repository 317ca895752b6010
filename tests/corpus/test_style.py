from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from talking_heads.corpus.style import LIMITS, SPEAKERS, Style, get_speaker, random_style
from talking_heads.errors import UserError
from talking_heads.speech import SEEN_VOICES, UNSEEN_VOICES, VOICES, random_voice


def test_speakers() -> None:
    assert tuple(SPEAKERS) == SEEN_VOICES + UNSEEN_VOICES
    assert [name for name, person in SPEAKERS.items() if not person.seen] == list(UNSEEN_VOICES)
    assert len(SPEAKERS) == len({person.identity for person in SPEAKERS.values()}) == 16
    assert len({person.style for person in SPEAKERS.values()}) == 16
    assert all(abs(person.style.offset) <= 0.015 for person in SPEAKERS.values())


def test_every_habit_has_limits() -> None:
    assert list(LIMITS) == [item.name for item in fields(Style)]
    assert Style() == Style.from_dict({})


@pytest.mark.parametrize(
    ("trait", "habit", "sign"), [("fast", "amplitude", -1), ("spread", "spread", 1)]
)
def test_a_part_of_the_style_can_be_heard(trait: str, habit: str, sign: int) -> None:
    from talking_heads.corpus.style import audible_traits

    voices = [random_voice(seed) for seed in range(300)]
    heard = [audible_traits(voice)[trait] for voice in voices]
    styles = [getattr(random_style([5, i], voice), habit) for i, voice in enumerate(voices)]
    together = sign * np.corrcoef(heard, styles)[0, 1]
    assert 0.3 < together < 0.95
    # The rest is the speaker's own.
    assert random_style(1, voices[0]) != random_style(2, voices[0])
    assert random_style(1, voices[0]) == random_style(1, voices[0])


def test_lively_voices_have_lively_brows() -> None:
    lively, flat = VOICES["jack"], VOICES["eve"]
    brows = [
        np.mean([random_style(seed, v).brow for seed in range(200)]) for v in (lively, None, flat)
    ]
    assert brows[0] > brows[1] + 0.04 > brows[2] + 0.08


def test_round_trip_and_errors() -> None:
    style = SPEAKERS["ada"].style
    assert Style.from_dict(style.to_dict()) == style
    with pytest.raises(UserError, match="no 'volume'"):
        Style.from_dict({"volume": 3})
    with pytest.raises(UserError, match="offset must be"):
        Style(offset=0.02)
    with pytest.raises(UserError, match="amplitude must be"):
        Style(amplitude=float("nan"))
    with pytest.raises(UserError, match="Choose from ada"):
        get_speaker("zoe")


@pytest.mark.parametrize(
    "values",
    [
        {"brow": "high"},
        {"brow": None},
        {"brow": True},
        {"brow": [0.1]},
        {"brow": 5},
        {"brow": 10**400},
        {"brow": 1j},
        {"brow": 1e999},
    ],
)
def test_from_dict_refuses_what_is_no_number_in_range(values: dict[str, object]) -> None:
    with pytest.raises(UserError, match="brow must be"):
        Style.from_dict(values)


def test_from_dict_refuses_what_is_no_mapping() -> None:
    with pytest.raises(UserError, match="mapping"):
        Style.from_dict(["brow"])  # type: ignore[arg-type]
