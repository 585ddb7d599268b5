import nibabel
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from napari_lossviz.core import Image, InputError
from napari_lossviz.io import nifti


def oblique_affine(shear=0.0):
    """(z, y, x) to LPS: 2.5 x 0.7 x 0.6 mm, turned about all three axes."""
    turn = Rotation.from_euler("xyz", [20, -35, 50], degrees=True).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([2.5, 0.7, 0.6])
    affine[:3, 0] += shear * affine[:3, 1]
    affine[:3, 3] = [-123.4, 87.65, 141.2]
    return affine


def volume(**changes):
    array = np.random.default_rng(0).normal(40, 100, (4, 5, 6)).astype(np.float32)
    known = {
        "spacing": (2.5, 0.7, 0.6),
        "units": ("mm",) * 3,
        "value_unit": "HU",
        "patient_affine": oblique_affine(),
    }
    return Image(array, "zyx", **{**known, **changes})


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_an_oblique_volume_comes_back(tmp_path, suffix):
    path = tmp_path / f"v{suffix}"
    image = volume()
    nifti.write(image, path)
    assert nifti.can_read(path)
    (back,) = nifti.read(path)
    assert (back.axes, back.units, back.value_unit, back.name) == ("zyx", ("mm",) * 3, "HU", "v")
    assert back.array.dtype == np.float32
    np.testing.assert_array_equal(back.array, image.array)
    np.testing.assert_allclose(back.patient_affine, image.patient_affine, atol=1e-5)
    np.testing.assert_allclose(back.spacing, image.spacing, atol=1e-5)


def test_sample_and_place_agree_with_nibabel(tmp_path):
    image = volume()
    nifti.write(image, tmp_path / "v.nii")
    loaded = nibabel.load(tmp_path / "v.nii")
    z, y, x = 3, 1, 4
    assert loaded.get_fdata()[x, y, z] == image.array[z, y, x]
    lps = image.patient_affine @ [z, y, x, 1]
    ras = loaded.affine @ [x, y, z, 1]
    np.testing.assert_allclose(ras, lps * [-1, -1, 1, 1], atol=1e-4)
    assert int(loaded.header["sform_code"]) == int(loaded.header["qform_code"]) == 1
    np.testing.assert_allclose(loaded.get_qform(), loaded.get_sform(), atol=1e-4)


def test_a_tilted_gantry_keeps_its_shear_in_the_sform(tmp_path):
    image = volume(patient_affine=oblique_affine(shear=0.8))
    nifti.write(image, tmp_path / "v.nii")
    assert int(nibabel.load(tmp_path / "v.nii").header["qform_code"]) == 0
    (back,) = nifti.read(tmp_path / "v.nii")
    np.testing.assert_allclose(back.patient_affine, image.patient_affine, atol=1e-5)


def test_without_an_orientation_none_is_claimed(tmp_path):
    image = volume(patient_affine=None)
    nifti.write(image, tmp_path / "v.nii")
    header = nibabel.load(tmp_path / "v.nii").header
    assert int(header["sform_code"]) == int(header["qform_code"]) == 0
    (back,) = nifti.read(tmp_path / "v.nii")
    assert back.patient_affine is None
    np.testing.assert_allclose(back.spacing, image.spacing, rtol=1e-6)
    assert back.units == ("mm",) * 3


def test_micrometres_become_millimetres(tmp_path):
    image = volume(patient_affine=None, units=("um",) * 3)
    nifti.write(image, tmp_path / "v.nii")
    (back,) = nifti.read(tmp_path / "v.nii")
    np.testing.assert_allclose(back.spacing, np.array(image.spacing) / 1e3, rtol=1e-6)


def test_unknown_spacing_stays_unknown(tmp_path):
    nifti.write(Image(np.zeros((3, 4), np.uint8), "yx"), tmp_path / "v.nii")
    (back,) = nifti.read(tmp_path / "v.nii")
    assert (back.axes, back.spacing, back.units) == ("yx", (1.0, 1.0), ("pixel", "pixel"))


def test_time_comes_first_and_keeps_its_step(tmp_path):
    array = np.arange(2 * 3 * 4 * 5, dtype=np.int16).reshape(2, 3, 4, 5)
    image = Image(array, "tzyx", (1.5, 2.0, 1.0, 1.0), ("s", "mm", "mm", "mm"))
    nifti.write(image, tmp_path / "v.nii.gz")
    assert nibabel.load(tmp_path / "v.nii.gz").shape == (5, 4, 3, 2)
    (back,) = nifti.read(tmp_path / "v.nii.gz")
    assert (back.axes, back.spacing, back.units) == (image.axes, image.spacing, image.units)
    np.testing.assert_array_equal(back.array, array)


def test_a_slope_is_applied(tmp_path):
    stored = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    made = nibabel.Nifti1Image(stored, np.eye(4))
    made.header.set_slope_inter(2.0, -1024.0)
    nibabel.save(made, tmp_path / "v.nii")
    (back,) = nifti.read(tmp_path / "v.nii")
    assert back.array.dtype == np.float32
    np.testing.assert_array_equal(back.array, stored.T * 2.0 - 1024.0)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.float64, np.complex64])
def test_dtypes_survive(tmp_path, dtype):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    nifti.write(Image(array, "zyx"), tmp_path / "v.nii")
    (back,) = nifti.read(tmp_path / "v.nii")
    assert back.array.dtype == dtype
    np.testing.assert_array_equal(back.array, array)


def test_colours_survive(tmp_path):
    array = np.random.default_rng(0).integers(0, 255, (2, 3, 4, 3), dtype=np.uint8)
    nifti.write(Image(array, "zyxc"), tmp_path / "v.nii")
    (back,) = nifti.read(tmp_path / "v.nii")
    assert back.axes == "zyxc"
    np.testing.assert_array_equal(back.array, array)


def test_other_channels_are_refused(tmp_path):
    with pytest.raises(InputError, match="write a TIFF"):
        nifti.write(Image(np.zeros((3, 4, 5), np.float32), "yxc"), tmp_path / "v.nii")


def test_micron_files_give_an_affine_in_millimetres(tmp_path):
    made = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.uint8), np.diag([200.0, 300.0, 400.0, 1]))
    made.header.set_xyzt_units("micron")
    nibabel.save(made, tmp_path / "v.nii")
    (back,) = nifti.read(tmp_path / "v.nii")
    np.testing.assert_allclose(back.spacing, (0.4, 0.3, 0.2))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_truncated_file_is_named(tmp_path, suffix):
    path = tmp_path / f"v{suffix}"
    noise = np.random.default_rng(0).integers(0, 255, (32, 32, 32), dtype=np.uint8)
    nibabel.save(nibabel.Nifti1Image(noise, np.eye(4)), path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match=r"v\.nii"):
        nifti.read(path)


def test_tensors_are_refused(tmp_path):
    nibabel.save(
        nibabel.Nifti1Image(np.zeros((2, 3, 4, 1, 6), np.float32), np.eye(4)), tmp_path / "v.nii"
    )
    with pytest.raises(InputError, match="tensors"):
        nifti.read(tmp_path / "v.nii")


def test_other_files_are_left_to_others(tmp_path):
    (tmp_path / "a.nii.gz").write_bytes(b"\x1f\x8bnonsense")
    (tmp_path / "b.nii").write_bytes(b"short")
    assert not nifti.can_read(tmp_path / "a.nii.gz")
    assert not nifti.can_read(tmp_path / "b.nii")
