import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest

from napari_lossviz.samples import low_contrast_inserts, sample_path
from napari_lossviz.samples.make import GEOMETRY, SERIES, describe, simulate_slice
from napari_lossviz.samples.phantom import PhantomGeometry
from napari_lossviz.samples.series import (
    SeriesDescription,
    save_slice,
    series_dataset,
    slice_path,
)

GEOMETRY_8 = PhantomGeometry(size=8)
DESCRIPTION = SeriesDescription(9, "Test", "Simulated")


def test_pixels_and_geometry_survive(tmp_path: Path) -> None:
    hounsfield = np.linspace(-1100, 3200, 64).reshape(8, 8)
    path = slice_path(tmp_path / "new", 2)
    save_slice(path, series_dataset(2, hounsfield, GEOMETRY_8, DESCRIPTION))
    ds = pydicom.dcmread(path)
    stored = ds.pixel_array * ds.RescaleSlope + ds.RescaleIntercept
    np.testing.assert_array_equal(stored, np.clip(np.rint(hounsfield), -1024, 3071))
    assert ds.file_meta.TransferSyntaxUID == pydicom.uid.JPEGLSLossless
    assert list(ds.PixelSpacing) == [1.2, 1.2]
    assert ds.ImagePositionPatient[2] == pytest.approx((2 - 3.5) * 3)
    assert ds.PatientName == "PHANTOM^LOSSVIZ"
    assert ds.SyntheticData == "YES"


def test_uids_tell_slices_and_series_apart_and_repeat() -> None:
    pixels = np.zeros((8, 8))
    first = series_dataset(0, pixels, GEOMETRY_8, DESCRIPTION)
    again = series_dataset(0, pixels, GEOMETRY_8, DESCRIPTION)
    second = series_dataset(1, pixels, GEOMETRY_8, DESCRIPTION)
    other = series_dataset(0, pixels, GEOMETRY_8, SeriesDescription(10, "Other", "Simulated"))
    assert first.SOPInstanceUID == again.SOPInstanceUID != second.SOPInstanceUID
    assert first.SeriesInstanceUID == second.SeriesInstanceUID != other.SeriesInstanceUID
    assert first.StudyInstanceUID == other.StudyInstanceUID
    assert first.FrameOfReferenceUID == other.FrameOfReferenceUID


@pytest.mark.parametrize("name", list(SERIES))
def test_every_file_says_that_it_is_simulated_and_how(name: str) -> None:
    paths = sorted(sample_path(name).iterdir())
    assert len(paths) == GEOMETRY.slices
    for path in paths:
        ds = pydicom.dcmread(path, stop_before_pixels=True)
        assert "Simulated" in ds.ImageComments
        assert "photons" in ds.ImageComments
        assert ds.ImageComments == SERIES[name].comments


@pytest.mark.parametrize("name", list(SERIES))
def test_the_validator_finds_no_error(name: str) -> None:
    validator = shutil.which("dciodvfy")
    if validator is None:
        pytest.skip("dciodvfy (package dicom3tools) is not installed")
    for path in sorted(sample_path(name).iterdir()):
        done = subprocess.run(
            [validator, str(path)], capture_output=True, text=True, check=False, timeout=60
        )
        errors = [line for line in (done.stdout + done.stderr).splitlines() if "Error" in line]
        # Synthetic Data is younger than the validator's dictionary.
        assert [line for line in errors if "(0x0008,0x001c)" not in line] == []


def test_the_description_beside_the_data_is_up_to_date() -> None:
    assert [insert.as_dict() for insert in low_contrast_inserts()] == describe()["inserts"]


@pytest.mark.slow
def test_a_slice_made_anew_equals_the_file() -> None:
    for name, hounsfield in simulate_slice(3).items():
        made = series_dataset(3, hounsfield, GEOMETRY, SERIES[name])
        stored = pydicom.dcmread(slice_path(sample_path(name), 3))
        assert made.SOPInstanceUID == stored.SOPInstanceUID
        difference = np.abs(made.pixel_array.astype(int) - stored.pixel_array)
        # Another processor may round the last bit of a projection differently; a Poisson draw may
        # then fall on the other side of a photon.
        assert np.mean(difference > 0) < 0.01
        assert difference.max() <= 5
