"""Stain and seams beside blank slide: kernelised statistics against crops by themselves.

    python benchmarks/stain_blank.py [--mixtures 0 1 2] [--shifts 0 128 256 … 896]
        [--overlap 96] [--kernel 1]

Images of 2048 x 2048, made of the sample's one section, whose right half is blank, are translated
with the demonstration checkpoint. The mean DAB density of the other half is compared with crops of
512 within it, each translated by itself: with the eight crops of the grid from the corner on, and
with the mean over 16 grids, since crops could lie anywhere. The other grids don't fit: their crops
at the border are moved into the tissue and overlap others. Where they do, the mean of both counts.
If one of them won instead, the same few crops would decide in all grids; both such orders are
printed, to show what that alone changes. Seams are the gradient across the lines between tiles
over that of the whole half.
"""

import argparse
import itertools
import time

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from napari_lossviz.engine.tiles import cover
from napari_lossviz.samples.data import sample_path
from napari_lossviz.samples.stain_pairs import stain_section
from napari_lossviz.stain import StainConfig, load_checkpoint, translate
from napari_lossviz.stain.config import GRID
from napari_lossviz.stain.crops import to_grey_levels, to_network
from napari_lossviz.stain.density import hdab_densities
from napari_lossviz.stain.generator import ResnetGenerator

Image = NDArray[np.uint8]
SIZE, CROP, BORDER = 2048, 512, 1024
STEP = 128
WHITE = np.full(3, 255.0)


