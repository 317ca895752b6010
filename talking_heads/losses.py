"""Terms of training losses, all masked: frames that only fill up a batch count for nothing."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from talking_heads.face.names import ARKIT_INDEX
from talking_heads.face.rig import PRESS

_JAW, _CLOSE = ARKIT_INDEX["jawOpen"], ARKIT_INDEX["mouthClose"]
_MILLIMETRES = 1000.0


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Average ``values`` over the frames where ``mask`` is true, and over all channels.

    Parameters
    ----------
    values : Tensor
        ``(batch, frame, ...)``.
    mask : Tensor
        ``(batch, frame)`` bool.

    Returns
    -------
    Tensor
        A scalar; 0 if the mask is false everywhere.
    """
    per_frame = values.flatten(2).mean(-1) if values.dim() > 2 else values
    # where, not a product: what stands in the padding must not matter even if it is not finite.
    kept = torch.where(mask, per_frame, torch.zeros_like(per_frame))
    return kept.sum() / mask.sum().clamp(min=1)


def _within(difference: Tensor, mask: Tensor) -> Tensor:
    """Set ``(batch, frame, channel)`` errors in the padding to 0, and so their gradients too.

    Masking the squares is not enough: the slope of a square that is not finite is not finite,
    and 0 times that is no number.
    """
    return torch.where(mask[..., None], difference, torch.zeros_like(difference))


def masked_mse(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Return the mean squared error over the true frames.

    Parameters
    ----------
    predicted, target : Tensor
        ``(batch, frame, channel)``.
    mask : Tensor
        ``(batch, frame)`` bool.
    """
    return masked_mean(_within(predicted - target, mask).square(), mask)


def masked_l1(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Return the mean absolute error over the true frames.

    Parameters
    ----------
    predicted, target : Tensor
        ``(batch, frame, channel)``.
    mask : Tensor
        ``(batch, frame)`` bool.
    """
    return masked_mean(_within(predicted - target, mask).abs(), mask)


def velocity_mse(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Return the mean squared error of the changes from frame to frame.

    Only pairs of true frames count. (DiffSpeaker's published code lets the jump to the zeros of
    the padding count too.)

    Parameters
    ----------
    predicted, target : Tensor
        ``(batch, frame, channel)``.
    mask : Tensor
        ``(batch, frame)`` bool.
    """
    difference = _within(predicted - target, mask).diff(dim=1)
    return masked_mean(difference.square(), mask[:, 1:] & mask[:, :-1])


def mouth_factor(jacobian: NDArray[np.floating]) -> NDArray[np.float32]:
    """Squeeze the mouth's vertices into a matrix that measures the same distances.

    To first order, changing the coefficients by ``d`` moves the mouth's vertices by
    ``d @ jacobian``. With the QR decomposition ``jacobian.T = Q R``, the squared length of that
    movement is ``|R d|^2``, whatever the number of vertices: an error of vertices at the price of
    a 52 x 52 product.

    Parameters
    ----------
    jacobian : ndarray
        ``(52, n * 3)`` metres, from ``Face.shape_jacobian("mouth")``.

    Returns
    -------
    ndarray of float32
        ``(52, 52)`` `R`, scaled so that ``mean(|R d|^2)`` is the mean squared distance over the
        vertices in mm^2.
    """
    vertices = jacobian.shape[1] // 3
    factor = np.asarray(np.linalg.qr(np.asarray(jacobian, dtype=np.float64).T, mode="r"))
    square = np.zeros((jacobian.shape[0], jacobian.shape[0]))
    square[: factor.shape[0]] = factor
    return np.asarray(square * (_MILLIMETRES / np.sqrt(max(vertices, 1))), dtype=np.float32)


@lru_cache(maxsize=4)
def mouth_terms(face_id: str = "neutral@low") -> tuple[Tensor, Tensor]:
    """Return the mouth's linear measures of a face, for training losses.

    Parameters
    ----------
    face_id : str
        The face.

    Returns
    -------
    factor : Tensor
        ``(52, 52)``, see `mouth_factor`; multiply as ``error @ factor.T``.
    aperture : Tensor
        ``(52,)`` millimetres of lip aperture per unit of each shape, for `linear_aperture`: slopes
        about a jaw opened by 0.2, where speech mostly stays and `mouthClose` has its full effect.
    """
    from talking_heads.face import get_face

    face = get_face(face_id)
    factor = mouth_factor(face.shape_jacobian("mouth"))
    base = np.zeros(52)
    base[_JAW] = 0.2
    ahead, back = (np.clip(base + step * np.eye(52), 0, 1) for step in (0.1, -0.1))
    rise = face.signed_aperture(ahead) - face.signed_aperture(back)
    gradient = rise / (ahead - back).sum(1) * _MILLIMETRES
    return torch.from_numpy(factor), torch.from_numpy(np.asarray(gradient, dtype=np.float32))


def linear_aperture(coefficients: Tensor, gradient: Tensor) -> Tensor:
    """Return the lip aperture above rest in mm, linearised; negative where the lips press.

    `mouthClose` closes what the jaw opened and a little more. Beyond that it moves nothing, and so
    it counts for nothing here (see `talking_heads.face.rig.turn_jaw`).

    Parameters
    ----------
    coefficients : Tensor
        ``(..., 52)``.
    gradient : Tensor
        ``(52,)`` mm per unit, from `mouth_terms`.

    Returns
    -------
    Tensor
        ``(...)``.
    """
    jaw, close = coefficients[..., _JAW], coefficients[..., _CLOSE]
    beyond = (close - (jaw + PRESS)).clamp(min=0)
    return coefficients @ gradient - gradient[_CLOSE] * beyond


def mouth_error(predicted: Tensor, target: Tensor, mask: Tensor, factor: Tensor) -> Tensor:
    """Return the mean squared distance of the mouth's vertices, linearised, in mm^2.

    Parameters
    ----------
    predicted, target : Tensor
        ``(batch, frame, 52)`` coefficients.
    mask : Tensor
        ``(batch, frame)`` bool.
    factor : Tensor
        ``(52, 52)`` from `mouth_terms`.
    """
    moved = _within(predicted - target, mask) @ factor.T
    return masked_mean(moved.square().sum(-1), mask)


def aperture_error(
    predicted: Tensor,
    target: Tensor,
    mask: Tensor,
    gradient: Tensor,
    *,
    closure_weight: float = 0.0,
    closed_below: float = 2.0,
) -> Tensor:
    """Return the mean squared error of the linearised lip aperture, in mm^2.

    Parameters
    ----------
    predicted, target : Tensor
        ``(batch, frame, 52)`` coefficients.
    mask : Tensor
        ``(batch, frame)`` bool.
    gradient : Tensor
        ``(52,)`` mm per unit, from `mouth_terms`.
    closure_weight : float
        How much more frames count in which the true lips are nearly closed. Closures are rare
        and short, and a viewer sees at once when one is missing.
    closed_below : float
        The true aperture in mm, above rest, under which the extra weight sets in smoothly.
    """
    nothing = torch.zeros_like(target)
    true = linear_aperture(torch.where(mask[..., None], target, nothing), gradient)
    error = linear_aperture(torch.where(mask[..., None], predicted, nothing), gradient) - true
    weight = 1.0 + closure_weight * torch.sigmoid((closed_below - true) / (0.25 * closed_below))
    return masked_mean(weight * error.square(), mask)
