"""Training against the neighbouring slice (NS-N2N, arXiv 2411.10831) on our filter's maps.

    python benchmarks/ns_n2n.py [--steps 300]

The trained preset compares two halves of one slice. A series offers pairs for free: the next slice
has the same anatomy and independent noise, so that the squared difference from it is least, on
average, for the slice without noise. Here the same model is trained by that loss, with weight
where both slices, smoothed, agree within a third of the noise. Side by side: the trained preset,
and `instant()` with and without lending from the neighbours, which trains nothing.
"""

import argparse

import numpy as np
import torch
from images import Case, phantom_scans
from numpy.typing import NDArray
from scipy import ndimage

from napari_lossviz.core import Image
from napari_lossviz.filter2noise import Filter2NoiseConfig, denoise
from napari_lossviz.filter2noise.intensity import SOFT_TISSUE
from napari_lossviz.filter2noise.training import FilterModel

CROP, RATE, SMOOTHING, AGREEMENT = 96, 5e-3, 2.0, 0.35
LOW, HIGH = SOFT_TISSUE


def trained_on_neighbours(
    stack: NDArray[np.float32], noise: float, steps: int, power: int
) -> NDArray[np.float32]:
    """Return (N, H, W) slices filtered by a model that was trained on their neighbours."""
    x = torch.from_numpy((stack - LOW) / (HIGH - LOW))[:, None]
    smooth = np.stack([ndimage.gaussian_filter(one, SMOOTHING) for one in stack])
    content = (smooth > LOW) & (smooth < HIGH)
    model = FilterModel(2, torch.Generator().manual_seed(0))
    model.start_from_noise(noise / (HIGH - LOW))
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps + 1)
    generator = np.random.default_rng(0)
    for _ in range(steps):
        n = int(generator.integers(len(stack)))
        m = n + 1 if n == 0 else n - 1 if n == len(stack) - 1 else n + generator.choice([-1, 1])
        y, x0 = (int(generator.integers(side - CROP + 1)) for side in stack.shape[1:])
        part = slice(y, y + CROP), slice(x0, x0 + CROP)
        alike = np.abs(smooth[n] - smooth[m])[part] < AGREEMENT * noise
        weight = torch.from_numpy(alike & content[n][part])
        if not weight.any():
            continue
        difference = (model(x[n : n + 1, :, *part]) - x[m : m + 1, :, *part])[0, 0]
        loss = (difference.abs() ** power)[weight].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        found = torch.cat([model(one[None]) for one in x])[:, 0].numpy()
    return np.asarray(found * (HIGH - LOW) + LOW)


def main() -> None:
    """Train, compare, print the mean PSNR of five slices."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    torch.set_num_threads(1)
    names = ["noisy", "trained", "NS-N2N, L1", "NS-N2N, L2", "instant()", "instant(), 1 neighbour"]
    print(f"| | {' | '.join(names)} |")
    print("|---" * (len(names) + 1) + "|", flush=True)
    for slices in zip(*[list(phantom_scans(5, index)) for index in range(2, 7)], strict=True):
        stack = np.stack([one.noisy for one in slices])
        image = Image(stack, "zyx", value_unit="HU")
        trained = denoise(image)
        instant = Filter2NoiseConfig.instant()
        found = [
            stack,
            trained.denoised,
            *(
                trained_on_neighbours(stack, trained.metrics["noise"], options.steps, p)
                for p in (1, 2)
            ),
            denoise(image, instant).denoised,
            denoise(image, instant.replace(neighbours=1)).denoised,
        ]
        cells = " | ".join(f"{mean_psnr(slices, one):.2f}" for one in found)
        print(f"| {slices[0].name} | {cells} |", flush=True)


def mean_psnr(slices: tuple[Case, ...], stack: NDArray[np.floating]) -> float:
    """Return the mean PSNR in dB over the slices."""
    return float(np.mean([one.psnr(found) for one, found in zip(slices, stack, strict=True)]))


if __name__ == "__main__":
    main()
