"""Betti matching of a pair against gudhi's barcode of one of the two images, in one run.

    python benchmarks/betti.py [--quick] [--json FILE]

Ours: both barcodes, the matching, values and coordinates of every interval. gudhi: the barcode of
one image, a lower job. Images are float32 (gudhi's the same values in float64): Gaussian-filtered
noise of sigma 2 ("smooth") and white noise. Both are timed by turns; the median counts, the spread
is from lowest to highest. Memory is the peak above that before the call, in a process of its own.
At the end: the time of the first use, when the kernels are compiled, in a process without a cache.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import gudhi
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_lossviz.betti.intervals import dimension_matchings
from napari_lossviz.betti.pairing import pair_images
from napari_lossviz.engine.blocks import available_threads

SIZES = {2: (64, 128, 256, 512, 1024, 2048), 3: (32, 64, 96, 128)}
QUICK = {2: (64, 512), 3: (32, 64)}
TARGETS = {(2, 512): "at most 0.25 of gudhi", (2, 1024): "at most 0.3 of gudhi",
           (3, 64): "at most 0.7 s", (3, 96): "at most 4.3 s"}  # fmt: skip

_MEMORY_SCRIPT = """
import sys, threading
import psutil
from benchmarks.betti import image_pair, ours
axes, size, sigma = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
ours(*image_pair(axes, 16, sigma))
pair = image_pair(axes, size, sigma)
process = psutil.Process()
before = peak = process.memory_info().rss
done = threading.Event()
def watch():
    global peak
    while not done.wait(0.002):
        peak = max(peak, process.memory_info().rss)
watcher = threading.Thread(target=watch)
watcher.start()
ours(*pair)
done.set()
watcher.join()
print(peak - before)
"""

_FIRST_USE_SCRIPT = """
import time
import numpy as np
start = time.perf_counter()
from napari_lossviz.betti import match
match(np.eye(8, dtype=np.float32), np.ones((8, 8), np.float32))
plane = time.perf_counter()
match(np.zeros((5, 5, 5), np.float32), np.ones((5, 5, 5), np.float32))
print(plane - start, time.perf_counter() - plane)
"""


def image_pair(axes: int, size: int, sigma: float) -> tuple[NDArray[np.float32], ...]:
    """Return two independent images."""
    rng = np.random.default_rng(size)
    images = (rng.standard_normal((size,) * axes) for _ in range(2))
    return tuple((gaussian_filter(i, sigma) if sigma else i).astype(np.float32) for i in images)


def ours(prediction: NDArray[np.float32], target: NDArray[np.float32]) -> None:
    """Match a pair, up to values and coordinates."""
    pairing = pair_images(prediction, target)
    dimension_matchings(pairing, prediction, target, filtration="superlevel", essential=False)


def gudhis(image: NDArray[np.float32]) -> None:
    """Compute one barcode."""
    cubical = gudhi.CubicalComplex(vertices=-image.astype(np.float64))
    cubical.compute_persistence(min_persistence=0)
    for d in range(image.ndim):
        cubical.persistence_intervals_in_dimension(d)


def timed(work: Callable[[], None]) -> float:
    """Return the wall time of one call in seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(axes: int, size: int, sigma: float, repeats: int) -> dict[str, float]:
    """Return times of one size, taken by turns."""
    pair = image_pair(axes, size, sigma)
    ours(*image_pair(axes, 16, sigma))
    mine, theirs = [], []
    for _ in range(repeats):
        mine += [timed(lambda: ours(*pair)) for _ in range(2)]
        theirs.append(timed(lambda: gudhis(pair[0])))
    return {
        "ours_s": statistics.median(mine),
        "ours_lowest_s": min(mine),
        "ours_highest_s": max(mine),
        "gudhi_s": statistics.median(theirs),
        "gudhi_lowest_s": min(theirs),
        "ratio": statistics.median(mine) / statistics.median(theirs),
        "ratio_of_lowest": min(mine) / min(theirs),
    }


def peak_memory(axes: int, size: int, sigma: float) -> int:
    """Return the peak of resident memory above that before, in bytes."""
    command = [sys.executable, "-c", _MEMORY_SCRIPT, str(axes), str(size), str(sigma)]
    root = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": root}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return int(done.stdout)


def first_use() -> tuple[float, float]:
    """Return the seconds of the first matching in 2D and in 3D, compilation included."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        command = [sys.executable, "-c", _FIRST_USE_SCRIPT]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    plane, volume = map(float, done.stdout.split())
    return plane, volume


def main() -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two sizes of each kind")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print(f"gudhi {gudhi.__version__}, {available_threads()} cores")
    print(f"{'image':22s} {'ours':>9s} {'gudhi':>9s} {'ratio':>6s} {'best':>6s} {'B/pixel':>8s}")
    rows = []
    for axes, sizes in (QUICK if options.quick else SIZES).items():
        for kind, sigma in (("smooth", 2.0), ("white noise", 0.0)):
            before = None
            for size in sizes:
                row = compare(axes, size, sigma, 1 if size >= 2048 else options.repeats)
                memory = peak_memory(axes, size, sigma)
                growth = f"  x{row['ours_s'] / before:.1f}" if before else ""
                before = row["ours_s"]
                name = f"{kind} {size}^{axes}"
                print(
                    f"{name:22s} {row['ours_s']:8.4f}s {row['gudhi_s']:8.4f}s {row['ratio']:6.3f} "
                    f"{row['ratio_of_lowest']:6.3f} {memory / size**axes:8.0f}{growth:8s}"
                    f"{'  ' + TARGETS.get((axes, size), '') if sigma else ''}",
                    flush=True,
                )
                rows.append({"axes": axes, "size": size, "kind": kind, "memory": memory, **row})
    plane, volume = first_use()
    print(f"first use, compilation included: {plane:.1f} s in 2D, {volume:.1f} s more in 3D")
    if options.json:
        report = {"rows": rows, "first_use_2d_s": plane, "first_use_3d_s": volume}
        options.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
