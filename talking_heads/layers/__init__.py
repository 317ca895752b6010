"""The building blocks of the networks.

`biased_attention`: attention with condition tokens and fixed biases (DiffSpeaker);
`embeddings`: the diffusion step and the position in time as vectors.
"""

from talking_heads.layers.biased_attention import (
    BiasedConditionalAttention,
    DecoderLayer,
    cross_attention_bias,
    head_slopes,
    self_attention_bias,
)
from talking_heads.layers.embeddings import StepEmbedding, periodic_positions, sinusoid

__all__ = [
    "BiasedConditionalAttention",
    "DecoderLayer",
    "StepEmbedding",
    "cross_attention_bias",
    "head_slopes",
    "periodic_positions",
    "self_attention_bias",
    "sinusoid",
]
