"""The bilateral filter in plain torch: what tests and benchmarks compare with.

It materialises the k x k neighbourhood, so its memory grows with the window's area.
"""

import torch
from torch import Tensor

from napari_lossviz.filter2noise.tap_by_tap import pad_reflecting


def _neighbours(x: Tensor, radius: int) -> Tensor:
    """Return (B, C, k * k, H, W) views of the window, in row-major order of the taps."""
    side = 2 * radius + 1
    padded = pad_reflecting(x, radius)
    windows = padded.unfold(-2, side, 1).unfold(-2, side, 1)  # (B, C, H, W, k, k)
    return windows.permute(0, 1, 4, 5, 2, 3).flatten(2, 3)


def bilateral_by_unfolding(
    x: Tensor,
    sigma: Tensor,
    radius: int,
    guide: Tensor | None = None,
    angle: Tensor | None = None,
) -> Tensor:
    """Filter by writing out every neighbour.

    Parameters
    ----------
    x : (B, C, H, W)
        Image.
    sigma : (B, 3, H, W)
        sigma_x, sigma_y in pixels, sigma_r in units of the guide.
    radius : int
        Window radius.
    guide : (B, G, H, W), optional
        Image of the range term; default `x`.
    angle : (B, H, W), optional
        Direction of sigma_x in radians.

    Returns
    -------
    (B, C, H, W)
    """
    guide = x if guide is None else guide
    offsets = torch.arange(-radius, radius + 1, device=x.device, dtype=x.dtype)
    dy, dx = torch.meshgrid(offsets, offsets, indexing="ij")
    dx = dx.reshape(1, -1, 1, 1)
    dy = dy.reshape(1, -1, 1, 1)
    if angle is None:
        u, v = dx, dy
    else:
        cosine, sine = torch.cos(angle)[:, None], torch.sin(angle)[:, None]
        u, v = cosine * dx + sine * dy, cosine * dy - sine * dx
    sigma_x, sigma_y, sigma_r = (sigma[:, i : i + 1] for i in range(3))
    distance = (_neighbours(guide, radius) - guide[:, :, None]).square().sum(1)  # (B, k*k, H, W)
    weight = torch.exp(
        -u.square() / (2 * sigma_x.square())
        - v.square() / (2 * sigma_y.square())
        - distance / (2 * sigma_r.square())
    )
    weighted = (_neighbours(x, radius) * weight[:, None]).sum(2)
    return weighted / weight.sum(1)[:, None]
