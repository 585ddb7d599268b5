"""Instance normalisation with its statistics in the open, so that tiles can share them."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

EPSILON = 1e-5
"""Added to the variance."""

Normalise = Callable[[Tensor, int], Tensor]
"""Takes features (B, C, H, W) and the number of the norm layer, counted from 0."""


_PART = 1 << 18
"""Features that are worked on at once where memory is slower than arithmetic: they stay in the
cache."""


def instance_norm(x: Tensor, layer: int = 0) -> Tensor:
    """Return features with mean 0 and variance 1 in each channel of each image.

    Parameters
    ----------
    x : (B, C, H, W)
    layer : int
        Not looked at: every layer is treated alike.
    """
    del layer
    return normalise_with(x, *moments(x))


def moments(x: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return mean and variance (B, C) of features over the pixels of each image, in float32.

    Parameters
    ----------
    x : (B, C, H, W)
    weights : (B, 1, H, W) float32, optional
        Of the pixels; default: all alike.
    """
    # Float32 also under mixed precision: a half-precision sum over a tile overflows.
    channels_last = x.is_contiguous(memory_format=torch.channels_last)
    if weights is None and (_trains(x) or x.device.type != "cpu" or not channels_last):
        variance, mean = torch.var_mean(x.float(), dim=(2, 3), correction=0)
        return mean, variance
    # Part by part, as sums over lines of channels: a reduction of PyTorch over images whose
    # channels lie last in memory takes thirty times as long. A guess at the mean is subtracted
    # first, since the difference of large sums would lose digits.
    pixels = x.permute(0, 2, 3, 1).flatten(1, 2)
    images, count, channels = pixels.shape
    if weights is None:
        shares = x.new_full((1, 1, 1), 1 / count, dtype=torch.float32).expand(images, 1, count)
    else:
        shares = weights.flatten(2)
        shares = shares / shares.sum(dim=2, keepdim=True).clamp(min=1e-8)
    step = max(_PART // channels, 1)
    guess = pixels[:, :step].float().mean(dim=1, keepdim=True)
    first, second = (pixels.new_zeros((images, 1, channels), dtype=torch.float32) for _ in range(2))
    for start in range(0, count, step):
        part = pixels[:, start : start + step].float() - guess
        share = shares[:, :, start : start + step]
        first = first + share @ part
        second = second + share @ part.square()
    total = shares.sum(dim=2)  # 0 where no pixel counts: mean and variance are 0 then
    mean = (guess * total[:, :, None] + first)[:, 0]
    return mean, (second - first.square())[:, 0].clamp(min=0)


def normalise_with(x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """Return features normalised with given statistics.

    Parameters
    ----------
    x : (B, C, H, W)
    mean, variance : (B, C)
    """
    if not _trains(x) and x.device.type == "cpu" and x.dtype != torch.float64:
        # The same in one pass over half-precision features too.
        images = [
            F.batch_norm(one[None], of_one, spread, eps=EPSILON)
            for one, of_one, spread in zip(x, mean, variance, strict=True)
        ]
        return images[0] if len(images) == 1 else torch.cat(images)
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
        images, channels, rows, columns = features.shape
        return features.view(images, channels, height, rows // height, width, columns // width)

    # A view of the output for the sum to be written to: it keeps the layout of x in memory.
    normalised = torch.empty_like(x)
    found, given = by_block(normalised), by_block(x)
    for i in range(height):
        # In float32, and rounded while it is in the cache.
        line = given[:, :, i].float() * scale[:, :, i, None, :, None]
        found[:, :, i] = line.add_(shift[:, :, i, None, :, None])
    return normalised


def _trains(x: Tensor) -> bool:
    return torch.is_grad_enabled() or x.requires_grad
