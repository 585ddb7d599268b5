"""How `lossviz batch` scales with its workers on one machine, and what each part of it takes.

Copies the bundled low-dose CT series many times, each under a series number of its own, and runs
the same batch with one and with two worker processes of one thread each, and with one worker of two
threads, in turn, so that whatever else the machine does meets all alike. Told are the time until
each worker has its first result (it starts, torch is loaded, kernels are compiled), and the steady
rate after that, in seconds by the clock and in seconds of a processor, which hardly depend on what
else runs; besides, what looking at the files takes, and a batch that is all done before.
`python benchmarks/batch_scaling.py --series 16 --rounds 3 --output batch_scaling.csv`.
"""

import argparse
import csv
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import psutil
import pydicom
from pydicom.uid import generate_uid

from napari_lossviz import samples
from napari_lossviz.io.survey import survey
from napari_lossviz.jobs.batch.batch_state import Batch, BatchListener
from napari_lossviz.jobs.batch.record import ItemRecord
from napari_lossviz.jobs.batch.run import Where, run_batch
from napari_lossviz.jobs.batch.settings import settings_for
from napari_lossviz.jobs.registry import find_method

SETUPS = ((1, 1), (2, 1), (1, 2))
"""Workers, and threads of each."""


@dataclass(frozen=True)
class Measured:
    """One batch.

    Attributes
    ----------
    preset : str
    workers, threads, series, slices : int
    first, steady, whole : float
        Seconds: until each worker has a result, of a series after that, and in all.
    processor : float
        Seconds of a processor that the workers take for a series after the first ones.
    run : float
        Median seconds of the method itself on a series.
    load : float
        Processes that want to run, as the system averages them over a minute.
    """

    preset: str
    workers: int
    threads: int
    series: int
    slices: int
    first: float
    steady: float
    whole: float
    processor: float
    run: float
    load: float


class Stopwatch(BatchListener):
    """Notes when each result comes, and what the workers have taken of a processor by then."""

    def __init__(self) -> None:
        self.begun = time.perf_counter()
        self.ended: list[float] = []
        self.processor: list[float] = []

    def item_ended(self, batch: Batch, record: ItemRecord) -> None:
        self.ended.append(time.perf_counter() - self.begun)
        workers = [one.cpu_times() for one in psutil.Process().children(recursive=True)]
        self.processor.append(sum(one.user + one.system for one in workers))


def make_series(folder: Path, count: int, slices: int, side: int) -> None:
    """Write series of the sample's slices, over and over, enlarged by repeating their pixels."""
    files = sorted(samples.sample_path("low_dose_ct").iterdir())
    for number in range(count):
        place = folder / f"series_{number:03d}"
        place.mkdir(parents=True)
        uid = generate_uid()
        for place_in_stack in range(slices):
            dataset = pydicom.dcmread(files[place_in_stack % len(files)])
            dataset.decompress()
            times = max(side // dataset.Rows, 1)
            pixels = dataset.pixel_array.repeat(times, 0).repeat(times, 1)
            dataset.Rows, dataset.Columns = pixels.shape
            dataset.PixelData = pixels.tobytes()
            dataset.PixelSpacing = [spacing / times for spacing in dataset.PixelSpacing]
            dataset.SeriesInstanceUID, dataset.SeriesNumber = uid, number + 1
            dataset.InstanceNumber = place_in_stack + 1
            x, y, _ = dataset.ImagePositionPatient
            dataset.ImagePositionPatient = [x, y, 2.0 * place_in_stack]
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            dataset.save_as(place / f"{place_in_stack:04d}.dcm")


def measure(
    folder: Path, out: Path, preset: str, setup: tuple[int, int], slices: int, maps: bool
) -> Measured:
    """Run one batch from nothing."""
    workers, threads = setup
    method = find_method("filter2noise")
    watch = Stopwatch()
    batch = run_batch(
        [folder],
        out,
        settings_for(method, method.preset(preset), maps=maps),
        where=Where(workers=workers, threads=threads),
        listener=watch,
    )
    whole = time.perf_counter() - watch.begun
    assert not batch.failed
    first, last = watch.ended[workers - 1], watch.ended[-1]
    after = len(watch.ended) - workers
    return Measured(
        preset=preset,
        workers=workers,
        threads=threads,
        series=len(batch.records),
        slices=slices,
        first=first,
        steady=(last - first) / after,
        whole=whole,
        processor=(watch.processor[-1] - watch.processor[workers - 1]) / after,
        run=statistics.median(one.seconds for one in batch.records.values()),
        load=os.getloadavg()[0],
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a line for each batch, and write all to a CSV file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--presets", nargs="+", default=["instant", "trained"])
    parser.add_argument("--slices", type=int, default=8, help="of a series")
    parser.add_argument("--side", type=int, default=256, help="of a slice, in pixels")
    parser.add_argument("--no-maps", action="store_true", help="as of lossviz batch")
    parser.add_argument("--output", type=Path)
    chosen = parser.parse_args(arguments)
    found: list[Measured] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder, out = Path(temporary, "in"), Path(temporary, "out")
        make_series(folder, chosen.series, chosen.slices, chosen.side)
        begun = time.perf_counter()
        survey([folder])
        looking = (time.perf_counter() - begun) / (chosen.series * chosen.slices)
        print(f"looking at the files: {1000 * looking:.2f} ms a file")
        for preset in chosen.presets:
            for number in range(chosen.rounds):
                # in turn, and each round another first: what else runs meets all alike
                for setup in SETUPS[number % 3 :] + SETUPS[: number % 3]:
                    shutil.rmtree(out, ignore_errors=True)
                    maps = not chosen.no_maps
                    one = measure(folder, out, preset, setup, chosen.slices, maps)
                    found.append(one)
                    print(
                        f"{preset}, {one.workers} worker(s) x {one.threads} thread(s): first "
                        f"{one.first:.1f} s, then {one.steady:.3f} s a "
                        f"series ({one.processor:.2f} s of a processor, the run {one.run:.3f} s), "
                        f"in all {one.whole:.1f} s, load {one.load:.1f}",
                        flush=True,
                    )
        begun = time.perf_counter()
        method = find_method("filter2noise")
        config = method.preset(chosen.presets[-1])
        again = run_batch([folder], out, settings_for(method, config, maps=not chosen.no_maps))
        assert again.earlier == chosen.series
        took = time.perf_counter() - begun
        size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
        megabytes = size / chosen.series / 1e6
        print(f"all done before: {took:.2f} s; {megabytes:.2f} MB written a series")
    for preset in chosen.presets:
        medians = {
            (workers, threads): statistics.median(
                one.steady
                for one in found
                if (one.preset, one.workers, one.threads) == (preset, workers, threads)
            )
            for workers, threads in SETUPS
        }
        told = ", ".join(f"{w} x {t}: {medians[w, t]:.3f} s" for w, t in SETUPS)
        gain = medians[1, 1] / medians[2, 1]
        print(f"{preset}, median of a series: {told}; two workers are {gain:.2f} times as fast")
    if chosen.output is not None:
        with chosen.output.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow([field.name for field in fields(Measured)])
            writer.writerows(map(astuple, found))


if __name__ == "__main__":
    main()
