"""Halving and doubling without aliasing, by fixed binomial filters."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

HALVING = (1.0, 2.0, 1.0)
DOUBLING = (1.0, 3.0, 3.0, 1.0)


def binomial(taps: tuple[float, ...]) -> Tensor:
    """Return the square filter of these taps, (n, n), with sum 1."""
    line = torch.tensor(taps)
    square = line[:, None] * line[None, :]
    return square / square.sum()


class Halve(nn.Module):
    """Reflection padding, [1 2 1] along both axes, every second pixel: (B, C, ceil(H/2), …)."""

    taps: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("taps", binomial(HALVING), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, ceil(H/2), ceil(W/2)) of (B, C, H, W)."""
        channels = x.shape[1]
        # A side of 1 has nothing to reflect.
        mode = "reflect" if min(x.shape[-2:]) > 1 else "replicate"
        padded = F.pad(x, (1, 1, 1, 1), mode=mode)
        weight = self.taps.to(x.dtype).expand(channels, 1, 3, 3)
        return F.conv2d(padded, weight, stride=2, groups=channels)


class Double(nn.Module):
    """Linear interpolation to twice the size with its sample points between the pixels.

    The transposed convolution with [1 3 3 1]/8 along both axes, x 2: each new pixel is 3/4 of the
    near and 1/4 of the far neighbour, the outermost pixels repeated.
    """

    taps: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("taps", 4 * binomial(DOUBLING), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, 2 H, 2 W) of (B, C, H, W)."""
        if not torch.is_grad_enabled():
            # The same, many times faster in half precision; its gradient is not, nor does it add
            # up in the same order each time on a GPU.
            return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        channels = x.shape[1]
        padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
        weight = self.taps.to(x.dtype).expand(channels, 1, 4, 4)
        doubled = F.conv_transpose2d(padded, weight, stride=2, padding=2, groups=channels)
        return doubled[..., 1:-1, 1:-1]
