"""What turns in the browser instead of being sent: the eyes, the lids and the head.

Rotations are no sums of a few fixed shapes: a head that turns would cost half as many principal
components again, over the whole mesh. So eyes, lids and head travel as angles, some 30 bytes a
frame, and the browser turns them. That also lets it add blinks, gaze and motion of the head to a
motion that lacks them, and go on with them while nothing plays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.face.alive import added_life
from talking_heads.face.life import FULL_GAZE, Liveliness, liveliness
from talking_heads.face.names import ARKIT_INDEX as K
from talking_heads.face.names import ARKIT_NAMES
from talking_heads.face.rig import MEETING, gaze_angles, lid_angles, turn_head, turn_x

if TYPE_CHECKING:
    from collections.abc import Mapping

    from talking_heads.face import Face
    from talking_heads.face.motion import Motion

Floats = NDArray[np.float32]

STEP = 1e-4
"""Angles, in radians, and shares are sent as whole multiples of this."""
IDLE_SECONDS = 28.0
"""Length of the loop that plays while nothing else does."""

_SIDES = ("Left", "Right")
_CURVES = ("yaw", "pitch", "blink", "drop", "rise")


def turning_header(face: Face) -> dict[str, Any]:
    """Return the constants of the rig that the browser needs, as what JSON can hold."""

    def at(name: str) -> list[float]:
        one = np.zeros((1, len(ARKIT_NAMES)))
        one[0, K[name]] = 1.0
        angles = [*gaze_angles(one, "Left"), *lid_angles(one, "Left")]
        return [round(float(a[0, 0]), 6) for a in angles]

    return {
        "step": STEP,
        "meeting": MEETING,
        # By how much one unit of gaze turns the eye (yaw, pitch) and moves its lids (drop, rise).
        "gaze": {way: at(f"eyeLook{way}Left") for way in ("Out", "Up", "Down")},
        "centres": [[round(float(x), 6) for x in eye.center] for eye in face._eyes],
        "pivot": [round(float(x), 6) for x in face._pivot],
        "steady": [float(x) for x in FULL_GAZE],
        "idleFps": 25.0,
    }


def turning_arrays(face: Face) -> dict[str, NDArray[Any]]:
    """Return which vertices turn with the eyes, the lids and the head, and how far."""
    index = np.uint16 if len(face.vertices) <= 65_536 else np.uint32
    arrays: dict[str, NDArray[Any]] = {
        "share": np.round(face._head_share * 65_535).astype(np.uint16)
    }
    for number, eye in enumerate(face._eyes):
        arrays[f"ball{number}"] = eye.ball.astype(index)
        for name, joint in (("upper", eye.upper), ("lower", eye.lower)):
            arrays[f"{name}{number}"] = joint.index.astype(index)
            arrays[f"{name}Weight{number}"] = joint.weight.astype(np.float32)
    return arrays


def turning_curves(motion: Motion) -> dict[str, NDArray[Any]]:
    """Return the angles of a motion as whole steps.

    Returns
    -------
    dict of ndarray
        ``eyes`` (frame, 2, 5) int16: yaw, pitch, blink, and drop and rise of the lids of an eye
        that does not blink, of the left and the right eye; all 0 for a motion of vertices, whose
        eyes are where its vertices are. ``rotation`` (frame, 3) float32: pitch, yaw and roll.
    """
    frames = len(motion)
    eyes = np.zeros((frames, 2, len(_CURVES)), np.int16)
    if motion.kind == "coefficients":
        c = np.clip(motion.values, 0.0, 1.0)
        for number, side in enumerate(_SIDES):
            blink = c[:, K[f"eyeBlink{side}"], None]
            angles = [*gaze_angles(c, side), blink, *lid_angles(c, side)]
            eyes[:, number] = np.round(np.concatenate(angles, axis=1) / STEP)
    rotation = motion.head_rotation
    head = np.zeros((frames, 3), np.float32) if rotation is None else rotation
    return {"eyes": eyes, "rotation": head}


def life_arrays(motion: Motion, face: Face, seed: int) -> dict[str, NDArray[Any]]:
    """Return the life that can be added to a motion, and a loop of it for when nothing plays.

    Returns
    -------
    dict of ndarray
        ``life`` (frame, 6) and ``idle`` (frame, 6) int16, in steps: blink, gaze to the face's
        left and up, and pitch, yaw and roll of the head. ``life`` holds what the motion lacks.
        The browser steadies the gaze against the turns of the head.
    """
    loop = liveliness(round(IDLE_SECONDS * 25), 25.0, seed, loop=True)
    idle = Liveliness(loop.blink, loop.gaze, 0.7 * loop.head)
    return {"life": _steps(added_life(motion, seed, face)), "idle": _steps(idle)}


def _steps(life: Liveliness) -> NDArray[np.int16]:
    columns = np.concatenate([life.blink[:, None], life.gaze, life.head], axis=1)
    return np.round(columns / STEP).astype(np.int16)


def turn_eyes(
    vertices: Floats,
    eyes: NDArray[np.int16],
    arrays: Mapping[str, NDArray[Any]],
    header: Mapping[str, Any],
    *,
    back: bool = False,
) -> None:
    """Turn the eyes and lids of straight heads as the browser does, in place.

    Parameters
    ----------
    vertices : ndarray of float32, shape (frame, vertex, 3)
        Metres.
    eyes : ndarray
        As of `turning_curves`, for these frames.
    arrays, header
        As of `turning_arrays` and `turning_header`.
    back : bool
        Undo what the turning has done.
    """
    sign = -1.0 if back else 1.0
    for number, centre in enumerate(np.asarray(header["centres"], np.float32)):
        yaw, pitch, blink, drop, rise = (eyes[:, number].T * STEP).astype(np.float32)[..., None]
        meeting = header["meeting"]
        drop = meeting * blink + (1 - blink) * drop
        rise = (1 - meeting) * blink + (1 - blink) * rise
        for name, angle in (("upper", drop), ("lower", -rise)):
            weight = sign * arrays[f"{name}Weight{number}"]
            index = arrays[f"{name}{number}"].astype(np.int64)
            turn_x(vertices, index, centre[1:], angle * weight)
        if not (yaw.any() or pitch.any()):
            continue
        ball = arrays[f"ball{number}"]
        p = vertices[:, ball] - centre
        x, y, z = p[..., 0], p[..., 1], p[..., 2]
        if back:
            x, z = _plane(x, z, -yaw)
            z, y = _plane(z, y, -pitch)
        else:
            z, y = _plane(z, y, pitch)
            x, z = _plane(x, z, yaw)
        vertices[:, ball] = np.stack([x, y, z], -1) + centre


def _plane(first: Any, second: Any, angle: Any) -> tuple[Any, Any]:
    """Turn points in a plane, from the second axis toward the first."""
    c, s = np.cos(angle), np.sin(angle)
    return c * first + s * second, c * second - s * first


def turn_heads(
    vertices: Floats,
    rotation: Floats,
    arrays: Mapping[str, NDArray[Any]],
    header: Mapping[str, Any],
) -> Floats:
    """Turn straight heads by ``rotation`` (frame, 3) as the browser does."""
    share = arrays["share"] / np.float32(65_535)
    return turn_head(vertices, rotation, np.asarray(header["pivot"], np.float32), share)
