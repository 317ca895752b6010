"""Checks of notebook 04: the divergence of a VAE, the losses of a VQ-VAE and their gradient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talking_heads.course.checking import Case, Exercise, Mistake, same_as_package
from talking_heads.course.checks.codebooks import CODEBOOK_EXERCISES

Array = NDArray[Any]

# --- Bits of a VAE ---------------------------------------------------------------------------


def divergence_bits(mean: Array, log_variance: Array) -> Array:
    """Return the bits a frame that a VAE's clouds say.

    The nats of each number are those of `talking_heads.models.motion_prior.gaussian_divergence`.

    Parameters
    ----------
    mean, log_variance : ndarray
        ``(frame, number)``.

    Returns
    -------
    ndarray
        One number: the sum over the numbers, the mean over the frames, in bits.
    """
    return np.asarray(_frames(_nats(mean, log_variance)) / np.log(2))


def _nats(mean: Array, log_variance: Array) -> Array:
    return np.asarray(0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance))


def _frames(nats: Array) -> Array:
    return np.asarray(nats.sum(axis=1).mean())


def _divergence_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("fifty frames", (rng.normal(0, 1.5, (50, 4)), rng.normal(-2, 1, (50, 4))))
    yield Case("clouds that say nothing", (np.zeros((10, 3)), np.zeros((10, 3))))
    yield Case("narrow clouds", (rng.normal(0, 1, (7, 5)), np.full((7, 5), -6.0)))
    yield Case("wide clouds of one frame", (np.zeros((1, 2)), np.array([[1.0, 2.0]])))


_DIVERGENCE_MISTAKES = (
    Mistake(
        "nats",
        lambda m, v: _frames(_nats(m, v)),
        "Your answer is in nats. Bits are wanted: divide by log 2.",
    ),
    Mistake(
        "times log 2",
        lambda m, v: _frames(_nats(m, v)) * np.log(2),
        "A nat is more than a bit, 1.44 of them: divide by log 2, do not multiply.",
    ),
    Mistake(
        "mean over numbers",
        lambda m, v: _nats(m, v).mean() / np.log(2),
        "You take the mean over the numbers of a frame too. Their bits add up: sum over the\n"
        "numbers, mean over the frames.",
    ),
    Mistake(
        "mean over numbers, in nats",
        lambda m, v: _nats(m, v).mean(),
        "You take the mean over the numbers of a frame too, and stay in nats. Sum over the\n"
        "numbers, take the mean over the frames, and divide by log 2.",
    ),
    Mistake(
        "sum over frames",
        lambda m, v: _nats(m, v).sum() / np.log(2),
        "You add up all frames. The bits of one frame are wanted: the mean over the frames.",
    ),
    Mistake(
        "half missing",
        lambda m, v: 2 * divergence_bits(m, v),
        "Your answer is twice as large: the formula has one half in front.",
    ),
    Mistake(
        "sign",
        lambda m, v: -divergence_bits(m, v),
        "Your answer is negative. A divergence is 0 at least: turn the sign round.",
    ),
    Mistake(
        "deviation for variance",
        lambda m, v: _frames(0.5 * (m**2 + np.exp(v / 2) - 1 - v)) / np.log(2),
        "exp(log_variance / 2) is the standard deviation s. The formula wants s squared.",
    ),
    Mistake(
        "read as the logarithm of the deviation",
        lambda m, v: divergence_bits(m, 2 * v),
        "You read the second array as log s. It is log s^2 already: do not double it.",
    ),
    Mistake(
        "square of the variance",
        lambda m, v: _frames(0.5 * (m**2 + np.exp(v) ** 2 - 1 - v)) / np.log(2),
        "np.exp(log_variance) is s squared already. You square it once more.",
    ),
    Mistake(
        "logarithm added",
        lambda m, v: _frames(0.5 * (m**2 + np.exp(v) - 1 + v)) / np.log(2),
        "The logarithm has the wrong sign: narrow clouds, with a negative one, should cost more.",
    ),
    Mistake(
        "logarithm missing",
        lambda m, v: _frames(0.5 * (m**2 + np.exp(v) - 1)) / np.log(2),
        "The last term is missing: log s^2 is taken away. Without it narrow clouds\n"
        "cost less than nothing.",
    ),
    Mistake(
        "one missing",
        lambda m, v: _frames(0.5 * (m**2 + np.exp(v) - v)) / np.log(2),
        "The standard cloud should cost nothing, and costs you something: the -1 is missing.",
    ),
    Mistake(
        "means left out",
        lambda m, v: divergence_bits(0 * m, v),
        "The means do not count in your answer. A cloud that stands aside costs m^2 / 2.",
    ),
    Mistake(
        "mean not squared",
        lambda m, v: _frames(0.5 * (np.abs(m) + np.exp(v) - 1 - v)) / np.log(2),
        "The mean counts by its square.",
    ),
    Mistake(
        "the other divergence",
        lambda m, v: _frames(0.5 * ((1 + m**2) * np.exp(-v) - 1 + v)) / np.log(2),
        "That is the divergence of N(0, 1) from the cloud. The other way round is wanted, with\n"
        "the variance above and not below the line.",
    ),
)

# --- The losses ------------------------------------------------------------------------------


def quantization_loss(latents: Array, values: Array, mask: Array, beta: float) -> Array:
    """Return codebook loss plus commitment loss, as `talking_heads.layers.quantizer` does.

    Parameters
    ----------
    latents, values : ndarray
        ``(frame, piece, number)``: before and after the codebook.
    mask : ndarray of bool
        ``(frame,)``: which frames count.
    beta : float
        Weight of the commitment loss.

    Returns
    -------
    ndarray
        One number.
    """
    return np.asarray((1 + beta) * np.square(latents - values)[mask].mean())


def _loss_cases(rng: np.random.Generator) -> Iterator[Case]:
    for name, shape, share, beta in (
        ("clips with padding", (30, 4, 3), 0.7, 0.25),
        ("one code a frame", (12, 1, 8), 0.5, 0.25),
        ("another beta", (20, 2, 5), 0.6, 0.1),
    ):
        latents = rng.normal(0, 1, shape)
        mask = rng.random(shape[0]) < share
        mask[:2] = True, False
        yield Case(name, (latents, latents + rng.normal(0, 0.4, shape), mask, beta))
    latents = rng.normal(0, 1, (6, 2, 2))
    mask = np.array([True, True, False, False, True, False])
    yield Case("codes that fit", (latents, latents.copy(), mask, 0.25))


def _error(latents: Array, values: Array, mask: Array) -> Array:
    return np.asarray(np.square(latents - values)[mask])


_LOSS_MISTAKES = (
    Mistake(
        "codebook loss alone",
        lambda z, c, m, b: _error(z, c, m).mean(),
        "You return the codebook loss alone. The commitment loss, times beta, comes on top.",
    ),
    Mistake(
        "commitment loss alone",
        lambda z, c, m, b: b * _error(z, c, m).mean(),
        "You return the commitment loss alone. The codebook loss comes on top.",
    ),
    Mistake(
        "beta on both",
        lambda z, c, m, b: 2 * b * _error(z, c, m).mean(),
        "Beta weighs both of your losses. It belongs to the commitment loss alone.",
    ),
    Mistake(
        "no beta",
        lambda z, c, m, b: 2 * _error(z, c, m).mean(),
        "Beta is not in your answer. It weighs the commitment loss.",
    ),
    Mistake(
        "difference",
        lambda z, c, m, b: (1 - b) * _error(z, c, m).mean(),
        "You take one loss away from the other. Both are added.",
    ),
    Mistake(
        "no mask",
        lambda z, c, m, b: quantization_loss(z, c, np.ones_like(m), b),
        "Frames of padding count in your answer. Only frames with a true mask count.",
    ),
    Mistake(
        "mask turned round",
        lambda z, c, m, b: quantization_loss(z, c, ~m, b),
        "You average over the frames of padding. The mask is true where a frame counts.",
    ),
    Mistake(
        "divided by all frames",
        lambda z, c, m, b: quantization_loss(z, c, m, b) * m.mean(),
        "You divide by the number of all frames. Padding has no part in the mean: divide by how\n"
        "many numbers count.",
    ),
    Mistake(
        "sum",
        lambda z, c, m, b: (1 + b) * _error(z, c, m).sum(),
        "You return the sum. The mean over frames, pieces and numbers is wanted.",
    ),
    Mistake(
        "sum over the numbers",
        lambda z, c, m, b: (1 + b) * _error(z, c, m).sum(axis=-1).mean(),
        "You add up the numbers of a piece, as the formula in print does. The published code, and\n"
        "ours, takes the mean over them too.",
    ),
    Mistake(
        "sum over a frame",
        lambda z, c, m, b: (1 + b) * _error(z, c, m).sum(axis=(-1, -2)).mean(),
        "You add up all numbers of a frame. The mean over frames, pieces and numbers is wanted.",
    ),
    Mistake(
        "distance",
        lambda z, c, m, b: (1 + b) * np.sqrt(_error(z, c, m).sum(axis=-1)).mean(),
        "You average distances. The formula has their squares.",
    ),
    Mistake(
        "absolute differences",
        lambda z, c, m, b: (1 + b) * np.abs(z - c)[m].mean(),
        "You average absolute differences. The formula has squares.",
    ),
)

# --- The gradient at the latents -------------------------------------------------------------


def encoder_gradient(latents: Array, values: Array, behind: Array, beta: float) -> Array:
    """Return the gradient that reaches the encoder of a VQ-VAE.

    What PyTorch gives at the latents, with `talking_heads.layers.quantizer.straight_through` and
    `talking_heads.layers.quantizer.quantization_loss`.

    Parameters
    ----------
    latents, values : ndarray
        ``(latent, number)``: before and after the codebook.
    behind : ndarray
        ``(latent, number)``: the gradient of the reconstruction loss at the values.
    beta : float
        Weight of the commitment loss.

    Returns
    -------
    ndarray
        ``(latent, number)``.
    """
    return np.asarray(behind + beta * 2 * (latents - values) / latents.size)


def _gradient_cases(rng: np.random.Generator) -> Iterator[Case]:
    for name, shape, beta in (
        ("twenty latents", (20, 4), 0.25),
        ("latents of one number", (5, 1), 0.25),
        ("another beta", (8, 3), 0.6),
    ):
        latents, values = rng.normal(0, 1, (2, *shape))
        yield Case(name, (latents, values, rng.normal(0, 0.1, shape), beta))
    latents, values = rng.normal(0, 1, (2, 6, 2))
    yield Case("a decoder that is content", (latents, values, np.zeros((6, 2)), 0.25))


_GRADIENT_MISTAKES = (
    Mistake(
        "straight-through alone",
        lambda z, c, g, b: g,
        "You pass on the gradient behind the codebook, and that is all. The commitment loss pulls\n"
        "at the latents too.",
    ),
    Mistake(
        "commitment alone",
        lambda z, c, g, b: encoder_gradient(z, c, 0 * g, b),
        "The gradient behind the codebook is missing: straight-through passes it on unchanged.",
    ),
    Mistake(
        "sign",
        lambda z, c, g, b: 2 * g - encoder_gradient(z, c, g, b),
        "Your commitment loss pushes the latents away from their codes. The derivative of\n"
        "(z - c)^2 by z is 2 (z - c).",
    ),
    Mistake(
        "no beta",
        lambda z, c, g, b: encoder_gradient(z, c, g, 1),
        "Beta is not in your answer. It weighs the commitment loss.",
    ),
    Mistake(
        "both losses",
        lambda z, c, g, b: encoder_gradient(z, c, g, 1 + b),
        "Both losses pull at your latents. In the codebook loss they stand behind a\n"
        "stop-gradient: it moves the codes alone.",
    ),
    Mistake(
        "codebook loss",
        lambda z, c, g, b: encoder_gradient(z, c, g, -1),
        "That is the pull of the codebook loss, and it acts on the codes. The latents feel the\n"
        "commitment loss.",
    ),
    Mistake(
        "no 2",
        lambda z, c, g, b: encoder_gradient(z, c, g, b / 2),
        "The 2 of the square's derivative is missing.",
    ),
    Mistake(
        "sum for mean",
        lambda z, c, g, b: g + 2 * b * (z - c),
        "The loss is a mean over all numbers of all latents. Divide its part by their number.",
    ),
    Mistake(
        "neither 2 nor mean",
        lambda z, c, g, b: g + b * (z - c),
        "Two factors are missing: the 2 of the square's derivative, and the mean over all numbers\n"
        "of all latents.",
    ),
    Mistake(
        "loss for gradient",
        lambda z, c, g, b: g + b * np.square(z - c) / z.size,
        "You add the commitment loss itself. Its derivative is wanted: that of (z - c)^2 by z.",
    ),
    Mistake(
        "divided by the latents",
        lambda z, c, g, b: g + 2 * b * (z - c) / len(z),
        "You divide by the number of latents. The mean runs over their numbers too: latents.size.",
    ),
    Mistake(
        "divided by the width",
        lambda z, c, g, b: g + 2 * b * (z - c) / z.shape[1],
        "You divide by the numbers of one latent. The mean runs over all latents: latents.size.",
    ),
    Mistake(
        "behind weighted too",
        lambda z, c, g, b: b * g + encoder_gradient(z, c, 0 * g, b),
        "Beta weighs the gradient behind the codebook too. It belongs to the commitment loss.",
    ),
)

EXERCISES = (
    Exercise(
        id="04.divergence_bits",
        title="Bits of a VAE",
        points=2,
        check=same_as_package(
            divergence_bits, _divergence_cases, _DIVERGENCE_MISTAKES, tolerance=1e-6
        ),
        mistakes=_DIVERGENCE_MISTAKES,
    ),
    CODEBOOK_EXERCISES[0],
    Exercise(
        id="04.quantization_loss",
        title="The two losses",
        points=2,
        check=same_as_package(quantization_loss, _loss_cases, _LOSS_MISTAKES, tolerance=1e-7),
        mistakes=_LOSS_MISTAKES,
    ),
    Exercise(
        id="04.encoder_gradient",
        title="What reaches the encoder",
        points=3,
        check=same_as_package(
            encoder_gradient, _gradient_cases, _GRADIENT_MISTAKES, tolerance=1e-7
        ),
        mistakes=_GRADIENT_MISTAKES,
    ),
    *CODEBOOK_EXERCISES[1:],
)
