"""Makes the sample data anew: ``python -m napari_lossviz.samples.make [FOLDER]``.

Without a folder it writes to ``sample_data`` below the current one. The same seed gives the same
pixels. It takes about a minute, and rasterio for the radar scene.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_lossviz.samples.acquisition import Scanner, detect, project, reconstruct
from napari_lossviz.samples.inserts import inserts
from napari_lossviz.samples.make_segmentations import make_segmentations
from napari_lossviz.samples.make_slc import make_slc
from napari_lossviz.samples.phantom import PhantomGeometry, phantom_slice
from napari_lossviz.samples.segmentations import FOLDER as SEGMENTATIONS
from napari_lossviz.samples.series import (
    SeriesDescription,
    save_slice,
    series_dataset,
    slice_path,
)

LOW_DOSE_PHOTONS = 8e4
"""Photons towards each detector element in each view; gives about 25 to 35 HU of noise."""

FULL_DOSE_PHOTONS = 8e7
"""A thousand times as many: about 1 HU, for a reference that counts as free of noise."""

GEOMETRY = PhantomGeometry()
SCANNER = Scanner()

PHOTONS = {"low_dose_ct": LOW_DOSE_PHOTONS, "full_dose_ct": FULL_DOSE_PHOTONS}
SERIES = {
    name: SeriesDescription(
        number=number,
        description=title,
        comments=(
            f"Simulated, no patient: anatomical phantom, {SCANNER.views} parallel projections "
            f"over 180 degrees, {PHOTONS[name]:.0e} photons per detector element and view with "
            f"Poisson noise, electronic noise of {SCANNER.electronic_noise:g} photons, filtered "
            f"back-projection ({SCANNER.kernel})."
        ),
    )
    for number, (name, title) in enumerate(
        (("low_dose_ct", "Low dose"), ("full_dose_ct", "Full dose (reference)")), start=1
    )
}


def simulate_slice(index: int) -> dict[str, NDArray[np.float64]]:
    """Return one slice in HU as each series of the study sees it.

    All come from the same noise-free projections; each has a noise of its own, seeded by series
    and slice.
    """
    transmitted = project(
        phantom_slice(index, GEOMETRY, oversampling=SCANNER.oversampling), GEOMETRY.spacing, SCANNER
    )
    slices = {}
    for name, series in SERIES.items():
        rng = np.random.default_rng([GEOMETRY.seed, series.number, index])
        counts = detect(transmitted, PHOTONS[name], rng, SCANNER)
        slices[name] = reconstruct(counts, PHOTONS[name], GEOMETRY.spacing, SCANNER)
    return slices


def describe() -> dict[str, object]:
    """Return all parameters and the inserts, as plain data."""
    return {
        "geometry": asdict(GEOMETRY),
        "scanner": asdict(SCANNER),
        "photons": PHOTONS,
        "inserts": [insert.as_dict() for insert in inserts(GEOMETRY.size, GEOMETRY.spacing)],
    }


def make(folder: Path) -> None:
    """Write all samples into `folder`, over what is there."""
    for index in range(GEOMETRY.slices):
        for name, hounsfield in simulate_slice(index).items():
            ds = series_dataset(index, hounsfield, GEOMETRY, SERIES[name])
            save_slice(slice_path(folder / name, index), ds)
    text = json.dumps(describe(), indent=2) + "\n"
    (folder / "inserts.json").write_text(text, encoding="utf-8")
    make_slc(folder / "slc")
    make_segmentations(folder / SEGMENTATIONS)


def main() -> None:
    """Run `make` from the command line."""
    parser = argparse.ArgumentParser(description="Make the sample data anew (about a minute).")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("sample_data"))
    make(parser.parse_args().folder)


if __name__ == "__main__":
    main()
