"""The building blocks of the networks.

`biased_attention`: attention with condition tokens and fixed biases (DiffSpeaker);
`embeddings`: the diffusion step and the position in time as vectors;
`quantizer`: latents rounded to the nearest of a small set of learned vectors;
`spiral`: convolution along spirals on a mesh, and down a pyramid of coarser meshes;
`temporal`: a transformer and a convolution over time, as in motion VQ-VAEs.
"""

from talking_heads.layers.biased_attention import (
    BiasedConditionalAttention,
    DecoderLayer,
    cross_attention_bias,
    head_slopes,
    self_attention_bias,
)
from talking_heads.layers.embeddings import StepEmbedding, periodic_positions, sinusoid
from talking_heads.layers.quantizer import (
    Quantized,
    VectorQuantizer,
    nearest_codes,
    perplexity,
    quantization_loss,
    straight_through,
)
from talking_heads.layers.spiral import SpiralConv, SpiralPyramid
from talking_heads.layers.temporal import TemporalConv, TemporalTransformer

__all__ = [
    "BiasedConditionalAttention",
    "DecoderLayer",
    "Quantized",
    "SpiralConv",
    "SpiralPyramid",
    "StepEmbedding",
    "TemporalConv",
    "TemporalTransformer",
    "VectorQuantizer",
    "cross_attention_bias",
    "head_slopes",
    "nearest_codes",
    "periodic_positions",
    "perplexity",
    "quantization_loss",
    "self_attention_bias",
    "sinusoid",
    "straight_through",
]
