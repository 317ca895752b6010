"""From the curves of the mouth to the 52 shapes, in the manner of one speaker.

The rules give one curve a parameter. A face adds its own: one side moves more, the jaw swings
aside, the corners are dimpled or drawn down, and cheeks and nose help where the lips spread.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from talking_heads.corpus.style import Style
from talking_heads.corpus.variation import Wander
from talking_heads.face import ARKIT_INDEX, ARKIT_NAMES

Array = NDArray[np.float64]


def with_protrusion(curves: Mapping[str, Array], protrusion: float) -> dict[str, Array]:
    """Change how the lips round: narrowed, or thrust forward with the jaw.

    Parameters
    ----------
    curves : mapping of str to ndarray
        ``(frame,)`` for each of `visemes.PARAMETERS`.
    protrusion : float
        -1 narrowed to 1 thrust forward.

    Returns
    -------
    dict of str to ndarray
        The same curves, with other ones for pucker, funnel, jaw and upper lip.
    """
    out = dict(curves)
    rounding = np.clip(curves["mouthPucker"] + curves["mouthFunnel"], 0, 1)
    forward = max(protrusion, 0.0) * rounding
    out["mouthFunnel"] = curves["mouthFunnel"] * (1 + 0.3 * protrusion)
    out["mouthPucker"] = curves["mouthPucker"] * (1 - 0.12 * protrusion)
    out["jawForward"] = curves["jawForward"] + 0.18 * forward
    out["mouthShrugUpper"] = curves["mouthShrugUpper"] + 0.10 * forward
    return out


def to_shapes(
    curves: Mapping[str, Array], activity: Array, style: Style, wander: Wander
) -> NDArray[np.float64]:
    """Write the curves of the mouth into the 52 shapes.

    Parameters
    ----------
    curves : mapping of str to ndarray
        ``(frame,)`` for each of `visemes.PARAMETERS`.
    activity : ndarray
        ``(frame,)`` 0 at rest to 1 in speech.
    style : Style
        The speaker's habits.
    wander : Wander
        What follows nothing in the voice.

    Returns
    -------
    ndarray
        ``(frame, 52)``, 0 to 1.
    """
    curves = with_protrusion(curves, style.protrusion)
    out = np.zeros((len(activity), len(ARKIT_NAMES)))
    rounding = np.clip(curves["mouthPucker"] + curves["mouthFunnel"], 0, 1)
    free = 1 - rounding
    smile = np.maximum(style.smile + wander.smile, 0) * free
    corners = style.corners * activity + wander.corners * (0.3 + 0.7 * activity)
    spread = curves["mouthStretch"] + curves["mouthSmile"]
    dimple = np.maximum(corners, 0) * (0.10 + 0.25 * spread) * free
    frown = np.maximum(-corners, 0) * (0.12 + 0.10 * curves["jawOpen"]) * free
    # A corner that is drawn up is not drawn down as well.
    frown = np.maximum(frown - smile, 0)
    uneven = style.asymmetry + wander.tilt
    extra = {"mouthSmile": smile, "mouthDimple": dimple, "mouthFrown": frown}
    for name in [*curves, "mouthFrown"]:
        if name in ARKIT_INDEX:
            out[:, ARKIT_INDEX[name]] = curves[name]
            continue
        values = extra.get(name, 0.0) + curves.get(name, 0.0)
        out[:, ARKIT_INDEX[f"{name}Left"]] = values * (1 + uneven)
        out[:, ARKIT_INDEX[f"{name}Right"]] = values * (1 - uneven)
    swing = style.jaw_side * curves["jawOpen"]
    side = style.mouth_side * activity + wander.side * (0.3 + 0.7 * activity)
    for name, values in (("jaw", swing), ("mouth", side)):
        out[:, ARKIT_INDEX[f"{name}Left"]] = np.maximum(values, 0)
        out[:, ARKIT_INDEX[f"{name}Right"]] = np.maximum(-values, 0)
    for half in ("Left", "Right"):
        raised = out[:, ARKIT_INDEX[f"mouthSmile{half}"]]
        lifted = out[:, ARKIT_INDEX[f"mouthUpperUp{half}"]]
        out[:, ARKIT_INDEX[f"cheekSquint{half}"]] = (0.3 + 0.5 * style.effort) * raised
        out[:, ARKIT_INDEX[f"noseSneer{half}"]] = style.effort * (0.5 * lifted + 0.2 * raised)
    return np.clip(out, 0, 1)
