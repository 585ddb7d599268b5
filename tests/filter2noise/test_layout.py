"""Images of any axes as stacks of slices, and back."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_lossviz.core import Image, InputError
from napari_lossviz.filter2noise.layout import Slices, to_slices
from napari_lossviz.filter2noise.store import SliceSink

SIZES = {"t": 2, "z": 3, "y": 16, "x": 18, "c": 4}
axes_of_images = st.lists(st.sampled_from("tzc"), unique=True).flatmap(
    lambda extra: st.permutations([*extra, "y", "x"]).map("".join)
)


def image_of(axes: str, dtype: type = np.float32) -> Image:
    shape = tuple(SIZES[a] for a in axes)
    array = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
    return Image(array, axes)


def stacked(slices: Slices) -> np.ndarray:
    return np.stack([slices.values(n) for n in range(slices.count)])


def put_together(values: np.ndarray, slices: Slices) -> np.ndarray:
    with SliceSink(slices) as sink:
        for n in range(slices.count):
            sink.write(n, values[n])
        return np.asarray(sink.finish())


@settings(deadline=None)
@given(axes_of_images)
def test_there_and_back_is_the_same_image(axes: str) -> None:
    image = image_of(axes)
    slices = to_slices(image)
    channels = 4 if "c" in axes else 1
    count = int(np.prod([SIZES[a] for a in axes if a in "tz"]))
    values = stacked(slices)
    assert values.shape == (count, channels, 16, 18)
    np.testing.assert_array_equal(put_together(values, slices), image.array)


@settings(deadline=None)
@given(axes_of_images)
def test_slices_are_where_they_belong(axes: str) -> None:
    image = image_of(axes)
    slices = to_slices(image)
    where = {"t": 1, "z": 2, "y": 5, "x": 7, "c": 3}
    value = image.array[tuple(where[a] for a in axes)]
    n = 0
    for a in "tz":
        if a in axes:
            n = n * SIZES[a] + where[a]
    assert slices.values(n)[3 if "c" in axes else 0, 5, 7] == value


@settings(deadline=None)
@given(axes_of_images)
def test_the_mask_goes_the_same_way(axes: str) -> None:
    image = image_of(axes)
    spatial = tuple(SIZES[a] for a in axes if a != "c")
    valid = np.random.default_rng(0).random(spatial) < 0.7
    marked = np.array(image.array, copy=True)
    full = np.broadcast_to(
        np.expand_dims(valid, axes.index("c")) if "c" in axes else valid, image.shape
    )
    marked[~full] = -1
    slices = to_slices(image.replace(array=marked, valid=valid))
    for n in range(slices.count):
        np.testing.assert_array_equal(slices.values(n)[0] != -1, slices.valid_slice(n))


@pytest.mark.parametrize(
    ("dtype", "axes", "kind"),
    [
        (np.float64, "yx", np.float64),
        (np.float16, "zyx", np.float16),
        (np.uint8, "yxc", np.uint8),
        (np.uint16, "yxc", np.uint16),
        (np.uint32, "yxc", np.float32),
        (np.uint16, "yx", np.float32),
        (np.int16, "yxc", np.float32),
        (np.bool_, "yx", np.float32),
    ],
)
def test_types(dtype: type, axes: str, kind: type) -> None:
    image = image_of(axes, np.uint8).replace(array=image_of(axes, np.uint8).array.astype(dtype))
    slices = to_slices(image)
    values = stacked(slices)
    assert values.dtype == np.float32
    assert put_together(values, slices).dtype == kind


def test_colours_are_rounded_and_clipped() -> None:
    image = image_of("yxc", np.uint8)
    slices = to_slices(image)
    values = np.full_like(stacked(slices), 254.6)
    values[..., 0, 0] = 300
    values[..., 0, 1] = -4
    back = put_together(values, slices)
    assert (back[1:] == 255).all()
    assert (back[0, 0] == 255).all()
    assert (back[0, 1] == 0).all()


def test_what_is_not_finite_is_not_valid() -> None:
    array = np.ones((16, 16, 3))
    array[2, 3, 1] = np.nan
    array[4, 5, 0] = -np.inf
    array[6, 7, 2] = 1e300  # no float32 holds it
    valid = to_slices(Image(array, "yxc")).valid_slice(0)
    assert valid is not None
    assert [tuple(p) for p in np.argwhere(~valid)] == [(2, 3), (4, 5), (6, 7)]
    assert to_slices(Image(np.ones((16, 16)), "yx")).valid_slice(0) is None
    assert (
        to_slices(Image(np.ones((16, 16)), "yx", valid=np.ones((16, 16), bool))).valid_slice(0)
        is None
    )


@pytest.mark.parametrize("axes", ["yx", "cyx", "xcyz"])
def test_invalid_pixels_keep_every_bit(axes: str) -> None:
    sizes = tuple(SIZES[a] for a in axes)
    array = np.random.default_rng(0).normal(0, 1, sizes) + 1e-13
    spatial = tuple(SIZES[a] for a in axes if a != "c")
    valid = np.random.default_rng(1).random(spatial) < 0.8
    image = Image(array, axes, valid=valid)
    slices = to_slices(image)
    back = put_together(stacked(slices), slices)
    mask = np.expand_dims(valid, axes.index("c")) if "c" in axes else valid
    mask = np.broadcast_to(mask, array.shape)
    np.testing.assert_array_equal(back[~mask], array[~mask])
    assert (back[mask] != array[mask]).any()


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, [0]), (3, [0, 1, 2]), (4, [1, 2]), (9, [2, 4, 6]), (101, [25, 50, 75])],
)
def test_representatives_are_spread_and_differ(count: int, expected: list[int]) -> None:
    slices = to_slices(Image(np.zeros((count, 16, 16)), "zyx"))
    assert slices.representative(3) == expected
    assert slices.representative(1) == [(count - 1) // 2] or count % 2 == 0


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((20, 20), np.complex64), "complex"),
        (np.full((20, 20), "a"), "no image"),
        (np.full((20, 20), None), "no image"),
        (np.zeros((15, 20)), "15 x 20"),
        (np.zeros((20, 1)), "at least 16 x 16"),
        (np.zeros((0, 20, 20)), "empty"),
        (np.full((20, 20), np.nan), "no pixel is valid"),
        (np.linspace(0, 1e20, 400).reshape(20, 20), "another unit"),
        (np.linspace(0, 1e-20, 400).reshape(20, 20), "another unit"),
    ],
)
def test_what_cannot_be_filtered_is_refused(array: np.ndarray, says: str) -> None:
    with pytest.raises(InputError, match=says):
        to_slices(Image(array, "zyx"[-array.ndim :], name="thing"))


def test_no_data_values_far_out_are_fine_where_they_are_masked() -> None:
    array = np.ones((20, 20), np.float32)
    array[3:5] = -3.4e38
    assert to_slices(Image(array, "yx", valid=array > -1e30)).extremes() == (1.0, 1.0)


class Counted:
    """An array in a file: it tells how many samples were asked for at once."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array
        self.shape, self.ndim, self.dtype = array.shape, array.ndim, array.dtype
        self.largest = 0

    def __getitem__(self, index: object) -> np.ndarray:
        part = self._array[index]
        self.largest = max(self.largest, part.size)
        return part

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        raise AssertionError("the whole stack was read")


@pytest.mark.parametrize("axes", ["zyx", "tzyx", "yxz", "zyxc"])
def test_a_slice_is_read_when_it_is_asked_for(axes: str) -> None:
    array = image_of(axes).array
    counted = Counted(array)
    slices = to_slices(Image(counted, axes))
    last = slices.count - 1
    np.testing.assert_array_equal(slices.values(last), to_slices(Image(array, axes)).values(last))
    assert counted.largest == array.size // slices.count


def test_a_memory_map_is_read_slice_by_slice(tmp_path: Path) -> None:
    mapped = np.memmap(tmp_path / "a.raw", np.int16, "w+", shape=(3, 16, 18))
    mapped[:] = np.arange(mapped.size).reshape(mapped.shape)
    slices = to_slices(Image(mapped, "zyx"))
    np.testing.assert_array_equal(slices.values(1)[0], mapped[1])
    assert slices.extremes() == (0, mapped.size - 1)
