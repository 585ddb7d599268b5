import numpy as np
import pytest
from scipy.spatial.distance import cdist

from napari_lossviz.core import InputError
from napari_lossviz.metrics import paired_difference, segmentation_quality
from napari_lossviz.metrics.segmentation import dice, hd95


def square(low: int, high: int, size: int = 24) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[low:high, low:high] = True
    return mask


def test_dice_by_counting() -> None:
    assert dice(square(2, 8), square(5, 11)) == pytest.approx(2 * 9 / 72)
    assert dice(square(0, 0), square(0, 0)) == 1
    assert dice(square(0, 0), square(1, 3)) == 0


def test_hd95_is_that_of_all_distances_between_outlines() -> None:
    one, two = square(2, 9), square(5, 16)

    def outline(mask: np.ndarray) -> np.ndarray:
        inner = np.zeros_like(mask)
        inner[1:-1, 1:-1] = (
            mask[1:-1, 1:-1] & mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
        )
        return np.argwhere(mask & ~inner) * (2.0, 0.5)

    between = cdist(outline(one), outline(two))
    expected = np.percentile(np.concatenate((between.min(1), between.min(0))), 95)
    assert hd95(one, two, (2.0, 0.5)) == pytest.approx(expected)


def test_empty_masks() -> None:
    nothing, something = square(0, 0), square(3, 6)
    assert segmentation_quality(nothing, nothing).hd95 == 0
    assert np.isnan(segmentation_quality(nothing, something).hd95)
    assert np.isnan(segmentation_quality(something, nothing).rand_error)


def test_equal_masks_are_perfect_and_a_merge_is_seen() -> None:
    two = square(2, 6) | square(10, 14)
    same = segmentation_quality(two, two)
    assert (same.dice, same.hd95) == (1, 0)
    assert same.rand_error == pytest.approx(0)
    assert same.variation_of_information == pytest.approx(0)
    merged = two.copy()
    merged[5:11, 5:11] = True
    assert segmentation_quality(merged, two).rand_error > 0.2
    with pytest.raises(InputError, match="its target"):
        segmentation_quality(two, two[1:])


def test_the_interval_of_a_difference_covers_it() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for trial in range(60):
        noise = rng.normal(1.0, 2.0, 40)
        found = paired_difference(np.zeros(40), noise, samples=2000, seed=trial)
        assert found.low < found.mean < found.high
        covered += found.low < 1.0 < found.high
    assert covered >= 50  # of 60 at 95 %, the bootstrap being a little narrow


def test_unknown_figures_are_left_out_of_a_difference() -> None:
    found = paired_difference([1, np.nan, 3], [2, 5, 4])
    assert (found.mean, found.images) == (1, 2)
    assert paired_difference([np.nan], [1.0]).images == 0
