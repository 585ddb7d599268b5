"""Filter2Noise: quality and time of the presets against the published way, in one run.

    python benchmarks/filter2noise.py [--quick] [--seeds 3] [--json FILE]

Quality: PSNR in the window of each image, for `paper()` (500 full-image steps; our kernels, which
change its time but not its mathematics), the default over several seeds, and `instant()`. Time:
the default and `instant()` against 500 steps of the straightforward torch version, whose step time
is measured between the others in the same run (`--straightforward-steps` of them; the rest of the
500 is multiplied out). Memory: peak resident memory above import, in a process of its own.
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
from images import Case, cases
from straightforward_filter2noise import Straightforward

from napari_lossviz.engine.blocks import available_threads
from napari_lossviz.filter2noise import Filter2NoiseConfig, apply_sigma_maps, denoise
from napari_lossviz.filter2noise.intensity import IntensityRange

_MEMORY_SCRIPT = """
import sys, threading, time
import numpy, psutil
from napari_lossviz.filter2noise import Filter2NoiseConfig, denoise
import napari_lossviz.filter2noise.trained_run
image = numpy.load(sys.argv[1])
config = getattr(Filter2NoiseConfig, sys.argv[2])() if sys.argv[2] else Filter2NoiseConfig()
denoise(image[:64, :64], config.replace(steps=2))
process = psutil.Process()
before = peak = process.memory_info().rss
done = threading.Event()
def watch():
    global peak
    while not done.wait(0.002):
        peak = max(peak, process.memory_info().rss)
watcher = threading.Thread(target=watch)
watcher.start()
denoise(image, config)
done.set()
watcher.join()
print((peak - before) / 1e9)
"""


def timed(work: Callable[[], object]) -> float:
    """Return the wall time of one call in seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def quality(chosen: list[Case], seeds: int, with_paper: bool) -> list[dict[str, object]]:
    """Return PSNR by preset for every case, printing each row as it comes."""
    rows = []
    header = f"{'image':22s} {'noisy':>6s} {'paper':>6s} {'default (seeds)':>24s} {'instant':>7s}"
    print(header, flush=True)
    for case in chosen:
        noisy = case.psnr(case.noisy)
        paper = float("nan")
        if with_paper:
            paper = case.psnr(denoise(case.noisy, Filter2NoiseConfig.paper()).denoised)
        default = [
            case.psnr(denoise(case.noisy, Filter2NoiseConfig(seed=seed)).denoised)
            for seed in range(seeds)
        ]
        instant = case.psnr(denoise(case.noisy, Filter2NoiseConfig.instant()).denoised)
        shown = " ".join(f"{value:.2f}" for value in default)
        print(f"{case.name:22s} {noisy:6.2f} {paper:6.2f} {shown:>24s} {instant:7.2f}", flush=True)
        rows.append(
            {
                "image": case.name,
                "noisy": noisy,
                "paper": paper,
                "default": default,
                "instant": instant,
            }
        )
    return rows


def summary(rows: list[dict]) -> dict[str, float]:
    """Return the figures that the presets are judged by."""
    gaps = [statistics.fmean(row["default"]) - row["paper"] for row in rows]
    worst = [min(row["default"]) - row["paper"] for row in rows]
    return {
        "default_minus_paper_mean_db": statistics.fmean(gaps),
        "default_minus_paper_worst_image_db": min(gaps),
        "default_minus_paper_worst_seed_db": min(worst),
        "instant_minus_default_mean_db": statistics.fmean(
            row["instant"] - statistics.fmean(row["default"]) for row in rows
        ),
    }


def times(case: Case, straightforward_steps: int, repeats: int = 3) -> dict[str, float]:
    """Return times of one 512 x 512 image, measured by turns."""
    scaled = IntensityRange(float(case.noisy.min()), float(case.noisy.max())).scale(case.noisy)
    x = torch.from_numpy(scaled)[None, None]
    plain = Straightforward()
    default, instant = Filter2NoiseConfig(), Filter2NoiseConfig.instant()
    for config in (instant, default.replace(steps=2)):
        denoise(case.noisy, config)  # compiles
    plain.step(x)
    per_step, default_times, instant_times = [], [], []
    for _ in range(repeats):
        per_step += [timed(lambda: plain.step(x)) for _ in range(straightforward_steps // repeats)]
        default_times.append(timed(lambda: denoise(case.noisy, default)))
        instant_times += [timed(lambda: denoise(case.noisy, instant)) for _ in range(3)]
    rng = np.random.default_rng(0)
    sigma = np.empty((1, 3, *case.noisy.shape), np.float32)
    sigma[0, :2] = rng.uniform(0.5, 2.0, (2, *case.noisy.shape))
    sigma[0, 2] = rng.uniform(10, 60, case.noisy.shape)
    applied = [timed(lambda: apply_sigma_maps(case.noisy, sigma, windows=[5])) for _ in range(20)]
    step = statistics.median(per_step)
    seconds = statistics.median(default_times)
    return {
        "straightforward_step_s": step,
        "straightforward_500_steps_s": 500 * step,
        "default_s": seconds,
        "default_is_one_of": 500 * step / seconds,
        "instant_s": statistics.median(instant_times),
        "apply_5x5_one_stage_ms": 1e3 * statistics.median(applied),
    }


def memory(case: Case, folder: Path) -> dict[str, float]:
    """Return peak resident memory above import in GB."""
    file = folder / "lossviz_benchmark.npy"
    np.save(file, case.noisy)
    found = {}
    for name in ("", "instant"):
        command = [sys.executable, "-c", _MEMORY_SCRIPT, str(file), name]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found[f"{name or 'default'}_peak_gb"] = float(output)
    file.unlink()
    return found


def main() -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two images, one seed, no paper()")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--straightforward-steps", type=int, default=9)
    parser.add_argument("--only", choices=("quality", "speed"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    chosen = list(cases())
    print(f"torch {torch.__version__}, {available_threads()} cores")
    report: dict[str, object] = {}
    if options.only != "quality":
        report["times"] = times(chosen[1], options.straightforward_steps)
        report["memory"] = memory(chosen[1], Path(tempfile.gettempdir()))
        for part in ("times", "memory"):
            for name, value in report[part].items():  # type: ignore[attr-defined]
                print(f"{name:30s} {value:10.3f}", flush=True)
    if options.only != "speed":
        seeds = 1 if options.quick else options.seeds
        rows = quality(chosen[:2] if options.quick else chosen, seeds, not options.quick)
        report["quality"] = rows
        if not options.quick:
            report["summary"] = summary(rows)
            for name, value in report["summary"].items():  # type: ignore[attr-defined]
                print(f"{name:40s} {value:7.2f}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
