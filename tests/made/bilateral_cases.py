"""Random images, sigmas, guides and angles for the bilateral filter in torch."""

from typing import Any

import torch
from torch import Tensor


def case(
    seed: int,
    shape: tuple[int, int, int, int],
    guides: int = 0,
    angled: bool = False,
    dtype: torch.dtype = torch.float64,
) -> dict[str, Any]:
    """Return arguments of the filter: values in [0, 1), sigmas from 0.4 to 1.9."""
    generator = torch.Generator().manual_seed(seed)
    batch, channels, height, width = shape

    def random(*size: int) -> Tensor:
        return torch.rand(*size, generator=generator, dtype=torch.float64).to(dtype)

    return {
        "x": random(batch, channels, height, width),
        "sigma": 0.4 + 1.5 * random(batch, 3, height, width),
        "guide": random(batch, guides, height, width) if guides else None,
        "angle": 6 * random(batch, height, width) - 3 if angled else None,
    }
