"""How good a motion is."""

from talking_heads.metrics.lips import LipReport, lip_report, peak_lip_velocity
from talking_heads.metrics.scores import Score, Target, summarise
from talking_heads.metrics.vertex_error import lip_surface, max_vertex_error

__all__ = [
    "LipReport",
    "Score",
    "Target",
    "lip_report",
    "lip_surface",
    "max_vertex_error",
    "peak_lip_velocity",
    "summarise",
]
