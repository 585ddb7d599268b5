import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_lossviz.core import Box
from napari_lossviz.core.boxes import reflect_index

corner = st.integers(-20, 40)
boxes = st.builds(Box, corner, corner, corner, corner)
SHAPE = (17, 23)


def mask(box: Box) -> np.ndarray:
    """The pixels of a box on a canvas from -30 to 50, so that none falls outside."""
    y, x = np.mgrid[-30:50, -30:50]
    return (y >= box.y0) & (y < box.y1) & (x >= box.x0) & (x < box.x1)


@given(boxes, boxes)
def test_the_common_part_holds_the_pixels_of_both(a: Box, b: Box) -> None:
    np.testing.assert_array_equal(mask(a & b), mask(a) & mask(b))


@given(boxes, boxes)
def test_the_union_is_the_smallest_box_around_both(a: Box, b: Box) -> None:
    union = a | b
    both = mask(a) | mask(b)
    assert not (both & ~mask(union)).any()
    if both.any():
        y, x = np.nonzero(both)
        assert union.shape == (np.ptp(y) + 1, np.ptp(x) + 1)


@given(boxes)
def test_empty_boxes_hold_no_pixel(box: Box) -> None:
    assert box.empty == (not mask(box).any())
    assert box.empty == (0 in box.shape)


@given(boxes, st.integers(0, 9))
def test_clipping_leaves_what_lies_in_the_image(box: Box, reach: int) -> None:
    clipped = box.grow(reach).clip((3, *SHAPE))
    np.testing.assert_array_equal(mask(clipped), mask(box.grow(reach)) & mask(Box(0, 17, 0, 23)))


def test_slices_index_the_last_two_axes() -> None:
    array = np.arange(2 * 17 * 23).reshape(2, 17, 23)
    np.testing.assert_array_equal(array[..., *Box(2, 5, 3, 9).slices], array[:, 2:5, 3:9])
    assert array[..., *Box.whole(array.shape).slices].shape == array.shape


@given(st.integers(2, 12), st.integers(0, 40), st.integers(0, 40))
def test_reflection_is_numpys(length: int, before: int, after: int) -> None:
    expected = np.pad(np.arange(length), (before, after), mode="reflect")
    np.testing.assert_array_equal(reflect_index(-before, length + after, length), expected)


def test_a_single_pixel_reflects_to_itself() -> None:
    np.testing.assert_array_equal(reflect_index(-4, 5, 1), np.zeros(9))
