"""Who the head is: the identity parameters, the sixteen heads of the course, and others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talking_heads.errors import UserError

Array = NDArray[np.float64]

_PARAMETERS: dict[str, tuple[float, str]] = {
    # name: (value of the neutral head, meaning); shape parameters run from about -1 to 1
    "head_width": (0.0, "breadth of skull and face"),
    "face_length": (0.0, "height of the face below the eyes"),
    "forehead": (0.0, "height of the forehead"),
    "jaw_width": (0.0, "breadth at the angle of the jaw"),
    "chin": (0.0, "how far the chin comes forward and down"),
    "cheekbones": (0.0, "prominence of the cheekbones"),
    "cheeks": (0.0, "fullness of the cheeks"),
    "brow_ridge": (0.0, "strength of the brow ridge"),
    "nose_length": (0.0, "length of the nose"),
    "nose_width": (0.0, "breadth of the wings of the nose"),
    "nose_depth": (0.0, "how far the tip of the nose comes forward"),
    "nose_bridge": (0.0, "height of the bridge of the nose"),
    "eye_spacing": (0.0, "distance between the eyes"),
    "eye_opening": (0.0, "height of the eye opening"),
    "eye_tilt": (0.0, "how far the outer corner of the eye lies above the inner"),
    "mouth_width": (0.0, "breadth of the mouth"),
    "lip_fullness": (0.0, "height and roundness of the red of the lips"),
    "neck_width": (0.0, "breadth of the neck"),
    "ear_size": (0.0, "size of the ears"),
    "brow_thickness": (0.0, "thickness of the eyebrows"),
    "skin_tone": (0.22, "0 very light to 1 very dark"),
    "skin_warmth": (0.5, "0 rosy to 1 golden"),
    "hair_shade": (0.25, "0 black over brown to 1 light blond"),
    "hair_red": (0.3, "0 ash to 1 red"),
    "hair_grey": (0.0, "0 none to 1 white"),
    "hair_length": (0.12, "0 cropped, 0.3 over the ears, 1 to the shoulders"),
    "hair_volume": (0.5, "0 flat to 1 full"),
    "hair_curl": (0.1, "0 straight to 1 curly"),
    "hair_part": (0.5, "side of the parting, -1 right to 1 left"),
    "hair_fringe": (0.0, "0 forehead free to 1 a fringe down to the brows"),
    "beard": (0.0, "0 shaven to 1 full"),
    "eye_hue": (0.35, "0 brown over green to 1 blue"),
    "lip_red": (0.3, "how much redder than the skin the lips are"),
    "shirt": (0.6, "hue of the shirt, 0 to 1 round the colour circle"),
}

IDENTITY_PARAMETERS: tuple[str, ...] = tuple(_PARAMETERS)
"""Names of the entries of an identity vector, in order."""

IDENTITY_MEANINGS: dict[str, str] = {name: text for name, (_, text) in _PARAMETERS.items()}
"""What each parameter changes."""

_SHAPE = IDENTITY_PARAMETERS[: IDENTITY_PARAMETERS.index("skin_tone")]
IDENTITY_RANGES: dict[str, tuple[float, float]] = {
    name: (-1.0, 1.0) if name in _SHAPE or name == "hair_part" else (0.0, 1.0)
    for name in IDENTITY_PARAMETERS
}
"""Least and largest value of each parameter; beyond them the surface folds over itself."""

_STEP = 0.01  # identities that are written into a name are rounded to this
_PERSON, _OWN = "person-", "own-"

# Hand-set, so that each head is a plausible person and no two look alike.
_HEADS: dict[str, dict[str, float]] = {
    "neutral": {},
    "head-01": dict(
        head_width=-0.5, face_length=-0.4, jaw_width=-0.7, chin=-0.3, cheekbones=0.5,
        nose_width=-0.5, nose_length=-0.4, eye_opening=0.5, eye_tilt=0.4, lip_fullness=0.5,
        neck_width=-0.8, brow_ridge=-0.7, brow_thickness=-0.4, skin_tone=0.12, hair_shade=0.75,
        hair_red=0.35, hair_length=0.85, hair_volume=0.6, eye_hue=0.95, lip_red=0.6, shirt=0.52,
    ),
    "head-02": dict(
        head_width=0.4, face_length=0.4, jaw_width=0.8, chin=0.6, brow_ridge=0.8,
        nose_length=0.4, nose_width=0.4, neck_width=0.8, brow_thickness=0.5, skin_tone=0.3,
        hair_shade=0.12, hair_length=0.05, beard=0.75, eye_hue=0.1, shirt=0.62,
        lip_fullness=-0.3,
    ),
    "head-03": dict(
        face_length=-0.2, jaw_width=-0.4, cheekbones=0.8, nose_width=0.8, nose_bridge=-0.5,
        lip_fullness=0.9, eye_tilt=0.3, neck_width=-0.6, brow_ridge=-0.5, skin_tone=0.82,
        skin_warmth=0.6, hair_shade=0.02, hair_red=0.1, hair_length=0.3, hair_volume=1.0,
        hair_curl=1.0, eye_hue=0.0, lip_red=0.55, shirt=0.12, mouth_width=0.2, eye_opening=0.3,
    ),
    "head-04": dict(
        head_width=-0.3, face_length=0.7, jaw_width=-0.1, chin=0.4, nose_length=0.8,
        nose_depth=0.6, cheeks=-0.6, eye_spacing=-0.3, skin_tone=0.16, skin_warmth=0.2,
        hair_shade=0.45, hair_red=0.95, hair_length=0.15, hair_volume=0.7, hair_curl=0.4,
        eye_hue=0.6, lip_fullness=-0.4, shirt=0.35, ear_size=0.4,
    ),
    "head-05": dict(
        head_width=0.2, face_length=-0.5, cheeks=0.7, jaw_width=0.1, chin=-0.5,
        nose_bridge=-0.7, nose_depth=-0.4, nose_width=0.1, eye_opening=-0.2, eye_tilt=0.6,
        brow_ridge=-0.8, neck_width=-0.6, skin_tone=0.2, skin_warmth=0.9, hair_shade=0.03,
        hair_red=0.0, hair_length=0.6, hair_volume=0.35, hair_part=0.0, eye_hue=0.05,
        lip_red=0.5, shirt=0.95, hair_fringe=0.8,
    ),
    "head-06": dict(
        head_width=0.5, forehead=0.5, face_length=0.1, cheeks=0.6, jaw_width=0.5, chin=0.1,
        nose_width=0.5, nose_length=0.5, skin_tone=0.2, skin_warmth=0.2, hair_grey=0.95,
        hair_shade=0.6, hair_length=0.06, hair_volume=0.1, beard=0.35, eye_hue=0.8,
        brow_thickness=0.6, ear_size=0.8, lip_fullness=-0.7, shirt=0.58, eye_opening=-0.4,
        neck_width=0.6,
    ),
    "head-07": dict(
        head_width=-0.2, face_length=0.2, jaw_width=-0.3, cheekbones=0.6, nose_length=0.2,
        nose_width=-0.2, eye_opening=0.4, lip_fullness=0.4, neck_width=-0.5, brow_thickness=0.4,
        brow_ridge=-0.3, skin_tone=0.5, skin_warmth=0.8, hair_shade=0.05, hair_length=1.0,
        hair_volume=0.5, hair_part=-0.4, eye_hue=0.05, lip_red=0.5, shirt=0.02, mouth_width=0.3,
    ),
    "head-08": dict(
        head_width=0.1, jaw_width=0.4, chin=0.2, cheekbones=0.4, nose_width=1.0,
        nose_bridge=-0.4, lip_fullness=0.8, neck_width=0.7, brow_ridge=0.5, skin_tone=0.95,
        skin_warmth=0.5, hair_shade=0.0, hair_red=0.0, hair_length=0.0, hair_volume=0.15,
        hair_curl=0.8, beard=0.3, eye_hue=0.0, lip_red=0.15, shirt=0.15, mouth_width=0.4,
    ),
    "head-09": dict(
        head_width=-0.4, face_length=0.4, jaw_width=-0.5, cheeks=-0.4, cheekbones=0.3,
        nose_depth=0.3, nose_width=-0.6, nose_bridge=0.5, eye_spacing=0.2, lip_fullness=0.0,
        neck_width=-0.7, brow_ridge=-0.4, skin_tone=0.08, skin_warmth=0.3, hair_shade=0.3,
        hair_red=0.6, hair_length=0.45, hair_volume=0.7, hair_curl=0.3, eye_hue=0.55,
        lip_red=0.7, shirt=0.42, forehead=0.3,
    ),
    "head-10": dict(
        head_width=0.9, face_length=-0.2, forehead=0.3, jaw_width=0.6, chin=0.1, cheeks=0.4,
        cheekbones=0.5, nose_bridge=-0.6, nose_depth=-0.5, eye_spacing=0.4, nose_width=0.3,
        eye_opening=-0.5, eye_tilt=0.5, brow_ridge=0.1, neck_width=0.5, skin_tone=0.3,
        skin_warmth=1.0, hair_shade=0.02, hair_red=0.0, hair_length=0.18, hair_volume=0.9,
        hair_part=0.8, eye_hue=0.02, lip_fullness=0.1, shirt=0.7,
    ),
    "head-11": dict(
        head_width=-0.1, face_length=-0.6, cheeks=0.9, jaw_width=-0.2, chin=-0.9,
        nose_length=-0.6, nose_width=0.0, nose_depth=-0.2, eye_opening=0.7, eye_spacing=0.3,
        brow_ridge=-0.8, neck_width=-0.9, skin_tone=0.1, skin_warmth=0.1, hair_shade=0.9,
        hair_red=0.5, hair_length=0.3, hair_volume=0.6, hair_part=-0.6, eye_hue=0.9,
        lip_red=0.6, lip_fullness=0.3, shirt=0.85, forehead=0.5,
    ),
    "head-12": dict(
        head_width=-0.2, face_length=0.8, jaw_width=0.2, chin=0.7, cheeks=-0.8, cheekbones=0.7,
        brow_ridge=0.6, nose_length=0.6, nose_depth=0.8, nose_width=-0.1, nose_bridge=0.7,
        skin_tone=0.42, skin_warmth=0.7, hair_shade=0.08, hair_length=0.25, hair_volume=0.6,
        hair_curl=0.6, beard=0.95, eye_hue=0.25, brow_thickness=0.8, shirt=0.3, neck_width=0.3,
    ),
    "head-13": dict(
        head_width=0.0, face_length=-0.4, cheeks=0.6, jaw_width=0.2, nose_length=0.7,
        eye_tilt=-0.4, eye_opening=-0.1, lip_fullness=-0.2, neck_width=-0.5, brow_ridge=-0.3,
        brow_thickness=-0.6, skin_tone=0.15, skin_warmth=0.3, hair_grey=0.85, hair_shade=0.7,
        hair_length=0.4, hair_volume=0.8, hair_curl=0.5, eye_hue=0.85, lip_red=0.5, shirt=0.78,
        nose_width=0.4, eye_spacing=-0.4, chin=-0.4,
    ),
    "head-14": dict(
        head_width=0.2, face_length=0.5, jaw_width=0.7, chin=0.3, cheeks=-0.4, nose_width=0.2,
        nose_bridge=0.3, brow_ridge=0.4, neck_width=0.9, skin_tone=0.65, skin_warmth=0.7,
        hair_shade=0.03, hair_length=0.08, hair_volume=0.3, hair_curl=0.7, beard=0.5,
        eye_hue=0.1, lip_fullness=0.5, shirt=0.48, eye_spacing=0.3, nose_length=0.5,
        nose_depth=0.4,
    ),
    "head-15": dict(
        head_width=-0.3, face_length=0.0, jaw_width=-0.6, chin=-0.1, cheekbones=0.9,
        nose_width=0.3, nose_bridge=0.5, eye_opening=0.3, eye_tilt=0.5, lip_fullness=0.8,
        neck_width=-0.8, brow_ridge=-0.5, skin_tone=0.7, skin_warmth=0.6, hair_shade=0.04,
        hair_red=0.2, hair_length=0.0, hair_volume=0.2, hair_curl=1.0, eye_hue=0.05,
        lip_red=0.7, shirt=0.08, ear_size=-0.2, mouth_width=0.6, nose_depth=0.3, forehead=0.7,
        eye_spacing=0.5,
    ),
    "head-16": dict(
        head_width=0.3, face_length=0.5, forehead=-0.3, jaw_width=0.3, chin=0.9, cheeks=-0.2,
        brow_ridge=0.9, nose_length=0.1, nose_depth=0.4, nose_width=0.3, eye_spacing=-0.3,
        eye_opening=-0.3, skin_tone=0.18, skin_warmth=0.4, hair_shade=0.95, hair_red=0.2,
        hair_length=0.12, hair_volume=0.9, hair_part=0.7, beard=0.15, eye_hue=1.0,
        mouth_width=0.5, lip_fullness=-0.3, shirt=0.98, neck_width=0.6,
    ),
}  # fmt: skip

IDENTITIES: tuple[str, ...] = tuple(_HEADS)
"""``"neutral"`` and ``"head-01"`` to ``"head-16"``."""


def identity_vector(name: str) -> Array:
    """Return the identity parameters of a head by its name.

    Parameters
    ----------
    name : str
        One of `IDENTITIES`; ``"person-7"`` for ``random_identity(7)``; or what `identity_name`
        returned.

    Returns
    -------
    ndarray
        ``(len(IDENTITY_PARAMETERS),)``.

    Raises
    ------
    UserError
        If there is no such head.
    """
    if name in _HEADS:
        return identity_from_dict(_HEADS[name])
    if re.fullmatch(_PERSON + "[0-9]{1,10}", name):
        return random_identity(int(name.removeprefix(_PERSON)))
    if name.startswith(_OWN):
        try:
            steps = np.frombuffer(bytes.fromhex(name.removeprefix(_OWN)), dtype=np.uint8)
        except ValueError:
            steps = np.zeros(0, dtype=np.uint8)
        low, high = np.array([IDENTITY_RANGES[key] for key in IDENTITY_PARAMETERS]).T
        if steps.shape == low.shape and (steps <= np.round((high - low) / _STEP)).all():
            return np.round(low + steps * _STEP, 2)
    raise UserError(
        f'There is no head "{name[:40]}".\n'
        'Choose "neutral", one of "head-01" to "head-16", or "person-" with any number.'
    )


def identity_name(vector: Array) -> str:
    """Return a name from which `identity_vector` gives the same head again, to 0.01.

    Parameters
    ----------
    vector : ndarray
        ``(len(IDENTITY_PARAMETERS),)``; it is cut to `IDENTITY_RANGES`.

    Returns
    -------
    str
        ``"own-"`` and two hexadecimal digits a parameter. A face id made of it
        (``f"{name}@low"``) says all there is to know about the head.

    Raises
    ------
    UserError
        If the vector has a wrong length or a value is not finite.
    """
    low = np.array([IDENTITY_RANGES[key][0] for key in IDENTITY_PARAMETERS])
    steps = np.round((Identity(vector).vector - low) / _STEP).astype(np.uint8)
    return _OWN + steps.tobytes().hex()


def identity_from_dict(values: Mapping[str, object]) -> Array:
    """Return the identity parameters that a dictionary describes.

    Parameters
    ----------
    values : mapping of str to number
        Names from `IDENTITY_PARAMETERS` with values within `IDENTITY_RANGES`; what is left out is
        as on the neutral head.

    Returns
    -------
    ndarray
        ``(len(IDENTITY_PARAMETERS),)``.

    Raises
    ------
    UserError
        If a name is unknown or a value is not a number within its range.
    """
    if not isinstance(values, Mapping):
        raise UserError("A head is described by a dictionary of identity parameters.")
    out = {key: default for key, (default, _) in _PARAMETERS.items()}
    for key, value in values.items():
        if key not in out:
            raise UserError(
                f'A head has no parameter "{str(key)[:40]}".\n'
                "face.IDENTITY_MEANINGS lists all of them."
            )
        low, high = IDENTITY_RANGES[str(key)]
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not low <= value <= high
        ):
            raise UserError(
                f'"{key}" of a head is a number from {low:g} to {high:g}, not {str(value)[:40]}.'
            )
        out[str(key)] = float(value)
    return np.array([out[key] for key in IDENTITY_PARAMETERS])


def identity_to_dict(vector: Array) -> dict[str, float]:
    """Return identity parameters by name: the inverse of `identity_from_dict`."""
    vector = Identity(vector).vector
    return {key: float(value) for key, value in zip(IDENTITY_PARAMETERS, vector, strict=True)}


def random_identity(seed: int) -> Array:
    """Draw a believable person, a different one for each seed.

    Parameters
    ----------
    seed : int
        At least 0.

    Returns
    -------
    ndarray
        ``(len(IDENTITY_PARAMETERS),)``, within `IDENTITY_RANGES`, in steps of 0.01. What goes
        together on people does so here: dark skin with dark hair and eyes, a strong jaw with
        a strong brow, grey hair with age.

    Raises
    ------
    UserError
        If the seed is negative.
    """
    if seed < 0:
        raise UserError(f"The seed of a random head is at least 0, not {seed}.")
    rng = np.random.default_rng([0x1DE, int(seed)])
    who = {key: float(rng.normal(0.0, 0.42)) for key in _SHAPE}
    build = rng.normal(0.0, 0.6)  # gracile below 0, robust above
    for key, share in _BUILD.items():
        who[key] += share * build
    tone = rng.beta(1.1, 1.6)
    dark = float(np.interp(tone, [0.2, 0.5], [0.0, 1.0]))
    who |= {
        "skin_tone": tone,
        "skin_warmth": rng.uniform(0.1, 0.9),
        "hair_shade": rng.uniform(0.0, 1.0) * (1 - dark) + rng.uniform(0.0, 0.1) * dark,
        "hair_red": rng.beta(1.2, 2.0) * (1 - 0.6 * dark),
        "hair_grey": rng.uniform(0.5, 1.0) if rng.random() < 0.15 else 0.0,
        "hair_volume": rng.uniform(0.15, 1.0),
        "hair_curl": rng.beta(0.8, 1.8) * (1 - dark) + rng.beta(1.5, 0.9) * dark,
        "hair_part": rng.uniform(-0.8, 0.8),
        "hair_fringe": 0.0,
        "eye_hue": rng.uniform(0.0, 1.0) * (1 - dark) + rng.uniform(0.0, 0.12) * dark,
        "shirt": rng.uniform(0.0, 1.0),
    }
    long = rng.beta(1.0, 1.2) if build < rng.normal(0.0, 0.25) else 0.28 * rng.random()
    who["hair_length"] = float(long)
    if long > 0.2 and rng.random() < 0.35:
        who["hair_fringe"] = rng.uniform(0.4, 1.0)
    bearded = build > 0.1 and rng.random() < 0.5 and long < 0.3
    who["beard"] = rng.uniform(0.2, 1.0) if bearded else 0.0
    who["lip_red"] = rng.uniform(0.05, 0.35) if build > 0 else rng.uniform(0.25, 0.75)
    low, high = np.array([IDENTITY_RANGES[key] for key in IDENTITY_PARAMETERS]).T
    vector = np.array([who[key] for key in IDENTITY_PARAMETERS])
    return np.clip(np.round(vector / _STEP) * _STEP, low, high).round(2)


# How much of the build each parameter takes.
_BUILD = {
    "jaw_width": 0.5, "chin": 0.35, "brow_ridge": 0.6, "neck_width": 0.7, "brow_thickness": 0.4,
    "nose_length": 0.2, "lip_fullness": -0.3, "eye_opening": -0.2, "head_width": 0.15,
}  # fmt: skip


@dataclass(frozen=True)
class Identity:
    """Identity parameters by name, cut to `IDENTITY_RANGES`: ``identity["chin"]``."""

    vector: Array

    def __post_init__(self) -> None:
        vector = np.asarray(self.vector, dtype=np.float64)
        if vector.shape != (len(IDENTITY_PARAMETERS),) or not np.isfinite(vector).all():
            raise UserError(
                f"An identity has {len(IDENTITY_PARAMETERS)} finite numbers, one for each of "
                "face.IDENTITY_PARAMETERS."
            )
        low, high = np.array([IDENTITY_RANGES[key] for key in IDENTITY_PARAMETERS]).T
        object.__setattr__(self, "vector", np.clip(vector, low, high))

    def __getitem__(self, name: str) -> float:
        return float(self.vector[IDENTITY_PARAMETERS.index(name)])
