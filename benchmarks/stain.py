"""Stain translation against the plain way, in one run.

    python benchmarks/stain.py [--quick] [--channels 64] [--size 1024] [--json FILE]

Time: megapixels a second of the plain way (float32, one tile after the other, spectral norm
computed at each one, every tile with its own statistics) and of ours with the same statistics, in
float32 and fast, measured by turns on one image; processor seconds count where others use the
machine too. Quality: mean and largest difference between fast and
float32 in grey levels, and, for kernelised statistics, the gradient across the lines between tiles
over that of the whole image.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.data import immunohistochemistry

from napari_lossviz.engine.precision import fast_dtype
from napari_lossviz.engine.tiles import cover
from napari_lossviz.stain import StainCheckpoint, StainConfig, load_checkpoint, translate
from napari_lossviz.stain.checkpoint import GENERATOR, Architecture
from napari_lossviz.stain.crops import to_grey_levels, to_network
from napari_lossviz.stain.generator import ResnetGenerator
from napari_lossviz.stain.networks import arrays_of

Image = NDArray[np.uint8]


def untrained(channels: int) -> StainCheckpoint:
    """Return a checkpoint of random weights: good for times, harsh on rounding."""
    generator = ResnetGenerator(channels, 6)
    return StainCheckpoint(Architecture(channels, 6), arrays_of(generator, GENERATOR), "untrained")


def plain(generator: ResnetGenerator, image: Image, tile: int) -> Image:
    """Translate tile by tile, without overlap."""
    result = np.zeros_like(image)
    with torch.no_grad():
        for y in range(0, image.shape[0], tile):
            for x in range(0, image.shape[1], tile):
                part = image[y : y + tile, x : x + tile]
                output = to_grey_levels(generator(to_network(part[None])))[0]
                result[y : y + tile, x : x + tile] = output
    return result


def median_seconds(
    runs: dict[str, Callable[[], object]], repeats: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the medians of time and of processor time of some runs, measured by turns."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            started = time.perf_counter(), time.process_time()
            run()
            times[name].append((time.perf_counter() - started[0], time.process_time() - started[1]))
    both = [
        {name: statistics.median(pair[i] for pair in pairs) for name, pairs in times.items()}
        for i in range(2)
    ]
    return both[0], both[1]


def seam_ratio(image: Image, tile: int, overlap: int) -> float:
    """Return the gradient across the middles of tiles' overlaps over that of the whole image."""
    gradient = np.abs(np.diff(image.astype(float).mean(axis=-1), axis=0)).mean(axis=1)
    lines = [span.own_start for span in cover(image.shape[0], tile, overlap, 4)[1:]]
    return float(gradient[[line - 1 for line in lines]].mean() / gradient.mean())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small network and image")
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--tile", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--checkpoint", default="", help="trained generator, for the differences")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.channels, arguments.size, arguments.tile, arguments.repeats = 16, 256, 128, 2
    size, tile = arguments.size, arguments.tile
    repeats = -(-size // 512)
    section = immunohistochemistry()
    image: Image = np.tile(section, (repeats, repeats, 1))[:size, :size]
    checkpoint = (
        load_checkpoint(arguments.checkpoint)
        if arguments.checkpoint
        else untrained(arguments.channels)
    )
    generator = checkpoint.generator()
    # Without overlap and with the tiles' own statistics both ways do the same work.
    same = StainConfig(
        statistics="tile", tile=tile, overlap=0, background="translate", device="cpu"
    )
    fast = same.replace(precision="fast")
    megapixels = size * size / 1e6
    runs: dict[str, Callable[[], object]] = {
        "plain": lambda: plain(generator, image, tile),
        "float32": lambda: translate(image, checkpoint, same),
        "fast": lambda: translate(image, checkpoint, fast),
    }
    for run in runs.values():
        run()
    seconds, processor = median_seconds(runs, arguments.repeats)
    exact = translate(image, checkpoint, same).translated
    difference = np.abs(exact.astype(int) - translate(image, checkpoint, fast).translated)
    found = {
        "threads": torch.get_num_threads(),
        "fast dtype": str(fast_dtype(torch.device("cpu"))),
        **{f"{name} megapixels per second": megapixels / s for name, s in seconds.items()},
        **{
            f"{name} processor seconds per megapixel": s / megapixels
            for name, s in processor.items()
        },
        "fast over plain": seconds["plain"] / seconds["fast"],
        "fast over plain in processor seconds": processor["plain"] / processor["fast"],
        "float32 over plain in processor seconds": processor["plain"] / processor["float32"],
        "mean difference in grey levels": float(difference.mean()),
        "largest difference in grey levels": int(difference.max()),
        "plain equals float32": bool(
            np.abs(exact.astype(int) - plain(generator, image, tile)).max() <= 1
        ),
    }
    overlap = tile // 4 // 8 * 8
    for statistics_ in ("tile", "kernelised"):
        config = StainConfig(statistics=statistics_, tile=tile // 2, overlap=overlap // 2 // 8 * 8)
        result = translate(image, checkpoint, config).translated
        found[f"{statistics_} seam ratio"] = seam_ratio(result, config.tile, config.overlap)
    for name, value in found.items():
        print(f"{name}: {value:.4g}" if isinstance(value, float) else f"{name}: {value}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
