"""Noisy pairs out of one noisy image: pair downsampling and the Euclidean local shuffle."""

import torch
from torch import Tensor

from napari_lossviz.core import InputError


def _blocks(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the four pixels of each 2x2 block, row by row; an odd last row or column is left."""
    height, width = x.shape[-2] // 2 * 2, x.shape[-1] // 2 * 2
    if height == 0 or width == 0:
        raise InputError(f"an image of at least 2x2 pixels is needed, got {tuple(x.shape[-2:])}")
    x = x[..., :height, :width]
    return (
        x[..., 0::2, 0::2],
        x[..., 0::2, 1::2],
        x[..., 1::2, 0::2],
        x[..., 1::2, 1::2],
    )


def pair_downsample(x: Tensor) -> tuple[Tensor, Tensor]:
    """Split an image into two of half its size whose noise is independent for white noise.

    Parameters
    ----------
    x : (..., H, W)
        Image; an odd last row or column is left out.

    Returns
    -------
    tuple of two (..., H // 2, W // 2) tensors
        Means of each 2x2 block's anti-diagonal and diagonal (arXiv 2504.13519, section 3.2).
    """
    a, b, c, d = _blocks(x)
    return (b + c) / 2, (a + d) / 2


def euclidean_local_shuffle(x: Tensor) -> Tensor:
    """Exchange in each 2x2 block the two values that are nearest to each other.

    It breaks up correlated noise at the smallest change to the image (arXiv 2504.13519, section
    3.2). Of equal distances the first pair in row-major order is taken. An odd last row or column
    stays as it is.

    Parameters
    ----------
    x : (B, C, H, W)

    Returns
    -------
    (B, C, H, W)
    """
    pixels = torch.stack(_blocks(x), dim=-1)  # (B, C, H/2, W/2, 4)
    first = torch.tensor([0, 0, 0, 1, 1, 2], device=x.device)
    second = torch.tensor([1, 2, 3, 2, 3, 3], device=x.device)
    distance = (pixels[..., first] - pixels[..., second]).abs()
    nearest = distance.detach().argmin(dim=-1, keepdim=True)  # the first of equal ones
    i, j = first[nearest], second[nearest]
    position = torch.arange(4, device=x.device).expand(pixels.shape)
    source = torch.where(position == i, j, torch.where(position == j, i, position))
    shuffled = pixels.gather(-1, source)
    out = x.clone()
    height, width = 2 * pixels.shape[-3], 2 * pixels.shape[-2]
    rows = torch.stack([shuffled[..., 0:2], shuffled[..., 2:4]], dim=-3)  # (.., H/2, 2, W/2, 2)
    out[..., :height, :width] = rows.reshape(*x.shape[:-2], height, width)
    return out
