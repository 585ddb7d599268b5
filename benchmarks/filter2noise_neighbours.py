"""What neighbouring slices bring: PSNR of the middle one of five slices, with and without.

    python benchmarks/filter2noise_neighbours.py [--seed 5] [--index 4]

The slices are those of a simulated abdomen, 3 mm apart, at three doses and through two
reconstruction kernels; their truth is the same reconstruction without noise. The seed chose no
constant of the filter.
"""

import argparse

import numpy as np
from images import phantom_scans

from napari_lossviz.core import Image
from napari_lossviz.filter2noise import Filter2NoiseConfig, denoise

CONFIGS = {"instant()": Filter2NoiseConfig.instant(), "best()": Filter2NoiseConfig.best()}
NEIGHBOURS = (0, 1, 2)


def main() -> None:
    """Denoise, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--index", type=int, default=4, help="the middle slice")
    options = parser.parse_args()
    numbers = range(options.index - 2, options.index + 3)
    scans = [list(phantom_scans(options.seed, index)) for index in numbers]
    columns = [f"{name}, {count}" for name in CONFIGS for count in NEIGHBOURS]
    print(f"| | noisy | {' | '.join(columns)} |")
    print("|---" * (len(columns) + 2) + "|", flush=True)
    gains = []
    for slices in zip(*scans, strict=True):  # one dose and kernel
        middle = slices[2]
        stack = np.stack([one.noisy for one in slices])
        image = Image(stack, "zyx", value_unit="HU")
        found = [
            middle.psnr(np.asarray(denoise(image, config.replace(neighbours=count)).denoised)[2])
            for config in CONFIGS.values()
            for count in NEIGHBOURS
        ]
        gains.append(found)
        cells = " | ".join(f"{value:.2f}" for value in (middle.psnr(middle.noisy), *found))
        print(f"| {middle.name} | {cells} |", flush=True)
    print(f"| mean | | {' | '.join(f'{value:.2f}' for value in np.mean(gains, axis=0))} |")


if __name__ == "__main__":
    main()
