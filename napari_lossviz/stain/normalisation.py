"""Instance normalisation with its statistics in the open, so that tiles can share them."""

from collections.abc import Callable

import torch
from torch import Tensor

EPSILON = 1e-5
"""Added to the variance."""

Normalise = Callable[[Tensor, int], Tensor]
"""Takes features (B, C, H, W) and the number of the norm layer, counted from 0."""


def instance_norm(x: Tensor, layer: int = 0) -> Tensor:
    """Return features with mean 0 and variance 1 in each channel of each image.

    Parameters
    ----------
    x : (B, C, H, W)
    layer : int
        Not looked at: every layer is treated alike.
    """
    del layer
    # Statistics in float32 also under mixed precision: a half-precision sum over a tile overflows.
    variance, mean = torch.var_mean(x.float(), dim=(2, 3), correction=0)
    return normalise_with(x, mean, variance)


def normalise_with(x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """Return features normalised with given statistics.

    Parameters
    ----------
    x : (B, C, H, W)
    mean, variance : (B, C)
    """
    scale = (variance + EPSILON).rsqrt()
    shift = -mean * scale
    # In float32, to which a half-precision product with float32 is promoted.
    return torch.addcmul(shift[:, :, None, None], x, scale[:, :, None, None]).to(x.dtype)
