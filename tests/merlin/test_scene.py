from collections.abc import Callable

import numpy as np
import pytest

from napari_lossviz.core import Box, Image, InputError
from napari_lossviz.merlin.scene import Scene, filled, spread_boxes


def test_zero_filled_borders_are_no_data_and_dark_pixels_are(
    make_speckle: Callable[..., np.ndarray],
) -> None:
    slc = make_speckle((120, 90))
    slc[:12] = 0
    slc[:, 85:] = 0
    slc[60:63, 40:43] = 0
    scene = Scene(Image(slc, "yx"))
    expected = np.ones(slc.shape, bool)
    expected[:12] = expected[:, 85:] = False
    _, valid = scene.read_valid(Box(0, 120, 0, 90))
    np.testing.assert_array_equal(valid, expected)
    part = Box(8, 40, 50, 88)  # a tile sees the same as the whole
    np.testing.assert_array_equal(scene.read_valid(part)[1], expected[part.slices])


def test_filling_mirrors_the_image(make_speckle: Callable[..., np.ndarray]) -> None:
    slc = make_speckle((40, 40))
    valid = np.ones(slc.shape, bool)
    valid[:10] = False
    found = filled(np.where(valid, slc, 0), valid)
    np.testing.assert_array_equal(found[10:], slc[10:])
    np.testing.assert_array_equal(found[:10], slc[11:21][::-1])


def test_what_cannot_be_used_is_refused_in_words(make_speckle: Callable[..., np.ndarray]) -> None:
    with pytest.raises(InputError, match="needs the complex image"):
        Scene(Image(np.ones((64, 64), np.float32), "yx", name="grd"))
    with pytest.raises(InputError, match="one image at a time"):
        Scene(Image(make_speckle((64, 64))[None], "zyx"))
    with pytest.raises(InputError, match="64 x 1 pixels, expected at least 16"):
        Scene(Image(make_speckle((64, 1)), "yx"))
    slc = make_speckle((64, 64))
    slc[5, 7] = np.nan
    with pytest.raises(InputError, match="first at row 5, column 7"):
        Scene(Image(slc, "yx"))
    masked = Scene(Image(slc, "yx", valid=np.isfinite(slc)))
    values, valid = masked.read_valid(Box(0, 64, 0, 64))
    assert not valid[5, 7]
    assert valid.sum() == 64 * 64 - 1
    assert np.isfinite(values).all()


def test_boxes_spread_over_the_image() -> None:
    assert len(spread_boxes((1000, 500), (100, 100), 1000)) == 50
    few = spread_boxes((1000, 500), (100, 100), 12)
    assert 8 <= len(few) <= 12
    assert min(b.y0 for b in few) == 0
    assert max(b.y1 for b in few) == 1000
    assert max(b.x1 for b in few) == 500


@pytest.mark.parametrize("shape", [(1000, 500), (150, 199), (90, 130), (100, 101)])
def test_boxes_cover_an_image_that_is_no_multiple_of_their_side(shape: tuple[int, int]) -> None:
    seen = np.zeros(shape, bool)
    for box in spread_boxes(shape, (100, 100), 1000):
        seen[box.slices] = True
    assert seen.all()
    (middle,) = spread_boxes((1000, 500), (100, 100), 1)
    assert (middle.y0, middle.x0) == (450, 200)


def test_a_lazy_image_in_whole_rows_is_read_once_for_all_boxes_of_a_row() -> None:
    lazy = pytest.importorskip("dask.array")
    values = np.random.default_rng(0).normal(size=(200, 320)).astype(np.complex64) + 1
    reads: list[int] = []

    def read(block: np.ndarray) -> np.ndarray:
        reads.append(len(block))
        return block

    array = lazy.from_array(values, chunks=(40, 320)).map_blocks(read, dtype=np.complex64)
    masked = np.ones(values.shape, bool)
    masked[:, :30] = False
    valid = lazy.from_array(masked, chunks=(40, 320))
    scene = Scene(Image(array, "yx", valid=valid))
    plain = Scene(Image(values, "yx", valid=masked))
    reads.clear()  # dask tries a function on an empty block
    for y in (0, 60, 120):
        for x in range(0, 320, 80):
            box = Box(y, min(y + 80, 200), x, x + 80)
            found, expected = scene.read_valid(box), plain.read_valid(box)
            np.testing.assert_array_equal(found[0], expected[0])
            np.testing.assert_array_equal(found[1], expected[1])
    assert sum(reads) == 120 + 120 + 120  # the blocks of 84, 88 and 84 rows
    scene.read(Box(0, 200, 0, 320))[:] = 0
    assert (scene.read(Box(0, 200, 40, 320)) != 0).all()
