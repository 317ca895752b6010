"""What the mouth aims at: visemes, their targets and how strongly they insist on them.

A viseme is a class of sounds that look alike. Each has a target for a dozen mouth parameters and
a strength, after Cohen and Massaro, "Modeling coarticulation in synthetic visual speech" (1993).
A low strength makes a sound transparent: its neighbours decide how the mouth looks.

The targets are our own, in ARKit units, set by eye and by the lip aperture of the course head.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PARAMETERS: tuple[str, ...] = (
    "jawOpen",
    "jawForward",
    "mouthFunnel",
    "mouthPucker",
    "mouthStretch",
    "mouthSmile",
    "mouthDimple",
    "mouthLowerDown",
    "mouthUpperUp",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "mouthPress",
    "cheekPuff",
    "tongueOut",
)
"""The parameters that speech drives. Those with a left and a right shape appear once here."""


@dataclass(frozen=True)
class Viseme:
    """A class of sounds that look alike.

    Parameters
    ----------
    name : str
        Name of the class.
    targets : mapping of str to float
        Target of each of `PARAMETERS`, 0 to 1; what is missing is 0.
    strength : float
        Peak of the dominance function (Cohen and Massaro's alpha), above 0.
    strengths : mapping of str to float
        Strengths of single parameters where they differ from `strength`.
    aperture : float, optional
        Gap between the lips in metres that the sound needs whatever surrounds it. Negative
        values press the lips together: for a bilabial the lips aim past each other and meet
        while still fast (Löfqvist and Gracco, JASA 1997).
    """

    name: str
    targets: Mapping[str, float] = field(default_factory=dict)
    strength: float = 1.0
    strengths: Mapping[str, float] = field(default_factory=dict)
    aperture: float | None = None

    def target(self, parameter: str) -> float:
        """Return the target of one of `PARAMETERS`."""
        return self.targets.get(parameter, 0.0)

    def strength_of(self, parameter: str) -> float:
        """Return the strength with which the sound asks for the target of `parameter`."""
        return self.strengths.get(parameter, self.strength)


def _viseme(
    name: str,
    strength: float = 1.0,
    *,
    strengths: Mapping[str, float] | None = None,
    aperture: float | None = None,
    **targets: float,
) -> Viseme:
    unknown = set(targets) - set(PARAMETERS)
    assert not unknown, unknown
    return Viseme(name, targets, strength, strengths or {}, aperture)


# Rounding is weak in these sounds, so that it spreads through them from a rounded neighbour.
_UNROUNDED = {"mouthPucker": 0.12, "mouthFunnel": 0.12}

VISEMES: dict[str, Viseme] = {
    viseme.name: viseme
    for viseme in (
        _viseme("pause", 0.8, mouthPress=0.04),
        _viseme(
            "bilabial",
            1.0,
            strengths={"jawOpen": 0.55, "mouthSmile": 0.2, "mouthStretch": 0.2, **_UNROUNDED},
            aperture=-0.0015,
            jawOpen=0.08,
            mouthPress=0.30,
            mouthRollLower=0.14,
            mouthRollUpper=0.08,
            mouthShrugLower=0.10,
            mouthDimple=0.05,
        ),
        _viseme(
            "labiodental",
            1.4,
            strengths={"jawOpen": 0.8, "mouthStretch": 0.3, **_UNROUNDED},
            aperture=0.0020,
            jawOpen=0.09,
            mouthRollLower=0.70,
            mouthUpperUp=0.30,
            mouthShrugLower=0.10,
            mouthDimple=0.06,
        ),
        _viseme(
            "dental",
            0.8,
            strengths=_UNROUNDED,
            jawOpen=0.15,
            mouthLowerDown=0.22,
            mouthUpperUp=0.08,
            mouthStretch=0.12,
            tongueOut=0.20,
        ),
        _viseme(
            "alveolar",
            0.35,
            strengths={"jawOpen": 0.5, **_UNROUNDED},
            jawOpen=0.12,
            mouthLowerDown=0.18,
            mouthStretch=0.08,
        ),
        _viseme(
            "lateral",
            0.45,
            strengths=_UNROUNDED,
            jawOpen=0.17,
            mouthLowerDown=0.18,
        ),
        _viseme(
            "sibilant",
            1.0,
            strengths={"mouthPucker": 0.2, "mouthFunnel": 0.2},
            jawOpen=0.06,
            jawForward=0.20,
            mouthStretch=0.26,
            mouthLowerDown=0.24,
            mouthUpperUp=0.10,
            mouthDimple=0.08,
        ),
        _viseme(
            "postalveolar",
            1.1,
            jawOpen=0.06,
            jawForward=0.24,
            mouthFunnel=0.45,
            mouthPucker=0.25,
            mouthLowerDown=0.15,
            mouthUpperUp=0.12,
            mouthShrugUpper=0.12,
            mouthShrugLower=0.08,
        ),
        _viseme(
            "velar",
            0.22,
            strengths=_UNROUNDED,
            jawOpen=0.20,
            mouthLowerDown=0.15,
        ),
        _viseme("glottal", 0.08, jawOpen=0.22, mouthLowerDown=0.10),
        _viseme(
            "rhotic",
            0.7,
            jawOpen=0.12,
            mouthFunnel=0.32,
            mouthPucker=0.30,
            mouthLowerDown=0.06,
            mouthShrugUpper=0.06,
            jawForward=0.05,
        ),
        _viseme(
            "labiovelar",
            1.4,
            aperture=0.0024,
            jawOpen=0.07,
            mouthPucker=0.76,
            mouthFunnel=0.30,
            mouthShrugLower=0.12,
            mouthShrugUpper=0.06,
            jawForward=0.06,
        ),
        _viseme(
            "palatal",
            0.6,
            strengths={"mouthPucker": 0.2, "mouthFunnel": 0.2},
            jawOpen=0.10,
            mouthStretch=0.20,
            mouthSmile=0.16,
            mouthLowerDown=0.12,
            mouthDimple=0.06,
        ),
        _viseme(
            "close_front",
            1.0,
            jawOpen=0.15,
            mouthStretch=0.32,
            mouthSmile=0.30,
            mouthLowerDown=0.22,
            mouthUpperUp=0.06,
            mouthDimple=0.12,
        ),
        _viseme(
            "near_close_front",
            0.9,
            jawOpen=0.21,
            mouthStretch=0.18,
            mouthSmile=0.12,
            mouthLowerDown=0.22,
            mouthDimple=0.06,
        ),
        _viseme(
            "mid_front",
            1.0,
            jawOpen=0.34,
            mouthStretch=0.24,
            mouthSmile=0.08,
            mouthLowerDown=0.28,
            mouthUpperUp=0.10,
            mouthDimple=0.05,
        ),
        _viseme(
            "open_front",
            1.0,
            jawOpen=0.54,
            mouthStretch=0.30,
            mouthSmile=0.05,
            mouthLowerDown=0.34,
            mouthUpperUp=0.15,
        ),
        _viseme(
            "open_back",
            1.0,
            jawOpen=0.62,
            mouthStretch=0.06,
            mouthLowerDown=0.26,
            mouthUpperUp=0.10,
        ),
        _viseme(
            "open_rounded",
            1.0,
            jawOpen=0.50,
            mouthFunnel=0.28,
            mouthPucker=0.08,
            mouthLowerDown=0.15,
        ),
        _viseme(
            "mid_rounded",
            1.1,
            jawOpen=0.27,
            mouthFunnel=0.48,
            mouthPucker=0.30,
            mouthLowerDown=0.08,
            mouthShrugLower=0.06,
            jawForward=0.04,
        ),
        _viseme(
            "open_central",
            0.9,
            jawOpen=0.42,
            mouthStretch=0.10,
            mouthLowerDown=0.24,
            mouthUpperUp=0.06,
        ),
        _viseme("schwa", 0.4, strengths=_UNROUNDED, jawOpen=0.22, mouthLowerDown=0.15),
        _viseme(
            "mid_central",
            0.9,
            jawOpen=0.24,
            mouthFunnel=0.20,
            mouthPucker=0.08,
            mouthLowerDown=0.12,
        ),
        _viseme(
            "near_close_rounded",
            1.0,
            jawOpen=0.16,
            mouthPucker=0.52,
            mouthFunnel=0.32,
            mouthShrugLower=0.06,
            mouthShrugUpper=0.04,
            jawForward=0.05,
        ),
        _viseme(
            "close_rounded",
            1.3,
            jawOpen=0.08,
            mouthPucker=0.76,
            mouthFunnel=0.32,
            mouthShrugLower=0.10,
            mouthShrugUpper=0.06,
            jawForward=0.08,
        ),
    )
}
"""All visemes by name."""

VOWELS = frozenset(
    {
        "close_front",
        "near_close_front",
        "mid_front",
        "open_front",
        "open_back",
        "open_rounded",
        "mid_rounded",
        "open_central",
        "schwa",
        "mid_central",
        "near_close_rounded",
        "close_rounded",
    }
)
"""Names of the visemes that are vowels."""
