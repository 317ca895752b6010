"""Exercises, progress and notebook tools.

In an exercise: ``from talking_heads.course import check``.
"""

from talking_heads.course.checking import CheckFailed, check

__all__ = ["CheckFailed", "check"]
