"""Sums and logarithms need more than the sixteen bits that a network may give."""

import torch
from torch import Tensor


def wide(image: Tensor) -> Tensor:
    """Return a tensor in float32, or as it is if it has float64.

    A float16 sum over an image overflows, and the highest probability below 1 that 16 bits tell
    from it is too far from it for a cross-entropy.
    """
    return image if image.dtype in (torch.float32, torch.float64) else image.float()
