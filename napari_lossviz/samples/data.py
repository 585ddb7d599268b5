"""Finds the sample data wherever the package came from, and reads it."""

import json
from pathlib import Path

import numpy as np
import pydicom.data
from numpy.typing import NDArray

from napari_lossviz import io
from napari_lossviz.core import Image, InputError
from napari_lossviz.samples.inserts import Insert
from napari_lossviz.samples.radar_scene import PointTarget
from napari_lossviz.samples.stain_pairs import MICRONS_PER_PIXEL, stain_section

_ROOM = Path(__file__).parent


def sample_folders() -> tuple[Path, ...]:
    """Return where the data may lie: inside a wheel, or beside the package in its repository."""
    return _ROOM / "data", _ROOM.parents[1] / "sample_data"


def is_sample(path: Path) -> bool:
    """Return whether a file or folder belongs to the sample data."""
    return any(path.resolve().is_relative_to(folder.resolve()) for folder in sample_folders())


def sample_path(name: str = "") -> Path:
    """Return the path of a sample file or folder.

    Parameters
    ----------
    name : str
        Relative to the sample data, with forward slashes, such as "low_dose_ct"; empty for the
        folder that holds all.

    Raises
    ------
    InputError
        If there is no such sample; the message lists those that are there.
    """
    for folder in sample_folders():
        # The README tells our folder from another one of that name.
        if (folder / "README.md").is_file():
            path = folder / name
            if path.exists():
                return path
            there = ", ".join(sorted(p.name for p in folder.iterdir() if p.name != "README.md"))
            raise InputError(f"there is no sample {name!r} in {folder}; there are: {there}")
    looked = " and ".join(str(folder) for folder in sample_folders())
    raise InputError(f"the sample data is missing; looked in {looked}. Install the package anew.")


def low_dose_ct() -> list[Image]:
    """Read the simulated low-dose CT series: one volume of 8 slices in HU."""
    return io.read(sample_path("low_dose_ct"))


def full_dose_ct() -> list[Image]:
    """Read its full-dose twin: the same slices, practically free of noise."""
    return io.read(sample_path("full_dose_ct"))


def low_contrast_inserts() -> list[Insert]:
    """Return the inserts in both series, from the description beside the data."""
    description = json.loads(sample_path("inserts.json").read_text(encoding="utf-8"))
    return [Insert.from_dict(entry) for entry in description["inserts"]]


def slc_scene() -> list[Image]:
    """Read the simulated radar scene: a single-look-complex image of 512 x 512 digital numbers."""
    return io.read(sample_path("slc/slc.tif"))


def slc_reflectivity() -> list[Image]:
    """Read the truth of the radar scene: the expected intensity of each pixel."""
    found = io.read(sample_path("slc/reflectivity.tif"))
    return [image.replace(value_unit="intensity") for image in found]


def slc_points() -> list[PointTarget]:
    """Return the strong points of the radar scene, from the description beside the data."""
    description = json.loads(sample_path("slc/scene.json").read_text(encoding="utf-8"))
    return [PointTarget(**entry) for entry in description["points"]]


def pydicom_ct() -> list[Image]:
    """Read the real CT slice that pydicom ships (CT_small.dcm, 128 x 128)."""
    path = pydicom.data.get_testdata_file("CT_small.dcm", download=False)
    if not isinstance(path, str):
        raise InputError("this pydicom came without its test file CT_small.dcm")
    return io.read(path)


def stain_pair() -> list[Image]:
    """Return an H&E image that was computed from a real IHC section, and the section (512 x 512).

    They are in register but for a pixel or two; within four ellipses the section shows brown where
    the H&E says otherwise. Both are made when they are asked for, from the IHC image that
    scikit-image ships.
    """
    section = stain_section()
    return [_section("H&E (computed)", section.source), _section("IHC", section.target)]


def stain_neighbour() -> list[Image]:
    """Return the same section turned and shifted, to be brought into register."""
    return [_section("IHC turned", stain_section().neighbour)]


def stain_checkpoint() -> Path:
    """Return the file of a tiny generator of virtual IHC, for demonstration only."""
    return sample_path("stain/demonstration.safetensors")


def _section(name: str, pixels: NDArray[np.uint8]) -> Image:
    spacing = (MICRONS_PER_PIXEL, MICRONS_PER_PIXEL, 1.0)
    return Image(pixels, "yxc", spacing, ("um", "um", ""), name=name)
