"""MERLIN's inference against the plain way, in one run.

    python benchmarks/merlin.py [--quick] [--weights spotlight] [--size 2048] [--json FILE]

Time: seconds per megapixel of the plain way (one 256 patch at a time, stride 254, float32, real
and imaginary part one after the other) and of ours, float32 and fast, measured by turns on one
simulated SLC. Quality: log-reflectivity RMSE against the simulator's truth, and the energy of the
gradient across the lines where our tiles blend, over that of all other lines, divided by the same
of the plain result, whose patches lie elsewhere: 1 where there is no seam. Memory: resident memory
of a process of its own that despeckles a large scene from a zarr store into another one.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from plain_merlin import PlainMerlin

from napari_lossviz.engine.blocks import available_threads
from napari_lossviz.engine.precision import fast_dtype
from napari_lossviz.merlin import MerlinConfig, despeckle, load_weights
from napari_lossviz.merlin.tiles import cover
from napari_lossviz.samples.slc import simulate_slc

_MEMORY_SCRIPT = """
import sys, threading
import numpy, psutil, zarr
from napari_lossviz.merlin import MerlinConfig, despeckle
folder, side, weights = sys.argv[1], int(sys.argv[2]), sys.argv[3]
store = zarr.create_array(f"{folder}/slc.zarr", shape=(side, side), chunks=(512, 512),
                          dtype="complex64")
rng = numpy.random.default_rng(0)
for y in range(0, side, 512):
    shape = store[y : y + 512].shape
    store[y : y + 512] = 100 * (rng.normal(size=shape) + 1j * rng.normal(size=shape))
del rng
process = psutil.Process()
peak = process.memory_info().rss
done = threading.Event()
def watch():
    global peak
    while not done.wait(0.02):
        peak = max(peak, process.memory_info().rss)
watcher = threading.Thread(target=watch)
watcher.start()
despeckle(store, MerlinConfig(weights=weights, precision="fast"), out=f"{folder}/out.zarr")
done.set()
watcher.join()
print(peak / 1e9)
"""


def compare(size: int, weights: str, repeats: int) -> dict[str, float]:
    """Return times and quality of the plain way and of ours."""
    scene = simulate_slc((size, size), seed=1)
    truth = np.log(scene.reflectivity)
    plain = PlainMerlin(load_weights(weights))
    settings = MerlinConfig(weights=weights, symmetrise=False, check_statistics=False)
    ways: dict[str, Callable[[NDArray[np.complex64]], NDArray[np.float32]]] = {
        "plain": plain.amplitude,
        "float32": lambda slc: despeckle(slc, settings).amplitude,
        "fast": lambda slc: despeckle(slc, settings.replace(precision="fast")).amplitude,
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    found: dict[str, NDArray[np.float32]] = {}
    for way in ways.values():
        way(scene.slc[:512, :512])
    for _ in range(repeats):
        for name, way in ways.items():
            start = time.perf_counter()
            found[name] = way(scene.slc)
            times[name].append((time.perf_counter() - start) / (size**2 / 1e6))
    report = {f"{name}_s_per_megapixel": statistics.median(t) for name, t in times.items()}
    for name in ("float32", "fast"):
        ratios = [a / b for a, b in zip(times["plain"], times[name], strict=True)]
        report[f"{name}_times_as_fast"] = statistics.median(ratios)
    for name, amplitude in found.items():
        logarithm = 2 * np.log(amplitude)
        report[f"{name}_rmse"] = float(np.sqrt(np.mean((logarithm - truth) ** 2)))
        if name != "plain":
            own = seam_energy(logarithm, settings)
            same_lines = seam_energy(2 * np.log(found["plain"]), settings)
            report[f"{name}_seam_energy"] = max(a / b for a, b in zip(own, same_lines, strict=True))
    return report


def seam_energy(logarithm: NDArray[np.float32], config: MerlinConfig) -> tuple[float, float]:
    """Return the mean squared step across seams over that across all other lines, for both axes.

    Seams are all lines from the start to the end of every overlap, in which a visible one would
    lie. What the scene holds there is chance: the figure is to be compared with that of an image
    whose tiles lie elsewhere, at the same lines.
    """
    found = []
    for axis in (0, 1):
        steps = np.mean(np.diff(logarithm, axis=axis) ** 2, axis=1 - axis)
        seam = np.zeros(len(steps), bool)
        for span in cover(logarithm.shape[axis], config.tile, config.overlap)[1:]:
            seam[span.start - 1 : span.start + span.before] = True
        found.append(float(steps[seam].mean() / steps[~seam].mean()))
    return found[0], found[1]


def memory(side: int, weights: str) -> float:
    """Return the resident memory in GB while a scene of this side is despeckled."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", _MEMORY_SCRIPT, folder, str(side), weights]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1024 and 2048 instead, once")
    parser.add_argument("--weights", default="spotlight")
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory-size", type=int, default=8192)
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.quick:
        options.size, options.repeats, options.memory_size = 1024, 1, 2048
    fast = fast_dtype(torch.device("cpu"))
    print(f"torch {torch.__version__}, {available_threads()} cores, fast means {fast}", flush=True)
    report = compare(options.size, options.weights, options.repeats)
    if not options.no_memory:
        report[f"resident_gb_{options.memory_size}"] = memory(options.memory_size, options.weights)
    for name, value in report.items():
        print(f"{name:28s} {value:8.3f}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
