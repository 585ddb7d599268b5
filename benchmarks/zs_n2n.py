"""ZS-N2N (Y. Mansour, R. Heckel, arXiv 2303.11253): a small network trained on one noisy image.

Written anew from the paper: two 3x3 convolutions of 48 channels and a 1x1 one predict the noise;
two half-size images, each the mean of one diagonal of the 2x2 blocks, are each other's target, and
the denoised whole must agree with its denoised halves.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_lossviz.filter2noise import pair_downsample

CHANNELS = 48


def zero_shot_noise2noise(
    noisy: NDArray[np.float32], window: tuple[float, float], steps: int = 2000, seed: int = 0
) -> NDArray[np.float32]:
    """Return the denoised image; intensities are scaled so that the window is 0 to 1."""
    torch.manual_seed(seed)
    low, high = window
    network = nn.Sequential(
        nn.Conv2d(1, CHANNELS, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(CHANNELS, 1, 1),
    )
    image = torch.from_numpy((np.clip(noisy, low, high) - low) / (high - low))[None, None].float()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, max(1, steps // 2), 0.5)

    def denoised(x: Tensor) -> Tensor:
        return x - network(x)

    first, second = pair_downsample(image)
    for _ in range(steps):
        halves = denoised(first), denoised(second)
        whole = pair_downsample(denoised(image))
        residual = (halves[0] - second).square().mean() + (halves[1] - first).square().mean()
        consistency = sum(
            (half - part).square().mean() for half, part in zip(halves, whole, strict=True)
        )
        loss = (residual + consistency) / 2
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        output = denoised(image).clamp(0, 1)[0, 0].numpy()
    return (low + (high - low) * output).astype(np.float32)
