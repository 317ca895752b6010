"""The systems that turn speech into motion, and the motion priors some of them stand on.

`load_model` gives a model and `load_prior` a prior, by the name of a shipped checkpoint or from a
folder.
"""

from talking_heads.models.base import Model
from talking_heads.models.config import DiffSpeakerConfig
from talking_heads.models.contract import MotionContract
from talking_heads.models.conv_config import ConvRegressorConfig
from talking_heads.models.conv_regressor import ConvRegressor
from talking_heads.models.diff_speaker import DiffSpeaker
from talking_heads.models.graph_config import GraphVQVAEConfig
from talking_heads.models.graph_vqvae import GraphVQVAE
from talking_heads.models.loading import (
    MODELS,
    PRIORS,
    load_model,
    load_prior,
    model_class,
    network_class,
    prior_class,
    shipped_models,
    shipped_priors,
)
from talking_heads.models.motion_prior import Bottleneck, MotionPrior
from talking_heads.models.motion_vqvae import MotionVQVAE
from talking_heads.models.network import Network
from talking_heads.models.prior_config import MotionVQVAEConfig

__all__ = [
    "MODELS",
    "PRIORS",
    "Bottleneck",
    "ConvRegressor",
    "ConvRegressorConfig",
    "DiffSpeaker",
    "DiffSpeakerConfig",
    "GraphVQVAE",
    "GraphVQVAEConfig",
    "Model",
    "MotionContract",
    "MotionPrior",
    "MotionVQVAE",
    "MotionVQVAEConfig",
    "Network",
    "load_model",
    "load_prior",
    "model_class",
    "network_class",
    "prior_class",
    "shipped_models",
    "shipped_priors",
]