def mixture(section: Image, seed: int, regions: int = 24) -> Image:
    """Return regions with wavy borders, each a part of the section, turned and scaled at random."""
    random = np.random.default_rng(seed)
    middles = random.uniform(0, SIZE, (2, regions))
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    waves = [random.standard_normal((SIZE // 16, SIZE // 16)) for _ in range(2)]
    waves = [ndimage.gaussian_filter(wave, 6) for wave in waves]
    waves = [ndimage.zoom(wave / wave.std(), 16, order=1) * 40 for wave in waves]
    distances = [(y + waves[0] - v) ** 2 + (x + waves[1] - h) ** 2 for v, h in middles.T]
    nearest = np.argmin(distances, axis=0)
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    for i in range(regions):
        here = nearest == i
        turn, scale = random.uniform(0, 2 * np.pi), random.uniform(0.85, 1.15)
        start, half = random.uniform(100, 412, 2), random.uniform(40, 130)
        v, h = y[here] - middles[0, i], x[here] - middles[1, i]
        places = [
            (np.cos(turn) * v - np.sin(turn) * h) / scale,
            (np.sin(turn) * v + np.cos(turn) * h) / scale,
        ]
        # A square of the section around `start`, mirrored beyond it.
        places = [
            np.abs((place + half) % (4 * half) - 2 * half) - half + middle
            for place, middle in zip(places, start, strict=True)
        ]
        for c in range(3):
            values = ndimage.map_coordinates(
                section[..., c].astype(float), places, order=1, mode="reflect"
            )
            image[..., c][here] = np.rint(values)
    return image


def shift(text: str) -> tuple[int, int]:
    """Return pixels down and to the right, of '128' or '64,320'."""
    down, *right = map(int, text.split(","))
    return down, (right or [down])[0]


def images(shifts: list[tuple[int, int]], mixtures: list[int]) -> dict[str, Image]:
    """Return the images by name."""
    section = stain_section().source
    four = np.pad(section, ((0, CROP), (0, CROP), (0, 0)), mode="symmetric")
    found = {"repeated": np.tile(section, (4, 4, 1))}
    for down, right in shifts:
        name = f"{down}" if down == right else f"{down}, {right}"
        rolled = np.roll(four, (down, right), (0, 1))
        found[f"mirrored, {name} further"] = np.tile(rolled, (2, 2, 1))
    return found | {f"mixture {seed}": mixture(section, seed) for seed in mixtures}


def brown(pixels: Image) -> NDArray[np.float32]:
    """Return the DAB density."""
    return hdab_densities(pixels, WHITE).dab


def starts(first: int, length: int) -> list[int]:
    """Return where the crops of a grid start; those at the border are moved into the tissue."""
    inner = list(range(first, length - CROP + 1, CROP))
    return sorted({0, *inner, length - CROP})


def by_crops(generator: ResnetGenerator, image: Image) -> NDArray[np.float64]:
    """Return the mean density of the left half by 16 grids of crops, the first from the corner on.

    One row each for: the mean where crops overlap, the later of them, the earlier of them.
    """
    crops = {}
    for y in range(0, SIZE - CROP + 1, STEP):
        for x in range(0, BORDER - CROP + 1, STEP):
            with torch.inference_mode():
                crop = generator(to_network(image[None, y : y + CROP, x : x + CROP]))
            crops[y, x] = brown(to_grey_levels(crop)[0])
    found = []
    for grid in itertools.product(range(0, CROP, STEP), repeat=2):
        places = list(itertools.product(starts(grid[0], SIZE), starts(grid[1], BORDER)))
        total, count, later, earlier = np.zeros((4, SIZE, BORDER))
        for y, x in places:
            part = np.s_[y : y + CROP, x : x + CROP]
            total[part] += crops[y, x]
            count[part] += 1
            later[part] = crops[y, x]
        for y, x in reversed(places):
            earlier[y : y + CROP, x : x + CROP] = crops[y, x]
        found.append([(total / count).mean(), later.mean(), earlier.mean()])
    return np.array(found).T


def seams(image: Image, config: StainConfig) -> float:
    """Return the gradient across the lines between tiles over the mean gradient."""
    grey = image[:, :BORDER].astype(float).mean(axis=-1)
    lines = [span.own_start for span in cover(SIZE, config.tile, config.overlap, GRID)[1:]]
    ratios = []
    for axis in (0, 1):
        gradient = np.abs(np.diff(grey, axis=axis)).mean(axis=1 - axis)
        inside = [line - 1 for line in lines if line < gradient.size - 8]
        ratios.append(gradient[inside].mean() / gradient.mean())
    return float(np.mean(ratios))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    every = [(by, by) for by in range(0, 2 * CROP, STEP)]
    parser.add_argument("--mixtures", type=int, nargs="*", default=[0, 1, 2], help="seeds")
    parser.add_argument("--shifts", type=shift, nargs="*", default=every, help="128 or 64,320")
    parser.add_argument("--overlap", type=int, default=StainConfig().overlap)
    parser.add_argument("--kernel", type=int, default=StainConfig().kernel)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    checkpoint = load_checkpoint(sample_path("stain/demonstration.safetensors"))
    generator = checkpoint.generator()
    config = StainConfig(overlap=arguments.overlap, kernel=arguments.kernel, device="cpu")
    errors = []
    for name, image in images(arguments.shifts, arguments.mixtures).items():
        grids, later, earlier = by_crops(generator, image)
        mean = grids.mean()
        image[:, BORDER:] = 243
        started = time.process_time()
        translated = translate(image, checkpoint, config).translated
        seconds = time.process_time() - started
        ours = brown(translated)[:, :BORDER].mean()
        errors.append((ours / grids[0] - 1, ours / mean - 1))
        print(
            f"{name:24} first {ours / grids[0] - 1:+.1%}  mean {ours / mean - 1:+.1%}  "
            f"grids {grids.min() / mean - 1:+.1%} to {grids.max() / mean - 1:+.1%}  "
            f"later crop {ours / later.mean() - 1:+.1%}  earlier {ours / earlier.mean() - 1:+.1%}  "
            f"seams {seams(translated, config):.2f}  {seconds:.1f} s",
            flush=True,
        )
    for what, values in zip(("first", "mean"), np.abs(errors).T, strict=True):
        root = np.sqrt(np.mean(values**2))
        print(f"against the {what}: root mean square {root:.1%}, largest {values.max():.1%}")


if __name__ == "__main__":
    main()
