"""How good a motion is."""

from talking_heads.metrics.lips import LipReport, lip_report, peak_lip_velocity

__all__ = ["LipReport", "lip_report", "peak_lip_velocity"]
