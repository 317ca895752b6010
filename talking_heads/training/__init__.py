"""Training: the loop, its data, augmentation, and the figures that come out."""

from talking_heads.training.augment import Augmentation, augment_mel
from talking_heads.training.config import TrainConfig
from talking_heads.training.evaluation import evaluate_blinks, evaluate_lips
from talking_heads.training.loop import train

__all__ = [
    "Augmentation",
    "TrainConfig",
    "augment_mel",
    "evaluate_blinks",
    "evaluate_lips",
    "train",
]
