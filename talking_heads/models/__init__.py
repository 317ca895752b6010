"""The systems that turn speech into motion.

`load_model` gives a model by the name of a shipped checkpoint or from a folder.
"""

from talking_heads.models.base import Model
from talking_heads.models.config import DiffSpeakerConfig
from talking_heads.models.contract import MotionContract
from talking_heads.models.conv_config import ConvRegressorConfig
from talking_heads.models.conv_regressor import ConvRegressor
from talking_heads.models.diff_speaker import DiffSpeaker
from talking_heads.models.loading import MODELS, load_model, model_class, shipped_models

__all__ = [
    "MODELS",
    "ConvRegressor",
    "ConvRegressorConfig",
    "DiffSpeaker",
    "DiffSpeakerConfig",
    "Model",
    "MotionContract",
    "load_model",
    "model_class",
    "shipped_models",
]
