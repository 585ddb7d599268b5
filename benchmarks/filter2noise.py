"""Filter2Noise: time and memory by the size of the image, against the published way and peers.

    python benchmarks/filter2noise.py [--sizes 256 512 1024 2048] [--methods …]

The image is one slice of the simulated abdomen drawn at each size, with ramp-filtered noise of
20 HU. Every method runs in a process of its own, after a small run that loads and compiles. "Step"
and "result" are seconds of the processor, which a busy machine changes least; those of `paper()`,
of the straightforward version and of ZS-N2N are multiplied out from a few steps. Memory is the
largest resident one above that before the run. Total variation, non-local means and BM3D run once,
with a strength that fits the noise; finding it takes several such runs.

The straightforward version writes out neighbourhoods and all attention weights, those of one
layer 17 GB at 2048; `paper()` needs no such memory, but the time of its attention over the full
image grows with the fourth power of its side. Both are left out beyond what `_LARGEST` says.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import psutil
import torch
from filter2noise_quality import bm3d_of
from images import Case, correlated_noise
from skimage import restoration
from straightforward_filter2noise import Straightforward
from zs_n2n import zero_shot_noise2noise

from napari_lossviz.filter2noise import Filter2NoiseConfig, denoise
from napari_lossviz.filter2noise.intensity import SOFT_TISSUE, IntensityRange
from napari_lossviz.samples.phantom import PhantomGeometry, phantom_slice

SIZES = (256, 512, 1024, 2048)
NOISE = 20.0
_FIELD = 307.2
"""Side of the image in mm."""
_LARGEST = {"straightforward": 512, "paper()": 1024}
"""Pixels a side up to which slow methods are measured."""
_PRESETS = {
    "trained": Filter2NoiseConfig(),
    "instant()": Filter2NoiseConfig.instant(),
    "best()": Filter2NoiseConfig.best(),
}
_STEPS = {"straightforward": 500, "paper()": 500, "ZS-N2N": 2000}
"""Steps of a whole run of the methods of which a few are measured."""
METHODS = (*_STEPS, *_PRESETS, "total variation", "non-local means", "BM3D")


def case_of(size: int) -> Case:
    """Return the abdomen of `size` x `size` pixels."""
    geometry = PhantomGeometry(size=size, spacing=_FIELD / size, seed=5)
    clean = phantom_slice(4, geometry, oversampling=1)
    noisy = clean + correlated_noise(clean.shape, NOISE, np.random.default_rng(size))
    return Case(str(size), clean, noisy, SOFT_TISSUE)


@dataclass
class Stepped:
    """A method of many steps: takes some of them."""

    name: str
    case: Case

    def __post_init__(self) -> None:
        window = IntensityRange(float(self.case.noisy.min()), float(self.case.noisy.max()))
        self._x = torch.from_numpy(window.scale(self.case.noisy))[None, None]

    def __call__(self, steps: int) -> None:
        if self.name == "straightforward":
            model = Straightforward()
            for _ in range(steps):
                model.step(self._x)
        elif self.name == "paper()":
            denoise(self.case.noisy, Filter2NoiseConfig.paper().replace(steps=steps))
        else:
            zero_shot_noise2noise(self.case.noisy, SOFT_TISSUE, steps)


def whole_run(name: str, case: Case) -> np.ndarray:
    """Return the result of a method that is run as a whole."""
    if name in _PRESETS:
        return np.asarray(denoise(case.noisy, _PRESETS[name]).denoised)
    if name == "total variation":
        span = case.window[1] - case.window[0]
        return span * restoration.denoise_tv_chambolle(case.noisy / span, weight=NOISE / span)
    if name == "non-local means":
        options = {"patch_size": 5, "patch_distance": 6, "fast_mode": True}
        return restoration.denoise_nl_means(case.noisy, h=0.6 * NOISE, **options)
    return bm3d_of(case, case.noisy, 1.2)


def measured(work: Callable[[], None]) -> tuple[float, int]:
    """Return processor seconds of a call and its largest resident memory above before, in bytes."""
    process = psutil.Process()
    before = peak = process.memory_info().rss
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.005):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.process_time()
    try:
        work()
        seconds = time.process_time() - start
    finally:
        done.set()
        watcher.join()
    return seconds, peak - before


def run_one(name: str, size: int) -> dict[str, float]:
    """Return the figures of one method at one size."""
    torch.set_num_threads(1)
    small, case = case_of(64), case_of(size)
    if name not in _STEPS:
        whole_run(name, small)
        found: list[np.ndarray] = []
        seconds, memory = measured(lambda: found.append(whole_run(name, case)))
        return {"result": seconds, "memory": memory / 1e6, "psnr": case.psnr(found[0])}
    Stepped(name, small)(2)
    stepped = Stepped(name, case)
    few, more = 1, 4
    start, _ = measured(lambda: stepped(few))
    seconds, memory = measured(lambda: stepped(more))
    step = (seconds - start) / (more - few)
    return {"step": step, "result": step * _STEPS[name], "memory": memory / 1e6}


def main() -> None:
    """Measure every method at every size, each in a process of its own, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--one", action="store_true", help="one method and size, in this process")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(run_one(options.methods[0], options.sizes[0])))
        return
    print("| | size | step, s | result, s | memory, MB | PSNR, dB |\n|---|---|---|---|---|---|")
    for name in options.methods:
        for size in options.sizes:
            if size > _LARGEST.get(name, size):
                continue
            command = [sys.executable, __file__, "--one", "--methods", name, "--sizes", str(size)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                print(f"| {name} | {size} | failed: {done.stderr.splitlines()[-1]} |", flush=True)
                continue
            found = json.loads(done.stdout.splitlines()[-1])
            step = f"{found['step']:.3f}" if "step" in found else ""
            psnr = f"{found['psnr']:.2f}" if "psnr" in found else ""
            print(
                f"| {name} | {size} | {step} | {found['result']:.1f} | {found['memory']:.0f} "
                f"| {psnr} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
