"""How a person speaks: what differs from speaker to speaker beside the shape of the head."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from talking_heads.errors import UserError
from talking_heads.speech import SEEN_VOICES, UNSEEN_VOICES

MAX_OFFSET = 0.015
"""Largest timing offset in seconds. More cannot be heard from the voice, and so not learnt."""


@dataclass(frozen=True)
class Style:
    """The habits of one speaker.

    Parameters
    ----------
    amplitude : float
        Factor on how far the mouth opens, about 0.8 to 1.15.
    offset : float
        Seconds by which the mouth follows (above 0) or leads the voice, at most `MAX_OFFSET`.
    rounding : float
        Factor on pucker and funnel.
    spread : float
        Factor on stretch and smile in sounds that have them.
    upper_lip : float
        Factor on the motion of the upper lip.
    asymmetry : float
        Positive: the left side of the mouth moves more; about -0.2 to 0.2.
    smile : float
        Smile that is always there, 0 to 0.2.
    press : float
        Factor on how hard the lips press in p, b and m.
    blinks : float
        Blinks a minute.
    blink_length : float
        Seconds from lid fall to lid rise.
    brow : float
        Height of the brow motion that follows stress, 0 to 0.6.
    brow_rest : float
        Resting height of the brows; below 0 they are lowered.
    brow_free : float
        Size of brow motion that follows nothing in the voice.
    gaze : float
        Size of the gaze shifts, as a fraction of the eyes' full range.

    Raises
    ------
    UserError
        If `offset` is above `MAX_OFFSET`, or a value is not finite.
    """

    amplitude: float = 1.0
    offset: float = 0.0
    rounding: float = 1.0
    spread: float = 1.0
    upper_lip: float = 1.0
    asymmetry: float = 0.0
    smile: float = 0.0
    press: float = 1.0
    blinks: float = 15.0
    blink_length: float = 0.208
    brow: float = 0.3
    brow_rest: float = 0.0
    brow_free: float = 0.08
    gaze: float = 0.12

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not np.isfinite(value):
                raise UserError(f"The style's {name} must be a finite number, not {value}.")
        if abs(self.offset) > MAX_OFFSET + 1e-9:
            raise UserError(
                f"A style's offset is at most {MAX_OFFSET * 1000:.0f} ms, "
                f"not {self.offset * 1000:.0f} ms."
            )

    def to_dict(self) -> dict[str, float]:
        """Return the habits as plain numbers."""
        return {key: float(value) for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Style:
        """Build a style from `to_dict`'s output; unknown names raise `UserError`."""
        unknown = set(values) - {item.name for item in fields(cls)}
        if unknown:
            raise UserError(f"A style has no {sorted(unknown)[0]!r}.")
        return cls(**{key: float(value) for key, value in values.items()})


@dataclass(frozen=True)
class Speaker:
    """One speaker of the course corpus: a voice, a head and a style.

    Parameters
    ----------
    name : str
        Also the name of the voice in `talking_heads.speech.VOICES`.
    identity : str
        Which head, ``"head-01"`` to ``"head-16"``.
    seen : bool
        Whether models may be trained on the speaker.
    style : Style
        The speaker's habits.
    """

    name: str
    identity: str
    seen: bool
    style: Style


def _speaker(index: int, name: str) -> Speaker:
    """Draw a speaker's habits; the seed is the index, so the table never changes by itself."""
    rng = np.random.default_rng([20, index])
    style = Style(
        amplitude=round(rng.uniform(0.82, 1.12), 3),
        offset=round(rng.uniform(-MAX_OFFSET, MAX_OFFSET), 4),
        rounding=round(rng.uniform(0.75, 1.12), 3),
        spread=round(rng.uniform(0.6, 1.2), 3),
        upper_lip=round(rng.uniform(0.6, 1.3), 3),
        asymmetry=round(float(np.clip(rng.normal(0.0, 0.09), -0.2, 0.2)), 3),
        smile=round(float(rng.choice([0.0, 0.04, 0.12]) * rng.uniform(0.7, 1.2)), 3),
        press=round(rng.uniform(0.7, 1.3), 3),
        blinks=round(rng.uniform(8.0, 26.0), 1),
        blink_length=round(rng.uniform(0.18, 0.27), 3),
        brow=round(rng.uniform(0.12, 0.5), 3),
        brow_rest=round(rng.uniform(-0.08, 0.10), 3),
        brow_free=round(rng.uniform(0.03, 0.12), 3),
        gaze=round(rng.uniform(0.06, 0.20), 3),
    )
    return Speaker(name, f"head-{index + 1:02d}", name in SEEN_VOICES, style)


SPEAKERS: dict[str, Speaker] = {
    name: _speaker(index, name) for index, name in enumerate([*SEEN_VOICES, *UNSEEN_VOICES])
}
"""The 16 speakers of the course corpus: twelve to train on, four that stay unheard."""


def get_speaker(name: str) -> Speaker:
    """Return a speaker of the course corpus; raises `UserError` for an unknown name."""
    if name not in SPEAKERS:
        raise UserError(f"There is no speaker {name!r}. Choose from {', '.join(SPEAKERS)}.")
    return SPEAKERS[name]
