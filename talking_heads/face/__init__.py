"""The parametric head and its motion."""

from talking_heads.face.alive import enliven
from talking_heads.face.build import RESOLUTIONS, build_face, get_face
from talking_heads.face.dynamics import surface_motion
from talking_heads.face.fit import fit_coefficients, motion_aperture, motion_vertices
from talking_heads.face.head import Face
from talking_heads.face.identity import (
    IDENTITIES,
    IDENTITY_MEANINGS,
    IDENTITY_PARAMETERS,
    IDENTITY_RANGES,
    identity_from_dict,
    identity_name,
    identity_to_dict,
    identity_vector,
    random_identity,
)
from talking_heads.face.life import Liveliness, liveliness
from talking_heads.face.motion import Motion, MotionKind
from talking_heads.face.names import ARKIT_INDEX, ARKIT_NAMES, BEAT_NAMES
from talking_heads.face.scan import scan_noise

__all__ = [
    "ARKIT_INDEX",
    "ARKIT_NAMES",
    "BEAT_NAMES",
    "IDENTITIES",
    "IDENTITY_MEANINGS",
    "IDENTITY_PARAMETERS",
    "IDENTITY_RANGES",
    "RESOLUTIONS",
    "Face",
    "Liveliness",
    "Motion",
    "MotionKind",
    "build_face",
    "enliven",
    "fit_coefficients",
    "get_face",
    "identity_from_dict",
    "identity_name",
    "identity_to_dict",
    "identity_vector",
    "liveliness",
    "motion_aperture",
    "motion_vertices",
    "random_identity",
    "scan_noise",
    "surface_motion",
]
