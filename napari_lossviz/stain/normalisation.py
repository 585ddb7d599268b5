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


def normalise_by_blocks(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Return features scaled and shifted block by block.

    Parameters
    ----------
    x : (B, C, H, W)
    scale, shift : (B, C, h, w) float32
        One for each of h x w equal blocks.
    """
    height, width = scale.shape[2:]

    def by_block(features: Tensor) -> Tensor:
        split = features.unflatten(3, (width, features.shape[3] // width))
        return split.unflatten(2, (height, features.shape[2] // height))

    # A view of the output for the sum to be written to: it keeps the layout of x in memory.
    normalised = torch.empty_like(x, dtype=torch.float32)
    torch.addcmul(
        shift[:, :, :, None, :, None],
        by_block(x),
        scale[:, :, :, None, :, None],
        out=by_block(normalised),
    )
    return normalised.to(x.dtype)
