"""Filter2Noise on a series of 100 slices and on a large image: time, memory, and quality.

Each preset runs in a process of its own, from one zarr store to another, and tells its seconds,
processor seconds and peak resident memory. Of some slices the result is compared with that of the
slice by itself.

The series is made of the sample phantom's eight slices at full dose (256 x 256): slice k lies
between two of them by linear interpolation, is shifted by some pixels, and is enlarged to 512 x 512
by cubic splines; then comes fresh ramp-filtered noise of 20 HU, 20 % more and less along the
series. It is smoother than a scan of that size. The large image is a mosaic of 16 such slices.

With --command, `lossviz denoise` is measured instead, from a folder of DICOM slices to another.

    python benchmarks/filter2noise_series.py [--slices 100] [--presets instant best trained]
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pydicom
import zarr
from images import Case, correlated_noise
from numpy.typing import NDArray
from scipy import ndimage

from napari_lossviz.core import Image, Step
from napari_lossviz.engine.memory import PeakMemory
from napari_lossviz.filter2noise import Filter2NoiseConfig, denoise
from napari_lossviz.filter2noise.intensity import SOFT_TISSUE
from napari_lossviz.samples import full_dose_ct, sample_path

PRESETS = {
    "instant": Filter2NoiseConfig.instant(),
    "best": Filter2NoiseConfig.best(),
    "trained": Filter2NoiseConfig(),
}
SIDE = 512
NOISE = 20.0
_FIRST = ("strength chosen", "noise measured")
"""Steps after which slices are what is left to do."""


def clean_slice(k: int, count: int, phantom: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return slice `k` of `count` without noise."""
    z = k * (len(phantom) - 1) / max(count - 1, 1)
    below = min(int(z), len(phantom) - 2)
    between = (1 - z + below) * phantom[below] + (z - below) * phantom[below + 1]
    shift = (round(6 * np.sin(0.37 * k)), round(6 * np.cos(0.23 * k)))
    moved = np.roll(between, shift, axis=(0, 1))
    return np.asarray(ndimage.zoom(moved, SIDE / moved.shape[0], order=3), np.float32)


