"""The Gaussian pyramid loss: coarse structure and colour shall agree, fine detail need not."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

_TAPS = (1.0, 4.0, 6.0, 4.0, 1.0)


def gaussian_pyramid(image: Tensor, levels: int = 5) -> list[Tensor]:
    """Return the pyramid: each level after its filtering, and what is left in the end.

    Parameters
    ----------
    image : (B, C, H, W)
        H and W at least 3 at the last level.
    levels : int
        Decimations.

    Returns
    -------
    list of `levels` + 1 tensors
    """
    line = torch.tensor(_TAPS, dtype=image.dtype, device=image.device)
    line = line / line.sum()
    channels = image.shape[1]
    weight = (line[:, None] * line[None, :]).expand(channels, 1, 5, 5)
    pyramid = []
    for _ in range(levels):
        image = F.conv2d(F.pad(image, (2, 2, 2, 2), mode="reflect"), weight, groups=channels)
        pyramid.append(image)
        image = image[..., ::2, ::2]
    return [*pyramid, image]


def pyramid_l1(image: Tensor, target: Tensor, weights: Sequence[float]) -> Tensor:
    """Return the weighted sum over levels of the mean absolute difference.

    Parameters
    ----------
    image, target : (B, C, H, W)
    weights : sequence of float
        One for each level, the finest first.
    """
    # In float32 under mixed precision too: in bfloat16 the finest differences are lost.
    with torch.autocast(image.device.type, enabled=False):
        difference = gaussian_pyramid(image.float() - target.float(), len(weights) - 1)
    return torch.stack(
        [weight * level.abs().mean() for weight, level in zip(weights, difference, strict=True)]
    ).sum()
