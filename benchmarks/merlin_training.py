"""What training on the image itself brings, on simulated scenes whose reflectivity is known.

    python benchmarks/merlin_training.py [--quick] [--seed 1] [--size 512] [--only white]

For white and for band-limited speckle: the root mean square error of the logarithm of the
reflectivity of the classical filters (each with the window that suits this truth best, which no
user could know), of the pretrained network, and of the network after short and long trainings on
the image alone and after those from random weights. "One minute" and "eight minutes" are as many
steps as two cores of a server do in that time, the others are the presets. Times are of the whole
`despeckle`: training, statistics and application together. Over-fitting would show in the loss on
the blocks that are held out: its last value above its lowest one.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_lossviz.core import Step
from napari_lossviz.engine.blocks import available_threads
from napari_lossviz.engine.precision import fast_dtype
from napari_lossviz.merlin import MerlinConfig, despeckle
from napari_lossviz.metrics.speckle_filters import CLASSICAL_FILTERS
from napari_lossviz.samples.slc import WHITE, SimulatedSlc, TransferFunction, simulate_slc

SPECKLE = {"white": WHITE, "band-limited": TransferFunction()}
WINDOWS = (3, 5, 7, 9, 11)
TRAININGS = {
    "one minute": MerlinConfig.fine_tune().replace(steps=235),
    "fine-tuned": MerlinConfig.fine_tune(),
    "eight minutes": MerlinConfig.best().replace(steps=1900),
    "best": MerlinConfig.best(),
    "from scratch, half": MerlinConfig.from_scratch().replace(steps=3000),
    "from scratch": MerlinConfig.from_scratch(),
}


class History:
    """A reporter that keeps the losses of the training's steps."""

    def __init__(self) -> None:
        self.validation: list[float] = []
        self.trained_after = 0.0
        self._start = time.perf_counter()

    def __call__(self, step: Step, /) -> None:
        """Keep what a step says."""
        if "validation" in step.losses:
            self.validation.append(step.losses["validation"])
            self.trained_after = time.perf_counter() - self._start


def rmse(intensity: NDArray[Any], scene: SimulatedSlc) -> float:
    """Return the root mean square error of the natural logarithm of the reflectivity."""
    return float(np.sqrt(np.mean((np.log(intensity) - np.log(scene.reflectivity)) ** 2)))


def classical(scene: SimulatedSlc) -> dict[str, dict[str, float]]:
    """Return the error of every classical filter, with its best window."""
    intensity = np.abs(scene.slc) ** 2
    found = {}
    for name, smooth in CLASSICAL_FILTERS.items():
        errors = {size: rmse(smooth(intensity, size=size), scene) for size in WINDOWS}
        best = min(errors, key=errors.__getitem__)
        found[name] = {"rmse": errors[best], "window": best}
    return found


def learned(scene: SimulatedSlc, config: MerlinConfig) -> dict[str, float]:
    """Return error, time and course of one despeckling."""
    history = History()
    start, processor = time.perf_counter(), time.process_time()
    amplitude = despeckle(scene.slc, config, reporter=history).amplitude
    figures = {"rmse": rmse(amplitude.astype(np.float64) ** 2, scene)}
    figures["seconds"] = time.perf_counter() - start
    figures["processor_seconds"] = time.process_time() - processor
    if history.validation:
        figures["steps"] = len(history.validation)
        figures["seconds_of_training"] = history.trained_after
        figures["validation_first"] = history.validation[0]
        figures["validation_lowest"] = min(history.validation)
        figures["validation_last"] = history.validation[-1]
    return figures


def main() -> None:
    """Run everything and print it as it comes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few steps, to see that it runs")
    parser.add_argument("--only", choices=list(SPECKLE))
    parser.add_argument("--trainings", choices=list(TRAININGS), nargs="*", default=list(TRAININGS))
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print(
        f"torch {torch.__version__}, {available_threads()} cores, "
        f"fast means {fast_dtype(torch.device('cpu'))}"
    )
    report: dict[str, dict[str, Any]] = {}
    for name, transfer in SPECKLE.items():
        if options.only in (None, name):
            report[name] = compare(name, transfer, options)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))


def compare(name: str, transfer: TransferFunction, options: argparse.Namespace) -> dict[str, Any]:
    """Return all figures of one kind of speckle."""
    scene = simulate_slc((options.size, options.size), seed=options.seed, transfer=transfer)
    print(f"\n{name}, {options.size} x {options.size}, seed {options.seed}")
    report: dict[str, Any] = {}

    def note(way: str, figures: dict[str, float]) -> None:
        report[way] = figures
        print(f"  {way:14s}", *(f"{key} {value:.4g}" for key, value in figures.items()), flush=True)

    for way, figures in classical(scene).items():
        note(way, figures)
    note("pretrained", learned(scene, MerlinConfig()))
    for way, config in TRAININGS.items():
        if way in options.trainings:
            note(way, learned(scene, config.replace(steps=20) if options.quick else config))
    return report


if __name__ == "__main__":
    main()