def noisy_slice(k: int, clean: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return slice `k` with noise of its own."""
    sigma = NOISE * (1 + 0.2 * np.sin(0.1 * k))
    return clean + correlated_noise(clean.shape, sigma, np.random.default_rng([3, k]))


def make_series(folder: Path, count: int) -> None:
    """Write a series, noisy and clean, as stores of one slice a chunk."""
    phantom = np.asarray(full_dose_ct()[0].array, np.float32)
    stores = [
        zarr.create_array(
            str(folder / name), shape=(count, SIDE, SIDE), chunks=(1, SIDE, SIDE), dtype="f4"
        )
        for name in ("noisy.zarr", "clean.zarr")
    ]
    for k in range(count):
        clean = clean_slice(k, count, phantom)
        stores[0][k], stores[1][k] = noisy_slice(k, clean), clean


def make_large(folder: Path, side: int) -> None:
    """Write a mosaic of slices of the series."""
    noisy = zarr.open_array(str(folder / "noisy.zarr"), mode="r")
    tiles = side // SIDE
    picked = np.linspace(0, noisy.shape[0] - 1, tiles**2).round().astype(int)
    rows = [
        np.concatenate([noisy[k] for k in picked[r * tiles : (r + 1) * tiles]], axis=1)
        for r in range(tiles)
    ]
    zarr.create_array(str(folder / "large.zarr"), data=np.concatenate(rows), chunks=(SIDE, SIDE))


def make_dicom(folder: Path) -> Path:
    """Write the series as DICOM slices, under the headers of the sample series."""
    noisy = zarr.open_array(str(folder / "noisy.zarr"), mode="r")
    target = folder / "dicom"
    target.mkdir()
    dataset = pydicom.dcmread(next(sample_path("low_dose_ct").glob("*.dcm")))
    x, y, z = (float(value) for value in dataset.ImagePositionPatient)
    dataset.PixelSpacing = [float(value) * dataset.Rows / SIDE for value in dataset.PixelSpacing]
    dataset.Rows = dataset.Columns = SIDE
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    slope, intercept = float(dataset.RescaleSlope), float(dataset.RescaleIntercept)
    kind = np.int16 if dataset.PixelRepresentation else np.uint16
    for k in range(noisy.shape[0]):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = (
            pydicom.uid.generate_uid()
        )
        dataset.InstanceNumber = k + 1
        dataset.ImagePositionPatient = [x, y, z + k * float(dataset.SliceThickness)]
        stored = np.rint((np.maximum(noisy[k], intercept) - intercept) / slope)
        dataset.PixelData = stored.astype(kind).tobytes()
        dataset.save_as(target / f"{k:04}.dcm")
    return target


def run_command(source: Path, out: Path, preset: str) -> None:
    """Run the command in a process of its own and print what it took."""
    started = time.perf_counter()
    script = "import sys; from napari_lossviz.cli.main import main; sys.exit(main(sys.argv[1:]))"
    arguments = ["denoise", str(source), "-o", str(out), "--preset", preset]
    subprocess.run([sys.executable, "-c", script, *arguments], check=True, capture_output=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"lossviz denoise --preset {preset}: {time.perf_counter() - started:.0f} s "
        f"({used.ru_utime + used.ru_stime:.0f} s of processor, all so far), peak "
        f"{used.ru_maxrss * 1024 / 1e6:.0f} MB (the largest so far), "
        f"{len(list((out / 'denoised').glob('*.dcm')))} slices written",
        flush=True,
    )


def run_one(source: Path, out: Path, preset: str) -> None:
    """Denoise a store in this process and print what it took, as JSON."""
    array = zarr.open_array(str(source), mode="r")
    warm = np.random.default_rng(0).normal(0, 20, (64, 64)).astype(np.float32)
    denoise(warm, PRESETS[preset].replace(steps=2))  # compiled before the clock starts
    before = PeakMemory.of_process()
    marks: list[tuple[float, float]] = []

    def reporter(step: Step) -> None:
        if step.message in _FIRST and not marks:
            marks.append((time.perf_counter(), time.process_time()))

    started = time.perf_counter(), time.process_time()
    image = Image(array, "zyx"[-array.ndim :], value_unit="HU")
    denoise(image, PRESETS[preset], out=out, reporter=reporter)
    ended = time.perf_counter(), time.process_time()
    figures = {
        "seconds": ended[0] - started[0],
        "cpu": ended[1] - started[1],
        "seconds_after_first": ended[0] - marks[0][0],
        "cpu_after_first": ended[1] - marks[0][1],
        "peak_mb": PeakMemory.of_process() / 1e6,
        "peak_mb_before": before / 1e6,
    }
    print(json.dumps(figures))


def measured(source: Path, out: Path, preset: str) -> dict[str, float]:
    """Run a preset in a new process."""
    command = [sys.executable, __file__, "--one", str(source), str(out), preset]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compare(folder: Path, out: Path, preset: str, sample: list[int]) -> list[tuple[float, float]]:
    """Return the PSNR of slices within the series and by themselves."""
    noisy, clean, together = (
        zarr.open_array(str(path), mode="r")
        for path in (folder / "noisy.zarr", folder / "clean.zarr", out)
    )
    found = []
    for k in sample:
        case = Case(str(k), clean[k], noisy[k], SOFT_TISSUE)
        alone = denoise(Image(case.noisy, "yx", value_unit="HU"), PRESETS[preset]).denoised
        found.append((case.psnr(together[k]), case.psnr(alone)))
    return found


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--slices", type=int, default=100)
    parser.add_argument("--large", type=int, default=2048)
    parser.add_argument("--compared", type=int, default=5)
    parser.add_argument("--presets", nargs="+", default=list(PRESETS))
    parser.add_argument("--command", action="store_true")
    parser.add_argument("--large-only", action="store_true")
    parser.add_argument("--one", nargs=3)
    chosen = parser.parse_args()
    if chosen.one:
        run_one(Path(chosen.one[0]), Path(chosen.one[1]), chosen.one[2])
        return
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_series(folder, chosen.slices)
        if chosen.command:
            source = make_dicom(folder)
            for preset in chosen.presets:
                run_command(source, folder / f"out_{preset}", preset)
            return
        sample = np.linspace(0, chosen.slices - 1, chosen.compared + 2)[1:-1].astype(int).tolist()
        for preset in [] if chosen.large_only else chosen.presets:
            out = folder / f"{preset}.zarr"
            figures = measured(folder / "noisy.zarr", out, preset)
            pairs = compare(folder, out, preset, sample)
            gain = np.array([together - alone for together, alone in pairs])
            print(f"{chosen.slices} x {SIDE}², {preset}:", _words(figures))
            shown = ", ".join(f"{together:.2f}/{alone:.2f}" for together, alone in pairs)
            print(f"  dB in the series/alone {shown}; difference {gain.mean():+.3f}", flush=True)
        if chosen.large:
            make_large(folder, chosen.large)
            for preset in chosen.presets:
                figures = measured(folder / "large.zarr", folder / f"l_{preset}.zarr", preset)
                print(f"{chosen.large}², {preset}:", _words(figures), flush=True)


def _words(figures: dict[str, float]) -> str:
    return (
        f"{figures['seconds']:.1f} s ({figures['cpu']:.1f} s of processor), after the first "
        f"{figures['seconds_after_first']:.1f} s ({figures['cpu_after_first']:.1f} s); peak "
        f"{figures['peak_mb']:.0f} MB ({figures['peak_mb_before']:.0f} MB before the run)"
    )


if __name__ == "__main__":
    main()
