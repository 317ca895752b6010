"""The 52 ARKit blendshape names, in Apple's documented order."""

from __future__ import annotations

_EYE = ("Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")
_MOUTH_PAIRS = ("Smile", "Frown", "Dimple", "Stretch")
_MOUTH_PAIRS_2 = ("Press", "LowerDown", "UpperUp")


def _pairs(prefix: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{prefix}{name}{side}" for name in names for side in ("Left", "Right"))


ARKIT_NAMES: tuple[str, ...] = (
    *(f"eye{name}Left" for name in _EYE),
    *(f"eye{name}Right" for name in _EYE),
    *("jawForward", "jawLeft", "jawRight", "jawOpen"),
    *("mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight"),
    *_pairs("mouth", _MOUTH_PAIRS),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *_pairs("mouth", _MOUTH_PAIRS_2),
    *("browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    *("cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight"),
    "tongueOut",
)
"""The 52 names; ``Left`` is the face's own left, the viewer's right."""

ARKIT_INDEX: dict[str, int] = {name: i for i, name in enumerate(ARKIT_NAMES)}
"""Column of each name in a ``(frame, 52)`` array of coefficients."""

BEAT_NAMES: tuple[str, ...] = tuple(sorted(set(ARKIT_NAMES) - {"tongueOut"}))
"""The 51 names of the BEAT data set, in its order: alphabetical, without the tongue."""
