"""Spacings and affines that cannot be, in files made by hand."""

import nibabel
import nrrd
import numpy as np
import pytest
from napari.layers import Image as Layer

from napari_lossviz import io
from napari_lossviz.ui.layers import image_layer

VOLUME = np.zeros((3, 4, 5), np.int16)
_SFORM = slice(280, 328)
_PIXDIM = slice(80, 92)


def nifti(path, affine, place, values):
    nibabel.save(nibabel.Nifti1Image(VOLUME, affine), path)
    content = bytearray(path.read_bytes())
    content[place] = np.asarray(values, "<f4").tobytes()
    path.write_bytes(content)


@pytest.mark.parametrize("rows", [np.diag([0, 1, 1, 1])[:3], np.full((3, 4), np.nan)])
def test_nifti_affine_without_inverse(tmp_path, rows):
    nifti(tmp_path / "a.nii", np.eye(4), _SFORM, rows)
    check(tmp_path / "a.nii", "affine")


def test_nifti_spacing_that_is_no_number(tmp_path):
    nifti(tmp_path / "a.nii", None, _PIXDIM, [2.0, np.nan, 3.0])
    image = check(tmp_path / "a.nii", "spacing along y")
    assert image.spacing == (3.0, 1.0, 2.0)


@pytest.mark.parametrize(
    "header",
    [
        {"spacings": [0, 1, 2]},
        {
            "space": "left-posterior-superior",
            "space directions": np.zeros((3, 3)),
            "space origin": [0, 0, 0],
        },
    ],
)
def test_nrrd(tmp_path, header):
    nrrd.write(str(tmp_path / "a.nrrd"), VOLUME, header)
    check(tmp_path / "a.nrrd", "spacing along x")


def check(path, told):
    """Read a file whose geometry is told to be wrong, and show it in a layer."""
    (image,) = io.read(path)
    assert any(told in text for text in image.warnings)
    assert image.patient_affine is None
    data, settings, _ = image_layer(image)
    assert (Layer(data, **settings).scale > 0).all()
    return image
