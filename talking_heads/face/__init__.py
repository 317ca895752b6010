"""The parametric head and its motion."""

from talking_heads.face.motion import Motion, MotionKind

__all__ = ["Motion", "MotionKind"]
