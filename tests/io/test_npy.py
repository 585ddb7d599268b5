import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_lossviz.core import Image, InputError
from napari_lossviz.io import npy


@pytest.mark.parametrize(
    ("shape", "axes"), [((4, 5), "yx"), ((3, 4, 5), "zyx"), ((2, 3, 4, 5), "tzyx")]
)
def test_axes_follow_the_number_of_axes(tmp_path, shape, axes):
    path = tmp_path / "a.npy"
    array = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    np.save(path, array)
    (image,) = npy.read(path)
    assert image.axes == axes
    assert image.array.dtype == np.int16
    assert image.origin.paths == (path,)
    np.testing.assert_array_equal(image.array, array)


def test_three_rows_of_a_stack_are_not_taken_for_colours(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 8, 8), np.uint8))
    assert npy.read(tmp_path / "a.npy")[0].axes == "zyx"


@given(
    array=st.sampled_from(
        [np.float16, np.float32, np.float64, np.uint8, np.bool_, np.complex64]
    ).flatmap(lambda dtype: arrays(dtype, (3, 4)))
)
def test_what_is_written_is_what_numpy_loads(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("npy") / "a.npy"
    npy.write(Image(array, "yx"), path)
    np.testing.assert_array_equal(np.load(path), array)
    assert npy.can_read(path)


def test_objects_are_refused(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.array([[{}, 1], [2, 3]], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"a\.npy.*objects are refused"):
        npy.read(path)


@pytest.mark.parametrize(
    "array", [np.zeros(4), np.zeros((1,) * 5), np.zeros((2, 2), dtype="U3"), np.zeros((0, 4))]
)
def test_what_is_no_image_is_refused(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(InputError, match=r"a\.npy"):
        npy.read(tmp_path / "a.npy")


def test_a_truncated_file_is_named(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((64, 64)))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"a\.npy"):
        npy.read(path)


def test_nan_is_kept_and_marked(tmp_path):
    array = np.ones((4, 4), np.float32)
    array[1, 2] = np.nan
    np.save(tmp_path / "a.npy", array)
    (image,) = npy.read(tmp_path / "a.npy")
    assert np.isnan(image.array[1, 2])
    np.testing.assert_array_equal(image.valid, np.isfinite(array))
    assert "1 of 16 pixels" in image.warnings[0]
