import nrrd as pynrrd
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from napari_lossviz.core import Image, InputError
from napari_lossviz.io import nrrd


def oblique_affine():
    turn = Rotation.from_euler("xyz", [20, -35, 50], degrees=True).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([2.5, 0.7, 0.6])
    affine[:3, 3] = [-123.4, 287.65, 441.2]
    return affine


def test_an_oblique_volume_comes_back(tmp_path):
    array = np.random.default_rng(0).normal(40, 100, (4, 5, 6)).astype(np.float32)
    image = Image(array, "zyx", (2.5, 0.7, 0.6), ("mm",) * 3, "HU", patient_affine=oblique_affine())
    nrrd.write(image, tmp_path / "v.nrrd")
    assert nrrd.can_read(tmp_path / "v.nrrd")
    (back,) = nrrd.read(tmp_path / "v.nrrd")
    assert (back.axes, back.units, back.value_unit, back.name) == ("zyx", ("mm",) * 3, "HU", "v")
    np.testing.assert_array_equal(back.array, array)
    np.testing.assert_allclose(back.patient_affine, image.patient_affine, atol=1e-9)
    np.testing.assert_allclose(back.spacing, image.spacing)


def test_pynrrd_sees_the_place_of_a_sample(tmp_path):
    array = np.arange(120, dtype=np.int16).reshape(4, 5, 6)
    nrrd.write(Image(array, "zyx", patient_affine=oblique_affine()), tmp_path / "v.nrrd")
    data, header = pynrrd.read(str(tmp_path / "v.nrrd"))
    assert data[4, 1, 3] == array[3, 1, 4]
    place = header["space origin"] + np.array([4, 1, 3]) @ header["space directions"]
    np.testing.assert_allclose(place, (oblique_affine() @ [3, 1, 4, 1])[:3])


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("left-posterior-superior", (1, 1, 1)),
        ("right-anterior-superior", (-1, -1, 1)),
        ("LAS", (1, -1, 1)),
    ],
)
def test_spaces_are_taken_to_lps(tmp_path, space, signs):
    header = {
        "space": space,
        "space directions": np.diag([0.6, 0.7, 2.5]),
        "space origin": [1.0, 2.0, 3.0],
        "kinds": ["domain"] * 3,
    }
    pynrrd.write(str(tmp_path / "v.nrrd"), np.zeros((6, 5, 4), np.int16), header)
    (image,) = nrrd.read(tmp_path / "v.nrrd")
    assert image.shape == (4, 5, 6)
    place = image.patient_affine @ [1, 1, 1, 1]
    np.testing.assert_allclose(place[:3], np.array([1.6, 2.7, 5.5]) * signs)


def test_an_unknown_space_gives_spacing_and_a_warning(tmp_path):
    header = {
        "space": "scanner-xyz",
        "space directions": np.diag([0.6, 0.7, 2.5]),
        "space origin": [0.0, 0.0, 0.0],
    }
    pynrrd.write(str(tmp_path / "v.nrrd"), np.zeros((6, 5, 4), np.int16), header)
    (image,) = nrrd.read(tmp_path / "v.nrrd")
    assert image.patient_affine is None
    assert image.spacing == (2.5, 0.7, 0.6)
    assert "scanner-xyz" in image.warnings[0]


def test_per_axis_spacings_and_units(tmp_path):
    header = {"spacings": [0.5, 0.25, 4.0], "units": ["um", "um", "um"]}
    pynrrd.write(str(tmp_path / "v.nrrd"), np.zeros((6, 5, 4), np.int16), header)
    (image,) = nrrd.read(tmp_path / "v.nrrd")
    assert (image.spacing, image.units) == ((4.0, 0.25, 0.5), ("um",) * 3)


@pytest.mark.parametrize(
    ("axes", "shape", "dtype"),
    [
        ("yx", (4, 5), np.uint16),
        ("yxc", (4, 5, 3), np.uint8),
        ("zyxc", (3, 4, 5, 3), np.uint8),
        ("tzyx", (2, 3, 4, 5), np.float64),
        ("yx", (4, 5), np.complex64),
    ],
)
def test_axes_and_dtypes_survive(tmp_path, axes, shape, dtype):
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    if array.dtype.kind == "c":
        array = array * np.complex64(1j) + np.complex64(3)
    image = Image(
        array,
        axes,
        tuple(1.0 if a == "c" else 0.5 for a in axes),
        tuple({"c": "", "t": "s"}.get(a, "mm") for a in axes),
    )
    nrrd.write(image, tmp_path / "v.nrrd")
    (back,) = nrrd.read(tmp_path / "v.nrrd")
    assert (back.axes, back.array.dtype) == (axes, dtype)
    assert (back.spacing, back.units) == (image.spacing, image.units)
    np.testing.assert_array_equal(back.array, array)


def test_time_with_an_orientation(tmp_path):
    image = Image(
        np.zeros((2, 3, 4, 5), np.int16),
        "tzyx",
        (1.5, 2.5, 0.7, 0.6),
        ("s", "mm", "mm", "mm"),
        patient_affine=oblique_affine(),
    )
    nrrd.write(image, tmp_path / "v.nrrd")
    (back,) = nrrd.read(tmp_path / "v.nrrd")
    np.testing.assert_allclose(back.patient_affine, image.patient_affine)
    np.testing.assert_allclose(back.spacing, image.spacing)
    assert back.units == image.units


def test_tensors_are_refused(tmp_path):
    header = {"kinds": ["3D-matrix", "domain", "domain", "domain"]}
    pynrrd.write(str(tmp_path / "v.nrrd"), np.zeros((9, 5, 4, 3), np.float32), header)
    with pytest.raises(InputError, match="3D-matrix"):
        nrrd.read(tmp_path / "v.nrrd")


@pytest.mark.parametrize("keep", [12, 400])
def test_a_truncated_file_is_named(tmp_path, keep):
    path = tmp_path / "v.nrrd"
    noise = np.random.default_rng(0).integers(0, 255, (32, 32), dtype=np.uint8)
    pynrrd.write(str(path), noise)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"v\.nrrd"):
        nrrd.read(path)
