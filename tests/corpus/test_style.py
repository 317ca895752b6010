from __future__ import annotations

import pytest

from talking_heads.corpus.style import SPEAKERS, Style, get_speaker
from talking_heads.errors import UserError


def test_speakers() -> None:
    assert [name for name, person in SPEAKERS.items() if not person.seen] == [
        "maya",
        "noah",
        "awb",
        "kal16",
    ]
    assert sum(person.seen for person in SPEAKERS.values()) == 12
    assert len({person.identity for person in SPEAKERS.values()}) == 16
    assert len({person.style for person in SPEAKERS.values()}) == 16
    assert all(abs(person.style.offset) <= 0.015 for person in SPEAKERS.values())


def test_round_trip_and_errors() -> None:
    style = SPEAKERS["ada"].style
    assert Style.from_dict(style.to_dict()) == style
    with pytest.raises(UserError, match="no 'volume'"):
        Style.from_dict({"volume": 3})
    with pytest.raises(UserError, match="offset must be"):
        Style(offset=0.02)
    with pytest.raises(UserError, match="finite"):
        Style(amplitude=float("nan"))
    with pytest.raises(UserError, match="Choose from ada"):
        get_speaker("zoe")
