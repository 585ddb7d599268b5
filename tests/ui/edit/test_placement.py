"""Where slices lie, against numpy's own way of counting."""

import numpy as np
import pytest

from napari_lossviz.core import Box, Image
from napari_lossviz.filter2noise.layout import to_slices
from napari_lossviz.ui.edit.placement import (
    arranged,
    as_dtype,
    shown_axes,
    slice_count,
    slice_index,
    slice_number,
)
from napari_lossviz.ui.layers import image_layer

SIZES = {"t": 2, "z": 3, "y": 20, "x": 24, "c": 3}


@pytest.mark.parametrize("axes", ["yx", "zyx", "tzyx", "ztyx", "yxc", "zyxc", "cyx", "zcyx", "xyz"])
def test_a_patch_lands_where_the_slice_is_shown(axes: str) -> None:
    rng = np.random.default_rng(0)
    array = rng.random([SIZES[axis] for axis in axes], np.float32)
    image = Image(array, axes)
    shown, settings, _ = image_layer(image)
    shown = shown.copy()
    where = shown_axes(axes, settings["rgb"])
    slices = to_slices(image)
    assert slice_count(where, shown.shape) == slices.count
    box = Box(3, 8, 4, 11)
    for n in range(slices.count):
        part = shown[slice_index(where, shown.shape, n, box)]
        patch = slices.values(n)[:, *box.slices]
        np.testing.assert_array_equal(part, arranged(patch, where))


def test_the_slice_at_a_point() -> None:
    shape = (2, 3, 20, 24)
    assert slice_number("tzyx", shape, (1, 2, 5, 5)) == 5
    assert slice_number("tzyx", shape, (0.4, 0.6, 5, 5)) == 1
    assert slice_number("tzyx", shape, (0, -0.6, 5, 5)) is None
    assert slice_number("tzyx", shape, (0, 2.5, 5, 5)) is None
    assert slice_number("yx", shape[2:], (-9, -9)) == 0


def test_colours_are_rounded_and_kept_in_range() -> None:
    values = np.array([-3.0, 1.5, 2.4, 300.0], np.float32)
    np.testing.assert_array_equal(as_dtype(values, np.dtype(np.uint8)), [0, 2, 2, 255])
    assert as_dtype(values, np.dtype(np.float64)).dtype == np.float64
