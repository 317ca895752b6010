"""Floors and an oracle: what a model must beat, and what it can hope for.

They answer `animate` as the models do. None of them has a style of its own for a speaker.
"""

from talking_heads.models.baselines.mean_face import MeanFace
from talking_heads.models.baselines.nearest import NearestNeighbour
from talking_heads.models.baselines.oracle import PhonemeOracle
from talking_heads.models.baselines.ridge import RidgeRegression

__all__ = ["MeanFace", "NearestNeighbour", "PhonemeOracle", "RidgeRegression"]
